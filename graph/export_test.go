package graph_test

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// join registers the person with the key, in the name of somebody who may, and returns the id of the registration.
func (h *house) join(by, seats, person string) string {
	h.Helper()
	data := h.ask(by, `mutation($input: RegisterInput!) { register(input: $input) { registration { id status } userErrors { message } } }`,
		vars{"input": vars{"idempotencyKey": seats + person, "seatsId": seats, "personId": h.id("people", person)}})
	id, ok := at(data, "register", "registration", "id").(string)
	if !ok {
		h.Fatalf("%s is not registered: %v", person, data)
	}
	h.setClock(h.clock.Load().Add(time.Minute))
	return id
}

// guests adds people of Groningen, Oldenburg and nobody, to a meeting with two places and a session with one, and returns its
// id and the ids of the seats.
func (h *house) guests() (edition, seats, session string) {
	h.Helper()
	person := func(key, organisation string) programme.Person {
		return programme.Person{Key: key, Name: strings.ToUpper(key[:1]) + key[1:], Email: key + "@example.org", Organisation: organisation, Locale: "nl"}
	}
	h.add(&programme.File{
		People: []programme.Person{person("gerda", "groningen"), person("gijs", "groningen"), person("ole", "oldenburg"), person("otto", "oldenburg")},
		Editions: []programme.Edition{{
			Key: "guests-2027", Series: "vaktreffen", Title: "Guests", Year: 2027, Status: "PUBLISHED", Host: "groningen", StartsOn: "2027-06-01", EndsOn: "2027-06-01",
			TimeZone: "Europe/Amsterdam", Languages: []string{"nl"}, Capacity: new(3),
			Sessions: []programme.Session{{Key: "walk", Kind: "EXCURSION", Title: "Walk", Day: "2027-06-01", Capacity: new(1)}},
		}},
	})
	seats = h.ids("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'guests-2027')")[0]
	session = h.ids("SELECT id FROM seats WHERE session_id = (SELECT id FROM sessions WHERE key = 'walk')")[0]
	for _, key := range []string{"gerda", "ole", "gijs", "otto"} {
		h.join(organiser, seats, key)
	}
	h.join(organiser, session, "ole")
	h.join(organiser, session, "gerda")
	return h.id("editions", "guests-2027"), seats, session
}

// download asks for a list of registrations.
func (h *house) download(email, path string) (*http.Response, string) {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), http.MethodGet, strings.TrimSuffix(h.url, "graphql")+"registrations/"+path, nil)
	if err != nil {
		h.Fatal(err)
	}
	if email != nobody {
		r.Header.Set("Authorization", "Bearer "+h.token(email))
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.Fatal(err)
	}
	return response, string(body)
}

// table reads a file of registrations.
func (h *house) table(email, path string, separator rune) [][]string {
	h.Helper()
	response, body := h.download(email, path)
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(body, "\ufeff") {
		h.Fatalf("%s: %.300s", response.Status, body)
	}
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff")))
	reader.Comma = separator
	lines, err := reader.ReadAll()
	if err != nil {
		h.Fatalf("%v: %s", err, body)
	}
	return lines
}

