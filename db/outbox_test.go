package db_test

import (
	"crypto/rand"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// due fails the test when not as many mails are due as expected.
func (w *world) due(t testing.TB, lane db.Lane, want int) {
	t.Helper()
	if n, err := w.DueDeliveries(t.Context(), lane, 1000); err != nil || n != int64(want) {
		t.Fatalf("%d mails are due, %v; want %d", n, err, want)
	}
}

// start has a worker begin what is due and fails the test when there is not as much to send as expected.
func (w *world) start(t testing.TB, lane db.Lane, limit int64, worker db.ID, want int) []*db.Mail {
	t.Helper()
	_, mails, err := w.StartDeliveries(t.Context(), lane, worker, limit)
	if err != nil || len(mails) != want {
		t.Fatalf("%d mails to send, %v; want %d", len(mails), err, want)
	}
	return mails
}

func (w *world) settle(t testing.TB, outcomes ...db.Outcome) {
	t.Helper()
	if err := w.SettleDeliveries(t.Context(), outcomes); err != nil {
		t.Fatal(err)
	}
}

func (w *world) delivery(t testing.TB, id db.ID) db.Delivery {
	t.Helper()
	var x db.Delivery
	if err := w.Raw().NewSelect().Model(&x).Where("id = ?", id).Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	return x
}

func (w *world) campaign(t testing.TB, id db.ID) *db.Campaign {
	t.Helper()
	c, err := w.Campaign(t.Context(), w.olga, id, nil)
	if err != nil || c == nil {
		t.Fatalf("campaign: %v, %v", c, err)
	}
	return c
}

func worker() db.ID { return db.NewID(db.KindWorker, beginning) }

func TestWhatBecomesOfAnAttempt(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		invite := func(t *testing.T) *db.Campaign {
			return w.send(t, w.olga, toEdition(t.Name(), w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p"+strings.ToLower(rand.Text()), 1)}))
		}
		invitation := func(t *testing.T) db.Lane { invite(t); return db.Bulk }
		confirmation := func(t *testing.T) db.Lane {
			token := w.tokens(t, invite(t).ID)[0]
			w.settle(t, w.start(t, db.Bulk, 1, worker(), 1)[0].Outcome(db.ResultSent))
			w.answer(t, token, true)
			return db.Urgent
		}
		for name, test := range map[string]struct {
			kind              func(*testing.T) db.Lane
			attempts, drops   int // before
			result            db.Result
			code              int
			pause             time.Duration
			state             db.DeliveryState
			after             time.Duration // not_before, from now; 0: unchanged
			attempted, drops2 int
		}{
			"sent":                               {invitation, 0, 0, db.ResultSent, 250, 0, db.Sent, 0, 1, 0},
			"refused for now":                    {invitation, 0, 0, db.ResultLater, 451, 0, db.Queued, time.Minute, 1, 0},
			"refused for now again":              {invitation, 3, 0, db.ResultLater, 451, 0, db.Queued, 8 * time.Minute, 4, 0},
			"refused for now for long":           {invitation, 10, 0, db.ResultLater, 421, 0, db.Queued, 6 * time.Hour, 11, 0},
			"refused for now too often":          {invitation, db.MaxAttempts - 1, 0, db.ResultLater, 451, 0, db.Failed, 0, db.MaxAttempts, 0},
			"refused":                            {invitation, 2, 0, db.ResultFailed, 550, 0, db.Failed, 0, 3, 0},
			"not reached":                        {invitation, 2, 0, db.ResultUnreachable, 0, 17 * time.Second, db.Queued, 17 * time.Second, 2, 0},
			"untrue":                             {invitation, 0, 0, db.ResultCancelled, 0, 0, db.DeliveryCanceled, 0, 0, 0},
			"suppressed":                         {invitation, 0, 0, db.ResultSuppressed, 0, 0, db.Suppressed, 0, 0, 0},
			"invitation uncertain":               {invitation, 0, 0, db.ResultUncertain, 0, 0, db.Uncertain, 0, 1, 1},
			"confirmation uncertain once":        {confirmation, 0, 0, db.ResultUncertain, 0, 0, db.Queued, 5 * time.Minute, 1, 1},
			"confirmation uncertain twice":       {confirmation, 1, 1, db.ResultUncertain, 0, 0, db.Uncertain, 0, 2, 2},
			"confirmation uncertain, then taken": {confirmation, 1, 1, db.ResultSent, 250, 0, db.Sent, 0, 2, 1},
		} {
			t.Run(name, func(t *testing.T) {
				lane := test.kind(t)
				id := query[db.ID](t, w, "SELECT id FROM deliveries WHERE state = 'QUEUED'")
				w.exec(t, "UPDATE deliveries SET attempts = ?, drops = ? WHERE id = ?", test.attempts, test.drops, id)
				m := w.start(t, lane, 10, worker(), 1)[0]
				was := m.Delivery.NotBefore
				w.clock.advance(time.Second)
				now := w.clock.Now()
				o := m.Outcome(test.result)
				o.Code, o.Detail, o.Pause = test.code, "it said so", test.pause
				w.settle(t, o)
				x := w.delivery(t, id)
				if x.State != test.state || x.Attempts != test.attempted || x.Drops != test.drops2 || x.LastCode != test.code || x.Claim.IsZero() != (test.state == db.Queued) || !x.WorkerID.IsZero() {
					t.Errorf("got %+v", x)
				}
				if want := now.Add(test.after); test.after > 0 && !x.NotBefore.Equal(want) || test.after == 0 && !x.NotBefore.Equal(was) {
					t.Errorf("not before %s, it was %s and is now %s", x.NotBefore, was, now)
				}
				if sent := test.state == db.Sent; sent != (x.SentAt != nil && x.SentAt.Equal(now)) || sent != (x.LastError == nil) {
					t.Errorf("sent at %v, last error %v", x.SentAt, x.LastError)
				}
				w.checkCounts(t, name)
				w.settle(t, o) // once more: the claim is void
				if again := w.delivery(t, id); again.Attempts != x.Attempts || again.State != x.State {
					t.Errorf("settled twice: %+v", again)
				}
				w.checkCounts(t, name+", settled twice")
				if x.State == db.Queued { // it keeps its Date when it is sent later
					if test.after > 0 {
						w.due(t, lane, 0)
					}
					w.clock.advance(test.after)
					m2 := w.start(t, lane, 10, worker(), 1)[0]
					if !m2.Delivery.DatedAt.Equal(*m.Delivery.DatedAt) {
						t.Errorf("dated %s, then %s", m.Delivery.DatedAt, m2.Delivery.DatedAt)
					}
					w.settle(t, m2.Outcome(db.ResultSent))
				}
			})
		}
	})
}

func TestPausesGrowToSixHours(t *testing.T) {
	t.Parallel()
	total := time.Duration(0)
	for attempts, want := range []time.Duration{1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360} {
		if got := db.Backoff(attempts); got != want*time.Minute {
			t.Errorf("after %d attempts: %s", attempts, got)
		}
		if attempts > 0 && attempts < db.MaxAttempts {
			total += db.Backoff(attempts)
		}
	}
	for _, attempts := range []int{-1, 63, 64, 65, 1 << 40} {
		if got := db.Backoff(attempts); got < time.Minute || got > 6*time.Hour {
			t.Errorf("after %d attempts: %s", attempts, got)
		}
	}
	t.Log("a mail that is always refused for now fails after", total)
}

func TestAClaimIsLimitedAndInOrder(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		later := beginning.Add(time.Hour)
		in := toEdition("later", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("later", 3)})
		in.SendAt = &later
		scheduled := w.send(t, w.olga, in)
		if scheduled.Status() != db.CampaignScheduled {
			t.Errorf("before its time it is %s", scheduled.Status())
		}
		w.send(t, w.olga, toEdition("now", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("now", 7)}))
		w.due(t, db.Urgent, 0)
		first := w.start(t, db.Bulk, 5, worker(), 5)
		w.clock.advance(time.Hour)
		if status := w.campaign(t, scheduled.ID).Status(); status != db.CampaignSending {
			t.Errorf("at its time it is %s", status)
		}
		w.due(t, db.Bulk, 5)
		second := w.start(t, db.Bulk, 3, worker(), 3)
		w.start(t, db.Bulk, 100, worker(), 2)
		w.due(t, db.Bulk, 0)
		if first[0].Delivery.Claim == second[0].Delivery.Claim {
			t.Error("two claims are the same")
		}
		early := 0
		for _, m := range append(first, second...) {
			if m.Campaign.ID == scheduled.ID {
				early++
			}
		}
		if early != 1 {
			t.Errorf("%d of the later ones were begun early, want 1", early)
		}
	})
}

