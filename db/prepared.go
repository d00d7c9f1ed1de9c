package db

import (
	"context"
	"database/sql"
	"sync"

	"github.com/uptrace/bun"
)

// readers is the pool that reading verbs use, with the queries that are kept ready on it.
type readers struct {
	*bun.DB
	postgres bool
	ready    sync.Map // on SQLite: from the text of a query to its *sql.Stmt; pgx keeps those of PostgreSQL itself
}

// query runs a query that is kept ready. Its text must not hold anything that comes from outside.
func (r *readers) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if r.postgres {
		return r.DB.DB.QueryContext(ctx, text, append([]any{keepReady}, args...)...)
	}
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
	return ready.(*sql.Stmt).QueryContext(ctx, args...)
}

// prepared is the connection of one query: it adds the parameter that bun knows nothing of.
type prepared struct {
	bun.IConn // nil: such a query only selects
	query     func(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	ids       string
}

// QueryContext implements bun.IConn.
func (p prepared) QueryContext(ctx context.Context, text string, _ ...any) (*sql.Rows, error) {
	return p.query(ctx, text, p.ids)
}
