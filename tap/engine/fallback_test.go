package engine_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// What a site refuses is read in another way, or the stream fails loudly.

// entries reads the entries of a state of either protocol.
func (w *world) entries(st []byte) map[string]state.Entry {
	w.t.Helper()
	var s *state.State
	var err error
	if len(st) > 0 && st[0] == '[' {
		s, _, err = state.ParseAirbyte(st, siteName, known)
	} else {
		s, err = state.ParseSinger(st, siteName, known)
	}
	if err != nil {
		w.t.Fatalf("state %s: %v", st, err)
	}
	return s.Entries
}

var commentLists = []string{"/footer-comments", "/inline-comments"}

// TestRefusedCommentLists refuses the site-wide lists of comments: they are read by parent.
func TestRefusedCommentLists(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusNotImplemented} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, varied(manyLabels))
			names := append(where(isComments), "pages")
			refuse(status, commentLists...)(w)
			got, last, requests := w.collect(sync_{streams: names})
			if missing := w.missing(got, names); missing != nil {
				t.Errorf("rows are missing: %q", missing)
			}
			if requests["/pages/{id}/footer-comments"] == 0 || requests["/blogposts/{id}/inline-comments"] == 0 {
				t.Errorf("comments were not read by parent: %v", requests)
			}
			for _, list := range []string{"footer comments", "inline comments"} {
				if !strings.Contains(w.warnings(), `listing="`+list+`"`) {
					t.Errorf("no warning of the refused list of %s:\n%s", list, w.warnings())
				}
			}
			// What was refused today may be allowed tomorrow.
			w.site.SetFaults()
			got, _, requests = w.collect(sync_{streams: names, state: last})
			if missing := w.missing(got, names); missing != nil || requests["/pages/{id}/footer-comments"] != 0 {
				t.Errorf("the next run: missing %q, requests %v", missing, requests)
			}
		})
	}
}

// TestRefusedCommentListsIncrementally does the same to an incremental sync: nothing that
// changes between the runs is lost.
func TestRefusedCommentListsIncrementally(t *testing.T) {
	t.Parallel()
	w := newWorld(t, varied(manyLabels))
	names := where(isComments)
	refuse(http.StatusGone, commentLists...)(w)
	got, last, _ := w.collect(sync_{streams: names, incremental: true})
	if missing := w.missing(got, names); missing != nil {
		t.Fatalf("rows are missing: %q", missing)
	}
	for run := range 3 {
		created := w.createIn(simconfluence.FooterComment, "page_footer_comments")
		inline := w.createIn(simconfluence.InlineComment, "blog_post_inline_comments")
		got, last, _ = w.collect(sync_{streams: names, incremental: true, state: last})
		for _, id := range []string{created, inline} {
			if !holds(got, id) {
				t.Errorf("run %d lacks the new comment %s; state %s", run, id, last)
			}
		}
	}
	if n := rowCount(got); n > 20 {
		t.Errorf("the bookmarks don't move: the fourth run gives %d rows; state %s", n, last)
	}
	for name, e := range w.entries(last) {
		if at := timeOf(t, e.ReplicationKeyValue); at.After(w.site.Now()) {
			t.Errorf("%s: the bookmark %s lies in the site's future", name, e.ReplicationKeyValue)
		}
	}
}

// createIn makes items until one of them is of a stream, and returns its id.
func (w *world) createIn(k simconfluence.Kind, name string) string {
	w.t.Helper()
	for range 100 {
		id := w.site.Create(k)
		for row := range w.site.Truth(name, simconfluence.TruthOptions{}) {
			if row.Key[0] == id {
				return id
			}
		}
	}
	w.t.Fatalf("no %s came to be in %s", k, name)
	return ""
}

func holds(got rows, id string) bool {
	for _, records := range got {
		for key := range records {
			if strings.Contains(key, `"`+id+`"`) {
				return true
			}
		}
	}
	return false
}

func rowCount(got rows) int {
	n := 0
	for _, records := range got {
		n += len(records)
	}
	return n
}

func timeOf(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestRefusedListsFail refuses a listing that has no other route: its streams fail, the
// others are complete, and no bookmark is made up.
func TestRefusedListsFail(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusNotImplemented} {
		w := newWorld(t, varied(manyLabels))
		w.config.MaxRetries = 0
		refuse(status, "/pages")(w)
		out := w.run(sync_{streams: []string{"pages", "page_labels", "blog_posts", "tasks"}})
		if out.err == nil || !strings.Contains(out.err.Error(), "pages page_labels") {
			t.Errorf("%d on /pages: error %v, want it to name pages and page_labels only", status, out.err)
		}
		got := rows{}
		last, _ := w.read(out.lines, got, nil)
		if missing := w.missing(got, []string{"blog_posts", "tasks"}); missing != nil {
			t.Errorf("%d on /pages: the others lack %q", status, missing)
		}
		if e := w.entries(last)["pages"]; e.Done != nil || e.ReplicationKeyValue != "" {
			t.Errorf("%d on /pages: the failed stream's entry is %+v", status, e)
		}
	}
}

// TestNoOrderOfChange reads incrementally from a site that answers 500 to the order of change:
// the listings are read in full and filtered, and the bookmarks are right.
func TestNoOrderOfChange(t *testing.T) {
	t.Parallel()
	names := where(func(s *stream.Stream) bool { return s.Listing.ChangeSort != "" && s.ReplicationKey != "" })
	o := varied(manyLabels)
	o.Lies.NoChangeSort = true
	w := newWorld(t, o)
	w.config.MaxRetries = 0
	got, last, _ := w.collect(sync_{streams: names, incremental: true})
	if missing := w.missing(got, names); missing != nil {
		t.Errorf("rows are missing: %q", missing)
	}
	for _, l := range []string{"pages", "blog posts", "attachments", "footer comments", "inline comments", "custom content"} {
		if !slices.ContainsFunc(strings.Split(w.warnings(), "\n"), func(line string) bool {
			return strings.Contains(line, "can't list by change") && (strings.Contains(line, `listing="`+l+`"`) || strings.Contains(line, "listing="+l+" "))
		}) {
			t.Errorf("no warning that %s can't be listed by change:\n%s", l, w.warnings())
		}
	}
	for run := range 3 {
		changed := w.someRow(t, "pages", run)
		if err := w.site.Edit(simconfluence.Page, changed); err != nil {
			t.Fatal(err)
		}
		created := w.site.Create(simconfluence.Attachment)
		got, last, _ = w.collect(sync_{streams: names, incremental: true, state: last})
		if !holds(rows{"pages": got["pages"]}, changed) || !holds(rows{"page_versions": got["page_versions"]}, changed) || !holds(got, created) {
			t.Errorf("run %d lacks what changed; state %s", run, last)
		}
	}
	whole := w.site.Counts(simconfluence.TruthOptions{})
	for _, name := range names {
		if n := len(got[name]); n > whole[name]/4 && n > 3 {
			t.Errorf("%s: the fourth run still gives %d of %d rows; state %s", name, n, whole[name], last)
		}
	}
}

// someRow returns the id of one of a stream's rows.
func (w *world) someRow(t *testing.T, name string, n int) string {
	t.Helper()
	i := 0
	for row := range w.site.Truth(name, simconfluence.TruthOptions{}) {
		if i == 10+n {
			return row.Key[0]
		}
		i++
	}
	t.Fatalf("%s has %d rows", name, i)
	return ""
}
