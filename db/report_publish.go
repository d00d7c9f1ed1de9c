package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// PublishReportInput publishes a report and mails it.
type PublishReportInput struct {
	IdempotencyKey string
	ReportID       ID
	Message        *string
	SendAt         *time.Time // nil: at once
}

// PublishReport shows a report to everybody and mails it to those who came and those who asked for it: a campaign like any other.
// The mail links to the PDF and does not carry it: that is written once for each language and revision, when the first reader
// opens it, and a mail stays as small as an invitation. Where nobody recorded who came, everybody with a place gets it. The campaign is nil when that is nobody. The same key with
// the same input returns the same campaign.
func (d *DB) PublishReport(ctx context.Context, actor Actor, in PublishReportInput, report, campaign Shape) (*Report, *Campaign, error) {
	if actor.Anonymous() {
		return nil, nil, notSignedIn()
	}
	hash, err := inputHash(in)
	if err != nil {
		return nil, nil, err
	}
	var c *Campaign
	err = d.editReport(ctx, actor, in.ReportID, "publish report", func(ctx context.Context, tx bun.Tx, now time.Time, r *Report) error {
		c = nil
		if problem := checkKey(in.IdempotencyKey); problem != nil {
			return problem
		}
		before, err := replayed(ctx, tx, actor, in.IdempotencyKey, hash)
		if err != nil {
			return err
		}
		if !before.IsZero() {
			if before.Kind() == KindCampaign {
				c, err = viewIn(tx, actor, now).campaign(ctx, before, nil)
			}
			return err
		}
		to, err := d.publication(ctx, viewIn(tx, actor, now), r, in)
		if err != nil {
			return err
		}
		r.Status, r.PublishedAt = ReportPublished, &now
		if _, err := tx.NewUpdate().Model(r).Column("status", "published_at").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("publish report: %w", err)
		}
		if err := viewIn(tx, actor, now).assignAll(ctx, tx, r); err != nil {
			return err
		}
		result := r.ID
		if len(to) > 0 {
			if c, err = mailReport(ctx, tx, now, actor, r, in, to); err != nil {
				return err
			}
			result = c.ID
		}
		return remember(ctx, tx, now, actor, in.IdempotencyKey, hash, result)
	})
	if err != nil {
		return nil, nil, err
	}
	r, err := d.Report(ctx, actor, in.ReportID, report)
	if err != nil || c == nil {
		return r, nil, err
	}
	v := d.view(actor)
	return r, c, v.finish(ctx, v.meetings(ctx, []*Campaign{c}, campaign))
}

// ReportPreview is what PublishReport would do.
type ReportPreview struct {
	Total      int         // people it would mail
	Suppressed int         // those of them whose mails would be held back
	Specimens  []*Specimen // the mail in each language
	Problems   []*Error
}

// PreviewReport returns what PublishReport would do with the same input. It writes nothing.
func (d *DB) PreviewReport(ctx context.Context, actor Actor, in PublishReportInput) (*ReportPreview, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	v := d.view(actor)
	r, err := v.editableReport(ctx, in.ReportID)
	if err != nil {
		return nil, err
	}
	if problem := checkKey(in.IdempotencyKey); problem != nil {
		return nil, problem
	}
	to, err := d.publication(ctx, v, r, in)
	if err != nil {
		return nil, err
	}
	held, err := d.suppressed(ctx, v.tx, addressesOf(to))
	if err != nil {
		return nil, err
	}
	campaign := &Campaign{EditionID: r.EditionID, ReportID: r.ID, CreatedAt: v.now}
	if in.Message != nil {
		campaign.Message = strings.TrimSpace(*in.Message)
	}
	mails, err := v.specimensOf(ctx, MailReport, campaign, to)
	for _, s := range mails {
		s.Mail.Report, s.Words = r.In(s.Language, r.ID)
		s.Mail.ReportIn = s.Words
	}
	return &ReportPreview{Total: len(to), Suppressed: len(held), Specimens: mails}, err
}

