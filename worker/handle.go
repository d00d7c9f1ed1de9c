package worker

import (
	"context"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// handle sends the mails of a claim one after another. What it does not come to goes back into the queue.
func (w *Worker) handle(ctx context.Context, l *lane, claim db.ID) {
	mails, err := w.cfg.DB.StartDeliveries(ctx, claim, w.id)
	if err != nil {
		w.cfg.Log.ErrorContext(ctx, "start mails", "claim", claim, "error", err)
		return // the claim is void or will count as lost
	}
	committed := closedChannel // the outcome of the last mail
	defer func() { <-committed }()
	for i, m := range mails {
		if w.stopped() || ctx.Err() != nil {
			committed = w.putBack(mails[i:], 0, "")
			return
		}
		message, err := w.compose(m)
		if err != nil {
			w.cfg.Log.ErrorContext(ctx, "compose mail", "delivery", m.Delivery.ID, "kind", m.Delivery.Kind, "error", err)
			failed := m.Outcome(db.ResultFailed)
			failed.Detail = "The mail could not be composed."
			<-committed
			committed = w.ledger.enter(failed)
			continue
		}
		sent := l.pool.SendAfter(ctx, committed, message)
		<-committed
		if sent.Result == Unreachable {
			committed = w.putBack(mails[i:], max(l.pool.Unreachable(), time.Second), sent.Detail)
			return
		}
		outcome := m.Outcome(results[sent.Result])
		outcome.Code, outcome.Detail = sent.Code, sent.Detail
		committed = w.ledger.enter(outcome)
	}
}

var results = map[Result]db.Result{
	Sent: db.ResultSent, Later: db.ResultLater, Failed: db.ResultFailed, Uncertain: db.ResultUncertain,
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
