package db_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// column is a column of the catalogue of the database.
type column struct{ Tab, Col, Ref string }

// catalogue returns every column, and every one that refers to another table.
func (w *world) catalogue(t *testing.T) (all, references []column) {
	t.Helper()
	if w.postgres() {
		return rows[column](t, w, `SELECT table_name AS tab, column_name AS col, '' AS ref FROM information_schema.columns
				WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position`),
			rows[column](t, w, `SELECT c.conrelid::regclass::text AS tab, a.attname AS col, c.confrelid::regclass::text AS ref FROM pg_constraint c
				JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) WHERE c.contype = 'f'`)
	}
	return rows[column](t, w, "SELECT m.name AS tab, c.name AS col, '' AS ref FROM sqlite_master m, pragma_table_xinfo(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid"),
		rows[column](t, w, `SELECT m.name AS tab, f."from" AS col, f."table" AS ref FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`)
}

// Whoever adds a column that is about people meets this test, and says in db/privacy.go what export, erasure and retention do with
// it. Only then is it added here.
func TestExportAndErasureKnowEveryColumnAboutPeople(t *testing.T) {
	t.Parallel()
	known := map[string]string{
		"people":        "id key organisation_id affiliation name email job_title locale created_at erased_at",
		"suppressions":  "email reason created_at",
		"contributions": "id session_id role person_id guest_name guest_affiliation position",
		"registrations": "id seats_id person_id organisation_id status ticket registered_at registered_by offer_expires_at expired_because cancelled_at cancelled_with " +
			"calendar_sequence listing",
		"invitations": "id campaign_id person_id edition_id course_run_id status responded_at",
		"deliveries": "id kind lane state person_id campaign_id invitation_id registration_id notice_id reminder_id summary_id course_run_id trial created_at not_before due_at claim worker_id attempts drops round " +
			"dated_at sent_at last_code last_error status_code delegation_id certificate_id survey_id offer_id",
		"delegates":   "registration_id delegation_id",
		"delegations": "id edition_id organisation_id places respond_by message status created_by created_at answered_at reminded_at",
		"campaigns": "id edition_id course_run_id created_by status message texts respond_by send_at created_at finished_at round summed_up_at version total sent failed suppressed " +
			"cancelled uncertain bounced accepted declined report_id survey_id",
		"attendances":      "seats_id person_id organisation_id walk_in at recorded_by",
		"certificates":     "id course_run_id person_id code issued_at issued_by revoked_at",
		"report_texts":     "report_id part_id locale version text author_id saved_at",
		"report_questions": "id report_id session_id organisation_id person_id status created_at",
		"help_offers":      "id question_id organisation_id person_id note created_at",
		"practice_ratings": "practice_id person_id stars rated_at",
		"report_actions":   "id report_id session_id organisation_id person_id due_on status created_at note noted_by",
		"corrections":      "id report_id part_id locale text note status person_id created_at",
		"survey_readers":   "survey_id person_id answered",
		"survey_answers":   "survey_id person_id overall sessions remark answered_at",
		"surveys":          "id edition_id opens_at closes_at remind_at reminded_at anonymous created_by created_at",
		"reminders":        "id campaign_id edition_id course_run_id created_by created_at due_at progress queued_to",
		"audit_log":        "id at actor_id action record_id",
	}
	eachWorld(t, func(t *testing.T, w *world) {
		all, references := w.catalogue(t)
		traced, tables := map[string]bool{}, map[string]bool{"people": true}
		deleted := map[string]bool{}
		for _, x := range db.Traces() {
			traced[x.Table+"."+x.Column], tables[x.Table] = true, true
			deleted[x.Table] = x.Deleted
		}
		for _, c := range references {
			switch {
			case c.Ref == "people" && !traced[c.Tab+"."+c.Col]:
				t.Errorf("%s.%s leads to people, and nothing says what export and erasure do with it", c.Tab, c.Col)
			case slices.Contains([]string{"registrations", "invitations", "deliveries"}, c.Ref) && !tables[c.Tab]:
				t.Errorf("%s.%s leads to what is about a person, and nothing says what export and erasure do with it", c.Tab, c.Col)
			}
		}
		has := map[string][]string{}
		for _, c := range all {
			has[c.Tab] = append(has[c.Tab], c.Col)
			address := strings.Contains(c.Col, "email") || strings.Contains(c.Col, "address") || strings.Contains(c.Col, "phone")
			if address && !slices.Contains([]string{"people.email", "suppressions.email", "editions.venue_address", "course_runs.venue_address",
				"course_runs.invoice_address", "invoices.address"}, c.Tab+"."+c.Col) {
				t.Errorf("%s.%s may hold an address", c.Tab, c.Col)
			}
		}
		for table := range tables {
			if !deleted[table] && known[table] == "" {
				t.Errorf("rows of %s stay after an erasure: say here which columns it has", table)
			}
		}
		for table, columns := range known {
			if got := strings.Join(has[table], " "); got != columns {
				t.Errorf("%s has other columns than erasure was made for:\n%s\n%s", table, got, columns)
			}
		}
	})
}

