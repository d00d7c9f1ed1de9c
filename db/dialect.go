package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// This file holds every difference between the two dialects.

// columnTypes fill in the templates of the migrations.
type columnTypes struct{ ID, Instant, Date, Int, Big, Bool, Real, C, Strict, Clustered, Rewritten string }

// Rewritten tables leave room on each page for the next versions of its rows: they need no new entries in indexes then.
var (
	postgresTypes = columnTypes{ID: "uuid", Instant: "timestamptz", Date: "date", Int: "integer", Big: "bigint", Bool: "boolean", Real: "double precision", C: ` COLLATE "C"`, Rewritten: " WITH (fillfactor = 50)"}
	sqliteTypes   = columnTypes{ID: "TEXT", Instant: "TEXT", Date: "TEXT", Int: "INTEGER", Big: "INTEGER", Bool: "INTEGER", Real: "REAL", Strict: " STRICT", Clustered: " STRICT, WITHOUT ROWID"}
)

// Published are the tables whose changes raise the revision.
func (columnTypes) Published() []string { return published }

// AppendOnly makes the database refuse to change or delete what a table holds.
func (c columnTypes) AppendOnly(table string) string {
	if c == postgresTypes {
		return `CREATE FUNCTION ` + table + `_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '` + table + ` is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$;
--bun:split
CREATE TRIGGER ` + table + `_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ` + table + `
	FOR EACH STATEMENT EXECUTE FUNCTION ` + table + `_append_only();`
	}
	return `CREATE TRIGGER ` + table + `_no_update BEFORE UPDATE ON ` + table + ` BEGIN SELECT RAISE(ABORT, '` + table + ` is append-only'); END;
--bun:split
CREATE TRIGGER ` + table + `_no_delete BEFORE DELETE ON ` + table + ` BEGIN SELECT RAISE(ABORT, '` + table + ` is append-only'); END;`
}

// handles are the pools of one database: on PostgreSQL one pool serves both purposes; on SQLite there is one writer, so that
// transactions wait for each other instead of failing, and a pool of readers that never wait.
type handles struct {
	read     *readers
	write    *bun.DB
	types    columnTypes
	postgres bool
	path     string // of the SQLite file
}

func openHandles(address string) (handles, error) {
	switch {
	case strings.HasPrefix(address, "postgres://"), strings.HasPrefix(address, "postgresql://"):
		return openPostgres(address)
	case strings.HasPrefix(address, "sqlite:"):
		return openSQLite(strings.TrimPrefix(strings.TrimPrefix(address, "sqlite:"), "//"))
	}
	return handles{}, errors.New("a database address starts with postgres:// or with sqlite: and a path")
}

func openPostgres(address string) (handles, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return handles{}, errors.New("the address of the PostgreSQL database cannot be read") // err would show the password
	}
	// bun writes the values into the text itself, so there is nothing to prepare; exec refuses stacked statements.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	for name, value := range map[string]string{
		"application_name":                    "vaktreffen",
		"timezone":                            "UTC",
		"standard_conforming_strings":         "on",
		"plan_cache_mode":                     "force_generic_plan", // looking for a better plan costs more than most queries
		"statement_timeout":                   "60s",
		"lock_timeout":                        "10s",
		"idle_in_transaction_session_timeout": "60s",
	} {
		if config.RuntimeParams[name] == "" {
			config.RuntimeParams[name] = value
		}
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(32)
	pool.SetMaxIdleConns(32)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	database := bun.NewDB(pool, pgdialect.New()).WithQueryHook(teller{})
	return handles{read: &readers{DB: database, postgres: true}, write: database, types: postgresTypes, postgres: true}, nil
}

