package engine_test

import (
	"maps"
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

// unrest changes the site at every nth request: edits, new items, items that are archived, put
// into the trash or deleted. The returned function counts the changes.
func unrest(t *testing.T, f *tapfixture.Fixture, seed, nth int) (fault simconfluence.Fault, changed func() int) {
	t.Helper()
	kinds := []simconfluence.Kind{simconfluence.Page, simconfluence.BlogPost, simconfluence.Attachment, simconfluence.FooterComment, simconfluence.InlineComment}
	ids := map[simconfluence.Kind][]string{}
	for i, name := range []string{"pages", "blog_posts", "attachments", "page_footer_comments", "page_inline_comments"} {
		ids[kinds[i]] = slices.Sorted(maps.Keys(changes(t, f, name)))
	}
	var mu sync.Mutex
	requests, n := 0, seed
	moved := map[string]bool{}
	return func(http.ResponseWriter, *http.Request, http.Handler) bool {
			mu.Lock()
			defer mu.Unlock()
			if requests++; requests%nth != 0 {
				return false
			}
			n++
			kind := kinds[n%len(kinds)]
			id := ids[kind][n*7919%len(ids[kind])]
			var err error
			switch what := n * 31 % 20; {
			case what < 9:
				err = f.Site.Edit(kind, id)
			case what < 15:
				ids[kind] = append(ids[kind], f.Site.Create(kind))
			case what < 17:
				err = f.Site.Delete(kind, id)
			case kind == simconfluence.Page && !moved[id]:
				// Once a page: a row that is away only while the walk passes can't be told from one
				// that the listing leaves out.
				moved[id] = true
				err = f.Site.SetStatus(kind, id, []string{stream.Archived, stream.Current, stream.Trashed}[what-17])
			}
			_ = err // it may be gone already
			return false
		}, func() int {
			mu.Lock()
			defer mu.Unlock()
			return n - seed
		}
}

// TestNoFalseAlarms reads honest sites that change between the requests: whatever comes and goes
// meanwhile, no stream is distrusted, and none fails.
func TestNoFalseAlarms(t *testing.T) {
	t.Parallel()
	for seed := range tapfixture.Cut(6, 30) {
		o := simconfluence.Scaled(int64(seed%5), 40)
		o.BodyBytes, o.Attachments = 60, 50
		virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
			fault, changed := unrest(t, f, seed*1000, 1+seed%5)
			f.Site.SetFaults(fault)
			names := [][]string{stream.Names(), append(where(isLabels), where(isVersions)...), append(where(isComments), "child_pages", "page_labels", "page_content_properties")}[seed%3]
			c := reads(t, f.With(map[string]any{"audit_samples": 10, "page_size": []int{250, 9}[seed%2]}), false, names...)
			r := c.run()
			if r.logged("shortcut=") {
				t.Errorf("seed %d: distrust, or what can't be compared, after %d changes\n%s", seed, changed(), r.told())
			}
			if changed() < 10 || !r.logged("compared on") {
				t.Errorf("seed %d: %d changes: nothing was tried\n%s", seed, changed(), r.told())
			}
		})
	}
}

// TestHotPages edits a page whenever it is asked for anything: every comparison finds another
// version than the one before.
func TestHotPages(t *testing.T) {
	t.Parallel()
	virtual(t, shown(1, 40), func(t *testing.T, f *tapfixture.Fixture) {
		f.Site.SetFaults(simconfluence.Where(func(r *http.Request) bool {
			if parts := strings.Split(r.URL.Path, "/"); len(parts) > 5 && parts[4] == "pages" {
				check(t, f.Site.Edit(simconfluence.Page, parts[5]))
			}
			return false
		}, nil))
		c := reads(t, f.With(map[string]any{"audit_samples": 10}), false, append(includedIn(stream.Pages), "child_pages")...)
		r := c.run()
		for _, name := range c.names() {
			if c.entry(name).Plain {
				t.Errorf("%s is distrusted because its parents changed\n%s", name, r.told())
			}
		}
	})
}

