package markdown

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	goldhtml "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"
)

// TestRandomTrees converts random bodies of all known elements and renders the Markdown: the
// page shows exactly the words of the body, in order, each in the formats and the blocks that it
// was in.
func TestRandomTrees(t *testing.T) {
	n := uint64(4000)
	if testing.Short() {
		n = 500
	}
	for seed := range n {
		g := &generator{rand: rand.New(rand.NewPCG(seed, 16))}
		g.blocks(1+g.rand.IntN(4), 3)
		out, err := Convert([]byte(g.body.String()))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if got, want := rendered(t, out), g.words(); got != want {
			t.Fatalf("seed %d: %s\n\nstorage:\n%s\n\nmarkdown:\n%s", seed, difference(got, want), g.body.String(), out)
		}
	}
}

// difference shows where two lists of words part.
func difference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("word %d\n got: %q\nwant: %q", i, a[min(i, len(a)):min(i+3, len(a))], b[min(i, len(b)):min(i+3, len(b))])
		}
	}
	return "no difference"
}

// shown is text with marks: the formats, and the blocks from the outermost to the innermost.
type shown struct {
	text   []string // a character with its marks; " " between words
	format []string
	block  []string
}

func (s *shown) add(text string) {
	sorted := slices.Clone(s.format)
	slices.Sort(sorted)
	marks := strings.Join(s.block, ">") + "/" + strings.Join(slices.Compact(sorted), "")
	for _, r := range text {
		if unicode.IsSpace(r) {
			s.space()
		} else {
			s.text = append(s.text, string(r)+"\x00"+marks)
		}
	}
}

func (s *shown) space() { s.text = append(s.text, " ") }

// words returns a line for each stretch of a word that has the same marks; an empty line ends a
// word.
func (s *shown) words() string {
	var b strings.Builder
	last, open := "", false
	for _, c := range s.text {
		if c == " " {
			if open {
				b.WriteString("\n\n")
			}
			open = false
			continue
		}
		r, marks, _ := strings.Cut(c, "\x00")
		if !open || marks != last {
			if open {
				b.WriteString("\n")
			}
			b.WriteString(marks + " ")
		}
		b.WriteString(r)
		last, open = marks, true
	}
	return strings.TrimSpace(b.String())
}

// gfm renders what the tests convert: CommonMark with the extensions of GFM, and raw HTML as it
// stands. What is an email address is told it as GFM has it; goldmark's own takes "`" for a
// part of one.
var gfm = goldmark.New(
	goldmark.WithExtensions(
		extension.Table, extension.Strikethrough, extension.TaskList,
		extension.NewLinkify(extension.WithLinkifyEmailRegexp(regexp.MustCompile(`^[a-zA-Z0-9.+_-]+@[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)+`))),
	),
	goldmark.WithRendererOptions(goldhtml.WithUnsafe()),
)

// rendered returns the words of the page that the Markdown makes, in the form of shown.words.
func rendered(t *testing.T, markdown []byte) string {
	t.Helper()
	var page bytes.Buffer
	if err := gfm.Convert(markdown, &page); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(&page)
	if err != nil {
		t.Fatal(err)
	}
	var s shown
	s.read(t, root)
	return s.words()
}

// marksOf are the marks of the elements that a page may have.
var marksOf = map[string]struct{ format, block string }{
	"html": {}, "head": {}, "body": {}, "tbody": {}, "thead": {}, "tr": {}, "br": {}, "hr": {}, "input": {}, "table": {},
	"strong": {format: "b"}, "em": {format: "i"}, "del": {format: "s"}, "code": {format: "c"}, "a": {format: "a"}, "img": {format: "!"},
	"p": {block: "p"}, "ul": {block: "ul"}, "ol": {block: "ol"}, "li": {block: "li"}, "blockquote": {block: "blockquote"}, "pre": {block: "pre"},
	"td": {block: "td"}, "th": {block: "th"},
	"h1": {block: "h1"}, "h2": {block: "h2"}, "h3": {block: "h3"}, "h4": {block: "h4"}, "h5": {block: "h5"}, "h6": {block: "h6"},
}

func (s *shown) read(t *testing.T, n *html.Node) {
	switch n.Type {
	case html.TextNode:
		before := s.block
		if len(s.block) > 0 && slices.Contains([]string{"li", "td", "th"}, s.block[len(s.block)-1]) {
			s.block = append(slices.Clone(before), "p") // a tight item, a cell
		}
		s.add(n.Data)
		s.block = before
	case html.ElementNode:
		s.element(t, n)
	case html.DocumentNode:
		s.children(t, n)
	}
}

func (s *shown) children(t *testing.T, n *html.Node) {
	for c := range n.ChildNodes() {
		s.read(t, c)
	}
}

func (s *shown) element(t *testing.T, n *html.Node) {
	marks, ok := marksOf[n.Data]
	if !ok {
		s.add("<" + n.Data + ">") // which is none of ours
	}
	formats, blocks := s.format, s.block
	inPre := len(blocks) > 0 && blocks[len(blocks)-1] == "pre"
	if marks.format != "" && !inPre && !isBareLink(n) {
		s.format = append(slices.Clone(formats), marks.format)
	}
	if marks.block != "" {
		s.block = append(slices.Clone(blocks), marks.block)
	}
	if marks.format == "" {
		s.space()
	}
	if n.Data == "img" {
		at := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "alt" })
		if len(s.block) > 0 && slices.Contains([]string{"li", "td", "th"}, s.block[len(s.block)-1]) {
			s.block = append(slices.Clone(s.block), "p")
		}
		s.add(n.Attr[at].Val)
	}
	s.children(t, n)
	if marks.format == "" {
		s.space()
	}
	s.format, s.block = formats, blocks
}

// isBareLink reports whether a renderer made a link of an address in the text by itself.
func isBareLink(n *html.Node) bool {
	if n.Data != "a" {
		return false
	}
	for _, a := range n.Attr {
		if a.Key == "href" {
			return !strings.HasPrefix(a.Val, "https://link.example/") && !strings.HasPrefix(a.Val, "confluence-")
		}
	}
	return true
}
