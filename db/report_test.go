package db_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

// wholeReport is a shape that reads everything.
var wholeReport = db.Shape{
	"edition": nil, "attendance": {"organisations": {"organisation": nil}}, "actions": {"owner": nil, "person": nil}, "corrections": {"person": nil},
	"items": {"session": nil, "questions": {"askedBy": nil, "person": nil, "offers": {"organisation": nil, "person": nil}}, "materials": nil},
}

// report begins the report of the edition "open", whose programme has talks.
func (w *world) report(t testing.TB) *db.Report {
	t.Helper()
	w.importSessions(t)
	r, err := w.StartReport(t.Context(), w.olga, *w.edition(t, "open"), wholeReport)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) save(t testing.TB, actor db.Actor, in db.SaveReportTextInput) *db.ReportText {
	t.Helper()
	text, err := w.SaveReportText(t.Context(), actor, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (w *world) readReport(t testing.TB, actor db.Actor, id db.ID) *db.Report {
	t.Helper()
	r, err := w.Report(t.Context(), actor, id, wholeReport)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAReportFollowsTheProgramme(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.report(t)
		if again := w.report(t); again.ID != r.ID || r.Status != db.ReportDraft {
			t.Errorf("starting again gives %v (%s) instead of %v", again.ID, r.Status, r.ID)
		}
		walk, talk := *w.id(t, "sessions", "walk"), *w.id(t, "sessions", "talk")
		w.save(t, w.olga, db.SaveReportTextInput{ReportID: r.ID, Locale: db.German, Text: "Gut besucht."})
		w.save(t, w.olga, db.SaveReportTextInput{ReportID: r.ID, Locale: db.Dutch, Text: "Goed bezocht."})
		w.save(t, w.olga, db.SaveReportTextInput{ReportID: r.ID, PartID: &walk, Locale: db.German, Text: "Erstens\r\n\n  Zweitens"})
		groningen, bremen := w.id(t, "organisations", "groningen"), w.id(t, "organisations", "bremen")
		if _, err := w.AddReportQuestion(t.Context(), w.olga, db.AddReportQuestionInput{
			ReportID: r.ID, SessionID: &talk, OrganisationID: bremen, PersonID: &w.outsider.PersonID, Locale: db.German, Text: "Wer kennt sich aus?",
		}, nil); err != nil {
			t.Fatal(err)
		}
		due := db.Date("2027-07-01")
		for _, on := range []*db.Date{nil, &due} {
			if _, err := w.AddReportAction(t.Context(), w.olga, db.AddReportActionInput{
				ReportID: r.ID, OwnerID: *groningen, PersonID: &w.olga.PersonID, DueOn: on, Locale: db.German, Description: "Nachfragen",
			}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.AddMaterial(t.Context(), w.olga, db.AddMaterialInput{ReportID: r.ID, Title: "Folien", URL: "https://example.org/folien"}, nil); err != nil {
			t.Fatal(err)
		}
		r = w.readReport(t, w.olga, r.ID)
		english, dutch := db.English, db.Dutch
		if got := [...]string{r.Summary(nil), r.Summary(&english), r.Summary(&dutch)}; got != [...]string{"Gut besucht.", "Gut besucht.", "Goed bezocht."} {
			t.Errorf("summaries: %q", got)
		}
		if len(r.Items) != 3 || r.Items[0].Session.Position >= r.Items[1].Session.Position || r.Items[2].Session != nil {
			t.Fatalf("items are not in the order of the programme: %+v", r.Items)
		}
		for _, i := range r.Items {
			switch {
			case i.Session == nil:
				if len(i.Materials) != 1 || i.Materials[0].URL != "https://example.org/folien" {
					t.Errorf("material of no session: %+v", i.Materials)
				}
			case i.Session.ID == walk:
				if got := i.Findings(nil); !slices.Equal(got, []string{"Erstens", "Zweitens"}) {
					t.Errorf("findings: %q", got)
				}
			default:
				q := i.Questions[0]
				if q.Text(nil) != "Wer kennt sich aus?" || q.AskedBy() == nil || q.Person.ID != w.outsider.PersonID || q.Status != db.QuestionOpen {
					t.Errorf("question: %+v", q)
				}
			}
		}
		if len(r.Actions) != 2 || r.Actions[0].DueOn == nil || r.Actions[1].DueOn != nil || r.Actions[0].Owner() == nil {
			t.Errorf("actions are not by due date: %+v", r.Actions)
		}
	})
}

func TestWhoReadsAReport(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.report(t)
		w.register(t, w.seatsOf(t, "editions", "open"), "anna")
		anna, emma := w.as(t, "anna"), w.as(t, "emma")
		if _, err := w.AddReportQuestion(t.Context(), w.olga, db.AddReportQuestionInput{ReportID: r.ID, PersonID: &anna.PersonID, Locale: db.German, Text: "Wer?"}, nil); err != nil {
			t.Fatal(err)
		}
		reads := func(when string, want ...bool) {
			t.Helper()
			for n, actor := range []db.Actor{w.olga, anna, emma, {}} {
				got := w.readReport(t, actor, r.ID)
				if (got != nil) != want[n] {
					t.Errorf("%s: reader %d reads it: %v, want %v", when, n, got != nil, want[n])
				}
				node, err := w.Node(t.Context(), actor, r.ID, nil)
				if err != nil || (node != nil) != want[n] {
					t.Errorf("%s: node for reader %d: %v, %v", when, n, node, err)
				}
				e, err := w.Edition(t.Context(), actor, r.EditionID, db.Shape{"report": nil})
				if err != nil || (e.Report != nil) != want[n] {
					t.Errorf("%s: the edition's report for reader %d: %v, %v", when, n, e.Report, err)
				}
				if got != nil && (got.Items[0].Questions[0].Person != nil) != (n < 2) {
					t.Errorf("%s: reader %d sees who asked: %v", when, n, got.Items[0].Questions[0].Person)
				}
				if got != nil && (got.Corrections != nil) != (n == 0) {
					t.Errorf("%s: reader %d sees what was proposed: %v", when, n, got.Corrections)
				}
			}
		}
		reads("a draft", true, false, false, false)
		if _, err := w.ReviewReport(t.Context(), anna, r.ID, nil); code(err) != db.CodeNotFound {
			t.Errorf("a participant shows a draft: %v", err)
		}
		if _, err := w.ReviewReport(t.Context(), w.olga, r.ID, nil); err != nil {
			t.Fatal(err)
		}
		reads("in review", true, true, false, false)
		w.exec(t, "UPDATE reports SET status = 'PUBLISHED', published_at = ?", w.clock.Now())
		reads("published", true, true, true, true)
	})
}

func TestCorrectionsAreProposedAndDecided(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.report(t)
		w.register(t, w.seatsOf(t, "editions", "open"), "anna")
		w.save(t, w.olga, db.SaveReportTextInput{ReportID: r.ID, Locale: db.German, Text: "Zwölf Gemeinden kamen."})
		propose := db.ProposeCorrectionInput{ReportID: r.ID, Locale: db.German, Text: "Dreizehn Gemeinden kamen."}
		if _, err := w.ProposeCorrection(t.Context(), w.as(t, "anna"), propose, nil); code(err) != db.CodeNotFound {
			t.Errorf("a correction of a draft: %v", err)
		}
		if _, err := w.ReviewReport(t.Context(), w.olga, r.ID, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := w.ProposeCorrection(t.Context(), w.as(t, "emma"), propose, nil); code(err) != db.CodeNotFound {
			t.Errorf("a correction by somebody who was not there: %v", err)
		}
		c, err := w.ProposeCorrection(t.Context(), w.as(t, "anna"), propose, nil)
		if err != nil {
			t.Fatal(err)
		}
		decide := db.DecideCorrectionInput{ReportID: r.ID, CorrectionID: c.ID, Accept: true}
		if _, err := w.DecideCorrection(t.Context(), w.olga, decide, nil); code(err) != db.CodeConflict {
			t.Errorf("a correction of a version that was not read: %v", err)
		}
		decide.Version = 1
		after, err := w.DecideCorrection(t.Context(), w.olga, decide, wholeReport)
		if err != nil || after.Summary(nil) != propose.Text || after.Corrections[0].Status != db.CorrectionAccepted {
			t.Fatalf("accepting: %v, %q", err, after.Summary(nil))
		}
		if _, err := w.DecideCorrection(t.Context(), w.olga, decide, nil); code(err) != db.CodeConflict {
			t.Errorf("deciding twice: %v", err)
		}
	})
}

