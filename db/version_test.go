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

// versions says what the versions of the programme of an edition tell, the latest first.
func (w *world) versions(t testing.TB, actor db.Actor, key string) (all []string) {
	t.Helper()
	versions, err := w.ProgrammeVersions(t.Context(), actor, w.read(t, actor, key))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		all = append(all, fmt.Sprintf("%d %s: %s", v.Number, v.PublishedAt.UTC().Format("15:04"), told(v.Changes)))
	}
	return all
}

// since says what has changed since a version, until another or, for a negative one, the latest.
func (w *world) since(t testing.TB, key string, since, until int) string {
	t.Helper()
	last := &until
	if until < 0 {
		last = nil
	}
	changes, err := w.ProgrammeChanges(t.Context(), db.Actor{}, w.read(t, db.Actor{}, key), since, last)
	if err != nil {
		return string(code(err))
	}
	return told(changes)
}

func (w *world) read(t testing.TB, actor db.Actor, key string) *db.Edition {
	t.Helper()
	e, err := w.Edition(t.Context(), actor, *w.edition(t, key), db.Shape{"preparedChanges": nil, "days": {"sessions": {"children": nil}}})
	if err != nil || e == nil {
		t.Fatalf("%s: %v %v", key, e, err)
	}
	return e
}

func told(changes []*db.ProgrammeChange) string {
	var all []string
	for _, c := range changes {
		var kinds []string
		for _, kind := range c.Kinds {
			kinds = append(kinds, strings.ToLower(string(kind)))
		}
		all = append(all, c.Now.Title+" "+strings.Join(kinds, "+"))
	}
	return strings.Join(all, ", ")
}

// items are the titles on the programme as the actor sees it.
func (w *world) items(t testing.TB, actor db.Actor, key string) (titles []string) {
	t.Helper()
	for _, day := range w.read(t, actor, key).Days {
		for _, s := range day.Sessions {
			titles = append(titles, s.Title)
			for _, child := range s.Children {
				titles = append(titles, s.Title+"/"+child.Title)
			}
		}
	}
	return titles
}

