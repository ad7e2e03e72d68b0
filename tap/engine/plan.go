package engine

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// pass is what decides which streams share a walk: the listing, the mode, and the walk that
// an earlier run left.
type pass struct {
	listing     *stream.Listing
	incremental bool
	walk        string
}

// plan decides which walks a run makes and which streams each of them feeds. It is the one
// place where routes are chosen.
func (r *Run) plan(ctx context.Context) ([]*walk, error) {
	var feeds []*feed
	goesOn := r.goesOn()
	for _, f := range r.order {
		e := r.ledger.entry(f.name)
		if goesOn && r.isDone(f, &e) {
			r.log.Info("stream was finished before the interruption", "stream", f.name)
			f.skip = true
			continue
		}
		r.prepare(ctx, f, &e)
		feeds = append(feeds, f)
	}
	listings, err := r.listingsFor(ctx, feeds)
	if err != nil {
		return nil, err
	}
	groups := map[pass][]*feed{}
	for i, f := range feeds {
		p := pass{listing: listings[i], incremental: f.sel.Incremental && listings[i] == f.stream.Listing}
		if e := r.ledger.entry(f.name); e.At != nil {
			p.walk = e.At.Walk
		}
		groups[p] = append(groups[p], f)
	}
	if err := r.dropStale(ctx, groups); err != nil {
		return nil, err
	}
	r.rejoin(groups)
	var walks []*walk
	for _, l := range append(slices.Clone(stream.Listings), stream.Labels) {
		for _, p := range passesOf(groups, l) {
			w, err := r.newWalk(ctx, p, groups[p])
			if err != nil {
				return nil, err
			}
			walks = append(walks, w)
		}
	}
	return walks, nil
}

// goesOn says whether anything is left of the sync that the state is of: a full read, or in an
// open Singer state an incremental one. If not, that sync is over and this is another one: some
// clients give every sync the same id.
func (r *Run) goesOn() bool {
	return slices.ContainsFunc(r.order, func(f *feed) bool {
		if f.sel.Incremental {
			return r.Resumable
		}
		e := r.ledger.entry(f.name)
		return !r.isDone(f, &e)
	})
}

// isDone says whether a stream's full read was finished by the run that this one goes on
// with.
func (r *Run) isDone(f *feed, e *state.Entry) bool {
	if f.sel.Incremental || e.Done == nil {
		return false
	}
	return r.Resumable || e.Done.Equal(f.sel.SyncID)
}

// prepare reads from a stream's entry what its reading needs.
func (r *Run) prepare(ctx context.Context, f *feed, e *state.Entry) {
	f.plain = e.Plain
	if f.sel.Incremental {
		f.bookmark = timeOf(e.ReplicationKeyValue)
		if f.bookmark.IsZero() {
			f.bookmark = r.anchor
			if len(e.Partitions) == 0 {
				f.fresh = true
				r.tellAnchor(ctx, f)
			}
		}
		f.from = f.bookmark
		if e.Since != "" && timeOf(e.Since).Before(f.from) {
			f.from = timeOf(e.Since)
		}
		scope := r.scope(f.stream.Listing)
		if e.ReplicationKeyValue != "" && e.Scope != scope {
			r.log.Warn("the spaces or statuses that are read are not those of the run before: what they add comes only as it changes from the bookmark on; "+
				"to have all of it, read the stream once in full, or take its bookmark out of the state", "stream", f.name)
		}
		r.ledger.update(f.name, func(e *state.Entry) {
			e.Done, e.Scope = nil, scope
			e.ReplicationKey = f.stream.ReplicationKey
			e.ReplicationKeyValue = timestamp.Format(f.bookmark)
		})
		return
	}
	if r.Config.EmitActivateVersion {
		f.version = e.Version
		if e.At == nil || f.version == 0 {
			f.version = r.Now().UnixMilli()
		}
	}
	r.ledger.update(f.name, func(e *state.Entry) { e.Done, e.Version = nil, f.version })
}

