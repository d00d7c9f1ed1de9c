package db

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// RegisterInput says who is to be registered on what.
type RegisterInput struct {
	IdempotencyKey string
	SeatsID        ID
	PersonID       *ID // nil: oneself
	Answers        []IntakeAnswerInput
	Invoice        *InvoiceInput
}

// Register puts a person on seats: a place while one is free and nobody waits who could take it, else the line. People
// register themselves, the coordinators of their organisation register them, and so do the organisers.
func (d *DB) Register(ctx context.Context, actor Actor, in RegisterInput, shape Shape) (*Registration, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	if p := checkKey(in.IdempotencyKey); p != nil {
		return nil, p
	}
	hash, err := inputHash(in)
	if err != nil {
		return nil, err
	}
	var registered ID
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		id := NewID(KindRegistration, now)
		if registered, err = once(ctx, tx, now, actor, in.IdempotencyKey, hash, id); err != nil || registered != id {
			return err
		}
		// What can be written before the lock is: everybody who wants these seats waits while it is held.
		if err := audit(ctx, tx, now, actor, "register", id); err != nil {
			return err
		}
		person, err := whoRegisters(ctx, tx, actor, in.PersonID)
		if err != nil {
			return err
		}
		seats, err := d.lockForRegistration(ctx, tx, now, actor, in.SeatsID, person)
		if err != nil {
			return err
		}
		given, err := seats.readIntake(ctx, tx, now, actor, in.Answers, in.Invoice, false)
		if err != nil {
			return err
		}
		return d.register(ctx, tx, now, seats, id, person, actor.PersonID, given)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	return d.registration(ctx, actor, registered, shape)
}

// mayRegister reports whether the actor may register the person for anything.
func (a Actor) mayRegister(p *Person) bool { return a.mayActFor(p.ID, p.OrganisationID) }

func whoRegisters(ctx context.Context, tx bun.Tx, actor Actor, id *ID) (*Person, error) {
	if id == nil {
		id = &actor.PersonID
	}
	p := new(Person)
	ok, err := found(tx.NewSelect().Model(p).Where("id = ?", *id).Scan(ctx))
	if err != nil {
		return nil, fmt.Errorf("person: %w", err)
	}
	if !ok {
		return nil, problem(CodeNotFound, "input.personId", "There is no such person.")
	}
	return p, nil
}

// lockForRegistration locks the seats, and before them those of the edition when they are a session's. It refuses seats that the
// actor may not know of, then people whom the actor may not register, then what the rules of sessions refuse.
func (d *DB) lockForRegistration(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, id ID, person *Person) (*lockedSeats, error) {
	unlocked := new(Seats)
	ok, err := found(tx.NewSelect().Model(unlocked).Where("id = ?", id).Scan(ctx))
	if err != nil {
		return nil, fmt.Errorf("seats: %w", err)
	}
	if !ok {
		return nil, noSeats()
	}
	if !unlocked.SessionID.IsZero() {
		session, err := viewIn(tx, actor, now).occasion(ctx, unlocked)
		if err != nil {
			return nil, err
		}
		if err := session.admits(actor, person); err != nil {
			return nil, err
		}
		edition, err := d.lockSeats(ctx, tx, now, "edition_id", session.EditionID)
		if err != nil {
			return nil, err
		}
		if err := sessionAllows(ctx, tx, edition, session, person.ID); err != nil {
			return nil, err
		}
	}
	seats, err := d.lockSeats(ctx, tx, now, "id", id)
	if err != nil {
		return nil, err
	}
	return seats, seats.occasion.admits(actor, person)
}

// admits refuses a meeting that the actor may not know of, and a person whom the actor may not register for it.
func (o *occasion) admits(actor Actor, person *Person) error {
	switch {
	case !o.on() && !o.cancelled():
		return noSeats()
	case !actor.mayRegister(person) && !o.organisedBy(actor):
		return problem(CodeForbidden, "input.personId", "You can register yourself, people of an organisation that you coordinate, and anybody for a meeting that you organise.")
	}
	return nil
}

func noSeats() *Error { return problem(CodeNotFound, "input.seatsId", "There are no such seats.") }

