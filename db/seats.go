package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Seats are the places in anything that can fill up: an edition, a session or a course run. One rule for all of them: who
// registers gets a place while one is free and nobody waits who could take it, else a ticket for the line. line.go says how
// places that come free go to the line.
//
// Taken and Waiting always equal the number of registrations that hold a place (confirmed or offered) and that wait: both
// change in the same transaction, under the lock of this row.
type Seats struct {
	bun.BaseModel `bun:"table:seats,alias:seats"`

	ID                 ID         `bun:",pk"`
	EditionID          ID         `bun:",nullzero"`
	SessionID          ID         `bun:",nullzero"`
	CourseRunID        ID         `bun:",nullzero"`
	Capacity           *int       // nil: no limit
	Policy             LinePolicy // how the line gets places
	Line               LineOrder  // in which order
	MaxPerOrganisation *int       // places that people of one organisation may hold; nil: no limit
	OfferHours         int        // for how long a place is offered
	OpensAt            *time.Time // nil: open at once
	ClosesAt           *time.Time // nil: open until the meeting starts
	Taken              int
	Waiting            int
	LastTicket         int

	RegistrationOpen bool `bun:"-"` // whether a registration can be made now, be it for the line
}

// LinePolicy is how people who wait get a place that comes free.
type LinePolicy string

// The policies.
const (
	PolicyOffer     LinePolicy = "OFFER"     // they are offered it and have to accept in time
	PolicyAutomatic LinePolicy = "AUTOMATIC" // they get it
	PolicyClosed    LinePolicy = "CLOSED"    // nobody new can join the line; those in it keep their turn and get it
)

// LineOrder is the order in which people who wait get a place.
type LineOrder string

// The orders.
const (
	FirstCome LineOrder = "FIRST_COME" // by ticket
	Balanced  LineOrder = "BALANCED"   // the organisation with the fewest places first, then by ticket
)

// defaultOfferHours is for how long a place is offered when nobody says otherwise.
const defaultOfferHours = 48

func (s *Seats) id() ID { return s.ID }

// Left returns how many places are free; nil when there is no limit.
func (s *Seats) Left() *int {
	if s.Capacity == nil {
		return nil
	}
	left := max(0, *s.Capacity-s.Taken)
	return &left
}

// room reports whether there is a free place.
func (s *Seats) room() bool { return s.Capacity == nil || s.Taken < *s.Capacity }

// occasion is what seats are in: it says until when there is anything to register for, and who organises it.
type occasion struct {
	SeatsID        ID
	EditionID      ID // of the edition, or of the session's edition
	PartnershipID  ID // that holds the edition
	HostID         ID // of the edition
	CourseID       ID
	OrganisationID ID // that offers the course
	CourseRunID    ID
	EditionStatus  EditionStatus
	RunStatus      CourseRunStatus
	StartsOn       Date
	EndsOn         Date       // only from occasions
	ForgottenAt    *time.Time // the personal data of the meeting; only from occasions
	Year           int        // of the edition
	TimeZone       string
	SessionID      ID
	StartsAt       *time.Time // of the session
	EndsAt         *time.Time // of the session
	CancelledAt    *time.Time // of the session
	NeedsAnswers   bool       // of a run: whether a place is certain only when required questions are answered; only for seats under lock
	NeedsInvoice   bool       // of a run: likewise, when it is known whom to invoice
	IntakeDueAt    *time.Time // of a run; only for seats under lock
	taught         bool       // by the actor
	OffersOver     bool       // whether offers are still to be taken back whose time is over; only for seats under lock
}

// on reports whether the meeting takes place and is public.
func (o *occasion) on() bool {
	return o.EditionStatus == EditionPublished && o.CancelledAt == nil || o.RunStatus == RunPlanned || o.RunStatus == RunConfirmed
}

// cancelled reports whether the meeting was public and is called off.
func (o *occasion) cancelled() bool {
	return o.EditionStatus == EditionCancelled || o.EditionStatus == EditionPublished && o.CancelledAt != nil || o.RunStatus == RunCancelled
}

// zone is the time zone of the meeting.
func (o *occasion) zone() *time.Location {
	location, err := time.LoadLocation(o.TimeZone)
	if err != nil {
		return time.UTC // the import refuses unknown zones
	}
	return location
}

// closes is when registration ends: at the deadline of the seats, and when the meeting starts.
func (o *occasion) closes(s *Seats) time.Time {
	var at time.Time
	earlier := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	switch {
	case o.StartsOn != "":
		earlier(startOfDay(o.StartsOn, o.TimeZone))
	case o.Year > 0: // nothing but the year is known
		earlier(time.Date(o.Year+1, 1, 1, 0, 0, 0, 0, o.zone()))
	}
	if o.StartsAt != nil {
		at = *o.StartsAt // a session later in the meeting can be chosen until it begins
	}
	if s.ClosesAt != nil {
		earlier(*s.ClosesAt)
	}
	return at
}

