package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// NameOrganiser lets a person organise one edition or one course.
func (r mutationResolver) NameOrganiser(ctx context.Context, input db.OrganiserInput) (*model.NameOrganiserPayload, error) {
	person, err := r.db.NameOrganiser(ctx, actor(ctx), input, shape(ctx).Of("person"))
	problems, err := userErrors(err)
	return &model.NameOrganiserPayload{Person: person, UserErrors: problems}, err
}

// DismissOrganiser takes back what NameOrganiser gave.
func (r mutationResolver) DismissOrganiser(ctx context.Context, input db.OrganiserInput) (*model.DismissOrganiserPayload, error) {
	person, err := r.db.DismissOrganiser(ctx, actor(ctx), input, shape(ctx).Of("person"))
	problems, err := userErrors(err)
	return &model.DismissOrganiserPayload{Person: person, UserErrors: problems}, err
}

// AppointCoordinator lets a person arrange an organisation's part in a partnership.
func (r mutationResolver) AppointCoordinator(ctx context.Context, input db.CoordinatorInput) (*model.AppointCoordinatorPayload, error) {
	person, err := r.db.AppointCoordinator(ctx, actor(ctx), input, shape(ctx).Of("person"))
	problems, err := userErrors(err)
	return &model.AppointCoordinatorPayload{Person: person, UserErrors: problems}, err
}

// DismissCoordinator takes back what AppointCoordinator gave.
func (r mutationResolver) DismissCoordinator(ctx context.Context, input db.CoordinatorInput) (*model.DismissCoordinatorPayload, error) {
	person, err := r.db.DismissCoordinator(ctx, actor(ctx), input, shape(ctx).Of("person"))
	problems, err := userErrors(err)
	return &model.DismissCoordinatorPayload{Person: person, UserErrors: problems}, err
}
