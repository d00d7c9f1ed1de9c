package pages

import (
	"fmt"

	"github.com/vaktreffen/vaktreffen/db"
)

// Place returns the page of a registration: where the person stands now, and buttons for what can be changed. Unclear says
// that a form came without an action; typed is what came with an intake that was refused, nil when none was. The person's calendar
// is at the address.
func Place(r *db.Registration, calendar string, language db.Locale, typed *Typed, unclear bool) ([]byte, error) {
	m := meetingOfPlace(r)
	p := newPersonal(language, m)
	t := p.Tongue
	p.For, p.Label, p.Field = fmt.Sprintf(t.RegistrationOf, r.Person.Name), t.YourRegistration, "action"
	p.Calendar = subscribe(language, calendar, true)
	if !m.cancelled {
		p.add(t.CheckInCode, r.CheckInCode)
	}
	p.stand(r, r.Status, m)
	switch {
	case r.Status == db.Cancelled:
		p.Recorded, p.Then, p.Mood = t.CancelledPlace, t.ContactMail, "no"
	case r.Status == db.Expired && *r.ExpiredBecause == db.RegistrationClosed:
		p.Recorded, p.Then, p.Mood = t.LineClosed, t.LineClosedThen, "no"
	case r.Status == db.Expired:
		p.Recorded, p.Then, p.Mood = t.OfferOver, t.OfferOverThen, "no"
	}
	if r.Session == nil && !m.cancelled && r.Status != db.Cancelled && r.Status != db.Expired {
		for _, choice := range []option{
			{Value: string(db.ListNobody), Label: t.ListNobody}, {Value: string(db.ListParticipants), Label: t.ListParticipants},
			{Value: string(db.ListEveryone), Label: t.ListEveryone},
		} {
			choice.Chosen = choice.Value == string(r.Listing)
			p.Listing = append(p.Listing, choice)
		}
	}
	switch {
	case m.cancelled:
		p.Closed, p.Then, p.Mood = t.Cancelled, "", "no" // nobody is coming
		return p.write()
	case !r.Changeable && (r.Status == db.Confirmed || r.Status == db.Held || r.Status == db.Offered):
		p.Closed, p.Then = t.TooLateToChange, t.ContactMail
		return p.write()
	}
	switch r.Status {
	case db.Offered:
		p.Question, p.Terms = t.AcceptQuestion, fmt.Sprintf(t.AnswerBy, t.deadline(r.OfferExpiresAt.In(m.zone)))
		p.Buttons = []button{{string(db.PlaceAccept), t.AcceptPlace, true}, {string(db.PlaceCancel), t.DeclinePlace, false}}
	case db.Confirmed, db.Held:
		p.Question, p.Terms = t.GiveUpQuestion, t.GiveUpThen
		p.Buttons = []button{{string(db.PlaceCancel), t.GiveUp, false}}
	case db.Waitlisted:
		p.Question = t.LeaveQuestion
		p.Buttons = []button{{string(db.PlaceCancel), t.Leave, false}}
	}
	if r.CourseRun != nil && (r.Status == db.Confirmed || r.Status == db.Held || r.Status == db.Waitlisted) {
		p.askIntake(r, m, typed)
	}
	if unclear && (p.Buttons != nil || p.Listing != nil) {
		p.Unclear = t.Unclear
	}
	return p.write()
}
