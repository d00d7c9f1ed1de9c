package graph_test

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	previewInvitations = `mutation($input: SendInvitationsInput!) { previewInvitations(input: $input) { total newRecipients alreadyInvited alreadyRegistered suppressed
		rows(first: 100) { totalCount nodes { line email name organisation problem } } userErrors { code message field index } } }`
	sendInvitations = `mutation($input: SendInvitationsInput!) { sendInvitations(input: $input) { campaign { id total queued suppressed status version sendAt respondBy
		edition { title } courseRun { course { title } } } userErrors { code message field index } } }`
)

// invite starts a campaign that has to start and returns its id.
func (h *house) invite(email string, input vars) string {
	h.Helper()
	if input["idempotencyKey"] == nil {
		input["idempotencyKey"] = rand.Text()
	}
	data := h.ask(email, sendInvitations, vars{"input": input})
	id, ok := at(data, "sendInvitations", "campaign", "id").(string)
	if !ok {
		h.Fatal(data)
	}
	return id
}

// drafts are an edition and a course run that are not public yet, and meetings that are over or off.
func (h *house) drafts() {
	h.Helper()
	f := grown("other", 2, 4)
	f.Editions[0].Status, f.Editions[1].Status = "DRAFT", "CANCELLED"
	f.Courses[0].Runs[0].Status = "DRAFT"
	h.add(f)
	h.exec("UPDATE editions SET host_id = (SELECT id FROM organisations WHERE key = 'groningen') WHERE key IN ('vaktreffen-2012', 'vaktreffen-2013', 'vaktreffen-2014')")
	h.exec("UPDATE editions SET status = 'DRAFT' WHERE key = 'vaktreffen-2014'")
	h.exec("UPDATE editions SET status = 'CANCELLED' WHERE key = 'vaktreffen-2013'")
}

