package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// found returns the place of a position in some lists, and reports whether it still holds: the list
// exists, its order is the same, and the hash fits.
func found(p state.Progress, r *method.Reader, spaces site.Spaces, lists []List) (Place, bool) {
	i := slices.IndexFunc(lists, func(l List) bool { return l.Name == p.At.List })
	if i < 0 || string(lists[i].Order) != p.At.Order || HashAt(r, spaces, lists, i) != p.Hash {
		return Place{}, false
	}
	return Place{i, p.At}, true
}

// least returns the least advanced of some places of one walk: the one with the lowest step.
func least(places []Place) Place {
	return slices.MinFunc(places, func(a, b Place) int { return cmp.Compare(a.At.Step, b.At.Step) })
}

// Relearn returns the facts with what earlier runs of the sync found out, which positions hold.
func Relearn(facts site.Facts, selected []catalog.Selection, st *state.State, run string) site.Facts {
	for _, sel := range selected {
		e := st.Entry(sel.Stream.Name)
		if p, err := state.ParseProgress(e.Progress); err == nil && (sel.Incremental || counts(e, run)) {
			facts = facts.WithText(p.At.Learned)
		}
	}
	return facts
}

// counts reports whether an entry's progress is of the sync under way.
func counts(e state.Entry, run string) bool { return run != "" && e.Run == run }

// Compare compares two sort keys in the list's order: negative if a comes first. Times are texts in
// the form that record.Timestamp writes.
func (o Order) Compare(a, b string) int {
	switch o {
	case ByTime:
		return strings.Compare(a, b)
	case ByChange:
		return strings.Compare(b, a)
	}
	return site.CompareIDs(a, b)
}
