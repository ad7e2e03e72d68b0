package engine_test

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// What happens to a site while an incremental listing is read, and listings that don't do as
// they are told.

// TestChangesWhileListed changes the site between two answers of an incremental listing. What is
// there all the time comes, and what changed or came to be meanwhile comes with the next run.
func TestChangesWhileListed(t *testing.T) {
	t.Parallel()
	const size = 10
	type change func(t *testing.T, f *tapfixture.Fixture, ids []string) (late []string)
	for name, change := range map[string]change{
		"a row that came": func(t *testing.T, f *tapfixture.Fixture, ids []string) []string {
			edit(t, f, simconfluence.Page, ids[3])
			return ids[3:4]
		},
		"a row that is to come": func(t *testing.T, f *tapfixture.Fixture, ids []string) []string {
			edit(t, f, simconfluence.Page, ids[size+3])
			return ids[size+3 : size+4]
		},
		"the rows at the cursor": func(t *testing.T, f *tapfixture.Fixture, ids []string) []string {
			edit(t, f, simconfluence.Page, ids[size-1], ids[size], ids[size+1])
			return ids[size-1 : size+2]
		},
		"rows at the cursor are deleted": func(t *testing.T, f *tapfixture.Fixture, ids []string) []string {
			for _, id := range ids[size-1 : size+1] {
				if err := f.Site.Delete(simconfluence.Page, id); err != nil {
					t.Error(err)
				}
			}
			return nil
		},
		"rows that came are put into the trash": func(t *testing.T, f *tapfixture.Fixture, ids []string) []string {
			for _, id := range ids[:size/2] {
				if err := f.Site.SetStatus(simconfluence.Page, id, stream.Trashed); err != nil {
					t.Error(err)
				}
			}
			return nil
		},
		"a row is made": func(_ *testing.T, f *tapfixture.Fixture, _ []string) []string {
			return []string{f.Site.Create(simconfluence.Page)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			virtual(t, shown(41, 80), func(t *testing.T, f *tapfixture.Fixture) {
				c := reads(t, f.With(map[string]any{"page_size": size}), true, "pages", "page_versions")
				c.run()
				ids := newestFirst(t, f, "pages")
				edit(t, f, simconfluence.Page, ids[20:20+3*size]...)
				f.Site.Advance(time.Hour)
				ids = newestFirst(t, f, "pages")
				since := c.bookmark("pages")
				var late []string
				f.Site.SetFaults(before(t, "/pages", 2, func() { late = change(t, f, ids) }))
				first := c.run()
				f.Site.SetFaults()
				truth := changes(t, f, "pages")
				for i, id := range ids[:3*size] {
					if _, there := truth[id]; there && first.rows["pages"][id] == nil && !slices.Contains(late, id) {
						t.Errorf("row %d, page %s, did not come", i, id)
					}
				}
				second := c.run()
				union := rows{}
				for _, name := range c.names() {
					union[name] = maps.Clone(first.rows[name])
					maps.Copy(union[name], second.rows[name])
				}
				maps.DeleteFunc(truth, func(_ string, at time.Time) bool { return at.Before(since) })
				for id, at := range truth {
					if record, came := union["pages"][id]; !came || !changedAt(t, "pages", record).Equal(at) {
						t.Errorf("after the next run page %s is not as of %s", id, timestamp.Format(at))
					}
				}
				for key, at := range changes(t, f, "page_versions") {
					if _, came := union["page_versions"][key]; !came && !at.Before(since) {
						t.Errorf("after the next run version %s is missing", key)
					}
				}
				for _, id := range late {
					if second.rows["pages"][id] == nil {
						t.Errorf("page %s, which changed meanwhile, did not come with the next run", id)
					}
				}
			})
		})
	}
}

