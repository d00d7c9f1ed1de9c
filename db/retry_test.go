package db_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// retry tries the failed mails of a campaign again and fails the test when others than wanted are.
func (w *world) retry(t testing.TB, campaign db.ID, uncertain bool, want int) *db.Campaign {
	t.Helper()
	c, n, err := w.RetryFailed(t.Context(), w.olga, db.RetryFailedInput{CampaignID: campaign, Uncertain: &uncertain}, nil)
	if err != nil || n != want {
		t.Fatalf("%d mails are tried again, %v; want %d", n, err, want)
	}
	w.checkCounts(t, "after trying again")
	return c
}

// refused is an outcome with a reply of the mail server.
func refused(m *db.Mail, code int, words string) db.Outcome {
	o := m.Outcome(db.ResultFailed)
	o.Code, o.Detail = code, words
	return o
}

// byAddress returns mails by whom they go to, without the domain.
func byAddress(mails []*db.Mail) map[string]*db.Mail {
	of := map[string]*db.Mail{}
	for _, m := range mails {
		of[(*m.Person.Address)[:len(*m.Person.Address)-len("@example.org")]] = m
	}
	return of
}

// ended starts a campaign to people p0 to p7 that ends in every way: p0 sent, p1 refused, p2 without a mailbox, p3 uncertain, p4
// came back, p5 suppressed, p6 refused and answered since, p7 refused and opted out since.
func (w *world) ended(t testing.TB) (*db.Campaign, map[string]*db.Mail) {
	t.Helper()
	w.exec(t, "INSERT INTO suppressions (email, reason, created_at) VALUES ('p5@example.org', 'SOFT_BOUNCES', ?)", beginning)
	c := w.send(t, w.olga, toEdition("ended", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 8)}))
	mails := byAddress(w.start(t, db.Bulk, 10, worker(), 7))
	w.settle(t, mails["p0"].Outcome(db.ResultSent), refused(mails["p1"], 554, "5.7.1 Message refused"), refused(mails["p2"], 550, "5.1.1 No such user"),
		mails["p3"].Outcome(db.ResultUncertain), mails["p4"].Outcome(db.ResultSent), refused(mails["p6"], 552, "mailbox full"), refused(mails["p7"], 550, "5.0.0 No"))
	if known, err := w.RecordBounce(t.Context(), db.Bounce{Token: mails["p4"].BounceToken, StatusCode: "5.1.1", Detail: "gone"}); !known || err != nil {
		t.Fatal(known, err)
	}
	w.answer(t, mails["p6"].AnswerToken, true)
	if _, err := w.ChooseInvitationMails(t.Context(), mails["p7"].OptOutToken, false, db.OptOutPage); err != nil {
		t.Fatal(err)
	}
	w.checkCounts(t, "at the end")
	return c, mails
}

func TestWhichMailsAreTriedAgain(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c, mails := w.ended(t)
		got := w.retry(t, c.ID, false, 1)
		if got.Status() != db.CampaignSending || got.FinishedAt != nil || got.Queued() != 1 {
			t.Errorf("while it is tried again: %+v", got)
		}
		w.retry(t, c.ID, false, 0) // doing it again does nothing more
		w.clock.advance(time.Hour)
		again := w.start(t, db.Bulk, 10, worker(), 1)[0]
		was := mails["p1"].Delivery
		if again.Delivery.ID != was.ID || again.Delivery.Attempts != 0 || !again.Delivery.DatedAt.Equal(w.clock.Now()) {
			t.Errorf("tried again: %+v, was %+v", again.Delivery, was)
		}
		// What somebody still believes of the first attempt changes nothing.
		w.settle(t, mails["p1"].Outcome(db.ResultSent))
		if x := w.delivery(t, was.ID); x.State != db.Sending {
			t.Errorf("it is %s", x.State)
		}
		w.settle(t, again.Outcome(db.ResultSent))
		if got := w.campaign(t, c.ID); got.Status() != db.CampaignFinished || got.Sent != 2 || got.Failed != 3 {
			t.Errorf("in the end: %+v", got)
		}
		if s := query[string](t, w, "SELECT status FROM invitations WHERE id = ?", was.InvitationID); s != "PENDING" {
			t.Errorf("the invitation that arrived after all is %s", s)
		}

		// The uncertain one goes only when that is asked for, and as the copy that it is.
		w.retry(t, c.ID, true, 1)
		w.clock.advance(time.Hour)
		copied := w.start(t, db.Bulk, 10, worker(), 1)[0]
		if copied.Delivery.ID != mails["p3"].Delivery.ID || !copied.Delivery.DatedAt.Equal(*mails["p3"].Delivery.DatedAt) {
			t.Errorf("the copy: %+v", copied.Delivery)
		}
		w.settle(t, copied.Outcome(db.ResultUncertain))

		// Those held back go when their suppressions are lifted.
		for _, address := range []string{"p2", "p4", "p5"} {
			person := query[db.ID](t, w, "SELECT id FROM people WHERE email = ?", address+"@example.org")
			if _, err := w.LiftSuppression(t.Context(), w.olga, person, nil); err != nil {
				t.Fatal(err)
			}
		}
		w.retry(t, c.ID, false, 3)
		var to []string
		for _, m := range w.start(t, db.Bulk, 10, worker(), 3) {
			to = append(to, *m.Person.Address)
			w.settle(t, m.Outcome(db.ResultSent))
		}
		slices.Sort(to)
		if !slices.Equal(to, []string{"p2@example.org", "p4@example.org", "p5@example.org"}) {
			t.Errorf("to %v", to)
		}
		w.checkCounts(t, "in the end")
	})
}

