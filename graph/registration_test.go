package graph_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The document that frontends send, from registering to reading it back.
func TestRegistrationFromEndToEnd(t *testing.T) {
	each(t, func(t *house) {
		edition, seats, session := t.guests() // three places, all taken, and otto waits
		t.exec("UPDATE seats SET policy = 'OFFER' WHERE id = '" + uuid(idOf(seats)) + "'")
		document := operation(t, "registration")
		ask := func(email, name string, variables vars) vars {
			t.Helper()
			a := t.sendNamed(email, document, name, variables)
			if len(a.Errors) > 0 || a.Data == nil {
				t.Fatalf("%s: %s", name, a.body)
			}
			return a.Data
		}
		change := func(email, name, field string, variables vars) any {
			t.Helper()
			payload := at(ask(email, name, variables), field)
			if problems := list(payload, "userErrors"); len(problems) > 0 {
				t.Fatalf("%s: %v", name, problems)
			}
			return at(payload, "registration")
		}
		waiting := t.ids("SELECT id FROM registrations WHERE status = 'WAITLISTED' AND seats_id = '" + uuid(idOf(seats)) + "'")[0]
		if left := change("otto@example.org", "CancelRegistration", "cancelRegistration", vars{"id": waiting}); at(left, "seats", "waiting") != 0.0 {
			t.Errorf("otto left the line: %v", left)
		}
		t.invite(organiser, vars{"editionId": edition, "audience": vars{"personIds": []string{t.id("people", "otto")}}, "respondBy": "2027-05-01T00:00:00Z"})
		invited := func(email string) []any { return list(ask(email, "Viewer", nil), "viewer", "invitations", "nodes") }
		want := []any{vars{"status": "PENDING", "respondBy": "2027-05-01T00:00:00Z", "edition": vars{"id": edition, "title": "Guests"}, "courseRun": nil}}
		if got := invited("otto@example.org"); len(got) != 1 || cmp.Diff(want[0], without(got[0], "id")) != "" {
			t.Errorf("otto's invitations: %v", got)
		}
		change("otto@example.org", "Register", "register", vars{"input": vars{"idempotencyKey": "first", "seatsId": seats}})
		otto := list(ask("otto@example.org", "Viewer", nil), "viewer", "registrations", "nodes")[0]
		if diff := cmp.Diff(vars{
			"status": "WAITLISTED", "position": 1.0, "offerExpiresAt": nil, "registeredAt": t.clock.Load().Format(time.RFC3339),
			"person": vars{"id": t.id("people", "otto"), "name": "Otto"}, "edition": vars{"id": edition, "title": "Guests"}, "session": nil, "courseRun": nil,
			"seats": vars{"id": seats, "capacity": 3.0, "taken": 3.0, "left": 0.0, "waiting": 1.0},
		}, without(otto, "id")); diff != "" {
			t.Errorf("otto waits:\n%s", diff)
		}
		gerda := list(ask("gerda@example.org", "Viewer", nil), "viewer", "registrations", "nodes")
		if len(gerda) != 2 || at(gerda[0], "session", "title") != "Walk" || at(gerda[1], "edition", "id") != edition || at(gerda[0], "seats", "id") != session {
			t.Fatalf("gerda's registrations, the latest first: %v", gerda)
		}
		left := change("gerda@example.org", "CancelRegistration", "cancelRegistration", vars{"id": at(gerda[1], "id")})
		if at(left, "status") != "CANCELLED" || at(left, "seats", "waiting") != 0.0 || at(left, "seats", "taken") != 3.0 {
			t.Errorf("gerda left: %v", left)
		}
		for _, r := range list(ask("gerda@example.org", "Viewer", nil), "viewer", "registrations", "nodes") {
			if at(r, "status") != "CANCELLED" {
				t.Errorf("gerda keeps %v", r)
			}
		}
		otto = list(ask("otto@example.org", "Viewer", nil), "viewer", "registrations", "nodes")[0]
		if at(otto, "status") != "OFFERED" || at(otto, "offerExpiresAt") == nil || at(otto, "position") != nil {
			t.Fatalf("otto is offered the place: %v", otto)
		}
		if got := change("otto@example.org", "AcceptOffer", "acceptOffer", vars{"id": at(otto, "id")}); at(got, "status") != "CONFIRMED" || at(got, "offerExpiresAt") != nil {
			t.Errorf("otto accepted: %v", got)
		}
		change("otto@example.org", "CancelRegistration", "cancelRegistration", vars{"id": at(otto, "id")})
		input := vars{"input": vars{"idempotencyKey": "again", "seatsId": seats}}
		again := change("otto@example.org", "Register", "register", input)
		if at(again, "status") != "CONFIRMED" || at(again, "id") == at(otto, "id") {
			t.Errorf("otto came back: %v", again)
		}
		if diff := cmp.Diff(again, change("otto@example.org", "Register", "register", input)); diff != "" {
			t.Errorf("the same key gave another answer:\n%s", diff)
		}
		if got := fmt.Sprint(pluck(invited("otto@example.org"), "status")); got != "[ACCEPTED]" {
			t.Errorf("otto's invitation is %s", got)
		}
		if got := ask(nobody, "Viewer", nil); at(got, "viewer") != nil {
			t.Errorf("nobody is %v", got)
		}
	})
}

// without returns an object without a field.
func without(object any, field string) vars {
	rest := vars{}
	for name, value := range object.(vars) {
		if name != field {
			rest[name] = value
		}
	}
	return rest
}
