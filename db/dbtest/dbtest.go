// Package dbtest gives a test real servers: a SQLite file, a PostgreSQL database and a Redis of its own, gone when the test ends.
//
// A machine needs nothing but the servers' binaries. PostgreSQL is started once per test process and Redis once per call,
// on free ports of 127.0.0.1, and both end with the test process however it ends. To use servers that already run, set
//
//	TEST_DATABASE_URL  postgres://… of a role that may create databases: every test gets a database of its own there
//	TEST_REDIS_URL     redis://… of a server with noeviction: every test gets one of its empty logical databases
//
// Where a server is neither installed nor named, the tests that need it are skipped and say what to install. Servers named
// in VAKTREFFEN_TEST_REQUIRE, as in "postgres,redis", fail those tests instead.
//
// A test that stops half-way (a panic, a kill) leaves its database behind on a server named by TEST_DATABASE_URL or
// TEST_REDIS_URL, and nothing on a private one.
package dbtest

import (
	"path/filepath"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

// Each runs test as the parallel subtests "sqlite" and "postgres", each with a migrated, empty database of its own.
func Each(t *testing.T, test func(t *testing.T, database *db.DB)) {
	t.Helper()
	Migrated.Each(t, test)
}

// Open opens and migrates the database at url and closes it when the test ends.
func Open(t testing.TB, url string) *db.DB {
	t.Helper()
	database, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := database.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := database.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return database
}

// SQLite returns the URL of a database file that does not exist yet, in a folder that is removed when the test ends.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "vaktreffen.db")
}
