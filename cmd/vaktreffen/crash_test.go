package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// connections that a worker in these tests has for bulk mail.
const connections = 4

// mailServer answers after a moment, so that mails are in flight when a process ends.
func mailServer(t *testing.T) *smtptest.Server {
	return smtptest.Start(t, smtptest.SlowDot(5*time.Millisecond))
}

// settings are what `worker` needs, and `serve` too but for LISTEN.
func settings(database, redis string, smtp *smtptest.Server) []string {
	return []string{
		"DATABASE_URL=" + database, "REDIS_URL=" + redis, "SMTP_URL=" + smtp.URL(), fmt.Sprintf("SMTP_CONNECTIONS=%d", connections),
		"MAIL_FROM=Vaktreffen <vaktreffen@example.org>", "PUBLIC_URL=https://meetings.example.org", "LEASE=2s",
	}
}

func TestWorkerKilledInMidCampaign(t *testing.T) {
	t.Parallel()
	database, redis, smtp := dbtest.Postgres(t), dbtest.Redis(t), mailServer(t)
	m := newMeeting(t, database)
	const guests = 1500
	campaign := m.invite(t, guests)
	moments := []int{1, 100, 400, 700, 1100} // mails that had left when it is killed
	for _, n := range moments {
		w := start(t, settings(database, redis, smtp), "worker")
		smtp.WaitFor(t, n)
		w.kill(t)
	}
	start(t, settings(database, redis, smtp), "worker")
	m.finished(t, campaign, guests)
	everybody(t, smtp.Messages(), guests, connections*len(moments))
	m.told(t, smtp, 1)
}

// Processes are killed at the moments at which an organiser is told of the end of a campaign, and at which those who have not
// answered are reminded. Both happen once.
func TestKilledWhileTimeMakesMailsDue(t *testing.T) {
	t.Parallel()
	database, redis, smtp := dbtest.Postgres(t), dbtest.Redis(t), mailServer(t)
	m := newMeeting(t, database)
	const guests = 1200
	campaign := m.invite(t, guests)
	w := start(t, settings(database, redis, smtp), "worker")
	m.finished(t, campaign, guests)
	soon := time.Now().Add(6 * time.Second)
	if _, err := m.db.RemindInvited(t.Context(), m.organiser, db.RemindInvitedInput{CampaignID: &campaign, At: &soon}, nil); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{guests + 1, guests + 300, guests + 800} { // the first mail of these, and some later
		smtp.WaitFor(t, n)
		w.kill(t)
		w = start(t, settings(database, redis, smtp), "worker")
	}
	m.told(t, smtp, 1)
	reminded := func() (first, copies map[string]int) {
		first, copies = map[string]int{}, map[string]int{}
		for _, mail := range smtp.Messages() {
			if mail.Header("X-Vaktreffen-Kind") == string(db.MailReminder) {
				first[mail.To[0]]++
				copies[mail.Header("Message-ID")]++
			}
		}
		return first, copies
	}
	eventually(t, "all are reminded", func() bool { first, _ := reminded(); return len(first) == guests })
	first, copies := reminded()
	if len(copies) != len(first) {
		t.Errorf("%d different reminders to %d people", len(copies), len(first))
	}
	again := 0
	for _, n := range first {
		again += n - 1
	}
	if again > 3*connections {
		t.Errorf("%d reminders came twice, at most %d may", again, 3*connections)
	}
}