// sessionAllows refuses a session to somebody who is not registered for its edition, or who has another one at that time.
func sessionAllows(ctx context.Context, tx bun.Tx, edition *lockedSeats, session *occasion, person ID) error {
	if !session.on() {
		return nil // nobody can register for what is cancelled
	}
	ok, err := tx.NewSelect().Model((*Registration)(nil)).Where("seats_id = ?", edition.ID).Where("person_id = ?", person).
		Where("status = ?", Confirmed).Exists(ctx)
	if err != nil {
		return fmt.Errorf("registration for the edition: %w", err)
	}
	if !ok {
		return problem(CodeConflict, "input.seatsId", "A place in the meeting comes first; register for the meeting and then for this session.")
	}
	if session.StartsAt == nil {
		return nil
	}
	clash := new(Session)
	ok, err = found(tx.NewSelect().Model(clash).Join("JOIN seats ON seats.session_id = session.id").
		Join("JOIN registrations AS registration ON registration.seats_id = seats.id").
		Where("registration.person_id = ?", person).Where("registration.status IN (?)", bun.List(active)).
		Where("session.edition_id = ?", session.EditionID).Where("session.id <> ?", session.SessionID).
		Where("session.starts_at < ?", session.EndsAt).Where("session.ends_at > ?", session.StartsAt).Limit(1).Scan(ctx))
	if err != nil {
		return fmt.Errorf("clash of sessions: %w", err)
	}
	if ok {
		return problem(CodeConflict, "input.seatsId", "This is at the same time as %q; cancel that one first.", clash.Title)
	}
	return nil
}

// register puts a person on locked seats under the id, with what was given of the intake, and queues the mail that says so.
func (d *DB) register(ctx context.Context, tx bun.Tx, now time.Time, seats *lockedSeats, id ID, person *Person, by ID, given *givenIntake) error {
	gets, err := seats.place(ctx, tx, person.OrganisationID)
	if err != nil {
		return err
	}
	if refusal := seats.refusal(now, gets); refusal != nil {
		already, err := tx.NewSelect().Model((*Registration)(nil)).Where("seats_id = ?", seats.ID).Where("person_id = ?", person.ID).
			Where("status IN (?)", bun.List(active)).Exists(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("registration: %w", err)
		case already:
			return registeredAlready(person)
		}
		return refusal
	}
	seats.LastTicket++
	r := &Registration{
		ID: id, SeatsID: seats.ID, PersonID: person.ID, OrganisationID: person.OrganisationID,
		Ticket: seats.LastTicket, RegisteredAt: now, RegisteredBy: by, Status: Waitlisted,
	}
	kind := MailWaitlisted
	if gets {
		r.Status, kind = seats.standing(given.complete(seats.occasion))
		seats.Taken++
	} else {
		seats.Waiting++
	}
	// The index registrations_active knows who is registered, which spares a question under the lock.
	inserted, err := tx.NewInsert().Model(r).
		On("CONFLICT (seats_id, person_id) WHERE status IN ('CONFIRMED', 'HELD', 'WAITLISTED', 'OFFERED') DO NOTHING").Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert registration: %w", err)
	}
	if n, err := inserted.RowsAffected(); n == 0 {
		return cmp.Or(err, error(registeredAlready(person)))
	}
	if err := given.save(ctx, tx, id); err != nil {
		return err
	}
	if err := seats.save(ctx, tx); err != nil {
		return err
	}
	return tell(ctx, tx, now, kind, []*Registration{r})
}

func registeredAlready(p *Person) *Error {
	return problem(CodeConflict, "input.seatsId", "%s is registered already.", p.Name)
}

// refusal says why nobody can register now, or nobody who gets no place; nil when that is possible.
func (s *lockedSeats) refusal(now time.Time, gets bool) error {
	day := func(t time.Time) string { return t.In(s.occasion.zone()).Format("2 January 2006 at 15:04 MST") }
	switch closes := s.occasion.closes(s.Seats); {
	case !s.occasion.on():
		return problem(CodeConflict, "input.seatsId", "This meeting was cancelled.")
	case s.OpensAt != nil && now.Before(*s.OpensAt):
		return problem(CodeConflict, "input.seatsId", "Registration opens on %s.", day(*s.OpensAt))
	case !now.Before(closes):
		return problem(CodeDeadline, "input.seatsId", "Registration closed on %s.", day(closes))
	case !gets && s.Policy == PolicyClosed:
		return problem(CodeConflict, "input.seatsId", "All places are taken, and there is no waiting list.")
	}
	return nil
}

// place reports whether a newcomer of the organisation gets a place: one is free, the organisation may hold another, and nobody
// waits who could take it. The line of locked seats is up to date, so whoever waits while a place is free cannot take one.
func (s *lockedSeats) place(ctx context.Context, tx bun.Tx, organisation ID) (bool, error) {
	if !s.room() || s.MaxPerOrganisation == nil || organisation.IsZero() {
		return s.room(), nil
	}
	held, err := s.held(ctx, tx)
	return held[organisation] < *s.MaxPerOrganisation, err
}
