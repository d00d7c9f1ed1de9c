package worker_test

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/worker"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// number is what a metric without labels says.
func number(t *testing.T, numbers prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := numbers.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	t.Fatalf("no number %s", name)
	return 0
}

func TestRateHoldsForAllWorkersTogether(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		const rate, guests = 20, 50
		limited := func(cfg *worker.Config) { cfg.Rate = rate }
		s.workAs(t, limited)
		s.workAs(t, limited)
		campaign := s.invite(t, guests)
		s.smtp.WaitFor(t, 1)
		began := time.Now()
		s.smtp.WaitFor(t, guests)
		took := time.Since(began)
		// A tenth of a second's mails may go at once, and one batch of each worker may have been fetched.
		if least := (guests - 6) * time.Second / rate; took < least {
			t.Errorf("%d mails in %v, want %v at least", guests, took, least)
		}
		s.finished(t, campaign, db.CampaignFinished)
		once(t, s.smtp.Messages(), guests)
	})
}

func TestUrgentMailPassesWhereBulkMailWaitsForTheRate(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		const guests = 60 // a minute
		s.workAs(t, func(cfg *worker.Config) { cfg.Rate = 1 })
		s.invite(t, guests)
		guest := s.accept(t)
		eventually(t, "the confirmation is sent", func() bool { return s.row(t, db.MailConfirmed, guest).State == db.Sent })
		var waits []time.Duration
		for range 3 {
			began := time.Now()
			if err := s.db.RequestSignIn(t.Context(), "olga@example.org"); err != nil {
				t.Fatal(err)
			}
			want := s.signIns() + 1
			eventually(t, "the sign-in is sent", func() bool { return s.signIns() >= want })
			waits = append(waits, time.Since(began))
		}
		if slices.Sort(waits); waits[1] > time.Second {
			t.Errorf("sign-in mails waited %v", waits)
		}
		if n := s.left(); n > guests/2 {
			t.Errorf("%d mails have left: the campaign did not wait for its rate", n)
		}
	})
}

func (s *scene) signIns() (n int) {
	for _, m := range s.smtp.Messages() {
		if m.Header("X-Vaktreffen-Kind") == string(db.MailSignIn) {
			n++
		}
	}
	return n
}

// refusedForNow counts the mails that wait after a first attempt.
func (s *scene) refusedForNow(t *testing.T) (n int) {
	t.Helper()
	if err := s.sql.QueryRowContext(t.Context(), "SELECT count(*) FROM deliveries WHERE state = 'QUEUED' AND attempts = 1").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestServerThatAsksForLessGetsLess(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.smtp.Inject(smtptest.BusyOnMail(2)) // of both connections at about the same time
		_, one := s.workAs(t, func(*worker.Config) {})
		stop, other := s.workAs(t, func(*worker.Config) {})
		campaign := s.invite(t, 20)
		eventually(t, "both workers have slowed down", func() bool {
			return number(t, one, "vaktreffen_smtp_rate") > 0 && number(t, other, "vaktreffen_smtp_rate") > 0
		})
		if n := number(t, one, "vaktreffen_smtp_slowdowns_total") + number(t, other, "vaktreffen_smtp_slowdowns_total"); n != 1 {
			t.Errorf("slowed down %v times for one episode", n)
		}
		eventually(t, "the others have left", func() bool { return s.refusedForNow(t) == 2 && s.states(t)[db.Sent] == 18 })
		stop() // it would not have been seen for two minutes, and count as lost
		s.forward(2 * time.Minute)
		s.finished(t, campaign, db.CampaignFinished)
		once(t, s.smtp.Messages(), 20)
	})
}

func TestGreylistingSlowsNothingDown(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.smtp.Inject(smtptest.Greylist(1))
		_, numbers := s.workAs(t, func(*worker.Config) {})
		campaign := s.invite(t, 20)
		eventually(t, "all are refused for now", func() bool { return s.refusedForNow(t) == 20 })
		s.forward(2 * time.Minute)
		s.finished(t, campaign, db.CampaignFinished)
		once(t, s.smtp.Messages(), 20)
		if n := number(t, numbers, "vaktreffen_smtp_slowdowns_total"); n != 0 {
			t.Errorf("slowed down %v times", n)
		}
	})
}

func TestConnectionsAreSharedByAllWorkers(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.smtp.Inject(smtptest.SlowDot(5 * time.Millisecond))
		five := func(cfg *worker.Config) { cfg.Connections = 5 }
		campaign := s.invite(t, 300)
		stop, one := s.workAs(t, five)
		if n := number(t, one, "vaktreffen_smtp_connections"); n != 5 {
			t.Errorf("alone it has %v connections, want 5", n)
		}
		_, other := s.workAs(t, five)
		eventually(t, "each has its share", func() bool {
			return number(t, one, "vaktreffen_smtp_connections")+number(t, other, "vaktreffen_smtp_connections") == 5 &&
				number(t, other, "vaktreffen_smtp_connections") > 1
		})
		stop()
		eventually(t, "who is left has all", func() bool { return number(t, other, "vaktreffen_smtp_connections") == 5 })
		s.finished(t, campaign, db.CampaignFinished)
		once(t, s.smtp.Messages(), 300)
	})
}