// everywhere makes Anna known in every table that can be about her, and returns her as an actor.
func (w *world) everywhere(t *testing.T) (anna db.ID) {
	t.Helper()
	w.importFile(t, withIntake())
	anna = w.people(t, "anna")[0]
	w.exec(t, "UPDATE people SET job_title = 'Stadtplanerin', affiliation = 'Annas Office' WHERE id = ?", anna)
	for _, address := range []string{"olga@example.org", "anna@example.org"} {
		if err := w.AppointAdministrator(t.Context(), address); err != nil {
			t.Fatal(err)
		}
	}
	invited := w.send(t, w.olga, toEdition("before", w.edition(t, "small"), db.AudienceInput{PersonIDs: w.people(t, "anna", "bert")}))
	w.answer(t, w.tokens(t, invited.ID)[0], true)
	partnership, groningen := query[db.ID](t, w, "SELECT id FROM partnerships"), w.id(t, "organisations", "groningen")
	if _, err := w.AppointCoordinator(t.Context(), w.olga, db.CoordinatorInput{PartnershipID: partnership, OrganisationID: *groningen, PersonID: anna}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.NameOrganiser(t.Context(), w.olga, db.OrganiserInput{EditionID: w.edition(t, "open"), PersonID: anna}, nil); err != nil {
		t.Fatal(err)
	}
	actor := w.actor(t, "anna@example.org")
	w.send(t, actor, toEdition("Annas key", w.edition(t, "open"), db.AudienceInput{PersonIDs: w.people(t, "dieter")}))
	if _, err := w.RemindInvited(t.Context(), actor, db.RemindInvitedInput{EditionID: w.edition(t, "open"), At: new(beginning.AddDate(0, 0, 7))}, nil); err != nil {
		t.Fatal(err)
	}
	r, err := w.Register(t.Context(), actor, db.RegisterInput{IdempotencyKey: "Anna comes", SeatsID: w.seats(t, "open")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	delegations, err := w.InviteDelegations(t.Context(), actor, db.InviteDelegationsInput{
		EditionID: *w.edition(t, "open"), RespondBy: beginning.AddDate(0, 0, 14), Delegations: []db.DelegationInput{{OrganisationID: *groningen, Places: 2}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.NameDelegates(t.Context(), actor, db.NameDelegatesInput{DelegationID: delegations[0].ID, PersonIDs: []db.ID{anna}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ChangeListing(t.Context(), actor, r.ID, db.ListEveryone, nil); err != nil {
		t.Fatal(err)
	}
	run := w.seatsOf(t, "course_runs", "intake")
	w.register(t, run, "anna")
	w.answerIntake(t, actor, db.AnswerIntakeInput{RegistrationID: w.latest(t, run, "anna"), Answers: []db.IntakeAnswerInput{w.text(t, "case", "Annas case")},
		Invoice: &db.InvoiceInput{Organisation: "Annas Office", Address: "Annas Street 1"}})
	w.exec(t, "INSERT INTO run_trainers (course_run_id, person_id, position) VALUES (?, ?, 9)", *w.id(t, "course_runs", "spring"), anna)
	if err := w.RequestSignIn(t.Context(), "anna@example.org"); err != nil {
		t.Fatal(err)
	}
	at, any := w.clock.Now(), db.NewID(db.KindUnknown, beginning)
	w.exec(t, "UPDATE deliveries SET last_error = 'mailbox of anna@example.org is full' WHERE person_id = ?", anna)
	if err := w.RenewCalendar(t.Context(), actor); err != nil {
		t.Fatal(err)
	}
	w.exec(t, "INSERT INTO opt_outs (person_id, opted_out_at, means) VALUES (?, ?, 'PAGE')", anna, at)
	w.exec(t, "INSERT INTO bounces (delivery_id, recipient_tag, status_code, bounced_at) SELECT id, 'tag', '5.1.1', created_at FROM deliveries WHERE person_id = ?", anna)
	w.exec(t, "INSERT INTO suppressions (email, reason, created_at) VALUES ('anna@example.org', 'HARD_BOUNCE', ?)", at)
	w.exec(t, "INSERT INTO sign_in_links (id, person_id, hash, created_at, expires_at) VALUES (?, ?, 'x', ?, ?)", any, anna, at, at)
	w.exec(t, "INSERT INTO course_trainers (course_id, person_id, position) VALUES (?, ?, 0)", *w.id(t, "courses", "masterclass"), anna)
	w.exec(t, `INSERT INTO sessions (id, key, edition_id, kind, title, day, languages, position) SELECT ?, 'talk', id, 'PLENARY', 'Talk', '2027-05-20', '[]', 0 FROM editions WHERE key = 'open'`, any)
	w.exec(t, "INSERT INTO contributions (id, session_id, role, person_id, guest_name, guest_affiliation, position) VALUES (?, ?, 'SPEAKER', ?, '', '', 0)", any, any, anna)
	w.exec(t, "INSERT INTO attendances (seats_id, person_id, walk_in, at, recorded_by) VALUES (?, ?, ?, ?, ?)", w.seats(t, "open"), anna, false, at, anna)
	w.exec(t, "INSERT INTO certificates (id, course_run_id, person_id, code, issued_at, issued_by) VALUES (?, ?, ?, 'ABCD', ?, ?)", any, *w.id(t, "course_runs", "spring"), anna, at, anna)
	for _, statement := range []string{
		"INSERT INTO reports (id, edition_id, status, created_at) SELECT id, id, 'DRAFT', ?1 FROM editions WHERE key = 'open'",
		"INSERT INTO report_texts (report_id, part_id, locale, version, text, author_id, saved_at) SELECT id, id, 'de', 1, 'Gut.', ?0, ?1 FROM reports",
		"INSERT INTO report_questions (id, report_id, person_id, status, created_at) SELECT id, id, ?0, 'OPEN', ?1 FROM reports",
		"INSERT INTO help_offers (id, question_id, organisation_id, person_id, note, created_at) SELECT id, id, ?2, ?0, 'Ask anna@example.org', ?1 FROM report_questions",
		"INSERT INTO report_actions (id, report_id, organisation_id, person_id, status, created_at) SELECT id, id, ?2, ?0, 'OPEN', ?1 FROM reports",
		"UPDATE report_actions SET note = 'anna says', noted_by = ?0",
		"INSERT INTO action_mails (action_id, person_id, kind, step_on, mailed_on, delivery_id) SELECT report_actions.id, ?0, 'action_due', '2027-02-01', '2027-02-01', deliveries.id FROM report_actions, deliveries WHERE deliveries.person_id = ?0 ORDER BY deliveries.id LIMIT 1",
		"INSERT INTO practices (id, edition_id, status, version, locale, title, description, budget_currency, term, success_factors, pitfalls, points_of_attention, recommendations, created_at) SELECT id, id, 'DRAFT', 1, 'de', 'T', '', '', '', '[]', '[]', '[]', '[]', ?1 FROM editions WHERE key = 'open'",
		"INSERT INTO practice_comments (id, practice_id, person_id, text, status, reason, created_at) SELECT id, id, ?0, 'says anna', 'SHOWN', '', ?1 FROM practices",
		"INSERT INTO practice_ratings (practice_id, person_id, stars, rated_at) SELECT id, ?0, 4, ?1 FROM practices",
		"INSERT INTO report_readers (report_id, person_id, asked_at) SELECT id, ?0, ?1 FROM reports",
		"INSERT INTO corrections (id, report_id, part_id, locale, text, note, status, person_id, created_at) SELECT id, id, id, 'de', 'Besser.', 'Annas note', 'PROPOSED', ?0, ?1 FROM reports",
		"INSERT INTO surveys (id, edition_id, opens_at, closes_at, anonymous, created_by, created_at) SELECT id, id, ?1, '2030-01-01 00:00:00+00:00', 1 = 0, ?0, ?1 FROM editions WHERE key = 'open'",
		"INSERT INTO survey_readers (survey_id, person_id, answered) SELECT id, ?0, 1 = 1 FROM surveys",
		"INSERT INTO survey_answers (survey_id, person_id, overall, sessions, remark, answered_at) SELECT id, ?0, 5, '{}', 'Annas remark', ?1 FROM surveys",
	} {
		w.exec(t, statement, anna, at, *groningen)
	}
	return anna
}

// seats returns the seats of the edition.
func (w *world) seats(t *testing.T, edition string) db.ID {
	t.Helper()
	return query[db.ID](t, w, "SELECT id FROM seats WHERE edition_id = ?", *w.edition(t, edition))
}

// found returns the columns of the whole database that hold the text somewhere.
func (w *world) found(t *testing.T, text string) (places []string) {
	t.Helper()
	all, _ := w.catalogue(t)
	for _, c := range all {
		if n := query[int](t, w, fmt.Sprintf(`SELECT count(*) FROM "%s" WHERE lower(CAST("%s" AS text)) LIKE ?`, c.Tab, c.Col), "%"+strings.ToLower(text)+"%"); n > 0 {
			places = append(places, c.Tab+"."+c.Col)
		}
	}
	return places
}

func TestAnExportHoldsEverything(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		anna := w.everywhere(t)
		actor := w.actor(t, "anna@example.org")
		text, err := w.ExportMyData(t.Context(), actor)
		if err != nil {
			t.Fatal(err)
		}
		var export map[string]json.RawMessage
		if err := json.Unmarshal([]byte(*text), &export); err != nil {
			t.Fatal(err)
		}
		for _, x := range db.Traces() {
			var records []map[string]any
			if err := json.Unmarshal(export[x.Label], &records); err != nil || len(records) == 0 {
				t.Errorf("%q is empty: %v", x.Label, err)
				continue
			}
			of := "= ?"
			if x.Via != "" {
				of = "IN (SELECT id FROM " + x.Via + " WHERE person_id = ?)"
			}
			if n := query[int](t, w, fmt.Sprintf("SELECT count(*) FROM %s WHERE %s %s", x.Table, x.Column, of), anna); n != len(records) {
				t.Errorf("%q holds %d of %d", x.Label, len(records), n)
			}
			if got := records[0][x.Column]; x.Via == "" && got != anna.String() {
				t.Errorf("%q: %s is %v, want the id that the API uses", x.Label, x.Column, got)
			}
		}
		for _, want := range []string{"anna@example.org", "Stadtplanerin", "Groningen", "HARD_BOUNCE", `"name": "Anna"`, "EVERYONE", `"2027-01-10T09:00:00Z"`} {
			if !strings.Contains(*text, want) {
				t.Errorf("no %q in the export", want)
			}
		}
		for _, secret := range append(rows[string](t, w, "SELECT hash FROM access_tokens"), `"hash"`, "bert@example.org", "dieter@example.org") {
			if strings.Contains(*text, secret) {
				t.Errorf("%q is in the export", secret)
			}
		}
		if nothing, err := w.ExportMyData(t.Context(), db.Actor{}); nothing != nil || err != nil {
			t.Errorf("nobody gets %v, %v", nothing, err)
		}
	})
}

func TestErasureLeavesNothingButNumbers(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		anna := w.everywhere(t)
		w.clock.advance(time.Hour)
		organisation := query[db.ID](t, w, "SELECT organisation_id FROM registrations WHERE person_id = ? LIMIT 1", anna)
		counts := func() string {
			return fmt.Sprint(query[int](t, w, "SELECT count(*) FROM registrations WHERE organisation_id = ?", organisation), query[int](t, w, "SELECT count(*) FROM invitations"),
				query[int](t, w, "SELECT count(*) FROM deliveries WHERE registration_id IS NULL"), query[int](t, w, "SELECT count(*) FROM contributions"), query[int](t, w, "SELECT count(*) FROM campaigns"))
		}
		before := counts()
		for _, text := range []string{"anna", "Stadtplanerin"} {
			if places := w.found(t, text); !slices.Contains(places, map[string]string{"anna": "people.email", "Stadtplanerin": "people.job_title"}[text]) {
				t.Fatalf("%q is looked for and not found: %v", text, places)
			}
		}
		at, err := w.ErasePerson(t.Context(), w.actor(t, "olga@example.org"), anna)
		if err != nil || !at.Equal(w.clock.Now()) {
			t.Fatalf("%v, %v", at, err)
		}
		for _, text := range []string{"anna", "Stadtplanerin"} {
			if places := w.found(t, text); len(places) > 0 {
				t.Errorf("%q is still in %v", text, places)
			}
		}
		for _, x := range db.Traces() {
			of := "= ?"
			if x.Via != "" {
				of = "IN (SELECT id FROM " + x.Via + " WHERE person_id = ?)"
			}
			if n := query[int](t, w, fmt.Sprintf("SELECT count(*) FROM %s WHERE %s %s", x.Table, x.Column, of), anna); x.Deleted == (n > 0) {
				t.Errorf("%s: %d are left, deleted: %t", x.Table, n, x.Deleted)
			}
		}
		if after := counts(); after != before {
			t.Errorf("numbers changed from %s to %s", before, after)
		}
		if n := query[int](t, w, "SELECT count(*) FROM registrations WHERE person_id = ? AND status = 'CANCELLED' AND listing = 'NOBODY'", anna); n != 3 {
			t.Errorf("%d of 3 places were given up", n)
		}
		if n := query[int](t, w, "SELECT count(*) FROM deliveries WHERE person_id = ? AND state <> 'CANCELLED'", anna); n != 0 {
			t.Errorf("%d mails would still leave", n)
		}
		w.exec(t, "DELETE FROM suppressions WHERE email LIKE '%@%'")
		w.exec(t, "DELETE FROM erased_opt_outs") // which has a test of its own
		p, err := w.PreviewInvitations(t.Context(), w.olga, toEdition("x", w.edition(t, "open"), db.AudienceInput{CSV: ptr("name,email\nAnna Again,anna@example.org\nNew,new@example.org")}))
		if err != nil || p.Suppressed != 1 || p.NewRecipients != 1 || p.AlreadyInvited != 0 {
			t.Errorf("who comes back: %+v, %v", p, err)
		}
		w.send(t, w.olga, toEdition("y", w.edition(t, "small"), db.AudienceInput{CSV: ptr("name,email\nAnna Again,anna@example.org")}))
		if again := query[db.ID](t, w, "SELECT id FROM people WHERE email = 'anna@example.org'"); again == anna {
			t.Error("who comes back is the erased person")
		}
	})
}

func ptr[T any](value T) *T { return &value }

func TestAnErasedPlaceGoesToTheNext(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "small"), db.AudienceInput{CSV: csvOf("p", 5)}))
		tokens := w.tokens(t, c.ID)
		for _, token := range tokens[:4] {
			w.answer(t, token, true)
		}
		waits, err := w.Answer(t.Context(), tokens[3])
		if err != nil || waits.Registration.Status != db.Waitlisted {
			t.Fatal(waits, err)
		}
		for i, want := range []struct{ person, accepted, declined int }{{0, 3, 1}, {4, 3, 1}} { // one with a place, one without an answer
			first := query[db.ID](t, w, "SELECT id FROM people WHERE email = ?", fmt.Sprintf("p%d@example.org", want.person))
			if _, err := w.EraseMe(t.Context(), db.Actor{PersonID: first}, true); err != nil {
				t.Fatal(err)
			}
			if a, err := w.Answer(t.Context(), tokens[want.person]); a != nil || err != nil {
				t.Errorf("the link of an erased person shows %v, %v", a, err)
			}
			if a, err := w.RecordAnswer(t.Context(), tokens[want.person], true); a != nil || err != nil {
				t.Errorf("the link of an erased person takes an answer: %v, %v", a, err)
			}
			counts := query[string](t, w, "SELECT CAST(accepted AS text) || ' ' || CAST(declined AS text) FROM campaigns")
			if counts != fmt.Sprint(want.accepted, " ", want.declined) {
				t.Errorf("%d: accepted and declined are %s", i, counts)
			}
		}
		if a, err := w.Answer(t.Context(), tokens[3]); err != nil || a.Registration.Status == db.Waitlisted {
			t.Errorf("the next in line still waits: %v, %v", a, err)
		}
		if got := query[string](t, w, "SELECT CAST(taken AS text) || ' ' || CAST(waiting AS text) FROM seats WHERE capacity = 3"); got != "3 0" {
			t.Errorf("taken and waiting are %s", got)
		}
	})
}

