package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// agenda is the content with a programme and four places for the edition "open".
func agenda() *programme.File {
	file := content()
	session := func(key, kind, starts, ends string, capacity *int) programme.Session {
		return programme.Session{Key: key, Kind: kind, Title: strings.ToUpper(key[:1]) + key[1:], Starts: "2027-05-20T" + starts, Ends: "2027-05-20T" + ends, Capacity: capacity}
	}
	for i := range file.Editions {
		if e := &file.Editions[i]; e.Key == "open" {
			e.Capacity = new(4)
			e.Rooms = []programme.Room{{Key: "hall", Name: "Hall"}, {Key: "attic", Name: "Attic"}}
			e.Sessions = []programme.Session{
				session("talk", "BREAKOUT", "10:00", "11:00", new(1)), session("walk", "BREAKOUT", "11:00", "12:00", new(9)),
				session("coffee", "BREAK", "12:00", "12:30", nil), session("dinner", "SOCIAL", "18:00", "19:00", new(9)),
			}
			e.Sessions[0].Room = "hall"
		}
	}
	return file
}

// gather fills the edition "open": Anna, Bert and Dieter have places, Anna one in the talk for which Bert waits, and Dieter one
// in the walk; Emma gave hers up, it is offered to Carla, and Olga waits. Bettina has an invitation that she has not answered,
// Konrad declined his, and that of somebody new has not left.
func (w *world) gather(t *testing.T) {
	t.Helper()
	w.importFile(t, agenda())
	w.exec(t, "DELETE FROM calendar_entries") // the agenda gave the meeting its hours
	seats, offer := w.seatsOf(t, "editions", "open"), db.PolicyOffer
	w.rules(t, seats, db.ChangeSeatsInput{Policy: &offer, OfferHours: new(720)})
	w.register(t, seats, "anna", "bert", "dieter", "emma", "carla", "olga")
	w.register(t, w.seatsOf(t, "sessions", "talk"), "anna", "bert")
	w.register(t, w.seatsOf(t, "sessions", "walk"), "dieter")
	w.cancel(t, seats, "emma")
	invited := w.send(t, w.olga, toEdition("first", w.edition(t, "open"), db.AudienceInput{PersonIDs: w.people(t, "bettina", "konrad")}))
	w.deliver(t)
	w.answer(t, w.tokens(t, invited.ID)[0], false)
	later := toEdition("second", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("late", 1)})
	later.SendAt = new(w.clock.Now().AddDate(0, 1, 0))
	w.send(t, w.olga, later)
	w.deliver(t)
}

