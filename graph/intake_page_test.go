package graph_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// course adds a run three months ahead that asks one question of each kind and costs EUR 535, and returns its seats.
func (l *line) course() db.ID {
	l.t.Helper()
	day := time.Now().AddDate(0, 3, 0)
	file := &programme.File{Courses: []programme.Course{{
		Key: "masterclass", Organisation: "groningen", Title: "Masterclass", Days: 1, Price: &programme.Money{AmountMinor: 53500, Currency: "EUR"},
		Runs: []programme.Run{{
			Key: "run", StartsOn: day.Format(time.DateOnly), EndsOn: day.Format(time.DateOnly), TimeZone: "Europe/Amsterdam", Status: "PLANNED",
			Languages: []string{"nl"}, Capacity: new(1), IntakeDue: day.AddDate(0, 0, -7).Format(time.DateOnly) + "T17:00",
			Intake: []programme.Question{
				{Key: "casus", Kind: "LONG_TEXT", Label: "Welke casus?", Help: "Een paar zinnen.", Required: true},
				{Key: "doel", Kind: "TEXT", Label: "Welk doel?"},
				{Key: "niveau", Kind: "SINGLE_CHOICE", Label: "Welk niveau?", Options: []string{"Begin", "Gevorderd"}, Required: true},
				{Key: "themas", Kind: "MULTIPLE_CHOICE", Label: "Welke thema’s?", Options: []string{"Recht", "Geld", "Mensen"}},
				{Key: "lunch", Kind: "YES_NO", Label: "Luncht u mee?", Required: true},
				{Key: "jaren", Kind: "NUMBER", Label: "Hoeveel jaar?"},
				{Key: "geheim", Kind: "TEXT", Label: "Aantekening", OrganisersOnly: true},
			},
		}},
	}}}
	if problems, err := l.db.Import(l.t.Context(), file, nil); err != nil || len(problems) > 0 {
		l.t.Fatal(problems, err)
	}
	return l.one("SELECT id FROM seats WHERE course_run_id IS NOT NULL")
}

// filledIn is a form with an answer to everything.
func filledIn() url.Values {
	return url.Values{
		"action": {"answer"}, "q-casus": {"Regel een\r\nRegel twee"}, "q-doel": {`"Doel" & <b>meer</b>`}, "q-niveau": {"Gevorderd"},
		"q-themas": {"Recht", "Mensen"}, "q-lunch": {"no"}, "q-jaren": {"2,5"}, "invoice-organisation": {"Gemeente Groningen"},
		"invoice-reference": {"PO 7"}, "invoice-vat-number": {"NL 0012.34567.B01"}, "invoice-address": {"Grote Markt 1\r\n9712 HN Groningen"},
	}
}

func (l *line) fillIn(path string, form url.Values) page {
	l.t.Helper()
	return l.send(http.MethodPost, path, form.Encode(), "Sec-Fetch-Site", "same-origin", "Origin", l.site)
}

func (l *line) status(path string) string {
	l.t.Helper()
	var status string
	if err := l.raw.QueryRowContext(l.t.Context(), "SELECT status FROM registrations ORDER BY ticket LIMIT 1").Scan(&status); err != nil {
		l.t.Fatal(err)
	}
	return status
}

