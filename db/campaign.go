package db

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"
)

// Campaign is a bulk invitation to an edition or a course run, or the report of an edition to those who were there. Its counts change in the transactions that change the rows they
// count: Total is the sum of queued, Sent, Failed, Bounced, Suppressed, Uncertain and Cancelled.
type Campaign struct {
	bun.BaseModel `bun:"table:campaigns,alias:campaign"`

	ID          ID `bun:",pk"`
	EditionID   ID `bun:",nullzero"`
	CourseRunID ID `bun:",nullzero"`
	ReportID    ID `bun:",nullzero"` // that it mails; zero when it invites
	SurveyID    ID `bun:",nullzero"` // that it asks to answer
	CreatedBy   ID
	State       CampaignStatus `bun:"status"`
	Message     string
	Texts       []CampaignText // in each language; none: Message is for everybody
	RespondBy   *time.Time
	SendAt      time.Time
	CreatedAt   time.Time
	FinishedAt  *time.Time
	Round       int        // how often it was tried again after its end
	SummedUpAt  *time.Time // when it was decided to tell how this round ended
	Version     int        // rises with every change
	Total       int
	Sent        int
	Failed      int
	Suppressed  int
	Cancelled   int
	Uncertain   int
	Bounced     int
	Accepted    int
	Declined    int

	Edition   *Edition    `bun:"-"`
	CourseRun *CourseRun  `bun:"-"`
	Report    *Report     `bun:"-"` // that it mails, if the shape asked for it
	Reminders []*Reminder `bun:"-"` // by when they are due
	readAt    time.Time
}

// CampaignStatus is what a campaign does now.
type CampaignStatus string

// The statuses of campaigns. CampaignScheduled is never stored: it is CampaignSending before its time.
const (
	CampaignScheduled CampaignStatus = "SCHEDULED"
	CampaignSending   CampaignStatus = "SENDING"
	CampaignPaused    CampaignStatus = "PAUSED"
	CampaignFinished  CampaignStatus = "FINISHED"
	CampaignCancelled CampaignStatus = "CANCELLED"
)

func (c *Campaign) id() ID { return c.ID }

// AsksForFeedback reports whether the campaign neither invites nor mails a report, but asks those who came what they think.
func (c *Campaign) AsksForFeedback() bool { return !c.SurveyID.IsZero() }

// Queued returns how many mails have not left yet.
func (c *Campaign) Queued() int {
	return c.Total - c.Sent - c.Failed - c.Suppressed - c.Cancelled - c.Uncertain - c.Bounced
}

// Status returns what the campaign does now.
func (c *Campaign) Status() CampaignStatus {
	if c.State == CampaignSending && c.SendAt.After(c.readAt) {
		return CampaignScheduled
	}
	return c.State
}

// Over reports whether no mail of the campaign will leave any more.
func (c *Campaign) Over() bool { return c.State == CampaignFinished || c.State == CampaignCancelled }

// Campaign returns a campaign that the actor organises; nil when there is none.
func (d *DB) Campaign(ctx context.Context, actor Actor, id ID, shape Shape) (*Campaign, error) {
	v := d.view(actor)
	c, err := v.campaign(ctx, id, shape)
	return c, v.finish(ctx, err)
}

func (v view) campaign(ctx context.Context, id ID, shape Shape) (*Campaign, error) {
	c := new(Campaign)
	if ok, err := found(v.tx.NewSelect().Model(c).Where("id = ?", id).Scan(ctx)); !ok || err != nil {
		return nil, err
	}
	c.readAt = v.now
	if ok, err := v.organises(ctx, c.EditionID, c.CourseRunID); !ok || err != nil {
		return nil, err
	}
	return c, v.meetings(ctx, []*Campaign{c}, shape)
}

