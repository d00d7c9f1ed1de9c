package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// testLetters are messages to person0@example.org, person1@example.org, … from senders of their own.
func testLetters(t *testing.T, pool *Pool, count int) []*sealed {
	t.Helper()
	letters := make([]*sealed, count)
	for n := range letters {
		m := testMessage(n)
		m.To, m.ReturnPath = fmt.Sprintf("person%d@example.org", n), fmt.Sprintf("post%d@example.org", n)
		var err error
		if letters[n], err = pool.seal(m); err != nil {
			t.Fatal(err)
		}
	}
	return letters
}

// sendAll sends letters as the mails of a chunk are sent when each may go, and returns what came of them.
func sendAll(t *testing.T, pool *Pool, letters []*sealed) (results []Result) {
	t.Helper()
	talk := pool.converse(always)
	defer talk.end()
	for i, letter := range letters {
		var next *sealed
		if i+1 < len(letters) {
			next = letters[i+1]
		}
		results = append(results, talk.send(t.Context(), closedChannel, letter, next).Result)
	}
	return results
}

func TestNextMessageIsBegunBehindTheDot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeSMTP{}
		fake.handle = func(_ int, c *talk) {
			c.greet("PIPELINING", "8BITMIME")
			group := func() { c.hear(); c.hear(); c.hear() }
			group()
			c.say("250 OK\r\n250 OK\r\n354 go on")
			c.body()
			group() // before any answer
			c.say("250 taken\r\n250 OK\r\n250 OK\r\n354 go on")
			c.body()
			c.say("250 taken")
			c.agree()
		}
		pool := fake.pipe(t, 1)
		letters := testLetters(t, pool, 2)
		talk := pool.converse(always)
		if out := talk.send(t.Context(), closedChannel, letters[0], letters[1]); out.Result != Sent {
			t.Fatalf("%+v", out)
		}
		want := []string{
			"MAIL FROM:<post0@example.org> BODY=8BITMIME", "RCPT TO:<person0@example.org>", "DATA",
			"MAIL FROM:<post1@example.org> BODY=8BITMIME", "RCPT TO:<person1@example.org>", "DATA",
		}
		if heard := strings.Split(fake.heard(), "\n")[1:]; !slices.Equal(heard, want) {
			t.Errorf("heard %q", heard)
		}

		// The second one has its outcome once it may go, and not sooner.
		ready, outcome := make(chan struct{}), make(chan Outcome, 1)
		go func() { outcome <- talk.send(t.Context(), ready, letters[1], nil) }()
		time.Sleep(holdTimeout - time.Second)
		if _, messages := fake.count(); messages != 1 || len(outcome) > 0 {
			t.Errorf("the server has %d messages before the second may go", messages)
		}
		close(ready)
		if out := <-outcome; out.Result != Sent {
			t.Errorf("%+v", out)
		}
		if times := fake.took(letters); !slices.Equal(times, []int{1, 1}) {
			t.Errorf("taken %v times", times)
		}
		closePool(t, pool)
	})
}

// countedConn counts what its user writes.
type countedConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countedConn) Write(p []byte) (int, error) { c.writes.Add(1); return c.Conn.Write(p) }

func TestOneWriteForEachMessage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		extensions []string
		writes     int64 // of ten messages
	}{
		"in groups":  {[]string{"PIPELINING"}, 1 + 10},
		"one by one": {nil, 10 * 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet(test.extensions...); c.agree() }}
				pool := fake.pipe(t, 1)
				dial, writes := pool.dialTCP, new(atomic.Int64)
				pool.dialTCP = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := dial(ctx, network, address)
					return countedConn{conn, writes}, err
				}
				letters := testLetters(t, pool, 10)
				for i, result := range sendAll(t, pool, letters) {
					if result != Sent {
						t.Errorf("message %d: %v", i, result)
					}
				}
				if n := writes.Load() - 1; n != test.writes { // one for EHLO
					t.Errorf("%d writes, want %d", n, test.writes)
				}
				closePool(t, pool)
			})
		})
	}
}

