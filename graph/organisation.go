package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
)

// Municipalities lists municipalities by name.
func (r queryResolver) Municipalities(ctx context.Context, first *int, after *string, last *int, before *string, filter *db.MunicipalityFilter) (*db.Connection[db.Municipality], error) {
	p, _ := page(ctx, first, after, last, before)
	return r.db.Municipalities(ctx, p, given(filter))
}

// Institutions lists institutions by name.
func (r queryResolver) Institutions(ctx context.Context, first *int, after *string, last *int, before *string) (*db.Connection[db.Institution], error) {
	p, _ := page(ctx, first, after, last, before)
	return r.db.Institutions(ctx, p)
}

// Partnerships lists the partnerships of a municipality.
func (r municipalityResolver) Partnerships(ctx context.Context, of *db.Municipality, first *int, after *string, last *int, before *string) (*db.Connection[db.Partnership], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.PartnershipsOf(ctx, actor(ctx), of, p, records)
}

// HostedEditions lists the editions that a municipality hosts.
func (r municipalityResolver) HostedEditions(ctx context.Context, of *db.Municipality, first *int, after *string, last *int, before *string) (*db.Connection[db.Edition], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.HostedEditions(ctx, actor(ctx), of, p, records)
}

// Partnerships lists the partnerships of an institution.
func (r institutionResolver) Partnerships(ctx context.Context, of *db.Institution, first *int, after *string, last *int, before *string) (*db.Connection[db.Partnership], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.PartnershipsOf(ctx, actor(ctx), of, p, records)
}

// HostedEditions lists the editions that an institution hosts.
func (r institutionResolver) HostedEditions(ctx context.Context, of *db.Institution, first *int, after *string, last *int, before *string) (*db.Connection[db.Edition], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.HostedEditions(ctx, actor(ctx), of, p, records)
}

// given returns an optional filter, empty when it was left out.
func given[T any](filter *T) (value T) {
	if filter != nil {
		value = *filter
	}
	return value
}
