package worker

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"net/url"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

//go:embed templates
var templateFiles embed.FS

// The kinds of letter. Each has its words in templates/<kind>.<locale>.tmpl.
const (
	KindInvitation             = "invitation"
	KindRegistrationConfirmed  = "registration_confirmed"
	KindRegistrationWaitlisted = "registration_waitlisted"
	KindRegistrationCancelled  = "registration_cancelled"
	KindSeatOffered            = "seat_offered"
	KindOfferExpired           = "offer_expired"
	KindWaitingListClosed      = "waiting_list_closed"
	KindMeetingChanged         = "meeting_changed"
	KindMeetingCancelled       = "meeting_cancelled"
	KindDelegationInvited      = "delegation_invited"
	KindDelegationReminder     = "delegation_reminder"
	KindInvitationReminder     = "invitation_reminder"
	KindCampaignSummary        = "campaign_summary"
	KindReportPublished        = "report_published"
	KindFeedbackRequested      = "feedback_requested"
	KindFeedbackReminder       = "feedback_reminder"
	KindSignIn                 = "sign_in" // the only one about no meeting

	KindIntakeRequested = "intake_requested"
	KindIntakeReminder  = "intake_reminder"
	KindRunConfirmed    = "run_confirmed"
	KindRunCancelled    = "run_cancelled"
	KindRunBelowMinimum = "run_below_minimum"

	KindCertificateIssued = "certificate_issued"
	KindHelpOffered       = "help_offered"
	KindActionAssigned    = "action_assigned"
	KindActionDue         = "action_due"
)

// Kinds lists every kind of letter.
func Kinds() []string {
	return []string{
		KindInvitation, KindRegistrationConfirmed, KindRegistrationWaitlisted, KindRegistrationCancelled,
		KindSeatOffered, KindOfferExpired, KindWaitingListClosed, KindSignIn,
		KindDelegationInvited, KindDelegationReminder, KindMeetingChanged, KindMeetingCancelled,
		KindIntakeRequested, KindIntakeReminder, KindRunConfirmed, KindRunCancelled, KindRunBelowMinimum,
		KindInvitationReminder, KindCampaignSummary, KindReportPublished, KindCertificateIssued,
		KindFeedbackRequested, KindFeedbackReminder,
		KindHelpOffered, KindActionAssigned, KindActionDue,
	}
}

// HasPage reports whether a letter of the kind leads to a page of its reader's. Those to organisers do not.
func HasPage(kind string) bool { return kind != KindRunBelowMinimum && kind != KindCampaignSummary }

// Locales lists every language that letters are written in.
func Locales() []string { return []string{"nl", "de", "en"} }

// Facts is what a letter tells one person.
type Facts struct {
	PersonName    string // empty: the greeting does without
	OrganiserName string // who signs
	Meeting       Meeting
	RespondBy     time.Time   // to the invitation, the offer or the intake, in the zone to write it in; zero: no deadline, which an offer has
	Words         *Words      // the organiser's own; nil: none
	Trial         bool        // a test that the organiser alone gets: its links lead to nobody's page
	AnswerURL     string      // the person's own page, where all answering happens
	OptOutURL     string      // the page on which to want no more of these; empty: the letter comes in any case
	Delegation    string      // the organisation that is invited
	Places        int         // that it may fill
	Position      int         // on the waiting list, from 1
	NoPlace       bool        // a cancelled registration was never confirmed
	Held          bool        // and its place waited for the intake
	Sessions      []string    // titles of those that were cancelled with the registration
	CalendarEntry bool        // the mail carries a calendar entry (for a cancelled registration: its cancellation; for an invitation: the meeting)
	Was           *Meeting    // what the person was told of the meeting before; nil: it is as it was
	Items         []Item      // of the programme, that are not as the person was told
	Invited       bool        // the person has not answered an invitation yet
	Delegated     bool        // the person neither has a place nor is asked to answer, but coordinates for the Delegation
	Waits         bool        // for a place, which the person does not have yet
	IntakeOpen    bool        // the person has a place that becomes certain with the intake
	Taken         int         // of a course run: places that are taken
	Minimum       int         // of a course run: participants that it needs
	Report        string      // what came of the meeting, in a few sentences of Markdown
	ReportLocale  string      // the language that these are in
	PDFURL        string      // of the report for printing
	Reported      bool        // the campaign that ended mailed a report
	Surveyed      bool        // the campaign that ended asked for feedback
	Anonymous     bool        // what the person answers to a survey leads to nobody
	Result        *db.Summary // of a campaign
	Began         time.Time   // a campaign, in the zone to write it in
	Tasks         []db.Task   // that the reader has agreed to do
	Help          *db.Help    // that somebody offers
}

// Item is an item on the programme before and after a change. Of a new one Was says nothing.
type Item struct {
	Was, Now Meeting
	New      bool
}

