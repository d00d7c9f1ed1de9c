package calendar_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/calendar"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFeed(t *testing.T) {
	t.Parallel()
	amsterdam := zone(t, "Europe/Amsterdam")
	moved, called := *testEntry(), *testEntry()
	moved.Starts, moved.Ends = time.Date(2027, 5, 20, 9, 30, 0, 0, amsterdam), time.Date(2027, 5, 20, 17, 0, 0, 0, amsterdam)
	called.UID, called.Status, called.WholeDays = "other", calendar.Cancelled, true
	feed := &calendar.Feed{Name: "Groningen, Oldenburg & Bremen", Entries: []*calendar.Entry{&moved, &called}}
	text := feed.Bytes()
	lines := unfold(t, text)
	for _, want := range []string{
		"NAME:Groningen\\, Oldenburg & Bremen", "REFRESH-INTERVAL;VALUE=DURATION:PT1H", "TZID:Europe/Amsterdam",
		"DTSTART;TZID=Europe/Amsterdam:20270520T093000", "DTEND;TZID=Europe/Amsterdam:20270520T170000", "DTSTAMP:20270102T030405Z",
		"LAST-MODIFIED:20270102T030405Z", "SEQUENCE:4", "STATUS:CONFIRMED", "STATUS:CANCELLED", "DTSTART;VALUE=DATE:20270520",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("the feed lacks %q:\n%s", want, text)
		}
	}
	if shift := "BEGIN:DAYLIGHT\r\nDTSTART:20270328T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\nEND:DAYLIGHT\r\n"; !strings.Contains(string(text), shift) {
		t.Errorf("the clocks are not changed on 28 March:\n%s", text)
	}
	for _, line := range lines {
		for _, name := range []string{"METHOD", "ORGANIZER", "ATTENDEE", "CONTACT", "COLOR"} {
			if strings.HasPrefix(line, name) {
				t.Errorf("the feed has %q", line)
			}
		}
	}
	if !bytes.Equal(text, feed.Bytes()) {
		t.Error("the same feed differs from itself")
	}
	parsed, err := ics.ParseCalendar(bytes.NewReader(text))
	if err != nil || len(parsed.Events()) != 2 || len(parsed.Timezones()) != 1 {
		t.Fatalf("a parser reads %v, %v", parsed, err)
	}
	for event, want := range map[int]time.Time{0: moved.Starts, 1: time.Date(2027, 5, 20, 0, 0, 0, 0, time.UTC)} {
		if at, err := parsed.Events()[event].GetStartAt(); event == 0 && (err != nil || !at.Equal(want)) {
			t.Errorf("it begins at %s, %v", at, err)
		}
	}
}

// A zone in a feed shifts its clocks when the zone of the program does, for every hour of the years of the entries.
func TestFeedKnowsItsZones(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Amsterdam", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "Africa/Casablanca"} {
		location := zone(t, name)
		first, last := *testEntry(), *testEntry()
		first.Starts, first.Ends = time.Date(2026, 1, 1, 0, 0, 0, 0, location), time.Date(2026, 1, 1, 1, 0, 0, 0, location)
		last.Starts, last.Ends = time.Date(2028, 12, 31, 22, 0, 0, 0, location), time.Date(2028, 12, 31, 23, 0, 0, 0, location)
		text := (&calendar.Feed{Entries: []*calendar.Entry{&last, &first}}).Bytes()
		observances := readZone(t, unfold(t, text))
		if len(observances) > 0 && !slices.ContainsFunc(observances, func(o observance) bool { return !o.daylight }) {
			t.Errorf("%s has no standard time", name)
		}
		for at := first.Starts; at.Before(last.Ends); at = at.Add(time.Hour) {
			var now observance
			for _, o := range observances {
				if !o.onset.After(at) && !o.onset.Before(now.onset) {
					now = o
				}
			}
			if _, offset := at.Zone(); offset != now.offset {
				t.Fatalf("%s at %s is %d seconds ahead, and the feed says %d:\n%s", name, at, offset, now.offset, text)
			}
		}
	}
}

type observance struct {
	onset    time.Time
	offset   int
	daylight bool
}

