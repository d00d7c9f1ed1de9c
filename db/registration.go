package db

import (
	"cmp"
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

	Position  *int       `bun:"-"` // in the line, from 1; nil for one that does not wait
	Person    *Person    `bun:"-"`
	By        *Person    `bun:"-"` // who registered the person
	Seats     *Seats     `bun:"-"`
	Edition   *Edition   `bun:"-"` // when the seats are an edition's
	Session   *Session   `bun:"-"` // when the seats are a session's
	CourseRun *CourseRun `bun:"-"` // when the seats are a course run's
}

// RegistrationStatus is where a registration stands.
type RegistrationStatus string

// The statuses of registrations.
const (
	Confirmed  RegistrationStatus = "CONFIRMED"
	Waitlisted RegistrationStatus = "WAITLISTED"
	Offered    RegistrationStatus = "OFFERED"
	Expired    RegistrationStatus = "EXPIRED" // an offer that was not accepted in time, or a line that closed
	Cancelled  RegistrationStatus = "CANCELLED"
)

var (
	active  = []RegistrationStatus{Confirmed, Offered, Waitlisted}
	holding = []RegistrationStatus{Confirmed, Offered} // a place
)

func (r *Registration) id() ID { return r.ID }

// RegisterInput says who is to be registered on what.
type RegisterInput struct {
	IdempotencyKey string
	SeatsID        ID
	PersonID       *ID // nil: oneself
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
		return d.register(ctx, tx, now, seats, id, person, actor.PersonID)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	return d.registration(ctx, actor, registered, shape)
}

// mayRegister reports whether the actor may register the person for anything.
func (a Actor) mayRegister(p *Person) bool { return a.maySeeContact(p.ID, p.OrganisationID) }

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

// register puts a person on locked seats under the id and queues the mail that says so.
func (d *DB) register(ctx context.Context, tx bun.Tx, now time.Time, seats *lockedSeats, id ID, person *Person, by ID) error {
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
		r.Status, kind = Confirmed, MailConfirmed
		seats.Taken++
	} else {
		seats.Waiting++
	}
	// The index registrations_active knows who is registered, which spares a question under the lock.
	inserted, err := tx.NewInsert().Model(r).
		On("CONFLICT (seats_id, person_id) WHERE status IN ('CONFIRMED', 'WAITLISTED', 'OFFERED') DO NOTHING").Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert registration: %w", err)
	}
	if n, err := inserted.RowsAffected(); n == 0 {
		return cmp.Or(err, error(registeredAlready(person)))
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
	case r.Status == Confirmed:
		return nil
	case r.Status == Expired:
		return problem(CodeDeadline, "input.registrationId", "This offer is over; the place went to the next in line.")
	case r.Status != Offered:
		return problem(CodeConflict, "input.registrationId", "No place is offered here.")
	case !seats.occasion.on():
		return problem(CodeConflict, "input.registrationId", "This meeting was cancelled.")
	}
	r.Status, r.OfferExpiresAt = Confirmed, nil
	if _, err := tx.NewUpdate().Model(r).Column("status", "offer_expires_at").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("accept offer: %w", err)
	}
	return tell(ctx, tx, now, MailConfirmed, []*Registration{r})
}

