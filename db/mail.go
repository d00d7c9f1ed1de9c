package db

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
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

// heldFor is the pause of mails of a campaign that was paused after they were claimed.
const heldFor = 30 * time.Second

// StartDeliveries marks the mails of a claim as being sent by the worker, commits, and returns those to send. Mails that have
// become untrue since they were queued are settled instead: the meeting or the campaign was cancelled, the invitation was
// withdrawn, the registration has changed, the address takes no mail. A claim that is void gives none. After an error nobody
// knows how far it came: release the claim.
func (d *DB) StartDeliveries(ctx context.Context, claim, worker ID) ([]*Mail, error) {
	var deliveries []*Delivery
	err := d.retried(func() (err error) {
		if deliveries, err = d.start(ctx, claim, worker); err != nil {
			return fmt.Errorf("start deliveries: %w", err)
		}
		return nil
	})
	if err != nil || len(deliveries) == 0 {
		return nil, err
	}
	toSend, untrue, err := d.sift(ctx, deliveries)
	if err == nil && len(untrue) > 0 {
		err = d.SettleDeliveries(ctx, untrue)
	}
	return toSend, err
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

// mails loads what deliveries tell: one statement for each kind of record, whatever their number.
func (d *DB) mails(ctx context.Context, deliveries []*Delivery) ([]*Mail, error) {
	v := d.view(Actor{})
	people, err := v.loadPeople(ctx, idsBy(deliveries, func(x *Delivery) ID { return x.PersonID }), Shape{"organisation": nil})
	if err != nil {
		return nil, err
	}
	registrations, err := byID[Registration](ctx, v.tx, idsBy(deliveries, func(x *Delivery) ID { return x.RegistrationID }))
	if err != nil {
		return nil, err
	}
	if err := v.positions(ctx, values(registrations)); err != nil {
		return nil, err
	}
	// Before what the entries tell: an entry that is newer than its sequence is replaced, one that is older would stay.
	if err := v.sequences(ctx, values(registrations)); err != nil {
		return nil, err
	}
	seats, err := byID[Seats](ctx, v.tx, idsBy(values(registrations), func(r *Registration) ID { return r.SeatsID }))
	if err != nil {
		return nil, err
	}
	sessions, err := v.loadSessions(ctx, idsBy(values(seats), func(s *Seats) ID { return s.SessionID }), Shape{"room": nil})
	if err != nil {
		return nil, err
	}
	notices, err := byID[notice](ctx, v.tx, idsBy(deliveries, func(x *Delivery) ID { return x.NoticeID }))
	if err != nil {
		return nil, err
	}
	invitations, err := d.invitationsOfMails(ctx, deliveries, registrations, seats, sessions, notices)
	if err != nil {
		return nil, err
	}
	reminders, err := byID[Reminder](ctx, v.tx, idsBy(deliveries, func(x *Delivery) ID { return x.ReminderID }))
	if err != nil {
		return nil, err
	}
	summaries, err := byID[summary](ctx, v.tx, idsBy(deliveries, func(x *Delivery) ID { return x.SummaryID }))
	if err != nil {
		return nil, err
	}
	surveys, err := v.surveysOfMails(ctx, deliveries)
	if err != nil {
		return nil, err
	}
	campaigns, err := byID[Campaign](ctx, v.tx, append(idsBy(values(invitations), func(i *Invitation) ID { return i.CampaignID }),
		append(idsBy(values(summaries), func(s *summary) ID { return s.CampaignID }), append(idsBy(values(surveys), func(s *mailedSurvey) ID { return s.campaign }),
			idsBy(deliveries, func(x *Delivery) ID { return x.CampaignID })...)...)...))
	if err != nil {
		return nil, err
	}
	organisers, err := v.loadPeople(ctx, idsBy(values(campaigns), func(c *Campaign) ID { return c.CreatedBy }), nil)
	if err != nil {
		return nil, err
	}
	reports, err := v.loadReports(ctx, idsBy(values(campaigns), func(c *Campaign) ID { return c.ReportID }), nil)
	if err != nil {
		return nil, err
	}
	var editionIDs, runIDs []ID
	for _, s := range seats {
		editionIDs, runIDs = append(editionIDs, s.EditionID), append(runIDs, s.CourseRunID)
		if session := sessions[s.SessionID]; session != nil {
			editionIDs = append(editionIDs, session.EditionID)
		}
	}
	for _, s := range summaries {
		editionIDs, runIDs = append(editionIDs, campaigns[s.CampaignID].EditionID), append(runIDs, campaigns[s.CampaignID].CourseRunID)
	}
	for _, c := range campaigns {
		editionIDs = append(editionIDs, c.EditionID)
	}
	for _, i := range invitations {
		editionIDs, runIDs = append(editionIDs, i.EditionID), append(runIDs, i.CourseRunID)
	}
	for _, n := range notices {
		editionIDs, runIDs = append(editionIDs, n.EditionID), append(runIDs, n.CourseRunID)
	}
	delegations, err := byID[Delegation](ctx, v.tx, idsBy(deliveries, func(x *Delivery) ID { return x.DelegationID }))
	if err != nil {
		return nil, err
	}
	if err := v.delegations(ctx, values(delegations), nil); err != nil {
		return nil, err
	}
	for _, g := range delegations {
		editionIDs = append(editionIDs, g.EditionID)
	}
	for _, x := range deliveries {
		if x.Trial != nil {
			editionIDs, runIDs = append(editionIDs, x.Trial.EditionID), append(runIDs, x.Trial.CourseRunID)
		}
	}
	certificates, err := byID[Certificate](ctx, v.tx, idsBy(deliveries, func(x *Delivery) ID { return x.CertificateID }))
	if err != nil {
		return nil, err
	}
	for _, c := range certificates {
		runIDs = append(runIDs, c.CourseRunID)
	}
	tasks, err := v.tasks(ctx, deliveries)
	if err != nil {
		return nil, err
	}
	for _, list := range tasks {
		editionIDs = append(editionIDs, list[0].Report.EditionID)
	}
	helps, editionsOfHelp, err := v.helps(ctx, deliveries, people)
	if err != nil {
		return nil, err
	}
	editionIDs = append(editionIDs, values(editionsOfHelp)...)
	entries, err := v.calendarEntries(ctx, append(editionIDs, runIDs...))
	if err != nil {
		return nil, err
	}
	editions, err := v.loadEditions(ctx, editionIDs, Shape{"host": nil})
	if err != nil {
		return nil, err
	}
	ofRun := Shape{"course": {"organisation": nil}}
	for _, x := range deliveries {
		if !x.CourseRunID.IsZero() {
			runIDs, ofRun["seats"] = append(runIDs, x.CourseRunID), nil
		}
	}
	runs, err := v.loadCourseRuns(ctx, runIDs, ofRun)
	if err != nil {
		return nil, err
	}
	hours, err := v.hours(ctx, editionIDs)
	if err != nil {
		return nil, err
	}
	signIns, err := d.signInLinks(ctx, deliveries)
	if err != nil {
		return nil, err
	}
	mails, hosted := make([]*Mail, len(deliveries)), map[*Mail]ID{}
	for i, x := range deliveries {
		m := &Mail{Delivery: x, Person: people[x.PersonID], Registration: registrations[x.RegistrationID]}
		if err := d.returns(ctx, m); err != nil {
			return nil, err
		}
		m.SignInToken = signIns[x.ID]
		editionID, runID := ID{}, x.CourseRunID
		if m.Registration != nil {
			s := seats[m.Registration.SeatsID]
			editionID, runID, m.Session = s.EditionID, s.CourseRunID, sessions[s.SessionID]
			if m.Session != nil {
				editionID = m.Session.EditionID
			}
			if m.Registration.Position != nil {
				m.Position = *m.Registration.Position
			}
			if m.PlaceToken, err = d.RegistrationToken(ctx, m.Registration.ID); err != nil {
				return nil, err
			}
		}
		if m.Delegation = delegations[x.DelegationID]; m.Delegation != nil {
			editionID = m.Delegation.EditionID
			if m.DeskToken, err = d.DelegationToken(ctx, x.DelegationID, x.PersonID); err != nil {
				return nil, err
			}
		}
		if invitation := invitations[x.ID]; invitation != nil {
			editionID, runID = invitation.EditionID, invitation.CourseRunID
			m.Campaign = campaigns[invitation.CampaignID]
			m.Organiser = organisers[m.Campaign.CreatedBy]
			m.pending = invitation.Status == InvitationPending
			if invitation.Status != InvitationWithdrawn {
				if m.AnswerToken, err = d.AnswerToken(ctx, invitation.ID); err != nil {
					return nil, err
				}
			}
		}
		if n := notices[x.NoticeID]; n != nil {
			editionID, runID = n.EditionID, n.CourseRunID
		}
		m.Reminder = reminders[x.ReminderID]
		if x.Kind == MailReport {
			m.Campaign = campaigns[x.CampaignID]
			editionID, m.Organiser = m.Campaign.EditionID, organisers[m.Campaign.CreatedBy]
			if r := reports[m.Campaign.ReportID]; r != nil && m.Person != nil {
				m.Report, m.ReportIn = r.In(m.Person.Language, r.ID)
			}
		}
		if s := surveys[x.SurveyID]; s != nil {
			m.Survey, m.Campaign, m.answered = s.survey, campaigns[s.campaign], s.answered[x.PersonID]
			editionID, m.Organiser = s.survey.EditionID, organisers[m.Campaign.CreatedBy]
			if m.FeedbackToken, err = d.FeedbackToken(ctx, x.SurveyID, x.PersonID); err != nil {
				return nil, err
			}
		}
		if s := summaries[x.SummaryID]; s != nil {
			m.Campaign = campaigns[s.CampaignID]
			editionID, runID = m.Campaign.EditionID, m.Campaign.CourseRunID
			if m.Summary, err = s.read(); err != nil {
				return nil, err
			}
		}
		if m.Certificate = certificates[x.CertificateID]; m.Certificate != nil {
			runID = m.Certificate.CourseRunID
		}
		for _, a := range tasks[x.ID] {
			editionID = tasks[x.ID][0].Report.EditionID
			if m.Person != nil {
				m.Tasks = append(m.Tasks, a.task(m.Person.Language, v.now))
			}
		}
		if m.Tasks != nil {
			if m.TasksToken, err = d.ActionsToken(ctx, x.PersonID); err != nil {
				return nil, err
			}
		}
		if m.Help = helps[x.ID]; m.Help != nil {
			editionID = editionsOfHelp[x.ID]
		}
		if x.Trial != nil && m.Person != nil {
			editionID, runID = x.Trial.EditionID, x.Trial.CourseRunID
			x.Trial.show(m)
		}
		m.Edition, m.CourseRun, m.Hours = editions[editionID], runs[runID], hours[editionID]
		m.Sequence = entries[cmp.Or(editionID, runID)].Sequence
		if m.Organiser == nil && x.CourseRunID.IsZero() && m.Summary == nil { // a notice to organisers needs no other one
			hosted[m] = cmp.Or(editionID, runID)
		}
		mails[i] = m
	}
	if len(hosted) > 0 {
		hosts, err := v.organisersToAnswer(ctx, editionIDs, runIDs)
		if err != nil {
			return nil, err
		}
		for m, meeting := range hosted {
			m.Organiser = hosts[meeting]
		}
	}
	if err := v.noticed(ctx, mails, notices); err != nil {
		return nil, err
	}
	return mails, v.finish(ctx, v.cancellations(ctx, mails))
}

// returns makes the tokens by which a mail is answered to its senders and not to an organiser.
func (d *DB) returns(ctx context.Context, m *Mail) (err error) {
	if m.Person == nil || m.Person.Address == nil {
		return nil
	}
	if m.BounceToken, err = d.bounceToken(ctx, m.Delivery.ID, *m.Person.Address); err == nil && m.Delivery.Kind.invites() {
		m.OptOutToken, err = d.OptOutToken(ctx, m.Person.ID)
	}
	return err
}

// hours returns when editions begin and end on each of their days, as far as their programmes give times.
func (v view) hours(ctx context.Context, editions []ID) (map[ID][]Hours, error) {
	if editions = distinct(editions); len(editions) == 0 {
		return nil, nil
	}
	var rows []*Session
	q := v.tx.NewSelect().Model(&rows).Column("edition_id", "day", "starts_at", "ends_at").
		Where("parent_id IS NULL").Where("starts_at IS NOT NULL").Where("cancelled_at IS NULL").Order("day")
	if err := selectAmong(ctx, v.tx, &rows, q, "edition_id", editions); err != nil {
		return nil, fmt.Errorf("hours: %w", err)
	}
	hours := map[ID][]Hours{}
	for edition, sessions := range groupBy(rows, func(s *Session) ID { return s.EditionID }) {
		day := Date("")
		for _, s := range sessions {
			if s.Date != day {
				day = s.Date
				hours[edition] = append(hours[edition], Hours{Starts: *s.StartsAt, Ends: *s.EndsAt})
			}
			h := &hours[edition][len(hours[edition])-1]
			if s.StartsAt.Before(h.Starts) {
				h.Starts = *s.StartsAt
			}
			if s.EndsAt.After(h.Ends) {
				h.Ends = *s.EndsAt
			}
		}
	}
	return hours, nil
}

// invitationsOfMails finds the invitation of each delivery: its own, or the one to what it is about, which for a session is that
// to its edition.
func (d *DB) invitationsOfMails(ctx context.Context, deliveries []*Delivery, registrations map[ID]*Registration, seats map[ID]*Seats,
	sessions map[ID]*Session, notices map[ID]*notice) (map[ID]*Invitation, error) {
	own, err := byID[Invitation](ctx, d.read, idsBy(deliveries, func(x *Delivery) ID { return x.InvitationID }))
	if err != nil {
		return nil, err
	}
	var invited []*Invitation
	var people []ID
	for _, x := range deliveries {
		if x.InvitationID.IsZero() {
			people = append(people, x.PersonID)
		}
	}
	if len(people) > 0 {
		if err := d.read.NewSelect().Model(&invited).Where("person_id IN (?)", bun.List(distinct(people))).
			Where("status <> ?", InvitationWithdrawn).Scan(ctx); err != nil {
			return nil, fmt.Errorf("invitations of registrations: %w", err)
		}
	}
	of := map[ID]*Invitation{}
	for _, x := range deliveries {
		if !x.InvitationID.IsZero() {
			of[x.ID] = own[x.InvitationID]
			continue
		}
		var editionID, runID ID
		if n := notices[x.NoticeID]; n != nil {
			editionID, runID = n.EditionID, n.CourseRunID
		} else if r := registrations[x.RegistrationID]; r != nil {
			editionID, runID = seats[r.SeatsID].EditionID, seats[r.SeatsID].CourseRunID
			if session := sessions[seats[r.SeatsID].SessionID]; session != nil {
				editionID = session.EditionID
			}
		}
		for _, i := range invited {
			if i.PersonID == x.PersonID && i.EditionID == editionID && i.CourseRunID == runID {
				of[x.ID] = i
			}
		}
	}
	return of, nil
}

func addresses(mails []*Mail) []string {
	var list []string
	for _, m := range mails {
		if m.Person != nil && m.Person.Address != nil {
			list = append(list, *m.Person.Address)
		}
	}
	return list
}
