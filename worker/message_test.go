package worker

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"mime"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/jhillyerd/enmime/v2"
	"golang.org/x/net/idna"

	"github.com/vaktreffen/vaktreffen/db/calendar"
)

// sink is a real SMTP server that keeps what it receives.
type sink struct {
	mu       sync.Mutex
	received []received
	password string // what sign-in must bring, if not empty
	tried    []string
}

type received struct {
	from, to  string
	raw       string
	encrypted bool
}

type sinkSession struct {
	sink *sink
	conn *smtp.Conn
	mail received
}

func (s *sink) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &sinkSession{sink: s, conn: c}, nil
}

func (s *sinkSession) Mail(from string, _ *smtp.MailOptions) error {
	s.mail = received{from: from}
	return nil
}

func (s *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = to
	return nil
}

func (s *sinkSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mail.raw = string(raw)
	_, s.mail.encrypted = s.conn.TLSConnectionState()
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.received = append(s.sink.received, s.mail)
	return nil
}

func (s *sinkSession) Reset()        {}
func (s *sinkSession) Logout() error { return nil }

func (s *sinkSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *sinkSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.sink.mu.Lock()
		defer s.sink.mu.Unlock()
		s.sink.tried = append(s.sink.tried, user+":"+password)
		if password != s.sink.password {
			return &smtp.SMTPError{Code: 535, Message: "5.7.8 sign-in of " + user + " with " + password + " refused"}
		}
		return nil
	}), nil
}

// start runs the sink on loopback until the test ends and returns its address.
func (s *sink) start(t *testing.T, configure func(*smtp.Server), wrap func(net.Listener) net.Listener) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(s)
	server.Domain = "sink.example.org"
	server.EnableSMTPUTF8 = true
	server.ErrorLog = log.New(io.Discard, "", 0)
	if configure != nil {
		configure(server)
	}
	address := listener.Addr().String()
	if wrap != nil {
		listener = wrap(listener)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-done })
	return address
}

