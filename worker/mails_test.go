package worker

import (
	"flag"
	"fmt"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jhillyerd/enmime/v2"
	"golang.org/x/net/html"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

var update = flag.Bool("update", false, "write the mails as they are now to testdata/mails")

// TestEveryMailAsReceived sends a mail of every kind in every language to a mail server, and compares what it received with
// testdata/mails. Read those files: they are what people get.
func TestEveryMailAsReceived(t *testing.T) {
	t.Parallel()
	checkMails(t, Kinds(), func(w *Worker, kind string, locale db.Locale) (*Message, error) {
		return composed(w, mailOf(kind, locale))
	})
}

// TestEveryMailWithAnOrganisersWordsAsReceived does the same with invitations, tests of them and invitations to organisations that
// organisers have worded. The mail in English has words in Dutch, and so has every one to an organisation.
func TestEveryMailWithAnOrganisersWordsAsReceived(t *testing.T) {
	t.Parallel()
	const message = `# {Bijeenkomst}

Beste {naam} van **{organisatie}**,
wij zien u graag op *{datum}* in {locatie}.

- Neem een [plattegrond](https://meetings.example.org/kaart?a=1&b=2) mee
- en een collega, die van <b>HTML</b> en 100 % groene stroom houdt, ook als deze regel wat langer is dan een regel kan zijn
  1. of twee

> Wie niet waagt, die niet wint.

Antwoord voor {antwoordVoor}.`
	const worded = "_worded"
	kinds := []string{string(db.MailInvitation) + worded, string(db.MailTrial) + worded, string(db.MailDelegation) + worded}
	checkMails(t, kinds, func(w *Worker, name string, locale db.Locale) (*Message, error) {
		m, kind := mailOf(KindInvitation, locale), db.MailKind(strings.TrimSuffix(name, worded))
		m.Person.Affiliation = "Müller & <Söhne>"
		m.Campaign.Texts = []db.CampaignText{
			{Language: db.Dutch, Subject: "{naam}: komt {organisatie} naar {bijeenkomst}?", Message: message},
			{Language: db.German, Message: "Liebe {Name}, bis {antwortBis}!"},
		}
		if kind == db.MailDelegation {
			m = mailOf(KindDelegationInvited, locale)
			m.Delegation.Message = message
		}
		m.Delivery.Kind = kind
		return composed(w, m)
	})
}

// TestEveryNoticeToCoordinatorsOfDelegationsAsReceived does the same with notices to people who coordinate for an organisation that is
// invited to send a delegation.
func TestEveryNoticeToCoordinatorsOfDelegationsAsReceived(t *testing.T) {
	t.Parallel()
	const delegated = "_delegated"
	checkMails(t, []string{KindMeetingChanged + delegated, KindMeetingCancelled + delegated}, func(w *Worker, name string, locale db.Locale) (*Message, error) {
		m := mailOf(strings.TrimSuffix(name, delegated), locale)
		m.Registration, m.AnswerToken, m.PlaceToken, m.Delegation, m.DeskToken = nil, "", "", new(db.Delegation), "desk-token"
		m.Notice.Entries, m.Notice.AsCoordinator = nil, true
		message, facts, published, err := w.state(m)
		if err != nil {
			return nil, err
		}
		if !facts.Delegated || published != nil {
			return nil, fmt.Errorf("it is no notice to a coordinator: %+v", facts)
		}
		facts.Delegation = "Oldenburg" // only the database knows what it is called
		written, err := w.write(message, facts, nil)
		if err != nil {
			return nil, err
		}
		message.Subject, message.Text, message.HTML = written.subject, written.text, written.html
		return message, nil
	})
}

// TestWhatReadersAreCalledStaysText holds that neither headers nor HTML can be made of a name or an organisation.
func TestWhatReadersAreCalledStaysText(t *testing.T) {
	t.Parallel()
	w := composer(t)
	for _, hostile := range []string{
		"A\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script>", "=?utf-8?q?=0D=0ABcc:_evil@example.org?=", "</title></style><img src=x onerror=alert(1)>",
		"[here](https://evil.example) **x** # y", "{name} {organisation}", `" onmouseover="alert(1)`, "\uE000name\uE001", ownPlace, strings.Repeat("é", 300), "\u202egro.elpmaxe",
	} {
		m := mailOf(KindInvitation, db.English)
		m.Person.Name, m.Person.Affiliation = "N"+hostile, "O"+hostile
		m.Campaign.Texts = []db.CampaignText{{Language: db.English, Subject: "{name} of {organisation}", Message: "[{name}](https://meetings.example.org/a) **{organisation}**\n\n# {name}"}}
		composed, err := w.compose(m, drafts{})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := composed.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		mail, err := enmime.ReadEnvelope(strings.NewReader(string(raw)))
		if err != nil || len(mail.Errors) > 0 {
			t.Fatal(err, mail.Errors)
		}
		if mail.GetHeader("Bcc") != "" || strings.ContainsAny(mail.GetHeader("Subject"), "\r\n") || len([]rune(mail.GetHeader("Subject"))) > maxSubject+2 {
			t.Errorf("%q: headers %v", hostile, mail.Root.Header)
		}
		page, err := html.Parse(strings.NewReader(mail.HTML))
		if err != nil {
			t.Fatal(err)
		}
		for node := range page.Descendants() {
			if node.Type != html.ElementNode {
				continue
			}
			for _, a := range node.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" && !strings.HasPrefix(a.Val, "https://meetings.example.org/") {
					t.Errorf("%q: <%s %s=%q>", hostile, node.Data, a.Key, a.Val)
				}
			}
			if slices.Contains([]string{"script", "img"}, node.Data) {
				t.Errorf("%q: <%s>", hostile, node.Data)
			}
		}
		if private := strings.IndexFunc(mail.HTML+mail.Text+mail.GetHeader("Subject"), func(r rune) bool { return r >= 0xE100 && r < 0xE200 }); private >= 0 {
			t.Errorf("%q: the mark of a draft is left", hostile)
		}
	}
}

