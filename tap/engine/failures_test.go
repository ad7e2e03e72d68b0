package engine_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// What can't be read is named, and the exit status is not 0. What is gone is not missed.

// below matches requests about one item and what hangs on it.
func below(kind, id string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.Contains(r.URL.Path+"/", "/"+kind+"/"+id+"/") }
}

// once does something before the first request that matches.
func once(match func(*http.Request) bool, do func()) simconfluence.Fault {
	var first sync.Once
	return simconfluence.Where(func(r *http.Request) bool {
		if match(r) {
			first.Do(do)
		}
		return false
	}, nil)
}

// TestParentsThatAnswerNothing says which parents count as gone, whose children nobody misses,
// and which have failed.
func TestParentsThatAnswerNothing(t *testing.T) {
	t.Parallel()
	const words = `{"errors":[{"status":404,"code":"NOT_FOUND","title":"Cannot find it [%s]"}]}`
	type site = *simconfluence.Site
	for _, test := range []struct {
		name    string
		streams string
		kind    simconfluence.Kind
		path    string // of the kind's items
		fault   func(t *testing.T, s site, id string) []simconfluence.Fault
		gone    bool
	}{
		{"a page is deleted", "page_labels page_content_properties", simconfluence.Page, "pages", deleted(simconfluence.Page, "pages"), true},
		{"a page goes to the trash", "page_labels page_versions", simconfluence.Page, "pages", func(t *testing.T, s site, id string) []simconfluence.Fault {
			return []simconfluence.Fault{once(below("pages", id), func() { check(t, s.SetStatus(simconfluence.Page, id, stream.Trashed)) })}
		}, true},
		{"a page is hidden", "page_labels", simconfluence.Page, "pages", func(t *testing.T, s site, id string) []simconfluence.Fault {
			return []simconfluence.Fault{once(below("pages", id), func() { check(t, s.SetVisible(simconfluence.Page, id, false)) })}
		}, true},
		{"a post is deleted", "blog_post_labels blog_post_versions", simconfluence.BlogPost, "blogposts", deleted(simconfluence.BlogPost, "blogposts"), true},
		{"an attachment is deleted", "attachment_labels attachment_versions", simconfluence.Attachment, "attachments", deleted(simconfluence.Attachment, "attachments"), true},
		{"an attachment goes to the trash", "attachment_labels attachment_versions", simconfluence.Attachment, "attachments", func(t *testing.T, s site, id string) []simconfluence.Fault {
			return []simconfluence.Fault{once(below("attachments", id), func() { check(t, s.SetStatus(simconfluence.Attachment, id, stream.Trashed)) })}
		}, true},
		{"a page that the list shows answers 404", "page_labels", simconfluence.Page, "pages", answering(404, fmt.Sprintf(words, "%s"), "pages"), false},
		{"a page that the list shows answers a bare 404", "page_labels", simconfluence.Page, "pages", answering(404, `{"errors":[{"status":404,"title":"Not Found"}]}`, "pages"), false},
		{"an attachment answers a bare 404", "attachment_labels", simconfluence.Attachment, "attachments", answering(404, `{"errors":[{"status":404,"title":"Not Found"}]}`, "attachments"), false},
		{"an attachment answers 404 with words on it", "attachment_labels", simconfluence.Attachment, "attachments", answering(404, fmt.Sprintf(words, "%s"), "attachments"), true},
		{"a page is forbidden", "page_labels page_versions", simconfluence.Page, "pages", answering(403, `{"message":"not you"}`, "pages"), false},
		{"a page answers 500", "page_labels page_versions", simconfluence.Page, "pages", answering(500, `{}`, "pages"), false},
		{"a page is gone, and nobody can be asked", "page_labels", simconfluence.Page, "pages", func(t *testing.T, s site, id string) []simconfluence.Fault {
			return append(answering(404, fmt.Sprintf(words, "%s"), "pages")(t, s, id),
				simconfluence.Where(func(r *http.Request) bool { return r.URL.Query().Get("id") != "" }, simconfluence.Status(500, "{}")))
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			virtual(t, shown(64, 40), func(t *testing.T, f *tapfixture.Fixture) {
				names := strings.Fields(test.streams)
				c := reads(t, f, false, append(names, "spaces")...)
				// The parent has rows of each stream, and several versions.
				id := parentOfAll(t, f, names)
				before := c.try(limit{}).rows
				f.Site.SetFaults(test.fault(t, f.Site, id)...)
				status := 1
				if test.gone {
					status = 0
				}
				r := c.wants(status)
				for _, name := range names {
					for key := range before[name] {
						if _, came := r.rows[name][key]; !came && !strings.HasPrefix(key, id+"/") && !strings.Contains(string(before[name][key]), `"pageId":"`+id+`"`) {
							t.Errorf("%s %s of another parent is missing", name, key)
						}
					}
				}
				if r.logged("WARN", "skipped: 1 ×", "that vanished between listing and reading") != test.gone {
					t.Errorf("the log counts what vanished:\n%s", r.told())
				}
				if !test.gone {
					r.wantFailed(names...)
					r.wantLog("ERROR", "of "+map[string]string{"pages": "pages ", "attachments": "attachments "}[test.path]+id)
					for _, name := range names {
						if e := c.entry(name); e.Progress != "" {
							t.Errorf("the entry of %s is %+v", name, e)
						}
					}
				}
			})
		})
	}
}

