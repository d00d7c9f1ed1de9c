package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/graph"
)

// visitor looks at the demo's pages beside the API, as the demo serves them.
type visitor struct{ http.Handler }

func visit(t *testing.T, d *db.DB, today string) visitor {
	t.Helper()
	now, err := time.Parse(time.DateOnly, today)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	api, err := graph.Handler(graph.Config{DB: d, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	site := &demoSite{db: d, log: log, now: func() time.Time { return now }, here: "http://demo.test", flags: dataFlag("/tmp/it's here")}
	mux := http.NewServeMux()
	mux.Handle("/", api)
	for pattern, page := range site.pages() {
		mux.Handle(pattern, page)
	}
	return visitor{mux}
}

func (v visitor) ask(t *testing.T, method, path string, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://demo.test"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	v.ServeHTTP(w, r)
	return w
}

// page returns a page that has to be there, as it was sent and as it is read.
func (v visitor) page(t *testing.T, path string) (source, text string) {
	t.Helper()
	w := v.ask(t, http.MethodGet, path, "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%s: status %d, %s", path, w.Code, w.Header().Get("Content-Type"))
	}
	root, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	var all strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" {
			words = append(words, strings.Fields(n.Data)...)
		}
	}
	if err := html.Render(&all, root); err != nil {
		t.Fatal(err)
	}
	return all.String(), strings.Join(words, " ")
}

func demoDatabase(t *testing.T) *db.DB {
	t.Helper()
	d := dbtest.Open(t, dbtest.Migrated.SQLite(t))
	if err := (demoCommand{}).load(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d
}

func mustHold(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing", part)
		}
	}
}

func TestDemoFrontPage(t *testing.T) {
	t.Parallel()
	v := visit(t, demoDatabase(t), "2026-11-22")
	source, text := v.page(t, "/")
	mustHold(t, text,
		"The next meeting Vaktreffen 2027 (Beispiel) When Thursday 20 May 2027 to Friday 21 May 2027", "Voorbeeldhuis (fictief), Groningen",
		"Languages German and English", "Healthy ageing", "120 of 120 places are free",
		"13:00 – 14:30 Heizen ohne Gas", "Break-out · Werkplaats · in German", "Moderator Max Muster, Oldenburg (Oldb)",
		"10:30 – 10:45 Welcome to Groningen",
		"2016 Ambtenarenbijeenkomst gemeentelijke internationale samenwerking: relevanter dan ooit VNG International",
		"2009 Vaktreffen 2009 Groningen",
		"signed in 2009 for 5 years, tacitly renewed since 2014",
		"hosted in turn by Groningen, Oldenburg (Oldb) and Bremen; after the meetings above, Oldenburg (Oldb) is next",
		"Masterclass regionale samenwerking voor griffiemedewerkers", "EUR 535.00", "Thursday 15 April 2027, Utrecht , 15 of 15 places are free",
		"How it is done Vaktreffen: ein Fachtreffen, das reihum geht", "Still asked Wie heeft een succesverhaal", "(Woerden)", "To be done", "Congressen en jaarplannen op elkaar afstemmen. (Vereniging Nederlandse Gemeenten)",
		"Bremen , Deventer", "organiser@example.org", "coordinator@example.org", "participant@example.org",
		`go run ./cmd/vaktreffen --data '/tmp/it'\''s here' token organiser@example.org`)
	mustHold(t, source, `<html lang="en">`, `href="/graphiql/"`, `href="/mailbox"`, `<main id="content">`)
	if strings.Contains(text, "Welche Quartiere") {
		t.Error("the outline tells what a session is about")
	}
	if got := strings.Count(source, `<ul class="parallel">`); got != 3 {
		t.Errorf("%d slots have several sessions side by side, want 3: two rounds of break-outs and the excursions", got)
	}
}

func TestDemoFrontPageAfterTheLastMeeting(t *testing.T) {
	t.Parallel()
	d := demoDatabase(t)
	_, text := visit(t, d, "2027-05-21").page(t, "/")
	mustHold(t, text, "The next meeting Vaktreffen 2027")
	_, text = visit(t, d, "2027-05-22").page(t, "/")
	mustHold(t, text, "No meeting is announced.", "2027 Vaktreffen 2027 (Beispiel) Groningen")
	_, text = visit(t, dbtest.Open(t, dbtest.Migrated.SQLite(t)), "2027-05-22").page(t, "/")
	mustHold(t, text, "No meeting is announced.", "token organiser@example.org")
}

// TestDemoAgendaCommand runs what the front page tells a visitor to run, but for the network.
func TestDemoAgendaCommand(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell to read the command with")
	}
	d := demoDatabase(t)
	v := visit(t, d, "2026-11-22")
	_, text := v.page(t, "/")
	command := regexp.MustCompile(`curl -s .*\}'`).FindString(strings.ReplaceAll(text, `\ -d`, "-d"))
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `curl() { printf '%s\n' "$@"; }; `+command).Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	words := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(words) != 6 || words[1] != "http://demo.test/graphql" || words[3] != "Content-Type: application/json" {
		t.Fatalf("curl is called with %q", words)
	}
	var answer struct {
		Data struct {
			Edition struct {
				Title string
				Days  []struct{ Sessions []struct{ Title string } }
			}
		}
		Errors []any
	}
	if err := json.Unmarshal(v.ask(t, http.MethodPost, "/graphql", words[5]).Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if e := answer.Data.Edition; len(answer.Errors) > 0 || e.Title != "Vaktreffen 2027 (Beispiel)" || len(e.Days) != 2 || len(e.Days[0].Sessions) < 5 {
		t.Errorf("the API answers %+v", answer)
	}
}

