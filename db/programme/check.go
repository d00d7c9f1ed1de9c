package programme

import (
	"strings"
	"time"
)

// check walks over all records of a file and reports what is wrong with them.
func check(f *File, r *report) *checker {
	c := &checker{report: r, keys: map[Kind]map[string]*place{}, zones: map[string]*time.Location{}}
	for _, kind := range []Kind{OrganisationKind, PersonKind, ThemeKind, PartnershipKind, SeriesKind, CourseKind} {
		c.keys[kind] = map[string]*place{}
	}
	var file *place
	each(file.field("organisations"), f.Organisations, c.organisations())
	each(file.field("people"), f.People, c.people())
	each(file.field("themes"), f.Themes, func(at *place, t *Theme) {
		c.key(at.field("key"), t.Key, c.keys[ThemeKind])
		c.title(at.field("name"), t.Name)
	})
	each(file.field("partnerships"), f.Partnerships, c.partnership)
	each(file.field("series"), f.Series, func(at *place, s *Series) {
		c.key(at.field("key"), s.Key, c.keys[SeriesKind])
		c.present(at.field("partnership"), s.Partnership)
		c.refers(at.field("partnership"), PartnershipKind, s.Partnership)
		c.title(at.field("name"), s.Name)
		c.text(at.field("description"), s.Description)
		c.choice(at.field("cadence"), s.Cadence, "YEARLY", "HALF_YEARLY", "QUARTERLY", "MONTHLY", "ONCE", "IRREGULAR")
		c.refersAll(at.field("rotation"), OrganisationKind, s.Rotation)
	})
	editions := map[string]*place{}
	each(file.field("editions"), f.Editions, func(at *place, e *Edition) {
		c.key(at.field("key"), e.Key, editions)
		c.edition(at, e)
	})
	each(file.field("courses"), f.Courses, c.course)
	return c
}

// each visits the items of a list.
func each[T any](at *place, list []T, visit func(*place, *T)) {
	for i := range list {
		visit(at.item(i), &list[i])
	}
}

func (c *checker) organisations() func(*place, *Organisation) {
	codes := map[string]*place{}
	return func(at *place, o *Organisation) {
		c.key(at.field("key"), o.Key, c.keys[OrganisationKind])
		c.choice(at.field("kind"), o.Kind, "MUNICIPALITY", "INSTITUTION")
		c.title(at.field("name"), o.Name)
		c.country(at.field("country"), o.Country)
		c.website(at.field("website"), o.Website)
		c.atLeastOne(at.field("population"), o.Population)
		switch o.Kind {
		case "MUNICIPALITY":
			if o.InstitutionKind != "" {
				c.problem(at.field("institutionKind"), `Leave out "institutionKind"; only an INSTITUTION has one.`)
			}
		case "INSTITUTION":
			c.choice(at.field("institutionKind"), o.InstitutionKind,
				"UNIVERSITY", "COMPANY", "AGENCY", "ASSOCIATION", "KNOWLEDGE_INSTITUTE", "MINISTRY", "OTHER")
			if o.Code != "" {
				c.problem(at.field("code"), `Leave out "code"; only a MUNICIPALITY has one.`)
			}
			if o.Population != nil {
				c.problem(at.field("population"), `Leave out "population"; only a MUNICIPALITY has one.`)
			}
		}
		here := at.field("code")
		first, used := codes[o.Country+o.Code]
		switch {
		case o.Code == "":
		case !codePattern.MatchString(o.Code):
			c.problem(here, `Write the official code in capital letters and digits, as in "GM0014" or "04011000".`)
		case used:
			c.problem(here, "Correct one of the codes; %q is already that of %s.", o.Code, first.parent)
		default:
			codes[o.Country+o.Code] = here
		}
	}
}

func (c *checker) people() func(*place, *Person) {
	emails := map[string]*place{}
	return func(at *place, p *Person) {
		c.key(at.field("key"), p.Key, c.keys[PersonKind])
		c.title(at.field("name"), p.Name)
		c.line(at.field("jobTitle"), p.JobTitle)
		c.present(at.field("organisation"), p.Organisation)
		c.refers(at.field("organisation"), OrganisationKind, p.Organisation)
		c.choice(at.field("locale"), p.Locale, "nl", "de", "en")
		here, address := at.field("email"), strings.ToLower(p.Email)
		c.email(here, p.Email)
		if first, used := emails[address]; used {
			c.problem(here, "Give each person an address of their own; %q is already that of %s.", p.Email, first.parent)
		} else if address != "" {
			emails[address] = here
		}
	}
}

