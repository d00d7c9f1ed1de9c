package graph_test

// held is the key of the edition that the report of the scene is of.
const held = "vaktreffen-2027"

// present are those who read the report while it is in review, and at any time who is named in it: who organises the edition, who
// has a place in it, and who came without one.
var present = and(organisers, member, neighbour)

// report writes a report with something of everything in it, and has somebody come who was not registered.
func (s *scene) report() {
	s.Helper()
	s.withoutReports()
	s.do(organiser, "startReport", vars{"editionId": s.edition})
	report := vars{"reportId": s.one("SELECT id FROM reports"), "locale": "nl"}
	entry := func(as, mutation string, more vars) {
		s.Helper()
		input := with(func(*scene, string) vars { return vars{} }, report)(s, as)
		for name, value := range more {
			input[name] = value
		}
		s.do(as, mutation, input)
	}
	oldenburg := s.id("organisations", "oldenburg")
	entry(organiser, "saveReportText", vars{"version": 0, "text": "What came of it."})
	entry(organiser, "addReportQuestion", vars{"text": "Who knows?", "organisationId": oldenburg, "personId": s.person("asks")})
	entry(organiser, "addReportAction", vars{"description": "Find out.", "ownerId": oldenburg, "personId": s.person("acts")})
	delete(report, "locale")
	entry(organiser, "addMaterial", vars{"title": "To read on", "url": "https://example.org/reading"})
	entry(organiser, "reviewReport", nil)
	s.exec(`INSERT INTO attendances (seats_id, person_id, organisation_id, walk_in, at) SELECT seats.id, people.id, people.organisation_id, TRUE,
		'2027-01-15 12:00:00+00:00' FROM seats, editions, people WHERE editions.id = edition_id AND editions.key = '` + held + `' AND email = '` + neighbour + `'`)
	s.do(neighbour, "offerHelp", vars{"questionId": s.one("SELECT id FROM report_questions"), "note": "We do."})
	s.exec("UPDATE help_offers SET person_id = (SELECT id FROM people WHERE key = 'offers')")
	s.do(member, "proposeCorrection", vars{"reportId": report["reportId"], "locale": "nl", "text": "What I think came of it."})
}

// report makes the report one in the status, of the edition with the key, and returns its id.
func report(status, edition string) func(*scene) string {
	published := "NULL"
	if status == "PUBLISHED" {
		published = "'2027-01-15 12:00:00+00:00'"
	}
	return func(s *scene) string {
		s.exec("UPDATE reports SET status = '" + status + "', published_at = " + published + ", edition_id = (SELECT id FROM editions WHERE key = '" + edition + "') WHERE id IN (SELECT report_id FROM report_questions)")
		return s.one("SELECT report_id FROM report_questions")
	}
}

// part makes the report one in the status, and returns the id of what is in the table of one of its parts.
func part(status, table string) func(*scene) string {
	return func(s *scene) string {
		report(status, held)(s)
		return s.one("SELECT id FROM " + table + " ORDER BY id")
	}
}

func reportOf(status string) func(*scene) string {
	return func(s *scene) string {
		report(status, held)(s)
		return s.edition
	}
}

func partnershipWith(status string) func(*scene) string {
	return func(s *scene) string {
		report(status, held)(s)
		return s.id("partnerships", "groningen-oldenburg-bremen")
	}
}

// ofReport is an input about the report in the status.
func ofReport(status string, more vars) func(*scene, string) vars {
	return func(s *scene, as string) vars {
		s.exec("DELETE FROM action_mails") // of when it was published by somebody else
		return with(func(s *scene, _ string) vars { return vars{"reportId": report(status, held)(s)} }, more)(s, as)
	}
}

// written is the next version of the summary.
func written(status string) func(*scene, string) vars {
	return func(s *scene, as string) vars {
		versions := len(s.ids("SELECT part_id FROM report_texts WHERE locale = 'en'"))
		return ofReport(status, vars{"locale": "en", "version": versions, "text": "By " + as})(s, as)
	}
}

// about is an input about a part of the report in the status.
func about(name, status, table string, more vars) func(*scene, string) vars {
	return with(func(s *scene, _ string) vars { return vars{name: part(status, table)(s)} }, more)
}

