package limits_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/vaktreffen/vaktreffen/graph/internal/limits"
)

// list joins n texts made by number.
func list(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
		b.WriteByte(' ')
	}
	return b.String()
}

// doubling has n fragments that each spread the next one twice, below fields or not.
func doubling(n int, first, second string) string {
	var b strings.Builder
	b.WriteString(`{ node(id: "1") { ...F0 } }`)
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on Session { %s %s }", i,
			strings.ReplaceAll(first, "NEXT", fmt.Sprint("...F", i+1)), strings.ReplaceAll(second, "NEXT", fmt.Sprint("...F", i+1)))
	}
	fmt.Fprintf(&b, " fragment F%d on Session { id }", n)
	return b.String()
}

// nested wraps a field n times.
func nested(n int, field, innermost string) string {
	return strings.Repeat(field+" { ", n) + innermost + strings.Repeat(" }", n)
}

// Documents made to hurt. want is the code of the refusal; one that is "" is
// harmless once counted and passes.
var hostile = map[string]struct {
	query string
	want  string
}{
	"bytes":                   {"{ __typename } #" + strings.Repeat("x", limits.MaxBytes), limits.CodeBytes},
	"bytes in a string":       {`{ node(id: "` + strings.Repeat("x", limits.MaxBytes) + `") { id } }`, limits.CodeBytes},
	"tokens":                  {"{ " + strings.Repeat("id ", 2100) + "}", limits.CodeTokens},
	"tokens of a list":        {"{ nodes(ids: [" + strings.Repeat("1 ", 2100) + "]) { id } }", limits.CodeTokens},
	"brackets":                {"{ nodes(ids: " + strings.Repeat("[", 1900), "GRAPHQL_PARSE_FAILED"},
	"braces":                  {strings.Repeat("{ a", 900), "GRAPHQL_PARSE_FAILED"},
	"depth":                   {`{ node(id: "1") { ... on Session { ` + nested(20, "edition { host { hostedEditions(first: 1) { nodes", "id") + strings.Repeat(" } } }", 20) + " } } }", limits.CodeDepth},
	"depth through fragments": {doubling(40, "children { NEXT }", ""), limits.CodeDepth},
	"depth of a chain":        {`{ node(id: "1") { ... on Session { ` + nested(300, "children", "id") + " } } }", limits.CodeDepth},
	"inline fragments":        {`{ node(id: "1") { ` + nested(300, "... on Session", "id") + " } }", ""},
	"aliases":                 {`{ node(id: "1") { ` + list(31, "a%d: id") + "} }", limits.CodeAliases},
	"aliases of lists":        {`{ edition(id: "1") { ` + list(100, "a%d: days { date }") + "} }", limits.CodeAliases},
	"repeated root fields":    {"{ " + strings.Repeat("__typename ", 1400) + "}", limits.CodeRootFields},
	"repeated fields":         {`{ node(id: "1") { ` + strings.Repeat("id ", 1900) + "} }", limits.CodeRepeats},
	"repeated across inline fragments": {
		`{ node(id: "1") { ` + strings.Repeat("... on Session { id } ", 300) + "} }", limits.CodeRepeats,
	},
	"repeated objects":        {`{ edition(id: "1") { ` + strings.Repeat("days { sessions { children { id } } } ", 150) + "} }", limits.CodeRepeats},
	"directives":              {`{ node(id: "1") { id ` + strings.Repeat("@include(if: true) ", 280) + "} }", limits.CodeDirectives},
	"unknown directives":      {`{ node(id: "1") { id ` + list(900, "@a%d") + "} }", limits.CodeDirectives},
	"directives on variables": {"query(" + list(300, "$v%d: Int @a") + ") { __typename }", limits.CodeDirectives},
	"root fields":             {"{ " + list(11, `a%d: node(id: "1") { id }`) + "}", limits.CodeRootFields},
	"root fields by fragments": {
		"{ ...A ...A ...A } fragment A on Query { a: __typename b: __typename c: __typename d: __typename }", limits.CodeRootFields,
	},
	"22 doubling fragments":             {doubling(22, "NEXT", "NEXT"), ""},
	"60 doubling fragments":             {doubling(59, "NEXT", "NEXT"), ""},
	"110 doubling fragments":            {doubling(110, "NEXT", "NEXT"), limits.CodeSpreads},
	"22 doubling fragments with fields": {doubling(22, "children { NEXT }", "again: children { NEXT }"), limits.CodeDepth},
	"10 doubling fragments with fields": {doubling(10, "children { NEXT }", "again: children { NEXT }"), limits.CodeCost},
	"doubling in inline fragments":      {doubling(40, "... on Session { NEXT }", "... on Session { NEXT }"), ""},
	"doubling with repeated fields":     {doubling(30, "edition { id } NEXT", "edition { id } NEXT"), limits.CodeCost},
	"fragments":                         {"{ __typename } " + list(200, "fragment F%d on Query { __typename }"), "GRAPHQL_VALIDATION_FAILED"},
	"fragments in a circle": {
		`{ node(id: "1") { ...A } } fragment A on Session { children { ...B } } fragment B on Session { children { ...A } }`, "GRAPHQL_VALIDATION_FAILED",
	},
	"a fragment of itself":          {`{ node(id: "1") { ...A } } fragment A on Session { ...A ...A }`, "GRAPHQL_VALIDATION_FAILED"},
	"fragments of the same":         {strings.Repeat("fragment F on Query { __typename } ", 60) + "{ ...F }", limits.CodeRootFields},
	"every fragment in every other": {everyFragmentInEveryOther(19), limits.CodeCost},
	"operations":                    {list(300, "query Q%d { __typename }"), "GRAPHQL_VALIDATION_FAILED"},
	"unknown fields":                {`{ node(id: "1") { ` + list(1900, "x%d") + "} }", "GRAPHQL_VALIDATION_FAILED"},
	"unknown fragments":             {`{ node(id: "1") { ` + list(900, "...X%d") + "} }", limits.CodeSpreads},
	"unknown arguments":             {"{ node(" + list(600, "x%d: 1") + ") { id } }", "GRAPHQL_VALIDATION_FAILED"},
	"unknown fields at the end of every fragment": {
		chain(55, list(1500, "x%d")), limits.CodeVisits,
	},
	"unknown objects at the end of every fragment": {
		chain(55, list(380, "x%d { y }")), limits.CodeVisits,
	},
	"inline fragments at the end of every fragment": {
		chain(25, strings.Repeat("... on Session { title } ", 30)+list(250, "... { x%d }")), "GRAPHQL_VALIDATION_FAILED",
	},
	"as many visits as allowed": {chain(20, list(890, "x%d")), "GRAPHQL_VALIDATION_FAILED"},
	"a long list at the end of every fragment": {
		chain(55, `edition { invitations(first: [`+strings.Repeat("1 ", 1500)+`]) { totalCount } }`), "GRAPHQL_VALIDATION_FAILED",
	},
	"operations with every fragment": {
		list(19, `query Q%d { node(id: "1") { ...F0 } }`) + strings.SplitAfterN(chain(55, list(1200, "x%d")), "} }", 2)[1], limits.CodeVisits,
	},
	"unused variables": {"query(" + list(390, "$v%d: Int") + ") { __typename }", "GRAPHQL_VALIDATION_FAILED"},
	"pages of pages": {
		"{ municipalities(first: 100) { nodes { hostedEditions(first: 100) { nodes { invitations(first: 100) { nodes { id } } } } } } }", limits.CodeCost,
	},
	"a page beyond counting": {
		"{ municipalities(first: 9223372036854775807) { nodes { hostedEditions(first: 9223372036854775807) { nodes { id } } } } }", limits.CodeCost,
	},
	"plain lists of plain lists": {`{ edition(id: "1") { days { sessions { children { children { children { children { id } } } } } } } }`, limits.CodeCost},
	"schema":                     {"{ __schema { types { name } } }", limits.CodeIntrospection},
	"schema in a fragment":       {"{ ...A } fragment A on Query { a: __type(name: \"Person\") { name } }", limits.CodeIntrospection},
	"defer":                      {"{ ... @ defer { __typename } }", limits.CodeDefer},
	"NUL":                        {`{ node(id: "\u0000") { id } }`, limits.CodeCharacter},
	"NUL in a list":              {`{ nodes(ids: ["a", "\u0000"]) { id } }`, limits.CodeCharacter},
}

