package db_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// invited sends invitations to people and returns their mails as they are about to leave.
func (w *world) invited(t *testing.T, key string, edition string, addresses ...string) (*db.Campaign, []*db.Mail) {
	t.Helper()
	id := query[db.ID](t, w, "SELECT id FROM editions WHERE key = ?", edition)
	var people []db.ID
	for _, address := range addresses {
		people = append(people, w.personID(t, address))
	}
	c := w.send(t, w.olga, toEdition(key, &id, db.AudienceInput{PersonIDs: people}))
	return c, w.begin(t, db.Bulk)
}

func (w *world) bounce(t *testing.T, m *db.Mail, status string) {
	t.Helper()
	if known, err := w.RecordBounce(t.Context(), db.Bounce{Token: m.BounceToken, StatusCode: status, Detail: "words"}); err != nil || !known {
		t.Fatal(known, err)
	}
}

func (w *world) suppression(t *testing.T, address string) string {
	t.Helper()
	return query[string](t, w, "SELECT coalesce(max(reason), '') FROM suppressions WHERE email = ?", address)
}

func TestMailThatComesBack(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c, mails := w.invited(t, "key", "open", "anna@example.org", "bert@example.org", "carla@example.org")
		w.settleAll(t, mails[:1], db.ResultSent, 250, "")
		w.settleAll(t, mails[1:2], db.ResultUncertain, 0, "no answer")
		for range 2 { // servers repeat themselves
			w.bounce(t, mails[0], "5.1.1")
			w.bounce(t, mails[1], "4.4.7")
			w.bounce(t, mails[2], "5.7.1") // faster than the outcome
		}
		w.settleAll(t, mails[2:], db.ResultSent, 250, "")
		if c := w.campaign(t, c.ID); c.Sent != 0 || c.Uncertain != 0 || c.Bounced != 3 || c.Status() != db.CampaignFinished {
			t.Errorf("%+v", c)
		}
		w.checkCounts(t, "bounced")
		for _, m := range mails {
			x := w.delivery(t, m.Delivery.ID)
			if x.State != db.Bounced || x.StatusCode == nil || x.LastError == nil || *x.LastError != "words" || x.SentAt == nil && m != mails[1] {
				t.Errorf("%s %v %v %v", x.State, x.StatusCode, x.LastError, x.SentAt)
			}
		}
		if n := query[int](t, w, "SELECT count(*) FROM invitations WHERE status = 'UNDELIVERED'"); n != 3 {
			t.Errorf("%d undelivered invitations", n)
		}
		for address, want := range map[string]string{"anna@example.org": "HARD_BOUNCE", "bert@example.org": "", "carla@example.org": ""} {
			if got := w.suppression(t, address); got != want {
				t.Errorf("%s: %q, want %q", address, got, want)
			}
		}

		// An invitation that did not arrive can be sent again; one to a dead address is not.
		if again, left := w.invited(t, "again", "open", "anna@example.org", "bert@example.org", "carla@example.org"); again.Total != 2 || len(left) != 2 {
			t.Errorf("%d invited again, %d mails", again.Total, len(left))
		}
		w.checkCounts(t, "invited again")
	})
}

func TestHardAndSoftBounces(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		_, mails := w.invited(t, "key", "open", "anna@example.org")
		w.settleAll(t, mails, db.ResultSent, 250, "")
		for status, hard := range map[string]bool{
			"5.1.1": true, "5.1.0": true, "5.1.2": true, "5.1.3": true, "5.1.6": true, "5.1.10": true, "5.2.1": true, "5.4.4": true,
			"5.1.7": false, "5.1.8": false, "5.2.2": false, "5.7.1": false, "5.0.0": false, "4.1.1": false, "4.4.7": false, "": false, "5.1.11": false, "5.2.10": false,
		} {
			w.exec(t, "DELETE FROM bounces")
			w.exec(t, "DELETE FROM suppressions")
			w.bounce(t, mails[0], status)
			if got := w.suppression(t, "anna@example.org"); (got == "HARD_BOUNCE") != hard || !hard && got != "" {
				t.Errorf("%q: %q", status, got)
			}
		}
	})
}