func TestAStaleSaveOverwritesNothing(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.report(t)
		first := db.SaveReportTextInput{ReportID: r.ID, Locale: db.German, Text: "von Olga"}
		w.save(t, w.olga, first)
		first.Text = "von Konrad"
		theirs, err := w.SaveReportText(t.Context(), w.konrad, first, db.Shape{"author": nil})
		if code(err) != db.CodeConflict || theirs == nil || theirs.Text != "von Olga" || theirs.Author == nil || theirs.Author.ID != w.olga.PersonID {
			t.Fatalf("a stale save: %v, %+v", err, theirs)
		}
		first.Version, first.Text = theirs.Version, "von Olga, von Konrad"
		w.save(t, w.konrad, first)
		versions, err := w.ReportRevisions(t.Context(), w.olga, w.readReport(t, w.olga, r.ID), nil, db.German, nil)
		if err != nil || len(versions) != 2 || versions[0].Text != "von Olga, von Konrad" || versions[1].Text != "von Olga" {
			t.Errorf("revisions: %v, %+v", err, versions)
		}
		first.Version = 7
		if _, err := w.SaveReportText(t.Context(), w.olga, first, nil); code(err) != db.CodeConflict {
			t.Errorf("a version nobody has written: %v", err)
		}
	})
}

// Editors read a text, add a sentence and save, again and again at the same time: in the end every sentence that was saved is
// there once.
func TestNoSentenceIsLost(t *testing.T) {
	t.Parallel()
	for name, seed := range map[string]uint64{"fixed seed": 1, "random seed": rand.Uint64()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachWorld(t, func(t *testing.T, w *world) {
				const editors = 5
				sentences := 100 // 1,000 interleavings over both seeds
				if testing.Short() {
					sentences = 20
				}
				r := w.report(t)
				walk := *w.id(t, "sessions", "walk")
				parts := []*db.ID{nil, &walk}
				current := func(part *db.ID) *db.ReportText {
					id := r.ID
					if part != nil {
						id = *part
					}
					for _, text := range w.readReport(t, w.olga, r.ID).Texts() {
						if text.PartID == id {
							return text
						}
					}
					return new(db.ReportText)
				}
				var wg sync.WaitGroup
				for editor := range editors {
					random := rand.New(rand.NewPCG(seed, uint64(editor)))
					actor := []db.Actor{w.olga, w.konrad}[editor%2]
					wg.Go(func() {
						for n := range sentences {
							part, sentence := parts[random.IntN(len(parts))], fmt.Sprintf("Satz %d von %d.", n, editor)
							for base := current(part); ; {
								saved, err := w.SaveReportText(t.Context(), actor, db.SaveReportTextInput{
									ReportID: r.ID, PartID: part, Locale: db.German, Version: base.Version, Text: base.Text + "\n" + sentence,
								}, nil)
								if err == nil {
									break
								}
								if code(err) != db.CodeConflict {
									t.Errorf("seed %d: %v", seed, err)
									return
								}
								base = saved
							}
						}
					})
				}
				wg.Wait()
				got := map[string]int{}
				for _, part := range parts {
					for line := range strings.Lines(current(part).Text) {
						got[strings.TrimSpace(line)]++
					}
				}
				for editor := range editors {
					for n := range sentences {
						if sentence := fmt.Sprintf("Satz %d von %d.", n, editor); got[sentence] != 1 {
							t.Errorf("seed %d: %q is there %d times", seed, sentence, got[sentence])
						}
					}
				}
				if n := query[int](t, w, "SELECT count(*) FROM report_texts"); n != editors*sentences {
					t.Errorf("seed %d: %d versions are kept, want %d", seed, n, editors*sentences)
				}
			})
		})
	}
}

