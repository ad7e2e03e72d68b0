package plan

import (
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// found returns where a position is in some lists, and whether it holds there: the list exists,
// is read in the same order, and the hash fits.
func found(p state.Progress, r *method.Reader, spaces site.Spaces, lists []List) (Place, bool) {
	i := slices.IndexFunc(lists, func(l List) bool { return l.Name == p.At.List })
	if i < 0 || string(lists[i].Order) != p.At.Order || HashAt(r, spaces, lists, i) != p.Hash {
		return Place{}, false
	}
	return Place{i, p.At}, true
}

// behind reports whether place a is less advanced than b in the same lists.
func behind(lists []List, a, b Place) bool {
	if a.List != b.List {
		return a.List < b.List
	}
	if a.At.Key == "" || b.At.Key == "" {
		// A place without a key is in a list whose rows show none, or at its beginning. Two cursors
		// can't be compared: the list is read from its beginning, see least.
		return a.At.Key == "" && b.At.Key != ""
	}
	return lists[a.List].Order.Compare(a.At.Key, b.At.Key) < 0
}

// keyless reports whether a place lies behind rows that show no key, which it can't be compared by.
func (p Place) keyless() bool { return p.At.Key == "" && p.At.Cursor != "" }

// least returns the least advanced of some places. Of two places with the same key, or one without,
// nobody can tell whose page comes first: the list is read from its beginning.
func least(lists []List, places []Place) Place {
	from := places[0]
	for _, p := range places[1:] {
		equal := p.List == from.List && lists[p.List].Order.Compare(p.At.Key, from.At.Key) == 0
		switch {
		case p.List == from.List && p.At.Cursor != from.At.Cursor && (p.keyless() || from.keyless()):
			from.At.Key, from.At.Cursor, from.At.Fresh = "", "", false
		case equal && p.At.Cursor != from.At.Cursor:
			from.At.Cursor, from.At.Fresh = "", false
		case equal:
			from.At.Fresh = from.At.Fresh || p.At.Fresh
		case behind(lists, p, from):
			from = p
		}
	}
	return from
}

// Compare orders two sort keys as the list does: negative if a comes first. Times come as
// record.Timestamp writes them.
func (o Order) Compare(a, b string) int {
	switch o {
	case ByTime:
		return strings.Compare(a, b)
	case ByChange:
		return strings.Compare(b, a)
	}
	return site.CompareIDs(a, b)
}
