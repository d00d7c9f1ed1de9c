package wording

import (
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// PersonalLinks finds personal links: those by which whoever opens them acts for somebody. It is safe for use by many goroutines.
type PersonalLinks struct{ here *regexp.Regexp }

// The paths of personal links, and how their tokens look: 40 characters or more of those that base64 has for URLs.
const (
	personalPaths = `(?:i|r|d|unsubscribe|sign-in|calendar)`
	token         = `[a-z0-9_-]{40,}`
)

// anywhere matches a personal link under whatever address, and without one: our pages may be reached by several.
var anywhere = regexp.MustCompile(`(?i)(?:^|[/\s<(\[])` + personalPaths + `/+` + token)

// NewPersonalLinks returns what finds links to pages under the address at which people reach them, whole or cut short. Without an
// address it finds only what looks like a whole link.
func NewPersonalLinks(publicURL string) PersonalLinks {
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" {
		return PersonalLinks{}
	}
	host := regexp.QuoteMeta(u.Hostname()) + `\.?(?::[0-9]+)?`
	return PersonalLinks{regexp.MustCompile(`(?i)` + host + regexp.QuoteMeta(strings.TrimRight(u.EscapedPath(), "/")) + `[/.]*/` +
		`(?:` + personalPaths + `/+[a-z0-9_-]|(?:sign-in|openid)[^\s]*[?&])`)}
}

// In reports whether a message holds a personal link, however it is written: with percent signs, character references, emphasis
// or invisible characters in it, with or without a scheme, as a text or as where a link leads.
func (p PersonalLinks) In(t *Text) bool {
	var seen strings.Builder
	for _, line := range t.Lines(func(Field) string { return "" }) {
		seen.WriteString(line.Text + "\n")
	}
	return p.found(seen.String()) || p.found(string(t.source)) || p.found(strings.Join(t.links, "\n"))
}

// InSubject reports whether a subject holds a personal link.
func (p PersonalLinks) InSubject(s *Subject) bool {
	return p.found(s.Text(func(Field) string { return "" }))
}

func (p PersonalLinks) found(text string) bool {
	for range 4 { // whoever encodes more often than this does not paste by mistake
		simple := simplified(text)
		if anywhere.MatchString(simple) || p.here != nil && p.here.MatchString(simple) {
			return true
		}
		decoded := html.UnescapeString(percent.ReplaceAllStringFunc(text, decode))
		if decoded == text {
			return false
		}
		text = decoded
	}
	return false
}

var percent = regexp.MustCompile(`(?:%[0-9A-Fa-f]{2})+`)

func decode(encoded string) string {
	raw := make([]byte, 0, len(encoded)/3)
	for i := 0; i < len(encoded); i += 3 {
		b, _ := strconv.ParseUint(encoded[i+1:i+3], 16, 8) // the expression matched two digits
		raw = append(raw, byte(b))
	}
	return strings.ToValidUTF8(string(raw), "")
}

// simplified writes look-alikes as what they look like, and leaves out what nobody sees.
func simplified(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Mn) || r == '\\' {
			return -1
		}
		return r
	}, norm.NFKC.String(text))
}
