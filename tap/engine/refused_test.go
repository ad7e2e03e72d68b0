package engine_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// What a site refuses is read in another way, or the stream fails loudly.

var refusals = []int{http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusNotImplemented}

// TestRefusedCommentLists refuses the site-wide lists of comments: they are read by parent, in
// full and by change. What is refused today may be allowed tomorrow.
func TestRefusedCommentLists(t *testing.T) {
	t.Parallel()
	for _, status := range refusals {
		for _, incremental := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d, incremental=%v", status, incremental), func(t *testing.T) {
				t.Parallel()
				virtual(t, dense(), func(t *testing.T, f *tapfixture.Fixture) {
					c := reads(t, f, incremental, append(where(isComments), "pages")...)
					f.Site.SetFaults(refuse(status, "no", "/footer-comments", "/inline-comments")...)
					r := c.run()
					c.wantExactly(r.rows)
					if r.requests["/pages/{id}/footer-comments"] == 0 || r.requests["/blogposts/{id}/inline-comments"] == 0 {
						t.Errorf("comments were not read by parent: %v", r.requests)
					}
					r.wantLog("WARN", "refuses the listing", "listing=footer comments")
					r.wantLog("WARN", "refuses the listing", "listing=inline comments")

					since := map[string]time.Time{}
					for _, name := range c.names() {
						if incremental {
							since[name] = c.bookmark(name)
						}
					}
					edit(t, f, simconfluence.FooterComment, newestFirst(t, f, "page_footer_comments")[5])
					edit(t, f, simconfluence.InlineComment, newestFirst(t, f, "blog_post_inline_comments")[2])
					f.Site.Advance(time.Hour)
					r = c.run()
					for name, at := range since {
						c.wantSince(r.rows, name, at)
					}
					if incremental {
						f.Site.Advance(time.Hour)
						wantQuiet(c, c.run().rows, "page_footer_comments")
					}

					f.Site.SetFaults()
					if r = c.run(); r.requests["/pages/{id}/footer-comments"] > 0 {
						t.Errorf("the lists are allowed again, and not asked: %v", r.requests)
					}
				})
			})
		}
	}
}

// TestRefusedListsFail refuses a listing that has no other route: its streams fail, the others are
// complete, and no bookmark is made up.
func TestRefusedListsFail(t *testing.T) {
	t.Parallel()
	for _, status := range refusals {
		for _, incremental := range []bool{false, true} {
			virtual(t, dense(), func(t *testing.T, f *tapfixture.Fixture) {
				f.Site.SetFaults(refuse(status, "no", "/pages")...)
				c := reads(t, f, incremental, "pages", "page_labels", "page_versions", "blog_posts", "tasks")
				r := c.wants(1)
				r.wantFailed("pages", "page_labels", "page_versions")
				c.wantExactly(r.rows, "blog_posts", "tasks")
				want := map[bool]string{true: "2000-01-01T00:00:00.000Z"}[incremental]
				if e := c.entry("pages"); e.Progress != "" || e.ReplicationKeyValue != want {
					t.Errorf("%d: the failed stream's entry is %+v", status, e)
				}
			})
		}
	}
}

// TestSearchRefused: without the search nothing tells which types of custom content there are.
// The stream fails, whatever the words of the refusal; nothing else does.
func TestSearchRefused(t *testing.T) {
	t.Parallel()
	for status, words := range map[int]string{
		http.StatusForbidden:           "Current user not permitted to use Confluence",
		http.StatusNotFound:            "no",
		http.StatusBadRequest:          "no",
		http.StatusInternalServerError: "no",
	} {
		virtual(t, dense(), func(t *testing.T, f *tapfixture.Fixture) {
			f.Site.SetFaults(refuse(status, words, "/wiki/rest/api/search")...)
			others := append(where(isLabels), "spaces", "pages", "attachments")
			c := reads(t, f, false, append(others, "custom_content")...)
			r := c.wants(1)
			r.wantFailed("custom_content")
			r.wantLog("ERROR", "custom_content_types")
			c.wantExactly(r.rows, others...)

			c = reads(t, f.With(map[string]any{"custom_content_types": f.Site.CustomTypes()}), false, "custom_content")
			c.wantExactly(c.run().rows)
		})
	}
}

