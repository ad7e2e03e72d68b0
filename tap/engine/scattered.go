package engine

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// scattered is the audit of a shortcut whose rows of one parent lie anywhere in a listing:
// site-wide comments, lists by label, children told by their own rows. The sample is read
// by the plain route before the walk and compared at its end.
type scattered struct {
	walk    *walk
	name    string
	feed    *feed
	parents []*parent
	plain   map[string]records // by parent
	watch   *watch
}

// watch keeps the records of some parents as they are written.
type watch struct {
	mu      sync.Mutex
	parents map[string]records
}

// note keeps a record if its parent is watched. The caller is writing the feed.
func (w *watch) note(f *feed, it item) {
	id := it.from.ParentID
	if id == "" {
		id, _ = it.row.Get(f.stream.ParentField).Text()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, watched := w.parents[id]; !watched {
		return
	}
	// A row that makes no record is refused where it is written.
	if key, text, err := f.keyed(it); err == nil {
		w.parents[id][key] = text
	}
}

// shortcutOf names the scattered shortcut by which a walk reads a stream, empty for none.
func (w *walk) shortcutOf(f *feed) string {
	switch {
	case f.plain || f.stream.Parent == nil:
		return ""
	case w.listing == stream.Labels:
		return "lists by label"
	case f.stream.Listing == w.listing && f.stream.Parent != w.listing:
		return "site-wide list"
	case f.stream.Derive == stream.ChildOf:
		return "children told by their rows"
	}
	return ""
}

// audits says whether a stream's shortcuts are audited in this walk. Of incremental reads only
// the first is: the later ones do as it did.
func (w *walk) audits(f *feed) bool { return !w.incremental || f.fresh }

// audited names the scattered shortcut on which a stream is audited in this walk, empty for
// none.
func (w *walk) audited(f *feed) string {
	if !w.audits(f) {
		return ""
	}
	return w.shortcutOf(f)
}

// beginAudits reads the samples of the walk's scattered shortcuts by their plain routes. A
// walk that goes on from an earlier run has written rows that nobody watched: no audit.
func (w *walk) beginAudits(ctx context.Context) ([]*scattered, error) {
	samples := w.run.Config.AuditSamples
	if w.resumed || samples <= 0 {
		return nil, nil
	}
	if !slices.ContainsFunc(w.feeds, func(f *feed) bool { return w.audited(f) != "" }) {
		return nil, nil
	}
	// The walk counts as begun. A sample that an interruption took is not read again: a sync
	// that is always stopped early would never get beyond it.
	at := w.before
	for _, f := range w.feeds {
		w.run.ledger.update(f.name, func(e *state.Entry) { e.At = &at })
	}
	audits := make([]*scattered, len(w.feeds))
	g, group := errgroup.WithContext(ctx)
	for i, f := range w.feeds {
		name := w.audited(f)
		if name == "" {
			continue
		}
		g.Go(func() error {
			a := &scattered{walk: w, name: name, feed: f, plain: map[string]records{}, watch: &watch{parents: map[string]records{}}}
			if err := a.begin(group, samples); err != nil {
				if endsRun(group, err) {
					return err
				}
				w.uncompared(f, name, err)
				return nil
			}
			if len(a.parents) > 0 {
				f.watch.Store(a.watch)
				audits[i] = a
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(audits, func(a *scattered) bool { return a == nil }), nil
}

// begin reads the sample, several parents at once: the walk waits for it.
func (a *scattered) begin(ctx context.Context, samples int) error {
	parents, err := a.sample(ctx, samples)
	if err != nil {
		return err
	}
	plain := make([]records, len(parents))
	g, group := errgroup.WithContext(ctx)
	g.SetLimit(a.walk.run.Config.Concurrency)
	for i, p := range parents {
		g.Go(func() error {
			_, items, err := a.feed.plainRecords(group, p)
			if err != nil {
				return err
			}
			plain[i], err = a.feed.records(a.feed.sinceBookmark(items))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	a.parents = parents
	for i, p := range parents {
		a.plain[p.id] = plain[i]
		a.watch.parents[p.id] = records{}
	}
	return nil
}

// sample draws parents: of each status and from both ends of their listing, and for a
// site-wide list as many again that are known to have rows, since most parents have none.
func (a *scattered) sample(ctx context.Context, samples int) ([]*parent, error) {
	r := a.walk.run
	random := r.random.of(a.name + " " + a.feed.name)
	pools, err := r.pools(ctx, a.feed.stream.Parent)
	if err != nil {
		return nil, err
	}
	var parents []*parent
	for i, pool := range pools {
		n := (samples + i) / len(pools)
		if pool[0].status != "" && pool[0].status != stream.Current {
			n = max(n, samples/2) // what a shortcut leaves out is most likely what is not current
		}
		parents = append(parents, choose(random, pool, n)...)
	}
	busy, err := a.busyParents(ctx, pools)
	if err != nil {
		return nil, err
	}
	parents = append(parents, choose(random, busy, samples)...)
	slices.SortFunc(parents, func(x, y *parent) int { return compareIDs(x.id, y.id) })
	return slices.CompactFunc(parents, func(x, y *parent) bool { return x.id == y.id }), nil
}

// busyParents are parents that have rows, as both ends of the listing show.
func (a *scattered) busyParents(ctx context.Context, pools [][]*parent) ([]*parent, error) {
	const most = 5 // rows at the ends: the plain route makes a request per comment
	ids := map[string]int{}
	switch {
	case a.walk.listing == stream.Labels:
		return nil, nil // most parents have labels
	case a.feed.stream.Derive == stream.ChildOf:
		for _, pool := range pools {
			for _, p := range pool {
				ids[p.above]++
			}
		}
	default:
		l, keep := a.walk.listing, a.walk.lists[0].keep
		for _, sort := range []string{l.Sort, "-" + l.Sort} {
			req := client.Request{Path: stream.Path(l.Route, ""), Query: query{{"sort", sort}}, Scopes: l.Scopes}
			rows, err := a.walk.run.firstRows(ctx, req, 100)
			if err != nil {
				return nil, err
			}
			for _, row := range rows {
				in, err := keep.takes(ctx, row.Object, 0)
				if err != nil {
					return nil, err
				}
				if in {
					ids[row.owner(a.feed.stream.ParentField)]++
				}
			}
		}
	}
	delete(ids, "")
	var parents []*parent
	for id, n := range ids {
		if n <= most {
			parents = append(parents, &parent{id: id})
		}
	}
	slices.SortFunc(parents, func(x, y *parent) int { return compareIDs(x.id, y.id) })
	return parents, nil
}

// end compares what the walk wrote with the samples. Only what both plain reads have alike
// and the walk lacks is a difference: anything else changed meanwhile.
func (a *scattered) end(ctx context.Context) error {
	f, w := a.feed, a.walk
	f.watch.Store(nil)
	if f.left.Load() || f.err() != nil {
		return nil //nolint:nilerr // the stream's failure is told where it ends
	}
	for _, p := range a.parents {
		short := a.watch.parents[p.id]
		difference := lacks(short, a.plain[p.id])
		if difference != "" {
			again, _, err := f.plainRecords(ctx, p)
			if err != nil && endsRun(ctx, err) {
				return err
			}
			if err == nil { // a list that can't be read again excuses nothing
				difference = lacks(short, alike(a.plain[p.id], again))
			}
		}
		if difference != "" {
			in, err := a.inScope(ctx, p)
			if err != nil {
				return err
			}
			if !in {
				difference = "" // it left the scope meanwhile, and its rows with it
			}
		}
		if difference != "" {
			w.distrust(f, a.name, p.id, difference)
			return nil
		}
		w.run.audits.add(a.name+" ("+f.name+")", true)
	}
	return nil
}

// inScope says whether a parent is still there, with a status that is read. One that can't be
// asked for is. The error ends the run.
func (a *scattered) inScope(ctx context.Context, p *parent) (bool, error) {
	r, l := a.walk.run, a.feed.stream.Parent
	asked := []query{nil}
	if l.Body && slices.Contains(l.Statuses, stream.Archived) {
		asked = append(asked, query{{"status", stream.Archived}})
	}
	for _, q := range asked {
		doc, err := r.Client.Get(ctx, itemRequest(l, p.id, q))
		if err == nil {
			status, ok := doc.Get("status").Text()
			return !ok || slices.Contains(r.Config.PageStatus, status), nil
		}
		if client.KindOf(err) != client.KindNotFound {
			return true, fatal(ctx, err)
		}
	}
	return false, nil
}

// sinceBookmark leaves out what an incremental stream does not want.
func (f *feed) sinceBookmark(items []item) []item {
	since := f.since()
	return slices.DeleteFunc(items, func(it item) bool {
		t, err := changed(f.stream.ReplicationKey, it.row)
		return !since.IsZero() && err == nil && t.Before(since)
	})
}

// alike are the records that two reads have in common.
func alike(a, b records) records {
	out := records{}
	for key, record := range a {
		if other, ok := b[key]; ok && differs("", decode(record), decode(other)) == "" && differs("", decode(other), decode(record)) == "" {
			out[key] = record
		}
	}
	return out
}
