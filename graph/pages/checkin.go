package pages

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
)

// checkInWords are what the page for checking in says in one language.
type checkInWords struct {
	CheckIn, Expected, Came, WalkIns, NoShows              string
	Search, SearchLabel, Code, CodeHint, CodeButton        string
	List, Nobody, More, In, Undo                           string
	Here                                                   string // time
	NotYet, NoShow, NoPlace, WithoutPlace                  string
	WalkIn, WalkInHint, Name, Organisation, Address        string
	Optional, WalkInButton, ByOrganisation, Of, NoEmployer string
	Done, Undone                                           string // name
	Opens                                                  string // date
	Closed, CodeWrong, CodeUnknown, CodeTwice              string
	NameMissing, AddressWrong, TextWrong, Failed           string
}

// TypedCheckIn is what came with a form, and what was searched for.
type TypedCheckIn struct {
	Text, Action                         string // Action is the address that forms post to
	Code, Key, Name, Organisation, Email string
	Problems                             []*db.Error
}

type checkInPage struct {
	head
	Words               *checkInWords
	Tongue              *tongue
	Meeting             string
	News, Mood, UndoOne string // UndoOne is who can be taken back at once
	Problems            []string
	Facts               []fact
	Typed               TypedCheckIn
	Open                bool
	Rows                []checkInRow
	More                string
	Organisations       []organisationRow
}

type checkInRow struct {
	ID, Name, WorksFor, State string
	Came                      bool
}

type organisationRow struct{ Known, Name, Numbers string } // Known is "" when nobody knows which

// checkInRows is how many people the page lists at once; searching finds the others.
const checkInRows = 50

// CheckIn returns the page for checking people in.
func CheckIn(desk *db.CheckInDesk, typed TypedCheckIn, language db.Locale) ([]byte, error) {
	w, t := checkInTongues()[language], tongues()[language]
	m := meetingOfDesk(desk)
	p := &checkInPage{Words: w, Tongue: t, Meeting: m.title, Typed: typed, Open: desk.Open, Mood: "yes"}
	p.Typed.Key = rand.Text() // one that was refused has done nothing
	switch {
	case desk.Opens != nil:
		p.News, p.Mood = fmt.Sprintf(w.Opens, t.date(desk.Opens.In(m.zone))), "wait"
	case !desk.Open:
		p.News, p.Mood = w.Closed, "wait"
	case len(typed.Problems) > 0 || desk.Last == nil:
	case desk.Last.State == db.AttendeeCame:
		p.News, p.UndoOne = fmt.Sprintf(w.Done, desk.Last.Name), desk.Last.PersonID.String()
	default:
		p.News, p.Mood = fmt.Sprintf(w.Undone, desk.Last.Name), "wait"
	}
	p.count(desk.Attendance)
	for _, a := range desk.Attendees[:min(checkInRows, len(desk.Attendees))] {
		row := checkInRow{ID: a.PersonID.String(), Name: a.Name, WorksFor: a.WorksFor(), Came: a.State == db.AttendeeCame}
		switch a.State {
		case db.AttendeeCame:
			at := a.CheckedInAt.In(m.zone)
			row.State = fmt.Sprintf(w.Here, fmt.Sprintf("%02d:%02d", at.Hour(), at.Minute()))
			if a.WalkIn {
				row.State += ", " + w.WithoutPlace
			}
		case db.AttendeeNoShow:
			row.State = w.NoShow
		case db.AttendeeNoPlace:
			row.State = w.NoPlace
		default:
			row.State = w.NotYet
		}
		p.Rows = append(p.Rows, row)
	}
	if more := len(desk.Attendees) - checkInRows; more > 0 {
		p.More = fmt.Sprintf(w.More, more)
	}
	for _, problem := range typed.Problems {
		p.Problems = append(p.Problems, w.problem(problem))
	}
	p.head = framed(language, w.CheckIn+": "+m.title)
	return execute("checkin", p)
}

