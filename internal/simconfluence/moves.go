package simconfluence

import (
	"fmt"
	"slices"
)

// moved is what a person or an administrator changed of where an item lies, who may see it
// and which labels it carries.
type moved struct {
	space    int  // the space that a page or post was moved to, plus one; 0: never moved
	hide     bool // the account may not see it
	show     bool // the account may see it, whatever the site began with
	unlabel  []int32
	labelled []int32
}

// Move takes a page or a post to another space. The pages below a page go with it. A
// homepage can't be moved. It makes no new version.
func (s *Site) Move(k Kind, id, spaceID string) (err error) {
	s.changed(func() {
		to, ok := s.find(Space, spaceID)
		if !ok || k != Page && k != BlogPost {
			err = fmt.Errorf("no %s can be moved to the space %s", k, spaceID)
			return
		}
		var e *edit
		if e, err = s.editOf(k, id); err != nil {
			return
		}
		if i, _ := s.find(k, id); k == Page && i < s.first[Space] {
			err = fmt.Errorf("page %s is a homepage", id)
			return
		}
		e.space = to + 1
		s.moves = true
	})
	return err
}

// SetVisible shows an item to the account or hides it, with all that lies in it: what an
// administrator does with permissions. A space that was hidden from the beginning is a new
// one when it is shown.
func (s *Site) SetVisible(k Kind, id string, visible bool) (err error) {
	s.changed(func() {
		var e *edit
		if e, err = s.editOf(k, id); err == nil {
			e.show, e.hide = visible, !visible
		}
	})
	return err
}

// SetLabel puts a label on an item or takes it off. The label is the next of the pool, from
// the ordinal on, that fits the kind.
func (s *Site) SetLabel(k Kind, id string, ordinal int, on bool) (err error) {
	s.changed(func() {
		var e *edit
		if e, err = s.editOf(k, id); err != nil {
			return
		}
		l := int32(ordinal % s.first[Label])
		for n := 0; n < s.first[Label] && !fits(k, int(l)); n++ {
			l = (l + 1) % int32(s.first[Label])
		}
		is := func(have int32) bool { return have == l }
		e.labelled, e.unlabel = slices.DeleteFunc(e.labelled, is), slices.DeleteFunc(e.unlabel, is)
		if on {
			e.labelled = append(e.labelled, l)
		} else {
			e.unlabel = append(e.unlabel, l)
		}
	})
	return err
}

// relabelled applies what SetLabel changed to the labels that an item began with.
func (e *edit) relabelled(labels []int32) []int32 {
	labels = slices.DeleteFunc(labels, func(l int32) bool { return slices.Contains(e.unlabel, l) })
	labels = append(labels, e.labelled...)
	slices.Sort(labels)
	return slices.Compact(labels)
}

// movedTo returns the space that a page or a post was moved to, by itself or with a page
// above it.
func (s *Site) movedTo(k Kind, i int) (space int, ok bool) {
	if !s.moves {
		return 0, false
	}
	for {
		if e := s.edit(k, i); e != nil && e.space > 0 {
			return e.space - 1, true
		}
		if k != Page || i < s.first[Space] {
			return 0, false
		}
		i = (i/s.first[Space]-1)/4*s.first[Space] + i%s.first[Space]
	}
}

// atMost caps a number of sub-items as the options want it.
func (s *Site) atMost(n int) int {
	if s.opts.Most > 0 {
		return min(n, s.opts.Most)
	}
	return n
}
