package pages

import (
	"cmp"
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
	Skip, PageLanguage, When, Where, Host, OfferedBy, Language, Price, Places, YourAnswer, YourRegistration, About, Message string

	CheckInCode string

	InvitationFor, RegistrationOf string // name

	// What was recorded, and what follows from it.
	Coming, ComingThen         string
	Waiting                    string // position
	LongestNext, FewestNext    string // who gets a place that comes free: whoever waits longest, the organisation with the fewest
	AtMost                     string // places that an organisation may hold
	OfferNext, PlaceNext       string // what somebody gets whose turn it is: an offer, the place
	Offered, OfferedUntil      string // nothing; deadline
	OfferOver, OfferOverThen   string
	LineClosed, LineClosedThen string
	CancelledPlace             string
	HeldPlace, HeldThen        string // until the intake is complete
	HeldWhere                  string // the intake is, for who looks at the invitation
	NotComing                  string
	NoPlace                    string // accepted, but without a place
	Unanswered                 string

	// The form.
	Question, Change                          string
	AnswerBy, ChangeUntil                     string // deadline
	Accept, AcceptWaiting, Decline            string
	AcceptQuestion, AcceptPlace, DeclinePlace string
	GiveUpQuestion, GiveUp, GiveUpThen        string
	LeaveQuestion, Leave                      string
	Personal                                  string

	// The list of participants.
	Listing, ListingQuestion, ListingSave      string
	ListNobody, ListParticipants, ListEveryone string

	// The intake of a course.
	Intake, IntakeAnswers, IntakeSave                               string
	IntakeBy, IntakeChangeUntil, IntakeLate                         string // deadline
	IntakeBeforeStart, IntakeWaiting, IntakeComplete, IntakeReaders string
	Optional, ChooseSome, Yes, No                                   string
	Invoice, InvoiceOrganisation, InvoiceReference, InvoiceVAT      string
	InvoiceAddress, InvoiceReaders                                  string
	IntakeWrong, AnswerMissing, ChoiceMissing                       string
	AnswerTooLong                                                   string // number of characters
	AnswerWrong, NumberWrong, VATWrong                              string

	// Why there is no form, and whom to turn to.
	Cancelled, Withdrawn, TooLate, TooLateToChange string
	WasUntil                                       string // deadline
	Contact, ContactMail                           string // by the mail with the invitation; by the mail with the link

	// Invitations by mail at all.
	InvitationMails, YourChoice                 string
	InvitationsFor                              string // name
	GetsInvitations, NoInvitationsQuestion      string
	NoInvitations, StillComes                   string
	GetsNoInvitations, InvitationsAgainQuestion string
	InvitationsAgain                            string

	Unclear                    string // the form came without an answer
	UnknownTitle, UnknownHelp  string
	ExampleTitle, ExampleHelp  string
	YourOrganisation, NotKnown string // where a message of an organiser names what is not known
	FailureTitle, FailureHelp  string
	BusyTitle, BusyHelp        string
	Full, OnePlace, PlacesLeft string // nothing; nothing; number
	And, ToBeAnnounced         string
	Months                     [12]string
	Weekdays                   [7]string // from Sunday
	Date                       string    // weekday, day, month, year
	Dates                      string    // first date, last date
	WholeDay                   string    // date: until when, that day included
	Moment                     string    // date, hour, minute, zone
	Hours                      string    // date, first hour and minute, last hour and minute, zone
	DecimalSeparator           string
	Zones                      map[string]string // what people call a zone, by its identifier
}

// languages lists the languages of pages in the order of their links.
func languages() []db.Locale { return []db.Locale{db.Dutch, db.German, db.English} }

// date writes "donderdag 20 mei 2027".
func (t *tongue) date(at time.Time) string {
	return fmt.Sprintf(t.Date, t.Weekdays[at.Weekday()], at.Day(), t.Months[at.Month()-1], at.Year())
}

// when writes the days of a meeting or the hours of a session, as far as known.
func (t *tongue) when(m meeting) string {
	switch {
	case !m.starts.IsZero():
		return fmt.Sprintf(t.Hours, t.date(m.starts), m.starts.Hour(), m.starts.Minute(), m.ends.Hour(), m.ends.Minute(), t.zone(m.zone))
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
	return t.moment(at)
}

// moment writes a moment in its own zone.
func (t *tongue) moment(at time.Time) string {
	return fmt.Sprintf(t.Moment, t.date(at), at.Hour(), at.Minute(), t.zone(at.Location()))
}

// zone names a zone, by its identifier if the language has no word for it.
func (t *tongue) zone(zone *time.Location) string {
	return cmp.Or(t.Zones[zone.String()], zone.String())
}

// next writes what somebody who waits can expect.
func (t *tongue) next(seats *db.Seats) string {
	said := []string{t.LongestNext}
	if seats.Line == db.Balanced {
		said[0] = t.FewestNext
	}
	if seats.MaxPerOrganisation != nil {
		said = append(said, fmt.Sprintf(t.AtMost, *seats.MaxPerOrganisation))
	}
	if seats.Policy == db.PolicyOffer {
		return strings.Join(append(said, t.OfferNext), " ")
	}
	return strings.Join(append(said, t.PlaceNext), " ")
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
