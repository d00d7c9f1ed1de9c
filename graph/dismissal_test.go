package graph_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// socket is a WebSocket that stays open, for one operation after the other.
type socket struct {
	*house
	conn *websocket.Conn
	sent int
}

func (h *house) socket(email string) *socket {
	h.Helper()
	conn, _, err := websocket.Dial(h.Context(), h.url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = conn.CloseNow() })
	s := &socket{house: h, conn: conn}
	s.write(vars{"type": "connection_init", "payload": vars{"Authorization": "Bearer " + h.token(email)}})
	return s
}

func (s *socket) write(message vars) {
	s.Helper()
	if err := wsjson.Write(s.Context(), s.conn, message); err != nil {
		s.Fatal(err)
	}
}

// perform runs an operation that is no subscription.
func (s *socket) perform(query string, variables vars) (a answer) {
	s.Helper()
	s.sent++
	id := strconv.Itoa(s.sent)
	s.write(vars{"type": "subscribe", "id": id, "payload": vars{"query": query, "variables": variables}})
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	for {
		var m struct {
			Type, ID string
			Payload  json.RawMessage
		}
		if err := wsjson.Read(ctx, s.conn, &m); err != nil {
			s.Fatalf("read from the WebSocket: %v", err)
		}
		if m.ID != id {
			continue
		}
		switch m.Type {
		case "complete":
			return a
		case "next":
			if err := json.Unmarshal(m.Payload, &a); err != nil {
				s.Fatal(err)
			}
		case "error":
			if err := json.Unmarshal(m.Payload, &a.Errors); err != nil {
				s.Fatal(err)
			}
			return s.heard(a)
		}
	}
}

// What is taken from somebody is gone at once, on connections and streams too that were opened before.
func TestWhatIsTakenIsGoneAtOnce(t *testing.T) {
	each(t, func(t *house) {
		s := newScene(t)
		second := "vera.voorbeeld@example.org" // of the host, whose coordinator the organiser is
		coordinates := vars{"partnershipId": t.id("partnerships", "groningen-oldenburg-bremen"), "organisationId": t.id("organisations", "groningen"), "personId": s.person("vera-voorbeeld")}
		s.do(organiser, "appointCoordinator", coordinates)
		s.do(organiser, "nameOrganiser", vars{"editionId": s.edition, "personId": s.person(keyOf(elsewhere))})
		s.do(organiser, "sendInvitations", vars{"idempotencyKey": "second", "editionId": s.edition, "audience": vars{"csv": "name,email\nNewcomer,new@example.net"}})
		campaign := s.one("SELECT id FROM campaigns WHERE total > suppressed")
		const pause = `mutation($id: ID!) { pauseCampaign(input: { campaignId: $id }) { campaign { id } userErrors { code } } }`
		const look = `query($id: ID!) { node(id: $id) { id } }`
		id := vars{"id": campaign}
		for _, test := range []struct {
			name, email string
			take        func()
			signedOut   bool // not only the role is gone
		}{
			{"a named organiser", named, func() {
				s.do(organiser, "dismissOrganiser", vars{"editionId": s.edition, "personId": s.person(keyOf(named))})
			}, false},
			{"a coordinator", second, func() { s.do(organiser, "dismissCoordinator", coordinates) }, false},
			{"somebody who signs out", leader, func() { t.ask(leader, "mutation { signOutEverywhere { userErrors { code } } }", nil) }, true},
			{"somebody who is erased", elsewhere, func() { s.do(administrator, "erasePerson", vars{"personId": s.person(keyOf(elsewhere))}) }, true},
			{"an administrator", administrator, func() {
				if err := t.db.DismissAdministrator(t.Context(), administrator); err != nil {
					t.Fatal(err)
				}
			}, false},
		} {
			open := t.socket(test.email)
			streams := map[string]stream{"WebSocket": t.overWebSocket(test.email, campaign), "events": t.overEvents(test.email, campaign)}
			for name, next := range streams {
				if a, more := next(); !more || at(a.Data, "campaignProgress", "id") != campaign {
					t.Fatalf("%s over %s, before: %s", test.name, name, a.body)
				}
			}
			for name, perform := range map[string]func(string, vars) answer{"WebSocket": open.perform, "HTTP": func(query string, v vars) answer { return t.send(test.email, query, v) }} {
				if a := perform(look, id); at(a.Data, "node", "id") != campaign {
					t.Errorf("%s over %s, before: %v", test.name, name, a)
				}
				if a := perform(pause, id); at(a.Data, "pauseCampaign", "campaign", "id") != campaign {
					t.Errorf("%s over %s, before: %v", test.name, name, a)
				}
			}
			test.take()
			for name, perform := range map[string]func(string, vars) answer{"WebSocket": open.perform, "HTTP": func(query string, v vars) answer { return t.send(test.email, query, v) }} {
				for _, query := range []string{look, pause} {
					a := perform(query, id)
					refused := at(a.Data, "node") == nil && query == look || at(a.Data, "pauseCampaign", "userErrors", 0, "code") == "NOT_FOUND"
					if test.signedOut {
						refused = a.Data == nil && len(a.Errors) == 1 && a.Errors[0].Extensions["code"] == "NOT_SIGNED_IN" && sentence(a.Errors[0].Message) &&
							(name != "HTTP" || a.Status == http.StatusUnauthorized)
					}
					if !refused {
						t.Errorf("%s over %s, afterwards: %+v %+v", test.name, name, a.Data, a.Errors)
					}
				}
			}
			for name, next := range streams {
				for {
					a, more := next()
					if !more {
						break
					}
					if status := at(a.Data, "campaignProgress", "status"); status != "PAUSED" { // of the pause before
						t.Errorf("%s follows over %s: %s", test.name, name, a.body)
					}
				}
			}
			s.do(organiser, "resumeCampaign", vars{"campaignId": campaign})
		}
	})
}