func TestAVoidClaimDoesNotSettle(t *testing.T) {
	t.Parallel()
	stale := db.Stale{Worker: time.Minute, Sending: time.Hour}
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 2)}))
		requeue := func(want int) {
			t.Helper()
			if n, err := w.RequeueStale(t.Context(), stale); err != nil || n != want {
				t.Fatalf("%d requeued, %v; want %d", n, err, want)
			}
		}
		see := func(id db.ID) {
			t.Helper()
			if err := w.SeeWorker(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}

		w.settle(t, db.Outcome{ // of a mail that was not begun
			DeliveryID: query[db.ID](t, w, "SELECT id FROM deliveries LIMIT 1"), Claim: db.NewID(db.KindClaim, beginning), CampaignID: c.ID, Kind: db.MailInvitation, Result: db.ResultSent,
		})
		dead := worker()
		see(dead)
		mails := w.start(t, db.Bulk, 10, dead, 2)
		w.clock.advance(time.Minute)
		requeue(0)
		w.clock.advance(time.Microsecond)
		requeue(2)
		alive := worker()
		see(alive)
		second := w.start(t, db.Bulk, 10, alive, 2)
		w.settle(t, mails[0].Outcome(db.ResultSent), mails[1].Outcome(db.ResultFailed)) // by the dead one, after all
		if got := w.campaign(t, c.ID); got.Sent+got.Failed != 0 {
			t.Errorf("a void claim settled: %+v", got)
		}
		for range 60 {
			w.clock.advance(time.Minute)
			see(alive)
			requeue(0)
		}
		w.clock.advance(time.Microsecond)
		requeue(2) // begun an hour ago by a worker that is alive
		w.settle(t, second[0].Outcome(db.ResultSent))

		released := w.start(t, db.Bulk, 10, alive, 2)
		if err := w.ReleaseClaim(t.Context(), released[0].Delivery.Claim); err != nil {
			t.Fatal(err)
		}
		w.due(t, db.Bulk, 2)
		w.settle(t, released[0].Outcome(db.ResultSent))

		last := w.start(t, db.Bulk, 10, alive, 2)
		for _, other := range []string{"claim", "delivery"} {
			o := last[0].Outcome(db.ResultSent)
			if other == "claim" {
				o.Claim = released[0].Delivery.Claim
			} else {
				o.DeliveryID = db.NewID(db.KindDelivery, beginning)
			}
			w.settle(t, o)
		}
		w.checkCounts(t, "before the last")
		w.settle(t, last[0].Outcome(db.ResultSent), last[1].Outcome(db.ResultSent))
		if got := w.campaign(t, c.ID); got.Sent != 2 || got.State != db.CampaignFinished || !got.FinishedAt.Equal(w.clock.Now()) {
			t.Errorf("in the end: %+v", got)
		}
		w.checkCounts(t, "in the end")
		if err := w.ForgetWorker(t.Context(), alive); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(25 * time.Hour)
		requeue(0)
		if n := query[int](t, w, "SELECT count(*) FROM workers"); n != 0 {
			t.Errorf("%d workers are remembered", n)
		}
	})
}

