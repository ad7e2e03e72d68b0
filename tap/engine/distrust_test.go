package engine_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Sites that don't keep to what was asked: nothing of it may cost a row in silence.

// without makes the site ignore a parameter of a route.
func without(route, parameter string) simconfluence.Fault {
	return simconfluence.On(route, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		q := r.URL.Query()
		q.Del(parameter)
		r = r.Clone(r.Context())
		r.URL.RawQuery = q.Encode()
		next.ServeHTTP(w, r)
		return true
	})
}

// TestLiesInFirstIncrementalRun: the run that begins at the anchor is audited as a full one
// is, and what it distrusts stays distrusted.
func TestLiesInFirstIncrementalRun(t *testing.T) {
	t.Parallel()
	for _, m := range modes {
		l := lies()[0]
		if m.incremental { // both runs are
			l = lies()[4]
		}
		w := liar(t, l)
		w.seed, w.config.AuditSamples = 1, 500
		s := sync_{streams: l.streams, incremental: true, airbyte: m.airbyte}
		got, last, _ := w.collect(s)
		for _, name := range l.streams {
			w.wantAllSince(got, name, time.Time{})
			if !w.entries(last)[name].Plain {
				t.Errorf("%s, airbyte=%v: %s is not marked: %s", l.name, m.airbyte, name, last)
			}
		}
		s.state = last
		reply := w.createIn(simconfluence.FooterComment, "page_footer_comments")
		got, _, requests := w.collect(s)
		if l.route == "/footer-comments" && (!holds(got, reply) || requests[l.route] > 0) {
			t.Errorf("airbyte=%v: the next run has the new comment: %v, and asks the site-wide list %d times", m.airbyte, holds(got, reply), requests[l.route])
		}
	}
}

// TestFirstIncrementalRunOfHonestSite: what is older than the anchor is no difference.
func TestFirstIncrementalRunOfHonestSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dense())
	w.config.AuditSamples = samples
	times := w.newestFirst("page_footer_comments")
	w.config.AnchorDate = w.changeTimes("page_footer_comments", simconfluence.TruthOptions{})[keyOf(times[len(times)/2])]
	out := w.run(sync_{streams: append(where(isComments), where(isVersions)...), incremental: true})
	if out.err != nil || len(out.run.Report().Audits) == 0 {
		t.Fatalf("%v, audits %q", out.err, out.run.Report().Audits)
	}
	if strings.Contains(w.warnings(), "shortcut") {
		t.Errorf("an honest site is distrusted:\n%s", w.warnings())
	}
}

// TestLiesInChosenSpaces: shortcuts are audited in a run of some spaces, too, on parents of
// these spaces.
func TestLiesInChosenSpaces(t *testing.T) {
	t.Parallel()
	l := lies()[0]
	for _, exclude := range []bool{false, true} {
		w := liar(t, l)
		w.seed = 1
		// So many spaces that comments are not read item by item.
		keys := w.site.SpaceKeys()
		scope := simconfluence.TruthOptions{}
		if exclude {
			w.config.ExcludeSpaceKeys = keys[:1]
			scope.ExcludeSpaceKeys = keys[:1]
		} else {
			w.config.SpaceKeys = keys[1:]
			scope.SpaceKeys = keys[1:]
		}
		got, last, _ := w.collect(sync_{streams: l.streams})
		for _, name := range l.streams {
			want := w.changeTimes(name, scope)
			for key := range want {
				if _, came := got[name][key]; !came {
					t.Errorf("exclude=%v: %s %s is missing", exclude, name, key)
				}
			}
			if len(got[name]) != len(want) {
				t.Errorf("exclude=%v: %d rows of %s, want %d", exclude, len(got[name]), name, len(want))
			}
			if !w.entries(last)[name].Plain {
				t.Errorf("exclude=%v: %s is not marked", exclude, name)
			}
		}
	}
}

