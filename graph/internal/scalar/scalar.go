// Package scalar reads and writes the scalars whose Go types are not db's own.
package scalar

import (
	"io"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/vaktreffen/vaktreffen/db"
)

// MarshalInt writes a number.
func MarshalInt(n int) graphql.Marshaler { return graphql.MarshalInt(n) }

// UnmarshalInt reads an integer of 32 bits, which is what GraphQL's Int is (GraphQL, section 3.5.1).
func UnmarshalInt(v any) (int, error) {
	n, err := graphql.UnmarshalInt32(v)
	if err != nil {
		return 0, &db.Error{Code: db.CodeInvalid, Message: "Write a whole number from -2147483648 to 2147483647."}
	}
	return int(n), nil
}

// MarshalDateTime writes an instant in UTC (RFC 3339), null for the zero time.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	if t.IsZero() {
		return graphql.Null
	}
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = io.WriteString(w, strconv.Quote(t.UTC().Format(time.RFC3339Nano)))
	})
}

// UnmarshalDateTime reads an RFC 3339 instant with its offset; a date alone or a time without offset is refused.
func UnmarshalDateTime(v any) (time.Time, error) {
	text, ok := v.(string)
	if ok {
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, &db.Error{Code: db.CodeInvalid, Message: "Write an instant with its offset, for example 2016-11-17T12:00:00Z."}
}
