package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
	"github.com/vaktreffen/vaktreffen/graph"
)

// cached serves the database of the house with a cache, on a connection of its own as another process would, and counts statements.
func (h *house) cached(bytes int) (url string) {
	h.Helper()
	d, err := db.Open(h.Context(), h.address, db.WithClock(func() time.Time { return *h.clock.Load() }))
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = d.Close() })
	handler, err := graph.Handler(graph.Config{DB: d, Log: h.logger, CacheBytes: bytes})
	if err != nil {
		h.Fatal(err)
	}
	server := httptest.NewServer(handler)
	h.Cleanup(server.Close)
	return server.URL + "/graphql"
}

// lastStatements is how many SQL statements the last operation took: one, for the revision, when it was answered from the cache.
func (h *house) lastStatements() int64 {
	entries := h.log.find("operation")
	return entries[len(entries)-1]["statements"].Int64()
}

func body(t testing.TB, query string, variables vars) []byte {
	t.Helper()
	text, err := json.Marshal(vars{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Programmes are changed by two processes at once while others read over caches of their own. Whoever asks after a change was
// committed sees it.
func TestTheCacheIsNeverStale(t *testing.T) {
	each(t, func(h *house) {
		urls := []string{h.cached(1 << 20), h.cached(1 << 20)}
		const writers = 2
		committed := make([]atomic.Int64, writers)
		title := func(n int64) string { return fmt.Sprintf("Title %08d", n) }
		change := func(d *db.DB, w int, n int64) error {
			e := edition(fmt.Sprintf("raced-%d", w), "vaktreffen", "groningen", "", 2030+w)
			e.Title, e.Themes = title(n), nil
			problems, err := d.Import(h.Context(), &programme.File{Editions: []programme.Edition{e}}, nil)
			for err != nil && strings.Contains(err.Error(), "database is locked") { // SQLite lets a writer wait for seconds only
				problems, err = d.Import(h.Context(), &programme.File{Editions: []programme.Edition{e}}, nil)
			}
			if err == nil && len(problems) > 0 {
				err = fmt.Errorf("%+v", problems)
			}
			return err
		}
		bodies := make([][]byte, writers)
		for w := range writers {
			if err := change(h.db, w, 0); err != nil {
				h.Fatal(err)
			}
			bodies[w] = body(h, `query($id: ID!) { edition(id: $id) { title days { date } host { name } } }`, vars{"id": h.id("editions", fmt.Sprintf("raced-%d", w))})
		}
		const changes = 40
		var writing, reading sync.WaitGroup
		over := make(chan struct{})
		for w := range writers {
			d, err := db.Open(h.Context(), h.address) // a process of its own
			if err != nil {
				h.Fatal(err)
			}
			h.Cleanup(func() { _ = d.Close() })
			writing.Go(func() {
				for n := range int64(changes) {
					if err := change(d, w, n+1); err != nil {
						h.Error(err)
						return
					}
					committed[w].Store(n + 1)
				}
			})
		}
		var asked, hits atomic.Int64
		for r := range 4 {
			reading.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-over:
						return
					default:
					}
					w := (n + r) % writers
					least := committed[w].Load()
					got := h.bytes(urls[r%len(urls)], nobody, bodies[w])
					_, after, _ := strings.Cut(string(got), `"title":"Title `)
					var seen int64
					if _, err := fmt.Sscanf(after, "%08d", &seen); err != nil || seen < least {
						h.Errorf("%d changes were committed before the request, but it got %s", least, got)
						return
					}
					asked.Add(1)
					if seen == least {
						hits.Add(1)
					}
				}
			})
		}
		writing.Wait()
		close(over)
		reading.Wait()
		if asked.Load() < changes || hits.Load() == 0 {
			h.Errorf("only %d readings, %d of them of a change that was there", asked.Load(), hits.Load())
		}
		for w := range writers {
			for _, url := range urls {
				if got := h.bytes(url, nobody, bodies[w]); !bytes.Contains(got, []byte(title(changes))) {
					h.Errorf("in the end: %s", got)
				}
			}
		}
	})
}

