package worker

import (
	"errors"
	"strings"
	"time"
	"unicode"

	ics "github.com/arran4/golang-ical"
)

// CalendarMethod says what a calendar entry asks of the program that reads it (RFC 5546).
type CalendarMethod string

const (
	CalendarRequest CalendarMethod = "REQUEST" // put it in, or change what is there
	CalendarCancel  CalendarMethod = "CANCEL"  // strike it out
	CalendarPublish CalendarMethod = "PUBLISH" // for information, without attendee
)

// Calendar is a meeting as an entry for one person's calendar (RFC 5545), ready for mail (RFC 6047).
type Calendar struct {
	Method CalendarMethod
	// UID stays the same for all time, whatever about the meeting changes; Sequence rises with every change and with
	// the cancellation. Together they make a change replace the entry instead of adding a second one.
	UID      string
	Sequence int
	Stamp    time.Time // when this version was made

	Summary, Description, Location string
	URL                            string // of the public page, or empty
	// Starts and Ends are instants, Ends after Starts. With WholeDays only their dates in their own zones count, and
	// Ends is on the last day.
	Starts, Ends time.Time
	WholeDays    bool

	Organizer, OrganizerName string // mail address and name
	Attendee, AttendeeName   string // the person who accepted; not for CalendarPublish
}

// Bytes writes the entry with CRLF line ends, folded and escaped.
func (c *Calendar) Bytes() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	calendar := ics.NewCalendar()
	calendar.SetProductId("-//Vaktreffen//Vaktreffen//EN")
	calendar.SetCalscale("GREGORIAN")
	calendar.SetMethod(ics.Method(c.Method))

	event := calendar.AddEvent(c.UID)
	event.SetSequence(c.Sequence)
	event.SetDtStampTime(c.Stamp)
	if c.WholeDays {
		event.SetAllDayStartAt(c.Starts)
		event.SetAllDayEndAt(c.Ends.AddDate(0, 0, 1)) // RFC 5545 section 3.6.1: the end is the day after
		event.SetTimeTransparency(ics.TransparencyOpaque)
	} else {
		event.SetStartAt(c.Starts)
		event.SetEndAt(c.Ends)
	}
	event.SetSummary(plainText(c.Summary))
	if c.Description != "" {
		event.SetDescription(plainText(c.Description))
	}
	if c.Location != "" {
		event.SetLocation(plainText(c.Location))
	}
	if c.URL != "" {
		event.SetURL(c.URL)
	}
	event.SetStatus(ics.ObjectStatusConfirmed)
	if c.Method == CalendarCancel {
		event.SetStatus(ics.ObjectStatusCancelled)
	}
	event.SetOrganizer(c.Organizer, commonName(c.OrganizerName)...)
	if c.Method != CalendarPublish { // RFC 5546 section 3.2.1: PUBLISH has no attendees
		event.AddAttendee(c.Attendee, append(commonName(c.AttendeeName), ics.CalendarUserTypeIndividual,
			ics.ParticipationRoleReqParticipant, ics.ParticipationStatusAccepted)...)
	}
	return []byte(calendar.Serialize(ics.WithNewLine("\r\n"))), nil
}

func (c *Calendar) check() error {
	switch {
	case c.Method != CalendarRequest && c.Method != CalendarCancel && c.Method != CalendarPublish:
		return errors.New("calendar entry: unknown method")
	case c.UID == "" || strings.ContainsFunc(c.UID, notPlain) || c.Stamp.IsZero() || c.Summary == "":
		return errors.New("calendar entry: uid, stamp and summary are needed")
	case c.Starts.IsZero() || c.Ends.IsZero() || c.Ends.Before(c.Starts) || !c.WholeDays && c.Ends.Equal(c.Starts):
		return errors.New("calendar entry: it must start before it ends")
	case strings.ContainsFunc(c.URL, notPlain):
		return errors.New("calendar entry: the url is not a web address")
	}
	if _, err := parseAddress(c.Organizer, ""); err != nil {
		return errors.New("calendar entry: the organizer has no mail address")
	}
	if _, err := parseAddress(c.Attendee, ""); err != nil && c.Method != CalendarPublish {
		return errors.New("calendar entry: the attendee has no mail address")
	}
	return nil
}

// plainText keeps line breaks and drops every other control character, which RFC 5545 section 3.3.11 forbids.
func plainText(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// commonName is the CN parameter for a name, if there is one. It keeps out what golang-ical would escape with
// backslashes, which RFC 5545 section 3.2 does not know in parameters.
func commonName(name string) []ics.PropertyParameter {
	name = strings.NewReplacer(`'`, "’", `"`, "", `\`, " ", ",", " ", ";", " ", ":", " ").Replace(name)
	if name = oneLine(name, maxName); name == "" {
		return nil
	}
	return []ics.PropertyParameter{ics.WithCN(name)}
}
