package db_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// remind plans a reminder of a campaign after some time.
func (w *world) remind(t testing.TB, campaign db.ID, after time.Duration) *db.Reminder {
	t.Helper()
	at := w.clock.Now().Add(after)
	r, err := w.RemindInvited(t.Context(), w.olga, db.RemindInvitedInput{CampaignID: &campaign, At: &at}, nil)
	if err != nil {
		t.Fatalf("remind: %v", err)
	}
	return r
}

// invite sends a campaign to n people, whose mails leave at once.
func (w *world) invite(t testing.TB, prefix string, n int) *db.Campaign {
	t.Helper()
	c := w.send(t, w.olga, toEdition(prefix, w.edition(t, "open"), db.AudienceInput{CSV: csvOf(prefix, n)}))
	w.sendBulk(t, n)
	return c
}

// sendBulk sends all that is due in bulk.
func (w *world) sendBulk(t testing.TB, n int) []*db.Mail {
	t.Helper()
	mails := w.start(t, db.Bulk, 100_000, worker(), n)
	outcomes := make([]db.Outcome, n)
	for i, m := range mails {
		outcomes[i] = m.Outcome(db.ResultSent)
	}
	w.settle(t, outcomes...)
	return mails
}

func (w *world) sweepCampaigns(t testing.TB, want int) {
	t.Helper()
	if n, err := w.SweepCampaigns(t.Context()); err != nil || n != want {
		t.Fatalf("the sweep queued %d mails, %v; want %d", n, err, want)
	}
}

// summedUp has the ends of campaigns told, so that later sweeps are about reminders alone.
func (w *world) summedUp(t testing.TB) {
	t.Helper()
	if _, err := w.SweepCampaigns(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (w *world) reminder(t testing.TB, id db.ID) *db.Reminder {
	t.Helper()
	n, err := w.Node(t.Context(), w.olga, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, ok := n.(*db.Reminder)
	if !ok {
		t.Fatalf("no reminder but %v", n)
	}
	return r
}

// reminded returns who got a mail of a reminder, or is to.
func (w *world) reminded(t testing.TB, id db.ID) []string {
	t.Helper()
	return rows[string](t, w, "SELECT p.email FROM deliveries x JOIN people p ON p.id = x.person_id WHERE x.reminder_id = ? ORDER BY p.email", id)
}

func TestWhoIsReminded(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.invite(t, "p", 6)
		w.summedUp(t)
		tokens := w.tokens(t, c.ID)
		r := w.remind(t, c.ID, 48*time.Hour)
		if again := w.remind(t, c.ID, 48*time.Hour); again.ID != r.ID {
			t.Error("planning the same again made another reminder")
		}
		w.answer(t, tokens[0], true)
		w.answer(t, tokens[1], false)
		w.clock.advance(48*time.Hour - time.Microsecond)
		w.sweepCampaigns(t, 0)
		if s := w.reminder(t, r.ID).Status(); s != db.ReminderScheduled {
			t.Errorf("before its time it is %s", s)
		}
		w.clock.advance(time.Microsecond)
		w.sweepCampaigns(t, 4)
		w.sweepCampaigns(t, 0)
		if got, want := w.reminded(t, r.ID), []string{"p2@example.org", "p3@example.org", "p4@example.org", "p5@example.org"}; !slices.Equal(got, want) {
			t.Errorf("reminded %v", got)
		}
		// Between the queue and the mail server one answers, one opts out and one address turns out to be dead.
		w.answer(t, tokens[2], false)
		if token, err := w.OptOutToken(t.Context(), query[db.ID](t, w, "SELECT id FROM people WHERE email = 'p3@example.org'")); err != nil {
			t.Fatal(err)
		} else if _, err := w.ChooseInvitationMails(t.Context(), token, false, db.OptOutOneClick); err != nil {
			t.Fatal(err)
		}
		w.exec(t, "INSERT INTO suppressions (email, reason, created_at) VALUES ('p4@example.org', 'HARD_BOUNCE', ?)", beginning)
		m := w.start(t, db.Bulk, 100, worker(), 1)[0]
		if m.Delivery.Kind != db.MailReminder || *m.Person.Address != "p5@example.org" || m.AnswerToken == "" || m.OptOutToken == "" {
			t.Errorf("the mail that leaves: %+v", m)
		}
		if s := w.reminder(t, r.ID).Status(); s != db.ReminderSending {
			t.Errorf("while a mail is on its way it is %s", s)
		}
		w.settle(t, m.Outcome(db.ResultFailed))
		got := w.reminder(t, r.ID)
		if got.Status() != db.ReminderFinished || got.Total() != 4 || got.Cancelled() != 1 || got.Suppressed() != 2 || got.Failed() != 1 || got.Queued() != 0 {
			t.Errorf("in the end: %+v", got)
		}
		// What becomes of a reminder says nothing of the invitation.
		if n := query[int](t, w, "SELECT count(*) FROM invitations WHERE status = 'PENDING'"); n != 3 {
			t.Errorf("%d invitations are open, want 3", n)
		}
		w.checkCounts(t, "in the end")
	})
}

func TestOnlyThoseInvitedBeforeItWasDueAreReminded(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.invite(t, "early", 2)
		at := beginning.Add(48 * time.Hour)
		of := func() *db.Reminder {
			r, err := w.RemindInvited(t.Context(), w.olga, db.RemindInvitedInput{EditionID: w.edition(t, "open"), At: &at}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := of()
		if of().ID != r.ID {
			t.Error("planning the same again made another reminder")
		}
		w.clock.advance(24 * time.Hour)
		between := w.invite(t, "between", 2) // after it was planned, and before it is due
		w.send(t, w.olga, toEdition("held", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("held", 2)}))
		w.clock.advance(24 * time.Hour)
		w.clock.advance(time.Microsecond)
		w.sendBulk(t, 2) // those that were queued before it was due, and left after
		w.invite(t, "late", 2)
		w.summedUp(t)
		want := []string{"between0@example.org", "between1@example.org", "early0@example.org", "early1@example.org"}
		if got := w.reminded(t, r.ID); !slices.Equal(got, want) {
			t.Errorf("reminded %v, want %v", got, want)
		}
		c, err := w.Campaign(t.Context(), w.olga, between.ID, db.Shape{"reminders": {"edition": nil}})
		if err != nil || len(c.Reminders) != 1 || c.Reminders[0].ID != r.ID || c.Reminders[0].Total() != 4 || c.Reminders[0].Edition == nil {
			t.Errorf("the reminders of a campaign: %+v, %v", c.Reminders, err)
		}
		w.checkCounts(t, "in the end")
	})
}

