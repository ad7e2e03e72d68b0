package method

import (
	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// derived reads child pages from the pages' own rows, which name their parents. The rows count in the
// plain way, too: if a page is deleted meanwhile, its children move up to a parent whose list may have
// been read already.
var derived = Method{
	Name:    "derived from the row",
	Fits:    func(c Choice) bool { return c.Stream.Derive == stream.ChildOf },
	Goes:    func(c Choice) bool { return c.Plain },
	Listing: func(s *stream.Stream) *stream.Listing { return s.Parent },
	FromRow: func(r *Reader, row rawjson.Object) (Item, bool, bool) {
		kind, status := row.Get("parentType").AsText(), row.Get("status").AsText()
		isChild := (kind == "" || kind == "page") && !row.Get(r.Stream.ParentField).IsNull()
		return Item{row, record.Source{Derived: true}}, isChild && r.wantsChild(status), false
	},
	Audit: Around,
	Price: func(Cost) float64 { return 0 },
}
