package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// published begins a report with the given actions and publishes it; the mails of that are gone afterwards.
func (w *world) published(t testing.TB, actions ...db.AddReportActionInput) *db.Report {
	t.Helper()
	r := w.report(t)
	for _, a := range actions {
		w.agree(t, r, a)
	}
	w.save(t, w.olga, db.SaveReportTextInput{ReportID: r.ID, Locale: db.German, Text: "Gut besucht."})
	if _, _, err := w.PublishReport(t.Context(), w.olga, db.PublishReportInput{IdempotencyKey: "once", ReportID: r.ID}, nil, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) agree(t testing.TB, r *db.Report, a db.AddReportActionInput) {
	t.Helper()
	a.ReportID, a.Locale = r.ID, db.German
	if a.OwnerID.IsZero() {
		a.OwnerID = *w.id(t, "organisations", "groningen")
	}
	if _, err := w.AddReportAction(t.Context(), w.olga, a, nil); err != nil {
		t.Fatal(err)
	}
}

// toldOwners returns whom the mails of today go to and what they tell: "anna action_due: this; that".
func (w *world) toldOwners(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, m := range w.claimAll(t, db.Urgent) {
		var tasks []string
		for _, task := range m.Tasks {
			tasks = append(tasks, task.Description)
		}
		slices.Sort(tasks) // what was agreed in the same moment has no order
		all = append(all, fmt.Sprintf("%s %s: %s", strings.ToLower(m.Person.Name), m.Delivery.Kind, strings.Join(tasks, "; ")))
		w.settle(t, m.Outcome(db.ResultSent))
	}
	slices.Sort(all)
	return all
}

func (w *world) sweepActions(t *testing.T) {
	t.Helper()
	if _, err := w.SweepActions(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestOwnersAreToldWhatTheyHaveToDo(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		anna, mute := w.people(t, "anna")[0], *w.id(t, "people", "mute")
		r := w.published(t,
			db.AddReportActionInput{Description: "One", PersonID: &anna}, db.AddReportActionInput{Description: "Two", PersonID: &anna},
			db.AddReportActionInput{Description: "Unreached", PersonID: &mute}, db.AddReportActionInput{Description: "Ours"},
			db.AddReportActionInput{Description: "Nobody's", OwnerID: *w.id(t, "organisations", "bremen")},
			db.AddReportActionInput{Description: "Theirs", OwnerID: *w.id(t, "organisations", "oldenburg")},
		)
		want := []string{"anna action_assigned: One; Two", "konrad action_assigned: Theirs", "olga action_assigned: Ours; Unreached"}
		if got := w.toldOwners(t); !slices.Equal(got, want) {
			t.Errorf("publishing tells %q, want %q", got, want)
		}
		w.agree(t, r, db.AddReportActionInput{Description: "Later", PersonID: &anna})
		if got := w.toldOwners(t); !slices.Equal(got, []string{"anna action_assigned: Later"}) {
			t.Errorf("adding tells %q", got)
		}
		w.sweepActions(t)
		if got := w.toldOwners(t); got != nil {
			t.Errorf("without a date: %q", got)
		}
	})
}

func TestOwnersAreRemindedUntilItIsDone(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		anna := w.people(t, "anna")[0]
		on := func(day string) *db.Date { date := db.Date(day); return &date }
		r := w.published(t, // on 10 January 2027
			db.AddReportActionInput{Description: "First", PersonID: &anna, DueOn: on("2027-02-01")},
			db.AddReportActionInput{Description: "Second", PersonID: &anna, DueOn: on("2027-02-08")},
			db.AddReportActionInput{Description: "Soon", PersonID: &anna, DueOn: on("2027-01-15")},
		)
		w.toldOwners(t)
		if _, err := w.StartReport(t.Context(), w.olga, *w.edition(t, "small"), nil); err != nil {
			t.Fatal(err)
		}
		reminders := map[string]string{}
		days := func(n int) {
			t.Helper()
			for range n {
				for range 3 { // it runs all the time, and changes nothing the second time
					w.sweepActions(t)
				}
				for _, mail := range w.toldOwners(t) {
					day := w.clock.Now().Format(time.DateOnly)
					if reminders[day] != "" {
						t.Errorf("on %s a second mail: %s", day, mail)
					}
					reminders[day] = strings.TrimPrefix(mail, "anna action_due: ")
				}
				w.clock.advance(24 * time.Hour)
			}
		}
		days(60) // until 10 March
		want := map[string]string{
			"2027-01-15": "Soon", "2027-01-29": "Soon", "2027-02-12": "Soon", "2027-02-26": "Soon",
			"2027-01-25": "First", "2027-02-01": "First; Second", "2027-02-15": "First", "2027-03-01": "First",
			"2027-02-08": "Second", "2027-02-22": "Second", "2027-03-08": "Second",
		}
		if fmt.Sprint(reminders) != fmt.Sprint(want) {
			t.Errorf("reminders:\n%v\nwant\n%v", reminders, want)
		}
		actions := w.readReport(t, w.olga, r.ID).Actions
		done, dropped := db.ActionDone, db.ActionDropped
		for i, in := range []db.ChangeReportActionInput{{Status: &done}, {Status: &dropped}, {DueOn: on("2027-04-20")}} {
			in.ActionID = actions[i].ID
			if _, err := w.ChangeReportAction(t.Context(), w.as(t, "anna"), in, nil); err != nil {
				t.Fatal(err)
			}
		}
		clear(reminders)
		days(50) // until 29 April
		if want := map[string]string{"2027-04-13": "Second", "2027-04-20": "Second"}; fmt.Sprint(reminders) != fmt.Sprint(want) {
			t.Errorf("reminders afterwards: %v, want %v", reminders, want)
		}
	})
}

func TestSweepsAtOnceRemindOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		due := db.Date("2027-02-01")
		w.published(t, db.AddReportActionInput{Description: "One", DueOn: &due}, db.AddReportActionInput{Description: "Two", DueOn: &due})
		w.toldOwners(t)
		w.clock.advance(15 * 24 * time.Hour)
		failed := make(chan error, 8)
		for range cap(failed) {
			go func() { _, err := w.SweepActions(t.Context()); failed <- err }()
		}
		for range cap(failed) {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		if got := w.toldOwners(t); !slices.Equal(got, []string{"olga action_due: One; Two"}) {
			t.Errorf("told %q", got)
		}
	})
}

func TestAReminderThatIsNoLongerTrueDoesNotLeave(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		due := db.Date("2027-02-01")
		r := w.published(t, db.AddReportActionInput{Description: "One", DueOn: &due})
		w.toldOwners(t)
		w.clock.advance(15 * 24 * time.Hour)
		w.sweepActions(t)
		done := db.ActionDone
		if _, err := w.ChangeReportAction(t.Context(), w.olga, db.ChangeReportActionInput{ActionID: w.readReport(t, w.olga, r.ID).Actions[0].ID, Status: &done}, nil); err != nil {
			t.Fatal(err)
		}
		if got := w.toldOwners(t); got != nil {
			t.Errorf("told %q", got)
		}
	})
}

