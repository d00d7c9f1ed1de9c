package db

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// IntakeQuestion is what the participants of a course run are asked before it, or what its organisers note about each of them.
// It is in the language of the run.
type IntakeQuestion struct {
	bun.BaseModel `bun:"table:intake_questions,alias:intake_question"`

	ID             ID `bun:",pk"`
	CourseRunID    ID
	Key            string
	Position       int
	Kind           QuestionKind
	Label          string
	Help           *string
	Options        []string // of a choice, and only there
	Required       bool     // a place is certain only when it is answered
	OrganisersOnly bool     // only organisers write and read the answer
}

// QuestionKind is how a question is answered.
type QuestionKind string

// The kinds of questions.
const (
	QuestionText     QuestionKind = "TEXT"            // one line
	QuestionLongText QuestionKind = "LONG_TEXT"       // several lines
	QuestionSingle   QuestionKind = "SINGLE_CHOICE"   // one of the options
	QuestionMultiple QuestionKind = "MULTIPLE_CHOICE" // some of the options
	QuestionYesNo    QuestionKind = "YES_NO"
	QuestionNumber   QuestionKind = "NUMBER"
)

func (q *IntakeQuestion) id() ID { return q.ID }

// IntakeAnswer is what a registration answers to a question: the one value that its kind takes.
type IntakeAnswer struct {
	bun.BaseModel `bun:"table:intake_answers,alias:intake_answer"`

	RegistrationID ID `bun:",pk"`
	QuestionID     ID `bun:",pk"`
	Kind           QuestionKind
	Text           *string
	Choices        []string `bun:",nullzero"` // as the options were worded when they were chosen
	YesNo          *bool
	Number         *float64

	Question *IntakeQuestion `bun:"-"`
}

type runTrainer struct {
	bun.BaseModel `bun:"table:run_trainers,alias:run_trainer"`

	CourseRunID ID `bun:",pk"`
	PersonID    ID `bun:",pk"`
	Position    int
}

// ownRuns returns those of the runs that the actor organises.
func (v view) ownRuns(ctx context.Context, runs []ID) (map[ID]bool, error) {
	if !v.actor.Organiser() || len(runs) == 0 {
		return nil, nil
	}
	return v.someRuns(ctx, v.tx.NewSelect().TableExpr("course_runs AS run").Join("JOIN courses AS course ON course.id = run.course_id").
		ColumnExpr("run.id").Where("run.id IN (?)", bun.List(runs)).WhereGroup(" AND ", v.actor.organisedCourses))
}

// trainedRuns returns those of the runs that the actor teaches.
func (v view) trainedRuns(ctx context.Context, runs []ID) (map[ID]bool, error) {
	if v.actor.Anonymous() || len(runs) == 0 {
		return nil, nil
	}
	return v.someRuns(ctx, v.tx.NewSelect().Model((*runTrainer)(nil)).Column("course_run_id").
		Where("course_run_id IN (?)", bun.List(runs)).Where("person_id = ?", v.actor.PersonID))
}

func (v view) someRuns(ctx context.Context, q *bun.SelectQuery) (map[ID]bool, error) {
	var ids []ID
	if err := q.Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("course runs of the actor: %w", err)
	}
	some := make(map[ID]bool, len(ids))
	for _, id := range ids {
		some[id] = true
	}
	return some, nil
}

// questions returns the questions of runs in their order, by run: those for organisers only to organisers.
func (v view) questions(ctx context.Context, runs []ID) (map[ID][]*IntakeQuestion, error) {
	var rows []*IntakeQuestion
	if err := v.tx.NewSelect().Model(&rows).Where("course_run_id IN (?)", bun.List(runs)).Order("position").Scan(ctx); err != nil {
		return nil, fmt.Errorf("intake questions: %w", err)
	}
	rows, err := v.askable(ctx, rows)
	return groupBy(rows, func(q *IntakeQuestion) ID { return q.CourseRunID }), err
}

// askable leaves out what only organisers of the run may know of.
func (v view) askable(ctx context.Context, rows []*IntakeQuestion) ([]*IntakeQuestion, error) {
	own, err := v.ownRuns(ctx, distinct(idsBy(rows, func(q *IntakeQuestion) ID { return q.CourseRunID })))
	return slices.DeleteFunc(rows, func(q *IntakeQuestion) bool { return q.OrganisersOnly && !own[q.CourseRunID] }), err
}

