package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// beProgram makes the test binary the program itself, so that tests can run it as processes of their own, with the race
// detector when they have it.
const beProgram = "VAKTREFFEN_TEST_BE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(beMailServer) != "" {
		if err := runMailServer(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if os.Getenv(beProgram) != "" {
		signal.Reset()
		main()
	}
	os.Exit(m.Run())
}

// child is the program at work.
type child struct {
	cmd    *exec.Cmd
	stdout output
	stderr output
	ended  chan struct{} // closed when the process is gone
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start runs the program with nothing in its environment but the given settings.
func start(t *testing.T, settings []string, args ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0], args...), ended: make(chan struct{})}
	c.cmd.Dir = t.TempDir()
	c.cmd.Env = append([]string{beProgram + "=1", "PATH=" + os.Getenv("PATH")}, settings...)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait() // ProcessState tells it
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.ended
		if strings.Contains(c.stderr.String(), "DATA RACE") {
			t.Errorf("the program has a data race:\n%s", c.stderr.String())
		}
		if t.Failed() {
			t.Logf("%v wrote:\n%s%s", args, c.stdout.String(), c.stderr.String())
		}
	})
	return c
}

// call runs the program to its end.
func call(t *testing.T, settings []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	c := start(t, settings, args...)
	return c.wait(t), c.stdout.String(), c.stderr.String()
}

// wait returns the exit code, -1 after a signal that killed.
func (c *child) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-c.ended:
	case <-time.After(patience):
		t.Fatalf("the program did not end within %v", patience)
	}
	return c.cmd.ProcessState.ExitCode()
}

func (c *child) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// kill ends the process as a power cut would.
func (c *child) kill(t *testing.T) {
	t.Helper()
	c.signal(t, syscall.SIGKILL)
	<-c.ended
}

func (c *child) running() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// patience is how long something may take that a busy machine does late, and a broken program never.
const patience = 45 * time.Second

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	timeout, look := time.NewTimer(patience), time.NewTicker(10*time.Millisecond)
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

