package method

import (
	"context"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// firstVersion reads the only version of an item at version 1 from the item's row.
var firstVersion = Method{
	Name:    "first version from the row",
	Fits:    func(c Choice) bool { return c.Stream.Derive == stream.FirstVersion && !c.Plain },
	Goes:    func(Choice) bool { return true },
	Listing: func(s *stream.Stream) *stream.Listing { return s.Parent },
	FromRow: func(_ *Reader, row rawjson.Object) (Item, bool, bool) { return firstVersionOf(row) },
	Again: func(ctx context.Context, env Env, p *Parent, readers []*Reader) error {
		return each(ctx, env, readers, func(r *Reader) error {
			var doc rawjson.Object
			err := env.Present(ctx, p.Item, r.ParentStatuses(), func() (err error) {
				doc, err = env.Get(ctx, r, site.ItemRequest(p.Listing, p.ID, p.Status))
				return err
			})
			if err != nil {
				return err
			}
			it, has, _ := firstVersionOf(doc)
			if !has {
				return ErrNothingToCompare // the item has a second version by now
			}
			return env.Write(r, []Item{it})
		})
	},
	Audit: InPassing,
	Price: func(c Cost) float64 {
		if c.Partners > 1 {
			return 0 // the combined read is sent anyway
		}
		return -c.Shape.First
	},
	Words: func(*stream.Listing) string { return "if it was edited" },
}

// firstVersionOf makes the record of an item's only version.
func firstVersionOf(row rawjson.Object) (it Item, has, whole bool) {
	if VersionNumber(row) != 1 {
		return Item{}, false, false
	}
	version, ok := row.Get("version").Object()
	return Item{version, record.Source{ParentID: row.Get("id").AsText(), ParentTitle: row.Get("title").AsText(), Derived: true}}, ok, ok
}
