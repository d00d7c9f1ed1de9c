// Package calendar writes meetings as calendar entries (RFC 5545): one at a time for mail (RFC 6047), or all together for programs
// that subscribe to them. A meeting has the same UID wherever it is written, so that nobody has it twice.
package calendar

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/vaktreffen/vaktreffen/db"
)

// Method says what an entry in a mail asks of the program that reads it (RFC 5546).
type Method string

const (
	Request Method = "REQUEST" // put it in, or change what is there
	Cancel  Method = "CANCEL"  // strike it out
	Publish Method = "PUBLISH" // for information, without attendee: no program offers to answer it
)

// Status is whether what is entered takes place, as far as its reader is concerned.
type Status string

const (
	Confirmed Status = "CONFIRMED" // also when it is ""
	Tentative Status = "TENTATIVE"
	Cancelled Status = "CANCELLED"
)

// Entry is a meeting, a session of it or a course run in somebody's calendar.
type Entry struct {
	// UID stays the same for all time, whatever about the meeting changes; Sequence rises with every change and with
	// the cancellation. Together they make a change replace the entry instead of adding a second one.
	UID      string
	Sequence int
	Stamp    time.Time // when this version was made; in a feed when what it tells last changed
	Status   Status
	Free     bool // the reader's time is not taken

	Summary, Description, Location string
	// Starts and Ends are instants in the zone of the meeting, Ends after Starts. With WholeDays only their dates count, and
	// Ends is on the last day.
	Starts, Ends time.Time
	WholeDays    bool

	Organizer, OrganizerName string // mail address and name; for mail only
	Attendee, AttendeeName   string // the person who accepted; not for Publish
}

// UID is what a record is called in calendars: a bare UUID, as RFC 7986 section 5.3 recommends.
func UID(record db.ID) string { return uuid.UUID(record).String() }

// Of describes the session, or without one the edition or the course run, as an entry. The hours are those of the edition's days,
// as far as its programme gives times. The entry starts at the zero time when not even the day is known.
func Of(e *db.Edition, s *db.Session, r *db.CourseRun, hours []db.Hours) *Entry {
	if e == nil {
		c := &Entry{UID: UID(r.ID), Summary: r.Course.Title, Description: r.Course.Summary, Location: place(r.VenueName, r.VenueAddress, r.VenueCity)}
		c.setDays(r.StartsOn, r.EndsOn, location(r.TimeZone))
		if r.Status == db.RunCancelled {
			c.Status = Cancelled
		}
		return c
	}
	zone := location(e.TimeZone)
	c := &Entry{UID: UID(e.ID), Summary: e.Title, Description: e.Summary, Location: place(e.VenueName, e.VenueAddress, e.VenueCity)}
	if e.StartsOn != nil {
		c.setDays(*e.StartsOn, *e.EndsOn, zone)
	}
	if n := len(hours); n > 0 {
		c.Starts, c.Ends, c.WholeDays = hours[0].Starts.In(zone), hours[n-1].Ends.In(zone), false
	}
	if s != nil {
		c.narrow(s, zone)
	}
	if e.Status == db.EditionCancelled || s != nil && s.Cancelled() {
		c.Status = Cancelled
	}
	return c
}

// narrow makes of an edition one session of it.
func (c *Entry) narrow(s *db.Session, zone *time.Location) {
	c.UID, c.Summary, c.Description = UID(s.ID), fmt.Sprintf("%s (%s)", s.Title, c.Summary), ""
	if s.Abstract != nil {
		c.Description = *s.Abstract
	}
	if s.Room != nil {
		c.Location = place(s.Room.Name, c.Location)
	}
	c.setDays(s.Date, s.Date, zone)
	if s.StartsAt != nil {
		c.Starts, c.Ends, c.WholeDays = s.StartsAt.In(zone), s.EndsAt.In(zone), false
	}
}

func (c *Entry) setDays(first, last db.Date, zone *time.Location) {
	day := func(d db.Date) time.Time {
		t := d.Time()
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)
	}
	c.Starts, c.Ends, c.WholeDays = day(first), day(last), true
}

func location(zone string) *time.Location {
	l, err := time.LoadLocation(zone)
	if err != nil {
		return time.UTC // the import refuses unknown zones
	}
	return l
}

func place(parts ...string) string {
	var known []string
	for _, part := range parts {
		if part != "" {
			known = append(known, part)
		}
	}
	return strings.Join(known, ", ")
}

// ForMail writes the entry as a calendar of its own. Times are in UTC, which every mail program reads alike.
//
// An answer that somebody gives in a mail program reaches the organiser's mailbox and is recorded nowhere. So Publish, which no
// program offers to answer, is for those who have not answered yet; Request is for those who have, and says that they have
// accepted and that no answer is asked for.
func (c *Entry) ForMail(method Method) ([]byte, error) {
	if err := c.check(method); err != nil {
		return nil, err
	}
	w := &writer{}
	w.begin("VCALENDAR")
	w.head()
	w.line("METHOD", string(method))
	w.begin("VEVENT")
	event := *c
	if method == Cancel {
		event.Status = Cancelled
	}
	w.event(&event, time.UTC)
	w.line("ORGANIZER"+commonName(c.OrganizerName), "mailto:"+c.Organizer)
	if method != Publish { // RFC 5546 section 3.2.1: PUBLISH has no attendees
		w.line("ATTENDEE"+commonName(c.AttendeeName)+";CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE", "mailto:"+c.Attendee)
		w.line("X-MICROSOFT-DISALLOW-COUNTER", "TRUE")
	}
	w.end("VEVENT")
	w.end("VCALENDAR")
	return w.text, nil
}

func (c *Entry) check(method Method) error {
	switch {
	case method != Request && method != Cancel && method != Publish:
		return errors.New("calendar entry: unknown method")
	case c.UID == "" || strings.ContainsFunc(c.UID, notPlain) || c.Stamp.IsZero() || c.Summary == "":
		return errors.New("calendar entry: uid, stamp and summary are needed")
	case c.Starts.IsZero() || c.Ends.IsZero() || c.Ends.Before(c.Starts) || !c.WholeDays && c.Ends.Equal(c.Starts):
		return errors.New("calendar entry: it must start before it ends")
	case !isAddress(c.Organizer):
		return errors.New("calendar entry: the organizer has no mail address")
	case method != Publish && !isAddress(c.Attendee):
		return errors.New("calendar entry: the attendee has no mail address")
	}
	return nil
}

func isAddress(text string) bool {
	parsed, err := mail.ParseAddress(text)
	return err == nil && parsed.Name == "" && parsed.Address == text && !strings.ContainsFunc(text, unicode.IsControl)
}

func notPlain(r rune) bool { return r <= ' ' || r > '~' }
