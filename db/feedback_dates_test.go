package db_test

import (
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// Until a survey opens its dates move with its mails; from then on the dates that people were told hold.
func TestTheDatesOfASurveyAreChanged(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		edition := *w.edition(t, "open")
		change := func(opens, closes, remind int) error { // in days from now
			t.Helper()
			day := func(n int) *time.Time {
				if n == 0 {
					return nil
				}
				at := w.clock.Now().AddDate(0, 0, n)
				return &at
			}
			_, err := w.ChangeFeedbackDates(t.Context(), w.olga, db.ChangeFeedbackDatesInput{EditionID: edition, OpensAt: day(opens), ClosesAt: day(closes), RemindAt: day(remind)}, nil)
			return err
		}
		refused := func(when string, err error, want db.ErrorCode) {
			t.Helper()
			if code(err) != want {
				t.Errorf("%s: %v, want %s", when, err, want)
			}
		}
		refused("nobody was asked", change(0, 3, 0), db.CodeConflict)
		w.survey(t, true)
		w.exec(t, "UPDATE surveys SET opens_at = ?, remind_at = ?", w.clock.Now().AddDate(0, 0, 2), w.clock.Now().AddDate(0, 0, 9)) // as if it had been begun so
		w.exec(t, "UPDATE deliveries SET not_before = ? WHERE survey_id IS NOT NULL", w.clock.Now().AddDate(0, 0, 2))
		for name, dates := range map[string][3]int{
			"closes before it opens":     {5, 4, 0},
			"reminds before it opens":    {5, 0, 4},
			"opens after the reminder":   {10, 0, 0},
			"reminds after it closes":    {0, 0, 15},
			"reminds in the past":        {0, 0, -1},
			"closes before it reminds":   {0, 8, 0},
			"closes in more than a year": {0, 400, 0},
		} {
			refused(name, change(dates[0], dates[1], dates[2]), db.CodeInvalid)
		}
		if err := change(4, 12, 8); err != nil { // earlier than it was
			t.Fatal(err)
		}
		w.clock.advance(3 * 24 * time.Hour)
		if mails := w.claimAll(t, db.Bulk); len(mails) > 0 {
			t.Errorf("%d mails left on the day before", len(mails))
		}
		w.clock.advance(24 * time.Hour)
		mails := w.claimAll(t, db.Bulk)
		if len(mails) != len(guests) || !mails[0].Campaign.SendAt.Equal(mails[0].Survey.OpensAt) {
			t.Fatalf("%d mails left on the new day", len(mails))
		}
		for _, m := range mails {
			w.settle(t, m.Outcome(db.ResultSent))
		}
		refused("it has opened", change(1, 0, 0), db.CodeConflict)
		refused("people were told the 8th day", change(0, 7, 0), db.CodeConflict)
		if err := change(0, 20, 10); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(9 * 24 * time.Hour) // after the old date
		if n, err := w.SweepCampaigns(t.Context()); err != nil || n != 1 {
			t.Errorf("%d mails before the new reminder, want how the campaign ended: %v", n, err)
		}
		five := 5
		w.give(t, "ada", db.FeedbackInput{Overall: &five}) // by the link that was sent
		w.clock.advance(24 * time.Hour)
		if n, err := w.SweepCampaigns(t.Context()); err != nil || n != len(guests)-1 {
			t.Errorf("%d reminders, want %d: %v", n, len(guests)-1, err)
		}
		refused("people were reminded", change(0, 0, 2), db.CodeConflict)
		w.closeSurvey(t)
		refused("it has closed", change(0, 5, 0), db.CodeDeadline)
	})
}
