package db_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// small is a programme file with one of everything. Tests edit it by replacing its text.
const small = `{
"organisations": [
{"key": "assen", "kind": "MUNICIPALITY", "name": "Assen", "country": "NL", "code": "GM0106"},
{"key": "emden", "kind": "MUNICIPALITY", "name": "Émden", "country": "DE", "code": "03402000"},
{"key": "school", "kind": "INSTITUTION", "institutionKind": "UNIVERSITY", "name": "School", "country": "NL"}
],
"people": [
{"key": "anna", "name": "Anna", "email": "Anna@example.org", "organisation": "assen", "locale": "nl"},
{"key": "emil", "name": "Emil", "email": "emil@example.org", "jobTitle": "Adviser", "organisation": "emden", "locale": "de"}
],
"themes": [{"key": "water", "name": "Water"}, {"key": "work", "name": "Work"}],
"partnerships": [
{"key": "north", "name": "North", "kind": "CROSS_BORDER", "members": [
{"organisation": "assen", "role": "LEAD", "coordinators": ["anna"]},
{"organisation": "emden", "role": "MEMBER", "coordinators": ["emil"]}
], "agreements": [{"key": "first", "title": "First", "signedOn": "2009-05", "termYears": 5, "renewal": "TACIT"}]},
{"key": "south", "name": "South", "kind": "NETWORK"}
],
"series": [{"key": "meeting", "partnership": "north", "name": "Meeting", "cadence": "YEARLY", "rotation": ["assen", "emden"]}],
"editions": [
{"key": "meeting-2099", "series": "meeting", "title": "Meeting 2099", "year": 2099, "status": "PUBLISHED", "host": "emden",
"startsOn": "2099-06-01", "endsOn": "2099-06-02", "timeZone": "Europe/Berlin", "languages": ["de", "nl"],
"venue": {"name": "Hall", "city": "Emden", "country": "DE"}, "themes": ["water", "work"], "capacity": 2,
"rooms": [{"key": "one", "name": "One"}, {"key": "two", "name": "Two"}],
"sessions": [
{"key": "late", "kind": "BREAKOUT", "title": "Late", "starts": "2099-06-01T14:00", "ends": "2099-06-01T15:00", "room": "one"},
{"key": "loose", "kind": "BREAK", "title": "Loose", "day": "2099-06-01"},
{"key": "second-day", "kind": "CLOSING", "title": "Second day", "day": "2099-06-02"},
{"key": "early", "kind": "PLENARY", "title": "Early", "starts": "2099-06-01T10:00", "ends": "2099-06-01T12:00", "room": "one", "languages": ["de"],
"children": [
{"key": "child-late", "kind": "PLENARY", "title": "Child late", "starts": "2099-06-01T11:00", "ends": "2099-06-01T12:00", "room": "one",
"themes": ["work", "water"], "capacity": 9,
"contributions": [{"role": "CHAIR", "person": "anna"}, {"role": "SPEAKER", "person": "emil"}, {"role": "SPEAKER", "name": "Guest", "affiliation": "Elsewhere"}]},
{"key": "child-early", "kind": "PLENARY", "title": "Child early", "starts": "2099-06-01T10:00", "ends": "2099-06-01T11:00"},
{"key": "child-loose", "kind": "PLENARY", "title": "Child loose"}
]}
]},
{"key": "meeting-1999", "series": "meeting", "title": "Meeting 1999", "year": 1999, "status": "PUBLISHED", "timeZone": "Europe/Amsterdam", "languages": ["nl"]}
],
"courses": [
{"key": "course", "organisation": "school", "title": "Élan", "days": 1, "maxParticipants": 20, "price": {"amountMinor": 2500, "currency": "EUR"},
"trainers": ["emil", "anna"], "related": ["other"],
"runs": [{"key": "spring", "startsOn": "2099-04-15", "endsOn": "2099-04-15", "timeZone": "Europe/Amsterdam", "status": "PLANNED", "languages": ["nl"]}]},
{"key": "other", "organisation": "school", "title": "Other", "days": 2}
]}`

