package smtptest

import (
	"bufio"
	"bytes"
	"mime"
	"net/textproto"
	"strings"
	"time"
)

// Message is one accepted mail.
type Message struct {
	From       string    // MAIL FROM, without angle brackets
	To         []string  // RCPT TO, accepted recipients only
	Data       []byte    // the mail as sent, lines ending in CRLF; nil with [CountOnly]
	Received   time.Time // when the final dot was read
	Connection int       // the number of the connection it came over, counting from 1

	messageID string // kept when Data is not
}

// Header returns the first header field of that name with encoded words (RFC 2047) decoded, or "" if there is none.
// With [CountOnly] only Message-ID is known.
func (m Message) Header(name string) string {
	if m.Data == nil && strings.EqualFold(name, "Message-ID") {
		return m.messageID
	}
	return headerField(m.Data, name)
}

// headerField finds a field in a mail, or in as much of it as there is.
func headerField(data []byte, name string) string {
	// A broken or cut header still yields the fields before the break.
	header, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(data))).ReadMIMEHeader()
	value := header.Get(name)
	if decoded, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
		return decoded
	}
	return value
}
