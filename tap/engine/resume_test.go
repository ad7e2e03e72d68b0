package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
)

// small is a site with everything in it, small enough to be read hundreds of times.
func small(seed int64) simconfluence.Options {
	o := simconfluence.Scaled(seed, 40)
	o.BodyBytes, o.Attachments = 60, 50
	return o
}

// TestCutsLoseNothing cuts stdout at random bytes, goes on from the last whole state, and
// again, until the sync ends: together the pieces hold every row of the truth.
func TestCutsLoseNothing(t *testing.T) {
	for _, airbyte := range []bool{false, true} {
		for _, incremental := range []bool{false, true} {
			t.Run(fmt.Sprintf("airbyte=%v incremental=%v", airbyte, incremental), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, small(7))
				w.everyState, w.config.PageSize = true, 10
				whole := w.run(sync_{airbyte: airbyte, incremental: incremental})
				if whole.err != nil {
					t.Fatal(whole.err)
				}
				size := 0
				for _, l := range whole.lines {
					size += len(l)
				}
				rnd := rand.New(rand.NewPCG(1, 2))
				cuts := 0
				for cuts < 60 {
					got := rows{}
					var st []byte
					for piece := 0; ; piece++ {
						cut := 1 + rnd.IntN(size)
						out := w.run(sync_{airbyte: airbyte, incremental: incremental, state: st, cut: cut})
						st, _ = w.read(out.lines, got, st)
						if out.err == nil {
							break
						}
						cuts++
						if piece > 200 {
							t.Fatalf("no end after %d pieces; state %s", piece, st)
						}
					}
					if missing := w.missing(got, nil); missing != nil {
						t.Fatalf("after %d cuts rows are missing: %q\nlast state %s", cuts, missing, st)
					}
				}
			})
		}
	}
}
