package worker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"github.com/vaktreffen/vaktreffen/db"
)

// relayEvery is how often the relay looks for mails that became due, when nothing in this process tells it sooner.
const relayEvery = 200 * time.Millisecond

// lostAfter is how long a claim may be unknown to an empty queue before Redis has lost it.
const lostAfter = 5 * time.Second

// taskTimeout bounds a chunk. It is longer than one takes on a server that is slow but alive, and shorter than the time
// after which a chunk that was never settled counts as lost.
const taskTimeout = 45 * time.Minute

// relay moves due mails of a lane into asynq: it claims a chunk in SQL, commits, and only then enqueues it. No more chunks
// wait in Redis than handlers can soon take, so that a pause or a cancellation takes effect soon, and little is claimed twice
// when Redis loses them.
func (w *Worker) relay(ctx context.Context, l *lane) {
	q := &queue{name: l.queue, redis: w.cfg.Redis, client: asynq.NewClient(w.cfg.Redis.connection), inspector: asynq.NewInspector(w.cfg.Redis.connection)}
	defer q.close()
	ticker := time.NewTicker(relayEvery)
	defer ticker.Stop()
	for {
		if err := w.relayOnce(ctx, l, q); err != nil && ctx.Err() == nil {
			w.cfg.Log.Error("relay", "lane", l.name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-w.stopping:
			return
		case <-w.cfg.DB.Wake(l.name):
		case <-ticker.C:
		}
	}
}

func (w *Worker) relayOnce(ctx context.Context, l *lane, q *queue) error {
	for l.pool.Unreachable() == 0 {
		waiting, err := q.waiting()
		if err != nil {
			return err
		}
		if waiting == 0 {
			// Whatever has counted as enqueued for long while the queue is empty was lost with Redis, or with the process that
			// had taken it from there. If it was only slow, it finds its claim void.
			if _, err := w.cfg.DB.RequeueLost(ctx, l.name, lostAfter); err != nil {
				return err
			}
		}
		free := min(w.cfg.Redis.pending, 4*l.handlers) - waiting
		for range max(free, 0) {
			select {
			case <-w.stopping:
				return nil
			default:
			}
			claim, count, err := w.cfg.DB.ClaimDeliveries(ctx, l.name, w.throttle.chunk(l.chunk, l.handlers))
			if err != nil || count == 0 {
				return err
			}
			if err := q.enqueue(ctx, claim); err != nil {
				return errors.Join(err, w.cfg.DB.ReleaseClaim(context.WithoutCancel(ctx), claim, db.Enqueued))
			}
		}
		if free <= 0 {
			return nil
		}
	}
	return nil
}

// queue is a lane's queue in asynq, as its relay uses it.
type queue struct {
	name      string
	redis     *Redis
	client    *asynq.Client
	inspector *asynq.Inspector
	used      bool // whether the client has enqueued anything
}

func (q *queue) close() { _ = errors.Join(q.client.Close(), q.inspector.Close()) }

func (q *queue) enqueue(ctx context.Context, claim db.ID) error {
	q.used = true
	_, err := q.client.EnqueueContext(ctx, asynq.NewTask("send", []byte(claim.String())), asynq.Queue(q.name),
		asynq.TaskID(claim.String()), asynq.MaxRetry(0), asynq.Timeout(taskTimeout))
	return err
}

// waiting returns how many chunks wait for a handler. Those that are being handled don't count: asynq goes on listing what a
// killed process had in hand for a minute or more, and that must not keep the others from their work.
func (q *queue) waiting() (int, error) {
	info, err := q.inspector.GetQueueInfo(q.name)
	switch {
	case err != nil && strings.Contains(err.Error(), "does not exist"): // asynq exports no way to tell this error
		// It never had a task, or Redis was emptied. A client registers a queue with its first task only, so a client that
		// has done so goes, or nobody would see the depth of the queue again.
		if !q.used {
			return 0, nil
		}
		q.used = false
		err := q.client.Close()
		q.client = asynq.NewClient(q.redis.connection)
		return 0, err
	case err != nil:
		return 0, err
	}
	return info.Pending, nil
}
