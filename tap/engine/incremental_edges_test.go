package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestChangesWhileListed changes the site between two answers of an incremental listing. What
// is there all the time comes, and what changed or came to be meanwhile comes with the next
// run at the latest, since the bookmark is the time of the row that was first at the time.
func TestChangesWhileListed(t *testing.T) {
	t.Parallel()
	const size = 10
	type change func(w *world, ids []string) (late []string)
	for name, change := range map[string]change{
		"a row that came": func(w *world, ids []string) []string {
			w.edit(simconfluence.Page, ids[3])
			return ids[3:4]
		},
		"a row that is to come": func(w *world, ids []string) []string {
			w.edit(simconfluence.Page, ids[size+3])
			return ids[size+3 : size+4]
		},
		"the rows at the cursor": func(w *world, ids []string) []string {
			w.edit(simconfluence.Page, ids[size-1], ids[size], ids[size+1])
			return ids[size-1 : size+2]
		},
		"rows at the cursor are deleted": func(w *world, ids []string) []string {
			for _, id := range ids[size-1 : size+1] {
				if err := w.site.Delete(simconfluence.Page, id); err != nil {
					w.t.Error(err)
				}
			}
			return nil
		},
		"rows that came are put into the trash": func(w *world, ids []string) []string {
			for _, id := range ids[:size/2] {
				if err := w.site.SetStatus(simconfluence.Page, id, stream.Trashed); err != nil {
					w.t.Error(err)
				}
			}
			return nil
		},
		"a row is made": func(w *world, _ []string) []string {
			return []string{w.site.Create(simconfluence.Page)}
		},
	} {
		for _, airbyte := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, airbyte=%v", name, airbyte), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, shown(41, 80))
				w.config.PageSize = size
				run := sync_{streams: []string{"pages", "page_versions"}, incremental: true, airbyte: airbyte}
				_, run.state, _ = w.collect(run)
				ids := w.newestFirst("pages")
				w.edit(simconfluence.Page, ids[20:20+3*size]...)
				ids = w.newestFirst("pages")
				head := w.site.Now()
				var late []string
				w.site.SetFaults(w.before("/pages", 2, func() { late = change(w, ids) }))
				since := w.bookmark(run.state, "page_versions")
				got, last, _ := w.collect(run)
				w.site.SetFaults()
				versions := maps.Clone(got["page_versions"])
				for i, id := range ids[:3*size] {
					key := keyOf(id)
					if _, there := w.truth("pages")[key]; there && got["pages"][key] == nil && !slices.Contains(late, id) {
						t.Errorf("row %d, page %s, did not come", i, id)
					}
				}
				if !w.bookmark(last, "pages").Equal(head) || !w.bookmark(last, "page_versions").Equal(head) {
					t.Errorf("the bookmark is not %s: %s", head, last)
				}
				run.state = last
				got, _, _ = w.collect(run)
				w.wantSince(got, "pages", head)
				maps.Copy(versions, got["page_versions"])
				w.wantAllSince(rows{"page_versions": versions}, "page_versions", since)
				// A page that was edited while it was listed may have hidden versions of
				// the range it left: they may come now, too.
				if e := w.entries(last)["page_versions"]; e.Since != "" {
					maps.DeleteFunc(got["page_versions"], func(_ string, record json.RawMessage) bool {
						at := w.recordTime("page_versions", record)
						return at.Before(head) && !at.Before(momentOf(t, e.Since))
					})
				}
				w.wantSince(got, "page_versions", head)
				for _, id := range late {
					if !w.newer(got, "pages", id) {
						t.Errorf("page %s did not come with the next run", id)
					}
				}
			})
		}
	}
}

// TestListingFailsHalfway lets an incremental listing fail after some answers: the bookmarks
// stay, and the next run brings what is left, and what changed since.
func TestListingFailsHalfway(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		w := newWorld(t, shown(42, 80))
		w.config.PageSize, w.config.MaxRetries = 10, 0
		run := sync_{streams: []string{"pages", "page_versions"}, incremental: true, airbyte: airbyte}
		_, run.state, _ = w.collect(run)
		since := w.bookmark(run.state, "pages")
		ids := w.newestFirst("pages")
		w.edit(simconfluence.Page, ids[10:40]...)
		w.site.SetFaults(simconfluence.On("/pages", simconfluence.After(2, simconfluence.Status(http.StatusForbidden, `{}`))))
		out := w.run(run)
		if out.err == nil {
			t.Fatal("the run did not fail")
		}
		got := rows{}
		run.state, _ = w.read(out.lines, got, run.state)
		if !w.bookmark(run.state, "pages").Equal(since) || !w.bookmark(run.state, "page_versions").Equal(since) {
			t.Errorf("after the failure the state is %s", run.state)
		}
		w.site.SetFaults()
		w.edit(simconfluence.Page, ids[35], ids[3])
		out = w.run(run)
		if out.err != nil {
			t.Fatal(out.err)
		}
		last, _ := w.read(out.lines, got, run.state)
		for _, name := range run.streams {
			w.wantSince(got, name, since)
		}
		if !w.bookmark(last, "pages").Equal(w.site.Now()) {
			t.Errorf("the bookmark is not the newest page's: %s", last)
		}
	}
}

