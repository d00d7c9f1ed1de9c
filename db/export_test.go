package db

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// SetClock gives an open database another clock. Call it before anything else uses the database.
func (d *DB) SetClock(clock func() time.Time) { d.clock = clock }

// SetFiles gives an open database a folder for files.
func (d *DB) SetFiles(folder string) { d.files = folder }

// Raw gives tests a way to look behind the verbs.
func (d *DB) Raw() *bun.DB { return d.write }

// ReadNumber reads as reading verbs do.
func (d *DB) ReadNumber(ctx context.Context, text string) (n int64, err error) {
	err = d.read.number(ctx, text, &n)
	return n, err
}

// Queued returns how many wait until those before them are registered on the seats; -1 when nobody is being registered there.
func (d *DB) Queued(seats ID) int {
	d.crowds.mu.Lock()
	defer d.crowds.mu.Unlock()
	if waiting, busy := d.crowds.waiting[seats]; busy {
		return len(waiting)
	}
	return -1
}

// The parts that are tested by themselves.
var (
	NormalAddress = normalAddress
	Fold          = fold
	Backoff       = backoff
	ReadCursor    = readCursor
	WriteCursor   = writeCursor
	FileTypeOf    = fileType
	CleanFileName = cleanFileName
)

// MaxAttempts is how often a mail is offered to the mail server.
const MaxAttempts = maxAttempts