// Meeting is an edition or a course run as letters describe it. Only Title must be there.
type Meeting struct {
	Title, Summary string
	Year           int // when nothing but the year is known
	// Starts and Ends are in the zone of the meeting, zero when unknown. With WholeDays only their dates are known.
	Starts, Ends time.Time
	WholeDays    bool
	Days         []Day // from when till when on each day, if it has several

	Room                     string // of an item on the programme
	VenueName, Address, City string
	Cancelled                bool
	Host                     string
	Languages                []string // tags such as "de"
	URL                      string   // of the public page, or empty
}

// Day is one day of a meeting, in the zone of the meeting.
type Day struct{ Starts, Ends time.Time }

// Letter is what a mail says, the same in text and in HTML.
type Letter struct {
	Locale     string
	Subject    string
	Preheader  string // what mail clients show beside the subject; hidden in the HTML, left out of the text
	Greeting   string
	Opening    []string // the paragraphs before Own
	Own        *Own     // what the organiser wrote; nil: nothing
	Record     *Own     // what came of the meeting, behind what the organiser wrote; nil: nothing
	Paragraphs []string // a line break within one is kept
	Facts      []Fact
	Actions    []Action // the first is what the letter is about
	Note       string   // about the first action
	Closing    string   // greeting and signature, on two lines
	Footer     string
	OptOut     *Action // below the footer; nil: none

	layout *htmltemplate.Template
}

// Fact is one line of the table of a letter. Value may have several lines.
type Fact struct{ Label, Value string }

// Action is a link.
type Action struct{ Label, URL string }

// Letters writes letters. It is safe for use by many goroutines.
type Letters struct {
	layout  *htmltemplate.Template
	words   map[wordsKey]*words
	tongues map[string]*tongue
}

type wordsKey struct{ kind, locale string }

// labels is what every language names once for all kinds; sections is what every kind says in every language.
func labels() []string {
	return []string{"when", "where", "host", "languages", "respond_by", "position", "programme", "opt_out", "name", "item", "was", "open", "called_off", "back_on", "added",
		"intake_by", "participants", "own_organisation", "report_pdf", "task", "due_by", "was_due", "question", "asked_by", "help_from", "help_note"}
}

func sections() []string {
	return []string{"greeting", "closing", "footer", "position_fact", "participants_fact", "subject", "preheader", "body", "action", "note", "reason"}
}

// NewLetters parses all templates. It fails when a kind lacks a section in a language.
func NewLetters() (*Letters, error) {
	layout, err := htmltemplate.New("layout.html.tmpl").Funcs(htmltemplate.FuncMap{"lines": lines}).
		ParseFS(templateFiles, "templates/layout.html.tmpl")
	if err != nil {
		return nil, err
	}
	l := &Letters{layout: layout, words: map[wordsKey]*words{}, tongues: tongues()}
	for _, locale := range Locales() {
		for _, kind := range Kinds() {
			if l.words[wordsKey{kind, locale}], err = parseWords(kind, locale); err != nil {
				return nil, fmt.Errorf("letter %s in %s: %w", kind, locale, err)
			}
		}
	}
	return l, nil
}

// words is what one kind says in one language.
type words struct {
	sections *texttemplate.Template
	labels   map[string]string
}

func parseWords(kind, locale string) (*words, error) {
	parsed, err := texttemplate.New("").Option("missingkey=error").ParseFS(templateFiles,
		"templates/letter."+locale+".tmpl", "templates/"+kind+"."+locale+".tmpl")
	if err != nil {
		return nil, err
	}
	for _, section := range sections() {
		if parsed.Lookup(section) == nil {
			return nil, fmt.Errorf("the section %q is missing", section)
		}
	}
	w := &words{sections: parsed, labels: map[string]string{}}
	for _, label := range labels() {
		var b strings.Builder
		if err := parsed.ExecuteTemplate(&b, label, nil); err != nil {
			return nil, err
		}
		w.labels[label] = strings.TrimSpace(b.String())
	}
	return w, nil
}

// Write words a letter of a kind in the reader's language, English if that is not one of Locales. It fails when a
// fact is missing that the words need, rather than leave a blank.
func (l *Letters) Write(kind, locale string, facts Facts) (*Letter, error) {
	language, _, _ := strings.Cut(locale, "-")
	if !slices.Contains(Locales(), language) {
		language = "en"
	}
	words, ok := l.words[wordsKey{kind, language}]
	if !ok {
		return nil, fmt.Errorf("letter: unknown kind %q", kind)
	}
	pen := &pen{words: words, tongue: l.tongues[language], said: say(facts, l.tongues[language])}
	letter := pen.write(kind, facts)
	letter.Locale, letter.layout = language, l.layout
	if facts.Words != nil {
		l.own(letter, kind, facts)
	}
	if kind == KindReportPublished {
		letter.record(facts)
	}
	if facts.Trial {
		letter.Subject = "[Test] " + letter.Subject
	}
	if pen.err != nil {
		return nil, fmt.Errorf("letter %s in %s: %w", kind, language, pen.err)
	}
	return letter, nil
}