// TestListingFailsHalfway lets an incremental listing fail after some answers: the bookmarks
// stay, and the next run brings what is left, and what changed since.
func TestListingFailsHalfway(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		virtual(t, shown(42, 80), func(t *testing.T, f *tapfixture.Fixture) {
			c := reads(t, f.With(map[string]any{"page_size": 10}), true, "pages", "page_versions", "spaces")
			c.airbyte = airbyte
			c.run()
			since := c.bookmark("pages")
			ids := newestFirst(t, f, "pages")
			edit(t, f, simconfluence.Page, ids[10:40]...)
			f.Site.SetFaults(simconfluence.On("/pages", simconfluence.After(2, simconfluence.ErrorShapes()[0].Fault(http.StatusForbidden, "not you"))))
			r := c.wants(1)
			r.wantFailed("pages", "page_versions")
			c.wantWhole(r.rows, "spaces")
			for _, name := range []string{"pages", "page_versions"} {
				if e := c.entry(name); !c.bookmark(name).Equal(since) || e.Progress != "" {
					t.Errorf("after the failure the entry of %s is %+v", name, e)
				}
			}
			r.wantLog("bookmark_held_since=" + timestamp.Format(since))
			f.Site.SetFaults()
			edit(t, f, simconfluence.Page, ids[35], ids[3])
			r = c.run()
			c.wantSince(r.rows, "pages", since)
			c.wantVersionsSince(r.rows, since)
		})
	}
}

// wantVersionsSince fails the test if a version of a page that changed since is missing.
func (c *client) wantVersionsSince(got rows, since time.Time) {
	c.t.Helper()
	pages := changes(c.t, c.f, "pages")
	for key := range changes(c.t, c.f, "page_versions") {
		page, _, _ := strings.Cut(key, "/")
		if _, came := got["page_versions"][key]; !came && !pages[page].Before(since) {
			c.t.Errorf("version %s is missing", key)
		}
	}
}

// TestDeletionsThroughTheTrash asks for the trash: it is read in full by every run, so that a
// page that is deleted comes as a row that says so. It moves no bookmark.
func TestDeletionsThroughTheTrash(t *testing.T) {
	t.Parallel()
	kinds := map[string]simconfluence.Kind{"pages": simconfluence.Page, "blog_posts": simconfluence.BlogPost, "attachments": simconfluence.Attachment}
	virtual(t, shown(45, 100), func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f.With(map[string]any{"page_status": []string{"current", "archived", "trashed"}}), true, "pages", "page_versions", "blog_posts", "attachments")
		c.run()
		for name, kind := range kinds {
			ids := newestFirst(t, f, name)
			if err := f.Site.SetStatus(kind, ids[len(ids)/2], stream.Trashed); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			bookmarks := map[string]time.Time{}
			for name := range kinds {
				bookmarks[name] = c.bookmark(name)
			}
			r := c.run()
			for name := range kinds {
				trash := changesIn(t, f, name, simconfluence.TruthOptions{Statuses: []string{stream.Trashed}})
				if len(trash) == 0 {
					t.Fatalf("no %s are in the trash", name)
				}
				for key := range trash {
					if !strings.Contains(string(r.rows[name][key]), `"status":"trashed"`) {
						t.Errorf("%s %s came as %s", name, key, r.rows[name][key])
					}
				}
				for key, record := range r.rows[name] {
					if _, trashed := trash[key]; !trashed && changedAt(t, name, record).Before(bookmarks[name]) {
						t.Errorf("%s %s came again", name, key)
					}
				}
				if !c.bookmark(name).Equal(bookmarks[name]) {
					t.Errorf("the bookmark of %s moved from %s to %s", name, bookmarks[name], c.bookmark(name))
				}
			}
			for key := range r.rows["page_versions"] {
				page, _, _ := strings.Cut(key, "/")
				if _, there := changes(t, f, "pages")[page]; !there {
					t.Errorf("version %s of a page in the trash came", key)
				}
			}
		}
	})
}

// TestEmptyTrash says that a trash which shows nothing may only look empty.
func TestEmptyTrash(t *testing.T) {
	t.Parallel()
	for _, empty := range []bool{false, true} {
		o := shown(45, 100)
		o.Quirks.EmptyTrash = empty
		virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
			f = f.With(map[string]any{"page_status": []string{"current", "trashed"}})
			for _, incremental := range []bool{false, true} {
				if r := reads(t, f, incremental, "pages").run(); r.logged("WARN", "the trash shows nothing", "manage/content") != empty {
					t.Errorf("empty=%v, incremental=%v:\n%s", empty, incremental, r.told())
				}
			}
		})
	}
}

