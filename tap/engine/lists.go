package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// replan ends a walk: its streams are planned again, with what was learned of the listing.
type replan struct {
	why   string
	learn func(*site.Learned)
	cause error
}

// Error says why.
func (r *replan) Error() string { return r.why }

// readAll reads all lists. It returns the streams that have to be planned again, and what was
// learned; the error ends the run.
func (w *walk) readAll(ctx context.Context) (again []*reading, learn func(*site.Learned), err error) {
	if err := w.ledger.follow(w, w.readings); err != nil {
		return nil, nil, err
	}
	if err := w.beginAudits(ctx); err != nil {
		return nil, nil, err
	}
	err = w.readLists(ctx)
	if changed, ok := errors.AsType[*replan](err); ok {
		w.log.Warn(changed.why, "listing", w.plan.Listing.Name, "error", changed.cause)
		again, learn = w.readings, changed.learn
	} else if err != nil {
		return nil, nil, err
	}
	if err := w.endAudits(ctx); err != nil {
		return nil, nil, err
	}
	w.forgive()
	for _, r := range w.readings {
		if r.distrusted.Load() && !slices.Contains(again, r) {
			again = append(again, r)
		}
	}
	for _, r := range again {
		r.out.startOver()
		w.ledger.change(r.out.name, func(s *state.State) { s.Restart(r.out.name) })
	}
	return again, learn, w.ledger.leave(w, w.endings(again))
}

// endings are the streams that end with the walk: all but those that are planned again.
func (w *walk) endings(again []*reading) []*ending {
	var ended []*ending
	for _, r := range w.readings {
		if slices.Contains(again, r) {
			continue
		}
		ended = append(ended, &ending{
			reading: r, over: w.over, typed: w.plan.Listing.Typed, whole: !w.plan.Resumed() && !w.partial,
			audited: r.Audited && !w.plan.Resumed(), // no audit has watched the rows of an earlier run
		})
	}
	return ended
}

// readLists reads the walk's lists one after another. If the list of one type of custom content fails,
// the other types are still read.
func (w *walk) readLists(ctx context.Context) error {
	failures := w.failed() // before the type of custom content that is being read
	held := w.failedType()
	for i := w.plan.From.List; i < len(w.plan.Lists); i++ {
		l := &w.plan.Lists[i]
		if w.plan.Incremental && i != w.plan.From.List && w.startsType(i) {
			failures = w.failed()
			for _, r := range w.readings {
				r.beginType()
			}
		}
		if err := w.readList(ctx, i); err != nil {
			skip, err := w.decide(ctx, i, err)
			if err != nil {
				return err
			}
			if skip {
				i = w.lastOfType(i)
			} else if l.Type == "" {
				return nil
			}
		} else if w.typeIsWhole(i, failures, held) {
			for _, r := range w.readings {
				r.typeEnded(l.Type, w.Config.LookbackWindow)
			}
		}
		w.track.moveTo(plan.Place{List: i + 1})
	}
	w.over = true
	return nil
}

// failedType returns the type of custom content whose reading may have failed in an earlier run of
// the sync, so that its bookmark stays; empty for none.
func (w *walk) failedType() string {
	if !slices.ContainsFunc(w.readings, func(r *reading) bool { return r.earlier }) {
		return ""
	}
	return w.plan.Lists[w.plan.From.List].Type
}

// typeIsWhole reports whether list i completes a type of custom content whose bookmark may move: nothing
// of it failed. The walk had so many failures before the type; held is one that failed in an earlier run.
func (w *walk) typeIsWhole(i, failures int, held string) bool {
	kind := w.plan.Lists[i].Type
	return w.plan.Incremental && kind != "" && kind != held && w.lastOfType(i) == i && w.failed() == failures
}

// startsType reports whether a list is the first of its type of custom content.
func (w *walk) startsType(i int) bool {
	return w.plan.Lists[i].Type != "" && (i == 0 || w.plan.Lists[i-1].Type != w.plan.Lists[i].Type)
}

// lastOfType returns the last list of a list's type.
func (w *walk) lastOfType(i int) int {
	for i+1 < len(w.plan.Lists) && w.plan.Lists[i+1].Type == w.plan.Lists[i].Type {
		i++
	}
	return i
}

