package graph_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/graph"
)

// meeting is an edition on 20 and 21 May 2027 in Groningen, and the site that invites to it.
type meeting struct {
	t           *testing.T
	db          *db.DB
	raw         *sql.DB // the same file
	now         atomic.Pointer[time.Time]
	log         bytes.Buffer
	site        string
	actor       db.Actor
	edition     db.ID
	courseRun   db.ID
	partnership db.ID
}

func newMeeting(t *testing.T) *meeting {
	t.Helper()
	m := &meeting{t: t}
	m.clock("2027-03-01T09:00:00Z")
	file := filepath.Join(t.TempDir(), "vaktreffen.db")
	m.open("sqlite:"+file, "sqlite", file+"?_pragma=busy_timeout(5000)", func() time.Time { return *m.now.Load() })
	m.seed()
	return m
}

// open opens the site on a database, which the driver finds at the source.
func (m *meeting) open(address, driver, source string, now func() time.Time) {
	m.t.Helper()
	var err error
	if m.db, err = db.Open(m.t.Context(), address, db.WithClock(now)); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { m.db.Close() })
	if err := m.db.Migrate(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	if m.raw, err = sql.Open(driver, source); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { m.raw.Close() })
	handler, err := graph.Handler(graph.Config{DB: m.db, Log: slog.New(dbtest.Discreet(m.t, address, slog.NewTextHandler(&m.log, nil)))})
	if err != nil {
		m.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	m.t.Cleanup(server.Close)
	m.site = server.URL
}

func (m *meeting) seed() {
	made := *m.now.Load()
	host, person := db.NewID(db.KindMunicipality, made), db.NewID(db.KindPerson, made)
	series, course := db.NewID(db.KindSeries, made), db.NewID(db.KindCourse, made)
	m.partnership, m.edition, m.courseRun = db.NewID(db.KindPartnership, made), db.NewID(db.KindEdition, made), db.NewID(db.KindCourseRun, made)
	m.actor = db.Actor{PersonID: person, OrganisationID: host, Coordinates: []db.Coordination{{PartnershipID: m.partnership, OrganisationID: host}}}
	m.exec("INSERT INTO organisations VALUES (?, 'groningen', 'MUNICIPALITY', '', 'Groningen', 'groningen', 'NL', NULL, NULL, NULL)", host)
	m.exec("INSERT INTO people (id, key, organisation_id, affiliation, name, email, job_title, locale, created_at) VALUES (?, 'olga', ?, '', 'Olga Organiser', 'olga@example.org', NULL, 'nl', '2027-01-01 00:00:00+00:00')", person, host)
	m.exec("INSERT INTO partnerships VALUES (?, 'three', 'Three cities', 'three cities', 'CITIES', '', NULL)", m.partnership)
	m.exec("INSERT INTO series VALUES (?, 'vaktreffen', ?, 'Vaktreffen', '', 'YEARLY')", series, m.partnership)
	m.exec(`INSERT INTO editions VALUES (?, 'v2027', ?, ?, ?, 'Vaktreffen 2027', 2027, 'PUBLISHED', 'Two days on water in the city.', '2027-05-20',
		'2027-05-21', '2027-05-20', 'Europe/Amsterdam', '["de","en"]', 'Provinciehuis', 'Martinikerkhof 12', 'Groningen', 'NL', NULL, '', '', NULL, NULL)`,
		m.edition, series, m.partnership, host)
	m.exec("INSERT INTO seats (id, edition_id, capacity, policy, line, offer_hours, taken, waiting, last_ticket) VALUES (?, ?, 15, 'AUTOMATIC', 'FIRST_COME', 48, 0, 0, 0)", db.NewID(db.KindSeats, made), m.edition)
	m.exec(`INSERT INTO courses VALUES (?, 'masterclass', ?, 'Masterclass Water', 'masterclass water', 'One day with a trainer.', '[]', '[]', 1, 15,
		53500, 'EUR')`, course, host)
	m.exec(`INSERT INTO course_runs (id, key, course_id, status, stated_status, starts_on, ends_on, time_zone, languages, venue_name, venue_address, venue_city, venue_country, price_currency) VALUES (?, 'may', ?, 'PLANNED', 'PLANNED', '2027-05-12', '2027-05-12', 'Europe/Amsterdam', '["nl"]', '', '', 'Utrecht', '', '')`,
		m.courseRun, course)
	m.exec("INSERT INTO seats (id, course_run_id, policy, line, offer_hours, taken, waiting, last_ticket) VALUES (?, ?, 'AUTOMATIC', 'FIRST_COME', 48, 0, 0, 0)", db.NewID(db.KindSeats, made), m.courseRun)
}

