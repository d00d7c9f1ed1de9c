// Package smtptest is a mail server for tests and load runs: it speaks real SMTP on a loopback port, keeps what it
// accepted, and misbehaves on request in the ways that real servers do.
package smtptest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// patience is how long the server waits for something that is certain to come in a healthy test.
const patience = 60 * time.Second

// An Option is what Start can be given: a [Fault], which may also be injected later, or a [Setting].
type Option interface{ apply(*Server) }

// A Setting says how the server is set up. It cannot change while the server runs.
type Setting func(*Server)

func (set Setting) apply(s *Server) { set(s) }

// CountOnly makes the server forget each message but its envelope and Message-ID, for runs of tens of thousands of
// mails.
func CountOnly() Setting {
	return func(s *Server) { s.countOnly = true }
}

// Server is a running mail server. Its methods may be called from any goroutine, except those that take a testing.TB:
// they fail the test, so they belong on the test's own goroutine.
type Server struct {
	address   string
	smtp      *smtp.Server
	countOnly bool
	login     *login
	certs     *certificates
	stopped   chan struct{} // closed when the test is over, so that no delayed reply holds it up

	mu          sync.Mutex
	listener    net.Listener // nil while the server is down
	open        map[*conn]struct{}
	connections int
	messages    []Message
	waiting     map[*waiter]struct{}
	faults      faults
}

// waiter is a WaitFor call: ready is closed once n messages were accepted.
type waiter struct {
	n     int
	ready chan struct{}
}

// Start runs a server on a free port of 127.0.0.1 until the test ends. Without options it accepts every mail for
// everybody.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := &Server{
		stopped: make(chan struct{}),
		open:    make(map[*conn]struct{}),
		waiting: make(map[*waiter]struct{}),
	}
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.newSession))
	s.smtp.Domain = "smtptest.example"
	s.smtp.EnableSMTPUTF8 = true
	s.smtp.AllowInsecureAuth = true
	s.smtp.ErrorLog = log.New(io.Discard, "", 0) // it reports the very faults that a test asked for
	for _, option := range options {
		option.apply(s)
	}
	if s.certs != nil {
		s.smtp.TLSConfig = &tls.Config{GetCertificate: s.certificate}
		s.smtp.AllowInsecureAuth = false
	}
	s.listen(t, "127.0.0.1:0")
	t.Cleanup(func() { s.stop(t) })
	return s
}

// Addr is the server's host and port. It stays the same through Down and Up.
func (s *Server) Addr() string { return s.address }

// URL is the server's address as configuration has it: smtp://127.0.0.1:port.
func (s *Server) URL() string { return "smtp://" + s.address }

// CertPool holds the server's self-signed certificates, for clients that are to trust them. It is nil without
// [STARTTLS].
func (s *Server) CertPool() *x509.CertPool {
	if s.certs == nil {
		return nil
	}
	return s.certs.pool
}

// Messages returns what was accepted since the start or the last Reset, in the order of acceptance.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Count is the number of messages accepted since the start or the last Reset.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.messages)
}

// Connections is the number of connections since the start, those turned away with 421 included.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

// WaitFor returns once at least n messages were accepted, and fails the test if that takes more than a minute.
// A message counts from the moment the server holds all of it, which is before the client reads the reply.
func (s *Server) WaitFor(t testing.TB, n int) {
	t.Helper()
	w := &waiter{n: n, ready: make(chan struct{})}
	s.mu.Lock()
	s.waiting[w] = struct{}{}
	s.wakeWaiters()
	s.mu.Unlock()

	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-w.ready:
	case <-timeout.C:
		t.Fatalf("the mail server accepted %d messages in %s, want %d", s.Count(), patience, n)
	}
}

// Reset forgets the messages, and with them the count that [DropAfterDot] goes by. Faults stay.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = nil
}

// Down cuts every connection and refuses new ones, as a mail server does that is being restarted or has crashed.
func (s *Server) Down() {
	s.mu.Lock()
	listener := s.listener
	s.listener = nil
	open := slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()

	if listener != nil {
		listener.Close()
	}
	for _, c := range open {
		c.Close()
	}
}

// Up makes a server that is down listen again, on the same port.
func (s *Server) Up(t testing.TB) {
	t.Helper()
	s.listen(t, s.address)
}

func (s *Server) listen(t testing.TB, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("start a mail server: %v", err)
	}
	s.mu.Lock()
	s.listener = listener
	s.address = listener.Addr().String()
	s.mu.Unlock()
	go s.smtp.Serve(&doorway{Listener: listener, server: s})
}

// stop ends every connection and waits for the goroutines that served them.
func (s *Server) stop(t testing.TB) {
	s.Down()
	close(s.stopped)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.smtp.Shutdown(ctx); ctx.Err() != nil {
		t.Errorf("stop the mail server: %v", err)
	}
}

// keep records a message and says whether its connection is to be cut instead of answered, and how long the answer
// takes.
func (s *Server) keep(m Message) (cut bool, delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
	s.wakeWaiters()
	return s.faults.dropsAfterDot(len(s.messages), m.To), s.faults.slowDot
}

// wakeWaiters wants s.mu held.
func (s *Server) wakeWaiters() {
	for w := range s.waiting {
		if len(s.messages) >= w.n {
			close(w.ready)
			delete(s.waiting, w)
		}
	}
}
