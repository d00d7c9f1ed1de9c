package graph_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// kept writes a page into the directory that KEEP_PAGES names, for whoever wants to look at it.
func (b *browser) kept(name, page string) {
	if folder := os.Getenv("KEEP_PAGES"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, name+".html"), []byte(page), 0o600); err != nil {
			b.Error(err)
		}
	}
}

// signsIn signs in by mail, and returns the page that follows.
func (b *browser) signsIn(email string) string {
	b.Helper()
	if status, page := b.page("POST", "/sign-in", url.Values{"email": {email}}); status != 200 {
		b.Fatalf("asked for a link: %d %s", status, page)
	}
	_, page := b.page("POST", "/sign-in/"+b.mailedLink(), url.Values{"enter": {"yes"}})
	return page
}

func TestPeopleAreCheckedInOnAPhone(t *testing.T) {
	each(t, func(t *house) {
		seats := t.ids("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'vaktreffen-2027')")[0]
		for _, email := range []string{member, colleague, organiser} {
			t.ask(email, `mutation($seats: ID!) { register(input: { idempotencyKey: "k", seatsId: $seats }) { userErrors { message } } }`, vars{"seats": seats})
		}
		t.exec("UPDATE deliveries SET state = 'CANCELLED'") // confirmations
		path, b := "/check-in/"+seats, t.browser()
		if status, page := b.page("GET", path, nil); status != 200 || !strings.Contains(page, `type="email"`) {
			t.Fatalf("without signing in: %d %s", status, page)
		}
		if status, page := b.page("POST", path, url.Values{"in": {"x"}}); status != 200 || !strings.Contains(page, `type="email"`) {
			t.Fatalf("posted without signing in: %d %s", status, page)
		}
		if page := b.signsIn(organiser); !strings.Contains(page, "Inchecken kan vanaf") || strings.Contains(page, `name="in"`) {
			t.Fatalf("signing in leads elsewhere, or check-in is open months before: %s", page)
		}
		if page := t.browser().signsIn(organiser); strings.Contains(page, "Inchecken") {
			t.Errorf("signing in leads to check-in unasked")
		}
		if _, own := b.page("GET", "/me", nil); strings.Contains(own, "/check-in/") {
			t.Errorf("the own page leads to check-in months before: %s", own)
		}
		t.setClock(time.Date(2027, 5, 20, 7, 30, 0, 0, time.UTC))
		t.tokens.Clear() // nobody stays signed in for so long
		b.page("GET", path, nil)
		b.signsIn(organiser)
		if _, own := b.page("GET", "/me", nil); !strings.Contains(own, `<a href="`+path+`?lang=nl">`) {
			t.Errorf("the own page of an organiser does not lead to check-in: %s", own)
		}
		if own := t.browser().signsIn(member); strings.Contains(own, "/check-in/") {
			t.Errorf("the own page of a participant leads to check-in: %s", own)
		}
		status, page := b.page("GET", path+"?lang=en&q=PAUL", nil)
		buttons := regexp.MustCompile(`name="in" value="([^"]+)"`).FindAllStringSubmatch(page, -1)
		if status != 200 || len(buttons) != 1 || !strings.Contains(page, "Paula") || strings.Contains(page, "Konrad") {
			t.Fatalf("searched: %d %s", status, page)
		}
		in := url.Values{"in": {buttons[0][1]}}
		if status, _ := b.page("POST", path, in, "Sec-Fetch-Site", "cross-site"); status != 403 {
			t.Errorf("from another site: %d", status)
		}
		for range 2 {
			status, page = b.page("POST", path+"?lang=en&q=PAUL", in)
			if status != 200 || !strings.Contains(page, "is checked in.") || !strings.Contains(page, "here since 09:30") || !strings.Contains(page, `value="PAUL"`) {
				t.Fatalf("checked in: %d %s", status, page)
			}
		}
		status, page = b.page("POST", path+"?lang=en", url.Values{"out": in["in"]})
		if status != 200 || !strings.Contains(page, "is no longer checked in.") || strings.Contains(page, "here since") {
			t.Errorf("undone: %d %s", status, page)
		}
		t.exec("UPDATE people SET name = 'Ünal <b>O’Brien</b> & Söhne' WHERE key = 'konrad-koordinator'")
		place := at(t.ask(colleague, `{ viewer { registrations(first: 1) { nodes { id } } } }`, nil), "viewer", "registrations", "nodes", 0, "id").(string)
		_, own := t.browser().page("GET", "/r/"+t.placeToken(place)+"?lang=en", nil)
		code := regexp.MustCompile(`[2-9A-Z]{4}-[2-9A-Z]{4}`).FindString(own)
		if code == "" {
			t.Fatalf("no code on the page of a place: %s", own)
		}
		status, page = b.page("POST", path+"?lang=en", url.Values{"do": {"code"}, "code": {strings.ToLower(code)}})
		if status != 200 || !strings.Contains(page, "Ünal &lt;b&gt;O’Brien&lt;/b&gt; &amp; Söhne is checked in.") {
			t.Errorf("by code: %d %s", status, page)
		}
		for typed, says := range map[string]string{"": "mistyped", code[:8] + "?": "mistyped", "2222-2222": "Nobody who is registered here"} {
			status, page = b.page("POST", path+"?lang=en", url.Values{"do": {"code"}, "code": {typed}})
			if status != 422 || !strings.Contains(page, says) || !strings.Contains(page, `name="code" value="`+typed+`"`) {
				t.Errorf("the code %q: %d %s", typed, status, page)
			}
		}
		status, page = b.page("POST", path+"?lang=en", url.Values{"do": {"walk-in"}, "key": {"walk-in"}, "name": {"Nina <Neu>"}, "organisation": {"Bakkerij"}, "email": {"x"}})
		if status != 422 || !strings.Contains(page, "not an e-mail address") || !strings.Contains(page, `value="Nina &lt;Neu&gt;"`) {
			t.Errorf("a walk-in with a wrong address: %d %s", status, page)
		}
		walkIn := url.Values{"do": {"walk-in"}, "key": {"walk-in"}, "name": {"Nina <Neu>"}, "organisation": {"Bakkerij"}, "email": {""}}
		for range 2 {
			status, page = b.page("POST", path+"?lang=en", walkIn)
		}
		if status != 200 || !strings.Contains(page, "Nina &lt;Neu&gt; is checked in.") || strings.Count(page, ">Nina &lt;Neu&gt;<") != 1 || !strings.Contains(page, "without a place") ||
			!strings.Contains(page, "1 here, 0 expected") {
			t.Errorf("a walk-in: %d %s", status, page)
		}
		for _, language := range []string{"nl", "de", "en"} {
			_, page := b.page("GET", path+"?lang="+language, nil)
			b.kept("check-in-"+language, page)
			_, page = b.page("POST", path+"?lang="+language, url.Values{"do": {"code"}})
			b.kept("check-in-problem-"+language, page)
		}
		if status, _ := b.page("POST", path, url.Values{"name": {strings.Repeat("x", 17<<10)}}); status != 400 {
			t.Errorf("a form that is too large: %d", status)
		}
		other := t.browser()
		other.signsIn(member)
		for name, path := range map[string]string{"a participant": path, "no seats": "/check-in/nothing"} {
			if status, page := other.page("GET", path, nil); status != 404 || strings.Contains(page, "Nina") {
				t.Errorf("%s: %d %s", name, status, page)
			}
			if status, _ := other.page("POST", path, in); status != 422 && status != 404 {
				t.Errorf("%s posts: %d", name, status)
			}
		}
		for _, line := range t.log.messages() {
			if strings.Contains(line, code) || strings.Contains(line, "Nina") {
				t.Errorf("the log tells: %s", line)
			}
		}
	})
}