// knownQuestions returns those of the questions that the actor may know of.
func (v view) knownQuestions(ctx context.Context, ids []ID) (map[ID]*IntakeQuestion, error) {
	found, err := byID[IntakeQuestion](ctx, v.tx, ids)
	if err != nil {
		return nil, err
	}
	rows, err := v.askable(ctx, values(found))
	if err != nil {
		return nil, err
	}
	runs, err := v.loadCourseRuns(ctx, idsBy(rows, func(q *IntakeQuestion) ID { return q.CourseRunID }), nil)
	known := make(map[ID]*IntakeQuestion, len(rows))
	for _, row := range rows {
		if runs[row.CourseRunID] != nil {
			known[row.ID] = row
		}
	}
	return known, err
}

// intakes completes registrations for courses with their answers and invoices, as far as the actor may see them. The answers
// are for the person, the organisers and the trainers of the run: a case or a learning goal is not for the person's own
// organisation. The invoice is for the person, the organisers and the coordinators of the organisation, which pays.
func (v view) intakes(ctx context.Context, rows []*Registration) error {
	var links []struct{ ID, CourseRunID ID }
	if err := v.tx.NewSelect().Model((*Seats)(nil)).Column("id", "course_run_id").Where("course_run_id IS NOT NULL").
		Where("id IN (?)", bun.List(distinct(idsBy(rows, func(r *Registration) ID { return r.SeatsID })))).Scan(ctx, &links); err != nil {
		return fmt.Errorf("course runs of registrations: %w", err)
	}
	runOf, runs := map[ID]ID{}, []ID{}
	for _, link := range links {
		runOf[link.ID] = link.CourseRunID
		runs = append(runs, link.CourseRunID)
	}
	if len(runs) == 0 {
		return nil
	}
	own, err := v.ownRuns(ctx, runs)
	if err != nil {
		return err
	}
	trained, err := v.trainedRuns(ctx, runs)
	if err != nil {
		return err
	}
	asked, err := v.questions(ctx, runs)
	if err != nil {
		return err
	}
	questions := map[ID]*IntakeQuestion{}
	for _, q := range slices.Concat(values(asked)...) {
		questions[q.ID] = q
	}
	ids := idsOf(rows)
	var answers []*IntakeAnswer
	if err := v.tx.NewSelect().Model(&answers).Where("registration_id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return fmt.Errorf("intake answers: %w", err)
	}
	var invoices []*Invoice
	if err := v.tx.NewSelect().Model(&invoices).Where("registration_id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return fmt.Errorf("invoices: %w", err)
	}
	for _, r := range rows {
		run, self := runOf[r.SeatsID], r.PersonID == v.actor.PersonID
		if run.IsZero() {
			continue
		}
		if self || own[run] || trained[run] && slices.Contains(having, r.Status) {
			r.Answers = []*IntakeAnswer{}
			for _, a := range answers {
				if a.Question = questions[a.QuestionID]; a.RegistrationID == r.ID && a.Question != nil {
					r.Answers = append(r.Answers, a)
				}
			}
			slices.SortFunc(r.Answers, func(a, b *IntakeAnswer) int { return a.Question.Position - b.Question.Position })
		}
		if own[run] || v.actor.maySeeContact(r.PersonID, r.OrganisationID) {
			if i := slices.IndexFunc(invoices, func(i *Invoice) bool { return i.RegistrationID == r.ID }); i >= 0 {
				r.Invoice = invoices[i]
			}
		}
	}
	return nil
}

// IntakeComplete reports whether a registration has all that makes a place certain. It needs the shape of a personal page.
func (r *Registration) IntakeComplete() bool {
	if r.CourseRun.InvoiceNeeded() && r.Invoice == nil {
		return false
	}
	return !slices.ContainsFunc(r.CourseRun.IntakeQuestions, func(q *IntakeQuestion) bool {
		return q.Required && !slices.ContainsFunc(r.Answers, func(a *IntakeAnswer) bool { return a.QuestionID == q.ID })
	})
}
