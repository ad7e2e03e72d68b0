package engine

import (
	"slices"

	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// rejoin puts full walks of one listing together that are about as far as each other: they
// were one walk until an interruption left some of its streams with a state of the run
// before. Apart they would read every parent twice.
func (r *Run) rejoin(groups map[pass][]*feed) {
	for _, l := range append(slices.Clone(stream.Listings), stream.Labels) {
		var kept []pass
		for _, p := range passesOf(groups, l) {
			if p.walk == "" || p.incremental {
				continue
			}
			near := slices.IndexFunc(kept, func(q pass) bool { return r.join(groups, q, p) })
			if near < 0 {
				kept = append(kept, p)
			}
		}
	}
}

// join moves the streams of one walk to another, and all of them to the position that holds
// for every one, if there is such a position and it costs little.
func (r *Run) join(groups map[pass][]*feed, into, from pass) bool {
	at, ok := behind(into.listing, r.smallest(groups[into]), r.smallest(groups[from]))
	if !ok {
		return false
	}
	groups[into] = append(groups[into], groups[from]...)
	delete(groups, from)
	for _, f := range groups[into] {
		r.ledger.update(f.name, func(e *state.Entry) { e.At = &at })
	}
	return true
}

// behind returns a position of a full walk that is behind two others, whatever runs they
// are of, which only their sort keys can tell; n says no more than how far apart they are.
func behind(l *stream.Listing, a, b state.Position) (state.Position, bool) {
	const pages = 2 // as many as a listing runs ahead
	s := skipper{order: orderOf(l, false)}
	if s.order == unordered || a.For != b.For || max(a.N-b.N, b.N-a.N) > pages*l.MaxLimit || lost(a) || lost(b) {
		return state.Position{}, false
	}
	if a.List != b.List {
		if b.List < a.List {
			return b, true
		}
		return a, true
	}
	if a.After != "" && (b.After == "" || s.compare(b.After, a.After) < 0) {
		a, b = b, a
	}
	if s.order != byID && a.After != "" && a.Cursor != b.Cursor {
		// Rows of an equal time may lie on both pages, and a row may show another time than the one
		// that it is sorted by: where the position is is looked for from the listing's start.
		a.Cursor, a.Next = "", false
	}
	return a, true
}

// lost says that a position has no sort key though it is within a listing.
func lost(p state.Position) bool { return p.After == "" && p.Cursor != "" }
