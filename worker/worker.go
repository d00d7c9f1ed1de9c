// Package worker brings queued mails from the database to the mail server: a relay sees that mails are due and calls handlers by
// asynq, handlers take chunks of them, compose and send them over pooled SMTP connections, a ledger commits what came of each.
//
//	db.Delivery   QUEUED ─────────────start────────────► SENDING ─────settle─────► SENT, FAILED, …
//	                │ due                 ▲                 │                  ▲
//	                ▼                     │                 ▼                  │
//	              relay ──call──► asynq ──► handler ──► Pool, one at a time ──► ledger
//
// SQL is the truth at every step; what Redis holds may be lost, since a call names no mails. A process may be killed at any moment:
// the mails it had begun are begun again once it was not seen for a while. A connection ends its next mail only after the outcome of the
// last one is committed, so at most one mail for each connection is sent twice then, with the same Message-ID and Date.
package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/vaktreffen/vaktreffen/db"
)

// Config is what the worker needs to know about the program around it.
type Config struct {
	DB           *db.DB
	Redis        *Redis
	Log          *slog.Logger
	SMTP         SMTPConfig
	Connections  int                   // to the mail server for bulk mail, over all workers; two more in each serve urgent mail
	Rate         int                   // mails a second to the mail server, over all workers; 0 for no limit
	From         string                // "Name <address>" of the sender
	PublicURL    string                // where recipients reach the pages, without a slash at the end
	Lease        time.Duration         // after which a process that was not seen counts as dead
	Metrics      prometheus.Registerer // counts mails and looks at the queue; nil for nobody
	Traces       trace.TracerProvider  // records chunks of mails; nil for nobody
	BounceDomain string                // where mails that come back go; empty: to the sender
}

// Worker is the sending half of the program. Start it once; Stop it once.
type Worker struct {
	cfg      Config
	id       db.ID
	from     mail.Address
	letters  *Letters
	lanes    []*lane
	ledger   *ledger
	throttle *throttle
	tracer   trace.Tracer
	stopping chan struct{} // closed when no new mail may begin
	seen     atomic.Int64  // when this process last showed that it is alive, in nanoseconds since 1970
	life     atomic.Int64  // rises when others may have taken this process for dead meanwhile
	handling sync.WaitGroup
	loops    sync.WaitGroup
	abort    context.CancelFunc // ends the mails in flight
	cancel   context.CancelFunc // ends the loops
}

// lane is one of the two ways through the worker. Each has queue, handlers and connections of its own, so that bulk mail can
// never keep urgent mail waiting.
type lane struct {
	name     db.Lane
	queue    string // in asynq
	chunk    int64  // mails that a handler takes at most
	pool     *Pool
	server   *asynq.Server
	handlers int
	more     chan struct{} // gets a value when a handler took a whole chunk: others may be due
}

// urgentConnections are kept for mails that somebody waits for.
const urgentConnections = 2

// New prepares a worker. It fails on a configuration that cannot work, and connects to nothing yet.
func New(cfg Config) (*Worker, error) {
	from, err := mail.ParseAddress(cfg.From)
	if err != nil {
		return nil, errors.New("the sender is written Name <address@domain>")
	}
	letters, err := NewLetters()
	if err != nil {
		return nil, err
	}
	w := &Worker{
		cfg: cfg, id: db.NewID(db.KindWorker, time.Now()), from: *from, letters: letters,
		ledger: newLedger(cfg.DB, cfg.Log), stopping: make(chan struct{}),
		tracer: cmp.Or[trace.TracerProvider](cfg.Traces, noop.NewTracerProvider()).Tracer("github.com/vaktreffen/vaktreffen/worker"),
	}
	for _, l := range []*lane{
		{name: db.Urgent, queue: "urgent", chunk: 5, handlers: urgentConnections, more: make(chan struct{}, 1)},
		{name: db.Bulk, queue: "bulk", chunk: 200, handlers: cfg.Connections, more: make(chan struct{}, 1)},
	} {
		if l.pool, err = NewPool(cfg.SMTP, l.handlers); err != nil {
			return nil, err
		}
		l.server = asynq.NewServer(cfg.Redis.connection, asynq.Config{
			Concurrency:       l.handlers,
			Queues:            map[string]int{l.queue: 1},
			TaskCheckInterval: 100 * time.Millisecond,
			ShutdownTimeout:   drainTimeout,
			Logger:            asynqLog{cfg.Log},
			LogLevel:          asynq.WarnLevel,
		})
		w.lanes = append(w.lanes, l)
	}
	w.throttle = newThrottle(cfg, w.id, w.lanes[1].pool, w.stopping)
	if cfg.Metrics != nil {
		for _, c := range append(w.throttle.metrics(), w.ledger.mails, backlog{cfg.DB, cfg.Log}) {
			if err := cfg.Metrics.Register(c); err != nil {
				return nil, fmt.Errorf("register metrics: %w", err)
			}
		}
	}
	return w, nil
}

// drainTimeout is how long Stop waits for mails in flight: longer than a mail server usually takes to answer.
const drainTimeout = 30 * time.Second