func TestThePersonalPageOfActions(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		anna := w.people(t, "anna")[0]
		r := w.published(t, db.AddReportActionInput{Description: "Annas", PersonID: &anna}, db.AddReportActionInput{Description: "Groningens"})
		tokens := map[string]string{}
		for _, m := range w.claimAll(t, db.Urgent) {
			tokens[m.Person.Name] = m.TasksToken
		}
		other, err := w.OptOutToken(t.Context(), anna)
		if err != nil {
			t.Fatal(err)
		}
		for name, token := range map[string]string{"none": "", "cut": tokens["Anna"][:40], "of another purpose": other, "longer": tokens["Anna"] + "A"} {
			if own, err := w.OwnActions(t.Context(), token); own != nil || err != nil {
				t.Errorf("%s: %v, %v", name, own, err)
			}
		}
		own, err := w.OwnActions(t.Context(), tokens["Anna"])
		if err != nil || len(own.Open) != 1 || own.Open[0].Description(nil) != "Annas" || len(own.Closed) != 0 || own.Open[0].Report.Edition == nil {
			t.Fatalf("Annas page: %+v, %v", own, err)
		}
		olgas, err := w.OwnActions(t.Context(), tokens["Olga"])
		if err != nil || len(olgas.Open) != 1 || olgas.Open[0].Description(nil) != "Groningens" {
			t.Fatalf("Olgas page: %+v, %v", olgas, err)
		}
		// Olga may change it elsewhere, since she organises the meeting; her page is for what is hers.
		done, note, due := db.ActionDone, "Called them.", db.Date("2027-09-01")
		if _, err := w.AnswerAction(t.Context(), tokens["Olga"], db.ChangeReportActionInput{ActionID: own.Open[0].ID, Status: &done}); code(err) != db.CodeNotFound {
			t.Errorf("the action of somebody else: %v", err)
		}
		if _, err := w.AnswerAction(t.Context(), tokens["Anna"], db.ChangeReportActionInput{ActionID: own.Open[0].ID, Status: &done, Note: &note, DueOn: &due}); err != nil {
			t.Fatal(err)
		}
		own, err = w.OwnActions(t.Context(), tokens["Anna"])
		if err != nil || len(own.Open) != 0 || len(own.Closed) != 1 || own.Closed[0].Remark != note || *own.Closed[0].DueOn != due {
			t.Errorf("afterwards: %+v, %v", own, err)
		}
		for name, c := range map[string]struct {
			actor db.Actor
			want  bool
		}{"nobody": {db.Actor{}, false}, "a stranger": {w.outsider, false}, "the owner": {w.as(t, "anna"), true}, "an organiser": {w.olga, true}} {
			report, err := w.Report(t.Context(), c.actor, r.ID, db.Shape{"actions": {"note": nil}})
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range report.Actions {
				if a.ID == own.Closed[0].ID && (a.Note != nil) != c.want {
					t.Errorf("%s sees the note: %v", name, a.Note)
				}
			}
		}
		if open, err := w.OpenActionsOf(t.Context(), w.olga, db.Shape{"report": {"edition": nil}, "owner": nil}); err != nil || len(open) != 1 || open[0].Owner() == nil {
			t.Errorf("Olgas open actions: %v, %v", open, err)
		}
		if _, err := w.EraseMe(t.Context(), w.as(t, "anna"), true); err != nil {
			t.Fatal(err)
		}
		if own, err := w.OwnActions(t.Context(), tokens["Anna"]); own != nil || err != nil {
			t.Errorf("the page of an erased person: %+v, %v", own, err)
		}
	})
}

func TestAnOfferOfHelpIsTold(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.published(t)
		dieter := w.people(t, "dieter")[0]
		ask := func(organisation string, person *db.ID) db.ID {
			t.Helper()
			w.clock.advance(time.Second)
			r, err := w.AddReportQuestion(t.Context(), w.olga, db.AddReportQuestionInput{
				ReportID: r.ID, OrganisationID: w.id(t, "organisations", organisation), PersonID: person, Locale: db.German, Text: "Wer hilft?",
			}, wholeReport)
			if err != nil {
				t.Fatal(err)
			}
			questions := r.Items[len(r.Items)-1].Questions
			return questions[len(questions)-1].ID
		}
		told := func() (all []string) {
			t.Helper()
			for _, m := range w.claimAll(t, db.Urgent) {
				all = append(all, fmt.Sprintf("%s asked=%t %s (%s) for %s", m.Person.Name, m.Help.Asked, m.Help.Helper, m.Help.Person, m.Help.AskedBy))
				if m.Delivery.Kind != db.MailHelp || m.Help.Question != "Wer hilft?" || m.Help.ReportID != r.ID || m.Organiser == nil {
					t.Errorf("mail %+v", m)
				}
			}
			slices.Sort(all)
			return all
		}
		offer := func(as db.Actor, question db.ID) {
			t.Helper()
			if _, err := w.OfferHelp(t.Context(), as, db.OfferHelpInput{QuestionID: question}, nil); err != nil {
				t.Fatal(err)
			}
		}
		byDieter, byOldenburg := ask("oldenburg", &dieter), ask("oldenburg", nil)
		offer(w.outsider, byDieter)
		if got, want := told(), []string{"Dieter asked=true Bremen (Bettina) for Oldenburg (Oldb)", "Olga asked=false Bremen (Bettina) for Oldenburg (Oldb)"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		offer(w.outsider, byDieter)
		if got := told(); got != nil {
			t.Errorf("the same offer again tells %q", got)
		}
		offer(w.olga, byOldenburg)
		if got, want := told(), []string{"Konrad asked=true Groningen (Olga) for Oldenburg (Oldb)"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}