func TestWhoMayErase(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		anna := w.people(t, "anna")[0]
		for name, actor := range map[string]db.Actor{"nobody": {}, "a coordinator": w.olga, "another": w.outsider} {
			want := db.CodeForbidden
			if actor.Anonymous() {
				want = db.CodeNotSignedIn
			}
			if _, err := w.ErasePerson(t.Context(), actor, anna); code(err) != want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.EraseMe(t.Context(), w.actor(t, "anna@example.org"), false); code(err) != db.CodeRequired {
			t.Errorf("not confirmed: %v", err)
		}
		if _, err := w.EraseMe(t.Context(), w.konrad, true); code(err) != db.CodeConflict {
			t.Errorf("the last coordinator of a lead: %v", err)
		}
		if err := w.AppointAdministrator(t.Context(), "bettina@example.org"); err != nil {
			t.Fatal(err)
		}
		bettina := w.actor(t, "bettina@example.org")
		if _, err := w.EraseMe(t.Context(), bettina, true); code(err) != db.CodeConflict {
			t.Errorf("the only administrator: %v", err)
		}
		if _, err := w.ErasePerson(t.Context(), bettina, db.NewID(db.KindPerson, beginning)); code(err) != db.CodeNotFound {
			t.Errorf("nobody there: %v", err)
		}
		token, err := w.IssueToken(t.Context(), "anna@example.org", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.ErasePerson(t.Context(), bettina, anna); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := w.Authenticate(t.Context(), token); ok || err != nil {
			t.Errorf("the token of an erased person: %t, %v", ok, err)
		}
		if _, err := w.NameOrganiser(t.Context(), w.olga, db.OrganiserInput{EditionID: w.edition(t, "open"), PersonID: anna}, nil); code(err) != db.CodeNotFound {
			t.Errorf("an erased organiser: %v", err)
		}
		if _, err := w.Register(t.Context(), w.olga, db.RegisterInput{IdempotencyKey: "k", SeatsID: w.seats(t, "open"), PersonID: &anna}, nil); code(err) != db.CodeNotFound {
			t.Errorf("an erased participant: %v", err)
		}
	})
}

func TestErasuresAtOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, address := range []string{"bert@example.org", "carla@example.org"} {
			if err := w.AppointAdministrator(t.Context(), address); err != nil {
				t.Fatal(err)
			}
		}
		bert, carla := w.actor(t, "bert@example.org"), w.actor(t, "carla@example.org")
		anna := w.everywhere(t)
		if err := w.DismissAdministrator(t.Context(), "anna@example.org"); err != nil {
			t.Fatal(err)
		}
		if err := w.DismissAdministrator(t.Context(), "olga@example.org"); err != nil {
			t.Fatal(err)
		}
		type outcome struct {
			at  *time.Time
			err error
		}
		together := func(verbs ...func() (*time.Time, error)) []outcome {
			results := make([]chan outcome, len(verbs))
			for i, verb := range verbs {
				results[i] = make(chan outcome, 1)
				go func() { at, err := verb(); results[i] <- outcome{at, err} }()
			}
			all := make([]outcome, len(verbs))
			for i := range results {
				all[i] = <-results[i]
			}
			return all
		}
		same := together(
			func() (*time.Time, error) { return w.ErasePerson(t.Context(), bert, anna) },
			func() (*time.Time, error) { return w.ErasePerson(t.Context(), carla, anna) },
		)
		if same[0].err != nil || same[1].err != nil || !same[0].at.Equal(*same[1].at) {
			t.Errorf("two erase the same person: %v", same)
		}
		if n := query[int](t, w, "SELECT count(*) FROM audit_log WHERE action = 'erase person'"); n != 1 {
			t.Errorf("%d entries for one erasure", n)
		}
		together(
			func() (*time.Time, error) { return w.ErasePerson(t.Context(), bert, carla.PersonID) },
			func() (*time.Time, error) { return w.ErasePerson(t.Context(), carla, bert.PersonID) },
		)
		if n := query[int](t, w, "SELECT count(*) FROM administrators"); n != 1 {
			t.Errorf("after two erased each other there are %d administrators", n)
		}
		w.checkDeadlocks(t, "in the end")
	})
}

