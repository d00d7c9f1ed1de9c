package transport_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answer is what a test looks at in a response.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) code(t *testing.T) string {
	t.Helper()
	var parsed struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal([]byte(a.body), &parsed); err != nil {
		t.Fatalf("body %q: %v", a.body, err)
	}
	if len(parsed.Errors) == 0 {
		return ""
	}
	if parsed.Errors[0].Message == "" {
		t.Errorf("error without a message in %q", a.body)
	}
	return parsed.Errors[0].Extensions.Code
}

// do sends a request; header lines are "Name: value".
func do(t *testing.T, method, url, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Add(name, value)
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
	return answer{resp.StatusCode, resp.Header, string(b)}
}

const (
	sendsJSON      = "Content-Type: application/json"
	acceptsGraphQL = "Accept: application/graphql-response+json"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	server := serve(t, newToySchema())
	post := func(body string, header ...string) func(*testing.T) answer {
		return func(t *testing.T) answer {
			return do(t, http.MethodPost, server.URL, body, append(header, sendsJSON)...)
		}
	}
	get := func(query url.Values, header ...string) func(*testing.T) answer {
		return func(t *testing.T) answer {
			return do(t, http.MethodGet, server.URL+"?"+query.Encode(), "", header...)
		}
	}
	for name, tc := range map[string]struct {
		send   func(*testing.T) answer
		status int
		body   string
	}{
		"post": {
			post(`{"query":"query A($n: String) { greeting(name: $n) } query B { who }","operationName":"A","variables":{"n":"Zoë"}}`),
			200, `{"data":{"greeting":"hello Zoë"}}`,
		},
		"get": {
			get(url.Values{"query": {"query($n: String) { greeting(name: $n) }"}, "variables": {`{"n":"Bo"}`}}),
			200, `{"data":{"greeting":"hello Bo"}}`,
		},
		"the bytes of data are not touched": {
			post(`{"query":"{ prose }"}`),
			200, `{"data":{ "prose" : "kept <as> is" }}`,
		},
		"an executed operation without data keeps its null": {
			post(`{"query":"{ broken }"}`, acceptsGraphQL),
			200, `{"errors":[{"message":"no luck today"}],"data":null}`,
		},
		"a document that does not parse is 400 for clients that read the status": {
			post(`{"query":"{"}`, acceptsGraphQL),
			400, `{"errors":[{"message":"Expected Name, found \u003cEOF\u003e","locations":[{"line":1,"column":2}],"extensions":{"code":"GRAPHQL_PARSE_FAILED"}}]}`,
		},
		"and 200 for those that do not": {
			post(`{"query":"{"}`),
			200, `{"errors":[{"message":"Expected Name, found \u003cEOF\u003e","locations":[{"line":1,"column":2}],"extensions":{"code":"GRAPHQL_PARSE_FAILED"}}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tc.send(t)
			if got.status != tc.status {
				t.Errorf("status %d, want %d", got.status, tc.status)
			}
			if diff := cmp.Diff(tc.body, got.body); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	schema := newToySchema()
	server := serve(t, schema)
	const secret = "s3cret"
	for name, tc := range map[string]struct {
		method string
		query  url.Values
		body   string
		header []string
		status int
		code   string
		allow  string
	}{
		"broken JSON":              {body: `{"query":"` + secret, status: 400, code: "BAD_JSON"},
		"no body":                  {status: 400, code: "BAD_JSON"},
		"trailing data":            {body: `{"query":"{who}"} "` + secret + `"`, status: 400, code: "BAD_JSON"},
		"trailing brace":           {body: `{"query":"{who}"}}`, status: 400, code: "BAD_JSON"},
		"a key twice":              {body: `{"query":"{who}","query":"` + secret + `"}`, status: 400, code: "BAD_JSON"},
		"a nested key twice":       {body: `{"query":"{who}","variables":{"a":[{"s3cret":1,"s3cret":2}]}}`, status: 400, code: "BAD_JSON"},
		"NUL":                      {body: `{"query":"{who}","variables":{"s3cret":"\u0000"}}`, status: 400, code: "BAD_JSON"},
		"lone high surrogate":      {body: `{"query":"{who}","variables":{"s3cret":"\ud83c"}}`, status: 400, code: "BAD_JSON"},
		"lone low surrogate":       {body: `{"query":"{who}","variables":{"s3cret":"\udfca"}}`, status: 400, code: "BAD_JSON"},
		"two high surrogates":      {body: `{"query":"{who}","variables":{"s3cret":"\ud83c\ud83c"}}`, status: 400, code: "BAD_JSON"},
		"not UTF-8":                {body: "{\"query\":\"{who} # s3cret \xff\"}", status: 400, code: "BAD_JSON"},
		"nested too deep":          {body: `{"query":"{who}","variables":{"s3cret":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}}`, status: 400, code: "BAD_JSON"},
		"a batch":                  {body: `[{"query":"{who}"}]`, status: 400, code: "BAD_REQUEST"},
		"a string":                 {body: `"s3cret"`, status: 400, code: "BAD_REQUEST"},
		"null":                     {body: `null`, status: 400, code: "BAD_REQUEST"},
		"no query":                 {body: `{"s3cret":1}`, status: 400, code: "BAD_REQUEST"},
		"blank query":              {body: `{"query":"  "}`, status: 400, code: "BAD_REQUEST"},
		"query of a wrong type":    {body: `{"query":["s3cret"]}`, status: 400, code: "BAD_REQUEST"},
		"name of a wrong type":     {body: `{"query":"{who}","operationName":1}`, status: 400, code: "BAD_REQUEST"},
		"variables of wrong type":  {body: `{"query":"{who}","variables":"s3cret"}`, status: 400, code: "BAD_REQUEST"},
		"extensions of wrong type": {body: `{"query":"{who}","extensions":[]}`, status: 400, code: "BAD_REQUEST"},
		"a form":                   {body: "query=s3cret", header: []string{"Content-Type: application/x-www-form-urlencoded"}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		"text, as another site can post": {
			body: `{"query":"{who}"}`, header: []string{"Content-Type: text/plain"}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE",
		},
		"JSON in latin1": {
			body: `{"query":"{who}"}`, header: []string{"Content-Type: application/json; charset=iso-8859-1"}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE",
		},
		"a compressed body": {
			body: "s3cret", header: []string{sendsJSON, "Content-Encoding: gzip"}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE",
		},
		"too large": {body: `{"query":"{who}","x":"` + strings.Repeat(secret, bodyLimit/6) + `"}`, status: 413, code: "BODY_TOO_LARGE"},
		"accepts only HTML": {
			body: `{"query":"{who}"}`, header: []string{sendsJSON, "Accept: text/html, application/json;q=0"}, status: 406, code: "NOT_ACCEPTABLE",
		},
		"a subscription": {body: `{"query":"subscription { ticks }"}`, status: 406, code: "STREAM_REQUIRED"},
		"a subscription by GET": {
			method: http.MethodGet, query: url.Values{"query": {"subscription { ticks }"}}, status: 406, code: "STREAM_REQUIRED",
		},
		"a mutation by GET": {
			method: http.MethodGet, query: url.Values{"query": {`mutation { rename(name: "s3cret") }`}},
			status: 405, code: "METHOD_NOT_ALLOWED", allow: "POST",
		},
		"a mutation by GET as a stream": {
			method: http.MethodGet, query: url.Values{"query": {`mutation { rename(name: "s3cret") }`}},
			header: []string{"Accept: text/event-stream"}, status: 405, code: "METHOD_NOT_ALLOWED", allow: "POST",
		},
		"a stream of broken JSON": {
			body: `{"query":"s3cret`, header: []string{sendsJSON, "Accept: text/event-stream"}, status: 400, code: "BAD_JSON",
		},
		"DELETE":             {method: http.MethodDelete, status: 405, code: "METHOD_NOT_ALLOWED", allow: "GET, HEAD, POST"},
		"GET without query":  {method: http.MethodGet, status: 400, code: "BAD_REQUEST"},
		"GET with two":       {method: http.MethodGet, query: url.Values{"query": {"{who}", "{s3cret}"}}, status: 400, code: "BAD_REQUEST"},
		"GET with bad JSON":  {method: http.MethodGet, query: url.Values{"query": {"{who}"}, "variables": {"{s3cret"}}, status: 400, code: "BAD_JSON"},
		"GET with JSON list": {method: http.MethodGet, query: url.Values{"query": {"{who}"}, "variables": {"[]"}}, status: 400, code: "BAD_REQUEST"},
		"GET with cookies": {
			method: http.MethodGet, query: url.Values{"query": {"{who}"}}, header: []string{"Cookie: session=s3cret"},
			status: 403, code: "PREFLIGHT_REQUIRED",
		},
		"GET with cookies from another site": {
			method: http.MethodGet, query: url.Values{"query": {"{who}"}}, header: []string{"Cookie: session=s3cret", "Sec-Fetch-Site: cross-site"},
			status: 403, code: "PREFLIGHT_REQUIRED",
		},
		"GET with cookies and a form's media type": {
			method: http.MethodGet, query: url.Values{"query": {"{who}"}},
			header: []string{"Cookie: session=s3cret", "Content-Type: text/plain"}, status: 403, code: "PREFLIGHT_REQUIRED",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			method, header := tc.method, tc.header
			if method == "" {
				method = http.MethodPost
				if header == nil {
					header = []string{sendsJSON}
				}
			}
			got := do(t, method, server.URL+"?"+tc.query.Encode(), tc.body, header...)
			if got.status != tc.status || got.code(t) != tc.code {
				t.Errorf("got %d %s, want %d %s", got.status, got.body, tc.status, tc.code)
			}
			if allow := got.header.Get("Allow"); allow != tc.allow {
				t.Errorf("Allow is %q, want %q", allow, tc.allow)
			}
			if strings.Contains(got.body, secret) {
				t.Errorf("the answer repeats the request: %s", got.body)
			}
			if strings.Contains(got.body, `"data"`) {
				t.Errorf("a request error has a data entry: %s", got.body)
			}
			if mediaType := got.header.Get("Content-Type"); mediaType != "application/json; charset=utf-8" {
				t.Errorf("Content-Type is %q", mediaType)
			}
		})
	}
	t.Cleanup(func() {
		if schema.renamed != 0 {
			t.Errorf("%d refused mutations were executed", schema.renamed)
		}
	})
}

func TestGETWithCookies(t *testing.T) {
	t.Parallel()
	server := serve(t, newToySchema())
	for _, header := range []string{
		"Apollo-Require-Preflight: 1", "X-Apollo-Operation-Name: Who", "Content-Type: application/json",
		"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none",
	} {
		got := do(t, http.MethodGet, server.URL+"?query={who}", "", "Cookie: session=1", header)
		if got.status != 200 {
			t.Errorf("%s: got %d %s", header, got.status, got.body)
		}
	}
}

func TestNegotiation(t *testing.T) {
	t.Parallel()
	server := serve(t, newToySchema())
	const plainJSON, graphQL = "application/json; charset=utf-8", "application/graphql-response+json; charset=utf-8"
	for accept, want := range map[string]string{
		"":                                  plainJSON,
		"*/*":                               plainJSON,
		"application/*":                     plainJSON,
		"text/html, */*":                    plainJSON,
		"APPLICATION/JSON":                  plainJSON,
		"application/graphql-response+json": graphQL,
		"application/graphql-response+json; charset=utf-8, application/json; charset=utf-8":        graphQL,
		"application/json, application/graphql-response+json":                                      plainJSON,
		"application/json;q=0.5, application/graphql-response+json;q=0.9":                          graphQL,
		"application/graphql-response+json;q=0, */*;q=0.1":                                         plainJSON,
		"application/graphql-response+json, application/graphql+json, application/json, text/html": graphQL,
	} {
		got := do(t, http.MethodPost, server.URL, `{"query":"{who}"}`, sendsJSON, "Accept: "+accept)
		if mediaType := got.header.Get("Content-Type"); got.status != 200 || mediaType != want {
			t.Errorf("Accept %q: got %d %s, want %s", accept, got.status, mediaType, want)
		}
		if vary := got.header.Get("Vary"); vary != "Accept, Authorization" {
			t.Errorf("Vary is %q", vary)
		}
	}
}

func TestBodyLimitDependsOnTheRequest(t *testing.T) {
	t.Parallel()
	server := serve(t, newToySchema())
	body := `{"query":"{who}","extensions":{"pad":"` + strings.Repeat("x", 2*bodyLimit) + `"}}`
	if got := do(t, http.MethodPost, server.URL, body, sendsJSON); got.status != 413 {
		t.Errorf("anonymous: got %d", got.status)
	}
	if got := do(t, http.MethodPost, server.URL, body, sendsJSON, "Authorization: Bearer valid"); got.status != 200 {
		t.Errorf("signed in: got %d %s", got.status, got.body)
	}

	// Without a length up front the limit holds just the same.
	chunked, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, io.MultiReader(bytes.NewBufferString(body)))
	if err != nil {
		t.Fatal(err)
	}
	chunked.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(chunked)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("chunked: got %d", resp.StatusCode)
	}
}

func TestSurrogatePairsAndEscapesArriveWhole(t *testing.T) {
	t.Parallel()
	server := serve(t, newToySchema())
	body := `{"query":"query($n: String) { greeting(name: $n) }","variables":{"n":"\ud83c\udfca \\u0000 \\\\ \"\u00e9\""}}`
	got := do(t, http.MethodPost, server.URL, body, sendsJSON)
	if want := `{"data":{"greeting":"hello 🏊 \\u0000 \\\\ \"é\""}}`; got.body != want {
		t.Errorf("got %s, want %s", got.body, want)
	}
}