func TestWhateverChangesAProgrammeMakesItsNextVersion(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		file := agenda()
		open := &file.Editions[0]
		load := func() error { w.importFile(t, file); return nil }
		if got := w.versions(t, db.Actor{}, "open"); got != nil {
			t.Errorf("without sessions: %v", got)
		}
		for _, step := range []struct {
			name   string
			change func() error
			want   string // "" when it makes no version
		}{
			{"an import", load, "Talk new, Walk new, Coffee new, Dinner new"},
			{"the same again", load, ""},
			{"only an abstract", func() error { return w.changeSession(t, "talk", db.ChangeSessionInput{Abstract: new("Wind.")}) }, ""},
			{"only another name of the edition", func() error { return w.changeEdition(t, "open", db.ChangeEditionInput{Title: new("Energy")}) }, ""},
			{"a session", func() error {
				return w.changeSession(t, "talk", db.ChangeSessionInput{Title: new("Wind"), StartsAtLocal: new(db.LocalTime("2027-05-20T09:30")), RoomID: w.id(t, "rooms", "attic")})
			}, "Wind moved+relocated+retitled"},
			{"off", func() error {
				_, err := w.CancelSession(t.Context(), w.olga, *w.id(t, "sessions", "walk"), nil)
				return err
			}, "Walk cancelled"},
			{"on", func() error {
				_, err := w.ReopenSession(t.Context(), w.olga, *w.id(t, "sessions", "walk"), nil)
				return err
			}, "Walk reopened"},
			{"the edition is off", func() error { _, err := w.CancelEdition(t.Context(), w.olga, *w.edition(t, "open"), nil); return err }, ""},
			{"the edition is on", func() error { _, err := w.ReopenEdition(t.Context(), w.olga, *w.edition(t, "open"), nil); return err }, ""},
			{"all of it a day later", func() error {
				return w.changeEdition(t, "open", db.ChangeEditionInput{StartsOn: new(db.Date("2027-05-21"))})
			}, "Wind moved, Walk moved, Coffee moved, Dinner moved"},
			{"back by the file, with something new and somebody who speaks", func() error {
				open.Sessions = append(open.Sessions, programme.Session{Key: "drinks", Kind: "SOCIAL", Title: "Drinks", Starts: "2027-05-20T19:00", Ends: "2027-05-20T20:00"})
				open.Sessions[1].Contributions = []programme.Contribution{{Role: "SPEAKER", Person: "bettina"}}
				return load()
			}, "Talk moved+relocated+retitled, Walk moved+speakers, Coffee moved, Dinner moved, Drinks new"},
			{"a room gets a name", func() error { open.Rooms[0].Name = "Great hall"; return load() }, "Talk relocated"},
			{"nothing prepared", func() error {
				_, _, err := w.PublishProgramme(t.Context(), w.konrad, *w.edition(t, "open"), nil, nil)
				return err
			}, ""},
		} {
			before := w.versions(t, db.Actor{}, "open")
			w.clock.advance(time.Minute)
			if err := step.change(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			want := before
			if step.want != "" {
				want = append([]string{fmt.Sprintf("%d %s: %s", len(before)+1, w.clock.Now().Format("15:04"), step.want)}, before...)
			}
			if diff := cmp.Diff(want, w.versions(t, db.Actor{}, "open")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
		}
		for name, c := range map[string]struct{ got, want string }{
			"everything":           {w.since(t, "open", 0, -1), "Talk new, Walk new, Coffee new, Dinner new, Drinks new"},
			"since the first":      {w.since(t, "open", 1, -1), "Talk relocated, Walk speakers, Drinks new"},
			"part of the way":      {w.since(t, "open", 1, 3), "Wind moved+relocated+retitled, Walk cancelled"},
			"taken back between":   {w.since(t, "open", 2, 4), ""},
			"since now":            {w.since(t, "open", 7, -1), ""},
			"since what will be":   {w.since(t, "open", 99, -1), ""},
			"until what will be":   {w.since(t, "open", 6, 99), "Talk relocated"},
			"before there was any": {w.since(t, "open", -1, -1), "INVALID"},
			"backwards":            {w.since(t, "open", 3, 2), "INVALID"},
			"of none":              {w.since(t, "undated", 0, -1), ""},
		} {
			if c.got != c.want {
				t.Errorf("%s: %q, want %q", name, c.got, c.want)
			}
		}
		w.exec(t, "UPDATE people SET name = 'Somebody else' WHERE key = 'bettina'")
		if n := query[int](t, w, "SELECT count(*) FROM programme_versions WHERE items LIKE '%ettina%' OR items LIKE '%omebody%'"); n != 0 {
			t.Errorf("%d versions name who speaks", n)
		}
		for _, statement := range []string{"UPDATE programme_versions SET items = '[]'", "DELETE FROM programme_versions"} {
			if _, err := w.Raw().NewRaw(statement).Exec(t.Context()); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}

func TestOnlyTheLatestVersionsAreListed(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importFile(t, agenda())
		for n := range 24 {
			if err := w.changeSession(t, "talk", db.ChangeSessionInput{Title: new(fmt.Sprint("Talk ", n))}); err != nil {
				t.Fatal(err)
			}
		}
		got := w.versions(t, db.Actor{}, "open")
		if len(got) != 20 || !strings.HasPrefix(got[0], "25 ") || !strings.HasSuffix(got[19], ": Talk 4 retitled") {
			t.Errorf("%d versions: %q", len(got), got)
		}
	})
}

func TestPublishingADraft(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		file := agenda()
		for i := range file.Editions {
			if e := &file.Editions[i]; e.Key == "draft" {
				e.Sessions = []programme.Session{{Key: "speech", Kind: "PLENARY", Title: "Speech", Day: "2027-06-20"}}
			}
		}
		w.importFile(t, file)
		draft := *w.edition(t, "draft")
		if got := w.versions(t, w.olga, "draft"); got != nil {
			t.Errorf("a draft has versions: %v", got)
		}
		for who, actor := range map[string]db.Actor{"nobody": {}, "a participant": w.as(t, "anna"), "another coordinator": w.outsider} {
			if e, err := w.Edition(t.Context(), actor, draft, nil); e != nil || err != nil {
				t.Errorf("%s sees the draft: %v %v", who, e, err)
			}
			_, _, err := w.PublishProgramme(t.Context(), actor, draft, nil, nil)
			_, _, unknown := w.PublishProgramme(t.Context(), actor, db.NewID(db.KindEdition, beginning), nil, nil)
			if err == nil || unknown == nil || err.Error() != unknown.Error() {
				t.Errorf("%s publishes: %v, and what is not there: %v", who, err, unknown)
			}
		}
		for range 2 { // the second time there is nothing to do
			e, _, err := w.PublishProgramme(t.Context(), w.olga, draft, nil, nil)
			if err != nil || e.Status != db.EditionPublished {
				t.Fatal(e, err)
			}
		}
		if diff := cmp.Diff([]string{"1 09:00: Speech new"}, w.versions(t, db.Actor{}, "draft")); diff != "" {
			t.Error(diff)
		}
		if n := query[int](t, w, "SELECT count(*) FROM audit_log WHERE action = 'publish programme'"); n != 1 {
			t.Errorf("%d entries in the audit log", n)
		}
		if _, _, err := w.PublishProgramme(t.Context(), w.olga, *w.edition(t, "cancelled"), nil, nil); code(err) != db.CodeConflict {
			t.Errorf("a cancelled one: %v", err)
		}
	})
}
