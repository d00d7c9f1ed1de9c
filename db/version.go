package db

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// What outsiders see of a programme is always its latest version. Whatever changes what a version tells of a public programme
// makes the next one, in the transaction of the change: publishing what was prepared, a change that takes effect at once, an
// import. notice.go tells those registered of the same difference. A version is never rewritten, so it names nobody: speakers stand
// in it by the ids of their contributions.

// ProgrammeVersion is the programme of an edition as it was published at one moment.
type ProgrammeVersion struct {
	bun.BaseModel `bun:"table:programme_versions,alias:version"`

	EditionID   ID  `bun:",pk"`
	Number      int `bun:",pk"` // from 1, without gaps
	PublishedAt time.Time
	Items       string // as JSON, in the order of the programme

	// Changes are what is different from the version before; everything is new in the first.
	Changes []*ProgrammeChange `bun:"-"`
}

// ProgrammeItem is what a version tells of a session.
type ProgrammeItem struct {
	Session       string // its id
	Title         string
	Date          Date
	StartsAtLocal *LocalTime // nil when only the order was known
	EndsAtLocal   *LocalTime
	Room          *string
	Cancelled     bool
	Speakers      []string `json:",omitempty"` // ids of contributions
}

// ProgrammeChange is a session that is not in one version as it is in another.
type ProgrammeChange struct {
	SessionID ID
	Kinds     []ProgrammeChangeKind // at least one
	Before    *ProgrammeItem        // nil for a new one
	Now       *ProgrammeItem
}

// ProgrammeChangeKind is what about a session has changed.
type ProgrammeChangeKind string

// The kinds of changes.
const (
	ItemNew       ProgrammeChangeKind = "NEW"
	ItemMoved     ProgrammeChangeKind = "MOVED"
	ItemRelocated ProgrammeChangeKind = "RELOCATED"
	ItemRetitled  ProgrammeChangeKind = "RETITLED"
	ItemCancelled ProgrammeChangeKind = "CANCELLED"
	ItemReopened  ProgrammeChangeKind = "REOPENED"
	ItemSpeakers  ProgrammeChangeKind = "SPEAKERS"
)

// programmeChanges returns what is different from one version to another, in the order of the later one. Sessions are never taken
// off a programme: they are cancelled.
func programmeChanges(before, now []*ProgrammeItem) []*ProgrammeChange {
	was := make(map[string]*ProgrammeItem, len(before))
	for _, item := range before {
		was[item.Session] = item
	}
	changes := []*ProgrammeChange{}
	for _, item := range now {
		if kinds := item.since(was[item.Session]); len(kinds) > 0 {
			changes = append(changes, &ProgrammeChange{SessionID: ParseID(item.Session), Kinds: kinds, Before: was[item.Session], Now: item})
		}
	}
	return changes
}

// since returns what has changed about a session.
func (p *ProgrammeItem) since(was *ProgrammeItem) (kinds []ProgrammeChangeKind) {
	add := func(kind ProgrammeChangeKind, changed bool) {
		if changed {
			kinds = append(kinds, kind)
		}
	}
	if was == nil {
		add(ItemNew, true)
		add(ItemCancelled, p.Cancelled)
		return kinds
	}
	add(ItemMoved, p.Date != was.Date || !same(p.StartsAtLocal, was.StartsAtLocal) || !same(p.EndsAtLocal, was.EndsAtLocal))
	add(ItemRelocated, !same(p.Room, was.Room))
	add(ItemRetitled, p.Title != was.Title)
	add(ItemCancelled, p.Cancelled && !was.Cancelled)
	add(ItemReopened, !p.Cancelled && was.Cancelled)
	add(ItemSpeakers, !slices.Equal(p.Speakers, was.Speakers))
	return kinds
}

// same reports whether both are nil, or both the same.
func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// item is what a version tells of the session.
func (s *Session) item(room *Room, speakers []string) *ProgrammeItem {
	p := &ProgrammeItem{
		Session: s.ID.String(), Title: s.Title, Date: s.Date, StartsAtLocal: s.StartsAtLocal, EndsAtLocal: s.EndsAtLocal,
		Cancelled: s.Cancelled(), Speakers: speakers,
	}
	if room != nil {
		p.Room = &room.Name
	}
	return p
}

