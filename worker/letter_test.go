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

func TestLetterShowsTheFactsOfItsKind(t *testing.T) {
	t.Parallel()
	l := letters(t)
	tests := map[string][]string{
		"invitation/nl": {"Uitnodiging: Vaktreffen", "Geachte Marieke de Vries,", "donderdag 20 mei 2027, 9.30–17.00 uur (Nederlandse tijd)",
			"Het Kasteel, Melkweg 1, Groningen", "Duits en Engels", "vrijdag 30 april 2027", "uiterlijk 30 april 2027", "warmtenetten"},
		"invitation/de": {"Einladung: Vaktreffen", "Guten Tag Marieke de Vries,", "Donnerstag, 20. Mai 2027, 09:30–17:00 Uhr (niederländische Zeit)",
			"Deutsch und Englisch", "Freitag, 30. April 2027", "bis zum 30. April 2027", "warmtenetten"},
		"invitation/en": {"Invitation: Vaktreffen", "Dear Marieke de Vries,", "Thursday 20 May 2027, 09:30–17:00 (Dutch time)",
			"German and English", "Friday 30 April 2027", "by 30 April 2027", "warmtenetten"},
		"registration_confirmed/nl":  {"Bevestiging: ", "is bevestigd", "in de bijlage", "20 mei 2027"},
		"registration_confirmed/de":  {"Bestätigung: ", "bestätigen", "im Anhang", "20. Mai 2027"},
		"registration_confirmed/en":  {"Confirmation: ", "is confirmed", "attached", "20 May 2027"},
		"registration_waitlisted/nl": {"Wachtlijst: ", "op plaats 3 van de wachtlijst", "zodra u aan de beurt bent"},
		"registration_waitlisted/de": {"Warteliste: ", "auf Platz 3 der Warteliste", "sobald Sie an der Reihe sind"},
		"registration_waitlisted/en": {"Waiting list: ", "at position 3 on the waiting list", "as soon as it is your turn"},
		"registration_cancelled/nl":  {"Afmelding: ", "is geannuleerd", "vervalt de afspraak"},
		"registration_cancelled/de":  {"Abmeldung: ", "ist storniert", "entfällt der Termin"},
		"registration_cancelled/en":  {"Cancellation: ", "has been cancelled", "removes the entry"},
		"seat_offered/nl":            {"Plaats vrij: ", "vast tot uiterlijk 30 april 2027.", "vrijdag 30 april 2027", "Plaats aannemen of afslaan:"},
		"seat_offered/de":            {"Platz frei: ", "bis zum 30. April 2027 für Sie frei", "Freitag, 30. April 2027", "Platz annehmen oder ablehnen:"},
		"seat_offered/en":            {"Place available: ", "for you until 30 April 2027.", "Friday 30 April 2027", "Accept or decline the place:"},
		"offer_expired/nl":           {"Aanbod verlopen: ", "niet op tijd van u gehoord", "niet meer op de wachtlijst"},
		"offer_expired/de":           {"Angebot abgelaufen: ", "nicht rechtzeitig von Ihnen gehört", "nicht mehr auf der Warteliste"},
		"offer_expired/en":           {"Offer lapsed: ", "did not hear from you in time", "no longer on the waiting list"},
		"meeting_changed/nl": {"Gewijzigd: Vaktreffen Groningen", "is iets gewijzigd", "eerder: Vaktreffen 2027", "donderdag 20 mei 2027, 9.30–17.00 uur (Nederlandse tijd) eerder: woensdag 12 mei 2027, 9.30–17.00 uur",
			"Het Kasteel, Melkweg 1, Groningen eerder: De <Oude> Zaal, Groningen", "Dijken & duinen donderdag 20 mei 2027, 14.00–15.00 uur (Nederlandse tijd), Zaal 3 eerder: donderdag 20 mei 2027, 11.00–12.00 uur",
			"De bijlage werkt uw agenda bij", "Aanmelding bekijken of wijzigen"},
		"meeting_changed/de":     {"Geändert: Vaktreffen Groningen", "hat sich etwas geändert", "bisher: Mittwoch, 12. Mai 2027", "Der Anhang aktualisiert"},
		"meeting_changed/en":     {"Changed: Vaktreffen Groningen", "has changed", "previously: Wednesday 12 May 2027", "The attachment updates"},
		"meeting_cancelled/nl":   {"Afgelast: Vaktreffen Groningen", "niet door", "haalt de afspraak uit uw agenda"},
		"meeting_cancelled/de":   {"Abgesagt: Vaktreffen Groningen", "nicht statt", "entfernt den Termin aus Ihrem Kalender"},
		"meeting_cancelled/en":   {"Cancelled: Vaktreffen Groningen", "does not take place", "removes it from your calendar"},
		"waiting_list_closed/nl": {"Wachtlijst gesloten: ", "geen plaats voor u vrijgekomen", "Dank u voor uw belangstelling"},
		"waiting_list_closed/de": {"Warteliste geschlossen: ", "kein Platz für Sie frei geworden", "Vielen Dank für Ihr Interesse"},
		"waiting_list_closed/en": {"Waiting list closed: ", "no place has become available for you", "Thank you for your interest"},
		"sign_in/nl":             {"Inloggen bij Vaktreffen", "een kwartier en één keer", "Inloggen:"},
		"sign_in/de":             {"Anmelden bei Vaktreffen", "eine Viertelstunde und nur einmal", "Anmelden:"},
		"sign_in/en":             {"Sign in to Vaktreffen", "once and for a quarter of an hour", "Sign in:"},
		"delegation_invited/nl":  {"Uitnodiging voor Gemeente Oldenburg: ", "tot 12 personen", "uiterlijk 30 april 2027", "warmtenetten", "Wie komen er?:"},
		"delegation_invited/de":  {"Einladung für Gemeente Oldenburg: ", "bis zu 12 Personen", "bis zum 30. April 2027", "warmtenetten", "Wer nimmt teil?:"},
		"delegation_invited/en":  {"Invitation for Gemeente Oldenburg: ", "up to 12 people", "by 30 April 2027", "warmtenetten", "Who is coming?:"},
		"delegation_reminder/nl": {"Herinnering: wie komen er namens Gemeente Oldenburg?", "nog niet wie er", "vrijdag 30 april 2027"},
		"delegation_reminder/de": {"Erinnerung: Wer nimmt für Gemeente Oldenburg teil?", "noch nicht, wer für", "Freitag, 30. April 2027"},
		"delegation_reminder/en": {"Reminder: who is coming from Gemeente Oldenburg?", "do not know yet who", "Friday 30 April 2027"},
		"intake_requested/nl":    {"Intake: ", "houden een plaats voor u vast", "uiterlijk 30 april 2027 doen", "vrijdag 30 april 2027", "Intake invullen:"},
		"intake_requested/de":    {"Vorab-Fragen: ", "einen Platz für Sie frei", "bis zum 30. April 2027", "Freitag, 30. April 2027", "Fragen beantworten:"},
		"intake_requested/en":    {"Intake: ", "holding a place for you", "by 30 April 2027", "Friday 30 April 2027", "Complete the intake:"},
		"intake_reminder/nl":     {"Herinnering intake: ", "nog niet compleet", "uiterlijk 30 april 2027", "Intake invullen:"},
		"intake_reminder/de":     {"Erinnerung an die Vorab-Fragen: ", "fehlen noch Antworten", "bis zum 30. April 2027", "Fragen beantworten:"},
		"intake_reminder/en":     {"Intake reminder: ", "not complete yet", "by 30 April 2027", "Complete the intake:"},
		"run_confirmed/nl":       {"Gaat door: ", "gaat zeker door", "Wij rekenen op uw komst"},
		"run_confirmed/de":       {"Findet statt: ", "findet sicher statt", "Wir rechnen mit Ihnen"},
		"run_confirmed/en":       {"Going ahead: ", "will definitely take place", "look forward to seeing you"},
		"run_cancelled/nl":       {"Gaat niet door: ", "Helaas gaat", "vervalt de afspraak"},
		"run_cancelled/de":       {"Findet nicht statt: ", "leider findet", "entfällt der Termin"},
		"run_cancelled/en":       {"Not going ahead: ", "will not take place", "removes the entry"},
		"invitation_reminder/nl": {"Herinnering: komt u? Vaktreffen", "nog niet of u komt", "uiterlijk 30 april 2027", "Uitnodiging beantwoorden:"},
		"invitation_reminder/de": {"Erinnerung: Nehmen Sie teil? Vaktreffen", "noch nicht, ob Sie", "bis zum 30. April 2027", "Einladung beantworten:"},
		"invitation_reminder/en": {"Reminder: will you attend? Vaktreffen", "do not know yet", "by 30 April 2027", "Answer the invitation:"},
		"campaign_summary/nl":    {"Uitnodigingen verstuurd: Vaktreffen", "op 15 januari 2027 om 12.00 uur", "Verstuurd: 113 van 120", "Mislukt: 4", "3 × het adres bestaat niet", "2 × de persoon wil geen"},
		"campaign_summary/de":    {"Einladungen versandt: Vaktreffen", "vom 15. Januar 2027", "Versandt: 113 von 120", "Fehlgeschlagen: 4", "3 × die Adresse gibt es nicht"},
		"campaign_summary/en":    {"Invitations sent: Vaktreffen", "on 15 January 2027", "Sent: 113 of 120", "Failed: 4", "3 × there is no such address", "1 × the mailbox is full"},
		"report_published/nl":    {"Verslag: Vaktreffen", "is verschenen", "Twaalf gemeenten wisselden", "Verslag lezen:", "als pdf"},
		"report_published/de":    {"Bericht: Vaktreffen", "ist erschienen", "Bericht lesen:", "als PDF"},
		"action_due/nl":          {"Nog te doen: 2 acties", "staan nog open", "had klaar moeten zijn op donderdag 1 juli 2027", "Laten weten hoe het staat:"},
		"action_assigned/de":     {"Sie haben 2 Aufgaben", "bis Donnerstag, 1. Juli 2027", "Meine Aufgaben ansehen:"},
		"help_offered/en":        {"Help offered: Vaktreffen", "Gemeente Bremen offers help", "Asked by: Oldenburg", "Bettina & Co"},
		"action_due/de":          {"Noch zu tun: 2 Aufgaben", "noch offen", "fällig war Donnerstag, 1. Juli 2027"},
		"action_due/en":          {"Still to be done: 2 actions", "are still open", "was due on Thursday 1 July 2027"},
		"action_assigned/nl":     {"U heeft 2 acties", "Bremen uitnodigen", "Mijn acties bekijken:"},
		"action_assigned/en":     {"You have 2 actions", "Bremen uitnodigen", "See my actions:"},
		"help_offered/nl":        {"Hulp aangeboden: Vaktreffen", "Gemeente Bremen biedt hulp aan", "Gesteld door: Oldenburg", "Bel gerust."},
		"help_offered/de":        {"Hilfe angeboten: Vaktreffen", "Gemeente Bremen bietet Hilfe", "Gestellt von: Oldenburg"},
		"report_published/en":    {"Report: Vaktreffen", "has been published", "Read the report:", "as a PDF"},
		"certificate_issued/nl":  {"Uw certificaat: Vaktreffen", "als pdf", "Certificaat controleren:"},
		"certificate_issued/de":  {"Ihre Teilnahmebescheinigung: Vaktreffen", "als PDF", "Bescheinigung prüfen:"},
		"certificate_issued/en":  {"Your certificate: Vaktreffen", "as a PDF", "Check the certificate:"},
		"feedback_requested/nl":  {"Wat vond u ervan? Vaktreffen", "is anoniem", "uiterlijk 30 april 2027", "Vragen beantwoorden:"},
		"feedback_requested/de":  {"Wie hat es Ihnen gefallen? Vaktreffen", "ist anonym", "bis zum 30. April 2027", "Fragen beantworten:"},
		"feedback_requested/en":  {"What did you think of it? Vaktreffen", "is anonymous", "until 30 April 2027", "Answer the questions:"},
		"feedback_reminder/nl":   {"Herinnering: wat vond u ervan? Vaktreffen", "nog geen antwoord", "is anoniem", "niet meer aan"},
		"feedback_reminder/de":   {"Erinnerung: Wie hat es Ihnen gefallen? Vaktreffen", "noch keine Antwort", "ist anonym", "nicht noch einmal"},
		"feedback_reminder/en":   {"Reminder: what did you think of it? Vaktreffen", "no answer from you yet", "is anonymous", "not remind you again"},
		"run_below_minimum/nl":   {"Te weinig deelnemers: ", "5 plaatsen bezet; het minimum is 8", "Deelnemers: 5 (minimum 8)", "Bevestig"},
		"run_below_minimum/de":   {"Zu wenige Teilnehmende: ", "5 Plätze belegt; nötig sind mindestens 8", "Teilnehmende: 5 (mindestens 8)"},
		"run_below_minimum/en":   {"Too few participants: ", "5 places are taken; the minimum is 8", "Participants: 5 (minimum 8)"},
	}
	eachKindAndLocale(t, func(t *testing.T, kind, locale string) {
		letter, err := l.Write(kind, locale, everything(t))
		if err != nil {
			t.Fatal(err)
		}
		all := squeeze(letter.Subject + "\n" + letter.Text())
		phrases := tests[kind+"/"+locale]
		if len(phrases) == 0 {
			t.Fatal("no phrases to look for: add this kind to the table")
		}
		for _, phrase := range phrases {
			if !strings.Contains(all, phrase) {
				t.Errorf("lacks %q:\n%s", phrase, all)
			}
		}
		for _, position := range []string{"plaats 3", "Platz 3", "position 3"} {
			if kind != worker.KindRegistrationWaitlisted && strings.Contains(all, position) {
				t.Errorf("states a position on the waiting list:\n%s", all)
			}
		}
		deadline := []string{worker.KindInvitation, worker.KindInvitationReminder, worker.KindSeatOffered, worker.KindIntakeRequested, worker.KindIntakeReminder,
			worker.KindDelegationInvited, worker.KindDelegationReminder, worker.KindFeedbackRequested, worker.KindFeedbackReminder}
		if !slices.Contains(deadline, kind) && strings.Contains(strings.ToLower(all), "april 2027") {
			t.Errorf("states a deadline:\n%s", all)
		}
	})
}