func TestInvitationsThatCannotBeSent(t *testing.T) {
	each(t, func(t *house) {
		t.drafts()
		edition := t.id("editions", "vaktreffen-2027")
		run := t.ids("SELECT id FROM course_runs WHERE starts_on = '2027-04-15'")[0]
		lines := func(text ...string) vars { return vars{"audience": vars{"csv": strings.Join(text, "\n")}} }
		line := func(text string) vars {
			return lines("name,email,organisation,locale", "Anna,anna@example.org,Groningen,nl", text)
		}
		texts := func(all ...vars) vars { return vars{"texts": all} }
		audience := func(a vars) vars { return vars{"audience": a} }
		for name, test := range map[string]struct {
			who   string
			input vars // what differs from an input that can be sent; nil takes a value away
			code  string
			field string
			index any
		}{
			"nobody is signed in":               {nobody, nil, "NOT_SIGNED_IN", "", nil},
			"by a coordinator of another":       {stranger, nil, "FORBIDDEN", "editionId", nil},
			"by somebody who coordinates none":  {member, nil, "FORBIDDEN", "editionId", nil},
			"to a course of another":            {organiser, vars{"editionId": nil, "courseRunId": run}, "FORBIDDEN", "courseRunId", nil},
			"to nothing":                        {organiser, vars{"editionId": nil}, "REQUIRED", "editionId", nil},
			"to two things":                     {organiser, vars{"courseRunId": run}, "REQUIRED", "editionId", nil},
			"to an unknown edition":             {organiser, vars{"editionId": "unknown"}, "NOT_FOUND", "editionId", nil},
			"to an edition without id":          {organiser, vars{"editionId": ""}, "NOT_FOUND", "editionId", nil},
			"to a session":                      {organiser, vars{"editionId": t.ids("SELECT id FROM sessions")[0]}, "NOT_FOUND", "editionId", nil},
			"to a draft of another":             {organiser, vars{"editionId": t.id("editions", "other-edition-0")}, "NOT_FOUND", "editionId", nil},
			"to a draft of one's own":           {organiser, vars{"editionId": t.id("editions", "vaktreffen-2014")}, "CONFLICT", "editionId", nil},
			"to an edition that was called off": {organiser, vars{"editionId": t.id("editions", "vaktreffen-2013")}, "CONFLICT", "editionId", nil},
			"to an edition of a past year":      {organiser, vars{"editionId": t.id("editions", "vaktreffen-2012")}, "CONFLICT", "editionId", nil},
			"to an edition that is over":        {stranger, vars{"editionId": t.id("editions", "ambtenarenbijeenkomst-2016")}, "CONFLICT", "editionId", nil},
			"to an unknown run":                 {trainer, vars{"editionId": nil, "courseRunId": edition}, "NOT_FOUND", "courseRunId", nil},
			"to a run that is a draft":          {trainer, vars{"editionId": nil, "courseRunId": t.ids("SELECT id FROM course_runs WHERE status = 'DRAFT'")[0]}, "NOT_FOUND", "courseRunId", nil},
			"without a key":                     {organiser, vars{"idempotencyKey": " "}, "REQUIRED", "idempotencyKey", nil},
			"with a key that is too long":       {organiser, vars{"idempotencyKey": strings.Repeat("k", 201)}, "INVALID", "idempotencyKey", nil},
			"with a line break in the key":      {organiser, vars{"idempotencyKey": "a\nb"}, "INVALID", "idempotencyKey", nil},
			"with a message that is too long":   {organiser, vars{"message": strings.Repeat("é", 5001)}, "TOO_LARGE", "message", nil},
			"with an escape in the message":     {organiser, vars{"message": "red \x1b[31m"}, "INVALID", "message", nil},
			"with a picture in the message":     {organiser, vars{"message": "![x](https://example.org/x.png)"}, "INVALID", "message", nil},
			"with a message and texts":          {organiser, vars{"message": "Hi", "texts": []vars{{"language": "nl", "message": "Hoi"}}}, "INVALID", "message", nil},
			"with a typo in a field":            {organiser, vars{"message": "Dear {nmae}"}, "INVALID", "message", nil},
			"with a typo in one language":       {organiser, texts(vars{"language": "nl", "message": "Hoi"}, vars{"language": "de", "message": "Hallo {nmae}"}), "INVALID", "texts.1.message", 1},
			"with a typo in a subject":          {organiser, texts(vars{"language": "nl", "subject": "{datun}", "message": "Hoi"}), "INVALID", "texts.0.subject", 0},
			"with a text in French":             {organiser, texts(vars{"language": "fr", "message": "Salut"}), "INVALID", "texts.0.language", 0},
			"with two texts in Dutch":           {organiser, texts(vars{"language": "nl", "message": "Hoi"}, vars{"language": "nl", "message": "Dag"}), "INVALID", "texts.1.language", 1},
			"with a line break in a subject":    {organiser, texts(vars{"language": "nl", "subject": "Hoi\r\nBcc: x@example.org", "message": "Hoi"}), "INVALID", "texts.0.subject", 0},
			"with a separator in a subject":     {organiser, texts(vars{"language": "nl", "subject": "Hoi\u2028Bcc: x@example.org", "message": "Hoi"}), "INVALID", "texts.0.subject", 0},
			"with an override in a subject":     {organiser, texts(vars{"language": "nl", "subject": "Hoi\u202e", "message": "Hoi"}), "INVALID", "texts.0.subject", 0},
			"with a subject that is too long":   {organiser, texts(vars{"language": "nl", "subject": strings.Repeat("x", 151), "message": "Hoi"}), "TOO_LARGE", "texts.0.subject", 0},
			"with an empty subject":             {organiser, texts(vars{"language": "nl", "subject": " ", "message": "Hoi"}), "REQUIRED", "texts.0.subject", 0},
			"with a date that there is not":     {organiser, vars{"message": "Answer by {answerBy}"}, "REQUIRED", "message", nil},
			"with an employer not known of all": {organiser, texts(vars{"language": "en", "message": "Of {organisation}"}), "REQUIRED", "texts.0.message", 0},
			"with a personal link":              {organiser, vars{"message": "Go to https://meetings.example.org/i/" + strings.Repeat("aB3-", 12)}, "INVALID", "message", nil},
			"with a personal link, encoded":     {organiser, texts(vars{"language": "nl", "message": "[x](https://example.com/?u=meetings.example.org%2Fr%2F" + strings.Repeat("aB3-", 12) + ")"}), "INVALID", "texts.0.message", 0},
			"with a personal link as subject":   {organiser, texts(vars{"language": "nl", "subject": "x/unsubscribe/" + strings.Repeat("aB3-", 12), "message": "Hoi"}), "INVALID", "texts.0.subject", 0},
			"with a cut link to this service":   {organiser, vars{"message": "meetings.example.org/d/aB3"}, "INVALID", "message", nil},
			"to be answered in the past":        {organiser, vars{"respondBy": "2027-01-15T11:59:59Z"}, "INVALID", "respondBy", nil},
			"to be answered before it is sent":  {organiser, vars{"sendAt": "2027-03-01T00:00:00Z", "respondBy": "2027-02-01T00:00:00Z"}, "INVALID", "respondBy", nil},
			"to be answered after it began":     {organiser, vars{"respondBy": "2027-05-20T00:00:00Z"}, "INVALID", "respondBy", nil},
			"to be sent in two years":           {organiser, vars{"sendAt": "2029-01-01T00:00:00Z"}, "INVALID", "sendAt", nil},
			"to be sent after it began":         {organiser, vars{"sendAt": "2027-05-21T00:00:00Z"}, "INVALID", "sendAt", nil},

			"to no audience":              {organiser, audience(vars{}), "REQUIRED", "audience", nil},
			"to an empty list":            {organiser, audience(vars{"personIds": []string{}, "organisationIds": []string{}}), "REQUIRED", "audience", nil},
			"to unknown people":           {organiser, audience(vars{"personIds": []string{t.id("people", "max-muster"), "unknown"}}), "NOT_FOUND", "audience.personIds", 1},
			"to a theme":                  {organiser, audience(vars{"personIds": []string{t.id("themes", "sport")}}), "NOT_FOUND", "audience.personIds", 0},
			"to somebody without address": {organiser, audience(vars{"personIds": []string{t.id("people", "frederic-van-kleef")}}), "INVALID", "audience.personIds", 0},
			"to too many people":          {organiser, audience(vars{"personIds": make([]string, 10_001)}), "TOO_LARGE", "audience.personIds", nil},
			"to unknown organisations":    {organiser, audience(vars{"organisationIds": []string{t.id("organisations", "bremen"), edition}}), "NOT_FOUND", "audience.organisationIds", 1},
			"to too many organisations":   {organiser, audience(vars{"organisationIds": make([]string, 1001)}), "TOO_LARGE", "audience.organisationIds", nil},
			"to an unknown partnership":   {organiser, audience(vars{"partnershipId": edition}), "NOT_FOUND", "audience.partnershipId", nil},
			"to nobody with an address":   {organiser, audience(vars{"organisationIds": []string{t.id("organisations", "hoorn")}}), "REQUIRED", "audience", nil},

			"a list without anything":          {organiser, lines(""), "REQUIRED", "audience.csv", nil},
			"a list without people":            {organiser, lines("name,email"), "REQUIRED", "audience", nil},
			"a list without the column email":  {organiser, lines("name;organisation", "Anna;Bremen"), "REQUIRED", "audience.csv", 1},
			"a list without the column name":   {organiser, lines("email", "anna@example.org"), "REQUIRED", "audience.csv", 1},
			"a list with another column":       {organiser, lines("name,email,phone", "Anna,anna@example.org,1"), "INVALID", "audience.csv", 1},
			"a list with a column twice":       {organiser, lines("name,email,Email", "Anna,anna@example.org,a@example.org"), "INVALID", "audience.csv", 1},
			"a list without heading":           {organiser, lines("Anna,anna@example.org", "Bo,bo@example.org"), "INVALID", "audience.csv", 1},
			"a heading with an open quote":     {organiser, lines("\"name,email", "Anna,anna@example.org"), "INVALID", "audience.csv", 1},
			"a list with tabs":                 {organiser, lines("name\temail", "Anna\tanna@example.org"), "INVALID", "audience.csv", 1},
			"a list of 5 MB":                   {organiser, lines("name,email", strings.Repeat("Anna,anna@example.org\n", 5<<20/22)), "TOO_LARGE", "audience.csv", nil},
			"a list just over 2 MB":            {organiser, lines("name,email", strings.Repeat("x", 2<<20)), "TOO_LARGE", "audience.csv", nil},
			"a line without address":           {organiser, line("Bo,,Bremen,de"), "REQUIRED", "audience.csv", 3},
			"a line without name":              {organiser, line(" ,bo@example.org,Bremen,de"), "REQUIRED", "audience.csv", 3},
			"a line that is too short":         {organiser, line("Bo"), "REQUIRED", "audience.csv", 3},
			"a line that is too long":          {organiser, line("Bo,bo@example.org,Bremen,de,more"), "INVALID", "audience.csv", 3},
			"a line with an open quote":        {organiser, line(`"Bo,bo@example.org,Bremen,de`), "INVALID", "audience.csv", 3},
			"a quote inside a field":           {organiser, line(`B"o,bo@example.org,Bremen,de`), "INVALID", "audience.csv", 3},
			"an address without @":             {organiser, line("Bo,bo.example.org,,"), "INVALID", "audience.csv", 3},
			"an address without domain":        {organiser, line("Bo,bo@,,"), "INVALID", "audience.csv", 3},
			"an address on one label":          {organiser, line("Bo,bo@localhost,,"), "INVALID", "audience.csv", 3},
			"an address in brackets":           {organiser, line("Bo,Bo <bo@example.org>,,"), "INVALID", "audience.csv", 3},
			"two addresses":                    {organiser, line(`Bo,"bo@example.org, ro@example.org",,`), "INVALID", "audience.csv", 3},
			"an address with a blank":          {organiser, line("Bo,b o@example.org,,"), "INVALID", "audience.csv", 3},
			"an address with a header":         {organiser, line("Bo,\"bo@example.org\r\nBcc: all@example.org\",,"), "INVALID", "audience.csv", 3},
			"a name with a header":             {organiser, line("\"Bo\r\nBcc: all@example.org\",bo@example.org,,"), "INVALID", "audience.csv", 3},
			"a name with a lone line feed":     {organiser, line("\"Bo\nBcc: x\",bo@example.org,,"), "INVALID", "audience.csv", 3},
			"an organisation with a header":    {organiser, line("Bo,bo@example.org,\"Bremen\r\nSubject: x\","), "INVALID", "audience.csv", 3},
			"a name with a direction override": {organiser, line("Bo\u202egro.elpmaxe,bo@example.org,,"), "INVALID", "audience.csv", 3},
			"a name that is too long":          {organiser, line(strings.Repeat("o", 201) + ",bo@example.org,,"), "INVALID", "audience.csv", 3},
			"an unknown language":              {organiser, line("Bo,bo@example.org,,fr"), "INVALID", "audience.csv", 3},
		} {
			t.Run(name, func(st *testing.T) {
				t := t.in(st)
				input := vars{"idempotencyKey": "key", "editionId": edition, "audience": vars{"csv": "name,email\nAnna,anna@example.org"}}
				maps.Copy(input, test.input)
				maps.DeleteFunc(input, func(_ string, value any) bool { return value == nil })
				if test.who != nobody {
					t.token(test.who) // is a row
				}
				before := t.rows()
				for _, mutation := range []string{previewInvitations, sendInvitations} {
					payload := at(t.ask(test.who, mutation, vars{"input": input}), strings.TrimSpace(mutation[len("mutation($input: SendInvitationsInput!) {"):strings.Index(mutation, "(input: $input)")]))
					errors := list(payload, "userErrors")
					if len(errors) == 0 {
						t.Fatalf("no userErrors: %v", payload)
					}
					if at(payload, "campaign") != nil {
						t.Errorf("a campaign beside userErrors: %v", payload)
					}
					var path []any
					if test.field != "" {
						path = []any{"input"}
						for step := range strings.SplitSeq(test.field, ".") {
							path = append(path, step)
						}
					}
					index := test.index
					if n, ok := index.(int); ok {
						index = float64(n)
					}
					e := errors[0]
					if at(e, "code") != test.code || fmt.Sprint(at(e, "field")) != fmt.Sprint(path) || at(e, "index") != index {
						t.Errorf("%v, want %s at %v %v", e, test.code, path, test.index)
					}
					if message, _ := at(e, "message").(string); !sentence(message) || len(message) > 400 {
						t.Errorf("not a sentence for people: %q", message)
					}
				}
				if diff := cmp.Diff(before, t.rows()); diff != "" {
					t.Errorf("something was written (-before +after)\n%s", diff)
				}
			})
		}
	})
}

