package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// fileSweepAge is how old a file must be that nothing refers to, until it is removed: older than any transfer takes.
const fileSweepAge = 24 * time.Hour

// The beginnings of names of files that are being received, and of those that are being removed, whose hash follows.
const (
	incoming = ".incoming-"
	removed  = ".removed-"
)

// SweepFiles removes from the folder of files what failed transactions and processes that died have left there for a day: contents
// that no material refers to, and transfers that came to no end. It leaves alone what it has not named. It returns how many
// files it removed.
func (d *DB) SweepFiles(ctx context.Context) (gone int, err error) {
	if d.files == "" {
		return 0, nil
	}
	entries, err := os.ReadDir(d.files)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("folder of files: %w", err)
	}
	known, err := d.knownFiles(ctx)
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		name := entry.Name()
		info, err := entry.Info()
		if err != nil { // it went meanwhile
			continue
		}
		old := info.ModTime().Before(d.now().Add(-fileSweepAge))
		hash, _, aside := strings.Cut(strings.TrimPrefix(name, removed), "-")
		var swept bool
		switch {
		case strings.HasPrefix(name, incoming) && old:
			swept, err = true, os.Remove(path.Join(d.files, name))
		case strings.HasPrefix(name, removed) && aside:
			swept, err = d.sweepAside(ctx, name, hash)
		case isHash(name) && old && !known[name]:
			swept, err = d.sweepContent(ctx, name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return gone, fmt.Errorf("sweep file: %w", err)
		}
		if swept && err == nil {
			gone++
		}
	}
	return gone, nil
}

// knownFiles returns the hashes of all files that materials refer to.
func (d *DB) knownFiles(ctx context.Context) (map[string]bool, error) {
	var hashes []string
	if err := d.read.NewSelect().Model((*Material)(nil)).Column("file_hash").Distinct().Where("file_hash IS NOT NULL").Scan(ctx, &hashes); err != nil {
		return nil, fmt.Errorf("files of materials: %w", err)
	}
	known := make(map[string]bool, len(hashes))
	for _, hash := range hashes {
		known[hash] = true
	}
	return known, nil
}

// sweepContent removes a content unless a material has come to refer to it.
func (d *DB) sweepContent(ctx context.Context, hash string) (swept bool, err error) {
	var forgotten func(committed bool)
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) (err error) {
		if forgotten != nil { // this runs again
			forgotten(false)
		}
		// A row that was not there is the lock on the file, too: whoever adds the same content waits for it.
		row := &file{Hash: hash, Type: "unknown", Size: 1, CreatedAt: now}
		if _, err := tx.NewInsert().Model(row).On("CONFLICT (hash) DO NOTHING").Returning("NULL").Exec(ctx); err != nil {
			return fmt.Errorf("lock file: %w", err)
		}
		forgotten, err = d.forgetFile(ctx, tx, hash)
		return err
	})
	if forgotten != nil {
		forgotten(err == nil)
	}
	return forgotten != nil && err == nil, err
}

// sweepAside finishes what forgetFile began, and its process did not: it puts a file back that was not forgotten after all.
func (d *DB) sweepAside(ctx context.Context, name, hash string) (swept bool, err error) {
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, _ time.Time) error {
		kept, err := found(d.locked(tx.NewSelect().Model((*file)(nil)).Column("hash")).Where("hash = ?", hash).Scan(ctx, new(string)))
		if err != nil {
			return fmt.Errorf("lock file: %w", err)
		}
		if swept = !kept; kept {
			if err := d.keep(path.Join(d.files, name), hash); err != nil {
				return err
			}
		}
		return os.Remove(path.Join(d.files, name))
	})
	return swept, err
}

func isHash(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}
