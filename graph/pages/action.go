package pages

import (
	"fmt"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
)

// actionWords are what the page of somebody's actions says in one language.
type actionWords struct {
	For, Title, Open, Nothing, Closed, Agreed, Due, NoDate, Late, Owner, OtherDate, Note, Done, Save, Reopen, Readers, Problem, NoteWrong string
	States                                                                                                                                map[db.ActionStatus]string
}

// TypedAction is the form of an action that came back with problems.
type TypedAction struct {
	Action      db.ID
	DueOn, Note string
	Problems    []*db.Error
}

type actionPage struct {
	head
	Tongue       *tongue
	Words        *actionWords
	For          string
	Problems     []string
	Open, Closed []ownAction
}

type ownAction struct {
	ID, Description, State string
	Facts                  []fact
	DueOn, Note            string
}

// Actions returns the page on which somebody says how the own actions stand.
func Actions(own *db.OwnActions, typed TypedAction, language db.Locale) ([]byte, error) {
	w, t := actionTongues()[language], tongues()[language]
	p := &actionPage{Tongue: t, Words: w, For: fmt.Sprintf(w.For, own.Person.Name)}
	for _, problem := range typed.Problems {
		p.Problems = append(p.Problems, w.problem(problem))
	}
	row := func(a *db.ReportAction) ownAction {
		o := ownAction{ID: a.ID.String(), Description: a.Description(&language), State: w.States[a.Status], Note: a.Remark}
		add := func(label, value string) {
			if value != "" {
				o.Facts = append(o.Facts, fact{label, value})
			}
		}
		due := w.NoDate
		if a.DueOn != nil {
			o.DueOn, due = string(*a.DueOn), t.date(a.DueOn.Time())
			if a.Status == db.ActionOpen && *a.DueOn < own.Today {
				due = fmt.Sprintf(w.Late, due)
			}
		}
		add(w.Due, due)
		if a.Report.Edition != nil {
			add(w.Agreed, a.Report.Edition.Title)
		}
		add(w.Owner, name(a.Owner()))
		if a.ID == typed.Action && len(typed.Problems) > 0 {
			o.DueOn, o.Note = typed.DueOn, typed.Note
		}
		return o
	}
	for _, a := range own.Open {
		p.Open = append(p.Open, row(a))
	}
	for _, a := range own.Closed {
		p.Closed = append(p.Closed, row(a))
	}
	p.head = framed(language, w.Title)
	if len(p.Problems) > 0 {
		p.head.Title = w.Problem + " " + p.head.Title
	}
	return execute("action", p)
}

// problem says in the reader's language what was wrong with the form.
func (w *actionWords) problem(problem *db.Error) string {
	if strings.Join(problem.Field, ".") == "input.note" {
		return w.NoteWrong
	}
	return w.Problem
}

func actionTongues() map[db.Locale]*actionWords {
	return map[db.Locale]*actionWords{
		db.Dutch: {
			For: "Acties van %s", Title: "Mijn acties", Open: "Nog te doen", Nothing: "U heeft geen openstaande acties.", Closed: "Afgerond of vervallen",
			Agreed: "Afgesproken op", Due: "Uiterlijk", NoDate: "geen datum afgesproken", Late: "%s (te laat)", Owner: "Wie", OtherDate: "Andere datum",
			Note: "Opmerking", Done: "Dit is klaar", Save: "Datum en opmerking opslaan", Reopen: "Toch nog te doen", Problem: "Niet opgeslagen.", NoteWrong: "Gebruik voor de opmerking gewone tekst van ten hoogste 2000 tekens.",
			Readers: "Uw opmerking is te lezen voor de organisatoren en voor wie bij de bijeenkomst was.",
			States:  map[db.ActionStatus]string{db.ActionDone: "Klaar", db.ActionDropped: "Vervallen"},
		},
		db.German: {
			For: "Aufgaben von %s", Title: "Meine Aufgaben", Open: "Noch zu tun", Nothing: "Sie haben keine offenen Aufgaben.", Closed: "Erledigt oder entfallen",
			Agreed: "Vereinbart bei", Due: "Bis", NoDate: "kein Termin vereinbart", Late: "%s (überfällig)", Owner: "Wer", OtherDate: "Anderer Termin",
			Note: "Notiz", Done: "Das ist erledigt", Save: "Termin und Notiz speichern", Reopen: "Doch noch zu tun", Problem: "Nicht gespeichert.", NoteWrong: "Schreiben Sie die Notiz als einfachen Text mit höchstens 2000 Zeichen.",
			Readers: "Ihre Notiz können die Organisation und alle lesen, die an der Veranstaltung teilgenommen haben.",
			States:  map[db.ActionStatus]string{db.ActionDone: "Erledigt", db.ActionDropped: "Entfallen"},
		},
		db.English: {
			For: "Actions of %s", Title: "My actions", Open: "Still to be done", Nothing: "You have no open actions.", Closed: "Done or dropped",
			Agreed: "Agreed at", Due: "By", NoDate: "no date was agreed", Late: "%s (overdue)", Owner: "Who", OtherDate: "Another date",
			Note: "Note", Done: "This is done", Save: "Save date and note", Reopen: "Still to be done after all", Problem: "Not saved.", NoteWrong: "Write the note as plain text of at most 2000 characters.",
			Readers: "The organisers and those who were at the meeting can read your note.",
			States:  map[db.ActionStatus]string{db.ActionDone: "Done", db.ActionDropped: "Dropped"},
		},
	}
}
