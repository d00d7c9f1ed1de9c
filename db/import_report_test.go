package db_test

import (
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// withReport is the content with a report of the edition "past".
func withReport() *programme.File {
	file := content()
	for n := range file.Editions {
		if e := &file.Editions[n]; e.Key == "past" {
			e.Sessions = []programme.Session{{Key: "round", Kind: "CLOSING", Title: "Round of questions", Day: "2026-05-20"}}
			e.Report = &programme.Report{
				Status: "PUBLISHED", PublishedOn: "2026-06-01", Language: "de", Summary: "Gut besucht.",
				Translations: []programme.Translation{{Language: "nl", Summary: "Goed bezocht."}},
				Attended:     []string{"anna", "dieter", "emma"},
				Items: []programme.Item{{Session: "round", Findings: []string{"Erstens", "Zweitens"}, Questions: []programme.Asked{{
					Text: "Wer kennt sich aus?", AskedBy: "bremen", Person: "bettina", Status: "OPEN", Offers: []programme.Offer{{Organisation: "oldenburg", Note: "Wir."}},
				}}}, {Materials: []programme.Material{{Title: "Folien", URL: "https://example.org/"}}}},
				Actions: []programme.Action{{Description: "Nachfragen", Owner: "groningen", Person: "olga", Due: "2026-09-01", Status: "OPEN"}},
			}
		}
	}
	return file
}

func TestImportBeginsReports(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importFile(t, withReport())
		read := func() *db.Report {
			e, err := w.Edition(t.Context(), w.olga, *w.edition(t, "past"), db.Shape{"report": wholeReport})
			if err != nil || e.Report == nil {
				t.Fatalf("no report: %v", err)
			}
			return e.Report
		}
		r, dutch := read(), db.Dutch
		if r.Status != db.ReportPublished || r.PublishedAt == nil || r.PublishedAt.Format("2006-01-02 15:04") != "2026-05-31 22:00" {
			t.Errorf("status: %s, %v", r.Status, r.PublishedAt)
		}
		if r.Summary(nil) != "Gut besucht." || r.Summary(&dutch) != "Goed bezocht." || r.Attendance.Attended != 3 || r.Attendance.Organisations[0].People != 2 {
			t.Errorf("%q, %q, %+v", r.Summary(nil), r.Summary(&dutch), r.Attendance)
		}
		if len(r.Items) != 2 || len(r.Items[0].Findings(nil)) != 2 || r.Items[0].Questions[0].Offers[0].Note != "Wir." || len(r.Items[1].Materials) != 1 {
			t.Errorf("items: %+v", r.Items)
		}
		if len(r.Actions) != 1 || r.Actions[0].Description(nil) != "Nachfragen" || *r.Actions[0].DueOn != "2026-09-01" || r.Actions[0].Person == nil {
			t.Errorf("actions: %+v", r.Actions)
		}
		again := withReport()
		for n := range again.Editions {
			if r := again.Editions[n].Report; r != nil {
				r.Summary, r.Attended = "Anders.", nil
			}
		}
		w.importFile(t, again)
		if after := read(); after.ID != r.ID || after.Summary(nil) != "Gut besucht." || len(after.Actions) != 1 || after.Attendance.Attended != 3 {
			t.Errorf("a second import has changed a report that belongs to its editors: %+v", after)
		}
	})
}

func TestImportBeginsDescriptionsOfPractices(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		file := content()
		file.Partnerships[0].Practices = []programme.Practice{{
			Title: "How we meet", Language: "de", Description: "Reihum.", Partners: []string{"oldenburg", "groningen"},
			Budget: &programme.Money{AmountMinor: 200000, Currency: "EUR"}, Term: "seit 2009", Pitfalls: []string{"Zu spät anfangen"},
		}}
		read := func() *db.PracticeDescription {
			t.Helper()
			p, err := w.Partnership(t.Context(), db.Actor{}, *w.id(t, "partnerships", "neighbours"), db.Shape{"practices": {"partners": nil}})
			if err != nil || len(p.Practices) != 1 {
				t.Fatalf("practices: %v, %+v", err, p.Practices)
			}
			return p.Practices[0]
		}
		w.importFile(t, file)
		p := read()
		if p.Status != db.PracticePublished || p.Description != "Reihum." || len(p.Partners()) != 2 || p.Budget().AmountMinor != 200000 || len(p.Pitfalls) != 1 {
			t.Errorf("%+v", p)
		}
		file.Partnerships[0].Practices[0].Description = "Anders."
		w.importFile(t, file)
		if again := read(); again.ID != p.ID || again.Description != "Reihum." {
			t.Errorf("a second import has changed a description that belongs to its editors: %+v", again)
		}
	})
}