func TestTroubleWhileTheNextMessageIsBegun(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		exceptions  []string
		results     []Result
		taken       []int
		connections int
		resets      int
	}{
		"dot refused":    {[]string{".", "554 5.7.1 spam"}, []Result{Failed, Sent, Sent}, []int{1, 1, 1}, 1, 0},
		"dot deferred":   {[]string{".", "451 4.3.0 later"}, []Result{Later, Sent, Sent}, []int{1, 1, 1}, 1, 0},
		"421 to the dot": {[]string{".", "421 4.3.2 shutting down"}, []Result{Later, Sent, Sent}, []int{1, 1, 1}, 2, 0},
		"dropped at dot": {[]string{".", "drop"}, []Result{Uncertain, Sent, Sent}, []int{1, 1, 1}, 2, 0},
		"wants a sign-in after the dot": {[]string{".", "530 5.7.0 authentication required"}, []Result{Unreachable, Unreachable, Unreachable},
			[]int{1, 0, 0}, 1, 0},
		"next sender refused": {[]string{"DATA", "354 go on", "MAIL FROM:<post1@", "550 not from you", "RCPT TO:<person1@", "503 first MAIL",
			"DATA", "503 first MAIL"}, []Result{Sent, Failed, Sent}, []int{1, 0, 1}, 1, 1},
		"next recipient refused": {[]string{"RCPT TO:<person1@", "550 no such user"}, []Result{Sent, Failed, Sent}, []int{1, 0, 1}, 1, 1},
		"421 to the next":        {[]string{"MAIL FROM:<post1@", "421 4.7.0 enough"}, []Result{Sent, Later, Sent}, []int{1, 0, 1}, 2, 0},
		"dropped at the next":    {[]string{"RCPT TO:<person1@", "drop"}, []Result{Sent, Sent, Sent}, []int{1, 1, 1}, 2, 0},
		"dropped at the dot of the next": {[]string{".", "250 taken", ".", "drop"}, []Result{Sent, Uncertain, Sent},
			[]int{1, 1, 1}, 2, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := &fakeSMTP{handle: func(number int, c *talk) {
				c.greet("PIPELINING")
				if number == 1 {
					c.agreeBut(slices.Clone(test.exceptions)...)
				} else {
					c.agree()
				}
			}}
			pool := fake.listen(t, 1)
			letters := testLetters(t, pool, 3)
			if got := sendAll(t, pool, letters); !slices.Equal(got, test.results) {
				t.Errorf("%v, want %v", got, test.results)
			}
			if got := fake.took(letters); !slices.Equal(got, test.taken) {
				t.Errorf("the messages were taken %v times, want %v", got, test.taken)
			}
			if connections, _ := fake.count(); connections != test.connections {
				t.Errorf("%d connections, want %d", connections, test.connections)
			}
			if resets := strings.Count(fake.heard(), "RSET"); resets != test.resets {
				t.Errorf("%d times RSET, want %d:\n%s", resets, test.resets, fake.heard())
			}
			if taken := len(pool.places); taken != 0 {
				t.Errorf("%d places are still taken", taken)
			}
		})
	}
}

// brokenConn takes writes up to some text, and fails then.
type brokenConn struct {
	net.Conn
	last string
}

func (c brokenConn) Write(p []byte) (int, error) {
	if at := bytes.Index(p, []byte(c.last)); at >= 0 {
		n, err := c.Conn.Write(p[:at+len(c.last)])
		return n, errors.Join(err, errors.New("broken"))
	}
	return c.Conn.Write(p)
}