// pen executes sections and keeps the first error.
type pen struct {
	words  *words
	tongue *tongue
	said   *said
	err    error
}

func (p *pen) write(kind string, f Facts) *Letter {
	letter := &Letter{
		Subject:    oneLine(p.section("subject"), maxSubject),
		Preheader:  oneLine(p.section("preheader"), maxSubject),
		Greeting:   oneLine(p.section("greeting"), maxSubject),
		Paragraphs: paragraphs(p.section("body")),
		Closing:    p.section("closing"),
		Footer:     oneLine(p.section("footer"), 2*maxSubject),
	}
	p.followUps(f, letter)
	add := func(label, value string) {
		if value != "" {
			letter.Facts = append(letter.Facts, Fact{p.words.labels[label], value})
		}
	}
	m, t := f.Meeting, p.tongue
	was, tellsChange := m, kind == KindMeetingChanged || kind == KindMeetingCancelled
	if tellsChange && f.Was != nil {
		was = *f.Was
	}
	if name, before := oneLine(m.Title, maxSubject), oneLine(was.Title, maxSubject); name != before {
		add("name", p.changed(name, before))
	}
	if kind != KindSignIn && kind != KindActionAssigned && kind != KindActionDue {
		add("when", p.changed(t.when(m), t.when(was)))
	}
	add("where", p.changed(place(m), place(was)))
	for _, item := range f.Items {
		if tellsChange {
			add("item", p.item(item))
		}
	}
	add("host", oneLine(m.Host, maxSubject))
	add("languages", t.list(t.languageNames(m.Languages)))
	switch kind {
	case KindInvitation, KindInvitationReminder, KindSeatOffered, KindDelegationInvited, KindDelegationReminder, KindFeedbackRequested, KindFeedbackReminder:
		add("respond_by", t.deadlineFact(f.RespondBy))
	case KindIntakeRequested, KindIntakeReminder:
		add("intake_by", t.deadlineFact(f.RespondBy))
	case KindRunBelowMinimum:
		add("participants", p.section("participants_fact"))
	case KindRegistrationWaitlisted:
		add("position", p.section("position_fact"))
	}
	if HasPage(kind) {
		letter.Actions = append(letter.Actions, Action{p.section("action"), p.link(f.AnswerURL)})
		letter.Note = p.section("note")
	}
	if kind == KindReportPublished {
		letter.Actions = append(letter.Actions, Action{p.words.labels["report_pdf"], p.link(f.PDFURL)})
	}
	if m.URL != "" {
		letter.Actions = append(letter.Actions, Action{p.words.labels["programme"], p.link(m.URL)})
	}
	if f.OptOutURL != "" {
		letter.OptOut = &Action{p.words.labels["opt_out"], p.link(f.OptOutURL)}
	}
	return letter
}

func (p *pen) section(name string) string {
	if p.err != nil {
		return ""
	}
	var b strings.Builder
	p.err = p.words.sections.ExecuteTemplate(&b, name, p.said)
	return strings.TrimSpace(b.String())
}

// changed writes a fact as it is, and below it as it was when that is something else.
func (p *pen) changed(now, was string) string {
	switch {
	case now == was || was == "":
		return now
	case now == "":
		now = p.words.labels["open"]
	}
	return now + "\n" + p.words.labels["was"] + " " + was
}

// item writes an item on the programme and what about it has changed.
func (p *pen) item(i Item) string {
	name := p.changed(oneLine(i.Now.Title, maxSubject), oneLine(i.Was.Title, maxSubject))
	details := func(m Meeting) string {
		when := p.tongue.when(m)
		if room := oneLine(m.Room, maxSubject); room != "" {
			when += ", " + room
		}
		return when
	}
	switch {
	case i.New:
		return name + "\n" + details(i.Now) + "\n" + p.words.labels["added"]
	case i.Now.Cancelled:
		return name + "\n" + details(i.Now) + "\n" + p.words.labels["called_off"]
	case i.Was.Cancelled:
		return name + "\n" + details(i.Now) + "\n" + p.words.labels["back_on"]
	}
	return name + "\n" + p.changed(details(i.Now), details(i.Was))
}

// link refuses what is not a web address; a letter without its link would be useless.
func (p *pen) link(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsFunc(address, notPlain) {
		p.err = errors.Join(p.err, errors.New("a link is missing or is not a web address"))
	}
	return address
}

func place(m Meeting) string {
	var parts []string
	for _, part := range []string{m.Room, m.VenueName, m.Address, m.City} {
		if part = oneLine(part, maxSubject); part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// paragraphs splits at blank lines.
func paragraphs(text string) []string {
	var all []string
	var paragraph []string
	for line := range strings.Lines(text + "\n\n") {
		if line = strings.TrimRight(line, " \t\n"); line != "" {
			paragraph = append(paragraph, line)
		} else if paragraph != nil {
			all = append(all, strings.Join(paragraph, "\n"))
			paragraph = nil
		}
	}
	return all
}

func lines(s string) []string { return strings.Split(s, "\n") }
