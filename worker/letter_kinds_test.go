package worker_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/worker"
)

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