// TestWhatWasWrittenToOrganisationsBeforeFieldsStaysText holds that a message which nobody checked, from when it was plain text, is
// readable and leads nowhere.
func TestWhatWasWrittenToOrganisationsBeforeFieldsStaysText(t *testing.T) {
	t.Parallel()
	w := composer(t)
	for message, want := range map[string]string{
		"Dear {all},\nbring {{ideas}}":                   "Dear {all},\nbring {{ideas}}",
		"[press](javascript:alert(1)) here":              "press here",
		"![logo](https://evil.example/x.png) of us":      "logo of us",
		"<img src=x onerror=alert(1)><script>x</script>": "<img src=x onerror=alert(1)><script>x</script>",
		"{name} for [us](//evil.example)":                "{name} for us",
		strings.Repeat("> ", 50) + "deep":                "deep",
		ownPlace:                                         ownPlace,
	} {
		m := mailOf(KindDelegationInvited, db.English)
		m.Delegation.Message = message
		mail, err := composed(w, m)
		if err != nil {
			t.Fatalf("%q: %v", message, err)
		}
		if !strings.Contains(mail.Text, want) {
			t.Errorf("%q: %s", message, mail.Text)
		}
		page, err := html.Parse(strings.NewReader(mail.HTML))
		if err != nil {
			t.Fatal(err)
		}
		for node := range page.Descendants() {
			if node.Type == html.ElementNode && (node.Data == "script" || node.Data == "img" || node.Data == "a" && !strings.Contains(fmt.Sprint(node.Attr), " https://meetings.example.org/d/")) {
				t.Errorf("%q: <%s %v>", message, node.Data, node.Attr)
			}
		}
	}
}

// TestNobodyCanWriteTheMarksOfDrafts holds that words cannot be written which drafts replace by tokens.
func TestNobodyCanWriteTheMarksOfDrafts(t *testing.T) {
	t.Parallel()
	w := composer(t)
	seen := map[string]bool{}
	for range 2 {
		chunk := drafts{}
		if _, err := w.compose(mailOf(KindInvitation, db.English), chunk); err != nil {
			t.Fatal(err)
		}
		for _, d := range chunk {
			for _, mark := range d.marks {
				if seen[mark] || len([]rune(mark)) < 10 {
					t.Errorf("the mark %q comes back", mark)
				}
				seen[mark] = true
			}
		}
	}
}

// composed writes a mail. What an invited organisation is called, only the database can tell, so a mail about a
// delegation gets its words here.
func composed(w *Worker, mail *db.Mail) (*Message, error) {
	if mail.Delegation == nil {
		return w.compose(mail, drafts{})
	}
	m, facts, _, err := w.state(mail)
	if err != nil {
		return nil, err
	}
	if facts.Delegation = "Oldenburg"; facts.Words != nil {
		facts.Words.Employer = facts.Delegation
	}
	written, err := w.write(m, facts, nil)
	m.Subject, m.Text, m.HTML = written.subject, written.text, written.html
	return m, err
}

// composer is a worker that writes mails and sends none.
func composer(t *testing.T) *Worker {
	t.Helper()
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	return &Worker{
		cfg: Config{PublicURL: "https://meetings.example.org", BounceDomain: "bounces.example.org"}, letters: letters,
		from: netmail.Address{Name: "Vaktreffen", Address: "post@example.org"},
	}
}