// deleted deletes an item when something is first asked about it.
func deleted(k simconfluence.Kind, path string) func(*testing.T, *simconfluence.Site, string) []simconfluence.Fault {
	return func(t *testing.T, s *simconfluence.Site, id string) []simconfluence.Fault {
		return []simconfluence.Fault{once(below(path, id), func() { check(t, s.Delete(k, id)) })}
	}
}

// answering answers all that is asked about an item.
func answering(status int, body, path string) func(*testing.T, *simconfluence.Site, string) []simconfluence.Fault {
	return func(_ *testing.T, _ *simconfluence.Site, id string) []simconfluence.Fault {
		return []simconfluence.Fault{simconfluence.Where(below(path, id), simconfluence.Status(status, strings.ReplaceAll(body, "%s", id)))}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// parentOfAll returns a parent that has rows of each of some streams, two at least.
func parentOfAll(t *testing.T, f *tapfixture.Fixture, names []string) string {
	t.Helper()
	counts := map[string]map[string]int{}
	for _, name := range names {
		for row := range f.Site.Truth(name, scope()) {
			if counts[row.Parent] == nil {
				counts[row.Parent] = map[string]int{}
			}
			counts[row.Parent][name]++
		}
	}
	found := ""
	for id, n := range counts {
		all := true
		for _, name := range names {
			all = all && n[name] > 1
		}
		if all && (found == "" || id < found) {
			found = id
		}
	}
	if found == "" {
		t.Fatalf("no parent has rows of all of %q", names)
	}
	return found
}

// TestManyFailuresAlike asks on after many parents that failed alike, without retries; it leaves
// the rest alone only where the site's words refuse the route.
func TestManyFailuresAlike(t *testing.T) {
	t.Parallel()
	const route = "/pages/{id}/labels"
	o := simconfluence.Options{Seed: 5, Spaces: 2, Pages: 300, AllVisible: true, BodyBytes: 40}
	plain := `{"bookmarks":{"page_labels":{"plain":true}},"tap_confluence":{"v":2,"site":"` + tapfixture.Host + `"}}`
	for _, test := range []struct {
		name  string
		size  int // of pages: refusals are noticed in the middle of one
		fault simconfluence.Fault
		asked func(parents int) (least, most int)
	}{
		{"forbidden", 10, simconfluence.Status(403, `{"message":"not you"}`), func(n int) (int, int) { return n, n }},
		// The first hundred, and those under way then, are asked twice again for each of four limits.
		{"broken", 10, simconfluence.Status(502, ``), func(n int) (int, int) { return n + 11*100, n + 11*140 }},
		{"a scope is missing", 250, simconfluence.Status(401, `{"message":"Unauthorized; scope does not match"}`), func(int) (int, int) { return 100, 140 }},
		{"the route is gone", 250, simconfluence.Status(410, `{}`), func(int) (int, int) { return 100, 140 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
				c := reads(t, f.With(map[string]any{"page_size": test.size}), false, "page_labels", "pages")
				c.state = plain
				f.Site.SetFaults(simconfluence.On(route, test.fault))
				r := c.wants(1)
				r.wantFailed("page_labels")
				c.wantExactly(r.rows, "pages")
				least, most := test.asked(len(changes(t, f, "pages")))
				if n := r.requests[route]; n < least || n > most {
					t.Errorf("%d requests, want %d to %d", n, least, most)
				}
				if lines := strings.Count(r.log, "a parent can't be read"); lines != 1 {
					t.Errorf("%d warnings of one cause:\n%s", lines, r.told())
				}
				r.wantLog("ERROR", "stream failed", "failures, the first of them")
			})
		})
	}
}

