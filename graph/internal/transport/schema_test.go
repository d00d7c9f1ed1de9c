package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"

	"github.com/vaktreffen/vaktreffen/graph/internal/transport"
)

const schemaText = `
	type Query { greeting(name: String): String!, broken: String, prose: String!, who: String! }
	type Mutation { rename(name: String!): String! }
	type Subscription { ticks: Int! }
`

// toySchema executes schemaText by hand: fields of the root, no objects.
type toySchema struct {
	graphql.ExecutableSchemaMock

	// ticks feeds the subscription, which ends when the channel is closed.
	ticks chan int
	// started gets a value when a subscription starts, stopped when its context ends.
	started, stopped chan struct{}
	// renamed counts executed mutations.
	renamed int
	// revoked makes whoever signed in somebody who is not any more.
	revoked atomic.Bool
}

type whoKey struct{}

func newToySchema() *toySchema {
	s := &toySchema{ticks: make(chan int), started: make(chan struct{}, 64), stopped: make(chan struct{}, 64)}
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: schemaText})
	s.SchemaFunc = func() *ast.Schema { return schema }
	s.ExecFunc = s.exec
	return s
}

func (s *toySchema) exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	fields := graphql.CollectFields(op, op.Operation.SelectionSet, nil)
	if op.Operation.Operation == ast.Subscription {
		s.started <- struct{}{}
		context.AfterFunc(ctx, func() { s.stopped <- struct{}{} })
		return func(ctx context.Context) *graphql.Response {
			select {
			case n, more := <-s.ticks:
				if !more {
					return nil
				}
				return &graphql.Response{Data: object(map[string]any{fields[0].Alias: n})}
			case <-ctx.Done():
				return nil
			}
		}
	}
	answered := false
	return func(ctx context.Context) *graphql.Response {
		if answered {
			return nil
		}
		answered = true
		return s.answer(ctx, op, fields)
	}
}

func (s *toySchema) answer(ctx context.Context, op *graphql.OperationContext, fields []graphql.CollectedField) *graphql.Response {
	values := map[string]any{}
	for _, field := range fields {
		switch field.Name {
		case "__typename":
			values[field.Alias] = field.ObjectDefinition.Name
		case "greeting":
			values[field.Alias] = "hello " + field.ArgumentMap(op.Variables)["name"].(string)
		case "who":
			values[field.Alias], _ = ctx.Value(whoKey{}).(string)
		case "rename":
			s.renamed++
			values[field.Alias] = field.ArgumentMap(op.Variables)["name"]
		case "prose":
			return &graphql.Response{Data: []byte(`{ "prose" : "kept <as> is" }`)}
		case "broken":
			graphql.AddErrorf(ctx, "no luck today")
			return &graphql.Response{Data: []byte("null")}
		default:
			values[field.Alias] = nil
		}
	}
	return &graphql.Response{Data: object(values)}
}

func object(values map[string]any) []byte {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(values); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

const bodyLimit = 4096

// serve starts a server for the schema; configure may change what Install gets.
func serve(t *testing.T, schema *toySchema, configure ...func(*transport.Config)) *httptest.Server {
	t.Helper()
	cfg := transport.Config{
		BodyLimit: func(r *http.Request) int64 {
			if r.Header.Get("Authorization") != "" {
				return 4 * bodyLimit
			}
			return bodyLimit
		},
		SignIn: func(ctx context.Context, bearer string) (context.Context, error) {
			if bearer != "valid" {
				return ctx, context.Canceled
			}
			return context.WithValue(ctx, whoKey{}, "Ada"), nil
		},
		Renew: func(ctx context.Context) (context.Context, *gqlerror.Error) {
			if schema.revoked.Load() && ctx.Value(whoKey{}) != nil {
				return ctx, &gqlerror.Error{Message: "Sign in again.", Extensions: map[string]any{"code": "NOT_SIGNED_IN"}}
			}
			return ctx, nil
		},
		Public: func(_ context.Context, op *graphql.OperationContext) bool { return op.Operation.Name != "Live" },
	}
	for _, change := range configure {
		change(&cfg)
	}
	srv := handler.New(schema)
	transport.Install(srv, cfg)
	srv.Use(extension.Introspection{})
	server := httptest.NewServer(srv)
	t.Cleanup(server.Close)
	return server
}

// serveStreams serves streams alone, with this heartbeat.
func serveStreams(t *testing.T, schema *toySchema, heartbeat time.Duration) *httptest.Server {
	t.Helper()
	srv := handler.New(schema)
	srv.AddTransport(transport.NewSSE(func(*http.Request) int64 { return bodyLimit }, heartbeat))
	server := httptest.NewServer(srv)
	t.Cleanup(server.Close)
	return server
}
