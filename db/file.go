package db

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/uptrace/bun"
)

// MaxFile is how large a file beside a report may be, in bytes.
const MaxFile = 25 << 20

// WithFiles gives the database a folder for the files beside reports. It holds each content once, under its SHA-256, and all
// processes on one database share it, and no other database does. Without one no files are taken.
func WithFiles(folder string) Option { return func(d *DB) { d.files = folder } }

// file is a content that materials refer to. Its row is the lock on the file in the folder.
type file struct {
	bun.BaseModel `bun:"table:files"`

	Hash      string `bun:",pk"` // SHA-256 in hexadecimal
	Type      FileType
	Size      int64
	CreatedAt time.Time
}

// AddFileInput is a file to put beside a report.
type AddFileInput struct {
	ReportID  ID
	SessionID *ID
	Title     string // "": the name
	Name      string // as the sender's machine calls it
	Content   io.Reader
}

// AddFile puts a file of at most MaxFile bytes beside a report, by organisers. It is read as it comes, and stored when its content
// is of a type that may be, and that its name ends in.
func (d *DB) AddFile(ctx context.Context, actor Actor, in AddFileInput, shape Shape) (*Report, error) {
	// Before anything is read: nobody else fills the disk.
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	if _, err := d.view(actor).editableReport(ctx, in.ReportID); err != nil {
		return nil, err
	}
	if d.files == "" {
		return nil, problem(CodeConflict, "input.file", "This service stores no files. Add a link instead, or ask whoever runs it to set FILES.")
	}
	name := cleanFileName(in.Name)
	stored, temporary, err := d.receive(name, in.Content)
	if temporary != "" {
		defer os.Remove(temporary) //nolint:errcheck // it has mostly got its other name by then
	}
	if err != nil {
		return nil, err
	}
	title, wrong := cleanText(cmp.Or(strings.TrimSpace(in.Title), name), "input.title", 300)
	switch {
	case wrong != nil:
		return nil, wrong
	case hasControl(title):
		return nil, problem(CodeRequired, "input.title", "Give the material a title of one line.")
	}
	return d.changeReport(ctx, actor, in.ReportID, "add file", shape, func(ctx context.Context, tx bun.Tx, now time.Time, r *Report) error {
		m := &Material{ID: NewID(KindMaterial, now), ReportID: r.ID, Title: title, CreatedAt: now, FileHash: &stored.Hash, FileName: name}
		m.URL = "/reports/" + r.ID.String() + "/files/" + m.ID.String() + "/" + url.PathEscape(name) // the address before it may change
		if err := placeEntry(ctx, tx, r, in.SessionID, nil, nil, &m.SessionID, nil, nil); err != nil {
			return err
		}
		stored.CreatedAt = now
		// The update changes nothing, and waits for whoever is removing the same content.
		if _, err := tx.NewInsert().Model(stored).On("CONFLICT (hash) DO UPDATE").Set("size = EXCLUDED.size").Returning("NULL").Exec(ctx); err != nil {
			return fmt.Errorf("insert file: %w", err)
		}
		if err := d.keep(temporary, stored.Hash); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(m).Exec(ctx); err != nil {
			return fmt.Errorf("insert material: %w", err)
		}
		return nil
	})
}

// receive writes what is sent into the folder and looks at it. The temporary file is the caller's to remove.
func (d *DB) receive(name string, content io.Reader) (_ *file, temporary string, err error) {
	if err := os.MkdirAll(d.files, 0o700); err != nil {
		return nil, "", fmt.Errorf("folder of files: %w", err)
	}
	f, err := os.CreateTemp(d.files, incoming+"*")
	if err != nil {
		return nil, "", fmt.Errorf("receive file: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was synced
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, hash), io.LimitReader(content, MaxFile+1))
	if err == nil {
		err = f.Sync()
	}
	switch {
	case err != nil:
		return nil, f.Name(), fmt.Errorf("receive file: %w", err)
	case size == 0:
		return nil, f.Name(), problem(CodeRequired, "input.file", "Choose a file that is not empty.")
	case size > MaxFile:
		return nil, f.Name(), problem(CodeTooLarge, "input.file", "This file is larger than 25 MB. Send a smaller one, or add a link to it.")
	}
	is, err := fileType(name, f, size)
	if err == nil && is == "" {
		err = problem(CodeInvalid, "input.file", wrongFileType)
	}
	return &file{Hash: hex.EncodeToString(hash.Sum(nil)), Type: is, Size: size}, f.Name(), err
}

