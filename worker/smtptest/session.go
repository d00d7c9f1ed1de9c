package smtptest

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// doorway is the listener in front of go-smtp, which greets every connection that it is given: those to be turned away
// have to be met before.
type doorway struct {
	net.Listener
	server *Server
}

func (d *doorway) Accept() (net.Conn, error) {
	for {
		accepted, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := d.server.admit(d.Listener, accepted); c != nil {
			return c, nil
		}
		accepted.Close()
	}
}

// admit returns nil for a connection that is not welcome, after saying so.
func (s *Server) admit(listener net.Listener, accepted net.Conn) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != listener {
		return nil // went down since
	}
	s.connections++
	if s.faults.busyOnConnect > 0 {
		s.faults.busyOnConnect--
		io.WriteString(accepted, "421 4.3.2 smtptest.example Too many connections, try again later\r\n")
		return nil
	}
	c := &conn{Conn: accepted, server: s, number: s.connections}
	s.open[c] = struct{}{}
	return c
}

// conn is a client's connection. go-smtp leaves it open after a 421, where RFC 5321 has the server close it.
type conn struct {
	net.Conn
	server   *Server
	number   int
	messages int         // only touched by the goroutine that serves the connection
	parting  atomic.Bool // the next reply is the last
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if c.parting.Load() {
		c.Close()
	}
	return n, err
}

func (c *conn) Close() error {
	c.server.mu.Lock()
	delete(c.server.open, c)
	c.server.mu.Unlock()
	return c.Conn.Close()
}

// hangUp is the reply after which the connection is closed.
func (c *conn) hangUp(enhanced smtp.EnhancedCode, text string) error {
	c.parting.Store(true)
	return &smtp.SMTPError{Code: 421, EnhancedCode: enhanced, Message: text}
}

// session is go-smtp's view of one client between two greetings.
type session struct {
	server        *Server
	conn          *conn
	authenticated bool
	from          string
	to            []string
	head          head   // with CountOnly, the mail's beginning
	buffer        []byte // with CountOnly, what the rest is read through
}

func (s *Server) newSession(c *smtp.Conn) (smtp.Session, error) {
	under := c.Conn()
	if secured, ok := under.(*tls.Conn); ok {
		under = secured.NetConn()
	}
	return &session{server: s, conn: under.(*conn)}, nil
}

// Mail, Rcpt, Data, Reset, Logout, AuthMechanisms and Auth are called by go-smtp.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.login != nil && !s.authenticated {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	f := &s.server.faults
	if f.busyOnMail > 0 {
		f.busyOnMail--
		return s.conn.hangUp(smtp.EnhancedCode{4, 3, 2}, "Service shutting down, try again later")
	}
	if f.connectionLimit > 0 && s.conn.messages >= f.connectionLimit {
		return s.conn.hangUp(smtp.EnhancedCode{4, 7, 0}, "Too many messages on this connection")
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if strike(s.server.faults.refuse, to) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here"}
	}
	if strike(s.server.faults.greylist, to) {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted, try again later"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	m := Message{From: s.from, To: s.to, Connection: s.conn.number}
	if err := s.read(r, &m); err != nil {
		return err
	}
	m.Received = time.Now()
	s.conn.messages++
	cut, delay := s.server.keep(m)
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-s.server.stopped:
		}
	}
	if cut {
		s.conn.Close()
	}
	return nil
}

// read takes the whole mail off the wire, and of it into m what the server is to keep.
func (s *session) read(r io.Reader, m *Message) (err error) {
	if !s.server.countOnly {
		m.Data, err = io.ReadAll(r)
		return err
	}
	if s.buffer == nil {
		s.buffer = make([]byte, headLimit)
	}
	s.head = s.head[:0]
	if _, err = io.CopyBuffer(&s.head, r, s.buffer); err != nil {
		return err
	}
	m.messageID = strings.Clone(headerField(s.head, "Message-ID"))
	return nil
}

// headLimit is how many bytes of a mail are searched for its Message-ID.
const headLimit = 16 << 10

// head keeps the beginning of what is written to it.
type head []byte

func (h *head) Write(p []byte) (int, error) {
	*h = append(*h, p[:min(len(p), headLimit-len(*h))]...)
	return len(p), nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }

// login is the one account of a server that wants its clients to sign in.
type login struct{ user, password string }

// RequireAuth makes the server refuse mail (530) from clients that did not sign in with AUTH PLAIN (RFC 4954). With
// [STARTTLS] it offers AUTH only on the encrypted connection, as a server should.
func RequireAuth(user, password string) Setting {
	return func(s *Server) { s.login = &login{user, password} }
}

func (s *session) AuthMechanisms() []string {
	if s.server.login == nil {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if s.server.login == nil {
		return nil, smtp.ErrAuthUnsupported
	}
	if mechanism != sasl.Plain {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	return sasl.NewPlainServer(func(_, user, password string) error {
		if (login{user, password}) != *s.server.login {
			return smtp.ErrAuthFailed
		}
		s.authenticated = true
		return nil
	}), nil
}
