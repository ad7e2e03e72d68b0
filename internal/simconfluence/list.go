package simconfluence

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// list is a list that an answer is a page of: candidates in ascending order of a key, the
// id deciding between equal keys.
type list struct {
	n    int                 // candidates
	at   func(p int) int     // candidate at a place, nil: its ordinal is its place
	key  func(i int) sortKey // what the order goes by
	id   func(i int) int64   // numeric id of a candidate
	keep func(i int) bool    // is it asked for? nil: all are
	show func(i int) bool    // may the user see it? nil: all
	only func(i int) bool    // is it there at all for this request? nil: all are
	row  func(b []byte, i int) []byte
	by   string // sort as the request names it, without the minus
	desc bool
	name string // binds cursors to this list
}

// sortKey is what a list is ordered by: a number, or a text that is not empty.
type sortKey struct {
	n int64
	s string
}

func (l *list) ordinal(p int) int {
	if l.desc {
		p = l.n - 1 - p
	}
	if l.at != nil {
		return l.at(p)
	}
	return p
}

// compare orders a candidate against a position, in the list's own direction.
func (l *list) compare(i int, k sortKey, id int64) int {
	a := l.key(i)
	c := cmp.Or(cmp.Compare(a.n, k.n), strings.Compare(a.s, k.s), cmp.Compare(l.id(i), id))
	if l.desc {
		return -c
	}
	return c
}

// fill appends up to limit rows that stand behind the position, separated by commas. It
// returns the cursor of what follows, empty at the end. Rows that the user may not see
// are dropped after counting, so that an answer can be short or even empty.
func (l *list) fill(b []byte, after *cursor, limit, epoch int) ([]byte, string) {
	p := 0
	if after != nil {
		p = sort.Search(l.n, func(p int) bool { return l.compare(l.ordinal(p), after.key, after.id) > 0 })
	}
	last, taken, first := -1, 0, true
	for ; p < l.n; p++ {
		i := l.ordinal(p)
		if l.only != nil && !l.only(i) || l.keep != nil && !l.keep(i) {
			continue
		}
		if taken == limit {
			return b, l.cursorAfter(last, epoch)
		}
		taken++
		last = i
		if l.show != nil && !l.show(i) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = l.row(b, i)
	}
	return b, ""
}

// cursor is a position in a list: behind the row with that key and id. It holds no offset,
// so rows that come and go don't move it.
type cursor struct {
	key sortKey
	id  int64
}

// cursorText is a cursor as it is sent, under base64.
type cursorText struct {
	ID    string          `json:"id"`
	Order string          `json:"contentOrder"`
	Value json.RawMessage `json:"contentOrderValue"`
	List  string          `json:"list"`
	Epoch int             `json:"epoch,omitempty"`
}

func (l *list) cursorAfter(i, epoch int) string {
	k := l.key(i)
	b := append([]byte(nil), `{"id":"`...)
	b = strconv.AppendInt(b, l.id(i), 10)
	b = append(append(b, `","contentOrder":"`...), l.order()...)
	b = append(b, `","contentOrderValue":`...)
	if k.s != "" {
		b = appendQuoted(b, k.s)
	} else {
		b = strconv.AppendInt(b, k.n, 10)
	}
	b = append(append(b, `,"list":"`...), l.binding()...)
	b = append(b, `","epoch":`...)
	b = append(strconv.AppendInt(b, int64(epoch), 10), '}')
	return base64.URLEncoding.EncodeToString(b)
}

func (l *list) order() string {
	if l.desc {
		return "-" + l.by
	}
	return l.by
}

// binding ties a cursor to its list and order.
func (l *list) binding() string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(l.name + " " + l.order()))
	return strconv.FormatUint(h.Sum64(), 36)
}

// parse reads a cursor that this list gave out in this epoch.
func (l *list) parse(text string, epoch int) (*cursor, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, false
	}
	var t cursorText
	if json.Unmarshal(raw, &t) != nil || t.List != l.binding() || t.Order != l.order() || t.Epoch != epoch {
		return nil, false
	}
	var c cursor
	if c.id, err = strconv.ParseInt(t.ID, 10, 64); err != nil {
		return nil, false
	}
	if json.Unmarshal(t.Value, &c.key.n) != nil && json.Unmarshal(t.Value, &c.key.s) != nil {
		return nil, false
	}
	return &c, true
}

// splitSort takes a sort parameter apart; empty is the default order.
func splitSort(sort, byDefault string) (by string, desc bool) {
	if sort == "" {
		sort = byDefault
	}
	by, desc = strings.CutPrefix(sort, "-")
	return by, desc
}

