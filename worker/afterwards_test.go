package worker_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"

	"github.com/vaktreffen/vaktreffen/db"
)

// afterwards is a scene with Anna and Bert, who work for Groningen and have places, and a worker.
func afterwards(t *testing.T, seats func(s *scene) db.ID) *scene {
	t.Helper()
	t.Parallel()
	s := newScene(t, meetings.SQLite(t), "")
	s.know(t, "groningen", "anna", "bert")
	at := seats(s)
	s.register(t, at, "anna")
	s.register(t, at, "bert")
	s.work(t, 2)
	s.mail(t, db.MailConfirmed, "anna")
	s.mail(t, db.MailConfirmed, "bert")
	return s
}

func atEdition(t *testing.T) func(s *scene) db.ID {
	return func(s *scene) db.ID { return s.id(t, "SELECT id FROM seats WHERE edition_id IS NOT NULL") }
}

func (s *scene) person(t *testing.T, name string) *db.ID {
	t.Helper()
	id := s.id(t, "SELECT id FROM people WHERE key = $1", name)
	return &id
}

// count returns how many mails of a kind have left.
func (s *scene) count(kind db.MailKind) (n int) {
	for _, m := range s.smtp.Messages() {
		if m.Header("X-Vaktreffen-Kind") == string(kind) {
			n++
		}
	}
	return n
}

// found returns what the expression captures in a mail, the same in text and in HTML.
func found(t *testing.T, mail *enmime.Envelope, expression string) string {
	t.Helper()
	e := regexp.MustCompile(expression)
	inText, inHTML := e.FindStringSubmatch(mail.Text), e.FindStringSubmatch(mail.HTML)
	if inText == nil || inHTML == nil || inText[1] != inHTML[1] {
		t.Fatalf("%s is %v and %v:\n%s", expression, inText, inHTML, mail.Text)
	}
	return inText[1]
}

// told fails unless both parts of a mail say so.
func told(t *testing.T, mail *enmime.Envelope, words ...string) {
	t.Helper()
	for _, says := range words {
		if !strings.Contains(squeeze(mail.Text), says) || !strings.Contains(squeeze(mail.HTML), says) {
			t.Errorf("the mail lacks %q:\n%s", says, mail.Text)
		}
	}
}

func TestWhoAttendedGetsACertificateByMail(t *testing.T) {
	var run, seats db.ID
	s := afterwards(t, func(s *scene) db.ID {
		run, seats = s.course(t)
		s.exec(t, "UPDATE intake_questions SET required = (1 = 0)")
		return seats
	})
	s.forward(time.Until(time.Now().AddDate(0, 6, 0)))
	if _, err := s.db.CheckIn(t.Context(), s.organiser, db.PresenceInput{SeatsID: &seats, PersonID: s.person(t, "anna")}, nil); err != nil {
		t.Fatal(err)
	}
	s.forward(48 * time.Hour)
	if issued, err := s.db.IssueCertificates(t.Context(), s.organiser, run, nil); err != nil || issued.Issued != 1 {
		t.Fatalf("%+v, %v", issued, err)
	}
	mail := s.mail(t, db.MailCertificate, "anna")
	if len(mail.Attachments) != 1 || mail.Attachments[0].FileName != "certificate.pdf" || !strings.HasPrefix(string(mail.Attachments[0].Content), "%PDF-") {
		t.Errorf("the attachments are %+v", mail.Attachments)
	}
	code := found(t, mail, `https://meetings\.example\.org/certificates/([A-Z0-9-]+)`)
	if c, err := s.db.Certificate(t.Context(), code); err != nil || c == nil {
		t.Errorf("the code in the mail is that of %+v, %v", c, err)
	}
	if n := s.count(db.MailCertificate); n != 1 {
		t.Errorf("%d certificates, though Bert was not there", n)
	}
}

