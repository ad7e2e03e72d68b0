package method

import (
	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// ownRow reads a stream from a listing whose rows are its records. For comments, which also
// have a list per page, that is a shortcut.
var ownRow = Method{
	Name: "own rows",
	Fits: func(c Choice) bool {
		if c.Stream.IsChild() {
			return false
		}
		return c.Stream.Parent == nil || !c.Plain && !c.Facts.Learned[c.Stream.Listing].Refused && !readByOwner(c)
	},
	Listing: func(s *stream.Stream) *stream.Listing { return s.Listing },
	FromRow: func(r *Reader, row rawjson.Object) (Item, bool, bool) {
		field := r.Stream.ParentField
		return Item{Row: row}, field == "" || !row.Get(field).IsNull(), true
	},
	Audit: Around,
	Price: func(Cost) float64 { return 0 },
}
