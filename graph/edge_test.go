package graph_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/graph"
)

// Requests made to hurt are refused with a code and a sentence before they reach the database, and repeat nothing of what was
// sent. Hostile documents have a table of their own beside the limits.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	h := onSQLite(t)
	const secret = "s3cret"
	doubling := "{ themes { ...F0 } }"
	for i := range 60 {
		n, next := string(rune('0'+i/10))+string(rune('0'+i%10)), string(rune('0'+(i+1)/10))+string(rune('0'+(i+1)%10))
		doubling += " fragment G" + n + " on Theme { ...G" + next + " ...G" + next + " }"
	}
	query := func(document string, variables any) string {
		content, err := json.Marshal(vars{"query": document, "variables": variables})
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	const byID = "query($id: ID!) { edition(id: $id) { title } }"
	for name, tc := range map[string]struct {
		body, code string
	}{
		"broken JSON":               {`{"query":"` + secret, "BAD_JSON"},
		"not UTF-8":                 {"{\"query\":\"{ themes { name } } # s3cret \xff\"}", "BAD_JSON"},
		"NUL":                       {`{"query":"` + byID + `","variables":{"id":"s3cret\u0000"}}`, "BAD_JSON"},
		"NUL in the document":       {query(`{ edition(id: "s3cret\u0000") { title } }`, nil), "BAD_CHARACTER"},
		"a lone surrogate":          {`{"query":"` + byID + `","variables":{"id":"s3cret\ud83c"}}`, "BAD_JSON"},
		"deep variables":            {`{"query":"` + byID + `","variables":{"id":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}}`, "BAD_JSON"},
		"huge variables":            {query(byID, vars{"id": strings.Repeat(secret, 50_000)}), "BODY_TOO_LARGE"},
		"many variables":            {query(byID, vars{"id": make([]int, 100_000)}), "GRAPHQL_VALIDATION_FAILED"},
		"a long document":           {query("{ themes { name } } #"+strings.Repeat("x", 20_000), nil), "QUERY_SIZE_LIMIT"},
		"a wide document":           {query("{ themes {"+strings.Repeat(" id", 3000)+" } }", nil), "TOKEN_LIMIT"},
		"a deep document":           {query(strings.Repeat("{ a", 400)+strings.Repeat(" }", 400), nil), "DEPTH_LIMIT"},
		"aliases":                   {query("{ themes {"+strings.Repeat(" a: id b: id", 20)+" } }", nil), "ALIAS_LIMIT"},
		"directives":                {query("{ themes { id"+strings.Repeat(" @skip(if: false)", 60)+" } }", nil), "DIRECTIVE_LIMIT"},
		"doubling fragments":        {query(doubling, nil), "GRAPHQL_VALIDATION_FAILED"},
		"root fields":               {query("{"+strings.Repeat(" themes { id }", 11)+" }", nil), "ROOT_FIELD_LIMIT"},
		"a cost beyond counting":    {query("{ municipalities(first: 2147483647) { nodes { hostedEditions(first: 2147483647) { nodes { id } } } } }", nil), "COST_LIMIT"},
		"the schema":                {query("{ __schema { types { name } } }", nil), "INTROSPECTION_DISABLED"},
		"defer":                     {query("{ ... @defer { themes { name } } }", nil), "DEFER_UNSUPPORTED"},
		"no document":               {query("{ s3cret ] }", nil), "GRAPHQL_PARSE_FAILED"},
		"a text for a number":       {query(`{ editions(first: "s3cret") { totalCount } }`, nil), "GRAPHQL_VALIDATION_FAILED"},
		"a text in a variable":      {query("query($n: Int) { editions(first: $n) { totalCount } }", vars{"n": secret}), "GRAPHQL_VALIDATION_FAILED"},
		"a value that is no status": {query("{ editions(first: 1, filter: {status: s3cret}) { totalCount } }", nil), "GRAPHQL_VALIDATION_FAILED"},
		"a status in a variable": {
			query("query($f: EditionFilter) { editions(first: 1, filter: $f) { totalCount } }", vars{"f": vars{"status": secret}}), "GRAPHQL_VALIDATION_FAILED",
		},
		"a text for an object":   {query(`{ editions(first: 1, filter: "s3cret") { totalCount } }`, nil), "GRAPHQL_VALIDATION_FAILED"},
		"a text for a truth":     {query(`{ themes { id @skip(if: "s3cret") } }`, nil), "GRAPHQL_VALIDATION_FAILED"},
		"another operation":      {`{"query":"query A { themes { name } }","operationName":"s3cret"}`, "GRAPHQL_VALIDATION_FAILED"},
		"a number beyond 64 bit": {query("{ editions(first: 99999999999999999999) { totalCount } }", nil), "GRAPHQL_VALIDATION_FAILED"},
	} {
		began := time.Now()
		a := h.post(t.Context(), "", []byte(tc.body))
		took := time.Since(began)
		if len(a.Errors) == 0 || len(a.Errors) > 20 || a.Data != nil || a.outcome() != tc.code || !strings.ContainsAny(a.Errors[0].Message, " ") {
			t.Errorf("%s: got %d %.500s, want %s", name, a.Status, a.body, tc.code)
		}
		if strings.Contains(a.body, secret) || strings.Contains(a.body, "99999999999") {
			t.Errorf("%s: the answer repeats the request: %.500s", name, a.body)
		}
		t.Logf("%8d bytes in %v: %s", len(tc.body), took.Round(10*time.Microsecond), name)
		if took > 10*time.Second { // less than 100 ms on an idle machine; what it guards against takes minutes
			t.Errorf("%s: took %v", name, took)
		}
	}
	// A number that only fits other types than Int is refused by its field.
	if a := h.send(nobody, "query($n: Int) { editions(first: $n) { totalCount } }", vars{"n": 5_000_000_007}); a.outcome() != "INVALID" || strings.Contains(a.body, "5000000007") {
		t.Errorf("5000000007 as Int: %s", a.body)
	}
	for _, entry := range h.log.find("operation") {
		if n := entry["statements"].Int64(); n > 0 {
			t.Errorf("a refused operation took %d SQL statements", n)
		}
	}
}

