package db_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestOffersGoDownTheLine(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, offer, one := w.seatsOf(t, "editions", "small"), db.PolicyOffer, 1
		w.rules(t, seats, db.ChangeSeatsInput{Policy: &offer, Capacity: &one})
		r := w.register(t, seats, "anna", "bert", "carla", "dieter", "emma")
		if r.Status != db.Waitlisted || r.Position == nil || *r.Position != 4 {
			t.Errorf("the last: %+v", r)
		}
		w.cancel(t, seats, "anna")
		w.checkLine(t, seats, "anna CANCELLED, bert OFFERED, carla WAITLISTED, dieter WAITLISTED, emma WAITLISTED")
		w.checkOffer(t, seats, "bert", time.Date(2027, 1, 12, 9, 0, 6, 0, time.UTC))
		if s := w.rules(t, seats, db.ChangeSeatsInput{}); s.Taken != 1 || s.Waiting != 3 || *s.Left() != 0 {
			t.Errorf("an offered place is not taken: %+v", s)
		}
		w.register(t, seats, "bettina") // cannot have what is offered to somebody else
		w.decline(t, seats, "bert")
		w.checkLine(t, seats, "anna CANCELLED, bert CANCELLED, carla OFFERED, dieter WAITLISTED, emma WAITLISTED, bettina WAITLISTED")
		w.clock.advance(48*time.Hour - time.Microsecond)
		w.sweep(t, 0)
		w.clock.advance(time.Microsecond)
		if _, err := w.AcceptOffer(t.Context(), w.as(t, "carla"), w.latest(t, seats, "carla"), nil); code(err) != db.CodeDeadline {
			t.Errorf("accepted at the deadline, though nobody swept: %v", err)
		}
		w.sweep(t, 1)
		w.sweep(t, 0)
		w.checkLine(t, seats, "anna CANCELLED, bert CANCELLED, carla EXPIRED, dieter OFFERED, emma WAITLISTED, bettina WAITLISTED")
		w.accept(t, seats, "dieter")
		w.clock.advance(1000 * time.Hour)
		w.sweep(t, 0)
		w.checkLine(t, seats, "anna CANCELLED, bert CANCELLED, carla EXPIRED, dieter CONFIRMED, emma WAITLISTED, bettina WAITLISTED")
		r = w.register(t, seats, "carla") // who comes back stands at the end
		if *r.Position != 3 {
			t.Errorf("who comes back is at %d", *r.Position)
		}
		for key, want := range map[string]string{
			"anna": "confirmed cancelled", "bert": "waitlisted seat_offered", "carla": "waitlisted seat_offered offer_expired waitlisted",
			"dieter": "waitlisted seat_offered confirmed", "emma": "waitlisted",
		} {
			if got := w.told(t, seats, key); got != want {
				t.Errorf("%s was told %q, want %q", key, got, want)
			}
		}
		w.checkSeats(t, "in the end")
	})
}

func TestNobodyNeedsTheSweepToKeepTheOrder(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, offer, one := w.seatsOf(t, "editions", "small"), db.PolicyOffer, 1
		w.rules(t, seats, db.ChangeSeatsInput{Policy: &offer, Capacity: &one})
		w.register(t, seats, "anna", "bert", "carla")
		w.cancel(t, seats, "anna")
		w.clock.advance(100 * time.Hour) // the offer is over
		w.register(t, seats, "dieter")
		w.checkLine(t, seats, "anna CANCELLED, bert EXPIRED, carla OFFERED, dieter WAITLISTED")
		w.clock.advance(100 * time.Hour)
		w.cancel(t, seats, "dieter") // any change brings the line up to date
		w.checkLine(t, seats, "anna CANCELLED, bert EXPIRED, carla EXPIRED, dieter CANCELLED")
		if got := w.told(t, seats, "dieter"); got != "waitlisted seat_offered" {
			t.Errorf("told %q", got)
		}
		w.register(t, seats, "emma")
		w.checkLine(t, seats, "anna CANCELLED, bert EXPIRED, carla EXPIRED, dieter CANCELLED, emma CONFIRMED")
		w.checkSeats(t, "in the end")
	})
}