func TestManyProblemsAreReportedTogether(t *testing.T) {
	each(t, func(t *house) {
		input := vars{"idempotencyKey": "key", "editionId": t.id("editions", "vaktreffen-2027"), "audience": vars{
			"csv":       "name,email\n" + strings.Repeat("Bo,nowhere\n", 150),
			"personIds": []string{"unknown"},
		}}
		for mutation, name := range map[string]string{previewInvitations: "previewInvitations", sendInvitations: "sendInvitations"} {
			payload := at(t.ask(organiser, mutation, vars{"input": input}), name)
			errors := list(payload, "userErrors")
			if len(errors) != 101 || at(errors, 1, "index") != 2.0 || at(errors, 99, "index") != 100.0 || at(errors, 100, "code") != "TOO_LARGE" {
				t.Errorf("%s: %d errors, the last are %v", name, len(errors), errors[max(0, len(errors)-2):])
			}
			if name == "previewInvitations" && (at(payload, "rows", "totalCount") != 150.0 || at(payload, "rows", "nodes", 99, "line") != 101.0) {
				t.Errorf("rows of lines with problems: %v", at(payload, "rows", "totalCount"))
			}
		}
		delete(input, "editionId")
		input["idempotencyKey"], input["respondBy"] = "", "2000-01-01T00:00:00Z"
		errors := list(t.ask(organiser, sendInvitations, vars{"input": input}), "sendInvitations", "userErrors")
		if len(errors) != 3 {
			t.Errorf("%v, want one for each of three fields", errors)
		}
	})
}

