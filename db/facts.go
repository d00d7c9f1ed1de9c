package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Facts are what people are told about a meeting or an item on its programme: what, when, where, and whether it is on.
type Facts struct {
	Title        string
	Year         int  // of an edition
	StartsOn     Date // "" when only the year is known
	EndsOn       Date
	TimeZone     string
	Hours        []Hours // of each day that times are known of
	VenueName    string
	VenueAddress string
	VenueCity    string
	Room         string // of an item on the programme
	Cancelled    bool
}

// told are all facts about a meeting at one moment.
type told struct {
	Meeting  Facts
	Sessions map[string]Facts // by id

	public   bool
	sessions map[ID]*Session // with rooms, as they are now
	seated   map[ID]bool     // sessions with seats of their own
}

// sameOwn reports whether nothing was changed but, perhaps, the hours.
func (f Facts) sameOwn(other Facts) bool {
	return f.Title == other.Title && f.Year == other.Year && f.StartsOn == other.StartsOn && f.EndsOn == other.EndsOn && f.TimeZone == other.TimeZone &&
		f.VenueName == other.VenueName && f.VenueAddress == other.VenueAddress && f.VenueCity == other.VenueCity && f.Room == other.Room &&
		f.Cancelled == other.Cancelled
}

// sameHours reports whether the hours that are not over are the same.
func (f Facts) sameHours(other Facts, now time.Time) bool {
	ahead := func(all []Hours) []Hours {
		return slices.DeleteFunc(slices.Clone(all), func(h Hours) bool { return !h.Ends.After(now) })
	}
	return slices.EqualFunc(ahead(f.Hours), ahead(other.Hours), func(a, b Hours) bool { return a.Starts.Equal(b.Starts) && a.Ends.Equal(b.Ends) })
}

// over reports whether it has ended, as far as is known when.
func (f Facts) over(now time.Time) bool {
	ends := time.Date(f.Year+1, 1, 1, 0, 0, 0, 0, time.UTC)
	if f.EndsOn != "" {
		ends = startOfDay(f.EndsOn.AddDays(1), f.TimeZone)
	}
	if n := len(f.Hours); n > 0 && (f.StartsOn == f.EndsOn || f.Hours[n-1].Ends.After(ends)) {
		ends = f.Hours[n-1].Ends
	}
	return !now.Before(ends)
}

// clock is what the clocks at the venue show of the hours, on which day of the meeting.
func (f Facts) clock(first Date) (clock []string, day int) {
	zone, err := time.LoadLocation(f.TimeZone)
	if err != nil {
		zone = time.UTC // the import refuses unknown zones
	}
	for _, h := range f.Hours {
		clock = append(clock, h.Starts.In(zone).Format(time.TimeOnly), h.Ends.In(zone).Format(time.TimeOnly))
	}
	return clock, int(f.StartsOn.Time().Sub(first.Time()) / (24 * time.Hour))
}

// sameItem reports whether an item on the programme is as it was, or has only moved along with the days of its meeting.
func (t *told) sameItem(now *told, id string) bool {
	a, known := t.Sessions[id]
	b := now.Sessions[id]
	if !known || a.Title != b.Title || a.Room != b.Room || a.Cancelled != b.Cancelled {
		return !known && b.Cancelled // what is new and off need not be told
	}
	clockA, dayA := a.clock(t.Meeting.StartsOn)
	clockB, dayB := b.clock(now.Meeting.StartsOn)
	return dayA == dayB && slices.Equal(clockA, clockB)
}

// difference is what is no longer as it was told.
type difference struct {
	own      bool        // the meeting's name, days or place, or whether it is on
	hours    bool        // from when till when it is on its days, which follows from the programme
	sessions []ID        // items that are new or changed, other than along with the meeting
	added    map[ID]bool // those of them that are new
}

func (x difference) none() bool { return !x.own && !x.hours && len(x.sessions) == 0 }

// since returns what has changed since the facts were as before, of what is not over. A meeting that is off has no programme.
func (t *told) since(before *told, now time.Time) (x difference) {
	if before.Meeting.over(now) && t.Meeting.over(now) || before.Meeting.Cancelled && t.Meeting.Cancelled {
		return difference{}
	}
	x.own = !before.Meeting.sameOwn(t.Meeting)
	x.hours = !before.Meeting.sameHours(t.Meeting, now)
	if t.Meeting.Cancelled {
		return x
	}
	listed := map[ID]bool{}
	x.added = map[ID]bool{}
	for _, s := range t.inOrder() {
		if listed[s.ParentID] && !t.seated[s.ID] && t.follows(before, s) {
			continue
		}
		a, known := before.Sessions[s.ID.String()]
		b := t.Sessions[s.ID.String()]
		if !before.sameItem(t, s.ID.String()) && !(a.over(now) && b.over(now)) && !(a.Cancelled && b.Cancelled) {
			x.sessions, listed[s.ID] = append(x.sessions, s.ID), true
			if !known {
				x.added[s.ID] = true
			}
		}
	}
	return x
}

