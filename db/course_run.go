package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// ConfirmCourseRun makes a planned run certain and tells everybody who is registered for it. Doing it again changes nothing.
func (d *DB) ConfirmCourseRun(ctx context.Context, actor Actor, id ID, shape Shape) (*CourseRun, error) {
	return d.changeRun(ctx, actor, id, "confirm course run", shape, RunConfirmed, func(ctx context.Context, tx bun.Tx, now time.Time, s *lockedSeats) error {
		if s.occasion.RunStatus != RunPlanned {
			return problem(CodeConflict, "input.courseRunId", "Only a planned course can be confirmed; this one is %s.", s.occasion.RunStatus)
		}
		return tellRegistered(ctx, tx, now, MailRunConfirmed, s.ID)
	})
}

// CancelCourseRun calls a run off and tells everybody who is registered for it; who has a calendar entry gets its cancellation.
// Doing it again changes nothing.
func (d *DB) CancelCourseRun(ctx context.Context, actor Actor, id ID, shape Shape) (*CourseRun, error) {
	return d.changeRun(ctx, actor, id, "cancel course run", shape, RunCancelled, func(ctx context.Context, tx bun.Tx, now time.Time, s *lockedSeats) error {
		if !s.occasion.on() {
			return problem(CodeConflict, "input.courseRunId", "Only a planned or a confirmed course can be cancelled; this one is %s.", s.occasion.RunStatus)
		}
		if _, err := tx.NewUpdate().Model((*Registration)(nil)).Set("calendar_sequence = calendar_sequence + 1").
			Where("seats_id = ?", s.ID).Where("status = ?", Confirmed).Exec(ctx); err != nil {
			return fmt.Errorf("raise calendar sequences: %w", err)
		}
		return tellRegistered(ctx, tx, now, MailRunCancelled, s.ID)
	})
}

// changeRun gives a run of the actor another status, after what goes with it, under the lock of its seats.
func (d *DB) changeRun(ctx context.Context, actor Actor, id ID, action string, shape Shape, to CourseRunStatus,
	with func(context.Context, bun.Tx, time.Time, *lockedSeats) error,
) (*CourseRun, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		seats, err := d.lockSeats(ctx, tx, now, "course_run_id", id)
		switch {
		case err != nil:
			return err
		case seats == nil || !seats.occasion.organisedBy(actor):
			return problem(CodeNotFound, "input.courseRunId", "There is no such course run, or none that you organise.")
		case seats.occasion.RunStatus == to:
			return nil
		case !now.Before(seats.occasion.closes(new(Seats))):
			return problem(CodeDeadline, "input.courseRunId", "This course has begun.")
		}
		if err := with(ctx, tx, now, seats); err != nil {
			return err
		}
		if _, err := tx.NewUpdate().Model((*CourseRun)(nil)).Set("status = ?", to).Where("id = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("change course run: %w", err)
		}
		return audit(ctx, tx, now, actor, action, id)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	v := d.view(actor)
	runs, err := v.loadCourseRuns(ctx, []ID{id}, shape)
	return runs[id], v.finish(ctx, err)
}

// tellRegistered queues a mail of the kind for everybody with a place, an offer or a position on the waiting list.
func tellRegistered(ctx context.Context, tx bun.Tx, now time.Time, kind MailKind, seats ID) error {
	var registered []*Registration
	if err := tx.NewSelect().Model(&registered).Column("id", "person_id").Where("seats_id = ?", seats).
		Where("status IN (?)", bun.List(active)).Order("ticket").Scan(ctx); err != nil {
		return fmt.Errorf("registered people: %w", err)
	}
	return tell(ctx, tx, now, kind, registered)
}

// runDetails completes runs with who teaches them, what they ask and who pays.
func (v view) runDetails(ctx context.Context, rows []*CourseRun, shape Shape) error {
	ids := distinct(idsOf(rows))
	if shape.Has("trainers") {
		var links []*runTrainer
		if err := v.tx.NewSelect().Model(&links).Where("course_run_id IN (?)", bun.List(ids)).Order("position").Scan(ctx); err != nil {
			return fmt.Errorf("trainers of runs: %w", err)
		}
		people, err := v.loadPeople(ctx, idsBy(links, func(l *runTrainer) ID { return l.PersonID }), shape.Of("trainers"))
		if err != nil {
			return err
		}
		byRun := groupBy(links, func(l *runTrainer) ID { return l.CourseRunID })
		for _, row := range rows {
			for _, link := range byRun[row.ID] {
				row.Trainers = append(row.Trainers, people[link.PersonID])
			}
		}
	}
	if shape.Has("intakeQuestions") {
		asked, err := v.questions(ctx, ids)
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.IntakeQuestions = asked[row.ID]
		}
	}
	if !shape.Has("invoice") {
		return nil
	}
	own, err := v.ownRuns(ctx, ids)
	for _, row := range rows {
		if own[row.ID] || v.actor.coordinatesFor(row.PayerID) {
			v.wantOrganisation(row.PayerID, nil, func(o *Organisation) {
				row.Invoice = &Invoice{Organisation: o.Name, Reference: row.InvoiceReference, VATNumber: row.InvoiceVATNumber, Address: *row.InvoiceAddress}
			})
		}
	}
	return err
}
