package worker

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const textWidth = 72 // characters; leaves room for quoting in an answer

// Text lays the letter out as plain text, each link on a line of its own.
func (l *Letter) Text() string {
	var b strings.Builder
	block := func(text string) {
		for _, line := range lines(text) {
			b.WriteString(wrap(line, "", ""))
		}
		b.WriteByte('\n')
	}
	block(l.Greeting)
	for _, paragraph := range l.Opening {
		block(paragraph)
	}
	for _, own := range []*Own{l.Own, l.Record} {
		if own == nil {
			continue
		}
		for _, line := range own.Lines {
			b.WriteString(wrap(line.Text, line.Lead, line.Indent))
		}
		b.WriteByte('\n')
	}
	for _, paragraph := range l.Paragraphs {
		block(paragraph)
	}
	if len(l.Facts) > 0 {
		column := 0
		for _, fact := range l.Facts {
			column = max(column, utf8.RuneCountInString(fact.Label)+2)
		}
		indent := strings.Repeat(" ", column)
		for _, fact := range l.Facts {
			lead := fact.Label + ":" + indent[:column-1-utf8.RuneCountInString(fact.Label)]
			for _, line := range lines(fact.Value) {
				b.WriteString(wrap(line, lead, indent))
				lead = indent
			}
		}
		b.WriteByte('\n')
	}
	for i, action := range l.Actions {
		b.WriteString(action.Label + ":\n" + action.URL + "\n\n")
		if i == 0 && l.Note != "" {
			block(l.Note)
		}
	}
	block(l.Closing)
	b.WriteString("-- \n") // RFC 3676 section 4.3: what follows is not part of an answer
	b.WriteString(wrap(l.Footer, "", ""))
	if l.OptOut != nil {
		b.WriteString("\n" + l.OptOut.Label + ":\n" + l.OptOut.URL + "\n")
	}
	return b.String()
}

// HTML lays the letter out as a page of its own that loads nothing.
func (l *Letter) HTML() (string, error) {
	var b strings.Builder
	b.Grow(8 << 10)
	err := l.layout.Execute(&b, l)
	return b.String(), err
}

// wrap breaks a line between words; the first line starts with lead, the others with indent. A word longer than a
// line, such as a link, stays whole.
func wrap(line, lead, indent string) string {
	var b strings.Builder
	b.WriteString(lead)
	width := utf8.RuneCountInString(lead)
	empty := true
	for word := range strings.FieldsSeq(line) {
		length := utf8.RuneCountInString(word)
		switch {
		case empty:
		case width+1+length > textWidth:
			b.WriteString("\n" + indent)
			width = utf8.RuneCountInString(indent)
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += length
		empty = false
	}
	b.WriteByte('\n')
	return b.String()
}

// plainText keeps line breaks and drops every other control character.
func plainText(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}
