package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// RetryFailedInput says which mails of a campaign are tried again.
type RetryFailedInput struct {
	CampaignID ID
	Uncertain  *bool // also those that probably arrived
}

// RetryFailed sends those mails of a campaign again that did not arrive: FAILED ones, and SUPPRESSED or BOUNCED ones when the
// suppression of the address was lifted since. It returns how many these are. Nobody is among them whose address takes no mail, who
// wants no invitations, who has answered, or who was invited anew. A report has no answers, and goes to those too who want no
// invitations. It is the same mail with the same Message-ID. Where a mail
// server may have a copy of it the Date stays too; a mail that was refused gets a new one, since old ones count as spam.
func (d *DB) RetryFailed(ctx context.Context, actor Actor, in RetryFailedInput, shape Shape) (c *Campaign, retried int, err error) {
	c, err = d.steer(ctx, actor, in.CampaignID, shape, "retry failed mails", func(ctx context.Context, tx bun.Tx, now time.Time, c *Campaign) error {
		retried = 0
		switch c.State {
		case CampaignCancelled:
			return problem(CodeConflict, "input.campaignId", "This campaign was cancelled; send a new one to those not yet invited.")
		case CampaignPaused:
			return problem(CodeConflict, "input.campaignId", "This campaign is held; resume it first.")
		}
		if c.ReportID.IsZero() { // which is read long after the meeting
			if err := c.answerable(ctx, viewIn(tx, actor, now)); err != nil {
				return err
			}
		}
		rows, err := d.retryable(ctx, tx, c, in.Uncertain != nil && *in.Uncertain)
		if err != nil || len(rows) == 0 {
			return err
		}
		if c.State == CampaignFinished {
			if c.SummedUpAt == nil { // before anything of what it tells is changed
				if _, err := c.sumUp(ctx, tx, now); err != nil {
					return err
				}
			}
			c.Round++
		}
		for chunk := range slices.Chunk(rows, 1000) {
			n, err := d.tryAgain(ctx, tx, now, c, chunk)
			if err != nil {
				return err
			}
			retried += n
		}
		switch {
		case c.State != CampaignFinished:
		case retried == 0:
			c.Round--
		default:
			c.State, c.FinishedAt, c.SummedUpAt = CampaignSending, nil, nil
		}
		return nil
	})
	return c, retried, err
}

// answerable refuses what nobody can be invited to any more.
func (c *Campaign) answerable(ctx context.Context, v view) error {
	t := &target{field: "input.campaignId"}
	if err := v.meetings(ctx, []*Campaign{c}, Shape{"edition": nil, "courseRun": nil}); err != nil {
		return err
	}
	off := false
	switch {
	case c.Edition != nil:
		t.starts, _ = c.Edition.starts()
		off = c.Edition.Status != EditionPublished
	case c.CourseRun != nil:
		t.starts = c.CourseRun.starts()
		off = c.CourseRun.Status == RunCancelled || c.CourseRun.Status == RunDraft
	}
	switch {
	case off:
		t.problem = problem(CodeConflict, t.field, "This meeting is off or not public; nobody can be invited to it.")
	case c.RespondBy != nil && !v.now.Before(*c.RespondBy):
		t.problem = problem(CodeDeadline, t.field, "The time to answer these invitations is over; send a new campaign.")
	}
	return t.over(v.now)
}

// retryableMail is a mail of a campaign that may be tried again.
type retryableMail struct {
	ID           ID
	InvitationID ID
	PersonID     ID
	Email        string
}

