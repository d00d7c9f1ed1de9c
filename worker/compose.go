package worker

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/calendar"
)

// drafts are the mails of campaigns and the reminders of one chunk, worded once for each kind, campaign and language. The truth in them was read at the same
// moment; only the name and the link differ from mail to mail.
type drafts map[draftKey]draft

type draftKey struct {
	kind     db.MailKind
	campaign db.ID
	locale   string
}

type draft struct {
	subject, text, html string
	marks               marks
	employer            string // what is said of a reader of whom it is not known
	meeting             []byte // as a calendar
}

// marks stand in a draft for what is the reader's own. Nobody can guess them: who could write one into a title or a message would
// be sent everybody's token.
type marks struct{ name, employer, token, optOut string }

func newMarks() marks {
	private := func() string { // as long as a short name, so that lines break where they would
		return strings.Map(func(r rune) rune { return 0xE100 + r }, rand.Text()[:10])
	}
	return marks{name: private(), employer: private(), token: rand.Text(), optOut: rand.Text()}
}

// forReader puts the reader's own name, organisation and links in their places. The subject may come to be too long for one.
func (d draft) forReader(name, employer, token, optOut string) (subject, text, html string) {
	name, employer = oneLine(name, maxName), cmp.Or(oneLine(employer, maxName), d.employer)
	plain := strings.NewReplacer(d.marks.name, name, d.marks.employer, employer, d.marks.token, token, d.marks.optOut, optOut)
	escaped := strings.NewReplacer(d.marks.name, template.HTMLEscapeString(name), d.marks.employer, template.HTMLEscapeString(employer),
		d.marks.token, token, d.marks.optOut, optOut)
	return plain.Replace(d.subject), plain.Replace(d.text), escaped.Replace(d.html)
}

// compose writes the mail of a delivery out of the truth it was loaded with. A panic fails this mail and not its chunk.
func (w *Worker) compose(m *db.Mail, chunk drafts) (_ *Message, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	facts := Facts{PersonName: m.Person.Name, OrganiserName: cmp.Or(w.from.Name, w.from.Address), Position: m.Position}
	var meeting Meeting
	var published *calendar.Entry // for who is invited
	if m.Delivery.Kind != db.MailSignIn {
		if meeting, err = meetingOf(m); err != nil {
			return nil, err
		}
		facts.Meeting = meeting
	}
	message := &Message{
		Kind: string(m.Delivery.Kind), MessageID: m.Delivery.ID.String() + "@" + w.domain(), Date: *m.Delivery.DatedAt,
		From: w.from.Address, FromName: w.from.Name, To: *m.Person.Address, ToName: m.Person.Name, Locale: string(m.Person.Language),
	}
	if m.Organiser != nil {
		facts.OrganiserName = m.Organiser.Name
		if m.Organiser.Address != nil {
			message.ReplyTo = *m.Organiser.Address
		}
	}
	if w.cfg.BounceDomain != "" && m.BounceToken != "" {
		message.ReturnPath = bounceLocal + m.BounceToken + "@" + w.cfg.BounceDomain
	}
	facts.AnswerURL = w.cfg.PublicURL + "/r/" + m.PlaceToken
	switch m.Delivery.Kind {
	case db.MailInvitation, db.MailReminder:
		if m.Delivery.Kind == db.MailInvitation { // a reminder comes on top of one
			published = w.meeting(m, m.Campaign.CreatedAt)
		}
		message.Bulk, message.Campaign = true, m.Campaign.ID.String()
		if m.AnswerToken == "" { // a specimen
			w.showTo(m, &facts)
			break
		}
		facts.OptOutURL = w.cfg.PublicURL + "/unsubscribe/" + m.OptOutToken
		if strings.HasPrefix(facts.OptOutURL, "https:") { // RFC 8058 section 3.1 knows no other
			message.ListUnsubscribe = facts.OptOutURL
		}
		facts.AnswerURL = w.cfg.PublicURL + "/i/" + m.AnswerToken
		if m.Campaign.RespondBy != nil {
			facts.RespondBy = m.Campaign.RespondBy.In(meetingZone(m))
		}
	case db.MailReport:
		message.Bulk, message.Campaign = true, m.Campaign.ID.String()
		facts.AnswerURL = w.cfg.PublicURL + "/reports/" + m.Campaign.ReportID.String() + "?lang=" + message.Locale
		facts.Report = m.Report
	case db.MailFeedback, db.MailFeedbackReminder:
		message.Bulk, message.Campaign = true, m.Campaign.ID.String()
		facts.AnswerURL = w.cfg.PublicURL + "/f/" + m.FeedbackToken
		facts.RespondBy, facts.Anonymous = m.Survey.ClosesAt.In(meetingZone(m)), m.Survey.Anonymous
	case db.MailSummary:
		facts.Result, facts.Began = m.Summary, m.Campaign.SendAt.In(meetingZone(m))
	case db.MailTrial:
		facts.Trial = true
		w.showTo(m, &facts)
	case db.MailDelegation, db.MailDelegationReminder:
		facts.AnswerURL = w.cfg.PublicURL + "/d/" + m.DeskToken
		facts.Delegation, facts.Places, facts.Message = m.Delegation.InvitedParty(), m.Delegation.Places, m.Delegation.Message
		facts.RespondBy = m.Delegation.RespondBy.In(meetingZone(m))
	case db.MailSignIn:
		facts.AnswerURL = w.cfg.PublicURL + "/sign-in/" + m.SignInToken + "?lang=" + message.Locale
	case db.MailOffered:
		facts.RespondBy = m.Registration.OfferExpiresAt.In(meetingZone(m))
	case db.MailConfirmed:
		message.Calendar = w.place(m, m.Registration, m.Session, calendar.Request)
	case db.MailCancelled:
		w.strike(m, message, &facts)
	case db.MailNotice:
		published = w.notice(m, meeting, message, &facts)
	default:
		w.courseFacts(m, &facts, message)
	}
	facts.CalendarEntry = message.Calendar != nil || message.Bulk && published != nil
	if m.Delivery.Kind == db.MailTrial || message.Bulk && m.Person.Name == "" {
		if facts.Words, err = wordsOf(m); err != nil {
			return nil, err
		}
		facts.Words.Employer = m.Person.WorksFor()
	}
	if !message.Bulk || m.Person.Name == "" {
		written, err := w.write(message, facts, published)
		message.Subject, message.Text, message.HTML, message.Meeting = written.subject, written.text, written.html, written.meeting
		return message, err
	}
	key := draftKey{m.Delivery.Kind, m.Campaign.ID, message.Locale}
	written, ok := chunk[key]
	if !ok {
		if written, err = w.draft(m, message, facts, published); err != nil {
			return nil, err
		}
		chunk[key] = written
	}
	message.Meeting = written.meeting
	message.Subject, message.Text, message.HTML = written.forReader(m.Person.Name, m.Person.WorksFor(), cmp.Or(m.AnswerToken, m.FeedbackToken), m.OptOutToken)
	return message, nil
}

