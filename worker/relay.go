package worker

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/hibiken/asynq"
)

// relayEvery is how often the relay looks for mails that became due, when nothing in this process tells it sooner.
const relayEvery = 200 * time.Millisecond

// taskTimeout bounds a chunk. It is longer than one takes on a server that is slow but alive, and shorter than the time
// after which a chunk that was never settled counts as lost.
const taskTimeout = 45 * time.Minute

// relay calls handlers for mails of a lane that are due, each for a share of them. A call names no mails: the handler that answers it
// takes those that are due then. So nothing is lost when Redis loses calls, and a call too many finds nothing. No more calls wait than
// can soon be answered.
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
		case <-l.more:
		case <-ticker.C:
		}
	}
}

func (w *Worker) relayOnce(ctx context.Context, l *lane, q *queue) error {
	if l.pool.Unreachable() > 0 {
		return nil
	}
	waiting, err := q.waiting()
	if err != nil {
		return err
	}
	most := 2 * l.handlers
	if 2*waiting > most {
		return nil
	}
	chunk, handlers := w.throttle.chunk(l.chunk, l.handlers), int64(l.handlers)
	due, err := w.cfg.DB.DueDeliveries(ctx, l.name, chunk*handlers) // no further, as counting all would take long
	if err != nil || due == 0 {
		return err
	}
	share := max((due+handlers-1)/handlers, chunk/10) // for less, a handler is not worth calling
	wanted := int((due + share - 1) / share)
	if due == chunk*handlers {
		wanted = most
	}
	for range wanted - waiting {
		if err := q.call(ctx, share); err != nil {
			return err
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

// call asks for one more handler, for so many mails.
func (q *queue) call(ctx context.Context, mails int64) error {
	q.used = true
	_, err := q.client.EnqueueContext(ctx, asynq.NewTask("send", []byte(strconv.FormatInt(mails, 10))), asynq.Queue(q.name), asynq.MaxRetry(0), asynq.Timeout(taskTimeout))
	return err
}

// waiting returns how many calls wait for a handler. Those that were answered don't count: asynq goes on listing what a
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
