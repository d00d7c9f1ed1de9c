package db

import (
	"errors"
	"fmt"
	"strings"
)

// ErrorCode says which expected problem it is. The GraphQL enum UserErrorCode has the same values.
type ErrorCode string

// The expected problems.
const (
	CodeInvalid     ErrorCode = "INVALID"       // a value that can never be right
	CodeRequired    ErrorCode = "REQUIRED"      // a value is missing
	CodeNotFound    ErrorCode = "NOT_FOUND"     // nothing there, or nothing the actor may know of
	CodeForbidden   ErrorCode = "FORBIDDEN"     // visible to the actor, but not theirs to change
	CodeConflict    ErrorCode = "CONFLICT"      // the record is not in a state that allows it
	CodeTooLarge    ErrorCode = "TOO_LARGE"     // over a stated limit
	CodeKeyReused   ErrorCode = "KEY_REUSED"    // an idempotency key came back with another input
	CodeDeadline    ErrorCode = "DEADLINE"      // too late
	CodeNotSignedIn ErrorCode = "NOT_SIGNED_IN" // nobody is signed in
)

// Error is one expected problem: something the caller can read, understand and mend. Everything else that goes wrong is an
// ordinary error, is logged, and is never shown.
type Error struct {
	Code    ErrorCode
	Message string   // a whole sentence that says what to do
	Field   []string // path of the input field, outermost first; empty when it is about the whole input
	Index   *int     // which row of a list or which line of a file; nil when it is about none
}

// Error returns the message with its place.
func (e *Error) Error() string {
	if len(e.Field) == 0 {
		return e.Message
	}
	return strings.Join(e.Field, ".") + ": " + e.Message
}

// Errors are several expected problems of one input.
type Errors []*Error

// Error joins the messages.
func (e Errors) Error() string {
	all := make([]string, len(e))
	for i, one := range e {
		all[i] = one.Error()
	}
	return strings.Join(all, "; ")
}

// AsErrors returns the expected problems inside err; ok is false when it is something else.
func AsErrors(err error) (_ Errors, ok bool) {
	if several, ok := errors.AsType[Errors](err); ok {
		return several, true
	}
	if one, ok := errors.AsType[*Error](err); ok {
		return Errors{one}, true
	}
	return nil, false
}

// problem makes an Error about a field, written "audience.csv".
func problem(code ErrorCode, field, format string, args ...any) *Error {
	e := &Error{Code: code, Message: fmt.Sprintf(format, args...)}
	if field != "" {
		e.Field = strings.Split(field, ".")
	}
	return e
}