func openSQLite(path string) (handles, error) {
	if path == "" {
		return handles{}, errors.New("an SQLite address names a file: sqlite:/path/to/file.db")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return handles{}, fmt.Errorf("make the folder of the SQLite file: %w", err)
	}
	dsn := func(extra string) string {
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + strings.Join([]string{
			"_pragma=busy_timeout(5000)", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)", "_pragma=foreign_keys(1)",
			"_pragma=cache_size(-16000)", "_pragma=mmap_size(268435456)", "_dqs=0", extra,
		}, "&")
	}
	// The first connection creates the file and switches it to WAL, so that the readers find it.
	writer, err := sql.Open("sqlite", dsn("_txlock=immediate"))
	if err != nil {
		return handles{}, fmt.Errorf("open the SQLite file: %w", err)
	}
	writer.SetMaxOpenConns(1)
	if err := writer.Ping(); err != nil {
		return handles{}, errors.Join(fmt.Errorf("open the SQLite file: %w", err), writer.Close())
	}
	reader, err := sql.Open("sqlite", dsn("_pragma=query_only(1)"))
	if err != nil {
		return handles{}, errors.Join(fmt.Errorf("open the SQLite file: %w", err), writer.Close())
	}
	reader.SetMaxOpenConns(8)
	reader.SetMaxIdleConns(8)
	// In a plain path no character is special.
	ready, err := sqlitex.NewPool(path, sqlitex.PoolOptions{Flags: sqlite.OpenReadOnly, PoolSize: 8, PrepareConn: func(conn *sqlite.Conn) error {
		conn.SetBusyTimeout(5 * time.Second)
		return errors.Join(sqlitex.ExecuteTransient(conn, "PRAGMA cache_size = -16000", nil), sqlitex.ExecuteTransient(conn, "PRAGMA mmap_size = 268435456", nil))
	}})
	if err != nil {
		return handles{}, errors.Join(fmt.Errorf("open the SQLite file: %w", err), reader.Close(), writer.Close())
	}
	return handles{
		read:  &readers{DB: bun.NewDB(reader, sqlitedialect.New()).WithQueryHook(teller{}), ready: ready, stopReady: sync.OnceValue(ready.Close)},
		write: bun.NewDB(writer, sqlitedialect.New()).WithQueryHook(teller{}),
		types: sqliteTypes,
		path:  path,
	}, nil
}

func (h handles) close() error {
	if h.postgres {
		return h.write.Close()
	}
	return errors.Join(h.read.stopReady(), h.read.Close(), h.write.Close())
}

// migrationLock keeps other processes from migrating until the returned function is called. PostgreSQL holds it on a
// connection of its own, SQLite on a file beside the database, so that it goes with the process.
func (h handles) migrationLock(ctx context.Context) (release func() error, err error) {
	if !h.postgres {
		return lockBeside(ctx, h.path+"-lock")
	}
	conn, err := h.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "SET statement_timeout = 0; "); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if _, err := conn.ExecContext(ctx, "SET lock_timeout = 0"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(7238291)"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() error {
		// The connection leaves the pool with its session: that ends the lock and the settings.
		err := conn.Raw(func(driverConn any) error { return driverConn.(*stdlib.Conn).Conn().Close(context.WithoutCancel(ctx)) })
		return errors.Join(err, ignoreBadConn(conn.Close()))
	}, nil
}

// lockBeside locks an empty file. It stays there: SQLite does not bear a file that vanishes while somebody waits for it.
func lockBeside(ctx context.Context, path string) (release func() error, err error) {
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(60000)&_txlock=exclusive")
	if err != nil {
		return nil, err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return func() error {
		if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
			return errors.Join(err, pool.Close())
		}
		return pool.Close()
	}, nil
}

func ignoreBadConn(err error) error {
	if errors.Is(err, sql.ErrConnDone) || err != nil && strings.Contains(err.Error(), "bad connection") {
		return nil
	}
	return err
}

// skipLocked locks the rows that a query finds and passes over those that another process has locked; on SQLite there is only
// one writer. Such a query belongs into a WITH: PostgreSQL may run a subquery again for each row.
func (h handles) skipLocked(q *bun.SelectQuery) *bun.SelectQuery {
	if h.postgres {
		return q.For("UPDATE SKIP LOCKED")
	}
	return q
}

// deadlocked reports whether the database undid a transaction so that others could go on.
func deadlocked(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40P01" || pg.Code == "40001")
}

