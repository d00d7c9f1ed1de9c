package smtptest_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/smtp"
	"net/textproto"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

func TestSlowDot(t *testing.T) {
	t.Parallel()
	const delay = 300 * time.Millisecond
	srv := smtptest.Start(t, smtptest.SlowDot(delay))
	c := dial(t, srv)
	start := time.Now()
	replied := make(chan error, 1)
	go func() { replied <- send(c, "anna@example.org", mail("1@example.org")) }()
	srv.WaitFor(t, 1)
	select {
	case err := <-replied:
		t.Fatalf("replied as soon as the message was there: %v", err)
	default:
	}
	if err := <-replied; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < delay {
		t.Errorf("the reply took %s, want at least %s", took, delay)
	}
	srv.Inject(smtptest.SlowDot(time.Hour))
	srv.Inject(smtptest.SlowDot(0))
	mustSend(t, c, "anna@example.org", mail("2@example.org"))
}

func TestSlowDotDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	var replied = make(chan error, 1)
	t.Run("test that ends in between", func(t *testing.T) {
		srv := smtptest.Start(t, smtptest.SlowDot(time.Hour))
		c := dial(t, srv)
		go func() { replied <- send(c, "anna@example.org", mail("1@example.org")) }()
		srv.WaitFor(t, 1)
	})
	if err := <-replied; err == nil {
		t.Error("the mail was confirmed after the end of the test")
	}
}

func TestDropAfterDot(t *testing.T) {
	t.Parallel()
	srv := smtptest.Start(t, smtptest.DropAfterDot(2), smtptest.DropAfterDotTo(1, "Carl@example.org"))
	c := dial(t, srv)
	mustSend(t, c, "anna@example.org", mail("1@example.org"))

	wantDropped := func(c *smtp.Client, to, id string) {
		t.Helper()
		err := send(c, to, mail(id))
		if reply := (*textproto.Error)(nil); err == nil || errors.As(err, &reply) {
			t.Fatalf("sending to %s got %v, want a dropped connection", to, err)
		}
		wantClosed(t, c)
	}
	wantDropped(c, "bert@example.org", "2@example.org")
	wantDropped(dial(t, srv), "carl@example.org", "3@example.org")
	mustSend(t, dial(t, srv), "carl@example.org", mail("3@example.org"))

	if srv.Count() != 4 {
		t.Errorf("%d messages, want 4: the server has those it did not confirm", srv.Count())
	}
	srv.Reset()
	c = dial(t, srv)
	mustSend(t, c, "anna@example.org", mail("4@example.org"))
	wantDropped(c, "anna@example.org", "5@example.org")
}

func TestBusyOnConnect(t *testing.T) {
	t.Parallel()
	srv := smtptest.Start(t, smtptest.BusyOnConnect(1))
	raw, err := textproto.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	_, _, err = raw.ReadResponse(220)
	wantCode(t, err, 421)
	if _, err := raw.ReadLine(); !errors.Is(err, io.EOF) {
		t.Errorf("after the greeting: %v, want the end of the connection", err)
	}
	mustSend(t, dial(t, srv), "anna@example.org", mail("1@example.org"))
	if srv.Connections() != 2 {
		t.Errorf("%d connections, want 2", srv.Connections())
	}
}

func TestBusyOnMail(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]smtptest.Option{
		"plain":     {smtptest.BusyOnMail(1)},
		"encrypted": {smtptest.BusyOnMail(1), smtptest.STARTTLS()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := smtptest.Start(t, options...)
			c := dial(t, srv)
			if srv.CertPool() != nil {
				if err := c.StartTLS(&tls.Config{ServerName: "localhost", RootCAs: srv.CertPool()}); err != nil {
					t.Fatal(err)
				}
			}
			wantCode(t, c.Mail(from), 421)
			wantClosed(t, c)
			mustSend(t, dial(t, srv), "anna@example.org", mail("1@example.org"))
		})
	}
}

func TestLimitPerConnection(t *testing.T) {
	t.Parallel()
	srv := smtptest.Start(t, smtptest.LimitPerConnection(2))
	c := dial(t, srv)
	mustSend(t, c, "anna@example.org", mail("1@example.org"))
	mustSend(t, c, "anna@example.org", mail("2@example.org"))
	wantCode(t, c.Mail(from), 421)
	wantClosed(t, c)
	mustSend(t, dial(t, srv), "anna@example.org", mail("3@example.org"))
}

