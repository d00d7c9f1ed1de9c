package graph_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

func TestDraftsAreSeenByTheirOrganisersAlone(t *testing.T) {
	each(t, func(t *house) {
		edition, run := drafted(t)
		of := func(column, id string) string {
			return t.ids("SELECT id FROM seats WHERE " + column + " = (SELECT id FROM " + id + ")")[0]
		}
		hidden := map[string]string{
			"edition":          edition,
			"session":          t.ids("SELECT id FROM sessions WHERE key = 'block-0'")[0],
			"child":            t.ids("SELECT id FROM sessions WHERE key = 'child-0'")[0],
			"room":             t.ids("SELECT id FROM rooms WHERE key = 'room-0'")[0],
			"seats of edition": of("edition_id", "editions WHERE key = 'other-agenda'"),
			"seats of session": of("session_id", "sessions WHERE key = 'child-0'"),
			"speaker":          t.id("people", "shy"),
		}
		hiddenRun := map[string]string{"run": run, "seats of run": of("course_run_id", "course_runs WHERE status = 'DRAFT'")}
		variables := vars{
			"id": edition, "series": t.id("series", "other-series-0"), "host": t.id("organisations", "other-office-1"), "course": t.id("courses", "other-course-0"),
			"partnership": t.id("partnerships", "other-partnership-0"), "theme": t.id("themes", "other-theme-0"),
		}
		for _, viewer := range []struct {
			email      string
			draft, run bool
		}{
			{nobody, false, false},
			{stranger, false, false},
			{organiser, false, false},
			{member, false, false},
			{"other-office-1@example.org", false, false}, // works for the host, but coordinates another partnership
			{"other-town-1@example.org", true, false},
			{"other-office-0@example.org", true, true},
		} {
			t.Run(cmp.Or(viewer.email, "nobody"), func(st *testing.T) {
				t := t.in(st)
				data := t.ask(viewer.email, `query($id: ID!, $series: ID!, $host: ID!, $course: ID!, $partnership: ID!, $theme: ID!) {
					edition(id: $id) { id }
					all: editions(first: 100) { totalCount nodes { id } }
					backwards: editions(last: 100) { nodes { id } }
					text: editions(first: 100, filter: { text: "nobodys" }) { totalCount nodes { id } }
					theme: editions(first: 100, filter: { themeId: $theme, year: 2031 }) { totalCount nodes { id } }
					status: editions(first: 100, filter: { status: DRAFT }) { totalCount nodes { id } }
					partnership(id: $partnership) { series { nextHost { id } editions(first: 100) { totalCount nodes { id } } } }
					series: node(id: $series) { ... on Series { editions(last: 100) { totalCount edges { node { id } } } } }
					host: node(id: $host) { ... on Organisation { hostedEditions(first: 100) { totalCount nodes { id } } } }
					course: node(id: $course) { ... on Course { runs(first: 10) { totalCount nodes { id } } } }
				}`, variables)
				filtered := t.ask(viewer.email, `query($host: ID!, $partnership: ID!) {
					year: editions(first: 100, filter: { year: 2031 }) { totalCount nodes { id } }
					ofHost: editions(first: 100, filter: { hostId: $host }) { totalCount nodes { id } }
					ofPartnership: editions(first: 100, filter: { partnershipId: $partnership }) { totalCount nodes { id } }
					session: editions(first: 100, filter: { text: "session block-0 nobodys" }) { totalCount nodes { id } }
				}`, vars{"host": variables["host"], "partnership": variables["partnership"]})
				if got := at(data, "edition") != nil; got != viewer.draft {
					t.Errorf("edition: seen %v, want %v", got, viewer.draft)
				}
				for name, c := range map[string]any{
					"editions": at(data, "all"), "editions by text": at(data, "text"), "editions by theme": at(data, "theme"), "editions by status": at(data, "status"),
					"editions of the year": at(filtered, "year"), "editions of the host": at(filtered, "ofHost"), "editions of the partnership": at(filtered, "ofPartnership"),
					"editions by the title of a session": at(filtered, "session"),
					"editions backwards":                 at(data, "backwards"), "partnership": at(data, "partnership", "series", 0, "editions"), "series": at(data, "series", "editions"),
					"host": at(data, "host", "hostedEditions"),
				} {
					ids := append(pluck(list(c, "nodes"), "id"), pluck(list(c, "edges"), "node", "id")...)
					if slices.Contains(ids, any(edition)) != viewer.draft {
						t.Errorf("%s: %v, want the draft %v", name, c, viewer.draft)
					}
					if total := at(c, "totalCount"); total != nil && total != float64(len(ids)) {
						t.Errorf("%s: counts %v of %d", name, total, len(ids))
					}
				}
				// The draft is the latest edition, and its host is outside the rotation: who knows of it sees the rotation begin again.
				next := map[bool]string{false: t.id("organisations", "other-office-0"), true: t.id("organisations", "other-town-0")}[viewer.draft]
				if got := at(data, "partnership", "series", 0, "nextHost", "id"); got != next {
					t.Errorf("next host %v, want %v", got, next)
				}
				runs := at(data, "course", "runs")
				if want := map[bool]float64{false: 2, true: 3}[viewer.run]; at(runs, "totalCount") != want || float64(len(list(runs, "nodes"))) != want {
					t.Errorf("runs %v, want %v", runs, want)
				}
				for seen, ids := range map[*bool]map[string]string{&viewer.draft: hidden, &viewer.run: hiddenRun} {
					for name, id := range ids {
						data := t.ask(viewer.email, `query($id: ID!, $ids: [ID!]!) { node(id: $id) { id __typename } nodes(ids: $ids) { id } }`, vars{"id": id, "ids": []string{variables["series"].(string), id}})
						if got := at(data, "node") != nil; got != *seen {
							t.Errorf("node of %s: seen %v, want %v", name, got, *seen)
						}
						if got := at(data, "nodes", 1) != nil; got != *seen || at(data, "nodes", 0) == nil || len(list(data, "nodes")) != 2 {
							t.Errorf("nodes with %s: %v", name, data["nodes"])
						}
					}
				}
			})
		}
	})
}

