package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// mailChunk is deliveries, the records that they tell of, by id where nothing else is said, and the mails that become of them.
type mailChunk struct {
	d          *DB
	v          view
	deliveries []*Delivery
	mails      []*Mail

	editions, runs     []ID // that each of the mails is about, zero for none
	people, organisers map[ID]*Person
	registrations      map[ID]*Registration
	seats              map[ID]*Seats
	sessions           map[ID]*Session
	notices            map[ID]*notice
	invitations        map[ID]*Invitation // by delivery
	reminders          map[ID]*Reminder
	summaries          map[ID]*summary
	surveys            map[ID]*mailedSurvey
	campaigns          map[ID]*Campaign
	reports            map[ID]*Report
	delegations        map[ID]*Delegation
	certificates       map[ID]*Certificate
	tasks              map[ID][]*ReportAction // by delivery
	helps              map[ID]*Help           // by delivery
	editionsOfHelp     map[ID]ID              // by delivery
}

// about is the meeting that a mail is about: an edition, a course run, or neither.
type about struct{ edition, run ID }

// mails loads what deliveries tell: one statement for each kind of record, whatever their number.
func (d *DB) mails(ctx context.Context, deliveries []*Delivery) ([]*Mail, error) {
	c := &mailChunk{d: d, v: d.view(Actor{}), deliveries: deliveries}
	for _, step := range []func(context.Context) error{c.loadPlaces, c.loadInvitations, c.loadSubjects, c.tell, c.loadMeetings, c.addTokens} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.v.noticed(ctx, c.mails, c.notices); err != nil {
		return nil, err
	}
	return c.mails, c.v.finish(ctx, c.v.cancellations(ctx, c.mails))
}

func (c *mailChunk) loadPlaces(ctx context.Context) (err error) {
	if c.people, err = c.v.loadPeople(ctx, idsBy(c.deliveries, func(x *Delivery) ID { return x.PersonID }), Shape{"organisation": nil}); err != nil {
		return err
	}
	if c.registrations, err = byID[Registration](ctx, c.v.tx, idsBy(c.deliveries, func(x *Delivery) ID { return x.RegistrationID })); err != nil {
		return err
	}
	if err := c.v.positions(ctx, values(c.registrations)); err != nil {
		return err
	}
	// Before what the entries tell: an entry that is newer than its sequence is replaced, one that is older would stay.
	if err := c.v.sequences(ctx, values(c.registrations)); err != nil {
		return err
	}
	if c.seats, err = byID[Seats](ctx, c.v.tx, idsBy(values(c.registrations), func(r *Registration) ID { return r.SeatsID })); err != nil {
		return err
	}
	if c.sessions, err = c.v.loadSessions(ctx, idsBy(values(c.seats), func(s *Seats) ID { return s.SessionID }), Shape{"room": nil}); err != nil {
		return err
	}
	c.notices, err = byID[notice](ctx, c.v.tx, idsBy(c.deliveries, func(x *Delivery) ID { return x.NoticeID }))
	return err
}

// place returns what a registration is for: a session is part of its edition.
func (c *mailChunk) place(r *Registration) (about, *Session) {
	s := c.seats[r.SeatsID]
	if session := c.sessions[s.SessionID]; session != nil {
		return about{edition: session.EditionID}, session
	}
	return about{s.EditionID, s.CourseRunID}, nil
}

// loadInvitations finds the invitation of each delivery: its own, or the one to what it is about, which for a session is that to its
// edition.
func (c *mailChunk) loadInvitations(ctx context.Context) error {
	own, err := byID[Invitation](ctx, c.v.tx, idsBy(c.deliveries, func(x *Delivery) ID { return x.InvitationID }))
	if err != nil {
		return err
	}
	c.invitations = map[ID]*Invitation{}
	var others []*Delivery
	for _, x := range c.deliveries {
		if x.InvitationID.IsZero() {
			others = append(others, x)
		} else {
			c.invitations[x.ID] = own[x.InvitationID]
		}
	}
	var invited []*Invitation
	if len(others) > 0 {
		people := distinct(idsBy(others, func(x *Delivery) ID { return x.PersonID }))
		if err := c.v.tx.NewSelect().Model(&invited).Where("person_id IN (?)", bun.List(people)).
			Where("status <> ?", InvitationWithdrawn).Scan(ctx); err != nil {
			return fmt.Errorf("invitations of registrations: %w", err)
		}
	}
	for _, x := range others {
		var of about
		if n := c.notices[x.NoticeID]; n != nil {
			of = about{n.EditionID, n.CourseRunID}
		} else if r := c.registrations[x.RegistrationID]; r != nil {
			of, _ = c.place(r)
		}
		for _, i := range invited {
			if i.PersonID == x.PersonID && of == (about{i.EditionID, i.CourseRunID}) {
				c.invitations[x.ID] = i
			}
		}
	}
	return nil
}

