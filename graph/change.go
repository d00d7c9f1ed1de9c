package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// ChangeEdition renames or moves an edition.
func (r mutationResolver) ChangeEdition(ctx context.Context, input db.ChangeEditionInput) (*model.ChangeEditionPayload, error) {
	edition, err := r.db.ChangeEdition(ctx, actor(ctx), input, shape(ctx).Of("edition"))
	problems, err := userErrors(err)
	return &model.ChangeEditionPayload{Edition: edition, UserErrors: problems}, err
}

// CancelEdition calls an edition off.
func (r mutationResolver) CancelEdition(ctx context.Context, input model.CancelEditionInput) (*model.CancelEditionPayload, error) {
	edition, err := r.db.CancelEdition(ctx, actor(ctx), input.EditionID, shape(ctx).Of("edition"))
	problems, err := userErrors(err)
	return &model.CancelEditionPayload{Edition: edition, UserErrors: problems}, err
}

// ReopenEdition makes a cancelled edition take place.
func (r mutationResolver) ReopenEdition(ctx context.Context, input model.ReopenEditionInput) (*model.ReopenEditionPayload, error) {
	edition, err := r.db.ReopenEdition(ctx, actor(ctx), input.EditionID, shape(ctx).Of("edition"))
	problems, err := userErrors(err)
	return &model.ReopenEditionPayload{Edition: edition, UserErrors: problems}, err
}

// ChangeSession renames or moves a session.
func (r mutationResolver) ChangeSession(ctx context.Context, input db.ChangeSessionInput) (*model.ChangeSessionPayload, error) {
	session, clashes, err := r.db.ChangeSession(ctx, actor(ctx), input, shape(ctx).Of("session"), shape(ctx).Of("clashes"))
	problems, err := userErrors(err)
	return &model.ChangeSessionPayload{Session: session, Clashes: clashes, UserErrors: problems}, err
}

// CancelSession calls a session off.
func (r mutationResolver) CancelSession(ctx context.Context, input model.CancelSessionInput) (*model.CancelSessionPayload, error) {
	session, err := r.db.CancelSession(ctx, actor(ctx), input.SessionID, shape(ctx).Of("session"))
	problems, err := userErrors(err)
	return &model.CancelSessionPayload{Session: session, UserErrors: problems}, err
}

// ReopenSession makes a cancelled session take place.
func (r mutationResolver) ReopenSession(ctx context.Context, input model.ReopenSessionInput) (*model.ReopenSessionPayload, error) {
	session, err := r.db.ReopenSession(ctx, actor(ctx), input.SessionID, shape(ctx).Of("session"))
	problems, err := userErrors(err)
	return &model.ReopenSessionPayload{Session: session, UserErrors: problems}, err
}

// ChangeCourseRun moves a run of a course.
func (r mutationResolver) ChangeCourseRun(ctx context.Context, input db.ChangeCourseRunInput) (*model.ChangeCourseRunPayload, error) {
	run, err := r.db.ChangeCourseRun(ctx, actor(ctx), input, shape(ctx).Of("courseRun"))
	problems, err := userErrors(err)
	return &model.ChangeCourseRunPayload{CourseRun: run, UserErrors: problems}, err
}
