package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// The line of people who wait for a place.
//
// Whatever changes seats locks them, brings the line up to date, changes what it has to, and brings the line up to date again:
//
//	offers whose time is over    EXPIRED, and the place is free
//	registration is over         everybody who waits is told, and the line is empty
//	a place is free              the next in line is offered it or gets it, until none is free or nobody can take one
//
// Where the policy is that there is no line (PolicyClosed), nobody new can join it; those who are in it keep their turn and get
// a place without having to accept it.
//
// So what is true never depends on when somebody last looked; the sweep only makes it known in time.

// waiter is somebody in the line.
type waiter struct {
	ID             ID
	OrganisationID ID
	Ticket         int
}

// nextInLine returns which of the waiters, sorted by ticket, gets the next free place; -1 when nobody may take it. Held counts
// the places that each organisation holds. People without an organisation count for themselves.
func nextInLine(line []waiter, held map[ID]int, maximum *int, order LineOrder) int {
	next := -1
	for i, w := range line {
		if maximum != nil && !w.OrganisationID.IsZero() && held[w.OrganisationID] >= *maximum {
			continue
		}
		if next < 0 {
			next = i
			if order == FirstCome {
				return next
			}
			continue
		}
		if places(held, w) < places(held, line[next]) {
			next = i
		}
	}
	return next
}

func places(held map[ID]int, w waiter) int {
	if w.OrganisationID.IsZero() {
		return 0
	}
	return held[w.OrganisationID]
}

// offerUntil returns when an offer made now ends: after the hours, moved past Saturday and Sunday to the same time on Monday in
// the zone of the meeting, and never later than registration closes.
func offerUntil(now time.Time, hours int, closes time.Time, zone *time.Location) time.Time {
	until := now.Add(time.Duration(hours) * time.Hour).In(zone)
	switch until.Weekday() {
	case time.Saturday:
		until = until.AddDate(0, 0, 2)
	case time.Sunday:
		until = until.AddDate(0, 0, 1)
	}
	if until.After(closes) {
		until = closes
	}
	return until.UTC()
}

// lockedSeats are seats under lock, with what they are in.
type lockedSeats struct {
	*Seats
	stored   Seats // as the database has them
	occasion *occasion

	questions []*IntakeQuestion // of the intake, once they were read
}

// lockSeats locks seats until the transaction ends and brings their line up to date. Who needs the seats of an edition and of
// its sessions locks those of the edition first and then those of the sessions in ascending order of id.
func (d *DB) lockSeats(ctx context.Context, tx bun.Tx, now time.Time, column bun.Ident, owner ID) (*lockedSeats, error) {
	s := &lockedSeats{Seats: new(Seats)}
	if ok, err := found(d.locked(tx.NewSelect().Model(s.Seats)).Where("? = ?", column, owner).Scan(ctx)); err != nil || !ok {
		if err != nil {
			err = fmt.Errorf("lock seats: %w", err)
		}
		return nil, err
	}
	var err error
	if s.occasion, err = viewIn(tx, Actor{}, now).occasion(ctx, s.Seats); err != nil {
		return nil, err
	}
	s.stored = *s.Seats
	if s.occasion.OffersOver {
		if err := s.expireOffers(ctx, tx, now); err != nil {
			return nil, err
		}
	}
	return s, d.settleLine(ctx, tx, now, s)
}

// save writes what has changed since the seats were locked, or saved before.
func (s *lockedSeats) save(ctx context.Context, tx bun.Tx) error {
	if *s.Seats == s.stored {
		return nil
	}
	if _, err := tx.NewUpdate().Model(s.Seats).ExcludeColumn("edition_id", "session_id", "course_run_id").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("save seats: %w", err)
	}
	s.stored = *s.Seats
	return nil
}

// settleLine brings the line of locked seats up to date and saves them.
func (d *DB) settleLine(ctx context.Context, tx bun.Tx, now time.Time, s *lockedSeats) error {
	if s.Waiting > 0 {
		closes := s.occasion.closes(s.Seats)
		var err error
		if !now.Before(closes) {
			err = s.closeLine(ctx, tx, now)
		} else if s.room() && s.occasion.on() {
			err = s.promote(ctx, tx, now)
		}
		if err != nil {
			return err
		}
	}
	return s.save(ctx, tx)
}

// expireOffers takes back places whose offer is over.
func (s *lockedSeats) expireOffers(ctx context.Context, tx bun.Tx, now time.Time) error {
	var over []*Registration
	if err := tx.NewUpdate().Model((*Registration)(nil)).Set("status = ?", Expired).Set("expired_because = ?", OfferLapsed).Set("offer_expires_at = NULL").
		Where("seats_id = ?", s.ID).Where("status = ?", Offered).Where("offer_expires_at <= ?", now).
		Returning("id, person_id").Scan(ctx, &over); err != nil {
		return fmt.Errorf("expire offers: %w", err)
	}
	s.Taken -= len(over)
	return tell(ctx, tx, now, MailOfferExpired, over)
}

// closeLine ends the waiting of everybody: registration is over.
func (s *lockedSeats) closeLine(ctx context.Context, tx bun.Tx, now time.Time) error {
	var over []*Registration
	if err := tx.NewUpdate().Model((*Registration)(nil)).Set("status = ?", Expired).Set("expired_because = ?", RegistrationClosed).
		Where("seats_id = ?", s.ID).Where("status = ?", Waitlisted).Returning("id, person_id").Scan(ctx, &over); err != nil {
		return fmt.Errorf("close line: %w", err)
	}
	s.Waiting -= len(over)
	return tell(ctx, tx, now, MailLineClosed, over)
}