func TestContactsAreSeenByThoseConcerned(t *testing.T) {
	each(t, func(t *house) {
		// Max works for Oldenburg and speaks in public; Petra works for Bremen and is invited by Groningen.
		t.add(&programme.File{People: []programme.Person{{Key: "quiet", Name: "Quiet", Email: "quiet@example.org", Organisation: "groningen", Locale: "de"}}})
		t.invite(organiser, vars{"editionId": t.id("editions", "vaktreffen-2027"), "audience": vars{"personIds": []string{t.id("people", "petra-probe")}, "csv": "name,email\nNew,new@example.org"}})
		newcomer := t.ids("SELECT id FROM people WHERE email = 'new@example.org'")[0]
		for _, test := range []struct {
			viewer, person  string
			known, contacts bool
		}{
			{nobody, t.id("people", "max-muster"), true, false},
			{stranger, t.id("people", "max-muster"), true, false},
			{member, t.id("people", "max-muster"), true, false}, // a colleague who coordinates nothing
			{"max.muster@example.org", t.id("people", "max-muster"), true, true},
			{colleague, t.id("people", "max-muster"), true, true},
			{organiser, t.id("people", "max-muster"), true, false}, // not invited yet
			{organiser, t.id("people", "petra-probe"), true, true},
			{"bremen.coordinator@example.org", t.id("people", "petra-probe"), true, true},
			{stranger, t.id("people", "petra-probe"), true, false},
			{nobody, newcomer, false, false},
			{stranger, newcomer, false, false},
			{organiser, newcomer, true, true},
			{colleague, newcomer, false, false}, // coordinates neither the host nor who leads
			{nobody, t.id("people", "quiet"), false, false},
			{colleague, t.id("people", "quiet"), false, false},
			{organiser, t.id("people", "quiet"), true, true},
			{"quiet@example.org", t.id("people", "quiet"), true, true},
		} {
			data := t.ask(test.viewer, `query($id: ID!, $ids: [ID!]!) { node(id: $id) { ... on Person { name email locale } } nodes(ids: $ids) { ... on Person { email locale } } }`, vars{"id": test.person, "ids": []string{test.person}})
			if got := at(data, "node") != nil; got != test.known {
				t.Errorf("%q knows of %s: %v, want %v", test.viewer, test.person, got, test.known)
			}
			for _, node := range []any{at(data, "node"), at(data, "nodes", 0)} {
				if email, locale := at(node, "email") != nil, at(node, "locale") != nil; email != test.contacts || locale != test.contacts {
					t.Errorf("%q sees of %s: %v, want %v", test.viewer, test.person, node, test.contacts)
				}
			}
		}
		data := t.ask(stranger, `query($id: ID!) { edition(id: $id) { days { sessions { contributions { person { email locale } } } } } }`, vars{"id": t.id("editions", "vaktreffen-2027")})
		for _, day := range list(data, "edition", "days") {
			for _, session := range list(day, "sessions") {
				for _, contribution := range list(session, "contributions") {
					if at(contribution, "person", "email") != nil || at(contribution, "person", "locale") != nil {
						t.Errorf("a stranger sees %v", contribution)
					}
				}
			}
		}
		viewer := at(t.ask(colleague, `{ viewer { person { name email locale } roles { role partnership { name } organisation { name } } } }`, nil), "viewer")
		if at(viewer, "person", "email") != colleague || at(viewer, "person", "locale") != "de" || at(viewer, "roles", 0, "organisation", "name") != "Oldenburg (Oldb)" || len(list(viewer, "roles")) != 1 {
			t.Errorf("viewer %v", viewer)
		}
		if viewer := at(t.ask(nobody, `{ viewer { person { name } } }`, nil), "viewer"); viewer != nil {
			t.Errorf("nobody is %v", viewer)
		}
	})
}

