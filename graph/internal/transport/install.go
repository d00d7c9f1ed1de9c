package transport

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Config is what the transports need to know about the program around them.
type Config struct {
	// BodyLimit returns the largest body, in bytes, that this request may have.
	BodyLimit func(*http.Request) int64

	// Origins are the origins ("https://agenda.example.nl") that may open a
	// WebSocket from a browser besides the server's own.
	Origins []string

	// SignIn returns the context for the operations of a WebSocket whose
	// connection_init carries a bearer token. An error closes the connection
	// with 4403; its text is not shown.
	SignIn func(ctx context.Context, bearer string) (context.Context, error)

	// Renew returns the context for one operation of a WebSocket, with the rights
	// that whoever is signed in has by now. An error refuses that operation, as
	// its answer.
	Renew func(ctx context.Context) (context.Context, *gqlerror.Error)

	// Public reports whether the answer to an operation is the same for everybody
	// until somebody changes something, so that caches may keep it.
	Public func(context.Context, *graphql.OperationContext) bool

	// Draining, once closed, ends every stream so that its client connects
	// again elsewhere. Nil never does.
	Draining <-chan struct{}
}

// Install adds the transports to srv, which should have none yet.
func Install(srv *handler.Server, cfg Config) {
	srv.AddTransport(webSocket{cfg: cfg, initTimeout: initTimeout})
	srv.AddTransport(sse{bodyLimit: cfg.BodyLimit, draining: cfg.Draining, heartbeat: heartbeat})
	srv.AddTransport(plain{bodyLimit: cfg.BodyLimit, public: cfg.Public})
}
