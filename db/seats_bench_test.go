package db_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
)

// BenchmarkRegister lets 32 people at a time register for one course run with few places, and prints registrations a second.
// Beside it stand as many transactions of nothing but a conditional UPDATE of the counter and an INSERT, measured in the same
// run, and how many of these a registration costs: fewer than one where those who come together share a commit that costs more
// than their rows. Aimed at are 700 registrations a second on PostgreSQL and 2,000 on SQLite.
func BenchmarkRegister(b *testing.B) {
	for _, database := range []struct {
		name    string
		address func(testing.TB) string
	}{{"postgres", dbtest.Postgres}, {"sqlite", dbtest.SQLite}} {
		b.Run(database.name, func(b *testing.B) {
			const batch = 500
			w := newWorld(b, dbtest.Open(b, database.address(b)))
			seats := w.seatsOf(b, "course_runs", "spring")
			w.exec(b, "CREATE TABLE places (id INTEGER PRIMARY KEY, taken INTEGER NOT NULL)")
			w.exec(b, "CREATE TABLE takers (id TEXT PRIMARY KEY, ticket INTEGER NOT NULL)")
			w.exec(b, "INSERT INTO places VALUES (1, 0)")
			var registering, bare time.Duration
			var statements int64
			runs := 0
			for b.Loop() {
				runs += batch
				people := w.crowd(b, batch)
				ctx, count := db.CountStatements(b.Context())
				registering += crowded(b, people, func(person db.ID) error {
					_, err := w.Register(ctx, db.Actor{PersonID: person}, db.RegisterInput{IdempotencyKey: "key", SeatsID: seats}, nil)
					return err
				})
				statements += count.Load()
				bare += crowded(b, people, func(person db.ID) error { return takePlace(b.Context(), w.Raw(), person) })
			}
			b.ReportMetric(float64(runs)/registering.Seconds(), "registrations/s")
			b.ReportMetric(float64(runs)/bare.Seconds(), "bare/s")
			b.ReportMetric(registering.Seconds()/bare.Seconds(), "bare/registration")
			b.ReportMetric(float64(statements)/float64(runs), "statements/registration")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// takePlace is the least that a registration could be.
func takePlace(ctx context.Context, d *bun.DB, person db.ID) error {
	return d.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var ticket int
		if err := tx.NewRaw("UPDATE places SET taken = taken + 1 WHERE id = 1 AND taken < 1000000 RETURNING taken").Scan(ctx, &ticket); err != nil {
			return err
		}
		_, err := tx.NewRaw("INSERT INTO takers VALUES (?, ?)", person.String(), ticket).Exec(ctx)
		return err
	})
}

// crowded calls the function for everybody, 32 at a time, and returns how long that took.
func crowded(b *testing.B, people []db.ID, each func(db.ID) error) time.Duration {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range 32 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(people)); i = next.Add(1) - 1 {
				if err := each(people[i]); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}