// TestTasks reads a listing that has no order of change in full, and filters it. A task that
// changes behind the reader's back comes with the next run.
func TestTasks(t *testing.T) {
	t.Parallel()
	virtual(t, shown(46, 100), func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f.With(map[string]any{"page_size": 10}), true, "tasks")
		var ids []string // in the listing's order
		for row := range f.Site.Truth("tasks", scope()) {
			ids = append(ids, row.Key[0])
		}
		first, late := ids[0], ids[len(ids)-1]
		edit(t, f, simconfluence.Task, late)
		newest := f.Site.Now()
		f.Site.Advance(time.Hour)
		r := c.run()
		c.wantExactly(r.rows)
		if r.requests["/tasks"] != (len(ids)+9)/10 || !c.bookmark("tasks").Equal(newest) {
			t.Errorf("bookmark %s, want %s; requests %v", c.bookmark("tasks"), newest, r.requests)
		}
		f.Site.SetFaults(before(t, "/tasks", 3, func() { edit(t, f, simconfluence.Task, first) }))
		r = c.run()
		f.Site.SetFaults()
		if _, came := r.rows["tasks"][late]; len(r.rows["tasks"]) != 1 || !came {
			t.Errorf("tasks %v came, want the newest one", slices.Collect(maps.Keys(r.rows["tasks"])))
		}
		r = c.run()
		c.wantSince(r.rows, "tasks", newest)
		if _, came := r.rows["tasks"][first]; !came {
			t.Error("the task that changed while others were read did not come")
		}
	})
}

// TestSortIgnored: a listing that does not come in the order of change is read to its end,
// wherever a row below the bookmark stands.
func TestSortIgnored(t *testing.T) {
	t.Parallel()
	virtual(t, shown(47, 80), func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f.With(map[string]any{"page_size": 10}), true, "pages", "page_versions")
		c.run()
		since := c.bookmark("pages")
		ids := newestFirst(t, f, "pages")
		edit(t, f, simconfluence.Page, ids[5], ids[50], ids[len(ids)-1])
		f.Site.SetFaults(without("/pages", "sort"))
		r := c.run()
		c.wantSince(r.rows, "pages", since)
		c.wantVersionsSince(r.rows, since)
	})
}

// TestSortIgnoredAndQuiet: where the site lists by id, whatever it is asked for, the only edit may
// lie behind any number of rows below the bookmark.
func TestSortIgnoredAndQuiet(t *testing.T) {
	t.Parallel()
	for _, size := range []int{20, 50} {
		virtual(t, shown(47, 400), func(t *testing.T, f *tapfixture.Fixture) {
			c := reads(t, f.With(map[string]any{"page_size": size}), true, "pages", "page_versions", "blog_posts")
			f.Site.SetFaults(without("/pages", "sort"))
			c.run()
			f.Site.Advance(time.Hour)
			since := c.bookmark("pages")
			last := slices.MaxFunc(newestFirst(t, f, "pages"), func(a, b string) int {
				return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
			})
			edit(t, f, simconfluence.Page, last)
			r := c.run()
			c.wantSince(r.rows, "pages", since)
			c.wantVersionsSince(r.rows, since)
			r.wantLog("WARN", "can't list by change", "listing=pages")
			if r.logged("listing=\"blog posts\"") {
				t.Errorf("blog posts come in order of change\n%s", r.told())
			}
		})
	}
}

// TestNoOrderOfChange reads incrementally from a site that answers 500 to the order of change:
// the listings are read in full and filtered, and the bookmarks are right.
func TestNoOrderOfChange(t *testing.T) {
	t.Parallel()
	names := where(func(s *stream.Stream) bool { return s.Listing.ChangeSort != "" && s.ReplicationKey != "" })
	o := dense()
	o.Lies.NoChangeSort, o.AllVisible = true, true
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f.With(map[string]any{"max_retries": 0}), true, names...)
		r := c.run()
		c.wantExactly(r.rows)
		for _, l := range []string{"pages", "blog posts", "attachments", "footer comments", "inline comments", "custom content"} {
			r.wantLog("WARN", "can't list by change", "listing="+l)
		}
		for range 2 {
			since := c.bookmark("pages")
			edit(t, f, simconfluence.Page, newestFirst(t, f, "pages")[10])
			created := f.Site.Create(simconfluence.Attachment)
			f.Site.Advance(time.Hour)
			r = c.run()
			c.wantSince(r.rows, "pages", since)
			c.wantVersionsSince(r.rows, since)
			if _, came := r.rows["attachments"][created]; !came {
				t.Errorf("the new attachment did not come; state %s", c.state)
			}
		}
		f.Site.Advance(time.Hour)
		r = c.run()
		for _, name := range names {
			if name != "custom_content" {
				wantQuiet(c, r.rows, name)
			}
		}
	})
}

