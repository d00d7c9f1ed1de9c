package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// AnswerIntakeInput is what somebody gives of the intake of a registration. What it leaves out stays as it is.
type AnswerIntakeInput struct {
	RegistrationID ID
	Answers        []IntakeAnswerInput
	Invoice        *InvoiceInput
}

// AnswerIntake records answers and to whom the invoice goes; a place that is held becomes certain with the last thing needed.
// The person and the organisers give answers, and coordinators of the person's organisation the invoice. A complete intake can
// be changed until its deadline and an incomplete one until the course begins; organisers can always change it.
func (d *DB) AnswerIntake(ctx context.Context, actor Actor, in AnswerIntakeInput, shape Shape) (*Registration, error) {
	return d.answerIntake(ctx, actor, in, false, shape)
}

// answerIntake does so; with whole, it refuses answers that leave the intake incomplete.
func (d *DB) answerIntake(ctx context.Context, actor Actor, in AnswerIntakeInput, whole bool, shape Shape) (*Registration, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		seats, r, err := d.lockRegistration(ctx, tx, now, in.RegistrationID)
		if err != nil {
			return err
		}
		if r == nil || !actor.mayRegister(r.Person) && !seats.occasion.organisedBy(actor) {
			return problem(CodeNotFound, "input.registrationId", "There is no such registration, or none that you may change.")
		}
		if refusal, err := seats.refusesIntake(ctx, tx, now, actor, r, len(in.Answers) > 0); refusal != nil || err != nil {
			if err != nil {
				return err
			}
			return refusal
		}
		if err := seats.readQuestions(ctx, tx); err != nil {
			return err
		}
		given, err := seats.readIntake(actor, in.Answers, in.Invoice, whole || r.Status == Confirmed)
		if err != nil {
			return err
		}
		if err := given.save(ctx, tx, r.ID); err != nil {
			return err
		}
		if r.Status == Held {
			if err := seats.confirm(ctx, tx, now, r); err != nil {
				return err
			}
		}
		return audit(ctx, tx, now, actor, "answer intake", r.ID)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	return d.registration(ctx, actor, in.RegistrationID, shape)
}

// refusesIntake says why the actor cannot give anything of the intake now; nil when that is possible.
func (s *lockedSeats) refusesIntake(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, r *Registration, answers bool) (*Error, error) {
	switch organiser := s.occasion.organisedBy(actor); {
	case s.CourseRunID.IsZero():
		return problem(CodeInvalid, "input.registrationId", "Only courses have an intake."), nil
	case !s.occasion.on():
		return problem(CodeConflict, "input.registrationId", "This course was cancelled."), nil
	case !slices.Contains(active, r.Status):
		return problem(CodeConflict, "input.registrationId", "This registration is over."), nil
	case organiser:
		return nil, nil
	case answers && actor.PersonID != r.PersonID:
		return problem(CodeForbidden, "input.answers", "Only the participant and the organisers answer these questions; leave them out."), nil
	case !now.Before(s.occasion.closes(new(Seats))):
		return problem(CodeDeadline, "input.registrationId", "This course has begun; ask its organisers."), nil
	case s.occasion.IntakeDueAt == nil || now.Before(*s.occasion.IntakeDueAt):
		return nil, nil
	}
	complete, err := s.intakeComplete(ctx, tx, r.ID)
	if !complete || err != nil {
		return nil, err
	}
	return problem(CodeDeadline, "input.registrationId", "The intake closed on %s; ask the organisers to change it.",
		s.occasion.IntakeDueAt.In(s.occasion.zone()).Format("2 January 2006 at 15:04 MST")), nil
}

// confirm makes a place that is held certain when the intake is complete.
func (s *lockedSeats) confirm(ctx context.Context, tx bun.Tx, now time.Time, r *Registration) error {
	kind, err := s.takes(ctx, tx, r)
	if err != nil || r.Status == Held {
		return err
	}
	if _, err := tx.NewUpdate().Model(r).Column("status").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("confirm registration: %w", err)
	}
	return tell(ctx, tx, now, kind, []*Registration{r})
}

// confirmHeld makes the places certain that are held although the intake is complete.
func (s *lockedSeats) confirmHeld(ctx context.Context, tx bun.Tx, now time.Time) error {
	if !s.occasion.on() {
		return nil
	}
	var held []*Registration
	if err := tx.NewSelect().Model(&held).Where("seats_id = ?", s.ID).Where("status = ?", Held).Order("ticket").Scan(ctx); err != nil {
		return fmt.Errorf("places that are held: %w", err)
	}
	for _, r := range held {
		if err := s.confirm(ctx, tx, now, r); err != nil {
			return err
		}
	}
	return nil
}

// standing is what somebody has who gets a place, and the mail that says so.
func (s *lockedSeats) standing(complete bool) (RegistrationStatus, MailKind) {
	if !complete {
		return Held, MailIntakeRequested
	}
	return Confirmed, MailConfirmed
}

// takes sets what a registration becomes that gets a place or has it, and returns the mail that says so.
func (s *lockedSeats) takes(ctx context.Context, tx bun.Tx, r *Registration) (kind MailKind, err error) {
	complete, err := s.intakeComplete(ctx, tx, r.ID)
	r.Status, kind = s.standing(complete)
	return kind, err
}

// intakeComplete reports whether a registration has all that makes a place certain.
func (s *lockedSeats) intakeComplete(ctx context.Context, tx bun.Tx, registration ID) (bool, error) {
	if s.occasion.NeedsAnswers {
		missing, err := tx.NewSelect().Model((*IntakeQuestion)(nil)).Where("course_run_id = ?", s.CourseRunID).Where("required").
			Where("NOT EXISTS (SELECT 1 FROM intake_answers WHERE registration_id = ? AND question_id = intake_question.id)", registration).Exists(ctx)
		if missing || err != nil {
			return false, err
		}
	}
	if s.occasion.NeedsInvoice {
		return tx.NewSelect().Model((*Invoice)(nil)).Where("registration_id = ?", registration).Exists(ctx)
	}
	return true, nil
}
