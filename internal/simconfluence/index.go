package simconfluence

// What follows is built when it is first needed, with a few bytes per item, and dropped
// whenever the site changes. Callers hold s.mu for reading.

// cached returns what build makes, once until the next change.
func cached[T any](s *Site, name string, build func() T) T {
	s.ixMu.Lock()
	defer s.ixMu.Unlock()
	if v, ok := s.index[name].(T); ok {
		return v
	}
	v := build()
	s.index[name] = v
	return v
}

// sorted returns the ordinals of all items of a kind in an order.
func (s *Site) sorted(k Kind, by string, of func(i int) sortKey) []int32 {
	return cached(s, "sorted "+k.String()+" "+by, func() []int32 {
		all := make([]int32, s.n[k])
		for i := range all {
			all[i] = int32(i)
		}
		return sortedBy(all, of)
	})
}

// groups are lists of ordinals, one list for each item of another kind, in one slice.
type groups struct {
	from  []int32
	items []int32
}

func (g *groups) of(i int) []int32 {
	if i+1 >= len(g.from) {
		return nil
	}
	return g.items[g.from[i]:g.from[i+1]]
}

// group sorts the ordinals below n into groups; of appends the groups of each.
func group(n, groupCount int, of func(dst []int32, i int) []int32) *groups {
	g := &groups{from: make([]int32, groupCount+2)}
	var in []int32
	total := 0
	for i := range n {
		in = of(in[:0], i)
		for _, p := range in {
			g.from[p+2]++
			total++
		}
	}
	for p := 2; p < len(g.from); p++ {
		g.from[p] += g.from[p-1]
	}
	g.items = make([]int32, total)
	for i := range n {
		in = of(in[:0], i)
		for _, p := range in {
			g.items[g.from[p+1]] = int32(i)
			g.from[p+1]++
		}
	}
	g.from = g.from[:groupCount+1]
	return g
}

// contained returns the items of a kind that belong to each item of kind c: roots only,
// where they are comments.
func (s *Site) contained(k, c Kind) *groups {
	return cached(s, "contained "+k.String()+" "+c.String(), func() *groups {
		comments := k == FooterComment || k == InlineComment
		return group(s.n[k], s.n[c], func(dst []int32, i int) []int32 {
			if kind, j := s.container(k, i); kind == c && (!comments || s.repliesTo(k, i) < 0) {
				dst = append(dst, int32(j))
			}
			return dst
		})
	})
}

// replies returns the ordinals of the direct replies to a comment.
func (s *Site) replies(k Kind, i int) []int32 {
	var found []int32
	for j := i + 1; j < min(i-i%threadSize+threadSize, s.n[k]); j++ {
		if s.repliesTo(k, j) == i {
			found = append(found, int32(j))
		}
	}
	return found
}

// labelled returns the items of a kind that carry each label.
func (s *Site) labelled(k Kind) *groups {
	return cached(s, "labelled "+k.String(), func() *groups {
		return group(s.n[k], s.n[Label], func(dst []int32, i int) []int32 {
			return s.labels(dst, k, i)
		})
	})
}
