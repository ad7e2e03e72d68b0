package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// This file audits shortcuts on the site that is read: it reads a few parents both by the shortcut and
// the plain way. If the records differ, the stream is planned again without shortcuts, now and in later
// runs.
//
// If all records of a parent come at one time, the audit picks parents during the walk and compares
// them at once (in passing). If they lie anywhere in the listing, it reads some parents the plain way
// before the walk, collects the records that the walk writes of them, and compares at its end (around).

// shortcut returns the shortcut of a stream that is compared in one of two ways, if it has one.
func (r *reading) shortcut(how method.Audit) (method.Kind, bool) {
	for _, k := range r.Methods {
		if method.Of(k).Audit == how && r.Stream.Route != "" && !(k == method.Derived && r.Uses(method.PerParent)) {
			return k, true
		}
	}
	return 0, false
}

// auditName names a shortcut of a stream for the report.
func auditName(k method.Kind, r *reading) string { return k.String() + " (" + r.out.name + ")" }

// trial returns an environment that collects records by stream, and writes nothing.
func (w *walk) trial(into map[*reading]records, counts func(rawjson.Object) bool) *env {
	return &env{walk: w, trial: true, write: func(r *reading, items []method.Item) error {
		if into[r] == nil {
			into[r] = records{}
		}
		items = slices.DeleteFunc(r.wanted(items, ""), func(it method.Item) bool { return !counts(it.Row) })
		return r.out.collect(into[r], items)
	}}
}

// every says of each row that it counts.
func every(rawjson.Object) bool { return true }

// plainRecords reads the records that one parent has of a stream the plain way, of rows that count.
// Its errors are those of comparable.
func (w *walk) plainRecords(ctx context.Context, r *reading, p *method.Parent, counts func(rawjson.Object) bool) (records, error) {
	got := map[*reading]records{r: {}}
	err := method.ReadPlain(ctx, w.trial(got, counts), p, r.Reader)
	return got[r], w.comparable(ctx, err)
}

// uncomparable says that a shortcut can't be compared on a parent.
type uncomparable struct{ cause error }

// Error tells why.
func (e *uncomparable) Error() string { return e.cause.Error() }

// Unwrap returns the cause.
func (e *uncomparable) Unwrap() error { return e.cause }

// comparable sorts the error of a read that an audit made. It returns method.ErrNothingToCompare, also
// if the parent is gone, *uncomparable for what can't be read, or the error that interrupts the run.
func (w *walk) comparable(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, method.ErrNothingToCompare) {
		return err
	}
	if _, gone := errors.AsType[method.GoneError](err); gone {
		return method.ErrNothingToCompare
	}
	if stop := w.interrupts(ctx, err); stop != nil {
		return stop
	}
	return &uncomparable{err}
}

// conclude notes the result of a comparison. The error interrupts the run.
func (w *walk) conclude(k method.Kind, r *reading, parent, difference string, err error) error {
	if errors.Is(err, method.ErrNothingToCompare) {
		return nil
	}
	if cause, ok := errors.AsType[*uncomparable](err); ok {
		w.report.warnOnce("uncompared "+auditName(k, r), "a shortcut can't be compared with the plain way",
			"stream", r.out.name, "shortcut", k.String(), "parent", parent, "error", cause.cause)
		return nil
	}
	if err != nil {
		return err
	}
	w.report.audit(auditName(k, r), difference == "")
	if difference != "" && !r.distrusted.Swap(true) {
		w.ledger.change(r.out.name, func(s *state.State) { s.Distrust(r.out.name) })
		w.log.Warn("a shortcut differs from the plain way; the stream starts over, and rows repeat",
			"stream", r.out.name, "shortcut", k.String(), "parent", parent, "difference", difference)
	}
	return nil
}

// pick returns what is compared on the parent of a row.
func (a *passing) pick(w *walk, row rawjson.Object, status string, last bool) []auditee {
	var picked []auditee
	taken := map[method.Kind]bool{}
	for _, r := range w.readings {
		k, ok := r.shortcut(method.InPassing)
		if !ok || !r.Audited || r.distrusted.Load() || !r.takes(status) {
			continue
		}
		one := auditee{r: r, kind: k}
		it, has, _ := r.fromRow(row)
		if !has {
			if !r.asks || method.Of(r.requests).Again == nil {
				continue
			}
			one.kind = r.requests
		}
		take, asked := taken[one.kind]
		if !asked {
			take = a.samplers[one.kind].take(status) || last
			taken[one.kind] = take
		}
		if !take {
			continue
		}
		if has {
			one.row = records{}
			if r.out.collect(one.row, []method.Item{it}) != nil {
				continue // where it is written, that is a failure
			}
		}
		picked = append(picked, one)
	}
	return picked
}

// auditInPassing compares shortcuts on one parent.
func (w *walk) auditInPassing(ctx context.Context, p *method.Parent, audited []auditee) error {
	for _, a := range audited {
		difference, err := w.compare(ctx, p, a)
		if err := w.conclude(a.kind, a.r, p.ID, difference, err); err != nil {
			return err
		}
	}
	return nil
}

// compare compares one shortcut on one parent. After a difference both are read again: what
// changed meanwhile is none.
func (w *walk) compare(ctx context.Context, p *method.Parent, a auditee) (difference string, err error) {
	var shortcut, plain [2]records
	for i := range shortcut {
		if shortcut[i] = a.row; i > 0 || method.Of(a.kind).FromRow == nil {
			if shortcut[i], err = w.shortcutRecords(ctx, p, a); err != nil {
				return "", err
			}
		}
		if plain[i], err = w.plainRecords(ctx, a.r, p, every); err != nil {
			return "", err
		}
		if lacks(shortcut[i], plain[i]) == "" && adds(shortcut[i:i+1], plain[i:i+1]) == "" {
			return "", nil
		}
	}
	// Only what both plain reads have alike was there when the shortcut was read between them.
	if difference = lacks(shortcut[1], alike(plain[0], plain[1])); difference != "" {
		return difference, nil
	}
	if difference = adds(shortcut[:], plain[:]); difference == "" {
		return "", nil
	}
	// What was just put into the trash may show its rows in one way only.
	gone, err := w.site.Gone(ctx, p.Item, a.r.ParentStatuses())
	if gone {
		err = method.ErrNothingToCompare
	}
	return difference, w.comparable(ctx, err)
}

// shortcutRecords reads what a shortcut gives of one parent. A combined read is made with all
// streams that share it.
func (w *walk) shortcutRecords(ctx context.Context, p *method.Parent, a auditee) (records, error) {
	readers := []*method.Reader{a.r.Reader}
	if method.Of(a.kind).FromRow == nil {
		readers = nil
		for _, r := range w.readings {
			if r.requests == a.kind && r.asks {
				readers = append(readers, r.Reader)
			}
		}
	}
	got := map[*reading]records{a.r: {}}
	err := method.Of(a.kind).Again(ctx, w.trial(got, every), p, readers)
	return got[a.r], w.comparable(ctx, err)
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
	w.sampling.Store(true)
	defer w.sampling.Store(false)
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

// newPassing draws the sample of each method that is compared in passing.
func (w *walk) newPassing() *passing {
	p := &passing{map[method.Kind]*sampler{}}
	for k, m := range method.Table() {
		if kind := method.Kind(k); m.Audit == method.InPassing {
			p.samplers[kind] = newSampler(w.random.of(w.plan.Listing.Name+" "+kind.String()), w.Config.AuditSamples)
		}
	}
	return p
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
