package db_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// after moves the clock to a moment after the editions of the 20th of May 2027 ended.
func (w *world) after(months, days int) {
	w.clock.advance(time.Date(2027, 5, 20, 12, 0, 0, 0, time.UTC).AddDate(0, months, days).Sub(w.clock.Now()))
}

// forget carries out what is due and returns how many meetings that finished.
func (w *world) forget(t *testing.T) int {
	t.Helper()
	n, err := w.ForgetMeetings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPastMeetingsAreForgotten(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		// Sixty people come to both editions or to one; Olga coordinates; p0 and p1 take part in a course that is kept for longer.
		small, open := w.edition(t, "small"), w.edition(t, "open")
		c := w.send(t, w.olga, toEdition("open", open, db.AudienceInput{CSV: csvOf("p", 60), PersonIDs: w.people(t, "olga")}))
		for _, token := range w.tokens(t, c.ID) {
			w.answer(t, token, true)
		}
		w.send(t, w.olga, toEdition("small", small, db.AudienceInput{CSV: csvOf("p", 5)}))
		run := db.SendInvitationsInput{IdempotencyKey: "run", CourseRunID: w.id(t, "course_runs", "spring"), Audience: db.AudienceInput{CSV: csvOf("p", 2)}}
		for _, token := range w.tokens(t, w.send(t, w.olga, run).ID) {
			w.answer(t, token, true)
		}
		w.exec(t, "UPDATE deliveries SET state = 'FAILED', last_error = 'no box p0@example.org'")
		w.exec(t, "UPDATE campaigns SET failed = total, status = 'FINISHED', finished_at = send_at")
		if _, err := w.ChangeRetention(t.Context(), w.olga, db.ChangeRetentionInput{CourseRunID: run.CourseRunID, Months: ptr(60)}, nil, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := w.ChangeRetention(t.Context(), w.olga, db.ChangeRetentionInput{EditionID: small, Months: ptr(6)}, nil, nil); err != nil {
			t.Fatal(err)
		}
		people := func() string {
			return fmt.Sprint("known ", query[int](t, w, "SELECT count(*) FROM people WHERE email LIKE 'p%@example.org'"),
				", on open ", query[int](t, w, "SELECT count(*) FROM registrations r JOIN people p ON p.id = r.person_id JOIN seats s ON s.id = r.seats_id WHERE p.email IS NOT NULL AND s.edition_id = ?", *open),
				", on the course ", query[int](t, w, "SELECT count(*) FROM registrations r JOIN people p ON p.id = r.person_id JOIN seats s ON s.id = r.seats_id WHERE p.email IS NOT NULL AND s.course_run_id = ?", *run.CourseRunID),
				", invited to small ", query[int](t, w, "SELECT count(*) FROM invitations i JOIN people p ON p.id = i.person_id WHERE p.email IS NOT NULL AND i.edition_id = ?", *small))
		}
		numbers := func() string {
			return fmt.Sprint(query[int](t, w, "SELECT count(*) FROM registrations WHERE status = 'CONFIRMED' AND organisation_id = ?", *w.id(t, "organisations", "groningen")),
				query[int](t, w, "SELECT sum(taken) FROM seats"), query[int](t, w, "SELECT sum(accepted) FROM campaigns"), query[int](t, w, "SELECT count(*) FROM deliveries WHERE state = 'FAILED'"),
				query[int](t, w, "SELECT count(DISTINCT person_id) FROM registrations r JOIN seats s ON s.id = r.seats_id WHERE s.edition_id = ?", *open))
		}
		before := numbers()
		for _, step := range []struct {
			months, days int
			want         string
		}{
			{0, 1, "known 60, on open 61, on the course 2, invited to small 5"},
			{6, 1, "known 60, on open 61, on the course 2, invited to small 5"},
			{6, 3, "known 60, on open 61, on the course 2, invited to small 0"},
			{6, 4, "known 60, on open 61, on the course 2, invited to small 0"},
			{24, 1, "known 60, on open 61, on the course 2, invited to small 0"},
			{24, 3, "known 2, on open 0, on the course 2, invited to small 0"},
			{60, 3, "known 0, on open 0, on the course 0, invited to small 0"},
		} {
			w.after(step.months, step.days)
			w.forget(t) // "past" and others that nobody came to
			if got := people(); got != step.want {
				t.Errorf("after %d months and %d days: %s, want %s", step.months, step.days, got, step.want)
			}
			if got := w.forget(t); got != 0 {
				t.Errorf("%d meetings were forgotten twice", got)
			}
			if after := numbers(); after != before {
				t.Errorf("numbers changed from %s to %s", before, after)
			}
		}
		if n := query[int](t, w, "SELECT count(*) FROM people WHERE email = 'olga@example.org'"); n != 1 {
			t.Error("a coordinator was erased")
		}
		if places := w.found(t, "p0@"); len(places) > 0 {
			t.Errorf("an address is still in %v", places)
		}
		if n := query[int](t, w, "SELECT count(*) FROM audit_log WHERE action = 'forget participants' AND actor_id IS NULL AND record_id = ?", *open); n != 1 {
			t.Errorf("%d entries", n)
		}
		if _, err := w.ChangeRetention(t.Context(), w.olga, db.ChangeRetentionInput{EditionID: open, Months: ptr(99)}, nil, nil); code(err) != db.CodeDeadline {
			t.Errorf("kept for longer after it is gone: %v", err)
		}
		w.checkDeadlocks(t, "in the end")
	})
}

func TestForgettingByManyAtOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.send(t, w.olga, toEdition("open", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 80)}))
		for _, token := range w.tokens(t, c.ID)[:40] {
			w.answer(t, token, true)
		}
		w.after(25, 0)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { _, _ = w.ForgetMeetings(t.Context()) }) // one works, the others pass over what it has
		}
		wg.Wait()
		w.forget(t)
		if n := query[int](t, w, "SELECT count(*) FROM people WHERE email LIKE 'p%@example.org'"); n != 0 {
			t.Errorf("%d people are still known", n)
		}
		if n := query[int](t, w, "SELECT count(*) FROM audit_log WHERE action = 'erase person'"); n != 80 {
			t.Errorf("%d of 80 were erased, or some twice", n)
		}
	})
}

func TestWhoMayChangeRetention(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		in := func(edition string, months *int) db.ChangeRetentionInput {
			return db.ChangeRetentionInput{EditionID: w.edition(t, edition), Months: months}
		}
		for name, test := range map[string]struct {
			actor db.Actor
			in    db.ChangeRetentionInput
			want  db.ErrorCode
		}{
			"nobody":             {db.Actor{}, in("open", nil), db.CodeNotSignedIn},
			"an outsider":        {w.outsider, in("open", nil), db.CodeForbidden},
			"a hidden edition":   {w.outsider, in("draft", nil), db.CodeNotFound},
			"no month":           {w.olga, in("open", ptr(0)), db.CodeInvalid},
			"eleven years":       {w.olga, in("open", ptr(132)), db.CodeInvalid},
			"no meeting":         {w.olga, db.ChangeRetentionInput{}, db.CodeRequired},
			"another's course":   {w.konrad, db.ChangeRetentionInput{CourseRunID: w.id(t, "course_runs", "spring")}, db.CodeForbidden},
			"a course":           {w.olga, db.ChangeRetentionInput{CourseRunID: w.id(t, "course_runs", "spring"), Months: ptr(3)}, ""},
			"an edition":         {w.olga, in("open", ptr(120)), ""},
			"back to what is so": {w.olga, in("small", nil), ""},
		} {
			if _, err := w.ChangeRetention(t.Context(), test.actor, test.in, nil, nil); code(err) != test.want {
				t.Errorf("%s: %v, want %q", name, err, test.want)
			}
		}
	})
}
