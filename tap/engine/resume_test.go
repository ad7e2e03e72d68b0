package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// small is a site with everything in it, small enough to be read hundreds of times.
func small(seed int64) simconfluence.Options {
	o := simconfluence.Scaled(seed, 40)
	o.BodyBytes, o.Attachments = 60, 50
	return o
}

// tiny is a site with everything in it that is read in an instant.
func tiny(seed int64) simconfluence.Options {
	o := simconfluence.Scaled(seed, 12)
	o.BodyBytes, o.Attachments, o.Spaces, o.Labels = 40, 14, 1, 40
	return o
}

// mode is one of the four ways to sync.
type mode struct{ airbyte, incremental bool }

var modes = []mode{{false, false}, {false, true}, {true, false}, {true, true}}

func (m mode) String() string {
	return map[bool]string{false: "singer", true: "airbyte"}[m.airbyte] + map[bool]string{false: " full", true: " incremental"}[m.incremental]
}

// some are these of the modes in the fast cut, else all.
func some(numbers ...int) []mode {
	if tapfixture.Torture() {
		return modes
	}
	var few []mode
	for _, i := range numbers {
		few = append(few, modes[i])
	}
	return few
}

func (m mode) sync() sync_ { return sync_{airbyte: m.airbyte, incremental: m.incremental} }

// TestCutsLoseNothing cuts stdout at random bytes, goes on from the last whole state, and
// again, until the sync ends: what came before the states that were gone on from, and the
// last piece, hold every row of the truth. In half of the pieces the site has forgotten
// its cursors, and in a third of the syncs shortcuts are audited.
func TestCutsLoseNothing(t *testing.T) {
	cutsWanted := tapfixture.Cut(8, 52) // in each mode
	for _, m := range some(1, 2) {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tiny(7))
			w.everyState, w.config.PageSize = true, 5
			whole := w.run(m.sync())
			if whole.err != nil {
				t.Fatal(whole.err)
			}
			size := bytesOf(whole.lines)
			rnd := rand.New(rand.NewPCG(1, 2))
			cuts := 0
			for round := 0; cuts < cutsWanted; round++ {
				w.config.AuditSamples = 2 * (round % 3 / 2)
				w.syncID = attempt(round % 2)
				h := newHeld(t)
				cuts += w.cutUntilDone(m.sync(), h, size, rnd, func() {
					if rnd.IntN(2) == 0 {
						w.site.ExpireCursors()
					}
				})
				if missing := w.missing(h.rows, nil); missing != nil {
					t.Fatalf("after %d cuts rows are missing: %q\nlast state %s", cuts, missing, h.state())
				}
			}
			t.Logf("%d cuts, no row lost", cuts)
		})
	}
}

// attempt returns the id of an Airbyte sync of several attempts, or of one without an id,
// whose finished full reads don't count in the next attempt.
func attempt(n int) *int64 {
	if n == 0 {
		return nil
	}
	id := int64(n)
	return &id
}

// cutUntilDone runs a sync piece by piece, each cut at a random byte, until one ends. It
// calls between before every piece but the first, and returns the number of cuts.
func (w *world) cutUntilDone(s sync_, h *held, size int, rnd *rand.Rand, between func()) int {
	w.t.Helper()
	for cuts := 0; ; cuts++ {
		if cuts > 200 {
			w.t.Fatalf("no end after %d pieces; state %s", cuts, h.state())
		}
		if cuts > 0 {
			between()
		}
		s.state, s.cut = h.state(), 1+rnd.IntN(size)
		out := w.run(s)
		h.take(out.lines)
		if out.err == nil {
			return cuts
		}
	}
}

