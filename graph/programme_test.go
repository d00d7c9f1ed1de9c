package graph_test

import (
	"fmt"
	"testing"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// programmed is an edition with a programme that Groningen hosts, and one that is a draft.
func programmed(h *house) (edition, draft string) {
	e := edition26("programmed", "PUBLISHED")
	e.Sessions = []programme.Session{
		{Key: "opening", Kind: "PLENARY", Title: "Opening", Starts: "2027-06-01T09:00", Ends: "2027-06-01T10:00"},
		{Key: "lunch", Kind: "BREAK", Title: "Lunch", Starts: "2027-06-01T12:00", Ends: "2027-06-01T13:00"},
	}
	d := edition26("unannounced", "DRAFT")
	d.Sessions = []programme.Session{{Key: "secret", Kind: "PLENARY", Title: "Secret", Day: "2027-06-01"}}
	h.add(&programme.File{Editions: []programme.Edition{e, d}})
	return h.id("editions", "programmed"), h.id("editions", "unannounced")
}

func edition26(key, status string) programme.Edition {
	e := edition(key, "vaktreffen", "groningen", "", 2027)
	e.Themes, e.Status = nil, status
	return e
}

const readProgramme = `query($id: ID!) { edition(id: $id) {
	programmeVersions { number publishedAt changes { sessionId kinds before { title startsAtLocal } now { title date startsAtLocal endsAtLocal room cancelled } } }
	programmeChanges(since: 1) { kinds now { title } }
	preparedChanges { sessionId kinds now { title } }
	days { sessions { id title } }
} }`

func TestProgrammesArePublishedInVersions(t *testing.T) {
	each(t, func(h *house) {
		edition, draft := programmed(h)
		got, problems := h.mutate(organiser, "prepareSession", "sessionId edition { preparedChanges { sessionId kinds before { title } } }", vars{
			"editionId": edition, "kind": "SOCIAL", "title": "Boat trip", "abstract": "On the canals.", "startsAtLocal": "2027-06-01T14:00", "endsAtLocal": "2027-06-01T16:00", "capacity": 12,
		})
		boat := at(got, "sessionId")
		if problems != "" || fmt.Sprint(at(got, "edition", "preparedChanges")) != fmt.Sprint([]any{vars{"sessionId": boat, "kinds": []any{"NEW"}, "before": nil}}) {
			h.Fatalf("prepareSession: %v %s", got, problems)
		}
		opening := h.id("sessions", "opening")
		if got, problems := h.mutate(organiser, "prepareChange", "edition { preparedChanges { kinds } }", vars{"sessionId": opening, "title": "Welcome", "startsAtLocal": "2027-06-01T09:30"}); problems != "" ||
			fmt.Sprint(at(got, "edition", "preparedChanges")) != "[map[kinds:[MOVED RETITLED]] map[kinds:[NEW]]]" {
			h.Fatalf("prepareChange: %v %s", got, problems)
		}
		for _, lunch := range []vars{{"sessionId": h.id("sessions", "lunch"), "cancelled": true}} {
			if _, problems := h.mutate(organiser, "prepareChange", "", lunch); problems != "" {
				h.Fatal(problems)
			}
			if got, problems := h.mutate(organiser, "discardPreparation", "edition { preparedChanges { kinds } }", vars{"sessionId": lunch["sessionId"]}); problems != "" || len(list(got, "edition", "preparedChanges")) != 2 {
				h.Fatalf("discardPreparation: %v %s", got, problems)
			}
		}
		before := map[string]any{}
		for _, viewer := range []string{nobody, stranger, member} {
			data := at(h.ask(viewer, readProgramme, vars{"id": edition}), "edition")
			before[viewer] = data
			if at(data, "preparedChanges") != nil || len(list(data, "programmeVersions")) != 1 || len(list(data, "programmeChanges")) != 0 || len(list(data, "days", 0, "sessions")) != 2 {
				h.Errorf("%q sees before it is published: %v", viewer, data)
			}
			if data := h.ask(viewer, `query($id: ID!) { node(id: $id) { id } editions(first: 5, filter: { text: "boat" }) { totalCount } }`, vars{"id": boat}); at(data, "node") != nil || at(data, "editions", "totalCount") != 0.0 {
				h.Errorf("%q finds what is prepared: %v", viewer, data)
			}
		}
		for name, c := range map[string]struct {
			email string
			id    any
			want  string
		}{
			"nobody":            {nobody, edition, "NOT_SIGNED_IN [];"},
			"a stranger":        {stranger, edition, "NOT_FOUND [input editionId];"},
			"a stranger, draft": {stranger, draft, "NOT_FOUND [input editionId];"},
		} {
			if got, problems := h.mutate(c.email, "publishProgramme", "edition { id } clashes { people }", vars{"editionId": c.id}); problems != c.want {
				h.Errorf("%s: %v %s", name, got, problems)
			}
		}
		if got, problems := h.mutate(organiser, "publishProgramme", "edition { status programmeVersions { number } } clashes { people }", vars{"editionId": edition}); problems != "" ||
			fmt.Sprint(got) != "map[clashes:[] edition:map[programmeVersions:[map[number:2] map[number:1]] status:PUBLISHED] userErrors:[]]" {
			h.Fatalf("publishProgramme: %v %s", got, problems)
		}
		data := at(h.ask(nobody, readProgramme, vars{"id": edition}), "edition")
		want := vars{
			"number": 2.0, "publishedAt": "2027-01-15T12:00:00Z", "changes": []any{
				vars{"sessionId": opening, "kinds": []any{"MOVED", "RETITLED"}, "before": vars{"title": "Opening", "startsAtLocal": "2027-06-01T09:00"},
					"now": vars{"title": "Welcome", "date": "2027-06-01", "startsAtLocal": "2027-06-01T09:30", "endsAtLocal": "2027-06-01T10:30", "room": nil, "cancelled": false}},
				vars{"sessionId": boat, "kinds": []any{"NEW"}, "before": nil,
					"now": vars{"title": "Boat trip", "date": "2027-06-01", "startsAtLocal": "2027-06-01T14:00", "endsAtLocal": "2027-06-01T16:00", "room": nil, "cancelled": false}},
			},
		}
		if fmt.Sprint(at(data, "programmeVersions", 0)) != fmt.Sprint(want) || len(list(data, "programmeVersions")) != 2 || len(list(data, "programmeChanges")) != 2 || len(list(data, "days", 0, "sessions")) != 3 {
			h.Errorf("after it was published: %v", data)
		}
		if node := at(h.ask(nobody, `query($id: ID!) { node(id: $id) { ... on Session { title abstract seats { capacity } edition { id } } } }`, vars{"id": boat}), "node"); at(node, "title") != "Boat trip" || at(node, "seats", "capacity") != 12.0 || at(node, "edition", "id") != edition {
			h.Errorf("the new session: %v", node)
		}
		if a := h.send(nobody, `query($id: ID!) { edition(id: $id) { programmeChanges(since: -1) { kinds } } }`, vars{"id": edition}); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "INVALID" {
			h.Errorf("since -1: %s", a.body)
		}

		// What goes back into the drawer takes its versions along.
		h.mutate(organiser, "publishProgramme", "", vars{"editionId": draft})
		if data := h.ask(nobody, readProgramme, vars{"id": draft}); len(list(data, "edition", "programmeVersions")) != 1 {
			h.Errorf("the draft that was published: %v", data)
		}
		hidden := edition26("unannounced", "DRAFT")
		h.add(&programme.File{Editions: []programme.Edition{hidden}})
		if data := h.ask(nobody, readProgramme, vars{"id": draft}); at(data, "edition") != nil {
			h.Errorf("a draft again: %v", data)
		}
	})
}

// However many editions are read, their versions, changes and preparations cost the same number of statements.
func TestVersionsOfManyProgrammesCostNoMoreThanOfOne(t *testing.T) {
	each(t, func(h *house) {
		programmed(h)
		read := func(first int) int64 {
			h.ask(organiser, `query($n: Int!) { editions(first: $n) { nodes { programmeVersions { number changes { kinds } } programmeChanges(since: 0) { kinds } preparedChanges { kinds } } } }`, vars{"n": first})
			return h.lastStatements()
		}
		if one, many := read(1), read(10); one != many {
			h.Errorf("%d statements for one edition, %d for ten", one, many)
		}
	})
}
