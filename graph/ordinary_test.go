package graph

import (
	"net/http"

	"github.com/vaktreffen/vaktreffen/graph/internal/rate"
)

// OrdinaryAPI is the API of [Handler] with every answer by the ordinary executor.
func OrdinaryAPI(cfg Config) (http.Handler, error) {
	api, err := graphQL(cfg, resolver{db: cfg.DB, rates: rate.New(cfg.Redis), log: cfg.Log, origin: cfg.PublicURL}, nil)
	if err != nil {
		return nil, err
	}
	return signIn(cfg, api), nil
}
