package engine_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
)

// TestQueueOfParentsResumes kills a sync that has read the labels of 60% of the pages, one by
// one: the run that goes on reads those of the others, and a few again.
func TestQueueOfParentsResumes(t *testing.T) {
	t.Parallel()
	for _, refused := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := thousand(t)
			p.config.AuditSamples = 0
			// The plain route forces one request per page.
			force := []byte(`{"bookmarks":{"page_labels":{"plain":true}},"tap_confluence":{"v":1,"site":"` + siteName + `"}}`)
			s := sync_{streams: []string{"page_labels"}, state: force}
			const route = "/wiki/api/v2/pages/{id}/labels"
			if out := p.sync(t.Context(), s); out.err != nil {
				t.Fatal(out.err)
			}
			all := p.site.Requests()[route]
			if all < 700 {
				t.Fatalf("only %d pages' labels were read: not by page?", all)
			}
			first := all * 6 / 10
			h := newHeld(t)
			h.take(p.until(first)) // and the probe and the pages' listing have been sent, too
			if refused {
				p.site.ExpireCursors()
			}
			p.site.Reset()
			p.finish(s, h)
			second := p.site.Requests()[route]
			t.Logf("cursors refused: %v; labels of %d pages; killed after %d requests, then %d", refused, all, first, second)
			// However large the site: the pages under way, ten requests since the last state,
			// and those that came too late for one.
			if again := first + second - all; again > 40 {
				t.Errorf("%d of %d pages were asked again", again, all)
			}
			if missing := p.missing(h.rows, s.streams); missing != nil {
				t.Errorf("rows are missing: %q", missing)
			}
		})
	}
}

// TestKilledWhileItCatchesUp kills a run while it reads a listing from its start because
// its cursor was refused: what earlier runs did stays done.
func TestKilledWhileItCatchesUp(t *testing.T) {
	o := simconfluence.Scaled(17, 1000)
	o.BodyBytes = 40
	w := newWorld(t, o)
	w.everyState, w.config.PageSize = true, 50
	streams := []string{"page_labels", "page_content_properties"}
	s := sync_{streams: streams}
	size := bytesOf(w.run(s).lines)
	h := newHeld(t)
	s.cut = size * 8 / 10
	h.take(w.run(s).lines)
	n := position(t, h.state(), "page_labels").N
	if n < 400 {
		t.Fatalf("the cut came after %d rows: too early", n)
	}
	for range 3 {
		w.site.ExpireCursors()
		// The site fails for good while the listing catches up.
		w.site.SetFaults(simconfluence.On("/pages", simconfluence.After(4, simconfluence.Status(401, ""))))
		s.state, s.cut = h.state(), 0
		out := w.run(s)
		if out.err == nil {
			t.Fatal("the run ended well though the site refused")
		}
		h.take(out.lines)
		if at := position(t, h.state(), "page_labels"); at.N < n {
			t.Fatalf("the position went back from %d to %d", n, at.N)
		}
	}
	w.site.SetFaults()
	w.site.Reset()
	w.finish(s, h)
	if asked := w.site.Requests()["/wiki/api/v2/pages/{id}"]; asked > 1000-n+50 {
		t.Errorf("%d pages were read, though %d of 1000 had been before", asked, n)
	}
	if missing := w.missing(h.rows, streams); missing != nil {
		t.Errorf("rows are missing: %q", missing)
	}
}

// TestStoppedWhileSampling stops syncs again and again while they read the samples of their
// audits: the samples are not read anew, so that even such syncs come to an end.
func TestStoppedWhileSampling(t *testing.T) {
	w := newWorld(t, small(27))
	w.seed, w.everyState, w.config.PageSize, w.config.AuditSamples = 1, true, 5, 10
	s := sync_{streams: []string{"page_footer_comments", "groups"}}
	const plain = "/wiki/api/v2/pages/{id}/footer-comments"
	w.site.SetFaults(simconfluence.On("/pages/{id}/footer-comments", simconfluence.After(2, simconfluence.Status(401, ""))))
	if out := w.run(s); out.err == nil || w.site.Requests()[plain] < 3 {
		t.Fatalf("the run was not stopped while it read a sample: %v", out.err)
	} else {
		s.state, _ = w.read(out.lines, rows{}, nil)
	}
	w.site.SetFaults()
	w.site.Reset()
	h := newHeld(t)
	h.singer = s.state
	w.finish(s, h)
	if n := w.site.Requests()[plain]; n > 0 {
		t.Errorf("%d requests for a sample were sent again", n)
	}
	if missing := w.missing(h.rows, []string{"page_footer_comments"}); missing != nil {
		t.Errorf("rows are missing: %q", missing)
	}
}

// at is where a stream's entry in a Singer state says that its walk is.
type at struct {
	Walk, After, Cursor string
	N                   int
}

func position(t *testing.T, state []byte, name string) at {
	t.Helper()
	var s struct {
		Bookmarks map[string]struct{ At at }
	}
	if err := json.Unmarshal(state, &s); err != nil {
		t.Fatal(err)
	}
	return s.Bookmarks[name].At
}

// TestStatesStaySmall bounds every state of a sync of a thousand pages: a few hundred bytes
// a stream, however far it is.
func TestStatesStaySmall(t *testing.T) {
	// Bytes of a stream's entry. Custom content has the most: a bookmark for each type, and,
	// between the end of its last listing and that of the stream, a position beside them.
	const most = 800
	for _, m := range some(3) {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := thousand(t)
				out := p.sync(t.Context(), m.sync())
				if out.err != nil {
					t.Fatal(out.err)
				}
				states, largest := 0, 0
				for _, e := range parseAll(t, out.lines) {
					if e.state == nil {
						continue
					}
					states++
					for _, entry := range entriesOf(t, e) {
						largest = max(largest, len(entry))
					}
				}
				t.Logf("%d states, the largest entry has %d bytes", states, largest)
				if largest > most || states < 20 {
					t.Errorf("%d states with entries of up to %d bytes, want many of at most %d", states, largest, most)
				}
			})
		})
	}
}

// entriesOf are the entries of streams in a state of either protocol.
func entriesOf(t *testing.T, e event) []json.RawMessage {
	t.Helper()
	if e.stream != "" {
		return []json.RawMessage{e.state}
	}
	var s struct{ Bookmarks map[string]json.RawMessage }
	if err := json.Unmarshal(e.state, &s); err != nil {
		t.Fatal(err)
	}
	var entries []json.RawMessage
	for _, entry := range s.Bookmarks {
		entries = append(entries, entry)
	}
	return entries
}
