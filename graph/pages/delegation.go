package pages

import (
	"fmt"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
)

// delegationWords are what the page of a delegation says in one language.
type delegationWords struct {
	For, Places, Until, Named, Nobody, Question, Terms, Colleagues, Others, Name, Address, Register, SendNobody string
	Declined, Answered, Closed                                                                                  string
	Stands                                                                                                      map[db.RegistrationStatus]string

	// What was wrong with the form.
	NobodyNamed, NameMissing, AddressWrong, Outside, TooMany, StillComing, Failed string
}

// TypedColleague is a row of the form as it was typed.
type TypedColleague struct{ Name, Email string }

// TypedDelegation is a form that came back with problems.
type TypedDelegation struct {
	Chosen   []db.ID
	Rows     []TypedColleague
	Problems []*db.Error
}

type delegationPage struct {
	head
	Tongue                   *tongue
	Words                    *delegationWords
	For, Meeting, News, Mood string
	Terms                    string
	Problems                 []string
	Facts                    []fact
	Named                    []namedDelegate
	Open                     bool
	Colleagues               []colleague
	Rows                     []delegateRow
}

type namedDelegate struct{ Name, Stands string }

type colleague struct {
	ID, Name, JobTitle string
	Chosen             bool
}

type delegateRow struct {
	Number      int
	Name, Email string
}

// newRows is how many people the form offers to enter at a time.
const newRows = 3

// Delegation returns the page on which a coordinator names who comes.
func Delegation(desk *db.DelegationDesk, typed TypedDelegation, language db.Locale) ([]byte, error) {
	w, t, g := delegationTongues()[language], tongues()[language], desk.Delegation
	m := meetingOf(g.Edition, nil)
	shown := newPersonal(language, m)
	p := &delegationPage{
		Tongue: t, Words: w, For: fmt.Sprintf(w.For, g.InvitedParty()), Meeting: m.title, Facts: shown.Facts, Open: !desk.Closed, Mood: "yes",
		Terms: fmt.Sprintf(w.Terms, g.Places-len(g.Named), t.deadline(g.RespondBy.In(m.zone))),
	}
	p.Facts = append(p.Facts, fact{w.Places, fmt.Sprint(g.Places)}, fact{w.Until, t.deadline(g.RespondBy.In(m.zone))})
	switch {
	case m.cancelled:
		p.News, p.Mood = t.Cancelled, "no"
	case desk.Closed:
		p.News, p.Mood = w.Closed, "wait"
	case g.Status == db.DelegationDeclined:
		p.News, p.Mood = w.Declined, "no"
	case g.Status == db.DelegationAnswered && len(g.Named) > 0:
		p.News = w.Answered
	}
	for _, r := range g.Named {
		p.Named = append(p.Named, namedDelegate{r.Person.Name, w.Stands[r.Status]})
	}
	chosen := map[db.ID]bool{}
	for _, id := range typed.Chosen {
		chosen[id] = true
	}
	for _, person := range desk.Colleagues {
		c := colleague{ID: person.ID.String(), Name: person.Name, Chosen: chosen[person.ID]}
		if person.JobTitle != nil {
			c.JobTitle = *person.JobTitle
		}
		p.Colleagues = append(p.Colleagues, c)
	}
	for i := range max(newRows, len(typed.Rows)) {
		row := delegateRow{Number: i + 1}
		if i < len(typed.Rows) {
			row.Name, row.Email = typed.Rows[i].Name, typed.Rows[i].Email
		}
		p.Rows = append(p.Rows, row)
	}
	for _, problem := range typed.Problems {
		p.Problems = append(p.Problems, w.problem(problem, typed.Rows, g.Places))
	}
	p.head = framed(language, m.title)
	return execute("delegation", p)
}

// problem says in the reader's language what was wrong with the form, whose rows are those that were typed.
func (w *delegationWords) problem(problem *db.Error, rows []TypedColleague, places int) string {
	var row TypedColleague
	field := strings.Join(problem.Field, ".")
	if field == "input.people" && problem.Index != nil && *problem.Index < len(rows) {
		row = rows[*problem.Index]
	}
	switch {
	case field == "input.people" && problem.Code == db.CodeConflict:
		return fmt.Sprintf(w.Outside, row.Name)
	case field == "input.people" && row.Name == "":
		return fmt.Sprintf(w.NameMissing, row.Email)
	case field == "input.people":
		return fmt.Sprintf(w.AddressWrong, row.Name)
	case field == "input.personIds" && problem.Code == db.CodeRequired:
		return w.NobodyNamed
	case field == "input.personIds" && problem.Code == db.CodeTooLarge:
		return fmt.Sprintf(w.TooMany, places)
	case field == "input.delegationId" && problem.Code == db.CodeConflict:
		return w.StillComing
	}
	return w.Failed
}

