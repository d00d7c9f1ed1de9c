package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Reminder is a mail to everybody who was invited in time and has not answered when it is due: to a campaign, or to all who were
// invited to an edition or a course run. Its counts are those of its mails, read from them.
type Reminder struct {
	bun.BaseModel `bun:"table:reminders,alias:reminder"`

	ID          ID `bun:",pk"`
	CampaignID  ID `bun:",nullzero"` // zero when it is to all invited to the meeting
	EditionID   ID `bun:",nullzero"`
	CourseRunID ID `bun:",nullzero"`
	CreatedBy   ID
	CreatedAt   time.Time
	DueAt       time.Time
	Progress    reminderProgress
	QueuedTo    ID `bun:",nullzero"` // the invitation up to which those were reminded who were to be

	Campaign  *Campaign  `bun:"-"`
	Edition   *Edition   `bun:"-"`
	CourseRun *CourseRun `bun:"-"`
	counts    map[DeliveryState]int
	readAt    time.Time
}

// reminderProgress is how far the queueing of a reminder's mails has come.
type reminderProgress string

const (
	reminderOpen      reminderProgress = "OPEN"
	reminderQueued    reminderProgress = "QUEUED"
	reminderWithdrawn reminderProgress = "WITHDRAWN"
)

// ReminderStatus is what a reminder does now.
type ReminderStatus string

// The statuses of reminders.
const (
	ReminderScheduled ReminderStatus = "SCHEDULED"
	ReminderSending   ReminderStatus = "SENDING"
	ReminderFinished  ReminderStatus = "FINISHED"
	ReminderWithdrawn ReminderStatus = "WITHDRAWN"
)

func (r *Reminder) id() ID { return r.ID }

// Status returns what the reminder does now.
func (r *Reminder) Status() ReminderStatus {
	switch {
	case r.Progress == reminderWithdrawn:
		return ReminderWithdrawn
	case r.Progress == reminderOpen && r.DueAt.After(r.readAt):
		return ReminderScheduled
	case r.Progress == reminderOpen || r.Queued() > 0:
		return ReminderSending
	}
	return ReminderFinished
}

// Total returns how many people it was made for so far.
func (r *Reminder) Total() (n int) {
	for _, of := range r.counts {
		n += of
	}
	return n
}

// Queued returns how many of its mails have not left yet.
func (r *Reminder) Queued() int { return r.counts[Queued] + r.counts[Sending] }

// Sent returns how many of its mails the mail server took over.
func (r *Reminder) Sent() int { return r.counts[Sent] }

// Failed returns how many of its mails the mail server refused for good.
func (r *Reminder) Failed() int { return r.counts[Failed] }

// Bounced returns how many of its mails came back.
func (r *Reminder) Bounced() int { return r.counts[Bounced] }

// Suppressed returns how many of its mails were held back because of whom they were to.
func (r *Reminder) Suppressed() int { return r.counts[Suppressed] }

// Uncertain returns how many of its mails lost their connection after the last byte.
func (r *Reminder) Uncertain() int { return r.counts[Uncertain] }

// Cancelled returns how many of its mails had become untrue, as when somebody answered.
func (r *Reminder) Cancelled() int { return r.counts[DeliveryCanceled] }

// RemindInvitedInput says who is reminded and when: those of one campaign, or all who were invited to an edition or a course run.
type RemindInvitedInput struct {
	CampaignID  *ID
	EditionID   *ID
	CourseRunID *ID
	At          *time.Time // nil: some days before the campaign's answers are due
}

// maxReminders is how many reminders may wait for one meeting.
const maxReminders = 20

// RemindInvited plans a reminder. Planning the same again before it is due returns the one there is.
func (d *DB) RemindInvited(ctx context.Context, actor Actor, in RemindInvitedInput, shape Shape) (*Reminder, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	var r *Reminder
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) (err error) {
		if r, err = d.planReminder(ctx, viewIn(tx, actor, now), &in); err != nil {
			return err
		}
		of := func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("coalesce(edition_id, course_run_id) = ?", cmp.Or(r.EditionID, r.CourseRunID)).Where("progress <> ?", reminderWithdrawn)
		}
		before := new(Reminder)
		ok, err := found(of(tx.NewSelect().Model(before)).Where("coalesce(campaign_id, edition_id, course_run_id) = ?", cmp.Or(r.CampaignID, r.EditionID, r.CourseRunID)).
			Where("due_at = ?", r.DueAt).Scan(ctx))
		if ok {
			r = before
		}
		if ok || err != nil {
			return err
		}
		if n, err := of(tx.NewSelect().Model((*Reminder)(nil))).Where("progress = ?", reminderOpen).Count(ctx); err != nil || n >= maxReminders {
			if err == nil {
				err = problem(CodeTooLarge, "input", "At most %d reminders can wait for one meeting; withdraw one first.", maxReminders)
			}
			return err
		}
		if _, err := tx.NewInsert().Model(r).Exec(ctx); err != nil {
			return fmt.Errorf("insert reminder: %w", err)
		}
		return audit(ctx, tx, now, actor, "plan reminder", r.ID)
	})
	if err != nil {
		return nil, err
	}
	v := d.view(actor)
	return r, v.finish(ctx, v.reminders(ctx, []*Reminder{r}, shape))
}