func TestNobodyIsRemindedTwice(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const guests = 1203 // more than one transaction queues
		c := w.invite(t, "p", guests)
		w.summedUp(t)
		first, second := w.remind(t, c.ID, 48*time.Hour), w.remind(t, c.ID, 50*time.Hour)
		third := w.remind(t, c.ID, 96*time.Hour)
		w.clock.advance(60 * time.Hour) // the program was not running when they were due
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := w.SweepCampaigns(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.summedUp(t)
		if n := len(w.reminded(t, first.ID)); n != guests {
			t.Errorf("%d of %d are reminded", n, guests)
		}
		if n := len(w.reminded(t, second.ID)); n != 0 {
			t.Errorf("%d are reminded twice within a day", n)
		}
		if n := query[int](t, w, "SELECT count(DISTINCT person_id) FROM deliveries WHERE reminder_id = ?", first.ID); n != guests {
			t.Errorf("%d different people are reminded", n)
		}
		w.checkDeadlocks(t, "sweeping")
		w.clock.advance(36 * time.Hour)
		w.summedUp(t)
		if n := len(w.reminded(t, third.ID)); n != guests {
			t.Errorf("the later reminder is for %d", n)
		}
		w.exec(t, "DELETE FROM deliveries WHERE reminder_id = ?", second.ID)
		if _, err := w.Raw().NewRaw("INSERT INTO deliveries (id, kind, lane, state, person_id, reminder_id, created_at, not_before, attempts, drops, last_code) SELECT ?, kind, lane, state, person_id, reminder_id, created_at, not_before, 0, 0, 0 FROM deliveries WHERE reminder_id = ? LIMIT 1",
			db.NewID(db.KindDelivery, beginning), first.ID).Exec(t.Context()); err == nil {
			t.Error("the database lets somebody be reminded twice")
		}
	})
}

