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
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jhillyerd/enmime/v2"
	"golang.org/x/net/html"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

var update = flag.Bool("update", false, "write the mails as they are now to testdata/mails")

// mailOf is a mail of a kind with everything that any kind tells.
func mailOf(kind string, locale db.Locale) *db.Mail {
	id := func(kind db.Kind, n byte) db.ID { return db.ID{1, 0x9b, 6: 0x70, 7: byte(kind), 8: 0x80, 15: n} }
	at := func(text string) time.Time {
		instant, err := time.Parse(time.RFC3339, text)
		if err != nil {
			panic(err)
		}
		return instant
	}
	sent, until, expires := at("2027-01-02T03:04:05Z"), at("2027-04-30T22:00:00Z"), at("2027-05-03T15:30:00Z")
	address, organiser := "marieke.devries@example.net", "secretariaat@groningen.example.org"
	first, last := db.Date("2027-05-20"), db.Date("2027-05-21")
	m := &db.Mail{
		Delivery:  &db.Delivery{ID: id(db.KindDelivery, 1), Kind: db.MailKind(kind), DatedAt: &sent, CreatedAt: sent},
		Person:    &db.Person{ID: id(db.KindPerson, 2), Name: "Marieke de Vries", Address: &address, Language: locale},
		Organiser: &db.Person{ID: id(db.KindPerson, 3), Name: "Jörg Müller, Gemeente Groningen", Address: &organiser},
		Campaign: &db.Campaign{
			ID: id(db.KindCampaign, 4), RespondBy: &until, CreatedAt: sent,
			Message: "Wir freuen uns auf <Sie> & Ihre Fragen.\n\nBring a \"colleague\".",
		},
		Edition: &db.Edition{
			Title: "Vaktreffen „Energie & Klima“", Summary: "Two days on water in the city.", Year: 2027, TimeZone: "Europe/Amsterdam", StartsOn: &first, EndsOn: &last,
			VenueName: "Provinciehuis", VenueAddress: "Martinikerkhof 12", VenueCity: "Groningen", Languages: []string{"de", "en"},
		},
		Hours: []db.Hours{
			{Starts: at("2027-05-20T07:30:00Z"), Ends: at("2027-05-20T15:00:00Z")}, {Starts: at("2027-05-21T07:00:00Z"), Ends: at("2027-05-21T10:30:00Z")},
		},
		Position:    3,
		AnswerToken: "answer-token", PlaceToken: "place-token", SignInToken: "sign-in-token", OptOutToken: "opt-out-token", BounceToken: "bounce0token",
	}
	switch kind {
	case KindInvitation, KindInvitationReminder:
	case KindDelegationInvited, KindDelegationReminder:
		m.Delegation = &db.Delegation{Places: 4, RespondBy: until, Message: m.Campaign.Message}
		m.Campaign, m.AnswerToken, m.PlaceToken, m.OptOutToken, m.DeskToken = nil, "", "", "", "desk-token"
	case KindReportPublished:
		m.AnswerToken, m.OptOutToken, m.Campaign.ReportID = "", "", id(db.KindReport, 6)
		m.Report, m.ReportIn = "Twelve municipalities shared what they know about **wind** & water:\n\n- parks\n- a council's {part}\n\nIt goes on next year.", db.English
	case KindFeedbackRequested, KindFeedbackReminder:
		m.AnswerToken, m.OptOutToken, m.FeedbackToken, m.Campaign.Message = "", "", "feedback-token", ""
		m.Survey = &db.Survey{ClosesAt: until, Anonymous: kind == KindFeedbackRequested}
	case KindCampaignSummary:
		m.Organiser, m.Campaign.SendAt = nil, at("2027-01-15T11:00:00Z")
		m.Summary = &db.Summary{
			Total: 120, Sent: 108, Failed: 6, Bounced: 3, Suppressed: 2, Uncertain: 1,
			Reasons: []db.ReasonCount{
				{Reason: db.ReasonNoMailbox, Count: 5}, {Reason: db.ReasonNotWanted, Count: 3}, {Reason: db.ReasonOptedOut, Count: 2},
				{Reason: db.ReasonConnectionLost, Count: 1}, {Reason: db.ReasonMailboxFull, Count: 1},
			},
		}
	case KindCertificateIssued:
		m.Campaign, m.Edition, m.Hours = nil, nil, nil
		m.CourseRun = &db.CourseRun{
			StartsOn: "2027-04-15", EndsOn: "2027-04-16", TimeZone: "Europe/Amsterdam", Languages: []string{"nl"}, VenueName: "Stadhuis", VenueCity: "Utrecht",
			Course: &db.Course{Title: "Masterclass „Rat & Region“", Summary: "One day with a trainer.", Days: 2},
		}
		m.Certificate = &db.Certificate{ID: id(db.KindCertificate, 6), Code: "ABCDEFGHJKMNPQRS", IssuedAt: at("2027-04-17T09:00:00Z")}
	case KindActionAssigned, KindActionDue:
		earlier := db.Date("2026-12-20")
		m.Campaign, m.TasksToken = nil, "tasks-token"
		m.Tasks = []db.Task{
			{Description: "Ask the <water board> for its figures & share them.", Meeting: m.Edition.Title, DueOn: &earlier, Late: true},
			{Description: "Invite Bremen.", Meeting: "Vaktreffen 2026", DueOn: &first}, {Description: "Think about 2028.", Meeting: "Vaktreffen 2026"},
		}
		if kind == KindActionAssigned {
			m.Tasks = m.Tasks[1:2]
		}
	case KindHelpOffered:
		m.Campaign = nil
		m.Help = &db.Help{
			ReportID: id(db.KindReport, 6), Question: "How do you keep <residents> & wind turbines friends?", AskedBy: "Oldenburg (Oldb)",
			Helper: "Groningen", Person: "Olga Organisator", Note: "We have held three evenings about it.", Asked: true,
		}
	case KindSignIn:
		m.Organiser, m.Campaign, m.Edition, m.Hours = nil, nil, nil, nil
	case KindIntakeRequested, KindIntakeReminder, KindRunConfirmed, KindRunCancelled, KindRunBelowMinimum:
		due, minimum := at("2027-04-08T15:00:00Z"), 8
		m.Campaign, m.Edition, m.Hours = nil, nil, nil
		m.CourseRun = &db.CourseRun{
			StartsOn: "2027-04-15", EndsOn: "2027-04-15", TimeZone: "Europe/Amsterdam", Languages: []string{"nl"}, VenueName: "Stadhuis", VenueCity: "Utrecht",
			Course: &db.Course{Title: "Masterclass „Rat & Region“", Summary: "One day with a trainer."}, IntakeDueAt: &due, MinParticipants: &minimum,
			Seats: &db.Seats{Taken: 5},
		}
		status := db.Confirmed
		if kind == KindIntakeRequested || kind == KindIntakeReminder {
			status = db.Held
		}
		m.Registration = &db.Registration{ID: id(db.KindRegistration, 5), Sequence: 2, Status: status}
		if kind == KindRunBelowMinimum {
			m.Registration, m.Organiser = nil, nil
		}
	default:
		m.Registration = &db.Registration{ID: id(db.KindRegistration, 5), Sequence: 2, OfferExpiresAt: &expires}
	}
	if kind == KindMeetingChanged || kind == KindMeetingCancelled {
		now := db.Facts{
			Title: m.Edition.Title, Year: 2027, StartsOn: first, EndsOn: last, TimeZone: m.Edition.TimeZone, Hours: m.Hours,
			VenueName: m.Edition.VenueName, VenueAddress: m.Edition.VenueAddress, VenueCity: m.Edition.VenueCity, Cancelled: kind == KindMeetingCancelled,
		}
		before := now
		before.Cancelled, before.VenueName, before.VenueAddress, before.EndsOn, before.Hours = false, "Stadhuis", "Grote Markt 1", first, m.Hours[:1]
		m.Delivery.Kind = db.MailNotice
		m.Notice = &db.Notice{Changes: []db.Change{{Before: before, Now: now}}, Entries: []db.Entry{{Registration: m.Registration, Cancelled: now.Cancelled}}}
		if kind == KindMeetingChanged {
			hours := []db.Hours{{Starts: at("2027-05-20T12:00:00Z"), Ends: at("2027-05-20T13:30:00Z")}}
			m.Notice.Changes = append(m.Notice.Changes, db.Change{Session: new(db.Session), New: true, Now: db.Facts{
				Title: "Harbour & Eems", StartsOn: first, EndsOn: first, TimeZone: m.Edition.TimeZone, Hours: hours, Room: "Hall 2",
			}})
		}
	}
	return m
}

