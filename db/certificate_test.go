package db_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestCertificates(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		run, seats := *w.id(t, "course_runs", "spring"), w.seatsOf(t, "course_runs", "spring")
		w.register(t, seats, "anna", "bert", "mute", "dieter")
		w.clock.until(time.Date(2027, 4, 1, 8, 0, 0, 0, time.UTC))
		w.claimAll(t, db.Urgent) // confirmations
		for _, key := range []string{"anna", "bert", "mute"} {
			w.checkIn(t, w.olga, seats, key)
		}
		issue := func(actor db.Actor) (*db.IssuedCertificates, error) {
			return w.IssueCertificates(t.Context(), actor, run, nil)
		}
		if _, err := issue(w.olga); code(err) != db.CodeConflict {
			t.Errorf("before it is over: %v", err)
		}
		w.clock.until(time.Date(2027, 4, 2, 8, 0, 0, 0, time.UTC))
		for name, actor := range map[string]db.Actor{"an outsider": w.outsider, "a participant": w.actor(t, "anna@example.org")} {
			if _, err := issue(actor); code(err) != db.CodeNotFound {
				t.Errorf("by %s: %v", name, err)
			}
		}
		if _, err := issue(db.Actor{}); code(err) != db.CodeNotSignedIn {
			t.Errorf("by nobody: %v", err)
		}
		got, err := issue(w.olga)
		if err != nil || got.Issued != 3 || got.WithoutAddress != 1 || got.CourseRun == nil {
			t.Fatalf("issued: %v, %+v", err, got)
		}
		if got, err := issue(w.olga); err != nil || got.Issued != 0 {
			t.Errorf("again: %v, %+v", err, got)
		}
		w.checkIn(t, w.olga, seats, "dieter")
		if got, err := issue(w.olga); err != nil || got.Issued != 1 {
			t.Errorf("for who was entered since: %v, %+v", err, got)
		}
		if _, err := w.UndoCheckIn(t.Context(), w.olga, db.PresenceInput{SeatsID: &seats, PersonID: &w.people(t, "bert")[0]}, nil); err != nil {
			t.Fatal(err)
		}
		var readers []string
		for _, m := range w.claimAll(t, db.Urgent) {
			if m.Certificate == nil || m.CourseRun == nil || m.CourseRun.Course.OfferedBy() != "Groningen" || m.Organiser == nil {
				t.Fatalf("a mail: %+v", m)
			}
			readers = append(readers, m.Person.Name)
		}
		if len(readers) != 2 || !strings.Contains(strings.Join(readers, " "), "Anna") || strings.Contains(strings.Join(readers, " "), "Bert") {
			t.Errorf("mailed to %v", readers)
		}
		shown := func(key string) *db.Certificate {
			t.Helper()
			printed := query[string](t, w, "SELECT code FROM certificates WHERE person_id = ? ORDER BY issued_at DESC LIMIT 1", w.people(t, key)[0])
			c, err := w.Certificate(t.Context(), strings.ToLower(printed[:4])+" "+printed[4:])
			if err != nil || c == nil || c.CourseRun == nil || c.CourseRun.Course.Title != "Masterclass" || len(c.PrintedCode()) != 19 {
				t.Fatalf("the certificate of %s: %v, %+v", key, err, c)
			}
			return c
		}
		if c := shown("anna"); c.RevokedAt != nil || c.Person == nil || c.Person.Name != "Anna" {
			t.Errorf("Anna's: %+v", c)
		}
		if c := shown("bert"); c.RevokedAt == nil {
			t.Errorf("Bert's is valid: %+v", c)
		}
		w.checkIn(t, w.olga, seats, "bert")
		if got, err := issue(w.olga); err != nil || got.Issued != 1 {
			t.Errorf("Bert was there after all: %v, %+v", err, got)
		}
		w.clock.advance(time.Second)
		if n := query[int](t, w, "SELECT count(DISTINCT code) FROM certificates WHERE person_id = ?", w.people(t, "bert")[0]); n != 2 {
			t.Errorf("Bert has %d codes", n)
		}
		for _, wrong := range []string{"", "2222-2222-2222-2222", "anna", strings.Repeat("2", 5000)} {
			if c, err := w.Certificate(t.Context(), wrong); c != nil || err != nil {
				t.Errorf("%.20q: %+v, %v", wrong, c, err)
			}
		}
		if err := w.AppointAdministrator(t.Context(), "konrad@example.org"); err != nil {
			t.Fatal(err)
		}
		erased := shown("anna").Code
		if _, err := w.ErasePerson(t.Context(), w.actor(t, "konrad@example.org"), w.people(t, "anna")[0]); err != nil {
			t.Fatal(err)
		}
		if c, err := w.Certificate(t.Context(), erased); err != nil || c == nil || c.Person != nil || c.RevokedAt != nil {
			t.Errorf("of somebody who was erased: %v, %+v", err, c)
		}
	})
}
