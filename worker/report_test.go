package worker

import (
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

// A report's summary is read as Markdown in the mail, whatever it holds, and says which language it is in when that is not the mail's.
func TestTheSummaryOfAReportInItsMail(t *testing.T) {
	t.Parallel()
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{cfg: Config{PublicURL: "https://meetings.example.org"}, letters: letters}
	for _, message := range []string{"", "Dear {name}, *thank you*."} {
		m := mailOf(KindReportPublished, db.German)
		m.Campaign.Message = message
		m.Report, m.ReportIn = "Twelve **towns** {came}:\n\n- <b>one</b>\n- [two](javascript:alert(1))", db.English
		mail, err := w.compose(m, drafts{})
		if err != nil {
			t.Fatal(err)
		}
		mail.Text, mail.HTML = mail.words()
		for part, phrases := range map[string][]string{
			mail.HTML: {`<div lang="en">`, "<strong>towns</strong> {came}", "&lt;b&gt;one&lt;/b&gt;", ">two</li>", `href="https://meetings.example.org/reports/`, ".pdf?lang=de", "ist erschienen"},
			mail.Text: {"Twelve towns {came}:\n\n- <b>one</b>\n- two\n", ".pdf?lang=de"},
		} {
			for _, phrase := range phrases {
				if !strings.Contains(part, phrase) {
					t.Errorf("with the message %q it lacks %q:\n%s", message, phrase, part)
				}
			}
		}
		if strings.Contains(mail.HTML, "javascript") {
			t.Error("a link that runs something")
		}
		if said := strings.Contains(mail.HTML, "<em>thank you</em>"); said != (message != "") {
			t.Errorf("the message %q: %v", message, said)
		}
	}
}

func TestTheEndOfAMailedReportIsToldAsSuch(t *testing.T) {
	t.Parallel()
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{cfg: Config{PublicURL: "https://meetings.example.org"}, letters: letters}
	for language, words := range map[db.Locale][2]string{
		db.Dutch: {"Verslag verstuurd", "itnodiging"}, db.German: {"Bericht versandt", "inladung"}, db.English: {"Report mailed", "nvitation"},
	} {
		m := mailOf(KindCampaignSummary, language)
		m.Summary.Again, m.Organiser = false, &db.Person{Name: "Vaktreffen"}
		m.Campaign.ReportID = db.ID{1, 0x9b, 6: 0x70, 7: byte(db.KindReport), 8: 0x80, 15: 6}
		for i := range m.Summary.Reasons {
			m.Summary.Reasons[i].Reason = "NO_MAILBOX" // others speak of what an invitation is
		}
		mail, err := w.compose(m, drafts{})
		if err != nil || !strings.HasPrefix(mail.Subject, words[0]) || strings.Contains(mail.Text, words[1]) {
			t.Errorf("%s: %v\n%s\n%s", language, err, mail.Subject, mail.Text)
		}
	}
}
