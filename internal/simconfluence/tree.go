package simconfluence

import (
	"net/http"
	"slices"
	"strconv"
)

// What the page tree is made of besides pages follows from the page that it hangs on: up to
// two folders, one in the other, then a whiteboard, a database and an embed, each below the
// one before it. So a page below a database lies four kinds deep.

// treeSlots are the places of such nodes below a page. A node's ordinal within its kind is its
// page's, but for folders, of which there are two a page.
const (
	outerFolder = iota + 1
	innerFolder
	whiteboardSlot
	databaseSlot
	embedSlot
)

// treeKinds are the kinds of nodes by slot, and their names as parentType has them.
var treeKinds = [...]struct {
	kind Kind
	name string
}{outerFolder: {Folder, "folder"}, innerFolder: {Folder, "folder"}, whiteboardSlot: {Whiteboard, "whiteboard"},
	databaseSlot: {Database, "database"}, embedSlot: {Embed, "embed"}}

// treeStep lies between the ids of a page and of the nodes below it.
const treeStep = int64(4_000_000_000_000)

func isNode(k Kind) bool { return k >= Folder && k <= Embed }

// node returns the page and the slot of a node.
func node(k Kind, i int) (p, slot int) {
	switch k {
	case Folder:
		return i / 2, outerFolder + i%2
	case Whiteboard:
		return i, whiteboardSlot
	case Database:
		return i, databaseSlot
	}
	return i, embedSlot
}

// nodeOf returns the node in a slot below a page.
func nodeOf(p, slot int) (Kind, int) {
	if slot <= innerFolder {
		return Folder, 2*p + slot - outerFolder
	}
	return treeKinds[slot].kind, p
}

// hasNode reports whether a page has a node in a slot, whatever the page's status.
func (s *Site) hasNode(p, slot int) bool {
	h := mix(s.h(Page, p, saltMisc))
	switch slot {
	case outerFolder:
		return s.hasFolder(p)
	case innerFolder:
		return s.hasFolder(p) && draw(h, 2) == 0
	case embedSlot:
		return s.hasBoard(p) && draw(h, 2) == 0
	}
	return s.hasBoard(p)
}

// hasBoard reports whether a whiteboard and a database lie below the page.
func (s *Site) hasBoard(p int) bool { return draw(mix(s.h(Page, p, saltMisc)+1), 2) == 0 }

// folderSlot is the slot of the folder that a page's child pages lie in: the inner one.
func (s *Site) folderSlot(p int) int {
	if s.hasNode(p, innerFolder) {
		return innerFolder
	}
	return outerFolder
}

// nodeThere reports whether a node can be seen: if its page is open.
func (s *Site) nodeThere(k Kind, i int) bool {
	p, slot := node(k, i)
	return !s.gone(k, i) && p < s.n[Page] && s.hasNode(p, slot) && s.open(Page, p)
}

// nodeID returns the id of a node.
func (s *Site) nodeID(k Kind, i int) int64 {
	p, slot := node(k, i)
	return s.id(Page, p) + int64(slot)*treeStep
}

// findNode returns the ordinal of the node of a kind with that id.
func (s *Site) findNode(k Kind, id int64) (int, bool) {
	for slot := outerFolder; slot <= embedSlot; slot++ {
		if treeKinds[slot].kind != k {
			continue
		}
		if p, ok := s.ordinal(Page, id-int64(slot)*treeStep); ok && s.hasNode(p, slot) {
			_, i := nodeOf(p, slot)
			return i, true
		}
	}
	return 0, false
}

// typeSlot is the slot that pages below a page p lie in whose parentType has that name.
func (s *Site) typeSlot(p int, typ string) int {
	switch typ {
	case "folder":
		return s.folderSlot(p)
	case "whiteboard":
		return whiteboardSlot
	case "database":
		return databaseSlot
	}
	return embedSlot
}

// above returns what a node lies in: another node, its page, or nothing at the top of a space,
// where the slot is -1.
func (s *Site) above(p, slot int) int {
	switch slot {
	case outerFolder:
		if p < s.first[Space] {
			return -1
		}
		return 0
	case whiteboardSlot:
		if s.hasFolder(p) {
			return s.folderSlot(p)
		}
		return 0
	}
	return slot - 1
}

// appendAbove appends the fields that say what a node or a page lies in.
func (s *Site) appendAbove(b []byte, p, slot int) []byte {
	switch slot {
	case -1:
		return append(b, `"parentType":null,"parentId":null`...)
	case 0:
		b = append(b, `"parentType":"page","parentId":"`...)
		return append(s.appendID(b, Page, p), '"')
	}
	b = append(append(b, `"parentType":"`...), treeKinds[slot].name...)
	b = append(b, `","parentId":"`...)
	k, i := nodeOf(p, slot)
	return append(strconv.AppendInt(b, s.nodeID(k, i), 10), '"')
}

// nodeHead appends a node as its own route has it, up to its _links.
func (s *Site) nodeHead(b []byte, k Kind, i int) []byte {
	p, slot := node(k, i)
	h := s.h(k, i, saltMisc)
	b = s.appendAbove(append(b, '{'), p, s.above(p, slot))
	b = appendTime(append(b, `,"createdAt":`...), s.created(k, i))
	b = appendUser(append(b, `,"ownerId":"`...), h)
	b = append(b, `","authorId":"`...)
	b = appendUser(b, s.author(k, i))
	b = append(b, `","position":`...)
	b = append(s.nodePosition(b, h), ',')
	b = s.appendVersion(b, k, i)
	if k == Embed {
		b = append(b, `,"embedUrl":"https://example.net/board/`...)
		b = append(strconv.AppendInt(b, int64(i), 10), '"')
	}
	b = append(append(b, `,"type":"`...), treeKinds[slot].name...)
	b = s.appendID(append(b, `","spaceId":"`...), Space, s.space(Page, p))
	b = s.appendTitle(append(b, `","status":"current","title":"`...), k, i)
	return append(s.appendID(append(b, `","id":"`...), k, i), `",`...)
}

