package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// guests are eight people besides those of every world.
var guests = []string{"ada", "bob", "cyd", "dan", "eva", "fay", "gus", "hal"}

// survey has the guests come to the edition "open", which has two talks in a block and a workshop with places, and asks them a day
// after it what they think.
func (w *world) survey(t testing.TB, anonymous bool) (*db.Campaign, db.AskForFeedbackInput) {
	t.Helper()
	file := content()
	open := &file.Editions[0]
	one := 20
	open.Sessions = []programme.Session{
		{Key: "arrival", Kind: "ARRIVAL", Title: "Arrival", Starts: "2027-05-20T08:30", Ends: "2027-05-20T09:00"},
		{Key: "morning", Kind: "PLENARY", Title: "Morning", Starts: "2027-05-20T09:00", Ends: "2027-05-20T11:00", Children: []programme.Session{
			{Key: "water", Kind: "PLENARY", Title: "Water", Starts: "2027-05-20T09:00", Ends: "2027-05-20T10:00"},
			{Key: "wind", Kind: "PLENARY", Title: "Wind", Starts: "2027-05-20T10:00", Ends: "2027-05-20T11:00"},
		}},
		{Key: "workshop", Kind: "BREAKOUT", Title: "Workshop", Starts: "2027-05-20T13:00", Ends: "2027-05-20T15:00", Capacity: &one},
	}
	for _, key := range guests {
		file.People = append(file.People, programme.Person{Key: key, Name: strings.ToUpper(key), Email: key + "@example.org", Organisation: "groningen", Locale: "nl"})
	}
	w.importFile(t, file)
	w.register(t, w.seatsOf(t, "editions", "open"), guests...)
	w.register(t, w.seatsOf(t, "sessions", "workshop"), "ada")
	w.claimAll(t, db.Urgent)
	w.clock.advance(time.Date(2027, 5, 21, 9, 0, 0, 0, time.UTC).Sub(w.clock.Now()))
	remind := w.clock.Now().AddDate(0, 0, 7)
	in := db.AskForFeedbackInput{
		IdempotencyKey: "once", EditionID: *w.edition(t, "open"), ClosesAt: w.clock.Now().AddDate(0, 0, 14), Anonymous: anonymous, RemindAt: &remind,
	}
	_, c, err := w.AskForFeedback(t.Context(), w.olga, in, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, in
}

// link returns the token of somebody's link to the survey.
func (w *world) link(t testing.TB, key string) string {
	t.Helper()
	token, err := w.FeedbackToken(t.Context(), query[db.ID](t, w, "SELECT id FROM surveys"), w.people(t, key)[0])
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (w *world) give(t testing.TB, key string, in db.FeedbackInput) *db.FeedbackForm {
	t.Helper()
	f, err := w.GiveFeedback(t.Context(), w.link(t, key), in)
	if err != nil || f == nil || !f.Answered {
		t.Fatalf("%s gives feedback: %+v, %v", key, f, err)
	}
	return f
}

func (w *world) feedback(t testing.TB, actor db.Actor) *db.Feedback {
	t.Helper()
	e, err := w.Edition(t.Context(), actor, *w.edition(t, "open"), db.Shape{"feedback": {"sessions": {"session": nil}}})
	if err != nil {
		t.Fatal(err)
	}
	return e.Feedback
}

func (w *world) closeSurvey(t testing.TB) {
	t.Helper()
	w.clock.advance(query[time.Time](t, w, "SELECT closes_at FROM surveys").Sub(w.clock.Now()))
}

func TestFeedbackIsAskedFor(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c, in := w.survey(t, true)
		if c.Total != len(guests) || !c.AsksForFeedback() {
			t.Errorf("the campaign: %+v", c)
		}
		if _, again, err := w.AskForFeedback(t.Context(), w.olga, in, nil, nil); err != nil || again.ID != c.ID {
			t.Errorf("the same again: %+v, %v", again, err)
		}
		for name, test := range map[string]struct {
			actor  db.Actor
			change func(*db.AskForFeedbackInput)
			want   db.ErrorCode
		}{
			"nobody":                 {db.Actor{}, func(*db.AskForFeedbackInput) {}, db.CodeNotSignedIn},
			"a participant":          {w.as(t, "ada"), func(*db.AskForFeedbackInput) {}, db.CodeForbidden},
			"no key":                 {w.olga, func(in *db.AskForFeedbackInput) { in.IdempotencyKey = "" }, db.CodeRequired},
			"another input":          {w.olga, func(in *db.AskForFeedbackInput) { in.IdempotencyKey = "once"; in.Anonymous = false }, db.CodeKeyReused},
			"twice":                  {w.olga, func(*db.AskForFeedbackInput) {}, db.CodeConflict},
			"nothing there":          {w.olga, func(in *db.AskForFeedbackInput) { in.EditionID = db.NewID(db.KindEdition, beginning) }, db.CodeNotFound},
			"not public":             {w.olga, func(in *db.AskForFeedbackInput) { in.EditionID = *w.edition(t, "draft") }, db.CodeConflict},
			"ahead":                  {w.olga, func(in *db.AskForFeedbackInput) { in.EditionID = *w.edition(t, "cancelled") }, db.CodeConflict},
			"nobody came":            {w.olga, func(in *db.AskForFeedbackInput) { in.EditionID = *w.edition(t, "past") }, db.CodeConflict},
			"closed before it opens": {w.olga, func(in *db.AskForFeedbackInput) { in.OpensAt = new(in.ClosesAt) }, db.CodeInvalid},
			"closed already":         {w.olga, func(in *db.AskForFeedbackInput) { in.ClosesAt = w.clock.Now() }, db.CodeInvalid},
			"far ahead":              {w.olga, func(in *db.AskForFeedbackInput) { in.ClosesAt = w.clock.Now().AddDate(2, 0, 0) }, db.CodeInvalid},
			"reminded after it":      {w.olga, func(in *db.AskForFeedbackInput) { in.RemindAt = new(in.ClosesAt) }, db.CodeInvalid},
		} {
			another := in
			another.IdempotencyKey = "another"
			test.change(&another)
			if _, _, err := w.AskForFeedback(t.Context(), test.actor, another, nil, nil); code(err) != test.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		mails := w.claimAll(t, db.Bulk)
		if len(mails) != len(guests) {
			t.Fatalf("%d mails", len(mails))
		}
		for _, m := range mails {
			if m.Delivery.Kind != db.MailFeedback || m.Survey == nil || !m.Survey.Anonymous || m.Edition == nil || m.Organiser == nil || m.Campaign.ID != c.ID {
				t.Errorf("mail: %+v", m)
			}
			if f, err := w.FeedbackForm(t.Context(), m.FeedbackToken); err != nil || f == nil || f.Person.ID != m.Person.ID || !f.Open() {
				t.Errorf("the link of %s opens %+v, %v", m.Person.Name, f, err)
			}
			w.settle(t, m.Outcome(db.ResultSent))
		}
		if c := w.campaign(t, c.ID); c.Status() != db.CampaignFinished || c.Sent != len(guests) {
			t.Errorf("the campaign: %+v", c)
		}
	})
}

func TestThoseWhoCameAreAsked(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats := w.seatsOf(t, "editions", "open")
		w.register(t, seats, "anna", "bert")
		w.exec(t, "INSERT INTO attendances (seats_id, person_id, walk_in, at) VALUES (?, ?, ?, ?)", seats, w.people(t, "dieter")[0], true, w.clock.Now())
		w.clock.advance(200 * 24 * time.Hour)
		opens := w.clock.Now().Add(time.Hour)
		_, c, err := w.AskForFeedback(t.Context(), w.olga, db.AskForFeedbackInput{
			IdempotencyKey: "k", EditionID: *w.edition(t, "open"), OpensAt: &opens, ClosesAt: opens.Add(time.Hour),
		}, nil, nil)
		if err != nil || c.Total != 1 || c.Status() != db.CampaignScheduled {
			t.Fatalf("%+v, %v", c, err)
		}
		if f, err := w.FeedbackForm(t.Context(), w.link(t, "dieter")); err != nil || !f.Opening || f.Open() {
			t.Errorf("before it opens: %+v, %v", f, err)
		}
		five := 5
		if _, err := w.GiveFeedback(t.Context(), w.link(t, "dieter"), db.FeedbackInput{Overall: &five}); code(err) != db.CodeConflict {
			t.Errorf("an answer before it opens: %v", err)
		}
		for _, token := range []string{w.link(t, "anna"), w.link(t, "dieter")[1:], "", "x" + w.link(t, "dieter")} {
			if f, err := w.FeedbackForm(t.Context(), token); f != nil || err != nil {
				t.Errorf("the link %q opens %+v, %v", token, f, err)
			}
			if f, err := w.GiveFeedback(t.Context(), token, db.FeedbackInput{Overall: &five}); f != nil || err != nil {
				t.Errorf("the link %q takes an answer: %+v, %v", token, f, err)
			}
		}
	})
}

