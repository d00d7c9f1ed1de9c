package db

import (
	"bytes"
	"crypto/rand"
	"database/sql/driver"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// Kind says what sort of record an ID names. It is part of every ID, so that node(id) needs no table of types.
// The numbers are stored inside ids: never renumber them.
type Kind uint8

// The kinds of records that have an ID.
const (
	KindUnknown Kind = iota
	KindMunicipality
	KindInstitution
	KindPerson
	KindPartnership
	KindMember
	KindAgreement
	KindSeries
	KindEdition
	KindSession
	KindRoom
	KindTheme
	KindContribution
	KindCourse
	KindCourseRun
	KindSeats
	KindRegistration
	KindCampaign
	KindInvitation
	KindDelivery
	KindAccessToken
	KindClaim
	KindWorker
	KindAudit
	KindSignInLink
	KindIntakeQuestion
	KindDelegation
	KindNotice
	KindReport
	KindReportQuestion
	KindHelpOffer
	KindReportAction
	KindMaterial
	KindCorrection
	KindReminder
	KindSummary
	KindCertificate
	KindPractice
	KindPracticeComment
	KindSurvey
	kindsEnd // behind the last
)

// ID names one record. It is a UUID version 7 (RFC 9562): 48 bits of Unix milliseconds, so that new records lie together
// in an index, then the record's Kind in the low eight bits of rand_a, the rest random. The zero ID means "none".
type ID [16]byte

// NewID makes an ID for a record of the kind created at the instant.
func NewID(kind Kind, at time.Time) ID {
	var id ID
	_, _ = rand.Read(id[6:]) // never fails: crypto/rand ends the program instead
	ms := uint64(at.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	id[6] = 0x70 | id[6]&0x0f
	id[7] = byte(kind)
	id[8] = 0x80 | id[8]&0x3f
	return id
}

// newIDs makes n ids in ascending order.
func newIDs(kind Kind, at time.Time, n int) []ID {
	ids := make([]ID, n)
	for i := range ids {
		ids[i] = NewID(kind, at)
	}
	slices.SortFunc(ids, ID.compare)
	return ids
}

// compare puts ids in their order in an index: by time.
func (id ID) compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// unknownID is what text that names nothing is read as: a value no record has, so that a look-up finds nothing
// and the caller hears "not found" with the field's name instead of a parser's complaint.
var unknownID = ID{0: 0xff, 15: 0xff}

// ParseID reads the opaque text form. Text that is not an ID gives one that names no record.
func ParseID(text string) ID {
	var id ID
	if len(text) != base64.RawURLEncoding.EncodedLen(len(id)) {
		return unknownID
	}
	if n, err := base64.RawURLEncoding.Strict().Decode(id[:], []byte(text)); err != nil || n < len(id) { // it skips line breaks
		return unknownID
	}
	if id[6]>>4 != 7 || id[8]>>6 != 2 {
		return unknownID
	}
	return id
}

// Kind returns the kind of record the ID names, KindUnknown for one that names none.
func (id ID) Kind() Kind {
	if id[6]>>4 != 7 || id[7] >= byte(kindsEnd) {
		return KindUnknown
	}
	return Kind(id[7])
}

// created returns when the record was made, as far as its ID tells: to the millisecond.
func (id ID) created() time.Time {
	ms := uint64(0)
	for _, b := range id[:6] {
		ms = ms<<8 | uint64(b)
	}
	return time.UnixMilli(int64(ms))
}

// IsZero reports whether the ID is absent.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the opaque text form: 22 characters that need no escaping in a URL.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// uuid returns the form the databases hold: 8-4-4-4-12 hexadecimal digits.
func (id ID) uuid() string { return string(id.appendUUID(make([]byte, 0, 36))) }

func (id ID) appendUUID(b []byte) []byte {
	for i, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return b
}

// Value implements driver.Valuer; the zero ID is NULL.
func (id ID) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id.uuid(), nil
}

// Scan implements sql.Scanner; NULL is the zero ID.
func (id *ID) Scan(src any) error {
	var text string
	switch v := src.(type) {
	case nil:
		*id = ID{}
		return nil
	case string:
		text = v
	case []byte:
		if len(v) == len(id) {
			copy(id[:], v)
			return nil
		}
		text = string(v)
	case [16]byte:
		*id = v
		return nil
	default:
		return fmt.Errorf("scan id: unexpected %T", src)
	}
	if len(text) != 36 {
		return fmt.Errorf("scan id: %d characters instead of 36", len(text))
	}
	var digits [32]byte
	copy(digits[:8], text)
	copy(digits[8:12], text[9:])
	copy(digits[12:16], text[14:])
	copy(digits[16:20], text[19:])
	copy(digits[20:], text[24:])
	if _, err := hex.Decode(id[:], digits[:]); err != nil {
		return fmt.Errorf("scan id: %w", err)
	}
	return nil
}

// MarshalGQL writes the ID as GraphQL ID.
func (id ID) MarshalGQL(w io.Writer) {
	_, _ = io.WriteString(w, strconv.Quote(id.String()))
}

// UnmarshalGQL reads a GraphQL ID. Text that is no ID becomes one that names no record.
func (id *ID) UnmarshalGQL(v any) error {
	text, ok := v.(string)
	if !ok {
		*id = unknownID
		return nil
	}
	*id = ParseID(text)
	return nil
}
