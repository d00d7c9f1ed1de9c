package db

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// What calendars know of a meeting, of a session or of a course run is one entry (RFC 5545), in the mail of an invitation, in the
// mails about a place, and in feeds. Programs keep the version with the highest SEQUENCE, so it must never fall for anybody:
//
//	invitation, public feed      how often the meeting was changed
//	place, feed of a person      the same, and one for each earlier place of the person there and for each that was given up
type calendarEntry struct {
	bun.BaseModel `bun:"table:calendar_entries,alias:entry"`

	ID        ID `bun:",pk"` // of the edition, the session or the course run
	Sequence  int
	ChangedAt time.Time // what is told of it: its text may have been reworded since
}

func (e *calendarEntry) id() ID { return e.ID }

// reviseEntries gives what a change has made wrong in calendars its next sequence. The edition or the course run is locked.
func reviseEntries(ctx context.Context, tx bun.Tx, now time.Time, n *notice, before, after *told) error {
	var wrong []ID
	if !after.sameEntry(before, ID{}, now) {
		wrong = append(wrong, cmp.Or(n.EditionID, n.CourseRunID))
	}
	for id := range after.sessions {
		if !after.sameEntry(before, id, now) {
			wrong = append(wrong, id)
		}
	}
	var rows []*calendarEntry
	for _, id := range distinct(wrong) {
		rows = append(rows, &calendarEntry{ID: id, Sequence: 1, ChangedAt: now})
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.NewInsert().Model(&rows).On("CONFLICT (id) DO UPDATE").Set("sequence = entry.sequence + 1").
		Set("changed_at = excluded.changed_at").Exec(ctx); err != nil {
		return fmt.Errorf("revise calendar entries: %w", err)
	}
	return nil
}

// calendarEntries returns the versions of what is named, also of what never changed.
func (v view) calendarEntries(ctx context.Context, of []ID) (map[ID]calendarEntry, error) {
	of = distinct(of)
	changed, err := byID[calendarEntry](ctx, v.tx, of)
	if err != nil {
		return nil, fmt.Errorf("calendar entries: %w", err)
	}
	all := make(map[ID]calendarEntry, len(of))
	for _, id := range of {
		if e := changed[id]; e != nil {
			all[id] = *e
		} else {
			all[id] = calendarEntry{ID: id, ChangedAt: id.created()}
		}
	}
	return all, nil
}

// sequences completes registrations with the sequence of their calendar entries.
func (v view) sequences(ctx context.Context, rows []*Registration) error {
	if len(rows) == 0 {
		return nil
	}
	var more []struct {
		ID ID
		N  int
	}
	if err := v.tx.NewSelect().Model((*Registration)(nil)).Column("registration.id").
		ColumnExpr(`coalesce(entry.sequence, 0) + coalesce((SELECT sum(earlier.calendar_sequence + 1) FROM registrations AS earlier
			WHERE earlier.person_id = registration.person_id AND earlier.seats_id = registration.seats_id AND earlier.ticket < registration.ticket), 0) AS n`).
		Join("JOIN seats ON seats.id = registration.seats_id").
		Join("LEFT JOIN calendar_entries AS entry ON entry.id = coalesce(seats.edition_id, seats.session_id, seats.course_run_id)").
		Where("registration.id IN (?)", bun.List(idsOf(rows))).Scan(ctx, &more); err != nil {
		return fmt.Errorf("sequences of calendar entries: %w", err)
	}
	of := make(map[ID]int, len(more))
	for _, m := range more {
		of[m.ID] = m.N
	}
	for _, row := range rows {
		row.Sequence = row.CalendarSequence + of[row.ID]
	}
	return nil
}
