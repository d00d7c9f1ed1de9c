package worker_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/vaktreffen/vaktreffen/db/calendar"
	"github.com/vaktreffen/vaktreffen/worker"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// signingKeys are a key of each kind, and what DNS says of them.
func signingKeys(t testing.TB) (keys []worker.DKIMKey, records map[string]string) {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&r.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return []worker.DKIMKey{{Selector: "rsa2027", PEM: pkcs8(t, r)}, {Selector: "ed2027", PEM: pkcs8(t, private)}}, map[string]string{
		"rsa2027._domainkey.example.org": "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der),
		"ed2027._domainkey.example.org":  "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public),
	}
}

func pkcs8(t testing.TB, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// verify returns which selectors have a good signature, and which headers each covers.
func verify(t testing.TB, raw []byte, records map[string]string) (good []string, covered [][]string) {
	t.Helper()
	for _, selector := range []string{"rsa2027", "ed2027"} {
		checks, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
			if !strings.HasPrefix(name, selector+".") {
				return nil, nil
			}
			return []string{records[name]}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, check := range checks {
			if check.Err == nil && check.Domain == "example.org" {
				good, covered = append(good, selector), append(covered, check.HeaderKeys)
			}
		}
	}
	return good, covered
}

func signedInvitation() *worker.Message {
	return &worker.Message{
		Kind: worker.KindInvitation, MessageID: "m1@example.org", Date: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC),
		From: "post@example.org", FromName: "Vaktreffen", To: "jörg@example.net", ToName: "Jörg O’Brien, Bremen", ReplyTo: "groningen@example.org",
		Subject: "Uitnodiging: Vaktreffen „Energie & Klima“ " + strings.Repeat("in Groningen ", 10), Locale: "nl",
		Text: "Geachte heer,\n.\n..\n  twee   spaties \n\n\n", HTML: "<p>Geachte heer –</p>\n\n",
		Bulk: true, Campaign: "c1", ListUnsubscribe: "https://example.org/unsubscribe/abc",
		Calendar: &worker.CalendarPart{Method: calendar.Request, Entry: &calendar.Entry{
			UID: "u@example.org", Stamp: time.Unix(0, 0), Summary: "Vaktreffen",
			Starts: time.Unix(3600, 0), Ends: time.Unix(7200, 0), Organizer: "post@example.org", Attendee: "jorg@example.net",
		}},
	}
}

