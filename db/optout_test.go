package db_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// optOut opts a person out by the link of a mail.
func (w *world) optOut(t *testing.T, address string) {
	t.Helper()
	token, err := w.OptOutToken(t.Context(), w.personID(t, address))
	if err != nil {
		t.Fatal(err)
	}
	if chosen, err := w.ChooseInvitationMails(t.Context(), token, false, db.OptOutOneClick); err != nil || chosen == nil || chosen.Wanted {
		t.Fatal(chosen, err)
	}
}

func (w *world) personID(t *testing.T, address string) db.ID {
	t.Helper()
	return query[db.ID](t, w, "SELECT id FROM people WHERE email = ?", address)
}

// begin claims and starts the mails of a lane and returns those to send, in the order of their addresses.
func (w *world) begin(t *testing.T, lane db.Lane) []*db.Mail {
	t.Helper()
	_, mails, err := w.StartDeliveries(t.Context(), lane, db.NewID(db.KindWorker, w.clock.Now()), 1000)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(mails, func(a, b *db.Mail) int { return strings.Compare(*a.Person.Address, *b.Person.Address) })
	return mails
}

// settleAll settles mails alike.
func (w *world) settleAll(t *testing.T, mails []*db.Mail, result db.Result, code int, detail string) {
	t.Helper()
	var outcomes []db.Outcome
	for _, m := range mails {
		o := m.Outcome(result)
		o.Code, o.Detail = code, detail
		outcomes = append(outcomes, o)
	}
	if err := w.SettleDeliveries(t.Context(), outcomes); err != nil {
		t.Fatal(err)
	}
}

func TestWhoOptedOutIsNotInvited(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		edition := query[db.ID](t, w, "SELECT id FROM editions WHERE key = 'open'")
		anna, bert := w.personID(t, "anna@example.org"), w.personID(t, "bert@example.org")
		in := toEdition("first", &edition, db.AudienceInput{PersonIDs: []db.ID{anna, bert}})
		w.optOut(t, "anna@example.org")

		preview, err := w.PreviewInvitations(t.Context(), w.olga, in)
		if err != nil {
			t.Fatal(err)
		}
		if preview.Total != 2 || preview.NewRecipients != 1 || preview.OptedOut != 1 || *preview.Rows[0].Email != "anna@example.org" || preview.Rows[0].Problem == nil {
			t.Errorf("preview %+v", preview)
		}
		c := w.send(t, w.olga, in)
		if n := query[int](t, w, "SELECT count(*) FROM invitations WHERE person_id = ?", anna); n != 0 || c.Total != 1 {
			t.Errorf("%d invitations for who opted out, %d in the campaign", n, c.Total)
		}

		// Bert opts out after the mail was queued.
		w.optOut(t, "bert@example.org")
		if mails := w.begin(t, db.Bulk); len(mails) != 0 {
			t.Errorf("%d mails would leave", len(mails))
		}
		x := w.delivery(t, query[db.ID](t, w, "SELECT id FROM deliveries WHERE campaign_id = ?", c.ID))
		if x.State != db.Suppressed || x.LastError == nil || *x.LastError != "The person asked for no more invitations." {
			t.Errorf("%s: %v", x.State, x.LastError)
		}
		if status := query[string](t, w, "SELECT status FROM invitations WHERE person_id = ?", bert); status != "UNDELIVERED" {
			t.Errorf("the invitation is %s", status)
		}
		w.checkCounts(t, "opted out")

		if _, err := w.SendInvitations(t.Context(), w.olga, toEdition("again", &edition, in.Audience), nil); code(err) != db.CodeConflict {
			t.Errorf("nobody is left to invite: %v", err)
		}
		// Who opts in again can be invited again.
		if _, _, err := w.ChangeInvitationMails(t.Context(), db.Actor{PersonID: bert}, true, nil, nil); err != nil {
			t.Fatal(err)
		}
		if again := w.send(t, w.olga, toEdition("third", &edition, in.Audience)); again.Total != 1 {
			t.Errorf("%d invited", again.Total)
		}
		if mails := w.begin(t, db.Bulk); len(mails) != 1 || mails[0].Person.ID != bert {
			t.Errorf("%d mails", len(mails))
		}
		if n := query[int](t, w, "SELECT count(*) FROM invitations WHERE person_id = ? AND status = 'WITHDRAWN'", bert); n != 1 {
			t.Errorf("%d invitations were replaced", n)
		}
		w.checkCounts(t, "opted in")
	})
}