// chain has n fragments that each spread the next, the last with innermost.
func chain(n int, innermost string) string {
	var b strings.Builder
	b.WriteString(`{ node(id: "1") { ...F0 } }`)
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on Session { ...F%d }", i, i+1)
	}
	fmt.Fprintf(&b, " fragment F%d on Session { %s }", n, innermost)
	return b.String()
}

// everyFragmentInEveryOther makes the validator compare all pairs.
func everyFragmentInEveryOther(n int) string {
	var b strings.Builder
	b.WriteString(`{ node(id: "1") { ` + list(n, "...F%d") + "} }")
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on Session { id title room { id name } ", i)
		for j := i + 1; j < n; j++ {
			fmt.Fprintf(&b, "...F%d ", j)
		}
		b.WriteString("}")
	}
	return b.String()
}

func TestHostileDocuments(t *testing.T) {
	for name, tc := range hostile {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			errs := ask(t, graphql.RawParams{Query: tc.query})
			t.Logf("%6d bytes in %v: %v", len(tc.query), time.Since(start).Round(10*time.Microsecond), codeOf(errs))
			if got := codeOf(errs); got != tc.want {
				t.Fatalf("got %q %.300v, want %q", got, errs, tc.want)
			}
			if len(errs) > limits.MaxErrors {
				t.Errorf("%d errors in one response", len(errs))
			}
			// On an idle machine it takes less than 100 ms, on a busy one this; what it guards against takes minutes.
			if spent := time.Since(start); spent > 10*time.Second {
				t.Errorf("took %v", spent)
			}
			for _, err := range errs {
				limit, limited := err.Extensions["limit"].(int)
				if actual, _ := err.Extensions["actual"].(int); limited && actual <= limit {
					t.Errorf("%d is refused though %d are allowed", actual, limit)
				}
			}
		})
	}
}
