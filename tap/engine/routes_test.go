package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Whatever the route, the rows are the same. Every stream is read by every route that can serve
// it, and its records are compared field by field with the site's plain route.

// varied is a site of which every list and block has more rows than one answer holds, at least
// for one parent (of labels only if there are many), and whose content is in every status.
func varied(labels int) simconfluence.Options {
	o := simconfluence.Scaled(5, 60)
	o.BodyBytes, o.BlogPosts, o.Attachments, o.Labels = 60, 40, 120, labels
	return o
}

// plainly is a Singer state that sends streams to their plain routes.
func plainly(t *testing.T, names ...string) string {
	t.Helper()
	entries := map[string]any{}
	for _, name := range names {
		entries[name] = map[string]bool{"plain": true}
	}
	text, err := json.Marshal(map[string]any{"bookmarks": entries, "tap_confluence": map[string]any{"v": 2, "site": tapfixture.Host}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestEveryRouteGivesTheSameRows reads every stream by every route.
func TestEveryRouteGivesTheSameRows(t *testing.T) {
	t.Parallel()
	hasPlain := func(s *stream.Stream) bool { return s.Route != "" }
	isChild := func(s *stream.Stream) bool { return s.IsChild() }
	items := []string{"/spaces/{id}", "/pages/{id}", "/blogposts/{id}", "/attachments/{id}"}
	comments := []string{"/footer-comments", "/inline-comments"}
	var combined, alone [][]string
	for _, l := range []*stream.Listing{stream.Spaces, stream.Pages, stream.BlogPosts, stream.Attachments} {
		names := includedIn(l)
		combined = append(combined, names, names[:2])
	}
	for _, name := range stream.Names() {
		alone = append(alone, []string{name})
	}
	for _, test := range []struct {
		name     string
		labels   int
		runs     [][]string // of streams, nil for one of all
		plain    bool
		mode     mode
		settings map[string]any
		prepare  func(f *tapfixture.Fixture) map[string]any
		used     []string // routes that must be asked
		unused   []string // routes that must not be
	}{
		{
			name: "everything at once", used: slices.Concat(comments, items),
			unused: []string{"/pages/{id}/direct-children", "/labels", "/footer-comments/{id}/children", "/pages/{id}/footer-comments"},
		},
		{name: "everything at once, Airbyte", mode: mode{airbyte: true}, used: items},
		{
			name: "every stream alone", runs: alone,
			used: []string{"/pages/{id}/labels", "/spaces/{id}/labels", "/pages/{id}/properties", "/pages/{id}/versions"}, unused: items,
		},
		{name: "combined reads of two and of all", runs: combined, used: items, unused: []string{"/labels"}},
		{
			name: "plain lists", runs: [][]string{where(hasPlain)}, plain: true,
			used: []string{"/pages/{id}/direct-children", "/attachments/{id}/versions", "/pages/{id}/labels", "/pages/{id}/footer-comments", "/inline-comments/{id}/children"}, unused: slices.Concat(items, comments, []string{"/labels"}),
		},
		{
			name: "labels by label", labels: fewLabels, runs: [][]string{where(isLabels)},
			used: []string{"/labels", "/labels/{id}/pages", "/labels/{id}/blogposts", "/labels/{id}/attachments"}, unused: append([]string{"/pages/{id}/labels"}, items...),
		},
		{name: "versions in order of change", runs: [][]string{where(isVersions)}, mode: mode{incremental: true}, used: []string{"/pages/{id}/versions", "/blogposts/{id}/versions", "/attachments/{id}/versions"}, unused: items},
		{name: "children", runs: [][]string{{"child_pages"}}, used: []string{"/pages"}, unused: []string{"/pages/{id}/direct-children"}},
		{
			name: "comments of a site that refuses its lists", runs: [][]string{where(isComments)},
			prepare: func(f *tapfixture.Fixture) map[string]any {
				f.Site.SetFaults(refuse(http.StatusGone, "no", comments...)...)
				return nil
			},
			used: append([]string{"/pages/{id}/footer-comments", "/blogposts/{id}/inline-comments"}, comments...),
		},
		{name: "chosen spaces, all of them", prepare: func(f *tapfixture.Fixture) map[string]any { return map[string]any{"space_keys": f.Site.SpaceKeys()} }, used: append([]string{"/spaces"}, items...)},
		{name: "small pages, many at once", settings: map[string]any{"page_size": 7, "concurrency": 16}, used: append([]string{"/pages"}, items...)},
		{name: "changes since long ago", mode: mode{incremental: true}, used: append([]string{"/pages/{id}/versions"}, comments...), unused: []string{"/pages/{id}/footer-comments"}},
		{name: "combined reads without blocks", runs: [][]string{where(isChild)}, prepare: func(f *tapfixture.Fixture) map[string]any {
			quirk(func(q *simconfluence.Quirks) { q.NoBlocks = true })(f)
			return nil
		}, used: append([]string{"/pages/{id}/labels"}, items...)},
		{name: "replies that don't name their page", runs: [][]string{where(isComments)}, plain: true, prepare: func(f *tapfixture.Fixture) map[string]any {
			quirk(func(q *simconfluence.Quirks) { q.ReplyNullPage = true })(f)
			return nil
		}, used: []string{"/footer-comments/{id}/children"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			labels := test.labels
			if labels == 0 {
				labels = manyLabels
			}
			virtual(t, varied(labels), func(t *testing.T, f *tapfixture.Fixture) {
				f = f.With(test.settings)
				if test.prepare != nil {
					f = f.With(test.prepare(f))
				}
				if test.runs == nil {
					test.runs = [][]string{stream.Names()}
				}
				asked := map[string]int{}
				for _, names := range test.runs {
					c := test.mode.client(t, f, names...)
					if test.plain {
						c.state = plainly(t, names...)
					}
					r := c.run()
					for route, n := range r.requests {
						asked[route] += n
					}
					for _, name := range names {
						if len(r.rows[name]) == 0 || !same(t, f, name, r.rows[name]) {
							c.wantExactly(r.rows, name)
							t.Errorf("the %d rows of %s are not those of the plain route", len(r.rows[name]), name)
						}
					}
				}
				for _, route := range test.used {
					if asked[route] == 0 {
						t.Errorf("%s was not asked", route)
					}
				}
				for _, route := range test.unused {
					if asked[route] > 0 {
						t.Errorf("%s was asked %d times", route, asked[route])
					}
				}
				if v := f.Site.Violations(); len(v) > 0 {
					t.Errorf("requests that the documents don't have: %q", v[:1])
				}
			})
		})
	}
}

// wantScope fails the test unless a run's rows are those of the site in a scope.
func wantScope(t *testing.T, f *tapfixture.Fixture, got rows, o simconfluence.TruthOptions, names ...string) {
	t.Helper()
	o.BodyFormat = "storage"
	for _, name := range names {
		records := map[string]string{}
		for key, record := range got[name] {
			records[key] = tapfixture.Canonical(t, name, tapfixture.Decode(t, record))
		}
		tapfixture.Compare(t, name, records, f.Expect(name, o))
	}
}

// manyElsewhere has a search tell that the whole site has a million rows of each kind, so that few
// chosen spaces are read item by item.
func manyElsewhere() simconfluence.Fault {
	return simconfluence.Where(func(r *http.Request) bool {
		cql := r.URL.Query().Get("cql")
		return strings.HasPrefix(cql, "type=") && !strings.Contains(cql, "space")
	}, simconfluence.Body("application/json", `{"results":[],"totalSize":1000000}`))
}

// TestChosenSpacesGiveTheSameRows reads one space at a time, as a whole and owner by owner, and all
// spaces but one.
func TestChosenSpacesGiveTheSameRows(t *testing.T) {
	t.Parallel()
	o := varied(manyLabels)
	o.Spaces = 3
	owners := []string{"/pages/{id}/footer-comments", "/blogposts/{id}/inline-comments"}
	for i := range o.Spaces {
		for _, way := range []string{"as a whole", "by owner", "all but one"} {
			virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
				key := f.Site.SpaceKeys()[i%len(f.Site.SpaceKeys())]
				setting, scope := "space_keys", simconfluence.TruthOptions{SpaceKeys: []string{key}}
				switch way {
				case "all but one":
					setting, scope = "exclude_space_keys", simconfluence.TruthOptions{ExcludeSpaceKeys: []string{key}}
				case "by owner":
					f.Site.SetFaults(manyElsewhere())
				}
				r := reads(t, f.With(map[string]any{setting: []string{key}}), false).run()
				wantScope(t, f, r.rows, scope, stream.Names()...)
				asked := 0
				for _, route := range owners {
					asked += r.requests[route]
				}
				if asked > 0 != (way == "by owner") {
					t.Errorf("space %s, %s: %d lists by owner", key, way, asked)
				}
				if v := f.Site.Violations(); len(v) > 0 {
					t.Errorf("requests that the documents don't have: %q", v[:1])
				}
			})
		}
	}
}

// TestCommentsOfTheTrash: comments on pages and posts in the trash are left out where a site's lists
// show them, as page by page. Audits agree.
func TestCommentsOfTheTrash(t *testing.T) {
	t.Parallel()
	o := varied(manyLabels)
	o.Spaces, o.Quirks.BinnedComments = 3, true
	names := where(isComments)
	for _, test := range []struct {
		name     string
		mode     mode
		settings func(keys []string) map[string]any
	}{
		{"all", mode{}, nil},
		{"of some spaces", mode{}, func(keys []string) map[string]any { return map[string]any{"exclude_space_keys": keys[2:]} }},
		{"by change", mode{incremental: true}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
				f, scope := f.With(map[string]any{"audit_samples": 10}), simconfluence.TruthOptions{}
				if test.settings != nil {
					f, scope.ExcludeSpaceKeys = f.With(test.settings(f.Site.SpaceKeys())), f.Site.SpaceKeys()[2:]
				}
				r := test.mode.client(t, f, names...).run()
				wantScope(t, f, r.rows, scope, names...)
				if r.requests["/footer-comments"] == 0 || strings.Contains(r.told(), "lacks rows") || !strings.Contains(r.told(), "neither current nor archived") {
					t.Errorf("lists asked: %v\n%s", r.requests, r.told())
				}
				if v := f.Site.Violations(); len(v) > 0 {
					t.Errorf("requests that the documents don't have: %q", v[:1])
				}
			})
		})
	}
}

