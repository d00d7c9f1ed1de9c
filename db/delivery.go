package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Delivery is one mail to one person, and where it stands: a row of the outbox. It is written in the transaction that makes
// the mail due, and it is the truth; what Redis holds is only work in flight. doc.go draws its states.
type Delivery struct {
	bun.BaseModel `bun:"table:deliveries,alias:delivery"`

	ID             ID `bun:",pk"`
	Kind           MailKind
	Lane           Lane
	State          DeliveryState
	PersonID       ID
	CampaignID     ID     `bun:",nullzero"`
	InvitationID   ID     `bun:",nullzero"`
	RegistrationID ID     `bun:",nullzero"`
	NoticeID       ID     `bun:",nullzero"`
	ReminderID     ID     `bun:",nullzero"`
	SummaryID      ID     `bun:",nullzero"`
	DelegationID   ID     `bun:",nullzero"`
	OfferID        ID     `bun:",nullzero"` // of help
	SurveyID       ID     `bun:",nullzero"`
	CourseRunID    ID     `bun:",nullzero"` // of a notice to its organisers
	CertificateID  ID     `bun:",nullzero"`
	Trial          *trial // what a test of an invitation shows
	CreatedAt      time.Time
	NotBefore      time.Time  // not to be claimed earlier
	DueAt          *time.Time `bun:",scanonly"` // NotBefore while it is queued: what claims look for
	Claim          ID         `bun:",nullzero"` // the chunk that has it, or had it when it was settled; every change of state is fenced by it
	WorkerID       ID         `bun:",nullzero"` // the process that is sending it
	Attempts       int        // how often it was offered to the mail server; connections that failed do not count
	Drops          int        // how often the connection broke after the last byte
	Round          int        // of its campaign: how often that was tried again when this was last queued
	DatedAt        *time.Time // the Date of the mail: when it was first sent, the same in every copy
	SentAt         *time.Time
	LastCode       int     // SMTP reply code, 0 when there was none
	LastError      *string // what the mail server said, without addresses
	StatusCode     *string // enhanced status code (RFC 3463) of the refusal or of the report that it bounced

	Person *Person `bun:"-"` // if the shape asked for it
}

// MailKind is what a mail is about. Each kind has its file in package worker.
type MailKind string

// The kinds of mail.
const (
	MailInvitation MailKind = "invitation"
	MailReminder   MailKind = "invitation_reminder"
	MailSummary    MailKind = "campaign_summary" // to who started the campaign
	MailReport     MailKind = "report_published"
	MailTrial      MailKind = "invitation_test" // to the organiser alone
	MailConfirmed  MailKind = "registration_confirmed"
	MailWaitlisted MailKind = "registration_waitlisted"
	MailCancelled  MailKind = "registration_cancelled"

	MailSignIn MailKind = "sign_in"

	MailFeedback         MailKind = "feedback_requested"
	MailFeedbackReminder MailKind = "feedback_reminder"

	MailDelegation         MailKind = "delegation_invited"
	MailDelegationReminder MailKind = "delegation_reminder"

	MailOffered      MailKind = "seat_offered"
	MailOfferExpired MailKind = "offer_expired"
	MailLineClosed   MailKind = "waiting_list_closed"

	MailNotice          MailKind = "meeting_notice" // of a change; what it says is decided when it leaves
	MailIntakeRequested MailKind = "intake_requested"
	MailIntakeReminder  MailKind = "intake_reminder"
	MailRunConfirmed    MailKind = "run_confirmed"
	MailRunCancelled    MailKind = "run_cancelled"
	MailRunBelowMinimum MailKind = "run_below_minimum" // to organisers

	MailCertificate MailKind = "certificate_issued"
	MailHelp        MailKind = "help_offered"
	MailAssigned    MailKind = "action_assigned"
	MailDue         MailKind = "action_due"
)

// Lane keeps mails that somebody waits for apart from bulk.
type Lane string

// The lanes.
const (
	Urgent Lane = "URGENT"
	Bulk   Lane = "BULK"
)

// DeliveryState is where a mail stands.
type DeliveryState string

// The states of deliveries.
const (
	Queued           DeliveryState = "QUEUED"
	Sending          DeliveryState = "SENDING"
	Sent             DeliveryState = "SENT"
	Failed           DeliveryState = "FAILED"
	Suppressed       DeliveryState = "SUPPRESSED"
	DeliveryCanceled DeliveryState = "CANCELLED"
	Uncertain        DeliveryState = "UNCERTAIN"
	Bounced          DeliveryState = "BOUNCED"
)

// maxAttempts is how often a mail is offered to the mail server before it has failed: with the pauses of backoff, two days.
const maxAttempts = 12

