package db_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// contents returns the rows of every table of the database as text, in an order that is theirs.
func (w *world) contents(t *testing.T) map[string][]string {
	t.Helper()
	columns := map[string][]string{}
	all, _ := w.catalogue(t)
	for _, c := range all {
		columns[c.Tab] = append(columns[c.Tab], `coalesce(CAST("`+c.Col+`" AS text), 'NULL')`)
	}
	contents := map[string][]string{}
	for table, columns := range columns {
		contents[table] = rows[string](t, w, `SELECT `+strings.Join(columns, ` || ' | ' || `)+` FROM "`+table+`" ORDER BY 1`)
	}
	return contents
}

// changed returns the tables whose rows are different.
func changed(before, after map[string][]string) (tables []string) {
	for table := range after {
		if !slices.Equal(before[table], after[table]) {
			tables = append(tables, table)
		}
	}
	return slices.Sorted(slices.Values(tables))
}

// Whoever gives which answer, and in whichever order, the whole database is the same: so nothing in it, joined in whichever way,
// leads from an answer to a person.
func TestNothingLeadsFromAnAnonymousAnswerToAPerson(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.survey(t, true)
		water := *w.id(t, "sessions", "water")
		var answers []db.FeedbackInput
		for i := range guests {
			rating := i%5 + 1
			answers = append(answers, db.FeedbackInput{Overall: &rating, Sessions: map[db.ID]int{water: 5 - i%5}, Remark: fmt.Sprintf("Remark %d", (i*5)%8)})
		}
		w.link(t, "ada") // makes the key of all links
		before, start := w.contents(t), w.clock.Now()
		if len(before) < 50 || len(before["people"]) < 10 {
			t.Fatalf("the catalogue has %d tables", len(before))
		}
		answer := func(order []int, who func(i int) string) map[string][]string {
			t.Helper()
			for _, i := range order {
				w.clock.advance(time.Minute)
				w.give(t, who(i), answers[i])
			}
			return w.contents(t)
		}
		first := answer([]int{0, 1, 2, 3, 4, 5, 6, 7}, func(i int) string { return guests[i] })
		if got := changed(before, first); !slices.Equal(got, []string{"survey_readers", "survey_tallies"}) {
			t.Fatalf("answering changes %v", got)
		}
		for i, row := range first["survey_readers"] {
			if was := before["survey_readers"][i]; row[:strings.LastIndex(row, " | ")] != was[:strings.LastIndex(was, " | ")] {
				t.Errorf("%s became %s", was, row)
			}
		}
		tally := query[string](t, w, "SELECT tally FROM survey_tallies")
		for name, value := range map[string]string{"the day": "2027-05", "an address": "example.org"} {
			if strings.Contains(tally, value) {
				t.Errorf("%s is in %s", name, tally)
			}
		}
		// Everything back to before the answers, which asserts that this is all there is of them.
		w.exec(t, "UPDATE survey_readers SET answered = ?", false)
		w.exec(t, "UPDATE survey_tallies SET tally = ?", strings.Split(before["survey_tallies"][0], " | ")[1])
		if got := changed(before, w.contents(t)); len(got) > 0 {
			t.Fatalf("more than the answers changed: %v", got)
		}
		w.clock.advance(start.Sub(w.clock.Now()))
		second := answer([]int{5, 0, 7, 3, 1, 6, 2, 4}, func(i int) string { return guests[(i+3)%8] })
		if got := changed(first, second); len(got) > 0 {
			t.Errorf("who gave which answer shows in %v:\n%s\n%s", got, first["survey_tallies"], second["survey_tallies"])
		}
		if _, err := w.GiveFeedback(t.Context(), w.link(t, "ada"), answers[0]); code(err) != db.CodeConflict {
			t.Errorf("an anonymous answer is given twice: %v", err)
		}
		if got := changed(second, w.contents(t)); len(got) > 0 {
			t.Errorf("an answer that is refused changes %v", got)
		}
	})
}

// What holds anonymous answers refers to the survey and to nothing else, nothing refers to it, and there is one row of it.
func TestWhatHoldsAnonymousAnswers(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.survey(t, true)
		all, references := w.catalogue(t)
		var columns, refers []string
		for _, c := range all {
			if c.Tab == "survey_tallies" {
				columns = append(columns, c.Col)
			}
		}
		for _, c := range references {
			if c.Tab == "survey_tallies" || c.Ref == "survey_tallies" {
				refers = append(refers, c.Tab+"."+c.Col+" "+c.Ref)
			}
		}
		if !slices.Equal(columns, []string{"survey_id", "tally"}) || !slices.Equal(refers, []string{"survey_tallies.survey_id surveys"}) {
			t.Errorf("columns %v, references %v", columns, refers)
		}
		five := 5
		for _, key := range guests {
			w.give(t, key, db.FeedbackInput{Overall: &five})
		}
		if n := query[int](t, w, "SELECT count(*) FROM survey_tallies"); n != 1 {
			t.Errorf("%d rows", n)
		}
		if n := query[int](t, w, "SELECT count(*) FROM survey_answers"); n != 0 {
			t.Errorf("%d answers by person", n)
		}
		if !w.postgres() {
			return
		}
		// PostgreSQL tells which transaction wrote a row: that of the tally wrote down who was the last to answer, and no more.
		if n := query[int](t, w, "SELECT count(*) FROM survey_readers AS r JOIN survey_tallies AS t ON t.xmin = r.xmin"); n != 1 {
			t.Errorf("%d readers share the transaction of the tally", n)
		}
	})
}

func TestAnswersAtOnceAreAllCounted(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.survey(t, true)
		links := map[string]string{}
		for _, key := range guests {
			links[key] = w.link(t, key)
		}
		errs := make(chan error, 2*len(guests))
		four := 4
		for token := range maps.Values(links) {
			for range 2 { // a button that is pressed twice
				go func() {
					_, err := w.GiveFeedback(t.Context(), token, db.FeedbackInput{Overall: &four})
					errs <- err
				}()
			}
		}
		refused := 0
		for range 2 * len(guests) {
			if err := <-errs; code(err) == db.CodeConflict {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		}
		w.closeSurvey(t)
		if f := w.feedback(t, w.olga); refused != len(guests) || f.Overall == nil || f.Overall.Count != len(guests) || f.Answered != len(guests) {
			t.Errorf("%d refused, %+v", refused, f)
		}
	})
}