// loadSubjects loads what mails are about besides places and changes, and the campaigns that they belong to.
func (c *mailChunk) loadSubjects(ctx context.Context) (err error) {
	if c.reminders, err = byID[Reminder](ctx, c.v.tx, idsBy(c.deliveries, func(x *Delivery) ID { return x.ReminderID })); err != nil {
		return err
	}
	if c.summaries, err = byID[summary](ctx, c.v.tx, idsBy(c.deliveries, func(x *Delivery) ID { return x.SummaryID })); err != nil {
		return err
	}
	if c.surveys, err = c.v.surveysOfMails(ctx, c.deliveries); err != nil {
		return err
	}
	if c.campaigns, err = byID[Campaign](ctx, c.v.tx, slices.Concat(
		idsBy(values(c.invitations), func(i *Invitation) ID { return i.CampaignID }), idsBy(values(c.summaries), func(s *summary) ID { return s.CampaignID }),
		idsBy(values(c.surveys), func(s *mailedSurvey) ID { return s.campaign }), idsBy(c.deliveries, func(x *Delivery) ID { return x.CampaignID }),
	)); err != nil {
		return err
	}
	if c.organisers, err = c.v.loadPeople(ctx, idsBy(values(c.campaigns), func(c *Campaign) ID { return c.CreatedBy }), nil); err != nil {
		return err
	}
	if c.reports, err = c.v.loadReports(ctx, idsBy(values(c.campaigns), func(c *Campaign) ID { return c.ReportID }), nil); err != nil {
		return err
	}
	if c.delegations, err = byID[Delegation](ctx, c.v.tx, idsBy(c.deliveries, func(x *Delivery) ID { return x.DelegationID })); err != nil {
		return err
	}
	if err := c.v.delegations(ctx, values(c.delegations), nil); err != nil {
		return err
	}
	if c.certificates, err = byID[Certificate](ctx, c.v.tx, idsBy(c.deliveries, func(x *Delivery) ID { return x.CertificateID })); err != nil {
		return err
	}
	if c.tasks, err = c.v.tasks(ctx, c.deliveries); err != nil {
		return err
	}
	c.helps, c.editionsOfHelp, err = c.v.helps(ctx, c.deliveries, c.people)
	return err
}

// tell makes mails that tell all but their meetings. Where several records say which that is, the last one holds.
func (c *mailChunk) tell(context.Context) error {
	for _, x := range c.deliveries {
		m, of := &Mail{
			Delivery: x, Person: c.people[x.PersonID], Registration: c.registrations[x.RegistrationID], Reminder: c.reminders[x.ReminderID],
			Delegation: c.delegations[x.DelegationID], Certificate: c.certificates[x.CertificateID], Help: c.helps[x.ID],
		}, about{}
		if m.Registration != nil {
			if of, m.Session = c.place(m.Registration); m.Registration.Position != nil {
				m.Position = *m.Registration.Position
			}
		}
		if m.Delegation != nil {
			of.edition = m.Delegation.EditionID
		}
		if err := c.tellCampaign(m, &of); err != nil {
			return err
		}
		if m.Certificate != nil {
			of.run = m.Certificate.CourseRunID
		}
		for _, a := range c.tasks[x.ID] {
			of.edition = c.tasks[x.ID][0].Report.EditionID
			if m.Person != nil {
				m.Tasks = append(m.Tasks, a.task(m.Person.Language, c.v.now))
			}
		}
		of.edition = cmp.Or(c.editionsOfHelp[x.ID], of.edition)
		if x.Trial != nil && m.Person != nil {
			of = about{x.Trial.EditionID, x.Trial.CourseRunID}
			x.Trial.show(m)
		}
		c.mails, c.editions, c.runs = append(c.mails, m), append(c.editions, of.edition), append(c.runs, of.run)
	}
	return nil
}

