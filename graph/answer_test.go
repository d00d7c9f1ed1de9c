package graph_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

const (
	accept  = `value="accept"`
	decline = `value="decline"`
)

func TestLookingAtAnInvitationChangesNothing(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	token := m.invite(db.SendInvitationsInput{}, "Petra,petra@example.org,nl")[0]
	m.same(func() {
		m.expect(m.get("/i/"+token), http.StatusOK, accept, decline)
		m.expect(m.get("/i/"+token+"?answer=accept&lang=de"), http.StatusOK, accept, decline)
		head := m.send(http.MethodHead, "/i/"+token, "")
		if head.StatusCode != http.StatusOK || head.source != "" {
			t.Errorf("HEAD: %s with %d bytes", head.Status, len(head.source))
		}
		for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch} {
			m.expect(m.send(method, "/i/"+token, "answer=accept"), http.StatusMethodNotAllowed)
		}
	})
}

func TestThePageStatesTheMeeting(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	message := "Bring **your** boots, {naam}.\n\nTo {meeting} by {answerBy}."
	by := time.Date(2027, 4, 30, 10, 0, 0, 0, time.UTC)
	token := m.invite(db.SendInvitationsInput{Message: &message, RespondBy: &by}, "Petra de Vries,petra@example.org,nl")[0]
	for language, texts := range map[string][]string{
		"nl": {"Uitnodiging voor Petra de Vries", "donderdag 20 mei 2027 tot en met vrijdag 21 mei 2027", "Duits en Engels",
			"Antwoord uiterlijk vrijdag 30 april 2027 om 12.00 uur (Nederlandse tijd).", "Nog 15 plaatsen vrij", "Komt u?"},
		"de": {"Einladung für Petra de Vries", "Donnerstag, 20. Mai 2027 bis Freitag, 21. Mai 2027", "Deutsch und Englisch",
			"Bitte antworten Sie bis Freitag, 30. April 2027, 12:00 Uhr (niederländische Zeit).", "Noch 15 Plätze frei", "Nehmen Sie teil?"},
		"en": {"Invitation for Petra de Vries", "Thursday 20 May 2027 to Friday 21 May 2027", "German and English",
			"Please answer by Friday 30 April 2027 at 12:00 (Dutch time).", "15 places left", "Will you come?"},
	} {
		shown := m.get("/i/" + token + "?lang=" + language)
		m.expect(shown, http.StatusOK, append(texts, `<html lang="`+language+`">`, "<h1 dir=\"auto\">Vaktreffen 2027</h1>",
			"Provinciehuis, Martinikerkhof 12, Groningen", "Two days on water in the city.", "Bring <strong>your</strong> boots, Petra de Vries.", "To Vaktreffen 2027 by")...)
		m.hides(shown, "Olga", "@example.org")
		if n := strings.Count(shown.source, `aria-current="true"`); n != 1 {
			t.Errorf("%d languages are the current one", n)
		}
	}
	// Without a choice, or with one that there is not, the person's own language.
	m.expect(m.get("/i/"+token), http.StatusOK, `<html lang="nl">`)
	m.expect(m.get("/i/"+token+"?lang=tlh"), http.StatusOK, `<html lang="nl">`)
}

func TestACourseStatesItsPriceAndHasNoLimit(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	token := m.invite(db.SendInvitationsInput{CourseRunID: &m.courseRun}, "Petra,petra@example.org,nl")[0]
	shown := m.get("/i/" + token)
	m.expect(shown, http.StatusOK, "Masterclass Water", "woensdag 12 mei 2027", "EUR 535,00", "Aanbieder", `<dd dir="auto">Nederlands</dd>`, "Utrecht", "One day with a trainer.")
	m.hides(shown, "plaatsen vrij", "bezet", "tot en met")
	held := m.press("/i/"+token, "accept")
	m.expect(held, http.StatusOK, "Er wordt een plaats voor u vastgehouden.", "zodra de intake compleet is", decline) // it has a price
	m.hides(held, accept)
}

func TestAnsweringAndChangingTheAnswer(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	token := m.invite(db.SendInvitationsInput{}, "Petra,petra@example.org,de")[0]
	accepted := m.press("/i/"+token, "accept")
	m.expect(accepted, http.StatusOK, "Sie nehmen teil.", "Ihre Antwort ändern", decline, "bis einschließlich Mittwoch, 19. Mai 2027", "Noch 14 Plätze frei")
	m.hides(accepted, accept)
	m.same(func() { m.press("/i/"+token, "accept") })
	declined := m.press("/i/"+token, "decline")
	m.expect(declined, http.StatusOK, "Sie nehmen nicht teil.", accept, "Noch 15 Plätze frei")
	m.hides(declined, decline)
	m.expect(m.press("/i/"+token, "accept"), http.StatusOK, "Sie nehmen teil.")
	// A language that was chosen stays chosen.
	m.expect(m.press("/i/"+token+"?lang=en", "decline"), http.StatusOK, "You are not coming.")
}

