package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// talk is the server's side of one SMTP conversation, for tests that say the wrong thing at the right moment.
type talk struct {
	conn  net.Conn
	lines *bufio.Reader
	fake  *fakeSMTP
}

// fakeSMTP holds conversations as its script tells: handle gets each connection, the first with number 1.
type fakeSMTP struct {
	handle func(number int, c *talk)

	mu          sync.Mutex
	connections int
	messages    []string // whole messages, ended by a dot
	commands    []string
}

func (f *fakeSMTP) serve(conn net.Conn) {
	f.mu.Lock()
	f.connections++
	number := f.connections
	f.mu.Unlock()
	defer conn.Close()
	f.handle(number, &talk{conn: conn, lines: bufio.NewReader(conn), fake: f})
}

func (f *fakeSMTP) count() (connections, messages int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.connections, len(f.messages)
}

func (f *fakeSMTP) heard() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.commands, "\n")
}

// say answers; an error means that the client has gone, which the next hear notices.
func (c *talk) say(reply string) { _, _ = io.WriteString(c.conn, reply+"\r\n") }

// hear returns the next command, "" once the client has gone.
func (c *talk) hear() string {
	line, err := c.lines.ReadString('\n')
	if err != nil {
		return ""
	}
	line = strings.TrimRight(line, "\r\n")
	c.fake.mu.Lock()
	c.fake.commands = append(c.fake.commands, line)
	c.fake.mu.Unlock()
	return line
}

// greet takes the client to the point where it may send.
func (c *talk) greet(extensions ...string) {
	c.say("220 fake.example.org")
	c.hear()
	c.say("250-fake.example.org")
	for _, extension := range extensions {
		c.say("250-" + extension)
	}
	c.say("250 OK")
}

// body reads a message up to the dot, and reports whether the dot came.
func (c *talk) body() bool {
	var b strings.Builder
	for {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			c.fake.mu.Lock()
			if b.Len() > 0 { // an empty one goes to nobody
				c.fake.messages = append(c.fake.messages, b.String())
			}
			c.fake.mu.Unlock()
			return true
		}
		b.WriteString(line)
	}
}

// agree plays a good server until the client goes, except for commands starting with one of the words: those get the
// reply that follows the word ("." is the end of a message). The reply "hang" waits for the client to go, "drop" goes.
func (c *talk) agree(exceptions ...string) { c.reply(exceptions, false) }

// agreeBut is agree, but makes each exception once.
func (c *talk) agreeBut(exceptions ...string) { c.reply(exceptions, true) }

func (c *talk) reply(exceptions []string, once bool) {
	except := func(command, reply string) string {
		for i := 0; i < len(exceptions); i += 2 {
			if strings.HasPrefix(command, exceptions[i]) {
				reply = exceptions[i+1]
				if once {
					exceptions = slices.Delete(exceptions, i, i+2)
				}
				break
			}
		}
		return reply
	}
	for {
		command := c.hear()
		reply := "250 OK"
		switch command {
		case "":
			return
		case "DATA":
			reply = "354 go on"
		case "QUIT":
			c.say("221 bye")
			return
		}
		reply = except(command, reply)
		if !c.act(reply) {
			return
		}
		if strings.HasPrefix(reply, "354") {
			if !c.body() || !c.act(except(".", "250 taken")) {
				return
			}
		}
	}
}

func (c *talk) act(reply string) bool {
	switch reply {
	case "drop":
		return false
	case "hang":
		_, _ = c.lines.ReadByte() // returns when the client has gone
		return false
	}
	c.say(reply)
	return true
}

// took says how often each message was taken whole.
func (f *fakeSMTP) took(letters []*sealed) (times []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, letter := range letters {
		n := 0
		for _, m := range f.messages {
			if m == string(onTheWire(nil, letter.body)) {
				n++
			}
		}
		times = append(times, n)
	}
	return times
}

// listen runs the fake on loopback until the test ends and returns a pool that sends to it.
func (f *fakeSMTP) listen(t *testing.T, connections int) *Pool {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var talks sync.WaitGroup
	talks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			talks.Go(func() { f.serve(conn) })
		}
	})
	pool, err := NewPool(SMTPConfig{URL: "smtp://" + listener.Addr().String()}, connections)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		closePool(t, pool)
		listener.Close()
		talks.Wait()
	})
	return pool
}

// pipe returns a pool that reaches the fake without a network, so that a synctest bubble can hold both.
func (f *fakeSMTP) pipe(t *testing.T, connections int) *Pool {
	t.Helper()
	pool, err := NewPool(SMTPConfig{URL: "smtp://localhost"}, connections)
	if err != nil {
		t.Fatal(err)
	}
	pool.dialTCP = func(context.Context, string, string) (net.Conn, error) {
		if f.handle == nil {
			f.mu.Lock()
			f.connections++
			f.mu.Unlock()
			return nil, errors.New("connection refused")
		}
		client, server := net.Pipe()
		go f.serve(server)
		return client, nil
	}
	return pool
}

func closePool(t *testing.T, pool *Pool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // t.Context has ended in a cleanup
	defer cancel()
	if err := pool.Close(ctx); err != nil {
		t.Errorf("closing the pool: %v", err)
	}
}

func testMessage(n int) *Message {
	return &Message{
		Kind:      KindInvitation,
		MessageID: fmt.Sprintf("m%d@vaktreffen.example.org", n),
		Date:      time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC),
		From:      "post@vaktreffen.example.org", FromName: "Vaktreffen",
		To: "marieke.devries@example.org", ToName: "Marieke de Vries",
		Subject: "Uitnodiging",
		Text:    "Geachte mevrouw,\n.\nDit is de tekst.\n",
		HTML:    "<p>Geachte mevrouw</p>",
		Locale:  "nl",
	}
}
