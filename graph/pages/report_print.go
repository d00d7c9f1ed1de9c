package pages

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/goregular"
)

// Sizes on paper, in millimetres, and of letters, in points.
const (
	margin, paperWidth     = 22.0, 210.0
	lineHeight             = 5.4
	bodySize, smallSize    = 10.5, 9.0
	pointsToMM             = 25.4 / 72
	roomForHeading         = 28.0 // below which a heading would stand alone at the end of a page
	bullet                 = "–"
	numberOfPages          = "{pages}"
	listIndent             = 5.0
	bottom, paperHeight    = 22.0, 297.0
	regular, bold, oblique = "", "B", "I"
)

// sheet is a PDF that is being written. Everything on it is black, so that it reads the same from any printer.
type sheet struct {
	*fpdf.Fpdf
	indent float64
}

// PrintPDF writes the report for paper: A4, with its title and language, an outline, and its address on the first page.
func (p *Report) PrintPDF() ([]byte, error) {
	s := &sheet{Fpdf: fpdf.New("P", "mm", "A4", "")}
	for style, font := range map[string][]byte{regular: goregular.TTF, bold: gobold.TTF, oblique: goitalic.TTF} {
		s.AddUTF8FontFromBytes("Go", style, bytes.Clone(font))
	}
	s.SetLang(string(p.Language))
	s.SetTitle(printable(p.Words.Report+": "+p.Meeting), true)
	s.SetCreator("Vaktreffen", true)
	s.SetMargins(margin, margin, margin)
	s.SetAutoPageBreak(true, bottom)
	s.AliasNbPages(numberOfPages)
	s.SetFooterFunc(func() {
		s.SetY(-15)
		s.SetFont("Go", regular, smallSize)
		s.CellFormat(0, 5, fmt.Sprintf(p.Words.Page, s.PageNo(), numberOfPages), "", 0, "C", false, 0, "")
	})
	s.AddPage()
	p.print(s)
	var file bytes.Buffer
	if err := s.Output(&file); err != nil {
		return nil, fmt.Errorf("print report: %w", err)
	}
	return file.Bytes(), nil
}

func (p *Report) print(s *sheet) {
	w := p.Words
	s.Bookmark(printable(p.Meeting), 0, 0)
	s.say(bold, smallSize, strings.ToUpper(w.Report))
	s.say(bold, 20, p.Meeting)
	s.Ln(2)
	if p.State != "" {
		s.say(bold, bodySize, p.State)
		s.Ln(2)
	}
	s.facts(p.Facts)
	s.say(regular, smallSize, p.webAddress)
	s.heading(w.Summary, 1)
	s.passage(p.Summary)
	if len(p.Came) > 0 {
		s.heading(w.Attendance, 1)
		s.facts(p.Came)
		if len(p.From) > 0 {
			s.heading(w.From, 2)
			for _, f := range p.From {
				s.item(func() { s.say(regular, bodySize, f.Label+": "+f.Value) })
			}
		}
	}
	for _, i := range p.Items {
		p.printItem(s, i)
	}
	if len(p.Actions) > 0 {
		s.heading(w.Actions, 1)
	}
	for _, a := range p.Actions {
		s.item(func() {
			s.passage(a.passage)
			s.say(oblique, smallSize, joined(a.Owner, a.Due, a.Status))
		})
	}
}

func (p *Report) printItem(s *sheet, i reportItem) {
	w, title := p.Words, i.Title
	if title == "" {
		title = w.General
	}
	s.heading(title, 1)
	if len(i.Findings) > 0 {
		s.heading(w.Findings, 2)
	}
	for _, f := range i.Findings {
		s.item(func() { s.passage(f) })
	}
	if len(i.Questions) > 0 {
		s.heading(w.Questions, 2)
	}
	for _, q := range i.Questions {
		s.item(func() {
			s.passage(q.passage)
			asked, status := "", w.Open
			if q.AskedBy != "" {
				asked = fmt.Sprintf(w.AskedBy, q.AskedBy)
			}
			if q.Answered {
				status = w.Answered
			}
			s.say(oblique, smallSize, joined(asked, status))
			for _, o := range q.Offers {
				text := w.Offers + ": " + o.Label
				if o.Value != "" {
					text += ". " + o.Value
				}
				s.say(regular, bodySize, text)
			}
		})
	}
	if len(i.Materials) > 0 {
		s.heading(w.Materials, 2)
	}
	for _, m := range i.Materials {
		s.item(func() { s.material(m) })
	}
}

func joined(parts ...string) string {
	var said []string
	for _, part := range parts {
		if part != "" {
			said = append(said, part)
		}
	}
	return strings.Join(said, " – ")
}

// heading begins a part, on the next page when there is hardly room for anything below it.
func (s *sheet) heading(text string, level int) {
	if s.GetY() > paperHeight-bottom-roomForHeading {
		s.AddPage()
	}
	size, before := 14.0, 6.0
	if level > 1 {
		size, before = 11, 3
	}
	s.Ln(before)
	s.SetFont("Go", bold, size)
	s.Bookmark(printable(text), level, -1)
	s.say(bold, size, text)
	s.Ln(1)
}

// say writes text from the indent to the right margin.
func (s *sheet) say(style string, size float64, text string) {
	s.SetFont("Go", style, size)
	s.SetX(margin + s.indent)
	s.MultiCell(paperWidth-2*margin-s.indent, max(lineHeight*size/bodySize, size*pointsToMM*1.25), printable(text), "", "L", false)
}

// item writes something behind a bullet.
func (s *sheet) item(write func()) {
	if s.GetY() > paperHeight-bottom-2*lineHeight {
		s.AddPage()
	}
	s.mark(bullet)
	s.indent += listIndent
	write()
	s.indent -= listIndent
	s.Ln(1)
}

// mark writes what stands before a line, and stays on it.
func (s *sheet) mark(text string) {
	s.SetFont("Go", regular, bodySize)
	s.SetX(margin + s.indent)
	y := s.GetY()
	s.CellFormat(listIndent, lineHeight, printable(text), "", 0, "L", false, 0, "")
	s.SetY(y)
}

func (s *sheet) passage(p passage) {
	lines := p.Text.Lines(nil)
	for _, line := range lines {
		if line.Text == "" {
			s.Ln(lineHeight / 2)
			continue
		}
		s.SetFont("Go", regular, bodySize)
		lead := s.GetStringWidth(printable(line.Lead)) + float64(len(line.Lead)-len(strings.TrimRight(line.Lead, " ")))*0.1
		if s.GetY() > paperHeight-bottom-lineHeight {
			s.AddPage()
		}
		if line.Lead != "" {
			s.mark(line.Lead)
		}
		s.indent += lead
		s.say(regular, bodySize, line.Text)
		s.indent -= lead
	}
}

func (s *sheet) facts(facts []fact) {
	for _, f := range facts {
		s.say(regular, bodySize, f.Label+": "+f.Value)
	}
}

// material writes what it is called and where it is; paper knows no links.
func (s *sheet) material(m material) {
	s.say(regular, bodySize, m.Title)
	s.SetFont("Go", regular, smallSize)
	s.SetX(margin + s.indent)
	x, y, page := s.GetX(), s.GetY(), s.PageNo()
	s.say(regular, smallSize, m.URL)
	if page == s.PageNo() {
		s.LinkString(x, y, paperWidth-margin-x, s.GetY()-y, m.URL)
	}
}

// printable leaves out what the fonts cannot show and a PDF must not hold: controls, and characters beyond the basic plane.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !strconv.IsPrint(r) && r != '\u00a0' || r > 0xffff:
			return -1
		}
		return r
	}, text)
}
