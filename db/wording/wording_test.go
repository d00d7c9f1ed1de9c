package wording_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/vaktreffen/vaktreffen/db/wording"
)

// values are hostile on purpose: whatever a field holds, it is text.
func values(f wording.Field) string {
	return map[wording.Field]string{
		wording.Name: "Anna <b>*Söhne*</b>", wording.Organisation: "[Stad](https://evil.example)", wording.Meeting: "Energie & Klima",
		wording.Date: "20 mei 2027", wording.Venue: "Het \"Kasteel\"", wording.AnswerBy: "30 april",
	}[f]
}

func read(t testing.TB, markdown string) *wording.Text {
	t.Helper()
	text, problems := wording.Read(markdown)
	if len(problems) > 0 {
		t.Fatalf("%q: %q", markdown, problems)
	}
	return text
}

func lines(text *wording.Text) string {
	var b strings.Builder
	for _, l := range text.Lines(values) {
		b.WriteString(l.Lead + l.Text + "\n")
	}
	return b.String()
}

func TestMarkdownBecomesHTMLAndText(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ markdown, html, text string }{
		"paragraphs and line breaks": {"Dear all,\nwelcome.\r\n\r\nSee you", "<p>Dear all,<br>\nwelcome.</p>\n<p>See you</p>", "Dear all,\nwelcome.\n\nSee you\n"},
		"emphasis":                   {"*a* **b** ***c*** snake_case_word", "<p><em>a</em> <strong>b</strong> <em><strong>c</strong></em> snake_case_word</p>", "a b c snake_case_word\n"},
		"headings":                   {"# One\n## Two\n###### Six", "<h3>One</h3>\n<h4>Two</h4>\n<h4>Six</h4>", "One\n\nTwo\n\nSix\n"},
		"lists":                      {"- one\n- two\n  - deep\n\nand\n\n3. three\n4. four", "<ul><li>one</li>\n<li>two<ul><li>deep</li>\n</ul>\n</li>\n</ul>\n<p>and</p>\n<ol start=\"3\"><li>three</li>\n<li>four</li>\n</ol>", "- one\n- two\n  - deep\n\nand\n\n3. three\n4. four\n"},
		"quotation and rule":         {"> said\n\n---\n\nend", "<blockquote><p>said</p>\n</blockquote>\n<hr>\n<p>end</p>", "> said\n\n* * *\n\nend\n"},
		"links":                      {"[site](https://example.org/a?b=1&c=2 \"t\") and https://example.org/x and <mailto:a@example.org>", `<p><a href="https://example.org/a?b=1&amp;c=2">site</a> and <a href="https://example.org/x">https://example.org/x</a> and <a href="mailto:a@example.org">mailto:a@example.org</a></p>`, "site <https://example.org/a?b=1&c=2> and https://example.org/x and mailto:a@example.org\n"},
		"a bare address":             {"Ask info@example.org", `<p>Ask <a href="mailto:info@example.org">info@example.org</a></p>`, "Ask info@example.org\n"},
		"HTML stands for itself":     {"<script>alert(1)</script>\n\n<b onclick=x>hi</b> a < b & c", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n<p>&lt;b onclick=x&gt;hi&lt;/b&gt; a &lt; b &amp; c</p>", "<script>alert(1)</script>\n\n<b onclick=x>hi</b> a < b & c\n"},
		"code and indentation":       {"    indented\n\n`code` and\n```\nx\n```", "<p>indented</p>\n<p>`code` and<br>\n```<br>\nx<br>\n```</p>", "indented\n\n`code` and\n```\nx\n```\n"},
		"escapes and references":     {`\*no\* \{name\} &euro; &amp;lt; \&lt; a\b`, `<p>*no* {name} € &amp;lt; &amp;lt; a\b</p>`, "*no* {name} € &lt; &lt; a\\b\n"},
		"an underlined line":         {"Title\n---\ntext", "<p>Title</p>\n<hr>\n<p>text</p>", "Title\n\n* * *\n\ntext\n"},
		"fields":                     {"**{name}** of { Organisation }: [{meeting}](https://example.org), {datum}, {Ort}, {antwoord-voor}", `<p><strong>Anna &lt;b&gt;*Söhne*&lt;/b&gt;</strong> of [Stad](https://evil.example): <a href="https://example.org">Energie &amp; Klima</a>, 20 mei 2027, Het &#34;Kasteel&#34;, 30 april</p>`, "Anna <b>*Söhne*</b> of [Stad](https://evil.example): Energie & Klima <https://example.org>, 20 mei 2027, Het \"Kasteel\", 30 april\n"},
		"nothing":                    {" \n ", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := read(t, test.markdown)
			if got := strings.TrimSpace(text.PageHTML(values)); got != test.html {
				t.Errorf("HTML:\n%s\nwant\n%s", got, test.html)
			}
			if got := lines(text); got != test.text {
				t.Errorf("text:\n%s\nwant\n%s", got, test.text)
			}
		})
	}
}

