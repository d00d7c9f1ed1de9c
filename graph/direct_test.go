package graph_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/vaktreffen/vaktreffen/graph"
)

// plainSchema is the schema without the fields that are never written directly, so that most documents made of it are.
func plainSchema(t testing.TB) *ast.Schema {
	s := schema(t)
	for name, d := range s.Types {
		if name == "Query" {
			continue
		}
		d.Fields = slices.DeleteFunc(slices.Clone(d.Fields), func(f *ast.FieldDefinition) bool {
			return len(f.Arguments) > 0 || f.Directives.ForName("live") != nil || name == "Institution" && f.Name == "kind"
		})
	}
	return s
}

// The bytes of an answer are the same whether it was written directly or by the ordinary executor.
func TestAnswersWrittenDirectlyAreThoseOfTheExecutor(t *testing.T) {
	each(t, func(h *house) {
		g := world(h)
		awkward := "Quotes \" and \\ and\ttabs\nlines\rreturns \x1b\x7f \u2028 <b>&amp; ünï 🚲"
		if _, err := h.raw.ExecContext(h.Context(), "UPDATE sessions SET title = $1, abstract = $1", awkward); err != nil {
			h.Fatal(err)
		}
		api, err := graph.OrdinaryAPI(graph.Config{DB: h.db, Log: h.logger, PublicURL: publicURL})
		if err != nil {
			h.Fatal(err)
		}
		ordinary := httptest.NewServer(api)
		h.Cleanup(ordinary.Close)
		same := func(email, document string, variables vars) bool {
			h.Helper()
			body, err := json.Marshal(vars{"query": document, "variables": variables})
			if err != nil {
				h.Fatal(err)
			}
			a, b := h.bytes(h.url, email, body), h.bytes(ordinary.URL, email, body)
			if !bytes.Equal(a, b) {
				h.Fatalf("directly:\n%.3000s\nby the executor:\n%.3000s\nby this document:\n%s", a, b, document)
			}
			return !bytes.Contains(a, []byte(`"errors"`))
		}
		for _, email := range []string{nobody, member, organiser} {
			for _, key := range []string{"vaktreffen-2027", "vaktreffen-2009", "ambtenarenbijeenkomst-2016", "small-agenda"} {
				same(email, operation(h, "agenda"), vars{"id": h.id("editions", key)})
			}
			same(email, operation(h, "editions"), vars{"first": 20})
			same(email, operation(h, "courses"), vars{"first": 20})
			same(email, operation(h, "municipalities"), vars{"first": 20})
			same(email, operation(h, "partnership"), vars{"id": h.id("partnerships", "groningen-oldenburg-bremen"), "on": "2016-06-01"})
			same(email, `query($id: ID!) { a: edition(id: $id) { title title t: title ...F ...F host { __typename name ... on Institution { website } ... on Node { id } } }
				themes { n: name id } edition(id: "x") { id } b: edition(id: $id) { days { date } seats { left } } }
				fragment F on Edition { title days { d: date sessions { __typename title } } }`, vars{"id": h.id("editions", "vaktreffen-2027")})
		}
		for _, s := range []*ast.Schema{plainSchema(h), schema(h)} {
			g.schema = s
			chance := rand.New(rand.NewPCG(1, 7))
			roots := slices.DeleteFunc(g.roots(), func(r root) bool { return strings.HasPrefix(r.text, "viewer") || strings.HasPrefix(r.text, "nodes") })
			answered := 0
			for n := range 400 {
				r := roots[chance.IntN(len(roots))]
				w := &writer{g: g, chance: chance}
				set := "{ " + strings.Replace(r.text, "%s", w.selectionSet(r.on, g.anything(w, r.on, 2+n/2%3)), 1) + " used: __typename @include(if: $yes) @skip(if: $no) }"
				if same([]string{nobody, organiser}[n%2], w.document(set), vars{"yes": n%3 > 0, "no": n%5 == 0}) {
					answered++
				}
			}
			if answered < 150 {
				h.Errorf("only %d of 400 documents were answered", answered)
			}
		}
	})
}

// Queries with an organiser's rights are read by bun and others without it, which must read the same.
func TestEveryWayOfReadingRowsReadsTheSame(t *testing.T) {
	each(t, func(h *house) {
		world(h)
		for _, operationName := range []string{"agenda", "agenda-seats"} {
			for _, key := range []string{"vaktreffen-2027", "vaktreffen-2009", "ambtenarenbijeenkomst-2016", "small-agenda"} {
				body, err := json.Marshal(vars{"query": operation(h, operationName), "variables": vars{"id": h.id("editions", key)}})
				if err != nil {
					h.Fatal(err)
				}
				one, other := h.bytes(h.url, nobody, body), h.bytes(h.url, organiser, body)
				if !bytes.Equal(one, other) || bytes.Contains(one, []byte(`"errors"`)) {
					h.Errorf("%s of %s without bun:\n%.3000s\nby bun:\n%.3000s", operationName, key, one, other)
				}
			}
		}
	})
}

// bytes posts a body and returns the answer as it is.
func (h *house) bytes(url, email string, body []byte) []byte {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if email != nobody {
		r.Header.Set("Authorization", "Bearer "+h.token(email))
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		h.Fatal(err)
	}
	return content
}
