package plan

import (
	"maps"
	"slices"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Question returns what a run has to ask the site before Build.
func Question(selected []catalog.Selection, st *state.State) site.Question {
	q := site.Question{Pays: method.OwnerPays}
	add := func(list *[]*stream.Listing, l *stream.Listing) {
		if !slices.Contains(*list, l) {
			*list = append(*list, l)
		}
	}
	for _, sel := range selected {
		s := sel.Stream
		q.Roles = q.Roles || s.Roles
		if s.Listing.Typed || s.Parent != nil && s.Parent.Typed {
			q.Types = true
			q.Earlier = slices.AppendSeq(q.Earlier, maps.Keys(st.Entry(s.Name).Partitions))
		}
		if s.Labelled != "" && partners(selected, st, s) == 1 && !st.Entry(s.Name).Plain {
			add(&q.ByLabel, s.Parent)
		}
		if s.Replies != "" && !sel.Incremental {
			add(&q.ByOwner, s.Listing)
		}
	}
	slices.Sort(q.Earlier)
	q.Earlier = slices.Compact(q.Earlier)
	return q
}

// partners counts the streams that one combined read of a stream's parents can serve.
func partners(selected []catalog.Selection, st *state.State, s *stream.Stream) int {
	n := 0
	for _, sel := range selected {
		if sel.Stream.Parent == s.Parent && sel.Stream.Include != "" && !sel.Incremental && !st.Entry(sel.Stream.Name).Plain {
			n++
		}
	}
	return n
}
