package transport

import (
	"context"
	"net/http"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/99designs/gqlgen/graphql"
)

// plain answers each request with one response. It takes every method, so that
// the wrong ones are told which are right.
type plain struct {
	bodyLimit func(*http.Request) int64
	public    func(context.Context, *graphql.OperationContext) bool
}

var _ graphql.Transport = plain{}

func (plain) Supports(*http.Request) bool { return true }

func (t plain) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	w.Header().Add("Vary", "Accept, Authorization")
	w.Header().Set("Cache-Control", "no-store")
	mediaType := negotiate(r)
	if mediaType == "" {
		refuse(w, mediaJSON, &problem{
			status:  http.StatusNotAcceptable,
			code:    CodeNotAcceptable,
			message: "Accept application/graphql-response+json, application/json or, for a stream, text/event-stream.",
		})
		return
	}
	params, p := readParams(w, r, t.bodyLimit)
	if p != nil {
		refuse(w, mediaType, p)
		return
	}
	// A panic further on is answered by the server, which sets no media type.
	w.Header().Set("Content-Type", contentType(mediaType))

	ctx := r.Context()
	op, errs := exec.CreateOperationContext(ctx, params)
	if errs != nil {
		resp := exec.DispatchError(graphql.WithOperationContext(ctx, op), errs)
		write(w, mediaType, requestErrorStatus(mediaType), resp)
		return
	}
	if p := allowOperation(r, op.Operation.Operation); p != nil {
		refuse(w, mediaType, p)
		return
	}
	responses, ctx := exec.DispatchOperation(ctx, op)
	resp := responses(ctx)
	switch {
	case resp == nil: // the client has gone
	case resp.Data == nil: // refused before execution
		write(w, mediaType, requestErrorStatus(mediaType), resp)
	case r.Method != http.MethodPost && len(resp.Errors) == 0 && t.public(ctx, op):
		writeCacheable(w, r, mediaType, resp)
	default:
		write(w, mediaType, http.StatusOK, resp)
	}
}

// allowOperation says whether this kind of operation may run over a single
// response to this request.
func allowOperation(r *http.Request, kind ast.Operation) *problem {
	if kind == ast.Subscription {
		return &problem{
			status: http.StatusNotAcceptable,
			code:   CodeStreamRequired,
			message: "A subscription needs a stream: accept text/event-stream, " +
				"or open a WebSocket with the graphql-transport-ws protocol.",
		}
	}
	return allowMethod(r, kind)
}

// allowMethod refuses mutations by anything that caches and link scanners
// consider safe.
func allowMethod(r *http.Request, kind ast.Operation) *problem {
	if kind == ast.Mutation && r.Method != http.MethodPost {
		return &problem{
			status:  http.StatusMethodNotAllowed,
			code:    CodeMethodNotAllowed,
			message: "A mutation must be sent by POST.",
			allow:   http.MethodPost,
		}
	}
	return nil
}

// requestErrorStatus is the status of an answer without execution: the
// specification wants 400 where the client reads the status, and 200 where it
// reads only the body.
func requestErrorStatus(mediaType string) int {
	if mediaType == mediaGraphQL {
		return http.StatusBadRequest
	}
	return http.StatusOK
}
