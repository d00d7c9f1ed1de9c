package main

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// How much there is in the content for load tests, beside the editions.
const (
	scaleOrganisations = 400
	scaleSpeakers      = 5_000
	scaleInvitees      = 20_000 // people with an address, who contribute to nothing
	scaleThemes        = 60
	scaleSessions      = 40 // of each edition
	scaleRooms         = 6  // of each edition
	scaleSpeeches      = 3  // contributions to each session
	scaleAbstract      = 420
	scaleFileEditions  = 25 // in one file
)

// scaleOrganiser is the key of the organiser of the demonstration, who coordinates the partnership of the load test too.
const scaleOrganiser = "olga-organisator"

// scaleFiles generates programme files for load tests, the same each time: one with the organisations, the people, the themes and
// the partnership "Load test", then files with n editions. They have to be imported in this order, after the demonstration. All
// editions are in the past, from 2009 to 2024, so that real ones come first in lists.
func scaleFiles(n int) iter.Seq[*programme.File] {
	return func(yield func(*programme.File) bool) {
		if !yield(scaleParties()) {
			return
		}
		for first := 0; first < n; first += scaleFileEditions {
			file := &programme.File{}
			for e := first; e < min(first+scaleFileEditions, n); e++ {
				file.Editions = append(file.Editions, scaleEdition(e, n))
			}
			if !yield(file) {
				return
			}
		}
	}
}

// scaleParties is the file with everything that the editions refer to.
func scaleParties() *programme.File {
	file := &programme.File{
		Partnerships: []programme.Partnership{{
			Key: "load-test", Name: "Load test", Kind: "NETWORK", Description: "Generated content, to measure with. Nothing in it is real.",
		}},
		Series: []programme.Series{{Key: "load-test", Partnership: "load-test", Name: "Load test meeting", Cadence: "IRREGULAR"}},
	}
	members := make([]programme.Member, scaleOrganisations)
	for o := range scaleOrganisations {
		organisation := scaleOrganisation(o)
		file.Organisations = append(file.Organisations, organisation)
		file.Series[0].Rotation = append(file.Series[0].Rotation, organisation.Key)
		members[o] = programme.Member{Organisation: organisation.Key, Role: "MEMBER"}
	}
	members[0].Role, members[0].Coordinators = "LEAD", []string{scaleOrganiser}
	file.Partnerships[0].Members = members
	for p := range scaleSpeakers {
		file.People = append(file.People, scalePerson(scaleSpeaker(p), fmt.Sprintf("Speaker %04d", p+1), p*7))
	}
	for p := range scaleInvitees {
		person := scalePerson(fmt.Sprintf("load-invitee-%06d", p+1), fmt.Sprintf("Person %06d", p+1), p)
		person.Email = fmt.Sprintf("person%06d@example.org", p+1)
		file.People = append(file.People, person)
	}
	for t := range scaleThemes {
		file.Themes = append(file.Themes, programme.Theme{Key: scaleTheme(t), Name: fmt.Sprintf("%s %d", pick(subjects, t), t+1)})
	}
	return file
}

func scaleOrganisation(o int) programme.Organisation {
	organisation := programme.Organisation{
		Key: fmt.Sprintf("load-organisation-%03d", o+1), Kind: "MUNICIPALITY", Name: fmt.Sprintf("Proefstad %03d", o+1), Country: "NL",
	}
	german := o%4 == 3
	if german {
		organisation.Name, organisation.Country = fmt.Sprintf("Musterstadt %03d", o+1), "DE"
	}
	if o%3 == 2 {
		organisation.Kind, organisation.InstitutionKind, organisation.Name = "INSTITUTION", "UNIVERSITY", fmt.Sprintf("Proefuniversiteit %03d", o+1)
		if german {
			organisation.Name = fmt.Sprintf("Musteruniversität %03d", o+1)
		}
	}
	return organisation
}

// scalePerson is a person of the nth organisation, beginning again after the last.
func scalePerson(key, name string, n int) programme.Person {
	organisation := scaleOrganisation(n % scaleOrganisations)
	locale := "nl"
	if organisation.Country == "DE" {
		locale = "de"
	}
	return programme.Person{Key: key, Name: name, JobTitle: "Adviser", Organisation: organisation.Key, Locale: locale}
}

func scaleSpeaker(p int) string { return fmt.Sprintf("load-speaker-%04d", p+1) }
func scaleTheme(t int) string   { return fmt.Sprintf("load-theme-%02d", t+1) }

