package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// unlogged are the mutations that leave no entry in the audit log, with the reason.
var unlogged = map[string]string{
	"previewInvitations": "it writes nothing",
	"previewReport":      "it writes nothing",
}

// shownOnce are the mutations that show what whoever does them cannot read again, with the reason.
var shownOnce = map[string]string{
	"signIn":           "it is of whoever the link is for",
	"dismissOrganiser": "the organiser was known as long as it was one",
}

// Every mutation is tried in every role. Whoever may not do it hears so, gets nothing and changes nothing; what whoever may do it
// does leaves an entry in the audit log and shows nothing that node(id) hides. No message tells of a person whom its reader may not
// know of.
func TestWhoMayDoWhat(t *testing.T) {
	each(t, func(t *house) {
		s := newScene(t)
		g := &graphOf{house: t, schema: schema(t)}
		tried := map[string]bool{}
		prints := s.fingerprints()
		for _, d := range slices.Concat(reporting, preparing, deeds) {
			field := g.schema.Mutation.Fields.ForName(d.mutation)
			if field == nil {
				t.Fatalf("there is no mutation %s; take it out of deeds", d.mutation)
			}
			tried[d.mutation] = true
			document := g.mutating(field)
			perform := func(as string) (payload any, code any, changed []string) {
				t.Helper()
				variables := vars{}
				if d.input != nil {
					variables["input"] = d.input(s, as)
				}
				if as != nobody {
					t.token(as) // leaves an entry of its own
				}
				before := prints()
				payload = at(t.ask(as, document, variables), d.mutation)
				for _, problem := range list(payload, "userErrors") {
					s.says(as, d.mutation, fmt.Sprint(at(problem, "message")), fmt.Sprint(variables))
				}
				after := prints()
				for table, print := range after {
					if print != before[table] {
						changed = append(changed, table)
					}
				}
				return payload, at(payload, "userErrors", 0, "code"), changed
			}
			for _, as := range everybody {
				want, special := d.except[as]
				switch {
				case slices.Contains(d.may, as):
					continue
				case as == nobody:
					want = "NOT_SIGNED_IN"
				case !special:
					want = d.refusal
				}
				payload, code, changed := perform(as)
				if fmt.Sprint(code) != fmt.Sprint(map[bool]any{true: nil, false: want}[want == ""]) {
					t.Errorf("%s as %q: %v, want %q", d.mutation, as, payload, want)
				}
				if want != "" && !isEmpty(without(payload, "userErrors")) {
					t.Errorf("%s is refused to %q, who gets %v", d.mutation, as, payload)
				}
				if len(changed) > 0 {
					t.Errorf("%s is refused to %q and changes %v", d.mutation, as, changed)
				}
			}
			for n, as := range d.may {
				payload, code, changed := perform(as)
				if code != nil {
					t.Errorf("%s as %q, who may: %v", d.mutation, as, payload)
				}
				if n == 0 && unlogged[d.mutation] == "" && !slices.Contains(changed, "audit_log") {
					t.Errorf("%s leaves no entry in the audit log; it changed %v", d.mutation, changed)
				}
				if strings.HasPrefix(d.mutation, "signOut") || strings.HasPrefix(d.mutation, "erase") {
					t.tokens.Delete(as) // it may have ended
				}
				if as == nobody || shownOnce[d.mutation] != "" {
					continue
				}
				s.reachable(as, d.mutation, payload)
			}
		}
		for _, field := range g.schema.Mutation.Fields {
			if !tried[field.Name] && !strings.HasPrefix(field.Name, "__") {
				t.Errorf("%s: add a row to deeds that says who may do it", field.Name)
			}
		}
	})
}

// mutating writes the document that performs a mutation and asks for all of its payload.
func (g *graphOf) mutating(field *ast.FieldDefinition) string {
	var below []string
	for _, f := range g.target(field).Fields {
		if f.Name != "userErrors" {
			below = append(below, f.Name+arguments(f)+g.brief(f))
		}
	}
	set := "{ " + strings.Join(below, " ") + " userErrors { code message } }"
	if len(field.Arguments) == 0 {
		return "mutation { " + field.Name + set + " }"
	}
	return fmt.Sprintf("mutation($input: %s) { %s(input: $input) %s }", field.Arguments[0].Type, field.Name, set)
}

// isEmpty reports whether nothing is told by a value.
func isEmpty(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		for name, below := range value {
			if name != "__typename" && !isEmpty(below) {
				return false
			}
		}
		return true
	case []any:
		return len(value) == 0
	}
	return value == nil || value == false || value == 0.0 || value == ""
}

// fingerprints returns what says for each table of the database what is in it.
func (s *scene) fingerprints() func() map[string]string {
	s.Helper()
	sqlite := strings.HasPrefix(s.address, "sqlite:")
	catalogue := "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
	if sqlite {
		catalogue = "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'"
	}
	columns := map[string][]string{}
	s.scan(catalogue, func(table, column string) {
		if !strings.HasPrefix(table, "bun_") && !strings.HasPrefix(table, "sqlite_") {
			columns[table] = append(columns[table], column)
		}
	})
	var parts []string
	for _, table := range sortedKeys(columns) {
		if sqlite {
			parts = append(parts, fmt.Sprintf("SELECT '%s', coalesce(group_concat(line, char(10)), '') FROM (SELECT quote(%s) AS line FROM %s ORDER BY 1)",
				table, strings.Join(columns[table], ") || ' ' || quote("), table))
		} else {
			parts = append(parts, fmt.Sprintf("SELECT '%s', md5(coalesce(string_agg(line::text, ' ' ORDER BY line::text), '')) FROM %s AS line", table, table))
		}
	}
	if len(parts) < 40 {
		s.Fatalf("only %d tables", len(parts))
	}
	statement := strings.Join(parts, " UNION ALL ")
	return func() map[string]string {
		prints := map[string]string{}
		s.scan(statement, func(table, print string) { prints[table] = print })
		return prints
	}
}

// scan reads pairs of texts behind the product's back.
func (s *scene) scan(statement string, each func(a, b string)) {
	s.Helper()
	rows, err := s.raw.QueryContext(s.Context(), statement)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			s.Fatal(err)
		}
		each(a, b)
	}
	if err := rows.Err(); err != nil {
		s.Fatal(err)
	}
}
