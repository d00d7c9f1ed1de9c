package graph

import (
	"container/list"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// maxPrints is how many PDFs are kept. Each is some hundred kilobytes.
const maxPrints = 64

// prints keeps the PDFs of reports, so that each is written once however many people a report was mailed to. What a PDF says is
// what its page says, so the hash of the page stands for the revision and the language.
type prints struct {
	mu     sync.Mutex
	kept   map[[sha256.Size]byte]*list.Element
	recent *list.List // of *print, the latest used first

	written prometheus.Counter
}

type print struct {
	key   [sha256.Size]byte
	write func() ([]byte, error)
}

// newPrints returns none, and counts those that will be written for the metrics; nil for nobody.
func newPrints(metrics prometheus.Registerer) (*prints, error) {
	p := &prints{
		kept: map[[sha256.Size]byte]*list.Element{}, recent: list.New(),
		written: prometheus.NewCounter(prometheus.CounterOpts{Name: "vaktreffen_report_pdfs_total", Help: "PDFs of reports that this process wrote."}),
	}
	if metrics != nil {
		if err := metrics.Register(p.written); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return p, nil
}

// of returns the PDF of a report. Whoever asks for it while it is being written waits for that.
func (p *prints) of(r *pages.Report) ([]byte, error) {
	page, err := r.HTML()
	if err != nil {
		return nil, err
	}
	return p.find(sha256.Sum256(page), func() ([]byte, error) {
		p.written.Inc()
		return r.PrintPDF()
	}).write()
}

func (p *prints) find(key [sha256.Size]byte, write func() ([]byte, error)) *print {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.kept[key]
	if ok {
		p.recent.MoveToFront(e)
		return e.Value.(*print)
	}
	e = p.recent.PushFront(&print{key, sync.OnceValues(write)})
	p.kept[key] = e
	if p.recent.Len() > maxPrints {
		oldest := p.recent.Remove(p.recent.Back()).(*print)
		delete(p.kept, oldest.key)
	}
	return e.Value.(*print)
}