func TestAnybodyWithTheCodeChecksACertificate(t *testing.T) {
	each(t, func(t *house) {
		seats := t.ids("SELECT id FROM seats WHERE course_run_id = (SELECT id FROM course_runs WHERE starts_on = '2027-04-15')")[0]
		run := t.ids("SELECT id FROM course_runs WHERE starts_on = '2027-04-15'")[0]
		t.setClock(time.Date(2027, 4, 15, 9, 0, 0, 0, time.UTC))
		t.tokens.Clear()
		if own := t.browser().signsIn(trainer); !strings.Contains(own, `<a href="/check-in/`+seats+`?lang=nl">`) {
			t.Errorf("the own page of who organises the course does not lead to check-in: %s", own)
		}
		person := at(t.ask(trainer, `mutation($in: CheckInWalkInInput!) { checkInWalkIn(input: $in) { attendee { personId state walkIn worksFor organisation { name } } userErrors { message } } }`,
			vars{"in": vars{"idempotencyKey": "k", "seatsId": seats, "name": "Nina Neu", "organisation": "Gemeente Groningen", "email": "nina@example.org"}}), "checkInWalkIn", "attendee", "personId")
		t.setClock(time.Date(2027, 4, 17, 9, 0, 0, 0, time.UTC))
		issued := at(t.ask(trainer, `mutation($run: ID!) { issueCertificates(input: { courseRunId: $run }) { courseRun { id } issued withoutAddress userErrors { message } } }`, vars{"run": run}), "issueCertificates")
		if at(issued, "issued") != 1.0 || at(issued, "withoutAddress") != 0.0 || at(issued, "courseRun", "id") != run {
			t.Fatalf("issued: %v", issued)
		}
		list := t.ask(trainer, `query($id: ID!) { node(id: $id) { ... on Seats { attendance { expected came walkIns noShows organisations { name came organisation { name } } } attendees(first: 10, filter: { text: "neu" }) { nodes { name certificateCode } } } } }`, vars{"id": seats})
		code, _ := at(list, "node", "attendees", "nodes", 0, "certificateCode").(string)
		if len(code) != 19 || at(list, "node", "attendance", "came") != 1.0 || at(list, "node", "attendance", "organisations", 0, "organisation", "name") == nil {
			t.Fatalf("the list: %v", list)
		}
		b := t.browser()
		for _, language := range []string{"nl", "de", "en"} {
			status, page := b.page("GET", "/certificates/"+code+"?lang="+language, nil)
			if status != 200 || !strings.Contains(page, "Nina Neu") || !strings.Contains(page, code) || !strings.Contains(page, `lang="`+language+`"`) {
				t.Errorf("the certificate: %d %s", status, page)
			}
			b.kept("certificate-"+language, page)
			status, page = b.page("GET", "/certificates/?lang="+language, nil)
			if status != 200 || !strings.Contains(page, `name="code"`) {
				t.Errorf("without a code: %d %s", status, page)
			}
			b.kept("certificate-ask-"+language, page)
		}
		if status, page := b.page("GET", "/certificates/?lang=en&code="+url.QueryEscape(strings.ToLower(strings.ReplaceAll(code, "-", " "))), nil); status != 200 || !strings.Contains(page, "This certificate is valid.") {
			t.Errorf("typed: %d %s", status, page)
		}
		if status, page := b.page("GET", "/certificates/2222-2222-2222-2222%22%3E?lang=en", nil); status != 404 || !strings.Contains(page, "There is no certificate with this code.") || strings.Contains(page, `2">`) {
			t.Errorf("a code of nothing: %d %s", status, page)
		}
		t.ask(trainer, `mutation($in: UndoCheckInInput!) { undoCheckIn(input: $in) { attendee { name } userErrors { message } } }`, vars{"in": vars{"seatsId": seats, "personId": person}})
		if status, page := b.page("GET", "/certificates/"+code+"?lang=en", nil); status != 200 || !strings.Contains(page, "This certificate was revoked.") || strings.Contains(page, "Nina") {
			t.Errorf("a revoked one: %d %s", status, page)
		}
	})
}

// placeToken returns the token of a registration's personal link.
func (h *house) placeToken(id string) string {
	h.Helper()
	token, err := h.db.RegistrationToken(h.Context(), db.ParseID(id))
	if err != nil {
		h.Fatal(err)
	}
	return token
}
