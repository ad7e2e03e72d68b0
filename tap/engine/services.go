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

// interrupts decides what an error concerns: stdout, a stop, the site as a whole, or only what
// was asked for, which is nil.
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
