package simconfluence

import (
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Row is one row that a stream must deliver.
type Row struct {
	// Key are the values of the stream's key fields, in their order.
	Key []string
	// Parent is the id of the item that the row belongs to, for streams with a parent.
	Parent string
	// Data is the row as the stream's plain route gives it. It is valid until the next.
	Data []byte
}

// TruthOptions narrow what a stream must deliver.
type TruthOptions struct {
	// Statuses are the statuses of pages, posts and attachments; nil for what the routes
	// show by themselves. Each kind takes those of them that its route knows.
	Statuses []string
	// SpaceKeys are the spaces to read, nil for all; ExcludeSpaceKeys are taken out.
	SpaceKeys, ExcludeSpaceKeys []string
	// BodyFormat is the format of bodies; empty for rows without.
	BodyFormat string
	// Accounts are the ids that users are wanted of, nil for everybody. What a run must give
	// are those that its rows name and those of UserIDs.
	Accounts []string
	// Unsearched leaves out of the page tree what only a search finds.
	Unsearched bool
}

// Truth returns what a stream must deliver, computed from the model and not by asking the
// handlers. Neither change nor ask the site in the loop over the rows: it is locked. An
// unknown stream has no rows.
func (s *Site) Truth(name string, o TruthOptions) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		st, extra := stream.Find(name), extraTruth[name]
		if st == nil && extra == nil {
			return
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		t := &truth{Site: s, st: st, o: o, yield: yield, inScope: s.scope(o)}
		if extra != nil {
			extra(t)
			return
		}
		t.run()
	}
}

// Counts returns the number of rows of every stream, without those on demand.
func (s *Site) Counts(o TruthOptions) map[string]int { return s.CountsOf(o, stream.Names()) }

// CountsOf returns the number of rows of some streams that are read together.
func (s *Site) CountsOf(o TruthOptions, names []string) map[string]int {
	counts := map[string]int{}
	for _, name := range names {
		counts[name] = 0
		if name == "users" {
			o.Accounts = append(s.UserIDs(), s.Named(o, names)...)
		}
		for range s.Truth(name, o) {
			counts[name]++
		}
	}
	return counts
}

var accountID = regexp.MustCompile(`"(712020:[0-9a-f-]{36}|[0-9a-f]{24})"`)