// TestCommentsTrashedMeanwhile edits comments whose page goes to the trash: an incremental run leaves them
// out.
func TestCommentsTrashedMeanwhile(t *testing.T) {
	t.Parallel()
	o := varied(manyLabels)
	o.Quirks.BinnedComments = true
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		const name = "page_footer_comments"
		c := reads(t, f, true, name)
		c.run()
		f.Site.Advance(time.Hour)
		on := map[string]string{} // pages by comment
		for row := range f.Site.Truth(name, scope()) {
			on[row.Key[0]] = row.Parent
		}
		trashed := on[newestFirst(t, f, name)[0]]
		if err := f.Site.SetStatus(simconfluence.Page, trashed, stream.Trashed); err != nil {
			t.Fatal(err)
		}
		edit(t, f, simconfluence.FooterComment, slices.Collect(maps.Keys(on))...)
		got := c.run().rows[name]
		for id, page := range on {
			if _, came := got[id]; came != (page != trashed) {
				t.Errorf("comment %s on page %s, of which %s is in the trash: came %v", id, page, trashed, came)
			}
		}
	})
}

// TestCommentsWithoutPages: where the site does not tell what pages and posts comments are on, all
// are kept, and it is said once.
func TestCommentsWithoutPages(t *testing.T) {
	t.Parallel()
	virtual(t, varied(manyLabels), func(t *testing.T, f *tapfixture.Fixture) {
		f.Site.SetFaults(refuse(http.StatusForbidden, "no", "/pages", "/blogposts")...)
		names := where(isComments)
		r := reads(t, f.With(map[string]any{"page_size": 50}), false, names...).run()
		wantScope(t, f, r.rows, simconfluence.TruthOptions{}, names...)
		if n := strings.Count(r.told(), "unknown status are kept"); n != 1 {
			t.Errorf("said %d times\n%s", n, r.told())
		}
	})
}

