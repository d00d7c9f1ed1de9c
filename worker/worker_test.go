package worker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/worker"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

func TestOutcomes(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.smtp.Inject(smtptest.Refuse("guest1@example.org"), smtptest.Greylist(1, "guest2@example.org"),
			smtptest.DropAfterDotTo(1, "guest3@example.org"))
		campaign := s.invite(t, 60)
		s.work(t, 3)
		eventually(t, "all is sent but what was greylisted", func() bool {
			states := s.states(t)
			return states[db.Sent] == 57 && states[db.Queued] == 1 && s.row(t, db.MailInvitation, "guest2@example.org").Attempts == 1
		})
		for guest, want := range map[string]row{
			"guest1@example.org": {State: db.Failed, Attempts: 1, Code: 550},
			"guest2@example.org": {State: db.Queued, Attempts: 1, Code: 451, Held: true},
			"guest3@example.org": {State: db.Uncertain, Attempts: 1, Drops: 1},
			"guest4@example.org": {State: db.Sent, Attempts: 1, Code: 250},
		} {
			got := s.row(t, db.MailInvitation, guest)
			if said := got.Error; (said == "") != (want.State == db.Sent) || strings.Contains(said, "@") || strings.Contains(said, "guest") {
				t.Errorf("%s: last error %q", guest, said)
			}
			got.Error = ""
			if got != want {
				t.Errorf("%s: %+v, want %+v", guest, got, want)
			}
		}
		if status := s.campaign(t, campaign).Status(); status != db.CampaignSending {
			t.Errorf("the campaign is %s while a mail waits for its next attempt", status)
		}
		s.forward(2 * time.Minute)
		c := s.finished(t, campaign, db.CampaignFinished)
		if c.Sent != 58 || c.Failed != 1 || c.Uncertain != 1 {
			t.Errorf("counted %d sent, %d failed, %d uncertain, want 58, 1, 1", c.Sent, c.Failed, c.Uncertain)
		}
		if got := s.row(t, db.MailInvitation, "guest2@example.org"); got.State != db.Sent || got.Attempts != 2 {
			t.Errorf("after greylisting: %+v", got)
		}
		for key, n := range copies(t, s.smtp.Messages()) {
			if n != 1 {
				t.Errorf("%s: %d mails", key, n)
			}
		}
		if n := s.left(); n != 59 {
			t.Errorf("the mail server has %d mails, want 59", n)
		}
	})
}

func TestMailServerThatIsDownLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.smtp.Down()
		campaign := s.invite(t, 120)
		s.work(t, 3)
		eventually(t, "the worker has noticed", func() bool {
			return s.states(t)[db.Queued] == 120 && s.row(t, db.MailInvitation, "guest1@example.org").Error != ""
		})
		if got := s.row(t, db.MailInvitation, "guest1@example.org"); got.Attempts != 0 {
			t.Errorf("a connection that failed counts as %d attempts", got.Attempts)
		}
		s.smtp.Up(t)
		s.finished(t, campaign, db.CampaignFinished)
		once(t, s.smtp.Messages(), 120)
	})
}

// A server that thinks about each mail for longer than the lease must not get it twice.
func TestSlowMailServerGetsEachMailOnce(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.smtp.Inject(smtptest.SlowDot(1500 * time.Millisecond))
		campaign := s.invite(t, 2) // of one chunk, so one after the other
		s.workWithLease(t, 1, time.Second)
		s.finished(t, campaign, db.CampaignFinished)
		once(t, s.smtp.Messages(), 2)
	})
}

func TestUrgentMailPassesACampaign(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.smtp.Inject(smtptest.SlowDot(200 * time.Millisecond))
		const guests = 400 // 40 s on two connections
		s.invite(t, guests)
		s.work(t, 2)
		guest := s.accept(t)
		eventually(t, "the confirmation is sent", func() bool { return s.row(t, db.MailConfirmed, guest).State == db.Sent })
		if n := s.left(); n > guests/2 {
			t.Errorf("%d invitations went first", n)
		}
	})
}

// A confirmation carries a calendar entry that replaces itself, so it is sent once more when nobody knows whether it arrived.
func TestConfirmationIsSentAgainOnce(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		campaign := s.invite(t, 1)
		s.work(t, 1)
		s.finished(t, campaign, db.CampaignFinished)
		s.smtp.Inject(smtptest.DropAfterDotTo(2, "guest1@example.org"))
		s.accept(t)
		where := func() row { return s.row(t, db.MailConfirmed, "guest1@example.org") }
		eventually(t, "the first copy is dropped", func() bool { return where().Drops == 1 })
		if got := where(); got.State != db.Queued || !got.Held {
			t.Errorf("after the first drop: %+v", got)
		}
		s.forward(10 * time.Minute)
		eventually(t, "the second copy is dropped", func() bool { return where().Drops == 2 })
		if got := where(); got.State != db.Uncertain {
			t.Errorf("after the second drop: %+v", got)
		}
		s.forward(10 * time.Minute)
		if n := copies(t, s.smtp.Messages())["guest1@example.org registration_confirmed"]; n != 2 {
			t.Errorf("%d confirmations, want 2", n)
		}
	})
}

