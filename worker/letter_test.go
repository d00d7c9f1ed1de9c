package worker_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/wording"
	"github.com/vaktreffen/vaktreffen/worker"
)

func amsterdam(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// everything fills every field, with text that HTML and templates could trip over.
func everything(t testing.TB) worker.Facts {
	zone, due := amsterdam(t), new(db.Date)
	*due = "2027-07-01"
	message, problems := wording.Read("Dit jaar staan <b>warmtenetten</b> & \\{\\{.Title\\}\\} centraal.\nNeem een \"voorbeeld\" mee.\n\nDe bus vertrekt om 8.00 uur.")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return worker.Facts{
		PersonName:    "Marieke de Vries",
		OrganiserName: "Gemeente Groningen, Externe Betrekkingen",
		Meeting: worker.Meeting{
			Title:     "Vaktreffen Groningen – Oldenburg – Bremen 2027",
			Summary:   "Ambtenaren en kennisinstellingen uit drie steden werken een dag lang aan energie & klimaat.",
			Starts:    time.Date(2027, 5, 20, 9, 30, 0, 0, zone),
			Ends:      time.Date(2027, 5, 20, 17, 0, 0, 0, zone),
			VenueName: "Het Kasteel", Address: "Melkweg 1", City: "Groningen",
			Host:      "Gemeente Groningen",
			Languages: []string{"de", "en"},
			URL:       "https://vaktreffen.example.org/meetings/2027?lang=nl&part=1",
		},
		RespondBy:     time.Date(2027, 4, 30, 23, 59, 59, 0, zone),
		Words:         &worker.Words{Message: message},
		AnswerURL:     "https://vaktreffen.example.org/a/Zk3tq9-mQ2",
		Position:      3,
		Delegation:    "Gemeente Oldenburg",
		Places:        12,
		CalendarEntry: true,
		Was: &worker.Meeting{
			Title:     "Vaktreffen 2027",
			Starts:    time.Date(2027, 5, 12, 9, 30, 0, 0, zone),
			Ends:      time.Date(2027, 5, 12, 17, 0, 0, 0, zone),
			VenueName: "De <Oude> Zaal", City: "Groningen",
		},
		Items: []worker.Item{{
			Was: worker.Meeting{Title: "Dijken & duinen", Starts: time.Date(2027, 5, 20, 11, 0, 0, 0, zone), Ends: time.Date(2027, 5, 20, 12, 0, 0, 0, zone), Room: "Zaal 2"},
			Now: worker.Meeting{Title: "Dijken & duinen", Starts: time.Date(2027, 5, 20, 14, 0, 0, 0, zone), Ends: time.Date(2027, 5, 20, 15, 0, 0, 0, zone), Room: "Zaal 3"},
		}},
		Taken: 5, Minimum: 8, Anonymous: true, Report: "Twaalf gemeenten wisselden ervaringen uit over <wind> & water.", PDFURL: "https://vaktreffen.example.org/reports/1.pdf?lang=nl",
		Began: time.Date(2027, 1, 15, 12, 0, 0, 0, zone),
		Tasks: []db.Task{{Description: "Cijfers <opvragen> & delen", Meeting: "Vaktreffen 2026", DueOn: due, Late: true}, {Description: "Bremen uitnodigen", Meeting: "Vaktreffen 2026", DueOn: due}},
		Help:  &db.Help{Question: "Wie kent <windmolens>?", AskedBy: "Oldenburg", Helper: "Gemeente Bremen", Person: "Bettina & Co", Note: "Bel gerust."},
		Result: &db.Summary{
			Total: 120, Sent: 113, Failed: 4, Suppressed: 2, Uncertain: 1,
			Reasons: []db.ReasonCount{{Reason: db.ReasonNoMailbox, Count: 3}, {Reason: db.ReasonOptedOut, Count: 2}, {Reason: db.ReasonMailboxFull, Count: 1}},
		},
	}
}

func letters(t testing.TB) *worker.Letters {
	t.Helper()
	l, err := worker.NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func eachKindAndLocale(t *testing.T, test func(t *testing.T, kind, locale string)) {
	for _, kind := range worker.Kinds() {
		for _, locale := range worker.Locales() {
			t.Run(kind+"/"+locale, func(t *testing.T) {
				t.Parallel()
				test(t, kind, locale)
			})
		}
	}
}

func TestTextAndHTMLSayTheSame(t *testing.T) {
	t.Parallel()
	l := letters(t)
	eachKindAndLocale(t, func(t *testing.T, kind, locale string) {
		letter, err := l.Write(kind, locale, everything(t))
		if err != nil {
			t.Fatal(err)
		}
		page, err := letter.HTML()
		if err != nil {
			t.Fatal(err)
		}
		seen, links, lang := read(t, page)
		text := squeeze(letter.Text())

		said := slices.Concat([]string{letter.Greeting, letter.Footer}, letter.Opening, letter.Paragraphs,
			strings.Split(letter.Closing, "\n"))
		if letter.Own != nil {
			for _, line := range letter.Own.Lines {
				said = append(said, cmp.Or(line.Text, letter.Greeting))
			}
		}
		for _, fact := range letter.Facts {
			said = append(said, fact.Label, fact.Value)
		}
		for _, action := range letter.Actions {
			said = append(said, action.Label, action.URL)
		}
		if worker.HasPage(kind) && kind != worker.KindReportPublished { // which is for everybody
			said = append(said, letter.Note)
		}
		for _, phrase := range said {
			phrase = squeeze(phrase)
			if phrase == "" || !strings.Contains(text, phrase) {
				t.Errorf("the text lacks %q:\n%s", phrase, letter.Text())
			}
			if !strings.Contains(seen+" "+strings.Join(links, " "), phrase) {
				t.Errorf("the HTML lacks %q:\n%s", phrase, seen)
			}
		}
		want := []string{"https://vaktreffen.example.org/a/Zk3tq9-mQ2", "https://vaktreffen.example.org/meetings/2027?lang=nl&part=1"}
		if !worker.HasPage(kind) {
			want = want[1:]
		}
		if kind == worker.KindReportPublished {
			want = slices.Insert(want, 1, "https://vaktreffen.example.org/reports/1.pdf?lang=nl")
		}
		if !slices.Equal(links, want) {
			t.Errorf("links = %q, want %q", links, want)
		}
		for _, link := range want {
			if strings.Count(letter.Text(), "\n"+link+"\n") != 1 {
				t.Errorf("each link should stand on a line of its own:\n%s", letter.Text())
			}
		}
		if lang != locale {
			t.Errorf("lang = %q, want %q", lang, locale)
		}
		for _, foreign := range []string{"src=", "url(", "@import", "<img", "<link", "<script", "<b>", "ZgotmplZ", "<no value>"} {
			if strings.Contains(page, foreign) {
				t.Errorf("the page contains %q", foreign)
			}
		}
		for _, line := range strings.Split(letter.Text(), "\n") {
			if len([]rune(line)) > 72 && strings.Contains(line, " ") {
				t.Errorf("line of %d characters: %q", len([]rune(line)), line)
			}
		}
	})
}

func TestLetterNeedsItsFacts(t *testing.T) {
	t.Parallel()
	l := letters(t)
	tests := map[string]struct {
		kind string
		drop func(*worker.Facts)
		want string
	}{
		"title":        {worker.KindInvitation, func(f *worker.Facts) { f.Meeting.Title = " \n" }, "title of the meeting is missing"},
		"organiser":    {worker.KindRegistrationConfirmed, func(f *worker.Facts) { f.OrganiserName = "" }, "organiser is missing"},
		"answer page":  {worker.KindInvitation, func(f *worker.Facts) { f.AnswerURL = "" }, "a link is missing"},
		"script link":  {worker.KindInvitation, func(f *worker.Facts) { f.AnswerURL = "javascript:alert(1)" }, "a link is missing or is not"},
		"other scheme": {worker.KindInvitation, func(f *worker.Facts) { f.Meeting.URL = "ftp://example.org/x" }, "is not a web address"},
		"position":     {worker.KindRegistrationWaitlisted, func(f *worker.Facts) { f.Position = 0 }, "position on the waiting list is missing"},
		"minimum":      {worker.KindRunBelowMinimum, func(f *worker.Facts) { f.Minimum = 0 }, "minimum of the course is missing"},
		"offer's end":  {worker.KindSeatOffered, func(f *worker.Facts) { f.RespondBy = time.Time{} }, "end of the offer is missing"},
		"result":       {worker.KindCampaignSummary, func(f *worker.Facts) { f.Result = nil }, "result of the campaign is missing"},
		"summary":      {worker.KindReportPublished, func(f *worker.Facts) { f.Report = "" }, "summary of the report is missing"},
		"beginning":    {worker.KindCampaignSummary, func(f *worker.Facts) { f.Began = time.Time{} }, "beginning of the campaign is missing"},
		"actions":      {worker.KindActionDue, func(f *worker.Facts) { f.Tasks = nil }, "actions are missing"},
		"help":         {worker.KindHelpOffered, func(f *worker.Facts) { f.Help = nil }, "offer of help is missing"},
		"any page":     {worker.KindRegistrationCancelled, func(f *worker.Facts) { f.AnswerURL = "" }, "a link is missing"},
		"known kind":   {"love_letter", func(*worker.Facts) {}, `unknown kind "love_letter"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			facts := everything(t)
			test.drop(&facts)
			if letter, err := l.Write(test.kind, "nl", facts); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("letter %v, error %v; want an error with %q", letter, err, test.want)
			}
		})
	}
}

func TestLetterDoesWithout(t *testing.T) {
	t.Parallel()
	l := letters(t)
	bare := worker.Facts{
		OrganiserName: "Secretariaat",
		Meeting:       worker.Meeting{Title: "Ledenvergadering", Year: 2028},
		AnswerURL:     "https://example.org/a/1",
		Position:      1,
		Delegation:    "Bremen",
		Places:        1,
	}
	eachKindAndLocale(t, func(t *testing.T, kind, locale string) {
		facts := bare
		switch kind {
		case worker.KindRunBelowMinimum:
			facts.Minimum = 8
		case worker.KindReportPublished:
			facts.Report, facts.PDFURL = "Twaalf gemeenten kwamen.", "https://vaktreffen.example.org/reports/1.pdf"
		case worker.KindActionAssigned, worker.KindActionDue:
			facts.Tasks = []db.Task{{Description: "Bellen", Meeting: "Ledenvergadering"}}
		case worker.KindHelpOffered:
			facts.Help = &db.Help{Question: "Wie weet het?", Helper: "Bremen"}
		case worker.KindCampaignSummary:
			facts.Began, facts.Result = time.Date(2028, 1, 31, 17, 0, 0, 0, amsterdam(t)), &db.Summary{Total: 2, Sent: 2}
		}
		if kind == worker.KindSeatOffered || strings.HasPrefix(kind, "delegation_") {
			facts.RespondBy = time.Date(2028, 1, 31, 17, 0, 0, 0, amsterdam(t))
		}
		letter, err := l.Write(kind, locale, facts)
		if err != nil {
			t.Fatal(err)
		}
		if kind != worker.KindSignIn && !strings.HasPrefix(kind, "action_") && kind != worker.KindCertificateIssued && !strings.HasSuffix(letter.Subject, "Ledenvergadering, 2028") {
			t.Errorf("subject %q", letter.Subject)
		}
		text := letter.Text()
		if strings.Contains(text, "\n\n\n") || strings.Contains(text, "  \n") {
			t.Errorf("an empty fact left a gap:\n%s", text)
		}
		for _, word := range []string{"bijlage", "Anhang", "attach"} {
			if kind != worker.KindCertificateIssued && strings.Contains(text, word) {
				t.Errorf("speaks of an attachment that is not there:\n%s", text)
			}
		}
	})

	letter, err := l.Write(worker.KindInvitation, "fr-BE", bare)
	if err != nil || letter.Locale != "en" {
		t.Errorf("an unknown language should become English: %v, %v", letter, err)
	}
	letter, err = l.Write(worker.KindInvitation, "de-AT", bare)
	if err != nil || letter.Locale != "de" {
		t.Errorf("de-AT should become German: %v, %v", letter, err)
	}
}

// read returns what a person sees of a page, the links on it, and its language.
func read(t *testing.T, page string) (seen string, links []string, lang string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for node := range root.Descendants() {
		attributes := map[string]string{}
		for _, a := range node.Attr {
			attributes[a.Key] = a.Val
		}
		switch {
		case node.Data == "html" && node.Type == html.ElementNode:
			lang = attributes["lang"]
		case node.Data == "a" && node.Type == html.ElementNode:
			links = append(links, attributes["href"])
		case node.Type == html.TextNode && node.Parent.Data != "style" && node.Parent.Data != "title" &&
			!strings.Contains(style(node.Parent), "display:none"):
			b.WriteString(node.Data + " ")
		}
	}
	return squeeze(b.String()), links, lang
}

func style(node *html.Node) string {
	for _, a := range node.Attr {
		if a.Key == "style" {
			return a.Val
		}
	}
	return ""
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

func BenchmarkLetter(b *testing.B) {
	l := letters(b)
	facts := everything(b)
	b.ReportAllocs()
	for b.Loop() {
		letter, err := l.Write(worker.KindInvitation, "nl", facts)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := letter.HTML(); err != nil {
			b.Fatal(err)
		}
		letter.Text()
	}
}
