package db_test

import (
	"slices"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestAPublishedReportIsMailed(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.report(t)
		seats := w.seatsOf(t, "editions", "open")
		w.register(t, seats, "anna", "emma")
		publish := db.PublishReportInput{IdempotencyKey: "once", ReportID: r.ID}
		if _, _, err := w.PublishReport(t.Context(), w.olga, publish, nil, nil); code(err) != db.CodeRequired {
			t.Errorf("a report without a summary: %v", err)
		}
		w.save(t, w.olga, db.SaveReportTextInput{ReportID: r.ID, Locale: db.German, Text: "Gut besucht."})
		w.save(t, w.olga, db.SaveReportTextInput{ReportID: r.ID, Locale: db.Dutch, Text: "Goed bezocht."})
		preview := func(want int) {
			t.Helper()
			if preview, err := w.PreviewReport(t.Context(), w.olga, publish); err != nil || preview.Total != want {
				t.Errorf("a preview of %+v: %v, want %d", preview, err, want)
			}
		}
		preview(2) // nobody recorded who came: those with a place
		w.exec(t, "INSERT INTO attendances (seats_id, person_id, walk_in, at) VALUES (?, ?, ?, ?)", seats, w.people(t, "anna")[0], false, w.clock.Now())
		preview(1)
		if _, err := w.AskForReport(t.Context(), w.as(t, "dieter"), r.EditionID, nil); err != nil {
			t.Fatal(err)
		}
		preview(2)
		// Well after the meeting.
		w.clock.advance(w.clock.Now().AddDate(1, 0, 0).Sub(w.clock.Now()))
		if _, _, err := w.PublishReport(t.Context(), w.actor(t, "emma@example.org"), publish, nil, nil); code(err) != db.CodeNotFound {
			t.Errorf("a participant publishes: %v", err)
		}
		r, c, err := w.PublishReport(t.Context(), w.olga, publish, nil, nil)
		if err != nil || r.Status != db.ReportPublished || c == nil || c.Total != 2 {
			t.Fatalf("publish: %v, %+v, %+v", err, r, c)
		}
		_, again, err := w.PublishReport(t.Context(), w.olga, publish, nil, nil)
		if err != nil || again == nil || again.ID != c.ID {
			t.Errorf("the same again: %v, %+v", err, again)
		}
		if _, err := w.AskForReport(t.Context(), w.as(t, "carla"), r.EditionID, nil); code(err) != db.CodeConflict {
			t.Errorf("asking for what is there: %v", err)
		}
		publish.IdempotencyKey = "twice"
		if _, _, err := w.PublishReport(t.Context(), w.olga, publish, nil, nil); code(err) != db.CodeConflict {
			t.Errorf("published twice: %v", err)
		}
		mails := w.claimAll(t, db.Bulk)
		var told []string
		for _, m := range mails {
			told = append(told, *m.Person.Address+" "+m.Report)
			if m.Delivery.Kind != db.MailReport || m.Campaign.ReportID != r.ID || m.Edition == nil || m.Organiser == nil {
				t.Errorf("mail: %+v", m)
			}
		}
		if slices.Sort(told); !slices.Equal(told, []string{"anna@example.org Goed bezocht.", "dieter@example.org Gut besucht."}) {
			t.Errorf("mails: %q", told)
		}
		for _, m := range mails {
			w.settle(t, m.Outcome(db.ResultSent))
		}
		if c := w.campaign(t, c.ID); c.Sent != 2 || c.Status() != db.CampaignFinished {
			t.Errorf("the campaign: %+v", c)
		}
	})
}

func TestACancelledCampaignOfAReportStops(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.report(t)
		w.register(t, w.seatsOf(t, "editions", "open"), "anna", "emma")
		w.save(t, w.olga, db.SaveReportTextInput{ReportID: r.ID, Locale: db.German, Text: "Gut besucht."})
		later := w.clock.Now().Add(time.Hour)
		_, c, err := w.PublishReport(t.Context(), w.olga, db.PublishReportInput{IdempotencyKey: "once", ReportID: r.ID, SendAt: &later}, nil, nil)
		if err != nil || c.Status() != db.CampaignScheduled {
			t.Fatalf("publish: %v, %+v", err, c)
		}
		if c, err = w.CancelCampaign(t.Context(), w.olga, c.ID, nil); err != nil || c.Cancelled != 2 {
			t.Fatalf("cancel: %v, %+v", err, c)
		}
		w.clock.advance(2 * time.Hour)
		if mails := w.claimAll(t, db.Bulk); len(mails) > 0 {
			t.Errorf("%d mails leave", len(mails))
		}
		if e, err := w.Edition(t.Context(), db.Actor{}, r.EditionID, db.Shape{"report": nil}); err != nil || e.Report == nil {
			t.Errorf("the report is not public: %v, %v", e, err)
		}
	})
}

// A report goes out again to those whom it did not reach, long after the meeting, and to those too who want no invitations.
func TestTheMailsOfAReportAreTriedAgain(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.report(t)
		w.register(t, w.seatsOf(t, "editions", "open"), "anna", "emma")
		w.optOut(t, "anna@example.org")
		w.save(t, w.olga, db.SaveReportTextInput{ReportID: r.ID, Locale: db.German, Text: "Gut besucht."})
		w.clock.advance(400 * 24 * time.Hour)
		_, c, err := w.PublishReport(t.Context(), w.olga, db.PublishReportInput{IdempotencyKey: "once", ReportID: r.ID}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range w.claimAll(t, db.Bulk) {
			result := db.ResultSent
			if *m.Person.Address == "anna@example.org" {
				result = db.ResultFailed
			}
			w.settle(t, m.Outcome(result))
		}
		first := 10
		list := func(state *db.DeliveryState) []*db.Delivery {
			t.Helper()
			page, err := w.DeliveriesOf(t.Context(), w.olga, w.campaign(t, c.ID), db.Page{First: &first}, state, db.Shape{"person": nil})
			if err != nil {
				t.Fatal(err)
			}
			return page.Nodes
		}
		failed := db.Failed
		if all, some := list(nil), list(&failed); len(all) != 2 || len(some) != 1 || some[0].Person.Name != "Anna" {
			t.Errorf("deliveries: %+v, %+v", all, some)
		}
		if page, err := w.DeliveriesOf(t.Context(), w.outsider, w.campaign(t, c.ID), db.Page{First: &first}, nil, nil); page != nil || err != nil {
			t.Errorf("somebody else reads whom it went to: %v, %v", page, err)
		}
		again, retried, err := w.RetryFailed(t.Context(), w.olga, db.RetryFailedInput{CampaignID: c.ID}, nil)
		if err != nil || retried != 1 || again.Failed != 0 {
			t.Fatalf("trying again: %v, %d, %+v", err, retried, again)
		}
		mails := w.claimAll(t, db.Bulk)
		if len(mails) != 1 || *mails[0].Person.Address != "anna@example.org" {
			t.Fatalf("mails: %+v", mails)
		}
		w.settle(t, mails[0].Outcome(db.ResultSent))
		if after := w.campaign(t, c.ID); after.Sent != 2 || after.Status() != db.CampaignFinished {
			t.Errorf("the campaign: %+v", after)
		}
	})
}
