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

// probes are the requests that ask for the account, before a sync and behind it.
const probes = 2

// listRequests is how many requests read a list of n rows.
func listRequests(n int) int { return max(1, (n+249)/250) }

// beyondBlock is how many list requests the blocks cost that have more, or look as if they were
// cut, for a stream.
func beyondBlock(f *tapfixture.Fixture, name string) int {
	n := 0
	for _, rows := range perParent(f, name) {
		if rows >= blockRows || rows == unasked {
			n += listRequests(rows)
		}
	}
	return n
}

// ownLists is how many requests read a stream's list of every parent.
func ownLists(f *tapfixture.Fixture, s *stream.Stream) int {
	rows := perParent(f, s.Name)
	n := f.Site.Counts(scope())[streamOf(s.Parent)] - len(rows) // an empty list takes one request, too
	for _, of := range rows {
		n += listRequests(of)
	}
	return n
}

// streamOf names the stream whose records a listing's rows are.
func streamOf(l *stream.Listing) string {
	return where(func(s *stream.Stream) bool { return s.Listing == l && s.Parent == nil })[0]
}

// TestLabelsAlone reads the labels of pages, posts and attachments of a large site: other routes
// would make a request for each of them.
func TestLabelsAlone(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(3, tapfixture.Cut(2_000, 10_000))
	o.Labels = tapfixture.Cut(70, 320)
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		r := reads(t, f.With(map[string]any{"audit_samples": 10}), false, where(isLabels)...).run()
		parents := f.Site.Counts(scope())
		plain := parents["pages"] + parents["blog_posts"] + parents["attachments"]
		if n := total(r.requests); 100*n > 5*plain {
			t.Errorf("%d requests for the labels of %d items, want at most 5%%: %v", n, plain, r.requests)
		}
	})
}

// TestOneCombinedReadPerParent selects two and three streams that a combined read holds: one
// request per parent serves them all, and a list only where its block has more.
func TestOneCombinedReadPerParent(t *testing.T) {
	t.Parallel()
	for _, l := range []*stream.Listing{stream.Spaces, stream.Pages, stream.BlogPosts, stream.Attachments} {
		all := includedIn(l)
		two := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return isVersions(stream.Find(name)) })
		for _, names := range [][]string{two, all} {
			virtual(t, varied(manyLabels), func(t *testing.T, f *tapfixture.Fixture) {
				r := reads(t, f, false, names...).run()
				want := map[string]int{
					l.Route:                       listRequests(len(changesIn(t, f, streamOf(l), simconfluence.TruthOptions{}))),
					l.Item:                        f.Site.Counts(scope())[streamOf(l)],
					"/wiki/rest/api/user/current": probes,
				}
				for _, name := range names {
					if n := beyondBlock(f, name); n > 0 {
						want[stream.Find(name).Route] = n
					}
				}
				if !maps.Equal(r.requests, want) {
					t.Errorf("%v: requests %v, want %v", names, r.requests, want)
				}
			})
		}
	}
}

// TestFirstVersionsCostNothing reads versions alone, or with the labels: only items beyond
// version 1 are asked for their versions.
func TestFirstVersionsCostNothing(t *testing.T) {
	t.Parallel()
	for _, name := range where(isVersions) {
		virtual(t, varied(manyLabels), func(t *testing.T, f *tapfixture.Fixture) {
			s := stream.Find(name)
			r := reads(t, f, false, name).run()
			want := 0
			for _, versions := range perParent(f, name) {
				if versions > 1 {
					want += listRequests(versions)
				}
			}
			if r.requests[s.Route] != want || r.requests[s.Parent.Item] != 0 {
				t.Errorf("%s: requests %v, want %d of %s and no other per parent", name, r.requests, want, s.Route)
			}
		})
	}
	virtual(t, varied(manyLabels), func(t *testing.T, f *tapfixture.Fixture) {
		r := reads(t, f, false, "page_labels", "page_versions").run()
		most := f.Site.Counts(scope())["pages"] + beyondBlock(f, "page_labels") + beyondBlock(f, "page_versions")
		if n := total(r.requests) - r.requests["/pages"] - probes; n > most {
			t.Errorf("%d requests for labels and versions, want at most %d: %v", n, most, r.requests)
		}
	})
}