// TestTasksWithoutSpaces: tasks that name no space lie where their page or post lies.
func TestTasksWithoutSpaces(t *testing.T) {
	t.Parallel()
	o := shown(49, 60)
	o.Spaces, o.Quirks.NoTaskSpaces = 3, true
	for _, setting := range []string{"space_keys", "exclude_space_keys"} {
		virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
			keys := f.Site.SpaceKeys()[:1]
			scope := simconfluence.TruthOptions{SpaceKeys: keys}
			if setting == "exclude_space_keys" {
				scope = simconfluence.TruthOptions{ExcludeSpaceKeys: keys}
			}
			r := reads(t, f.With(map[string]any{setting: keys}), false, "tasks").run()
			wantScope(t, f, r.rows, scope, "tasks")
			if len(r.rows["tasks"]) == 0 || strings.Contains(r.told(), "lie in no page") {
				t.Errorf("%s: %d tasks\n%s", setting, len(r.rows["tasks"]), r.told())
			}
		})
	}
}

// TestSpacesIgnored: rows of spaces that were not asked for are left out.
func TestSpacesIgnored(t *testing.T) {
	t.Parallel()
	virtual(t, shown(48, 60), func(t *testing.T, f *tapfixture.Fixture) {
		keys := f.Site.SpaceKeys()[:1]
		var faults []simconfluence.Fault
		for _, l := range stream.Listings {
			if l.SpaceParam != "" {
				faults = append(faults, without(l.Route, l.SpaceParam))
			}
		}
		f.Site.SetFaults(faults...)
		names := []string{"spaces", "pages", "blog_posts", "tasks", "page_labels"}
		r := reads(t, f.With(map[string]any{"space_keys": keys}), false, names...).run()
		wantScope(t, f, r.rows, simconfluence.TruthOptions{SpaceKeys: keys}, names...)
	})
}

