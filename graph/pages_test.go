package graph_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// paged is a connection somewhere in the graph: a document with a place for its arguments, and the path to it.
type paged struct {
	document string
	path     []any
}

// page asks for one page. It checks what can be checked of any page: that cursors, edges and nodes belong together.
func (h *house) page(email string, c paged, arguments string, variables vars) (ids []any, page any) {
	h.Helper()
	data := h.ask(email, fmt.Sprintf(c.document, arguments, "{ totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { id } edges { cursor node { id } } }"), variables)
	page = at(data, c.path...)
	ids = pluck(list(page, "nodes"), "id")
	edges := list(page, "edges")
	if diff := cmp.Diff(ids, pluck(edges, "node", "id")); diff != "" {
		h.Errorf("nodes and edges differ: %s", diff)
	}
	var first, last any
	if len(edges) > 0 {
		first, last = at(edges, 0, "cursor"), at(edges, len(edges)-1, "cursor")
	}
	if at(page, "pageInfo", "startCursor") != first || at(page, "pageInfo", "endCursor") != last {
		h.Errorf("pageInfo %v does not hold the cursors of the first and last edge", at(page, "pageInfo"))
	}
	return ids, page
}

// walks goes through all pages of every size, forwards and backwards; of long lists only the smallest and largest sizes.
func (h *house) walks(email string, c paged) {
	h.Helper()
	all, whole := h.page(email, c, "first: 100", nil)
	if len(all) < 2 {
		h.Fatalf("%v: %d records are too few to page through", c.path, len(all))
	}
	if total := at(whole, "totalCount"); total != float64(len(all)) {
		h.Errorf("%v: counted %v of %d", c.path, total, len(all))
	}
	if backwards, _ := h.page(email, c, "last: 100", nil); !slices.Equal(all, backwards) {
		h.Errorf("%v: another order backwards: %v, %v", c.path, all, backwards)
	}
	for size := 1; size <= len(all)+1; size++ {
		if size > 3 && size < len(all)-1 && len(all) > 8 {
			continue // long lists: the sizes at both ends
		}
		var forwards, backwards []any
		arguments := fmt.Sprintf("first: %d", size)
		for pages := 0; ; pages++ {
			ids, page := h.page(email, c, arguments, nil)
			forwards = append(forwards, ids...)
			more := len(forwards) < len(all)
			if at(page, "pageInfo", "hasNextPage") != more || at(page, "pageInfo", "hasPreviousPage") != (pages > 0) || at(page, "totalCount") != float64(len(all)) {
				h.Errorf("%v by %d, page %d forwards: %v, total %v of %d", c.path, size, pages, at(page, "pageInfo"), at(page, "totalCount"), len(all))
			}
			if !more || len(ids) == 0 {
				break
			}
			arguments = fmt.Sprintf("first: %d, after: %q", size, at(page, "pageInfo", "endCursor"))
		}
		if !slices.Equal(forwards, all) {
			h.Errorf("%v by %d forwards: %v, want %v", c.path, size, forwards, all)
		}
		arguments = fmt.Sprintf("last: %d", size)
		for pages := 0; ; pages++ {
			ids, page := h.page(email, c, arguments, nil)
			backwards = append(slices.Clone(ids), backwards...)
			more := len(backwards) < len(all)
			if at(page, "pageInfo", "hasPreviousPage") != more || at(page, "pageInfo", "hasNextPage") != (pages > 0) {
				h.Errorf("%v by %d, page %d backwards: %v", c.path, size, pages, at(page, "pageInfo"))
			}
			if !more || len(ids) == 0 {
				break
			}
			arguments = fmt.Sprintf("last: %d, before: %q", size, at(page, "pageInfo", "startCursor"))
		}
		if !slices.Equal(backwards, all) {
			h.Errorf("%v by %d backwards: %v, want %v", c.path, size, backwards, all)
		}
	}
}