// contains is a condition: the folded column holds the words somewhere.
func contains(q *bun.SelectQuery, column bun.Ident, words string) *bun.SelectQuery {
	escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(words)
	return q.Where(`? LIKE ? ESCAPE '\'`, column, "%"+escaped+"%")
}

// locked makes a query lock the rows it returns until the transaction ends; on SQLite a writing transaction is alone anyway.
// Others can still insert rows that refer to the locked ones, so that two organisers who invite each other do not deadlock.
func (h handles) locked(q *bun.SelectQuery) *bun.SelectQuery {
	if h.postgres {
		return q.For("NO KEY UPDATE")
	}
	return q
}

// plainValue is a value of a column as JSON shows it, the same on both: ids as the API writes them, instants in RFC 3339, days.
func plainValue(value any, columnType string) any {
	switch v := value.(type) {
	case []byte:
		return plainValue(string(v), columnType)
	case time.Time:
		if columnType == "DATE" {
			return v.Format(time.DateOnly)
		}
		return v.UTC()
	case string:
		var id ID
		if len(v) == 36 && id.Scan(v) == nil && id.Kind() != KindUnknown {
			return id.String()
		}
		if at, err := time.Parse("2006-01-02 15:04:05.999999999Z07:00", v); err == nil {
			return at.UTC()
		}
	}
	return value
}

// settleAndCount runs the update of deliveries and adds those it changed to the counts of their campaigns. PostgreSQL does both
// in one statement, which needs one round trip where a transaction needs four; on SQLite there are no round trips.
func settleAndCount(ctx context.Context, tx bun.IDB, now time.Time, settle *bun.UpdateQuery, state DeliveryState) error {
	column := finalCounts[state]
	if tx.Dialect().Name() == dialect.PG {
		if _, err := settlingAndCounting(tx, now, settle, column).Exec(ctx); err != nil {
			return fmt.Errorf("settle deliveries: %w", err)
		}
		return nil
	}
	if own, ok := tx.(*bun.DB); ok {
		return own.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			return settleAndCount(ctx, tx, now, settle.Conn(tx), state)
		})
	}
	var campaigns []ID
	if err := settle.Returning("campaign_id").Scan(ctx, &campaigns); err != nil {
		return fmt.Errorf("settle deliveries: %w", err)
	}
	for campaign, rows := range groupBy(campaigns, func(id ID) ID { return id }) {
		if campaign.IsZero() {
			continue
		}
		if err := countOutcomes(ctx, tx, now, campaign, column, len(rows)); err != nil {
			return err
		}
	}
	return nil
}

func settlingAndCounting(tx bun.IDB, now any, settle *bun.UpdateQuery, column bun.Ident) *bun.UpdateQuery {
	count := tx.NewUpdate().With("settled", settle.Returning("campaign_id")).
		With("counted", tx.NewSelect().ColumnExpr("campaign_id, count(*) AS n").TableExpr("settled").GroupExpr("campaign_id")).
		Model((*Campaign)(nil)).TableExpr("counted").Where("campaign.id = counted.campaign_id")
	return addOutcomes(count, now, column, "counted.n")
}

// settleSent is settle for mails that were sent, as nearly all are. On PostgreSQL it is one statement that is kept prepared.
func (d *DB) settleSent(ctx context.Context, now time.Time, s settlement, outcomes []Outcome) error {
	if !d.postgres {
		return d.settle(ctx, d.write, now, s, outcomes)
	}
	text, err := d.settlingSent()
	if err != nil {
		return err
	}
	ids, claims := idsBy(outcomes, func(o Outcome) ID { return o.DeliveryID }), idsBy(outcomes, func(o Outcome) ID { return o.Claim })
	began := time.Now()
	_, err = d.write.DB.ExecContext(ctx, text, pgx.QueryExecModeCacheStatement, now, idList(true, ids), idList(true, claims), s.Code)
	ran(ctx, true, text, began, err)
	if err != nil {
		return fmt.Errorf("settle deliveries: %w", err)
	}
	return nil
}

