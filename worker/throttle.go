package worker

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/vaktreffen/vaktreffen/db"
)

const (
	throttleEvery = time.Second     // in which a process learns what the others did
	seatLease     = 3 * time.Second // after which the connections of a process that was not heard of are free
	borrowTimeout = 250 * time.Millisecond
	batchesPerSec = 20 // in which a process fetches what it may send
)

// throttle keeps all workers together within what one mail server takes: so many bulk connections, and so many mails a second.
// The counts are in Redis; a process takes mails in batches of a twentieth of a second, and asks nobody while there is no limit.
//
// A server that asks for less (421, 4.7.x) halves the rate, and introduces one where there was none; it grows back within minutes.
// Urgent mail never waits for bulk mail: it takes what bulk mail then waits for, and waits only for its own kind.
//
// While Redis does not answer there is no new work anyway: what is in hand waits for it when the rate is limited, except for urgent
// mail. Each process keeps the connections it has.
type throttle struct {
	redis       redis.UniversalClient
	key         string // of the mail server
	id          string // of this process
	limit       int    // mails a second; 0 for none
	connections int    // for bulk mail, of all processes
	pool        *Pool  // of bulk mail
	seats       *seats
	log         *slog.Logger
	stopping    <-chan struct{}
	slowed      prometheus.Counter

	turn chan struct{} // held by who fetches for all handlers
	sent atomic.Int64  // mails since the last beat
	mu   sync.Mutex
	rate float64 // in force; 0 for no limit
	left int     // fetched and not sent
}

// newThrottle prepares the throttle of a mail server. The first beat says what this process may do.
func newThrottle(cfg Config, id db.ID, bulk *Pool, stopping <-chan struct{}) *throttle {
	return &throttle{
		redis: cfg.Redis.Client(), key: "vaktreffen:smtp:{" + bulk.server.address() + "}", id: id.String(),
		limit: cfg.Rate, connections: cfg.Connections, pool: bulk, seats: newSeats(), log: cfg.Log, stopping: stopping,
		slowed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vaktreffen_smtp_slowdowns_total", Help: "Times that this process halved the rate because the mail server asked for less.",
		}),
		turn: make(chan struct{}, 1), rate: float64(cfg.Rate),
	}
}

// metrics are what the throttle shows.
func (t *throttle) metrics() []prometheus.Collector {
	return []prometheus.Collector{
		t.slowed,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "vaktreffen_smtp_rate", Help: "Mails a second that all processes together may send to the mail server at the moment; 0 for no limit.",
		}, t.allowed),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "vaktreffen_smtp_connections", Help: "Connections for bulk mail that this process may have at the moment.",
		}, func() float64 { return float64(t.seats.allowed()) }),
	}
}

// run learns regularly what this process may do, and gives everything back when ctx ends.
func (t *throttle) run(ctx context.Context) {
	ticker := time.NewTicker(throttleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			// What fails here expires by itself.
			_ = t.redis.HDel(ctx, t.key, "w:"+t.id).Err()
			_ = t.redis.Close()
			return
		case <-ticker.C:
		}
		if err := t.beat(ctx); err != nil && ctx.Err() == nil {
			t.log.Debug("the throttle is not heard of", "error", err)
		}
	}
}

// beat tells the other processes what this one does, and learns how many connections it may have and the rate in force.
func (t *throttle) beat(ctx context.Context) error {
	reply, err := throttleBeat.Run(ctx, t.redis, []string{t.key}, t.limit, t.id, t.connections, t.pool.open(), t.sent.Swap(0),
		seatLease.Microseconds()).StringSlice()
	if err != nil {
		return fmt.Errorf("share the mail server: %w", err)
	}
	seats, err := strconv.Atoi(reply[0])
	if err != nil {
		return fmt.Errorf("share the mail server: %w", err)
	}
	t.seats.allow(seats)
	t.pool.trim(seats)
	return t.learn(reply[1])
}

// learn takes the rate in force from a script's answer.
func (t *throttle) learn(rate string) error {
	inForce, err := strconv.ParseFloat(rate, 64)
	if err != nil {
		return fmt.Errorf("rate of the mail server: %w", err)
	}
	t.mu.Lock()
	before := t.rate
	if t.rate = inForce; inForce == 0 {
		t.left = 0
	}
	t.mu.Unlock()
	if before != inForce && inForce == float64(t.limit) {
		t.log.Info("the mail server is served at full rate again")
	}
	return nil
}

// allowed is the rate in force in mails a second, 0 for no limit.
func (t *throttle) allowed() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rate
}

// chunk is how many mails a handler of so many takes on at once: so many that the truth it read is not old at the last.
func (t *throttle) chunk(most int64, handlers int) int64 {
	rate := t.allowed()
	if rate == 0 {
		return most
	}
	return min(most, max(1, int64(2*rate)/int64(handlers)))
}