func TestTheIntakeIsFilledInOnThePage(t *testing.T) {
	eachLine(t, func(l *line) {
		anna := l.register("anna", l.course())
		empty := l.get(anna)
		l.expect(empty, http.StatusOK, "Er wordt een plaats voor u vastgehouden.", "Vul de vragen in, uiterlijk", `<label for="q-casus">`, "Een paar zinnen.",
			`aria-describedby="q-casus-help"`, "<legend>", `type="radio" name="q-niveau" value="Begin"`, `type="checkbox" name="q-themas" value="Recht"`,
			`inputmode="decimal"`, "Luncht u mee?", "(niet verplicht)", "Factuuradres", "EUR 535,00", giveUp)
		l.hides(empty, "Aantekening", "geheim", `aria-invalid="true"`, `lang="nl" dir="auto">Welke`)
		for language, texts := range map[string][]string{
			"de": {"Ein Platz wird für Sie freigehalten.", "Antworten speichern", "Rechnungsanschrift", `<span lang="nl" dir="auto">Welke casus?</span>`},
			"en": {"A place is being held for you.", "Save the answers", "Address of the invoice", `<span lang="nl" dir="auto">Begin</span>`, `"auto">Yes</span>`},
		} {
			l.expect(l.get(anna+"?lang="+language), http.StatusOK, texts...)
		}
		saved := l.fillIn(anna, filledIn())
		if saved.StatusCode != http.StatusSeeOther || saved.Header.Get("Location") != anna {
			t.Fatalf("%s to %q\n%s", saved.Status, saved.Header.Get("Location"), saved.main())
		}
		complete := l.get(anna)
		l.expect(complete, http.StatusOK, "U komt.", "Uw intake is compleet. U kunt uw antwoorden wijzigen tot uiterlijk", "Regel een\nRegel twee</textarea>",
			`"Doel" & <b>meer</b>`, `value="Gevorderd" checked`, `value="Recht" checked`, `value="Mensen" checked`, `value="no" checked`, `value="2,5"`,
			`value="NL001234567B01"`, "9712 HN Groningen</textarea>")
		if strings.Contains(complete.source, `value="Geld" checked`) {
			t.Error("what was not chosen is")
		}
		form := filledIn()
		form.Set("q-casus", "Iets anders")
		form.Del("q-themas")
		if again := l.fillIn(anna+"?lang=en", form); again.StatusCode != http.StatusSeeOther || again.Header.Get("Location") != anna+"?lang=en" {
			t.Errorf("%s to %q", again.Status, again.Header.Get("Location"))
		}
		changed := l.get(anna)
		l.expect(changed, http.StatusOK, "Iets anders</textarea>")
		l.hides(changed, `value="Recht" checked`)
	})
}

func TestTheFormKeepsWhatWasTyped(t *testing.T) {
	eachLine(t, func(l *line) {
		anna := l.register("anna", l.course())
		form := filledIn()
		form.Set("q-casus", " ")
		form.Del("q-lunch")
		form.Set("q-jaren", "drie")
		form.Set("q-niveau", "Anders")
		form.Set("q-doel", strings.Repeat("x", db.MaxAnswerLine+1))
		form.Set("invoice-vat-number", "12345")
		form.Set("invoice-organisation", "")
		l.same(func() {
			for language, texts := range map[string][]string{
				"nl": {"Uw antwoorden zijn nog niet bewaard.", "Geef een antwoord.", "Maak een keuze.", "Schrijf een getal in cijfers.", "Gebruik ten hoogste 500 tekens.", "met de letters van het land vooraan"},
				"de": {"Ihre Antworten sind noch nicht gespeichert.", "Bitte antworten Sie.", "Bitte wählen Sie.", "Bitte schreiben Sie eine Zahl", "höchstens 500 Zeichen", "mit den Buchstaben des Landes"},
				"en": {"Your answers are not saved yet.", "Please give an answer.", "Please make a choice.", "Write a number in digits.", "Use at most 500 characters.", "with the letters of the country first"},
			} {
				refused := l.fillIn(anna+"?lang="+language, form)
				l.expect(refused, http.StatusUnprocessableEntity, append(texts, `role="alert"`, `value="drie"`, `value="12345"`, `value="Recht" checked`, "Grote Markt 1",
					`aria-describedby="q-casus-help q-casus-problem"`, `<a href="#q-casus">`, `<a href="#q-lunch">`, `<a href="#invoice-vat-number">`, `id="q-lunch-problem"`)...)
				if n := strings.Count(refused.source, `class="problem"`); n != 7 {
					t.Errorf("%s: %d fields have a problem, want 7", language, n)
				}
			}
		})
		if got := l.status(anna); got != "HELD" {
			t.Errorf("the place is %s", got)
		}
		tooMuch := filledIn()
		tooMuch.Set("more", strings.Repeat("x", 2<<20))
		l.expect(l.fillIn(anna, tooMuch), http.StatusRequestEntityTooLarge)
	})
}

