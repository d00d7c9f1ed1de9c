package programme

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"unicode/utf8"
)

// MaxSize is the size, in bytes, of the largest file that [Parse] reads.
const MaxSize = 64 << 20

// maxProblems is how many problems are reported of one file. More come from one mistake made throughout, and
// would only fill the memory.
const maxProblems = 10_000

// Parse reads a programme file and reports all its problems at once, sorted by line. The File is nil if there
// are any. It keeps data, which must not be changed afterwards.
//
// References to records outside the file aren't followed; see [File.Outside].
func Parse(data []byte) (*File, []Problem) {
	if len(data) > MaxSize {
		return nil, []Problem{{1, "", fmt.Sprintf("Split the file: it has %d bytes, and %d are the most that can be imported at once.", len(data), MaxSize)}}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if p, ok := syntax(data); !ok {
		return nil, []Problem{p}
	}
	f := &File{source: data}
	var r report
	d := decoder{reader: reader{data: data}, report: r.misread}
	d.value(reflect.ValueOf(f).Elem(), nil, 0)
	check(f, &r)
	if problems := r.problems(data); len(problems) > 0 {
		return nil, problems
	}
	return f, nil
}

// Check reports all problems of a file that was built in Go, in the order of its records, by the rules of
// [Parse]. Their lines are 0.
func Check(f *File) []Problem {
	var r report
	check(f, &r)
	return r.problems(nil)
}

// Outside lists the references to records that are not in this file, in its order. They have to be known from an
// earlier import; one that isn't is the [Reference.Unknown] problem.
func (f *File) Outside() []Reference {
	c := check(f, &report{})
	var outside []Reference
	var places []*place
	for _, ref := range c.references {
		if _, inside := c.keys[ref.kind][ref.key]; inside {
			continue
		}
		outside = append(outside, Reference{Kind: ref.kind, Key: ref.key, Path: ref.at.String()})
		places = append(places, ref.at)
	}
	if f.source == nil {
		return outside
	}
	for i, line := range lines(f.source, locate(f.source, places)) {
		outside[i].Line = line
	}
	return outside
}

// Unknown is the problem of a reference that points to nothing.
func (r Reference) Unknown() Problem {
	return Problem{r.Line, r.Path, fmt.Sprintf("Correct the key %q, or add the %s it means to this file; no %[2]s with this key is known.", r.Key, r.Kind)}
}

// syntax finds out whether data is JSON in UTF-8, and if not, where it stops to be.
func syntax(data []byte) (Problem, bool) {
	at := func(offset int) int { return 1 + bytes.Count(data[:offset], []byte("\n")) }
	if len(bytes.TrimSpace(data)) == 0 {
		return Problem{1, "", "Write a programme into the file; it is empty."}, false
	}
	err := json.Unmarshal(data, &anything{})
	if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
		// The offset counts the bytes read, the one that is wrong included.
		return Problem{at(max(int(bad.Offset)-1, 0)), "", fmt.Sprintf("Correct the JSON on this line: %s.", bad)}, false
	}
	for i, rest := 0, data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			return Problem{at(i), "", "Save the file in UTF-8; a character on this line is not."}, false
		}
		i, rest = i+size, rest[size:]
	}
	return Problem{}, true
}

// anything is any JSON value, not kept.
type anything struct{}

// UnmarshalJSON is called when the whole text was found to be JSON.
func (*anything) UnmarshalJSON([]byte) error { return nil }

// A report collects what is wrong with a file. The first thing wrong with a value counts: what follows from it
// would only distract.
type report struct {
	findings []finding
	misreads map[string]bool // paths of the values that could not be read
}

type finding struct {
	at      *place
	offset  int // -1: to be located
	message string
}

// misread reports a value that could not be read.
func (r *report) misread(at *place, offset int, message string) {
	if len(r.findings) >= maxProblems {
		return
	}
	r.findings = append(r.findings, finding{at, offset, message})
	if r.misreads == nil {
		r.misreads = map[string]bool{}
	}
	r.misreads[at.String()] = true
}

// add reports a value that breaks a rule, unless it, or what it stands in, could not be read.
func (r *report) add(at *place, message string) {
	if len(r.findings) >= maxProblems {
		return
	}
	if r.misreads != nil {
		for p := at; ; p = p.parent {
			if r.misreads[p.String()] {
				return
			}
			if p == nil {
				break
			}
		}
	}
	r.findings = append(r.findings, finding{at, -1, message})
}

// problems gives what was found: by line when there is a source, else as it was found.
func (r *report) problems(source []byte) []Problem {
	if len(r.findings) == maxProblems {
		r.findings[maxProblems-1] = finding{nil, len(source), "Correct the problems above and import again; there are more than can be shown at once."}
	}
	problems := make([]Problem, len(r.findings))
	for i, f := range r.findings {
		problems[i] = Problem{Path: f.at.String(), Message: f.message}
	}
	if source == nil {
		return problems
	}
	var unknown []*place
	for _, f := range r.findings {
		if f.offset < 0 {
			unknown = append(unknown, f.at)
		}
	}
	located := locate(source, unknown)
	offsets := make([]int, len(r.findings))
	for i, f := range r.findings {
		offsets[i] = f.offset
		if f.offset < 0 {
			offsets[i], located = located[0], located[1:]
		}
	}
	for i, line := range lines(source, offsets) {
		problems[i].Line = line
	}
	order := make([]int, len(problems))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(offsets[a], offsets[b]) })
	sorted := make([]Problem, len(problems))
	for i, j := range order {
		sorted[i] = problems[j]
	}
	return sorted
}
