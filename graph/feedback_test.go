package graph_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// survey has Anna and Bert come to the meeting, Anna to its session too, asks them a day later what they think, and returns the
// paths of their pages.
func (l *line) survey(anonymous bool) (anna, bert string) {
	l.t.Helper()
	for person, seats := range map[string][]string{"anna": {"edition_id", "session_id"}, "bert": {"edition_id"}} {
		for _, of := range seats {
			l.exec(`INSERT INTO attendances (seats_id, person_id, walk_in, at) SELECT seats.id, people.id, 1 = 0, '` + instant(l.begins) + `' FROM seats, people
				WHERE ` + of + ` IS NOT NULL AND people.key = '` + person + `'`)
		}
	}
	l.ahead.Store(int64(time.Until(l.begins.AddDate(0, 0, 1).Add(9 * time.Hour))))
	closes := l.begins.AddDate(0, 0, 14).Add(17 * time.Hour)
	if _, _, err := l.db.AskForFeedback(l.t.Context(), l.actor, db.AskForFeedbackInput{IdempotencyKey: "k", EditionID: l.edition, ClosesAt: closes, Anonymous: anonymous}, nil, nil); err != nil {
		l.t.Fatal(err)
	}
	path := func(person string) string {
		token, err := l.db.FeedbackToken(l.t.Context(), l.one("SELECT id FROM surveys"), l.one("SELECT id FROM people WHERE key = $1", person))
		if err != nil {
			l.t.Fatal(err)
		}
		return "/f/" + token
	}
	return path("anna"), path("bert")
}

// unanswered fails the test when what happens changes a row, be it of answers.
func (l *line) unanswered(happens func()) {
	l.t.Helper()
	answers := func() (all string) {
		l.t.Helper()
		if err := l.raw.QueryRowContext(l.t.Context(), `SELECT (SELECT tally FROM survey_tallies) || (SELECT count(*) FROM survey_readers WHERE answered)
			|| (SELECT count(*) FROM survey_answers)`).Scan(&all); err != nil {
			l.t.Fatal(err)
		}
		return all
	}
	before := answers()
	l.same(happens)
	if after := answers(); after != before {
		l.t.Errorf("before: %s, after: %s", before, after)
	}
}

// dykes is the name of the field that rates the session.
func (l *line) dykes() string {
	return pages.RatingOf + l.one("SELECT id FROM sessions").String()
}

func TestFeedbackIsGivenOnThePage(t *testing.T) {
	eachLine(t, func(l *line) {
		anna, bert := l.survey(true)
		form := url.Values{"action": {"send"}, "overall": {"4"}, l.dykes(): {""}, "remark": {"Mooi & <b>kort</b>"}}
		l.unanswered(func() {
			for language, texts := range map[string][]string{
				"nl": {"Terugblik van Anna Smit", "Uw antwoord is anoniem", "U kunt maar één keer antwoorden", "om 17.00 uur (Nederlandse tijd)", "De bijeenkomst als geheel", "5 – zeer goed", "geen oordeel"},
				"de": {"Ihre Antwort ist anonym", "Sie können nur einmal antworten", "5 – sehr gut"},
				"en": {"Your answer is anonymous", "You can answer only once", "5 – very good"},
			} {
				shown := l.get(anna + "?lang=" + language)
				l.expect(shown, http.StatusOK, append(texts, `<html lang="`+language+`">`, "Water in the city", "Dykes", `name="`+l.dykes()+`"`, "<legend", `maxlength="2000"`)...)
			}
			l.hides(l.get(bert), "Dykes") // he was not in it
			l.hides(l.get(anna), "Bert", "Olga", "@example.org", "<script")
			empty := l.fillIn(anna, url.Values{"action": {"send"}, "overall": {""}})
			l.expect(empty, http.StatusUnprocessableEntity, `role="alert"`, "Uw antwoord is nog niet bewaard.", "ten minste één oordeel")
			long := url.Values{"action": {"send"}, "overall": {"2"}, "remark": {strings.Repeat("é", db.MaxRemark+1)}}
			l.expect(l.fillIn(anna, long), http.StatusUnprocessableEntity, "Gebruik ten hoogste 2000 tekens.", `value="2" checked`, "éé", `aria-invalid="true"`)
			l.expect(l.fillIn(anna, url.Values{"action": {"send"}, "overall": {"11"}}), http.StatusUnprocessableEntity, "een van de oordelen")
			l.expect(l.fillIn(bert, url.Values{"action": {"send"}, l.dykes(): {"5"}}), http.StatusUnprocessableEntity, "eine der Bewertungen")
			l.expect(l.fillIn(anna, url.Values{"overall": {"4"}}), http.StatusBadRequest, "niet goed aangekomen")
			l.expect(l.fillIn(anna, url.Values{"action": {"send"}, "remark": {strings.Repeat("x", 64<<10)}}), http.StatusRequestEntityTooLarge)
			l.expect(l.fillIn(anna+"x", form), http.StatusNotFound)
			l.expect(l.send(http.MethodPost, anna, form.Encode(), "Sec-Fetch-Site", "cross-site"), http.StatusForbidden)
		})
		if sent := l.fillIn(anna+"?lang=de", form); sent.StatusCode != http.StatusSeeOther || sent.Header.Get("Location") != anna+"?lang=de" {
			t.Fatalf("%s to %q\n%s", sent.Status, sent.Header.Get("Location"), sent.main())
		}
		l.unanswered(func() {
			thanks := l.get(anna)
			l.expect(thanks, http.StatusOK, "Bedankt voor uw antwoord.", "kan niet meer worden gewijzigd", `role="status"`)
			l.hides(thanks, "<form", "Mooi")
			l.expect(l.fillIn(anna, form), http.StatusConflict, "Bedankt voor uw antwoord.")
			l.expect(l.get(bert), http.StatusOK, "<form")
			l.ahead.Store(int64(time.Until(l.begins.AddDate(0, 0, 20))))
			closed := l.get(bert)
			l.expect(closed, http.StatusOK, "Eine Antwort ist nicht mehr möglich.")
			l.hides(closed, "<form")
			l.expect(l.fillIn(bert, form), http.StatusConflict, "Eine Antwort ist nicht mehr möglich.")
		})
		if strings.Contains(l.log.String(), anna[len("/f/"):]) || strings.Contains(l.log.String(), "Mooi") {
			t.Errorf("the log knows who answered, or what:\n%s", &l.log)
		}
	})
}

