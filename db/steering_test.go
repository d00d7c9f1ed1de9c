package db_test

import (
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestPauseResumeAndCancel(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		steer := func(verb func(id db.ID) (*db.Campaign, error), id db.ID, want db.CampaignStatus, problem db.ErrorCode) {
			t.Helper()
			c, err := verb(id)
			if code(err) != problem {
				t.Fatalf("got %v, want %q", err, problem)
			}
			if err == nil && c.Status() != want {
				t.Errorf("it is %s, want %s", c.Status(), want)
			}
			w.checkCounts(t, "after steering")
		}
		as := func(actor db.Actor) (pause, resume, cancel func(id db.ID) (*db.Campaign, error)) {
			ctx := t.Context()
			return func(id db.ID) (*db.Campaign, error) { return w.PauseCampaign(ctx, actor, id, nil) },
				func(id db.ID) (*db.Campaign, error) { return w.ResumeCampaign(ctx, actor, id, nil) },
				func(id db.ID) (*db.Campaign, error) { return w.CancelCampaign(ctx, actor, id, nil) }
		}
		pause, resume, cancel := as(w.olga)
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 6)}))
		for _, stranger := range []db.Actor{w.outsider, {}} {
			p, r, x := as(stranger)
			want := db.CodeNotFound
			if stranger.Anonymous() {
				want = db.CodeNotSignedIn
			}
			steer(p, c.ID, "", want)
			steer(r, c.ID, "", want)
			steer(x, c.ID, "", want)
		}
		steer(pause, db.NewID(db.KindCampaign, beginning), "", db.CodeNotFound)

		sending := w.start(t, db.Bulk, 2, worker(), 2)
		steer(pause, c.ID, db.CampaignPaused, "")
		steer(pause, c.ID, db.CampaignPaused, "")
		w.due(t, db.Bulk, 0)
		w.settle(t, sending[0].Outcome(db.ResultSent), sending[1].Outcome(db.ResultLater))
		w.clock.advance(time.Hour)
		w.start(t, db.Bulk, 10, worker(), 0) // held though its time has come
		steer(resume, c.ID, db.CampaignSending, "")
		steer(resume, c.ID, db.CampaignSending, "")
		w.due(t, db.Bulk, 5)
		steer(cancel, c.ID, db.CampaignCancelled, "")
		steer(cancel, c.ID, db.CampaignCancelled, "")
		w.due(t, db.Bulk, 0)
		steer(pause, c.ID, "", db.CodeConflict)
		steer(resume, c.ID, "", db.CodeConflict)
		if got := w.campaign(t, c.ID); got.Sent != 1 || got.Cancelled != 5 || got.Queued() != 0 {
			t.Errorf("in the end: %+v", got)
		}
		if n := query[int](t, w, "SELECT count(*) FROM invitations WHERE status = 'WITHDRAWN'"); n != 5 {
			t.Errorf("%d invitations are withdrawn, want those 5 that did not leave", n)
		}
		again := w.send(t, w.konrad, toEdition("again", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 6)}))
		if again.Total != 5 {
			t.Errorf("%d are invited again, want 5", again.Total)
		}
		for _, m := range w.start(t, db.Bulk, 10, worker(), 5) {
			w.settle(t, m.Outcome(db.ResultSent))
		}
		steer(pause, again.ID, "", db.CodeConflict)
		steer(cancel, again.ID, "", db.CodeConflict)
		steer(resume, again.ID, "", db.CodeConflict)
	})
}

func TestACampaignWhoseLastMailsLeaveWhileItIsPausedIsFinished(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 1)}))
		m := w.start(t, db.Bulk, 1, worker(), 1)[0]
		if _, err := w.PauseCampaign(t.Context(), w.olga, c.ID, nil); err != nil {
			t.Fatal(err)
		}
		w.settle(t, m.Outcome(db.ResultSent))
		w.checkCounts(t, "after the last mail")
	})
}

func TestAMailThatComesBackAfterItsCampaignWasCancelledTakesItsInvitationBack(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 1)}))
		m := w.start(t, db.Bulk, 1, worker(), 1)[0]
		if _, err := w.CancelCampaign(t.Context(), w.olga, c.ID, nil); err != nil {
			t.Fatal(err)
		}
		w.settle(t, m.Outcome(db.ResultLater))
		w.clock.advance(time.Hour)
		w.start(t, db.Bulk, 1, worker(), 0)
		w.checkCounts(t, "in the end")
		if again := w.send(t, w.olga, toEdition("again", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 1)})); again.Total != 1 {
			t.Errorf("%d are invited again", again.Total)
		}
	})
}

func TestResumingAScheduledCampaignKeepsItsTime(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		in := toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 1)})
		later := beginning.Add(time.Hour)
		in.SendAt = &later
		c := w.send(t, w.olga, in)
		for _, verb := range []func() (*db.Campaign, error){
			func() (*db.Campaign, error) { return w.PauseCampaign(t.Context(), w.olga, c.ID, nil) },
			func() (*db.Campaign, error) { return w.ResumeCampaign(t.Context(), w.olga, c.ID, nil) },
		} {
			if _, err := verb(); err != nil {
				t.Fatal(err)
			}
		}
		w.clock.advance(time.Hour - time.Microsecond)
		w.due(t, db.Bulk, 0)
		w.clock.advance(time.Microsecond)
		w.due(t, db.Bulk, 1)
	})
}