func TestSessionsAreRatedByThoseWhoWereThere(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.survey(t, true)
		titles := func(key string) (titles []string) {
			f, err := w.FeedbackForm(t.Context(), w.link(t, key))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range f.Sessions {
				titles = append(titles, s.Title)
			}
			return titles
		}
		if got := titles("ada"); !slices.Equal(got, []string{"Water", "Wind", "Workshop"}) {
			t.Errorf("with a place in the workshop: %q", got)
		}
		if got := titles("bob"); !slices.Equal(got, []string{"Water", "Wind"}) {
			t.Errorf("without: %q", got)
		}
		workshop := w.seatsOf(t, "sessions", "workshop")
		w.exec(t, "INSERT INTO attendances (seats_id, person_id, walk_in, at) VALUES (?, ?, ?, ?)", workshop, w.people(t, "bob")[0], true, w.clock.Now())
		if got := titles("bob"); !slices.Equal(got, []string{"Water", "Wind", "Workshop"}) {
			t.Errorf("who walked in: %q", got)
		}
		if got := titles("ada"); !slices.Equal(got, []string{"Water", "Wind"}) {
			t.Errorf("who did not come: %q", got)
		}
		six, three := 6, 3
		for name, in := range map[string]db.FeedbackInput{
			"nothing":           {Remark: " \n"},
			"six":               {Overall: &six},
			"not there":         {Sessions: map[db.ID]int{*w.id(t, "sessions", "workshop"): 3}},
			"a block":           {Sessions: map[db.ID]int{*w.id(t, "sessions", "morning"): 3}},
			"nil":               {Sessions: map[db.ID]int{*w.id(t, "sessions", "water"): 0}},
			"a long remark":     {Overall: &three, Remark: strings.Repeat("ü", db.MaxRemark+1)},
			"control character": {Overall: &three, Remark: "a\x00b"},
		} {
			if _, err := w.GiveFeedback(t.Context(), w.link(t, "ada"), in); code(err) == "" || strings.HasPrefix(string(code(err)), "unexpected") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := query[int](t, w, "SELECT count(*) FROM survey_readers WHERE answered"); n != 0 {
			t.Errorf("%d are taken to have answered", n)
		}
	})
}