func TestMailsCarryTheirStyles(t *testing.T) {
	t.Parallel()
	const want = `<h2 style="margin:24px 0 8px;font-size:20px;line-height:1.3">A</h2>
<p style="margin:0 0 16px"><a href="https://example.org" class="link" style="color:#0b4f9e">b</a></p>
`
	if got := read(t, "# A\n[b](https://example.org)").MailHTML(values); got != want {
		t.Error(got)
	}
}

func TestLinesAreIndentedWithTheirLists(t *testing.T) {
	t.Parallel()
	want := []wording.Line{{"", "", "a"}, {}, {"- ", "  ", "one"}, {"  ", "  ", "more"}, {"  1. ", "     ", "ten"}, {}, {"> ", "> ", "quoted"}}
	if got := read(t, "a\n\n- one\n  more\n  1. ten\n\n> quoted").Lines(values); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestWhatIsWrongWithAText(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ markdown, want string }{
		"a typo":                 {"Dear {nmae},", "{nmae} is no field. Did you mean {name}? The fields are {name}, {organisation}, {meeting}, {date}, {venue} and {answerBy}."},
		"a typo in Dutch":        {"{organistatie}", "Did you mean {organisatie}?"},
		"a typo in German":       {"{Antwort bi}", "Did you mean {antwortBis}?"},
		"nothing near":           {"{telephone}", "{telephone} is no field. The fields are"},
		"no name":                {"{}", "{} is no field."},
		"two braces":             {"{{name}}", "Write one brace on each side of a field: {name}."},
		"two braces and a typo":  {"{{nmae}}", "Did you mean {name}?"},
		"not closed":             {"Dear {name,\nyou}", `The brace before "name," is not closed.`},
		"closed only":            {"Dear name},", "A brace } closes nothing here."},
		"within emphasis":        {"**{nmae}**", "{nmae} is no field."},
		"within a link":          {"[{nmae}](https://example.org)", "{nmae} is no field."},
		"within a list":          {"- {nmae}", "{nmae} is no field."},
		"in an address":          {"[here](https://example.org/{name})", "has a brace in its address"},
		"in a bare address":      {"https://example.org/{name}", ""},
		"a picture":              {"![logo](https://example.org/logo.png)", "Leave out the picture"},
		"a script":               {"[x](javascript:alert(1))", "leads nowhere"},
		"a script with capitals": {"[x](JavaScript&#58;alert(1))", "leads nowhere"},
		"data":                   {"[x](data:text/html,hi)", "leads nowhere"},
		"a file":                 {"<file:///etc/passwd>", "leads nowhere"},
		"no scheme":              {"[x](example.org)", "leads nowhere"},
		"two slashes":            {"[x](//example.org)", "leads nowhere"},
		"a line break":           {"[x](https://example.org/&#10;y)", "leads nowhere"},
		"too deep":               {strings.Repeat("> ", 50) + "x", "at most 10 levels"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := wording.Read(test.markdown)
			if got := strings.Join(problems, "\n"); !strings.Contains(got, test.want) || got == "" && test.want != "" {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Welcome, {Naam}: {meeting}!": "Welcome, Anna <b>*Söhne*</b>: Energie & Klima!",
		`*Stars* & \{braces\} C:\dir`: `*Stars* & {braces} C:\dir`,
		`ends with \`:                 `ends with \`,
	} {
		s, problems := wording.ReadSubject(text)
		if got := s.Text(values); got != want || len(problems) > 0 {
			t.Errorf("%q: %q, %q", text, got, problems)
		}
	}
	s, problems := wording.ReadSubject("{nmae} and {date} and }")
	if len(problems) != 2 || !strings.Contains(problems[0], "Did you mean {name}?") || !s.Uses(wording.Date) || s.Uses(wording.Name) {
		t.Errorf("%q", problems)
	}
}

func TestPersonalLinks(t *testing.T) {
	t.Parallel()
	here := wording.NewPersonalLinks("https://meetings.example.org/base")
	token := "AZt" + strings.Repeat("x-Y_", 12)
	for name, test := range map[string]struct {
		markdown string
		want     bool
	}{
		"an invitation":              {"https://meetings.example.org/base/i/" + token, true},
		"a registration, as a link":  {"[here](https://meetings.example.org/base/r/" + token + ")", true},
		"in angle brackets":          {"<https://meetings.example.org/base/d/" + token + ">", true},
		"an opt-out without scheme":  {"go to meetings.example.org/base/unsubscribe/" + token, true},
		"a sign-in":                  {"https://meetings.example.org/base/sign-in/" + token + "?lang=nl", true},
		"a sign-in with a query":     {"https://meetings.example.org/base/sign-in?next=%2F", true},
		"a calendar":                 {"webcal://meetings.example.org/base/calendar/abc.ics", true},
		"cut short":                  {"https://meetings.example.org/base/i/AZtx", true},
		"another case":               {"HTTPS://Meetings.Example.ORG/base/I/" + token, true},
		"another port":               {"https://meetings.example.org:8443/base/i/abc", true},
		"a dot behind the host":      {"https://meetings.example.org./base/i/abc", true},
		"more slashes":               {"https://meetings.example.org/base/./i//abc", true},
		"with percent signs":         {"https://meetings.example.org/base/%69/" + token, true},
		"with percent signs twice":   {"https://meetings.example.org/base%252fi%252f" + token, true},
		"in a query of another site": {"https://mail.example.com/?u=https%3A%2F%2Fmeetings.example.org%2Fbase%2Fi%2F" + token, true},
		"with references":            {"https://meetings.example.org/base/&#105;/" + token, true},
		"with emphasis":              {"https://meetings.example.org/base/i/AZt**" + token + "**", true},
		"with invisible characters":  {"https://meetings.example\u200b.org/base/i\u00ad/" + token, true},
		"with wide characters":       {"meetings.example.org/base／i／" + token, true},
		"with a backslash":           {`meetings.example.org/base/i\/` + token, true},
		"under another address":      {"https://old.example.org/i/" + token, true},
		"only the path":              {"/i/" + token, true},
		"the page itself":            {"https://meetings.example.org/base/", false},
		"where to sign in":           {"https://meetings.example.org/base/sign-in", false},
		"another page":               {"https://meetings.example.org/base/information/about", false},
		"another site":               {"https://example.com/i/abc and https://example.com/d/2027/programme", false},
		"and/or":                     {"and/or, w/r/t, " + strings.Repeat("x", 60), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := read(t, test.markdown)
			if got := here.In(text); got != test.want {
				t.Errorf("%q: %t", test.markdown, got)
			}
			subject, _ := wording.ReadSubject(test.markdown)
			if plain := !strings.ContainsAny(test.markdown, "*"); plain && here.InSubject(subject) != test.want {
				t.Errorf("%q as a subject: %t", test.markdown, !test.want)
			}
		})
	}
	if nowhere := wording.NewPersonalLinks(""); !nowhere.In(read(t, "/r/"+token)) || nowhere.In(read(t, "https://meetings.example.org/i/abc")) {
		t.Error("without a public address, whole links alone are found")
	}
}

// TestNothingThatWasTypedGoesMissing holds that every word of a text is in both forms, wherever it stands.
func TestNothingThatWasTypedGoesMissing(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "    ", "\t", "- a\n\n      ", "> ", ">     ", "1. x\n", "# ", "[a]: ", "~~~\n", "```\n", "<div>\n", "<!-- ", "<?", "a\n===\n", "| ", "&", "\\", "* * *\n    "} {
		text := read(t, before+"wanted")
		if page := text.PageHTML(values); !strings.Contains(page, "wanted") || !strings.Contains(lines(text), "wanted") {
			t.Errorf("%q: %q, %q", before, page, lines(text))
		}
	}
}

// FuzzText holds that no text makes HTML that could do anything, whatever its fields hold.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"**{name}** [x](https://example.org)", "- a\n  1. {date}\n> q", "<img src=x onerror=y>", "![x](y)", "{", `\{`, "&#60;script>", "<https://a\">"} {
		f.Add(seed)
	}
	allowed := []string{"html", "head", "body", "p", "br", "h2", "h3", "ul", "ol", "li", "blockquote", "hr", "em", "strong", "a"}
	f.Fuzz(func(t *testing.T, markdown string) {
		if len(markdown) > 5000 {
			t.Skip()
		}
		text, problems := wording.Read(markdown)
		_ = wording.NewPersonalLinks("https://example.org").In(text)
		if len(problems) > 0 {
			return
		}
		page, err := html.Parse(strings.NewReader(text.MailHTML(values)))
		if err != nil {
			t.Fatal(err)
		}
		for n := range page.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if !slices.Contains(allowed, n.Data) {
				t.Errorf("%q makes <%s>", markdown, n.Data)
			}
			for _, a := range n.Attr {
				link := a.Key == "href" && (strings.HasPrefix(strings.ToLower(a.Val), "http") || strings.HasPrefix(strings.ToLower(a.Val), "mailto:"))
				if !link && !slices.Contains([]string{"style", "start", "class"}, a.Key) {
					t.Errorf("%q makes %s=%q", markdown, a.Key, a.Val)
				}
			}
		}
	})
}
