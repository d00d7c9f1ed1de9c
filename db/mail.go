package db

import (
	"context"
	"fmt"
	"time"
)

// Mail is a delivery that is being sent with the truth it tells, read when sending began.
type Mail struct {
	Delivery      *Delivery
	Person        *Person
	Organiser     *Person // whom answers go to, as organisers in mail_organiser.go says; nil when nobody is known
	Campaign      *Campaign
	Registration  *Registration // nil for an invitation and a notice to organisers
	Position      int           // on the waiting list, from 1
	NoPlace       bool          // of a cancelled registration: it was never confirmed
	Held          bool          // of one that was never confirmed: its place waited for the intake
	Sessions      []*Mail       // about places in sessions that were cancelled with this one, each as a mail of its own would tell
	Edition       *Edition      // with host; nil when it is about a course run
	CourseRun     *CourseRun    // with course and organisation, and with seats in a notice to organisers; nil when it is about an edition
	Session       *Session      // of the edition, when it is about a place in a session
	Hours         []Hours       // of each day of the edition that the programme gives times for
	Sequence      int           // of the meeting's calendar entry, for who has no place
	AnswerToken   string        // of the invitation's personal link; "" when there is no invitation
	Delegation    *Delegation   // with organisation; nil when the mail is about none
	DeskToken     string        // of the reader's personal link to the delegation
	SignInToken   string        // of a sign-in link, made for this copy of the mail
	PlaceToken    string        // of the registration's personal link; "" when there is no registration
	OptOutToken   string        // of the link to get no more invitations; "" when it is no invitation
	BounceToken   string        // of the return path; "" when the person has no address
	Notice        *Notice       // of a mail about a change
	Report        string        // the summary of the report that the mail is about, in the reader's language where it is there in it
	ReportIn      Locale        // the language that the summary is in
	Reminder      *Reminder     // of a mail to somebody who has not answered
	Summary       *Summary      // of a mail that says how a campaign ended
	Certificate   *Certificate  // that goes along
	Tasks         []Task        // of a mail to the owner of actions
	TasksToken    string        // of the reader's personal link to the actions
	Help          *Help         // of a mail about an offer of help
	Survey        *Survey       // that the mail asks to answer
	FeedbackToken string        // of the reader's personal link to it

	pending  bool // whether there is an invitation that is not answered
	answered bool // whether there is a survey that is
}

// Hours are when an edition begins and ends on one of its days.
type Hours struct{ Starts, Ends time.Time }

// Outcome begins the outcome of this mail.
func (m *Mail) Outcome(result Result) Outcome {
	return Outcome{
		DeliveryID: m.Delivery.ID, Claim: m.Delivery.Claim, CampaignID: m.Delivery.CampaignID, Kind: m.Delivery.Kind,
		Attempts: m.Delivery.Attempts, Drops: m.Delivery.Drops, Result: result,
	}
}

// heldFor is the pause of mails of a campaign that is paused.
const heldFor = 30 * time.Second

// StartDeliveries marks up to limit mails of a lane whose time has come as being sent by the worker under a new claim, commits,
// and returns those to send. Several processes may do so at once; no mail is in two claims. Mails that have become untrue since they
// were queued are settled instead: the meeting or the campaign was cancelled, the invitation was withdrawn, the registration has
// changed, the address takes no mail. The claim is zero when nothing was due. After an error nobody knows how far it came: release the claim.
func (d *DB) StartDeliveries(ctx context.Context, lane Lane, worker ID, limit int64) (claim ID, mails []*Mail, err error) {
	now := d.now()
	claim = NewID(KindClaim, now)
	var deliveries []*Delivery
	err = d.retried(func() (err error) {
		d.starting.Lock() // those who look for mails at the same time would each step over what the others are taking
		defer d.starting.Unlock()
		if deliveries, err = d.startDue(ctx, now, lane, claim, worker, limit); err != nil {
			return fmt.Errorf("start deliveries: %w", err)
		}
		return nil
	})
	if err != nil {
		return claim, nil, err
	}
	if len(deliveries) == 0 {
		return ID{}, nil, nil
	}
	toSend, untrue, err := d.sift(ctx, deliveries)
	if err == nil && len(untrue) > 0 {
		err = d.SettleDeliveries(ctx, untrue)
	}
	return claim, toSend, err
}

// sift reads what deliveries tell and parts those to send from those that have become untrue.
func (d *DB) sift(ctx context.Context, deliveries []*Delivery) (toSend []*Mail, untrue []Outcome, err error) {
	mails, err := d.mails(ctx, deliveries)
	if err != nil {
		return nil, nil, err
	}
	held, err := d.heldBack(ctx, mails)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range mails {
		switch result, pause := m.verdict(d.now(), held[m.Delivery.ID]); result {
		case ResultSent:
			toSend = append(toSend, m)
		default:
			o := m.Outcome(result)
			switch o.Pause = pause; result {
			case ResultFailed:
				o.Detail = noAddressDetail
			case ResultSuppressed:
				o.Detail = held[m.Delivery.ID]
			}
			untrue = append(untrue, o)
		}
	}
	return toSend, untrue, nil
}

