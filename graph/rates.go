package graph

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/vaktreffen/vaktreffen/graph/internal/limits"
	"github.com/vaktreffen/vaktreffen/graph/internal/rate"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// How often what may be done. Whoever is signed in is counted as a person, everybody else by network address, behind which a whole
// town hall may sit.
var (
	linksForAddress = rate.Limit{Name: "links", Amount: 5, Per: 15 * time.Minute}
	linksFromClient = rate.Limit{Name: "links-from", Amount: 60, Per: 15 * time.Minute}
	tokensTried     = rate.Limit{Name: "tokens", Amount: 60, Per: 15 * time.Minute}
	registrations   = rate.Limit{Name: "register", Amount: 120, Per: time.Minute}
	trials          = rate.Limit{Name: "trial", Amount: 30, Per: time.Hour}
	comments        = rate.Limit{Name: "comment", Amount: 20, Per: time.Hour}
	ratings         = rate.Limit{Name: "rating", Amount: 60, Per: time.Hour}
	formsOfLink     = rate.Limit{Name: "link", Amount: 60, Per: time.Minute}
	formsFromClient = rate.Limit{Name: "links-posted", Amount: 600, Per: time.Minute}
	campaigns       = rate.Limit{Name: "invite", Amount: 120, Per: time.Hour}
)

// allow takes one of a limit for somebody, and refuses when there is none left, saying when there is. Without an answer from Redis
// it allows: a limit must not stop what it protects.
func (r resolver) allow(ctx context.Context, limit rate.Limit, whom string) error {
	wait, err := r.rates.Take(ctx, limit, whom, 1)
	if err != nil {
		r.log.WarnContext(ctx, "rates cannot be counted", "error", err)
	}
	if refused := tooOften(wait); refused != nil {
		return refused
	}
	return nil
}

// tooOften is the error of a limit that is reached; nil when there is nothing to wait for.
func tooOften(wait time.Duration) *gqlerror.Error {
	if wait <= 0 {
		return nil
	}
	seconds := int((wait + time.Second - 1) / time.Second)
	return &gqlerror.Error{
		Message:    fmt.Sprintf("This was done too often. Try again in %d seconds.", seconds),
		Extensions: map[string]any{"code": "RATE_LIMIT", "retryAfter": seconds},
	}
}

// spend takes the cost of each operation from what its client may spend in a minute. A subscription costs once.
func (r resolver) spend(points int) graphql.OperationMiddleware {
	limit := rate.Limit{Name: "points", Amount: points, Per: time.Minute}
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		wait, err := r.rates.TakeSmall(ctx, limit, client(ctx), limits.Cost(graphql.GetOperationContext(ctx)))
		if err != nil {
			r.log.WarnContext(ctx, "rates cannot be counted", "error", err)
		}
		if refused := tooOften(wait); refused != nil {
			return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{refused}})
		}
		return next(ctx)
	}
}

type clientKey struct{}

// withClient puts the network address of the client into the context. Behind a proxy that is what the proxy wrote last into the
// named header; without a name, headers count for nothing, since anybody can write them.
func withClient(header string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), clientKey{}, clientAddress(r, header))))
	})
}

func clientAddress(r *http.Request, header string) string {
	if header != "" {
		if values := r.Header.Values(header); len(values) > 0 {
			list := values[len(values)-1]
			if last := strings.TrimSpace(list[strings.LastIndex(list, ",")+1:]); last != "" {
				return last
			}
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return ip.Mask(net.CIDRMask(64, 128)).String() // one subscriber has a whole /64
	}
	return host
}

// client is whom a request counts for: the person who is signed in, else the network address.
func client(ctx context.Context) string {
	if a := actor(ctx); !a.Anonymous() {
		return a.PersonID.String()
	}
	return network(ctx)
}

func network(ctx context.Context) string {
	address, _ := ctx.Value(clientKey{}).(string)
	return address
}

// retryAfter tells a browser when to come back; it reports whether there is anything to wait for.
func retryAfter(w http.ResponseWriter, err error) bool {
	limited, ok := err.(*gqlerror.Error)
	if !ok {
		return false
	}
	seconds, ok := limited.Extensions["retryAfter"].(int)
	if ok {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	return ok
}

// personalLinks are where the pages of personal links begin.
var personalLinks = []string{"/a/", "/d/", "/f/", "/i/", "/r/", "/unsubscribe/"}

// limitForms refuses forms of personal links that are sent too often: of one link, and from one network address, behind which a
// whole town hall may sit. Mail programs unsubscribe their readers from a few addresses of their own, so these are not counted
// by address.
func (r resolver) limitForms(cfg Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		begins := slices.IndexFunc(personalLinks, func(prefix string) bool { return strings.HasPrefix(req.URL.Path, prefix) })
		if req.Method != http.MethodPost || begins < 0 {
			next.ServeHTTP(w, req)
			return
		}
		link := sha256.Sum256([]byte(req.URL.Path)) // a token is no business of Redis
		err := r.allow(req.Context(), formsOfLink, base64.RawURLEncoding.EncodeToString(link[:]))
		if err == nil && personalLinks[begins] != "/unsubscribe/" {
			err = r.allow(req.Context(), formsFromClient, network(req.Context()))
		}
		if retryAfter(w, err) {
			showPage(w, req, cfg, http.StatusTooManyRequests, pages.Busy(), nil)
			return
		}
		next.ServeHTTP(w, req)
	})
}
