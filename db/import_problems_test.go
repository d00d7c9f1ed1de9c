package db_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

func TestImportReportsUnknownReferences(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		mustImport(t, database, small)
		before := dump(t, database)
		file := parse(t, `{
"organisations": [{"key": "new", "kind": "INSTITUTION", "institutionKind": "OTHER", "name": "New", "country": "NL"}],
"people": [{"key": "nobody", "name": "Nobody", "organisation": "nowhere", "locale": "nl"}],
"partnerships": [{"key": "north", "name": "North", "kind": "NETWORK", "members": [{"organisation": "assen", "role": "LEAD", "coordinators": ["emil",
"ghost"]}]}],
"editions": [{"key": "e", "series": "none", "title": "E", "year": 2000, "status": "DRAFT", "timeZone": "Europe/Berlin", "languages": ["de"],
"themes": ["water", "air"]}],
"courses": [{"key": "c", "organisation": "school", "title": "C", "days": 1, "related": ["other", "lost"]}]
}`)
		problems, err := database.Import(t.Context(), file, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := []programme.Problem{
			programme.Reference{Kind: "organisation", Key: "nowhere", Line: 3, Path: "people[0].organisation"}.Unknown(),
			programme.Reference{Kind: "person", Key: "ghost", Line: 5, Path: "partnerships[0].members[0].coordinators[1]"}.Unknown(),
			programme.Reference{Kind: "series", Key: "none", Line: 6, Path: "editions[0].series"}.Unknown(),
			programme.Reference{Kind: "theme", Key: "air", Line: 7, Path: "editions[0].themes[1]"}.Unknown(),
			programme.Reference{Kind: "course", Key: "lost", Line: 8, Path: "courses[0].related[1]"}.Unknown(),
		}
		if diff := cmp.Diff(want, problems); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(before, dump(t, database)); diff != "" {
			t.Errorf("a file with problems changed the database (-before +after):\n%s", diff)
		}
	})
}

