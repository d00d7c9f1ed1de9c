package db

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// RegistrationList is who is registered on seats, in the order of registering, for somebody who takes the list away as a file.
type RegistrationList struct {
	Name     string         // of the meeting: the keys of the edition and session, or of the course and run, joined by hyphens
	Zone     *time.Location // of the meeting
	Language Locale         // of the reader
	Over     bool           // whether the meeting has ended, so that who has not come is not to be expected any more

	db       *DB
	actor    Actor
	restrict func(*bun.SelectQuery) *bun.SelectQuery
}

// exportPage is how many registrations are in memory at a time.
const exportPage = 500

// RegistrationList returns who is registered on seats: everybody to organisers, the people of their own organisations to
// coordinators. The filter restricts it. It refuses everybody else, and seats that the actor may not know of.
func (d *DB) RegistrationList(ctx context.Context, actor Actor, seats ID, filter RegistrationFilter) (*RegistrationList, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	v := d.view(actor)
	known, err := v.knownSeats(ctx, []ID{seats})
	if err != nil {
		return nil, err
	}
	if known[seats] == nil {
		return nil, problem(CodeNotFound, "seatsId", "There are no such seats.")
	}
	occasions, err := v.occasions(ctx, []ID{seats})
	if err != nil {
		return nil, err
	}
	o := occasions[seats]
	if !o.organisedBy(actor) && len(actor.Coordinates) == 0 {
		return nil, problem(CodeForbidden, "seatsId", "Only organisers and coordinators can take the list of participants away.")
	}
	l := &RegistrationList{Zone: o.zone(), Over: o.over(v.now), db: d, actor: actor, restrict: func(q *bun.SelectQuery) *bun.SelectQuery {
		return filter.restrict(o.listed(actor, q.Where("registration.seats_id = ?", seats)))
	}}
	if l.Name, err = v.fileName(ctx, known[seats]); err != nil {
		return nil, err
	}
	if err := v.tx.NewSelect().Model((*Person)(nil)).Column("locale").Where("id = ?", actor.PersonID).Scan(ctx, &l.Language); err != nil {
		return nil, fmt.Errorf("language of the reader: %w", err)
	}
	return l, nil
}

// fileName joins the keys that name what the seats are in.
func (v view) fileName(ctx context.Context, s *Seats) (string, error) {
	var keys struct{ First, Second string }
	q := v.tx.NewSelect()
	switch {
	case !s.CourseRunID.IsZero():
		q = q.TableExpr("course_runs AS run").Join("JOIN courses AS course ON course.id = run.course_id").
			ColumnExpr("course.key AS first, run.key AS second").Where("run.id = ?", s.CourseRunID)
	case !s.SessionID.IsZero():
		q = q.TableExpr("sessions AS session").Join("JOIN editions AS edition ON edition.id = session.edition_id").
			ColumnExpr("edition.key AS first, session.key AS second").Where("session.id = ?", s.SessionID)
	default:
		q = q.TableExpr("editions AS edition").ColumnExpr("edition.key AS first, '' AS second").Where("edition.id = ?", s.EditionID)
	}
	if err := q.Scan(ctx, &keys); err != nil {
		return "", fmt.Errorf("name of the list: %w", err)
	}
	return strings.TrimSuffix(keys.First+"-"+keys.Second, "-"), nil
}

// Pages reads the list page by page. Each registration comes once, with its person, whom the person worked for, who made it,
// its position and whether the person came, as they are when its page is read; those made meanwhile come last. An error ends the list.
func (l *RegistrationList) Pages(ctx context.Context) iter.Seq2[[]*Registration, error] {
	shape := Shape{"person": {"email": nil}, "worksFor": nil, "registeredBy": nil, "position": nil, "checkedInAt": nil}
	return func(yield func([]*Registration, error) bool) {
		for last := 0; ; {
			v := l.db.view(l.actor)
			var rows []*Registration
			err := l.restrict(v.tx.NewSelect().Model(&rows)).Where("registration.ticket > ?", last).Order("registration.ticket").Limit(exportPage).Scan(ctx)
			if err == nil {
				err = v.finish(ctx, v.registrations(ctx, rows, shape))
			}
			if err != nil {
				yield(nil, fmt.Errorf("list of registrations: %w", err))
				return
			}
			if !yield(rows, nil) || len(rows) < exportPage {
				return
			}
			last = rows[len(rows)-1].Ticket
		}
	}
}
