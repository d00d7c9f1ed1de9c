package pages

import (
	"fmt"

	"github.com/vaktreffen/vaktreffen/db"
)

// Answer returns the page of an invitation: what it is to, what was recorded, and buttons while it can be answered. Unclear
// says that a form came without an answer.
func Answer(a *db.Answer, language db.Locale, unclear bool) ([]byte, error) {
	m := meetingOf(a.Edition, a.CourseRun)
	p := newPersonal(language, m)
	p.For, p.Label = fmt.Sprintf(p.Tongue.InvitationFor, a.Person.Name), p.Tongue.YourAnswer
	p.say(a, m)
	if unclear && a.Open {
		p.Unclear = p.Tongue.Unclear
	}
	p.recordAnswer(a, m)
	if a.Open {
		p.askForAnswer(a, m)
	} else {
		p.closeAnswer(a, m)
	}
	return p.write()
}

// recordAnswer words what was answered. A registration outweighs the invitation: an organiser may have changed it since.
func (p *personal) recordAnswer(a *db.Answer, m meeting) {
	t := p.Tongue
	if a.Registration != nil {
		p.stand(a.Registration, a.Registration.Status, m)
	}
	switch {
	case p.Mood == "yes":
		p.Then = t.ComingThen
	case p.Recorded == t.HeldPlace:
		p.Then += " " + t.HeldWhere
	case p.Recorded != "":
	case a.Invitation.Status == db.InvitationAccepted:
		p.Recorded, p.Mood = t.NoPlace, "no"
	case a.Invitation.Status == db.InvitationDeclined:
		p.Recorded, p.Mood = t.NotComing, "no"
	case !a.Open:
		p.Recorded, p.Mood = t.Unanswered, "no"
	}
}

// askForAnswer words the form. Only answers that would change something get a button.
func (p *personal) askForAnswer(a *db.Answer, m meeting) {
	t := p.Tongue
	p.add(t.Places, t.places(m.seats))
	p.Field, p.Question = "answer", t.Change
	if p.Recorded == "" {
		p.Question = t.Question
	}
	if a.Registration == nil || a.Registration.Status != db.Confirmed && a.Registration.Status != db.Held && a.Registration.Status != db.Waitlisted {
		accept := t.Accept
		if left := m.seats.Left(); left != nil && *left == 0 && p.Recorded != t.Offered {
			accept = t.AcceptWaiting
		}
		p.Buttons = append(p.Buttons, button{"accept", accept, true})
	}
	if p.Recorded != t.NotComing {
		p.Buttons = append(p.Buttons, button{"decline", t.Decline, false})
	}
	switch {
	case a.Until == nil:
	case p.Recorded == "":
		p.Terms = fmt.Sprintf(t.AnswerBy, t.deadline(a.Until.In(m.zone)))
	default:
		p.Terms = fmt.Sprintf(t.ChangeUntil, t.deadline(a.Until.In(m.zone)))
	}
}

// closeAnswer words why there is no form.
func (p *personal) closeAnswer(a *db.Answer, m meeting) {
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
			p.Terms = fmt.Sprintf(t.WasUntil, t.deadline(a.Until.In(m.zone)))
		}
	}
}
