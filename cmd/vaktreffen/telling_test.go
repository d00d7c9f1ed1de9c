package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/vaktreffen/vaktreffen/db/dbtest"
)

// receiver is a collector of traces that keeps what it gets.
type receiver struct {
	mu    sync.Mutex
	spans []*traces.Span
	paths []string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	content, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var export collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(content, &export); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paths = append(r.paths, request.URL.Path)
	for _, resource := range export.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			r.spans = append(r.spans, scope.Spans...)
		}
	}
}

// The running program tells its numbers on a listener of their own and sends its traces to a collector, those that are left
// when it ends included.
func TestServeTells(t *testing.T) {
	t.Parallel()
	received := &receiver{}
	server := httptest.NewServer(received)
	defer server.Close()
	smtp, database, numbers := mailServer(t), dbtest.SQLite(t), freeAddress(t)
	m := newMeeting(t, database)
	campaign := m.invite(t, 20)
	c, here := serving(t, append(settings(database, "", smtp), "METRICS_LISTEN="+numbers, "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL))
	m.finished(t, campaign, 20)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, here+"/graphql", strings.NewReader(`{"query": "query Secret { themes { name } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()

	page := body(t, "http://"+numbers+"/metrics")
	for _, line := range []string{
		`vaktreffen_operation_seconds_count{operation="other"} 1`,
		`vaktreffen_mails_total{kind="invitation",outcome="sent"} 20`,
		`vaktreffen_backlog_mails{lane="bulk",state="queued"} 0`,
		`go_goroutines `, `process_cpu_seconds_total `,
	} {
		if !strings.Contains(page, "\n"+line) {
			t.Errorf("the numbers have no line %s", line)
		}
	}
	if code := status(t.Context(), here+"/metrics"); code != http.StatusNotFound {
		t.Errorf("the numbers are on the public listener: %d", code)
	}
	c.signal(t, syscall.SIGTERM)
	if code := c.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}

	received.mu.Lock()
	defer received.mu.Unlock()
	if len(received.paths) == 0 || received.paths[0] != "/v1/traces" {
		t.Fatalf("spans at %v", received.paths)
	}
	called := map[string][]*traces.Span{}
	var texts strings.Builder
	for _, span := range received.spans {
		called[span.Name] = append(called[span.Name], span)
		texts.WriteString(span.String() + "\n")
	}
	for _, personal := range []string{"example.org", "Olga", campaign.String()} {
		if strings.Contains(texts.String(), personal) {
			t.Errorf("the spans hold %q", personal)
		}
	}
	sent := int64(0)
	for _, chunk := range called["send mails"] {
		for _, attribute := range chunk.Attributes {
			if attribute.Key == "vaktreffen.mails.sent" {
				sent += attribute.Value.GetIntValue()
			}
		}
	}
	if sent != 20 {
		t.Errorf("the spans of chunks tell of %d mails", sent)
	}
	if len(called["query"]) != 1 {
		t.Fatalf("%d spans of queries", len(called["query"]))
	}
	span := called["query"][0]
	if !slices.ContainsFunc(called["SELECT"], func(s *traces.Span) bool { return bytes.Equal(s.ParentSpanId, span.SpanId) }) {
		t.Error("the query has no statement below it")
	}
	if fmt.Sprintf("%x %x", span.TraceId, span.ParentSpanId) != "0af7651916cd43dd8448eb211c80319c b7ad6b7169203331" || span.Name != "query" {
		t.Errorf("span %v", span)
	}
}

// A worker alone tells its numbers too.
func TestWorkerTells(t *testing.T) {
	t.Parallel()
	smtp, database, numbers := mailServer(t), dbtest.SQLite(t), freeAddress(t)
	start(t, append(settings(database, "", smtp), "METRICS_LISTEN="+numbers), "worker")
	eventually(t, "the worker tells", func() bool { return status(t.Context(), "http://"+numbers+"/metrics") == http.StatusOK })
	eventually(t, "the backlog is there", func() bool {
		return strings.Contains(body(t, "http://"+numbers+"/metrics"), `vaktreffen_backlog_mails{lane="urgent",state="sending"} 0`)
	})
}

func body(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
