package pages

import (
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// meeting is what an edition and a course run have in common.
type meeting struct {
	title, summary string
	course         bool
	cancelled      bool
	year           int // when no day is known
	from, to       db.Date
	zone           *time.Location
	venue          *db.Venue
	host           string
	languages      []string
	price          *db.Money
	seats          *db.Seats
}

func meetingOf(a *db.Answer) meeting {
	if r := a.CourseRun; r != nil {
		return meeting{
			title: r.Course.Title, summary: r.Course.Summary, course: true, cancelled: r.Status == db.RunCancelled,
			from: r.StartsOn, to: r.EndsOn, zone: zone(r.TimeZone), venue: r.Venue(), host: name(r.Course.Organisation()),
			languages: r.Languages, price: r.Course.Price(), seats: r.Seats,
		}
	}
	e := a.Edition
	m := meeting{
		title: e.Title, summary: e.Summary, cancelled: e.Status == db.EditionCancelled, year: e.Year, zone: zone(e.TimeZone),
		venue: e.Venue(), host: name(e.Host()), languages: e.Languages, seats: e.Seats,
	}
	if e.StartsOn != nil {
		m.from, m.to = *e.StartsOn, *e.EndsOn
	}
	return m
}

func name(party db.Party) string {
	switch p := party.(type) {
	case *db.Municipality:
		return p.Name
	case *db.Institution:
		return p.Name
	}
	return ""
}

func zone(name string) *time.Location {
	location, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC // the import refuses unknown zones
	}
	return location
}
