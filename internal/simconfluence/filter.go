package simconfluence

import (
	"slices"
)

// filter makes the predicate of a list of a kind: status, then what else was asked for.
func (rq *request) filter(k Kind) func(i int) bool {
	var want []func(i int) bool
	add := func(f func(i int) bool) { want = append(want, f) }
	asked := rq.values("status")
	switch k {
	case Page, BlogPost, Attachment:
		if asked == nil {
			asked = statuses(k)
		}
		if rq.quirks.EmptyTrash {
			asked = slices.DeleteFunc(slices.Clone(asked), func(st string) bool { return st == trashed })
		}
		add(func(i int) bool { return slices.Contains(asked, rq.status(k, i)) })
	case FooterComment, InlineComment:
		add(func(i int) bool { return rq.open(rq.container(k, i)) || rq.showsBinned(k, i) })
		if asked != nil {
			add(func(i int) bool { return slices.Contains(asked, rq.status(k, i)) })
		}
		if states := rq.values("resolution-status"); states != nil {
			add(func(i int) bool { return slices.Contains(states, rq.resolution(k, i)) })
		}
	case CustomContent:
		typ := rq.query.Get("type")
		add(func(i int) bool { // what the user may not see is dropped later
			return customTypes[rq.customType(i)] == typ && (rq.open(k, i) || !rq.visible(k, i))
		})
	}
	if in := rq.ordinals(Space, "space-id"); in != nil {
		add(func(i int) bool { return slices.Contains(in, int32(rq.space(k, i))) })
	}
	rq.filterText(k, add)
	return func(i int) bool {
		for _, f := range want {
			if !f(i) {
				return false
			}
		}
		return !rq.gone(k, i)
	}
}

// showsBinned reports whether a site-wide list shows a comment on what is in the trash or deleted.
func (rq *request) showsBinned(k Kind, i int) bool {
	c, j := rq.container(k, i)
	st := rq.status(c, j)
	return rq.quirks.BinnedComments && rq.id == "" && (c == Page || c == BlogPost) && (st == trashed || st == deleted)
}

// filterText adds the filters by title, kind of page, file name and kind of file.
func (rq *request) filterText(k Kind, add func(func(i int) bool)) {
	if title := rq.query.Get("title"); title != "" {
		add(func(i int) bool { return unquoted(rq.appendTitle(nil, k, i)) == title })
	}
	if sub := rq.query.Get("subtype"); sub != "" && k == Page {
		add(func(i int) bool { return (draw(rq.h(Page, i, saltMisc), 23) == 0) == (sub == "live") })
	}
	if name := rq.query.Get("filename"); name != "" && k == Attachment {
		add(func(i int) bool { return unquoted(rq.appendTitle(nil, Attachment, i)) == name })
	}
	if media := rq.query.Get("mediaType"); media != "" && k == Attachment {
		add(func(i int) bool { return mediaTypes[draw(rq.h(k, i, saltMedia), len(mediaTypes))].name == media })
	}
}

// ordinals returns the items that a parameter names by id, ascending; nil if it isn't
// given, and none for ids that nothing has.
func (rq *request) ordinals(k Kind, name string) []int32 {
	ids := rq.values(name)
	if ids == nil {
		return nil
	}
	some := make([]int32, 0, len(ids))
	for _, id := range ids {
		if i, ok := rq.find(k, id); ok {
			some = append(some, int32(i))
		}
	}
	slices.Sort(some)
	return slices.Compact(some)
}

func unquoted(fragment []byte) string {
	text, err := unquoteJSON(fragment)
	if err != nil {
		panic(err) // our own text
	}
	return text
}