// told waits until the organiser was told of the end of so many campaigns, and fails when there is another mail that tells it.
func (m *meeting) told(t *testing.T, smtp *smtptest.Server, campaigns int) {
	t.Helper()
	ids := func() map[string]bool {
		of := map[string]bool{}
		for _, mail := range smtp.Messages() {
			if mail.Header("X-Vaktreffen-Kind") == string(db.MailSummary) {
				of[mail.Header("Message-ID")] = true
			}
		}
		return of
	}
	eventually(t, "the organiser is told", func() bool { return len(ids()) >= campaigns })
	if _, err := m.db.SweepCampaigns(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(ids()); n != campaigns {
		t.Errorf("told of %d ends, want %d", n, campaigns)
	}
}

func TestOneOfTwoWorkersKilled(t *testing.T) {
	t.Parallel()
	database, redis, smtp := dbtest.Postgres(t), dbtest.Redis(t), mailServer(t)
	m := newMeeting(t, database)
	const guests = 1500
	campaign := m.invite(t, guests)
	start(t, settings(database, redis, smtp), "worker")
	other := start(t, settings(database, redis, smtp), "worker")
	smtp.WaitFor(t, 300)
	other.kill(t)
	m.finished(t, campaign, guests)
	everybody(t, smtp.Messages(), guests, connections)
}

// A process that stands still for longer than its lease is taken for dead: a virtual machine that is moved, a laptop that
// sleeps. When it goes on it must notice that its mails are somebody else's.
func TestWorkerStandsStill(t *testing.T) {
	t.Parallel()
	// PostgreSQL's answer to a client that stands still in a transaction comes after a minute otherwise.
	database, redis, smtp := dbtest.Postgres(t)+"&idle_in_transaction_session_timeout=1s", dbtest.Redis(t), mailServer(t)
	m := newMeeting(t, database)
	const guests = 1500
	campaign := m.invite(t, guests)
	still := start(t, settings(database, redis, smtp), "worker")
	smtp.WaitFor(t, 200)
	still.signal(t, syscall.SIGSTOP)
	other := start(t, settings(database, redis, smtp), "worker")
	m.finished(t, campaign, guests)
	other.kill(t)
	still.signal(t, syscall.SIGCONT)
	const more = 500 // which it comes to only when it is done with what it had in hand
	m.finished(t, m.inviteOthers(t, "late", more), more)
	everybody(t, smtp.Messages(), guests, connections)
}

func TestRedisEmptiedInMidCampaign(t *testing.T) {
	t.Parallel()
	database, redisURL, smtp := dbtest.Postgres(t), dbtest.Redis(t), mailServer(t)
	m := newMeeting(t, database)
	const guests = 2500
	campaign := m.invite(t, guests)
	start(t, settings(database, redisURL, smtp), "worker")
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	for _, n := range []int{50, 1000} {
		smtp.WaitFor(t, n)
		if err := client.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		smtp.WaitFor(t, n+150)
		if n, err := client.LLen(t.Context(), "asynq:{bulk}:pending").Result(); err != nil || n > 2*connections {
			t.Errorf("%d calls wait in Redis, want at most %d (%v)", n, 2*connections, err)
		}
	}
	m.finished(t, campaign, guests)
	everybody(t, smtp.Messages(), guests, 0)
}

// The process that gives a place to the next in line is killed as soon as it has said so, before any mail.
func TestKilledBetweenPromotionAndMail(t *testing.T) {
	t.Parallel()
	database, redis, smtp := dbtest.Postgres(t), dbtest.Redis(t), mailServer(t)
	m := newMeeting(t, database)
	campaign := m.invite(t, 2)
	edition, err := m.db.Edition(t.Context(), m.organiser, m.edition, db.Shape{"seats": nil})
	if err != nil {
		t.Fatal(err)
	}
	one, automatic := 1, db.PolicyAutomatic
	if _, err := m.db.ChangeSeats(t.Context(), m.organiser, db.ChangeSeatsInput{SeatsID: edition.Seats.ID, Capacity: &one, Policy: &automatic}); err != nil {
		t.Fatal(err)
	}
	c, err := m.db.Campaign(t.Context(), m.organiser, campaign, nil)
	if err != nil {
		t.Fatal(err)
	}
	two := 2
	guests, err := m.db.InvitationsOf(t.Context(), m.organiser, c, db.Page{First: &two}, nil, nil, db.Shape{"person": nil})
	if err != nil {
		t.Fatal(err)
	}
	var places []*db.Registration
	for i, guest := range guests.Nodes {
		r, err := m.db.Register(t.Context(), m.organiser, db.RegisterInput{IdempotencyKey: fmt.Sprint(i), SeatsID: edition.Seats.ID, PersonID: &guest.PersonID}, nil)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, r)
	}
	if places[0].Status != db.Confirmed || places[1].Status != db.Waitlisted {
		t.Fatalf("places %s and %s", places[0].Status, places[1].Status)
	}

	address := freeAddress(t)
	api := start(t, append(settings(database, redis, smtp), "LISTEN="+address), "api")
	eventually(t, "the API is ready", func() bool { return status(t.Context(), "http://"+address+"/readyz") == http.StatusOK })
	body := fmt.Sprintf(`{"query":"mutation { cancelRegistration(input: { registrationId: \"%s\" }) { registration { status } userErrors { message } } }"}`, places[0].ID)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/graphql", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+m.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(response.Body)
	api.kill(t)
	if err != nil || !strings.Contains(string(answer), `"CANCELLED"`) {
		t.Fatalf("%s, %v", answer, err)
	}
	if n := len(smtp.Messages()); n != 0 {
		t.Fatalf("%d mails before there was a worker", n)
	}

	start(t, settings(database, redis, smtp), "worker")
	m.finished(t, campaign, 2)
	told := func() (confirmed int) {
		for _, mail := range smtp.Messages() {
			if mail.To[0] == *guests.Nodes[1].Person.Address && mail.Header("X-Vaktreffen-Kind") == string(db.MailConfirmed) {
				confirmed++
			}
		}
		return confirmed
	}
	eventually(t, "who got the place is told", func() bool { return told() > 0 })
	start(t, settings(database, redis, smtp), "worker") // has nothing left to tell
	m.inviteOthers(t, "late", 1)
	eventually(t, "a later mail has left", func() bool {
		return slices.ContainsFunc(smtp.Messages(), func(mail smtptest.Message) bool { return mail.To[0] == "late1@example.org" })
	})
	if n := told(); n != 1 {
		t.Errorf("told %d times", n)
	}
}
