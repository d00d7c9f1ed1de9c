package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Session is an item on the programme of an edition. Its local times and the edition's time zone are the truth; the instants
// are derived from them.
type Session struct {
	bun.BaseModel `bun:"table:sessions,alias:session"`

	ID            ID `bun:",pk"`
	Key           string
	EditionID     ID
	ParentID      ID `bun:",nullzero"`
	Kind          SessionKind
	Title         string
	Abstract      *string
	Date          Date       `bun:"day"`
	StartsAtLocal *LocalTime `bun:"starts_local"` // nil when only the order is known
	EndsAtLocal   *LocalTime `bun:"ends_local"`
	StartsAt      *time.Time
	EndsAt        *time.Time
	RoomID        ID       `bun:",nullzero"`
	Languages     []string // those of the edition when it has none of its own
	Position      int      // over the whole edition: by day and time, parents before their children
	CancelledAt   *time.Time

	Room          *Room           `bun:"rel:belongs-to,join:room_id=id"`
	Edition       *Edition        `bun:"-"`
	Themes        []*Theme        `bun:"-"`
	Contributions []*Contribution `bun:"-"`
	Children      []*Session      `bun:"-"`
	Seats         *Seats          `bun:"-"`
}

// SessionKind is what sort of item on the programme it is.
type SessionKind string

// Room is a room in the venue of an edition.
type Room struct {
	bun.BaseModel `bun:"table:rooms,alias:room"`

	ID        ID `bun:",pk"`
	Key       string
	EditionID ID
	Name      string
	Capacity  *int
}

// Contribution is what somebody does in a session: a person, or a guest known by name only.
type Contribution struct {
	bun.BaseModel `bun:"table:contributions,alias:contribution"`

	ID               ID `bun:",pk"`
	SessionID        ID
	Role             ContributionRole
	PersonID         ID `bun:",nullzero"`
	GuestName        string
	GuestAffiliation string
	Position         int

	Person *Person `bun:"rel:belongs-to,join:person_id=id"`
}

// ContributionRole is as what somebody contributes.
type ContributionRole string

func (s *Session) id() ID { return s.ID }

// Cancelled reports whether the item is called off while its edition goes on.
func (s *Session) Cancelled() bool { return s.CancelledAt != nil }

func (r *Room) id() ID { return r.ID }

// Name returns the person's name, or the guest's.
func (c *Contribution) Name() string {
	if c.Person != nil {
		return c.Person.Name
	}
	return c.GuestName
}

// Affiliation returns whom the person or the guest works for; nil when that is not known.
func (c *Contribution) Affiliation() *string {
	if c.Person != nil {
		return optional(c.Person.WorksFor())
	}
	return optional(c.GuestAffiliation)
}

// days loads the programmes of editions: one statement for the sessions, one for each edge below them.
func (v view) days(ctx context.Context, editions []*Edition, shape Shape) error {
	byEdition := map[ID][]*Session{}
	if shape.Has("sessions") {
		shape := shape.Of("sessions")
		var rows []*Session
		q := v.tx.NewSelect().Model(&rows).ExcludeColumn("key", "position").Order("session.edition_id", "session.position")
		if !shape.Has("children") {
			q = q.Where("session.parent_id IS NULL")
		}
		if err := selectAmong(ctx, v.tx, &rows, q, "session.edition_id", distinct(idsOf(editions))); err != nil {
			return fmt.Errorf("sessions: %w", err)
		}
		// Children stand beside their parents in the same statements: what either reads is loaded for both.
		if err := v.sessions(ctx, rows, shape.With(shape.Of("children")), rows); err != nil {
			return err
		}
		byEdition = groupBy(rows, func(s *Session) ID { return s.EditionID })
	}
	for _, edition := range editions {
		edition.Days = nil
		if edition.StartsOn == nil {
			continue
		}
		for day := *edition.StartsOn; day <= *edition.EndsOn; day = day.AddDays(1) {
			d := &Day{Date: day}
			for _, s := range byEdition[edition.ID] {
				if s.Date == day && s.ParentID.IsZero() {
					d.Sessions = append(d.Sessions, s)
				}
			}
			edition.Days = append(edition.Days, d)
		}
	}
	return nil
}

