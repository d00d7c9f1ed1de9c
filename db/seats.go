package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Seats are the places in anything that can fill up: an edition, a session or a course run. One rule for all of them: who
// registers gets a place while one is free and nobody waits, else a ticket on the waiting list; a place that comes free goes
// to the lowest ticket.
//
// Taken and Waiting always equal the number of registrations in these states: both change in the same transaction, under the
// lock of this row.
type Seats struct {
	bun.BaseModel `bun:"table:seats,alias:seats"`

	ID          ID   `bun:",pk"`
	EditionID   ID   `bun:",nullzero"`
	SessionID   ID   `bun:",nullzero"`
	CourseRunID ID   `bun:",nullzero"`
	Capacity    *int // nil: no limit
	Taken       int
	Waiting     int
	LastTicket  int

	RegistrationOpen bool `bun:"-"` // whether a registration can be made now, be it for the waiting list
}

func (s *Seats) id() ID { return s.ID }

// Left returns how many places are free; nil when there is no limit.
func (s *Seats) Left() *int {
	if s.Capacity == nil {
		return nil
	}
	left := max(0, *s.Capacity-s.Taken)
	return &left
}

// free reports whether a newcomer gets a place: nobody overtakes the waiting list.
func (s *Seats) free() bool { return s.Waiting == 0 && s.room() }

// room reports whether there is a place for the next in line.
func (s *Seats) room() bool { return s.Capacity == nil || s.Taken < *s.Capacity }

// seats loads the seats of editions, sessions or course runs, by the column that names them.
func (v view) seats(ctx context.Context, column bun.Ident, of []ID) (map[ID]*Seats, error) {
	var rows []*Seats
	if err := v.tx.NewSelect().Model(&rows).Where("? IN (?)", column, bun.List(of)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("seats: %w", err)
	}
	if err := v.openings(ctx, rows); err != nil {
		return nil, err
	}
	byOwner := make(map[ID]*Seats, len(rows))
	for _, row := range rows {
		switch {
		case !row.EditionID.IsZero():
			byOwner[row.EditionID] = row
		case !row.SessionID.IsZero():
			byOwner[row.SessionID] = row
		default:
			byOwner[row.CourseRunID] = row
		}
	}
	return byOwner, nil
}

// openings says of each seats whether registration is open: while the meeting is on and has not begun.
func (v view) openings(ctx context.Context, rows []*Seats) error {
	if len(rows) == 0 {
		return nil
	}
	var owners []struct {
		SeatsID                      ID
		EditionStatus                EditionStatus
		RunStatus                    CourseRunStatus
		EditionStartsOn, RunStartsOn Date
		EditionZone, RunZone         string
	}
	if err := v.tx.NewSelect().TableExpr("seats").
		Join("LEFT JOIN sessions AS session ON session.id = seats.session_id").
		Join("LEFT JOIN editions AS edition ON edition.id = seats.edition_id OR edition.id = session.edition_id").
		Join("LEFT JOIN course_runs AS run ON run.id = seats.course_run_id").
		ColumnExpr("seats.id AS seats_id, coalesce(edition.status, '') AS edition_status, coalesce(run.status, '') AS run_status").
		ColumnExpr("edition.starts_on AS edition_starts_on, run.starts_on AS run_starts_on").
		ColumnExpr("coalesce(edition.time_zone, '') AS edition_zone, coalesce(run.time_zone, '') AS run_zone").
		Where("seats.id IN (?)", bun.List(idsOf(rows))).Scan(ctx, &owners); err != nil {
		return fmt.Errorf("owners of seats: %w", err)
	}
	open := map[ID]bool{}
	for _, o := range owners {
		switch {
		case o.RunStatus != "":
			open[o.SeatsID] = (o.RunStatus == RunPlanned || o.RunStatus == RunConfirmed) && v.now.Before(startOfDay(o.RunStartsOn, o.RunZone))
		case o.EditionStartsOn != "":
			open[o.SeatsID] = o.EditionStatus == EditionPublished && v.now.Before(startOfDay(o.EditionStartsOn, o.EditionZone))
		}
	}
	for _, row := range rows {
		row.RegistrationOpen = open[row.ID]
	}
	return nil
}

// Registration is a person on seats.
type Registration struct {
	bun.BaseModel `bun:"table:registrations,alias:registration"`

	ID               ID `bun:",pk"`
	SeatsID          ID
	PersonID         ID
	Status           RegistrationStatus
	Ticket           int // the order of arrival on these seats
	RegisteredAt     time.Time
	RegisteredBy     ID
	CancelledAt      *time.Time
	CalendarSequence int // SEQUENCE of the calendar entry (RFC 5545), raised with every change to it
}

// RegistrationStatus is where a registration stands.
type RegistrationStatus string

