package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// walk reads a listing, or several one after another, for a set of streams that share its
// position.
type walk struct {
	run         *Run
	listing     *stream.Listing
	incremental bool
	feeds       []*feed
	lists       []list
	track       *track
	resumed     bool
	// before says from which row on a resumed walk writes again.
	before state.Position
	// children are the streams that are read or derived per row, own those whose records
	// the rows are.
	children, own []*feed
	// broken is why the walk can't begin, nil if it can.
	broken error
	// pagesRead counts the answers of listings, without the trash.
	pagesRead int
	// answered is the type of custom content that the last answer was of, of this run or the
	// one before.
	answered string
	// together and first choose the parents on which combined reads and derived first
	// versions are compared with the plain routes; nil for none.
	together, first *sampler
}

// list is one of a walk's listings.
type list struct {
	request client.Request
	order   order
	// partition names the type of custom content, whose bookmark is its own.
	partition string
	// trash says that the rows are in the trash: read in full, without children.
	trash bool
	// refusable says that the site may not know what is listed; it is skipped then.
	refusable bool
	// keep decides which rows are in scope, nil for all.
	keep keep
}

// keep decides whether a row is in scope. What it decides by is no older than the tick that it
// is given; any will do for 0.
type keep func(ctx context.Context, row row, since int64) (bool, error)

// takes asks it, nil takes every row.
func (k keep) takes(ctx context.Context, row row, since int64) (bool, error) {
	if k == nil {
		return true, nil
	}
	return k(ctx, row, since)
}

// newName draws a walk's name.
func newName() string {
	var b [3]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(fmt.Sprintf("drawing a random name: %v", err))
	}
	return hex.EncodeToString(b[:])
}

// walk walks to the end and ends the walk's streams. The error ends the whole run; a stream's
// own failure is kept in its feed.
func (w *walk) walk(ctx context.Context) error {
	for _, f := range w.feeds {
		if err := f.begin(); err != nil {
			return err
		}
	}
	audits, err := w.beginAudits(ctx)
	if err != nil {
		return err
	}
	goesOn := w.incremental && w.resumed
	if err := w.through(ctx, audits, !goesOn); err != nil {
		return err
	}
	if goesOn {
		// A row of the old range that was edited in between has moved above it.
		if head := w.again(); len(head.feeds) > 0 {
			if err := head.through(ctx, nil, true); err != nil {
				return err
			}
		}
	}
	for _, f := range w.feeds {
		if f.left.Load() {
			continue
		}
		if err := w.endFeed(f); err != nil {
			return err
		}
	}
	return w.readLeft(ctx)
}

// through reads all listings of the walk and, where that went well, moves bookmarks. The
// last walk of a run may find that no version can be hidden.
func (w *walk) through(ctx context.Context, audits []*scattered, last bool) error {
	w.run.ledger.begin(w)
	err := w.readLists(ctx)
	for _, a := range audits {
		if err == nil {
			err = a.end(ctx)
		}
	}
	w.run.ledger.end(w)
	if err != nil {
		return err
	}
	quiet := last && w.quiet(ctx)
	for _, f := range w.feeds {
		if f.sel.Incremental && f.err() == nil && !f.left.Load() {
			w.run.ledger.update(f.name, func(e *state.Entry) { w.settle(f, e, quiet) })
		}
	}
	return nil
}

func (w *walk) readLists(ctx context.Context) error {
	if w.isBroken() {
		return nil
	}
	for i := w.before.List; i < len(w.lists); i++ {
		err := w.readList(ctx, i)
		switch {
		case err == nil:
		case endsRun(ctx, err):
			return err
		case w.unknown(i, err):
			i = w.skipType(i, err)
			continue
		case refused(err) && w.canLeave():
			w.run.log.Warn("the site refuses the listing; its streams are read parent by parent", "listing", w.listing.Name, "error", err)
			for _, f := range w.feeds {
				w.leave(f)
			}
			return nil
		default:
			w.fail(fmt.Errorf("listing %s: %w", w.listing.Name, err))
			return nil
		}
		w.endList(i)
	}
	return nil
}

// unknown says whether an error of a listing means that the site does not know the type that it
// lists. A type of which anything was answered is known: the error is one then.
func (w *walk) unknown(i int, err error) bool {
	l := &w.lists[i]
	return l.refusable && unknownType(err) && w.answered != l.partition
}

// skipType moves the position behind the listings of a type that the site does not know, of
// which the first is given, and returns the last. The type's bookmark stays.
func (w *walk) skipType(i int, err error) int {
	kind := w.lists[i].partition
	w.run.skipped.add("type of custom content that the site does not know")
	w.run.log.Warn("skipping a type of custom content that the site refuses", "type", kind, "error", err)
	for i+1 < len(w.lists) && w.lists[i+1].partition == kind {
		i++
	}
	w.track.setHigh("")
	w.track.skipTo(i + 1)
	return i
}

// answeredBefore is the type of custom content of which a walk's position says that an earlier
// run had answers, empty for none.
func answeredBefore(lists []list, at state.Position) string {
	if at.List >= len(lists) {
		return ""
	}
	kind := lists[at.List].partition
	if at.Cursor != "" || at.After != "" || at.List > 0 && lists[at.List-1].partition == kind {
		return kind
	}
	return ""
}

// isBroken says whether the walk can't begin; its streams have failed then.
func (w *walk) isBroken() bool {
	if w.broken != nil {
		w.fail(w.broken)
	}
	return w.broken != nil
}

// fail makes all streams of the walk fail where they are.
func (w *walk) fail(err error) {
	for _, f := range w.feeds {
		w.track.freeze(f)
		f.fail(err)
	}
}