func TestQuestionsFindHelpAndActionsAreDone(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.report(t)
		bremen, groningen := w.id(t, "organisations", "bremen"), w.id(t, "organisations", "groningen")
		r, err := w.AddReportQuestion(t.Context(), w.olga, db.AddReportQuestionInput{ReportID: r.ID, OrganisationID: bremen, PersonID: &w.outsider.PersonID, Locale: db.German, Text: "Wer?"}, wholeReport)
		if err != nil {
			t.Fatal(err)
		}
		if r, err = w.AddReportAction(t.Context(), w.olga, db.AddReportActionInput{ReportID: r.ID, OwnerID: *groningen, Locale: db.German, Description: "Fragen"}, wholeReport); err != nil {
			t.Fatal(err)
		}
		question, action := r.Items[0].Questions[0].ID, r.Actions[0].ID
		w.exec(t, "UPDATE reports SET status = 'PUBLISHED', published_at = ?", w.clock.Now())
		open := func(actor db.Actor, actions, questions int) {
			t.Helper()
			p, err := w.Partnership(t.Context(), actor, *w.id(t, "partnerships", "neighbours"), db.Shape{"openActions": nil, "openQuestions": nil})
			if err != nil || len(p.OpenActions) != actions || len(p.OpenQuestions) != questions {
				t.Errorf("open: %d actions and %d questions, want %d and %d (%v)", len(p.OpenActions), len(p.OpenQuestions), actions, questions, err)
			}
		}
		open(db.Actor{}, 1, 1)
		emma, note := w.actor(t, "emma@example.org"), "Wir haben das hinter uns."
		q, err := w.OfferHelp(t.Context(), emma, db.OfferHelpInput{QuestionID: question, Note: &note}, db.Shape{"offers": {"organisation": nil}})
		if err != nil || len(q.Offers) != 1 || q.Offers[0].Note != note || q.Offers[0].Organisation() == nil {
			t.Fatalf("offer: %v, %+v", err, q)
		}
		for who, refused := range map[string]struct {
			actor db.Actor
			in    db.OfferHelpInput
			want  db.ErrorCode
		}{
			"for others":      {emma, db.OfferHelpInput{QuestionID: question, OrganisationID: groningen}, db.CodeForbidden},
			"for who asked":   {w.outsider, db.OfferHelpInput{QuestionID: question}, db.CodeConflict},
			"by nobody":       {db.Actor{}, db.OfferHelpInput{QuestionID: question}, db.CodeNotSignedIn},
			"of no question":  {emma, db.OfferHelpInput{QuestionID: action}, db.CodeNotFound},
			"of no such body": {w.olga, db.OfferHelpInput{QuestionID: question, OrganisationID: &question}, db.CodeNotFound},
		} {
			if _, err := w.OfferHelp(t.Context(), refused.actor, refused.in, nil); code(err) != refused.want {
				t.Errorf("an offer %s: %v", who, err)
			}
		}
		if _, err := w.MarkQuestion(t.Context(), emma, db.MarkQuestionInput{QuestionID: question, Status: db.QuestionAnswered}, nil); code(err) != db.CodeForbidden {
			t.Errorf("who helps closes the question: %v", err)
		}
		if _, err := w.MarkQuestion(t.Context(), w.outsider, db.MarkQuestionInput{QuestionID: question, Status: db.QuestionAnswered}, nil); err != nil {
			t.Error(err)
		}
		done := db.ActionDone
		if _, err := w.ChangeReportAction(t.Context(), emma, db.ChangeReportActionInput{ActionID: action, Status: &done}, nil); code(err) != db.CodeForbidden {
			t.Errorf("somebody else's action: %v", err)
		}
		if a, err := w.ChangeReportAction(t.Context(), w.konrad, db.ChangeReportActionInput{ActionID: action, Status: &done}, nil); err != nil || a.Status != db.ActionDone {
			t.Errorf("done: %v, %+v", err, a)
		}
		open(db.Actor{}, 0, 0)
		if _, err := w.RemoveReportEntry(t.Context(), w.olga, r.ID, question, nil); code(err) != db.CodeConflict {
			t.Errorf("a published question is removed: %v", err)
		}
	})
}