// proposed is an input about a correction that waits for a decision.
func proposed(s *scene, as string) vars {
	input := ofReport("IN_REVIEW", nil)(s, as)
	s.do(member, "proposeCorrection", with(func(*scene, string) vars { return vars{} }, vars{"reportId": input["reportId"], "locale": "de", "text": "Otherwise."})(s, as))
	input["correctionId"] = s.one("SELECT id FROM corrections WHERE status = 'PROPOSED' ORDER BY id DESC")
	input["accept"] = false
	return input
}

// removable is an input about a material that is there.
func removable(s *scene, as string) vars {
	input := ofReport("DRAFT", nil)(s, as)
	s.do(organiser, "addMaterial", vars{"reportId": input["reportId"], "title": "Superfluous", "url": "https://example.org"})
	input["entryId"] = s.one("SELECT id FROM materials ORDER BY id DESC")
	return input
}

// shownTo is what those hear who may read a report, and not do what is tried with it.
func shownTo(roles ...string) map[string]string {
	heard := map[string]string{}
	for _, as := range roles {
		heard[as] = "FORBIDDEN"
	}
	return heard
}

// reporting are the rows of the mutations that write reports. A draft is one that only organisers know of.
var reporting = []deed{
	{"startReport", []string{organiser, leader, administrator, elsewhere}, "FORBIDDEN", func(s *scene, _ string) vars { return vars{"editionId": s.id("editions", "vaktreffen-2009")} }, nil},
	{"startReport", nil, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"editionId": s.draft} }, ofDraft("CONFLICT")},
	{"saveReportText", organisers, "NOT_FOUND", written("DRAFT"), nil},
	{"saveReportText", organisers, "NOT_FOUND", written("IN_REVIEW"), shownTo(member, neighbour)},
	{"saveReportText", organisers, "FORBIDDEN", written("PUBLISHED"), nil},
	{"addReportQuestion", organisers, "NOT_FOUND", asked("DRAFT"), nil},
	{"addReportQuestion", organisers, "FORBIDDEN", asked("PUBLISHED"), nil},
	{"markQuestion", organisers, "NOT_FOUND", about("questionId", "DRAFT", "report_questions", vars{"status": "ANSWERED"}), nil},
	{"markQuestion", organisers, "NOT_FOUND", about("questionId", "IN_REVIEW", "report_questions", vars{"status": "OPEN"}), shownTo(member, neighbour)},
	{"markQuestion", and(organisers, colleague), "FORBIDDEN", about("questionId", "PUBLISHED", "report_questions", vars{"status": "ANSWERED"}), nil}, // of who asked
	{"offerHelp", organisers, "NOT_FOUND", aid("DRAFT", "bremen"), nil},
	{"offerHelp", and(organisers, neighbour), "NOT_FOUND", aid("IN_REVIEW", "bremen"), shownTo(member)},
	{"offerHelp", and(organisers, neighbour), "FORBIDDEN", aid("PUBLISHED", "bremen"), nil},
	{"offerHelp", []string{neighbour, elsewhere, organiser, named, leader, trainer, teacher, administrator}, "CONFLICT", // to themselves
		about("questionId", "PUBLISHED", "report_questions", nil), nil},
	{"addReportAction", organisers, "NOT_FOUND", undertaken("DRAFT"), nil},
	{"addReportAction", organisers, "FORBIDDEN", undertaken("PUBLISHED"), nil},
	{"changeReportAction", organisers, "NOT_FOUND", about("actionId", "DRAFT", "report_actions", vars{"status": "DONE"}), nil},
	{"changeReportAction", organisers, "NOT_FOUND", about("actionId", "IN_REVIEW", "report_actions", vars{"status": "OPEN"}), shownTo(member, neighbour)},
	{"changeReportAction", and(organisers, colleague), "FORBIDDEN", about("actionId", "PUBLISHED", "report_actions", vars{"status": "DONE"}), nil}, // of its owner
	{"addMaterial", organisers, "NOT_FOUND", ofReport("DRAFT", vars{"title": "More", "url": "https://example.org/more"}), nil},
	{"addMaterial", organisers, "FORBIDDEN", ofReport("PUBLISHED", vars{"title": "More", "url": "https://example.org/more"}), nil},
	{"removeReportEntry", organisers, "NOT_FOUND", removable, nil},
	{"previewReport", organisers, "NOT_FOUND", ofReport("DRAFT", vars{"idempotencyKey": "publish"}), nil},
	{"previewReport", organisers, "NOT_FOUND", ofReport("IN_REVIEW", vars{"idempotencyKey": "publish"}), shownTo(member, neighbour)},
	{"askForReport", signedIn, "", func(s *scene, _ string) vars { return vars{"editionId": reportOf("DRAFT")(s)} }, nil},
	{"askForReport", nil, "NOT_FOUND", func(s *scene, _ string) vars { return vars{"editionId": s.draft} }, map[string]string{
		neighbour: "CONFLICT", colleague: "CONFLICT", organiser: "CONFLICT", leader: "CONFLICT", administrator: "CONFLICT",
	}},
	{"reviewReport", organisers, "NOT_FOUND", ofReport("DRAFT", nil), nil},
	{"reviewReport", organisers, "NOT_FOUND", ofReport("IN_REVIEW", nil), shownTo(member, neighbour)},
	{"proposeCorrection", nil, "NOT_FOUND", ofReport("DRAFT", vars{"locale": "de", "text": "Other words."}), map[string]string{
		organiser: "CONFLICT", named: "CONFLICT", leader: "CONFLICT", administrator: "CONFLICT",
	}},
	{"proposeCorrection", present, "NOT_FOUND", ofReport("IN_REVIEW", vars{"locale": "de", "text": "Other words."}), nil},
	{"proposeCorrection", nil, "FORBIDDEN", ofReport("PUBLISHED", vars{"locale": "de", "text": "Other words."}), map[string]string{
		member: "CONFLICT", neighbour: "CONFLICT", organiser: "CONFLICT", named: "CONFLICT", leader: "CONFLICT", administrator: "CONFLICT",
	}},
	{"decideCorrection", organisers, "NOT_FOUND", proposed, shownTo(member, neighbour)},
	{"publishReport", organisers, "NOT_FOUND", ofReport("IN_REVIEW", vars{"idempotencyKey": "publish"}), shownTo(member, neighbour)},
}

