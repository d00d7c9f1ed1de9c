package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail/smtp"
)

// smtpConnection is one connection to the mail server. One goroutine uses it at a time.
//
// It speaks through go-mail's smtp.Client command by command rather than through SendWithSMTPClient, because what
// became of a message depends on the step that failed, and go-mail's errors do not always tell which that was.
type smtpConnection struct {
	client   *smtp.Client
	wire     net.Conn // under client and TLS: closing it ends whatever client waits for
	born     time.Time
	messages int
	expiry   *time.Timer // while idle
}

// send delivers one message, whose end waits for ready, and reports whether the connection may take another.
func (c *smtpConnection) send(ctx context.Context, ready <-chan struct{}, m *sealed) (out Outcome, good bool) {
	stop := context.AfterFunc(ctx, c.cut)
	defer func() { good = stop() && good }()

	c.messages++
	if err := c.client.UpdateDeadline(messageTimeout); err != nil {
		return c.broke(ctx, err), false
	}
	if supported, _ := c.client.Extension("SMTPUTF8"); m.utf8 && !supported {
		return Outcome{Result: Failed, Detail: "the mail server does not take addresses with characters outside ASCII"}, true
	}
	c.client.SkipSMTPUTF8(!m.utf8)
	if err := c.client.Mail(m.from); err != nil {
		return c.refused(ctx, err)
	}
	if err := c.client.Rcpt(m.to); err != nil {
		return c.refused(ctx, err)
	}
	data, err := c.client.Data()
	if err != nil {
		return c.refused(ctx, err)
	}
	// A message cut short must never be ended by a dot: on any error the connection is cut, without QUIT.
	if _, err := data.Write(m.body); err != nil {
		return c.broke(ctx, err), false
	}
	hold := time.NewTimer(holdTimeout)
	defer hold.Stop()
	select {
	case <-ready:
	case <-ctx.Done():
		return interrupted(), false
	case <-hold.C:
		// Once the server loses patience, nobody could tell any more whether it has the end.
		return Outcome{Result: Unreachable, Detail: "the outcome of an earlier mail could not be committed in time"}, false
	}
	err = data.Close()
	reply, answered := errors.AsType[*textproto.Error](err)
	switch {
	case err == nil, answered && reply.Code/100 == 2:
		return Outcome{Result: Sent, Code: 250}, true
	case answered:
		return c.refused(ctx, err)
	case ctx.Err() != nil:
		return Outcome{Result: Uncertain, Detail: "interrupted while the mail server had the whole message and had not answered"}, false
	}
	return Outcome{Result: Uncertain, Detail: fmt.Sprintf("no answer to the whole message: %v", err)}, false
}

// refused turns what the server said instead of agreeing into an outcome, and clears the transaction.
func (c *smtpConnection) refused(ctx context.Context, err error) (Outcome, bool) {
	reply, answered := errors.AsType[*textproto.Error](err)
	if !answered {
		return c.broke(ctx, err), false
	}
	out := Outcome{Code: reply.Code, Detail: reply.Msg}
	switch {
	case reply.Code == 530, reply.Code == 534, reply.Code == 535, reply.Code == 538:
		// RFC 4954: it wants a sign-in. That is said to us, not to this recipient.
		out.Result = Unreachable
		return out, false
	case reply.Code/100 == 4:
		out.Result = Later
	case reply.Code/100 == 5:
		out.Result = Failed
	default:
		return Outcome{Result: Unreachable, Detail: fmt.Sprintf("the mail server answered out of turn: %v", err)}, false
	}
	// RFC 5321 section 3.8: after 421 the server closes the connection.
	return out, reply.Code != 421 && c.client.Reset() == nil
}

// broke is the outcome when the connection fails before the server has the whole message.
func (c *smtpConnection) broke(ctx context.Context, err error) Outcome {
	if ctx.Err() != nil {
		return interrupted()
	}
	return Outcome{Result: Unreachable, Detail: fmt.Sprintf("the connection to the mail server broke: %v", err)}
}

// cut ends the connection at once, whatever is going on.
func (c *smtpConnection) cut() {
	_ = c.wire.Close() // there is nothing left to save
}

// quit ends the connection politely.
func (c *smtpConnection) quit() {
	_ = c.wire.SetDeadline(time.Now().Add(farewell)) // then Quit fails, and the connection is cut all the same
	_ = c.client.Quit()
	c.cut()
}

var mailAddress = regexp.MustCompile(`\S+@\S+`)

const maxDetail = 300 // bytes

// redact makes a server's words fit for logs and screens: one line, no mail addresses, not the recipient's name in
// front of the @, no credentials.
func redact(detail string, server smtpServer, recipient string) string {
	if detail == "" {
		return ""
	}
	detail = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(detail, "?"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	local, _, _ := strings.Cut(recipient, "@")
	for _, secret := range []string{server.password, server.user, local} {
		if len(secret) > 1 {
			detail = regexp.MustCompile(`(?i)`+regexp.QuoteMeta(secret)).ReplaceAllLiteralString(detail, "<…>")
		}
	}
	detail = mailAddress.ReplaceAllLiteralString(detail, "<…>")
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "") + "…"
	}
	return detail
}
