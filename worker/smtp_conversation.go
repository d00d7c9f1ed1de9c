package worker

import "context"

// conversation hands the server one message after another. Where the server reads commands in groups, those of the next message
// follow the content of the one before at once (RFC 2920 section 3.1), so that each message takes one write and one read.
//
// One goroutine uses it, and ends it.
type conversation struct {
	pool  *Pool
	mayGo func() bool     // asked when a message is ready; no message goes that may not
	held  *smtpConnection // on which the next message is begun, with its place in the pool; nil: it is not begun anywhere
}

func (p *Pool) converse(mayGo func() bool) *conversation { return &conversation{pool: p, mayGo: mayGo} }

// send is Pool.Send for a sealed message, but gives the server the message only once ready is closed, if it may go then. Until then
// the server has sender and recipient, and nothing that it could deliver. Once ready is closed, it may also get sender and recipient
// of the message that is sent next, nil if it is not known that it may go.
func (v *conversation) send(ctx context.Context, ready <-chan struct{}, m, next *sealed) Outcome {
	p := v.pool
	if v.held != nil && v.held.begun != m {
		v.end() // what comes now must not go to the recipient of another
	}
	if v.held == nil {
		if !p.enter() {
			return Outcome{Result: Unreachable, Detail: "the worker is shutting down"}
		}
		select {
		case p.places <- struct{}{}:
		case <-ctx.Done():
			p.sending.Done()
			return interrupted()
		}
		v.held = p.takeIdle()
	}
	out, again := v.attempt(ctx, ready, m, next)
	if again {
		out, _ = v.attempt(ctx, ready, m, next)
	}
	if v.held == nil {
		v.leave()
	}
	out.Detail = redact(out.Detail, p.server, m.recipient())
	return out
}

// attempt sends over the connection that is held, or over a new one, and goes on to hold it if the next message is begun there.
// Otherwise the connection goes back to the pool, if it is still good. It reports whether another attempt makes sense.
func (v *conversation) attempt(ctx context.Context, ready <-chan struct{}, m, next *sealed) (out Outcome, again bool) {
	p, c := v.pool, v.held
	v.held = nil
	if c == nil {
		detail, ok := p.breaker.allow()
		if !ok {
			return Outcome{Result: Unreachable, Detail: detail}, false
		}
		var err error
		if c, err = p.dial(ctx); err != nil {
			return p.unreachable(ctx, err), false
		}
		p.breaker.succeeded()
	}
	out, good := c.send(ctx, ready, v.mayGo, m, next)
	switch {
	case !good:
		c.cut()
	case c.begun != nil:
		v.held = c
	default:
		p.putIdle(c)
	}
	if out.Result == Unreachable && out.Code != 0 {
		p.breaker.failed(redact(out.Detail, p.server, m.recipient()))
	}
	return out, out.Result == Unreachable && out.Code == 0 && ctx.Err() == nil && v.mayGo()
}

// end gives up a message that is begun. The server may wait for its content already, and nothing but a closed connection tells it
// that there is none (RFC 5321 section 4.1.1.10).
func (v *conversation) end() {
	if v.held == nil {
		return
	}
	v.held.cut()
	v.held = nil
	v.leave()
}

// leave makes room for another connection.
func (v *conversation) leave() {
	<-v.pool.places
	v.pool.sending.Done()
}
