package graph_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// operation returns a document that frontends send.
func operation(t testing.TB, name string) string {
	t.Helper()
	document, err := os.ReadFile(filepath.Join("operations", name+".graphql"))
	if err != nil {
		t.Fatal(err)
	}
	return string(document)
}

func TestOperationsAnswerWithTheProgrammes(t *testing.T) {
	each(t, func(t *house) {
		for _, test := range []struct {
			golden, operation string
			variables         vars
		}{
			{"agenda-2016", "agenda", vars{"id": t.id("editions", "ambtenarenbijeenkomst-2016")}},
			{"agenda-2017", "agenda", vars{"id": t.id("editions", "ledenbijeenkomst-pmg-2017")}},
			{"agenda-2015", "agenda", vars{"id": t.id("editions", "vng-platform31-2015")}},
			{"agenda-2027", "agenda", vars{"id": t.id("editions", "vaktreffen-2027")}},
			{"agenda-2009", "agenda", vars{"id": t.id("editions", "vaktreffen-2009")}},
			{"agenda-seats", "agenda-seats", vars{"id": t.id("editions", "vaktreffen-2027")}},
			{"editions", "editions", vars{"first": 20}},
			{"editions-filtered", "editions", vars{"first": 2, "filter": vars{"hostId": t.id("organisations", "groningen"), "status": "PUBLISHED"}}},
			{"partnership", "partnership", vars{"id": t.id("partnerships", "groningen-oldenburg-bremen"), "on": "2016-06-01"}},
			{"courses", "courses", vars{"first": 10}},
			{"municipalities", "municipalities", vars{"first": 50}},
			{"municipalities-filtered", "municipalities", vars{"first": 50, "filter": vars{"country": "DE"}}},
		} {
			t.Run(test.golden, func(st *testing.T) {
				st.Parallel()
				t := t.in(st)
				got := golden(t.ask(nobody, operation(t, test.operation), test.variables))
				name := filepath.Join("testdata", test.golden+".json")
				if *update && strings.HasSuffix(filepath.Dir(t.Name()), "sqlite") {
					if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				want, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("differs from %s (-want +got); if that is right: go test ./graph -run Operations -update\n%s", name, diff)
				}
			})
		}
	})
}

// golden writes data so that it is the same on every run: ids become numbers in the order in which they first appear, and
// cursors, which hold ids, a word.
func golden(data vars) string {
	known := map[string]string{}
	var steady func(key string, value any) any
	steady = func(key string, value any) any {
		switch value := value.(type) {
		case map[string]any:
			if id, ok := value["id"].(string); ok && known[id] == "" {
				known[id] = fmt.Sprintf("<%d>", len(known)+1)
			}
			plain := make(map[string]any, len(value))
			for _, name := range sortedKeys(value) {
				plain[name] = steady(name, value[name])
			}
			return plain
		case []any:
			plain := make([]any, len(value))
			for i, one := range value {
				plain[i] = steady(key, one)
			}
			return plain
		case string:
			switch key {
			case "id":
				return known[value]
			case "cursor", "startCursor", "endCursor":
				return "<cursor>"
			}
		}
		return value
	}
	text, _ := json.MarshalIndent(steady("", map[string]any(data)), "", "  ") // made of JSON
	return string(text) + "\n"
}