func TestOffersEndWithRegistration(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, offer, one, closes := w.seatsOf(t, "editions", "small"), db.PolicyOffer, 1, beginning.Add(24*time.Hour)
		w.rules(t, seats, db.ChangeSeatsInput{Policy: &offer, Capacity: &one, ClosesAt: &closes})
		w.register(t, seats, "anna", "bert", "carla", "dieter")
		w.cancel(t, seats, "anna")
		w.checkOffer(t, seats, "bert", closes)
		w.clock.advance(closes.Sub(w.clock.Now()) - time.Microsecond)
		w.sweep(t, 0)
		w.clock.advance(time.Microsecond)
		w.sweep(t, 1)
		w.checkLine(t, seats, "anna CANCELLED, bert EXPIRED, carla EXPIRED, dieter EXPIRED")
		for key, want := range map[string]string{
			"bert": "waitlisted seat_offered offer_expired", "carla": "waitlisted waiting_list_closed", "dieter": "waitlisted waiting_list_closed",
		} {
			if got := w.told(t, seats, key); got != want {
				t.Errorf("%s was told %q, want %q", key, got, want)
			}
		}
		w.sweep(t, 0)
		w.checkSeats(t, "in the end")
	})
}

func TestTheLineOfASessionEndsWhenItBegins(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importSessions(t)
		talk, untimed := w.seatsOf(t, "sessions", "talk"), w.seatsOf(t, "sessions", "untimed")
		w.register(t, w.seatsOf(t, "editions", "open"), "anna", "bert")
		w.register(t, talk, "anna", "bert")
		w.register(t, untimed, "anna", "bert")
		midnight := time.Date(2027, 5, 19, 22, 0, 0, 0, time.UTC)
		w.clock.advance(midnight.Sub(w.clock.Now()))
		if _, err := w.SweepLines(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.checkLine(t, untimed, "anna CONFIRMED, bert EXPIRED")
		w.checkLine(t, talk, "anna CONFIRMED, bert WAITLISTED")
		w.clock.advance(10 * time.Hour)
		w.sweep(t, 1)
		w.checkLine(t, talk, "anna CONFIRMED, bert EXPIRED")
	})
}

func TestTheLineOfAnUndatedMeetingEndsWithItsYear(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, one := w.seatsOf(t, "editions", "undated"), 1
		w.rules(t, seats, db.ChangeSeatsInput{Capacity: &one})
		w.register(t, seats, "anna", "bert")
		newYear := time.Date(2027, 12, 31, 23, 0, 0, 0, time.UTC) // in Amsterdam
		w.clock.advance(newYear.Sub(w.clock.Now()) - time.Microsecond)
		if _, err := w.SweepLines(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.checkLine(t, seats, "anna CONFIRMED, bert WAITLISTED")
		w.clock.advance(time.Microsecond)
		w.sweep(t, 1)
		w.checkLine(t, seats, "anna CONFIRMED, bert EXPIRED")
	})
}

