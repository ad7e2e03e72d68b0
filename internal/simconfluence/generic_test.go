package simconfluence

import (
	"slices"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestUnknownStreamsAreServed adds a stream that nothing here knows: its route is answered
// and its rows are in the truth.
func TestUnknownStreamsAreServed(t *testing.T) {
	was := stream.All
	defer func() { stream.All = was }()
	for _, route := range []string{"/pages/{id}/descendants", "/pages/{id}/ancestors"} {
		st := stream.Stream{
			Name: "added", Key: []string{"pageId", "id"}, Listing: stream.Pages, Parent: stream.Pages,
			ParentField: "pageId", Route: route,
		}
		stream.All = append(slices.Clip(slices.Clone(was)), st)
		s := New(small())
		want := plain(t, s, &st)
		got := rowsOf(s, "added")
		if len(got) == 0 || len(got) != len(want) {
			t.Errorf("%s: truth has %d rows, the route %d", route, len(got), len(want))
		}
		for key, row := range want {
			if got[key] != row {
				t.Errorf("%s: row %q is %s, truth %s", route, key, row, got[key])
			}
		}
		for row := range s.Truth("added", TruthOptions{}) {
			conforms(t, s, stream.Path(route, row.Parent))
		}
		if v := s.Violations(); len(v) > 0 {
			t.Errorf("violations: %q", v)
		}
	}
}
