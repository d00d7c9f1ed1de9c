package graph_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// The roles in which everything is tried, besides those of the demo: nobody, member, colleague, organiser and trainer. The
// meetings are the edition of 2027, which Groningen holds, and the run of a course that the academy offers.
const (
	neighbour     = "bremen.coordinator@example.org" // coordinates another organisation in the same partnership
	elsewhere     = "elsewhere@example.org"          // was named an organiser of another edition of the same series
	named         = "named@example.org"              // was named an organiser of the edition
	leader        = "leader@example.org"             // coordinates for the secretariat of the partnership
	teacher       = "teacher@example.org"            // teaches the run
	administrator = "administrator@example.org"
)

var (
	everybody  = []string{nobody, member, neighbour, elsewhere, colleague, organiser, named, leader, trainer, teacher, administrator}
	signedIn   = everybody[1:]
	organisers = []string{organiser, named, leader, administrator} // of the edition
	providers  = []string{trainer, administrator}                  // of the course
)

// and returns the roles with more of them.
func and(roles []string, more ...string) []string {
	return append(append([]string{}, more...), roles...)
}

// scene is a house in which there is something of every kind for somebody to get at: member works for the organisation that
// colleague coordinates, was invited to the edition, and has a place there and in the run.
type scene struct {
	*house
	edition, draft, run, hiddenRun string
	seats, place                   string            // of the edition, and of the run
	paula                          string            // the member
	links                          map[string]string // tokens, by what their paths begin with
	known                          map[string]person // everybody there is or was, by id
}

// spare is the key of somebody of the member's organisation whom the public does not know of, one for each role.
func spare(role string) string { return fmt.Sprint("spare-", slices.Index(everybody, role)) }

// keyOf is the key of one of those who were added to the programmes.
func keyOf(address string) string {
	key, _, _ := strings.Cut(address, "@")
	return key
}

