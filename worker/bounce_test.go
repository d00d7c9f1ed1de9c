package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/worker"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

const bounceDomain = "bounces.example.org"

// takeBounces starts a server for what comes back, and returns its address.
func (s *scene) takeBounces(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := worker.NewBounceServer(s.db, slog.New(s.log), bounceDomain)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(context.WithoutCancel(t.Context())), <-served); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// sent invites guests by a real mail server, and returns the return path of each mail by its recipient, and its text.
func (s *scene) sent(t *testing.T, guests int) (campaign db.ID, paths, mails map[string]string) {
	t.Helper()
	campaign = s.invite(t, guests)
	stop := s.work(t, 2)
	s.finished(t, campaign, db.CampaignFinished)
	stop()
	paths, mails = map[string]string{}, map[string]string{}
	for _, m := range s.smtp.Messages() {
		paths[m.To[0]], mails[m.To[0]] = m.From, string(m.Data)
	}
	return campaign, paths, mails
}

// hand gives a mail to the server as another mail server would, and returns what it said.
func hand(t *testing.T, server, from, to, text string) error {
	t.Helper()
	c, err := smtp.Dial(server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Hello("mx.example.net"); err != nil {
		t.Fatal(err)
	}
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// reportFile reads a report as a mail server wrote it, with the addresses and tokens of this test put in.
func reportFile(t *testing.T, name, recipient, returnPath, original string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/reports/" + name)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(original, "\r\n\r\n")
	return strings.NewReplacer("\n", "\r\n", "RECIPIENT", recipient, "RETURNPATH", returnPath, "ORIGINAL", head).Replace(string(text))
}

func TestEachMailHasAReturnPathOfItsOwn(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		_, paths, _ := s.sent(t, 3)
		seen := map[string]bool{}
		for guest, path := range paths {
			if !regexp.MustCompile(`^bounce\+[0-9a-v]{52}@bounces\.example\.org$`).MatchString(path) || seen[path] {
				t.Errorf("%s: %s", guest, path)
			}
			seen[path] = true
		}
	})
}

func TestReportsOfFailure(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		tests := []struct {
			file, from    string
			state         db.DeliveryState
			status, words string
			reason        string // of the suppression
		}{
			{"postfix-unknown.eml", "", db.Bounced, "5.1.1", "550 5.1.1 <…> Recipient address rejected: User unknown", "HARD_BOUNCE"},
			{"exim-unknown.eml", "", db.Bounced, "5.1.1", "550 5.1.1 no such user", "HARD_BOUNCE"},
			{"exchange-full.eml", "", db.Bounced, "5.2.2", "554 5.2.2 mailbox full", ""},
			{"postfix-expired.eml", "", db.Bounced, "4.4.1", "connect to mx.example.net[192.0.2.1]:25: Connection timed out", ""},
			{"postfix-delayed.eml", "", db.Sent, "", "", ""},
			{"delivered.eml", "", db.Sent, "", "", ""},
			{"wrapped-base64.eml", "", db.Bounced, "5.1.1", "550 5.1.1 unknown", "HARD_BOUNCE"},
			{"utf8.eml", "", db.Bounced, "5.1.10", "550 5.1.10 null MX", "HARD_BOUNCE"},
			{"cut.eml", "", db.Bounced, "", "", ""},
			{"qmail.eml", "", db.Bounced, "5.1.1", "#5.1.1", "HARD_BOUNCE"},
			{"absence.eml", "", db.Sent, "", "", ""},
			{"absence.eml", "someone@example.net", db.Sent, "", "", ""},
			{"qmail.eml", "someone@example.net", db.Sent, "", "", ""}, // an answer that quotes a report
			{"garbage.eml", "", db.Sent, "", "", ""},
		}
		campaign, paths, mails := s.sent(t, len(tests))
		server := s.takeBounces(t)
		bounced := 0
		for i, test := range tests {
			guest := fmt.Sprintf("guest%d@example.org", i+1)
			for range 2 { // servers repeat themselves
				if err := hand(t, server, test.from, paths[guest], reportFile(t, test.file, guest, paths[guest], mails[guest])); err != nil {
					t.Errorf("%s: %v", test.file, err)
				}
			}
			if r := s.row(t, db.MailInvitation, guest); r.State != test.state || test.state == db.Bounced && r.Error != test.words {
				t.Errorf("%s from %q: %+v, want %s with %q", test.file, test.from, r, test.state, test.words)
			}
			if got := s.text(t, "SELECT coalesce(max(status_code), '') FROM deliveries d JOIN people p ON p.id = d.person_id WHERE p.email = $1", guest); got != test.status {
				t.Errorf("%s: status %q, want %q", test.file, got, test.status)
			}
			if got := s.text(t, "SELECT coalesce(max(reason), '') FROM suppressions WHERE email = $1", guest); got != test.reason {
				t.Errorf("%s: suppressed for %q, want %q", test.file, got, test.reason)
			}
			if test.state == db.Bounced {
				bounced++
			}
		}
		if c := s.campaign(t, campaign); c.Bounced != bounced || c.Sent != len(tests)-bounced || c.Queued() != 0 {
			t.Errorf("%d bounced, %d sent; want %d bounced", c.Bounced, c.Sent, bounced)
		}
	})
}