// TestEveryMailAsReceived sends a mail of every kind in every language to a mail server, and compares what it received with
// testdata/mails. Read those files: they are what people get.
func TestEveryMailAsReceived(t *testing.T) {
	t.Parallel()
	sink := smtptest.Start(t)
	pool, err := NewPool(SMTPConfig{URL: sink.URL(), EHLO: "mailer.example.org"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{
		cfg: Config{PublicURL: "https://meetings.example.org", BounceDomain: "bounces.example.org"}, letters: letters,
		from: netmail.Address{Name: "Vaktreffen", Address: "post@example.org"},
	}
	for _, kind := range Kinds() {
		for _, locale := range Locales() {
			m, err := composed(w, mailOf(kind, db.Locale(locale)))
			if err != nil {
				t.Fatalf("%s in %s: %v", kind, locale, err)
			}
			if out := pool.Send(t.Context(), m); out.Result != Sent {
				t.Fatalf("%s in %s: %+v", kind, locale, out)
			}
		}
	}
	closePool(t, pool)
	received := sink.Messages()
	for i, kind := range Kinds() {
		for j, locale := range Locales() {
			t.Run(kind+"."+locale, func(t *testing.T) {
				t.Parallel()
				checkMail(t, kind, locale, received[i*len(Locales())+j])
			})
		}
	}
}

// TestEveryMailWithAnOrganisersWordsAsReceived does the same with invitations, tests of them and invitations to organisations that
// organisers have worded. The mail in English has words in Dutch, and so has every one to an organisation.
func TestEveryMailWithAnOrganisersWordsAsReceived(t *testing.T) {
	t.Parallel()
	sink := smtptest.Start(t)
	pool, err := NewPool(SMTPConfig{URL: sink.URL(), EHLO: "mailer.example.org"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{
		cfg: Config{PublicURL: "https://meetings.example.org", BounceDomain: "bounces.example.org"}, letters: letters,
		from: netmail.Address{Name: "Vaktreffen", Address: "post@example.org"},
	}
	const message = `# {Bijeenkomst}

Beste {naam} van **{organisatie}**,
wij zien u graag op *{datum}* in {locatie}.

- Neem een [plattegrond](https://meetings.example.org/kaart?a=1&b=2) mee
- en een collega, die van <b>HTML</b> en 100 % groene stroom houdt, ook als deze regel wat langer is dan een regel kan zijn
  1. of twee

> Wie niet waagt, die niet wint.

Antwoord voor {antwoordVoor}.`
	kinds := []db.MailKind{db.MailInvitation, db.MailTrial, db.MailDelegation}
	for _, kind := range kinds {
		for _, locale := range Locales() {
			m := mailOf(KindInvitation, db.Locale(locale))
			m.Person.Affiliation = "Müller & <Söhne>"
			m.Campaign.Texts = []db.CampaignText{
				{Language: db.Dutch, Subject: "{naam}: komt {organisatie} naar {bijeenkomst}?", Message: message},
				{Language: db.German, Message: "Liebe {Name}, bis {antwortBis}!"},
			}
			if kind == db.MailDelegation {
				m = mailOf(KindDelegationInvited, db.Locale(locale))
				m.Delegation.Message = message
			}
			m.Delivery.Kind = kind
			mail, err := composed(w, m)
			if err != nil {
				t.Fatalf("%s in %s: %v", kind, locale, err)
			}
			if out := pool.Send(t.Context(), mail); out.Result != Sent {
				t.Fatalf("%s in %s: %+v", kind, locale, out)
			}
		}
	}
	closePool(t, pool)
	for i, received := range sink.Messages() {
		kind, locale := string(kinds[i/len(Locales())]), Locales()[i%len(Locales())]
		t.Run(kind+"."+locale, func(t *testing.T) {
			t.Parallel()
			checkMail(t, kind+"_worded", locale, received)
		})
	}
}

// TestEveryNoticeToCoordinatorsOfDelegationsAsReceived does the same with notices to people who coordinate for an organisation that is
// invited to send a delegation.
func TestEveryNoticeToCoordinatorsOfDelegationsAsReceived(t *testing.T) {
	t.Parallel()
	sink := smtptest.Start(t)
	pool, err := NewPool(SMTPConfig{URL: sink.URL(), EHLO: "mailer.example.org"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{
		cfg: Config{PublicURL: "https://meetings.example.org", BounceDomain: "bounces.example.org"}, letters: letters,
		from: netmail.Address{Name: "Vaktreffen", Address: "post@example.org"},
	}
	kinds := []string{KindMeetingChanged, KindMeetingCancelled}
	for _, kind := range kinds {
		for _, locale := range Locales() {
			m := mailOf(kind, db.Locale(locale))
			m.Registration, m.AnswerToken, m.PlaceToken, m.Delegation, m.DeskToken = nil, "", "", new(db.Delegation), "desk-token"
			m.Notice.Entries, m.Notice.AsCoordinator = nil, true
			message, facts, published, err := w.state(m)
			if err != nil || !facts.Delegated || published != nil {
				t.Fatalf("%s in %s: %+v, %v", kind, locale, facts, err)
			}
			facts.Delegation = "Oldenburg" // only the database knows what it is called
			written, err := w.write(message, facts, nil)
			if err != nil {
				t.Fatalf("%s in %s: %v", kind, locale, err)
			}
			message.Subject, message.Text, message.HTML = written.subject, written.text, written.html
			if out := pool.Send(t.Context(), message); out.Result != Sent {
				t.Fatalf("%s in %s: %+v", kind, locale, out)
			}
		}
	}
	closePool(t, pool)
	for i, received := range sink.Messages() {
		kind, locale := kinds[i/len(Locales())], Locales()[i%len(Locales())]
		t.Run(kind+"."+locale, func(t *testing.T) {
			t.Parallel()
			checkMail(t, kind+"_delegated", locale, received)
		})
	}
}

// TestWhatReadersAreCalledStaysText holds that neither headers nor HTML can be made of a name or an organisation.
func TestWhatReadersAreCalledStaysText(t *testing.T) {
	t.Parallel()
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{cfg: Config{PublicURL: "https://meetings.example.org"}, letters: letters, from: netmail.Address{Address: "post@example.org"}}
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
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{cfg: Config{PublicURL: "https://meetings.example.org"}, letters: letters, from: netmail.Address{Address: "post@example.org"}}
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
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{cfg: Config{PublicURL: "https://meetings.example.org"}, letters: letters, from: netmail.Address{Address: "post@example.org"}}
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

func checkMail(t *testing.T, kind, locale string, m smtptest.Message) {
	t.Helper()
	if m.From != "bounce+bounce0token@bounces.example.org" || !slices.Equal(m.To, []string{"marieke.devries@example.net"}) {
		t.Errorf("envelope %s → %v", m.From, m.To)
	}
	mail, err := enmime.ReadEnvelope(strings.NewReader(string(m.Data)))
	if err != nil || len(mail.Errors) > 0 {
		t.Fatal(err, mail.Errors)
	}
	var golden strings.Builder
	for _, name := range []string{
		"From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted", "X-Auto-Response-Suppress", "Precedence",
		"Feedback-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "X-Vaktreffen-Kind",
	} {
		if values := mail.GetHeaderValues(name); len(values) == 1 {
			fmt.Fprintf(&golden, "%s: %s\n", name, values[0])
		} else if len(values) > 1 {
			t.Errorf("%d headers %s", len(values), name)
		}
	}
	for _, part := range mail.Root.DepthMatchAll(func(p *enmime.Part) bool { return p.FirstChild == nil }) {
		fmt.Fprintf(&golden, "-- %s %s\n", part.ContentType, part.FileName)
	}
	golden.WriteString("\n" + strings.ReplaceAll(mail.Text, "\r\n", "\n"))
	file := filepath.Join("testdata", "mails", kind+"."+locale+".txt")
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

func TestEHLO(t *testing.T) {
	t.Parallel()
	fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet(); c.agree() }}
	pool := fake.listen(t, 1)
	pool.server.ehlo = "mailer.example.org"
	if out := pool.Send(t.Context(), testMessage(1)); out.Result != Sent {
		t.Fatalf("%+v", out)
	}
	if !strings.Contains(fake.heard(), "EHLO mailer.example.org") {
		t.Error(fake.heard())
	}
	for name, fine := range map[string]bool{
		"": true, "mail.example.org": true, "[192.0.2.1]": true, "[IPv6:2001:db8::1]": true,
		"localhost": false, "a b.example": false, "mail.example.org\r\nRSET": false, "-.example.org": false, "[mail]": false,
	} {
		if _, err := NewPool(SMTPConfig{URL: "smtp://localhost", EHLO: name}, 1); (err == nil) != fine {
			t.Errorf("%q: %v", name, err)
		}
	}
}
