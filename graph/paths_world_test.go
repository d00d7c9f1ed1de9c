package graph_test

import (
	"fmt"
	"slices"
)

// world adds to the programmes what they lack, so that every edge of the schema leads somewhere.
func world(h *house) *graphOf {
	h.add(grown("small", 2, 4))
	course := h.ids("SELECT id FROM course_runs WHERE starts_on = '2027-04-15'")[0]
	send := `mutation($input: SendInvitationsInput!) { sendInvitations(input: $input) { campaign { id } userErrors { message } } }`
	people := h.ids("SELECT id FROM people WHERE email IS NOT NULL ORDER BY id")[:5]
	data := h.ask(organiser, send, vars{"input": vars{"idempotencyKey": "one", "editionId": h.id("editions", "vaktreffen-2027"), "audience": vars{"personIds": people}}})
	if at(data, "sendInvitations", "campaign") == nil {
		h.Fatal(data)
	}
	// The organiser offers courses too, so that there is a campaign for one.
	h.exec("UPDATE courses SET organisation_id = (SELECT id FROM organisations WHERE key = 'groningen') WHERE id = (SELECT course_id FROM course_runs WHERE starts_on = '2027-04-15')")
	data = h.ask(organiser, send, vars{"input": vars{"idempotencyKey": "two", "courseRunId": course, "audience": vars{"personIds": people}}})
	if at(data, "sendInvitations", "campaign") == nil {
		h.Fatal(data)
	}
	for _, reminder := range []vars{
		{"campaignId": h.ids("SELECT id FROM campaigns WHERE edition_id IS NOT NULL")[0], "at": "2027-02-01T12:00:00Z"},
		{"courseRunId": course, "at": "2027-02-01T12:00:00Z"},
	} {
		if data := h.ask(organiser, `mutation($input: RemindInvitedInput!) { remindInvited(input: $input) { reminder { id } userErrors { message } } }`,
			vars{"input": reminder}); at(data, "remindInvited", "reminder") == nil {
			h.Fatal(data)
		}
	}
	if _, problems := h.mutate(organiser, "prepareSession", "", vars{"editionId": h.id("editions", "vaktreffen-2027"), "kind": "SOCIAL", "title": "Drinks", "day": "2027-05-20"}); problems != "" {
		h.Fatal(problems)
	}
	practice, problems := h.mutate(organiser, "savePracticeDescription", "practice { id }", vars{
		"editionId": h.id("editions", "vaktreffen-2027"), "version": 0, "locale": "nl", "title": "How it was done", "description": "Together.",
		"partnerIds": []string{h.id("organisations", "groningen")},
	})
	if problems != "" {
		h.Fatal(problems)
	}
	described := vars{"practiceId": at(practice, "practice", "id")}
	if _, problems := h.mutate(organiser, "publishPracticeDescription", "", described); problems != "" {
		h.Fatal(problems)
	}
	if _, problems := h.mutate(organiser, "commentOnPractice", "", vars{"practiceId": described["practiceId"], "text": "Well done."}); problems != "" {
		h.Fatal(problems)
	}
	h.exec(`INSERT INTO surveys (id, edition_id, opens_at, closes_at, anonymous, created_by, created_at)
		SELECT editions.id, editions.id, '2027-01-01 12:00:00+00:00', '2027-02-01 12:00:00+00:00', TRUE, people.id, '2027-01-01 12:00:00+00:00'
		FROM editions, people WHERE editions.key = 'vaktreffen-2027' AND people.email = '` + organiser + `'`)
	h.exec("INSERT INTO suppressions (email, reason, created_at) SELECT email, 'HARD_BOUNCE', '2026-01-01 00:00:00+00:00' FROM people WHERE email IS NOT NULL")
	seats := h.ids("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'vaktreffen-2027')")[0]
	session := h.ids("SELECT seats.id FROM seats JOIN sessions ON sessions.id = session_id JOIN editions ON editions.id = sessions.edition_id WHERE editions.key = 'vaktreffen-2027' ORDER BY seats.id")[0]
	run := h.ids("SELECT id FROM seats WHERE course_run_id = (SELECT id FROM course_runs WHERE starts_on = '2027-04-15')")[0]
	h.exec("UPDATE course_runs SET payer_id = (SELECT id FROM organisations WHERE key = 'groningen'), invoice_address = 'Markt 1' WHERE starts_on = '2027-04-15'")
	intake := [][]vars{2: {}}
	for _, question := range h.ids("SELECT id FROM intake_questions WHERE required") {
		intake[2] = append(intake[2], vars{"questionId": question, "text": "An answer"})
	}
	invoices := []vars{2: {"organisation": "Groningen", "address": "Markt 1"}}
	for i, seats := range []string{seats, session, run} {
		data = h.ask(organiser, `mutation($input: RegisterInput!) { register(input: $input) { registration { id } userErrors { message } } }`,
			vars{"input": vars{"idempotencyKey": fmt.Sprint("seats ", i), "seatsId": seats, "answers": intake[i], "invoice": invoices[i]}})
		if at(data, "register", "registration") == nil {
			h.Fatal(data)
		}
	}
	for _, meeting := range []vars{{"editionId": h.id("editions", "vaktreffen-2027")}, {"courseId": h.ids("SELECT course_id FROM course_runs WHERE starts_on = '2027-04-15'")[0]}} {
		meeting["personId"] = h.id("people", "konrad-koordinator")
		h.ask(organiser, `mutation($input: NameOrganiserInput!) { nameOrganiser(input: $input) { person { id } } }`, vars{"input": meeting})
	}
	data = h.ask(organiser, `mutation($input: InviteDelegationsInput!) { inviteDelegations(input: $input) { delegations { id } userErrors { message } } }`, vars{"input": vars{
		"editionId": h.id("editions", "vaktreffen-2027"), "respondBy": "2027-02-15T12:00:00Z", "delegations": []vars{{"organisationId": h.id("organisations", "groningen"), "places": 3}},
	}})
	if at(data, "inviteDelegations", "delegations") == nil {
		h.Fatal(data)
	}
	h.ask(organiser, `mutation($input: NameDelegatesInput!) { nameDelegates(input: $input) { delegation { id } } }`, vars{"input": vars{
		"delegationId": h.ids("SELECT id FROM delegations")[0], "personIds": []string{h.id("people", "olga-organisator")},
	}})
	if _, problems := h.mutate(organiser, "publishReport", "", vars{"idempotencyKey": "three", "reportId": h.writeReport()}); problems != "" {
		h.Fatal(problems)
	}
	g := &graphOf{house: h, schema: schema(h), truths: map[string]map[string]any{}, seen: map[string]bool{}, ids: map[string][]string{
		"Municipality": h.ids("SELECT id FROM organisations WHERE kind = 'MUNICIPALITY' ORDER BY key"),
		"Institution":  h.ids("SELECT id FROM organisations WHERE kind = 'INSTITUTION' ORDER BY key"),
		"Campaign":     h.ids("SELECT id FROM campaigns ORDER BY edition_id, report_id"),
		"Session":      h.ids("SELECT id FROM sessions WHERE key = 'block-0' UNION ALL SELECT id FROM sessions WHERE key <> 'block-0'"),
		"Invitation":   h.ids("SELECT id FROM invitations ORDER BY edition_id"),
	}}
	for name, table := range map[string]string{
		"Person": "people", "Partnership": "partnerships", "Series": "series", "Edition": "editions", "Room": "rooms",
		"Theme": "themes", "Course": "courses", "CourseRun": "course_runs", "Seats": "seats", "Delivery": "deliveries", "Registration": "registrations",
		"SignIn": "access_tokens", "Delegation": "delegations", "Reminder": "reminders",
		"IntakeQuestion": "intake_questions", "Report": "reports", "ReportQuestion": "report_questions", "HelpOffer": "help_offers",
		"ReportAction": "report_actions", "Material": "materials", "Correction": "corrections",
		"PracticeDescription": "practices", "PracticeComment": "practice_comments",
	} {
		g.ids[name] = h.ids("SELECT id FROM " + table + " ORDER BY id")
	}
	for name, ids := range g.ids {
		var visible []string
		for some := range slices.Chunk(ids, 100) {
			for i, node := range list(g.ask(organiser, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", vars{"ids": some}), "nodes") {
				if node != nil {
					visible = append(visible, some[i])
				}
			}
		}
		g.ids[name] = visible
	}
	return g
}