func TestAClaimIsOpenAsLongAsOneOfItsMailsIs(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 5)}))
		check := func(step string, want ...db.ID) {
			t.Helper()
			if got := rows[db.ID](t, w, "SELECT id FROM claims ORDER BY claimed_at"); !slices.Equal(got, want) {
				t.Errorf("%s: %v are open, want %v", step, got, want)
			}
		}
		closeClaim := func(claim db.ID) {
			t.Helper()
			if err := w.CloseClaim(t.Context(), claim); err != nil {
				t.Fatal(err)
			}
		}
		check("at first")
		alive := worker()
		if err := w.SeeWorker(t.Context(), alive); err != nil {
			t.Fatal(err)
		}
		mails := w.start(t, db.Bulk, 2, alive, 2)
		first := mails[0].Delivery.Claim
		w.clock.advance(time.Second)
		second := w.start(t, db.Bulk, 3, alive, 3)[0].Delivery.Claim
		closeClaim(first)
		check("begun", first, second)
		w.settle(t, mails[0].Outcome(db.ResultSent))
		closeClaim(first)
		check("half sent", first, second)
		w.settle(t, mails[1].Outcome(db.ResultLater))
		check("nobody said it is over", first, second)
		closeClaim(first)
		check("over", second)
		stale := db.Stale{Worker: time.Minute, Sending: time.Hour}
		for _, want := range [][]db.ID{{second}, {}} {
			if n, err := w.RequeueStale(t.Context(), stale); err != nil || n != 0 {
				t.Fatalf("%d requeued, %v", n, err)
			}
			check("nobody was left to say so", want...)
			if err := w.ReleaseClaim(t.Context(), second); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Otherwise PostgreSQL writes each mail into every index again, twice for each mail that leaves.
func TestNoIndexOfMailsKnowsHowTheyStand(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		catalogue := "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'deliveries' AND sql IS NOT NULL"
		if w.postgres() {
			catalogue = "SELECT indexdef FROM pg_indexes WHERE tablename = 'deliveries'"
		}
		changing := regexp.MustCompile(`\b(state|worker_id|attempts|dated_at|sent_at|drops|round|last_code|last_error|status_code)\b`)
		indexes := rows[string](t, w, catalogue)
		if len(indexes) < 5 {
			t.Errorf("only %d indexes", len(indexes))
		}
		for _, index := range indexes {
			if column := changing.FindString(index); column != "" {
				t.Errorf("%s changes while a mail is sent: %s", column, index)
			}
		}
	})
}

