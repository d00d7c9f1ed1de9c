package graph_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	ics "github.com/arran4/golang-ical"

	"github.com/vaktreffen/vaktreffen/db"
)

// feed asks for a calendar by its public address.
func (h *house) feed(address string, headers ...string) (*http.Response, string) {
	h.Helper()
	path, ok := strings.CutPrefix(address, publicURL+"/calendar/")
	if !ok {
		h.Fatalf("the calendar is at %q", address)
	}
	r, err := http.NewRequestWithContext(h.Context(), http.MethodGet, strings.TrimSuffix(h.url, "graphql")+"calendar/"+path, nil)
	if err != nil {
		h.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		h.Fatal(err)
	}
	return response, string(text)
}

// entries reads a calendar that is there, by what is entered, and holds what is true of every one.
func (h *house) entries(address string) map[string]*ics.VEvent {
	h.Helper()
	response, text := h.feed(address)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/calendar; charset=utf-8" {
		h.Fatalf("%s: %d %s\n%s", address, response.StatusCode, response.Header, text)
	}
	if strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\n") {
		h.Error("a line does not end with CRLF")
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 75 || strings.ToValidUTF8(line, "") != line {
			h.Errorf("a line that is too long or torn apart: %q", line)
		}
	}
	for _, word := range []string{"ORGANIZER", "ATTENDEE", "mailto:", "METHOD"} {
		if strings.Contains(text, word) {
			h.Errorf("the calendar has %s:\n%s", word, text)
		}
	}
	for _, name := range h.texts("SELECT name FROM people UNION SELECT email FROM people WHERE email IS NOT NULL") {
		if strings.Contains(text, name) {
			h.Errorf("the calendar names %s", name)
		}
	}
	parsed, err := ics.ParseCalendar(strings.NewReader(text))
	if err != nil {
		h.Fatalf("%v:\n%s", err, text)
	}
	zones := map[string]bool{}
	for _, zone := range parsed.Timezones() {
		zones[zone.GetProperty(ics.ComponentPropertyTzid).Value] = true
	}
	all, uids := map[string]*ics.VEvent{}, map[string]bool{}
	for _, event := range parsed.Events() {
		for _, property := range []ics.ComponentProperty{
			ics.ComponentPropertyUniqueId, ics.ComponentPropertyDtstamp, ics.ComponentPropertyDtStart, ics.ComponentPropertyDtEnd,
			ics.ComponentPropertySequence, ics.ComponentPropertyLastModified, ics.ComponentPropertyStatus, ics.ComponentPropertySummary,
		} {
			if len(event.GetProperties(property)) != 1 {
				h.Errorf("%d properties %s", len(event.GetProperties(property)), property)
			}
		}
		if zone := event.GetProperty(ics.ComponentPropertyDtStart).ICalParameters["TZID"]; len(zone) > 0 && !zones[zone[0]] {
			h.Errorf("the zone %s is not explained", zone[0])
		}
		if uids[event.Id()] {
			h.Errorf("%s stands there twice", event.Id())
		}
		uids[event.Id()] = true
		all[event.GetProperty(ics.ComponentPropertySummary).Value] = event
	}
	return all
}

