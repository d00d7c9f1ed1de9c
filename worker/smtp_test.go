package worker

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSendReusesTheConnection(t *testing.T) {
	t.Parallel()
	fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet(); c.agree() }}
	pool := fake.listen(t, 2)
	for n := range 3 {
		if out := pool.Send(t.Context(), testMessage(n)); out.Result != Sent || out.Code != 250 {
			t.Fatalf("message %d: %+v", n, out)
		}
	}
	if connections, messages := fake.count(); connections != 1 || messages != 3 {
		t.Errorf("%d connections and %d messages, want 1 and 3", connections, messages)
	}
	if strings.Contains(fake.heard(), "NOOP") || strings.Contains(fake.heard(), "RSET") {
		t.Errorf("round trips that a good conversation can do without:\n%s", fake.heard())
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, extensions := range map[string][]string{"one by one": nil, "in a group": {"PIPELINING"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testOutcomes(t, extensions...)
		})
	}
}

func testOutcomes(t *testing.T, extensions ...string) {
	always := func(exceptions ...string) func(int, *talk) {
		return func(_ int, c *talk) { c.greet(extensions...); c.agree(exceptions...) }
	}
	firstOnly := func(exceptions ...string) func(int, *talk) {
		return func(number int, c *talk) {
			c.greet(extensions...)
			if number == 1 {
				c.agree(exceptions...)
			} else {
				c.agree()
			}
		}
	}
	tests := map[string]struct {
		handle                func(int, *talk)
		result                Result
		code                  int
		detail                string
		connections, messages int
	}{
		"recipient unknown": {always("RCPT", "550-5.1.1 <marieke.devries@example.org> unknown\r\n550 5.1.1 no mailbox marieke.devries here"),
			Failed, 550, "5.1.1 <…> unknown 5.1.1 no mailbox <…> here", 1, 0},
		"recipient full":                    {always("RCPT", "452 4.2.2 mailbox full"), Later, 452, "4.2.2 mailbox full", 1, 0},
		"sender refused":                    {always("MAIL", "550 not from you"), Failed, 550, "not from you", 1, 0},
		"no data":                           {always("DATA", "451 try again"), Later, 451, "try again", 1, 0},
		"content refused":                   {always(".", "554 5.7.1 spam"), Failed, 554, "5.7.1 spam", 1, 1},
		"content for later":                 {always(".", "451 4.3.0 greylisted"), Later, 451, "4.3.0 greylisted", 1, 1},
		"another good code":                 {always(".", "251 will forward"), Sent, 250, "", 1, 1},
		"going away":                        {always("MAIL", "421 4.3.2 shutting down"), Later, 421, "4.3.2 shutting down", 1, 0},
		"wants a sign-in":                   {always("MAIL", "530 5.7.0 authentication required"), Unreachable, 530, "authentication required", 1, 0},
		"drops at MAIL once, then takes it": {firstOnly("MAIL", "drop"), Sent, 250, "", 2, 1},
		"drops at RCPT always":              {always("RCPT", "drop"), Unreachable, 0, "broke", 2, 0},
		"drops at DATA always":              {always("DATA", "drop"), Unreachable, 0, "broke", 2, 0},
		"talks nonsense at MAIL":            {always("MAIL", "hello?"), Unreachable, 0, "broke", 2, 0},
		"goes on where it should agree":     {always("RCPT", "354 go on"), Unreachable, 0, "out of turn", 2, 0},
		"drops after the dot":               {always(".", "drop"), Uncertain, 0, "no answer to the whole message", 1, 1},
		"talks nonsense after the dot":      {always(".", "x"), Uncertain, 0, "no answer to the whole message", 1, 1},
		"greets with a refusal":             {func(_ int, c *talk) { c.say("554 no service") }, Unreachable, 554, "no service", 1, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := &fakeSMTP{handle: test.handle}
			pool := fake.listen(t, 1)
			out := pool.Send(t.Context(), testMessage(1))
			if out.Result != test.result || out.Code != test.code || !strings.Contains(out.Detail, test.detail) {
				t.Errorf("%v, want %v %d %q", out, test.result, test.code, test.detail)
			}
			if strings.Contains(out.Detail, "marieke") {
				t.Errorf("the detail names the recipient: %q", out.Detail)
			}
			if connections, messages := fake.count(); connections != test.connections || messages != test.messages {
				t.Errorf("%d connections and %d messages, want %d and %d", connections, messages, test.connections, test.messages)
			}
		})
	}
}

