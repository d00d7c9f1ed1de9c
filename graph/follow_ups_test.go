package graph_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// publishedReport publishes a report of the edition of 2027 with an action for the member and one for Groningen.
func (s *follow) publishedReport() {
	s.Helper()
	edition := s.id("editions", "vaktreffen-2027")
	report := at(s.do(organiser, "startReport", "report { id }", vars{"editionId": edition}), "report", "id")
	paula := s.id("people", "paula-participant")
	for person, text := range map[any]string{paula: "Send the <figures>", nil: "Call Bremen"} {
		owner := s.id("organisations", "oldenburg")
		if person == nil {
			owner = s.id("organisations", "groningen")
		}
		s.do(organiser, "addReportAction", "report { id }", vars{
			"reportId": report, "ownerId": owner, "personId": person, "dueOn": "2027-07-01", "locale": "en", "description": text,
		})
	}
	s.do(organiser, "saveReportText", "text { version }", vars{"reportId": report, "locale": "en", "version": 0, "text": "Well attended."})
	s.do(organiser, "publishReport", "report { id }", vars{"reportId": report, "idempotencyKey": "k"})
}

type follow struct{ *house }

// do performs a mutation that has to succeed, and returns its payload.
func (s *follow) do(as, mutation, selected string, input vars) any {
	s.Helper()
	kind := schema(s).Mutation.Fields.ForName(mutation).Arguments[0].Type.String()
	payload := at(s.ask(as, "mutation($input: "+kind+") { "+mutation+"(input: $input) { "+selected+" userErrors { code message } } }", vars{"input": input}), mutation)
	if len(list(payload, "userErrors")) > 0 {
		s.Fatalf("%s: %v", mutation, payload)
	}
	return payload
}

// signIn gives a browser the cookie of somebody who has signed in.
func (b *browser) signIn(as string) {
	b.Jar.SetCookies(must(url.Parse(b.url)), []*http.Cookie{{Name: "vaktreffen", Value: b.token(as), Path: "/"}})
}

func TestOwnersSayHowTheirActionsStand(t *testing.T) {
	each(t, func(t *house) {
		s, b := &follow{t}, t.browser()
		s.publishedReport()
		const own = `{ viewer { actions { id description status dueOn note person { name } report { edition { title } } } } }`
		mine := list(t.ask(member, own, nil), "viewer", "actions")
		if len(mine) != 1 || at(mine, 0, "description") != "Send the <figures>" || at(mine, 0, "report", "edition", "title") == nil {
			t.Fatalf("own actions: %v", mine)
		}
		if others := list(t.ask(organiser, own, nil), "viewer", "actions"); len(others) != 1 || at(others, 0, "description") != "Call Bremen" {
			t.Errorf("what names nobody is the coordinators': %v", others)
		}
		id := at(mine, 0, "id").(string)
		token, err := t.db.ActionsToken(t.Context(), idOf(t.id("people", "paula-participant")))
		if err != nil {
			t.Fatal(err)
		}
		path := "/a/" + token
		status, page := b.page("GET", path+"?lang=nl", nil)
		if status != 200 || !strings.Contains(page, "Nog te doen") || !strings.Contains(page, "Send the &lt;figures&gt;") || !strings.Contains(page, `value="2027-07-01"`) || strings.Contains(page, "Call Bremen") {
			t.Fatalf("the page: %d %s", status, page)
		}
		if status, _ := b.page("POST", path, url.Values{"do": {"done"}, "action": {id}}, "Sec-Fetch-Site", "cross-site"); status != 403 {
			t.Errorf("a post from another site: %d", status)
		}
		if status, page = b.page("POST", path+"?lang=en", url.Values{"do": {"save"}, "action": {id}, "due": {"2027-08-01"}, "note": {strings.Repeat("x", 2001)}}); status != 422 ||
			!strings.Contains(page, "at most 2000") || !strings.Contains(page, `value="2027-08-01"`) {
			t.Errorf("a note that is too long: %d %s", status, page)
		}
		if status, page = b.page("POST", path+"?lang=en", url.Values{"do": {"save"}, "action": {id}, "due": {"2027-08-01"}, "note": {"Asked <them>."}}); status != 200 || !strings.Contains(page, "Asked &lt;them&gt;.") {
			t.Errorf("saved: %d %s", status, page)
		}
		mine = list(t.ask(member, own, nil), "viewer", "actions")
		if at(mine, 0, "dueOn") != "2027-08-01" || at(mine, 0, "note") != "Asked <them>." {
			t.Errorf("afterwards: %v", mine)
		}
		if status, page = b.page("POST", path+"?lang=en", url.Values{"do": {"done"}, "action": {id}, "note": {"Done."}}); status != 200 || !strings.Contains(page, "You have no open actions.") || !strings.Contains(page, `value="open"`) {
			t.Errorf("done: %d %s", status, page)
		}
		for name, form := range map[string]url.Values{"no button": {"action": {id}}, "another's": {"do": {"done"}, "action": {t.id("people", "paula-participant")}}} {
			if status, _ := b.page("POST", path, form); status != 400 && status != 422 {
				t.Errorf("%s: %d", name, status)
			}
		}
		if status, _ := b.page("GET", path[:30], nil); status != 404 {
			t.Errorf("a cut link: %d", status)
		}
		for _, line := range t.log.messages() {
			if strings.Contains(line, token) || strings.Contains(line, "figures") {
				t.Errorf("the log tells: %s", line)
			}
		}
	})
}

