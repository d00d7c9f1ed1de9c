package db_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
)

// More reads than SQLite has connections for them: some end while they run, others while they wait for one.
func TestAReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dbtest.Migrated.Each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		const long = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 30000000) SELECT count(*) FROM numbers"
		var wg sync.WaitGroup
		for range 9 {
			wg.Go(func() {
				if n, err := d.ReadNumber(ctx, long); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%d, %v", n, err)
				}
			})
		}
		wg.Wait()
		for range 9 {
			wg.Go(func() {
				if n, err := d.ReadNumber(t.Context(), "SELECT 7"); n != 7 || err != nil {
					t.Errorf("afterwards: %d, %v", n, err)
				}
			})
		}
		wg.Wait()
		if _, err := d.ReadNumber(t.Context(), "SELECT nothing"); err == nil {
			t.Error("nothing was read")
		}
	})
}

func TestAfterClosingNothingIsRead(t *testing.T) {
	t.Parallel()
	d := open(t, dbtest.Migrated.SQLite(t))
	if _, err := d.Revision(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := d.Revision(t.Context()); err == nil {
		t.Error("it is still open")
	}
}

func TestAnyNameOfAFileWillDo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b?c=d&e#f%20g%.db")
	d := open(t, "sqlite:"+path)
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Revision(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
