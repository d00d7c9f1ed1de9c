package calendar

import (
	"cmp"
	"fmt"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// Feed is a calendar to subscribe to. It names nobody: it has neither organisers nor attendees, and so no METHOD.
type Feed struct {
	Name    string
	Entries []*Entry // those whose days are known
}

// refresh is how often programs are asked to look for changes.
const refresh = "PT1H"

// FeedOf makes a feed of a calendar. What is not certain for its reader is tentative; what does not hold a place takes no time.
func FeedOf(of *db.Calendar) *Feed {
	f := &Feed{Name: cmp.Or(of.Title, "Vaktreffen")}
	for _, a := range of.Appointments {
		c := Of(a.Edition, a.Session, a.CourseRun, a.Hours)
		if c.Starts.IsZero() {
			continue
		}
		c.Sequence, c.Stamp = a.Sequence, a.ChangedAt
		certain := a.Registration != nil && a.Registration.Status == db.Confirmed
		if c.Free = !certain; a.Registration != nil && !certain && c.Status != Cancelled {
			c.Status = Tentative
		}
		f.Entries = append(f.Entries, c)
	}
	return f
}

// Bytes writes the feed. It is the same for the same entries, so that it can be compared with a former one.
func (f *Feed) Bytes() []byte {
	w := &writer{}
	w.begin("VCALENDAR")
	w.head()
	w.words("NAME", f.Name) // RFC 7986; the lines that begin with X are for programs older than that
	w.words("X-WR-CALNAME", f.Name)
	w.line("REFRESH-INTERVAL;VALUE=DURATION", refresh)
	w.line("X-PUBLISHED-TTL", refresh)
	for _, span := range f.zones() {
		w.zone(span)
	}
	for _, c := range f.Entries {
		w.begin("VEVENT")
		w.event(c, c.Starts.Location())
		w.line("LAST-MODIFIED", c.Stamp.UTC().Format(utcTime))
		w.end("VEVENT")
	}
	w.end("VCALENDAR")
	return w.text
}

// span is from when till when a calendar needs a zone.
type span struct {
	zone     *time.Location
	from, to time.Time
}

// zones returns the zones of the entries in the order in which they come, each for whole years.
func (f *Feed) zones() (all []*span) {
	of := map[string]*span{}
	for _, c := range f.Entries {
		zone := c.Starts.Location()
		if c.WholeDays || zone == time.UTC {
			continue
		}
		s := of[zone.String()]
		if s == nil {
			s = &span{zone: zone, from: c.Starts, to: c.Ends}
			of[zone.String()] = s
			all = append(all, s)
		}
		if c.Starts.Before(s.from) {
			s.from = c.Starts
		}
		if c.Ends.After(s.to) {
			s.to = c.Ends
		}
	}
	for _, s := range all {
		s.from = time.Date(s.from.Year(), 1, 1, 0, 0, 0, 0, s.zone)
		s.to = time.Date(s.to.In(s.zone).Year()+1, 1, 1, 0, 0, 0, 0, s.zone)
	}
	return all
}

// zone writes a VTIMEZONE: each time that the clocks are changed is an observance of its own (RFC 5545 section 3.6.5).
func (w *writer) zone(s *span) {
	w.begin("VTIMEZONE")
	w.line("TZID", s.zone.String())
	for at := s.from; at.Before(s.to); {
		begins, ends := at.ZoneBounds()
		name, offset := at.Zone()
		component, before, onset := "STANDARD", offset, time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
		if at.IsDST() {
			component = "DAYLIGHT"
		}
		if !begins.IsZero() {
			_, before = begins.Add(-time.Second).Zone()
			onset = begins.UTC().Add(time.Duration(before) * time.Second) // as the clocks showed it before they were changed
		}
		w.begin(component)
		w.line("DTSTART", onset.Format(localTime))
		w.line("TZOFFSETFROM", offsetText(before))
		w.line("TZOFFSETTO", offsetText(offset))
		w.words("TZNAME", name)
		w.end(component)
		if ends.IsZero() {
			break
		}
		at = ends
	}
	w.end("VTIMEZONE")
}

// offsetText writes an offset in seconds (RFC 5545 section 3.3.14).
func offsetText(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	return fmt.Sprintf("%c%02d%02d", sign, seconds/3600, seconds/60%60)
}
