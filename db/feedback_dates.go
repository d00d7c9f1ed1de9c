package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// ChangeFeedbackDatesInput moves the dates of a survey; nil ones stay as they are.
type ChangeFeedbackDatesInput struct {
	EditionID ID
	OpensAt   *time.Time
	ClosesAt  *time.Time
	RemindAt  *time.Time
}

// ChangeFeedbackDates moves the dates of the survey about an edition, by its organisers and until it has closed. When it opens, and
// so when its mails leave, can be changed until it has opened. From then on it can only close later: people were told until when
// they can answer, and their links work until then at least. When people are reminded can be changed until they were.
func (d *DB) ChangeFeedbackDates(ctx context.Context, actor Actor, in ChangeFeedbackDatesInput, shape Shape) (*Edition, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		v := viewIn(tx, actor, now)
		e := new(Edition)
		ok, err := found(v.visible(tx.NewSelect().Model(e)).Where("?TableAlias.id = ?", in.EditionID).Scan(ctx))
		if err != nil {
			return fmt.Errorf("edition: %w", err)
		}
		if !ok {
			return problem(CodeNotFound, "input.editionId", "There is no such edition.")
		}
		if !actor.organisesEdition(e.ID, e.PartnershipID, e.HostID) {
			return problem(CodeForbidden, "input.editionId", "Only organisers of the edition change when people give feedback on it.")
		}
		s := new(Survey)
		ok, err = found(d.locked(tx.NewSelect().Model(s)).Where("edition_id = ?", e.ID).Scan(ctx))
		if err != nil {
			return fmt.Errorf("survey: %w", err)
		}
		if !ok {
			return problem(CodeConflict, "input.editionId", "Feedback on this edition was not asked for yet.")
		}
		if err := in.apply(now, s); err != nil {
			return err
		}
		if _, err := tx.NewUpdate().Model(s).Column("opens_at", "closes_at", "remind_at").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("change survey: %w", err)
		}
		if in.OpensAt != nil {
			if err := s.moveMails(ctx, tx); err != nil {
				return err
			}
		}
		return audit(ctx, tx, now, actor, "change dates of feedback", e.ID)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	return d.Edition(ctx, actor, in.EditionID, shape)
}

// apply checks the input and moves the dates of a survey.
func (in ChangeFeedbackDatesInput) apply(now time.Time, s *Survey) error {
	if s.closed(now) {
		return problem(CodeDeadline, "input.editionId", "This survey has closed.")
	}
	instant := func(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }
	opened, told := !now.Before(s.OpensAt), s.ClosesAt
	problems := Errors{}
	if in.OpensAt != nil {
		if opened {
			problems = append(problems, problem(CodeConflict, "input.opensAt", "This survey is open already."))
		} else if s.OpensAt = now; in.OpensAt.After(now) {
			s.OpensAt = instant(*in.OpensAt)
		}
	}
	if in.ClosesAt != nil {
		s.ClosesAt = instant(*in.ClosesAt)
	}
	switch {
	case opened && s.ClosesAt.Before(told):
		problems = append(problems, problem(CodeConflict, "input.closesAt", "People were told that they can answer until %s; close the survey then or later.", told.Format("2 January 2006 at 15:04 MST")))
	case !s.ClosesAt.After(s.OpensAt):
		problems = append(problems, problem(CodeInvalid, "input.closesAt", "Close the survey after it opens."))
	case s.ClosesAt.After(now.AddDate(1, 0, 0)):
		problems = append(problems, problem(CodeInvalid, "input.closesAt", "Close the survey within a year from now."))
	}
	if in.RemindAt != nil {
		at := instant(*in.RemindAt)
		if s.RemindedAt != nil {
			problems = append(problems, problem(CodeConflict, "input.remindAt", "People were reminded already."))
		} else if s.RemindAt = &at; !at.After(now) {
			problems = append(problems, problem(CodeInvalid, "input.remindAt", "Remind people in the future."))
		}
	}
	if len(problems) == 0 && s.RemindAt != nil && (!s.RemindAt.After(s.OpensAt) || !s.RemindAt.Before(s.ClosesAt)) {
		problems = append(problems, problem(CodeInvalid, "input.remindAt", "Remind people while the survey is open."))
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// moveMails has the mails of a survey that has not opened leave when it does.
func (s *Survey) moveMails(ctx context.Context, tx bun.Tx) error {
	if _, err := tx.NewUpdate().Model((*Campaign)(nil)).Set("send_at = ?", s.OpensAt).Set("version = version + 1").Where("survey_id = ?", s.ID).Exec(ctx); err != nil {
		return fmt.Errorf("move campaign: %w", err)
	}
	if _, err := tx.NewUpdate().Model((*Delivery)(nil)).Set("not_before = ?", s.OpensAt).Where("survey_id = ?", s.ID).Where("state = ?", Queued).Exec(ctx); err != nil {
		return fmt.Errorf("move mails: %w", err)
	}
	return nil
}