// planReminder checks an input, and locks the meeting, so that two of the same follow each other.
func (d *DB) planReminder(ctx context.Context, v view, in *RemindInvitedInput) (*Reminder, error) {
	named := 0
	for _, id := range []*ID{in.CampaignID, in.EditionID, in.CourseRunID} {
		if id != nil {
			named++
		}
	}
	if named != 1 {
		return nil, problem(CodeRequired, "input.campaignId", "Name either a campaign, an edition or a course run, and only one of them.")
	}
	meeting, field := SendInvitationsInput{EditionID: in.EditionID, CourseRunID: in.CourseRunID}, ""
	var c *Campaign
	if in.CampaignID != nil {
		var err error
		if c, err = v.campaign(ctx, *in.CampaignID, nil); err != nil {
			return nil, err
		}
		field = "input.campaignId"
		switch {
		case c == nil:
			return nil, noCampaign()
		case c.State == CampaignCancelled:
			return nil, problem(CodeConflict, field, "This campaign was cancelled; nobody of it is reminded.")
		case c.EditionID.IsZero():
			meeting.CourseRunID = &c.CourseRunID
		default:
			meeting.EditionID = &c.EditionID
		}
	}
	t, err := v.target(ctx, d, &meeting)
	if err != nil {
		return nil, inField(err, field)
	}
	r := &Reminder{ID: NewID(KindReminder, v.now), CreatedBy: v.actor.PersonID, CreatedAt: v.now, Progress: reminderOpen}
	if meeting.EditionID != nil {
		r.EditionID = t.id
	} else {
		r.CourseRunID = t.id
	}
	if c != nil {
		r.CampaignID = c.ID
	}
	r.DueAt, err = in.due(v.now, c, t)
	return r, err
}

// due returns when the reminder is due, if that can be.
func (in *RemindInvitedInput) due(now time.Time, c *Campaign, t *target) (time.Time, error) {
	const field = "input.at"
	var at time.Time
	switch {
	case in.At != nil:
		at = in.At.UTC().Truncate(time.Microsecond)
	case c == nil || c.RespondBy == nil:
		return at, problem(CodeRequired, field, "Say when to remind; only for a campaign with a date to answer by there is a usual time.")
	default:
		at = remindAt(c.SendAt, *c.RespondBy).UTC().Truncate(time.Microsecond)
	}
	switch {
	case !at.After(now):
		return at, problem(CodeInvalid, field, "Remind at a moment in the future.")
	case at.After(now.AddDate(1, 0, 0)):
		return at, problem(CodeInvalid, field, "Remind within a year from now.")
	case !t.starts.IsZero() && !at.Before(t.starts):
		return at, problem(CodeInvalid, field, "Remind before the meeting starts.")
	case c != nil && !at.After(c.SendAt):
		return at, problem(CodeInvalid, field, "Remind after the invitations have left.")
	case c != nil && c.RespondBy != nil && !at.Before(*c.RespondBy):
		return at, problem(CodeInvalid, field, "Remind while people can still answer.")
	}
	return at, nil
}

// inField names another field in a problem, if one is given.
func inField(err error, field string) error {
	p, ok := errors.AsType[*Error](err)
	if !ok || field == "" {
		return err
	}
	return problem(p.Code, field, "%s", p.Message)
}

func noCampaign() *Error {
	return problem(CodeNotFound, "input.campaignId", "There is no such campaign, or none that you organise.")
}

