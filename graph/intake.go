package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// AnswerIntake records answers of an intake and to whom the invoice goes.
func (r mutationResolver) AnswerIntake(ctx context.Context, input db.AnswerIntakeInput) (*model.AnswerIntakePayload, error) {
	registration, err := r.db.AnswerIntake(ctx, actor(ctx), input, shape(ctx).Of("registration"))
	problems, err := userErrors(err)
	return &model.AnswerIntakePayload{Registration: registration, UserErrors: problems}, err
}

// ConfirmCourseRun makes a planned run certain.
func (r mutationResolver) ConfirmCourseRun(ctx context.Context, input model.ConfirmCourseRunInput) (*model.ConfirmCourseRunPayload, error) {
	run, err := r.db.ConfirmCourseRun(ctx, actor(ctx), input.CourseRunID, shape(ctx).Of("courseRun"))
	problems, err := userErrors(err)
	return &model.ConfirmCourseRunPayload{CourseRun: run, UserErrors: problems}, err
}

// CancelCourseRun calls a run off.
func (r mutationResolver) CancelCourseRun(ctx context.Context, input model.CancelCourseRunInput) (*model.CancelCourseRunPayload, error) {
	run, err := r.db.CancelCourseRun(ctx, actor(ctx), input.CourseRunID, shape(ctx).Of("courseRun"))
	problems, err := userErrors(err)
	return &model.CancelCourseRunPayload{CourseRun: run, UserErrors: problems}, err
}