// recordProgrammes makes the next version of every public programme that is not as its latest version tells it.
func recordProgrammes(ctx context.Context, tx bun.Tx, now time.Time, editions map[ID]*told) error {
	public := slices.DeleteFunc(inOrderOfID(editions), func(id ID) bool { return !editions[id].public })
	if len(public) == 0 {
		return nil
	}
	var latest []*ProgrammeVersion
	if err := tx.NewSelect().Model(&latest).Where("edition_id IN (?)", bun.List(public)).
		Where("number = (SELECT max(number) FROM programme_versions AS other WHERE other.edition_id = version.edition_id)").Scan(ctx); err != nil {
		return fmt.Errorf("latest versions of programmes: %w", err)
	}
	var contributions []*Contribution
	if err := tx.NewSelect().Model(&contributions).Column("id", "session_id").
		Where("session_id IN (SELECT id FROM sessions WHERE edition_id IN (?))", bun.List(public)).Order("id").Scan(ctx); err != nil {
		return fmt.Errorf("speakers of programmes: %w", err)
	}
	speakers := map[ID][]string{}
	for _, c := range contributions {
		speakers[c.SessionID] = append(speakers[c.SessionID], c.ID.String())
	}
	former := groupBy(latest, func(v *ProgrammeVersion) ID { return v.EditionID })
	var versions []*ProgrammeVersion
	for _, id := range public {
		next, before := &ProgrammeVersion{EditionID: id, Number: 1, PublishedAt: now}, []*ProgrammeItem(nil)
		for _, v := range former[id] {
			var err error
			if before, err = v.read(); err != nil {
				return err
			}
			next.Number = v.Number + 1
		}
		items := []*ProgrammeItem{}
		for _, s := range editions[id].inOrder() {
			items = append(items, s.item(s.Room, speakers[s.ID]))
		}
		if len(programmeChanges(before, items)) == 0 {
			continue
		}
		text, err := json.Marshal(items)
		if err != nil {
			return fmt.Errorf("write a programme: %w", err)
		}
		next.Items = string(text)
		versions = append(versions, next)
	}
	return insertAll(ctx, tx, versions)
}

// listedVersions is how many versions of a programme are listed.
const listedVersions = 20

// ProgrammeVersions returns the latest twenty versions of the programme of an edition, the latest first.
func (d *DB) ProgrammeVersions(ctx context.Context, actor Actor, e *Edition) ([]*ProgrammeVersion, error) {
	return together(e.siblings, e.ID, "programmeVersions", func(ids []ID) (map[ID][]*ProgrammeVersion, error) {
		v := d.view(actor)
		var rows []*ProgrammeVersion
		if err := v.tx.NewSelect().Model(&rows).Where("edition_id IN (?)", bun.List(ids)).
			Where("number >= (SELECT max(number) FROM programme_versions AS other WHERE other.edition_id = version.edition_id) - ?", listedVersions).
			Order("number").Scan(ctx); err != nil {
			return nil, fmt.Errorf("versions of programmes: %w", err)
		}
		all := groupBy(rows, func(v *ProgrammeVersion) ID { return v.EditionID })
		for id, versions := range all {
			var before []*ProgrammeItem
			for _, version := range versions {
				now, err := version.read()
				if err != nil {
					return nil, err
				}
				version.Changes, before = programmeChanges(before, now), now
			}
			// One more was read, for the changes since.
			versions = versions[max(0, len(versions)-listedVersions):]
			slices.Reverse(versions)
			all[id] = versions
		}
		return all, v.finish(ctx, nil)
	})
}

// ProgrammeChanges returns what has changed on the programme of an edition from one version to another, the latest when until is
// nil. Version 0 is that of an empty programme, and a number that is too high stands for the latest version.
func (d *DB) ProgrammeChanges(ctx context.Context, actor Actor, e *Edition, since int, until *int) ([]*ProgrammeChange, error) {
	switch {
	case since < 0:
		return nil, problem(CodeInvalid, "since", "Give the number of a version, or 0 for everything.")
	case until != nil && *until < since:
		return nil, problem(CodeInvalid, "until", "Give a version that is not before %d.", since)
	}
	last := maxVersion
	if until != nil {
		last = *until
	}
	return together(e.siblings, e.ID, fmt.Sprintf("programmeChanges %d %d", since, last), func(ids []ID) (map[ID][]*ProgrammeChange, error) {
		v := d.view(actor)
		at := func(number int) (map[ID][]*ProgrammeItem, error) {
			var rows []*ProgrammeVersion
			if err := v.tx.NewSelect().Model(&rows).Where("edition_id IN (?)", bun.List(ids)).
				Where("number = (SELECT max(number) FROM programme_versions AS other WHERE other.edition_id = version.edition_id AND other.number <= ?)", number).
				Scan(ctx); err != nil {
				return nil, fmt.Errorf("versions of programmes: %w", err)
			}
			items := make(map[ID][]*ProgrammeItem, len(rows))
			for _, row := range rows {
				var err error
				if items[row.EditionID], err = row.read(); err != nil {
					return nil, err
				}
			}
			return items, nil
		}
		before, err := at(since)
		if err != nil {
			return nil, err
		}
		now, err := at(last)
		if err != nil {
			return nil, err
		}
		changes := make(map[ID][]*ProgrammeChange, len(ids))
		for _, id := range ids {
			changes[id] = programmeChanges(before[id], now[id])
		}
		return changes, v.finish(ctx, nil)
	})
}

// maxVersion is above every number of a version.
const maxVersion = 1<<31 - 1

func (v *ProgrammeVersion) read() (items []*ProgrammeItem, err error) {
	if err = json.Unmarshal([]byte(v.Items), &items); err != nil {
		err = fmt.Errorf("read a programme: %w", err)
	}
	return items, err
}