func TestNamedFeedbackIsChangedOnThePage(t *testing.T) {
	eachLine(t, func(l *line) {
		anna, _ := l.survey(false)
		fresh := l.get(anna)
		l.expect(fresh, http.StatusOK, "Uw antwoord is niet anoniem", "Antwoord versturen")
		l.hides(fresh, "is anoniem:", "maar één keer")
		form := url.Values{"action": {"send"}, "overall": {"2"}, l.dykes(): {"5"}, "remark": {`"></textarea><script>alert(1)</script>`}}
		if sent := l.fillIn(anna, form); sent.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s\n%s", sent.Status, sent.main())
		}
		given := l.get(anna)
		l.expect(given, http.StatusOK, "Bedankt voor uw antwoord.", "U kunt het nog wijzigen tot uiterlijk", "Antwoord wijzigen", `name="overall" value="2" checked`, `name="`+l.dykes()+`" value="5" checked`, `"></textarea><script>`)
		if strings.Contains(given.source, "<script") {
			t.Error("a remark became markup")
		}
		form.Set("overall", "3")
		form.Set("remark", "")
		if sent := l.fillIn(anna, form); sent.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s\n%s", sent.Status, sent.main())
		}
		l.expect(l.get(anna), http.StatusOK, `name="overall" value="3" checked`)
		l.exec("UPDATE surveys SET opens_at = '" + instant(l.begins.AddDate(0, 0, 3).Add(8*time.Hour)) + "'")
		early := l.get(anna)
		l.expect(early, http.StatusOK, "U kunt antwoorden vanaf", "om 8.00 uur (Nederlandse tijd)")
		l.hides(early, "<form")
		l.expect(l.fillIn(anna, form), http.StatusConflict)
	})
}

func TestFeedbackIsAskedForAndReadInGraphQL(t *testing.T) {
	each(t, func(h *house) {
		s := newScene(h)
		s.exec("UPDATE editions SET starts_on = '2027-01-10', ends_on = '2027-01-11' WHERE key = 'vaktreffen-2027'")
		const document = `mutation($input: AskForFeedbackInput!) { askForFeedback(input: $input) {
			campaign { total asksForFeedback edition { id } }
			edition { feedback { anonymous asked answered remindAt overall { count average distribution } sessions { session { title } rating { count } } comments } }
			userErrors { code field message } } }`
		input := vars{"idempotencyKey": "k", "editionId": s.edition, "closesAt": "2027-03-01T12:00:00Z", "anonymous": true, "remindAt": "2027-02-01T12:00:00Z"}
		done := at(s.ask(organiser, document, vars{"input": input}), "askForFeedback")
		if at(done, "campaign", "asksForFeedback") != true || at(done, "campaign", "total") != 1.0 || at(done, "campaign", "edition", "id") != s.edition {
			t.Errorf("the campaign: %v", done)
		}
		f := at(done, "edition", "feedback")
		if at(f, "asked") != 1.0 || at(f, "answered") != 0.0 || at(f, "overall") != nil || at(f, "comments") != nil || len(list(f, "sessions")) < 3 || at(f, "sessions", 0, "rating") != nil {
			t.Errorf("the feedback: %v", f)
		}
		input["idempotencyKey"] = "another"
		input["remindAt"] = "2027-04-01T12:00:00Z"
		refused := at(s.ask(organiser, document, vars{"input": input}), "askForFeedback")
		if at(refused, "userErrors", 0, "code") != "INVALID" || at(refused, "userErrors", 0, "field", 1) != "remindAt" || at(refused, "campaign") != nil {
			t.Errorf("reminded too late: %v", refused)
		}
		s.exec(`UPDATE survey_tallies SET tally = '{"overall":[0,0,1,2,3],"sessions":{},"remarks":["Goed.","Ok."]}'`)
		s.exec("INSERT INTO survey_readers (survey_id, person_id, answered) SELECT surveys.id, people.id, 1 = 1 FROM surveys, people WHERE people.key LIKE 'spare-%' ON CONFLICT DO NOTHING")
		const read = `query($id: ID!) { edition(id: $id) { feedback { answered overall { count average distribution } comments } } }`
		if f := at(s.ask(organiser, read, vars{"id": s.edition}), "edition", "feedback"); at(f, "answered") != 11.0 || at(f, "overall") != nil || at(f, "comments") != nil {
			t.Errorf("while it is open: %v", f)
		}
		s.setClock(today.AddDate(0, 3, 0))
		s.tokens.Clear() // they have run out
		if f := at(s.ask(organiser, read, vars{"id": s.edition}), "edition", "feedback"); at(f, "overall", "count") != 6.0 || at(f, "overall", "distribution", 4) != 3.0 || len(list(f, "comments")) != 2 {
			t.Errorf("when it has closed: %v", f)
		}
		for _, as := range []string{nobody, member, colleague} {
			if f := at(s.ask(as, read, vars{"id": s.edition}), "edition", "feedback"); f != nil {
				t.Errorf("%q reads %v", as, f)
			}
		}
	})
}
