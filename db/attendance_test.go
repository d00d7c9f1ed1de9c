package db_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// until moves the clock to an instant.
func (c *clock) until(at time.Time) { c.advance(at.Sub(c.Now())) }

// theDay is the morning of the editions "open" and "small".
var theDay = time.Date(2027, 5, 20, 7, 0, 0, 0, time.UTC)

func (w *world) roll(t *testing.T, actor db.Actor, seats db.ID) string {
	t.Helper()
	all := 100
	list, err := w.AttendeesOn(t.Context(), actor, &db.Seats{ID: seats}, db.Page{First: &all}, db.AttendeeFilter{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, a := range list.Nodes {
		line := a.Name + " " + string(a.State)
		if a.WalkIn {
			line += " (walk-in)"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

func (w *world) checkIn(t *testing.T, actor db.Actor, seats db.ID, key string) {
	t.Helper()
	if _, err := w.CheckIn(t.Context(), actor, db.PresenceInput{SeatsID: &seats, PersonID: &w.people(t, key)[0]}, nil); err != nil {
		t.Fatalf("check in %s: %v", key, err)
	}
}

func (w *world) numbers(t *testing.T, seats db.ID) [4]int {
	t.Helper()
	a, err := w.AttendanceOn(t.Context(), w.olga, &db.Seats{ID: seats}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return [4]int{a.Expected, a.Came, a.WalkIns, a.NoShows}
}

func TestPeopleAreCheckedIn(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats := w.seats(t, "small") // three places
		w.register(t, seats, "anna", "bert", "dieter", "carla")
		anna := db.PresenceInput{RegistrationID: new(w.latest(t, seats, "anna"))}
		if _, err := w.CheckIn(t.Context(), w.olga, anna, nil); code(err) != db.CodeConflict {
			t.Errorf("months before: %v", err)
		}
		opens := theDay.Add(-33 * time.Hour) // midnight in Groningen, at the beginning of the day before
		w.clock.until(opens.Add(-time.Second))
		if _, err := w.CheckIn(t.Context(), w.olga, anna, nil); code(err) != db.CodeConflict {
			t.Errorf("two days before: %v", err)
		}
		w.clock.until(opens)
		if _, err := w.CheckIn(t.Context(), w.olga, anna, nil); err != nil {
			t.Errorf("the day before: %v", err)
		}
		w.clock.until(theDay)
		for range 2 { // what is sent twice is written once
			a, err := w.CheckIn(t.Context(), w.olga, anna, db.Shape{"organisation": nil, "registration": nil})
			if err != nil || a.Name != "Anna" || a.State != db.AttendeeCame || a.WalkIn || a.Organisation() == nil || a.Registration == nil || a.CheckedInAt == nil {
				t.Fatalf("Anna: %v, %+v", err, a)
			}
		}
		if _, err := w.UndoCheckIn(t.Context(), w.olga, anna, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := w.SweepLines(t.Context()); err != nil { // the line is closed by now
			t.Fatal(err)
		}
		if got := w.roll(t, w.olga, seats); got != "Anna EXPECTED, Bert EXPECTED, Carla NO_PLACE, Dieter EXPECTED" {
			t.Errorf("the list before: %s", got)
		}
		if _, err := w.CheckIn(t.Context(), w.olga, anna, nil); err != nil {
			t.Fatal(err)
		}
		w.checkIn(t, w.olga, seats, "carla") // who waited comes without a place
		if got := w.roll(t, w.olga, seats); got != "Anna CAME, Bert EXPECTED, Carla CAME (walk-in), Dieter EXPECTED" {
			t.Errorf("the list: %s", got)
		}
		if got := w.numbers(t, seats); got != [4]int{3, 2, 1, 0} {
			t.Errorf("expected, came, walk-ins, no-shows: %v", got)
		}
		for range 2 {
			if a, err := w.UndoCheckIn(t.Context(), w.olga, anna, nil); err != nil || a.State != db.AttendeeExpected || a.CheckedInAt != nil {
				t.Errorf("undone: %v, %+v", err, a)
			}
		}
		w.checkIn(t, w.olga, seats, "dieter")
		w.clock.until(theDay.AddDate(0, 0, 1))
		if got := w.roll(t, w.olga, seats); got != "Anna NO_SHOW, Bert NO_SHOW, Carla CAME (walk-in), Dieter CAME" {
			t.Errorf("the list afterwards: %s", got)
		}
		if got := w.numbers(t, seats); got != [4]int{3, 2, 1, 2} {
			t.Errorf("expected, came, walk-ins, no-shows: %v", got)
		}
		w.checkIn(t, w.olga, seats, "anna") // from a list on paper
		a, err := w.AttendanceOn(t.Context(), w.olga, &db.Seats{ID: seats}, db.Shape{"organisations": {"organisation": nil}})
		if err != nil || len(a.Organisations) != 2 || a.Organisations[0].Name != "Groningen" || a.Organisations[0].Expected != 2 || a.Organisations[0].Came != 2 || a.Organisations[0].Organisation() == nil || a.Organisations[1].Came != 1 {
			t.Errorf("by organisation: %v %+v", err, a)
		}
		for action, want := range map[string]int{"check in": 5, "undo check-in": 2} {
			if n := query[int](t, w, "SELECT count(*) FROM audit_log WHERE action = ? AND record_id = ?", action, seats); n != want {
				t.Errorf("%d entries %q, want %d", n, action, want)
			}
		}
		w.checkCounts(t, "in the end")
	})
}

func TestWhoMayCheckIn(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, run := w.seats(t, "open"), w.seatsOf(t, "course_runs", "spring")
		w.exec(t, "INSERT INTO run_trainers (course_run_id, person_id, position) VALUES (?, ?, 0)", *w.id(t, "course_runs", "spring"), w.people(t, "emma")[0])
		emma := w.actor(t, "emma@example.org")
		w.register(t, seats, "anna")
		w.register(t, run, "anna")
		w.clock.until(time.Date(2027, 4, 1, 8, 0, 0, 0, time.UTC))
		if w.checkIn(t, emma, run, "anna"); w.roll(t, emma, run) != "Anna CAME" {
			t.Error("the trainer of the run may check in")
		}
		w.clock.until(theDay)
		anna := w.people(t, "anna")[0]
		for name, actor := range map[string]db.Actor{"a participant": w.actor(t, "anna@example.org"), "an outsider": w.outsider, "a trainer of something else": emma} {
			for what, err := range map[string]error{
				"check in":        second(w.CheckIn(t.Context(), actor, db.PresenceInput{SeatsID: &seats, PersonID: &anna}, nil)),
				"by registration": second(w.CheckIn(t.Context(), actor, db.PresenceInput{RegistrationID: new(w.latest(t, seats, "anna"))}, nil)),
				"by code":         second(w.CheckIn(t.Context(), actor, db.PresenceInput{SeatsID: &seats, Code: new("2222-2222")}, nil)),
				"undo":            second(w.UndoCheckIn(t.Context(), actor, db.PresenceInput{SeatsID: &seats, PersonID: &anna}, nil)),
				"walk-in":         second(w.CheckInWalkIn(t.Context(), actor, db.WalkInInput{IdempotencyKey: "k", SeatsID: seats, Name: new("X")}, nil)),
			} {
				if code(err) != db.CodeNotFound {
					t.Errorf("%s by %s: %v", what, name, err)
				}
			}
			if list := w.roll(t, actor, seats); list != "" {
				t.Errorf("%s reads %s", name, list)
			}
			if a, err := w.AttendanceOn(t.Context(), actor, &db.Seats{ID: seats}, nil); a != nil || err != nil {
				t.Errorf("%s counts %+v, %v", name, a, err)
			}
			if desk, err := w.CheckInDesk(t.Context(), actor, seats, "", db.ID{}); desk != nil || err != nil {
				t.Errorf("%s sees %+v, %v", name, desk, err)
			}
		}
		if _, err := w.CheckIn(t.Context(), db.Actor{}, db.PresenceInput{SeatsID: &seats, PersonID: &anna}, nil); code(err) != db.CodeNotSignedIn {
			t.Errorf("nobody: %v", err)
		}
		off := w.seats(t, "cancelled")
		if _, err := w.CheckIn(t.Context(), w.olga, db.PresenceInput{SeatsID: &off, PersonID: &anna}, nil); code(err) != db.CodeConflict {
			t.Errorf("a cancelled meeting: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestCheckInByCode(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats := w.seats(t, "open")
		w.register(t, seats, "anna", "bert")
		token, err := w.RegistrationToken(t.Context(), w.latest(t, seats, "anna"))
		if err != nil {
			t.Fatal(err)
		}
		place, err := w.Place(t.Context(), token)
		if err != nil || len(place.CheckInCode) != 9 || strings.ContainsAny(place.CheckInCode, "0O1ILU") {
			t.Fatalf("the code: %v, %q", err, place.CheckInCode)
		}
		w.clock.until(theDay)
		by := func(text string) (*db.Attendee, error) {
			return w.CheckIn(t.Context(), w.olga, db.PresenceInput{SeatsID: &seats, Code: &text}, nil)
		}
		for _, said := range []string{place.CheckInCode, strings.ToLower(place.CheckInCode), " " + strings.ReplaceAll(place.CheckInCode, "-", " ")} {
			if a, err := by(said); err != nil || a.Name != "Anna" {
				t.Errorf("%q: %v, %+v", said, err, a)
			}
		}
		const alphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
		for i, r := range place.CheckInCode {
			for _, other := range alphabet {
				if r == '-' || other == r {
					continue
				}
				if _, err := by(place.CheckInCode[:i] + string(other) + place.CheckInCode[i+1:]); code(err) != db.CodeInvalid {
					t.Fatalf("%c instead of %c at %d: %v", other, r, i, err)
				}
			}
		}
		for _, wrong := range []string{"", "anna", place.CheckInCode + "2", "OOOO-OOOO"} {
			if _, err := by(wrong); code(err) != db.CodeInvalid {
				t.Errorf("%q: %v", wrong, err)
			}
		}
		elsewhere := w.seats(t, "small")
		if _, err := w.CheckIn(t.Context(), w.olga, db.PresenceInput{SeatsID: &elsewhere, Code: &place.CheckInCode}, nil); code(err) != db.CodeNotFound {
			t.Errorf("at another meeting: %v", err)
		}
	})
}

func TestWalkIns(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats := w.seats(t, "small")
		w.register(t, seats, "anna", "bert", "dieter", "carla")
		w.clock.until(theDay)
		comes := func(key string, in db.WalkInInput) (*db.Attendee, error) {
			in.IdempotencyKey, in.SeatsID = key, seats
			return w.CheckInWalkIn(t.Context(), w.olga, in, db.Shape{"organisation": nil})
		}
		var newcomer db.ID
		for range 2 {
			a, err := comes("first", db.WalkInInput{Name: new(" Nina  Neu "), Organisation: new("Stadt Bremen"), Email: new("Nina@example.org")})
			if err != nil || a.Name != "Nina Neu" || !a.WalkIn || a.State != db.AttendeeCame || a.WorksFor() != "Bremen" {
				t.Fatalf("Nina: %v, %+v", err, a)
			}
			newcomer = a.PersonID
		}
		if _, err := comes("first", db.WalkInInput{Name: new("Somebody else")}); code(err) != db.CodeKeyReused {
			t.Errorf("the key again: %v", err)
		}
		if a, err := comes("again", db.WalkInInput{Name: new("N. Neu"), Email: new("nina@example.org")}); err != nil || a.PersonID != newcomer {
			t.Errorf("the address again: %v, %+v", err, a)
		}
		if a, err := comes("without address", db.WalkInInput{Name: new("Jan"), Organisation: new("Bakkerij Jansen")}); err != nil || a.WorksFor() != "Bakkerij Jansen" || a.Organisation() != nil {
			t.Errorf("Jan: %v, %+v", err, a)
		}
		if a, err := comes("known", db.WalkInInput{PersonID: &w.people(t, "emma")[0]}); code(err) != db.CodeNotFound {
			t.Errorf("somebody whom Olga may not know of: %v, %+v", err, a)
		}
		if a, err := comes("colleague", db.WalkInInput{PersonID: &w.people(t, "mute")[0]}); err != nil || !a.WalkIn {
			t.Errorf("a colleague: %v, %+v", err, a)
		}
		if a, err := comes("has a place", db.WalkInInput{Name: new("B."), Email: new("bert@example.org")}); err != nil || a.WalkIn || a.Name != "Bert" {
			t.Errorf("Bert has a place: %v, %+v", err, a)
		}
		for field, in := range map[string]db.WalkInInput{
			"input.name": {}, "input.email": {Name: new("X"), Email: new("x")}, "input.personId": {PersonID: &newcomer, Name: new("X")}, "input.organisation": {Name: new("X"), Organisation: new("a\x00b")},
		} {
			_, err := comes("bad "+field, in)
			if problems, ok := db.AsErrors(err); !ok || strings.Join(problems[0].Field, ".") != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		if got := w.numbers(t, seats); got != [4]int{3, 4, 3, 0} {
			t.Errorf("expected, came, walk-ins, no-shows: %v", got)
		}
		w.checkCounts(t, "beyond the capacity") // Carla waits as before
		if status := query[string](t, w, "SELECT status FROM registrations WHERE id = ?", w.latest(t, seats, "carla")); status != "WAITLISTED" && status != "EXPIRED" {
			t.Errorf("Carla is %s", status)
		}
		// Who only walked in is forgotten with the meeting like everybody else.
		w.clock.until(theDay.AddDate(0, db.DefaultRetention, 3))
		if _, err := w.ForgetMeetings(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := w.found(t, "nina"); len(left) > 0 {
			t.Errorf("Nina is left in %v", left)
		}
		if left := w.found(t, "Bakkerij"); len(left) > 0 {
			t.Errorf("Jan is left in %v", left)
		}
		if _, err := comes("late", db.WalkInInput{Name: new("Late")}); code(err) != db.CodeDeadline {
			t.Errorf("after all was forgotten: %v", err)
		}
	})
}

func TestTheListIsSearched(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats := w.seats(t, "open")
		w.exec(t, "UPDATE people SET name = 'Änne Müller' WHERE key = 'emma'")
		w.register(t, seats, "anna", "bert", "dieter", "emma")
		w.clock.until(theDay)
		w.checkIn(t, w.olga, seats, "bert")
		for text, want := range map[string]string{
			"MULLER": "Änne Müller", "anne": "Änne Müller", "oldenburg": "Dieter Änne Müller", "groningen an": "Anna", "nobody": "", " ": "Anna Bert Dieter Änne Müller", "%": "",
		} {
			desk, err := w.CheckInDesk(t.Context(), w.olga, seats, text, w.people(t, "bert")[0])
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, a := range desk.Attendees {
				names = append(names, a.Name)
			}
			slices.Sort(names)
			if got := strings.Join(names, " "); got != want {
				t.Errorf("%q: %s, want %s", text, got, want)
			}
			if desk.Attendance.Expected != 4 || desk.Edition == nil || desk.Reader.Name != "Olga" || !desk.Open || desk.Last.Name != "Bert" {
				t.Errorf("the desk: %+v", desk)
			}
		}
		one := 1
		came := db.AttendeeCame
		list, err := w.AttendeesOn(t.Context(), w.olga, &db.Seats{ID: seats}, db.Page{First: &one, Count: true}, db.AttendeeFilter{State: &came}, nil)
		if err != nil || list.TotalCount != 1 || list.Nodes[0].Name != "Bert" {
			t.Errorf("who came: %v, %+v", err, list)
		}
	})
}
