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
func (w *Worker) admit(ctx context.Context, l *lane, mails int64) {
	if l.name == db.Bulk {
		if !w.throttle.seats.sit(ctx, w.stopping) {
			return
		}
		defer w.throttle.seats.leave()
	}
	if w.throttle.pass(ctx, l.name) {
		w.handle(ctx, l, mails)
	}
}

// handle sends so many mails that are due, the first of which may pass, one after another. What it does not come to goes back into the
// queue.
func (w *Worker) handle(ctx context.Context, l *lane, most int64) {
	began, life := time.Now(), w.life.Load()
	ctx, span := w.tracer.Start(ctx, "send mails", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attribute.String("vaktreffen.lane", l.queue)))
	handled := counts{}
	defer handled.end(span)
	limit := min(most, w.throttle.chunk(l.chunk, l.handlers))
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
	mayGo := func() bool { return !w.stopped() && ctx.Err() == nil && w.alive(life) && time.Since(began) <= freshFor }
	talk := l.pool.converse(mayGo)
	defer talk.end()
	chunk := drafts{}
	var letter, next prepared // the next one is composed before this one goes, if it may pass, so that the server is told of it at once
	for i, m := range mails {
		letter, next = next, prepared{}
		passed := letter.known() || i == 0 || w.throttle.pass(ctx, l.name)
		if !passed || !mayGo() {
			if passed {
				w.throttle.giveBack(l.name)
			}
			handled[db.ResultUnreachable] += len(mails[i:])
			committed = w.putBack(mails[i:], 0, "")
			return
		}
		if !letter.known() {
			letter = w.prepare(ctx, l.pool, m, chunk)
		}
		if letter.sealed == nil {
			failed := m.Outcome(db.ResultFailed)
			failed.Detail = letter.unfit
			handled[failed.Result]++
			<-committed
			committed = w.ledger.enter(failed)
			continue
		}
		if l.name == db.Bulk && i+1 < len(mails) && w.throttle.passNow() { // no urgent mail waits until another is composed
			next = w.prepare(ctx, l.pool, mails[i+1], chunk)
		}
		sent := talk.send(ctx, committed, letter.sealed, next.sealed)
		<-committed
		if sent.asksForLess() {
			w.throttle.slowDown(ctx, sent.Detail)
		}
		if sent.Result == Unreachable {
			if next.known() {
				w.throttle.giveBack(l.name)
			}
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

// prepared is a mail that was composed: as it goes over the wire, or why it cannot.
type prepared struct {
	sealed *sealed
	unfit  string
}

func (p prepared) known() bool { return p != prepared{} }

func (w *Worker) prepare(ctx context.Context, pool *Pool, m *db.Mail, chunk drafts) prepared {
	message, err := w.compose(m, chunk)
	if err != nil {
		w.cfg.Log.ErrorContext(ctx, "compose mail", "delivery", m.Delivery.ID, "kind", m.Delivery.Kind, "error", err)
		return prepared{unfit: "The mail could not be composed."}
	}
	letter, err := pool.seal(message)
	if err != nil {
		return prepared{unfit: pool.unfit(message, err).Detail}
	}
	return prepared{sealed: letter}
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