func TestChangedRulesGivePlacesToTheLine(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, offer, automatic, balanced := w.seatsOf(t, "editions", "small"), db.PolicyOffer, db.PolicyAutomatic, db.Balanced
		number, yes := func(n int) *int { return &n }, true
		w.exec(t, "UPDATE people SET organisation_id = NULL WHERE key = 'bettina'")
		w.rules(t, seats, db.ChangeSeatsInput{Capacity: number(1)})
		w.register(t, seats, "anna", "bert", "carla", "dieter", "emma", "bettina") // of Groningen, Groningen, Groningen, Oldenburg, Oldenburg, nobody
		step := func(in db.ChangeSeatsInput, want string) {
			t.Helper()
			w.clock.advance(time.Second)
			w.rules(t, seats, in)
			w.checkLine(t, seats, want)
			w.checkSeats(t, want)
		}
		step(db.ChangeSeatsInput{Capacity: number(2)},
			"anna CONFIRMED, bert CONFIRMED, carla WAITLISTED, dieter WAITLISTED, emma WAITLISTED, bettina WAITLISTED")
		step(db.ChangeSeatsInput{Capacity: number(1)}, // takes nothing away
			"anna CONFIRMED, bert CONFIRMED, carla WAITLISTED, dieter WAITLISTED, emma WAITLISTED, bettina WAITLISTED")
		w.cancel(t, seats, "anna") // nobody moves up until there is room
		w.checkLine(t, seats, "anna CANCELLED, bert CONFIRMED, carla WAITLISTED, dieter WAITLISTED, emma WAITLISTED, bettina WAITLISTED")
		step(db.ChangeSeatsInput{Capacity: number(2), MaxPerOrganisation: number(1)},
			"anna CANCELLED, bert CONFIRMED, carla WAITLISTED, dieter CONFIRMED, emma WAITLISTED, bettina WAITLISTED")
		step(db.ChangeSeatsInput{Capacity: number(4)}, // the people of both organisations wait although a place is free
			"anna CANCELLED, bert CONFIRMED, carla WAITLISTED, dieter CONFIRMED, emma WAITLISTED, bettina CONFIRMED")
		if r := w.register(t, seats, "anna"); r.Status != db.Waitlisted || *r.Position != 3 {
			t.Errorf("anna is over the quota: %+v", r)
		}
		step(db.ChangeSeatsInput{MaxPerOrganisation: number(2), Policy: &offer},
			"anna CANCELLED, bert CONFIRMED, carla OFFERED, dieter CONFIRMED, emma WAITLISTED, bettina CONFIRMED, anna WAITLISTED")
		step(db.ChangeSeatsInput{Policy: &automatic, Capacity: number(5), Line: &balanced}, // an offer stays an offer
			"anna CANCELLED, bert CONFIRMED, carla OFFERED, dieter CONFIRMED, emma CONFIRMED, bettina CONFIRMED, anna WAITLISTED")
		step(db.ChangeSeatsInput{Unlimited: &yes}, // the quota holds
			"anna CANCELLED, bert CONFIRMED, carla OFFERED, dieter CONFIRMED, emma CONFIRMED, bettina CONFIRMED, anna WAITLISTED")
		step(db.ChangeSeatsInput{MaxPerOrganisation: number(0)},
			"anna CANCELLED, bert CONFIRMED, carla OFFERED, dieter CONFIRMED, emma CONFIRMED, bettina CONFIRMED, anna CONFIRMED")
	})
}

func TestABalancedLineLevelsTheOrganisations(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, balanced, two, four := w.seatsOf(t, "editions", "small"), db.Balanced, 2, 4
		w.rules(t, seats, db.ChangeSeatsInput{Capacity: &two, Line: &balanced})
		w.register(t, seats, "anna", "bert", "carla", "olga", "dieter", "emma")
		w.rules(t, seats, db.ChangeSeatsInput{Capacity: &four})
		w.checkLine(t, seats, "anna CONFIRMED, bert CONFIRMED, carla WAITLISTED, olga WAITLISTED, dieter CONFIRMED, emma CONFIRMED")
		w.cancel(t, seats, "emma")
		w.checkLine(t, seats, "anna CONFIRMED, bert CONFIRMED, carla CONFIRMED, olga WAITLISTED, dieter CONFIRMED, emma CANCELLED")
		w.checkSeats(t, "in the end")
	})
}

func TestAReopenedEditionGivesPlacesToTheLine(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, offer, one, two := w.seatsOf(t, "editions", "small"), db.PolicyOffer, 1, 2
		w.rules(t, seats, db.ChangeSeatsInput{Capacity: &one, Policy: &offer})
		w.register(t, seats, "anna", "bert", "carla")
		w.cancel(t, seats, "anna")
		w.exec(t, "UPDATE editions SET status = 'CANCELLED' WHERE key = 'small'")
		if _, err := w.AcceptOffer(t.Context(), w.as(t, "bert"), w.latest(t, seats, "bert"), nil); code(err) != db.CodeConflict {
			t.Errorf("accepted a place in a cancelled meeting: %v", err)
		}
		w.rules(t, seats, db.ChangeSeatsInput{Capacity: &two})
		w.checkLine(t, seats, "anna CANCELLED, bert OFFERED, carla WAITLISTED")
		w.exec(t, "UPDATE editions SET status = 'PUBLISHED' WHERE key = 'small'")
		w.sweep(t, 1)
		w.checkLine(t, seats, "anna CANCELLED, bert OFFERED, carla OFFERED")
		w.sweep(t, 0)
	})
}

