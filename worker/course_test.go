package worker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// course adds a run in six months that asks one question a month before, and is to have two participants by then.
func (s *scene) course(t *testing.T) (run, seats db.ID) {
	t.Helper()
	day, due := time.Now().AddDate(0, 6, 0), time.Now().AddDate(0, 5, 0)
	two := 2
	file := &programme.File{Courses: []programme.Course{{
		Key: "masterclass", Organisation: "groningen", Title: "Masterclass", Days: 1, Runs: []programme.Run{{
			Key: "run", StartsOn: day.Format(time.DateOnly), EndsOn: day.Format(time.DateOnly), TimeZone: "Europe/Amsterdam", Status: "PLANNED",
			Languages: []string{"en"}, Capacity: &two, MinParticipants: &two, DecideOn: due.Format(time.DateOnly), IntakeDue: due.Format(time.DateOnly) + "T17:00",
			Intake: []programme.Question{{Key: "case", Kind: "TEXT", Label: "Your case?", Required: true}},
		}},
	}}}
	if problems, err := s.db.Import(t.Context(), file, nil); err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	return s.id(t, "SELECT id FROM course_runs"), s.id(t, "SELECT id FROM seats WHERE course_run_id IS NOT NULL")
}

// answer completes the intake by the link in a mail.
func (s *scene) answer(t *testing.T, mail *enmime.Envelope) {
	t.Helper()
	text := "A case of my own"
	r, err := s.db.AnswerPlace(t.Context(), token(t, mail), []db.IntakeAnswerInput{{QuestionID: s.id(t, "SELECT id FROM intake_questions"), Text: &text}}, nil)
	if err != nil || r == nil || r.Status != db.Confirmed {
		t.Fatal(r, err)
	}
}

// From the place that is held to the run that is called off: every mail once, with its deadline and its calendar entry.
func TestTheMailsOfACourse(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		run, seats := s.course(t)
		due := time.Now().AddDate(0, 5, 0)
		s.join(t, seats, "anna", "bert", "cora")
		s.work(t, 2)
		request := s.mail(t, db.MailIntakeRequested, "anna")
		for _, part := range []string{squeeze(request.Text), squeeze(request.HTML)} {
			if !strings.Contains(part, due.Format("Monday 2 January 2006")+", 17:00 (Dutch time)") || !strings.Contains(part, "We are holding a place for you in ‘Masterclass’") {
				t.Errorf("the request says\n%s", part)
			}
		}
		if len(request.Attachments) != 0 {
			t.Error("a place that is held is no date for the calendar")
		}
		s.answer(t, request)
		entry := string(s.mail(t, db.MailConfirmed, "anna").Attachments[0].Content)
		uid := line(entry, "UID:")
		if !strings.Contains(entry, "METHOD:REQUEST") || line(entry, "SEQUENCE:") != "SEQUENCE:0" {
			t.Errorf("the calendar entry:\n%s", entry)
		}
		s.mail(t, db.MailIntakeRequested, "bert")
		s.mail(t, db.MailWaitlisted, "cora")
		s.forward(time.Until(due.AddDate(0, 0, -2)))
		reminder := s.mail(t, db.MailIntakeReminder, "bert")
		if !strings.Contains(squeeze(reminder.Text), "your intake is not complete yet") {
			t.Errorf("the reminder says\n%s", reminder.Text)
		}
		if r, err := s.db.ChangePlace(t.Context(), token(t, reminder), db.PlaceCancel); r == nil || err != nil {
			t.Fatal(r, err)
		}
		gone := s.mail(t, db.MailCancelled, "bert")
		if len(gone.Attachments) != 0 {
			t.Error("a cancellation for a calendar that never had the entry")
		}
		if words := squeeze(gone.Text); !strings.Contains(words, "We are no longer holding a place for you") || strings.Contains(words, "waiting list") {
			t.Errorf("whose place was held is told\n%s", gone.Text)
		}
		s.mail(t, db.MailIntakeRequested, "cora") // who got the place
		s.exec(t, "UPDATE course_runs SET min_participants = 3")
		s.forward(3 * 24 * time.Hour)
		notice := s.mail(t, db.MailRunBelowMinimum, "olga")
		if !strings.Contains(squeeze(notice.Text), "zijn 2 plaatsen bezet; het minimum is 3") || strings.Contains(notice.Text+notice.HTML, "/r/") {
			t.Errorf("the notice says\n%s", notice.Text)
		}
		if _, err := s.db.ConfirmCourseRun(t.Context(), s.organiser, run, nil); err != nil {
			t.Fatal(err)
		}
		for name, says := range map[string]string{"anna": "We look forward to seeing you.", "cora": "your intake is not complete yet"} {
			if m := s.mail(t, db.MailRunConfirmed, name); !strings.Contains(squeeze(m.Text), says) || !strings.Contains(squeeze(m.HTML), says) {
				t.Errorf("%s is told\n%s", name, m.Text)
			}
		}
		if _, err := s.db.CancelCourseRun(t.Context(), s.organiser, run, nil); err != nil {
			t.Fatal(err)
		}
		off := s.mail(t, db.MailRunCancelled, "anna")
		entry = string(off.Attachments[0].Content)
		if !strings.Contains(entry, "METHOD:CANCEL") || line(entry, "UID:") != uid || line(entry, "SEQUENCE:") != "SEQUENCE:1" {
			t.Errorf("the cancellation of the calendar entry:\n%s", entry)
		}
		if m := s.mail(t, db.MailRunCancelled, "cora"); len(m.Attachments) != 0 || strings.Contains(m.Text, "attachment") {
			t.Errorf("Cora had no calendar entry and gets\n%s", m.Text)
		}
		for key, n := range copies(t, s.smtp.Messages()) {
			if n != 1 {
				t.Errorf("%s: %d mails, want 1", key, n)
			}
		}
	})
}

// line returns the line of a calendar entry that begins with the name.
func line(entry, name string) string {
	for l := range strings.Lines(entry) {
		if strings.HasPrefix(l, name) {
			return strings.TrimSpace(l)
		}
	}
	return ""
}
