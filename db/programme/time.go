package programme

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // the same zones on every machine that lacks its own
)

// Precision says how exactly a date is known.
type Precision string

// The precisions of a [PartialDate].
const (
	Year  Precision = "YEAR"
	Month Precision = "MONTH"
	Day   Precision = "DAY"
)

// ErrGap is the error of [Instant] for a local time that the clocks of the zone skipped.
var ErrGap = errors.New("local time is skipped by the clocks")

const (
	dateLayout  = "2006-01-02"
	localLayout = "2006-01-02T15:04"
)

// Date reads a calendar day such as "2016-11-17". The result is midnight UTC of that day.
func Date(s string) (time.Time, error) {
	return parseExact(dateLayout, s)
}

// PartialDate reads a date that is known to the year ("2009"), the month ("2009-05") or the day ("2009-05-14").
// The result is midnight UTC of the first day it can mean.
func PartialDate(s string) (time.Time, Precision, error) {
	switch len(s) {
	case len("2006"):
		t, err := parseExact("2006", s)
		return t, Year, err
	case len("2006-01"):
		t, err := parseExact("2006-01", s)
		return t, Month, err
	}
	t, err := Date(s)
	return t, Day, err
}

// Zone loads an IANA time zone by its name. Unlike [time.LoadLocation] it refuses "" and "Local", which mean
// something else on each machine.
func Zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	return time.LoadLocation(name)
}

// Instant gives the instant, in UTC, of a local time such as "2016-11-17T13:00" in a zone. A time that the
// clocks skip has none: the error then wraps [ErrGap]. Of a time that comes twice, when the clocks go back, it
// is the earlier instant.
func Instant(local string, zone *time.Location) (time.Time, error) {
	wall, err := parseExact(localLayout, local)
	if err != nil {
		return time.Time{}, err
	}
	// Clocks change by hours and months apart, so the offsets in force a day before and a day after are the only
	// ones the local time can have. The earlier instant has the larger offset.
	_, before := wall.Add(-24 * time.Hour).In(zone).Zone()
	_, after := wall.Add(24 * time.Hour).In(zone).Zone()
	for _, offset := range []int{max(before, after), min(before, after)} {
		instant := wall.Add(-time.Duration(offset) * time.Second)
		if _, actual := instant.In(zone).Zone(); actual == offset {
			return instant, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s in %s: %w", local, zone, ErrGap)
}

// parseExact is time.Parse without its leniency: the text must be what the layout would print.
func parseExact(layout, s string) (time.Time, error) {
	t, err := time.Parse(layout, s)
	if err != nil {
		return time.Time{}, err
	}
	if t.Format(layout) != s {
		return time.Time{}, fmt.Errorf("%q is not written as %q", s, layout)
	}
	return t, nil
}
