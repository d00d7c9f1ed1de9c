package graph_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vaktreffen/vaktreffen/graph"
)

func hashOf(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}

// request posts a body of the test's own making.
func (h *house) request(body vars) answer {
	h.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		h.Fatal(err)
	}
	return h.post(h.Context(), "", content)
}

// outcome is "data" or the code of the first error.
func (a answer) outcome() any {
	if len(a.Errors) > 0 {
		return a.Errors[0].Extensions["code"]
	}
	if a.Data != nil {
		return "data"
	}
	return a.body
}

func persisted(hash string) vars {
	return vars{"persistedQuery": vars{"version": 1, "sha256Hash": hash}}
}

func TestDocumentsByHash(t *testing.T) {
	t.Parallel()
	manifest, err := graph.ManifestOf(os.DirFS("operations"))
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := graph.ReadManifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	h := onSQLite(t)
	const off, prefer, only = 0, 1, 2
	modes := [...]*house{h, h.with(graph.Config{Trusted: trusted}), h.with(graph.Config{Trusted: trusted, TrustedOnly: true})}

	themes, typo, editions := "{ themes { name } }", "{ themes { nome } }", operation(t, "editions")
	first := vars{"first": 1}
	const notFound, mismatch, notTrusted, bad = "PERSISTED_QUERY_NOT_FOUND", "PERSISTED_QUERY_HASH_MISMATCH", "DOCUMENT_NOT_TRUSTED", "BAD_REQUEST"
	for _, step := range []struct { // in this order
		what string
		body vars
		want [3]string
	}{
		{"a trusted document", vars{"documentId": "sha256:" + hashOf(editions), "variables": first}, [...]string{notFound, "data", "data"}},
		{"without prefix", vars{"documentId": hashOf(editions), "variables": first}, [...]string{notFound, "data", "data"}},
		{"its text", vars{"query": editions, "variables": first}, [...]string{"data", "data", "data"}},
		{"another text", vars{"query": themes}, [...]string{"data", "data", notTrusted}},
		{"an unknown id", vars{"documentId": "sha256:" + hashOf(themes)}, [...]string{notFound, notFound, notFound}},
		{"an id of no kind", vars{"documentId": "s3cret"}, [...]string{notFound, notFound, notFound}},
		{"id and text", vars{"documentId": hashOf(editions), "query": editions, "variables": first}, [...]string{bad, bad, bad}},
		{"an id that is none", vars{"documentId": 1}, [...]string{bad, bad, bad}},
		{"an id among the extensions", vars{"extensions": vars{"documentId": hashOf(editions)}}, [...]string{bad, bad, bad}},
		{"a trusted hash", vars{"extensions": persisted(hashOf(editions)), "variables": first}, [...]string{notFound, "data", "data"}},
		{"a hash before its text", vars{"extensions": persisted(hashOf(themes))}, [...]string{notFound, notFound, notFound}},
		{"the text of another hash", vars{"extensions": persisted(hashOf(typo)), "query": themes}, [...]string{mismatch, mismatch, mismatch}},
		{"still unknown", vars{"extensions": persisted(hashOf(typo))}, [...]string{notFound, notFound, notFound}},
		{"hash and text", vars{"extensions": persisted(hashOf(themes)), "query": themes}, [...]string{"data", "data", notTrusted}},
		{"the hash again", vars{"extensions": persisted(hashOf(themes))}, [...]string{"data", "data", notFound}},
		{"hash and bad text", vars{"extensions": persisted(hashOf(typo)), "query": typo}, [...]string{"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_VALIDATION_FAILED", notTrusted}},
		{"bad text is not kept", vars{"extensions": persisted(hashOf(typo))}, [...]string{notFound, notFound, notFound}},
		{"another version", vars{"extensions": vars{"persistedQuery": vars{"version": 2, "sha256Hash": hashOf(themes)}}}, [...]string{bad, bad, bad}},
		{"no hash", vars{"extensions": vars{"persistedQuery": vars{"version": 1}}}, [...]string{bad, bad, bad}},
		{"a text for the extension", vars{"extensions": vars{"persistedQuery": "s3cret"}}, [...]string{bad, bad, bad}},
	} {
		for mode, house := range modes {
			got := house.request(step.body)
			if got.outcome() != step.want[mode] {
				t.Errorf("%s, mode %d: got %v, want %s", step.what, mode, got.outcome(), step.want[mode])
			}
			if strings.Contains(got.body, "s3cret") {
				t.Errorf("%s: the answer repeats the request: %s", step.what, got.body)
			}
		}
	}
	// Apollo's clients know the miss by its message.
	if got := modes[off].request(vars{"extensions": persisted(hashOf("{ x }"))}); got.Errors[0].Message != "PersistedQueryNotFound" || got.Status != 200 {
		t.Errorf("got %d %s", got.Status, got.body)
	}
	if t.Failed() {
		return
	}
	// The store of documents is bounded: as many others later, the first is gone.
	for i := range 1001 {
		query := fmt.Sprintf("{ __typename } # %d", i)
		if got := modes[prefer].request(vars{"extensions": persisted(hashOf(query)), "query": query}); got.outcome() != "data" {
			t.Fatal(got.body)
		}
	}
	if got := modes[prefer].request(vars{"extensions": persisted(hashOf(themes))}); got.outcome() != notFound {
		t.Errorf("the oldest document is still there: %s", got.body)
	}
	if got := modes[only].request(vars{"extensions": persisted(hashOf(editions)), "variables": first}); got.outcome() != "data" {
		t.Errorf("a trusted document is gone: %s", got.body)
	}
}

