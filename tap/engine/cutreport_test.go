package engine_test

import (
	"bytes"
	"fmt"
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
	w.seed, w.syncID = 3, attempt(7)
	w.clock = func() time.Time { return start.Add(time.Duration(w.site.Total()) * requestTime) }
	return w
}

// thousand is a site of a thousand pages with bodies that cost no time.
func thousand() simconfluence.Options {
	o := simconfluence.Scaled(17, 1000)
	o.BodyBytes = 40
	return o
}

// TestWorkRepeated counts the requests that an interruption repeats on a site of a thousand
// pages: those sent until the process is killed and those that then finish the sync, less
// those of a sync that nobody interrupts. The average over moments that are spread evenly
// over a sync, where a moment is a request, stays below 3% of a sync, whether the site still
// knows its cursors or not. What is not in the output by then is lost.
func TestWorkRepeated(t *testing.T) {
	const (
		most    = 0.03
		moments = 3
	)
	for _, c := range []struct {
		mode    mode
		refused bool
	}{{mode{false, false}, false}, {mode{false, false}, true}, {mode{true, false}, true}} {
		t.Run(fmt.Sprintf("%v refused=%v", c.mode, c.refused), func(t *testing.T) {
			t.Parallel()
			w := pacedWorld(t, thousand())
			whole, at := w.recorded(c.mode.sync())
			once := w.site.Total()
			sum := 0.0
			for i := range moments {
				killed := once * (2*i + 1) / (2 * moments)
				h := newHeld(t)
				h.take(wholeLines(whole[:at(killed)]))
				if c.refused {
					w.site.ExpireCursors()
				}
				before := w.site.Total()
				w.finish(c.mode.sync(), h)
				extra := float64(killed+w.site.Total()-before-once) / float64(once)
				t.Logf("killed after %d of %d requests: %.2f%% repeated", killed, once, 100*extra)
				sum += max(0, extra) // an audit that is not made after an interruption is no merit
				if missing := w.missing(h.rows, nil); missing != nil {
					t.Errorf("rows are missing: %q", missing)
				}
			}
			t.Logf("on average %.2f%% of the requests are repeated", 100*sum/moments)
			if sum/moments > most {
				t.Errorf("an interruption repeats %.2f%% of the work, more than %.0f%%", 100*sum/moments, 100*most)
			}
		})
	}
}

// recorded runs a sync to its end; at tells how many bytes of its output were written when
// the site had had so many requests.
func (w *world) recorded(s sync_) (stdout []byte, at func(requests int) int) {
	w.t.Helper()
	type mark struct{ requests, bytes int }
	var marks []mark // written under stdout's lock
	s.wrote = func(n int) { marks = append(marks, mark{w.site.Total(), n}) }
	out := w.run(s)
	if out.err != nil {
		w.t.Fatal(out.err)
	}
	return bytes.Join(out.lines, nil), func(requests int) int {
		n := 0
		for _, m := range marks {
			if m.requests <= requests {
				n = m.bytes
			}
		}
		return n
	}
}
