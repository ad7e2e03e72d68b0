package markdown

import (
	"bytes"
	"strings"
)

// maxNesting is how many lists and quotes are written within each other. What lies deeper is
// written at that depth: each of its lines would begin with hundreds of spaces.
const maxNesting = 32

// gap is what has to come between the last block and the next one.
type gap uint8

const (
	gapNone  gap = iota // the next block is the first of its container
	gapLine             // nothing: it begins on the next line
	gapBlank            // a blank line
)

// container is a list item or a quote that is being written.
type container struct {
	prefix int // how long the prefix was outside of it
	item   bool
	silent bool // nothing of it is written: it lies too deep
}

// writer writes lines into containers: lists and quotes.
type writer struct {
	out []byte
	// lead is what the next line begins with, and prefix what the lines after it do.
	lead, prefix []byte
	pending      bool   // lead has a marker that no line has had yet
	box          string // of a task; the paragraph that comes next begins with it
	gap          gap
	lastList     byte // the marker of the list that was the last block of its container, 0 if it was none
	open         []container
}

// startBlock begins a block: what comes next is on a line of its own, after a blank one where
// that has to be.
func (w *writer) startBlock() {
	w.fillBox()
	if w.gap == gapBlank {
		w.blankLine()
	}
	w.startLine()
}

// startParagraph begins a paragraph, which may be that of a task.
func (w *writer) startParagraph() {
	box := w.box
	w.box = ""
	w.startBlock()
	w.out = append(w.out, box...)
}

// fillBox writes a paragraph with nothing but a task's box, if there is one to be written.
func (w *writer) fillBox() {
	if w.box != "" {
		w.startParagraph()
		w.out = append(w.out, emptyComment...)
		w.endBlock()
	}
}

// fill writes something that shows nothing where the innermost container has nothing yet.
func (w *writer) fill() {
	w.fillBox()
	if w.pending {
		w.block(emptyComment)
	}
}

func (w *writer) startLine() {
	w.out = append(w.out, w.lead...)
	w.lead, w.pending = append(w.lead[:0], w.prefix...), false
}

// endBlock ends a block, whose last line is not ended yet.
func (w *writer) endBlock() {
	w.out = append(w.out, '\n')
	w.gap, w.lastList = gapBlank, 0
}

// blankLine writes a line with nothing in it but what its containers demand.
func (w *writer) blankLine() {
	w.out = append(append(w.out, bytes.TrimRight(w.prefix, " ")...), '\n')
}

// block writes a block of one line.
func (w *writer) block(line string) {
	w.startBlock()
	w.out = append(w.out, line...)
	w.endBlock()
}

// enter begins a container: its first line begins with marker, the others with rest.
func (w *writer) enter(marker, rest string, item bool) {
	c := container{prefix: len(w.prefix), item: item, silent: len(w.open) >= maxNesting}
	if c.silent {
		w.open = append(w.open, c)
		return
	}
	if w.pending && item && w.open[len(w.open)-1].item {
		// An item that begins with a list. "- - a" reads badly, and "- - -" is a rule.
		w.fill()
		w.gap = gapLine
	}
	w.fillBox()
	if w.gap == gapBlank {
		w.blankLine()
	}
	w.open = append(w.open, c)
	w.lead = append(w.lead, marker...)
	w.prefix = append(w.prefix, rest...)
	w.pending, w.gap, w.lastList = true, gapNone, 0
}

// leave ends the innermost container.
func (w *writer) leave() {
	c := w.open[len(w.open)-1]
	if !c.silent {
		w.fill()
	}
	w.open = w.open[:len(w.open)-1]
	if !c.silent {
		w.prefix = w.prefix[:c.prefix]
		w.lead = append(w.lead[:0], w.prefix...)
	}
	w.gap, w.lastList = gapBlank, 0
}

// fence writes a code block, with a fence longer than any in the text.
func (w *writer) fence(language, text string) {
	fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	w.startBlock()
	w.out = append(append(append(w.out, fence...), language...), '\n')
	text = strings.TrimSuffix(strings.ReplaceAll(text, "\r", ""), "\n")
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			w.blankLine()
			continue
		}
		w.startLine()
		w.out = append(appendClean(w.out, line), '\n')
	}
	w.startLine()
	w.out = append(w.out, fence...)
	w.endBlock()
}

// longestRun returns the length of the longest run of c in the text.
func longestRun(text string, c byte) int {
	longest, n := 0, 0
	for i := range len(text) {
		if text[i] != c {
			n = 0
			continue
		}
		n++
		longest = max(longest, n)
	}
	return longest
}

// appendClean appends text without control characters other than tabs.
func appendClean(dst []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c >= ' ' || c == '\t' {
			dst = append(dst, c)
		}
	}
	return dst
}
