package graphiql_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vaktreffen/vaktreffen/graph/internal/graphiql"
)

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/graphiql/", http.StripPrefix("/graphiql", graphiql.Handler("/graphql", []graphiql.Tab{
		{Title: "Who hosts", Query: `query Host { edition(id: "</script><b>") { host { name } } }`},
		{Title: "With variables", Query: "query V($n: Int) { __typename }", Variables: `{"n": 1}`},
	})))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestPageCarriesItsTabs(t *testing.T) {
	t.Parallel()
	_, body := get(t, serve(t).URL+"/graphiql/")
	found := regexp.MustCompile(`(?s)id="settings"[^>]*>(.*?)</script>`).FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("no settings in %s", body)
	}
	type tab struct{ Query, Variables, Headers string }
	var got struct {
		Endpoint, Headers string
		Tabs              []tab
	}
	if err := json.Unmarshal([]byte(found[1]), &got); err != nil {
		t.Fatal(err)
	}
	const headers = "{\n  \"Authorization\": \"\"\n}"
	want := []tab{
		{"# Who hosts\nquery Host { edition(id: \"</script><b>\") { host { name } } }", "", headers},
		{"# With variables\nquery V($n: Int) { __typename }", `{"n": 1}`, headers},
	}
	if diff := cmp.Diff(want, got.Tabs); diff != "" {
		t.Error(diff)
	}
	if got.Endpoint != "/graphql" || got.Headers != headers {
		t.Errorf("got the endpoint %q and for a new tab %q", got.Endpoint, got.Headers)
	}
}

// Everything the page names is served here, and nothing it names is elsewhere.
func TestPageNeedsNoOtherHost(t *testing.T) {
	t.Parallel()
	server := serve(t)
	resp, body := get(t, server.URL+"/graphiql/")
	policy := resp.Header.Get("Content-Security-Policy")
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") {
		t.Errorf("the policy is %s", policy)
	}
	names := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(body, -1)
	if len(names) < 7 {
		t.Fatalf("found only %q", names)
	}
	for _, name := range names {
		if name[1] == "data:," {
			continue
		}
		if strings.Contains(name[1], ":") || strings.HasPrefix(name[1], "/") {
			t.Errorf("%s is not below the prefix", name[1])
		}
		asset, content := get(t, server.URL+"/graphiql/"+name[1])
		if asset.StatusCode != 200 || content == "" {
			t.Errorf("%s: %d with %d bytes", name[1], asset.StatusCode, len(content))
		}
		want := map[bool]string{true: "text/javascript", false: "text/css"}[strings.HasSuffix(name[1], ".js")]
		if mediaType := asset.Header.Get("Content-Type"); !strings.HasPrefix(mediaType, want) {
			t.Errorf("%s is %s", name[1], mediaType)
		}
		again, _ := get(t, server.URL+"/graphiql/"+name[1], "If-None-Match: "+asset.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %d", name[1], again.StatusCode)
		}
	}
}

func TestNonceIsOfOneResponse(t *testing.T) {
	t.Parallel()
	server := serve(t)
	first, body := get(t, server.URL+"/graphiql/")
	second, _ := get(t, server.URL+"/graphiql/")
	nonce := regexp.MustCompile(`data-nonce="([^"]+)"`).FindStringSubmatch(body)
	if nonce == nil || !strings.Contains(first.Header.Get("Content-Security-Policy"), "'nonce-"+nonce[1]+"'") {
		t.Errorf("the page and its policy differ: %q, %q", nonce, first.Header.Get("Content-Security-Policy"))
	}
	if first.Header.Get("Content-Security-Policy") == second.Header.Get("Content-Security-Policy") {
		t.Error("the nonce is used twice")
	}
}

func TestNothingElseIsServed(t *testing.T) {
	t.Parallel()
	server := serve(t)
	for _, path := range []string{"page.html", "graphiql.go", "vendored/", "vendored/README.md", "x"} {
		if resp, _ := get(t, server.URL+"/graphiql/"+path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}
