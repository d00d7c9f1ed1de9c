package db_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

func (w *world) sweepCourses(t testing.TB) {
	t.Helper()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := w.SweepCourses(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func (w *world) count(t testing.TB, kind db.MailKind) int {
	t.Helper()
	return query[int](t, w, "SELECT count(*) FROM deliveries WHERE kind = ?", kind)
}

func TestWhoHasNotCompletedTheIntakeIsRemindedOnce(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		w.rules(t, seats, db.ChangeSeatsInput{Capacity: new(5)})
		due := time.Date(2027, 4, 8, 15, 0, 0, 0, time.UTC)
		until := func(at time.Time) { w.clock.advance(at.Sub(w.clock.Now())) }
		check := func(when string, want int) {
			t.Helper()
			for range 2 {
				w.sweepCourses(t)
			}
			if got := w.count(t, db.MailIntakeReminder); got != want {
				t.Errorf("%s: %d reminders, want %d", when, got, want)
			}
		}
		w.register(t, seats, "dieter", "anna", "bert")
		w.complete(t, seats, "anna")
		check("at once", 0)
		until(due.AddDate(0, 0, -3).Add(-time.Second))
		check("just before", 0)
		until(due.AddDate(0, 0, -3))
		check("three days before", 2) // dieter and bert
		until(due.AddDate(0, 0, -1).Add(-time.Second))
		w.register(t, seats, "carla") // a day is left
		check("asked a day before", 2)
		until(due.Add(-12*time.Hour - time.Second))
		check("before half of it", 2)
		until(due.Add(-12 * time.Hour))
		check("half-way", 3)
		w.register(t, seats, "bettina")
		w.cancel(t, seats, "bettina")
		until(due)
		w.register(t, seats, "emma")
		check("at the deadline", 3)
		until(due.AddDate(0, 0, 5))
		check("after the deadline", 3)
		if got := w.told(t, seats, "dieter"); got != "intake_requested intake_reminder" {
			t.Errorf("told %q", got)
		}
	})
}

func TestOrganisersHearOnceThatARunIsBelowItsMinimum(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		eight := time.Date(2027, 3, 25, 7, 0, 0, 0, time.UTC)
		w.register(t, seats, "dieter")
		w.clock.advance(eight.Sub(w.clock.Now()) - time.Second)
		w.sweepCourses(t)
		if n := w.count(t, db.MailRunBelowMinimum); n != 0 {
			t.Fatalf("%d notices too early", n)
		}
		w.clock.advance(time.Second)
		course := w.id(t, "courses", "masterclass")
		if _, err := w.NameOrganiser(t.Context(), w.olga, db.OrganiserInput{CourseID: course, PersonID: w.people(t, "bettina")[0]}, nil); err != nil {
			t.Fatal(err)
		}
		w.sweepCourses(t)
		w.sweepCourses(t)
		told := rows[string](t, w, "SELECT p.key FROM deliveries x JOIN people p ON p.id = x.person_id WHERE kind = 'run_below_minimum' AND x.course_run_id IS NOT NULL ORDER BY p.key")
		if !slices.Equal(told, []string{"bettina", "olga"}) {
			t.Fatalf("told %v, want Bettina and Olga once", told)
		}
		mails := w.start(t, db.Urgent, 10, worker(), 3)
		i := slices.IndexFunc(mails, func(m *db.Mail) bool { return m.Delivery.Kind == db.MailRunBelowMinimum })
		if m := mails[i]; m.CourseRun.Course.OfferedBy() != "Groningen" || m.CourseRun.Seats.Taken != 1 || *m.CourseRun.MinParticipants != 2 {
			t.Errorf("the notice tells of %+v", m.CourseRun)
		}
		if file := withIntake(); true { // another day of decision, another notice, until there are enough
			file.Courses[0].Runs[3].DecideOn = "2027-03-26"
			w.importFile(t, file)
		}
		w.clock.advance(24 * time.Hour)
		w.sweepCourses(t)
		if n := w.count(t, db.MailRunBelowMinimum); n != 4 {
			t.Errorf("%d notices after the day was moved, want 4", n)
		}
		w.due(t, db.Urgent, 2)
		w.register(t, seats, "anna")
		w.due(t, db.Urgent, 3)
		if mails := w.start(t, db.Urgent, 10, worker(), 1); mails[0].Delivery.Kind != db.MailIntakeRequested { // there are enough now
			t.Errorf("a mail of kind %s leaves", mails[0].Delivery.Kind)
		}
		w.exec(t, "UPDATE course_runs SET below_minimum_told_for = NULL")
		w.sweepCourses(t)
		if n := w.count(t, db.MailRunBelowMinimum); n != 4 {
			t.Errorf("%d notices of a run that has its minimum, want 4", n)
		}
	})
}

