package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// killsVariable says how often TestKilledAtRandomMoments kills; .ci/kill sets it.
const killsVariable = "VAKTREFFEN_TEST_KILLS"

// TestKilledAtRandomMoments kills workers at random moments of campaigns of 5,000. The mail server is a process of its own. Nobody
// may go without a mail, and no more mails may come twice than there were connections, each time as the mail it was.
func TestKilledAtRandomMoments(t *testing.T) {
	const guests, perCampaign, connections = 5000, 5, 10
	kills := 10
	if text := os.Getenv(killsVariable); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", killsVariable, err)
		}
	}
	server := startMailServer(t)
	settings := []string{
		"DATABASE_URL=" + dbtest.Postgres(t), "REDIS_URL=" + dbtest.Redis(t), "SMTP_URL=smtp://" + server.address,
		fmt.Sprintf("SMTP_CONNECTIONS=%d", connections), "MAIL_FROM=Vaktreffen <vaktreffen@example.org>",
		"PUBLIC_URL=https://meetings.example.org", "LEASE=2s",
	}
	m := newMeeting(t, strings.TrimPrefix(settings[0], "DATABASE_URL="))
	lost, twice, campaigns := 0, 0, 0
	for left := kills; left > 0; left -= perCampaign {
		campaigns++
		name := fmt.Sprintf("guest-%d-", campaigns)
		moments := make([]int, min(perCampaign, left)) // mails of this campaign that have left
		for i := range moments {
			moments[i] = rand.IntN(guests)
		}
		slices.Sort(moments)
		before := server.count()
		campaign := m.inviteOthers(t, name, guests)
		for _, n := range moments {
			w := start(t, settings, "worker")
			eventually(t, fmt.Sprint(n, " mails have left"), func() bool { return server.count()-before >= n })
			time.Sleep(time.Duration(rand.IntN(int(20 * time.Millisecond))))
			w.kill(t)
		}
		last := start(t, settings, "worker")
		m.finished(t, campaign, guests)
		last.kill(t)
		missing, copies := server.received(t, name, guests)
		lost += missing
		twice += copies
		if most := connections * len(moments); copies > most {
			t.Errorf("campaign %d: %d mails came twice after %d kills, at most %d may", campaigns, copies, len(moments), most)
		}
	}
	if lost > 0 {
		t.Errorf("%d mails were lost", lost)
	}
	t.Logf("%d kills in %d campaigns of %d with %d connections: %d lost, %d came twice, at most %d may", kills, campaigns, guests, connections,
		lost, twice, connections*kills)
}

// beMailServer makes the test binary a mail server that tells, on a line for each mail it takes, its recipient, Message-ID and Date.
const beMailServer = "VAKTREFFEN_TEST_BE_MAIL_SERVER"

func runMailServer() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	var mu sync.Mutex
	go func() {
		_ = smtptest.Deliver(listener, func(to string, mail []byte) {
			header, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(mail))).ReadMIMEHeader()
			mu.Lock()
			fmt.Printf("%s\t%s\t%s\t%s\n", header.Get("X-Vaktreffen-Kind"), to, header.Get("Message-ID"), header.Get("Date"))
			mu.Unlock()
			time.Sleep(time.Duration(rand.IntN(int(5 * time.Millisecond)))) // while it has a mail and has not said so
		})
	}()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// mailServerProcess is a mail server in a process of its own.
type mailServerProcess struct {
	address string
	mu      sync.Mutex
	mails   []string // as it told them
}

func startMailServer(t *testing.T) *mailServerProcess {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), beMailServer+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	lines.Scan()
	s := &mailServerProcess{address: lines.Text()}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), string(db.MailInvitation)+"\t") {
				s.mu.Lock()
				s.mails = append(s.mails, lines.Text())
				s.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *mailServerProcess) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mails)
}

// received returns how many guests of a name have no mail, and how many mails came to somebody who had one. A copy that is not the
// mail it repeats fails the test.
func (s *mailServerProcess) received(t *testing.T, name string, guests int) (missing, copies int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	first := map[string]string{}
	for _, mail := range s.mails {
		to := strings.Split(mail, "\t")[1]
		if !strings.HasPrefix(to, name) {
			continue
		}
		one, seen := first[to]
		if !seen {
			first[to] = mail
			continue
		}
		if copies++; mail != one {
			t.Errorf("a mail came as %q and as %q", one, mail)
		}
	}
	return guests - len(first), copies
}