// freeAddress returns a loopback address that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// status returns the status that a GET is answered with, 0 when nobody answers.
func status(ctx context.Context, url string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

// meeting is a database with an edition that lies ahead and the person who organises it.
type meeting struct {
	db        *db.DB
	organiser db.Actor
	token     string
	edition   db.ID
}

func newMeeting(t *testing.T, database string) *meeting {
	t.Helper()
	d, err := db.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	problems, err := importProgramme(t.Context(), d, programmeFile(), nil)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	m := &meeting{db: d}
	if m.token, err = d.IssueToken(t.Context(), "olga@example.org", time.Hour); err != nil {
		t.Fatal(err)
	}
	var ok bool
	if m.organiser, ok, err = d.Authenticate(t.Context(), m.token); !ok || err != nil {
		t.Fatal(ok, err)
	}
	one := 1
	editions, err := d.Editions(t.Context(), m.organiser, db.Page{First: &one}, db.EditionFilter{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.edition = editions.Nodes[0].ID
	return m
}

// programmeFile is the file of a meeting half a year from now.
func programmeFile() []byte {
	day := time.Now().AddDate(0, 6, 0)
	return fmt.Appendf(nil, `{
  "organisations": [{"key": "groningen", "kind": "MUNICIPALITY", "name": "Groningen", "country": "NL"}],
  "people": [{"key": "olga", "name": "Olga", "email": "olga@example.org", "organisation": "groningen", "locale": "nl"}],
  "partnerships": [{"key": "cities", "name": "Cities", "kind": "CROSS_BORDER",
    "members": [{"organisation": "groningen", "role": "LEAD", "coordinators": ["olga"]}]}],
  "series": [{"key": "meeting", "partnership": "cities", "name": "Meeting", "cadence": "YEARLY"}],
  "editions": [{"key": "next", "series": "meeting", "title": "The next meeting", "year": %d, "status": "PUBLISHED",
    "startsOn": "%s", "endsOn": "%[2]s", "timeZone": "Europe/Amsterdam", "languages": ["en"], "host": "groningen"}]
}`, day.Year(), day.Format(time.DateOnly))
}

// invite sends a campaign to guest1@example.org, guest2@example.org, … and returns it.
func (m *meeting) invite(t *testing.T, guests int) db.ID {
	t.Helper()
	return m.inviteOthers(t, "guest", guests)
}

func (m *meeting) inviteOthers(t *testing.T, name string, guests int) db.ID {
	t.Helper()
	var list strings.Builder
	list.WriteString("name,email\n")
	for i := range guests {
		fmt.Fprintf(&list, "%s %d,%[1]s%[2]d@example.org\n", name, i+1)
	}
	csv := list.String()
	campaign, err := m.db.SendInvitations(t.Context(), m.organiser, db.SendInvitationsInput{
		IdempotencyKey: name, EditionID: &m.edition, Audience: db.AudienceInput{CSV: &csv},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return campaign.ID
}

// deliveries counts the mails of a campaign by state.
func (m *meeting) deliveries(t *testing.T, campaign db.ID) map[db.DeliveryState]int {
	t.Helper()
	c, err := m.db.Campaign(t.Context(), m.organiser, campaign, nil)
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	one, counts := 1, map[db.DeliveryState]int{}
	for _, state := range []db.DeliveryState{
		db.Queued, db.Sending, db.Sent, db.Failed, db.Suppressed, db.DeliveryCanceled, db.Uncertain,
	} {
		list, err := m.db.InvitationsOf(t.Context(), m.organiser, c, db.Page{First: &one, Count: true}, nil, &state, nil)
		if err != nil {
			t.Fatal(err)
		}
		counts[state] = list.TotalCount
	}
	return counts
}

// finished waits until every mail of the campaign is sent, and checks the counts against the rows.
func (m *meeting) finished(t *testing.T, campaign db.ID, guests int) {
	t.Helper()
	var c *db.Campaign
	eventually(t, "the campaign is finished", func() (over bool) {
		var err error
		if c, err = m.db.Campaign(t.Context(), m.organiser, campaign, nil); err != nil {
			t.Fatal(err)
		}
		return c.Status() == db.CampaignFinished
	})
	if c.Sent != guests || c.Queued() != 0 {
		t.Errorf("the campaign counts %d sent, %d queued, %d uncertain, %d failed, want %d sent", c.Sent, c.Queued(), c.Uncertain, c.Failed, guests)
	}
	for state, n := range m.deliveries(t, campaign) {
		if want := map[db.DeliveryState]int{db.Sent: guests}[state]; n != want {
			t.Errorf("%d mails are %s, want %d", n, state, want)
		}
	}
}

// everybody fails unless each of so many guests has the invitation, with no more than so many copies on top, each with the
// Message-ID and Date of the first.
func everybody(t *testing.T, messages []smtptest.Message, guests, copies int) {
	t.Helper()
	first := map[string]smtptest.Message{}
	again := 0
	for _, m := range messages {
		if m.Header("X-Vaktreffen-Kind") == string(db.MailSummary) { // to an organiser, of each campaign
			continue
		}
		one, seen := first[m.To[0]]
		if !seen {
			first[m.To[0]] = m
			continue
		}
		again++
		for _, field := range []string{"Message-ID", "Date"} {
			if m.Header(field) == "" || m.Header(field) != one.Header(field) {
				t.Errorf("the copies of a mail have %s %q and %q", field, one.Header(field), m.Header(field))
			}
		}
	}
	for i := range guests {
		if address := fmt.Sprintf("guest%d@example.org", i+1); first[address].To == nil {
			t.Errorf("%s has no mail", address)
		}
	}
	if again > copies {
		t.Errorf("%d mails came twice, at most %d may", again, copies)
	}
	t.Logf("%d mails, %d of them copies", len(messages), again)
}
