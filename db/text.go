package db

import (
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// fold makes text comparable whatever the case and the accents: "Düsseldorf" and "dusseldorf" fold to the same.
func fold(text string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), text)
	if err != nil {
		plain = text
	}
	plain = unaccented.Replace(strings.ToLower(plain))
	// No database takes a zero byte in a text, and nobody searches for other control characters.
	words := strings.FieldsFunc(plain, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	return strings.Join(words, " ")
}

// unaccented writes letters in ASCII that are not an ASCII letter with an accent.
var unaccented = strings.NewReplacer("ß", "ss", "ø", "o", "æ", "ae", "ł", "l")

// hasControl reports whether the text holds a control character, line breaks included, or one that turns the direction of what
// follows: such text must never reach a header.
func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	})
}
