package method

import (
	"context"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// perParent reads a stream's own list of one parent: the plain way.
var perParent = Method{
	Name:    "a list per parent",
	Fits:    func(c Choice) bool { return c.Stream.Route != "" },
	Listing: func(s *stream.Stream) *stream.Listing { return s.Parent },
	Read: func(ctx context.Context, env Env, p *Parent, readers []*Reader) error {
		return each(ctx, env, readers, func(r *Reader) error { return ReadPlain(ctx, env, p, r) })
	},
	Price: func(c Cost) float64 {
		if c.Stream.OffsetKey != "" {
			return 2 // the second request shows that nothing follows
		}
		return 1
	},
	Words: func(l *stream.Listing) string { return "one request per " + itemOf(l) },
}

// ReadPlain reads the stream's own list of one parent. For comments it also reads the replies. It
// returns a GoneError if the parent is proven to be gone.
func ReadPlain(ctx context.Context, env Env, p *Parent, r *Reader) error {
	if r.Stream.Silent {
		return readSilent(ctx, env, p, r)
	}
	return env.Present(ctx, p.Item, r.ParentStatuses(), func() error {
		if r.Stream.Operations != nil {
			return readByOperation(ctx, env, p, r)
		}
		return readTree(ctx, env, p, r, r.PlainRequest(p.ID))
	})
}

// readSilent reads a list that is empty, and not a 404, if its parent is gone. So if the list is
// empty, it asks for the parent itself.
func readSilent(ctx context.Context, env Env, p *Parent, r *Reader) error {
	empty := true
	list := client.OffsetList{Request: r.PlainRequest(p.ID), Limit: r.Stream.Listing.MaxLimit}
	list.Key = func(row rawjson.Object) string { return row.Get(r.Stream.OffsetKey).AsText() }
	err := env.ListByOffset(ctx, r, list, func(rows []rawjson.Object) error {
		empty = false
		return env.Write(r, r.childItems(env, rows, p))
	})
	if err != nil || !empty {
		return err
	}
	_, err = env.Get(ctx, r, site.ItemRequest(p.Listing, p.ID, ""))
	if site.Names(err, p.ID) {
		return GoneError{p.Item}
	}
	return err
}

// readTree reads a list and, for comments, the replies below each row.
func readTree(ctx context.Context, env Env, p *Parent, r *Reader, req client.Request) error {
	return env.List(ctx, r, req, func(rows []rawjson.Object) error {
		if err := env.Write(r, r.childItems(env, rows, p)); err != nil || r.Stream.Replies == "" {
			return err
		}
		for _, row := range rows {
			id := row.Get("id").AsText()
			if id == "" {
				return &client.Error{Kind: client.KindMalformed, Message: "a comment has no id: " + req.Path}
			}
			comment := site.Item{Listing: r.Stream.Listing, ID: id}
			replies := r.request(r.Stream.Replies, id, nil)
			err := env.Present(ctx, comment, nil, func() error { return readTree(ctx, env, p, r, replies) })
			if err != nil && !isGone(err) {
				return err
			}
		}
		return nil
	})
}

// childItems returns the items of the rows of a parent's list.
func (r *Reader) childItems(env Env, rows []rawjson.Object, p *Parent) []Item {
	items := make([]Item, 0, len(rows))
	for _, row := range rows {
		if r.Stream.Derive != stream.ChildOf || r.isChildPage(env, row) {
			items = append(items, Item{row, record.Source{ParentID: p.ID, ParentTitle: p.Title}})
		}
	}
	return items
}

// isChildPage reports whether a row of a page's children is a page, not a folder or a whiteboard, of
// a status that is asked for. It lies in one of the run's spaces: a parent may have moved to another.
func (r *Reader) isChildPage(env Env, row rawjson.Object) bool {
	kind, ok := row.Get("type").Text()
	space := row.Get("spaceId").AsText()
	return (!ok || kind == "page") && r.wantsChild(row.Get("status").AsText()) && (space == "" || env.InSpace(space))
}
