package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/db/programme"
	"github.com/vaktreffen/vaktreffen/worker"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// BenchmarkCampaign sends campaigns of 10,000 invitations to a mail server on this machine, from the mutation to the last
// committed outcome, and prints mails a second and the memory in use.
func BenchmarkCampaign(b *testing.B) {
	const recipients = 10_000
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the program does
	for _, setup := range []struct {
		name        string
		database    func(testing.TB) string
		redis       func(testing.TB) string
		connections int
	}{
		{"postgres+redis/10 connections", dbtest.Postgres, dbtest.Redis, 10},
		{"postgres+redis/20 connections", dbtest.Postgres, dbtest.Redis, 20},
		{"embedded", dbtest.SQLite, func(testing.TB) string { return "" }, 10},
	} {
		b.Run(setup.name, func(b *testing.B) {
			d := dbtest.Open(b, setup.database(b))
			redis, err := worker.OpenRedis(b.Context(), setup.redis(b))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(redis.Close)
			sink := smtptest.Start(b, smtptest.CountOnly())
			w, err := worker.New(worker.Config{
				DB: d, Redis: redis, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
				SMTP: worker.SMTPConfig{URL: sink.URL()}, Connections: setup.connections,
				From: "Vaktreffen <vaktreffen@example.org>", PublicURL: "https://example.org", Lease: time.Minute,
			})
			if err != nil {
				b.Fatal(err)
			}
			organiser := importVaktreffen(b, d)
			if err := w.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { w.Stop(context.Background()) })
			var accepting, sending time.Duration
			run := 0
			for b.Loop() {
				run++
				var list strings.Builder
				list.WriteString("name;email;organisation;locale\n")
				for i := range recipients {
					fmt.Fprintf(&list, "Person %d;person%d.%d@example.org;Groningen;nl\n", i, run, i)
				}
				csv := list.String()
				began := time.Now()
				campaign := invite(b, d, organiser, csv, fmt.Sprint("run ", run))
				accepting += time.Since(began)
				for deadline := time.Now().Add(2 * time.Minute); ; {
					c, err := d.Campaign(b.Context(), organiser, campaign.ID, nil)
					if err != nil {
						b.Fatal(err)
					}
					if c.Over() {
						if c.Sent != recipients {
							b.Fatalf("sent %d of %d", c.Sent, recipients)
						}
						break
					}
					if time.Now().After(deadline) {
						b.Fatalf("only %d sent", c.Sent)
					}
					<-time.After(20 * time.Millisecond)
				}
				sending += time.Since(began)
			}
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			b.ReportMetric(float64(run*recipients)/(sending-accepting).Seconds(), "mails/s")
			b.ReportMetric(accepting.Seconds()*1000/float64(run), "ms/accept")
			b.ReportMetric(float64(memory.Sys)/(1<<20), "MB")
		})
	}
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

func invite(tb testing.TB, d *db.DB, organiser db.Actor, csv, key string) *db.Campaign {
	tb.Helper()
	one := 1
	editions, err := d.Editions(tb.Context(), organiser, db.Page{First: &one}, db.EditionFilter{}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := d.SendInvitations(tb.Context(), organiser, db.SendInvitationsInput{
		IdempotencyKey: key, EditionID: &editions.Nodes[0].ID, Audience: db.AudienceInput{CSV: &csv},
	}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
