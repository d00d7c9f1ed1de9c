package db

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"
)

// ReportText is one version of one text of a report: of the summary, of the findings of a session, of a question or of an action.
// Versions are kept, the last one counts. Organisers correct a text that says something about a person that it should not.
type ReportText struct {
	bun.BaseModel `bun:"table:report_texts,alias:report_text"`

	ReportID ID
	PartID   ID     `bun:",pk"` // the report for its summary, else the session, the question or the action
	Locale   Locale `bun:",pk"`
	Version  int    `bun:",pk"` // from 1
	Text     string
	AuthorID ID `bun:",nullzero"`
	SavedAt  time.Time

	Author *Person `bun:"-"` // nil unless the actor organises the edition
}

// reportWords are the current texts of a report.
type reportWords struct {
	all      []*ReportText // by part and language
	original Locale        // of the edition
}

// of returns a text in the language, else in the original one, else in any; "" when there is none.
func (w *reportWords) of(part ID, locale *Locale) string {
	if t := w.find(part, locale); t != nil {
		return t.Text
	}
	return ""
}

func (w *reportWords) find(part ID, locale *Locale) (best *ReportText) {
	for _, t := range w.all {
		switch {
		case t.PartID != part || t.Text == "":
		case locale != nil && t.Locale == *locale:
			return t
		case t.Locale == w.original || best == nil:
			best = t
		}
	}
	return best
}

// In returns a text of the report as it is shown to readers of a language, and the language that it is in; "" when there is none.
// The part is the report itself for its summary, else the session, the question or the action.
func (r *Report) In(language Locale, part ID) (text string, in Locale) {
	if t := r.words.find(part, &language); t != nil {
		return t.Text, t.Locale
	}
	return "", ""
}

// Languages returns the languages that something of the report is written in, in no order.
func (r *Report) Languages() []Locale {
	var all []Locale
	for _, t := range r.words.all {
		if t.Text != "" && !slices.Contains(all, t.Locale) {
			all = append(all, t.Locale)
		}
	}
	return all
}

