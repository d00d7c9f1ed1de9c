package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// Participants lists who has a place in an edition.
func (r editionResolver) Participants(ctx context.Context, of *db.Edition, first *int, after *string, last *int, before *string) (*db.Connection[db.Participant], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.ParticipantsOf(ctx, actor(ctx), of, p, records)
}

// Participants lists who has a place in a run of a course.
func (r courseRunResolver) Participants(ctx context.Context, of *db.CourseRun, first *int, after *string, last *int, before *string) (*db.Connection[db.Participant], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.ParticipantsOfRun(ctx, actor(ctx), of, p, records)
}

// AuditLog lists what was done to an edition.
func (r editionResolver) AuditLog(ctx context.Context, of *db.Edition, first *int, after *string, last *int, before *string) (*db.Connection[db.AuditEntry], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.AuditLogOf(ctx, actor(ctx), of, p, records)
}

// AuditLog lists what was done to a run of a course.
func (r courseRunResolver) AuditLog(ctx context.Context, of *db.CourseRun, first *int, after *string, last *int, before *string) (*db.Connection[db.AuditEntry], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.AuditLogOfRun(ctx, actor(ctx), of, p, records)
}

// AuditLog lists what was done on the whole installation.
func (r queryResolver) AuditLog(ctx context.Context, first *int, after *string, last *int, before *string) (*db.Connection[db.AuditEntry], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.AuditLog(ctx, actor(ctx), p, records)
}

// ExportMyData returns everything held about who is asking.
func (r queryResolver) ExportMyData(ctx context.Context) (*string, error) {
	return r.db.ExportMyData(ctx, actor(ctx))
}

// ChangeListing says who may see that one takes part.
func (r mutationResolver) ChangeListing(ctx context.Context, input model.ChangeListingInput) (*model.ChangeListingPayload, error) {
	registration, err := r.db.ChangeListing(ctx, actor(ctx), input.RegistrationID, input.Listing, shape(ctx).Of("registration"))
	problems, err := userErrors(err)
	return &model.ChangeListingPayload{Registration: registration, UserErrors: problems}, err
}

// ChangeRetention says for how long the personal data of a meeting is kept.
func (r mutationResolver) ChangeRetention(ctx context.Context, input db.ChangeRetentionInput) (*model.ChangeRetentionPayload, error) {
	read := shape(ctx)
	meeting, err := r.db.ChangeRetention(ctx, actor(ctx), input, read.Of("edition"), read.Of("courseRun"))
	problems, err := userErrors(err)
	return &model.ChangeRetentionPayload{Edition: meeting.Edition, CourseRun: meeting.CourseRun, UserErrors: problems}, err
}

// EraseMe erases what is held about who is asking.
func (r mutationResolver) EraseMe(ctx context.Context, input model.EraseMeInput) (*model.EraseMePayload, error) {
	erased, err := r.db.EraseMe(ctx, actor(ctx), input.Confirm)
	problems, err := userErrors(err)
	return &model.EraseMePayload{ErasedAt: erased, UserErrors: problems}, err
}

// ErasePerson erases what is held about a person.
func (r mutationResolver) ErasePerson(ctx context.Context, input model.ErasePersonInput) (*model.ErasePersonPayload, error) {
	erased, err := r.db.ErasePerson(ctx, actor(ctx), input.PersonID)
	problems, err := userErrors(err)
	return &model.ErasePersonPayload{ErasedAt: erased, UserErrors: problems}, err
}
