package graph

import (
	"net/http"

	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// showExample serves the page that the links of previews and tests of invitations lead to. It is about nobody, so it changes nothing.
func showExample(cfg Config) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { showPage(w, r, cfg, http.StatusOK, pages.Example(), nil) }
}
