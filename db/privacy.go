package db

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Erased is the name of everybody whose personal data was erased.
const Erased = "Erased person"

// trace is a column that leads from a record to the person whom it is about: what an export leaves out of such records, what
// erasing the person does to them, and which meeting they belong to. Every column that leads to a person has one; a test asks the
// catalogue of the database. Erasure never deletes people themselves, so what is not deleted leads to a pseudonym afterwards.
type trace struct {
	table, column string
	via           string // the table whose record the column names, when that is the person's: registrations, invitations, deliveries
	name          string // in an export; "" is the table's

	secret  []string // columns that an export leaves out: they open doors, or are how the program works
	deleted bool     // erasure deletes the rows
	cleared string   // what erasure sets in the rows that stay
	meeting string   // condition on a row: it belongs to the edition ?1 or the course run ?2
	anchor  string   // condition on a row at the time ?0: it keeps the person known when another meeting is forgotten
}

// The seats and the records of a meeting: of the edition ?1 with its sessions, or of the course run ?2.
const (
	seatsOfMeeting = `(SELECT seats.id FROM seats LEFT JOIN sessions ON sessions.id = seats.session_id
		WHERE seats.edition_id = ?1 OR sessions.edition_id = ?1 OR seats.course_run_id = ?2)`
	inMeeting        = "edition_id = ?1 OR course_run_id = ?2"
	inReport         = "report_id IN (SELECT id FROM reports WHERE edition_id = ?1)"
	inSurvey         = "survey_id IN (SELECT id FROM surveys WHERE edition_id = ?1)"
	inPractice       = "practice_id IN (SELECT id FROM practices WHERE edition_id = ?1)"
	onSeatsOfMeeting = "seats_id IN " + seatsOfMeeting
	aboutMeeting     = "registration_id IN (SELECT id FROM registrations WHERE " + onSeatsOfMeeting + `)
		OR invitation_id IN (SELECT id FROM invitations WHERE ` + inMeeting + `)
		OR certificate_id IN (SELECT id FROM certificates WHERE course_run_id = ?2)
		OR offer_id IN (SELECT id FROM help_offers WHERE question_id IN (SELECT id FROM report_questions WHERE ` + inReport + "))" + " OR " + inSurvey
)

// traces are all that the database holds about people, besides the row of people itself and the addresses that take no mail or no
// invitations. Rows that others refer to come later than those that refer to them.
//
// What a published programme says of who spoke stays, under the pseudonym; a guest who is only named there is no record of a
// person, and organisers correct the name in the programme.
var traces = []trace{
	{table: "access_tokens", column: "person_id", secret: []string{"hash"}, deleted: true, anchor: "expires_at > ?0"},
	{table: "sign_in_links", column: "person_id", secret: []string{"hash"}, deleted: true},
	{table: "idempotency_keys", column: "person_id", secret: []string{"input_hash"}, deleted: true},
	{table: "administrators", column: "person_id", deleted: true, anchor: "1 = 1"},
	{table: "organisers", column: "person_id", deleted: true, anchor: "1 = 1"},
	{table: "coordinators", column: "person_id", deleted: true, anchor: "1 = 1"},
	{table: "course_trainers", column: "person_id", deleted: true, anchor: "1 = 1"},
	{table: "run_trainers", column: "person_id", deleted: true, anchor: "1 = 1"},
	{table: "opt_outs", column: "person_id", deleted: true},
	{table: "calendar_links", column: "person_id", deleted: true},
	{table: "bounces", column: "delivery_id", via: "deliveries", secret: []string{"recipient_tag"}, deleted: true},
	{table: "contributions", column: "person_id", anchor: "1 = 1"},
	{table: "intake_answers", column: "registration_id", via: "registrations", deleted: true},
	{table: "invoices", column: "registration_id", via: "registrations", deleted: true},
	{table: "deliveries", column: "person_id", secret: []string{"due_at", "claim", "worker_id"}, cleared: "last_error = NULL, trial = NULL", meeting: aboutMeeting},
	{table: "invitations", column: "person_id", meeting: inMeeting, anchor: "1 = 1"},
	{table: "delegates", column: "registration_id", via: "registrations"},
	{table: "registrations", column: "person_id", cleared: "listing = 'NOBODY'", meeting: onSeatsOfMeeting, anchor: "1 = 1"},
	{table: "registrations", column: "registered_by", name: "registrations made", secret: []string{"organisation_id", "listing"},
		meeting: "person_id IN (?3, ?4) AND " + onSeatsOfMeeting},
	{table: "attendances", column: "person_id", meeting: onSeatsOfMeeting, anchor: "1 = 1"},
	{table: "attendances", column: "recorded_by", name: "attendances recorded"},
	{table: "certificates", column: "person_id", meeting: "course_run_id = ?2", anchor: "1 = 1"},
	{table: "certificates", column: "issued_by", name: "certificates issued", secret: []string{"code"}},
	{table: "report_texts", column: "author_id", name: "report texts written", meeting: inReport},
	{table: "report_questions", column: "person_id", meeting: inReport},
	{table: "help_offers", column: "person_id", cleared: "note = ''", meeting: "question_id IN (SELECT id FROM report_questions WHERE " + inReport + ")"},
	{table: "report_actions", column: "person_id", meeting: inReport},
	{table: "report_actions", column: "noted_by", name: "notes on actions", cleared: "note = ''", meeting: inReport},
	{table: "action_mails", column: "person_id", deleted: true, meeting: "action_id IN (SELECT id FROM report_actions WHERE " + inReport + ")"},
	{table: "practice_comments", column: "person_id", deleted: true, meeting: inPractice, anchor: "1 = 1"},
	{table: "practice_ratings", column: "person_id", meeting: inPractice},
	{table: "report_readers", column: "person_id", deleted: true, meeting: inReport},
	{table: "corrections", column: "person_id", cleared: "note = ''", meeting: inReport},
	{table: "survey_readers", column: "person_id", meeting: inSurvey},
	{table: "survey_answers", column: "person_id", cleared: "remark = ''", meeting: inSurvey},
	{table: "surveys", column: "created_by", name: "feedback asked for"},
	{table: "campaigns", column: "created_by", name: "campaigns sent"},
	{table: "reminders", column: "created_by", name: "reminders set"},
	{table: "delegations", column: "created_by", name: "delegations invited"},
	{table: "audit_log", column: "actor_id", name: "done"},
	{table: "audit_log", column: "record_id", name: "done to me"},
}

// label is what an export calls the records.
func (h trace) label() string {
	if h.name != "" {
		return h.name
	}
	return h.table
}

// about is the condition that a row is about the person.
func (h trace) about(person ID) (string, ID) {
	if h.via != "" {
		return h.column + " IN (SELECT id FROM " + h.via + " WHERE person_id = ?)", person
	}
	return h.column + " = ?", person
}

// eraseTraces does to the records about a person what erasure does to them.
func eraseTraces(ctx context.Context, tx bun.IDB, person ID) error {
	for _, h := range traces {
		condition, of := h.about(person)
		statement := ""
		switch {
		case h.deleted:
			statement = "DELETE FROM " + h.table
		case h.cleared != "":
			statement = "UPDATE " + h.table + " SET " + h.cleared
		default:
			continue
		}
		if _, err := tx.NewRaw(statement+" WHERE "+condition, of).Exec(ctx); err != nil {
			return fmt.Errorf("erase from %s: %w", h.table, err)
		}
	}
	return nil
}
