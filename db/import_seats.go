package db

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// importedSeats are the places in what a file holds. Sessions have seats once a file states a capacity.
//
// Organisers change seats too. The file wins for what it names, and the rest stays as they have set it: leaving a rule out of a
// file takes none away.
type importedSeats struct {
	seats        []*statedSeats
	addedSeats   []*Seats
	changedSeats []*changedSeats
}

// statedSeats is what a file says of the seats of an edition, a session or a course run.
type statedSeats struct {
	of       Seats // that one of its owners is set
	capacity *int
	usual    *int // the capacity of new seats when the file names none
	rules    *programme.Registration
	timeZone string
	path     string
}

// changedSeats are seats that the database has otherwise than the file says, or in which places may be held for an intake that the
// file asks less for.
type changedSeats struct {
	*Seats // as they were
	change func(*Seats)
}

func (s *statedSeats) owner() ID { return cmp.Or(s.of.EditionID, s.of.SessionID, s.of.CourseRunID) }

func (i *importing) planSeats(ctx context.Context) error {
	known := map[ID]*Seats{} // by edition, session or run
	owners := distinct(idsBy(i.seats, (*statedSeats).owner))
	for _, kind := range []struct {
		column bun.Ident
		owner  func(*Seats) ID
	}{
		{"edition_id", func(s *Seats) ID { return s.EditionID }},
		{"session_id", func(s *Seats) ID { return s.SessionID }},
		{"course_run_id", func(s *Seats) ID { return s.CourseRunID }},
	} {
		rows, err := selectBy[*Seats](ctx, i, kind.column, owners)
		if err != nil {
			return err
		}
		for _, row := range rows {
			known[kind.owner(row)] = row
		}
	}
	for _, s := range i.seats {
		change, err := s.change()
		if err != nil {
			return err
		}
		had := known[s.owner()]
		after := s.of
		switch {
		case had != nil:
			after = *had
		case s.capacity == nil && !s.of.SessionID.IsZero():
			if s.rules != nil {
				i.problem(s.path+".registration", "Add a capacity to the session; without one nobody registers for it.")
			}
			continue
		default:
			after.ID, after.Capacity = NewID(KindSeats, i.now), s.usual
			after.Policy, after.Line, after.OfferHours = PolicyAutomatic, FirstCome, defaultOfferHours
		}
		change(&after)
		if after.OpensAt != nil && after.ClosesAt != nil && !after.OpensAt.Before(*after.ClosesAt) {
			i.problem(s.path+".registration", "Name both when registration opens and when it closes; somebody has changed the other since, and it would open after it closes.")
		}
		switch {
		case had == nil:
			i.addedSeats = append(i.addedSeats, &after)
		case !sameRules(had, &after) || !had.CourseRunID.IsZero():
			i.changedSeats = append(i.changedSeats, &changedSeats{had, change})
		}
	}
	return nil
}

// change returns what the file makes of seats.
func (s *statedSeats) change() (func(*Seats), error) {
	rules := cmp.Or(s.rules, new(programme.Registration))
	opens, err := instantIn(s.timeZone, rules.Opens)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	closes, err := instantIn(s.timeZone, rules.Closes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return func(to *Seats) {
		to.Capacity = cmp.Or(s.capacity, to.Capacity)
		to.OpensAt, to.ClosesAt = cmp.Or(opens, to.OpensAt), cmp.Or(closes, to.ClosesAt)
		to.Policy, to.Line = cmp.Or(LinePolicy(rules.Policy), to.Policy), cmp.Or(LineOrder(rules.Order), to.Line)
		to.MaxPerOrganisation = cmp.Or(rules.MaxPerOrganisation, to.MaxPerOrganisation)
		if rules.OfferHours != nil {
			to.OfferHours = *rules.OfferHours
		}
	}, nil
}

// instantIn returns the instant of a local time, nil for "".
func instantIn(timeZone, local string) (*time.Time, error) {
	if local == "" {
		return nil, nil
	}
	zone, err := programme.Zone(timeZone)
	if err != nil {
		return nil, err
	}
	at, err := programme.Instant(local, zone)
	return &at, err
}

func sameRules(a, b *Seats) bool {
	number := func(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }
	at := func(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }
	return number(a.Capacity, b.Capacity) && number(a.MaxPerOrganisation, b.MaxPerOrganisation) && at(a.OpensAt, b.OpensAt) && at(a.ClosesAt, b.ClosesAt) &&
		a.Policy == b.Policy && a.Line == b.Line && a.OfferHours == b.OfferHours
}

// writeSeats adds seats and gives others other rules, under the lock of their counters: editions first, then sessions, each in
// ascending order of id. Nobody loses a place; who waits moves up into places that were added while registration is open, and places
// are certain that are held for nothing any more.
func (i *importing) writeSeats(ctx context.Context) error {
	if err := upsert(ctx, i, i.addedSeats); err != nil {
		return err
	}
	slices.SortFunc(i.changedSeats, func(a, b *changedSeats) int {
		if a.EditionID.IsZero() != b.EditionID.IsZero() {
			return bytes.Compare(b.EditionID[:], a.EditionID[:])
		}
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	for _, s := range i.changedSeats {
		seats, err := i.db.lockSeats(ctx, i.tx, i.now, "id", s.ID)
		if err != nil {
			return err
		}
		s.change(seats.Seats)
		if err := i.db.settleLine(ctx, i.tx, i.now, seats); err != nil {
			return err
		}
		if err := seats.confirmHeld(ctx, i.tx, i.now); err != nil {
			return err
		}
		i.wrote(1)
	}
	return nil
}
