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

// generator writes a random body, and beside it what a page of it shows: characters, each with
// the marks of what it is in.
type generator struct {
	rand  *rand.Rand
	body  strings.Builder
	shown shown
	flat  bool // in a heading or a cell, where there is but a line
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

func (g *generator) words() string { return g.shown.words() }

// awkward are words that mean something to Markdown or to HTML.
var awkward = []string{
	"*", "*a*", "**b", "_c_", "d_e", "__f__", "g_", "_h", "`i`", "``", "[j](k)", "[l]", "[ ]", "[^1]", "![m](n)", "!", "#", "##", "#o", "p#",
	"1.", "2)", "1986.", "-", "--", "---", "- x", "+", "=", "===", ">", ">q", "|", "r|s", "| --- |", ":--", "--|--", "~", "~~t~~", "\\", "\\*", "u\\",
	"<b>", "<", "< v", "<!--", "-->", "</p>", "<script>", "&amp;", "&", "&#35;", "&copy", "R&D", "AT&T;", "https://a.b/c_d", "https://a.b/~e/*f*",
	"https://g.h/?i=1&amp;j=2.", "(https://k.l/m)", "www.n.o/_p_", "www.q.r", "q@r.st", "_u@v.wx", "http://", "://", "a:b", "“q”", "€5", "5€", "é", "日本語",
	"😀", "(y)", "y.", "\u00a0", "z\u00a0z", "$1$", "{x}", "{{x}}", "@me", ":smile:", "a\u200bb", "'", "\"q\"", "%20", "^", "x^2^", "==m==", "```", "~~~",
}

func (g *generator) word() string {
	if g.rand.IntN(3) == 0 {
		return awkward[g.rand.IntN(len(awkward))]
	}
	return fmt.Sprintf("w%d", g.rand.IntN(1000))
}

func (g *generator) tag(format string, args ...any) { fmt.Fprintf(&g.body, format, args...) }

// text writes text that is seen.
func (g *generator) text(s string) {
	g.body.WriteString(html.EscapeString(s))
	g.shown.add(s)
}

// within writes what f does with one more format and block; empty ones are none.
func (g *generator) within(format, block string, f func()) {
	formats, blocks := g.shown.format, g.shown.block
	if format != "" {
		g.shown.format = append(slices.Clone(formats), format)
	}
	if block != "" {
		g.shown.block = append(slices.Clone(blocks), block)
	}
	f()
	g.shown.format, g.shown.block = formats, blocks
}

func (g *generator) inlines(n, depth int) {
	for range n {
		if g.rand.IntN(3) > 0 {
			g.body.WriteByte(' ')
			g.shown.space()
		}
		g.inline(depth)
	}
}

func (g *generator) inline(depth int) {
	kind := g.rand.IntN(24)
	if depth == 0 {
		kind = 0
	}
	more := 1 + g.rand.IntN(3)
	inner := func() { g.inlines(more, depth-1) }
	switch kind {
	case 1, 2, 3:
		g.wrap("b", []string{"strong", "b"}, inner)
	case 4, 5, 6:
		g.wrap("i", []string{"em", "i"}, inner)
	case 7:
		g.wrap("s", []string{"del", "s"}, inner)
	case 8:
		g.wrap("", []string{"span", "u", "sup", "ac:inline-comment-marker"}, inner)
	case 9:
		g.codeSpan()
	case 10:
		g.link(`<a href="https://link.example/x_y?a=(b)&amp;c">`, "</a>", inner)
	case 11:
		g.link(`<ac:link><ri:page ri:content-title="T (1)"/><ac:link-body>`, "</ac:link-body></ac:link>", inner)
	case 12:
		g.tag(`<ac:link><ri:user ri:account-id="7:a"/></ac:link>`)
		g.linkText("@7:a")
	case 13:
		g.tag(`<ac:structured-macro ac:name="status"><ac:parameter ac:name="colour">Red</ac:parameter><ac:parameter ac:name="title">`)
		g.within("b", "", func() { g.text("s" + g.word() + "t") })
		g.tag(`</ac:parameter></ac:structured-macro>`)
	case 14:
		g.tag(`<time datetime="2024-02-29"/>`)
		g.shown.add("2024-02-29")
	case 15:
		g.tag(`<ac:emoticon ac:name="tick"/>`)
		g.shown.add("✅")
	case 16:
		g.tag(`<ac:structured-macro ac:name="some|thing --"><ac:parameter ac:name="a">b--> | "c"</ac:parameter></ac:structured-macro>`)
	case 17:
		if !g.flat {
			g.tag("<br/>")
			g.shown.space()
		}
	case 18:
		g.tag(`<ac:image ac:width="7" ac:alt="`)
		g.within("", "", func() { g.shown.format = append(slices.Clone(g.shown.format), "!"); g.text("alt_" + g.word() + "e") })
		g.tag(`"><ri:attachment ri:filename="f (1).png"/></ac:image>`)
	case 19:
		g.tag("<ac:placeholder>")
		g.within("i", "", func() { g.text(g.word()) })
		g.tag("</ac:placeholder>")
	default:
		g.text(g.word())
	}
}

func (g *generator) wrap(format string, names []string, inner func()) {
	name := names[g.rand.IntN(len(names))]
	g.tag("<%s>", name)
	g.within(format, "", inner)
	g.tag("</%s>", name)
}

func (g *generator) codeSpan() {
	g.tag("<code>")
	g.within("c", "", func() { g.text(g.word()) })
	g.tag("</code>")
}

// link writes a link, but none in another one, and none without text.
func (g *generator) link(begin, end string, inner func()) {
	if slices.Contains(g.shown.format, "a") {
		inner()
		return
	}
	g.body.WriteString(begin)
	g.within("a", "", func() {
		g.text("l")
		inner()
	})
	g.body.WriteString(end)
}

func (g *generator) linkText(text string) { g.within("a", "", func() { g.shown.add(text) }) }

func (g *generator) blocks(n, depth int) {
	for range n {
		g.block(depth)
	}
}

func (g *generator) block(depth int) {
	g.shown.space()
	defer g.shown.space()
	kind := g.rand.IntN(20)
	if depth == 0 {
		kind = 0
	}
	few := 1 + g.rand.IntN(3)
	switch kind {
	case 1:
		level := 1 + g.rand.IntN(6)
		g.tag("<h%d>", level)
		g.within("", fmt.Sprintf("h%d", level), func() { g.line(few, 2) })
		g.tag("</h%d>", level)
	case 2, 3, 4:
		g.list(few, depth-1)
	case 5:
		g.tag("<blockquote>")
		g.within("", "blockquote", func() { g.blocks(few, depth-1) })
		g.tag("</blockquote>")
	case 6, 7:
		g.table(depth - 1)
	case 8:
		g.panel(depth - 1)
	case 9:
		g.tag(`<ac:structured-macro ac:name="expand"><ac:parameter ac:name="title">`)
		g.within("b", "p", func() { g.text(g.word()) })
		g.shown.space()
		g.tag(`</ac:parameter><ac:rich-text-body>`)
		g.blocks(few, depth-1)
		g.tag(`</ac:rich-text-body></ac:structured-macro>`)
	case 10, 11:
		g.codeBlock()
	case 12:
		g.tag("<hr/>")
	case 13:
		g.tasks(few, depth-1)
	case 14:
		g.tag(`<ac:layout><ac:layout-section ac:type="two_equal"><ac:layout-cell>`)
		g.blocks(few, depth-1)
		g.tag(`</ac:layout-cell><ac:layout-cell/></ac:layout-section></ac:layout>`)
	case 15:
		g.tag(`<ac:structured-macro ac:name="third"><ac:parameter ac:name="p">hidden</ac:parameter><ac:rich-text-body>`)
		g.blocks(few, depth-1)
		g.tag(`</ac:rich-text-body></ac:structured-macro>`)
	case 16:
		g.within("", "p", func() { g.inlines(few, 2) })
		g.tag("<p/>")
	default:
		g.tag("<p>")
		g.within("", "p", func() { g.inlines(1+g.rand.IntN(5), 3) })
		g.tag("</p>")
	}
}

// line writes what has to be in a line.
func (g *generator) line(n, depth int) {
	flat := g.flat
	g.flat = true
	g.inlines(n, depth)
	g.flat = flat
}

func (g *generator) list(n, depth int) {
	name := []string{"ul", "ol"}[g.rand.IntN(2)]
	g.tag("<%s>", name)
	g.within("", name, func() {
		for range n {
			g.item("li", depth)
		}
	})
	g.tag("</%s>", name)
}

// item writes a list item, which begins with text, with a paragraph, with a list or with any
// other block.
func (g *generator) item(name string, depth int) {
	g.shown.space()
	g.tag("<%s>", name)
	g.within("", "li", func() {
		switch g.rand.IntN(5) {
		case 0:
			g.blocks(1+g.rand.IntN(2), depth)
		case 1: // nothing
		default:
			g.within("", "p", func() { g.inlines(1+g.rand.IntN(3), 2) })
			if depth > 0 && g.rand.IntN(2) == 0 {
				g.shown.space()
				g.list(1+g.rand.IntN(3), depth-1)
			}
		}
	})
	g.tag("</%s>", name)
	g.shown.space()
}

func (g *generator) table(depth int) {
	complex := depth > 0 && g.rand.IntN(2) == 0
	columns := 1 + g.rand.IntN(3)
	g.tag("<table><tbody>")
	for row := range 1 + g.rand.IntN(3) {
		name := "td"
		if row == 0 && g.rand.IntN(2) == 0 {
			name = "th"
		}
		g.tag("<tr>")
		for range columns {
			g.cell(name, complex, depth)
		}
		g.tag("</tr>")
	}
	g.tag("</tbody></table>")
}

func (g *generator) cell(name string, complex bool, depth int) {
	g.shown.space()
	g.tag("<%s>", name)
	g.within("", name, func() {
		switch {
		case complex:
			g.blocks(g.rand.IntN(3), depth)
			return
		case g.rand.IntN(4) == 0:
			return
		}
		g.tag("<p>")
		g.within("", "p", func() { g.line(1+g.rand.IntN(3), 2) })
		g.tag("</p>")
	})
	g.tag("</%s>", name)
	g.shown.space()
}

func (g *generator) panel(depth int) {
	name := []string{"info", "note", "tip", "warning"}[g.rand.IntN(4)]
	g.within("", "blockquote", func() {
		g.within("b", "p", func() { g.shown.add(strings.ToUpper(name[:1]) + name[1:]) })
		g.shown.space()
		if g.rand.IntN(2) == 0 {
			g.tag(`<ac:adf-extension><ac:adf-node type="panel"><ac:adf-attribute key="panel-type">%s</ac:adf-attribute><ac:adf-content>`, name)
			g.blocks(1, depth)
			g.tag(`</ac:adf-content></ac:adf-node><ac:adf-fallback><p>again</p></ac:adf-fallback></ac:adf-extension>`)
			return
		}
		g.tag(`<ac:structured-macro ac:name="%s"><ac:rich-text-body>`, name)
		g.blocks(1+g.rand.IntN(2), depth)
		g.tag(`</ac:rich-text-body></ac:structured-macro>`)
	})
}

func (g *generator) codeBlock() {
	text := ""
	for range g.rand.IntN(6) {
		text += g.word() + []string{" ", "\n", "\n\n", "\t"}[g.rand.IntN(4)]
	}
	g.tag(`<ac:structured-macro ac:name="%s"><ac:parameter ac:name="language">c++</ac:parameter><ac:plain-text-body><![CDATA[%s]]></ac:plain-text-body></ac:structured-macro>`,
		[]string{"code", "noformat", "html", "plantuml"}[g.rand.IntN(4)], strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>"))
	g.within("", "pre", func() { g.shown.add(text) })
}

func (g *generator) tasks(n, depth int) {
	g.tag("<ac:task-list>")
	g.within("", "ul", func() {
		for range n {
			g.tag("<ac:task><ac:task-id>1</ac:task-id><ac:task-status>complete</ac:task-status>")
			g.item("ac:task-body", depth)
			g.tag("</ac:task>")
		}
	})
	g.tag("</ac:task-list>")
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
