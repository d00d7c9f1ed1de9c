package direct

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/exec"
)

// planOf plans the one root field of a document whose results are of the type.
func planOf(t *testing.T, document string, result reflect.Type) *step {
	t.Helper()
	schema := exec.NewExecutableSchema(exec.Config{}).Schema()
	parsed, errs := gqlparser.LoadQueryWithRules(schema, document, nil)
	if errs != nil {
		t.Fatal(errs)
	}
	op := &graphql.OperationContext{Doc: parsed, Operation: parsed.Operations[0], Variables: map[string]any{}}
	fields := graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Query"})
	return planner{schema, op}.value(fields[0], result)
}

func TestWhatIsWrittenDirectly(t *testing.T) {
	t.Parallel()
	agenda, err := os.ReadFile("../../operations/agenda.graphql")
	if err != nil {
		t.Fatal(err)
	}
	edition := reflect.TypeFor[*db.Edition]()
	for document, want := range map[string]bool{
		string(agenda): true,
		`{ edition(id: "") { host { ... on Institution { website } ... on Municipality { code population } } } }`: true,
		`{ edition(id: "") { series { partnership { agreements { signedOn endsOn renewal } } } } }`:               true,

		`{ edition(id: "") { seats { id } } }`:                                                                        false, // live
		`{ edition(id: "") { days { sessions { contributions { person { email } } } } } }`:                            false, // live
		`{ edition(id: "") { host { hostedEditions(first: 1) { totalCount } } } }`:                                    false, // a resolver
		`{ edition(id: "") { series { partnership { agreements { status(on: "2016-06-01") } } } } }`:                  false, // an argument
		`{ edition(id: "") { host { ... on Institution { kind } } } }`:                                                false, // bound to something of another name
		`{ edition(id: "") { id ... @defer { title } } }`:                                                             false,
		`{ edition(id: "") { title host { id ... on Municipality { partnerships(first: 1) { nodes { name } } } } } }`: false,
	} {
		if got := planOf(t, document, edition) != nil; got != want {
			t.Errorf("%.120s\nwritten directly: %v, want %v", document, got, want)
		}
	}
}

func TestNullsThatTheSchemaForbidsAreLeftToTheExecutor(t *testing.T) {
	t.Parallel()
	s := planOf(t, `{ edition(id: "") { title startsOn host { id } series { id } themes { id } } }`, reflect.TypeFor[*db.Edition]())
	write := func(e *db.Edition) (string, bool) {
		b, ok := s.write(nil, reflect.ValueOf(e), &ast.Type{NamedType: "Edition"})
		return string(b), ok
	}
	whole := &db.Edition{Title: "A \"title\"", Series: &db.Series{}}
	got, ok := write(whole)
	if want := `{"title":"A \"title\"","startsOn":null,"host":null,"series":{"id":"AAAAAAAAAAAAAAAAAAAAAA"},"themes":[]}`; !ok || got != want {
		t.Errorf("%s, %v; want %s", got, ok, want)
	}
	if got, ok := write(nil); !ok || got != "null" {
		t.Errorf("no edition: %s, %v", got, ok)
	}
	for what, broken := range map[string]*db.Edition{
		"no series":            {Title: "x"},
		"a theme that is null": {Title: "x", Series: &db.Series{}, Themes: []*db.Theme{nil}},
		"a day that is no day": {Title: "x", Series: &db.Series{}, StartsOn: new(db.Date)},
	} {
		if got, ok := write(broken); ok {
			t.Errorf("%s was written: %s", what, got)
		}
	}
}

// FuzzText holds that every text comes back from JSON as it was.
func FuzzText(f *testing.F) {
	for _, text := range []string{"", "plain", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "ü 🚲 \u2028"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := graphql.MarshalString(text)
		var ordinary bytesWriter
		want.MarshalGQL(&ordinary)
		got := appendText(nil, text)
		if string(got) != string(ordinary) {
			t.Errorf("%q: %s, by the executor %s", text, got, ordinary)
		}
		if !json.Valid(got) {
			t.Errorf("%q: no JSON: %s", text, got)
		}
	})
}

type bytesWriter []byte

func (w *bytesWriter) Write(p []byte) (int, error) { *w = append(*w, p...); return len(p), nil }
