package db_test

import (
	"crypto/rand"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// withIntake is the content with a run "intake" that asks one question of each kind, takes two people at EUR 535 each, and is
// taught by Emma. Case and goals are required. The intake closes on 8 April at 17:00, and the run begins a week later.
func withIntake() *programme.File {
	file := content()
	file.Courses[0].Runs = append(file.Courses[0].Runs, programme.Run{
		Key: "intake", StartsOn: "2027-04-15", EndsOn: "2027-04-15", TimeZone: "Europe/Amsterdam", Status: "PLANNED", Languages: []string{"nl"},
		Capacity: new(2), MinParticipants: new(2), DecideOn: "2027-03-25", Price: &programme.Money{AmountMinor: 53500, Currency: "EUR"},
		Trainers: []string{"emma"}, IntakeDue: "2027-04-08T17:00", Intake: []programme.Question{
			{Key: "case", Kind: "LONG_TEXT", Label: "Your case?", Help: "A few sentences.", Required: true},
			{Key: "goals", Kind: "TEXT", Label: "Your goals?", Required: true},
			{Key: "level", Kind: "SINGLE_CHOICE", Label: "Your level?", Options: []string{"new", "old"}},
			{Key: "topics", Kind: "MULTIPLE_CHOICE", Label: "Your topics?", Options: []string{"law", "money", "people"}},
			{Key: "lunch", Kind: "YES_NO", Label: "Lunch?"},
			{Key: "years", Kind: "NUMBER", Label: "How many years?"},
			{Key: "note", Kind: "TEXT", Label: "Note", OrganisersOnly: true},
		},
	})
	return file
}

// eachCourse runs the test on both databases, with the run of withIntake and its seats.
func eachCourse(t *testing.T, test func(t *testing.T, w *world, seats db.ID)) {
	t.Helper()
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importFile(t, withIntake())
		test(t, w, w.seatsOf(t, "course_runs", "intake"))
	})
}

func (w *world) question(t testing.TB, key string) db.ID {
	t.Helper()
	return *w.id(t, "intake_questions", key)
}

func (w *world) text(t testing.TB, key, text string) db.IntakeAnswerInput {
	t.Helper()
	return db.IntakeAnswerInput{QuestionID: w.question(t, key), Text: &text}
}

func payer() *db.InvoiceInput {
	number := "nl 0012.34567-B01"
	return &db.InvoiceInput{Organisation: " Gemeente Groningen ", VATNumber: &number, Address: "Grote Markt 1\r\n9712 HN Groningen\n"}
}

func (w *world) answerIntake(t testing.TB, actor db.Actor, in db.AnswerIntakeInput) *db.Registration {
	t.Helper()
	w.clock.advance(time.Second)
	r, err := w.AnswerIntake(t.Context(), actor, in, db.Shape{"answers": nil, "invoice": nil})
	if err != nil {
		t.Fatalf("answer intake: %v", err)
	}
	return r
}

// complete answers all that is needed.
func (w *world) complete(t testing.TB, seats db.ID, key string) *db.Registration {
	t.Helper()
	return w.answerIntake(t, w.as(t, key), db.AnswerIntakeInput{
		RegistrationID: w.latest(t, seats, key), Answers: []db.IntakeAnswerInput{w.text(t, "case", "A case"), w.text(t, "goals", "Goals")}, Invoice: payer(),
	})
}

