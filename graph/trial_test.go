package graph_test

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph"
	"github.com/vaktreffen/vaktreffen/worker"
)

const (
	previewMails = `mutation($input: SendInvitationsInput!) { previewInvitations(input: $input) { total
		mails { language textLanguage readers subject html text } userErrors { message field } } }`
	sendTest = `mutation($input: SendTestInvitationInput!) { sendTestInvitation(input: $input) { deliveries { id state } userErrors { code message field index } } }`
)

// proofing returns the house with previews of mails.
func (h *house) proofing() *house {
	h.Helper()
	proofs, err := worker.NewProofs("https://meetings.example.org")
	if err != nil {
		h.Fatal(err)
	}
	return h.with(graph.Config{Proof: proofs.Write})
}

func TestAPreviewShowsTheMailInEachLanguage(t *testing.T) {
	each(t, func(t *house) {
		t = t.proofing()
		edition := t.id("editions", "vaktreffen-2027")
		input := vars{
			"idempotencyKey": "k", "editionId": edition, "respondBy": "2027-04-30T22:00:00Z",
			"audience": vars{"csv": "name,email,organisation,locale\nAnna <b>A</b>,anna@example.org,Bremen,nl\nBert,bert@example.org,Firma *X*,nl\nCarla,carla@example.org,Oldenburg,en"},
			"texts": []vars{
				{"language": "nl", "subject": "{naam}, kom naar {bijeenkomst}", "message": "Beste collega van **{organisatie}**,\n\n- tot {antwoordVoor}"},
				{"language": "de", "message": "Liebe {Name}, am {Datum}."},
			},
		}
		before := t.rows()
		data := t.ask(organiser, previewMails, vars{"input": input})
		mails := list(data, "previewInvitations", "mails")
		if len(mails) != 3 || len(list(data, "previewInvitations", "userErrors")) > 0 {
			t.Fatal(data)
		}
		for i, want := range []struct {
			language, words, subject string
			readers                  float64
			html, text               []string
		}{
			{"nl", "nl", "Anna <b>A</b>, kom naar ", 2,
				[]string{`<html lang="nl">`, "Geachte Anna &lt;b&gt;A&lt;/b&gt;,", "Beste collega van <strong>Bremen</strong>,", "tot 30 april 2027</li>", "https://meetings.example.org/example?lang=nl"},
				[]string{"Geachte Anna <b>A</b>,", "Beste collega van Bremen,", "- tot 30 april 2027\n"}},
			{"de", "de", "Einladung: ", 0, []string{`<html lang="de">`, "am 20.–21. Mai 2027."}, []string{"am 20.–21. Mai 2027."}},
			// The first text, since there is none in English.
			{"en", "nl", "Carla, kom naar ", 1, []string{`<html lang="en">`, "Dear Carla,", `<div lang="nl">`, "<strong>Oldenburg</strong>", "tot 30 april 2027</li>"}, []string{"Dear Carla,", "- tot 30 april 2027\n"}},
		} {
			got := mails[i]
			subject, _ := at(got, "subject").(string)
			if at(got, "language") != want.language || at(got, "textLanguage") != want.words || at(got, "readers") != want.readers || !strings.HasPrefix(subject, want.subject) {
				t.Errorf("%s: %v %v %v %q", want.language, at(got, "language"), at(got, "textLanguage"), at(got, "readers"), subject)
			}
			for part, all := range map[string][]string{"html": want.html, "text": want.text} {
				for _, phrase := range all {
					if said, _ := at(got, part).(string); !strings.Contains(said, phrase) {
						t.Errorf("%s: the %s lacks %q:\n%s", want.language, part, phrase, said)
					}
				}
			}
			for _, link := range []string{"/i/", "/unsubscribe/"} {
				if strings.Contains(at(got, "html").(string)+at(got, "text").(string), link) {
					t.Errorf("%s: a personal link %s in a preview", want.language, link)
				}
			}
		}
		if after := t.rows(); len(after) != len(before) || after["deliveries"] != before["deliveries"] || after["people"] != before["people"] {
			t.Error("a preview wrote something")
		}
		input["texts"] = []vars{{"language": "nl", "message": "Beste {naam}"}, {"language": "de", "message": "Liebe {Nmae}"}}
		data = t.ask(organiser, previewMails, vars{"input": input})
		if e := list(data, "previewInvitations", "userErrors"); len(e) != 1 || !strings.Contains(at(e[0], "message").(string), "Did you mean {name}?") || len(list(data, "previewInvitations", "mails")) != 0 {
			t.Errorf("a typo: %v", data)
		}
	})
}

