package graph_test

import (
	"bytes"
	"cmp"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

// told is a report with something of everything, on the edition that Groningen holds.
type told struct {
	*house
	id   db.ID
	path string
}

func (h *house) actorOf(email string) db.Actor {
	h.Helper()
	a, ok, err := h.db.Authenticate(h.Context(), h.token(email))
	if err != nil || !ok {
		h.Fatal(err)
	}
	return a
}

func tell(h *house) *told {
	h.Helper()
	olga := h.actorOf(organiser)
	r, err := h.db.StartReport(h.Context(), olga, idOf(h.id("editions", "vaktreffen-2027")), nil)
	if err != nil {
		h.Fatal(err)
	}
	s := &told{h, r.ID, "/reports/" + r.ID.String()}
	talk := idOf(h.id("sessions", "energie"))
	oldenburg, bremen := idOf(h.id("organisations", "oldenburg")), idOf(h.id("organisations", "bremen"))
	save := func(part *db.ID, locale db.Locale, text string) {
		if _, err := h.db.SaveReportText(h.Context(), olga, db.SaveReportTextInput{ReportID: r.ID, PartID: part, Locale: locale, Text: text}, nil); err != nil {
			h.Fatal(err)
		}
	}
	save(nil, db.Dutch, "# Kern\n\nTwaalf **gemeenten** wisselden <script>alert(1)</script> ervaringen uit over wind & water.\n\n- één {ding}\n- ‘twee’ coördinatoren, geïnd: € 5 …\n\n[zie](https://example.org/meer) [niet](javascript:alert(2)) ![foto](https://example.org/x.png)")
	save(nil, db.German, "Zwölf **Gemeinden** tauschten sich aus: „Größe“ – ß, ä, ö, ü.")
	save(&talk, db.Dutch, "- Windmolens vragen om draagvlak.\n- Begin bij de raad.")
	asked, err := h.db.AddReportQuestion(h.Context(), olga, db.AddReportQuestionInput{
		ReportID: r.ID, SessionID: &talk, OrganisationID: &oldenburg, PersonID: &olga.PersonID, Locale: db.German, Text: "Wer hat Erfahrung mit Windrädern?",
	}, db.Shape{"items": {"questions": nil}})
	if err != nil {
		h.Fatal(err)
	}
	note := "Wir haben drei Parks."
	for _, i := range asked.Items {
		for _, q := range i.Questions {
			if _, err := h.db.OfferHelp(h.Context(), olga, db.OfferHelpInput{QuestionID: q.ID, OrganisationID: &bremen, Note: &note}, nil); err != nil {
				h.Fatal(err)
			}
		}
	}
	due := db.Date("2027-07-01")
	if _, err := h.db.AddReportAction(h.Context(), olga, db.AddReportActionInput{ReportID: r.ID, OwnerID: bremen, PersonID: &olga.PersonID, DueOn: &due, Locale: db.Dutch, Description: "Handreiking delen"}, nil); err != nil {
		h.Fatal(err)
	}
	if _, err := h.db.AddMaterial(h.Context(), olga, db.AddMaterialInput{ReportID: r.ID, Title: "Presentatie", URL: "https://example.org/presentatie"}, nil); err != nil {
		h.Fatal(err)
	}
	return s
}

func (s *told) publish() {
	s.Helper()
	if _, _, err := s.db.PublishReport(s.Context(), s.actorOf(organiser), db.PublishReportInput{IdempotencyKey: "k", ReportID: s.id}, nil, nil); err != nil {
		s.Fatal(err)
	}
}

// reply is what a page answered.
type reply struct {
	*http.Response
	body string
}

// fetch asks for a path as somebody who is signed in on the pages, nobody for "".
func (h *house) fetch(email, method, path string, body io.Reader, headers ...string) reply {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), method, strings.TrimSuffix(h.url, "/graphql")+path, body)
	if err != nil {
		h.Fatal(err)
	}
	if email != nobody {
		r.AddCookie(&http.Cookie{Name: "vaktreffen", Value: h.token(email)})
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		h.Fatal(err)
	}
	return reply{response, string(content)}
}

