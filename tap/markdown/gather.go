package markdown

import "strings"

// style is a set of formats of text.
type style uint8

const (
	strong style = 1 << iota
	emphasis
	strike
	code
)

// run is a piece of a paragraph: text in one style, or something else that stands in a line.
type run struct {
	kind  runKind
	style style
	link  *link // what the run links to, nil for nothing
	// text is the text as the body has it, or the Markdown of a comment or an image.
	text string
}

type runKind uint8

const (
	runText runKind = iota
	runSpace
	runBreak
	runComment
	runImage
)

// link is where runs lead to. Links are told apart by their address in memory.
type link struct{ target string }

// gatherer collects the runs of the paragraph that is under way.
type gatherer struct {
	runs  []run
	style style
	link  *link
	// flat counts the headings and cells of tables around the text. They hold a line, so that in them
	// blocks are gathered as text, too.
	flat int
	// cell reports whether what is gathered goes into a cell of a GFM table.
	cell bool
	// grown holds the text of the last run while it grows.
	grown *strings.Builder
}

// text gathers text, in which any white space is one space.
func (g *gatherer) text(s string) {
	if s == "" {
		return
	}
	s = collapse(s, g.atSpace())
	if s == "" {
		return
	}
	if n := len(g.runs); n > 0 && g.continues(&g.runs[n-1]) {
		g.extend(&g.runs[n-1], s)
		return
	}
	g.add(runText, s)
}

// extend adds text to the last run, without copying what it has each time.
func (g *gatherer) extend(r *run, s string) {
	if g.grown == nil {
		g.grown = &strings.Builder{}
		g.grown.WriteString(r.text)
	}
	g.grown.WriteString(s)
	r.text = g.grown.String()
}

func (g *gatherer) continues(last *run) bool {
	return last.kind == runText && last.style == g.style && last.link == g.link
}

func (g *gatherer) add(kind runKind, text string) {
	g.grown = nil
	g.runs = append(g.runs, run{kind: kind, style: g.style, link: g.link, text: text})
}

// space gathers a space, unless there is one.
func (g *gatherer) space() { g.text(" ") }

// styled gathers what f gathers, in one more style.
func (g *gatherer) styled(s style, f func()) {
	before := g.style
	g.style |= s
	f()
	g.style = before
}

// atSpace reports whether white space that comes now is not seen.
func (g *gatherer) atSpace() bool {
	if len(g.runs) == 0 {
		return true
	}
	last := &g.runs[len(g.runs)-1]
	return last.kind == runBreak || last.kind == runText && strings.HasSuffix(last.text, " ")
}

// mark is a place in what is gathered.
type mark struct{ runs, text int }

func (g *gatherer) mark() mark {
	if len(g.runs) == 0 {
		return mark{}
	}
	return mark{len(g.runs), len(g.runs[len(g.runs)-1].text)}
}

// shownSince reports whether something that is seen was gathered, or written, since the mark.
func (g *gatherer) shownSince(m mark) bool {
	if len(g.runs) < m.runs {
		return true
	}
	if m.runs > 0 && strings.TrimSpace(g.runs[m.runs-1].text[m.text:]) != "" {
		return true
	}
	for _, r := range g.runs[m.runs:] {
		if r.kind == runImage || r.kind == runText && strings.TrimSpace(r.text) != "" {
			return true
		}
	}
	return false
}

// aside returns what f gathers, without white space at its edges, and leaves it out of the
// paragraph.
func (g *gatherer) aside(f func()) []run {
	before := g.runs
	g.runs, g.grown = nil, nil
	g.flat++
	f()
	g.flat--
	runs := trim(g.runs)
	g.runs, g.grown = before, nil
	return runs
}

// collapse returns text with a space for each stretch of white space, and without control
// characters. After a space, text has none at its beginning.
func collapse(s string, afterSpace bool) string {
	if !needsCollapse(s, afterSpace) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f':
			if !afterSpace {
				b = append(b, ' ')
			}
			afterSpace = true
		case c >= ' ' && c != 0x7f:
			b = append(b, c)
			afterSpace = false
		}
	}
	return string(b)
}

func needsCollapse(s string, afterSpace bool) bool {
	for i := range len(s) {
		c := s[i]
		if c == ' ' && !afterSpace {
			afterSpace = true
			continue
		}
		if c <= ' ' || c == 0x7f {
			return true
		}
		afterSpace = false
	}
	return false
}