func TestConfirmationsReachWhoOptedOut(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		edition := query[db.ID](t, w, "SELECT id FROM editions WHERE key = 'open'")
		c := w.send(t, w.olga, toEdition("key", &edition, db.AudienceInput{PersonIDs: []db.ID{w.personID(t, "anna@example.org")}}))
		w.settleAll(t, w.begin(t, db.Bulk), db.ResultSent, 250, "")
		w.optOut(t, "anna@example.org")
		for _, accept := range []bool{true, false} {
			if _, err := w.RecordAnswer(t.Context(), w.tokens(t, c.ID)[0], accept); err != nil {
				t.Fatal(err)
			}
			mails := w.begin(t, db.Urgent)
			if len(mails) != 1 {
				t.Fatalf("%d mails after answering %v", len(mails), accept)
			}
			if mails[0].OptOutToken != "" || mails[0].BounceToken == "" {
				t.Errorf("a %s with opt-out %q and return path %q", mails[0].Delivery.Kind, mails[0].OptOutToken, mails[0].BounceToken)
			}
			w.settleAll(t, mails, db.ResultSent, 250, "")
		}
	})
}

func TestOptOutLinkIsForOnePerson(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		token, err := w.OptOutToken(t.Context(), w.personID(t, "anna@example.org"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.InvitationMails(t.Context(), token); err != nil || got == nil || !got.Wanted || got.Person.Name != "Anna" {
			t.Errorf("%+v, %v", got, err)
		}
		w.clock.advance(10 * 365 * 24 * time.Hour)
		w.optOut(t, "anna@example.org")
		if n := query[int](t, w, "SELECT count(*) FROM opt_outs"); n != 1 {
			t.Errorf("%d opted out", n)
		}
		for name, bad := range map[string]string{"cut": token[:40], "none": "", "one letter off": "B" + token[1:]} {
			if got, err := w.ChooseInvitationMails(t.Context(), bad, true, db.OptOutPage); got != nil || err != nil {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
	})
}

func TestErasureKeepsTheWishForNoInvitations(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		edition := query[db.ID](t, w, "SELECT id FROM editions WHERE key = 'open'")
		anna := w.personID(t, "anna@example.org")
		token, err := w.OptOutToken(t.Context(), anna)
		if err != nil {
			t.Fatal(err)
		}
		w.optOut(t, "anna@example.org")
		if _, err := w.EraseMe(t.Context(), db.Actor{PersonID: anna}, true); err != nil {
			t.Fatal(err)
		}
		if n := query[int](t, w, "SELECT count(*) FROM opt_outs"); n != 0 {
			t.Errorf("%d opt-outs lead to erased people", n)
		}
		if got, err := w.ChooseInvitationMails(t.Context(), token, false, db.OptOutPage); got != nil || err != nil {
			t.Errorf("the link of an erased person: %v, %v", got, err)
		}
		list := "name,email\nAnna,Anna@example.org"
		in := toEdition("key", &edition, db.AudienceInput{CSV: &list})
		if preview, err := w.PreviewInvitations(t.Context(), w.olga, in); err != nil || preview.OptedOut != 1 || preview.NewRecipients != 0 {
			t.Fatalf("%+v, %v", preview, err)
		}
		// Back under the same address, she opts in herself.
		w.exec(t, "INSERT INTO people (id, organisation_id, affiliation, name, email, locale, created_at) SELECT ?, organisation_id, '', 'Anna', 'anna@example.org', 'nl', created_at FROM people WHERE key = 'olga'",
			db.NewID(db.KindPerson, beginning))
		back := db.Actor{PersonID: w.personID(t, "anna@example.org")}
		if wanted, err := w.WantsInvitations(t.Context(), back); wanted || err != nil {
			t.Errorf("%v, %v", wanted, err)
		}
		if _, _, err := w.ChangeInvitationMails(t.Context(), back, true, nil, nil); err != nil {
			t.Fatal(err)
		}
		if wanted, err := w.WantsInvitations(t.Context(), back); !wanted || err != nil {
			t.Errorf("%v, %v", wanted, err)
		}
		if c := w.send(t, w.olga, in); c.Total != 1 {
			t.Errorf("%d invited", c.Total)
		}
	})
}