// deliverSigned sends a message over real SMTP and returns what arrived.
func deliverSigned(t *testing.T, m *worker.Message, keys ...worker.DKIMKey) []byte {
	t.Helper()
	signer, err := worker.NewDKIM("example.org", keys...)
	if err != nil {
		t.Fatal(err)
	}
	sink := smtptest.Start(t)
	pool, err := worker.NewPool(worker.SMTPConfig{URL: sink.URL(), DKIM: signer}, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close(t.Context())
	if out := pool.Send(t.Context(), m); out.Result != worker.Sent {
		t.Fatalf("%+v", out)
	}
	return sink.Messages()[0].Data
}

func TestSignaturesVerifyAsReceived(t *testing.T) {
	t.Parallel()
	keys, records := signingKeys(t)
	for name, test := range map[string]struct {
		keys []worker.DKIMKey
		want []string
	}{
		"RSA": {keys[:1], []string{"rsa2027"}}, "Ed25519": {keys[1:], []string{"ed2027"}}, "both": {keys, []string{"rsa2027", "ed2027"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := deliverSigned(t, signedInvitation(), test.keys...)
			good, covered := verify(t, raw, records)
			if !slices.Equal(good, test.want) {
				t.Fatalf("good signatures: %v, want %v\n%s", good, test.want, raw)
			}
			for _, headers := range covered {
				for _, must := range []string{
					"From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Language", "Auto-Submitted", "Precedence",
					"Feedback-ID", "List-Unsubscribe", "List-Unsubscribe-Post",
				} {
					if !slices.Contains(headers, must) {
						t.Errorf("%s is not covered", must)
					}
				}
			}
			for line := range strings.Lines(string(raw)) {
				if len(line) > 1000 {
					t.Errorf("a line of %d bytes", len(line))
				}
			}
		})
	}
}

func TestWhatIsSignedCannotBeChanged(t *testing.T) {
	t.Parallel()
	keys, records := signingKeys(t)
	invitation := string(deliverSigned(t, signedInvitation(), keys...))
	confirmation := signedInvitation()
	confirmation.Bulk, confirmation.ListUnsubscribe = false, ""
	plain := string(deliverSigned(t, confirmation, keys...))
	for name, changed := range map[string]string{
		"the body":                 strings.Replace(invitation, "Geachte", "Gehackte", 1),
		"the subject":              strings.Replace(invitation, "\r\nSubject:", "\r\nSubject: x", 1),
		"where to unsubscribe":     strings.Replace(invitation, "/unsubscribe/abc", "/unsubscribe/abd", 1),
		"that one click is enough": strings.Replace(invitation, "List-Unsubscribe=One-Click", "List-Unsubscribe=Never", 1),
		"a list header added":      "List-Unsubscribe: <https://evil.example/>\r\n" + plain,
		"answers sent elsewhere":   strings.Replace(invitation, "groningen@example.org", "evil@example.org", 1),
	} {
		if changed == invitation {
			t.Fatalf("%s: nothing was changed", name)
		}
		if good, _ := verify(t, []byte(changed), records); len(good) != 0 {
			t.Errorf("%s was changed, and %v still verify", name, good)
		}
	}
	if good, _ := verify(t, []byte(plain), records); len(good) != 2 {
		t.Errorf("of a mail without list headers %v verify", good)
	}
}

func TestSigningByManyAtOnce(t *testing.T) {
	t.Parallel()
	keys, records := signingKeys(t)
	signer, err := worker.NewDKIM("example.org", keys...)
	if err != nil {
		t.Fatal(err)
	}
	sink := smtptest.Start(t)
	pool, err := worker.NewPool(worker.SMTPConfig{URL: sink.URL(), DKIM: signer}, 4)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			m := signedInvitation()
			m.MessageID, m.Text = fmt.Sprintf("m%d@example.org", i), fmt.Sprint("Text ", i)
			if out := pool.Send(t.Context(), m); out.Result != worker.Sent {
				t.Errorf("%+v", out)
			}
		})
	}
	wg.Wait()
	if err := pool.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range sink.Messages() {
		if good, _ := verify(t, m.Data, records); len(good) != 2 {
			t.Errorf("%s: %v verify", m.Header("Message-ID"), good)
		}
	}
}

func TestKeysThatCannotSign(t *testing.T) {
	t.Parallel()
	keys, _ := signingKeys(t)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		domain string
		key    worker.DKIMKey
		says   string
	}{
		"no key":               {"example.org", worker.DKIMKey{Selector: "s", PEM: []byte("secret")}, "PEM"},
		"half a key":           {"example.org", worker.DKIMKey{Selector: "s", PEM: keys[0].PEM[:500]}, "PEM"},
		"a short key":          {"example.org", worker.DKIMKey{Selector: "s", PEM: pkcs8(t, short)}, "1024 bits"},
		"a key of another art": {"example.org", worker.DKIMKey{Selector: "s", PEM: pkcs8(t, curve)}, "RSA or Ed25519"},
		"no selector":          {"example.org", worker.DKIMKey{PEM: keys[0].PEM}, "selector"},
		"selector with a line": {"example.org", worker.DKIMKey{Selector: "s\r\nBcc: x", PEM: keys[0].PEM}, "selector"},
		"no domain":            {"", keys[0], "domain"},
		"domain with a tag":    {"example.org; l=0", keys[0], "domain"},
	} {
		_, err := worker.NewDKIM(test.domain, test.key)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkSign is what signing adds to a mail, on one core.
func BenchmarkSign(b *testing.B) {
	keys, _ := signingKeys(b)
	for name, keys := range map[string][]worker.DKIMKey{"rsa": keys[:1], "ed25519": keys[1:], "both": keys} {
		b.Run(name, func(b *testing.B) {
			signer, err := worker.NewDKIM("example.org", keys...)
			if err != nil {
				b.Fatal(err)
			}
			raw, err := signedInvitation().Bytes()
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := signer.Sign(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