func TestBodiesThatAreTooLarge(t *testing.T) {
	each(t, func(t *house) {
		body := func(size int) []byte {
			return []byte(`{"query":"{ viewer { person { id } } }","variables":{"x":"` + strings.Repeat("x", size) + `"}}`)
		}
		before := t.rows()
		if a := t.post(t.Context(), "", body(300<<10)); a.Status != http.StatusRequestEntityTooLarge || len(a.Errors) != 1 || !sentence(a.Errors[0].Message) {
			t.Errorf("300 kB of nobody: %d %s", a.Status, a.body)
		}
		if diff := cmp.Diff(before, t.rows()); diff != "" {
			t.Error(diff)
		}
		if a := t.post(t.Context(), t.token(organiser), body(300<<10)); a.Status != http.StatusOK {
			t.Errorf("300 kB of an organiser: %d %s", a.Status, a.body)
		}
		if a := t.post(t.Context(), t.token(organiser), body(9<<20)); a.Status != http.StatusRequestEntityTooLarge || len(a.Errors) != 1 || !sentence(a.Errors[0].Message) {
			t.Errorf("9 MB of an organiser: %d %s", a.Status, a.body)
		}
		if a := t.post(t.Context(), "", []byte("{\"query\":\"{ viewer { person { name } } }\", \"variables\":{\"x\":\"\\u0000\"}}")); len(a.Errors) == 0 {
			t.Errorf("a NUL in a variable: %d %s", a.Status, a.body)
		}
	})
}

