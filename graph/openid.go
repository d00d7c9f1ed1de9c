package graph

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// OpenID is an OpenID Connect provider that people may sign in with instead of by mail.
type OpenID struct {
	Name         string // as people know it: "Gemeente Groningen"
	Issuer       string // its address, as its tokens name it
	ClientID     string
	ClientSecret string
	RedirectURL  string // PUBLIC_URL + /openid/callback, as registered with the provider

	mu       sync.Mutex
	provider *oidc.Provider
}

// name is the name of the provider, "" without one.
func (o *OpenID) name() string {
	if o == nil {
		return ""
	}
	return o.Name
}

// openIDWait is for how long a provider may take to answer, and openIDValid for how long somebody may take there.
const (
	openIDWait  = 10 * time.Second
	openIDValid = 10 * time.Minute
)

// openIDCookie ties an answer of the provider to the browser that asked for it.
const openIDCookie = "vaktreffen-openid"

// openIDRequest is what that cookie holds.
type openIDRequest struct{ State, Nonce, Verifier string }

// discover reads what the provider says of itself, at the first use: this program starts without it.
func (o *OpenID) discover(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider != nil {
		return o.provider, nil
	}
	// The provider keeps the context to fetch its keys with later.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), &http.Client{Timeout: openIDWait}), o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discover the OpenID provider: %w", err)
	}
	o.provider = provider
	return provider, nil
}

func (o *OpenID) client(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret, Endpoint: p.Endpoint(), RedirectURL: o.RedirectURL,
		Scopes: []string{oidc.ScopeOpenID, "email"},
	}
}

// openIDPages leads people to the provider and back: the authorization code flow with PKCE (RFC 7636), state and nonce.
func openIDPages(mux routes, cfg Config, res resolver) {
	o := cfg.OpenID
	if o == nil {
		return
	}
	mux.HandleFunc("GET /openid", func(w http.ResponseWriter, r *http.Request) {
		provider, err := o.discover(r.Context())
		if err != nil {
			showPage(w, r, cfg, 0, nil, err)
			return
		}
		asked := openIDRequest{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
		text, err := json.Marshal(asked)
		if err != nil {
			showPage(w, r, cfg, 0, nil, err)
			return
		}
		http.SetCookie(w, &http.Cookie{
			Name: openIDCookie, Value: encodeCookie(text), Path: "/openid", MaxAge: int(openIDValid / time.Second), HttpOnly: true,
			SameSite: http.SameSiteLaxMode, Secure: cfg.Secure,
		})
		setPageHeaders(w)
		http.Redirect(w, r, o.client(provider).AuthCodeURL(asked.State, oidc.Nonce(asked.Nonce), oauth2.S256ChallengeOption(asked.Verifier)), http.StatusSeeOther)
	})
	mux.HandleFunc("GET /openid/callback", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: openIDCookie, Path: "/openid", MaxAge: -1})
		if retryAfter(w, res.allow(r.Context(), tokensTried, network(r.Context()))) {
			page, err := pages.SignIn(pages.SignInLater, o.Name, readerLanguage(r))
			showPage(w, r, cfg, http.StatusTooManyRequests, page, err)
			return
		}
		address, err := o.verified(r)
		var in *db.SignedIn
		if err == nil && address != "" {
			in, err = cfg.DB.SignInAs(r.Context(), address, r.UserAgent())
		}
		if _, expected := db.AsErrors(err); expected || err == nil && address == "" {
			page, err := pages.SignIn(pages.NotKnown, o.Name, readerLanguage(r))
			showPage(w, r, cfg, http.StatusForbidden, page, err)
			return
		}
		if refusal, refused := errors.AsType[*openIDRefusal](err); refused {
			cfg.Log.InfoContext(r.Context(), "OpenID sign-in refused", "reason", refusal.reason)
			page, err := pages.SignIn(pages.LinkOver, o.Name, readerLanguage(r))
			showPage(w, r, cfg, http.StatusBadRequest, page, err)
			return
		}
		if err != nil {
			showPage(w, r, cfg, 0, nil, err)
			return
		}
		enter(w, r, cfg, in)
	})
}

// openIDRefusal says why an answer that claims to be the provider's is not taken.
type openIDRefusal struct{ reason string }

func (r *openIDRefusal) Error() string { return r.reason }

// verified returns the address that the provider vouches for in its answer, "" when it vouches for none.
func (o *OpenID) verified(r *http.Request) (string, error) {
	var asked openIDRequest
	cookie, err := r.Cookie(openIDCookie)
	if err != nil {
		return "", &openIDRefusal{"the browser did not ask for it"}
	}
	if text, ok := decodeCookie(cookie.Value); !ok || json.Unmarshal(text, &asked) != nil || asked.State == "" {
		return "", &openIDRefusal{"the browser did not ask for it"}
	}
	answer := r.URL.Query()
	if !sameText(answer.Get("state"), asked.State) {
		return "", &openIDRefusal{"it answers another request"}
	}
	if answer.Get("code") == "" {
		return "", &openIDRefusal{"the provider did not sign the person in"}
	}
	provider, err := o.discover(r.Context())
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(r.Context(), openIDWait)
	defer cancel()
	tokens, err := o.client(provider).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(asked.Verifier))
	if err != nil {
		if _, answered := errors.AsType[*oauth2.RetrieveError](err); answered {
			return "", &openIDRefusal{"the provider did not take the code"}
		}
		return "", fmt.Errorf("exchange the code: %w", err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := provider.Verifier(&oidc.Config{ClientID: o.ClientID}).Verify(ctx, raw)
	if err != nil || !sameText(token.Nonce, asked.Nonce) {
		return "", &openIDRefusal{"its token is not valid"}
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := token.Claims(&claims); err != nil {
		return "", &openIDRefusal{"its token cannot be read"}
	}
	if !claims.Verified {
		return "", nil
	}
	return claims.Email, nil
}
