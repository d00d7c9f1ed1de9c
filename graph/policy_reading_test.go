package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// record is a row of the table of records: who may know of one by its id.
type record struct {
	kind string // the type
	id   func(s *scene) string
	seen []string
}

func of(statement string) func(*scene) string {
	return func(s *scene) string { return s.one(statement) }
}

// records are the rows: at least one for each type that is a Node, and one for each sort of record that not everybody sees.
func records() []record {
	key := func(table, key string) func(*scene) string {
		return func(s *scene) string { return s.id(table, key) }
	}
	place := func(at string) func(*scene) string { return func(s *scene) string { return s.placeOf(at) } }
	partnership := []string{neighbour, colleague, organiser, leader, administrator} // its coordinators know of drafts
	return []record{
		{"Municipality", key("organisations", "groningen"), everybody},
		{"Institution", key("organisations", "vng-academie"), everybody},
		{"Person", key("people", "konrad-koordinator"), everybody}, // who coordinates does so in public
		{"Person", key("people", "paula-participant"), and(organisers, member, colleague, trainer)},
		{"Person", key("people", spare(nobody)), []string{colleague, administrator}},
		{"Person", key("people", keyOf(named)), organisers},
		{"Partnership", key("partnerships", "groningen-oldenburg-bremen"), everybody},
		{"Series", key("series", "vaktreffen"), everybody},
		{"Theme", of("SELECT id FROM themes"), everybody},
		{"Edition", func(s *scene) string { return s.edition }, everybody},
		{"Edition", func(s *scene) string { return s.draft }, partnership},
		{"Session", key("sessions", "sport"), everybody},
		{"Session", key("sessions", "hidden-session"), partnership},
		{"Room", key("rooms", "atelier"), everybody},
		{"Room", key("rooms", "hidden-room"), partnership},
		{"Seats", func(s *scene) string { return s.seats }, everybody},
		{"Seats", of("SELECT seats.id FROM seats JOIN editions ON editions.id = edition_id WHERE key = 'draft'"), partnership},
		{"Seats", of("SELECT seats.id FROM seats JOIN course_runs ON course_runs.id = course_run_id WHERE status = 'DRAFT'"), providers},
		{"Course", func(s *scene) string { return s.course() }, everybody},
		{"CourseRun", func(s *scene) string { return s.run }, everybody},
		{"CourseRun", func(s *scene) string { return s.hiddenRun }, providers},
		{"IntakeQuestion", of("SELECT id FROM intake_questions WHERE required"), everybody},
		{"IntakeQuestion", of("SELECT id FROM intake_questions WHERE organisers_only"), providers},
		{"Registration", place("edition"), and(organisers, member, colleague)},
		{"Registration", place("session"), and(organisers, member, colleague)},
		{"Registration", place("run"), and(providers, member, colleague, teacher)},
		{"Campaign", of("SELECT id FROM campaigns"), organisers},
		{"Invitation", of("SELECT id FROM invitations"), and(organisers, member)},
		{"Delivery", of("SELECT id FROM deliveries WHERE campaign_id IS NOT NULL"), and(organisers, member)},
		{"Delivery", of("SELECT id FROM deliveries WHERE kind = 'invitation_test'"), []string{organiser}},          // who asked for it
		{"Delivery", of("SELECT id FROM deliveries WHERE campaign_id IS NULL AND kind <> 'invitation_test'"), nil}, // other mails are nobody's to follow
		{"Reminder", of("SELECT id FROM reminders WHERE edition_id IS NOT NULL"), organisers},
		{"Reminder", of("SELECT id FROM reminders WHERE course_run_id IS NOT NULL"), providers},
		{"Report", report("PUBLISHED", "draft"), partnership},
		{"Report", report("DRAFT", held), organisers},
		{"ReportQuestion", part("DRAFT", "report_questions"), organisers},
		{"HelpOffer", part("DRAFT", "help_offers"), organisers},
		{"ReportAction", part("DRAFT", "report_actions"), organisers},
		{"Material", part("DRAFT", "materials"), organisers},
		{"Correction", part("DRAFT", "corrections"), organisers},
		{"Report", report("IN_REVIEW", held), present},
		{"ReportQuestion", part("IN_REVIEW", "report_questions"), present},
		{"HelpOffer", part("IN_REVIEW", "help_offers"), present},
		{"ReportAction", part("IN_REVIEW", "report_actions"), present},
		{"Material", part("IN_REVIEW", "materials"), present},
		{"Correction", part("IN_REVIEW", "corrections"), and(organisers, member)}, // and who proposed it
		{"Report", report("PUBLISHED", held), everybody},
		{"ReportQuestion", part("PUBLISHED", "report_questions"), everybody},
		{"HelpOffer", part("PUBLISHED", "help_offers"), everybody},
		{"ReportAction", part("PUBLISHED", "report_actions"), everybody},
		{"Material", part("PUBLISHED", "materials"), everybody},
		{"Correction", part("PUBLISHED", "corrections"), and(organisers, member)},
		{"Person", key("people", "asks"), present}, // whom a report names
		{"Person", key("people", "offers"), present},
		{"Person", key("people", "acts"), present},
		{"Delegation", func(s *scene) string { return s.delegation("oldenburg") }, and(organisers, colleague)},
		{"PracticeDescription", of("SELECT id FROM practices WHERE status = 'PUBLISHED'"), everybody},
		{"PracticeDescription", of("SELECT id FROM practices WHERE status = 'DRAFT'"), organisers},
		{"PracticeComment", of("SELECT id FROM practice_comments WHERE status = 'SHOWN'"), everybody},
		{"PracticeComment", of("SELECT id FROM practice_comments WHERE status = 'HIDDEN'"), and(organisers, member)},
		{"SignIn", of("SELECT access_tokens.id FROM access_tokens JOIN people ON people.id = person_id WHERE people.key = 'paula-participant'"), []string{member}},
	}
}

