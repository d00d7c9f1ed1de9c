package worker

import (
	netmail "net/mail"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// TestMailsOfSpecialCasesAsReceived compares mails that say something else than their kind mostly does with testdata/mails, by the
// rules of TestEveryMailAsReceived.
func TestMailsOfSpecialCasesAsReceived(t *testing.T) {
	t.Parallel()
	sink := smtptest.Start(t)
	pool, err := NewPool(SMTPConfig{URL: sink.URL(), EHLO: "mailer.example.org"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{
		cfg: Config{PublicURL: "https://meetings.example.org", BounceDomain: "bounces.example.org"}, letters: letters,
		from: netmail.Address{Name: "Vaktreffen", Address: "post@example.org"},
	}
	cases := []struct {
		name, kind string
		change     func(*db.Mail)
	}{
		{"campaign_summary_feedback", KindCampaignSummary, func(m *db.Mail) {
			m.Campaign.SurveyID = db.ID{1, 0x9b, 6: 0x70, 7: byte(db.KindSurvey), 8: 0x80, 15: 6}
			m.Summary.Reasons[2].Reason = db.ReasonUntrue
		}},
		{"registration_cancelled_held", KindRegistrationCancelled, func(m *db.Mail) {
			m.NoPlace, m.Held = true, true
			m.Edition, m.Hours, m.CourseRun = nil, nil, mailOf(KindIntakeRequested, m.Person.Language).CourseRun
		}},
	}
	for _, c := range cases {
		for _, locale := range Locales() {
			mail := mailOf(c.kind, db.Locale(locale))
			c.change(mail)
			m, err := w.compose(mail, drafts{})
			if err != nil {
				t.Fatalf("%s in %s: %v", c.name, locale, err)
			}
			if out := pool.Send(t.Context(), m); out.Result != Sent {
				t.Fatalf("%s in %s: %+v", c.name, locale, out)
			}
		}
	}
	closePool(t, pool)
	for i, received := range sink.Messages() {
		name, locale := cases[i/len(Locales())].name, Locales()[i%len(Locales())]
		t.Run(name+"."+locale, func(t *testing.T) {
			t.Parallel()
			checkMail(t, name, locale, received)
		})
	}
}
