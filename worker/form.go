package worker

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"slices"
	"strings"
	"time"
)

// gapped is a text with gaps for what is the reader's own.
type gapped []span

// span is what stands before a gap, and the number of the own value that fills it; after the last span there is no gap.
type span struct {
	text string
	gap  int
}

const noGap = -1

// cut opens a gap wherever the text holds a mark.
func cut(text string, marks own) (g gapped) {
	for {
		first, at := noGap, len(text)
		for i, mark := range marks {
			if found := strings.Index(text, mark); found >= 0 && found < at {
				first, at = i, found
			}
		}
		g = append(g, span{text[:at], first})
		if first == noGap {
			return g
		}
		text = text[at+len(marks[first]):]
	}
}

// fill appends the text with own values in its gaps.
func (g gapped) fill(to []byte, values *own) []byte {
	for _, s := range g {
		to = append(to, s.text...)
		if s.gap != noGap {
			to = append(to, values[s.gap]...)
		}
	}
	return to
}

func (g gapped) string(values *own) string {
	size := 0
	for _, s := range g {
		size += len(s.text)
		if s.gap != noGap {
			size += len(values[s.gap])
		}
	}
	return string(g.fill(make([]byte, 0, size), values))
}

// form is a draft as it goes over the wire, encoded once: of a mail, only its own header fields and the lines with gaps are left
// to write. What it writes is what seal writes.
type form struct {
	pieces []piece
	size   int // of the pieces that are the same for all
}

// piece is one of: bytes that are the same for all, a header field of the reader's own, a line with gaps.
type piece struct {
	fixed []byte
	field string
	line  gapped
	html  bool // the line is of the part in HTML
}

// newForm encodes the draft of which a message was made.
func newForm(m *Message) (*form, error) {
	blank := *m
	blank.draft = nil
	blank.Text, blank.HTML = rand.Text(), rand.Text() // of letters and digits, so that they look the same on the wire
	wire, err := blank.seal()
	if err != nil {
		return nil, err
	}
	head, rest, _ := bytes.Cut(wire.body, []byte("\r\n\r\n"))
	beforeHTML, end, ok := bytes.Cut(rest, []byte(blank.HTML))
	start, between, found := bytes.Cut(beforeHTML, []byte(blank.Text))
	if !ok || !found {
		return nil, fmt.Errorf("a draft of kind %s has other parts than a text and a page", m.Kind)
	}
	f := new(form)
	f.addHead(append(head, "\r\n"...), len(m.draft.subject) == 1)
	f.fixed([]byte("\r\n"))
	f.fixed(start)
	f.addLines(m.draft.text, false, m.draft.marks)
	f.fixed(between)
	f.addLines(m.draft.html, true, m.draft.marks)
	f.fixed(end)
	return f, nil
}

// ownFields are the header fields that are the reader's own.
var ownFields = []string{"Date", "Message-ID", "Subject", "To", "List-Unsubscribe"}

func (f *form) addHead(head []byte, sameSubject bool) {
	private := false
	for line := range bytes.Lines(head) {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			field := string(name)
			if private = slices.Contains(ownFields, field) && !(sameSubject && field == "Subject"); private {
				f.pieces = append(f.pieces, piece{field: field})
			}
		}
		if !private {
			f.fixed(line)
		}
	}
}

// addLines encodes the lines without gaps. Each line is encoded for itself, and comes out as it does among others.
func (f *form) addLines(text gapped, html bool, marks own) {
	for line := range strings.Lines(text.string(&marks)) {
		if parts := cut(line, marks); len(parts) > 1 {
			f.pieces = append(f.pieces, piece{line: parts, html: html})
			continue
		}
		var b bytes.Buffer
		encoder := quotedprintable.NewWriter(&b)
		_, _ = encoder.Write([]byte(line)) // to memory
		_ = encoder.Close()
		f.fixed(b.Bytes())
	}
}

func (f *form) fixed(content []byte) {
	f.size += len(content)
	if last := len(f.pieces) - 1; last >= 0 && f.pieces[last].field == "" && f.pieces[last].line == nil {
		f.pieces[last].fixed = append(f.pieces[last].fixed, content...)
		return
	}
	f.pieces = append(f.pieces, piece{fixed: slices.Clone(content)})
}

// write writes a message.
func (f *form) write(m *Message, to *netmail.Address) []byte {
	body := bytes.NewBuffer(make([]byte, 0, f.size+2048))
	encoder := quotedprintable.NewWriter(body)
	var line []byte
	for _, p := range f.pieces {
		switch {
		case p.field != "":
			field(body, p.field, m, to)
		case p.line != nil:
			values := &m.own.plain
			if p.html {
				values = &m.own.escaped
			}
			line = p.line.fill(line[:0], values)
			_, _ = encoder.Write(line) // to memory
			_ = encoder.Close()        // ends the line; the next one begins anew
		default:
			body.Write(p.fixed)
		}
	}
	return body.Bytes()
}

// field writes one of ownFields.
func field(body *bytes.Buffer, name string, m *Message, to *netmail.Address) {
	value := ""
	switch name {
	case "Date":
		value = m.Date.Format(time.RFC1123Z)
	case "Message-ID":
		value = "<" + m.MessageID + ">"
	case "Subject":
		value = mime.QEncoding.Encode("UTF-8", headerText(m.Subject, maxSubject))
	case "To":
		value = to.String()
	case "List-Unsubscribe": // one word
		body.WriteString("List-Unsubscribe: <" + m.ListUnsubscribe + ">\r\n")
		return
	}
	body.WriteString(name)
	body.WriteByte(':')
	left := 72 - len(name) // RFC 2047 section 2: lines of at most 76 characters; folded where go-mail folds
	for word := range strings.SplitSeq(value, " ") {
		if left-len(word) <= 1 {
			body.WriteString("\r\n")
			left = 73
		}
		body.WriteByte(' ')
		body.WriteString(word)
		left -= len(word) + 1
	}
	body.WriteString("\r\n")
}
