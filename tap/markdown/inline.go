package markdown

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// place is where a line of Markdown stands.
type place uint8

const (
	inParagraph place = iota
	inHeading
	inCell
)

// token is a piece of a line as it will be written: text, or the beginning or end of a style.
type token struct {
	text  string
	delim style // 0 for text
	opens bool
	mate  int // the index of a delimiter's other end
}

// line makes a line of Markdown of runs.
type line struct {
	place   place
	runs    []run
	tokens  []token
	stack   []int      // the indexes of delimiters that are open
	until   [][3]int32 // for each run the index of the run at which strong, emphasis and strike end
	scratch []byte     // text that is being escaped
}

var styles = [...]style{strong, emphasis, strike}

// appendTo appends the Markdown of the runs. prefix begins the lines after a line break.
func (l *line) appendTo(dst, prefix []byte, runs []run, at place) []byte {
	l.place, l.runs, l.tokens = at, runs, slices.Grow(l.tokens[:0], 3*len(runs))
	if len(runs) == 1 && runs[0].style == 0 && runs[0].link == nil && runs[0].kind == runText {
		e := escaper{place: at, lineStart: at == inParagraph}
		return e.append(dst, runs[0].text)
	}
	l.measure()
	for i := range runs {
		l.run(i)
	}
	l.closeStyles(0)
	l.endLink(len(runs))
	return l.write(dst, prefix)
}

// measure finds out how long each run's styles last.
func (l *line) measure() {
	if cap(l.until) < len(l.runs) {
		l.until = make([][3]int32, len(l.runs))
	}
	l.until = l.until[:len(l.runs)]
	for i := len(l.runs) - 1; i >= 0; i-- {
		for k, s := range styles {
			l.until[i][k] = int32(i + 1)
			if i+1 < len(l.runs) && l.runs[i+1].style&s != 0 && l.runs[i+1].link == l.runs[i].link {
				l.until[i][k] = l.until[i+1][k]
			}
		}
	}
}

// run adds the tokens of a run.
func (l *line) run(i int) {
	r := &l.runs[i]
	if i == 0 || l.runs[i-1].link != r.link {
		l.closeStyles(0)
		l.endLink(i)
		l.beginLink(i)
	}
	l.closeStyles(r.style)
	if r.isSolid() {
		l.openStyles(i)
	}
	switch r.kind {
	case runBreak:
		l.add(l.lineBreak())
	case runText:
		if l.isAutolink(i) {
			return
		}
		if r.style&code != 0 {
			l.add(codeSpan(r.text, l.place))
			return
		}
		l.add(l.escape(i))
	default:
		l.add(r.text)
	}
}

