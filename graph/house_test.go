package graph_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/db/programme"
	"github.com/vaktreffen/vaktreffen/graph"
)

// today is what the clock of a test's database shows when it starts: before the editions and runs of 2027 in the programmes.
var today = time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)

// publicURL is where people would reach a house.
const publicURL = "https://meetings.example.org"

// The people of the imported programmes who can sign in.
const (
	organiser = "organiser@example.org"       // coordinator of Groningen in the partnership of three cities
	colleague = "coordinator@example.org"     // coordinator of Oldenburg in the same partnership
	stranger  = "vng.coordinator@example.org" // coordinator in another partnership
	trainer   = "academie.coordinator@example.org"
	member    = "participant@example.org" // works for Oldenburg and coordinates nothing
	nobody    = ""
)

// house is the API over real HTTP on a database of its own.
type house struct {
	*testing.T
	db      *db.DB
	raw     *sql.DB // the same database behind the product's back
	address string  // of the database
	url     string
	clock   *atomic.Pointer[time.Time]
	log     *journal
	logger  *slog.Logger // writes into log, and fails the test when that, an error of an answer or a metric holds what no log may
	tokens  *sync.Map    // by address
}

// programmes is a database with the programmes of the demo.
var programmes = dbtest.NewTemplate(func(ctx context.Context, database *db.DB) error {
	files, err := filepath.Glob("../cmd/vaktreffen/programmes/*.json")
	if err != nil || len(files) != 5 {
		return fmt.Errorf("programmes of the demo: %d, %w", len(files), err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		file, problems := programme.Parse(content)
		if len(problems) == 0 {
			problems, err = database.Import(ctx, file, nil)
		}
		if len(problems) > 0 || err != nil {
			return fmt.Errorf("%s: %+v %w", name, problems, err)
		}
	}
	return nil
}, db.WithClock(func() time.Time { return today }))

// each runs the test against a house on SQLite and one on PostgreSQL, with the programmes of the demo imported.
func each(t *testing.T, test func(t *house)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		address := programmes.SQLite(t)
		test(build(t, address, "sqlite", strings.TrimPrefix(address, "sqlite:")))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		address := programmes.Postgres(t)
		test(build(t, address, "pgx", address))
	})
}

func build(t *testing.T, address, driver, source string) *house {
	t.Helper()
	h := &house{T: t, address: address, clock: new(atomic.Pointer[time.Time]), log: new(journal), tokens: new(sync.Map)}
	h.setClock(today)
	var err error
	if h.db, err = db.Open(t.Context(), address, db.WithClock(func() time.Time { return *h.clock.Load() }), db.WithPublicURL("https://meetings.example.org"), db.WithFiles(t.TempDir())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.db.Close() }) // some tests close it before
	if h.raw, err = sql.Open(driver, source); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.raw.Close() })
	h.logger = slog.New(dbtest.Discreet(t, address, h.log, func() (tokens []string) {
		h.tokens.Range(func(_, token any) bool { tokens = append(tokens, token.(string)); return true })
		return tokens
	}))
	return h.with(graph.Config{})
}

// onSQLite builds a house for what is the same on every database.
func onSQLite(t *testing.T) *house {
	t.Helper()
	address := programmes.SQLite(t)
	return build(t, address, "sqlite", strings.TrimPrefix(address, "sqlite:"))
}

// with returns the house behind an edge with another configuration.
func (h *house) with(cfg graph.Config) *house {
	h.Helper()
	cfg.DB, cfg.Log, cfg.Draining, cfg.PublicURL = h.db, h.logger, make(chan struct{}), publicURL
	registry, given := cfg.Metrics.(*prometheus.Registry)
	if !given {
		registry = prometheus.NewRegistry()
		cfg.Metrics = registry
	}
	if cfg.Traces == nil {
		cfg.Traces = dbtest.Traced(h.logger.Handler())
	}
	h.Cleanup(func() { h.logger.Debug("scraped", "metrics", scrape(registry)) }) // no number may hold what no line of the log may
	handler, err := graph.Handler(cfg)
	if err != nil {
		h.Fatal(err)
	}
	server := httptest.NewServer(handler)
	h.Cleanup(server.Close)
	other := *h
	other.url = server.URL + "/graphql"
	return &other
}

// in returns the house for a subtest.
func (h *house) in(t *testing.T) *house {
	sub := *h
	sub.T = t
	return &sub
}

func (h *house) setClock(to time.Time) { h.clock.Store(&to) }

// add imports a programme made in Go.
func (h *house) add(file *programme.File) {
	h.Helper()
	if problems := programme.Check(file); len(problems) > 0 {
		h.Fatalf("programme: %+v", problems)
	}
	h.load(file)
}

func (h *house) load(file *programme.File) {
	h.Helper()
	problems, err := h.db.Import(h.Context(), file, nil)
	if err != nil || len(problems) > 0 {
		h.Fatalf("import: %v %+v", err, problems)
	}
}

// ids returns what a raw statement selects as ids of the API.
func (h *house) ids(statement string) []string {
	h.Helper()
	rows, err := h.raw.QueryContext(h.Context(), statement)
	if err != nil {
		h.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id db.ID
		if err := rows.Scan(&id); err != nil {
			h.Fatalf("%s: %v", statement, err)
		}
		ids = append(ids, id.String())
	}
	if err := rows.Err(); err != nil {
		h.Fatalf("%s: %v", statement, err)
	}
	return ids
}

