package db_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
)

// crowd are calls of Register that come while the seats are locked: the first is alone, and the others wait together behind it.
type crowd struct {
	*world
	seats   db.ID
	release func() // unlocks the seats
	calls   []*call
}

type call struct {
	*db.Registration
	err  error
	done chan struct{}
}

// crowdAt locks the seats. On SQLite nothing else can be asked through the world until they are released.
func (w *world) crowdAt(t *testing.T, seats db.ID) *crowd {
	t.Helper()
	tx, err := w.Raw().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	release := sync.OnceFunc(func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(release)
	if _, err := tx.NewRaw("UPDATE seats SET taken = taken WHERE id = ?", seats).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &crowd{world: w, seats: seats, release: release}
}

// comes adds a call and waits until it has its place behind the others.
func (c *crowd) comes(t *testing.T, ctx context.Context, actor db.Actor, key string, person *db.ID) {
	t.Helper()
	one := &call{done: make(chan struct{})}
	go func() {
		defer close(one.done)
		one.Registration, one.err = c.Register(ctx, actor, db.RegisterInput{IdempotencyKey: key, SeatsID: c.seats, PersonID: person}, db.Shape{"position": nil})
	}()
	c.await(t, len(c.calls))
	c.calls = append(c.calls, one)
}

// await waits until as many are queued.
func (c *crowd) await(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d are queued", n), func() bool { return c.Queued(c.seats) == n })
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	timeout, look := time.NewTimer(20*time.Second), time.NewTicker(time.Millisecond)
	defer timeout.Stop()
	defer look.Stop()
	for !condition() {
		select {
		case <-look.C:
		case <-timeout.C:
			t.Fatalf("it never came to this: %s", what)
		}
	}
}

// end unlocks the seats and waits until everybody has an answer.
func (c *crowd) end() {
	c.release()
	for _, one := range c.calls {
		<-one.done
	}
}

func TestEverybodyInACrowdHasAnAnswerOfTheirOwn(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, two := w.seatsOf(t, "editions", "small"), 2
		w.rules(t, seats, db.ChangeSeatsInput{MaxPerOrganisation: &two})
		anna, bert, carla, dieter, emma := w.as(t, "anna"), w.as(t, "bert"), w.as(t, "carla"), w.as(t, "dieter"), w.as(t, "emma")
		freelancer := db.NewID(db.KindPerson, beginning)
		w.exec(t, "INSERT INTO people (id, key, affiliation, name, locale, created_at) VALUES (?, 'freelancer', '', 'Freelancer', 'nl', ?)", freelancer, beginning)
		c := w.crowdAt(t, seats)
		ctx, statements := db.CountStatements(t.Context())
		for _, one := range []struct {
			actor  db.Actor
			key    string
			person *db.ID
		}{
			{anna, "a", nil},
			{bert, "b", nil},
			{bert, "b", nil},
			{bert, "b", &bert.PersonID}, // another input, though it means the same
			{bert, "c", nil},
			{w.outsider, "d", &carla.PersonID},
			{anna, "e", &c.seats},
			{carla, "f", nil}, // of Groningen, which has two places by now, so that others stand before her in the end
			{db.Actor{PersonID: freelancer}, "g", nil},
			{dieter, "h", nil},
			{emma, "i", nil},
		} {
			c.comes(t, ctx, one.actor, one.key, one.person)
		}
		c.end()
		var got []string
		for _, one := range c.calls {
			switch {
			case one.err != nil:
				got = append(got, string(code(one.err)))
			case one.Position != nil:
				got = append(got, fmt.Sprintf("%s %d", one.Status, *one.Position))
			default:
				got = append(got, string(one.Status))
			}
		}
		if got, want := strings.Join(got, ", "), "CONFIRMED, CONFIRMED, CONFIRMED, KEY_REUSED, CONFLICT, FORBIDDEN, FORBIDDEN, WAITLISTED 3, CONFIRMED, WAITLISTED 1, WAITLISTED 2"; got != want {
			t.Fatalf("answers: %s\nwant:    %s", got, want)
		}
		if c.calls[1].ID != c.calls[2].ID {
			t.Error("the same key made two registrations")
		}
		w.checkLine(t, seats, "anna CONFIRMED, bert CONFIRMED, carla WAITLISTED, freelancer CONFIRMED, dieter WAITLISTED, emma WAITLISTED")
		w.checkSeats(t, "in the end")
		byID := rows[string](t, w, "SELECT p.key FROM registrations r JOIN people p ON p.id = r.person_id ORDER BY r.ticket")
		if byTicket := rows[string](t, w, "SELECT p.key FROM registrations r JOIN people p ON p.id = r.person_id WHERE p.key <> 'anna' ORDER BY r.id"); !slices.Equal(byID[1:], byTicket) {
			t.Errorf("by ticket %v, by id %v", byID, byTicket)
		}
		if keys := strings.Join(rows[string](t, w, "SELECT key FROM idempotency_keys ORDER BY key"), ""); keys != "abfghi" {
			t.Errorf("the keys %s are used, want abfghi", keys) // what was refused can be tried again
		}
		if n := query[int](t, w, "SELECT count(*) FROM audit_log a JOIN registrations r ON r.id = a.record_id AND r.registered_by = a.actor_id WHERE action = 'register'"); n != 6 {
			t.Errorf("%d registrations are in the audit log, want 6", n)
		}
		if n := statements.Load(); n > 40 { // 14 for Anna, 16 for all the others, and each then reads a little
			t.Errorf("%d statements for 11 calls", n)
		}
	})
}

