package graph_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/vaktreffen/vaktreffen/graph"
)

// Each operation leaves a line with its name, its document's hash, its cost, how long it took, its SQL statements and the codes
// of its errors, executed or refused; never a variable.
func TestOperationsAreLogged(t *testing.T) {
	t.Parallel()
	h := onSQLite(t)
	edition := h.id("editions", "vaktreffen-2027")
	const typo, several = `{ editions(first: 1) { nodes { nothing } } }`, `query One { themes { id } } query Two($id: ID!) { edition(id: $id) { id } }`
	for _, step := range []struct {
		body                 vars
		name, kind, document string
		cost, statements     bool
		errors               string
	}{
		{vars{"query": operation(t, "agenda"), "variables": vars{"id": edition}}, "Agenda", "query", operation(t, "agenda"), true, true, "[]"},
		{vars{"query": several, "operationName": "Two", "variables": vars{"id": edition}}, "Two", "query", several, true, true, "[]"},
		{vars{"query": "{ editions(first: 0) { totalCount } }"}, "", "query", "{ editions(first: 0) { totalCount } }", true, false, "[INVALID]"},
		{vars{"query": typo}, "", "", typo, false, false, "[GRAPHQL_VALIDATION_FAILED]"},
		{vars{"query": "query Big { editions(first: 99999) { nodes { id } } }"}, "Big", "query", "query Big { editions(first: 99999) { nodes { id } } }", true, false, "[COST_LIMIT]"},
	} {
		before := len(h.log.find("operation"))
		h.request(step.body)
		entries := h.log.find("operation")
		if len(entries) != before+1 {
			t.Fatalf("%v left %d lines", step.body, len(entries)-before)
		}
		line := entries[before]
		if line["name"].String() != step.name || line["kind"].String() != step.kind || line["document"].String() != hashOf(step.document) ||
			line["cost"].Int64() > 0 != step.cost || line["statements"].Int64() > 0 != step.statements || line["responses"].Int64() != 1 ||
			fmt.Sprint(line["errors"].Any()) != step.errors || line["duration"].Duration() <= 0 || line["duration"].Duration() > time.Minute {
			t.Errorf("%v\nleft %v", step.body, line)
		}
		if strings.Contains(fmt.Sprint(line), edition) {
			t.Errorf("a variable is in the log: %v", line)
		}
	}
}

// A subscription leaves one line and no duration, and is counted as long as it runs, however it ends.
func TestSubscriptionsAreCountedWhileTheyRun(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	h := onSQLite(t).with(graph.Config{Metrics: registry})
	id := h.invite(organiser, vars{"editionId": h.id("editions", "vaktreffen-2027"), "audience": vars{"csv": "name,email\nA,a@example.org"}})
	running := func() string { return h.number(registry, "vaktreffen_subscriptions") }
	t.Run("follow", func(t *testing.T) { // and leave at its end
		h := h.in(t)
		h.overEvents(organiser, id)()
		if got := running(); got != "1" {
			t.Errorf("%s subscriptions run", got)
		}
	})
	h.until("the subscription has ended", func() bool { return running() == "0" })
	h.until("it is in the log", func() bool {
		entries := h.log.find("operation")
		return len(entries) > 0 && entries[len(entries)-1]["kind"].String() == "subscription"
	})
	if got := h.number(registry, `vaktreffen_operation_seconds_count{operation="other"}`); got != "1" { // the mutation
		t.Errorf("%s durations", got)
	}
}