func TestWhoMayChangeSeatsAndToWhat(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		run := w.seatsOf(t, "course_runs", "spring")
		number, yes, soon, later := func(n int) *int { return &n }, true, beginning.Add(time.Hour), beginning.Add(2*time.Hour)
		for name, c := range map[string]struct {
			actor db.Actor
			in    db.ChangeSeatsInput
			code  db.ErrorCode
			field string
		}{
			"nobody":                         {db.Actor{}, db.ChangeSeatsInput{SeatsID: run}, db.CodeNotSignedIn, ""},
			"an organiser of something else": {w.konrad, db.ChangeSeatsInput{SeatsID: run}, db.CodeNotFound, "seatsId"},
			"no seats":                       {w.olga, db.ChangeSeatsInput{SeatsID: w.olga.PersonID}, db.CodeNotFound, "seatsId"},
			"fewer than none":                {w.olga, db.ChangeSeatsInput{SeatsID: run, Capacity: number(-1)}, db.CodeInvalid, "capacity"},
			"too many":                       {w.olga, db.ChangeSeatsInput{SeatsID: run, Capacity: number(1_000_001)}, db.CodeInvalid, "capacity"},
			"both":                           {w.olga, db.ChangeSeatsInput{SeatsID: run, Capacity: number(1), Unlimited: &yes}, db.CodeInvalid, "unlimited"},
			"a quota below none":             {w.olga, db.ChangeSeatsInput{SeatsID: run, MaxPerOrganisation: number(-1)}, db.CodeInvalid, "maxPerOrganisation"},
			"no time to accept":              {w.olga, db.ChangeSeatsInput{SeatsID: run, OfferHours: number(0)}, db.CodeInvalid, "offerHours"},
			"more than a month to accept":    {w.olga, db.ChangeSeatsInput{SeatsID: run, OfferHours: number(721)}, db.CodeInvalid, "offerHours"},
			"closed before it opens":         {w.olga, db.ChangeSeatsInput{SeatsID: run, OpensAt: &later, ClosesAt: &soon}, db.CodeInvalid, "closesAt"},
			"a month to accept":              {w.olga, db.ChangeSeatsInput{SeatsID: run, OfferHours: number(720)}, "", ""},
		} {
			s, err := w.ChangeSeats(t.Context(), c.actor, c.in)
			if one, ok := errors.AsType[*db.Error](err); code(err) != c.code || ok && c.field != "" && strings.Join(one.Field, ".") != "input."+c.field {
				t.Errorf("%s: %v, want %s about %s", name, err, c.code, c.field)
			}
			if err == nil && (!s.RegistrationOpen || s.OfferHours != 720 || *s.Capacity != 15 || *s.Left() != 15) {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if s := w.rules(t, run, db.ChangeSeatsInput{OpensAt: &soon}); s.RegistrationOpen {
			t.Error("registration is open before it opens")
		}
	})
}

func TestTwoThousandAtOnceForFifteenPlaces(t *testing.T) {
	t.Parallel()
	crowd := 2000
	if testing.Short() {
		crowd = 400
	}
	for policy, people := range map[db.LinePolicy]int{db.PolicyAutomatic: crowd, db.PolicyClosed: 200} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			eachWorld(t, func(t *testing.T, w *world) {
				const places = 15
				seats := w.seatsOf(t, "course_runs", "spring")
				w.rules(t, seats, db.ChangeSeatsInput{Policy: &policy})
				var wg sync.WaitGroup
				var mu sync.Mutex
				outcomes := map[string]int{}
				for _, person := range w.crowd(t, people) {
					wg.Go(func() {
						r, err := w.Register(t.Context(), db.Actor{PersonID: person}, db.RegisterInput{IdempotencyKey: "key", SeatsID: seats}, nil)
						outcome := string(code(err))
						if err == nil {
							outcome = string(r.Status)
						}
						mu.Lock()
						defer mu.Unlock()
						outcomes[outcome]++
					})
				}
				wg.Wait()
				want := map[string]int{string(db.Confirmed): places, string(db.Waitlisted): people - places}
				if policy == db.PolicyClosed {
					want = map[string]int{string(db.Confirmed): places, string(db.CodeConflict): people - places}
				}
				if !maps.Equal(outcomes, want) {
					t.Errorf("outcomes %v, want %v", outcomes, want)
				}
				for i, r := range rows[struct {
					Ticket int
					Status db.RegistrationStatus
				}](t, w, "SELECT ticket, status FROM registrations ORDER BY ticket") {
					if r.Ticket != i+1 || (r.Status == db.Confirmed) != (i < places) {
						t.Errorf("number %d has ticket %d and is %s", i+1, r.Ticket, r.Status)
					}
				}
				w.checkSeats(t, "in the end")
			})
		})
	}
}

