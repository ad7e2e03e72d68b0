package engine_test

import (
	"math/rand/v2"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestMixedStates goes on with states that a client kept at different moments for
// different streams, as Airbyte may: a platform commits what each stream's destination has
// taken. Whatever the mix, each stream's rows before its own state and the rest are whole.
func TestMixedStates(t *testing.T) {
	for _, m := range []mode{{true, false}, {true, true}} {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, small(5))
			w.everyState, w.config.PageSize = true, 5
			whole := w.run(m.sync())
			if whole.err != nil {
				t.Fatal(whole.err)
			}
			size := bytesOf(whole.lines)
			rnd := rand.New(rand.NewPCG(3, 4))
			pieces := 0
			for range 10 {
				h := newHeld(t)
				for range 3 {
					s := m.sync()
					s.state, s.cut = h.state(), 1+rnd.IntN(size)
					events := parseAll(t, w.run(s).lines)
					h.takeUntil(events, mixed(rnd, events))
					pieces++
					if rnd.IntN(3) == 0 {
						w.site.ExpireCursors()
					}
				}
				pieces += w.finish(m.sync(), h)
				if missing := w.missing(h.rows, nil); missing != nil {
					t.Fatalf("rows are missing: %q\nlast state %s", missing, h.state())
				}
			}
			t.Logf("%d pieces", pieces)
		})
	}
}

// finish runs a sync to its end.
func (w *world) finish(s sync_, h *held) (pieces int) {
	w.t.Helper()
	s.state = h.state()
	out := w.run(s)
	if out.err != nil {
		w.t.Fatalf("the last piece: %v", out.err)
	}
	h.take(out.lines)
	return 1
}

// TestCutWithinOneAnnouncement cuts the states of one walk's streams apart right after a
// resumption, where one stream's state is of the resumed run and another's of the run
// before. Their positions count rows of two runs that read the same page twice.
func TestCutWithinOneAnnouncement(t *testing.T) {
	streams := []string{"page_footer_comments", "blog_post_footer_comments", "pages", "page_labels", "attachments", "attachment_labels"}
	w := newWorld(t, small(9))
	w.everyState, w.config.PageSize = true, 6
	first := parseAll(t, w.run(sync_{streams: streams, airbyte: true}).lines)
	rnd := rand.New(rand.NewPCG(5, 6))
	for n := 0; n < len(first); n += 1 + rnd.IntN(len(first)/6) {
		base := newHeld(t)
		base.takeUntil(first[:n], nil)
		s := sync_{streams: streams, airbyte: true, state: base.state()}
		second := parseAll(t, w.run(s).lines)
		for _, late := range streams {
			// This stream's states of the second run get lost, the others' arrive, up to a place.
			h := newHeld(t)
			h.takeUntil(first[:n], nil)
			h.takeUntil(second[:rnd.IntN(min(len(second), 80)+1)], map[string]int{late: rnd.IntN(2)})
			w.finish(sync_{streams: streams, airbyte: true}, h)
			if missing := w.missing(h.rows, streams); missing != nil {
				t.Fatalf("cut at %d, %s late: rows are missing: %q\nstates %s", n, late, missing, h.state())
			}
		}
	}
}

// TestSelectionChanges takes streams out of an interrupted sync and puts others in: in the
// end every stream's rows are whole, those of streams that were away for some time too.
func TestSelectionChanges(t *testing.T) {
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, small(13))
			w.everyState, w.config.PageSize = true, 5
			whole := w.run(m.sync())
			if whole.err != nil {
				t.Fatal(whole.err)
			}
			size := bytesOf(whole.lines)
			rnd := rand.New(rand.NewPCG(7, 8))
			for range 4 {
				h := newHeld(t)
				for range 4 {
					s := m.sync()
					for _, name := range stream.Names() {
						if rnd.IntN(3) > 0 {
							s.streams = append(s.streams, name)
						}
					}
					s.state, s.cut = h.state(), 1+rnd.IntN(size*2/3)
					h.take(w.run(s).lines)
				}
				w.finish(m.sync(), h)
				if missing := w.missing(h.rows, nil); missing != nil {
					t.Fatalf("rows are missing: %q\nlast state %s", missing, h.state())
				}
			}
		})
	}
}