func TestListsOfEveryForm(t *testing.T) {
	each(t, func(t *house) {
		for name, text := range map[string]string{
			"commas":                "name,email,organisation,locale\nAnna,anna@example.org,Gemeente Groningen,nl\nBo,bo@example.org,Elsewhere,\n",
			"semicolons":            "name;email;organisation;locale\nAnna;anna@example.org;Gemeente Groningen;nl\nBo;bo@example.org;Elsewhere;\n",
			"another order":         "locale;organisation;email;name\nnl;Gemeente Groningen;anna@example.org;Anna\n;Elsewhere;bo@example.org;Bo",
			"a byte order mark":     "\ufeffname;email;organisation;locale\nAnna;anna@example.org;Gemeente Groningen;nl\nBo;bo@example.org;Elsewhere;",
			"ends of lines as CRLF": "name,email,organisation,locale\r\nAnna,anna@example.org,Gemeente Groningen,nl\r\nBo,bo@example.org,Elsewhere,\r\n",
			"empty lines":           "name,email,organisation,locale\n\nAnna,anna@example.org,Gemeente Groningen,nl\n\n  \nBo,bo@example.org,Elsewhere,\n\n",
			"capitals and blanks":   " Name , EMAIL ,Organisation,Locale\n Anna , Anna@Example.ORG ,Gemeente Groningen, NL \nBo,bo@example.org,Elsewhere,\n",
			"quotes":                "\"name\",\"email\",\"organisation\",\"locale\"\n\"Anna\",\"anna@example.org\",\"Gemeente Groningen\",\"nl\"\nBo,bo@example.org,\"Elsewhere\",\n",
			"a person twice":        "name,email,organisation,locale\nAnna,anna@example.org,Gemeente Groningen,nl\nBo,bo@example.org,Elsewhere,\nAnna again,ANNA@example.org,,\n",
		} {
			payload := at(t.ask(organiser, previewInvitations, vars{"input": vars{
				"idempotencyKey": "key", "editionId": t.id("editions", "vaktreffen-2027"), "audience": vars{"csv": text},
			}}), "previewInvitations")
			var rows []string
			for _, row := range list(payload, "rows", "nodes") {
				rows = append(rows, fmt.Sprint(at(row, "name"), " ", at(row, "email"), " ", at(row, "organisation"), " ", at(row, "problem")))
			}
			want := []string{"Anna anna@example.org Gemeente Groningen <nil>", "Bo bo@example.org Elsewhere <nil>"}
			if diff := cmp.Diff(want, rows); diff != "" || at(payload, "total") != 2.0 || at(payload, "newRecipients") != 2.0 || len(list(payload, "userErrors")) > 0 {
				t.Errorf("%s: %v\n%s", name, payload, diff)
			}
		}
	})
}

