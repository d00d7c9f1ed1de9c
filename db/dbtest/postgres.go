package dbtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A crash of this server may lose everything, as nobody needs it afterwards; fsync=off makes a database cost milliseconds.
const postgresScript = `
prepare() {
	for locale in C.UTF-8 en_US.UTF-8; do
		if "$program/initdb" --pgdata="$dir/data" --username=postgres --auth=trust --encoding=UTF8 --locale=$locale --no-sync; then
			cat >>"$dir/data/postgresql.conf" <<-'end'
				listen_addresses = '127.0.0.1'
				unix_socket_directories = ''
				max_connections = 200
				fsync = off
				full_page_writes = off
			end
			return
		fi
	done
	return 1
}
start() {
	"$program/pg_ctl" --pgdata="$dir/data" --wait --log="$dir/log" --options="-p $1" start
}
stop() {
	"$program/pg_ctl" --pgdata="$dir/data" --wait --mode=immediate stop
}
`

// debian keeps one folder per major version here, off the PATH.
const debian = "/usr/lib/postgresql"

// privatePostgres is this process's own server. It and privateRedis are the only state of this package.
var privatePostgres = sync.OnceValues(func() (*postgres, error) {
	return startPostgres(postgresPrograms(exec.LookPath, debian))
})

// postgres is a PostgreSQL server for this process alone.
type postgres struct {
	server *server
	url    string // of its maintenance database
}

// startPostgres runs the server whose programs are in the folder programs; "" means there are none.
func startPostgres(programs string) (*postgres, error) {
	if programs == "" {
		return nil, &lack{server: "postgres", advice: "Install PostgreSQL's server (Debian: postgresql, macOS: brew install postgresql) or set TEST_DATABASE_URL."}
	}
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts()
	if err != nil {
		return nil, err
	}
	s, err := launch(postgresScript, programs, account, ports)
	if err != nil {
		return nil, err
	}
	return &postgres{server: s, url: "postgres://postgres@127.0.0.1:" + s.port + "/postgres?sslmode=disable"}, nil
}

// Postgres returns the URL of an empty PostgreSQL database, which is dropped when the test ends, connections or not.
func Postgres(t testing.TB) string {
	t.Helper()
	if server := os.Getenv("TEST_DATABASE_URL"); server != "" {
		return createDatabase(t, server, "")
	}
	p, err := privatePostgres()
	if err != nil {
		refuse(t, err)
	}
	return createDatabase(t, p.url, "")
}

// createDatabase returns the URL of a new database beside the one of server.
func createDatabase(t testing.TB, server, options string) string {
	t.Helper()
	name := "vaktreffen_test_" + strings.ToLower(rand.Text())
	if err := execute(t.Context(), server, "create database "+name+options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := execute(ctx, server, "drop database "+name+" with (force)"); err != nil {
			t.Error(err)
		}
	})
	return withDatabase(server, name)
}

// execute runs one statement on a connection of its own.
func execute(ctx context.Context, server, statement string) error {
	connection, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	_, err = connection.Exec(ctx, statement)
	return err
}

// withDatabase returns the server's URL, which pgx has accepted before, with another database in it.
func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err)
	}
	u.Path = "/" + name
	return u.String()
}

// postgresPrograms returns the folder of a PostgreSQL server's programs, or "": the one on the PATH, else the newest of
// the versions below debian, else the one pg_config points to.
func postgresPrograms(lookPath func(string) (string, error), debian string) string {
	var folders []string
	if initdb, err := lookPath("initdb"); err == nil {
		// Through links, because the programs look for each other in their own folder.
		if target, err := filepath.EvalSymlinks(initdb); err == nil {
			folders = append(folders, filepath.Dir(target))
		}
	}
	versions, _ := filepath.Glob(filepath.Join(debian, "*", "bin")) // fails on a malformed pattern only
	slices.SortFunc(versions, func(a, b string) int { return cmp.Compare(majorVersion(b), majorVersion(a)) })
	folders = append(folders, versions...)
	if config, err := lookPath("pg_config"); err == nil {
		if folder, err := exec.Command(config, "--bindir").Output(); err == nil {
			folders = append(folders, strings.TrimSpace(string(folder)))
		}
	}
	complete := slices.IndexFunc(folders, func(folder string) bool {
		for _, program := range []string{"initdb", "pg_ctl", "postgres"} {
			if _, err := exec.LookPath(filepath.Join(folder, program)); err != nil {
				return false
			}
		}
		return true
	})
	if complete < 0 {
		return ""
	}
	return folders[complete]
}

// majorVersion reads 15 from /usr/lib/postgresql/15/bin, and 9.6 from the older /usr/lib/postgresql/9.6/bin.
func majorVersion(folder string) float64 {
	version, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(folder)), 64)
	return version
}

// unprivileged returns the account to run PostgreSQL under when this process is root, which PostgreSQL refuses; else nil.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("root cannot run PostgreSQL and there is neither a user postgres nor nobody")
}