func TestAPlaceIsHeldUntilTheIntakeIsComplete(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		dieter := w.as(t, "dieter")
		r := w.register(t, seats, "dieter")
		if r.Status != db.Held {
			t.Fatalf("registered: %s", r.Status)
		}
		for step, in := range []db.AnswerIntakeInput{
			{Answers: []db.IntakeAnswerInput{w.text(t, "case", "One\r\ntwo")}}, {Invoice: payer()}, {Answers: []db.IntakeAnswerInput{w.text(t, "goals", " ")}},
		} {
			in.RegistrationID = r.ID
			if r := w.answerIntake(t, dieter, in); r.Status != db.Held {
				t.Errorf("after step %d: %s", step, r.Status)
			}
			w.checkCounts(t, "while it is held")
		}
		yes, number := true, 2.5
		r = w.answerIntake(t, dieter, db.AnswerIntakeInput{RegistrationID: r.ID, Answers: []db.IntakeAnswerInput{
			w.text(t, "goals", "Goals"), {QuestionID: w.question(t, "level"), Choices: []string{"old"}},
			{QuestionID: w.question(t, "topics"), Choices: []string{"law", "people"}}, {QuestionID: w.question(t, "lunch"), YesNo: &yes},
			{QuestionID: w.question(t, "years"), Number: &number},
		}})
		if r.Status != db.Confirmed || len(r.Answers) != 6 {
			t.Fatalf("complete: %s with %d answers", r.Status, len(r.Answers))
		}
		if a := r.Answers; *a[0].Text != "One\ntwo" || *a[1].Text != "Goals" || a[2].Choices[0] != "old" || !slices.Equal(a[3].Choices, []string{"law", "people"}) ||
			!*a[4].YesNo || *a[5].Number != 2.5 || a[5].Question.Label != "How many years?" {
			t.Errorf("answers: %+v", a)
		}
		if i := r.Invoice; i.Organisation != "Gemeente Groningen" || i.Reference != nil || *i.VATNumber != "NL001234567B01" || i.Address != "Grote Markt 1\n9712 HN Groningen" {
			t.Errorf("invoice: %+v", i)
		}
		r = w.answerIntake(t, dieter, db.AnswerIntakeInput{RegistrationID: r.ID, Answers: []db.IntakeAnswerInput{w.text(t, "case", "Another"), {QuestionID: w.question(t, "lunch")}}})
		if r.Status != db.Confirmed || len(r.Answers) != 5 || *r.Answers[0].Text != "Another" {
			t.Errorf("changed: %+v", r)
		}
		if got := w.told(t, seats, "dieter"); got != "intake_requested confirmed" {
			t.Errorf("told %q", got)
		}
		w.checkCounts(t, "in the end")
	})
}

func TestTheIntakeCanComeWithTheRegistration(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		in := db.RegisterInput{IdempotencyKey: "k", SeatsID: seats, Invoice: payer(), Answers: []db.IntakeAnswerInput{w.text(t, "case", "A case"), w.text(t, "goals", "Goals")}}
		for range 2 {
			if r, err := w.Register(t.Context(), w.as(t, "anna"), in, nil); err != nil || r.Status != db.Confirmed {
				t.Fatalf("with everything: %+v, %v", r, err)
			}
		}
		in.Answers[0] = w.text(t, "case", "Another")
		if _, err := w.Register(t.Context(), w.as(t, "anna"), in, nil); code(err) != db.CodeKeyReused {
			t.Errorf("other answers under the same key: %v", err)
		}
		in.IdempotencyKey, in.Invoice = "no invoice", nil
		if r, err := w.Register(t.Context(), w.as(t, "bert"), in, nil); err != nil || r.Status != db.Held {
			t.Errorf("without an invoice: %+v, %v", r, err)
		}
		for key, want := range map[string]string{"anna": "confirmed", "bert": "intake_requested"} {
			if got := w.told(t, seats, key); got != want {
				t.Errorf("%s was told %q, want %q", key, got, want)
			}
		}
		in.IdempotencyKey, in.SeatsID = "edition", w.seatsOf(t, "editions", "open")
		if _, err := w.Register(t.Context(), w.as(t, "bert"), in, nil); code(err) != db.CodeInvalid {
			t.Errorf("answers to an edition: %v", err)
		}
		w.checkCounts(t, "in the end")
	})
}

