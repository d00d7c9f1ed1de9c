package worker_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/worker"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// beProcess makes the test binary one of the processes that load runs need: a "worker" or the "sink" it sends to. Such a process
// says one line when it is ready, and does what it is told by lines on its standard input until that ends.
const beProcess = "VAKTREFFEN_BENCH_PROCESS"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(beProcess) {
	case "":
		os.Exit(m.Run())
	case "worker":
		err = runWorker()
	case "sink":
		err = runSink()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runSink() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	go func() { _ = smtptest.Discard(listener, new(atomic.Int64)) }()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func runWorker() error {
	debug.SetGCPercent(400) // as the program does
	ctx := context.Background()
	d, err := db.Open(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	queue, err := worker.OpenRedis(ctx, os.Getenv("REDIS_URL"))
	if err != nil {
		return err
	}
	connections, err := strconv.Atoi(os.Getenv("CONNECTIONS"))
	if err != nil {
		return err
	}
	w, err := worker.New(worker.Config{
		DB: d, Redis: queue, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		SMTP: worker.SMTPConfig{URL: os.Getenv("SMTP_URL")}, Connections: connections,
		From: "Vaktreffen <vaktreffen@example.org>", PublicURL: "https://example.org", Lease: time.Minute,
	})
	if err != nil {
		return err
	}
	if err := w.Start(ctx); err != nil {
		return err
	}
	profile := func() (*os.File, error) {
		file, err := os.CreateTemp("", "vaktreffen-*.prof")
		if err != nil {
			return nil, err
		}
		return file, pprof.StartCPUProfile(file)
	}
	file, err := profile()
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); { // each asks for the profile so far
		pprof.StopCPUProfile()
		fmt.Println(file.Name())
		if file, err = profile(); err != nil {
			return err
		}
	}
	pprof.StopCPUProfile()
	w.Stop(ctx)
	return os.Remove(file.Name())
}

// process is one that a load run has started.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Reader
	said  string // when it was ready
}

func startProcess(b *testing.B, what string, settings ...string) *process {
	b.Helper()
	p := &process{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(append(os.Environ(), beProcess+"="+what), settings...)
	p.cmd.Stderr = os.Stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = p.stdin.Close()
		_, _ = io.Copy(io.Discard, p.lines)
		if err := p.cmd.Wait(); err != nil {
			b.Errorf("%s: %v", what, err)
		}
	})
	p.lines = bufio.NewReader(stdout)
	p.said = p.line(b)
	return p
}

func (p *process) line(b *testing.B) string {
	b.Helper()
	line, err := p.lines.ReadString('\n')
	if err != nil {
		b.Fatal("a process ended: ", err)
	}
	return strings.TrimSpace(line)
}

// peak is the most memory that the process had from the system at once, in bytes; 0 where /proc does not tell.
func (p *process) peak(b *testing.B) int {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if kilobytes, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kilobytes), "kB")))
			if err != nil {
				b.Fatal(err)
			}
			return n << 10
		}
	}
	return 0
}

// spending is how long each kind of process kept a processor busy, as far as the system tells.
type spending struct{ worker, sink, postgres, redis time.Duration }

func (s spending) minus(other spending) spending {
	return spending{s.worker - other.worker, s.sink - other.sink, s.postgres - other.postgres, s.redis - other.redis}
}

func (t *track) spent(b *testing.B) (s spending) {
	b.Helper()
	s.worker, _ = busy(t.worker.cmd.Process.Pid)
	s.sink, _ = busy(t.sink.cmd.Process.Pid)
	if u, err := url.Parse(t.address); err == nil && u.Scheme == "postgres" {
		s.postgres = busyPostgres(strings.TrimPrefix(u.Path, "/"))
	}
	if t.redisURL != "" {
		s.redis = busyRedis(b, t.redisURL)
	}
	return s
}

