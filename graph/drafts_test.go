package graph_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// filling makes inputs for any mutation out of the schema.
type filling struct {
	schema *ast.Schema
	only   string            // the one optional id that is given
	ids    map[string]string // by the name of the field
}

// input fills what a type must have, the ids that are known, and the one optional id.
func (f filling) input(of *ast.Type, name string) any {
	if of.Elem != nil {
		return []any{f.input(of.Elem, strings.TrimSuffix(name, "s"))}
	}
	d := f.schema.Types[of.NamedType]
	switch {
	case d.Kind == ast.InputObject:
		object := vars{}
		for _, field := range d.Fields {
			if id := strings.TrimSuffix(field.Name, "s"); field.Type.NonNull || id == f.only || field.Name == "csv" {
				object[field.Name] = f.input(field.Type, field.Name)
			}
		}
		return object
	case d.Kind == ast.Enum:
		return d.EnumValues[0].Name
	}
	switch of.NamedType {
	case "ID":
		return f.ids[name]
	case "Int":
		return 1
	case "Boolean":
		return true
	case "DateTime":
		return "2027-02-01T12:00:00Z"
	case "Date":
		return "2031-06-01"
	case "LocalDateTime":
		return "2031-06-01T12:00"
	case "EmailAddress":
		return "somebody@example.org"
	}
	if name == "csv" {
		return "name,email\nNew,new@example.org"
	}
	return "Text"
}

// mentions reports whether an input has a field, or a list of such, somewhere.
func mentions(s *ast.Schema, of *ast.Definition, name string) bool {
	return slices.ContainsFunc(of.Fields, func(field *ast.FieldDefinition) bool {
		below := s.Types[field.Type.Name()]
		return strings.TrimSuffix(field.Name, "s") == name || below.Kind == ast.InputObject && mentions(s, below, name)
	})
}

// drafted adds an edition and a course run that are drafts, which coordinators of another partnership alone may know of.
func drafted(h *house) (edition, run string) {
	f := grown("other", 2, 4)
	draft := &f.Editions[len(f.Editions)-1]
	draft.Status, draft.Title, draft.Host = "DRAFT", "Nobodys business", "other-office-1"
	f.People = append(f.People, programme.Person{Key: "shy", Name: "Shy Speaker", Email: "shy@example.org", Organisation: "other-town-1", Locale: "nl"})
	draft.Sessions[0].Contributions = append(draft.Sessions[0].Contributions, programme.Contribution{Role: "PANELLIST", Person: "shy"})
	f.Courses[0].Runs[0].Status = "DRAFT"
	h.add(f)
	return h.id("editions", "other-agenda"), h.ids("SELECT id FROM course_runs WHERE status = 'DRAFT'")[0]
}

