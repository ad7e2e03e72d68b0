package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/tap-confluence/tap-confluence/tap/method"
)

// parent is a row that needs further requests.
type parent struct {
	*method.Parent
	unit *unit
	// need are the streams that a request is made for.
	need []*reading
	// audited are the streams whose shortcuts are compared on this parent, with what the row
	// itself gave of them.
	audited []auditee
}

// readParent reads everything that hangs on one parent and then finishes its row. A row of a
// run that is interrupted stays unfinished.
func (w *walk) readParent(ctx context.Context, p *parent) {
	err := w.auditInPassing(ctx, p.Parent, p.audited)
	for _, kind := range w.asking {
		if readings := p.by(kind); err == nil && len(readings) > 0 {
			err = w.readBy(ctx, kind, p, readings)
		}
	}
	if gone, ok := errors.AsType[method.GoneError](err); ok {
		w.report.skip(gone.Item.Listing.Name + " that vanished between listing and reading")
		w.log.Warn("an item vanished between listing and reading", "listing", gone.Item.Listing.Name, "id", gone.Item.ID)
		err = nil
	}
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		w.stop(err)
		return
	}
	w.track.finish(p.unit)
	w.ledger.checkpoint()
}

// readBy reads some streams of one parent by one method. What can't be read is a failure of its
// stream; the error is a method.GoneError, or what interrupts the run.
func (w *walk) readBy(ctx context.Context, kind method.Kind, p *parent, readings []*reading) error {
	readers := make([]*method.Reader, len(readings))
	for i, r := range readings {
		readers[i] = r.Reader
	}
	err := method.Of(kind).Read(ctx, &env{walk: w}, p.Parent, readers)
	parts, partly := errors.AsType[method.PartlyError](err)
	if err != nil && !partly {
		return err // it interrupts the run, or an item is gone: see method.Env
	}
	w.judge(p, readings, parts)
	return nil
}

// judge adds a parent's errors to the failures of its streams. A probe has succeeded since, so they
// concern only the parent: see method.Env.Interrupts.
func (w *walk) judge(p *parent, readings []*reading, parts method.PartlyError) {
	for _, r := range readings {
		err := parts[r.Reader]
		if err == nil {
			r.failures.succeeded()
			continue
		}
		err = fmt.Errorf("of %s %s: %w", w.plan.Listing.Name, p.ID, err)
		r.failures.add(err)
		w.report.warnOnce("failed "+sortOf(err), "a parent can't be read; the stream skips it and fails at its end",
			"stream", r.out.name, "id", p.ID, "error", err)
	}
}

// by returns the streams that a method asks for, without those that start over, and those whose
// route the site's words refuse.
func (p *parent) by(kind method.Kind) []*reading {
	readings := make([]*reading, 0, len(p.need))
	for _, r := range p.need {
		if r.requests == kind && !r.distrusted.Load() && !r.failures.refused() {
			readings = append(readings, r)
		}
	}
	return readings
}