func TestRetriesThatAreRefused(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c, _ := w.ended(t)
		refuse := func(actor db.Actor, id db.ID, want db.ErrorCode) {
			t.Helper()
			if _, n, err := w.RetryFailed(t.Context(), actor, db.RetryFailedInput{CampaignID: id}, nil); code(err) != want || n != 0 {
				t.Errorf("%d are tried again, %v; want %q", n, err, want)
			}
		}
		refuse(db.Actor{}, c.ID, db.CodeNotSignedIn)
		refuse(w.outsider, c.ID, db.CodeNotFound)
		refuse(w.olga, db.NewID(db.KindCampaign, beginning), db.CodeNotFound)
		w.exec(t, "UPDATE campaigns SET respond_by = ?", w.clock.Now())
		refuse(w.olga, c.ID, db.CodeDeadline)
		w.exec(t, "UPDATE campaigns SET respond_by = NULL")
		w.exec(t, "UPDATE editions SET status = 'CANCELLED' WHERE key = 'open'")
		refuse(w.olga, c.ID, db.CodeConflict)
		w.exec(t, "UPDATE editions SET status = 'PUBLISHED' WHERE key = 'open'")

		running := w.send(t, w.olga, toEdition("running", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("q", 3)}))
		m := w.start(t, db.Bulk, 1, worker(), 1)[0]
		w.settle(t, refused(m, 554, "5.0.0 No"))
		if _, err := w.PauseCampaign(t.Context(), w.olga, running.ID, nil); err != nil {
			t.Fatal(err)
		}
		refuse(w.olga, running.ID, db.CodeConflict)
		if _, err := w.ResumeCampaign(t.Context(), w.olga, running.ID, nil); err != nil {
			t.Fatal(err)
		}
		w.retry(t, running.ID, false, 1) // while the others are still leaving
		if _, err := w.CancelCampaign(t.Context(), w.olga, running.ID, nil); err != nil {
			t.Fatal(err)
		}
		w.checkCounts(t, "cancelled")
		refuse(w.olga, running.ID, db.CodeConflict)

		// Whoever was invited anew is left to the new invitation.
		other := w.send(t, w.konrad, toEdition("anew", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 2)}))
		if other.Total != 1 {
			t.Fatalf("%d are invited anew", other.Total)
		}
		w.retry(t, c.ID, false, 0)
		w.clock.advance(200 * 24 * time.Hour)
		refuse(w.olga, c.ID, db.CodeConflict)
	})
}