func TestGreylist(t *testing.T) {
	t.Parallel()
	srv := smtptest.Start(t, smtptest.Greylist(2, "anna@example.org", "@slow.example"))
	c := dial(t, srv)
	mustSend(t, c, "bert@example.org", mail("1@example.org"))
	for _, to := range []string{"anna@example.org", "ANNA@example.org", "x@slow.example", "y@slow.example", "x@slow.example", "y@slow.example"} {
		wantCode(t, send(c, to, mail("2@example.org")), 451)
	}
	for _, to := range []string{"anna@example.org", "x@slow.example", "y@slow.example"} {
		mustSend(t, c, to, mail("2@example.org"))
	}
	if srv.Count() != 4 {
		t.Errorf("%d messages, want 4", srv.Count())
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	srv := smtptest.Start(t)
	c := dial(t, srv)
	mustSend(t, c, "gone@example.org", mail("1@example.org"))
	srv.Inject(smtptest.Refuse("gone@example.org"))
	wantCode(t, send(c, "gone@example.org", mail("2@example.org")), 550)
	mustSend(t, c, "anna@example.org", mail("3@example.org"))
	srv.Inject(smtptest.Refuse())
	wantCode(t, send(c, "anna@example.org", mail("4@example.org")), 550)
	srv.Heal()
	mustSend(t, c, "gone@example.org", mail("5@example.org"))
}

func TestRequireAuth(t *testing.T) {
	t.Parallel()
	srv := smtptest.Start(t, smtptest.RequireAuth("vaktreffen", "a secret"))
	c := dial(t, srv)
	wantCode(t, c.Mail(from), 530)
	// net/smtp quits after a failed AUTH.
	wantCode(t, c.Auth(smtp.PlainAuth("", "vaktreffen", "a guess", "127.0.0.1")), 535)

	c = dial(t, srv)
	if err := c.Auth(smtp.PlainAuth("", "vaktreffen", "a secret", "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	mustSend(t, c, "anna@example.org", mail("1@example.org"))
	mustSend(t, c, "bert@example.org", mail("2@example.org"))
}

func TestSTARTTLS(t *testing.T) {
	t.Parallel()
	srv := smtptest.Start(t, smtptest.STARTTLS(), smtptest.RequireAuth("vaktreffen", "a secret"))
	trusting := &tls.Config{ServerName: "127.0.0.1", RootCAs: srv.CertPool()}

	c := dial(t, srv)
	if offered, _ := c.Extension("AUTH"); offered {
		t.Error("AUTH is offered before encryption")
	}
	if err := c.StartTLS(trusting); err != nil {
		t.Fatal(err)
	}
	if err := c.Auth(smtp.PlainAuth("", "vaktreffen", "a secret", "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	mustSend(t, c, "anna@example.org", mail("1@example.org"))
	if got := srv.Messages()[0].Connection; got != 1 {
		t.Errorf("the mail came over connection %d, want 1", got)
	}

	var stranger x509.UnknownAuthorityError
	if err := dial(t, srv).StartTLS(&tls.Config{ServerName: "127.0.0.1"}); !errors.As(err, &stranger) {
		t.Errorf("without the pool: %v, want an unknown authority", err)
	}

	srv.Inject(smtptest.BadCertificate())
	var misnamed x509.HostnameError
	if err := dial(t, srv).StartTLS(trusting); !errors.As(err, &misnamed) {
		t.Errorf("with the bad certificate: %v, want a wrong host name", err)
	}
	srv.Heal()
	if err := dial(t, srv).StartTLS(trusting); err != nil {
		t.Errorf("after Heal: %v", err)
	}
}

func TestWithoutSTARTTLS(t *testing.T) {
	t.Parallel()
	srv := smtptest.Start(t)
	if offered, _ := dial(t, srv).Extension("STARTTLS"); offered || srv.CertPool() != nil {
		t.Errorf("STARTTLS offered: %v, pool: %v", offered, srv.CertPool())
	}
}
