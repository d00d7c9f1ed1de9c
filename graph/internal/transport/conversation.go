package transport

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	coder "github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/99designs/gqlgen/graphql"
)

// MaxOperationsPerConnection is how many operations one WebSocket may have
// running at a time. Each subscription keeps its own place in memory.
const MaxOperationsPerConnection = 20

// The close codes of graphql-transport-ws.
const (
	closeInvalidMessage   coder.StatusCode = 4400
	closeUnauthorized     coder.StatusCode = 4401
	closeForbidden        coder.StatusCode = 4403
	closeInitTimeout      coder.StatusCode = 4408
	closeSubscriberExists coder.StatusCode = 4409
	closeTooManyInits     coder.StatusCode = 4429
)

// conversation is one WebSocket that speaks graphql-transport-ws (the protocol
// of the enisdenjo/graphql-ws project). One goroutine reads; each operation has
// one that writes.
type conversation struct {
	conn   *coder.Conn
	exec   graphql.GraphExecutor
	signIn func(ctx context.Context, bearer string) (context.Context, error)
	renew  func(ctx context.Context) (context.Context, *gqlerror.Error)
	header http.Header

	// ctx is what operations run in: the connection's, and once connection_init
	// is acknowledged that of whoever it signed in. cancel ends it.
	ctx          context.Context
	cancel       context.CancelFunc
	acknowledged bool

	mu      sync.Mutex
	running map[string]*operation
}

// operation is one that runs, under the id that the client gave it.
type operation struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// run reads until the connection ends, and returns once every operation has.
func (c *conversation) run(initTimeout time.Duration) {
	defer c.endOperations()
	late := time.AfterFunc(initTimeout, func() {
		c.close(closeInitTimeout, "Connection initialisation timeout")
	})
	defer late.Stop()
	for {
		messageType, text, err := c.conn.Read(context.WithoutCancel(c.ctx))
		if err != nil {
			return // closed by either side, or broken
		}
		m, ok := decodeMessage(messageType, text)
		if !ok {
			c.close(closeInvalidMessage, "Invalid message")
			return
		}
		switch m.kind {
		case "connection_init":
			late.Stop()
			ok = c.initialise(m)
		case "ping":
			c.send(`{"type":"pong"}`)
		case "pong":
		case "subscribe":
			ok = c.subscribe(m)
		case "complete":
			c.complete(m.id)
		}
		if !ok {
			return
		}
	}
}

// clientMessage is one from a client, with nothing that its kind does not have.
type clientMessage struct {
	kind, id string
	payload  map[string]any
}

func decodeMessage(messageType coder.MessageType, text []byte) (m clientMessage, ok bool) {
	if messageType != coder.MessageText {
		return m, false
	}
	value, err := decodeJSON(text)
	object, isObject := value.(map[string]any)
	if err != nil || !isObject {
		return m, false
	}
	m.kind, _ = object["type"].(string)
	m.id, _ = object["id"].(string)
	m.payload, ok = object["payload"].(map[string]any)
	switch m.kind {
	case "connection_init", "ping", "pong":
		return m, ok || object["payload"] == nil
	case "subscribe":
		return m, ok && m.id != ""
	case "complete":
		return m, m.id != ""
	default:
		return m, false
	}
}

// initialise acknowledges the connection and, if the payload carries a bearer
// token, signs it in. It reports whether the conversation goes on.
func (c *conversation) initialise(m clientMessage) bool {
	if c.acknowledged {
		c.close(closeTooManyInits, "Too many initialisation requests")
		return false
	}
	for _, name := range []string{"Authorization", "authorization"} {
		authorization, ok := m.payload[name].(string)
		if !ok {
			continue
		}
		scheme, bearer, _ := strings.Cut(authorization, " ")
		signedIn, err := c.ctx, error(nil)
		if strings.EqualFold(scheme, "Bearer") {
			signedIn, err = c.signIn(c.ctx, strings.TrimSpace(bearer))
		}
		if err != nil || !strings.EqualFold(scheme, "Bearer") {
			c.close(closeForbidden, "Forbidden")
			return false
		}
		c.ctx = signedIn
		break
	}
	c.acknowledged = true
	c.send(`{"type":"connection_ack"}`)
	return true
}

