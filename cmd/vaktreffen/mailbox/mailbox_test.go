package mailbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/vaktreffen/vaktreffen/cmd/vaktreffen/mailbox"
)

// box is a mailbox that is served, and listens for mail.
type box struct {
	*mailbox.Mailbox
	smtp string
	url  string
}

func start(t *testing.T, limit int) *box {
	t.Helper()
	mb := mailbox.New(limit)
	addr, err := mb.ListenSMTP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mb.Close)
	web := httptest.NewServer(mb)
	t.Cleanup(web.Close)
	return &box{mb, addr.String(), web.URL}
}

// send delivers one mail over SMTP.
func (b *box) send(t *testing.T, data string, to ...string) {
	t.Helper()
	if err := smtp.SendMail(b.smtp, nil, "sender@example.org", to, []byte(data)); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// get returns the status, header and body of a page.
func (b *box) get(t *testing.T, path string) (int, http.Header, string) {
	t.Helper()
	res, err := http.Get(b.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

// page returns the body of a page that is there.
func (b *box) page(t *testing.T, path string) string {
	t.Helper()
	status, _, body := b.get(t, path)
	if status != http.StatusOK {
		t.Fatalf("GET %s: status %d\n%s", path, status, body)
	}
	return body
}

type message struct {
	ID, To, From, Subject, Kind, MessageID, Date string
	Size                                         int
	Text, HTML                                   string
	Calendar, Problems                           []string
	Attachments                                  []struct {
		Name, Type string
		Size       int
	}
}

func (b *box) messages(t *testing.T, query string) (list []message) {
	t.Helper()
	if err := json.Unmarshal([]byte(b.page(t, "/mailbox/messages"+query)), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func (b *box) message(t *testing.T, id string) (m message) {
	t.Helper()
	if err := json.Unmarshal([]byte(b.page(t, "/mailbox/messages/"+id+".json")), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// begin starts a mail on a connection.
func begin(c *smtp.Client, to string) (io.WriteCloser, error) {
	if err := errors.Join(c.Mail("sender@example.org"), c.Rcpt(to)); err != nil {
		return nil, err
	}
	return c.Data()
}

// plain is a mail of that subject and kind.
func plain(subject, kind string) string {
	return "From: Vaktreffen <vaktreffen@example.org>\r\nTo: somebody@example.org\r\nSubject: " + subject +
		"\r\nX-Vaktreffen-Kind: " + kind + "\r\nMessage-ID: <1@example.org>\r\n\r\nHello\r\n"
}

func contains(t *testing.T, where, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %q:\n%s", where, want, text)
		}
	}
}

func lacks(t *testing.T, where, text string, unwanted ...string) {
	t.Helper()
	for _, bad := range unwanted {
		if strings.Contains(text, bad) {
			t.Errorf("%s has %q:\n%s", where, bad, text)
		}
	}
}

func TestListForScripts(t *testing.T) {
	t.Parallel()
	b := start(t, 10)
	if got := b.page(t, "/mailbox/messages"); strings.TrimSpace(got) != "[]" {
		t.Errorf("an empty mailbox lists %s, want []", got)
	}
	b.send(t, plain("=?utf-8?q?Einladung_nach_L=C3=BCbeck?=", "INVITATION"), "anna@example.org")
	b.send(t, plain("Bevestiging", "CONFIRMATION"), "bert@example.org", "Anna@example.org")

	all := b.messages(t, "")
	if len(all) != 3 || all[0].To != "Anna@example.org" || all[1].To != "bert@example.org" || all[2].To != "anna@example.org" {
		t.Fatalf("got %+v, want three, newest first", all)
	}
	first := all[2]
	if first.Subject != "Einladung nach Lübeck" || first.Kind != "INVITATION" || first.MessageID != "<1@example.org>" ||
		first.From != "Vaktreffen <vaktreffen@example.org>" || first.Date == "" || first.Size < 100 || first.ID == "" {
		t.Errorf("got %+v", first)
	}
	for query, want := range map[string]int{
		"?to=anna@example.org": 2, "?to=anna": 0, "?kind=INVITATION": 1, "?kind=OTHER": 0,
		"?to=anna@example.org&kind=CONFIRMATION": 1, "?limit=2": 2, "?limit=0": 0, "?limit=99": 3,
	} {
		if got := len(b.messages(t, query)); got != want {
			t.Errorf("%s gives %d mails, want %d", query, got, want)
		}
	}
	if status, _, _ := b.get(t, "/mailbox/messages?limit=many"); status != http.StatusBadRequest {
		t.Errorf("a limit that is no number gives %d, want 400", status)
	}
}

func TestRawMessage(t *testing.T) {
	t.Parallel()
	b := start(t, 10)
	sent := plain("Hello", "X") + ".. and dots\r\n"
	b.send(t, sent, "anna@example.org")
	status, header, got := b.get(t, "/mailbox/messages/1.eml")
	if status != http.StatusOK || got != sent {
		t.Errorf("status %d, raw mail %q, want %q", status, got, sent)
	}
	if header.Get("Content-Type") != "message/rfc822" || !strings.HasPrefix(header.Get("Content-Disposition"), "attachment") {
		t.Errorf("headers %v would let a browser show it", header)
	}
	for _, path := range []string{"/mailbox/messages/2.eml", "/mailbox/messages/x.eml", "/mailbox/messages/1", "/mailbox/messages/1.exe",
		"/mailbox/messages/1.html", "/mailbox/2", "/mailbox/x"} {
		if status, _, _ := b.get(t, path); status != http.StatusNotFound {
			t.Errorf("GET %s: status %d, want 404", path, status)
		}
	}
}

func TestOldestMakeRoom(t *testing.T) {
	t.Parallel()
	b := start(t, 3)
	for i := range 5 {
		b.send(t, plain(fmt.Sprintf("mail number %d", i), "X"), "anna@example.org")
	}
	list := b.messages(t, "")
	if len(list) != 3 || list[0].Subject != "mail number 4" || list[2].Subject != "mail number 2" {
		t.Errorf("kept %+v, want the newest three", list)
	}
	contains(t, "page", b.page(t, "/mailbox"), "2 mails dropped")
	if status, _, body := b.get(t, "/mailbox/1"); status != http.StatusNotFound || !strings.Contains(body, "no such mail") {
		t.Errorf("a dropped mail gives %d: %s", status, body)
	}
}

func TestBytesAreBounded(t *testing.T) {
	t.Parallel()
	b := start(t, 100)
	big := plain("big", "X") + strings.Repeat(strings.Repeat("x", 998)+"\r\n", 1000) // just over 1 MB
	recipients := make([]string, 100)
	for i := range recipients {
		recipients[i] = fmt.Sprintf("person%d@example.org", i)
	}
	b.send(t, big, recipients...)
	got := b.messages(t, "")
	if want := 64 << 20 / got[0].Size; len(got) != want || got[0].To != "person99@example.org" {
		t.Errorf("kept %d mails of %d bytes, want the newest %d", len(got), got[0].Size, want)
	}

	c, err := textproto.Dial("tcp", b.smtp)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c.W, "EHLO test.example\r\nMAIL FROM:<sender@example.org> SIZE=%d\r\n", 31<<20)
	c.W.Flush()
	for _, code := range []int{220, 250, 552} {
		if _, _, err := c.ReadResponse(code); err != nil {
			t.Errorf("announcing a mail of 31 MB: %v, want a refusal with 552", err)
		}
	}
}

func TestEmptying(t *testing.T) {
	t.Parallel()
	b := start(t, 1)
	b.send(t, plain("one", "X"), "anna@example.org", "bert@example.org")
	empty := func(site, origin string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, b.url+"/mailbox/messages", nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Sec-Fetch-Site": site, "Origin": origin} {
			if value != "" {
				req.Header.Set(name, value)
			}
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if got := empty("cross-site", ""); got != http.StatusForbidden {
		t.Errorf("from another site: %d, want 403", got)
	}
	if got := empty("", "https://elsewhere.example"); got != http.StatusForbidden {
		t.Errorf("from another origin: %d, want 403", got)
	}
	if got := len(b.messages(t, "")); got != 1 {
		t.Fatalf("%d mails left after refusals, want 1", got)
	}
	if got := empty("same-origin", b.url); got != http.StatusNoContent {
		t.Errorf("from its own page: %d, want 204", got)
	}
	if got := len(b.messages(t, "")); got != 0 {
		t.Errorf("%d mails left", got)
	}
	lacks(t, "page", b.page(t, "/mailbox"), "dropped")
	b.send(t, plain("two", "X"), "anna@example.org")
	if got := b.messages(t, "")[0].ID; got != "3" {
		t.Errorf("the next mail has id %s, want 3: ids are not used again", got)
	}
}

func TestManySenders(t *testing.T) {
	t.Parallel()
	const senders, each = 8, 40
	b := start(t, senders*each)
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			c, err := smtp.Dial(b.smtp)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for i := range each {
				w, err := begin(c, fmt.Sprintf("p%d-%d@example.org", sender, i))
				if err != nil {
					t.Error(err)
					return
				}
				fmt.Fprint(w, plain("many", "X"))
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}
		})
		sending.Go(func() { b.messages(t, "?limit=1") })
	}
	sending.Wait()
	seen := make(map[string]bool)
	for _, m := range b.messages(t, "") {
		seen[m.To] = true
	}
	if len(seen) != senders*each {
		t.Errorf("%d recipients, want %d", len(seen), senders*each)
	}
}

func TestLoopbackOnly(t *testing.T) {
	t.Parallel()
	mb := mailbox.New(1)
	defer mb.Close()
	for _, address := range []string{":0", "0.0.0.0:0", "192.0.2.1:0", "[::]:0", "example.org:0", "nonsense"} {
		if addr, err := mb.ListenSMTP(t.Context(), address); err == nil {
			t.Errorf("listens on %s for %s", addr, address)
		}
	}
	for _, address := range []string{"localhost:0", "127.0.0.2:0"} {
		if _, err := mb.ListenSMTP(t.Context(), address); err != nil {
			t.Errorf("does not listen on %s: %v", address, err)
		}
	}
}

func TestStopping(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(cancel func(), mb *mailbox.Mailbox){
		"context": func(cancel func(), _ *mailbox.Mailbox) { cancel() },
		"close":   func(_ func(), mb *mailbox.Mailbox) { mb.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			mb := mailbox.New(1)
			addr, err := mb.ListenSMTP(ctx, "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			client, err := net.Dial("tcp", addr.String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			greeting := make([]byte, 512)
			if _, err := client.Read(greeting); err != nil {
				t.Fatal(err)
			}
			stop(cancel, mb)
			if _, err := client.Read(greeting); err == nil {
				t.Error("the open connection still talks")
			}
			if again, err := net.Dial("tcp", addr.String()); err == nil {
				again.Close()
				t.Error("the server still accepts connections")
			}
		})
	}
}
