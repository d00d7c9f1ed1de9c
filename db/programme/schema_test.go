package programme_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

func compile(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(programme.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("programme.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("programme.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func accepts(schema *jsonschema.Schema, data []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return schema.Validate(doc)
}

// What Parse accepts, the schema accepts.
func TestSchemaAcceptsContent(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	paths, err := filepath.Glob(filepath.Join(content, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %v, err %v", paths, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := accepts(schema, data); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := accepts(schema, example(t)); err != nil {
		t.Errorf("example: %v", err)
	}
}

// Of the files that Parse rejects, the schema rejects those that break a rule a schema can state.
func TestSchemaRejects(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	beyond := map[string]bool{ // a schema sees one value at a time, and no calendar
		"days": true, "duplicate-fields": true, "duplicate-keys": true, "gap": true,
		"outside-days": true, "outside-parent": true, "rooms": true, "zones": true,
	}
	for name, data := range badFiles(t) {
		if !json.Valid(data) {
			continue
		}
		if rejected := accepts(schema, data) != nil; rejected == beyond[name] {
			t.Errorf("%s: rejected %t", name, rejected)
		}
	}
}

// The schema and the Go types have the same records with the same fields.
func TestSchemaAgreesWithTypes(t *testing.T) {
	t.Parallel()
	type object struct {
		Properties map[string]json.RawMessage
		Required   []string
	}
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(programme.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	schema.Defs["file"] = schema.object
	inside := schema.Defs["child"] // a Session too, but for what only a block has
	delete(schema.Defs, "child")
	if diff := cmp.Diff(schema.Defs["session"].Required, inside.Required); diff != "" {
		t.Errorf("session and child:\n%s", diff)
	}
	for field := range schema.Defs["session"].Properties {
		if _, ok := inside.Properties[field]; ok == (field == "day" || field == "children") {
			t.Errorf("child has %s: %t", field, ok)
		}
	}

	records := map[string]reflect.Type{}
	collect(reflect.TypeFor[programme.File](), records)
	for name, record := range records {
		fields := slices.Sorted(maps.Keys(schema.Defs[name].Properties))
		var want, required []string
		for i := range record.NumField() {
			tag, ok := record.Field(i).Tag.Lookup("json")
			if !ok {
				continue
			}
			field, options, _ := strings.Cut(tag, ",")
			want = append(want, field)
			if options != "omitempty" {
				required = append(required, field)
			}
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), fields); diff != "" {
			t.Errorf("fields of %s (- Go, + schema):\n%s", name, diff)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(required)), slices.Sorted(slices.Values(schema.Defs[name].Required))); diff != "" {
			t.Errorf("required fields of %s (- Go, + schema):\n%s", name, diff)
		}
	}
	for name, def := range schema.Defs {
		if _, ok := records[name]; !ok && len(def.Properties) > 0 {
			t.Errorf("the schema describes %q, which is no Go type", name)
		}
	}
}

// collect finds the record types under a type, by their name in the schema.
func collect(typ reflect.Type, records map[string]reflect.Type) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice:
		collect(typ.Elem(), records)
	case reflect.Struct:
		name := strings.ToLower(typ.Name())
		if _, seen := records[name]; seen {
			return
		}
		records[name] = typ
		for i := range typ.NumField() {
			if field := typ.Field(i); field.IsExported() {
				collect(field.Type, records)
			}
		}
	}
}

// Each choice that the schema offers is one that Parse knows: the file with it is not told to write another.
func TestSchemaChoices(t *testing.T) {
	t.Parallel()
	var schema struct {
		Defs map[string]struct {
			Properties map[string]struct{ Enum []string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(programme.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	lists := map[string]string{ // where a record of the kind is found, around %
		"organisation": `{"organisations":[%]}`, "person": `{"people":[%]}`, "partnership": `{"partnerships":[%]}`,
		"member": `{"partnerships":[{"members":[%]}]}`, "agreement": `{"partnerships":[{"agreements":[%]}]}`,
		"series": `{"series":[%]}`, "edition": `{"editions":[%]}`, "session": `{"editions":[{"sessions":[%]}]}`,
		"child":        `{"editions":[{"sessions":[{"kind":"PLENARY","children":[%]}]}]}`,
		"contribution": `{"editions":[{"sessions":[{"contributions":[%]}]}]}`, "run": `{"courses":[{"runs":[%]}]}`,
		"registration": `{"courses":[{"runs":[{"registration":%}]}]}`,
		"report":       `{"editions":[{"report":%}]}`, "translation": `{"editions":[{"report":{"translations":[%]}}]}`,
		"asked": `{"editions":[{"report":{"items":[{"questions":[%]}]}}]}`, "action": `{"editions":[{"report":{"actions":[%]}}]}`,
		"question": `{"courses":[{"runs":[{"intake":[%]}]}]}`,
	}
	for record, def := range schema.Defs {
		for field, property := range def.Properties {
			for _, choice := range property.Enum {
				around := "" // an institutionKind is one of an institution
				if field == "institutionKind" {
					around = `"kind":"INSTITUTION",`
				}
				file := strings.Replace(lists[record], "%", `{`+around+`"`+field+`":"`+choice+`"}`, 1)
				_, problems := programme.Parse([]byte(file))
				for _, p := range problems {
					if strings.HasSuffix(p.Path, "."+field) && strings.Contains(p.Message, "none of them") {
						t.Errorf("%s: %s: %s", file, p.Path, p.Message)
					}
				}
				if len(problems) == 0 {
					t.Errorf("%s has no problems; the record was not read", file)
				}
			}
		}
	}
}
