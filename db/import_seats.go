package db

import (
	"cmp"
	"context"

	"github.com/uptrace/bun"
)

// importedSeats are the places in what a file holds. Sessions have seats once a file states a capacity.
type importedSeats struct {
	seats        []*Seats // as they should be
	addedSeats   []*Seats
	resizedSeats map[ID]*int // their capacity
}

func (i *importing) planSeats(ctx context.Context) error {
	known := map[ID]*Seats{} // by edition, session or run
	for column, owner := range map[bun.Ident]func(*Seats) ID{
		"edition_id":    func(s *Seats) ID { return s.EditionID },
		"session_id":    func(s *Seats) ID { return s.SessionID },
		"course_run_id": func(s *Seats) ID { return s.CourseRunID },
	} {
		rows, err := selectBy[*Seats](ctx, i, column, distinct(idsBy(i.seats, owner)))
		if err != nil {
			return err
		}
		for _, row := range rows {
			known[owner(row)] = row
		}
	}
	i.resizedSeats = map[ID]*int{}
	for _, s := range i.seats {
		had := known[cmp.Or(s.EditionID, s.SessionID, s.CourseRunID)]
		switch {
		case had == nil && (s.Capacity != nil || s.SessionID.IsZero()):
			s.ID = NewID(KindSeats, i.now)
			s.Policy, s.Line, s.OfferHours = PolicyAutomatic, FirstCome, defaultOfferHours
			i.addedSeats = append(i.addedSeats, s)
		case had != nil && !sameLimit(had.Capacity, s.Capacity):
			i.resizedSeats[had.ID] = s.Capacity
		}
	}
	return nil
}

func sameLimit(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }

// writeSeats adds seats and gives others another capacity, under the lock of their counters. Nobody loses a place; who waits
// moves up into places that were added while registration is open.
func (i *importing) writeSeats(ctx context.Context) error {
	if err := upsert(ctx, i, i.addedSeats); err != nil {
		return err
	}
	for _, id := range inOrderOfID(i.resizedSeats) {
		seats, err := i.db.lockSeats(ctx, i.tx, i.now, "id", id)
		if err != nil {
			return err
		}
		seats.Capacity = i.resizedSeats[id]
		if err := i.db.settleLine(ctx, i.tx, i.now, seats); err != nil {
			return err
		}
	}
	return nil
}
