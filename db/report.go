package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Report is what came of an edition. It follows the programme: what was found, asked and shared in each session, and what follows
// from it. Its texts are in report_text.go.
type Report struct {
	bun.BaseModel `bun:"table:reports,alias:report"`

	ID          ID `bun:",pk"`
	EditionID   ID
	Status      ReportStatus
	CreatedAt   time.Time
	PublishedAt *time.Time

	Edition     *Edition        `bun:"-"`
	Attendance  *Attendance     `bun:"-"`
	Items       []*ReportItem   `bun:"-"` // in the order of the programme
	Actions     []*ReportAction `bun:"-"` // by due date
	Corrections []*Correction   `bun:"-"` // nil unless the actor organises the edition
	words       *reportWords
}

// ReportStatus is who may read a report.
type ReportStatus string

// The statuses of reports: a draft is for organisers, one in review for participants too, a published one for everybody.
const (
	ReportDraft     ReportStatus = "DRAFT"
	ReportInReview  ReportStatus = "IN_REVIEW"
	ReportPublished ReportStatus = "PUBLISHED"
)

func (r *Report) id() ID { return r.ID }

// Summary returns what came of the edition in a few sentences: in the language, else in that of the edition; "" when nobody has
// written it yet.
func (r *Report) Summary(locale *Locale) string { return r.words.of(r.ID, locale) }

// Texts returns the current version of everything written, each in every language that it is there in.
func (r *Report) Texts() []*ReportText { return r.words.all }

// ReportItem is the part of a report about one session of the programme, or about none.
type ReportItem struct {
	Session   *Session // nil for what belongs to the edition as a whole
	Questions []*ReportQuestion
	Materials []*Material
	part      ID
	words     *reportWords
}

// Findings returns what was found, one by one.
func (i *ReportItem) Findings(locale *Locale) []string { return paragraphs(i.words.of(i.part, locale)) }

// Attendance are the numbers of those who came. They stay when the names are erased.
type Attendance struct {
	Registered    int
	Attended      int
	Organisations []*OrganisationAttendance // the largest group first, then by name
}

// OrganisationAttendance is how many people came from an organisation.
type OrganisationAttendance struct {
	People       int
	organisation *Organisation
}

// Organisation returns whom they came from.
func (a *OrganisationAttendance) Organisation() Party { return a.organisation.party() }

// readable restricts a query over reports to those that the actor may read.
func (v view) readable(q *bun.SelectQuery) *bun.SelectQuery {
	if v.actor.Administrator {
		return q
	}
	q = q.Where("report.edition_id IN (?)", v.visible(v.tx.NewSelect().Model((*Edition)(nil)).Column("id")))
	if v.actor.Anonymous() {
		return q.Where("report.status = ?", ReportPublished)
	}
	organised := v.tx.NewSelect().Model((*Edition)(nil)).Column("id").WhereGroup(" AND ", v.actor.organisedEditions)
	return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("report.status = ?", ReportPublished).WhereOr("report.edition_id IN (?)", organised).
			WhereOr("report.status = ? AND report.edition_id IN (?)", ReportInReview, v.attendedEditions())
	})
}

// attendedEditions are the editions that the actor has a place in, or came to.
func (v view) attendedEditions() *bun.SelectQuery {
	return v.tx.NewSelect().TableExpr("seats").ColumnExpr("coalesce(seats.edition_id, session.edition_id)").
		Join("LEFT JOIN sessions AS session ON session.id = seats.session_id").
		Where(`seats.id IN (SELECT seats_id FROM registrations WHERE person_id = ?0 AND status = ?1
			UNION SELECT seats_id FROM attendances WHERE person_id = ?0)`, v.actor.PersonID, Confirmed).
		Where("coalesce(seats.edition_id, session.edition_id) IS NOT NULL")
}

// reportsOf loads the reports of editions that the actor may read.
func (v view) reportsOf(ctx context.Context, editions []ID, shape Shape) (map[ID]*Report, error) {
	var rows []*Report
	q := v.readable(v.tx.NewSelect().Model(&rows)).Where("report.edition_id IN (?)", bun.List(editions))
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("reports: %w", err)
	}
	of := make(map[ID]*Report, len(rows))
	for _, row := range rows {
		of[row.EditionID] = row
	}
	return of, v.reports(ctx, rows, shape)
}

// loadReports loads those of the reports that the actor may read.
func (v view) loadReports(ctx context.Context, ids []ID, shape Shape) (map[ID]*Report, error) {
	ids = distinct(ids)
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []*Report
	if err := v.readable(v.tx.NewSelect().Model(&rows)).Where("report.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("reports: %w", err)
	}
	by := make(map[ID]*Report, len(rows))
	for _, row := range rows {
		by[row.ID] = row
	}
	return by, v.reports(ctx, rows, shape)
}

