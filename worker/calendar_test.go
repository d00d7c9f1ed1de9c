package worker

import (
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
)

func testCalendar() *Calendar {
	zone := time.FixedZone("CEST", 2*60*60)
	return &Calendar{
		Method: CalendarRequest, UID: "edition-1.person-2@vaktreffen.example.org", Sequence: 4,
		Stamp:   time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC),
		Summary: "Vaktreffen; Groningen, Oldenburg & Bremen",
		Description: "Energie \\ klimaat.\r\nTweede regel, met een komma; en een puntkomma. " +
			strings.Repeat("Überörtliche Zusammenarbeit ", 8),
		Location: "Het Kasteel, Melkweg 1, Groningen",
		URL:      "https://vaktreffen.example.org/meetings/2027",
		Starts:   time.Date(2027, 5, 20, 9, 30, 0, 0, zone), Ends: time.Date(2027, 5, 20, 17, 0, 0, 0, zone),
		Organizer: "secretariaat@groningen.example.org", OrganizerName: "Gemeente Groningen: Externe Betrekkingen",
		Attendee: "marieke.devries@example.org", AttendeeName: `Marieke "M" O'Brien, Bremen`,
	}
}

// unfold checks line ends and lengths and returns the content lines.
func unfold(t *testing.T, entry []byte) []string {
	t.Helper()
	text, ok := strings.CutSuffix(string(entry), "\r\n")
	if !ok || strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\n") {
		t.Fatalf("line ends that are not CRLF: %q", entry)
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 75 {
			t.Errorf("a line of %d bytes: %q", len(line), line)
		}
		if strings.ToValidUTF8(line, "") != line {
			t.Errorf("a fold within a character: %q", line)
		}
	}
	return strings.Split(strings.ReplaceAll(text, "\r\n ", ""), "\r\n")
}

func TestCalendarRequest(t *testing.T) {
	t.Parallel()
	entry, err := testCalendar().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(unfold(t, entry), "\n")
	want := strings.Join([]string{
		"BEGIN:VCALENDAR",
		"VERSION:2.0",
		"PRODID:-//Vaktreffen//Vaktreffen//EN",
		"CALSCALE:GREGORIAN",
		"METHOD:REQUEST",
		"BEGIN:VEVENT",
		"UID:edition-1.person-2@vaktreffen.example.org",
		"SEQUENCE:4",
		"DTSTAMP:20270102T030405Z",
		"DTSTART:20270520T073000Z",
		"DTEND:20270520T150000Z",
		`SUMMARY:Vaktreffen\; Groningen\, Oldenburg & Bremen`,
		`DESCRIPTION:Energie \\ klimaat.\nTweede regel\, met een komma\; en een puntkomma. ` +
			strings.Repeat("Überörtliche Zusammenarbeit ", 8),
		`LOCATION:Het Kasteel\, Melkweg 1\, Groningen`,
		"URL:https://vaktreffen.example.org/meetings/2027",
		"STATUS:CONFIRMED",
		"ORGANIZER;CN=Gemeente Groningen Externe Betrekkingen:mailto:secretariaat@groningen.example.org",
		"ATTENDEE;CN=Marieke M O’Brien Bremen;CUTYPE=INDIVIDUAL;PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT:mailto:marieke.devries@example.org",
		"END:VEVENT",
		"END:VCALENDAR",
	}, "\n")
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if _, err := ics.ParseCalendar(strings.NewReader(string(entry))); err != nil {
		t.Error(err)
	}
}

func TestCalendarCancelStrikesTheSameEntry(t *testing.T) {
	t.Parallel()
	c := testCalendar()
	c.Method, c.Sequence = CalendarCancel, 5
	entry, err := c.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Join(unfold(t, entry), "\n") + "\n"
	for _, want := range []string{"METHOD:CANCEL\n", "STATUS:CANCELLED\n", "SEQUENCE:5\n", "UID:edition-1.person-2@vaktreffen.example.org\n", "ATTENDEE;"} {
		if !strings.Contains(lines, want) {
			t.Errorf("lacks %q:\n%s", want, lines)
		}
	}
}

func TestCalendarPublishNamesNobody(t *testing.T) {
	t.Parallel()
	c := testCalendar()
	c.Method, c.Attendee, c.AttendeeName = CalendarPublish, "", ""
	entry, err := c.Bytes()
	if err != nil || strings.Contains(string(entry), "ATTENDEE") || !strings.Contains(string(entry), "METHOD:PUBLISH") {
		t.Errorf("%v\n%s", err, entry)
	}
}

func TestCalendarWholeDays(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	c := testCalendar()
	c.WholeDays = true
	c.Starts, c.Ends = time.Date(2027, 3, 27, 0, 0, 0, 0, zone), time.Date(2027, 3, 28, 0, 0, 0, 0, zone) // clocks change on the 28th
	entry, err := c.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Join(unfold(t, entry), "\n")
	if !strings.Contains(lines, "DTSTART;VALUE=DATE:20270327\nDTEND;VALUE=DATE:20270329\n") {
		t.Errorf("the dates:\n%s", lines)
	}
	c.Ends = c.Starts
	if entry, err := c.Bytes(); err != nil || !strings.Contains(string(entry), "DTEND;VALUE=DATE:20270328\r\n") {
		t.Errorf("one day: %v\n%s", err, entry)
	}
}

func TestCalendarRefusesWhatProgramsWouldMisread(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Calendar){
		"no method":               func(c *Calendar) { c.Method = "" },
		"a method of its own":     func(c *Calendar) { c.Method = "REQUEST\r\nX:y" },
		"no uid":                  func(c *Calendar) { c.UID = "" },
		"a uid with a line break": func(c *Calendar) { c.UID = "a\r\nb" },
		"no stamp":                func(c *Calendar) { c.Stamp = time.Time{} },
		"no summary":              func(c *Calendar) { c.Summary = "" },
		"no start":                func(c *Calendar) { c.Starts = time.Time{} },
		"an end before the start": func(c *Calendar) { c.Ends = c.Starts.Add(-time.Hour) },
		"an end at the start":     func(c *Calendar) { c.Ends = c.Starts },
		"no organizer":            func(c *Calendar) { c.Organizer = "" },
		"two attendees":           func(c *Calendar) { c.Attendee = "a@example.org\r\nATTENDEE:mailto:b@example.org" },
		"a url with a line break": func(c *Calendar) { c.URL = "https://example.org/\r\nX:y" },
	} {
		c := testCalendar()
		spoil(c)
		if entry, err := c.Bytes(); err == nil {
			t.Errorf("%s: %s", name, entry)
		}
	}
	c := testCalendar()
	c.Summary, c.OrganizerName = "A\r\nATTENDEE:mailto:b@example.org\x00\x07", "B\r\nX:y"
	entry, err := c.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Join(unfold(t, entry), "\n"); strings.Contains(lines, "\nATTENDEE:") || strings.Contains(lines, "\nX") || strings.ContainsAny(lines, "\x00\x07") {
		t.Errorf("injected:\n%s", lines)
	}
}