func TestWhoPaysForAllSparesTheInvoices(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		file := withIntake()
		run := &file.Courses[0].Runs[3]
		run.Invoice = &programme.Invoice{Organisation: "oldenburg", Reference: "PO 7", Address: "Markt 1"}
		w.importFile(t, file)
		seats := w.seatsOf(t, "course_runs", "intake")
		w.register(t, seats, "anna")
		r := w.answerIntake(t, w.as(t, "anna"), db.AnswerIntakeInput{
			RegistrationID: w.latest(t, seats, "anna"), Answers: []db.IntakeAnswerInput{w.text(t, "case", "A case"), w.text(t, "goals", "Goals")},
		})
		if r.Status != db.Confirmed {
			t.Errorf("without an invoice: %s", r.Status)
		}
		for name, c := range map[string]struct {
			actor db.Actor
			want  bool
		}{"organiser": {w.olga, true}, "payer": {w.konrad, true}, "participant": {w.as(t, "anna"), false}, "anybody": {db.Actor{}, false}} {
			n, err := w.Node(t.Context(), c.actor, *w.id(t, "course_runs", "intake"), db.Shape{"invoice": nil, "price": nil, "trainers": nil})
			if err != nil {
				t.Fatal(err)
			}
			got := n.(*db.CourseRun)
			if (got.Invoice != nil) != c.want || c.want && (got.Invoice.Organisation != "Oldenburg (Oldb)" || *got.Invoice.Reference != "PO 7") {
				t.Errorf("%s sees the payer as %+v", name, got.Invoice)
			}
			if got.Price().AmountMinor != 53500 || len(got.Trainers) != 1 || got.Trainers[0].Name != "Emma" {
				t.Errorf("%s sees %+v", name, got)
			}
		}
	})
}

func TestTheLineMayAnswerBeforeItsTurn(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		w.register(t, seats, "anna", "bert", "carla", "dieter", "bettina")
		if r := w.complete(t, seats, "carla"); r.Status != db.Waitlisted {
			t.Errorf("answered while waiting: %s", r.Status)
		}
		w.checkLine(t, seats, "anna HELD, bert HELD, carla WAITLISTED, dieter WAITLISTED, bettina WAITLISTED")
		w.cancel(t, seats, "anna")
		w.checkLine(t, seats, "anna CANCELLED, bert HELD, carla CONFIRMED, dieter WAITLISTED, bettina WAITLISTED")
		w.cancel(t, seats, "bert")
		w.checkLine(t, seats, "anna CANCELLED, bert CANCELLED, carla CONFIRMED, dieter HELD, bettina WAITLISTED")
		w.rules(t, seats, db.ChangeSeatsInput{Policy: new(db.PolicyOffer)})
		w.cancel(t, seats, "carla")
		w.clock.advance(time.Second)
		for range 2 {
			if r, err := w.AcceptOffer(t.Context(), w.as(t, "bettina"), w.latest(t, seats, "bettina"), nil); err != nil || r.Status != db.Held || r.OfferExpiresAt != nil {
				t.Errorf("accepted: %+v, %v", r, err)
			}
		}
		for key, want := range map[string]string{
			"anna": "intake_requested cancelled", "carla": "waitlisted confirmed cancelled", "dieter": "waitlisted intake_requested", "bettina": "waitlisted seat_offered intake_requested",
		} {
			if got := w.told(t, seats, key); got != want {
				t.Errorf("%s was told %q, want %q", key, got, want)
			}
		}
	})
}

