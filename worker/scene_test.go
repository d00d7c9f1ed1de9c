package worker_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/db/programme"
	"github.com/vaktreffen/vaktreffen/worker"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// scene is a database with a meeting to invite to, a Redis and a mail server: everything a worker needs.
type scene struct {
	db        *db.DB
	sql       *sql.DB // for what no verb does or tells
	redis     *worker.Redis
	redisURL  string // "" when it is inside the process
	smtp      *smtptest.Server
	organiser db.Actor
	edition   db.ID
	ahead     atomic.Int64 // of the database's clock, in nanoseconds
	log       slog.Handler // fails the test when it holds what no log may
}

// each runs test on SQLite with a Redis inside the process, and on PostgreSQL with a real one.
func each(t *testing.T, test func(t *testing.T, s *scene)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newScene(t, meetings.SQLite(t), ""))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, newScene(t, meetings.Postgres(t), dbtest.Redis(t)))
	})
}

func newScene(t *testing.T, database, redis string) *scene {
	t.Helper()
	s := &scene{redisURL: redis, smtp: smtptest.Start(t)}
	var err error
	if s.db, err = db.Open(t.Context(), database, db.WithClock(func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) })); err != nil {
		t.Fatal(err)
	}
	driver, source := "pgx", database
	if file, found := strings.CutPrefix(database, "sqlite:"); found {
		driver, source = "sqlite", file+"?_pragma=busy_timeout(5000)"
	}
	if s.sql, err = sql.Open(driver, source); err != nil {
		t.Fatal(err)
	}
	if s.redis, err = worker.OpenRedis(context.WithoutCancel(t.Context()), redis); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.redis.Close()
		for _, closed := range []error{s.sql.Close(), s.db.Close()} {
			if closed != nil {
				t.Error(closed)
			}
		}
	})
	s.meet(t)
	s.log = dbtest.Discreet(t, database, slog.NewTextHandler(t.Output(), nil), s.written)
	return s
}