func TestWhatTheCacheKeeps(t *testing.T) {
	each(t, func(h *house) {
		url := h.cached(1 << 20)
		id := h.id("editions", "vaktreffen-2027")
		ask := func(email, query string, variables vars) (string, int64) {
			got := h.bytes(url, email, body(h, query, variables))
			return string(got), h.lastStatements()
		}
		agenda := operation(h, "agenda")
		first, cost := ask(nobody, agenda, vars{"id": id})
		if cost < 2 {
			h.Fatalf("%d statements", cost)
		}
		if second, cost := ask(nobody, agenda, vars{"id": id}); second != first || cost != 1 {
			h.Errorf("again: %d statements, the same: %v", cost, second == first)
		}
		for what, other := range map[string]struct {
			email, query string
			variables    vars
		}{
			"another edition":  {nobody, agenda, vars{"id": h.id("editions", "vaktreffen-2009")}},
			"another document": {nobody, strings.Replace(agenda, "year", "", 1), vars{"id": id}},
			"somebody":         {member, agenda, vars{"id": id}},
			"somebody, again":  {member, agenda, vars{"id": id}},
			"an organiser":     {organiser, agenda, vars{"id": id}},
			"something live":   {nobody, operation(h, "agenda-seats"), vars{"id": id}},
		} {
			if _, cost := ask(other.email, other.query, other.variables); cost < 2 {
				h.Errorf("%s: answered with %d statements", what, cost)
			}
		}
		if _, cost := ask(nobody, operation(h, "agenda-seats"), vars{"id": id}); cost < 2 {
			h.Errorf("something live was kept")
		}
		// A draft that its organisers see is nobody else's.
		h.exec("UPDATE editions SET status = 'DRAFT' WHERE key = 'vaktreffen-2027'")
		if got, _ := ask(organiser, agenda, vars{"id": id}); !strings.Contains(got, "Vaktreffen 2027") {
			h.Errorf("its organiser: %.200s", got)
		}
		if got, _ := ask(nobody, agenda, vars{"id": id}); got != `{"data":{"edition":null}}` {
			h.Errorf("nobody sees of a draft: %.200s", got)
		}
		// Errors are not kept.
		for range 2 {
			if got, _ := ask(nobody, `{ editions(first: 0) { totalCount } }`, nil); !strings.Contains(got, `"errors"`) {
				h.Errorf("a page of nothing: %s", got)
			}
		}
	})
}

func TestTheCacheIsBounded(t *testing.T) {
	each(t, func(h *house) {
		id := h.id("editions", "vaktreffen-2027")
		url := h.cached(2000) // for two small answers
		cost := func(alias string) int64 {
			h.bytes(url, nobody, body(h, "query($id: ID!) { "+alias+": edition(id: $id) { title summary timeZone } }", vars{"id": id}))
			return h.lastStatements()
		}
		cost("a")
		if again := cost("a"); again != 1 {
			h.Fatalf("a small answer was not kept: %d statements", again)
		}
		for _, alias := range []string{"b", "c", "d", "e", "f", "g"} {
			cost(alias)
		}
		if again := cost("a"); again < 2 {
			h.Errorf("all answers were kept")
		}
		before := h.log.find("operation")
		h.bytes(url, nobody, body(h, operation(h, "agenda"), vars{"id": id}))
		h.bytes(url, nobody, body(h, operation(h, "agenda"), vars{"id": id}))
		if after := h.log.find("operation"); len(after) != len(before)+2 || h.lastStatements() < 2 {
			h.Errorf("an answer larger than the cache was kept")
		}
	})
}

