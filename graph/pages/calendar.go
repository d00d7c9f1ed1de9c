package pages

import (
	"html/template"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
)

// calendarWords are what pages say of calendars to subscribe to, in one language.
type calendarWords struct {
	Heading, Own, Meeting, Subscribe, Address, Renew, RenewThen string
}

// subscription is a calendar that the reader can subscribe to.
type subscription struct {
	Words     *calendarWords
	Text      string       // what is in it
	Subscribe template.URL // opens a calendar program; "" when the program does not know where people reach it
	Address   string       // for programs that want to be told
}

// subscribe offers the calendar at the address: the reader's own, or that of a meeting. There is none at "".
func subscribe(language db.Locale, address string, own bool) *subscription {
	if address == "" {
		return nil
	}
	w := calendarTongues()[language]
	s := &subscription{Words: w, Text: w.Meeting, Address: address}
	if own {
		s.Text = w.Own
	}
	if _, rest, ok := strings.Cut(address, "://"); ok {
		s.Subscribe = template.URL("webcal://" + rest)
	}
	return s
}

func calendarTongues() map[db.Locale]*calendarWords {
	return map[db.Locale]*calendarWords{
		db.Dutch: {
			Heading:   "In uw agenda",
			Own:       "Al uw aanmeldingen staan in een agenda waarop u zich kunt abonneren. Wijzigingen komen er vanzelf in.",
			Meeting:   "Het programma staat in een agenda waarop u zich kunt abonneren. Wijzigingen komen er vanzelf in; aangemeld bent u daarmee niet.",
			Subscribe: "Abonneren met uw agendaprogramma",
			Address:   "Of voeg in uw agendaprogramma een agenda toe met dit adres:",
			Renew:     "Nieuw adres maken",
			RenewThen: "Wie het adres kent, ziet waarvoor u bent aangemeld. Met een nieuw adres werkt het oude niet meer.",
		},
		db.German: {
			Heading:   "In Ihrem Kalender",
			Own:       "Alle Ihre Anmeldungen stehen in einem Kalender, den Sie abonnieren können. Änderungen erscheinen dort von selbst.",
			Meeting:   "Das Programm steht in einem Kalender, den Sie abonnieren können. Änderungen erscheinen dort von selbst; angemeldet sind Sie damit nicht.",
			Subscribe: "Mit Ihrem Kalenderprogramm abonnieren",
			Address:   "Oder fügen Sie in Ihrem Kalenderprogramm einen Kalender mit dieser Adresse hinzu:",
			Renew:     "Neue Adresse erstellen",
			RenewThen: "Wer die Adresse kennt, sieht, wozu Sie angemeldet sind. Mit einer neuen Adresse gilt die alte nicht mehr.",
		},
		db.English: {
			Heading:   "In your calendar",
			Own:       "All your registrations are in a calendar that you can subscribe to. Changes appear there by themselves.",
			Meeting:   "The programme is in a calendar that you can subscribe to. Changes appear there by themselves; it does not register you.",
			Subscribe: "Subscribe with your calendar program",
			Address:   "Or add a calendar with this address to your calendar program:",
			Renew:     "Make a new address",
			RenewThen: "Whoever knows the address sees what you are registered for. With a new address the old one stops working.",
		},
	}
}
