package transport_test

import (
	"net/http"
	"net/url"
	"testing"
)

func TestCaching(t *testing.T) {
	t.Parallel()
	server := serve(t, newToySchema())
	ask := func(t *testing.T, method, query string, header ...string) answer {
		t.Helper()
		return do(t, method, server.URL+"?"+url.Values{"query": {query}}.Encode(), "", header...)
	}
	public := ask(t, http.MethodGet, "{ prose }")
	tag := public.header.Get("ETag")
	if public.status != 200 || public.header.Get("Cache-Control") != "public, no-cache" || len(tag) != 34 {
		t.Fatalf("got %d %v", public.status, public.header)
	}
	for name, header := range map[string]string{
		"the same": tag, "weak": "W/" + tag, "one of several": `"other", ` + tag, "any": "*",
	} {
		got := ask(t, http.MethodGet, "{ prose }", "If-None-Match: "+header)
		if got.status != http.StatusNotModified || got.body != "" || got.header.Get("ETag") != tag || got.header.Get("Cache-Control") != "public, no-cache" {
			t.Errorf("%s: got %d %q %v", name, got.status, got.body, got.header)
		}
	}
	if got := ask(t, http.MethodHead, "{ prose }"); got.header.Get("ETag") != tag || got.body != "" {
		t.Errorf("HEAD: %d %q %v", got.status, got.body, got.header)
	}
	for name, got := range map[string]answer{
		"another answer":         ask(t, http.MethodGet, "{ who }", "If-None-Match: "+tag),
		"another representation": ask(t, http.MethodGet, "{ prose }", "If-None-Match: "+tag, acceptsGraphQL),
	} {
		if got.status != http.StatusOK || got.header.Get("ETag") == tag {
			t.Errorf("%s: got %d with tag %s", name, got.status, got.header.Get("ETag"))
		}
	}
	for name, got := range map[string]answer{
		"live":           ask(t, http.MethodGet, "query Live { who }", "If-None-Match: *"),
		"with an error":  ask(t, http.MethodGet, "{ broken }", "If-None-Match: *"),
		"not a query":    ask(t, http.MethodGet, "{ nothing }", "If-None-Match: *"),
		"not a request":  ask(t, http.MethodGet, ""),
		"POST":           do(t, http.MethodPost, server.URL, `{"query":"{ prose }"}`, sendsJSON, "If-None-Match: *"),
		"not acceptable": ask(t, http.MethodGet, "{ who }", "Accept: text/html"),
	} {
		if got.header.Get("Cache-Control") != "no-store" || got.header.Get("ETag") != "" || got.status == http.StatusNotModified {
			t.Errorf("%s: got %d %v", name, got.status, got.header)
		}
	}
	if vary := public.header.Get("Vary"); vary != "Accept, Authorization" {
		t.Errorf("Vary is %q", vary)
	}
}
