package worker

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vaktreffen/vaktreffen/db"
)

// mailsByOutcome counts attempts to send.
func mailsByOutcome() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "vaktreffen_mails_total", Help: "Mails that this process dealt with, by kind and what came of them.",
	}, []string{"kind", "outcome"})
}

var outcomeNames = map[db.Result]string{
	db.ResultSent: "sent", db.ResultLater: "later", db.ResultFailed: "failed", db.ResultUncertain: "uncertain",
	db.ResultUnreachable: "unreachable", db.ResultCancelled: "cancelled", db.ResultSuppressed: "suppressed",
}

func count(mails *prometheus.CounterVec, outcomes []db.Outcome) {
	for _, o := range outcomes {
		mails.WithLabelValues(strings.ToLower(string(o.Kind)), outcomeNames[o.Result]).Inc()
	}
}

// backlog shows the mails that have not left, of all processes. It looks at the database each time it is asked.
type backlog struct {
	db  *db.DB
	log *slog.Logger
}

var backlogMails = prometheus.NewDesc("vaktreffen_backlog_mails",
	"Mails in the database that have not left, by lane and state; the same from every process.", []string{"lane", "state"}, nil)

func (backlog) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- backlogMails }

func (b backlog) Collect(numbers chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	waiting, err := b.db.Backlog(ctx)
	if err != nil {
		b.log.Warn("the backlog cannot be counted", "error", err)
		return
	}
	for _, w := range waiting {
		numbers <- prometheus.MustNewConstMetric(backlogMails, prometheus.GaugeValue, float64(w.Mails),
			strings.ToLower(string(w.Lane)), strings.ToLower(string(w.State)))
	}
}