// busy reads user and system time of a process, in ticks of 10 ms, and its parent (proc_pid_stat(5)).
func busy(pid int) (total time.Duration, parent int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, 0
	}
	for _, field := range fields[11:13] {
		ticks, _ := strconv.Atoi(field)
		total += time.Duration(ticks) * 10 * time.Millisecond
	}
	parent, _ = strconv.Atoi(fields[1])
	return total, parent
}

// busyPostgres adds up the processes of the server that has sessions in the database, those that ended excepted. A session calls
// itself "postgres: user database client(port) state".
func busyPostgres(database string) (total time.Duration) {
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	spent, server := map[int][]time.Duration{}, 0
	for _, command := range commands {
		text, err := os.ReadFile(command)
		if err != nil || !strings.HasPrefix(string(text), "postgres: ") {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(command)))
		time, parent := busy(pid)
		spent[parent] = append(spent[parent], time)
		if strings.Contains(string(text), " "+database+" ") {
			server = parent
		}
	}
	for _, time := range spent[server] {
		total += time
	}
	return total
}

func busyRedis(b *testing.B, address string) (total time.Duration) {
	options, err := redis.ParseURL(address)
	if err != nil {
		b.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	info, err := client.Info(b.Context(), "cpu").Result()
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			seconds, _ := strconv.ParseFloat(value, 64)
			total += time.Duration(seconds * float64(time.Second))
		}
	}
	return total
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// profile asks a worker what it has been busy with since it was last asked: shares of its processor time by area, which add up to 1.
func (p *process) profile(b *testing.B) map[string]float64 {
	b.Helper()
	if _, err := io.WriteString(p.stdin, "profile\n"); err != nil {
		b.Fatal(err)
	}
	file := p.line(b)
	defer os.Remove(file)
	out, err := exec.Command("go", "tool", "pprof", "-traces", file).Output()
	if err != nil {
		b.Fatal("go tool pprof: ", err)
	}
	if keep := os.Getenv("BENCH_PROFILE"); keep != "" {
		if err := exec.Command("cp", file, keep).Run(); err != nil {
			b.Fatal(err)
		}
	}
	times, sum := map[string]float64{}, 0.0
	for trace := range strings.SplitSeq(string(out), "-----------+") {
		_, stack, _ := strings.Cut(trace, "\n")
		value, _, _ := strings.Cut(strings.TrimSpace(stack), " ")
		if spent, err := time.ParseDuration(value); err == nil {
			times[area(stack)] += spent.Seconds()
			sum += spent.Seconds()
		}
	}
	for name := range times {
		times[name] /= sum
	}
	return times
}

// areas of work in the worker, in the order in which they are printed.
var areas = []string{"SQL", "rendering", "SMTP", "Redis", "garbage collection", "rest"}

// area says which a stack belongs to.
func area(stack string) string {
	for _, a := range []struct{ name, frames string }{
		{"rendering", "worker.(*Worker).compose worker.(*Message).seal"},
		{"SMTP", "worker.(*conversation) worker.(*Pool) worker.(*smtpConnection)"},
		{"SQL", "vaktreffen/db. jackc/pgx bun. modernc.org/sqlite"},
		{"Redis", "go-redis miniredis asynq/internal/rdb"},
		{"garbage collection", "runtime.gcBgMarkWorker runtime.bgsweep runtime.bgscavenge"},
	} {
		for frame := range strings.FieldsSeq(a.frames) {
			if strings.Contains(stack, frame) {
				return a.name
			}
		}
	}
	return "rest"
}

// table lists what a mail cost.
func (s spending) table(mails int, shares map[string]float64) string {
	var b strings.Builder
	line := func(name string, spent time.Duration) {
		fmt.Fprintf(&b, "  %-36s %4.0f µs of processor time a mail\n", name, float64(spent.Microseconds())/float64(mails))
	}
	line("sending process", s.worker)
	for _, name := range areas {
		line("  "+name, time.Duration(shares[name]*float64(s.worker)))
	}
	line("PostgreSQL", s.postgres)
	line("Redis", s.redis)
	line("mail server", s.sink)
	line("together", s.worker+s.postgres+s.redis+s.sink)
	return b.String()
}