func (p reply) holds(t *testing.T, phrases ...string) {
	t.Helper()
	for _, phrase := range phrases {
		if !strings.Contains(p.body, phrase) {
			t.Errorf("%s %s lacks %q:\n%s", p.Status, p.Request.URL, phrase, p.body[max(strings.Index(p.body, "<main"), 0):])
		}
	}
}

func TestTheReportAsAPage(t *testing.T) {
	each(t, func(h *house) {
		s := tell(h)
		unknown := h.fetch(nobody, "GET", "/reports/nothing", nil)
		for _, path := range []string{s.path, s.path + ".pdf", s.path + "?lang=nl", "/reports/" + h.id("editions", "vaktreffen-2027")} {
			for _, reader := range []string{nobody, stranger, member} {
				if got := h.fetch(reader, "GET", path, nil); got.StatusCode != http.StatusNotFound || got.body != unknown.body {
					h.Errorf("a draft at %s for %q: %s", path, cmp.Or(reader, "nobody"), got.Status)
				}
			}
		}
		draft := h.fetch(organiser, "GET", s.path+"?lang=nl", nil)
		draft.holds(h.T, "Dit is een concept.", "Bestand toevoegen", `type="file"`, "<option")
		if draft.Header.Get("Cache-Control") != "no-store" {
			h.Errorf("a draft may be kept: %v", draft.Header)
		}
		s.publish()
		dutch := h.fetch(nobody, "GET", s.path+"?lang=nl", nil)
		dutch.holds(h.T, `<html lang="nl">`, "<h3>Kern</h3>", "<strong>gemeenten</strong>", "&lt;script&gt;alert(1)&lt;/script&gt;", "één {ding}", `href="https://example.org/meer"`,
			"Windmolens vragen om draagvlak.", `<div class="message" lang="de"><p>Wer hat Erfahrung mit Windrädern?</p>`, "Gevraagd door Oldenburg", "Kan helpen",
			"Bremen: ", "Wir haben drei Parks.", "Handreiking delen", "Bremen – uiterlijk donderdag 1 juli 2027 – nog te doen", `href="https://example.org/presentatie"`, s.path+".pdf?lang=nl",
			`hreflang="de"`)
		for _, hidden := range []string{"javascript:", "<script", "<img", "x.png", "Bestand toevoegen", `hreflang="en"`, "Organiser", "no-store"} {
			if strings.Contains(dutch.body, hidden) {
				h.Errorf("the page holds %q", hidden)
			}
		}
		h.fetch(nobody, "GET", s.path+"?lang=de", nil).holds(h.T, `<html lang="de">`, "<strong>Gemeinden</strong>", `<li lang="nl"><p>Windmolens`, "Gefragt von", "bis Donnerstag")
		h.fetch(nobody, "GET", s.path, nil, "Accept-Language", "en").holds(h.T, `<html lang="en">`, "Summary", `lang="nl"`, `hreflang="en"`)
		tag := dutch.Header.Get("ETag")
		if again := h.fetch(nobody, "GET", s.path+"?lang=nl", nil, "If-None-Match", tag); tag == "" || again.StatusCode != http.StatusNotModified {
			h.Errorf("the same page again: %s, %q", again.Status, tag)
		}
		h.exec("UPDATE materials SET title = 'Anders'")
		if again := h.fetch(nobody, "GET", s.path+"?lang=nl", nil, "If-None-Match", tag); again.StatusCode != http.StatusOK {
			h.Errorf("another page: %s", again.Status)
		}
		h.exec("UPDATE editions SET status = 'DRAFT'")
		if got := h.fetch(nobody, "GET", s.path, nil); got.StatusCode != http.StatusNotFound {
			h.Errorf("the report of an edition that is not public: %s", got.Status)
		}
	})
}

