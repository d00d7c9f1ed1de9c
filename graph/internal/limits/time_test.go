package limits_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"

	"github.com/vaktreffen/vaktreffen/graph/internal/limits"
)

// An operation that does not end by itself is ended, with an error that says so; one that does keeps its answer.
func TestOperationTime(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		work time.Duration
		want string
	}{
		"in time":  {limits.MaxTime - time.Second, ""},
		"too long": {limits.MaxTime + time.Second, limits.CodeTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var executed int
				schema := toySchema(&executed).(*graphql.ExecutableSchemaMock)
				schema.ExecFunc = func(context.Context) graphql.ResponseHandler {
					return func(ctx context.Context) *graphql.Response {
						select {
						case <-time.After(tc.work):
						case <-ctx.Done():
							graphql.AddErrorf(ctx, "what the database said")
						}
						return &graphql.Response{Data: []byte("{}")}
					}
				}
				srv := handler.New(schema)
				p := &probe{params: graphql.RawParams{Query: "{ __typename }"}}
				srv.AddTransport(p)
				limits.Install(srv, limits.Config{Cost: func(context.Context) int { return 1 }})
				began := time.Now()
				p.serve(t, srv)
				if got := codeOf(p.errors); got != tc.want || len(p.errors) > 1 {
					t.Errorf("got %v, want %q", p.errors, tc.want)
				}
				if took := time.Since(began); took != min(tc.work, limits.MaxTime) {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