// dropsAllowed is how often a mail of the kind is sent again after a connection broke behind its last byte. The server very
// probably has it. An invitation twice annoys many people, so it is left; a confirmation carries a calendar entry that
// replaces itself, so it is sent once more.
func (k MailKind) dropsAllowed() int {
	if k.invites() || k == MailReport || k.asksForFeedback() {
		return 0
	}
	return 1
}

// invites reports whether mails of the kind go only to those who want invitations.
func (k MailKind) invites() bool { return k == MailInvitation || k == MailReminder }

// asksForFeedback reports whether mails of the kind lead to a survey.
func (k MailKind) asksForFeedback() bool { return k == MailFeedback || k == MailFeedbackReminder }

func (k MailKind) lane() Lane {
	if k.invites() || k == MailNotice || k == MailReport || k.asksForFeedback() {
		return Bulk
	}
	return Urgent
}

// backoff is the pause before the next attempt: one minute, doubled each time, at most six hours.
func backoff(attempts int) time.Duration {
	return min(time.Minute<<min(max(attempts, 1)-1, 12), 6*time.Hour)
}

func (x *Delivery) id() ID { return x.ID }

// queue writes mails into the outbox.
func queue(ctx context.Context, tx bun.Tx, deliveries ...*Delivery) error {
	for _, x := range deliveries {
		x.ID, x.Lane = NewID(KindDelivery, x.CreatedAt), x.Kind.lane()
		if x.State == "" {
			x.State = Queued
		}
	}
	return insertAll(ctx, tx, deliveries)
}

// insertAll inserts rows a thousand at a time.
func insertAll[T any](ctx context.Context, tx bun.Tx, rows []T) error {
	for len(rows) > 0 {
		chunk := rows[:min(len(rows), 1000)]
		// Without RETURNING, which bun adds for columns that are NULL in a row.
		if _, err := tx.NewInsert().Model(&chunk).Returning("NULL").Exec(ctx); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
		rows = rows[len(chunk):]
	}
	return nil
}

// DueDeliveries counts the mails of a lane whose time to leave has come, up to a limit.
func (d *DB) DueDeliveries(ctx context.Context, lane Lane, limit int64) (n int64, err error) {
	due := d.read.NewSelect().Model((*Delivery)(nil)).ColumnExpr("1").Where("(lane, due_at) >= (?, ?)", lane, time.Time{}).Where("(lane, due_at) <= (?, ?)", lane, d.now()).
		Where("due_at IS NOT NULL").Order("lane", "due_at").Limit(limit) // in order, or PostgreSQL may read the whole table
	if err := d.read.NewSelect().TableExpr("(?) AS due", due).ColumnExpr("count(*)").Scan(ctx, &n); err != nil {
		return 0, fmt.Errorf("count due deliveries: %w", err)
	}
	return n, nil
}

// openClaim is a claim of which a mail may still be under way. There are few of them, and they lead to all mails that are: those
// stand in no index of their own, which would have to be written with every change of their states.
type openClaim struct {
	bun.BaseModel `bun:"table:claims,alias:open_claim"`

	ID        ID `bun:",pk"`
	ClaimedAt time.Time
}

