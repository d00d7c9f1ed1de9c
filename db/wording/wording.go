// Package wording reads what organisers write for mails: Markdown (CommonMark 0.31) with a few fields in braces, such as {name}. It
// finds what is wrong with a text before anybody gets it, and writes it as HTML and as plain text that carry the same words.
//
// Of Markdown it knows paragraphs, headings, lists, quotations, rules, emphasis and links; a line break stays one. HTML stands for
// itself: it is shown as it was typed. So do code and indentation, which people who write letters never mean. Values of fields are
// put in after Markdown was read: whatever they hold, they are text.
package wording

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Text is the message of a mail.
type Text struct {
	source   []byte
	document ast.Node
	uses     map[Field]bool
	links    []string
}

// maxDepth is how deep lists and quotations may lie within each other.
const maxDepth = 10

// Read reads a message. What it returns holds only when there are no problems; each of those is a whole sentence that says what to
// do.
func Read(markdown string) (*Text, []string) {
	// Characters that nobody sees could take apart what is looked for below.
	source := []byte(strings.ReplaceAll(strings.ToValidUTF8(markdown, ""), "\r\n", "\n"))
	t := &Text{source: source, uses: map[Field]bool{}}
	t.document = reader(blocks(), append(inlines(), util.Prioritized(fieldParser{}, 100))).Parse(text.NewReader(source))
	var problems []string
	refuse := func(format string, args ...any) {
		if p := fmt.Sprintf(format, args...); !slices.Contains(problems, p) {
			problems = append(problems, p)
		}
	}
	depth := 0
	_ = ast.Walk(t.document, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns no error
		if !entering {
			depth--
			return ast.WalkContinue, nil
		}
		if depth++; depth > 2*maxDepth {
			refuse("Lists and quotations lie too deep within each other; at most %d levels can be shown.", maxDepth)
			depth--
			return ast.WalkSkipChildren, nil
		}
		switch n := n.(type) {
		case *fieldNode:
			if t.uses[n.field] = true; n.problem != "" {
				refuse("%s", n.problem)
			}
		case *ast.Image:
			refuse("Leave out the picture %q: mails carry none, so that they load nothing from elsewhere. Link to it instead, without the exclamation mark.", shorten(plain(n.Destination)))
		case *ast.Link:
			t.link(plain(n.Destination), refuse)
		case *ast.AutoLink:
			t.link(autoLink(n, source), refuse)
		}
		return ast.WalkContinue, nil
	})
	return t, problems
}

// ReadRecord reads what stands in a record, as a report does, and was never refused: a brace is a brace, and a link that leads nowhere,
// a picture and what lies too deep are plain words.
func ReadRecord(markdown string) *Text {
	source := []byte(strings.ReplaceAll(strings.ToValidUTF8(markdown, ""), "\r\n", "\n"))
	t := &Text{source: source, document: reader(blocks(), inlines()).Parse(text.NewReader(source))}
	var bad []ast.Node
	depth, deep := 0, false
	_ = ast.Walk(t.document, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns no error
		if !entering {
			depth--
			return ast.WalkContinue, nil
		}
		if depth++; depth > 2*maxDepth {
			deep = true
			return ast.WalkStop, nil
		}
		switch n := n.(type) {
		case *ast.Image:
			bad = append(bad, n)
		case *ast.Link:
			if !goodLink.MatchString(plain(n.Destination)) {
				bad = append(bad, n)
			}
		}
		return ast.WalkContinue, nil
	})
	if deep {
		t.document = reader(nil, inlines()[1:]).Parse(text.NewReader(source)) // without links, within which others could lie
		return t
	}
	for _, n := range bad {
		for child := n.FirstChild(); child != nil; child = n.FirstChild() {
			n.Parent().InsertBefore(n.Parent(), n, child)
		}
		n.Parent().RemoveChild(n.Parent(), n)
	}
	return t
}

func (t *Text) link(address string, refuse func(string, ...any)) {
	switch {
	case strings.ContainsAny(address, "{}"):
		refuse("The link to %q has a brace in its address. Fields can stand in what a link says, not in where it leads.", shorten(address))
	case !goodLink.MatchString(address):
		refuse("The link to %q leads nowhere from a mail. Write the whole address: https://example.org, or mailto:name@example.org.", shorten(address))
	default:
		t.links = append(t.links, address)
	}
}

// goodLink matches the addresses that a mail may link to.
var goodLink = regexp.MustCompile(`(?i)^(https?://[\pL\pN\[][^\s<>"\\\pC]*|mailto:[^\s<>"\\\pC]+@[^\s<>"\\\pC]+)$`)

// Uses reports whether the text names the field.
func (t *Text) Uses(f Field) bool { return t.uses[f] }

// reader knows the part of Markdown that letters need: paragraphs, and what else it is given.
func reader(blocks, inlines []util.PrioritizedValue) parser.Parser {
	return parser.NewParser(
		parser.WithBlockParsers(append(blocks, util.Prioritized(indented{parser.NewParagraphParser()}, 1000))...),
		parser.WithInlineParsers(inlines...),
	)
}

func blocks() []util.PrioritizedValue {
	return []util.PrioritizedValue{
		util.Prioritized(parser.NewThematicBreakParser(), 200),
		util.Prioritized(parser.NewListParser(), 300),
		util.Prioritized(parser.NewListItemParser(), 400),
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewBlockquoteParser(), 800),
	}
}

func inlines() []util.PrioritizedValue {
	return []util.PrioritizedValue{
		util.Prioritized(parser.NewLinkParser(), 200),
		util.Prioritized(parser.NewAutoLinkParser(), 300),
		util.Prioritized(parser.NewEmphasisParser(), 500),
		util.Prioritized(extension.NewLinkifyParser(extension.WithLinkifyAllowedProtocols([]string{"http:", "https:"})), 999),
	}
}

// indented takes lines that are indented as far as code would be.
type indented struct{ parser.BlockParser }

// CanAcceptIndentedLine says so.
func (indented) CanAcceptIndentedLine() bool { return true }

// fieldNode is a field in a text, or a brace that names none.
type fieldNode struct {
	ast.BaseInline
	field   Field
	problem string
}

var kindField = ast.NewNodeKind("Field")

// Kind says that the node is a field.
func (n *fieldNode) Kind() ast.NodeKind { return kindField }

// Dump writes the node for debugging.
func (n *fieldNode) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

type fieldParser struct{}

// Trigger names the characters that fields start with. One with a backslash before it never comes here.
func (fieldParser) Trigger() []byte { return []byte{'{', '}'} }

// Parse reads a field.
func (fieldParser) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	line, _ := block.PeekLine()
	field, length, problem := readField(string(line))
	block.Advance(length)
	return &fieldNode{field: field, problem: problem}
}

func autoLink(n *ast.AutoLink, source []byte) string {
	address := string(n.URL(source))
	if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(address), "mailto:") {
		address = "mailto:" + address
	}
	return address
}
