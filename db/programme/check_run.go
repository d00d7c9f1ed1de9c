package programme

import (
	"regexp"
	"slices"
	"time"
)

const (
	maxQuestions = 50
	maxOptions   = 50
)

var vatPattern = regexp.MustCompile(`^[A-Z]{2}[A-Z0-9]{2,13}$`)

// terms checks on which terms a run takes place: minimum, price, payer, trainers and intake.
func (c *checker) terms(at *place, o *Course, r *Run) {
	c.atLeastOne(at.field("minParticipants"), r.MinParticipants)
	most := r.Capacity
	if most == nil {
		most = o.MaxParticipants
	}
	if r.MinParticipants != nil && most != nil && *r.MinParticipants > *most {
		c.problem(at.field("minParticipants"), "Write a minimum of at most %d, the places there are; it is %d.", *most, *r.MinParticipants)
	}
	if here := at.field("decideOn"); c.date(here, r.DecideOn) {
		switch {
		case r.MinParticipants == nil:
			c.problem(at.field("minParticipants"), `Add "minParticipants", or leave out "decideOn"; there is nothing to decide without a minimum.`)
		case r.StartsOn != "" && r.DecideOn > r.StartsOn:
			c.problem(here, "Choose a day that is not after the first day of the run, %s; it is %s.", r.StartsOn, r.DecideOn)
		}
	}
	c.retention(at.field("retentionMonths"), r.RetentionMonths)
	c.money(at.field("price"), r.Price)
	c.refersAll(at.field("trainers"), PersonKind, r.Trainers)
	if i := r.Invoice; i != nil {
		c.invoice(at.field("invoice"), i)
	}
	zone, err := Zone(r.TimeZone)
	if err != nil {
		zone = time.UTC // that the zone is unknown is reported where it stands
	}
	if _, ok := c.instant(at.field("intakeDue"), r.IntakeDue, zone); ok && r.StartsOn != "" && r.IntakeDue[:len(dateLayout)] >= r.StartsOn {
		c.problem(at.field("intakeDue"), "Choose a time before the first day of the run, %s; it is %s.", r.StartsOn, r.IntakeDue)
	}
	if len(r.Intake) > maxQuestions {
		c.problem(at.field("intake"), "Ask at most %d questions; these are %d.", maxQuestions, len(r.Intake))
	}
	keys := map[string]*place{}
	each(at.field("intake"), r.Intake, func(at *place, q *Question) {
		c.key(at.field("key"), q.Key, keys)
		c.question(at, q)
	})
}

func (c *checker) invoice(at *place, i *Invoice) {
	c.present(at.field("organisation"), i.Organisation)
	c.refers(at.field("organisation"), OrganisationKind, i.Organisation)
	c.line(at.field("reference"), i.Reference)
	if i.VATNumber != "" && !vatPattern.MatchString(i.VATNumber) {
		c.problem(at.field("vatNumber"), `Write the VAT number with the letters of its country first and without separators, as in "NL001234567B01".`)
	}
	if c.present(at.field("address"), i.Address) {
		c.text(at.field("address"), i.Address)
	}
}

func (c *checker) question(at *place, q *Question) {
	c.choice(at.field("kind"), q.Kind, "TEXT", "LONG_TEXT", "SINGLE_CHOICE", "MULTIPLE_CHOICE", "YES_NO", "NUMBER")
	c.title(at.field("label"), q.Label)
	c.text(at.field("help"), q.Help)
	if q.Required && q.OrganisersOnly {
		c.problem(at.field("organisersOnly"), `Leave out "required" or "organisersOnly"; participants cannot answer what only organisers see.`)
	}
	here := at.field("options")
	switch choice := q.Kind == "SINGLE_CHOICE" || q.Kind == "MULTIPLE_CHOICE"; {
	case !choice && len(q.Options) > 0:
		c.problem(here, `Leave out "options"; only a choice has them.`)
	case choice && (len(q.Options) < 2 || len(q.Options) > maxOptions):
		c.problem(here, "Write 2 to %d options to choose among; these are %d.", maxOptions, len(q.Options))
	}
	c.lines(here, q.Options)
	for i, option := range q.Options {
		if option != "" && slices.Contains(q.Options[:i], option) {
			c.problem(here.item(i), "Remove one of the items %q; it is listed twice.", option)
		}
	}
}
