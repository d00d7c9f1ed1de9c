package db_test

import (
	"slices"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

var wholePractice = db.Shape{"partnership": nil, "edition": nil, "partners": nil, "rating": nil, "ownRating": nil, "views": nil}

func (w *world) practiceInput(t testing.TB) db.SavePracticeDescriptionInput {
	t.Helper()
	return db.SavePracticeDescriptionInput{
		PartnershipID: w.id(t, "partnerships", "neighbours"), Locale: db.German, Title: "Über die Grenze", Description: "Ein Tag im Jahr.\n\nZusammen.",
		PartnerIDs: []db.ID{*w.id(t, "organisations", "oldenburg"), *w.id(t, "organisations", "groningen")}, Budget: &db.MoneyInput{AmountMinor: 250000, Currency: "EUR"},
		Term: ptr("2016–2018"), SuccessFactors: []string{"Dieselben Leute", " "}, Pitfalls: []string{"Zu viele Themen"},
	}
}

// practice is a description that is published.
func (w *world) practice(t testing.TB) *db.PracticeDescription {
	t.Helper()
	p, err := w.SavePracticeDescription(t.Context(), w.olga, w.practiceInput(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = w.PublishPracticeDescription(t.Context(), w.olga, p.ID, wholePractice); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPracticeIsDescribed(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		in := w.practiceInput(t)
		p, err := w.SavePracticeDescription(t.Context(), w.olga, in, wholePractice)
		if err != nil {
			t.Fatal(err)
		}
		if p.Version != 1 || p.Status != db.PracticeDraft || p.Partnership == nil || len(p.Partners()) != 2 || p.Partners()[0].(*db.Municipality).Name != "Oldenburg (Oldb)" ||
			!slices.Equal(p.SuccessFactors, []string{"Dieselben Leute"}) || p.Budget() == nil || *p.Budget() != (db.Money{AmountMinor: 250000, Currency: "EUR"}) || p.Term != "2016–2018" {
			t.Errorf("saved: %+v", p)
		}
		for name, actor := range map[string]db.Actor{"nobody": {}, "a participant": w.as(t, "anna"), "a stranger": w.outsider} {
			if got, err := w.Practice(t.Context(), actor, p.ID, nil); got != nil || err != nil {
				t.Errorf("%s reads a draft: %v, %v", name, got, err)
			}
			again := in
			again.PartnershipID, again.PracticeID, again.Version = nil, &p.ID, 1
			want := db.CodeNotFound
			if actor.Anonymous() {
				want = db.CodeNotSignedIn
			}
			if got, err := w.SavePracticeDescription(t.Context(), actor, again, nil); got != nil || code(err) != want {
				t.Errorf("%s saves a draft: %v, %v", name, got, err)
			}
		}
		if _, err := w.SavePracticeDescription(t.Context(), w.outsider, in, nil); code(err) != db.CodeForbidden {
			t.Errorf("a stranger begins one: %v", err)
		}
		again := in
		again.PracticeID, again.Version, again.Title, again.Budget, again.PartnerIDs = &p.ID, 1, "Anders", nil, nil
		if p, err = w.SavePracticeDescription(t.Context(), w.konrad, again, wholePractice); err != nil || p.Version != 2 || p.Title != "Anders" || p.Budget() != nil || len(p.Partners()) != 0 {
			t.Fatalf("saved again: %+v, %v", p, err)
		}
		again.Title = "Lost"
		current, err := w.SavePracticeDescription(t.Context(), w.olga, again, nil)
		if code(err) != db.CodeConflict || current == nil || current.Title != "Anders" || current.Version != 2 {
			t.Errorf("a stale save: %+v, %v", current, err)
		}
		if got, err := w.Practice(t.Context(), w.olga, p.ID, nil); err != nil || got.Title != "Anders" {
			t.Errorf("after a stale save: %+v, %v", got, err)
		}
		if p, err = w.PublishPracticeDescription(t.Context(), w.konrad, p.ID, nil); err != nil || p.Status != db.PracticePublished {
			t.Fatal(p, err)
		}
		if got, err := w.Practice(t.Context(), db.Actor{}, p.ID, nil); err != nil || got == nil {
			t.Errorf("everybody: %v, %v", got, err)
		}
		partnership, err := w.Partnership(t.Context(), db.Actor{}, *in.PartnershipID, db.Shape{"practices": nil})
		if err != nil || len(partnership.Practices) != 1 {
			t.Errorf("of the partnership: %+v, %v", partnership, err)
		}
		for name, change := range map[string]func(*db.SavePracticeDescriptionInput){
			"two things":  func(in *db.SavePracticeDescriptionInput) { in.EditionID = w.edition(t, "open") },
			"nothing":     func(in *db.SavePracticeDescriptionInput) { in.PartnershipID = nil },
			"no title":    func(in *db.SavePracticeDescriptionInput) { in.Title = " " },
			"a language":  func(in *db.SavePracticeDescriptionInput) { in.Locale = "fr" },
			"a currency":  func(in *db.SavePracticeDescriptionInput) { in.Budget = &db.MoneyInput{Currency: "€"} },
			"many points": func(in *db.SavePracticeDescriptionInput) { in.Pitfalls = slices.Repeat([]string{"x"}, 31) },
			"a partner":   func(in *db.SavePracticeDescriptionInput) { in.PartnerIDs = []db.ID{p.ID} },
			"a version":   func(in *db.SavePracticeDescriptionInput) { in.Version = 3 },
		} {
			in := in
			change(&in)
			if _, err := w.SavePracticeDescription(t.Context(), w.olga, in, nil); code(err) == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestAPracticeOfAnEditionIsItsOrganisers(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		in := w.practiceInput(t)
		in.PartnershipID, in.EditionID = nil, w.edition(t, "draft")
		p, err := w.SavePracticeDescription(t.Context(), w.olga, in, wholePractice)
		if err != nil || p.Edition == nil {
			t.Fatal(p, err)
		}
		if _, err := w.PublishPracticeDescription(t.Context(), w.olga, p.ID, nil); code(err) != db.CodeConflict {
			t.Errorf("the practice of a draft is published: %v", err)
		}
		w.exec(t, "UPDATE practices SET status = 'PUBLISHED', published_at = ?", w.clock.Now())
		if got, err := w.Practice(t.Context(), db.Actor{}, p.ID, nil); got != nil || err != nil {
			t.Errorf("the practice of a draft is read: %v, %v", got, err)
		}
	})
}

func TestWhatPeopleSayAboutAPractice(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		p := w.practice(t)
		anna, bert := w.as(t, "anna"), w.as(t, "bert")
		say := func(actor db.Actor, text string) *db.PracticeComment {
			t.Helper()
			w.clock.advance(time.Second)
			c, err := w.CommentOnPractice(t.Context(), actor, db.CommentOnPracticeInput{PracticeID: p.ID, Text: text}, db.Shape{"organisation": nil})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		first := say(anna, " Gut. ")
		if first.Author != "Anna" || first.Text != "Gut." || first.Organisation() == nil {
			t.Errorf("comment %+v", first)
		}
		if again := say(anna, "Gut."); again.ID != first.ID {
			t.Error("the same form again makes another comment")
		}
		second := say(bert, "Teuer.")
		sees := func(actor db.Actor) (texts []string) {
			t.Helper()
			p, err := w.Practice(t.Context(), actor, p.ID, nil)
			if err != nil {
				t.Fatal(err)
			}
			n := 10
			comments, err := w.CommentsOn(t.Context(), actor, p, db.Page{First: &n, Count: true}, nil)
			if err != nil || comments.TotalCount != len(comments.Nodes) {
				t.Fatal(comments, err)
			}
			for _, c := range comments.Nodes {
				texts = append(texts, c.Text)
			}
			return texts
		}
		if got := sees(db.Actor{}); !slices.Equal(got, []string{"Teuer.", "Gut."}) {
			t.Errorf("comments %q", got)
		}
		hide := db.ModeratePracticeCommentInput{CommentID: second.ID, Status: db.CommentHidden}
		if _, err := w.ModeratePracticeComment(t.Context(), anna, hide, nil); code(err) != db.CodeForbidden {
			t.Errorf("anybody moderates: %v", err)
		}
		if _, err := w.ModeratePracticeComment(t.Context(), w.olga, hide, nil); code(err) != db.CodeRequired {
			t.Errorf("without a reason: %v", err)
		}
		hide.Reason = ptr("Not about the practice.")
		if c, err := w.ModeratePracticeComment(t.Context(), w.olga, hide, nil); err != nil || *c.HiddenReason != *hide.Reason {
			t.Fatal(c, err)
		}
		for name, c := range map[string]struct {
			actor db.Actor
			want  int
		}{"nobody": {db.Actor{}, 1}, "another": {anna, 1}, "the author": {bert, 2}, "who moderates": {w.olga, 2}} {
			if got := sees(c.actor); len(got) != c.want {
				t.Errorf("%s sees %q", name, got)
			}
			node, err := w.Node(t.Context(), c.actor, second.ID, nil)
			if err != nil || (node != nil) != (c.want == 2) {
				t.Errorf("%s sees the hidden comment: %v, %v", name, node, err)
			}
		}
		hide.Status = db.CommentShown
		if c, err := w.ModeratePracticeComment(t.Context(), w.konrad, hide, nil); err != nil || c.HiddenReason != nil {
			t.Errorf("shown again: %+v, %v", c, err)
		}
		if err := w.RemovePracticeComment(t.Context(), w.olga, second.ID); code(err) != db.CodeForbidden {
			t.Errorf("somebody else removes it: %v", err)
		}
		if err := w.RemovePracticeComment(t.Context(), bert, second.ID); err != nil {
			t.Error(err)
		}
		if got := sees(w.olga); !slices.Equal(got, []string{"Gut."}) {
			t.Errorf("afterwards %q", got)
		}
		rate := func(actor db.Actor, stars int) (*db.PracticeDescription, error) {
			return w.RatePractice(t.Context(), actor, db.RatePracticeInput{PracticeID: p.ID, Stars: stars}, wholePractice)
		}
		for _, stars := range []int{0, 6} {
			if _, err := rate(anna, stars); code(err) != db.CodeInvalid {
				t.Errorf("%d stars: %v", stars, err)
			}
		}
		for i, stars := range []int{1, 5} {
			if p, err := rate(anna, stars); err != nil || p.Rating.Count != 1 || *p.OwnRating != stars {
				t.Errorf("%d: %+v, %v", i, p, err)
			}
		}
		rated, err := rate(bert, 2)
		if err != nil || rated.Rating.Count != 2 || *rated.Rating.Average != 3.5 {
			t.Errorf("rated: %+v, %v", rated, err)
		}
		if _, err := rate(db.Actor{}, 3); code(err) != db.CodeNotSignedIn {
			t.Errorf("nobody rates: %v", err)
		}
		if _, err := w.EraseMe(t.Context(), anna, true); err != nil {
			t.Fatal(err)
		}
		if got := sees(w.olga); got != nil {
			t.Errorf("the erased person still says %q", got)
		}
		if p, err := w.Practice(t.Context(), db.Actor{}, p.ID, wholePractice); err != nil || p.Rating.Count != 2 || p.OwnRating != nil {
			t.Errorf("ratings after an erasure: %+v, %v", p, err)
		}
	})
}

func TestViewsAreCountedAndNothingElse(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		p := w.practice(t)
		draft, err := w.SavePracticeDescription(t.Context(), w.olga, w.practiceInput(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		before, err := w.Revision(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range []db.ID{p.ID, p.ID, draft.ID, db.NewID(db.KindPractice, beginning), p.ID} {
			if i == 4 {
				w.clock.advance(24 * time.Hour)
			}
			if err := w.CountPracticeView(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if after, err := w.Revision(t.Context()); err != nil || after != before {
			t.Errorf("the revision rises from %d to %d, %v", before, after, err)
		}
		if got, err := w.Practice(t.Context(), db.Actor{}, p.ID, wholePractice); err != nil || got.Views != 3 {
			t.Errorf("views %+v, %v", got, err)
		}
		if rows := rows[int](t, w, "SELECT n FROM practice_views ORDER BY day"); !slices.Equal(rows, []int{2, 1}) {
			t.Errorf("views a day: %v", rows)
		}
	})
}

func TestWhatIsOpenIsCarriedOver(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r, err := w.StartReport(t.Context(), w.olga, *w.edition(t, "past"), nil)
		if err != nil {
			t.Fatal(err)
		}
		w.agree(t, r, db.AddReportActionInput{Description: "Offen"})
		w.agree(t, r, db.AddReportActionInput{Description: "Fertig"})
		for _, text := range []string{"Wer?", "Wie?"} {
			if _, err := w.AddReportQuestion(t.Context(), w.olga, db.AddReportQuestionInput{ReportID: r.ID, Locale: db.German, Text: text}, nil); err != nil {
				t.Fatal(err)
			}
		}
		report := w.readReport(t, w.olga, r.ID)
		done := db.ActionDone
		for _, a := range report.Actions {
			if a.Description(nil) == "Fertig" {
				if _, err := w.ChangeReportAction(t.Context(), w.olga, db.ChangeReportActionInput{ActionID: a.ID, Status: &done}, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, q := range report.Items[0].Questions {
			if q.Text(nil) == "Wie?" {
				if _, err := w.MarkQuestion(t.Context(), w.olga, db.MarkQuestionInput{QuestionID: q.ID, Status: db.QuestionAnswered}, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		shape := db.Shape{"carriedOver": {"actions": {"owner": nil, "report": {"edition": nil}}, "questions": nil}}
		of := func(actor db.Actor, key string) *db.CarriedOver {
			t.Helper()
			e, err := w.Edition(t.Context(), actor, *w.edition(t, key), shape)
			if err != nil {
				t.Fatal(err)
			}
			if e == nil {
				return nil
			}
			return e.CarriedOver
		}
		for _, key := range []string{"open", "draft", "undated"} {
			got := of(w.olga, key)
			if got == nil || len(got.Actions) != 1 || got.Actions[0].Description(nil) != "Offen" || got.Actions[0].Owner() == nil || len(got.Questions) != 1 || got.Questions[0].Text(nil) != "Wer?" {
				t.Errorf("%s: %+v", key, got)
			}
		}
		for _, key := range []string{"past", "cancelled"} {
			if got := of(w.olga, key); got != nil {
				t.Errorf("%s: %+v", key, got)
			}
		}
		for name, actor := range map[string]db.Actor{"nobody": {}, "a participant": w.as(t, "anna"), "a stranger": w.outsider} {
			if got := of(actor, "open"); got != nil {
				t.Errorf("%s: %+v", name, got)
			}
		}
		series := func(actor db.Actor) *db.Series {
			t.Helper()
			n, err := w.Node(t.Context(), actor, *w.id(t, "series", "vaktreffen"), db.Shape{"openActions": nil, "openQuestions": nil})
			if err != nil {
				t.Fatal(err)
			}
			return n.(*db.Series)
		}
		if s := series(w.olga); len(s.OpenActions) != 1 || len(s.OpenQuestions) != 1 {
			t.Errorf("of the series: %+v", s)
		}
		if s := series(db.Actor{}); len(s.OpenActions) != 0 || len(s.OpenQuestions) != 0 { // the report is a draft
			t.Errorf("of the series to everybody: %+v", s)
		}
	})
}
