package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// Viewer returns who is asking.
func (r queryResolver) Viewer(ctx context.Context) (*model.Viewer, error) {
	return r.viewer(ctx, shape(ctx))
}

func (r resolver) viewer(ctx context.Context, read db.Shape) (*model.Viewer, error) {
	person, roles, err := r.db.Viewer(ctx, actor(ctx), read.Of("person"), read.Of("roles"))
	if person == nil || err != nil {
		return nil, err
	}
	return &model.Viewer{Person: person, Roles: roles}, nil
}

// InvitationMails reports whether the viewer wants invitations.
func (r viewerResolver) InvitationMails(ctx context.Context, _ *model.Viewer) (bool, error) {
	return r.db.WantsInvitations(ctx, actor(ctx))
}

// ChangeInvitationMails says whether the viewer wants invitations.
func (r mutationResolver) ChangeInvitationMails(ctx context.Context, input model.ChangeInvitationMailsInput) (*model.ChangeInvitationMailsPayload, error) {
	read := shape(ctx).Of("viewer")
	person, roles, err := r.db.ChangeInvitationMails(ctx, actor(ctx), input.Wanted, read.Of("person"), read.Of("roles"))
	problems, err := userErrors(err)
	payload := &model.ChangeInvitationMailsPayload{UserErrors: problems}
	if person != nil {
		payload.Viewer = &model.Viewer{Person: person, Roles: roles}
	}
	return payload, err
}

// LiftSuppression lets mail go to a person's address again.
func (r mutationResolver) LiftSuppression(ctx context.Context, input model.LiftSuppressionInput) (*model.LiftSuppressionPayload, error) {
	person, err := r.db.LiftSuppression(ctx, actor(ctx), input.PersonID, shape(ctx).Of("person"))
	problems, err := userErrors(err)
	return &model.LiftSuppressionPayload{Person: person, UserErrors: problems}, err
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