// count is how many records, or whether a value, somebody sees.
type count struct {
	n    int // some: any number
	seen []string
}

const some = -1

// guard is a row of the table of guarded fields: what those who may read the record see of it. Others see nothing.
type guard struct {
	field string
	id    func(s *scene) string // of the record; nil for what begins at the root
	shows []count
}

// guards are the rows: at least one for each field that not everybody may read who may read the record.
func guards() []guard {
	person := func(key string) func(*scene) string { return func(s *scene) string { return s.person(key) } }
	edition := func(s *scene) string { return s.edition }
	run := func(s *scene) string { return s.run }
	inRun := func(s *scene) string { return s.placeOf("run") }
	contacts := []count{{1, and(organisers, member, colleague, trainer)}}
	return []guard{
		{"Person.email", person("paula-participant"), contacts},
		{"Person.locale", person("paula-participant"), contacts},
		{"Person.suppression", person("paula-participant"), contacts},
		{"Person.email", person("konrad-koordinator"), []count{{1, []string{colleague, administrator}}}},
		{"Person.locale", person("konrad-koordinator"), []count{{1, []string{colleague, administrator}}}},
		{"Edition.registrations", edition, []count{{3, organisers}, {2, []string{member, colleague}}}},
		{"Edition.organisers", edition, []count{{1, organisers}}},
		{"Edition.delegations", edition, []count{{1, and(organisers, colleague)}}},
		{"Edition.participants", edition, []count{{2, organisers}, {1, []string{member}}}},
		{"Edition.auditLog", edition, []count{{some, organisers}}},
		{"Edition.feedback", (*scene).surveyed, []count{{1, organisers}}},
		{"Course.organisers", func(s *scene) string { return s.course() }, []count{{1, providers}}},
		{"CourseRun.participants", run, []count{{1, and(providers, member)}}},
		{"CourseRun.auditLog", run, []count{{some, providers}}},
		{"CourseRun.intakeQuestions", run, []count{{4, providers}, {3, everybody}}},
		{"CourseRun.invoice", run, []count{{1, and(providers, colleague)}}},
		{"Seats.registrations", func(s *scene) string { return s.seats }, []count{{2, organisers}, {1, []string{member, colleague}}}},
		{"Seats.registrations", func(s *scene) string { return s.place }, []count{{1, and(providers, member, colleague, teacher)}}},
		{"Seats.attendance", func(s *scene) string { return s.seats }, []count{{1, organisers}}},
		{"Seats.attendance", func(s *scene) string { return s.place }, []count{{1, and(providers, teacher)}}},
		{"Seats.attendees", func(s *scene) string { return s.seats }, []count{{3, organisers}}},
		{"Seats.attendees", func(s *scene) string { return s.place }, []count{{1, and(providers, teacher)}}},
		{"Registration.answers", inRun, []count{{3, providers}, {2, []string{member, teacher}}}},
		{"Registration.invoice", inRun, []count{{1, and(providers, member, colleague)}}},
		{"Query.viewer", nil, []count{{1, signedIn}}},
		{"Query.exportMyData", nil, []count{{1, signedIn}}},
		{"Query.auditLog", nil, []count{{some, []string{administrator}}}},
		{"Edition.report", reportOf("DRAFT"), []count{{1, organisers}}},
		{"Partnership.openActions", partnershipWith("DRAFT"), []count{{1, organisers}}},
		{"Partnership.openQuestions", partnershipWith("DRAFT"), []count{{1, organisers}}},
		{"Edition.report", reportOf("IN_REVIEW"), []count{{1, present}}},
		{"Partnership.openActions", partnershipWith("IN_REVIEW"), []count{{1, present}}},
		{"Partnership.openQuestions", partnershipWith("IN_REVIEW"), []count{{1, present}}},
		{"Edition.report", reportOf("PUBLISHED"), []count{{1, everybody}}},
		{"Partnership.openActions", partnershipWith("PUBLISHED"), []count{{1, everybody}}},
		{"Partnership.openQuestions", partnershipWith("PUBLISHED"), []count{{1, everybody}}},
		{"Report.revisions", report("PUBLISHED", held), []count{{1, organisers}}},
		{"Report.corrections", report("PUBLISHED", held), []count{{1, organisers}}},
		{"ReportQuestion.person", part("PUBLISHED", "report_questions"), []count{{1, present}}},
		{"HelpOffer.person", part("PUBLISHED", "help_offers"), []count{{1, present}}},
		{"ReportAction.person", part("PUBLISHED", "report_actions"), []count{{1, present}}},
		{"ReportAction.note", part("PUBLISHED", "report_actions"), []count{{1, and(present, colleague)}}}, // who looks after the owner
		{"Edition.preparedChanges", edition, []count{{1, organisers}}},
		{"Viewer.calendarUrl", nil, []count{{1, signedIn}}},
		{"Viewer.delegations", nil, []count{{1, []string{colleague}}}},
		{"Viewer.signIns", nil, []count{{1, signedIn}}},
		{"Viewer.registrations", nil, []count{{3, []string{member}}, {1, []string{organiser}}}},
		{"Viewer.invitations", nil, []count{{1, []string{member}}}},
		{"Viewer.actions", nil, nil}, // TestOwnersSayHowTheirActionsStand has some
		{"Edition.carriedOver", edition, []count{{1, organisers}}},
		{"Viewer.roles", nil, []count{{1, []string{neighbour, elsewhere, colleague, organiser, named, administrator}}, {2, []string{leader, trainer}}}},
		{"Subscription.campaignProgress", of("SELECT id FROM campaigns"), []count{{1, organisers}}},
	}
}