// text returns the one text that a statement yields.
func (s *scene) text(t *testing.T, statement string, args ...any) (text string) {
	t.Helper()
	if err := s.sql.QueryRowContext(t.Context(), statement, args...).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestComplaints(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		tests := []struct {
			file string
			to   string // empty: the return path
			out  bool
		}{
			{"complaint.eml", "", true},
			{"complaint.eml", "complaints@" + bounceDomain, true},
			{"complaint-link-only.eml", "Complaints@BOUNCES.example.org", true},
			{"not-spam.eml", "", false},
		}
		_, paths, mails := s.sent(t, len(tests))
		server := s.takeBounces(t)
		for i, test := range tests {
			guest := fmt.Sprintf("guest%d@example.org", i+1)
			to := test.to
			if to == "" {
				to = paths[guest]
			}
			if err := hand(t, server, "fbl@provider.example", to, reportFile(t, test.file, guest, paths[guest], mails[guest])); err != nil {
				t.Error(err)
			}
			want := map[bool]string{true: "COMPLAINT"}[test.out]
			if got := s.text(t, "SELECT coalesce(max(means), '') FROM opt_outs o JOIN people p ON p.id = o.person_id WHERE p.email = $1", guest); got != want {
				t.Errorf("%s to %s: %q, want %q", test.file, test.to, got, want)
			}
			if r := s.row(t, db.MailInvitation, guest); r.State != db.Sent {
				t.Errorf("%s: the mail is %s", test.file, r.State)
			}
		}
	})
}

func TestBounceServerTakesItsOwnAddressesOnly(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		_, paths, _ := s.sent(t, 1)
		server, path := s.takeBounces(t), paths["guest1@example.org"]
		token := strings.TrimSuffix(strings.TrimPrefix(path, "bounce+"), "@"+bounceDomain)
		other := "0"
		if strings.HasPrefix(token[20:], other) {
			other = "1"
		}
		for to, want := range map[string]int{
			path: 0, strings.ToUpper(path): 0, "complaints@" + bounceDomain: 0,
			"postmaster@" + bounceDomain: 550, "olga@example.org": 550, "bounce+@" + bounceDomain: 550, "bounce+" + token + "@example.org": 550,
			"bounce+" + token[:20] + other + token[21:] + "@" + bounceDomain: 550, "bounce+" + token + token + "@" + bounceDomain: 550, token + "@" + bounceDomain: 550,
		} {
			err := hand(t, server, "", to, "Subject: Hello\r\n\r\nHello\r\n")
			got := 0
			if reply, ok := errors.AsType[*textproto.Error](err); ok {
				got = reply.Code
			} else if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("%s: %d, want %d", to, got, want)
			}
		}
	})
}

func TestBounceServerBoundsWhatItTakes(t *testing.T) {
	t.Parallel()
	s := newScene(t, meetings.SQLite(t), "")
	_, paths, _ := s.sent(t, 1)
	server, path := s.takeBounces(t), paths["guest1@example.org"]
	err := hand(t, server, "", path, "Subject: Long\r\n\r\n"+strings.Repeat(strings.Repeat("x", 70)+"\r\n", 20_000))
	if reply, ok := errors.AsType[*textproto.Error](err); !ok || reply.Code != 552 {
		t.Errorf("1.4 MB: %v", err)
	}
	// A database that is away is no reason to lose a report.
	s.exec(t, "DROP TABLE bounces")
	err = hand(t, server, "", path, reportFile(t, "postfix-unknown.eml", "guest1@example.org", path, ""))
	if reply, ok := errors.AsType[*textproto.Error](err); !ok || reply.Code != 451 || bytes.Contains([]byte(reply.Msg), []byte("bounces")) {
		t.Errorf("without a database: %v", err)
	}
}

// TestMailsToDeadAddressesAreHeldBack goes the whole way: a mail leaves, comes back, and the next does not leave.
func TestMailsToDeadAddressesAreHeldBack(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		_, paths, mails := s.sent(t, 2)
		link := regexp.MustCompile(`/i/([-_A-Za-z0-9]{48})`)
		token := link.FindStringSubmatch(strings.ReplaceAll(mails["guest1@example.org"], "=\r\n", ""))[1]
		if answer, err := s.db.RecordAnswer(t.Context(), token, true); err != nil || answer == nil {
			t.Fatal(answer, err)
		}
		server := s.takeBounces(t)
		if err := hand(t, server, "", paths["guest1@example.org"], reportFile(t, "postfix-unknown.eml", "guest1@example.org", paths["guest1@example.org"], "")); err != nil {
			t.Fatal(err)
		}
		s.work(t, 1)
		eventually(t, "the confirmation is held back", func() bool { return s.row(t, db.MailConfirmed, "guest1@example.org").State == db.Suppressed })
		if r := s.row(t, db.MailConfirmed, "guest1@example.org"); !strings.Contains(r.Error, "no such mailbox") {
			t.Errorf("the reason is %q", r.Error)
		}
		if slices.ContainsFunc(s.smtp.Messages()[2:], func(m smtptest.Message) bool { return m.To[0] == "guest1@example.org" }) {
			t.Error("a mail went to a dead address")
		}
	})
}

func FuzzReports(f *testing.F) {
	files, err := os.ReadDir("testdata/reports")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile("testdata/reports/" + file.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, fromNobody bool) {
		status, detail := worker.ReadReport(raw, fromNobody)
		if status != "" && !regexp.MustCompile(`^[45]\.\d{1,3}\.\d{1,3}$`).MatchString(status) || len(detail) > 310 || strings.ContainsAny(detail, "\r\n") {
			t.Errorf("%q %q", status, detail)
		}
	})
}
