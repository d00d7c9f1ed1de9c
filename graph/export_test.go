package graph

import "net/http"

// OrdinaryAPI is the API of [Handler] with every answer by the ordinary executor.
func OrdinaryAPI(cfg Config) http.Handler { return signIn(cfg, graphQL(cfg, nil)) }
