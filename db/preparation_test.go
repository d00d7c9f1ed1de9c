package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vaktreffen/vaktreffen/db"
)

// prepareSession prepares a new session from ten to eleven and returns its id.
func (w *world) prepareSession(t testing.TB, in db.PrepareSessionInput) db.ID {
	t.Helper()
	in.EditionID, in.Kind = *w.edition(t, "open"), "BREAKOUT"
	if in.ParentID == nil && in.StartsAtLocal == nil {
		in.StartsAtLocal, in.EndsAtLocal = new(db.LocalTime("2027-05-20T10:00")), new(db.LocalTime("2027-05-20T11:00"))
	}
	id, _, err := w.PrepareSession(t.Context(), w.konrad, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (w *world) prepareChange(t testing.TB, id db.ID, in db.PrepareChangeInput) {
	t.Helper()
	in.SessionID = id
	if _, err := w.PrepareChange(t.Context(), w.konrad, in, nil); err != nil {
		t.Fatal(err)
	}
}

func (w *world) publish(t testing.TB) []*db.SessionClash {
	t.Helper()
	_, clashes, err := w.PublishProgramme(t.Context(), w.olga, *w.edition(t, "open"), nil, db.Shape{"session": nil})
	if err != nil {
		t.Fatal(err)
	}
	return clashes
}

func TestWhatIsPreparedIsUnseenUntilItIsPublished(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.gather(t)
		edition, seen := *w.edition(t, "open"), w.items(t, db.Actor{}, "open")
		block := w.prepareSession(t, db.PrepareSessionInput{Title: "Harbour", RoomID: w.id(t, "rooms", "attic"), Capacity: new(3)})
		child := w.prepareSession(t, db.PrepareSessionInput{Title: "Cranes", ParentID: &block, StartsAtLocal: new(db.LocalTime("2027-05-20T10:00")), EndsAtLocal: new(db.LocalTime("2027-05-20T10:20"))})
		w.prepareChange(t, block, db.PrepareChangeInput{Title: new("Docks"), StartsAtLocal: new(db.LocalTime("2027-05-20T09:30"))})
		w.prepareChange(t, *w.id(t, "sessions", "talk"), db.PrepareChangeInput{Title: new("Wind")})
		w.prepareChange(t, *w.id(t, "sessions", "talk"), db.PrepareChangeInput{StartsAtLocal: new(db.LocalTime("2027-05-20T13:00"))})
		w.prepareChange(t, *w.id(t, "sessions", "walk"), db.PrepareChangeInput{Cancelled: new(true)})
		w.prepareChange(t, *w.id(t, "sessions", "coffee"), db.PrepareChangeInput{Title: new("Tea")})
		if _, err := w.DiscardPreparation(t.Context(), w.konrad, *w.id(t, "sessions", "coffee"), nil); err != nil {
			t.Fatal(err)
		}

		// Nobody sees or hears anything of it; organisers see it apart from the programme.
		for who, actor := range map[string]db.Actor{"nobody": {}, "a participant": w.as(t, "anna"), "an organiser": w.olga} {
			if diff := cmp.Diff(seen, w.items(t, actor, "open")); diff != "" {
				t.Errorf("%s sees a programme that is not published:\n%s", who, diff)
			}
			if got := w.versions(t, actor, "open"); len(got) != 1 {
				t.Errorf("%s: versions %v", who, got)
			}
			want := ""
			if who == "an organiser" {
				want = "Docks new, Cranes new, Walk cancelled, Wind moved+retitled"
			}
			if got := w.read(t, actor, "open").PreparedChanges; told(got) != want || (got == nil) != (want == "") {
				t.Errorf("%s: prepared %q, want %q", who, told(got), want)
			}
			for _, id := range []db.ID{block, child} {
				if node, err := w.Node(t.Context(), actor, id, nil); node != nil || err != nil {
					t.Errorf("%s: %v %v", who, node, err)
				}
			}
			for _, word := range []string{"docks", "harbour", "cranes", "wind"} {
				found, err := w.Editions(t.Context(), actor, db.Page{First: new(10), Count: true}, db.EditionFilter{Text: &word}, nil)
				if err != nil || len(found.Nodes) != 0 {
					t.Errorf("%s finds %q: %v %v", who, word, found, err)
				}
			}
		}
		if got := w.heard(t); got != nil {
			t.Errorf("told before it is published: %q", got)
		}

		w.clock.advance(time.Hour)
		if clashes := w.publish(t); len(clashes) != 0 {
			t.Errorf("clashes %v", clashes)
		}
		// One mail for each: a new session is told to everybody, what has places of its own only to those who have one there.
		want := []string{
			"Anna meeting:hours docks:days+hours+place+title talk:hours+title | meeting 1 talk 1",
			"Bert meeting:hours docks:days+hours+place+title talk:hours+title | meeting 1",
			"Carla meeting:hours docks:days+hours+place+title |",
			"Dieter meeting:hours docks:days+hours+place+title walk:off | meeting 1 -walk 1",
			"Olga meeting:hours docks:days+hours+place+title |",
		}
		w.exec(t, "UPDATE sessions SET key = 'docks' WHERE id = ?", block)
		if diff := cmp.Diff(want, w.heard(t)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		if got := w.versions(t, db.Actor{}, "open"); len(got) != 2 || got[0] != "2 10:00: Docks new, Cranes new, Walk cancelled, Wind moved+retitled" {
			t.Errorf("versions %q", got)
		}
		if got := w.items(t, db.Actor{}, "open"); !slices.Contains(got, "Docks/Cranes") || !slices.Contains(got, "Wind") || slices.Contains(got, "Talk") {
			t.Errorf("programme %q", got)
		}
		if got := w.read(t, w.olga, "open").PreparedChanges; got == nil || len(got) != 0 {
			t.Errorf("still prepared: %q", told(got))
		}
		w.publish(t)
		if got := w.heard(t); got != nil || len(w.versions(t, db.Actor{}, "open")) != 2 {
			t.Errorf("published again: %q", got)
		}
		w.register(t, w.seatsOf(t, "sessions", "docks"), "dieter")
		// A change at once is told at once, and the next publication doesn't tell it again.
		if err := w.changeSession(t, "dinner", db.ChangeSessionInput{Title: new("Supper")}); err != nil {
			t.Fatal(err)
		}
		w.deliver(t)
		w.prepareChange(t, *w.id(t, "sessions", "coffee"), db.PrepareChangeInput{Title: new("Tea")})
		w.publish(t)
		for name, m := range w.deliver(t) {
			if len(m.Notice.Changes) != 1 || m.Notice.Changes[0].New || m.Notice.Changes[0].Session.Key != "coffee" {
				t.Errorf("%s is told %+v", name, m.Notice.Changes)
			}
		}
		if got := w.since(t, "open", 2, -1); got != "Tea retitled, Supper retitled" {
			t.Errorf("since version 2: %q", got)
		}
		actions := rows[string](t, w, "SELECT action FROM audit_log WHERE record_id = ? AND action LIKE '%prepar%' OR action = 'publish programme' ORDER BY action", edition)
		if len(actions) != 11 {
			t.Errorf("audit log %q", actions)
		}
		w.checkSeats(t, "in the end")
	})
}

func TestWhoMayPrepareAProgramme(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importFile(t, agenda())
		prepared := w.prepareSession(t, db.PrepareSessionInput{Title: "Harbour"})
		verbs := map[string]struct {
			ids []db.ID // that are there, and one that is not
			do  func(a db.Actor, id db.ID) error
		}{
			"prepare session": {[]db.ID{*w.edition(t, "open"), *w.edition(t, "draft"), db.NewID(db.KindEdition, beginning)}, func(a db.Actor, id db.ID) error {
				_, _, err := w.PrepareSession(t.Context(), a, db.PrepareSessionInput{EditionID: id, Kind: "BREAK", Title: "Tea", Day: new(db.Date("2027-05-20"))}, nil)
				return err
			}},
			"prepare change": {[]db.ID{*w.id(t, "sessions", "talk"), prepared, db.NewID(db.KindSession, beginning)}, func(a db.Actor, id db.ID) error {
				_, err := w.PrepareChange(t.Context(), a, db.PrepareChangeInput{SessionID: id, Title: new("Other")}, nil)
				return err
			}},
			"discard": {[]db.ID{*w.id(t, "sessions", "talk"), prepared, db.NewID(db.KindSession, beginning)}, func(a db.Actor, id db.ID) error {
				_, err := w.DiscardPreparation(t.Context(), a, id, nil)
				return err
			}},
		}
		for name, verb := range verbs {
			for _, id := range verb.ids {
				if err := verb.do(db.Actor{}, id); code(err) != db.CodeNotSignedIn {
					t.Errorf("%s by nobody: %v", name, err)
				}
				for who, actor := range map[string]db.Actor{"a participant": w.as(t, "anna"), "another coordinator": w.outsider} {
					err, unknown := verb.do(actor, id), verb.do(actor, verb.ids[2])
					if code(err) != db.CodeNotFound || err.Error() != unknown.Error() {
						t.Errorf("%s by %s: %v; of what is not there: %v", name, who, err, unknown)
					}
				}
			}
			if err := verb.do(w.olga, verb.ids[0]); err != nil {
				t.Errorf("%s by an organiser: %v", name, err)
			}
			if err := verb.do(w.olga, verb.ids[2]); code(err) != db.CodeNotFound {
				t.Errorf("%s of what is not there: %v", name, err)
			}
		}
	})
}

