package graph_test

import (
	"bytes"
	"cmp"
	"io"
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
		for language, want := range map[string]string{"nl": "Twaalf", "de": "Größe", "en": "Report"} {
			file := h.fetch(nobody, "GET", s.path+".pdf?lang="+language, nil)
			if file.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(file.body, "%PDF-") || file.Header.Get("ETag") == "" {
				h.Fatalf("%s: %v", file.Status, file.Header)
			}
			_ = want
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