// aid is an offer of an organisation.
func aid(status, organisation string) func(*scene, string) vars {
	return func(s *scene, as string) vars {
		return about("questionId", status, "report_questions", vars{"organisationId": s.id("organisations", organisation), "note": "By " + as})(s, as)
	}
}

func asked(status string) func(*scene, string) vars {
	return func(s *scene, as string) vars {
		return ofReport(status, vars{"locale": "nl", "text": "And this?", "organisationId": s.id("organisations", "oldenburg")})(s, as)
	}
}

func undertaken(status string) func(*scene, string) vars {
	return func(s *scene, as string) vars {
		return ofReport(status, vars{"locale": "nl", "description": "Do it.", "ownerId": s.id("organisations", "oldenburg")})(s, as)
	}
}

// discardable is an input about a session that is prepared.
func discardable(s *scene, as string) vars {
	s.do(organiser, "prepareChange", with(sessionInput, vars{"title": "Superfluous"})(s, as))
	return sessionInput(s, as)
}

// reminder is an input about a reminder to a meeting that has not left.
func reminder(column string) func(*scene, string) vars {
	return func(s *scene, _ string) vars {
		as, meeting := organiser, vars{"editionId": s.edition, "at": "2027-03-03T12:00:00Z"}
		if column == "course_run_id" {
			as, meeting = trainer, vars{"courseRunId": s.run, "at": "2027-03-03T12:00:00Z"}
		}
		s.do(as, "remindInvited", meeting)
		return vars{"reminderId": s.one("SELECT id FROM reminders WHERE progress = 'OPEN' AND " + column + " IS NOT NULL AND due_at = '2027-03-03 12:00:00+00:00'")}
	}
}

// preparing are the rows of the mutations that prepare the next version of a programme.
var preparing = []deed{
	{"prepareSession", organisers, "NOT_FOUND", with(editionInput, vars{"kind": "SOCIAL", "title": "Drinks", "day": "2027-05-20"}), nil},
	{"prepareChange", organisers, "NOT_FOUND", with(sessionInput, vars{"title": "As it shall be"}), nil},
	{"discardPreparation", organisers, "NOT_FOUND", discardable, nil},
	{"publishProgramme", organisers, "NOT_FOUND", editionInput, nil},
}
