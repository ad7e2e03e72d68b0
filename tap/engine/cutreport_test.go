package engine_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
)

// The figures of this file are those of docs/reliability.md:
//
//	go test ./tap/engine -run 'TestWorkRepeated|TestCutsLoseNothing|TestChangesBetweenCuts' -v

// requestTime is how long a request takes at the default limit of five a second. The clock
// of the following tests advances by it with every request that the site counts, so that
// states are as rare as in a real run: one in two seconds is one in ten requests.
const requestTime = 200 * time.Millisecond

// pacedWorld is a site that is read at the default limits, in the time that requests take.
func pacedWorld(t *testing.T, o simconfluence.Options) *world {
	w := newWorld(t, o)
	w.config.Concurrency, w.config.AuditSamples = 5, 10
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	w.syncID = attempt(7)
	w.clock = func() time.Time { return start.Add(time.Duration(w.site.Total()) * requestTime) }
	return w
}

// thousand is a site of a thousand pages with bodies that cost no time.
func thousand() simconfluence.Options {
	o := simconfluence.Scaled(17, 1000)
	o.BodyBytes = 40
	return o
}

// TestWorkRepeated counts the requests that an interruption costs on a site of a thousand
// pages: those of all pieces together, less those of a sync that nobody interrupted, per
// interruption. They stay below 3% of a sync, also when the site has forgotten its cursors.
// A piece ends the hard way: stdout breaks, and what was under way is lost.
func TestWorkRepeated(t *testing.T) {
	const most = 0.03
	for _, m := range []mode{{false, false}, {true, false}, {false, true}} {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			w := pacedWorld(t, thousand())
			whole := w.run(m.sync())
			if whole.err != nil {
				t.Fatal(whole.err)
			}
			once, size := w.site.Total(), bytesOf(whole.lines)
			rnd := rand.New(rand.NewPCG(21, 22))
			for _, refused := range []bool{false, true} {
				h := newHeld(t)
				before := w.site.Total()
				// Pieces of a seventh of the output on average: about six interruptions.
				cuts := w.cutUntilDone(m.sync(), h, size*2/7, rnd, func() {
					if refused {
						w.site.ExpireCursors()
					}
				})
				extra := float64(w.site.Total()-before-once) / float64(cuts) / float64(once)
				t.Logf("cursors refused: %v; %d requests at once, %d interruptions, %.2f%% more requests for each", refused, once, cuts, 100*extra)
				if extra > most {
					t.Errorf("an interruption repeats %.2f%% of the work, more than %.0f%%", 100*extra, 100*most)
				}
				if missing := w.missing(h.rows, nil); missing != nil {
					t.Errorf("rows are missing: %q", missing)
				}
			}
		})
	}
}