func TestWhatRefusesAnswers(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		w.register(t, seats, "dieter", "anna")
		w.complete(t, seats, "anna")
		held, sure := w.latest(t, seats, "dieter"), w.latest(t, seats, "anna")
		other := w.register(t, w.seatsOf(t, "editions", "open"), "dieter").ID
		dieter, anna := w.as(t, "dieter"), w.as(t, "anna")
		answer := func(id db.ID, answers ...db.IntakeAnswerInput) db.AnswerIntakeInput {
			return db.AnswerIntakeInput{RegistrationID: id, Answers: answers}
		}
		invoice := func(change func(*db.InvoiceInput)) db.AnswerIntakeInput {
			in := db.AnswerIntakeInput{RegistrationID: held, Invoice: payer()}
			change(in.Invoice)
			return in
		}
		nan, big, long, bad, yes := math.NaN(), 1e13, strings.Repeat("é", 5001), "a\x00b", true
		choose := func(key string, choices ...string) db.IntakeAnswerInput {
			return db.IntakeAnswerInput{QuestionID: w.question(t, key), Choices: choices}
		}
		for name, c := range map[string]struct {
			actor db.Actor
			in    db.AnswerIntakeInput
			code  db.ErrorCode
			field string
		}{
			"nobody":                             {db.Actor{}, answer(held), db.CodeNotSignedIn, ""},
			"an outsider":                        {w.outsider, answer(held), db.CodeNotFound, "input.registrationId"},
			"a trainer":                          {w.as(t, "emma"), answer(held, w.text(t, "case", "x")), db.CodeNotFound, "input.registrationId"},
			"a coordinator of the person":        {w.konrad, answer(held, w.text(t, "case", "x")), db.CodeForbidden, "input.answers"},
			"an edition":                         {dieter, answer(other, w.text(t, "case", "x")), db.CodeInvalid, "input.registrationId"},
			"too long a text":                    {dieter, answer(held, w.text(t, "goals", "g"), w.text(t, "case", long)), db.CodeTooLarge, "input.answers.1.text"},
			"too long a line":                    {dieter, answer(held, w.text(t, "goals", long[:1002])), db.CodeTooLarge, "input.answers.0.text"},
			"two lines in one":                   {dieter, answer(held, w.text(t, "goals", "a\nb")), db.CodeInvalid, "input.answers.0.text"},
			"control characters":                 {dieter, answer(held, w.text(t, "case", bad)), db.CodeInvalid, "input.answers.0.text"},
			"text for a number":                  {dieter, answer(held, w.text(t, "years", "3")), db.CodeInvalid, "input.answers.0.text"},
			"yes to a choice":                    {dieter, answer(held, db.IntakeAnswerInput{QuestionID: w.question(t, "level"), YesNo: &yes}), db.CodeInvalid, "input.answers.0.yesNo"},
			"no number":                          {dieter, answer(held, db.IntakeAnswerInput{QuestionID: w.question(t, "years"), Number: &nan}), db.CodeInvalid, "input.answers.0.number"},
			"too large a number":                 {dieter, answer(held, db.IntakeAnswerInput{QuestionID: w.question(t, "years"), Number: &big}), db.CodeInvalid, "input.answers.0.number"},
			"two of one":                         {dieter, answer(held, choose("level", "new", "old")), db.CodeInvalid, "input.answers.0.choices"},
			"no option":                          {dieter, answer(held, choose("topics", "law", "love")), db.CodeInvalid, "input.answers.0.choices"},
			"an option twice":                    {dieter, answer(held, choose("topics", "law", "law")), db.CodeInvalid, "input.answers.0.choices"},
			"a question twice":                   {dieter, answer(held, w.text(t, "case", "x"), w.text(t, "case", "y")), db.CodeInvalid, "input.answers.1.questionId"},
			"a question of nobody":               {dieter, answer(held, db.IntakeAnswerInput{QuestionID: held}), db.CodeNotFound, "input.answers.0.questionId"},
			"a question for organisers":          {dieter, answer(held, w.text(t, "note", "x")), db.CodeNotFound, "input.answers.0.questionId"},
			"too many":                           {dieter, answer(held, make([]db.IntakeAnswerInput, 101)...), db.CodeTooLarge, "input.answers"},
			"what is needed taken back":          {anna, answer(sure, w.text(t, "case", " ")), db.CodeRequired, "input.answers.0.text"},
			"what is needed taken back by Olga":  {w.olga, answer(sure, w.text(t, "case", "")), db.CodeRequired, "input.answers.0.text"},
			"an invoice without an organisation": {dieter, invoice(func(i *db.InvoiceInput) { i.Organisation = " " }), db.CodeRequired, "input.invoice.organisation"},
			"an invoice without an address":      {dieter, invoice(func(i *db.InvoiceInput) { i.Address = "\n" }), db.CodeRequired, "input.invoice.address"},
			"a VAT number without a country":     {dieter, invoice(func(i *db.InvoiceInput) { i.VATNumber = new("001234567B01") }), db.CodeInvalid, "input.invoice.vatNumber"},
			"a reference of two lines":           {dieter, invoice(func(i *db.InvoiceInput) { i.Reference = new("a\nb") }), db.CodeInvalid, "input.invoice.reference"},
			"too long an address":                {dieter, invoice(func(i *db.InvoiceInput) { i.Address = long }), db.CodeTooLarge, "input.invoice.address"},
		} {
			_, err := w.AnswerIntake(t.Context(), c.actor, c.in, nil)
			problems, _ := db.AsErrors(err)
			if code(err) != c.code || strings.Join(problems[0].Field, ".") != c.field {
				t.Errorf("%s: %v, want %s at %s", name, err, c.code, c.field)
			}
		}
		_, err := w.AnswerIntake(t.Context(), dieter, answer(held, w.text(t, "case", "kept?"), w.text(t, "years", "3"), choose("level", "x")), nil)
		if problems, _ := db.AsErrors(err); len(problems) != 2 || *problems[0].Index != 1 || *problems[1].Index != 2 {
			t.Errorf("two problems: %v", err)
		}
		if n := query[int](t, w, "SELECT count(*) FROM intake_answers WHERE registration_id = ?", held); n != 0 {
			t.Errorf("%d answers were saved with what was refused", n)
		}
		if r := w.answerIntake(t, w.konrad, db.AnswerIntakeInput{RegistrationID: held, Invoice: payer()}); r.Invoice == nil || r.Answers != nil {
			t.Errorf("a coordinator gave the invoice and sees %+v", r)
		}
		if r := w.answerIntake(t, w.olga, answer(sure, w.text(t, "note", "Has a dog."))); len(r.Answers) != 3 {
			t.Errorf("an organiser noted something and sees %d answers", len(r.Answers))
		}
	})
}