// Only named sites may call from a browser, by their exact origin; nobody may from a form of another site, and a page that
// borrows cookies has to ask first.
func TestCallsFromOtherSites(t *testing.T) {
	t.Parallel()
	const friend, other = "https://www.example.org", "https://www.example.org.evil.example"
	h := onSQLite(t).with(graph.Config{Origins: []string{friend}})
	const body = `{"query":"{ __typename }"}`
	for name, tc := range map[string]struct {
		method, body string
		header       http.Header
		status       int
		allowed      string // Access-Control-Allow-Origin
	}{
		"a program":               {"POST", body, http.Header{}, 200, ""},
		"a named site":            {"POST", body, http.Header{"Origin": {friend}, "Sec-Fetch-Site": {"cross-site"}}, 200, friend},
		"a named site asks first": {"OPTIONS", "", http.Header{"Origin": {friend}, "Access-Control-Request-Method": {"POST"}}, 204, friend},
		"another site":            {"POST", body, http.Header{"Origin": {other}, "Sec-Fetch-Site": {"cross-site"}}, 403, ""},
		"another, an old browser": {"POST", body, http.Header{"Origin": {other}}, 403, ""},
		"another site asks first": {"OPTIONS", "", http.Header{"Origin": {other}, "Access-Control-Request-Method": {"POST"}}, 405, ""},
		"an origin that is null":  {"POST", body, http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"cross-site"}}, 403, ""},
		"this site":               {"POST", body, http.Header{"Sec-Fetch-Site": {"same-origin"}}, 200, ""},
		"a form":                  {"POST", "query={__typename}", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 415, ""},
		"a form with a file":      {"POST", "--x--", http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, 415, ""},
		"JSON dressed as text":    {"POST", body, http.Header{"Content-Type": {"text/plain"}}, 415, ""},
		"another site reads":      {"GET", "", http.Header{"Origin": {other}, "Sec-Fetch-Site": {"cross-site"}}, 200, ""},
		"a read with cookies":     {"GET", "", http.Header{"Cookie": {"a=b"}, "Sec-Fetch-Site": {"cross-site"}}, 403, ""},
		"a read that asked first": {"GET", "", http.Header{"Cookie": {"a=b"}, "Apollo-Require-Preflight": {"1"}}, 200, ""},
	} {
		url := h.url
		if tc.method == http.MethodGet {
			url += "?query=%7B__typename%7D"
		}
		r, err := http.NewRequestWithContext(t.Context(), tc.method, url, bytes.NewReader([]byte(tc.body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = tc.header
		if r.Header.Get("Content-Type") == "" && tc.method == http.MethodPost {
			r.Header.Set("Content-Type", "application/json")
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != tc.status {
			t.Errorf("%s: got %d %.300s, %v, want %d", name, response.StatusCode, answer, err, tc.status)
		}
		if got := response.Header.Get("Access-Control-Allow-Origin"); got != tc.allowed {
			t.Errorf("%s: allows the origin %q, want %q", name, got, tc.allowed)
		}
		if response.Header.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(strings.Join(response.Header.Values("Vary"), ","), "Origin") && tc.status != 403 {
			t.Errorf("%s: headers %v", name, response.Header)
		}
	}
}
