package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// ReportQuestion is what a participant asked the others, for an organisation.
type ReportQuestion struct {
	bun.BaseModel `bun:"table:report_questions,alias:report_question"`

	ID             ID `bun:",pk"`
	ReportID       ID
	SessionID      ID `bun:",nullzero"`
	OrganisationID ID `bun:",nullzero"`
	PersonID       ID `bun:",nullzero"`
	Status         QuestionStatus
	CreatedAt      time.Time

	Report  *Report      `bun:"-"`
	Person  *Person      `bun:"-"` // nil unless the actor was there or organises the edition
	Offers  []*HelpOffer `bun:"-"` // in the order of offering
	words   *reportWords
	askedBy *Organisation
}

// QuestionStatus is whether a question still looks for an answer.
type QuestionStatus string

// The statuses of questions.
const (
	QuestionOpen     QuestionStatus = "OPEN"
	QuestionAnswered QuestionStatus = "ANSWERED"
)

func (q *ReportQuestion) id() ID { return q.ID }

// Text returns the question in the language, else in that of the edition.
func (q *ReportQuestion) Text(locale *Locale) string { return q.words.of(q.ID, locale) }

// AskedBy returns for whom it was asked; nil when that is not known.
func (q *ReportQuestion) AskedBy() Party { return q.askedBy.party() }

// HelpOffer is an organisation's offer to share what it knows about a question.
type HelpOffer struct {
	bun.BaseModel `bun:"table:help_offers,alias:help_offer"`

	ID             ID `bun:",pk"`
	QuestionID     ID
	OrganisationID ID
	PersonID       ID `bun:",nullzero"`
	Note           string
	CreatedAt      time.Time

	Person       *Person `bun:"-"` // as that of the question
	organisation *Organisation
}

func (o *HelpOffer) id() ID { return o.ID }

// Organisation returns who offers.
func (o *HelpOffer) Organisation() Party { return o.organisation.party() }

// namesPeople returns of which reports the actor may see who asked, offered and acts: organisers and those who were there may.
func (v view) namesPeople(ctx context.Context, reports []*Report) (map[ID]bool, error) {
	if v.actor.Anonymous() || len(reports) == 0 {
		return nil, nil
	}
	var there []ID
	if err := v.attendedEditions().Where("coalesce(seats.edition_id, session.edition_id) IN (?)",
		bun.List(idsBy(reports, func(r *Report) ID { return r.EditionID }))).Scan(ctx, &there); err != nil {
		return nil, fmt.Errorf("who was there: %w", err)
	}
	may := map[ID]bool{}
	for _, r := range reports {
		may[r.ID] = v.organisesReport(r) || slices.Contains(there, r.EditionID)
	}
	return may, nil
}

// namedInReports returns which of the people the actor may read of, by name, in a report. Texts name their authors, and proposals
// those who made them, to organisers alone.
func (v view) namedInReports(ctx context.Context, people []ID) (map[ID]bool, error) {
	if v.actor.Anonymous() || len(people) == 0 {
		return nil, nil
	}
	var rows []struct {
		PersonID ID
		ReportID ID
		Internal bool
	}
	if err := v.tx.NewRaw(`SELECT person_id, report_id, 0 AS internal FROM report_questions WHERE person_id IN (?0)
		UNION SELECT person_id, report_id, 0 FROM report_actions WHERE person_id IN (?0)
		UNION SELECT offer.person_id, question.report_id, 0 FROM help_offers AS offer JOIN report_questions AS question ON question.id = offer.question_id
			WHERE offer.person_id IN (?0)
		UNION SELECT person_id, report_id, 1 FROM corrections WHERE person_id IN (?0)
		UNION SELECT author_id, report_id, 1 FROM report_texts WHERE author_id IN (?0)`, bun.List(people)).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("people in reports: %w", err)
	}
	var ids []ID
	for _, row := range rows {
		ids = append(ids, row.ReportID)
	}
	reports, err := v.loadReports(ctx, ids, nil)
	if err != nil {
		return nil, err
	}
	may, err := v.namesPeople(ctx, values(reports))
	named := map[ID]bool{}
	for _, row := range rows {
		if r := reports[row.ReportID]; r != nil && may[r.ID] && (!row.Internal || v.organisesReport(r)) {
			named[row.PersonID] = true
		}
	}
	return named, err
}

