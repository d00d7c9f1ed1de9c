package db

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// readers is the pool that reading verbs use. Queries that are kept ready pass by database/sql, which takes longer on SQLite than
// the database does: there they have connections of their own.
type readers struct {
	*bun.DB
	postgres  bool
	ready     *sqlitex.Pool // nil on PostgreSQL, where pgx keeps queries ready
	stopReady func() error
}

// number runs a query without parameters that is kept ready and finds one number.
func (r *readers) number(ctx context.Context, text string, to *int64) (err error) {
	began := time.Now()
	defer func() { ran(ctx, r.postgres, text, began, err) }()
	if r.postgres {
		return r.DB.DB.QueryRowContext(ctx, text, pgx.QueryExecModeCacheStatement).Scan(to)
	}
	return r.withReady(ctx, text, func(query *sqlite.Stmt) error {
		found, err := query.Step()
		if found {
			*to = query.ColumnInt64(0)
		}
		return err
	})
}

// withReady hands over a query that is kept ready on a connection to SQLite. Its text must not hold anything that comes from outside.
func (r *readers) withReady(ctx context.Context, text string, run func(query *sqlite.Stmt) error) (err error) {
	defer func() {
		if ended := ctx.Err(); err != nil && ended != nil {
			err = ended // SQLite only tells that it was interrupted
		}
	}()
	conn, err := r.ready.Take(ctx)
	if err != nil {
		return err
	}
	defer r.ready.Put(conn)
	query, err := conn.Prepare(text)
	if err != nil {
		return err
	}
	defer func() { _ = query.Reset() }() // it fails as the last step did
	return run(query)
}
