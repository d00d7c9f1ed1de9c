package limits

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/99designs/gqlgen/graphql"
)

// MaxTime is how long a query or mutation may take. Subscriptions last until
// what they follow is over, the client leaves or the server drains.
const MaxTime = 30 * time.Second

// CodeTime is the code, in extensions.code, of an operation that took longer.
const CodeTime = "TIME_LIMIT"

// errTime is the cause with which the context of such an operation ends.
var errTime = errors.New("the operation took too long")

// InterceptOperation ends the context of an operation that takes too long.
func (gate) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription {
		return next(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, MaxTime, errTime)
	respond := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		defer cancel()
		resp := respond(ctx)
		if context.Cause(ctx) != errTime { //nolint:errorlint // it is this very value
			return resp
		}
		// Whatever was read until then is not the answer.
		return &graphql.Response{Errors: gqlerror.List{{
			Message:    fmt.Sprintf("The operation took longer than %d seconds and was ended. Ask for less at once.", int(MaxTime.Seconds())),
			Extensions: map[string]any{"code": CodeTime, "limit": int(MaxTime.Seconds())},
		}}}
	}
}
