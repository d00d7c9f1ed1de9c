package db

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// editionChange is an edition with its programme, locked, while it is changed.
type editionChange struct {
	edition  *Edition
	stored   Edition
	sessions []*Session // in order, blocks before what is inside them
	were     map[ID]Session
	rooms    map[ID]*Room
	seats    []*Seats // of new sessions
	zone     *time.Location
	before   *changing
}

// openEdition locks an edition for a change; nil when there is none that the actor organises.
func (d *DB) openEdition(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, id ID) (*editionChange, error) {
	before, err := d.beforeChange(ctx, tx, now, []ID{id}, nil)
	if err != nil {
		return nil, err
	}
	edition := new(Edition)
	ok, err := found(tx.NewSelect().Model(edition).Where("id = ?", id).Scan(ctx))
	if err != nil {
		return nil, fmt.Errorf("edition: %w", err)
	}
	if !ok || !actor.organisesEdition(id, edition.PartnershipID, edition.HostID) {
		return nil, nil
	}
	changes, err := agendas(ctx, tx, []*Edition{edition})
	if err != nil {
		return nil, err
	}
	changes[id].before = before
	return changes[id], nil
}

// agendas reads the programmes of editions.
func agendas(ctx context.Context, tx bun.IDB, editions []*Edition) (map[ID]*editionChange, error) {
	ids := bun.List(idsOf(editions))
	var sessions []*Session
	if err := tx.NewSelect().Model(&sessions).Where("edition_id IN (?)", ids).Order("position").Scan(ctx); err != nil {
		return nil, fmt.Errorf("programmes: %w", err)
	}
	var rooms []*Room
	if err := tx.NewSelect().Model(&rooms).Where("edition_id IN (?)", ids).Scan(ctx); err != nil {
		return nil, fmt.Errorf("rooms: %w", err)
	}
	all := make(map[ID]*editionChange, len(editions))
	for _, e := range editions {
		zone, err := programme.Zone(e.TimeZone)
		if err != nil {
			return nil, err
		}
		all[e.ID] = &editionChange{edition: e, stored: *e, were: map[ID]Session{}, rooms: map[ID]*Room{}, zone: zone}
	}
	for _, r := range rooms {
		all[r.EditionID].rooms[r.ID] = r
	}
	for _, s := range sessions {
		c := all[s.EditionID]
		c.sessions, c.were[s.ID] = append(c.sessions, s), *s
	}
	return all, nil
}

// closeEdition writes what was changed, and tells those concerned.
func (d *DB) closeEdition(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, c *editionChange, action string, record ID) error {
	c.sort()
	var changed []*Session
	for _, s := range c.sessions {
		if !reflect.DeepEqual(*s, c.were[s.ID]) {
			changed = append(changed, s)
		}
	}
	same := reflect.DeepEqual(*c.edition, c.stored)
	if same && len(changed) == 0 {
		return nil
	}
	if _, err := tx.NewUpdate().Model(c.edition).Column("title", "status", "year", "starts_on", "ends_on", "sorts_on",
		"venue_name", "venue_address", "venue_city", "venue_country").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("change edition: %w", err)
	}
	writing := &importing{db: d, tx: tx, now: now}
	writing.searchable = []ID{c.edition.ID}
	if err := upsert(ctx, writing, changed, "title", "abstract", "day", "starts_local", "ends_local", "starts_at", "ends_at", "room_id",
		"position", "cancelled_at"); err != nil {
		return err
	}
	if err := upsert(ctx, writing, c.seats); err != nil {
		return err
	}
	if err := writing.writeSearch(ctx); err != nil {
		return err
	}
	if err := audit(ctx, tx, now, actor, action, record); err != nil {
		return err
	}
	return d.afterChange(ctx, tx, now, c.before)
}

// over reports whether the edition has ended.
func (c *editionChange) over(now time.Time) bool {
	return c.before.editions[c.edition.ID].Meeting.over(now)
}

// apply changes the edition itself.
func (c *editionChange) apply(in ChangeEditionInput) error {
	e := c.edition
	first, last, problems := movedDays(in.StartsOn, in.EndsOn, e.StartsOn, e.EndsOn)
	if in.Title != nil {
		problems = append(problems, checkLine("input.title", *in.Title, true)...)
		e.Title = *in.Title
	}
	problems = append(problems, in.Venue.check()...)
	if len(problems) > 0 {
		return problems
	}
	in.Venue.set(&e.VenueName, &e.VenueAddress, &e.VenueCity, &e.VenueCountry)
	if first == nil {
		return nil
	}
	shift := 0
	if e.StartsOn != nil {
		shift = daysBetween(*e.StartsOn, *first)
	}
	e.StartsOn, e.EndsOn, e.SortsOn, e.Year = first, last, *first, first.Time().Year()
	for _, s := range c.sessions {
		if shift != 0 {
			s.shift(time.Duration(shift) * 24 * time.Hour)
		}
	}
	field := "input.endsOn"
	if in.EndsOn == nil {
		field = "input.startsOn"
	}
	return c.settle(func(s *Session, _ string) string { return field })
}

