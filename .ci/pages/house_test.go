package browser

import (
	"bytes"
	"database/sql"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/db/programme"
	"github.com/vaktreffen/vaktreffen/graph"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// planning and doors are what the clock of the house shows: first in the winter before, then on the morning of the meeting itself.
var (
	planning = time.Date(2027, 2, 20, 9, 0, 0, 0, time.UTC)
	doors    = time.Date(2027, 5, 20, 7, 30, 0, 0, time.UTC)
)

// The people who sign in.
const (
	organiser = "organiser@example.org"
	trainer   = "academie.coordinator@example.org"
)

// house is the service on a database of its own, with the programmes of the demo.
type house struct {
	*testing.T
	db     *db.DB
	raw    *sql.DB // the same database, to find ids
	url    string
	clock  atomic.Pointer[time.Time]
	log    bytes.Buffer // of errors
	actors map[string]db.Actor
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, actors: map[string]db.Actor{}}
	h.clock.Store(&planning)
	address := dbtest.SQLite(t)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	h.url = server.URL
	var err error
	h.db, err = db.Open(t.Context(), address, db.WithClock(func() time.Time { return *h.clock.Load() }), db.WithPublicURL(h.url), db.WithFiles(t.TempDir()))
	h.must(err)
	t.Cleanup(func() { h.must(h.db.Close()) })
	h.must(h.db.Migrate(t.Context()))
	h.raw, err = sql.Open("sqlite", strings.TrimPrefix(address, "sqlite:")+"?_pragma=busy_timeout(5000)")
	h.must(err)
	t.Cleanup(func() { h.must(h.raw.Close()) })
	files, err := filepath.Glob("../../cmd/vaktreffen/programmes/*.json")
	h.must(err)
	for _, name := range files {
		content, err := os.ReadFile(name)
		h.must(err)
		file, problems := programme.Parse(content)
		if len(problems) > 0 {
			t.Fatalf("%s: %+v", name, problems)
		}
		h.load(file)
	}
	handler, err := graph.Handler(graph.Config{
		DB: h.db, Log: slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelWarn})), PublicURL: h.url,
	})
	h.must(err)
	mux.Handle("/", handler)
	// What the service says when it is broken or overrun can be had without either.
	h.say(mux, "/busy", http.StatusTooManyRequests, pages.Busy())
	h.say(mux, "/failure", http.StatusInternalServerError, pages.Failure("K7Q2M4X9PA"))
	return h
}

func (h *house) say(mux *http.ServeMux, path string, status int, page []byte) {
	mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", pages.Policy())
		w.WriteHeader(status)
		_, _ = w.Write(page)
	})
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// need returns what a verb of the database made.
func need[V any](value V, err error) func(h *house) V {
	return func(h *house) V {
		h.Helper()
		h.must(err)
		return value
	}
}

func (h *house) load(file *programme.File) {
	h.Helper()
	if problems := programme.Check(file); len(problems) > 0 {
		h.Fatalf("programme: %+v", problems)
	}
	problems, err := h.db.Import(h.Context(), file, nil)
	if err != nil || len(problems) > 0 {
		h.Fatalf("import: %v %+v", err, problems)
	}
}

// one returns the one id that a statement selects.
func (h *house) one(statement string, args ...any) (id db.ID) {
	h.Helper()
	if err := h.raw.QueryRowContext(h.Context(), statement, args...).Scan(&id); err != nil {
		h.Fatalf("%s %v: %v", statement, args, err)
	}
	return id
}

// keyed returns the id of what has a key in the programmes.
func (h *house) keyed(table, key string) db.ID {
	h.Helper()
	return h.one("SELECT id FROM "+table+" WHERE key = $1", key)
}

func (h *house) person(key string) db.ID       { h.Helper(); return h.keyed("people", key) }
func (h *house) organisation(key string) db.ID { h.Helper(); return h.keyed("organisations", key) }
func (h *house) edition(key string) db.ID      { h.Helper(); return h.keyed("editions", key) }

func (h *house) seatsOf(edition string) db.ID {
	h.Helper()
	return h.one("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = $1)", edition)
}

// token signs in the person with the address.
func (h *house) token(email string) string {
	h.Helper()
	return need(h.db.IssueToken(h.Context(), email, 1000*time.Hour))(h)
}

// as returns the person with the address as an actor.
func (h *house) as(email string) db.Actor {
	h.Helper()
	if _, known := h.actors[email]; !known {
		actor, ok, err := h.db.Authenticate(h.Context(), h.token(email))
		if err != nil || !ok {
			h.Fatal(ok, err)
		}
		h.actors[email] = actor
	}
	return h.actors[email]
}