func TestImportReportsConflicts(t *testing.T) {
	t.Parallel()
	const late = `{"key": "late", "kind": "BREAKOUT", "title": "Late", "starts": "2099-06-01T14:00", "ends": "2099-06-01T15:00", "room": "one"},`
	const block = `{"key": "early", "kind": "PLENARY", "title": "Early", "starts": "2099-06-01T10:00", "ends": "2099-06-01T12:00", "room": "one", "languages": ["de"],`
	const childLate = `{"key": "child-late", "kind": "PLENARY", "title": "Child late", "starts": "2099-06-01T11:00", "ends": "2099-06-01T12:00", "room": "one",
"themes": ["work", "water"], "capacity": 9,
"contributions": [{"role": "CHAIR", "person": "anna"}, {"role": "SPEAKER", "person": "emil"}, {"role": "SPEAKER", "name": "Guest", "affiliation": "Elsewhere"}]},
`
	const childEarly = `{"key": "child-early", "kind": "PLENARY", "title": "Child early", "starts": "2099-06-01T10:00", "ends": "2099-06-01T11:00"}`
	for name, test := range map[string]struct {
		file string
		want []programme.Problem
	}{
		"kind of an organisation": {
			edited(t, small, `"INSTITUTION", "institutionKind": "UNIVERSITY"`, `"MUNICIPALITY"`),
			[]programme.Problem{{Line: 5, Path: "organisations[2].kind", Message: `Choose another key for this organisation, or correct its kind; "school" is known as INSTITUTION.`}},
		},
		"code of another": {
			`{"organisations": [{"key": "asen", "kind": "MUNICIPALITY", "name": "Asen", "country": "NL", "code": "GM0106"},
				{"key": "other", "kind": "MUNICIPALITY", "name": "Other", "country": "DE", "code": "GM0106"}]}`,
			[]programme.Problem{{Line: 1, Path: "organisations[0].code", Message: `Correct the code, or use the key "assen" if this is the same organisation; "GM0106" is already the code of that one, Assen.`}},
		},
		"address of another": {
			`{"people": [{"key": "hanna", "name": "Hanna", "email": "ANNA@example.org", "organisation": "assen", "locale": "nl"}]}`,
			[]programme.Problem{{Line: 1, Path: "people[0].email", Message: `Correct the address, or use the key "anna" if this is the same person; it is already the address of that one, Anna.`}},
		},
		"address of somebody invited": {
			edited(t, small, "Anna@example.org", "Guest@example.org"),
			[]programme.Problem{{Line: 8, Path: "people[0].email", Message: `Correct the address, or leave it out; somebody who was invited under it is known already, and "anna" has another one.`}},
		},
		"room": {
			edited(t, small, late, ``, `"day": "2099-06-02"`, `"starts": "2099-06-01T13:00", "ends": "2099-06-01T14:01", "room": "one"`),
			[]programme.Problem{{Line: 28, Path: "editions[0].sessions[1].room", Message: `Choose another room or time, or add the session "late" to the file with another one; it is known from an earlier import and in this room until 2099-06-01T15:00.`}},
		},
		"day": {
			edited(t, small, late, ``, `"endsOn": "2099-06-02"`, `"endsOn": "2099-06-01"`,
				`{"key": "second-day", "kind": "CLOSING", "title": "Second day", "day": "2099-06-02"},`, ``),
			[]programme.Problem{{Line: 22, Path: "editions[0].startsOn", Message: `Add the session "second-day" to the file, or change this back; it is known from an earlier import and is on 2099-06-02.`}},
		},
		"no days": {
			`{"editions": [{"key": "meeting-2099", "series": "meeting", "title": "M", "year": 2099, "status": "DRAFT", "timeZone": "Europe/Berlin", "languages": ["de"]}]}`,
			[]programme.Problem{
				noDays("early"), noDays("child-early"), noDays("child-late"), noDays("child-loose"), noDays("late"), noDays("loose"), noDays("second-day"),
			},
		},
		"time of a block": {
			edited(t, small, block, edited(t, block, "T10:00", "T10:30"), childEarly+",\n", ``),
			[]programme.Problem{{Line: 29, Path: "editions[0].sessions[3]", Message: `Add the session "child-early" to the file, or change this back; it is known from an earlier import and is inside this one, but from 2099-06-01T10:00 to 2099-06-01T11:00.`}},
		},
		"block inside a block": {
			`{"editions": [{"key": "meeting-2099", "series": "meeting", "title": "M", "year": 2099, "status": "DRAFT", "timeZone": "Europe/Berlin", "languages": ["de"],
				"startsOn": "2099-06-01", "endsOn": "2099-06-02", "sessions": [{"key": "around", "kind": "PLENARY", "title": "Around", "day": "2099-06-01", "children": [
				{"key": "early", "kind": "PLENARY", "title": "Early"}]}]}]}`,
			[]programme.Problem{nested("child-early"), nested("child-late"), nested("child-loose")},
		},
		"skipped by the clocks": {
			`{"editions": [{"key": "night", "series": "meeting", "title": "N", "year": 2025, "status": "DRAFT", "timeZone": "Europe/Berlin", "languages": ["de"],
				"startsOn": "2025-03-30", "endsOn": "2025-03-30"}]}`,
			[]programme.Problem{{Line: 1, Path: "editions[0].timeZone", Message: `Add the session "night" to the file, or change this back; it is known from an earlier import and the clocks skip its times in this time zone.`}},
		},
		"none in the block's own room": {edited(t, small, childLate, ``), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				mustImport(t, database, small)
				mustImport(t, database, `{"editions": [{"key": "night", "series": "meeting", "title": "N", "year": 2025, "status": "DRAFT", "timeZone": "UTC", "languages": ["de"],
					"startsOn": "2025-03-30", "endsOn": "2025-03-30",
					"sessions": [{"key": "night", "kind": "SOCIAL", "title": "N", "starts": "2025-03-30T02:30", "ends": "2025-03-30T05:00"}]}]}`)
				invite(t, database, "guest@example.org")
				before := dump(t, database)
				problems, err := database.Import(t.Context(), parse(t, test.file), nil)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, problems); diff != "" {
					t.Errorf("problems (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(before, dump(t, database)); test.want != nil && diff != "" {
					t.Errorf("a file with problems changed the database (-before +after):\n%s", diff)
				}
			})
		})
	}
}

