package transport_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/vaktreffen/vaktreffen/graph/internal/transport"
)

// message is one of graphql-transport-ws.
type message struct {
	Type    string          `json:"type"`
	ID      string          `json:"id,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// socket is a test's end of a WebSocket.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

func open(t *testing.T, url string, initPayload string) socket {
	t.Helper()
	s := dial(t, url)
	s.send(message{Type: "connection_init", Payload: json.RawMessage(initPayload)})
	return s
}

func dial(t *testing.T, url string) socket {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return socket{t, conn}
}

func (s socket) send(m message) {
	s.t.Helper()
	if err := wsjson.Write(s.t.Context(), s.conn, m); err != nil {
		s.t.Fatal(err)
	}
}

func (s socket) subscribe(id, query string) {
	s.t.Helper()
	payload, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		s.t.Fatal(err)
	}
	s.send(message{Type: "subscribe", ID: id, Payload: payload})
}

// expect reads the next message and compares it.
func (s socket) expect(want string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	var m message
	if err := wsjson.Read(ctx, s.conn, &m); err != nil {
		s.t.Fatalf("waiting for %s: %v", want, err)
	}
	if got := strings.TrimSpace(fmt.Sprintf("%s %s %s", m.Type, m.ID, m.Payload)); !strings.HasPrefix(got, want) {
		s.t.Fatalf("got %s, want %s", got, want)
	}
}

// expectClose reads until the connection is closed and compares the code.
func (s socket) expectClose(want websocket.StatusCode) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for {
		if _, _, err := s.conn.Read(ctx); err != nil {
			if got := websocket.CloseStatus(err); got != want {
				s.t.Fatalf("closed with %v (%v), want %v", got, err, want)
			}
			if strings.Contains(err.Error(), "s3cret") {
				s.t.Errorf("the reason repeats the message: %v", err)
			}
			return
		}
	}
}

func TestWebSocketRunsOperations(t *testing.T) {
	t.Parallel()
	schema := newToySchema()
	s := open(t, serve(t, schema).URL, `{}`)
	s.expect("connection_ack")
	s.subscribe("q", `{ greeting(name: "Bo") }`)
	s.expect(`next q {"data":{"greeting":"hello Bo"}}`)
	s.expect("complete q")
	s.subscribe("s", "subscription { ticks }")
	schema.ticks <- 7
	s.expect(`next s {"data":{"ticks":7}}`)
	s.send(message{Type: "complete", ID: "s"})
	wait(t, schema.stopped, "end of the subscription")
}

func TestWebSocketSignsIn(t *testing.T) {
	t.Parallel()
	server := serve(t, newToySchema())
	for payload, who := range map[string]string{
		`{}`: "", `{"Authorization":"Bearer valid"}`: "Ada", `{"authorization":"bearer valid"}`: "Ada",
	} {
		s := open(t, server.URL, payload)
		s.expect("connection_ack")
		s.subscribe("q", "{ who }")
		s.expect(fmt.Sprintf(`next q {"data":{"who":%q}}`, who))
	}
	for _, payload := range []string{`{"Authorization":"Bearer stolen"}`, `{"Authorization":"Basic valid"}`} {
		open(t, server.URL, payload).expectClose(4403)
	}
}

func TestWebSocketRenewsWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	schema := newToySchema()
	server := serve(t, schema)
	signedIn, anonymous := open(t, server.URL, `{"Authorization":"Bearer valid"}`), open(t, server.URL, `{}`)
	signedIn.expect("connection_ack")
	signedIn.subscribe("q", "{ who }")
	signedIn.expect(`next q {"data":{"who":"Ada"}}`)
	signedIn.expect("complete q")
	schema.revoked.Store(true)
	for _, query := range []string{"{ who }", `mutation { rename(name: "Bo") }`, "subscription { ticks }"} {
		signedIn.subscribe("q", query)
		signedIn.expect(`error q [{"message":"Sign in again.","extensions":{"code":"NOT_SIGNED_IN"}}]`)
	}
	if schema.renamed != 0 {
		t.Error("the mutation was executed")
	}
	anonymous.expect("connection_ack")
	anonymous.subscribe("q", `{ greeting(name: "Bo") }`)
	anonymous.expect(`next q {"data":{"greeting":"hello Bo"}}`)
}

func TestWebSocketRefusesTheUpgrade(t *testing.T) {
	t.Parallel()
	const friend = "https://agenda.example.nl"
	server := serve(t, newToySchema(), func(cfg *transport.Config) { cfg.Origins = []string{friend} })
	for name, tc := range map[string]struct {
		origin, subprotocol string
		status              int
	}{
		"this host":           {server.URL, "graphql-transport-ws", 101},
		"a configured origin": {friend, "graphql-transport-ws", 101},
		"one of several":      {"", "graphql-ws, graphql-transport-ws", 101},
		"another origin":      {"https://evil.example", "graphql-transport-ws", 403},
		"a suffix of ours":    {friend + ".evil.example", "graphql-transport-ws", 403},
		"the origin null":     {"null", "graphql-transport-ws", 403},
		"the old protocol":    {"", "graphql-ws", 400},
		"no protocol":         {"", "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := []string{
				"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
				"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: " + tc.subprotocol,
			}
			if tc.origin != "" {
				header = append(header, "Origin: "+tc.origin)
			}
			resp := upgrade(t, server.URL, header)
			if resp.StatusCode != tc.status {
				t.Errorf("got %d, want %d", resp.StatusCode, tc.status)
			}
			if chosen := resp.Header.Get("Sec-WebSocket-Protocol"); tc.status == 101 && chosen != "graphql-transport-ws" {
				t.Errorf("the server chose the protocol %q", chosen)
			}
		})
	}
}

// upgrade returns the answer to the handshake and hangs up.
func upgrade(t *testing.T, url string, header []string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

func TestWebSocketLimitsOperations(t *testing.T) {
	t.Parallel()
	schema := newToySchema()
	s := open(t, serve(t, schema).URL, `{}`)
	s.expect("connection_ack")
	for n := range transport.MaxOperationsPerConnection {
		s.subscribe(fmt.Sprint(n), "subscription { ticks }")
		wait(t, schema.started, "start")
	}
	s.subscribe("more", "{ who }")
	s.expect(`error more [{"message":"This connection already has 20 operations running`)

	// One that the client completes makes room for another.
	s.send(message{Type: "complete", ID: "3"})
	s.subscribe("again", "{ who }")
	s.expect(`next again {"data":{"who":""}}`)
	s.expect("complete again")

	// However one ends, the next has its place as soon as the client hears of it.
	for n := range 50 {
		id := fmt.Sprint("in turn ", n)
		s.subscribe(id, "{ who }")
		s.expect("next " + id + ` {"data":{"who":""}}`)
		s.expect("complete " + id)
	}
}

func TestWebSocketSurvivesPanics(t *testing.T) {
	t.Parallel()
	s := open(t, serve(t, newToySchema()).URL, `{}`)
	s.expect("connection_ack")
	for range 2 * transport.MaxOperationsPerConnection {
		s.subscribe("p", "{ greeting(name: null) }")
		s.expect("error p")
	}
	s.subscribe("q", "{ who }")
	s.expect(`next q {"data":{"who":""}}`)
}

// Each breach of the protocol ends the connection with the code that says which.
func TestWebSocketCloseCodes(t *testing.T) {
	t.Parallel()
	server := serve(t, newToySchema())
	const initialise = `{"type":"connection_init"}`
	for name, tc := range map[string]struct {
		messages []string
		want     websocket.StatusCode
	}{
		"no JSON":                    {[]string{"s3cret"}, 4400},
		"a list":                     {[]string{"[]"}, 4400},
		"NUL":                        {[]string{initialise, `{"type":"subscribe","id":"1","payload":{"query":"{ who }","variables":{"a":"\u0000"}}}`}, 4400},
		"an unknown message":         {[]string{`{"type":"s3cret"}`}, 4400},
		"start, of the old protocol": {[]string{initialise, `{"type":"start","id":"1","payload":{}}`}, 4400},
		"subscribe without id":       {[]string{initialise, `{"type":"subscribe","payload":{"query":"{ who }"}}`}, 4400},
		"subscribe without payload":  {[]string{initialise, `{"type":"subscribe","id":"1"}`}, 4400},
		"a payload that is a text":   {[]string{`{"type":"connection_init","payload":"s3cret"}`}, 4400},
		"subscribe before init":      {[]string{`{"type":"subscribe","id":"1","payload":{"query":"{ who }"}}`}, 4401},
		"init twice":                 {[]string{initialise, initialise}, 4429},
		"the same id twice": {[]string{
			initialise, `{"type":"subscribe","id":"s3cret","payload":{"query":"subscription { ticks }"}}`,
			`{"type":"subscribe","id":"s3cret","payload":{"query":"subscription { ticks }"}}`,
		}, 4409},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dial(t, server.URL)
			for _, text := range tc.messages {
				if err := s.conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			s.expectClose(tc.want)
		})
	}
	t.Run("a binary message", func(t *testing.T) {
		t.Parallel()
		s := dial(t, server.URL)
		if err := s.conn.Write(t.Context(), websocket.MessageBinary, []byte(initialise)); err != nil {
			t.Fatal(err)
		}
		s.expectClose(4400)
	})
}

func TestWebSocketWaitsForInit(t *testing.T) {
	t.Parallel()
	srv := handler.New(newToySchema())
	srv.AddTransport(transport.NewWebSocket(transport.Config{}, 100*time.Millisecond))
	server := httptest.NewServer(srv)
	t.Cleanup(server.Close)
	dial(t, server.URL).expectClose(4408)
}

// A ping is answered even before the connection is acknowledged, and a pong is not.
func TestWebSocketPings(t *testing.T) {
	t.Parallel()
	s := dial(t, serve(t, newToySchema()).URL)
	s.send(message{Type: "ping"})
	s.expect("pong")
	s.send(message{Type: "pong"})
	s.send(message{Type: "ping", Payload: json.RawMessage(`{"any":"thing"}`)})
	s.expect("pong")
}

// An operation ends with one message: an error before execution, complete behind results, nothing when the client ended it.
func TestWebSocketEndsOperationsOnce(t *testing.T) {
	t.Parallel()
	schema := newToySchema()
	s := open(t, serve(t, schema).URL, `{}`)
	s.expect("connection_ack")
	for range 2 { // an id is free again once its operation has ended
		s.subscribe("1", "{ nothing }")
		s.expect(`error 1 [{"message":`)
		s.subscribe("1", "")
		s.expect(`error 1 [{"message":"The request has no query`)
		s.subscribe("1", "{ broken }")
		s.expect(`next 1 {"errors":[{"message":"no luck today"}],"data":null}`)
		s.expect("complete 1")
		s.subscribe("1", "subscription { ticks }")
		wait(t, schema.started, "start")
		s.send(message{Type: "complete", ID: "1"})
	}
	s.send(message{Type: "complete", ID: "of nothing"})
	s.subscribe("last", "{ who }")
	s.expect(`next last {"data":{"who":""}}`)
}

func TestWebSocketReadLimit(t *testing.T) {
	t.Parallel()
	s := open(t, serve(t, newToySchema()).URL, `{}`)
	s.expect("connection_ack")
	s.subscribe("big", "{ who } #"+strings.Repeat("x", 64<<10)) // little more, or the connection may break before all of it is written
	s.expectClose(websocket.StatusMessageTooBig)
}

func TestDrainingClosesWebSockets(t *testing.T) {
	t.Parallel()
	schema := newToySchema()
	draining := make(chan struct{})
	server := serve(t, schema, func(cfg *transport.Config) { cfg.Draining = draining })
	s := open(t, server.URL, `{}`)
	s.expect("connection_ack")
	s.subscribe("s", "subscription { ticks }")
	wait(t, schema.started, "start")
	close(draining)
	s.expectClose(websocket.StatusServiceRestart)
	wait(t, schema.stopped, "end of the subscription")
}
