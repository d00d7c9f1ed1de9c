package graph_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/vaktreffen/vaktreffen/graph"
)

// issuer is an OpenID provider: it signs tokens, and signs everybody in as the account it is set to.
type issuer struct {
	*httptest.Server
	key     *rsa.PrivateKey
	mu      sync.Mutex
	account vars                  // claims of whoever signs in
	spoil   func(claims vars)     // what is wrong with its tokens
	asked   map[string]url.Values // by code
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key, asked: map[string]url.Values{}}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, value any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, vars{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		code := rand.Text()
		i.mu.Lock()
		i.asked[code] = r.URL.Query()
		i.mu.Unlock()
		back := must(url.Parse(r.FormValue("redirect_uri")))
		back.RawQuery = url.Values{"code": {code}, "state": {r.FormValue("state")}}.Encode()
		http.Redirect(w, r, back.String(), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		asked := i.asked[r.FormValue("code")]
		delete(i.asked, r.FormValue("code"))
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if asked == nil || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
			return
		}
		claims := vars{"iss": i.URL, "aud": asked.Get("client_id"), "sub": "1", "nonce": asked.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
		for name, value := range i.account {
			claims[name] = value
		}
		if i.spoil != nil {
			i.spoil(claims)
		}
		signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil))
		token := must(must(signer.Sign(must(json.Marshal(claims)))).CompactSerialize())
		answer(w, vars{"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": token})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func TestSignInByOpenID(t *testing.T) {
	each(t, func(t *house) {
		provider := newIssuer(t.T)
		openID := &graph.OpenID{Name: "Gemeente Groningen", Issuer: provider.URL, ClientID: "vaktreffen", ClientSecret: "secret"}
		handler, err := graph.Handler(graph.Config{DB: t.db, Log: t.logger, OpenID: openID})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		openID.RedirectURL = server.URL + "/openid/callback"
		t.url = server.URL + "/graphql"

		if status, page := t.browser().page("GET", "/sign-in", nil, "Accept-Language", "nl"); status != 200 || !strings.Contains(page, "Inloggen met Gemeente Groningen") {
			t.Errorf("the page does not offer it: %d %s", status, page)
		}
		for name, c := range map[string]struct {
			account vars
			spoil   func(vars)
			status  int
		}{
			"a known address":         {vars{"email": member, "email_verified": true}, nil, 200},
			"in another case":         {vars{"email": strings.ToUpper(member), "email_verified": true}, nil, 200},
			"not verified":            {vars{"email": member, "email_verified": false}, nil, 403},
			"nothing about verifying": {vars{"email": member}, nil, 403},
			"an unknown address":      {vars{"email": "unknown@example.org", "email_verified": true}, nil, 403},
			"no address":              {vars{"email_verified": true}, nil, 403},
			"for somebody else":       {vars{"email": member, "email_verified": true}, func(c vars) { c["aud"] = "another" }, 400},
			"of another issuer":       {vars{"email": member, "email_verified": true}, func(c vars) { c["iss"] = "https://evil.example.org" }, 400},
			"over":                    {vars{"email": member, "email_verified": true}, func(c vars) { c["exp"] = time.Now().Add(-time.Hour).Unix() }, 400},
			"an answer seen before":   {vars{"email": member, "email_verified": true}, func(c vars) { c["nonce"] = "old" }, 400},
		} {
			provider.mu.Lock()
			provider.account, provider.spoil = c.account, c.spoil
			provider.mu.Unlock()
			b := t.browser()
			status, page := b.page("GET", "/openid", nil)
			signedIn := len(b.Jar.Cookies(must(url.Parse(t.url)))) == 1
			if status != c.status || signedIn != (c.status == 200) || signedIn && !strings.Contains(page, member) {
				t.Errorf("%s: %d, signed in %v: %s", name, status, signedIn, page)
			}
		}
		provider.mu.Lock()
		provider.account, provider.spoil = vars{"email": member, "email_verified": true}, nil
		provider.mu.Unlock()

		// Somebody else's answer: the browser did not ask, or asked for another.
		thief := t.browser()
		thief.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if r.URL.Path == "/openid/callback" {
				return http.ErrUseLastResponse
			}
			return nil
		}
		stolen := must(thief.Get(server.URL + "/openid"))
		callback := must(stolen.Location())
		_ = stolen.Body.Close()
		victim := t.browser()
		if status, _ := victim.page("GET", callback.RequestURI(), nil); status != 400 || len(victim.Jar.Cookies(callback)) != 0 {
			t.Errorf("an answer that the browser did not ask for: %d", status)
		}
		for _, line := range t.log.messages() {
			if strings.Contains(line, member) {
				t.Errorf("the log tells: %s", line)
			}
		}
		provider.Close()
		other := &graph.OpenID{Name: "Down", Issuer: provider.URL, ClientID: "vaktreffen"}
		handler = must(graph.Handler(graph.Config{DB: t.db, Log: t.logger, OpenID: other}))
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/openid", nil))
		if answer.Code != 500 {
			t.Errorf("while the provider is down: %d", answer.Code)
		}
	})
}