// TestManySpaces reads more spaces than a request takes: in full and by change, also of a row
// that changes while it is listed.
func TestManySpaces(t *testing.T) {
	t.Parallel()
	const spaces = 130
	o := shown(53, 2*spaces)
	o.Spaces, o.CustomContent = spaces, spaces
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		var keys []string
		for i := range spaces - 5 {
			keys = append(keys, f.Site.SpaceKey(i))
		}
		f = f.With(map[string]any{"space_keys": keys})
		names := []string{"pages", "blog_posts", "custom_content"}
		scope := simconfluence.TruthOptions{SpaceKeys: keys}
		wantScope(t, f, reads(t, f, false, names...).run().rows, scope, names...)
		c := reads(t, f, true, names...)
		wantScope(t, f, c.run().rows, scope, names...)
		inside := changesIn(t, f, "pages", scope)
		ids := slices.DeleteFunc(newestFirst(t, f, "pages"), func(id string) bool { _, in := inside[id]; return !in })
		f.Site.SetFaults(before(t, "/pages", 2, func() { edit(t, f, simconfluence.Page, ids[3], ids[len(ids)-1]) }))
		union := c.run().rows
		maps.Copy(union["pages"], c.run().rows["pages"])
		for _, id := range []string{ids[3], ids[len(ids)-1]} {
			if record := union["pages"][id]; record == nil || !changedAt(t, "pages", record).Equal(changes(t, f, "pages")[id]) {
				t.Errorf("page %s, which changed while it was listed, did not come in its newest version", id)
			}
		}
	})
}

// TestOwnersUncounted: where nobody can count what comments lie in, they are read as a whole.
func TestOwnersUncounted(t *testing.T) {
	t.Parallel()
	for _, refused := range []string{"", "/wiki/rest/api/search"} {
		virtual(t, shown(63, 60), func(t *testing.T, f *tapfixture.Fixture) {
			keys := f.Site.SpaceKeys()[:1]
			f = f.With(map[string]any{"space_keys": keys})
			faults := []simconfluence.Fault{manyElsewhere()}
			if refused != "" {
				faults = append(refuse(http.StatusForbidden, "no", refused), faults...)
			}
			f.Site.SetFaults(faults...)
			names := []string{"spaces", "pages", "page_footer_comments"}
			r := reads(t, f, false, names...).run()
			wantScope(t, f, r.rows, simconfluence.TruthOptions{SpaceKeys: keys}, names...)
			if byOwner := r.requests["/pages/{id}/footer-comments"] > 0; byOwner != (refused == "") {
				t.Errorf("%q is refused, comments are read by owner: %v", refused, byOwner)
			}
		})
	}
}

// TestOwnersOfRefusedTypes: attachments on custom content of a type that the site refuses to list,
// at once or halfway, or whose types can't be searched for, come all the same.
func TestOwnersOfRefusedTypes(t *testing.T) {
	t.Parallel()
	no := simconfluence.ErrorShapes()[0].Fault(http.StatusForbidden, "no")
	o := shown(65, 60)
	o.CustomContent, o.Attachments, o.Spaces = 60, 200, 2
	for _, setting := range []string{"space_keys", "exclude_space_keys"} {
		for name, faults := range map[string]func(kind string) []simconfluence.Fault{
			"nothing": func(string) []simconfluence.Fault { return nil },
			"a type":  func(kind string) []simconfluence.Fault { return []simconfluence.Fault{ofType(kind, no)} },
			"a type, halfway": func(kind string) []simconfluence.Fault {
				return []simconfluence.Fault{ofType(kind, simconfluence.After(1, no))}
			},
			"the search": func(string) []simconfluence.Fault {
				return refuse(http.StatusBadRequest, "no", "/wiki/rest/api/search")
			},
		} {
			virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
				f.Site.SetFaults(faults(f.Site.CustomTypes()[0])...)
				keys := f.Site.SpaceKeys()[:1]
				scope := simconfluence.TruthOptions{SpaceKeys: keys}
				if setting == "exclude_space_keys" {
					scope = simconfluence.TruthOptions{ExcludeSpaceKeys: keys}
				}
				r := reads(t, f.With(map[string]any{"page_size": 5, setting: keys}), false, "spaces", "attachments").run()
				if wantScope(t, f, r.rows, scope, "attachments"); t.Failed() {
					t.Fatalf("%s, %s is refused:\n%s", setting, name, r.told())
				}
			})
		}
	}
}

