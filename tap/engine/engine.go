// Package engine runs a plan: it walks listings, reads what hangs on their rows, writes the
// records, and keeps the state.
//
// A walk reads one listing for a set of streams. Its rows are records of some of them and
// parents for others; a row is finished when everything read because of it is written. The
// position moves over the longest finished prefix of rows. A stream ends in ending.go, the
// state is written in ledger.go, a parent's failure is judged in parents.go.
//
// Files use each other from top to bottom: engine.go, run.go, audit.go, walk.go, page.go,
// parents.go, env.go, pages.go, ledger.go, ending.go, reading.go, track.go, failures.go,
// write.go, compare.go, report.go.
package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// Options say what to sync, from where, and to where.
type Options struct {
	Config     *config.Config
	Client     *client.Client
	Selections []catalog.Selection
	// State is what the run goes on from. The run owns it from New on.
	State  *state.State
	Sink   emit.Sink
	Logger *slog.Logger
	// Now is the clock for time_extracted and the pace of states; no bookmark comes from it.
	Now func() time.Time
	// Seed makes audits draw the same samples every time; 0 draws others in every run.
	Seed uint64
	// PerStream says that the state is told stream by stream (Airbyte), where the platform
	// names the sync.
	PerStream bool
	// StateEvery is the shortest time between two states that no event asks for, and between
	// two proofs of the account; 15 s if zero.
	StateEvery time.Duration
}

// Run is one run of the program: a sync, or a part of one that was interrupted. Its methods
// may be called from several goroutines.
type Run struct {
	Options
	log     *slog.Logger
	site    *site.Site
	ledger  *ledger
	report  *report
	outputs map[string]*output // by stream
	order   []*output
	tasks   chan struct{} // a place for each parent that is being read
	random  *random
	name    string // of the sync under way, empty for none
	resumed bool   // the sync began in an earlier run

	facts site.Facts              // owned by Sync; walks read it
	stop  context.CancelCauseFunc // ends the run, set by Sync
}

// New prepares a run. It returns an error if a schema can't be used.
func New(o Options) (*Run, error) {
	if o.StateEvery == 0 {
		o.StateEvery = 15 * time.Second
	}
	r := &Run{
		Options: o, log: o.Logger, outputs: map[string]*output{}, report: newReport(o.Logger), random: newRandom(o.Seed),
		site: site.New(o.Config, o.Client, o.Logger),
		// Parents beyond the requests that may be under way cost little and keep the allowed
		// rate used while answers are on their way.
		tasks: make(chan struct{}, 4*o.Config.Concurrency),
	}
	r.name, r.resumed = r.sync()
	for _, sel := range o.Selections {
		out, err := newOutput(r, sel)
		if err != nil {
			return nil, fmt.Errorf("preparing stream %s: %w", sel.Stream.Name, err)
		}
		r.outputs[out.name] = out
		r.order = append(r.order, out)
	}
	r.ledger = newLedger(r)
	return r, nil
}

// sync returns the name of the sync that the run makes, and whether an earlier run began it.
func (r *Run) sync() (name string, resumed bool) {
	if r.PerStream {
		for _, sel := range r.Selections {
			if sel.SyncID != nil {
				name = strconv.FormatInt(*sel.SyncID, 10)
			}
			resumed = resumed || name != "" && r.State.Entry(sel.Stream.Name).Run == name
		}
		return name, resumed
	}
	if r.State.Run != "" {
		return r.State.Run, true
	}
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:]), false
}

// Resumes reports whether the run goes on with a sync that an earlier run began, and when that
// was, zero if unknown.
func (r *Run) Resumes() (time.Time, bool) { return r.State.Began, r.resumed }

// Flush writes the state as far as it is proven, before a long wait for instance.
func (r *Run) Flush() error { return r.ledger.flush() }
