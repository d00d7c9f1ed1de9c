package mailbox

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/textproto"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	maxMailBytes  = 30 << 20
	maxRecipients = 100
	// maxHeaderBytes bounds what of a mail is searched for its subject and such.
	maxHeaderBytes = 64 << 10
	idleTimeout    = 5 * time.Minute // RFC 5321 section 4.5.3.2.7
)

// ListenSMTP starts a mail server that puts all it is sent into the mailbox, until ctx ends or Close. The address must
// be one of loopback; with port 0 a free one is taken. A mail may have 30 MB; one for several recipients becomes as many
// mails, as they would each find it.
func (mb *Mailbox) ListenSMTP(ctx context.Context, address string) (net.Addr, error) {
	if err := loopbackOnly(address); err != nil {
		return nil, fmt.Errorf("listen for mail on %s: %w", address, err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for mail: %w", err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{mailbox: mb}, nil
	}))
	server.Domain = "mailbox.localhost"
	server.MaxMessageBytes = maxMailBytes
	server.MaxRecipients = maxRecipients
	server.ReadTimeout = idleTimeout
	server.WriteTimeout = idleTimeout
	server.EnableSMTPUTF8 = true
	server.ErrorLog = slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn)

	stop := func() {
		listener.Close() // the server closes it only once it serves it
		server.Close()
	}
	mb.mu.Lock()
	mb.stops = append(mb.stops, stop)
	mb.mu.Unlock()
	context.AfterFunc(ctx, stop)
	go server.Serve(listener)
	return listener.Addr(), nil
}

// session is go-smtp's view of one client.
type session struct {
	mailbox *Mailbox
	from    string
	to      []string
}

// Mail, Rcpt, Data, Reset and Logout are called by go-smtp.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	header := readHeader(raw)
	for _, to := range s.to {
		s.mailbox.add(&mail{
			to:        to,
			from:      cmp.Or(decode(header.Get("From")), s.from),
			subject:   decode(header.Get("Subject")),
			kind:      decode(header.Get("X-Vaktreffen-Kind")),
			messageID: header.Get("Message-Id"),
			received:  time.Now(),
			raw:       raw,
		})
	}
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }

// readHeader returns the fields of a mail's header, up to the first that is broken.
func readHeader(raw []byte) textproto.MIMEHeader {
	start := raw[:min(len(raw), maxHeaderBytes)]
	header, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(start))).ReadMIMEHeader()
	return header
}

// decode resolves encoded words (RFC 2047) and leaves alone what it cannot decode.
func decode(value string) string {
	if decoded, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
		return decoded
	}
	return value
}
