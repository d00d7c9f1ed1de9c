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
)

//go:embed templates
var templateFiles embed.FS

// The kinds of letter. Each has its words in templates/<kind>.<locale>.tmpl.
const (
	KindInvitation             = "invitation"
	KindRegistrationConfirmed  = "registration_confirmed"
	KindRegistrationWaitlisted = "registration_waitlisted"
	KindRegistrationCancelled  = "registration_cancelled"
)

// Kinds lists every kind of letter.
func Kinds() []string {
	return []string{KindInvitation, KindRegistrationConfirmed, KindRegistrationWaitlisted, KindRegistrationCancelled}
}

// Locales lists every language that letters are written in.
func Locales() []string { return []string{"nl", "de", "en"} }

// Facts is what a letter tells one person.
type Facts struct {
	PersonName    string // empty: the greeting does without
	OrganiserName string // who signs
	Meeting       Meeting
	RespondBy     time.Time // in the zone to write it in; zero: no deadline
	Message       string    // the organiser's own words, plain text, paragraphs apart by blank lines
	AnswerURL     string    // the person's own page, where all answering happens
	Position      int       // on the waiting list, from 1
	CalendarEntry bool      // the mail carries a calendar entry (for a cancelled registration: its cancellation)
}

// Meeting is an edition or a course run as letters describe it. Only Title must be there.
type Meeting struct {
	Title, Summary string
	Year           int // when nothing but the year is known
	// Starts and Ends are in the zone of the meeting, zero when unknown. With WholeDays only their dates are known.
	Starts, Ends time.Time
	WholeDays    bool
	Days         []Day // from when till when on each day, if it has several

	VenueName, Address, City string
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
	Paragraphs []string // a line break within one is kept
	Facts      []Fact
	Actions    []Action // the first is what the letter is about
	Note       string
	Closing    string // greeting and signature, on two lines
	Footer     string

	layout *htmltemplate.Template
}

// Fact is one line of the table of a letter. Value may have several lines.
type Fact struct{ Label, Value string }

// Action is a link.
type Action struct{ Label, URL string }

// Letters writes letters. It is safe for use by many goroutines.
type Letters struct {
	layout  *htmltemplate.Template
	words   map[wordsKey]*texttemplate.Template
	tongues map[string]*tongue
}

type wordsKey struct{ kind, locale string }

// sections is what every kind must say in every language; those in the first two lines are the same for all kinds.
func sections() []string {
	return []string{
		"greeting", "closing", "footer", "when", "where", "host", "languages", "respond_by", "position", "position_fact",
		"programme",
		"subject", "preheader", "body", "action", "note", "reason",
	}
}

// NewLetters parses all templates. It fails when a kind lacks a section in a language.
func NewLetters() (*Letters, error) {
	layout, err := htmltemplate.New("layout.html.tmpl").Funcs(htmltemplate.FuncMap{"lines": lines}).
		ParseFS(templateFiles, "templates/layout.html.tmpl")
	if err != nil {
		return nil, err
	}
	l := &Letters{layout: layout, words: map[wordsKey]*texttemplate.Template{}, tongues: tongues()}
	for _, locale := range Locales() {
		for _, kind := range Kinds() {
			words, err := texttemplate.New("").Option("missingkey=error").ParseFS(templateFiles,
				"templates/letter."+locale+".tmpl", "templates/"+kind+"."+locale+".tmpl")
			if err != nil {
				return nil, err
			}
			for _, section := range sections() {
				if words.Lookup(section) == nil {
					return nil, fmt.Errorf("letter %s in %s lacks the section %q", kind, locale, section)
				}
			}
			l.words[wordsKey{kind, locale}] = words
		}
	}
	return l, nil
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
	pen := &pen{words: words, said: said{facts: facts, tongue: l.tongues[language]}}
	letter := pen.write(kind, facts)
	letter.Locale, letter.layout = language, l.layout
	if pen.err != nil {
		return nil, fmt.Errorf("letter %s in %s: %w", kind, language, pen.err)
	}
	return letter, nil
}

// pen executes sections and keeps the first error.
type pen struct {
	words *texttemplate.Template
	said  said
	err   error
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
	add := func(label, value string) {
		if value != "" {
			letter.Facts = append(letter.Facts, Fact{p.section(label), value})
		}
	}
	m, t := f.Meeting, p.said.tongue
	add("when", t.when(m))
	add("where", place(m))
	add("host", oneLine(m.Host, maxSubject))
	add("languages", t.list(t.languageNames(m.Languages)))
	switch kind {
	case KindInvitation:
		add("respond_by", t.deadlineFact(f.RespondBy))
	case KindRegistrationWaitlisted:
		add("position", p.section("position_fact"))
	}
	if f.AnswerURL != "" || kind != KindRegistrationCancelled {
		letter.Actions = append(letter.Actions, Action{p.section("action"), p.link(f.AnswerURL)})
		letter.Note = p.section("note")
	}
	if m.URL != "" {
		letter.Actions = append(letter.Actions, Action{p.section("programme"), p.link(m.URL)})
	}
	return letter
}

func (p *pen) section(name string) string {
	if p.err != nil {
		return ""
	}
	var b strings.Builder
	p.err = p.words.ExecuteTemplate(&b, name, p.said)
	return strings.TrimSpace(b.String())
}

// link refuses what is not a web address; a letter without its link would be useless.
func (p *pen) link(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsFunc(address, notPlain) {
		p.err = errors.Join(p.err, errors.New("a link is missing or is not a web address"))
	}
	return address
}

// said is what the words may mention. A method that returns an error ends the letter when its fact is missing; the
// others return "" then, for {{with}}.
type said struct {
	facts  Facts
	tongue *tongue
}

func needed(what, value string) (string, error) {
	if value == "" {
		return "", fmt.Errorf("%s is missing", what)
	}
	return value, nil
}

func (s said) Title() (string, error) {
	return needed("the title of the meeting", oneLine(s.facts.Meeting.Title, maxSubject))
}

func (s said) Organiser() (string, error) {
	return needed("the name of the organiser", oneLine(s.facts.OrganiserName, maxName))
}

func (s said) Position() (int, error) {
	if s.facts.Position < 1 {
		return 0, errors.New("the position on the waiting list is missing")
	}
	return s.facts.Position, nil
}

func (s said) Name() string        { return oneLine(s.facts.PersonName, maxName) }
func (s said) Dates() string       { return s.tongue.dates(s.facts.Meeting) }
func (s said) Deadline() string    { return s.tongue.deadline(s.facts.RespondBy) }
func (s said) Summary() string     { return plainText(s.facts.Meeting.Summary) }
func (s said) Message() string     { return plainText(s.facts.Message) }
func (s said) CalendarEntry() bool { return s.facts.CalendarEntry }

func place(m Meeting) string {
	var parts []string
	for _, part := range []string{m.VenueName, m.Address, m.City} {
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
