package db

import (
	"cmp"
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

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
