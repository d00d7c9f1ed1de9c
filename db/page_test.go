package db_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// fieldOf returns the path of the first expected problem.
func fieldOf(err error) string {
	problems, _ := db.AsErrors(err)
	return strings.Join(problems[0].Field, ".")
}

// lists are the connections of a world, by name.
func (w *world) lists(t testing.TB, c *db.Campaign) map[string]func(db.Page) (ids []db.ID, cursors []string, info db.PageInfo, total int, err error) {
	return map[string]func(db.Page) ([]db.ID, []string, db.PageInfo, int, error){
		"municipalities": func(p db.Page) ([]db.ID, []string, db.PageInfo, int, error) {
			return read(w.Municipalities(t.Context(), p, db.MunicipalityFilter{}))
		},
		"editions": func(p db.Page) ([]db.ID, []string, db.PageInfo, int, error) {
			return read(w.Editions(t.Context(), db.Actor{}, p, db.EditionFilter{}, nil))
		},
		"courses": func(p db.Page) ([]db.ID, []string, db.PageInfo, int, error) {
			return read(w.Courses(t.Context(), db.Actor{}, p, nil))
		},
		"invitations": func(p db.Page) ([]db.ID, []string, db.PageInfo, int, error) {
			return read(w.InvitationsOf(t.Context(), w.olga, c, p, nil, nil, nil))
		},
	}
}

func read[T any](c *db.Connection[T], err error) (ids []db.ID, cursors []string, info db.PageInfo, total int, _ error) {
	if err != nil {
		return nil, nil, info, 0, err
	}
	for i, edge := range c.Edges {
		var id db.ID
		switch row := any(edge.Node).(type) {
		case *db.Municipality:
			id = row.ID
		case *db.Edition:
			id = row.ID
		case *db.Course:
			id = row.ID
		case *db.Invitation:
			id = row.ID
		}
		if edge.Node != c.Nodes[i] {
			return nil, nil, info, 0, fmt.Errorf("edge %d is of another node", i)
		}
		ids, cursors = append(ids, id), append(cursors, edge.Cursor)
	}
	return ids, cursors, c.PageInfo, c.TotalCount, nil
}

func TestPagesReachEveryRecordOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		file := new(programme.File)
		for i := range 20 { // several with one name or day
			key := fmt.Sprint("extra-", i)
			file.Organisations = append(file.Organisations, programme.Organisation{Key: key, Kind: "MUNICIPALITY", Name: fmt.Sprintf("Ümlaut 'quoted' \\ %d", i/3), Country: "NL"})
			file.Courses = append(file.Courses, programme.Course{Key: key, Organisation: key, Title: fmt.Sprint("Course ", i/4), Days: 1})
			day := fmt.Sprintf("2028-01-%02d", 1+i/5)
			file.Editions = append(file.Editions, programme.Edition{
				Key: key, Series: "vaktreffen", Title: key, Year: 2028, Status: "PUBLISHED", StartsOn: day, EndsOn: day, TimeZone: "Europe/Berlin", Languages: []string{"de"},
			})
		}
		w.importFile(t, file)
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 23)}))
		for name, list := range w.lists(t, c) {
			all := 100
			whole, _, info, total, err := list(db.Page{First: &all, Count: true})
			if err != nil || total != len(whole) || total < 20 || info.HasNextPage || info.HasPreviousPage {
				t.Fatalf("%s: %d of %d, %+v, %v", name, len(whole), total, info, err)
			}
			for _, size := range []int{1, 4, 7, len(whole)} {
				var forwards, backwards []db.ID
				for p := (db.Page{First: &size}); ; {
					ids, cursors, info, _, err := list(p)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if info.HasPreviousPage != (p.After != nil) || *info.EndCursor != cursors[len(cursors)-1] || *info.StartCursor != cursors[0] {
						t.Errorf("%s: %+v", name, info)
					}
					forwards = append(forwards, ids...)
					if p.After = info.EndCursor; !info.HasNextPage {
						break
					}
				}
				for p := (db.Page{Last: &size}); ; {
					ids, _, info, _, err := list(p)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if info.HasNextPage != (p.Before != nil) {
						t.Errorf("%s backwards: %+v", name, info)
					}
					backwards = append(slices.Clone(ids), backwards...)
					if p.Before = info.StartCursor; !info.HasPreviousPage {
						break
					}
				}
				if !slices.Equal(forwards, whole) || !slices.Equal(backwards, whole) {
					t.Errorf("%s in pages of %d: %d forwards and %d backwards of %d, or in another order", name, size, len(forwards), len(backwards), len(whole))
				}
			}
		}
	})
}