func TestSoftBouncesOfDifferentMailsSuppress(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		send := func(key, edition string) *db.Mail {
			_, mails := w.invited(t, key, edition, "anna@example.org")
			w.settleAll(t, mails, db.ResultSent, 250, "")
			return mails[0]
		}
		first := send("1", "open")
		w.bounce(t, first, "4.4.7")
		w.bounce(t, first, "4.4.7")
		w.bounce(t, first, "4.2.2") // the same mail again
		w.clock.advance(31 * 24 * time.Hour)
		w.bounce(t, send("2", "open"), "4.4.7")
		w.bounce(t, send("3", "small"), "5.2.2")
		if got := w.suppression(t, "anna@example.org"); got != "" {
			t.Errorf("after two within 30 days: %q", got)
		}
		w.bounce(t, send("4", "small"), "5.7.1")
		if got := w.suppression(t, "anna@example.org"); got != "SOFT_BOUNCES" {
			t.Errorf("after three within 30 days: %q", got)
		}

		// Lifting begins anew.
		if _, err := w.LiftSuppression(t.Context(), w.olga, w.personID(t, "anna@example.org"), nil); err != nil {
			t.Fatal(err)
		}
		w.bounce(t, send("5", "small"), "4.4.7")
		if got := w.suppression(t, "anna@example.org"); got != "" {
			t.Errorf("after one more: %q", got)
		}
	})
}

func TestBounceOfAnOldAddressSparesTheNewOne(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		_, mails := w.invited(t, "key", "open", "anna@example.org")
		w.settleAll(t, mails, db.ResultSent, 250, "")
		w.exec(t, "UPDATE people SET email = 'anna.new@example.org' WHERE email = 'anna@example.org'")
		w.bounce(t, mails[0], "5.1.1")
		if got := query[int](t, w, "SELECT count(*) FROM suppressions"); got != 0 {
			t.Errorf("%d suppressions", got)
		}
		if state := query[string](t, w, "SELECT state FROM deliveries WHERE id = ?", mails[0].Delivery.ID); state != "BOUNCED" {
			t.Errorf("the mail is %s", state)
		}
	})
}

func TestRefusalAtOnceIsAHardBounceToo(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		_, mails := w.invited(t, "key", "open", "anna@example.org", "bert@example.org")
		w.settleAll(t, mails[:1], db.ResultFailed, 550, "5.1.1 <…> is unknown here")
		w.settleAll(t, mails[1:], db.ResultFailed, 554, "5.7.1 No mail from you")
		if a, b := w.suppression(t, "anna@example.org"), w.suppression(t, "bert@example.org"); a != "HARD_BOUNCE" || b != "" {
			t.Errorf("%q, %q", a, b)
		}
		if got := rows[string](t, w, "SELECT state || ' ' || status_code FROM deliveries ORDER BY status_code"); strings.Join(got, ", ") != "FAILED 5.1.1, FAILED 5.7.1" {
			t.Errorf("%q", got)
		}
		if n := query[int](t, w, "SELECT count(*) FROM invitations WHERE status = 'UNDELIVERED'"); n != 2 {
			t.Errorf("%d undelivered invitations", n)
		}
		w.checkCounts(t, "refused")
	})
}

func TestUndeliveredInvitationCanBeAnswered(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c, mails := w.invited(t, "key", "open", "anna@example.org")
		w.settleAll(t, mails, db.ResultSent, 250, "")
		w.bounce(t, mails[0], "4.4.7")
		answer, err := w.RecordAnswer(t.Context(), w.tokens(t, c.ID)[0], true) // a copy got through
		if err != nil || answer == nil || answer.Invitation.Status != db.InvitationAccepted {
			t.Fatal(answer, err)
		}
		w.checkCounts(t, "accepted")
	})
}

