package engine_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestCursorRefusedAfterAPage: a run that goes on has its cursor answered and the next one
// refused, while children of the first page are still being read. They are read again.
func TestCursorRefusedAfterAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, simconfluence.Scaled(64, 120))
	w.everyState = true
	w.config.PageSize, w.config.AuditSamples = 20, 0
	s := sync_{streams: included(stream.Pages)}
	h := newHeld(t)
	s.cut = bytesOf(w.run(s).lines) * 7 / 10
	h.take(w.run(s).lines)
	if position(t, h.state(), "page_labels").Cursor == "" {
		t.Fatal("the cut came within the first page")
	}
	w.config.Concurrency = 64 // children that wait leave the listing a place
	refused := make(chan struct{})
	var once sync.Once
	asked := 0
	w.site.SetFaults(
		simconfluence.On("/pages/{id}", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			select {
			case <-refused:
				return false
			case <-r.Context().Done():
				return true
			}
		}),
		simconfluence.On("/pages", func(rw http.ResponseWriter, r *http.Request, next http.Handler) bool {
			if asked++; asked != 2 { // one at a time: the listing asks for a page after the other
				if asked == 3 {
					once.Do(func() { close(refused) })
				}
				return false
			}
			return simconfluence.Status(http.StatusBadRequest, `{"errors":[{"status":400,"code":"INVALID_REQUEST_PARAMETER","title":"Provided value for 'cursor' is invalid"}]}`)(rw, r, next)
		}))
	s.state, s.cut = h.state(), 0
	out := w.run(s)
	if out.err != nil {
		t.Fatal(out.err)
	}
	h.take(out.lines)
	if missing := w.missing(h.rows, s.streams); missing != nil {
		t.Errorf("rows are missing: %q", missing)
	}
	if !strings.Contains(w.warnings(), "refuses the old cursor") {
		t.Errorf("no cursor was refused:\n%s", w.warnings())
	}
}

// ofType makes a fault of requests that list a type of custom content.
func ofType(kind string, f simconfluence.Fault) simconfluence.Fault {
	return simconfluence.Where(func(r *http.Request) bool { return r.URL.Query().Get("type") == kind }, f)
}

// TestTypeRefusedHalfway: a type of custom content whose second page is not found is not one
// that the site does not know. Its stream fails and its bookmark stays.
func TestTypeRefusedHalfway(t *testing.T) {
	t.Parallel()
	for _, incremental := range []bool{false, true} {
		o := shown(65, 60)
		o.CustomContent = 60
		w := newWorld(t, o)
		w.config.PageSize, w.config.CustomContentTypes = 5, w.site.CustomTypes()
		kind := w.config.CustomContentTypes[0]
		no := simconfluence.Status(http.StatusNotFound, `{"errors":[{"status":404,"code":"NOT_FOUND","title":"no"}]}`)
		w.site.SetFaults(ofType(kind, simconfluence.After(1, no)))
		s := sync_{streams: []string{"spaces", "custom_content"}, incremental: incremental}
		out := w.run(s)
		w.wantFailed(out, "custom_content")
		h := newHeld(t)
		h.take(out.lines)
		if at, moved := w.partitions(h.state())[kind]; moved {
			t.Errorf("incremental=%v: the bookmark of %s moved to %s", incremental, kind, at)
		}
		w.site.SetFaults()
		w.finish(s, h)
		if missing := w.missing(h.rows, s.streams); missing != nil {
			t.Errorf("incremental=%v: rows are missing after the next run: %q", incremental, missing)
		}
	}
}

// versions notes the table versions that are activated. Before each it writes a state, as
// another stream may at any time.
type versions struct {
	emit.Sink
	flush     func() error
	mu        sync.Mutex
	activated map[string]int64
}

func (v *versions) ActivateVersion(name string, version int64) error {
	if err := v.flush(); err != nil {
		return err
	}
	v.mu.Lock()
	v.activated[name] = version
	v.mu.Unlock()
	return v.Sink.ActivateVersion(name, version)
}

// activations makes a sync note the versions that it activates.
func (s *sync_) activations() map[string]int64 {
	activated := map[string]int64{}
	s.around = func(sink emit.Sink, flush func() error) emit.Sink {
		return &versions{Sink: sink, flush: flush, activated: activated}
	}
	return activated
}

