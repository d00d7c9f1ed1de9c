package limits_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/introspection"

	"github.com/vaktreffen/vaktreffen/graph/internal/limits"
)

// schemaText has the shapes that matter: connections, plain lists, interfaces
// and circles.
const schemaText = `
	interface Node { id: ID! }
	type Query {
		node(id: ID!): Node
		nodes(ids: [ID!]!): [Node]!
		edition(id: ID!): Edition
		editions(first: Int, after: String, last: Int, before: String): EditionConnection!
		municipalities(first: Int, after: String): MunicipalityConnection!
	}
	type Mutation { publish(id: ID!): Edition }
	type Subscription { progress(id: ID!): Edition! }
	type PageInfo { hasNextPage: Boolean! endCursor: String }
	type Edition implements Node {
		id: ID! title: String! host: Municipality! series: Series! themes: [Theme!]! days: [Day!]!
		invitations(first: Int, after: String): InvitationConnection!
	}
	type EditionConnection { nodes: [Edition!]! edges: [EditionEdge!]! pageInfo: PageInfo! totalCount: Int! }
	type EditionEdge { cursor: String! node: Edition! }
	type Series { id: ID! name: String! }
	type Theme { id: ID! name: String! }
	type Day { date: String! sessions: [Session!]! }
	type Session implements Node {
		id: ID! title: String! room: Room themes: [Theme!]! contributions: [Contribution!]! children: [Session!]! edition: Edition!
	}
	type Room { id: ID! name: String! }
	type Contribution { role: String! person: Person }
	type Person implements Node { id: ID! name: String! organisation: Municipality! }
	type Municipality implements Node {
		id: ID! name: String!
		partnerships(first: Int): PartnershipConnection!
		hostedEditions(first: Int): EditionConnection!
	}
	type MunicipalityConnection { nodes: [Municipality!]! pageInfo: PageInfo! totalCount: Int! }
	type Partnership { id: ID! name: String! }
	type PartnershipConnection { nodes: [Partnership!]! }
	type Invitation { id: ID! status: String! person: Person! delivery: Delivery! }
	type InvitationConnection { nodes: [Invitation!]! pageInfo: PageInfo! totalCount: Int! }
	type Delivery { state: String! }
`

// toySchema answers every operation with no data and counts them.
func toySchema(executed *int) graphql.ExecutableSchema {
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: schemaText})
	return &graphql.ExecutableSchemaMock{
		SchemaFunc: func() *ast.Schema { return schema },
		ExecFunc: func(ctx context.Context) graphql.ResponseHandler {
			*executed++
			return graphql.OneShot(&graphql.Response{Data: []byte("{}")})
		},
	}
}

// ask runs a document on a server under the limits and returns its errors. They
// come through a real server, so validation takes part.
func ask(t testing.TB, params graphql.RawParams, change ...func(*limits.Config)) gqlerror.List {
	t.Helper()
	cfg := limits.Config{Cost: func(context.Context) int { return limits.CostAnonymous }}
	for _, f := range change {
		f(&cfg)
	}
	var executed int
	srv := handler.New(toySchema(&executed))
	probe := &probe{params: params}
	srv.AddTransport(probe)
	limits.Install(srv, cfg)
	probe.serve(t, srv)
	if refused := len(probe.errors) > 0; refused != (executed == 0) {
		t.Errorf("%d executions with errors %v", executed, probe.errors)
	}
	return probe.errors
}

func codeOf(errs gqlerror.List) string {
	if len(errs) == 0 {
		return ""
	}
	code, _ := errs[0].Extensions["code"].(string)
	return code
}

const agenda = `
	query Agenda($id: ID!) {
		edition(id: $id) {
			id title host { id name } series { id name } themes { id name }
			days { date sessions { ...Item children { ...Item } } }
		}
	}
	fragment Item on Session {
		id title room { id name } themes { id name }
		contributions { role person { id name organisation { id name } } }
	}`

const municipalities = `
	query($first: Int!) { municipalities(first: $first) {
		totalCount pageInfo { hasNextPage endCursor }
		nodes { id name partnerships(first: 10) { nodes { id name } } hostedEditions(first: 10) { nodes { id title } } }
	} }`

const editions = `
	query($first: Int!) { editions(first: $first) {
		totalCount pageInfo { hasNextPage endCursor }
		edges { cursor node { id title host { id name } series { id name } themes { id name } } }
	} }`

