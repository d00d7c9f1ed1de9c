package pages

import (
	"fmt"
	"math"
	"strings"
	"time"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/vaktreffen/vaktreffen/db"
)

// tongue is all that pages say in one language, and how it writes dates and numbers. No word may be missing.
type tongue struct {
	Tag  db.Locale
	Name string // of the language, in itself

	// Labels.
	Skip, PageLanguage, When, Where, Host, OfferedBy, Language, Price, Places, YourAnswer, About, Message string

	InvitationFor string // name

	// What was recorded, and what follows from it.
	Coming, ComingThen   string
	Waiting, WaitingThen string // position; nothing
	NotComing            string
	NoPlace              string // accepted, but without a place
	Unanswered           string

	// The form.
	Question, Change               string
	AnswerBy, ChangeUntil          string // deadline
	Accept, AcceptWaiting, Decline string
	Personal                       string

	// Why there is no form, and whom to turn to.
	Cancelled, Withdrawn, TooLate string
	WasUntil                      string // deadline
	Contact                       string

	Unclear                    string // the form came without an answer
	UnknownTitle, UnknownHelp  string
	FailureTitle, FailureHelp  string
	Full, OnePlace, PlacesLeft string // nothing; nothing; number
	And, ToBeAnnounced         string
	Months                     [12]string
	Weekdays                   [7]string // from Sunday
	Date                       string    // weekday, day, month, year
	Dates                      string    // first date, last date
	WholeDay                   string    // date: until when, that day included
	Moment                     string    // date, hour, minute, zone
	DecimalSeparator           string
	Zones                      map[string]string // what people call a zone, by its identifier
}

// languages lists the languages of pages in the order of their links.
func languages() []db.Locale { return []db.Locale{db.Dutch, db.German, db.English} }

// date writes "donderdag 20 mei 2027".
func (t *tongue) date(at time.Time) string {
	return fmt.Sprintf(t.Date, t.Weekdays[at.Weekday()], at.Day(), t.Months[at.Month()-1], at.Year())
}

// dates writes the days of a meeting, as far as known.
func (t *tongue) dates(m meeting) string {
	switch {
	case m.from == "":
		return fmt.Sprintf("%d (%s)", m.year, t.ToBeAnnounced)
	case m.from == m.to:
		return t.date(m.from.Time())
	}
	return fmt.Sprintf(t.Dates, t.date(m.from.Time()), t.date(m.to.Time()))
}

// deadline writes a last moment in its own zone. The end of a day is written as that day, as people do.
func (t *tongue) deadline(at time.Time) string {
	switch {
	case at.Hour() == 0 && at.Minute() == 0:
		return fmt.Sprintf(t.WholeDay, t.date(at.AddDate(0, 0, -1)))
	case at.Hour() == 23 && at.Minute() == 59:
		return fmt.Sprintf(t.WholeDay, t.date(at))
	}
	zone := at.Location().String()
	if word, ok := t.Zones[zone]; ok {
		zone = word
	}
	return fmt.Sprintf(t.Moment, t.date(at), at.Hour(), at.Minute(), zone)
}

// languageNames writes "Duits, Engels en Fries" for tags of languages.
func (t *tongue) languageNames(tags []string) string {
	names := make([]string, len(tags))
	for i, tag := range tags {
		names[i] = tag
		if parsed, err := language.Parse(tag); err == nil {
			names[i] = display.Tags(language.Make(string(t.Tag))).Name(parsed)
		}
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + t.And + " " + names[last]
}

// places writes how many are left; "" when there is no limit.
func (t *tongue) places(seats *db.Seats) string {
	left := seats.Left()
	switch {
	case left == nil:
		return ""
	case *left == 0:
		return t.Full
	case *left == 1:
		return t.OnePlace
	}
	return fmt.Sprintf(t.PlacesLeft, *left)
}

// money writes "EUR 535,00", with as many decimals as the currency has.
func (t *tongue) money(m *db.Money) string {
	decimals := 2
	if unit, err := currency.ParseISO(m.Currency); err == nil {
		decimals, _ = currency.Standard.Rounding(unit)
	}
	amount := fmt.Sprintf("%.*f", decimals, float64(m.AmountMinor)/math.Pow10(decimals))
	return m.Currency + " " + strings.Replace(amount, ".", t.DecimalSeparator, 1)
}