// publication checks what is to be published, and returns whom it is mailed to.
func (d *DB) publication(ctx context.Context, v view, r *Report, in PublishReportInput) ([]*Person, error) {
	problems := Errors{}
	if r.Status == ReportPublished {
		problems = append(problems, problem(CodeConflict, "input.reportId", "This report is published already."))
	}
	if r.Summary(nil) == "" {
		problems = append(problems, problem(CodeRequired, "input.reportId", "Write a summary first: the mail begins with it."))
	}
	if in.Message != nil {
		problems = append(problems, d.readMessage(&readText{field: "input.message"}, "", strings.TrimSpace(*in.Message))...)
	}
	if in.SendAt != nil && in.SendAt.After(v.now.AddDate(1, 0, 0)) {
		problems = append(problems, problem(CodeInvalid, "input.sendAt", "Send within a year from now."))
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return v.reportReaders(ctx, r)
}

// reportReaders are the people that a report is mailed to: those who came, and those who asked for it.
func (v view) reportReaders(ctx context.Context, r *Report) ([]*Person, error) {
	const ofEdition = `(SELECT seats.id FROM seats LEFT JOIN sessions ON sessions.id = seats.session_id
		WHERE seats.edition_id = ?0 OR sessions.edition_id = ?0)`
	var people []*Person
	if err := v.tx.NewSelect().Model(&people).Where("erased_at IS NULL").Where("email IS NOT NULL").
		Where("id IN (SELECT person_id FROM attendances WHERE seats_id IN "+ofEdition+` UNION SELECT person_id FROM report_readers WHERE report_id = ?1
			UNION SELECT person_id FROM registrations WHERE status = ?2 AND seats_id IN `+ofEdition+` AND NOT EXISTS
				(SELECT 1 FROM attendances WHERE seats_id IN `+ofEdition+"))", r.EditionID, r.ID, Confirmed).
		Order("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("readers of the report: %w", err)
	}
	return people, nil
}

func addressesOf(people []*Person) []string {
	all := make([]string, len(people))
	for i, p := range people {
		all[i] = *p.Address
	}
	return all
}

// mailReport writes the campaign that mails a report.
func mailReport(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, r *Report, in PublishReportInput, to []*Person) (*Campaign, error) {
	c := &Campaign{
		ID: NewID(KindCampaign, now), EditionID: r.EditionID, ReportID: r.ID, CreatedBy: actor.PersonID, State: CampaignSending, SendAt: now,
		CreatedAt: now, Version: 1, Total: len(to), readAt: now,
	}
	if in.Message != nil {
		c.Message = strings.TrimSpace(*in.Message)
	}
	if in.SendAt != nil && in.SendAt.After(now) {
		c.SendAt = in.SendAt.UTC().Truncate(time.Microsecond)
	}
	if _, err := tx.NewInsert().Model(c).Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert campaign: %w", err)
	}
	mails := make([]*Delivery, len(to))
	for i, p := range to {
		mails[i] = &Delivery{Kind: MailReport, PersonID: p.ID, CampaignID: c.ID, CreatedAt: now, NotBefore: c.SendAt}
	}
	return c, queue(ctx, tx, mails...)
}

// AskForReport has the report of an edition mailed to the actor when it is published. Asking again changes nothing.
func (d *DB) AskForReport(ctx context.Context, actor Actor, edition ID, shape Shape) (*Edition, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		v := viewIn(tx, actor, now)
		editions, err := v.loadEditions(ctx, []ID{edition}, nil)
		switch e := editions[edition]; {
		case err != nil:
			return err
		case e == nil:
			return problem(CodeNotFound, "input.editionId", "There is no such edition.")
		case e.Status == EditionDraft:
			return problem(CodeConflict, "input.editionId", "This edition is not public yet.")
		}
		// There is something to ask for before the organisers begin to write.
		r := &Report{ID: NewID(KindReport, now), EditionID: edition, Status: ReportDraft, CreatedAt: now}
		if _, err := tx.NewInsert().Model(r).On("CONFLICT (edition_id) DO NOTHING").Returning("NULL").Exec(ctx); err != nil {
			return fmt.Errorf("insert report: %w", err)
		}
		if err := tx.NewSelect().Model(r).Where("edition_id = ?", edition).Scan(ctx); err != nil {
			return fmt.Errorf("report: %w", err)
		}
		if r.Status == ReportPublished {
			return problem(CodeConflict, "input.editionId", "The report is published already: read it at the edition.")
		}
		if _, err := tx.NewRaw("INSERT INTO report_readers (report_id, person_id, asked_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
			r.ID, actor.PersonID, now).Exec(ctx); err != nil {
			return fmt.Errorf("ask for report: %w", err)
		}
		return audit(ctx, tx, now, actor, "ask for report", edition)
	})
	if err != nil {
		return nil, err
	}
	return d.Edition(ctx, actor, edition, shape)
}
