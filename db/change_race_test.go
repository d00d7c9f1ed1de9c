package db_test

import (
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// While people come and go and mails leave, organisers keep changing things. In the end the last mail that each participant got
// tells of everything how it is.
func TestNobodyIsLeftWithWhatIsNoLongerTrue(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importFile(t, agenda())
		start := time.Now()
		w.SetClock(func() time.Time { return beginning.Add(time.Since(start)) })
		yes := true
		edition, seats, session, walk := *w.edition(t, "open"), w.seatsOf(t, "editions", "open"), *w.id(t, "sessions", "walk"), w.seatsOf(t, "sessions", "walk")
		w.rules(t, seats, db.ChangeSeatsInput{Unlimited: &yes})
		w.rules(t, walk, db.ChangeSeatsInput{Unlimited: &yes})
		people := w.crowd(t, 60)
		w.exec(t, "UPDATE people SET email = lower(replace(name, ' ', '')) || '@example.org' WHERE name LIKE 'Person %'")

		var working, changing sync.WaitGroup
		meeting, walked := map[db.ID]string{}, map[db.ID]string{} // what each person was told last
		deliver := func() {
			for _, lane := range []db.Lane{db.Urgent, db.Bulk} {
				_, mails, err := w.StartDeliveries(t.Context(), lane, worker(), 20)
				if err != nil {
					t.Error(err)
					return
				}
				for _, m := range mails {
					meeting[m.Person.ID] = m.Edition.Title
					if m.Session != nil {
						walked[m.Person.ID] = m.Session.Title
					}
					if m.Notice != nil {
						for _, c := range m.Notice.Changes {
							if c.Session != nil {
								walked[m.Person.ID] = c.Session.Title
							}
						}
					}
					w.settle(t, m.Outcome(db.ResultSent))
				}
			}
		}
		done := make(chan struct{})
		working.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					deliver()
				}
			}
		})
		for part := range 4 {
			changing.Go(func() {
				for _, person := range people[part*15 : part*15+15] {
					actor := db.Actor{PersonID: person}
					for _, s := range []db.ID{seats, walk} {
						if _, err := w.Register(t.Context(), actor, db.RegisterInput{IdempotencyKey: rand.Text(), SeatsID: s}, nil); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		changing.Go(func() {
			for i := range 15 {
				title, walkTitle := fmt.Sprintf("Meeting %d", i), fmt.Sprintf("Walk %d", i)
				if _, err := w.ChangeEdition(t.Context(), w.olga, db.ChangeEditionInput{EditionID: edition, Title: &title}, nil); err != nil {
					t.Error(err)
				}
				if _, _, err := w.ChangeSession(t.Context(), w.konrad, db.ChangeSessionInput{SessionID: session, Title: &walkTitle}, nil, nil); err != nil {
					t.Error(err)
				}
			}
		})
		changing.Wait()
		close(done)
		working.Wait()
		for query[int](t, w, "SELECT count(*) FROM deliveries WHERE state = 'QUEUED'") > 0 {
			deliver()
		}
		for _, person := range people {
			if meeting[person] != "Meeting 14" || walked[person] != "Walk 14" {
				t.Errorf("%s was last told %q and %q", person, meeting[person], walked[person])
			}
		}
		w.checkSeats(t, "in the end")
		w.checkDeadlocks(t, "in the end")
	})
}
