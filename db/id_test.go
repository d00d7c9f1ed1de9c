package db_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestIDIsAUUIDOfVersion7ThatKnowsItsKind(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.UTC)
	id := db.NewID(db.KindEdition, at)
	u := uuid.UUID(id)
	if u.Version() != 7 || u.Variant() != uuid.RFC4122 {
		t.Errorf("version %d variant %s", u.Version(), u.Variant())
	}
	if sec, nsec := u.Time().UnixTime(); !time.Unix(sec, nsec).Equal(at) {
		t.Errorf("the time inside is %s, want %s", time.Unix(sec, nsec).UTC(), at)
	}
	if id.Kind() != db.KindEdition {
		t.Errorf("kind %d, want %d", id.Kind(), db.KindEdition)
	}
	later := db.NewID(db.KindEdition, at.Add(time.Millisecond))
	if bytes.Compare(id[:], later[:]) >= 0 {
		t.Error("a later id does not sort later")
	}
}

func TestIDTextAndColumnRoundTrip(t *testing.T) {
	t.Parallel()
	id := db.NewID(db.KindPerson, time.Now())
	if got := db.ParseID(id.String()); got != id {
		t.Errorf("text: got %x, want %x", got, id)
	}
	column, err := id.Value()
	if err != nil {
		t.Fatal(err)
	}
	if column != uuid.UUID(id).String() {
		t.Errorf("column %v, want %s", column, uuid.UUID(id))
	}
	for _, src := range []any{column, []byte(column.(string)), id[:], [16]byte(id)} {
		var got db.ID
		if err := got.Scan(src); err != nil || got != id {
			t.Errorf("scan %T: %x, %v", src, got, err)
		}
	}
	var none db.ID
	if err := none.Scan(nil); err != nil || !none.IsZero() {
		t.Errorf("scan NULL: %x, %v", none, err)
	}
	if value, err := none.Value(); value != nil || err != nil {
		t.Errorf("the zero id is %v, %v, want NULL", value, err)
	}
}

func TestTextThatIsNoIDNamesNoRecord(t *testing.T) {
	t.Parallel()
	good := db.NewID(db.KindPerson, time.Now()).String()
	for _, text := range []string{"", "1", "../../etc", good[:21], good + "A", "AAAAAAAAAAAAAAAAAAAAAA", good[:21] + "!", "018f0000-0000-7000-8000-000000000000"} {
		id := db.ParseID(text)
		if id.IsZero() || id.Kind() != db.KindUnknown {
			t.Errorf("%q became %x of kind %d", text, id, id.Kind())
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(db.NewID(db.KindSession, time.Now()).String())
	f.Add("AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if id := db.ParseID(text); id.Kind() != db.KindUnknown && id.String() != text {
			t.Errorf("%q reads as %s", text, id)
		}
	})
}
