package dbtest

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// Template is a database that many tests begin with: made once for each test process and kind of database, copied for each test.
type Template struct {
	fill     func(ctx context.Context, database *db.DB) error
	options  []db.Option
	sqlite   func() (content []byte, err error)
	postgres func() (name string, err error) // of a database that nobody is connected to
}

// NewTemplate returns the template that fill makes of a migrated, empty database.
func NewTemplate(fill func(ctx context.Context, database *db.DB) error, options ...db.Option) *Template {
	m := &Template{fill: fill, options: options}
	m.sqlite = sync.OnceValues(func() ([]byte, error) {
		folder, err := os.MkdirTemp("", "vaktreffen-test-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(folder) //nolint:errcheck // what is left is small and temporary
		path := filepath.Join(folder, "vaktreffen.db")
		if err := m.make("sqlite:" + path); err != nil {
			return nil, err
		}
		return os.ReadFile(path)
	})
	m.postgres = sync.OnceValues(func() (string, error) {
		p, err := privatePostgres()
		if err != nil {
			return "", err
		}
		name := "vaktreffen_template_" + strings.ToLower(rand.Text())
		if err := execute(context.Background(), p.url, "create database "+name); err != nil {
			return "", err
		}
		return name, m.make(withDatabase(p.url, name))
	})
	return m
}

// Migrated is the template of nothing but the present schema.
var Migrated = NewTemplate(func(context.Context, *db.DB) error { return nil })

// make migrates and fills the database at url.
func (m *Template) make(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	database, err := db.Open(ctx, url, m.options...)
	if err != nil {
		return err
	}
	if err = database.Migrate(ctx); err == nil {
		err = m.fill(ctx, database)
	}
	if closed := database.Close(); err == nil {
		err = closed // only then is everything in the file
	}
	return err
}

// SQLite returns the URL of a copy in a database file, in a folder that is removed when the test ends.
func (m *Template) SQLite(t testing.TB) string {
	t.Helper()
	url := SQLite(t)
	content, err := m.sqlite()
	if err == nil {
		err = os.WriteFile(strings.TrimPrefix(url, "sqlite:"), content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// Postgres returns the URL of a copy in a PostgreSQL database, which is dropped when the test ends. On a server named by
// TEST_DATABASE_URL every test makes its own, as a template would stay there: nothing runs when a test process ends.
func (m *Template) Postgres(t testing.TB) string {
	t.Helper()
	if os.Getenv("TEST_DATABASE_URL") != "" {
		url := Postgres(t)
		if err := m.make(url); err != nil {
			t.Fatal(err)
		}
		return url
	}
	p, err := privatePostgres()
	if err != nil {
		refuse(t, err)
	}
	name, err := m.postgres()
	if err != nil {
		t.Fatal(err)
	}
	return createDatabase(t, p.url, " template "+name)
}

// Each runs test as the parallel subtests "sqlite" and "postgres", each with a copy of its own.
func (m *Template) Each(t *testing.T, test func(t *testing.T, database *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, Open(t, m.SQLite(t)))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Open(t, m.Postgres(t)))
	})
}