func (c *checker) partnership(at *place, p *Partnership) {
	c.key(at.field("key"), p.Key, c.keys[PartnershipKind])
	c.title(at.field("name"), p.Name)
	c.choice(at.field("kind"), p.Kind, "CROSS_BORDER", "ASSOCIATION", "NETWORK", "BILATERAL")
	c.text(at.field("description"), p.Description)
	if p.Since != nil {
		c.year(at.field("since"), *p.Since)
	}
	members := map[string]*place{}
	each(at.field("members"), p.Members, func(at *place, m *Member) {
		here := at.field("organisation")
		c.present(here, m.Organisation)
		c.refers(here, OrganisationKind, m.Organisation)
		if first, used := members[m.Organisation]; used && m.Organisation != "" {
			c.problem(here, "Remove one of the members %q; it is already %s.", m.Organisation, first.parent)
		} else {
			members[m.Organisation] = here
		}
		c.choice(at.field("role"), m.Role, "LEAD", "MEMBER", "SECRETARIAT")
		c.refersAll(at.field("coordinators"), PersonKind, m.Coordinators)
	})
	agreements := map[string]*place{}
	each(at.field("agreements"), p.Agreements, func(at *place, a *Agreement) {
		c.key(at.field("key"), a.Key, agreements)
		c.title(at.field("title"), a.Title)
		if here := at.field("signedOn"); c.present(here, a.SignedOn) {
			if t, _, err := PartialDate(a.SignedOn); err != nil || t.Year() < minYear {
				c.problem(here, `Write the date as exactly as it is known, as in "2009", "2009-05" or "2009-05-14"; %q is none of these.`, a.SignedOn)
			}
		}
		here := at.field("termYears")
		c.atLeastOne(here, a.TermYears)
		if a.TermYears != nil && *a.TermYears > maxTermYears {
			c.problem(here, "Write a term of at most %d years, or leave the field out when the agreement has no end.", maxTermYears)
		}
		c.choice(at.field("renewal"), a.Renewal, "TACIT", "EXPLICIT")
	})
	c.practices(at.field("practices"), p.Practices)
}

func (c *checker) course(at *place, o *Course) {
	c.key(at.field("key"), o.Key, c.keys[CourseKind])
	c.present(at.field("organisation"), o.Organisation)
	c.refers(at.field("organisation"), OrganisationKind, o.Organisation)
	c.title(at.field("title"), o.Title)
	c.text(at.field("summary"), o.Summary)
	c.lines(at.field("audience"), o.Audience)
	c.lines(at.field("topics"), o.Topics)
	if o.Days < 1 || o.Days > maxCourseDays {
		c.problem(at.field("days"), "Write how many days the course takes, from 1 to %d; it is %d.", maxCourseDays, o.Days)
	}
	c.atLeastOne(at.field("maxParticipants"), o.MaxParticipants)
	c.money(at.field("price"), o.Price)
	c.refersAll(at.field("trainers"), PersonKind, o.Trainers)
	c.refersAll(at.field("related"), CourseKind, o.Related)
	for i, key := range o.Related {
		if key == o.Key && key != "" {
			c.problem(at.field("related").item(i), "Remove %q; a course is not related to itself.", key)
		}
	}
	runs := map[string]*place{}
	each(at.field("runs"), o.Runs, func(at *place, r *Run) {
		c.key(at.field("key"), r.Key, runs)
		c.present(at.field("startsOn"), r.StartsOn)
		c.present(at.field("endsOn"), r.EndsOn)
		c.days(at, r.StartsOn, r.EndsOn)
		zone := c.zone(at.field("timeZone"), r.TimeZone)
		c.choice(at.field("status"), r.Status, "DRAFT", "PLANNED", "CONFIRMED", "CANCELLED")
		c.venue(at.field("venue"), r.Venue)
		c.workingLanguages(at.field("languages"), r.Languages)
		c.atLeastOne(at.field("capacity"), r.Capacity)
		c.registration(at.field("registration"), r.Registration, zone)
		c.terms(at, o, r)
	})
}
