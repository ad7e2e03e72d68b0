package markdown

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// node is an element, or a piece of text: then its element is textElement.
type node struct {
	*element
	text        string // of a piece of text
	attrs       []attr
	first, next *node // the first child and the next sibling
	// blocks reports whether a block lies somewhere within the element.
	blocks bool
}

type attr struct{ name, value string }

// attr returns the value of an attribute, empty without one.
func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

// child returns the first child of that name, nil without one.
func (n *node) child(name string) *node {
	for c := n.first; c != nil; c = c.next {
		if c.name == name {
			return c
		}
	}
	return nil
}

// plain returns all the text within the node as it stands.
func (n *node) plain() string {
	if n.first == nil {
		return n.text
	}
	if n.first.next == nil && n.first.form == formText {
		return n.first.text
	}
	var b strings.Builder
	n.writePlain(&b)
	return b.String()
}

func (n *node) writePlain(b *strings.Builder) {
	b.WriteString(n.text)
	for c := n.first; c != nil; c = c.next {
		c.writePlain(b)
	}
}

// parse reads a body as XML and, if it isn't well-formed, as HTML. It returns a node that
// holds the body's nodes.
func parse(storage []byte) (*node, error) {
	p := parser{strict: true}
	root, err := p.parse(storage)
	if err == nil && !p.wellFormed() {
		p = parser{}
		root, err = p.parse(storage)
	}
	return root, err
}

// open is an element whose end is still to come.
type open struct {
	*node
	last *node // the last child

	// What follows is for bodies that are read as HTML.
	same    int  // the index of the next element further out that has the same name, 0 without one
	wall    int  // the index of the innermost wall, this element included
	endable ends // what start tags may end here: this element or one further out
}

// parser builds the tree of a body.
//
// A strict parser reads XML: an element ends at its end tag, and the parser stops at the first tag
// that does not fit. Any other reads HTML: an element without an end tag ends where the HTML
// standard says, and end tags that do not fit are ignored.
type parser struct {
	strict bool
	broken bool // a strict parser met something that isn't XML
	stack  []open
	inner  map[*element]int // the index of the innermost open element of a name; nil if strict
	others map[string]*element
	slab   []node // nodes that are still to be handed out
	slabs  int    // how many were made last
}

func (p *parser) wellFormed() bool { return !p.broken && len(p.stack) == 1 }

func (p *parser) parse(storage []byte) (*node, error) {
	if !p.strict {
		p.inner = map[*element]int{}
	}
	root := p.node(&rootElement)
	p.stack = append(p.stack, open{node: root})
	z := html.NewTokenizer(bytes.NewReader(storage))
	z.AllowCDATA(true)
	for !p.broken {
		switch z.Next() {
		case html.ErrorToken: // the end
			p.closeTo(1)
			return root, nil
		case html.TextToken:
			n := p.node(&textElement)
			n.text = text(z)
			p.append(n)
		case html.StartTagToken:
			if err := p.start(z, false); err != nil {
				return nil, err
			}
		case html.SelfClosingTagToken:
			if err := p.start(z, true); err != nil {
				return nil, err
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			p.end(p.element(name))
		}
	}
	return root, nil
}

// text returns the text of a token. The tokenizer takes character references in CDATA sections
// for such, which they aren't.
func text(z *html.Tokenizer) string {
	if section, ok := bytes.CutPrefix(z.Raw(), []byte("<![CDATA[")); ok {
		return string(bytes.TrimSuffix(section, []byte("]]>")))
	}
	return string(z.Text())
}

// start reads a start tag. Storage is XHTML: a tag that ends in "/>" has no end tag, whatever
// its name.
func (p *parser) start(z *html.Tokenizer, closed bool) error {
	name, more := z.TagName()
	n := p.node(p.element(name))
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		n.attrs = append(n.attrs, attr{attributeName(key), string(value)})
	}
	if p.strict || closed {
		z.NextIsNotRawText()
	}
	if !p.strict {
		p.endImplied(n.element)
		closed = closed || n.void
	}
	p.append(n)
	if closed {
		p.finish(n)
		return nil
	}
	if len(p.stack) > MaxDepth {
		p.broken = p.strict // read as HTML, it may be less deep
		return p.tooDeep()
	}
	p.push(n)
	return nil
}

func (p *parser) push(n *node) {
	if p.strict {
		p.stack = append(p.stack, open{node: n})
		return
	}
	outer, at := p.stack[len(p.stack)-1], len(p.stack)
	o := open{node: n, same: p.inner[n.element], wall: outer.wall, endable: n.endedBy | outer.endable&^n.holds}
	if n.wall {
		o.wall = at
	}
	p.inner[n.element] = at
	p.stack = append(p.stack, o)
}

func (p *parser) tooDeep() error {
	if p.strict {
		return nil
	}
	return ErrTooDeep
}

// append adds a node to the innermost open element.
func (p *parser) append(n *node) {
	parent := &p.stack[len(p.stack)-1]
	if parent.last == nil {
		parent.first = n
	} else {
		parent.last.next = n
	}
	parent.last = n
}

// finish tells the parent of a node, now that its children are known, whether there are blocks.
func (p *parser) finish(n *node) {
	parent := p.stack[len(p.stack)-1]
	if n.blocks || n.isBlock() {
		parent.blocks = true
	}
}

// closeTo closes open elements until so many are left.
func (p *parser) closeTo(left int) {
	if p.strict && len(p.stack) > left {
		return // the end of the body; it isn't well-formed
	}
	for len(p.stack) > left {
		p.pop()
	}
}

func (p *parser) pop() {
	o := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	if !p.strict {
		p.inner[o.element] = o.same
	}
	p.finish(o.node)
}

// end reads an end tag.
func (p *parser) end(e *element) {
	if p.strict {
		if top := p.stack[len(p.stack)-1]; top.element != e {
			p.broken = true
			return
		}
		p.pop()
		return
	}
	// An inline end tag ends nothing outside of its cell or macro.
	at := p.inner[e]
	if at > 0 && (e.wall || at >= p.stack[len(p.stack)-1].wall) {
		p.closeTo(at)
	}
}

// endImplied closes what a start tag ends without an end tag: a paragraph before a block, an
// item before the next one, a cell or a row before the next one.
func (p *parser) endImplied(e *element) {
	for e.ends&p.stack[len(p.stack)-1].endable != 0 {
		p.pop()
	}
}

// element returns the element of that name. What isn't known is remembered for this body.
func (p *parser) element(name []byte) *element {
	if e := elements[string(name)]; e != nil {
		return e
	}
	if e := p.others[string(name)]; e != nil {
		return e
	}
	if p.others == nil {
		p.others = map[string]*element{}
	}
	e := &element{name: string(name), form: formInline}
	if strings.Contains(e.name, ":") {
		e.form, e.wall, e.holds = formUnknown, true, endsAll
	}
	p.others[e.name] = e
	return e
}

func (p *parser) node(e *element) *node {
	if len(p.slab) == 0 {
		p.slabs = min(max(16, 2*p.slabs), 512)
		p.slab = make([]node, p.slabs)
	}
	n := &p.slab[0]
	p.slab = p.slab[1:]
	n.element = e
	return n
}

// attributeName returns a string for the name without a copy where the name is a usual one.
func attributeName(name []byte) string {
	if s, ok := attributeNames[string(name)]; ok {
		return s
	}
	return string(name)
}
