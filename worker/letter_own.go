package worker

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/wording"
)

// Words are what an organiser wrote for a letter.
type Words struct {
	Locale   string           // the language that they are in; "": nobody said
	Subject  *wording.Subject // nil: the ordinary one
	Message  *wording.Text    // nil: none
	Employer string           // whom the reader works for; "": not known
}

// Own is an organiser's message as a letter shows it.
type Own struct {
	Locale string // the language that it is in; "": that of the letter
	HTML   template.HTML
	Lines  []wording.Line
}

// ownPlace is a paragraph in whose place an organiser's message goes, and recordPlace one in whose place a report goes: private use
// in Unicode.
const (
	ownPlace    = "\uE002"
	recordPlace = "\uE003"
)

// maxOwnSubject is where an organiser's subject is cut before the reader's name is in it, so as never to cut in its place.
const maxOwnSubject = 20 * maxSubject

// wordsOf reads what a campaign says to the readers of a language. A reminder has words of its own. It fails only on what could not have been sent.
func wordsOf(m *db.Mail) (*Words, error) {
	if m.Delivery.Kind == db.MailReminder {
		return new(Words), nil
	}
	text := m.Campaign.TextFor(m.Person.Language)
	w := &Words{Locale: string(text.Language)}
	var problems []string
	if text.Subject != "" {
		w.Subject, problems = wording.ReadSubject(text.Subject)
	}
	if text.Message != "" {
		var more []string
		w.Message, more = wording.Read(text.Message)
		problems = append(problems, more...)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("the organiser's words: %s", strings.Join(problems, " "))
	}
	return w, nil
}

// wordsTo returns what an organiser wrote to an organisation. What fields or links would be refused for stays as it was typed: such a
// message was kept when fields meant nothing yet.
func wordsTo(g *db.Delegation) *Words {
	w := &Words{Employer: g.InvitedParty()}
	if g.Message == "" {
		return w
	}
	text, problems := wording.Read(g.Message)
	if len(problems) > 0 {
		text = wording.ReadRecord(g.Message)
	}
	w.Message = text
	return w
}

// own puts an organiser's words into the letter. What they mention is written in their language, the rest of the letter in the
// reader's.
func (l *Letters) own(letter *Letter, kind string, f Facts) {
	w := f.Words
	locale := cmp.Or(w.Locale, letter.Locale)
	value := fieldsIn(l.words[wordsKey{kind, locale}], l.tongues[locale], f)
	if w.Subject != nil {
		letter.Subject = oneLine(w.Subject.Text(value), maxOwnSubject)
	}
	if w.Message == nil {
		return
	}
	own := &Own{HTML: template.HTML(w.Message.MailHTML(value)), Lines: w.Message.Lines(value)} // which escapes everything but its own tags
	if locale != letter.Locale {
		own.Locale = locale
	}
	if i := slices.Index(letter.Paragraphs, ownPlace); i >= 0 {
		letter.Opening, letter.Paragraphs, letter.Own = letter.Paragraphs[:i], letter.Paragraphs[i+1:], own
	}
}

// record puts the summary of a report in its place.
func (l *Letter) record(f Facts) {
	i := slices.Index(l.Paragraphs, recordPlace)
	if i < 0 {
		return
	}
	text := wording.ReadRecord(f.Report)
	l.Record = &Own{HTML: template.HTML(text.MailHTML(nil)), Lines: text.Lines(nil)} // which escapes everything but its own tags
	if f.ReportLocale != l.Locale {
		l.Record.Locale = f.ReportLocale
	}
	l.Opening, l.Paragraphs = append(l.Opening, l.Paragraphs[:i]...), l.Paragraphs[i+1:]
}

// fieldsIn returns the values of fields in a language. None is empty: what came to be unknown after the words were accepted is
// named as such.
func fieldsIn(words *words, t *tongue, f Facts) func(wording.Field) string {
	return func(field wording.Field) string {
		open := words.labels["open"]
		switch field {
		case wording.Name:
			return oneLine(f.PersonName, maxName)
		case wording.Organisation:
			return cmp.Or(oneLine(f.Words.Employer, maxName), words.labels["own_organisation"])
		case wording.Meeting:
			return oneLine(f.Meeting.Title, maxSubject)
		case wording.Date:
			return cmp.Or(t.dates(f.Meeting), open)
		case wording.Venue:
			return cmp.Or(place(f.Meeting), open)
		case wording.AnswerBy:
			return cmp.Or(t.deadline(f.RespondBy), open)
		}
		return ""
	}
}

// yourOrganisation is how readers' organisations are called when it is not known which they are.
func (l *Letters) yourOrganisation(locale string) string {
	return l.words[wordsKey{KindInvitation, locale}].labels["own_organisation"]
}