func delegationTongues() map[db.Locale]*delegationWords {
	return map[db.Locale]*delegationWords{
		db.Dutch: {
			For: "Uitnodiging voor %s", Places: "Plaatsen voor uw organisatie", Until: "Aanmelden tot uiterlijk", Named: "Wie er komen", Nobody: "U heeft nog niemand aangemeld.",
			Question: "Wie meldt u aan?", Terms: "U kunt nog %d personen aanmelden, tot uiterlijk %s. Ieder krijgt een eigen bevestiging.",
			Colleagues: "Collega’s", Others: "Anderen uit uw organisatie", Name: "Naam", Address: "E-mailadres", Register: "Aanmelden", SendNobody: "Wij sturen niemand",
			Declined: "U heeft aangegeven dat er niemand komt.", Answered: "Bedankt, wij weten wie er komen.", Closed: "Aanmelden kan hier niet meer. Neem contact op met de organisator door de e-mail te beantwoorden.",
			NobodyNamed:  "Kies ten minste één collega, of vul een naam en een e-mailadres in.",
			NameMissing:  "Vul ook een naam in bij %s.",
			AddressWrong: "%s: vul een geldig e-mailadres in.",
			Outside:      "%s: dit e-mailadres hoort bij iemand van een andere organisatie.",
			TooMany:      "Uw organisatie heeft %d plaatsen. Meld minder mensen aan, of annuleer eerst een aanmelding.",
			StillComing:  "Er zijn nog mensen van uw organisatie aangemeld. Annuleer eerst hun aanmelding.",
			Failed:       "Aanmelden is niet gelukt. Neem contact op met de organisator door de e-mail te beantwoorden.",
			Stands:       signInTongues()[db.Dutch].Stands,
		},
		db.German: {
			For: "Einladung für %s", Places: "Plätze für Ihre Organisation", Until: "Anmelden bis", Named: "Wer teilnimmt", Nobody: "Sie haben noch niemanden angemeldet.",
			Question: "Wen melden Sie an?", Terms: "Sie können noch %d Personen anmelden, und zwar bis %s. Alle erhalten eine eigene Bestätigung.",
			Colleagues: "Kolleginnen und Kollegen", Others: "Weitere aus Ihrer Organisation", Name: "Name", Address: "E-Mail-Adresse", Register: "Anmelden", SendNobody: "Wir schicken niemanden",
			Declined: "Sie haben angegeben, dass niemand teilnimmt.", Answered: "Danke, wir wissen, wer teilnimmt.", Closed: "Hier kann niemand mehr angemeldet werden. Bitte wenden Sie sich an die Organisation, indem Sie auf die E-Mail antworten.",
			NobodyNamed:  "Wählen Sie mindestens eine Person aus, oder geben Sie einen Namen und eine E-Mail-Adresse ein.",
			NameMissing:  "Geben Sie auch einen Namen zu %s ein.",
			AddressWrong: "%s: Geben Sie eine gültige E-Mail-Adresse ein.",
			Outside:      "%s: Diese E-Mail-Adresse gehört zu jemandem aus einer anderen Organisation.",
			TooMany:      "Ihre Organisation hat %d Plätze. Melden Sie weniger Personen an, oder stornieren Sie zuerst eine Anmeldung.",
			StillComing:  "Aus Ihrer Organisation sind noch Personen angemeldet. Stornieren Sie zuerst deren Anmeldung.",
			Failed:       "Die Anmeldung ist nicht gelungen. Bitte wenden Sie sich an die Organisation, indem Sie auf die E-Mail antworten.",
			Stands:       signInTongues()[db.German].Stands,
		},
		db.English: {
			For: "Invitation for %s", Places: "Places for your organisation", Until: "Register by", Named: "Who is coming", Nobody: "You have not registered anybody yet.",
			Question: "Whom do you register?", Terms: "You can register %d more people, by %s. Everybody gets a confirmation of their own.",
			Colleagues: "Colleagues", Others: "Others from your organisation", Name: "Name", Address: "E-mail address", Register: "Register", SendNobody: "We send nobody",
			Declined: "You said that nobody is coming.", Answered: "Thank you, we know who is coming.", Closed: "Nobody can be registered here any more. Contact the organiser by replying to the e-mail.",
			NobodyNamed:  "Choose at least one colleague, or enter a name and an e-mail address.",
			NameMissing:  "Enter a name for %s too.",
			AddressWrong: "%s: enter a valid e-mail address.",
			Outside:      "%s: this e-mail address belongs to somebody at another organisation.",
			TooMany:      "Your organisation has %d places. Register fewer people, or cancel a registration first.",
			StillComing:  "People of your organisation are still registered. Cancel their registrations first.",
			Failed:       "This did not work. Contact the organiser by replying to the e-mail.",
			Stands:       signInTongues()[db.English].Stands,
		},
	}
}
