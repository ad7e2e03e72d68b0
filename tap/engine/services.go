package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
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
	// State is the state that the run resumes from. The run owns it from New on.
	State  *state.State
	Sink   emit.Sink
	Logger *slog.Logger
	// Now is the clock for time_extracted and the pace of states; no bookmark comes from it.
	Now func() time.Time
	// Seed makes audits draw the same samples every time; 0 draws others in every run.
	Seed uint64
	// PerStream reports whether each stream has a state of its own (Airbyte). The platform then names
	// the sync.
	PerStream bool
	// StateEvery is the shortest time between two periodic states, and so between their probes; 15 s
	// if zero. Other states come at once: at the end of a stream, before a long wait, on a stop.
	StateEvery time.Duration
}

// services are what all parts of a run share.
type services struct {
	Options
	log     *slog.Logger
	site    *site.Site
	report  *report
	random  *random
	workers *workers                // set by Sync
	stop    context.CancelCauseFunc // ends the run, set by Sync
}

// newName draws the name of a sync, or of a walk.
func newName() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// interrupts returns the error that ends the run: stdout is gone, the run was stopped, or the site as
// a whole is concerned. It returns nil if err concerns only the request.
func (s *services) interrupts(ctx context.Context, err error) error {
	if isOutput(err) {
		return err
	}
	return s.site.Judge(ctx, err)
}

// isOutput reports whether an error says that stdout is gone.
func isOutput(err error) bool {
	_, gone := errors.AsType[*emit.OutputError](err)
	return gone
}