// pass waits until one more mail may be sent, and reports whether it may: not when ctx ends or the worker stops.
func (t *throttle) pass(ctx context.Context, lane db.Lane) bool {
	t.sent.Add(1)
	if lane == db.Urgent {
		return t.borrow(ctx)
	}
	for !t.takeLeft() {
		select {
		case t.turn <- struct{}{}:
		case <-ctx.Done():
			return false
		case <-t.stopping:
			return false
		}
		pause := t.fetch(ctx)
		ok := t.sleep(ctx, pause)
		<-t.turn
		if !ok {
			return false
		}
	}
	return true
}

// passNow is pass for bulk mail that does not wait.
func (t *throttle) passNow() bool {
	passed := t.takeLeft()
	if passed {
		t.sent.Add(1)
	}
	return passed
}

// giveBack returns what was let pass and is not sent after all.
func (t *throttle) giveBack(lane db.Lane) {
	t.sent.Add(-1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rate > 0 && lane == db.Bulk {
		t.left++
	}
}

// takeLeft takes one of the mails that were fetched, or anything when there is no limit.
func (t *throttle) takeLeft() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rate > 0 && t.left == 0 {
		return false
	}
	t.left = max(0, t.left-1)
	return true
}

// fetch asks for a batch, and returns how long to wait before somebody asks again.
func (t *throttle) fetch(ctx context.Context) (pause time.Duration) {
	t.mu.Lock()
	batch := max(1, int(t.rate/batchesPerSec))
	has := t.left > 0
	t.mu.Unlock()
	if has { // somebody else has fetched since
		return 0
	}
	taken, pause, err := t.take(ctx, db.Bulk, batch)
	if err != nil {
		t.log.Warn("mails wait because Redis does not tell how many may be sent", "error", err)
		return time.Second
	}
	t.mu.Lock()
	t.left += taken
	t.mu.Unlock()
	return pause
}

// borrow lets an urgent mail pass as long as urgent mail alone is not too much.
func (t *throttle) borrow(ctx context.Context) bool {
	for t.allowed() > 0 {
		asking, cancel := context.WithTimeout(ctx, borrowTimeout)
		taken, pause, err := t.take(asking, db.Urgent, 1)
		cancel()
		if taken > 0 || err != nil {
			break
		}
		if !t.sleep(ctx, pause) {
			return false
		}
	}
	return ctx.Err() == nil
}

// take takes up to so many mails from what all processes may send, or says when there will be one.
func (t *throttle) take(ctx context.Context, lane db.Lane, wanted int) (taken int, pause time.Duration, err error) {
	reply, err := throttleTake.Run(ctx, t.redis, []string{t.key}, t.limit, string(lane), wanted).StringSlice()
	if err != nil {
		return 0, 0, fmt.Errorf("take mails: %w", err)
	}
	if taken, err = strconv.Atoi(reply[0]); err != nil {
		return 0, 0, fmt.Errorf("take mails: %w", err)
	}
	if pause, err = time.ParseDuration(reply[1] + "us"); err != nil {
		return 0, 0, fmt.Errorf("take mails: %w", err)
	}
	return taken, pause, t.learn(reply[2])
}

// slowDown halves the rate for everybody, once for all that a server refuses at about the same time.
func (t *throttle) slowDown(ctx context.Context, reason string) {
	reply, err := throttleSlow.Run(ctx, t.redis, []string{t.key}, t.limit, t.sent.Load()).StringSlice()
	if err == nil {
		err = t.learn(reply[1])
	}
	if err != nil {
		t.log.Warn("the mail server asks for less, and Redis cannot be told", "error", err)
		return
	}
	if reply[0] == "1" {
		t.slowed.Inc()
		t.log.Warn("the mail server asks for less; mails leave more slowly", "rate", reply[1], "reason", reason)
	}
}

// sleep waits, and reports whether it could.
func (t *throttle) sleep(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-t.stopping:
		return false
	}
}

var greylisted = regexp.MustCompile(`(?i)gr[ea]y-?list`)

// asksForLess reports whether the mail server refused because of how much it gets (RFC 5321 section 3.8; RFC 3463 section 3.8). A
// greylisted mail only has to come again.
func (o Outcome) asksForLess() bool {
	if greylisted.MatchString(o.Detail) {
		return false
	}
	return o.Code == 421 || o.Result == Later && strings.HasPrefix(o.Detail, "4.7.")
}

// seats are the connections for bulk mail that this process may have. A handler sits down for a chunk.
type seats struct {
	mu    sync.Mutex
	limit int
	taken int
	moved chan struct{} // closed when there may be a free one
}

func newSeats() *seats { return &seats{moved: make(chan struct{})} }

func (s *seats) allowed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limit
}

func (s *seats) allow(n int) { s.change(func() { s.limit = n }) }

func (s *seats) leave() { s.change(func() { s.taken-- }) }

func (s *seats) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.moved)
	s.moved = make(chan struct{})
}

// sit waits for a free seat, and reports whether it has one: not when ctx ends or stop closes.
func (s *seats) sit(ctx context.Context, stop <-chan struct{}) bool {
	for {
		s.mu.Lock()
		free, moved := s.taken < s.limit, s.moved
		if free {
			s.taken++
		}
		s.mu.Unlock()
		if free {
			return true
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return false
		case <-stop:
			return false
		}
	}
}
