package worker

import (
	"bytes"
	"fmt"
	"strings"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/vaktreffen/vaktreffen/db"
)

// certificateWords are what a certificate says in one language.
type certificateWords struct {
	heading, attended   string
	when                string // dates
	oneDay, days        string // nothing; number
	offeredBy, issuedOn string // organisation; date
	code, check, file   string // code; address; name of the file
}

func certificateTongues() map[string]certificateWords {
	return map[string]certificateWords{
		"nl": {
			heading: "Certificaat", attended: "heeft deelgenomen aan", when: "op %s", oneDay: "1 dag", days: "%d dagen", offeredBy: "Aangeboden door %s",
			issuedOn: "Afgegeven op %s", code: "Code: %s", check: "Controleer dit certificaat op %s", file: "certificaat.pdf",
		},
		"de": {
			heading: "Teilnahmebescheinigung", attended: "hat teilgenommen an", when: "am %s", oneDay: "1 Tag", days: "%d Tage", offeredBy: "Angeboten von %s",
			issuedOn: "Ausgestellt am %s", code: "Code: %s", check: "Diese Bescheinigung prüfen: %s", file: "teilnahmebescheinigung.pdf",
		},
		"en": {
			heading: "Certificate of attendance", attended: "attended", when: "on %s", oneDay: "1 day", days: "%d days", offeredBy: "Offered by %s",
			issuedOn: "Issued on %s", code: "Code: %s", check: "Check this certificate at %s", file: "certificate.pdf",
		},
	}
}

// certificate adds the PDF of a certificate, and the address where anybody can check it. The same certificate is the same file,
// byte for byte.
func (w *Worker) certificate(m *db.Mail, meeting Meeting, message *Message, facts *Facts) error {
	facts.AnswerURL = w.cfg.PublicURL + "/certificates/" + m.Certificate.PrintedCode()
	words, tongue := certificateTongues()[message.Locale], w.letters.tongues[message.Locale]
	file, err := printCertificate(words, tongue, m, meeting, facts.AnswerURL)
	if err != nil {
		return err
	}
	message.Attachments = append(message.Attachments, Attachment{Name: words.file, Type: "application/pdf", Content: file})
	facts.AnswerURL += "?lang=" + message.Locale
	return nil
}

// printCertificate writes a certificate for paper: one page, A4 on its side.
func printCertificate(words certificateWords, tongue *tongue, m *db.Mail, meeting Meeting, address string) ([]byte, error) {
	const margin, width = 25.0, 297 - 2*25.0
	issued := m.Certificate.IssuedAt.In(meetingZone(m))
	pdf := fpdf.New("L", "mm", "A4", "")
	pdf.AddUTF8FontFromBytes("Go", "", bytes.Clone(goregular.TTF))
	pdf.AddUTF8FontFromBytes("Go", "B", bytes.Clone(gobold.TTF))
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(issued)
	pdf.SetModificationDate(issued)
	pdf.SetLang(string(m.Person.Language))
	pdf.SetTitle(onPaper(words.heading+": "+meeting.Title), true)
	pdf.SetMargins(margin, margin, margin)
	pdf.SetAutoPageBreak(false, 0)
	pdf.AddPage()
	pdf.SetLineWidth(0.8)
	pdf.Rect(12, 12, 297-24, 210-24, "D")
	line := func(style string, size, space float64, text string) {
		pdf.SetFont("Go", style, size)
		for range 8 { // until it fits on two lines
			if pdf.GetStringWidth(text) <= 1.8*width {
				break
			}
			size *= 0.85
			pdf.SetFont("Go", style, size)
		}
		pdf.MultiCell(width, size*0.48, onPaper(text), "", "C", false)
		pdf.Ln(space)
	}
	pdf.SetY(30)
	line("", 18, 12, words.heading)
	line("B", 30, 7, oneLine(m.Person.Name, maxName))
	line("", 14, 7, words.attended)
	line("B", 22, 6, oneLine(meeting.Title, maxSubject))
	days := words.oneDay
	if n := m.CourseRun.Course.Days; n != 1 {
		days = fmt.Sprintf(words.days, n)
	}
	line("", 14, 3, fmt.Sprintf(words.when, tongue.dates(meeting))+" ("+days+")")
	if meeting.Host != "" {
		line("", 14, 3, fmt.Sprintf(words.offeredBy, oneLine(meeting.Host, maxSubject)))
	}
	pdf.SetY(160)
	line("", 12, 2, fmt.Sprintf(words.issuedOn, tongue.day(issued)))
	line("B", 12, 2, fmt.Sprintf(words.code, m.Certificate.PrintedCode()))
	line("", 10, 0, fmt.Sprintf(words.check, address))
	var file bytes.Buffer
	if err := pdf.Output(&file); err != nil {
		return nil, fmt.Errorf("print certificate: %w", err)
	}
	return file.Bytes(), nil
}

// onPaper leaves out what the fonts cannot write, such as pictures.
func onPaper(text string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xFFFF {
			return -1
		}
		return r
	}, text)
}
