package pages

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/wording"
)

// ReportShape is what a page of a report reads of it. It names organisations and no people.
func ReportShape() db.Shape {
	return db.Shape{
		"edition":    {"host": nil},
		"attendance": {"organisations": {"organisation": nil}},
		"items":      {"session": nil, "questions": {"askedBy": nil, "offers": {"organisation": nil}}, "materials": nil},
		"actions":    {"owner": nil},
	}
}

// Report is a report in one language, as a page and as a PDF show it. What is not translated is in the language it was written in,
// and says so.
type Report struct {
	head
	Tongue  *tongue
	Words   *reportWords
	Meeting string
	State   string // that it is not public yet; "" when it is
	Facts   []fact
	Summary passage
	Came    []fact // the numbers of those who came
	From    []fact // organisations, and how many came from each
	Items   []reportItem
	Actions []reportAction
	PDF     string // its path
	Upload  *upload

	webAddress string
}

// passage is a text and the language that it is in, "" when that is the page's.
type passage struct {
	Language db.Locale
	Text     *wording.Text
}

// HTML writes the passage for a page.
func (p passage) HTML() template.HTML {
	return template.HTML(p.Text.PageHTML(nil)) // which escapes everything but its own tags, and has no fields
}

type reportItem struct {
	Language  db.Locale // of the title
	Title     string    // "" for what belongs to the meeting as a whole
	Findings  []passage
	Questions []reportQuestion
	Materials []material
}

// material is something to read on, and where.
type material struct {
	ID         db.ID
	Title, URL string
}

type reportQuestion struct {
	passage
	AskedBy  string
	Answered bool
	Offers   []fact // who offers help, and with which words
}

type reportAction struct {
	passage
	Owner, Due, Status string
}

// upload is the form by which organisers add files and take materials out.
type upload struct {
	Path     string
	Problem  string
	Sessions []fact // ids and titles
}

// NewReport words a report in a language, for a program that people reach at the origin. It was loaded with the edges of ReportShape.
func NewReport(r *db.Report, language db.Locale, origin string) *Report {
	w, m := reportTongues()[language], meetingOf(r.Edition, nil)
	p := &Report{Tongue: tongues()[language], Words: w, Meeting: m.title, webAddress: origin + "/reports/" + r.ID.String() + "?lang=" + string(language)}
	t := p.Tongue
	p.head = head{Language: language, Title: w.Report + ": " + m.title + " – Vaktreffen", LinksFor: t.PageLanguage}
	written := r.Languages()
	for _, link := range languageLinks(language) {
		if link.Current || slices.Contains(written, link.Language) {
			p.Links = append(p.Links, link)
		}
	}
	switch r.Status {
	case db.ReportDraft:
		p.State = w.Draft
	case db.ReportInReview:
		p.State = w.InReview
	}
	add := func(list *[]fact, label, value string) {
		if value != "" {
			*list = append(*list, fact{label, value})
		}
	}
	add(&p.Facts, t.When, t.when(m))
	add(&p.Facts, t.Where, place(m.venue))
	add(&p.Facts, t.Host, m.host)
	p.Summary = p.passage(r.In(language, r.ID))
	if a := r.Attendance; a != nil && a.Attended+a.Registered > 0 {
		if a.Attended > 0 {
			add(&p.Came, w.Attended, fmt.Sprint(a.Attended))
		}
		add(&p.Came, w.Registered, fmt.Sprint(a.Registered))
		for _, o := range a.Organisations {
			add(&p.From, name(o.Organisation()), fmt.Sprint(o.People))
		}
	}
	for _, i := range r.Items {
		p.Items = append(p.Items, p.item(r, i, origin))
	}
	for _, a := range r.Actions {
		shown := reportAction{passage: p.passage(r.In(language, a.ID)), Owner: name(a.Owner()), Status: w.ActionStatus[a.Status]}
		if a.DueOn != nil {
			shown.Due = fmt.Sprintf(w.Due, t.date(a.DueOn.Time()))
		}
		p.Actions = append(p.Actions, shown)
	}
	p.PDF = "/reports/" + r.ID.String() + ".pdf?lang=" + string(language)
	return p
}

func (p *Report) item(r *db.Report, i *db.ReportItem, origin string) reportItem {
	var shown reportItem
	for _, m := range i.Materials {
		shown.Materials = append(shown.Materials, material{m.ID, m.Title, m.Address(origin)})
	}
	if s := i.Session; s != nil {
		if shown.Title = s.Title; len(s.Languages) == 1 {
			shown.Language = p.foreign(db.Locale(s.Languages[0]))
		}
		text, in := r.In(p.Language, s.ID)
		for line := range strings.SplitSeq(text, "\n") {
			if line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "- ")); line != "" {
				shown.Findings = append(shown.Findings, p.passage(line, in))
			}
		}
	}
	for _, q := range i.Questions {
		text, in := r.In(p.Language, q.ID)
		asked := reportQuestion{passage: p.passage(text, in), AskedBy: name(q.AskedBy()), Answered: q.Status == db.QuestionAnswered}
		for _, o := range q.Offers {
			asked.Offers = append(asked.Offers, fact{name(o.Organisation()), o.Note})
		}
		shown.Questions = append(shown.Questions, asked)
	}
	return shown
}

func (p *Report) passage(text string, in db.Locale) passage {
	return passage{Language: p.foreign(in), Text: wording.ReadRecord(text)}
}

// foreign returns a language unless it is that of the page.
func (p *Report) foreign(language db.Locale) db.Locale {
	if language == p.Language {
		return ""
	}
	return language
}

// Edit adds the form for organisers at the path, with what was wrong with a file that they sent, nil for nothing.
// The edition was loaded with its programme.
func (p *Report) Edit(path string, e *db.Edition, problem *db.Error) {
	p.Upload = &upload{Path: path}
	if problem != nil {
		p.Upload.Problem = p.Words.problem(problem)
	}
	for _, day := range e.Days {
		for _, s := range day.Sessions {
			p.Upload.Sessions = append(p.Upload.Sessions, fact{s.ID.String(), s.Title})
			for _, child := range s.Children {
				p.Upload.Sessions = append(p.Upload.Sessions, fact{child.ID.String(), "– " + child.Title})
			}
		}
	}
}

// problem says in the reader's language what was wrong with a file.
func (w *reportWords) problem(problem *db.Error) string {
	field := strings.Join(problem.Field, ".")
	switch {
	case field == "input.title":
		return w.TitleMissing
	case problem.Code == db.CodeTooLarge:
		return w.FileTooLarge
	case problem.Code == db.CodeRequired:
		return w.FileMissing
	case field == "input.file" && problem.Code == db.CodeConflict:
		return w.FilesOff
	case field == "input.file":
		return w.FileWrong
	}
	return w.NotSaved
}

// HTML writes the report as a page.
func (p *Report) HTML() ([]byte, error) {
	var page bytes.Buffer
	err := templates.ExecuteTemplate(&page, "report.html", p)
	return page.Bytes(), err
}