func TestTheIntakeWhileWaitingAndAfterItsDeadline(t *testing.T) {
	eachLine(t, func(l *line) {
		seats := l.course()
		anna, bert := l.register("anna", seats), l.register("bert", seats)
		l.expect(l.get(bert), http.StatusOK, "auf Platz 1 der Warteliste", "Sie können die Fragen schon jetzt beantworten", `name="q-casus"`)
		if saved := l.fillIn(bert, filledIn()); saved.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s\n%s", saved.Status, saved.main())
		}
		l.expect(l.get(bert), http.StatusOK, "auf Platz 1 der Warteliste", "Ihre Antworten sind vollständig.")
		l.act(anna, "cancel")
		gone := l.get(anna)
		l.hides(gone, `name="q-casus"`)
		l.expect(l.get(bert), http.StatusOK, "Sie nehmen teil.")
		l.exec("UPDATE course_runs SET intake_due_at = '" + instant(time.Now().Add(-time.Minute)) + "'")
		l.same(func() {
			closed := l.get(bert + "?lang=nl")
			l.expect(closed, http.StatusOK, "U komt.", "Uw antwoorden", "Regel een\nRegel twee", "Recht\nMensen", "2,5", giveUp)
			l.hides(closed, `name="q-casus"`)
			l.expect(l.fillIn(bert, filledIn()), http.StatusUnprocessableEntity, "Sie nehmen teil.")
		})
		l.exec("DELETE FROM intake_answers")
		l.exec("UPDATE registrations SET status = 'HELD' WHERE status = 'CONFIRMED'")
		l.expect(l.get(bert), http.StatusOK, "Die Frist lief bis", `name="q-casus"`)
		if late := l.fillIn(bert, filledIn()); late.StatusCode != http.StatusSeeOther {
			t.Errorf("late is better than never: %s", late.Status)
		}
		l.exec("UPDATE course_runs SET status = 'CANCELLED'")
		off := l.get(bert)
		l.expect(off, http.StatusOK, "Diese Veranstaltung findet nicht statt.")
		l.hides(off, `name="q-casus"`)
		l.expect(l.fillIn(bert, filledIn()), http.StatusConflict)
	})
}

func TestAnOfferAsksTheIntakeOnceItIsAccepted(t *testing.T) {
	eachLine(t, func(l *line) {
		seats := l.course()
		if _, err := l.db.ChangeSeats(t.Context(), l.actor, db.ChangeSeatsInput{SeatsID: seats, Policy: new(db.PolicyOffer)}); err != nil {
			t.Fatal(err)
		}
		anna, cora := l.register("anna", seats), l.register("cora", seats)
		l.act(anna, "cancel")
		offered := l.get(cora)
		l.expect(offered, http.StatusOK, "A place is available for you.", accept)
		l.hides(offered, `name="q-casus"`)
		l.expect(l.act(cora, "accept"), http.StatusOK, "A place is being held for you.", "Please answer the questions by", `name="q-casus"`)
		l.expect(l.fillIn(l.register("anna", l.seats), filledIn()), http.StatusUnprocessableEntity) // an edition asks nothing
	})
}

func TestQuestionsDoNotBecomeMarkup(t *testing.T) {
	eachLine(t, func(l *line) {
		anna := l.register("anna", l.course())
		const hostile = `"><script>alert(1)</script><textarea>`
		l.exec("UPDATE intake_questions SET label = $1, help = $1", hostile)
		l.exec(`UPDATE intake_questions SET options = $1 WHERE kind = 'SINGLE_CHOICE'`, `["`+strings.ReplaceAll(hostile, `"`, `\"`)+`","b"]`)
		form := filledIn()
		for field := range form {
			if field != "action" {
				form[field] = []string{hostile + "</textarea>"}
			}
		}
		for name, got := range map[string]page{"empty": l.get(anna), "refused": l.fillIn(anna, form)} {
			if strings.Contains(got.source, "<script") || !got.shows(hostile) || strings.Count(got.source, "<textarea") != 2 {
				t.Errorf("%s: words became markup:\n%s", name, got.main())
			}
			if got.Header.Get("Content-Security-Policy") != pages.Policy() {
				t.Errorf("%s: %v", name, got.Header)
			}
		}
	})
}