// meetings completes campaigns.
func (v view) meetings(ctx context.Context, rows []*Campaign, shape Shape) error {
	if shape.Has("edition") {
		editions, err := v.loadEditions(ctx, idsBy(rows, func(c *Campaign) ID { return c.EditionID }), shape.Of("edition"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Edition = editions[row.EditionID]
		}
	}
	if shape.Has("courseRun") {
		runs, err := v.loadCourseRuns(ctx, idsBy(rows, func(c *Campaign) ID { return c.CourseRunID }), shape.Of("courseRun"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.CourseRun = runs[row.CourseRunID]
		}
	}
	if shape.Has("report") {
		reports, err := v.loadReports(ctx, idsBy(rows, func(c *Campaign) ID { return c.ReportID }), shape.Of("report"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Report = reports[row.ReportID]
		}
	}
	if shape.Has("reminders") {
		return v.remindersOf(ctx, rows, shape.Of("reminders"))
	}
	return nil
}

// farFuture holds the mails of a paused campaign back.
var farFuture = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// PauseCampaign holds back the mails that have not left. Those a process has begun to send still leave.
func (d *DB) PauseCampaign(ctx context.Context, actor Actor, id ID, shape Shape) (*Campaign, error) {
	return d.steer(ctx, actor, id, shape, "pause campaign", func(ctx context.Context, tx bun.Tx, _ time.Time, c *Campaign) error {
		switch c.State {
		case CampaignPaused:
			return nil
		case CampaignSending:
			c.State = CampaignPaused
			return rescheduleQueued(ctx, tx, c.ID, farFuture)
		}
		return problem(CodeConflict, "input.campaignId", "This campaign is over; there is nothing to pause.")
	})
}

// ResumeCampaign lets a paused campaign continue.
func (d *DB) ResumeCampaign(ctx context.Context, actor Actor, id ID, shape Shape) (*Campaign, error) {
	return d.steer(ctx, actor, id, shape, "resume campaign", func(ctx context.Context, tx bun.Tx, now time.Time, c *Campaign) error {
		switch c.State {
		case CampaignSending:
			return nil
		case CampaignPaused:
			c.State = CampaignSending
			next := now
			if c.SendAt.After(now) {
				next = c.SendAt
			}
			return rescheduleQueued(ctx, tx, c.ID, next)
		}
		return problem(CodeConflict, "input.campaignId", "This campaign is over and cannot be resumed; send a new one to those not yet invited.")
	})
}

// CancelCampaign stops a campaign for good: what has not left is cancelled, and its invitations are withdrawn.
func (d *DB) CancelCampaign(ctx context.Context, actor Actor, id ID, shape Shape) (*Campaign, error) {
	return d.steer(ctx, actor, id, shape, "cancel campaign", func(ctx context.Context, tx bun.Tx, now time.Time, c *Campaign) error {
		switch c.State {
		case CampaignCancelled:
			return nil
		case CampaignFinished:
			return problem(CodeConflict, "input.campaignId", "This campaign is finished: all its mails have left.")
		}
		// What a worker is taking up at this moment is passed over, so as to wait for nobody: it is looked at again before it leaves.
		open := d.skipLocked(tx.NewSelect().Model((*Delivery)(nil)).Column("id")).
			Where("campaign_id = ?", c.ID).Where("state = ?", Queued)
		var stopped []ID
		if err := tx.NewUpdate().With("open", open).Model((*Delivery)(nil)).Set("state = ?", DeliveryCanceled).
			Where("id IN (SELECT id FROM open)").
			Returning("invitation_id").Scan(ctx, &stopped); err != nil {
			return fmt.Errorf("cancel deliveries: %w", err)
		}
		c.State, c.FinishedAt = CampaignCancelled, &now
		c.Cancelled += len(stopped)
		return d.moveInvitations(ctx, tx, stopped, InvitationWithdrawn)
	})
}

// moveInvitations gives invitations that nobody has answered another status: WITHDRAWN when their mails were stopped, UNDELIVERED
// when they did not arrive. It leaves out one that is being answered at this moment.
func (d *DB) moveInvitations(ctx context.Context, tx bun.IDB, invitations []ID, status InvitationStatus) error {
	for chunk := range slices.Chunk(invitations, 1000) {
		pending := d.skipLocked(tx.NewSelect().Model((*Invitation)(nil)).Column("id")).
			Where("id IN (?)", bun.List(chunk)).Where("status = ?", InvitationPending)
		if _, err := tx.NewUpdate().With("pending", pending).Model((*Invitation)(nil)).Set("status = ?", status).
			Where("id IN (SELECT id FROM pending)").Exec(ctx); err != nil {
			return fmt.Errorf("move invitations: %w", err)
		}
	}
	return nil
}

func rescheduleQueued(ctx context.Context, tx bun.Tx, campaign ID, at time.Time) error {
	if _, err := tx.NewUpdate().Model((*Delivery)(nil)).Set("not_before = ?", at).
		Where("campaign_id = ?", campaign).Where("state = ?", Queued).Exec(ctx); err != nil {
		return fmt.Errorf("reschedule deliveries: %w", err)
	}
	if _, err := tx.NewUpdate().Model((*Delivery)(nil)).Set("not_before = ?", at).Where("kind = ?", MailReminder).Where("state = ?", Queued).
		Where("invitation_id IN (SELECT id FROM invitations WHERE campaign_id = ?)", campaign).Exec(ctx); err != nil {
		return fmt.Errorf("reschedule reminders: %w", err)
	}
	return nil
}

// steer changes the course of a campaign that the actor organises, under its lock.
func (d *DB) steer(ctx context.Context, actor Actor, id ID, shape Shape, action string,
	change func(context.Context, bun.Tx, time.Time, *Campaign) error,
) (*Campaign, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	var c *Campaign
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		c = new(Campaign)
		ok, err := found(d.locked(tx.NewSelect().Model(c)).Where("id = ?", id).Scan(ctx))
		if err != nil {
			return err
		}
		if ok {
			ok, err = viewIn(tx, actor, now).organises(ctx, c.EditionID, c.CourseRunID)
		}
		if err != nil {
			return err
		}
		if !ok {
			return noCampaign()
		}
		c.readAt = now
		if err := change(ctx, tx, now, c); err != nil {
			return err
		}
		c.Version++
		if _, err := tx.NewUpdate().Model(c).Column("status", "finished_at", "version", "round", "summed_up_at",
			"failed", "suppressed", "cancelled", "uncertain", "bounced").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("update campaign: %w", err)
		}
		return audit(ctx, tx, now, actor, action, c.ID)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	v := d.view(actor)
	return c, v.finish(ctx, v.meetings(ctx, []*Campaign{c}, shape))
}

func notSignedIn() *Error {
	return problem(CodeNotSignedIn, "", "Send a bearer token: only signed-in people can do this.")
}

// countOutcomes adds to a count of a campaign, and finishes it when it has nothing left to send.
func countOutcomes(ctx context.Context, tx bun.IDB, now time.Time, campaign ID, column bun.Ident, n int) error {
	q := tx.NewUpdate().Model((*Campaign)(nil)).Where("id = ?", campaign)
	if _, err := addOutcomes(q, now, column, bun.Safe(strconv.Itoa(n))).Exec(ctx); err != nil {
		return fmt.Errorf("count outcomes: %w", err)
	}
	return nil
}

// addOutcomes sets a count of campaigns n higher, and finishes those that have nothing left to send.
func addOutcomes(q *bun.UpdateQuery, now any, column bun.Ident, n bun.Safe) *bun.UpdateQuery {
	done := bun.Safe("sent + failed + suppressed + campaign.cancelled + uncertain + bounced + " + n + " = total AND status IN ('" + bun.Safe(CampaignSending) + "', '" + bun.Safe(CampaignPaused) + "')")
	return q.Set("? = ? + ?", column, column, n).Set("version = version + 1").
		Set("finished_at = CASE WHEN ? THEN ? ELSE finished_at END", done, now).
		Set("status = CASE WHEN ? THEN ? ELSE status END", done, CampaignFinished)
}

// countAnswer moves one answer of a campaign from one count to another.
func countAnswer(ctx context.Context, tx bun.Tx, campaign ID, from, to InvitationStatus) error {
	q := tx.NewUpdate().Model((*Campaign)(nil)).Set("version = version + 1").Where("id = ?", campaign)
	counts := map[InvitationStatus]bun.Ident{InvitationAccepted: "accepted", InvitationDeclined: "declined"}
	if column, ok := counts[from]; ok {
		q = q.Set("? = ? - 1", column, column)
	}
	if column, ok := counts[to]; ok {
		q = q.Set("? = ? + 1", column, column)
	}
	if _, err := q.Exec(ctx); err != nil {
		return fmt.Errorf("count answer: %w", err)
	}
	return nil
}