// keyOf returns what an order of items of a kind goes by.
func (s *Site) keyOf(k Kind, by string) func(i int) sortKey {
	switch by {
	case "created-date":
		if k == Label {
			break
		}
		return func(i int) sortKey { return sortKey{n: s.created(k, i)} }
	case "modified-date":
		return func(i int) sortKey { return sortKey{n: s.modified(k, i)} }
	case "title":
		return func(i int) sortKey { return sortKey{s: string(s.appendTitle(nil, k, i))} }
	case "name":
		if k == Label {
			return func(i int) sortKey { return sortKey{s: s.labelName(i)} }
		}
		return func(i int) sortKey { return sortKey{s: string(s.appendTitle(nil, k, i))} }
	case "key":
		return func(i int) sortKey { return sortKey{s: s.SpaceKey(i)} }
	}
	return func(i int) sortKey { return sortKey{n: s.id(k, i)} }
}

// items makes the list of items of a kind: all of them, or those of which the ordinals are
// given, ascending. The caller adds what to keep.
func (s *Site) items(k Kind, some []int32, all bool, sort string, f shape) *list {
	by, desc := splitSort(sort, "id")
	l := &list{
		n: s.n[k], by: by, desc: desc, key: s.keyOf(k, by),
		id:   func(i int) int64 { return s.id(k, i) },
		show: func(i int) bool { return s.visible(k, i) },
		row:  func(b []byte, i int) []byte { return s.row(b, k, i, f) },
	}
	if all && by != "id" {
		some = s.sorted(k, by, l.key)
	} else if !all && by != "id" {
		some = sortedBy(slices.Clone(some), l.key)
	}
	if !all || by != "id" {
		l.n, l.at = len(some), func(p int) int { return int(some[p]) }
	}
	return l
}

// items is Site.items as the account that asks sees it.
func (rq *request) items(k Kind, some []int32, all bool, sort string, f shape) *list {
	l := rq.Site.items(k, some, all, sort, f)
	l.only = rq.only(k)
	row := l.row
	l.row = func(b []byte, i int) []byte {
		rq.broken = rq.broken || f.format != "" && rq.unrenderable(k, i)
		return row(b, i)
	}
	return l
}

// sortedBy sorts ordinals, which ascend as their ids do, by a key.
func sortedBy(some []int32, of func(i int) sortKey) []int32 {
	if len(some) > 0 && of(int(some[0])).s == "" {
		return sortedByNumber(some, of)
	}
	type pair struct {
		key sortKey
		i   int32
	}
	pairs := make([]pair, len(some))
	for p, i := range some {
		pairs[p] = pair{of(int(i)), i}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(strings.Compare(a.key.s, b.key.s), cmp.Compare(a.i, b.i))
	})
	for p := range pairs {
		some[p] = pairs[p].i
	}
	return some
}

// sortedByNumber is sortedBy for numbers, in half the memory: sites are large.
func sortedByNumber(some []int32, of func(i int) sortKey) []int32 {
	type pair struct {
		n int64
		i int32
	}
	pairs := make([]pair, len(some))
	for p, i := range some {
		pairs[p] = pair{of(int(i)).n, i}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(a.i, b.i)) })
	for p := range pairs {
		some[p] = pairs[p].i
	}
	return some
}

// rows makes a list of n sub-items that have no order but their own: those of labels,
// properties, versions and permissions.
func rows(n int, by string, desc bool, of func(j int) sortKey, id func(j int) int64, row func(b []byte, j int) []byte) *list {
	l := &list{n: n, by: by, desc: desc, key: of, id: id, row: row}
	if by != "id" && n > 1 {
		some := make([]int32, n)
		for j := range some {
			some[j] = int32(j)
		}
		some = sortedBy(some, of)
		l.at = func(p int) int { return int(some[p]) }
	}
	return l
}

// nextLink rebuilds a request's path and query with another cursor. The cursor is not
// always the last parameter, and its padding is not escaped.
func nextLink(path string, query url.Values, cursor string) string {
	var b strings.Builder
	b.WriteString(path)
	sep := byte('?')
	put := func(name, value string) {
		b.WriteByte(sep)
		sep = '&'
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(value)
	}
	first := len(cursor)%2 == 0
	if first {
		put("cursor", cursor)
	}
	names := make([]string, 0, len(query))
	for name := range query {
		if name != "cursor" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range query[name] {
			put(url.QueryEscape(name), url.QueryEscape(v))
		}
	}
	if !first {
		put("cursor", cursor)
	}
	return b.String()
}
