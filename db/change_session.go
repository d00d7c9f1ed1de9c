package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// ChangeSessionInput changes a session; nil fields stay as they are.
type ChangeSessionInput struct {
	SessionID     ID
	Title         *string
	Abstract      *string // "" takes it away
	Day           *Date   // at the same times
	StartsAtLocal *LocalTime
	EndsAtLocal   *LocalTime // without it the session keeps its length
	RoomID        *ID
}

// SessionClash is a session that some people of another have a place in, at the same time.
type SessionClash struct {
	Session *Session
	People  int // with a place or in the line of both
}

// ChangeSession renames or moves a session and tells those concerned. What is inside a block moves along with its start. People
// may get two sessions at the same time by it: nobody loses a place, and the clashes are returned.
func (d *DB) ChangeSession(ctx context.Context, actor Actor, in ChangeSessionInput, session, clash Shape) (*Session, []*SessionClash, error) {
	var moved []ID
	s, err := d.changeSession(ctx, actor, in.SessionID, "change session", session, func(_ time.Time, c *editionChange, s *Session) error {
		if s.Cancelled() || c.edition.Status == EditionCancelled {
			return problem(CodeConflict, "input.sessionId", "This session was cancelled and cannot be changed.")
		}
		if err := c.applySession(s, in); err != nil {
			return err
		}
		moved = nil
		for _, s := range c.sessions {
			if was := c.were[s.ID]; s.movedFrom(&was) {
				moved = append(moved, s.ID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	clashes, err := d.clashesOf(ctx, actor, moved, clash)
	return s, clashes, err
}

// CancelSession calls a session off, with what is inside it, and tells those concerned. Nobody can register for it any more.
// Cancelling again changes nothing.
func (d *DB) CancelSession(ctx context.Context, actor Actor, id ID, shape Shape) (*Session, error) {
	return d.changeSession(ctx, actor, id, "cancel session", shape, func(now time.Time, c *editionChange, s *Session) error {
		if c.before.editions[c.edition.ID].Sessions[s.ID.String()].over(now) {
			return problem(CodeDeadline, "input.sessionId", "This session is over.")
		}
		c.cancel(now, s)
		return nil
	})
}

// cancel calls a session off, with what is inside it.
func (c *editionChange) cancel(now time.Time, s *Session) {
	for _, each := range c.sessions {
		if (each == s || each.ParentID == s.ID) && !each.Cancelled() {
			each.CancelledAt = &now
		}
	}
}

// ReopenSession makes a session take place that was cancelled, with what was cancelled along with it, and tells those concerned.
// Free places go to those who wait.
func (d *DB) ReopenSession(ctx context.Context, actor Actor, id ID, shape Shape) (*Session, error) {
	return d.changeSession(ctx, actor, id, "reopen session", shape, func(now time.Time, c *editionChange, s *Session) error {
		if !s.Cancelled() {
			return nil
		}
		if c.before.editions[c.edition.ID].Sessions[s.ID.String()].over(now) {
			return problem(CodeDeadline, "input.sessionId", "This session would be over.")
		}
		was := *s.CancelledAt
		for _, each := range c.sessions {
			switch {
			case each.ID == s.ParentID && each.Cancelled():
				return problem(CodeConflict, "input.sessionId", "Reopen the block %q that this is inside of.", each.Title)
			case (each == s || each.ParentID == s.ID) && each.Cancelled() && each.CancelledAt.Equal(was):
				each.CancelledAt = nil
			}
		}
		return c.settle(func(*Session, string) string { return "input.sessionId" })
	})
}

func (d *DB) changeSession(ctx context.Context, actor Actor, id ID, action string, shape Shape, change func(time.Time, *editionChange, *Session) error) (*Session, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		known, err := byID[Session](ctx, tx, []ID{id})
		if err != nil {
			return err
		}
		if known[id] == nil {
			return noSession()
		}
		c, err := d.openEdition(ctx, tx, now, actor, known[id].EditionID)
		if err != nil {
			return err
		}
		if c == nil {
			return noSession()
		}
		for _, s := range c.sessions {
			if s.ID == id {
				if err := change(now, c, s); err != nil {
					return err
				}
			}
		}
		return d.closeEdition(ctx, tx, now, actor, c, action, id)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	v := d.view(actor)
	sessions, err := v.loadSessions(ctx, []ID{id}, shape)
	return sessions[id], v.finish(ctx, err)
}

// applySession changes one session.
func (c *editionChange) applySession(s *Session, in ChangeSessionInput) error {
	if problems := append(in.reword(s), c.move(s, in)...); len(problems) > 0 {
		return problems
	}
	return c.settle(func(_ *Session, part string) string { return in.field(part) })
}

// reword changes the texts of a session.
func (in ChangeSessionInput) reword(s *Session) (problems Errors) {
	if in.Title != nil {
		problems = append(problems, checkLine("input.title", *in.Title, true)...)
		s.Title = *in.Title
	}
	if in.Abstract != nil {
		problems = append(problems, checkText("input.abstract", *in.Abstract)...)
		s.Abstract = optional(*in.Abstract)
	}
	return problems
}

// field is the input field that a part of a session is wrong by.
func (in ChangeSessionInput) field(part string) string {
	switch {
	case part == "room" && in.RoomID != nil:
		return "input.roomId"
	case part == "ends" && in.EndsAtLocal != nil:
		return "input.endsAtLocal"
	case in.StartsAtLocal != nil:
		return "input.startsAtLocal"
	case in.Day != nil:
		return "input.day"
	}
	return "input.endsAtLocal"
}

// move puts a session elsewhere or at another time, and what is inside it along.
func (c *editionChange) move(s *Session, in ChangeSessionInput) (problems Errors) {
	starts, ends, was := in.StartsAtLocal, in.EndsAtLocal, s.StartsAtLocal
	switch {
	case in.Day != nil && (starts != nil || ends != nil):
		problems = append(problems, problem(CodeInvalid, "input.day", "Leave out the day; the times say it."))
	case in.Day != nil && s.StartsAtLocal == nil && !s.ParentID.IsZero():
		problems = append(problems, problem(CodeInvalid, "input.day", "Move the block that this is inside of; it is on the same day."))
	case ends != nil && starts == nil && was == nil:
		problems = append(problems, problem(CodeRequired, "input.startsAtLocal", "Say as well when it starts."))
	case starts != nil && ends == nil && was == nil:
		problems = append(problems, problem(CodeRequired, "input.endsAtLocal", "Say as well when it ends."))
	case in.Day != nil:
		c.shift(s, time.Duration(daysBetween(s.Date, *in.Day))*24*time.Hour)
	case starts != nil && was != nil:
		c.shift(s, starts.time().Sub(was.time()))
	case starts != nil:
		s.StartsAtLocal, s.Date = starts, starts.Date()
	}
	if ends != nil {
		s.EndsAtLocal = ends
	}
	if in.RoomID != nil {
		if s.RoomID = *in.RoomID; c.rooms[s.RoomID] == nil {
			problems = append(problems, problem(CodeNotFound, "input.roomId", "There is no such room in this edition."))
		}
	}
	return problems
}

// shift moves a session, and what is inside it.
func (c *editionChange) shift(s *Session, by time.Duration) {
	for _, each := range c.sessions {
		if each == s || each.ParentID == s.ID {
			each.shift(by)
		}
	}
}

// shift moves a session by the clock at the venue; one without times only by whole days.
func (s *Session) shift(by time.Duration) {
	if s.StartsAtLocal == nil {
		s.Date = DateOf(s.Date.Time().Add(by))
		return
	}
	starts, ends := s.StartsAtLocal.add(by), s.EndsAtLocal.add(by)
	s.StartsAtLocal, s.EndsAtLocal, s.Date = &starts, &ends, starts.Date()
}

// time returns the local time as if it were UTC, for calculations.
func (t LocalTime) time() time.Time {
	at, _ := time.Parse(localLayout, string(t))
	return at
}

func (t LocalTime) add(by time.Duration) LocalTime {
	return LocalTime(t.time().Add(by).Format(localLayout))
}

const localLayout = "2006-01-02T15:04"

// clashesOf returns the sessions that people of the moved ones are in at the same time.
func (d *DB) clashesOf(ctx context.Context, actor Actor, moved []ID, shape Shape) ([]*SessionClash, error) {
	if len(moved) == 0 {
		return nil, nil
	}
	v := d.view(actor)
	var rows []struct {
		ID     ID
		People int
	}
	if err := v.tx.NewSelect().TableExpr("sessions AS moved").ColumnExpr("other.id, count(DISTINCT theirs.person_id) AS people").
		Join("JOIN seats AS moved_seats ON moved_seats.session_id = moved.id").
		Join("JOIN registrations AS theirs ON theirs.seats_id = moved_seats.id AND theirs.status IN (?)", bun.List(active)).
		Join("JOIN registrations AS same ON same.person_id = theirs.person_id AND same.status IN (?)", bun.List(active)).
		Join("JOIN seats AS other_seats ON other_seats.id = same.seats_id").
		Join("JOIN sessions AS other ON other.id = other_seats.session_id AND other.edition_id = moved.edition_id").
		Where("moved.id IN (?)", bun.List(moved)).Where("other.id <> moved.id").Where("other.cancelled_at IS NULL").
		Where("other.starts_at < moved.ends_at").Where("other.ends_at > moved.starts_at").
		GroupExpr("other.id, other.position").OrderExpr("other.position").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("clashes: %w", err)
	}
	clashes := make([]*SessionClash, len(rows))
	ids := make([]ID, len(rows))
	for i, row := range rows {
		clashes[i], ids[i] = &SessionClash{People: row.People}, row.ID
	}
	sessions, err := v.loadSessions(ctx, ids, shape.Of("session"))
	for i, id := range ids {
		clashes[i].Session = sessions[id]
	}
	return clashes, v.finish(ctx, err)
}
