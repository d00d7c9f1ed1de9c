package db

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// organiser is a person who was named an organiser of an edition or a course. Coordinators of the host, of who leads the
// partnership and of who offers the course are organisers without being named.
type organiser struct {
	bun.BaseModel `bun:"table:organisers,alias:organiser"`

	EditionID ID `bun:",nullzero"`
	CourseID  ID `bun:",nullzero"`
	PersonID  ID
	NamedAt   time.Time
}

// OrganiserInput names a person as organiser of either an edition or a course.
type OrganiserInput struct {
	EditionID *ID
	CourseID  *ID
	PersonID  ID
}

// NameOrganiser lets a person, of whatever organisation, organise one edition or one course. Naming again changes nothing.
func (d *DB) NameOrganiser(ctx context.Context, actor Actor, in OrganiserInput, shape Shape) (*Person, error) {
	return d.changeOrganisers(ctx, actor, in, "name organiser", shape, func(ctx context.Context, tx bun.Tx, now time.Time, o *organiser) error {
		_, err := tx.NewInsert().Model(o).On("CONFLICT DO NOTHING").Exec(ctx)
		return err
	})
}

// DismissOrganiser takes back what NameOrganiser gave. It takes effect at once; dismissing again changes nothing. Somebody whom the
// actor may not know of is not found.
func (d *DB) DismissOrganiser(ctx context.Context, actor Actor, in OrganiserInput, shape Shape) (*Person, error) {
	return d.changeOrganisers(ctx, actor, in, "dismiss organiser", shape, func(ctx context.Context, tx bun.Tx, now time.Time, o *organiser) error {
		if err := viewIn(tx, actor, now).knows(ctx, o.PersonID); err != nil {
			return err
		}
		q := tx.NewDelete().Model((*organiser)(nil)).Where("person_id = ?", o.PersonID)
		if !o.EditionID.IsZero() {
			q = q.Where("edition_id = ?", o.EditionID)
		} else {
			q = q.Where("course_id = ?", o.CourseID)
		}
		_, err := q.Exec(ctx)
		return err
	})
}

func (d *DB) changeOrganisers(ctx context.Context, actor Actor, in OrganiserInput, action string, shape Shape,
	change func(context.Context, bun.Tx, time.Time, *organiser) error) (*Person, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	if (in.EditionID == nil) == (in.CourseID == nil) {
		return nil, problem(CodeInvalid, "input.editionId", "Name either an edition or a course.")
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		o, record := &organiser{PersonID: in.PersonID, NamedAt: now}, ID{}
		v := viewIn(tx, actor, now)
		if in.EditionID != nil {
			e := new(Edition)
			ok, err := found(v.visible(tx.NewSelect().Model(e)).Where("edition.id = ?", *in.EditionID).Scan(ctx))
			switch {
			case err != nil:
				return fmt.Errorf("edition: %w", err)
			case !ok:
				return problem(CodeNotFound, "input.editionId", "There is no such edition.")
			case !actor.organisesEdition(e.ID, e.PartnershipID, e.HostID):
				return problem(CodeForbidden, "input.editionId", "Only organisers of this edition can say who else organises it.")
			}
			o.EditionID, record = e.ID, e.ID
		} else {
			c := new(Course)
			ok, err := found(tx.NewSelect().Model(c).Where("id = ?", *in.CourseID).Scan(ctx))
			switch {
			case err != nil:
				return fmt.Errorf("course: %w", err)
			case !ok:
				return problem(CodeNotFound, "input.courseId", "There is no such course.")
			case !actor.organisesCourse(c.ID, c.OrganisationID):
				return problem(CodeForbidden, "input.courseId", "Only organisers of this course can say who else organises it.")
			}
			o.CourseID, record = c.ID, c.ID
		}
		if err := personExists(ctx, tx, in.PersonID); err != nil {
			return err
		}
		if err := change(ctx, tx, now, o); err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		return audit(ctx, tx, now, actor, action, record)
	})
	if err != nil {
		return nil, err
	}
	return d.person(ctx, actor, in.PersonID, shape)
}