func TestManifestsAreChecked(t *testing.T) {
	t.Parallel()
	entry := func(key, document string) []byte {
		content, err := json.Marshal(map[string]string{key: document})
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	const good = "{ themes { name } }"
	for _, key := range []string{hashOf(good), "sha256:" + hashOf(good)} {
		if m, err := graph.ReadManifest(entry(key, good)); err != nil || len(m) != 1 {
			t.Errorf("%s: %v %v", key, m, err)
		}
	}
	for name, content := range map[string][]byte{
		"another hash":           entry(hashOf("other"), good),
		"a field that is not":    entry(hashOf("{ nothing }"), "{ nothing }"),
		"no document":            entry(hashOf("{"), "{"),
		"a list":                 []byte(`["{ themes { name } }"]`),
		"an object for document": []byte(`{"` + hashOf(good) + `": {}}`),
	} {
		if _, err := graph.ReadManifest(content); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
	for name, folder := range map[string]fstest.MapFS{
		"nothing": {}, "a field that is not": {"a.graphql": {Data: []byte("{ nothing }")}},
	} {
		if _, err := graph.ManifestOf(folder); err == nil {
			t.Errorf("a folder with %s: a manifest was made", name)
		}
	}
}

// get asks by GET and returns status, headers and body.
func (h *house) get(token string, parameters url.Values, tag string) (int, http.Header, string) {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), http.MethodGet, h.url+"?"+parameters.Encode(), nil)
	if err != nil {
		h.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if tag != "" {
		r.Header.Set("If-None-Match", tag)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

// What is public has a tag that changes with every change; what is live or of somebody is kept nowhere.
func TestAnswersByGETAreKeptAsLongAsTheyAreTrue(t *testing.T) {
	t.Parallel()
	h := onSQLite(t)
	edition := h.id("editions", "vaktreffen-2027")
	ask := func(document string) url.Values {
		return url.Values{"query": {document}, "variables": {`{"id":"` + edition + `"}`}}
	}
	agenda := ask(operation(t, "agenda"))
	code, header, body := h.get("", agenda, "")
	tag := header.Get("ETag")
	if code != 200 || tag == "" || header.Get("Cache-Control") != "public, no-cache" {
		t.Fatalf("got %d %v %.300s", code, header, body)
	}
	if vary := strings.Join(header.Values("Vary"), ", "); !strings.Contains(vary, "Authorization") || !strings.Contains(vary, "Accept") || !strings.Contains(vary, "Origin") {
		t.Errorf("Vary is %q", vary)
	}
	if code, header, body := h.get("", agenda, tag); code != 304 || body != "" || header.Get("ETag") != tag {
		t.Errorf("the same again: %d %v %.300s", code, header, body)
	}
	h.exec("UPDATE editions SET title = 'Renamed' WHERE key = 'vaktreffen-2027'")
	if code, header, body := h.get("", agenda, tag); code != 200 || header.Get("ETag") == tag || !strings.Contains(body, "Renamed") {
		t.Errorf("after a change: %d %v %.300s", code, header, body)
	}
	for name, test := range map[string]struct {
		token    string
		document string
	}{
		"seats":                     {"", operation(t, "agenda-seats")},
		"seats in a fragment":       {"", "query($id: ID!) { node(id: $id) { ...E } } fragment E on Edition { days { ... { sessions { seats { left } } } } }"},
		"the viewer":                {"", "query($id: ID!) { node(id: $id) { id } viewer { person { name } } }"},
		"of somebody signed in":     {h.token(member), operation(t, "agenda")},
		"an answer with an error":   {"", `query($id: ID!) { edition(id: $id) { title } editions(first: 0) { totalCount } }`},
		"what is refused":           {"", "query($id: ID!) { nothing(id: $id) }"},
		"of a token that is wrong":  {"vt_wrong", operation(t, "agenda")},
		"a subscription, as a page": {"", "subscription($id: ID!) { campaignProgress(id: $id) { id } }"},
	} {
		code, header, body := h.get(test.token, ask(test.document), "*")
		if code == 304 || header.Get("ETag") != "" || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %d %v %.300s", name, code, header, body)
		}
	}
}