// TestUnknownType leaves out a type that the site does not know, and no other; its bookmark stays.
func TestUnknownType(t *testing.T) {
	t.Parallel()
	const unknown = "ac:org.example.unknown:thing"
	for _, m := range modes {
		virtual(t, dense(), func(t *testing.T, f *tapfixture.Fixture) {
			c := m.client(t, f.With(map[string]any{"custom_content_types": append([]string{unknown}, f.Site.CustomTypes()...)}), "custom_content")
			r := c.run()
			c.wantExactly(r.rows)
			r.wantLog("WARN", "skipping a type of custom content that the site does not know", unknown)
			if at := c.entry("custom_content").Partitions[unknown]; m.incremental && at != "2000-01-01T00:00:00.000Z" {
				t.Errorf("its bookmark is %q", at)
			}
		})
	}
}

// TestTypeRefused: a type of custom content that is refused to this account, or whose second page
// is not found, is not one that the site does not know. Its stream fails and its bookmark stays;
// the other types are read.
func TestTypeRefused(t *testing.T) {
	t.Parallel()
	o := shown(65, 60)
	o.CustomContent = 60
	shape := simconfluence.ErrorShapes()[0]
	for what, fault := range map[string]func() simconfluence.Fault{
		"forbidden":        func() simconfluence.Fault { return shape.Fault(http.StatusForbidden, "no") },
		"broken":           func() simconfluence.Fault { return simconfluence.Status(http.StatusInternalServerError, "{}") },
		"halfway":          func() simconfluence.Fault { return simconfluence.After(1, shape.Fault(http.StatusNotFound, "no")) },
		"halfway, unknown": func() simconfluence.Fault { return simconfluence.After(1, shape.Fault(http.StatusBadRequest, "no")) },
	} {
		for i, incremental := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, incremental=%v", what, incremental), func(t *testing.T) {
				t.Parallel()
				virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
					kinds := f.Site.CustomTypes()
					kind, other := kinds[i], kinds[1-i]
					f.Site.SetFaults(ofType(kind, fault()))
					c := reads(t, f.With(map[string]any{"page_size": 5}), incremental, "spaces", "custom_content")
					r := c.wants(1)
					r.wantFailed("custom_content")
					of := kindsOf(t, f)
					for key := range changes(t, f, "custom_content") {
						if _, came := r.rows["custom_content"][key]; of[key] == other && !came {
							t.Errorf("%s of the other type did not come", key)
						}
					}
					const anchor = "2000-01-01T00:00:00.000Z"
					if p := c.entry("custom_content").Partitions; incremental && (p[kind] != anchor || p[other] == anchor) {
						t.Errorf("the bookmarks are %v", p)
					}
					f.Site.SetFaults()
					c.run()
					c.wantWhole(c.rows)
				})
			})
		}
	}
}

// TestCountRefused: where nothing can be counted, labels are read by parent or by label all the
// same; if their parents can't be listed, their stream fails and no other.
func TestCountRefused(t *testing.T) {
	t.Parallel()
	for _, labels := range []int{fewLabels, manyLabels} {
		o := dense()
		o.Labels = labels
		virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
			f.Site.SetFaults(refuse(http.StatusForbidden, "no", "/wiki/rest/api/search", "/blogposts")...)
			c := reads(t, f, false, "spaces", "page_labels", "blog_post_labels")
			r := c.wants(1)
			r.wantFailed("blog_post_labels")
			c.wantExactly(r.rows, "spaces", "page_labels")
		})
	}
}

// TestFailedOncePerCause tells one cause once, also when it meets many streams.
func TestFailedOncePerCause(t *testing.T) {
	t.Parallel()
	virtual(t, dense(), func(t *testing.T, f *tapfixture.Fixture) {
		f.Site.SetMissingScopes("read:page:confluence")
		r := reads(t, f, false).wants(1)
		if n := strings.Count(r.log, "the token needs the scope read:page:confluence"); n == 0 || n > 40 {
			t.Errorf("the cause is told %d times:\n%s", n, r.told())
		}
		c := reads(t, f, false, "spaces", "groups", "tasks", "attachments")
		c.wantExactly(r.rows)
	})
}
