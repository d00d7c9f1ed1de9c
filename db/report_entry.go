package db

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/uptrace/bun"
)

// Material is something to read on.
type Material struct {
	bun.BaseModel `bun:"table:materials,alias:material"`

	ID        ID `bun:",pk"`
	ReportID  ID
	SessionID ID `bun:",nullzero"`
	Title     string
	URL       string
	CreatedAt time.Time
	FileHash  *string // of a file that is stored here, whose URL is only a path; nil for a link
	FileName  string
}

// Address returns where the material is, for a program that people reach at the origin.
func (m *Material) Address(origin string) string {
	if m.FileHash != nil {
		return origin + m.URL
	}
	return m.URL
}

func (m *Material) id() ID { return m.ID }

func (v view) materials(ctx context.Context, reports []*Report) (map[ID][]*Material, error) {
	var rows []*Material
	if err := v.tx.NewSelect().Model(&rows).Where("report_id IN (?)", bun.List(idsOf(reports))).Order("created_at", "id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("materials: %w", err)
	}
	return groupBy(rows, func(m *Material) ID { return m.ReportID }), nil
}

// material loads a material of a report that the actor may read; nil when there is none.
func (v view) material(ctx context.Context, id ID) (*Material, error) {
	rows, err := byID[Material](ctx, v.tx, []ID{id})
	if err != nil || rows[id] == nil {
		return nil, err
	}
	reports, err := v.loadReports(ctx, []ID{rows[id].ReportID}, nil)
	if err != nil || reports[rows[id].ReportID] == nil {
		return nil, err
	}
	return rows[id], nil
}

// AddMaterialInput is a link to something to read on.
type AddMaterialInput struct {
	ReportID  ID
	SessionID *ID
	Title     string
	URL       string
}

// AddMaterial adds a link to a report.
func (d *DB) AddMaterial(ctx context.Context, actor Actor, in AddMaterialInput, shape Shape) (*Report, error) {
	return d.changeReport(ctx, actor, in.ReportID, "add material", shape, func(ctx context.Context, tx bun.Tx, now time.Time, r *Report) error {
		title, wrong := cleanText(in.Title, "input.title", 300)
		if wrong != nil {
			return wrong
		}
		address, err := url.Parse(in.URL)
		switch {
		case title == "" || hasControl(title):
			return problem(CodeRequired, "input.title", "Give the material a title of one line.")
		case err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" || len(in.URL) > 2000:
			return problem(CodeInvalid, "input.url", "Give an address that begins with https://.")
		}
		m := &Material{ID: NewID(KindMaterial, now), ReportID: r.ID, Title: title, URL: address.String(), CreatedAt: now}
		if err := placeEntry(ctx, tx, r, in.SessionID, nil, nil, &m.SessionID, nil, nil); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(m).Exec(ctx); err != nil {
			return fmt.Errorf("insert material: %w", err)
		}
		return nil
	})
}

// RemoveReportEntry takes a question with its offers, an action or a material out of a report that is not published; what was
// published is marked instead.
func (d *DB) RemoveReportEntry(ctx context.Context, actor Actor, report, entry ID, shape Shape) (*Report, error) {
	var forgotten func(committed bool)
	ended := func(committed bool) {
		if forgotten != nil {
			forgotten(committed)
		}
		forgotten = nil
	}
	err := d.editReport(ctx, actor, report, "remove report entry", func(ctx context.Context, tx bun.Tx, _ time.Time, r *Report) (err error) {
		ended(false) // when this runs again
		tables := map[Kind]string{KindReportQuestion: "report_questions", KindReportAction: "report_actions", KindMaterial: "materials"}
		table := tables[entry.Kind()]
		if table == "" {
			return problem(CodeNotFound, "input.entryId", "This report has no such question, action or material.")
		}
		if r.Status == ReportPublished && entry.Kind() != KindMaterial {
			return problem(CodeConflict, "input.entryId", "This report is published: mark the question as answered or the action as dropped instead.")
		}
		if entry.Kind() == KindReportQuestion {
			if _, err := tx.NewDelete().Model((*HelpOffer)(nil)).
				Where("question_id IN (SELECT id FROM report_questions WHERE id = ? AND report_id = ?)", entry, r.ID).Exec(ctx); err != nil {
				return fmt.Errorf("remove offers: %w", err)
			}
		}
		m := new(Material)
		if entry.Kind() == KindMaterial {
			if _, err := found(tx.NewSelect().Model(m).Where("id = ?", entry).Where("report_id = ?", r.ID).Scan(ctx)); err != nil {
				return fmt.Errorf("material: %w", err)
			}
		}
		result, err := tx.NewDelete().TableExpr("?", bun.Ident(table)).Where("id = ?", entry).Where("report_id = ?", r.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("remove entry: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return cmp.Or[error](err, problem(CodeNotFound, "input.entryId", "This report has no such question, action or material."))
		}
		if m.FileHash != nil {
			forgotten, err = d.forgetFile(ctx, tx, *m.FileHash)
		}
		return err
	})
	ended(err == nil)
	if err != nil {
		return nil, err
	}
	return d.Report(ctx, actor, report, shape)
}

// placeEntry checks where an entry belongs and whom it names, and sets it.
func placeEntry(ctx context.Context, tx bun.Tx, r *Report, session, organisation, person *ID, setSession, setOrganisation, setPerson *ID) error {
	if session != nil {
		if err := partOf(ctx, tx, r, *session); err != nil || session.Kind() != KindSession {
			return cmp.Or[error](err, problem(CodeNotFound, "input.sessionId", "There is no such session in this edition."))
		}
		*setSession = *session
	}
	if organisation != nil {
		if err := organisationExists(ctx, tx, *organisation); err != nil {
			return err
		}
		*setOrganisation = *organisation
	}
	if person != nil {
		if err := personExists(ctx, tx, *person); err != nil {
			return err
		}
		*setPerson = *person
	}
	return nil
}

func organisationExists(ctx context.Context, tx bun.IDB, id ID) error {
	ok, err := tx.NewSelect().Model((*Organisation)(nil)).Where("id = ?", id).Exists(ctx)
	if err == nil && !ok {
		err = problem(CodeNotFound, "input.organisationId", "There is no such organisation.")
	}
	return err
}

// firstText writes the text that comes with a new entry.
func firstText(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, r *Report, part ID, locale Locale, text string) error {
	if saved, err := saveText(ctx, tx, now, actor, r, part, SaveReportTextInput{Locale: locale, Text: text}); err != nil {
		return err
	} else if saved.Text == "" {
		return problem(CodeRequired, "input.text", "Write what it is about.")
	}
	return nil
}
