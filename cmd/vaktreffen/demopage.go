package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/vaktreffen/vaktreffen/db"
)

//go:embed pages/*.html
var demoPageFiles embed.FS

//go:embed pages/demo.css
var demoStylesheet string

var demoTemplates = template.Must(template.New("").Funcs(template.FuncMap{
	// The stylesheet is part of every page, so that the page's policy can name the one style by its hash.
	"stylesheet": func() template.CSS { return template.CSS(demoStylesheet) },
	"day":        longDate,
	"days":       longDates,
	"languages":  languageNames,
	"money":      readableMoney,
	"party":      partyName,
	"parties":    partyNames,
	"agreement":  agreementWords,
	"places":     freePlaces,
}).ParseFS(demoPageFiles, "pages/*.html"))

// demoSite serves the demo's pages for people: the front page, and the programme of every meeting.
type demoSite struct {
	db    *db.DB
	log   *slog.Logger
	now   func() time.Time
	here  string // the address of the demo, without a slash at the end
	flags string // what a second command needs to find the same data, with a blank at the end
}

// dataFlag returns the flag that a command in a shell needs to use the data folder, with a blank at the end; "" for the default.
func dataFlag(folder string) string {
	if folder == "data" {
		return ""
	}
	if strings.ContainsAny(folder, " \t\n'\"\\$`&|;<>()*?[]{}#~!") {
		folder = "'" + strings.ReplaceAll(folder, "'", `'\''`) + "'"
	}
	return "--data " + folder + " "
}

// frontPage is what pages/front.html shows.
type frontPage struct {
	Title          string
	Today          db.Date
	Next           *db.Edition // nil when none is to come
	Programme      []programmeDay
	Past           []*db.Edition // the latest first
	Older          int           // meetings that the list leaves out
	Partnerships   []*db.Partnership
	Courses        []offeredCourse
	Municipalities []*db.Municipality
	Others         int // municipalities that the list leaves out
	People         []demoPerson
	TokenCommand   string
	AgendaCommand  string // "" without a meeting
}

// demoPerson is somebody whose part a visitor can play.
type demoPerson struct{ Role, Address, Does string }

// offeredCourse is a course with its runs, the latest first.
type offeredCourse struct {
	*db.Course
	Runs []*db.CourseRun
}

// editionPage is what pages/edition.html shows.
type editionPage struct {
	Title     string
	Edition   *db.Edition
	Programme []programmeDay
}

// editionFacts is what pages say about a meeting beside its programme.
var editionFacts = db.Shape{"host": nil, "themes": nil, "seats": nil, "series": {"partnership": nil}}

// wholeEdition is an edition with its whole programme.
var wholeEdition = editionFacts.With(db.Shape{"report": nil, "days": {"sessions": sessionEdges.With(db.Shape{"children": sessionEdges})}})

var sessionEdges = db.Shape{"room": nil, "contributions": {"affiliation": nil}}

// pages returns the handlers by the patterns that they serve.
func (s *demoSite) pages() map[string]http.Handler {
	return map[string]http.Handler{"GET /{$}": http.HandlerFunc(s.front), "GET /editions/{id}": http.HandlerFunc(s.edition)}
}

func (s *demoSite) front(w http.ResponseWriter, r *http.Request) {
	page, err := s.frontPage(r)
	s.show(w, r, http.StatusOK, "front", page, err)
}

func (s *demoSite) frontPage(r *http.Request) (*frontPage, error) {
	ctx, anybody := r.Context(), db.Actor{}
	most := db.MaxPage
	all := db.Page{First: &most, Count: true}
	page := &frontPage{
		Title: "Vaktreffen: meetings that municipalities hold together", Today: db.DateOf(s.now()),
		TokenCommand: "go run ./cmd/vaktreffen " + s.flags + "token " + demoOrganiser,
		People: []demoPerson{
			{"Organiser", demoOrganiser, "coordinates for the host city, invites in bulk and follows the answers."},
			{"Coordinator", demoCoordinator, "coordinates for a visiting city, and may invite too."},
			{"Participant", demoParticipant, "was invited, and answers from the mail without an account."},
		},
	}
	editions, err := s.db.Editions(ctx, anybody, all, db.EditionFilter{}, db.Shape{"host": nil})
	if err != nil {
		return nil, err
	}
	page.Older = editions.TotalCount - len(editions.Nodes)
	if len(editions.Nodes) > 0 {
		page.AgendaCommand = s.agendaCommand(editions.Nodes[0])
	}
	for _, edition := range editions.Nodes {
		switch {
		case edition.EndsOn == nil || *edition.EndsOn < page.Today:
			page.Past = append(page.Past, edition)
		case edition.Status == db.EditionPublished:
			page.Next = edition // they come latest first, so the last one set is the nearest
		}
	}
	if page.Next != nil {
		if page.Next, err = s.db.Edition(ctx, anybody, page.Next.ID, wholeEdition); err != nil {
			return nil, err
		}
		page.Programme = programmeOf(page.Next, false)
	}
	partnerships, err := s.db.Partnerships(ctx, anybody, all, db.Shape{
		"members": {"organisation": nil}, "agreements": nil, "series": {"rotation": nil, "nextHost": nil},
		"openQuestions": {"askedBy": nil}, "openActions": {"owner": nil}, "practices": nil,
	})
	if err != nil {
		return nil, err
	}
	page.Partnerships = partnerships.Nodes
	courses, err := s.db.Courses(ctx, anybody, all, db.Shape{"organisation": nil})
	if err != nil {
		return nil, err
	}
	for _, course := range courses.Nodes {
		runs, err := s.db.RunsOf(ctx, anybody, course, all, db.Shape{"seats": nil})
		if err != nil {
			return nil, err
		}
		page.Courses = append(page.Courses, offeredCourse{course, runs.Nodes})
	}
	municipalities, err := s.db.Municipalities(ctx, all, db.MunicipalityFilter{})
	if err != nil {
		return nil, err
	}
	page.Municipalities, page.Others = municipalities.Nodes, municipalities.TotalCount-len(municipalities.Nodes)
	return page, nil
}