// lineBreak returns a break in a form that all renderers know: some lose count of backslashes.
func (l *line) lineBreak() string {
	if n := len(l.tokens); n > 0 && strings.HasSuffix(l.tokens[n-1].text, `\`) {
		return "  \n"
	}
	return "\\\n"
}

func (t *token) isBreak() bool { return strings.HasSuffix(t.text, "\n") }

// isSolid reports whether styles may begin and end at the run: at white space they can't, and a
// comment needs none.
func (r *run) isSolid() bool { return r.kind == runText || r.kind == runImage }

func (l *line) add(text string) { l.tokens = append(l.tokens, token{text: text}) }

func (l *line) escape(i int) string {
	r := &l.runs[i]
	e := escaper{place: l.place, inLink: r.link != nil}
	e.lineStart = l.place == inParagraph && (len(l.tokens) == 0 || l.tokens[len(l.tokens)-1].isBreak())
	e.secondLine = e.lineStart && len(l.tokens) > 0
	if i+1 < len(l.runs) {
		next := &l.runs[i+1]
		e.glued = next.kind != runSpace || next.text[0] != ' '
		e.beforeLink = next.link != nil && next.link != r.link
	}
	l.scratch = e.append(l.scratch[:0], r.text)
	return string(l.scratch)
}

// beginLink begins the link of run i, if it has one.
func (l *line) beginLink(i int) {
	switch {
	case l.runs[i].link == nil:
	case l.isAutolink(i):
		l.add("<" + l.runs[i].text + ">")
	default:
		l.add("[")
	}
}

// endLink ends the link of the run before i, if it has one.
func (l *line) endLink(i int) {
	if i > 0 && l.runs[i-1].link != nil && !l.isAutolink(i-1) {
		l.add("](" + l.runs[i-1].link.target + ")")
	}
}

// isAutolink reports whether run i is the whole of a link and shows where it leads to.
func (l *line) isAutolink(i int) bool {
	r := &l.runs[i]
	if r.link == nil || r.kind != runText || r.style != 0 || r.text != r.link.target {
		return false
	}
	alone := (i == 0 || l.runs[i-1].link != r.link) && (i+1 == len(l.runs) || l.runs[i+1].link != r.link)
	return alone && isPlainURL(r.text)
}

// closeStyles ends the styles that are open and not among those kept, and with them what was
// opened after them.
func (l *line) closeStyles(keep style) {
	for at, open := range l.stack {
		if l.tokens[open].delim&keep != 0 {
			continue
		}
		for len(l.stack) > at {
			last := l.stack[len(l.stack)-1]
			l.stack = l.stack[:len(l.stack)-1]
			l.tokens[last].mate = len(l.tokens)
			l.tokens = append(l.tokens, token{delim: l.tokens[last].delim, mate: last})
		}
		return
	}
}

// openStyles begins the styles of run i that aren't open, the longest first.
func (l *line) openStyles(i int) {
	missing := l.runs[i].style &^ code
	for _, open := range l.stack {
		missing &^= l.tokens[open].delim
	}
	for missing != 0 {
		longest, until := style(0), int32(0)
		for k, s := range styles {
			if missing&s != 0 && l.until[i][k] > until {
				longest, until = s, l.until[i][k]
			}
		}
		missing &^= longest
		l.stack = append(l.stack, len(l.tokens))
		l.tokens = append(l.tokens, token{delim: longest, opens: true})
	}
}

// write writes the tokens, each delimiter in a form that Markdown takes for one.
func (l *line) write(dst, prefix []byte) []byte {
	for i := range l.tokens {
		t := &l.tokens[i]
		if t.delim != 0 && t.opens {
			t.text, l.tokens[t.mate].text = l.delimiters(i)
		}
	}
	for i := range l.tokens {
		dst = append(dst, l.tokens[i].text...)
		if l.tokens[i].isBreak() {
			dst = append(dst, prefix...)
		}
	}
	return dst
}

// delimiters returns what begins and ends the style that token i opens.
func (l *line) delimiters(i int) (opening, closing string) {
	t := &l.tokens[i]
	begin := flank{before: l.lastOf(i - 1), after: l.firstOf(i + 1)}
	end := flank{before: l.lastOf(t.mate - 1), after: l.firstOf(t.mate + 1)}
	plain := begin.left() && end.right()
	switch t.delim {
	case strong:
		if plain {
			return "**", "**"
		}
		return "<strong>", "</strong>"
	case emphasis:
		switch {
		case plain && !l.touches(i, strong) && !l.touches(t.mate, strong):
			return "*", "*"
		case plain && begin.before.bounds() && end.after.bounds():
			return "_", "_"
		}
		return "<em>", "</em>"
	}
	return l.strikeDelimiters(i, begin, end)
}

// strikeDelimiters returns what begins and ends a struck text. No element of HTML that may be
// written stands for it, but beside a comment the signs are always taken for what they are. Some
// renderers don't take them for it beside another tilde.
func (l *line) strikeDelimiters(i int, begin, end flank) (opening, closing string) {
	opening, closing = "~~", "~~"
	if l.endsInTilde(l.tokens[i].mate - 1) {
		closing, end.before = emptyComment+closing, classPunctuation
	}
	if !begin.left() || l.endsInTilde(i-1) {
		opening = emptyComment + opening
	}
	if !end.right() {
		closing += emptyComment
	}
	return opening, closing
}

func (l *line) endsInTilde(i int) bool {
	return i >= 0 && strings.HasSuffix(l.tokens[i].text, "~")
}

// touches reports whether a delimiter of that style stands beside token i.
func (l *line) touches(i int, s style) bool {
	return i > 0 && l.tokens[i-1].delim == s || i+1 < len(l.tokens) && l.tokens[i+1].delim == s
}

// lastOf and firstOf return the class of the last and first character of a token.
func (l *line) lastOf(i int) class {
	switch {
	case i < 0:
		return classSpace
	case l.tokens[i].delim == strike:
		return tildes(l.lastOf(i - 1))
	case l.tokens[i].delim != 0:
		return classPunctuation
	}
	r, _ := utf8.DecodeLastRuneInString(l.tokens[i].text)
	return classOf(r)
}

func (l *line) firstOf(i int) class {
	switch {
	case i >= len(l.tokens):
		return classSpace
	case l.tokens[i].delim == strike:
		return tildes(l.firstOf(i + 1))
	case l.tokens[i].delim != 0:
		return classPunctuation
	}
	r, _ := utf8.DecodeRuneInString(l.tokens[i].text)
	return classOf(r)
}

// tildes returns the class of a strikethrough's delimiter, beyond which there is a character of
// that class: some renderers look at the tildes, and GitHub's at what is behind them.
func tildes(beyond class) class {
	if beyond.bounds() {
		return classPunctuation
	}
	return classDoubtful
}

// class is what a character is to the rules of emphasis.
type class uint8

const (
	classLetter class = iota
	classSpace
	classPunctuation
	classDoubtful // punctuation to some versions of CommonMark only
)

func classOf(r rune) class {
	switch {
	case unicode.IsSpace(r):
		return classSpace
	case r < utf8.RuneSelf && !isAlphanumeric(byte(r)), unicode.IsPunct(r):
		return classPunctuation
	case unicode.IsSymbol(r):
		return classDoubtful
	}
	return classLetter
}

// bounds reports whether a delimiter beside the character is at the edge of a word.
func (c class) bounds() bool { return c == classSpace || c == classPunctuation }

// flank is what stands on both sides of a delimiter.
type flank struct{ before, after class }

// left and right report whether a delimiter surely begins and ends emphasis (CommonMark's
// left-flanking and right-flanking), whichever way doubtful characters are taken.
func (f flank) left() bool {
	return f.after != classSpace && (f.after == classLetter || f.before.bounds())
}

func (f flank) right() bool {
	return f.before != classSpace && (f.before == classLetter || f.after.bounds())
}

// codeSpan returns the text as a code span.
func codeSpan(text string, at place) string {
	fence := strings.Repeat("`", longestRun(text, '`')+1)
	if text[0] == '`' || text[len(text)-1] == '`' {
		text = " " + text + " "
	}
	if at == inCell {
		text = strings.ReplaceAll(text, "|", `\|`)
	}
	return fence + text + fence
}