// Start begins to send. It fails when Redis does not answer; everything that fails later is tried again.
func (w *Worker) Start(ctx context.Context) error {
	if err := w.cfg.Redis.Ping(ctx); err != nil {
		return err
	}
	if err := w.throttle.beat(ctx); err != nil {
		return err
	}
	if err := w.see(ctx); err != nil {
		return err
	}
	var sending context.Context
	sending, w.abort = context.WithCancel(context.WithoutCancel(ctx))
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.loops.Go(func() { w.ledger.run(ctx) })
	w.loops.Go(func() { w.heartbeat(ctx) })
	w.loops.Go(func() { w.throttle.run(ctx) })
	w.loops.Go(func() { w.sweep(ctx) })
	w.loops.Go(func() { w.forget(ctx) })
	for _, l := range w.lanes {
		if err := l.server.Start(asynq.HandlerFunc(func(_ context.Context, call *asynq.Task) error {
			w.handling.Add(1)
			defer w.handling.Done()
			// Not asynq's context, which ends when Redis is away: no reason to hang up on a mail server.
			ctx, cancel := context.WithTimeout(sending, taskTimeout)
			defer cancel()
			mails, err := strconv.ParseInt(string(call.Payload()), 10, 64)
			if err != nil {
				return fmt.Errorf("call for mails: %w", err)
			}
			w.admit(ctx, l, mails)
			return nil // what became of each mail stands in SQL; asynq has nothing to retry
		})); err != nil {
			w.cancel()
			return fmt.Errorf("start asynq: %w", err)
		}
		w.loops.Go(func() { w.relay(ctx, l) })
	}
	return nil
}

// Stop ends sending in order: nothing new begins, mails in flight are finished, and what was begun and not sent goes back into the queue.
func (w *Worker) Stop(ctx context.Context) {
	close(w.stopping)
	var servers sync.WaitGroup
	for _, l := range w.lanes {
		servers.Go(l.server.Shutdown)
	}
	servers.Wait()
	w.abort()
	w.finish(ctx)
	w.cancel()
	w.loops.Wait()
	for _, l := range w.lanes {
		if err := l.pool.Close(ctx); err != nil {
			w.cfg.Log.Warn("mail connections were still busy", "error", err)
		}
	}
	if err := w.cfg.DB.ForgetWorker(ctx, w.id); err != nil {
		w.cfg.Log.Warn("could not sign off", "error", err)
	}
}

// finish waits until handlers that the servers did not wait for have their outcomes committed.
func (w *Worker) finish(ctx context.Context) {
	done := make(chan struct{})
	go func() { w.handling.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		w.cfg.Log.Warn("outcomes of mails could not be committed")
	}
}

// see shows other processes that this one is alive.
func (w *Worker) see(ctx context.Context) error {
	now := time.Now()
	if err := w.cfg.DB.SeeWorker(ctx, w.id); err != nil {
		return err
	}
	if last := w.seen.Load(); last != 0 && now.UnixNano()-last >= int64(w.cfg.Lease) {
		w.life.Add(1) // before it counts as seen: what was begun in the life before is somebody else's
	}
	w.seen.Store(now.UnixNano())
	return nil
}

// alive reports whether other processes counted this one among the living all through the given life. By the clock on the wall,
// as they do: after a standstill, somebody else may have the mails that this process had begun.
func (w *Worker) alive(life int64) bool {
	return w.life.Load() == life && time.Now().UnixNano()-w.seen.Load() < int64(w.cfg.Lease)
}

// heartbeat shows other processes that this one is alive, and puts the work of dead ones back into the queue.
func (w *Worker) heartbeat(ctx context.Context) {
	ticker := time.NewTicker(w.cfg.Lease / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := w.see(ctx); err != nil {
			if ctx.Err() == nil {
				w.cfg.Log.Error("heartbeat", "error", err)
			}
			continue
		}
		n, err := w.cfg.DB.RequeueStale(ctx, db.Stale{Worker: w.cfg.Lease, Sending: time.Hour, By: w.id})
		switch {
		case err != nil && ctx.Err() == nil:
			w.cfg.Log.Error("requeue stale mails", "error", err)
		case n > 0:
			w.cfg.Log.Warn("mails that waited too long or belong to a lost process go back into the queue", "mails", n)
		}
	}
}

// sweepEvery is how late an offer of a place may pass to the next in line.
const sweepEvery = 5 * time.Second

// sweep makes known what time alone changed: offers that are over, waiting lists that closed, intakes, decisions and
// reminders that are due, campaigns that came to their end, actions that are to be done.
func (w *Worker) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := w.cfg.DB.SweepLines(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Log.Error("sweep waiting lists", "error", err)
		}
		if _, err := w.cfg.DB.SweepCourses(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Log.Error("sweep courses", "error", err)
		}
		if _, err := w.cfg.DB.SweepCampaigns(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Log.Error("sweep campaigns", "error", err)
		}
		if _, err := w.cfg.DB.SweepActions(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Log.Error("sweep actions", "error", err)
		}
		if err := w.cfg.DB.SweepSignIns(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Log.Error("sweep sign-ins", "error", err)
		}
	}
}

// forgetEvery is how late personal data may be forgotten whose time is over, and files be removed that nothing refers to.
const forgetEvery = time.Hour

// forget carries out, at the start and then regularly, what people were promised about their data, and removes files that failures left.
func (w *Worker) forget(ctx context.Context) {
	ticker := time.NewTicker(forgetEvery)
	defer ticker.Stop()
	for {
		if _, err := w.cfg.DB.ForgetMeetings(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Log.Error("forget participants of past meetings", "error", err)
		}
		if _, err := w.cfg.DB.FinishErasures(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Log.Error("finish erasures", "error", err)
		}
		if _, err := w.cfg.DB.SweepFiles(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Log.Error("sweep files", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// asynqLog writes asynq's messages into the program's log.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug(asynqText(args)) }
func (l asynqLog) Info(args ...any)  { l.log.Info(asynqText(args)) }
func (l asynqLog) Warn(args ...any)  { l.log.Warn(asynqText(args)) }
func (l asynqLog) Error(args ...any) { l.log.Error(asynqText(args)) }
func (l asynqLog) Fatal(args ...any) { l.log.Error(asynqText(args)) }

func asynqText(args []any) string { return "asynq: " + strings.TrimSpace(fmt.Sprint(args...)) }