func TestDemoEditionPages(t *testing.T) {
	t.Parallel()
	v := visit(t, demoDatabase(t), "2026-11-22")
	front, _ := v.page(t, "/")
	var texts []string
	for _, link := range regexp.MustCompile(`/editions/[\w-]+`).FindAllString(front, -1) {
		_, text := v.page(t, link)
		texts = append(texts, text)
	}
	if len(texts) != 10 {
		t.Fatalf("the front page leads to %d meetings, want 10", len(texts))
	}
	mustHold(t, strings.Join(texts, "\n"),
		"13:00 – 13:50 Plenair programma Drie korte bijdragen", "Chair Habtom Yohannes 13:00 – 13:10 Welkom Speaker Frans Mencke, Hoorn",
		"14:15 – 16:00 Global Goals in actie Break-out", "Speakers Nicoleta Mitut, Deventer Joost Rompa, Breda",
		"In the order of the programme; the times are not known. Welkomstwoord",
		"De fysieke tafel", "The report: what was found, asked and agreed", "For your calendar", "2014 (the days are not known)", "No programme of this meeting is known.")
	for _, id := range []string{"x", db.NewID(db.KindEdition, time.Unix(0, 0)).String()} {
		w := v.ask(t, http.MethodGet, "/editions/"+id, "")
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "There is no such meeting") {
			t.Errorf("meeting %s: status %d, %s", id, w.Code, w.Body)
		}
	}
}

// TestDemoPagesLoadNothingFromElsewhere also holds that they run no script.
func TestDemoPagesLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	v := visit(t, demoDatabase(t), "2026-11-22")
	front, _ := v.page(t, "/")
	links := slices.Compact(regexp.MustCompile(`/editions/[\w-]+`).FindAllString(front, -1))
	for _, path := range append(links, "/") {
		w := v.ask(t, http.MethodGet, path, "")
		if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
			t.Errorf("%s: policy %q", path, policy)
		}
		root, err := html.Parse(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		addresses := 0
		for n := range root.Descendants() {
			if n.Data == "script" || n.Data == "style" && regexp.MustCompile(`url\(|@import`).MatchString(n.FirstChild.Data) {
				t.Errorf("%s: %s %v", path, n.Data, n.Attr)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
					t.Errorf("%s: %s has %s", path, n.Data, a.Key)
				}
				if !slices.Contains([]string{"src", "srcset", "href", "action", "data", "poster"}, a.Key) {
					continue
				}
				addresses++
				if u, err := url.Parse(a.Val); err != nil || u.Host != "" || u.Scheme != "" && u.String() != "data:," {
					t.Errorf("%s: %s leads to %q", path, n.Data, a.Val)
				}
			}
		}
		if addresses < 5 {
			t.Errorf("%s: only %d addresses were looked at", path, addresses)
		}
	}
}

func TestDemoPagesEscapeWhatTheyShow(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, dbtest.Migrated.SQLite(t))
	const evil = `</title></style><script>alert(1)</script>" onmouseover="alert(2)`
	quoted, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	file := strings.ReplaceAll(`{
		"organisations": [{"key": "a", "kind": "MUNICIPALITY", "name": EVIL, "country": "NL"}],
		"themes": [{"key": "t", "name": EVIL}],
		"partnerships": [{"key": "p", "name": EVIL, "kind": "NETWORK", "description": EVIL, "members": [{"organisation": "a", "role": "LEAD"}]}],
		"series": [{"key": "s", "partnership": "p", "name": EVIL, "cadence": "YEARLY"}],
		"editions": [{"key": "e", "series": "s", "title": EVIL, "year": 2027, "status": "PUBLISHED", "host": "a", "summary": EVIL,
			"startsOn": "2027-05-20", "endsOn": "2027-05-20", "timeZone": "Europe/Amsterdam", "languages": ["nl"],
			"venue": {"name": EVIL, "city": EVIL, "country": "NL"}, "themes": ["t"], "rooms": [{"key": "r", "name": EVIL}],
			"sessions": [{"key": "x", "kind": "PLENARY", "title": EVIL, "abstract": EVIL, "room": "r",
				"starts": "2027-05-20T09:00", "ends": "2027-05-20T10:00",
				"contributions": [{"role": "SPEAKER", "name": EVIL, "affiliation": EVIL}]}]}]
	}`, "EVIL", string(quoted))
	problems, err := importProgramme(t.Context(), d, []byte(file), nil)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	v := visit(t, d, "2026-11-22")
	front, text := v.page(t, "/")
	whole, wholeText := v.page(t, regexp.MustCompile(`/editions/[\w-]+`).FindString(front))
	for name, page := range map[string]string{"front": front, "edition": whole} {
		if strings.Contains(page, "<script") || regexp.MustCompile(`<[^>]+onmouseover`).MatchString(page) {
			t.Errorf("the %s page takes a title for markup", name)
		}
	}
	if got := strings.Count(text, evil); got < 9 {
		t.Errorf("the front page shows %d of the titles as they are", got)
	}
	if got := strings.Count(wholeText, evil); got < 11 {
		t.Errorf("the meeting's page shows %d of the titles as they are", got)
	}
}