// reports completes reports.
func (v view) reports(ctx context.Context, rows []*Report, shape Shape) error {
	if len(rows) == 0 {
		return nil
	}
	// Questions and actions lead back to the report that they are in.
	for back := shape.backToReport(); len(back) > 0; back = back.backToReport() {
		shape = shape.With(back)
	}
	editions, err := v.loadEditions(ctx, idsBy(rows, func(r *Report) ID { return r.EditionID }), shape.Of("edition"))
	if err != nil {
		return err
	}
	for _, row := range rows {
		row.Edition = editions[row.EditionID]
	}
	if err := v.reportTexts(ctx, rows); err != nil {
		return err
	}
	if shape.Has("attendance") {
		if err := v.attendance(ctx, rows, shape.Of("attendance")); err != nil {
			return err
		}
	}
	if shape.Has("items") {
		if err := v.reportItems(ctx, rows, shape.Of("items")); err != nil {
			return err
		}
	}
	if shape.Has("actions") {
		actions, err := v.reportActions(ctx, rows, shape.Of("actions"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Actions = actions[row.ID]
		}
	}
	if shape.Has("corrections") {
		own := slices.DeleteFunc(slices.Clone(rows), func(r *Report) bool { return !v.organisesReport(r) })
		return v.corrections(ctx, own, shape.Of("corrections"))
	}
	return nil
}

func (s Shape) backToReport() Shape {
	return s.Of("actions").Of("report").With(s.Of("items").Of("questions").Of("report"))
}

func (v view) organisesReport(r *Report) bool {
	return r.Edition != nil && v.actor.organisesEdition(r.Edition.ID, r.Edition.PartnershipID, r.Edition.HostID)
}

// reportItems puts what belongs to a session behind the ones before it, and what belongs to none at the end.
func (v view) reportItems(ctx context.Context, rows []*Report, shape Shape) error {
	questions, err := v.reportQuestions(ctx, rows, shape.Of("questions"))
	if err != nil {
		return err
	}
	materials, err := v.materials(ctx, rows)
	if err != nil {
		return err
	}
	type place struct{ report, session ID }
	items := map[place]*ReportItem{}
	var wanted []ID
	item := func(report, session ID) *ReportItem {
		i := items[place{report, session}]
		if i == nil {
			i = &ReportItem{part: session, Questions: []*ReportQuestion{}, Materials: []*Material{}}
			items[place{report, session}] = i
			wanted = append(wanted, session)
		}
		return i
	}
	for _, row := range rows {
		for _, text := range row.words.all {
			if text.PartID.Kind() == KindSession && text.Text != "" {
				item(row.ID, text.PartID)
			}
		}
		for _, q := range questions[row.ID] {
			i := item(row.ID, q.SessionID)
			i.Questions = append(i.Questions, q)
		}
		for _, m := range materials[row.ID] {
			i := item(row.ID, m.SessionID)
			i.Materials = append(i.Materials, m)
		}
	}
	sessions, err := v.loadSessions(ctx, wanted, shape.Of("session"))
	if err != nil {
		return err
	}
	for _, row := range rows {
		row.Items = []*ReportItem{}
		for at, i := range items {
			if at.report == row.ID {
				i.Session, i.words = sessions[at.session], row.words
				row.Items = append(row.Items, i)
			}
		}
		slices.SortFunc(row.Items, func(a, b *ReportItem) int { return cmp.Compare(a.place(), b.place()) })
	}
	return nil
}

// place is where the item stands in the report.
func (i *ReportItem) place() int {
	if i.Session == nil {
		return int(^uint(0) >> 1)
	}
	return i.Session.Position
}

// attendance counts who was registered and who came.
func (v view) attendance(ctx context.Context, rows []*Report, shape Shape) error {
	ids := distinct(idsBy(rows, func(r *Report) ID { return r.EditionID }))
	var counts []struct {
		EditionID  ID
		Registered int
	}
	if err := v.tx.NewSelect().TableExpr("registrations AS registration").Join("JOIN seats ON seats.id = registration.seats_id").
		ColumnExpr("seats.edition_id, count(*) AS registered").Where("seats.edition_id IN (?)", bun.List(ids)).
		Where("registration.status = ?", Confirmed).Group("seats.edition_id").Scan(ctx, &counts); err != nil {
		return fmt.Errorf("registered: %w", err)
	}
	var came []struct {
		EditionID      ID
		OrganisationID ID
		People         int
	}
	if err := v.tx.NewSelect().TableExpr("attendances AS attendance").Join("JOIN seats ON seats.id = attendance.seats_id").
		Join("LEFT JOIN organisations AS organisation ON organisation.id = attendance.organisation_id").
		ColumnExpr("seats.edition_id, attendance.organisation_id, count(*) AS people").Where("seats.edition_id IN (?)", bun.List(ids)).
		Group("seats.edition_id", "attendance.organisation_id", "organisation.folded_name").OrderExpr("people DESC, organisation.folded_name, attendance.organisation_id").Scan(ctx, &came); err != nil {
		return fmt.Errorf("attendances: %w", err)
	}
	for _, row := range rows {
		row.Attendance = &Attendance{Organisations: []*OrganisationAttendance{}}
		for _, c := range counts {
			if c.EditionID == row.EditionID {
				row.Attendance.Registered = c.Registered
			}
		}
		for _, c := range came {
			if c.EditionID != row.EditionID {
				continue
			}
			row.Attendance.Attended += c.People
			if c.OrganisationID.IsZero() { // people who work for nobody we know of
				continue
			}
			from := &OrganisationAttendance{People: c.People}
			v.wantOrganisation(c.OrganisationID, shape.Of("organisations").Of("organisation"), func(o *Organisation) { from.organisation = o })
			row.Attendance.Organisations = append(row.Attendance.Organisations, from)
		}
	}
	return nil
}
