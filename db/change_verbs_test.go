package db_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

func TestWhoMayChangeWhatWasPublished(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importFile(t, agenda())
		edition, session, run := *w.edition(t, "open"), *w.id(t, "sessions", "talk"), *w.id(t, "course_runs", "spring")
		verbs := map[string]func(db.Actor) error{
			"change edition": func(a db.Actor) error {
				_, err := w.ChangeEdition(t.Context(), a, db.ChangeEditionInput{EditionID: edition}, nil)
				return err
			},
			"cancel edition": func(a db.Actor) error { _, err := w.CancelEdition(t.Context(), a, edition, nil); return err },
			"reopen edition": func(a db.Actor) error { _, err := w.ReopenEdition(t.Context(), a, edition, nil); return err },
			"change session": func(a db.Actor) error {
				_, _, err := w.ChangeSession(t.Context(), a, db.ChangeSessionInput{SessionID: session}, nil, nil)
				return err
			},
			"cancel session": func(a db.Actor) error { _, err := w.CancelSession(t.Context(), a, session, nil); return err },
			"reopen session": func(a db.Actor) error { _, err := w.ReopenSession(t.Context(), a, session, nil); return err },
			"change course run": func(a db.Actor) error {
				_, err := w.ChangeCourseRun(t.Context(), a, db.ChangeCourseRunInput{CourseRunID: run}, nil)
				return err
			},
		}
		for name, verb := range verbs {
			for who, c := range map[string]struct {
				actor db.Actor
				want  db.ErrorCode
			}{
				"nobody": {db.Actor{}, db.CodeNotSignedIn}, "a participant": {w.as(t, "anna"), db.CodeNotFound},
				"somebody else's coordinator": {w.outsider, db.CodeNotFound},
			} {
				if err := verb(c.actor); code(err) != c.want {
					t.Errorf("%s by %s: %v, want %s", name, who, err, c.want)
				}
			}
		}
		for _, name := range []string{"change course run", "change edition", "change session", "cancel session", "cancel edition", "reopen edition"} {
			if err := verbs[name](w.olga); err != nil {
				t.Errorf("%s by an organiser: %v", name, err)
			}
		}
		if err := verbs["change course run"](w.konrad); code(err) != db.CodeNotFound {
			t.Errorf("a run of another organisation: %v", err)
		}
	})
}

