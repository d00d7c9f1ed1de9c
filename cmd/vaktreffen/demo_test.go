package main

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/vaktreffen/vaktreffen/db/dbtest"
)

// demonstrating starts the demo and returns once it has told where it is.
func demonstrating(t *testing.T, data string, settings ...string) (*child, string) {
	t.Helper()
	c := start(t, settings, "demo", "--listen", "127.0.0.1:0", "--data", data)
	where := regexp.MustCompile(`(?m)^  (http://127\.0\.0\.1:\d+) `)
	eventually(t, "the demo says where it is", func() bool { return !c.running() || where.MatchString(c.stdout.String()) })
	if !c.running() {
		t.Fatal("the demo ended")
	}
	return c, where.FindStringSubmatch(c.stdout.String())[1]
}

// caught is one of the demo's mailbox, as its list has it.
type caught struct{ ID, To, Subject, Kind string }

func mails(t *testing.T, here string) (list []caught) {
	t.Helper()
	get(t, here+"/mailbox/messages", &list)
	return list
}

// get reads JSON.
func get(t *testing.T, url string, into any) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]func(t *testing.T) []string{
		"sqlite": func(*testing.T) []string { return nil },
		"postgres": func(t *testing.T) []string {
			return []string{"DATABASE_URL=" + dbtest.Postgres(t), "REDIS_URL=" + dbtest.Redis(t)}
		},
		"postgres with a Redis of its own": func(t *testing.T) []string { return []string{"DATABASE_URL=" + dbtest.Postgres(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			set := settings(t)
			c, here := demonstrating(t, data, set...)
			for _, person := range []string{demoOrganiser, demoCoordinator, demoParticipant} {
				if !strings.Contains(c.stdout.String(), person) {
					t.Errorf("it does not tell of %s", person)
				}
				if code, stdout, stderr := call(t, set, "--data", data, "token", person); code != 0 || !strings.HasPrefix(stdout, "vt_") {
					t.Errorf("token %s: exit code %d, %s", person, code, stderr)
				}
			}
			for _, page := range []string{"/graphiql/", "/mailbox", "/healthz", "/readyz"} {
				if code := status(t.Context(), here+page); code != http.StatusOK {
					t.Errorf("%s: status %d", page, code)
				}
			}
			var answer struct{ Data map[string]string }
			get(t, here+"/graphql?query=%7B__typename%7D", &answer)
			if answer.Data["__typename"] != "Query" {
				t.Errorf("/graphql: %v", answer)
			}
			invited := func() bool {
				for _, m := range mails(t, here) {
					if m.To == demoParticipant && m.Kind == "invitation" && m.ID != "" && m.Subject != "" {
						return true
					}
				}
				return false
			}
			eventually(t, "the participant is invited", invited)
			c.signal(t, syscall.SIGTERM)
			if code := c.wait(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if name != "sqlite" {
				return
			}
			before := campaigns(t, data)
			c, _ = demonstrating(t, data)
			c.signal(t, syscall.SIGTERM)
			if code := c.wait(t); code != 0 {
				t.Errorf("second time: exit code %d", code)
			}
			if after := campaigns(t, data); before != after || before[0] != 1 {
				t.Errorf("campaigns and mails were %v, and are %v after a second start", before, after)
			}
		})
	}
}

// campaigns counts campaigns and mails in the demo's file.
func campaigns(t *testing.T, data string) (counts [2]int) {
	t.Helper()
	file, err := sql.Open("sqlite", filepath.Join(data, "vaktreffen.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.QueryRow("SELECT (SELECT count(*) FROM campaigns), (SELECT count(*) FROM deliveries)").Scan(&counts[0], &counts[1]); err != nil {
		t.Fatal(err)
	}
	return counts
}