// loadSessions loads those of the sessions whose edition the actor may know of and completes them.
func (v view) loadSessions(ctx context.Context, ids []ID, shape Shape) (map[ID]*Session, error) {
	ids = distinct(ids)
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []*Session
	q := v.tx.NewSelect().Model(&rows).
		Where("session.edition_id IN (?)", v.visible(v.tx.NewSelect().Model((*Edition)(nil)).Column("id")))
	if err := selectAmong(ctx, v.tx, &rows, q, "session.id", ids); err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	found := make(map[ID]*Session, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	if !shape.Has("children") {
		return found, v.sessions(ctx, rows, shape, nil)
	}
	var children []*Session
	q = v.tx.NewSelect().Model(&children).Order("session.parent_id", "session.position")
	if err := selectAmong(ctx, v.tx, &children, q, "session.parent_id", ids); err != nil {
		return nil, fmt.Errorf("children: %w", err)
	}
	if err := v.sessions(ctx, children, shape.Of("children"), nil); err != nil {
		return nil, err
	}
	return found, v.sessions(ctx, rows, shape, children)
}

// sessions completes sessions. The children are among the given ones.
func (v view) sessions(ctx context.Context, rows []*Session, shape Shape, children []*Session) error {
	if len(rows) == 0 {
		return nil
	}
	byParent := groupBy(children, func(s *Session) ID { return s.ParentID })
	for _, row := range rows {
		row.Children = byParent[row.ID]
	}
	ids := distinct(idsOf(rows))
	if shape.Has("room") {
		rooms, err := byID[Room](ctx, v.tx, idsBy(rows, func(s *Session) ID { return s.RoomID }))
		if err != nil {
			return fmt.Errorf("rooms: %w", err)
		}
		for _, row := range rows {
			row.Room = rooms[row.RoomID]
		}
	}
	if shape.Has("edition") {
		of := idsBy(rows, func(s *Session) ID { return s.EditionID })
		editions, err := v.loadEditions(ctx, of, shape.Of("edition"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Edition = editions[row.EditionID]
		}
	}
	if shape.Has("themes") {
		themes, err := v.themesOf(ctx, "session_themes", "session_id", ids)
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Themes = themes[row.ID]
		}
	}
	if shape.Has("contributions") {
		contributions, err := v.contributions(ctx, ids, shape.Of("contributions"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Contributions = contributions[row.ID]
		}
	}
	if shape.Has("seats") {
		seats, err := v.seats(ctx, "session_id", ids)
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Seats = seats[row.ID]
		}
	}
	return nil
}

func (v view) contributions(ctx context.Context, sessions []ID, shape Shape) (map[ID][]*Contribution, error) {
	var rows []*Contribution
	q := v.tx.NewSelect().Model(&rows).Column("session_id", "role", "guest_name", "guest_affiliation").
		Relation("Person", func(q *bun.SelectQuery) *bun.SelectQuery {
			q = q.Column("id", "organisation_id", "affiliation", "name", "job_title")
			if shape.Of("person").Has("email", "locale", "suppression") {
				q = q.Column("email", "locale")
			}
			return q
		})
	q = q.Order("contribution.session_id", "contribution.position", "contribution.id")
	if err := selectAmong(ctx, v.tx, &rows, q, "contribution.session_id", sessions); err != nil {
		return nil, fmt.Errorf("contributions: %w", err)
	}
	people := make([]*Person, 0, len(rows))
	for _, row := range rows {
		if row.Person != nil {
			people = append(people, row.Person)
		}
	}
	below := shape.Of("person")
	if shape.Has("affiliation") {
		below = below.With(Shape{"organisation": nil})
	}
	return groupBy(rows, func(c *Contribution) ID { return c.SessionID }), v.people(ctx, people, below)
}
