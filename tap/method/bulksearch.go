package method

import (
	"context"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// bulkSearch reads the restrictions of a hundred pages and posts at a time, from a search for their
// ids. The search does not show archived items or very new ones, and cuts long lists. Those items are
// read by a request each.
var bulkSearch = Method{
	Name:    "a search for a hundred items at a time",
	Fits:    func(c Choice) bool { return c.Stream.Operations != nil && !c.Plain },
	Listing: func(s *stream.Stream) *stream.Listing { return s.Parent },
	Read:    perParent.Read,
	Many:    searchMany,
	Batch:   100,
	Again: func(ctx context.Context, env Env, p *Parent, readers []*Reader) error {
		return each(ctx, env, readers, func(r *Reader) error {
			left, err := searchMany(ctx, env, []*Parent{p}, r)
			if err == nil && len(left) > 0 {
				err = ErrNothingToCompare
			}
			return err
		})
	},
	Audit: InPassing,
	Price: func(c Cost) float64 { return 1.0/100 + c.Shape.Hidden },
	Words: func(*stream.Listing) string { return "a search for many at once" },
}

// searchRequest asks for the restrictions of pages and posts.
func searchRequest(ids, operations []string) client.Request {
	var expand []string
	for _, op := range operations {
		expand = append(expand, "restrictions."+op+".restrictions.user", "restrictions."+op+".restrictions.group")
	}
	return client.Request{
		Path:   "/wiki/rest/api/content/search",
		Query:  [][2]string{{"cql", "type in (page,blogpost) and id in (" + strings.Join(ids, ",") + ")"}, {"expand", strings.Join(expand, ",")}},
		Scopes: []string{"search:confluence", "read:content-details:confluence"},
	}
}

// searchMany reads the restrictions of some pages and posts with one search.
func searchMany(ctx context.Context, env Env, parents []*Parent, r *Reader) (left []*Parent, err error) {
	ids := make([]string, len(parents))
	open := map[string]*Parent{}
	for i, p := range parents {
		ids[i], open[p.ID] = p.ID, p
	}
	err = env.List(ctx, r, searchRequest(ids, r.Stream.Operations), func(rows []rawjson.Object) error {
		for _, row := range rows {
			p := open[row.Get("id").AsText()]
			blocks, ok := row.Get("restrictions").Object()
			if p == nil || !ok {
				continue
			}
			items, whole, err := restrictions(blocks, p, r)
			if err != nil {
				return err
			}
			if !whole {
				continue
			}
			if err := env.Write(r, items); err != nil {
				return err
			}
			delete(open, p.ID)
		}
		return nil
	})
	for _, p := range parents {
		if open[p.ID] != nil {
			left = append(left, p)
		}
	}
	return left, err
}