func TestCampaignsAreSeenByTheirOrganisersAlone(t *testing.T) {
	each(t, func(t *house) {
		person := t.id("people", "paula-participant")
		campaign := t.invite(organiser, vars{"editionId": t.id("editions", "vaktreffen-2027"), "audience": vars{"personIds": []string{person, t.id("people", "max-muster")}}})
		own := t.ids("SELECT invitations.id FROM invitations JOIN people ON people.id = person_id WHERE people.key = 'paula-participant'")[0]
		foreign := t.ids("SELECT invitations.id FROM invitations JOIN people ON people.id = person_id WHERE people.key = 'max-muster'")[0]
		delivery := t.ids("SELECT deliveries.id FROM deliveries JOIN people ON people.id = person_id WHERE people.key = 'paula-participant'")[0]
		for _, test := range []struct {
			viewer                         string
			campaign, own, other, delivery bool
		}{
			{nobody, false, false, false, false},
			{stranger, false, false, false, false},
			{trainer, false, false, false, false},
			{member, false, true, false, true},
			{organiser, true, true, true, true},
			{colleague, false, false, false, false}, // coordinates neither the host nor who leads; coordinates for no one of these
		} {
			for id, want := range map[string]bool{campaign: test.campaign, own: test.own, foreign: test.other, delivery: test.delivery} {
				data := t.ask(test.viewer, `query($id: ID!, $ids: [ID!]!) { node(id: $id) { __typename id } nodes(ids: $ids) { id } }`, vars{"id": id, "ids": []string{id}})
				if got := at(data, "node") != nil; got != want || at(data, "nodes", 0) != nil != want {
					t.Errorf("%q: %v, want seen %v", test.viewer, data, want)
				}
			}
		}
		node := at(t.ask(member, `query($id: ID!) { node(id: $id) { ... on Invitation { status person { email } edition { title } delivery { state } } } }`, vars{"id": own}), "node")
		if at(node, "person", "email") != member || at(node, "delivery", "state") != "QUEUED" || at(node, "edition", "title") != "Vaktreffen 2027 (Beispiel)" {
			t.Errorf("the invitation of the person it is for: %v", node)
		}
	})
}

func TestIDsThatNameNothing(t *testing.T) {
	each(t, func(t *house) {
		session := t.ids("SELECT id FROM sessions")[0]
		for _, id := range []string{"", "x", "AAAAAAAAAAAAAAAAAAAAAA", session + "A", session[:21], "0190b5b6-6d2e-7000-8000-000000000000", "' OR 1=1 --", "é"} {
			a := t.send(nobody, `query($id: ID!) { node(id: $id) { id } nodes(ids: [$id, $id]) { id } edition(id: $id) { id } partnership(id: $id) { id } }`, vars{"id": id})
			if len(a.Errors) > 0 || at(a.Data, "node") != nil || at(a.Data, "edition") != nil || at(a.Data, "partnership") != nil || fmt.Sprint(a.Data["nodes"]) != "[<nil> <nil>]" {
				t.Errorf("%q: %s", id, a.body)
			}
		}
		data := t.ask(nobody, `query($id: ID!) { edition(id: $id) { id } partnership(id: $id) { id } }`, vars{"id": session})
		if at(data, "edition") != nil || at(data, "partnership") != nil {
			t.Errorf("a session as something else: %v", data)
		}
		ids := t.ids("SELECT id FROM people LIMIT 1")
		a := t.send(nobody, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, vars{"ids": slices.Repeat(ids, 101)})
		if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "TOO_LARGE" || fmt.Sprint(a.Errors[0].Extensions["field"]) != "[ids]" || !sentence(a.Errors[0].Message) {
			t.Errorf("101 ids: %s", a.body)
		}
		series := t.id("series", "vaktreffen")
		edition := t.id("editions", "vaktreffen-2009")
		if got := pluck(list(t.ask(nobody, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, vars{"ids": []string{edition, series, "x", edition}}), "nodes"), "id"); fmt.Sprint(got) != fmt.Sprint([]any{edition, series, nil, edition}) {
			t.Errorf("nodes in another order: %v", got)
		}
	})
}

func TestTokensThatAreNotValid(t *testing.T) {
	each(t, func(t *house) {
		body := []byte(`{"query":"{ themes { id } }"}`)
		good := t.token(member)
		if a := t.post(t.Context(), good, body); a.Status != http.StatusOK || len(a.Errors) > 0 {
			t.Errorf("a good token: %d %s", a.Status, a.body)
		}
		for _, token := range []string{"x", good + "x", "vt_" + good, "' OR 1=1 --"} {
			if a := t.post(t.Context(), token, body); a.Status != http.StatusUnauthorized || len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "NOT_SIGNED_IN" || !sentence(a.Errors[0].Message) || a.Data != nil {
				t.Errorf("%q: %d %s", token, a.Status, a.body)
			}
		}
		t.setClock(today.AddDate(1, 0, 0))
		if a := t.post(t.Context(), good, body); a.Status != http.StatusUnauthorized {
			t.Errorf("a token that ran out: %d %s", a.Status, a.body)
		}
	})
}