func TestRegistrationsAsAFile(t *testing.T) {
	each(t, func(t *house) {
		_, seats, session := t.guests()
		t.exec("UPDATE people SET locale = 'nl' WHERE email = '" + organiser + "'")
		t.exec("UPDATE people SET locale = 'en' WHERE email = '" + colleague + "'")
		by := t.ids("SELECT id FROM people WHERE email = '" + organiser + "'")
		name := fmt.Sprint(at(t.ask(organiser, `query($id: ID!) { node(id: $id) { ... on Person { name } } }`, vars{"id": by[0]}), "node", "name"))

		response, body := t.download(organiser, seats+".csv")
		for header, want := range map[string]string{
			"Content-Type": "text/csv; charset=utf-8; header=present", "Content-Disposition": `attachment; filename="registrations-guests-2027.csv"`,
			"Cache-Control": "no-store", "Content-Language": "nl", "X-Content-Type-Options": "nosniff",
		} {
			if got := response.Header.Get(header); got != want {
				t.Errorf("%s is %q, want %q", header, got, want)
			}
		}
		want := "\ufeffNaam;Organisatie;E-mailadres;Stand;Plaats op de wachtlijst;Aangemeld op;Aangemeld door;Aanwezig\r\n" +
			"Gerda;Groningen;gerda@example.org;Bevestigd;;2027-01-15 13:00 CET;" + name + ";\r\n" +
			"Ole;Oldenburg (Oldb);ole@example.org;Bevestigd;;2027-01-15 13:01 CET;" + name + ";\r\n" +
			"Gijs;Groningen;gijs@example.org;Bevestigd;;2027-01-15 13:02 CET;" + name + ";\r\n" +
			"Otto;Oldenburg (Oldb);otto@example.org;Wachtlijst;1;2027-01-15 13:03 CET;" + name + ";\r\n"
		if body != want {
			t.Errorf("the file is\n%s\nwant\n%s", body, want)
		}
		for path, want := range map[string][]string{
			seats + ".csv?status=WAITLISTED":                                  {"Otto"},
			seats + ".csv?organisation=" + t.id("organisations", "groningen"): {"Gerda", "Gijs"},
			seats + ".csv?status=CANCELLED":                                   nil,
			session + ".csv":                                                  {"Ole", "Gerda"},
			session + ".csv?status=CONFIRMED&organisation=" + t.id("organisations", "groningen"): nil,
		} {
			lines := t.table(organiser, path, ';')
			if got := firsts(lines[1:]); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", path, got, want)
			}
		}
		gerda := t.ids("SELECT registrations.id FROM registrations JOIN people ON people.id = person_id WHERE people.name = 'Gerda' AND seats_id = (SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'guests-2027'))")[0]
		t.exec("UPDATE editions SET starts_on = '2027-01-15', ends_on = '2027-01-15' WHERE key = 'guests-2027'")
		t.ask(organiser, `mutation($id: ID!) { checkIn(input: { registrationId: $id }) { userErrors { message } } }`, vars{"id": gerda})
		t.setClock(t.clock.Load().AddDate(0, 0, 1))
		var came []string
		for _, line := range t.table(organiser, seats+".csv", ';')[1:] {
			came = append(came, line[7])
		}
		if want := []string{"2027-01-15 13:06 CET", "Niet gekomen", "Niet gekomen", ""}; !slices.Equal(came, want) {
			t.Errorf("who came: %q, want %q", came, want)
		}
		lines := t.table(colleague, seats+".csv", ',')
		if got := firsts(lines); !slices.Equal(got, []string{"Name", "Ole", "Otto"}) {
			t.Errorf("the coordinator of a visiting party: %v", lines)
		}
	})
}

func firsts(lines [][]string) []string {
	var cells []string
	for _, line := range lines {
		cells = append(cells, line[0])
	}
	return cells
}

func TestAFileOfRegistrationsIsRefused(t *testing.T) {
	each(t, func(t *house) {
		_, seats, _ := t.guests()
		t.exec("UPDATE people SET locale = 'en'")
		for name, c := range map[string]struct {
			email, path string
			status      int
		}{
			"nobody":          {nobody, seats + ".csv", http.StatusUnauthorized},
			"a participant":   {member, seats + ".csv", http.StatusForbidden},
			"another format":  {organiser, seats + ".xlsx", http.StatusNotFound},
			"no seats":        {organiser, "x.csv", http.StatusNotFound},
			"a person":        {organiser, t.id("people", "gerda") + ".csv", http.StatusNotFound},
			"no status":       {organiser, seats + ".csv?status=GONE", http.StatusBadRequest},
			"no organisation": {organiser, seats + ".csv?organisation=x", http.StatusBadRequest},
			"a coordinator":   {stranger, seats + ".csv", http.StatusOK},
		} {
			response, body := t.download(c.email, c.path)
			if response.StatusCode != c.status || response.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %s: %s", name, response.Status, body)
			}
		}
		// Whoever coordinates something may ask, and gets no more than the people of that.
		if lines := t.table(stranger, seats+".csv", ','); len(lines) != 1 {
			t.Errorf("a coordinator elsewhere reads %v", lines)
		}
		t.exec("UPDATE editions SET status = 'DRAFT' WHERE key = 'guests-2027'")
		if response, _ := t.download(stranger, seats+".csv"); response.StatusCode != http.StatusNotFound {
			t.Errorf("a draft: %s", response.Status)
		}
	})
}

