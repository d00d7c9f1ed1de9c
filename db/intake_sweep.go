package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

const (
	// remindBefore is how long before the deadline of an intake those are reminded who have not completed it.
	remindBefore = 3 * 24 * time.Hour
	// decisionHour is the hour of the day, by the clock of the run, at which its organisers hear that it is below its minimum.
	decisionHour = 8
)

// remindAt returns when somebody is reminded who was asked for the intake: some days before the deadline, or half-way to it when
// less time than that was given.
func remindAt(asked, due time.Time) time.Time {
	if at := due.Add(-remindBefore); at.After(asked) {
		return at
	}
	return asked.Add(due.Sub(asked) / 2)
}

// SweepCourses makes known what time alone brings about: intakes that are still open shortly before their deadline, and course
// runs that are below their minimum on the day of decision. Each is told once, however often and by how many processes this
// runs. It returns how many course runs there was something to tell of.
func (d *DB) SweepCourses(ctx context.Context) (int, error) {
	reminded, err := d.remindOfIntakes(ctx)
	if err != nil {
		return 0, err
	}
	below, err := d.tellOfMinimums(ctx)
	if reminded+below > 0 {
		d.woken()
	}
	return reminded + below, err
}

// openIntake is a place that is held while the deadline of the intake comes nearer.
type openIntake struct {
	ID        ID // of the registration
	PersonID  ID
	SeatsID   ID
	AskedAt   time.Time
	IntakeDue time.Time
}

// openIntakes returns the places that are held, whose holders were not reminded yet and are to be now. A deadline that has
// passed is none to be reminded of.
func openIntakes(ctx context.Context, tx bun.IDB, now time.Time, narrow func(*bun.SelectQuery) *bun.SelectQuery) ([]*openIntake, error) {
	var open []*openIntake
	if err := narrow(tx.NewSelect().TableExpr("course_runs AS run").Join("JOIN seats ON seats.course_run_id = run.id").
		Join("JOIN registrations AS registration ON registration.seats_id = seats.id AND registration.status = ?", Held).
		Join("JOIN deliveries AS request ON request.registration_id = registration.id AND request.kind = ?", MailIntakeRequested).
		ColumnExpr("registration.id, registration.person_id, registration.seats_id, request.created_at AS asked_at, run.intake_due_at AS intake_due")).
		Where("run.intake_due_at > ?", now).Where("run.status IN (?)", bun.List([]CourseRunStatus{RunPlanned, RunConfirmed})).
		Where("NOT EXISTS (SELECT 1 FROM deliveries WHERE registration_id = registration.id AND kind = ?)", MailIntakeReminder).
		Order("registration.ticket").Scan(ctx, &open); err != nil {
		return nil, fmt.Errorf("open intakes: %w", err)
	}
	return slices.DeleteFunc(open, func(o *openIntake) bool { return now.Before(remindAt(o.AskedAt, o.IntakeDue)) }), nil
}

func (d *DB) remindOfIntakes(ctx context.Context) (int, error) {
	due, err := openIntakes(ctx, d.read, d.now(), func(q *bun.SelectQuery) *bun.SelectQuery { return q })
	if err != nil {
		return 0, err
	}
	seats := distinct(idsBy(due, func(o *openIntake) ID { return o.SeatsID }))
	for _, id := range seats {
		if err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
			if _, err := d.lockSeats(ctx, tx, now, "id", id); err != nil {
				return err
			}
			open, err := openIntakes(ctx, tx, now, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("seats.id = ?", id) })
			if err != nil {
				return err
			}
			registrations := make([]*Registration, len(open))
			for i, o := range open {
				registrations[i] = &Registration{ID: o.ID, PersonID: o.PersonID}
			}
			return tell(ctx, tx, now, MailIntakeReminder, registrations)
		}); err != nil {
			return 0, err
		}
	}
	return len(seats), nil
}

