package dbtest_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
)

func TestEachRunsOnBothDatabases(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var ran []string
	t.Run("group", func(t *testing.T) {
		dbtest.Each(t, func(t *testing.T, database *db.DB) {
			if err := database.Migrate(t.Context()); err != nil {
				t.Errorf("migrating a migrated database: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			ran = append(ran, t.Name()[strings.LastIndex(t.Name(), "/")+1:])
		})
	})
	slices.Sort(ran)
	if got := strings.Join(ran, " "); got != "postgres sqlite" {
		t.Errorf("ran %q", got)
	}
}

func TestPostgresIsEmptyAndOfItsOwn(t *testing.T) {
	t.Parallel()
	a, b := dbtest.Postgres(t), dbtest.Postgres(t)
	if a == b {
		t.Fatalf("two databases share %s", a)
	}
	for _, address := range []string{a, b} {
		if n := query[int](t, address, "select count(*) from pg_tables where schemaname = 'public'"); n != 0 {
			t.Errorf("a new database has %d tables", n)
		}
	}
	if _, err := connect(t, a).Exec(t.Context(), "create table only_here (id int)"); err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, b, "select count(*) from pg_tables where tablename = 'only_here'"); n != 0 {
		t.Error("a table of one database shows in another")
	}
	if got := query[string](t, a, "select lower('ÄÖÜ') || current_setting('server_encoding')"); got != "äöüUTF8" {
		t.Errorf("letters and encoding: %s", got)
	}
}

func TestPostgresIsDroppedThoughConnected(t *testing.T) {
	t.Parallel()
	parent, beside := t, dbtest.Postgres(t)
	var gone string
	t.Run("a test that leaves a connection", func(t *testing.T) {
		gone = dbtest.Postgres(t)
		leaked, err := pgx.Connect(t.Context(), gone)
		if err != nil {
			t.Fatal(err)
		}
		parent.Cleanup(func() { leaked.Close(context.Background()) })
		if !exists(t, beside, gone) {
			t.Error("the database does not exist during its test")
		}
	})
	if exists(t, beside, gone) {
		t.Errorf("%s is still there", gone)
	}
}

// Not parallel, like the next: the variables hold for the whole process. Empty, they stand for a private server.
func TestPostgresOnANamedServer(t *testing.T) {
	t.Setenv("TEST_DATABASE_URL", "")
	named := dbtest.Postgres(t)
	t.Setenv("TEST_DATABASE_URL", named)
	var gone string
	t.Run("a test", func(t *testing.T) {
		gone = dbtest.Postgres(t)
		if server(t, gone) != server(t, named) || gone == named {
			t.Errorf("got %s for %s", gone, named)
		}
		if !exists(t, named, gone) {
			t.Error("the database does not exist during its test")
		}
	})
	if exists(t, named, gone) {
		t.Errorf("%s is still there", gone)
	}
	before := query[string](t, named, "select string_agg(datname, ' ' order by datname) from pg_database")
	t.Run("each", func(t *testing.T) { dbtest.Each(t, func(*testing.T, *db.DB) {}) })
	if after := query[string](t, named, "select string_agg(datname, ' ' order by datname) from pg_database"); after != before {
		t.Errorf("databases before: %s\nafter: %s", before, after)
	}
}

func TestRedisOnANamedServer(t *testing.T) {
	t.Setenv("TEST_REDIS_URL", "")
	named := dbtest.Redis(t)
	t.Setenv("TEST_REDIS_URL", named)
	occupied := client(t, strings.TrimSuffix(named, "/0")+"/1")
	if err := occupied.Set(t.Context(), "somebody's", "data", 0).Err(); err != nil {
		t.Fatal(err)
	}
	var first string
	t.Run("a test", func(t *testing.T) {
		first = dbtest.Redis(t)
		second := dbtest.Redis(t)
		if want := strings.TrimSuffix(named, "/0"); first != want+"/2" || second != want+"/3" {
			t.Errorf("got %s and %s", first, second)
		}
		if err := client(t, first).Set(t.Context(), "left", "over", 0).Err(); err != nil {
			t.Fatal(err)
		}
	})
	if again := dbtest.Redis(t); again != first {
		t.Errorf("%s was not given back: got %s", first, again)
	}
	if got := occupied.Get(t.Context(), "somebody's").Val(); got != "data" {
		t.Errorf("somebody's data is now %q", got)
	}
}

func TestRedisIsOfItsOwn(t *testing.T) {
	t.Parallel()
	a, b := client(t, dbtest.Redis(t)), client(t, dbtest.Redis(t))
	if err := a.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n := b.Exists(t.Context(), "key").Val(); n != 0 {
		t.Error("a key of one server shows in another")
	}
	settings, err := a.ConfigGet(t.Context(), "maxmemory-policy").Result()
	if err != nil {
		t.Fatal(err)
	}
	if got := settings["maxmemory-policy"]; got != "noeviction" {
		t.Errorf("maxmemory-policy is %s", got)
	}
}

func TestSQLiteIsOfItsOwn(t *testing.T) {
	t.Parallel()
	a, b := dbtest.SQLite(t), dbtest.SQLite(t)
	if a == b {
		t.Errorf("two databases share %s", a)
	}
	dbtest.Open(t, a)
	dbtest.Open(t, b)
}

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close(context.Background()) })
	return connection
}

// query returns the one value that a statement yields.
func query[T any](t *testing.T, address, statement string) T {
	t.Helper()
	var value T
	if err := connect(t, address).QueryRow(t.Context(), statement).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// exists tells whether the server of one database has another.
func exists(t *testing.T, server, database string) bool {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	return query[bool](t, server, "select exists (select from pg_database where datname = '"+u.Path[1:]+"')")
}

func server(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func client(t *testing.T, address string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(options)
	t.Cleanup(func() { c.Close() })
	return c
}