// heldBack returns which mails may not go because of whom they go to, and why: the address takes none, or the person wants no
// invitations.
func (d *DB) heldBack(ctx context.Context, mails []*Mail) (map[ID]string, error) {
	held := map[ID]string{}
	suppressed, err := d.suppressed(ctx, d.read, addresses(mails))
	if err != nil {
		return nil, err
	}
	invited := map[string]ID{}
	for _, m := range mails {
		if m.Delivery.Kind.invites() && m.Person != nil && m.Person.Address != nil {
			invited[*m.Person.Address] = m.Person.ID
		}
	}
	out, err := d.optedOut(ctx, d.read, invited)
	if err != nil {
		return nil, err
	}
	for _, m := range mails {
		if m.Person == nil || m.Person.Address == nil {
			continue
		}
		if s := suppressed[*m.Person.Address]; s != nil {
			held[m.Delivery.ID] = s.Reason.detail()
		} else if m.Delivery.Kind.invites() && out[*m.Person.Address] {
			held[m.Delivery.ID] = optOutDetail
		}
	}
	return held, nil
}

// verdict decides whether the mail may go: ResultSent when it may. Held says why its reader gets none, "" when that is not so.
func (m *Mail) verdict(now time.Time, held string) (Result, time.Duration) {
	switch {
	case m.Person != nil && m.Person.ErasedAt != nil:
		return ResultCancelled, 0
	case m.Person == nil || m.Person.Address == nil:
		return ResultFailed, 0
	case held != "":
		return ResultSuppressed, 0
	case m.Delivery.Kind == MailSignIn:
		if m.SignInToken == "" { // whoever asked has asked again by now
			return ResultCancelled, 0
		}
		return ResultSent, 0
	case m.Edition == nil && m.CourseRun == nil:
		return ResultCancelled, 0
	}
	off := m.Edition != nil && m.Edition.Status != EditionPublished || m.Session != nil && m.Session.Cancelled() || m.CourseRun != nil && (m.CourseRun.Status == RunCancelled || m.CourseRun.Status == RunDraft)
	switch m.Delivery.Kind {
	case MailInvitation:
		if off || m.AnswerToken == "" || m.Campaign.State == CampaignCancelled {
			return ResultCancelled, 0
		}
		if m.Campaign.State == CampaignPaused {
			return ResultUnreachable, heldFor
		}
	case MailReminder:
		if !m.reminds(now, off) {
			return ResultCancelled, 0
		}
		if m.Campaign.State == CampaignPaused {
			return ResultUnreachable, heldFor
		}
	case MailReport:
		if m.Campaign.State == CampaignCancelled {
			return ResultCancelled, 0
		}
		if m.Campaign.State == CampaignPaused {
			return ResultUnreachable, heldFor
		}
	case MailFeedback, MailFeedbackReminder:
		if off || m.answered || m.Survey.closed(now) || m.Campaign.State == CampaignCancelled {
			return ResultCancelled, 0
		}
		if m.Campaign.State == CampaignPaused {
			return ResultUnreachable, heldFor
		}
	case MailSummary: // it is about what was, whatever became of the meeting
	case MailCertificate: // the course has been
		if m.Certificate == nil || m.Certificate.RevokedAt != nil {
			return ResultCancelled, 0
		}
	case MailAssigned, MailDue:
		if len(m.Tasks) == 0 {
			return ResultCancelled, 0
		}
	case MailHelp:
		if m.Help == nil {
			return ResultCancelled, 0
		}
	case MailTrial:
		if off {
			return ResultCancelled, 0
		}
	case MailDelegation, MailDelegationReminder:
		if off || m.Delegation.Status != DelegationOpen || !now.Before(m.Delegation.RespondBy) {
			return ResultCancelled, 0
		}
	case MailConfirmed:
		if off || m.Registration.Status != Confirmed {
			return ResultCancelled, 0
		}
	case MailWaitlisted:
		if off || m.Registration.Status != Waitlisted {
			return ResultCancelled, 0
		}
	case MailOffered:
		if off || m.Registration.Status != Offered || !now.Before(*m.Registration.OfferExpiresAt) {
			return ResultCancelled, 0
		}
	case MailOfferExpired, MailLineClosed:
		if off || m.Registration.Status != Expired {
			return ResultCancelled, 0
		}
	case MailCancelled:
		if m.Registration.Status != Cancelled {
			return ResultCancelled, 0
		}
	case MailNotice:
		if len(m.Notice.Changes) == 0 {
			return ResultCancelled, 0
		}
	default:
		if !m.tellsOfCourse(now) {
			return ResultCancelled, 0
		}
	}
	return ResultSent, 0
}
