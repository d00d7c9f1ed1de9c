package db_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
)

// open opens a database without migrating it.
func open(t *testing.T, address string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestMigratingAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, address(t))
			if err := d.Migrated(t.Context()); err == nil || !strings.Contains(err.Error(), "run vaktreffen migrate") {
				t.Errorf("before: %v", err)
			}
			for range 2 {
				if err := d.Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := d.Migrated(t.Context()); err != nil {
					t.Errorf("after: %v", err)
				}
			}
			if _, err := d.Raw().NewRaw("DELETE FROM bun_migrations WHERE id = (SELECT max(id) FROM bun_migrations)").Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := d.Migrated(t.Context()); err == nil || !strings.Contains(err.Error(), "lacks 1 schema changes") {
				t.Errorf("with one change missing: %v", err)
			}
			if err := d.Migrate(t.Context()); err == nil { // its tables are there already, so it must fail as a whole
				t.Error("a change was applied twice")
			}
			newWorld(t, d) // the rest is as good as before
		})
	}
}

func TestMigratingByManyAtOnce(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := address(t)
			var wg sync.WaitGroup
			for range 3 {
				d := open(t, target) // as a process of its own would
				for range 2 {
					wg.Go(func() {
						if err := d.Migrate(t.Context()); err != nil {
							t.Error(err)
						}
						if err := d.Migrated(t.Context()); err != nil {
							t.Error(err)
						}
					})
				}
			}
			wg.Wait()
			newWorld(t, open(t, target))
		})
	}
}

func TestTheSchemaRefuses(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		small := w.send(t, w.olga, toEdition("k", w.edition(t, "small"), db.AudienceInput{CSV: csvOf("p", 5)}))
		for _, token := range w.tokens(t, small.ID) {
			w.answer(t, token, true)
		}
		id := db.NewID(db.KindUnknown+1, beginning)
		for rule, statement := range map[string]string{
			"two people with one address":           "UPDATE people SET email = 'anna@example.org' WHERE key = 'bert'",
			"an address in capitals":                "UPDATE people SET email = 'Bert@example.org' WHERE key = 'bert'",
			"a person without a name":               "UPDATE people SET name = '' WHERE key = 'bert'",
			"an unknown locale":                     "UPDATE people SET locale = 'fr' WHERE key = 'bert'",
			"an employer that is not there":         "UPDATE people SET organisation_id = '" + uuidOf(id) + "' WHERE key = 'bert'",
			"an unknown kind of organisation":       "UPDATE organisations SET kind = 'PARTY' WHERE key = 'bremen'",
			"a municipality of a kind":              "UPDATE organisations SET institution_kind = 'AGENCY' WHERE key = 'bremen'",
			"a country in words":                    "UPDATE organisations SET country = 'Germany' WHERE key = 'bremen'",
			"a code twice":                          "UPDATE organisations SET country = 'NL', code = 'GM0014' WHERE key = 'bremen'",
			"an end before the start":               "UPDATE editions SET ends_on = '2027-05-19' WHERE key = 'open'",
			"an end without a start":                "UPDATE editions SET starts_on = NULL WHERE key = 'open'",
			"an unknown status of an edition":       "UPDATE editions SET status = 'OVER' WHERE key = 'open'",
			"an organisation twice a member":        "INSERT INTO members SELECT '" + uuidOf(id) + "', partnership_id, organisation_id, role, position FROM members",
			"more places taken than none":           "UPDATE seats SET taken = -1",
			"fewer waiting than none":               "UPDATE seats SET waiting = -1",
			"seats of nothing":                      "UPDATE seats SET edition_id = NULL",
			"seats of two things":                   "UPDATE seats SET edition_id = (SELECT id FROM editions WHERE key = 'draft') WHERE course_run_id IS NOT NULL",
			"a ticket twice":                        "UPDATE registrations SET ticket = 1",
			"a person twice on the same seats":      "UPDATE registrations SET person_id = (SELECT person_id FROM registrations ORDER BY ticket LIMIT 1)",
			"an unknown status of a registration":   "UPDATE registrations SET status = 'MAYBE'",
			"a campaign to nobody":                  "UPDATE campaigns SET total = 0",
			"a campaign to two meetings":            "UPDATE campaigns SET course_run_id = (SELECT id FROM course_runs WHERE key = 'spring')",
			"more outcomes than mails":              "UPDATE campaigns SET sent = total + 1",
			"fewer accepted than none":              "UPDATE campaigns SET accepted = -1",
			"an unknown status of a campaign":       "UPDATE campaigns SET status = 'SCHEDULED'",
			"an invitation twice":                   "INSERT INTO invitations (id, campaign_id, person_id, edition_id, status) SELECT '" + uuidOf(id) + "', campaign_id, person_id, edition_id, 'PENDING' FROM invitations LIMIT 1",
			"an invitation to nothing":              "UPDATE invitations SET edition_id = NULL",
			"an unknown answer":                     "UPDATE invitations SET status = 'TENTATIVE'",
			"a queued delivery with a claim":        "UPDATE deliveries SET claim = '" + uuidOf(id) + "'",
			"a delivery sending without a claim":    "UPDATE deliveries SET state = 'SENDING'",
			"a delivery in no state":                "UPDATE deliveries SET state = 'LOST'",
			"a delivery in no lane":                 "UPDATE deliveries SET lane = 'SLOW'",
			"a delivery of a campaign that is gone": "DELETE FROM campaigns",
			"a key twice":                           "INSERT INTO idempotency_keys SELECT * FROM idempotency_keys",
			"a suppression in capitals":             "INSERT INTO suppressions (email, reason, created_at) VALUES ('A@x.org', 'HARD_BOUNCE', '2027-01-01 00:00:00+00:00')",
		} {
			tx, err := w.Raw().Begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.NewRaw(statement).Exec(t.Context()); err == nil {
				t.Errorf("%s: it was taken", rule)
			} else if text := strings.ToLower(err.Error()); !strings.Contains(text, "constraint") {
				t.Errorf("%s: %v", rule, err)
			}
			if err := tx.Rollback(); err != nil {
				t.Fatal(err)
			}
		}
		w.checkCounts(t, "in the end")
	})
}

// uuidOf returns the form of an id that the databases hold.
func uuidOf(id db.ID) string {
	value, _ := id.Value()
	return value.(string)
}
