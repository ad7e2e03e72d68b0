package method

import (
	"context"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// byID reads the items of the page tree that no route lists, such as folders. It follows a page to the
// item above it, and so on, up to a page or to the top of a space. A search finds the other items.
var byID = Method{
	Name:    "one by one",
	Fits:    func(c Choice) bool { return c.Stream.Node != nil },
	Listing: func(s *stream.Stream) *stream.Listing { return s.Listing },
	FromRow: func(r *Reader, row rawjson.Object) (it Item, has, whole bool) {
		return Item{}, false, nodeOf(r.Stream.Listing, above(row)) == nil
	},
	Read: func(ctx context.Context, env Env, p *Parent, readers []*Reader) error {
		for at := p.Above; ; {
			next, err := readNode(ctx, env, at, readers)
			if err != nil || next == at {
				return err
			}
			at = next
		}
	},
	Price:   func(c Cost) float64 { return c.Shape.Rows[c.Stream.Node.SearchType] },
	Words:   func(*stream.Listing) string { return "one by one" },
	Partial: true,
}

// nodeOf returns the listing of the item with that kind and id, nil for a page or for none.
func nodeOf(tree *stream.Listing, at [2]string) *stream.Listing {
	for _, n := range tree.Nodes {
		if at[1] != "" && n.SearchType == at[0] {
			return n
		}
	}
	return nil
}

// readNode reads one item of the tree, unless the walk has read it, and returns the item above it, or
// the same item if there is nothing more to read.
func readNode(ctx context.Context, env Env, at [2]string, readers []*Reader) (next [2]string, err error) {
	node := nodeOf(readers[0].Stream.Listing, at)
	if node == nil || !env.First(at[0]+" "+at[1]) {
		return at, nil
	}
	counts := readers[0]
	var own *Reader
	for _, r := range readers {
		if r.Stream.Node == node {
			own, counts = r, r
		}
	}
	it := site.Item{Listing: node, ID: at[1]}
	var doc rawjson.Object
	err = env.Present(ctx, it, nil, func() error {
		doc, err = env.Get(ctx, counts, site.ItemRequest(node, it.ID, ""))
		return err
	})
	switch {
	case isGone(err):
		return at, err
	case err != nil:
		if stop := env.Interrupts(ctx, err); stop != nil {
			return at, stop
		}
		return at, failing(own, readers, err)
	}
	if own != nil && env.InSpace(doc.Get("spaceId").AsText()) {
		if err := env.Write(own, []Item{{Row: doc}}); err != nil {
			return at, err
		}
	}
	return above(doc), nil
}

// failing returns the error of an unreadable item. It concerns the item's own stream. If that is not
// selected, it concerns all readers, since the items above can't be found.
func failing(own *Reader, readers []*Reader, err error) PartlyError {
	if own != nil {
		return PartlyError{own: err}
	}
	failed := PartlyError{}
	for _, r := range readers {
		failed[r] = err
	}
	return failed
}