func TestBounceTokens(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		_, mails := w.invited(t, "key", "open", "anna@example.org")
		w.settleAll(t, mails, db.ResultSent, 250, "")
		token := mails[0].BounceToken
		if len(token) != 52 || len("bounce+"+token) > 64 || token != strings.ToLower(token) {
			t.Errorf("%q", token)
		}
		for name, bad := range map[string]string{"none": "", "cut": token[:51], "longer": token + "0", "one letter off": token[:30] + "v" + token[31:], "no token": strings.Repeat("0", 52), "a line break": token[:51] + "\n"} {
			if bad == token {
				bad = token[:30] + "u" + token[31:]
			}
			if known, err := w.RecordBounce(t.Context(), db.Bounce{Token: bad, StatusCode: "5.1.1"}); known || err != nil {
				t.Errorf("%s: %v, %v", name, known, err)
			}
			if known, err := w.RecordComplaint(t.Context(), bad); known || err != nil {
				t.Errorf("%s: %v, %v", name, known, err)
			}
		}
		if made, err := w.MadeBounceToken(t.Context(), strings.ToUpper(token)); !made || err != nil {
			t.Errorf("in capitals: %v, %v", made, err)
		}
		if state := query[string](t, w, "SELECT state FROM deliveries"); state != "SENT" {
			t.Errorf("the mail is %s", state)
		}
	})
}

func TestComplaintOptsOut(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		_, mails := w.invited(t, "key", "open", "anna@example.org", "bert@example.org")
		w.settleAll(t, mails, db.ResultSent, 250, "")
		for _, token := range []string{mails[0].BounceToken, mails[1].OptOutToken} {
			if known, err := w.RecordComplaint(t.Context(), token); !known || err != nil {
				t.Fatal(known, err)
			}
		}
		if n := query[int](t, w, "SELECT count(*) FROM opt_outs WHERE means = 'COMPLAINT'"); n != 2 {
			t.Errorf("%d opted out", n)
		}
		if n := query[int](t, w, "SELECT count(*) FROM suppressions"); n != 0 {
			t.Errorf("%d suppressed", n)
		}
	})
}

func TestWhoMayLiftASuppression(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		dieter := w.personID(t, "dieter@example.org") // of Oldenburg, which Konrad coordinates
		suppress := func() {
			w.exec(t, "INSERT INTO suppressions (email, reason, created_at) VALUES ('dieter@example.org', 'HARD_BOUNCE', ?)", w.clock.Now())
		}
		suppress()
		for name, actor := range map[string]db.Actor{"anonymous": {}, "an outsider": w.outsider, "an organiser who did not invite": w.olga} {
			want := db.CodeNotFound // they may not know of him at all
			if actor.Anonymous() {
				want = db.CodeNotSignedIn
			}
			if _, err := w.LiftSuppression(t.Context(), actor, dieter, nil); code(err) != want || w.suppression(t, "dieter@example.org") == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.LiftSuppression(t.Context(), w.outsider, w.personID(t, "konrad@example.org"), nil); code(err) != db.CodeForbidden { // who coordinates in public
			t.Errorf("somebody public: %v", err)
		}
		if _, err := w.LiftSuppression(t.Context(), w.konrad, db.NewID(db.KindPerson, w.clock.Now()), nil); code(err) != db.CodeNotFound {
			t.Errorf("nobody: %v", err)
		}
		if _, mails := w.invited(t, "key", "open", "dieter@example.org"); len(mails) != 0 {
			t.Errorf("%d mails to a suppressed address", len(mails))
		}
		for name, actor := range map[string]db.Actor{"the coordinator": w.konrad, "the person": {PersonID: dieter}, "the organiser who invited": w.olga} {
			if w.suppression(t, "dieter@example.org") == "" {
				suppress()
			}
			p, err := w.LiftSuppression(t.Context(), actor, dieter, db.Shape{"suppression": nil})
			if err != nil || p.Suppression() != nil || w.suppression(t, "dieter@example.org") != "" {
				t.Errorf("%s: %v, %v", name, p, err)
			}
		}
		if n := query[int](t, w, "SELECT count(*) FROM audit_log WHERE action = 'lift suppression' AND record_id = ?", dieter); n != 3 {
			t.Errorf("%d lines in the audit log", n)
		}
		// Now the mail leaves.
		if again, mails := w.invited(t, "again", "open", "dieter@example.org"); again.Total != 1 || len(mails) != 1 {
			t.Errorf("%d invited, %d mails", again.Total, len(mails))
		}
		w.checkCounts(t, "lifted")
	})
}
