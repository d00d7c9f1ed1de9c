package programme

import (
	"encoding/json"
	"strings"
)

// A reader walks over JSON that is known to be valid. Where encoding/json hides where a value stood, it tells.
type reader struct {
	data []byte
	pos  int
}

// peek skips white space and gives the first byte of what follows, without consuming it.
func (r *reader) peek() byte {
	for strings.IndexByte(" \t\r\n", r.data[r.pos]) >= 0 {
		r.pos++
	}
	return r.data[r.pos]
}

// raw consumes one value and gives its text.
func (r *reader) raw() []byte {
	r.peek()
	start, depth := r.pos, 0
	for {
		switch r.peek() {
		case '"':
			r.quoted()
		case '{', '[':
			depth++
			r.pos++
		case '}', ']':
			depth--
			r.pos++
		case ',', ':':
			r.pos++
			continue
		default:
			r.bare()
		}
		if depth == 0 {
			return r.data[start:r.pos]
		}
	}
}

// quoted consumes a string.
func (r *reader) quoted() {
	for r.pos++; r.data[r.pos] != '"'; r.pos++ {
		if r.data[r.pos] == '\\' {
			r.pos++
		}
	}
	r.pos++
}

// bare consumes a number, true, false or null.
func (r *reader) bare() {
	for r.pos < len(r.data) && strings.IndexByte(" \t\r\n,]}", r.data[r.pos]) < 0 {
		r.pos++
	}
}

// text consumes a string and gives what it says.
func (r *reader) text() string {
	raw := r.raw()
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		panic("programme: the reader was given invalid JSON: " + err.Error())
	}
	return s
}

// fields consumes an object. It calls visit before each value; visit consumes that value.
func (r *reader) fields(visit func(name string)) {
	r.pos++
	for r.peek() != '}' {
		name := r.text()
		r.peek() // the colon
		r.pos++
		r.peek()
		visit(name)
		if r.peek() == ',' {
			r.pos++
		}
	}
	r.pos++
}

// items consumes an array. It calls visit before each item; visit consumes that item.
func (r *reader) items(visit func(i int)) {
	r.pos++
	for i := 0; r.peek() != ']'; i++ {
		visit(i)
		if r.peek() == ',' {
			r.pos++
		}
	}
	r.pos++
}
