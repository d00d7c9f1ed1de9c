package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// public reports whether everybody gets the same answer to this operation until somebody changes something: a query of nobody
// in particular with no field that is marked @live.
func public(ctx context.Context, op *graphql.OperationContext) bool {
	return actor(ctx).Anonymous() && op.Operation.Operation == ast.Query && !live(op.Operation.SelectionSet, map[string]bool{})
}

// live looks for a field marked @live in a validated selection, into each fragment once.
func live(set ast.SelectionSet, seen map[string]bool) bool {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			if selection.Definition.Directives.ForName("live") != nil || live(selection.SelectionSet, seen) {
				return true
			}
		case *ast.InlineFragment:
			if live(selection.SelectionSet, seen) {
				return true
			}
		case *ast.FragmentSpread:
			if !seen[selection.Name] {
				seen[selection.Name] = true
				if live(selection.Definition.SelectionSet, seen) {
					return true
				}
			}
		}
	}
	return false
}
