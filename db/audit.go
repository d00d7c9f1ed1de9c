package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// auditEntry is one line of the log of who did what to which record. It holds ids only.
type auditEntry struct {
	bun.BaseModel `bun:"table:audit_log,alias:audit"`

	ID       ID `bun:",pk"`
	At       time.Time
	ActorID  ID `bun:",nullzero"` // zero: the system or an operator
	Action   string
	RecordID ID
}

func newAuditEntry(now time.Time, actor Actor, action string, record ID) *auditEntry {
	return &auditEntry{ID: NewID(KindAudit, now), At: now, ActorID: actor.PersonID, Action: action, RecordID: record}
}

func audit(ctx context.Context, tx bun.IDB, now time.Time, actor Actor, action string, record ID) error {
	if _, err := tx.NewInsert().Model(newAuditEntry(now, actor, action, record)).Exec(ctx); err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}