// TestUncomparable: a plain list that can't be read proves nothing, and costs no row of the
// shortcut.
func TestUncomparable(t *testing.T) {
	t.Parallel()
	o := dense()
	o.Labels = fewLabels // blocks show all
	w := newWorld(t, o)
	w.config.AuditSamples = samples
	refuse(http.StatusBadRequest, "/attachments/{id}/labels")(w)
	streams := included(stream.Attachments)
	got, last, _ := w.collect(sync_{streams: streams})
	if missing := w.missing(got, streams); missing != nil {
		t.Errorf("rows are missing: %q", missing)
	}
	if !strings.Contains(w.warnings(), "can't be compared") || !strings.Contains(w.warnings(), "stream=attachment_labels") {
		t.Errorf("no warning:\n%s", w.warnings())
	}
	if w.entries(last)["attachment_labels"].Plain {
		t.Error("the stream is distrusted without a proof")
	}
}

// TestOneOfThreeFails: of the streams that are read together, only the one fails whose own
// list is needed and can't be read.
func TestOneOfThreeFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, varied(manyLabels)) // blocks are too short for some parents
	w.config.AuditSamples = 0
	refuse(http.StatusForbidden, "/attachments/{id}/versions")(w)
	out := w.run(sync_{streams: included(stream.Attachments)})
	w.wantFailed(out, "attachment_versions")
	got := rows{}
	w.read(out.lines, got, nil)
	if missing := w.missing(got, []string{"attachment_labels", "attachment_content_properties"}); missing != nil {
		t.Errorf("rows are missing: %q", missing)
	}
}

// TestCutBlocks: a combined read that is cut without a word where lists end unasked, or where
// blocks do, costs no row and needs no luck.
func TestCutBlocks(t *testing.T) {
	t.Parallel()
	for _, cut := range []int{25, 50} {
		o := dense()
		o.Lies = simconfluence.Lies{CombinedCut: cut}
		w := newWorld(t, o)
		w.config.AuditSamples = 0
		streams := included(stream.Pages)
		got, _, requests := w.collect(sync_{streams: streams})
		if missing := w.missing(got, streams); missing != nil {
			t.Errorf("cut at %d: rows are missing: %q", cut, missing)
		}
		if cut == 25 && requests["/pages/{id}/labels"] == 0 {
			t.Error("no block was cut")
		}
	}
}

// TestTrashedWhileCompared: a sampled parent that goes to the trash during the walk takes its
// comments out of the site-wide lists, while its own list may still show them. That is no lie.
func TestTrashedWhileCompared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dense())
	w.seed, w.config.AuditSamples = 1, 500 // every parent
	id := firstParent(w.perParent("page_footer_comments"))
	var own []byte // what the page's own list said before
	list := stream.V2 + "/pages/" + id + "/footer-comments"
	w.site.SetFaults(func(rw http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.URL.Path != list {
			return false
		}
		if own == nil {
			return false
		}
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write(own)
		return true
	}, simconfluence.On("/pages/{id}/footer-comments", simconfluence.Rewrite(func(body []byte) []byte {
		if strings.Contains(string(body), `"pageId":"`+id+`"`) {
			own = slices.Clone(body)
		}
		return body
	})), w.before("/footer-comments", 3, func() {
		if err := w.site.SetStatus(simconfluence.Page, id, stream.Trashed); err != nil {
			t.Error(err)
		}
	}))
	w.config.Concurrency = 1
	_, last, _ := w.collect(sync_{streams: []string{"page_footer_comments"}})
	if own == nil {
		t.Fatal("the page's own list was not asked")
	}
	if w.entries(last)["page_footer_comments"].Plain {
		t.Errorf("the stream is distrusted:\n%s", w.warnings())
	}
}

// firstParent is the smallest of some ids.
func firstParent(ids map[string]int) string {
	first := ""
	for id := range ids {
		if first == "" || id < first {
			first = id
		}
	}
	return first
}

// TestSortIgnored: a listing that does not come in the order of change is read to its end,
// wherever a row below the bookmark stands.
func TestSortIgnored(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		w := newWorld(t, shown(47, 80))
		w.config.PageSize = 10
		run := sync_{streams: []string{"pages", "page_versions"}, incremental: true, airbyte: airbyte}
		_, run.state, _ = w.collect(run)
		since := w.bookmark(run.state, "pages")
		ids := w.newestFirst("pages")
		w.edit(simconfluence.Page, ids[5], ids[50], ids[len(ids)-1])
		w.site.SetFaults(without("/pages", "sort"), without("/pages/{id}/versions", "sort"))
		got, _, _ := w.collect(run)
		w.wantAllSince(got, "pages", since)
		w.wantAllSince(got, "page_versions", since)
		if !strings.Contains(w.warnings(), "order of change") {
			t.Errorf("no warning:\n%s", w.warnings())
		}
	}
}