func TestACrowdAtASession(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importSessions(t)
		edition, talk, walk := w.seatsOf(t, "editions", "open"), w.seatsOf(t, "sessions", "talk"), w.seatsOf(t, "sessions", "walk")
		w.register(t, edition, "anna", "bert", "carla", "dieter")
		w.register(t, talk, "carla")
		people := w.people(t, "anna", "bert", "emma", "carla", "dieter")
		c := w.crowdAt(t, walk)
		for _, person := range people {
			c.comes(t, t.Context(), db.Actor{PersonID: person}, "key", nil)
		}
		c.end()
		for i, want := range []string{"", "", "A place in the meeting comes first; register for the meeting and then for this session.", `This is at the same time as "Talk"; cancel that one first.`, ""} {
			says := ""
			if problems, ok := db.AsErrors(c.calls[i].err); ok {
				says = problems[0].Message
			} else if c.calls[i].err != nil {
				t.Error(c.calls[i].err)
			}
			if says != want {
				t.Errorf("number %d: %q, want %q", i, says, want)
			}
		}
		w.checkLine(t, walk, "anna CONFIRMED, bert CONFIRMED, dieter CONFIRMED")
	})
}

func TestWhoLeavesACrowdTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, people := w.seatsOf(t, "editions", "open"), w.people(t, "anna", "bert", "carla", "dieter", "emma")
		c := w.crowdAt(t, seats)
		early, leaveEarly := context.WithCancel(t.Context())
		late, leaveLate := context.WithCancel(t.Context())
		for i, ctx := range []context.Context{early, early, late, t.Context(), t.Context()} {
			c.comes(t, ctx, db.Actor{PersonID: people[i]}, "key", nil)
		}
		leaveEarly() // Anna while she is being registered, Bert while he waits for that
		c.await(t, 0)
		leaveLate() // while Carla is being registered with the others
		for i, one := range c.calls[:3] {
			if <-one.done; !errors.Is(one.err, context.Canceled) { // the seats are still locked
				t.Errorf("number %d was told %v", i, one.err)
			}
		}
		c.end()
		for _, one := range c.calls[3:] {
			if one.err != nil || one.Status != db.Confirmed {
				t.Errorf("%+v, %v", one.Registration, one.err)
			}
		}
		w.checkLine(t, seats, "carla CONFIRMED, dieter CONFIRMED, emma CONFIRMED")
	})
}

func TestWhoSpoilsACrowdIsAlone(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, people := w.seatsOf(t, "editions", "open"), w.people(t, "anna", "bert", "carla", "dieter")
		spoil := "CREATE TRIGGER spoil BEFORE INSERT ON registrations WHEN NEW.person_id = ? BEGIN SELECT RAISE(ABORT, 'spoilt'); END"
		if w.postgres() {
			spoil = "ALTER TABLE registrations ADD CONSTRAINT spoil CHECK (person_id <> ?)"
		}
		w.exec(t, spoil, people[1])
		c := w.crowdAt(t, seats)
		for _, person := range people {
			c.comes(t, t.Context(), db.Actor{PersonID: person}, "key", nil)
		}
		c.end()
		for i, one := range c.calls {
			if (one.err != nil) != (i == 1) {
				t.Errorf("number %d: %v", i, one.err)
			}
		}
		if n := query[int](t, w, "SELECT count(*) FROM registrations WHERE status = 'CONFIRMED'"); n != 3 {
			t.Errorf("%d are registered, want 3", n)
		}
		w.checkSeats(t, "in the end")
	})
}

