package worker_test

import (
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// BenchmarkCampaign sends campaigns of 20,000 invitations from the commit that made them to the last committed outcome, and prints
// what a mail costs in which process and at what. The sending process, the mail server, PostgreSQL and Redis are processes of
// their own on this machine:
//
//	go test ./worker -run - -bench . -benchtime 1x -timeout 30m
//
// BenchmarkReport, BenchmarkMemory and BenchmarkLatency, which it runs too, are the other measures of sending.
func BenchmarkCampaign(b *testing.B) {
	for _, setup := range []struct {
		name        string
		database    func(testing.TB) string
		redis       func(testing.TB) string
		connections int
	}{
		{"postgres+redis/10 connections", dbtest.Postgres, dbtest.Redis, 10},
		{"postgres+redis/20 connections", dbtest.Postgres, dbtest.Redis, 20},
		{"embedded/10 connections", dbtest.SQLite, noRedis, 10},
	} {
		b.Run(setup.name, func(b *testing.B) {
			run := 0
			t := newTrack(b, setup.database(b), setup.redis(b), setup.connections)
			for b.Loop() {
				run++
				t.measure(b, fmt.Sprint("run ", run), 20_000)
			}
		})
	}
}

// BenchmarkReport sends a report to 5,000 people between two campaigns of as many invitations, in the same processes, and prints how
// fast the report went in proportion to the invitations. A report links to its PDF, so nothing is rendered for its readers but their mail.
func BenchmarkReport(b *testing.B) {
	const readers = 5_000
	eachSetup(b, func(b *testing.B, t *track) {
		t.finish(b, []db.ID{t.invite(b, "warm", 500)})
		send := func(begin func() db.ID) float64 {
			campaign, began := begin(), time.Now() // from the commit on
			t.finish(b, []db.ID{campaign})
			return readers / time.Since(began).Seconds()
		}
		invitations := send(func() db.ID { return t.invite(b, "guests", readers) })
		report := t.report(b, "guests.nl")
		reports := send(func() db.ID { return t.publish(b, report) })
		invitations = (invitations + send(func() db.ID { return t.invite(b, "others", readers) })) / 2
		b.ReportMetric(invitations, "invitations/s")
		b.ReportMetric(reports, "reports/s")
		b.ReportMetric(reports/invitations, "report/invitation")
	})
}

// BenchmarkMemory shows whether the sending process needs more memory for more recipients.
func BenchmarkMemory(b *testing.B) {
	for _, recipients := range []int{10_000, 200_000} {
		b.Run(fmt.Sprintf("%d recipients", recipients), func(b *testing.B) {
			for b.Loop() {
				t := newTrack(b, dbtest.Postgres(b), dbtest.Redis(b), 10)
				t.measure(b, "run", recipients)
			}
		})
	}
}

// BenchmarkLatency registers people one by one while nothing else goes on, and reports how long after the registration was
// committed its confirmation was recorded as sent. The process that registers is not the one that sends.
func BenchmarkLatency(b *testing.B) {
	const people = 200
	eachSetup(b, func(b *testing.B, t *track) {
		t.finish(b, []db.ID{t.invite(b, "guests", people)})
		waits := t.confirm(b, people)
		slices.Sort(waits)
		for _, p := range []int{50, 90, 99} {
			b.ReportMetric(float64(waits[(len(waits)*p+99)/100-1].Milliseconds()), fmt.Sprintf("p%d-ms", p))
		}
	})
}

// eachSetup measures on a new track of each kind.
func eachSetup(b *testing.B, measure func(b *testing.B, t *track)) {
	for _, setup := range []struct {
		name            string
		database, redis func(testing.TB) string
	}{{"postgres+redis", dbtest.Postgres, dbtest.Redis}, {"embedded", dbtest.SQLite, noRedis}} {
		b.Run(setup.name, func(b *testing.B) {
			for b.Loop() {
				measure(b, newTrack(b, setup.database(b), setup.redis(b), 10))
			}
		})
	}
}

func noRedis(testing.TB) string { return "" }

// track is a database with a meeting, and the processes around it.
type track struct {
	address   string
	db        *db.DB
	organiser db.Actor
	edition   *db.Edition
	worker    *process
	sink      *process
	redisURL  string
}

func newTrack(b *testing.B, address, redisURL string, connections int) *track {
	b.Helper()
	t := &track{address: address, db: dbtest.Open(b, address), redisURL: redisURL}
	t.organiser = importVaktreffen(b, t.db)
	one := 1
	editions, err := t.db.Editions(b.Context(), t.organiser, db.Page{First: &one}, db.EditionFilter{}, db.Shape{"seats": nil})
	if err != nil {
		b.Fatal(err)
	}
	t.edition = editions.Nodes[0]
	t.sink = startProcess(b, "sink")
	t.worker = startProcess(b, "worker", "DATABASE_URL="+address, "REDIS_URL="+redisURL, "SMTP_URL=smtp://"+t.sink.said, fmt.Sprint("CONNECTIONS=", connections))
	return t
}

// measure sends invitations, no more than 50,000 in one campaign, and reports what that took.
func (t *track) measure(b *testing.B, name string, recipients int) {
	b.Helper()
	const largest = 50_000
	var campaigns []db.ID
	var began time.Time
	var before spending
	for first := 0; first < recipients; first += largest {
		n := min(largest, recipients-first)
		campaigns = append(campaigns, t.invite(b, fmt.Sprint(name, " ", first), n))
		if first == 0 {
			began, before = time.Now(), t.spent(b)
		}
	}
	t.finish(b, campaigns)
	took := time.Since(began)
	spent := t.spent(b).minus(before)
	b.ReportMetric(float64(recipients)/took.Seconds(), "mails/s")
	b.ReportMetric(float64(t.worker.peak(b))/(1<<20), "MB-peak")
	// Not by Logf, which shows ten lines.
	fmt.Printf("\n%d mails in %.1f s, load average %s\n%s", recipients, took.Seconds(), loadAverage(), spent.table(recipients, t.worker.profile(b)))
}

// invite makes a campaign to people who were not known before and returns its id when that is committed.
func (t *track) invite(b *testing.B, name string, recipients int) db.ID {
	b.Helper()
	var list strings.Builder
	list.WriteString("name;email;locale\n")
	account := strings.ReplaceAll(name, " ", "-")
	for i := range recipients {
		fmt.Fprintf(&list, "Person %d;p%[1]d@%s.nl;nl\n", i, account)
	}
	csv := list.String()
	c, err := t.db.SendInvitations(b.Context(), t.organiser, db.SendInvitationsInput{
		IdempotencyKey: name, EditionID: &t.edition.ID, Audience: db.AudienceInput{CSV: &csv},
	}, nil)
	if err != nil {
		b.Fatal(err)
	}
	return c.ID
}

// report writes a report that everybody with an address at the domain asks for.
func (t *track) report(b *testing.B, domain string) db.ID {
	b.Helper()
	r, err := t.db.StartReport(b.Context(), t.organiser, t.edition.ID, nil)
	if err != nil {
		b.Fatal(err)
	}
	const summary = "Twelve municipalities shared what they know about **wind** and water.\n\n- parks\n- the part of the council\n\nIt goes on next year."
	if _, err := t.db.SaveReportText(b.Context(), t.organiser, db.SaveReportTextInput{ReportID: r.ID, Locale: db.Dutch, Text: summary}, nil); err != nil {
		b.Fatal(err)
	}
	records := t.records(b)
	defer records.Close()
	if _, err := records.ExecContext(b.Context(), "INSERT INTO report_readers (report_id, person_id, asked_at) SELECT reports.id, people.id, reports.created_at FROM reports, people WHERE email LIKE '%@"+domain+"'"); err != nil {
		b.Fatal(err)
	}
	return r.ID
}

// publish mails a report and returns the campaign when that is committed.
func (t *track) publish(b *testing.B, report db.ID) db.ID {
	b.Helper()
	_, c, err := t.db.PublishReport(b.Context(), t.organiser, db.PublishReportInput{IdempotencyKey: "publish", ReportID: report}, nil, nil)
	if err != nil || c == nil {
		b.Fatal(c, err)
	}
	return c.ID
}

// records opens the database for what no verb does or tells.
func (t *track) records(b *testing.B) *sql.DB {
	b.Helper()
	driver, source := "pgx", t.address
	if file, found := strings.CutPrefix(t.address, "sqlite:"); found {
		driver, source = "sqlite", file+"?_pragma=busy_timeout(5000)"
	}
	records, err := sql.Open(driver, source)
	if err != nil {
		b.Fatal(err)
	}
	return records
}

// finish waits until campaigns are over, with every mail sent.
func (t *track) finish(b *testing.B, campaigns []db.ID) {
	b.Helper()
	for _, id := range campaigns {
		for deadline := time.Now().Add(10 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			c, err := t.db.Campaign(b.Context(), t.organiser, id, nil)
			if err != nil {
				b.Fatal(err)
			}
			if c.Over() {
				if c.Sent != c.Total {
					b.Fatalf("sent %d of %d", c.Sent, c.Total)
				}
				break
			}
			if time.Now().After(deadline) {
				b.Fatalf("only %d of %d sent", c.Sent, c.Total)
			}
		}
	}
}

// confirm registers so many of those invited, each after the last one's confirmation was sent, and returns how long that took.
func (t *track) confirm(b *testing.B, people int) (waits []time.Duration) {
	b.Helper()
	records := t.records(b)
	defer records.Close()
	rows, err := records.QueryContext(b.Context(), "SELECT CAST(person_id AS TEXT) FROM invitations")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	var ids []db.ID
	for rows.Next() {
		var id db.ID
		if err := rows.Scan(&id); err != nil {
			b.Fatal(err)
		}
		ids = append(ids, id)
	}
	for i, id := range ids[:people] {
		if _, err := t.db.Register(b.Context(), t.organiser, db.RegisterInput{
			IdempotencyKey: fmt.Sprint("place ", i), SeatsID: t.edition.Seats.ID, PersonID: &id,
		}, nil); err != nil {
			b.Fatal(err)
		}
		committed := time.Now()
		for sent := 0; sent <= i; time.Sleep(2 * time.Millisecond) {
			if err := records.QueryRowContext(b.Context(), "SELECT count(*) FROM deliveries WHERE registration_id IS NOT NULL AND state = 'SENT'").Scan(&sent); err != nil {
				b.Fatal(err)
			}
			if time.Since(committed) > time.Minute {
				b.Fatal("a confirmation was not sent within a minute")
			}
		}
		waits = append(waits, time.Since(committed))
		time.Sleep(time.Duration(i%10) * 11 * time.Millisecond) // so that nothing falls into step with the relay's clock
	}
	return waits
}

func importVaktreffen(tb testing.TB, d *db.DB) db.Actor {
	tb.Helper()
	content, err := os.ReadFile("../cmd/vaktreffen/programmes/vaktreffen.json")
	if err != nil {
		tb.Fatal(err)
	}
	file, problems := programme.Parse(content)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	if problems, err := d.Import(tb.Context(), file, nil); err != nil || len(problems) > 0 {
		tb.Fatal(problems, err)
	}
	token, err := d.IssueToken(tb.Context(), "organiser@example.org", time.Hour)
	if err != nil {
		tb.Fatal(err)
	}
	actor, ok, err := d.Authenticate(tb.Context(), token)
	if err != nil || !ok {
		tb.Fatal("cannot sign in", err)
	}
	return actor
}
