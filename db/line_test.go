package db

import (
	"testing"
	"time"
)

func TestNextInLine(t *testing.T) {
	t.Parallel()
	a, b, none := ID{1}, ID{2}, ID{}
	limit := func(n int) *int { return &n }
	line := func(organisations ...ID) []waiter {
		waiting := make([]waiter, len(organisations))
		for i, o := range organisations {
			waiting[i] = waiter{ID: ID{15: byte(i)}, OrganisationID: o, Ticket: i + 1}
		}
		return waiting
	}
	for name, c := range map[string]struct {
		line  []waiter
		held  map[ID]int
		limit *int
		order LineOrder
		want  int
	}{
		"nobody waits":                                   {nil, nil, nil, FirstCome, -1},
		"nobody waits in a balanced line":                {nil, nil, nil, Balanced, -1},
		"first come":                                     {line(a, b), map[ID]int{a: 9}, nil, FirstCome, 0},
		"the first whose organisation may":               {line(a, a, b, b), map[ID]int{a: 2, b: 1}, limit(2), FirstCome, 2},
		"one below the limit may":                        {line(a, b), map[ID]int{a: 1}, limit(2), FirstCome, 0},
		"all are at the limit":                           {line(a, b), map[ID]int{a: 2, b: 3}, limit(2), FirstCome, -1},
		"all are at the limit of a balanced line":        {line(a, b), map[ID]int{a: 2, b: 3}, limit(2), Balanced, -1},
		"no limit without an organisation":               {line(a, none), map[ID]int{a: 1, none: 7}, limit(1), FirstCome, 1},
		"the fewest places":                              {line(a, b), map[ID]int{a: 2, b: 1}, nil, Balanced, 1},
		"none is fewer than one":                         {line(a, b), map[ID]int{a: 1}, nil, Balanced, 1},
		"as many: the ticket decides":                    {line(b, a), map[ID]int{a: 1, b: 1}, nil, Balanced, 0},
		"a limit in a balanced line":                     {line(a, b, b), map[ID]int{a: 3, b: 2}, limit(2), Balanced, -1},
		"the fewest places below the limit":              {line(a, b), map[ID]int{a: 1, b: 0}, limit(1), Balanced, 1},
		"each without an organisation counts for nobody": {line(a, none), map[ID]int{a: 1, none: 5}, nil, Balanced, 1},
		"without an organisation no better than none":    {line(a, none), map[ID]int{none: 5}, nil, Balanced, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := nextInLine(c.line, c.held, c.limit, c.order); got != c.want {
				t.Errorf("next is %d, want %d", got, c.want)
			}
		})
	}
}