// written returns the long lines of the bodies of all mails.
func (s *scene) written() (lines []string) {
	for _, m := range s.smtp.Messages() {
		_, body, _ := strings.Cut(string(m.Data), "\r\n\r\n")
		for line := range strings.SplitSeq(body, "\r\n") {
			if len(line) > 40 {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// meetings is a database with an edition that lies ahead, and its organiser.
var meetings = dbtest.NewTemplate(func(ctx context.Context, database *db.DB) error {
	day := time.Now().AddDate(0, 6, 0)
	file, problems := programme.Parse(fmt.Appendf(nil, `{
		"organisations": [{"key": "groningen", "kind": "MUNICIPALITY", "name": "Groningen", "country": "NL"}],
		"people": [{"key": "olga", "name": "Olga", "email": "olga@example.org", "organisation": "groningen", "locale": "nl"}],
		"partnerships": [{"key": "cities", "name": "Cities", "kind": "CROSS_BORDER",
			"members": [{"organisation": "groningen", "role": "LEAD", "coordinators": ["olga"]}]}],
		"series": [{"key": "meeting", "partnership": "cities", "name": "Meeting", "cadence": "YEARLY"}],
		"editions": [{"key": "next", "series": "meeting", "title": "The next meeting", "year": %d, "status": "PUBLISHED",
			"startsOn": "%s", "endsOn": "%[2]s", "timeZone": "Europe/Amsterdam", "languages": ["en"], "host": "groningen"}]
	}`, day.Year(), day.Format(time.DateOnly)))
	var err error
	if len(problems) == 0 {
		problems, err = database.Import(ctx, file, nil)
	}
	if len(problems) > 0 {
		err = fmt.Errorf("the meeting has problems: %+v", problems)
	}
	return err
})

// meet finds the edition and its organiser.
func (s *scene) meet(t *testing.T) {
	t.Helper()
	token, err := s.db.IssueToken(t.Context(), "olga@example.org", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var ok bool
	if s.organiser, ok, err = s.db.Authenticate(t.Context(), token); !ok || err != nil {
		t.Fatal(ok, err)
	}
	one := 1
	editions, err := s.db.Editions(t.Context(), s.organiser, db.Page{First: &one}, db.EditionFilter{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.edition = editions.Nodes[0].ID
}

// invite sends a campaign to guest1@example.org, guest2@example.org, … and returns it.
func (s *scene) invite(t *testing.T, guests int) db.ID {
	t.Helper()
	var list strings.Builder
	list.WriteString("name,email\n")
	for i := range guests {
		fmt.Fprintf(&list, "Guest %d,guest%[1]d@example.org\n", i+1)
	}
	csv := list.String()
	campaign, err := s.db.SendInvitations(t.Context(), s.organiser, db.SendInvitationsInput{
		IdempotencyKey: t.Name(), EditionID: &s.edition, Audience: db.AudienceInput{CSV: &csv},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return campaign.ID
}

// accept answers the invitation in the first mail that left, by its link, and returns whose it is.
func (s *scene) accept(t *testing.T) (guest string) {
	t.Helper()
	s.smtp.WaitFor(t, 1)
	m := s.smtp.Messages()[0]
	text := strings.ReplaceAll(string(m.Data), "=\r\n", "") // soft line breaks of quoted-printable
	token := regexp.MustCompile(`/i/([-_A-Za-z0-9]{48})`).FindStringSubmatch(text)[1]
	answer, err := s.db.RecordAnswer(t.Context(), token, true)
	if err != nil || answer == nil || answer.Registration.Status != db.Confirmed {
		t.Fatal(answer, err)
	}
	return m.To[0]
}

// work starts a worker and returns what stops it; it stops at the end of the test in any case.
func (s *scene) work(t *testing.T, connections int) (stop func()) {
	return s.workWithLease(t, connections, 10*time.Second)
}

func (s *scene) workWithLease(t *testing.T, connections int, lease time.Duration) (stop func()) {
	t.Helper()
	stop, _ = s.workAs(t, func(cfg *worker.Config) { cfg.Connections, cfg.Lease = connections, lease })
	return stop
}

// workAs starts a worker with more of its configuration changed, and returns what stops it and its numbers.
func (s *scene) workAs(t *testing.T, change func(*worker.Config)) (stop func(), numbers prometheus.Gatherer) {
	t.Helper()
	registry := prometheus.NewRegistry()
	t.Cleanup(func() { // no number may hold what no line of the log may
		families, err := registry.Gather()
		slog.New(s.log).Debug("gathered", "metrics", fmt.Sprint(families), "error", err)
	})
	cfg := worker.Config{
		DB: s.db, Redis: s.redis, Log: slog.New(s.log), SMTP: worker.SMTPConfig{URL: s.smtp.URL()},
		Connections: 2, From: "Vaktreffen <vaktreffen@example.org>", PublicURL: "https://meetings.example.org", Lease: 10 * time.Second,
		BounceDomain: "bounces.example.org", Metrics: registry, Traces: dbtest.Traced(s.log),
	}
	change(&cfg)
	w, err := worker.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			w.Stop(context.WithoutCancel(t.Context()))
		}
	}
	t.Cleanup(stop)
	return stop, registry
}

// forward moves the database's clock.
func (s *scene) forward(d time.Duration) { s.ahead.Add(int64(d)) }

// row is where the mail of a kind to a guest stands.
type row struct {
	State           db.DeliveryState
	Attempts, Drops int
	Code            int
	Error           string
	Held            bool // its time lies ahead
}

func (s *scene) row(t *testing.T, kind db.MailKind, to string) row {
	t.Helper()
	var r row
	var notBefore any
	if err := s.sql.QueryRowContext(t.Context(), `SELECT d.state, d.attempts, d.drops, d.last_code, coalesce(d.last_error, ''), d.not_before
		FROM deliveries d JOIN people p ON p.id = d.person_id WHERE d.kind = $1 AND p.email = $2`, kind, to,
	).Scan(&r.State, &r.Attempts, &r.Drops, &r.Code, &r.Error, &notBefore); err != nil {
		t.Fatal(err)
	}
	at, ok := notBefore.(time.Time)
	if text, isText := notBefore.(string); isText {
		var err error
		if at, err = time.Parse("2006-01-02 15:04:05.999999999Z07:00", text); err != nil {
			t.Fatal(err)
		}
		ok = true
	}
	if !ok {
		t.Fatalf("not_before is %T", notBefore)
	}
	r.Held = at.After(time.Now().Add(time.Duration(s.ahead.Load())))
	return r
}

// left counts the mails that have left, but for those that tell organisers of the end of a campaign, which come when they come.
func (s *scene) left() (n int) {
	for _, m := range s.smtp.Messages() {
		if m.Header("X-Vaktreffen-Kind") != string(db.MailSummary) {
			n++
		}
	}
	return n
}

// states counts the mails by state, but for those that tell organisers of the end of a campaign.
func (s *scene) states(t *testing.T) map[db.DeliveryState]int {
	t.Helper()
	rows, err := s.sql.QueryContext(t.Context(), "SELECT state, count(*) FROM deliveries WHERE kind <> 'campaign_summary' GROUP BY state")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	states := map[db.DeliveryState]int{}
	for rows.Next() {
		var state db.DeliveryState
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			t.Fatal(err)
		}
		states[state] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return states
}

// exec does what no verb does yet.
func (s *scene) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := s.sql.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) campaign(t *testing.T, id db.ID) *db.Campaign {
	t.Helper()
	c, err := s.db.Campaign(t.Context(), s.organiser, id, nil)
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	return c
}

// finished waits until the campaign is over and checks its counts against its rows.
func (s *scene) finished(t *testing.T, id db.ID, status db.CampaignStatus) *db.Campaign {
	t.Helper()
	eventually(t, "the campaign is over and nothing is on its way", func() bool {
		states := s.states(t)
		return s.campaign(t, id).Over() && states[db.Queued]+states[db.Sending] == 0
	})
	c := s.campaign(t, id)
	if c.Status() != status {
		t.Errorf("the campaign is %s, want %s", c.Status(), status)
	}
	counted := map[db.DeliveryState]int{
		db.Sent: c.Sent, db.Failed: c.Failed, db.Suppressed: c.Suppressed, db.DeliveryCanceled: c.Cancelled, db.Uncertain: c.Uncertain,
	}
	states := s.states(t)
	for state, n := range counted {
		if n != states[state] {
			t.Errorf("the campaign counts %d mails %s, and there are %d", n, state, states[state])
		}
	}
	return c
}

// copies counts how often each recipient has a mail, and fails when two copies of a mail differ in Message-ID or Date.
func copies(t *testing.T, messages []smtptest.Message) map[string]int {
	t.Helper()
	count, first := map[string]int{}, map[string]smtptest.Message{}
	for _, m := range messages {
		key := m.To[0] + " " + m.Header("X-Vaktreffen-Kind")
		count[key]++
		one, seen := first[key]
		if !seen {
			first[key] = m
			continue
		}
		for _, field := range []string{"Message-ID", "Date"} {
			if m.Header(field) == "" || m.Header(field) != one.Header(field) {
				t.Errorf("the copies of a mail to %s have %s %q and %q", m.To[0], field, one.Header(field), m.Header(field))
			}
		}
	}
	return count
}

// once fails unless each of so many guests has exactly one invitation.
func once(t *testing.T, messages []smtptest.Message, guests int) {
	t.Helper()
	count := copies(t, messages)
	for i := range guests {
		key := fmt.Sprintf("guest%d@example.org invitation", i+1)
		if n := count[key]; n != 1 {
			t.Errorf("%s: %d mails, want 1", key, n)
		}
	}
}

// patience is how long something may take that a busy machine does late, and a broken program never.
const patience = 30 * time.Second

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	timeout, look := time.NewTimer(patience), time.NewTicker(20*time.Millisecond)
	defer timeout.Stop()
	defer look.Stop()
	for !condition() {
		select {
		case <-look.C:
		case <-timeout.C:
			t.Fatalf("it never came to this in %v: %s", patience, what)
		}
	}
}
