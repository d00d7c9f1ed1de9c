package graph_test

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/graph"
)

// route is a row of the table of what is served: who asks for a path, and what they get.
type route struct {
	pattern string // as the edge knows it
	path    func(s *scene, as string) string
	may     []string
	status  int                                  // for these
	refusal int                                  // for everybody else
	except  map[string]int                       // roles that are refused otherwise
	form    func(s *scene, as string) url.Values // that is posted
	file    bool                                 // the form has one
	token   bool                                 // who asks says so by a bearer token and not by the cookie of the pages
	knows   []string                             // read there, and nowhere else, of people: by a link that stands for one, or as their trainer
}

// Every path that the edge serves is asked for in every role. Whoever is refused changes nothing, and reads of nobody and of
// nothing unpublished. Nobody reads of a person whom the API hides. What is only read changes nothing.
func TestWhoIsServedWhat(t *testing.T) {
	each(t, func(t *house) {
		provider := newIssuer(t.T)
		cfg := graph.Config{Development: true, OpenID: &graph.OpenID{Name: "Town", Issuer: provider.URL, ClientID: "meetings", RedirectURL: publicURL + "/openid/callback"}}
		s := newScene(t.with(cfg))
		s.linked()
		cfg.DB, cfg.Log = t.db, t.logger
		patterns, err := graph.Patterns(cfg)
		if err != nil {
			t.Fatal(err)
		}
		tried := map[string]bool{}
		prints := s.fingerprints()
		for _, r := range served() {
			if !slices.Contains(patterns, r.pattern) {
				t.Errorf("nothing is served at %s; take it out of served", r.pattern)
			}
			tried[r.pattern] = true
			s.serve(r, prints)
		}
		for _, pattern := range patterns {
			if !tried[pattern] {
				t.Errorf("%s: add rows to served that say whom it is for", pattern)
			}
		}
	})
}

// serve asks for the path of a row in every role, first in those that are refused.
func (s *scene) serve(r route, prints func() map[string]string) {
	s.Helper()
	var requests []func() (string, reply)
	refused := slices.DeleteFunc(slices.Clone(everybody), func(as string) bool { return slices.Contains(r.may, as) })
	for _, as := range slices.Concat(refused, r.may) {
		requests = append(requests, s.request(r, as))
	}
	unchanged := prints()
	for n, as := range slices.Concat(refused, r.may) {
		what, got := requests[n]()
		want := r.status
		if n < len(refused) {
			want = cmp.Or(r.except[as], r.refusal)
		}
		if got.StatusCode != want {
			s.Errorf("%s: %s, want %d:\n%.1500s", what, got.Status, want, got.body)
		}
		if n < len(refused) {
			s.hides(what, got.body)
		} else if !slices.Contains(r.knows, as) {
			s.tellsOnlyOf(as, what, got.body, "")
		}
		reads := n+1 == len(refused) || r.form == nil && n+1 == len(requests)
		if reads && !maps.Equal(prints(), unchanged) {
			s.Errorf("%s, or the same in a role before it: it changes the database", what)
		}
		if r.form != nil && n == len(refused) && want < 400 && maps.Equal(prints(), unchanged) {
			s.Errorf("%s: %s, and it changes nothing", what, got.Status)
		}
	}
}

// request prepares a request for the path of a row in one role.
func (s *scene) request(r route, as string) (send func() (what string, got reply)) {
	s.Helper()
	method, _, named := strings.Cut(r.pattern, " ")
	if !named {
		method = http.MethodGet
	}
	path := r.path(s, as)
	var body io.Reader
	var headers []string
	if r.form != nil {
		kind := "application/x-www-form-urlencoded"
		body = strings.NewReader(r.form(s, as).Encode())
		if r.file {
			body, kind = form(s.T, "notes.txt", "Notes.", "title", "Notes")
		}
		headers = append(headers, "Content-Type", kind)
	}
	cookie := as
	if as != nobody {
		token := s.token(as) // leaves an entry of its own
		if r.token {
			headers, cookie = append(headers, "Authorization", "Bearer "+token), nobody
		}
	}
	return func() (string, reply) {
		return fmt.Sprintf("%s for %q: %s", r.pattern, as, path), s.fetch(cookie, method, path, body, headers...)
	}
}