func meetingOfDesk(desk *db.CheckInDesk) meeting {
	m := meetingOf(desk.Edition, desk.CourseRun)
	if desk.Session != nil {
		m.title = fmt.Sprintf("%s (%s)", desk.Session.Title, m.title)
	}
	return m
}

func (p *checkInPage) count(a *db.SeatsAttendance) {
	w := p.Words
	p.Facts = []fact{{w.Came, fmt.Sprint(a.Came)}, {w.Expected, fmt.Sprint(a.Expected)}, {w.WalkIns, fmt.Sprint(a.WalkIns)}}
	if a.NoShows > 0 {
		p.Facts = append(p.Facts, fact{w.NoShows, fmt.Sprint(a.NoShows)})
	}
	for _, one := range a.Organisations {
		row := organisationRow{Known: one.Name, Name: one.Name, Numbers: fmt.Sprintf(w.Of, one.Came, one.Expected)}
		if row.Name == "" {
			row.Name = w.NoEmployer
		}
		p.Organisations = append(p.Organisations, row)
	}
}

// problem says in the reader's language what was wrong.
func (w *checkInWords) problem(problem *db.Error) string {
	switch field := strings.Join(problem.Field, "."); {
	case field == "input.code" && problem.Code == db.CodeInvalid:
		return w.CodeWrong
	case field == "input.code" && problem.Code == db.CodeConflict:
		return w.CodeTwice
	case field == "input.code":
		return w.CodeUnknown
	case field == "input.name" && problem.Code == db.CodeRequired:
		return w.NameMissing
	case field == "input.email":
		return w.AddressWrong
	case field == "input.name" || field == "input.organisation":
		return w.TextWrong
	}
	return w.Failed
}

