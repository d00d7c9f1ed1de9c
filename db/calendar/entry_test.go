package calendar_test

import (
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"

	"github.com/vaktreffen/vaktreffen/db/calendar"
)

func testEntry() *calendar.Entry {
	zone := time.FixedZone("CEST", 2*60*60)
	return &calendar.Entry{
		UID: "019b0000-0000-7008-8000-000000000001", Sequence: 4,
		Stamp:   time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC),
		Summary: "Vaktreffen; Groningen, Oldenburg & Bremen",
		Description: "Energie \\ klimaat.\r\nTweede regel, met een komma; en een puntkomma. " +
			strings.Repeat("Überörtliche Zusammenarbeit ", 8),
		Location: "Het Kasteel, Melkweg 1, Groningen",
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

func TestEntryAsRequest(t *testing.T) {
	t.Parallel()
	entry, err := testEntry().ForMail(calendar.Request)
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
		"UID:019b0000-0000-7008-8000-000000000001",
		"SEQUENCE:4",
		"DTSTAMP:20270102T030405Z",
		"DTSTART:20270520T073000Z",
		"DTEND:20270520T150000Z",
		`SUMMARY:Vaktreffen\; Groningen\, Oldenburg & Bremen`,
		`DESCRIPTION:Energie \\ klimaat.\nTweede regel\, met een komma\; en een puntkomma. ` +
			strings.Repeat("Überörtliche Zusammenarbeit ", 8),
		`LOCATION:Het Kasteel\, Melkweg 1\, Groningen`,
		"STATUS:CONFIRMED",
		"TRANSP:OPAQUE",
		"ORGANIZER;CN=Gemeente Groningen Externe Betrekkingen:mailto:secretariaat@groningen.example.org",
		"ATTENDEE;CN=Marieke M O'Brien Bremen;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE:mailto:marieke.devries@example.org",
		"X-MICROSOFT-DISALLOW-COUNTER:TRUE",
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

func TestEntryCancelStrikesTheSameEntry(t *testing.T) {
	t.Parallel()
	c := testEntry()
	c.Sequence = 5
	entry, err := c.ForMail(calendar.Cancel)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Join(unfold(t, entry), "\n") + "\n"
	for _, want := range []string{"METHOD:CANCEL\n", "STATUS:CANCELLED\n", "SEQUENCE:5\n", "UID:019b0000-0000-7008-8000-000000000001\n", "ATTENDEE;"} {
		if !strings.Contains(lines, want) {
			t.Errorf("lacks %q:\n%s", want, lines)
		}
	}
}

func TestEntryPublishNamesNobody(t *testing.T) {
	t.Parallel()
	c := testEntry()
	c.Attendee, c.AttendeeName, c.Free = "", "", true
	entry, err := c.ForMail(calendar.Publish)
	if err != nil || strings.Contains(string(entry), "ATTENDEE") || !strings.Contains(string(entry), "METHOD:PUBLISH") || !strings.Contains(string(entry), "TRANSP:TRANSPARENT") {
		t.Errorf("%v\n%s", err, entry)
	}
}

func TestEntryWholeDays(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	c := testEntry()
	c.WholeDays = true
	c.Starts, c.Ends = time.Date(2027, 3, 27, 0, 0, 0, 0, zone), time.Date(2027, 3, 28, 0, 0, 0, 0, zone) // clocks change on the 28th
	entry, err := c.ForMail(calendar.Request)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Join(unfold(t, entry), "\n")
	if !strings.Contains(lines, "DTSTART;VALUE=DATE:20270327\nDTEND;VALUE=DATE:20270329\n") {
		t.Errorf("the dates:\n%s", lines)
	}
	c.Ends = c.Starts
	if entry, err := c.ForMail(calendar.Request); err != nil || !strings.Contains(string(entry), "DTEND;VALUE=DATE:20270328\r\n") {
		t.Errorf("one day: %v\n%s", err, entry)
	}
}

func TestEntryRefusesWhatProgramsWouldMisread(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*calendar.Entry){
		"no uid":                  func(c *calendar.Entry) { c.UID = "" },
		"a uid with a line break": func(c *calendar.Entry) { c.UID = "a\r\nb" },
		"no stamp":                func(c *calendar.Entry) { c.Stamp = time.Time{} },
		"no summary":              func(c *calendar.Entry) { c.Summary = "" },
		"no start":                func(c *calendar.Entry) { c.Starts = time.Time{} },
		"an end before the start": func(c *calendar.Entry) { c.Ends = c.Starts.Add(-time.Hour) },
		"an end at the start":     func(c *calendar.Entry) { c.Ends = c.Starts },
		"no organizer":            func(c *calendar.Entry) { c.Organizer = "" },
		"two attendees":           func(c *calendar.Entry) { c.Attendee = "a@example.org\r\nATTENDEE:mailto:b@example.org" },
	} {
		c := testEntry()
		spoil(c)
		if entry, err := c.ForMail(calendar.Request); err == nil {
			t.Errorf("%s: %s", name, entry)
		}
	}
	for _, method := range []calendar.Method{"", "REQUEST\r\nX:y"} {
		if entry, err := testEntry().ForMail(method); err == nil {
			t.Errorf("the method %q: %s", method, entry)
		}
	}
	c := testEntry()
	c.Summary, c.OrganizerName = "A\r\nATTENDEE:mailto:b@example.org\x00\x07", "B\r\nX:y"
	entry, err := c.ForMail(calendar.Request)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Join(unfold(t, entry), "\n"); strings.Contains(lines, "\nATTENDEE:") || strings.Contains(lines, "\nX:") || strings.ContainsAny(lines, "\x00\x07") {
		t.Errorf("injected:\n%s", lines)
	}
}
