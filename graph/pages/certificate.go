package pages

import (
	"fmt"

	"github.com/vaktreffen/vaktreffen/db"
)

// certificateWords are what the page of a certificate says in one language.
type certificateWords struct {
	Certificate, Valid, Revoked, RevokedThen, Unknown, UnknownThen, Ask string
	Name, NameGone, Course, IssuedOn, Code, Check, OneDay, Days         string
}

type certificatePage struct {
	head
	Words                  *certificateWords
	Tongue                 *tongue
	News, Then, Mood, Code string
	Facts                  []fact
}

// Certificate returns the page on which a certificate is checked: what it says, or that there is none with the code. Without a code
// it asks for one.
func Certificate(c *db.Certificate, code string, language db.Locale) ([]byte, error) {
	w, t := certificateTongues()[language], tongues()[language]
	p := &certificatePage{Words: w, Tongue: t, Mood: "yes"}
	switch {
	case c == nil && code == "":
		p.Then = w.Ask
	case c == nil:
		p.News, p.Then, p.Mood, p.Code = w.Unknown, w.UnknownThen, "wait", code
	case c.RevokedAt != nil:
		p.News, p.Then, p.Mood = w.Revoked, w.RevokedThen, "wait"
	default:
		p.News = w.Valid
		p.describe(c)
	}
	p.head = framed(language, w.Certificate)
	if p.News != "" {
		p.Title = p.News + " " + p.Title
	}
	return execute("certificate", p)
}

func (p *certificatePage) describe(c *db.Certificate) {
	w, t := p.Words, p.Tongue
	m := meetingOf(nil, c.CourseRun)
	name := w.NameGone
	if c.Person != nil {
		name = c.Person.Name
	}
	days := w.OneDay
	if n := c.CourseRun.Course.Days; n != 1 {
		days = fmt.Sprintf(w.Days, n)
	}
	p.Facts = []fact{
		{w.Name, name}, {w.Course, m.title}, {t.When, t.when(m) + " (" + days + ")"}, {t.OfferedBy, m.host},
		{w.IssuedOn, t.date(c.IssuedAt.In(m.zone))}, {w.Code, c.PrintedCode()},
	}
}

func certificateTongues() map[db.Locale]*certificateWords {
	return map[db.Locale]*certificateWords{
		db.Dutch: {
			Certificate: "Certificaat", Valid: "Dit certificaat is geldig.", Revoked: "Dit certificaat is ingetrokken.",
			RevokedThen: "Het bewijst geen deelname meer.", Unknown: "Er is geen certificaat met deze code.", UnknownThen: "Vergelijk de code met die op het certificaat: zestien tekens; 0, O, 1, I, L en U komen niet voor.",
			Ask: "Vul de code in die op het certificaat staat.", Name: "Naam", NameGone: "niet meer bewaard", Course: "Opleiding", IssuedOn: "Afgegeven op", Code: "Code", Check: "Controleren",
			OneDay: "1 dag", Days: "%d dagen",
		},
		db.German: {
			Certificate: "Teilnahmebescheinigung", Valid: "Diese Bescheinigung ist gültig.", Revoked: "Diese Bescheinigung wurde zurückgezogen.",
			RevokedThen: "Sie belegt keine Teilnahme mehr.", Unknown: "Es gibt keine Bescheinigung mit diesem Code.", UnknownThen: "Vergleichen Sie den Code mit dem auf der Bescheinigung: sechzehn Zeichen; 0, O, 1, I, L und U kommen nicht vor.",
			Ask: "Geben Sie den Code ein, der auf der Bescheinigung steht.", Name: "Name", NameGone: "nicht mehr gespeichert", Course: "Kurs", IssuedOn: "Ausgestellt am", Code: "Code", Check: "Prüfen",
			OneDay: "1 Tag", Days: "%d Tage",
		},
		db.English: {
			Certificate: "Certificate", Valid: "This certificate is valid.", Revoked: "This certificate was revoked.",
			RevokedThen: "It no longer proves that anybody attended.", Unknown: "There is no certificate with this code.", UnknownThen: "Compare the code with the one on the certificate: sixteen characters, none of them 0, O, 1, I, L or U.",
			Ask: "Enter the code that is on the certificate.", Name: "Name", NameGone: "no longer kept", Course: "Course", IssuedOn: "Issued on", Code: "Code", Check: "Check",
			OneDay: "1 day", Days: "%d days",
		},
	}
}
