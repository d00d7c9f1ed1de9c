package transport

import (
	"encoding/json"
	"testing"
)

// Whatever decodeJSON takes, encoding/json takes too, and gives back as a value
// that decodes to the same.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{ a }","variables":{"n":[1,2.5e3,null,true,"\ud83c\udfca"]}}`, `[[]]`, `"\u0000"`, `"\ud83c"`, `{"a":1,"a":2}`, `1 2`, `"\\u0000"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		value, err := decodeJSON(b)
		if err != nil {
			return
		}
		if !json.Valid(b) {
			t.Fatalf("took %q", b)
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeJSON(encoded)
		if err != nil {
			t.Fatalf("%q became %q: %v", b, encoded, err)
		}
		if twice, err := json.Marshal(again); err != nil || string(twice) != string(encoded) {
			t.Fatalf("%q became %q, then %q (%v)", b, encoded, twice, err)
		}
	})
}
