package db_test

import (
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

func TestWhoMayRegisterWhom(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importSessions(t)
		meeting, run := w.seatsOf(t, "editions", "open"), w.seatsOf(t, "course_runs", "spring")
		anna, stranger := w.as(t, "anna"), db.NewID(db.KindPerson, beginning)
		for name, c := range map[string]struct {
			actor  db.Actor
			person *db.ID
			seats  db.ID
			want   db.ErrorCode
		}{
			"oneself":                                  {anna, nil, meeting, ""},
			"oneself by id":                            {w.as(t, "bert"), w.id(t, "people", "bert"), meeting, ""},
			"a coordinator their own people":           {w.konrad, w.id(t, "people", "dieter"), run, ""},
			"a coordinator somebody else's people":     {w.konrad, &anna.PersonID, run, db.CodeForbidden},
			"an organiser anybody for a meeting":       {w.konrad, w.id(t, "people", "carla"), meeting, ""},
			"an organiser anybody for a course":        {w.olga, w.id(t, "people", "emma"), run, ""},
			"a colleague":                              {anna, &w.olga.PersonID, meeting, db.CodeForbidden},
			"an outsider":                              {w.outsider, &w.olga.PersonID, meeting, db.CodeForbidden},
			"an outsider for a session learns nothing": {w.outsider, &w.olga.PersonID, w.seatsOf(t, "sessions", "talk"), db.CodeForbidden},
			"nobody":                  {db.Actor{}, &w.olga.PersonID, meeting, db.CodeNotSignedIn},
			"somebody unknown":        {w.olga, &stranger, meeting, db.CodeNotFound},
			"seats that are no seats": {w.olga, nil, stranger, db.CodeNotFound},
		} {
			r, err := w.Register(t.Context(), c.actor, db.RegisterInput{IdempotencyKey: name, SeatsID: c.seats, PersonID: c.person}, nil)
			if code(err) != c.want {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
			if c.want != "" {
				continue
			}
			person := c.actor.PersonID
			if c.person != nil {
				person = *c.person
			}
			if r.PersonID != person || r.RegisteredBy != c.actor.PersonID || r.Status != db.Confirmed || !r.RegisteredAt.Equal(beginning) {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if n := query[int](t, w, "SELECT count(*) FROM registrations"); n != 5 {
			t.Errorf("%d registrations, want 5", n)
		}
		w.checkCounts(t, "in the end")
	})
}

func TestARegistrationIsReplayedByItsKey(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		meeting, other := w.seatsOf(t, "editions", "open"), w.seatsOf(t, "editions", "small")
		anna := w.as(t, "anna")
		var in db.RegisterInput
		ids := make([]db.ID, 24)
		for _, seats := range []db.ID{other, meeting} { // once for all connections to be there, and once in earnest
			in = db.RegisterInput{IdempotencyKey: "key " + seats.String(), SeatsID: seats}
			var wg sync.WaitGroup
			for i := range ids {
				wg.Go(func() {
					r, err := w.Register(t.Context(), anna, in, nil)
					if err != nil {
						t.Error(err)
						return
					}
					ids[i] = r.ID
				})
			}
			wg.Wait()
			for _, id := range ids {
				if id != ids[0] {
					t.Errorf("registrations %s and %s", ids[0], id)
				}
			}
		}
		w.clock.advance(time.Second)
		if _, err := w.CancelRegistration(t.Context(), anna, ids[0], nil); err != nil {
			t.Fatal(err)
		}
		w.exec(t, "UPDATE editions SET status = 'CANCELLED' WHERE key = 'open'")
		if r, err := w.Register(t.Context(), anna, in, nil); err != nil || r.ID != ids[0] || r.Status != db.Cancelled {
			t.Errorf("replayed after it was cancelled: %+v, %v", r, err)
		}
		for name, in := range map[string]db.RegisterInput{
			"other seats": {IdempotencyKey: in.IdempotencyKey, SeatsID: other}, "another person": {IdempotencyKey: in.IdempotencyKey, SeatsID: meeting, PersonID: &w.olga.PersonID},
		} {
			if _, err := w.Register(t.Context(), anna, in, nil); code(err) != db.CodeKeyReused {
				t.Errorf("%s: %v", name, err)
			}
		}
		if r, err := w.Register(t.Context(), w.as(t, "bert"), db.RegisterInput{IdempotencyKey: in.IdempotencyKey, SeatsID: other}, nil); err != nil || r.ID == ids[0] {
			t.Errorf("the same key of somebody else: %+v, %v", r, err)
		}
		if _, err := w.Register(t.Context(), anna, db.RegisterInput{SeatsID: other}, nil); code(err) != db.CodeRequired {
			t.Errorf("no key: %v", err)
		}
		if kinds := w.told(t, meeting, "anna"); kinds != "confirmed cancelled" {
			t.Errorf("told %q", kinds)
		}
	})
}

func TestAKeyCannotBeUsedForTwoThingsAtOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		anna := w.as(t, "anna")
		var wg sync.WaitGroup
		for _, edition := range []string{"open", "small"} {
			seats := w.seatsOf(t, "editions", edition)
			wg.Go(func() {
				if _, err := w.Register(t.Context(), anna, db.RegisterInput{IdempotencyKey: "key", SeatsID: seats}, nil); err != nil && code(err) != db.CodeKeyReused {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := query[int](t, w, "SELECT count(*) FROM registrations"); n != 1 {
			t.Errorf("%d registrations, want 1", n)
		}
	})
}

func TestWhatRefusesARegistration(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importSessions(t)
		small := w.seatsOf(t, "editions", "small")
		w.register(t, small, "anna", "bert")
		later, earlier, closed := beginning.Add(time.Hour), beginning.Add(-time.Hour), db.PolicyClosed
		three := 3
		for name, c := range map[string]struct {
			rules *db.ChangeSeatsInput
			seats db.ID
			who   string
			code  db.ErrorCode
			says  string
		}{
			"already registered": {nil, small, "anna", db.CodeConflict, "Anna is registered already."},
			"not yet open":       {&db.ChangeSeatsInput{OpensAt: &later}, small, "carla", db.CodeConflict, "Registration opens on 10 January 2027 at 11:00 CET."},
			"deadline passed":    {&db.ChangeSeatsInput{ClosesAt: &earlier, OpensAt: &time.Time{}}, small, "carla", db.CodeDeadline, "Registration closed on 10 January 2027 at 09:00 CET."},
			"at the deadline":    {&db.ChangeSeatsInput{ClosesAt: &beginning}, small, "carla", db.CodeDeadline, "Registration closed on 10 January 2027 at 10:00 CET."},
			"over":               {nil, w.seatsOf(t, "editions", "past"), "carla", db.CodeDeadline, "Registration closed on"},
			"cancelled":          {nil, w.seatsOf(t, "editions", "cancelled"), "carla", db.CodeConflict, "This meeting was cancelled."},
			"draft":              {nil, w.seatsOf(t, "editions", "draft"), "carla", db.CodeNotFound, "There are no such seats."},
			"session of a draft": {nil, w.seatsOf(t, "sessions", "hidden"), "carla", db.CodeNotFound, "There are no such seats."},
			"cancelled run":      {nil, w.seatsOf(t, "course_runs", "off"), "carla", db.CodeConflict, "This meeting was cancelled."},
			"run in draft":       {nil, w.seatsOf(t, "course_runs", "later"), "carla", db.CodeNotFound, "There are no such seats."},
			"full without a line": {&db.ChangeSeatsInput{Policy: &closed, Capacity: new(int)}, small, "carla", db.CodeConflict,
				"All places are taken, and there is no waiting list."},
		} {
			if c.rules != nil {
				w.rules(t, c.seats, *c.rules)
			}
			_, err := w.Register(t.Context(), w.as(t, c.who), db.RegisterInput{IdempotencyKey: name, SeatsID: c.seats}, nil)
			if problems, _ := db.AsErrors(err); code(err) != c.code || !strings.HasPrefix(problems[0].Message, c.says) || strings.Join(problems[0].Field, ".") != "input.seatsId" {
				t.Errorf("%s: %v, want %s %s", name, err, c.code, c.says)
			}
			w.exec(t, "UPDATE seats SET opens_at = NULL, closes_at = NULL, policy = 'AUTOMATIC', capacity = ? WHERE id = ?", three, small)
		}
		w.rules(t, small, db.ChangeSeatsInput{OpensAt: &beginning})
		w.register(t, small, "carla") // at the very moment it opens, for the last place
		w.rules(t, small, db.ChangeSeatsInput{Policy: &closed})
		w.cancel(t, small, "bert")
		w.register(t, small, "dieter") // a place is free again
		w.checkLine(t, small, "anna CONFIRMED, bert CANCELLED, carla CONFIRMED, dieter CONFIRMED")
	})
}