// Several organisers try again at once while people answer and reports come in: each mail is queued once, and every count is right.
func TestRetriesAtOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const guests = 30
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", guests)}))
		mails := w.start(t, db.Bulk, guests, worker(), guests)
		for i, m := range mails {
			if i%2 == 0 {
				w.settle(t, m.Outcome(db.ResultUncertain))
			} else {
				w.settle(t, refused(m, 554, "5.0.0 No"))
			}
		}
		var mu sync.Mutex
		total := 0
		var wg sync.WaitGroup
		for _, actor := range []db.Actor{w.olga, w.konrad, w.olga} {
			wg.Go(func() {
				_, n, err := w.RetryFailed(t.Context(), actor, db.RetryFailedInput{CampaignID: c.ID, Uncertain: new(true)}, nil)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				total += n
				mu.Unlock()
			})
		}
		wg.Go(func() {
			for _, m := range mails[:10] {
				if _, err := w.RecordAnswer(t.Context(), m.AnswerToken, false); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for _, m := range mails[10:20] {
				if _, err := w.RecordBounce(t.Context(), db.Bounce{Token: m.BounceToken, StatusCode: "4.2.2"}); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Wait()
		w.checkCounts(t, "after all at once")
		w.checkDeadlocks(t, "after all at once")
		if n := query[int](t, w, "SELECT count(*) FROM deliveries WHERE state = 'QUEUED' AND kind = 'invitation'"); n != total || total < guests-20 {
			t.Errorf("%d are queued of %d that were tried again", n, total)
		}
	})
}

func TestReasonsOfFailures(t *testing.T) {
	t.Parallel()
	text := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	for name, test := range map[string]struct {
		state         db.DeliveryState
		code          int
		status, words string
		want          db.DeliveryReason
	}{
		"sent":                          {db.Sent, 250, "", "", ""},
		"on its way":                    {db.Sending, 421, "", "later", ""},
		"first in line":                 {db.Queued, 0, "", "", ""},
		"greylisted":                    {db.Queued, 451, "4.7.1", "4.7.1 Try again", db.ReasonDelayed},
		"no mailbox":                    {db.Failed, 550, "5.1.1", "5.1.1 No such user", db.ReasonNoMailbox},
		"came back from no host":        {db.Bounced, 250, "5.1.2", "Host not found", db.ReasonNoMailbox},
		"full":                          {db.Failed, 552, "5.2.2", "5.2.2 Over quota", db.ReasonMailboxFull},
		"full without a status":         {db.Failed, 552, "", "Over quota", db.ReasonMailboxFull},
		"full for two days":             {db.Failed, 452, "4.2.2", "4.2.2 Over quota", db.ReasonMailboxFull},
		"came back full":                {db.Bounced, 250, "4.2.2", "Over quota", db.ReasonMailboxFull},
		"spam":                          {db.Failed, 554, "5.7.1", "5.7.1 Spam", db.ReasonNotWanted},
		"greylisted for two days":       {db.Failed, 451, "", "Later", db.ReasonGivenUp},
		"refused without a status":      {db.Failed, 550, "", "No", db.ReasonRefused},
		"came back for whatever reason": {db.Bounced, 250, "", "", db.ReasonRefused},
		"not written":                   {db.Failed, 0, "", "The mail could not be composed.", db.ReasonNotWritten},
		"without address":               {db.Failed, 0, "", "The person has no mail address.", db.ReasonNoAddress},
		"opted out":                     {db.Suppressed, 0, "", "The person asked for no more invitations.", db.ReasonOptedOut},
		"uncertain":                     {db.Uncertain, 0, "", "EOF", db.ReasonConnectionLost},
		"taken back":                    {db.DeliveryCanceled, 0, "", "", db.ReasonUntrue},
	} {
		x := &db.Delivery{State: test.state, LastCode: test.code, StatusCode: text(test.status), LastError: text(test.words)}
		got := db.DeliveryReason("")
		if r := x.Reason(); r != nil {
			got = *r
		}
		if got != test.want || (x.Explanation() == nil) != (test.want == "") || (x.ReplyCode() == nil) != (test.code == 0) {
			t.Errorf("%s: %q, want %q; %v, %v", name, got, test.want, x.Explanation(), x.ReplyCode())
		}
	}
}

// What the suppressions of addresses say is understood too.
func TestReasonsOfSuppressions(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c, mails := w.ended(t)
		suppressed := query[db.ID](t, w, "SELECT id FROM deliveries WHERE campaign_id = ? AND state = 'SUPPRESSED'", c.ID)
		for id, want := range map[db.ID]db.DeliveryReason{
			suppressed: db.ReasonOftenReturned, mails["p2"].Delivery.ID: db.ReasonNoMailbox, mails["p4"].Delivery.ID: db.ReasonNoMailbox,
		} {
			if x := w.delivery(t, id); x.Reason() == nil || *x.Reason() != want {
				t.Errorf("%+v: want %s", x, want)
			}
		}
	})
}
