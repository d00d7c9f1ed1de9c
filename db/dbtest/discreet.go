package dbtest

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/vaktreffen/vaktreffen/db"
)

// Discreet returns a handler that passes what is logged on to next, and fails the test at its end when something logged holds what
// no log may: the name or the address of a person in the database at url, the text of a campaign, the token of a personal link, or
// one of the secrets. Call it when the database is migrated.
func Discreet(t testing.TB, url string, next slog.Handler, secrets ...func() []string) slog.Handler {
	t.Helper()
	written := new(lockedBuffer)
	before, named := confidential(t, url), names(t, url) // of people who may be erased meanwhile
	t.Cleanup(func() {
		log := written.String()
		for _, more := range secrets {
			before = append(before, more()...)
		}
		for _, text := range distinct(before, confidential(t, url)) {
			if at := strings.Index(log, text); text != "" && at >= 0 {
				t.Errorf("the log holds %q:\n%s", text, line(log, at))
			}
		}
		for _, name := range distinct(named, names(t, url)) {
			if at := indexWord(log, name); at >= 0 {
				t.Errorf("the log holds the name %q:\n%s", name, line(log, at))
			}
		}
	})
	return discreet{next, slog.NewTextHandler(written, &slog.HandlerOptions{Level: slog.LevelDebug})}
}

func distinct(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// indexWord returns where the text holds the word by itself, or -1.
func indexWord(text, word string) int {
	inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return -1
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(word):])
		if !inWord(before) && !inWord(after) {
			return at
		}
		from = at + len(word)
	}
}

// line returns the line of the log around a place.
func line(log string, at int) string {
	from, to := strings.LastIndex(log[:at], "\n")+1, strings.Index(log[at:], "\n")
	if to < 0 {
		return log[from:]
	}
	return log[from : at+to]
}

// confidential returns the addresses, the texts of campaigns and the tokens of personal links in the database.
func confidential(t testing.TB, url string) []string {
	t.Helper()
	all := texts(t, url, `SELECT email FROM people WHERE email IS NOT NULL UNION SELECT email FROM suppressions UNION SELECT hash FROM access_tokens
		UNION SELECT message FROM campaigns`)
	d, err := db.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for table, token := range map[string]func(context.Context, db.ID) (string, error){"invitations": d.AnswerToken, "registrations": d.RegistrationToken, "people": d.OptOutToken} {
		for _, text := range texts(t, url, "SELECT CAST(id AS text) FROM "+table) {
			var id db.ID
			if err := id.Scan(text); err != nil {
				t.Fatal(err)
			}
			one, err := token(context.Background(), id)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, one)
		}
	}
	return all
}

// names returns the names in the database that are long enough to be told from other words.
func names(t testing.TB, url string) (long []string) {
	t.Helper()
	for _, name := range texts(t, url, "SELECT name FROM people UNION SELECT guest_name FROM contributions") {
		if len(name) >= 4 {
			long = append(long, name)
		}
	}
	return long
}

func texts(t testing.TB, url, statement string) (all []string) {
	t.Helper()
	driver, source := "pgx", url
	if file, found := strings.CutPrefix(url, "sqlite:"); found {
		driver, source = "sqlite", file+"?_pragma=busy_timeout(5000)"
	}
	pool, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	rows, err := pool.Query(statement)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// discreet writes what is logged twice, the second time whatever the level.
type discreet struct{ next, kept slog.Handler }

func (d discreet) Enabled(context.Context, slog.Level) bool { return true }

func (d discreet) Handle(ctx context.Context, r slog.Record) error {
	if err := d.kept.Handle(ctx, r); err != nil || !d.next.Enabled(ctx, r.Level) {
		return err
	}
	return d.next.Handle(ctx, r)
}

func (d discreet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return discreet{d.next.WithAttrs(attrs), d.kept.WithAttrs(attrs)}
}

func (d discreet) WithGroup(name string) slog.Handler {
	return discreet{d.next.WithGroup(name), d.kept.WithGroup(name)}
}

// lockedBuffer keeps what several goroutines write.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
