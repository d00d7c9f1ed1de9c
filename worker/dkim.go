package worker

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/wneessen/go-mail"
)

// DKIMKey is a private key that mails are signed with, and the selector under which the public one is published.
type DKIMKey struct {
	Selector string
	PEM      []byte // PKCS#1 or PKCS#8; RSA of at least 2048 bits, or Ed25519
}

// DKIM signs mails for a domain (RFC 6376), once with each of its keys: RSA for every receiver, Ed25519 (RFC 8463) for those
// that know it. It is safe for use by many goroutines.
type DKIM struct {
	signers []*mail.DKIMSigner
}

// signedHeaders are what a signature covers. A header that a mail lacks is covered too: nobody can add it. The list headers
// have to be among them, or receivers show no button to unsubscribe (RFC 8058 section 4).
var signedHeaders = []string{
	"From", "Reply-To", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Language",
	"Auto-Submitted", "Precedence", "Feedback-ID", "List-Unsubscribe", "List-Unsubscribe-Post",
}

// NewDKIM prepares to sign. Its errors name the selector of a key that cannot be used, and nothing of the key.
func NewDKIM(domain string, keys ...DKIMKey) (*DKIM, error) {
	if !IsDomain(domain) {
		return nil, errors.New("the domain that signs has to be a domain name")
	}
	d := new(DKIM)
	for _, key := range keys {
		if !selector.MatchString(key.Selector) {
			return nil, fmt.Errorf("%q is not a selector; use letters, digits and hyphens", key.Selector)
		}
		private, err := mail.PrivKeyFromPEM(key.PEM)
		if err != nil {
			return nil, fmt.Errorf("the key of selector %s cannot be read; it is a PEM file with an RSA or Ed25519 private key", key.Selector)
		}
		if r, ok := private.(*rsa.PrivateKey); ok && r.N.BitLen() < 2048 { // RFC 8301 section 3.2
			return nil, fmt.Errorf("the key of selector %s has %d bits; an RSA key has at least 2048", key.Selector, r.N.BitLen())
		}
		signer := mail.NewDKIMSigner(domain, key.Selector, private)
		signer.SignHeaders(signedHeaders...)
		// The first signature sets a field of the signer; after it, signing only reads.
		if _, err := signer.Sign([]byte("From: <nobody@example.org>\r\n"), nil); err != nil {
			return nil, fmt.Errorf("the key of selector %s does not sign: %w", key.Selector, err)
		}
		d.signers = append(d.signers, signer)
	}
	return d, nil
}

// selector is what the first part of a key's name in DNS may be (RFC 6376 section 3.1).
var selector = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*$`)

// Sign returns the message with a signature of each key before it.
func (d *DKIM) Sign(message []byte) ([]byte, error) {
	head, body, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	signed := make([]byte, 0, len(message)+len(d.signers)*900)
	for _, signer := range d.signers {
		signature, err := signer.Sign(message[:len(head)+2], body)
		if err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		signed = append(signed, refold(signature)...)
	}
	return append(signed, message...), nil
}

// refold breaks the lines of a signature between its tags and within its last one, the signature proper. Where go-mail breaks
// them, within the list of headers too, a verifier reads a blank that was not signed.
func refold(signature string) string {
	tags, proper, _ := strings.Cut(strings.NewReplacer("\r\n ", "", "\r\n", "").Replace(signature), "; b=")
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(tags, "; ", ";\r\n "))
	b.WriteString(";\r\n b=")
	for len(proper) > 0 {
		n := min(len(proper), 72)
		b.WriteString(proper[:n])
		b.WriteString("\r\n ")
		proper = proper[n:]
	}
	return strings.TrimSuffix(b.String(), " ")
}