// TestSpacesIgnored: rows of spaces that were not asked for are left out.
func TestSpacesIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(48, 60))
	w.config.SpaceKeys = w.site.SpaceKeys()[:1]
	var faults []simconfluence.Fault
	for _, l := range stream.Listings {
		if l.SpaceParam != "" {
			faults = append(faults, without(l.Route, l.SpaceParam))
		}
	}
	w.site.SetFaults(faults...)
	streams := []string{"spaces", "pages", "blog_posts", "tasks", "page_labels"}
	got, _, _ := w.collect(sync_{streams: streams})
	for _, name := range streams {
		if n := w.count(name, simconfluence.TruthOptions{SpaceKeys: w.config.SpaceKeys}); len(got[name]) != n {
			t.Errorf("%d rows of %s, want %d", len(got[name]), name, n)
		}
	}
}

func isSearch(r *http.Request) bool { return r.URL.Path == "/wiki/rest/api/search" }

// TestSearchRefused: without the search nothing tells which types of custom content there
// are. The stream fails, whatever the words of the refusal; nothing else does.
func TestSearchRefused(t *testing.T) {
	t.Parallel()
	for status, words := range map[int]string{
		http.StatusForbidden:  "Current user not permitted to use Confluence",
		http.StatusNotFound:   "no",
		http.StatusBadRequest: "no",
	} {
		w := newWorld(t, shown(49, 30))
		w.site.SetFaults(simconfluence.Where(isSearch,
			simconfluence.Status(status, `{"statusCode":`+strconv.Itoa(status)+`,"message":"`+words+`"}`)))
		out := w.run(sync_{})
		got := rows{}
		w.read(out.lines, got, nil)
		if out.err == nil || !strings.Contains(out.err.Error(), "custom_content") {
			t.Errorf("%d: error %v", status, out.err)
		}
		if !strings.Contains(w.warnings(), "custom_content_types") {
			t.Errorf("%d: nothing says what to do:\n%s", status, w.warnings())
		}
		others := where(func(s *stream.Stream) bool { return s.Name != "custom_content" })
		if missing := w.missing(got, others); missing != nil {
			t.Errorf("%d: rows are missing: %q", status, missing)
		}
		w.config.CustomContentTypes = w.site.CustomTypes()
		if got, _, _ := w.collect(sync_{streams: []string{"custom_content"}}); w.missing(got, []string{"custom_content"}) != nil {
			t.Errorf("%d: the types that are set are not read", status)
		}
	}
}

// TestTypesBehindUnknownOnes: content of a type of Confluence's own that the tap does not know
// fills the first answers of the search.
func TestTypesBehindUnknownOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(50, 30))
	type content struct {
		Content struct {
			Type string `json:"type"`
		} `json:"content"`
	}
	w.site.SetFaults(simconfluence.Where(isSearch,
		func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.URL.Query().Get("includeArchivedSpaces") != "true" {
				t.Error("archived spaces are not searched")
			}
			var results []content
			for _, kind := range append([]string{"slide"}, w.site.CustomTypes()...) {
				for range 100 {
					if len(results) < 100 && !strings.Contains(r.URL.Query().Get("cql"), `"`+kind+`"`) {
						c := content{}
						c.Content.Type = kind
						results = append(results, c)
					}
				}
			}
			next := map[string]string{}
			if len(results) == 100 {
				next["next"] = "/rest/api/search?cursor=more"
			}
			rw.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(rw).Encode(map[string]any{"results": append([]content{}, results...), "_links": next}); err != nil {
				t.Error(err)
			}
			return true
		}))
	got, _, _ := w.collect(sync_{streams: []string{"custom_content"}})
	if missing := w.missing(got, []string{"custom_content"}); missing != nil {
		t.Errorf("rows are missing: %q\n%s", missing, w.logs())
	}
}
