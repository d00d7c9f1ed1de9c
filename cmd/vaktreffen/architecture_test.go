package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/vaktreffen/vaktreffen"

// bans are the imports that would take the house apart, each with its reason.
var bans = []struct {
	who     string // the packages below this folder of the module
	except  string // but not those below this one
	imports string
	because string
}{
	{"db", "", module + "/graph", "rules must not know how they are asked for"},
	{"db", "", module + "/worker", "the outbox is written here and read there, never the other way round"},
	{"db", "", module + "/cmd", "the program wires packages; no package knows the program"},
	{"graph", "", module + "/worker", "the API writes mails into the outbox and never sends one; so it runs alone"},
	{"graph", "", module + "/cmd", "the program wires packages; no package knows the program"},
	{"worker", "", module + "/graph", "the worker sends what the database says and serves nobody; so it runs alone"},
	{"worker", "", module + "/cmd", "the program wires packages; no package knows the program"},
	{"db/programme", "", module + "/db", "the file format is checked without a database"},
	{"", "db", "github.com/uptrace/bun", "a rule is only true inside a transaction, and transactions live in db"},
	{"", "db", "database/sql", "a rule is only true inside a transaction, and transactions live in db"},
	{"", "worker", "github.com/hibiken/asynq", "the relay is the only way into the queue, since SQL has to know first"},
	{"", "worker", "github.com/wneessen/go-mail", "a mail leaves only through the ledger, which commits what came of it"},
	{"", "graph", "github.com/99designs/gqlgen", "GraphQL is one way to ask; the rules and the mails know nothing of it"},
}

// TestHouse holds the directions of imports between the parts of the program.
func TestHouse(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); seen++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		for _, breach := range breaches(p.ImportPath, p.Imports) {
			t.Error(breach)
		}
	}
	if seen < 8 {
		t.Errorf("only %d packages were looked at", seen)
	}
}

// TestHouseNoticesABreach shows that the bans bite.
func TestHouseNoticesABreach(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ who, imports string }{
		{"graph", module + "/worker"},
		{"db", module + "/graph/internal/exec"},
		{"worker", "github.com/uptrace/bun/dialect/pgdialect"},
		{"graph/internal/exec", "github.com/wneessen/go-mail"},
		{"cmd/vaktreffen", "github.com/hibiken/asynq"},
	} {
		if len(breaches(module+"/"+test.who, []string{test.imports})) == 0 {
			t.Errorf("%s may import %s", test.who, test.imports)
		}
	}
	if got := breaches(module+"/db/dbtest", []string{"database/sql"}); len(got) > 0 {
		t.Error(got)
	}
}

func breaches(who string, imports []string) (found []string) {
	below := func(path, folder string) bool {
		return folder == "" || path == module+"/"+folder || strings.HasPrefix(path, module+"/"+folder+"/")
	}
	for _, ban := range bans {
		if !below(who, ban.who) || ban.except != "" && below(who, ban.except) {
			continue
		}
		for _, path := range imports {
			if (path == ban.imports || strings.HasPrefix(path, ban.imports+"/")) && path != who {
				found = append(found, who+" imports "+path+": "+ban.because)
			}
		}
	}
	return found
}