func TestWhoIsSkippedIsCounted(t *testing.T) {
	each(t, func(t *house) {
		edition := t.id("editions", "vaktreffen-2027")
		max, martha, petra, fritz := t.id("people", "max-muster"), t.id("people", "martha-muster"), t.id("people", "petra-probe"), t.id("people", "fritz-fiktiv")
		t.invite(organiser, vars{"editionId": edition, "audience": vars{"personIds": []string{max, martha}}})
		invitation := t.ids("SELECT invitation.id FROM invitations AS invitation JOIN people ON people.id = person_id WHERE people.key = 'martha-muster'")[0]
		t.accept(invitation)
		t.exec("INSERT INTO suppressions (email, reason, created_at) VALUES ('petra.probe@example.org', 'HARD_BOUNCE', '2026-01-01 00:00:00+00:00')")
		input := vars{"idempotencyKey": "again", "editionId": edition, "audience": vars{
			"personIds": []string{fritz, petra, fritz, max}, "csv": "name,email\nMartha,martha.muster@example.org\nNew,new@example.org\nFritz,Fritz.Fiktiv@example.org",
		}}
		before := t.rows()
		payload := at(t.ask(organiser, previewInvitations, vars{"input": input}), "previewInvitations")
		counts := []any{at(payload, "total"), at(payload, "newRecipients"), at(payload, "alreadyInvited"), at(payload, "alreadyRegistered"), at(payload, "suppressed")}
		if diff := cmp.Diff([]any{5.0, 2.0, 1.0, 1.0, 1.0}, counts); diff != "" {
			t.Errorf("total, new, invited, registered, suppressed: %s", diff)
		}
		var rows []any
		for _, row := range list(payload, "rows", "nodes") {
			rows = append(rows, at(row, "email"), at(row, "problem") != nil)
		}
		if diff := cmp.Diff([]any{ // the addresses of Petra and Fritz, who work for others and were named by their ids, are not shown
			nil, true, "max.muster@example.org", true, "martha.muster@example.org", true, nil, false, "new@example.org", false,
		}, rows); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(before, t.rows()); diff != "" {
			t.Errorf("the preview wrote\n%s", diff)
		}
		campaign := at(t.ask(organiser, sendInvitations, vars{"input": input}), "sendInvitations", "campaign")
		if at(campaign, "total") != 3.0 || at(campaign, "queued") != 2.0 || at(campaign, "suppressed") != 1.0 {
			t.Errorf("campaign %v", campaign)
		}
		after := t.rows()
		for table, more := range map[string]int{"campaigns": 1, "invitations": 3, "deliveries": 3, "people": 1, "idempotency_keys": 1, "audit_log": 1} {
			if after[table] != before[table]+more {
				t.Errorf("%d rows more in %s, want %d", after[table]-before[table], table, more)
			}
		}
		input["idempotencyKey"] = "once more"
		errors := list(t.ask(organiser, sendInvitations, vars{"input": input}), "sendInvitations", "userErrors")
		if at(errors, 0, "code") != "CONFLICT" {
			t.Errorf("everybody is invited: %v", errors)
		}
		if diff := cmp.Diff(after, t.rows()); diff != "" {
			t.Error(diff)
		}
	})
}

