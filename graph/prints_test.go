package graph_test

import (
	"crypto/sha256"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph"
)

// However many readers open the PDF of a report, and however many at once, it is written once for each language and revision.
func TestAPDFIsWrittenOnceForEachLanguageAndRevision(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	s := tell(onSQLite(t).with(graph.Config{Metrics: registry}))
	s.publish()
	s.token(member) // made once, and not by all at once
	const readers = 12
	read := func(wanted string, languages ...string) (prints map[[sha256.Size]byte]bool) {
		t.Helper()
		prints = map[[sha256.Size]byte]bool{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for n := range readers {
			for _, language := range languages {
				all.Go(func() {
					reader := nobody
					if n%2 == 1 {
						reader = member
					}
					file := s.fetch(reader, "GET", s.path+".pdf?lang="+language, nil)
					if file.StatusCode != 200 || len(file.body) < 1000 {
						t.Errorf("%s: %s", language, file.Status)
					}
					mu.Lock()
					defer mu.Unlock()
					prints[sha256.Sum256([]byte(file.body))] = true
				})
			}
		}
		all.Wait()
		if got := s.number(registry, "vaktreffen_report_pdfs_total"); got != wanted {
			t.Errorf("%d readers in %d languages made %s PDFs be written in all, want %s", readers, len(languages), got, wanted)
		}
		return prints
	}
	if got := len(read("3", "nl", "de", "en")); got != 3 {
		t.Errorf("readers in three languages got %d different PDFs", got)
	}
	olga, done := s.actorOf(organiser), db.ActionDone
	open, err := s.db.OpenActionsOf(s.Context(), olga, nil)
	if err != nil || len(open) != 1 {
		t.Fatal(open, err)
	}
	if _, err := s.db.ChangeReportAction(s.Context(), olga, db.ChangeReportActionInput{ActionID: open[0].ID, Status: &done}, nil); err != nil {
		t.Fatal(err)
	}
	read("4", "nl")
	read("5", "nl", "de") // of which only one is new
}