// settlingSentText is the statement of settleSent.
func (h handles) settlingSentText() (string, error) {
	settle := h.write.NewUpdate().Model((*Delivery)(nil)).Set("state = ?", Sent).Set("worker_id = NULL").
		Set("attempts = attempts + 1").Set("last_code = $4").Set("last_error = NULL").Set("sent_at = $1").
		TableExpr("unnest($2::uuid[], $3::uuid[]) AS outcome (id, claim)"). // so that no plan looks for all mails of the claims
		Where("delivery.id = outcome.id").Where("delivery.claim = outcome.claim").Where("state = ?", Sending)
	text, err := settlingAndCounting(h.write, bun.Safe("$1"), settle, finalCounts[Sent]).AppendQuery(h.write.QueryGen(), nil)
	return string(text), err
}

// startDue marks up to limit mails of a lane that are due as being sent under a new claim, and returns them, as one change.
func (d *DB) startDue(ctx context.Context, now time.Time, lane Lane, claim, worker ID, limit int64) (started []*Delivery, err error) {
	if d.postgres {
		// Everything in a WITH is run once: PostgreSQL may run a subquery again for each row. Pairs are compared because a plan for
		// "lane = $1" made before the table has statistics expects so few mails that it reads all that are due, and sorts them. A plan
		// that was kept from when the table was small would read all of it for each claim, so that none is kept.
		text := `WITH due AS (SELECT id FROM deliveries
				WHERE (lane, due_at) >= ($1::text, '-infinity') AND (lane, due_at) <= ($1::text, $2::timestamptz) AND due_at IS NOT NULL
				ORDER BY lane, due_at LIMIT ` + strconv.FormatInt(limit, 10) + ` FOR NO KEY UPDATE SKIP LOCKED),
			opened AS (INSERT INTO claims (id, claimed_at) SELECT $3::uuid, $2::timestamptz WHERE EXISTS (SELECT 1 FROM due))
			UPDATE deliveries SET state = 'SENDING', claim = $3::uuid, worker_id = $4::uuid, dated_at = coalesce(dated_at, $2::timestamptz)
			WHERE id IN (SELECT id FROM due) RETURNING *`
		began := time.Now()
		err = d.read.fromPostgres(ctx, text, d.write.Dialect().Tables().Get(reflect.TypeFor[Delivery]()), func() reflect.Value {
			started = append(started, new(Delivery))
			return reflect.ValueOf(started[len(started)-1]).Elem()
		}, pgx.QueryExecModeDescribeExec, string(lane), now, claim.uuid(), worker.uuid())
		ran(ctx, true, text, began, err)
		return started, err
	}
	err = d.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		started = nil
		due := tx.NewSelect().Model((*Delivery)(nil)).Column("id").Where("lane = ?", lane).Where("due_at <= ?", now).Order("due_at").Limit(limit)
		err := tx.NewUpdate().Model((*Delivery)(nil)).Set("state = ?", Sending).Set("claim = ?", claim).Set("worker_id = ?", worker).
			Set("dated_at = coalesce(dated_at, ?)", now).Where("id IN (?)", due).Returning("*").Scan(ctx, &started)
		if err != nil || len(started) == 0 {
			return err
		}
		_, err = tx.NewInsert().Model(&openClaim{ID: claim, ClaimedAt: now}).Exec(ctx)
		return err
	})
	return started, err
}

// amongGiven restricts a query to the rows whose column holds one of the ids in its one parameter, which idList writes.
func amongGiven(pool *readers, q *bun.SelectQuery, column bun.Ident) *bun.SelectQuery {
	if pool.postgres {
		return q.Where("? = ANY ($1)", column)
	}
	return q.Where("? IN (SELECT value FROM json_each($1))", column)
}

// idList writes ids as the literal of an array, or as JSON.
func idList(postgres bool, ids []ID) string {
	opening, quote, closing := `[`, `"`, `]`
	if postgres {
		opening, quote, closing = `{`, ``, `}`
	}
	list := make([]byte, 0, 2+len(ids)*(36+1+2*len(quote)))
	list = append(list, opening...)
	for i, id := range ids {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, quote...)
		list = id.appendUUID(list)
		list = append(list, quote...)
	}
	return string(append(list, closing...))
}
