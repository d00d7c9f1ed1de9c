package agendabench

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// build makes the program.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "vaktreffen")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/vaktreffen").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// journal keeps what a process wrote.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// start runs a process until the test ends, or until stop is called.
func start(t *testing.T, settings []string, name string, args ...string) (wrote *journal, stop func()) {
	t.Helper()
	wrote = new(journal)
	c := exec.Command(name, args...)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, settings...)
	c.Stdout, c.Stderr = wrote, wrote
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = c.Process.Signal(os.Interrupt)
		late := time.AfterFunc(30*time.Second, func() { _ = c.Process.Kill() })
		defer late.Stop()
		_ = c.Wait() // it was told to end
	})
	t.Cleanup(stop)
	return wrote, stop
}

// until waits for something that a process does within minutes.
func until(t *testing.T, wrote *journal, what string, done func() bool) {
	t.Helper()
	for began := time.Now(); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > 10*time.Minute {
			t.Fatalf("%s: not within ten minutes; the process wrote:\n%s", what, wrote)
		}
	}
}

// fill puts the demonstration and n generated editions into a database.
func fill(t *testing.T, program, database string, n int) {
	t.Helper()
	began := time.Now()
	wrote, stop := start(t, []string{"DATABASE_URL=" + database, "LISTEN=" + freeAddress(t)}, program, "demo", "--scale", strconv.Itoa(n))
	until(t, wrote, "fill", func() bool { return strings.Contains(wrote.String(), "is running") })
	stop()
	t.Logf("%d editions in %.0f s", n, time.Since(began).Seconds())
	if strings.HasPrefix(database, "postgres") {
		c, err := pgx.Connect(t.Context(), database)
		if err == nil {
			_, err = c.Exec(t.Context(), "VACUUM ANALYZE")
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close(t.Context())
	}
}

// startAPI serves a database with so many megabytes of response cache.
func startAPI(t *testing.T, program, database, cache string) string {
	t.Helper()
	address := freeAddress(t)
	wrote, _ := start(t, []string{"DATABASE_URL=" + database, "LISTEN=" + address, "RESPONSE_CACHE=" + cache}, program, "api")
	until(t, wrote, "serve", func() bool { return answers("http://" + address + "/readyz") })
	return address
}

func startBare(t *testing.T, database string) string {
	t.Helper()
	address := freeAddress(t)
	wrote, _ := start(t, []string{asBare + "=" + database, "BARE_LISTEN=" + address}, os.Args[0])
	until(t, wrote, "the bare handler", func() bool { return reachable(address) })
	return address
}

func startPostGraphile(t *testing.T, database string) string {
	t.Helper()
	if _, err := os.Stat("node_modules/postgraphile"); err != nil {
		if out, err := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error").CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	wrote, _ := start(t, []string{"DATABASE_URL=" + database, "PORT=" + port, "NODE_ENV=production", "GRAPHILE_ENV=production"},
		"node_modules/node/bin/node", "node_modules/postgraphile/dist/cli-run.js", "-C", "graphile.config.mjs")
	until(t, wrote, "PostGraphile", func() bool { return reachable(address) })
	return address
}

func answers(address string) bool {
	r, err := http.Get(address)
	if err != nil {
		return false
	}
	_ = r.Body.Close()
	return r.StatusCode == http.StatusOK
}

func reachable(address string) bool {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// freeAddress is one that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