func (d *DB) stored(hash string) string { return path.Join(d.files, hash) }

// keep gives a file its name for good, unless the same content is there already.
func (d *DB) keep(temporary, hash string) error {
	if _, err := os.Stat(d.stored(hash)); err == nil {
		return nil
	}
	// A second name and not another one: the change may run again.
	if err := os.Link(temporary, d.stored(hash)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keep file: %w", err)
	}
	return nil
}

// forgetFile removes a content that no material refers to any more. It returns what to do when the transaction has ended.
func (d *DB) forgetFile(ctx context.Context, tx bun.Tx, hash string) (ended func(committed bool), err error) {
	if _, err := found(d.locked(tx.NewSelect().Model((*file)(nil)).Column("hash")).Where("hash = ?", hash).Scan(ctx, new(string))); err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	used, err := tx.NewSelect().Model((*Material)(nil)).Where("file_hash = ?", hash).Exists(ctx)
	if err != nil || used {
		return nil, err
	}
	if _, err := tx.NewDelete().Model((*file)(nil)).Where("hash = ?", hash).Exec(ctx); err != nil {
		return nil, fmt.Errorf("forget file: %w", err)
	}
	// Out of the way before the lock is given up: whoever adds the same content from then on stores it anew.
	aside := path.Join(d.files, removed+hash+"-"+rand.Text())
	if err := os.Rename(d.stored(hash), aside); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, fmt.Errorf("remove file: %w", err)
	}
	return func(committed bool) {
		if committed {
			_ = os.Remove(aside) // what stays is shown to nobody, and swept
			return
		}
		_ = os.Rename(aside, d.stored(hash))
	}, nil
}

// StoredFile is a file beside a report.
type StoredFile struct {
	Name   string
	Type   FileType
	Size   int64
	Hash   string // SHA-256 in hexadecimal
	Public bool   // everybody may read it
	path   string
}

// Open opens the content.
func (f *StoredFile) Open() (*os.File, error) { return os.Open(f.path) }

// ReportFile returns the file of a material of a report that the actor may read; nil when there is none.
func (d *DB) ReportFile(ctx context.Context, actor Actor, report, material ID) (*StoredFile, error) {
	v := d.view(actor)
	reports, err := v.loadReports(ctx, []ID{report}, Shape{"edition": nil})
	if r := reports[report]; err != nil || r == nil || r.Edition == nil {
		return nil, err
	}
	m := new(Material)
	if ok, err := found(v.tx.NewSelect().Model(m).Where("id = ?", material).Where("report_id = ?", report).Where("file_hash IS NOT NULL").Scan(ctx)); !ok || err != nil {
		return nil, err
	}
	f := new(file)
	if err := v.tx.NewSelect().Model(f).Where("hash = ?", *m.FileHash).Scan(ctx); err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	return &StoredFile{
		Name: m.FileName, Type: f.Type, Size: f.Size, Hash: f.Hash, Public: reports[report].Status == ReportPublished, path: d.stored(f.Hash),
	}, nil
}

const maxFileName = 100 // characters

// cleanFileName makes of what a file is called a name that any machine can have: without folders, without what looks like another
// name than it is, and of at most maxFileName characters with its ending.
func cleanFileName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		switch {
		case r == unicode.ReplacementChar || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs):
			return -1
		case strings.ContainsRune(`<>:"|?*;%`, r) || unicode.IsSpace(r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	name = strings.Join(strings.Fields(name), " ")
	ending := strings.TrimRight(path.Ext(name), ". ")
	stem := []rune(strings.Trim(strings.TrimSuffix(name, path.Ext(name)), ". "))
	if room := max(maxFileName-len([]rune(ending)), 1); len(stem) > room {
		stem = stem[:room]
	}
	return cmp.Or(string(stem), "file") + strings.ToLower(ending)
}