func TestPagesHoldEachRecordOnce(t *testing.T) {
	each(t, func(t *house) {
		t.add(grown("many", 3, 4))
		t.exec("UPDATE editions SET sorts_on = '2030-01-01' WHERE title LIKE '%many%'") // the id has to part what sorts alike
		t.exec("UPDATE course_runs SET starts_on = '2027-01-01' WHERE status <> 'PLANNED'")
		t.exec("UPDATE courses SET folded_title = 'same' WHERE title LIKE '%many%'")
		t.exec("UPDATE organisations SET folded_name = 'same' WHERE name LIKE '%many%'")
		campaign := t.invite(organiser, vars{"editionId": t.id("editions", "vaktreffen-2027"), "audience": vars{"partnershipId": t.id("partnerships", "groningen-oldenburg-bremen")}})
		for _, c := range []paged{
			{`{ editions(%s) %s }`, []any{"editions"}},
			{`{ editions(filter: { text: "many" }, %s) %s }`, []any{"editions"}},
			{`{ partnerships(%s) %s }`, []any{"partnerships"}},
			{`{ municipalities(%s) %s }`, []any{"municipalities"}},
			{`{ institutions(%s) %s }`, []any{"institutions"}},
			{`{ courses(%s) %s }`, []any{"courses"}},
			{`{ courses(first: 2) { nodes { runs(%s) %s } } }`, []any{"courses", "nodes", 1, "runs"}},
			{`{ partnerships(first: 3) { nodes { series { editions(%s) %s } } } }`, []any{"partnerships", "nodes", 1, "series", 0, "editions"}},
			{`{ municipalities(first: 50, filter: { namePrefix: "same" }) { nodes { hostedEditions(%s) %s } } }`, []any{"municipalities", "nodes", 2, "hostedEditions"}},
			{`{ municipalities(first: 50, filter: { namePrefix: "same" }) { nodes { partnerships(%s) %s } } }`, []any{"municipalities", "nodes", 2, "partnerships"}},
			{`{ node(id: "` + campaign + `") { ... on Campaign { invitations(%s) %s } } }`, []any{"node", "invitations"}},
		} {
			t.walks(organiser, c)
		}
	})
}

func TestPagesBetweenTwoCursors(t *testing.T) {
	each(t, func(t *house) {
		c := paged{`{ editions(%s) %s }`, []any{"editions"}}
		all, whole := t.page(nobody, c, "first: 100", nil)
		cursor := func(n int) any { return at(whole, "edges", n, "cursor") }
		for _, test := range []struct {
			arguments      string
			want           []any
			next, previous bool
		}{
			{fmt.Sprintf("first: 10, after: %q, before: %q", cursor(1), cursor(5)), all[2:5], false, true},
			{fmt.Sprintf("first: 2, after: %q, before: %q", cursor(1), cursor(5)), all[2:4], true, true},
			{fmt.Sprintf("last: 2, after: %q, before: %q", cursor(1), cursor(5)), all[3:5], true, true},
			{fmt.Sprintf("first: 3, before: %q", cursor(5)), all[:3], true, false},
			{fmt.Sprintf("last: 3, after: %q", cursor(5)), all[len(all)-3:], false, true},
			{fmt.Sprintf("first: 3, after: %q", cursor(len(all)-1)), []any{}, false, true},
			{fmt.Sprintf("first: 3, after: %q, before: %q", cursor(5), cursor(1)), []any{}, false, true},
		} {
			got, page := t.page(nobody, c, test.arguments, nil)
			if !slices.Equal(got, test.want) || at(page, "pageInfo", "hasNextPage") != test.next || at(page, "pageInfo", "hasPreviousPage") != test.previous {
				t.Errorf("%s: %v %v, want %v next %v previous %v", strings.ReplaceAll(test.arguments, `"`, ""), got, at(page, "pageInfo"), test.want, test.next, test.previous)
			}
			if at(page, "totalCount") != float64(len(all)) {
				t.Errorf("%s: counted %v, want all %d", test.arguments, at(page, "totalCount"), len(all))
			}
		}
	})
}

