package calendar

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxLine = 75 // bytes, without the line end (RFC 5545 section 3.1)
	maxName = 100

	utcTime   = "20060102T150405Z"
	localTime = "20060102T150405"
	dateOnly  = "20060102"
)

// writer writes content lines.
type writer struct{ text []byte }

func (w *writer) begin(component string) { w.line("BEGIN", component) }
func (w *writer) end(component string)   { w.line("END", component) }

// line writes a content line, folded between characters.
func (w *writer) line(name, value string) {
	rest, room := name+":"+value, maxLine
	for len(rest) > room {
		cut := room
		for !utf8.RuneStart(rest[cut]) {
			cut--
		}
		w.text = append(append(w.text, rest[:cut]...), "\r\n "...)
		rest, room = rest[cut:], maxLine-1
	}
	w.text = append(append(w.text, rest...), "\r\n"...)
}

// words writes a property of text, if there is any.
func (w *writer) words(name, value string) {
	if value != "" {
		w.line(name, escaper.Replace(plainText(value)))
	}
}

// escaper escapes text (RFC 5545 section 3.3.11).
var escaper = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`)

func (w *writer) head() {
	w.line("VERSION", "2.0")
	w.line("PRODID", "-//Vaktreffen//Vaktreffen//EN")
	w.line("CALSCALE", "GREGORIAN")
}

// event writes the properties of an entry, with its times as clocks in the zone show them.
func (w *writer) event(c *Entry, zone *time.Location) {
	w.line("UID", c.UID)
	w.line("SEQUENCE", strconv.Itoa(c.Sequence))
	w.line("DTSTAMP", c.Stamp.UTC().Format(utcTime))
	switch {
	case c.WholeDays:
		w.line("DTSTART;VALUE=DATE", c.Starts.Format(dateOnly))
		w.line("DTEND;VALUE=DATE", c.Ends.AddDate(0, 0, 1).Format(dateOnly)) // RFC 5545 section 3.6.1: the end is the day after
	case zone == time.UTC:
		w.line("DTSTART", c.Starts.UTC().Format(utcTime))
		w.line("DTEND", c.Ends.UTC().Format(utcTime))
	default:
		w.line("DTSTART;TZID="+zone.String(), c.Starts.In(zone).Format(localTime))
		w.line("DTEND;TZID="+zone.String(), c.Ends.In(zone).Format(localTime))
	}
	w.words("SUMMARY", c.Summary)
	w.words("DESCRIPTION", c.Description)
	w.words("LOCATION", c.Location)
	status := c.Status
	if status == "" {
		status = Confirmed
	}
	w.line("STATUS", string(status))
	if c.Free {
		w.line("TRANSP", "TRANSPARENT")
	} else {
		w.line("TRANSP", "OPAQUE")
	}
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

// commonName is the CN parameter for a name, if there is one. Whatever would need quotes there becomes a space, since programs
// differ in how they read those.
func commonName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`"\,;:^`, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	name = strings.Join(strings.Fields(name), " ")
	if runes := []rune(name); len(runes) > maxName {
		name = strings.TrimSpace(string(runes[:maxName-1])) + "…"
	}
	if name == "" {
		return ""
	}
	return ";CN=" + name
}