func TestMailsThatBecameUntrueAreNotSent(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for name, test := range map[string]struct {
			lie   string // what happens between queueing and sending
			state db.DeliveryState
		}{
			"edition cancelled":    {"UPDATE editions SET status = 'CANCELLED' WHERE key = 'open'", db.DeliveryCanceled},
			"edition withdrawn":    {"UPDATE editions SET status = 'DRAFT' WHERE key = 'open'", db.DeliveryCanceled},
			"invitation withdrawn": {"UPDATE invitations SET status = 'WITHDRAWN'", db.DeliveryCanceled},
			"campaign cancelled":   {"UPDATE campaigns SET status = 'CANCELLED', finished_at = created_at", db.DeliveryCanceled},
			"campaign paused":      {"UPDATE campaigns SET status = 'PAUSED'", db.Queued},
			"address suppressed":   {"INSERT INTO suppressions (email, reason, created_at) SELECT email, 'HARD_BOUNCE', created_at FROM people WHERE email LIKE 'p%'", db.Suppressed},
			"address gone":         {"UPDATE people SET email = NULL WHERE email LIKE 'p%'", db.Failed},
		} {
			t.Run(name, func(t *testing.T) {
				w.send(t, w.olga, toEdition(name, w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p"+strings.ToLower(rand.Text()), 1)}))
				id := query[db.ID](t, w, "SELECT id FROM deliveries WHERE state = 'QUEUED'")
				w.exec(t, test.lie)
				w.due(t, db.Bulk, 1)
				w.start(t, db.Bulk, 1, worker(), 0)
				if x := w.delivery(t, id); x.State != test.state || x.State == db.Queued && !x.NotBefore.After(w.clock.Now()) {
					t.Errorf("it is %s, not before %s", x.State, x.NotBefore)
				}
				w.checkCounts(t, name)
				for _, undo := range []string{
					"DELETE FROM deliveries", "DELETE FROM invitations", "DELETE FROM idempotency_keys", "DELETE FROM campaigns", "DELETE FROM suppressions",
					"UPDATE editions SET status = 'PUBLISHED' WHERE key = 'open'",
				} {
					w.exec(t, undo)
				}
			})
		}
	})
}

func TestMailsOfRegistrationsThatChangedAreNotSent(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "small"), db.AudienceInput{CSV: csvOf("p", 5)}))
		tokens := w.tokens(t, c.ID)
		for _, token := range tokens {
			w.answer(t, token, true)
		}
		w.answer(t, tokens[0], false) // its confirmation is untrue now, and so is the waiting of the fourth
		mails := w.start(t, db.Urgent, 100, worker(), 5)
		kinds := map[db.MailKind]int{}
		for _, m := range mails {
			kinds[m.Delivery.Kind]++
			if m.AnswerToken == "" || m.Edition == nil || m.Edition.HostName() != "Groningen" || m.Organiser == nil || m.Organiser.Name != "Olga" {
				t.Errorf("a mail tells %+v", m)
			}
			if m.Delivery.Kind == db.MailWaitlisted && m.Position != 1 {
				t.Errorf("position %d on the waiting list", m.Position)
			}
		}
		if kinds[db.MailConfirmed] != 3 || kinds[db.MailWaitlisted] != 1 || kinds[db.MailCancelled] != 1 {
			t.Errorf("to send: %v", kinds)
		}
		if n := query[int](t, w, "SELECT count(*) FROM deliveries WHERE state = 'CANCELLED'"); n != 2 {
			t.Errorf("%d are cancelled", n)
		}
	})
}