// TestRepliesUnderOldRoots edits replies whose roots stay as they are: they come, the roots
// don't, and neither do the pages.
func TestRepliesUnderOldRoots(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(43, 100))
	comments := map[simconfluence.Kind]string{
		simconfluence.FooterComment: "page_footer_comments", simconfluence.InlineComment: "page_inline_comments",
	}
	run := sync_{streams: []string{"pages", "page_footer_comments", "page_inline_comments"}, incremental: true}
	_, run.state, _ = w.collect(run)
	since := w.site.Now()
	replies := map[string][]string{}
	for kind, name := range comments {
		for row := range w.site.Truth(name, simconfluence.TruthOptions{}) {
			var fields struct{ ParentCommentID string }
			if err := json.Unmarshal(row.Data, &fields); err != nil {
				t.Fatal(err)
			}
			if fields.ParentCommentID != "" && len(replies[name]) < 4 {
				replies[name] = append(replies[name], row.Key[0])
			}
		}
		w.edit(kind, replies[name]...)
	}
	got, _, _ := w.collect(run)
	for name, ids := range replies {
		if len(ids) != 4 {
			t.Fatalf("%d replies of %s", len(ids), name)
		}
		for _, id := range ids {
			if !w.newer(got, name, id) {
				t.Errorf("reply %s of %s did not come", id, name)
			}
		}
		for key, record := range got[name] {
			if at := w.recordTime(name, record); !at.After(since) && !at.Equal(w.bookmark(run.state, name)) {
				t.Errorf("%s of %s came though it is as old as %s", key, name, at)
			}
		}
	}
	if n := len(got["pages"]); n > 1 {
		t.Errorf("%d pages came", n)
	}
}

// TestBookmarkOfAnotherStreamsRow edits a comment below a post only: it is the first row of
// the listing, and its time becomes the bookmark of the comments below pages as well.
func TestBookmarkOfAnotherStreamsRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(44, 100))
	w.edit(simconfluence.FooterComment, w.newestFirst("blog_post_footer_comments")[2])
	w.edit(simconfluence.InlineComment, w.newestFirst("page_inline_comments")[2])
	for _, names := range [][]string{
		{"page_footer_comments"},
		{"blog_post_inline_comments"},
		{"page_footer_comments", "blog_post_footer_comments", "page_inline_comments", "blog_post_inline_comments"},
	} {
		run := sync_{streams: names, incremental: true}
		_, run.state, _ = w.collect(run)
		for _, name := range names {
			head := w.site.Now()
			if strings.Contains(name, "footer") {
				head = head.Add(-time.Second) // the edit before the last
			}
			if !w.bookmark(run.state, name).Equal(head) {
				t.Errorf("with %q the bookmark of %s is %s, want %s", names, name, w.bookmark(run.state, name), head)
			}
		}
		got, _, _ := w.collect(run)
		if len(names) == 1 && len(got[names[0]]) != 0 {
			t.Errorf("%d rows of %q came again", len(got[names[0]]), names)
		}
	}
}

// TestDeletionsThroughTheTrash asks for the trash: it is read in full by every run, so that a
// page that is deleted comes as a row that says so. It moves no bookmark.
func TestDeletionsThroughTheTrash(t *testing.T) {
	t.Parallel()
	statuses := []string{stream.Current, stream.Archived, stream.Trashed}
	for _, airbyte := range []bool{false, true} {
		w := newWorld(t, shown(45, 100))
		w.config.PageStatus = statuses
		run := sync_{streams: []string{"pages", "page_versions", "blog_posts", "attachments"}, incremental: true, airbyte: airbyte}
		var got rows
		_, st, _ := w.collect(run)
		if newest := w.changeTimes("pages", simconfluence.TruthOptions{}); !w.bookmark(st, "pages").Equal(slices.MaxFunc(slices.Collect(maps.Values(newest)), time.Time.Compare)) {
			t.Errorf("the bookmark is %s", w.bookmark(st, "pages"))
		}
		trash := map[string]map[string]bool{}
		throwAway := func(k simconfluence.Kind, name, id string) {
			if err := w.site.SetStatus(k, id, stream.Trashed); err != nil {
				t.Fatal(err)
			}
		}
		run.state = st
		throwAway(simconfluence.Page, "pages", w.newestFirst("pages")[40])
		throwAway(simconfluence.BlogPost, "blog_posts", w.newestFirst("blog_posts")[2])
		throwAway(simconfluence.Attachment, "attachments", w.newestFirst("attachments")[40])
		for _, name := range []string{"pages", "blog_posts", "attachments"} {
			trash[name] = map[string]bool{}
			for row := range w.site.Truth(name, simconfluence.TruthOptions{Statuses: []string{stream.Trashed}}) {
				trash[name][keyOf(row.Key[0])] = true
			}
		}
		for range 2 {
			got, st, _ = w.collect(run)
			for name, keys := range trash {
				for key := range keys {
					if !strings.Contains(string(got[name][key]), `"status":"trashed"`) {
						t.Errorf("%s %s came as %s", name, key, got[name][key])
					}
				}
				for key, record := range got[name] {
					if !keys[key] && !w.recordTime(name, record).Equal(w.bookmark(run.state, name)) {
						t.Errorf("%s %s came again", name, key)
					}
				}
				if !w.bookmark(st, name).Equal(w.bookmark(run.state, name)) {
					t.Errorf("the bookmark of %s moved from %s to %s", name, w.bookmark(run.state, name), w.bookmark(st, name))
				}
			}
			run.state = st
		}
	}
}