func newScene(h *house) *scene {
	h.Helper()
	file := &programme.File{
		Editions: []programme.Edition{{
			Key: "draft", Series: "vaktreffen", Title: "Not published", Year: 2028, Status: "DRAFT", Host: "groningen", StartsOn: "2028-05-20", EndsOn: "2028-05-20",
			TimeZone: "Europe/Amsterdam", Languages: []string{"nl"}, Rooms: []programme.Room{{Key: "hidden-room", Name: "Hall"}},
			Sessions: []programme.Session{{Key: "hidden-session", Kind: "PLENARY", Title: "Hidden", Starts: "2028-05-20T10:00", Ends: "2028-05-20T11:00", Room: "hidden-room"}},
		}},
		Courses: []programme.Course{{
			Key: "hidden", Organisation: "vng-academie", Title: "In preparation", Days: 1,
			Runs: []programme.Run{{Key: "hidden", StartsOn: "2027-06-01", EndsOn: "2027-06-01", TimeZone: "Europe/Amsterdam", Status: "DRAFT", Languages: []string{"nl"}}},
		}},
	}
	for address, works := range map[string]string{
		elsewhere: "voorbeeld-universiteit", named: "beispiel-hochschule", leader: "voorbeeld-hogeschool", teacher: "voorbeeld-energie", administrator: "beispiel-bau",
	} {
		file.People = append(file.People, programme.Person{Key: keyOf(address), Name: "Quirin of " + works, Email: address, Organisation: works, Locale: "nl"})
	}
	for _, key := range []string{"asks", "offers", "acts"} {
		file.People = append(file.People, programme.Person{Key: key, Name: "Rune who " + key, Email: key + "@example.net", Organisation: "voorbeeld-universiteit", Locale: "nl"})
	}
	for _, role := range everybody {
		key := spare(role)
		file.People = append(file.People, programme.Person{Key: key, Name: "Zosia " + key, Email: key + "@example.net", Organisation: "oldenburg", Locale: "de"})
	}
	h.add(file)
	s := &scene{house: h, links: map[string]string{}, known: map[string]person{}, edition: h.id("editions", "vaktreffen-2027"), draft: h.id("editions", "draft"), paula: h.id("people", "paula-participant")}
	s.run, s.hiddenRun = s.one("SELECT id FROM course_runs WHERE starts_on = '2027-04-15'"), s.one("SELECT id FROM course_runs WHERE status = 'DRAFT'")
	s.seats = s.one("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'vaktreffen-2027')")
	s.place = s.one("SELECT id FROM seats WHERE course_run_id = (SELECT id FROM course_runs WHERE starts_on = '2027-04-15')")

	if err := h.db.AppointAdministrator(h.Context(), administrator); err != nil {
		h.Fatal(err)
	}
	h.exec(`INSERT INTO members (id, partnership_id, organisation_id, role, position) SELECT organisations.id, partnerships.id, organisations.id, 'SECRETARIAT', 99
		FROM organisations, partnerships WHERE organisations.key = 'voorbeeld-hogeschool' AND partnerships.key = 'groningen-oldenburg-bremen'`)
	h.exec(`INSERT INTO coordinators (member_id, person_id, position) SELECT organisation_id, id, 0 FROM people WHERE key = '` + keyOf(leader) + `'`)
	h.exec(`INSERT INTO run_trainers (course_run_id, person_id, position) SELECT course_runs.id, people.id, 0 FROM course_runs, people
		WHERE course_runs.starts_on = '2027-04-15' AND people.key = '` + keyOf(teacher) + `'`)
	h.exec(`UPDATE course_runs SET payer_id = (SELECT id FROM organisations WHERE key = 'oldenburg'), invoice_address = 'Markt 1' WHERE starts_on = '2027-04-15'`)

	s.do(organiser, "nameOrganiser", vars{"editionId": s.edition, "personId": h.id("people", keyOf(named))})
	s.do(organiser, "nameOrganiser", vars{"editionId": h.id("editions", "vaktreffen-2009"), "personId": h.id("people", keyOf(elsewhere))})
	s.do(organiser, "sendInvitations", vars{"idempotencyKey": "first", "editionId": s.edition, "message": "Bring your boots along.", "audience": vars{"personIds": []string{s.paula}}})
	h.exec("INSERT INTO suppressions (email, reason, created_at) VALUES ('" + member + "', 'HARD_BOUNCE', '2026-01-01 00:00:00+00:00')")
	s.do(trainer, "nameOrganiser", vars{"courseId": s.course(), "personId": h.id("people", "vincent-vorlage")})
	s.do(organiser, "inviteDelegations", vars{"editionId": s.edition, "respondBy": "2027-03-01T12:00:00Z", "delegations": []vars{{"organisationId": h.id("organisations", "oldenburg"), "places": 5}}})
	s.do(organiser, "register", vars{"idempotencyKey": "own", "seatsId": s.seats})
	s.do(member, "register", vars{"idempotencyKey": "edition", "seatsId": s.seats})
	s.do(member, "register", vars{"idempotencyKey": "session", "seatsId": s.sessionSeats()})
	var answers []vars
	for _, question := range h.ids("SELECT id FROM intake_questions WHERE required") {
		answers = append(answers, vars{"questionId": question, "text": "An answer"})
	}
	s.do(member, "register", vars{"idempotencyKey": "run", "seatsId": s.place, "answers": answers, "invoice": vars{"organisation": "Oldenburg", "address": "Markt 1"}})
	s.do(trainer, "answerIntake", vars{"registrationId": s.placeOf("run"), "answers": []vars{{"questionId": s.one("SELECT id FROM intake_questions WHERE organisers_only"), "text": "A note"}}})
	s.do(organiser, "sendTestInvitation", vars{"idempotencyKey": "test", "editionId": s.edition})
	s.do(organiser, "remindInvited", vars{"editionId": s.edition, "at": "2027-03-01T12:00:00Z"})
	s.do(trainer, "remindInvited", vars{"courseRunId": s.run, "at": "2027-03-01T12:00:00Z"})
	s.do(organiser, "prepareChange", vars{"sessionId": h.id("sessions", "sport"), "title": "As it shall be"})
	s.report()
	for _, at := range []string{"edition", "run"} {
		s.do(member, "changeListing", vars{"registrationId": s.placeOf(at), "listing": "PARTICIPANTS"})
	}
	for _, title := range []string{"In public", "In preparation"} {
		s.do(organiser, "savePracticeDescription", vars{"editionId": s.edition, "version": 0, "locale": "nl", "title": title, "description": "What was done."})
	}
	s.do(organiser, "publishPracticeDescription", vars{"practiceId": s.practice("In public")})
	for _, text := range []string{"Shown", "Hidden"} {
		s.do(member, "commentOnPractice", vars{"practiceId": s.practice("In public"), "text": text})
	}
	s.do(organiser, "moderatePracticeComment", vars{"commentId": s.one("SELECT id FROM practice_comments WHERE text = 'Hidden'"), "status": "HIDDEN", "reason": "Off topic"})
	return s
}