func TestOfferUntil(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		zone, now string // RFC 3339, in the zone
		hours     int
		closes    string
		want      string
	}{
		"two days later":                         {"Europe/Amsterdam", "2027-01-11T09:00:00+01:00", 48, "2027-05-20T00:00:00+02:00", "2027-01-13T09:00:00+01:00"},
		"Wednesday gives Friday":                 {"Europe/Amsterdam", "2027-01-13T23:59:00+01:00", 48, "2027-05-20T00:00:00+02:00", "2027-01-15T23:59:00+01:00"},
		"Thursday gives Monday":                  {"Europe/Amsterdam", "2027-01-14T00:00:00+01:00", 48, "2027-05-20T00:00:00+02:00", "2027-01-18T00:00:00+01:00"},
		"Friday gives Monday":                    {"Europe/Amsterdam", "2027-01-15T17:30:00+01:00", 48, "2027-05-20T00:00:00+02:00", "2027-01-18T17:30:00+01:00"},
		"Saturday gives Monday":                  {"Europe/Amsterdam", "2027-01-16T10:00:00+01:00", 48, "2027-05-20T00:00:00+02:00", "2027-01-18T10:00:00+01:00"},
		"an hour on Sunday gives Monday":         {"Europe/Amsterdam", "2027-01-17T10:00:00+01:00", 1, "2027-05-20T00:00:00+02:00", "2027-01-18T11:00:00+01:00"},
		"the weekend is that of the meeting":     {"Europe/Amsterdam", "2027-01-14T23:30:00Z", 48, "2027-05-20T00:00:00+02:00", "2027-01-18T00:30:00+01:00"},
		"and not that of UTC":                    {"America/New_York", "2027-01-13T21:00:00-05:00", 48, "2027-05-20T00:00:00+02:00", "2027-01-15T21:00:00-05:00"},
		"never later than registration":          {"Europe/Amsterdam", "2027-01-11T09:00:00+01:00", 48, "2027-01-12T12:00:00+01:00", "2027-01-12T12:00:00+01:00"},
		"not moved past the closing":             {"Europe/Amsterdam", "2027-01-15T09:00:00+01:00", 48, "2027-01-17T12:00:00+01:00", "2027-01-17T12:00:00+01:00"},
		"clocks go forward":                      {"Europe/Amsterdam", "2027-03-26T10:00:00+01:00", 48, "2027-05-20T00:00:00+02:00", "2027-03-29T11:00:00+02:00"},
		"forward between Saturday and then":      {"Europe/Amsterdam", "2027-03-25T10:00:00+01:00", 48, "2027-05-20T00:00:00+02:00", "2027-03-29T10:00:00+02:00"},
		"an hour that does not exist on the way": {"Europe/Amsterdam", "2027-03-25T02:30:00+01:00", 48, "2027-05-20T00:00:00+02:00", "2027-03-29T02:30:00+02:00"},
		"clocks go back":                         {"Europe/Amsterdam", "2027-10-29T10:00:00+02:00", 48, "2027-12-20T00:00:00+01:00", "2027-11-01T09:00:00+01:00"},
		"back between Saturday and then":         {"Europe/Amsterdam", "2027-10-28T10:00:00+02:00", 48, "2027-12-20T00:00:00+01:00", "2027-11-01T10:00:00+01:00"},
		"a month":                                {"Europe/Amsterdam", "2027-01-11T09:00:00+01:00", 720, "2027-05-20T00:00:00+02:00", "2027-02-10T09:00:00+01:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			got := offerUntil(instant(t, c.now).UTC(), c.hours, instant(t, c.closes), zone)
			if !got.Equal(instant(t, c.want)) || got.Location() != time.UTC {
				t.Errorf("until %s, want %s", got.In(zone), c.want)
			}
		})
	}
}

func TestRegistrationClosesAtTheDeadlineOrWhenTheMeetingStarts(t *testing.T) {
	t.Parallel()
	at := func(text string) *time.Time { i := instant(t, text); return &i }
	for name, c := range map[string]struct {
		occasion occasion
		closesAt *time.Time
		want     string
	}{
		"its first day":                 {occasion{StartsOn: "2027-05-20", Year: 2027}, nil, "2027-05-19T22:00:00Z"},
		"its deadline":                  {occasion{StartsOn: "2027-05-20", Year: 2027}, at("2027-05-01T12:00:00Z"), "2027-05-01T12:00:00Z"},
		"a deadline after it began":     {occasion{StartsOn: "2027-05-20", Year: 2027}, at("2027-05-21T12:00:00Z"), "2027-05-19T22:00:00Z"},
		"nothing but the year":          {occasion{Year: 2027}, nil, "2027-12-31T23:00:00Z"},
		"a deadline in the year":        {occasion{Year: 2027}, at("2027-05-01T12:00:00Z"), "2027-05-01T12:00:00Z"},
		"a session on the second day":   {occasion{StartsOn: "2027-05-20", StartsAt: at("2027-05-21T08:00:00Z")}, nil, "2027-05-21T08:00:00Z"},
		"a session without a time":      {occasion{StartsOn: "2027-05-20"}, nil, "2027-05-19T22:00:00Z"},
		"the deadline of a session":     {occasion{StartsOn: "2027-05-20", StartsAt: at("2027-05-21T08:00:00Z")}, at("2027-05-20T08:00:00Z"), "2027-05-20T08:00:00Z"},
		"a deadline behind the session": {occasion{StartsOn: "2027-05-20", StartsAt: at("2027-05-21T08:00:00Z")}, at("2027-05-22T08:00:00Z"), "2027-05-21T08:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.occasion.TimeZone = "Europe/Amsterdam"
			if got := c.occasion.closes(&Seats{ClosesAt: c.closesAt}); !got.Equal(instant(t, c.want)) {
				t.Errorf("closes %s, want %s", got, c.want)
			}
		})
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