// accept answers an invitation as the page of its link does.
func (h *house) accept(invitation string) {
	h.Helper()
	token, err := h.db.AnswerToken(h.Context(), idOf(invitation))
	if err != nil {
		h.Fatal(err)
	}
	if answer, err := h.db.RecordAnswer(h.Context(), token, true); err != nil || answer == nil {
		h.Fatalf("answer %v: %v", answer, err)
	}
}

func TestKeysMakeRepeatedRequestsHarmless(t *testing.T) {
	each(t, func(t *house) {
		input := vars{"idempotencyKey": strings.Repeat("é", 200), "editionId": t.id("editions", "vaktreffen-2027"), "audience": vars{"csv": "name,email\nAnna,anna@example.org"}, "message": "Hello"}
		send := func(email string, input vars) any {
			return at(t.ask(email, sendInvitations, vars{"input": input}), "sendInvitations")
		}
		first := send(organiser, input)
		id := at(first, "campaign", "id")
		if id == nil {
			t.Fatal(first)
		}
		t.token(colleague)
		before := t.rows()
		t.setClock(today.Add(time.Hour))
		if again := send(organiser, input); at(again, "campaign", "id") != id || at(again, "campaign", "edition", "title") == nil {
			t.Errorf("the same input again: %v", again)
		}
		for name, other := range map[string]vars{
			"another message":  {"message": "Hi"},
			"another audience": {"audience": vars{"csv": "name,email\nBo,bo@example.org"}},
			"another edition":  {"editionId": t.id("editions", "vaktreffen-2012")},
			"another time":     {"sendAt": "2027-02-01T00:00:00Z"},
		} {
			changed := maps.Clone(input)
			maps.Copy(changed, other)
			payload := send(organiser, changed)
			if at(payload, "campaign") != nil || at(payload, "userErrors", 0, "code") != "KEY_REUSED" || fmt.Sprint(at(payload, "userErrors", 0, "field")) != "[input idempotencyKey]" {
				t.Errorf("%s: %v", name, payload)
			}
		}
		if diff := cmp.Diff(before, t.rows()); diff != "" {
			t.Errorf("something was written (-before +after)\n%s", diff)
		}
		t.ask(organiser, `mutation($e: ID!, $p: ID!) { nameOrganiser(input: { editionId: $e, personId: $p }) { person { id } } }`,
			vars{"e": t.id("editions", "vaktreffen-2027"), "p": t.id("people", "konrad-koordinator")})
		if payload := send(colleague, input); at(payload, "userErrors", 0, "code") != "CONFLICT" {
			t.Errorf("the key of another person is no replay: %v", payload)
		}
	})
}