// reportPeople loads the people that reports name, for those who may see them.
func (v view) reportPeople(ctx context.Context, reports []*Report, named map[ID][]ID, shape Shape) (map[ID]map[ID]*Person, error) {
	may, err := v.namesPeople(ctx, reports)
	if err != nil {
		return nil, err
	}
	var wanted []ID
	for report, people := range named {
		if may[report] {
			wanted = append(wanted, people...)
		}
	}
	people, err := v.loadPeople(ctx, wanted, shape)
	of := map[ID]map[ID]*Person{}
	for report, ids := range named {
		of[report] = map[ID]*Person{}
		for _, id := range ids {
			if may[report] {
				of[report][id] = people[id]
			}
		}
	}
	return of, err
}

func (v view) reportQuestions(ctx context.Context, reports []*Report, shape Shape) (map[ID][]*ReportQuestion, error) {
	var rows []*ReportQuestion
	if err := v.tx.NewSelect().Model(&rows).Where("report_id IN (?)", bun.List(idsOf(reports))).Order("created_at", "id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("questions: %w", err)
	}
	return groupBy(rows, func(q *ReportQuestion) ID { return q.ReportID }), v.askedQuestions(ctx, reports, rows, shape)
}

// askedQuestions completes questions of the reports.
func (v view) askedQuestions(ctx context.Context, reports []*Report, rows []*ReportQuestion, shape Shape) error {
	if len(rows) == 0 {
		return nil
	}
	report := map[ID]*Report{}
	for _, r := range reports {
		report[r.ID] = r
	}
	var offers []*HelpOffer
	if shape.Has("offers") {
		if err := v.tx.NewSelect().Model(&offers).Where("question_id IN (?)", bun.List(idsOf(rows))).Order("created_at", "id").Scan(ctx); err != nil {
			return fmt.Errorf("offers: %w", err)
		}
	}
	to := groupBy(offers, func(o *HelpOffer) ID { return o.QuestionID })
	named := map[ID][]ID{}
	for _, q := range rows {
		q.Report, q.words, q.Offers = report[q.ReportID], report[q.ReportID].words, []*HelpOffer{}
		v.wantOrganisation(q.OrganisationID, shape.Of("askedBy"), func(o *Organisation) { q.askedBy = o })
		named[q.ReportID] = append(named[q.ReportID], q.PersonID)
		for _, o := range to[q.ID] {
			v.wantOrganisation(o.OrganisationID, shape.Of("offers").Of("organisation"), func(party *Organisation) { o.organisation = party })
			q.Offers = append(q.Offers, o)
			named[q.ReportID] = append(named[q.ReportID], o.PersonID)
		}
	}
	if !shape.Has("person") && !shape.Of("offers").Has("person") {
		return nil
	}
	people, err := v.reportPeople(ctx, reports, named, shape.Of("person").With(shape.Of("offers").Of("person")))
	for _, q := range rows {
		q.Person = people[q.ReportID][q.PersonID]
		for _, o := range q.Offers {
			o.Person = people[q.ReportID][o.PersonID]
		}
	}
	return err
}

// offer loads an offer to a question that the actor may read; nil when there is none.
func (v view) offer(ctx context.Context, id ID, shape Shape) (*HelpOffer, error) {
	rows, err := byID[HelpOffer](ctx, v.tx, []ID{id})
	if err != nil || rows[id] == nil {
		return nil, err
	}
	q, err := v.question(ctx, rows[id].QuestionID, Shape{"offers": shape})
	if q == nil || err != nil {
		return nil, err
	}
	return q.Offers[slices.IndexFunc(q.Offers, func(o *HelpOffer) bool { return o.ID == id })], nil
}

// AddReportQuestionInput is a question that was asked.
type AddReportQuestionInput struct {
	ReportID       ID
	SessionID      *ID
	OrganisationID *ID
	PersonID       *ID
	Locale         Locale
	Text           string
}

// AddReportQuestion writes down a question that was asked.
func (d *DB) AddReportQuestion(ctx context.Context, actor Actor, in AddReportQuestionInput, shape Shape) (*Report, error) {
	return d.changeReport(ctx, actor, in.ReportID, "add question", shape, func(ctx context.Context, tx bun.Tx, now time.Time, r *Report) error {
		q := &ReportQuestion{ID: NewID(KindReportQuestion, now), ReportID: r.ID, Status: QuestionOpen, CreatedAt: now}
		if err := placeEntry(ctx, tx, r, in.SessionID, in.OrganisationID, in.PersonID, &q.SessionID, &q.OrganisationID, &q.PersonID); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(q).Exec(ctx); err != nil {
			return fmt.Errorf("insert question: %w", err)
		}
		return firstText(ctx, tx, now, actor, r, q.ID, in.Locale, in.Text)
	})
}

// MarkQuestionInput says whether a question still looks for an answer.
type MarkQuestionInput struct {
	QuestionID ID
	Status     QuestionStatus
}