// TestGoneWhileCompared edits pages between their combined read and the list that it is compared
// with, and deletes them before they are read once more: they vanished, which is neither a
// failure nor a lie.
func TestGoneWhileCompared(t *testing.T) {
	t.Parallel()
	virtual(t, shown(1, 40), func(t *testing.T, f *tapfixture.Fixture) {
		var mu sync.Mutex
		read, edited, gone := map[string]bool{}, map[string]bool{}, map[string]bool{}
		f.Site.SetFaults(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			parts := strings.Split(r.URL.Path, "/")
			if len(parts) < 6 || parts[4] != "pages" {
				return false
			}
			mu.Lock()
			defer mu.Unlock()
			id, list := parts[5], len(parts) == 7
			switch {
			case !list && edited[id] && !gone[id]:
				gone[id] = f.Site.Delete(simconfluence.Page, id) == nil
			case !list:
				read[id] = true
			case parts[6] == "versions" && read[id] && !edited[id]:
				edited[id] = f.Site.Edit(simconfluence.Page, id) == nil
			}
			return false
		})
		c := reads(t, f.With(map[string]any{"audit_samples": 10}), false, includedIn(stream.Pages)...)
		r := c.run()
		for _, name := range c.names() {
			if c.entry(name).Plain {
				t.Errorf("%s is distrusted because of pages that vanished\n%s", name, r.told())
			}
		}
		if len(gone) == 0 {
			t.Error("no page was asked for again")
		}
	})
}

// TestTrashedWhileCompared puts pages into the trash behind their combined read. Their lists are
// empty from then on, but the combined read shows what they had: that is no lie, either.
func TestTrashedWhileCompared(t *testing.T) {
	t.Parallel()
	virtual(t, shown(1, 40), func(t *testing.T, f *tapfixture.Fixture) {
		var mu sync.Mutex
		read := map[string][]byte{}
		f.Site.SetFaults(
			simconfluence.On("/pages/{id}", func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
				if r.URL.Query().Get("include-labels") == "" {
					return false
				}
				mu.Lock()
				defer mu.Unlock()
				id := strings.Split(r.URL.Path, "/")[5]
				if read[id] != nil {
					return simconfluence.Body("application/json", string(read[id]))(w, r, next)
				}
				return simconfluence.Rewrite(func(body []byte) []byte {
					read[id] = slices.Clone(body)
					check(t, f.Site.SetStatus(simconfluence.Page, id, stream.Trashed))
					return body
				})(w, r, next)
			}),
			simconfluence.On("/pages/{id}/labels", simconfluence.Body("application/json", `{"results":[]}`)),
			simconfluence.On("/pages/{id}/properties", simconfluence.Body("application/json", `{"results":[]}`)),
		)
		r := reads(t, f.With(map[string]any{"audit_samples": 10}), false, "page_labels", "page_content_properties").run()
		if len(read) == 0 || r.logged("shortcut=") {
			t.Errorf("%d pages were put into the trash while they were compared\n%s", len(read), r.told())
		}
	})
}

// TestFirstVersionGone edits attachments between their row and the list that it is compared with,
// and deletes them before they are asked for again.
func TestFirstVersionGone(t *testing.T) {
	t.Parallel()
	virtual(t, shown(1, 40), func(t *testing.T, f *tapfixture.Fixture) {
		var mu sync.Mutex
		edited, gone := map[string]bool{}, map[string]bool{}
		f.Site.SetFaults(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			parts := strings.Split(r.URL.Path, "/")
			if len(parts) < 6 || parts[4] != "attachments" {
				return false
			}
			mu.Lock()
			defer mu.Unlock()
			switch id := parts[5]; {
			case len(parts) == 7 && !edited[id]:
				edited[id] = f.Site.Edit(simconfluence.Attachment, id) == nil
			case len(parts) == 6 && edited[id] && !gone[id]:
				gone[id] = f.Site.Delete(simconfluence.Attachment, id) == nil
			}
			return false
		})
		r := reads(t, f.With(map[string]any{"audit_samples": 10}), false, "attachment_versions").run()
		if len(gone) == 0 || r.logged("shortcut=") {
			t.Errorf("%d attachments vanished while they were compared\n%s", len(gone), r.told())
		}
	})
}
