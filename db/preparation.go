package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Preparing the next version of a programme: new sessions and changes that organisers alone see until they are published together.
// What is prepared stands beside the programme and not in it, so that nothing that reads the programme can give it away.

// preparation is a session as it shall be. Nil fields stay as they are when it is published.
type preparation struct {
	bun.BaseModel `bun:"table:preparations,alias:preparation"`

	SessionID     ID `bun:",pk"`
	EditionID     ID
	Kind          *SessionKind // of a new session; nil for one that is on the programme
	ParentID      ID           `bun:",nullzero"`
	Title         *string
	Abstract      *string
	Date          *Date      `bun:"day"`
	StartsAtLocal *LocalTime `bun:"starts_local"`
	EndsAtLocal   *LocalTime `bun:"ends_local"`
	RoomID        *ID
	Capacity      *int
	Cancelled     bool
}

// PrepareSessionInput is a session that shall be new on a programme.
type PrepareSessionInput struct {
	EditionID     ID
	ParentID      *ID // the block that it is inside of
	Kind          SessionKind
	Title         string
	Abstract      *string
	Day           *Date // when there are no times
	StartsAtLocal *LocalTime
	EndsAtLocal   *LocalTime
	RoomID        *ID
	Capacity      *int // nil: nobody registers for it
}

// PrepareChangeInput is a change that a session shall have; nil fields stay as they are, or as they were prepared before.
type PrepareChangeInput struct {
	SessionID     ID
	Title         *string
	Abstract      *string
	Day           *Date
	StartsAtLocal *LocalTime
	EndsAtLocal   *LocalTime
	RoomID        *ID
	Cancelled     *bool // calls it off; false takes that back
}

// PrepareSession prepares a new session for the next version of the programme, and returns the id that it will have.
func (d *DB) PrepareSession(ctx context.Context, actor Actor, in PrepareSessionInput, shape Shape) (ID, *Edition, error) {
	var id ID
	e, err := d.prepare(ctx, actor, "prepare session", func(context.Context, bun.Tx) (ID, error) { return in.EditionID, nil }, noEdition(), shape,
		func(ctx context.Context, tx bun.Tx, now time.Time, c *editionChange, all []*preparation) error {
			id = NewID(KindSession, now)
			p := &preparation{
				SessionID: id, EditionID: in.EditionID, Kind: &in.Kind, Title: &in.Title, Abstract: in.Abstract, Date: in.Day,
				StartsAtLocal: in.StartsAtLocal, EndsAtLocal: in.EndsAtLocal, RoomID: in.RoomID, Capacity: in.Capacity,
			}
			if in.ParentID != nil {
				p.ParentID = *in.ParentID
			}
			if in.Capacity != nil && (*in.Capacity < 0 || *in.Capacity > 1_000_000) {
				return problem(CodeInvalid, "input.capacity", "Give a number of places from 0 to 1,000,000, or none.")
			}
			return c.prepare(ctx, tx, now, append(all, p), p)
		})
	if err != nil {
		return ID{}, nil, err
	}
	return id, e, nil
}

// PrepareChange prepares a change of a session, or of one that is itself prepared, for the next version of the programme.
func (d *DB) PrepareChange(ctx context.Context, actor Actor, in PrepareChangeInput, shape Shape) (*Edition, error) {
	return d.prepare(ctx, actor, "prepare change", editionOf(in.SessionID), noSession(), shape,
		func(ctx context.Context, tx bun.Tx, now time.Time, c *editionChange, all []*preparation) error {
			at := slices.IndexFunc(all, func(p *preparation) bool { return p.SessionID == in.SessionID })
			if at < 0 {
				at, all = len(all), append(all, &preparation{SessionID: in.SessionID, EditionID: c.edition.ID})
			}
			p := all[at]
			if was, ok := c.were[in.SessionID]; ok && was.Cancelled() {
				return problem(CodeConflict, "input.sessionId", "This session was cancelled and cannot be changed.")
			}
			if in.Cancelled != nil && *in.Cancelled && p.Kind != nil {
				return problem(CodeConflict, "input.cancelled", "This session is not published yet; discard it instead.")
			}
			p.take(in)
			return c.prepare(ctx, tx, now, all, p)
		})
}