func TestNoCellOfAFileIsAFormula(t *testing.T) {
	each(t, func(t *house) {
		_, seats, _ := t.guests()
		t.exec("UPDATE people SET locale = 'nl'")
		for hostile, plain := range map[string]string{
			`=HYPERLINK("http://x")`: `'=HYPERLINK("http://x")`, "+31": "'+31", "-2+3": "'-2+3", "@SUM(1)": "'@SUM(1)", "\t=1": "\t'=1", "＝1": "'＝1",
			"＋1": "'＋1", "－1": "'－1", "＠x": "'＠x", " =1": " '=1", `"=1`: `"'=1`, "a,=1": "a,'=1", "a; \"=1": "a; \"'=1", "a\t+1": "a\t'+1",
			"a\n=1": "a\n'=1", "O'Brien-Smit = a+b@c": "O'Brien-Smit = a+b@c", "Müller, Jan": "Müller, Jan",
		} {
			if _, err := t.raw.ExecContext(t.Context(), "UPDATE people SET name = $1 WHERE key = 'gerda'", hostile); err != nil {
				t.Fatal(err)
			}
			if got := t.table(organiser, seats+".csv", ';')[1][0]; got != plain {
				t.Errorf("%q became %q, want %q", hostile, got, plain)
			}
		}
	})
}

// A list of many pages comes whole and in order.
func TestALongFileIsWhole(t *testing.T) {
	each(t, func(t *house) {
		_, seats, _ := t.guests()
		const n = 1203
		_, err := t.raw.ExecContext(t.Context(), "UPDATE seats SET capacity = 4 WHERE id = $1", idOf(seats))
		var people, registrations []string
		for i := range n {
			person, registration := db.NewID(db.KindPerson, today), db.NewID(db.KindRegistration, today)
			people = append(people, fmt.Sprintf("('%s', '', 'P %d', 'nl', '2027-01-01 00:00:00+00:00')", uuid(person), i))
			registrations = append(registrations, fmt.Sprintf("('%s', '%s', '%s', 'CANCELLED', %d, '2027-01-01 00:00:00+00:00', '%[3]s', 0)",
				uuid(registration), uuid(idOf(seats)), uuid(person), i+5))
		}
		if err == nil {
			_, err = t.raw.ExecContext(t.Context(), "INSERT INTO people (id, affiliation, name, locale, created_at) VALUES "+strings.Join(people, ","))
		}
		if err == nil {
			_, err = t.raw.ExecContext(t.Context(), "INSERT INTO registrations (id, seats_id, person_id, status, ticket, registered_at, registered_by, calendar_sequence) VALUES "+
				strings.Join(registrations, ","))
		}
		if err != nil {
			t.Fatal(err)
		}
		t.exec("UPDATE people SET locale = 'en' WHERE email = '" + organiser + "'")
		lines := t.table(organiser, seats+".csv", ',')
		if len(lines) != 1+4+n {
			t.Fatalf("%d lines", len(lines))
		}
		for i, line := range lines[5:] {
			if line[0] != fmt.Sprintf("P %d", i) {
				t.Fatalf("line %d is %v", i, line)
			}
		}
	})
}

// uuid writes an id as both databases keep it.
func uuid(id db.ID) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