// TestEveryBoundary goes on from every place between two messages of a sync, which is also
// every place between a record and its state. The fast cut goes on from a dozen of the
// states.
func TestEveryBoundary(t *testing.T) {
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			o := simconfluence.Scaled(11, 3)
			o.BodyBytes, o.Attachments, o.Labels, o.FooterComments, o.InlineComments = 40, 4, 8, 5, 5
			o.Spaces, o.BlogPosts, o.CustomContent, o.Groups = 1, 3, 4, 3
			w := newWorld(t, o)
			w.everyState, w.config.PageSize, w.config.AuditSamples = true, 6, 0
			whole := w.run(m.sync())
			if whole.err != nil {
				t.Fatal(whole.err)
			}
			events := parseAll(t, whole.lines)
			total := 1 // a sync may be cut before its first state
			for _, e := range events {
				if e.state != nil {
					total++
				}
			}
			step := max(1, total/tapfixture.Cut(12, total))
			states, runs := 0, 0
			for n := range len(events) + 1 {
				if n > 0 && events[n-1].state == nil {
					continue // the last state is that of the boundary before, and so is what it counts
				}
				if states++; states%step != 0 {
					continue
				}
				h := newHeld(t)
				h.takeUntil(events[:n], nil)
				s := m.sync()
				s.state = h.state()
				out := w.run(s)
				runs++
				if out.err != nil {
					t.Fatalf("going on after message %d: %v", n, out.err)
				}
				h.take(out.lines)
				if missing := w.missing(h.rows, nil); missing != nil {
					t.Fatalf("cut after message %d of %d, rows are missing: %q\nstate %s", n, len(events), missing, s.state)
				}
			}
			t.Logf("%d boundaries, %d resumed runs", len(events)+1, runs)
			// Between the states of a walk's pages some come or not, as requests end.
			if total < 12 || runs < 12 {
				t.Errorf("%d states, %d runs: too few to mean something", total, runs)
			}
		})
	}
}

// TestPageEndsOutOfOrder: the last row of a page shows a later time than the rows behind it.
// A run that goes on at the end of that page leaves none of these out.
func TestPageEndsOutOfOrder(t *testing.T) {
	t.Parallel()
	for _, m := range modes {
		w := newWorld(t, shown(72, 30))
		w.everyState, w.config.PageSize = true, 10
		nth := map[string]int{} // pages by their last row
		w.site.SetFaults(simconfluence.On("/attachments", simconfluence.Rewrite(func(body []byte) []byte {
			var page map[string]any
			if err := json.Unmarshal(body, &page); err != nil {
				t.Error(err)
				return body
			}
			list, ok := page["results"].([]any)
			if !ok {
				return body // a refusal
			}
			last := list[len(list)-1].(map[string]any)
			if _, seen := nth[last["id"].(string)]; !seen {
				nth[last["id"].(string)] = len(nth)
			}
			n := nth[last["id"].(string)]
			last["createdAt"] = fmt.Sprintf("20%d-01-01T00:00:00.000Z", 80+n)
			last["version"].(map[string]any)["createdAt"] = fmt.Sprintf("20%d-01-01T00:00:00.000Z", 18-n) // the newest comes first
			body, err := json.Marshal(page)
			if err != nil {
				t.Error(err)
			}
			return body
		})))
		s := m.sync()
		s.streams = []string{"attachments"}
		lines := w.run(s).lines
		all := rows{}
		w.read(lines, all, nil)
		if missing := w.missing(all, s.streams); missing != nil {
			t.Errorf("%s: rows are missing: %q", m, missing)
		}
		for i, line := range lines {
			if !bytes.Contains(line, []byte(`"cursor":`)) {
				continue
			}
			got := rows{}
			s.state, _ = w.read(lines[:i+1], got, nil)
			if m.airbyte {
				w.site.ExpireCursors()
			}
			out := w.run(s)
			w.read(out.lines, got, nil)
			if out.err != nil || len(got["attachments"]) != len(all["attachments"]) {
				t.Errorf("%s: %d rows of %d after going on from %s: %v", m, len(got["attachments"]), len(all["attachments"]), s.state, out.err)
			}
		}
	}
}
