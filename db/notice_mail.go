package db

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Notice is what a mail tells its reader about a change.
type Notice struct {
	Changes []Change // the meeting itself first; empty when the reader has nothing to be told any more
	Entries []Entry  // the reader's calendar entries that are no longer right
	// AsCoordinator says that the reader neither has a place nor is asked to answer, but coordinates for the mail's delegation.
	AsCoordinator bool
}

// Change is a meeting, or an item on its programme, that is no longer as its reader was told.
type Change struct {
	Session     *Session // with room; nil when it is the meeting itself
	New         bool     // nothing was told of it; then Before is empty
	Before, Now Facts
}

// Entry is a calendar entry to be replaced, or to be struck out when what it is about is called off.
type Entry struct {
	Registration *Registration
	Session      *Session // with room; nil when it is a place in the meeting itself
	Cancelled    bool
}

// noticed compares the notices of mails with what is true now, for each of their readers.
func (v view) noticed(ctx context.Context, mails []*Mail, notices map[ID]*notice) error {
	if len(notices) == 0 {
		return nil
	}
	before := make(map[ID]*told, len(notices))
	for id, n := range notices {
		before[id] = new(told)
		if err := json.Unmarshal([]byte(n.Facts), before[id]); err != nil {
			return fmt.Errorf("read facts of a notice: %w", err)
		}
	}
	editions, err := v.facts(ctx, idsBy(values(notices), func(n *notice) ID { return n.EditionID }))
	if err != nil {
		return err
	}
	runs, err := v.runFacts(ctx, idsBy(values(notices), func(n *notice) ID { return n.CourseRunID }))
	if err != nil {
		return err
	}
	places, err := v.placesOf(ctx, mails)
	if err != nil {
		return err
	}
	coordinators, err := delegationCoordinators(ctx, v.tx, "id", idsBy(mails, func(m *Mail) ID { return m.Delivery.DelegationID }))
	if err != nil {
		return err
	}
	for _, m := range mails {
		n := notices[m.Delivery.NoticeID]
		if n == nil {
			continue
		}
		now := editions[n.EditionID]
		if now == nil {
			now = runs[n.CourseRunID]
		}
		r := reader{places: map[ID]*Registration{}, invited: m.pending}
		for _, p := range places[m.Delivery.PersonID] {
			switch {
			case p.EditionID != n.EditionID || p.CourseRunID != n.CourseRunID:
			case !p.RegisteredAt.After(n.CreatedAt):
				r.places[p.SessionID] = &p.Registration
			default: // the confirmation told it as it is
				r.invited = false
			}
		}
		r.coordinates = slices.ContainsFunc(coordinators, func(c *delegationCoordinator) bool {
			return c.DelegationID == m.Delivery.DelegationID && c.PersonID == m.Delivery.PersonID && !c.InvitedAt.After(n.CreatedAt)
		})
		m.Notice = &Notice{AsCoordinator: r.coordinates && !r.invited && r.places[ID{}] == nil}
		if now != nil {
			m.Notice.Changes = r.changes(now, before[n.ID], now.since(before[n.ID], v.now))
			m.Notice.Entries = r.entries(now, before[n.ID], v.now)
		}
	}
	return nil
}

// reader is what ties the reader of a mail to a meeting.
type reader struct {
	places      map[ID]*Registration // by session; of the meeting itself under the zero ID
	invited     bool                 // and has not answered
	coordinates bool                 // for a delegation
}

// changes returns what concerns the reader of what has changed.
func (r reader) changes(now, before *told, changed difference) (all []Change) {
	here := r.places[ID{}] != nil
	if (here || r.coordinates) && (changed.own || changed.hours) || !here && r.invited && changed.own {
		all = append(all, Change{Before: before.Meeting, Now: now.Meeting})
	}
	for _, id := range changed.sessions {
		if r.coordinates || here && (r.places[id] != nil || !now.seated[id] || changed.added[id]) {
			all = append(all, Change{Session: now.sessions[id], New: changed.added[id], Before: before.Sessions[id.String()], Now: now.Sessions[id.String()]})
		}
	}
	return all
}

// entries returns the reader's calendar entries that are no longer right.
func (r reader) entries(now, before *told, at time.Time) (all []Entry) {
	add := func(session *Session, id ID) {
		if place := r.places[id]; place != nil && place.Status == Confirmed && !now.sameEntry(before, id, at) {
			all = append(all, Entry{Registration: place, Session: session, Cancelled: now.Meeting.Cancelled || session != nil && session.Cancelled()})
		}
	}
	add(nil, ID{})
	for _, session := range now.inOrder() {
		add(session, session.ID)
	}
	return all
}

// ownPlace is a registration and what it is for.
type ownPlace struct {
	Registration
	EditionID   ID // also of a session's edition
	CourseRunID ID
	SessionID   ID
}

// placesOf loads the registrations of the readers of notices, with what they are for.
func (v view) placesOf(ctx context.Context, mails []*Mail) (map[ID][]*ownPlace, error) {
	var people []ID
	for _, m := range mails {
		if !m.Delivery.NoticeID.IsZero() {
			people = append(people, m.Delivery.PersonID)
		}
	}
	var rows []*ownPlace
	if err := v.tx.NewSelect().TableExpr("registrations AS registration").ColumnExpr("registration.*").
		ColumnExpr("coalesce(seats.edition_id, session.edition_id) AS edition_id, seats.course_run_id, seats.session_id").
		Join("JOIN seats ON seats.id = registration.seats_id").Join("LEFT JOIN sessions AS session ON session.id = seats.session_id").
		Where("registration.person_id IN (?)", bun.List(distinct(people))).Where("registration.status IN (?)", bun.List(active)).
		OrderExpr("session.position").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("places of readers: %w", err)
	}
	registrations := make([]*Registration, len(rows))
	for i, row := range rows {
		registrations[i] = &row.Registration
	}
	if err := v.sequences(ctx, registrations); err != nil {
		return nil, err
	}
	return groupBy(rows, func(p *ownPlace) ID { return p.PersonID }), nil
}