func TestSessionsNeedAPlaceInTheirEditionAndTheTime(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importSessions(t)
		edition, talk, walk := w.seatsOf(t, "editions", "open"), w.seatsOf(t, "sessions", "talk"), w.seatsOf(t, "sessions", "walk")
		dinner, untimed := w.seatsOf(t, "sessions", "dinner"), w.seatsOf(t, "sessions", "untimed")
		one, offer := 1, db.PolicyOffer
		w.rules(t, edition, db.ChangeSeatsInput{Capacity: &one, Policy: &offer})
		first := "A place in the meeting comes first; register for the meeting and then for this session."
		w.refuse(t, talk, "anna", db.CodeConflict, first)
		w.register(t, edition, "anna", "bert")
		w.refuse(t, talk, "bert", db.CodeConflict, first) // who waits has no place
		w.cancel(t, edition, "anna")
		w.checkLine(t, edition, "anna CANCELLED, bert OFFERED")
		w.refuse(t, talk, "bert", db.CodeConflict, first) // nor has who is offered one
		w.accept(t, edition, "bert")
		w.register(t, talk, "bert")
		w.refuse(t, walk, "bert", db.CodeConflict, `This is at the same time as "Talk"; cancel that one first.`)
		w.register(t, dinner, "bert") // it begins when the talk ends
		w.register(t, untimed, "bert")
		w.cancel(t, talk, "bert")
		w.register(t, walk, "bert")
		w.refuse(t, talk, "bert", db.CodeConflict, `This is at the same time as "Walk"; cancel that one first.`)
		w.refuse(t, walk, "bert", db.CodeConflict, "Bert is registered already.")
		w.checkCounts(t, "in the end")
	})
}

func TestWaitingForASessionTakesItsTimeToo(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importSessions(t)
		talk := w.seatsOf(t, "sessions", "talk")
		w.register(t, w.seatsOf(t, "editions", "open"), "anna", "bert")
		w.register(t, talk, "anna", "bert")
		w.checkLine(t, talk, "anna CONFIRMED, bert WAITLISTED")
		w.refuse(t, w.seatsOf(t, "sessions", "walk"), "bert", db.CodeConflict, `This is at the same time as "Talk"; cancel that one first.`)
	})
}

func TestLeavingAnEditionLeavesItsSessions(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importSessions(t)
		edition, talk, dinner := w.seatsOf(t, "editions", "open"), w.seatsOf(t, "sessions", "talk"), w.seatsOf(t, "sessions", "dinner")
		w.register(t, edition, "anna", "bert", "carla")
		w.register(t, talk, "anna", "bert", "carla")
		w.register(t, dinner, "bert", "anna")
		other := w.seatsOf(t, "editions", "small")
		w.register(t, other, "anna")
		w.cancel(t, edition, "anna")
		w.checkLine(t, edition, "anna CANCELLED, bert CONFIRMED, carla CONFIRMED")
		w.checkLine(t, talk, "anna CANCELLED, bert CONFIRMED, carla WAITLISTED")
		w.checkLine(t, dinner, "bert CONFIRMED, anna CANCELLED") // from its line
		w.checkLine(t, other, "anna CONFIRMED")
		for seats, want := range map[db.ID]string{edition: "confirmed cancelled", talk: "confirmed", dinner: "waitlisted"} { // of all in one mail
			if got := w.told(t, seats, "anna"); got != want {
				t.Errorf("told %q, want %q", got, want)
			}
		}
		if n := query[int](t, w, "SELECT count(*) FROM registrations WHERE cancelled_with = ?", w.latest(t, edition, "anna")); n != 2 {
			t.Errorf("%d sessions went with the edition, want 2", n)
		}
		w.checkCounts(t, "in the end")
	})
}