// id returns the id of the record with the key in a programme.
func (h *house) id(table, key string) string {
	h.Helper()
	ids := h.ids("SELECT id FROM " + table + " WHERE key = '" + key + "'")
	if len(ids) != 1 {
		h.Fatalf("%d records %s in %s", len(ids), key, table)
	}
	return ids[0]
}

// exec changes the database behind the product's back.
func (h *house) exec(statement string) {
	h.Helper()
	if _, err := h.raw.ExecContext(h.Context(), statement); err != nil {
		h.Fatalf("%s: %v", statement, err)
	}
}

// rows counts the rows of every table.
func (h *house) rows() map[string]int {
	h.Helper()
	counts := map[string]int{}
	for _, table := range []string{
		"organisations", "people", "themes", "partnerships", "members", "coordinators", "agreements", "series", "rotations", "editions",
		"edition_themes", "rooms", "sessions", "session_themes", "contributions", "courses", "course_trainers", "related_courses", "course_runs",
		"settings", "access_tokens", "seats", "registrations", "campaigns", "invitations", "suppressions", "notices", "deliveries", "workers",
		"idempotency_keys", "audit_log",
	} {
		var n int
		if err := h.raw.QueryRowContext(h.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			h.Fatalf("%s: %v", table, err)
		}
		counts[table] = n
	}
	return counts
}

// token returns a bearer token of the person with the address.
func (h *house) token(email string) string {
	h.Helper()
	if token, ok := h.tokens.Load(email); ok {
		return token.(string)
	}
	token, err := h.db.IssueToken(h.Context(), email, 1000*time.Hour)
	if err != nil {
		h.Fatalf("token of %s: %v", email, err)
	}
	h.tokens.Store(email, token)
	return token
}

// vars are the variables of an operation, or any other JSON object.
type vars = map[string]any

// answer is what the API said.
type answer struct {
	t      *house
	Status int
	Data   map[string]any
	Errors []struct {
		Message    string
		Path       []any
		Extensions map[string]any
	}
	body string
}

// send posts an operation as the person with the address, nobody for "".
func (h *house) send(email, query string, variables vars) answer {
	h.Helper()
	return h.sendNamed(email, query, "", variables)
}

// sendNamed posts a document of several operations likewise, and the name of the one that is meant.
func (h *house) sendNamed(email, query, name string, variables vars) answer {
	h.Helper()
	body, err := json.Marshal(vars{"query": query, "operationName": name, "variables": variables})
	if err != nil {
		h.Fatal(err)
	}
	token := ""
	if email != nobody {
		token = h.token(email)
	}
	return h.post(h.Context(), token, body)
}

func (h *house) post(ctx context.Context, token string, body []byte) answer {
	h.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		h.Fatal(err)
	}
	a := answer{t: h, Status: response.StatusCode, body: string(content)}
	if err := json.Unmarshal(content, &a); err != nil {
		h.Fatalf("status %d: %v: %.300s", response.StatusCode, err, content)
	}
	return h.heard(a)
}

// heard notes the errors of an answer, which may hold no more than the log.
func (h *house) heard(a answer) answer {
	if len(a.Errors) > 0 {
		h.logger.Debug("answered", "errors", fmt.Sprintf("%+v", a.Errors))
	}
	return a
}

// ask sends an operation that has to succeed and returns its data.
func (h *house) ask(email, query string, variables vars) vars {
	h.Helper()
	a := h.send(email, query, variables)
	if a.Status != http.StatusOK || len(a.Errors) > 0 || a.Data == nil {
		h.Fatalf("status %d: %.2000s\n%s", a.Status, a.body, query)
	}
	return a.Data
}

// at follows names and indexes into JSON: at(data, "edition", "days", 0, "date").
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// each value of a list at a path.
func list(value any, path ...any) []any {
	l, _ := at(value, path...).([]any)
	return l
}

// pluck returns a field of every object of a list.
func pluck(values []any, path ...any) []any {
	plucked := make([]any, len(values))
	for i, value := range values {
		plucked[i] = at(value, path...)
	}
	return plucked
}

// journal keeps what was logged.
type journal struct {
	mu      sync.Mutex
	records []slog.Record
}

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }
func (j *journal) Handle(_ context.Context, r slog.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, r)
	return nil
}

// find returns the attributes of the records with the message, the latest last.
func (j *journal) find(message string) []map[string]slog.Value {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []map[string]slog.Value
	for _, r := range j.records {
		if r.Message != message {
			continue
		}
		attrs := map[string]slog.Value{}
		r.Attrs(func(a slog.Attr) bool { attrs[a.Key] = a.Value; return true })
		found = append(found, attrs)
	}
	return found
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func idOf(text string) db.ID { return db.ParseID(text) }

// messages returns all that was logged, as text.
func (j *journal) messages() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	messages := make([]string, len(j.records))
	for i, r := range j.records {
		messages[i] = r.Message
		r.Attrs(func(a slog.Attr) bool { messages[i] += " " + a.String(); return true })
	}
	return messages
}