// Whoever may not know of a draft gets the same answer to its id, and to those of everything in it, as to ids that name nothing:
// from every mutation, for every input that is an id.
func TestDraftsAnswerAsIfTheyWereNotThere(t *testing.T) {
	each(t, func(h *house) {
		edition, run := drafted(h)
		one := func(statement string) string { return h.ids(statement)[0] }
		session := one("SELECT id FROM sessions WHERE key = 'block-0'")
		seats := []string{
			one("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'other-agenda')"),
			one("SELECT id FROM seats WHERE session_id = (SELECT id FROM sessions WHERE key = 'child-0')"),
			one("SELECT id FROM seats WHERE course_run_id = (SELECT id FROM course_runs WHERE status = 'DRAFT')"),
		}
		hidden := map[string][]string{
			"editionId": {edition}, "sessionId": {session}, "parentId": {session}, "roomId": {one("SELECT id FROM rooms WHERE key = 'room-0'")},
			"seatsId": seats, "courseRunId": {run}, "personId": {h.id("people", "shy")},
		}
		// The report of the draft has something of everything in it, and there is one that the organiser may change.
		hidden["reportId"] = []string{h.writeReport()}
		for name, table := range map[string]string{"questionId": "report_questions", "actionId": "report_actions", "correctionId": "corrections"} {
			hidden[name] = []string{one("SELECT id FROM " + table)}
		}
		hidden["entryId"] = []string{hidden["questionId"][0], hidden["actionId"][0], one("SELECT id FROM materials")}
		hidden["partId"] = []string{hidden["reportId"][0], hidden["questionId"][0], hidden["actionId"][0], session}
		h.exec("UPDATE reports SET edition_id = (SELECT id FROM editions WHERE key = 'other-agenda')")
		h.exec("DELETE FROM report_texts WHERE part_id IN (SELECT id FROM sessions)")
		written := h.writeReport()
		unknown := map[string]string{}
		for name, kind := range map[string]db.Kind{
			"editionId": db.KindEdition, "sessionId": db.KindSession, "parentId": db.KindSession, "roomId": db.KindRoom, "seatsId": db.KindSeats,
			"courseRunId": db.KindCourseRun, "personId": db.KindPerson, "campaignId": db.KindCampaign, "registrationId": db.KindRegistration,
			"delegationId": db.KindDelegation, "partnershipId": db.KindPartnership, "organisationId": db.KindMunicipality, "questionId": db.KindReportQuestion,
			"reportId": db.KindReport, "actionId": db.KindReportAction, "entryId": db.KindMaterial, "correctionId": db.KindCorrection, "partId": db.KindReportQuestion,
			"courseId": db.KindCourse, "tokenId": db.KindAccessToken, "signInId": db.KindAccessToken, "invitationId": db.KindInvitation,
		} {
			unknown[name] = db.NewID(kind, today).String()
		}
		// Rooms, blocks and people are looked for in something else, which the organiser may change.
		h.exec(`INSERT INTO sessions (id, key, edition_id, kind, title, day, languages, position)
			SELECT id, 'walk', id, 'EXCURSION', 'Walk', starts_on, '["nl"]', 99 FROM editions WHERE key = 'vaktreffen-2027'`)
		own := map[string]string{"seatsId": one("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'vaktreffen-2027')"), "editionId": h.id("editions", "vaktreffen-2027"), "sessionId": h.id("sessions", "walk"), "reportId": written}
		s, compared := schema(h), map[string]bool{}
		for _, field := range s.Mutation.Fields {
			if len(field.Arguments) == 0 || strings.HasPrefix(field.Name, "__") {
				continue
			}
			input := field.Arguments[0].Type
			document := fmt.Sprintf("mutation($input: %s) { %s(input: $input) { userErrors { code message field index } } }", input, field.Name)
			for name, ids := range hidden {
				if !mentions(s, s.Types[input.NamedType], name) {
					continue
				}
				for _, id := range ids {
					for _, viewer := range []string{nobody, stranger, organiser, member} {
						if name == "personId" && viewer == organiser {
							continue // who may register anybody, and name anybody an organiser
						}
						ask := func(id string) string {
							f := filling{schema: s, only: name, ids: map[string]string{}}
							for other, nothing := range unknown {
								f.ids[other] = nothing
								if slices.Contains([]string{"parentId", "roomId", "personId", "entryId", "correctionId", "partId"}, name) {
									f.ids[other] = cmp.Or(own[other], nothing)
								}
							}
							f.ids[name] = id
							a := h.send(viewer, document, vars{"input": f.input(input, "")})
							if strings.Contains(a.body, "RATE_LIMITED") {
								h.Fatalf("%s by %q: %s", field.Name, viewer, a.body)
							}
							return a.body
						}
						compared[field.Name+" "+name] = true
						if of, nothing := ask(id), ask(unknown[name]); of != nothing {
							h.Errorf("%s with the %s of a draft, by %q: %s\nof nothing: %s", field.Name, name, viewer, of, nothing)
						}
					}
				}
			}
		}
		for _, want := range []string{
			"register seatsId", "sendInvitations editionId", "sendInvitations courseRunId", "previewInvitations editionId", "changeEdition editionId",
			"publishProgramme editionId", "prepareSession parentId", "prepareChange sessionId", "changeSession roomId", "inviteDelegations editionId",
			"register personId", "changeSeats seatsId", "publishReport reportId", "markQuestion questionId", "changeReportAction actionId",
			"removeReportEntry entryId", "decideCorrection correctionId", "saveReportText partId", "proposeCorrection partId",
		} {
			if !compared[want] {
				h.Errorf("%s was not compared", want)
			}
		}
	})
}
