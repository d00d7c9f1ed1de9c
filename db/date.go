package db

import (
	"database/sql/driver"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Date is a day of the calendar without a place or a time, written 2016-11-17 (RFC 3339 full-date). "" means none.
// Dates compare and sort as text.
type Date string

// DateOf returns the day that the instant falls on in its own location.
func DateOf(t time.Time) Date { return Date(t.Format(time.DateOnly)) }

// ParseDate reads a full date.
func ParseDate(text string) (Date, error) {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return "", problem(CodeInvalid, "", "Write a date as YYYY-MM-DD, for example 2016-11-17.")
	}
	return Date(text), nil
}

// Time returns midnight UTC of the day, for calculations; the zero time when there is none.
func (d Date) Time() time.Time {
	t, _ := time.Parse(time.DateOnly, string(d))
	return t
}

// AddDays returns the day n days later, or earlier for a negative n.
func (d Date) AddDays(n int) Date { return DateOf(d.Time().AddDate(0, 0, n)) }

// Value implements driver.Valuer.
func (d Date) Value() (driver.Value, error) {
	if d == "" {
		return nil, nil
	}
	return string(d), nil
}

// Scan implements sql.Scanner: PostgreSQL gives a time, SQLite text.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = ""
	case time.Time:
		*d = DateOf(v)
	case string:
		*d = Date(v)
	case []byte:
		*d = Date(v)
	default:
		return fmt.Errorf("scan date: unexpected %T", src)
	}
	return nil
}

// MarshalGQL writes the scalar Date; null when there is none.
func (d Date) MarshalGQL(w io.Writer) { marshalText(w, string(d)) }

// UnmarshalGQL reads the scalar Date.
func (d *Date) UnmarshalGQL(v any) (err error) {
	text, _ := v.(string)
	*d, err = ParseDate(text)
	return err
}

// LocalTime is what a clock on the wall of the venue shows, written 2016-11-17T13:00. It becomes an instant only together
// with the edition's time zone. Local times compare and sort as text. "" means none.
type LocalTime string

// Date returns the day of the local time.
func (t LocalTime) Date() Date {
	if len(t) < len(time.DateOnly) {
		return ""
	}
	return Date(t[:len(time.DateOnly)])
}

// Value implements driver.Valuer.
func (t LocalTime) Value() (driver.Value, error) {
	if t == "" {
		return nil, nil
	}
	return string(t), nil
}

// Scan implements sql.Scanner.
func (t *LocalTime) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t = ""
	case string:
		*t = LocalTime(v)
	case []byte:
		*t = LocalTime(v)
	default:
		return fmt.Errorf("scan local time: unexpected %T", src)
	}
	return nil
}

// MarshalGQL writes the scalar LocalDateTime; null when there is none.
func (t LocalTime) MarshalGQL(w io.Writer) { marshalText(w, string(t)) }

// UnmarshalGQL reads the scalar LocalDateTime.
func (t *LocalTime) UnmarshalGQL(v any) error {
	text, _ := v.(string)
	if _, err := time.Parse("2006-01-02T15:04", text); err != nil {
		return problem(CodeInvalid, "", "Write a local time as YYYY-MM-DDTHH:MM, for example 2016-11-17T13:00.")
	}
	*t = LocalTime(text)
	return nil
}

func marshalText(w io.Writer, text string) {
	if text == "" {
		_, _ = io.WriteString(w, "null")
		return
	}
	_, _ = io.WriteString(w, strconv.Quote(text))
}
