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

// drafts are the mails of one chunk that go to many, worded and encoded once for each kind, campaign and language. The truth in them
// was read at the same moment; only what is the reader's own differs from mail to mail.
type drafts map[draftKey]*draft

type draftKey struct {
	kind     db.MailKind
	campaign db.ID
	locale   string
}

// draft is a mail without what is its reader's own.
type draft struct {
	message             Message // without reader
	subject, text, html gapped
	marks               own
	employer            string // what is said of a reader of whom it is not known
	form                *form  // nil until the first mail is encoded
}

// own is what is the reader's own in a draft: name, organisation, and the tokens to answer and to opt out.
type own [4]string

// ownValues are a reader's, and the same as they stand in HTML.
type ownValues struct{ plain, escaped own }

// newMarks makes what stands in a draft for what is the reader's own. Nobody can guess it: who could write a mark into a title or a
// message would be sent everybody's token.
func newMarks() own {
	private := func() string { // as long as a short name, so that lines break where they would
		return strings.Map(func(r rune) rune { return 0xE100 + r }, rand.Text()[:10])
	}
	return own{private(), private(), rand.Text(), rand.Text()}
}

// compose writes the mail of a delivery out of the truth it was loaded with. A panic fails this mail and not its chunk.
func (w *Worker) compose(m *db.Mail, chunk drafts) (_ *Message, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	if m.Person.Name == "" || !goesToMany(m) {
		message, facts, published, err := w.state(m)
		if err != nil {
			return nil, err
		}
		written, err := w.write(message, facts, published)
		message.Subject, message.Text, message.HTML, message.Meeting = written.subject, written.text, written.html, written.meeting
		return message, err
	}
	key := draftKey{m.Delivery.Kind, m.Campaign.ID, string(m.Person.Language)}
	d := chunk[key]
	if d == nil {
		if d, err = w.draft(m); err != nil {
			return nil, err
		}
		chunk[key] = d
	}
	return w.forReader(d, m), nil
}

// goesToMany reports whether a mail differs from others only by what is its reader's own.
func goesToMany(m *db.Mail) bool {
	switch m.Delivery.Kind {
	case db.MailInvitation, db.MailReminder, db.MailReport, db.MailFeedback, db.MailFeedbackReminder:
		return true
	}
	return false
}

// state says of a mail all but its words: where it goes, and what it tells.
func (w *Worker) state(m *db.Mail) (_ *Message, facts Facts, published *calendar.Entry, err error) {
	facts = Facts{PersonName: m.Person.Name, OrganiserName: cmp.Or(w.from.Name, w.from.Address), Position: m.Position}
	var meeting Meeting
	if m.Delivery.Kind != db.MailSignIn {
		if meeting, err = meetingOf(m); err != nil {
			return nil, facts, nil, err
		}
		facts.Meeting = meeting
	}
	message := w.addressed(m)
	if m.Organiser != nil {
		facts.OrganiserName = m.Organiser.Name
		if m.Organiser.Address != nil {
			message.ReplyTo = *m.Organiser.Address
		}
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
		message.ListUnsubscribe = w.oneClick(m)
		facts.AnswerURL = w.cfg.PublicURL + "/i/" + m.AnswerToken
		if m.Campaign.RespondBy != nil {
			facts.RespondBy = m.Campaign.RespondBy.In(meetingZone(m))
		}
	case db.MailReport:
		message.Bulk, message.Campaign = true, m.Campaign.ID.String()
		facts.AnswerURL = w.cfg.PublicURL + "/reports/" + m.Campaign.ReportID.String() + "?lang=" + message.Locale
		facts.PDFURL = w.cfg.PublicURL + "/reports/" + m.Campaign.ReportID.String() + ".pdf?lang=" + message.Locale
		facts.Report, facts.ReportLocale = m.Report, string(m.ReportIn)
	case db.MailCertificate:
		if err := w.certificate(m, meeting, message, &facts); err != nil {
			return nil, Facts{}, nil, err
		}
	case db.MailAssigned, db.MailDue: // it may be about several meetings, which are over
		facts.Meeting, facts.Tasks = Meeting{}, m.Tasks
		facts.AnswerURL = w.cfg.PublicURL + "/a/" + m.TasksToken + "?lang=" + message.Locale
	case db.MailHelp:
		facts.AnswerURL = w.cfg.PublicURL + "/reports/" + m.Help.ReportID.String() + "?lang=" + message.Locale
		facts.Help = m.Help
	case db.MailFeedback, db.MailFeedbackReminder:
		message.Bulk, message.Campaign = true, m.Campaign.ID.String()
		facts.AnswerURL = w.cfg.PublicURL + "/f/" + m.FeedbackToken
		facts.RespondBy, facts.Anonymous = m.Survey.ClosesAt.In(meetingZone(m)), m.Survey.Anonymous
	case db.MailSummary:
		facts.Result, facts.Began = m.Summary, m.Campaign.SendAt.In(meetingZone(m))
		facts.Reported, facts.Surveyed = !m.Campaign.ReportID.IsZero(), !m.Campaign.SurveyID.IsZero()
	case db.MailTrial:
		facts.Trial = true
		w.showTo(m, &facts)
	case db.MailDelegation, db.MailDelegationReminder:
		facts.AnswerURL = w.cfg.PublicURL + "/d/" + m.DeskToken
		facts.Delegation, facts.Places = m.Delegation.InvitedParty(), m.Delegation.Places
		facts.RespondBy = m.Delegation.RespondBy.In(meetingZone(m))
		if m.Delivery.Kind == db.MailDelegation { // a reminder has words of its own
			facts.Words = wordsTo(m.Delegation)
		}
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
			return nil, facts, nil, err
		}
		facts.Words.Employer = m.Person.WorksFor()
	}
	return message, facts, published, nil
}

