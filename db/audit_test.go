package db_test

import (
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestTheAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{PersonIDs: w.people(t, "anna")}))
		before := query[int](t, w, "SELECT count(*) FROM audit_log")
		statements := []string{
			"UPDATE audit_log SET action = 'nothing'", "UPDATE audit_log SET actor_id = NULL WHERE action = 'send invitations'",
			"DELETE FROM audit_log", "DELETE FROM audit_log WHERE action = 'send invitations'",
			"INSERT INTO audit_log (id, at, action, record_id) SELECT id, at, 'nothing', record_id FROM audit_log WHERE true ON CONFLICT (id) DO UPDATE SET action = 'nothing'",
		}
		if w.postgres() {
			statements = append(statements, "TRUNCATE audit_log")
		}
		for _, statement := range statements {
			if _, err := w.Raw().NewRaw(statement).Exec(t.Context()); err == nil || !strings.Contains(err.Error(), "audit_log is append-only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
		if after := query[int](t, w, "SELECT count(*) FROM audit_log WHERE action <> 'nothing'"); after != before || before == 0 {
			t.Errorf("%d entries of %d are left", after, before)
		}
	})
}