func (s *Site) nodePosition(b []byte, h uint64) []byte {
	if draw(mix(h+7), 4) == 0 {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, int64(draw(mix(h+8), 3000)), 10)
}

// nodeChildRow appends a node as lists of children have it. Folders come without a space.
func (s *Site) nodeChildRow(b []byte, k Kind, i int) []byte {
	p, slot := node(k, i)
	b = s.appendID(append(b, `{"id":"`...), k, i)
	b = s.appendTitle(append(b, `","status":"current","title":"`...), k, i)
	b = append(append(b, `","type":"`...), treeKinds[slot].name...)
	if k != Folder {
		b = s.appendID(append(b, `","spaceId":"`...), Space, s.space(Page, p))
	}
	return append(s.nodePosition(append(b, `","childPosition":`...), s.h(k, i, saltMisc)), '}')
}

// child is what lies directly below something: a page, whose slot is 0, or a node of page i.
type child struct{ i, slot int }

// childrenOf returns what lies directly below a page (slot 0) or a node: pages and, where they are
// wanted, nodes.
func (s *Site) childrenOf(p, slot int, nodes bool) []child {
	var found []child
	for _, i := range s.allChildren().of(p) {
		_, typ := s.parent(int(i))
		if typ == "page" && slot == 0 || typ != "page" && slot == s.typeSlot(p, typ) {
			found = append(found, child{int(i), 0})
		}
	}
	for sl := outerFolder; nodes && sl <= embedSlot; sl++ {
		if k, i := nodeOf(p, sl); s.above(p, sl) == slot && s.nodeThere(k, i) {
			found = append(found, child{p, sl})
		}
	}
	return found
}

// allChildren returns the pages directly below each page or below its nodes.
func (s *Site) allChildren() *groups {
	return cached(s, "all children", func() *groups {
		return group(s.n[Page], s.n[Page], func(dst []int32, i int) []int32 {
			if st := s.status(Page, i); s.gone(Page, i) || st != current && st != archived {
				return dst
			}
			if p, typ := s.parent(i); typ != "" {
				dst = append(dst, int32(p))
			}
			return dst
		})
	})
}

// nodeChildren answers what lies directly below a node.
func nodeChildren(k Kind) handler {
	return func(rq *request) {
		if i, ok := rq.parentOf(k); ok {
			p, slot := node(k, i)
			rq.children(p, slot, true)
		}
	}
}

func (rq *request) childPages() {
	if i, ok := rq.parentOf(Page); ok {
		rq.children(i, 0, false)
	}
}

func (rq *request) directChildren() {
	if i, ok := rq.parentOf(Page); ok {
		rq.children(i, 0, true)
	}
}

// children answers what lies directly below a page or a node: pages alone in the older list,
// where they have no type.
func (rq *request) children(p, slot int, typed bool) {
	order := "id"
	if typed {
		order = "child-position"
	}
	by, desc := splitSort(rq.query.Get("sort"), order)
	some := rq.childrenOf(p, slot, typed)
	id := func(j int) int64 {
		if c := some[j]; c.slot > 0 {
			return rq.nodeID(nodeOf(c.i, c.slot))
		}
		return rq.Site.id(Page, some[j].i)
	}
	pages := rq.keyOf(Page, by)
	if by == "child-position" {
		pages = func(i int) sortKey { return sortKey{n: rq.place(i)} }
	}
	key := func(j int) sortKey {
		if c := some[j]; c.slot > 0 { // behind all pages
			return sortKey{n: 1<<62 + int64(c.slot), s: map[bool]string{true: "\U0010ffff" + strconv.Itoa(c.slot)}[by == "title"]}
		}
		return pages(some[j].i)
	}
	l := rows(len(some), "", desc, key, id, func(b []byte, j int) []byte {
		if c := some[j]; c.slot > 0 {
			k, i := nodeOf(c.i, c.slot)
			return rq.nodeChildRow(b, k, i)
		}
		return rq.childRow(b, some[j].i, typed)
	})
	l.by = by
	l.show = func(j int) bool { return some[j].slot > 0 || rq.visible(Page, some[j].i) }
	rq.losePlaceless(l, some)
	rq.list(l)
}

// losePlaceless ends a list by position behind its first cursor if a child page has no
// position, as the real route does.
func (rq *request) losePlaceless(l *list, children []child) {
	if l.by != "child-position" || !rq.query.Has("cursor") {
		return
	}
	if slices.ContainsFunc(children, func(c child) bool { return c.slot == 0 && rq.place(c.i) == -1000 }) {
		l.keep = func(int) bool { return false }
	}
}

// oneNode answers a single node.
func oneNode(k Kind) handler {
	return func(rq *request) {
		i, ok := rq.parentOf(k)
		if !ok {
			return
		}
		rq.b = rq.nodeHead(rq.b, k, i)
		rq.b = rq.linksOf(rq.b, k, i)
		rq.b = append(append(append(rq.b, `,"base":"`...), rq.base...), `/wiki"}}`...)
		rq.send(http.StatusOK, rq.b)
	}
}
