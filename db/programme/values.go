package programme

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// The longest texts, in characters.
const (
	maxKey  = 100
	maxLine = 300
	maxText = 20_000
)

// Years and numbers beyond these are slips of the pen.
const (
	minYear   = 1000
	maxYear   = 9999
	maxNumber = 1_000_000_000
	maxAmount = 1_000_000_000_000

	maxTermYears  = 999
	maxCourseDays = 999
)

var (
	keyPattern      = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	codePattern     = regexp.MustCompile(`^[A-Z0-9]{2,20}$`)
	countryPattern  = regexp.MustCompile(`^[A-Z]{2}$`)
	languagePattern = regexp.MustCompile(`^[a-z]{2}$`)
	currencyPattern = regexp.MustCompile(`^[A-Z]{3}$`)
)

// A checker walks over a file, reports what breaks a rule and collects what its records are called and what they
// refer to.
type checker struct {
	report     *report
	keys       map[Kind]map[string]*place
	references []reference
	zones      map[string]*time.Location // by name; nil: unknown
}

type reference struct {
	kind Kind
	key  string
	at   *place
}

func (c *checker) problem(at *place, message string, args ...any) {
	c.report.add(at, fmt.Sprintf(message, args...))
}

// present reports a required value that is missing.
func (c *checker) present(at *place, value string) bool {
	if value == "" {
		c.report.add(at, missing(at.step.field))
	}
	return value != ""
}

// key checks the key of a record against those of its kind that were seen before.
func (c *checker) key(at *place, key string, seen map[string]*place) {
	if !c.present(at, key) || !c.slug(at, key) {
		return
	}
	if first, used := seen[key]; used {
		c.problem(at, "Choose another key; %q is already that of %s.", key, first.parent)
		return
	}
	seen[key] = at
}

func (c *checker) slug(at *place, key string) bool {
	if len(key) > maxKey || !keyPattern.MatchString(key) {
		c.problem(at, `Write the key in lower-case letters a-z, digits and single hyphens, at most %d of them, as in "vaktreffen-2014".`, maxKey)
		return false
	}
	return true
}

// refers notes a reference, if there is one.
func (c *checker) refers(at *place, kind Kind, key string) {
	if key != "" && c.slug(at, key) {
		c.references = append(c.references, reference{kind, key, at})
	}
}

// refersAll notes a list of references, each to another record.
func (c *checker) refersAll(at *place, kind Kind, keys []string) {
	for i, key := range keys {
		switch here := at.item(i); {
		case key == "":
			c.problem(here, "Write the key of the %s, or leave the item out.", kind)
		case slices.Contains(keys[:i], key):
			c.problem(here, "Remove one of the items %q; it is listed twice.", key)
		default:
			c.refers(here, kind, key)
		}
	}
}

// title checks a required text of one line.
func (c *checker) title(at *place, s string) {
	if c.present(at, s) {
		c.line(at, s)
	}
}

// line checks a text of one line, if there is one.
func (c *checker) line(at *place, s string) {
	switch {
	case s == "":
	case !utf8.ValidString(s):
		c.problem(at, "Write the text in UTF-8.")
	case strings.TrimSpace(s) == "":
		c.problem(at, "Write a text; there is nothing but space here.")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		c.problem(at, "Write the text on one line, without line breaks and other control characters.")
	case utf8.RuneCountInString(s) > maxLine:
		c.problem(at, "Shorten the text to %d characters; it has %d.", maxLine, utf8.RuneCountInString(s))
	}
}

// lines checks a list of texts of one line.
func (c *checker) lines(at *place, list []string) {
	for i, s := range list {
		if s == "" {
			c.problem(at.item(i), "Write a text, or leave the item out.")
		}
		c.line(at.item(i), s)
	}
}

// text checks a text that may have several lines, if there is one.
func (c *checker) text(at *place, s string) {
	switch {
	case s == "":
	case !utf8.ValidString(s):
		c.problem(at, "Write the text in UTF-8.")
	case strings.TrimSpace(s) == "":
		c.problem(at, "Write a text, or leave the field out; there is nothing but space here.")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		c.problem(at, `Remove the control characters from the text; only line breaks (\n) and tabs (\t) may be in it.`)
	case utf8.RuneCountInString(s) > maxText:
		c.problem(at, "Shorten the text to %d characters; it has %d.", maxText, utf8.RuneCountInString(s))
	}
}

// choice checks a required value that is one of a few.
func (c *checker) choice(at *place, value string, choices ...string) {
	if c.present(at, value) && !slices.Contains(choices, value) {
		last := len(choices) - 1
		c.problem(at, "Write %s or %s; %q is none of them.", strings.Join(choices[:last], ", "), choices[last], value)
	}
}