// TestUnknownTypeActivatesNothing: rows of a type that the site refuses today may stand at the
// target since yesterday. They are not told to be gone.
func TestUnknownTypeActivatesNothing(t *testing.T) {
	t.Parallel()
	for _, unknown := range []bool{false, true} {
		w := newWorld(t, shown(66, 60))
		w.config.EmitActivateVersion = true
		w.config.CustomContentTypes = w.site.CustomTypes()
		if unknown {
			no := simconfluence.Status(http.StatusBadRequest, `{"errors":[{"status":400,"code":"INVALID_REQUEST_PARAMETER","title":"no"}]}`)
			w.site.SetFaults(ofType(w.config.CustomContentTypes[0], no))
		}
		s := sync_{streams: []string{"pages", "custom_content"}}
		activated := s.activations()
		if out := w.run(s); out.err != nil {
			t.Fatal(out.err)
		}
		if _, came := activated["custom_content"]; came == unknown || activated["pages"] == 0 {
			t.Errorf("unknown=%v: activated %v", unknown, activated)
		}
	}
}

// TestUnknownTypeOfTheRunBefore: nor are they by the run that goes on behind that type.
func TestUnknownTypeOfTheRunBefore(t *testing.T) {
	t.Parallel()
	o := shown(66, 60)
	o.CustomContent = 60
	w := newWorld(t, o)
	w.everyState, w.config.PageSize, w.config.EmitActivateVersion = true, 5, true
	w.config.CustomContentTypes = w.site.CustomTypes()
	w.site.SetFaults(ofType(w.config.CustomContentTypes[0], simconfluence.Status(http.StatusNotFound, "")))
	s := sync_{streams: []string{"custom_content"}}
	lines := w.run(s).lines
	cut := slices.IndexFunc(lines, func(line []byte) bool { return bytes.Contains(line, []byte(`"n":10,`)) })
	if cut < 0 {
		t.Fatal("no state is of the second type")
	}
	s.state, _ = w.read(lines[:cut+1], rows{}, nil)
	w.site.SetFaults()
	activated := s.activations()
	if out := w.run(s); out.err != nil || len(activated) > 0 {
		t.Errorf("activated %v, error %v", activated, out.err)
	}
}

// TestCountRefused: where nothing can be counted, labels are read by parent; if these can't be
// listed, their stream fails and no other.
func TestCountRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(67, 60))
	search := simconfluence.Where(isSearch, simconfluence.Status(http.StatusForbidden, ""))
	w.site.SetFaults(search, simconfluence.On("/blogposts", simconfluence.Status(http.StatusForbidden, "")))
	out := w.run(sync_{streams: []string{"spaces", "page_labels", "blog_post_labels"}})
	w.wantFailed(out, "blog_post_labels")
	got := rows{}
	w.read(out.lines, got, nil)
	if missing := w.missing(got, []string{"spaces", "page_labels"}); missing != nil {
		t.Errorf("rows are missing: %q", missing)
	}
}

// TestDifferenceThatCannotBeReadAgain: a shortcut lacks a row, and what would be looked at again
// is refused. That is no excuse, and no reason to end the run.
func TestDifferenceThatCannotBeReadAgain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		lie           lie
		again, stream string
		once          bool // the plain route that the stream falls back to is the same
	}{
		{lies()[0], "/pages/{id}/footer-comments", "page_footer_comments", true},
		{lies()[3], "/pages/{id}", "page_labels", false},
	} {
		w := liar(t, test.lie)
		w.seed, w.config.AuditSamples = 1, 500
		seen := map[string]int{}
		refused := ""
		var mu sync.Mutex
		w.site.SetFaults(simconfluence.On(test.again, func(rw http.ResponseWriter, r *http.Request, next http.Handler) bool {
			mu.Lock()
			defer mu.Unlock()
			if seen[r.URL.Path]++; seen[r.URL.Path] < 2 || test.once && refused != "" {
				return false
			}
			refused = r.URL.Path
			return simconfluence.Status(http.StatusForbidden, "")(rw, r, next)
		}))
		streams := append([]string{"spaces"}, test.lie.streams...)
		got, last, _ := w.collect(sync_{streams: streams})
		if missing := w.missing(got, streams); missing != nil || refused == "" {
			t.Errorf("%s: refused %q, rows are missing: %q", test.lie.name, refused, missing)
		}
		if !w.entries(last)[test.stream].Plain {
			t.Errorf("%s: %s is trusted", test.lie.name, test.stream)
		}
	}
}

// TestDifferenceOfAParentThatIsRefused: nor is a parent that can't be asked whether it left.
func TestDifferenceOfAParentThatIsRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusForbidden, http.StatusInternalServerError} {
		w := liar(t, lies()[0])
		w.seed, w.config.AuditSamples = 1, 500
		refuse(status, "/pages/{id}")(w)
		s := sync_{streams: []string{"page_footer_comments"}}
		got, _, _ := w.collect(s)
		if missing := w.missing(got, s.streams); missing != nil {
			t.Errorf("%d: rows are missing: %q", status, missing)
		}
	}
}
