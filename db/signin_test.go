package db_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// signInLink asks for a link and returns its token as the mail would carry it.
func (w *world) signInLink(t testing.TB, address string) string {
	t.Helper()
	if err := w.RequestSignIn(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	mails := w.claimAll(t, db.Urgent)
	for _, m := range mails {
		if m.Delivery.Kind == db.MailSignIn {
			return m.SignInToken
		}
	}
	t.Fatalf("no sign-in mail among %d", len(mails))
	return ""
}

// claimAll claims and starts everything that is due on the lane.
func (w *world) claimAll(t testing.TB, lane db.Lane) []*db.Mail {
	t.Helper()
	_, mails, err := w.StartDeliveries(t.Context(), lane, db.NewID(db.KindWorker, w.clock.Now()), 50)
	if err != nil {
		t.Fatal(err)
	}
	return mails
}

func TestSigningInByMail(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		token := w.signInLink(t, " Anna@example.org ")
		if len(token) < 43 {
			t.Fatalf("token %q", token)
		}
		if hash := query[string](t, w, "SELECT hash FROM sign_in_links"); strings.Contains(hash, token) {
			t.Errorf("the database keeps the token: %s", hash)
		}
		for range 2 { // looking changes nothing
			if works, err := w.SignInLinkWorks(t.Context(), token); !works || err != nil {
				t.Fatalf("works: %v, %v", works, err)
			}
		}
		in, err := w.SignIn(t.Context(), token, "Firefox\x00 of Anna", nil)
		if err != nil || in.Person.Name != "Anna" || in.SignIn.Device != "Firefox of Anna" || in.SignIn.Way != db.ByMail {
			t.Fatalf("%+v, %v", in, err)
		}
		actor, ok, err := w.Authenticate(t.Context(), in.Token)
		if !ok || err != nil || actor.PersonID != in.Person.ID || actor.TokenID != in.SignIn.ID {
			t.Errorf("actor %+v, %v, %v", actor, ok, err)
		}
		for name, bad := range map[string]string{"used": token, "cut": token[:20], "none": "", "a bearer token": in.Token} {
			if _, err := w.SignIn(t.Context(), bad, "", nil); code(err) != db.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.clock.advance(31 * 24 * time.Hour)
		if _, ok, _ := w.Authenticate(t.Context(), in.Token); ok {
			t.Error("the sign-in lasts for ever")
		}
	})
}

func TestSignInLinksEnd(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		first, second := w.signInLink(t, "anna@example.org"), w.signInLink(t, "anna@example.org")
		if _, err := w.SignIn(t.Context(), second, "", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := w.SignIn(t.Context(), first, "", nil); code(err) != db.CodeInvalid {
			t.Errorf("an earlier link after another was used: %v", err)
		}
		late := w.signInLink(t, "anna@example.org")
		w.clock.advance(15*time.Minute + time.Second)
		if _, err := w.SignIn(t.Context(), late, "", nil); code(err) != db.CodeInvalid {
			t.Errorf("after a quarter of an hour: %v", err)
		}
		if works, err := w.SignInLinkWorks(t.Context(), late); works || err != nil {
			t.Errorf("works after a quarter of an hour: %v, %v", works, err)
		}
		if err := w.RequestSignIn(t.Context(), "anna@example.org"); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(16 * time.Minute)
		if mails := w.claimAll(t, db.Urgent); len(mails) != 0 {
			t.Errorf("a mail that comes too late still went: %+v", mails[0])
		}
	})
}

func TestOneLinkSignsInOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		token := w.signInLink(t, "anna@example.org")
		var group sync.WaitGroup
		signedIn := make(chan string, 16)
		for range 16 {
			group.Go(func() {
				if in, err := w.SignIn(t.Context(), token, "", nil); err == nil {
					signedIn <- in.Token
				} else if code(err) != db.CodeInvalid {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(signedIn) != 1 {
			t.Errorf("%d signed in with one link", len(signedIn))
		}
	})
}

func TestUnknownAddressesAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		statements := map[string]int64{}
		for _, address := range []string{"anna@example.org", "nobody-at-all@example.org"} {
			ctx, count := db.CountStatements(t.Context())
			if err := w.RequestSignIn(ctx, address); err != nil {
				t.Errorf("%s: %v", address, err)
			}
			statements[address] = count.Load()
		}
		if statements["anna@example.org"] != statements["nobody-at-all@example.org"] {
			t.Errorf("statements tell them apart: %v", statements)
		}
		if n := query[int](t, w, "SELECT count(*) FROM deliveries WHERE kind = 'sign_in'"); n != 1 {
			t.Errorf("%d mails", n)
		}
		if n := query[int](t, w, "SELECT count(*) FROM audit_log WHERE action = 'request sign-in'"); n != 2 {
			t.Errorf("%d lines in the log", n)
		}
		if err := w.RequestSignIn(t.Context(), "no address"); code(err) != db.CodeInvalid {
			t.Errorf("no address: %v", err)
		}
	})
}

func TestSigningOut(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		var tokens []string
		for range 3 {
			in, err := w.SignIn(t.Context(), w.signInLink(t, "anna@example.org"), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens, in.Token)
			w.clock.advance(time.Second)
		}
		actors := make([]db.Actor, len(tokens))
		for i, token := range tokens {
			actors[i], _, _ = w.Authenticate(t.Context(), token)
		}
		list, err := w.SignIns(t.Context(), actors[0])
		if err != nil || len(list) != 3 || !list[2].Current || list[0].Current {
			t.Fatalf("sign-ins %+v, %v", list, err)
		}
		alive := func(want ...bool) {
			t.Helper()
			for i, token := range tokens {
				if _, ok, err := w.Authenticate(t.Context(), token); ok != want[i] || err != nil {
					t.Errorf("token %d: %v, %v", i, ok, err)
				}
				if _, ok, err := w.Renew(t.Context(), actors[i]); ok != want[i] || err != nil {
					t.Errorf("renewed %d: %v, %v", i, ok, err)
				}
			}
		}
		if err := w.SignOut(t.Context(), w.olga, &actors[1].TokenID); err != nil {
			t.Fatal(err)
		}
		alive(true, true, true) // nobody ends the sign-ins of others
		if err := w.SignOut(t.Context(), actors[0], &actors[1].TokenID); err != nil {
			t.Fatal(err)
		}
		alive(true, false, true)
		if err := w.SignOut(t.Context(), actors[0], nil); err != nil {
			t.Fatal(err)
		}
		alive(false, false, true)
		if err := w.SignOutEverywhere(t.Context(), actors[2]); err != nil {
			t.Fatal(err)
		}
		alive(false, false, false)
		if err := w.SignOut(t.Context(), db.Actor{}, nil); code(err) != db.CodeNotSignedIn {
			t.Errorf("nobody: %v", err)
		}
	})
}
