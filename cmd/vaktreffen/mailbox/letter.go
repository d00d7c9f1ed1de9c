package mailbox

import (
	"bytes"

	"github.com/jhillyerd/enmime/v2"
)

// letter is a mail taken apart.
type letter struct {
	Text        string       `json:"text"`
	HTML        string       `json:"html"`
	Calendar    []string     `json:"calendar"`
	Attachments []attachment `json:"attachments"`
	// Problems are what of the mail could not be read, in English sentences.
	Problems []string `json:"problems"`
}

type attachment struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int    `json:"size"` // bytes, decoded
}

// open takes a mail apart, as far as it can be read.
func (m *mail) open() letter {
	l := letter{Calendar: []string{}, Attachments: []attachment{}, Problems: []string{}}
	if intricate(m.raw) {
		l.Problems = append(l.Problems, "This mail has too many parts to be taken apart. Its source is all there is to see.")
		return l
	}
	// The detection takes UTF-8 with few umlauts for something else: the declared character set is the better guess.
	parser := enmime.NewParser(enmime.DisableTextConversion(true), enmime.DisableCharacterDetection(true),
		enmime.MaxStoredPartErrors(10))
	envelope, err := parser.ReadEnvelope(bytes.NewReader(m.raw))
	if err != nil {
		l.Problems = append(l.Problems, "This mail cannot be taken apart: "+err.Error()+".")
		return l
	}
	l.Text, l.HTML = envelope.Text, envelope.HTML
	for _, problem := range envelope.Errors {
		l.Problems = append(l.Problems, problem.Name+": "+problem.Detail)
	}
	for _, part := range envelope.Root.DepthMatchAll(func(p *enmime.Part) bool { return p.FirstChild == nil }) {
		if part.ContentType == "text/calendar" {
			l.Calendar = append(l.Calendar, string(part.Content))
		}
		if part.FileName != "" || part.Disposition == "attachment" {
			l.Attachments = append(l.Attachments, attachment{part.FileName, part.ContentType, len(part.Content)})
		}
	}
	return l
}

// intricate says whether taking the mail apart could keep the machine busy: the parser's work doubles with every
// multipart within another.
func intricate(raw []byte) bool {
	const maxMultiparts, maxBoundaries = 10, 1000
	return bytes.Count(bytes.ToLower(raw), []byte("multipart/")) > maxMultiparts ||
		bytes.Count(raw, []byte("\n--")) > maxBoundaries
}