// agendaCommand returns a shell command that asks the API for the agenda of a meeting.
func (s *demoSite) agendaCommand(e *db.Edition) string {
	return fmt.Sprintf(`curl -s %s/graphql -H 'Content-Type: application/json' \
  -d '{"query": "{ edition(id: \"%s\") { title days { date sessions { startsAtLocal title contributions { role name } } } } }"}'`, s.here, e.ID)
}

func (s *demoSite) edition(w http.ResponseWriter, r *http.Request) {
	edition, err := s.db.Edition(r.Context(), db.Actor{}, db.ParseID(r.PathValue("id")), wholeEdition)
	if err == nil && edition == nil {
		s.show(w, r, http.StatusNotFound, "missing", editionPage{Title: "No such meeting – Vaktreffen"}, nil)
		return
	}
	var page editionPage
	if err == nil {
		page = editionPage{Title: edition.Title + " – Vaktreffen", Edition: edition, Programme: programmeOf(edition, true)}
	}
	s.show(w, r, http.StatusOK, "edition", page, err)
}

// show writes a page, or says that it could not be made.
func (s *demoSite) show(w http.ResponseWriter, r *http.Request, status int, name string, page any, err error) {
	var body bytes.Buffer
	if err == nil {
		err = demoTemplates.ExecuteTemplate(&body, name+".html", page)
	}
	if err != nil {
		s.log.ErrorContext(r.Context(), "unexpected error", "page", name, "error", err)
		http.Error(w, "This page cannot be shown at the moment; the log of the demo says why.", http.StatusInternalServerError)
		return
	}
	sum := sha256.Sum256([]byte(demoStylesheet))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'; img-src data:; "+
		"form-action 'none'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store") // seats fill and days pass
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)
}

// longDate writes "Thursday 20 May 2027".
func longDate(day db.Date) string { return day.Time().Format("Monday 2 January 2006") }

// longDates writes the days of a meeting, as far as known.
func longDates(e *db.Edition) string {
	switch {
	case e.StartsOn == nil:
		return fmt.Sprintf("%d (the days are not known)", e.Year)
	case *e.StartsOn == *e.EndsOn:
		return longDate(*e.StartsOn)
	}
	return longDate(*e.StartsOn) + " to " + longDate(*e.EndsOn)
}

// languageNames writes "German and English" for tags of languages.
func languageNames(tags []string) string {
	names := make([]string, len(tags))
	for i, tag := range tags {
		names[i] = tag
		if parsed, err := language.Parse(tag); err == nil {
			names[i] = display.English.Tags().Name(parsed)
		}
	}
	return enumerate(names)
}

// freePlaces writes "118 of 120 places are free"; "" when there is no limit.
func freePlaces(seats *db.Seats) string {
	if seats == nil || seats.Capacity == nil {
		return ""
	}
	words := fmt.Sprintf("%d of %d places are free", *seats.Left(), *seats.Capacity)
	if seats.Waiting > 0 {
		words += fmt.Sprintf(", %d people wait", seats.Waiting)
	}
	return words
}

// enumerate writes "Groningen, Oldenburg and Bremen".
func enumerate(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// readableMoney writes "EUR 535.00", with as many decimals as the currency has.
func readableMoney(m *db.Money) string {
	decimals := 2
	if unit, err := currency.ParseISO(m.Currency); err == nil {
		decimals, _ = currency.Standard.Rounding(unit)
	}
	return fmt.Sprintf("%s %.*f", m.Currency, decimals, float64(m.AmountMinor)/math.Pow10(decimals))
}

// partyName returns the name of an organisation; "" for none.
func partyName(party db.Party) string {
	switch p := party.(type) {
	case *db.Municipality:
		return p.Name
	case *db.Institution:
		return p.Name
	}
	return ""
}

func partyNames(parties []db.Party) string {
	names := make([]string, len(parties))
	for i, party := range parties {
		names[i] = partyName(party)
	}
	return enumerate(names)
}

// agreementWords writes where an agreement stands on the day: "signed in 2009 for 5 years, tacitly renewed since 2014".
func agreementWords(a *db.Agreement, on db.Date) string {
	layout := map[db.DatePrecision]string{"DAY": "on 2 January 2006", "MONTH": "in January 2006", "YEAR": "in 2006"}[a.SignedOnPrecision]
	signed := "signed " + a.SignedOn.Time().Format(layout)
	switch term := a.TermYears; {
	case term == nil:
		signed += ", without end"
	case *term == 1:
		signed += " for one year"
	default:
		signed += fmt.Sprintf(" for %d years", *term)
	}
	switch a.Status(on) {
	case db.AgreementNotYetSigned:
		return "to be " + signed
	case db.AgreementTacitlyRenewed:
		return signed + ", tacitly renewed since " + a.EndsOn().AddDays(1).Time().Format("2006")
	case db.AgreementExpired:
		return signed + ", expired on " + a.EndsOn().Time().Format("2 January 2006")
	}
	return signed + ", in force"
}