func TestCommandsGoInAGroup(t *testing.T) {
	t.Parallel()
	groups := make(chan string, 2)
	fake := &fakeSMTP{handle: func(_ int, c *talk) {
		c.greet("PIPELINING", "8BITMIME")
		for range 2 {
			var commands []string
			for range 3 {
				commands = append(commands, c.hear()) // before any answer
			}
			groups <- strings.Join(commands, " | ")
			c.say("250 OK\r\n250 OK\r\n354 go on")
			c.body()
			c.say("250 taken")
		}
		c.hear()
	}}
	pool := fake.listen(t, 1)
	for n := range 2 {
		if out := pool.Send(t.Context(), testMessage(n)); out.Result != Sent {
			t.Fatalf("%+v", out)
		}
		want := "MAIL FROM:<post@vaktreffen.example.org> BODY=8BITMIME | RCPT TO:<marieke.devries@example.org> | DATA"
		if got := <-groups; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestOnTheWire(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"a\r\nb\r\n":        "a\r\nb\r\n",
		".\r\n":             "..\r\n",
		"a\r\n.\r\nb\r\n":   "a\r\n..\r\nb\r\n",
		"a\n.\nb":           "a\r\n..\r\nb\r\n",
		"a\r\n..b":          "a\r\n...b\r\n",
		"":                  "",
		"a\r\n\n.\r\nb\r\n": "a\r\n\r\n..\r\nb\r\n",
		"a\r":               "a\r\n",
		".":                 "..\r\n",
	} {
		if got := string(onTheWire(nil, []byte(body))); got != want {
			t.Errorf("%q is %q on the wire, want %q", body, got, want)
		}
	}
}

func TestRefusalKeepsTheConnection(t *testing.T) {
	t.Parallel()
	fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet("PIPELINING"); c.agree("RCPT", "550 no") }}
	pool := fake.listen(t, 1)
	for range 2 {
		if out := pool.Send(t.Context(), testMessage(1)); out.Result != Failed {
			t.Fatalf("%+v", out)
		}
	}
	if connections, _ := fake.count(); connections != 1 || strings.Count(fake.heard(), "RSET") != 2 {
		t.Errorf("%d connections, want 1 and a RSET after each refusal:\n%s", connections, fake.heard())
	}
}

func TestServiceNotAvailableEndsTheConnection(t *testing.T) {
	t.Parallel()
	fake := &fakeSMTP{handle: func(number int, c *talk) {
		c.greet()
		if number == 1 {
			c.agree("MAIL", "421 closing")
		} else {
			c.agree()
		}
	}}
	pool := fake.listen(t, 1)
	if out := pool.Send(t.Context(), testMessage(1)); out.Result != Later || out.Code != 421 {
		t.Fatalf("%+v", out)
	}
	if out := pool.Send(t.Context(), testMessage(2)); out.Result != Sent {
		t.Fatalf("%+v", out)
	}
	if connections, _ := fake.count(); connections != 2 {
		t.Errorf("%d connections, want 2", connections)
	}
}

func TestStaleConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	fake := &fakeSMTP{handle: func(number int, c *talk) {
		c.greet()
		if number == 1 {
			for _, reply := range []string{"250 OK", "250 OK", "354 go on"} {
				c.hear()
				c.say(reply)
			}
			c.body()
			c.say("250 taken")
			c.conn.Close()
			close(gone)
			return
		}
		c.agree()
	}}
	pool := fake.listen(t, 1)
	if out := pool.Send(t.Context(), testMessage(1)); out.Result != Sent {
		t.Fatalf("%+v", out)
	}
	<-gone
	if out := pool.Send(t.Context(), testMessage(2)); out.Result != Sent {
		t.Fatalf("%+v", out)
	}
	if connections, messages := fake.count(); connections != 2 || messages != 2 {
		t.Errorf("%d connections and %d messages, want 2 and 2", connections, messages)
	}
}

func TestMessageCutShortIsNeverEnded(t *testing.T) {
	t.Parallel()
	fake := &fakeSMTP{handle: func(_ int, c *talk) {
		c.greet()
		for _, reply := range []string{"250 OK", "250 OK", "354 go on"} {
			c.hear()
			c.say(reply)
		}
		c.lines.ReadString('\n')
		c.conn.(*net.TCPConn).SetLinger(0) // a reset, as from a server that died
	}}
	pool := fake.listen(t, 1)
	message := testMessage(1)
	message.Text = strings.Repeat("Een lange brief. ", 1<<20) // more than the socket buffers hold
	out := pool.Send(t.Context(), message)
	if out.Result != Unreachable {
		t.Errorf("%+v, want unreachable: the server cannot have the whole message", out)
	}
	if connections, messages := fake.count(); connections != 2 || messages != 0 {
		t.Errorf("%d connections and %d messages, want 2 and 0", connections, messages)
	}
}

