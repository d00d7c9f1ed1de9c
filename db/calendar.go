package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Calendar is what a program that subscribed gets to see: appointments and their state at this moment, in no language but that of
// the meetings, and no word about anybody.
type Calendar struct {
	Title        string // "" for the calendar of a person
	Appointments []*Appointment
}

// Appointment is an edition, a session of one, or a course run. None is a draft.
type Appointment struct {
	Edition      *Edition // nil for a course run
	Session      *Session // with room; nil for the edition itself
	CourseRun    *CourseRun
	Hours        []Hours       // of each day of the edition that the programme gives times for
	Registration *Registration // whose calendar it is in; nil in the calendars of editions and partnerships
	Sequence     int           // as in the mails about the same (RFC 5545)
	ChangedAt    time.Time     // what calendars tell of it
}

// about is what an appointment is, as calendars know it.
func (a *Appointment) about() ID {
	switch {
	case a.Session != nil:
		return a.Session.ID
	case a.Edition != nil:
		return a.Edition.ID
	}
	return a.CourseRun.ID
}

// EditionCalendar returns an edition and what is on its programme with known times; nil when there is no such edition, or
// nobody may know of it yet.
func (d *DB) EditionCalendar(ctx context.Context, id ID) (*Calendar, error) {
	v := d.view(Actor{})
	editions, err := v.loadEditions(ctx, []ID{id}, nil)
	if err != nil || editions[id] == nil {
		return nil, err
	}
	e := editions[id]
	var sessions []*Session
	if err := v.tx.NewSelect().Model(&sessions).Relation("Room").Where("session.edition_id = ?", id).
		Where("session.starts_at IS NOT NULL").Order("session.position").Scan(ctx); err != nil {
		return nil, fmt.Errorf("sessions of a calendar: %w", err)
	}
	c := &Calendar{Title: e.Title, Appointments: []*Appointment{{Edition: e}}}
	for _, s := range sessions {
		c.Appointments = append(c.Appointments, &Appointment{Edition: e, Session: s})
	}
	return c, v.completeCalendar(ctx, c)
}

// PartnershipCalendar returns the editions of a partnership whose days are known, without their programmes; nil when there is no
// such partnership.
func (d *DB) PartnershipCalendar(ctx context.Context, id ID) (*Calendar, error) {
	v := d.view(Actor{})
	partnerships, err := byID[Partnership](ctx, v.tx, []ID{id})
	if err != nil || partnerships[id] == nil {
		return nil, err
	}
	var editions []*Edition
	if err := v.visible(v.tx.NewSelect().Model(&editions)).Where("edition.partnership_id = ?", id).
		Where("edition.starts_on IS NOT NULL").Order("edition.sorts_on", "edition.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("editions of a calendar: %w", err)
	}
	c := &Calendar{Title: partnerships[id].Name}
	for _, e := range editions {
		c.Appointments = append(c.Appointments, &Appointment{Edition: e})
	}
	return c, v.completeCalendar(ctx, c)
}

// PersonCalendar returns what the person is registered for to whom the token of CalendarToken leads: places, offers of places and
// waiting lists. What the person gave up is not in it, what was called off is. It is nil when the token leads to nobody.
func (d *DB) PersonCalendar(ctx context.Context, token string) (*Calendar, error) {
	person, err := d.calendarOwner(ctx, token)
	if person == nil || err != nil {
		return nil, err
	}
	v := d.view(Actor{})
	var rows []*Registration
	if err := v.tx.NewSelect().Model(&rows).Where("person_id = ?", person.ID).Where("status IN (?)", bun.List(active)).Order("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("registrations of a calendar: %w", err)
	}
	if err := v.sequences(ctx, rows); err != nil {
		return nil, err
	}
	seats, err := byID[Seats](ctx, v.tx, idsBy(rows, func(r *Registration) ID { return r.SeatsID }))
	if err != nil {
		return nil, err
	}
	sessions, err := v.loadSessions(ctx, idsBy(values(seats), func(s *Seats) ID { return s.SessionID }), Shape{"room": nil})
	if err != nil {
		return nil, err
	}
	editionIDs := idsBy(values(seats), func(s *Seats) ID { return s.EditionID })
	editions, err := v.loadEditions(ctx, append(editionIDs, idsBy(values(sessions), func(s *Session) ID { return s.EditionID })...), nil)
	if err != nil {
		return nil, err
	}
	runs, err := v.loadCourseRuns(ctx, idsBy(values(seats), func(s *Seats) ID { return s.CourseRunID }), Shape{"course": nil})
	if err != nil {
		return nil, err
	}
	c := new(Calendar)
	for _, r := range rows {
		s := seats[r.SeatsID]
		a := &Appointment{Registration: r, Session: sessions[s.SessionID], CourseRun: runs[s.CourseRunID], Edition: editions[s.EditionID]}
		if a.Session != nil {
			a.Edition = editions[a.Session.EditionID]
		}
		lapsed := r.Status == Offered && !v.now.Before(*r.OfferExpiresAt)
		if a.Edition == nil && a.CourseRun == nil || lapsed { // the meeting is a draft again
			continue
		}
		c.Appointments = append(c.Appointments, a)
	}
	return c, v.completeCalendar(ctx, c)
}

// completeCalendar completes appointments with hours and versions.
func (v view) completeCalendar(ctx context.Context, c *Calendar) error {
	entries, err := v.calendarEntries(ctx, idsBy(c.Appointments, (*Appointment).about))
	if err != nil {
		return err
	}
	var editions, registrations []ID
	for _, a := range c.Appointments {
		if a.Edition != nil && a.Session == nil {
			editions = append(editions, a.Edition.ID)
		}
		if a.Registration != nil {
			registrations = append(registrations, a.Registration.ID)
		}
	}
	hours, err := v.hours(ctx, editions)
	if err != nil {
		return err
	}
	told, err := v.lastTold(ctx, registrations)
	if err != nil {
		return err
	}
	for _, a := range c.Appointments {
		entry := entries[a.about()]
		a.Sequence, a.ChangedAt = entry.Sequence, entry.ChangedAt
		if a.Edition != nil && a.Session == nil {
			a.Hours = hours[a.Edition.ID]
		}
		if r := a.Registration; r != nil {
			a.Sequence = r.Sequence
			a.ChangedAt = slices.MaxFunc([]time.Time{entry.ChangedAt, r.RegisteredAt, told[r.ID]}, time.Time.Compare)
		}
	}
	return v.finish(ctx, nil)
}

// lastTold returns when the latest mail about each registration was made: whatever becomes of one is told.
func (v view) lastTold(ctx context.Context, registrations []ID) (map[ID]time.Time, error) {
	if len(registrations) == 0 {
		return nil, nil
	}
	var rows []*Delivery
	if err := v.tx.NewSelect().Model(&rows).Column("registration_id", "created_at").Where("registration_id IN (?)", bun.List(registrations)).
		Order("created_at").Scan(ctx); err != nil {
		return nil, fmt.Errorf("mails about registrations: %w", err)
	}
	last := map[ID]time.Time{}
	for _, row := range rows {
		last[row.RegistrationID] = row.CreatedAt
	}
	return last, nil
}
