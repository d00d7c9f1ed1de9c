package limits

import (
	"encoding/json"
	"math"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/99designs/gqlgen/graphql"
)

const (
	// MaxPage is the largest page of a connection, and the one assumed where a
	// document does not say.
	MaxPage = 100

	// PlainListSize is how many objects a list without arguments is assumed to
	// have: the days of an edition, the themes of a session.
	PlainListSize = 5

	// objectsPerPoint is how many objects one point pays for. With three, the
	// widest pages that public sites show stay below [CostAnonymous].
	objectsPerPoint = 3
)

// cost returns the points of an operation, rounded up. It saturates.
func cost(op *graphql.OperationContext) int {
	c := counter{op: op, fragments: map[string]objects{}}
	n := c.selection(op.Operation.SelectionSet).within(PlainListSize)
	return n/objectsPerPoint + min(n%objectsPerPoint, 1)
}

// objects counts the objects below a selection. What lists directly in it hold
// depends on the page of the connection around, which a fragment does not know,
// so they are counted per object of a page: the count is fixed + page × perItem.
type objects struct {
	fixed, perItem int
}

func (o objects) within(page int) int { return add(o.fixed, multiply(page, o.perItem)) }

func (o *objects) include(other objects) {
	o.fixed = add(o.fixed, other.fixed)
	o.perItem = add(o.perItem, other.perItem)
}

// counter counts objects of a validated document, each fragment once.
type counter struct {
	op        *graphql.OperationContext
	fragments map[string]objects
}

func (c counter) selection(set ast.SelectionSet) objects {
	var sum objects
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			sum.include(c.field(selection))
		case *ast.InlineFragment:
			sum.include(c.selection(selection.SelectionSet))
		case *ast.FragmentSpread:
			sum.include(c.fragment(selection))
		}
	}
	return sum
}

func (c counter) fragment(spread *ast.FragmentSpread) objects {
	if known, ok := c.fragments[spread.Name]; ok {
		return known
	}
	sum := c.selection(spread.Definition.SelectionSet)
	c.fragments[spread.Name] = sum
	return sum
}

func (c counter) field(field *ast.Field) objects {
	if len(field.SelectionSet) == 0 || field.Name == "__schema" || field.Name == "__type" {
		return objects{}
	}
	below := c.selection(field.SelectionSet)
	n, asked := c.size(field)
	switch {
	case field.Definition.Type.Elem == nil:
		return objects{fixed: add(1, below.within(n))}
	case asked:
		return objects{fixed: multiply(n, add(1, below.within(PlainListSize)))}
	default:
		return objects{perItem: add(1, below.within(PlainListSize))}
	}
}

// size returns how many objects a list has, or the lists directly in a
// connection, and whether the field's arguments say so.
func (c counter) size(field *ast.Field) (n int, asked bool) {
	for _, argument := range field.Definition.Arguments {
		switch {
		case argument.Name == "first" || argument.Name == "last":
			asked = true
			n = max(n, asInt(c.argument(field, argument)))
		case argument.Type.Elem != nil && field.Definition.Type.Elem != nil:
			list, _ := c.argument(field, argument).([]any)
			asked = asked || len(list) > PlainListSize
			n = max(n, len(list))
		}
	}
	switch {
	case !asked:
		return PlainListSize, false
	case n == 0:
		return MaxPage, true
	default:
		return n, true
	}
}

// argument returns the value of an argument in this request, nil if it has none
// or none that validation let pass.
func (c counter) argument(field *ast.Field, definition *ast.ArgumentDefinition) any {
	value := definition.DefaultValue
	if given := field.Arguments.ForName(definition.Name); given != nil {
		value = given.Value
	}
	if value == nil {
		return nil
	}
	v, err := value.Value(c.op.Variables)
	if err != nil {
		return nil
	}
	return v
}

func asInt(value any) int {
	switch value := value.(type) {
	case int64:
		return int(value)
	case int:
		return value
	case json.Number:
		n, err := value.Int64()
		if err != nil {
			return MaxPage
		}
		return int(n)
	default:
		return 0
	}
}

// add and multiply stop at the largest int; their operands are not negative.
func add(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

func multiply(a, b int) int {
	if a > 0 && b > math.MaxInt/a {
		return math.MaxInt
	}
	return a * b
}