func TestFiguresBeginAtFiveAnswers(t *testing.T) {
	t.Parallel()
	for _, anonymous := range []bool{true, false} {
		t.Run(fmt.Sprint("anonymous ", anonymous), func(t *testing.T) {
			t.Parallel()
			eachWorld(t, func(t *testing.T, w *world) {
				w.survey(t, anonymous)
				water, wind := *w.id(t, "sessions", "water"), *w.id(t, "sessions", "wind")
				for i, key := range guests[:5] {
					if f := w.feedback(t, w.olga); f.Asked != 8 || f.Answered != i || f.Overall != nil || f.Comments != nil || f.Sessions[0].Rating != nil {
						t.Errorf("after %d answers: %+v", i, f)
					}
					rating := i + 1
					in := db.FeedbackInput{Overall: &rating, Sessions: map[db.ID]int{water: 5}}
					if i < 4 {
						in.Sessions[wind] = 1
					}
					if i < 2 {
						in.Remark = []string{"Zu kurz.\r\nSchade.", "A good day."}[i]
					}
					w.give(t, key, in)
				}
				if f := w.feedback(t, w.olga); (f.Overall == nil) != anonymous || (f.Comments == nil) != anonymous {
					t.Errorf("while it is open: %+v", f)
				}
				w.closeSurvey(t)
				f := w.feedback(t, w.olga)
				if f.Overall == nil || f.Overall.Count != 5 || f.Overall.Average != 3 || !slices.Equal(f.Overall.Distribution, []int{1, 1, 1, 1, 1}) {
					t.Errorf("overall: %+v", f.Overall)
				}
				if !slices.Equal(f.Comments, []string{"A good day.", "Zu kurz.\nSchade."}) {
					t.Errorf("comments: %q", f.Comments)
				}
				if len(f.Sessions) != 3 || f.Sessions[0].Session.Title != "Water" || f.Sessions[0].Rating.Average != 5 || f.Sessions[1].Rating != nil || f.Sessions[2].Rating != nil {
					t.Errorf("sessions: %+v %+v", f.Sessions[0], f.Sessions[1])
				}
				for _, actor := range []db.Actor{{}, w.as(t, "ada"), w.outsider} {
					if f := w.feedback(t, actor); f != nil {
						t.Errorf("%v sees %+v", actor, f)
					}
				}
			})
		})
	}
}

