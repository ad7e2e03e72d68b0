package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// This file audits shortcuts on the site that is read: it reads a few parents both by the shortcut and
// the plain way. If the records differ, the stream is planned again without shortcuts, now and in later
// runs.
//
// If all records of a parent come at one time, the audit picks parents during the walk and compares
// them at once (in passing). If they lie anywhere in the listing, it reads some parents the plain way
// before the walk, collects the records that the walk writes of them, and compares at its end (around:
// see around.go).

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
	return &env{walk: w, collect: func(r *reading, items []method.Item) error {
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
