package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Correction is a participant's proposal for other words, made while a report is in review.
type Correction struct {
	bun.BaseModel `bun:"table:corrections,alias:correction"`

	ID        ID `bun:",pk"`
	ReportID  ID
	PartID    ID
	Locale    Locale
	Text      string
	Note      string
	Status    CorrectionStatus
	PersonID  ID `bun:",nullzero"`
	CreatedAt time.Time

	Person *Person `bun:"-"`
}

// CorrectionStatus is what the organisers said to a proposal.
type CorrectionStatus string

// The statuses of corrections.
const (
	CorrectionProposed CorrectionStatus = "PROPOSED"
	CorrectionAccepted CorrectionStatus = "ACCEPTED"
	CorrectionRejected CorrectionStatus = "REJECTED"
)

func (c *Correction) id() ID { return c.ID }

// corrections loads what was proposed for reports that the actor may edit.
func (v view) corrections(ctx context.Context, reports []*Report, shape Shape) error {
	var rows []*Correction
	if len(reports) == 0 {
		return nil
	}
	if err := v.tx.NewSelect().Model(&rows).Where("report_id IN (?)", bun.List(idsOf(reports))).Order("created_at", "id").Scan(ctx); err != nil {
		return fmt.Errorf("corrections: %w", err)
	}
	of := groupBy(rows, func(c *Correction) ID { return c.ReportID })
	for _, r := range reports {
		if r.Corrections = of[r.ID]; r.Corrections == nil {
			r.Corrections = []*Correction{}
		}
	}
	people, err := v.loadPeople(ctx, idsBy(rows, func(c *Correction) ID { return c.PersonID }), shape.Of("person"))
	for _, row := range rows {
		row.Person = people[row.PersonID]
	}
	return err
}

// correction loads a proposal for those who decide on it and for who made it; nil when there is none.
func (v view) correction(ctx context.Context, id ID, shape Shape) (*Correction, error) {
	rows, err := byID[Correction](ctx, v.tx, []ID{id})
	if err != nil || rows[id] == nil || v.actor.Anonymous() {
		return nil, err
	}
	c := rows[id]
	reports, err := v.loadReports(ctx, []ID{c.ReportID}, nil)
	if r := reports[c.ReportID]; err != nil || r == nil || !v.organisesReport(r) && c.PersonID != v.actor.PersonID {
		return nil, err
	}
	people, err := v.loadPeople(ctx, []ID{c.PersonID}, shape.Of("person"))
	c.Person = people[c.PersonID]
	return c, err
}

// StartReport begins the report of an edition; starting again changes nothing.
func (d *DB) StartReport(ctx context.Context, actor Actor, edition ID, shape Shape) (*Report, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	r := new(Report)
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		v := viewIn(tx, actor, now)
		e := new(Edition)
		ok, err := found(d.locked(v.visible(tx.NewSelect().Model(e))).Where("edition.id = ?", edition).Scan(ctx))
		switch {
		case err != nil:
			return fmt.Errorf("edition: %w", err)
		case !ok:
			return problem(CodeNotFound, "input.editionId", "There is no such edition.")
		case !actor.organisesEdition(e.ID, e.PartnershipID, e.HostID):
			return problem(CodeForbidden, "input.editionId", "Only organisers of this edition write its report.")
		case e.Status == EditionDraft:
			return problem(CodeConflict, "input.editionId", "Publish this edition before reporting on it.")
		}
		*r = Report{ID: NewID(KindReport, now), EditionID: e.ID, Status: ReportDraft, CreatedAt: now}
		result, err := tx.NewInsert().Model(r).On("CONFLICT (edition_id) DO NOTHING").Returning("NULL").Exec(ctx)
		if err != nil {
			return fmt.Errorf("insert report: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			if err != nil {
				return err
			}
			return audit(ctx, tx, now, actor, "start report", r.ID)
		}
		return tx.NewSelect().Model(r).Where("edition_id = ?", e.ID).Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	return d.Report(ctx, actor, r.ID, shape)
}

// Report returns a report; nil when there is none that the actor may read.
func (d *DB) Report(ctx context.Context, actor Actor, id ID, shape Shape) (*Report, error) {
	v := d.view(actor)
	rows, err := v.loadReports(ctx, []ID{id}, shape)
	return rows[id], v.finish(ctx, err)
}

// ReviewReport shows a draft to the participants, who may propose corrections.
func (d *DB) ReviewReport(ctx context.Context, actor Actor, id ID, shape Shape) (*Report, error) {
	return d.changeReport(ctx, actor, id, "review report", shape, func(ctx context.Context, tx bun.Tx, _ time.Time, r *Report) error {
		if r.Status == ReportPublished {
			return problem(CodeConflict, "input.reportId", "This report is published already.")
		}
		r.Status = ReportInReview
		_, err := tx.NewUpdate().Model(r).Column("status").WherePK().Exec(ctx)
		return err
	})
}

// ProposeCorrectionInput proposes other words for a text.
type ProposeCorrectionInput struct {
	ReportID ID
	PartID   *ID // nil: the summary
	Locale   Locale
	Text     string
	Note     *string
}

