package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"

	"github.com/vaktreffen/vaktreffen/db/migrations"
	"github.com/vaktreffen/vaktreffen/db/wording"
)

// DB is the graph and the outbox on one database. Its methods are safe for concurrent use.
type DB struct {
	handles
	clock    func() time.Time
	linkKey  atomic.Pointer[linkKey]
	wake     map[Lane]chan struct{}
	crowds   crowds
	starting sync.Mutex // held while mails are begun
	files    string     // the folder of those beside reports; "": there is none

	settlingSent func() (string, error) // the text of a statement that comes with every few mails

	personal wording.PersonalLinks
}

// Option changes how a database is opened.
type Option func(*DB)

// WithClock gives the database another clock than time.Now, for tests.
func WithClock(clock func() time.Time) Option { return func(d *DB) { d.clock = clock } }

// Open connects to the database at the address: postgres://… or sqlite:/path/to/file.db. It does not migrate.
func Open(ctx context.Context, address string, options ...Option) (*DB, error) {
	h, err := openHandles(address)
	if err != nil {
		return nil, err
	}
	d := &DB{handles: h, clock: time.Now, wake: map[Lane]chan struct{}{Urgent: make(chan struct{}, 1), Bulk: make(chan struct{}, 1)}}
	d.settlingSent = sync.OnceValues(h.settlingSentText)
	for _, option := range options {
		option(d)
	}
	if err := d.Ping(ctx); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return d, nil
}

// Close ends all connections.
func (d *DB) Close() error { return d.close() }

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.read.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	return nil
}

// Migrate brings the schema to the newest version. Several processes may call it at once: one works, the others wait.
func (d *DB) Migrate(ctx context.Context) (err error) {
	release, err := d.migrationLock(ctx)
	if err != nil {
		return fmt.Errorf("lock the schema: %w", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	m, err := d.migrator()
	if err != nil {
		return err
	}
	if err := m.Init(ctx); err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	if _, err := m.Migrate(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Migrated reports an error when the schema is older than this program needs.
func (d *DB) Migrated(ctx context.Context) error {
	m, err := d.migrator()
	if err != nil {
		return err
	}
	list, err := m.MigrationsWithStatus(ctx)
	if err != nil {
		return errors.New("the database has no schema yet: run vaktreffen migrate")
	}
	if open := list.Unapplied(); len(open) > 0 {
		return fmt.Errorf("the database lacks %d schema changes: run vaktreffen migrate", len(open))
	}
	return nil
}

func (d *DB) migrator() (*migrate.Migrator, error) {
	files := migrate.NewMigrations()
	if err := files.Discover(migrations.Files); err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return migrate.NewMigrator(d.write, files, migrate.WithMarkAppliedOnSuccess(true), migrate.WithTemplateData(d.types)), nil
}

// now is the instant that one transaction works with: UTC, in microseconds, since that is what PostgreSQL keeps.
func (d *DB) now() time.Time { return d.clock().UTC().Truncate(time.Microsecond) }

// change runs a verb in one transaction with one reading of the clock. What it writes is there as a whole or not at all. The
// verb runs again when it was overtaken or the database chose it to break a deadlock, so it must set what it returns afresh.
func (d *DB) change(ctx context.Context, verb func(ctx context.Context, tx bun.Tx, now time.Time) error) error {
	return d.retried(func() error {
		return d.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error { return verb(ctx, tx, d.now()) })
	})
}

// errOvertaken undoes a change that has met what another transaction wrote meanwhile. It runs again and finds that.
var errOvertaken = errors.New("another change came first")

// retried runs a change again when it was overtaken, or when the database undid it to break a deadlock.
func (d *DB) retried(change func() error) (err error) {
	for range 5 {
		if err = change(); !deadlocked(err) && !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return err
}

// Wake returns a channel that gets a value after this process queued deliveries, so that the relay of a lane in the same
// process need not wait for its next look.
func (d *DB) Wake(lane Lane) <-chan struct{} { return d.wake[lane] }

func (d *DB) woken() {
	for _, lane := range d.wake {
		select {
		case lane <- struct{}{}:
		default:
		}
	}
}

// found turns "no rows" into false.
func found(err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
