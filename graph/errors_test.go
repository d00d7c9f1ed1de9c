package graph_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestUnexpectedErrorsShowAReferenceAlone(t *testing.T) {
	each(t, func(t *house) {
		edition := t.id("editions", "vaktreffen-2027")
		if err := t.db.Close(); err != nil {
			t.Fatal(err)
		}
		for name, query := range map[string]string{
			"a field that can be null":  `{ edition(id: "` + edition + `") { title } }`,
			"a field that cannot":       `{ editions(first: 1) { nodes { title } } }`,
			"a record":                  `{ node(id: "` + edition + `") { id } }`,
			"a list without connection": `{ themes { name } }`,
		} {
			a := t.send(nobody, query, nil)
			if len(a.Errors) != 1 {
				t.Errorf("%s: %s", name, a.body)
				continue
			}
			e := a.Errors[0]
			reference, _ := e.Extensions["reference"].(string)
			if e.Extensions["code"] != "INTERNAL" || len(reference) < 8 || !strings.Contains(e.Message, reference) || len(e.Path) != 1 {
				t.Errorf("%s: %s", name, a.body)
			}
			for _, word := range []string{"sql", "SELECT", "database", "closed", ".go", "db/", "/tmp", "postgres", "editions:"} {
				if strings.Contains(strings.ReplaceAll(a.body, `"path":["editions"]`, ""), word) {
					t.Errorf("%s: the answer holds %q: %s", name, word, a.body)
				}
			}
			logged := false
			for _, entry := range t.log.find("unexpected error") {
				logged = logged || entry["reference"].String() == reference && strings.Contains(entry["error"].String(), "closed")
			}
			if !logged {
				t.Errorf("%s: the reference %s is not in the log with its cause", name, reference)
			}
		}
	})
}

func TestWithoutDatabaseNobodyIsSignedIn(t *testing.T) {
	each(t, func(t *house) {
		token := t.token(organiser)
		if err := t.db.Close(); err != nil {
			t.Fatal(err)
		}
		a := t.post(t.Context(), token, []byte(`{"query":"{ __typename }"}`))
		if a.Status != http.StatusServiceUnavailable || len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "UNAVAILABLE" || strings.Contains(a.body, "sql") {
			t.Errorf("%d %s", a.Status, a.body)
		}
		if len(t.log.find("authenticate")) != 1 {
			t.Error("the cause is not in the log")
		}
		response, err := http.Get(strings.TrimSuffix(t.url, "graphql") + "readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // read no further
		if response.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("ready without a database: %d", response.StatusCode)
		}
	})
}

func TestLogsHoldNoPersonalData(t *testing.T) {
	each(t, func(t *house) {
		t.invite(organiser, vars{"editionId": t.id("editions", "vaktreffen-2027"), "message": "Very secret", "audience": vars{"csv": "name,email\nAnna Private,anna.private@example.org"}})
		t.send(organiser, sendInvitations, vars{"input": vars{"idempotencyKey": "x", "audience": vars{"csv": "name,email\nAnna Private,anna.private@nowhere"}}})
		if len(t.log.find("operation")) < 2 {
			t.Error("operations are not logged")
		}
		for _, message := range t.log.messages() {
			for _, word := range []string{"Anna", "anna.private", "secret", organiser, t.token(organiser)} {
				if strings.Contains(message, word) {
					t.Errorf("the log holds %q: %s", word, message)
				}
			}
		}
	})
}

func TestDocumentsThatAreWrongAreExplained(t *testing.T) {
	each(t, func(t *house) {
		for _, query := range []string{
			`{ editions(first: 1) { nodes { nothing } } }`, `{`, `{ editions(first: "one") { nodes { id } } }`, `query($id: ID!) { edition(id: $id) { id } }`,
			`{ municipalities(first: 1, filter: { x: 1 }) { totalCount } }`, `mutation { sendInvitations(input: {}) { campaign { id } } }`,
			`{ editions(first: 1, filter: { status: NOWHERE }) { totalCount } }`, `subscription { campaignProgress(id: "x") { id } }`,
		} {
			a := t.send(nobody, query, nil)
			if len(a.Errors) == 0 || a.Errors[0].Extensions["code"] == "INTERNAL" || a.Errors[0].Extensions["code"] == nil || a.Data != nil {
				t.Errorf("%s: %d %s", query, a.Status, a.body)
			}
		}
		for kind, value := range map[string]string{"respondBy": "tomorrow", "sendAt": "2027-02-30T00:00:00Z"} {
			a := t.send(organiser, sendInvitations, vars{"input": vars{"idempotencyKey": "x", "audience": vars{"csv": ""}, kind: value}})
			if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "INVALID" || !sentence(a.Errors[0].Message) || !strings.Contains(fmt.Sprint(a.Errors[0].Path), kind) {
				t.Errorf("%s %s: %s", kind, value, a.body)
			}
		}
		a := t.send(nobody, `{ partnerships(first: 9) { nodes { agreements { status(on: "soon") } } } }`, nil)
		if len(a.Errors) == 0 || a.Errors[0].Extensions["code"] != "INVALID" || !sentence(a.Errors[0].Message) {
			t.Errorf("status on a day that is none: %s", a.body)
		}
		if entries := t.log.find("unexpected error"); len(entries) > 0 {
			t.Errorf("wrong documents were taken for bugs: %v", entries)
		}
	})
}
