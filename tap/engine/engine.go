// Package engine runs a plan: it walks listings, reads what hangs on their rows, writes the
// records, and keeps the state.
//
// A walk reads one listing for a set of streams. Its rows are records of some of them and parents for
// others. A row is finished when everything that is read because of it is written. The position moves
// over the longest finished prefix of rows. A stream ends in ending.go, the state is written in
// ledger.go, and the failure of a parent is judged in parents.go.
//
// A reading is one stream of a walk. The plain way to read it is its own list for each parent; any
// other method is a shortcut. An audit reads a few parents both ways and compares the records. A
// lookup reads a stream by the ids that records of the walks name (lookup.go).
//
// Files use each other from top to bottom: run.go, lookup.go, engine.go, progress.go, lists.go (the
// lists of a walk one after another), offset.go (lists that page by offset), page.go (a page's rows),
// order.go (rows in and out of order), batches.go (rows that one request asks about), parents.go (what
// hangs on a row), around.go (audits around a walk), audit.go, ahead.go, env.go (what methods work
// with), walk.go, ledger.go, ending.go, reading.go (a stream that a walk reads), compare.go, write.go,
// services.go, pages.go, track.go, workers.go, failures.go, sample.go, report.go.
package engine

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// Run is one run of the program: a sync, or a part of one that was interrupted. Its methods
// may be called from several goroutines.
type Run struct {
	*services
	ledger  *ledger
	monitor monitor
	sync    state.Sync
	resumed bool     // the sync began in an earlier run
	renewed []string // streams that were done in an earlier sync of the same name

	mu    sync.Mutex // guards facts
	facts site.Facts
}

// New prepares a run. It returns an error if a schema can't be used.
func New(o Options) (*Run, error) {
	if o.StateEvery == 0 {
		o.StateEvery = 15 * time.Second
	}
	s := &services{
		Options: o, log: o.Logger, report: newReport(o.Logger), random: newRandom(o.Seed),
		site: site.New(o.Config, o.Client, o.Logger),
	}
	r := &Run{services: s, ledger: newLedger(s)}
	for _, sel := range o.Selections {
		out, err := newOutput(s, sel, r.ledger.wrote)
		if err != nil {
			return nil, fmt.Errorf("preparing stream %s: %w", sel.Stream.Name, err)
		}
		r.ledger.outputs = append(r.ledger.outputs, out)
	}
	r.sync.Began = o.State.Began
	r.sync.Run, r.renewed, r.resumed = syncName(o)
	for _, name := range r.renewed {
		r.ledger.change(name, func(s *state.State) { s.Renew(name) })
	}
	return r, nil
}

// syncName returns the name of the run's sync, empty for none, and reports whether an earlier run left
// it unfinished. Under Airbyte the platform names it. Some clients give all their syncs one name: if
// all streams that the state holds of that name are done, the run begins a new sync. It has to renew
// those streams, which are returned as done.
func syncName(o Options) (name string, done []string, resumed bool) {
	if !o.PerStream {
		if o.State.Run != "" {
			return o.State.Run, nil, true
		}
		return newName(), nil, false
	}
	for _, sel := range o.Selections {
		if sel.SyncID != nil {
			name = strconv.FormatInt(*sel.SyncID, 10)
		}
		e := o.State.Entry(sel.Stream.Name)
		p, err := state.ParseProgress(e.Progress)
		switch {
		case name == "" || e.Run != name:
		case err == nil && p.Stage == state.Done:
			done = append(done, sel.Stream.Name)
		default:
			resumed = true
		}
	}
	if resumed {
		done = nil
	}
	return name, done, resumed
}

// Resumes reports whether the run resumes a sync of an earlier run, and returns when that sync began,
// by the site's clock; zero if unknown.
func (r *Run) Resumes() (time.Time, bool) { return r.sync.Began, r.resumed }

// Flush writes the proven part of the state, such as before a long wait. An error means that stdout
// can't be written.
func (r *Run) Flush() error { return r.ledger.flush() }

// Report returns the figures so far. It may be called while the sync runs.
func (r *Run) Report() Report {
	rep := r.report.figures()
	for _, out := range r.ledger.outputs {
		s := out.outcome()
		s.Name, s.Rows, s.Requests = out.name, out.rows.Load(), out.requests.Load()
		rep.Streams = append(rep.Streams, s)
	}
	return rep
}

// failed returns an *IncompleteError that names the failed streams, nil if none failed.
func (r *Run) failed() error {
	var names []string
	for _, out := range r.ledger.outputs {
		if out.outcome().Err != nil {
			names = append(names, out.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &IncompleteError{names}
}
