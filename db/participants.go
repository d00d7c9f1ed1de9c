package db

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Listing is in which list of participants a person agreed to stand with a registration. The zero Listing is ListNobody: who was
// not asked did not agree.
type Listing string

// The listings.
const (
	ListNobody       Listing = "NOBODY"       // the organisers alone see who it is
	ListParticipants Listing = "PARTICIPANTS" // so do all who have a place
	ListEveryone     Listing = "EVERYONE"     // so does everybody
)

// Value implements driver.Valuer.
func (l Listing) Value() (driver.Value, error) { return string(cmp.Or(l, ListNobody)), nil }

// ChangeListing says who may see that the person of the registration takes part. It is for that person alone, at any time.
func (d *DB) ChangeListing(ctx context.Context, actor Actor, id ID, listing Listing, shape Shape) (*Registration, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		result, err := tx.NewUpdate().Model((*Registration)(nil)).Set("listing = ?", listing).
			Where("id = ?", id).Where("person_id = ?", actor.PersonID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("change listing: %w", err)
		}
		if n, err := result.RowsAffected(); n == 0 {
			return cmp.Or(err, error(problem(CodeNotFound, "input.registrationId", "There is no such registration of yours; only the person can say who may see the name.")))
		}
		return audit(ctx, tx, now, actor, "change listing", id)
	})
	if err != nil {
		return nil, err
	}
	return d.registration(ctx, actor, id, shape)
}

// Participant is somebody with a place, as the list of participants shows it.
type Participant struct {
	Name         string
	organisation *Organisation
}

// Organisation returns whom the participant worked for when registering, if the shape asked for it; nil when that is not one
// known here.
func (p *Participant) Organisation() Party { return p.organisation.party() }

var registrationsByArrival = order[Registration]{
	column: "registration.id", key: registrationsByTime.key, cursor: registrationsByTime.cursor,
}

// ParticipantsOf lists who has a place in an edition, in the order of registering: to its organisers everybody, to those who have a
// place themselves who agreed that they see it, and to everybody who agreed to that.
func (d *DB) ParticipantsOf(ctx context.Context, actor Actor, e *Edition, p Page, shape Shape) (*Connection[Participant], error) {
	return pageOf(e.siblings, e.ID, "participants", p, shape, func(ids []ID) (map[ID]*Connection[Participant], error) {
		return d.participants(ctx, actor, "seats.edition_id", ids, p, shape)
	})
}

// ParticipantsOfRun does the same for a run of a course.
func (d *DB) ParticipantsOfRun(ctx context.Context, actor Actor, r *CourseRun, p Page, shape Shape) (*Connection[Participant], error) {
	return pageOf(r.siblings, r.ID, "participants", p, shape, func(ids []ID) (map[ID]*Connection[Participant], error) {
		return d.participants(ctx, actor, "seats.course_run_id", ids, p, shape)
	})
}

func (d *DB) participants(ctx context.Context, actor Actor, column bun.Ident, meetings []ID, p Page, shape Shape) (map[ID]*Connection[Participant], error) {
	v := d.view(actor)
	pages, err := connectEach(ctx, v.tx, registrationsByArrival, p, meetings, column, func() *bun.SelectQuery { return v.listed() })
	if err != nil {
		return nil, fmt.Errorf("participants: %w", err)
	}
	people, err := byID[Person](ctx, v.tx, idsBy(all(pages), func(r *Registration) ID { return r.PersonID }))
	if err != nil {
		return nil, err
	}
	lists := make(map[ID]*Connection[Participant], len(pages))
	for id, page := range pages {
		lists[id] = mapped(page, func(r *Registration) *Participant {
			one := &Participant{Name: people[r.PersonID].Name}
			if shape.Has("organisation") {
				v.wantOrganisation(r.OrganisationID, shape.Of("organisation"), func(o *Organisation) { one.organisation = o })
			}
			return one
		})
	}
	return lists, v.finish(ctx, nil)
}

// listed selects the places of editions and course runs whose holders the actor may see in a list of participants.
func (v view) listed() *bun.SelectQuery {
	q := v.tx.NewSelect().Model((*Registration)(nil)).Join("JOIN seats ON seats.id = registration.seats_id").
		Join("LEFT JOIN editions AS edition ON edition.id = seats.edition_id").
		Join("LEFT JOIN course_runs AS run ON run.id = seats.course_run_id").Join("LEFT JOIN courses AS course ON course.id = run.course_id").
		Where("registration.status = ?", Confirmed)
	if v.actor.Anonymous() {
		return q.Where("registration.listing = ?", ListEveryone)
	}
	return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("registration.listing = ?", ListEveryone).
			WhereOr(`registration.listing = ? AND EXISTS (SELECT 1 FROM registrations AS own
				WHERE own.seats_id = registration.seats_id AND own.person_id = ? AND own.status = ?)`, ListParticipants, v.actor.PersonID, Confirmed).
			WhereGroup(" OR ", v.actor.organisedEditions).WhereGroup(" OR ", v.actor.organisedCourses)
	})
}

// mapped returns a page with other records in the same places.
func mapped[T, U any](page *Connection[T], to func(*T) *U) *Connection[U] {
	c := &Connection[U]{Nodes: make([]*U, len(page.Nodes)), Edges: make([]*Edge[U], len(page.Edges)), PageInfo: page.PageInfo, TotalCount: page.TotalCount}
	for i, node := range page.Nodes {
		c.Nodes[i] = to(node)
		c.Edges[i] = &Edge[U]{Cursor: page.Edges[i].Cursor, Node: c.Nodes[i]}
	}
	return c
}