// ProposeCorrection proposes other words for a text of a report in review: by those who were there.
func (d *DB) ProposeCorrection(ctx context.Context, actor Actor, in ProposeCorrectionInput, shape Shape) (*Correction, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	var c *Correction
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		v := viewIn(tx, actor, now)
		reports, err := v.loadReports(ctx, []ID{in.ReportID}, nil)
		if err != nil {
			return err
		}
		r := reports[in.ReportID]
		if r == nil {
			return problem(CodeNotFound, "input.reportId", "There is no such report.")
		}
		there, err := v.namesPeople(ctx, []*Report{r})
		switch {
		case err != nil:
			return err
		case !there[r.ID]:
			return problem(CodeForbidden, "input.reportId", "Those who were there propose corrections.")
		case r.Status != ReportInReview:
			return problem(CodeConflict, "input.reportId", "Corrections are proposed while a report is in review.")
		}
		c = &Correction{
			ID: NewID(KindCorrection, now), ReportID: r.ID, PartID: r.ID, Locale: in.Locale, Status: CorrectionProposed,
			PersonID: actor.PersonID, CreatedAt: now,
		}
		if in.PartID != nil {
			c.PartID = *in.PartID
		}
		if err := partOf(ctx, tx, r, c.PartID); err != nil {
			return err
		}
		if !in.Locale.known() {
			return problem(CodeInvalid, "input.locale", "Reports are written in nl, de and en.")
		}
		var wrong *Error
		if c.Text, wrong = cleanText(in.Text, "input.text", maxReportText); wrong != nil {
			return wrong
		}
		if in.Note != nil {
			if c.Note, wrong = cleanText(*in.Note, "input.note", 2000); wrong != nil {
				return wrong
			}
		}
		if _, err := tx.NewInsert().Model(c).Exec(ctx); err != nil {
			return fmt.Errorf("insert correction: %w", err)
		}
		return audit(ctx, tx, now, actor, "propose correction", c.ID)
	})
	if err != nil {
		return nil, err
	}
	v := d.view(actor)
	people, err := v.loadPeople(ctx, []ID{c.PersonID}, shape.Of("person"))
	c.Person = people[c.PersonID]
	return c, v.finish(ctx, err)
}

// DecideCorrectionInput says what becomes of a proposal.
type DecideCorrectionInput struct {
	ReportID     ID
	CorrectionID ID
	Accept       bool
	Version      int // of the text that it replaces, when it is accepted
}

// DecideCorrection takes over the words that a participant proposed, as the next version of the text, or leaves them.
func (d *DB) DecideCorrection(ctx context.Context, actor Actor, in DecideCorrectionInput, shape Shape) (*Report, error) {
	return d.changeReport(ctx, actor, in.ReportID, "decide correction", shape, func(ctx context.Context, tx bun.Tx, now time.Time, r *Report) error {
		c := new(Correction)
		ok, err := found(tx.NewSelect().Model(c).Where("id = ?", in.CorrectionID).Where("report_id = ?", r.ID).Scan(ctx))
		switch {
		case err != nil:
			return fmt.Errorf("correction: %w", err)
		case !ok:
			return problem(CodeNotFound, "input.correctionId", "There is no such proposal for this report.")
		case c.Status != CorrectionProposed:
			return problem(CodeConflict, "input.correctionId", "This proposal is decided already.")
		}
		c.Status = CorrectionRejected
		if in.Accept {
			c.Status = CorrectionAccepted
			if _, err := saveText(ctx, tx, now, actor, r, c.PartID, SaveReportTextInput{Locale: c.Locale, Version: in.Version, Text: c.Text}); err != nil {
				return err
			}
		}
		_, err = tx.NewUpdate().Model(c).Column("status").WherePK().Exec(ctx)
		return err
	})
}

// changeReport changes a report that the actor may edit, under its lock.
func (d *DB) changeReport(ctx context.Context, actor Actor, id ID, action string, shape Shape,
	change func(context.Context, bun.Tx, time.Time, *Report) error) (*Report, error) {
	if err := d.editReport(ctx, actor, id, action, change); err != nil {
		return nil, err
	}
	return d.Report(ctx, actor, id, shape)
}

func (d *DB) editReport(ctx context.Context, actor Actor, id ID, action string, change func(context.Context, bun.Tx, time.Time, *Report) error) error {
	if actor.Anonymous() {
		return notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		if _, err := found(d.locked(tx.NewSelect().Model((*Report)(nil)).Column("id")).Where("id = ?", id).Scan(ctx, new(ID))); err != nil {
			return fmt.Errorf("lock report: %w", err)
		}
		r, err := viewIn(tx, actor, now).editableReport(ctx, id)
		if err != nil {
			return err
		}
		if err := change(ctx, tx, now, r); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, action, r.ID)
	})
	if err == nil {
		d.woken()
	}
	return err
}

// editableReport loads a report that the actor may edit.
func (v view) editableReport(ctx context.Context, id ID) (*Report, error) {
	reports, err := v.loadReports(ctx, []ID{id}, nil)
	if err != nil {
		return nil, err
	}
	switch r := reports[id]; {
	case r == nil:
		return nil, problem(CodeNotFound, "input.reportId", "There is no such report.")
	case !v.organisesReport(r):
		return nil, problem(CodeForbidden, "input.reportId", "Only organisers of the edition edit its report.")
	default:
		return r, nil
	}
}