// TestTasksSeen follows the bookmark of a listing that has no order of change: the newest time
// of the first answer at first, then what the complete run before has seen. A task that
// changes behind the reader's back is not lost.
func TestTasksSeen(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		w := newWorld(t, shown(46, 100))
		w.config.PageSize = 10
		run := sync_{streams: []string{"tasks"}, incremental: true, airbyte: airbyte}
		var ids []string // in the listing's order
		for row := range w.site.Truth("tasks", simconfluence.TruthOptions{}) {
			ids = append(ids, row.Key[0])
		}
		first, late := ids[0], ids[len(ids)-1]
		w.edit(simconfluence.Task, late)
		newest := w.site.Now()
		got, st, requests := w.collect(run)
		if missing := w.missing(got, run.streams); missing != nil || requests["/tasks"] != (len(ids)+9)/10 {
			t.Errorf("missing %q, requests %v", missing, requests)
		}
		if e := w.entries(st)["tasks"]; !momentOf(t, e.Seen).Equal(newest) || !w.bookmark(st, "tasks").Before(newest) {
			t.Errorf("after the first run: %+v", e)
		}
		run.state = st
		w.site.SetFaults(w.before("/tasks", 3, func() { w.edit(simconfluence.Task, first) }))
		_, st, _ = w.collect(run)
		w.site.SetFaults()
		if !w.bookmark(st, "tasks").Equal(newest) {
			t.Errorf("after the second run the bookmark is %s, want %s", w.bookmark(st, "tasks"), newest)
		}
		run.state = st
		got, st, _ = w.collect(run)
		if !w.newer(got, "tasks", first) {
			t.Errorf("task %s, which was changed while others were read, did not come", first)
		}
		w.wantSince(got, "tasks", newest)
		if e := w.entries(st)["tasks"]; !momentOf(t, e.Seen).Equal(w.site.Now()) {
			t.Errorf("after the third run: %+v", e)
		}
	}
}

// TestVersionsSinceBookmark edits pages, posts and files: of these, and no others, the versions
// are asked for, and those since the bookmark come.
func TestVersionsSinceBookmark(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(47, 100))
	run := sync_{streams: where(isVersions), incremental: true}
	_, run.state, _ = w.collect(run)
	since := w.site.Now()
	times := map[string]int{}
	for kind, name := range map[simconfluence.Kind]string{
		simconfluence.Page: "pages", simconfluence.BlogPost: "blog_posts", simconfluence.Attachment: "attachments",
	} {
		ids := w.newestFirst(name)
		w.edit(kind, ids[3])
		w.edit(kind, ids[1], ids[1], ids[1])
		times[ids[3]], times[ids[1]] = 1, 3
		w.site.Create(kind)
	}
	got, _, requests := w.collect(run)
	for _, name := range run.streams {
		fresh := 0
		for key, record := range got[name] {
			at := w.recordTime(name, record)
			if at.After(since) {
				fresh++
			} else if !at.Equal(w.bookmark(run.state, name)) {
				t.Errorf("%s %s of %s came", name, key, at)
			}
		}
		if fresh != 1+3+1 {
			t.Errorf("%d versions of %s are new, want 5", fresh, name)
		}
		w.wantSince(got, name, w.bookmark(run.state, name))
		// Two were edited; what is at version 1 needs no request; one may be at the bookmark.
		if n := requests[stream.Find(name).Route]; n < 2 || n > 3 {
			t.Errorf("%d requests for %s", n, name)
		}
	}
}

// TestStoppedStreamKeepsItsPlace: a run that goes on stops a stream after many failures, then
// reads the head of the listing. The stream stays where it failed, and the next run reads on there.
func TestStoppedStreamKeepsItsPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(77, 150))
	w.everyState, w.config.PageSize, w.config.AuditSamples, w.config.MaxRetries = true, 10, 0, 0
	s := sync_{streams: []string{"pages", "page_versions"}, incremental: true}
	h := newHeld(t)
	s.cut = bytesOf(w.run(s).lines) * 4 / 10
	h.take(w.run(s).lines)
	s.cut, s.state = 0, h.state()
	refuse(http.StatusForbidden, "/pages/{id}/versions")(w)
	out := w.run(s)
	w.wantFailed(out, "page_versions")
	h.take(out.lines)
	w.site.SetFaults()
	w.finish(s, h)
	if missing := w.missing(h.rows, s.streams); missing != nil {
		t.Errorf("rows are missing: %q", missing)
	}
}
