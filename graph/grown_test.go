package graph_test

import (
	"fmt"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// grown makes a programme of its own kind of everything, size times, with one edition of so many sessions. Its keys start
// with the prefix, so that several fit beside each other.
func grown(prefix string, size, sessions int) *programme.File {
	key := func(name string, n int) string { return fmt.Sprintf("%s-%s-%d", prefix, name, n) }
	f := new(programme.File)
	for n := range size {
		f.Organisations = append(f.Organisations,
			programme.Organisation{Key: key("town", n), Kind: "MUNICIPALITY", Name: fmt.Sprintf("Zz %s Town %d", prefix, n), Country: "NL"},
			programme.Organisation{Key: key("office", n), Kind: "INSTITUTION", InstitutionKind: "COMPANY", Name: fmt.Sprintf("Zz %s Office %d", prefix, n), Country: "DE"})
		for _, at := range []string{"town", "office"} {
			f.People = append(f.People, programme.Person{
				Key: key(at+"-person", n), Name: fmt.Sprintf("Person %d of the %s %s", n, at, prefix), Email: key(at, n) + "@example.org",
				JobTitle: "Example", Organisation: key(at, n), Locale: "en",
			})
		}
		f.Themes = append(f.Themes, programme.Theme{Key: key("theme", n), Name: fmt.Sprintf("Theme %s %d", prefix, n)})
		f.Courses = append(f.Courses, programme.Course{
			Key: key("course", n), Organisation: key("office", n), Title: fmt.Sprintf("Course %s %d", prefix, n), Summary: "An example.",
			Audience: []string{"Everybody"}, Topics: []string{"This", "That"}, Days: 1, MaxParticipants: new(20),
			Price: &programme.Money{AmountMinor: 100, Currency: "EUR"}, Trainers: []string{key("office-person", n)},
		})
		for run, status := range []string{"CONFIRMED", "PLANNED", "CANCELLED"} {
			day := fmt.Sprintf("2027-0%d-10", run+3)
			f.Courses[n].Runs = append(f.Courses[n].Runs, programme.Run{
				Key: fmt.Sprint(run), StartsOn: day, EndsOn: day, TimeZone: "Europe/Berlin", Status: status, Languages: []string{"de"}, Capacity: new(10),
				Venue: &programme.Venue{Name: "Hall", City: "Bremen", Country: "DE"},
			})
		}
	}
	for n := range size {
		next := (n + 1) % size
		if next != n {
			f.Courses[n].Related = []string{key("course", next)}
		}
		p := programme.Partnership{Key: key("partnership", n), Name: fmt.Sprintf("Partnership %s %d", prefix, n), Kind: "NETWORK", Description: "An example.", Since: new(2020)}
		for m := range min(size, 4) {
			p.Members = append(p.Members, programme.Member{
				Organisation: key("town", (n+m)%size), Role: "MEMBER", Coordinators: []string{key("town-person", (n+m)%size)},
			})
		}
		p.Members = append(p.Members, programme.Member{Organisation: key("office", n), Role: "LEAD", Coordinators: []string{key("office-person", n)}})
		p.Agreements = []programme.Agreement{
			{Key: "first", Title: "The first", SignedOn: "2020-05-04", TermYears: new(2), Renewal: "EXPLICIT"},
			{Key: "second", Title: "The second", SignedOn: "2022-06", TermYears: new(2), Renewal: "TACIT"},
		}
		f.Partnerships = append(f.Partnerships, p)
		f.Series = append(f.Series, programme.Series{
			Key: key("series", n), Partnership: p.Key, Name: "Series " + p.Key, Cadence: "YEARLY", Rotation: []string{key("town", n), key("office", n)},
		})
		for year := range 3 {
			f.Editions = append(f.Editions, edition(key("edition", n*3+year), key("series", n), key("town", n), key("theme", n), 2028+year))
		}
	}
	f.Editions = append(f.Editions, filled(edition(prefix+"-agenda", key("series", 0), key("town", 0), key("theme", 0), 2031), f, sessions))
	return f
}

func edition(key, series, host, theme string, year int) programme.Edition {
	e := programme.Edition{
		Key: key, Series: series, Title: "Edition " + key, Year: year, Status: "PUBLISHED", Host: host, Summary: "An example.",
		TimeZone: "Europe/Amsterdam", Languages: []string{"nl"}, Themes: []string{theme}, Capacity: new(100),
		Venue: &programme.Venue{Name: "Hall", Address: "Street 1", City: "Town", Country: "NL"}, Budget: &programme.Money{AmountMinor: 5, Currency: "EUR"},
	}
	e.StartsOn, e.EndsOn = fmt.Sprintf("%d-06-01", year), fmt.Sprintf("%d-06-02", year)
	return e
}

// filled puts blocks with a child each, parallel and with everything a session can have, on both days of the edition.
func filled(e programme.Edition, f *programme.File, sessions int) programme.Edition {
	for n := range sessions / 2 {
		room := fmt.Sprintf("room-%d", n)
		day := []string{e.StartsOn, e.EndsOn}[n%2]
		e.Rooms = append(e.Rooms, programme.Room{Key: room, Name: "Room " + room, Capacity: new(30)})
		session := func(key, starts, ends string) programme.Session {
			return programme.Session{
				Key: key, Kind: "BREAKOUT", Title: "Session " + key, Abstract: "An example.", Starts: day + starts, Ends: day + ends, Room: room,
				Languages: []string{"de"}, Themes: []string{f.Themes[n%len(f.Themes)].Key}, Capacity: new(25),
				Contributions: []programme.Contribution{
					{Role: "CHAIR", Person: f.People[n%len(f.People)].Key},
					{Role: "SPEAKER", Person: f.People[(n+1)%len(f.People)].Key},
					{Role: "SPEAKER", Name: "A guest", Affiliation: "Elsewhere"},
				},
			}
		}
		block := session(fmt.Sprintf("block-%d", n), "T10:00", "T12:00")
		block.Children = []programme.Session{session(fmt.Sprintf("child-%d", n), "T10:30", "T11:00")}
		e.Sessions = append(e.Sessions, block)
	}
	return e
}