// The statuses of registrations.
const (
	Confirmed  RegistrationStatus = "CONFIRMED"
	Waitlisted RegistrationStatus = "WAITLISTED"
	Offered    RegistrationStatus = "OFFERED"
	Expired    RegistrationStatus = "EXPIRED"
	Cancelled  RegistrationStatus = "CANCELLED"
)

func (r *Registration) id() ID { return r.ID }

// lockSeats locks the counters of seats until the transaction ends. Every verb that changes registrations locks first, so the
// counters and the rows change together; who needs several locks them in ascending order of id.
func (d *DB) lockSeats(ctx context.Context, tx bun.Tx, column bun.Ident, owner ID) (*Seats, error) {
	seats := new(Seats)
	if err := d.locked(tx.NewSelect().Model(seats)).Where("? = ?", column, owner).Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock seats: %w", err)
	}
	return seats, nil
}

func saveSeats(ctx context.Context, tx bun.Tx, seats *Seats) error {
	if _, err := tx.NewUpdate().Model(seats).Column("capacity", "taken", "waiting", "last_ticket").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("update seats: %w", err)
	}
	return nil
}

// register puts a person on locked seats and queues the mail that says so. Who is registered already stays as they are.
func (d *DB) register(ctx context.Context, tx bun.Tx, now time.Time, seats *Seats, person, by ID) (*Registration, error) {
	r := new(Registration)
	if ok, err := found(tx.NewSelect().Model(r).Where("seats_id = ?", seats.ID).Where("person_id = ?", person).
		Where("status IN (?)", bun.List([]RegistrationStatus{Confirmed, Waitlisted, Offered})).Scan(ctx)); ok || err != nil {
		return r, err
	}
	seats.LastTicket++
	*r = Registration{
		ID: NewID(KindRegistration, now), SeatsID: seats.ID, PersonID: person, Ticket: seats.LastTicket,
		RegisteredAt: now, RegisteredBy: by, Status: Waitlisted,
	}
	kind := MailWaitlisted
	if seats.free() {
		r.Status, kind = Confirmed, MailConfirmed
		seats.Taken++
	} else {
		seats.Waiting++
	}
	if _, err := tx.NewInsert().Model(r).Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert registration: %w", err)
	}
	if err := saveSeats(ctx, tx, seats); err != nil {
		return nil, err
	}
	return r, queue(ctx, tx, &Delivery{Kind: kind, PersonID: person, RegistrationID: r.ID, CreatedAt: now, NotBefore: now})
}

// cancelRegistration takes a person off locked seats and gives a place that comes free to the next in line.
func (d *DB) cancelRegistration(ctx context.Context, tx bun.Tx, now time.Time, seats *Seats, r *Registration) error {
	had := r.Status
	switch had {
	case Confirmed, Offered:
		seats.Taken--
	case Waitlisted:
		seats.Waiting--
	default:
		return nil
	}
	r.Status, r.CancelledAt = Cancelled, &now
	r.CalendarSequence++
	if _, err := tx.NewUpdate().Model(r).Column("status", "cancelled_at", "calendar_sequence").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("cancel registration: %w", err)
	}
	if had == Confirmed {
		if err := queue(ctx, tx, &Delivery{Kind: MailCancelled, PersonID: r.PersonID, RegistrationID: r.ID, CreatedAt: now, NotBefore: now}); err != nil {
			return err
		}
	}
	return d.promote(ctx, tx, now, seats)
}

// promote gives free places to the waiting list in the order of tickets, and saves the locked seats.
func (d *DB) promote(ctx context.Context, tx bun.Tx, now time.Time, seats *Seats) error {
	for seats.Waiting > 0 && seats.room() {
		next := new(Registration)
		if err := tx.NewSelect().Model(next).Where("seats_id = ?", seats.ID).Where("status = ?", Waitlisted).
			Order("ticket").Limit(1).Scan(ctx); err != nil {
			return fmt.Errorf("next in line: %w", err)
		}
		next.Status = Confirmed
		if _, err := tx.NewUpdate().Model(next).Column("status").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("promote: %w", err)
		}
		seats.Waiting--
		seats.Taken++
		if err := queue(ctx, tx, &Delivery{Kind: MailConfirmed, PersonID: next.PersonID, RegistrationID: next.ID, CreatedAt: now, NotBefore: now}); err != nil {
			return err
		}
	}
	return saveSeats(ctx, tx, seats)
}

// position returns the place of a waiting registration in its line, from 1; 0 for one that does not wait.
func (v view) position(ctx context.Context, r *Registration) (int, error) {
	if r.Status != Waitlisted {
		return 0, nil
	}
	n, err := v.tx.NewSelect().Model((*Registration)(nil)).Where("seats_id = ?", r.SeatsID).
		Where("status = ?", Waitlisted).Where("ticket <= ?", r.Ticket).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("position: %w", err)
	}
	return int(n), nil
}