func TestChangesThatNoProgrammeCanHave(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importFile(t, agenda())
		date := func(text string) *db.Date { return new(db.Date(text)) }
		at := func(text string) *db.LocalTime { return new(db.LocalTime(text)) }
		elsewhere := db.NewID(db.KindRoom, beginning)
		if err := w.changeSession(t, "walk", db.ChangeSessionInput{RoomID: w.id(t, "rooms", "attic")}); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			err   error
			field string
			code  db.ErrorCode
		}{
			"no title":             {w.changeEdition(t, "open", db.ChangeEditionInput{Title: new(" ")}), "title", db.CodeRequired},
			"a long title":         {w.changeEdition(t, "open", db.ChangeEditionInput{Title: new(strings.Repeat("x", 301))}), "title", db.CodeTooLarge},
			"two lines":            {w.changeEdition(t, "open", db.ChangeEditionInput{Title: new("a\nb")}), "title", db.CodeInvalid},
			"ends before it is on": {w.changeEdition(t, "open", db.ChangeEditionInput{EndsOn: date("2027-05-19")}), "endsOn", db.CodeInvalid},
			"for years":            {w.changeEdition(t, "open", db.ChangeEditionInput{EndsOn: date("2028-06-20")}), "endsOn", db.CodeInvalid},
			"only a last day":      {w.changeEdition(t, "undated", db.ChangeEditionInput{EndsOn: date("2027-05-19")}), "startsOn", db.CodeRequired},
			"a venue nowhere":      {w.changeEdition(t, "open", db.ChangeEditionInput{Venue: &db.VenueInput{Name: "Hall"}}), "venue.city", db.CodeRequired},
			"a venue in no country": {w.changeEdition(t, "open", db.ChangeEditionInput{Venue: &db.VenueInput{Name: "Hall", City: "Emden", Country: new("de")}}),
				"venue.country", db.CodeInvalid},
			"what is cancelled":   {w.changeEdition(t, "cancelled", db.ChangeEditionInput{Title: new("x")}), "editionId", db.CodeConflict},
			"outside the edition": {w.changeSession(t, "talk", db.ChangeSessionInput{Day: date("2027-05-21")}), "day", db.CodeInvalid},
			"outside by its time": {w.changeSession(t, "talk", db.ChangeSessionInput{StartsAtLocal: at("2027-05-19T10:00")}), "startsAtLocal", db.CodeInvalid},
			"backwards": {w.changeSession(t, "talk", db.ChangeSessionInput{StartsAtLocal: at("2027-05-20T12:00"), EndsAtLocal: at("2027-05-20T11:00")}),
				"endsAtLocal", db.CodeInvalid},
			"into the morning": {w.changeSession(t, "dinner", db.ChangeSessionInput{EndsAtLocal: at("2027-05-21T06:01")}), "endsAtLocal", db.CodeInvalid},
			"a day and times":  {w.changeSession(t, "talk", db.ChangeSessionInput{Day: date("2027-05-20"), EndsAtLocal: at("2027-05-20T11:00")}), "day", db.CodeInvalid},
			"a room elsewhere": {w.changeSession(t, "talk", db.ChangeSessionInput{RoomID: &elsewhere}), "roomId", db.CodeNotFound},
			"a room in use":    {w.changeSession(t, "talk", db.ChangeSessionInput{RoomID: w.id(t, "rooms", "attic"), StartsAtLocal: at("2027-05-20T10:30")}), "roomId", db.CodeInvalid},
			"a run backwards": {func() error {
				_, err := w.ChangeCourseRun(t.Context(), w.olga, db.ChangeCourseRunInput{CourseRunID: *w.id(t, "course_runs", "spring"), EndsOn: date("2027-03-01")}, nil)
				return err
			}(), "endsOn", db.CodeInvalid},
			"a run that is off": {func() error {
				_, err := w.ChangeCourseRun(t.Context(), w.olga, db.ChangeCourseRunInput{CourseRunID: *w.id(t, "course_runs", "off")}, nil)
				return err
			}(), "courseRunId", db.CodeConflict},
			"a draft off":    {func() error { _, err := w.CancelEdition(t.Context(), w.olga, *w.edition(t, "draft"), nil); return err }(), "editionId", db.CodeConflict},
			"a past one off": {func() error { _, err := w.CancelEdition(t.Context(), w.olga, *w.edition(t, "past"), nil); return err }(), "editionId", db.CodeDeadline},
		} {
			problems, _ := db.AsErrors(c.err)
			if code(c.err) != c.code || strings.Join(problems[0].Field, ".") != "input."+c.field {
				t.Errorf("%s: %v, want %s about %s", name, c.err, c.code, c.field)
			}
		}
		if n := query[int](t, w, "SELECT count(*) FROM notices"); n != 0 {
			t.Errorf("%d notices", n)
		}
	})
}

