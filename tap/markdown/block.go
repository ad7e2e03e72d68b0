package markdown

import (
	"strings"
)

// emptyComment stands where Markdown needs something and there is nothing to show.
const emptyComment = "<!-- -->"

// renderer writes the Markdown of a tree.
type renderer struct {
	writer
	gatherer
	line line
	// tight reports whether no blank line follows a paragraph, since it is all of its list item.
	tight bool
}

func (r *renderer) children(n *node) {
	for c := n.first; c != nil; c = c.next {
		r.node(c)
	}
}

// node renders a node. Text and what stands in a line is gathered; a block is written.
func (r *renderer) node(n *node) {
	switch n.form {
	case formText:
		r.text(n.text)
	case formInline:
		r.children(n)
	case formBlock:
		r.blocks(n)
	case formHidden:
	case formUnknown:
		r.comment(n.name, n.attrs)
		r.children(n)
	case formEmbedded:
		r.comment(n.name, n.attrs)
	case formHeading:
		r.heading(n)
	case formStrong, formTerm:
		r.emphasized(n, strong)
	case formEmphasis, formPlaceholder:
		r.emphasized(n, emphasis)
	case formStrike:
		r.emphasized(n, strike)
	case formSpan:
		r.span(n)
	case formCode:
		r.emphasized(n, code)
	case formBreak:
		r.lineBreak()
	case formPreformatted:
		r.code("", n.plain())
	case formPlainBody:
		r.code("", n.plain())
	case formQuote:
		r.quote(func() { r.children(n) })
	case formRule:
		r.rule()
	case formList:
		r.list(n)
	case formTable:
		r.table(n)
	default:
		r.confluence(n)
	}
}

// confluence renders what only Confluence has, and what leads somewhere.
func (r *renderer) confluence(n *node) {
	switch n.form {
	case formMacro:
		r.macro(n)
	case formTaskList:
		r.taskList(n)
	case formTask:
		r.task(n)
	case formAnchor:
		r.linked(n, n.attr("href"), n.attr("href"), n)
	case formLink:
		r.contentLink(n)
	case formPicture:
		r.image(n.attr("src"), n.attr("alt"), n.attr("title"), n.attr("width"), n.attr("height"))
	case formImage:
		r.contentImage(n)
	case formCaption:
		r.lineBreak()
		r.emphasized(n, emphasis)
	case formTime:
		r.time(n)
	case formEmoticon:
		r.text(emoji(n))
	case formExtension:
		r.extension(n)
	case formExtensionNode:
		r.extensionNode(n)
	}
}

// blocks renders the children of a block.
func (r *renderer) blocks(n *node) {
	r.flush()
	r.children(n)
	r.flush()
}

// flush writes the paragraph that is under way. Where blocks are gathered as text, it ends a
// word instead.
func (r *renderer) flush() {
	if r.flat > 0 {
		r.space()
		return
	}
	if len(r.runs) == 0 {
		return
	}
	runs := trim(r.runs)
	r.runs = r.runs[:0]
	for r.box == "" && len(runs) > 0 && runs[0].kind == runComment {
		r.block(runs[0].text)
		runs = trimLeft(runs[1:])
	}
	if len(runs) == 0 {
		return
	}
	r.startParagraph()
	r.out = r.line.appendTo(r.out, r.prefix, runs, inParagraph)
	r.endParagraph()
}

// trimLeft drops white space and breaks at the beginning.
func trimLeft(runs []run) []run {
	for len(runs) > 0 && (runs[0].kind == runSpace || runs[0].kind == runBreak) {
		runs = runs[1:]
	}
	return runs
}

func (r *renderer) endParagraph() {
	r.endBlock()
	if r.tight {
		r.gap = gapLine
	}
}

// paragraph writes a paragraph of its own: a title, say.
func (r *renderer) paragraph(s style, text string) {
	r.flush()
	r.styled(s, func() { r.text(text) })
	r.flush()
}

func (r *renderer) heading(n *node) {
	r.flush()
	if r.flat > 0 {
		r.children(n)
		r.space()
		return
	}
	r.flat++
	r.children(n)
	r.flat--
	runs := trim(r.runs)
	r.runs = r.runs[:0]
	for i := range runs {
		if runs[i].kind == runBreak {
			runs[i].kind, runs[i].text = runSpace, " "
		}
	}
	if len(runs) == 0 {
		return
	}
	r.startBlock()
	r.out = append(r.out, "######"[:n.name[1]-'0']...)
	r.out = append(r.out, ' ')
	r.out = r.line.appendTo(r.out, r.prefix, runs, inHeading)
	r.endBlock()
}

// emphasized renders children in one more style.
func (r *renderer) emphasized(n *node, s style) {
	if n.isBlock() {
		r.flush()
		defer r.flush()
	}
	r.styled(s, func() { r.children(n) })
}

func (r *renderer) span(n *node) {
	if css := n.attr("style"); css != "" && strings.Contains(css, "line-through") {
		r.emphasized(n, strike)
		return
	}
	r.children(n)
}

func (r *renderer) lineBreak() { r.add(runBreak, "") }

// code writes text as a code block.
func (r *renderer) code(language, text string) {
	r.flush()
	if r.flat > 0 {
		r.styled(code, func() { r.text(text) })
		r.space()
		return
	}
	r.fence(language, text)
}

// quote writes what f renders as a quote.
func (r *renderer) quote(f func()) {
	r.flush()
	if r.flat > 0 {
		f()
		r.space()
		return
	}
	tight := r.tight
	r.tight = false
	r.enter("> ", "> ", false)
	f()
	r.flush()
	r.leave()
	r.tight = tight
}

// rule writes a thematic break. "---" and "***" within a list would make a rule of the list.
func (r *renderer) rule() {
	r.flush()
	if r.flat == 0 {
		r.block("___")
	}
}
