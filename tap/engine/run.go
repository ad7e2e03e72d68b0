package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// lastProof is how long a run that is stopped waits for the proof of its last positions.
const lastProof = 3 * time.Second

// Open asks the site who is signed in, which is the run's account from then on. Errors are those of
// client.Probe.
func (r *Run) Open(ctx context.Context) error {
	err := r.site.Open(ctx, r.Now())
	if !r.resumed {
		r.sync.Began = r.site.Clock()
	}
	return err
}

// Sync reads everything that is selected, after Open. The error is nil if every stream is
// complete, *IncompleteError if some failed, *site.InterruptedError or *emit.OutputError if
// the sync ended early, *config.Error for settings that the site does not know.
func (r *Run) Sync(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.stop = stop
	if err := r.Sink.Open(r.Selections); err != nil {
		return err
	}
	var settling sync.WaitGroup
	loop, end := context.WithCancel(ctx)
	settling.Go(func() { r.ledger.loop(loop) })
	r.workers = startWorkers(perRequest * r.Config.Concurrency)
	err := r.read(ctx)
	r.workers.stop()
	end()
	settling.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return r.conclude(ctx, err)
}

// read makes a plan and runs it.
func (r *Run) read(ctx context.Context) error {
	if err := r.survey(ctx); err != nil {
		return err
	}
	p := r.plan(nil)
	if err := r.ledger.tellRenewed(r.renewed); err != nil {
		return err
	}
	if err := r.begin(ctx, p); err != nil {
		return err
	}
	var lookups []*lookup
	for _, planned := range p.Lookups {
		l, err := r.lookUp(newWalk(r.services, r.ledger, &p.Facts, planned))
		if err != nil {
			return err
		}
		lookups = append(lookups, l)
	}
	g, ctx := errgroup.WithContext(ctx)
	walked := make(chan struct{})
	for _, l := range lookups {
		g.Go(func() error { return l.read(ctx, walked) })
	}
	g.Go(func() error {
		if err := r.walks(ctx, p); err != nil {
			return err
		}
		close(walked)
		return nil
	})
	return g.Wait()
}

// survey asks the site for the facts of a plan, and adds those that earlier runs of the sync found.
func (r *Run) survey(ctx context.Context) error {
	facts, err := r.site.Survey(ctx, plan.Question(r.Selections, r.State))
	r.facts = plan.Relearn(facts, r.Selections, r.State, r.sync.Run)
	return err
}

// plan makes the plan of the run, or of the pending streams only.
func (r *Run) plan(pending []string) *plan.Plan {
	r.mu.Lock()
	facts := r.facts
	r.mu.Unlock()
	return plan.Build(plan.Input{
		Config: r.Config, Facts: facts, Selected: r.Selections, Pending: pending, State: r.ledger.snapshot(), Run: r.sync.Run,
	})
}

// learn notes what a walk found out about a listing.
func (r *Run) learn(l *stream.Listing, learn func(*site.Learned)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.facts = r.facts.With(l, learn)
}

// begin begins a plan's streams in the state, and logs the plan's notices.
func (r *Run) begin(ctx context.Context, p *plan.Plan) error {
	r.ledger.begin(r.sync, p.Starts)
	for _, n := range p.Notices {
		level := slog.LevelInfo
		if n.Warning {
			level = slog.LevelWarn
		}
		r.log.Log(ctx, level, n.Text, "date", timestamp.Text(n.Date), "streams", strings.Join(n.Names, ","))
	}
	for _, w := range p.Walks {
		r.log.Debug("planned a walk", "walk", w)
	}
	for _, s := range p.Settled {
		if err := r.ledger.settled(s); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// walks runs the walks of a plan, several at a time.
func (r *Run) walks(ctx context.Context, p *plan.Plan) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(2, r.Config.Concurrency))
	for _, planned := range p.Walks {
		m := r.monitor.add(newWalk(r.services, r.ledger, &p.Facts, planned))
		g.Go(func() error { return r.walk(ctx, m) })
	}
	return g.Wait()
}