// Whether a course takes place means something else to who has a place than to who is still to answer or waits.
func TestWhatACourseThatTakesPlaceMeans(t *testing.T) {
	t.Parallel()
	l := letters(t)
	for locale, says := range map[string][3]string{
		"nl": {"Wij rekenen op uw komst.", "uw intake is nog niet compleet", "U heeft nog geen plaats."},
		"de": {"Wir rechnen mit Ihnen.", "fehlen noch Antworten", "Einen Platz haben Sie noch nicht."},
		"en": {"We look forward to seeing you.", "your intake is not complete yet", "You do not have a place yet."},
	} {
		for i, change := range []func(*worker.Facts){func(*worker.Facts) {}, func(f *worker.Facts) { f.IntakeOpen = true }, func(f *worker.Facts) { f.Waits = true }} {
			facts := everything(t)
			change(&facts)
			letter, err := l.Write(worker.KindRunConfirmed, locale, facts)
			if err != nil {
				t.Fatal(err)
			}
			for j, phrase := range says {
				if text := squeeze(letter.Text()); strings.Contains(text, phrase) != (i == j) {
					t.Errorf("%s, case %d, phrase %q:\n%s", locale, i, phrase, text)
				}
			}
		}
	}
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

func TestDatesAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	l := letters(t)
	zone := amsterdam(t)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	at := func(zone *time.Location, month time.Month, day, hour, minute int) time.Time {
		return time.Date(2027, month, day, hour, minute, 0, 0, zone)
	}
	tests := map[string]struct {
		meeting    worker.Meeting
		nl, de, en string
	}{
		"nothing known": {worker.Meeting{}, "datum volgt", "Termin folgt", "date to be announced"},
		"only a year":   {worker.Meeting{Year: 2027}, "2027 (datum volgt)", "2027 (Termin folgt)", "2027 (date to be announced)"},
		"one whole day": {worker.Meeting{Starts: at(zone, 5, 20, 0, 0), WholeDays: true},
			"donderdag 20 mei 2027", "Donnerstag, 20. Mai 2027", "Thursday 20 May 2027"},
		"two days of a month": {worker.Meeting{Starts: at(zone, 5, 20, 0, 0), Ends: at(zone, 5, 21, 0, 0), WholeDays: true},
			"20–21 mei 2027", "20.–21. Mai 2027", "20–21 May 2027"},
		"across months": {worker.Meeting{Starts: at(zone, 5, 31, 0, 0), Ends: at(zone, 6, 2, 0, 0), WholeDays: true},
			"31 mei – 2 juni 2027", "31. Mai – 2. Juni 2027", "31 May – 2 June 2027"},
		"across years": {worker.Meeting{Starts: at(zone, 12, 30, 0, 0), Ends: at(zone, 12, 33, 0, 0), WholeDays: true},
			"30 december 2027 – 2 januari 2028", "30. Dezember 2027 – 2. Januar 2028", "30 December 2027 – 2 January 2028"},
		"a start only": {worker.Meeting{Starts: at(berlin, 5, 20, 9, 5)},
			"donderdag 20 mei 2027, 9.05 uur (Duitse tijd)", "Donnerstag, 20. Mai 2027, 09:05 Uhr (deutsche Zeit)",
			"Thursday 20 May 2027, 09:05 (German time)"},
		"past midnight": {worker.Meeting{Starts: at(oslo, 5, 20, 21, 0), Ends: at(oslo, 5, 21, 1, 0)},
			"van donderdag 20 mei 2027, 21.00 uur tot vrijdag 21 mei 2027, 1.00 uur (Europe/Oslo)",
			"von Donnerstag, 20. Mai 2027, 21:00 Uhr bis Freitag, 21. Mai 2027, 01:00 Uhr (Europe/Oslo)",
			"from Thursday 20 May 2027, 21:00 to Friday 21 May 2027, 01:00 (Europe/Oslo)"},
		"day by day": {worker.Meeting{Starts: at(zone, 5, 20, 9, 30), Ends: at(zone, 5, 21, 13, 0), Days: []worker.Day{
			{at(zone, 5, 20, 9, 30), at(zone, 5, 20, 17, 0)}, {at(zone, 5, 21, 9, 0), at(zone, 5, 21, 13, 0)}}},
			"donderdag 20 mei 2027, 9.30–17.00 uur\nvrijdag 21 mei 2027, 9.00–13.00 uur (Nederlandse tijd)",
			"Donnerstag, 20. Mai 2027, 09:30–17:00 Uhr\nFreitag, 21. Mai 2027, 09:00–13:00 Uhr (niederländische Zeit)",
			"Thursday 20 May 2027, 09:30–17:00\nFriday 21 May 2027, 09:00–13:00 (Dutch time)"},
	}
	for name, test := range tests {
		for locale, want := range map[string]string{"nl": test.nl, "de": test.de, "en": test.en} {
			facts := worker.Facts{OrganiserName: "O", Meeting: test.meeting, AnswerURL: "https://example.org/"}
			facts.Meeting.Title = "T"
			letter, err := l.Write(worker.KindInvitation, locale, facts)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if got := letter.Facts[0].Value; got != want {
				t.Errorf("%s in %s: %q, want %q", name, locale, got, want)
			}
		}
	}
}

