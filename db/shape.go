package db

import "slices"

// Shape says what a caller will read below a record: the names of the GraphQL fields, each with the shape below it. Queries
// load exactly the edges in it, with one statement for all records at the same edge, so that the number of statements
// depends on the shape and never on the number of records. An edge that is not in the shape is not loaded.
type Shape map[string]Shape

// Of returns the shape below an edge; it is empty when the edge is not read.
func (s Shape) Of(edge string) Shape { return s[edge] }

// Has reports whether any of the edges is read.
func (s Shape) Has(edges ...string) bool {
	return slices.ContainsFunc(edges, func(edge string) bool { _, ok := s[edge]; return ok })
}

// With returns a shape that also reads everything in the other one.
func (s Shape) With(other Shape) Shape {
	if len(s) == 0 {
		return other
	}
	if len(other) == 0 {
		return s
	}
	both := make(Shape, len(s)+len(other))
	for edge, below := range s {
		both[edge] = below
	}
	for edge, below := range other {
		both[edge] = both[edge].With(below)
	}
	return both
}