// undecided restricts a query over course runs to those whose organisers are to hear that they are below their minimum. Of the
// time of the day the query knows nothing.
func undecided(q *bun.SelectQuery, now time.Time) *bun.SelectQuery {
	tomorrow := DateOf(now.AddDate(0, 0, 1)) // no time zone is a day ahead
	return q.Join("JOIN seats ON seats.course_run_id = course_run.id AND seats.taken < course_run.min_participants").
		Where("course_run.status = ?", RunPlanned).Where("course_run.decide_on <= ?", tomorrow).
		Where("course_run.below_minimum_told_for IS NULL OR course_run.below_minimum_told_for <> course_run.decide_on")
}

// decides reports whether the run is at or past the hour of its decision, and its first day is not over.
func (r *CourseRun) decides(now time.Time) bool {
	hour := startOfDay(*r.DecideOn, r.TimeZone).Add(decisionHour * time.Hour)
	return !now.Before(hour) && now.Before(r.starts().AddDate(0, 0, 1))
}

func (d *DB) tellOfMinimums(ctx context.Context) (told int, err error) {
	var runs []*CourseRun
	if err := undecided(d.read.NewSelect().Model(&runs), d.now()).Scan(ctx); err != nil {
		return 0, fmt.Errorf("course runs to decide on: %w", err)
	}
	for _, run := range runs {
		if !run.decides(d.now()) {
			continue
		}
		told++
		if err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
			if _, err := d.lockSeats(ctx, tx, now, "course_run_id", run.ID); err != nil {
				return err
			}
			fresh := new(CourseRun)
			if ok, err := found(undecided(tx.NewSelect().Model(fresh), now).Where("course_run.id = ?", run.ID).Scan(ctx)); !ok || err != nil {
				return err
			}
			fresh.BelowMinimumToldFor = fresh.DecideOn
			if _, err := tx.NewUpdate().Model(fresh).Column("below_minimum_told_for").WherePK().Exec(ctx); err != nil {
				return fmt.Errorf("mark course run: %w", err)
			}
			return tellOrganisers(ctx, tx, now, MailRunBelowMinimum, fresh)
		}); err != nil {
			return told, err
		}
	}
	return told, nil
}

// tellOrganisers queues a mail of the kind to everybody who organises the course: those who coordinate for the organisation that
// offers it, and those who were named. Administrators may do so too, and are not told.
func tellOrganisers(ctx context.Context, tx bun.Tx, now time.Time, kind MailKind, run *CourseRun) error {
	var organisers []ID
	named := tx.NewSelect().Model((*organiser)(nil)).Column("person_id").Where("course_id = ?", run.CourseID)
	if err := tx.NewSelect().TableExpr("coordinators AS coordinator").ColumnExpr("coordinator.person_id").
		Join("JOIN members AS member ON member.id = coordinator.member_id").
		Where("member.organisation_id = (SELECT organisation_id FROM courses WHERE id = ?)", run.CourseID).Union(named).Scan(ctx, &organisers); err != nil {
		return fmt.Errorf("organisers of a course: %w", err)
	}
	deliveries := make([]*Delivery, len(organisers))
	for i, person := range organisers {
		deliveries[i] = &Delivery{Kind: kind, PersonID: person, CourseRunID: run.ID, CreatedAt: now, NotBefore: now}
	}
	return queue(ctx, tx, deliveries...)
}

// tellsOfCourse reports whether a mail about the intake or the fate of a course run is still true.
func (m *Mail) tellsOfCourse(now time.Time) bool {
	run := m.CourseRun
	if run == nil {
		return false
	}
	on := run.Status == RunPlanned || run.Status == RunConfirmed
	switch m.Delivery.Kind {
	case MailIntakeRequested:
		return on && m.Registration.Status == Held
	case MailIntakeReminder:
		return on && m.Registration.Status == Held && run.IntakeDueAt != nil && now.Before(*run.IntakeDueAt)
	case MailRunConfirmed:
		return run.Status == RunConfirmed && slices.Contains(active, m.Registration.Status)
	case MailRunCancelled: // also to whom an offer ran out meanwhile
		return run.Status == RunCancelled && m.Registration.Status != Cancelled
	case MailRunBelowMinimum:
		return run.Status == RunPlanned && run.MinParticipants != nil && run.Seats.Taken < *run.MinParticipants
	}
	return true
}
