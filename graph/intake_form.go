package graph

import (
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// readIntake reads the form of a personal page: an answer to each question that it asks, in their order, empty ones too, and to
// whom the invoice goes if it asks that.
func readIntake(form url.Values, place *db.Registration) ([]db.IntakeAnswerInput, *db.InvoiceInput) {
	if place.CourseRun == nil {
		return nil, nil
	}
	var answers []db.IntakeAnswerInput
	for _, q := range place.CourseRun.IntakeQuestions {
		field := pages.AnswerField(q)
		answer, text := db.IntakeAnswerInput{QuestionID: q.ID}, form.Get(field)
		switch q.Kind {
		case db.QuestionSingle, db.QuestionMultiple:
			answer.Choices = form[field]
		case db.QuestionYesNo:
			if text != "" {
				yes := text == pages.Yes
				answer.YesNo = &yes
			}
		case db.QuestionNumber:
			if text = strings.TrimSpace(text); text != "" {
				// People write 1,5 and 1.5 alike. What is no number stays one that is refused.
				number, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
				if err != nil {
					number = math.NaN()
				}
				answer.Number = &number
			}
		default:
			answer.Text = &text
		}
		answers = append(answers, answer)
	}
	if !place.CourseRun.InvoiceNeeded() {
		return answers, nil
	}
	reference, number := form.Get(pages.InvoiceReference), form.Get(pages.InvoiceVATNumber)
	return answers, &db.InvoiceInput{
		Organisation: form.Get(pages.InvoiceOrganisation), Reference: &reference, VATNumber: &number, Address: form.Get(pages.InvoiceAddress),
	}
}