// TestNoOrderOfChangeAtOnce: where the site answers 500 to the order only, a few retries are enough to
// tell.
func TestNoOrderOfChangeAtOnce(t *testing.T) {
	t.Parallel()
	o := shown(47, 30)
	o.Lies.NoChangeSort = true
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f.With(map[string]any{"max_retries": 8}), true, "pages", "attachments")
		start := time.Now()
		r := c.run()
		c.wantExactly(r.rows)
		r.wantLog("WARN", "can't list by change", "listing=pages", "500")
		if took := time.Since(start); took > 15*time.Second || r.logged("fewer rows") {
			t.Errorf("it took %s\n%s", took, r.told())
		}
	})
}

// TestOrderOfChangeWithoutBodies: a site that fails on bodies in the order of change can list by change
// all the same. Bodies are then asked for one by one.
func TestOrderOfChangeWithoutBodies(t *testing.T) {
	t.Parallel()
	virtual(t, shown(47, 20), func(t *testing.T, f *tapfixture.Fixture) {
		f.Site.SetFaults(simconfluence.On("/pages", simconfluence.Where(func(r *http.Request) bool {
			return r.URL.Query().Has("body-format") && r.URL.Query().Get("sort") == "-modified-date"
		}, simconfluence.Status(500, `{}`))))
		c := reads(t, f, true, "pages")
		r := c.run()
		c.wantExactly(r.rows)
		if r.logged("can't list by change") {
			t.Error(r.told())
		}
	})
}

// TestNoOrderOfChangeForGood: what refuses the order refuses the listing without it, too. Its
// streams fail, and their bookmarks stay.
func TestNoOrderOfChangeForGood(t *testing.T) {
	t.Parallel()
	virtual(t, shown(47, 30), func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f.With(map[string]any{"max_retries": 0}), true, "pages", "page_versions", "tasks")
		f.Site.SetFaults(simconfluence.On("/pages", simconfluence.Status(500, "{}")))
		r := c.wants(1)
		r.wantFailed("pages", "page_versions")
		c.wantWhole(r.rows, "tasks")
		if e := c.entry("pages"); e.ReplicationKeyValue != "2000-01-01T00:00:00.000Z" || e.Progress != "" {
			t.Errorf("the entry is %+v", e)
		}
	})
}

// TestOneStatusARequest reads the trash of a site that takes one status a request before and
// after the rest, so that what is deleted meanwhile is not lost.
func TestOneStatusARequest(t *testing.T) {
	t.Parallel()
	all := map[string]any{"page_status": []string{"current", "archived", "trashed"}, "page_size": 10}
	truth := simconfluence.TruthOptions{Statuses: []string{"current", "archived", "trashed"}}
	for _, incremental := range []bool{false, true} {
		o := shown(45, 60)
		o.Quirks.RefuseRepeated = true
		virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
			c := reads(t, f.With(all), incremental, "pages", "blog_posts")
			id := newestFirst(t, f, "pages")[20]
			if !incremental { // a run of changes would see the row in the next one
				var once bool
				f.Site.SetFaults(simconfluence.On("/pages", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
					if q := r.URL.Query(); slices.Equal(q["status"], []string{"current"}) && q.Get("limit") != "1" && !once {
						once = true
						if err := f.Site.SetStatus(simconfluence.Page, id, stream.Trashed); err != nil {
							t.Error(err)
						}
					}
					return false
				}))
			}
			r := c.run()
			if warned := r.logged("WARN", "one status a request"); warned == incremental { // the trash is a list of its own there
				t.Errorf("incremental=%v: warned %v\n%s", incremental, warned, r.told())
			}
			for _, name := range c.names() {
				for key := range changesIn(t, f, name, truth) {
					if _, came := r.rows[name][key]; !came {
						t.Errorf("incremental=%v: %s %s is missing", incremental, name, key)
					}
				}
			}
		})
	}
}
