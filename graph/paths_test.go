package graph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// These tests make preloading safe. Resolvers load what a caller reads below a field, by the shape of the document; an edge that
// a path forgets to load is an empty list or null, and no error. So many documents are generated from the schema, and what each
// says of a record is compared with what node(id) says when it is asked for that one edge and nothing else.

// followed are the fields of a type that lead to other objects.
func (g *graphOf) followed(t *ast.Definition) (edges []*ast.FieldDefinition) {
	for _, field := range t.Fields {
		if !g.target(field).IsLeafType() && field.Name != "node" && field.Name != "nodes" && !strings.HasPrefix(field.Name, "__") {
			edges = append(edges, field)
		}
	}
	return edges
}

// concrete returns the types that an object of the type can be.
func (g *graphOf) concrete(t *ast.Definition) []*ast.Definition {
	if t.IsAbstractType() {
		return g.schema.GetPossibleTypes(t)
	}
	return []*ast.Definition{t}
}

// root is where paths begin: text with a place for what is selected below, the way to it in the answer, and its type.
type root struct {
	text string
	path []any
	on   *ast.Definition
}

func (g *graphOf) roots() []root {
	types := g.schema.Types
	roots := []root{
		{"viewer %s", []any{"viewer"}, types["Viewer"]},
		{"themes %s", []any{"themes"}, types["Theme"]},
		{fmt.Sprintf("edition(id: %q) %%s", g.id("editions", "vaktreffen-2027")), []any{"edition"}, types["Edition"]},
		{fmt.Sprintf("partnership(id: %q) %%s", g.id("partnerships", "groningen-oldenburg-bremen")), []any{"partnership"}, types["Partnership"]},
	}
	for _, name := range []string{"editions", "partnerships", "municipalities", "institutions", "courses"} {
		field := g.schema.Query.Fields.ForName(name)
		roots = append(roots, root{name + "(first: 20) { nodes %s }", []any{name, "nodes"}, g.connected(g.target(field))})
	}
	for _, name := range sortedKeys(g.ids) {
		first, last := g.ids[name][0], g.ids[name][len(g.ids[name])-1]
		roots = append(roots, root{fmt.Sprintf("nodes(ids: [%q, %q]) { ... on %s %%s }", first, last, name), []any{"nodes"}, types[name]})
	}
	return roots
}

// path checks the document that leads from a root along edges and asks for everything at its end.
func (g *graphOf) path(r root, edges []selection) {
	g.Helper()
	end := r.on
	if len(edges) > 0 {
		end = g.target(edges[len(edges)-1].field)
		if records := g.connected(end); records != nil {
			end = records
		}
	}
	var probes []branch
	for _, t := range g.concrete(end) {
		var all []selection
		for _, field := range t.Fields {
			alias := field.Name
			if len(g.concrete(end)) > 1 {
				alias = strings.ToLower(t.Name[:1]) + "_" + field.Name // the types differ in some
			}
			all = append(all, selection{field: field, alias: alias})
		}
		probes = append(probes, branch{t, all})
	}
	on := r.on
	var branches []branch
	bottom := &branches
	for _, edge := range edges {
		*bottom = []branch{{on, []selection{edge}}}
		if edge.field != on.Fields.ForName(edge.field.Name) {
			(*bottom)[0].on = g.holder(on, edge.field)
		}
		bottom = &(*bottom)[0].selections[0].below
		on = g.target(edge.field)
		if records := g.connected(on); records != nil {
			on = records
		}
	}
	*bottom = probes
	g.run(&writer{g: g}, r, branches)
}

// holder returns the concrete type that the field belongs to.
func (g *graphOf) holder(t *ast.Definition, field *ast.FieldDefinition) *ast.Definition {
	for _, one := range g.concrete(t) {
		if one.Fields.ForName(field.Name) == field {
			return one
		}
	}
	return t
}

// run asks for the branches below a root and checks the answer; it reports whether the document was within the limits.
func (g *graphOf) run(w *writer, r root, branches []branch) bool {
	g.Helper()
	set := "{ used: __typename @include(if: $yes) @skip(if: $no) " + fmt.Sprintf(r.text, w.selectionSet(r.on, branches)) + " }"
	document := w.document(set)
	a := g.send(organiser, document, nil)
	if len(a.Errors) > 0 {
		if code, _ := a.Errors[0].Extensions["code"].(string); strings.HasSuffix(code, "_LIMIT") {
			return false
		}
		g.Fatalf("%.600s\n%s", a.body, document)
	}
	for _, object := range g.records(at(a.Data, r.path...), r.on) {
		if object == nil {
			g.Fatalf("nothing at %v\n%s", r.path, document)
		}
		g.check(object.(map[string]any), branches, nil, "", nil, nil)
	}
	if g.Failed() {
		g.Fatalf("by this document:\n%s", document)
	}
	return true
}

func TestEveryPathSaysWhatTheRecordSays(t *testing.T) {
	each(t, func(h *house) {
		g := world(h)
		paths := 0
		for _, r := range g.roots() {
			depth := 2
			if len(r.path) == 1 && r.path[0] != "nodes" {
				depth = 3 // lists need not go as far: what they lead to, a single record leads to
			}
			var walk func(on *ast.Definition, edges []selection)
			walk = func(on *ast.Definition, edges []selection) {
				g.path(r, edges)
				paths++
				if len(edges) == depth {
					return
				}
				for _, t := range g.concrete(on) {
					for _, field := range g.followed(t) {
						next := g.target(field)
						if records := g.connected(next); records != nil {
							next = records
						}
						if len(g.followed(g.concrete(next)[0])) == 0 {
							continue // its values are asked for with the edge
						}
						walk(next, append(slices.Clone(edges), selection{field: field, alias: field.Name, edges: len(edges)%2 == 1}))
					}
				}
			}
			walk(r.on, nil)
		}
		for name := range g.ids {
			for _, field := range g.followed(g.schema.Types[name]) {
				if !g.seen[name+"."+field.Name] {
					g.Errorf("%s.%s led nowhere on every path: the content of this test lacks it, or nothing loads it", name, field.Name)
				}
			}
		}
		if paths < 200 {
			h.Errorf("only %d paths", paths)
		}
	})
}

func TestDocumentsOfEveryFormSayWhatTheRecordSays(t *testing.T) {
	each(t, func(h *house) {
		g := world(h)
		chance := rand.New(rand.NewPCG(2009, 5))
		roots := g.roots()
		answered := 0
		for range 300 {
			r := roots[chance.IntN(len(roots))]
			w := &writer{g: g, chance: chance}
			if g.run(w, r, g.anything(w, r.on, 4)) {
				answered++
			}
		}
		if answered < 100 {
			h.Errorf("only %d of 300 documents were within the limits", answered)
		}
	})
}
