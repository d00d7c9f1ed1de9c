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
	ready sync.Map // on SQLite: from the text of a query to its *sql.Stmt; pgx keeps those of PostgreSQL itself
}

// prepared is the connection of one query: it adds the parameter that bun knows nothing of.
type prepared struct {
	bun.IConn // nil: such a query only selects
	pool      *readers
	tx        *sql.Tx
	mode      []any // how pgx is to run it
	ids       string
}

// QueryContext implements bun.IConn.
func (p prepared) QueryContext(ctx context.Context, query string, _ ...any) (*sql.Rows, error) {
	switch {
	case p.tx != nil:
		return p.tx.QueryContext(ctx, query, append(p.mode, p.ids)...)
	case p.mode != nil:
		return p.pool.DB.DB.QueryContext(ctx, query, append(p.mode, p.ids)...)
	}
	ready, ok := p.pool.ready.Load(query)
	if !ok {
		made, err := p.pool.DB.DB.PrepareContext(context.WithoutCancel(ctx), query)
		if err != nil {
			return nil, err
		}
		if ready, ok = p.pool.ready.LoadOrStore(query, made); ok {
			_ = made.Close() // another request was faster
		}
	}
	return ready.(*sql.Stmt).QueryContext(ctx, p.ids)
}