func TestAnAnswerIsChangedUntilTheSurveyCloses(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.survey(t, false)
		water := *w.id(t, "sessions", "water")
		two, four := 2, 4
		w.give(t, "ada", db.FeedbackInput{Overall: &two, Sessions: map[db.ID]int{water: 1}, Remark: "Hm."})
		f := w.give(t, "ada", db.FeedbackInput{Overall: &four, Remark: "Better."})
		if !f.Open() || *f.Given.Overall != 4 || len(f.Given.Sessions) != 0 || f.Given.Remark != "Better." {
			t.Errorf("the form shows %+v", f)
		}
		if n := query[int](t, w, "SELECT count(*) FROM audit_log WHERE action = 'give feedback'"); n != 2 {
			t.Errorf("%d entries in the audit log", n)
		}
		w.closeSurvey(t)
		if _, err := w.GiveFeedback(t.Context(), w.link(t, "ada"), db.FeedbackInput{Overall: &two}); code(err) != db.CodeDeadline {
			t.Errorf("too late: %v", err)
		}
		if n := query[int](t, w, "SELECT overall FROM survey_answers"); n != 4 {
			t.Errorf("the answer is %d", n)
		}
		link := w.link(t, "ada")
		if _, err := w.EraseMe(t.Context(), w.as(t, "ada"), true); err != nil {
			t.Fatal(err)
		}
		if f, err := w.FeedbackForm(t.Context(), link); f != nil || err != nil {
			t.Errorf("the link of an erased person opens %+v, %v", f, err)
		}
		if places := w.found(t, "Better."); len(places) > 0 {
			t.Errorf("the remark of an erased person is in %v", places)
		}
	})
}

func TestWhoHasNotGivenFeedbackIsReminded(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c, in := w.survey(t, true)
		for _, m := range w.claimAll(t, db.Bulk) {
			w.settle(t, m.Outcome(db.ResultSent))
		}
		sweep := func(want int) {
			t.Helper()
			if n, err := w.SweepCampaigns(t.Context()); err != nil || n != want {
				t.Errorf("%d mails, want %d: %v", n, want, err)
			}
		}
		sweep(1) // how the campaign ended
		five := 5
		for _, key := range guests[:5] {
			w.give(t, key, db.FeedbackInput{Overall: &five})
		}
		sweep(0)
		w.clock.advance(in.RemindAt.Sub(w.clock.Now()))
		sweep(3)
		sweep(0)
		w.give(t, "fay", db.FeedbackInput{Overall: &five}) // before the mail leaves
		var told []string
		for _, m := range w.claimAll(t, db.Bulk) {
			told = append(told, *m.Person.Address)
			if m.Delivery.Kind != db.MailFeedbackReminder || m.Campaign.ID != c.ID || m.FeedbackToken == "" {
				t.Errorf("mail: %+v", m)
			}
		}
		if slices.Sort(told); !slices.Equal(told, []string{"gus@example.org", "hal@example.org"}) {
			t.Errorf("reminded: %q", told)
		}
		if c := w.campaign(t, c.ID); c.Total != len(guests) || c.Sent != len(guests) {
			t.Errorf("reminders count in the campaign: %+v", c)
		}
	})
}

func TestNobodyIsRemindedOfWhatIsOver(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c, in := w.survey(t, true)
		if n := len(w.claimAll(t, db.Bulk)); n != len(guests) {
			t.Fatalf("%d mails", n)
		}
		w.clock.advance(in.ClosesAt.Sub(w.clock.Now()))
		if n, err := w.SweepCampaigns(t.Context()); n != 0 || err != nil {
			t.Errorf("%d mails after the survey has closed: %v", n, err)
		}
		w.exec(t, "UPDATE surveys SET closes_at = ?, reminded_at = NULL", w.clock.Now().Add(time.Hour))
		if _, err := w.CancelCampaign(t.Context(), w.olga, c.ID, nil); err != nil {
			t.Fatal(err)
		}
		if n, err := w.SweepCampaigns(t.Context()); n != len(guests) || err != nil {
			t.Errorf("%d mails: %v", n, err)
		}
		if mails := w.claimAll(t, db.Bulk); len(mails) > 0 {
			t.Errorf("%d reminders of a campaign that was cancelled", len(mails))
		}
	})
}
