package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/vaktreffen/vaktreffen/db"
)

// shape returns what the caller reads below the field that is being resolved. Fragments count whatever type they are on, so on
// an interface it may name more edges than the record at hand has; those cost nothing.
func shape(ctx context.Context) db.Shape {
	return shaper{vars: graphql.GetOperationContext(ctx).Variables, known: map[*ast.FragmentDefinition]db.Shape{}}.
		of(graphql.GetFieldContext(ctx).Field.Selections)
}

// pageShape returns what the caller reads below the records of a connection, and whether they are counted.
func pageShape(ctx context.Context) (records db.Shape, counted bool) {
	connection := shape(ctx)
	return connection.Of("nodes").With(connection.Of("edges").Of("node")), connection.Has("totalCount")
}

type shaper struct {
	vars  map[string]any
	known map[*ast.FragmentDefinition]db.Shape // each fragment is looked at once, however often it is spread
}

func (s shaper) of(selections ast.SelectionSet) db.Shape {
	read := db.Shape{} // the only map that is written to: shapes of fragments are shared
	add := func(edge string, below db.Shape) { read[edge] = read[edge].With(below) }
	for _, selection := range selections {
		switch sel := selection.(type) {
		case *ast.Field:
			if s.included(sel.Directives) {
				add(sel.Name, s.of(sel.SelectionSet))
			}
		case *ast.InlineFragment:
			if s.included(sel.Directives) {
				for edge, below := range s.of(sel.SelectionSet) {
					add(edge, below)
				}
			}
		case *ast.FragmentSpread:
			if !s.included(sel.Directives) {
				continue
			}
			fragment, ok := s.known[sel.Definition]
			if !ok {
				fragment = s.of(sel.Definition.SelectionSet)
				s.known[sel.Definition] = fragment
			}
			for edge, below := range fragment {
				add(edge, below)
			}
		}
	}
	return read
}

func (s shaper) included(directives ast.DirectiveList) bool {
	for _, d := range directives {
		condition, _ := d.ArgumentMap(s.vars)["if"].(bool)
		if d.Name == "skip" && condition || d.Name == "include" && !condition {
			return false
		}
	}
	return true
}

// page returns the arguments of a connection, and the shape below its records.
func page(ctx context.Context, first *int, after *string, last *int, before *string) (db.Page, db.Shape) {
	records, counted := pageShape(ctx)
	return db.Page{First: first, After: after, Last: last, Before: before, Count: counted}, records
}
