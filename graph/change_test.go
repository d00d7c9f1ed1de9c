package graph_test

import (
	"fmt"
	"strings"
	"testing"
)

// mutate sends a mutation with one input and returns what it selected and the codes and fields of the userErrors.
func (h *house) mutate(email, mutation, selection string, input vars) (payload any, problems string) {
	h.Helper()
	kind := strings.ToUpper(mutation[:1]) + mutation[1:] + "Input"
	data := h.ask(email, fmt.Sprintf("mutation($in: %s!) { %s(input: $in) { %s userErrors { code field message } } }", kind, mutation, selection), vars{"in": input})
	for _, problem := range list(data, mutation, "userErrors") {
		problems += fmt.Sprintf("%s %v;", at(problem, "code"), at(problem, "field"))
	}
	return at(data, mutation), problems
}

func TestOrganisersChangeWhatTheyPublished(t *testing.T) {
	each(t, func(h *house) {
		edition, run := h.id("editions", "vaktreffen-2027"), h.ids("SELECT id FROM course_runs WHERE status = 'PLANNED' ORDER BY id")[0]
		session := h.ids("SELECT s.id FROM sessions s JOIN editions e ON e.id = s.edition_id WHERE e.key = 'ambtenarenbijeenkomst-2016' AND parent_id IS NULL AND starts_local IS NOT NULL ORDER BY position DESC")[0]

		got, problems := h.mutate(organiser, "changeEdition", "edition { title startsOn endsOn year status venue { name city country } }", vars{
			"editionId": edition, "title": "Vaktreffen in June", "startsOn": "2027-06-03", "venue": vars{"name": "Castle", "city": "Emden", "country": "DE"},
		})
		want := vars{"title": "Vaktreffen in June", "startsOn": "2027-06-03", "endsOn": "2027-06-04", "year": 2027.0, "status": "PUBLISHED",
			"venue": vars{"name": "Castle", "city": "Emden", "country": "DE"}}
		if problems != "" || fmt.Sprint(at(got, "edition")) != fmt.Sprint(want) {
			h.Errorf("changeEdition: %v %s", got, problems)
		}
		for _, verb := range []struct{ name, want string }{{"cancelEdition", "CANCELLED"}, {"reopenEdition", "PUBLISHED"}} {
			if got, problems := h.mutate(organiser, verb.name, "edition { status }", vars{"editionId": edition}); problems != "" || at(got, "edition", "status") != verb.want {
				h.Errorf("%s: %v %s", verb.name, got, problems)
			}
		}
		starts := at(h.ask(stranger, "query($id: ID!) { node(id: $id) { ... on Session { startsAtLocal } } }", vars{"id": session}), "node", "startsAtLocal").(string)
		later := starts[:len(starts)-2] + "05"
		got, problems = h.mutate(stranger, "changeSession", "session { title abstract startsAtLocal cancelled edition { title } } clashes { people session { title } }",
			vars{"sessionId": session, "title": "The end", "abstract": "And then home.", "startsAtLocal": later})
		if problems != "" || at(got, "session", "title") != "The end" || at(got, "session", "abstract") != "And then home." || at(got, "session", "startsAtLocal") != later ||
			at(got, "session", "cancelled") != false || at(got, "session", "edition", "title") == nil || fmt.Sprint(at(got, "clashes")) != "[]" {
			h.Errorf("changeSession: %v %s", got, problems)
		}
		got, problems = h.mutate(trainer, "changeCourseRun", "courseRun { startsOn endsOn venue { city } }", vars{
			"courseRunId": run, "startsOn": "2027-09-01", "endsOn": "2027-09-02", "venue": vars{"name": "School", "city": "Assen"},
		})
		if problems != "" || fmt.Sprint(at(got, "courseRun")) != fmt.Sprint(vars{"startsOn": "2027-09-01", "endsOn": "2027-09-02", "venue": vars{"city": "Assen"}}) {
			h.Errorf("changeCourseRun: %v %s", got, problems)
		}

		for name, c := range map[string]struct {
			email, mutation, selection string
			input                      vars
			want                       string
		}{
			"nobody":                   {nobody, "changeEdition", "edition { id }", vars{"editionId": edition}, "NOT_SIGNED_IN [];"},
			"somebody else's":          {stranger, "changeEdition", "edition { id }", vars{"editionId": edition}, "NOT_FOUND [input editionId];"},
			"somebody else's off":      {member, "cancelEdition", "edition { id }", vars{"editionId": edition}, "NOT_FOUND [input editionId];"},
			"somebody else's on":       {member, "reopenEdition", "edition { id }", vars{"editionId": edition}, "NOT_FOUND [input editionId];"},
			"somebody else's session":  {organiser, "changeSession", "session { id } clashes { people }", vars{"sessionId": session}, "NOT_FOUND [input sessionId];"},
			"a session off":            {organiser, "cancelSession", "session { id }", vars{"sessionId": session}, "NOT_FOUND [input sessionId];"},
			"a session on":             {organiser, "reopenSession", "session { id }", vars{"sessionId": session}, "NOT_FOUND [input sessionId];"},
			"a past session":           {stranger, "cancelSession", "session { id }", vars{"sessionId": session}, "DEADLINE [input sessionId];"},
			"a session on another day": {stranger, "changeSession", "session { id }", vars{"sessionId": session, "day": "2016-12-24"}, "INVALID [input day];"},
			"somebody else's run":      {organiser, "changeCourseRun", "courseRun { id }", vars{"courseRunId": run}, "NOT_FOUND [input courseRunId];"},
			"two things at once": {organiser, "changeEdition", "edition { id }", vars{"editionId": edition, "title": "", "endsOn": "2027-01-01"},
				"INVALID [input endsOn];REQUIRED [input title];"},
		} {
			if got, problems := h.mutate(c.email, c.mutation, c.selection, c.input); problems != c.want {
				h.Errorf("%s: %v %s, want %s", name, got, problems, c.want)
			}
		}
	})
}
