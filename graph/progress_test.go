package graph_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/vaktreffen/vaktreffen/db"
)

const campaignProgress = `subscription($id: ID!) { campaignProgress(id: $id) { id status version total queued sent failed uncertain finishedAt edition { title } } }`

// patience is how long a stream may take for one message.
const patience = 20 * time.Second

// stream is a subscription. It returns its answers one by one, and false when it has ended in order.
type stream func() (answer, bool)

// overWebSocket subscribes by graphql-transport-ws, signed in by connection_init.
func (h *house) overWebSocket(email, id string) stream {
	h.Helper()
	ctx, cancel := context.WithCancel(h.Context())
	h.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, h.url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = conn.CloseNow() })
	type message struct {
		Type    string          `json:"type"`
		ID      string          `json:"id,omitempty"`
		Payload json.RawMessage `json:"payload,omitempty"`
	}
	payload := vars{}
	if email != nobody {
		payload["Authorization"] = "Bearer " + h.token(email)
	}
	subscribe, _ := json.Marshal(vars{"query": campaignProgress, "variables": vars{"id": id}})
	for _, m := range []any{vars{"type": "connection_init", "payload": payload}, message{Type: "subscribe", ID: "one", Payload: subscribe}} {
		if err := wsjson.Write(ctx, conn, m); err != nil {
			h.Fatal(err)
		}
	}
	return func() (answer, bool) {
		h.Helper()
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		for {
			var m message
			if err := wsjson.Read(ctx, conn, &m); err != nil {
				h.Fatalf("read from the WebSocket: %v", err)
			}
			switch m.Type {
			case "connection_ack", "ping", "pong":
			case "complete":
				return answer{}, false
			case "error": // its payload is the errors
				m.Payload = json.RawMessage(`{"errors":` + string(m.Payload) + `}`)
				fallthrough
			default:
				a := answer{body: string(m.Payload)}
				if err := json.Unmarshal(m.Payload, &a); err != nil {
					h.Fatal(err)
				}
				return h.heard(a), true
			}
		}
	}
}

// overEvents subscribes by server-sent events.
func (h *house) overEvents(email, id string) stream {
	h.Helper()
	ctx, cancel := context.WithCancel(h.Context())
	h.Cleanup(cancel)
	body, _ := json.Marshal(vars{"query": campaignProgress, "variables": vars{"id": id}})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	if email != nobody {
		r.Header.Set("Authorization", "Bearer "+h.token(email))
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		h.Fatalf("%d %s", response.StatusCode, response.Header)
	}
	lines := bufio.NewScanner(response.Body)
	return func() (answer, bool) {
		h.Helper()
		defer time.AfterFunc(patience, cancel).Stop()
		event := ""
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ":")
			switch value = strings.TrimSpace(value); {
			case name == "event" && value == "complete":
				return answer{}, false
			case name == "event":
				event = value
			case name == "data" && event == "next":
				a := answer{body: value}
				if err := json.Unmarshal([]byte(value), &a); err != nil {
					h.Fatal(err)
				}
				return h.heard(a), true
			}
		}
		h.Fatalf("the events broke off: %v", lines.Err())
		return answer{}, false
	}
}