func TestTheReportOnPaper(t *testing.T) {
	each(t, func(h *house) {
		s := tell(h)
		s.publish()
		for _, language := range []string{"nl", "de", "en"} {
			file := h.fetch(nobody, "GET", s.path+".pdf?lang="+language, nil)
			if file.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(file.body, "%PDF-") || file.Header.Get("ETag") == "" {
				h.Fatalf("%s: %v", file.Status, file.Header)
			}
			if again := h.fetch(nobody, "GET", s.path+".pdf?lang="+language, nil); again.body != file.body {
				h.Errorf("%s was written twice", language)
			}
			if folder := os.Getenv("KEEP"); folder != "" {
				if err := os.WriteFile(folder+"/"+language+".pdf", []byte(file.body), 0o600); err != nil {
					h.Fatal(err)
				}
				for name, reader := range map[string]string{"": nobody, "-draft": organiser} {
					page := h.fetch(reader, "GET", s.path+"?lang="+language, nil)
					if err := os.WriteFile(folder+"/"+language+name+".html", []byte(page.body), 0o600); err != nil {
						h.Fatal(err)
					}
				}
			}
		}
		part := h.fetch(nobody, "GET", s.path+".pdf?lang=nl", nil, "Range", "bytes=0-3")
		if part.StatusCode != http.StatusPartialContent || !bytes.Equal([]byte(part.body), []byte("%PDF")) {
			h.Errorf("a part: %s", part.Status)
		}
	})
}