func olderThan(claims []openClaim, moment time.Time) (ids []ID) {
	for _, c := range claims {
		if c.ClaimedAt.Before(moment) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// CloseClaim tells that whoever had a claim is done with it. As long as a mail is being sent under it, it stays open.
func (d *DB) CloseClaim(ctx context.Context, claim ID) error { return closeClaims(ctx, d.write, claim) }

// closeClaims closes those of the claims under which no mail is being sent. A claim never gets another mail.
func closeClaims(ctx context.Context, tx bun.IDB, claims ...ID) error {
	if len(claims) == 0 {
		return nil
	}
	_, err := tx.NewRaw("DELETE FROM claims WHERE id IN (?) AND NOT EXISTS (SELECT 1 FROM deliveries WHERE claim = claims.id AND state = ?)",
		bun.List(claims), Sending).Exec(ctx)
	if err != nil {
		return fmt.Errorf("close claims: %w", err)
	}
	return nil
}

// ReleaseClaim puts the mails of a claim back into the queue, for a process that has offered none of them to a mail server.
func (d *DB) ReleaseClaim(ctx context.Context, claim ID) error {
	_, err := d.write.NewUpdate().Model((*Delivery)(nil)).
		Set("state = ?", Queued).Set("claim = NULL").Set("worker_id = NULL").Where("claim = ?", claim).Where("state = ?", Sending).Exec(ctx)
	if err != nil {
		return fmt.Errorf("release claim: %w", err)
	}
	return nil
}

// SeeWorker records that a sending process is alive. What a process that was not seen for long had begun is sent again.
func (d *DB) SeeWorker(ctx context.Context, worker ID) error {
	_, err := d.write.NewRaw(`INSERT INTO workers (id, seen_at) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`,
		worker, d.now()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("record worker: %w", err)
	}
	return nil
}

// ForgetWorker removes a sending process that ended in order.
func (d *DB) ForgetWorker(ctx context.Context, worker ID) error {
	_, err := d.write.NewRaw("DELETE FROM workers WHERE id = ?", worker).Exec(ctx)
	return err
}

// Stale says when work counts as lost.
type Stale struct {
	Worker  time.Duration // its process not seen for this long
	Sending time.Duration // begun this long ago and never settled, by a process that is alive: longer than a chunk may take
	By      ID            // the process that asks: it is alive, however long ago it last found the time to say so
}

// RequeueStale puts mails back into the queue whose claim or process is lost. The old claim is void from then on: its holder
// can settle none of them. Mails that somebody is changing at this moment wait for the next time, since a process that
// stands still may hold them. It returns how many there were.
func (d *DB) RequeueStale(ctx context.Context, stale Stale) (requeued int, err error) {
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		requeued = 0
		if _, err := tx.NewRaw("DELETE FROM workers WHERE seen_at < ?", now.Add(-24*time.Hour)).Exec(ctx); err != nil {
			return err
		}
		var open []openClaim
		if err := tx.NewSelect().Model(&open).Scan(ctx); err != nil {
			return fmt.Errorf("open claims: %w", err)
		}
		all := idsBy(open, func(c openClaim) ID { return c.ID })
		for _, lost := range []struct {
			claims    []ID
			condition string
			args      []any
		}{
			{all, "worker_id NOT IN (SELECT id FROM workers WHERE seen_at >= ? OR id = ?)", []any{now.Add(-stale.Worker), stale.By}},
			{olderThan(open, now.Add(-stale.Sending)), "1 = 1", nil},
		} {
			n, err := d.requeue(ctx, tx, lost.claims, lost.condition, lost.args...)
			if err != nil {
				return err
			}
			requeued += n
		}
		return closeClaims(ctx, tx, all...)
	})
	return requeued, err
}

