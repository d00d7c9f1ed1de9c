package graph_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func schema(t testing.TB) *ast.Schema {
	t.Helper()
	text, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	s, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// graphOf knows the types of the schema, and what is true of each record.
type graphOf struct {
	*house
	schema *ast.Schema
	truths map[string]map[string]any // by type and edge, then by id of the record
	seen   map[string]bool           // edges of types that led somewhere in a checked answer
	ids    map[string][]string       // of all records that are visible, by type
}

// arguments are those that a field needs. Pages are larger than any list, so that a list is whole on every path.
func arguments(field *ast.FieldDefinition) string {
	switch {
	case field.Arguments.ForName("first") != nil:
		return "(first: 20)"
	case field.Arguments.ForName("on") != nil:
		return `(on: "2016-06-01")`
	case field.Name == "revisions":
		return `(locale: "nl")`
	}
	return ""
}

// connected returns the type of the records of a connection, nil for another type.
func (g *graphOf) connected(t *ast.Definition) *ast.Definition {
	if !strings.HasSuffix(t.Name, "Connection") {
		return nil
	}
	return g.target(t.Fields.ForName("nodes"))
}

func (g *graphOf) target(f *ast.FieldDefinition) *ast.Definition {
	return g.schema.Types[f.Type.Name()]
}

func (g *graphOf) isNode(t *ast.Definition) bool { return t.Fields.ForName("id") != nil }

// brief selects what identifies a value: the id of a record, the plain values of anything else.
func (g *graphOf) brief(f *ast.FieldDefinition) string {
	t := g.target(f)
	switch {
	case t.IsLeafType():
		return ""
	case g.connected(t) != nil && g.isNode(g.connected(t)):
		return "{ totalCount nodes { __typename id } }"
	case g.connected(t) != nil:
		return "{ totalCount nodes " + g.plainly(g.connected(t)) + " }"
	case g.isNode(t):
		return "{ __typename id }"
	}
	return g.plainly(t)
}

// plainly selects the plain values of a type.
func (g *graphOf) plainly(t *ast.Definition) string {
	var plain []string
	for _, field := range t.Fields {
		if g.target(field).IsLeafType() {
			plain = append(plain, field.Name+arguments(field))
		}
	}
	return "{ __typename " + strings.Join(plain, " ") + " }"
}

// truth returns what node(id) says of one edge of a record, asked for that edge alone. The path leads through types that are
// no records, as in members.organisation.
func (g *graphOf) truth(t *ast.Definition, path []*ast.FieldDefinition, id string) any {
	g.Helper()
	var names []string
	document := ""
	for i, field := range slices.Backward(path) {
		names = append([]string{field.Name}, names...)
		if i == len(path)-1 {
			document = field.Name + arguments(field) + g.brief(field)
		} else if g.connected(g.target(field)) != nil {
			document = field.Name + arguments(field) + "{ nodes {" + document + "} }"
		} else {
			document = field.Name + arguments(field) + "{" + document + "}"
		}
	}
	key := t.Name + "." + strings.Join(names, ".")
	known := g.truths[key]
	if known == nil {
		known = map[string]any{}
		for some := range slices.Chunk(g.ids[t.Name], 100) {
			data := g.ask(organiser, fmt.Sprintf("query($ids: [ID!]!) { nodes(ids: $ids) { ... on %s { id %s } } }", t.Name, document), vars{"ids": some})
			for i, node := range list(data, "nodes") {
				known[some[i]] = node
			}
		}
		g.truths[key] = known
	}
	if known[id] == nil {
		g.Fatalf("%s %s was met on a path, but is not there by its id", t.Name, id)
	}
	return known[id]
}

// check compares an answer with the truth. The record owns the object: it is the object itself, or the nearest record around it,
// from which the path leads to the object, by the indexes.
func (g *graphOf) check(object map[string]any, branches []branch, owner *ast.Definition, id string, path []*ast.FieldDefinition, indexes []any) {
	g.Helper()
	name, _ := object["__typename"].(string)
	t := g.schema.Types[name]
	if t == nil {
		g.Fatalf("an object without __typename: %v", object)
	}
	if own, ok := object["id"].(string); ok && g.isNode(t) {
		owner, id, path, indexes = t, own, nil, nil
	}
	for _, b := range branches {
		if b.on.Name != name && !slices.Contains(t.Interfaces, b.on.Name) {
			continue
		}
		for _, s := range b.selections {
			field := t.Fields.ForName(s.field.Name) // of the type, not the interface
			got, there := object[s.alias]
			if !there {
				g.Errorf("%s.%s: not answered", name, s.alias)
				continue
			}
			target := g.target(field)
			if owner != nil { // nil at the root, and below a viewer
				to := append(slices.Clone(path), field)
				steps := append(slices.Clone(indexes), field.Name)
				want := at(g.truth(owner, to, id), steps...)
				if a, b := summary(want), summary(g.plain(got, target)); a != b {
					g.Errorf("%s of %s %s: %s, but by its id: %s", strings.Join(fieldNames(to), "."), owner.Name, id, b, a)
				}
			}
			if got != nil && len(g.records(got, target)) > 0 {
				g.seen[name+"."+field.Name] = true
			}
			if target.IsLeafType() {
				continue
			}
			for i, child := range g.records(got, target) {
				steps := append(slices.Clone(indexes), field.Name)
				if field.Type.Elem != nil {
					steps = append(steps, i)
				} else if g.connected(target) != nil {
					steps = append(steps, "nodes", i)
				}
				if record, ok := child.(map[string]any); ok {
					g.check(record, s.below, owner, id, append(slices.Clone(path), field), steps)
				}
			}
		}
	}
}

// records returns the objects of a field: those of a page, of a list, or the one.
func (g *graphOf) records(value any, t *ast.Definition) []any {
	if page, ok := value.(map[string]any); ok && g.connected(t) != nil {
		if nodes, ok := page["nodes"].([]any); ok {
			return nodes
		}
		return pluck(list(page, "edges"), "node")
	}
	switch value := value.(type) {
	case []any:
		return value
	case nil:
		return nil
	}
	return []any{value}
}

// plain reduces an answer to what brief selects.
func (g *graphOf) plain(value any, t *ast.Definition) any {
	if t.IsLeafType() {
		return value
	}
	if g.connected(t) != nil {
		nodes := g.plain(g.records(value, t), g.connected(t))
		if nodes == nil {
			nodes = []any{}
		}
		return map[string]any{"totalCount": at(value, "totalCount"), "nodes": nodes}
	}
	switch value := value.(type) {
	case []any:
		all := make([]any, len(value))
		for i, one := range value {
			all[i] = g.plain(one, t)
		}
		return all
	case map[string]any:
		plain := map[string]any{"__typename": value["__typename"]}
		if g.isNode(t) {
			plain["id"] = value["id"]
			return plain
		}
		for _, field := range t.Fields {
			if g.target(field).IsLeafType() {
				plain[field.Name] = value[field.Name]
			}
		}
		return plain
	}
	return value
}

func summary(value any) string {
	text, _ := json.Marshal(value) // came as JSON; maps are sorted
	return string(text)
}

func fieldNames(fields []*ast.FieldDefinition) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}
