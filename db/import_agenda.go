package db

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// agenda is the programme of an edition that is being imported: the sessions of the file and those that only the database knows.
type agenda struct {
	edition *Edition
	path    string
	zone    *time.Location
	top     []*item
	items   map[ID]*item // all of them
	problem func(path, message string, args ...any)
}

// item is a session on an agenda.
type item struct {
	row      *Session
	path     string // in the file; "" for one that only the database knows
	parent   *item
	children []*item
	shifted  bool // whether the day or the instants are no longer those in the database
}

// add puts an item into its block behind another item there, or in front when that isn't there.
func (a *agenda) add(it, behind *item) {
	list := &a.top
	if it.parent != nil {
		list = &it.parent.children
		it.row.ParentID = it.parent.row.ID
	}
	*list = slices.Insert(*list, slices.Index(*list, behind)+1, it)
	a.items[it.row.ID] = it
}

// state adds a session of the file behind those before it in its block, nil for none, and sets its day and times.
func (a *agenda) state(block *item, row *Session, s *programme.Session, path string) (*item, error) {
	it := &item{row: row, path: path, parent: block}
	switch {
	case s.Starts != "":
		starts, ends := LocalTime(s.Starts), LocalTime(s.Ends)
		row.Date, row.StartsAtLocal, row.EndsAtLocal = starts.Date(), &starts, &ends
		if err := a.setInstants(row); err != nil {
			return nil, fmt.Errorf("session %s: %w", s.Key, err)
		}
	case block != nil:
		row.Date = block.row.Date
	default:
		row.Date = Date(s.Day)
	}
	last := a.top
	if block != nil {
		last = block.children
	}
	var behind *item
	if len(last) > 0 {
		behind = last[len(last)-1]
	}
	a.add(it, behind)
	return it, nil
}

func (a *agenda) setInstants(row *Session) error {
	starts, err := programme.Instant(string(*row.StartsAtLocal), a.zone)
	if err != nil {
		return err
	}
	ends, err := programme.Instant(string(*row.EndsAtLocal), a.zone)
	row.StartsAt, row.EndsAt = &starts, &ends
	return err
}

// merge adds those of the sessions in the database, which are in their order, that the file doesn't state. Each goes behind the
// one it follows there.
func (a *agenda) merge(known []*Session) {
	previous := map[ID]*item{} // by block
	for _, row := range known {
		it := a.items[row.ID]
		block := row.ParentID
		if it == nil {
			it = &item{row: row, parent: a.items[block]}
			a.add(it, previous[block])
			a.keep(it)
		}
		previous[block] = it
	}
}

// keep brings a session that only the database knows in line with what the file says of its edition and block, and reports when
// it cannot be.
func (a *agenda) keep(it *item) {
	row, block, was := it.row, it.parent, *it.row
	conflict := func(path, reason string, args ...any) {
		a.problem(path, "Add the session %q to the file, or change this back; it is known from an earlier import and %s.", row.Key, fmt.Sprintf(reason, args...))
	}
	if row.StartsAtLocal != nil {
		if a.setInstants(row) != nil {
			conflict(a.path+".timeZone", "the clocks skip its times in this time zone")
			return
		}
		it.shifted = !row.StartsAt.Equal(*was.StartsAt) || !row.EndsAt.Equal(*was.EndsAt)
	} else if block != nil {
		row.Date = block.row.Date
		it.shifted = row.Date != was.Date
	}
	switch first, last := a.edition.StartsOn, a.edition.EndsOn; {
	case first == nil:
		conflict(a.path, "an edition with sessions has days")
		return
	case row.Date < *first || row.Date > *last:
		conflict(a.path+".startsOn", "is on %s", row.Date)
		return
	}
	if block == nil || block.path == "" {
		return
	}
	switch timed := block.row.StartsAtLocal != nil; {
	case block.parent != nil:
		conflict(block.path, "is inside this one, which cannot be inside another")
	case row.StartsAtLocal == nil:
	case timed && (row.StartsAt.Before(*block.row.StartsAt) || row.EndsAt.After(*block.row.EndsAt)), !timed && row.Date != block.row.Date:
		conflict(block.path, "is inside this one, but from %s to %s", *row.StartsAtLocal, *row.EndsAtLocal)
	}
}

// clashes reports the sessions of the file that are in a room while one that only the database knows is. A session may share the
// room with its block. [programme.Parse] reports those of the file among each other.
func (a *agenda) clashes() {
	all := a.inOrder()
	inRoom := groupBy(all, func(it *item) ID { return it.row.RoomID })
	for _, it := range all {
		if it.path == "" || it.row.RoomID.IsZero() {
			continue
		}
		for _, other := range inRoom[it.row.RoomID] {
			if other.path == "" && !other.row.Cancelled() && other.parent != it && it.parent != other && it.row.overlaps(other.row) {
				a.problem(it.path+".room", "Choose another room or time, or add the session %q to the file with another one; it is known from an earlier import and in this room until %s.",
					other.row.Key, *other.row.EndsAtLocal)
				break
			}
		}
	}
}

// overlaps reports whether two sessions are known to be on at the same time.
func (s *Session) overlaps(other *Session) bool {
	return s.StartsAt != nil && other.StartsAt != nil && s.StartsAt.Before(*other.EndsAt) && other.StartsAt.Before(*s.EndsAt)
}

// inOrder returns all items by day and start, each block followed by what is inside it.
func (a *agenda) inOrder() []*item {
	var all []*item
	for _, it := range byTime(a.top) {
		all = append(append(all, it), byTime(it.children)...)
	}
	return all
}

// byTime sorts items by day and start. Those without times stay in their order, behind everything that is before them in the list
// and on the same day.
func byTime(list []*item) []*item {
	starts := make(map[*item]LocalTime, len(list))
	latest := map[Date]LocalTime{}
	for _, it := range list {
		if it.row.StartsAtLocal != nil {
			latest[it.row.Date] = max(latest[it.row.Date], *it.row.StartsAtLocal)
			starts[it] = *it.row.StartsAtLocal
		} else {
			starts[it] = latest[it.row.Date]
		}
	}
	return slices.SortedStableFunc(slices.Values(list), func(a, b *item) int {
		return cmp.Or(cmp.Compare(a.row.Date, b.row.Date), cmp.Compare(starts[a], starts[b]))
	})
}