// promote gives or offers free places to the line.
func (s *lockedSeats) promote(ctx context.Context, tx bun.Tx, now time.Time) error {
	var line []waiter
	q := tx.NewSelect().Model((*Registration)(nil)).Column("id", "organisation_id", "ticket").
		Where("seats_id = ?", s.ID).Where("status = ?", Waitlisted).Order("ticket")
	if s.MaxPerOrganisation == nil && s.Line == FirstCome && s.Capacity != nil {
		q = q.Limit(int64(*s.Capacity - s.Taken))
	}
	if err := q.Scan(ctx, &line); err != nil {
		return fmt.Errorf("line: %w", err)
	}
	held, err := s.held(ctx, tx)
	if err != nil {
		return err
	}
	for s.room() {
		next := nextInLine(line, held, s.MaxPerOrganisation, s.Line)
		if next < 0 {
			return nil
		}
		w := line[next]
		line = slices.Delete(line, next, next+1)
		held[w.OrganisationID]++
		s.Waiting--
		s.Taken++
		r := &Registration{ID: w.ID}
		kind := MailOffered
		if s.Policy == PolicyOffer {
			until := offerUntil(now, s.OfferHours, s.occasion.closes(s.Seats), s.occasion.zone())
			r.Status, r.OfferExpiresAt = Offered, &until
		} else if kind, err = s.takes(ctx, tx, r); err != nil {
			return err
		}
		if err := tx.NewUpdate().Model(r).Column("status", "offer_expires_at").WherePK().Returning("person_id").Scan(ctx); err != nil {
			return fmt.Errorf("promote: %w", err)
		}
		if err := tell(ctx, tx, now, kind, []*Registration{r}); err != nil {
			return err
		}
	}
	return nil
}

// held counts the places that people of each organisation hold, as far as the rules of the seats need it.
func (s *lockedSeats) held(ctx context.Context, tx bun.Tx) (map[ID]int, error) {
	held := map[ID]int{}
	if s.MaxPerOrganisation == nil && s.Line == FirstCome {
		return held, nil
	}
	var rows []struct {
		OrganisationID ID
		Places         int
	}
	if err := tx.NewSelect().Model((*Registration)(nil)).ColumnExpr("organisation_id, count(*) AS places").
		Where("seats_id = ?", s.ID).Where("status IN (?)", bun.List(holding)).GroupExpr("organisation_id").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("places of organisations: %w", err)
	}
	for _, row := range rows {
		held[row.OrganisationID] = row.Places
	}
	return held, nil
}

// tell queues a mail of the kind about each registration.
func tell(ctx context.Context, tx bun.Tx, now time.Time, kind MailKind, registrations []*Registration) error {
	deliveries := make([]*Delivery, len(registrations))
	for i, r := range registrations {
		deliveries[i] = &Delivery{Kind: kind, PersonID: r.PersonID, RegistrationID: r.ID, CreatedAt: now, NotBefore: now}
	}
	return queue(ctx, tx, deliveries...)
}

// SweepLines brings up to date the lines of seats where something changed that did not touch the seats: offers that are over,
// registration that closed while people wait, a meeting that takes place after all. Correctness never depends on it; it makes
// known in time what is true anyway. It returns how many seats it looked at.
func (d *DB) SweepLines(ctx context.Context) (int, error) {
	now := d.now()
	tomorrow := now.AddDate(0, 0, 1) // no time zone is a day ahead
	var due []ID
	if err := d.read.NewSelect().TableExpr("seats").Column("seats.id").Distinct().
		Join("LEFT JOIN registrations AS offer ON offer.seats_id = seats.id AND offer.status = ? AND offer.offer_expires_at <= ?", Offered, now).
		Join("LEFT JOIN sessions AS session ON session.id = seats.session_id").
		Join("LEFT JOIN editions AS edition ON edition.id = coalesce(seats.edition_id, session.edition_id)").
		Join("LEFT JOIN course_runs AS run ON run.id = seats.course_run_id").
		Where("offer.id IS NOT NULL").
		WhereOr("seats.waiting > 0 AND (seats.closes_at <= ? OR session.starts_at <= ? OR coalesce(edition.starts_on, run.starts_on) <= ?)",
			now, now, DateOf(tomorrow)).
		WhereOr("seats.waiting > 0 AND edition.starts_on IS NULL AND edition.year < ?", tomorrow.Year()).
		WhereOr("seats.waiting > 0 AND (seats.capacity IS NULL OR seats.taken < seats.capacity) AND (edition.status = ? AND session.cancelled_at IS NULL OR run.status IN (?))",
			EditionPublished, bun.List([]CourseRunStatus{RunPlanned, RunConfirmed})).
		Scan(ctx, &due); err != nil {
		return 0, fmt.Errorf("lines that are due: %w", err)
	}
	for _, id := range due {
		if err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
			_, err := d.lockSeats(ctx, tx, now, "id", id)
			return err
		}); err != nil {
			return 0, err
		}
	}
	if len(due) > 0 {
		d.woken()
	}
	return len(due), nil
}
