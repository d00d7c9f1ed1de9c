package graph_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

const (
	optOut = `name="invitations" value="out"`
	optIn  = `name="invitations" value="in"`
)

// optOutLink is the path of the page on which a person opts out.
func (m *meeting) optOutLink(email string) string {
	m.t.Helper()
	var person db.ID
	if err := m.raw.QueryRowContext(m.t.Context(), "SELECT id FROM people WHERE email = ?", email).Scan(&person); err != nil {
		m.t.Fatal(err)
	}
	token, err := m.db.OptOutToken(m.t.Context(), person)
	if err != nil {
		m.t.Fatal(err)
	}
	return "/unsubscribe/" + token
}

// optOuts writes out who wants no invitations, and by what means.
func (m *meeting) optOuts() string {
	m.t.Helper()
	var all string
	if err := m.raw.QueryRowContext(m.t.Context(), `SELECT coalesce(group_concat(email || ' ' || means || ' ' || substr(opted_out_at, 1, 16), ', '), '')
		FROM opt_outs JOIN people ON people.id = person_id`).Scan(&all); err != nil {
		m.t.Fatal(err)
	}
	return all
}

func TestLookingAtTheOptOutPageChangesNothing(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	link := m.optOutLink("olga@example.org")
	before := m.rows()
	page := m.get(link)
	m.expect(page, http.StatusOK, "Uitnodigingen voor Olga Organiser", "U krijgt uitnodigingen.", optOut)
	m.hides(page, optIn, "<script")
	m.expect(m.get(link+"?lang=de&List-Unsubscribe=One-Click&invitations=out"), http.StatusOK, "Sie erhalten Einladungen.")
	m.expect(m.get(link+"?lang=en"), http.StatusOK, "You get invitations.")
	m.expect(m.send(http.MethodHead, link, ""), http.StatusOK)
	m.expect(m.send(http.MethodPut, link, "List-Unsubscribe=One-Click"), http.StatusMethodNotAllowed)
	if after := m.rows(); after != before || m.optOuts() != "" {
		t.Errorf("before:\n%s\nafter:\n%s%s", before, after, m.optOuts())
	}
}

func TestOptingOutAndInAgainByThePage(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	link := m.optOutLink("olga@example.org")
	press := func(choice string) page {
		posted := m.send(http.MethodPost, link+"?lang=en", "invitations="+choice, "Sec-Fetch-Site", "same-origin", "Origin", m.site)
		if posted.StatusCode != http.StatusSeeOther || posted.Header.Get("Location") != link+"?lang=en" {
			t.Fatalf("%s to %q", posted.Status, posted.Header.Get("Location"))
		}
		return m.get(link + "?lang=en")
	}
	for range 2 { // the second time changes nothing
		out := press("out")
		m.expect(out, http.StatusOK, "You get no more invitations.", "You always hear about meetings that you are registered for", optIn)
		m.hides(out, optOut)
	}
	if got := m.optOuts(); got != "olga@example.org PAGE 2027-03-01 09:00" {
		t.Errorf("recorded %q", got)
	}
	m.expect(press("in"), http.StatusOK, "You get invitations.", optOut)
	if got := m.optOuts(); got != "" {
		t.Errorf("recorded %q", got)
	}
	if n := strings.Count(m.rows(), "of invitations|"); n != 1 {
		t.Errorf("%d lines of opting out in the audit log", n)
	}
	if n := strings.Count(m.rows(), "in to invitations|"); n != 1 {
		t.Errorf("%d lines of opting in in the audit log", n)
	}
}

// TestOneClick posts as mail programs do (RFC 8058): no cookie, no sign-in, and no redirect in answer.
func TestOneClick(t *testing.T) {
	t.Parallel()
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	if err := parts.WriteField("List-Unsubscribe", "One-Click"); err != nil {
		t.Fatal(err)
	}
	parts.Close()
	for name, send := range map[string]func(m *meeting, link string) page{
		"without any sign of a browser": func(m *meeting, link string) page {
			return m.send(http.MethodPost, link, "List-Unsubscribe=One-Click")
		},
		"as a form of many parts": func(m *meeting, link string) page {
			return m.send(http.MethodPost, link, form.String(), "Content-Type", parts.FormDataContentType())
		},
		"from the page of a mail program": func(m *meeting, link string) page {
			return m.send(http.MethodPost, link, "List-Unsubscribe=One-Click", "Origin", "https://mail.example.com", "Sec-Fetch-Site", "cross-site")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMeeting(t)
			page := send(m, m.optOutLink("olga@example.org"))
			m.expect(page, http.StatusOK, "U krijgt geen uitnodigingen meer.", optIn)
			if got := m.optOuts(); got != "olga@example.org ONE_CLICK 2027-03-01 09:00" {
				t.Errorf("recorded %q", got)
			}
		})
	}
}

