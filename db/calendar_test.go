package db_test

import (
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestOnlyTheOwnTokenOpensACalendar(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.gather(t)
		anna, bert := w.people(t, "anna")[0], w.people(t, "bert")[0]
		token, err := w.CalendarToken(t.Context(), anna)
		if err != nil {
			t.Fatal(err)
		}
		own, err := w.PersonCalendar(t.Context(), token)
		if err != nil || own == nil || len(own.Appointments) != 2 {
			t.Fatalf("Anna's calendar is %+v, %v", own, err)
		}
		for _, a := range own.Appointments {
			if a.Registration.PersonID != anna || a.ChangedAt.IsZero() || a.Edition == nil {
				t.Errorf("it has %+v", a)
			}
		}
		other, err := w.CalendarToken(t.Context(), bert)
		if err != nil {
			t.Fatal(err)
		}
		optOut, err := w.OptOutToken(t.Context(), anna)
		if err != nil {
			t.Fatal(err)
		}
		for name, wrong := range map[string]string{
			"nothing": "", "another purpose": optOut, "another person with this MAC": other[:22] + token[22:], "one character more": token + "A",
			"another last character": token[:len(token)-1] + strings.ReplaceAll("AB", token[len(token)-1:], "")[:1], "a line break": token[:10] + "\n" + token[10:],
		} {
			if got, err := w.PersonCalendar(t.Context(), wrong); got != nil || err != nil {
				t.Errorf("%s opens %+v, %v", name, got, err)
			}
		}
		if err := w.RenewCalendar(t.Context(), w.actor(t, "anna@example.org")); err != nil {
			t.Fatal(err)
		}
		if got, err := w.PersonCalendar(t.Context(), token); got != nil || err != nil {
			t.Errorf("a renewed token opens %+v, %v", got, err)
		}
		if got, err := w.PersonCalendar(t.Context(), other); got == nil || err != nil {
			t.Errorf("Bert's calendar went with Anna's: %+v, %v", got, err)
		}
	})
}

func TestACalendarTakesAFewStatements(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.gather(t)
		edition, partnership := *w.edition(t, "open"), query[db.ID](t, w, "SELECT id FROM partnerships")
		token, err := w.CalendarToken(t.Context(), w.people(t, "anna")[0])
		if err != nil {
			t.Fatal(err)
		}
		ctx, statements := db.CountStatements(t.Context())
		for name, ask := range map[string]func() (*db.Calendar, error){
			"edition":     func() (*db.Calendar, error) { return w.EditionCalendar(ctx, edition) },
			"partnership": func() (*db.Calendar, error) { return w.PartnershipCalendar(ctx, partnership) },
			"person":      func() (*db.Calendar, error) { return w.PersonCalendar(ctx, token) },
		} {
			before := statements.Load()
			c, err := ask()
			if n := statements.Load() - before; err != nil || c == nil || len(c.Appointments) < 2 || n > 12 {
				t.Errorf("%s: %d statements for %+v, %v", name, n, c, err)
			}
		}
	})
}