// draft words an invitation for all readers of a language.
func (w *Worker) draft(m *db.Mail, message *Message, facts Facts, published *calendar.Entry) (draft, error) {
	marks := newMarks()
	var err error
	if facts.Words, err = wordsOf(m); err != nil {
		return draft{}, err
	}
	facts.PersonName, facts.Words.Employer = marks.name, marks.employer
	if m.FeedbackToken != "" {
		facts.AnswerURL = w.cfg.PublicURL + "/f/" + marks.token
	}
	if m.AnswerToken != "" {
		facts.AnswerURL, facts.OptOutURL = w.cfg.PublicURL+"/i/"+marks.token, w.cfg.PublicURL+"/unsubscribe/"+marks.optOut
	}
	written, err := w.write(message, facts, published)
	written.marks, written.employer = marks, w.letters.yourOrganisation(cmp.Or(facts.Words.Locale, message.Locale))
	return written, err
}

// showTo leads the links of a mail that stands for others to a page that says so.
func (w *Worker) showTo(m *db.Mail, facts *Facts) {
	facts.AnswerURL = w.cfg.PublicURL + "/example?lang=" + string(m.Person.Language)
	facts.OptOutURL = facts.AnswerURL
	if m.Campaign.RespondBy != nil {
		facts.RespondBy = m.Campaign.RespondBy.In(meetingZone(m))
	}
}

// strike takes out of the reader's calendar what a mail about a cancelled registration has put there, and names the sessions that
// went with it.
func (w *Worker) strike(m *db.Mail, message *Message, facts *Facts) {
	if facts.NoPlace = m.NoPlace; !m.NoPlace {
		message.Calendar = w.place(m, m.Registration, m.Session, calendar.Cancel)
	}
	for _, session := range m.Sessions {
		facts.Sessions = append(facts.Sessions, session.Session.Title)
		if part := w.place(session, session.Registration, session.Session, calendar.Cancel); part != nil && !session.NoPlace {
			message.Others = append(message.Others, *part)
		}
	}
}

// write words a message, and writes the meeting for the calendars of those who have not answered yet.
func (w *Worker) write(message *Message, facts Facts, published *calendar.Entry) (written draft, err error) {
	kind := message.Kind
	if facts.Trial {
		kind = KindInvitation
	}
	letter, err := w.letters.Write(kind, message.Locale, facts)
	if err != nil {
		return draft{}, err
	}
	written.subject, written.text = oneLine(letter.Subject, maxOwnSubject), letter.Text()
	if published != nil {
		if written.meeting, err = published.ForMail(calendar.Publish); err != nil {
			return draft{}, err
		}
	}
	written.html, err = letter.HTML()
	return written, err
}

