package db

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vaktreffen/vaktreffen/db/wording"
)

// What organisers write to those they invite: Markdown with fields, as package wording reads it, in one text for everybody or in one
// for each language. Readers of a language without a text get the English one, else the first.

// InvitationTextInput is what an organiser writes to the readers of a language.
type InvitationTextInput struct {
	Language Locale
	Subject  *string
	Message  string
}

// CampaignText is what a campaign says to the readers of a language.
type CampaignText struct {
	Language Locale `json:"language"` // "": it is for everybody, and nobody said in which language it is
	Subject  string `json:"subject"`  // "": the ordinary one
	Message  string `json:"message"`
}

// TextFor returns what the campaign says to the readers of a language.
func (c *Campaign) TextFor(reader Locale) CampaignText {
	if len(c.Texts) == 0 {
		return CampaignText{Message: c.Message}
	}
	for _, language := range []Locale{reader, English} {
		if i := slices.IndexFunc(c.Texts, func(t CampaignText) bool { return t.Language == language }); i >= 0 {
			return c.Texts[i]
		}
	}
	return c.Texts[0]
}

// The limits of a text, in characters.
const (
	maxMessage     = 5000
	maxTextSubject = 150 // with the values of its fields it has to stay one that people read
)

// WithPublicURL says where people reach the pages, so that personal links to them are known for what they are.
func WithPublicURL(address string) Option {
	return func(d *DB) { d.personal = wording.NewPersonalLinks(address) }
}

// campaignWords are the texts of an input.
type campaignWords struct {
	message string
	texts   []CampaignText
	read    []readText
}

// readText is a text of an input and which one it is.
type readText struct {
	language Locale
	field    string // of the input, without what follows the last point
	index    *int   // nil for the one to everybody
	subject  *wording.Subject
	message  *wording.Text
}

func (r *readText) problem(code ErrorCode, part, format string, args ...any) *Error {
	p := problem(code, strings.TrimSuffix(r.field+"."+part, "."), format, args...)
	p.Index = r.index
	return p
}

// words reads the texts of an input, and refuses what must not be sent to anybody.
func (d *DB) words(message *string, texts []InvitationTextInput) (w campaignWords, problems Errors) {
	if message != nil {
		w.message = strings.TrimSpace(*message)
		if len(texts) > 0 {
			problems = append(problems, problem(CodeInvalid, "input.message", "Give either one message for everybody or a text for each language."))
		}
		r := readText{field: "input.message"}
		problems = append(problems, d.readMessage(&r, "", *message)...)
		w.read = append(w.read, r)
	}
	for i, text := range texts {
		r := readText{language: text.Language, field: fmt.Sprintf("input.texts.%d", i), index: &i}
		if !slices.Contains([]Locale{Dutch, German, English}, text.Language) {
			problems = append(problems, r.problem(CodeInvalid, "language", "%q is not a language mails are written in; use nl, de or en.", shorten(string(text.Language))))
		} else if slices.ContainsFunc(w.texts, func(t CampaignText) bool { return t.Language == text.Language }) {
			problems = append(problems, r.problem(CodeInvalid, "language", "There are two texts in %s; keep one of them.", text.Language))
		}
		one := CampaignText{Language: text.Language, Message: strings.TrimSpace(text.Message)}
		if text.Subject != nil {
			one.Subject = strings.TrimSpace(*text.Subject)
			problems = append(problems, d.readSubject(&r, *text.Subject)...)
		}
		problems = append(problems, d.readMessage(&r, "message", text.Message)...)
		w.texts, w.read = append(w.texts, one), append(w.read, r)
	}
	return w, problems
}

const personalLink = "This holds a personal link: whoever opens it acts for the one person whom it was mailed to, and this would mail it to many. " +
	"Leave it out. Every mail has its reader's own link in its button."

func (d *DB) readMessage(r *readText, part, message string) (problems Errors) {
	if n := utf8.RuneCountInString(message); n > maxMessage {
		return Errors{r.problem(CodeTooLarge, part, "Use at most %d characters; these are %d.", maxMessage, n)}
	}
	if hasControl(strings.NewReplacer("\n", "", "\r", "", "\t", "").Replace(message)) || !utf8.ValidString(message) {
		return Errors{r.problem(CodeInvalid, part, "Leave out control characters.")}
	}
	var wrong []string
	r.message, wrong = wording.Read(message)
	for _, sentence := range wrong {
		problems = append(problems, r.problem(CodeInvalid, part, "%s", sentence))
	}
	if d.personal.In(r.message) {
		problems = append(problems, r.problem(CodeInvalid, part, personalLink))
	}
	return problems
}

func (d *DB) readSubject(r *readText, subject string) (problems Errors) {
	if n := utf8.RuneCountInString(subject); n > maxTextSubject {
		return Errors{r.problem(CodeTooLarge, "subject", "Use at most %d characters; these are %d.", maxTextSubject, n)}
	}
	invisible := func(c rune) bool { return unicode.Is(unicode.Cf, c) && c != '\u00ad' && c != '\u200d' } // those two, words and emoji have
	if hasControl(subject) || !utf8.ValidString(subject) || strings.ContainsFunc(subject, invisible) {
		return Errors{r.problem(CodeInvalid, "subject", "Write the subject on one line, without control characters.")}
	}
	if strings.TrimSpace(subject) == "" {
		return Errors{r.problem(CodeRequired, "subject", "Write a subject, or leave it out altogether for the ordinary one.")}
	}
	var wrong []string
	r.subject, wrong = wording.ReadSubject(subject)
	for _, sentence := range wrong {
		problems = append(problems, r.problem(CodeInvalid, "subject", "%s", sentence))
	}
	if d.personal.InSubject(r.subject) {
		problems = append(problems, r.problem(CodeInvalid, "subject", personalLink))
	}
	return problems
}

// uses reports whether any of the texts names the field.
func (w campaignWords) uses(f wording.Field) bool {
	return slices.ContainsFunc(w.read, func(r readText) bool {
		return r.subject != nil && r.subject.Uses(f) || r.message != nil && r.message.Uses(f)
	})
}

// unknown finds fields that would stay empty in a mail, to the readers given.
func (w campaignWords) unknown(t *target, answerBy bool, readers []*Person) (problems Errors) {
	campaign := &Campaign{Message: w.message, Texts: w.texts}
	nowhere := map[Locale][]*Person{} // those without an organisation, by the language of their text
	for _, p := range readers {
		if p.WorksFor() == "" {
			language := campaign.TextFor(p.Language).Language
			nowhere[language] = append(nowhere[language], p)
		}
	}
	for _, r := range w.read {
		missing := func(f wording.Field, format string, args ...any) {
			if r.subject != nil && r.subject.Uses(f) {
				problems = append(problems, r.problem(CodeRequired, "subject", format, args...))
			}
			if r.message != nil && r.message.Uses(f) {
				part := "message"
				if r.index == nil {
					part = ""
				}
				problems = append(problems, r.problem(CodeRequired, part, format, args...))
			}
		}
		if t.venue == "" {
			missing(wording.Venue, "The venue is not known yet, so {venue} has nothing to show. Leave it out, or enter the venue first.")
		}
		if !answerBy {
			missing(wording.AnswerBy, "There is no date to answer by, so {answerBy} has nothing to show. Leave it out, or say until when people can answer.")
		}
		if who := nowhere[r.language]; len(who) > 0 {
			missing(wording.Organisation, "Of %d who get this text it is not known whom they work for, so {organisation} has nothing to show; the first is %s. Leave the field out, or name their organisations.",
				len(who), shorten(who[0].Name))
		}
	}
	return problems
}