func TestPracticesAreReadRatedAndCommentedOn(t *testing.T) {
	each(t, func(t *house) {
		s, b := &follow{t}, t.browser()
		saved := s.do(organiser, "savePracticeDescription", "practice { id version edition { title } }", vars{
			"editionId": t.id("editions", "vaktreffen-2027"), "version": 0, "locale": "nl", "title": "Over <de> grens", "description": "Eén dag per jaar.",
			"partnerIds": []string{t.id("organisations", "oldenburg")}, "budget": vars{"amountMinor": 1250000, "currency": "EUR"}, "term": "sinds 2002",
			"successFactors": []string{"Dezelfde mensen"}, "pitfalls": []string{"Te veel thema’s"}, "pointsOfAttention": []string{"Taal"}, "recommendations": []string{"Begin klein"},
		})
		id := at(saved, "practice", "id").(string)
		path := "/practices/" + id
		browsing := []string{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
		if status, _ := b.page("GET", path, nil, browsing...); status != 404 {
			t.Errorf("a draft: %d", status)
		}
		s.do(organiser, "publishPracticeDescription", "practice { status }", vars{"practiceId": id})
		views := func() any {
			return at(t.ask(nobody, `query($id: ID!) { node(id: $id) { ... on PracticeDescription { views } } }`, vars{"id": id}), "node", "views")
		}
		for _, header := range [][]string{{"User-Agent", "Googlebot/2.1"}, {"User-Agent", ""}, append([]string{"Sec-Purpose", "prefetch"}, browsing...), append([]string{"Referer", strings.TrimSuffix(t.url, "/graphql") + path}, browsing...)} {
			if status, _ := b.page("GET", path, nil, header...); status != 200 {
				t.Errorf("%v: %d", header, status)
			}
		}
		if got := views(); got != 0.0 {
			t.Errorf("programs count as %v views", got)
		}
		for language, want := range map[string]string{"nl": "Succesfactoren", "de": "Erfolgsfaktoren", "en": "Success factors"} {
			status, page := b.page("GET", path+"?lang="+language, nil, browsing...)
			for _, want := range []string{want, "Over &lt;de&gt; grens", "Dezelfde mensen", "Begin klein", `lang="nl"`, "/sign-in?lang=" + language} {
				if status != 200 || !strings.Contains(page, want) {
					t.Errorf("%s lacks %q: %d %s", language, want, status, page)
				}
			}
			if strings.Contains(page, "<textarea") {
				t.Errorf("%s: a form for nobody", language)
			}
		}
		if got := views(); got != 3.0 {
			t.Errorf("three readers count as %v views", got)
		}
		if status, page := b.page("POST", path, url.Values{"do": {"comment"}, "text": {"Nobody."}}); status != 200 || !strings.Contains(page, `name="email"`) {
			t.Errorf("a comment of nobody: %d", status)
		}
		b.signIn(member)
		for name, form := range map[string]url.Values{"no words": {"do": {"comment"}, "text": {" "}}, "no stars": {"do": {"rate"}}, "too long": {"do": {"comment"}, "text": {strings.Repeat("é", 4001)}}, "nothing": {"do": {"remove"}}} {
			if status, page := b.page("POST", path, form); status != 422 || !strings.Contains(page, `role="alert"`) {
				t.Errorf("%s: %d", name, status)
			}
		}
		status, page := b.page("POST", path+"?lang=en", url.Values{"do": {"comment"}, "text": {"Works <well> for us."}})
		remove := regexp.MustCompile(`name="comment" value="([^"]+)"`).FindStringSubmatch(page)
		if status != 200 || !strings.Contains(page, "Works &lt;well&gt; for us.") || !strings.Contains(page, "Paula") || remove == nil {
			t.Fatalf("a comment: %d %s", status, page)
		}
		if status, page = b.page("POST", path+"?lang=en", url.Values{"do": {"rate"}, "stars": {"4"}}); status != 200 || !strings.Contains(page, "4.0 out of 5") || !strings.Contains(page, `value="4" checked`) {
			t.Errorf("a rating: %d %s", status, page)
		}
		const read = `query($id: ID!) { node(id: $id) { ... on PracticeDescription { rating { count average } comments(first: 5) { totalCount nodes { author text status } } } } }`
		if data := t.ask(nobody, read, vars{"id": id}); at(data, "node", "rating", "average") != 4.0 || at(data, "node", "comments", "nodes", 0, "text") != "Works <well> for us." {
			t.Errorf("read: %v", data)
		}
		s.do(organiser, "moderatePracticeComment", "comment { status }", vars{"commentId": remove[1], "status": "HIDDEN", "reason": "An <advertisement>."})
		if data := t.ask(nobody, read, vars{"id": id}); at(data, "node", "comments", "totalCount") != 0.0 {
			t.Errorf("hidden: %v", data)
		}
		if _, page = b.page("GET", path+"?lang=en", nil); !strings.Contains(page, "Not visible to others: An &lt;advertisement&gt;.") {
			t.Errorf("its author reads: %s", page)
		}
		if status, page = b.page("POST", path+"?lang=en", url.Values{"do": {"remove"}, "comment": {remove[1]}}); status != 200 || strings.Contains(page, "Works") {
			t.Errorf("removed: %d %s", status, page)
		}
	})
}

func TestCommentsAreLimited(t *testing.T) {
	each(t, func(t *house) {
		h := t.limited("")
		s, b := &follow{h}, h.browser()
		id := at(s.do(organiser, "savePracticeDescription", "practice { id }", vars{
			"editionId": t.id("editions", "vaktreffen-2027"), "version": 0, "locale": "nl", "title": "T", "description": "D",
		}), "practice", "id").(string)
		s.do(organiser, "publishPracticeDescription", "practice { id }", vars{"practiceId": id})
		for range 20 {
			s.do(member, "commentOnPractice", "comment { id }", vars{"practiceId": id, "text": "Again."})
		}
		if a := h.send(member, `mutation($input: CommentOnPracticeInput!) { commentOnPractice(input: $input) { userErrors { code } } }`, vars{"input": vars{"practiceId": id, "text": "More."}}); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "RATE_LIMIT" {
			t.Errorf("the 21st: %s", a.body)
		}
		b.signIn(member)
		if status, page := b.page("POST", "/practices/"+id+"?lang=en", url.Values{"do": {"comment"}, "text": {"Keep <this>"}}); status != 429 || !strings.Contains(page, "Keep &lt;this&gt;") {
			t.Errorf("on the page: %d", status)
		}
	})
}
