package db_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

func (w *world) sweepFiles(t testing.TB) int {
	t.Helper()
	gone, err := w.SweepFiles(t.Context())
	if err != nil {
		t.Error(err)
	}
	return gone
}

// What fails and what dies leaves no file for ever; what is referred to, what is on its way and what others put there stays.
func TestFilesThatNothingRefersToGoAfterADay(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		files := t.TempDir()
		w.SetFiles(files)
		r := w.report(t)
		add := func(content string) error {
			_, err := w.AddFile(t.Context(), w.olga, db.AddFileInput{ReportID: r.ID, Name: "a.txt", Content: strings.NewReader(content)}, nil)
			return err
		}
		if err := add("kept"); err != nil {
			t.Fatal(err)
		}
		kept := folder(t, files)[0]
		w.exec(t, "ALTER TABLE materials RENAME COLUMN title TO caption")
		if err := add("orphan"); err == nil {
			t.Fatal("nothing failed")
		}
		w.exec(t, "ALTER TABLE materials RENAME COLUMN caption TO title")
		if left := folder(t, files); len(left) != 2 {
			t.Fatalf("the failure left %v: that shows nothing", left)
		}
		// A process died while it received a file, one before it undid a removal, and one after it had committed another.
		for _, name := range []string{".incoming-1", ".removed-" + strings.Repeat("0", 64) + "-A", "notes.txt"} {
			if err := os.WriteFile(filepath.Join(files, name), []byte("left"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Rename(filepath.Join(files, kept), filepath.Join(files, ".removed-"+kept+"-B")); err != nil {
			t.Fatal(err)
		}
		at := func(name string, age time.Duration) {
			t.Helper()
			if err := os.Chtimes(filepath.Join(files, name), time.Time{}, w.clock.Now().Add(-age)); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range folder(t, files) {
			at(name, time.Hour)
		}
		if gone := w.sweepFiles(t); gone != 1 {
			t.Errorf("%d files removed that are an hour old, want only the one whose removal was committed", gone)
		}
		if left := folder(t, files); len(left) != 4 || !slices.Contains(left, kept) {
			t.Errorf("after an hour there are %v", left)
		}
		for _, name := range folder(t, files) {
			at(name, 25*time.Hour)
		}
		if gone := w.sweepFiles(t); gone != 2 {
			t.Errorf("%d files removed after a day, want that of the failure and that of the transfer", gone)
		}
		if left := folder(t, files); !slices.Equal(left, []string{kept, "notes.txt"}) {
			t.Errorf("left are %v", left)
		}
		if err := add("orphan"); err != nil || len(folder(t, files)) != 3 {
			t.Errorf("what was swept cannot be added: %v", err)
		}
	})
}

// Somebody who adds a content that a failure has left there finds it or brings it, whenever the sweep comes.
func TestASweptFileCanBeAddedMeanwhile(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		files := t.TempDir()
		w.SetFiles(files)
		w.clock.advance(time.Since(w.clock.Now())) // that of the files, so that what is being received is young
		r := w.report(t)
		for n := range 12 {
			content := strings.Repeat("x", n+1)
			left := filepath.Join(files, fmt.Sprintf("%x", sha256.Sum256([]byte(content))))
			if err := os.WriteFile(left, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(left, time.Time{}, w.clock.Now().AddDate(0, 0, -2)); err != nil {
				t.Fatal(err)
			}
			var both sync.WaitGroup
			both.Go(func() { w.sweepFiles(t) })
			both.Go(func() {
				if _, err := w.AddFile(t.Context(), w.olga, db.AddFileInput{ReportID: r.ID, Name: "a.txt", Content: strings.NewReader(content)}, nil); err != nil {
					t.Error(err)
				}
			})
			both.Wait()
			if found, err := os.ReadFile(left); err != nil || string(found) != content {
				t.Fatalf("round %d: %q, %v", n, found, err)
			}
		}
	})
}