const invitations = `
	query($first: Int!) { node(id: "1") { id ... on Edition { invitations(first: $first) {
		totalCount pageInfo { hasNextPage endCursor } nodes { id status person { id name } delivery { state } }
	} } } }`

// What frontends send passes for those who send it.
func TestCost(t *testing.T) {
	t.Parallel()
	full := map[string]any{"first": 100}
	for name, tc := range map[string]struct {
		query     string
		variables map[string]any
		objects   int
	}{
		// An item is itself, a room, 5 themes and 5 contributions of 3: 22 objects;
		// 5 days of 5 sessions of 1 + 5 items, and 8 objects around them.
		"agenda": {agenda, map[string]any{"id": "1"}, 5 + 5*5*6*22 + 8},
		// Each has 2 connections of 10 objects.
		"municipalities": {municipalities, full, 100*(1+2+20) + 2},
		// Each has an edge, itself, a host, a series and 5 themes.
		"editions":       {editions, full, 100*(4+5) + 2},
		"invitations":    {invitations, full, 100*3 + 3},
		"a small page":   {editions, map[string]any{"first": 1}, 9 + 2},
		"no page given":  {"{ editions { nodes { id } } }", nil, 100 + 1},
		"a null page":    {"{ editions(first: null) { nodes { id } } }", nil, 100 + 1},
		"a negative one": {"{ editions(first: -5) { nodes { id } } }", nil, 100 + 1},
		"the end":        {"{ editions(last: 9) { nodes { id } } }", nil, 9 + 1},
		"page by a fragment": {
			"{ editions(first: 50) { ...P } municipalities(first: 1) { nodes { hostedEditions(first: 7) { ...P } } } } fragment P on EditionConnection { nodes { id } }",
			nil, 51 + 1 + 1 + 8,
		},
		"ids":       {"{ nodes(ids: [1, 2, 3, 4, 5, 6, 7]) { id } }", nil, 7},
		"a few ids": {"{ nodes(ids: [1]) { id } }", nil, 5},
		"ids by variable": {
			"query($ids: [ID!]!) { nodes(ids: $ids) { id } }", map[string]any{"ids": []any{"1", "2", "3", "4", "5", "6", "7", "8"}}, 8,
		},
		"scalars":  {"{ __typename }", nil, 0},
		"mutation": {`mutation { publish(id: "1") { id } }`, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, want := costOf(t, tc.query, tc.variables), (tc.objects+2)/3
			if got != want {
				t.Errorf("costs %d, want %d", got, want)
			}
			if want > limits.CostAnonymous {
				t.Errorf("costs %d: an anonymous frontend cannot ask it", want)
			}
		})
	}
}

// costOf finds a cost from outside: the error of a server that allows less.
func costOf(t *testing.T, query string, variables map[string]any) int {
	t.Helper()
	errs := ask(t, graphql.RawParams{Query: query, Variables: variables}, func(cfg *limits.Config) {
		cfg.Cost = func(context.Context) int { return -1 }
	})
	if codeOf(errs) != limits.CodeCost {
		t.Fatalf("got %v", errs)
	}
	return errs[0].Extensions["actual"].(int)
}

func TestCostLimitFollowsTheActor(t *testing.T) {
	t.Parallel()
	query := graphql.RawParams{Query: municipalities, Variables: map[string]any{"first": 400}} // 3,067 points
	for limit, want := range map[int]string{
		limits.CostAnonymous: limits.CodeCost, limits.CostSignedIn: "", limits.CostOrganiser: "",
	} {
		errs := ask(t, query, func(cfg *limits.Config) { cfg.Cost = func(context.Context) int { return limit } })
		if got := codeOf(errs); got != want {
			t.Errorf("limit %d: got %v, want %q", limit, errs, want)
		}
	}
}

func TestRefusalStatesLimitAndActual(t *testing.T) {
	t.Parallel()
	errs := ask(t, graphql.RawParams{Query: "{ nodes(ids: []) { id ... on Session { edition { host { hostedEditions { nodes { host { hostedEditions { nodes { host { hostedEditions { nodes { host { id } } } } } } } } } } } } } }"})
	want := gqlerror.List{{
		Message:    "The document nests 13 levels deep; at most 12 are allowed. Ask for the deeper objects by their id in another request.",
		Extensions: map[string]any{"code": "DEPTH_LIMIT", "limit": 12, "actual": 13},
	}}
	if diff := cmp.Diff(want, errs, cmpopts.IgnoreUnexported(gqlerror.Error{})); diff != "" {
		t.Error(diff)
	}
}