// form writes a form with a file, as a browser does.
func form(t *testing.T, name, content string, fields ...string) (body *bytes.Buffer, kind string) {
	t.Helper()
	body = new(bytes.Buffer)
	w := multipart.NewWriter(body)
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(part, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body, w.FormDataContentType()
}

func TestFilesOfAReportOverHTTP(t *testing.T) {
	each(t, func(h *house) {
		s := tell(h)
		send := func(as, name, content string, headers ...string) reply {
			h.Helper()
			body, kind := form(h.T, name, content, "title", "Notulen", "session", h.id("sessions", "energie"))
			return h.fetch(as, "POST", s.path+"/files?lang=nl", body, append(headers, "Content-Type", kind)...)
		}
		bearer := func(email string) []string { return []string{"Authorization", "Bearer " + h.token(email)} }
		for name, test := range map[string]struct {
			got    reply
			status int
			says   string
		}{
			"by nobody":                   {send(nobody, "a.pdf", "%PDF-1.7"), http.StatusNotFound, ""},
			"by a participant":            {send(member, "a.pdf", "%PDF-1.7"), http.StatusNotFound, ""},
			"by a client of nobody":       {send(nobody, "a.pdf", "%PDF-1.7", bearer(member)...), http.StatusNotFound, "NOT_FOUND"},
			"from another site":           {send(organiser, "a.pdf", "%PDF-1.7", "Sec-Fetch-Site", "cross-site"), http.StatusForbidden, ""},
			"a page":                      {send(organiser, "a.html", "<html>"), http.StatusUnprocessableEntity, "Kies een bestand van een van de genoemde soorten"},
			"a page by a client":          {send(nobody, "a.pdf", "<html>", bearer(organiser)...), http.StatusUnprocessableEntity, `"INVALID"`},
			"too large":                   {send(organiser, "a.pdf", "%PDF-"+strings.Repeat("x", db.MaxFile)), http.StatusRequestEntityTooLarge, "groter dan 25 MB"},
			"much too large by a client":  {send(nobody, "a.pdf", "%PDF-"+strings.Repeat("x", db.MaxFile+1<<20), bearer(organiser)...), http.StatusRequestEntityTooLarge, "TOO_LARGE"},
			"a form without a file":       {h.fetch(organiser, "POST", s.path+"/files", strings.NewReader("--x--\r\n"), "Content-Type", "multipart/form-data; boundary=x"), http.StatusUnprocessableEntity, "Choose a file"},
			"a form that breaks off":      {h.fetch(organiser, "POST", s.path+"/files", strings.NewReader("--x\r\nContent-Dis"), "Content-Type", "multipart/form-data; boundary=x"), http.StatusUnprocessableEntity, "This was not saved."},
			"nothing to take out":         {h.fetch(organiser, "POST", s.path+"/files", strings.NewReader("remove=x"), "Content-Type", "application/x-www-form-urlencoded"), http.StatusUnprocessableEntity, "This was not saved."},
			"to a report that is nowhere": {h.fetch(organiser, "POST", "/reports/x/files", strings.NewReader("")), http.StatusNotFound, ""},
		} {
			if test.got.StatusCode != test.status || !strings.Contains(test.got.body, test.says) {
				h.Errorf("%s: %s, want %d %q:\n%.600s", name, test.got.Status, test.status, test.says, test.got.body)
			}
		}
		if got := send(organiser, `..\Größe "1".pdf`, "%PDF-1.7 content"); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != s.path+"?lang=nl" {
			h.Fatalf("%s to %s: %s", got.Status, got.Header.Get("Location"), got.body)
		}
		if got := send(nobody, "a.csv", "a;b", bearer(organiser)...); got.StatusCode != http.StatusNoContent {
			h.Fatalf("by a client: %s %s", got.Status, got.body)
		}
		addresses := map[string]string{}
		for _, item := range list(h.ask(organiser, `query($id: ID!) { node(id: $id) { ... on Report { items { materials { id url } } } } }`, vars{"id": s.id.String()}), "node", "items") {
			for _, m := range list(item, "materials") {
				if path, ok := strings.CutPrefix(at(m, "url").(string), publicURL); ok {
					addresses[path[strings.LastIndex(path, ".")+1:]] = path
				}
			}
		}
		pdf, csv := addresses["pdf"], addresses["csv"]
		if !strings.HasSuffix(pdf, "/Gr%C3%B6%C3%9Fe%201.pdf") || csv == "" {
			h.Fatalf("files are at %v", addresses)
		}
		for _, reader := range []string{nobody, member} {
			if got := h.fetch(reader, "GET", pdf, nil); got.StatusCode != http.StatusNotFound {
				h.Errorf("the file of a draft: %s", got.Status)
			}
		}
		if got := h.fetch(organiser, "GET", pdf, nil); got.body != "%PDF-1.7 content" || got.Header.Get("Cache-Control") != "no-store" {
			h.Errorf("the file of a draft for its organiser: %s %v", got.Status, got.Header)
		}
		s.publish()
		shown := h.fetch(nobody, "GET", pdf, nil)
		for header, want := range map[string]string{
			"Content-Type": "application/pdf", "Content-Disposition": "inline; filename*=UTF-8''Gr%C3%B6%C3%9Fe%201.pdf", "X-Content-Type-Options": "nosniff",
			"Cache-Control": "public, no-cache",
		} {
			if got := shown.Header.Get(header); got != want {
				h.Errorf("%s: %q, want %q", header, got, want)
			}
		}
		if policy := shown.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "sandbox") {
			h.Errorf("policy %q", policy) // in a sandbox, some browsers show no PDF
		}
		if got := h.fetch(nobody, "GET", csv, nil); !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment;") || got.Header.Get("Content-Type") != "text/csv; charset=utf-8" ||
			!strings.HasSuffix(got.Header.Get("Content-Security-Policy"), "; sandbox") {
			h.Errorf("a table: %v", got.Header)
		}
		if got := h.fetch(nobody, "GET", pdf, nil, "Range", "bytes=1-3"); got.StatusCode != http.StatusPartialContent || got.body != "PDF" {
			h.Errorf("a part: %s %q", got.Status, got.body)
		}
		if got := h.fetch(nobody, "GET", pdf, nil, "If-None-Match", shown.Header.Get("ETag")); got.StatusCode != http.StatusNotModified {
			h.Errorf("the same again: %s", got.Status)
		}
		if got := h.fetch(nobody, "GET", pdf[:strings.LastIndex(pdf, "/")]+"/page.html", nil); got.StatusCode != http.StatusNotFound {
			h.Errorf("under another name: %s", got.Status)
		}
		material := strings.Split(pdf, "/")[4]
		if got := h.fetch(organiser, "POST", s.path+"/files?lang=nl", strings.NewReader("remove="+material), "Content-Type", "application/x-www-form-urlencoded"); got.StatusCode != http.StatusSeeOther {
			h.Errorf("taking it out: %s", got.Status)
		}
		if got := h.fetch(nobody, "GET", pdf, nil); got.StatusCode != http.StatusNotFound {
			h.Errorf("what was taken out: %s", got.Status)
		}
	})
}

