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
	lower := strings.NewReplacer("ß", "ss", "ø", "o", "æ", "ae", "ł", "l").Replace(strings.ToLower(text))
	plain, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), lower)
	if err != nil {
		return lower
	}
	return strings.Join(strings.Fields(plain), " ")
}

// hasControl reports whether the text holds a control character, line breaks included, or one that turns the direction of what
// follows: such text must never reach a header.
func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	})
}
