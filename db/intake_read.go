package db

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"
)

// IntakeAnswerInput answers one question, with the one value that its kind takes. Without a value it takes an answer back.
type IntakeAnswerInput struct {
	QuestionID ID
	Text       *string
	Choices    []string
	YesNo      *bool
	Number     *float64
}

// The longest answers, in characters: of a text, and of a long text.
const (
	MaxAnswerLine = 500
	MaxAnswerText = 5_000
)

const (
	maxAnswers = 100
	maxNumber  = 1e12
)

// givenIntake is what somebody gives of an intake, checked.
type givenIntake struct {
	questions []*IntakeQuestion // that the giver may answer
	answers   []*IntakeAnswer
	cleared   []ID // questions whose answer is taken back
	invoice   *Invoice
}

// readQuestions reads what the intake of the seats asks, for readIntake.
func (s *lockedSeats) readQuestions(ctx context.Context, tx bun.Tx) error {
	if s.CourseRunID.IsZero() {
		return nil
	}
	if err := tx.NewSelect().Model(&s.questions).Where("course_run_id = ?", s.CourseRunID).Order("position").Scan(ctx); err != nil {
		return fmt.Errorf("intake questions: %w", err)
	}
	return nil
}

// readIntake checks what an actor gives of the intake of a run, whose questions were read; nil when that is nothing. With whole,
// an answer that is left empty is refused where one is required.
func (s *lockedSeats) readIntake(actor Actor, answers []IntakeAnswerInput, invoice *InvoiceInput, whole bool) (*givenIntake, error) {
	switch {
	case len(answers) == 0 && invoice == nil:
		return nil, nil
	case s.CourseRunID.IsZero():
		return nil, problem(CodeInvalid, "input.answers", "Only courses have an intake; leave out the answers and the invoice.")
	case len(answers) > maxAnswers:
		return nil, problem(CodeTooLarge, "input.answers", "Give at most %d answers at once; these are %d.", maxAnswers, len(answers))
	}
	organiser := s.occasion.organisedBy(actor)
	given := &givenIntake{questions: slices.DeleteFunc(slices.Clone(s.questions), func(q *IntakeQuestion) bool { return q.OrganisersOnly && !organiser })}
	var problems Errors
	seen := map[ID]bool{}
	for i, in := range answers {
		a, p := given.read(in, whole)
		if p == nil && seen[in.QuestionID] {
			p = problem(CodeInvalid, "questionId", "Answer each question once; this one was answered above.")
		}
		seen[in.QuestionID] = true
		switch {
		case p != nil:
			p.Index, p.Field = &i, append([]string{"input", "answers", strconv.Itoa(i)}, p.Field...)
			problems = append(problems, p)
		case a == nil:
			given.cleared = append(given.cleared, in.QuestionID)
		default:
			given.answers = append(given.answers, a)
		}
	}
	if invoice != nil {
		var wrong Errors
		given.invoice, wrong = invoice.read()
		problems = append(problems, wrong...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return given, nil
}

// read checks one answer; nil when it is taken back.
func (g *givenIntake) read(in IntakeAnswerInput, whole bool) (*IntakeAnswer, *Error) {
	n := slices.IndexFunc(g.questions, func(q *IntakeQuestion) bool { return q.ID == in.QuestionID })
	if n < 0 {
		return nil, problem(CodeNotFound, "questionId", "There is no such question in this intake.")
	}
	q := g.questions[n]
	a := &IntakeAnswer{QuestionID: q.ID, Kind: q.Kind}
	expected := map[QuestionKind]string{
		QuestionText: "text", QuestionLongText: "text", QuestionSingle: "choices", QuestionMultiple: "choices", QuestionYesNo: "yesNo", QuestionNumber: "number",
	}[q.Kind]
	for field, sent := range map[string]bool{"text": in.Text != nil, "choices": len(in.Choices) > 0, "yesNo": in.YesNo != nil, "number": in.Number != nil} {
		if sent && field != expected {
			return nil, problem(CodeInvalid, field, "Answer this question with the field %q alone.", expected)
		}
	}
	empty := false
	var p *Error
	switch q.Kind {
	case QuestionText, QuestionLongText:
		text := ""
		if in.Text != nil {
			text = plainLines(*in.Text)
		}
		if p = checkOneLine(text, MaxAnswerLine); q.Kind == QuestionLongText {
			p = checkLines(text, MaxAnswerText)
		}
		a.Text, empty = &text, text == ""
	case QuestionSingle, QuestionMultiple:
		p = q.checkChoices(in.Choices)
		a.Choices, empty = in.Choices, len(in.Choices) == 0
	case QuestionYesNo:
		a.YesNo, empty = in.YesNo, in.YesNo == nil
	case QuestionNumber:
		if in.Number != nil && (math.IsNaN(*in.Number) || math.Abs(*in.Number) > maxNumber) {
			p = problem(CodeInvalid, "", "Give a number from -%.0f to %.0[1]f.", maxNumber)
		}
		a.Number, empty = in.Number, in.Number == nil
	}
	switch {
	case p != nil:
		p.Field = []string{expected}
		return nil, p
	case empty && whole && q.Required:
		return nil, problem(CodeRequired, expected, "Answer this question; without it your place is not certain.")
	case empty:
		return nil, nil
	}
	return a, nil
}

func (q *IntakeQuestion) checkChoices(chosen []string) *Error {
	if len(chosen) > 1 && q.Kind == QuestionSingle {
		return problem(CodeInvalid, "", "Choose one of the options.")
	}
	for i, choice := range chosen {
		switch {
		case !slices.Contains(q.Options, choice):
			return problem(CodeInvalid, "", "Choose among the options of the question; %q is none of them.", choice)
		case slices.Contains(chosen[:i], choice):
			return problem(CodeInvalid, "", "Choose each option once.")
		}
	}
	return nil
}

// complete reports whether what is given is all that a new registration needs for a place to be certain.
func (g *givenIntake) complete(o *occasion) bool {
	if g == nil {
		return !o.NeedsAnswers && !o.NeedsInvoice
	}
	missing := slices.ContainsFunc(g.questions, func(q *IntakeQuestion) bool {
		return q.Required && !slices.ContainsFunc(g.answers, func(a *IntakeAnswer) bool { return a.QuestionID == q.ID })
	})
	return !missing && (!o.NeedsInvoice || g.invoice != nil)
}

// save writes what is given for a registration, in the place of what was there.
func (g *givenIntake) save(ctx context.Context, tx bun.Tx, registration ID) error {
	if g == nil {
		return nil
	}
	if len(g.cleared) > 0 {
		if _, err := tx.NewDelete().Model((*IntakeAnswer)(nil)).Where("registration_id = ?", registration).
			Where("question_id IN (?)", bun.List(g.cleared)).Exec(ctx); err != nil {
			return fmt.Errorf("take back answers: %w", err)
		}
	}
	for _, a := range g.answers {
		a.RegistrationID = registration
	}
	if len(g.answers) > 0 {
		q := tx.NewInsert().Model(&g.answers).Returning("NULL").On("CONFLICT (registration_id, question_id) DO UPDATE")
		for _, column := range []bun.Ident{"kind", "text", "choices", "yes_no", "number"} {
			q = q.Set("? = EXCLUDED.?", column, column)
		}
		if _, err := q.Exec(ctx); err != nil {
			return fmt.Errorf("save answers: %w", err)
		}
	}
	if g.invoice == nil {
		return nil
	}
	g.invoice.RegistrationID = registration
	q := tx.NewInsert().Model(g.invoice).Returning("NULL").On("CONFLICT (registration_id) DO UPDATE")
	for _, column := range []bun.Ident{"organisation", "reference", "vat_number", "address"} {
		q = q.Set("? = EXCLUDED.?", column, column)
	}
	if _, err := q.Exec(ctx); err != nil {
		return fmt.Errorf("save invoice: %w", err)
	}
	return nil
}

// plainLines returns a text as people meant it, however their browser ends lines.
func plainLines(text string) string {
	return strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text))
}

// checkOneLine refuses what is no text of one line.
func checkOneLine(text string, most int) *Error {
	if hasControl(text) {
		return problem(CodeInvalid, "", "Write one line, without line breaks and other control characters.")
	}
	return checkLines(text, most)
}

// checkLines refuses what is no text, or too long.
func checkLines(text string, most int) *Error {
	switch {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return problem(CodeInvalid, "", "Write plain text, without control characters.")
	case utf8.RuneCountInString(text) > most:
		return problem(CodeTooLarge, "", "Use at most %d characters; these are %d.", most, utf8.RuneCountInString(text))
	}
	return nil
}
