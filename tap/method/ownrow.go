package method

import (
	"slices"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// ownRow reads a stream from a listing whose rows are its records. It is the plain way, except for
// comments: they also have a list per page, so for them it is a shortcut.
var ownRow = Method{
	Name: "own rows",
	Fits: func(c Choice) bool {
		if c.Stream.IsChild() {
			return false
		}
		return c.Stream.Parent == nil || !c.Plain && !c.Facts.Learned[c.Stream.Listing].Refused && !byOwner(c)
	},
	Listing: func(s *stream.Stream) *stream.Listing { return s.Listing },
	FromRow: func(r *Reader, row rawjson.Object) (Item, bool, bool) {
		field := r.Stream.ParentField
		return Item{Row: row}, field == "" || !row.Get(field).IsNull(), true
	},
	Audit: Around,
	Price: func(Cost) float64 { return 0 },
}

// byOwner reports whether comments are read page by page and post by post, which pays in few chosen
// spaces. Comments on other items are always read as a whole, since nothing lists all those items.
func byOwner(c Choice) bool {
	_, few := c.Facts.Owners[c.Stream.Listing]
	return few && !c.Incremental && slices.Contains(site.Owners(), c.Stream.Parent)
}

// OwnerPays reports whether a listing's comments on pages and posts take fewer requests page by page
// and post by post than as a whole, the lists of replies included.
func OwnerPays(l *stream.Listing, c site.OwnerCounts) bool {
	return c.Owners+c.Inside/2 < (c.All/l.MaxLimit+1)/2
}