// Named returns the accounts that rows of some streams name, those of users left out.
func (s *Site) Named(o TruthOptions, names []string) []string {
	found := map[string]bool{}
	for _, name := range names {
		if name == "users" {
			continue
		}
		for row := range s.Truth(name, o) {
			for _, match := range accountID.FindAllSubmatch(row.Data, -1) {
				found[string(match[1])] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// PageTally says in a line what became of the pages that the options ask for.
func (s *Site) PageTally() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	hidden, by := 0, map[string]int{}
	for i := range s.n[Page] {
		if s.visible(Page, i) {
			by[s.status(Page, i)]++
		} else {
			hidden++
		}
	}
	return fmt.Sprintf("%d pages: %d current and %d archived, which a full read gives; %d in the trash, %d deleted, %d in draft, %d hidden from the account",
		s.n[Page], by[current], by[archived], by[trashed], by[deleted], by[draft], hidden)
}

// scope says of each space whether it is to be read.
func (s *Site) scope(o TruthOptions) []bool {
	in := make([]bool, s.n[Space])
	for i := range in {
		key := s.SpaceKey(i)
		in[i] = (o.SpaceKeys == nil || slices.Contains(o.SpaceKeys, key)) && !slices.Contains(o.ExcludeSpaceKeys, key)
	}
	return in
}

// truth walks the model for one stream.
type truth struct {
	*Site
	st      *stream.Stream
	o       TruthOptions
	inScope []bool
	yield   func(Row) bool
	b       []byte
}

func (t *truth) run() {
	k, ok := kindOf(t.st.Listing)
	if !ok {
		return
	}
	switch {
	case t.st.Route == "":
		t.items(k)
	case t.st.Listing != t.st.Parent:
		t.comments(k)
	case t.st.Derive == stream.ChildOf:
		t.childPages()
	default:
		t.below(k)
	}
}

// listed reports whether an item is in the listing that the options ask for.
func (t *truth) listed(k Kind, i int) bool {
	if !t.visible(k, i) {
		return false
	}
	if sp := t.space(k, i); sp >= 0 && !t.inScope[sp] {
		return false
	}
	switch k {
	case Page, BlogPost, Attachment:
		return slices.Contains(t.asked(k), t.status(k, i))
	}
	return t.open(k, i)
}

// asked returns the statuses that the options ask for and the kind's route knows.
func (t *truth) asked(k Kind) []string {
	if t.o.Statuses == nil {
		return statuses(k)
	}
	var known []string
	for _, l := range stream.Listings {
		if kind, ok := kindOf(l); ok && kind == k {
			known = l.Statuses
		}
	}
	return slices.DeleteFunc(slices.Clone(t.o.Statuses), func(st string) bool { return !slices.Contains(known, st) })
}

// emit hands on the row in t.b.
func (t *truth) emit(parent string, key ...string) bool {
	return t.yield(Row{Key: key, Parent: parent, Data: t.b})
}

func (t *truth) items(k Kind) {
	for i := range t.n[k] {
		if !t.listed(k, i) {
			continue
		}
		t.b = t.row(t.b[:0], k, i, shape{format: t.o.BodyFormat, desc: "plain", icon: true})
		if !t.emit("", string(t.appendID(nil, k, i))) {
			return
		}
	}
}

// comments are those of containers of the stream's kind, whatever page_status says.
func (t *truth) comments(k Kind) {
	if parent, ok := kindOf(t.st.Parent); ok {
		t.commentsOn(k, parent)
	}
}

// commentsOn are the comments on items of a kind.
func (t *truth) commentsOn(k, parent Kind) {
	for i := range t.n[k] {
		c, j := t.container(k, i)
		if c != parent || !t.listed(k, i) {
			continue
		}
		t.b = t.row(t.b[:0], k, i, shape{format: t.o.BodyFormat})
		if !t.emit(string(t.appendID(nil, c, j)), string(t.appendID(nil, k, i))) {
			return
		}
	}
}

// childPages are the pages directly below a page, not those in folders.
func (t *truth) childPages() {
	for i := range t.n[Page] {
		p, typ := t.parent(i)
		if typ != "page" || !t.open(Page, i) || !t.listed(Page, i) {
			continue
		}
		t.b = t.childRow(t.b[:0], i, true)
		if !t.emit(string(t.appendID(nil, Page, p)), string(t.appendID(nil, Page, i))) {
			return
		}
	}
}

// below are the rows of lists below each parent in scope that is not in the trash.
func (t *truth) below(k Kind) {
	name := t.st.Route[strings.LastIndex(t.st.Route, "/")+1:]
	op := t.facts.Operation(t.st.Route)
	_, made := t.table[stream.Path(t.st.Route, "{id}")]
	for i := range t.n[k] {
		if !t.listed(k, i) || !t.open(k, i) {
			continue
		}
		var l *list
		if made {
			l = t.sub(k, i, name, "")
		} else {
			l = t.genericSub(k, i, op)
		}
		parent := string(t.appendID(nil, k, i))
		for p := range l.n {
			j := l.ordinal(p)
			t.b = l.row(t.b[:0], j)
			if !t.emit(parent, t.key(parent, l.id(j), made)...) {
				return
			}
		}
	}
}

// key returns the values of the stream's key for the row in t.b, which belongs to a
// parent. In lists that were made by hand, id is what the row has as id or number.
func (t *truth) key(parent string, id int64, made bool) []string {
	var key []string
	for _, field := range t.st.Key {
		switch {
		case field == t.st.ParentField:
			key = append(key, parent)
		case made && (field == "id" || field == "number"):
			key = append(key, strconv.FormatInt(id, 10))
		default:
			key = append(key, fieldText(t.b, field))
		}
	}
	return key
}