func TestPagesThatCannotBe(t *testing.T) {
	each(t, func(t *house) {
		_, editions := t.page(nobody, paged{`{ editions(%s) %s }`, []any{"editions"}}, "first: 1", nil)
		editionCursor := at(editions, "edges", 0, "cursor").(string)
		for _, test := range []struct{ arguments, code, field string }{
			{"", "REQUIRED", "first"},
			{"first: null", "REQUIRED", "first"},
			{"first: 0", "INVALID", "first"},
			{"first: 101", "INVALID", "first"},
			{"first: -1", "INVALID", "first"},
			{"last: 0", "INVALID", "last"},
			{"last: 101", "INVALID", "last"},
			{"last: -2147483648", "INVALID", "last"},
			{"first: 1, last: 1", "INVALID", "last"},
			{`first: 1, after: ""`, "INVALID", "after"},
			{`first: 1, after: "WyJhIl0"`, "INVALID", "after"},
			{`first: 1, after: "!!!"`, "INVALID", "after"},
			{`first: 1, after: "WyJhIiwiYiJd"`, "INVALID", "after"},
			{`first: 1, after: "bnVsbA"`, "INVALID", "after"},
			{`last: 1, before: "e30"`, "INVALID", "before"},
			{`first: 1, before: "x"`, "INVALID", "before"},
		} {
			for _, document := range []string{
				"editions(%s)", "partnerships(%s)", "municipalities(%s)", "institutions(%s)", "courses(%s)",
				"municipalities(first: 3) { nodes { partnerships(%s)", "courses(first: 1) { nodes { runs(%s)",
			} {
				if test.arguments == "" {
					document = strings.ReplaceAll(document, "(%s)", "%s")
				}
				query := "{ " + fmt.Sprintf(document, test.arguments) + "{ nodes { id } }" + strings.Repeat(" }", strings.Count(document, "{")) + " }"
				a := t.send(nobody, query, nil)
				if len(a.Errors) == 0 {
					t.Errorf("%s: no error", query)
					continue
				}
				e := a.Errors[0]
				if e.Extensions["code"] != test.code || at(e.Extensions["field"], 0) != test.field || !sentence(e.Message) || len(e.Path) == 0 {
					t.Errorf("%s: %v %v %q at %v, want %s %s", query, e.Extensions["code"], e.Extensions["field"], e.Message, e.Path, test.code, test.field)
				}
			}
		}
		for _, document := range []string{"partnerships", "municipalities", "courses"} {
			a := t.send(nobody, fmt.Sprintf(`{ %s(first: 1, after: %q) { nodes { id } } }`, document, editionCursor), nil)
			if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "INVALID" {
				t.Errorf("a cursor of editions in %s: %s", document, a.body)
			}
		}
		id := t.id("editions", "vaktreffen-2027")
		for _, sort := range []string{"soon", "2027-02-30", "0000-01-01", "2027-05-20\u0000", ""} {
			made, _ := json.Marshal([]string{sort, id})
			a := t.send(nobody, `query($after: String) { editions(first: 1, after: $after) { nodes { id } } }`, vars{"after": base64.RawURLEncoding.EncodeToString(made)})
			if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "INVALID" {
				t.Errorf("a cursor at the day %q: %s", sort, a.body)
			}
		}
		if entries := t.log.find("unexpected error"); len(entries) > 0 {
			t.Errorf("bad pages were taken for bugs: %v", entries)
		}
	})
}

// sentence reports whether a message for people is a whole sentence.
func sentence(text string) bool {
	return len(text) > 10 && strings.ContainsAny(text[len(text)-1:], ".!?") && !strings.Contains(text, "%!") && !strings.Contains(text, "\n")
}