// subscribe starts an operation. It reports whether the conversation goes on.
func (c *conversation) subscribe(m clientMessage) bool {
	if !c.acknowledged {
		c.close(closeUnauthorized, "Unauthorized")
		return false
	}
	ctx, cancel := context.WithCancel(graphql.StartOperationTrace(c.ctx))
	op := &operation{cancel: cancel, ended: make(chan struct{})}
	c.mu.Lock()
	_, exists := c.running[m.id]
	full := len(c.running) >= MaxOperationsPerConnection
	if !exists && !full {
		c.running[m.id] = op
	}
	c.mu.Unlock()
	switch {
	case exists:
		cancel()
		c.close(closeSubscriberExists, "Subscriber already exists")
		return false
	case full:
		cancel()
		c.sendErrors(m.id, gqlerror.List{{
			Message: fmt.Sprintf("This connection already has %d operations running, which is the limit: "+
				"complete one first, or open another connection.", MaxOperationsPerConnection),
			Extensions: map[string]any{"code": CodeConnectionLimit},
		}})
		return true
	}
	go func() {
		defer close(op.ended)
		defer cancel()
		c.perform(ctx, m)
	}()
	return true
}

// perform runs an operation to its end. Its place is free again before the
// client hears of the end.
func (c *conversation) perform(ctx context.Context, m clientMessage) {
	release := func() {
		c.mu.Lock()
		delete(c.running, m.id)
		c.mu.Unlock()
	}
	// A connection may last for days: what was taken from somebody meanwhile is gone.
	ctx, refusal := c.renew(ctx)
	if refusal != nil {
		release()
		c.sendErrors(m.id, gqlerror.List{refusal})
		return
	}
	params, p := paramsFrom(m.payload)
	if p == nil && nothingToRun(params) {
		p = missingQuery()
	}
	if p != nil {
		release()
		c.sendErrors(m.id, gqlerror.List{p.graphQLError()})
		return
	}
	params.Headers = c.header
	params.ReadTime = graphql.TraceTiming{Start: graphql.GetStartTime(ctx), End: graphql.Now()}
	op, errs := c.exec.CreateOperationContext(ctx, params)
	if errs != nil {
		errs = c.exec.DispatchError(graphql.WithOperationContext(ctx, op), errs).Errors
		release()
		c.sendErrors(m.id, errs)
		return
	}
	refused := false
	execute(ctx, c.exec, op, func(resp *graphql.Response) bool {
		if refused = resp.Data == nil; refused {
			release()
			c.sendErrors(m.id, resp.Errors)
			return false
		}
		if ctx.Err() == nil { // else the client has completed it, and wants no more
			c.sendResponse(m.id, resp)
		}
		return ctx.Err() == nil
	})
	release()
	if !refused && ctx.Err() == nil {
		c.send(`{"type":"complete","id":` + string(mustMarshal(m.id)) + `}`)
	}
}

// complete ends an operation that the client wants no more of, and waits for
// it, so that ending them cannot be faster than they end.
func (c *conversation) complete(id string) {
	c.mu.Lock()
	op := c.running[id]
	c.mu.Unlock()
	if op != nil {
		op.cancel()
		<-op.ended
	}
}

// endOperations cancels what still runs and waits for it.
func (c *conversation) endOperations() {
	c.cancel()
	c.mu.Lock()
	left := make([]*operation, 0, len(c.running))
	for _, op := range c.running {
		left = append(left, op)
	}
	c.mu.Unlock()
	for _, op := range left {
		<-op.ended
	}
	_ = c.conn.CloseNow() // nothing is left to be said
}

// keepAlive pings, so that proxies keep a silent connection and a client that
// has gone is noticed.
func (c *conversation) keepAlive(ctx context.Context) {
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		patience, cancel := context.WithTimeout(ctx, pingInterval)
		err := c.conn.Ping(patience)
		cancel()
		if err != nil {
			_ = c.conn.CloseNow() // which ends the reader
			return
		}
	}
}

// close ends the operations and the connection, with a code that tells the
// client whether to connect again. The first of several wins.
func (c *conversation) close(code coder.StatusCode, reason string) {
	c.cancel()
	_ = c.conn.Close(code, reason) // the client may have gone first
}

func (c *conversation) sendErrors(id string, errs gqlerror.List) {
	c.send(`{"type":"error","id":` + string(mustMarshal(id)) + `,"payload":` + string(mustMarshal(errs)) + `}`)
}

func (c *conversation) sendResponse(id string, resp *graphql.Response) {
	var b bytes.Buffer
	b.WriteString(`{"type":"next","id":`)
	b.Write(mustMarshal(id))
	b.WriteString(`,"payload":`)
	writeResponse(&b, responseHead(resp), resp.Data)
	b.WriteByte('}')
	c.send(b.String())
}

// send writes one message. A client that does not take it in time loses its connection.
func (c *conversation) send(text string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), streamWriteTimeout)
	defer cancel()
	_ = c.conn.Write(ctx, coder.MessageText, []byte(text)) // the reader notices when it has gone
}