func TestWhatCannotBePrepared(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importFile(t, agenda())
		open, talk, hall := *w.edition(t, "open"), *w.id(t, "sessions", "talk"), w.id(t, "rooms", "hall")
		ten, eleven := new(db.LocalTime("2027-05-20T10:00")), new(db.LocalTime("2027-05-20T11:00"))
		block := w.prepareSession(t, db.PrepareSessionInput{Title: "Block"})
		child := w.prepareSession(t, db.PrepareSessionInput{Title: "Child", ParentID: &block})
		for name, c := range map[string]struct {
			in   db.PrepareSessionInput
			want string
		}{
			"without a time":        {db.PrepareSessionInput{EditionID: open, Title: "X"}, "REQUIRED [input startsAtLocal]"},
			"without an end":        {db.PrepareSessionInput{EditionID: open, Title: "X", StartsAtLocal: ten}, "REQUIRED [input endsAtLocal]"},
			"without a title":       {db.PrepareSessionInput{EditionID: open, StartsAtLocal: ten, EndsAtLocal: eleven}, "REQUIRED [input title]"},
			"backwards":             {db.PrepareSessionInput{EditionID: open, Title: "X", StartsAtLocal: eleven, EndsAtLocal: ten}, "INVALID [input endsAtLocal]"},
			"on another day":        {db.PrepareSessionInput{EditionID: open, Title: "X", Day: new(db.Date("2027-05-21"))}, "INVALID [input endsAtLocal]"},
			"in a room in use":      {db.PrepareSessionInput{EditionID: open, Title: "X", StartsAtLocal: ten, EndsAtLocal: eleven, RoomID: hall}, "INVALID [input roomId]"},
			"in no room":            {db.PrepareSessionInput{EditionID: open, Title: "X", StartsAtLocal: ten, EndsAtLocal: eleven, RoomID: &talk}, "NOT_FOUND [input roomId]"},
			"in no block":           {db.PrepareSessionInput{EditionID: open, Title: "X", ParentID: &open}, "NOT_FOUND [input parentId]"},
			"too deep":              {db.PrepareSessionInput{EditionID: open, Title: "X", ParentID: &child}, "INVALID [input parentId]"},
			"fewer than no places":  {db.PrepareSessionInput{EditionID: open, Title: "X", StartsAtLocal: ten, EndsAtLocal: eleven, Capacity: new(-1)}, "INVALID [input capacity]"},
			"for an undated one":    {db.PrepareSessionInput{EditionID: *w.edition(t, "undated"), Title: "X", Day: new(db.Date("2027-05-20"))}, "CONFLICT [input editionId]"},
			"for what is cancelled": {db.PrepareSessionInput{EditionID: *w.edition(t, "cancelled"), Title: "X", Day: new(db.Date("2027-07-20"))}, "CONFLICT [input editionId]"},
		} {
			c.in.Kind = "BREAK"
			if _, _, err := w.PrepareSession(t.Context(), w.olga, c.in, nil); places(err) != c.want {
				t.Errorf("a session %s: %v, want %s", name, err, c.want)
			}
		}
		for name, c := range map[string]struct {
			in   db.PrepareChangeInput
			want string
		}{
			"to another day":        {db.PrepareChangeInput{SessionID: talk, Day: new(db.Date("2027-05-21"))}, "INVALID [input day]"},
			"out of its block":      {db.PrepareChangeInput{SessionID: child, StartsAtLocal: new(db.LocalTime("2027-05-20T12:00")), EndsAtLocal: new(db.LocalTime("2027-05-20T12:30"))}, "INVALID [input startsAtLocal]"},
			"off before it is on":   {db.PrepareChangeInput{SessionID: block, Cancelled: new(true)}, "CONFLICT [input cancelled]"},
			"to a title of nothing": {db.PrepareChangeInput{SessionID: talk, Title: new(" ")}, "REQUIRED [input title]"},
		} {
			if _, err := w.PrepareChange(t.Context(), w.olga, c.in, nil); places(err) != c.want {
				t.Errorf("a change %s: %v, want %s", name, err, c.want)
			}
		}
		if _, err := w.DiscardPreparation(t.Context(), w.olga, block, nil); places(err) != "CONFLICT [input sessionId]" {
			t.Errorf("a block with something inside is discarded: %v", err)
		}
		// What fitted when it was prepared need not fit any more. Then nothing is published, and all of it stays prepared.
		if err := w.changeEdition(t, "open", db.ChangeEditionInput{StartsOn: new(db.Date("2027-05-27"))}); err != nil {
			t.Fatal(err)
		}
		_, _, err := w.PublishProgramme(t.Context(), w.olga, open, nil, nil)
		if places(err) != "INVALID [input editionId]" && places(err) != "INVALID [input editionId] INVALID [input editionId]" {
			t.Errorf("published what no programme can be: %v", err)
		}
		if got := w.read(t, w.olga, "open").PreparedChanges; told(got) != "Block new, Child new" {
			t.Errorf("prepared %q", told(got))
		}
		for _, id := range []db.ID{child, block} {
			if _, err := w.DiscardPreparation(t.Context(), w.olga, id, nil); err != nil {
				t.Error(err)
			}
		}
		w.publish(t)
		if got := w.items(t, w.olga, "open"); slices.Contains(got, "Block") {
			t.Errorf("discarded, and published: %q", got)
		}
	})
}

// places says which problems an error holds, and with which inputs.
func places(err error) string {
	problems, ok := db.AsErrors(err)
	if !ok {
		return fmt.Sprint(err)
	}
	var all []string
	for _, p := range problems {
		all = append(all, fmt.Sprint(p.Code, " ", p.Field))
	}
	return strings.Join(all, " ")
}
