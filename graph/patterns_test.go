package graph

import (
	"net/http"

	"github.com/vaktreffen/vaktreffen/graph/internal/rate"
)

// Patterns are those of all that [Handler] serves.
func Patterns(cfg Config) ([]string, error) {
	noted := &noted{ServeMux: http.NewServeMux()}
	err := resolver{db: cfg.DB, rates: rate.New(cfg.Redis), log: cfg.Log, origin: cfg.PublicURL}.serve(noted, cfg)
	return noted.patterns, err
}

// noted takes note of what is served where.
type noted struct {
	*http.ServeMux
	patterns []string
}

func (n *noted) Handle(pattern string, handler http.Handler) {
	n.patterns = append(n.patterns, pattern)
	n.ServeMux.Handle(pattern, handler)
}

func (n *noted) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	n.Handle(pattern, http.HandlerFunc(handler))
}