// follows reports whether an item inside a block has only moved along with it, is called off with it, or is new with it.
func (t *told) follows(before *told, s *Session) bool {
	item, block := s.ID.String(), s.ParentID.String()
	a, known := before.Sessions[item]
	b := t.Sessions[item]
	if !known {
		_, known = before.Sessions[block]
		return !known
	}
	if b.Cancelled {
		return t.Sessions[block].Cancelled
	}
	startA, lengthA := a.within(before.Sessions[block])
	startB, lengthB := b.within(t.Sessions[block])
	return a.Title == b.Title && a.Room == b.Room && a.Cancelled == b.Cancelled && startA == startB && lengthA == lengthB
}

// within is how long after its block an item begins, and how long it takes.
func (f Facts) within(block Facts) (start, length time.Duration) {
	if len(f.Hours) == 0 || len(block.Hours) == 0 {
		return 0, 0
	}
	return f.Hours[0].Starts.Sub(block.Hours[0].Starts), f.Hours[0].Ends.Sub(f.Hours[0].Starts)
}

func (t *told) inOrder() []*Session {
	return slices.SortedFunc(slices.Values(values(t.sessions)), func(a, b *Session) int { return a.Position - b.Position })
}

// sameEntry reports whether the entry in somebody's calendar is still right: of a place in the session, or in the meeting for
// the zero ID.
func (t *told) sameEntry(before *told, session ID, now time.Time) bool {
	if session.IsZero() {
		return before.Meeting.sameOwn(t.Meeting) && before.Meeting.sameHours(t.Meeting, now)
	}
	a, known := before.Sessions[session.String()]
	b := t.Sessions[session.String()]
	return !known || a.Cancelled && b.Cancelled || before.Meeting.sameOwn(t.Meeting) && a.sameOwn(b) && a.sameHours(b, now)
}

// facts reads what is told of editions at this moment.
func (v view) facts(ctx context.Context, editions []ID) (map[ID]*told, error) {
	rows, err := byID[Edition](ctx, v.tx, editions)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	hours, err := v.hours(ctx, idsOf(values(rows)))
	if err != nil {
		return nil, err
	}
	all := make(map[ID]*told, len(rows))
	for id, e := range rows {
		t := &told{public: e.Status != EditionDraft, Sessions: map[string]Facts{}, sessions: map[ID]*Session{}, seated: map[ID]bool{}}
		t.Meeting = Facts{
			Title: e.Title, Year: e.Year, TimeZone: e.TimeZone, Hours: hours[id], VenueName: e.VenueName, VenueAddress: e.VenueAddress,
			VenueCity: e.VenueCity, Cancelled: e.Status == EditionCancelled,
		}
		if e.StartsOn != nil {
			t.Meeting.StartsOn, t.Meeting.EndsOn = *e.StartsOn, *e.EndsOn
		}
		all[id] = t
	}
	var sessions []*Session
	if err := v.tx.NewSelect().Model(&sessions).Relation("Room").Where("session.edition_id IN (?)", bun.List(idsOf(values(rows)))).Scan(ctx); err != nil {
		return nil, fmt.Errorf("facts of sessions: %w", err)
	}
	for _, s := range sessions {
		t := all[s.EditionID]
		f := Facts{Title: s.Title, StartsOn: s.Date, EndsOn: s.Date, TimeZone: t.Meeting.TimeZone, Cancelled: s.Cancelled()}
		if s.StartsAt != nil {
			f.Hours = []Hours{{Starts: *s.StartsAt, Ends: *s.EndsAt}}
		}
		if s.Room != nil {
			f.Room = s.Room.Name
		}
		t.Sessions[s.ID.String()], t.sessions[s.ID] = f, s
	}
	var seated []*Seats
	if err := v.tx.NewSelect().Model(&seated).Column("session_id", "session.edition_id").Join("JOIN sessions AS session ON session.id = seats.session_id").
		Where("session.edition_id IN (?)", bun.List(idsOf(values(rows)))).Scan(ctx); err != nil {
		return nil, fmt.Errorf("sessions with seats: %w", err)
	}
	for _, s := range seated {
		all[s.EditionID].seated[s.SessionID] = true
	}
	return all, nil
}

// runFacts reads what is told of course runs at this moment.
func (v view) runFacts(ctx context.Context, runs []ID) (map[ID]*told, error) {
	rows, err := byID[CourseRun](ctx, v.tx, runs)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	courses, err := byID[Course](ctx, v.tx, idsBy(values(rows), func(r *CourseRun) ID { return r.CourseID }))
	if err != nil {
		return nil, err
	}
	all := make(map[ID]*told, len(rows))
	for id, r := range rows {
		all[id] = &told{public: r.Status != RunDraft, Meeting: Facts{
			Title: courses[r.CourseID].Title, StartsOn: r.StartsOn, EndsOn: r.EndsOn, TimeZone: r.TimeZone, VenueName: r.VenueName,
			VenueAddress: r.VenueAddress, VenueCity: r.VenueCity, Cancelled: r.Status == RunCancelled,
		}}
	}
	return all, nil
}
