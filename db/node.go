package db

import (
	"context"
	"fmt"
)

// Node is any record that can be fetched by its id.
type Node interface{ id() ID }

// Node returns the record with the id; nil when there is none, or none that the actor may know of.
func (d *DB) Node(ctx context.Context, actor Actor, id ID, shape Shape) (Node, error) {
	v := d.view(actor)
	n, err := v.node(ctx, id, shape)
	if err = v.finish(ctx, err); err != nil {
		return nil, err
	}
	return n, nil
}

// Nodes returns several records by their ids, in the order asked for, nil for each that is not there. At most MaxPage.
func (d *DB) Nodes(ctx context.Context, actor Actor, ids []ID, shape Shape) ([]Node, error) {
	if len(ids) > MaxPage {
		return nil, problem(CodeTooLarge, "ids", "Ask for at most %d records at a time; these are %d.", MaxPage, len(ids))
	}
	v := d.view(actor)
	nodes := make([]Node, len(ids))
	for i, id := range ids {
		var err error
		if nodes[i], err = v.node(ctx, id, shape); err != nil {
			return nil, err
		}
	}
	return nodes, v.finish(ctx, nil)
}

func (v view) node(ctx context.Context, id ID, shape Shape) (Node, error) {
	one := []ID{id}
	switch id.Kind() {
	case KindMunicipality, KindInstitution:
		found, err := byID[Organisation](ctx, v.tx, one)
		if err != nil || found[id] == nil {
			return nil, err
		}
		organisationsTogether(values(found))
		return found[id].party().(Node), nil
	case KindPerson:
		return v.knownPerson(ctx, id, shape)
	case KindPartnership:
		return node(v.loadPartnerships(ctx, one, shape))(id)
	case KindSeries:
		return node(v.loadSeries(ctx, one, shape))(id)
	case KindEdition:
		return node(v.loadEditions(ctx, one, shape))(id)
	case KindSession:
		return node(v.loadSessions(ctx, one, shape))(id)
	case KindTheme:
		return node(byID[Theme](ctx, v.tx, one))(id)
	case KindRoom:
		rooms, err := byID[Room](ctx, v.tx, one)
		if err != nil || rooms[id] == nil {
			return nil, err
		}
		editions, err := v.loadEditions(ctx, []ID{rooms[id].EditionID}, nil)
		if err != nil || len(editions) == 0 {
			return nil, err
		}
		return rooms[id], nil
	case KindCourse:
		return node(v.loadCourses(ctx, one, shape))(id)
	case KindCourseRun:
		return node(v.loadCourseRuns(ctx, one, shape))(id)
	case KindSeats:
		return v.knownSeats(ctx, id)
	case KindCampaign:
		c, err := v.campaign(ctx, id, shape)
		if c == nil || err != nil {
			return nil, err
		}
		return c, nil
	case KindInvitation:
		return v.knownInvitation(ctx, id, shape)
	case KindDelivery:
		return v.knownDelivery(ctx, id)
	default:
		return nil, nil
	}
}

// node picks the row out of a load as a Node, nil when it is not there.
func node[T any, P interface {
	*T
	Node
}](rows map[ID]P, err error) func(ID) (Node, error) {
	return func(id ID) (Node, error) {
		if row := rows[id]; row != nil && err == nil {
			return row, nil
		}
		return nil, err
	}
}

func (v view) knownPerson(ctx context.Context, id ID, shape Shape) (Node, error) {
	people, err := v.loadPeople(ctx, []ID{id}, shape)
	if err != nil || people[id] == nil {
		return nil, err
	}
	if p := people[id]; p.contactVisible {
		return p, nil
	}
	if public, err := v.publicPerson(ctx, id); !public || err != nil {
		return nil, err
	}
	return people[id], nil
}

func (v view) knownSeats(ctx context.Context, id ID) (Node, error) {
	found, err := byID[Seats](ctx, v.tx, []ID{id})
	if err != nil || found[id] == nil {
		return nil, err
	}
	seats := found[id]
	sessions, err := v.loadSessions(ctx, []ID{seats.SessionID}, nil)
	if err != nil {
		return nil, err
	}
	editions, err := v.loadEditions(ctx, []ID{seats.EditionID}, nil)
	if err != nil {
		return nil, err
	}
	runs, err := v.loadCourseRuns(ctx, []ID{seats.CourseRunID}, nil)
	if err != nil || len(sessions)+len(editions)+len(runs) == 0 {
		return nil, err
	}
	return seats, v.openings(ctx, []*Seats{seats})
}

func (v view) knownInvitation(ctx context.Context, id ID, shape Shape) (Node, error) {
	found, err := byID[Invitation](ctx, v.tx, []ID{id})
	if err != nil || found[id] == nil || v.actor.Anonymous() {
		return nil, err
	}
	i := found[id]
	organiser, err := v.organises(ctx, i.EditionID, i.CourseRunID)
	if err != nil || !organiser && i.PersonID != v.actor.PersonID {
		return nil, err
	}
	if err := v.tx.NewSelect().Model((*Campaign)(nil)).Column("respond_by").Where("id = ?", i.CampaignID).Scan(ctx, &i.RespondBy); err != nil {
		return nil, fmt.Errorf("campaign: %w", err)
	}
	return i, v.invitations(ctx, []*Invitation{i}, shape, organiser)
}

func (v view) knownDelivery(ctx context.Context, id ID) (Node, error) {
	found, err := byID[Delivery](ctx, v.tx, []ID{id})
	if err != nil || found[id] == nil || found[id].CampaignID.IsZero() {
		return nil, err
	}
	if c, err := v.campaign(ctx, found[id].CampaignID, nil); c == nil || err != nil {
		return nil, err
	}
	return found[id], nil
}