func TestIntrospectionWhereAllowed(t *testing.T) {
	t.Parallel()
	development := func(cfg *limits.Config) { cfg.Introspection = true }
	if errs := ask(t, graphql.RawParams{Query: introspection.Query}, development); len(errs) > 0 {
		t.Errorf("a client cannot load the schema: %v", errs)
	}
	misspelt := graphql.RawParams{Query: `{ edition(id: "1") { titel } }`}
	if errs := ask(t, misspelt, development); !strings.Contains(errs.Error(), `Did you mean "title"`) {
		t.Errorf("no suggestion in development: %v", errs)
	}
	for _, query := range []string{
		`{ edition(id: "1") { titel } }`, `{ edition(idd: "1") { id } }`, `{ edition(id: "1") { ... on Editon { id } } }`,
	} {
		if errs := ask(t, graphql.RawParams{Query: query}); len(errs) == 0 || strings.Contains(errs.Error(), "Did you mean") {
			t.Errorf("%s: got %v", query, errs)
		}
	}
}

func TestNULInVariables(t *testing.T) {
	t.Parallel()
	for _, variables := range []map[string]any{
		{"id": "\x00"}, {"id": []any{"a", "b\x00"}}, {"id": map[string]any{"\x00": 1}},
	} {
		errs := ask(t, graphql.RawParams{Query: "query($id: ID!) { node(id: $id) { id } }", Variables: variables})
		if got := codeOf(errs); got != limits.CodeCharacter {
			t.Errorf("%q: got %v", variables, errs)
		}
	}
}

// A document that has passed is not measured again, one that has not is, and
// its cost is counted each time.
func TestRememberedDocuments(t *testing.T) {
	t.Parallel()
	var executed int
	srv := handler.New(toySchema(&executed))
	p := &probe{}
	srv.AddTransport(p)
	limits.Install(srv, limits.Config{Cost: func(context.Context) int { return limits.CostAnonymous }})
	deep := `{ node(id: "1") { ` + nested(20, "... on Session { edition { id } } ... on Edition { host", "id") + strings.Repeat(" }", 20) + " } }"
	for range 3 {
		for _, tc := range []struct {
			query string
			first int
			want  string
		}{
			{municipalities, 100, ""}, {municipalities, 300, limits.CodeCost}, {deep, 0, limits.CodeDepth},
		} {
			p.params = graphql.RawParams{Query: tc.query, Variables: map[string]any{"first": tc.first}}
			p.serve(t, srv)
			if got := codeOf(p.errors); got != tc.want {
				t.Errorf("got %v, want %q", p.errors, tc.want)
			}
		}
	}
	if executed != 3 {
		t.Errorf("%d executions, want 3", executed)
	}
}

// What checking a document allocates, which stands for the work it takes, grows with its length and not with what its
// fragments amount to: each fragment here is spread twice by the one before it. (Reading the number of a page allocates.)
func TestCheckingIsLinear(t *testing.T) { // not parallel: allocations are counted
	work := func(fragments int) float64 {
		query := doubling(fragments, "edition { invitations(first: 1000) { totalCount } } NEXT", "NEXT")
		return testing.AllocsPerRun(3, func() { ask(t, graphql.RawParams{Query: query}) })
	}
	work(8) // what happens once
	empty, small, large := work(1), work(8), work(16)
	if each, eachOfMore := (small-empty)/7, (large-small)/8; eachOfMore > 1.5*each {
		t.Errorf("%.0f allocations for each of 8 fragments, %.0f for each of 8 more", each, eachOfMore)
	}
}

// Whatever a document is, the limits neither panic nor take long, and what they
// let through is small.
func FuzzDocument(f *testing.F) {
	for _, tc := range hostile {
		f.Add(tc.query)
	}
	for _, query := range []string{agenda, municipalities, editions, invitations, introspection.Query} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		start := time.Now()
		errs := ask(t, graphql.RawParams{Query: query, Variables: map[string]any{"id": "1", "first": 10}})
		if spent := time.Since(start); spent > 10*time.Second { // what it guards against takes minutes
			t.Errorf("took %v", spent)
		}
		if len(errs) > limits.MaxErrors {
			t.Errorf("%d errors", len(errs))
		}
		if len(errs) == 0 && len(query) > limits.MaxBytes {
			t.Errorf("%d bytes passed", len(query))
		}
	})
}
