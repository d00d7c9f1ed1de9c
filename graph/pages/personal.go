package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
)

// personal is the page of a personal link: an invitation's or a registration's. What is "" is left out.
type personal struct {
	head
	Tongue   *tongue
	For      string // what it is and whose
	Meeting  string
	Unclear  string // the form came without an answer
	Closed   string // why nothing can be changed any more
	Label    string // what the record is
	Recorded string // where the person stands
	Mood     string // how that looks: yes, wait or no
	Then     string // what follows from it
	Facts    []fact

	Question string // that the form asks
	Terms    string // until when it can be answered, or what an answer leads to
	Field    string // that the buttons set
	Buttons  []button

	Listing []option // who may see the name; nil where there is no list

	Intake *intake // nil when there is none to fill in
	Given  []fact  // what was answered to an intake that is closed

	Message  *message // of the organiser; nil: none
	Summary  string
	Calendar *subscription // nil: none
}

type fact struct{ Label, Value string }

type button struct {
	Value, Label string
	Primary      bool
}

// newPersonal begins a page about a meeting.
func newPersonal(language db.Locale, m meeting) *personal {
	p := &personal{Tongue: tongues()[language], Meeting: m.title, Summary: m.summary}
	p.add(p.Tongue.When, p.Tongue.when(m))
	p.add(p.Tongue.Where, place(m.venue))
	if m.course {
		p.add(p.Tongue.OfferedBy, m.host)
	} else {
		p.add(p.Tongue.Host, m.host)
	}
	p.add(p.Tongue.Language, p.Tongue.languageNames(m.languages))
	if m.price != nil {
		p.add(p.Tongue.Price, p.Tongue.money(m.price))
	}
	return p
}

func (p *personal) add(label, value string) {
	if value != "" {
		p.Facts = append(p.Facts, fact{label, value})
	}
}

// stand words a registration that holds a place or waits for one; it leaves every other to the page.
func (p *personal) stand(r *db.Registration, status db.RegistrationStatus, m meeting) {
	t := p.Tongue
	switch status {
	case db.Confirmed:
		p.Recorded, p.Mood = t.Coming, "yes"
	case db.Held:
		p.Recorded, p.Then, p.Mood = t.HeldPlace, t.HeldThen, "wait"
	case db.Offered:
		p.Recorded, p.Mood = t.Offered, "wait"
		p.Then = fmt.Sprintf(t.OfferedUntil, t.deadline(r.OfferExpiresAt.In(m.zone)))
	case db.Waitlisted:
		p.Recorded, p.Then, p.Mood = fmt.Sprintf(t.Waiting, *r.Position), t.next(m.seats), "wait"
	}
}

// write finishes the page.
func (p *personal) write() ([]byte, error) {
	p.head = head{Language: p.Tongue.Tag, Title: p.Meeting + " – Vaktreffen", LinksFor: p.Tongue.PageLanguage}
	// First what a reader who just pressed a button wants to hear.
	if news := cmp.Or(p.Unclear, p.Closed, p.Recorded); news != "" {
		p.Title = news + " " + p.Title
	}
	p.Links = languageLinks(p.Tongue.Tag)
	return execute("personal", p)
}

func place(v *db.Venue) string {
	if v == nil {
		return ""
	}
	parts := []string{v.Name}
	if v.Address != nil {
		parts = append(parts, *v.Address)
	}
	parts = slices.Compact(append(parts, v.City))
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ", ")
}