func TestAPlaceIsChangedByThoseWhoMay(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		run := w.seatsOf(t, "course_runs", "spring")
		r := w.register(t, run, "dieter")
		verbs := map[string]func(db.Actor) (*db.Registration, error){
			"cancel":  func(a db.Actor) (*db.Registration, error) { return w.CancelRegistration(t.Context(), a, r.ID, nil) },
			"accept":  func(a db.Actor) (*db.Registration, error) { return w.AcceptOffer(t.Context(), a, r.ID, nil) },
			"decline": func(a db.Actor) (*db.Registration, error) { return w.DeclineOffer(t.Context(), a, r.ID, nil) },
		}
		for name, verb := range verbs {
			for who, want := range map[*db.Actor]db.ErrorCode{{}: db.CodeNotSignedIn, &w.outsider: db.CodeNotFound} {
				if _, err := verb(*who); code(err) != want {
					t.Errorf("%s: %v, want %s", name, err, want)
				}
			}
			emma := w.as(t, "emma")
			if _, err := verb(emma); code(err) != db.CodeNotFound {
				t.Errorf("%s by a colleague: %v", name, err)
			}
		}
		if _, err := verbs["decline"](w.as(t, "dieter")); code(err) != db.CodeConflict {
			t.Errorf("declined what is not offered: %v", err)
		}
		w.clock.advance(time.Second)
		for _, who := range []db.Actor{w.konrad, w.olga, w.as(t, "dieter")} { // by the coordinator, and again by others
			if r, err := verbs["cancel"](who); err != nil || r.Status != db.Cancelled || r.CalendarSequence != 1 {
				t.Errorf("cancelled: %+v, %v", r, err)
			}
		}
		if got := w.told(t, run, "dieter"); got != "confirmed cancelled" {
			t.Errorf("told %q", got)
		}
		if _, err := verbs["accept"](w.olga); code(err) != db.CodeConflict {
			t.Errorf("accepted what is cancelled: %v", err)
		}
		r = w.register(t, run, "dieter")
		if r.Ticket != 2 || r.Status != db.Confirmed {
			t.Errorf("registered again: %+v", r)
		}
		if _, err := verbs["cancel"](w.olga); err != nil {
			t.Errorf("cancelled by the organiser: %v", err)
		}
	})
}

// importSessions gives the edition "open" sessions: a talk and a walk at the same time, a dinner for one right after the talk,
// and one without a time. The edition "draft" has one too.
func (w *world) importSessions(t testing.TB) {
	t.Helper()
	one := 1
	session := func(key, starts, ends string) programme.Session {
		s := programme.Session{Key: key, Kind: "BREAKOUT", Title: strings.ToUpper(key[:1]) + key[1:], Capacity: &one}
		if s.Starts, s.Ends = "2027-05-20T"+starts, "2027-05-20T"+ends; starts == "" {
			s.Starts, s.Ends, s.Day = "", "", "2027-05-20"
		}
		return s
	}
	file := content()
	for i := range file.Editions {
		switch e := &file.Editions[i]; e.Key {
		case "open":
			e.Sessions = []programme.Session{session("talk", "10:00", "11:00"), session("walk", "10:30", "11:00"), session("dinner", "11:00", "12:00"), session("untimed", "", "")}
			e.Sessions[2].Kind, e.Sessions[1].Capacity = "SOCIAL", new(9)
			e.Sessions[3].Title = "Untimed"
		case "draft":
			e.Sessions = []programme.Session{{Key: "hidden", Kind: "BREAKOUT", Title: "Hidden", Day: "2027-06-20", Capacity: &one}}
		}
	}
	w.importFile(t, file)
}

