package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// Comments lists what people say about a practice.
func (r practiceResolver) Comments(ctx context.Context, of *db.PracticeDescription, first *int, after *string, last *int, before *string) (*db.Connection[db.PracticeComment], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.CommentsOn(ctx, actor(ctx), of, p, records)
}

// SavePracticeDescription writes a description.
func (r mutationResolver) SavePracticeDescription(ctx context.Context, input db.SavePracticeDescriptionInput) (*model.SavePracticeDescriptionPayload, error) {
	practice, err := r.db.SavePracticeDescription(ctx, actor(ctx), input, shape(ctx).Of("practice"))
	problems, err := userErrors(err)
	return &model.SavePracticeDescriptionPayload{Practice: practice, UserErrors: problems}, err
}

// PublishPracticeDescription shows a description to everybody.
func (r mutationResolver) PublishPracticeDescription(ctx context.Context, input model.PublishPracticeDescriptionInput) (*model.PublishPracticeDescriptionPayload, error) {
	practice, err := r.db.PublishPracticeDescription(ctx, actor(ctx), input.PracticeID, shape(ctx).Of("practice"))
	problems, err := userErrors(err)
	return &model.PublishPracticeDescriptionPayload{Practice: practice, UserErrors: problems}, err
}

// CommentOnPractice says something about a practice.
func (r mutationResolver) CommentOnPractice(ctx context.Context, input db.CommentOnPracticeInput) (*model.CommentOnPracticePayload, error) {
	if err := r.allow(ctx, comments, client(ctx)); err != nil {
		return nil, err
	}
	comment, err := r.db.CommentOnPractice(ctx, actor(ctx), input, shape(ctx).Of("comment"))
	problems, err := userErrors(err)
	return &model.CommentOnPracticePayload{Comment: comment, UserErrors: problems}, err
}

// RatePractice rates a practice.
func (r mutationResolver) RatePractice(ctx context.Context, input db.RatePracticeInput) (*model.RatePracticePayload, error) {
	if err := r.allow(ctx, ratings, client(ctx)); err != nil {
		return nil, err
	}
	practice, err := r.db.RatePractice(ctx, actor(ctx), input, shape(ctx).Of("practice"))
	problems, err := userErrors(err)
	return &model.RatePracticePayload{Practice: practice, UserErrors: problems}, err
}

// ModeratePracticeComment hides a comment or shows it again.
func (r mutationResolver) ModeratePracticeComment(ctx context.Context, input db.ModeratePracticeCommentInput) (*model.ModeratePracticeCommentPayload, error) {
	comment, err := r.db.ModeratePracticeComment(ctx, actor(ctx), input, shape(ctx).Of("comment"))
	problems, err := userErrors(err)
	return &model.ModeratePracticeCommentPayload{Comment: comment, UserErrors: problems}, err
}

// RemovePracticeComment takes back a comment of one's own.
func (r mutationResolver) RemovePracticeComment(ctx context.Context, input model.RemovePracticeCommentInput) (*model.RemovePracticeCommentPayload, error) {
	err := r.db.RemovePracticeComment(ctx, actor(ctx), input.CommentID)
	problems, err := userErrors(err)
	return &model.RemovePracticeCommentPayload{Removed: err == nil && len(problems) == 0, UserErrors: problems}, err
}