// TestFailureIsRemembered interrupts a sync in which something of a stream could not be read, and
// goes on with it: the stream fails all the same. The next sync reads it again.
func TestFailureIsRemembered(t *testing.T) {
	t.Parallel()
	for _, m := range modes {
		for what, spoil := range map[string]func(t *testing.T, f *tapfixture.Fixture, page string) (failed string){
			"a parent": func(_ *testing.T, f *tapfixture.Fixture, page string) string {
				f.Site.SetFaults(simconfluence.Where(below("pages", page), simconfluence.Status(403, `{"message":"not you"}`)))
				return "page_versions"
			},
			"a body": func(_ *testing.T, f *tapfixture.Fixture, page string) string {
				quirk(func(q *simconfluence.Quirks) { q.Unrenderable = []string{page} })(f)
				return "pages"
			},
		} {
			t.Run(m.String()+", "+what, func(t *testing.T) {
				t.Parallel()
				virtual(t, shown(64, 60), func(t *testing.T, f *tapfixture.Fixture) {
					c := m.client(t, f.With(map[string]any{"page_size": 10}), "pages", "page_versions")
					whole := c.try(limit{})
					// The first one of the listing that has several versions.
					ids := newestFirst(t, f, "pages")
					if !m.incremental {
						slices.SortFunc(ids, plan.ByID.Compare)
					}
					versions := changes(t, f, "page_versions")
					page := ids[slices.IndexFunc(ids, func(id string) bool { _, several := versions[id+"/2"]; return several })]
					failed := spoil(t, f, page)
					begin := *c
					for n := total(whole.requests) / 2; !c.position(failed).Failed || !c.position(failed).Begun(); n += 5 {
						*c = begin
						c.broken(limit{request: n})
					}
					f.Site.SetFaults()
					quirk(func(q *simconfluence.Quirks) { q.Unrenderable = nil })(f)
					r := c.wants(1)
					r.wantFailed(failed)
					c.wants(0)
					c.wantWhole(c.rows)
				})
			})
		}
	}
}

// firstRow returns the id of the first row of a stream that fits.
func firstRow(t *testing.T, f *tapfixture.Fixture, name string, fits func(map[string]any) bool) string {
	t.Helper()
	for row := range f.Site.Truth(name, scope()) {
		if fits(tapfixture.Decode(t, row.Data)) {
			return row.Key[0]
		}
	}
	t.Fatalf("no row of %s fits", name)
	return ""
}

// TestUnreadableBodies has items whose bodies the site can't give: their rows come without, they
// are named, and their stream fails at its end.
func TestUnreadableBodies(t *testing.T) {
	t.Parallel()
	virtual(t, shown(64, 60), func(t *testing.T, f *tapfixture.Fixture) {
		page := firstRow(t, f, "pages", func(map[string]any) bool { return true })
		reply := firstRow(t, f, "page_footer_comments", func(row map[string]any) bool { return row["parentCommentId"] != nil })
		quirk(func(q *simconfluence.Quirks) { q.Unrenderable = []string{page, reply} })(f)
		for _, plain := range []bool{false, true} {
			c := reads(t, f, false, "pages", "page_labels", "page_footer_comments", "tasks")
			if plain {
				c.state = `{"bookmarks":{"page_footer_comments":{"plain":true}},"tap_confluence":{"v":2,"site":"` + tapfixture.Host + `"}}`
			}
			r := c.wants(1)
			r.wantFailed("pages", "page_footer_comments")
			c.wantExactly(r.rows)
			for name, id := range map[string]string{"pages": page, "page_footer_comments": reply} {
				if hasBody(t, r.rows[name][id]) {
					t.Errorf("plain=%v: %s %s came with a body", plain, name, id)
				}
				r.wantLog("ERROR", "reading the body of "+id)
			}
			bodies := 0
			for _, record := range r.rows["pages"] {
				if hasBody(t, record) {
					bodies++
				}
			}
			if bodies != len(r.rows["pages"])-1 {
				t.Errorf("%d of %d pages have bodies", bodies, len(r.rows["pages"]))
			}
		}
	})
}