func (s *scene) practice(title string) string {
	return s.one("SELECT id FROM practices WHERE title = '" + title + "'")
}

// do performs a mutation that has to succeed.
func (s *scene) do(as, mutation string, input vars) {
	s.Helper()
	kind := schema(s).Mutation.Fields.ForName(mutation).Arguments[0].Type
	data := s.ask(as, fmt.Sprintf("mutation($input: %s) { %s(input: $input) { userErrors { message } } }", kind, mutation), vars{"input": input})
	if len(list(data, mutation, "userErrors")) > 0 {
		s.Fatalf("%s: %v", mutation, data)
	}
}

// one returns the first id that a statement selects.
func (s *scene) one(statement string) string {
	s.Helper()
	ids := s.ids(statement)
	if len(ids) == 0 {
		s.Fatalf("nothing: %s", statement)
	}
	return ids[0]
}

func (s *scene) course() string { return s.id("courses", "masterclass-regionale-samenwerking") }

func (s *scene) sessionSeats() string {
	return s.one("SELECT seats.id FROM seats JOIN sessions ON sessions.id = session_id WHERE sessions.key = 'energie'")
}

var placeColumns = map[string]string{"edition": "edition_id", "session": "session_id", "run": "course_run_id"}

// placeOf returns the member's registration for the edition, the session or the run.
func (s *scene) placeOf(meeting string) string {
	s.Helper()
	return s.one("SELECT registrations.id FROM registrations JOIN people ON people.id = person_id JOIN seats ON seats.id = seats_id WHERE people.key = 'paula-participant' AND seats." + placeColumns[meeting] + " IS NOT NULL")
}

func (s *scene) delegation(organisation string) string {
	return s.one("SELECT delegations.id FROM delegations JOIN organisations ON organisations.id = organisation_id WHERE organisations.key = '" + organisation + "'")
}

// surveyed returns the edition, about which feedback is asked for.
func (s *scene) surveyed() string {
	s.exec(`INSERT INTO surveys (id, edition_id, opens_at, closes_at, anonymous, created_by, created_at)
		SELECT editions.id, editions.id, '2027-01-15 12:00:00+00:00', '2027-03-01 12:00:00+00:00', 1 = 1, people.id, '2027-01-15 12:00:00+00:00' FROM editions, people
		WHERE editions.key = 'vaktreffen-2027' AND people.key = 'paula-participant' ON CONFLICT DO NOTHING`)
	return s.edition
}

func (s *scene) person(key string) string { return s.id("people", key) }

// deed is a row of the table of mutations.
type deed struct {
	mutation string
	may      []string // tried in this order; it changes something when the first does it
	refusal  string   // what everybody else hears, "" for no error and no change; NOT_SIGNED_IN without a token, whatever this says
	input    func(s *scene, as string) vars
	except   map[string]string // roles that hear something else
}

// Inputs that are the same for every role.
func campaignInput(s *scene, _ string) vars {
	return vars{"campaignId": s.one("SELECT id FROM campaigns WHERE edition_id IS NOT NULL ORDER BY id")}
}
func editionInput(s *scene, _ string) vars { return vars{"editionId": s.edition} }
func runInput(s *scene, _ string) vars     { return vars{"courseRunId": s.run} }
func sessionInput(s *scene, _ string) vars {
	return vars{"sessionId": s.one("SELECT id FROM sessions WHERE key = 'sport'")}
}