func TestWriteBreaksBeforeOrBehindTheDot(t *testing.T) {
	t.Parallel()
	for last, want := range map[string][]Result{
		"\r\n.\r":             {Sent, Sent},      // by a second connection
		"\r\n.\r\n":           {Uncertain, Sent}, // the server may have it all
		"\r\n.\r\nMAIL FROM:": {Uncertain, Sent},
	} {
		for _, size := range []int{10, 10_000} { // below and above what a bufio.Writer holds
			t.Run(fmt.Sprintf("%q of %d", last, size), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet("PIPELINING"); c.agree() }}
					pool := fake.pipe(t, 1)
					dial, dials := pool.dialTCP, 0
					pool.dialTCP = func(ctx context.Context, network, address string) (net.Conn, error) {
						conn, err := dial(ctx, network, address)
						if dials++; dials == 1 {
							conn = brokenConn{conn, last}
						}
						return conn, err
					}
					letters := testLetters(t, pool, 2)
					letters[0].body = append(letters[0].body, strings.Repeat("<!-- -->\r\n", size/10)...)
					if got := sendAll(t, pool, letters); !slices.Equal(got, want) {
						t.Errorf("%v, want %v", got, want)
					}
					synctest.Wait()
					if got := fake.took(letters); !slices.Equal(got, []int{1, 1}) {
						t.Errorf("the messages were taken %v times, want each once", got)
					}
					closePool(t, pool)
				})
			})
		}
	}
}

func TestMessageThatIsBegunAndMustNotGo(t *testing.T) {
	t.Parallel()
	const sooner = 0 // and not after a while, on a pipe
	for name, test := range map[string]struct {
		waits   time.Duration
		abandon func(t *testing.T, talk *conversation, begun, other *sealed)
	}{
		"the conversation ends": {sooner, func(_ *testing.T, talk *conversation, _, _ *sealed) { talk.end() }},
		"another one comes":     {sooner, func(*testing.T, *conversation, *sealed, *sealed) {}},
		"it may not go any more when it is ready": {sooner, func(t *testing.T, talk *conversation, begun, other *sealed) {
			talk.mayGo = func() bool { return false }
			if out := talk.send(t.Context(), closedChannel, begun, other); out.Result != Unreachable {
				t.Errorf("%+v", out)
			}
			talk.mayGo = always
		}},
		"it is not ready in time": {2 * holdTimeout, func(t *testing.T, talk *conversation, begun, other *sealed) {
			if out := talk.send(t.Context(), make(chan struct{}), begun, other); out.Result != Unreachable {
				t.Errorf("%+v", out)
			}
		}},
		"interrupted": {time.Second, func(t *testing.T, talk *conversation, begun, other *sealed) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if out := talk.send(ctx, make(chan struct{}), begun, other); out.Result != Unreachable {
				t.Errorf("%+v", out)
			}
		}},
	} {
		check := func(t *testing.T, reach func(*fakeSMTP, *testing.T, int) *Pool) {
			fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet("PIPELINING"); c.agree() }}
			pool := reach(fake, t, 1)
			letters := testLetters(t, pool, 3)
			talk := pool.converse(always)
			if out := talk.send(t.Context(), closedChannel, letters[0], letters[1]); out.Result != Sent {
				t.Errorf("%+v", out)
			}
			began := time.Now()
			if test.abandon(t, talk, letters[1], letters[2]); test.waits != sooner && time.Since(began) != test.waits {
				t.Errorf("waited %v", time.Since(began))
			}
			if out := talk.send(t.Context(), closedChannel, letters[2], nil); out.Result != Sent {
				t.Errorf("another message: %+v", out)
			}
			_, messages := fake.count()
			if got := fake.took(letters); messages != 2 || !slices.Equal(got, []int{1, 0, 1}) {
				t.Errorf("%d messages, taken %v times", messages, got)
			}
			closePool(t, pool)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.waits == sooner {
				check(t, (*fakeSMTP).listen)
			} else {
				synctest.Test(t, func(t *testing.T) { check(t, (*fakeSMTP).pipe) })
			}
		})
	}
}

func TestNothingIsBegunOnAConnectionThatRetires(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		messages    int
		pause       time.Duration
		connections int
	}{
		"after a hundred messages": {201, 0, 3},
		"after five minutes":       {32, 10 * time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet("PIPELINING"); c.agree(".", "250 taken") }}
				pool := fake.pipe(t, 1)
				letters := testLetters(t, pool, test.messages)
				talk := pool.converse(always)
				for i, letter := range letters {
					time.Sleep(test.pause)
					if out := talk.send(t.Context(), closedChannel, letter, append(letters, nil)[i+1]); out.Result != Sent {
						t.Fatalf("message %d: %+v", i, out)
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