// DiscardPreparation takes back what was prepared for a session. A session that would have been new is gone by it.
func (d *DB) DiscardPreparation(ctx context.Context, actor Actor, session ID, shape Shape) (*Edition, error) {
	return d.prepare(ctx, actor, "discard preparation", editionOf(session), noSession(), shape,
		func(ctx context.Context, tx bun.Tx, now time.Time, c *editionChange, all []*preparation) error {
			for _, p := range all {
				if p.ParentID == session {
					return problem(CodeConflict, "input.sessionId", "Discard first what is inside it: %q.", *p.Title)
				}
			}
			if _, err := tx.NewDelete().Model((*preparation)(nil)).Where("session_id = ?", session).Exec(ctx); err != nil {
				return fmt.Errorf("discard preparation: %w", err)
			}
			return nil
		})
}

// PublishProgramme publishes a draft edition, and everything that is prepared for its programme, at once; people who are
// registered are told what changed. It returns the sessions that people of a moved one are in at the same time, as [DB.ChangeSession]
// does. With nothing prepared for a public edition it changes nothing.
func (d *DB) PublishProgramme(ctx context.Context, actor Actor, id ID, shape, clash Shape) (*Edition, []*SessionClash, error) {
	var moved []ID
	e, err := d.changeEdition(ctx, actor, id, "publish programme", shape, func(ctx context.Context, tx bun.Tx, now time.Time, c *editionChange) error {
		if c.edition.Status == EditionCancelled {
			return problem(CodeConflict, "input.editionId", "This edition was cancelled; reopen it before publishing its programme.")
		}
		c.edition.Status = EditionPublished
		all, err := preparations(ctx, tx, []ID{id})
		if err != nil || len(all) == 0 {
			return err
		}
		if err := c.arrange(now, all, func(*Session, string) string { return "input.editionId" }); err != nil {
			// Where it was prepared something was wrong with another input than this one.
			problems, _ := AsErrors(err)
			for _, p := range problems {
				p.Field = noEdition().Field
			}
			return err
		}
		moved = nil
		for _, s := range c.sessions {
			if was, known := c.were[s.ID]; known && s.movedFrom(&was) {
				moved = append(moved, s.ID)
			}
		}
		if _, err := tx.NewDelete().Model((*preparation)(nil)).Where("edition_id = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("clear preparations: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	clashes, err := d.clashesOf(ctx, actor, moved, clash)
	return e, clashes, err
}

func noEdition() *Error {
	return problem(CodeNotFound, "input.editionId", "There is no such edition, or none that you organise.")
}

func noSession() *Error {
	return problem(CodeNotFound, "input.sessionId", "There is no such session, or none of an edition that you organise.")
}

// editionOf finds the edition of a session, or of one that is prepared; the zero ID when there is none.
func editionOf(session ID) func(context.Context, bun.Tx) (ID, error) {
	return func(ctx context.Context, tx bun.Tx) (edition ID, err error) {
		_, err = found(tx.NewRaw(`SELECT edition_id FROM sessions WHERE id = ?0 UNION SELECT edition_id FROM preparations WHERE session_id = ?0`, session).
			Scan(ctx, &edition))
		if err != nil {
			err = fmt.Errorf("edition of the session: %w", err)
		}
		return edition, err
	}
}

// prepare locks an edition with what is prepared for it, and lets change prepare something else.
func (d *DB) prepare(ctx context.Context, actor Actor, action string, edition func(context.Context, bun.Tx) (ID, error), missing *Error, shape Shape,
	change func(context.Context, bun.Tx, time.Time, *editionChange, []*preparation) error) (*Edition, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	var id ID
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) (err error) {
		if id, err = edition(ctx, tx); err != nil {
			return err
		}
		c, err := d.openEdition(ctx, tx, now, actor, id)
		switch {
		case err != nil:
			return err
		case c == nil:
			return missing
		case c.edition.Status == EditionCancelled:
			return problem(CodeConflict, strings.Join(missing.Field, "."), "This edition was cancelled; reopen it before changing its programme.")
		}
		all, err := preparations(ctx, tx, []ID{id})
		if err != nil {
			return err
		}
		if err := change(ctx, tx, now, c, all); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, action, id)
	})
	if err != nil {
		return nil, err
	}
	return d.Edition(ctx, actor, id, shape)
}

