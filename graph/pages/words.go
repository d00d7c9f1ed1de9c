package pages

import "github.com/vaktreffen/vaktreffen/db"

func tongues() map[db.Locale]*tongue {
	return map[db.Locale]*tongue{db.Dutch: dutch(), db.German: german(), db.English: english()}
}

func dutch() *tongue {
	return &tongue{
		Tag: db.Dutch, Name: "Nederlands",
		Skip: "Naar de inhoud", PageLanguage: "Taal van deze pagina", When: "Wanneer", Where: "Waar", Host: "Gastheer", OfferedBy: "Aanbieder", Language: "Talen",
		Price: "Prijs", Places: "Plaatsen", YourAnswer: "Uw antwoord", About: "Over deze bijeenkomst", Message: "Bericht van de organisator",
		InvitationFor: "Uitnodiging voor %s",
		Coming:        "U komt.", ComingThen: "U ontvangt een bevestiging per e-mail.",
		Waiting:     "U staat op plaats %d van de wachtlijst.",
		WaitingThen: "Komt er een plaats vrij, dan gaat die naar wie het langst wacht. U krijgt een e-mail zodra u aan de beurt bent.",
		NotComing:   "U komt niet.",
		NoPlace:     "U heeft de uitnodiging aangenomen, maar u heeft geen plaats.",
		Unanswered:  "U heeft niet geantwoord.",
		Question:    "Komt u?", Change: "Uw antwoord wijzigen",
		AnswerBy: "Antwoord uiterlijk %s.", ChangeUntil: "Wijzigen kan tot uiterlijk %s.",
		Accept: "Ja, ik kom", AcceptWaiting: "Ja, zet mij op de wachtlijst", Decline: "Nee, ik kom niet",
		Personal:  "Deze pagina is persoonlijk: wie de link heeft, kan namens u antwoorden.",
		Cancelled: "Deze bijeenkomst gaat niet door.", Withdrawn: "Deze uitnodiging is ingetrokken.",
		TooLate: "Antwoorden kan niet meer.", WasUntil: "Dat kon tot uiterlijk %s.",
		Contact:      "Heeft u vragen of is er iets veranderd? Beantwoord dan de e-mail met de uitnodiging.",
		Unclear:      "Uw antwoord is niet aangekomen. Kies een van de knoppen.",
		UnknownTitle: "Deze link werkt niet",
		UnknownHelp: "De link is onvolledig of bestaat niet meer. Open hem opnieuw vanuit de e-mail of kopieer hem in zijn geheel. " +
			"Helpt dat niet, beantwoord dan de e-mail.",
		FailureTitle: "Er ging hier iets mis",
		FailureHelp:  "Probeer het over een paar minuten opnieuw. Gaat het weer mis, beantwoord dan de e-mail en noem dit kenmerk:",
		Full:         "Alle plaatsen zijn bezet", OnePlace: "Nog 1 plaats vrij", PlacesLeft: "Nog %d plaatsen vrij",
		And: "en", ToBeAnnounced: "datum volgt",
		Months: [12]string{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober",
			"november", "december"},
		Weekdays: [7]string{"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"},
		Date:     "%s %d %s %d", Dates: "%s tot en met %s", WholeDay: "%s", Moment: "%s om %d.%02d uur (%s)",
		DecimalSeparator: ",",
		Zones: map[string]string{"Europe/Amsterdam": "Nederlandse tijd", "Europe/Berlin": "Duitse tijd",
			"Europe/Brussels": "Belgische tijd", "Europe/London": "Britse tijd"},
	}
}