// deliver sends m through a real server and parses what arrived.
func deliver(t *testing.T, m *Message) (received, *enmime.Envelope) {
	t.Helper()
	var s sink
	pool, err := NewPool(SMTPConfig{URL: "smtp://" + s.start(t, nil, nil)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	out := pool.Send(t.Context(), m)
	closePool(t, pool)
	if out.Result != Sent {
		t.Fatalf("%+v", out)
	}
	envelope, err := enmime.ReadEnvelope(strings.NewReader(s.received[0].raw))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range envelope.Errors {
		t.Errorf("parsing: %v", problem)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(s.received[0].raw, "\r\n"), "\r\n") {
		if strings.ContainsAny(line, "\r\n\x00") || len(line) > 998 {
			t.Errorf("a line that RFC 5322 forbids: %q", line)
		}
	}
	return s.received[0], envelope
}

func TestMessageAsReceived(t *testing.T) {
	t.Parallel()
	m := testMessage(7)
	m.ReplyTo = "secretariaat@groningen.example.org"
	m.Subject = "Uitnodiging: Vaktreffen „Energie & Klima“"
	m.ToName = "Jörg O'Brien, Bremen"
	m.HTML = "<p>Geachte mevrouw – 20 mei</p>"
	m.Bulk = true
	m.ListUnsubscribe = "https://vaktreffen.example.org/u/abc?x=1"

	mail, envelope := deliver(t, m)
	if mail.from != m.From || mail.to != m.To {
		t.Errorf("envelope %s → %s", mail.from, mail.to)
	}
	for name, want := range map[string]string{
		"From": `"Vaktreffen" <post@vaktreffen.example.org>`, "Reply-To": "<secretariaat@groningen.example.org>",
		"Message-Id": "<m7@vaktreffen.example.org>", "Date": "Sat, 02 Jan 2027 03:04:05 +0000", "Mime-Version": "1.0",
		"Subject": m.Subject, "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "OOF, AutoReply",
		"Precedence": "bulk", "Content-Language": "nl", "X-Vaktreffen-Kind": "invitation",
		"List-Unsubscribe": "<https://vaktreffen.example.org/u/abc?x=1>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
	} {
		if got := envelope.GetHeader(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if n := len(envelope.GetHeaderValues(name)); n != 1 {
			t.Errorf("%d headers %s", n, name)
		}
	}
	if to, err := envelope.AddressList("To"); err != nil || len(to) != 1 || to[0].Name != m.ToName || to[0].Address != m.To {
		t.Errorf("To: %v, %v", to, err)
	}
	if envelope.GetHeader("User-Agent") != "" || envelope.GetHeader("X-Mailer") != "" {
		t.Error("the mail tells what software wrote it")
	}
	if kind := envelope.Root.ContentType; kind != "multipart/alternative" {
		t.Errorf("a mail of %s", kind)
	}
	if got := strings.ReplaceAll(envelope.Text, "\r\n", "\n"); strings.TrimSpace(got) != strings.TrimSpace(m.Text) {
		t.Errorf("text %q, want %q", got, m.Text)
	}
	if strings.TrimSpace(envelope.HTML) != m.HTML {
		t.Errorf("HTML %q", envelope.HTML)
	}
}

func TestMessageOfOneIsNotBulk(t *testing.T) {
	t.Parallel()
	_, envelope := deliver(t, testMessage(1))
	for _, name := range []string{"Precedence", "List-Unsubscribe", "List-Unsubscribe-Post", "Reply-To"} {
		if got := envelope.GetHeader(name); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func testCalendar() *CalendarPart {
	return &CalendarPart{calendar.Request, &calendar.Entry{
		UID: "edition-1", Stamp: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC), Summary: "Vaktreffen",
		Starts: time.Date(2027, 5, 20, 7, 30, 0, 0, time.UTC), Ends: time.Date(2027, 5, 20, 15, 0, 0, 0, time.UTC),
		Organizer: "secretariaat@groningen.example.org", Attendee: "marieke.devries@example.org",
	}}
}

func TestMessageWithCalendar(t *testing.T) {
	t.Parallel()
	m := testMessage(1)
	m.Calendar = testCalendar()
	entry, err := m.Calendar.Entry.ForMail(calendar.Request)
	if err != nil {
		t.Fatal(err)
	}
	_, envelope := deliver(t, m)

	root := envelope.Root
	if root.ContentType != "multipart/mixed" || root.FirstChild.ContentType != "multipart/alternative" {
		t.Fatalf("%s with %s", root.ContentType, root.FirstChild.ContentType)
	}
	var kinds []string
	var part *enmime.Part
	for part = root.FirstChild.FirstChild; ; part = part.NextSibling {
		kinds = append(kinds, part.ContentType)
		if part.NextSibling == nil {
			break
		}
	}
	if got := strings.Join(kinds, " "); got != "text/plain text/html text/calendar" {
		t.Errorf("alternatives: %s", got)
	}
	_, parameters, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
	if err != nil || parameters["method"] != "REQUEST" || parameters["charset"] != "UTF-8" || !bytes.Equal(part.Content, entry) {
		t.Errorf("calendar part %v, %v:\n%s", parameters, err, part.Content)
	}
	attachment := root.FirstChild.NextSibling
	if attachment.FileName != "invite.ics" || attachment.Disposition != "attachment" || attachment.ContentType != "application/ics" ||
		!bytes.Equal(attachment.Content, entry) {
		t.Errorf("attachment %s %s %s", attachment.FileName, attachment.Disposition, attachment.ContentType)
	}
}

func TestHeadersCannotBeInjected(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"CR LF":           "Jan\r\nBcc: victim@example.org",
		"LF":              "Jan\nBcc: victim@example.org",
		"CR":              "Jan\rBcc: victim@example.org",
		"a blank line":    "Jan\r\n\r\n<p>body</p>",
		"NUL":             "Jan\x00 Bcc: victim@example.org",
		"a line tab":      "Jan\vBcc: victim@example.org",
		"a NEL":           "Jan\u0085Bcc: victim@example.org",
		"a separator":     "Jan\u2028Bcc: victim@example.org",
		"quotes":          `Jan" <victim@example.org>, "`,
		"an encoded word": "=?utf-8?q?Jan=0D=0ABcc:_victim@example.org?=",
		"broken UTF-8":    "Jan\xff\xfe",
		"reversed text":   "Jan \u202egro.elpmaxe",
		"great length":    strings.Repeat("Vaktreffen", 5000),
		"many words":      strings.Repeat("é ü ", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := testMessage(1)
			m.Subject, m.FromName, m.ToName = text, text, text
			mail, envelope := deliver(t, m)
			if mail.to != m.To {
				t.Errorf("sent to %s", mail.to)
			}
			if envelope.GetHeader("Bcc") != "" || strings.Contains(envelope.Text+envelope.HTML, "body") {
				t.Errorf("injected:\n%s", mail.raw)
			}
			for header, address := range map[string]string{"To": m.To, "From": m.From} {
				list, err := envelope.AddressList(header)
				if err != nil || len(list) != 1 || list[0].Address != address {
					t.Errorf("%s: %v, %v", header, list, err)
					continue
				}
				if strings.ContainsAny(list[0].Name, "\r\n\x00") || len([]rune(list[0].Name)) > maxName {
					t.Errorf("%s: name %q", header, list[0].Name)
				}
			}
			if subject := envelope.GetHeader("Subject"); strings.ContainsAny(subject, "\r\n\x00\u202e") || len([]rune(subject)) > maxSubject ||
				!strings.HasPrefix(subject, text[:1]) {
				t.Errorf("subject %q", subject)
			}
			if n := strings.Count(strings.Split(mail.raw, "\r\n\r\n")[0], "\nMessage-ID:"); n != 1 {
				t.Errorf("%d message ids in the head", n)
			}
		})
	}
}

func TestMessagesThatCannotBeSent(t *testing.T) {
	t.Parallel()
	fake := &fakeSMTP{}
	pool := fake.pipe(t, 1)
	for name, spoil := range map[string]func(*Message){
		"recipient with a line break":  func(m *Message) { m.To = "marieke.devries@example.org\r\nRCPT TO:<victim@example.org>" },
		"recipient with a name":        func(m *Message) { m.To = "Marieke <marieke.devries@example.org>" },
		"two recipients":               func(m *Message) { m.To = "marieke.devries@example.org, b@example.org" },
		"no recipient":                 func(m *Message) { m.To = "" },
		"recipient without a domain":   func(m *Message) { m.To = "marieke.devries" },
		"domain that cannot exist":     func(m *Message) { m.To = "marieke.devries@a..b" },
		"sender with a line break":     func(m *Message) { m.From = "post@example.org>\r\nX: <" },
		"answers to nowhere":           func(m *Message) { m.ReplyTo = "marieke.devries" },
		"message id with a line break": func(m *Message) { m.MessageID = "a\r\nBcc: b@c" },
		"no date":                      func(m *Message) { m.Date = time.Time{} },
		"kind with a line break":       func(m *Message) { m.Kind = "invitation\r\nBcc: b@c" },
		"locale with a line break":     func(m *Message) { m.Locale = "nl\r\nBcc: b@c" },
		"unsubscribing in the clear":   func(m *Message) { m.ListUnsubscribe = "http://example.org/u" },
		"unsubscribing by two lines":   func(m *Message) { m.ListUnsubscribe = "https://example.org/u>\r\nBcc: b@c" },
		"a calendar without an end":    func(m *Message) { m.Calendar = testCalendar(); m.Calendar.Entry.Ends = time.Time{} },
	} {
		m := testMessage(1)
		spoil(m)
		out := pool.Send(t.Context(), m)
		if out.Result != Failed || out.Code != 0 || out.Detail == "" || strings.Contains(out.Detail, "marieke") {
			t.Errorf("%s: %+v", name, out)
		}
	}
	if connections, _ := fake.count(); connections != 0 {
		t.Errorf("%d connections for messages that cannot be sent", connections)
	}
}

func TestInternationalAddresses(t *testing.T) {
	t.Parallel()
	m := testMessage(1)
	m.To = "info@köln.example"
	if mail, _ := deliver(t, m); mail.to != "info@xn--kln-sna.example" {
		t.Errorf("sent to %s", mail.to)
	}

	m.To = "jörg@köln.example"
	for extension, want := range map[string]Result{"SMTPUTF8": Sent, "SIZE": Failed} {
		fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet(extension); c.agree() }}
		pool := fake.listen(t, 1)
		out := pool.Send(t.Context(), m)
		plain := pool.Send(t.Context(), testMessage(2))
		if out.Result != want || plain.Result != Sent {
			t.Errorf("with %s: %+v, then %+v", extension, out, plain)
		}
		if n := strings.Count(fake.heard(), " SMTPUTF8"); n != map[Result]int{Sent: 1}[want] {
			t.Errorf("SMTPUTF8 was asked for %d times:\n%s", n, fake.heard())
		}
	}
}

