package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// AuditEntry is one line of the log of who did what to which record. It holds ids only, and the database refuses to change or
// delete it.
type AuditEntry struct {
	bun.BaseModel `bun:"table:audit_log,alias:audit"`

	ID       ID `bun:",pk"`
	At       time.Time
	ActorID  ID `bun:",nullzero"` // zero: the system or an operator
	Action   string
	RecordID ID

	Actor *Person `bun:"-"`
}

func (e *AuditEntry) id() ID { return e.ID }

func newAuditEntry(now time.Time, actor Actor, action string, record ID) *AuditEntry {
	return &AuditEntry{ID: NewID(KindAudit, now), At: now, ActorID: actor.PersonID, Action: action, RecordID: record}
}

func audit(ctx context.Context, tx bun.IDB, now time.Time, actor Actor, action string, record ID) error {
	if _, err := tx.NewInsert().Model(newAuditEntry(now, actor, action, record)).Exec(ctx); err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}

var auditByTime = order[AuditEntry]{
	column: "audit.id", descending: true,
	key:    func(e *AuditEntry) (string, ID) { return e.ID.uuid(), e.ID },
	cursor: func(sort string, id ID) bool { return id.Kind() == KindAudit && sort == id.uuid() },
}

// AuditLog lists what was done on the whole installation, the latest first, to administrators; nothing to others.
func (d *DB) AuditLog(ctx context.Context, actor Actor, p Page, shape Shape) (*Connection[AuditEntry], error) {
	v := d.view(actor)
	c, err := connect(ctx, v.tx, auditByTime, p, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("?", actor.Administrator) })
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return c, v.finish(ctx, v.auditEntries(ctx, c.Nodes, shape))
}

// AuditLogOf lists what was done to an edition and to everything in it, the latest first, to its organisers; nothing to others.
func (d *DB) AuditLogOf(ctx context.Context, actor Actor, e *Edition, p Page, shape Shape) (*Connection[AuditEntry], error) {
	return pageOf(e.siblings, e.ID, "auditLog", p, shape, func(ids []ID) (map[ID]*Connection[AuditEntry], error) {
		v := d.view(actor)
		return v.auditLogs(ctx, ids, p, shape, func() *bun.SelectQuery {
			return v.tx.NewSelect().Model((*AuditEntry)(nil)).Join("JOIN ("+recordsOfEditions+") AS record ON record.id = audit.record_id").
				Join("JOIN editions AS edition ON edition.id = record.meeting_id").WhereGroup(" AND ", actor.organisedEditions)
		})
	})
}

// AuditLogOfRun does the same for a run of a course; what was done to the course is in the log of each of its runs.
func (d *DB) AuditLogOfRun(ctx context.Context, actor Actor, r *CourseRun, p Page, shape Shape) (*Connection[AuditEntry], error) {
	return pageOf(r.siblings, r.ID, "auditLog", p, shape, func(ids []ID) (map[ID]*Connection[AuditEntry], error) {
		v := d.view(actor)
		return v.auditLogs(ctx, ids, p, shape, func() *bun.SelectQuery {
			return v.tx.NewSelect().Model((*AuditEntry)(nil)).Join("JOIN ("+recordsOfRuns+") AS record ON record.id = audit.record_id").
				Join("JOIN course_runs AS run ON run.id = record.meeting_id").Join("JOIN courses AS course ON course.id = run.course_id").
				WhereGroup(" AND ", actor.organisedCourses)
		})
	})
}

// What is in an edition and in a course run. An entry names its record alone, so that writing it needs no look-up; which meeting
// that belongs to is found when the log is read.
const (
	recordsOfEditions = `SELECT id, id AS meeting_id FROM editions
		UNION ALL SELECT id, edition_id FROM sessions
		UNION ALL SELECT id, edition_id FROM reports
		UNION ALL SELECT part.id, reports.edition_id FROM (SELECT id, report_id FROM report_questions UNION ALL SELECT id, report_id FROM report_actions
			UNION ALL SELECT id, report_id FROM corrections) AS part JOIN reports ON reports.id = part.report_id
		UNION ALL SELECT id, edition_id FROM practices WHERE edition_id IS NOT NULL
		UNION ALL SELECT practice_comments.id, practices.edition_id FROM practice_comments JOIN practices ON practices.id = practice_comments.practice_id
			WHERE practices.edition_id IS NOT NULL
		UNION ALL SELECT id, edition_id FROM campaigns
		UNION ALL SELECT id, edition_id FROM invitations
		UNION ALL SELECT id, edition_id FROM delegations
		UNION ALL SELECT id, edition_id FROM seats
		UNION ALL SELECT seats.id, sessions.edition_id FROM seats JOIN sessions ON sessions.id = seats.session_id
		UNION ALL SELECT registrations.id, seats.edition_id FROM registrations JOIN seats ON seats.id = registrations.seats_id
		UNION ALL SELECT registrations.id, sessions.edition_id FROM registrations JOIN seats ON seats.id = registrations.seats_id
			JOIN sessions ON sessions.id = seats.session_id`
	recordsOfRuns = `SELECT id, id AS meeting_id FROM course_runs
		UNION ALL SELECT course_id, id FROM course_runs
		UNION ALL SELECT id, course_run_id FROM campaigns
		UNION ALL SELECT id, course_run_id FROM invitations
		UNION ALL SELECT id, course_run_id FROM seats
		UNION ALL SELECT registrations.id, seats.course_run_id FROM registrations JOIN seats ON seats.id = registrations.seats_id`
)

func (v view) auditLogs(ctx context.Context, meetings []ID, p Page, shape Shape, entries func() *bun.SelectQuery) (map[ID]*Connection[AuditEntry], error) {
	pages, err := connectEach(ctx, v.tx, auditByTime, p, meetings, "record.meeting_id", entries)
	if err != nil {
		return nil, fmt.Errorf("audit logs: %w", err)
	}
	return pages, v.finish(ctx, v.auditEntries(ctx, all(pages), shape))
}

func (v view) auditEntries(ctx context.Context, rows []*AuditEntry, shape Shape) error {
	if !shape.Has("actor") {
		return nil
	}
	people, err := v.loadPeople(ctx, idsBy(rows, func(e *AuditEntry) ID { return e.ActorID }), shape.Of("actor"))
	for _, row := range rows {
		row.Actor = people[row.ActorID]
	}
	return err
}
