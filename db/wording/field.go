package wording

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Field is something about the reader or the meeting that a text names in braces: "Dear {name}".
type Field string

// The fields. Each may also be named in Dutch and German.
const (
	Name         Field = "name"         // of the reader
	Organisation Field = "organisation" // that the reader works for
	Meeting      Field = "meeting"      // its title
	Date         Field = "date"         // of the meeting: its days, or the year when nothing else is known
	Venue        Field = "venue"        // of the meeting, with its address
	AnswerBy     Field = "answerBy"     // until when the invitation can be answered
)

// spelling is one way to name a field.
type spelling struct {
	text  string
	field Field
}

// spellings lists every way to name a field, those of one language after those of another.
func spellings() []spelling {
	return []spelling{
		{"name", Name}, {"organisation", Organisation}, {"meeting", Meeting}, {"date", Date}, {"venue", Venue}, {"answerBy", AnswerBy},
		{"naam", Name}, {"organisatie", Organisation}, {"bijeenkomst", Meeting}, {"datum", Date}, {"locatie", Venue}, {"antwoordVoor", AnswerBy},
		{"veranstaltung", Meeting}, {"ort", Venue}, {"antwortBis", AnswerBy}, {"organization", Organisation},
	}
}

// maxFieldName is how far a brace is looked for that closes another, in bytes.
const maxFieldName = 60

const escapeHint = `For a brace itself, write a backslash before it: \{.`

// readField reads the brace that the text starts with: which field it and its partner name, and how many bytes that takes. The
// problem says what is wrong with them, "" when nothing is.
func readField(text string) (field Field, length int, problem string) {
	if text[0] == '}' {
		return "", 1, "A brace } closes nothing here. Write a field as {name}. " + escapeHint
	}
	open := 1
	for open < len(text) && text[open] == '{' {
		open++
	}
	end := strings.IndexAny(text[open:min(len(text), open+maxFieldName)], "{}\n")
	if end < 0 || text[open+end] != '}' {
		return "", open, fmt.Sprintf("The brace before %q is not closed. Write a field as {name}. %s", shorten(text[open:]), escapeHint)
	}
	name, length := strings.TrimSpace(text[open:open+end]), open+end+1
	for closed := 1; closed < open && length < len(text) && text[length] == '}'; closed++ {
		length++
	}
	known, near := lookUp(name)
	switch {
	case known == "":
		return "", length, unknown(name, near)
	case open > 1:
		return "", length, fmt.Sprintf("Write one brace on each side of a field: {%s}.", name)
	}
	return known, length, ""
}

// lookUp finds the field of a name whatever its case, and the spelling that is nearest to a name of none.
func lookUp(name string) (_ Field, near string) {
	plain, best := plainName(name), len(name)/2+1
	for _, s := range spellings() {
		spelled := plainName(s.text)
		if spelled == plain {
			return s.field, ""
		}
		if d := distance(plain, spelled); d < best {
			near, best = s.text, d
		}
	}
	return "", near
}

// unknown says that a name is that of no field.
func unknown(name, near string) string {
	var fields []string
	for _, s := range spellings()[:6] {
		fields = append(fields, "{"+s.text+"}")
	}
	meant := ""
	if near != "" {
		meant = "Did you mean {" + near + "}? "
	}
	return fmt.Sprintf("{%s} is no field. %sThe fields are %s and %s. %s", shorten(name), meant, strings.Join(fields[:5], ", "), fields[5], escapeHint)
}

// plainName leaves out of a name what people write in different ways.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// distance is how many letters have to be added, left out or replaced to make one word of the other.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range to {
			replaced := diagonal
			if x != y {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}

func shorten(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if runes := []rune(text); len(runes) > 30 {
		return string(runes[:30]) + "…"
	}
	return text
}

// Subject is the subject of a mail: plain text with fields.
type Subject struct{ parts []part }

// part is either a text or a field.
type part struct {
	text  string
	field Field
}

// ReadSubject reads a subject. What it returns holds only when there are no problems; each of those is a whole sentence that says
// what to do.
func ReadSubject(text string) (*Subject, []string) {
	s, problems := new(Subject), []string(nil)
	for text = strings.TrimSpace(text); text != ""; {
		next := strings.IndexAny(text, `\{}`)
		switch {
		case next < 0:
			s.parts, text = append(s.parts, part{text: text}), ""
		case next > 0:
			s.parts, text = append(s.parts, part{text: text[:next]}), text[next:]
		case text[0] == '\\':
			n := 1 // a backslash before anything else stands for itself
			if len(text) > 1 && strings.IndexByte(`\{}`, text[1]) >= 0 {
				text, n = text[1:], 1
			}
			s.parts, text = append(s.parts, part{text: text[:n]}), text[n:]
		default:
			field, n, problem := readField(text)
			if problem != "" {
				problems = append(problems, problem)
			}
			s.parts, text = append(s.parts, part{field: field}), text[n:]
		}
	}
	return s, problems
}

// Uses reports whether the subject names the field.
func (s *Subject) Uses(f Field) bool {
	return slices.ContainsFunc(s.parts, func(p part) bool { return p.field == f })
}

// Text writes the subject with the values of its fields. A value may be any text: whoever makes a header of it keeps line breaks out.
func (s *Subject) Text(value func(Field) string) string {
	var b strings.Builder
	for _, p := range s.parts {
		if p.field != "" {
			b.WriteString(value(p.field))
		}
		b.WriteString(p.text)
	}
	return b.String()
}