// domain is where Message-IDs are unique: that of the sender.
func (w *Worker) domain() string {
	_, domain, _ := strings.Cut(w.from.Address, "@")
	return domain
}

// place returns the calendar entry of a registration for the session or, without one, for what the mail is about; nil when not
// even the day is known.
func (w *Worker) place(m *db.Mail, r *db.Registration, session *db.Session, method calendar.Method) *CalendarPart {
	c := w.entry(m, session)
	if c == nil {
		return nil
	}
	c.Sequence, c.Stamp = r.Sequence, m.Delivery.CreatedAt
	c.Attendee, c.AttendeeName = *m.Person.Address, m.Person.Name
	return &CalendarPart{method, c}
}

// meeting returns the calendar entry of the meeting for somebody who is invited; nil when not even the day is known.
func (w *Worker) meeting(m *db.Mail, stamp time.Time) *calendar.Entry {
	c := w.entry(m, nil)
	if c != nil {
		c.Sequence, c.Stamp, c.Free = m.Sequence, stamp, true
	}
	return c
}

func (w *Worker) entry(m *db.Mail, session *db.Session) *calendar.Entry {
	c := calendar.Of(m.Edition, session, m.CourseRun, m.Hours)
	if c.Starts.IsZero() {
		return nil
	}
	c.Organizer, c.OrganizerName = w.from.Address, w.from.Name
	if m.Organiser != nil && m.Organiser.Address != nil {
		c.Organizer, c.OrganizerName = *m.Organiser.Address, m.Organiser.Name
	}
	return c
}

func meetingZone(m *db.Mail) *time.Location {
	zone := ""
	if m.Edition != nil {
		zone = m.Edition.TimeZone
	} else {
		zone = m.CourseRun.TimeZone
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return time.UTC // the import refuses unknown zones
	}
	return location
}

// meetingOf describes the edition, the session or the course run that a mail is about.
func meetingOf(m *db.Mail) (Meeting, error) {
	zone := meetingZone(m)
	if e := m.Edition; e != nil {
		meeting := Meeting{
			Title: e.Title, Summary: e.Summary, Year: e.Year, VenueName: e.VenueName, Address: e.VenueAddress, City: e.VenueCity,
			Languages: e.Languages,
		}
		if host := e.HostName(); host != "" {
			meeting.Host = host
		}
		if e.StartsOn != nil {
			meeting.setDays(*e.StartsOn, *e.EndsOn, zone)
		}
		meeting.setHours(m.Hours, zone)
		if m.Session != nil {
			meeting.narrow(m.Session, zone)
		}
		return meeting, nil
	}
	r := m.CourseRun
	if r == nil || r.Course == nil {
		return Meeting{}, fmt.Errorf("mail %s is about nothing", m.Delivery.ID)
	}
	meeting := Meeting{
		Title: r.Course.Title, Summary: r.Course.Summary, VenueName: r.VenueName, Address: r.VenueAddress, City: r.VenueCity,
		Languages: r.Languages, Host: r.Course.OfferedBy(),
	}
	meeting.setDays(r.StartsOn, r.EndsOn, zone)
	return meeting, nil
}

// narrow makes of an edition one session of it.
func (m *Meeting) narrow(s *db.Session, zone *time.Location) {
	m.Title, m.Summary, m.Days = fmt.Sprintf("%s (%s)", s.Title, m.Title), "", nil
	if s.Abstract != nil {
		m.Summary = *s.Abstract
	}
	if len(s.Languages) > 0 {
		m.Languages = s.Languages
	}
	if s.Room != nil {
		m.Room = s.Room.Name
	}
	m.setDays(s.Date, s.Date, zone)
	if s.StartsAt != nil {
		m.Starts, m.Ends, m.WholeDays = s.StartsAt.In(zone), s.EndsAt.In(zone), false
	}
}

// setDays says of a meeting only on which days it is.
func (m *Meeting) setDays(first, last db.Date, zone *time.Location) {
	day := func(d db.Date) time.Time {
		t := d.Time()
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)
	}
	m.Starts, m.Ends, m.WholeDays = day(first), day(last), true
}

// setHours says when a meeting begins and ends on each of its days, when the programme tells it.
func (m *Meeting) setHours(hours []db.Hours, zone *time.Location) {
	for _, h := range hours {
		m.Days = append(m.Days, Day{Starts: h.Starts.In(zone), Ends: h.Ends.In(zone)})
	}
	if n := len(m.Days); n > 0 {
		m.Starts, m.Ends, m.WholeDays = m.Days[0].Starts, m.Days[n-1].Ends, false
	}
	if len(m.Days) == 1 {
		m.Days = nil
	}
}