// A meeting over two days with a block, moved over the end of summer time.
func TestAProgrammeMovesAlong(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		file := content()
		e := &file.Editions[0]
		e.EndsOn = "2027-05-21"
		e.Sessions = []programme.Session{
			{Key: "loose", Kind: "ARRIVAL", Title: "Loose", Day: "2027-05-20"},
			{Key: "block", Kind: "PLENARY", Title: "Block", Starts: "2027-05-20T10:00", Ends: "2027-05-20T12:00", Children: []programme.Session{
				{Key: "first", Kind: "PLENARY", Title: "First", Starts: "2027-05-20T10:00", Ends: "2027-05-20T11:00"},
				{Key: "second", Kind: "PLENARY", Title: "Second", Starts: "2027-05-20T11:00", Ends: "2027-05-20T12:00"},
			}},
			{Key: "lunch", Kind: "BREAK", Title: "Lunch", Starts: "2027-05-20T12:00", Ends: "2027-05-20T13:00"},
			{Key: "end", Kind: "CLOSING", Title: "End", Starts: "2027-05-21T10:00", Ends: "2027-05-21T11:00"},
		}
		w.importFile(t, file)
		check := func(want ...string) {
			t.Helper()
			var got []string
			for _, s := range rows[struct {
				Key, Day string
				StartsAt *time.Time
			}](t, w, "SELECT key, substr(CAST(day AS TEXT), 1, 10) AS day, starts_at FROM sessions WHERE edition_id = ? ORDER BY position", w.edition(t, "open")) {
				at := "-"
				if s.StartsAt != nil {
					at = s.StartsAt.UTC().Format("01-02 15:04")
				}
				got = append(got, fmt.Sprintf("%s %s %s", s.Key, s.Day[5:], at))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(w.changeEdition(t, "open", db.ChangeEditionInput{StartsOn: new(db.Date("2027-10-30"))}))
		check("loose 10-30 -", "block 10-30 10-30 08:00", "first 10-30 10-30 08:00", "second 10-30 10-30 09:00", "lunch 10-30 10-30 10:00", "end 10-31 10-31 09:00")
		if year := query[int](t, w, "SELECT year FROM editions WHERE key = 'open'"); year != 2027 {
			t.Errorf("the year is %d", year)
		}
		must(w.changeSession(t, "block", db.ChangeSessionInput{StartsAtLocal: new(db.LocalTime("2027-10-30T13:00"))}))
		check("loose 10-30 -", "lunch 10-30 10-30 10:00", "block 10-30 10-30 11:00", "first 10-30 10-30 11:00", "second 10-30 10-30 12:00", "end 10-31 10-31 09:00")
		must(w.changeSession(t, "block", db.ChangeSessionInput{Day: new(db.Date("2027-10-31"))}))
		check("loose 10-30 -", "lunch 10-30 10-30 10:00", "end 10-31 10-31 09:00", "block 10-31 10-31 12:00", "first 10-31 10-31 12:00", "second 10-31 10-31 13:00")
		must(w.changeSession(t, "loose", db.ChangeSessionInput{StartsAtLocal: new(db.LocalTime("2027-10-31T09:00")), EndsAtLocal: new(db.LocalTime("2027-10-31T09:30"))}))
		check("lunch 10-30 10-30 10:00", "loose 10-31 10-31 08:00", "end 10-31 10-31 09:00", "block 10-31 10-31 12:00", "first 10-31 10-31 12:00", "second 10-31 10-31 13:00")
		for name, err := range map[string]error{
			"a block shorter than what is in it": w.changeSession(t, "block", db.ChangeSessionInput{EndsAtLocal: new(db.LocalTime("2027-10-31T14:30"))}),
			"out of its block":                   w.changeSession(t, "first", db.ChangeSessionInput{StartsAtLocal: new(db.LocalTime("2027-10-31T12:30"))}),
			"a session on a day that goes":       w.changeEdition(t, "open", db.ChangeEditionInput{EndsOn: new(db.Date("2027-10-30"))}),
			"a time that does not exist":         w.changeEdition(t, "open", db.ChangeEditionInput{StartsOn: new(db.Date("2028-03-26")), EndsOn: new(db.Date("2028-03-26"))}),
		} {
			if code(err) != db.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		must(w.changeEdition(t, "open", db.ChangeEditionInput{Title: new("Über alles"), Venue: &db.VenueInput{Name: "Saal", City: "Münster"}}))
		if search := query[string](t, w, "SELECT search FROM editions WHERE key = 'open'"); !strings.HasPrefix(search, "uber alles munster groningen lunch") {
			t.Errorf("found by %q", search)
		}
	})
}

func TestClashesAreReported(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.gather(t)
		w.register(t, w.seatsOf(t, "sessions", "walk"), "anna")
		move := func(starts string) []*db.SessionClash {
			t.Helper()
			_, clashes, err := w.ChangeSession(t.Context(), w.konrad, db.ChangeSessionInput{
				SessionID: *w.id(t, "sessions", "talk"), StartsAtLocal: new(db.LocalTime("2027-05-20T" + starts)),
			}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			return clashes
		}
		if clashes := move("11:30"); len(clashes) != 1 || clashes[0].Session.Key != "walk" || clashes[0].People != 1 {
			t.Errorf("clashes: %+v", clashes)
		}
		w.checkLine(t, w.seatsOf(t, "sessions", "walk"), "dieter CONFIRMED, anna CONFIRMED")
		if clashes := move("12:00"); len(clashes) != 0 {
			t.Errorf("clashes with what it follows: %+v", clashes)
		}
		if _, err := w.CancelSession(t.Context(), w.konrad, *w.id(t, "sessions", "walk"), nil); err != nil {
			t.Fatal(err)
		}
		if clashes := move("11:30"); len(clashes) != 0 {
			t.Errorf("clashes with what is off: %+v", clashes)
		}
	})
}