// preparations reads what is prepared for editions.
func preparations(ctx context.Context, tx bun.IDB, editions []ID) (all []*preparation, err error) {
	if err = tx.NewSelect().Model(&all).Where("edition_id IN (?)", bun.List(editions)).Order("session_id").Scan(ctx); err != nil {
		err = fmt.Errorf("preparations: %w", err)
	}
	return all, err
}

// prepare checks everything that is prepared together, and writes the one that is new or changed.
func (c *editionChange) prepare(ctx context.Context, tx bun.Tx, now time.Time, all []*preparation, p *preparation) error {
	in := p.change()
	if err := c.arrange(now, all, func(_ *Session, part string) string { return in.field(part) }); err != nil {
		return err
	}
	if _, err := tx.NewInsert().Model(p).On("CONFLICT (session_id) DO UPDATE").Set("title = EXCLUDED.title").Set("abstract = EXCLUDED.abstract").
		Set("day = EXCLUDED.day").Set("starts_local = EXCLUDED.starts_local").Set("ends_local = EXCLUDED.ends_local").
		Set("room_id = EXCLUDED.room_id").Set("cancelled = EXCLUDED.cancelled").Exec(ctx); err != nil {
		return fmt.Errorf("write preparation: %w", err)
	}
	return nil
}

// arrange makes the programme what it shall be: first the new blocks, then what is inside them; blocks before what moves along
// with them.
func (c *editionChange) arrange(now time.Time, all []*preparation, field func(s *Session, part string) string) error {
	byID := make(map[ID]*Session, len(c.sessions)+len(all))
	for _, s := range c.sessions {
		byID[s.ID] = s
	}
	var problems Errors
	for _, p := range slices.SortedStableFunc(slices.Values(all), func(a, b *preparation) int { return cmp.Compare(a.depth(), b.depth()) }) {
		if p.Kind != nil {
			problems = append(problems, c.add(now, p, byID)...)
		}
	}
	if len(problems) > 0 {
		return problems
	}
	for _, s := range slices.SortedStableFunc(slices.Values(c.sessions), func(a, b *Session) int { return cmp.Compare(depth(a), depth(b)) }) {
		for _, p := range all {
			if p.SessionID != s.ID {
				continue
			}
			in := p.change()
			problems = append(append(problems, in.reword(s)...), c.move(s, in)...)
			if p.Cancelled {
				c.cancel(now, s)
			}
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return c.settle(field)
}

// add puts a new session on the programme, without its times.
func (c *editionChange) add(now time.Time, p *preparation, byID map[ID]*Session) (problems Errors) {
	block := byID[p.ParentID]
	s := &Session{
		ID: p.SessionID, Key: p.SessionID.uuid(), EditionID: p.EditionID, ParentID: p.ParentID, Kind: *p.Kind, Languages: c.edition.Languages,
		Position: len(c.sessions),
	}
	switch {
	case c.edition.StartsOn == nil:
		return Errors{problem(CodeConflict, "input.editionId", "Say first on which days the edition is.")}
	case !p.ParentID.IsZero() && block == nil:
		return Errors{problem(CodeNotFound, "input.parentId", "There is no such session in this edition.")}
	case block != nil && !block.ParentID.IsZero():
		return Errors{problem(CodeInvalid, "input.parentId", "Choose a session that is not inside a block itself; %q is.", block.Title)}
	case block != nil && block.Cancelled():
		return Errors{problem(CodeConflict, "input.parentId", "Reopen the block %q, or choose another for %q; it was cancelled.", block.Title, *p.Title)}
	case block != nil:
		s.Date = block.Date
	case p.Date != nil:
		s.Date = *p.Date
	case p.StartsAtLocal == nil:
		return Errors{problem(CodeRequired, "input.startsAtLocal", "Say when it starts, or at least on which day it is.")}
	}
	c.sessions, byID[s.ID] = append(c.sessions, s), s
	if p.Capacity != nil {
		c.seats = append(c.seats, &Seats{
			ID: NewID(KindSeats, now), SessionID: s.ID, Capacity: p.Capacity, Policy: PolicyAutomatic, Line: FirstCome, OfferHours: defaultOfferHours,
		})
	}
	return nil
}

func (p *preparation) depth() int {
	if p.ParentID.IsZero() {
		return 0
	}
	return 1
}

// change is what is prepared, as a change of the session. The day of a new session without times is there from the beginning.
func (p *preparation) change() ChangeSessionInput {
	in := ChangeSessionInput{
		SessionID: p.SessionID, Title: p.Title, Abstract: p.Abstract, StartsAtLocal: p.StartsAtLocal, EndsAtLocal: p.EndsAtLocal, RoomID: p.RoomID,
	}
	if p.Kind == nil {
		in.Day = p.Date
	}
	return in
}

// take changes what is prepared. A day and times exclude each other: the last word counts.
func (p *preparation) take(in PrepareChangeInput) {
	p.Title, p.Abstract, p.RoomID = cmp.Or(in.Title, p.Title), cmp.Or(in.Abstract, p.Abstract), cmp.Or(in.RoomID, p.RoomID)
	if in.StartsAtLocal != nil || in.EndsAtLocal != nil {
		p.Date = nil
	}
	if in.Day != nil {
		p.Date, p.StartsAtLocal, p.EndsAtLocal = in.Day, nil, nil
	}
	p.StartsAtLocal, p.EndsAtLocal = cmp.Or(in.StartsAtLocal, p.StartsAtLocal), cmp.Or(in.EndsAtLocal, p.EndsAtLocal)
	if in.Cancelled != nil {
		p.Cancelled = *in.Cancelled
	}
}

// prepared returns, for each edition that has any, what would change if its programme were published now.
func (v view) prepared(ctx context.Context, editions []*Edition) (map[ID][]*ProgrammeChange, error) {
	if len(editions) == 0 {
		return nil, nil
	}
	all, err := preparations(ctx, v.tx, idsOf(editions))
	if err != nil {
		return nil, err
	}
	programmes, err := agendas(ctx, v.tx, editions)
	if err != nil {
		return nil, err
	}
	of := groupBy(all, func(p *preparation) ID { return p.EditionID })
	changes := make(map[ID][]*ProgrammeChange, len(programmes))
	for id, c := range programmes {
		before := c.items()
		// What does not fit any more, since the programme changed, is shown all the same: publishing says what is wrong.
		if err := c.arrange(v.now, of[id], func(*Session, string) string { return "" }); err != nil {
			if _, expected := AsErrors(err); !expected {
				return nil, err
			}
		}
		c.sort()
		slices.SortFunc(c.sessions, func(a, b *Session) int { return a.Position - b.Position })
		changes[id] = programmeChanges(before, c.items())
	}
	return changes, nil
}

// items are the programme as a version would tell it, but for the speakers.
func (c *editionChange) items() []*ProgrammeItem {
	items := make([]*ProgrammeItem, len(c.sessions))
	for i, s := range c.sessions {
		items[i] = s.item(c.rooms[s.RoomID], nil)
	}
	return items
}