// readZone reads the observances of the only VTIMEZONE, as RFC 5545 section 3.6.5 explains them.
func readZone(t *testing.T, lines []string) (all []observance) {
	t.Helper()
	seconds := func(text string) int {
		at, err := time.Parse("-0700", text)
		if err != nil {
			t.Fatal(err)
		}
		_, offset := at.Zone()
		return offset
	}
	var o observance
	var local time.Time
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		switch {
		case line == "BEGIN:STANDARD" || line == "BEGIN:DAYLIGHT":
			o = observance{daylight: value == "DAYLIGHT"}
		case line == "END:STANDARD" || line == "END:DAYLIGHT":
			all = append(all, o)
		case name == "DTSTART":
			local, _ = time.Parse("20060102T150405", value)
		case name == "TZOFFSETFROM":
			o.onset = local.Add(-time.Duration(seconds(value)) * time.Second)
		case name == "TZOFFSETTO":
			o.offset = seconds(value)
		case line == "END:VTIMEZONE":
			return all
		}
	}
	t.Fatal("no zone")
	return nil
}

func TestOfSaysTheSameOfAMeetingToEverybody(t *testing.T) {
	t.Parallel()
	first, last := db.Date("2027-05-20"), db.Date("2027-05-21")
	at := func(hour int) *time.Time { t := time.Date(2027, 5, 20, hour, 0, 0, 0, time.UTC); return &t }
	edition := &db.Edition{
		ID: db.NewID(db.KindEdition, *at(0)), Title: "Vaktreffen", Summary: "Water.", TimeZone: "Europe/Amsterdam", StartsOn: &first, EndsOn: &last,
		VenueName: "Provinciehuis", VenueCity: "Groningen",
	}
	session := &db.Session{
		ID: db.NewID(db.KindSession, *at(0)), Title: "Dykes", Abstract: new("On dykes."), Date: first, StartsAt: at(9), EndsAt: at(10), Room: &db.Room{Name: "Noord"},
	}
	hours := []db.Hours{{Starts: *at(7), Ends: *at(15)}, {Starts: at(7).AddDate(0, 0, 1), Ends: at(10).AddDate(0, 0, 1)}}
	e := calendar.Of(edition, nil, nil, hours)
	if e.UID != calendar.UID(edition.ID) || len(e.UID) != 36 || e.Location != "Provinciehuis, Groningen" || e.Starts.Hour() != 9 || !e.Ends.Equal(hours[1].Ends) || e.WholeDays {
		t.Errorf("the edition: %+v", e)
	}
	if e := calendar.Of(edition, nil, nil, nil); !e.WholeDays || e.Starts.Day() != 20 || e.Ends.Day() != 21 {
		t.Errorf("without hours: %+v", e)
	}
	s := calendar.Of(edition, session, nil, hours)
	if s.UID != calendar.UID(session.ID) || s.Summary != "Dykes (Vaktreffen)" || s.Description != "On dykes." || s.Location != "Noord, Provinciehuis, Groningen" ||
		!s.Starts.Equal(*at(9)) || !s.Ends.Equal(*at(10)) || s.Status == calendar.Cancelled {
		t.Errorf("the session: %+v", s)
	}
	session.CancelledAt = at(1)
	if s := calendar.Of(edition, session, nil, hours); s.Status != calendar.Cancelled {
		t.Errorf("a session that is called off: %+v", s)
	}
	edition.Status, session.CancelledAt = db.EditionCancelled, nil
	if s := calendar.Of(edition, session, nil, hours); s.Status != calendar.Cancelled {
		t.Errorf("a session of a meeting that is called off: %+v", s)
	}
	edition.StartsOn, edition.EndsOn = nil, nil
	if e := calendar.Of(edition, nil, nil, nil); !e.Starts.IsZero() {
		t.Errorf("without days: %+v", e)
	}
	run := &db.CourseRun{ID: db.NewID(db.KindCourseRun, *at(0)), StartsOn: first, EndsOn: first, TimeZone: "Europe/Amsterdam", Course: &db.Course{Title: "Masterclass"}}
	if r := calendar.Of(nil, nil, run, nil); r.UID != calendar.UID(run.ID) || r.Summary != "Masterclass" || !r.WholeDays || r.Starts.Day() != 20 {
		t.Errorf("the run: %+v", r)
	}
}

// Whatever the text, the lines are short, no character is torn apart, and a parser reads what was written.
func FuzzText(f *testing.F) {
	for _, text := range []string{"", "ü", strings.Repeat("ü", 100), strings.Repeat("a", 75), "a,b;c\\d\ne\r\nf", "🏳️‍🌈" + strings.Repeat("€", 40), "BEGIN:VEVENT\r\nEND:VEVENT"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := testEntry()
		c.Description, c.OrganizerName = text, text
		entry, err := c.ForMail(calendar.Request)
		if err != nil {
			t.Fatal(err)
		}
		unfold(t, entry)
		parsed, err := ics.ParseCalendar(bytes.NewReader(entry))
		if err != nil || len(parsed.Events()) != 1 {
			t.Fatalf("a parser reads %v, %v:\n%s", parsed, err, entry)
		}
	})
}