func TestTheMailsOfAReportAreShownAndFollowed(t *testing.T) {
	each(t, func(h *house) {
		h = h.proofing()
		s := tell(h)
		if _, err := h.db.AskForReport(h.Context(), h.actorOf(member), idOf(h.id("editions", "vaktreffen-2027")), nil); err != nil {
			h.Fatal(err)
		}
		const preview = `mutation($input: PublishReportInput!) { previewReport(input: $input) { total mails { language textLanguage readers subject html text } userErrors { message field } } }`
		data := h.ask(organiser, preview, vars{"input": vars{"idempotencyKey": "k", "reportId": s.id.String(), "message": "Dear *{name}*"}})
		mails := list(data, "previewReport", "mails")
		if len(mails) != 3 || at(mails[0], "textLanguage") != "nl" || at(mails[1], "textLanguage") != "de" || at(mails[2], "textLanguage") != "de" {
			h.Fatal(data)
		}
		for i, phrase := range []string{"<strong>gemeenten</strong>", "<strong>Gemeinden</strong>", `<div lang="de">`} {
			if html := at(mails[i], "html").(string); !strings.Contains(html, phrase) || !strings.Contains(html, s.path+".pdf?lang=") || !strings.Contains(html, "<em>") {
				h.Errorf("lacks %q: %s", phrase, html)
			}
		}
		if bad := h.ask(organiser, preview, vars{"input": vars{"idempotencyKey": "k", "reportId": s.id.String(), "message": "Dear {nmae}"}}); len(list(bad, "previewReport", "userErrors")) != 1 {
			h.Errorf("a typo: %v", bad)
		}
		s.publish()
		const mailed = `query($id: ID!) { node(id: $id) { ... on Report { edition { id } } ... on Campaign { deliveries(first: 10) { totalCount nodes { id state person { name } } } } ... on Delivery { id person { name } } } }`
		campaign := h.ids("SELECT id FROM campaigns WHERE report_id IS NOT NULL")[0]
		page := at(h.ask(organiser, mailed, vars{"id": campaign}), "node", "deliveries")
		if at(page, "totalCount") != 1.0 || at(page, "nodes", 0, "state") != "QUEUED" || at(page, "nodes", 0, "person", "name") != "Paula Participant" {
			h.Errorf("the mails: %v", page)
		}
		delivery := at(page, "nodes", 0, "id")
		for reader, sees := range map[string]bool{organiser: true, member: true, stranger: false, nobody: false} {
			if got := at(h.ask(reader, mailed, vars{"id": delivery}), "node", "person", "name"); (got != nil) != sees {
				h.Errorf("%q sees %v", reader, got)
			}
		}
		if got := at(h.ask(stranger, mailed, vars{"id": campaign}), "node"); got != nil {
			h.Errorf("a stranger follows: %v", got)
		}
	})
}