func german() *tongue {
	return &tongue{
		Tag: db.German, Name: "Deutsch",
		Skip: "Zum Inhalt", PageLanguage: "Sprache dieser Seite", When: "Termin", Where: "Ort", Host: "Gastgeber", OfferedBy: "Anbieter", Language: "Sprachen",
		Price: "Preis", Places: "Plätze", YourAnswer: "Ihre Antwort", About: "Über diese Veranstaltung", Message: "Nachricht der Organisation",
		InvitationFor: "Einladung für %s",
		Coming:        "Sie nehmen teil.", ComingThen: "Sie erhalten eine Bestätigung per E-Mail.",
		Waiting:     "Sie stehen auf Platz %d der Warteliste.",
		WaitingThen: "Ein frei werdender Platz geht an die Person, die am längsten wartet. Sie erhalten eine E-Mail, sobald Sie an der Reihe sind.",
		NotComing:   "Sie nehmen nicht teil.",
		NoPlace:     "Sie haben die Einladung angenommen, haben aber keinen Platz.",
		Unanswered:  "Sie haben nicht geantwortet.",
		Question:    "Nehmen Sie teil?", Change: "Ihre Antwort ändern",
		AnswerBy: "Bitte antworten Sie bis %s.", ChangeUntil: "Ändern können Sie sie bis %s.",
		Accept: "Ja, ich nehme teil", AcceptWaiting: "Ja, auf die Warteliste", Decline: "Nein, ich nehme nicht teil",
		Personal:  "Diese Seite ist persönlich: Wer den Link hat, kann in Ihrem Namen antworten.",
		Cancelled: "Diese Veranstaltung findet nicht statt.", Withdrawn: "Diese Einladung wurde zurückgezogen.",
		TooLate: "Eine Antwort ist nicht mehr möglich.", WasUntil: "Möglich war sie bis %s.",
		Contact:      "Haben Sie Fragen oder hat sich etwas geändert? Dann antworten Sie bitte auf die E-Mail mit der Einladung.",
		Unclear:      "Ihre Antwort ist nicht angekommen. Bitte wählen Sie eine der Schaltflächen.",
		UnknownTitle: "Dieser Link funktioniert nicht",
		UnknownHelp: "Der Link ist unvollständig oder nicht mehr gültig. Öffnen Sie ihn noch einmal aus der E-Mail oder kopieren Sie ihn " +
			"vollständig. Hilft das nicht, antworten Sie bitte auf die E-Mail.",
		FailureTitle: "Hier ist etwas schiefgegangen",
		FailureHelp: "Bitte versuchen Sie es in einigen Minuten noch einmal. Gelingt es wieder nicht, antworten Sie bitte auf die E-Mail " +
			"und nennen Sie dieses Kennzeichen:",
		Full: "Alle Plätze sind belegt", OnePlace: "Noch 1 Platz frei", PlacesLeft: "Noch %d Plätze frei",
		And: "und", ToBeAnnounced: "Termin folgt",
		Months: [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
			"November", "Dezember"},
		Weekdays: [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
		Date:     "%s, %d. %s %d", Dates: "%s bis %s", WholeDay: "einschließlich %s", Moment: "%s, %02d:%02d Uhr (%s)",
		DecimalSeparator: ",",
		Zones: map[string]string{"Europe/Amsterdam": "niederländische Zeit", "Europe/Berlin": "deutsche Zeit",
			"Europe/Brussels": "belgische Zeit", "Europe/London": "britische Zeit"},
	}
}

func english() *tongue {
	return &tongue{
		Tag: db.English, Name: "English",
		Skip: "Skip to the content", PageLanguage: "Language of this page", When: "When", Where: "Where", Host: "Host", OfferedBy: "Offered by", Language: "Languages",
		Price: "Price", Places: "Places", YourAnswer: "Your answer", About: "About this meeting", Message: "Message from the organiser",
		InvitationFor: "Invitation for %s",
		Coming:        "You are coming.", ComingThen: "You will get a confirmation by e-mail.",
		Waiting:     "You are at position %d on the waiting list.",
		WaitingThen: "A place that becomes free goes to whoever has waited longest. You will get an e-mail as soon as it is your turn.",
		NotComing:   "You are not coming.",
		NoPlace:     "You accepted the invitation, but you have no place.",
		Unanswered:  "You did not answer.",
		Question:    "Will you come?", Change: "Change your answer",
		AnswerBy: "Please answer by %s.", ChangeUntil: "You can change it until %s.",
		Accept: "Yes, I will come", AcceptWaiting: "Yes, put me on the waiting list", Decline: "No, I will not come",
		Personal:  "This page is personal: anyone who has the link can answer on your behalf.",
		Cancelled: "This meeting has been cancelled.", Withdrawn: "This invitation has been withdrawn.",
		TooLate: "It is too late to answer.", WasUntil: "That was possible until %s.",
		Contact:      "Do you have a question, or has something changed? Then reply to the e-mail with the invitation.",
		Unclear:      "Your answer did not arrive. Choose one of the buttons.",
		UnknownTitle: "This link does not work",
		UnknownHelp: "The link is incomplete or no longer exists. Open it again from the e-mail, or copy the whole of it. " +
			"If that does not help, reply to the e-mail.",
		FailureTitle: "Something went wrong here",
		FailureHelp:  "Try again in a few minutes. If it goes wrong again, reply to the e-mail and mention this reference:",
		Full:         "All places are taken", OnePlace: "1 place left", PlacesLeft: "%d places left",
		And: "and", ToBeAnnounced: "date to be announced",
		Months: [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
			"November", "December"},
		Weekdays: [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		Date:     "%s %d %s %d", Dates: "%s to %s", WholeDay: "the end of %s", Moment: "%s at %02d:%02d (%s)",
		DecimalSeparator: ".",
		Zones: map[string]string{"Europe/Amsterdam": "Dutch time", "Europe/Berlin": "German time",
			"Europe/Brussels": "Belgian time", "Europe/London": "British time"},
	}
}