// WithdrawReminder takes a reminder back: before it is due nobody gets it, and after that those do not whose mail has not left.
func (d *DB) WithdrawReminder(ctx context.Context, actor Actor, id ID, shape Shape) (*Reminder, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	r := new(Reminder)
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		*r = Reminder{}
		ok, err := found(d.locked(tx.NewSelect().Model(r)).Where("id = ?", id).Scan(ctx))
		if err != nil {
			return err
		}
		v := viewIn(tx, actor, now)
		if ok {
			ok, err = v.organises(ctx, r.EditionID, r.CourseRunID)
		}
		if err != nil {
			return err
		}
		if !ok {
			return problem(CodeNotFound, "input.reminderId", "There is no such reminder, or none that you organise.")
		}
		if err := v.reminders(ctx, []*Reminder{r}, nil); err != nil {
			return err
		}
		switch r.Status() {
		case ReminderWithdrawn:
			return nil
		case ReminderFinished:
			return problem(CodeConflict, "input.reminderId", "This reminder has left; there is nothing to withdraw.")
		}
		r.Progress = reminderWithdrawn
		if _, err := tx.NewUpdate().Model(r).Column("progress").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("withdraw reminder: %w", err)
		}
		// What a worker is taking up at this moment is passed over: it is looked at again before it leaves.
		open := d.skipLocked(tx.NewSelect().Model((*Delivery)(nil)).Column("id")).
			Where("reminder_id = ?", r.ID).Where("state = ?", Queued)
		if _, err := tx.NewUpdate().With("open", open).Model((*Delivery)(nil)).Set("state = ?", DeliveryCanceled).
			Where("id IN (SELECT id FROM open)").Exec(ctx); err != nil {
			return fmt.Errorf("cancel reminders: %w", err)
		}
		return audit(ctx, tx, now, actor, "withdraw reminder", r.ID)
	})
	if err != nil {
		return nil, err
	}
	v := d.view(actor)
	return r, v.finish(ctx, v.reminders(ctx, []*Reminder{r}, shape))
}

// knownReminder returns a reminder that the actor organises; nil when there is none.
func (v view) knownReminder(ctx context.Context, id ID, shape Shape) (*Reminder, error) {
	rows, err := byID[Reminder](ctx, v.tx, []ID{id})
	if err != nil || rows[id] == nil {
		return nil, err
	}
	if ok, err := v.organises(ctx, rows[id].EditionID, rows[id].CourseRunID); !ok || err != nil {
		return nil, err
	}
	return rows[id], v.reminders(ctx, values(rows), shape)
}

// remindersOf loads the reminders of campaigns: their own and those of their whole meetings.
func (v view) remindersOf(ctx context.Context, campaigns []*Campaign, shape Shape) error {
	var rows []*Reminder
	meetings := append(idsBy(campaigns, func(c *Campaign) ID { return c.EditionID }), idsBy(campaigns, func(c *Campaign) ID { return c.CourseRunID })...)
	meetings = append(distinct(meetings), unknownID)
	if err := v.tx.NewSelect().Model(&rows).Where("edition_id IN (?0) OR course_run_id IN (?0)", bun.List(meetings)).Order("due_at", "id").Scan(ctx); err != nil {
		return fmt.Errorf("reminders: %w", err)
	}
	for _, c := range campaigns {
		c.Reminders = []*Reminder{}
		for _, r := range rows {
			if r.CampaignID == c.ID || r.CampaignID.IsZero() && r.EditionID == c.EditionID && r.CourseRunID == c.CourseRunID {
				c.Reminders = append(c.Reminders, r)
			}
		}
	}
	return v.reminders(ctx, rows, shape)
}

// reminders completes reminders, which only organisers ever get, and counts their mails.
func (v view) reminders(ctx context.Context, rows []*Reminder, shape Shape) error {
	if len(rows) == 0 {
		return nil
	}
	var counts []struct {
		ReminderID ID
		State      DeliveryState
		N          int
	}
	if err := v.tx.NewSelect().Model((*Delivery)(nil)).Column("reminder_id", "state").ColumnExpr("count(*) AS n").
		Where("reminder_id IN (?)", bun.List(idsOf(rows))).Group("reminder_id", "state").Scan(ctx, &counts); err != nil {
		return fmt.Errorf("count reminders: %w", err)
	}
	of := make(map[ID]*Reminder, len(rows))
	for _, r := range rows {
		r.readAt, r.counts, of[r.ID] = v.now, map[DeliveryState]int{}, r
	}
	for _, c := range counts {
		of[c.ReminderID].counts[c.State] = c.N
	}
	if shape.Has("campaign") {
		campaigns, err := byID[Campaign](ctx, v.tx, idsBy(rows, func(r *Reminder) ID { return r.CampaignID }))
		if err != nil {
			return err
		}
		for _, c := range campaigns {
			c.readAt = v.now
		}
		for _, r := range rows {
			r.Campaign = campaigns[r.CampaignID]
		}
		if err := v.meetings(ctx, values(campaigns), shape.Of("campaign")); err != nil {
			return err
		}
	}
	if shape.Has("edition") {
		editions, err := v.loadEditions(ctx, idsBy(rows, func(r *Reminder) ID { return r.EditionID }), shape.Of("edition"))
		if err != nil {
			return err
		}
		for _, r := range rows {
			r.Edition = editions[r.EditionID]
		}
	}
	if !shape.Has("courseRun") {
		return nil
	}
	runs, err := v.loadCourseRuns(ctx, idsBy(rows, func(r *Reminder) ID { return r.CourseRunID }), shape.Of("courseRun"))
	for _, r := range rows {
		r.CourseRun = runs[r.CourseRunID]
	}
	return err
}
