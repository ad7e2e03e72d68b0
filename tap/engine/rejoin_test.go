package engine

import (
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestBehind joins positions of two runs at one that both have passed, or not at all.
func TestBehind(t *testing.T) {
	at := func(list, n int, after, cursor string) state.Position {
		return state.Position{For: "f", List: list, N: n, After: after, Cursor: cursor}
	}
	other := at(0, 5, "90", "c")
	other.For = "g"
	none := state.Position{}
	const early, late = "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z"
	for name, c := range map[string]struct {
		listing *stream.Listing
		a, b    state.Position
		want    state.Position // none: they stay apart
	}{
		"ids go by number, whatever n says":   {stream.Pages, at(0, 9, "99", "c"), at(0, 7, "100", "d"), at(0, 9, "99", "c")},
		"the same id on two pages":            {stream.Pages, at(0, 9, "99", "c"), at(0, 7, "99", "d"), at(0, 9, "99", "c")},
		"times":                               {stream.Attachments, at(0, 9, late, "d"), at(0, 9, early, "c"), at(0, 9, early, "")},
		"an equal time on one page":           {stream.Attachments, at(0, 9, early, "c"), at(0, 8, early, "c"), at(0, 9, early, "c")},
		"an equal time on two pages":          {stream.Attachments, at(0, 9, early, "c"), at(0, 8, early, "d"), at(0, 9, early, "")},
		"another time than that of the order": {stream.Attachments, at(0, 9, "2090-01-01T00:00:00.000Z", "c"), at(0, 19, late, "d"), at(0, 19, late, "")},
		"an earlier listing":                  {stream.Pages, at(1, 9, "5", "c"), at(0, 10, "700", "d"), at(0, 10, "700", "d")},
		"the beginning of a listing":          {stream.Pages, at(1, 9, "5", "c"), at(1, 8, "", ""), at(1, 8, "", "")},
		"far apart":                           {stream.Pages, at(0, 900, "900", "c"), at(0, 7, "7", "d"), none},
		"another listing":                     {stream.Pages, at(0, 5, "90", "c"), other, none},
		"rows without a key":                  {stream.Pages, at(0, 5, "", "c"), at(0, 5, "90", "c"), none},
		"no order":                            {stream.FooterComments, at(0, 5, "", "c"), at(0, 5, "", "c"), none},
	} {
		t.Run(name, func(t *testing.T) {
			for _, pair := range [][2]state.Position{{c.a, c.b}, {c.b, c.a}} {
				got, ok := behind(c.listing, pair[0], pair[1])
				if ok != (c.want != none) || got.List != c.want.List || got.After != c.want.After {
					t.Errorf("behind(%+v, %+v) = %+v, %v; want %+v", pair[0], pair[1], got, ok, c.want)
				}
				if c.listing == stream.Attachments && got.Cursor != c.want.Cursor {
					t.Errorf("behind(%+v, %+v) asks with %q, want %q", pair[0], pair[1], got.Cursor, c.want.Cursor)
				}
			}
		})
	}
}
