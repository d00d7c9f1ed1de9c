package programme

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// A place is where a value stands in a file: a field of a parent, or an item of one. The file itself is nil.
// A place is cheap to make and is written out only when something is wrong there.
type place struct {
	parent *place
	step   step
}

// A step leads from a value to one inside it: to a field, or when that is "", to an item.
type step struct {
	field string
	item  int
}

func (p *place) field(name string) *place { return &place{parent: p, step: step{field: name}} }
func (p *place) item(i int) *place        { return &place{parent: p, step: step{item: i}} }

// String writes the place as a path: "editions[0].sessions[3].starts".
func (p *place) String() string {
	return string(p.append(nil))
}

func (p *place) append(path []byte) []byte {
	if p == nil {
		return path
	}
	path = p.parent.append(path)
	if p.step.field == "" {
		path = append(path, '[')
		path = strconv.AppendInt(path, int64(p.step.item), 10)
		return append(path, ']')
	}
	if len(path) > 0 {
		path = append(path, '.')
	}
	if keyPattern.MatchString(strings.ToLower(p.step.field)) {
		return append(path, p.step.field...)
	}
	return strconv.AppendQuote(path, p.step.field) // no field of the format: it may hold anything
}

// A mark is a place together with the offset it was found at in the source.
type mark struct {
	steps  map[step]*mark
	parent *mark
	offset int // -1: not there
}

// locate finds the offsets of places in the source, in one pass over it. A place that isn't there, such as that
// of a missing field, has the offset of what surrounds it. The source must be valid JSON.
func locate(source []byte, places []*place) []int {
	marks := &mark{}
	wanted := make([]*mark, len(places))
	for i, p := range places {
		wanted[i] = marks.add(p)
	}
	r := reader{data: source}
	r.locate(marks)
	offsets := make([]int, len(places))
	for i, m := range wanted {
		for m.offset < 0 {
			m = m.parent
		}
		offsets[i] = m.offset
	}
	return offsets
}

// add gives the mark of a place under the mark of the file.
func (m *mark) add(p *place) *mark {
	if p == nil {
		return m
	}
	parent := m.add(p.parent)
	found := parent.steps[p.step]
	if found == nil {
		found = &mark{parent: parent, offset: -1}
		if parent.steps == nil {
			parent.steps = map[step]*mark{}
		}
		parent.steps[p.step] = found
	}
	return found
}

// locate reads one value and notes the offsets of the marks in it.
func (r *reader) locate(m *mark) {
	first := r.peek()
	m.offset = r.pos
	visit := func(s step) {
		if inner := m.steps[s]; inner != nil {
			r.locate(inner)
		} else {
			r.raw()
		}
	}
	switch {
	case len(m.steps) > 0 && first == '{':
		r.fields(func(name string) { visit(step{field: name}) })
	case len(m.steps) > 0 && first == '[':
		r.items(func(i int) { visit(step{item: i}) })
	default:
		r.raw()
	}
}

// lines gives the line, from 1, of each offset in the source.
func lines(source []byte, offsets []int) []int {
	order := make([]int, len(offsets))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(offsets[a], offsets[b]) })
	result := make([]int, len(offsets))
	line, pos := 1, 0
	for _, i := range order {
		for ; pos < offsets[i]; pos++ {
			if source[pos] == '\n' {
				line++
			}
		}
		result[i] = line
	}
	return result
}
