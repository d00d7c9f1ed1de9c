// Package graph is the HTTP edge: the GraphQL API, and the few pages that a mail's link opens. Resolvers make one call of
// package db each and decide nothing; rules live there.
package graph

//go:generate sh -c "cd .. && go tool gqlgen generate && gofmt -r 'graphql.MarshalSliceConcurrently -> marshalList' -w graph/internal/exec/generated.go"

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.opentelemetry.io/otel/trace"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/direct"
	"github.com/vaktreffen/vaktreffen/graph/internal/documents"
	"github.com/vaktreffen/vaktreffen/graph/internal/exec"
	"github.com/vaktreffen/vaktreffen/graph/internal/limits"
	"github.com/vaktreffen/vaktreffen/graph/internal/rate"
	"github.com/vaktreffen/vaktreffen/graph/internal/transport"
)

// Config is what the edge needs to know about the program around it.
type Config struct {
	DB          *db.DB
	Log         *slog.Logger
	Origins     []string              // sites besides our own that may call the API from a browser, as https://host
	Development bool                  // serves /graphiql and allows introspection
	Trusted     Documents             // which requests may name by their hash
	TrustedOnly bool                  // refuses every document that is not among them
	Metrics     prometheus.Registerer // counts operations and PDFs; nil for nobody
	Traces      trace.TracerProvider  // records operations; nil for nobody
	Redis       redis.Scripter        // counts how often what is done; nil: everything may be done as often as anybody likes
	Points      int                   // of cost that one client may spend in a minute; 0: as many as it likes
	ProxyHeader string                // in which a proxy before this program writes the client's address; "": there is none
	OpenID      *OpenID               // nil: people sign in by mail only
	PublicURL   string                // where people reach the program, without a slash at the end; the addresses of calendars begin with it
	Secure      bool                  // people reach the pages over HTTPS: cookies must not travel otherwise
	CacheBytes  int                   // how much memory the answers of public operations may take; 0 keeps none
	// Proof words a mail as it would be sent; nil: previews hold no mails.
	Proof    func(*db.Mail) (subject, text, html string, err error)
	Draining <-chan struct{} // closed when the process is about to end: streams end, readiness is off
}

// The largest bodies, in bytes. People who are signed in may send a list of people as CSV, whose own limit is lower and is
// explained in the answer.
const (
	bodyAnonymous = 256 << 10
	bodySignedIn  = 8 << 20
)

// Handler serves /graphql, the pages that mails lead to, and the files and calendars beside them: see serve. It fails on an origin
// that is none.
func Handler(cfg Config) (http.Handler, error) {
	res := resolver{db: cfg.DB, rates: rate.New(cfg.Redis), log: cfg.Log, proof: cfg.Proof, origin: cfg.PublicURL}
	mux := http.NewServeMux()
	if err := res.serve(mux, cfg); err != nil {
		return nil, err
	}
	protection := http.NewCrossOriginProtection()
	protection.AddInsecureBypassPattern(unsubscribePath)
	for _, origin := range cfg.Origins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("allowed origin %q: %w", origin, err)
		}
	}
	return protection.Handler(withClient(cfg.ProxyHeader, res.limitForms(cfg, mux))), nil
}

// routes take what is served and where; an [http.ServeMux] does.
type routes interface {
	Handle(pattern string, handler http.Handler)
	HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request))
}

// serve says what is served where. Nothing else is.
func (r resolver) serve(mux routes, cfg Config) error {
	api, err := graphQL(cfg, r, writtenDirectly)
	if err != nil {
		return err
	}
	mux.Handle("/graphql", crossOrigin(cfg.Origins, signIn(cfg, api)))
	mux.Handle("GET /registrations/{file}", crossOrigin(cfg.Origins, signIn(cfg, exportRegistrations(cfg))))
	mux.Handle("OPTIONS /registrations/{file}", crossOrigin(cfg.Origins, http.NotFoundHandler()))
	answerPages(mux, cfg)
	placePages(mux, cfg)
	unsubscribePages(mux, cfg)
	deskPages(mux, cfg)
	if err := reportPages(mux, cfg); err != nil {
		return err
	}
	actionPages(mux, cfg)
	practicePages(mux, cfg, r)
	feedbackPages(mux, cfg)
	mux.HandleFunc("GET /example", showExample(cfg))
	checkInPages(mux, cfg)
	mux.HandleFunc("GET /certificates/{code...}", showCertificate(cfg))
	calendarFeeds(mux, cfg)
	signInPages(mux, cfg, r)
	openIDPages(mux, cfg, r)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", ready(cfg))
	if cfg.Development {
		editor, err := graphiQL(context.Background(), cfg.DB)
		if err != nil {
			return fmt.Errorf("graphiql: %w", err)
		}
		mux.Handle("/graphiql/", editor)
	}
	return nil
}

