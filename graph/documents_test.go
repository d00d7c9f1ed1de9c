package graph_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// selection is one field of a generated document, with what is selected below it.
type selection struct {
	field *ast.FieldDefinition
	alias string
	edges bool // of a connection: records by edges instead of nodes
	below []branch
}

// branch is what is selected on one type below a field.
type branch struct {
	on         *ast.Definition
	selections []selection
}

// writer makes the text of a document. With a source of chance it spreads fields over aliases, fragments and directives.
type writer struct {
	g         *graphOf
	chance    *rand.Rand // nil for a plain document
	fragments []string
	aliases   int
}

func (w *writer) sometimes(one int) bool { return w.chance != nil && w.chance.IntN(one) == 0 }

// selectionSet writes what is selected on an object of the type, with all that check needs to know about it.
func (w *writer) selectionSet(t *ast.Definition, branches []branch) string {
	parts := []string{"__typename"}
	if w.g.isNode(t) {
		parts = append(parts, "id")
	} else if t != w.g.schema.Query {
		for _, field := range t.Fields {
			if w.g.target(field).IsLeafType() {
				parts = append(parts, field.Name+arguments(field))
			}
		}
	}
	for _, b := range branches {
		var fields []string
		for _, s := range b.selections {
			fields = append(fields, w.field(s))
		}
		parts = append(parts, w.wrap(t, b.on, fields)...)
	}
	return "{ " + strings.Join(parts, " ") + " }"
}

func (w *writer) field(s selection) string {
	text := s.field.Name + arguments(s.field)
	if s.alias != s.field.Name {
		text = s.alias + ": " + text
	}
	if w.sometimes(8) {
		text += w.included()
	}
	target := w.g.target(s.field)
	switch records := w.g.connected(target); {
	case target.IsLeafType():
		return text
	case records != nil && s.edges:
		return text + "{ totalCount edges { cursor node " + w.selectionSet(records, s.below) + " } }"
	case records != nil:
		return text + "{ totalCount nodes " + w.selectionSet(records, s.below) + " }"
	}
	return text + w.selectionSet(target, s.below)
}

// wrap writes fields on their type, as they are or in a fragment.
func (w *writer) wrap(outer, on *ast.Definition, fields []string) []string {
	text := strings.Join(fields, " ")
	switch {
	case text == "":
		return nil
	case w.sometimes(3):
		name := fmt.Sprintf("F%d", len(w.fragments))
		w.fragments = append(w.fragments, "fragment "+name+" on "+on.Name+" { "+text+" }")
		spread := "..." + name
		if w.sometimes(3) {
			spread += w.included()
		}
		return []string{spread}
	case outer != on || w.sometimes(3):
		return []string{"... on " + on.Name + " { " + text + " }"}
	}
	return []string{text}
}

// included writes a directive that lets its field stand.
func (w *writer) included() string {
	return []string{" @include(if: true)", " @skip(if: false)", " @include(if: $yes)", " @skip(if: $no)", " @include(if: $yes) @skip(if: $no)"}[w.chance.IntN(5)]
}

func (w *writer) document(set string) string {
	return "query($yes: Boolean = true, $no: Boolean = false) " + set + "\n" + strings.Join(w.fragments, "\n")
}

// anything selects some fields of a type, some of them several times under different names with other fields below.
func (g *graphOf) anything(w *writer, on *ast.Definition, depth int) []branch {
	var branches []branch
	types := g.concrete(on)
	if on.IsAbstractType() && w.sometimes(2) {
		types = append(types, on)
	}
	for _, t := range types {
		var some []selection
		for _, field := range t.Fields {
			leaf := g.target(field).IsLeafType()
			if !leaf && depth == 0 || w.chance.IntN(3) > 0 {
				continue
			}
			for range 1 + w.chance.IntN(2) {
				w.aliases++
				s := selection{field: field, alias: fmt.Sprintf("a%d", w.aliases), edges: w.sometimes(2)}
				if !leaf {
					next := g.target(field)
					s.below = g.anything(w, cmp.Or(g.connected(next), next), depth-1)
				}
				some = append(some, s)
				if w.aliases > 25 {
					break
				}
			}
		}
		branches = append(branches, branch{t, some})
	}
	return branches
}
