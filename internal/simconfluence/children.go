package simconfluence

import "slices"

func (rq *request) childPages() { rq.childList(false) }

func (rq *request) directChildren() { rq.childList(true) }

// childList answers what lies directly below a page: pages, and the folder, if typed.
func (rq *request) childList(typed bool) {
	i, ok := rq.parentOf(Page)
	if !ok {
		return
	}
	order := "id"
	if typed {
		order = "child-position"
	}
	by, desc := splitSort(rq.query.Get("sort"), order)
	some := slices.Clone(rq.children().of(i))
	key := rq.keyOf(Page, by)
	if by == "child-position" {
		key = func(i int) sortKey { return sortKey{n: rq.place(i)} }
	}
	if typed && rq.hasFolder(i) {
		some = append(some, -1) // the folder; its id is greater than any page's
		pages := key
		key = func(j int) sortKey {
			if j < 0 {
				return sortKey{n: 1 << 62, s: "\U0010ffff"}
			}
			return pages(j)
		}
	}
	some = sortedBy(some, key)
	l := &list{
		n: len(some), by: by, desc: desc, key: key, at: func(p int) int { return int(some[p]) },
		id: func(j int) int64 {
			if j < 0 {
				return rq.folderID(i, "folder")
			}
			return rq.Site.id(Page, j)
		},
		show: func(j int) bool { return j < 0 || rq.visible(Page, j) },
		row: func(b []byte, j int) []byte {
			if j < 0 {
				return rq.folderRow(b, i)
			}
			return rq.childRow(b, j, typed)
		},
	}
	rq.losePlaceless(l, some)
	rq.list(l)
}

// losePlaceless ends a list by position behind its first cursor if a child has no position,
// as the real route does.
func (rq *request) losePlaceless(l *list, children []int32) {
	if l.by != "child-position" || !rq.query.Has("cursor") {
		return
	}
	if slices.ContainsFunc(children, func(j int32) bool { return j >= 0 && rq.place(int(j)) == -1000 }) {
		l.keep = func(int) bool { return false }
	}
}
