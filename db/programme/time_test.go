package programme_test

import (
	"errors"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

func TestInstant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ local, zone, want string }{
		{"2016-11-17T13:00", "Europe/Amsterdam", "2016-11-17T12:00:00Z"},
		{"2027-05-20T10:30", "Europe/Amsterdam", "2027-05-20T08:30:00Z"},
		{"2027-03-28T01:59", "Europe/Berlin", "2027-03-28T00:59:00Z"},
		{"2027-03-28T03:00", "Europe/Berlin", "2027-03-28T01:00:00Z"},
		{"2027-10-31T02:30", "Europe/Berlin", "2027-10-31T00:30:00Z"},       // comes twice
		{"2027-10-31T03:00", "Europe/Berlin", "2027-10-31T02:00:00Z"},       // the first after
		{"2027-11-07T01:30", "America/New_York", "2027-11-07T05:30:00Z"},    // comes twice, west of Greenwich
		{"2027-04-04T01:45", "Australia/Lord_Howe", "2027-04-03T14:45:00Z"}, // comes twice, by half an hour
		{"2011-12-31T00:00", "Pacific/Apia", "2011-12-30T10:00:00Z"},        // the day after a skipped day
		{"2027-01-01T00:00", "UTC", "2027-01-01T00:00:00Z"},
	} {
		zone, err := programme.Zone(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, err := programme.Instant(c.local, zone)
		if err != nil || got.Format(time.RFC3339) != c.want {
			t.Errorf("%s in %s is %s, err %v; want %s", c.local, c.zone, got.Format(time.RFC3339), err, c.want)
		}
	}
}

func TestInstantRefusesSkippedTimes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ local, zone string }{
		{"2027-03-28T02:00", "Europe/Amsterdam"},
		{"2027-03-28T02:59", "Europe/Amsterdam"},
		{"2027-03-14T02:30", "America/New_York"},
		{"2027-10-03T02:15", "Australia/Lord_Howe"},
		{"2011-12-30T12:00", "Pacific/Apia"},
	} {
		zone, err := programme.Zone(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := programme.Instant(c.local, zone); !errors.Is(err, programme.ErrGap) {
			t.Errorf("%s in %s is %s, err %v; want ErrGap", c.local, c.zone, got, err)
		}
	}
}

func TestInstantRefusesOtherForms(t *testing.T) {
	t.Parallel()
	for _, local := range []string{"", "2027-05-20", "2027-05-20 10:30", "2027-05-20T9:30", "2027-05-20T10:30:00", "2027-05-20T10:30Z", "2027-02-29T10:30", "2027-05-20T24:00"} {
		if got, err := programme.Instant(local, time.UTC); err == nil || errors.Is(err, programme.ErrGap) {
			t.Errorf("%q is %s, err %v", local, got, err)
		}
	}
}

func TestPartialDate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s, day    string
		precision programme.Precision
	}{
		{"2009", "2009-01-01", programme.Year},
		{"2009-05", "2009-05-01", programme.Month},
		{"2009-05-14", "2009-05-14", programme.Day},
	} {
		day, precision, err := programme.PartialDate(c.s)
		if err != nil || day.Format(time.DateOnly) != c.day || precision != c.precision {
			t.Errorf("%s is %s by %s, err %v", c.s, day, precision, err)
		}
	}
	for _, s := range []string{"", "09", "2009-13", "2009-5", "2009-02-30", "2009-05-14T10:00"} {
		if day, _, err := programme.PartialDate(s); err == nil {
			t.Errorf("%q is %s", s, day)
		}
	}
}

func TestZoneIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Local", "Europe/Atlantis", "../etc/passwd"} {
		if zone, err := programme.Zone(name); err == nil {
			t.Errorf("%q is %s", name, zone)
		}
	}
}
