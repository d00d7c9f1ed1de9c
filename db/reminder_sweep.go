package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

const (
	// remindChunk is how many mails of a reminder are queued in one transaction.
	remindChunk = 1000
	// remindAtMost is how long nobody is reminded again of an invitation, by whichever reminder.
	remindAtMost = 24 * time.Hour
)

// SweepCampaigns queues what time alone makes due: reminders to those who have not answered an invitation or a survey, and what is told to organisers whose
// campaigns came to their end. Each is done once, however often and by how many processes this runs. It returns how many mails it
// queued.
func (d *DB) SweepCampaigns(ctx context.Context) (queued int, err error) {
	var due []ID
	if err := d.read.NewSelect().Model((*Reminder)(nil)).Column("id").Where("progress = ?", reminderOpen).Where("due_at <= ?", d.now()).
		Order("due_at").Scan(ctx, &due); err != nil {
		return 0, fmt.Errorf("reminders that are due: %w", err)
	}
	for _, id := range due {
		for more := true; more; {
			var n int
			if n, more, err = d.remindNext(ctx, id); err != nil {
				return queued, err
			}
			queued += n
		}
	}
	asked, err := d.remindOfFeedback(ctx)
	if queued += asked; err != nil {
		return queued, err
	}
	told, err := d.sumUpCampaigns(ctx)
	if queued += told; queued > 0 {
		d.woken()
	}
	return queued, err
}

// remindNext queues the next mails of a reminder that is due, and remembers in the same transaction how far it came.
func (d *DB) remindNext(ctx context.Context, id ID) (queued int, more bool, err error) {
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		queued, more = 0, false
		r := new(Reminder)
		if ok, err := found(d.locked(tx.NewSelect().Model(r)).Where("id = ?", id).Where("progress = ?", reminderOpen).
			Where("due_at <= ?", now).Scan(ctx)); !ok || err != nil {
			return err
		}
		rows, err := r.unanswered(ctx, tx, now)
		if err != nil {
			return err
		}
		deliveries := make([]*Delivery, len(rows))
		for i, row := range rows {
			deliveries[i] = &Delivery{
				Kind: MailReminder, PersonID: row.PersonID, InvitationID: row.ID, ReminderID: r.ID, CreatedAt: now, NotBefore: now,
			}
			if row.CampaignStatus == CampaignPaused {
				deliveries[i].NotBefore = farFuture
			}
			r.QueuedTo = row.ID
		}
		queued, more = len(rows), len(rows) == remindChunk
		if !more {
			r.Progress = reminderQueued
		}
		if err := queue(ctx, tx, deliveries...); err != nil {
			return err
		}
		if _, err := tx.NewUpdate().Model(r).Column("progress", "queued_to").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("remember reminder: %w", err)
		}
		return nil
	})
	return queued, more, err
}

// unansweredInvitation is an invitation whose person is to be reminded.
type unansweredInvitation struct {
	ID             ID
	PersonID       ID
	CampaignStatus CampaignStatus
}

// unanswered returns the next invitations that the reminder is about: which left before it was due, are not answered, and whose
// person was not reminded within a day. Whose invitation waits in a campaign that is held has nothing to be reminded of.
func (r *Reminder) unanswered(ctx context.Context, tx bun.Tx, now time.Time) (rows []unansweredInvitation, err error) {
	q := tx.NewSelect().Model((*Invitation)(nil)).Column("invitation.id", "invitation.person_id").ColumnExpr("campaign.status AS campaign_status").
		Join("JOIN campaigns AS campaign ON campaign.id = invitation.campaign_id AND campaign.status <> ?", CampaignCancelled).
		Where("invitation.status = ?", InvitationPending).
		Where("EXISTS (SELECT 1 FROM deliveries AS x WHERE x.invitation_id = invitation.id AND x.kind = ? AND x.state IN (?) AND coalesce(x.sent_at, x.dated_at) <= ?)",
			MailInvitation, bun.List([]DeliveryState{Sent, Uncertain}), r.DueAt).
		Where("NOT EXISTS (SELECT 1 FROM deliveries AS x WHERE x.invitation_id = invitation.id AND x.kind = ? AND x.state <> ? AND x.created_at > ?)",
			MailReminder, DeliveryCanceled, now.Add(-remindAtMost)).
		Order("invitation.id").Limit(remindChunk)
	switch {
	case !r.CampaignID.IsZero():
		q = q.Where("invitation.campaign_id = ?", r.CampaignID)
	case !r.EditionID.IsZero():
		q = q.Where("invitation.edition_id = ?", r.EditionID)
	default:
		q = q.Where("invitation.course_run_id = ?", r.CourseRunID)
	}
	if !r.QueuedTo.IsZero() {
		q = q.Where("invitation.id > ?", r.QueuedTo)
	}
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("unanswered invitations: %w", err)
	}
	return rows, nil
}

// reminds reports whether a reminder is still true: it was not withdrawn, and there is something to answer and time to do so.
func (m *Mail) reminds(now time.Time, off bool) bool {
	if off || !m.pending || m.Reminder.Progress == reminderWithdrawn || m.Campaign.State == CampaignCancelled {
		return false
	}
	if by := m.Campaign.RespondBy; by != nil && !now.Before(*by) {
		return false
	}
	if m.CourseRun != nil {
		return now.Before(m.CourseRun.starts())
	}
	starts, known := m.Edition.starts()
	return !known || now.Before(starts)
}
