package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
)

// answerPage is what answer.html shows; what is "" is left out.
type answerPage struct {
	head
	Tongue  *tongue
	Meeting string
	Invitee string
	Unclear string // the form came without an answer
	Closed  string // why it can no longer be answered
	Answer  string // what was recorded
	Mood    string // how the answer looks: yes, wait or no
	Then    string // what follows from the answer
	Facts   []fact

	Deadline string
	Accept   string // what the buttons say
	Decline  string

	Summary, Message string
}

type fact struct{ Label, Value string }

// Answer returns the page of an invitation: what it is to, what was recorded, and buttons while it can be answered. Unclear
// says that a form came without an answer.
func Answer(a *db.Answer, language db.Locale, unclear bool) ([]byte, error) {
	t := tongues()[language]
	m := meetingOf(a)
	p := &answerPage{
		Tongue: t, Meeting: m.title, Invitee: fmt.Sprintf(t.InvitationFor, a.Person.Name),
		Summary: m.summary, Message: a.Campaign.Message,
	}
	if unclear && a.Open {
		p.Unclear = t.Unclear
	}
	p.record(a)
	p.state(m, a.Open)
	if a.Open {
		p.offer(a, m)
	} else {
		p.close(a, m)
	}
	p.head = head{Language: language, Title: p.Meeting + " – Vaktreffen", LinksFor: t.PageLanguage}
	// First what a reader who just pressed a button wants to hear.
	if news := cmp.Or(p.Unclear, p.Closed, p.Answer); news != "" {
		p.Title = news + " " + p.Title
	}
	for _, other := range languages() {
		p.Links = append(p.Links, languageLink{Language: other, Name: tongues()[other].Name, Current: other == language})
	}
	return execute("answer", p)
}

// record words what was answered. A registration outweighs the invitation: an organiser may have changed it since.
func (p *answerPage) record(a *db.Answer) {
	t, registered := p.Tongue, db.RegistrationStatus("")
	if a.Registration != nil {
		registered = a.Registration.Status
	}
	switch {
	case registered == db.Confirmed:
		p.Answer, p.Then, p.Mood = t.Coming, t.ComingThen, "yes"
	case registered == db.Waitlisted:
		p.Answer, p.Then, p.Mood = fmt.Sprintf(t.Waiting, a.Position), t.WaitingThen, "wait"
	case a.Invitation.Status == db.InvitationAccepted:
		p.Answer, p.Mood = t.NoPlace, "no"
	case a.Invitation.Status == db.InvitationDeclined:
		p.Answer, p.Mood = t.NotComing, "no"
	case !a.Open:
		p.Answer, p.Mood = t.Unanswered, "no"
	}
}

// state lists the facts of the meeting.
func (p *answerPage) state(m meeting, open bool) {
	t := p.Tongue
	add := func(label, value string) {
		if value != "" {
			p.Facts = append(p.Facts, fact{label, value})
		}
	}
	add(t.When, t.dates(m))
	add(t.Where, place(m.venue))
	if m.course {
		add(t.OfferedBy, m.host)
	} else {
		add(t.Host, m.host)
	}
	add(t.Language, t.languageNames(m.languages))
	if m.price != nil {
		add(t.Price, t.money(m.price))
	}
	if open {
		add(t.Places, t.places(m.seats))
	}
}

// offer words the form. Only answers that would change something get a button.
func (p *answerPage) offer(a *db.Answer, m meeting) {
	t := p.Tongue
	if p.Mood != "yes" && p.Mood != "wait" {
		p.Accept = t.Accept
		if left := m.seats.Left(); left != nil && *left == 0 {
			p.Accept = t.AcceptWaiting
		}
	}
	if p.Answer != t.NotComing {
		p.Decline = t.Decline
	}
	switch {
	case a.Until == nil:
	case p.Answer == "":
		p.Deadline = fmt.Sprintf(t.AnswerBy, t.deadline(a.Until.In(m.zone)))
	default:
		p.Deadline = fmt.Sprintf(t.ChangeUntil, t.deadline(a.Until.In(m.zone)))
	}
}

// close words why there is no form.
func (p *answerPage) close(a *db.Answer, m meeting) {
	t := p.Tongue
	p.Then = ""
	switch {
	case m.cancelled:
		p.Closed, p.Mood = t.Cancelled, "no" // nobody is coming
	case a.Invitation.Status == db.InvitationWithdrawn:
		p.Closed, p.Then = t.Withdrawn, t.Contact
	default:
		p.Closed, p.Then = t.TooLate, t.Contact
		if a.Until != nil {
			p.Deadline = fmt.Sprintf(t.WasUntil, t.deadline(a.Until.In(m.zone)))
		}
	}
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