// plain are the fields that go along with the record or the value they are in: whoever sees that sees them. What leads to
// records is here when each of them has a guard of its own, or none.
var plain = map[string]string{
	"Query":                  "node nodes edition editions partnership partnerships municipalities institutions courses themes",
	"Municipality":           "id name country code population website partnerships hostedEditions",
	"Institution":            "id name country kind website partnerships hostedEditions",
	"Person":                 "id name jobTitle organisation",
	"Suppression":            "reason since",
	"Viewer":                 "person invitationMails",
	"SignIn":                 "id way device createdAt expiresAt current",
	"Role":                   "role partnership organisation edition course",
	"CarriedOver":            "actions questions",
	"PracticeRating":         "count average",
	"PracticeDescription":    "id partnership edition status version locale title description partners budget term successFactors pitfalls pointsOfAttention recommendations publishedAt rating ownRating views comments",
	"PracticeComment":        "id author organisation text createdAt status hiddenReason",
	"Partnership":            "practices id name kind description since agreements members series calendarUrl",
	"PartnershipMember":      "role organisation coordinators",
	"Agreement":              "title signedOn signedOnPrecision termYears endsOn renewal status",
	"Series":                 "openActions openQuestions id name description cadence partnership rotation nextHost editions",
	"Edition":                "practices id title year status summary startsOn endsOn timeZone languages venue budget host series themes days seats retentionMonths programmeVersions programmeChanges calendarUrl",
	"Venue":                  "name address city country",
	"Money":                  "amountMinor currency",
	"Theme":                  "id name",
	"Day":                    "date sessions",
	"Session":                "id kind title abstract date startsAt endsAt startsAtLocal endsAtLocal languages cancelled room themes contributions children seats edition",
	"Room":                   "id name capacity",
	"Contribution":           "role name affiliation person",
	"Course":                 "id title summary audience topics days maxParticipants price organisation trainers related runs",
	"CourseRun":              "id status startsOn endsOn timeZone languages venue course seats retentionMonths trainers price minParticipants decideOn intakeDueAt",
	"IntakeQuestion":         "id kind label help options required organisersOnly",
	"IntakeAnswer":           "question text choices yesNo number",
	"Invoice":                "organisation reference vatNumber address",
	"Seats":                  "id capacity taken left waiting registrationOpen policy line maxPerOrganisation offerHours opensAt closesAt",
	"Registration":           "id status position offerExpiresAt expiredBecause registeredAt registeredBy cancelledAt listing person seats edition session courseRun checkedInAt",
	"SeatsAttendance":        "expected came walkIns noShows organisations",
	"OrganisationPresence":   "name organisation expected came",
	"Attendee":               "personId name organisation worksFor state walkIn checkedInAt certificateCode registration",
	"Campaign":               "id status version total queued sent failed bounced suppressed uncertain cancelled accepted declined createdAt sendAt respondBy finishedAt edition courseRun invitations deliveries report reminders asksForFeedback",
	"Feedback":               "opensAt closesAt remindAt anonymous asked answered overall sessions comments",
	"SessionFeedback":        "session rating",
	"Rating":                 "count average distribution",
	"Invitation":             "id status respondedAt respondBy person edition courseRun delivery",
	"Delivery":               "id state attempts sentAt lastError statusCode replyCode reason explanation person",
	"Delegation":             "id status places respondBy remindedAt answeredAt organisation edition named",
	"Participant":            "name organisation",
	"Reminder":               "id status dueAt createdAt campaign edition courseRun total queued sent failed bounced suppressed uncertain cancelled",
	"MailPreview":            "language textLanguage readers subject html text",
	"ProgrammeVersion":       "number publishedAt changes",
	"ProgrammeChange":        "sessionId kinds before now",
	"ProgrammeItem":          "title date startsAtLocal endsAtLocal room cancelled",
	"Report":                 "id status publishedAt edition summary attendance items actions texts",
	"ReportItem":             "session findings questions materials",
	"ReportText":             "partId locale version text savedAt author",
	"Attendance":             "registered attended organisations",
	"OrganisationAttendance": "organisation people",
	"ReportQuestion":         "id report text status askedBy offers",
	"HelpOffer":              "id organisation note",
	"ReportAction":           "id report description owner dueOn status",
	"Material":               "id title url",
	"Correction":             "id partId locale text note status person createdAt",
	"AuditEntry":             "at actor action recordId",
	"AudienceRow":            "line email name organisation problem",
	"SessionClash":           "session people",
	"PageInfo":               "hasNextPage hasPreviousPage startCursor endCursor",
	"UserError":              "code message field index",
}