func (m *meeting) clock(instant string) {
	m.t.Helper()
	at, err := time.Parse(time.RFC3339, instant)
	if err != nil {
		m.t.Fatal(err)
	}
	m.now.Store(&at)
}

func (m *meeting) exec(statement string, args ...any) {
	m.t.Helper()
	if _, err := m.raw.ExecContext(m.t.Context(), statement, args...); err != nil {
		m.t.Fatal(err)
	}
}

// invite sends a campaign to people written as lines of "name,email,locale" and returns their tokens in the same order.
func (m *meeting) invite(in db.SendInvitationsInput, people ...string) []string {
	m.t.Helper()
	list := "name,email,locale\n" + strings.Join(people, "\n")
	in.Audience.CSV = &list
	in.IdempotencyKey = "invite"
	if in.CourseRunID == nil {
		in.EditionID = &m.edition
	}
	campaign, err := m.db.SendInvitations(m.t.Context(), m.actor, in, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	first := 100
	page, err := m.db.InvitationsOf(m.t.Context(), m.actor, campaign, db.Page{First: &first}, nil, nil, db.Shape{"person": nil})
	if err != nil {
		m.t.Fatal(err)
	}
	invited := map[string]db.ID{}
	for _, invitation := range page.Nodes {
		invited[invitation.Person.Name] = invitation.ID
	}
	tokens := make([]string, len(people))
	for i, line := range people {
		name, _, _ := strings.Cut(line, ",")
		if tokens[i], err = m.db.AnswerToken(m.t.Context(), invited[name]); err != nil {
			m.t.Fatal(err)
		}
	}
	return tokens
}

// rows writes out every table that an answer may change.
func (m *meeting) rows() string {
	m.t.Helper()
	var all strings.Builder
	for _, table := range []string{"seats", "registrations", "campaigns", "invitations", "deliveries", "audit_log", "people"} {
		rows, err := m.raw.QueryContext(m.t.Context(), "SELECT * FROM "+table+" ORDER BY id")
		if err != nil {
			m.t.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(sql.NullString)
			}
			if err := rows.Scan(values...); err != nil {
				m.t.Fatal(err)
			}
			fmt.Fprint(&all, table)
			for _, value := range values {
				fmt.Fprint(&all, "|", value.(*sql.NullString).String)
			}
			fmt.Fprintln(&all)
		}
		if err := rows.Err(); err != nil {
			m.t.Fatal(err)
		}
	}
	return all.String()
}

// same fails the test when what happens changes a row.
func (m *meeting) same(happens func()) {
	m.t.Helper()
	before := m.rows()
	happens()
	if after := m.rows(); after != before {
		m.t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// page is an answer of the site.
type page struct {
	*http.Response
	source string
}

// main is the page without its head, for messages.
func (p page) main() string {
	_, main, _ := strings.Cut(p.source, "</head>")
	return main
}

// shows reports whether a reader sees the text.
func (p page) shows(text string) bool { return strings.Contains(html.UnescapeString(p.source), text) }

func (m *meeting) send(method, path, body string, headers ...string) page {
	m.t.Helper()
	request, err := http.NewRequestWithContext(m.t.Context(), method, m.site+path, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request) // follows no redirects
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	source, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return page{response, string(source)}
}

func (m *meeting) get(path string) page { m.t.Helper(); return m.send(http.MethodGet, path, "") }

// press presses a button of the page and follows the redirect back to it.
func (m *meeting) press(path, answer string) page {
	m.t.Helper()
	posted := m.send(http.MethodPost, path, "answer="+answer, "Sec-Fetch-Site", "same-origin", "Origin", m.site)
	if posted.StatusCode != http.StatusSeeOther || posted.Header.Get("Location") != path {
		m.t.Fatalf("after pressing %s: %s to %q, not 303 to %s", answer, posted.Status, posted.Header.Get("Location"), path)
	}
	return m.get(path)
}

// expect fails the test unless the page has the status and shows all of the texts.
func (m *meeting) expect(p page, status int, texts ...string) {
	m.t.Helper()
	if p.StatusCode != status {
		m.t.Errorf("status %d, not %d", p.StatusCode, status)
	}
	for _, text := range texts {
		if !p.shows(text) {
			m.t.Errorf("the page does not show %q:\n%s", text, p.main())
		}
	}
}

func (m *meeting) hides(p page, texts ...string) {
	m.t.Helper()
	for _, text := range texts {
		if p.shows(text) {
			m.t.Errorf("the page shows %q:\n%s", text, p.main())
		}
	}
}
