package db

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// maxOpenEnds is how many actions or questions of a partnership are shown: the oldest are first, and nobody works on more.
const maxOpenEnds = 100

// openEnds completes partnerships with the actions that are to be done and the questions that look for an answer.
func (v view) openEnds(ctx context.Context, rows []*Partnership, shape Shape) error {
	if !shape.Has("openActions", "openQuestions") {
		return nil
	}
	var reports []*Report
	held := map[ID]ID{} // which partnership an edition belongs to
	var editions []*Edition
	if err := v.visible(v.tx.NewSelect().Model(&editions).Column("edition.id", "edition.partnership_id")).
		Where("edition.partnership_id IN (?)", bun.List(idsOf(rows))).Where("edition.id IN (SELECT edition_id FROM reports)").Scan(ctx); err != nil {
		return fmt.Errorf("editions with reports: %w", err)
	}
	for _, e := range editions {
		held[e.ID] = e.PartnershipID
	}
	ofReports := shape.Of("openActions").Of("report").With(shape.Of("openQuestions").Of("report"))
	found, err := v.reportsOf(ctx, idsOf(editions), ofReports)
	if err != nil {
		return err
	}
	reports = values(found)
	partnership := map[ID]ID{}
	for _, r := range reports {
		partnership[r.ID] = held[r.EditionID]
	}
	if shape.Has("openActions") {
		var open []*ReportAction
		if len(reports) > 0 {
			if err := v.tx.NewSelect().Model(&open).Where("report_id IN (?)", bun.List(idsOf(reports))).Where("status = ?", ActionOpen).
				OrderExpr("due_on IS NULL, due_on, created_at, id").Scan(ctx); err != nil {
				return fmt.Errorf("open actions: %w", err)
			}
		}
		if err := v.actions(ctx, reports, open, shape.Of("openActions")); err != nil {
			return err
		}
		of := groupBy(open, func(a *ReportAction) ID { return partnership[a.ReportID] })
		for _, row := range rows {
			row.OpenActions = firstFew(of[row.ID])
		}
	}
	if shape.Has("openQuestions") {
		var open []*ReportQuestion
		if len(reports) > 0 {
			if err := v.tx.NewSelect().Model(&open).Where("report_id IN (?)", bun.List(idsOf(reports))).Where("status = ?", QuestionOpen).
				Order("created_at", "id").Scan(ctx); err != nil {
				return fmt.Errorf("open questions: %w", err)
			}
		}
		if err := v.askedQuestions(ctx, reports, open, shape.Of("openQuestions")); err != nil {
			return err
		}
		of := groupBy(open, func(q *ReportQuestion) ID { return partnership[q.ReportID] })
		for _, row := range rows {
			row.OpenQuestions = firstFew(of[row.ID])
		}
	}
	return nil
}

func firstFew[T any](rows []T) []T {
	if rows == nil {
		return []T{}
	}
	return rows[:min(len(rows), maxOpenEnds)]
}
