package limits_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
)

// probe is a transport that carries one operation and keeps the errors of its
// answer.
type probe struct {
	params graphql.RawParams
	errors gqlerror.List
}

func (*probe) Supports(*http.Request) bool { return true }

func (p *probe) Do(_ http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	ctx := r.Context()
	op, errs := exec.CreateOperationContext(ctx, &p.params)
	if errs != nil {
		p.errors = exec.DispatchError(graphql.WithOperationContext(ctx, op), errs).Errors
		return
	}
	responses, ctx := exec.DispatchOperation(ctx, op)
	p.errors = responses(ctx).Errors
}

func (p *probe) serve(t testing.TB, srv *handler.Server) {
	t.Helper()
	srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
}
