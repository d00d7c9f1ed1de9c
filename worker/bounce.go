package worker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"

	"github.com/vaktreffen/vaktreffen/db"
)

// Addresses at the bounce domain. Every mail has a return path of its own (VERP), so that a report says which mail it is about
// even when nothing else in it can be read. Complaints go to one address, which an operator gives to mailbox providers.
const (
	bounceLocal    = "bounce+" // the token of a delivery follows
	complaintLocal = "complaints"
)

// What the bounce server puts up with.
const (
	maxReport         = 1 << 20         // bytes; a report may hold the whole mail
	bouncePatience    = time.Minute     // for one command or one piece of a report
	bounceLifetime    = 5 * time.Minute // of a connection
	bounceConnections = 50              // connections
)

// BounceServer is a mail server that takes nothing but what comes back: reports that a mail could not be delivered (RFC 3464),
// and complaints about one (RFC 5965).
type BounceServer struct {
	db     *db.DB
	log    *slog.Logger
	domain string
	smtp   *smtp.Server
}

// NewBounceServer prepares a server for the addresses at the domain.
func NewBounceServer(d *db.DB, log *slog.Logger, domain string) *BounceServer {
	s := &BounceServer{db: d, log: log, domain: domain}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &bounceSession{server: s}, nil }))
	s.smtp.Domain = domain
	s.smtp.MaxMessageBytes = maxReport
	s.smtp.MaxRecipients = 10
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = bouncePatience, bouncePatience
	s.smtp.EnableSMTPUTF8 = true // RFC 6533: reports about addresses outside ASCII
	s.smtp.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	return s
}

// Serve takes mail on the listener until Close. It returns nil after Close.
func (s *BounceServer) Serve(l net.Listener) error {
	err := s.smtp.Serve(mortalListener{netutil.LimitListener(l, bounceConnections)})
	if errors.Is(err, smtp.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Close takes no more connections, waits for those that are open as long as ctx lasts, and cuts the rest. A report that was not
// taken over comes again.
func (s *BounceServer) Close(ctx context.Context) error {
	if err := s.smtp.Shutdown(ctx); err == nil || errors.Is(err, smtp.ErrServerClosed) {
		return nil
	}
	return s.smtp.Close()
}

// mortalListener ends each connection after bounceLifetime, however busy it keeps itself.
type mortalListener struct{ net.Listener }

func (l mortalListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return mortalConn{c, time.AfterFunc(bounceLifetime, func() { _ = c.Close() })}, nil
}

type mortalConn struct {
	net.Conn
	end *time.Timer
}

func (c mortalConn) Close() error {
	c.end.Stop()
	return c.Conn.Close()
}

// bounceSession is one connection.
type bounceSession struct {
	server     *BounceServer
	returnPath string   // of the report; empty for a report that wants no answer, as all that are about deliveries
	tokens     []string // of the recipients; "" for the address of complaints
}

func (s *bounceSession) Mail(from string, _ *smtp.MailOptions) error {
	s.Reset()
	s.returnPath = from
	return nil
}

// Rcpt takes addresses that were made here and no others.
func (s *bounceSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	at := strings.LastIndexByte(to, '@')
	if at < 0 || !strings.EqualFold(to[at+1:], s.server.domain) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "This server takes mail for its own addresses only"}
	}
	local := strings.ToLower(to[:at])
	if local == complaintLocal {
		s.tokens = append(s.tokens, "")
		return nil
	}
	token, ok := strings.CutPrefix(local, bounceLocal)
	if ok {
		var err error
		if ok, err = s.server.db.MadeBounceToken(context.Background(), token); err != nil {
			return s.server.later("check address", err)
		}
	}
	if !ok {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "There is no such address here"}
	}
	s.tokens = append(s.tokens, token)
	return nil
}

// Data reads a report. What says nothing, such as a notice of absence, is taken and forgotten.
func (s *bounceSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), bouncePatience)
	defer cancel()
	report := readReport(raw, s.returnPath == "")
	for _, token := range s.tokens {
		if err := s.server.record(ctx, token, report); err != nil {
			return s.server.later("record report", err)
		}
	}
	return nil
}

// record writes down what a report to an address says.
func (s *BounceServer) record(ctx context.Context, token string, r report) error {
	var known bool
	var err error
	switch {
	case r.complaint:
		tokens := r.tokens
		if token != "" {
			tokens = []string{token}
		}
		for _, token := range tokens {
			if known, err = s.db.RecordComplaint(ctx, token); known || err != nil {
				break
			}
		}
	case r.failed && token != "":
		known, err = s.db.RecordBounce(ctx, db.Bounce{Token: token, StatusCode: r.status, Detail: r.detail})
	}
	if err == nil {
		s.log.DebugContext(ctx, "report about a mail", "complaint", r.complaint, "failed", r.failed, "status", r.status, "known", known)
	}
	return err
}

// later asks the sender to come again.
func (s *BounceServer) later(what string, err error) error {
	s.log.Error("bounce server", "step", what, "error", err)
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Please try again later"}
}

func (s *bounceSession) Reset() { s.returnPath, s.tokens = "", nil }

func (s *bounceSession) Logout() error { return nil }