// offered makes the member's place one that is only offered, when it is a place.
func offered(meeting string) func(*scene, string) vars {
	return func(s *scene, _ string) vars {
		s.exec(`UPDATE registrations SET status = 'OFFERED', offer_expires_at = '2027-02-01 12:00:00+00:00' WHERE status = 'CONFIRMED' AND seats_id IN
			(SELECT id FROM seats WHERE ` + placeColumns[meeting] + ` IS NOT NULL) AND person_id = (SELECT id FROM people WHERE key = 'paula-participant')`)
		return vars{"registrationId": s.placeOf(meeting)}
	}
}

func with(input func(*scene, string) vars, more vars) func(*scene, string) vars {
	return func(s *scene, as string) vars {
		all := input(s, as)
		maps.Copy(all, more)
		return all
	}
}

func to(more vars) func(*scene, string) vars {
	return with(func(*scene, string) vars { return vars{} }, more)
}

// invitation invites somebody new of each role's own.
func invitation(s *scene, as string) vars {
	return vars{"idempotencyKey": "k", "editionId": s.edition, "audience": vars{"csv": "name,email\nNewcomer,new-" + as}}
}

func courseInvitation(s *scene, as string) vars {
	all := invitation(s, as)
	delete(all, "editionId")
	all["courseRunId"], all["idempotencyKey"] = s.run, "course"
	return all
}

func courseCampaign(s *scene, _ string) vars {
	return vars{"campaignId": s.one("SELECT id FROM campaigns WHERE course_run_id IS NOT NULL")}
}

// today moves the meeting of the seats to the day of the scene, on which people come in.
func (s *scene) today(seats string) string {
	s.Helper()
	s.exec("UPDATE editions SET starts_on = '2027-01-15', ends_on = '2027-01-15' WHERE key = 'vaktreffen-2027'")
	s.exec("UPDATE course_runs SET starts_on = '2027-01-15', ends_on = '2027-01-15', decide_on = NULL, status = 'CONFIRMED' WHERE id IN (SELECT course_run_id FROM run_trainers)")
	return seats
}

// atTheDoor is the member's place in a meeting of the day.
func atTheDoor(meeting string) func(*scene, string) vars {
	return func(s *scene, _ string) vars {
		s.today("")
		return vars{"registrationId": s.placeOf(meeting)}
	}
}

// ofDraft is what those hear who know of the draft: who may not change it, and its organisers, if not even they can.
func ofDraft(organisers string) map[string]string {
	heard := map[string]string{neighbour: "FORBIDDEN", colleague: "FORBIDDEN"}
	if organisers != "" {
		for _, as := range []string{organiser, leader, administrator} {
			heard[as] = organisers
		}
	}
	return heard
}

func editionOrganiser(s *scene, _ string) vars {
	return vars{"editionId": s.edition, "personId": s.person(spare(named))}
}

func courseOrganiser(s *scene, _ string) vars {
	return vars{"courseId": s.course(), "personId": s.person(spare(named))}
}

// again makes sure that somebody is an organiser of the edition and the course who may be dismissed.
func again(input func(*scene, string) vars) func(*scene, string) vars {
	return func(s *scene, as string) vars {
		for column, meeting := range map[string]string{"edition_id": "editions.key = 'vaktreffen-2027'", "course_id": "courses.key = 'masterclass-regionale-samenwerking'"} {
			table, _, _ := strings.Cut(meeting, ".")
			s.exec("INSERT INTO organisers (" + column + ", person_id, named_at) SELECT " + table + ".id, people.id, '2027-01-01 12:00:00+00:00' FROM " + table +
				", people WHERE " + meeting + " AND people.key = '" + spare(named) + "' ON CONFLICT DO NOTHING")
		}
		return input(s, as)
	}
}

func coordinatorInput(s *scene, _ string) vars {
	return vars{"partnershipId": s.id("partnerships", "groningen-oldenburg-bremen"), "organisationId": s.id("organisations", "oldenburg"), "personId": s.person(spare(leader))}
}