// TestBodiesOnlyWhereTheyAreEmitted runs every stream alone, by its plain route too, and looks at
// each request whether it asks for bodies.
func TestBodiesOnlyWhereTheyAreEmitted(t *testing.T) {
	t.Parallel()
	virtual(t, tiny(13), func(t *testing.T, f *tapfixture.Fixture) {
		var mu sync.Mutex
		with := map[string]bool{} // paths below the prefix of version 2
		f.Site.SetFaults(simconfluence.Where(func(r *http.Request) bool {
			if r.URL.Query().Get("body-format") != "" {
				mu.Lock()
				defer mu.Unlock()
				with[strings.TrimPrefix(r.URL.Path, stream.V2)] = true
			}
			return false
		}, nil))
		for i := range stream.All {
			s := &stream.All[i]
			for _, plain := range []bool{false, true} {
				clear(with)
				c := reads(t, f, false, s.Name)
				if plain {
					c.state = plainly(t, s.Name)
				}
				c.run()
				for path := range with {
					own := path == s.Listing.Route || isComments(s) && strings.Count(path, "/") == 3
					if !s.Body || !own {
						t.Errorf("%s (plain %v): %s asks for bodies", s.Name, plain, path)
					}
				}
				if s.Body && len(with) == 0 {
					t.Errorf("%s (plain %v): no request asks for bodies", s.Name, plain)
				}
			}
		}
		clear(with)
		reads(t, f.With(map[string]any{"body_format": "none"}), false).run()
		if len(with) > 0 {
			t.Errorf("with body_format none: %v ask for bodies", with)
		}
	})
}

// cost is what a sync of everything should take, from the numbers of a site.
type cost struct {
	parents  int // combined reads
	listings int // at most
	more     int // lists of what goes beyond a block, and of what no block holds
	audits   int // at most
	naive    int // one request per parent and stream, and per comment for its replies
}

// expectedCost works out the cost of a sync of everything; the site must show every item.
func expectedCost(f *tapfixture.Fixture, o simconfluence.Options, samples int) cost {
	n := f.Site.Counts(scope())
	c := cost{parents: n["spaces"] + n["pages"] + n["blog_posts"] + n["attachments"]}
	for _, rows := range []int{
		n["spaces"], n["groups"], o.Pages, o.BlogPosts, o.Attachments, o.FooterComments, o.InlineComments, o.Tasks, o.CustomContent,
	} {
		c.listings += listRequests(rows)
	}
	// What comments are on, by up to as many ids as a page of them has.
	c.listings += 2 * (listRequests(o.FooterComments) + listRequests(o.InlineComments))
	c.listings += 2 + 8 // a search for types of custom content, and the second type's listing; probes, at most one in fifteen seconds
	for i := range stream.All {
		s := &stream.All[i]
		parents := 0
		if s.Parent != nil {
			parents = n[streamOf(s.Parent)]
		}
		switch {
		case s.IsChild():
			c.naive += parents
			switch {
			case s.Include != "":
				c.more += beyondBlock(f, s.Name)
			case s.Derive == stream.NotDerived:
				c.more += ownLists(f, s)
			}
			// First ones, one per doubling, one per status and the last two.
			c.audits += samples/4 + 14 + 2 + 2
		case isComments(s):
			c.naive += parents + n[s.Name]
			// The samples' own lists and a list of replies for each comment: of the parents drawn
			// blindly perhaps those with the most, of the others at most five.
			counts := slices.Sorted(maps.Values(perParent(f, s.Name)))
			for _, comments := range counts[max(0, len(counts)-samples):] {
				c.audits += comments
			}
			c.audits += 2*samples + 5*samples + 2
		}
	}
	c.audits += 4 + 2 + samples // both ends of pages, archived ones too, and posts; child_pages by rows
	c.naive += c.listings
	if samples == 0 {
		c.audits = 0
	}
	return c
}

// TestBudget reads all streams. Without audits every request is accounted for.
func TestBudget(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(1, tapfixture.Cut(200, 800))
	o.AllVisible, o.BodyBytes = true, 200
	for _, samples := range []int{0, 10} {
		virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
			r := reads(t, f.With(map[string]any{"audit_samples": samples}), false).run()
			c := expectedCost(f, o, samples)
			items, lists := 0, 0
			for route, n := range r.requests {
				switch {
				case strings.HasSuffix(route, "/{id}"):
					items += n
				case strings.Contains(route, "/{id}/"):
					lists += n
				}
			}
			if samples == 0 && (items != c.parents || lists != c.more) {
				t.Errorf("%d combined reads for %d parents; %d lists by parent, want %d", items, c.parents, lists, c.more)
			}
			n, most := total(r.requests), c.parents+c.listings+c.more+c.audits
			t.Logf("audit_samples %d: %d requests, at most %d (%+v); %.1f%% of one per parent and stream", samples, n, most, c, 100*float64(n)/float64(c.naive))
			if n > most {
				t.Errorf("%d requests, want at most %d: %v", n, most, r.requests)
			}
			if samples == 0 && 10*n > 3*c.naive { // audits cost the same on a large site
				t.Errorf("%d requests of %d, one per parent and stream: more than 30%%", n, c.naive)
			}
		})
	}
}
