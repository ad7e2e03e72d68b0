package method

import (
	"context"
	"errors"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// byID reads what the page tree is made of beside pages, which no route lists: what a page lies in,
// then what that lies in, and so on up to a page or the top of a space. A search names the others.
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
	Price: func(c Cost) float64 { return c.Shape.Rows[c.Stream.Node.SearchType] },
}

// nodeOf returns the listing of what a kind and an id name, nil for a page, or nothing.
func nodeOf(tree *stream.Listing, at [2]string) *stream.Listing {
	for _, n := range tree.Nodes {
		if at[1] != "" && n.SearchType == at[0] {
			return n
		}
	}
	return nil
}

// readNode reads one item of the tree, unless it has been read, and returns what it lies in; the
// item itself where nothing follows.
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
		doc, err = env.Get(ctx, counts, site.ItemRequest(node, it.ID))
		return err
	})
	switch {
	case errors.Is(err, ErrGone):
		return at, err
	case err != nil:
		if stop := env.Interrupts(ctx, err); stop != nil {
			return at, stop
		}
		return at, failing(own, readers, err)
	}
	if own != nil && env.InSpace(text(doc, "spaceId")) {
		if err := env.Write(own, []Item{{Row: doc}}); err != nil {
			return at, err
		}
	}
	return above(doc), nil
}

// failing says whom an unreadable item concerns: the stream that it is a record of; where that is
// not selected, all, since what lies above it is not found.
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