// addressed begins a mail: what it is, whom it goes to, and where it comes back to.
func (w *Worker) addressed(m *db.Mail) *Message {
	message := &Message{
		Kind: string(m.Delivery.Kind), MessageID: m.Delivery.ID.String() + "@" + w.domain(), Date: *m.Delivery.DatedAt,
		From: w.from.Address, FromName: w.from.Name, To: *m.Person.Address, ToName: m.Person.Name, Locale: string(m.Person.Language),
	}
	if w.cfg.BounceDomain != "" && m.BounceToken != "" {
		message.ReturnPath = bounceLocal + m.BounceToken + "@" + w.cfg.BounceDomain
	}
	return message
}

// oneClick returns where mail programs ask for no more invitations; "" when they cannot.
func (w *Worker) oneClick(m *db.Mail) string {
	if m.OptOutToken == "" || !strings.HasPrefix(w.cfg.PublicURL, "https:") { // RFC 8058 section 3.1 knows no other
		return ""
	}
	return w.cfg.PublicURL + "/unsubscribe/" + m.OptOutToken
}

// draft words and encodes a mail for all readers of a language.
func (w *Worker) draft(m *db.Mail) (*draft, error) {
	message, facts, published, err := w.state(m)
	if err != nil {
		return nil, err
	}
	if facts.Words, err = wordsOf(m); err != nil {
		return nil, err
	}
	marks := newMarks()
	facts.PersonName, facts.Words.Employer = marks[0], marks[1]
	if m.FeedbackToken != "" {
		facts.AnswerURL = w.cfg.PublicURL + "/f/" + marks[2]
	}
	if m.AnswerToken != "" {
		facts.AnswerURL, facts.OptOutURL = w.cfg.PublicURL+"/i/"+marks[2], w.cfg.PublicURL+"/unsubscribe/"+marks[3]
	}
	written, err := w.write(message, facts, published)
	if err != nil {
		return nil, err
	}
	message.Meeting = written.meeting
	return &draft{
		message: *message, subject: cut(written.subject, marks), text: cut(written.text, marks), html: cut(written.html, marks), marks: marks,
		employer: w.letters.yourOrganisation(cmp.Or(facts.Words.Locale, message.Locale)),
	}, nil
}

// forReader puts what is the reader's own in its places. The subject may come to be too long for one.
func (w *Worker) forReader(d *draft, m *db.Mail) *Message {
	message, reader := d.message, w.addressed(m)
	message.MessageID, message.Date, message.To, message.ToName, message.ReturnPath = reader.MessageID, reader.Date, reader.To, reader.ToName, reader.ReturnPath
	if message.ListUnsubscribe != "" {
		message.ListUnsubscribe = w.oneClick(m)
	}
	plain := own{oneLine(m.Person.Name, maxName), cmp.Or(oneLine(m.Person.WorksFor(), maxName), d.employer), cmp.Or(m.AnswerToken, m.FeedbackToken), m.OptOutToken}
	message.own = ownValues{plain, own{template.HTMLEscapeString(plain[0]), template.HTMLEscapeString(plain[1]), plain[2], plain[3]}}
	message.draft, message.Subject = d, d.subject.string(&message.own.plain)
	return &message
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
	if facts.NoPlace, facts.Held = m.NoPlace, m.Held; !m.NoPlace {
		message.Calendar = w.place(m, m.Registration, m.Session, calendar.Cancel)
	}
	for _, session := range m.Sessions {
		facts.Sessions = append(facts.Sessions, session.Session.Title)
		if part := w.place(session, session.Registration, session.Session, calendar.Cancel); part != nil && !session.NoPlace {
			message.Others = append(message.Others, *part)
		}
	}
}

// worded is what a mail says.
type worded struct {
	subject, text, html string
	meeting             []byte // as a calendar
}

// write words a message, and writes the meeting for the calendars of those who have not answered yet.
func (w *Worker) write(message *Message, facts Facts, published *calendar.Entry) (written worded, err error) {
	kind := message.Kind
	if facts.Trial {
		kind = KindInvitation
	}
	letter, err := w.letters.Write(kind, message.Locale, facts)
	if err != nil {
		return worded{}, err
	}
	written.subject, written.text = oneLine(letter.Subject, maxOwnSubject), letter.Text()
	if published != nil {
		if written.meeting, err = published.ForMail(calendar.Publish); err != nil {
			return worded{}, err
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
