package db

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// readers is the pool that reading verbs use, with the queries that are kept ready on it.
type readers struct {
	*bun.DB
	postgres bool
	ready    sync.Map // on SQLite: from the text of a query to its *sql.Stmt; pgx keeps those of PostgreSQL itself
}

// row runs a query without parameters that is kept ready and finds one row.
func (r *readers) row(ctx context.Context, text string, to ...any) (err error) {
	began := time.Now()
	defer func() { ran(ctx, r.postgres, text, began, err) }()
	if r.postgres {
		return r.DB.DB.QueryRowContext(ctx, text, pgx.QueryExecModeCacheStatement).Scan(to...)
	}
	stmt, err := r.stmt(ctx, text)
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(ctx).Scan(to...)
}

// stmt returns a query that is kept ready. Its text must not hold anything that comes from outside.
func (r *readers) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	ready, ok := r.ready.Load(text)
	if !ok {
		made, err := r.DB.DB.PrepareContext(context.WithoutCancel(ctx), text)
		if err != nil {
			return nil, err
		}
		if ready, ok = r.ready.LoadOrStore(text, made); ok {
			_ = made.Close() // another request was faster
		}
	}
	return ready.(*sql.Stmt), nil
}
