package worker

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/vaktreffen/vaktreffen/db"
)

// freshFor is how long a chunk is sent by the truth read at its beginning. On a slow mail server the rest of it is read again
// later, so that a pause, a cancellation or a withdrawal takes effect soon.
const freshFor = 10 * time.Second

// admit answers a call once this process may have a connection for it and send a first mail. Until then nothing is begun, so that the
// truth is read when the mail can leave.
func (w *Worker) admit(ctx context.Context, l *lane) {
	if l.name == db.Bulk {
		if !w.throttle.seats.sit(ctx, w.stopping) {
			return
		}
		defer w.throttle.seats.leave()
	}
	if w.throttle.pass(ctx, l.name) {
		w.handle(ctx, l)
	}
}

// handle sends a chunk of mails that are due, the first of which may pass, one after another. What it does not come to goes back
// into the queue.
func (w *Worker) handle(ctx context.Context, l *lane) {
	began, life := time.Now(), w.life.Load()
	ctx, span := w.tracer.Start(ctx, "send mails", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attribute.String("vaktreffen.lane", l.queue)))
	handled := counts{}
	defer handled.end(span)
	limit := w.throttle.chunk(l.chunk, l.handlers)
	claim, mails, err := w.cfg.DB.StartDeliveries(ctx, l.name, w.id, limit)
	if claim.IsZero() {
		w.throttle.giveBack(l.name)
		return
	}
	defer func() {
		if err := w.cfg.DB.CloseClaim(context.WithoutCancel(ctx), claim); err != nil {
			w.cfg.Log.ErrorContext(ctx, "close claim", "claim", claim, "error", err) // RequeueStale closes it
		}
	}()
	if err != nil {
		span.SetStatus(codes.Error, "start mails")
		w.cfg.Log.ErrorContext(ctx, "start mails", "claim", claim, "error", err)
		w.release(ctx, claim)
		return
	}
	if int64(len(mails)) == limit {
		select {
		case l.more <- struct{}{}:
		default:
		}
	}
	span.SetAttributes(attribute.Int("messaging.batch.message_count", len(mails)))
	if len(mails) == 0 {
		w.throttle.giveBack(l.name)
		return
	}
	committed := closedChannel // the outcome of the last mail
	defer func() { <-committed }()
	w.ledger.sending.Add(1)
	defer w.ledger.sending.Add(-1)
	chunk := drafts{}
	for i, m := range mails {
		passed := i == 0 || w.throttle.pass(ctx, l.name)
		if !passed || w.stopped() || ctx.Err() != nil || !w.alive(life) || time.Since(began) > freshFor {
			if passed {
				w.throttle.giveBack(l.name)
			}
			handled[db.ResultUnreachable] += len(mails[i:])
			committed = w.putBack(mails[i:], 0, "")
			return
		}
		message, err := w.compose(m, chunk)
		if err != nil {
			w.cfg.Log.ErrorContext(ctx, "compose mail", "delivery", m.Delivery.ID, "kind", m.Delivery.Kind, "error", err)
			failed := m.Outcome(db.ResultFailed)
			failed.Detail = "The mail could not be composed."
			handled[failed.Result]++
			<-committed
			committed = w.ledger.enter(failed)
			continue
		}
		sent := l.pool.SendAfter(ctx, committed, message)
		<-committed
		if sent.asksForLess() {
			w.throttle.slowDown(ctx, sent.Detail)
		}
		if sent.Result == Unreachable {
			handled[db.ResultUnreachable] += len(mails[i:])
			span.SetStatus(codes.Error, "mail server")
			committed = w.putBack(mails[i:], max(l.pool.Unreachable(), time.Second), sent.Detail)
			return
		}
		outcome := m.Outcome(results[sent.Result])
		outcome.Code, outcome.Detail = sent.Code, sent.Detail
		handled[outcome.Result]++
		committed = w.ledger.enter(outcome)
	}
}

// counts say what became of the mails of a chunk.
type counts map[db.Result]int

// end ends the span of a chunk. What is known of a single mail or of its campaign is no part of it.
func (c counts) end(span trace.Span) {
	for result, n := range c {
		span.SetAttributes(attribute.Int("vaktreffen.mails."+outcomeNames[result], n))
	}
	span.End()
}

var results = map[Result]db.Result{
	Sent: db.ResultSent, Later: db.ResultLater, Failed: db.ResultFailed, Uncertain: db.ResultUncertain,
}

// release puts the mails of a claim back of which none was sent. Nobody else would take them soon from a process that is alive,
// so it does not give up before the worker stops.
func (w *Worker) release(ctx context.Context, claim db.ID) {
	for {
		err := w.cfg.DB.ReleaseClaim(context.WithoutCancel(ctx), claim)
		if err == nil {
			return
		}
		w.cfg.Log.ErrorContext(ctx, "release mails; trying again", "claim", claim, "error", err)
		select {
		case <-w.stopping:
			return
		case <-time.After(time.Second):
		}
	}
}

func (w *Worker) stopped() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

// putBack returns mails that were not offered to the mail server to the queue, to be tried after the pause.
func (w *Worker) putBack(mails []*db.Mail, pause time.Duration, detail string) (committed <-chan struct{}) {
	outcomes := make([]db.Outcome, len(mails))
	for i, m := range mails {
		outcomes[i] = m.Outcome(db.ResultUnreachable)
		outcomes[i].Pause, outcomes[i].Detail = pause, detail
	}
	return w.ledger.enter(outcomes...)
}
