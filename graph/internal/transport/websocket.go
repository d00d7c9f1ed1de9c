package transport

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	coder "github.com/coder/websocket"

	"github.com/99designs/gqlgen/graphql"
	gqlgen "github.com/99designs/gqlgen/graphql/handler/transport"
)

const (
	subprotocol = "graphql-transport-ws"

	initTimeout  = 10 * time.Second
	pingInterval = 20 * time.Second

	// maxMessageBytes is room for any document that the limits allow and its
	// variables. Uploads go by POST.
	maxMessageBytes = 64 << 10

	// closeForbidden is the protocol's close code for a refused connection_init.
	closeForbidden = 4403
)

var errForbidden = errors.New("forbidden")

// webSocket checks a connection before gqlgen's transport speaks the protocol.
type webSocket struct {
	origins  []string
	draining <-chan struct{}
	protocol gqlgen.Websocket
}

var _ graphql.Transport = webSocket{}

func newWebSocket(cfg Config) webSocket {
	readLimit := int64(maxMessageBytes)
	return webSocket{
		origins:  cfg.Origins,
		draining: cfg.Draining,
		protocol: gqlgen.Websocket{
			Implementation:   accepter{draining: cfg.Draining},
			InitFunc:         initConnection(cfg.SignIn),
			InitTimeout:      initTimeout,
			PingPongInterval: pingInterval,
			PayloadReadLimit: &readLimit,
		},
	}
}

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
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		select {
		case <-t.draining:
			cancel()
		case <-ctx.Done():
		}
	}()
	t.protocol.Do(w, r.WithContext(ctx), exec)
}

// originAllowed lets through programs, which send no Origin, pages of this host,
// and the configured origins.
func (t webSocket) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(t.origins, origin) {
		return true
	}
	parsed, err := url.Parse(origin)
	return err == nil && parsed.Host != "" && strings.EqualFold(parsed.Host, r.Host)
}

// initConnection counts the connection's operations and, if connection_init
// carries a bearer token, signs it in.
func initConnection(signIn func(context.Context, string) (context.Context, error)) gqlgen.WebsocketInitFunc {
	return func(ctx context.Context, payload gqlgen.InitPayload) (context.Context, *gqlgen.InitPayload, error) {
		ctx = countOperations(ctx)
		authorization := payload.Authorization()
		if authorization == "" {
			return ctx, nil, nil
		}
		scheme, bearer, _ := strings.Cut(authorization, " ")
		if strings.EqualFold(scheme, "Bearer") {
			if signedIn, err := signIn(ctx, strings.TrimSpace(bearer)); err == nil {
				return signedIn, nil, nil
			}
		}
		ctx = gqlgen.WithWebsocketCloseCode(ctx, closeForbidden)
		return gqlgen.AppendCloseReason(ctx, "Forbidden"), nil, errForbidden
	}
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

// accepter opens connections with graphql-transport-ws alone; gqlgen by itself
// prefers the protocol's retired predecessor.
type accepter struct {
	draining <-chan struct{}
}

func (a accepter) Accept(w http.ResponseWriter, r *http.Request, opts gqlgen.WebsocketAcceptOptions) (gqlgen.WebsocketConn, error) {
	opts.Subprotocols = []string{subprotocol}
	conn, err := gqlgen.CoderWebsocketImplementation{
		// The origin has been checked, against exact origins rather than patterns.
		AcceptOptions: coder.AcceptOptions{InsecureSkipVerify: true},
	}.Accept(w, r, opts)
	if err != nil {
		return nil, err
	}
	return drainingConn{WebsocketConn: conn, draining: a.draining}, nil
}

// drainingConn closes with "service restart" while the server drains, so that
// clients connect again; gqlgen by itself says that all is done.
type drainingConn struct {
	gqlgen.WebsocketConn
	draining <-chan struct{}
}

var (
	_ gqlgen.WebsocketReadLimiter   = drainingConn{}
	_ gqlgen.WebsocketReadDeadliner = drainingConn{}
)

func (c drainingConn) WriteClose(code int, reason string) error {
	select {
	case <-c.draining:
		code, reason = int(coder.StatusServiceRestart), "The server is restarting."
	default:
	}
	return c.WebsocketConn.WriteClose(code, reason)
}

func (c drainingConn) SetReadLimit(limit int64) {
	c.WebsocketConn.(gqlgen.WebsocketReadLimiter).SetReadLimit(limit)
}

func (c drainingConn) SetReadDeadline(deadline time.Time) error {
	return c.WebsocketConn.(gqlgen.WebsocketReadDeadliner).SetReadDeadline(deadline)
}
