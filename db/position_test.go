package db_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

// Raising the capacity one by one gives places to the line in the order that the positions tell.
func TestPositionsAreTheOrderOfPromotion(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		random, seed := seeded()
		organisations := []any{w.id(t, "organisations", "groningen"), w.id(t, "organisations", "oldenburg"), w.id(t, "organisations", "bremen"), nil}
		crowd := w.crowd(t, 30)
		for _, person := range crowd {
			w.exec(t, "UPDATE people SET organisation_id = ? WHERE id = ?", organisations[random.IntN(4)], person)
		}
		for i, edition := range []string{"open", "small", "undated"} {
			seats, capacity, maximum := w.seatsOf(t, "editions", edition), 6, []int{0, 5, 0}[i]
			order := []db.LineOrder{db.Balanced, db.Balanced, db.FirstCome}[i]
			w.rules(t, seats, db.ChangeSeatsInput{Capacity: &capacity, Line: &order, MaxPerOrganisation: &maximum})
			for n, person := range crowd {
				if _, err := w.Register(t.Context(), db.Actor{PersonID: person}, db.RegisterInput{IdempotencyKey: fmt.Sprint(edition, n), SeatsID: seats}, nil); err != nil {
					t.Fatal(err)
				}
			}
			for capacity < 31 {
				line := w.waiting(t, seats)
				for n, r := range line {
					if *r.Position != n+1 {
						t.Fatalf("%s, %s: positions from 1 without gaps: %d is %d", seed, edition, n+1, *r.Position)
					}
				}
				capacity++
				w.rules(t, seats, db.ChangeSeatsInput{Capacity: &capacity})
				left := w.waiting(t, seats)
				if len(left) == len(line) { // all the others are of organisations that hold their maximum
					if !slices.IsSortedFunc(left, func(a, b *db.Registration) int { return a.Ticket - b.Ticket }) && order == db.FirstCome {
						t.Errorf("%s, %s: those who cannot move up are not by ticket", seed, edition)
					}
					break
				}
				if len(left) != len(line)-1 || slices.ContainsFunc(left, func(r *db.Registration) bool { return r.ID == line[0].ID }) {
					t.Fatalf("%s, %s: the place did not go to position 1, ticket %d", seed, edition, line[0].Ticket)
				}
			}
		}
	})
}

// waiting returns who waits for seats, by position.
func (w *world) waiting(t testing.TB, seats db.ID) []*db.Registration {
	t.Helper()
	status, hundred := db.Waitlisted, 100
	c, err := w.RegistrationsOn(t.Context(), w.olga, &db.Seats{ID: seats}, db.Page{First: &hundred}, db.RegistrationFilter{Status: &status}, db.Shape{"position": nil})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(c.Nodes, func(a, b *db.Registration) int { return *a.Position - *b.Position })
	return c.Nodes
}
