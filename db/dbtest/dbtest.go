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
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

// Each runs test as the parallel subtests "sqlite" and "postgres", each with a migrated, empty database of its own.
func Each(t *testing.T, test func(t *testing.T, database *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, Open(t, SQLite(t)))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Open(t, migratedPostgres(t)))
	})
}

// Open opens and migrates the database at url and closes it when the test ends.
func Open(t testing.TB, url string) *db.DB {
	t.Helper()
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			migrated, err := migratedSQLite()
			if err == nil {
				err = os.WriteFile(path, migrated, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
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

// migratedSQLite is the content of a new database file, migrated once for all tests of the process.
var migratedSQLite = sync.OnceValues(func() (content []byte, err error) {
	folder, err := os.MkdirTemp("", "vaktreffen-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // what is left is small and temporary
	path := filepath.Join(folder, "vaktreffen.db")
	database, err := db.Open(context.Background(), "sqlite:"+path)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(database.Migrate(context.Background()), database.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// SQLite returns the URL of a database file that does not exist yet, in a folder that is removed when the test ends.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "vaktreffen.db")
}
