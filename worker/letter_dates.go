package worker

import (
	"fmt"
	"strings"
	"time"
)

// tongue is how one language writes dates, times and names of languages.
type tongue struct {
	months   [12]string
	weekdays [7]string // from Sunday
	// Formats, and what they take.
	date      string // day, month, year
	weekday   string // weekday, date
	sameMonth string // first day, last day, month, year
	hour      string // hour, minute
	clock     string // an hour, or a range of two
	at        string // date, clock: within a sentence
	fromTo    string // moment, moment

	and, toCome string
	languages   map[string]string
	zones       map[string]string
}

func tongues() map[string]*tongue {
	return map[string]*tongue{
		"nl": {
			months: [12]string{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september",
				"oktober", "november", "december"},
			weekdays:  [7]string{"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"},
			date:      "%d %s %d",
			weekday:   "%s %s",
			sameMonth: "%d–%d %s %d",
			hour:      "%d.%02d",
			clock:     "%s uur",
			at:        "%s om %s",
			fromTo:    "van %s tot %s",
			and:       "en", toCome: "datum volgt",
			languages: map[string]string{"nl": "Nederlands", "de": "Duits", "en": "Engels", "fr": "Frans", "fy": "Fries",
				"da": "Deens", "sv": "Zweeds", "no": "Noors", "pl": "Pools", "es": "Spaans", "it": "Italiaans"},
			zones: map[string]string{"Europe/Amsterdam": "Nederlandse tijd", "Europe/Berlin": "Duitse tijd",
				"Europe/Brussels": "Belgische tijd", "Europe/London": "Britse tijd"},
		},
		"de": {
			months: [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
				"Oktober", "November", "Dezember"},
			weekdays:  [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
			date:      "%d. %s %d",
			weekday:   "%s, %s",
			sameMonth: "%d.–%d. %s %d",
			hour:      "%02d:%02d",
			clock:     "%s Uhr",
			at:        "%s, %s",
			fromTo:    "von %s bis %s",
			and:       "und", toCome: "Termin folgt",
			languages: map[string]string{"nl": "Niederländisch", "de": "Deutsch", "en": "Englisch", "fr": "Französisch",
				"fy": "Friesisch", "da": "Dänisch", "sv": "Schwedisch", "no": "Norwegisch", "pl": "Polnisch",
				"es": "Spanisch", "it": "Italienisch"},
			zones: map[string]string{"Europe/Amsterdam": "niederländische Zeit", "Europe/Berlin": "deutsche Zeit",
				"Europe/Brussels": "belgische Zeit", "Europe/London": "britische Zeit"},
		},
		"en": {
			months: [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September",
				"October", "November", "December"},
			weekdays:  [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
			date:      "%d %s %d",
			weekday:   "%s %s",
			sameMonth: "%d–%d %s %d",
			hour:      "%02d:%02d",
			clock:     "%s",
			at:        "%s at %s",
			fromTo:    "from %s to %s",
			and:       "and", toCome: "date to be announced",
			languages: map[string]string{"nl": "Dutch", "de": "German", "en": "English", "fr": "French", "fy": "Frisian",
				"da": "Danish", "sv": "Swedish", "no": "Norwegian", "pl": "Polish", "es": "Spanish", "it": "Italian"},
			zones: map[string]string{"Europe/Amsterdam": "Dutch time", "Europe/Berlin": "German time",
				"Europe/Brussels": "Belgian time", "Europe/London": "British time"},
		},
	}
}

// day writes "20 mei 2027".
func (t *tongue) day(at time.Time) string {
	return fmt.Sprintf(t.date, at.Day(), t.months[at.Month()-1], at.Year())
}

// weekDay writes "donderdag 20 mei 2027".
func (t *tongue) weekDay(at time.Time) string {
	return fmt.Sprintf(t.weekday, t.weekdays[at.Weekday()], t.day(at))
}

// days writes "20–21 mei 2027", or a single day with the given writer.
func (t *tongue) days(from, to time.Time, single func(time.Time) string) string {
	switch {
	case sameDay(from, to):
		return single(from)
	case from.Year() == to.Year() && from.Month() == to.Month():
		return fmt.Sprintf(t.sameMonth, from.Day(), to.Day(), t.months[to.Month()-1], to.Year())
	}
	first := t.day(from)
	if from.Year() == to.Year() {
		first = strings.TrimSpace(strings.TrimSuffix(first, fmt.Sprint(from.Year())))
	}
	return first + " – " + t.day(to)
}

// moment writes "donderdag 20 mei 2027, 9.30 uur".
func (t *tongue) moment(at time.Time) string {
	return t.weekDay(at) + ", " + t.time(at)
}

// time writes "9.30 uur".
func (t *tongue) time(at time.Time) string {
	return fmt.Sprintf(t.clock, fmt.Sprintf(t.hour, at.Hour(), at.Minute()))
}

// span writes "donderdag 20 mei 2027, 9.30–17.00 uur", and what runs over midnight as two moments.
func (t *tongue) span(from, to time.Time) string {
	switch {
	case to.Equal(from):
		return t.moment(from)
	case !sameDay(from, to):
		return fmt.Sprintf(t.fromTo, t.moment(from), t.moment(to))
	}
	hours := fmt.Sprintf(t.hour+"–"+t.hour, from.Hour(), from.Minute(), to.Hour(), to.Minute())
	return t.weekDay(from) + ", " + fmt.Sprintf(t.clock, hours)
}

// zone names the zone of at, by its identifier if the language has no word for it.
func (t *tongue) zone(at time.Time) string {
	name := at.Location().String()
	if word, ok := t.zones[name]; ok {
		name = word
	}
	return " (" + name + ")"
}

// when writes all that is known of a meeting's time, for a table.
func (t *tongue) when(m Meeting) string {
	from, to := bounds(m)
	switch {
	case from.IsZero() && m.Year == 0:
		return t.toCome
	case from.IsZero():
		return fmt.Sprintf("%d (%s)", m.Year, t.toCome)
	case m.WholeDays:
		return t.days(from, to, t.weekDay)
	case len(m.Days) == 0:
		return t.span(from, to) + t.zone(from)
	}
	each := make([]string, len(m.Days))
	for i, day := range m.Days {
		each[i] = t.span(day.Starts, day.Ends)
	}
	return strings.Join(each, "\n") + t.zone(from)
}

// dates writes the days of a meeting, for a sentence; "" if nothing is known.
func (t *tongue) dates(m Meeting) string {
	from, to := bounds(m)
	switch {
	case from.IsZero() && m.Year == 0:
		return ""
	case from.IsZero():
		return fmt.Sprint(m.Year)
	}
	return t.days(from, to, t.day)
}

// deadline writes the last moment for an answer, for a sentence; "" if there is none.
func (t *tongue) deadline(at time.Time) string {
	day, whole := lastDay(at)
	switch {
	case at.IsZero():
		return ""
	case whole:
		return t.day(day)
	}
	return fmt.Sprintf(t.at, t.day(at), t.time(at)) + t.zone(at)
}

// deadlineFact is deadline for a table.
func (t *tongue) deadlineFact(at time.Time) string {
	day, whole := lastDay(at)
	switch {
	case at.IsZero():
		return ""
	case whole:
		return t.weekDay(day)
	}
	return t.moment(at) + t.zone(at)
}

func (t *tongue) languageNames(tags []string) []string {
	names := make([]string, len(tags))
	for i, tag := range tags {
		name, ok := t.languages[tag]
		if !ok {
			name = tag
		}
		names[i] = name
	}
	return names
}

// list writes "Duits, Engels en Fries".
func (t *tongue) list(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " " + t.and + " " + items[last]
}

// bounds are the first and the last moment of a meeting; an unknown end counts as the start.
func bounds(m Meeting) (from, to time.Time) {
	if m.Ends.Before(m.Starts) {
		return m.Starts, m.Starts
	}
	return m.Starts, m.Ends
}

// lastDay is the last day that lies wholly before at, when at is the end of a day: people write that as a date.
func lastDay(at time.Time) (day time.Time, whole bool) {
	switch {
	case at.Hour() == 23 && at.Minute() == 59:
		return at, true
	case at.Hour() == 0 && at.Minute() == 0:
		return at.AddDate(0, 0, -1), true
	}
	return at, false
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}