func TestCancelling(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		at     string
		result Result
	}{
		"before the server has the message": {"RCPT", Unreachable},
		"while it decides on the message":   {".", Uncertain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet(); c.agree(test.at, "hang") }}
				pool := fake.pipe(t, 1)
				ctx, cancel := context.WithCancel(t.Context())
				outcome := make(chan Outcome, 1)
				go func() { outcome <- pool.Send(ctx, testMessage(1)) }()
				synctest.Wait()
				cancel()
				start := time.Now()
				if out := <-outcome; out.Result != test.result || !strings.Contains(out.Detail, "interrupted") {
					t.Errorf("%+v, want %v", out, test.result)
				}
				if waited := time.Since(start); waited != 0 {
					t.Errorf("waited %v for a server that says nothing", waited)
				}
				if connections, _ := fake.count(); connections != 1 {
					t.Errorf("%d connections, want 1: nobody waits for another attempt", connections)
				}
			})
		})
	}
}

func TestSendWaitsForAFreeConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeSMTP{handle: func(_ int, c *talk) {
			c.greet()
			time.Sleep(time.Minute) // the server takes its time before it hears MAIL
			c.agree()
		}}
		pool := fake.pipe(t, 1)
		first := make(chan Outcome, 1)
		go func() { first <- pool.Send(t.Context(), testMessage(1)) }()
		synctest.Wait()

		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if out := pool.Send(impatient, testMessage(2)); out.Result != Unreachable {
			t.Errorf("%+v, want unreachable after a second", out)
		}
		if out := pool.Send(t.Context(), testMessage(3)); out.Result != Sent {
			t.Errorf("%+v", out)
		}
		if out := <-first; out.Result != Sent {
			t.Errorf("%+v", out)
		}
		if connections, messages := fake.count(); connections != 1 || messages != 2 {
			t.Errorf("%d connections and %d messages, want 1 and 2", connections, messages)
		}
		closePool(t, pool)
	})
}

func TestSlowFinalDotIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		delay  time.Duration
		result Result
	}{
		"four minutes": {4 * time.Minute, Sent},
		"six minutes":  {6 * time.Minute, Uncertain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := &fakeSMTP{handle: func(_ int, c *talk) {
					c.greet()
					for _, reply := range []string{"250 OK", "250 OK", "354 go on"} {
						c.hear()
						c.say(reply)
					}
					c.body()
					time.Sleep(test.delay)
					c.say("250 taken")
					c.agree()
				}}
				pool := fake.pipe(t, 1)
				if out := pool.Send(t.Context(), testMessage(1)); out.Result != test.result {
					t.Errorf("%+v, want %v", out, test.result)
				}
				closePool(t, pool)
				time.Sleep(test.delay) // until the server has had its say
			})
		})
	}
}

func TestSilentServerIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeSMTP{handle: func(_ int, c *talk) { c.hear() }}
		pool := fake.pipe(t, 1)
		start := time.Now()
		out := pool.Send(t.Context(), testMessage(1))
		if waited := time.Since(start); out.Result != Unreachable || waited != dialTimeout {
			t.Errorf("%+v after %v, want unreachable after %v", out, waited, dialTimeout)
		}
	})
}

func TestConnectionsRetire(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		messages    int
		pause       time.Duration
		connections int
	}{
		"after a hundred messages":  {201, 0, 3},
		"kept within idle time":     {10, 19 * time.Second, 1},
		"after twenty idle seconds": {3, 21 * time.Second, 3},
		"after five minutes":        {32, 10 * time.Second, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet(); c.agree() }}
				pool := fake.pipe(t, 1)
				for n := range test.messages {
					if n > 0 {
						time.Sleep(test.pause)
					}
					if out := pool.Send(t.Context(), testMessage(n)); out.Result != Sent {
						t.Fatalf("message %d: %+v", n, out)
					}
				}
				closePool(t, pool)
				if connections, messages := fake.count(); connections != test.connections || messages != test.messages {
					t.Errorf("%d connections and %d messages, want %d and %d", connections, messages, test.connections, test.messages)
				}
				if quits := strings.Count(fake.heard(), "QUIT"); quits != test.connections {
					t.Errorf("%d goodbyes on %d connections", quits, test.connections)
				}
			})
		})
	}
}

func TestCloseWaitsForWhatIsInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet(); time.Sleep(time.Minute); c.agree() }}
		pool := fake.pipe(t, 1)
		outcome := make(chan Outcome, 1)
		go func() { outcome <- pool.Send(t.Context(), testMessage(1)) }()
		synctest.Wait()

		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := pool.Close(short); err != context.DeadlineExceeded {
			t.Errorf("close returned %v while a message was in flight", err)
		}
		if out := pool.Send(t.Context(), testMessage(2)); out.Result != Unreachable || !strings.Contains(out.Detail, "shutting down") {
			t.Errorf("a closed pool took a message: %+v", out)
		}
		closePool2 := make(chan error, 1)
		go func() { closePool2 <- pool.Close(t.Context()) }()
		if out := <-outcome; out.Result != Sent {
			t.Errorf("%+v", out)
		}
		if err := <-closePool2; err != nil {
			t.Error(err)
		}
		if !strings.HasSuffix(fake.heard(), "QUIT") {
			t.Errorf("the connection was left open:\n%s", fake.heard())
		}
	})
}
