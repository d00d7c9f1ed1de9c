package graph

import (
	"cmp"
	"context"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/documents"
	"github.com/vaktreffen/vaktreffen/graph/internal/limits"
)

// observer is the extension that tells of each operation, refused ones too: a line in the log, numbers for Prometheus, and a
// span for whoever follows traces. Nothing of its variables and of its answer is in any of them.
type observer struct {
	log    *slog.Logger
	tracer trace.Tracer
	known  map[string]bool // documents whose operations have numbers under their own names

	durations     *prometheus.HistogramVec
	errors        *prometheus.CounterVec
	statements    *prometheus.CounterVec
	subscriptions prometheus.Gauge
}

// otherOperations is the name, in numbers, of operations of documents that are not known: their own names are up to whoever
// sends them, and there is no end to them.
const otherOperations = "other"

// observe tells of the operations of srv. It has to be the first extension, around all others.
func observe(srv *handler.Server, cfg Config) error {
	o := &observer{
		log: cfg.Log,
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "vaktreffen_operation_seconds", Help: "How long queries and mutations took, by operation.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"operation"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaktreffen_operation_errors_total", Help: "Top-level errors in answers, by operation and code.",
		}, []string{"operation", "code"}),
		statements: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaktreffen_operation_statements_total", Help: "SQL statements of operations.",
		}, []string{"operation"}),
		subscriptions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "vaktreffen_subscriptions", Help: "Subscriptions that run.",
		}),
	}
	if cfg.Metrics != nil {
		for _, c := range []prometheus.Collector{o.durations, o.errors, o.statements, o.subscriptions} {
			if err := cfg.Metrics.Register(c); err != nil {
				return err
			}
		}
	}
	if cfg.Traces != nil {
		o.tracer = cfg.Traces.Tracer("github.com/vaktreffen/vaktreffen/graph")
	}
	var err error
	if o.known, err = knownDocuments(cfg.Trusted); err != nil {
		return err
	}
	srv.Use(o)
	return nil
}

// knownDocuments are the trusted ones and those that this program brings.
func knownDocuments(trusted Documents) (map[string]bool, error) {
	known := map[string]bool{}
	for _, document := range trusted {
		known[document] = true
	}
	names, err := fs.Glob(operations, "operations/*.graphql")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		document, err := operations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		known[string(document)] = true
	}
	return known, nil
}

var (
	_ graphql.HandlerExtension     = (*observer)(nil)
	_ graphql.OperationInterceptor = (*observer)(nil)
	_ graphql.ResponseInterceptor  = (*observer)(nil)
)

func (*observer) ExtensionName() string                   { return "Observer" }
func (*observer) Validate(graphql.ExecutableSchema) error { return nil }

// observation is what is known of an operation at its end.
type observation struct {
	began      time.Time
	statements int64
	responses  int
	errors     gqlerror.List
	span       trace.Span // SQL statements are below it
}

// begun marks operations that were executed, in their [graphql.Stats].
const begun = "vaktreffen.begun"

// InterceptOperation follows an operation to its end: its answer, or the last of a subscription's.
func (o *observer) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	op.Stats.SetExtension(begun, true)
	parent := ctx
	seen := observation{began: time.Now()}
	ctx, seen.span = o.span(ctx, op, seen.began)
	ctx, statements := db.CountStatements(ctx)
	subscription := op.Operation.Operation == ast.Subscription
	var mu sync.Mutex
	finish := sync.OnceFunc(func() {
		mu.Lock()
		defer mu.Unlock()
		if subscription {
			o.subscriptions.Dec()
		}
		seen.statements = statements.Load()
		o.tell(parent, op, seen)
	})
	if subscription {
		o.subscriptions.Inc()
		context.AfterFunc(ctx, finish) // whoever followed has gone
	}
	respond := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		resp := respond(ctx)
		if resp != nil {
			mu.Lock()
			seen.responses++
			seen.errors = append(seen.errors, resp.Errors...)
			mu.Unlock()
		}
		if !subscription || resp == nil || resp.Data == nil {
			finish()
		}
		return resp
	}
}

// InterceptResponse sees answers to operations that were refused before they began.
func (o *observer) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if op := graphql.GetOperationContext(ctx); resp != nil && op.Stats.GetExtension(begun) == nil {
		_, span := o.span(ctx, op, op.Stats.OperationStart)
		o.tell(ctx, op, observation{began: op.Stats.OperationStart, responses: 1, errors: resp.Errors, span: span})
	}
	return resp
}

// named returns how an operation calls itself, shortened, and what it is called where names have to be known.
func (o *observer) named(op *graphql.OperationContext) (name, kind, known string) {
	if op.Operation == nil {
		return "", "", ""
	}
	name = op.Operation.Name[:min(len(op.Operation.Name), 80)]
	if o.known[op.RawQuery] {
		known = name
	}
	return name, string(op.Operation.Operation), known
}

// tell writes down what is known of an operation.
func (o *observer) tell(ctx context.Context, op *graphql.OperationContext, seen observation) {
	took := time.Since(seen.began)
	name, kind, counted := o.named(op)
	counted = cmp.Or(counted, otherOperations)
	errorCodes := make([]string, len(seen.errors))
	for i, err := range seen.errors {
		errorCodes[i] = codeOf(err)
		o.errors.WithLabelValues(counted, errorCodes[i]).Inc()
	}
	o.statements.WithLabelValues(counted).Add(float64(seen.statements))
	if op.Operation == nil || op.Operation.Operation != ast.Subscription {
		o.durations.WithLabelValues(counted).Observe(took.Seconds())
	}
	if o.log.Enabled(ctx, slog.LevelInfo) {
		o.log.InfoContext(ctx, "operation", "name", name, "kind", kind, "document", documents.Hash(op.RawQuery), "cost", limits.Cost(op),
			"duration", took, "statements", seen.statements, "responses", seen.responses, "errors", errorCodes)
	}
	if !seen.span.IsRecording() {
		return
	}
	seen.span.SetAttributes(
		attribute.Int("vaktreffen.cost", limits.Cost(op)),
		attribute.Int64("vaktreffen.sql.statements", seen.statements),
		attribute.StringSlice("vaktreffen.error.codes", errorCodes),
	)
	if len(errorCodes) > 0 {
		seen.span.SetStatus(codes.Error, errorCodes[0])
	}
	seen.span.End()
}

// span begins to record the operation, below the span that the request names, if any (W3C Trace Context).
func (o *observer) span(ctx context.Context, op *graphql.OperationContext, began time.Time) (context.Context, trace.Span) {
	if o.tracer == nil {
		return ctx, trace.SpanFromContext(ctx)
	}
	name, kind, known := o.named(op)
	title := cmp.Or(kind, "refused")
	if known != "" {
		title += " " + known
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(op.Headers))
	return o.tracer.Start(ctx, title, trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("graphql.operation.type", kind),
		attribute.String("graphql.operation.name", name),
		attribute.String("graphql.document.hash", "sha256:"+documents.Hash(op.RawQuery)),
	))
}

// codeOf returns the code of an error, all of which come from a fixed set.
func codeOf(err *gqlerror.Error) string {
	switch code := err.Extensions["code"].(type) {
	case string:
		return code
	case db.ErrorCode:
		return string(code)
	default:
		return "NONE"
	}
}
