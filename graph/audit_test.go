package graph_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// unlogged are the mutations that leave no entry in the audit log, with the reason.
var unlogged = map[string]string{
	"previewInvitations": "it writes nothing",
}

func TestEveryMutationLeavesAnEntryInTheAuditLog(t *testing.T) {
	each(t, func(t *house) {
		if err := t.db.AppointAdministrator(t.Context(), trainer); err != nil {
			t.Fatal(err)
		}
		s := schema(t)
		done := map[string]bool{}
		// do performs a mutation, which has to succeed and to leave an entry by whoever did it.
		do := func(viewer, name string, input vars) {
			t.Helper()
			field := s.Mutation.Fields.ForName(name)
			if field == nil {
				t.Fatalf("there is no mutation %s", name)
			}
			document, variables := "mutation { "+name+" { userErrors { message } } }", vars{}
			if len(field.Arguments) > 0 {
				document = fmt.Sprintf("mutation($input: %s) { %s(input: $input) { userErrors { message } } }", field.Arguments[0].Type, name)
				variables["input"] = input
			}
			if viewer != nobody {
				t.token(viewer) // leaves an entry of its own
			}
			before := t.ids("SELECT id FROM audit_log")
			if data := t.ask(viewer, document, variables); len(list(data, name, "userErrors")) > 0 {
				t.Fatalf("%s: %v", name, data)
			}
			fresh := slices.DeleteFunc(t.ids("SELECT id FROM audit_log"), func(id string) bool { return slices.Contains(before, id) })
			if len(fresh) == 0 {
				t.Errorf("%s leaves no entry", name)
			}
			done[name] = true
		}
		person := func(key string) string { return t.id("people", key) }
		one := func(statement string) string {
			ids := t.ids(statement)
			if len(ids) == 0 {
				t.Fatalf("nothing: %s", statement)
			}
			return ids[0]
		}
		edition := t.id("editions", "vaktreffen-2027")
		do(organiser, "sendInvitations", vars{"idempotencyKey": "k", "editionId": edition, "audience": vars{"csv": "name,email\nNew,new@example.org"}})
		do(organiser, "sendTestInvitation", vars{"idempotencyKey": "t", "editionId": edition, "message": "Hello {name}"})
		campaign := vars{"campaignId": one("SELECT id FROM campaigns")}
		do(organiser, "pauseCampaign", campaign)
		do(organiser, "resumeCampaign", campaign)
		do(organiser, "cancelCampaign", campaign)

		seats := one("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'vaktreffen-2027')")
		do(organiser, "changeSeats", vars{"seatsId": seats, "capacity": 1, "policy": "OFFER"})
		of := func(key, status string) vars {
			return vars{"registrationId": one("SELECT registrations.id FROM registrations JOIN people ON people.id = person_id WHERE people.key = '" + key + "' AND status = '" + status + "'")}
		}
		for _, email := range []string{member, "max.muster@example.org", colleague} { // the first has the place, the others wait
			do(email, "register", vars{"idempotencyKey": "k", "seatsId": seats})
		}
		listing := of("paula-participant", "CONFIRMED")
		listing["listing"] = "EVERYONE"
		do(member, "changeListing", listing)
		do(member, "cancelRegistration", of("paula-participant", "CONFIRMED"))
		do("max.muster@example.org", "acceptOffer", of("max-muster", "OFFERED"))
		do("max.muster@example.org", "cancelRegistration", of("max-muster", "CONFIRMED"))
		do(colleague, "declineOffer", of("konrad-koordinator", "OFFERED"))

		named := vars{"editionId": edition, "personId": person("max-muster")}
		do(organiser, "nameOrganiser", named)
		do(organiser, "dismissOrganiser", named)
		appointed := vars{"partnershipId": t.id("partnerships", "groningen-oldenburg-bremen"), "organisationId": t.id("organisations", "oldenburg"), "personId": person("max-muster")}
		do(colleague, "appointCoordinator", appointed)
		do(colleague, "dismissCoordinator", appointed)
		do(organiser, "changeRetention", vars{"editionId": edition, "months": 12})

		do(organiser, "inviteDelegations", vars{"editionId": edition, "respondBy": "2027-03-01T12:00:00Z", "delegations": []vars{
			{"organisationId": t.id("organisations", "oldenburg"), "places": 2}, {"organisationId": t.id("organisations", "bremen"), "places": 2}}})
		do(organiser, "remindDelegations", vars{"editionId": edition})
		delegation := func(organisation string) string {
			return one("SELECT delegations.id FROM delegations JOIN organisations ON organisations.id = organisation_id WHERE organisations.key = '" + organisation + "'")
		}
		do(colleague, "nameDelegates", vars{"delegationId": delegation("oldenburg"), "personIds": []string{person("konrad-koordinator")}})
		do("bremen.coordinator@example.org", "declineDelegation", vars{"delegationId": delegation("bremen")})

		run := vars{"courseRunId": one("SELECT id FROM course_runs WHERE starts_on = '2027-04-15'")}
		place := one("SELECT id FROM seats WHERE course_run_id = (SELECT id FROM course_runs WHERE starts_on = '2027-04-15')")
		do(colleague, "register", vars{"idempotencyKey": "course", "seatsId": place})
		do(colleague, "answerIntake", vars{"registrationId": of("konrad-koordinator", "HELD")["registrationId"],
			"answers": []vars{{"questionId": one("SELECT id FROM intake_questions WHERE key = 'eigen-casus'"), "text": "A case"}}})
		do(trainer, "confirmCourseRun", run)
		do(trainer, "changeCourseRun", vars{"courseRunId": run["courseRunId"], "startsOn": "2027-09-01"})
		do(trainer, "cancelCourseRun", run)
		do(organiser, "changeEdition", vars{"editionId": edition, "title": "Renamed"})
		t.exec(`INSERT INTO sessions (id, key, edition_id, kind, title, day, languages, position)
			SELECT id, 'walk', id, 'EXCURSION', 'Walk', starts_on, '["nl"]', 99 FROM editions WHERE key = 'vaktreffen-2027'`)
		session := vars{"sessionId": t.id("sessions", "walk")}
		do(organiser, "changeSession", vars{"sessionId": t.id("sessions", "walk"), "title": "Stroll"})
		do(organiser, "cancelSession", session)
		do(organiser, "reopenSession", session)
		do(organiser, "cancelEdition", vars{"editionId": edition})
		do(organiser, "reopenEdition", vars{"editionId": edition})

		do(member, "changeInvitationMails", vars{"wanted": false})
		t.exec("INSERT INTO suppressions (email, reason, created_at) VALUES ('" + member + "', 'HARD_BOUNCE', '2027-01-15 12:00:00+00:00')")
		do(member, "liftSuppression", vars{"personId": person("paula-participant")})

		do(nobody, "requestSignIn", vars{"email": member})
		hash := sha256.Sum256([]byte("a token"))
		t.exec("INSERT INTO sign_in_links (id, person_id, hash, created_at, expires_at) SELECT id, id, '" + hex.EncodeToString(hash[:]) +
			"', '2027-01-15 12:00:00+00:00', '2027-01-15 12:15:00+00:00' FROM people WHERE key = 'paula-participant'")
		do(nobody, "signIn", vars{"token": "a token"})
		do(member, "signOut", vars{})
		t.tokens.Delete(member)
		do(member, "signOutEverywhere", nil)
		t.tokens.Delete(member)

		do("max.muster@example.org", "changeInvitationMails", vars{"wanted": false})
		do("max.muster@example.org", "changeInvitationMails", vars{"wanted": true})
		t.exec("INSERT INTO suppressions (email, reason, created_at) VALUES ('max.muster@example.org', 'HARD_BOUNCE', '2026-01-01 00:00:00+00:00')")
		do("max.muster@example.org", "liftSuppression", vars{"personId": person("max-muster")})

		do(member, "eraseMe", vars{"confirm": true})
		do(trainer, "erasePerson", vars{"personId": person("max-muster")})

		for _, field := range s.Mutation.Fields {
			if !done[field.Name] && unlogged[field.Name] == "" && !strings.HasPrefix(field.Name, "__") {
				t.Errorf("%s: perform it in this test, or say why it leaves no entry", field.Name)
			}
		}
	})
}
