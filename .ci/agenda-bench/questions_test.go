package agendabench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vaktreffen/vaktreffen/db"
)

type object = map[string]any

// keysOf returns the ids of the generated editions.
func keysOf(t *testing.T, database string) []uuid.UUID {
	t.Helper()
	c, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	rows, err := c.Query(t.Context(), "SELECT id::text FROM editions WHERE key LIKE 'load-test-%' ORDER BY key")
	if err != nil {
		t.Fatal(err)
	}
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]uuid.UUID, len(texts))
	for i, text := range texts {
		ids[i] = uuid.MustParse(text)
	}
	return ids
}

func uuids(ids []uuid.UUID) (texts []string) {
	for _, id := range ids {
		texts = append(texts, id.String())
	}
	return texts
}

// opaque are the ids of the API.
func opaque(ids []uuid.UUID) (texts []string) {
	for _, id := range ids {
		texts = append(texts, db.ID(id).String())
	}
	return texts
}

// idsOverAPI returns the ids of the generated editions by the API itself.
func idsOverAPI(t *testing.T, address string) (ids []string) {
	t.Helper()
	after := any(nil)
	for {
		data := ask(t, address, `query($after: String) { editions(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes { id title } } }`, object{"after": after})
		for _, node := range at(data, "editions", "nodes").([]any) {
			if strings.HasPrefix(at(node, "title").(string), "Load test meeting") {
				ids = append(ids, at(node, "id").(string))
			}
		}
		if at(data, "editions", "pageInfo", "hasNextPage") != true {
			return ids
		}
		after = at(data, "editions", "pageInfo", "endCursor")
	}
}

