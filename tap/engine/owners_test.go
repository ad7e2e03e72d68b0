package engine_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
)

// onPage returns the id of a stream's first row that belongs to a page of a space, but not to
// one page, and the page's.
func (w *world) onPage(name, space, but string) (id, page string) {
	w.t.Helper()
	for row := range w.site.Truth(name, simconfluence.TruthOptions{SpaceKeys: []string{space}}) {
		if page := text(rawjson.Value(row.Data).Member("pageId")); page != "" && page != but {
			return row.Key[0], page
		}
	}
	w.t.Fatalf("no row of %s is on a page of %s", name, space)
	return "", ""
}

// unmade hides a page from the listing of pages until it is made.
func unmade(id string, made *atomic.Bool) simconfluence.Fault {
	hide := simconfluence.Rewrite(func(body []byte) []byte {
		return []byte(strings.Replace(string(body), `"id":"`+id+`"`, `"id":"1"`, 1))
	})
	return simconfluence.On("/pages", func(rw http.ResponseWriter, r *http.Request, next http.Handler) bool {
		return !made.Load() && hide(rw, r, next)
	})
}

// TestOwnerMadeMeanwhile: comments of a page that is made just before their listing is asked
// for, when the pages of the chosen spaces have been listed already for attachments.
func TestOwnerMadeMeanwhile(t *testing.T) {
	t.Parallel()
	for _, exclude := range []bool{false, true} {
		w := newWorld(t, shown(61, 80))
		space := w.site.SpaceKey(0)
		if exclude {
			w.config.ExcludeSpaceKeys = []string{space}
		} else {
			w.config.SpaceKeys = []string{space}
		}
		s := sync_{streams: []string{"attachments", "page_footer_comments"}, incremental: true}
		_, s.state, _ = w.collect(s)
		comment, page := w.onPage("page_footer_comments", space, "")
		attachment, _ := w.onPage("attachments", space, page)
		w.edit(simconfluence.FooterComment, comment)
		w.edit(simconfluence.Attachment, attachment)
		listed := make(chan struct{})
		var once sync.Once
		var made atomic.Bool
		w.site.SetFaults(unmade(page, &made),
			simconfluence.On("/custom-content", func(http.ResponseWriter, *http.Request, http.Handler) bool {
				once.Do(func() { close(listed) }) // pages and posts have been listed
				return false
			}),
			simconfluence.On("/footer-comments", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				select {
				case <-listed:
				case <-r.Context().Done():
				}
				made.Store(true)
				return false
			}))
		got, _, _ := w.collect(s)
		if !made.Load() {
			t.Fatal("comments were not listed")
		}
		if holds(got, comment) == exclude || holds(got, attachment) == exclude {
			t.Errorf("exclude=%v: the new page's comment came: %v, the old page's attachment: %v", exclude, holds(got, comment), holds(got, attachment))
		}
	}
}

// TestRowThatNamesItsSpace: custom content of a space left out that came to be when what lies in
// that space had been listed already.
func TestRowThatNamesItsSpace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(62, 60))
	id := ""
	for row := range w.site.Truth("custom_content", simconfluence.TruthOptions{SpaceKeys: []string{w.site.SpaceKey(0)}}) {
		if text(rawjson.Value(row.Data).Member("spaceId")) != "" {
			id = row.Key[0]
		}
	}
	w.config.ExcludeSpaceKeys = []string{w.site.SpaceKey(0)}
	hidden := false
	w.site.SetFaults(simconfluence.Where(func(r *http.Request) bool { return r.URL.Query().Get("space-id") != "" },
		simconfluence.Rewrite(func(body []byte) []byte {
			without := strings.Replace(string(body), `"id":"`+id+`"`, `"id":"1"`, 1)
			hidden = hidden || without != string(body)
			return []byte(without)
		})))
	w.config.Concurrency = 1
	got, _, _ := w.collect(sync_{streams: []string{"custom_content"}})
	if !hidden || holds(got, id) {
		t.Errorf("hidden %v; %s of the space left out came: %v", hidden, id, holds(got, id))
	}
}