func TestWhoReadsAnswers(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		w.register(t, seats, "dieter", "anna", "bert")
		w.complete(t, seats, "dieter")
		id := w.latest(t, seats, "dieter")
		w.answerIntake(t, w.olga, db.AnswerIntakeInput{RegistrationID: id, Answers: []db.IntakeAnswerInput{w.text(t, "note", "x")}})
		otherRun := w.register(t, w.seatsOf(t, "course_runs", "spring"), "anna").ID
		waiting := w.latest(t, seats, "bert")
		shape := db.Shape{"answers": {"question": nil}, "invoice": nil, "person": {"email": nil}}
		ten := 10
		for name, c := range map[string]struct {
			actor                     db.Actor
			answers                   int // -1: may not see them
			invoice                   bool
			listed                    int
			other, waits, notes, mail bool
		}{
			"participant":   {w.as(t, "dieter"), 2, true, 1, false, false, false, true},
			"organiser":     {w.olga, 3, true, 3, true, true, true, true},
			"trainer":       {w.as(t, "emma"), 2, false, 2, false, false, false, false},
			"coordinator":   {w.konrad, -1, true, 1, false, false, false, true},
			"another":       {w.as(t, "anna"), -2, false, 1, true, false, false, false},
			"an outsider":   {w.outsider, -2, false, 0, false, false, false, false},
			"not signed in": {db.Actor{}, -2, false, 0, false, false, false, false},
		} {
			nodes, err := w.Nodes(t.Context(), c.actor, []db.ID{id, otherRun, waiting, w.question(t, "note"), w.question(t, "case")}, shape)
			if err != nil {
				t.Fatal(err)
			}
			if (nodes[0] != nil) != (c.answers > -2) || (nodes[1] != nil) != c.other || (nodes[2] != nil) != c.waits || (nodes[3] != nil) != c.notes || nodes[4] == nil {
				t.Errorf("%s: nodes %v", name, nodes)
			}
			if r, ok := nodes[0].(*db.Registration); ok {
				if got := len(r.Answers); got != max(c.answers, 0) || (r.Answers != nil) != (c.answers >= 0) || (r.Invoice != nil) != c.invoice || (r.Person.Email() != nil) != c.mail {
					t.Errorf("%s sees %d answers, invoice %v, mail %v", name, got, r.Invoice, r.Person.Email())
				}
			}
			list, err := w.RegistrationsOn(t.Context(), c.actor, &db.Seats{ID: seats, CourseRunID: *w.id(t, "course_runs", "intake")}, db.Page{First: &ten}, db.RegistrationFilter{}, shape)
			if err != nil || len(list.Nodes) != c.listed {
				t.Errorf("%s lists %d, %v", name, len(list.Nodes), err)
			}
		}
	})
}

// Somebody who teaches the run and looks after the people of an organisation sees who of them waits, but reads only participants.
func TestTrainersReadParticipantsOnly(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		w.register(t, seats, "anna", "bert", "dieter")
		w.complete(t, seats, "dieter")
		w.exec(t, "UPDATE run_trainers SET person_id = ?", w.konrad.PersonID)
		read := func() *db.Registration {
			t.Helper()
			n, err := w.Node(t.Context(), w.konrad, w.latest(t, seats, "dieter"), db.Shape{"answers": nil})
			if err != nil || n == nil {
				t.Fatal(n, err)
			}
			return n.(*db.Registration)
		}
		if r := read(); r.Status != db.Waitlisted || r.Answers != nil {
			t.Errorf("who waits: %+v", r)
		}
		w.cancel(t, seats, "anna")
		if r := read(); r.Status != db.Confirmed || len(r.Answers) != 2 {
			t.Errorf("who takes part: %+v", r)
		}
	})
}

