package db

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// maxOpenEnds is how many actions or questions of a partnership are shown: the oldest are first, and nobody works on more.
const maxOpenEnds = 100

// CarriedOver is what earlier editions of a series left to those who prepare the next one.
type CarriedOver struct {
	Actions   []*ReportAction   // by due date
	Questions []*ReportQuestion // the oldest first
}

// openEnds completes partnerships with the actions that are to be done and the questions that look for an answer.
func (v view) openEnds(ctx context.Context, rows []*Partnership, shape Shape) error {
	of, err := v.openEndsBy(ctx, "edition.partnership_id", idsOf(rows), func(e *Edition) ID { return e.PartnershipID }, shape)
	for _, row := range rows {
		ends := of[row.ID].few()
		row.OpenActions, row.OpenQuestions = ends.Actions, ends.Questions
	}
	return err
}

// openEndsOfSeries does the same for series.
func (v view) openEndsOfSeries(ctx context.Context, rows []*Series, shape Shape) error {
	of, err := v.openEndsBy(ctx, "edition.series_id", idsOf(rows), func(e *Edition) ID { return e.SeriesID }, shape)
	for _, row := range rows {
		ends := of[row.ID].few()
		row.OpenActions, row.OpenQuestions = ends.Actions, ends.Questions
	}
	return err
}

// carriedOver completes editions that lie ahead, for those who organise them.
func (v view) carriedOver(ctx context.Context, rows []*Edition, shape Shape) error {
	today := DateOf(v.now)
	ahead := slices.DeleteFunc(slices.Clone(rows), func(e *Edition) bool {
		over := e.Year < v.now.Year()
		if e.EndsOn != nil {
			over = *e.EndsOn < today
		}
		return over || e.Status == EditionCancelled || !v.actor.organisesEdition(e.ID, e.PartnershipID, e.HostID)
	})
	if len(ahead) == 0 {
		return nil
	}
	of, err := v.openEndsBy(ctx, "edition.series_id", distinct(idsBy(ahead, func(e *Edition) ID { return e.SeriesID })), func(e *Edition) ID { return e.SeriesID },
		Shape{"openActions": shape.Of("actions"), "openQuestions": shape.Of("questions")})
	if err != nil {
		return err
	}
	for _, e := range ahead {
		e.CarriedOver = new(CarriedOver)
		earlier := func(r *Report) bool { return r.Edition != nil && r.EditionID != e.ID && r.Edition.SortsOn < e.SortsOn }
		if all := of[e.SeriesID]; all != nil {
			for _, a := range all.Actions {
				if earlier(a.Report) {
					e.CarriedOver.Actions = append(e.CarriedOver.Actions, a)
				}
			}
			for _, q := range all.Questions {
				if earlier(q.Report) {
					e.CarriedOver.Questions = append(e.CarriedOver.Questions, q)
				}
			}
		}
		e.CarriedOver = e.CarriedOver.few()
	}
	return nil
}

// openEndsBy loads what is open of the editions whose column holds one of the ids, and parts it by that.
func (v view) openEndsBy(ctx context.Context, column bun.Ident, ids []ID, by func(*Edition) ID, shape Shape) (map[ID]*CarriedOver, error) {
	if !shape.Has("openActions", "openQuestions") {
		return nil, nil
	}
	var editions []*Edition
	if err := v.visible(v.tx.NewSelect().Model(&editions).Column("edition.id", "edition.partnership_id", "edition.series_id")).
		Where("? IN (?)", column, bun.List(ids)).Where("edition.id IN (SELECT edition_id FROM reports)").Scan(ctx); err != nil {
		return nil, fmt.Errorf("editions with reports: %w", err)
	}
	held := map[ID]ID{}
	for _, e := range editions {
		held[e.ID] = by(e)
	}
	found, err := v.reportsOf(ctx, idsOf(editions), shape.Of("openActions").Of("report").With(shape.Of("openQuestions").Of("report")))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	reports, of := values(found), map[ID]*CarriedOver{}
	parent := map[ID]*CarriedOver{}
	for _, r := range reports {
		group := held[r.EditionID]
		if of[group] == nil {
			of[group] = new(CarriedOver)
		}
		parent[r.ID] = of[group]
	}
	if shape.Has("openActions") {
		var open []*ReportAction
		if err := v.tx.NewSelect().Model(&open).Where("report_id IN (?)", bun.List(idsOf(reports))).Where("status = ?", ActionOpen).
			OrderExpr("due_on IS NULL, due_on, created_at, id").Scan(ctx); err != nil {
			return nil, fmt.Errorf("open actions: %w", err)
		}
		if err := v.actions(ctx, reports, open, shape.Of("openActions")); err != nil {
			return nil, err
		}
		for _, a := range open {
			parent[a.ReportID].Actions = append(parent[a.ReportID].Actions, a)
		}
	}
	if shape.Has("openQuestions") {
		var open []*ReportQuestion
		if err := v.tx.NewSelect().Model(&open).Where("report_id IN (?)", bun.List(idsOf(reports))).Where("status = ?", QuestionOpen).
			Order("created_at", "id").Scan(ctx); err != nil {
			return nil, fmt.Errorf("open questions: %w", err)
		}
		if err := v.askedQuestions(ctx, reports, open, shape.Of("openQuestions")); err != nil {
			return nil, err
		}
		for _, q := range open {
			parent[q.ReportID].Questions = append(parent[q.ReportID].Questions, q)
		}
	}
	return of, nil
}

// few cuts lists that are too long; nil becomes empty lists.
func (c *CarriedOver) few() *CarriedOver {
	few := &CarriedOver{Actions: []*ReportAction{}, Questions: []*ReportQuestion{}}
	if c != nil {
		few.Actions = append(few.Actions, c.Actions[:min(len(c.Actions), maxOpenEnds)]...)
		few.Questions = append(few.Questions, c.Questions[:min(len(c.Questions), maxOpenEnds)]...)
	}
	return few
}
