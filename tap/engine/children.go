package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// errVanished says that a parent was deleted, or hidden, between listing and reading.
var errVanished = errors.New("the parent is gone")

// readChildren reads everything that hangs on one parent and then finishes its row. Rows
// of a run that is being stopped stay unfinished.
func (w *walk) readChildren(ctx context.Context, p *parent) {
	var failed []*feed
	for _, group := range w.routes(p) {
		err := group.read(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && endsRun(ctx, err) {
			w.run.stop(err)
			return
		}
		if errors.Is(err, errVanished) {
			w.run.skipped.add(fmt.Sprintf("%s that vanished between listing and reading", w.listing.Name))
			w.run.log.Warn("a parent vanished between listing and reading", "listing", w.listing.Name, "id", p.id)
			break
		}
		for _, f := range group.feeds {
			if f.left.Load() {
				continue
			}
			if err := errorFor(f, err); err != nil {
				f.failParent(p.id, err)
				failed = append(failed, f)
			} else {
				f.succeeded()
			}
		}
	}
	w.track.finish(p.unit, failed)
	if err := w.run.ledger.checkpoint(); err != nil {
		w.run.stop(err)
	}
}

// partly says for which of the streams that were read together one parent could not be read.
type partly map[*feed]error

// Error tells all of them.
func (p partly) Error() string { return errors.Join(slices.Collect(maps.Values(p))...).Error() }

// errorFor is the part of an error that concerns one stream.
func errorFor(f *feed, err error) error {
	if parts, ok := errors.AsType[partly](err); ok {
		return parts[f]
	}
	return err
}

// everyFeed does something for every stream. What fails for one does not keep the others from it,
// unless it ends the run or the parent is gone.
func everyFeed(ctx context.Context, feeds []*feed, do func(*feed) error) error {
	failed := partly{}
	for _, f := range feeds {
		err := do(f)
		switch {
		case err == nil:
		case endsRun(ctx, err), errors.Is(err, errVanished):
			return err
		default:
			failed[f] = err
		}
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}

// route is one way of reading some streams' records of one parent.
type route struct {
	feeds []*feed
	read  func(context.Context) error
}

// routes chooses how to read a parent: one combined read for two or more streams that it
// holds, the plain child list for any other.
func (w *walk) routes(p *parent) []route {
	var together []*feed
	var routes []route
	for f, it := range p.first {
		routes = append(routes, route{[]*feed{f}, func(ctx context.Context) error { return w.auditFirst(ctx, p, f, it) }})
	}
	for _, f := range p.need {
		if f.left.Load() {
			continue
		}
		if w.listing == stream.Labels {
			routes = append(routes, route{[]*feed{f}, func(ctx context.Context) error { return w.readLabelled(ctx, p, f) }})
			continue
		}
		if f.stream.Include != "" && !f.plain && !w.incremental {
			together = append(together, f)
			continue
		}
		routes = append(routes, w.plainRoute(p, f))
	}
	if len(together) == 1 {
		return append(routes, w.plainRoute(p, together[0]))
	}
	if len(together) > 1 {
		routes = append(routes, route{together, func(ctx context.Context) error { return w.readTogether(ctx, p, together) }})
	}
	return routes
}

func (w *walk) plainRoute(p *parent, f *feed) route {
	return route{[]*feed{f}, func(ctx context.Context) error { return w.readPlain(ctx, p, f) }}
}

// readPlain reads one stream's records of one parent from its own list.
func (w *walk) readPlain(ctx context.Context, p *parent, f *feed) error {
	err := f.readRows(ctx, f.childRequest(p.id), p)
	if client.KindOf(err) == client.KindNotFound {
		return w.vanished(ctx, p, err)
	}
	return err
}

// readRows reads a list of one parent and writes what it holds.
func (f *feed) readRows(ctx context.Context, req client.Request, p *parent) error {
	return f.readTree(ctx, req, p, func(rows []row) error { return f.write(f.childItems(rows, p), f.since()) })
}

// readTree reads a list of one parent and, for comments, the replies below each row.
func (f *feed) readTree(ctx context.Context, req client.Request, p *parent, use func([]row) error) error {
	err := f.readBelow(ctx, req, p, use)
	if isNewestFirst(req) && refusesSort(err) {
		return f.readUnsorted(ctx, req, p, use, err)
	}
	if f.stream.Older == "" || req.Path == stream.Path(f.stream.Older, p.id) ||
		client.KindOf(err) != client.KindScope && client.KindOf(err) != client.KindGone {
		return err
	}
	// Several parents may find this out at once.
	if !f.older.Swap(true) {
		f.run.log.Info("the account can't use a route; its older form is used", "stream", f.name, "error", err)
	}
	return f.readBelow(ctx, f.childRequest(p.id), p, use)
}

// readUnsorted reads a list whole that can't be read newest first; if it can't be read either
// way, the first error stands.
func (f *feed) readUnsorted(ctx context.Context, req client.Request, p *parent, use func([]row) error, cause error) error {
	req.Query = f.stream.Query
	if err := f.readBelow(ctx, req, p, use); err != nil {
		return cause
	}
	if !f.anyOrder.Swap(true) {
		f.run.log.Warn("the site can't list by change; each parent's list is read in full and filtered", "stream", f.name, "error", cause)
	}
	return nil
}

func (f *feed) readBelow(ctx context.Context, req client.Request, p *parent, use func([]row) error) error {
	return f.readList(ctx, req, func(rows []row) error {
		if err := use(rows); err != nil || f.stream.Replies == "" {
			return err
		}
		for _, row := range rows {
			id, ok := row.Get("id").Text()
			if !ok || id == "" {
				return &client.Error{Kind: client.KindMalformed, Message: "a comment has no id: " + req.Path}
			}
			replies := f.childRequest(p.id)
			replies.Path = stream.Path(f.stream.Replies, id)
			// A comment that is gone by now has no replies.
			if err := f.readTree(ctx, replies, p, use); err != nil && client.KindOf(err) != client.KindNotFound {
				return err
			}
		}
		return nil
	})
}

// readList reads a list to its end, page by page. In order of change it ends at the
// stream's bookmark.
func (f *feed) readList(ctx context.Context, req client.Request, use func([]row) error) error {
	pager := f.run.Client.Pager(req, f.run.Config.PageSize)
	for cursor := ""; ; {
		page, err := f.page(ctx, pager, cursor)
		if err != nil {
			return err
		}
		err = use(page.Rows)
		end := page.Next == "" || isNewestFirst(req) && f.belowBookmark(page.Rows)
		cursor = page.Next
		page.Release()
		if err != nil || end {
			return err
		}
	}
}

// belowBookmark says whether the last row is older than the stream's bookmark, and all of
// them come newest first.
func (f *feed) belowBookmark(rows []row) bool {
	var last time.Time
	for _, row := range rows {
		t, err := changed(f.stream.ReplicationKey, row)
		if err != nil || !last.IsZero() && t.After(last) {
			return false
		}
		last = t
	}
	return !last.IsZero() && last.Before(f.since())
}

// childItems are the items of one parent's rows.
func (f *feed) childItems(rows []row, p *parent) []item {
	items := make([]item, 0, len(rows))
	for _, row := range rows {
		if f.stream.Derive != stream.ChildOf || f.isChildPage(row) {
			items = append(items, item{row, record.Source{ParentID: p.id, ParentTitle: p.title}})
		}
	}
	return items
}

// isChildPage says whether a row of a page's children is in the stream's scope: a page, not
// a folder or a whiteboard, of a status that is asked for.
func (f *feed) isChildPage(row row) bool {
	kind, ok := row.Get("type").Text()
	status, _ := row.Get("status").Text()
	return (!ok || kind == "page") && (status == "" || slices.Contains(f.run.Config.PageStatus, status))
}

// readTogether reads several streams' records of one parent with one request. A block that
// says it has more is read from its own list in full.
func (w *walk) readTogether(ctx context.Context, p *parent, feeds []*feed) error {
	feeds[0].requests.Add(1)
	doc, err := w.run.Client.Get(ctx, w.togetherRequest(p, feeds))
	if client.KindOf(err) == client.KindNotFound {
		return w.readApart(ctx, p, feeds)
	}
	if err != nil {
		return err
	}
	if p.audited {
		if err := w.auditTogether(ctx, p, feeds, doc); err != nil {
			return err
		}
	}
	return everyFeed(ctx, feeds, func(f *feed) error {
		if f.left.Load() {
			return nil
		}
		rows, more, err := block(doc, f.stream.Include)
		if err != nil {
			return err
		}
		if more || f.tooFew(rows, p) {
			return w.readPlain(ctx, p, f)
		}
		return f.write(f.childItems(rows, p), f.since())
	})
}

// togetherRequest is the combined read of one parent for some streams.
func (w *walk) togetherRequest(p *parent, feeds []*feed) client.Request {
	var q query
	for _, f := range feeds {
		q = q.with("include-"+f.stream.Include, "true")
	}
	return itemRequest(w.listing, p.id, w.itemStatus(q, p))
}

// tooFew says that a block shows fewer versions than the number of the last one tells of:
// it was cut, or old ones were purged. The list knows.
func (f *feed) tooFew(rows []row, p *parent) bool {
	return f.stream.Derive == stream.FirstVersion && len(rows) < p.version
}

// itemStatus asks for a parent that is not current by its status, which the single read of
// pages and blog posts may need.
func (w *walk) itemStatus(q query, p *parent) query {
	if p.status == "" || p.status == stream.Current || !w.listing.Body {
		return q
	}
	return q.with("status", p.status)
}

// readApart reads each stream's own list of a parent that the combined read does not find:
// only if the lists don't find it either is it gone.
func (w *walk) readApart(ctx context.Context, p *parent, feeds []*feed) error {
	return everyFeed(ctx, feeds, func(f *feed) error { return w.readPlain(ctx, p, f) })
}

// Blocks of combined reads end at 50 rows, lists without a limit at 25. A block of just so many
// may have been cut, whatever it says of more.
const (
	blockMost   = 50
	listDefault = 25
)

// block returns the rows of one block of a combined read, and whether there may be more.
func block(doc rawjson.Object, name string) (rows []row, more bool, err error) {
	b, ok := doc.Get(name).Object()
	if !ok {
		return nil, true, nil // the site left it out: ask for the list
	}
	if string(b.Get("meta").Member("hasMore")) != "false" {
		return nil, true, nil
	}
	for v := range b.Get("results").Elements() {
		row, ok := v.Object()
		if !ok {
			return nil, false, &client.Error{Kind: client.KindMalformed, Message: "a row of the block " + name + " is not an object"}
		}
		rows = append(rows, row)
	}
	return rows, len(rows) == blockMost || len(rows) == listDefault, nil
}

// vanished finds out whether a parent whose list is not found is itself gone; if it is
// still there, its list's error stands.
func (w *walk) vanished(ctx context.Context, p *parent, cause error) error {
	if _, err := w.run.Client.Get(ctx, itemRequest(w.listing, p.id, w.itemStatus(nil, p))); client.KindOf(err) == client.KindNotFound {
		return errVanished
	}
	return cause
}