// tellAnchor says from when on a stream without a bookmark is read: a default that nobody
// chose is worth a warning, since everything before it stays away.
func (r *Run) tellAnchor(ctx context.Context, f *feed) {
	level := slog.LevelInfo
	if r.Config.AnchorDate.IsZero() {
		level = slog.LevelWarn
	}
	r.log.Log(ctx, level, "stream has no bookmark yet: it is read from the anchor date on; set anchor_date to read from another day on",
		"stream", f.name, "anchor_date", timestamp.Format(r.anchor))
}

// listingsFor chooses the listing that each stream is read with. What has to be counted for
// that is counted at once: nothing else is asked meanwhile.
func (r *Run) listingsFor(ctx context.Context, feeds []*feed) ([]*stream.Listing, error) {
	listings := make([]*stream.Listing, len(feeds))
	g, ctx := errgroup.WithContext(ctx)
	for i, f := range feeds {
		g.Go(func() (err error) {
			listings[i], err = r.listingFor(ctx, f)
			return err
		})
	}
	return listings, g.Wait()
}

// listingFor chooses the listing that a stream is read with.
func (r *Run) listingFor(ctx context.Context, f *feed) (*stream.Listing, error) {
	if f.byParent() {
		return f.stream.Parent, nil
	}
	if f.stream.Parent != nil && f.stream.Parent != f.stream.Listing && !f.sel.Incremental {
		narrow, err := r.cheaperByOwner(ctx, f.stream.Listing)
		if narrow {
			f.narrow = true
			return f.stream.Parent, nil
		}
		return f.stream.Listing, err
	}
	byLabel, err := r.byLabel(ctx, f)
	if byLabel {
		return stream.Labels, nil
	}
	return f.stream.Listing, err
}

// byParent says whether a stream whose rows have a listing of their own is read parent by
// parent instead.
func (f *feed) byParent() bool {
	return (f.plain || f.narrow) && f.stream.Parent != nil && f.stream.Parent != f.stream.Listing
}

// dropStale makes streams start over whose position is of another listing: the settings or
// the table changed since.
func (r *Run) dropStale(ctx context.Context, groups map[pass][]*feed) error {
	for p, feeds := range groups {
		if p.walk == "" {
			continue
		}
		lists, err := r.scopedLists(ctx, p, feeds)
		if concernsListing(ctx, p.listing, err) {
			continue // its walk fails with this, and the position stays
		}
		if err != nil {
			return err
		}
		if at := r.smallest(feeds); at.For == r.hash(p.listing, p.incremental, lists) && at.List <= len(lists) {
			continue
		}
		r.log.Warn("the listing is not the one that the interrupted sync was in (settings, the selection, or what the site can do changed): it starts over",
			"listing", p.listing.Name)
		for _, f := range feeds {
			r.ledger.update(f.name, func(e *state.Entry) { e.At = nil })
			f.newVersion()
		}
		delete(groups, p)
		p.walk = ""
		groups[p] = append(groups[p], feeds...)
	}
	return nil
}

// passesOf returns the passes over one listing: those that begin first, then those that go
// on, in a stable order.
func passesOf(groups map[pass][]*feed, l *stream.Listing) []pass {
	var passes []pass
	for p := range groups {
		if p.listing == l {
			passes = append(passes, p)
		}
	}
	slices.SortFunc(passes, func(a, b pass) int {
		return cmp.Or(strings.Compare(strconv.FormatBool(a.incremental), strconv.FormatBool(b.incremental)), strings.Compare(a.walk, b.walk))
	})
	return passes
}

