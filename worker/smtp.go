package worker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
)

const (
	dialTimeout    = 15 * time.Second // until the server is ready for the first message, TLS and sign-in included
	messageTimeout = 5 * time.Minute  // one message; a slow answer to the final dot must not become a second copy
	holdTimeout    = 20 * time.Second // for which the server waits for a message until it may go
	farewell       = 2 * time.Second  // for the answer to QUIT

	maxMessages = 100 // on one connection
	maxAge      = 5 * time.Minute
	maxIdle     = 20 * time.Second
)

// Result is what came of handing one message to the mail server.
type Result int

const (
	// Sent: the server took responsibility for the message.
	Sent Result = iota + 1
	// Later: the server refused for now (4xx); try again after a while.
	Later
	// Failed: the server refused for good (5xx), or the message cannot be sent at all.
	Failed
	// Uncertain: the server had the whole message, and its answer never came. It may have been delivered.
	Uncertain
	// Unreachable: the server does not have the message, and nothing about the message was the reason.
	Unreachable
)

func (r Result) String() string {
	switch r {
	case Sent:
		return "sent"
	case Later:
		return "later"
	case Failed:
		return "failed"
	case Uncertain:
		return "uncertain"
	case Unreachable:
		return "unreachable"
	}
	return fmt.Sprintf("Result(%d)", int(r))
}

// Outcome is a Result with its reason.
type Outcome struct {
	Result Result
	Code   int    // SMTP reply code, 0 if none decided
	Detail string // one line for operators: the server's words without addresses, or what went wrong
}

// Pool sends messages over a bounded number of SMTP connections that it opens when needed and reuses.
type Pool struct {
	server  smtpServer
	dkim    *DKIM // nil: messages go unsigned
	dialTCP mail.DialContextFunc
	places  chan struct{} // one per connection that may exist in use
	breaker breaker

	mu      sync.Mutex
	idle    []*smtpConnection // the one used last is last
	closed  bool
	sending sync.WaitGroup
}

// NewPool prepares a pool of at most the given number of connections. It dials nothing yet. An error says what is
// wrong with the configuration, without repeating it.
func NewPool(cfg SMTPConfig, connections int) (*Pool, error) {
	server, err := cfg.parse()
	if err != nil {
		return nil, err
	}
	if connections < 1 {
		return nil, errors.New("smtp pool: at least one connection is needed")
	}
	return &Pool{
		server:  server,
		dkim:    cfg.DKIM,
		dialTCP: new(net.Dialer).DialContext,
		places:  make(chan struct{}, connections),
	}, nil
}

// Send hands one message to the server and waits for the answer. It waits for a free connection as long as ctx lasts.
// A connection that breaks before the server has the whole message costs one further attempt on a new connection.
// When ctx ends in mid-send the connection is cut: the outcome is Unreachable, or Uncertain once the server has the
// whole message.
func (p *Pool) Send(ctx context.Context, m *Message) Outcome {
	letter, err := p.seal(m)
	if err != nil {
		return p.unfit(m, err)
	}
	return p.converse(always).send(ctx, closedChannel, letter, nil)
}

func always() bool { return true }

var closedChannel = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// seal writes a message to memory as the server gets it, signed.
func (p *Pool) seal(m *Message) (*sealed, error) {
	letter, err := m.seal()
	if err == nil && p.dkim != nil {
		letter.body, err = p.dkim.Sign(letter.body)
	}
	return letter, err
}

// unfit is the outcome of a message that cannot be sealed.
func (p *Pool) unfit(m *Message, err error) Outcome {
	return Outcome{Result: Failed, Detail: redact(err.Error(), p.server, m.To)}
}

// Unreachable returns for how long the server is not tried again after it could not be reached, zero when it may be.
func (p *Pool) Unreachable() time.Duration { return p.breaker.closedFor() }

// unreachable tells the breaker of a failed dial, unless it was the caller who gave up.
func (p *Pool) unreachable(ctx context.Context, err error) Outcome {
	if ctx.Err() != nil {
		p.breaker.abandoned()
		return interrupted()
	}
	out := Outcome{Result: Unreachable, Detail: err.Error()}
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		out.Code = reply.Code
	}
	p.breaker.failed(redact(out.Detail, p.server, ""))
	return out
}

func interrupted() Outcome {
	return Outcome{Result: Unreachable, Detail: "interrupted before the mail server had the whole message"}
}

// dial opens a connection and brings it to where it can take a message.
func (p *Pool) dial(ctx context.Context) (*smtpConnection, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()

	// A go-mail client for each connection: a shared one changes its own fields while it dials. It neither heeds ctx
	// after the TCP handshake nor closes the socket when a later step fails, so both are done here.
	c := &smtpConnection{born: time.Now()}
	stop := func() bool { return true }
	client, err := mail.NewClient(p.server.host, p.server.options(
		func(_ context.Context, network, address string) (net.Conn, error) {
			var err error
			if c.wire, err = p.dialTCP(ctx, network, address); err != nil {
				return nil, err
			}
			stop = context.AfterFunc(ctx, c.cut)
			if p.server.encryption != implicitTLS {
				return c.wire, nil
			}
			secure := tls.Client(c.wire, p.server.tlsConfig())
			return secure, secure.HandshakeContext(ctx)
		})...)
	if err != nil {
		return nil, err
	}
	c.client, err = client.DialToSMTPClientWithContext(ctx)
	if !stop() {
		err = fmt.Errorf("the mail server was not ready within %v", dialTimeout)
	}
	if err != nil && c.wire != nil {
		c.cut()
	}
	return c, err
}

// takeIdle returns the connection that was used last and may still be used, or nil.
func (p *Pool) takeIdle() *smtpConnection {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	c.expiry.Stop()
	return c
}

// putIdle keeps a connection for the next message, or says goodbye to it if it has served long enough.
func (p *Pool) putIdle(c *smtpConnection) {
	rest := min(maxIdle, time.Until(c.born.Add(maxAge)))
	p.mu.Lock()
	keep := !p.closed && c.fresh()
	if keep {
		p.idle = append(p.idle, c)
		c.expiry = time.AfterFunc(rest, func() { p.expire(c) })
	}
	p.mu.Unlock()
	if !keep {
		c.quit()
	}
}

// expire says goodbye to a connection that nobody took in time.
func (p *Pool) expire(c *smtpConnection) {
	p.mu.Lock()
	i := slices.Index(p.idle, c)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		c.quit()
	}
}

// open is how many connections there are.
func (p *Pool) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle) + len(p.places)
}

// trim says goodbye to idle connections, those not used for longest first, until there are no more than so many, or none is idle.
func (p *Pool) trim(most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	extra := min(len(p.idle), max(0, len(p.idle)+len(p.places)-most))
	for _, c := range p.idle[:extra] {
		c.expiry.Stop()
		p.sending.Go(c.quit)
	}
	p.idle = slices.Delete(p.idle, 0, extra)
}

func (p *Pool) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.sending.Add(1)
	return true
}

// Close refuses further messages, waits for those in flight and closes every connection. If ctx ends first it
// returns ctx's error; the sends in flight then still run until their own contexts end.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, c := range idle {
			c.expiry.Stop()
			p.sending.Go(c.quit)
		}
		p.sending.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
