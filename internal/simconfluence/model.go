package simconfluence

import (
	"strconv"
	"strings"
)

// edit is what changed of an item since the beginning.
type edit struct {
	created int64   // of an item that was created later, else 0
	times   []int64 // of versions made since
	status  string  // empty: as generated
	gone    bool    // purged, or never was
	moved
}

// Statuses of content.
const (
	current  = "current"
	archived = "archived"
	trashed  = "trashed"
	deleted  = "deleted"
	draft    = "draft"
)

// Ids are decimal, ascending with the ordinal and unlike for all content. The second half
// of each kind lies beyond 2^53, without gaps, so that a float64 can't tell neighbours apart.
const (
	lowID, lowRange, lowStep = 98304, 60_000_000, 3
	highID, highRange        = 9007199254740993, 1_000_000_000
)

// id returns an item's numeric id.
func (s *Site) id(k Kind, i int) int64 {
	if isNode(k) {
		return s.nodeID(k, i)
	}
	if half := s.first[k] / 2; i >= half {
		return highID + int64(k)*highRange + int64(i-half)
	}
	return lowID + int64(k)*lowRange + int64(i)*lowStep
}

// ordinal returns the item with that numeric id.
func (s *Site) ordinal(k Kind, id int64) (int, bool) {
	if isNode(k) {
		return s.findNode(k, id)
	}
	half := s.first[k] / 2
	i := int64(-1)
	if id >= highID {
		i = id - highID - int64(k)*highRange
		if i >= 0 {
			i += int64(half)
		}
	} else if d := id - lowID - int64(k)*lowRange; d >= 0 && d%lowStep == 0 && d/lowStep < int64(half) {
		i = d / lowStep
	}
	return int(i), i >= 0 && i < int64(s.n[k])
}

// find returns the item that an id in a path or a query names: one that was not purged.
func (s *Site) find(k Kind, id string) (int, bool) {
	switch k {
	case Attachment:
		id = strings.TrimPrefix(id, "att")
	case Group:
		return s.findGroup(id)
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, false
	}
	i, ok := s.ordinal(k, n)
	return i, ok && !s.gone(k, i)
}

// findGroup looks for a group by its id, which doesn't follow from its ordinal.
func (s *Site) findGroup(id string) (int, bool) {
	var b []byte
	for i := range s.n[Group] {
		if b = s.appendID(b[:0], Group, i); string(b) == id {
			return i, !s.gone(Group, i)
		}
	}
	return 0, false
}

// appendID appends an item's id, without quotes.
func (s *Site) appendID(b []byte, k Kind, i int) []byte {
	switch k {
	case Attachment:
		b = append(b, "att"...)
	case Group:
		return appendUUID(b, s.h(Group, i, saltMisc))
	}
	return strconv.AppendInt(b, s.id(k, i), 10)
}

// edit returns what changed of an item, or nil.
func (s *Site) edit(k Kind, i int) *edit {
	if len(s.edits) == 0 {
		return nil
	}
	return s.edits[ref{k, i}]
}

func (s *Site) gone(k Kind, i int) bool {
	e := s.edit(k, i)
	return e != nil && e.gone
}

// created returns when an item was made, in milliseconds. Times ascend with the ordinal
// only roughly; some batches of items share one.
func (s *Site) created(k Kind, i int) int64 {
	if isNode(k) {
		p, slot := node(k, i)
		return s.created(Page, p) + int64(slot)*60_000
	}
	if i >= s.first[k] {
		return s.edits[ref{k, i}].created
	}
	n := int64(s.first[k])
	if batch := i / 8; draw(s.h(k, batch, saltBatch), 5) == 0 {
		return s.begin() + s.span()/20*19*int64(batch*8+1)/(n+8)
	}
	h := s.h(k, i, saltCreated)
	t := s.begin() + s.span()/20*19*int64(i+1)/(n+8) + int64(draw(h, int(s.span()/50)))
	if h>>61 == 0 {
		t = t / 1000 * 1000
	}
	return t
}

// baseVersion returns the number of versions that an item began with.
func (s *Site) baseVersion(k Kind, i int) int { return s.atMost(s.madeVersions(k, i)) }

func (s *Site) madeVersions(k Kind, i int) int {
	if i < 2 {
		switch {
		case k == Page:
			return []int{260, 55}[i]
		case (k == BlogPost || k == Attachment) && i == 0:
			return 53
		}
	}
	if i >= s.first[k] {
		return 1
	}
	single := 80 // share of items at version 1, in percent
	switch k {
	case Page:
		single = 60
	case BlogPost:
		single = 70
	case Attachment:
		single = 85
	}
	h := s.h(k, i, saltVersions)
	if draw(h, 100) < single {
		return 1
	}
	if h = mix(h); draw(h, 5) > 0 {
		return 2 + draw(mix(h), 5)
	}
	return 7 + draw(mix(h), 34)
}

// version returns the number of an item's current version.
func (s *Site) version(k Kind, i int) int {
	v := s.baseVersion(k, i)
	if e := s.edit(k, i); e != nil {
		v += len(e.times)
	}
	return v
}

// modified returns when an item's current version was made. Many items share a time.
func (s *Site) modified(k Kind, i int) int64 {
	if e := s.edit(k, i); e != nil && len(e.times) > 0 {
		return e.times[len(e.times)-1]
	}
	return s.baseModified(k, i, s.baseVersion(k, i))
}

