package worker

import (
	"bytes"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/jhillyerd/enmime/v2"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestCertificatesGoAlong(t *testing.T) {
	t.Parallel()
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{cfg: Config{PublicURL: "https://meetings.example.org"}, letters: letters, from: netmail.Address{Address: "post@example.org"}}
	for locale, name := range map[db.Locale]string{db.Dutch: "certificaat.pdf", db.German: "teilnahmebescheinigung.pdf", db.English: "certificate.pdf"} {
		var files [][]byte
		for range 2 {
			message, err := w.compose(mailOf(KindCertificateIssued, locale), drafts{})
			if err != nil {
				t.Fatal(err)
			}
			raw, err := message.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			mail, err := enmime.ReadEnvelope(bytes.NewReader(raw))
			if err != nil || len(mail.Attachments) != 1 || mail.Attachments[0].FileName != name || mail.Attachments[0].ContentType != "application/pdf" {
				t.Fatalf("%s: %v, %+v", locale, err, mail.Attachments)
			}
			if !strings.Contains(mail.Text, "https://meetings.example.org/certificates/ABCD-EFGH-JKMN-PQRS?lang="+string(locale)) {
				t.Errorf("the mail leads elsewhere:\n%s", mail.Text)
			}
			files = append(files, mail.Attachments[0].Content)
		}
		if !bytes.HasPrefix(files[0], []byte("%PDF-")) || !bytes.Equal(files[0], files[1]) {
			t.Errorf("%s: %d and %d bytes that are no PDF or differ", locale, len(files[0]), len(files[1]))
		}
		if bytes.Count(files[0], []byte("/Type /Page\n")) != 1 {
			t.Errorf("%s: not one page", locale)
		}
	}
}

func TestCertificatesTakeAnyName(t *testing.T) {
	t.Parallel()
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{cfg: Config{PublicURL: "https://meetings.example.org"}, letters: letters, from: netmail.Address{Address: "post@example.org"}}
	for _, name := range []string{"", strings.Repeat("Wolfeschlegelsteinhausenbergerdorff ", 8), "😀 Łukasz Ørsted-Ağaoğlu", "李小龍", "\x00\u202e", strings.Repeat("x", 500)} {
		m := mailOf(KindCertificateIssued, db.English)
		m.Person.Name, m.CourseRun.Course.Title = name, "T"+name
		message, err := w.compose(m, drafts{})
		if err != nil || len(message.Attachments) != 1 || bytes.Count(message.Attachments[0].Content, []byte("/Type /Page\n")) != 1 {
			t.Errorf("%.20q: %v", name, err)
		}
	}
}