// decide decides how the walk continues when a list can't be read. It skips a type that the site does
// not know, or returns *replan to plan the streams again, or any other error to end the run. Otherwise
// the list's streams have failed.
func (w *walk) decide(ctx context.Context, i int, cause error) (skip bool, err error) {
	l := &w.plan.Lists[i]
	if err := w.interrupts(ctx, cause); err != nil {
		return false, err
	}
	if l.Optional && w.answered != l && isRefusal(cause) && statusOf(cause) < 500 {
		w.log.Warn("the search is refused: only what rows name is read", "listing", w.plan.Listing.Name, "error", site.SearchError(cause))
		return true, nil
	}
	switch changed, err := w.other(ctx, l, cause); {
	case err != nil:
		return false, err
	case changed != nil:
		return false, changed
	}
	if unknown, err := w.unknownType(ctx, l, cause); unknown || err != nil {
		return unknown, err
	}
	if w.lacksRoles(cause) {
		return true, nil
	}
	name := w.plan.Listing.Name
	if needs := w.plan.Listing.Needs; needs != "" && isRefused(cause) {
		name += " (it needs " + needs + ")"
	}
	for _, r := range w.readings {
		r.failures.add(fmt.Errorf("listing %s: %w", name, cause))
	}
	return false, nil
}

// unknownType reports whether a list is refused because the site does not know its type of custom
// content, and notes that. The error interrupts the sync.
func (w *walk) unknownType(ctx context.Context, l *plan.List, cause error) (bool, error) {
	if l.Type == "" || w.answered != nil && w.answered.Type == l.Type || !isRefusal(cause) {
		return false, nil
	}
	unknown, err := w.site.UnknownType(ctx, l.Type)
	if err != nil {
		if err := w.interrupts(ctx, err); err != nil {
			return false, err
		}
	}
	if unknown {
		w.partial = true
		w.report.skip("type of custom content that the site does not know")
		w.log.Warn("skipping a type of custom content that the site does not know", "type", l.Type, "error", cause)
	}
	return unknown, nil
}

// lacksRoles reports whether a listing is refused because the site is from before space roles,
// as far as anybody can tell.
func (w *walk) lacksRoles(cause error) bool {
	for _, r := range w.readings {
		if !r.Stream.Roles {
			return false
		}
	}
	lacks := w.facts.Roles == site.RolesUntold && isRefused(cause)
	if lacks {
		w.report.warnOnce(plan.NoRoles, plan.NoRoles, "stream", w.readings[0].out.name, "error", cause)
	}
	return lacks
}

// forgive takes it that the site is from before space roles where it does not tell, and refuses
// those of every single space in the same way.
func (w *walk) forgive() {
	for _, r := range w.readings {
		if r.Stream.Roles && w.facts.Roles == site.RolesUntold && w.over {
			if cause := r.failures.forgive(isRefused); cause != nil {
				w.report.warnOnce(plan.NoRoles, plan.NoRoles, "stream", r.out.name, "error", cause)
			}
		}
	}
}

// other returns another way to read the walk's streams after an error, nil if there is none. The error
// interrupts the sync.
func (w *walk) other(ctx context.Context, l *plan.List, cause error) (changed *replan, err error) {
	known := w.facts.Learned[w.plan.Listing]
	kind := client.KindOf(cause)
	switch {
	case isCursor(cause) && known.Restarts == 0:
		return &replan{"the site refuses a cursor; the listing starts over, rows may come twice", func(k *site.Learned) { k.Restarts++ }, cause}, nil
	case errors.Is(cause, errDisorder) && known.Restarts == 0:
		return &replan{"the listing is out of order; it starts over, rows may come twice", func(k *site.Learned) { k.Restarts++ }, cause}, nil
	case w.hasParents() && !known.Refused && isRefused(cause):
		return &replan{"the site refuses the listing; its streams are read parent by parent", func(k *site.Learned) { k.Refused = true }, cause}, nil
	}
	_, inNoOrder := errors.AsType[*unsorted](cause)
	if l.Order == plan.ByChange && (kind == client.KindServer || kind == client.KindBadRequest) {
		if inNoOrder, err = w.takesOnly(ctx, l, stream.SortParam); err != nil {
			return nil, err
		}
	}
	if inNoOrder {
		return &replan{"the site can't list by change; the listing is read in full and filtered", func(k *site.Learned) { k.Unsorted = true }, cause}, nil
	}
	if kind == client.KindBadRequest && !known.Split {
		if only, err := w.takesOnly(ctx, l, stream.StatusParam); only || err != nil {
			return &replan{"the site takes one status a request; the trash is read apart", func(k *site.Learned) { k.Split = true }, cause}, err
		}
	}
	return nil, nil
}

// isRefused reports whether the site does not let this account list a route, or no longer has it.
func isRefused(err error) bool {
	switch client.KindOf(err) {
	case client.KindForbidden, client.KindNotFound, client.KindGone, client.KindVague:
		return true
	}
	return statusOf(err) == http.StatusNotImplemented
}

