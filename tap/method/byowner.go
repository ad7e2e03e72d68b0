package method

import (
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// byOwner reads attachments from a list per page, post and custom content of few chosen spaces,
// where that takes fewer requests than the site-wide listing. Comments are then read per
// parent, see perparent.go.
var byOwner = Method{
	Name:    "a list per page, post or custom content",
	Fits:    func(c Choice) bool { return c.Stream.Parent == nil && readByOwner(c) },
	Listing: func(s *stream.Stream) *stream.Listing { return s.Listing },
	FromRow: func(_ *Reader, row rawjson.Object) (Item, bool, bool) { return Item{Row: row}, true, true },
	Price:   func(Cost) float64 { return 0 },
}

// readByOwner reports whether a stream's listing is not read as a whole. Comments on what is not
// counted as an owner, such as attachments, are: there are too many lists to ask for.
func readByOwner(c Choice) bool {
	_, narrow := c.Facts.Owners[c.Stream.Listing]
	counted := c.Stream.Parent == nil || slices.Contains(site.Owners(), c.Stream.Parent)
	return narrow && !c.Incremental && counted
}

// OwnerPays reports whether a listing is better read by owner than as a whole.
func OwnerPays(l *stream.Listing, c site.OwnerCounts) bool {
	byOwner, siteWide := c.Owners, c.All/l.MaxLimit+1
	if l.Body { // comments, of two kinds, which have lists of replies
		byOwner, siteWide = byOwner+c.Inside/2, siteWide/2
	}
	return byOwner < siteWide
}

// OwnerRequest lists the rows of a listing that lie in one item, by the item's kind.
func OwnerRequest(l, owners *stream.Listing, id string) client.Request {
	route := strings.ReplaceAll(l.ByOwner, "{kind}", owners.Kind)
	return client.Request{Path: stream.Path(route, id), Scopes: l.Scopes, Ahead: true}
}
