package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
)

// Edition returns one edition with its programme.
func (r queryResolver) Edition(ctx context.Context, id db.ID) (*db.Edition, error) {
	return r.db.Edition(ctx, actor(ctx), id, shape(ctx))
}

// Editions lists editions, the latest first.
func (r queryResolver) Editions(ctx context.Context, first *int, after *string, last *int, before *string, filter *db.EditionFilter) (*db.Connection[db.Edition], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.Editions(ctx, actor(ctx), p, given(filter), records)
}

// Themes lists all themes.
func (r queryResolver) Themes(ctx context.Context) ([]*db.Theme, error) {
	return r.db.Themes(ctx)
}
