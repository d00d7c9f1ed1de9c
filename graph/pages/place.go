package pages

import (
	"fmt"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// Place returns the page of a registration: where the person stands now, and buttons for what can be changed. Unclear says
// that a form came without an action; typed is what came with an intake that was refused, nil when none was.
func Place(r *db.Registration, now time.Time, language db.Locale, typed *Typed, unclear bool) ([]byte, error) {
	m := meetingOfPlace(r)
	p := newPersonal(language, m)
	t := p.Tongue
	p.For, p.Label, p.Field = fmt.Sprintf(t.RegistrationOf, r.Person.Name), t.YourRegistration, "action"
	status := statusAt(r, m, now)
	p.stand(r, status, m)
	switch {
	case status == db.Cancelled:
		p.Recorded, p.Then, p.Mood = t.CancelledPlace, t.ContactMail, "no"
	case status == db.Expired && m.registrationOver(now):
		p.Recorded, p.Then, p.Mood = t.LineClosed, t.LineClosedThen, "no"
	case status == db.Expired:
		p.Recorded, p.Then, p.Mood = t.OfferOver, t.OfferOverThen, "no"
	}
	switch {
	case m.cancelled:
		p.Closed, p.Then, p.Mood = t.Cancelled, "", "no" // nobody is coming
		return p.write()
	case m.begun(now) && (status == db.Confirmed || status == db.Held || status == db.Offered):
		p.Closed, p.Then = t.TooLateToChange, t.ContactMail
		return p.write()
	}
	switch status {
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
	if r.CourseRun != nil && (status == db.Confirmed || status == db.Held || status == db.Waitlisted) {
		p.askIntake(r, now, m, typed)
	}
	if unclear && p.Buttons != nil {
		p.Unclear = t.Unclear
	}
	return p.write()
}

// PlaceOver reports whether nothing about a registration can be changed any more: the meeting has begun or is cancelled.
func PlaceOver(r *db.Registration, now time.Time) bool {
	m := meetingOfPlace(r)
	return m.cancelled || m.begun(now)
}

// statusAt is where a registration stands now, whether or not somebody wrote down what time alone changed.
func statusAt(r *db.Registration, m meeting, now time.Time) db.RegistrationStatus {
	switch {
	case r.Status == db.Offered && !now.Before(*r.OfferExpiresAt), r.Status == db.Waitlisted && m.registrationOver(now):
		return db.Expired
	}
	return r.Status
}
