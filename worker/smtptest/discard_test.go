package smtptest_test

import (
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// counting is a listener that counts what is written to those it lets in.
type counting struct {
	net.Listener
	writes atomic.Int64
}

func (l *counting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return counted{conn, &l.writes}, err
}

type counted struct {
	net.Conn
	writes *atomic.Int64
}

func (c counted) Write(p []byte) (int, error) { c.writes.Add(1); return c.Conn.Write(p) }

func TestDiscardAnswersAGroupInOneWrite(t *testing.T) {
	t.Parallel()
	const mails = 20
	under, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, count := &counting{Listener: under}, new(atomic.Int64)
	over := make(chan error)
	go func() { over <- smtptest.Discard(listener, count) }()
	text, err := textproto.Dial("tcp", under.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	replies := func(codes ...int) {
		t.Helper()
		for _, code := range codes {
			if _, _, err := text.ReadResponse(code); err != nil {
				t.Fatal(err)
			}
		}
	}
	replies(220)
	fmt.Fprint(text.W, "EHLO bench.example\r\n")
	text.W.Flush()
	replies(250)
	before := listener.writes.Load()
	group := "MAIL FROM:<" + from + ">\r\nRCPT TO:<anna@example.org>\r\nDATA\r\n"
	content := mail("1@example.org") + strings.Repeat("..\r\n", 500) + ".\r\n"
	fmt.Fprint(text.W, group)
	text.W.Flush()
	replies(250, 250, 354)
	for range mails {
		fmt.Fprint(text.W, content+group)
		text.W.Flush()
		replies(250, 250, 250, 354)
	}
	if writes := listener.writes.Load() - before; writes != 1+mails {
		t.Errorf("%d writes for %d groups", writes, 1+mails)
	}
	if n := count.Load(); n != mails {
		t.Errorf("%d mails, want %d", n, mails)
	}
	listener.Close()
	if err := <-over; err != nil {
		t.Error(err)
	}
}