// paragraphs parts a text at its line breaks.
func paragraphs(text string) []string {
	lines := []string{}
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// reportTexts loads the current texts of reports.
func (v view) reportTexts(ctx context.Context, rows []*Report) error {
	var all []*ReportText
	last := v.tx.NewSelect().Model((*ReportText)(nil)).
		Column("part_id", "locale").ColumnExpr("max(version) AS version").Where("report_id IN (?)", bun.List(idsOf(rows))).Group("part_id", "locale")
	if err := v.tx.NewSelect().Model(&all).Join("JOIN (?) AS last USING (part_id, locale, version)", last).
		Order("part_id", "locale").Scan(ctx); err != nil {
		return fmt.Errorf("texts of reports: %w", err)
	}
	of := groupBy(all, func(t *ReportText) ID { return t.ReportID })
	for _, row := range rows {
		row.words = &reportWords{all: of[row.ID], original: English}
		if row.words.all == nil {
			row.words.all = []*ReportText{}
		}
		if row.Edition != nil && len(row.Edition.Languages) > 0 {
			row.words.original = Locale(row.Edition.Languages[0])
		}
	}
	return nil
}

// SaveReportTextInput is a new version of a text.
type SaveReportTextInput struct {
	ReportID ID
	PartID   *ID // nil: the summary
	Locale   Locale
	Version  int // that was read before; 0 when there was none
	Text     string
}

const maxReportText = 20000 // characters

// SaveReportText writes the next version of a text of a report. When somebody has written it since the caller read it, nothing is
// saved and the current version is returned with the problem.
func (d *DB) SaveReportText(ctx context.Context, actor Actor, in SaveReportTextInput, shape Shape) (*ReportText, error) {
	var current *ReportText
	problem := d.editReport(ctx, actor, in.ReportID, "save report text", func(ctx context.Context, tx bun.Tx, now time.Time, r *Report) (err error) {
		part := r.ID
		if in.PartID != nil {
			part = *in.PartID
		}
		if err := partOf(ctx, tx, r, part); err != nil {
			return err
		}
		current, err = saveText(ctx, tx, now, actor, r, part, in)
		return err
	})
	if current == nil {
		return nil, problem
	}
	v := d.view(actor)
	if err := v.finish(ctx, v.authors(ctx, []*ReportText{current}, shape.Of("author"))); err != nil {
		return nil, err
	}
	return current, problem
}

// saveText writes the next version of a text, whose report is locked.
func saveText(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, r *Report, part ID, in SaveReportTextInput) (*ReportText, error) {
	text, wrong := cleanText(in.Text, "input.text", maxReportText)
	switch {
	case wrong != nil:
		return nil, wrong
	case !in.Locale.known():
		return nil, problem(CodeInvalid, "input.locale", "Reports are written in nl, de and en.")
	}
	current := new(ReportText)
	ok, err := found(tx.NewSelect().Model(current).Where("part_id = ?", part).Where("locale = ?", in.Locale).Order("version DESC").Limit(1).Scan(ctx))
	switch {
	case err != nil:
		return nil, fmt.Errorf("current text: %w", err)
	case ok && current.Version != in.Version:
		return current, stale(current)
	case !ok && in.Version != 0:
		return nil, problem(CodeConflict, "input.version", "This text is not there yet; save it as what follows version 0.")
	case ok && current.Text == text:
		return current, nil
	}
	next := &ReportText{
		ReportID: r.ID, PartID: part, Locale: in.Locale, Version: in.Version + 1, Text: text, AuthorID: actor.PersonID, SavedAt: now,
	}
	if _, err := tx.NewInsert().Model(next).Exec(ctx); err != nil {
		return nil, fmt.Errorf("save text: %w", err)
	}
	return next, nil
}

func stale(current *ReportText) *Error {
	return problem(CodeConflict, "input.version", "Somebody has saved version %d of this text since you read it. Put yours and theirs together, and save that.", current.Version)
}

// partOf refuses a part that is none of the report.
func partOf(ctx context.Context, tx bun.IDB, r *Report, part ID) error {
	var ok bool
	var err error
	switch part.Kind() {
	case KindReport:
		ok = part == r.ID
	case KindSession:
		ok, err = tx.NewSelect().Model((*Session)(nil)).Where("id = ?", part).Where("edition_id = ?", r.EditionID).Exists(ctx)
	case KindReportQuestion:
		ok, err = tx.NewSelect().Model((*ReportQuestion)(nil)).Where("id = ?", part).Where("report_id = ?", r.ID).Exists(ctx)
	case KindReportAction:
		ok, err = tx.NewSelect().Model((*ReportAction)(nil)).Where("id = ?", part).Where("report_id = ?", r.ID).Exists(ctx)
	}
	if err != nil {
		return fmt.Errorf("part of the report: %w", err)
	}
	if !ok {
		return problem(CodeNotFound, "input.partId", "This report has no such part. Name a session of its edition, a question, an action, or nothing for the summary.")
	}
	return nil
}

// cleanText trims a text and refuses control characters other than line breaks and tabs.
func cleanText(text, field string, most int) (string, *Error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch n := utf8.RuneCountInString(text); {
	case n > most:
		return "", problem(CodeTooLarge, field, "Use at most %d characters; these are %d.", most, n)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return "", problem(CodeInvalid, field, "Leave out control characters.")
	}
	return text, nil
}

const maxRevisions = 100

// ReportRevisions returns the last hundred versions of a text, the latest first, to organisers; nil to others. Part nil is the summary.
func (d *DB) ReportRevisions(ctx context.Context, actor Actor, r *Report, part *ID, locale Locale, shape Shape) ([]*ReportText, error) {
	v := d.view(actor)
	if !v.organisesReport(r) {
		return nil, nil
	}
	of := r.ID
	if part != nil {
		of = *part
	}
	rows := []*ReportText{}
	if err := v.tx.NewSelect().Model(&rows).Where("report_id = ?", r.ID).Where("part_id = ?", of).Where("locale = ?", locale).
		Order("version DESC").Limit(maxRevisions).Scan(ctx); err != nil {
		return nil, fmt.Errorf("revisions: %w", err)
	}
	return rows, v.finish(ctx, v.authors(ctx, rows, shape.Of("author")))
}

// authors completes texts with who wrote them.
func (v view) authors(ctx context.Context, rows []*ReportText, shape Shape) error {
	people, err := v.loadPeople(ctx, slices.DeleteFunc(idsBy(rows, func(t *ReportText) ID { return t.AuthorID }), ID.IsZero), shape)
	for _, row := range rows {
		row.Author = people[row.AuthorID]
	}
	return err
}