// seatsOf returns the seats of the record with the key.
func (w *world) seatsOf(t testing.TB, table, key string) db.ID {
	t.Helper()
	column := strings.TrimSuffix(table, "s") + "_id"
	return query[db.ID](t, w, "SELECT id FROM seats WHERE "+column+" = ?", w.id(t, table, key))
}

// as returns the person with the key as an actor who coordinates nothing.
func (w *world) as(t testing.TB, key string) db.Actor {
	t.Helper()
	return db.Actor{PersonID: *w.id(t, "people", key)}
}

// register registers people themselves, a second after each other, and returns the last registration.
func (w *world) register(t testing.TB, seats db.ID, keys ...string) (r *db.Registration) {
	t.Helper()
	for _, key := range keys {
		w.clock.advance(time.Second)
		var err error
		in := db.RegisterInput{IdempotencyKey: rand.Text(), SeatsID: seats}
		if r, err = w.Register(t.Context(), w.as(t, key), in, db.Shape{"position": nil}); err != nil {
			t.Fatalf("register %s: %v", key, err)
		}
	}
	return r
}

func (w *world) refuse(t testing.TB, seats db.ID, key string, want db.ErrorCode, says string) {
	t.Helper()
	_, err := w.Register(t.Context(), w.as(t, key), db.RegisterInput{IdempotencyKey: rand.Text(), SeatsID: seats}, nil)
	if problems, _ := db.AsErrors(err); code(err) != want || problems[0].Message != says {
		t.Errorf("%s: %v, want %s %s", key, err, want, says)
	}
}

// latest returns the newest registration of the person on the seats.
func (w *world) latest(t testing.TB, seats db.ID, key string) db.ID {
	t.Helper()
	return query[db.ID](t, w, "SELECT id FROM registrations WHERE seats_id = ? AND person_id = ? ORDER BY ticket DESC LIMIT 1", seats, w.id(t, "people", key))
}

func (w *world) cancel(t testing.TB, seats db.ID, key string) {
	t.Helper()
	w.clock.advance(time.Second)
	if _, err := w.CancelRegistration(t.Context(), w.as(t, key), w.latest(t, seats, key), nil); err != nil {
		t.Fatalf("cancel %s: %v", key, err)
	}
}

func (w *world) accept(t testing.TB, seats db.ID, key string) {
	t.Helper()
	w.clock.advance(time.Second)
	if r, err := w.AcceptOffer(t.Context(), w.as(t, key), w.latest(t, seats, key), nil); err != nil || r.Status != db.Confirmed || r.OfferExpiresAt != nil {
		t.Fatalf("accept %s: %+v, %v", key, r, err)
	}
}

// rules changes the rules of seats as Olga.
func (w *world) rules(t testing.TB, seats db.ID, in db.ChangeSeatsInput) *db.Seats {
	t.Helper()
	in.SeatsID = seats
	s, err := w.ChangeSeats(t.Context(), w.olga, in)
	if err != nil {
		t.Fatalf("change seats: %v", err)
	}
	return s
}

// checkLine compares everybody on the seats, by ticket, with a text such as "anna CONFIRMED, bert WAITLISTED".
func (w *world) checkLine(t testing.TB, seats db.ID, want string) {
	t.Helper()
	all := rows[string](t, w, "SELECT p.key || ' ' || r.status FROM registrations r JOIN people p ON p.id = r.person_id WHERE seats_id = ? ORDER BY ticket", seats)
	if got := strings.Join(all, ", "); got != want {
		t.Errorf("the line is %s, want %s", got, want)
	}
}

// told returns the kinds of the mails to a person about seats in the order of time, without their common beginning.
func (w *world) told(t testing.TB, seats db.ID, key string) string {
	t.Helper()
	kinds := rows[string](t, w, `SELECT x.kind FROM deliveries x JOIN registrations r ON r.id = x.registration_id
		WHERE r.seats_id = ? AND r.person_id = ? ORDER BY x.created_at, x.id`, seats, w.id(t, "people", key))
	return strings.ReplaceAll(strings.Join(kinds, " "), "registration_", "")
}
