package db

import (
	"context"
	"slices"
	"time"
)

// PlaceAction is what a person does with a registration on the page of its personal link.
type PlaceAction string

// The actions.
const (
	PlaceAccept PlaceAction = "accept" // an offer
	PlaceCancel PlaceAction = "cancel" // or decline an offer
	PlaceAnswer PlaceAction = "answer" // the intake, with AnswerPlace
	PlaceList   PlaceAction = "list"   // who may see the name, with ListPlace
)

// placeShape is what the page of a personal link shows.
var placeShape = Shape{
	"person": nil, "position": nil, "seats": nil, "edition": {"host": nil}, "session": {"edition": {"host": nil}, "room": nil},
	"courseRun": {"course": {"organisation": nil}, "intakeQuestions": nil}, "answers": nil, "invoice": nil,
}

// Place returns the registration that the token of a personal link stands for, with everything about the meeting and the
// person; nil when it stands for none. It says where the registration stands now, also when nobody has written down yet what
// time alone changed, and whether it can be changed. It changes nothing.
func (d *DB) Place(ctx context.Context, token string) (*Registration, error) {
	id, ok, err := d.linked(ctx, KindRegistration, token)
	if err != nil || !ok {
		return nil, err
	}
	rows, err := byID[Registration](ctx, d.read, []ID{id})
	if err != nil || rows[id] == nil {
		return nil, err
	}
	r, err := d.registration(ctx, Actor{PersonID: rows[id].PersonID}, id, placeShape)
	if r == nil || err != nil {
		return nil, err
	}
	v := d.view(Actor{})
	o, err := v.occasion(ctx, r.Seats)
	if err != nil {
		return nil, err
	}
	r.passTime(v.now, o, r.Seats)
	r.Changeable = o.on() && v.now.Before(o.closes(new(Seats)))
	if slices.Contains(having, r.Status) && o.on() {
		key, err := d.macKey(ctx)
		if err != nil {
			return nil, err
		}
		r.CheckInCode = grouped(checkInCode(key, r.ID))
	}
	r.IntakeLate = o.IntakeDueAt != nil && !v.now.Before(*o.IntakeDueAt)
	return r, nil
}

// passTime makes of a registration what lockSeats would make of it now, but for the places that come free.
func (r *Registration) passTime(now time.Time, o *occasion, s *Seats) {
	var because ExpiryReason
	switch {
	case r.Status == Offered && !now.Before(*r.OfferExpiresAt):
		because = OfferLapsed
	case r.Status == Waitlisted && !now.Before(o.closes(s)):
		because = RegistrationClosed
	default:
		return
	}
	r.Status, r.ExpiredBecause, r.OfferExpiresAt, r.Position = Expired, &because, nil, nil
}

// ChangePlace accepts or gives up a place by the token of a personal link, and returns the registration as Place does; nil when
// the token stands for none, and an Error when it is too late.
func (d *DB) ChangePlace(ctx context.Context, token string, action PlaceAction) (*Registration, error) {
	r, err := d.Place(ctx, token)
	if r == nil || err != nil {
		return nil, err
	}
	self := Actor{PersonID: r.PersonID, OrganisationID: r.OrganisationID}
	if action == PlaceAccept {
		return d.AcceptOffer(ctx, self, r.ID, placeShape)
	}
	return d.CancelRegistration(ctx, self, r.ID, placeShape)
}

// AnswerPlace completes or changes the intake by the token of a personal link, and returns the registration as Place does; nil
// when the token stands for none, and Errors, with the answers by their index in the input, when something is missing or wrong.
func (d *DB) AnswerPlace(ctx context.Context, token string, answers []IntakeAnswerInput, invoice *InvoiceInput) (*Registration, error) {
	r, err := d.Place(ctx, token)
	if r == nil || err != nil {
		return nil, err
	}
	self := Actor{PersonID: r.PersonID, OrganisationID: r.OrganisationID}
	return d.answerIntake(ctx, self, AnswerIntakeInput{RegistrationID: r.ID, Answers: answers, Invoice: invoice}, true, placeShape)
}

// ListPlace says by the token of a personal link who may see that the person takes part, and returns the registration as Place does;
// nil when the token stands for none. It can be said at any time.
func (d *DB) ListPlace(ctx context.Context, token string, listing Listing) (*Registration, error) {
	r, err := d.Place(ctx, token)
	if r == nil || err != nil {
		return nil, err
	}
	return d.ChangeListing(ctx, Actor{PersonID: r.PersonID, OrganisationID: r.OrganisationID}, r.ID, listing, placeShape)
}
