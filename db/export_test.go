package db

import (
	"time"

	"github.com/uptrace/bun"
)

// SetClock gives an open database another clock. Call it before anything else uses the database.
func (d *DB) SetClock(clock func() time.Time) { d.clock = clock }

// Raw gives tests a way to look behind the verbs.
func (d *DB) Raw() *bun.DB { return d.write }

// The parts that are tested by themselves.
var (
	NormalAddress = normalAddress
	Fold          = fold
	Backoff       = backoff
	ReadCursor    = readCursor
	WriteCursor   = writeCursor
)

// MaxAttempts is how often a mail is offered to the mail server.
const MaxAttempts = maxAttempts