// edited replaces texts in a programme file: old, new, old, new.
func edited(t *testing.T, text string, replacements ...string) string {
	t.Helper()
	for n := 0; n < len(replacements); n += 2 {
		if strings.Count(text, replacements[n]) != 1 {
			t.Fatalf("%q is %d times in the file, want once", replacements[n], strings.Count(text, replacements[n]))
		}
		text = strings.Replace(text, replacements[n], replacements[n+1], 1)
	}
	return text
}

func parse(t *testing.T, text string) *programme.File {
	t.Helper()
	file, problems := programme.Parse([]byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return file
}

func mustImport(t *testing.T, database *db.DB, text string) {
	t.Helper()
	problems, err := database.Import(t.Context(), parse(t, text), nil)
	if err != nil || len(problems) > 0 {
		t.Fatalf("import: problems %v, error %v", problems, err)
	}
}

func dump(t *testing.T, database *db.DB) map[string][]string {
	t.Helper()
	tables, err := database.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// wantRows compares what a query returns.
func wantRows(t *testing.T, database *db.DB, query string, want ...string) {
	t.Helper()
	got, err := database.Rows(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", query, diff)
	}
}

func TestImportAgainChangesNothing(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../cmd/vaktreffen/programmes/*.json")
	if err != nil || len(paths) != 5 {
		t.Fatalf("found %d programme files, err %v; want 5", len(paths), err)
	}
	texts := map[string]string{"small": small}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(data)
	}
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		importAll := func() map[string][]string {
			for _, name := range slices.Sorted(maps.Keys(texts)) {
				var done, total int
				problems, err := database.Import(t.Context(), parse(t, texts[name]), func(d, t int) { done, total = d, t })
				if err != nil || len(problems) > 0 {
					t.Fatalf("%s: problems %v, error %v", name, problems, err)
				}
				if done != total || total == 0 {
					t.Errorf("%s: progress ended with %d of %d", name, done, total)
				}
			}
			return dump(t, database)
		}
		first, second := importAll(), importAll()
		if had, has := len(first["audit_log"]), len(second["audit_log"]); had == 0 || has != 2*had {
			t.Errorf("%d audit entries after the first import, %d after the second; want twice as many", had, has)
		}
		for _, table := range []string{"audit_log", "revisions"} { // which tell of every writing, of the same too
			delete(first, table)
			delete(second, table)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("the second import changed (-first +second):\n%s", diff)
		}
		for _, table := range []string{"organisations", "people", "themes", "partnerships", "members", "coordinators", "agreements", "series", "rotations",
			"editions", "edition_themes", "rooms", "sessions", "session_themes", "contributions", "courses", "course_trainers", "related_courses",
			"course_runs", "seats"} {
			if len(first[table]) == 0 {
				t.Errorf("nothing in %s", table)
			}
		}
	})
}

func TestImportDerives(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		mustImport(t, database, small)
		// Sessions without times stay behind what the file has before them; children follow their block.
		wantRows(t, database, "SELECT key, position, substr(CAST(day AS TEXT), 1, 10), languages FROM sessions ORDER BY position",
			`early 0 2099-06-01 ["de"]`, `child-early 1 2099-06-01 ["de","nl"]`, `child-late 2 2099-06-01 ["de","nl"]`, `child-loose 3 2099-06-01 ["de","nl"]`,
			`late 4 2099-06-01 ["de","nl"]`, `loose 5 2099-06-01 ["de","nl"]`, `second-day 6 2099-06-02 ["de","nl"]`)
		wantRows(t, database, "SELECT key, substr(CAST(starts_at AS TEXT), 1, 16), substr(CAST(ends_at AS TEXT), 12, 5) FROM sessions WHERE starts_at IS NOT NULL AND room_id IS NOT NULL ORDER BY position",
			"early 2099-06-01 08:00 10:00", "child-late 2099-06-01 09:00 10:00", "late 2099-06-01 12:00 13:00")
		wantRows(t, database, "SELECT key, search, substr(CAST(sorts_on AS TEXT), 1, 10) FROM editions ORDER BY key",
			"meeting-1999 meeting 1999 1999-01-01",
			"meeting-2099 meeting 2099 emden emden early child early child late child loose late loose second day 2099-06-01")
		wantRows(t, database, "SELECT folded_name FROM organisations ORDER BY key", "assen", "emden", "school")
		wantRows(t, database, "SELECT action, count(*) FROM audit_log WHERE actor_id IS NULL GROUP BY action", "import 6")
		wantRows(t, database, "SELECT folded_title FROM courses ORDER BY key", "elan", "other")
		wantRows(t, database, "SELECT email FROM people ORDER BY key", "anna@example.org", "emil@example.org")
		wantRows(t, database, "SELECT substr(CAST(signed_on AS TEXT), 1, 10), signed_precision FROM agreements", "2009-05-01 MONTH")
		wantRows(t, database, `SELECT coalesce(e.key, s.key, r.key), capacity FROM seats LEFT JOIN editions e ON e.id = seats.edition_id
			LEFT JOIN sessions s ON s.id = seats.session_id LEFT JOIN course_runs r ON r.id = seats.course_run_id ORDER BY 1`,
			"child-late 9", "meeting-1999 <nil>", "meeting-2099 2", "spring 20")
	})
}

func TestImportUpdates(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		mustImport(t, database, small)
		const ids = `SELECT id FROM organisations UNION ALL SELECT id FROM people UNION ALL SELECT id FROM sessions UNION ALL SELECT id FROM members
			UNION ALL SELECT id FROM rooms UNION ALL SELECT id FROM seats UNION ALL SELECT id FROM editions ORDER BY 1`
		before, err := database.Rows(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		speakers, err := database.Rows(t.Context(), "SELECT id FROM contributions WHERE role = 'SPEAKER' ORDER BY id")
		if err != nil {
			t.Fatal(err)
		}
		mustImport(t, database, edited(t, small,
			`"Émden"`, `"Leer"`,
			`"Anna@example.org"`, `"emil@example.org"`, `"email": "emil@example.org", "jobTitle"`, `"email": "anna@example.org", "jobTitle"`,
			`{"key": "assen", "kind": "MUNICIPALITY", "name": "Assen", "country": "NL", "code": "GM0106"}`,
			`{"key": "new", "kind": "MUNICIPALITY", "name": "New", "country": "NL", "code": "GM0106"},
			{"key": "assen", "kind": "MUNICIPALITY", "name": "Assen", "country": "NL", "code": "GM0107"}`,
			`"LEAD", "coordinators": ["anna"]`, `"LEAD", "coordinators": ["emil"]`,
			`"partnership": "north"`, `"partnership": "south"`,
			`"rotation": ["assen", "emden"]`, `"rotation": ["emden"]`,
			`"themes": ["water", "work"]`, `"themes": ["work"]`,
			`"capacity": 2,`, ``,
			`"capacity": 9,`, `"capacity": 4,`,
			`, {"key": "two", "name": "Two"}`, ``,
			`{"key": "loose", "kind": "BREAK", "title": "Loose", "day": "2099-06-01"},`, ``,
			`"title": "Second day"`, `"title": "Ending"`,
			`{"role": "CHAIR", "person": "anna"}, {"role": "SPEAKER", "person": "emil"}, {"role": "SPEAKER", "name": "Guest", "affiliation": "Elsewhere"}`,
			`{"role": "SPEAKER", "name": "Guest", "affiliation": "Elsewhere"}, {"role": "SPEAKER", "person": "emil"}`,
			`"trainers": ["emil", "anna"], "related": ["other"]`, `"trainers": ["anna"]`,
			`{"key": "meeting-1999", "series": "meeting", "title": "Meeting 1999", "year": 1999, "status": "PUBLISHED", "timeZone": "Europe/Amsterdam", "languages": ["nl"]}`,
			`{"key": "meeting-2000", "series": "meeting", "title": "Meeting 2000", "year": 2000, "status": "DRAFT", "timeZone": "Europe/Amsterdam", "languages": ["nl"]}`,
		))
		after, err := database.Rows(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		if kept := slices.DeleteFunc(slices.Clone(before), func(id string) bool { return !slices.Contains(after, id) }); len(kept) != len(before) || len(after) != len(before)+3 {
			t.Errorf("%d ids before, %d of them and %d in all after; want three more, an organisation and an edition with its seats", len(before), len(kept), len(after))
		}
		wantRows(t, database, "SELECT id FROM contributions WHERE role = 'SPEAKER' ORDER BY id", speakers...)
		wantRows(t, database, "SELECT guest_name FROM contributions ORDER BY position", "Guest", "")
		wantRows(t, database, "SELECT email FROM people ORDER BY key", "emil@example.org", "anna@example.org")
		wantRows(t, database, "SELECT key, code FROM organisations WHERE country = 'NL' ORDER BY key", "assen GM0107", "new GM0106", "school <nil>")
		wantRows(t, database, "SELECT person.key FROM coordinators JOIN people person ON person.id = person_id", "emil", "emil")
		wantRows(t, database, "SELECT position FROM rotations", "0")
		wantRows(t, database, "SELECT editions.key, partnerships.key FROM editions JOIN partnerships ON partnerships.id = partnership_id ORDER BY 1",
			"meeting-1999 south", "meeting-2000 south", "meeting-2099 south")
		wantRows(t, database, "SELECT count(*) FROM edition_themes", "1")
		wantRows(t, database, "SELECT count(*) FROM course_trainers", "1")
		wantRows(t, database, "SELECT count(*) FROM related_courses", "0")
		wantRows(t, database, "SELECT key FROM sessions WHERE parent_id IS NULL ORDER BY position", "early", "late", "loose", "second-day")
		wantRows(t, database, "SELECT search FROM editions WHERE key = 'meeting-2099'",
			"meeting 2099 emden leer early child early child late child loose late loose ending")
		wantRows(t, database, "SELECT capacity FROM seats WHERE course_run_id IS NULL ORDER BY coalesce(capacity, 0)", "<nil>", "<nil>", "2", "4")
	})
}

func TestImportKeepsRetentionUnlessTheFileSaysIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		stating := func(edition, run string) string {
			return edited(t, small, `"capacity": 2,`, `"capacity": 2, "retentionMonths": `+edition+`,`, `"status": "PLANNED",`, `"status": "PLANNED", "retentionMonths": `+run+`,`)
		}
		w := &world{DB: database}
		mustImport(t, database, stating("6", "9"))
		wantRows(t, database, "SELECT key, retention_months FROM editions ORDER BY key", "meeting-1999 <nil>", "meeting-2099 6")
		wantRows(t, database, "SELECT retention_months FROM course_runs", "9")
		mustImport(t, database, small)
		wantRows(t, database, "SELECT retention_months FROM editions WHERE key = 'meeting-2099'", "6")
		if _, err := database.ChangeRetention(t.Context(), db.Actor{PersonID: *w.id(t, "people", "anna"), Administrator: true}, db.ChangeRetentionInput{EditionID: w.id(t, "editions", "meeting-1999"), Months: ptr(12)}, nil, nil); err != nil {
			t.Fatal(err)
		}
		mustImport(t, database, stating("7", "10"))
		wantRows(t, database, "SELECT key, retention_months FROM editions ORDER BY key", "meeting-1999 12", "meeting-2099 7")
		wantRows(t, database, "SELECT retention_months FROM course_runs", "10")
	})
}

func TestImportFindsRenamedHosts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		mustImport(t, database, small)
		mustImport(t, database, `{"organisations": [{"key": "emden", "kind": "MUNICIPALITY", "name": "Leer", "country": "DE", "code": "03402000"}]}`)
		wantRows(t, database, "SELECT search FROM editions WHERE key = 'meeting-2099'",
			"meeting 2099 emden leer early child early child late child loose late loose second day")
	})
}

// Sessions that only the database knows follow their edition's time zone and their block's day.
func TestImportTakesOthersAlong(t *testing.T) {
	t.Parallel()
	const first = `{"editions": [{"key": "e", "series": "meeting", "title": "E", "year": 2010, "status": "DRAFT", "timeZone": "Europe/Berlin", "languages": ["de"],
		"startsOn": "2010-05-04", "endsOn": "2010-05-05", "sessions": [
		{"key": "noon", "kind": "BREAK", "title": "Noon", "starts": "2010-05-04T12:00", "ends": "2010-05-04T13:00"},
		{"key": "block", "kind": "PLENARY", "title": "Block", "day": "2010-05-04", "children": [{"key": "child", "kind": "PLENARY", "title": "Child"}]}]}]}`
	const second = `{"editions": [{"key": "e", "series": "meeting", "title": "E", "year": 2010, "status": "DRAFT", "timeZone": "Europe/London", "languages": ["de"],
		"startsOn": "2010-05-04", "endsOn": "2010-05-05", "sessions": [{"key": "block", "kind": "PLENARY", "title": "Block", "day": "2010-05-05"}]}]}`
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		mustImport(t, database, small)
		mustImport(t, database, first)
		mustImport(t, database, second)
		wantRows(t, database, `SELECT s.key, s.position, substr(CAST(day AS TEXT), 1, 10), substr(CAST(starts_at AS TEXT), 12, 5), substr(CAST(ends_at AS TEXT), 12, 5)
			FROM sessions s JOIN editions e ON e.id = edition_id WHERE e.key = 'e' ORDER BY s.position`,
			"noon 0 2010-05-04 11:00 12:00", "block 1 2010-05-05 <nil> <nil>", "child 2 2010-05-05 <nil> <nil>")
	})
}

func TestImportMovesTheWaitingUp(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		mustImport(t, database, small)
		for n := range 4 {
			id := fmt.Sprintf("00000000-0000-7000-8000-00000000000%d", n)
			exec(t, database, "INSERT INTO people (id, affiliation, name, locale, created_at) VALUES (?, '', 'P', 'nl', '2026-01-01 00:00:00+00:00')", id)
			status := "CONFIRMED"
			if n >= 2 {
				status = "WAITLISTED"
			}
			exec(t, database, `INSERT INTO registrations (id, seats_id, person_id, status, ticket, registered_at, registered_by, calendar_sequence)
				SELECT ?, seats.id, ?, ?, ?, '2026-01-01 00:00:00+00:00', ?, 0 FROM seats JOIN editions ON editions.id = edition_id WHERE editions.key = 'meeting-2099'`,
				id, id, status, n+1, id)
		}
		exec(t, database, "UPDATE seats SET taken = 2, waiting = 2, last_ticket = 4 WHERE edition_id IN (SELECT id FROM editions WHERE key = 'meeting-2099')")
		const seats = "SELECT capacity, taken, waiting FROM seats JOIN editions ON editions.id = edition_id WHERE editions.key = 'meeting-2099'"
		mustImport(t, database, edited(t, small, `"capacity": 2,`, `"capacity": 1,`))
		wantRows(t, database, seats, "1 2 2")
		mustImport(t, database, edited(t, small, `"capacity": 2,`, `"capacity": 3,`))
		wantRows(t, database, seats, "3 3 1")
		mustImport(t, database, edited(t, small, `"capacity": 2,`, `"capacity": 4,`, `"status": "PUBLISHED", "host"`, `"status": "CANCELLED", "host"`))
		wantRows(t, database, seats, "4 3 1") // nobody moves up into what is cancelled
		wantRows(t, database, "SELECT ticket, status FROM registrations ORDER BY ticket", "1 CONFIRMED", "2 CONFIRMED", "3 CONFIRMED", "4 WAITLISTED")
		wantRows(t, database, "SELECT kind, count(*) FROM deliveries GROUP BY kind ORDER BY kind", "meeting_notice 4", "registration_confirmed 1")
		select {
		case <-database.Wake(db.Urgent):
		default:
			t.Error("nobody was told of the new delivery")
		}
	})
}

func exec(t *testing.T, database *db.DB, query string, args ...any) {
	t.Helper()
	if err := database.Exec(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}
