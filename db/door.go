package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// soonOpened is how many days ahead of a meeting those who check people in find its list.
const soonOpened = 7

// Door is a meeting at which somebody may check people in.
type Door struct {
	SeatsID   ID
	Edition   *Edition   // nil when it is a course run
	CourseRun *CourseRun // with course
}

// doors lists the meetings of today and the next days at which the actor may check people in, the first first. One that was
// yesterday is among them, for those who enter a list on paper.
func (v view) doors(ctx context.Context) ([]*Door, error) {
	var rows []struct{ SeatsID, EditionID, CourseRunID ID }
	today := DateOf(v.now.In(time.UTC))
	near := func(table, column string) *bun.SelectQuery {
		return v.tx.NewSelect().TableExpr("seats").ColumnExpr("seats.id AS seats_id, seats.edition_id, seats.course_run_id, meeting.starts_on").
			Join("JOIN ? AS meeting ON meeting.id = seats.?", bun.Ident(table), bun.Ident(column)).
			Where("meeting.starts_on <= ?", today.AddDays(soonOpened)).Where("meeting.ends_on >= ?", today.AddDays(-1)).Where("meeting.forgotten_at IS NULL")
	}
	editions := near("editions", "edition_id").Where("meeting.status = ?", EditionPublished).
		Where("meeting.id IN (?)", v.tx.NewSelect().Model((*Edition)(nil)).Column("id").WhereGroup(" AND ", v.actor.organisedEditions))
	courses := v.tx.NewSelect().Model((*Course)(nil)).Column("id").WhereGroup(" AND ", v.actor.organisedCourses)
	trained := v.tx.NewSelect().Model((*runTrainer)(nil)).Column("course_run_id").Where("person_id = ?", v.actor.PersonID)
	runs := near("course_runs", "course_run_id").Where("meeting.status IN (?)", bun.List([]CourseRunStatus{RunPlanned, RunConfirmed})).
		WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("meeting.course_id IN (?)", courses).WhereOr("meeting.id IN (?)", trained)
		})
	if err := v.tx.NewSelect().TableExpr("(?) AS door", editions.UnionAll(runs)).Order("starts_on", "seats_id").Limit(MaxPage).
		Column("seats_id", "edition_id", "course_run_id").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("meetings to check people in: %w", err)
	}
	var ofEditions, ofRuns []ID
	for _, row := range rows {
		ofEditions, ofRuns = append(ofEditions, row.EditionID), append(ofRuns, row.CourseRunID)
	}
	edition, err := v.loadEditions(ctx, distinct(ofEditions), nil)
	if err != nil {
		return nil, err
	}
	run, err := v.loadCourseRuns(ctx, distinct(ofRuns), Shape{"course": nil})
	if err != nil {
		return nil, err
	}
	var doors []*Door
	for _, row := range rows {
		if door := (&Door{row.SeatsID, edition[row.EditionID], run[row.CourseRunID]}); door.Edition != nil || door.CourseRun != nil {
			doors = append(doors, door)
		}
	}
	return doors, v.finish(ctx, nil)
}
