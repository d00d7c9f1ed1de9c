package smtptest_test

import (
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

const from = "vaktreffen@example.org"

// mail is a small mail with that Message-ID.
func mail(messageID string) string {
	return "From: " + from + "\r\nSubject: =?utf-8?q?Einladung_nach_L=C3=BCbeck?=\r\nMessage-ID: <" + messageID +
		">\r\n\r\nHello\r\n.. and a line that begins with dots\r\n"
}

func dial(t *testing.T, srv *smtptest.Server) *smtp.Client {
	t.Helper()
	c, err := smtp.Dial(srv.Addr())
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// send gives one mail to the client's server, and returns the first refusal.
func send(c *smtp.Client, to, data string) error {
	if err := c.Mail(from); err != nil {
		return fmt.Errorf("MAIL: %w", err)
	}
	if err := c.Rcpt(to); err != nil {
		return errors.Join(fmt.Errorf("RCPT: %w", err), c.Reset())
	}
	w, err := c.Data()
	if err != nil {
		return fmt.Errorf("DATA: %w", err)
	}
	if _, err := w.Write([]byte(data)); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return w.Close()
}

func mustSend(t *testing.T, c *smtp.Client, to, data string) {
	t.Helper()
	if err := send(c, to, data); err != nil {
		t.Fatalf("send to %s: %v", to, err)
	}
}

// wantCode fails the test unless err is an SMTP reply with that code.
func wantCode(t *testing.T, err error, code int) {
	t.Helper()
	var reply *textproto.Error
	if !errors.As(err, &reply) || reply.Code != code {
		t.Fatalf("got %v, want a reply %d", err, code)
	}
}

// wantClosed fails the test unless the server has closed the connection.
func wantClosed(t *testing.T, c *smtp.Client) {
	t.Helper()
	err := c.Noop()
	var reply *textproto.Error
	if err == nil || errors.As(err, &reply) {
		t.Fatalf("NOOP got %v, want a closed connection", err)
	}
}

func TestAcceptedMail(t *testing.T) {
	t.Parallel()
	srv := smtptest.Start(t)
	if want := "smtp://" + srv.Addr(); srv.URL() != want {
		t.Errorf("URL is %s, want %s", srv.URL(), want)
	}
	first, second := dial(t, srv), dial(t, srv)
	mustSend(t, first, "anna@example.org", mail("1@example.org"))
	mustSend(t, second, "bert@example.org", mail("2@example.org"))
	mustSend(t, second, "carl@example.org", mail("3@example.org"))
	srv.WaitFor(t, 3)

	got := srv.Messages()
	if len(got) != 3 || srv.Count() != 3 || srv.Connections() != 2 {
		t.Fatalf("%d messages, count %d, over %d connections; want 3, 3, 2", len(got), srv.Count(), srv.Connections())
	}
	m := got[1]
	if m.From != from || len(m.To) != 1 || m.To[0] != "bert@example.org" {
		t.Errorf("envelope is %s to %v", m.From, m.To)
	}
	if string(m.Data) != mail("2@example.org") {
		t.Errorf("data is %q, want it as sent", m.Data)
	}
	if m.Connection == got[0].Connection || m.Connection != got[2].Connection {
		t.Errorf("connections are %d, %d, %d", got[0].Connection, m.Connection, got[2].Connection)
	}
	if m.Received.Before(got[0].Received) {
		t.Errorf("the second mail was received at %s, before the first", m.Received)
	}
	if got := m.Header("subject"); got != "Einladung nach Lübeck" {
		t.Errorf("subject is %q", got)
	}
	if got := m.Header("Reply-To"); got != "" {
		t.Errorf("missing header is %q", got)
	}

	srv.Reset()
	if srv.Count() != 0 || len(srv.Messages()) != 0 {
		t.Errorf("%d messages after Reset", srv.Count())
	}
}

func TestHalfAMailIsNotAccepted(t *testing.T) {
	t.Parallel()
	for _, options := range [][]smtptest.Option{nil, {smtptest.CountOnly()}} {
		srv := smtptest.Start(t, options...)
		c := dial(t, srv)
		mustSend(t, c, "anna@example.org", mail("1@example.org"))
		if err := errors.Join(c.Mail(from), c.Rcpt("anna@example.org")); err != nil {
			t.Fatal(err)
		}
		w, err := c.Data()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, "Subject: cut off\r\n\r\nThis is n")
		c.Close()
		mustSend(t, dial(t, srv), "anna@example.org", mail("2@example.org"))
		if srv.Count() != 2 {
			t.Errorf("%d messages, want 2", srv.Count())
		}
	}
}

func TestCountOnlyKeepsEnvelopeAndMessageID(t *testing.T) {
	t.Parallel()
	srv := smtptest.Start(t, smtptest.CountOnly())
	c := dial(t, srv)
	mustSend(t, c, "anna@example.org", mail("1@example.org")+strings.Repeat("filler\r\n", 10_000))
	mustSend(t, c, "bert@example.org", mail("2@example.org"))
	for i, m := range srv.Messages() {
		want := []string{"anna@example.org", "bert@example.org"}[i]
		if m.Data != nil || m.To[0] != want || m.Header("message-id") != fmt.Sprintf("<%d@example.org>", i+1) {
			t.Errorf("message %d: %d bytes to %v with id %s", i, len(m.Data), m.To, m.Header("message-id"))
		}
		if m.Header("Subject") != "" {
			t.Errorf("message %d still has its subject", i)
		}
	}
}

func TestManySendersAtOnce(t *testing.T) {
	t.Parallel()
	const senders, each = 8, 50
	srv := smtptest.Start(t, smtptest.CountOnly())
	var sending sync.WaitGroup
	for sender := range senders {
		c := dial(t, srv)
		sending.Go(func() {
			for i := range each {
				to := fmt.Sprintf("person-%d-%d@example.org", sender, i)
				if err := send(c, to, mail(to)); err != nil {
					t.Errorf("send to %s: %v", to, err)
					return
				}
			}
		})
		sending.Go(func() { srv.Inject(smtptest.Refuse("nobody@example.org")) })
	}
	srv.WaitFor(t, senders*each)
	if got := srv.Count(); got != senders*each {
		t.Errorf("WaitFor returned at %d messages, want %d", got, senders*each)
	}
	sending.Wait()
	recipients := make(map[string]bool)
	for _, m := range srv.Messages() {
		recipients[m.To[0]] = true
	}
	if len(recipients) != senders*each {
		t.Errorf("%d recipients, want %d", len(recipients), senders*each)
	}
}

func TestDownAndUp(t *testing.T) {
	t.Parallel()
	srv := smtptest.Start(t)
	c := dial(t, srv)
	mustSend(t, c, "anna@example.org", mail("1@example.org"))
	before := srv.Addr()

	srv.Down()
	wantClosed(t, c)
	if _, err := net.Dial("tcp", srv.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("dialling a server that is down: %v, want connection refused", err)
	}

	srv.Up(t)
	if srv.Addr() != before {
		t.Fatalf("address is %s, was %s", srv.Addr(), before)
	}
	mustSend(t, dial(t, srv), "anna@example.org", mail("2@example.org"))
	if srv.Count() != 2 {
		t.Errorf("%d messages, want 2: Down loses none", srv.Count())
	}
}