func (h *house) texts(statement string) (all []string) {
	h.Helper()
	rows, err := h.raw.QueryContext(h.Context(), statement)
	if err != nil {
		h.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			h.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

func value(event *ics.VEvent, property ics.ComponentProperty) string {
	if event == nil {
		return "no entry"
	}
	return event.GetProperty(property).Value
}

func TestEverybodySubscribesToWhatIsPublished(t *testing.T) {
	each(t, func(t *house) {
		id, partnership := t.id("editions", "vaktreffen-2027"), t.id("partnerships", "groningen-oldenburg-bremen")
		session, _ := db.NewID(db.KindSession, today).Value()
		t.exec(`INSERT INTO sessions (id, key, edition_id, kind, title, day, starts_local, ends_local, starts_at, ends_at, languages, position)
			SELECT '` + session.(string) + `', 'walk', id, 'EXCURSION', 'Überlandwerk: langer Spaziergang durch die Überschwemmungsgebiete der Ems und der Weser', starts_on, starts_on || 'T13:30',
			starts_on || 'T15:00', '2027-05-20 11:30:00+00:00', '2027-05-20 13:00:00+00:00', '["nl"]', 99 FROM editions WHERE key = 'vaktreffen-2027'`)
		urls := func() (edition, of string) {
			data := t.ask(nobody, `query($e: ID!, $p: ID!) { edition(id: $e) { calendarUrl } partnership(id: $p) { calendarUrl } }`, vars{"e": id, "p": partnership})
			edition, _ = at(data, "edition", "calendarUrl").(string)
			of, _ = at(data, "partnership", "calendarUrl").(string)
			return edition, of
		}
		edition, of := urls()
		title := t.texts("SELECT title FROM editions WHERE key = 'vaktreffen-2027'")[0]
		walk := "Überlandwerk: langer Spaziergang durch die Überschwemmungsgebiete der Ems und der Weser (" + title + ")"
		found := t.entries(edition)
		if value(found[title], ics.ComponentPropertyStatus) != "CONFIRMED" || value(found[walk], ics.ComponentPropertyDtStart) != "20270520T133000" {
			t.Errorf("the edition's calendar has %v", found)
		}
		editions := t.entries(of)
		if e := editions[title]; e == nil || e.Id() != found[title].Id() || editions[walk] != nil || value(e, ics.ComponentPropertySequence) != value(found[title], ics.ComponentPropertySequence) {
			t.Errorf("the partnership's calendar has %v", editions)
		}

		response, text := t.feed(edition)
		tag := response.Header.Get("ETag")
		if tag == "" || response.Header.Get("Cache-Control") != "public, max-age=300" || !strings.Contains(text, "REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n") {
			t.Errorf("headers %v of\n%s", response.Header, text)
		}
		if again, body := t.feed(edition, "If-None-Match", tag); again.StatusCode != http.StatusNotModified || body != "" || again.Header.Get("ETag") != tag {
			t.Errorf("asked again: %d %v %q", again.StatusCode, again.Header, body)
		}
		sequence := value(found[title], ics.ComponentPropertySequence)
		t.ask(organiser, `mutation($i: CancelEditionInput!) { cancelEdition(input: $i) { userErrors { message } } }`, vars{"i": vars{"editionId": id}})
		if again, _ := t.feed(edition, "If-None-Match", tag); again.StatusCode != http.StatusOK {
			t.Errorf("after a change: %d", again.StatusCode)
		}
		found = t.entries(edition)
		if value(found[title], ics.ComponentPropertyStatus) != "CANCELLED" || value(found[walk], ics.ComponentPropertyStatus) != "CANCELLED" || value(found[title], ics.ComponentPropertySequence) == sequence {
			t.Errorf("the cancelled edition's calendar has %v", found)
		}

		unknown, nothing := t.feed(publicURL + "/calendar/edition/" + partnership + ".ics")
		t.exec("UPDATE editions SET status = 'DRAFT' WHERE key = 'vaktreffen-2027'")
		hidden, still := t.feed(edition)
		if hidden.StatusCode != http.StatusNotFound || unknown.StatusCode != http.StatusNotFound || still != nothing || hidden.Header.Get("ETag") != "" {
			t.Errorf("a draft is answered %d %q, what is not there %d %q", hidden.StatusCode, still, unknown.StatusCode, nothing)
		}
		if t.entries(of)[title] != nil {
			t.Error("the partnership's calendar tells of a draft")
		}
		if e, _ := urls(); e != "" {
			t.Errorf("a draft has the calendar %s", e)
		}
		if drafted := at(t.ask(organiser, `query($e: ID!) { edition(id: $e) { title calendarUrl } }`, vars{"e": id}), "edition"); at(drafted, "title") != title || at(drafted, "calendarUrl") != nil {
			t.Errorf("its organiser sees %v", drafted)
		}
		for _, path := range []string{"edition/" + id, "edition/x.ics", "partnership/" + id + ".ics", "x.ics", id + ".ics"} {
			if r, text := t.feed(publicURL + "/calendar/" + path); r.StatusCode != http.StatusNotFound || text != nothing {
				t.Errorf("%s: %d %s", path, r.StatusCode, text)
			}
		}
	})
}

func TestAPersonsCalendar(t *testing.T) {
	each(t, func(t *house) {
		seats := t.ids("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'vaktreffen-2027')")[0]
		title := t.texts("SELECT title FROM editions WHERE key = 'vaktreffen-2027'")[0]
		t.ask(organiser, `mutation($i: ChangeSeatsInput!) { changeSeats(input: $i) { userErrors { message } } }`, vars{"i": vars{"seatsId": seats, "capacity": 1, "policy": "OFFER"}})
		for _, who := range []string{member, colleague} {
			t.ask(who, `mutation($i: RegisterInput!) { register(input: $i) { userErrors { message } } }`, vars{"i": vars{"idempotencyKey": "k", "seatsId": seats}})
		}
		url := func(who string) string {
			return at(t.ask(who, `{ viewer { calendarUrl } }`, nil), "viewer", "calendarUrl").(string)
		}
		own := url(member)
		found := t.entries(own)
		if e := found[title]; len(found) != 1 || value(e, ics.ComponentPropertyStatus) != "CONFIRMED" || value(e, ics.ComponentPropertyTransp) != "OPAQUE" {
			t.Errorf("the calendar has %v", found)
		}
		if e := t.entries(url(colleague))[title]; value(e, ics.ComponentPropertyStatus) != "TENTATIVE" || value(e, ics.ComponentPropertyTransp) != "TRANSPARENT" {
			t.Errorf("of who waits the calendar has %v", e)
		}
		response, _ := t.feed(own)
		for name, want := range map[string]string{"Cache-Control": "private, no-cache", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
		if again, _ := t.feed(own, "If-None-Match", response.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("asked again: %d", again.StatusCode)
		}

		renewed := at(t.ask(member, `mutation { renewCalendarUrl { viewer { calendarUrl } userErrors { message } } }`, nil), "renewCalendarUrl", "viewer", "calendarUrl").(string)
		if renewed == own || renewed != url(member) {
			t.Errorf("renewed from %s to %s", own, renewed)
		}
		if old, _ := t.feed(own); old.StatusCode != http.StatusNotFound || old.Header.Get("X-Robots-Tag") != "noindex" {
			t.Errorf("the former address answers %d", old.StatusCode)
		}
		if problems := list(t.ask(nobody, `mutation { renewCalendarUrl { userErrors { code } } }`, nil), "renewCalendarUrl", "userErrors"); len(problems) != 1 {
			t.Errorf("somebody not signed in hears %v", problems)
		}

		registration := t.ids("SELECT registrations.id FROM registrations JOIN people ON people.id = person_id WHERE people.key = 'paula-participant'")[0]
		t.ask(member, `mutation($i: CancelRegistrationInput!) { cancelRegistration(input: $i) { userErrors { message } } }`, vars{"i": vars{"registrationId": registration}})
		if found := t.entries(renewed); len(found) != 0 {
			t.Errorf("after giving up the place the calendar has %v", found)
		}
		t.ask(member, `mutation { eraseMe(input: { confirm: true }) { userErrors { message } } }`, nil)
		if r, _ := t.feed(renewed); r.StatusCode != http.StatusNotFound {
			t.Errorf("the calendar of somebody who was erased answers %d", r.StatusCode)
		}
	})
}

func TestPagesOfferCalendars(t *testing.T) {
	t.Parallel()
	h := onSQLite(t)
	seats := h.ids("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'vaktreffen-2027')")[0]
	h.ask(member, `mutation($i: RegisterInput!) { register(input: $i) { userErrors { message } } }`, vars{"i": vars{"idempotencyKey": "k", "seatsId": seats}})
	own := at(h.ask(member, `{ viewer { calendarUrl } }`, nil), "viewer", "calendarUrl").(string)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	page := func(method, path, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(h.url, "/graphql")+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: "vaktreffen", Value: h.token(member)})
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	me := page(http.MethodGet, "/me", "")
	_, token, _ := strings.Cut(me, `href="/r/`)
	token, _, _ = strings.Cut(token, `"`)
	var words []string
	for _, language := range []string{"nl", "de", "en"} {
		for _, path := range []string{"/me", "/r/" + token} {
			text := page(http.MethodGet, path+"?lang="+language, "")
			if !strings.Contains(text, `<a href="webcal://`+strings.TrimPrefix(own, "https://")+`">`) || !strings.Contains(text, "<code>"+own+"</code>") {
				t.Errorf("%s in %s offers no calendar:\n%s", path, language, text)
			}
			_, heading, _ := strings.Cut(text, "webcal://")
			_, heading, _ = strings.Cut(heading, ">")
			heading, _, _ = strings.Cut(heading, "<")
			words = append(words, heading)
		}
	}
	if slices.Sort(words); len(slices.Compact(words)) != 3 {
		t.Errorf("in three languages the link says %q", words)
	}
	page(http.MethodPost, "/me/calendar", "calendar=renew")
	if text := page(http.MethodGet, "/me", ""); strings.Contains(text, own) || !strings.Contains(text, "webcal://") {
		t.Error("the button renews nothing")
	}
	h.invite(organiser, vars{"editionId": h.id("editions", "vaktreffen-2027"), "audience": vars{"csv": "name,email\nNew,new@example.org"}})
	invitation := db.ParseID(h.ids("SELECT invitations.id FROM invitations JOIN people ON people.id = person_id WHERE email = 'new@example.org'")[0])
	answer, err := h.db.AnswerToken(t.Context(), invitation)
	if err != nil {
		t.Fatal(err)
	}
	if text := page(http.MethodGet, "/i/"+answer, ""); !strings.Contains(text, `href="webcal://meetings.example.org/calendar/edition/`+h.id("editions", "vaktreffen-2027")+`.ics"`) {
		t.Errorf("the invitation's page offers no calendar:\n%s", text)
	}
}
