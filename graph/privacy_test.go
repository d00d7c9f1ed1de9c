package graph_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	changeListing = `mutation($input: ChangeListingInput!) { changeListing(input: $input) { registration { listing } userErrors { code field } } }`
	participants  = `query($id: ID!) { node(id: $id) {
		... on Edition { participants(first: 10) { totalCount nodes { name organisation { name } } edges { cursor node { name } } } }
		... on CourseRun { participants(first: 10) { totalCount nodes { name organisation { name } } edges { cursor node { name } } } } } }`
)

// registers registers somebody on seats and returns the registration.
func (h *house) registers(email, seats string) string {
	h.Helper()
	data := h.ask(email, `mutation($input: RegisterInput!) { register(input: $input) { registration { id status } userErrors { message } } }`,
		vars{"input": vars{"idempotencyKey": "registers " + seats, "seatsId": seats}})
	if at(data, "register", "registration", "status") != "CONFIRMED" {
		h.Fatal(data)
	}
	return at(data, "register", "registration", "id").(string)
}

func TestParticipantsAreListedAsTheyAgreed(t *testing.T) {
	each(t, func(t *house) {
		edition, run := t.id("editions", "vaktreffen-2027"), t.ids("SELECT id FROM course_runs WHERE starts_on = '2027-04-15'")[0]
		t.exec("DELETE FROM intake_questions") // so that a place is certain at once
		t.exec("UPDATE course_runs SET price_minor = 0")
		t.exec("UPDATE courses SET organisation_id = (SELECT id FROM organisations WHERE key = 'groningen') WHERE id = (SELECT course_id FROM course_runs WHERE starts_on = '2027-04-15')")
		for id, seats := range map[string]string{
			edition: t.ids("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'vaktreffen-2027')")[0],
			run:     t.ids("SELECT id FROM seats WHERE course_run_id = (SELECT id FROM course_runs WHERE starts_on = '2027-04-15')")[0],
		} {
			own, max := t.registers(member, seats), t.registers("max.muster@example.org", seats)
			t.registers(colleague, seats)
			cancelled := t.registers("bremen.coordinator@example.org", seats)
			for _, change := range []struct{ viewer, id, listing, problem string }{
				{member, own, "PARTICIPANTS", ""},
				{"max.muster@example.org", max, "EVERYONE", ""},
				{"bremen.coordinator@example.org", cancelled, "EVERYONE", ""},
				{organiser, own, "EVERYONE", "NOT_FOUND"}, // nobody agrees for somebody else
				{colleague, own, "EVERYONE", "NOT_FOUND"}, // not even who coordinates the organisation
				{nobody, own, "EVERYONE", "NOT_SIGNED_IN"},
			} {
				data := t.ask(change.viewer, changeListing, vars{"input": vars{"registrationId": change.id, "listing": change.listing}})
				if problem, _ := at(data, "changeListing", "userErrors", 0, "code").(string); problem != change.problem ||
					(problem == "") != (at(data, "changeListing", "registration", "listing") == change.listing) {
					t.Errorf("%s says %s: %v", change.viewer, change.listing, data)
				}
			}
			t.ask("bremen.coordinator@example.org", `mutation($id: ID!) { cancelRegistration(input: { registrationId: $id }) { registration { id } } }`, vars{"id": cancelled})
			listed := func(viewer string) string {
				page := at(t.ask(viewer, participants, vars{"id": id}), "node", "participants")
				var names []string
				for i, one := range list(page, "nodes") {
					names = append(names, strings.Fields(at(one, "name").(string))[0])
					if at(one, "organisation", "name") != "Oldenburg (Oldb)" || at(page, "edges", i, "node", "name") != at(one, "name") {
						t.Errorf("%s sees %v", viewer, one)
					}
				}
				if float64(len(names)) != at(page, "totalCount") {
					t.Errorf("%s: %v of %v", viewer, names, at(page, "totalCount"))
				}
				slices.Sort(names)
				return strings.Join(names, " ")
			}
			for viewer, want := range map[string]string{
				nobody: "Max", stranger: "Max", "bremen.coordinator@example.org": "Max",
				member: "Max Paula", "max.muster@example.org": "Max Paula", colleague: "Max Paula",
				organiser: "Konrad Max Paula",
			} {
				if got := listed(viewer); got != want {
					t.Errorf("%q sees %q, want %q", viewer, got, want)
				}
			}
			t.ask("max.muster@example.org", changeListing, vars{"input": vars{"registrationId": max, "listing": "NOBODY"}})
			if got := listed(nobody); got != "" {
				t.Errorf("after a change of mind nobody signed in sees %q", got)
			}
		}
	})
}

