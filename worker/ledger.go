package worker

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vaktreffen/vaktreffen/db"
)

// ledger commits outcomes in groups: all that arrive while a commit is under way go into the next one, which waits a moment for the
// connections that are about to be done too. A connection ends its
// next mail only after the outcome of the last one is committed, so it never has more than one that SQL does not know the end of.
type ledger struct {
	db      *db.DB
	log     *slog.Logger
	mails   *prometheus.CounterVec // by kind and outcome
	entries chan entry
	sending atomic.Int64 // handlers that have mails in hand
}

type entry struct {
	outcomes []db.Outcome
	written  chan struct{}
}

// largestGroup bounds one commit.
const largestGroup = 200

// gathering is how long a commit waits for the outcomes of other connections. A commit of ten costs little more than one of one.
const gathering = 2 * time.Millisecond

func newLedger(d *db.DB, log *slog.Logger) *ledger {
	return &ledger{db: d, log: log, mails: mailsByOutcome(), entries: make(chan entry, largestGroup)}
}

// enter hands outcomes in and returns a channel that is closed when they are committed. The ledger does not give up: the mails
// have left.
func (l *ledger) enter(outcomes ...db.Outcome) (committed <-chan struct{}) {
	e := entry{outcomes: outcomes, written: make(chan struct{})}
	l.entries <- e
	return e.written
}

// run commits what comes in until ctx ends. End it only when nobody writes any more.
func (l *ledger) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-l.entries:
			l.commit(ctx, l.gather(e))
		}
	}
}

// gather waits for as many outcomes as there are handlers, but not long.
func (l *ledger) gather(first entry) []entry {
	group := []entry{first}
	var late <-chan time.Time
	for len(group) < largestGroup {
		select {
		case e := <-l.entries:
			group = append(group, e)
			continue
		default:
		}
		if int64(len(group)) >= l.sending.Load() {
			break
		}
		if late == nil {
			late = time.After(gathering)
		}
		select {
		case e := <-l.entries:
			group = append(group, e)
		case <-late:
			return group
		}
	}
	return group
}

func (l *ledger) commit(ctx context.Context, group []entry) {
	var outcomes []db.Outcome
	for _, e := range group {
		outcomes = append(outcomes, e.outcomes...)
	}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := l.db.SettleDeliveries(ctx, outcomes)
		if err == nil {
			count(l.mails, outcomes)
		}
		if err == nil || ctx.Err() != nil {
			break
		}
		l.log.Error("outcomes of mails cannot be committed; trying again", "mails", len(outcomes), "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	for _, e := range group {
		close(e.written)
	}
}