// tellCampaign tells of the campaign that a mail belongs to or says something of, or of the change that it says.
func (c *mailChunk) tellCampaign(m *Mail, of *about) (err error) {
	x := m.Delivery
	from := func(campaign ID) {
		m.Campaign = c.campaigns[campaign]
		m.Organiser = c.organisers[m.Campaign.CreatedBy]
	}
	if i := c.invitations[x.ID]; i != nil {
		from(i.CampaignID)
		*of, m.pending = about{i.EditionID, i.CourseRunID}, i.Status == InvitationPending
	}
	if n := c.notices[x.NoticeID]; n != nil {
		*of = about{n.EditionID, n.CourseRunID}
	}
	if x.Kind == MailReport {
		from(x.CampaignID)
		of.edition = m.Campaign.EditionID
		if r := c.reports[m.Campaign.ReportID]; r != nil && m.Person != nil {
			m.Report, m.ReportIn = r.In(m.Person.Language, r.ID)
		}
	}
	if s := c.surveys[x.SurveyID]; s != nil {
		from(s.campaign)
		of.edition, m.Survey, m.answered = s.survey.EditionID, s.survey, s.answered[x.PersonID]
	}
	if s := c.summaries[x.SummaryID]; s != nil {
		m.Campaign = c.campaigns[s.CampaignID]
		*of = about{m.Campaign.EditionID, m.Campaign.CourseRunID}
		m.Summary, err = s.read()
	}
	return err
}

// loadMeetings loads the meetings that mails are about and, for those that no organiser has sent, whom answers go to.
func (c *mailChunk) loadMeetings(ctx context.Context) error {
	entries, err := c.v.calendarEntries(ctx, slices.Concat(c.editions, c.runs))
	if err != nil {
		return err
	}
	editions, err := c.v.loadEditions(ctx, c.editions, Shape{"host": nil})
	if err != nil {
		return err
	}
	ofRun := Shape{"course": {"organisation": nil}}
	for i, x := range c.deliveries {
		if !x.CourseRunID.IsZero() { // a notice to organisers, which is for no calendar
			c.runs[i], ofRun["seats"] = cmp.Or(c.runs[i], x.CourseRunID), nil
		}
	}
	runs, err := c.v.loadCourseRuns(ctx, c.runs, ofRun)
	if err != nil {
		return err
	}
	hours, err := c.v.hours(ctx, c.editions)
	if err != nil {
		return err
	}
	var hosts map[ID]*Person
	hosted := func(m *Mail) bool { return m.Organiser == nil && m.Delivery.CourseRunID.IsZero() && m.Summary == nil } // a notice to organisers needs no other one
	if slices.ContainsFunc(c.mails, hosted) {
		if hosts, err = c.v.organisersToAnswer(ctx, c.editions, c.runs); err != nil {
			return err
		}
	}
	for i, m := range c.mails {
		edition, run, meeting := c.editions[i], c.runs[i], cmp.Or(c.editions[i], c.runs[i])
		m.Edition, m.CourseRun, m.Hours, m.Sequence = editions[edition], runs[run], hours[edition], entries[meeting].Sequence
		if hosted(m) {
			m.Organiser = hosts[meeting]
		}
	}
	return nil
}

// addTokens makes the tokens of the links in mails, and those by which they are answered to their senders.
func (c *mailChunk) addTokens(ctx context.Context) error {
	signIns, err := c.d.signInLinks(ctx, c.deliveries)
	for _, m := range c.mails {
		if err != nil {
			return err
		}
		x := m.Delivery
		m.SignInToken = signIns[x.ID]
		if m.Person != nil && m.Person.Address != nil {
			m.BounceToken, err = c.d.bounceToken(ctx, x.ID, *m.Person.Address)
			if err == nil && x.Kind.invites() {
				m.OptOutToken, err = c.d.OptOutToken(ctx, m.Person.ID)
			}
		}
		if err == nil && m.Registration != nil {
			m.PlaceToken, err = c.d.RegistrationToken(ctx, m.Registration.ID)
		}
		if err == nil && m.Delegation != nil {
			m.DeskToken, err = c.d.DelegationToken(ctx, x.DelegationID, x.PersonID)
		}
		if i := c.invitations[x.ID]; err == nil && i != nil && i.Status != InvitationWithdrawn {
			m.AnswerToken, err = c.d.AnswerToken(ctx, i.ID)
		}
		if err == nil && m.Survey != nil {
			m.FeedbackToken, err = c.d.FeedbackToken(ctx, x.SurveyID, x.PersonID)
		}
		if err == nil && m.Tasks != nil {
			m.TasksToken, err = c.d.ActionsToken(ctx, x.PersonID)
		}
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

func addresses(mails []*Mail) []string {
	var list []string
	for _, m := range mails {
		if m.Person != nil && m.Person.Address != nil {
			list = append(list, *m.Person.Address)
		}
	}
	return list
}
