package programme

import "time"

// maxOfferHours is a month.
const maxOfferHours = 720

// registration checks the rules of seats, if there are any, whose local times are in the zone.
func (c *checker) registration(at *place, r *Registration, zone *time.Location) {
	if r == nil {
		return
	}
	opens, okOpens := c.instant(at.field("opens"), r.Opens, zone)
	closes, okCloses := c.instant(at.field("closes"), r.Closes, zone)
	if okOpens && okCloses && !opens.Before(closes) {
		c.problem(at.field("closes"), "Let registration close after it opens, at %s.", r.Opens)
	}
	if r.Policy != "" {
		c.choice(at.field("policy"), r.Policy, "OFFER", "AUTOMATIC", "CLOSED")
	}
	if r.Order != "" {
		c.choice(at.field("order"), r.Order, "FIRST_COME", "BALANCED")
	}
	c.atLeastOne(at.field("maxPerOrganisation"), r.MaxPerOrganisation)
	if hours := at.field("offerHours"); r.OfferHours != nil && *r.OfferHours > maxOfferHours {
		c.problem(hours, "Write a number of hours of at most %d; it is %d.", maxOfferHours, *r.OfferHours)
	} else {
		c.atLeastOne(hours, r.OfferHours)
	}
}
