package db_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

// summaries sends what is queued for organisers and returns it.
func (w *world) summaries(t testing.TB, want int) []*db.Mail {
	t.Helper()
	_, started, err := w.StartDeliveries(t.Context(), db.Urgent, worker(), 100)
	if err != nil {
		t.Fatal(err)
	}
	mails := slices.DeleteFunc(started, func(m *db.Mail) bool { return m.Delivery.Kind != db.MailSummary })
	if len(mails) != want {
		t.Fatalf("%d summaries, want %d", len(mails), want)
	}
	for _, m := range mails {
		w.settle(t, m.Outcome(db.ResultSent))
	}
	return mails
}

func TestTheEndOfACampaignIsToldOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c, mails := w.ended(t)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := w.SweepCampaigns(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.sweepCampaigns(t, 0)
		m := w.summaries(t, 1)[0]
		if m.Person.Name != "Olga" || m.Campaign.ID != c.ID || m.Edition == nil {
			t.Errorf("the summary is to %s about %+v", m.Person.Name, m.Campaign)
		}
		want := db.Summary{Total: 8, Sent: 1, Failed: 4, Bounced: 1, Suppressed: 1, Uncertain: 1}
		got := *m.Summary
		got.Reasons = nil
		if !equalSummary(got, want) {
			t.Errorf("the summary says %+v", got)
		}
		reasons := []db.ReasonCount{
			{Reason: db.ReasonNoMailbox, Count: 2}, {Reason: db.ReasonConnectionLost, Count: 1}, {Reason: db.ReasonMailboxFull, Count: 1},
			{Reason: db.ReasonNotWanted, Count: 1}, {Reason: db.ReasonOftenReturned, Count: 1}, {Reason: db.ReasonRefused, Count: 1},
		}
		if !slices.Equal(m.Summary.Reasons, reasons) {
			t.Errorf("reasons %v", m.Summary.Reasons)
		}
		if n := query[int](t, w, "SELECT count(*) FROM summaries WHERE facts LIKE '%@%' OR facts LIKE '%Message refused%'"); n != 0 {
			t.Errorf("%d summaries hold the words of mail servers", n)
		}

		// Trying again is told by itself.
		w.retry(t, c.ID, false, 1)
		w.sweepCampaigns(t, 0)
		w.settle(t, w.start(t, db.Bulk, 10, worker(), 1)[0].Outcome(db.ResultUncertain))
		w.retry(t, c.ID, false, 0)
		w.sweepCampaigns(t, 1)
		w.sweepCampaigns(t, 0)
		m = w.summaries(t, 1)[0]
		want = db.Summary{Again: true, Total: 1, Uncertain: 1}
		got = *m.Summary
		got.Reasons = nil
		if !equalSummary(got, want) || m.Delivery.PersonID != mailsOrganiser(mails) {
			t.Errorf("trying again says %+v", got)
		}
	})
}

func equalSummary(a, b db.Summary) bool {
	return a.Again == b.Again && a.Total == b.Total && a.Sent == b.Sent && a.Failed == b.Failed && a.Bounced == b.Bounced &&
		a.Suppressed == b.Suppressed && a.Uncertain == b.Uncertain && a.Cancelled == b.Cancelled
}

func mailsOrganiser(mails map[string]*db.Mail) db.ID { return mails["p0"].Organiser.ID }

// A campaign that is tried again before its end was told is told of as it ended first.
func TestTryingAgainBeforeTheEndWasTold(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c, _ := w.ended(t)
		w.retry(t, c.ID, false, 1)
		m := w.summaries(t, 1)[0]
		if m.Summary.Again || m.Summary.Total != 8 || m.Summary.Failed != 4 {
			t.Errorf("the first end: %+v", m.Summary)
		}
		w.settle(t, w.start(t, db.Bulk, 10, worker(), 1)[0].Outcome(db.ResultSent))
		w.sweepCampaigns(t, 0) // one mail that was sent is no news
		w.summaries(t, 0)
	})
}

func TestWhichEndsAreTold(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		one := w.send(t, w.konrad, toEdition("one", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("one", 1)}))
		w.settle(t, w.start(t, db.Bulk, 10, worker(), 1)[0].Outcome(db.ResultSent))
		w.sweepCampaigns(t, 0)
		w.send(t, w.konrad, toEdition("lost", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("lost", 1)}))
		w.settle(t, refused(w.start(t, db.Bulk, 10, worker(), 1)[0], 550, "5.1.1 No"))
		w.sweepCampaigns(t, 1)
		if m := w.summaries(t, 1)[0]; m.Person.Name != "Konrad" || m.Summary.Failed != 1 {
			t.Errorf("one mail that was lost: %+v to %s", m.Summary, m.Person.Name)
		}
		// A cancelled campaign has ended when the last mail has that a process had begun to send.
		stopped := w.send(t, w.olga, toEdition("stopped", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("s", 4)}))
		flying := w.start(t, db.Bulk, 1, worker(), 1)[0]
		if _, err := w.CancelCampaign(t.Context(), w.olga, stopped.ID, nil); err != nil {
			t.Fatal(err)
		}
		w.sweepCampaigns(t, 0)
		w.settle(t, flying.Outcome(db.ResultSent))
		w.sweepCampaigns(t, 1)
		if m := w.summaries(t, 1)[0]; m.Summary.Sent != 1 || m.Summary.Cancelled != 3 || m.Campaign.ID == one.ID {
			t.Errorf("a campaign that was stopped: %+v", m.Summary)
		}
		// Organisers who have left hear nothing.
		gone := w.send(t, w.konrad, toEdition("gone", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("g", 2)}))
		w.sendBulk(t, 2)
		w.exec(t, "UPDATE people SET email = NULL, erased_at = ? WHERE id = ?", w.clock.Now(), gone.CreatedBy)
		w.sweepCampaigns(t, 1)
		w.summaries(t, 0)
	})
}
