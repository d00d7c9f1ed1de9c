package worker

import "github.com/vaktreffen/vaktreffen/db"

// Proofs shows mails as they would be sent, without sending any. It is safe for use by many goroutines.
type Proofs struct{ worker *Worker }

// NewProofs returns the proofs of mails whose links lead to pages under the address.
func NewProofs(publicURL string) (*Proofs, error) {
	letters, err := NewLetters()
	if err != nil {
		return nil, err
	}
	return &Proofs{&Worker{cfg: Config{PublicURL: publicURL}, letters: letters}}, nil
}

// Write words a mail by the same way as one that is sent.
func (p *Proofs) Write(m *db.Mail) (subject, text, html string, err error) {
	message, err := p.worker.compose(m, drafts{})
	if err != nil {
		return "", "", "", err
	}
	text, html = message.words()
	return headerText(message.Subject, maxSubject), text, html, nil
}