// atLeastOne checks a number that may be absent, but not be none.
func (c *checker) atLeastOne(at *place, n *int) {
	switch {
	case n == nil:
	case *n < 1:
		c.problem(at, "Write a number of at least 1, or leave the field out; it is %d.", *n)
	case *n > maxNumber:
		c.problem(at, "Write a number of at most %d; it is %d.", maxNumber, *n)
	}
}

// retention checks for how many months personal data is kept.
func (c *checker) retention(at *place, months *int) {
	if months != nil && (*months < 1 || *months > 120) {
		c.problem(at, "Keep personal data for 1 to 120 months, or leave the field out for 24; it is %d.", *months)
	}
}

func (c *checker) year(at *place, year int) {
	if year < minYear || year > maxYear {
		c.problem(at, "Write the year in four digits; it is %d.", year)
	}
}

func (c *checker) country(at *place, code string) {
	if !c.present(at, code) {
		return
	}
	region, err := language.ParseRegion(code)
	if !countryPattern.MatchString(code) || err != nil || !region.IsCountry() || region.Canonicalize() != region {
		c.problem(at, `Write the country as two capital letters by ISO 3166-1, as in "NL"; %q is no country.`, code)
	}
}

func (c *checker) languages(at *place, codes []string) {
	for i, code := range codes {
		here := at.item(i)
		_, err := language.ParseBase(code)
		switch {
		case !languagePattern.MatchString(code) || err != nil:
			c.problem(here, `Write the language as two small letters by ISO 639-1, as in "nl"; %q is no language.`, code)
		case slices.Contains(codes[:i], code):
			c.problem(here, "Remove one of the items %q; it is listed twice.", code)
		}
	}
}

// workingLanguages are languages of which at least one has to be named.
func (c *checker) workingLanguages(at *place, codes []string) {
	if len(codes) == 0 {
		c.problem(at, `Add the field "languages" with at least one language.`)
	}
	c.languages(at, codes)
}

func (c *checker) email(at *place, address string) {
	if address == "" {
		return
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || len(address) > 254 ||
		strings.ContainsFunc(address, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune(`"<>`, r) }) {
		c.problem(at, `Write a mail address and nothing else, as in "name@example.org".`)
	}
}

func (c *checker) website(at *place, address string) {
	if address == "" {
		return
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(address) > 2000 {
		c.problem(at, `Write a complete web address, as in "https://example.org/".`)
	}
}

func (c *checker) money(at *place, m *Money) {
	if m == nil {
		return
	}
	if m.AmountMinor < 0 || m.AmountMinor > maxAmount {
		c.problem(at.field("amountMinor"), "Write an amount in minor units (cents), from 0 to %d; it is %d.", maxAmount, m.AmountMinor)
	}
	if here := at.field("currency"); c.present(here, m.Currency) && !currencyPattern.MatchString(m.Currency) {
		c.problem(here, `Write the currency as three capital letters by ISO 4217, as in "EUR".`)
	}
}

func (c *checker) venue(at *place, v *Venue) {
	if v == nil {
		return
	}
	c.title(at.field("name"), v.Name)
	c.line(at.field("address"), v.Address)
	c.title(at.field("city"), v.City)
	c.country(at.field("country"), v.Country)
}

// zone checks a required time zone. It is UTC when it isn't known, so that times can still be compared.
func (c *checker) zone(at *place, name string) *time.Location {
	if !c.present(at, name) {
		return time.UTC
	}
	zone, seen := c.zones[name]
	if !seen {
		zone, _ = Zone(name)
		c.zones[name] = zone
	}
	if zone == nil {
		c.problem(at, `Write the name of a time zone, as in "Europe/Amsterdam"; %q is not known.`, name)
		return time.UTC
	}
	return zone
}

// date checks a calendar day, if there is one, and tells whether it is one.
func (c *checker) date(at *place, s string) bool {
	if s == "" {
		return false
	}
	t, err := Date(s)
	if err != nil || t.Year() < minYear {
		c.problem(at, `Write a day of the calendar as in "2016-11-17"; %q is none.`, s)
		return false
	}
	return true
}

// instant checks a local time, if there is one, and tells whether it is one.
func (c *checker) instant(at *place, local string, zone *time.Location) (time.Time, bool) {
	if local == "" {
		return time.Time{}, false
	}
	t, err := Instant(local, zone)
	switch {
	case errors.Is(err, ErrGap):
		c.problem(at, "Choose another time; the clocks in %s are put forward and skip %s.", zone, local)
	case err != nil || t.Year() < minYear:
		c.problem(at, `Write a day and a time of the clock as in "2016-11-17T13:00"; %q is none.`, local)
	default:
		return t, true
	}
	return time.Time{}, false
}
