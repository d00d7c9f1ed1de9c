package db_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// outboxModel is what several workers saw of one outbox.
type outboxModel struct {
	*world
	t    testing.TB
	seed string

	mu      sync.Mutex
	flying  []*db.Mail        // started and not settled, as far as their worker knows
	started map[[2]db.ID]bool // by delivery and claim
	starts  map[db.ID]int     // of each delivery
	back    map[db.ID]int     // how often it was put back into the queue by its outcome
	final   map[db.ID]db.DeliveryState
}

// take removes a random element.
func take[T any](r *rand.Rand, all *[]T) (one T, ok bool) {
	if len(*all) == 0 {
		return one, false
	}
	i := r.IntN(len(*all))
	one = (*all)[i]
	(*all)[i] = (*all)[len(*all)-1]
	*all = (*all)[:len(*all)-1]
	return one, true
}

func (m *outboxModel) check(err error) {
	if err != nil {
		m.t.Errorf("%s: %v", m.seed, err)
	}
}

func (m *outboxModel) startSome(r *rand.Rand, worker db.ID) {
	limit := 1 + r.Int64N(8)
	claim, mails, err := m.StartDeliveries(m.t.Context(), []db.Lane{db.Bulk, db.Urgent}[r.IntN(2)], worker, limit)
	m.check(err)
	if len(mails) > int(limit) {
		m.t.Errorf("%s: %d started at a limit of %d", m.seed, len(mails), limit)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mail := range mails {
		key := [2]db.ID{mail.Delivery.ID, claim}
		if m.started[key] || mail.Delivery.Claim != claim {
			m.t.Errorf("%s: started twice under one claim", m.seed)
		}
		m.started[key] = true
		m.starts[mail.Delivery.ID]++
		if state := m.final[mail.Delivery.ID]; state != "" {
			m.t.Errorf("%s: started though %s", m.seed, state)
		}
	}
	m.flying = append(m.flying, mails...)
}

func (m *outboxModel) settleSome(r *rand.Rand) {
	var outcomes []db.Outcome
	m.mu.Lock()
	for range 1 + r.IntN(6) {
		mail, ok := take(r, &m.flying)
		if !ok {
			break
		}
		o := mail.Outcome([]db.Result{
			db.ResultSent, db.ResultSent, db.ResultSent, db.ResultLater, db.ResultFailed, db.ResultUncertain, db.ResultUnreachable, db.ResultCancelled, db.ResultSuppressed,
		}[r.IntN(9)])
		o.Pause, o.Code = time.Duration(r.IntN(100))*time.Second, r.IntN(600)
		outcomes = append(outcomes, o)
		if o.Result == db.ResultLater || o.Result == db.ResultUnreachable || o.Result == db.ResultUncertain {
			m.back[o.DeliveryID]++
		}
	}
	m.mu.Unlock()
	m.check(m.SettleDeliveries(m.t.Context(), outcomes))
}

// quiet checks what must hold while nothing is going on.
func (m *outboxModel) quiet(requeued bool) {
	m.checkCounts(m.t, m.seed)
	for _, x := range rows[db.Delivery](m.t, m.world, "SELECT * FROM deliveries") {
		was := m.final[x.ID]
		switch x.State {
		case db.Sent, db.Failed, db.Suppressed, db.DeliveryCanceled, db.Uncertain:
			m.final[x.ID] = x.State
		}
		if was != "" && was != x.State {
			m.t.Errorf("%s: a delivery was %s and is %s", m.seed, was, x.State)
		}
		if x.State == db.Sent && m.starts[x.ID] == 0 {
			m.t.Errorf("%s: sent without a start", m.seed)
		}
		if !requeued && m.starts[x.ID] > 1+m.back[x.ID] {
			m.t.Errorf("%s: started %d times though put back %d times", m.seed, m.starts[x.ID], m.back[x.ID])
		}
	}
}

func TestAnyOrderOfEventsKeepsTheOutboxWhole(t *testing.T) {
	t.Parallel()
	for _, requeues := range []bool{false, true} {
		t.Run(fmt.Sprintf("requeues=%t", requeues), func(t *testing.T) {
			t.Parallel()
			eachWorld(t, func(t *testing.T, w *world) { runOutboxModel(t, w, requeues) })
		})
	}
}

func runOutboxModel(t *testing.T, w *world, requeues bool) {
	random, seed := seeded()
	m := &outboxModel{
		world: w, t: t, seed: seed, started: map[[2]db.ID]bool{}, starts: map[db.ID]int{}, back: map[db.ID]int{}, final: map[db.ID]db.DeliveryState{},
	}
	var campaigns []db.ID
	var tokens []string
	for _, key := range []string{"open", "small", "undated"} {
		c := w.send(t, w.olga, toEdition(key, w.edition(t, key), db.AudienceInput{CSV: csvOf("p", 12)}))
		campaigns, tokens = append(campaigns, c.ID), append(tokens, w.tokens(t, c.ID)...)
	}
	for range 6 {
		var wg sync.WaitGroup
		for range 6 {
			r, worker := rand.New(rand.NewPCG(random.Uint64(), 0)), worker()
			wg.Go(func() {
				m.check(w.SeeWorker(t.Context(), worker))
				for range 14 {
					m.step(r, worker, campaigns, tokens, requeues)
				}
			})
		}
		wg.Wait()
		m.quiet(requeues)
	}
	for _, id := range campaigns {
		if _, err := w.ResumeCampaign(t.Context(), w.olga, id, nil); err != nil && code(err) != db.CodeConflict {
			t.Errorf("%s: %v", seed, err)
		}
	}
	m.drain()
	m.quiet(requeues)
	w.checkDeadlocks(t, seed)
	if n := query[int](t, w, "SELECT count(*) FROM deliveries WHERE state IN ('QUEUED', 'SENDING')"); n > 0 {
		t.Errorf("%s: %d deliveries never came to an end", seed, n)
	}
	if n := query[int](t, w, "SELECT count(*) FROM claims"); n > 0 {
		t.Errorf("%s: %d claims were never closed", seed, n)
	}
	if n := query[int](t, w, "SELECT count(*) FROM campaigns WHERE status NOT IN ('FINISHED', 'CANCELLED')"); n > 0 {
		t.Errorf("%s: %d campaigns never came to an end", seed, n)
	}
}

// step does one thing that some process may do at any time.
func (m *outboxModel) step(r *rand.Rand, worker db.ID, campaigns []db.ID, tokens []string, requeues bool) {
	ctx := m.t.Context()
	steer := func(verb func(id db.ID) (*db.Campaign, error)) {
		if _, err := verb(campaigns[r.IntN(len(campaigns))]); err != nil && code(err) != db.CodeConflict {
			m.check(err)
		}
	}
	switch n := r.IntN(40); {
	case n < 18:
		m.startSome(r, worker)
	case n < 26:
		m.settleSome(r)
	case n < 29:
		m.clock.advance(time.Duration(r.IntN(120)) * time.Second)
	case n < 33:
		if _, err := m.RecordAnswer(ctx, tokens[r.IntN(len(tokens))], r.IntN(3) > 0); err != nil && code(err) != db.CodeDeadline {
			m.check(err)
		}
	case n < 35:
		steer(func(id db.ID) (*db.Campaign, error) { return m.PauseCampaign(ctx, m.olga, id, nil) })
	case n < 37:
		steer(func(id db.ID) (*db.Campaign, error) { return m.ResumeCampaign(ctx, m.konrad, id, nil) })
	case n == 37 && r.IntN(8) == 0:
		steer(func(id db.ID) (*db.Campaign, error) { return m.CancelCampaign(ctx, m.olga, id, nil) })
	case n >= 38 && requeues:
		_, err := m.RequeueStale(ctx, db.Stale{Worker: time.Minute, Sending: 10 * time.Minute})
		m.check(err)
	}
}

// drain has a worker that outlives all others send what is left.
func (m *outboxModel) drain() {
	last := worker()
	for range 20 {
		m.clock.advance(2 * time.Hour)
		m.check(m.SeeWorker(m.t.Context(), last))
		_, err := m.RequeueStale(m.t.Context(), db.Stale{Worker: time.Minute, Sending: time.Hour})
		m.check(err)
		for _, lane := range []db.Lane{db.Urgent, db.Bulk} {
			_, mails, err := m.StartDeliveries(m.t.Context(), lane, last, 1000)
			m.check(err)
			outcomes := make([]db.Outcome, len(mails))
			for i, mail := range mails {
				m.starts[mail.Delivery.ID]++
				m.back[mail.Delivery.ID]++ // the mails that nobody settled came back
				outcomes[i] = mail.Outcome(db.ResultSent)
			}
			m.check(m.SettleDeliveries(m.t.Context(), outcomes))
		}
	}
}
