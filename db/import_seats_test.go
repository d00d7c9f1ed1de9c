package db_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
)

// allRules reads the rules of all seats of what the file "small" holds.
const allRules = `SELECT coalesce(e.key, s.key, r.key), capacity, policy, line, max_per_organisation, offer_hours,
	substr(CAST(opens_at AS TEXT), 1, 16), substr(CAST(closes_at AS TEXT), 1, 16) FROM seats LEFT JOIN editions e ON e.id = seats.edition_id
	LEFT JOIN sessions s ON s.id = seats.session_id LEFT JOIN course_runs r ON r.id = seats.course_run_id ORDER BY 1`

func TestImportSetsTheRulesThatTheFileNames(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		named := edited(t, small,
			`"capacity": 2,`, `"capacity": 2, "registration": {"opens": "2099-01-01T09:00", "closes": "2099-05-01T12:00", "policy": "OFFER", "order": "BALANCED",
				"maxPerOrganisation": 3, "offerHours": 24},`,
			`"capacity": 9,`, `"capacity": 9, "registration": {"policy": "CLOSED"},`,
			`"status": "PLANNED", "languages": ["nl"]`, `"status": "PLANNED", "languages": ["nl"], "registration": {"closes": "2099-04-01T00:00"}`)
		mustImport(t, database, named)
		want := []string{
			"child-late 9 CLOSED FIRST_COME <nil> 48 <nil> <nil>",
			"meeting-1999 <nil> AUTOMATIC FIRST_COME <nil> 48 <nil> <nil>",
			"meeting-2099 2 OFFER BALANCED 3 24 2099-01-01 08:00 2099-05-01 10:00",
			"spring 20 AUTOMATIC FIRST_COME <nil> 48 <nil> 2099-03-31 22:00",
		}
		wantRows(t, database, allRules, want...)
		mustImport(t, database, named)
		wantRows(t, database, allRules, want...)

		// Organisers change all of it; a file wins for what it names and leaves the rest.
		exec(t, database, `UPDATE seats SET capacity = 5, policy = 'AUTOMATIC', line = 'FIRST_COME', max_per_organisation = 7, offer_hours = 100,
			opens_at = '2098-01-01 00:00:00+00:00', closes_at = '2099-03-01 00:00:00+00:00'`)
		mustImport(t, database, edited(t, small, `"capacity": 2,`, `"registration": {"policy": "CLOSED", "maxPerOrganisation": 4},`, `"capacity": 9,`, ``))
		wantRows(t, database, allRules,
			"child-late 5 AUTOMATIC FIRST_COME 7 100 2098-01-01 00:00 2099-03-01 00:00",
			"meeting-1999 5 AUTOMATIC FIRST_COME 7 100 2098-01-01 00:00 2099-03-01 00:00",
			"meeting-2099 5 CLOSED FIRST_COME 4 100 2098-01-01 00:00 2099-03-01 00:00",
			"spring 5 AUTOMATIC FIRST_COME 7 100 2098-01-01 00:00 2099-03-01 00:00")
	})
}

func TestImportRefusesRulesThatCannotBe(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		mustImport(t, database, edited(t, small, `"capacity": 2,`, `"capacity": 2, "registration": {"closes": "2099-05-01T12:00"},`))
		before := fmt.Sprint(dump(t, database))
		problems, err := database.Import(t.Context(), parse(t, edited(t, small, `"capacity": 2,`, `"registration": {"opens": "2099-05-01T12:00"},`,
			`"title": "Loose", "day"`, `"title": "Loose", "registration": {"policy": "OFFER"}, "day"`)), nil)
		if err != nil || len(problems) != 2 {
			t.Fatalf("problems %v, error %v", problems, err)
		}
		for i, want := range []struct{ path, says string }{
			{"editions[0].registration", "Name both when registration opens and when it closes"}, {"editions[0].sessions[1].registration", "Add a capacity to the session"},
		} {
			if p := problems[i]; p.Path != want.path || p.Line == 0 || !strings.HasPrefix(p.Message, want.says) {
				t.Errorf("%+v, want %+v", p, want)
			}
		}
		if fmt.Sprint(dump(t, database)) != before {
			t.Error("the refused file changed something")
		}
	})
}

func TestImportedRulesGivePlacesToTheLine(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, one, closed := w.seatsOf(t, "editions", "small"), 1, db.PolicyClosed
		w.rules(t, seats, db.ChangeSeatsInput{MaxPerOrganisation: &one, Policy: &closed})
		w.exec(t, "UPDATE seats SET policy = 'AUTOMATIC' WHERE id = ?", seats)
		w.register(t, seats, "anna", "bert", "dieter")
		w.checkLine(t, seats, "anna CONFIRMED, bert WAITLISTED, dieter CONFIRMED")
		text := `{"editions": [{"key": "small", "series": "vaktreffen", "title": "Vaktreffen small", "year": 2027, "status": "PUBLISHED", "host": "groningen",
			"startsOn": "2027-05-20", "endsOn": "2027-05-20", "timeZone": "Europe/Amsterdam", "languages": ["de"],
			"registration": {"maxPerOrganisation": 2, "policy": "OFFER", "offerHours": 24}}]}`
		w.clock.advance(time.Second)
		mustImport(t, w.DB, text)
		w.checkLine(t, seats, "anna CONFIRMED, bert OFFERED, dieter CONFIRMED")
		mustImport(t, w.DB, text)
		if got := w.told(t, seats, "bert"); got != "waitlisted seat_offered" {
			t.Errorf("told %q", got)
		}
		w.checkSeats(t, "in the end")
	})
}
