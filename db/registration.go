package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Registration is a person on seats.
type Registration struct {
	bun.BaseModel `bun:"table:registrations,alias:registration"`

	ID               ID `bun:",pk"`
	SeatsID          ID
	PersonID         ID
	OrganisationID   ID `bun:",nullzero"` // whom the person worked for then
	Status           RegistrationStatus
	Ticket           int // the order of arrival on these seats
	RegisteredAt     time.Time
	RegisteredBy     ID
	OfferExpiresAt   *time.Time // of an offer
	CancelledAt      *time.Time
	CalendarSequence int // SEQUENCE of the calendar entry (RFC 5545), raised with every change to it

	Answers   []*IntakeAnswer `bun:"-"` // that the viewer may see
	Invoice   *Invoice        `bun:"-"` // that the viewer may see
	Position  *int            `bun:"-"` // in the line, from 1; nil for one that does not wait
	Person    *Person         `bun:"-"`
	By        *Person         `bun:"-"` // who registered the person
	Seats     *Seats          `bun:"-"`
	Edition   *Edition        `bun:"-"` // when the seats are an edition's
	Session   *Session        `bun:"-"` // when the seats are a session's
	CourseRun *CourseRun      `bun:"-"` // when the seats are a course run's
}

// RegistrationStatus is where a registration stands.
type RegistrationStatus string

// The statuses of registrations.
const (
	Confirmed  RegistrationStatus = "CONFIRMED"
	Held       RegistrationStatus = "HELD" // a place, which is certain when the intake is complete
	Waitlisted RegistrationStatus = "WAITLISTED"
	Offered    RegistrationStatus = "OFFERED"
	Expired    RegistrationStatus = "EXPIRED" // an offer that was not accepted in time, or a line that closed
	Cancelled  RegistrationStatus = "CANCELLED"
)

var (
	active  = []RegistrationStatus{Confirmed, Held, Offered, Waitlisted}
	holding = []RegistrationStatus{Confirmed, Held, Offered} // a place
	having  = []RegistrationStatus{Confirmed, Held}          // a place, and not only the offer of one
)

func (r *Registration) id() ID { return r.ID }

// CancelRegistration takes a person off seats, and off the sessions when the seats are an edition's. A place that comes free
// goes to the line. Cancelling again changes nothing.
func (d *DB) CancelRegistration(ctx context.Context, actor Actor, id ID, shape Shape) (*Registration, error) {
	return d.changeRegistration(ctx, actor, id, "cancel registration", shape, d.cancelRegistration)
}

// AcceptOffer takes a place that is offered.
func (d *DB) AcceptOffer(ctx context.Context, actor Actor, id ID, shape Shape) (*Registration, error) {
	return d.changeRegistration(ctx, actor, id, "accept offer", shape, d.acceptOffer)
}

// DeclineOffer gives a place that is offered back to the line.
func (d *DB) DeclineOffer(ctx context.Context, actor Actor, id ID, shape Shape) (*Registration, error) {
	return d.changeRegistration(ctx, actor, id, "decline offer", shape, func(ctx context.Context, tx bun.Tx, now time.Time, s *lockedSeats, r *Registration) error {
		if r.Status != Offered && r.Status != Cancelled {
			return problem(CodeConflict, "input.registrationId", "No place is offered here.")
		}
		return d.cancelRegistration(ctx, tx, now, s, r)
	})
}

// registrationChange changes a registration on locked seats.
type registrationChange func(context.Context, bun.Tx, time.Time, *lockedSeats, *Registration) error

func (d *DB) changeRegistration(ctx context.Context, actor Actor, id ID, action string, shape Shape, change registrationChange) (*Registration, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		seats, r, err := d.lockRegistration(ctx, tx, now, id)
		if err != nil {
			return err
		}
		if r == nil || !actor.mayRegister(r.Person) && !seats.occasion.organisedBy(actor) {
			return problem(CodeNotFound, "input.registrationId", "There is no such registration, or none that you may change.")
		}
		organiser := seats.occasion.organisedBy(actor)
		if !organiser && !now.Before(seats.occasion.closes(new(Seats))) {
			return problem(CodeDeadline, "input.registrationId", "This meeting has begun; ask its organisers.")
		}
		had := r.Status
		if err := change(ctx, tx, now, seats, r); err != nil || r.Status == had {
			return err
		}
		return audit(ctx, tx, now, actor, action, id)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	return d.registration(ctx, actor, id, shape)
}

