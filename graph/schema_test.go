package graph_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

func TestSchemaDescribesEverything(t *testing.T) {
	t.Parallel()
	described := func(what, text string) {
		if len(text) < 5 || !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "`") {
			t.Errorf("%s: described as %q", what, text)
		}
	}
	s := schema(t)
	for name, d := range s.Types {
		if d.BuiltIn {
			continue
		}
		described(name, d.Description)
		for _, field := range d.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			described(name+"."+field.Name, field.Description)
			for _, argument := range field.Arguments {
				described(name+"."+field.Name+"("+argument.Name+")", argument.Description)
			}
		}
		for _, value := range d.EnumValues {
			described(name+"."+value.Name, value.Description)
		}
		if d.Kind == ast.Scalar && d.Directives.ForName("specifiedBy") == nil {
			t.Errorf("scalar %s: nothing specifies it", name)
		}
	}
	described("@live", s.Directives["live"].Description)
}

func TestConnectionsAreShapedAsRelayWantsThem(t *testing.T) {
	t.Parallel()
	s := schema(t)
	connections := 0
	for name, d := range s.Types {
		record, is := strings.CutSuffix(name, "Connection")
		if !is {
			continue
		}
		connections++
		edge := s.Types[record+"Edge"]
		for field, want := range map[string]string{"nodes": "[" + record + "!]!", "edges": "[" + record + "Edge!]!", "pageInfo": "PageInfo!", "totalCount": "Int!"} {
			if f := d.Fields.ForName(field); f == nil || f.Type.String() != want {
				t.Errorf("%s.%s is not %s", name, field, want)
			}
		}
		if edge == nil || edge.Fields.ForName("cursor").Type.String() != "String!" || edge.Fields.ForName("node").Type.String() != record+"!" {
			t.Errorf("%sEdge is no edge", record)
		}
	}
	if connections < 8 {
		t.Errorf("%d connections", connections)
	}
	page := s.Types["PageInfo"]
	for field, want := range map[string]string{"hasNextPage": "Boolean!", "hasPreviousPage": "Boolean!", "startCursor": "String", "endCursor": "String"} {
		if page.Fields.ForName(field).Type.String() != want {
			t.Errorf("PageInfo.%s is not %s", field, want)
		}
	}
	for name, d := range s.Types {
		for _, field := range d.Fields {
			connection := strings.HasSuffix(field.Type.Name(), "Connection")
			first, after := field.Arguments.ForName("first"), field.Arguments.ForName("after")
			if connection != (first != nil) || connection != (after != nil) {
				t.Errorf("%s.%s: a connection takes first and after, and nothing else does", name, field.Name)
			}
			if connection && (first.Type.String() != "Int" || after.Type.String() != "String" || field.Type.String() != field.Type.Name()+"!") {
				t.Errorf("%s.%s: %s with first %s, after %s", name, field.Name, field.Type, first.Type, after.Type)
			}
		}
	}
}

func TestRecordsAreNodes(t *testing.T) {
	t.Parallel()
	s := schema(t)
	nodes := 0
	for name, d := range s.Types {
		id := d.Fields.ForName("id")
		if d.Kind != ast.Object || id == nil {
			continue
		}
		nodes++
		if !slices.Contains(d.Interfaces, "Node") || id.Type.String() != "ID!" {
			t.Errorf("%s has an id and is no Node", name)
		}
	}
	if nodes < 14 {
		t.Errorf("%d kinds of records", nodes)
	}
	for name, d := range s.Types {
		if d.Kind != ast.Interface {
			continue
		}
		for _, one := range s.GetPossibleTypes(d) {
			if name == "Organisation" && !slices.Contains(one.Interfaces, "Node") {
				t.Errorf("%s is an Organisation and no Node", one.Name)
			}
		}
	}
}

func TestMutationsTakeOneInputAndReportUserErrors(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for _, field := range s.Mutation.Fields {
		if strings.HasPrefix(field.Name, "__") {
			continue
		}
		// One that only says "all of mine" takes nothing.
		if !slices.Contains([]string{"signOutEverywhere", "renewCalendarUrl"}, field.Name) && (len(field.Arguments) != 1 || field.Arguments[0].Name != "input" || !field.Arguments[0].Type.NonNull) {
			t.Errorf("%s takes something else than one input", field.Name)
		}
		problems := s.Types[field.Type.Name()].Fields.ForName("userErrors")
		if !field.Type.NonNull || problems == nil || problems.Type.String() != "[UserError!]!" {
			t.Errorf("%s reports no userErrors", field.Name)
		}
	}
}

// Everything that frontends send has to fit the schema as it is, whatever the names of the variables.
func TestOperationsFitTheSchema(t *testing.T) {
	t.Parallel()
	s := schema(t)
	files, err := filepath.Glob("operations/*.graphql")
	if err != nil || len(files) < 7 {
		t.Fatalf("%d documents: %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		document, err := parser.ParseQuery(&ast.Source{Name: name, Input: string(text)})
		if err != nil {
			t.Fatal(err)
		}
		if problems := validator.ValidateWithRules(s, document, nil); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
	}
}
