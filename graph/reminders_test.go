package graph_test

import (
	"fmt"
	"testing"
)

func TestOrganisersSeeWhyMailsFailedAndPlanReminders(t *testing.T) {
	each(t, func(t *house) {
		t.exec("INSERT INTO suppressions (email, reason, created_at) VALUES ('gone@example.org', 'HARD_BOUNCE', '2027-01-01 00:00:00+00:00')")
		campaign := t.invite(organiser, vars{"editionId": t.id("editions", "vaktreffen-2027"), "respondBy": "2027-02-15T12:00:00Z",
			"audience": vars{"csv": "name,email\nGone,gone@example.org\nFull,full@example.org"}})
		t.exec("UPDATE deliveries SET state = 'FAILED', last_code = 552, status_code = '5.2.2', last_error = '5.2.2 Over quota' WHERE state = 'QUEUED' AND kind = 'invitation'")
		t.exec("UPDATE invitations SET status = 'UNDELIVERED'")
		t.exec("UPDATE campaigns SET failed = 1, status = 'FINISHED', finished_at = '2027-01-15 12:00:00+00:00'")
		const recipients = `query($id: ID!, $state: DeliveryState) { node(id: $id) { ... on Campaign { invitations(first: 10, deliveryState: $state) { nodes {
			delivery { state reason explanation replyCode statusCode } } } } } }`
		for state, want := range map[string][2]any{"FAILED": {"MAILBOX_FULL", "552"}, "SUPPRESSED": {"NO_MAILBOX", "<nil>"}} {
			delivery := at(t.ask(organiser, recipients, vars{"id": campaign, "state": state}), "node", "invitations", "nodes", 0, "delivery")
			if at(delivery, "reason") != want[0] || fmt.Sprint(at(delivery, "replyCode")) != want[1] || at(delivery, "explanation") == nil {
				t.Errorf("%s: %v", state, delivery)
			}
		}
		retry := `mutation($input: RetryFailedInput!) { retryFailed(input: $input) { retried campaign { status failed queued } userErrors { code field } } }`
		remind := `mutation($input: RemindInvitedInput!) { remindInvited(input: $input) { reminder { id status dueAt total campaign { id } edition { title } courseRun { id } } userErrors { code field } } }`
		for name, refused := range map[string]any{
			"retryFailed":   t.ask(stranger, retry, vars{"input": vars{"campaignId": campaign}}),
			"remindInvited": t.ask(stranger, remind, vars{"input": vars{"campaignId": campaign}}),
		} {
			if p := at(refused, name, "userErrors", 0); at(p, "code") != "NOT_FOUND" || at(p, "field", 1) != "campaignId" {
				t.Errorf("%s by a stranger: %v", name, refused)
			}
		}
		retried := at(t.ask(organiser, retry, vars{"input": vars{"campaignId": campaign}}), "retryFailed")
		if fmt.Sprint(at(retried, "retried")) != "1" || at(retried, "campaign", "status") != "SENDING" || fmt.Sprint(at(retried, "campaign", "queued")) != "1" {
			t.Errorf("retry: %v", retried)
		}
		reminder := at(t.ask(organiser, remind, vars{"input": vars{"campaignId": campaign}}), "remindInvited", "reminder")
		if at(reminder, "status") != "SCHEDULED" || at(reminder, "dueAt") != "2027-02-12T12:00:00Z" || at(reminder, "campaign", "id") != campaign || at(reminder, "courseRun") != nil {
			t.Errorf("reminder: %v", reminder)
		}
		gone := t.ask(organiser, `mutation($input: WithdrawReminderInput!) { withdrawReminder(input: $input) { reminder { status } userErrors { code } } }`,
			vars{"input": vars{"reminderId": at(reminder, "id")}})
		if at(gone, "withdrawReminder", "reminder", "status") != "WITHDRAWN" {
			t.Errorf("withdrawn: %v", gone)
		}
		if data := t.ask(organiser, `query($id: ID!) { node(id: $id) { ... on Campaign { reminders { status } } } }`, vars{"id": campaign}); at(data, "node", "reminders", 0, "status") != "WITHDRAWN" {
			t.Errorf("reminders of the campaign: %v", data)
		}
	})
}
