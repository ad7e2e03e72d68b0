package engine_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestMixedStates goes on with states that a client kept at different moments for
// different streams, as Airbyte may: a platform commits what each stream's destination has
// taken. Whatever the mix, each stream's rows before its own state and the rest are whole.
func TestMixedStates(t *testing.T) {
	for _, m := range []mode{{true, false}, {true, true}} {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tiny(5))
			w.everyState, w.config.PageSize = true, 5
			whole := w.run(m.sync())
			if whole.err != nil {
				t.Fatal(whole.err)
			}
			size := bytesOf(whole.lines)
			rnd := rand.New(rand.NewPCG(3, 4))
			pieces := 0
			for range tapfixture.Cut(3, 10) {
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
	w := newWorld(t, tiny(9))
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

// TestSplitWalksRejoin cuts one announcement of states apart, right after a resumption: the
// streams of the walk go on together all the same, so that each parent is read once.
func TestSplitWalksRejoin(t *testing.T) {
	streams := []string{"attachment_labels", "attachment_versions", "attachment_content_properties"}
	o := tiny(19)
	o.Attachments = 200
	w := newWorld(t, o)
	w.everyState, w.config.PageSize = true, 20
	first := parseAll(t, w.run(sync_{streams: streams, airbyte: true}).lines)
	h := newHeld(t)
	h.takeUntil(first[:len(first)/2], nil)
	w.site.Reset()
	second := parseAll(t, w.run(sync_{streams: streams, airbyte: true, state: h.state()}).lines)
	together := w.site.Total()
	// One state of one stream is all that comes of the second run.
	h.takeUntil(second, map[string]int{streams[0]: 2, streams[1]: 0, streams[2]: 0})
	if a, b := airbytePosition(t, h, streams[0]), airbytePosition(t, h, streams[1]); a.Walk == b.Walk || b.N == 0 {
		t.Fatalf("the states are not of two runs: %+v and %+v", a, b)
	}
	w.site.Reset()
	w.finish(sync_{streams: streams, airbyte: true}, h)
	if apart := w.site.Total(); apart > together+together/20 {
		t.Errorf("%d requests finish the sync, %d from a state of one run", apart, together)
	}
	if missing := w.missing(h.rows, streams); missing != nil {
		t.Errorf("rows are missing: %q", missing)
	}
}

// airbytePosition is where a stream's state says that its walk is.
func airbytePosition(t *testing.T, h *held, name string) at {
	t.Helper()
	var m struct {
		Stream struct {
			State struct{ At at } `json:"stream_state"`
		}
	}
	if err := json.Unmarshal(h.streams[name], &m); err != nil {
		t.Fatal(err)
	}
	return m.Stream.State.At
}

// TestSelectionChanges takes streams out of an interrupted sync and puts others in: in the
// end every stream's rows are whole, those of streams that were away for some time too.
func TestSelectionChanges(t *testing.T) {
	for _, m := range some(0, 2) {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tiny(13))
			w.everyState, w.config.PageSize = true, 5
			whole := w.run(m.sync())
			if whole.err != nil {
				t.Fatal(whole.err)
			}
			size := bytesOf(whole.lines)
			rnd := rand.New(rand.NewPCG(7, 8))
			for range tapfixture.Cut(1, 4) {
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
