package transport_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/graph/internal/transport"
)

// patience is how long a test waits for something that should happen at once.
const patience = 10 * time.Second

// wait fails the test unless c delivers.
func wait[T any](t *testing.T, c <-chan T, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("no %s within %v", what, patience)
	}
}

// stream opens a stream for the JSON body.
func stream(t *testing.T, url, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Fatalf("got %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	return resp
}

func rest(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const ticksBody = `{"query":"subscription { ticks }"}`

func TestStreamEndsWithComplete(t *testing.T) {
	t.Parallel()
	schema := newToySchema()
	resp := stream(t, serve(t, schema).URL, ticksBody)
	for n := range 2 {
		schema.ticks <- n
	}
	close(schema.ticks)
	want := ":\n\n" +
		"event: next\ndata: {\"data\":{\"ticks\":0}}\n\n" +
		"event: next\ndata: {\"data\":{\"ticks\":1}}\n\n" +
		"event: complete\ndata:\n\n"
	if got := rest(t, resp.Body); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStreamTakesEveryOperation(t *testing.T) {
	t.Parallel()
	server := serve(t, newToySchema())
	for body, want := range map[string]string{
		`{"query":"{ greeting(name: \"Bo\") }"}`:        `{"data":{"greeting":"hello Bo"}}`,
		`{"query":"mutation { rename(name: \"Bo\") }"}`: `{"data":{"rename":"Bo"}}`,
		`{"query":"{ broken }"}`:                        `{"errors":[{"message":"no luck today"}],"data":null}`,
		`{"query":"{ who } query Second { who }"}`:      `"code":"GRAPHQL_VALIDATION_FAILED"`,
		`{"query":"query A { who } query B { who }"}`:   `"code":"GRAPHQL_VALIDATION_FAILED"`,
		`{"query":"{ panics: greeting(name: null) }"}`:  `"message":"internal system error"`,
	} {
		got := rest(t, stream(t, server.URL, body).Body)
		if !strings.Contains(got, want) || !strings.HasSuffix(got, "event: complete\ndata:\n\n") || strings.Count(got, "event: next\n") != 1 {
			t.Errorf("%s: got %q, want one event with %s", body, got, want)
		}
	}
}

func TestStreamBeatsWhileNothingHappens(t *testing.T) {
	t.Parallel()
	schema := newToySchema()
	server := serveStreams(t, schema, time.Millisecond)
	lines := bufio.NewScanner(stream(t, server.URL, ticksBody).Body)
	for beats := 0; beats < 3; {
		if !lines.Scan() {
			t.Fatal("the stream ended")
		}
		if lines.Text() == ":" {
			beats++
		}
	}
}

func TestStreamStopsWhenTheClientLeaves(t *testing.T) {
	t.Parallel()
	schema := newToySchema()
	resp := stream(t, serve(t, schema).URL, ticksBody)
	wait(t, schema.started, "start")
	resp.Body.Close()
	wait(t, schema.stopped, "end of the subscription")
}

func TestDrainingCutsTheStream(t *testing.T) {
	t.Parallel()
	schema := newToySchema()
	draining := make(chan struct{})
	server := serve(t, schema, func(cfg *transport.Config) { cfg.Draining = draining })
	resp := stream(t, server.URL, ticksBody)
	wait(t, schema.started, "start")
	close(draining)
	if got := rest(t, resp.Body); got != ":\n\n" {
		t.Errorf("got %q: a client that hears complete does not connect again", got)
	}
	wait(t, schema.stopped, "end of the subscription")
}
