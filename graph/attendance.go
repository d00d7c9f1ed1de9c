package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// Attendance counts who is expected and who came.
func (r seatsResolver) Attendance(ctx context.Context, of *db.Seats) (*db.SeatsAttendance, error) {
	return r.db.AttendanceOn(ctx, actor(ctx), of, shape(ctx))
}

// Attendees lists who is expected and who came.
func (r seatsResolver) Attendees(ctx context.Context, of *db.Seats, first *int, after *string, last *int, before *string, filter *db.AttendeeFilter) (*db.Connection[db.Attendee], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.AttendeesOn(ctx, actor(ctx), of, p, given(filter), records)
}

// CheckIn writes down that somebody is there.
func (r mutationResolver) CheckIn(ctx context.Context, input db.PresenceInput) (*model.CheckInPayload, error) {
	attendee, err := r.db.CheckIn(ctx, actor(ctx), input, shape(ctx).Of("attendee"))
	problems, err := userErrors(err)
	return &model.CheckInPayload{Attendee: attendee, UserErrors: problems}, err
}

// UndoCheckIn takes that back.
func (r mutationResolver) UndoCheckIn(ctx context.Context, input db.PresenceInput) (*model.UndoCheckInPayload, error) {
	attendee, err := r.db.UndoCheckIn(ctx, actor(ctx), input, shape(ctx).Of("attendee"))
	problems, err := userErrors(err)
	return &model.UndoCheckInPayload{Attendee: attendee, UserErrors: problems}, err
}

// CheckInWalkIn writes down that somebody is there who is not registered.
func (r mutationResolver) CheckInWalkIn(ctx context.Context, input db.WalkInInput) (*model.CheckInWalkInPayload, error) {
	attendee, err := r.db.CheckInWalkIn(ctx, actor(ctx), input, shape(ctx).Of("attendee"))
	problems, err := userErrors(err)
	return &model.CheckInWalkInPayload{Attendee: attendee, UserErrors: problems}, err
}

// IssueCertificates gives those who attended a course a certificate.
func (r mutationResolver) IssueCertificates(ctx context.Context, input model.IssueCertificatesInput) (*model.IssueCertificatesPayload, error) {
	issued, err := r.db.IssueCertificates(ctx, actor(ctx), input.CourseRunID, shape(ctx).Of("courseRun"))
	problems, err := userErrors(err)
	payload := &model.IssueCertificatesPayload{UserErrors: problems}
	if issued != nil {
		payload.CourseRun, payload.Issued, payload.WithoutAddress = issued.CourseRun, issued.Issued, issued.WithoutAddress
	}
	return payload, err
}