// Owners hear of an action when it is agreed, a week before it is due, on the day and every two weeks, until it is done.
func TestOwnersOfActionsAreMailedUntilTheyAreDone(t *testing.T) {
	s := afterwards(t, atEdition(t))
	r := s.report(t)
	due := db.DateOf(time.Now().AddDate(0, 0, 10))
	for _, action := range []string{"Call Bremen", "Write it down"} {
		if _, err := s.db.AddReportAction(t.Context(), s.organiser, db.AddReportActionInput{
			ReportID: r, OwnerID: s.id(t, "SELECT id FROM organisations"), PersonID: s.person(t, "anna"), DueOn: &due, Locale: db.English, Description: action,
		}, nil); err != nil {
			t.Fatal(err)
		}
	}
	s.publish(t, r)
	told(t, s.mail(t, db.MailAssigned, "anna"), "holds actions for you", "Call Bremen", "Write it down")
	sweep := func(days int, wanted int) (last *enmime.Envelope) {
		t.Helper()
		s.forward(time.Duration(days) * 24 * time.Hour)
		if _, err := s.db.SweepActions(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s.latest(t, string(db.MailDue), "anna", wanted)
	}
	told(t, sweep(5, 1), "Call Bremen", "Write it down", "by "+due.Time().Format("Monday 2 January 2006"))
	done := db.ActionDone
	reminder := sweep(7, 2)
	told(t, reminder, "was due on "+due.Time().Format("Monday 2 January 2006"))
	token := found(t, reminder, `https://meetings\.example\.org/a/([-_A-Za-z0-9]{48})`)
	own, err := s.db.OwnActions(t.Context(), token)
	if err != nil || own == nil || len(own.Open) != 2 {
		t.Fatalf("the link opens %+v, %v", own, err)
	}
	finish := func(action db.ID) {
		t.Helper()
		if _, err := s.db.AnswerAction(t.Context(), token, db.ChangeReportActionInput{ActionID: action, Status: &done}); err != nil {
			t.Fatal(err)
		}
	}
	finish(own.Open[0].ID)
	if later := sweep(14, 3); strings.Contains(later.Text, own.Open[0].Description(nil)) || !strings.Contains(later.Text, own.Open[1].Description(nil)) {
		t.Errorf("after one of them was done:\n%s", later.Text)
	}
	finish(own.Open[1].ID)
	s.forward(60 * 24 * time.Hour)
	if n, err := s.db.SweepActions(t.Context()); n != 0 || err != nil {
		t.Errorf("%d reminders of what is done, %v", n, err)
	}
}

func TestHelpThatIsOfferedIsMailed(t *testing.T) {
	s := afterwards(t, atEdition(t))
	r := s.report(t)
	if _, err := s.db.AddReportQuestion(t.Context(), s.organiser, db.AddReportQuestionInput{
		ReportID: r, PersonID: s.person(t, "anna"), Locale: db.English, Text: "Who knows about windmills?",
	}, nil); err != nil {
		t.Fatal(err)
	}
	s.publish(t, r)
	token, err := s.db.IssueToken(t.Context(), "bert@example.org", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	bert, ok, err := s.db.Authenticate(t.Context(), token)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	note := "Ring me up."
	if _, err := s.db.OfferHelp(t.Context(), bert, db.OfferHelpInput{QuestionID: s.id(t, "SELECT id FROM report_questions"), Note: &note}, nil); err != nil {
		t.Fatal(err)
	}
	told(t, s.mail(t, db.MailHelp, "anna"), "Groningen offers help", "Who knows about windmills?", "Ring me up.", "https://meetings.example.org/reports/"+r.String())
	told(t, s.mail(t, db.MailHelp, "olga"), "Groningen biedt hulp aan", "Ring me up.")
	if n := s.count(db.MailHelp); n != 2 {
		t.Errorf("%d mails about one offer, want one to who asked and one to the organiser", n)
	}
}

// From the request by way of the link in it to the reminder of who has not answered, and how both campaigns are summed up.
func TestFeedbackIsAskedForByMailAndTheSilentReminded(t *testing.T) {
	s := afterwards(t, atEdition(t))
	s.forward(time.Until(time.Now().AddDate(0, 6, 2)))
	now := time.Now().AddDate(0, 6, 2)
	remind := now.AddDate(0, 0, 3)
	if _, _, err := s.db.AskForFeedback(t.Context(), s.organiser, db.AskForFeedbackInput{
		IdempotencyKey: "once", EditionID: s.edition, ClosesAt: now.AddDate(0, 0, 7), Anonymous: true, RemindAt: &remind,
	}, nil, nil); err != nil {
		t.Fatal(err)
	}
	const link = `https://meetings\.example\.org/f/([-_A-Za-z0-9]{70})`
	request := s.mail(t, db.MailFeedback, "anna")
	told(t, request, "is anonymous", "The next meeting")
	five := 5
	if f, err := s.db.GiveFeedback(t.Context(), found(t, request, link), db.FeedbackInput{Overall: &five}); err != nil || f == nil || !f.Answered {
		t.Fatalf("%+v, %v", f, err)
	}
	berts := found(t, s.mail(t, db.MailFeedback, "bert"), link)
	told(t, s.mail(t, db.MailSummary, "olga"), "De verzending van uw verzoek om reacties op")
	s.forward(3*24*time.Hour + time.Hour)
	if _, err := s.db.SweepCampaigns(t.Context()); err != nil {
		t.Fatal(err)
	}
	reminder := s.mail(t, db.MailFeedbackReminder, "bert")
	if told(t, reminder, "no answer from you yet"); found(t, reminder, link) != berts {
		t.Error("the reminder leads elsewhere than the request")
	}
	s.forward(24 * time.Hour)
	if n, err := s.db.SweepCampaigns(t.Context()); n != 0 || err != nil {
		t.Errorf("%d more reminders, %v", n, err)
	}
	if n := s.count(db.MailFeedbackReminder); n != 1 {
		t.Errorf("%d reminders, though Anna has answered", n)
	}
}

// report begins the report of the edition.
func (s *scene) report(t *testing.T) db.ID {
	t.Helper()
	r, err := s.db.StartReport(t.Context(), s.organiser, s.edition, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.SaveReportText(t.Context(), s.organiser, db.SaveReportTextInput{ReportID: r.ID, Locale: db.English, Text: "It went well."}, nil); err != nil {
		t.Fatal(err)
	}
	return r.ID
}

func (s *scene) publish(t *testing.T, report db.ID) {
	t.Helper()
	if _, _, err := s.db.PublishReport(t.Context(), s.organiser, db.PublishReportInput{IdempotencyKey: "publish", ReportID: report}, nil, nil); err != nil {
		t.Fatal(err)
	}
}
