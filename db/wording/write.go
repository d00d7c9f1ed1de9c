package wording

import (
	"html"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"
)

// MailHTML writes the text for the body of a mail, with the values of its fields. Every style stands in its element, for mail programs
// that know no stylesheets. Its headings are those of the second and third level.
func (t *Text) MailHTML(value func(Field) string) string {
	return t.html(page{text: t, value: value, styled: true, headings: [2]string{"h2", "h3"}})
}

// PageHTML writes the text for a section of a page, with the values of its fields, without styles. Its headings are those of the
// third and fourth level.
func (t *Text) PageHTML(value func(Field) string) string {
	return t.html(page{text: t, value: value, headings: [2]string{"h3", "h4"}})
}

func (t *Text) html(w page) string {
	w.blocks(t.document)
	return w.b.String()
}

type page struct {
	b        strings.Builder
	text     *Text
	value    func(Field) string
	styled   bool
	headings [2]string
}

func (w *page) blocks(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Paragraph:
			w.element("p", "margin:0 0 16px", n, w.inlines)
		case *ast.TextBlock:
			w.inlines(n)
		case *ast.Heading: // the page around the text has the higher ones
			if n.Level == 1 {
				w.element(w.headings[0], "margin:24px 0 8px;font-size:20px;line-height:1.3", n, w.inlines)
			} else {
				w.element(w.headings[1], "margin:24px 0 8px;font-size:17px;line-height:1.3", n, w.inlines)
			}
		case *ast.List:
			tag := "ul"
			if n.IsOrdered() {
				tag = `ol start="` + strconv.Itoa(n.Start) + `"`
			}
			w.element(tag, "margin:0 0 16px;padding-left:24px", n, w.blocks)
		case *ast.ListItem:
			w.element("li", "margin:0 0 4px", n, w.blocks)
		case *ast.Blockquote:
			w.element("blockquote", "margin:0 0 16px;padding-left:16px;border-left:3px solid #8a939d", n, w.blocks)
		case *ast.ThematicBreak:
			w.open("hr", "margin:24px 0;border:0;border-top:1px solid #8a939d")
			w.b.WriteByte('\n')
		}
	}
}

// element writes an element; its tag may come with attributes.
func (w *page) element(tag, style string, n ast.Node, content func(ast.Node)) {
	w.open(tag, style)
	content(n)
	name, _, _ := strings.Cut(tag, " ")
	w.b.WriteString("</" + name + ">\n")
}

func (w *page) open(tag, style string) {
	w.b.WriteString("<" + tag)
	if w.styled {
		w.b.WriteString(` style="` + style + `"`)
	}
	w.b.WriteByte('>')
}

func (w *page) inlines(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			w.b.WriteString(html.EscapeString(plain(n.Value(w.text.source))))
			if broken(n) {
				w.b.WriteString("<br>\n")
			}
		case *fieldNode:
			w.b.WriteString(html.EscapeString(w.value(n.field)))
		case *ast.Emphasis:
			tag := "em"
			if n.Level == 2 {
				tag = "strong"
			}
			w.b.WriteString("<" + tag + ">")
			w.inlines(n)
			w.b.WriteString("</" + tag + ">")
		case *ast.Link:
			w.link(plain(n.Destination))
			w.inlines(n)
			w.b.WriteString("</a>")
		case *ast.AutoLink:
			w.link(autoLink(n, w.text.source))
			w.b.WriteString(html.EscapeString(string(n.Label(w.text.source))) + "</a>")
		}
	}
}

func (w *page) link(address string) {
	tag := `a href="` + html.EscapeString(string(util.URLEscape([]byte(address), false))) + `"`
	if w.styled {
		tag += ` class="link"`
	}
	w.open(tag, "color:#0b4f9e")
}

// Line is a line of plain text, not wrapped yet: what it starts with, and what the lines start with that it is wrapped to.
type Line struct{ Lead, Indent, Text string }

// Lines writes the text as plain text, with the values of its fields. An empty line parts paragraphs. The address of a link follows
// what it says.
func (t *Text) Lines(value func(Field) string) []Line {
	w := &sheet{text: t, value: value}
	w.blocks(t.document, "", "")
	if n := len(w.lines); n > 0 && w.lines[n-1] == (Line{}) {
		w.lines = w.lines[:n-1]
	}
	return w.lines
}

type sheet struct {
	text  *Text
	value func(Field) string
	lines []Line
}

func (w *sheet) blocks(parent ast.Node, lead, indent string) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.List:
			number := n.Start
			for item := n.FirstChild(); item != nil; item = item.NextSibling() {
				mark := "- "
				if n.IsOrdered() {
					mark = strconv.Itoa(number) + ". "
					number++
				}
				w.blocks(item, lead+mark, indent+strings.Repeat(" ", len(mark)))
				lead = indent
			}
		case *ast.Blockquote:
			w.blocks(n, lead+"> ", indent+"> ")
		case *ast.ThematicBreak:
			w.lines = append(w.lines, Line{lead, indent, "* * *"})
		default:
			var b strings.Builder
			w.inlines(&b, n)
			for text := range strings.SplitSeq(b.String(), "\n") {
				w.lines = append(w.lines, Line{lead, indent, text})
				lead = indent
			}
		}
		lead = indent
		if _, tight := n.(*ast.TextBlock); !tight && len(w.lines) > 0 && w.lines[len(w.lines)-1] != (Line{}) {
			w.lines = append(w.lines, Line{})
		}
	}
}

func (w *sheet) inlines(b *strings.Builder, parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			b.WriteString(plain(n.Value(w.text.source)))
			if broken(n) {
				b.WriteByte('\n')
			}
		case *fieldNode:
			b.WriteString(strings.ReplaceAll(w.value(n.field), "\n", " "))
		case *ast.Emphasis:
			w.inlines(b, n)
		case *ast.Link:
			before := b.Len()
			w.inlines(b, n)
			if address := plain(n.Destination); b.String()[before:] != address {
				b.WriteString(" <" + address + ">")
			}
		case *ast.AutoLink:
			b.Write(n.Label(w.text.source))
		}
	}
}

// broken reports whether a line ends behind the text. A break that people typed is one that they meant.
func broken(n *ast.Text) bool {
	return (n.SoftLineBreak() || n.HardLineBreak()) && n.NextSibling() != nil
}

// plain undoes the escapes of Markdown: a backslash before punctuation, and character references.
func plain(source []byte) string {
	var b strings.Builder
	for text := string(source); text != ""; {
		next := strings.IndexAny(text, `\&`)
		if next < 0 {
			b.WriteString(text)
			break
		}
		b.WriteString(text[:next])
		text = text[next:]
		length := 1
		switch end := strings.IndexByte(text, ';'); {
		case text[0] == '\\' && len(text) > 1 && util.IsPunct(text[1]):
			b.WriteByte(text[1])
			length = 2
		case text[0] == '&' && end > 1 && end < 40:
			length = end + 1
			b.WriteString(html.UnescapeString(text[:length]))
		default:
			b.WriteByte(text[0])
		}
		text = text[length:]
	}
	return b.String()
}
