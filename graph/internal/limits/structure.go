package limits

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// structure is what a document consists of: its parts, which are operations and
// fragments, and what they have in all.
type structure struct {
	operations []*part
	fragments  map[string]*part

	aliases, repeats, directives, spreads int
	introspects, defers, nul              bool
}

// part is one operation or fragment without the fragments it spreads.
type part struct {
	selections int
	depth      int // levels of fields
	rootFields int // fields of the first level
	uses       []use

	// whole is the part with what it spreads; nil until it is asked for.
	whole *extent
}

// use is a fragment spread somewhere in a part.
type use struct {
	fragment string
	depth    int // levels of fields around it
	exempt   bool
}

// extent is how far a part goes once its fragments are spread.
type extent struct {
	depth, rootFields int
}

func newStructure(doc *ast.QueryDocument) *structure {
	s := &structure{fragments: make(map[string]*part, len(doc.Fragments))}
	for _, op := range doc.Operations {
		s.addDirectives(op.Directives)
		for _, variable := range op.VariableDefinitions {
			s.addDirectives(variable.Directives)
			s.addValue(variable.DefaultValue)
		}
		p := &part{}
		s.operations = append(s.operations, p)
		s.addSelections(p, op.SelectionSet, position{}, map[string]bool{})
	}
	for _, fragment := range doc.Fragments {
		s.addDirectives(fragment.Directives)
		p := s.fragments[fragment.Name] // of fragments with the same name, the sum
		if p == nil {
			p = &part{}
			s.fragments[fragment.Name] = p
		}
		s.addSelections(p, fragment.SelectionSet, position{}, map[string]bool{})
	}
	return s
}

// position is where in its part a selection set is.
type position struct {
	depth  int
	exempt bool // from the limit of depth
}

// addSelections adds a selection set to p. seen has the names of the fields
// around it that share its level.
func (s *structure) addSelections(p *part, set ast.SelectionSet, at position, seen map[string]bool) {
	p.selections += len(set)
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			s.addField(p, selection, at, seen)
		case *ast.InlineFragment:
			s.addDirectives(selection.Directives)
			s.addSelections(p, selection.SelectionSet, at, seen)
		case *ast.FragmentSpread:
			s.spreads++
			s.addDirectives(selection.Directives)
			p.uses = append(p.uses, use{fragment: selection.Name, depth: at.depth, exempt: at.exempt})
		}
	}
}

func (s *structure) addField(p *part, field *ast.Field, at position, seen map[string]bool) {
	s.addDirectives(field.Directives)
	s.addArguments(field.Arguments)
	if field.Alias != field.Name {
		s.aliases++
	}
	if seen[field.Alias] {
		s.repeats++
	}
	seen[field.Alias] = true
	if at.depth == 0 {
		p.rootFields++
	}
	at.depth++
	if !at.exempt {
		p.depth = max(p.depth, at.depth)
	}
	if field.Name == "__schema" || field.Name == "__type" {
		s.introspects = true
		at.exempt = true
	}
	s.addSelections(p, field.SelectionSet, at, map[string]bool{})
}

func (s *structure) addDirectives(directives ast.DirectiveList) {
	s.directives += len(directives)
	for _, directive := range directives {
		s.defers = s.defers || directive.Name == "defer"
		s.addArguments(directive.Arguments)
	}
}

func (s *structure) addArguments(arguments ast.ArgumentList) {
	for _, argument := range arguments {
		s.addValue(argument.Value)
	}
}

func (s *structure) addValue(value *ast.Value) {
	if value == nil {
		return
	}
	s.nul = s.nul || strings.ContainsRune(value.Raw, 0)
	for _, child := range value.Children {
		s.addValue(child.Value)
	}
}

// extent measures a part the first time it is asked for. While it is being
// measured it is empty, which is where a circle ends; validation refuses circles.
func (s *structure) extent(p *part) extent {
	if p == nil {
		return extent{} // a fragment that is not there
	}
	if p.whole != nil {
		return *p.whole
	}
	p.whole = &extent{}
	whole := extent{depth: p.depth, rootFields: p.rootFields}
	for _, use := range p.uses {
		inner := s.extent(s.fragments[use.fragment])
		if !use.exempt {
			whole.depth = max(whole.depth, add(use.depth, inner.depth))
		}
		if use.depth == 0 {
			whole.rootFields = add(whole.rootFields, inner.rootFields)
		}
	}
	*p.whole = whole
	return whole
}

// visits returns how many selections the validator looks at: it enters every
// fragment within each operation, and again within each fragment.
func (s *structure) visits() int {
	n := 0
	for _, p := range s.operations {
		n += s.reach(p, map[*part]bool{})
	}
	for _, p := range s.fragments {
		n += s.reach(p, map[*part]bool{})
	}
	return n
}

// reach counts the selections of a part and of those that it leads to.
func (s *structure) reach(p *part, reached map[*part]bool) int {
	if p == nil || reached[p] {
		return 0
	}
	reached[p] = true
	n := p.selections
	for _, use := range p.uses {
		n += s.reach(s.fragments[use.fragment], reached)
	}
	return n
}

// check reports the first limit that is exceeded.
func (s *structure) check(introspection bool) *gqlerror.Error {
	var widest extent
	for _, op := range s.operations {
		whole := s.extent(op)
		widest.depth = max(widest.depth, whole.depth)
		widest.rootFields = max(widest.rootFields, whole.rootFields)
	}
	for _, limit := range []struct {
		code        string
		max, actual int
		message     string
	}{
		{CodeSpreads, MaxSpreads, s.spreads,
			"The document spreads fragments %d times; at most %d are allowed. Merge small fragments."},
		{CodeDepth, MaxDepth, widest.depth,
			"The document nests %d levels deep; at most %d are allowed. Ask for the deeper objects by their id in another request."},
		{CodeRootFields, MaxRootFields, widest.rootFields,
			"The operation has %d fields at its root; at most %d are allowed. Split it into several requests."},
		{CodeAliases, MaxAliases, s.aliases,
			"The document has %d aliases; at most %d are allowed. Split it into several requests."},
		{CodeRepeats, MaxRepeats, s.repeats,
			"The document repeats %d fields within their selections; at most %d are allowed. Name each field once."},
		{CodeDirectives, MaxDirectives, s.directives,
			"The document has %d directives; at most %d are allowed. Put @include and @skip on whole fragments."},
	} {
		if limit.actual > limit.max {
			return exceeded(limit.code, limit.max, limit.actual, limit.message, limit.actual, limit.max)
		}
	}
	if n := s.visits(); n > MaxVisits {
		return exceeded(CodeVisits, MaxVisits, n,
			"The document has %d selections once its fragments are entered from each other; at most %d are allowed. "+
				"Send one operation with the fragments it uses.", n, MaxVisits)
	}
	switch {
	case s.introspects && !introspection:
		return refused(CodeIntrospection, "Introspection is disabled on this server: use the published schema.")
	case s.defers:
		return refused(CodeDefer, "@defer is not supported: ask for the deferred part in a request of its own.")
	case s.nul:
		return badCharacter()
	}
	return nil
}