// People answer while their reminders are queued and sent: nobody who has answered before a mail was taken up gets it.
func TestAnsweringWhileReminded(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const guests = 40
		c := w.invite(t, "p", guests)
		w.summedUp(t)
		tokens := w.tokens(t, c.ID)
		r := w.remind(t, c.ID, time.Hour)
		w.clock.advance(time.Hour)
		var wg sync.WaitGroup
		wg.Go(func() {
			for _, token := range tokens[:guests/2] {
				if _, err := w.RecordAnswer(t.Context(), token, false); err != nil {
					t.Error(err)
				}
			}
		})
		for range 2 {
			wg.Go(func() {
				if _, err := w.SweepCampaigns(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.start(t, db.Bulk, 1000, worker(), guests/2)
		if n := query[int](t, w, "SELECT count(*) FROM deliveries x JOIN invitations i ON i.id = x.invitation_id WHERE x.reminder_id = ? AND x.state = 'SENDING' AND i.status <> 'PENDING'", r.ID); n != 0 {
			t.Errorf("%d who have answered are reminded", n)
		}
		w.checkDeadlocks(t, "answering")
	})
}

func TestWithdrawingAReminder(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.invite(t, "p", 6)
		w.summedUp(t)
		withdraw := func(actor db.Actor, id db.ID, want db.ErrorCode) {
			t.Helper()
			r, err := w.WithdrawReminder(t.Context(), actor, id, nil)
			if code(err) != want {
				t.Fatalf("got %v, want %q", err, want)
			}
			if err == nil && r.Status() != db.ReminderWithdrawn {
				t.Errorf("it is %s", r.Status())
			}
		}
		early := w.remind(t, c.ID, time.Hour)
		withdraw(w.outsider, early.ID, db.CodeNotFound)
		withdraw(db.Actor{}, early.ID, db.CodeNotSignedIn)
		withdraw(w.olga, db.NewID(db.KindReminder, beginning), db.CodeNotFound)
		withdraw(w.konrad, early.ID, "")
		withdraw(w.konrad, early.ID, "")
		again := w.remind(t, c.ID, time.Hour) // the same may be planned anew
		if again.ID == early.ID {
			t.Fatal("a withdrawn reminder came back")
		}
		w.clock.advance(time.Hour)
		w.sweepCampaigns(t, 6)
		sending := w.start(t, db.Bulk, 2, worker(), 2)
		withdraw(w.olga, again.ID, "")
		w.due(t, db.Bulk, 0)
		w.settle(t, sending[0].Outcome(db.ResultSent), sending[1].Outcome(db.ResultLater))
		w.clock.advance(time.Hour)
		w.start(t, db.Bulk, 10, worker(), 0)
		if got := w.reminder(t, again.ID); got.Sent() != 1 || got.Cancelled() != 5 || got.Queued() != 0 {
			t.Errorf("in the end: %+v", got)
		}
		last := w.remind(t, c.ID, 48*time.Hour)
		w.clock.advance(48 * time.Hour)
		w.sweepCampaigns(t, 6)
		w.sendBulk(t, 6)
		withdraw(w.olga, last.ID, db.CodeConflict)
	})
}

func TestRemindersOfMeetingsThatAreOffAndCampaignsThatAreHeld(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		happen func(t *testing.T, w *world, c *db.Campaign)
		due    int
	}{
		"the meeting is cancelled": {func(t *testing.T, w *world, _ *db.Campaign) {
			w.exec(t, "UPDATE editions SET status = 'CANCELLED' WHERE key = 'open'")
		}, 2},
		"the time to answer is over": {func(t *testing.T, w *world, c *db.Campaign) {
			w.exec(t, "UPDATE campaigns SET respond_by = ? WHERE id = ?", w.clock.Now(), c.ID)
		}, 2},
		"the meeting has begun": {func(_ *testing.T, w *world, _ *db.Campaign) { w.clock.advance(200 * 24 * time.Hour) }, 2},
		"the campaign is held": {func(t *testing.T, w *world, c *db.Campaign) {
			if _, err := w.PauseCampaign(t.Context(), w.olga, c.ID, nil); err != nil {
				t.Fatal(err)
			}
		}, 0},
		"the campaign is cancelled": {func(t *testing.T, w *world, c *db.Campaign) {
			if _, err := w.CancelCampaign(t.Context(), w.olga, c.ID, nil); err != nil {
				t.Fatal(err)
			}
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachWorld(t, func(t *testing.T, w *world) {
				c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 3)}))
				mails := w.start(t, db.Bulk, 3, worker(), 3)
				w.settle(t, mails[0].Outcome(db.ResultSent), mails[1].Outcome(db.ResultSent)) // the third keeps the campaign open
				w.remind(t, c.ID, time.Hour)
				w.clock.advance(time.Hour)
				w.sweepCampaigns(t, 2)
				test.happen(t, w, c)
				w.due(t, db.Bulk, test.due)
				w.start(t, db.Bulk, 10, worker(), 0)
				if test.due == 0 {
					if _, err := w.ResumeCampaign(t.Context(), w.olga, c.ID, nil); err != nil {
						t.Fatal(err)
					}
					w.sendBulk(t, 2)
				}
				w.checkCounts(t, name)
			})
		})
	}
}

