package graph_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/graph"
)

// What helps while programming tells strangers more than they need: GraphiQL and introspection are there in development alone.
func TestOnlyDevelopmentShowsTheSchema(t *testing.T) {
	for _, development := range []bool{false, true} {
		h := onSQLite(t).with(graph.Config{Development: development})
		editor, err := http.Get(strings.TrimSuffix(h.url, "/graphql") + "/graphiql/")
		if err != nil {
			t.Fatal(err)
		}
		editor.Body.Close()
		if served := editor.StatusCode == http.StatusOK; served != development {
			t.Errorf("development %v: GraphiQL is answered %d", development, editor.StatusCode)
		}
		for _, query := range []string{`{ __schema { queryType { name } } }`, `{ __type(name: "Query") { name } }`, `{ ... on Query { a: __schema { types { name } } } }`} {
			answer := string(h.bytes(h.url, nobody, body(t, query, nil)))
			if told := !strings.Contains(answer, `"errors"`) && strings.Contains(answer, `"name":"`); told != development {
				t.Errorf("development %v: %s is answered %s", development, query, answer)
			}
		}
		if answer := string(h.bytes(h.url, nobody, body(t, `{ __typename }`, nil))); !strings.Contains(answer, `"__typename":"Query"`) {
			t.Errorf("development %v: __typename is no introspection: %s", development, answer)
		}
	}
}