func TestEncryptionAndSignIn(t *testing.T) {
	t.Parallel()
	certificate, roots := selfSigned(t)
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	overTLS := func(l net.Listener) net.Listener { return tls.NewListener(l, config) }
	offered := func(s *smtp.Server) { s.TLSConfig = config }
	insecure := func(s *smtp.Server) { s.AllowInsecureAuth = true }

	tests := map[string]struct {
		url       string // with HOST for the address
		roots     *x509.CertPool
		configure func(*smtp.Server)
		wrap      func(net.Listener) net.Listener
		result    Result
		detail    string
		encrypted bool
		tried     int // sign-ins
	}{
		"smtps with sign-in":              {"smtps://robot:geheim@HOST", roots, nil, overTLS, Sent, "", true, 1},
		"smtps, unknown certificate":      {"smtps://robot:geheim@HOST", nil, nil, overTLS, Unreachable, "certificate", false, 0},
		"starttls with sign-in":           {"smtp+starttls://robot:geheim@HOST", roots, offered, nil, Sent, "", true, 1},
		"starttls not offered":            {"smtp+starttls://robot:geheim@HOST", roots, insecure, nil, Unreachable, "STARTTLS", false, 0},
		"starttls, unknown certificate":   {"smtp://robot:geheim@HOST?tls=opportunistic", nil, offered, nil, Unreachable, "certificate", false, 0},
		"opportunistic, offered":          {"smtp://HOST?tls=opportunistic", roots, offered, nil, Sent, "", true, 0},
		"opportunistic, not offered":      {"smtp://HOST?tls=opportunistic", roots, nil, nil, Sent, "", false, 0},
		"loopback in the clear":           {"smtp://robot:geheim@HOST", nil, insecure, nil, Sent, "", false, 1},
		"wrong password":                  {"smtps://robot:falsch@HOST", roots, nil, overTLS, Unreachable, "refused", true, 1},
		"a password for a server without": {"smtp://robot:geheim@HOST", nil, nil, nil, Unreachable, "AUTH", false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sink{password: "geheim"}
			address := s.start(t, test.configure, test.wrap)
			pool, err := NewPool(SMTPConfig{URL: strings.Replace(test.url, "HOST", address, 1)}, 1)
			if err != nil {
				t.Fatal(err)
			}
			pool.server.roots = test.roots
			out := pool.Send(t.Context(), testMessage(1))
			closePool(t, pool)
			if out.Result != test.result || !strings.Contains(out.Detail, test.detail) {
				t.Errorf("%+v, want %v with %q", out, test.result, test.detail)
			}
			for _, secret := range []string{"robot", "geheim", "falsch"} {
				if strings.Contains(out.Detail, secret) {
					t.Errorf("the detail holds credentials: %q", out.Detail)
				}
			}
			if len(s.tried) != test.tried {
				t.Errorf("sign-ins: %d, want %d", len(s.tried), test.tried)
			}
			if test.result == Sent && s.received[0].encrypted != test.encrypted {
				t.Errorf("encrypted: %v, want %v", s.received[0].encrypted, test.encrypted)
			}
		})
	}
}

func TestSMTPURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]smtpServer{
		"smtp://mail.example.org":                     {host: "mail.example.org", port: 587, encryption: opportunistic},
		"smtp://mail.example.org:25":                  {host: "mail.example.org", port: 25, encryption: opportunistic},
		"smtp://mail.example.org?tls=starttls":        {host: "mail.example.org", port: 587, encryption: starttls},
		"smtp://mail.example.org?tls=none":            {host: "mail.example.org", port: 25, encryption: plaintext},
		"smtp://localhost":                            {host: "localhost", port: 25, encryption: plaintext},
		"smtp://[::1]:2525":                           {host: "::1", port: 2525, encryption: plaintext},
		"smtp://127.0.0.1?tls=starttls":               {host: "127.0.0.1", port: 587, encryption: starttls},
		"smtps://me%40example.org:p%2Fw@mail.example": {host: "mail.example", port: 465, user: "me@example.org", password: "p/w", encryption: implicitTLS},
		"smtp+starttls://mail.example.org":            {host: "mail.example.org", port: 587, encryption: starttls},
	} {
		if got, err := (SMTPConfig{URL: url}).parse(); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", url, got, err, want)
		}
	}
	for _, url := range []string{
		"", "mail.example.org:25", "smtp:robot:geheim@host", "smtp://", "smtp://robot:geheim@", "http://robot:geheim@host",
		"smtp://robot:geheim@host?tls=maybe", "smtp://robot:geheim@host?geheim=1", "smtps://robot:geheim@host?tls=none",
		"smtp://robot:geheim@host:0", "smtp://robot:geheim@host:70000", "smtp://robot:geheim@host:geheim",
		"smtp://robot:geheim%zz@host", "smtp://robot:ge/heim@host", "smtp://robot:geheim@host/geheim",
	} {
		_, err := NewPool(SMTPConfig{URL: url}, 1)
		if err == nil || strings.Contains(err.Error(), "heim") {
			t.Errorf("%q: error %v; want one without the password", url, err)
		}
	}
	if _, err := NewPool(SMTPConfig{URL: "smtp://localhost"}, 0); err == nil {
		t.Error("a pool without connections")
	}
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sink"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func FuzzOrdinaryAddressesAreReadAsAllAre(f *testing.F) {
	for address, want := range map[string]bool{
		"vera@example.org": true, "Vera.van_Veen+news-1@mail.example.org": true, "v@localhost": true, "1@2.3": true,
		"": false, "vera": false, "@example.org": false, "vera@": false, ".vera@example.org": false, "vera.@example.org": false, "ve..ra@example.org": false,
		"vera@example.org.": false, "vera@-example.org": false, "vera@example-.org": false, "vera@EXAMPLE.org": false, "vera@xn--mnchen-3ya.de": false,
		"vera@münchen.de": false, "véra@example.org": false, "vera@b@example.org": false, "ve ra@example.org": false, `"vera"@example.org`: false,
		"vera@example.org\r\n": false, "vera@[127.0.0.1]": false, "vera@" + strings.Repeat("a", 64) + ".org": false,
	} {
		if ordinary(address) != want {
			f.Errorf("%q is ordinary: %t", address, !want)
		}
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if !ordinary(address) {
			return
		}
		parsed, err := netmail.ParseAddress(address)
		if err != nil || parsed.Name != "" || parsed.Address != address {
			t.Fatalf("%q: %v, %v", address, parsed, err)
		}
		_, domain, _ := strings.Cut(address, "@")
		if ascii, err := idna.Lookup.ToASCII(domain); err != nil || ascii != domain {
			t.Errorf("%q: %q, %v", domain, ascii, err)
		}
	})
}