func TestConfirmingAndCancellingARunTellsEverybodyOnce(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		run := *w.id(t, "course_runs", "intake")
		w.register(t, seats, "dieter", "anna", "bert", "carla", "bettina")
		w.complete(t, seats, "anna")
		w.cancel(t, seats, "bettina")
		verbs := map[string]func(db.Actor, db.ID) (*db.CourseRun, error){
			"confirm": func(a db.Actor, id db.ID) (*db.CourseRun, error) { return w.ConfirmCourseRun(t.Context(), a, id, nil) },
			"cancel":  func(a db.Actor, id db.ID) (*db.CourseRun, error) { return w.CancelCourseRun(t.Context(), a, id, nil) },
		}
		for name, verb := range verbs {
			for id, want := range map[db.ID]db.ErrorCode{run: db.CodeNotFound, seats: db.CodeNotFound} {
				if _, err := verb(w.konrad, id); code(err) != want {
					t.Errorf("%s by somebody else: %v", name, err)
				}
			}
			if _, err := verb(db.Actor{}, run); code(err) != db.CodeNotSignedIn {
				t.Errorf("%s by nobody: %v", name, err)
			}
			if _, err := verb(w.olga, *w.id(t, "course_runs", "later")); code(err) != db.CodeConflict {
				t.Errorf("%s a draft: %v", name, err)
			}
		}
		if _, err := verbs["confirm"](w.olga, *w.id(t, "course_runs", "off")); code(err) != db.CodeConflict {
			t.Errorf("confirmed what is cancelled: %v", err)
		}
		before := query[int](t, w, "SELECT count(*) FROM deliveries")
		step := func(verb string, status db.CourseRunStatus, kind db.MailKind) {
			t.Helper()
			w.clock.advance(time.Second)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if r, err := verbs[verb](w.olga, run); err != nil || r.Status != status {
						t.Errorf("%s: %+v, %v", verb, r, err)
					}
				})
			}
			wg.Wait()
			told := rows[string](t, w, "SELECT p.key FROM deliveries x JOIN people p ON p.id = x.person_id WHERE x.kind = ? ORDER BY p.key", kind)
			if !slices.Equal(told, []string{"anna", "bert", "carla", "dieter"}) {
				t.Errorf("%s told %v", verb, told)
			}
		}
		step("confirm", db.RunConfirmed, db.MailRunConfirmed)
		w.due(t, db.Urgent, before+4)
		step("cancel", db.RunCancelled, db.MailRunCancelled)
		w.due(t, db.Urgent, before+4+4)
		w.cancel(t, seats, "dieter")
		// Everything that was said before is untrue now, but that Bettina gave up her place on the waiting list, which nobody was told,
		// and Dieter is told of nothing but his own cancellation.
		for _, m := range w.start(t, db.Urgent, 100, worker(), 4) {
			if own := *m.Person.Address == "dieter@example.org"; own != (m.Delivery.Kind == db.MailCancelled) {
				t.Errorf("%s is told of %s", m.Person.Name, m.Delivery.Kind)
			}
			want := 0
			if *m.Person.Address == "anna@example.org" || *m.Person.Address == "dieter@example.org" {
				want = 1 // the cancellation of a calendar entry
			}
			if m.Registration.CalendarSequence != want {
				t.Errorf("%s has sequence %d, want %d", m.Person.Name, m.Registration.CalendarSequence, want)
			}
		}
		if _, err := verbs["confirm"](w.olga, run); code(err) != db.CodeConflict {
			t.Errorf("confirmed again: %v", err)
		}
		if n := query[int](t, w, "SELECT count(*) FROM audit_log WHERE record_id = ?", run); n != 2 {
			t.Errorf("%d lines in the audit log, want 2", n)
		}
	})
}

func TestARunThatHasBegunIsNotDecidedOn(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		w.clock.advance(time.Date(2027, 4, 14, 22, 0, 0, 0, time.UTC).Sub(w.clock.Now()))
		if _, err := w.CancelCourseRun(t.Context(), w.olga, *w.id(t, "course_runs", "intake"), nil); code(err) != db.CodeDeadline {
			t.Errorf("cancelled after it began: %v", err)
		}
	})
}

func TestAnswersAreForgottenWithTheRun(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		w.register(t, seats, "anna", "dieter")
		w.register(t, w.seatsOf(t, "editions", "undated"), "dieter") // which keeps him known
		w.complete(t, seats, "anna")
		w.complete(t, seats, "dieter")
		w.exec(t, "UPDATE editions SET retention_months = 120")
		left := func() int {
			return query[int](t, w, "SELECT (SELECT count(*) FROM intake_answers) + (SELECT count(*) FROM invoices)")
		}
		w.clock.advance(time.Date(2027, 4, 16, 0, 0, 0, 0, time.UTC).AddDate(0, db.DefaultRetention, 0).Sub(w.clock.Now()))
		if _, err := w.ForgetMeetings(t.Context()); err != nil || left() != 6 {
			t.Errorf("too early: %d answers and invoices are left, want 6, %v", left(), err)
		}
		w.clock.advance(48 * time.Hour)
		if _, err := w.ForgetMeetings(t.Context()); err != nil || left() != 0 {
			t.Errorf("%d answers and invoices are left, %v", left(), err)
		}
		if n := query[int](t, w, "SELECT count(*) FROM registrations WHERE seats_id = ?", seats); n != 2 {
			t.Errorf("%d registrations are left, want 2", n)
		}
	})
}