func TestWhoSeesWhoIsRegistered(t *testing.T) {
	each(t, func(t *house) {
		edition, seats, session := t.guests()
		// The trainer coordinates an organisation that has no part in the meeting; one of its people registered.
		t.exec("UPDATE registrations SET organisation_id = (SELECT id FROM organisations WHERE key = 'vng-academie') WHERE person_id = (SELECT id FROM people WHERE key = 'gijs')")
		everybody := []string{"walk Gerda WAITLISTED", "walk Ole CONFIRMED", "Otto WAITLISTED", "Gijs CONFIRMED", "Ole CONFIRMED", "Gerda CONFIRMED"}
		const query = `query($id: ID!, $seats: ID!, $filter: RegistrationFilter) {
			edition(id: $id) { registrations(first: 100, filter: $filter) { totalCount nodes { status session { key: title } person { name } } } }
			seats: node(id: $seats) { ... on Seats { registrations(first: 100) { totalCount nodes { status person { name } } } } }
		}`
		read := func(email string, filter vars) (all, onSeats []string) {
			t.Helper()
			data := t.ask(email, query, vars{"id": edition, "seats": seats, "filter": filter})
			for i, list := range [][]any{list(data, "edition", "registrations", "nodes"), list(data, "seats", "registrations", "nodes")} {
				for _, r := range list {
					text := fmt.Sprint(at(r, "person", "name"), " ", at(r, "status"))
					switch {
					case i == 1:
						onSeats = append(onSeats, text)
					case at(r, "session") != nil:
						all = append(all, "walk "+text)
					default:
						all = append(all, text)
					}
				}
			}
			if n := at(data, "edition", "registrations", "totalCount"); n != float64(len(all)) {
				t.Errorf("%s: counts %v of %d", email, n, len(all))
			}
			return all, onSeats
		}
		for email, want := range map[string][]string{
			organiser: everybody, colleague: {"walk Ole CONFIRMED", "Otto WAITLISTED", "Ole CONFIRMED"}, stranger: nil, nobody: nil, member: nil,
			trainer:             {"Gijs CONFIRMED"},
			"ole@example.org":   {"walk Ole CONFIRMED", "Ole CONFIRMED"},
			"otto@example.org":  {"Otto WAITLISTED"},
			"gerda@example.org": {"walk Gerda WAITLISTED", "Gerda CONFIRMED"},
		} {
			got, onSeats := read(email, nil)
			if !slices.Equal(got, want) {
				t.Errorf("%s sees %v, want %v", email, got, want)
			}
			want = slices.DeleteFunc(slices.Clone(want), func(s string) bool { return strings.HasPrefix(s, "walk") })
			if !slices.Equal(onSeats, want) {
				t.Errorf("%s sees %v on the seats, want %v", email, onSeats, want)
			}
		}
		walk := t.ids("SELECT session_id FROM seats WHERE session_id IS NOT NULL AND id = '" + uuid(idOf(session)) + "'")[0]
		for name, c := range map[string]struct {
			filter vars
			want   []string
		}{
			"status":       {vars{"status": "WAITLISTED"}, []string{"walk Gerda WAITLISTED", "Otto WAITLISTED"}},
			"organisation": {vars{"organisationId": t.id("organisations", "oldenburg")}, []string{"walk Ole CONFIRMED", "Otto WAITLISTED", "Ole CONFIRMED"}},
			"session":      {vars{"sessionId": walk}, everybody[:2]},
			"all of them":  {vars{"sessionId": walk, "status": "CONFIRMED", "organisationId": t.id("organisations", "oldenburg")}, everybody[1:2]},
			"another one":  {vars{"sessionId": edition}, nil},
		} {
			if got, _ := read(organiser, c.filter); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
		data := t.ask(organiser, `query($id: ID!) { edition(id: $id) { registrations(first: 10) { nodes { person { email } } } } }`, vars{"id": edition})
		for _, r := range list(data, "edition", "registrations", "nodes") {
			if at(r, "person", "email") == nil {
				t.Error("an organiser cannot read the address of a participant who was not invited")
			}
		}
	})
}
