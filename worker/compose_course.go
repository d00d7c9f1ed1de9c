package worker

import (
	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/calendar"
)

// courseFacts adds what a mail tells of an intake or of the fate of a course run.
func (w *Worker) courseFacts(m *db.Mail, facts *Facts, message *Message) {
	run := m.CourseRun
	if run == nil {
		return
	}
	if r := m.Registration; r != nil {
		facts.Waits = r.Status == db.Waitlisted || r.Status == db.Offered
		facts.IntakeOpen = r.Status == db.Held
	}
	switch m.Delivery.Kind {
	case db.MailIntakeRequested, db.MailIntakeReminder:
		if due := run.IntakeDueAt; due != nil && m.Delivery.DatedAt.Before(*due) {
			facts.RespondBy = due.In(meetingZone(m))
		}
	case db.MailRunCancelled:
		if m.Registration.Status == db.Confirmed {
			message.Calendar = w.place(m, m.Registration, nil, calendar.Cancel)
		}
	case db.MailRunBelowMinimum:
		facts.Taken, facts.Minimum = run.Seats.Taken, *run.MinParticipants
	}
}