func TestPausedCampaignWaitsAndResumes(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		const guests, rate = 240, 60 // so that two handlers take half of them at once
		campaign := s.invite(t, guests)
		s.workAs(t, func(cfg *worker.Config) { cfg.Rate = rate })
		s.smtp.WaitFor(t, 20)
		if _, err := s.db.PauseCampaign(t.Context(), s.organiser, campaign, nil); err != nil {
			t.Fatal(err)
		}
		var states map[db.DeliveryState]int
		eventually(t, "what a process had begun has left", func() bool {
			states = s.states(t)
			return states[db.Sending] == 0
		})
		if states[db.Queued] == 0 || states[db.Sent] == 0 || states[db.Queued]+states[db.Sent] != guests {
			t.Errorf("paused with %v", states)
		}
		if n := s.left(); n != states[db.Sent] {
			t.Errorf("%d mails left, %d are sent", n, states[db.Sent])
		}
		if _, err := s.db.ResumeCampaign(t.Context(), s.organiser, campaign, nil); err != nil {
			t.Fatal(err)
		}
		s.finished(t, campaign, db.CampaignFinished)
		once(t, s.smtp.Messages(), guests)
	})
}

func TestCancelledCampaignStops(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.smtp.Inject(smtptest.SlowDot(10*time.Millisecond), smtptest.Greylist(1))
		const guests = 400
		campaign := s.invite(t, guests)
		stop := s.work(t, 2)
		eventually(t, "some were refused for now", func() bool { return s.states(t)[db.Sending] > 0 })
		if _, err := s.db.CancelCampaign(t.Context(), s.organiser, campaign, nil); err != nil {
			t.Fatal(err)
		}
		stop() // what was begun and not sent goes back into the queue
		s.forward(2 * time.Minute)
		s.work(t, 2)
		c := s.finished(t, campaign, db.CampaignCancelled)
		if c.Cancelled != guests || s.left() != 0 {
			t.Errorf("%d cancelled and %d sent, want all of %d cancelled", c.Cancelled, s.left(), guests)
		}
		var left int
		if err := s.sql.QueryRowContext(t.Context(), "SELECT count(*) FROM invitations WHERE status <> 'WITHDRAWN'").Scan(&left); err != nil || left != 0 {
			t.Errorf("%d people without a mail still count as invited (%v)", left, err)
		}
	})
}

// What became untrue between queueing and sending is not sent.
func TestNothingUntrueIsSent(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		campaign := s.invite(t, 5)
		s.exec(t, "INSERT INTO suppressions (email, reason, created_at) VALUES ('guest1@example.org', 'HARD_BOUNCE', $1)", "2026-01-02 03:04:05+00:00")
		s.exec(t, "UPDATE invitations SET status = 'WITHDRAWN' WHERE person_id = (SELECT id FROM people WHERE email = 'guest2@example.org')")
		s.exec(t, "UPDATE people SET email = NULL WHERE email = 'guest3@example.org'")
		s.work(t, 2)
		s.finished(t, campaign, db.CampaignFinished)
		for guest, want := range map[string]db.DeliveryState{
			"guest1@example.org": db.Suppressed, "guest2@example.org": db.DeliveryCanceled, "guest4@example.org": db.Sent, "guest5@example.org": db.Sent,
		} {
			if got := s.row(t, db.MailInvitation, guest).State; got != want {
				t.Errorf("%s: %s, want %s", guest, got, want)
			}
		}
		if states := s.states(t); states[db.Failed] != 1 || s.left() != 2 {
			t.Errorf("%v, and %d mails left", states, s.left())
		}
	})
}

func TestCancelledEditionInvitesNobody(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		campaign := s.invite(t, 3)
		s.exec(t, "UPDATE editions SET status = 'CANCELLED'")
		s.work(t, 2)
		if c := s.finished(t, campaign, db.CampaignFinished); c.Cancelled != 3 || s.left() != 0 {
			t.Errorf("%d cancelled, %d mails left", c.Cancelled, s.left())
		}
	})
}

// Stopping finishes what is in flight, leaves nothing half-done, and the next worker goes on at once.
func TestStopFinishesMailsInFlight(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.smtp.Inject(smtptest.SlowDot(50 * time.Millisecond))
		const guests = 300
		campaign := s.invite(t, guests)
		for n := range 3 {
			stop := s.work(t, 3)
			s.smtp.WaitFor(t, 20*(n+1))
			stop()
			states := s.states(t)
			if states[db.Sending] != 0 {
				t.Errorf("%d mails are SENDING by nobody", states[db.Sending])
			}
			if sent := s.left(); states[db.Sent] != sent {
				t.Errorf("%d mails left, %d are sent", sent, states[db.Sent])
			}
		}
		s.smtp.Heal()
		s.work(t, 3)
		s.finished(t, campaign, db.CampaignFinished)
		once(t, s.smtp.Messages(), guests)
	})
}