// checkMails sends mails in every language to a mail server, and compares what it received with the files in testdata/mails that have
// their names.
func checkMails(t *testing.T, names []string, compose func(w *Worker, name string, locale db.Locale) (*Message, error)) {
	t.Helper()
	sink := smtptest.Start(t)
	pool, err := NewPool(SMTPConfig{URL: sink.URL(), EHLO: "mailer.example.org"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	w := composer(t)
	for _, name := range names {
		for _, locale := range Locales() {
			m, err := compose(w, name, db.Locale(locale))
			if err != nil {
				t.Fatalf("%s in %s: %v", name, locale, err)
			}
			if out := pool.Send(t.Context(), m); out.Result != Sent {
				t.Fatalf("%s in %s: %+v", name, locale, out)
			}
		}
	}
	closePool(t, pool)
	received := sink.Messages()
	for i, name := range names {
		for j, locale := range Locales() {
			t.Run(name+"."+locale, func(t *testing.T) {
				t.Parallel()
				checkMail(t, name, locale, received[i*len(Locales())+j])
			})
		}
	}
}

func checkMail(t *testing.T, name, locale string, m smtptest.Message) {
	t.Helper()
	if m.From != "bounce+bounce0token@bounces.example.org" || !slices.Equal(m.To, []string{"marieke.devries@example.net"}) {
		t.Errorf("envelope %s → %v", m.From, m.To)
	}
	mail, err := enmime.ReadEnvelope(strings.NewReader(string(m.Data)))
	if err != nil || len(mail.Errors) > 0 {
		t.Fatal(err, mail.Errors)
	}
	var golden strings.Builder
	for _, header := range []string{
		"From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted", "X-Auto-Response-Suppress", "Precedence",
		"Feedback-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "X-Vaktreffen-Kind",
	} {
		if values := mail.GetHeaderValues(header); len(values) == 1 {
			fmt.Fprintf(&golden, "%s: %s\n", header, values[0])
		} else if len(values) > 1 {
			t.Errorf("%d headers %s", len(values), header)
		}
	}
	for _, part := range mail.Root.DepthMatchAll(func(p *enmime.Part) bool { return p.FirstChild == nil }) {
		fmt.Fprintf(&golden, "-- %s %s\n", part.ContentType, part.FileName)
	}
	golden.WriteString("\n" + strings.ReplaceAll(mail.Text, "\r\n", "\n"))
	file := filepath.Join("testdata", "mails", name+"."+locale+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(golden.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), golden.String()); diff != "" {
		t.Errorf("the mail has changed; run go test ./worker -run TestEveryMailAsReceived -update if it should have:\n%s", diff)
	}
	checkPage(t, mail, locale)
}

// checkPage holds what is true of the HTML of every mail.
func checkPage(t *testing.T, mail *enmime.Envelope, locale string) {
	t.Helper()
	page, err := html.Parse(strings.NewReader(mail.HTML))
	if err != nil {
		t.Fatal(err)
	}
	var lang, title, style string
	var buttons, viewports, schemes int
	for node := range page.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		attribute := func(key string) string {
			for _, a := range node.Attr {
				if a.Key == key {
					return a.Val
				}
			}
			return ""
		}
		switch node.Data {
		case "html":
			lang = attribute("lang")
		case "title":
			title = node.FirstChild.Data
		case "style":
			style = node.FirstChild.Data
		case "meta":
			switch attribute("name") {
			case "viewport":
				viewports++
			case "color-scheme":
				schemes++
			}
		case "a":
			if !strings.HasPrefix(attribute("href"), "https://meetings.example.org/") {
				t.Errorf("a link to %s", attribute("href"))
			}
			if attribute("class") == "button" {
				buttons++
			}
		case "img", "link", "script", "iframe", "object", "embed", "form", "video", "audio", "svg", "base", "input":
			t.Errorf("an element %s", node.Data)
		}
		for _, a := range node.Attr {
			if slices.Contains([]string{"src", "srcset", "background", "poster"}, a.Key) || strings.Contains(a.Val, "url(") || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s %s=%q> loads or runs something", node.Data, a.Key, a.Val)
			}
		}
	}
	asked := 1
	if !HasPage(mail.GetHeader("X-Vaktreffen-Kind")) {
		asked = 0
	}
	if lang != locale || title != mail.GetHeader("Subject") || viewports != 1 || schemes != 1 || buttons != asked {
		t.Errorf("lang %q, title %q, %d viewports, %d colour schemes, %d buttons", lang, title, viewports, schemes, buttons)
	}
	for _, must := range []string{"prefers-color-scheme: dark", "max-width: 520px"} {
		if !strings.Contains(style, must) {
			t.Errorf("the style lacks %s", must)
		}
	}
	if strings.Contains(style, "url(") || strings.Contains(style, "@import") || strings.Contains(style, "@font-face") {
		t.Error("the style loads something")
	}
}
