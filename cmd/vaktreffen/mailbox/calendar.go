package mailbox

import (
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
)

// event is one event of a calendar part, as facts to read.
type event []fact

type fact struct{ Name, Value string }

// shown are the properties of an event that a reader cares for, in reading order.
var shown = []struct {
	property ics.ComponentProperty
	name     string
}{
	{ics.ComponentPropertySummary, "What"},
	{ics.ComponentPropertyDtStart, "Begins"},
	{ics.ComponentPropertyDtEnd, "Ends"},
	{ics.ComponentPropertyLocation, "Where"},
	{ics.ComponentPropertyStatus, "Status"},
	{ics.ComponentPropertyOrganizer, "Organiser"},
	{ics.ComponentPropertyAttendee, "Attendee"},
	{ics.ComponentPropertyUrl, "Link"},
	{ics.ComponentPropertyDescription, "Description"},
	{ics.ComponentPropertySequence, "Revision"},
	{ics.ComponentPropertyUniqueId, "Identifier"},
}

// readCalendar reads the events of a text/calendar part (RFC 5545).
func readCalendar(part string) ([]event, error) {
	calendar, err := ics.ParseCalendar(strings.NewReader(part))
	if err != nil {
		return nil, err
	}
	var events []event
	for _, entry := range calendar.Events() {
		var facts event
		for _, show := range shown {
			for _, property := range entry.GetProperties(show.property) {
				facts = append(facts, fact{show.name, readable(show.property, property)})
			}
		}
		for _, property := range calendar.CalendarProperties {
			if property.IANAToken == string(ics.PropertyMethod) {
				facts = append(facts, fact{"Method", property.Value})
			}
		}
		events = append(events, facts)
	}
	return events, nil
}

// readable is a property's value as a person would write it.
func readable(kind ics.ComponentProperty, property *ics.IANAProperty) string {
	switch kind {
	case ics.ComponentPropertyDtStart, ics.ComponentPropertyDtEnd:
		return readableTime(kind, property)
	case ics.ComponentPropertyOrganizer, ics.ComponentPropertyAttendee:
		address := strings.TrimPrefix(strings.ToLower(property.Value), "mailto:")
		if name := property.ICalParameters["CN"]; len(name) > 0 {
			return name[0] + " <" + address + ">"
		}
		return address
	}
	return property.Value
}

// readableTime writes out the three forms of RFC 5545 section 3.3.4 and 3.3.5; anything else it leaves as it is.
func readableTime(kind ics.ComponentProperty, property *ics.IANAProperty) string {
	const day = "Monday 2 January 2006"
	if at, err := time.Parse("20060102", property.Value); err == nil {
		if kind == ics.ComponentPropertyDtEnd {
			at = at.AddDate(0, 0, -1) // the end of a whole day is written as the day after
		}
		return at.Format(day)
	}
	if at, err := time.Parse("20060102T150405Z", property.Value); err == nil {
		return at.Format(day + ", 15:04 UTC")
	}
	if at, err := time.Parse("20060102T150405", property.Value); err == nil {
		if zone := property.ICalParameters["TZID"]; len(zone) > 0 {
			return at.Format(day+", 15:04") + " (" + zone[0] + ")"
		}
		return at.Format(day + ", 15:04")
	}
	return property.Value
}
