package db

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// ChangeSeatsInput changes the rules of seats; nil fields stay as they are.
type ChangeSeatsInput struct {
	SeatsID            ID
	Capacity           *int
	Unlimited          *bool // takes the limit away
	Policy             *LinePolicy
	Line               *LineOrder
	MaxPerOrganisation *int // 0: no maximum
	OfferHours         *int
	OpensAt            *time.Time
	ClosesAt           *time.Time
}

// ChangeSeats changes the rules of seats. Lowering the capacity below what is taken takes no place away; raising it, or the
// maximum of an organisation, gives places to the line at once.
func (d *DB) ChangeSeats(ctx context.Context, actor Actor, in ChangeSeatsInput) (*Seats, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	var seats *lockedSeats
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) (err error) {
		if seats, err = d.lockSeats(ctx, tx, now, "id", in.SeatsID); err != nil {
			return err
		}
		if seats == nil || !seats.occasion.organisedBy(actor) {
			return problem(CodeNotFound, "input.seatsId", "There are no such seats, or none of a meeting that you organise.")
		}
		if err := in.apply(seats.Seats); err != nil {
			return err
		}
		if err := d.settleLine(ctx, tx, now, seats); err != nil {
			return err
		}
		seats.RegistrationOpen = seats.occasion.open(seats.Seats, now)
		return audit(ctx, tx, now, actor, "change seats", seats.ID)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	return seats.Seats, nil
}

func (in ChangeSeatsInput) apply(s *Seats) error {
	switch {
	case in.Capacity != nil && (*in.Capacity < 0 || *in.Capacity > 1_000_000):
		return problem(CodeInvalid, "input.capacity", "Give a number of places from 0 to 1,000,000, or set unlimited.")
	case in.Capacity != nil && in.Unlimited != nil && *in.Unlimited:
		return problem(CodeInvalid, "input.unlimited", "Either give a capacity or set unlimited.")
	case in.MaxPerOrganisation != nil && *in.MaxPerOrganisation < 0:
		return problem(CodeInvalid, "input.maxPerOrganisation", "Give a number of places, or 0 for no maximum.")
	case in.OfferHours != nil && (*in.OfferHours < 1 || *in.OfferHours > 720):
		return problem(CodeInvalid, "input.offerHours", "Offer a place for 1 to 720 hours.")
	}
	if in.Capacity != nil {
		s.Capacity = in.Capacity
	}
	if in.Unlimited != nil && *in.Unlimited {
		s.Capacity = nil
	}
	if in.MaxPerOrganisation != nil {
		if s.MaxPerOrganisation = in.MaxPerOrganisation; *in.MaxPerOrganisation == 0 {
			s.MaxPerOrganisation = nil
		}
	}
	if in.Policy != nil {
		s.Policy = *in.Policy
	}
	if in.Line != nil {
		s.Line = *in.Line
	}
	if in.OfferHours != nil {
		s.OfferHours = *in.OfferHours
	}
	if in.OpensAt != nil {
		s.OpensAt = in.OpensAt
	}
	if in.ClosesAt != nil {
		s.ClosesAt = in.ClosesAt
	}
	if s.OpensAt != nil && s.ClosesAt != nil && !s.OpensAt.Before(*s.ClosesAt) {
		return problem(CodeInvalid, "input.closesAt", "Close registration after it opens.")
	}
	return nil
}
