package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// registration returns a registration to somebody who may see it; nil to everybody else.
func (d *DB) registration(ctx context.Context, actor Actor, id ID, shape Shape) (*Registration, error) {
	v := d.view(actor)
	r, err := v.knownRegistration(ctx, id, shape)
	return r, v.finish(ctx, err)
}

func (v view) knownRegistration(ctx context.Context, id ID, shape Shape) (*Registration, error) {
	rows, err := byID[Registration](ctx, v.tx, []ID{id})
	if err != nil || rows[id] == nil || v.actor.Anonymous() {
		return nil, err
	}
	r := rows[id]
	if !v.actor.maySeeContact(r.PersonID, r.OrganisationID) {
		occasions, err := v.occasions(ctx, []ID{r.SeatsID})
		if err != nil {
			return nil, err
		}
		if o := occasions[r.SeatsID]; !o.organisedBy(v.actor) {
			trained, err := v.trainedRuns(ctx, distinct([]ID{o.CourseRunID}))
			if err != nil || !trained[o.CourseRunID] || !slices.Contains(having, r.Status) {
				return nil, err
			}
		}
	}
	return r, v.registrations(ctx, []*Registration{r}, shape)
}

// registrations completes registrations.
func (v view) registrations(ctx context.Context, rows []*Registration, shape Shape) error {
	if len(rows) == 0 {
		return nil
	}
	if shape.Has("person") {
		people, err := v.loadPeople(ctx, idsBy(rows, func(r *Registration) ID { return r.PersonID }), shape.Of("person"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Person = people[row.PersonID]
		}
	}
	if shape.Has("registeredBy") {
		people, err := v.loadPeople(ctx, idsBy(rows, func(r *Registration) ID { return r.RegisteredBy }), shape.Of("registeredBy"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.By = people[row.RegisteredBy]
		}
	}
	if shape.Has("worksFor") {
		for _, row := range rows {
			v.wantOrganisation(row.OrganisationID, shape.Of("worksFor"), func(o *Organisation) { row.organisation = o })
		}
	}
	if shape.Has("position") {
		if err := v.positions(ctx, rows); err != nil {
			return err
		}
	}
	if shape.Has("answers", "invoice") {
		if err := v.intakes(ctx, rows); err != nil {
			return err
		}
	}
	if shape.Has("checkedInAt") {
		if err := v.checkedIn(ctx, rows); err != nil {
			return err
		}
	}
	if !shape.Has("seats", "edition", "session", "courseRun") {
		return nil
	}
	seats, err := byID[Seats](ctx, v.tx, idsBy(rows, func(r *Registration) ID { return r.SeatsID }))
	if err != nil {
		return err
	}
	if err := v.openings(ctx, values(seats)); err != nil {
		return err
	}
	editions, err := v.loadEditions(ctx, idsBy(values(seats), func(s *Seats) ID { return s.EditionID }), shape.Of("edition"))
	if err != nil {
		return err
	}
	sessions, err := v.loadSessions(ctx, idsBy(values(seats), func(s *Seats) ID { return s.SessionID }), shape.Of("session"))
	if err != nil {
		return err
	}
	runs, err := v.loadCourseRuns(ctx, idsBy(values(seats), func(s *Seats) ID { return s.CourseRunID }), shape.Of("courseRun"))
	if err != nil {
		return err
	}
	for _, row := range rows {
		row.Seats = seats[row.SeatsID]
		row.Edition, row.Session, row.CourseRun = editions[row.Seats.EditionID], sessions[row.Seats.SessionID], runs[row.Seats.CourseRunID]
	}
	return nil
}

// positions says of those who wait where they stand: in the order in which nextInLine would give them places, one after another,
// if nobody came or went. In a balanced line that is by how many places their organisation would hold by then, and only then by
// ticket; last come those whose organisation would hold its maximum.
func (v view) positions(ctx context.Context, rows []*Registration) error {
	waiting := map[ID]*Registration{}
	for _, row := range rows {
		if row.Status == Waitlisted {
			waiting[row.ID] = row
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	lines := bun.List(distinct(idsBy(values(waiting), func(r *Registration) ID { return r.SeatsID })))
	held := v.tx.NewSelect().Model((*Registration)(nil)).ColumnExpr("registration.seats_id, registration.organisation_id, count(*) AS places").
		Join("JOIN seats ON seats.id = registration.seats_id AND (seats.line = ? OR seats.max_per_organisation IS NOT NULL)", Balanced).
		Where("registration.seats_id IN (?)", lines).Where("registration.status IN (?)", bun.List(holding)).
		GroupExpr("registration.seats_id, registration.organisation_id")
	line := v.tx.NewSelect().Model((*Registration)(nil)).Column("registration.id", "registration.seats_id", "registration.ticket", "seats.line", "seats.max_per_organisation").
		ColumnExpr(`CASE WHEN registration.organisation_id IS NULL THEN 0 ELSE coalesce(held.places, 0) - 1 +
			row_number() OVER (PARTITION BY registration.seats_id, registration.organisation_id ORDER BY registration.ticket) END AS held`).
		Join("JOIN seats ON seats.id = registration.seats_id").
		Join("LEFT JOIN held ON held.seats_id = registration.seats_id AND held.organisation_id = registration.organisation_id").
		Where("registration.seats_id IN (?)", lines).Where("registration.status = ?", Waitlisted)
	ranked := v.tx.NewSelect().TableExpr("line").Column("id").
		ColumnExpr(`row_number() OVER (PARTITION BY seats_id ORDER BY CASE WHEN held >= max_per_organisation THEN 1 ELSE 0 END,
			CASE WHEN line = ? THEN held ELSE 0 END, ticket) AS place`, Balanced)
	var places []struct {
		ID    ID
		Place int
	}
	if err := v.tx.NewSelect().With("held", held).With("line", line).With("ranked", ranked).TableExpr("ranked").Column("id", "place").
		Where("id IN (?)", bun.List(idsOf(values(waiting)))).Scan(ctx, &places); err != nil {
		return fmt.Errorf("positions: %w", err)
	}
	for _, p := range places {
		waiting[p.ID].Position = &p.Place
	}
	return nil
}

// RegistrationFilter restricts a list of registrations; nil fields do not.
type RegistrationFilter struct {
	Status         *RegistrationStatus
	OrganisationID *ID
	SessionID      *ID
}

var registrationsByTime = order[Registration]{
	column: "registration.id", descending: true,
	key:    func(r *Registration) (string, ID) { return r.ID.uuid(), r.ID },
	cursor: func(sort string, id ID) bool { return id.Kind() == KindRegistration && sort == id.uuid() },
}

// RegistrationsOn lists who is registered on seats, the latest first: everybody to organisers, the people of their own
// organisations to coordinators, the participants of their runs to trainers, and to everybody themselves.
func (d *DB) RegistrationsOn(ctx context.Context, actor Actor, seats *Seats, p Page, filter RegistrationFilter, shape Shape) (*Connection[Registration], error) {
	v := d.view(actor)
	occasions, err := v.occasions(ctx, []ID{seats.ID})
	if err != nil {
		return nil, err
	}
	o := occasions[seats.ID]
	trained, err := v.trainedRuns(ctx, distinct([]ID{o.CourseRunID}))
	if err != nil {
		return nil, err
	}
	o.taught = trained[o.CourseRunID]
	return v.listRegistrations(ctx, p, shape, func(q *bun.SelectQuery) *bun.SelectQuery {
		return filter.restrict(o.listed(actor, q.Where("registration.seats_id = ?", seats.ID)))
	})
}

// listed restricts registrations for the meeting to those that the actor may list.
func (o *occasion) listed(actor Actor, q *bun.SelectQuery) *bun.SelectQuery {
	if o.organisedBy(actor) {
		return q
	}
	return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		if o.taught {
			q = q.WhereOr("registration.status IN (?)", bun.List(having))
		}
		return q.WhereOr("registration.person_id = ?", cmp.Or(actor.PersonID, unknownID)).
			WhereOr("registration.organisation_id IN (?)", bun.List(append(actor.organisations(), unknownID)))
	})
}

func (f RegistrationFilter) restrict(q *bun.SelectQuery) *bun.SelectQuery {
	if f.Status != nil {
		q = q.Where("registration.status = ?", *f.Status)
	}
	if f.OrganisationID != nil {
		q = q.Where("registration.organisation_id = ?", *f.OrganisationID)
	}
	if f.SessionID != nil {
		q = q.Where("registration.seats_id IN (SELECT id FROM seats WHERE session_id = ?)", *f.SessionID)
	}
	return q
}

// RegistrationsOfEdition lists who is registered on an edition and on its sessions, by the rules of RegistrationsOn.
func (d *DB) RegistrationsOfEdition(ctx context.Context, actor Actor, e *Edition, p Page, filter RegistrationFilter, shape Shape) (*Connection[Registration], error) {
	o := &occasion{EditionID: e.ID, PartnershipID: e.PartnershipID, HostID: e.HostID}
	return d.view(actor).listRegistrations(ctx, p, shape, func(q *bun.SelectQuery) *bun.SelectQuery {
		return filter.restrict(o.listed(actor, q.Where(`registration.seats_id IN (SELECT seats.id FROM seats LEFT JOIN sessions AS session
			ON session.id = seats.session_id WHERE seats.edition_id = ? OR session.edition_id = ?)`, e.ID, e.ID)))
	})
}

// OwnRegistrations lists the actor's registrations, the latest first.
func (d *DB) OwnRegistrations(ctx context.Context, actor Actor, p Page, shape Shape) (*Connection[Registration], error) {
	return d.view(actor).listRegistrations(ctx, p, shape, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("registration.person_id = ?", actor.PersonID)
	})
}

func (v view) listRegistrations(ctx context.Context, p Page, shape Shape, restrict func(*bun.SelectQuery) *bun.SelectQuery) (*Connection[Registration], error) {
	c, err := connect(ctx, v.tx, registrationsByTime, p, restrict)
	if err != nil {
		return nil, fmt.Errorf("registrations: %w", err)
	}
	return c, v.finish(ctx, v.registrations(ctx, c.Nodes, shape))
}
