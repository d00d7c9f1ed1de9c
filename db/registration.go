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
	ExpiredBecause   *ExpiryReason
	CancelledAt      *time.Time
	CancelledWith    ID  `bun:",nullzero"` // the place in the edition that was cancelled, and this one in a session with it
	CalendarSequence int // what this registration adds to Sequence, raised when it is cancelled or its course run is
	Listing          Listing

	// Sequence is the SEQUENCE of the calendar entry (RFC 5545): it rises with every change to the meeting, and goes on rising when
	// the person registers again after cancelling. Only mails and calendars have it.
	Sequence int `bun:"-"`

	Changeable bool `bun:"-"` // whether the person can change it now, as far as the meeting goes; only Place says

	CheckInCode string     `bun:"-"` // that the person shows at the door, to who has a place; only Place says
	CheckedInAt *time.Time `bun:"-"` // when the person came; nil for who has not

	IntakeLate bool            `bun:"-"` // whether the deadline of its intake has passed; only Place says
	Answers    []*IntakeAnswer `bun:"-"` // that the viewer may see
	Invoice    *Invoice        `bun:"-"` // that the viewer may see

	Position  *int       `bun:"-"` // in the line, from 1; nil for one that does not wait
	Person    *Person    `bun:"-"`
	By        *Person    `bun:"-"` // who registered the person
	Seats     *Seats     `bun:"-"`
	Edition   *Edition   `bun:"-"` // when the seats are an edition's
	Session   *Session   `bun:"-"` // when the seats are a session's
	CourseRun *CourseRun `bun:"-"` // when the seats are a course run's

	organisation *Organisation `bun:"-"`
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

// ExpiryReason is why a registration expired.
type ExpiryReason string

// The reasons.
const (
	OfferLapsed        ExpiryReason = "OFFER_LAPSED"        // nobody accepted it in time
	RegistrationClosed ExpiryReason = "REGISTRATION_CLOSED" // while the person waited
)

var (
	active  = []RegistrationStatus{Confirmed, Held, Waitlisted, Offered} // as the index registrations_active has them, or SQLite leaves it alone
	holding = []RegistrationStatus{Confirmed, Held, Offered}             // a place
	having  = []RegistrationStatus{Confirmed, Held}                      // a place, and not only the offer of one
)

func (r *Registration) id() ID { return r.ID }

// WorksFor names whom the person worked for when registering, "" when that is not known or not loaded.
func (r *Registration) WorksFor() string {
	if r.organisation == nil && r.Person != nil {
		return r.Person.Affiliation
	}
	return r.organisation.name()
}

// CancelRegistration takes a person off seats, and off the sessions when the seats are an edition's. A place that comes free
// goes to the line, and an invitation that was accepted is declined. Cancelling again changes nothing.
//
// People who had a place are told, with the sessions that go with it in the same mail. Those who waited or were offered a place
// are told when somebody else took them off.
func (d *DB) CancelRegistration(ctx context.Context, actor Actor, id ID, shape Shape) (*Registration, error) {
	return d.changeRegistration(ctx, actor, id, "cancel registration", shape, d.cancelRegistration)
}

// AcceptOffer takes a place that is offered.
func (d *DB) AcceptOffer(ctx context.Context, actor Actor, id ID, shape Shape) (*Registration, error) {
	return d.changeRegistration(ctx, actor, id, "accept offer", shape, d.acceptOffer)
}

// DeclineOffer gives a place that is offered back to the line.
func (d *DB) DeclineOffer(ctx context.Context, actor Actor, id ID, shape Shape) (*Registration, error) {
	return d.changeRegistration(ctx, actor, id, "decline offer", shape, func(ctx context.Context, tx bun.Tx, now time.Time, s *lockedSeats, r *Registration, by ID) error {
		if r.Status != Offered && r.Status != Cancelled {
			return problem(CodeConflict, "input.registrationId", "No place is offered here.")
		}
		return d.cancelRegistration(ctx, tx, now, s, r, by)
	})
}

// registrationChange changes a registration on locked seats in the name of a person.
type registrationChange func(ctx context.Context, tx bun.Tx, now time.Time, seats *lockedSeats, r *Registration, by ID) error

func (d *DB) changeRegistration(ctx context.Context, actor Actor, id ID, action string, shape Shape, change registrationChange) (*Registration, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		invitation, err := d.lockInvitationOf(ctx, tx, id)
		if err != nil {
			return err
		}
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
		if err := change(ctx, tx, now, seats, r, actor.PersonID); err != nil || r.Status == had {
			return err
		}
		if r.Status == Cancelled && invitation != nil && invitation.Status == InvitationAccepted {
			if err := invitation.become(ctx, tx, now, InvitationDeclined); err != nil {
				return err
			}
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

func (d *DB) acceptOffer(ctx context.Context, tx bun.Tx, now time.Time, seats *lockedSeats, r *Registration, _ ID) error {
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

// cancelRegistration takes a person off locked seats in the name of somebody, and gives a place that comes free to the line.
func (d *DB) cancelRegistration(ctx context.Context, tx bun.Tx, now time.Time, seats *lockedSeats, r *Registration, by ID) error {
	had := r.Status
	if err := d.vacate(ctx, tx, now, seats, r); err != nil || r.Status == had {
		return err
	}
	if slices.Contains(having, had) || by != r.PersonID {
		if err := tell(ctx, tx, now, MailCancelled, []*Registration{r}); err != nil {
			return err
		}
	}
	if !seats.EditionID.IsZero() {
		if err := d.cancelSessions(ctx, tx, now, seats.EditionID, r); err != nil {
			return err
		}
	}
	return d.settleLine(ctx, tx, now, seats)
}

// vacate marks a registration on locked seats as cancelled, if it stands, and counts it no more.
func (d *DB) vacate(ctx context.Context, tx bun.Tx, now time.Time, seats *lockedSeats, r *Registration) error {
	switch {
	case slices.Contains(holding, r.Status):
		seats.Taken--
	case r.Status == Waitlisted:
		seats.Waiting--
	default:
		return nil
	}
	r.Status, r.CancelledAt, r.OfferExpiresAt = Cancelled, &now, nil
	r.CalendarSequence++
	if _, err := tx.NewUpdate().Model(r).Column("status", "offer_expires_at", "cancelled_at", "cancelled_with", "calendar_sequence").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("cancel registration: %w", err)
	}
	return nil
}

// cancelSessions takes a person off all sessions of an edition whose seats are locked, with the place there that was cancelled.
// The mail about that place tells of them.
func (d *DB) cancelSessions(ctx context.Context, tx bun.Tx, now time.Time, edition ID, with *Registration) error {
	var ids []ID
	if err := tx.NewSelect().Model((*Registration)(nil)).Column("registration.id").
		Join("JOIN seats ON seats.id = registration.seats_id").Join("JOIN sessions AS session ON session.id = seats.session_id").
		Where("session.edition_id = ?", edition).Where("registration.person_id = ?", with.PersonID).
		Where("registration.status IN (?)", bun.List(active)).Order("registration.seats_id").Scan(ctx, &ids); err != nil {
		return fmt.Errorf("sessions of a participant: %w", err)
	}
	for _, id := range ids {
		seats, r, err := d.lockRegistration(ctx, tx, now, id)
		if err != nil {
			return err
		}
		r.CancelledWith = with.ID
		if err := d.vacate(ctx, tx, now, seats, r); err != nil {
			return err
		}
		if err := d.settleLine(ctx, tx, now, seats); err != nil {
			return err
		}
	}
	return nil
}