// retryable finds the mails of a campaign that may be tried again.
func (d *DB) retryable(ctx context.Context, tx bun.Tx, c *Campaign, uncertain bool) ([]retryableMail, error) {
	var rows []retryableMail
	undelivered, unanswered := bun.Safe("invitation.status = '"+InvitationUndelivered+"'"), bun.Safe("invitation.status = '"+InvitationPending+"'")
	q := tx.NewSelect().Model((*Delivery)(nil)).Column("delivery.id", "delivery.invitation_id", "delivery.person_id").ColumnExpr("person.email").
		Join("JOIN people AS person ON person.id = delivery.person_id AND person.email IS NOT NULL").Where("delivery.campaign_id = ?", c.ID)
	if c.ReportID.IsZero() {
		q = q.Join("JOIN invitations AS invitation ON invitation.id = delivery.invitation_id")
	} else {
		undelivered, unanswered = "1 = 1", "1 = 1"
	}
	if err := q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("delivery.state IN (?) AND ?", bun.List([]DeliveryState{Failed, Suppressed}), undelivered).
			// Lifting a suppression forgets the reports that mails came back.
			WhereOr("delivery.state = ? AND ? AND NOT EXISTS (SELECT 1 FROM bounces WHERE delivery_id = delivery.id)", Bounced, undelivered)
		if uncertain {
			q = q.WhereOr("delivery.state = ? AND ?", Uncertain, unanswered)
		}
		return q
	}).Order("delivery.id").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("mails to try again: %w", err)
	}
	var to []string
	people := map[string]ID{}
	for _, row := range rows {
		to, people[row.Email] = append(to, row.Email), row.PersonID
	}
	suppressed, err := d.suppressed(ctx, tx, to)
	if err != nil {
		return nil, err
	}
	var out map[string]bool
	if c.ReportID.IsZero() {
		out, err = d.optedOut(ctx, tx, people)
	}
	return slices.DeleteFunc(rows, func(row retryableMail) bool { return suppressed[row.Email] != nil || out[row.Email] }), err
}

// tryAgain puts mails of a campaign, which is locked, back into the queue, and takes them out of its counts. It passes over what
// somebody else is changing at this moment: an answer, or a report that a mail came back.
func (d *DB) tryAgain(ctx context.Context, tx bun.Tx, now time.Time, c *Campaign, rows []retryableMail) (retried int, err error) {
	var ended []*Delivery
	if err := d.skipLocked(tx.NewSelect().Model(&ended).Column("id", "invitation_id", "state")).
		Where("id IN (?)", bun.List(idsBy(rows, func(row retryableMail) ID { return row.ID }))).
		Where("state IN (?)", bun.List([]DeliveryState{Failed, Suppressed, Bounced, Uncertain})).Scan(ctx); err != nil || len(ended) == 0 {
		return 0, err
	}
	open := map[ID]bool{{}: true} // a mail without an invitation waits for nobody's answer
	if c.ReportID.IsZero() {
		if open, err = d.reopened(ctx, tx, ended); err != nil {
			return 0, err
		}
	}
	var again []ID
	for _, x := range ended {
		if !open[x.InvitationID] {
			continue
		}
		again = append(again, x.ID)
		*map[DeliveryState]*int{Failed: &c.Failed, Suppressed: &c.Suppressed, Bounced: &c.Bounced, Uncertain: &c.Uncertain}[x.State]--
	}
	if len(again) == 0 {
		return 0, nil
	}
	if _, err := tx.NewUpdate().Model((*Delivery)(nil)).
		Set("dated_at = CASE WHEN state IN (?) AND drops = 0 THEN NULL ELSE dated_at END", bun.List([]DeliveryState{Failed, Suppressed})).
		Set("state = ?", Queued).Set("not_before = ?", now).Set("attempts = 0").Set("sent_at = NULL").Set("last_code = 0").Set("last_error = NULL").
		Set("claim = NULL").Set("status_code = NULL").Set("round = ?", c.Round).Where("id IN (?)", bun.List(again)).Exec(ctx); err != nil {
		return 0, fmt.Errorf("try mails again: %w", err)
	}
	return len(again), nil
}

// reopened makes those of the mails' invitations wait for an answer that nobody is answering at this moment, and returns which.
func (d *DB) reopened(ctx context.Context, tx bun.Tx, ended []*Delivery) (map[ID]bool, error) {
	free := d.skipLocked(tx.NewSelect().Model((*Invitation)(nil)).Column("id")).
		Where("id IN (?)", bun.List(idsBy(ended, func(x *Delivery) ID { return x.InvitationID }))).
		Where("status IN (?)", bun.List([]InvitationStatus{InvitationUndelivered, InvitationPending}))
	var pending []ID
	if err := tx.NewUpdate().With("free", free).Model((*Invitation)(nil)).Set("status = ?", InvitationPending).
		Where("id IN (SELECT id FROM free)").Returning("id").Scan(ctx, &pending); err != nil {
		return nil, fmt.Errorf("invitations to try again: %w", err)
	}
	open := make(map[ID]bool, len(pending))
	for _, id := range pending {
		open[id] = true
	}
	return open, nil
}
