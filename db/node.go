package db

import (
	"context"
	"fmt"
	"maps"
)

// Node is any record that can be fetched by its id.
type Node interface{ id() ID }

// Node returns the record with the id; nil when there is none, or none that the actor may know of.
func (d *DB) Node(ctx context.Context, actor Actor, id ID, shape Shape) (Node, error) {
	nodes, err := d.Nodes(ctx, actor, []ID{id}, shape)
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// Nodes returns several records by their ids, in the order asked for, nil for each that is not there. At most MaxPage.
func (d *DB) Nodes(ctx context.Context, actor Actor, ids []ID, shape Shape) ([]Node, error) {
	if len(ids) > MaxPage {
		return nil, problem(CodeTooLarge, "ids", "Ask for at most %d records at a time; these are %d.", MaxPage, len(ids))
	}
	v := d.view(actor)
	found := make(map[ID]Node, len(ids))
	for kind, ids := range groupBy(distinct(ids), ID.Kind) {
		nodes, err := v.nodes(ctx, kind, ids, shape)
		if err != nil {
			return nil, err
		}
		maps.Copy(found, nodes)
	}
	nodes := make([]Node, len(ids))
	for i, id := range ids {
		nodes[i] = found[id]
	}
	return nodes, v.finish(ctx, nil)
}

// nodes returns the records of one kind that the actor may know of, with the same number of statements for one and for many.
// What only some may see is looked at one by one.
func (v view) nodes(ctx context.Context, kind Kind, ids []ID, shape Shape) (map[ID]Node, error) {
	switch kind {
	case KindMunicipality, KindInstitution:
		rows, err := byID[Organisation](ctx, v.tx, ids)
		organisationsTogether(values(rows))
		found := make(map[ID]Node, len(rows))
		for id, row := range rows {
			found[id] = row.party()
		}
		return found, err
	case KindPerson:
		return asNodes(v.knownPeople(ctx, ids, shape))
	case KindPartnership:
		return asNodes(v.loadPartnerships(ctx, ids, shape))
	case KindSeries:
		return asNodes(v.loadSeries(ctx, ids, shape))
	case KindEdition:
		return asNodes(v.loadEditions(ctx, ids, shape))
	case KindSession:
		return asNodes(v.loadSessions(ctx, ids, shape))
	case KindTheme:
		return asNodes(byID[Theme](ctx, v.tx, ids))
	case KindRoom:
		return asNodes(v.knownRooms(ctx, ids))
	case KindCourse:
		return asNodes(v.loadCourses(ctx, ids, shape))
	case KindCourseRun:
		return asNodes(v.loadCourseRuns(ctx, ids, shape))
	case KindSeats:
		return asNodes(v.knownSeats(ctx, ids))
	case KindIntakeQuestion:
		return asNodes(v.knownQuestions(ctx, ids))
	}
	found := map[ID]Node{}
	for _, id := range ids {
		n, err := v.guarded(ctx, id, shape)
		if err != nil {
			return nil, err
		}
		if n != nil {
			found[id] = n
		}
	}
	return found, nil
}

func asNodes[N Node](rows map[ID]N, err error) (map[ID]Node, error) {
	found := make(map[ID]Node, len(rows))
	for id, row := range rows {
		found[id] = row
	}
	return found, err
}

// guarded returns a record that not everybody may see.
func (v view) guarded(ctx context.Context, id ID, shape Shape) (Node, error) {
	switch id.Kind() {
	case KindRegistration:
		r, err := v.knownRegistration(ctx, id, shape)
		if r == nil || err != nil {
			return nil, err
		}
		return r, nil
	case KindCampaign:
		if c, err := v.campaign(ctx, id, shape); c != nil || err != nil {
			return c, err
		}
	case KindInvitation:
		return v.knownInvitation(ctx, id, shape)
	case KindDelivery:
		return v.knownDelivery(ctx, id)
	case KindDelegation:
		if g, err := v.knownDelegation(ctx, id, shape); g != nil || err != nil {
			return g, err
		}
	case KindReport:
		reports, err := v.loadReports(ctx, []ID{id}, shape)
		if r := reports[id]; r != nil || err != nil {
			return r, err
		}
	case KindReportQuestion:
		if q, err := v.question(ctx, id, shape); q != nil || err != nil {
			return q, err
		}
	case KindReportAction:
		if a, err := v.action(ctx, id, shape); a != nil || err != nil {
			return a, err
		}
	case KindHelpOffer:
		if o, err := v.offer(ctx, id, shape); o != nil || err != nil {
			return o, err
		}
	case KindMaterial:
		if m, err := v.material(ctx, id); m != nil || err != nil {
			return m, err
		}
	case KindCorrection:
		if c, err := v.correction(ctx, id, shape); c != nil || err != nil {
			return c, err
		}
	case KindReminder:
		if r, err := v.knownReminder(ctx, id, shape); r != nil || err != nil {
			return r, err
		}
	case KindAccessToken:
		return v.knownSignIn(ctx, id)
	}
	return nil, nil
}

// knownPeople returns those of the people that the actor may know of.
func (v view) knownPeople(ctx context.Context, ids []ID, shape Shape) (map[ID]*Person, error) {
	people, err := v.loadPeople(ctx, ids, shape)
	if err != nil {
		return nil, err
	}
	if err := v.contacts(ctx, values(people)); err != nil {
		return nil, err
	}
	var hidden []ID
	for id, person := range people {
		if !person.contactVisible {
			hidden = append(hidden, id)
		}
	}
	public, err := v.publicPeople(ctx, hidden)
	if err != nil {
		return nil, err
	}
	fellows, err := v.fellowOrganisers(ctx, hidden)
	if err != nil {
		return nil, err
	}
	named, err := v.namedInReports(ctx, hidden)
	for _, id := range hidden {
		if !public[id] && !fellows[id] && !named[id] {
			delete(people, id)
		}
	}
	return people, err
}

func (v view) knownRooms(ctx context.Context, ids []ID) (map[ID]*Room, error) {
	rooms, err := byID[Room](ctx, v.tx, ids)
	if err != nil {
		return nil, err
	}
	editions, err := v.loadEditions(ctx, idsBy(values(rooms), func(r *Room) ID { return r.EditionID }), nil)
	for id, room := range rooms {
		if editions[room.EditionID] == nil {
			delete(rooms, id)
		}
	}
	return rooms, err
}

func (v view) knownSeats(ctx context.Context, ids []ID) (map[ID]*Seats, error) {
	seats, err := byID[Seats](ctx, v.tx, ids)
	if err != nil {
		return nil, err
	}
	rows := values(seats)
	sessions, err := v.loadSessions(ctx, idsBy(rows, func(s *Seats) ID { return s.SessionID }), nil)
	if err != nil {
		return nil, err
	}
	editions, err := v.loadEditions(ctx, idsBy(rows, func(s *Seats) ID { return s.EditionID }), nil)
	if err != nil {
		return nil, err
	}
	runs, err := v.loadCourseRuns(ctx, idsBy(rows, func(s *Seats) ID { return s.CourseRunID }), nil)
	if err != nil {
		return nil, err
	}
	for id, row := range seats {
		if sessions[row.SessionID] == nil && editions[row.EditionID] == nil && runs[row.CourseRunID] == nil {
			delete(seats, id)
		}
	}
	return seats, v.openings(ctx, values(seats))
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
	return i, v.invitations(ctx, []*Invitation{i}, shape)
}

func (v view) knownDelivery(ctx context.Context, id ID) (Node, error) {
	found, err := byID[Delivery](ctx, v.tx, []ID{id})
	if err != nil || found[id] == nil || found[id].CampaignID.IsZero() && found[id].Kind != MailTrial {
		return nil, err
	}
	if found[id].PersonID == v.actor.PersonID {
		return found[id], nil
	}
	if c, err := v.campaign(ctx, found[id].CampaignID, nil); c == nil || err != nil {
		return nil, err
	}
	return found[id], nil
}