func TestTheDeadlineOfTheIntake(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		w.register(t, seats, "dieter", "anna")
		w.complete(t, seats, "anna")
		change := func(key, text string) error {
			_, err := w.AnswerIntake(t.Context(), w.as(t, key), db.AnswerIntakeInput{
				RegistrationID: w.latest(t, seats, key), Answers: []db.IntakeAnswerInput{w.text(t, "case", text)}}, nil)
			return err
		}
		due := time.Date(2027, 4, 8, 15, 0, 0, 0, time.UTC)
		w.clock.advance(due.Sub(w.clock.Now()) - time.Second)
		if err := change("anna", "In time"); err != nil {
			t.Error(err)
		}
		w.clock.advance(time.Second)
		if err := change("anna", "Too late"); code(err) != db.CodeDeadline || !strings.Contains(err.Error(), "8 April 2027 at 17:00 CEST") {
			t.Errorf("a complete intake after its deadline: %v", err)
		}
		if r := w.complete(t, seats, "dieter"); r.Status != db.Confirmed { // better late than never
			t.Errorf("an incomplete intake after its deadline: %s", r.Status)
		}
		w.answerIntake(t, w.olga, db.AnswerIntakeInput{RegistrationID: w.latest(t, seats, "anna"), Answers: []db.IntakeAnswerInput{w.text(t, "case", "By Olga")}})
		w.clock.advance(7 * 24 * time.Hour)
		if err := change("dieter", "x"); code(err) != db.CodeDeadline {
			t.Errorf("after the beginning: %v", err)
		}
		w.exec(t, "UPDATE course_runs SET status = 'CANCELLED' WHERE key = 'intake'")
		if err := change("dieter", "x"); code(err) != db.CodeConflict {
			t.Errorf("of a cancelled run: %v", err)
		}
	})
}

// sweep runs the sweeper from several goroutines at once.
func TestImportingAnIntakeAgain(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		w.register(t, seats, "anna")
		w.complete(t, seats, "anna")
		asked := func() string {
			return strings.Join(rows[string](t, w, "SELECT key || ' ' || kind FROM intake_questions ORDER BY position"), ", ")
		}
		first := w.question(t, "case")
		file := withIntake()
		run := &file.Courses[0].Runs[3]
		run.Intake = []programme.Question{run.Intake[1], {Key: "case", Kind: "LONG_TEXT", Label: "Your own case?", Required: true}, {Key: "years", Kind: "TEXT", Label: "Years?"}}
		w.importFile(t, file)
		if got := asked(); got != "goals TEXT, case LONG_TEXT, years TEXT" || w.question(t, "case") != first {
			t.Errorf("asked %s", got)
		}
		run.Intake = []programme.Question{{Key: "case", Kind: "NUMBER", Label: "Cases?"}}
		problems, err := w.Import(t.Context(), file, nil)
		if err != nil || len(problems) != 2 || problems[0].Path != "courses[0].runs[3].intake[0].kind" || problems[1].Path != "courses[0].runs[3].intake" ||
			!strings.HasPrefix(problems[1].Message, `Keep the question "goals"; 1 people`) {
			t.Errorf("problems: %+v, %v", problems, err)
		}
		if n := query[int](t, w, "SELECT count(*) FROM run_trainers JOIN people ON people.id = person_id WHERE key = 'emma'"); n != 1 {
			t.Errorf("Emma teaches %d runs, want 1", n)
		}
		run.Intake, run.Trainers, file.Courses[0].Trainers = nil, nil, []string{"dieter", "carla"}
		file.Courses[0].Runs = file.Courses[0].Runs[:1]
		w.importFile(t, file)
		if got := rows[string](t, w, `SELECT people.key FROM run_trainers JOIN people ON people.id = person_id
			WHERE course_run_id = ? ORDER BY position`, w.id(t, "course_runs", "spring")); !slices.Equal(got, []string{"dieter", "carla"}) {
			t.Errorf("a run without trainers of its own has %v", got)
		}
	})
}

