package simconfluence

import "slices"

// threadSize is the number of neighbouring comments that belong to the same container.
const threadSize = 5

// container returns what an attachment, comment, task or custom content belongs to.
func (s *Site) container(k Kind, i int) (Kind, int) {
	switch k {
	case FooterComment, InlineComment:
		i /= threadSize
	}
	h := s.h(k, i, saltContainer)
	roll := draw(h, 100)
	h = mix(h)
	switch k {
	case Attachment:
		if i < 3 && s.first[Page] > 0 {
			return Page, 0
		}
		return s.oneOf(h, roll, 88, 8, CustomContent)
	case FooterComment:
		if (i == 0 || roll < 4) && s.first[Page] > 0 {
			return Page, 0
		}
		if roll > 96 && s.first[Attachment] > 0 {
			return Attachment, draw(h, s.first[Attachment])
		}
		return s.oneOf(h, roll, 78, 15, CustomContent)
	case InlineComment:
		if (i == 0 || roll < 4) && s.first[Page] > 0 {
			return Page, 0
		}
		return s.oneOf(h, roll, 85, 15, BlogPost)
	case Task:
		return s.oneOf(h, roll, 85, 15, BlogPost)
	}
	// Custom content: on pages, posts, other custom content, spaces.
	if roll < 20 || s.first[Page]+s.first[BlogPost] == 0 {
		return Space, draw(h, s.first[Space])
	}
	if roll < 28 && i >= 8 {
		if c, _ := s.container(CustomContent, i-8); c != CustomContent {
			return CustomContent, i - 8
		}
	}
	return s.oneOf(h, roll, 80, 20, BlogPost)
}

// oneOf draws a page, a blog post or, with what is left of 100, one of kind other; kinds
// that the site hasn't any of are passed over.
func (s *Site) oneOf(h uint64, roll, pages, posts int, other Kind) (Kind, int) {
	k := other
	switch {
	case roll < pages:
		k = Page
	case roll < pages+posts:
		k = BlogPost
	}
	for _, k := range [...]Kind{k, Page, BlogPost, CustomContent} {
		if n := s.first[k]; n > 0 {
			return k, draw(h, n)
		}
	}
	return Space, 0 // New rules this out
}

// repliesTo returns the comment that a comment replies to, -1 for a root. In a thread of
// five any may be a root or reply to an earlier one; every third thread is four deep.
func (s *Site) repliesTo(k Kind, i int) int {
	first := i - i%threadSize
	m := i - first
	h := s.h(k, i, saltThread)
	switch {
	case m == 0:
		return -1
	case first/threadSize%3 == 0 && m < 4:
		return i - 1
	case draw(h, 10) < 6:
		return -1
	}
	return first + draw(mix(h), m)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// labels appends the ordinals of the labels that an item carries, ascending.
func (s *Site) labels(dst []int32, k Kind, i int) []int32 {
	from := len(dst)
	dst = s.firstLabels(dst, k, i)
	if e := s.edit(k, i); e != nil && len(e.labelled)+len(e.unlabel) > 0 {
		dst = append(dst[:from], e.relabelled(slices.Clone(dst[from:]))...)
	}
	return dst
}

// firstLabels appends those that the item began with.
func (s *Site) firstLabels(dst []int32, k Kind, i int) []int32 {
	pool := s.first[Label]
	n, from := 0, len(dst)
	switch {
	case k == Page && i == 1:
		n = 260
	case k == Page && i == 2, k == BlogPost && i == 1, k == Attachment && i == 1:
		n = 60
	}
	if n = s.atMost(n); n > 0 {
		for l := 0; l < pool && len(dst)-from < n; l++ {
			if fits(k, l) {
				dst = append(dst, int32(l))
			}
		}
		return dst
	}
	h := s.h(k, i, saltLabels)
	n = []int{0, 0, 0, 1, 1, 1, 2, 2, 3, 3}[draw(h, 10)]
	for range n {
		h = mix(h)
		u := draw(h, 1000)
		l := int32(u * u / 1000 * pool / 1000)
		for range pool {
			if fits(k, int(l)) && !slices.Contains(dst[from:], l) {
				dst = append(dst, l)
				break
			}
			l = (l + 1) % int32(pool)
		}
	}
	slices.Sort(dst[from:])
	return dst
}

// prefix returns a label's prefix.
func prefix(l int) string {
	switch {
	case l%20 == 3:
		return "team"
	case l%10 == 7:
		return "my"
	}
	return "global"
}

// fits reports whether a label can be on items of that kind: spaces have my and team labels,
// content has global and my ones.
func fits(k Kind, l int) bool {
	p := prefix(l)
	return p == "my" || (p == "team") == (k == Space)
}

// props is the number of properties of an item. No property has a record of its own: its
// id follows from its parent and its place.
func (s *Site) props(k Kind, i int) int { return s.atMost(s.madeProps(k, i)) }

func (s *Site) madeProps(k Kind, i int) int {
	if i == 3 && (k == Page || k == Space) || i == 2 && (k == BlogPost || k == Attachment || k == Space) {
		return 56
	}
	return []int{0, 0, 0, 0, 1, 1, 1, 2, 2, 3}[draw(s.h(k, i, saltProps), 10)]
}

const propsMax = 128

// propID returns the id of property j of an item.
func (s *Site) propID(k Kind, i, j int) int64 {
	id := int64(20_000_000_000) + int64(k)*5_000_000_000 + (int64(i)*propsMax + int64(j))
	if i%2 == 1 {
		id += highID
	}
	return id
}

// perms is the number of permissions of a space.
func (s *Site) perms(i int) int { return s.atMost(s.madePerms(i)) }

func (s *Site) madePerms(i int) int {
	switch i {
	case 0:
		return 64
	case 1:
		return 270
	}
	return 8 + draw(s.h(Space, i, saltPerms), 60)
}

const permsMax = 512

// permID returns the id of permission j of a space.
func (s *Site) permID(i, j int) int64 {
	return 700_000_000_000 + int64(i)*permsMax + int64(j)
}

// state of an inline comment: open, reopened, resolved or dangling.
func (s *Site) resolution(k Kind, i int) string {
	if k == FooterComment {
		return "open"
	}
	return [...]string{"open", "open", "open", "resolved", "resolved", "reopened", "dangling"}[draw(s.h(k, i, saltState), 7)]
}

// customTypes are the types of custom content: one of a Connect app, one of a Forge app.
var customTypes = [...]string{
	"ac:com.example.diagrams:board",
	"forge:4f6d2c1a-90ab-4e2f-8c77-3b1d5a7e9f00:8a0b1c2d-3e4f-4a5b-8c6d-7e8f9a0b1c2d:checklist",
}

// CustomTypes returns the types of custom content that the site has.
func (s *Site) CustomTypes() []string { return customTypes[:] }

func (s *Site) customType(i int) int { return boolInt(draw(s.h(CustomContent, i, saltMedia), 3) == 0) }

// taskState returns a task's times and whether it is done: updated, due and completed, 0
// for none.
func (s *Site) taskState(i int) (updated, due, completed int64) {
	h := s.h(Task, i, saltState)
	t := s.created(Task, i)
	if draw(h, 3) > 0 {
		due = (t/day + 1 + int64(draw(mix(h), 60))) * day
	}
	updated = s.modified(Task, i)
	if draw(mix(h), 5) < 2 {
		completed = updated
	}
	return updated, due, completed
}