// settle derives the instants of the sessions that were moved and refuses what no programme can be. Field names the input
// field for a problem of a session, by which part of it is wrong.
func (c *editionChange) settle(field func(s *Session, part string) string) error {
	var problems Errors
	refuse := func(s *Session, part, format string, args ...any) {
		problems = append(problems, problem(CodeInvalid, field(s, part), format, args...))
	}
	byID := make(map[ID]*Session, len(c.sessions))
	for _, s := range c.sessions {
		byID[s.ID] = s
	}
	for _, s := range c.sessions {
		block := byID[s.ParentID]
		if s.StartsAtLocal == nil && block != nil {
			s.Date = block.Date
		}
		if s.StartsAtLocal != nil {
			if part, err := s.setInstants(c.zone); err != nil {
				refuse(s, part, "Choose another time for %q; the clocks skip this one.", s.Title)
				continue
			}
		}
		switch was := c.were[s.ID]; {
		case c.edition.StartsOn == nil:
		case s.Date < *c.edition.StartsOn || s.Date > *c.edition.EndsOn:
			refuse(s, "day", "Keep %q on a day of the edition, %s to %s; this would be %s.", s.Title, *c.edition.StartsOn, *c.edition.EndsOn, s.Date)
		case s.StartsAtLocal == nil:
		case !s.StartsAt.Before(*s.EndsAt):
			refuse(s, "ends", "Let %q end later than it starts.", s.Title)
		case string(*s.EndsAtLocal) > string(c.edition.EndsOn.AddDays(1))+"T06:00":
			refuse(s, "ends", "Let %q end by 06:00 on the day after the last day of the edition.", s.Title)
		case block != nil && block.StartsAtLocal != nil && (s.StartsAt.Before(*block.StartsAt) || s.EndsAt.After(*block.EndsAt)):
			refuse(s, "starts", "Keep %q inside its block %q, from %s to %s.", s.Title, block.Title, *block.StartsAtLocal, *block.EndsAtLocal)
		case block != nil && block.StartsAtLocal == nil && s.Date != block.Date:
			refuse(s, "starts", "Keep %q on the day of its block %q, %s.", s.Title, block.Title, block.Date)
		case was.RoomID != s.RoomID || s.movedFrom(&was) || was.Cancelled() && !s.Cancelled():
			if other := c.inRoom(s); other != nil {
				refuse(s, "room", "Choose another room or time for %q; %q is in this room until %s.", s.Title, other.Title, *other.EndsAtLocal)
			}
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// movedFrom reports whether the session is at a time at which it was not.
func (s *Session) movedFrom(was *Session) bool {
	return s.StartsAt != nil && (was.StartsAt == nil || !s.StartsAt.Equal(*was.StartsAt) || !s.EndsAt.Equal(*was.EndsAt))
}

// inRoom returns a session that is in the room of another at the same time. A session may share the room with its block.
func (c *editionChange) inRoom(s *Session) *Session {
	for _, other := range c.sessions {
		if other != s && !s.RoomID.IsZero() && other.RoomID == s.RoomID && other.ID != s.ParentID && other.ParentID != s.ID &&
			!s.Cancelled() && !other.Cancelled() && s.overlaps(other) {
			return other
		}
	}
	return nil
}

// setInstants derives the instants of a session with times; after an error part says which time is none.
func (s *Session) setInstants(zone *time.Location) (part string, err error) {
	starts, err := programme.Instant(string(*s.StartsAtLocal), zone)
	if err != nil {
		return "starts", err
	}
	ends, err := programme.Instant(string(*s.EndsAtLocal), zone)
	if err != nil {
		return "ends", err
	}
	// An instant that stays keeps its value, so that nothing seems changed.
	if s.StartsAt == nil || !starts.Equal(*s.StartsAt) {
		s.StartsAt = &starts
	}
	if s.EndsAt == nil || !ends.Equal(*s.EndsAt) {
		s.EndsAt = &ends
	}
	return "", nil
}

// sort gives the sessions their positions anew: by day and time, blocks before what is inside them.
func (c *editionChange) sort() {
	a := &agenda{items: map[ID]*item{}}
	last := map[ID]*item{} // of each block
	for _, s := range slices.SortedStableFunc(slices.Values(c.sessions), func(a, b *Session) int {
		return cmp.Or(cmp.Compare(depth(a), depth(b)), cmp.Compare(a.Position, b.Position))
	}) {
		it := &item{row: s, parent: a.items[s.ParentID]}
		a.add(it, last[s.ParentID])
		last[s.ParentID] = it
	}
	for position, it := range a.inOrder() {
		it.row.Position = position
	}
}

func depth(s *Session) int {
	if s.ParentID.IsZero() {
		return 0
	}
	return 1
}