// MarkQuestion says whether a question still looks for an answer: by organisers, and by who asked.
func (d *DB) MarkQuestion(ctx context.Context, actor Actor, in MarkQuestionInput, shape Shape) (*ReportQuestion, error) {
	return d.atQuestion(ctx, actor, in.QuestionID, "mark question", shape, func(ctx context.Context, tx bun.Tx, _ time.Time, v view, q *ReportQuestion) error {
		if !v.organisesReport(q.Report) && q.PersonID != actor.PersonID && !actor.coordinatesFor(q.OrganisationID) {
			return problem(CodeForbidden, "input.questionId", "Who asked and the organisers say whether a question is answered.")
		}
		if _, err := tx.NewUpdate().Model((*ReportQuestion)(nil)).Set("status = ?", in.Status).Where("id = ?", q.ID).Exec(ctx); err != nil {
			return fmt.Errorf("mark question: %w", err)
		}
		return nil
	})
}

// OfferHelpInput is an offer to share what an organisation knows.
type OfferHelpInput struct {
	QuestionID     ID
	OrganisationID *ID // nil: whom the actor works for
	Note           *string
}

// OfferHelp offers an organisation's help with a question: by people who work or coordinate for it, and by the organisers who
// heard it said. Offering again replaces the note.
func (d *DB) OfferHelp(ctx context.Context, actor Actor, in OfferHelpInput, shape Shape) (*ReportQuestion, error) {
	return d.atQuestion(ctx, actor, in.QuestionID, "offer help", shape, func(ctx context.Context, tx bun.Tx, now time.Time, v view, q *ReportQuestion) error {
		o := &HelpOffer{ID: NewID(KindHelpOffer, now), QuestionID: q.ID, OrganisationID: actor.OrganisationID, PersonID: actor.PersonID, CreatedAt: now}
		if in.OrganisationID != nil {
			o.OrganisationID = *in.OrganisationID
		}
		own := o.OrganisationID == actor.OrganisationID || actor.coordinatesFor(o.OrganisationID)
		switch {
		case o.OrganisationID.IsZero():
			return problem(CodeRequired, "input.organisationId", "Say which organisation offers help.")
		case !own && !v.organisesReport(q.Report):
			return problem(CodeForbidden, "input.organisationId", "Offer help for the organisation that you work for.")
		case !own:
			o.PersonID = ID{} // an organiser who writes it down
		case o.OrganisationID == q.OrganisationID:
			return problem(CodeConflict, "input.organisationId", "This organisation asked the question itself.")
		}
		if in.Note != nil {
			note, wrong := cleanText(*in.Note, "input.note", 2000)
			if wrong != nil {
				return wrong
			}
			o.Note = note
		}
		if err := organisationExists(ctx, tx, o.OrganisationID); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(o).On("CONFLICT (question_id, organisation_id) DO UPDATE").Set("note = EXCLUDED.note").Returning("NULL").Exec(ctx); err != nil {
			return fmt.Errorf("insert offer: %w", err)
		}
		return nil
	})
}

// atQuestion changes something at a question that the actor may read, under the lock of its report.
func (d *DB) atQuestion(ctx context.Context, actor Actor, id ID, action string, shape Shape,
	change func(context.Context, bun.Tx, time.Time, view, *ReportQuestion) error) (*ReportQuestion, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		v := viewIn(tx, actor, now)
		q, err := v.question(ctx, id, nil)
		if err != nil {
			return err
		}
		if q == nil {
			return problem(CodeNotFound, "input.questionId", "There is no such question.")
		}
		if _, err := found(d.locked(tx.NewSelect().Model((*Report)(nil)).Column("id")).Where("id = ?", q.ReportID).Scan(ctx, new(ID))); err != nil {
			return fmt.Errorf("report: %w", err)
		}
		if err := change(ctx, tx, now, v, q); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, action, q.ID)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	v := d.view(actor)
	q, err := v.question(ctx, id, shape)
	return q, v.finish(ctx, err)
}

// question loads a question in a report that the actor may read; nil when there is none.
func (v view) question(ctx context.Context, id ID, shape Shape) (*ReportQuestion, error) {
	rows, err := byID[ReportQuestion](ctx, v.tx, []ID{id})
	if err != nil || rows[id] == nil {
		return nil, err
	}
	q := rows[id]
	reports, err := v.loadReports(ctx, []ID{q.ReportID}, shape.Of("report"))
	if err != nil || reports[q.ReportID] == nil {
		return nil, err
	}
	return q, v.askedQuestions(ctx, values(reports), []*ReportQuestion{q}, shape)
}
