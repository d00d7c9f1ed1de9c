package smtptest

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/textproto"
	"strings"
	"sync/atomic"
)

// Discard accepts every mail that comes in at the listener, counts it and keeps nothing of it, until the listener closes. It is
// the other side of load runs, and costs as little as can be: it looks at the first letters of commands and for the end of mails.
// Commands may come in groups (RFC 2920).
func Discard(listener net.Listener, count *atomic.Int64) error {
	return accept(listener, func(_ string, lines *bufio.Reader) error {
		err := skipMail(lines)
		if err == nil {
			count.Add(1)
		}
		return err
	})
}

// Deliver is Discard, but hands over each mail and its recipient before it says that it has the mail.
func Deliver(listener net.Listener, deliver func(to string, mail []byte)) error {
	return accept(listener, func(to string, lines *bufio.Reader) error {
		mail, err := textproto.NewReader(lines).ReadDotBytes()
		if err == nil {
			deliver(to, mail)
		}
		return err
	})
}

func accept(listener net.Listener, take func(to string, lines *bufio.Reader) error) error {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go converse(conn, take)
	}
}

func converse(conn net.Conn, take func(to string, lines *bufio.Reader) error) {
	defer conn.Close()
	lines := bufio.NewReaderSize(conn, 32<<10)
	replies := bufio.NewWriter(conn)
	_, _ = replies.WriteString("220 smtptest.example\r\n")
	to := ""
	for {
		if lines.Buffered() == 0 && replies.Flush() != nil {
			return
		}
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		switch string(line[:min(len(line), 4)]) {
		case "EHLO":
			_, _ = replies.WriteString("250-smtptest.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
			continue
		case "QUIT":
			_, _ = replies.WriteString("221 Bye\r\n")
			_ = replies.Flush()
			return
		case "RCPT":
			_, address, _ := strings.Cut(string(line), "<")
			to, _, _ = strings.Cut(address, ">")
		case "DATA":
			_, _ = replies.WriteString("354 Go on\r\n")
			if replies.Flush() != nil || take(to, lines) != nil {
				return
			}
		}
		_, _ = replies.WriteString("250 OK\r\n")
	}
}

// skipMail reads to the end of a mail.
func skipMail(from *bufio.Reader) error {
	end := []byte("\r\n.\r\n")
	for {
		if _, err := from.Peek(len(end)); err != nil {
			return err
		}
		seen, err := from.Peek(from.Buffered())
		if err != nil {
			return err
		}
		if at := bytes.Index(seen, end); at >= 0 {
			_, err := from.Discard(at + len(end))
			return err
		}
		// The end may have begun.
		if _, err := from.Discard(len(seen) - len(end) + 1); err != nil {
			return err
		}
	}
}
