package engine_test

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// An honest site may change between the readings that are compared. A false alarm would cost
// requests in every later run, so there must be none.

// TestNoFalseAlarms reads honest sites that change between the requests: whatever comes and
// goes meanwhile, no stream is distrusted, and none fails.
func TestNoFalseAlarms(t *testing.T) {
	t.Parallel()
	for seed := range uint64(tapfixture.Cut(6, 12)) {
		w := newWorld(t, small(int64(seed%5)))
		w.config.AuditSamples, w.seed = samples, seed+1
		w.config.PageSize = []int{250, 9}[seed%2]
		changes := w.unrest(seed, 1+int(seed%5))
		run := sync_{}
		switch seed % 3 {
		case 1:
			run.streams = append(where(isLabels), where(isVersions)...)
		case 2:
			run.streams = append(where(isComments), "child_pages", "page_labels", "page_content_properties")
		}
		out := w.run(run)
		if out.err != nil {
			t.Errorf("seed %d: %v\n%s", seed, out.err, w.warnings())
		}
		last, _ := w.read(out.lines, rows{}, nil)
		for name, e := range w.entries(last) {
			if e.Plain {
				t.Errorf("seed %d: %s is distrusted after %d changes\n%s", seed, name, changes(), w.warnings())
			}
		}
		if changes() < 10 || len(out.run.Report().Audits) == 0 {
			t.Errorf("seed %d: %d changes, audits %q: nothing was tried", seed, changes(), out.run.Report().Audits)
		}
	}
}

// unrest changes the site at every nth request: edits, new items, items that are archived,
// put into the trash or deleted. The returned function counts the changes.
func (w *world) unrest(seed uint64, nth int) func() int {
	rnd := rand.New(rand.NewPCG(seed, 9))
	ids := map[simconfluence.Kind][]string{}
	for kind, name := range map[simconfluence.Kind]string{
		simconfluence.Page: "pages", simconfluence.BlogPost: "blog_posts", simconfluence.Attachment: "attachments",
		simconfluence.FooterComment: "page_footer_comments", simconfluence.InlineComment: "page_inline_comments",
	} {
		for row := range w.site.Truth(name, simconfluence.TruthOptions{}) {
			ids[kind] = append(ids[kind], row.Key[0])
		}
	}
	kinds := slices.Sorted(maps.Keys(ids))
	var mu sync.Mutex
	requests, changes := 0, 0
	moved := map[string]bool{}
	w.site.SetFaults(func(http.ResponseWriter, *http.Request, http.Handler) bool {
		mu.Lock()
		defer mu.Unlock()
		if requests++; requests%nth != 0 {
			return false
		}
		changes++
		kind := kinds[rnd.IntN(len(kinds))]
		id := ids[kind][rnd.IntN(len(ids[kind]))]
		var err error
		switch n := rnd.IntN(20); {
		case n < 9:
			err = w.site.Edit(kind, id)
		case n < 15:
			ids[kind] = append(ids[kind], w.site.Create(kind))
		case n < 17:
			err = w.site.Delete(kind, id)
		case kind == simconfluence.Page && !moved[id]:
			// Once a page: a row that is away only while the walk passes can't be told from
			// one that the listing leaves out.
			moved[id] = true
			err = w.site.SetStatus(kind, id, []string{stream.Archived, stream.Current, stream.Trashed}[n-17])
		}
		_ = err // it may be gone already
		return false
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return changes
	}
}

// TestHotPages edits a page whenever it is asked for anything: every comparison finds another
// version than the one before.
func TestHotPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, small(1))
	w.config.AuditSamples, w.seed = samples, 1
	w.site.SetFaults(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if parts := strings.Split(r.URL.Path, "/"); len(parts) > 5 && parts[4] == "pages" {
			if err := w.site.Edit(simconfluence.Page, parts[5]); err != nil {
				return false // it is not there
			}
		}
		return false
	})
	out := w.run(sync_{streams: append(included(stream.Pages), "child_pages")})
	if out.err != nil {
		t.Fatal(out.err)
	}
	last, _ := w.read(out.lines, rows{}, nil)
	for name, e := range w.entries(last) {
		if e.Plain {
			t.Errorf("%s is distrusted because its parents changed\n%s", name, w.warnings())
		}
	}
}

// TestGoneWhileCompared edits pages between their combined read and the list that it is
// compared with, and deletes them before they are read once more: they vanished, which is
// neither a failure nor a lie.
func TestGoneWhileCompared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, small(1))
	w.config.AuditSamples, w.seed = samples, 1
	var mu sync.Mutex
	read, edited, gone := map[string]bool{}, map[string]bool{}, map[string]bool{}
	w.site.SetFaults(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		parts := strings.Split(r.URL.Path, "/")
		if len(parts) < 6 || parts[4] != "pages" {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		id, list := parts[5], len(parts) == 7
		switch {
		case !list && edited[id] && !gone[id]:
			gone[id] = w.site.Delete(simconfluence.Page, id) == nil
		case !list:
			read[id] = true
		case parts[6] == "versions" && read[id] && !edited[id]:
			edited[id] = w.site.Edit(simconfluence.Page, id) == nil
		}
		return false
	})
	out := w.run(sync_{streams: included(stream.Pages)})
	if out.err != nil {
		t.Errorf("pages that vanished made streams fail: %v\n%s", out.err, w.warnings())
	}
	last, _ := w.read(out.lines, rows{}, nil)
	for name, e := range w.entries(last) {
		if e.Plain {
			t.Errorf("%s is distrusted because of pages that vanished\n%s", name, w.warnings())
		}
	}
	if len(gone) == 0 {
		t.Error("no page was asked for again")
	}
}