func personExists(ctx context.Context, tx bun.Tx, id ID) error {
	ok, err := tx.NewSelect().Model((*Person)(nil)).Where("id = ?", id).Where("erased_at IS NULL").Exists(ctx)
	if err == nil && !ok {
		err = problem(CodeNotFound, "input.personId", "There is no such person.")
	}
	return err
}

// knows refuses a person that the actor may not know of: dismissing somebody who has no role would show who that is.
func (v view) knows(ctx context.Context, id ID) error {
	known, err := v.knownPeople(ctx, []ID{id}, nil)
	if err == nil && known[id] == nil {
		err = problem(CodeNotFound, "input.personId", "There is no such person.")
	}
	return err
}

// fellowOrganisers returns those of the people who were named organisers of what the actor organises.
func (v view) fellowOrganisers(ctx context.Context, people []ID) (map[ID]bool, error) {
	if len(people) == 0 || !v.actor.Organiser() {
		return nil, nil
	}
	var ids []ID
	if err := v.tx.NewSelect().Model((*organiser)(nil)).ColumnExpr("DISTINCT organiser.person_id").
		Join("LEFT JOIN editions AS edition ON edition.id = organiser.edition_id").Join("LEFT JOIN courses AS course ON course.id = organiser.course_id").
		Where("organiser.person_id IN (?)", bun.List(people)).
		WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.WhereGroup(" OR ", v.actor.organisedEditions).WhereGroup(" OR ", v.actor.organisedCourses)
		}).Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("fellow organisers: %w", err)
	}
	fellows := make(map[ID]bool, len(ids))
	for _, id := range ids {
		fellows[id] = true
	}
	return fellows, nil
}

// organisers returns who was named an organiser of each of the editions or courses, by name; the column says of which.
func (v view) organisers(ctx context.Context, column bun.Ident, of []ID, shape Shape) (map[ID][]*Person, error) {
	if len(of) == 0 {
		return nil, nil
	}
	var links []*organiser
	if err := v.tx.NewSelect().Model(&links).Where("? IN (?)", column, bun.List(of)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("organisers: %w", err)
	}
	people, err := v.loadPeople(ctx, idsBy(links, func(o *organiser) ID { return o.PersonID }), shape)
	if err != nil {
		return nil, err
	}
	named := make(map[ID][]*Person, len(of))
	for _, id := range of {
		named[id] = []*Person{}
	}
	for _, o := range links {
		record := cmp.Or(o.EditionID, o.CourseID)
		named[record] = append(named[record], people[o.PersonID])
	}
	for _, list := range named {
		slices.SortFunc(list, func(a, b *Person) int { return cmp.Or(cmp.Compare(a.Name, b.Name), bytes.Compare(a.ID[:], b.ID[:])) })
	}
	return named, nil
}

// idsWhere returns the ids of those rows that the condition holds for.
func idsWhere[T interface{ id() ID }](rows []T, holds func(T) bool) []ID {
	var ids []ID
	for _, row := range rows {
		if holds(row) {
			ids = append(ids, row.id())
		}
	}
	return distinct(ids)
}

// CoordinatorInput names a person as coordinator of an organisation in a partnership.
type CoordinatorInput struct {
	PartnershipID  ID
	OrganisationID ID
	PersonID       ID
}

// AppointCoordinator lets a person arrange an organisation's part in a partnership. The person has to work for the organisation.
func (d *DB) AppointCoordinator(ctx context.Context, actor Actor, in CoordinatorInput, shape Shape) (*Person, error) {
	return d.changeCoordinators(ctx, actor, in, "appoint coordinator", shape, func(ctx context.Context, tx bun.Tx, m *Member) error {
		works, err := tx.NewSelect().Model((*Person)(nil)).Where("id = ?", in.PersonID).Where("organisation_id = ?", m.OrganisationID).Exists(ctx)
		if err != nil {
			return err
		}
		if !works {
			return problem(CodeInvalid, "input.personId", "A coordinator works for the organisation.")
		}
		_, err = tx.NewRaw(`INSERT INTO coordinators (member_id, person_id, position)
			SELECT ?, ?, coalesce(max(position), -1) + 1 FROM coordinators WHERE member_id = ? ON CONFLICT DO NOTHING`, m.ID, in.PersonID, m.ID).Exec(ctx)
		return err
	})
}