// TestMissingBodies: an item that answers without its body has not given it.
func TestMissingBodies(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "null"} {
		virtual(t, shown(64, 60), func(t *testing.T, f *tapfixture.Fixture) {
			page := firstRow(t, f, "pages", func(map[string]any) bool { return true })
			quirk(func(q *simconfluence.Quirks) { q.Unrenderable = []string{page} })(f)
			answer := `{"id":"` + page + `","status":"current"}`
			if body != "" {
				answer = `{"id":"` + page + `","body":` + body + `}`
			}
			f.Site.SetFaults(simconfluence.Where(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/pages/"+page) }, simconfluence.Body("application/json", answer)))
			c := reads(t, f, false, "pages")
			r := c.wants(1)
			r.wantFailed("pages")
			r.wantLog("ERROR", "reading the body of "+page)
			c.wantExactly(r.rows)
		})
	}
}

func hasBody(t *testing.T, record json.RawMessage) bool {
	t.Helper()
	body, _ := tapfixture.Decode(t, record)["body"].(map[string]any)
	return body["storage"] != nil
}

// TestAccountLost loses the account in the middle of a sync, as sites do: bare 404s. The sync
// ends with its last proven positions, and goes on once the account is back.
func TestAccountLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(s *simconfluence.Site, n int){
		"bare 404s":  func(s *simconfluence.Site, n int) { s.LoseAccountAfter(n) },
		"401":        func(s *simconfluence.Site, n int) { s.SetModeAfter(n, simconfluence.Unauthorized) },
		"anonymous":  func(s *simconfluence.Site, n int) { s.SetModeAfter(n, simconfluence.Anonymous) },
		"public":     func(s *simconfluence.Site, n int) { s.SetModeAfter(n, simconfluence.Public) },
		"unlicensed": func(s *simconfluence.Site, n int) { s.SetModeAfter(n, simconfluence.Unlicensed) },
	} {
		for _, m := range modes {
			t.Run(name+", "+m.String(), func(t *testing.T) {
				t.Parallel()
				virtual(t, shown(64, 40), func(t *testing.T, f *tapfixture.Fixture) {
					f = f.With(map[string]any{"page_size": 10})
					whole := m.client(t, f).try(limit{})
					for i := 1; i < 4; i++ {
						c := m.client(t, f)
						lose(f.Site, total(whole.requests)*i/4)
						r := c.broken(limit{})
						if want := map[bool]int{false: tap.ExitRefused, true: tap.ExitFailed}[m.airbyte]; r.status != want {
							t.Errorf("exit status %d, want %d\n%s", r.status, want, r.told())
						}
						f.Site.SetMode(simconfluence.Normal)
						f.Site.RestoreAccount()
						c.run()
						if c.wantWhole(c.rows); t.Failed() {
							t.Fatalf("lost after %d/4 of the requests", i)
						}
					}
				})
			})
		}
	}
}

// TestSiteGone has the whole site answer 503 from some request on: the sync is interrupted, and
// goes on once the site is back. One listing that answers so fails alone.
func TestSiteGone(t *testing.T) {
	t.Parallel()
	virtual(t, shown(64, 40), func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f.With(map[string]any{"page_size": 10}), false)
		whole := c.try(limit{})
		f.Site.SetFaults(simconfluence.After(total(whole.requests)/2, simconfluence.Status(503, `{}`)))
		c.broken(limit{}).wantFailed()
		f.Site.SetFaults()
		c.run()
		c.wantWhole(c.rows)

		f.Site.SetFaults(simconfluence.On("/pages", simconfluence.After(2, simconfluence.Status(503, `{}`))))
		r := c.wants(1)
		r.wantFailed(where(func(s *stream.Stream) bool { return s.Listing == stream.Pages })...)
		c.wantExactly(r.rows, where(func(s *stream.Stream) bool { return s.Listing != stream.Pages })...)
	})
}