func document(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// request is a whole HTTP request, ready to be sent.
func request(t *testing.T, query string, variables object) []byte {
	t.Helper()
	body, err := json.Marshal(object{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, "POST /graphql HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

const agendaFile = "../../graph/operations/agenda.graphql"

func agendaRequests(t *testing.T, ids []string) (requests [][]byte) {
	t.Helper()
	return requestsFor(t, document(t, agendaFile), ids)
}

func peerRequests(t *testing.T, ids []uuid.UUID) (requests [][]byte) {
	t.Helper()
	return requestsFor(t, document(t, "postgraphile.graphql"), uuids(ids))
}

// nodeRequests ask for the same by another root field, which the encoder does not serve.
func nodeRequests(t *testing.T, ids []string) (requests [][]byte) {
	t.Helper()
	return requestsFor(t, agendaByNode(t), ids)
}

func agendaByNode(t *testing.T) string {
	t.Helper()
	text := document(t, agendaFile)
	byNode := strings.Replace(text, "edition(id: $id) {", "edition: node(id: $id) { ... on Edition {", 1)
	byNode = strings.Replace(byNode, "\n}\n\nfragment", "}\n}\n\nfragment", 1)
	if byNode == text {
		t.Fatal("the agenda is not asked for as it was")
	}
	return byNode
}

func requestsFor(t *testing.T, query string, ids []string) (requests [][]byte) {
	t.Helper()
	for _, id := range ids {
		requests = append(requests, request(t, query, object{"id": id}))
	}
	return requests
}

// pages returns the requests for the first and the 500th page of editions.
func pages(t *testing.T, address string) (first, last []byte) {
	t.Helper()
	query := document(t, "../../graph/operations/editions.graphql")
	variables := object{"first": 10}
	for range 499 {
		after := at(ask(t, address, query, variables), "editions", "pageInfo", "endCursor")
		variables = object{"first": 10, "after": after}
	}
	if n := len(at(ask(t, address, query, variables), "editions", "edges").([]any)); n != 10 {
		t.Fatalf("page 500 has %d editions", n)
	}
	return request(t, query, object{"first": 10}), request(t, query, variables)
}

func ask(t *testing.T, address, query string, variables object) any {
	t.Helper()
	body, err := json.Marshal(object{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post("http://"+address+"/graphql", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	content, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data   any
		Errors []any
	}
	if err := json.Unmarshal(content, &answer); err != nil || len(answer.Errors) > 0 {
		t.Fatalf("%s: %v: %.500s", address, err, content)
	}
	return answer.Data
}

func at(value any, path ...string) any {
	for _, step := range path {
		object, _ := value.(object)
		value = object[step]
	}
	return value
}

// anyOrder compares lists as sets: PostGraphile sorts by indexed columns only, so members and themes come as they are.
var anyOrder = cmpopts.SortSlices(func(a, b any) bool {
	x, _ := json.Marshal(a) // came as JSON
	y, _ := json.Marshal(b)
	return bytes.Compare(x, y) < 0
})

// agree fails when the servers do not say the same of some editions.
func agree(t *testing.T, ids []uuid.UUID, bare, peer string, apis ...string) {
	t.Helper()
	for _, id := range ids[:5] {
		want := steady(ask(t, bare, "", object{"id": id.String()}))
		if got := steady(fromPeer(ask(t, peer, document(t, "postgraphile.graphql"), object{"id": id.String()}))); !cmp.Equal(want, got, anyOrder) {
			t.Fatalf("the bare handler and PostGraphile differ:\n%.5000s", cmp.Diff(want, got, anyOrder))
		}
		for _, api := range apis {
			for _, query := range []string{document(t, agendaFile), agendaByNode(t)} {
				if got := steady(ask(t, api, query, object{"id": db.ID(id).String()})); !cmp.Equal(want, got) {
					t.Fatalf("the bare handler and the API differ:\n%.5000s", cmp.Diff(want, got))
				}
			}
		}
	}
}

// steady writes ids and instants in one form.
func steady(value any) any {
	switch value := value.(type) {
	case object:
		for key, one := range value {
			text, ok := one.(string)
			switch {
			case ok && key == "id" && len(text) == 22:
				value[key] = uuid.UUID(db.ParseID(text)).String()
			case ok && (key == "startsAt" || key == "endsAt"):
				instant, err := time.Parse(time.RFC3339, text)
				if err != nil {
					panic(err)
				}
				value[key] = instant.UTC()
			default:
				value[key] = steady(one)
			}
		}
	case []any:
		for i, one := range value {
			value[i] = steady(one)
		}
	}
	return value
}

// fromPeer turns PostGraphile's form of the agenda into that of the API.
func fromPeer(data any) any {
	e := at(data, "edition").(object)
	e["venue"] = object{"name": e["venueName"], "city": e["venueCity"]}
	e["languages"] = listIn(e["languages"])
	e["themes"] = through(e["themes"], "theme")
	partnership := at(e, "series", "partnership").(object)
	partnership["members"] = at(partnership, "members", "nodes")
	day := object{"date": e["startsOn"], "sessions": itemsOfPeer(e["sessions"])} // generated editions last one day
	e["days"] = []any{day}
	for _, key := range []string{"venueName", "venueCity", "sessions"} {
		delete(e, key)
	}
	return renamed(data)
}

func itemsOfPeer(connection any) []any {
	items := at(connection, "nodes").([]any)
	for _, item := range items {
		s := item.(object)
		s["startsAtLocal"], s["endsAtLocal"], s["languages"] = s["startsLocal"], s["endsLocal"], listIn(s["languages"])
		s["themes"] = through(s["themes"], "theme")
		contributions := at(s, "contributions", "nodes").([]any)
		for _, one := range contributions { // generated contributions are by people of known organisations
			c := one.(object)
			c["name"], c["affiliation"] = at(c, "person", "name"), at(c, "person", "organisation", "name")
			delete(c, "guestName")
			delete(c, "guestAffiliation")
		}
		s["contributions"] = contributions
		if s["children"] != nil {
			s["children"] = itemsOfPeer(s["children"])
		}
		for _, key := range []string{"day", "startsLocal", "endsLocal"} {
			delete(s, key)
		}
	}
	return items
}

func through(connection any, field string) []any {
	nodes := at(connection, "nodes").([]any)
	for i, node := range nodes {
		nodes[i] = at(node, field)
	}
	return nodes
}

func listIn(text any) (list []any) {
	if err := json.Unmarshal([]byte(text.(string)), &list); err != nil {
		panic(err)
	}
	return list
}

// renamed gives ids their name.
func renamed(value any) any {
	switch value := value.(type) {
	case object:
		for key, one := range value {
			value[key] = renamed(one)
		}
		if id, ok := value["rowId"]; ok {
			value["id"] = id
			delete(value, "rowId")
		}
	case []any:
		for i, one := range value {
			value[i] = renamed(one)
		}
	}
	return value
}
