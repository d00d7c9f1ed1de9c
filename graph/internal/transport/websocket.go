package transport

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	coder "github.com/coder/websocket"

	"github.com/99designs/gqlgen/graphql"
)

const (
	subprotocol = "graphql-transport-ws"

	// initTimeout is how long a client may take to send connection_init.
	initTimeout = 10 * time.Second

	// pingInterval is how often a connection is pinged, and how long the pong may take.
	pingInterval = 20 * time.Second

	// maxMessageBytes is room for any document that the limits allow and its
	// variables. Uploads go by POST.
	maxMessageBytes = 64 << 10
)

// webSocket checks a connection before a [conversation] speaks the protocol.
type webSocket struct {
	cfg         Config
	initTimeout time.Duration
}

var _ graphql.Transport = webSocket{}

func (webSocket) Supports(r *http.Request) bool {
	return headerHas(r, "Upgrade", "websocket")
}

func (t webSocket) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	switch {
	case !t.originAllowed(r):
		refuse(w, mediaJSON, &problem{
			status:  http.StatusForbidden,
			code:    CodeOriginRefused,
			message: "This origin may not open a WebSocket here: ask the operator to allow it.",
		})
		return
	case !headerHas(r, "Sec-WebSocket-Protocol", subprotocol):
		refuse(w, mediaJSON, &problem{
			status:  http.StatusBadRequest,
			code:    CodeUpgradeRefused,
			message: "Open the WebSocket with the " + subprotocol + " protocol.",
		})
		return
	}
	conn, err := coder.Accept(w, r, &coder.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // the origin has been checked, against exact origins rather than patterns
	})
	if err != nil {
		return // Accept has answered
	}
	conn.SetReadLimit(maxMessageBytes)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	c := &conversation{
		conn: conn, exec: exec, signIn: t.cfg.SignIn, renew: t.cfg.Renew, header: r.Header,
		ctx: ctx, cancel: cancel, running: map[string]*operation{},
	}
	go c.keepAlive(ctx)
	go func() {
		select {
		case <-t.cfg.Draining:
			c.close(coder.StatusServiceRestart, "The server is restarting.")
		case <-ctx.Done():
		}
	}()
	c.run(t.initTimeout)
}

// originAllowed lets through programs, which send no Origin, pages of this host,
// and the configured origins.
func (t webSocket) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(t.cfg.Origins, origin) {
		return true
	}
	parsed, err := url.Parse(origin)
	return err == nil && parsed.Host != "" && strings.EqualFold(parsed.Host, r.Host)
}

// headerHas reports whether a header that is a list of tokens names token.
func headerHas(r *http.Request, header, token string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values(header), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(part), token) {
			return true
		}
	}
	return false
}
