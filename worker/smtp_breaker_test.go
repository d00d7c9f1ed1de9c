package worker

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeSMTP{}
		pool := fake.pipe(t, 4)
		dials := func() int { n, _ := fake.count(); return n }
		refused := func() {
			t.Helper()
			if out := pool.Send(t.Context(), testMessage(1)); out.Result != Unreachable || !strings.Contains(out.Detail, "connection refused") {
				t.Errorf("%+v, want unreachable with the reason", out)
			}
		}
		var waits []time.Duration
		for range 8 {
			refused()
			before, start := dials(), time.Now()
			for dials() == before {
				time.Sleep(500 * time.Millisecond)
				refused()
			}
			waits = append(waits, time.Since(start))
		}
		want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}
		for i := range want {
			// Each round but the last began with a dial of the round before.
			if got := waits[i]; got != want[i]*time.Second {
				t.Errorf("backoff %d was %v, want %v", i, got, want[i]*time.Second)
			}
		}

		time.Sleep(maxBackoff)
		fake.handle = func(_ int, c *talk) { time.Sleep(time.Second); c.greet(); c.agree() }
		before := dials()
		probe := make(chan Outcome, 1)
		go func() { probe <- pool.Send(t.Context(), testMessage(1)) }()
		synctest.Wait()
		refused() // one probe at a time
		if out := <-probe; out.Result != Sent || dials() != before+1 {
			t.Errorf("%+v after %d dials, want sent after one", out, dials()-before)
		}
		if out := pool.Send(t.Context(), testMessage(2)); out.Result != Sent {
			t.Errorf("after the server came back: %+v", out)
		}
		closePool(t, pool)
	})
}

func TestServerThatWantsASignInIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet(); c.agree("MAIL", "530 5.7.0 authentication required") }}
		pool := fake.pipe(t, 1)
		for range 3 {
			if out := pool.Send(t.Context(), testMessage(1)); out.Result != Unreachable || !strings.Contains(out.Detail, "authentication") {
				t.Errorf("%+v", out)
			}
		}
		if connections, _ := fake.count(); connections != 1 {
			t.Errorf("%d connections, want 1", connections)
		}
		time.Sleep(firstBackoff)
		pool.Send(t.Context(), testMessage(1))
		if connections, _ := fake.count(); connections != 2 {
			t.Errorf("%d connections after the backoff, want 2", connections)
		}
	})
}

func TestInterruptedProbeLetsTheNextTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeSMTP{}
		pool := fake.pipe(t, 1)
		pool.Send(t.Context(), testMessage(1))
		time.Sleep(firstBackoff)

		fake.handle = func(number int, c *talk) {
			if number == 2 {
				c.hear() // says nothing
				return
			}
			c.greet()
			c.agree()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if out := pool.Send(ctx, testMessage(2)); out.Result != Unreachable {
			t.Errorf("%+v", out)
		}
		if out := pool.Send(t.Context(), testMessage(3)); out.Result != Sent {
			t.Errorf("%+v, want sent: the probe before was interrupted, not refused", out)
		}
		closePool(t, pool)
	})
}

func TestConnectionRefused(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	pool, err := NewPool(SMTPConfig{URL: "smtp://robot:geheim@" + address}, 1)
	if err != nil {
		t.Fatal(err)
	}
	out := pool.Send(t.Context(), testMessage(1))
	if out.Result != Unreachable || !strings.Contains(out.Detail, "connection refused") || strings.Contains(out.Detail, "geheim") {
		t.Errorf("%+v", out)
	}
}
