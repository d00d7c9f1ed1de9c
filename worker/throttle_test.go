package worker

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"

	"github.com/vaktreffen/vaktreffen/db"
)

// throttles are processes that share a mail server, and a Redis whose clock the test moves.
func throttles(t *testing.T, cfg Config, count int) (processes []*throttle, server *miniredis.Miniredis, advance func(time.Duration)) {
	t.Helper()
	server = miniredis.RunT(t)
	now := time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)
	server.SetTime(now)
	cfg.Redis = &Redis{connection: asynq.RedisClientOpt{Addr: server.Addr()}}
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	for i := range count {
		pool, err := NewPool(SMTPConfig{URL: "smtp://mail.example.org"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		p := newThrottle(cfg, db.NewID(db.KindWorker, now.Add(time.Duration(i)*time.Second)), pool, make(chan struct{}))
		t.Cleanup(func() { _ = p.redis.Close() })
		processes = append(processes, p)
	}
	return processes, server, func(by time.Duration) { now = now.Add(by); server.SetTime(now) }
}

func beat(t *testing.T, processes ...*throttle) {
	t.Helper()
	for _, p := range processes {
		if err := p.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSlowedRateGrowsBack(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 100} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			both, _, advance := throttles(t, Config{Rate: limit, Connections: 1}, 2)
			beat(t, both...)
			both[0].sent.Store(100) // without a limit, what the rate was
			beat(t, both...)
			rate := func(want float64) {
				t.Helper()
				beat(t, both...)
				for _, p := range both {
					if got := p.allowed(); got < want-0.01 || got > want+0.01 {
						t.Errorf("the rate is %v, want %v", got, want)
					}
				}
			}
			both[1].slowDown(t.Context(), "421")
			both[0].slowDown(t.Context(), "421") // of the same episode
			rate(50)
			advance(6 * time.Second)
			rate(55)
			both[0].slowDown(t.Context(), "421")
			rate(27.5)
			advance(30 * time.Second)
			rate(52.5)
			advance(60 * time.Second)
			rate(float64(limit))
		})
	}
}

func TestConnectionsOfALostProcessReturn(t *testing.T) {
	t.Parallel()
	three, _, advance := throttles(t, Config{Connections: 10}, 3)
	seats := func(want ...int) { // in any order
		t.Helper()
		var got []int
		for _, p := range three[3-len(want):] {
			got = append(got, p.seats.allowed())
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("the last %d have %v connections, want %v", len(got), got, want)
		}
	}
	beat(t, three[0])
	seats(0, 0, 10)
	beat(t, three[1]) // the first has not let go of any
	seats(0, 1, 10)
	beat(t, three[0], three[1])
	seats(0, 5, 5)
	beat(t, three...)
	beat(t, three...)
	seats(3, 3, 4)
	advance(2 * time.Second)
	beat(t, three[1], three[2])
	advance(2 * time.Second)
	beat(t, three[1], three[2])
	seats(5, 5)
}

func TestUrgentMailBorrowsFromBulkMail(t *testing.T) {
	t.Parallel()
	one, _, advance := throttles(t, Config{Rate: 10, Connections: 1}, 1)
	p := one[0]
	take := func(lane db.Lane, wanted, want int) {
		t.Helper()
		if taken, wait, err := p.take(t.Context(), lane, wanted); taken != want || (taken == 0) != (wait > 0) || err != nil {
			t.Errorf("%s: %d taken, wait %v, %v; want %d", lane, taken, wait, err, want)
		}
	}
	take(db.Bulk, 50, 1)
	take(db.Bulk, 50, 0)
	take(db.Urgent, 3, 3) // while there is nothing for bulk mail
	take(db.Urgent, 50, 7)
	take(db.Urgent, 1, 0) // urgent mail alone is too much
	advance(time.Second)
	take(db.Bulk, 1, 0) // it pays back
	advance(100 * time.Millisecond)
	take(db.Bulk, 1, 1)
}

func TestMailThatDoesNotWaitPassesOnWhatIsLeft(t *testing.T) {
	t.Parallel()
	one, _, _ := throttles(t, Config{Rate: 60, Connections: 1}, 1) // in batches of three
	p := one[0]
	if p.passNow() {
		t.Error("a mail passes that nobody fetched")
	}
	if !p.pass(t.Context(), db.Bulk) || !p.passNow() || !p.passNow() {
		t.Error("a mail does not pass that was fetched")
	}
	if p.passNow() {
		t.Error("a fourth mail passes of a batch of three")
	}
	p.giveBack(db.Bulk)
	if !p.passNow() {
		t.Error("a mail does not pass in place of one that was given back")
	}
	if n := p.sent.Load(); n != 3 {
		t.Errorf("%d mails count as sent, want 3", n)
	}
}

func TestWithoutRedisOnlyUrgentMailPasses(t *testing.T) {
	t.Parallel()
	one, server, _ := throttles(t, Config{Rate: 10, Connections: 1}, 1)
	server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if one[0].pass(ctx, db.Bulk) {
		t.Error("bulk mail passes although nobody counts it")
	}
	if !one[0].pass(t.Context(), db.Urgent) {
		t.Error("urgent mail waits for Redis")
	}
}