func TestAPanicIsAnErrorOfItsCaller(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		in := db.RegisterInput{IdempotencyKey: "key", SeatsID: w.seatsOf(t, "editions", "open")}
		w.SetClock(func() time.Time { panic("the clock has stopped") })
		if _, err := w.Register(t.Context(), w.as(t, "anna"), in, nil); err == nil || !strings.Contains(err.Error(), "the clock has stopped") {
			t.Errorf("got %v", err)
		}
		w.SetClock(w.clock.Now)
		if r, err := w.Register(t.Context(), w.as(t, "anna"), in, nil); err != nil || r.Status != db.Confirmed {
			t.Errorf("afterwards: %+v, %v", r, err)
		}
	})
}

// Another process uses the key for something else between the look at the keys and the end of the registration.
func TestAKeyThatIsUsedMeanwhile(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		anna, in := w.as(t, "anna"), db.RegisterInput{IdempotencyKey: "key", SeatsID: w.seatsOf(t, "editions", "open")}
		tx, err := w.Raw().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.NewRaw("INSERT INTO idempotency_keys (person_id, key, input_hash, result_id, created_at) VALUES (?, 'key', 'other', ?, ?)",
			anna.PersonID, anna.PersonID, beginning).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		refused := make(chan error)
		go func() {
			_, err := w.Register(t.Context(), anna, in, nil)
			refused <- err
		}()
		if w.postgres() { // SQLite lets nobody look before this has ended
			eventually(t, "the registration waits for the key", func() bool {
				return query[int](t, w, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0
			})
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := <-refused; code(err) != db.CodeKeyReused {
			t.Errorf("got %v, want %s", err, db.CodeKeyReused)
		}
		if n := query[int](t, w, "SELECT count(*) FROM registrations"); n != 0 {
			t.Errorf("%d registrations, want none", n)
		}
	})
}

// Two processes know nothing of each other's crowds.
func TestTwoProcessesRegisterACrowd(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(testing.TB) string{"sqlite": worlds.SQLite, "postgres": worlds.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const people, places = 100, 15
			url := address(t)
			w := enter(t, dbtest.Open(t, url))
			other := dbtest.Open(t, url)
			other.SetClock(w.clock.Now)
			seats, elsewhere := w.seatsOf(t, "course_runs", "spring"), w.seatsOf(t, "editions", "open")
			var wg sync.WaitGroup
			for _, person := range w.crowd(t, people) {
				made := make([]*db.Registration, 2)
				var pair sync.WaitGroup
				for i, process := range []*db.DB{w.DB, other} {
					pair.Go(func() {
						var err error
						in := db.RegisterInput{IdempotencyKey: "key", SeatsID: seats}
						if made[i], err = process.Register(t.Context(), db.Actor{PersonID: person}, in, nil); err != nil {
							t.Error(err)
						}
						in = db.RegisterInput{IdempotencyKey: "other key", SeatsID: []db.ID{seats, elsewhere}[i]}
						if _, err = process.Register(t.Context(), db.Actor{PersonID: person}, in, nil); err != nil && code(err) != db.CodeKeyReused && code(err) != db.CodeConflict {
							t.Error(err)
						}
					})
				}
				wg.Go(func() {
					pair.Wait()
					if made[0] != nil && made[1] != nil && made[0].ID != made[1].ID {
						t.Error("the same key made two registrations")
					}
				})
			}
			wg.Wait()
			for i, status := range rows[db.RegistrationStatus](t, w, "SELECT status FROM registrations WHERE seats_id = ? ORDER BY ticket", seats) {
				if (status == db.Confirmed) != (i < places) {
					t.Errorf("number %d is %s", i+1, status)
				}
			}
			if n := query[int](t, w, "SELECT count(*) FROM registrations"); n != 2*people {
				t.Errorf("%d registrations, want %d", n, 2*people)
			}
			w.checkSeats(t, "in the end")
			w.checkDeadlocks(t, "in the end")
		})
	}
}