// TestOwnerMadeMeanwhile edits a comment of a page that the listing of pages does not show when a
// first row asks for it: its space is asked for again, of the page itself.
func TestOwnerMadeMeanwhile(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"space_keys", "exclude_space_keys"} {
		virtual(t, shown(61, 80), func(t *testing.T, f *tapfixture.Fixture) {
			keys := f.Site.SpaceKeys()[:1]
			var comment, page string
			for row := range f.Site.Truth("page_footer_comments", simconfluence.TruthOptions{SpaceKeys: keys}) {
				comment, page = row.Key[0], row.Parent
			}
			hide := simconfluence.Rewrite(func(body []byte) []byte {
				return []byte(strings.ReplaceAll(string(body), `"id":"`+page+`"`, `"id":"1"`))
			})
			f.Site.SetFaults(simconfluence.On("/pages", hide))
			c := reads(t, f.With(map[string]any{setting: keys}), true, "page_footer_comments")
			c.run()
			edit(t, f, simconfluence.FooterComment, comment)
			_, came := c.run().rows["page_footer_comments"][comment]
			if came != (setting == "space_keys") {
				t.Errorf("%s: the comment came: %v", setting, came)
			}
		})
	}
}

// TestLargePagesBesideOwners: what rows lie in is asked for while their page is held and the next
// one waits for memory. Neither waits for the other.
func TestLargePagesBesideOwners(t *testing.T) {
	t.Parallel()
	virtual(t, shown(61, 120), func(t *testing.T, f *tapfixture.Fixture) {
		keys := f.Site.SpaceKeys()[:1]
		second := make(chan struct{})
		var once sync.Once
		n := 0
		pad := simconfluence.Rewrite(func(body []byte) []byte { return append([]byte(strings.Repeat(" ", 52<<20)), body...) })
		f.Site.SetFaults(
			simconfluence.On("/attachments", func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
				if n++; n == 2 {
					time.AfterFunc(time.Minute/2, func() { once.Do(func() { close(second) }) }) // by then it has found no room
				}
				return pad(w, r, next)
			}),
			simconfluence.Where(func(r *http.Request) bool { return r.URL.Query().Get("id") != "" }, func(http.ResponseWriter, *http.Request, http.Handler) bool {
				<-second
				return false
			}))
		c := reads(t, f.With(map[string]any{"space_keys": keys, "page_size": 150}), true, "attachments")
		wantScope(t, f, c.run().rows, simconfluence.TruthOptions{SpaceKeys: keys}, "attachments")
	})
}

// TestHiddenSpace leaves out a space that the settings exclude and the site hides when the run
// begins, should it come to light.
func TestHiddenSpace(t *testing.T) {
	t.Parallel()
	o := shown(48, 60)
	o.Spaces = 3
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		key := f.Site.SpaceKeys()[1]
		var space string
		for row := range f.Site.Truth("spaces", simconfluence.TruthOptions{SpaceKeys: []string{key}}) {
			space = row.Key[0]
		}
		check(t, f.Site.SetVisible(simconfluence.Space, space, false))
		f.Site.SetFaults(before(t, "/pages", 1, func() { check(t, f.Site.SetVisible(simconfluence.Space, space, true)) }))
		r := reads(t, f.With(map[string]any{"exclude_space_keys": []string{key}}), false, "pages", "page_labels").run()
		wantScope(t, f, r.rows, simconfluence.TruthOptions{ExcludeSpaceKeys: []string{key}}, "pages", "page_labels")
		r.wantLog("WARN", fmt.Sprintf("key=%s", key))
	})
}
