package graph_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// These tests make preloading safe. Resolvers load what a caller reads below a field, by the shape of the document; an edge that
// a path forgets to load is an empty list or null, and no error. So many documents are generated from the schema, and what each
// says of a record is compared with what node(id) says when it is asked for that one edge and nothing else.

func schema(t testing.TB) *ast.Schema {
	t.Helper()
	text, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	s, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// graphOf knows the types of the schema, and what is true of each record.
type graphOf struct {
	*house
	schema *ast.Schema
	truths map[string]map[string]any // by type and edge, then by id of the record
	seen   map[string]bool           // edges of types that led somewhere in a checked answer
	ids    map[string][]string       // of all records that are visible, by type
}

// arguments are those that a field needs. Pages are larger than any list, so that a list is whole on every path.
func arguments(field *ast.FieldDefinition) string {
	switch {
	case field.Arguments.ForName("first") != nil:
		return "(first: 20)"
	case field.Arguments.ForName("on") != nil:
		return `(on: "2016-06-01")`
	case field.Name == "revisions":
		return `(locale: "nl")`
	}
	return ""
}

// connected returns the type of the records of a connection, nil for another type.
func (g *graphOf) connected(t *ast.Definition) *ast.Definition {
	if !strings.HasSuffix(t.Name, "Connection") {
		return nil
	}
	return g.target(t.Fields.ForName("nodes"))
}

func (g *graphOf) target(f *ast.FieldDefinition) *ast.Definition {
	return g.schema.Types[f.Type.Name()]
}

func (g *graphOf) isNode(t *ast.Definition) bool { return t.Fields.ForName("id") != nil }

// brief selects what identifies a value: the id of a record, the plain values of anything else.
func (g *graphOf) brief(f *ast.FieldDefinition) string {
	t := g.target(f)
	switch {
	case t.IsLeafType():
		return ""
	case g.connected(t) != nil && g.isNode(g.connected(t)):
		return "{ totalCount nodes { __typename id } }"
	case g.connected(t) != nil:
		return "{ totalCount nodes " + g.plainly(g.connected(t)) + " }"
	case g.isNode(t):
		return "{ __typename id }"
	}
	return g.plainly(t)
}

// plainly selects the plain values of a type.
func (g *graphOf) plainly(t *ast.Definition) string {
	var plain []string
	for _, field := range t.Fields {
		if g.target(field).IsLeafType() {
			plain = append(plain, field.Name+arguments(field))
		}
	}
	return "{ __typename " + strings.Join(plain, " ") + " }"
}

// truth returns what node(id) says of one edge of a record, asked for that edge alone. The path leads through types that are
// no records, as in members.organisation.
func (g *graphOf) truth(t *ast.Definition, path []*ast.FieldDefinition, id string) any {
	g.Helper()
	var names []string
	document := ""
	for i, field := range slices.Backward(path) {
		names = append([]string{field.Name}, names...)
		if i == len(path)-1 {
			document = field.Name + arguments(field) + g.brief(field)
		} else if g.connected(g.target(field)) != nil {
			document = field.Name + arguments(field) + "{ nodes {" + document + "} }"
		} else {
			document = field.Name + arguments(field) + "{" + document + "}"
		}
	}
	key := t.Name + "." + strings.Join(names, ".")
	known := g.truths[key]
	if known == nil {
		known = map[string]any{}
		for some := range slices.Chunk(g.ids[t.Name], 100) {
			data := g.ask(organiser, fmt.Sprintf("query($ids: [ID!]!) { nodes(ids: $ids) { ... on %s { id %s } } }", t.Name, document), vars{"ids": some})
			for i, node := range list(data, "nodes") {
				known[some[i]] = node
			}
		}
		g.truths[key] = known
	}
	if known[id] == nil {
		g.Fatalf("%s %s was met on a path, but is not there by its id", t.Name, id)
	}
	return known[id]
}

// check compares an answer with the truth. The record owns the object: it is the object itself, or the nearest record around it,
// from which the path leads to the object, by the indexes.
func (g *graphOf) check(object map[string]any, branches []branch, owner *ast.Definition, id string, path []*ast.FieldDefinition, indexes []any) {
	g.Helper()
	name, _ := object["__typename"].(string)
	t := g.schema.Types[name]
	if t == nil {
		g.Fatalf("an object without __typename: %v", object)
	}
	if own, ok := object["id"].(string); ok && g.isNode(t) {
		owner, id, path, indexes = t, own, nil, nil
	}
	for _, b := range branches {
		if b.on.Name != name && !slices.Contains(t.Interfaces, b.on.Name) {
			continue
		}
		for _, s := range b.selections {
			field := t.Fields.ForName(s.field.Name) // of the type, not the interface
			got, there := object[s.alias]
			if !there {
				g.Errorf("%s.%s: not answered", name, s.alias)
				continue
			}
			target := g.target(field)
			if owner != nil { // nil at the root, and below a viewer
				to := append(slices.Clone(path), field)
				steps := append(slices.Clone(indexes), field.Name)
				want := at(g.truth(owner, to, id), steps...)
				if a, b := summary(want), summary(g.plain(got, target)); a != b {
					g.Errorf("%s of %s %s: %s, but by its id: %s", strings.Join(fieldNames(to), "."), owner.Name, id, b, a)
				}
			}
			if got != nil && len(g.records(got, target)) > 0 {
				g.seen[name+"."+field.Name] = true
			}
			if target.IsLeafType() {
				continue
			}
			for i, child := range g.records(got, target) {
				steps := append(slices.Clone(indexes), field.Name)
				if field.Type.Elem != nil {
					steps = append(steps, i)
				} else if g.connected(target) != nil {
					steps = append(steps, "nodes", i)
				}
				if record, ok := child.(map[string]any); ok {
					g.check(record, s.below, owner, id, append(slices.Clone(path), field), steps)
				}
			}
		}
	}
}

// records returns the objects of a field: those of a page, of a list, or the one.
func (g *graphOf) records(value any, t *ast.Definition) []any {
	if page, ok := value.(map[string]any); ok && g.connected(t) != nil {
		if nodes, ok := page["nodes"].([]any); ok {
			return nodes
		}
		return pluck(list(page, "edges"), "node")
	}
	switch value := value.(type) {
	case []any:
		return value
	case nil:
		return nil
	}
	return []any{value}
}

// plain reduces an answer to what brief selects.
func (g *graphOf) plain(value any, t *ast.Definition) any {
	if t.IsLeafType() {
		return value
	}
	if g.connected(t) != nil {
		nodes := g.plain(g.records(value, t), g.connected(t))
		if nodes == nil {
			nodes = []any{}
		}
		return map[string]any{"totalCount": at(value, "totalCount"), "nodes": nodes}
	}
	switch value := value.(type) {
	case []any:
		all := make([]any, len(value))
		for i, one := range value {
			all[i] = g.plain(one, t)
		}
		return all
	case map[string]any:
		plain := map[string]any{"__typename": value["__typename"]}
		if g.isNode(t) {
			plain["id"] = value["id"]
			return plain
		}
		for _, field := range t.Fields {
			if g.target(field).IsLeafType() {
				plain[field.Name] = value[field.Name]
			}
		}
		return plain
	}
	return value
}

func summary(value any) string {
	text, _ := json.Marshal(value) // came as JSON; maps are sorted
	return string(text)
}

func fieldNames(fields []*ast.FieldDefinition) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

// followed are the fields of a type that lead to other objects.
func (g *graphOf) followed(t *ast.Definition) (edges []*ast.FieldDefinition) {
	for _, field := range t.Fields {
		if !g.target(field).IsLeafType() && field.Name != "node" && field.Name != "nodes" && !strings.HasPrefix(field.Name, "__") {
			edges = append(edges, field)
		}
	}
	return edges
}

// concrete returns the types that an object of the type can be.
func (g *graphOf) concrete(t *ast.Definition) []*ast.Definition {
	if t.IsAbstractType() {
		return g.schema.GetPossibleTypes(t)
	}
	return []*ast.Definition{t}
}

// root is where paths begin: text with a place for what is selected below, the way to it in the answer, and its type.
type root struct {
	text string
	path []any
	on   *ast.Definition
}

func (g *graphOf) roots() []root {
	types := g.schema.Types
	roots := []root{
		{"viewer %s", []any{"viewer"}, types["Viewer"]},
		{"themes %s", []any{"themes"}, types["Theme"]},
		{fmt.Sprintf("edition(id: %q) %%s", g.id("editions", "vaktreffen-2027")), []any{"edition"}, types["Edition"]},
		{fmt.Sprintf("partnership(id: %q) %%s", g.id("partnerships", "groningen-oldenburg-bremen")), []any{"partnership"}, types["Partnership"]},
	}
	for _, name := range []string{"editions", "partnerships", "municipalities", "institutions", "courses"} {
		field := g.schema.Query.Fields.ForName(name)
		roots = append(roots, root{name + "(first: 20) { nodes %s }", []any{name, "nodes"}, g.connected(g.target(field))})
	}
	for _, name := range sortedKeys(g.ids) {
		first, last := g.ids[name][0], g.ids[name][len(g.ids[name])-1]
		roots = append(roots, root{fmt.Sprintf("nodes(ids: [%q, %q]) { ... on %s %%s }", first, last, name), []any{"nodes"}, types[name]})
	}
	return roots
}

// world adds to the programmes what they lack, so that every edge of the schema leads somewhere.
func world(h *house) *graphOf {
	h.add(grown("small", 2, 4))
	course := h.ids("SELECT id FROM course_runs WHERE starts_on = '2027-04-15'")[0]
	send := `mutation($input: SendInvitationsInput!) { sendInvitations(input: $input) { campaign { id } userErrors { message } } }`
	people := h.ids("SELECT id FROM people WHERE email IS NOT NULL ORDER BY id")[:5]
	data := h.ask(organiser, send, vars{"input": vars{"idempotencyKey": "one", "editionId": h.id("editions", "vaktreffen-2027"), "audience": vars{"personIds": people}}})
	if at(data, "sendInvitations", "campaign") == nil {
		h.Fatal(data)
	}
	// The organiser offers courses too, so that there is a campaign for one.
	h.exec("UPDATE courses SET organisation_id = (SELECT id FROM organisations WHERE key = 'groningen') WHERE id = (SELECT course_id FROM course_runs WHERE starts_on = '2027-04-15')")
	data = h.ask(organiser, send, vars{"input": vars{"idempotencyKey": "two", "courseRunId": course, "audience": vars{"personIds": people}}})
	if at(data, "sendInvitations", "campaign") == nil {
		h.Fatal(data)
	}
	for _, reminder := range []vars{
		{"campaignId": h.ids("SELECT id FROM campaigns WHERE edition_id IS NOT NULL")[0], "at": "2027-02-01T12:00:00Z"},
		{"courseRunId": course, "at": "2027-02-01T12:00:00Z"},
	} {
		if data := h.ask(organiser, `mutation($input: RemindInvitedInput!) { remindInvited(input: $input) { reminder { id } userErrors { message } } }`,
			vars{"input": reminder}); at(data, "remindInvited", "reminder") == nil {
			h.Fatal(data)
		}
	}
	if _, problems := h.mutate(organiser, "prepareSession", "", vars{"editionId": h.id("editions", "vaktreffen-2027"), "kind": "SOCIAL", "title": "Drinks", "day": "2027-05-20"}); problems != "" {
		h.Fatal(problems)
	}
	practice, problems := h.mutate(organiser, "savePracticeDescription", "practice { id }", vars{
		"editionId": h.id("editions", "vaktreffen-2027"), "version": 0, "locale": "nl", "title": "How it was done", "description": "Together.",
		"partnerIds": []string{h.id("organisations", "groningen")},
	})
	if problems != "" {
		h.Fatal(problems)
	}
	described := vars{"practiceId": at(practice, "practice", "id")}
	if _, problems := h.mutate(organiser, "publishPracticeDescription", "", described); problems != "" {
		h.Fatal(problems)
	}
	if _, problems := h.mutate(organiser, "commentOnPractice", "", vars{"practiceId": described["practiceId"], "text": "Well done."}); problems != "" {
		h.Fatal(problems)
	}
	h.exec(`INSERT INTO surveys (id, edition_id, opens_at, closes_at, anonymous, created_by, created_at)
		SELECT editions.id, editions.id, '2027-01-01 12:00:00+00:00', '2027-02-01 12:00:00+00:00', TRUE, people.id, '2027-01-01 12:00:00+00:00'
		FROM editions, people WHERE editions.key = 'vaktreffen-2027' AND people.email = '` + organiser + `'`)
	h.exec("INSERT INTO suppressions (email, reason, created_at) SELECT email, 'HARD_BOUNCE', '2026-01-01 00:00:00+00:00' FROM people WHERE email IS NOT NULL")
	seats := h.ids("SELECT id FROM seats WHERE edition_id = (SELECT id FROM editions WHERE key = 'vaktreffen-2027')")[0]
	session := h.ids("SELECT seats.id FROM seats JOIN sessions ON sessions.id = session_id JOIN editions ON editions.id = sessions.edition_id WHERE editions.key = 'vaktreffen-2027' ORDER BY seats.id")[0]
	run := h.ids("SELECT id FROM seats WHERE course_run_id = (SELECT id FROM course_runs WHERE starts_on = '2027-04-15')")[0]
	h.exec("UPDATE course_runs SET payer_id = (SELECT id FROM organisations WHERE key = 'groningen'), invoice_address = 'Markt 1' WHERE starts_on = '2027-04-15'")
	intake := [][]vars{2: {}}
	for _, question := range h.ids("SELECT id FROM intake_questions WHERE required") {
		intake[2] = append(intake[2], vars{"questionId": question, "text": "An answer"})
	}
	invoices := []vars{2: {"organisation": "Groningen", "address": "Markt 1"}}
	for i, seats := range []string{seats, session, run} {
		data = h.ask(organiser, `mutation($input: RegisterInput!) { register(input: $input) { registration { id } userErrors { message } } }`,
			vars{"input": vars{"idempotencyKey": fmt.Sprint("seats ", i), "seatsId": seats, "answers": intake[i], "invoice": invoices[i]}})
		if at(data, "register", "registration") == nil {
			h.Fatal(data)
		}
	}
	for _, meeting := range []vars{{"editionId": h.id("editions", "vaktreffen-2027")}, {"courseId": h.ids("SELECT course_id FROM course_runs WHERE starts_on = '2027-04-15'")[0]}} {
		meeting["personId"] = h.id("people", "konrad-koordinator")
		h.ask(organiser, `mutation($input: NameOrganiserInput!) { nameOrganiser(input: $input) { person { id } } }`, vars{"input": meeting})
	}
	data = h.ask(organiser, `mutation($input: InviteDelegationsInput!) { inviteDelegations(input: $input) { delegations { id } userErrors { message } } }`, vars{"input": vars{
		"editionId": h.id("editions", "vaktreffen-2027"), "respondBy": "2027-02-15T12:00:00Z", "delegations": []vars{{"organisationId": h.id("organisations", "groningen"), "places": 3}},
	}})
	if at(data, "inviteDelegations", "delegations") == nil {
		h.Fatal(data)
	}
	h.ask(organiser, `mutation($input: NameDelegatesInput!) { nameDelegates(input: $input) { delegation { id } } }`, vars{"input": vars{
		"delegationId": h.ids("SELECT id FROM delegations")[0], "personIds": []string{h.id("people", "olga-organisator")},
	}})
	if _, problems := h.mutate(organiser, "publishReport", "", vars{"idempotencyKey": "three", "reportId": h.writeReport()}); problems != "" {
		h.Fatal(problems)
	}
	g := &graphOf{house: h, schema: schema(h), truths: map[string]map[string]any{}, seen: map[string]bool{}, ids: map[string][]string{
		"Municipality": h.ids("SELECT id FROM organisations WHERE kind = 'MUNICIPALITY' ORDER BY key"),
		"Institution":  h.ids("SELECT id FROM organisations WHERE kind = 'INSTITUTION' ORDER BY key"),
		"Campaign":     h.ids("SELECT id FROM campaigns ORDER BY edition_id, report_id"),
		"Session":      h.ids("SELECT id FROM sessions WHERE key = 'block-0' UNION ALL SELECT id FROM sessions WHERE key <> 'block-0'"),
		"Invitation":   h.ids("SELECT id FROM invitations ORDER BY edition_id"),
	}}
	for name, table := range map[string]string{
		"Person": "people", "Partnership": "partnerships", "Series": "series", "Edition": "editions", "Room": "rooms",
		"Theme": "themes", "Course": "courses", "CourseRun": "course_runs", "Seats": "seats", "Delivery": "deliveries", "Registration": "registrations",
		"SignIn": "access_tokens", "Delegation": "delegations", "Reminder": "reminders",
		"IntakeQuestion": "intake_questions", "Report": "reports", "ReportQuestion": "report_questions", "HelpOffer": "help_offers",
		"ReportAction": "report_actions", "Material": "materials", "Correction": "corrections",
		"PracticeDescription": "practices", "PracticeComment": "practice_comments",
	} {
		g.ids[name] = h.ids("SELECT id FROM " + table + " ORDER BY id")
	}
	for name, ids := range g.ids {
		var visible []string
		for some := range slices.Chunk(ids, 100) {
			for i, node := range list(g.ask(organiser, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", vars{"ids": some}), "nodes") {
				if node != nil {
					visible = append(visible, some[i])
				}
			}
		}
		g.ids[name] = visible
	}
	return g
}

// path checks the document that leads from a root along edges and asks for everything at its end.
func (g *graphOf) path(r root, edges []selection) {
	g.Helper()
	end := r.on
	if len(edges) > 0 {
		end = g.target(edges[len(edges)-1].field)
		if records := g.connected(end); records != nil {
			end = records
		}
	}
	var probes []branch
	for _, t := range g.concrete(end) {
		var all []selection
		for _, field := range t.Fields {
			alias := field.Name
			if len(g.concrete(end)) > 1 {
				alias = strings.ToLower(t.Name[:1]) + "_" + field.Name // the types differ in some
			}
			all = append(all, selection{field: field, alias: alias})
		}
		probes = append(probes, branch{t, all})
	}
	on := r.on
	var branches []branch
	bottom := &branches
	for _, edge := range edges {
		*bottom = []branch{{on, []selection{edge}}}
		if edge.field != on.Fields.ForName(edge.field.Name) {
			(*bottom)[0].on = g.holder(on, edge.field)
		}
		bottom = &(*bottom)[0].selections[0].below
		on = g.target(edge.field)
		if records := g.connected(on); records != nil {
			on = records
		}
	}
	*bottom = probes
	g.run(&writer{g: g}, r, branches)
}

// holder returns the concrete type that the field belongs to.
func (g *graphOf) holder(t *ast.Definition, field *ast.FieldDefinition) *ast.Definition {
	for _, one := range g.concrete(t) {
		if one.Fields.ForName(field.Name) == field {
			return one
		}
	}
	return t
}

// run asks for the branches below a root and checks the answer; it reports whether the document was within the limits.
func (g *graphOf) run(w *writer, r root, branches []branch) bool {
	g.Helper()
	set := "{ used: __typename @include(if: $yes) @skip(if: $no) " + fmt.Sprintf(r.text, w.selectionSet(r.on, branches)) + " }"
	document := w.document(set)
	a := g.send(organiser, document, nil)
	if len(a.Errors) > 0 {
		if code, _ := a.Errors[0].Extensions["code"].(string); strings.HasSuffix(code, "_LIMIT") {
			return false
		}
		g.Fatalf("%.600s\n%s", a.body, document)
	}
	for _, object := range g.records(at(a.Data, r.path...), r.on) {
		if object == nil {
			g.Fatalf("nothing at %v\n%s", r.path, document)
		}
		g.check(object.(map[string]any), branches, nil, "", nil, nil)
	}
	if g.Failed() {
		g.Fatalf("by this document:\n%s", document)
	}
	return true
}

func TestEveryPathSaysWhatTheRecordSays(t *testing.T) {
	each(t, func(h *house) {
		g := world(h)
		paths := 0
		for _, r := range g.roots() {
			depth := 2
			if len(r.path) == 1 && r.path[0] != "nodes" {
				depth = 3 // lists need not go as far: what they lead to, a single record leads to
			}
			var walk func(on *ast.Definition, edges []selection)
			walk = func(on *ast.Definition, edges []selection) {
				g.path(r, edges)
				paths++
				if len(edges) == depth {
					return
				}
				for _, t := range g.concrete(on) {
					for _, field := range g.followed(t) {
						next := g.target(field)
						if records := g.connected(next); records != nil {
							next = records
						}
						if len(g.followed(g.concrete(next)[0])) == 0 {
							continue // its values are asked for with the edge
						}
						walk(next, append(slices.Clone(edges), selection{field: field, alias: field.Name, edges: len(edges)%2 == 1}))
					}
				}
			}
			walk(r.on, nil)
		}
		for name := range g.ids {
			for _, field := range g.followed(g.schema.Types[name]) {
				if !g.seen[name+"."+field.Name] {
					g.Errorf("%s.%s led nowhere on every path: the content of this test lacks it, or nothing loads it", name, field.Name)
				}
			}
		}
		if paths < 200 {
			h.Errorf("only %d paths", paths)
		}
	})
}

func TestDocumentsOfEveryFormSayWhatTheRecordSays(t *testing.T) {
	each(t, func(h *house) {
		g := world(h)
		chance := rand.New(rand.NewPCG(2009, 5))
		roots := g.roots()
		answered := 0
		for range 300 {
			r := roots[chance.IntN(len(roots))]
			w := &writer{g: g, chance: chance}
			if g.run(w, r, g.anything(w, r.on, 4)) {
				answered++
			}
		}
		if answered < 100 {
			h.Errorf("only %d of 300 documents were within the limits", answered)
		}
	})
}