func noDays(key string) programme.Problem {
	return programme.Problem{Line: 1, Path: "editions[0]", Message: fmt.Sprintf("Add the session %q to the file, or change this back; it is known from an earlier import and an edition with sessions has days.", key)}
}

func nested(key string) programme.Problem {
	return programme.Problem{Line: 3, Path: "editions[0].sessions[0].children[0]", Message: fmt.Sprintf("Add the session %q to the file, or change this back; it is known from an earlier import and is inside this one, which cannot be inside another.", key)}
}

// invite adds somebody as an invitation does: without a key.
func invite(t *testing.T, database *db.DB, email string) {
	t.Helper()
	exec(t, database, `INSERT INTO people (id, affiliation, name, email, locale, created_at)
		VALUES ('00000000-0000-7003-8000-000000000000', 'Elsewhere', 'Invited', ?, 'en', '2026-01-01 00:00:00+00:00')`, email)
}

func TestImportAdoptsTheInvited(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		invite(t, database, "emil@example.org")
		mustImport(t, database, small)
		wantRows(t, database, `SELECT person.id, person.key, person.name, person.affiliation, locale, substr(CAST(created_at AS TEXT), 1, 10) FROM people person
			WHERE email = 'emil@example.org'`, "00000000-0000-7003-8000-000000000000 emil Emil  de 2026-01-01")
		wantRows(t, database, "SELECT count(*) FROM contributions WHERE person_id = '00000000-0000-7003-8000-000000000000'", "1")
		mustImport(t, database, small)
		wantRows(t, database, "SELECT count(*) FROM people", "2")
	})
}

// A long file costs statements by the thousand rows, not by the row.
func TestImportInBulk(t *testing.T) {
	t.Parallel()
	file := parse(t, small)
	for n := range 5000 {
		file.People = append(file.People, programme.Person{Key: fmt.Sprintf("p%d", n), Name: "P", Email: fmt.Sprintf("p%d@example.org", n), Organisation: "assen", Locale: "nl"})
	}
	for n := range 50 {
		e := programme.Edition{
			Key: fmt.Sprintf("e%d", n), Series: "meeting", Title: "E", Year: 2010, Status: "PUBLISHED", StartsOn: "2010-05-04", EndsOn: "2010-05-04",
			TimeZone: "Europe/Berlin", Languages: []string{"de"},
		}
		for s := range 40 {
			session := programme.Session{Key: fmt.Sprintf("s%d", s), Kind: "BREAKOUT", Title: "S", Abstract: fmt.Sprintf("%0420d", s), Day: "2010-05-04", Themes: []string{"water", "work"}}
			for c := range 3 {
				session.Contributions = append(session.Contributions, programme.Contribution{Role: "SPEAKER", Person: fmt.Sprintf("p%d", (n*120+s*3+c)%5000)})
			}
			e.Sessions = append(e.Sessions, session)
		}
		file.Editions = append(file.Editions, e)
	}
	if problems := programme.Check(file); len(problems) > 0 {
		t.Fatal(problems)
	}
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		for range 2 {
			ctx, statements := db.CountStatements(t.Context())
			problems, err := database.Import(ctx, file, nil)
			if err != nil || len(problems) > 0 {
				t.Fatal(problems, err)
			}
			if statements.Load() > 120 {
				t.Errorf("%d statements, want at most 120", statements.Load())
			}
			wantRows(t, database, "SELECT count(*) FROM contributions", "6003")
		}
	})
}
