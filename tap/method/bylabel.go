package method

import (
	"context"
	"fmt"
	"slices"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// byLabel reads labels the other way round: all labels of the site, then the items that carry each of
// them. It pays if nothing else is read per parent and there are fewer labels than parents.
var byLabel = Method{
	Name: "a list per label",
	Fits: func(c Choice) bool {
		if c.Stream.Labelled == "" || c.Plain || c.Partners > 1 || c.Facts.Spaces.Narrowed() {
			return false
		}
		parents, counted := c.Facts.Parents[c.Stream.Parent]
		return counted && c.Facts.Labels < parents
	},
	Listing: func(*stream.Stream) *stream.Listing { return stream.Labels },
	Read: func(ctx context.Context, env Env, p *Parent, readers []*Reader) error {
		return each(ctx, env, readers, func(r *Reader) error {
			return env.Present(ctx, p.Item, nil, func() error { return readLabelled(ctx, env, p, r) })
		})
	},
	Audit: Around,
	Price: func(Cost) float64 { return 1 },
	Words: func(*stream.Listing) string { return "a list per label" },
}

// readLabelled reads the items that carry a label. It skips items that their listing would not give,
// such as trashed ones.
func readLabelled(ctx context.Context, env Env, p *Parent, r *Reader) error {
	parents := r.Stream.Parent
	req := client.Request{
		Path: stream.Path(r.Stream.Labelled, p.ID), Query: [][2]string{{stream.SortParam, parents.Sort}}, Scopes: parents.Scopes,
	}
	label, err := rawjson.ParseObject(p.Row)
	if err != nil {
		return fmt.Errorf("reading label %s back: %w", p.ID, err)
	}
	return env.List(ctx, r, req, func(rows []rawjson.Object) error {
		var items []Item
		for _, row := range rows {
			if status := row.Get("status").AsText(); status != "" && !slices.Contains(r.Statuses, status) {
				continue
			}
			items = append(items, Item{label, record.Source{ParentID: row.Get("id").AsText()}})
		}
		return env.Write(r, items)
	})
}