func TestDemoLeavesOtherPathsToTheAPI(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, dbtest.Migrated.SQLite(t))
	v := visit(t, d, "2026-11-22")
	api, err := graph.Handler(graph.Config{DB: d, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range [][2]string{
		{http.MethodGet, "/nothing"}, {http.MethodGet, "/index.html"}, {http.MethodPost, "/"}, {http.MethodGet, "/healthz"},
		{http.MethodGet, "/editions"}, {http.MethodGet, "/i/wrong"},
	} {
		got, want := v.ask(t, request[0], request[1], ""), visitor{api}.ask(t, request[0], request[1], "")
		if got.Code != want.Code || got.Body.String() != want.Body.String() {
			t.Errorf("%s: %d %s, want %d %s", request, got.Code, got.Body, want.Code, want.Body)
		}
	}
	if w := v.ask(t, http.MethodHead, "/", ""); w.Code != http.StatusOK {
		t.Errorf("HEAD /: status %d", w.Code)
	}
}

func TestDemoPageOfAClosedDatabase(t *testing.T) {
	t.Parallel()
	d, err := db.Open(t.Context(), dbtest.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	v := visit(t, d, "2026-11-22")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/editions/x"} {
		if w := v.ask(t, http.MethodGet, path, ""); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "sql") {
			t.Errorf("%s: status %d, %s", path, w.Code, w.Body)
		}
	}
}

func TestProgrammeSlots(t *testing.T) {
	t.Parallel()
	session := func(title, kind, from, to string) *db.Session {
		s := &db.Session{Title: title, Kind: db.SessionKind(kind)}
		if from != "" {
			start := db.LocalTime("2027-05-20T" + from)
			s.StartsAtLocal = &start
		}
		if to != "" {
			end := db.LocalTime("2027-05-20T" + to)
			s.EndsAtLocal = &end
		}
		return s
	}
	for name, test := range map[string]struct {
		sessions []*db.Session
		want     []string
	}{
		"after each other":   {[]*db.Session{session("a", "PLENARY", "09:00", "10:00"), session("b", "BREAK", "10:00", "10:30")}, []string{"09:00 – 10:00: a", "10:00 – 10:30: b"}},
		"at the same time":   {[]*db.Session{session("a", "BREAKOUT", "09:00", "10:00"), session("b", "BREAKOUT", "09:00", "10:00")}, []string{"09:00 – 10:00: a, b"}},
		"one is longer":      {[]*db.Session{session("a", "EXCURSION", "09:00", "10:00"), session("b", "EXCURSION", "09:30", "11:00")}, []string{"09:00 – 11:00: a (09:00 – 10:00), b (09:30 – 11:00)"}},
		"no ends":            {[]*db.Session{session("a", "PLENARY", "09:00", ""), session("b", "PLENARY", "09:00", ""), session("c", "PLENARY", "10:00", "")}, []string{"09:00: a, b", "10:00: c"}},
		"no times":           {[]*db.Session{session("a", "PLENARY", "", ""), session("b", "BREAKOUT", "", ""), session("c", "BREAKOUT", "", "")}, []string{": a", ": b, c"}},
		"times known partly": {[]*db.Session{session("a", "BREAKOUT", "09:00", "10:00"), session("b", "BREAKOUT", "", "")}, []string{"09:00 – 10:00: a", ": b"}},
	} {
		var got []string
		for _, slot := range slotsOf(test.sessions, nil, true) {
			var items []string
			for _, item := range slot.Items {
				if item.Time != "" {
					item.Title += " (" + item.Time + ")"
				}
				items = append(items, item.Title)
			}
			got = append(got, slot.Time()+": "+strings.Join(items, ", "))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAgreementWords(t *testing.T) {
	t.Parallel()
	five, one := 5, 1
	for want, agreement := range map[string]*db.Agreement{
		"signed in 2009 for 5 years, tacitly renewed since 2014":        {SignedOn: "2009-01-01", SignedOnPrecision: "YEAR", TermYears: &five, Renewal: db.RenewalTacit},
		"signed in March 2009 for 5 years, expired on 28 February 2014": {SignedOn: "2009-03-01", SignedOnPrecision: "MONTH", TermYears: &five, Renewal: db.RenewalExplicit},
		"signed on 3 July 2026 for one year, in force":                  {SignedOn: "2026-07-03", SignedOnPrecision: "DAY", TermYears: &one, Renewal: db.RenewalExplicit},
		"to be signed in 2027, without end":                             {SignedOn: "2027-01-01", SignedOnPrecision: "YEAR"},
	} {
		if got := agreementWords(agreement, "2026-11-22"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
