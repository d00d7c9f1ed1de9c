package worker_test

import (
	"bytes"
	"cmp"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/worker"
)

// A campaign by way of a Postfix that insists on TLS and a sign-in: one recipient is greylisted, one has a full mailbox.
func TestCampaignByWayOfPostfix(t *testing.T) {
	s := newScene(t, meetings.SQLite(t), "")
	var refused atomic.Int64
	server := startPostfix(t, s.takeBounces(t), func(recipient string) bool {
		return recipient == "guest3@example.org" && refused.Add(1) == 1
	})
	keys, records := signingKeys(t)
	dkim, err := worker.NewDKIM("example.org", keys...)
	if err != nil {
		t.Fatal(err)
	}
	_, numbers := s.workAs(t, func(cfg *worker.Config) {
		cfg.SMTP = worker.SMTPConfig{URL: server.url(postfixPassword), Roots: server.roots, DKIM: dkim}
	})
	const guests = 5
	s.invite(t, guests)

	eventually(t, "one is greylisted", func() bool { return s.row(t, db.MailInvitation, "guest3@example.org").Attempts == 1 })
	if got := s.row(t, db.MailInvitation, "guest3@example.org"); got.State != db.Queued || got.Code != 450 || !got.Held || !strings.Contains(got.Error, "Greylisted") {
		t.Errorf("the greylisted mail is %+v", got)
	}
	if n := number(t, numbers, "vaktreffen_smtp_slowdowns_total"); n != 0 {
		t.Errorf("greylisting slowed down %v times", n)
	}
	eventually(t, "the full mailbox is reported", func() bool { return s.row(t, db.MailInvitation, "guest2@example.org").State == db.Bounced })
	if status := s.text(t, "SELECT d.status_code FROM deliveries d JOIN people p ON p.id = d.person_id WHERE p.email = 'guest2@example.org'"); !strings.HasSuffix(status, ".2.2") {
		t.Errorf("the full mailbox came back as %s", status)
	}
	if n := s.text(t, "SELECT count(*) FROM suppressions"); n != "0" {
		t.Errorf("%s addresses are suppressed for one full mailbox", n)
	}
	s.forward(2 * time.Minute)
	var arrived [][]byte
	eventually(t, "the others have arrived", func() bool {
		arrived = slices.DeleteFunc(server.mails(t), func(raw []byte) bool {
			return !bytes.Contains(raw, []byte("X-Vaktreffen-Kind: "+db.MailInvitation))
		})
		return len(arrived) == guests-1
	})
	for _, raw := range arrived {
		checkDelivered(t, raw, records)
	}
}

// checkDelivered checks a mail as it lies in a mailbox.
func checkDelivered(t *testing.T, raw []byte, records map[string]string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	whose := m.Header.Get("Delivered-To")
	if good, _ := verify(t, raw, records); !slices.Equal(good, []string{"rsa2027", "ed2027"}) {
		t.Errorf("%s: good signatures: %v", whose, good)
	}
	if path := m.Header.Get("Return-Path"); !strings.HasPrefix(path, "<bounce+") || !strings.HasSuffix(path, "@"+bounceDomain+">") {
		t.Errorf("%s: return path %s", whose, path)
	}
	if by := m.Header.Get("Received"); !strings.Contains(by, "ESMTPSA") || !strings.Contains(by, "TLSv1.3") || !strings.Contains(by, "Authenticated sender: "+postfixUser) {
		t.Errorf("%s: received %s", whose, by)
	}
	for _, name := range []string{"From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted", "Feedback-ID"} {
		if n := len(m.Header[textproto.CanonicalMIMEHeaderKey(name)]); n != 1 {
			t.Errorf("%s: %d times %s", whose, n, name)
		}
	}
	parts := map[string]string{}
	gatherParts(t, m.Header.Get("Content-Type"), m.Body, parts)
	for _, part := range []string{"text/plain", "text/html"} {
		if !strings.Contains(strings.ReplaceAll(parts[part], "=\r\n", ""), "https://meetings.example.org/i/") {
			t.Errorf("%s: the part %s has no link to answer by", whose, part)
		}
	}
}

// gatherParts collects the contents of a multipart body and those within by their type.
func gatherParts(t *testing.T, contentType string, body io.Reader, parts map[string]string) {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		content, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		parts[kind] = string(content)
		return
	}
	for reader := multipart.NewReader(body, parameters["boundary"]); ; {
		part, err := reader.NextPart()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		gatherParts(t, part.Header.Get("Content-Type"), part, parts)
	}
}

func TestSigningInAtPostfix(t *testing.T) {
	doors := everyDoor()
	server := startPostfix(t, "127.0.0.1:1", func(string) bool { return false }, doors...)
	for name, cfg := range map[string]worker.SMTPConfig{
		"a wrong password":                 {URL: server.url("falsch"), Roots: server.roots},
		"a certificate nobody vouches for": {URL: server.url(postfixPassword)},
		"no encryption":                    {URL: strings.Replace(server.url(postfixPassword), "+starttls", "", 1), Roots: server.roots},
	} {
		pool, err := worker.NewPool(cfg, 1)
		if err != nil {
			t.Fatal(err)
		}
		if out := pool.Send(t.Context(), signedInvitation()); out.Result != worker.Unreachable {
			t.Errorf("%s: %+v", name, out)
		}
		if err := pool.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if n := len(server.mails(t)); n != 0 {
		t.Errorf("%d mails arrived", n)
	}
	for i, d := range doors {
		t.Run(d.scheme+" "+cmp.Or(d.offers, "everything"), func(t *testing.T) { checkSignIn(t, server, i, d) })
	}
}
