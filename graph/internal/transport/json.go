package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth is how deep objects and lists may nest in a request. No input of
// the schema comes near.
const maxJSONDepth = 64

// What can be wrong with JSON, worded to follow "The request body" and the like.
// They are texts of their own because those of encoding/json quote the input.
var (
	errNotJSON       = errors.New("is not valid JSON")
	errNotUTF8       = errors.New("is not valid UTF-8")
	errTrailing      = errors.New("has something after its JSON value")
	errDuplicate     = errors.New("has an object with the same key twice")
	errTooDeep       = errors.New("nests deeper than " + strconv.Itoa(maxJSONDepth) + " levels")
	errNUL           = errors.New("has the character U+0000, which no text may contain")
	errLoneSurrogate = errors.New("has half of a surrogate pair (RFC 8259, section 8.2)")
)

func badJSON(what string, err error) *problem {
	return &problem{status: http.StatusBadRequest, code: CodeBadJSON, message: what + " " + err.Error() + "."}
}

// decodeJSON reads one JSON value strictly, as RFC 7493 (I-JSON) has it: what
// encoding/json silently mends or chooses between is an error here, so that a
// text stored is the text sent. Numbers stay [json.Number].
func decodeJSON(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, errNotUTF8
	}
	if err := checkEscapes(b); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	value, err := decodeValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errTrailing
	}
	return value, nil
}

// decodeValue reads the next value of dec.
func decodeValue(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, errNotJSON
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == maxJSONDepth {
		return nil, errTooDeep
	}
	if delim == '[' {
		list := []any{}
		for dec.More() {
			element, err := decodeValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, element)
		}
		return list, closing(dec)
	}
	object := map[string]any{}
	for dec.More() {
		token, err := dec.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return nil, errNotJSON
		}
		if _, twice := object[key]; twice {
			return nil, errDuplicate
		}
		if object[key], err = decodeValue(dec, depth+1); err != nil {
			return nil, err
		}
	}
	return object, closing(dec)
}

func closing(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return errNotJSON
	}
	return nil
}

// checkEscapes looks at the \u escapes. A backslash outside of a string is not
// JSON anyway, so it need not know where the strings are.
func checkEscapes(b []byte) error {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 == len(b) {
			return nil
		}
		b = b[i:]
		unit, ok := escapedUnit(b)
		switch {
		case !ok:
			b = b[2:]
		case unit == 0:
			return errNUL
		case utf16.IsSurrogate(unit):
			low, ok := escapedUnit(b[6:])
			if !ok || utf16.DecodeRune(unit, low) == utf8.RuneError {
				return errLoneSurrogate
			}
			b = b[12:]
		default:
			b = b[6:]
		}
	}
}

// escapedUnit reads the UTF-16 unit of an escape such as \u00e9 at the start of b.
func escapedUnit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(unit), err == nil
}