func TestWhatIsOffTakesNobody(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.gather(t)
		talk, seats, edition := w.seatsOf(t, "sessions", "talk"), w.seatsOf(t, "editions", "open"), *w.edition(t, "open")
		if s, err := w.CancelSession(t.Context(), w.konrad, *w.id(t, "sessions", "talk"), nil); err != nil || !s.Cancelled() {
			t.Fatal(s, err)
		}
		w.refuse(t, talk, "dieter", db.CodeConflict, "This meeting was cancelled.")
		w.cancel(t, talk, "anna") // her place goes to nobody
		w.checkLine(t, talk, "anna CANCELLED, bert WAITLISTED")
		w.sweep(t, 0)
		if s, err := w.ReopenSession(t.Context(), w.konrad, *w.id(t, "sessions", "talk"), nil); err != nil || s.Cancelled() {
			t.Fatal(s, err)
		}
		w.checkLine(t, talk, "anna CANCELLED, bert CONFIRMED")
		if _, err := w.CancelSession(t.Context(), w.konrad, *w.id(t, "sessions", "talk"), nil); err != nil {
			t.Fatal(err)
		}
		if err := w.changeSession(t, "talk", db.ChangeSessionInput{Title: new("x")}); code(err) != db.CodeConflict {
			t.Errorf("changed what is off: %v", err)
		}
		w.deliver(t)

		w.clock.advance(31 * 24 * time.Hour) // the second campaign is due
		if _, err := w.CancelEdition(t.Context(), w.olga, edition, nil); err != nil {
			t.Fatal(err)
		}
		w.cancel(t, seats, "anna") // frees a place
		w.checkLine(t, seats, "anna CANCELLED, bert CONFIRMED, dieter CONFIRMED, emma CANCELLED, carla EXPIRED, olga WAITLISTED")
		w.deliver(t)
		if n := query[int](t, w, "SELECT count(*) FROM deliveries WHERE kind IN ('invitation', 'offer_expired', 'seat_offered') AND state = 'SENT' AND sent_at > ?", beginning.AddDate(0, 1, 0)); n != 0 {
			t.Errorf("%d mails left about a meeting that is off", n)
		}
		if _, err := w.ReopenEdition(t.Context(), w.olga, edition, nil); err != nil {
			t.Fatal(err)
		}
		w.checkLine(t, seats, "anna CANCELLED, bert CONFIRMED, dieter CONFIRMED, emma CANCELLED, carla EXPIRED, olga OFFERED")
		w.sweep(t, 0)
	})
}

func TestFiveThousandAreToldInAFewStatements(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const crowd = 5000
		w.crowd(t, crowd)
		seats := w.seatsOf(t, "editions", "open")
		w.exec(t, `INSERT INTO registrations (id, seats_id, person_id, status, ticket, registered_at, registered_by, calendar_sequence)
			SELECT p.id, s.id, p.id, 'CONFIRMED', row_number() OVER (ORDER BY p.id), ?, p.id, 0 FROM people p JOIN seats s ON s.id = ? WHERE p.name LIKE 'Person %'`,
			beginning, seats)
		w.exec(t, "UPDATE seats SET taken = ?, last_ticket = ? WHERE id = ?", crowd, crowd, seats)
		ctx, statements := db.CountStatements(t.Context())
		in := db.ChangeEditionInput{EditionID: *w.edition(t, "open"), StartsOn: new(db.Date("2027-05-27"))}
		if _, err := w.ChangeEdition(ctx, w.olga, in, nil); err != nil {
			t.Fatal(err)
		}
		if n := statements.Load(); n > 40 {
			t.Errorf("%d statements", n)
		}
		if n := query[int](t, w, "SELECT count(DISTINCT person_id) FROM deliveries WHERE kind = 'meeting_notice' AND lane = 'BULK'"); n != crowd {
			t.Errorf("%d people are told", n)
		}
		if n := query[int](t, w, "SELECT sum(sequence) FROM calendar_entries"); n != 1 {
			t.Errorf("the calendar entries are at the sequence %d", n)
		}
	})
}