func TestDeadlineAtTheEndOfADayIsADate(t *testing.T) {
	t.Parallel()
	l := letters(t)
	zone := amsterdam(t)
	tests := map[time.Time][2]string{
		time.Date(2027, 4, 30, 23, 59, 59, 0, zone): {"uiterlijk 30 april 2027 laten", "vrijdag 30 april 2027"},
		time.Date(2027, 5, 1, 0, 0, 0, 0, zone):     {"uiterlijk 30 april 2027 laten", "vrijdag 30 april 2027"},
		time.Date(2027, 4, 30, 17, 0, 0, 0, zone): {"uiterlijk 30 april 2027 om 17.00 uur (Nederlandse tijd) laten",
			"vrijdag 30 april 2027, 17.00 uur (Nederlandse tijd)"},
	}
	for deadline, want := range tests {
		facts := everything(t)
		facts.RespondBy, facts.Tasks, facts.Help = deadline, nil, nil
		letter, err := l.Write(worker.KindInvitation, "nl", facts)
		if err != nil {
			t.Fatal(err)
		}
		if text := squeeze(letter.Text()); !strings.Contains(text, want[0]) || letter.Facts[4].Value != want[1] {
			t.Errorf("%v: want %q in %s\nand the fact %q, is %+v", deadline, want[0], text, want[1], letter.Facts[4])
		}
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