// walk runs a walk, and then the walks of the streams that have to be planned again.
func (r *Run) walk(ctx context.Context, m *monitored) error {
	r.monitor.change(func() { m.begun = true })
	left, learn, err := m.walk.readAll(ctx)
	r.monitor.change(func() { m.ended = true })
	if err != nil || len(left) == 0 {
		return err
	}
	if learn != nil {
		r.learn(m.walk.plan.Listing, learn)
	}
	again := make([]string, len(left))
	for i, rd := range left {
		again[i] = rd.out.name
	}
	p := r.plan(again)
	if err := r.begin(ctx, p); err != nil {
		return err
	}
	for _, planned := range p.Walks {
		if err := r.walk(ctx, r.monitor.add(newWalk(r.services, r.ledger, &p.Facts, planned))); err != nil {
			return err
		}
	}
	return nil
}

// conclude proves what was read, ends the streams that have not ended, and writes the last
// state.
func (r *Run) conclude(ctx context.Context, err error) error {
	if isOutput(err) {
		return err
	}
	if proven := r.lastSettling(ctx, err); proven != nil {
		if isOutput(proven) {
			return proven
		}
		if err == nil {
			err = proven
		}
	}
	if e := r.ledger.cutOff(); e != nil {
		return e
	}
	if err != nil {
		if e := r.ledger.flush(); e != nil {
			return e
		}
		return fmt.Errorf("syncing: %w", err)
	}
	if e := r.ledger.end(); e != nil {
		return e
	}
	return r.failed()
}

// lastSettling settles a run that came to its end. One that was stopped gets lastProof for it. After
// the loss of the account, or of the site, nothing more can be proven.
func (r *Run) lastSettling(ctx context.Context, err error) error {
	if err == nil {
		return r.ledger.settle(ctx)
	}
	if interrupted, ok := errors.AsType[*site.InterruptedError](err); ok && interrupted.Asked {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastProof)
	defer cancel()
	return r.ledger.settle(ctx)
}

// Blind reports whether the account sees no space at all, and names the account. It sends no request
// if the run wrote a row of anything but groups. If the site does not answer, blind is false.
func (r *Run) Blind(ctx context.Context) (who string, blind bool) {
	for _, out := range r.ledger.outputs {
		if out.rows.Load() > 0 && out.stream.Listing != stream.Groups {
			return "", false
		}
	}
	blind, err := r.site.Blind(ctx)
	return r.site.Who(), err == nil && blind
}

// Price estimates, after Open, what Sync would read and how many requests it would take. It sends a few
// requests itself. An error means that the sync could not begin.
func (r *Run) Price(ctx context.Context) (plan.Price, error) {
	if err := r.survey(ctx); err != nil {
		return plan.Price{}, err
	}
	p := r.plan(nil)
	p.Walks = append(p.Walks, p.Lookups...)
	sizes := make([]site.Size, len(p.Walks))
	for i, w := range p.Walks {
		var err error
		if sizes[i], err = r.site.Size(ctx, w.Measure(), r.facts.Spaces, method.Block); err != nil {
			return plan.Price{}, err
		}
	}
	return plan.PriceOf(p, sizes, r.Config), nil
}

// Progress returns how far each walk is. It may be called while the sync runs.
func (r *Run) Progress() []WalkProgress { return r.monitor.list() }

// Measure asks the site how many rows the walks have, with a few requests for each. Counts that the
// site refuses stay unknown. It may be called while the sync runs.
func (r *Run) Measure(ctx context.Context) {
	var wait sync.WaitGroup
	for _, one := range r.monitor.unmeasured() {
		wait.Go(func() {
			question := one.walk.plan.Measure()
			question.Shape = false
			size, err := r.site.Size(ctx, question, one.walk.facts.Spaces, method.Block)
			if err == nil && size.Unknown == "" {
				r.monitor.change(func() { one.total = int64(size.Rows) })
			}
		})
	}
	wait.Wait()
}
