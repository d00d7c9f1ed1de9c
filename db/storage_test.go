package db_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/vaktreffen/vaktreffen/db"
)

// bun may choose the columns of a bulk insert by its first row.
func TestRowsWithAndWithoutAValueGoTogether(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for name, list := range map[string]string{
			"value first": "name,email,organisation\nA,a-first@x.org,Groningen\nB,b-first@x.org,\n",
			"value last":  "name,email,organisation\nA,a-last@x.org,\nB,b-last@x.org,Groningen\n",
		} {
			c := w.send(t, w.olga, toEdition(name, w.edition(t, "open"), db.AudienceInput{CSV: &list}))
			if c.Total != 2 {
				t.Errorf("%s: %d people", name, c.Total)
			}
		}
		got := strings.Join(rows[string](t, w, "SELECT p.email FROM people p JOIN organisations o ON o.id = p.organisation_id WHERE o.key = 'groningen' AND p.email LIKE '%x.org' ORDER BY 1"), " ")
		if got != "a-first@x.org b-last@x.org" {
			t.Errorf("those of Groningen: %s", got)
		}
		if n := query[int](t, w, "SELECT count(*) FROM invitations WHERE edition_id IS NULL OR course_run_id IS NOT NULL"); n != 0 {
			t.Errorf("%d invitations to something else", n)
		}
		// A campaign whose first mail is suppressed and whose second is not, and the other way round.
		w.exec(t, "INSERT INTO suppressions (email, reason, created_at) VALUES ('a-first@x.org', 'HARD_BOUNCE', ?), ('b-last@x.org', 'HARD_BOUNCE', ?)", beginning, beginning)
		for key, list := range []string{"name,email\nA,a-first@x.org\nB,b-first@x.org\n", "name,email\nA,a-last@x.org\nB,b-last@x.org\n"} {
			c := w.send(t, w.olga, toEdition(fmt.Sprint(key), w.edition(t, "small"), db.AudienceInput{CSV: &list}))
			for _, x := range rows[db.Delivery](t, w, "SELECT * FROM deliveries WHERE campaign_id = ?", c.ID) {
				if x.InvitationID.IsZero() || !x.RegistrationID.IsZero() || !x.Claim.IsZero() || !x.WorkerID.IsZero() || x.Lane != db.Bulk || x.Attempts != 0 || x.SentAt != nil {
					t.Errorf("a new delivery is %+v", x)
				}
			}
		}
		w.checkCounts(t, "in the end")
	})
}

func TestTimesAreKeptToTheMicrosecondAndSort(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		var want []db.ID
		var at []time.Time
		for _, step := range []time.Duration{0, 1, time.Microsecond, 9 * time.Microsecond, 90 * time.Microsecond, 100 * time.Millisecond, 900 * time.Millisecond, time.Second, 12 * time.Hour, 80 * 24 * time.Hour} {
			w.clock.advance(step)
			if step == 1 {
				continue // a nanosecond is not kept, and does not spoil what is
			}
			id := worker()
			if err := w.SeeWorker(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			want, at = append(want, id), append(at, w.clock.Now().UTC().Truncate(time.Microsecond))
		}
		for i, id := range rows[db.ID](t, w, "SELECT id FROM workers ORDER BY seen_at") {
			if id != want[i] {
				t.Errorf("place %d is another's", i)
			}
		}
		for i, id := range want {
			if n := query[int](t, w, "SELECT count(*) FROM workers WHERE seen_at < ?", at[i]); n != i {
				t.Errorf("%d were seen before number %d", n, i)
			}
			if n := query[int](t, w, "SELECT count(*) FROM workers WHERE id = ? AND seen_at = ?", id, at[i].In(time.FixedZone("", 3600))); n != 1 {
				t.Errorf("number %d was not seen at %s", i, at[i])
			}
			if got := query[time.Time](t, w, "SELECT seen_at FROM workers WHERE id = ?", id); !got.Equal(at[i]) {
				t.Errorf("seen at %s, read as %s", at[i], got)
			}
		}
	})
}

// Whatever Go calls lower case in Latin, Greek and Cyrillic has to be that for the check constraint too.
func TestAddressesOfOtherScriptsAreKept(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		var list strings.Builder
		list.WriteString("name,email\n")
		seen := map[string]bool{}
		for r := rune(0x80); r < 0x600; r++ {
			if address, ok := db.NormalAddress("a" + string(r) + "@example.org"); ok && unicode.IsLetter(r) && (unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r)) && !seen[address] {
				seen[address] = true
				list.WriteString("A,a" + string(r) + "@example.org\n")
			}
		}
		text := list.String()
		if c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: &text})); c.Total != len(seen) {
			t.Errorf("%d of %d are invited", c.Total, len(seen))
		}
	})
}

func TestNothingIsAskedOfNothing(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.settle(t)
		w.start(t, db.Bulk, 10, worker(), 0)
		w.due(t, db.Bulk, 0)
		if n, err := w.RequeueStale(t.Context(), db.Stale{}); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		nodes, err := w.Nodes(t.Context(), db.Actor{}, nil, nil)
		if len(nodes) != 0 || err != nil {
			t.Errorf("%v, %v", nodes, err)
		}
		one := 1
		if c, err := w.Editions(t.Context(), db.Actor{}, db.Page{First: &one, Count: true}, db.EditionFilter{Text: new("nothing\x00'\\%_ like this")}, db.Shape{"seats": nil, "themes": nil, "days": {"sessions": nil}}); err != nil || len(c.Nodes) != 0 || c.TotalCount != 0 {
			t.Errorf("%+v, %v", c, err)
		}
		if c, err := w.Municipalities(t.Context(), db.Page{First: &one}, db.MunicipalityFilter{NamePrefix: new("gro\x00")}); err != nil || len(c.Nodes) != 1 {
			t.Errorf("%+v, %v", c, err)
		}
	})
}
