package transport

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/99designs/gqlgen/graphql"
)

// MaxOperationsPerConnection is how many operations one WebSocket may have
// running at a time. Each subscription keeps its own place in memory.
const MaxOperationsPerConnection = 20

type runningKey struct{}

// countOperations gives a connection's context a counter of running operations.
func countOperations(ctx context.Context) context.Context {
	return context.WithValue(ctx, runningKey{}, new(atomic.Int32))
}

// limitConnection refuses an operation beyond the limit of its connection.
// Operations over HTTP have no counter and pass.
func limitConnection(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	running, counted := ctx.Value(runningKey{}).(*atomic.Int32)
	if !counted {
		return next(ctx)
	}
	release := sync.OnceFunc(func() { running.Add(-1) })
	if running.Add(1) > MaxOperationsPerConnection {
		release()
		return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{{
			Message: fmt.Sprintf("This connection already has %d operations running, which is the limit: "+
				"complete one first, or open another connection.", MaxOperationsPerConnection),
			Extensions: map[string]any{"code": CodeConnectionLimit},
		}}})
	}
	context.AfterFunc(ctx, release) // the client completed it, or has gone
	responses := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		resp := responses(ctx)
		if resp == nil {
			release() // before the client hears of it and starts the next
		}
		return resp
	}
}
