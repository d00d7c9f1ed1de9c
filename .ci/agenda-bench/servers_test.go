package agendabench

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
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

// server is a process that answers.
type server struct {
	address  string
	pid      int
	database string // on PostgreSQL: the name of the one it uses
}

// cpu is how long the server has kept a processor busy, and its sessions in PostgreSQL, as far as /proc tells.
func (s server) cpu() (own, database time.Duration) {
	own = busy(strconv.Itoa(s.pid))
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, command := range commands {
		// A session calls itself "postgres: user database client(port) state".
		if text, err := os.ReadFile(command); err == nil && s.database != "" && bytes.HasPrefix(text, []byte("postgres: ")) && bytes.Contains(text, []byte(" "+s.database+" ")) {
			database += busy(filepath.Base(filepath.Dir(command)))
		}
	}
	return own, database
}

// busy reads user and system time of a process, in ticks of 10 ms (proc_pid_stat(5)).
func busy(pid string) (total time.Duration) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), ") ")
	if fields := strings.Fields(after); len(fields) > 12 {
		for _, field := range fields[11:13] {
			ticks, _ := strconv.Atoi(field)
			total += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return total
}

// databaseOf is the name of a PostgreSQL database, "" of SQLite's.
func databaseOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/")
}

// journal keeps what a process wrote.
type journal struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ended chan struct{} // closed when the process is gone
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
func start(t *testing.T, settings []string, name string, args ...string) (wrote *journal, pid int, stop func()) {
	t.Helper()
	wrote = &journal{ended: make(chan struct{})}
	c := exec.Command(name, args...)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, settings...)
	c.Stdout, c.Stderr = wrote, wrote
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(wrote.ended)
		_ = c.Wait() // what it wrote tells more
	}()
	stop = sync.OnceFunc(func() {
		_ = c.Process.Signal(os.Interrupt)
		select {
		case <-wrote.ended:
		case <-time.After(30 * time.Second):
			_ = c.Process.Kill()
			<-wrote.ended
		}
	})
	t.Cleanup(stop)
	return wrote, c.Process.Pid, stop
}

// until waits for something that a process does within minutes.
func until(t *testing.T, wrote *journal, what string, done func() bool) {
	t.Helper()
	late := time.After(10 * time.Minute)
	for !done() {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-wrote.ended:
			t.Fatalf("%s: the process ended; it wrote:\n%s", what, wrote)
		case <-late:
			t.Fatalf("%s: not within ten minutes; the process wrote:\n%s", what, wrote)
		}
	}
}

// fill puts the demonstration and n generated editions into a database.
func fill(t *testing.T, program, database string, n int) {
	t.Helper()
	began := time.Now()
	wrote, _, stop := start(t, []string{"DATABASE_URL=" + database, "LISTEN=" + freeAddress(t)}, program, "demo", "--scale", strconv.Itoa(n))
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
func startAPI(t *testing.T, program, redis, database, cache string) server {
	t.Helper()
	address := freeAddress(t)
	settings := []string{"DATABASE_URL=" + database, "LISTEN=" + address, "RESPONSE_CACHE=" + cache, "POINTS_PER_MINUTE=0", "REDIS_URL=" + redis}
	wrote, pid, _ := start(t, settings, program, "api")
	until(t, wrote, "serve", func() bool { return answers("http://" + address + "/readyz") })
	return server{address, pid, databaseOf(database)}
}

func startBare(t *testing.T, database string) server {
	t.Helper()
	address := freeAddress(t)
	wrote, pid, _ := start(t, []string{asBare + "=" + database, "BARE_LISTEN=" + address}, os.Args[0])
	until(t, wrote, "the bare handler", func() bool { return reachable(address) })
	return server{address, pid, databaseOf(database)}
}

func startPostGraphile(t *testing.T, database string) server {
	t.Helper()
	if _, err := os.Stat("node_modules/postgraphile"); err != nil {
		if out, err := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error").CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	c, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	// It shows relations along whole indexes only, and ours leaves out what has no parent.
	if _, err := c.Exec(t.Context(), "CREATE INDEX sessions_by_parent ON sessions (parent_id)"); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	wrote, pid, _ := start(t, []string{"DATABASE_URL=" + database, "PORT=" + port, "NODE_ENV=production", "GRAPHILE_ENV=production"},
		"node_modules/node/bin/node", "node_modules/postgraphile/dist/cli-run.js", "-C", "graphile.config.mjs")
	until(t, wrote, "PostGraphile", func() bool { return reachable(address) })
	return server{address, pid, databaseOf(database)}
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
