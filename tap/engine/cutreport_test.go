package engine_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// The figures of this file are those of docs/reliability.md:
//
//	go test ./tap/engine -run 'TestWorkRepeated|TestCutsLoseNothing|TestChangesBetweenCuts' -v

// thousand is a site of a thousand pages with bodies that cost no time. Its syncs are attempts
// at one, and draw the same samples.
func thousand(t *testing.T) *paced {
	o := simconfluence.Scaled(17, 1000)
	o.BodyBytes, o.Attachments = 40, 1000
	p := newPaced(t, o, 300*time.Millisecond)
	p.seed, p.syncID = 3, attempt(7)
	return p
}

// TestWorkRepeated counts the requests that an interruption repeats on a site of a thousand
// pages: those sent until the process is killed and those that then finish the sync, less
// those of a sync that nobody interrupts. The average over moments that are spread evenly
// over a sync, where a moment is a request, stays below 3% of a sync, whether the site still
// knows its cursors or not. What is not in the output by then is lost.
func TestWorkRepeated(t *testing.T) {
	const most = 0.03
	moments := tapfixture.Cut(2, 3)
	cases := []struct {
		mode    mode
		refused bool
	}{{mode{true, false}, true}, {mode{false, false}, false}, {mode{false, false}, true}}
	for _, c := range cases[:tapfixture.Cut(1, len(cases))] {
		t.Run(fmt.Sprintf("%v refused=%v", c.mode, c.refused), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := thousand(t)
				whole := p.sync(t.Context(), c.mode.sync())
				if whole.err != nil {
					t.Fatal(whole.err)
				}
				once := len(p.requests())
				sum := 0.0
				for i := range moments {
					killed := once * (2*i + 1) / (2 * moments)
					h := newHeld(t)
					h.take(p.until(killed))
					if c.refused {
						p.site.ExpireCursors()
					}
					before := len(p.requests())
					p.finish(c.mode.sync(), h)
					extra := float64(killed+len(p.requests())-before-once) / float64(once)
					t.Logf("killed after %d of %d requests: %.2f%% repeated", killed, once, 100*extra)
					sum += max(0, extra) // an audit that is not made after an interruption is no merit
					if missing := p.missing(h.rows, nil); missing != nil {
						t.Errorf("rows are missing: %q", missing)
					}
				}
				t.Logf("on average %.2f%% of the requests are repeated", 100*sum/float64(moments))
				if sum/float64(moments) > most {
					t.Errorf("an interruption repeats %.2f%% of the work, more than %.0f%%", 100*sum/float64(moments), 100*most)
				}
			})
		})
	}
}

// until is what was written when the nth request was sent.
func (p *paced) until(n int) [][]byte {
	sent := p.requests()[n-1].at
	var lines [][]byte
	for _, l := range p.lines {
		if !l.at.After(sent) {
			lines = append(lines, l.text)
		}
	}
	return lines
}
