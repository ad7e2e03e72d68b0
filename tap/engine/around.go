package engine

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// This file begins and ends the audits of a walk, and holds those that go around it.

// beginAudits prepares the audits of a walk: it reads the samples of those that go around it.
func (w *walk) beginAudits(ctx context.Context) error {
	if w.Config.AuditSamples <= 0 {
		return nil
	}
	w.passing = w.newPassing()
	audits := w.arounds()
	if len(audits) == 0 {
		return nil
	}
	ahead, err := w.ahead(ctx)
	if err != nil {
		return err
	}
	g, group := errgroup.WithContext(ctx)
	for _, a := range audits {
		g.Go(func() error { return a.begin(group, ahead) })
	}
	err = g.Wait()
	for _, a := range audits {
		if len(a.parents) > 0 {
			w.around = append(w.around, a)
			a.r.out.observe(a)
		}
	}
	return err
}

// arounds are the audits that go around the walk.
func (w *walk) arounds() []*around {
	var audits []*around
	for _, r := range w.readings {
		if k, ok := r.shortcut(method.Around); ok && r.Audited {
			audits = append(audits, &around{walk: w, kind: k, r: r, plain: map[string]records{}, seen: map[string]records{}})
		}
	}
	return audits
}

// begin reads the sample plainly, several parents at once: the walk waits for it. Only rows that
// the walk has yet to bring are compared.
func (a *around) begin(ctx context.Context, ahead ahead) error {
	parents, err := a.sample(ctx)
	if err != nil {
		err = a.walk.comparable(ctx, err)
		return a.walk.conclude(a.kind, a.r, "", "", err)
	}
	plain := make([]records, len(parents))
	g, group := errgroup.WithContext(ctx)
	g.SetLimit(a.walk.Config.Concurrency)
	for i, p := range parents {
		g.Go(func() (err error) {
			if plain[i], err = a.walk.plainRecords(group, a.r, p, ahead.has); err != nil {
				plain[i] = nil
			}
			return a.concludeError(p.ID, err)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, p := range parents {
		if plain[i] != nil && (len(plain[i]) > 0 || ahead.everything()) {
			a.parents = append(a.parents, p)
			a.plain[p.ID], a.seen[p.ID] = plain[i], records{}
		}
	}
	return nil
}

// concludeError tells what kept a parent from being compared.
func (a *around) concludeError(parent string, err error) error {
	if err == nil {
		return nil
	}
	return a.walk.conclude(a.kind, a.r, parent, "", err)
}

// sample draws parents from both ends of their listing and of each status, and as many again that
// are known to have rows, since most parents have none.
func (a *around) sample(ctx context.Context) ([]*method.Parent, error) {
	w, samples := a.walk, a.walk.Config.AuditSamples
	random := w.random.of(a.kind.String() + " " + a.r.out.name)
	ends, err := w.site.Ends(ctx, a.r.Stream.Parent, w.facts.Spaces)
	if err != nil {
		return nil, err
	}
	var parents []*method.Parent
	for i, rows := range ends {
		var end []*method.Parent
		for _, row := range rows {
			p, err := method.ParentOf(a.r.Stream.Parent, row.Object)
			if err == nil && a.r.takes(p.Status) {
				end = append(end, p)
			}
		}
		n := (samples + i) / len(ends)
		if len(end) > 0 && end[0].Status != "" && end[0].Status != stream.Current {
			n = max(n, samples/2) // a shortcut most likely lacks items that are not current
		}
		parents = append(parents, choose(random, end, n)...)
	}
	busy, err := a.busy(ctx)
	if err != nil {
		return nil, err
	}
	parents = append(parents, choose(random, busy, samples)...)
	slices.SortFunc(parents, func(x, y *method.Parent) int { return site.CompareIDs(x.ID, y.ID) })
	return slices.CompactFunc(parents, func(x, y *method.Parent) bool { return x.ID == y.ID }), nil
}

// busyMost bounds the rows that a busy parent has at the ends of a listing: the plain way takes a
// request per comment.
const busyMost = 5

// busy returns parents that rows at the ends of the stream's listing name.
func (a *around) busy(ctx context.Context) ([]*method.Parent, error) {
	ends, err := a.walk.site.Ends(ctx, a.r.Stream.Listing, a.walk.facts.Spaces)
	if err != nil {
		return nil, err
	}
	count := map[string]int{}
	for _, rows := range ends {
		for _, row := range rows {
			if it, has, _ := a.r.fromRow(row.Object); has {
				id := it.Row.Get(a.r.Stream.ParentField).AsText()
				count[id]++
			}
		}
	}
	var parents []*method.Parent
	for id, n := range count {
		if n <= busyMost && id != "" {
			parents = append(parents, &method.Parent{Item: site.Item{Listing: a.r.Stream.Parent, ID: id}})
		}
	}
	slices.SortFunc(parents, func(x, y *method.Parent) int { return site.CompareIDs(x.ID, y.ID) })
	return parents, nil
}

// wrote keeps a record if its parent is watched.
func (a *around) wrote(out *output, it method.Item) {
	id := it.From.ParentID
	if id == "" {
		id = it.Row.Get(a.r.Stream.ParentField).AsText()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if seen, watched := a.seen[id]; watched {
		// A row that makes no record is refused where it is written.
		if key, text, err := out.keyed(it); err == nil {
			seen[key] = text
		}
	}
}

// endAudits compares what the walk wrote of the watched parents with what was read plainly
// before it. A walk that broke off has not written everything.
func (w *walk) endAudits(ctx context.Context) error {
	if !w.over {
		return nil
	}
	for _, a := range w.around {
		for _, p := range a.parents {
			difference, err := a.compare(ctx, p)
			if err := w.conclude(a.kind, a.r, p.ID, difference, err); err != nil {
				return fmt.Errorf("comparing %s: %w", auditName(a.kind, a.r), err)
			}
		}
	}
	return nil
}

// compare compares what was written of one parent with the plain reads before and after: only what
// both have alike was there all the while. Rows that neither has prove nothing, since they may have
// come and gone in between.
func (a *around) compare(ctx context.Context, p *method.Parent) (string, error) {
	a.mu.Lock()
	seen := a.seen[p.ID]
	a.mu.Unlock()
	if lacks(seen, a.plain[p.ID]) == "" {
		return "", nil
	}
	plain, err := a.walk.plainRecords(ctx, a.r, p, every)
	if err != nil {
		return "", err
	}
	return lacks(seen, alike(a.plain[p.ID], plain)), nil
}