func TestAFullMeetingOffersTheWaitingList(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	m.exec("UPDATE seats SET capacity = 1 WHERE edition_id = ?", m.edition)
	tokens := m.invite(db.SendInvitationsInput{}, "Anna Aalbers,anna@example.org,en", "Bert Boer,bert@example.org,en", "Cor Claus,cor@example.org,en")
	m.expect(m.get("/i/"+tokens[1]), http.StatusOK, "1 place left", "Yes, I will come")
	m.expect(m.press("/i/"+tokens[0], "accept"), http.StatusOK, "You are coming.")
	full := m.get("/i/" + tokens[1])
	m.expect(full, http.StatusOK, "All places are taken", "Yes, put me on the waiting list")
	m.expect(m.press("/i/"+tokens[1], "accept"), http.StatusOK, "You are at position 1 on the waiting list.")
	waiting := m.press("/i/"+tokens[2], "accept")
	m.expect(waiting, http.StatusOK, "You are at position 2 on the waiting list.", decline)
	m.hides(waiting, accept, "Anna", "Bert", "Olga")
	m.press("/i/"+tokens[0], "decline")
	m.expect(m.get("/i/"+tokens[1]), http.StatusOK, "You are coming.")
	m.expect(m.get("/i/"+tokens[2]), http.StatusOK, "You are at position 1 on the waiting list.")
}

func TestAnAnswerCannotBeChanged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		close func(m *meeting)
		shows string
	}{
		"after the deadline":         {func(m *meeting) { m.clock("2027-04-30T22:00:00Z") }, "That was possible until the end of Friday 30 April 2027."},
		"of a cancelled meeting":     {func(m *meeting) { m.exec("UPDATE editions SET status = 'CANCELLED'") }, "This meeting has been cancelled."},
		"of a withdrawn invitation":  {func(m *meeting) { m.exec("UPDATE invitations SET status = 'WITHDRAWN'") }, "This invitation has been withdrawn."},
		"of a meeting that is over":  {func(m *meeting) { m.clock("2028-01-01T00:00:00Z") }, "It is too late to answer."},
		"of a cancelled meeting too": {func(m *meeting) { m.clock("2028-01-01T00:00:00Z"); m.exec("UPDATE editions SET status = 'CANCELLED'") }, "This meeting has been cancelled."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMeeting(t)
			m.t = t
			by := time.Date(2027, 4, 30, 22, 0, 0, 0, time.UTC) // midnight in Groningen
			tokens := m.invite(db.SendInvitationsInput{RespondBy: &by}, "Petra,petra@example.org,en", "Quinten,quinten@example.org,en")
			m.expect(m.press("/i/"+tokens[0], "accept"), http.StatusOK, "You are coming.", "until the end of Friday 30 April 2027")
			c.close(m)
			m.same(func() {
				for i, recorded := range []string{"You are coming.", "You did not answer."} {
					shown := m.get("/i/" + tokens[i])
					m.expect(shown, http.StatusOK, recorded, c.shows)
					m.hides(shown, "<button", "<form", "places left")
					refused := m.send(http.MethodPost, "/i/"+tokens[i], "answer=decline")
					m.expect(refused, http.StatusConflict, recorded, c.shows)
				}
			})
		})
	}
}

func TestARegistrationThatLapsedIsNoPlace(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	token := m.invite(db.SendInvitationsInput{}, "Petra,petra@example.org,en")[0]
	m.press("/i/"+token, "accept")
	m.exec("UPDATE registrations SET status = 'CANCELLED'")
	m.exec("UPDATE seats SET taken = 0")
	m.expect(m.get("/i/"+token), http.StatusOK, "You accepted the invitation, but you have no place.", accept, decline)
	m.expect(m.press("/i/"+token, "accept"), http.StatusOK, "You are coming.")
}