// TestOwnersRefused: where the pages of the chosen spaces can't be listed, the streams fail
// that need them, and no others.
func TestOwnersRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(63, 60))
	w.config.SpaceKeys = w.site.SpaceKeys()[:1]
	refuse(http.StatusForbidden, "/pages")(w)
	out := w.run(sync_{streams: []string{"spaces", "blog_posts", "attachments"}})
	w.wantFailed(out, "attachments")
	got := rows{}
	w.read(out.lines, got, nil)
	for _, name := range []string{"spaces", "blog_posts"} {
		if n := w.count(name, simconfluence.TruthOptions{SpaceKeys: w.config.SpaceKeys}); len(got[name]) != n {
			t.Errorf("%d rows of %s, want %d", len(got[name]), name, n)
		}
	}
}

// TestOwnersOfRefusedTypes: attachments of custom content of a type that the site refuses to
// list, at once or halfway, or whose types can't be searched for.
func TestOwnersOfRefusedTypes(t *testing.T) {
	t.Parallel()
	no := simconfluence.Status(http.StatusNotFound, `{"errors":[{"status":404,"code":"NOT_FOUND","title":"no"}]}`)
	for _, exclude := range []bool{false, true} {
		for name, faults := range map[string]func(kind string) []simconfluence.Fault{
			"a type": func(kind string) []simconfluence.Fault { return []simconfluence.Fault{ofType(kind, no)} },
			"a type, halfway": func(kind string) []simconfluence.Fault {
				return []simconfluence.Fault{ofType(kind, simconfluence.After(1, no))}
			},
			"the search":       func(string) []simconfluence.Fault { return []simconfluence.Fault{simconfluence.Where(isSearch, no)} },
			"nothing":          func(string) []simconfluence.Fault { return nil },
			"nothing, but set": nil,
		} {
			o := shown(65, 60)
			o.CustomContent, o.Attachments, o.Spaces = 60, 200, 2
			w := newWorld(t, o)
			w.config.PageSize = 5
			scope := simconfluence.TruthOptions{SpaceKeys: w.site.SpaceKeys()[:1]}
			w.config.SpaceKeys = scope.SpaceKeys
			if exclude {
				scope = simconfluence.TruthOptions{ExcludeSpaceKeys: scope.SpaceKeys}
				w.config.SpaceKeys, w.config.ExcludeSpaceKeys = nil, scope.ExcludeSpaceKeys
			}
			if faults == nil {
				w.config.CustomContentTypes = w.site.CustomTypes()[1:] // what is read is not all there is
			} else {
				w.site.SetFaults(faults(w.site.CustomTypes()[0])...)
			}
			s := sync_{streams: []string{"spaces", "attachments"}}
			out := w.run(s)
			if out.err != nil {
				t.Fatal(out.err)
			}
			got := rows{}
			w.read(out.lines, got, nil)
			if n := w.count("attachments", scope); len(got["attachments"]) != n {
				t.Errorf("exclude=%v, refused %s: %d attachments, want %d; warnings %q", exclude, name, len(got["attachments"]), n, w.warnings())
			}
		}
	}
}

// TestOwnersBesideLargePages: owners are read while a page of their listing waits to be decided
// on and the next one for memory. Neither waits for the other.
func TestOwnersBesideLargePages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaced(t, shown(61, 120), 0)
		p.config.PageSize, p.config.SpaceKeys = 100, p.site.SpaceKeys()[:1]
		second := make(chan struct{})
		n := 0
		p.site.SetFaults(
			simconfluence.On("/attachments", func(rw http.ResponseWriter, r *http.Request, next http.Handler) bool {
				if n++; n == 2 {
					time.AfterFunc(time.Minute/2, func() { close(second) }) // by then it has found no room
				}
				pad := func(body []byte) []byte { return append(bytes.Repeat([]byte(" "), 52<<20), body...) }
				return simconfluence.Rewrite(pad)(rw, r, next)
			}),
			simconfluence.On("/pages", func(http.ResponseWriter, *http.Request, http.Handler) bool {
				<-second
				return false
			}))
		if out := p.sync(t.Context(), sync_{streams: []string{"attachments"}, incremental: true}); out.err != nil {
			t.Error(out.err)
		}
	})
}
