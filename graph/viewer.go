package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// Viewer returns who is asking.
func (r queryResolver) Viewer(ctx context.Context) (*model.Viewer, error) {
	read := shape(ctx)
	person, roles, err := r.db.Viewer(ctx, actor(ctx), read.Of("person"), read.Of("roles"))
	if person == nil || err != nil {
		return nil, err
	}
	return &model.Viewer{Person: person, Roles: roles}, nil
}

// Registrations lists the viewer's registrations.
func (r viewerResolver) Registrations(ctx context.Context, _ *model.Viewer, first *int, after *string, last *int, before *string) (*db.Connection[db.Registration], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.OwnRegistrations(ctx, actor(ctx), p, records)
}

// Invitations lists the viewer's invitations.
func (r viewerResolver) Invitations(ctx context.Context, _ *model.Viewer, first *int, after *string, last *int, before *string) (*db.Connection[db.Invitation], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.OwnInvitations(ctx, actor(ctx), p, records)
}
