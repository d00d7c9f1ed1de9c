package pages

import (
	"fmt"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// signInWords are what the pages of signing in say in one language.
type signInWords struct {
	SignIn, Ask, Address, Send, BadAddress, Sent, SentThen string
	Ready, Enter, Over, OverThen, WithProvider, NotKnown   string
	TooOften                                               string

	Registrations, NoRegistrations, SignedIn, Here, UnknownDevice, SignOut, SignOutEverywhere, Since string
	Stands                                                                                           map[db.RegistrationStatus]string
}

// SignInStep is which page of signing in is shown.
type SignInStep int

// The steps.
const (
	AskAddress  SignInStep = iota // where shall the link go
	BadAddress                    // that was no address
	LinkSent                      // look into your mail
	LinkOpened                    // press the button
	LinkOver                      // ask for another
	NotKnown                      // the provider vouches for an address that nobody has
	SignInLater                   // asked too often
)

type signInPage struct {
	head
	Tongue                    *tongue
	Words                     *signInWords
	Heading, News, Mood, Text string
	AskAddress                bool
	Enter, Provider           string
}

// SignIn returns a page of signing in. The provider is the name of an OpenID provider, "" when there is none.
func SignIn(step SignInStep, provider string, language db.Locale) ([]byte, error) {
	w := signInTongues()[language]
	p := &signInPage{Tongue: tongues()[language], Words: w, Heading: w.SignIn, AskAddress: true, Mood: "wait"}
	if provider != "" {
		p.Provider = fmt.Sprintf(w.WithProvider, provider)
	}
	switch step {
	case AskAddress:
		p.Text = w.Ask
	case BadAddress:
		p.News, p.Text = w.BadAddress, w.Ask
	case LinkSent:
		p.AskAddress, p.News, p.Text, p.Mood = false, w.Sent, w.SentThen, "yes"
	case LinkOpened:
		p.AskAddress, p.Text, p.Enter = false, w.Ready, w.Enter
	case LinkOver:
		p.News, p.Text = w.Over, w.OverThen
	case NotKnown:
		p.News, p.Text = w.NotKnown, w.Ask
	case SignInLater:
		p.AskAddress, p.News = false, w.TooOften
	}
	p.head = framed(language, w.SignIn)
	return execute("signin", p)
}

type mePage struct {
	head
	Tongue        *tongue
	Words         *signInWords
	Name, Address string
	CheckIn       string
	Doors         []myPlace
	Places        []myPlace
	SignIns       []mySignIn
	Calendar      *subscription
}

type myPlace struct{ Path, Title, When, Stands string }

type mySignIn struct {
	Device, Since string
	Current       bool
}

// OwnPlace is one of the reader's registrations and the path of its page.
type OwnPlace struct {
	Registration *db.Registration
	Path         string
}

// OwnDoor is a meeting at which the reader may check people in, and the path of the page for it.
type OwnDoor struct {
	*db.Door
	Path string
}

// Me returns the page of somebody who is signed in, whose calendar is at the address. The doors and the registrations
// are as db.OwnPlaces gives them.
func Me(person *db.Person, doors []OwnDoor, places []OwnPlace, signIns []*db.AccessToken, calendar string, language db.Locale) ([]byte, error) {
	w, t := signInTongues()[language], tongues()[language]
	p := &mePage{Tongue: t, Words: w, Name: person.Name, Calendar: subscribe(language, calendar, true), CheckIn: checkInTongues()[language].CheckIn}
	if person.Address != nil {
		p.Address = *person.Address
	}
	for _, door := range doors {
		m := meetingOf(door.Edition, door.CourseRun)
		p.Doors = append(p.Doors, myPlace{Path: door.Path, Title: m.title, When: t.when(m)})
	}
	for _, own := range places {
		m := meetingOfPlace(own.Registration)
		p.Places = append(p.Places, myPlace{Path: own.Path, Title: m.title, When: t.when(m), Stands: w.Stands[own.Registration.Status]})
	}
	for _, s := range signIns {
		p.SignIns = append(p.SignIns, mySignIn{Device: s.Device, Since: fmt.Sprintf(w.Since, t.deadline(s.CreatedAt.In(time.UTC))), Current: s.Current})
	}
	p.head = framed(language, person.Name)
	return execute("me", p)
}

// framed is the frame of a page with links to its other languages.
func framed(language db.Locale, title string) head {
	h := head{Language: language, Title: title + " – Vaktreffen", LinksFor: tongues()[language].PageLanguage}
	for _, other := range languages() {
		h.Links = append(h.Links, languageLink{Language: other, Name: tongues()[other].Name, Current: other == language})
	}
	return h
}

func signInTongues() map[db.Locale]*signInWords {
	return map[db.Locale]*signInWords{
		db.Dutch: {
			SignIn: "Inloggen", Ask: "Vul uw e-mailadres in. U krijgt een e-mail met een link waarmee u inlogt; een wachtwoord is niet nodig.",
			Address: "E-mailadres", Send: "Stuur mij een link", BadAddress: "Dit is geen e-mailadres.",
			Sent:     "Kijk in uw e-mail.",
			SentThen: "Is dit adres bij ons bekend, dan staat daar over een paar tellen een bericht met een link. De link werkt een kwartier en één keer. Geen bericht? Kijk dan ook bij ongewenste e-mail, of vraag het de organisator van uw bijeenkomst.",
			Ready:    "Nog één stap: met deze knop logt u in op dit apparaat.", Enter: "Inloggen",
			Over: "Deze link werkt niet meer.", OverThen: "Hij is al gebruikt of ouder dan een kwartier. Vraag hier een nieuwe aan.",
			WithProvider: "Inloggen met %s", NotKnown: "Het adres van dat account is hier niet bekend. Probeer het met het adres waarop u uitgenodigd bent.",
			TooOften:      "Er is hier te vaak om een link gevraagd. Probeer het over een kwartier opnieuw.",
			Registrations: "Uw aanmeldingen", NoRegistrations: "U bent nergens aangemeld.",
			SignedIn: "Waar u bent ingelogd", Here: "hier", UnknownDevice: "onbekend programma", SignOut: "Uitloggen", SignOutEverywhere: "Overal uitloggen",
			Since: "sinds %s",
			Stands: map[db.RegistrationStatus]string{db.Confirmed: "u komt", db.Held: "intake nog invullen", db.Waitlisted: "op de wachtlijst", db.Offered: "plaats aangeboden",
				db.Expired: "verlopen", db.Cancelled: "geannuleerd"},
		},
		db.German: {
			SignIn: "Anmelden", Ask: "Geben Sie Ihre E-Mail-Adresse ein. Sie erhalten eine E-Mail mit einem Link, über den Sie sich anmelden; ein Passwort ist nicht nötig.",
			Address: "E-Mail-Adresse", Send: "Link zusenden", BadAddress: "Das ist keine E-Mail-Adresse.",
			Sent:     "Sehen Sie in Ihre E-Mails.",
			SentThen: "Wenn diese Adresse bei uns bekannt ist, kommt in wenigen Sekunden eine Nachricht mit einem Link an. Der Link gilt eine Viertelstunde und nur einmal. Keine Nachricht? Sehen Sie auch im Spam-Ordner nach, oder fragen Sie die Organisation Ihrer Veranstaltung.",
			Ready:    "Noch ein Schritt: Mit dieser Schaltfläche melden Sie sich auf diesem Gerät an.", Enter: "Anmelden",
			Over: "Dieser Link gilt nicht mehr.", OverThen: "Er wurde schon benutzt oder ist älter als eine Viertelstunde. Fordern Sie hier einen neuen an.",
			WithProvider: "Anmelden mit %s", NotKnown: "Die Adresse dieses Kontos ist hier nicht bekannt. Versuchen Sie es mit der Adresse, an die Sie eingeladen wurden.",
			TooOften:      "Hier wurde zu oft ein Link angefordert. Versuchen Sie es in einer Viertelstunde erneut.",
			Registrations: "Ihre Anmeldungen zu Veranstaltungen", NoRegistrations: "Sie sind zu keiner Veranstaltung angemeldet.",
			SignedIn: "Wo Sie angemeldet sind", Here: "hier", UnknownDevice: "unbekanntes Programm", SignOut: "Abmelden", SignOutEverywhere: "Überall abmelden",
			Since: "seit %s",
			Stands: map[db.RegistrationStatus]string{db.Confirmed: "Sie nehmen teil", db.Held: "Vorab-Fragen noch offen", db.Waitlisted: "auf der Warteliste", db.Offered: "Platz angeboten",
				db.Expired: "abgelaufen", db.Cancelled: "storniert"},
		},
		db.English: {
			SignIn: "Sign in", Ask: "Enter your e-mail address. You will get an e-mail with a link that signs you in; there is no password.",
			Address: "E-mail address", Send: "Send me a link", BadAddress: "This is not an e-mail address.",
			Sent:     "Look into your e-mail.",
			SentThen: "If this address is known here, a message with a link will arrive within seconds. The link works once and for a quarter of an hour. No message? Look at your junk mail too, or ask the organiser of your meeting.",
			Ready:    "One more step: this button signs you in on this device.", Enter: "Sign in",
			Over: "This link no longer works.", OverThen: "It was used before or is older than a quarter of an hour. Ask for a new one here.",
			WithProvider: "Sign in with %s", NotKnown: "The address of that account is not known here. Try the address that you were invited at.",
			TooOften:      "A link was asked for too often. Try again in a quarter of an hour.",
			Registrations: "Your registrations", NoRegistrations: "You are not registered for anything.",
			SignedIn: "Where you are signed in", Here: "here", UnknownDevice: "unknown program", SignOut: "Sign out", SignOutEverywhere: "Sign out everywhere",
			Since: "since %s",
			Stands: map[db.RegistrationStatus]string{db.Confirmed: "you are coming", db.Held: "intake to be completed", db.Waitlisted: "on the waiting list", db.Offered: "place offered",
				db.Expired: "lapsed", db.Cancelled: "cancelled"},
		},
	}
}