// deliver sends everything that is due and returns the mails about changes, by the person's name.
func (w *world) deliver(t testing.TB) map[string]*db.Mail {
	t.Helper()
	notices := map[string]*db.Mail{}
	for _, lane := range []db.Lane{db.Urgent, db.Bulk} {
		_, mails, err := w.StartDeliveries(t.Context(), lane, worker(), 10_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mails {
			w.settle(t, m.Outcome(db.ResultSent))
			if m.Delivery.Kind != db.MailNotice {
				continue
			}
			if notices[m.Person.Name] != nil {
				t.Errorf("%s gets two mails about one change", m.Person.Name)
			}
			notices[m.Person.Name] = m
		}
	}
	return notices
}

// heard delivers and says what everybody is told: what changed, and after a bar the calendar entries, struck out ones with a
// minus, with their sequence.
func (w *world) heard(t testing.TB) (all []string) {
	t.Helper()
	for name, m := range w.deliver(t) {
		var words []string
		for _, c := range m.Notice.Changes {
			what := "meeting"
			if c.Session != nil {
				what = c.Session.Key
			}
			words = append(words, what+":"+strings.Join(differing(c.Before, c.Now), "+"))
		}
		words = append(words, "|")
		for _, e := range m.Notice.Entries {
			what := "meeting"
			if e.Session != nil {
				what = e.Session.Key
			}
			if e.Cancelled {
				what = "-" + what
			}
			words = append(words, fmt.Sprintf("%s %d", what, e.Registration.Sequence))
		}
		all = append(all, name+" "+strings.Join(words, " "))
	}
	slices.Sort(all)
	return all
}

func differing(a, b db.Facts) (names []string) {
	for name, differs := range map[string]bool{
		"title": a.Title != b.Title, "days": a.StartsOn != b.StartsOn || a.EndsOn != b.EndsOn, "hours": fmt.Sprint(a.Hours) != fmt.Sprint(b.Hours),
		"place": a.VenueName != b.VenueName || a.Room != b.Room, "off": !a.Cancelled && b.Cancelled, "on": a.Cancelled && !b.Cancelled,
	} {
		if differs {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// step is a change and what people hear of it.
type step struct {
	name   string
	change func() error
	want   []string
}

func (w *world) steps(t *testing.T, steps []step) {
	t.Helper()
	for _, s := range steps {
		w.clock.advance(time.Minute)
		if err := s.change(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if diff := cmp.Diff(s.want, w.heard(t)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
		if n := query[int](t, w, "SELECT count(*) FROM deliveries WHERE kind = 'meeting_notice' AND state = 'CANCELLED'"); n != 0 {
			t.Errorf("%s: %d mails were queued for people whom it does not concern", s.name, n)
		}
		w.checkSeats(t, s.name)
	}
}

// The verbs with fewer words.
func (w *world) changeEdition(t testing.TB, key string, in db.ChangeEditionInput) error {
	in.EditionID = *w.edition(t, key)
	_, err := w.ChangeEdition(t.Context(), w.konrad, in, nil)
	return err
}

func (w *world) changeSession(t testing.TB, key string, in db.ChangeSessionInput) error {
	in.SessionID = *w.id(t, "sessions", key)
	_, _, err := w.ChangeSession(t.Context(), w.konrad, in, nil, nil)
	return err
}

func TestExactlyThoseConcernedAreToldOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.gather(t)
		edition := *w.edition(t, "open")
		change := func(in db.ChangeEditionInput) func() error {
			return func() error { return w.changeEdition(t, "open", in) }
		}
		session := func(key string, in db.ChangeSessionInput) func() error {
			return func() error { return w.changeSession(t, key, in) }
		}
		w.steps(t, []step{
			{"renamed", change(db.ChangeEditionInput{Title: new("Energy")}), []string{
				"Anna meeting:title | meeting 1 talk 1", "Bert meeting:title | meeting 1", "Bettina meeting:title |", "Carla meeting:title |",
				"Dieter meeting:title | meeting 1 walk 1", "Olga meeting:title |"}},
			{"nothing new", change(db.ChangeEditionInput{Title: new("Energy")}), nil},
			{"elsewhere", change(db.ChangeEditionInput{Venue: &db.VenueInput{Name: "Castle", City: "Emden"}}), []string{
				"Anna meeting:place | meeting 2 talk 2", "Bert meeting:place | meeting 2", "Bettina meeting:place |", "Carla meeting:place |",
				"Dieter meeting:place | meeting 2 walk 2", "Olga meeting:place |"}},
			{"a week later", change(db.ChangeEditionInput{StartsOn: new(db.Date("2027-05-27"))}), []string{
				"Anna meeting:days+hours | meeting 3 talk 3", "Bert meeting:days+hours | meeting 3", "Bettina meeting:days+hours |", "Carla meeting:days+hours |",
				"Dieter meeting:days+hours | meeting 3 walk 3", "Olga meeting:days+hours |"}},
			{"a session with places", session("talk", db.ChangeSessionInput{Title: new("Wind"), RoomID: w.id(t, "rooms", "attic")}), []string{
				"Anna talk:place+title | talk 4", "Bert talk:place+title |"}},
			{"only an abstract", session("talk", db.ChangeSessionInput{Abstract: new("About wind.")}), nil},
			{"a session without places", session("coffee", db.ChangeSessionInput{StartsAtLocal: new(db.LocalTime("2027-05-27T12:15"))}), []string{
				"Anna coffee:hours |", "Bert coffee:hours |", "Carla coffee:hours |", "Dieter coffee:hours |", "Olga coffee:hours |"}},
			{"the end of the day", session("dinner", db.ChangeSessionInput{EndsAtLocal: new(db.LocalTime("2027-05-27T20:00"))}), []string{
				"Anna meeting:hours | meeting 4", "Bert meeting:hours | meeting 4", "Carla meeting:hours |", "Dieter meeting:hours | meeting 4", "Olga meeting:hours |"}},
			{"the beginning of the day", session("talk", db.ChangeSessionInput{StartsAtLocal: new(db.LocalTime("2027-05-27T09:30"))}), []string{
				"Anna meeting:hours talk:hours | meeting 5 talk 5", "Bert meeting:hours talk:hours | meeting 5", "Carla meeting:hours |",
				"Dieter meeting:hours | meeting 5", "Olga meeting:hours |"}},
			{"a session is off", func() error {
				_, err := w.CancelSession(t.Context(), w.olga, *w.id(t, "sessions", "walk"), nil)
				return err
			}, []string{
				"Dieter walk:off | -walk 4"}},
			{"off again", func() error {
				_, err := w.CancelSession(t.Context(), w.olga, *w.id(t, "sessions", "walk"), nil)
				return err
			}, nil},
			{"a session is on after all", func() error {
				_, err := w.ReopenSession(t.Context(), w.olga, *w.id(t, "sessions", "walk"), nil)
				return err
			}, []string{
				"Dieter walk:on | walk 5"}},
			{"off once more", func() error {
				_, err := w.CancelSession(t.Context(), w.olga, *w.id(t, "sessions", "walk"), nil)
				return err
			}, []string{
				"Dieter walk:off | -walk 6"}},
			{"the edition is off", func() error { _, err := w.CancelEdition(t.Context(), w.olga, edition, nil); return err }, []string{
				"Anna meeting:off | -meeting 6 -talk 6", "Bert meeting:off | -meeting 6", "Bettina meeting:off |", "Carla meeting:off |",
				"Dieter meeting:off | -meeting 6", "Olga meeting:off |"}},
			{"off again", func() error { _, err := w.CancelEdition(t.Context(), w.olga, edition, nil); return err }, nil},
			{"on after all", func() error { _, err := w.ReopenEdition(t.Context(), w.olga, edition, nil); return err }, []string{
				"Anna meeting:on | meeting 7 talk 7", "Bert meeting:on | meeting 7", "Bettina meeting:on |", "Carla meeting:on |",
				"Dieter meeting:on | meeting 7", "Olga meeting:on |"}},
			{"a draft", func() error { return w.changeEdition(t, "draft", db.ChangeEditionInput{Title: new("Later")}) }, nil},
			{"a past one", func() error { return w.changeEdition(t, "past", db.ChangeEditionInput{Title: new("Former")}) }, nil},
		})
		if n := query[int](t, w, "SELECT count(*) FROM audit_log WHERE actor_id IS NOT NULL AND action LIKE '%edition' OR action LIKE '%session'"); n != 15 {
			t.Errorf("%d changes in the audit log, want 15", n)
		}
	})
}

func TestCoordinatorsOfDelegationsAreToldOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.gather(t)
		list, err := w.InviteDelegations(t.Context(), w.olga, db.InviteDelegationsInput{
			EditionID: *w.edition(t, "open"), RespondBy: w.clock.Now().AddDate(0, 1, 0),
			Delegations: []db.DelegationInput{{OrganisationID: *w.id(t, "organisations", "oldenburg"), Places: 2}},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.deliver(t)
		asked := query[int](t, w, "SELECT count(*) FROM deliveries WHERE kind = 'meeting_notice'")
		hall := func(title string) func() error {
			return func() error { return w.changeSession(t, "talk", db.ChangeSessionInput{Title: &title}) }
		}
		w.steps(t, []step{
			{"renamed", func() error { return w.changeEdition(t, "open", db.ChangeEditionInput{Title: new("Energy")}) }, []string{
				"Anna meeting:title | meeting 1 talk 1", "Bert meeting:title | meeting 1", "Bettina meeting:title |", "Carla meeting:title |",
				"Dieter meeting:title | meeting 1 walk 1", "Konrad meeting:title |", "Olga meeting:title |"}},
			{"a session with places", hall("Wind"), []string{"Anna talk:title | talk 2", "Bert talk:title |", "Konrad talk:title |"}},
		})
		if n := query[int](t, w, "SELECT count(*) FROM deliveries WHERE kind = 'meeting_notice'") - asked; n != 10 {
			t.Errorf("%d mails, want 10", n)
		}
		w.clock.advance(time.Minute)
		if err := w.changeEdition(t, "open", db.ChangeEditionInput{Title: new("Energy again")}); err != nil {
			t.Fatal(err)
		}
		mails := w.deliver(t)
		desk, err := w.Desk(t.Context(), mails["Konrad"].DeskToken)
		if err != nil || desk == nil || desk.Delegation.ID != list[0].ID || !mails["Konrad"].Notice.AsCoordinator || mails["Konrad"].Delegation.InvitedParty() == "" || mails["Anna"].Notice.AsCoordinator {
			t.Errorf("desk %+v, %v: mail %+v", desk, err, mails["Konrad"])
		}
		w.register(t, w.seatsOf(t, "editions", "open"), "konrad")
		w.deliver(t)
		w.steps(t, []step{{"told once, who waits as well", hall("Water"), []string{"Anna talk:title | talk 4", "Bert talk:title |", "Konrad talk:title |"}}})

		// A mail on its way tells nothing more when the delegation was declined or somebody else coordinates, and none is queued then.
		w.cancel(t, w.seatsOf(t, "editions", "open"), "konrad")
		w.deliver(t)
		w.clock.advance(time.Minute)
		if err := hall("Earth")(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.DeclineDelegation(t.Context(), w.konrad, list[0].ID, nil); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(time.Minute)
		for n, want := range [][]string{{"Anna talk:title | talk 5", "Bert talk:title |"}, {"Anna talk:title | talk 6", "Bert talk:title |"}} {
			if diff := cmp.Diff(want, w.heard(t)); diff != "" {
				t.Errorf("%d after declining (-want +got):\n%s", n, diff)
			}
			if err := hall("Fire")(); err != nil {
				t.Fatal(err)
			}
			w.clock.advance(time.Minute)
		}
		if n := query[int](t, w, "SELECT count(*) FROM deliveries WHERE kind = 'meeting_notice' AND state = 'CANCELLED'"); n != 1 {
			t.Errorf("%d mails were cancelled, want the one to Konrad", n)
		}
	})
}

func TestChangesBeforeTheMailLeavesAreToldTogether(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.gather(t)
		rename := func(title string) {
			t.Helper()
			w.clock.advance(time.Minute)
			if err := w.changeEdition(t, "open", db.ChangeEditionInput{Title: &title}); err != nil {
				t.Fatal(err)
			}
		}
		rename("One")
		// A mail that has not been begun tells the next change as well.
		w.due(t, db.Bulk, 6)
		rename("Two")
		if err := w.changeSession(t, "talk", db.ChangeSessionInput{Title: new("Wind")}); err != nil {
			t.Fatal(err)
		}
		if n := query[int](t, w, "SELECT count(*) FROM deliveries WHERE kind = 'meeting_notice' AND state = 'QUEUED'"); n != 6 {
			t.Errorf("%d mails wait, want 6", n)
		}
		mails := w.deliver(t)
		if m := mails["Anna"].Notice; len(mails) != 6 || m.Changes[0].Before.Title != "Vaktreffen open" || m.Changes[0].Now.Title != "Two" ||
			len(m.Changes) != 2 || m.Changes[1].Session.Key != "talk" || m.Entries[0].Registration.Sequence != 2 || m.Entries[1].Registration.Sequence != 3 {
			t.Errorf("%d mails; Anna is told %+v", len(mails), m)
		}
		// One that has been begun does not.
		rename("Three")
		begun := w.start(t, db.Bulk, 100, worker(), 6)
		rename("Four")
		if got := w.deliver(t); len(got) != 6 || got["Anna"].Notice.Changes[0].Before.Title != "Three" {
			t.Errorf("%d mails tell what came after a mail had begun", len(got))
		}
		for _, m := range begun {
			w.settle(t, m.Outcome(db.ResultSent))
		}
		rename("Five")
		rename("Four")
		if got := w.deliver(t); len(got) != 0 {
			t.Errorf("%d mails tell a change that was taken back", len(got))
		}
		if n := query[int](t, w, "SELECT count(*) FROM deliveries WHERE kind = 'meeting_notice' AND state = 'CANCELLED'"); n != 6 {
			t.Errorf("%d mails were dropped, want 6", n)
		}
		if n := query[int](t, w, "SELECT count(*) FROM invitations WHERE status = 'WITHDRAWN'"); n != 0 {
			t.Errorf("%d invitations were withdrawn with a mail that had nothing to say", n)
		}
	})
}

// Who comes while a mail waits hears only of what changes afterwards, and who leaves hears nothing.
func TestWhoComesAndGoesWhileAMailWaits(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.gather(t)
		talk, dinner := w.seatsOf(t, "sessions", "talk"), w.seatsOf(t, "sessions", "dinner")
		if err := w.changeEdition(t, "open", db.ChangeEditionInput{Title: new("Energy")}); err != nil {
			t.Fatal(err)
		}
		if err := w.changeSession(t, "dinner", db.ChangeSessionInput{Title: new("Supper")}); err != nil {
			t.Fatal(err)
		}
		w.register(t, dinner, "dieter")
		w.clock.advance(time.Minute)
		if err := w.changeSession(t, "dinner", db.ChangeSessionInput{Title: new("Buffet")}); err != nil {
			t.Fatal(err)
		}
		w.cancel(t, talk, "bert")
		w.cancel(t, w.seatsOf(t, "editions", "open"), "bert")
		titles := map[string]string{}
		_, mails, err := w.StartDeliveries(t.Context(), db.Bulk, worker(), 100)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(mails, func(a, b *db.Mail) int { return a.Delivery.CreatedAt.Compare(b.Delivery.CreatedAt) })
		for _, m := range mails {
			for _, c := range m.Notice.Changes {
				titles[m.Person.Name] += c.Before.Title + " > " + c.Now.Title + ". "
			}
		}
		want := map[string]string{}
		for _, name := range []string{"Anna", "Carla", "Olga", "Bettina"} {
			want[name] = "Vaktreffen open > Energy. "
		}
		want["Dieter"] = "Vaktreffen open > Energy. Supper > Buffet. "
		if diff := cmp.Diff(want, titles); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnImportTellsWhatItChanges(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.gather(t)
		w.register(t, w.seatsOf(t, "course_runs", "spring"), "emma")
		w.deliver(t)
		file := agenda()
		open, run := &file.Editions[0], &file.Courses[0].Runs[0]
		load := func() error { w.importFile(t, file); return nil }
		edit := func(change func()) func() error { return func() error { change(); return load() } }
		w.steps(t, []step{
			{"the same file", load, nil},
			{"elsewhere", edit(func() { open.Venue = &programme.Venue{Name: "Castle", City: "Emden", Country: "DE"} }), []string{
				"Anna meeting:place | meeting 1 talk 1", "Bert meeting:place | meeting 1", "Bettina meeting:place |", "Carla meeting:place |",
				"Dieter meeting:place | meeting 1 walk 1", "Olga meeting:place |"}},
			{"a room gets a name", edit(func() { open.Rooms[0].Name = "Great hall" }), []string{"Anna talk:place | talk 2", "Bert talk:place |"}},
			{"a session moves and begins the day", edit(func() { open.Sessions[1].Starts, open.Sessions[1].Ends = "2027-05-20T09:00", "2027-05-20T10:00" }), []string{
				"Anna meeting:hours | meeting 2", "Bert meeting:hours | meeting 2", "Carla meeting:hours |",
				"Dieter meeting:hours walk:hours | meeting 2 walk 2", "Olga meeting:hours |"}},
			{"a run moves", edit(func() { run.StartsOn, run.EndsOn = "2027-04-08", "2027-04-08" }), []string{"Emma meeting:days | meeting 1"}},
			{"the run is off", edit(func() { run.Status = "CANCELLED" }), []string{"Emma meeting:off | -meeting 2"}},
			{"the edition is off", edit(func() { open.Status = "CANCELLED" }), []string{
				"Anna meeting:off | -meeting 3 -talk 3", "Bert meeting:off | -meeting 3", "Bettina meeting:off |", "Carla meeting:off |",
				"Dieter meeting:off | -meeting 3 -walk 3", "Olga meeting:off |"}},
			{"what is off moves", edit(func() { open.Venue = nil }), nil},
		})
	})
}

// The time of a transaction is that of its beginning, so that a change may have the earlier time and still come later.
func TestWhoRegisteredAfterAChangeBeganIsToldOfIt(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.register(t, w.seatsOf(t, "editions", "open"), "anna")
		w.deliver(t)
		w.clock.advance(-5 * time.Second)
		if err := w.changeEdition(t, "open", db.ChangeEditionInput{Title: new("Energy")}); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(5 * time.Second)
		if diff := cmp.Diff([]string{"Anna meeting:title | meeting 1"}, w.heard(t)); diff != "" {
			t.Error(diff)
		}
	})
}