func TestCampaignsAreSteered(t *testing.T) {
	each(t, func(t *house) {
		id := t.invite(organiser, vars{"editionId": t.id("editions", "vaktreffen-2027"), "audience": vars{"csv": "name,email\nAnna,anna@example.org\nBo,bo@example.org"}, "sendAt": "2027-02-01T00:00:00Z"})
		steer := func(email, mutation, id string) any {
			return at(t.ask(email, `mutation($id: ID!) { `+mutation+`(input: { campaignId: $id }) { campaign { status version queued cancelled finishedAt } userErrors { code message field } } }`, vars{"id": id}), mutation)
		}
		t.token(stranger)
		t.token(colleague)
		before := t.rows()
		for _, mutation := range []string{"pauseCampaign", "resumeCampaign", "cancelCampaign"} {
			for _, bad := range []struct{ email, id, code, field string }{
				{nobody, id, "NOT_SIGNED_IN", "[]"},
				{stranger, id, "NOT_FOUND", "[input campaignId]"},
				{organiser, "unknown", "NOT_FOUND", "[input campaignId]"},
				{organiser, t.id("editions", "vaktreffen-2027"), "NOT_FOUND", "[input campaignId]"},
			} {
				payload := steer(bad.email, mutation, bad.id)
				if at(payload, "campaign") != nil || at(payload, "userErrors", 0, "code") != bad.code || fmt.Sprint(at(payload, "userErrors", 0, "field")) != bad.field {
					t.Errorf("%s by %q: %v, want %s", mutation, bad.email, payload, bad.code)
				}
			}
		}
		if diff := cmp.Diff(before, t.rows()); diff != "" {
			t.Error(diff)
		}
		if payload := steer(colleague, "pauseCampaign", id); at(payload, "userErrors", 0, "code") != "NOT_FOUND" {
			t.Errorf("a coordinator of another member: %v", payload)
		}
		t.ask(organiser, `mutation($e: ID!, $p: ID!) { nameOrganiser(input: { editionId: $e, personId: $p }) { person { id } userErrors { code } } }`,
			vars{"e": t.id("editions", "vaktreffen-2027"), "p": t.id("people", "konrad-koordinator")})
		version := 1.0
		for _, step := range []struct{ mutation, status, code string }{
			{"pauseCampaign", "PAUSED", ""}, {"resumeCampaign", "SCHEDULED", ""}, {"cancelCampaign", "CANCELLED", ""},
			{"resumeCampaign", "", "CONFLICT"}, {"pauseCampaign", "", "CONFLICT"},
		} {
			payload := steer(colleague, step.mutation, id)
			if step.code != "" {
				if at(payload, "campaign") != nil || at(payload, "userErrors", 0, "code") != step.code {
					t.Errorf("%s: %v, want %s", step.mutation, payload, step.code)
				}
				continue
			}
			if at(payload, "campaign", "status") != step.status || at(payload, "campaign", "version").(float64) <= version {
				t.Errorf("%s: %v, want %s and a version over %v", step.mutation, payload, step.status, version)
			}
			version = at(payload, "campaign", "version").(float64)
		}
		if payload := steer(colleague, "cancelCampaign", id); at(payload, "campaign", "cancelled") != 2.0 || at(payload, "campaign", "queued") != 0.0 || at(payload, "campaign", "finishedAt") == nil {
			t.Errorf("cancelled: %v", payload)
		}
	})
}