// deeds are all mutations, some of them for several records, in an order in which they are possible. To add one, say who may do
// it, what others hear, and with which input it can be tried.
var deeds = []deed{
	{"previewInvitations", organisers, "FORBIDDEN", invitation, nil},
	{"sendInvitations", organisers, "FORBIDDEN", invitation, nil},
	{"sendTestInvitation", organisers, "FORBIDDEN", with(editionInput, vars{"idempotencyKey": "another test"}), nil},
	{"sendTestInvitation", providers, "FORBIDDEN", with(runInput, vars{"idempotencyKey": "test of a course"}), nil},
	{"retryFailed", organisers, "NOT_FOUND", campaignInput, nil},
	{"remindInvited", organisers, "NOT_FOUND", with(campaignInput, vars{"at": "2027-03-02T12:00:00Z"}), nil},
	{"remindInvited", organisers, "FORBIDDEN", with(editionInput, vars{"at": "2027-03-02T12:00:00Z"}), nil},
	{"remindInvited", providers, "FORBIDDEN", with(runInput, vars{"at": "2027-03-02T12:00:00Z"}), nil},
	{"withdrawReminder", organisers, "NOT_FOUND", reminder("edition_id"), nil},
	{"withdrawReminder", providers, "NOT_FOUND", reminder("course_run_id"), nil},
	{"pauseCampaign", organisers, "NOT_FOUND", campaignInput, nil},
	{"resumeCampaign", organisers, "NOT_FOUND", campaignInput, nil},
	{"cancelCampaign", organisers, "NOT_FOUND", campaignInput, nil},

	{"sendInvitations", nil, "NOT_FOUND", func(s *scene, as string) vars {
		return with(invitation, vars{"editionId": s.draft, "idempotencyKey": "draft"})(s, as)
	}, ofDraft("CONFLICT")},
	{"sendInvitations", providers, "FORBIDDEN", courseInvitation, nil},
	{"retryFailed", providers, "NOT_FOUND", courseCampaign, nil},
	{"pauseCampaign", providers, "NOT_FOUND", courseCampaign, nil},
	{"remindInvited", nil, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"editionId": s.draft, "at": "2027-03-02T12:00:00Z"} }, ofDraft("CONFLICT")},
	{"sendTestInvitation", nil, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"editionId": s.draft, "idempotencyKey": "test of a draft"} }, ofDraft("CONFLICT")},

	{"liftSuppression", and(organisers, member, colleague, trainer), "NOT_FOUND", func(s *scene, _ string) vars { return vars{"personId": s.paula} }, nil},
	{"liftSuppression", []string{colleague, administrator}, "FORBIDDEN", func(s *scene, _ string) vars { // of somebody whom everybody may know of
		s.exec("INSERT INTO suppressions (email, reason, created_at) VALUES ('" + colleague + "', 'HARD_BOUNCE', '2026-01-01 00:00:00+00:00') ON CONFLICT DO NOTHING")
		return vars{"personId": s.person("konrad-koordinator")}
	}, nil},
	{"register", signedIn[1:], "", func(s *scene, _ string) vars { return vars{"idempotencyKey": "self", "seatsId": s.place} }, map[string]string{member: "CONFLICT"}},
	{"register", and(organisers, colleague), "FORBIDDEN", func(s *scene, as string) vars {
		return vars{"idempotencyKey": "other", "seatsId": s.seats, "personId": s.person(spare(as))}
	}, nil},
	{"register", nil, "FORBIDDEN", func(s *scene, as string) vars { // nobody learns who there is
		return vars{"idempotencyKey": "unknown", "seatsId": s.place, "personId": s.edition}
	}, map[string]string{trainer: "NOT_FOUND", administrator: "NOT_FOUND"}},
	{"register", nil, "NOT_FOUND", func(s *scene, _ string) vars {
		return vars{"idempotencyKey": "hidden", "seatsId": s.one("SELECT seats.id FROM seats JOIN course_runs ON course_runs.id = course_run_id WHERE status = 'DRAFT'")}
	}, nil},
	{"changeSeats", organisers, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"seatsId": s.seats, "maxPerOrganisation": 90} }, nil},
	{"changeSeats", providers, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"seatsId": s.place, "maxPerOrganisation": 90} }, nil},
	{"changeListing", []string{member}, "NOT_FOUND", func(s *scene, _ string) vars {
		return vars{"registrationId": s.placeOf("edition"), "listing": "NOBODY"}
	}, nil},
	{"acceptOffer", and(organisers, member, colleague), "NOT_FOUND", offered("session"), nil},
	{"declineOffer", and(organisers, member, colleague), "NOT_FOUND", offered("session"), nil},
	{"cancelRegistration", and(organisers, member, colleague), "NOT_FOUND", func(s *scene, _ string) vars { return vars{"registrationId": s.placeOf("edition")} }, nil},
	{"acceptOffer", and(providers, member, colleague), "NOT_FOUND", offered("run"), nil},
	{"answerIntake", and(providers, member), "NOT_FOUND", func(s *scene, as string) vars {
		return vars{"registrationId": s.placeOf("run"), "answers": []vars{{"questionId": s.one("SELECT id FROM intake_questions WHERE required"), "text": "As " + as}}}
	}, map[string]string{colleague: "FORBIDDEN"}},
	{"answerIntake", and(providers, member, colleague), "NOT_FOUND", func(s *scene, as string) vars {
		return vars{"registrationId": s.placeOf("run"), "invoice": vars{"organisation": "As " + as, "address": "Markt 2"}}
	}, nil},

	{"nameOrganiser", organisers, "FORBIDDEN", editionOrganiser, nil},
	{"dismissOrganiser", organisers, "FORBIDDEN", again(editionOrganiser), nil},
	{"nameOrganiser", providers, "FORBIDDEN", courseOrganiser, nil},
	{"dismissOrganiser", providers, "FORBIDDEN", again(courseOrganiser), nil},
	{"dismissOrganiser", []string{administrator}, "FORBIDDEN", func(s *scene, _ string) vars { // somebody whom only administrators may know of
		return vars{"editionId": s.edition, "personId": s.person(spare(nobody))}
	}, map[string]string{organiser: "NOT_FOUND", named: "NOT_FOUND", leader: "NOT_FOUND"}},
	{"nameOrganiser", []string{organiser, leader, administrator}, "NOT_FOUND", func(s *scene, as string) vars { return with(editionOrganiser, vars{"editionId": s.draft})(s, as) }, ofDraft("")},
	{"appointCoordinator", []string{colleague, leader, administrator}, "FORBIDDEN", coordinatorInput, nil},
	{"dismissCoordinator", []string{colleague, leader, administrator}, "FORBIDDEN", coordinatorInput, nil},
	{"dismissCoordinator", []string{colleague, administrator}, "FORBIDDEN", func(s *scene, as string) vars { // likewise, besides the person's organisation
		return with(coordinatorInput, vars{"personId": s.person(spare(nobody))})(s, as)
	}, map[string]string{leader: "NOT_FOUND"}},
	{"changeRetention", organisers, "FORBIDDEN", with(editionInput, vars{"months": 12}), nil},
	{"changeRetention", providers, "FORBIDDEN", with(runInput, vars{"months": 12}), nil},

	{"changeRetention", []string{organiser, leader, administrator}, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"editionId": s.draft, "months": 12} }, ofDraft("")},
	{"changeRetention", providers, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"courseRunId": s.hiddenRun, "months": 12} }, nil},

	{"askForFeedback", nil, "NOT_FOUND", func(s *scene, _ string) vars {
		return vars{"idempotencyKey": "feedback on a draft", "editionId": s.draft, "closesAt": "2027-03-01T12:00:00Z", "anonymous": true}
	}, ofDraft("CONFLICT")},
	{"changeFeedbackDates", nil, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"editionId": s.draft, "closesAt": "2027-03-02T12:00:00Z"} }, ofDraft("CONFLICT")},
	{"remindDelegations", nil, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"editionId": s.draft} }, ofDraft("CONFLICT")},
	{"inviteDelegations", organisers, "FORBIDDEN", func(s *scene, _ string) vars {
		return vars{"editionId": s.edition, "respondBy": "2027-03-01T12:00:00Z", "delegations": []vars{{"organisationId": s.id("organisations", "bremen"), "places": 2}}}
	}, nil},
	{"remindDelegations", organisers, "FORBIDDEN", editionInput, nil},
	{"nameDelegates", []string{colleague}, "NOT_FOUND", func(s *scene, _ string) vars {
		return vars{"delegationId": s.delegation("oldenburg"), "personIds": []string{s.person("konrad-koordinator")}}
	}, nil},
	{"declineDelegation", []string{neighbour}, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"delegationId": s.delegation("bremen")} }, nil},

	{"changeEdition", organisers, "NOT_FOUND", with(editionInput, vars{"title": "Renamed"}), nil},
	{"changeSession", organisers, "NOT_FOUND", with(sessionInput, vars{"title": "Renamed"}), nil},
	{"cancelSession", organisers, "NOT_FOUND", sessionInput, nil},
	{"reopenSession", organisers, "NOT_FOUND", sessionInput, nil},
	{"cancelEdition", organisers, "NOT_FOUND", editionInput, nil},
	{"reopenEdition", organisers, "NOT_FOUND", editionInput, nil},
	{"changeEdition", []string{organiser, leader, administrator}, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"editionId": s.draft, "title": "Renamed"} }, nil},
	{"changeSession", []string{organiser, leader, administrator}, "NOT_FOUND", func(s *scene, _ string) vars {
		return vars{"sessionId": s.id("sessions", "hidden-session"), "title": "Renamed"}
	}, nil},
	{"prepareSession", []string{organiser, leader, administrator}, "NOT_FOUND", func(s *scene, _ string) vars {
		return vars{"editionId": s.draft, "kind": "SOCIAL", "title": "Drinks", "day": "2028-05-20"}
	}, nil},
	{"publishProgramme", []string{organiser, leader, administrator}, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"editionId": s.draft} }, nil}, // from here on it is public
	{"changeCourseRun", providers, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"courseRunId": s.hiddenRun, "startsOn": "2027-09-02"} }, nil},
	{"confirmCourseRun", providers, "NOT_FOUND", runInput, nil},
	{"changeCourseRun", providers, "NOT_FOUND", with(runInput, vars{"startsOn": "2027-09-01"}), nil},
	{"cancelCourseRun", providers, "NOT_FOUND", runInput, nil},

	{"checkIn", organisers, "NOT_FOUND", atTheDoor("edition"), nil},
	{"undoCheckIn", organisers, "NOT_FOUND", atTheDoor("edition"), nil},
	{"checkIn", and(providers, teacher), "NOT_FOUND", atTheDoor("run"), nil},
	{"undoCheckIn", and(providers, teacher), "NOT_FOUND", atTheDoor("run"), nil},
	{"checkInWalkIn", organisers, "NOT_FOUND", func(s *scene, as string) vars {
		return vars{"idempotencyKey": "walk-in", "seatsId": s.today(s.seats), "name": "Walter Walk", "email": "walk-in-" + as}
	}, nil},
	{"checkInWalkIn", and(providers, teacher), "NOT_FOUND", func(s *scene, as string) vars {
		return vars{"idempotencyKey": "walk-in to the run", "seatsId": s.today(s.place), "name": "Walter Walk", "email": "walk-in-" + as}
	}, nil},
	{"issueCertificates", providers, "NOT_FOUND", func(s *scene, _ string) vars {
		s.today(s.place)
		s.exec("UPDATE course_runs SET starts_on = '2027-01-12', ends_on = '2027-01-13' WHERE id = (SELECT course_run_id FROM seats WHERE course_run_id IN (SELECT course_run_id FROM run_trainers))")
		return runInput(s, "")
	}, nil},

	{"savePracticeDescription", organisers, "FORBIDDEN", func(s *scene, _ string) vars {
		return vars{"editionId": s.edition, "version": 0, "locale": "nl", "title": "New", "description": "What was done."}
	}, nil},
	{"savePracticeDescription", []string{leader, administrator}, "FORBIDDEN", func(s *scene, _ string) vars {
		return vars{"partnershipId": s.id("partnerships", "groningen-oldenburg-bremen"), "version": 0, "locale": "nl", "title": "New", "description": "What was done."}
	}, nil},
	{"commentOnPractice", signedIn, "", func(s *scene, as string) vars {
		return vars{"practiceId": s.practice("In public"), "text": "As " + as}
	}, nil},
	{"ratePractice", signedIn, "", func(s *scene, _ string) vars { return vars{"practiceId": s.practice("In public"), "stars": 3} }, nil},
	{"ratePractice", nil, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"practiceId": s.practice("In preparation"), "stars": 3} },
		map[string]string{organiser: "CONFLICT", named: "CONFLICT", leader: "CONFLICT", administrator: "CONFLICT"}},
	{"moderatePracticeComment", organisers, "FORBIDDEN", func(s *scene, _ string) vars {
		return vars{"commentId": s.one("SELECT id FROM practice_comments WHERE text = 'Shown'"), "status": "SHOWN"}
	}, nil},
	{"removePracticeComment", []string{member}, "FORBIDDEN", func(s *scene, _ string) vars {
		return vars{"commentId": s.one("SELECT id FROM practice_comments WHERE text = 'Shown'")}
	}, nil},
	{"publishPracticeDescription", organisers, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"practiceId": s.practice("In preparation")} }, nil},
	{"askForFeedback", organisers, "FORBIDDEN", func(s *scene, as string) vars { // once for each edition, and when it has begun
		for _, statement := range []string{
			"UPDATE editions SET starts_on = '2027-01-10', ends_on = '2027-01-11' WHERE key = 'vaktreffen-2027'",
			"DELETE FROM deliveries WHERE survey_id IS NOT NULL", "DELETE FROM campaigns WHERE survey_id IS NOT NULL",
			"DELETE FROM survey_readers", "DELETE FROM survey_tallies", "DELETE FROM surveys",
		} {
			s.exec(statement)
		}
		return vars{"idempotencyKey": "feedback of " + as, "editionId": s.edition, "closesAt": "2027-03-01T12:00:00Z", "anonymous": true}
	}, nil},
	{"changeFeedbackDates", organisers, "FORBIDDEN", func(s *scene, _ string) vars {
		return vars{"editionId": s.surveyed(), "closesAt": "2027-03-02T12:00:00Z"}
	}, nil},

	{"changeInvitationMails", signedIn, "", to(vars{"wanted": false}), nil},
	{"requestSignIn", everybody, "", to(vars{"email": member}), nil},
	{"signIn", everybody, "", func(s *scene, as string) vars { // whoever has the link is the person
		token := "token for " + as
		hash := sha256.Sum256([]byte(token))
		s.exec("INSERT INTO sign_in_links (id, person_id, hash, created_at, expires_at) SELECT spare.id, people.id, '" + hex.EncodeToString(hash[:]) +
			"', '2027-01-15 12:00:00+00:00', '2027-01-15 12:15:00+00:00' FROM people, people AS spare WHERE people.key = 'paula-participant' AND spare.key = '" + spare(as) + "'")
		return vars{"token": token}
	}, nil},
	{"signOut", []string{member}, "", func(s *scene, _ string) vars {
		return vars{"signInId": s.one("SELECT access_tokens.id FROM access_tokens JOIN people ON people.id = person_id WHERE way = 'MAIL' AND people.key = 'paula-participant'")}
	}, nil},
	{"renewCalendarUrl", signedIn, "", nil, nil},
	{"signOutEverywhere", signedIn, "", nil, nil},
	{"erasePerson", []string{administrator}, "FORBIDDEN", func(s *scene, _ string) vars { return vars{"personId": s.person(spare(member))} }, nil},
	{"eraseMe", []string{member, neighbour, elsewhere, colleague, organiser, named, leader, teacher}, "CONFLICT", to(vars{"confirm": true}), nil}, // without the others nobody leads
}