func TestProgressIsFollowedToItsEnd(t *testing.T) {
	each(t, func(t *house) {
		for name, open := range map[string]func(h *house, email, id string) stream{"WebSocket": (*house).overWebSocket, "events": (*house).overEvents} {
			t.Run(name, func(st *testing.T) {
				t := t.in(st)
				id := t.invite(organiser, vars{"editionId": t.id("editions", "vaktreffen-2027"), "audience": vars{
					"csv": "name,email\nA," + name + "a@example.org\nB," + name + "b@example.org\nC," + name + "c@example.org\nD," + name + "d@example.org",
				}})
				next := open(t, organiser, id)
				snapshot := func() any {
					t.Helper()
					a, more := next()
					if !more || len(a.Errors) > 0 {
						t.Fatalf("ended %v: %s", !more, a.body)
					}
					return at(a.Data, "campaignProgress")
				}
				first := snapshot()
				if at(first, "id") != id || at(first, "status") != "SENDING" || at(first, "total") != 4.0 || at(first, "queued") != 4.0 || at(first, "edition", "title") == nil {
					t.Errorf("at once: %v", first)
				}
				version := at(first, "version").(float64)
				for _, step := range []struct {
					result db.Result
					count  string
				}{{db.ResultSent, "sent"}, {db.ResultFailed, "failed"}, {db.ResultUncertain, "uncertain"}} {
					t.settle(step.result, 1)
					then := snapshot()
					if at(then, step.count) != 1.0 || at(then, "version").(float64) <= version || at(then, "finishedAt") != nil {
						t.Errorf("after one was %s, behind version %v: %v", step.count, version, then)
					}
					version = at(then, "version").(float64)
				}
				t.settle(db.ResultSent, 1)
				last := snapshot()
				if at(last, "status") != "FINISHED" || at(last, "queued") != 0.0 || at(last, "sent") != 2.0 || at(last, "finishedAt") == nil || at(last, "version").(float64) <= version {
					t.Errorf("at the end: %v", last)
				}
				if a, more := next(); more {
					t.Errorf("behind the end: %s", a.body)
				}
				again := open(t, organiser, id)
				if a, more := again(); !more || at(a.Data, "campaignProgress", "status") != "FINISHED" {
					t.Errorf("followed when it was over: %s", a.body)
				}
				if a, more := again(); more {
					t.Errorf("behind the end: %s", a.body)
				}
			})
		}
	})
}

// settle sends so many mails as the worker does.
func (h *house) settle(result db.Result, count int64) {
	h.Helper()
	_, mails, err := h.db.StartDeliveries(h.Context(), db.Bulk, db.NewID(db.KindWorker, today), count)
	if err != nil || int64(len(mails)) != count {
		h.Fatalf("started %d: %v", len(mails), err)
	}
	outcomes := make([]db.Outcome, len(mails))
	for i, m := range mails {
		outcomes[i] = m.Outcome(result)
	}
	if err := h.db.SettleDeliveries(h.Context(), outcomes); err != nil {
		h.Fatal(err)
	}
}

func TestProgressIsForOrganisers(t *testing.T) {
	each(t, func(t *house) {
		id := t.invite(organiser, vars{"editionId": t.id("editions", "vaktreffen-2027"), "audience": vars{"csv": "name,email\nA,a@example.org"}})
		for name, open := range map[string]func(h *house, email, id string) stream{"WebSocket": (*house).overWebSocket, "events": (*house).overEvents} {
			for _, bad := range []struct{ email, id string }{{nobody, id}, {stranger, id}, {member, id}, {organiser, "unknown"}, {organiser, t.id("editions", "vaktreffen-2027")}} {
				next := open(t, bad.email, bad.id)
				a, more := next()
				if !more || len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "NOT_FOUND" || !sentence(a.Errors[0].Message) || at(a.Data, "campaignProgress") != nil {
					t.Errorf("%s by %q: %s", name, bad.email, a.body)
				}
			}
		}
		if entries := t.log.find("unexpected error"); len(entries) > 0 {
			t.Errorf("refusals were taken for bugs: %v", entries)
		}
	})
}

func TestProgressNeedsAValidToken(t *testing.T) {
	each(t, func(t *house) {
		conn, _, err := websocket.Dial(t.Context(), t.url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow() //nolint:errcheck // the server closes it
		if err := wsjson.Write(t.Context(), conn, vars{"type": "connection_init", "payload": vars{"Authorization": "Bearer x"}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for {
			if _, _, err := conn.Read(ctx); err != nil {
				if code := websocket.CloseStatus(err); code != 4403 {
					t.Errorf("closed with %d: %v, want 4403", code, err)
				}
				return
			}
		}
	})
}