// cancelRegistration takes a person off locked seats and gives a place that comes free to the line.
func (d *DB) cancelRegistration(ctx context.Context, tx bun.Tx, now time.Time, seats *lockedSeats, r *Registration) error {
	had := r.Status
	switch had {
	case Confirmed, Offered:
		seats.Taken--
	case Waitlisted:
		seats.Waiting--
	default:
		return nil
	}
	r.Status, r.CancelledAt, r.OfferExpiresAt = Cancelled, &now, nil
	r.CalendarSequence++
	if _, err := tx.NewUpdate().Model(r).Column("status", "offer_expires_at", "cancelled_at", "calendar_sequence").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("cancel registration: %w", err)
	}
	if had == Confirmed { // who leaves the line or turns an offer down holds nothing to be told about
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

// registration returns a registration to somebody who may see it; nil to everybody else.
func (d *DB) registration(ctx context.Context, actor Actor, id ID, shape Shape) (*Registration, error) {
	v := d.view(actor)
	r, err := v.knownRegistration(ctx, id, shape)
	return r, v.finish(ctx, err)
}

func (v view) knownRegistration(ctx context.Context, id ID, shape Shape) (*Registration, error) {
	rows, err := byID[Registration](ctx, v.tx, []ID{id})
	if err != nil || rows[id] == nil || v.actor.Anonymous() {
		return nil, err
	}
	r := rows[id]
	if !v.actor.maySeeContact(r.PersonID, r.OrganisationID) {
		occasions, err := v.occasions(ctx, []ID{r.SeatsID})
		if err != nil || !occasions[r.SeatsID].organisedBy(v.actor) {
			return nil, err
		}
	}
	return r, v.registrations(ctx, []*Registration{r}, shape)
}

// registrations completes registrations.
func (v view) registrations(ctx context.Context, rows []*Registration, shape Shape) error {
	if len(rows) == 0 {
		return nil
	}
	if shape.Has("person") {
		people, err := v.loadPeople(ctx, idsBy(rows, func(r *Registration) ID { return r.PersonID }), shape.Of("person"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Person = people[row.PersonID]
		}
	}
	if shape.Has("registeredBy") {
		people, err := v.loadPeople(ctx, idsBy(rows, func(r *Registration) ID { return r.RegisteredBy }), shape.Of("registeredBy"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.By = people[row.RegisteredBy]
		}
	}
	if shape.Has("position") {
		if err := v.positions(ctx, rows); err != nil {
			return err
		}
	}
	if !shape.Has("seats", "edition", "session", "courseRun") {
		return nil
	}
	seats, err := byID[Seats](ctx, v.tx, idsBy(rows, func(r *Registration) ID { return r.SeatsID }))
	if err != nil {
		return err
	}
	if err := v.openings(ctx, values(seats)); err != nil {
		return err
	}
	editions, err := v.loadEditions(ctx, idsBy(values(seats), func(s *Seats) ID { return s.EditionID }), shape.Of("edition"))
	if err != nil {
		return err
	}
	sessions, err := v.loadSessions(ctx, idsBy(values(seats), func(s *Seats) ID { return s.SessionID }), shape.Of("session"))
	if err != nil {
		return err
	}
	runs, err := v.loadCourseRuns(ctx, idsBy(values(seats), func(s *Seats) ID { return s.CourseRunID }), shape.Of("courseRun"))
	if err != nil {
		return err
	}
	for _, row := range rows {
		row.Seats = seats[row.SeatsID]
		row.Edition, row.Session, row.CourseRun = editions[row.Seats.EditionID], sessions[row.Seats.SessionID], runs[row.Seats.CourseRunID]
	}
	return nil
}

// positions says of those who wait where they stand in their line.
func (v view) positions(ctx context.Context, rows []*Registration) error {
	var waiting []ID
	for _, row := range rows {
		if row.Status == Waitlisted {
			waiting = append(waiting, row.ID)
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	var places []struct {
		ID    ID
		Place int
	}
	if err := v.tx.NewSelect().Model((*Registration)(nil)).ColumnExpr("registration.id, count(*) AS place").
		Join("JOIN registrations AS ahead ON ahead.seats_id = registration.seats_id AND ahead.status = ? AND ahead.ticket <= registration.ticket", Waitlisted).
		Where("registration.id IN (?)", bun.List(waiting)).GroupExpr("registration.id").Scan(ctx, &places); err != nil {
		return fmt.Errorf("positions: %w", err)
	}
	for _, p := range places {
		i := slices.IndexFunc(rows, func(r *Registration) bool { return r.ID == p.ID })
		rows[i].Position = &p.Place
	}
	return nil
}

// RegistrationFilter restricts a list of registrations; nil fields do not.
type RegistrationFilter struct {
	Status         *RegistrationStatus
	OrganisationID *ID
}

var registrationsByTime = order[Registration]{
	column: "registration.id", descending: true,
	key:    func(r *Registration) (string, ID) { return r.ID.uuid(), r.ID },
	cursor: func(sort string, id ID) bool { return id.Kind() == KindRegistration && sort == id.uuid() },
}

// RegistrationsOn lists who is registered on seats, the latest first: everybody to organisers, the people of their own
// organisations to coordinators, and to everybody themselves.
func (d *DB) RegistrationsOn(ctx context.Context, actor Actor, seats *Seats, p Page, filter RegistrationFilter, shape Shape) (*Connection[Registration], error) {
	v := d.view(actor)
	occasions, err := v.occasions(ctx, []ID{seats.ID})
	if err != nil {
		return nil, err
	}
	organiser := occasions[seats.ID].organisedBy(actor)
	return v.listRegistrations(ctx, p, shape, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("registration.seats_id = ?", seats.ID)
		if filter.Status != nil {
			q = q.Where("registration.status = ?", *filter.Status)
		}
		if filter.OrganisationID != nil {
			q = q.Where("registration.organisation_id = ?", *filter.OrganisationID)
		}
		if organiser {
			return q
		}
		own := idsBy(actor.Coordinates, func(c Coordination) ID { return c.OrganisationID })
		return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("registration.person_id = ?", cmp.Or(actor.PersonID, unknownID)).WhereOr("registration.organisation_id IN (?)", bun.List(append(own, unknownID)))
		})
	})
}

// OwnRegistrations lists the actor's registrations, the latest first.
func (d *DB) OwnRegistrations(ctx context.Context, actor Actor, p Page, shape Shape) (*Connection[Registration], error) {
	return d.view(actor).listRegistrations(ctx, p, shape, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("registration.person_id = ?", actor.PersonID)
	})
}

func (v view) listRegistrations(ctx context.Context, p Page, shape Shape, restrict func(*bun.SelectQuery) *bun.SelectQuery) (*Connection[Registration], error) {
	c, err := connect(ctx, v.tx, registrationsByTime, p, restrict)
	if err != nil {
		return nil, fmt.Errorf("registrations: %w", err)
	}
	return c, v.finish(ctx, v.registrations(ctx, c.Nodes, shape))
}
