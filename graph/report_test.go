package graph_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withoutReports takes away the reports of the programmes.
func (h *house) withoutReports() {
	h.Helper()
	h.exec("UPDATE campaigns SET report_id = NULL")
	for _, table := range []string{"action_mails", "corrections", "report_readers", "materials", "report_actions", "help_offers", "report_questions", "report_texts", "reports"} {
		h.exec("DELETE FROM " + table)
	}
}

// writeReport writes a report of the edition of 2027 with something of everything in it, and puts it in review. It returns the id.
func (h *house) writeReport() string {
	h.Helper()
	var id string
	entry := func(mutation string, input vars) any {
		h.Helper()
		selection := "report { id }"
		switch mutation {
		case "addReportQuestion":
			selection = "report { items { questions { id } } }"
		case "saveReportText":
			selection = "text { version }"
		case "offerHelp":
			selection = "question { id }"
		case "proposeCorrection":
			selection = "correction { id }"
		}
		if mutation != "offerHelp" && id != "" {
			input["reportId"] = id
		}
		got, problems := h.mutate(organiser, mutation, selection, input)
		if problems != "" {
			h.Fatalf("%s: %s", mutation, problems)
		}
		return got
	}
	energy, sport := h.id("sessions", "energie"), h.id("sessions", "sport")
	oldenburg, asks := h.id("organisations", "oldenburg"), h.id("people", "olga-organisator")
	id, _ = at(entry("startReport", vars{"editionId": h.id("editions", "vaktreffen-2027")}), "report", "id").(string)
	entry("saveReportText", vars{"version": 0, "locale": "nl", "text": "Drie steden werken verder samen."})
	entry("saveReportText", vars{"version": 0, "locale": "nl", "partId": energy, "text": "Warmte kost ruimte.\nBremen deelt zijn kaarten."})
	asked := entry("addReportQuestion", vars{"locale": "nl", "sessionId": energy, "organisationId": oldenburg, "personId": asks, "text": "Wie heeft ervaring met warmtenetten?"})
	entry("offerHelp", vars{"questionId": at(asked, "report", "items", 0, "questions", 0, "id"), "note": "Wij bouwden er een."})
	entry("addMaterial", vars{"sessionId": sport, "title": "Sport in de wijk", "url": "https://example.org/sport"})
	entry("addReportAction", vars{"locale": "nl", "ownerId": oldenburg, "personId": asks, "dueOn": "2027-09-01", "description": "Werkbezoek plannen"})
	entry("reviewReport", vars{})
	entry("proposeCorrection", vars{"locale": "nl", "text": "Drie steden werken nauw samen."})
	h.exec(`INSERT INTO attendances (seats_id, person_id, organisation_id, walk_in, at) SELECT seats.id, people.id, people.organisation_id, FALSE,
		'2027-05-20 08:00:00+00:00' FROM seats, editions, people WHERE editions.id = edition_id AND editions.key = 'vaktreffen-2027' AND people.key = 'olga-organisator' ON CONFLICT DO NOTHING`)
	return id
}

// What frontends send of reports runs unchanged.
func TestReportsArePublishedAndRead(t *testing.T) {
	each(t, func(t *house) {
		report, document := t.writeReport(), operation(t, "report")
		edition := vars{"editionId": t.id("editions", "vaktreffen-2027")}
		if a := t.sendNamed(nobody, document, "Report", edition); len(a.Errors) > 0 || at(a.Data, "edition", "report") != nil {
			t.Errorf("a report in review: %s", a.body)
		}
		a := t.sendNamed(organiser, document, "PublishReport", vars{"input": vars{"idempotencyKey": "k", "reportId": report}})
		if len(a.Errors) > 0 || at(a.Data, "publishReport", "report", "status") != "PUBLISHED" || at(a.Data, "publishReport", "campaign", "total") != 1.0 {
			t.Fatalf("publishReport: %s", a.body)
		}
		a = t.sendNamed(nobody, document, "Report", edition)
		if len(a.Errors) > 0 {
			t.Fatal(a.body)
		}
		got, name := golden(a.Data), filepath.Join("testdata", "report.json")
		if *update && strings.HasSuffix(t.Name(), "sqlite") {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("differs from %s (-want +got):\n%s", name, diff)
		}
	})
}
