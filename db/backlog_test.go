package db_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestBacklogCountsWhatHasNotLeft(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		check := func(queued, sending int) {
			t.Helper()
			got, err := w.Backlog(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := []db.Waiting{
				{db.Urgent, db.Queued, 0}, {db.Urgent, db.Sending, 0},
				{db.Bulk, db.Queued, queued}, {db.Bulk, db.Sending, sending},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		check(0, 0)
		w.send(t, w.olga, toEdition("backlog", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("backlog", 5)}))
		check(5, 0)
		mails := w.start(t, db.Bulk, 3, worker(), 3)
		check(2, 3)
		w.settle(t, mails[0].Outcome(db.ResultSent), mails[1].Outcome(db.ResultLater), mails[2].Outcome(db.ResultFailed))
		check(3, 0)
	})
}