// scaleEdition is the edition e of n.
func scaleEdition(e, n int) programme.Edition {
	first := time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC)
	days := int(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Sub(first).Hours() / 24)
	date := first.AddDate(0, 0, e*days/n)
	host := scaleOrganisation(e % scaleOrganisations)
	zone, languages := "Europe/Amsterdam", []string{"nl", "de"}
	if host.Country == "DE" {
		zone, languages = "Europe/Berlin", []string{"de", "nl"}
	}
	edition := programme.Edition{
		Key: fmt.Sprintf("load-test-%06d", e+1), Series: "load-test", Title: fmt.Sprintf("Load test meeting %d", e+1), Year: date.Year(), Status: "PUBLISHED",
		Host: host.Key, Summary: sentence(e), StartsOn: date.Format(time.DateOnly), EndsOn: date.Format(time.DateOnly), TimeZone: zone, Languages: languages,
		Venue:  &programme.Venue{Name: "Town hall", City: host.Name, Country: host.Country},
		Themes: []string{scaleTheme(e % scaleThemes), scaleTheme((e + 29) % scaleThemes)},
	}
	for r := range scaleRooms {
		edition.Rooms = append(edition.Rooms, programme.Room{Key: scaleRoom(r), Name: fmt.Sprintf("Room %d", r+1)})
	}
	for s := range scaleSessions {
		edition.Sessions = append(edition.Sessions, scaleSession(date, e*scaleSessions+s, s))
	}
	return edition
}

func scaleRoom(r int) string { return fmt.Sprintf("room-%d", r+1) }

// scaleSession is the session s of an edition, the nth of all. As many are on at once as there are rooms.
func scaleSession(date time.Time, n, s int) programme.Session {
	starts := date.Add(9*time.Hour + time.Duration(s/scaleRooms)*45*time.Minute)
	session := programme.Session{
		Key: fmt.Sprintf("session-%02d", s+1), Kind: "BREAKOUT", Title: fmt.Sprintf("%s: %s", pick(subjects, n), pick(angles, n/len(subjects))),
		Abstract: abstract(n), Starts: starts.Format("2006-01-02T15:04"), Ends: starts.Add(40 * time.Minute).Format("2006-01-02T15:04"),
		Room: scaleRoom(s % scaleRooms), Themes: []string{scaleTheme((n*3 + 17) % scaleThemes), scaleTheme((n*3 + 34) % scaleThemes)},
	}
	if s%8 == 0 {
		session.Kind, session.Title = "BREAK", "Coffee, tea and time to talk"
	}
	for c := range scaleSpeeches {
		role := "SPEAKER"
		if c == 0 {
			role = "MODERATOR"
		}
		session.Contributions = append(session.Contributions, programme.Contribution{Role: role, Person: scaleSpeaker((n*13 + c*101) % scaleSpeakers)})
	}
	return session
}

// abstract is a text of exactly scaleAbstract characters. Its last sentence breaks off.
func abstract(n int) string {
	var text strings.Builder
	for at := n; text.Len() < scaleAbstract; at++ {
		text.WriteString(sentence(at) + " ")
	}
	return text.String()[:scaleAbstract-1] + "-"
}

// sentence makes a sentence, in ASCII.
func sentence(n int) string {
	return fmt.Sprintf("%s, seen from %s: %s.", pick(subjects, n), pick(places, n/len(subjects)), pick(claims, n))
}

func pick(list []string, n int) string { return list[n%len(list)] }

var (
	subjects = []string{
		"Housing for starters", "Healthy schools", "Green roofs", "Safe cycling routes", "Empty shops", "Local energy", "Sport for everyone",
		"Digital counters", "Volunteers", "Water in the street", "Work for newcomers",
	}
	angles = []string{
		"what worked and what did not", "first results", "a shared approach", "questions to each other", "lessons for the coming years",
		"plans on one page", "what it costs and who pays",
	}
	places = []string{"a small town", "the edge of a city", "both sides of a border", "an old harbour quarter", "a new district"}
	claims = []string{
		"three neighbourhoods tried it for a year and kept what helped them",
		"the council asked residents first and drew up the plan afterwards",
		"a simple agreement between two departments saved months of work",
		"we compare the figures and look for what explains the differences",
		"the guests bring a case of their own and leave with a next step",
		"experts and residents walk the route together and note what they see",
		"the budget was small, so the partners shared people and rooms",
		"not everything went to plan, and that is the most useful part",
	}
)
