package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
)

// Partnership returns one partnership.
func (r queryResolver) Partnership(ctx context.Context, id db.ID) (*db.Partnership, error) {
	return r.db.Partnership(ctx, actor(ctx), id, shape(ctx))
}

// Partnerships lists partnerships by name.
func (r queryResolver) Partnerships(ctx context.Context, first *int, after *string, last *int, before *string) (*db.Connection[db.Partnership], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.Partnerships(ctx, actor(ctx), p, records)
}

// Editions lists the editions of a series.
func (r seriesResolver) Editions(ctx context.Context, of *db.Series, first *int, after *string, last *int, before *string) (*db.Connection[db.Edition], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.EditionsOf(ctx, actor(ctx), of, p, records)
}
