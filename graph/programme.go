package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// PrepareSession prepares a new session.
func (r mutationResolver) PrepareSession(ctx context.Context, input db.PrepareSessionInput) (*model.PrepareSessionPayload, error) {
	id, edition, err := r.db.PrepareSession(ctx, actor(ctx), input, shape(ctx).Of("edition"))
	payload := &model.PrepareSessionPayload{Edition: edition}
	if !id.IsZero() {
		payload.SessionID = &id
	}
	payload.UserErrors, err = userErrors(err)
	return payload, err
}

// PrepareChange prepares a change of a session.
func (r mutationResolver) PrepareChange(ctx context.Context, input db.PrepareChangeInput) (*model.PrepareChangePayload, error) {
	edition, err := r.db.PrepareChange(ctx, actor(ctx), input, shape(ctx).Of("edition"))
	problems, err := userErrors(err)
	return &model.PrepareChangePayload{Edition: edition, UserErrors: problems}, err
}

// DiscardPreparation takes back what was prepared for a session.
func (r mutationResolver) DiscardPreparation(ctx context.Context, input model.DiscardPreparationInput) (*model.DiscardPreparationPayload, error) {
	edition, err := r.db.DiscardPreparation(ctx, actor(ctx), input.SessionID, shape(ctx).Of("edition"))
	problems, err := userErrors(err)
	return &model.DiscardPreparationPayload{Edition: edition, UserErrors: problems}, err
}

// PublishProgramme publishes an edition and what is prepared for its programme.
func (r mutationResolver) PublishProgramme(ctx context.Context, input model.PublishProgrammeInput) (*model.PublishProgrammePayload, error) {
	edition, clashes, err := r.db.PublishProgramme(ctx, actor(ctx), input.EditionID, shape(ctx).Of("edition"), shape(ctx).Of("clashes"))
	problems, err := userErrors(err)
	return &model.PublishProgrammePayload{Edition: edition, Clashes: clashes, UserErrors: problems}, err
}

// ProgrammeVersions lists the latest versions of the programme of an edition.
func (r editionResolver) ProgrammeVersions(ctx context.Context, of *db.Edition) ([]*db.ProgrammeVersion, error) {
	return r.db.ProgrammeVersions(ctx, actor(ctx), of)
}

// ProgrammeChanges says what is different from one version of a programme to another.
func (r editionResolver) ProgrammeChanges(ctx context.Context, of *db.Edition, since int, until *int) ([]*db.ProgrammeChange, error) {
	return r.db.ProgrammeChanges(ctx, actor(ctx), of, since, until)
}