// requeue puts mails of claims that fulfil a condition back into the queue, but for those that somebody is changing at this moment:
// they are not lost, and so it waits for nobody.
func (d *DB) requeue(ctx context.Context, tx bun.IDB, claims []ID, condition string, args ...any) (int, error) {
	if len(claims) == 0 {
		return 0, nil
	}
	free := d.skipLocked(tx.NewSelect().Model((*Delivery)(nil)).Column("id").Where("claim IN (?)", bun.List(claims)).Where("state = ?", Sending).Where(condition, args...))
	result, err := tx.NewUpdate().With("free", free).Model((*Delivery)(nil)).Set("state = ?", Queued).Set("claim = NULL").Set("worker_id = NULL").
		Where("id IN (SELECT id FROM free)").Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("requeue deliveries: %w", err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// Outcome is what came of one attempt to send a mail.
type Outcome struct {
	DeliveryID ID
	Claim      ID
	CampaignID ID
	Kind       MailKind
	Attempts   int // those before this one
	Drops      int
	Result     Result
	Code       int           // SMTP reply code, 0 when there was none
	Detail     string        // what the mail server said, without addresses
	Pause      time.Duration // for Unreachable: not to be tried again sooner
}

// Result is what the mail server did with a mail.
type Result int

// The results of an attempt.
const (
	ResultSent        Result = iota // it took the mail over
	ResultLater                     // it refused for now (4xx)
	ResultFailed                    // it refused for good (5xx), or the mail cannot be composed
	ResultUncertain                 // the connection broke after the last byte
	ResultUnreachable               // there was no connection: nothing was attempted
	ResultCancelled                 // it had become untrue
	ResultSuppressed                // the address takes no mail from here
)

// SettleDeliveries commits what came of attempts, and moves the counts of their campaigns with them. Outcomes whose claim is
// void change nothing.
func (d *DB) SettleDeliveries(ctx context.Context, outcomes []Outcome) error {
	now := d.now()
	groups := groupBy(outcomes, func(o Outcome) settlement { return o.next(now) })
	campaigns := distinct(idsBy(outcomes, func(o Outcome) ID { return o.CampaignID }))
	if len(groups) == 1 && len(campaigns) < 2 {
		for s, group := range groups {
			if s.State == Sent { // as nearly always: one statement needs no transaction around it
				return d.retried(func() error { return d.settleSent(ctx, now, s, group) })
			}
		}
	}
	return d.change(ctx, func(ctx context.Context, tx bun.Tx, _ time.Time) error {
		// In one order, so that two of these never wait for each other.
		if len(campaigns) > 1 {
			if _, err := d.locked(tx.NewSelect().Model((*Campaign)(nil)).Column("id")).Where("id IN (?)", bun.List(campaigns)).Order("id").Exec(ctx); err != nil {
				return fmt.Errorf("lock campaigns: %w", err)
			}
		}
		for s, group := range groups {
			if err := d.settle(ctx, tx, now, s, group); err != nil {
				return err
			}
		}
		return nil
	})
}

// settlement is a change of state that several deliveries share.
type settlement struct {
	State     DeliveryState
	NotBefore time.Time // for Queued
	Attempts  int       // added
	Drops     int       // added
	Code      int
	Detail    string
}

// next decides what an outcome makes of its delivery.
func (o Outcome) next(now time.Time) settlement {
	s := settlement{Attempts: 1, Code: o.Code, Detail: o.Detail}
	switch o.Result {
	case ResultSent:
		s.State, s.Detail = Sent, ""
	case ResultLater:
		if s.State = Failed; o.Attempts+1 < maxAttempts {
			s.State, s.NotBefore = Queued, now.Add(backoff(o.Attempts+1))
		}
	case ResultFailed:
		s.State = Failed
	case ResultUncertain:
		s.Drops = 1
		if s.State = Uncertain; o.Drops < o.Kind.dropsAllowed() {
			s.State, s.NotBefore = Queued, now.Add(5*time.Minute)
		}
	case ResultUnreachable:
		s.State, s.Attempts, s.NotBefore = Queued, 0, now.Add(o.Pause)
	case ResultCancelled:
		s.State, s.Attempts = DeliveryCanceled, 0
	case ResultSuppressed:
		s.State, s.Attempts = Suppressed, 0
	}
	return s
}

// settle settles deliveries and counts them in their campaigns, as one change.
func (d *DB) settle(ctx context.Context, tx bun.IDB, now time.Time, s settlement, outcomes []Outcome) error {
	ids, claims := make([]ID, len(outcomes)), make([]ID, len(outcomes))
	for i, o := range outcomes {
		ids[i], claims[i] = o.DeliveryID, o.Claim
	}
	q := tx.NewUpdate().Model((*Delivery)(nil)).Set("state = ?", s.State).Set("worker_id = NULL").
		Set("attempts = attempts + ?", s.Attempts).Set("last_code = ?", s.Code).Set("last_error = ?", optional(s.Detail))
	switch s.State {
	case Sent:
		q = q.Set("sent_at = ?", now)
	case Queued:
		q = q.Set("not_before = ?", s.NotBefore).Set("claim = NULL")
	}
	refused := statusCode(s.Detail)
	if refused != "" {
		q = q.Set("status_code = ?", refused)
	}
	if s.Drops > 0 {
		q = q.Set("drops = drops + ?", s.Drops)
	}
	// A delivery whose claim is none of these was taken over meanwhile. One that has another of them is still this process's.
	q = q.Where("id IN (?)", bun.List(ids)).Where("claim IN (?)", bun.List(distinct(claims))).Where("state = ?", Sending)
	if s.State == Queued {
		if _, err := q.Exec(ctx); err != nil {
			return fmt.Errorf("requeue deliveries: %w", err)
		}
		return nil
	}
	if err := settleAndCount(ctx, tx, now, q, s.State); err != nil || s.State == Sent || s.State == Uncertain {
		return err
	}
	var stopped []ID
	if err := tx.NewSelect().Model((*Delivery)(nil)).Column("invitation_id").Where("id IN (?)", bun.List(ids)).
		Where("state = ?", s.State).Where("kind = ?", MailInvitation).Scan(ctx, &stopped); err != nil {
		return fmt.Errorf("invitations of deliveries: %w", err)
	}
	status := InvitationUndelivered
	if s.State == DeliveryCanceled {
		status = InvitationWithdrawn
	}
	if s.State == Failed && hardBounce.MatchString(refused) {
		if err := suppressRefused(ctx, tx, now, ids); err != nil {
			return err
		}
	}
	return d.moveInvitations(ctx, tx, stopped, status)
}

// finalCounts are the columns of campaigns that count deliveries in final states.
var finalCounts = map[DeliveryState]bun.Ident{
	Sent: "sent", Failed: "failed", Suppressed: "suppressed", DeliveryCanceled: "cancelled", Uncertain: "uncertain", Bounced: "bounced",
}
