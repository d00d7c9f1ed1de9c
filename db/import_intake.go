package db

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// importedIntakes are the terms of the course runs of a file: who teaches them, and what they ask.
type importedIntakes struct {
	runTrainers []*runTrainer
	questions   []*IntakeQuestion
	unasked     []ID // questions that are there and that the file leaves out
}

// planRun takes over the terms of a run.
func (i *importing) planRun(run *CourseRun, c programme.Course, r programme.Run) {
	run.MinParticipants = r.MinParticipants
	run.PriceMinor, run.PriceCurrency = amount(r.Price)
	if r.DecideOn != "" {
		day := Date(r.DecideOn)
		run.DecideOn = &day
	}
	if zone, err := programme.Zone(r.TimeZone); err == nil && r.IntakeDue != "" {
		if due, err := programme.Instant(r.IntakeDue, zone); err == nil { // the file was checked
			run.IntakeDueAt = &due
		}
	}
	if p := r.Invoice; p != nil {
		run.PayerID = i.ids[programme.OrganisationKind][p.Organisation]
		run.InvoiceReference, run.InvoiceVATNumber, run.InvoiceAddress = optional(p.Reference), optional(p.VATNumber), &p.Address
	}
	trainers := r.Trainers
	if len(trainers) == 0 {
		trainers = c.Trainers
	}
	for n, person := range i.all(programme.PersonKind, trainers) {
		i.runTrainers = append(i.runTrainers, &runTrainer{CourseRunID: run.ID, PersonID: person, Position: n})
	}
	for n, q := range r.Intake {
		i.questions = append(i.questions, &IntakeQuestion{
			CourseRunID: run.ID, Key: q.Key, Position: n, Kind: QuestionKind(q.Kind), Label: q.Label, Help: optional(q.Help),
			Options: list(q.Options), Required: q.Required, OrganisersOnly: q.OrganisersOnly,
		})
	}
}

// planQuestions finds the questions that are there already. What was answered cannot become another kind of question or go away.
func (i *importing) planQuestions(ctx context.Context) error {
	known, err := selectBy[*IntakeQuestion](ctx, i, "course_run_id", idsOf(i.runs))
	if err != nil {
		return err
	}
	answers, err := i.answersTo(ctx, idsOf(known))
	if err != nil {
		return err
	}
	left := map[within]*IntakeQuestion{}
	for _, q := range known {
		left[within{q.CourseRunID, q.Key}] = q
	}
	paths := i.runPaths()
	for _, q := range i.questions {
		had := left[within{q.CourseRunID, q.Key}]
		if had == nil {
			q.ID = NewID(KindIntakeQuestion, i.now)
			continue
		}
		delete(left, within{q.CourseRunID, q.Key})
		if q.ID = had.ID; q.Kind != had.Kind && answers[q.ID] > 0 {
			i.problem(fmt.Sprintf("%s.intake[%d].kind", paths[q.CourseRunID], q.Position),
				"Leave the kind %s, or ask under another key; %d people have answered this question.", had.Kind, answers[q.ID])
		}
	}
	for _, q := range slices.SortedFunc(maps.Values(left), func(a, b *IntakeQuestion) int { return a.Position - b.Position }) {
		if i.unasked = append(i.unasked, q.ID); answers[q.ID] > 0 {
			i.problem(paths[q.CourseRunID]+".intake", "Keep the question %q; %d people have answered it.", q.Key, answers[q.ID])
		}
	}
	return nil
}

// answersTo counts the answers to questions.
func (i *importing) answersTo(ctx context.Context, questions []ID) (map[ID]int, error) {
	counts := map[ID]int{}
	for part := range slices.Chunk(questions, chunk) {
		var rows []struct {
			QuestionID ID
			Answers    int
		}
		if err := i.tx.NewSelect().Model((*IntakeAnswer)(nil)).ColumnExpr("question_id, count(*) AS answers").
			Where("question_id IN (?)", bun.List(part)).GroupExpr("question_id").Scan(ctx, &rows); err != nil {
			return nil, fmt.Errorf("count answers: %w", err)
		}
		for _, row := range rows {
			counts[row.QuestionID] = row.Answers
		}
	}
	return counts, nil
}

// runPaths says where in the file each run stands.
func (i *importing) runPaths() map[ID]string {
	paths, n := map[ID]string{}, 0
	for c, course := range i.file.Courses {
		for r := range course.Runs {
			paths[i.runs[n].ID] = fmt.Sprintf("courses[%d].runs[%d]", c, r)
			n++
		}
	}
	return paths
}

func (i *importing) writeIntakes(ctx context.Context) error {
	if err := replace(ctx, i, "course_run_id", idsOf(i.runs), i.runTrainers); err != nil {
		return err
	}
	for part := range slices.Chunk(i.unasked, chunk) {
		if _, err := i.tx.NewDelete().Model((*IntakeQuestion)(nil)).Where("id IN (?)", bun.List(part)).Exec(ctx); err != nil {
			return fmt.Errorf("clear questions: %w", err)
		}
	}
	return upsert(ctx, i, i.questions, "position", "kind", "label", "help", "options", "required", "organisers_only")
}
