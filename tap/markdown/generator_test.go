package markdown

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// generator writes a random body, and beside it what a page of it shows: characters, each with
// the marks of what it is in.
type generator struct {
	rand  *rand.Rand
	body  strings.Builder
	shown shown
	flat  bool // in a heading or a cell, where there is but a line
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