// writtenDirectly are the root fields whose answers need no visit of every field by itself.
var writtenDirectly = []string{"edition", "editions", "partnership", "partnerships", "municipalities", "institutions", "courses", "themes"}

func graphQL(cfg Config, res resolver, directly []string) (http.Handler, error) {
	schema := exec.NewExecutableSchema(exec.Config{Resolvers: res})
	srv := handler.New(schema)
	if err := observe(srv, cfg); err != nil {
		return nil, fmt.Errorf("observe operations: %w", err)
	}
	transport.Install(srv, transport.Config{
		BodyLimit: func(r *http.Request) int64 {
			if actor(r.Context()).Anonymous() {
				return bodyAnonymous
			}
			return bodySignedIn
		},
		Origins: cfg.Origins,
		SignIn: func(ctx context.Context, token string) (context.Context, error) {
			a, ok, err := cfg.DB.Authenticate(ctx, token)
			if err == nil && !ok {
				err = &db.Error{Code: db.CodeNotSignedIn, Message: "This token is not valid, or no longer."}
			}
			return withActor(ctx, a), err
		},
		Renew:    renew(cfg),
		Public:   public,
		Draining: cfg.Draining,
	})
	documents.Install(srv, documents.Config{Trusted: cfg.Trusted, Only: cfg.TrustedOnly})
	limits.Install(srv, limits.Config{
		Introspection: cfg.Development,
		Cost: func(ctx context.Context) int {
			switch a := actor(ctx); {
			case a.Anonymous():
				return limits.CostAnonymous
			case !a.Organiser():
				return limits.CostSignedIn
			default:
				return limits.CostOrganiser
			}
		},
	})
	if cfg.Points > 0 {
		srv.AroundOperations(res.spend(cfg.Points))
	}
	srv.SetErrorPresenter(present(cfg.Log))
	srv.SetRecoverFunc(func(ctx context.Context, panicked any) error {
		cfg.Log.ErrorContext(ctx, "panic in a resolver", "panic", panicked, "stack", string(debug.Stack()))
		return errors.New("panic in a resolver")
	})
	if cfg.CacheBytes > 0 {
		srv.AroundOperations(newResponseCache(cfg.DB, cfg.CacheBytes).around)
	}
	direct.Install(srv, schema.Schema(), directly...)
	return srv, nil
}

// renew puts the actor with the rights it has now into the context of an operation of a connection that lasts.
func renew(cfg Config) func(context.Context) (context.Context, *gqlerror.Error) {
	return func(ctx context.Context) (context.Context, *gqlerror.Error) {
		refusal := func(code, message string) (context.Context, *gqlerror.Error) {
			return ctx, &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
		}
		a, ok, err := cfg.DB.Renew(ctx, actor(ctx))
		switch {
		case err != nil:
			if ctx.Err() == nil { // else the client has gone
				cfg.Log.ErrorContext(ctx, "authenticate", "error", err)
			}
			return refusal("UNAVAILABLE", "Sign-in cannot be checked at the moment; try again.")
		case !ok:
			return refusal(string(db.CodeNotSignedIn), "This token is not valid any more; sign in again and open another connection.")
		}
		return withActor(ctx, a), nil
	}
}

// signIn puts the actor of a bearer token into the request's context. A token that is not valid is refused, so that a client
// whose token ran out does not take the public answer for its own.
func signIn(cfg Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := bearer(r)
		if token == "" {
			next.ServeHTTP(w, r)
			return
		}
		a, ok, err := cfg.DB.Authenticate(r.Context(), token)
		switch {
		case err != nil:
			cfg.Log.ErrorContext(r.Context(), "authenticate", "error", err)
			refuse(w, http.StatusServiceUnavailable, "UNAVAILABLE", "Sign-in cannot be checked at the moment; try again.")
		case !ok:
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			refuse(w, http.StatusUnauthorized, string(db.CodeNotSignedIn), "This token is not valid, or no longer; sign in again or leave it out.")
		default:
			next.ServeHTTP(w, r.WithContext(withActor(r.Context(), a)))
		}
	})
}

// refuse answers a request that does not reach the API, in the form of a GraphQL answer.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"errors":[{"message":"` + message + `","extensions":{"code":"` + code + `"}}]}`))
}

// crossOrigin lets the named sites call the API from a browser (CORS). Credentials are never allowed: the API knows no cookies.
func crossOrigin(origins []string, next http.Handler) http.Handler {
	allowed := make(map[string]bool, len(origins))
	for _, origin := range origins {
		allowed[origin] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); allowed[origin] {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			if r.Method == http.MethodOptions {
				w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
				w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Authorization, Apollo-Require-Preflight, X-Apollo-Operation-Name")
				w.Header().Set("Access-Control-Max-Age", "7200")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func ready(cfg Config) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-cfg.Draining:
			http.Error(w, "draining", http.StatusServiceUnavailable)
			return
		default:
		}
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := cfg.DB.Ping(ctx); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	}
}
