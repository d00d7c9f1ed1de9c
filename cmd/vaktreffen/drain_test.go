package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// serving starts `serve` and returns once it is ready, with its URL.
func serving(t *testing.T, settings []string) (*child, string) {
	t.Helper()
	address := freeAddress(t)
	c := start(t, append(settings, "LISTEN="+address), "serve")
	eventually(t, "serve is ready", func() bool { return !c.running() || status(t.Context(), "http://"+address+"/readyz") == http.StatusOK })
	return c, "http://" + address
}

func TestServeDrains(t *testing.T) {
	t.Parallel()
	database, redis, smtp := dbtest.Postgres(t), dbtest.Redis(t), smtptest.Start(t, smtptest.SlowDot(50*time.Millisecond))
	m := newMeeting(t, database)
	campaign := m.invite(t, 1000)
	c, here := serving(t, settings(database, redis, smtp))

	stream := subscribe(t, here, m.token, campaign)
	defer stream.Close()
	events := bufio.NewReader(stream)
	for line := ""; !strings.Contains(line, "campaignProgress"); {
		var err error
		if line, err = events.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	const query = `{"query": "{ __typename }"}`
	request, err := net.Dial("tcp", strings.TrimPrefix(here, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer request.Close()
	fmt.Fprintf(request, "POST /graphql HTTP/1.1\r\nHost: vaktreffen\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(query), query[:9])
	smtp.WaitFor(t, 30)

	c.signal(t, syscall.SIGTERM)
	rest, err := io.ReadAll(events)
	if err != nil || bytes.Contains(rest, []byte("event: complete")) { // which would tell the client not to connect again
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
	if code := status(t.Context(), here+"/readyz"); code == http.StatusOK {
		t.Error("it is ready while it drains")
	}
	if _, err := io.WriteString(request, query[9:]); err != nil {
		t.Error(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(request), nil)
	if err != nil {
		t.Fatalf("the request in flight was dropped: %v", err)
	}
	if answer, err := io.ReadAll(response.Body); err != nil || !bytes.Contains(answer, []byte(`"__typename":"Query"`)) {
		t.Errorf("the request in flight was answered %q, %v", answer, err)
	}
	asked := time.Now()
	if code := c.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(asked); took > 10*time.Second {
		t.Errorf("it took %v to end", took)
	}
	mails := m.deliveries(t, campaign)
	if mails[db.Sending] != 0 || mails[db.Sent] != smtp.Count() || mails[db.Sent]+mails[db.Queued] != 1000 {
		t.Errorf("it left %v, and %d mails arrived", mails, smtp.Count())
	}
}

// subscribe follows a campaign by server-sent events.
func subscribe(t *testing.T, here, token string, campaign db.ID) io.ReadCloser {
	t.Helper()
	body := fmt.Sprintf(`{"query": "subscription { campaignProgress(id: \"%s\") { status sent } }"}`, campaign)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, here+"/graphql", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body) // only for the message
		t.Fatalf("subscribe: %s %s", response.Status, text)
	}
	return response.Body
}

func TestSecondSignalKills(t *testing.T) {
	t.Parallel()
	database, redis, smtp := dbtest.Postgres(t), dbtest.Redis(t), smtptest.Start(t, smtptest.SlowDot(time.Minute))
	m := newMeeting(t, database)
	m.invite(t, 10)
	w := start(t, settings(database, redis, smtp), "worker")
	smtp.WaitFor(t, 1)
	w.signal(t, syscall.SIGTERM)
	eventually(t, "it has understood", func() bool { return strings.Contains(w.stderr.String(), "ending") })
	if !w.running() {
		t.Fatal("it did not wait for the mail in flight")
	}
	asked := time.Now()
	eventually(t, "it is killed", func() bool {
		w.signal(t, syscall.SIGTERM)
		return !w.running()
	})
	if took := time.Since(asked); took > 5*time.Second {
		t.Errorf("it took %v to die", took)
	}
	if code := w.wait(t); code == 0 {
		t.Error("it claims to have ended in order")
	}
}
