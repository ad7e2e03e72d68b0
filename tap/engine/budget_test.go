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

// Which requests are made, and how many: the site's rate is the scarce thing.

// blockRows is how many rows a block of a combined read holds at most, unasked how many a list
// gives that is not told.
const blockRows, unasked = 50, 25

// asked is one request as the site saw it.
type asked struct {
	path  string // below the prefix of version 2
	query map[string][]string
}

// watchRequests notes every request from now on; the returned function gives those so far.
func (w *world) watchRequests() func() []asked {
	var mu sync.Mutex
	var all []asked
	w.site.SetFaults(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, asked{strings.TrimPrefix(r.URL.Path, stream.V2), r.URL.Query()})
		return false
	})
	return func() []asked {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// perParent counts a stream's rows in the truth by parent.
func (w *world) perParent(name string) map[string]int {
	counts := map[string]int{}
	for row := range w.site.Truth(name, simconfluence.TruthOptions{}) {
		counts[row.Parent]++
	}
	return counts
}

// listRequests is how many requests read a list of n rows.
func listRequests(n int) int { return max(1, (n+249)/250) }

// beyondBlock is how many list requests the blocks cost that have more, or look as if they were
// cut, for a stream.
func (w *world) beyondBlock(name string) int {
	n := 0
	for _, rows := range w.perParent(name) {
		if rows >= blockRows || rows == unasked {
			n += listRequests(rows)
		}
	}
	return n
}

// TestLabelsAlone reads the labels of pages, posts and attachments of a site of full size
// (in the fast cut of a third of it): other routes would make a request for each of 40,000 items.
func TestLabelsAlone(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(3, tapfixture.Cut(3_000, 10_000))
	o.Labels = tapfixture.Cut(100, 320)
	w := newWorld(t, o)
	w.config.AuditSamples, w.seed = 10, 1
	out := w.run(sync_{streams: where(isLabels)})
	if out.err != nil {
		t.Fatal(out.err)
	}
	parents := w.site.Counts(simconfluence.TruthOptions{})
	plain := parents["pages"] + parents["blog_posts"] + parents["attachments"]
	share := float64(w.site.Total()) / float64(plain)
	t.Logf("labels alone: %d requests, one per parent would be %d: %.1f%%", w.site.Total(), plain, 100*share)
	if share > 0.05 {
		t.Errorf("labels alone take %.1f%% of one request per parent, want at most 5%%: %v", 100*share, w.site.Requests())
	}
}

// TestOneCombinedReadPerParent selects two and three streams that a combined read holds: one
// request per parent serves them all, and a list only where its block has more.
func TestOneCombinedReadPerParent(t *testing.T) {
	t.Parallel()
	for _, l := range []*stream.Listing{stream.Spaces, stream.Pages, stream.BlogPosts, stream.Attachments} {
		all := included(l)
		two := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return isVersions(stream.Find(name)) })
		for _, names := range [][]string{two, all} {
			w := newWorld(t, varied(manyLabels))
			_, _, requests := w.collect(sync_{streams: names})
			want := map[string]int{
				l.Route: requests[l.Route],
				l.Item:  w.site.Counts(simconfluence.TruthOptions{})[streamOf(l)],
			}
			for _, name := range names {
				if n := w.beyondBlock(name); n > 0 {
					want[stream.Find(name).Route] = n
				}
			}
			if !maps.Equal(requests, want) {
				t.Errorf("%v: requests %v, want %v", names, requests, want)
			}
		}
	}
}

// TestLabelsAndVersions selects two streams of a combined read of which one needs nothing of
// a parent at version 1: one request per parent all the same.
func TestLabelsAndVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, varied(manyLabels))
	_, _, requests := w.collect(sync_{streams: []string{"page_labels", "page_versions"}})
	more := w.beyondBlock("page_labels") + w.beyondBlock("page_versions")
	parents := w.site.Counts(simconfluence.TruthOptions{})["pages"]
	if got := w.site.Total() - requests["/pages"]; got > parents+more {
		t.Errorf("%d requests for %d parents and %d lists beyond a block: %v", got, parents, more, requests)
	}
}

// streamOf names the stream whose records a listing's rows are.
func streamOf(l *stream.Listing) string {
	return where(func(s *stream.Stream) bool { return s.Listing == l && s.Parent == nil })[0]
}

// TestFirstVersionsCostNothing reads versions alone: only items beyond version 1 are asked.
func TestFirstVersionsCostNothing(t *testing.T) {
	t.Parallel()
	for _, name := range where(isVersions) {
		w := newWorld(t, varied(manyLabels))
		s := stream.Find(name)
		_, _, requests := w.collect(sync_{streams: []string{name}})
		want := 0
		for _, versions := range w.perParent(name) {
			if versions > 1 {
				want += listRequests(versions)
			}
		}
		if requests[s.Route] != want || requests[s.Parent.Item] != 0 {
			t.Errorf("%s: requests %v, want %d of %s and no other per parent", name, requests, want, s.Route)
		}
	}
}