// newWalk makes the walk of one group of streams.
func (r *Run) newWalk(ctx context.Context, p pass, feeds []*feed) (*walk, error) {
	lists, err := r.scopedLists(ctx, p, feeds)
	if err != nil && !concernsListing(ctx, p.listing, err) {
		return nil, err
	}
	from := state.Position{Walk: newName(), For: r.hash(p.listing, p.incremental, lists)}
	if p.walk != "" {
		// A run's positions compare only with each other: each reads the page that it goes
		// on in once more, and counts some of its rows again.
		from = r.smallest(feeds)
		from.Walk = newName()
	}
	w := &walk{
		run: r, listing: p.listing, incremental: p.incremental, lists: lists,
		before: from, resumed: p.walk != "", track: newTrack(from), broken: err, answered: answeredBefore(lists, from),
	}
	w.take(feeds)
	if !p.incremental {
		w.together = newSampler(r.random.of(p.listing.Name+" combined read"), r.Config.AuditSamples)
		w.together.skip(from.N)
	}
	if slices.ContainsFunc(feeds, w.audits) {
		w.first = newSampler(r.random.of(p.listing.Name+" first version"), r.Config.AuditSamples)
		w.first.skip(from.N)
	}
	r.log.Debug("planned a walk", "listing", p.listing.Name, "incremental", p.incremental, "streams", w.names(),
		"listings", len(lists), "resumed_at", from.N, "why", w.why())
	return w, nil
}

// concernsListing says whether what can't be planned is one listing only: the types of its
// rows could not be found out.
func concernsListing(ctx context.Context, l *stream.Listing, err error) bool {
	return err != nil && l.Typed && !endsRun(ctx, err)
}

// smallest returns the position of the stream that is furthest behind.
func (r *Run) smallest(feeds []*feed) state.Position {
	var at state.Position
	for i, f := range feeds {
		if e := r.ledger.entry(f.name); i == 0 || e.At.N < at.N {
			at = *e.At
		}
	}
	return at
}

// scopedLists returns a pass's listings, narrowed to the spaces of the run.
func (r *Run) scopedLists(ctx context.Context, p pass, feeds []*feed) ([]list, error) {
	how := listing{incremental: p.incremental, statuses: r.Config.PageStatus, spaces: r.spaces.included}
	emits := false
	for _, f := range feeds {
		how.body = how.body || f.emitsBody() && f.stream.Listing == p.listing
		emits = emits || f.stream.Parent != p.listing
	}
	if !emits {
		// Parents in the trash have no children to read.
		how.statuses = slices.DeleteFunc(slices.Clone(how.statuses), func(s string) bool { return s == stream.Trashed || s == stream.Deleted })
	}
	lists, err := r.listsOf(ctx, p.listing, how)
	if err != nil {
		return nil, fmt.Errorf("planning %s: %w", p.listing.Name, err)
	}
	filtered := p.listing.SpaceParam != "" && len(r.spaces.excluded) == 0
	if len(p.listing.Owners) == 0 || !r.spaces.narrowed() || filtered {
		return lists, nil
	}
	// Comments are read by owner as children, with their replies.
	if searchKinds[p.listing] != "" && !p.incremental {
		narrow, err := r.cheaperByOwner(ctx, p.listing)
		if err != nil {
			return nil, err
		}
		if narrow {
			owned, err := r.readOwners(ctx, 0)
			if err != nil {
				return nil, err
			}
			return owned.byOwner(p.listing, lists), nil
		}
	}
	for i := range lists {
		lists[i].keep = r.keepOwner(p.listing, lists[i].trash)
	}
	return lists, nil
}

// take adds streams to a walk.
func (w *walk) take(feeds []*feed) {
	w.feeds = append(w.feeds, feeds...)
	for _, f := range feeds {
		if f.stream.Parent == w.listing || w.listing == stream.Labels {
			w.children = append(w.children, f)
		} else {
			w.own = append(w.own, f)
		}
	}
}

// names lists the walk's streams.
func (w *walk) names() []string {
	names := make([]string, len(w.feeds))
	for i, f := range w.feeds {
		names[i] = f.name
	}
	return names
}

// why says for people how the walk gets each stream's records.
func (w *walk) why() string {
	var together, alone, derived int
	for _, f := range w.children {
		switch {
		case f.plain, w.listing == stream.Labels:
			alone++
		case f.stream.Derive == stream.ChildOf:
			derived++
		case f.stream.Include != "" && !w.incremental:
			together++
		default:
			alone++
		}
	}
	if together == 1 {
		together, alone = 0, alone+1
	}
	return fmt.Sprintf("%d from the listing's rows, %d by one combined read per parent, %d by a list per parent",
		len(w.own)+derived, together, alone)
}