func TestWhatArrivesDuringAnErasureIsErasedToo(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{PersonIDs: w.people(t, "anna")}))
		w.answer(t, w.tokens(t, c.ID)[0], true)
		anna := w.people(t, "anna")[0]
		at, err := w.EraseMe(t.Context(), db.Actor{PersonID: anna}, true)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := w.FinishErasures(t.Context()); n != 0 || err != nil {
			t.Errorf("nothing arrived: %d, %v", n, err)
		}
		w.exec(t, "UPDATE deliveries SET last_error = 'anna@example.org is unknown' WHERE person_id = ?", anna)
		w.exec(t, "UPDATE registrations SET status = 'CONFIRMED', cancelled_at = NULL, registered_at = ? WHERE person_id = ?", *at, anna)
		w.exec(t, "UPDATE seats SET taken = 1 WHERE edition_id = ?", *w.edition(t, "open"))
		w.clock.advance(time.Minute)
		for want := range 2 {
			if n, err := w.FinishErasures(t.Context()); n != 1-want || err != nil {
				t.Errorf("finished %d, %v", n, err)
			}
		}
		if places := w.found(t, "anna"); len(places) > 0 {
			t.Errorf("she is still in %v", places)
		}
		if again, err := w.EraseMe(t.Context(), db.Actor{PersonID: anna}, true); err != nil || !again.Equal(*at) {
			t.Errorf("erased at %v, then %v, %v", at, again, err)
		}
		if n := query[int](t, w, "SELECT sum(taken) FROM seats"); n != 0 {
			t.Errorf("%d places are taken", n)
		}
	})
}
