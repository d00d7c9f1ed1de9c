package transport

import (
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// NewSSE is the transport of streams with a heart that beats as fast as a test likes.
func NewSSE(bodyLimit func(*http.Request) int64, heartbeat time.Duration) graphql.Transport {
	return sse{bodyLimit: bodyLimit, heartbeat: heartbeat}
}

// NewWebSocket is the transport of WebSockets with the patience that a test likes.
func NewWebSocket(cfg Config, initTimeout time.Duration) graphql.Transport {
	return webSocket{cfg: cfg, initTimeout: initTimeout}
}
