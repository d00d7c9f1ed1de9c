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

// positions says of those who wait where they stand in their line.
func (v view) positions(ctx context.Context, rows []*Registration) error {
	var waiting []ID
	for _, row := range rows {
		if row.Status == Waitlisted {
			waiting = append(waiting, row.ID)
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	var places []struct {
		ID    ID
		Place int
	}
	if err := v.tx.NewSelect().Model((*Registration)(nil)).ColumnExpr("registration.id, count(*) AS place").
		Join("JOIN registrations AS ahead ON ahead.seats_id = registration.seats_id AND ahead.status = ? AND ahead.ticket <= registration.ticket", Waitlisted).
		Where("registration.id IN (?)", bun.List(waiting)).GroupExpr("registration.id").Scan(ctx, &places); err != nil {
		return fmt.Errorf("positions: %w", err)
	}
	for _, p := range places {
		i := slices.IndexFunc(rows, func(r *Registration) bool { return r.ID == p.ID })
		rows[i].Position = &p.Place
	}
	return nil
}

// RegistrationFilter restricts a list of registrations; nil fields do not.
type RegistrationFilter struct {
	Status         *RegistrationStatus
	OrganisationID *ID
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
	organiser := occasions[seats.ID].organisedBy(actor)
	trained, err := v.trainedRuns(ctx, distinct([]ID{seats.CourseRunID}))
	if err != nil {
		return nil, err
	}
	return v.listRegistrations(ctx, p, shape, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("registration.seats_id = ?", seats.ID)
		if filter.Status != nil {
			q = q.Where("registration.status = ?", *filter.Status)
		}
		if filter.OrganisationID != nil {
			q = q.Where("registration.organisation_id = ?", *filter.OrganisationID)
		}
		if organiser {
			return q
		}
		own := idsBy(actor.Coordinates, func(c Coordination) ID { return c.OrganisationID })
		return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			if trained[seats.CourseRunID] {
				q = q.WhereOr("registration.status IN (?)", bun.List(having))
			}
			return q.WhereOr("registration.person_id = ?", cmp.Or(actor.PersonID, unknownID)).WhereOr("registration.organisation_id IN (?)", bun.List(append(own, unknownID)))
		})
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