// endList moves the position behind a listing. Behind the last one of a type of custom
// content it keeps the type's bookmark.
func (w *walk) endList(i int) {
	l := &w.lists[i]
	more := i+1 < len(w.lists) && w.lists[i+1].partition == l.partition && !w.lists[i+1].trash
	if w.incremental && !l.trash && more && w.track.high() == "" {
		// Nothing tells when this empty listing was read: what comes to be in it from now on
		// may be older than the newest row of the next one.
		w.track.setHigh(w.lowest(l))
	}
	if p := l.partition; p != "" && w.incremental && !more {
		for _, f := range w.own {
			w.run.ledger.update(f.name, func(e *state.Entry) { setPartition(e, p, f.stream.ReplicationKey, w.track.high()) })
		}
		w.track.setHigh("")
	}
	w.track.nextList(i + 1)
}

// readList reads one of the walk's listings, from where the state says.
func (w *walk) readList(ctx context.Context, i int) error {
	resume := state.Position{List: i}
	if i == w.before.List {
		resume = w.before
	}
	if w.listing.Offset {
		return w.readOffset(ctx, i)
	}
	err := w.read(ctx, i, resume)
	if w.lists[i].order == byChange && refusesSort(err) && w.unsort(ctx, i, err) {
		return w.read(ctx, i, state.Position{List: i})
	}
	if isCursor(err) && resume.Cursor != "" && resume.After != "" {
		w.run.log.Warn("the site refuses the old cursor; the listing is read from its start, without what is done",
			"listing", w.listing.Name, "after", resume.After)
		resume.Cursor, resume.Next = "", false
		w.track.restart(resume)
		err = w.read(ctx, i, resume)
	}
	if errors.Is(err, errDisorder) || isCursor(err) && resume.Cursor != "" {
		w.run.log.Warn("the listing can't go on where it was and starts again; rows may come twice",
			"listing", w.listing.Name, "error", err)
		w.track.restart(state.Position{Walk: newName(), For: w.before.For, List: i, High: w.highOf(i)})
		return w.read(ctx, i, state.Position{List: i})
	}
	return err
}

// lowest is the oldest bookmark that any of the walk's streams has in a listing.
func (w *walk) lowest(l *list) string {
	low := ""
	for _, f := range w.feeds {
		low = earlier(low, timestamp.Format(w.bookmarkOf(f, l)))
	}
	return low
}

// highOf keeps a batch's high when a listing starts again: the lists before it count.
func (w *walk) highOf(i int) string {
	if i == 0 || w.lists[i].partition != w.lists[i-1].partition {
		return ""
	}
	return w.track.high()
}

// read reads a listing from a position: pages one after another, what hangs on their rows
// beside them.
func (w *walk) read(ctx context.Context, i int, from state.Position) error {
	r := newReading(w, i, from)
	pager := w.run.Client.Pager(r.list.request, min(w.run.Config.PageSize, w.listing.MaxLimit))
	pages := make(chan *client.Page)
	var rows sync.WaitGroup
	g, group := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(pages)
		for cursor := from.Cursor; ; {
			w.countRequest()
			p, err := pager.Page(group, cursor)
			if err != nil {
				return err
			}
			if !r.list.trash {
				w.pagesRead++
			}
			w.answered = r.list.partition
			if r.since != nil && r.asOf == 0 {
				r.asOf = w.run.ticks.Add(1)
			}
			last := p.Next == "" || r.reachesEnd(p)
			cursor = p.Next
			select {
			case pages <- p:
			case <-group.Done():
				return context.Cause(group)
			}
			if last {
				return nil
			}
		}
	})
	g.Go(func() error {
		defer rows.Wait()
		for p := range pages {
			if err := w.track.waitPages(group, window-1); err != nil {
				return err
			}
			if err := r.page(group, p, &rows); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// readOffset reads a listing that pages by offset. It keeps no position: it is done, or
// read again.
func (w *walk) readOffset(ctx context.Context, i int) error {
	key := func(row row) string {
		id, _ := row.Get("id").Text()
		return id
	}
	limit := min(w.run.Config.PageSize, w.listing.MaxLimit)
	n := 0
	err := w.run.Client.OffsetPages(ctx, w.lists[i].request, limit, key, func(rows []row) error {
		w.countRequest()
		n += len(rows)
		items := make([]item, 0, len(rows))
		for _, row := range rows {
			items = append(items, item{row: row})
		}
		for _, f := range w.own {
			if err := f.write(items, time.Time{}); err != nil {
				return err
			}
		}
		return w.run.ledger.checkpoint()
	})
	if err == nil {
		w.track.count(n)
	}
	return err
}

// countRequest counts a listing's request for the streams whose records it holds, or else
// for those that it feeds.
func (w *walk) countRequest() {
	if len(w.own) > 0 {
		w.own[0].requests.Add(1)
		return
	}
	w.feeds[0].requests.Add(1)
}

// isCursor says whether the site refused a cursor.
func isCursor(err error) bool {
	return client.KindOf(err) == client.KindCursor || client.KindOf(err) == client.KindBadRequest
}

// unknownType says whether the site does not know what was to be listed.
func unknownType(err error) bool {
	switch client.KindOf(err) {
	case client.KindBadRequest, client.KindNotFound:
		return true
	}
	var e *client.Error
	return errors.As(err, &e) && e.Status == 501
}

// endsRun says whether an error concerns the whole run: the site, stdout, or a stop.
func endsRun(ctx context.Context, err error) bool {
	k := client.KindOf(err)
	return context.Cause(ctx) != nil || k.SiteWide() || k == client.KindRateLimit || k == client.KindStopped
}