func TestOptOutOfNobody(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	good := strings.TrimPrefix(m.optOutLink("olga@example.org"), "/unsubscribe/")
	answer := m.invite(db.SendInvitationsInput{}, "Petra,petra@example.org,nl")[0]
	for name, token := range map[string]string{
		"none": "", "cut": good[:47], "longer": good + "A", "another's purpose": answer, "one letter off": good[:10] + "x" + good[11:],
	} {
		m.expect(m.get("/unsubscribe/"+token), http.StatusNotFound, "This link does not work")
		m.expect(m.send(http.MethodPost, "/unsubscribe/"+token, "List-Unsubscribe=One-Click"), http.StatusNotFound)
		m.expect(m.send(http.MethodPost, "/unsubscribe/"+token, "invitations=out"), http.StatusNotFound)
		if got := m.optOuts(); got != "" {
			t.Errorf("%s: recorded %q", name, got)
		}
	}
	m.expect(m.get("/i/"+good), http.StatusNotFound)
	m.expect(m.get("/r/"+good), http.StatusNotFound)
}

func TestOptOutFormsThatSayNothing(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	link := m.optOutLink("olga@example.org")
	for body, status := range map[string]int{
		"": http.StatusBadRequest, "invitations=maybe": http.StatusBadRequest, "invitations=out&invitations=in": http.StatusBadRequest,
		"List-Unsubscribe=Two-Clicks": http.StatusBadRequest, "%zz": http.StatusBadRequest,
		"List-Unsubscribe=One-Click&x=" + strings.Repeat("x", 5000): http.StatusRequestEntityTooLarge,
	} {
		m.expect(m.send(http.MethodPost, link, body), status, "Uw antwoord is niet aangekomen.", optOut)
	}
	m.expect(m.send(http.MethodPost, link, "--x", "Content-Type", "multipart/form-data; boundary=x"), http.StatusBadRequest)
	if got := m.optOuts(); got != "" {
		t.Errorf("recorded %q", got)
	}
}

func TestLogNamesNoOptOutLink(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	link := m.optOutLink("olga@example.org")
	m.exec("DROP TABLE opt_outs")
	m.expect(m.get(link), http.StatusInternalServerError)
	if !strings.Contains(m.log.String(), "unsubscribe") || strings.Contains(m.log.String(), strings.TrimPrefix(link, "/unsubscribe/")) {
		t.Error(m.log.String())
	}
}

func TestViewerChoosesInvitationMails(t *testing.T) {
	each(t, func(t *house) {
		const change = `mutation ($wanted: Boolean!) { changeInvitationMails(input: { wanted: $wanted }) {
			viewer { invitationMails person { email } } userErrors { code } } }`
		wanted := func() any {
			return at(t.ask(organiser, "{ viewer { invitationMails } }", nil), "viewer", "invitationMails")
		}
		if wanted() != true {
			t.Error("nobody said to want no invitations")
		}
		for _, choice := range []bool{false, false, true} {
			payload := at(t.ask(organiser, change, vars{"wanted": choice}), "changeInvitationMails")
			if at(payload, "viewer", "invitationMails") != choice || at(payload, "viewer", "person", "email") != organiser || wanted() != choice {
				t.Errorf("%v: %v, then %v", choice, payload, wanted())
			}
		}
		payload := at(t.ask("", change, vars{"wanted": false}), "changeInvitationMails")
		if at(payload, "viewer") != nil || at(payload, "userErrors", 0, "code") != "NOT_SIGNED_IN" {
			t.Errorf("signed out: %v", payload)
		}
	})
}

func TestLiftingASuppression(t *testing.T) {
	each(t, func(t *house) {
		const lift = `mutation ($person: ID!) { liftSuppression(input: { personId: $person }) { person { suppression { reason } } userErrors { code field } } }`
		const look = `query ($person: ID!) { node(id: $person) { ... on Person { suppression { reason since } } } }`
		t.exec("INSERT INTO suppressions (email, reason, created_at) VALUES ('max.muster@example.org', 'SOFT_BOUNCES', '2026-01-02 03:04:05+00:00')")
		max := t.id("people", "max-muster")
		seen := func(by string) any { return at(t.ask(by, look, vars{"person": max}), "node", "suppression") }
		if got := fmt.Sprint(seen("max.muster@example.org")); got != "map[reason:SOFT_BOUNCES since:2026-01-02T03:04:05Z]" {
			t.Errorf("the person sees %v", got)
		}
		payload := at(t.ask("", lift, vars{"person": max}), "liftSuppression")
		if at(payload, "userErrors", 0, "code") != "NOT_SIGNED_IN" {
			t.Errorf("signed out: %v", payload)
		}
		payload = at(t.ask("max.muster@example.org", lift, vars{"person": max}), "liftSuppression")
		if len(list(payload, "userErrors")) > 0 || at(payload, "person", "suppression") != nil || seen("max.muster@example.org") != nil {
			t.Errorf("lifted: %v", payload)
		}
	})
}
