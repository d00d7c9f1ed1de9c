package db

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// Actor is who asks or acts. The zero Actor is anonymous: it sees what is published and changes nothing.
//
// A role counts where it was given and nowhere else: a right on one edition gives none on another, and one in a partnership none
// in its members' other partnerships. Roles are read afresh for every request, so that a change takes effect at once.
type Actor struct {
	PersonID       ID
	OrganisationID ID // whom the person works for
	TokenID        ID // that the actor signed in with
	Administrator  bool
	Coordinates    []Coordination
	Organises      []ID // editions and courses the person was named an organiser of; resolvers of one request share it
}

// Coordination is a person's part as coordinator of one organisation in one partnership.
type Coordination struct {
	PartnershipID  ID
	OrganisationID ID
	Lead           bool // the organisation leads the partnership, or is its secretariat
}

// Anonymous reports whether nobody is signed in.
func (a Actor) Anonymous() bool { return a.PersonID.IsZero() }

// Organiser reports whether the actor has a role anywhere.
func (a Actor) Organiser() bool {
	return a.Administrator || len(a.Coordinates) > 0 || len(a.Organises) > 0
}

// partnerships returns the partnerships the actor coordinates in.
func (a Actor) partnerships() []ID {
	return distinct(idsBy(a.Coordinates, func(c Coordination) ID { return c.PartnershipID }))
}

// organisations returns the organisations the actor coordinates for.
func (a Actor) organisations() []ID {
	return distinct(idsBy(a.Coordinates, func(c Coordination) ID { return c.OrganisationID }))
}

// The policy: one function for each thing an actor may do. Every verb and every guarded read asks here; those that have to ask
// for many records at once have a twin that says the same in SQL.

// leads reports whether the actor coordinates for an organisation that leads the partnership.
func (a Actor) leads(partnership ID) bool {
	return a.Administrator || slices.ContainsFunc(a.Coordinates, func(c Coordination) bool { return c.Lead && c.PartnershipID == partnership })
}

// arranges reports whether the actor may say who coordinates for a member of a partnership.
func (a Actor) arranges(m *Member) bool {
	return a.leads(m.PartnershipID) || slices.ContainsFunc(a.Coordinates, func(c Coordination) bool {
		return c.PartnershipID == m.PartnershipID && c.OrganisationID == m.OrganisationID
	})
}

// organisesEdition reports whether the actor organises an edition: as coordinator of its host in the partnership that holds it,
// as coordinator of who leads that partnership, or because somebody named the actor.
func (a Actor) organisesEdition(edition, partnership, host ID) bool {
	return a.leads(partnership) || slices.Contains(a.Organises, edition) ||
		slices.ContainsFunc(a.Coordinates, func(c Coordination) bool { return c.PartnershipID == partnership && c.OrganisationID == host })
}

// organisedEditions is organisesEdition as a condition on the columns of the table edition.
func (a Actor) organisedEditions(q *bun.SelectQuery) *bun.SelectQuery {
	q = q.WhereOr("?", a.Administrator).WhereOr("edition.id IN (?)", bun.List(append(slices.Clip(a.Organises), unknownID)))
	for _, c := range a.Coordinates {
		if c.Lead {
			q = q.WhereOr("edition.partnership_id = ?", c.PartnershipID)
		} else {
			q = q.WhereOr("edition.partnership_id = ? AND edition.host_id = ?", c.PartnershipID, c.OrganisationID)
		}
	}
	return q
}

// organisesCourse reports whether the actor organises a course and its runs: as coordinator of the organisation that offers it,
// or because somebody named the actor.
func (a Actor) organisesCourse(course, organisation ID) bool {
	return a.Administrator || slices.Contains(a.Organises, course) || a.coordinatesFor(organisation)
}

// organisedCourses is organisesCourse as a condition on the columns of the table course.
func (a Actor) organisedCourses(q *bun.SelectQuery) *bun.SelectQuery {
	return q.WhereOr("?", a.Administrator).WhereOr("course.id IN (?)", bun.List(append(slices.Clip(a.Organises), unknownID))).
		WhereOr("course.organisation_id IN (?)", bun.List(append(a.organisations(), unknownID)))
}

// coordinatesFor reports whether the actor looks after the people of the organisation.
func (a Actor) coordinatesFor(organisation ID) bool {
	return !organisation.IsZero() && slices.ContainsFunc(a.Coordinates, func(c Coordination) bool { return c.OrganisationID == organisation })
}

// mayActFor reports whether the actor may answer and register for a person who works for the organisation.
func (a Actor) mayActFor(person, organisation ID) bool {
	return !a.Anonymous() && a.PersonID == person || a.coordinatesFor(organisation)
}

// maySeeContact reports whether the actor may see the address of a person who works for the organisation, invited or not.
func (a Actor) maySeeContact(person, organisation ID) bool {
	return a.Administrator || a.mayActFor(person, organisation)
}

// visible restricts a query over editions to those the actor may know of: what is not published yet is known to the coordinators
// of the partnership and to those who were named.
func (v view) visible(q *bun.SelectQuery) *bun.SelectQuery {
	if v.actor.Administrator {
		return q
	}
	if !v.actor.Organiser() {
		return q.Where("?TableAlias.status <> ?", EditionDraft)
	}
	return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.status <> ?", EditionDraft).
			WhereOr("?TableAlias.partnership_id IN (?)", bun.List(append(v.actor.partnerships(), unknownID))).
			WhereOr("?TableAlias.id IN (?)", bun.List(append(slices.Clip(v.actor.Organises), unknownID)))
	})
}

// visibleRuns restricts a query over course runs to those the actor may know of.
func (v view) visibleRuns(q *bun.SelectQuery) *bun.SelectQuery {
	if v.actor.Administrator {
		return q
	}
	if !v.actor.Organiser() {
		return q.Where("course_run.status <> ?", RunDraft)
	}
	own := v.tx.NewSelect().Model((*Course)(nil)).Column("id").WhereGroup(" AND ", v.actor.organisedCourses)
	return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("course_run.status <> ?", RunDraft).WhereOr("course_run.course_id IN (?)", own)
	})
}

// organises reports whether the actor organises the edition or the course run.
func (v view) organises(ctx context.Context, edition, run ID) (bool, error) {
	if v.actor.Anonymous() {
		return false, nil
	}
	if !edition.IsZero() {
		ok, err := v.tx.NewSelect().Model((*Edition)(nil)).Where("edition.id = ?", edition).WhereGroup(" AND ", v.actor.organisedEditions).Exists(ctx)
		if err != nil {
			err = fmt.Errorf("organisers of the edition: %w", err)
		}
		return ok, err
	}
	ok, err := v.tx.NewSelect().Model((*Course)(nil)).Join("JOIN course_runs AS run ON run.course_id = course.id").
		Where("run.id = ?", run).WhereGroup(" AND ", v.actor.organisedCourses).Exists(ctx)
	if err != nil {
		err = fmt.Errorf("organisers of the course: %w", err)
	}
	return ok, err
}