func TestPagesThatAreNone(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 1)}))
		some := 10
		id := db.NewID(db.KindEdition, beginning).String()
		cursor := func(values ...any) string {
			raw, err := json.Marshal(values)
			if err != nil {
				t.Fatal(err)
			}
			return base64.RawURLEncoding.EncodeToString(raw)
		}
		for name, list := range w.lists(t, c) {
			for _, size := range []int{-1, 0, 101, 1 << 40} {
				for field, p := range map[string]db.Page{"first": {First: &size}, "last": {Last: &size}} {
					if _, _, _, _, err := list(p); code(err) != db.CodeInvalid || fieldOf(err) != field {
						t.Errorf("%s: %s %d gives %v", name, field, size, err)
					}
				}
			}
			if _, _, _, _, err := list(db.Page{}); code(err) != db.CodeRequired {
				t.Errorf("%s: no size gives %v", name, err)
			}
			if _, _, _, _, err := list(db.Page{First: &some, Last: &some}); code(err) != db.CodeInvalid {
				t.Errorf("%s: two sizes give %v", name, err)
			}
			for _, malformed := range []string{
				"", "?", "null", cursor(), cursor("a"), cursor("a", "b"), cursor("a", id, "c"), cursor(1, 2), cursor("a", "AAAAAAAAAAAAAAAAAAAAAA"),
				base64.RawURLEncoding.EncodeToString([]byte("null")), base64.RawURLEncoding.EncodeToString([]byte(`{"a":1}`)), strings.Repeat("A", 100_000),
			} {
				for field, p := range map[string]db.Page{"after": {First: &some, After: &malformed}, "before": {Last: &some, Before: &malformed}} {
					if _, _, _, _, err := list(p); code(err) != db.CodeInvalid || fieldOf(err) != field {
						t.Errorf("%s: %s %.40q gives %v", name, field, malformed, err)
					}
				}
			}
			// A cursor of another list, or one that somebody made up, is refused or finds something. It is no accident.
			for _, foreign := range []string{
				cursor("a", id), cursor("", id), cursor("2027-02-30", id), cursor("2027-02-28", id), cursor("0000-01-01", id), cursor("99999-01-01", id),
				cursor("x\x00y", id), cursor("'; DROP TABLE people; --", id), cursor("\\", id), cursor(strings.Repeat("x", 10_000), id),
				cursor("019b0000-0000-7000-8000-000000000000", id), cursor("infinity", id), cursor("now", id),
			} {
				for _, p := range []db.Page{{First: &some, After: &foreign}, {Last: &some, Before: &foreign}} {
					if _, _, _, _, err := list(p); err != nil && code(err) != db.CodeInvalid {
						t.Errorf("%s: %.60q gives %v", name, foreign, err)
					}
				}
			}
		}
	})
}

func TestPagesOfAPreview(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		list := "name,email\nNobody,nowhere\n" + strings.TrimPrefix(strings.ReplaceAll(*csvOf("p", 24), ";", ","), "name,email,organisation,locale\n")
		list = strings.ReplaceAll(list, ",Gemeente Groningen,", "")
		preview, err := w.PreviewInvitations(t.Context(), w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: &list}))
		if err != nil || len(preview.Rows) != 25 || len(preview.Problems) != 1 {
			t.Fatalf("%+v, %v", preview, err)
		}
		var seen []string
		size := 10
		for p := (db.Page{First: &size}); ; {
			page, err := preview.Page(p)
			if err != nil || page.TotalCount != 25 {
				t.Fatalf("%+v, %v", page, err)
			}
			for _, row := range page.Nodes {
				seen = append(seen, *row.Email)
			}
			if p.After = page.PageInfo.EndCursor; !page.PageInfo.HasNextPage {
				break
			}
		}
		if len(seen) != 25 || seen[0] != "nowhere" || seen[24] != "p23@example.org" {
			t.Errorf("pages show %v", seen)
		}
		for _, position := range []string{"-1", "26", "1e3", "x", "99999999999999999999"} {
			after := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "[%q]", position))
			if _, err := preview.Page(db.Page{First: &size, After: &after}); code(err) != db.CodeInvalid {
				t.Errorf("after %s: %v", position, err)
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add("WyJhIiwiYiJd", 2)
	f.Add("WzFd", 1)
	f.Add("bnVsbA", 0)
	f.Fuzz(func(t *testing.T, cursor string, keys int) {
		ours := func(values []string) bool { return len(values) == keys }
		values, err := db.ReadCursor(&cursor, "after", ours)
		if err != nil {
			if code(err) != db.CodeInvalid {
				t.Errorf("%q: %v", cursor, err)
			}
			return
		}
		if len(values) != keys {
			t.Errorf("%q: %d values, want %d", cursor, len(values), keys)
		}
		written := db.WriteCursor(values)
		again, err := db.ReadCursor(&written, "after", ours)
		if err != nil || !slices.Equal(again, values) {
			t.Errorf("%q: %q became %q, %v", cursor, values, again, err)
		}
	})
}