// TestBodiesOnlyWhereTheyAreEmitted runs every stream alone and by its plain route, and looks
// at each request whether it asks for bodies.
func TestBodiesOnlyWhereTheyAreEmitted(t *testing.T) {
	t.Parallel()
	for i := range stream.All {
		s := &stream.All[i]
		for _, plain := range []bool{false, true} {
			if plain && !hasPlain(s) {
				continue
			}
			w := newWorld(t, dense())
			requests := w.watchRequests()
			run := sync_{streams: []string{s.Name}}
			if plain {
				run.state = plainState(s.Name)
			}
			got, _, _ := w.collect(run)
			if len(got) != 1 || len(got[s.Name]) == 0 {
				t.Errorf("%s alone emits rows of %v", s.Name, slices.Collect(maps.Keys(got)))
			}
			with := 0
			for _, r := range requests() {
				if r.query["body-format"] == nil {
					continue
				}
				with++
				own := r.path == s.Listing.Route || isComments(s) && strings.Count(r.path, "/") == 3
				if !s.Body || !own {
					t.Errorf("%s (plain %v): %s asks for bodies", s.Name, plain, r.path)
				}
			}
			if s.Body && with == 0 {
				t.Errorf("%s (plain %v): no request asks for bodies", s.Name, plain)
			}
		}
	}
}

// TestNoBodies reads everything with body_format none.
func TestNoBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dense())
	w.config.BodyFormat, w.config.AuditSamples = "none", 10
	requests := w.watchRequests()
	w.collect(sync_{})
	for _, r := range requests() {
		if r.query["body-format"] != nil {
			t.Errorf("%s asks for bodies", r.path)
		}
	}
}

// cost is what a sync of everything should take, from the numbers of a site.
type cost struct {
	parents  int // combined reads
	listings int // at most
	more     int // lists of what goes beyond a block, and of permissions
	audits   int // at most
	naive    int // one request per parent and stream, and per comment for its replies
}

// expectedCost works out the cost of a sync of everything; the site must show every item.
func (w *world) expectedCost(o simconfluence.Options, samples int) cost {
	n := w.site.Counts(simconfluence.TruthOptions{})
	c := cost{parents: n["spaces"] + n["pages"] + n["blog_posts"] + n["attachments"]}
	for _, rows := range []int{
		n["spaces"], n["groups"], o.Pages, o.BlogPosts, o.Attachments, o.FooterComments, o.InlineComments, o.Tasks, o.CustomContent,
	} {
		c.listings += listRequests(rows)
	}
	c.listings += 2 // a search for types of custom content, and the second type's listing
	for _, rows := range w.perParent("space_permissions") {
		c.more += listRequests(rows)
	}
	for i := range stream.All {
		s := &stream.All[i]
		parents := 0
		if s.Parent != nil {
			parents = n[streamOf(s.Parent)]
		}
		switch {
		case isChild(s):
			c.naive += parents
			if s.Include != "" {
				c.more += w.beyondBlock(s.Name)
			}
			// First ones, one per doubling, one per status and the last two.
			c.audits += samples/4 + 14 + 2 + 2
		case isComments(s):
			c.naive += parents + n[s.Name]
			// The samples' own lists and a list of replies for each comment: of the parents
			// drawn blindly perhaps those with the most, of the others at most five.
			counts := slices.Sorted(maps.Values(w.perParent(s.Name)))
			for _, comments := range counts[max(0, len(counts)-samples):] {
				c.audits += comments
			}
			c.audits += 2*samples + 5*samples + 2
		}
	}
	c.audits += 4 + 2 + samples // both ends of pages, archived ones too, and posts; child_pages by rows
	c.naive += c.listings
	return c
}

// TestBudget reads all streams of a site of up to a twelfth of the reference size. Without audits
// every request is accounted for.
func TestBudget(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(1, tapfixture.Cut(400, 800))
	o.AllVisible, o.BodyBytes = true, 200
	expected := newWorld(t, o).expectedCost(o, samples)
	for _, samples := range []int{0, samples} {
		w := newWorld(t, o)
		w.config.AuditSamples, w.seed = samples, 7
		_, _, requests := w.collect(sync_{})
		c := expected
		if samples == 0 {
			c.audits = 0
			if got := itemRequests(requests); got != c.parents {
				t.Errorf("%d combined reads, want one for each of %d parents", got, c.parents)
			}
			if got := listsByParent(requests); got != c.more {
				t.Errorf("%d lists by parent, want %d", got, c.more)
			}
		}
		most := c.parents + c.listings + c.more + c.audits
		share := float64(w.site.Total()) / float64(c.naive)
		t.Logf("audit_samples %d: %d requests, at most %d (%+v); %.1f%% of one per parent and stream", samples, w.site.Total(), most, c, 100*share)
		if w.site.Total() > most {
			t.Errorf("%d requests, want at most %d: %v", w.site.Total(), most, requests)
		}
		if share > 0.30 {
			t.Errorf("%.1f%% of one request per parent and stream, want at most 30%%", 100*share)
		}
	}
}

// itemRequests counts the requests of single items.
func itemRequests(requests map[string]int) int {
	n := 0
	for route, made := range requests {
		if strings.HasSuffix(route, "/{id}") {
			n += made
		}
	}
	return n
}

// listsByParent counts the requests of lists below an item.
func listsByParent(requests map[string]int) int {
	n := 0
	for route, made := range requests {
		if strings.Contains(route, "/{id}/") {
			n += made
		}
	}
	return n
}
