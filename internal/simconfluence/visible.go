package simconfluence

// visible reports whether the user may see an item, whatever its status.
func (s *Site) visible(k Kind, i int) bool {
	if s.gone(k, i) {
		return false
	}
	if s.hidden(k, i) {
		return false
	}
	switch k {
	case Group, Label, Space, AuditRecord:
		return true
	case Folder, Whiteboard, Database, Embed:
		return s.nodeThere(k, i)
	case Page:
		if i >= s.first[Page] {
			if p := (i/s.first[Space] - 1) / 4 * s.first[Space]; i >= s.first[Space] && s.hidden(Page, p+i%s.first[Space]) {
				return false
			}
		}
		return !s.hidden(Space, s.space(k, i))
	case BlogPost:
		return !s.hidden(Space, s.space(k, i))
	case FooterComment, InlineComment:
		if p := s.repliesTo(k, i); p >= 0 && !s.visible(k, p) {
			return false
		}
	}
	c, j := s.container(k, i)
	return s.visible(c, j)
}

// hidden reports whether something keeps the user from seeing this very item: one in fifty
// of the younger ones, and a run of neighbours that can empty a whole page of an answer.
func (s *Site) hidden(k Kind, i int) bool {
	if e := s.edit(k, i); e != nil && (e.hide || e.show) {
		return e.hide
	}
	n := s.first[k]
	switch {
	case s.opts.AllVisible || k == Group || k == Label || n < 10 || i >= n:
		return false
	case k == Space:
		return i == n-2
	case k == FooterComment || k == InlineComment:
		i -= i % threadSize // whole threads
	}
	if start := n * 2 / 3; i >= start && i < start+min(max(n/25, 3), 520) {
		return true
	}
	return i > n/3+4 && draw(s.h(k, i, saltVisible), 50) == 0
}

// open reports whether an item is there for those who don't ask for a status: for single
// reads, and as a parent of what belongs to it.
func (s *Site) open(k Kind, i int) bool {
	if !s.visible(k, i) {
		return false
	}
	switch k {
	case Page, Attachment:
		st := s.status(k, i) // an attachment's follows what it hangs on
		return st == current || st == archived
	case BlogPost:
		return s.status(k, i) == current
	case CustomContent:
		if s.status(k, i) != current {
			return false
		}
	case Space, Group, Label, AuditRecord, Folder, Whiteboard, Database, Embed:
		return true
	}
	c, j := s.container(k, i)
	return s.open(c, j)
}
