package markdown

import (
	"strconv"
	"strings"
)

// list writes a list. Lists that lie in a list beside its items, as old pages have them, belong
// to the item before them.
func (r *renderer) list(n *node) {
	r.flush()
	if r.flat > 0 {
		r.children(n)
		r.space()
		return
	}
	l := r.beginList(n.name == "ol", isTight(n))
	if start, err := strconv.Atoi(n.attr("start")); err == nil && start >= 0 && start < 1e8 {
		l.startAt(r, start)
	}
	for c := n.first; c != nil; c = c.next {
		if c.form == formText && strings.TrimSpace(c.text) == "" {
			continue
		}
		l.item(r)
		r.node(c)
		for c.next != nil && (c.next.form == formList || c.next.isBlank()) {
			c = c.next
			r.node(c)
		}
		l.endItem(r)
	}
	l.end(r)
}

// listing is a list that is being written.
type listing struct {
	tight, outerTight bool
	ordered           bool
	number            int
	marker            byte
	items             int
}

// beginList begins a list. A list that follows another one of its kind has another marker, or
// the two would be one.
func (r *renderer) beginList(ordered, tight bool) *listing {
	l := &listing{ordered: ordered, tight: tight, outerTight: r.tight, number: 1, marker: '-'}
	other := byte('*')
	if ordered {
		l.marker, other = '.', ')'
	}
	if r.lastList == l.marker {
		l.marker = other
	}
	if r.lastList != 0 {
		r.gap = gapBlank
	}
	r.tight = tight
	return l
}

// startAt makes n the number of the first item. Only a list that begins with 1 can follow a
// paragraph without a blank line.
func (l *listing) startAt(r *renderer, n int) {
	l.number = n
	if n != 1 && r.gap == gapLine {
		r.gap = gapBlank
	}
}

func (l *listing) item(r *renderer) {
	if l.items > 0 && l.tight {
		r.gap = gapLine
	}
	l.items++
	marker := string(l.marker) + " "
	if l.ordered {
		marker = strconv.Itoa(l.number) + marker
		l.number++
	}
	r.enter(marker, "            "[:len(marker)], true)
}

func (l *listing) endItem(r *renderer) {
	r.flush()
	r.leave()
}

func (l *listing) end(r *renderer) {
	r.tight = l.outerTight
	if r.tight {
		r.gap = gapLine
	}
	if l.items > 0 {
		r.lastList = l.marker
	}
}

// isTight reports whether each item is at most a paragraph, and lists after it.
func isTight(list *node) bool {
	for item := list.first; item != nil; item = item.next {
		if item.blocks && !isTightItem(item) {
			return false
		}
	}
	return true
}

func isTightItem(item *node) bool {
	if body := item.child("ac:task-body"); body != nil {
		item = body
	}
	c, text := item.first, false
	for ; c != nil && !c.isBlock() && !c.blocks; c = c.next {
		text = text || c.form != formHidden && !c.isBlank()
	}
	if c != nil && c.form == formBlock && !c.blocks && !text {
		c = c.next // the paragraph
	}
	for ; c != nil; c = c.next {
		if c.form != formList && c.form != formTaskList && !c.isBlank() {
			return false
		}
	}
	return true
}

// isBlank reports whether the node is white space.
func (n *node) isBlank() bool {
	return n.form == formText && strings.TrimSpace(n.text) == ""
}

// taskList writes a list of tasks.
func (r *renderer) taskList(n *node) {
	r.flush()
	if r.flat > 0 {
		r.children(n)
		r.space()
		return
	}
	l := r.beginList(false, isTight(n))
	for c := n.first; c != nil; c = c.next {
		if c.isBlank() {
			continue
		}
		l.item(r)
		r.node(c)
		for c.next != nil && (c.next.form == formTaskList || c.next.isBlank()) {
			c = c.next
			r.node(c)
		}
		l.endItem(r)
	}
	l.end(r)
}

// task writes the body of a task, behind its box.
func (r *renderer) task(n *node) {
	box := "[ ] "
	if status := n.child("ac:task-status"); status != nil && strings.TrimSpace(status.plain()) == "complete" {
		box = "[x] "
	}
	if r.flat > 0 {
		r.text(box)
		r.children(n)
		r.space()
		return
	}
	r.box = box
	r.blocks(n)
}