// Every type that is a Node and every guarded field is read in every role.
func TestWhoMayReadWhat(t *testing.T) {
	each(t, func(t *house) {
		s := newScene(t)
		g := &graphOf{house: t, schema: schema(t)}
		g.classified()
		for _, r := range records() {
			id := r.id(s)
			for _, as := range everybody {
				want := slices.Contains(r.seen, as)
				data := t.ask(as, `query($id: ID!) { node(id: $id) { __typename id } nodes(ids: [$id]) { id } }`, vars{"id": id})
				if (at(data, "node", "id") == id) != want || (at(data, "nodes", 0, "id") == id) != want {
					t.Errorf("%q sees %s %s: %v, want %t", as, r.kind, id, data, want)
				}
				if want && at(data, "node", "__typename") != r.kind {
					t.Errorf("%s: %v", r.kind, data)
				}
				if !want {
					continue
				}
				var fields []string
				for _, name := range strings.Fields(plain[r.kind]) {
					if field := g.schema.Types[r.kind].Fields.ForName(name); field != nil {
						fields = append(fields, name+arguments(field)+g.brief(field))
					}
				}
				data = t.ask(as, "query($id: ID!) { node(id: $id) { ... on "+r.kind+" { "+strings.Join(fields, " ")+" } } }", vars{"id": id}) // without an error
				if as != teacher {                                                                                                            // who reads of participants in the registrations of the run, and nowhere else
					s.reachable(as, r.kind, data)
				}
			}
		}
		for _, guard := range guards() {
			for _, as := range everybody {
				want := 0
				for _, c := range slices.Backward(guard.shows) { // the first that names the role counts
					if slices.Contains(c.seen, as) {
						want = c.n
					}
				}
				value := g.read(s, guard, as)
				if got := amount(value); got != want && (want != some || got == 0) {
					t.Errorf("%q sees %d of %s, want %d: %v", as, got, guard.field, want, value)
				}
				s.reachable(as, guard.field, value)
			}
		}
	})
}