// takesOnly reports whether the site answers a list without a parameter, and does not with it.
// Of statuses the first one stays. The error is what interrupts the sync.
func (w *walk) takesOnly(ctx context.Context, l *plan.List, name string) (bool, error) {
	whole := l.Request.Without(stream.BodyParam) // a body that can't be read is another matter
	whole.Ahead = false
	bare := whole
	bare.Query = nil
	kept := false
	for _, q := range whole.Query {
		if q[0] == name && (name != stream.StatusParam || kept) {
			continue
		}
		kept = kept || q[0] == name
		bare.Query = append(bare.Query, q)
	}
	if len(bare.Query) == len(whole.Query) {
		return false, nil
	}
	if without, err := w.site.Answers(ctx, bare); !without || err != nil {
		return false, err
	}
	whole.Once = true // it has failed before, and the site has just answered
	with, err := w.site.Answers(ctx, whole)
	return !with && err == nil, err
}

// hasParents reports whether all of the walk's streams are site-wide lists of what can be read
// parent by parent.
func (w *walk) hasParents() bool {
	for _, r := range w.readings {
		if r.Stream.Route == "" || !r.Uses(method.OwnRow) {
			return false
		}
	}
	return true
}

// readList reads one of the walk's lists, from where its position is.
func (w *walk) readList(ctx context.Context, i int) error {
	l := &w.plan.Lists[i]
	var at state.Position
	if i == w.plan.From.List {
		at = w.plan.From.At
	}
	if w.plan.Listing.Offset {
		return w.readOffset(ctx, l)
	}
	err := w.read(ctx, i, at, false)
	if at.Cursor == "" || w.track.hasMoved(w.plan.From) || !isCursor(err) && client.KindOf(err) != client.KindBadRequest {
		return err
	}
	w.log.Warn("the site refuses an old cursor; reading from the start and skipping written rows",
		"listing", w.plan.Listing.Name, "key", at.Key)
	at.Cursor = ""
	return w.read(ctx, i, at, true)
}

// read reads a list from a position: pages one after another, what hangs on their rows beside
// them. It returns once all rows are finished.
func (w *walk) read(ctx context.Context, i int, from state.Position, search bool) error {
	r := newListReading(w, i, from, search)
	list := newPages(w.Client, w.plan.Listing, r.list.Request, w.plan.Listing.Limit(w.Config.PageSize), w.unreadable)
	if r.list.Order == plan.ByChange {
		list.pager.Doubt = func(ctx context.Context, cause error) error {
			only, err := w.takesOnly(ctx, r.list, stream.SortParam)
			if only {
				return &unsorted{cause.Error()}
			}
			return err
		}
	}
	queue := make(chan *client.Page)
	var parents sync.WaitGroup
	g, group := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(queue)
		return w.fetch(group, r, list, from.Cursor, queue)
	})
	g.Go(func() error {
		defer parents.Wait()
		for p := range queue {
			err := w.track.waitPages(group, window-1)
			if err == nil {
				err = r.page(group, p, &parents)
			}
			if p.Release(); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if r.skip.search && r.skip.after != "" {
		return errDisorder // no row reaches the position, so the dropped ones may have been new
	}
	r.sayEmptyTrash()
	return context.Cause(ctx)
}

// fetch asks for a list's pages, one ahead of those that are being read.
func (w *walk) fetch(ctx context.Context, r *listReading, list *pages, cursor string, queue chan<- *client.Page) error {
	for {
		w.countRequest()
		p, err := list.next(ctx, cursor)
		if err != nil {
			return err
		}
		w.answered = r.list
		last := p.Next == ""
		if !last && r.reachesEnd(p) {
			if last = r.old.sorted(); !last {
				p.Release()
				return &unsorted{"rows do not come with the newest change first"}
			}
		}
		cursor = p.Next
		select {
		case queue <- p:
		case <-ctx.Done():
			p.Release()
			return context.Cause(ctx)
		}
		if last {
			return nil
		}
	}
}

// sayEmptyTrash tells that the trash showed nothing, which need not mean that it is empty.
func (r *listReading) sayEmptyTrash() {
	asked := slices.ContainsFunc(r.list.Request.Query, func(q [2]string) bool {
		return q[0] == stream.StatusParam && (q[1] == stream.Trashed || q[1] == stream.Deleted)
	})
	if asked && !r.trash {
		r.walk.report.warnOnce("trash "+r.walk.plan.Listing.Name,
			"the trash shows nothing: it also looks empty without the permission manage/content on a space", "listing", r.walk.plan.Listing.Name)
	}
}