func TestTheSchemaRefusesUnsoundIntakes(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		w.register(t, seats, "anna")
		w.complete(t, seats, "anna")
		for rule, statement := range map[string]string{
			"an answer of another kind":                "UPDATE intake_answers SET kind = 'NUMBER', text = NULL, number = 1",
			"an answer without its value":              "UPDATE intake_answers SET text = NULL",
			"an answer with another value":             "UPDATE intake_answers SET number = 1",
			"an empty text":                            "UPDATE intake_answers SET text = ''",
			"another kind for what was answered":       "UPDATE intake_questions SET kind = 'TEXT' WHERE key = 'case'",
			"an unknown kind":                          "UPDATE intake_questions SET kind = 'DATE' WHERE key = 'lunch'",
			"a choice without options":                 "UPDATE intake_questions SET options = '[]' WHERE key = 'level'",
			"options of a text":                        "UPDATE intake_questions SET options = '[\"a\"]' WHERE key = 'goals'",
			"a required question for organisers":       "UPDATE intake_questions SET organisers_only = TRUE WHERE key = 'case'",
			"a question twice":                         "UPDATE intake_questions SET key = 'case' WHERE key = 'goals'",
			"a decision after the start":               "UPDATE course_runs SET decide_on = '2027-04-16' WHERE key = 'intake'",
			"a minimum of nobody":                      "UPDATE course_runs SET min_participants = 0 WHERE key = 'intake'",
			"a payer without an address":               "UPDATE course_runs SET payer_id = (SELECT id FROM organisations WHERE key = 'bremen') WHERE key = 'intake'",
			"a second reminder of the same intake":     fmt.Sprintf("INSERT INTO deliveries (id, kind, lane, state, person_id, registration_id, created_at, not_before, attempts, drops, last_code) SELECT '%s', 'intake_reminder', lane, state, person_id, registration_id, created_at, not_before, 0, 0, 0 FROM deliveries WHERE kind = 'intake_reminder'", uuidOf(db.NewID(db.KindDelivery, beginning))),
			"a place that is held twice by one person": "UPDATE registrations SET status = 'HELD'",
		} {
			if strings.HasPrefix(rule, "a second reminder") {
				w.exec(t, "UPDATE deliveries SET kind = 'intake_reminder' WHERE kind = 'intake_requested'")
			}
			if strings.HasPrefix(rule, "a place that is held twice") {
				w.cancel(t, seats, "anna")
				w.register(t, seats, "anna")
			}
			if _, err := w.Raw().NewRaw(statement).Exec(t.Context()); err == nil || !strings.Contains(strings.ToLower(err.Error()), "constraint") {
				t.Errorf("%s: %v", rule, err)
			}
		}
	})
}

// What one transaction decides under the lock of the seats, others cannot decide otherwise meanwhile.
func TestManyRegisterAndAnswerAtOnce(t *testing.T) {
	eachCourse(t, func(t *testing.T, w *world, seats db.ID) {
		w.rules(t, seats, db.ChangeSeatsInput{Capacity: new(3)})
		keys := []string{"olga", "anna", "bert", "carla", "konrad", "dieter", "emma", "bettina"}
		var wg sync.WaitGroup
		for _, key := range keys {
			actor := w.as(t, key)
			answers := []db.IntakeAnswerInput{w.text(t, "case", "A case"), w.text(t, "goals", "Goals")}
			wg.Go(func() {
				r, err := w.Register(t.Context(), actor, db.RegisterInput{IdempotencyKey: rand.Text(), SeatsID: seats}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				for _, in := range []db.AnswerIntakeInput{{Answers: answers}, {Invoice: payer()}} {
					in.RegistrationID = r.ID
					if _, err := w.AnswerIntake(t.Context(), actor, in, nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := query[int](t, w, "SELECT count(*) FROM registrations WHERE status = 'CONFIRMED'"); n != 3 {
			t.Errorf("%d confirmed, want 3", n)
		}
		w.checkCounts(t, "in the end")
		w.checkDeadlocks(t, "in the end")
	})
}