func checkInTongues() map[db.Locale]*checkInWords {
	return map[db.Locale]*checkInWords{
		db.Dutch: {
			CheckIn: "Inchecken", Expected: "Verwacht", Came: "Aanwezig", WalkIns: "Zonder plaats", NoShows: "Niet gekomen",
			Search: "Zoeken", SearchLabel: "Naam of organisatie", Code: "Persoonlijke code", CodeHint: "Acht tekens; hoofdletters en streepjes maken niet uit.", CodeButton: "Inchecken met code",
			List: "Deelnemers", Nobody: "Niemand gevonden.", More: "Er zijn er nog %d; zoek op naam of organisatie.", In: "Inchecken", Undo: "Ongedaan maken",
			Here: "aanwezig sinds %s", NotYet: "nog niet gekomen", NoShow: "niet gekomen", NoPlace: "heeft geen plaats", WithoutPlace: "zonder plaats",
			WalkIn: "Niet aangemeld", WalkInHint: "Voor wie er is zonder aanmelding. De wachtlijst verandert er niet door.", Name: "Naam", Organisation: "Organisatie", Address: "E-mailadres",
			Optional: "(niet verplicht)", WalkInButton: "Toevoegen en inchecken", ByOrganisation: "Per organisatie", Of: "%d aanwezig, %d verwacht", NoEmployer: "Organisatie onbekend",
			Done: "%s is ingecheckt.", Undone: "%s is niet meer ingecheckt.", Opens: "Inchecken kan vanaf %s, de dag voor de bijeenkomst.",
			Closed: "Inchecken kan hier niet.", CodeWrong: "Deze code is niet goed overgenomen. Een code heeft acht tekens; 0, O, 1, I, L en U komen niet voor.",
			CodeUnknown: "Niemand die hier is aangemeld heeft deze code. Zoek op naam.", CodeTwice: "Toevallig hebben twee mensen deze code. Zoek op naam.",
			NameMissing: "Vul de naam in.", AddressWrong: "Dit is geen e-mailadres.", TextWrong: "Gebruik ten hoogste 200 gewone tekens.", Failed: "Dit is niet vastgelegd. Probeer het opnieuw.",
		},
		db.German: {
			CheckIn: "Einlass", Expected: "Erwartet", Came: "Anwesend", WalkIns: "Ohne Platz", NoShows: "Nicht erschienen",
			Search: "Suchen", SearchLabel: "Name oder Organisation", Code: "Persönlicher Code", CodeHint: "Acht Zeichen; Großschreibung und Striche spielen keine Rolle.", CodeButton: "Mit Code einlassen",
			List: "Teilnehmende", Nobody: "Niemand gefunden.", More: "Es gibt noch %d weitere; suchen Sie nach Name oder Organisation.", In: "Ist da", Undo: "Rückgängig",
			Here: "anwesend seit %s", NotYet: "noch nicht da", NoShow: "nicht erschienen", NoPlace: "hat keinen Platz", WithoutPlace: "ohne Platz",
			WalkIn: "Nicht angemeldet", WalkInHint: "Für alle, die ohne Anmeldung da sind. Die Warteliste ändert sich dadurch nicht.", Name: "Name", Organisation: "Organisation", Address: "E-Mail-Adresse",
			Optional: "(freiwillig)", WalkInButton: "Aufnehmen und einlassen", ByOrganisation: "Nach Organisation", Of: "%d anwesend, %d erwartet", NoEmployer: "Organisation unbekannt",
			Done: "%s ist da.", Undone: "%s ist nicht mehr als anwesend vermerkt.", Opens: "Der Einlass beginnt am %s, dem Tag vor der Veranstaltung.",
			Closed: "Hier ist kein Einlass möglich.", CodeWrong: "Dieser Code stimmt so nicht. Ein Code hat acht Zeichen; 0, O, 1, I, L und U kommen nicht vor.",
			CodeUnknown: "Niemand, der hier angemeldet ist, hat diesen Code. Suchen Sie nach dem Namen.", CodeTwice: "Zufällig haben zwei Personen diesen Code. Suchen Sie nach dem Namen.",
			NameMissing: "Geben Sie den Namen ein.", AddressWrong: "Das ist keine E-Mail-Adresse.", TextWrong: "Verwenden Sie höchstens 200 gewöhnliche Zeichen.", Failed: "Das wurde nicht vermerkt. Versuchen Sie es noch einmal.",
		},
		db.English: {
			CheckIn: "Check-in", Expected: "Expected", Came: "Here", WalkIns: "Without a place", NoShows: "Did not come",
			Search: "Search", SearchLabel: "Name or organisation", Code: "Personal code", CodeHint: "Eight characters; capitals and hyphens do not matter.", CodeButton: "Check in by code",
			List: "Participants", Nobody: "Nobody found.", More: "There are %d more; search for a name or an organisation.", In: "Check in", Undo: "Undo",
			Here: "here since %s", NotYet: "not here yet", NoShow: "did not come", NoPlace: "has no place", WithoutPlace: "without a place",
			WalkIn: "Not registered", WalkInHint: "For whoever is here without a registration. The waiting list stays as it is.", Name: "Name", Organisation: "Organisation", Address: "E-mail address",
			Optional: "(optional)", WalkInButton: "Add and check in", ByOrganisation: "By organisation", Of: "%d here, %d expected", NoEmployer: "Organisation unknown",
			Done: "%s is checked in.", Undone: "%s is no longer checked in.", Opens: "Check-in opens on %s, the day before the meeting.",
			Closed: "Nobody can be checked in here.", CodeWrong: "This code was mistyped. A code has eight characters, none of them 0, O, 1, I, L or U.",
			CodeUnknown: "Nobody who is registered here has this code. Search for the name.", CodeTwice: "By chance, two people have this code. Search for the name.",
			NameMissing: "Give the name.", AddressWrong: "This is not an e-mail address.", TextWrong: "Use at most 200 ordinary characters.", Failed: "This was not recorded. Try again.",
		},
	}
}
