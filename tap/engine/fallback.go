package engine

import (
	"context"
	"errors"
	"net/http"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// refusesSort says whether an error may mean that the site can't sort a listing by change.
func refusesSort(err error) bool {
	k := client.KindOf(err)
	return k == client.KindServer || k == client.KindBadRequest
}

// unsort makes an incremental listing one that is read in full and filtered, if that is
// what the site can do: it answers a row without the order of change, and none with it.
func (w *walk) unsort(ctx context.Context, i int, cause error) bool {
	l := &w.lists[i]
	sorted, plain := l.request, l.request
	plain.Query = query(nil)
	for _, q := range l.request.Query {
		if q[0] == "sort" {
			q[1] = sortOf(w.listing, false)
		}
		plain.Query = append(plain.Query, q)
	}
	if w.answers(ctx, sorted) || !w.answers(ctx, plain) {
		return false
	}
	w.run.log.Warn("the site can't list by change; the listing is read in full and filtered",
		"listing", w.listing.Name, "error", cause)
	l.request, l.order = plain, orderOf(w.listing, false)
	// An order of its own makes it a listing of its own: an old position doesn't count.
	w.track.restart(state.Position{Walk: newName(), For: w.run.hash(w.listing, true, w.lists), List: i, High: w.track.high()})
	return true
}

// answers says whether a listing gives a single row.
func (w *walk) answers(ctx context.Context, req client.Request) bool {
	w.countRequest()
	page, err := w.run.Client.Pager(req, 1).Page(ctx, "")
	if err != nil {
		return false
	}
	page.Release()
	return true
}

// refused says whether the site does not let this account list a route, or no longer has it.
func refused(err error) bool {
	var e *client.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Kind {
	case client.KindForbidden, client.KindNotFound, client.KindGone:
		return true
	}
	return e.Status == http.StatusNotImplemented
}

// canLeave says whether the walk's streams can be read parent by parent instead.
func (w *walk) canLeave() bool {
	for _, f := range w.feeds {
		if f.stream.Parent == nil || f.plain {
			return false
		}
	}
	return true
}

// leave takes a stream out of the walk, to be read by its plain route after it.
func (w *walk) leave(f *feed) {
	f.left.Store(true)
	w.run.ledger.update(f.name, func(e *state.Entry) { e.At = nil })
}

// readLeft reads the streams that left the walk, from their beginning and by their plain
// routes.
func (w *walk) readLeft(ctx context.Context) error {
	groups := map[*stream.Listing][]*feed{}
	for _, f := range w.feeds {
		if !f.left.Load() {
			continue
		}
		f.left.Store(false)
		f.plain = true
		f.newVersion()
		groups[f.stream.Parent] = append(groups[f.stream.Parent], f)
	}
	for l, feeds := range groups {
		p := pass{listing: l, incremental: w.incremental && l == w.listing}
		plain, err := w.run.newWalk(ctx, p, feeds)
		if err != nil {
			return err
		}
		if err := plain.walk(ctx); err != nil {
			return err
		}
	}
	return nil
}