// crowd adds people who work for Groningen.
func (w *world) crowd(t testing.TB, n int) []db.ID {
	t.Helper()
	ids := make([]db.ID, n)
	groningen := w.id(t, "organisations", "groningen")
	for start := 0; start < n; start += 500 {
		var values []string
		var args []any
		for i := start; i < min(n, start+500); i++ {
			ids[i] = db.NewID(db.KindPerson, beginning)
			values = append(values, "(?, ?, '', ?, 'nl', ?)")
			args = append(args, ids[i], groningen, fmt.Sprintf("Person %d", i), beginning)
		}
		w.exec(t, "INSERT INTO people (id, organisation_id, affiliation, name, locale, created_at) VALUES "+strings.Join(values, ", "), args...)
	}
	return ids
}

func (w *world) decline(t testing.TB, seats db.ID, key string) {
	t.Helper()
	w.clock.advance(time.Second)
	if r, err := w.DeclineOffer(t.Context(), w.as(t, key), w.latest(t, seats, key), nil); err != nil || r.Status != db.Cancelled {
		t.Fatalf("decline %s: %+v, %v", key, r, err)
	}
}

// sweep fails the test when another number of seats was due.
func (w *world) sweep(t testing.TB, want int) {
	t.Helper()
	if n, err := w.SweepLines(t.Context()); err != nil || n != want {
		t.Errorf("swept %d seats, want %d: %v", n, want, err)
	}
}

func (w *world) checkOffer(t testing.TB, seats db.ID, key string, until time.Time) {
	t.Helper()
	if got := query[time.Time](t, w, "SELECT offer_expires_at FROM registrations WHERE id = ?", w.latest(t, seats, key)); !got.Equal(until) {
		t.Errorf("the offer lasts until %s, want %s", got.UTC(), until)
	}
}

// checkSeats fails when the counters of seats differ from the rows they count, or somebody was not told exactly what became of
// a registration.
func (w *world) checkSeats(t testing.TB, when string) {
	t.Helper()
	const mails = "(SELECT count(*) FROM deliveries x WHERE x.registration_id = r.id AND kind = "
	for rule, wrong := range map[string]string{
		"taken":   "seats s WHERE taken <> (SELECT count(*) FROM registrations r WHERE r.seats_id = s.id AND r.status IN ('CONFIRMED', 'OFFERED'))",
		"waiting": "seats s WHERE waiting <> (SELECT count(*) FROM registrations r WHERE r.seats_id = s.id AND r.status = 'WAITLISTED')",
		"tickets": "seats s WHERE last_ticket <> (SELECT count(*) FROM registrations r WHERE r.seats_id = s.id)",
		"told": `(SELECT r.status, ` + mails + `'registration_confirmed') AS confirmed, ` + mails + `'registration_waitlisted') AS waitlisted, ` +
			mails + `'registration_cancelled') AS cancelled, ` + mails + `'seat_offered') AS offered, ` + mails + `'offer_expired') AS expired, ` +
			mails + `'waiting_list_closed') AS closed FROM registrations r WHERE cancelled_with IS NULL) AS m WHERE NOT (confirmed <= 1 AND waitlisted <= 1 AND offered <= waitlisted
				AND confirmed + waitlisted >= 1 AND CASE status
				WHEN 'CONFIRMED' THEN confirmed = 1 AND cancelled + expired + closed = 0
				WHEN 'WAITLISTED' THEN waitlisted = 1 AND confirmed + offered + cancelled + expired + closed = 0
				WHEN 'OFFERED' THEN offered = 1 AND confirmed + cancelled + expired + closed = 0
				WHEN 'EXPIRED' THEN waitlisted = 1 AND confirmed + cancelled = 0 AND expired = offered AND closed = 1 - offered
				ELSE cancelled = confirmed AND expired + closed = 0 END)`,
	} {
		if n := query[int](t, w, "SELECT count(*) FROM "+wrong); n > 0 {
			t.Errorf("%s: %s: %d rows are wrong", when, rule, n)
		}
	}
}
