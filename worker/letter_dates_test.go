package worker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/worker"
)

func TestDatesAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	l := letters(t)
	zone := amsterdam(t)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	at := func(zone *time.Location, month time.Month, day, hour, minute int) time.Time {
		return time.Date(2027, month, day, hour, minute, 0, 0, zone)
	}
	tests := map[string]struct {
		meeting    worker.Meeting
		nl, de, en string
	}{
		"nothing known": {worker.Meeting{}, "datum volgt", "Termin folgt", "date to be announced"},
		"only a year":   {worker.Meeting{Year: 2027}, "2027 (datum volgt)", "2027 (Termin folgt)", "2027 (date to be announced)"},
		"one whole day": {worker.Meeting{Starts: at(zone, 5, 20, 0, 0), WholeDays: true},
			"donderdag 20 mei 2027", "Donnerstag, 20. Mai 2027", "Thursday 20 May 2027"},
		"two days of a month": {worker.Meeting{Starts: at(zone, 5, 20, 0, 0), Ends: at(zone, 5, 21, 0, 0), WholeDays: true},
			"20–21 mei 2027", "20.–21. Mai 2027", "20–21 May 2027"},
		"across months": {worker.Meeting{Starts: at(zone, 5, 31, 0, 0), Ends: at(zone, 6, 2, 0, 0), WholeDays: true},
			"31 mei – 2 juni 2027", "31. Mai – 2. Juni 2027", "31 May – 2 June 2027"},
		"across years": {worker.Meeting{Starts: at(zone, 12, 30, 0, 0), Ends: at(zone, 12, 33, 0, 0), WholeDays: true},
			"30 december 2027 – 2 januari 2028", "30. Dezember 2027 – 2. Januar 2028", "30 December 2027 – 2 January 2028"},
		"a start only": {worker.Meeting{Starts: at(berlin, 5, 20, 9, 5)},
			"donderdag 20 mei 2027, 9.05 uur (Duitse tijd)", "Donnerstag, 20. Mai 2027, 09:05 Uhr (deutsche Zeit)",
			"Thursday 20 May 2027, 09:05 (German time)"},
		"past midnight": {worker.Meeting{Starts: at(oslo, 5, 20, 21, 0), Ends: at(oslo, 5, 21, 1, 0)},
			"van donderdag 20 mei 2027, 21.00 uur tot vrijdag 21 mei 2027, 1.00 uur (Europe/Oslo)",
			"von Donnerstag, 20. Mai 2027, 21:00 Uhr bis Freitag, 21. Mai 2027, 01:00 Uhr (Europe/Oslo)",
			"from Thursday 20 May 2027, 21:00 to Friday 21 May 2027, 01:00 (Europe/Oslo)"},
		"day by day": {worker.Meeting{Starts: at(zone, 5, 20, 9, 30), Ends: at(zone, 5, 21, 13, 0), Days: []worker.Day{
			{at(zone, 5, 20, 9, 30), at(zone, 5, 20, 17, 0)}, {at(zone, 5, 21, 9, 0), at(zone, 5, 21, 13, 0)}}},
			"donderdag 20 mei 2027, 9.30–17.00 uur\nvrijdag 21 mei 2027, 9.00–13.00 uur (Nederlandse tijd)",
			"Donnerstag, 20. Mai 2027, 09:30–17:00 Uhr\nFreitag, 21. Mai 2027, 09:00–13:00 Uhr (niederländische Zeit)",
			"Thursday 20 May 2027, 09:30–17:00\nFriday 21 May 2027, 09:00–13:00 (Dutch time)"},
	}
	for name, test := range tests {
		for locale, want := range map[string]string{"nl": test.nl, "de": test.de, "en": test.en} {
			facts := worker.Facts{OrganiserName: "O", Meeting: test.meeting, AnswerURL: "https://example.org/"}
			facts.Meeting.Title = "T"
			letter, err := l.Write(worker.KindInvitation, locale, facts)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if got := letter.Facts[0].Value; got != want {
				t.Errorf("%s in %s: %q, want %q", name, locale, got, want)
			}
		}
	}
}

func TestDeadlineAtTheEndOfADayIsADate(t *testing.T) {
	t.Parallel()
	l := letters(t)
	zone := amsterdam(t)
	tests := map[time.Time][2]string{
		time.Date(2027, 4, 30, 23, 59, 59, 0, zone): {"uiterlijk 30 april 2027 laten", "vrijdag 30 april 2027"},
		time.Date(2027, 5, 1, 0, 0, 0, 0, zone):     {"uiterlijk 30 april 2027 laten", "vrijdag 30 april 2027"},
		time.Date(2027, 4, 30, 17, 0, 0, 0, zone): {"uiterlijk 30 april 2027 om 17.00 uur (Nederlandse tijd) laten",
			"vrijdag 30 april 2027, 17.00 uur (Nederlandse tijd)"},
	}
	for deadline, want := range tests {
		facts := everything(t)
		facts.RespondBy, facts.Tasks, facts.Help = deadline, nil, nil
		letter, err := l.Write(worker.KindInvitation, "nl", facts)
		if err != nil {
			t.Fatal(err)
		}
		if text := squeeze(letter.Text()); !strings.Contains(text, want[0]) || letter.Facts[4].Value != want[1] {
			t.Errorf("%v: want %q in %s\nand the fact %q, is %+v", deadline, want[0], text, want[1], letter.Facts[4])
		}
	}
}
