package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// Register puts a person on seats: a place while one is free, else the waiting list.
func (r mutationResolver) Register(ctx context.Context, input db.RegisterInput) (*model.RegisterPayload, error) {
	if err := r.allow(ctx, registrations, client(ctx)); err != nil {
		return nil, err
	}
	registration, err := r.db.Register(ctx, actor(ctx), input, shape(ctx).Of("registration"))
	problems, err := userErrors(err)
	return &model.RegisterPayload{Registration: registration, UserErrors: problems}, err
}

// CancelRegistration gives up a place.
func (r mutationResolver) CancelRegistration(ctx context.Context, input model.CancelRegistrationInput) (*model.CancelRegistrationPayload, error) {
	registration, err := r.db.CancelRegistration(ctx, actor(ctx), input.RegistrationID, shape(ctx).Of("registration"))
	problems, err := userErrors(err)
	return &model.CancelRegistrationPayload{Registration: registration, UserErrors: problems}, err
}

// AcceptOffer takes a place that is offered.
func (r mutationResolver) AcceptOffer(ctx context.Context, input model.AcceptOfferInput) (*model.AcceptOfferPayload, error) {
	registration, err := r.db.AcceptOffer(ctx, actor(ctx), input.RegistrationID, shape(ctx).Of("registration"))
	problems, err := userErrors(err)
	return &model.AcceptOfferPayload{Registration: registration, UserErrors: problems}, err
}

// DeclineOffer gives a place that is offered back.
func (r mutationResolver) DeclineOffer(ctx context.Context, input model.DeclineOfferInput) (*model.DeclineOfferPayload, error) {
	registration, err := r.db.DeclineOffer(ctx, actor(ctx), input.RegistrationID, shape(ctx).Of("registration"))
	problems, err := userErrors(err)
	return &model.DeclineOfferPayload{Registration: registration, UserErrors: problems}, err
}

// ChangeSeats changes the rules of seats.
func (r mutationResolver) ChangeSeats(ctx context.Context, input db.ChangeSeatsInput) (*model.ChangeSeatsPayload, error) {
	seats, err := r.db.ChangeSeats(ctx, actor(ctx), input)
	problems, err := userErrors(err)
	return &model.ChangeSeatsPayload{Seats: seats, UserErrors: problems}, err
}

// Registrations lists who is registered.
func (r seatsResolver) Registrations(ctx context.Context, of *db.Seats, first *int, after *string, last *int, before *string, filter *db.RegistrationFilter) (*db.Connection[db.Registration], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.RegistrationsOn(ctx, actor(ctx), of, p, given(filter), records)
}

// Registrations lists who is registered for an edition and for its sessions.
func (r editionResolver) Registrations(ctx context.Context, of *db.Edition, first *int, after *string, last *int, before *string, filter *db.RegistrationFilter) (*db.Connection[db.Registration], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.RegistrationsOfEdition(ctx, actor(ctx), of, p, given(filter), records)
}
