package pages

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
)

// The names of the fields that ask to whom the invoice goes.
const (
	InvoiceOrganisation = "invoice-organisation"
	InvoiceReference    = "invoice-reference"
	InvoiceVATNumber    = "invoice-vat-number"
	InvoiceAddress      = "invoice-address"
)

// Yes and no, as the form sends them.
const (
	Yes = "yes"
	no  = "no"
)

// AnswerField returns the name of the field that asks a question.
func AnswerField(q *db.IntakeQuestion) string { return "q-" + q.Key }

// Typed is what came with an intake that was refused, and why: the problems name questions by their order, and parts of the
// invoice by their fields.
type Typed struct {
	Values   url.Values
	Problems db.Errors
}

// intake is the form that asks for the intake of a course.
type intake struct {
	Terms    string
	Language string // of the questions
	Fields   []*field
	Invoice  []*field
	Problems []*field // those that have one
}

// field asks for one value.
type field struct {
	ID, Name, Label, Help string
	Language              string // of the label, and of the help unless it is the page's own; "" when that of the page
	OwnHelp               bool
	Required              bool
	Optional              string // says that it is
	Asked                 bool   // by the course, so that the options are in its language
	Type                  string // of options: radio or checkbox
	Options               []option
	Rows                  int    // of a text of several lines; 0: of one line
	Mode, Fill            string // what keyboards and browsers are told of a line
	Value                 string
	Problem               string
	DescribedBy           string
}

type option struct {
	Value, Label string
	Chosen       bool
}

// askIntake words the form of the intake of a course, or what was answered when nothing can be changed any more.
func (p *personal) askIntake(r *db.Registration, m meeting, typed *Typed) {
	run, t := r.CourseRun, p.Tongue
	if len(run.IntakeQuestions) == 0 && !run.InvoiceNeeded() {
		return
	}
	due, complete := run.IntakeDueAt, r.IntakeComplete()
	late := r.IntakeLate
	if late && complete {
		p.given(r)
		return
	}
	form := &intake{}
	if len(run.Languages) > 0 && run.Languages[0] != string(t.Tag) {
		form.Language = run.Languages[0]
	}
	switch {
	case complete && due != nil:
		form.Terms = t.IntakeComplete + " " + fmt.Sprintf(t.IntakeChangeUntil, t.deadline(due.In(m.zone)))
	case complete:
		form.Terms = t.IntakeComplete
	case r.Status == db.Waitlisted:
		form.Terms = t.IntakeWaiting
	case late:
		form.Terms = fmt.Sprintf(t.IntakeLate, t.deadline(due.In(m.zone)))
	case due != nil:
		form.Terms = fmt.Sprintf(t.IntakeBy, t.deadline(due.In(m.zone)))
	default:
		form.Terms = t.IntakeBeforeStart
	}
	values := valuesOf(r)
	if typed != nil {
		values = typed.Values
	}
	for i, q := range run.IntakeQuestions {
		f := t.field(q, values)
		f.Language = form.Language
		f.Problem = t.problem(q.Kind, typed.find("answers", strconv.Itoa(i)))
		form.Fields = append(form.Fields, f)
	}
	if run.InvoiceNeeded() {
		form.Invoice = t.invoiceFields(values, typed)
	}
	for _, f := range slices.Concat(form.Fields, form.Invoice) {
		if f.finish(t); f.Problem != "" {
			form.Problems = append(form.Problems, f)
		}
	}
	if form.Problems != nil {
		p.Unclear = t.IntakeWrong
	}
	p.Intake = form
}

// given lists what was answered to an intake that is closed.
func (p *personal) given(r *db.Registration) {
	for _, a := range r.Answers {
		value := ""
		switch {
		case a.Text != nil:
			value = *a.Text
		case a.YesNo != nil && *a.YesNo:
			value = p.Tongue.Yes
		case a.YesNo != nil:
			value = p.Tongue.No
		case a.Number != nil:
			value = p.Tongue.number(*a.Number)
		default:
			value = strings.Join(a.Choices, "\n")
		}
		p.Given = append(p.Given, fact{a.Question.Label, value})
	}
	if i := r.Invoice; i != nil {
		p.Given = append(p.Given, fact{p.Tongue.Invoice, i.Organisation + "\n" + i.Address})
	}
}

// number writes a number as people type it.
func (t *tongue) number(n float64) string {
	return strings.Replace(strconv.FormatFloat(n, 'f', -1, 64), ".", t.DecimalSeparator, 1)
}

