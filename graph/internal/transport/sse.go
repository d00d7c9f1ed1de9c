package transport

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/99designs/gqlgen/graphql"
)

const (
	// heartbeat is how often a silent stream gets a comment, so that proxies
	// keep it and a client that has gone is noticed.
	heartbeat = 15 * time.Second

	// streamWriteTimeout is how long one event may take to leave. It replaces
	// the server's own timeout, which counts from the request.
	streamWriteTimeout = 30 * time.Second
)

// sse streams the responses of one operation as server-sent events, in the
// "distinct connections mode" of the graphql-sse protocol: "next" with each
// response, then "complete". A stream that ends without "complete" was cut off,
// by the network or by the server draining, and its client connects again.
type sse struct {
	bodyLimit func(*http.Request) int64
	draining  <-chan struct{}
	heartbeat time.Duration
}

var _ graphql.Transport = sse{}

func (sse) Supports(r *http.Request) bool { return wantsStream(r) }

func (t sse) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	params, p := readParams(w, r, t.bodyLimit)
	if p != nil {
		refuse(w, mediaJSON, p)
		return
	}
	op, errs := exec.CreateOperationContext(r.Context(), params)
	if errs == nil {
		if p := allowMethod(r, op.Operation.Operation); p != nil {
			refuse(w, mediaJSON, p)
			return
		}
	}
	out := &eventWriter{w: w, control: http.NewResponseController(w)}
	if out.open() != nil {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	responses := make(chan *graphql.Response)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(responses)
		if errs != nil {
			send(ctx, responses, exec.DispatchError(graphql.WithOperationContext(ctx, op), errs))
			return
		}
		execute(ctx, exec, op, func(resp *graphql.Response) bool { return send(ctx, responses, resp) })
	}()
	// The executor may use the request until it has stopped.
	defer func() { cancel(); <-done }()
	t.copy(ctx, out, responses)
}

// copy writes responses until they end, the client goes or the server drains.
func (t sse) copy(ctx context.Context, out *eventWriter, responses <-chan *graphql.Response) {
	beat := time.NewTicker(t.heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-t.draining:
			return
		case <-beat.C:
			err = out.comment()
		case resp, more := <-responses:
			if !more {
				if ctx.Err() == nil { // else the responses were cut off
					out.complete()
				}
				return
			}
			err = out.next(resp)
			beat.Reset(t.heartbeat)
		}
		if err != nil {
			return
		}
	}
}

// execute runs the operation and hands over each of its responses until it ends
// or take wants no more. A panic, which would end the program from a goroutine
// of a stream, becomes the last of them.
func execute(ctx context.Context, exec graphql.GraphExecutor, op *graphql.OperationContext, take func(*graphql.Response) bool) {
	defer func() {
		if value := recover(); value != nil {
			ctx := graphql.WithOperationContext(ctx, op)
			take(exec.DispatchError(ctx, gqlerror.List{gqlerror.WrapIfUnwrapped(op.RecoverFunc(ctx, value))}))
		}
	}()
	next, ctx := exec.DispatchOperation(ctx, op)
	for {
		resp := next(ctx)
		if resp == nil || !take(resp) {
			return
		}
	}
}

// send reports whether somebody took the response.
func send(ctx context.Context, responses chan<- *graphql.Response, resp *graphql.Response) bool {
	select {
	case responses <- resp:
		return true
	case <-ctx.Done():
		return false
	}
}

// eventWriter writes the events of one stream.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// open sends the headers and a first comment, so that the client knows it is
// connected before the first response.
func (e *eventWriter) open() error {
	h := e.w.Header()
	h.Set("Content-Type", contentType(mediaStream))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // or nginx holds events back
	return e.comment()
}

func (e *eventWriter) comment() error { return e.event(":\n\n") }

// next sends a response in one "data:" line: JSON as encoders write it has no
// line breaks.
func (e *eventWriter) next(resp *graphql.Response) error {
	e.extendDeadline()
	if _, err := io.WriteString(e.w, "event: next\ndata: "); err != nil {
		return err
	}
	writeResponse(e.w, responseHead(resp), resp.Data)
	return e.event("\n\n")
}

// complete has a "data:" line because EventSource parsers drop events without one.
func (e *eventWriter) complete() { _ = e.event("event: complete\ndata:\n\n") }

// event writes text and flushes.
func (e *eventWriter) event(text string) error {
	e.extendDeadline()
	if _, err := io.WriteString(e.w, text); err != nil {
		return err
	}
	return e.control.Flush()
}

// extendDeadline leaves the server's timeout in place where deadlines are not
// supported, as in recorders.
func (e *eventWriter) extendDeadline() {
	_ = e.control.SetWriteDeadline(time.Now().Add(streamWriteTimeout))
}