// open reports whether somebody can register now, be it for the line.
func (o *occasion) open(s *Seats, now time.Time) bool {
	return o.on() && now.Before(o.closes(s)) && (s.OpensAt == nil || !now.Before(*s.OpensAt))
}

// organisedBy reports whether the actor organises the meeting.
func (o *occasion) organisedBy(a Actor) bool {
	if !o.EditionID.IsZero() {
		return a.organisesEdition(o.EditionID, o.PartnershipID, o.HostID)
	}
	return a.organisesCourse(o.CourseID, o.OrganisationID)
}

// occasion loads what the seats are in, and whether offers of them are over: on PostgreSQL several times as fast as occasions,
// whose joins take longer to plan than to run.
func (v view) occasion(ctx context.Context, s *Seats) (*occasion, error) {
	o := &occasion{SeatsID: s.ID}
	q := v.tx.NewSelect()
	if s.CourseRunID.IsZero() {
		q = q.TableExpr("editions AS edition").
			ColumnExpr("edition.id AS edition_id, edition.partnership_id, edition.host_id, edition.status AS edition_status, edition.starts_on, edition.year, edition.time_zone")
	} else {
		q = q.TableExpr("course_runs AS run").Join("JOIN courses AS course ON course.id = run.course_id").
			ColumnExpr("run.id AS course_run_id, course.id AS course_id, course.organisation_id, run.status AS run_status, run.starts_on, run.time_zone, run.intake_due_at").
			ColumnExpr("EXISTS (SELECT 1 FROM intake_questions WHERE course_run_id = run.id AND required) AS needs_answers").
			ColumnExpr("run.payer_id IS NULL AND coalesce(run.price_minor, course.price_minor, 0) > 0 AS needs_invoice").Where("run.id = ?", s.CourseRunID)
	}
	if !s.EditionID.IsZero() {
		q = q.Where("edition.id = ?", s.EditionID)
	}
	if !s.SessionID.IsZero() {
		q = q.Join("JOIN sessions AS session ON session.edition_id = edition.id").
			ColumnExpr("session.id AS session_id, session.starts_at, session.ends_at, session.cancelled_at").Where("session.id = ?", s.SessionID)
	}
	q = q.ColumnExpr("EXISTS (SELECT 1 FROM registrations WHERE seats_id = ? AND status = ? AND offer_expires_at <= ?) AS offers_over", s.ID, Offered, v.now)
	if err := q.Scan(ctx, o); err != nil {
		return nil, fmt.Errorf("occasion of seats: %w", err)
	}
	return o, nil
}

// occasions loads what seats are in.
func (v view) occasions(ctx context.Context, seats []ID) (map[ID]*occasion, error) {
	if len(seats) == 0 {
		return nil, nil
	}
	var rows []*occasion
	if err := v.tx.NewSelect().TableExpr("seats").
		Join("LEFT JOIN sessions AS session ON session.id = seats.session_id").
		Join("LEFT JOIN editions AS edition ON edition.id = coalesce(seats.edition_id, session.edition_id)").
		Join("LEFT JOIN course_runs AS run ON run.id = seats.course_run_id").
		Join("LEFT JOIN courses AS course ON course.id = run.course_id").
		ColumnExpr("seats.id AS seats_id, edition.id AS edition_id, edition.partnership_id, edition.host_id, course.id AS course_id, course.organisation_id, run.id AS course_run_id").
		ColumnExpr("coalesce(edition.status, '') AS edition_status, coalesce(run.status, '') AS run_status").
		ColumnExpr("coalesce(edition.starts_on, run.starts_on) AS starts_on, coalesce(edition.ends_on, run.ends_on) AS ends_on, coalesce(edition.year, 0) AS year").
		ColumnExpr("coalesce(edition.forgotten_at, run.forgotten_at) AS forgotten_at").
		ColumnExpr("coalesce(edition.time_zone, run.time_zone, '') AS time_zone").
		ColumnExpr("session.id AS session_id, session.starts_at, session.ends_at, session.cancelled_at").
		Where("seats.id IN (?)", bun.List(seats)).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("occasions of seats: %w", err)
	}
	of := make(map[ID]*occasion, len(rows))
	for _, row := range rows {
		of[row.SeatsID] = row
	}
	return of, nil
}

// seats loads the seats of editions, sessions or course runs, by the column that names them.
func (v view) seats(ctx context.Context, column bun.Ident, of []ID) (map[ID]*Seats, error) {
	var rows []*Seats
	if err := selectAmong(ctx, v.tx, &rows, v.tx.NewSelect().Model(&rows), column, of); err != nil {
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

// openings says of each seats whether registration is open.
func (v view) openings(ctx context.Context, rows []*Seats) error {
	occasions, err := v.occasions(ctx, idsOf(rows))
	for _, row := range rows {
		if o := occasions[row.ID]; o != nil {
			row.RegistrationOpen = o.open(row, v.now)
		}
	}
	return err
}
