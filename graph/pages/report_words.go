package pages

import "github.com/vaktreffen/vaktreffen/db"

// reportWords are what a report says in one language around what people wrote.
type reportWords struct {
	Report, Draft, InReview, Summary, Attendance, Attended, Registered, From            string
	Programme, General, Findings, Questions, AskedBy, Answered, Open, Offers, Materials string
	Actions, Owner, Due, Print, Page                                                    string // a day; page, of pages
	Written                                                                             string // nothing yet
	AddFile, FileTitle, File, FileKinds, Belongs, Send, Remove, Edition                 string
	TitleMissing, FileMissing, FileTooLarge, FileWrong, FilesOff, NotSaved              string
	ActionStatus                                                                        map[db.ActionStatus]string
}

func reportTongues() map[db.Locale]*reportWords {
	return map[db.Locale]*reportWords{
		db.Dutch: {
			Report: "Verslag", Draft: "Dit is een concept. Alleen organisatoren zien het.", InReview: "Dit verslag ligt voor bij wie erbij was. Het is nog niet openbaar.",
			Summary: "Samenvatting", Attendance: "Wie erbij was", Attended: "Aanwezig", Registered: "Aangemeld", From: "Aanwezig per organisatie",
			Programme: "Programma", General: "Bij de hele bijeenkomst", Findings: "Bevindingen", Questions: "Vragen", AskedBy: "Gevraagd door %s", Answered: "beantwoord",
			Open: "nog open", Offers: "Kan helpen", Materials: "Materiaal", Actions: "Afspraken", Owner: "Wie", Due: "uiterlijk %s",
			Print: "Verslag als pdf, om af te drukken", Page: "Bladzijde %d van %s", Written: "Er is nog niets geschreven.",
			AddFile: "Bestand toevoegen", FileTitle: "Titel", File: "Bestand", FileKinds: "Pdf, PNG, JPEG, ODT, ODS, ODP, DOCX, XLSX, PPTX, TXT of CSV, ten hoogste 25 MB.",
			Belongs: "Hoort bij", Send: "Toevoegen", Remove: "Verwijderen", Edition: "de hele bijeenkomst",
			TitleMissing: "Geef het bestand een titel van één regel.",
			FileMissing:  "Kies een bestand dat niet leeg is.",
			FileTooLarge: "Dit bestand is groter dan 25 MB. Kies een kleiner bestand.",
			FileWrong:    "Dit soort bestand kan hier niet bij. Kies een bestand van een van de genoemde soorten, zonder macro’s.",
			FilesOff:     "Hier kunnen geen bestanden worden bewaard. Vraag de beheerder van deze site om hulp.",
			NotSaved:     "Dit is niet opgeslagen. Probeer het opnieuw.",
			ActionStatus: map[db.ActionStatus]string{db.ActionOpen: "nog te doen", db.ActionDone: "gedaan", db.ActionDropped: "vervallen"},
		},
		db.German: {
			Report: "Bericht", Draft: "Dies ist ein Entwurf. Nur die Organisation sieht ihn.", InReview: "Dieser Bericht liegt den Teilnehmenden zur Durchsicht vor. Er ist noch nicht öffentlich.",
			Summary: "Zusammenfassung", Attendance: "Wer dabei war", Attended: "Anwesend", Registered: "Angemeldet", From: "Anwesend nach Organisation",
			Programme: "Programm", General: "Zur ganzen Veranstaltung", Findings: "Erkenntnisse", Questions: "Fragen", AskedBy: "Gefragt von %s", Answered: "beantwortet",
			Open: "noch offen", Offers: "Kann helfen", Materials: "Material", Actions: "Vereinbarungen", Owner: "Wer", Due: "bis %s",
			Print: "Bericht als PDF zum Ausdrucken", Page: "Seite %d von %s", Written: "Es ist noch nichts geschrieben.",
			AddFile: "Datei hinzufügen", FileTitle: "Titel", File: "Datei", FileKinds: "PDF, PNG, JPEG, ODT, ODS, ODP, DOCX, XLSX, PPTX, TXT oder CSV, höchstens 25 MB.",
			Belongs: "Gehört zu", Send: "Hinzufügen", Remove: "Entfernen", Edition: "der ganzen Veranstaltung",
			TitleMissing: "Geben Sie der Datei einen Titel in einer Zeile.",
			FileMissing:  "Wählen Sie eine Datei, die nicht leer ist.",
			FileTooLarge: "Diese Datei ist größer als 25 MB. Wählen Sie eine kleinere.",
			FileWrong:    "Diese Art von Datei kann hier nicht stehen. Wählen Sie eine der genannten Arten, ohne Makros.",
			FilesOff:     "Hier können keine Dateien aufbewahrt werden. Bitten Sie den Betreiber dieser Seite um Hilfe.",
			NotSaved:     "Das wurde nicht gespeichert. Versuchen Sie es noch einmal.",
			ActionStatus: map[db.ActionStatus]string{db.ActionOpen: "noch zu tun", db.ActionDone: "erledigt", db.ActionDropped: "entfallen"},
		},
		db.English: {
			Report: "Report", Draft: "This is a draft. Only organisers see it.", InReview: "This report is being read by those who were there. It is not public yet.",
			Summary: "Summary", Attendance: "Who was there", Attended: "Attended", Registered: "Registered", From: "Attended, by organisation",
			Programme: "Programme", General: "About the whole meeting", Findings: "Findings", Questions: "Questions", AskedBy: "Asked by %s", Answered: "answered",
			Open: "still open", Offers: "Can help", Materials: "Materials", Actions: "Actions", Owner: "Who", Due: "by %s",
			Print: "The report as a PDF, for printing", Page: "Page %d of %s", Written: "Nothing has been written yet.",
			AddFile: "Add a file", FileTitle: "Title", File: "File", FileKinds: "PDF, PNG, JPEG, ODT, ODS, ODP, DOCX, XLSX, PPTX, TXT or CSV, at most 25 MB.",
			Belongs: "Belongs to", Send: "Add", Remove: "Remove", Edition: "the whole meeting",
			TitleMissing: "Give the file a title of one line.",
			FileMissing:  "Choose a file that is not empty.",
			FileTooLarge: "This file is larger than 25 MB. Choose a smaller one.",
			FileWrong:    "Files of this kind cannot be added. Choose one of the kinds named here, without macros.",
			FilesOff:     "No files can be kept here. Ask whoever runs this site for help.",
			NotSaved:     "This was not saved. Try again.",
			ActionStatus: map[db.ActionStatus]string{db.ActionOpen: "to be done", db.ActionDone: "done", db.ActionDropped: "dropped"},
		},
	}
}