func TestALinkThatStandsForNothing(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	token := m.invite(db.SendInvitationsInput{}, "Petra,petra@example.org,nl")[0]
	altered := []byte(token)
	altered[30] ^= 1
	stranger, err := m.db.AnswerToken(t.Context(), db.NewID(db.KindInvitation, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	m.same(func() {
		want := m.get("/i/nonsense")
		m.expect(want, http.StatusNotFound, "Deze link werkt niet", "Dieser Link funktioniert nicht", "This link does not work", `lang="nl"`, `lang="de"`, `lang="en"`)
		for name, wrong := range map[string]string{
			"none": "", "cut": token[:47], "longer": token + "A", "altered": string(altered), "of no invitation": stranger,
			"with a path": token + "/more", "escaped": "%00%ff", "long": strings.Repeat("A", 5000),
		} {
			for _, got := range []page{m.get("/i/" + wrong), m.send(http.MethodPost, "/i/"+wrong, "answer=accept"), m.send(http.MethodPost, "/i/"+wrong, "")} {
				if got.StatusCode != http.StatusNotFound || got.source != want.source {
					t.Errorf("%s: %s, and another page than for nonsense: %t", name, got.Status, got.source != want.source)
				}
			}
		}
	})
}

func TestAFormWithoutAnAnswerIsShownAgain(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	token := m.invite(db.SendInvitationsInput{}, "Petra,petra@example.org,en")[0]
	m.same(func() {
		for body, status := range map[string]int{
			"":                             http.StatusBadRequest,
			"answer=maybe":                 http.StatusBadRequest,
			"answer=":                      http.StatusBadRequest,
			"answer=accept&answer=decline": http.StatusBadRequest,
			"answer=%zz":                   http.StatusBadRequest,
			"other=accept":                 http.StatusBadRequest,
			"answer=accept&more=" + strings.Repeat("x", 4<<10): http.StatusRequestEntityTooLarge,
		} {
			shown := m.send(http.MethodPost, "/i/"+token, body)
			m.expect(shown, status, "Your answer did not arrive. Choose one of the buttons.", accept, decline)
		}
		// The address is no form.
		m.expect(m.send(http.MethodPost, "/i/"+token+"?answer=accept", ""), http.StatusBadRequest)
		m.expect(m.send(http.MethodPost, "/i/"+token, `{"answer":"accept"}`, "Content-Type", "application/json"), http.StatusBadRequest)
	})
}

func TestAnotherSiteCannotAnswer(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	token := m.invite(db.SendInvitationsInput{}, "Petra,petra@example.org,en")[0]
	m.same(func() {
		for name, headers := range map[string][]string{
			"another site":                    {"Sec-Fetch-Site", "cross-site", "Origin", "https://other.example"},
			"a neighbour":                     {"Sec-Fetch-Site", "same-site", "Origin", "https://other.example"},
			"another site, in an old browser": {"Origin", "https://other.example"},
			"a sandbox, in an old browser":    {"Origin", "null"},
		} {
			refused := m.send(http.MethodPost, "/i/"+token, "answer=accept", headers...)
			if refused.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %s", name, refused.Status)
			}
		}
	})
	// Following a link from another site is what a link in a mail is.
	m.expect(m.send(http.MethodGet, "/i/"+token, "", "Sec-Fetch-Site", "cross-site"), http.StatusOK, accept)
	old := m.send(http.MethodPost, "/i/"+token, "answer=accept", "Origin", m.site)
	m.expect(old, http.StatusSeeOther)
}

func TestHostileWordsStayWords(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	const hostile = `</title></style><script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	m.exec("UPDATE editions SET title = ?, summary = ?, venue_name = ?, venue_city = ?, languages = ?", hostile, hostile, hostile, hostile, `["\"><script>"]`)
	m.exec("UPDATE organisations SET name = ?", hostile)
	message := hostile
	token := m.invite(db.SendInvitationsInput{Message: &message}, "Petra,petra@example.org,en")[0]
	m.exec("UPDATE people SET name = ? WHERE email = 'petra@example.org'", hostile)
	for _, shown := range []page{m.get("/i/" + token), m.press("/i/"+token, "accept")} {
		m.expect(shown, http.StatusOK, hostile)
		for _, tag := range []string{"<script", "<img", "onerror=alert(1)>"} {
			if strings.Contains(shown.source, tag) {
				t.Errorf("the source holds %s", tag)
			}
		}
		if n := strings.Count(shown.source, "</title>"); n != 1 {
			t.Errorf("%d titles end", n)
		}
	}
}

func TestPagesGuardThemselves(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	token := m.invite(db.SendInvitationsInput{}, "Petra,petra@example.org,en")[0]
	for name, got := range map[string]page{
		"page": m.get("/i/" + token), "unknown": m.get("/i/x"), "unclear": m.send(http.MethodPost, "/i/"+token, ""),
		"redirect": m.send(http.MethodPost, "/i/"+token, "answer=decline"),
	} {
		for header, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Robots-Tag": "noindex", "X-Content-Type-Options": "nosniff",
			"Content-Type": "text/html; charset=utf-8",
		} {
			if got := got.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, not %q", name, header, got, want)
			}
		}
		policy := got.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "style-src 'sha256-", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q lacks %s", name, policy, part)
			}
		}
		if strings.Contains(policy, "script") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", name, policy)
		}
	}
}

func TestAnErrorIsLoggedUnderAReference(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	token := m.invite(db.SendInvitationsInput{}, "Petra,petra@example.org,en")[0]
	m.db.Close()
	for _, got := range []page{m.get("/i/" + token), m.send(http.MethodPost, "/i/"+token, "answer=accept")} {
		m.expect(got, http.StatusInternalServerError, "Er ging hier iets mis", "Hier ist etwas schiefgegangen", "Something went wrong here")
		_, after, _ := strings.Cut(got.source, "<code>")
		reference, _, _ := strings.Cut(after, "</code>")
		if len(reference) != 10 || !strings.Contains(m.log.String(), "reference="+reference) {
			t.Errorf("reference %q is not in the log:\n%s", reference, m.log.String())
		}
		if got.shows("closed") {
			t.Errorf("the page shows the cause:\n%s", got.source)
		}
	}
	if log := m.log.String(); strings.Contains(log, token) || strings.Contains(log, "petra") {
		t.Errorf("the log tells too much:\n%s", log)
	}
}