// lockRegistration locks the seats of a registration and reads it afterwards, with its person; nil when there is none.
func (d *DB) lockRegistration(ctx context.Context, tx bun.Tx, now time.Time, id ID) (*lockedSeats, *Registration, error) {
	r := new(Registration)
	if ok, err := found(tx.NewSelect().Model(r).Where("id = ?", id).Scan(ctx)); err != nil || !ok {
		return nil, nil, err
	}
	seats, err := d.lockSeats(ctx, tx, now, "id", r.SeatsID)
	if err != nil {
		return nil, nil, err
	}
	r.Person = new(Person)
	if err := tx.NewSelect().Model(r).WherePK().Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("registration: %w", err)
	}
	if err := tx.NewSelect().Model(r.Person).Where("id = ?", r.PersonID).Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("person: %w", err)
	}
	return seats, r, nil
}

func (d *DB) acceptOffer(ctx context.Context, tx bun.Tx, now time.Time, seats *lockedSeats, r *Registration) error {
	switch {
	case slices.Contains(having, r.Status):
		return nil
	case r.Status == Expired:
		return problem(CodeDeadline, "input.registrationId", "This offer is over; the place went to the next in line.")
	case r.Status != Offered:
		return problem(CodeConflict, "input.registrationId", "No place is offered here.")
	case !seats.occasion.on():
		return problem(CodeConflict, "input.registrationId", "This meeting was cancelled.")
	}
	kind, err := seats.takes(ctx, tx, r)
	if err != nil {
		return err
	}
	r.OfferExpiresAt = nil
	if _, err := tx.NewUpdate().Model(r).Column("status", "offer_expires_at").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("accept offer: %w", err)
	}
	return tell(ctx, tx, now, kind, []*Registration{r})
}

// cancelRegistration takes a person off locked seats and gives a place that comes free to the line.
func (d *DB) cancelRegistration(ctx context.Context, tx bun.Tx, now time.Time, seats *lockedSeats, r *Registration) error {
	had := r.Status
	switch had {
	case Confirmed, Held, Offered:
		seats.Taken--
	case Waitlisted:
		seats.Waiting--
	default:
		return nil
	}
	r.Status, r.CancelledAt, r.OfferExpiresAt = Cancelled, &now, nil
	if had != Held { // who has no calendar entry yet
		r.CalendarSequence++
	}
	if _, err := tx.NewUpdate().Model(r).Column("status", "offer_expires_at", "cancelled_at", "calendar_sequence").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("cancel registration: %w", err)
	}
	if slices.Contains(having, had) { // who leaves the line or turns an offer down holds nothing to be told about
		if err := tell(ctx, tx, now, MailCancelled, []*Registration{r}); err != nil {
			return err
		}
	}
	if !seats.EditionID.IsZero() {
		if err := d.cancelSessions(ctx, tx, now, seats.EditionID, r.PersonID); err != nil {
			return err
		}
	}
	return d.settleLine(ctx, tx, now, seats)
}

// cancelSessions takes a person off all sessions of an edition whose seats are locked.
func (d *DB) cancelSessions(ctx context.Context, tx bun.Tx, now time.Time, edition, person ID) error {
	var ids []ID
	if err := tx.NewSelect().Model((*Registration)(nil)).Column("registration.id").
		Join("JOIN seats ON seats.id = registration.seats_id").Join("JOIN sessions AS session ON session.id = seats.session_id").
		Where("session.edition_id = ?", edition).Where("registration.person_id = ?", person).
		Where("registration.status IN (?)", bun.List(active)).Order("registration.seats_id").Scan(ctx, &ids); err != nil {
		return fmt.Errorf("sessions of a participant: %w", err)
	}
	for _, id := range ids {
		seats, r, err := d.lockRegistration(ctx, tx, now, id)
		if err != nil {
			return err
		}
		if err := d.cancelRegistration(ctx, tx, now, seats, r); err != nil {
			return err
		}
	}
	return nil
}