// DismissCoordinator takes back what AppointCoordinator gave, at once. The last coordinator of who leads a partnership stays.
func (d *DB) DismissCoordinator(ctx context.Context, actor Actor, in CoordinatorInput, shape Shape) (*Person, error) {
	return d.changeCoordinators(ctx, actor, in, "dismiss coordinator", shape, func(ctx context.Context, tx bun.Tx, m *Member) error {
		if err := viewIn(tx, actor, d.now()).knows(ctx, in.PersonID); err != nil {
			return err
		}
		if m.Role == RoleLead {
			others, err := tx.NewSelect().Model((*coordinator)(nil)).Where("member_id = ?", m.ID).Where("person_id <> ?", in.PersonID).Exists(ctx)
			if err != nil {
				return err
			}
			if !others {
				return problem(CodeConflict, "input.personId", "This is the last coordinator of who leads the partnership; appoint another one first.")
			}
		}
		_, err := tx.NewDelete().Model((*coordinator)(nil)).Where("member_id = ?", m.ID).Where("person_id = ?", in.PersonID).Exec(ctx)
		return err
	})
}

func (d *DB) changeCoordinators(ctx context.Context, actor Actor, in CoordinatorInput, action string, shape Shape, change func(context.Context, bun.Tx, *Member) error) (*Person, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		m := new(Member)
		ok, err := found(d.locked(tx.NewSelect().Model(m)).Where("partnership_id = ?", in.PartnershipID).Where("organisation_id = ?", in.OrganisationID).Scan(ctx))
		switch {
		case err != nil:
			return fmt.Errorf("member: %w", err)
		case !ok:
			return problem(CodeNotFound, "input.organisationId", "This organisation is no member of the partnership.")
		case !actor.arranges(m):
			return problem(CodeForbidden, "input.organisationId", "Coordinators of this organisation and of who leads the partnership can do that.")
		}
		if err := personExists(ctx, tx, in.PersonID); err != nil {
			return err
		}
		if err := change(ctx, tx, m); err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		return audit(ctx, tx, now, actor, action, m.ID)
	})
	if err != nil {
		return nil, err
	}
	return d.person(ctx, actor, in.PersonID, shape)
}

// AppointAdministrator lets the person with the address do everything on this installation. It is for operators.
func (d *DB) AppointAdministrator(ctx context.Context, email string) error {
	return d.changeAdministrators(ctx, email, "appoint administrator", func(ctx context.Context, tx bun.Tx, now time.Time, person ID) error {
		_, err := tx.NewRaw("INSERT INTO administrators (person_id, appointed_at) VALUES (?, ?) ON CONFLICT DO NOTHING", person, now).Exec(ctx)
		return err
	})
}

// DismissAdministrator takes that back, at once.
func (d *DB) DismissAdministrator(ctx context.Context, email string) error {
	return d.changeAdministrators(ctx, email, "dismiss administrator", func(ctx context.Context, tx bun.Tx, _ time.Time, person ID) error {
		_, err := tx.NewRaw("DELETE FROM administrators WHERE person_id = ?", person).Exec(ctx)
		return err
	})
}

func (d *DB) changeAdministrators(ctx context.Context, email, action string, change func(context.Context, bun.Tx, time.Time, ID) error) error {
	return d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		person, err := personByAddress(ctx, tx, email)
		if err != nil {
			return err
		}
		if err := change(ctx, tx, now, person.ID); err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		return audit(ctx, tx, now, Actor{}, action, person.ID)
	})
}

// personByAddress finds a person by mail address.
func personByAddress(ctx context.Context, tx bun.Tx, email string) (*Person, error) {
	address, ok := normalAddress(email)
	if !ok {
		return nil, problem(CodeInvalid, "email", "This is not a mail address.")
	}
	person := new(Person)
	ok, err := found(tx.NewSelect().Model(person).Where("email = ?", address).Scan(ctx))
	if err == nil && !ok {
		err = problem(CodeNotFound, "email", "Nobody with this address is known.")
	}
	return person, err
}