// Every table is either published, and then any change of it raises the revision, or known not to be.
func TestEveryPublishedTableRaisesTheRevision(t *testing.T) {
	each(t, func(h *house) {
		world(h)
		private := map[string]bool{}
		for _, table := range []string{
			"settings", "access_tokens", "registrations", "campaigns", "invitations", "suppressions", "deliveries", "claims", "workers", "idempotency_keys",
			"audit_log", "notices", "opt_outs", "erased_opt_outs", "bounces", "intake_answers", "invoices", "organisers", "administrators", "sign_in_links", "delegations", "delegates", "corrections", "report_readers", "action_mails", "practice_views", "reminders", "summaries", "preparations", "programme_versions", "calendar_entries", "calendar_links", "certificates", "files", "surveys", "survey_readers", "survey_answers", "survey_tallies", "revisions", "bun_migrations", "bun_migration_locks",
		} {
			private[table] = true
		}
		list := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
		if strings.HasPrefix(h.address, "postgres") {
			list = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
		}
		rows, err := h.raw.QueryContext(h.Context(), list)
		if err != nil {
			h.Fatal(err)
		}
		var tables []string
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				h.Fatal(err)
			}
			tables = append(tables, name)
		}
		revision := func() int64 {
			h.Helper()
			n, err := h.db.Revision(h.Context())
			if err != nil {
				h.Fatal(err)
			}
			return n
		}
		reported(h)
		for _, table := range tables {
			var column string
			if err := h.raw.QueryRowContext(h.Context(), "SELECT column_name FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position LIMIT 1", table).Scan(&column); err != nil {
				if err := h.raw.QueryRowContext(h.Context(), "SELECT name FROM pragma_table_info($1) LIMIT 1", table).Scan(&column); err != nil {
					h.Fatal(err)
				}
			}
			before := revision()
			if _, err := h.raw.ExecContext(h.Context(), "UPDATE "+table+" SET "+column+" = "+column); err != nil {
				if !private[table] || !strings.Contains(err.Error(), "append-only") {
					h.Fatal(err)
				}
				continue
			}
			raised := revision() > before
			if want := !private[table] && table != "seats"; raised != want {
				h.Errorf("%s: a change raised the revision: %v, want %v; a new table is published or named here", table, raised, want)
			}
		}
		for _, statement := range []string{
			"DELETE FROM session_themes", "INSERT INTO themes (id, key, name) SELECT id, 'another', 'Another' FROM seats LIMIT 1", "DELETE FROM seats WHERE taken = 0 AND last_ticket = 0 AND id NOT IN (SELECT seats_id FROM attendances)",
		} {
			before := revision()
			h.exec(statement)
			if revision() <= before {
				h.Errorf("%s: the revision stays %d", statement, before)
			}
		}
	})
}

// reported puts a row into the tables of reports and practices.
func reported(h *house) {
	h.Helper()
	h.withoutReports()
	for _, statement := range []string{
		"INSERT INTO reports (id, edition_id, status, created_at) SELECT id, id, 'DRAFT', '2027-01-15 12:00:00+00:00' FROM editions LIMIT 1",
		"INSERT INTO report_texts (report_id, part_id, locale, version, text, saved_at) SELECT id, id, 'de', 1, 'Gut.', created_at FROM reports",
		"INSERT INTO report_questions (id, report_id, status, created_at) SELECT id, id, 'OPEN', created_at FROM reports",
		"INSERT INTO help_offers (id, question_id, organisation_id, note, created_at) SELECT q.id, q.id, o.id, '', created_at FROM report_questions AS q, organisations AS o LIMIT 1",
		"INSERT INTO report_actions (id, report_id, organisation_id, status, created_at) SELECT r.id, r.id, o.id, 'OPEN', created_at FROM reports AS r, organisations AS o LIMIT 1",
		"INSERT INTO materials (id, report_id, title, url, created_at) SELECT id, id, 'Folien', 'https://example.org/', created_at FROM reports",
		"INSERT INTO attendances (seats_id, person_id, walk_in, at) SELECT s.id, p.id, p.id IS NULL, p.created_at FROM seats AS s, people AS p LIMIT 1",
		"DELETE FROM practice_partners", "DELETE FROM practice_comments", "DELETE FROM practices",
		"INSERT INTO practices (id, edition_id, status, version, locale, title, description, budget_currency, term, success_factors, pitfalls, points_of_attention, recommendations, created_at) SELECT id, id, 'DRAFT', 1, 'de', 'T', '', '', '', '[]', '[]', '[]', '[]', '2027-01-15 12:00:00+00:00' FROM editions LIMIT 1",
		"INSERT INTO practice_partners (practice_id, organisation_id, position) SELECT p.id, o.id, 0 FROM practices AS p, organisations AS o LIMIT 1",
		"INSERT INTO practice_comments (id, practice_id, person_id, text, status, reason, created_at) SELECT p.id, p.id, people.id, 'Good.', 'SHOWN', '', p.created_at FROM practices AS p, people LIMIT 1",
		"INSERT INTO practice_ratings (practice_id, person_id, stars, rated_at) SELECT p.id, people.id, 4, p.created_at FROM practices AS p, people LIMIT 1",
	} {
		h.exec(statement)
	}
}
