package pages

import (
	"fmt"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// meeting is what an edition, a session and a course run have in common.
type meeting struct {
	title, summary string
	course         bool
	cancelled      bool
	year           int // when no day is known
	from, to       db.Date
	starts, ends   time.Time // of a session, in the zone; zero when only its day is known
	zone           *time.Location
	venue          *db.Venue
	host           string
	languages      []string
	price          *db.Money
	seats          *db.Seats
}

// meetingOf describes an edition, or the run when there is none.
func meetingOf(e *db.Edition, r *db.CourseRun) meeting {
	if e == nil {
		return meeting{
			title: r.Course.Title, summary: r.Course.Summary, course: true, cancelled: r.Status == db.RunCancelled,
			from: r.StartsOn, to: r.EndsOn, zone: zone(r.TimeZone), venue: r.Venue(), host: name(r.Course.Organisation()),
			languages: r.Languages, price: r.Price(), seats: r.Seats,
		}
	}
	m := meeting{
		title: e.Title, summary: e.Summary, cancelled: e.Status == db.EditionCancelled, year: e.Year, zone: zone(e.TimeZone),
		venue: e.Venue(), host: name(e.Host()), languages: e.Languages, seats: e.Seats,
	}
	if e.StartsOn != nil {
		m.from, m.to = *e.StartsOn, *e.EndsOn
	}
	return m
}

// meetingOfPlace describes what a registration is for.
func meetingOfPlace(r *db.Registration) meeting {
	var m meeting
	if s := r.Session; s != nil {
		m = meetingOf(s.Edition, nil)
		m.title, m.summary, m.from, m.to = fmt.Sprintf("%s (%s)", s.Title, m.title), "", s.Date, s.Date
		if s.Abstract != nil {
			m.summary = *s.Abstract
		}
		if len(s.Languages) > 0 {
			m.languages = s.Languages
		}
		m.cancelled = m.cancelled || s.Cancelled()
		if s.StartsAt != nil {
			m.starts, m.ends = s.StartsAt.In(m.zone), s.EndsAt.In(m.zone)
		}
	} else {
		m = meetingOf(r.Edition, r.CourseRun)
	}
	m.seats = r.Seats
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