func (s *Site) baseModified(k Kind, i, v int) int64 {
	t := s.created(k, i)
	if i >= s.first[k] {
		return t
	}
	h := s.h(k, i, saltModified)
	if v == 1 {
		if draw(h, 12) == 0 {
			t += int64(1 + draw(mix(h), 5000))
		}
		return t
	}
	if draw(h, 3) == 0 {
		from := int((t-s.begin())*int64(len(s.insts)+1)/s.span()) + 1
		if from < len(s.insts) {
			return s.insts[from+draw(mix(h), len(s.insts)-from)]
		}
	}
	return t + 60_000 + int64(draw(mix(h), int(s.opts.Now.UnixMilli()-hour-t-60_000)))
}

// versionTime returns when version v (from 1) of an item was made.
func (s *Site) versionTime(k Kind, i, v int) int64 {
	base := s.baseVersion(k, i)
	if v > base {
		return s.edit(k, i).times[v-base-1]
	}
	to := s.baseModified(k, i, base)
	if v == base {
		if base == 1 && s.lies.FirstVersions && draw(s.h(k, i, saltGeneric), 4) == 0 {
			return to - 3_600_123
		}
		return to
	}
	from := s.created(k, i)
	return from + (to-from)*int64(v-1)/int64(base-1)
}

// status returns an item's status.
func (s *Site) status(k Kind, i int) string {
	if e := s.edit(k, i); e != nil && e.status != "" {
		if k == Attachment && e.status != trashed { // no more than what it hangs on
			if st := s.held(i); st != current {
				return st
			}
		}
		return e.status
	}
	if i >= s.first[k] && k != Attachment {
		return current
	}
	h := draw(s.h(k, i, saltStatus), 1000)
	switch k {
	case Space:
		if i > 1 && h < 80 || i == 2 {
			return archived
		}
	case Page:
		return s.pageStatus(i, h)
	case BlogPost:
		switch {
		case i == 3 || i > 3 && h < 25:
			return trashed
		case i == 4 || i > 4 && h < 35:
			return deleted
		case i > 3 && h < 40:
			return draft
		}
	case Attachment:
		if st := s.held(i); st != current {
			return st
		}
		if i == 3 || i > 3 && h < 20 {
			return trashed
		}
	case CustomContent:
		if i > 3 && h < 20 {
			return trashed
		}
	}
	return current
}

// held is the status that an attachment has because of what it hangs on, current if it has its own.
func (s *Site) held(i int) string {
	c, j := s.container(Attachment, i)
	if st := s.status(c, j); st != current {
		return st
	}
	if c == CustomContent && !s.open(c, j) {
		return trashed
	}
	return current
}

// pageStatus is the status that a page begins with. The homepages of spaces are current;
// the first pages after them show every status even on a small site.
func (s *Site) pageStatus(i, h int) string {
	switch i -= max(s.first[Space], 4); {
	case i < 0:
		return current
	case i == 0 || i > 3 && h < 50:
		return archived
	case i == 1 || i > 3 && h < 75:
		return trashed
	case i == 2 || i > 3 && h < 80:
		return deleted
	case i == 3 || i > 3 && h < 85:
		return draft
	}
	return current
}

// space returns the space that an item belongs to, -1 for none.
func (s *Site) space(k Kind, i int) int {
	switch k {
	case Space:
		return i
	case Page:
		if to, ok := s.movedTo(k, i); ok {
			return to
		}
		return i % s.first[Space]
	case BlogPost:
		if to, ok := s.movedTo(k, i); ok {
			return to
		}
		return draw(s.h(k, i, saltSpace), s.first[Space])
	case Group, Label, AuditRecord:
		return -1
	case Folder, Whiteboard, Database, Embed:
		p, _ := node(k, i)
		return s.space(Page, p)
	}
	c, j := s.container(k, i)
	return s.space(c, j)
}

// parents of pages form a heap of four children a page in each space, whose root is the
// space's homepage; some pages lie in folders, some have no parent.

// parent returns a page's parent page, and the type of parent that the page has: page,
// another one, or empty for none. Pages in the trash hand their children to their parents.
func (s *Site) parent(i int) (int, string) {
	spaces := s.first[Space]
	if e := s.edit(Page, i); e != nil && e.space > 0 { // below the homepage of its new space
		if home := e.space - 1; home < s.first[Page] && s.status(Page, home) == current && !s.gone(Page, home) {
			return home, "page"
		}
		return -1, ""
	}
	r := i / spaces
	if r == 0 {
		return -1, ""
	}
	h := draw(s.h(Page, i, saltParentType), 100)
	if h < 8 {
		return -1, ""
	}
	p := (r-1)/4*spaces + i%spaces
	if i%spaces == 0 && r <= s.opts.WideParent {
		h, p = 99, 0
	}
	for s.gone(Page, p) || s.status(Page, p) != current && s.status(Page, p) != archived {
		if p < spaces {
			return -1, ""
		}
		p = (p/spaces-1)/4*spaces + p%spaces
	}
	switch {
	case h < 13 && s.hasFolder(p):
		return p, "folder"
	case (h == 14 || h == 15) && s.hasBoard(p):
		return p, "whiteboard"
	case (h == 16 || h == 17) && s.hasBoard(p):
		return p, "database"
	case h == 18 && s.hasNode(p, embedSlot):
		return p, "embed"
	}
	return p, "page"
}

// hasFolder reports whether a folder lies below the page.
func (s *Site) hasFolder(p int) bool { return draw(s.h(Page, p, saltMisc), 3) == 0 }

// author returns the hash that an item's author is drawn from.
func (s *Site) author(k Kind, i int) uint64 { return s.h(k, i, saltAuthor) }