func TestATestOfAnInvitation(t *testing.T) {
	each(t, func(t *house) {
		edition := t.id("editions", "vaktreffen-2027")
		input := func(change vars) vars {
			all := vars{"idempotencyKey": rand.Text(), "editionId": edition, "texts": []vars{{"language": "nl", "message": "Dag {naam}"}, {"language": "de", "message": "Hallo"}}}
			for key, value := range change {
				if all[key] = value; value == nil {
					delete(all, key)
				}
			}
			return vars{"input": all}
		}
		for name, test := range map[string]struct {
			who, code string
			change    vars
		}{
			"nobody is signed in":          {nobody, "NOT_SIGNED_IN", nil},
			"by a participant":             {member, "FORBIDDEN", nil},
			"by a coordinator of another":  {stranger, "FORBIDDEN", nil},
			"of nothing":                   {organiser, "REQUIRED", vars{"editionId": nil}},
			"without a key":                {organiser, "REQUIRED", vars{"idempotencyKey": ""}},
			"in French":                    {organiser, "INVALID", vars{"languages": []string{"fr"}}},
			"with a typo":                  {organiser, "INVALID", vars{"texts": []vars{{"language": "nl", "message": "{nmae}"}}}},
			"with a date that there isn't": {organiser, "REQUIRED", vars{"texts": []vars{{"language": "nl", "message": "{answerBy}"}}}},
			"to be answered in the past":   {organiser, "INVALID", vars{"respondBy": "2027-01-01T00:00:00Z"}},
			"with a personal link":         {organiser, "INVALID", vars{"texts": []vars{{"language": "nl", "message": "/i/" + strings.Repeat("aB3-", 12)}}}},
		} {
			data := t.ask(test.who, sendTest, input(test.change))
			if e := list(data, "sendTestInvitation", "userErrors"); len(e) == 0 || at(e[0], "code") != test.code || at(data, "sendTestInvitation", "deliveries") != nil {
				t.Errorf("%s: %v", name, data)
			}
		}
		if n := len(t.ids("SELECT id FROM deliveries WHERE kind = 'invitation_test'")); n != 0 {
			t.Fatalf("%d tests that were refused", n)
		}
		twice := input(nil)
		sent := list(t.ask(organiser, sendTest, twice), "sendTestInvitation", "deliveries")
		again := list(t.ask(organiser, sendTest, twice), "sendTestInvitation", "deliveries")
		if len(sent) != 2 || len(again) != 2 || at(sent[0], "id") != at(again[0], "id") || at(sent[0], "state") != "QUEUED" {
			t.Fatalf("%v, again %v", sent, again)
		}
		if n := len(t.ids("SELECT id FROM invitations")) + len(t.ids("SELECT id FROM campaigns")); n != 0 {
			t.Errorf("a test invited: %d", n)
		}
		node := `query($id: ID!) { node(id: $id) { id ... on Delivery { state } } }`
		for who, known := range map[string]bool{organiser: true, colleague: false, nobody: false} {
			if data := t.ask(who, node, vars{"id": at(sent[0], "id")}); (at(data, "node", "state") != nil) != known {
				t.Errorf("%s sees %v", who, data)
			}
		}
		_, mails, err := t.db.StartDeliveries(t.Context(), db.Urgent, db.NewID(db.KindWorker, today), 10)
		if err != nil || len(mails) != 2 {
			t.Fatal(len(mails), err)
		}
		proofs, err := worker.NewProofs("https://meetings.example.org")
		if err != nil {
			t.Fatal(err)
		}
		for i, words := range []string{"Dag ", "Hallo"} {
			for _, m := range mails {
				if m.Person.Language != []db.Locale{db.Dutch, db.German}[i] {
					continue
				}
				subject, text, _, err := proofs.Write(m)
				if err != nil || *m.Person.Address != organiser || !strings.HasPrefix(subject, "[Test] ") || !strings.Contains(text, "\n"+words) || strings.Contains(text, "/i/") || m.AnswerToken != "" || m.OptOutToken != "" {
					t.Errorf("to %s: %q, %v\n%s", *m.Person.Address, subject, err, text)
				}
			}
		}
		// What was called off meanwhile is not shown any more.
		t.ask(organiser, sendTest, input(nil))
		t.exec("UPDATE editions SET status = 'CANCELLED' WHERE key = 'vaktreffen-2027'")
		if n, err := t.db.DueDeliveries(t.Context(), db.Urgent, 10); err != nil || n != 2 {
			t.Fatal(n, err)
		}
		if _, mails, err = t.db.StartDeliveries(t.Context(), db.Urgent, db.NewID(db.KindWorker, today), 10); err != nil || len(mails) != 0 {
			t.Errorf("%d tests of what was cancelled, %v", len(mails), err)
		}
	})
}

func TestTestsAreLimited(t *testing.T) {
	h := onSQLite(t).limited("")
	t.Parallel()
	input := vars{"idempotencyKey": "k", "editionId": h.id("editions", "vaktreffen-2027")}
	for i := range 30 {
		if a := h.send(organiser, sendTest, vars{"input": input}); len(a.Errors) > 0 {
			t.Fatalf("%d: %s", i, a.body)
		}
	}
	if a := h.send(organiser, sendTest, vars{"input": input}); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "RATE_LIMIT" {
		t.Errorf("the 31st: %s", a.body)
	}
}

func TestWhereTheLinksOfExamplesLead(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	m.expect(m.get("/example?lang=nl"), http.StatusOK, "Dit was een voorbeeld", "Dies war ein Beispiel", "This was an example", "belongs to nobody")
	m.expect(m.send(http.MethodPost, "/example", "answer=accept"), http.StatusMethodNotAllowed)
}