func TestRemindersThatCannotBePlanned(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		by := beginning.AddDate(0, 0, 10)
		in := toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 2)})
		in.RespondBy = &by
		c := w.send(t, w.olga, in)
		other := w.send(t, w.olga, toEdition("other", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("q", 2)}))
		at := func(after time.Duration) *time.Time { t := beginning.Add(after); return &t }
		day := 24 * time.Hour
		for name, test := range map[string]struct {
			actor db.Actor
			in    db.RemindInvitedInput
			want  db.ErrorCode
		}{
			"nobody":                   {db.Actor{}, db.RemindInvitedInput{CampaignID: &c.ID, At: at(day)}, db.CodeNotSignedIn},
			"of nothing":               {w.olga, db.RemindInvitedInput{At: at(day)}, db.CodeRequired},
			"of two":                   {w.olga, db.RemindInvitedInput{CampaignID: &c.ID, EditionID: w.edition(t, "open"), At: at(day)}, db.CodeRequired},
			"by a stranger":            {w.outsider, db.RemindInvitedInput{CampaignID: &c.ID, At: at(day)}, db.CodeNotFound},
			"edition by a stranger":    {w.outsider, db.RemindInvitedInput{EditionID: w.edition(t, "open"), At: at(day)}, db.CodeForbidden},
			"edition that is off":      {w.olga, db.RemindInvitedInput{EditionID: w.edition(t, "cancelled"), At: at(day)}, db.CodeConflict},
			"run of others":            {w.konrad, db.RemindInvitedInput{CourseRunID: w.id(t, "course_runs", "spring"), At: at(day)}, db.CodeForbidden},
			"now":                      {w.olga, db.RemindInvitedInput{CampaignID: &c.ID, At: at(0)}, db.CodeInvalid},
			"in two years":             {w.olga, db.RemindInvitedInput{EditionID: w.edition(t, "undated"), At: at(800 * day)}, db.CodeInvalid},
			"after the start":          {w.olga, db.RemindInvitedInput{CampaignID: &other.ID, At: at(200 * day)}, db.CodeInvalid},
			"when answers are due":     {w.olga, db.RemindInvitedInput{CampaignID: &c.ID, At: &by}, db.CodeInvalid},
			"no time and none usual":   {w.olga, db.RemindInvitedInput{CampaignID: &other.ID}, db.CodeRequired},
			"no time, of an edition":   {w.olga, db.RemindInvitedInput{EditionID: w.edition(t, "open")}, db.CodeRequired},
			"usual time":               {w.konrad, db.RemindInvitedInput{CampaignID: &c.ID}, ""},
			"of a course run":          {w.olga, db.RemindInvitedInput{CourseRunID: w.id(t, "course_runs", "spring"), At: at(day)}, ""},
			"just before answers come": {w.olga, db.RemindInvitedInput{CampaignID: &c.ID, At: at(10*day - time.Hour)}, ""},
		} {
			r, err := w.RemindInvited(t.Context(), test.actor, test.in, nil)
			if code(err) != test.want {
				t.Errorf("%s: got %v, want %q", name, err, test.want)
			}
			if name == "usual time" && err == nil && !r.DueAt.Equal(by.AddDate(0, 0, -3)) {
				t.Errorf("the usual time is %s", r.DueAt)
			}
		}
		for i := range 20 {
			_, err := w.RemindInvited(t.Context(), w.olga, db.RemindInvitedInput{CampaignID: &other.ID, At: at(time.Duration(i+1) * day)}, nil)
			if i < 18 && err != nil || i >= 18 && code(err) != db.CodeTooLarge {
				t.Errorf("reminder %s: %v", fmt.Sprint(i), err)
			}
		}
		if n, err := w.Node(t.Context(), w.outsider, query[db.ID](t, w, "SELECT id FROM reminders LIMIT 1"), nil); n != nil || err != nil {
			t.Errorf("a stranger sees %v, %v", n, err)
		}
	})
}
