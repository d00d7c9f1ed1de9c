package worker

import (
	"bytes"
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
// go-mail's smtp.Client greets, encrypts and signs in; the commands of a message are written here, because they can go together, and
// because what became of a message depends on the step that failed, which go-mail's errors do not always tell.
type smtpConnection struct {
	client   *smtp.Client
	wire     net.Conn // under client and TLS: closing it ends whatever client waits for
	born     time.Time
	messages int
	group    []byte      // what was written at once, to be written over
	begun    *sealed     // whose commands were written behind the message before it, and whose replies were not read; nil: none
	expiry   *time.Timer // while idle
}

// send delivers one message, which waits for ready behind its commands, and begins the next one behind it if there is one and it may
// share the connection. It reports whether the connection may be used further.
func (c *smtpConnection) send(ctx context.Context, ready <-chan struct{}, mayGo func() bool, m, next *sealed) (_ Outcome, good bool) {
	stop := context.AfterFunc(ctx, c.cut)
	defer func() { good = stop() && good }()

	c.messages++
	if err := c.client.UpdateDeadline(messageTimeout); err != nil {
		return c.broke(ctx, err), false
	}
	if m.utf8 && !c.supports("SMTPUTF8") {
		return Outcome{Result: Failed, Detail: "the mail server does not take addresses with characters outside ASCII"}, true
	}
	if err := c.offer(m); err != nil {
		return c.refused(ctx, err)
	}
	if out := await(ctx, ready); out.Result != 0 {
		return out, false
	}
	if !mayGo() { // a process that stood still meanwhile may have lost the message to another
		return Outcome{Result: Unreachable, Detail: "it was too late for the message when it was ready to go"}, false
	}
	// In one piece, so that both sides are woken once.
	c.group = append(onTheWire(c.group[:0], m.body), ".\r\n"...)
	behind := 0
	if next != nil && c.takesAnother(next) {
		commands := strings.Join(c.commands(next), "\r\n") + "\r\n"
		c.group, behind, c.begun = append(c.group, commands...), len(commands), next
	}
	out := c.client.Text.W
	n, err := out.Write(c.group)
	if err == nil {
		err = out.Flush()
	}
	if unsent := len(c.group) - n + out.Buffered(); err != nil && unsent > behind {
		// The server lacks the end. A message cut short must never be ended by a dot, so the connection is cut, without QUIT.
		return c.broke(ctx, err), false
	}
	if err == nil {
		_, _, err = c.client.Text.ReadResponse(250)
	}
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

// await waits until a message may go, and says why it does not; nothing when it does.
func await(ctx context.Context, ready <-chan struct{}) Outcome {
	select {
	case <-ready:
		return Outcome{}
	default:
	}
	hold := time.NewTimer(holdTimeout)
	defer hold.Stop()
	select {
	case <-ready:
		return Outcome{}
	case <-ctx.Done():
		return interrupted()
	case <-hold.C:
		// Once the server loses patience, nobody could tell any more whether it has the message.
		return Outcome{Result: Unreachable, Detail: "the outcome of an earlier mail could not be committed in time"}
	}
}

// takesAnother reports whether the commands of a message may follow the one before at once.
func (c *smtpConnection) takesAnother(m *sealed) bool {
	return c.fresh() && c.supports("PIPELINING") && (!m.utf8 || c.supports("SMTPUTF8"))
}

// fresh reports whether the connection may serve a further message.
func (c *smtpConnection) fresh() bool { return c.messages < maxMessages && time.Since(c.born) < maxAge }

func (c *smtpConnection) supports(extension string) bool {
	supported, _ := c.client.Extension(extension)
	return supported
}

// commands are those of a message up to where the server takes its content.
func (c *smtpConnection) commands(m *sealed) []string {
	from := "MAIL FROM:" + m.from
	if c.supports("8BITMIME") {
		from += " BODY=8BITMIME"
	}
	if m.utf8 {
		from += " SMTPUTF8"
	}
	return []string{from, "RCPT TO:" + m.to, "DATA"}
}

// agreement are the replies to those commands that let the message pass.
var agreement = [...]int{250, 25, 354}

// offer brings the server to where it takes the message. A server that reads commands in groups (RFC 2920) gets the three of them at
// once, if it did not get them behind the message before.
func (c *smtpConnection) offer(m *sealed) error {
	begun, text := c.begun == m, c.client.Text
	c.begun = nil
	if begun {
		return c.heed()
	}
	commands := c.commands(m)
	if c.supports("PIPELINING") {
		if err := text.PrintfLine("%s", strings.Join(commands, "\r\n")); err != nil {
			return err
		}
		return c.heed()
	}
	for i, command := range commands {
		if err := text.PrintfLine("%s", command); err != nil {
			return err
		}
		if _, _, err := text.ReadResponse(agreement[i]); err != nil {
			return err
		}
	}
	return nil
}

// heed reads the replies to a group of commands: one to each is on its way.
func (c *smtpConnection) heed() (refusal error) {
	text := c.client.Text
	for i, expected := range agreement {
		_, _, err := text.ReadResponse(expected)
		if refusal == nil {
			refusal = err
		}
		if reply, answered := errors.AsType[*textproto.Error](err); err != nil && (!answered || reply.Code == 421 || reply.Code < 400) {
			return refusal // there are no further answers, or they mean nothing
		}
		if err == nil && i == len(agreement)-1 && refusal != nil {
			// It waits for a message that goes to nobody, and gets an empty one (RFC 2920 section 3.1).
			if err := text.PrintfLine("."); err != nil {
				return refusal
			}
			_, _, _ = text.ReadResponse(250)
		}
	}
	return refusal
}

// onTheWire appends a body as it is written to the server: with the dots at the beginnings of lines doubled (RFC 5321 section 4.5.2),
// and every line ended by CRLF.
func onTheWire(group, body []byte) []byte {
	done := 0 // what stands before is in the group
	for line := 0; line < len(body); {
		if body[line] == '.' {
			group, done = append(append(group, body[done:line]...), '.'), line
		}
		end := bytes.IndexByte(body[line:], '\n')
		if end < 0 {
			return append(append(group, bytes.TrimSuffix(body[done:], []byte("\r"))...), "\r\n"...)
		}
		if end == 0 || body[line+end-1] != '\r' {
			group, done = append(append(group, body[done:line+end]...), "\r\n"...), line+end+1
		}
		line += end + 1
	}
	return append(group, body[done:]...)
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
	// RFC 5321 section 3.8: after 421 the server closes the connection. RSET would take back the message that is begun; it needs none.
	return out, reply.Code != 421 && (c.begun != nil || c.client.Reset() == nil)
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
