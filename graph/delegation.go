package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// InviteDelegations invites organisations to an edition.
func (r mutationResolver) InviteDelegations(ctx context.Context, input db.InviteDelegationsInput) (*model.InviteDelegationsPayload, error) {
	if err := r.allow(ctx, campaigns, client(ctx)); err != nil {
		return nil, err
	}
	delegations, err := r.db.InviteDelegations(ctx, actor(ctx), input, shape(ctx).Of("delegations"))
	problems, err := userErrors(err)
	return &model.InviteDelegationsPayload{Delegations: delegations, UserErrors: problems}, err
}

// RemindDelegations reminds those that have not answered.
func (r mutationResolver) RemindDelegations(ctx context.Context, input model.RemindDelegationsInput) (*model.RemindDelegationsPayload, error) {
	delegations, err := r.db.RemindDelegations(ctx, actor(ctx), input.EditionID, shape(ctx).Of("delegations"))
	problems, err := userErrors(err)
	return &model.RemindDelegationsPayload{Delegations: delegations, UserErrors: problems}, err
}

// NameDelegates registers people of an organisation for its places.
func (r mutationResolver) NameDelegates(ctx context.Context, input db.NameDelegatesInput) (*model.NameDelegatesPayload, error) {
	delegation, err := r.db.NameDelegates(ctx, actor(ctx), input, shape(ctx).Of("delegation"))
	problems, err := userErrors(err)
	return &model.NameDelegatesPayload{Delegation: delegation, UserErrors: problems}, err
}

// DeclineDelegation says that an organisation sends nobody.
func (r mutationResolver) DeclineDelegation(ctx context.Context, input model.DeclineDelegationInput) (*model.DeclineDelegationPayload, error) {
	delegation, err := r.db.DeclineDelegation(ctx, actor(ctx), input.DelegationID, shape(ctx).Of("delegation"))
	problems, err := userErrors(err)
	return &model.DeclineDelegationPayload{Delegation: delegation, UserErrors: problems}, err
}

// Delegations lists the organisations that are invited to an edition.
func (r editionResolver) Delegations(ctx context.Context, of *db.Edition, status *db.DelegationStatus) ([]*db.Delegation, error) {
	return r.db.DelegationsTo(ctx, actor(ctx), of, status, shape(ctx))
}

// Delegations lists what the viewer answers for.
func (r viewerResolver) Delegations(ctx context.Context, _ *model.Viewer) ([]*db.Delegation, error) {
	return r.db.OwnDelegations(ctx, actor(ctx), shape(ctx))
}