func TestAuditLogsAreReadByOrganisersAlone(t *testing.T) {
	each(t, func(t *house) {
		if err := t.db.AppointAdministrator(t.Context(), trainer); err != nil {
			t.Fatal(err)
		}
		edition := t.id("editions", "vaktreffen-2027")
		seats := t.ids("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'vaktreffen-2027')")[0]
		t.setClock(today.Add(time.Hour))
		registration := t.registers(member, seats)
		t.setClock(today.Add(2 * time.Hour))
		session := t.ids("SELECT seats.id FROM seats JOIN sessions ON sessions.id = session_id JOIN editions ON editions.id = sessions.edition_id WHERE editions.key = 'vaktreffen-2027' ORDER BY seats.id")[0]
		t.registers(member, session)
		const entries = `auditLog(first: 50) { totalCount nodes { at action recordId actor { name } } }`
		for _, test := range []struct {
			viewer    string
			own, full bool
		}{{nobody, false, false}, {member, false, false}, {stranger, false, false}, {colleague, false, false}, {organiser, true, false}, {trainer, true, true}} {
			data := t.ask(test.viewer, `query($id: ID!) { edition(id: $id) { `+entries+` } `+entries+` }`, vars{"id": edition})
			own, full := list(data, "edition", "auditLog", "nodes"), list(data, "auditLog", "nodes")
			if test.own != (len(own) > 0) || test.full != (len(full) > 0) || float64(len(own)) != at(data, "edition", "auditLog", "totalCount") {
				t.Errorf("%q reads %d and %d", test.viewer, len(own), len(full))
			}
			if !test.own {
				continue
			}
			if got := fmt.Sprint(pluck(own, "action")); got != "[register register import]" {
				t.Errorf("%q reads %s", test.viewer, got)
			}
			if first := own[1]; at(first, "recordId") != registration || at(first, "actor", "name") != "Paula Participant" || at(first, "at") != "2027-01-15T13:00:00Z" {
				t.Errorf("%q reads %v", test.viewer, first)
			}
		}
		t.setClock(today.Add(3 * time.Hour))
		t.ask(organiser, `mutation($input: InviteDelegationsInput!) { inviteDelegations(input: $input) { userErrors { message } } }`, vars{"input": vars{
			"editionId": edition, "respondBy": "2027-02-15T12:00:00Z", "delegations": []vars{{"organisationId": t.id("organisations", "oldenburg"), "places": 3}},
		}})
		t.setClock(today.Add(4 * time.Hour))
		t.ask(colleague, `mutation($id: ID!) { declineDelegation(input: { delegationId: $id }) { userErrors { message } } }`, vars{"id": t.ids("SELECT id FROM delegations")[0]})
		data := t.ask(organiser, `query($id: ID!) { edition(id: $id) { `+entries+` } }`, vars{"id": edition})
		if got := pluck(list(data, "edition", "auditLog", "nodes"), "action")[:2]; fmt.Sprint(got) != "[decline delegation invite delegations]" {
			t.Errorf("of the delegations the log tells %v", got)
		}
		other := t.ask(organiser, `query($id: ID!) { edition(id: $id) { `+entries+` } }`, vars{"id": t.id("editions", "vaktreffen-2009")})
		if got := fmt.Sprint(pluck(list(other, "edition", "auditLog", "nodes"), "action")); got != "[import]" {
			t.Errorf("the log of another edition: %s", got)
		}
	})
}

func TestPeopleExportAndEraseThemselves(t *testing.T) {
	each(t, func(t *house) {
		data := t.ask(member, `{ exportMyData }`, nil)
		var export map[string]any
		if err := json.Unmarshal([]byte(data["exportMyData"].(string)), &export); err != nil || at(export, "people", 0, "email") != member {
			t.Errorf("%v, %v", data, err)
		}
		if data := t.ask(nobody, `{ exportMyData }`, nil); data["exportMyData"] != nil {
			t.Errorf("nobody gets %v", data)
		}
		const eraseMe = `mutation { eraseMe(input: { confirm: true }) { erasedAt userErrors { code message } } }`
		if data := t.ask(nobody, eraseMe, nil); at(data, "eraseMe", "userErrors", 0, "code") != "NOT_SIGNED_IN" {
			t.Errorf("nobody: %v", data)
		}
		if data := t.ask(member, eraseMe, nil); at(data, "eraseMe", "erasedAt") != "2027-01-15T12:00:00Z" {
			t.Errorf("%v", data)
		}
		if a := t.send(member, `{ viewer { person { id } } }`, nil); a.Status != http.StatusUnauthorized {
			t.Errorf("an erased person is still signed in: %d %s", a.Status, a.body)
		}
	})
}