// valuesOf are the values of the form that was saved last.
func valuesOf(r *db.Registration) url.Values {
	values := url.Values{}
	for _, a := range r.Answers {
		name := AnswerField(a.Question)
		switch {
		case a.Text != nil:
			values.Set(name, *a.Text)
		case a.YesNo != nil && *a.YesNo:
			values.Set(name, Yes)
		case a.YesNo != nil:
			values.Set(name, no)
		case a.Number != nil:
			values.Set(name, strconv.FormatFloat(*a.Number, 'f', -1, 64))
		default:
			values[name] = a.Choices
		}
	}
	if i := r.Invoice; i != nil {
		values.Set(InvoiceOrganisation, i.Organisation)
		values.Set(InvoiceAddress, i.Address)
		if i.Reference != nil {
			values.Set(InvoiceReference, *i.Reference)
		}
		if i.VATNumber != nil {
			values.Set(InvoiceVATNumber, *i.VATNumber)
		}
	}
	return values
}

// field words a question of the course.
func (t *tongue) field(q *db.IntakeQuestion, values url.Values) *field {
	f := &field{Name: AnswerField(q), Label: q.Label, Required: q.Required, Value: values.Get(AnswerField(q))}
	if q.Help != nil {
		f.Help = *q.Help
	}
	switch q.Kind {
	case db.QuestionLongText:
		f.Rows = 6
	case db.QuestionNumber:
		f.Mode, f.Value = "decimal", strings.Replace(f.Value, ".", t.DecimalSeparator, 1)
	case db.QuestionYesNo:
		f.Type = "radio"
		f.Options = []option{{Yes, t.Yes, f.Value == Yes}, {no, t.No, f.Value == no}}
	case db.QuestionSingle, db.QuestionMultiple:
		f.Type, f.Asked = "radio", true
		if q.Kind == db.QuestionMultiple {
			f.Type, f.Help, f.OwnHelp = "checkbox", cmp.Or(f.Help, t.ChooseSome), f.Help == ""
		}
		for _, text := range q.Options {
			f.Options = append(f.Options, option{text, text, slices.Contains(values[f.Name], text)})
		}
	}
	return f
}

func (t *tongue) invoiceFields(values url.Values, typed *Typed) []*field {
	fields := []*field{
		{Name: InvoiceOrganisation, Label: t.InvoiceOrganisation, Required: true, Fill: "organization"},
		{Name: InvoiceReference, Label: t.InvoiceReference},
		{Name: InvoiceVATNumber, Label: t.InvoiceVAT},
		{Name: InvoiceAddress, Label: t.InvoiceAddress, Required: true, Rows: 3},
	}
	for i, part := range []string{"organisation", "reference", "vatNumber", "address"} {
		f, wrong := fields[i], typed.find("invoice", part)
		f.Value = values.Get(f.Name)
		switch {
		case wrong == nil:
		case wrong.Code == db.CodeRequired:
			f.Problem = t.AnswerMissing
		case wrong.Code == db.CodeTooLarge && f.Rows > 0:
			f.Problem = fmt.Sprintf(t.AnswerTooLong, db.MaxInvoiceAddress)
		case wrong.Code == db.CodeTooLarge:
			f.Problem = fmt.Sprintf(t.AnswerTooLong, db.MaxInvoiceLine)
		case f.Name == InvoiceVATNumber:
			f.Problem = t.VATWrong
		default:
			f.Problem = t.AnswerWrong
		}
	}
	return fields
}

// finish says of a field what follows from the rest of it.
func (f *field) finish(t *tongue) {
	f.ID = f.Name
	if !f.Required {
		f.Optional = t.Optional
	}
	var by []string
	if f.Help != "" {
		by = append(by, f.ID+"-help")
	}
	if f.Problem != "" {
		by = append(by, f.ID+"-problem")
	}
	f.DescribedBy = strings.Join(by, " ")
}

// find returns the problem with a part of the input; nil when there is none.
func (t *Typed) find(list, part string) *db.Error {
	if t == nil {
		return nil
	}
	for _, p := range t.Problems {
		if len(p.Field) > 2 && p.Field[1] == list && p.Field[2] == part {
			return p
		}
	}
	return nil
}

// problem words what is wrong with the answer to a question of the kind.
func (t *tongue) problem(kind db.QuestionKind, p *db.Error) string {
	choice := kind == db.QuestionSingle || kind == db.QuestionMultiple || kind == db.QuestionYesNo
	switch {
	case p == nil:
		return ""
	case choice:
		return t.ChoiceMissing
	case p.Code == db.CodeRequired:
		return t.AnswerMissing
	case p.Code == db.CodeTooLarge && kind == db.QuestionLongText:
		return fmt.Sprintf(t.AnswerTooLong, db.MaxAnswerText)
	case p.Code == db.CodeTooLarge:
		return fmt.Sprintf(t.AnswerTooLong, db.MaxAnswerLine)
	case kind == db.QuestionNumber:
		return t.NumberWrong
	}
	return t.AnswerWrong
}