// reachable fails the test when an answer shows a record that node(id) hides.
func (s *scene) reachable(as, what string, value any) {
	s.Helper()
	for ids := range slices.Chunk(shown(value), 100) {
		for i, node := range list(s.ask(as, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, vars{"ids": ids}), "nodes") {
			if node == nil {
				s.Errorf("%s shows %q a record that node(id) hides: %s in %v", what, as, ids[i], value)
			}
		}
	}
}

// shown returns the ids of all records in a value.
func shown(value any) (ids []string) {
	switch value := value.(type) {
	case map[string]any:
		if id, ok := value["id"].(string); ok {
			ids = append(ids, id)
		}
		for _, below := range value {
			ids = append(ids, shown(below)...)
		}
	case []any:
		for _, below := range value {
			ids = append(ids, shown(below)...)
		}
	}
	return ids
}

// read returns what somebody reads of a guarded field.
func (g *graphOf) read(s *scene, guard guard, as string) any {
	s.Helper()
	kind, name, _ := strings.Cut(guard.field, ".")
	field := g.schema.Types[kind].Fields.ForName(name)
	selected := name + arguments(field) + g.brief(field)
	switch kind {
	case "Subscription":
		h := s.in(s.T)
		a, more := h.overEvents(as, guard.id(s))()
		if len(a.Errors) > 0 && a.Errors[0].Extensions["code"] != "NOT_FOUND" || !more {
			s.Errorf("%s as %q: %s", guard.field, as, a.body)
		}
		for _, problem := range a.Errors {
			s.says(as, guard.field, problem.Message, "")
		}
		return at(a.Data, name)
	case "Query":
		return s.ask(as, "{ "+selected+" }", nil)[name]
	case "Viewer":
		return at(s.ask(as, "{ viewer { "+selected+" } }", nil), "viewer", name)
	}
	return at(s.ask(as, "query($id: ID!) { node(id: $id) { ... on "+kind+" { "+selected+" } } }", vars{"id": guard.id(s)}), "node", name)
}

// amount is how many records a value holds, or whether it is there.
func amount(value any) int {
	switch value := value.(type) {
	case nil:
		return 0
	case []any:
		return len(value)
	case map[string]any:
		if total, ok := value["totalCount"].(float64); ok {
			return int(total)
		}
	}
	return 1
}

// classified says what is in the schema and not in the tables, and the other way round.
func (g *graphOf) classified() {
	g.Helper()
	known := map[string]bool{}
	for kind, fields := range plain {
		for _, name := range strings.Fields(fields) {
			known[kind+"."+name] = true
		}
	}
	for _, guard := range guards() {
		if _, twice := known[guard.field]; twice && known[guard.field] {
			g.Errorf("%s is in guards and in plain", guard.field)
		}
		known[guard.field] = false
	}
	nodes := map[string]bool{}
	for _, r := range records() {
		nodes[r.kind] = true
	}
	for name, kind := range g.schema.Types {
		if kind.Kind != ast.Object || kind.BuiltIn || strings.HasSuffix(name, "Payload") || name == "Mutation" ||
			strings.HasSuffix(name, "Connection") || strings.HasSuffix(name, "Edge") {
			continue // the rows of deeds ask for all of a payload
		}
		for _, field := range kind.Fields {
			if _, ok := known[name+"."+field.Name]; !ok && !strings.HasPrefix(field.Name, "__") {
				g.Errorf("%s.%s: add it to plain when it goes along with its record, else to guards with who may read it", name, field.Name)
			}
			delete(known, name+"."+field.Name)
		}
		if slices.Contains(kind.Interfaces, "Node") != nodes[name] {
			g.Errorf("%s: records needs rows for each type that is a Node, and for no other", name)
		}
	}
	for field := range known {
		g.Errorf("there is no %s; take it out of plain or guards", field)
	}
}
