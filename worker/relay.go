package worker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hibiken/asynq"
)

// relayEvery is how often the relay looks for mails that became due, when nothing in this process tells it sooner.
const relayEvery = 200 * time.Millisecond

// lostAfter is how long a claim may be unknown to an empty queue before Redis has lost it.
const lostAfter = 5 * time.Second

// taskTimeout bounds a chunk. It is longer than 50 mails take on a server that is slow but alive, and shorter than the time
// after which a chunk that was never settled counts as lost.
const taskTimeout = 45 * time.Minute

// relay moves due mails of a lane into asynq: it claims a chunk in SQL, commits, and only then enqueues it. No more chunks
// wait in Redis than handlers can soon take, so that a pause or a cancellation takes effect soon, and little is claimed twice
// when Redis loses them.
func (w *Worker) relay(ctx context.Context, l *lane) {
	client := asynq.NewClient(w.cfg.Redis.connection)
	inspector := asynq.NewInspector(w.cfg.Redis.connection)
	defer func() { _ = errors.Join(client.Close(), inspector.Close()) }()
	ticker := time.NewTicker(relayEvery)
	defer ticker.Stop()
	for {
		if err := w.relayOnce(ctx, l, client, inspector); err != nil && ctx.Err() == nil {
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

func (w *Worker) relayOnce(ctx context.Context, l *lane, client *asynq.Client, inspector *asynq.Inspector) error {
	for l.pool.Unreachable() == 0 {
		waiting, err := depth(inspector, l.queue)
		if err != nil {
			return err
		}
		if waiting == 0 {
			// Whatever counts as enqueued while the queue is empty was lost with Redis.
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
			claim, count, err := w.cfg.DB.ClaimDeliveries(ctx, l.name, l.chunk)
			if err != nil || count == 0 {
				return err
			}
			_, err = client.EnqueueContext(ctx, asynq.NewTask("send", []byte(claim.String())), asynq.Queue(l.queue),
				asynq.TaskID(claim.String()), asynq.MaxRetry(0), asynq.Timeout(taskTimeout))
			if err != nil {
				return errors.Join(err, w.cfg.DB.ReleaseClaim(context.WithoutCancel(ctx), claim))
			}
		}
		if free <= 0 {
			return nil
		}
	}
	return nil
}

// depth returns how many chunks wait or are being handled.
func depth(inspector *asynq.Inspector, queue string) (int, error) {
	info, err := inspector.GetQueueInfo(queue)
	switch {
	case err != nil && strings.Contains(err.Error(), "does not exist"):
		return 0, nil // a queue that never had a task, or whose Redis was emptied; asynq exports no way to tell this error
	case err != nil:
		return 0, err
	}
	return info.Pending + info.Active + info.Scheduled + info.Retry, nil
}
