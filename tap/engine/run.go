// Package engine runs a sync: it decides which passes read what, walks their listings,
// reads what hangs on each row, and keeps the state.
//
// A walk reads one listing for a set of streams. Its rows are records of some of them and
// parents for others; a row is finished when everything read because of it is written.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Options say what to sync, from where, and to where.
type Options struct {
	Config     *config.Config
	Client     *client.Client
	Selections []catalog.Selection
	State      *state.State
	Sink       emit.Sink
	Logger     *slog.Logger
	// Now is the clock for time_extracted, the pace of states and the default anchor; no
	// bookmark comes from it.
	Now func() time.Time
	// Resumable says that the state's finished full reads count in this run: a Singer
	// state that is open. Under Airbyte the sync's id decides instead.
	Resumable bool
	// Seed makes audits draw the same samples every time; 0 draws others in every run.
	Seed uint64
	// PerStream says that the state is told stream by stream and a finished full read
	// stays marked (Airbyte). Otherwise a run's last state drops such marks (Singer).
	PerStream bool
}

// Run is one sync under way.
type Run struct {
	Options
	log    *slog.Logger
	ledger *ledger
	feeds  map[string]*feed
	order  []*feed
	tasks  chan struct{} // a place for each parent that is being read
	stop   context.CancelCauseFunc

	spaces spaces
	// ticks orders what is asked for one after another, see owners.
	ticks     atomic.Int64
	ownerTurn chan struct{}          // who holds it reads owners
	owned     atomic.Pointer[owners] // what has no space of its own is in scope by its owner
	narrowMu  sync.Mutex
	narrow    map[*stream.Listing]bool // what is read by owner, once decided
	types     customTypes
	labels    labelCount
	audits    audits
	poolMu    sync.Mutex
	poolOf    map[*stream.Listing]*pool
	random    *random
	anchor    time.Time
	warned    sync.Map
	skipped   skips
}

// New prepares a sync. It returns an error if a schema can't be used.
func New(o Options) (*Run, error) {
	r := &Run{Options: o, log: o.Logger, feeds: map[string]*feed{}, narrow: map[*stream.Listing]bool{}, poolOf: map[*stream.Listing]*pool{}, random: newRandom(o.Seed)}
	// Parents beyond the requests that may be under way cost little and keep the allowed
	// rate used while answers are on their way.
	r.tasks = make(chan struct{}, 4*o.Config.Concurrency)
	r.labels.turn = make(chan struct{}, 1)
	r.ownerTurn = make(chan struct{}, 1)
	r.anchor = o.Config.AnchorDate
	if r.anchor.IsZero() {
		r.anchor = o.Now().AddDate(-1, 0, 0).UTC().Truncate(time.Second)
	}
	var names []string
	for _, sel := range o.Selections {
		f, err := newFeed(r, sel)
		if err != nil {
			return nil, err
		}
		r.feeds[f.name] = f
		r.order = append(r.order, f)
		names = append(names, f.name)
	}
	r.ledger = newLedger(o.Sink, o.Now, o.State, names)
	return r, nil
}

// Sync reads everything that is selected. The error is nil if every stream is complete,
// *IncompleteError if some failed, else what ended the run.
func (r *Run) Sync(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.stop = stop
	if err := r.Sink.Open(r.Selections); err != nil {
		return err
	}
	r.State.Open = !r.PerStream
	err := r.sync(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return r.conclude(err)
}

func (r *Run) sync(ctx context.Context) error {
	if err := r.spaces.resolve(ctx, r); err != nil {
		return err
	}
	walks, err := r.plan(ctx)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(2, r.Config.Concurrency))
	for _, w := range walks {
		g.Go(func() error { return w.walk(ctx) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("syncing: %w", err)
	}
	return nil
}

// conclude ends the streams that have not ended and writes the last state.
func (r *Run) conclude(err error) error {
	if r.outputGone(err) {
		return err
	}
	for _, f := range r.order {
		if !f.ended {
			f.cutOff(err)
			if e := f.end(); e != nil {
				return e
			}
		}
	}
	r.State.Open = false
	if !r.PerStream {
		if err == nil {
			r.forgetDone()
		} else {
			// Ended from outside: what is done stays done for the run that goes on.
			r.State.Open = true
		}
	}
	if e := r.ledger.flush(); e != nil {
		return e
	}
	if err != nil {
		return err
	}
	var failed []string
	for _, f := range r.order {
		if f.err() != nil {
			failed = append(failed, f.name)
		}
	}
	if len(failed) > 0 {
		return &IncompleteError{failed}
	}
	return nil
}

// forgetDone drops the marks of finished full reads, so that the next run reads afresh.
func (r *Run) forgetDone() {
	for _, f := range r.order {
		r.ledger.update(f.name, func(e *state.Entry) { e.Done = nil })
	}
}

func (r *Run) outputGone(err error) bool {
	var gone *emit.OutputError
	return errors.As(err, &gone)
}

// IncompleteError says which streams failed while the run itself went on to its end.
type IncompleteError struct{ Streams []string }

// Error names the streams.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%d of the streams failed: %v", len(e.Streams), e.Streams)
}

// warnOnce logs a warning once a run.
func (r *Run) warnOnce(key, msg string, args ...any) {
	if _, told := r.warned.LoadOrStore(key, true); !told {
		r.log.Warn(msg, args...)
	}
}

// skips counts what was left out, by reason.
type skips struct {
	mu     sync.Mutex
	counts map[string]int
}

func (s *skips) add(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	s.counts[reason]++
}

// Report is what a sync did, or has done so far.
type Report struct {
	Streams []StreamReport
	// Skipped counts what was left out, by reason.
	Skipped []Skip
	// Audits tells which shortcuts were compared with the plain routes, a line each.
	Audits []string
}

// StreamReport is what became of one stream.
type StreamReport struct {
	Name     string
	Rows     int64
	Requests int64
	// Err is why the stream failed, nil if it is complete or was cut off.
	Err   error
	Ended bool
	// CutOff says that the run ended before the stream did, Skipped that an earlier run
	// had finished it.
	CutOff, Skipped bool
}

// Skip is one reason for leaving something out, and how often it was met.
type Skip struct {
	Reason string
	Count  int
}

// Report returns the figures so far; it may be called while the sync runs.
func (r *Run) Report() Report {
	rep := Report{Audits: r.audits.lines()}
	for _, f := range r.order {
		s := StreamReport{Name: f.name, Rows: f.rows.Load(), Requests: f.requests.Load(), Ended: f.finished.Load(), Skipped: f.skip}
		if s.CutOff = f.isCutOff(); !s.CutOff {
			s.Err = f.err()
		}
		rep.Streams = append(rep.Streams, s)
	}
	r.skipped.mu.Lock()
	defer r.skipped.mu.Unlock()
	for reason, n := range r.skipped.counts {
		rep.Skipped = append(rep.Skipped, Skip{reason, n})
	}
	slices.SortFunc(rep.Skipped, func(a, b Skip) int { return b.Count - a.Count })
	return rep
}

// Flush writes the state as far as it is safe, before a long wait for instance.
func (r *Run) Flush() error { return r.ledger.flush() }
