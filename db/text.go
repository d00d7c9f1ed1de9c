package db

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
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

// List is a short list of texts in one column, as JSON on both dialects.
type List []string

// Value implements driver.Valuer.
func (l List) Value() (driver.Value, error) {
	if l == nil {
		l = List{}
	}
	raw, err := json.Marshal(l)
	return string(raw), err
}

// Scan implements sql.Scanner.
func (l *List) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return json.Unmarshal([]byte(v), l)
	case []byte:
		return json.Unmarshal(v, l)
	}
	return fmt.Errorf("scan list: unexpected %T", src)
}

// hasControl reports whether the text holds a control character, line breaks included: such text must never reach a header.
func hasControl(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }
