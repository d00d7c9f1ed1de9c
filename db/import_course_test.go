package db_test

import (
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// What organisers have decided of a run stays until a file says something new of it.
func TestImportingAgainKeepsWhatOrganisersDecidedOfARun(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		run := *w.id(t, "course_runs", "intake")
		w.register(t, seats, "dieter")
		w.complete(t, seats, "dieter")
		check := func(when string, want db.CourseRunStatus, mails string) {
			t.Helper()
			if got := query[db.CourseRunStatus](t, w, "SELECT status FROM course_runs WHERE key = 'intake'"); got != want {
				t.Errorf("%s it is %s, want %s", when, got, want)
			}
			if got := w.told(t, seats, "dieter"); got != "intake_requested confirmed run_confirmed"+mails {
				t.Errorf("%s Dieter was told %q", when, got)
			}
		}
		w.clock.advance(time.Second)
		if _, err := w.ConfirmCourseRun(t.Context(), w.olga, run, nil); err != nil {
			t.Fatal(err)
		}
		file := withIntake()
		w.importFile(t, file)
		check("after the same file", db.RunConfirmed, "")
		w.clock.advance(time.Second)
		if _, err := w.CancelCourseRun(t.Context(), w.olga, run, nil); err != nil {
			t.Fatal(err)
		}
		w.importFile(t, file)
		check("cancelled, after the same file", db.RunCancelled, " run_cancelled")
		file.Courses[0].Runs[3].Status = "DRAFT"
		w.importFile(t, file)
		check("after a file that says something new", db.RunDraft, " run_cancelled")
	})
}

// Who has given all that is still asked waits for nothing, from the import on.
func TestImportingFewerQuestionsMakesPlacesCertain(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		w.register(t, seats, "dieter", "anna", "bert") // of two places
		w.answerIntake(t, w.as(t, "dieter"), db.AnswerIntakeInput{RegistrationID: w.latest(t, seats, "dieter"), Answers: []db.IntakeAnswerInput{w.text(t, "case", "A case")}})
		check := func(when string, dieter, anna, bert db.RegistrationStatus) {
			t.Helper()
			for key, want := range map[string]db.RegistrationStatus{"dieter": dieter, "anna": anna, "bert": bert} {
				if got := query[db.RegistrationStatus](t, w, "SELECT status FROM registrations WHERE id = ?", w.latest(t, seats, key)); got != want {
					t.Errorf("%s: %s is %s, want %s", when, key, got, want)
				}
			}
		}
		file := withIntake()
		run := &file.Courses[0].Runs[3]
		run.Intake[1].Required = false // goals
		w.importFile(t, file)
		check("invoices are still missing", db.Held, db.Held, db.Waitlisted)
		run.Price.AmountMinor = 0
		w.importFile(t, file)
		check("a case is asked for", db.Confirmed, db.Held, db.Waitlisted)
		run.Intake[0].Required = false
		w.importFile(t, file)
		check("nothing is asked for", db.Confirmed, db.Confirmed, db.Waitlisted)
		w.importFile(t, file)
		for key, want := range map[string]string{"dieter": "intake_requested confirmed", "anna": "intake_requested confirmed", "bert": "waitlisted"} {
			if got := w.told(t, seats, key); got != want {
				t.Errorf("%s was told %q, want %q", key, got, want)
			}
		}
		w.checkCounts(t, "at the end")
	})
}
