package engine

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/tap-confluence/tap-confluence/tap/method"
)

// batches puts parents together that one request asks about.
func (w *walk) batches(queue []*parent) [][]*parent {
	size := 1
	if r := w.many(); r != nil {
		size = method.Of(r.requests).Batch
	}
	return slices.Collect(slices.Chunk(queue, size))
}

// many returns the stream that is read for many parents with one request, nil if there is none. It
// is then the only one of its walk that asks for anything.
func (w *walk) many() *reading {
	for _, r := range w.readings {
		if r.asks && method.Of(r.requests).Many != nil {
			return r
		}
	}
	return nil
}

// readBatch reads everything of some parents, and then finishes their rows. It reads one by one the
// parents that the request for all of them does not show in full.
func (w *walk) readBatch(ctx context.Context, batch []*parent) {
	r := w.many()
	if r == nil {
		w.readParent(ctx, batch[0])
		return
	}
	if !r.distrusted.Load() {
		for _, p := range batch {
			if err := w.auditInPassing(ctx, p.Parent, p.audited); err != nil {
				w.fail(ctx, err)
				return
			}
			p.audited = nil
		}
		var err error
		if batch, err = w.readMany(ctx, r, batch); err != nil {
			w.fail(ctx, err)
			return
		}
	}
	var g errgroup.Group
	g.SetLimit(w.Config.Concurrency)
	for _, p := range batch {
		g.Go(func() error {
			w.readParent(ctx, p)
			return nil
		})
	}
	_ = g.Wait() // there are no errors
}

// fail ends the run, unless it is ending.
func (w *walk) fail(ctx context.Context, err error) {
	if ctx.Err() == nil {
		w.stop(err)
	}
}

// readMany reads some parents with one request, finishes those that it shows in full, and returns the
// others. If the site refuses the request, it returns all. The error interrupts the run.
func (w *walk) readMany(ctx context.Context, r *reading, batch []*parent) (left []*parent, err error) {
	parents := make([]*method.Parent, 0, len(batch))
	for _, p := range batch {
		if len(p.need) > 0 {
			parents = append(parents, p.Parent)
		}
	}
	if r.alone.Load() || len(parents) == 0 {
		return batch, nil
	}
	hidden, err := method.Of(r.requests).Many(ctx, &env{walk: w}, parents, r.Reader)
	if err != nil {
		if stop := w.interrupts(ctx, err); stop != nil {
			return nil, stop
		}
		w.report.warnOnce("many "+r.out.name, "the site refuses a request for many items; asking one by one",
			"stream", r.out.name, "error", err)
		r.alone.Store(isRefusal(err))
		return batch, nil
	}
	for _, p := range batch {
		if len(p.need) > 0 && !slices.Contains(hidden, p.Parent) {
			r.failures.succeeded()
			w.track.finish(p.unit)
			continue
		}
		left = append(left, p)
	}
	w.ledger.checkpoint()
	return left, nil
}