// Operations of known documents have numbers of their own; whatever else people send shares one name, so that nobody can make
// more.
func TestOperationsAreMeasured(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	const own = "query Own { themes { name } }"
	h := onSQLite(t).with(graph.Config{Metrics: registry, Trusted: graph.Documents{hashOf(own): own}})
	edition := h.id("editions", "vaktreffen-2027")
	for range 3 {
		h.ask(nobody, operation(t, "agenda"), vars{"id": edition})
	}
	h.ask(nobody, own, nil)
	for i := range 20 {
		h.ask(nobody, fmt.Sprintf("query Invented%d { themes { name } }", i), nil)
	}
	h.ask(nobody, "query Agenda { themes { name } }", nil) // the name alone makes nobody known
	h.send(nobody, "{ nothing }", nil)
	h.send(nobody, "query Editions { editions(first: 0) { totalCount } }", nil)
	for line, want := range map[string]string{
		`vaktreffen_operation_seconds_count{operation="Agenda"}`:                                "3",
		`vaktreffen_operation_seconds_bucket{operation="Agenda",le="+Inf"}`:                     "3",
		`vaktreffen_operation_seconds_count{operation="Own"}`:                                   "1",
		`vaktreffen_operation_seconds_count{operation="other"}`:                                 "23",
		`vaktreffen_operation_errors_total{code="GRAPHQL_VALIDATION_FAILED",operation="other"}`: "1",
		`vaktreffen_operation_errors_total{code="INVALID",operation="other"}`:                   "1",
		`vaktreffen_operation_statements_total{operation="Own"}`:                                "1",
		`vaktreffen_subscriptions`:                                                              "0",
	} {
		if got := h.number(registry, line); got != want {
			t.Errorf("%s is %q, want %s", line, got, want)
		}
	}
	if page := scrape(registry); strings.Contains(page, "Invented") || strings.Contains(page, edition) {
		t.Errorf("what people send is in the numbers:\n%s", page)
	}
}

// An operation is a span below the one that the request names.
func TestOperationsAreTraced(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	h := onSQLite(t).with(graph.Config{Traces: sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))})
	edition := h.id("editions", "vaktreffen-2027")
	h.ask(nobody, operation(t, "agenda"), vars{"id": edition})
	h.send(nobody, "query Wrong { nothing }", nil)
	ended := slices.DeleteFunc(spans.Ended(), func(span sdk.ReadOnlySpan) bool { return span.SpanKind() != trace.SpanKindServer })
	below := len(spans.Ended()) - len(ended)
	if own := ended[0].SpanContext(); below < 2 || below > 8 || spans.Ended()[0].Parent().SpanID() != own.SpanID() || spans.Ended()[0].SpanContext().TraceID() != own.TraceID() {
		t.Errorf("%d spans of statements, the first %v", below, spans.Ended()[0])
	}
	var names []string
	for _, span := range spans.Ended() {
		if span.SpanKind() == trace.SpanKindServer {
			names = append(names, span.Name())
		}
		if strings.Contains(fmt.Sprint(span.Attributes()), edition) {
			t.Errorf("a variable is in the span %v", span.Attributes())
		}
		if span.EndTime().Before(span.StartTime()) {
			t.Errorf("the span ends before it starts")
		}
	}
	if !slices.Equal(names, []string{"query Agenda", "refused"}) {
		t.Fatalf("spans %v", names)
	}
	if status := ended[1].Status(); status.Description != "GRAPHQL_VALIDATION_FAILED" {
		t.Errorf("status %v", status)
	}
	if text := fmt.Sprint(ended[0].Attributes()); !strings.Contains(text, hashOf(operation(t, "agenda"))) {
		t.Errorf("attributes %s", text)
	}
}

// until waits for what happens a moment later.
func (h *house) until(what string, condition func() bool) {
	h.Helper()
	timeout, look := time.NewTimer(patience), time.NewTicker(5*time.Millisecond)
	defer timeout.Stop()
	defer look.Stop()
	for !condition() {
		select {
		case <-look.C:
		case <-timeout.C:
			h.Fatalf("it never came to this: %s", what)
		}
	}
}

func scrape(registry *prometheus.Registry) string {
	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	return page.Body.String()
}

// number returns the value of a line of the metrics, "" when there is none.
func (h *house) number(registry *prometheus.Registry, line string) string {
	for text := range strings.Lines(scrape(registry)) {
		if value, ok := strings.CutPrefix(text, line+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
