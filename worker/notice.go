package worker

import (
	"fmt"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/calendar"
)

// notice words a mail about a change. It is about the meeting itself, or about the one item on the programme that changed;
// other items, and new ones, are listed beside it. It returns the calendar entry for who has not answered an invitation yet, nil for everybody else.
func (w *Worker) notice(m *db.Mail, whole Meeting, message *Message, facts *Facts) (published *calendar.Entry) {
	zone, changes := meetingZone(m), m.Notice.Changes
	switch {
	case m.Notice.AsCoordinator:
		facts.Delegated, facts.Delegation, facts.AnswerURL = true, m.Delegation.InvitedParty(), w.cfg.PublicURL+"/d/"+m.DeskToken
	case m.Registration == nil:
		facts.Invited, facts.AnswerURL = true, w.cfg.PublicURL+"/i/"+m.AnswerToken
		published = w.meeting(m, m.Delivery.CreatedAt)
	}
	facts.Meeting = whole
	if first := changes[0]; first.Session == nil || len(changes) == 1 && !first.New {
		changes = changes[1:]
		if first.Session != nil {
			facts.Meeting.narrow(first.Session, zone)
		}
		was := facts.Meeting
		facts.Meeting.Cancelled = first.Now.Cancelled
		was.tell(first.Before, zone)
		if first.Session != nil {
			was.Title = fmt.Sprintf("%s (%s)", first.Before.Title, whole.Title)
		} else {
			was.VenueName, was.Address, was.City = first.Before.VenueName, first.Before.VenueAddress, first.Before.VenueCity
		}
		facts.Was = &was
	}
	for _, c := range changes {
		item := Item{New: c.New}
		item.Was.tell(c.Before, zone)
		item.Now.tell(c.Now, zone)
		facts.Items = append(facts.Items, item)
	}
	message.Kind = KindMeetingChanged
	if facts.Meeting.Cancelled {
		message.Kind = KindMeetingCancelled
	}
	for _, e := range m.Notice.Entries {
		method := calendar.Request
		if e.Cancelled {
			method = calendar.Cancel
		}
		switch part := w.place(m, e.Registration, e.Session, method); {
		case part == nil:
		case message.Calendar == nil:
			message.Calendar = part
		default:
			message.Others = append(message.Others, *part)
		}
	}
	return published
}

// tell sets what people are told of when and where a meeting or an item on its programme is.
func (m *Meeting) tell(f db.Facts, zone *time.Location) {
	m.Title, m.Year, m.Room, m.Cancelled, m.Days = f.Title, f.Year, f.Room, f.Cancelled, nil
	m.Starts, m.Ends, m.WholeDays = time.Time{}, time.Time{}, false
	if own, err := time.LoadLocation(f.TimeZone); err == nil {
		zone = own
	}
	if f.StartsOn != "" {
		m.setDays(f.StartsOn, f.EndsOn, zone)
	}
	m.setHours(f.Hours, zone)
}
