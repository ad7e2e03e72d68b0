package engine_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// A shortcut that lacks something on the site at hand is found by comparing it with the plain
// route. Here sites lie, each in one way, and every parent is compared: what a sample catches is a
// matter of the sampler, which has tests of its own.

// allParents has every parent compared.
var allParents = map[string]any{"audit_samples": 1000}

const (
	fewLabels  = 12  // fewer than there are items of any kind
	manyLabels = 320 // more than there are items, and than one answer holds
)

// lie is one way in which a site's shortcut differs from its plain route.
type lie struct {
	name     string
	lies     simconfluence.Lies
	fault    func(f *tapfixture.Fixture) simconfluence.Fault
	labels   int
	streams  []string
	lying    []string // those of the streams that the lie concerns
	shortcut string   // as the warning names it
	route    string   // that the next run must not ask
}

func lies() []lie {
	comments := where(isComments)
	return []lie{
		{
			name: "site-wide comments leave out replies", lies: simconfluence.Lies{NoReplies: true},
			streams: comments, lying: comments, shortcut: "own rows", route: "/footer-comments",
		},
		{
			name: "site-wide comments leave out archived pages", lies: simconfluence.Lies{NoArchivedComments: true},
			streams: comments, lying: []string{"page_footer_comments", "page_inline_comments"}, shortcut: "own rows",
		},
		{
			name: "lists by label leave out what is archived", lies: simconfluence.Lies{NoArchivedLabelled: true}, labels: fewLabels,
			streams: where(isLabels), lying: []string{"page_labels", "attachment_labels"}, shortcut: "a list per label", route: "/labels/{id}/pages",
		},
		{
			name: "combined reads are cut", lies: simconfluence.Lies{CombinedCut: 20},
			// A cut block of versions shows itself: it has fewer rows than the last version's number.
			streams: includedIn(stream.Pages), lying: []string{"page_labels", "page_content_properties"}, shortcut: "one combined read per parent",
		},
		{
			name: "items at version 1 have another history", lies: simconfluence.Lies{FirstVersions: true},
			streams: []string{"page_versions", "blog_post_versions"}, lying: []string{"page_versions", "blog_post_versions"}, shortcut: "first version from the row",
		},
		{
			name: "combined reads show labels that are not there", fault: ghosts,
			streams: includedIn(stream.Pages), lying: []string{"page_labels"}, shortcut: "one combined read per parent",
		},
		{
			name: "pages do not tell their parents", fault: orphans,
			streams: []string{"child_pages"}, lying: []string{"child_pages"}, shortcut: "derived from the row",
		},
	}
}

// liar runs a test on a site that lies, of which some pages are archived, with comments and labels.
func liar(t *testing.T, l lie, do func(t *testing.T, f *tapfixture.Fixture)) {
	t.Helper()
	o := dense()
	o.Labels, o.Lies = l.labels, l.lies
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		for _, name := range []string{"page_footer_comments", "page_inline_comments"} {
			for id := range perParent(f, name) {
				if id[len(id)-1]%3 > 0 {
					check(t, f.Site.SetStatus(simconfluence.Page, id, stream.Archived))
				}
			}
		}
		if l.fault != nil {
			f.Site.SetFaults(l.fault(f))
		}
		do(t, f)
	})
}

// perParent counts a stream's rows by parent.
func perParent(f *tapfixture.Fixture, name string) map[string]int {
	counts := map[string]int{}
	for row := range f.Site.Truth(name, scope()) {
		counts[row.Parent]++
	}
	return counts
}

// orphans makes the listing of pages say of the children of every third parent that they have
// none.
func orphans(f *tapfixture.Fixture) simconfluence.Fault {
	parents := slices.Sorted(maps.Keys(perParent(f, "child_pages")))
	return simconfluence.On("/pages", simconfluence.Rewrite(func(body []byte) []byte {
		for i, id := range parents {
			if i%3 == 0 {
				body = bytes.ReplaceAll(body, []byte(`"parentType":"page","parentId":"`+id+`"`), []byte(`"parentType":null,"parentId":null`))
			}
		}
		return body
	}))
}

// ghosts makes the combined read of every page show a label that the page's own list lacks.
func ghosts(*tapfixture.Fixture) simconfluence.Fault {
	return simconfluence.On("/pages/{id}", simconfluence.Rewrite(func(body []byte) []byte {
		const block, ghost = `"labels":{"results":[`, `{"id":"999","name":"ghost","prefix":"global"}`
		body = bytes.Replace(body, []byte(block), []byte(block+ghost+","), 1)
		return bytes.Replace(body, []byte(ghost+",]"), []byte(ghost+"]"), 1)
	}))
}

// TestLiesAreCaught reads lying sites: without audits there is a hole; with them the streams
// start over on the plain route, say so, and are whole in the end. Later runs take that route at
// once and compare nothing.
func TestLiesAreCaught(t *testing.T) {
	t.Parallel()
	for i, l := range lies() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			liar(t, l, func(t *testing.T, f *tapfixture.Fixture) {
				unaudited := reads(t, f, false, l.streams...)
				holes := unaudited.run().rows
				for _, name := range l.lying {
					if same(t, f, name, holes[name]) {
						t.Errorf("the site does not lie about %s", name)
					}
					if unaudited.entry(name).Plain {
						t.Errorf("%s is marked though nothing was compared", name)
					}
				}

				c := mode{airbyte: i%2 == 1}.client(t, f.With(allParents), l.streams...)
				r := c.run()
				for _, name := range l.streams {
					caught := slices.Contains(l.lying, name)
					if c.entry(name).Plain != caught {
						t.Errorf("%s is marked: %v, lied about: %v\n%s", name, !caught, caught, r.told())
					}
					if r.logged("WARN", "[stream="+name+" ", "shortcut="+l.shortcut, "parent=", "difference=") != caught {
						t.Errorf("the warnings about %s:\n%s", name, r.told())
					}
					if r.logged(l.shortcut+" ("+name+"): compared on", "FAILED") != caught {
						t.Errorf("the summary about %s:\n%s", name, r.told())
					}
					if !same(t, f, name, r.rows[name]) {
						t.Errorf("%s still differs from the plain route", name)
					}
				}

				c.syncID = 8
				next := c.run()
				for _, name := range l.lying {
					if !same(t, f, name, next.rows[name]) || !c.entry(name).Plain {
						t.Errorf("the next run: %s differs, or is trusted again: %+v", name, c.entry(name))
					}
				}
				for _, name := range l.lying {
					if next.logged(l.shortcut + " (" + name + "): compared") {
						t.Errorf("the next run compares %s:\n%s", name, next.told())
					}
				}
				if l.route != "" && next.requests[l.route] > 0 && len(l.lying) == len(l.streams) {
					t.Errorf("the next run asks %s", l.route)
				}
			})
		})
	}
}

// same reports whether records of a stream are those of the site's plain route.
func same(t *testing.T, f *tapfixture.Fixture, name string, got map[string]json.RawMessage) bool {
	t.Helper()
	o := scope()
	o.BodyFormat = "storage"
	want := f.Expect(name, o)
	if len(got) != len(want) {
		return false
	}
	for key, record := range got {
		if tapfixture.Canonical(t, name, tapfixture.Decode(t, record)) != want[key] {
			return false
		}
	}
	return true
}

// TestLiesInFirstIncrementalRun: the first complete run of changes is audited as a full one is,
// what it distrusts stays distrusted, and later ones compare nothing.
func TestLiesInFirstIncrementalRun(t *testing.T) {
	t.Parallel()
	for _, l := range []lie{lies()[0], lies()[4]} {
		for _, lying := range []bool{true, false} {
			if !lying {
				l.lies = simconfluence.Lies{}
			}
			liar(t, l, func(t *testing.T, f *tapfixture.Fixture) {
				c := reads(t, f.With(allParents), true, l.streams...)
				c.wantWhole(c.run().rows)
				for _, name := range l.streams {
					if e := c.entry(name); e.Plain != lying || !e.Audited && !lying {
						t.Errorf("%s: the entry of %s is %+v", l.name, name, e)
					}
				}
				r := c.run()
				if r.logged("compared on") {
					t.Errorf("%s: the next run compares something:\n%s", l.name, r.told())
				}
				if lying && l.route != "" && r.requests[l.route] > 0 {
					t.Errorf("%s: the next run asks %s", l.name, l.route)
				}
			})
		}
	}
}

// TestAnchorIsNoLie: what is older than the anchor is no difference.
func TestAnchorIsNoLie(t *testing.T) {
	t.Parallel()
	o := dense()
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		names := append(where(isComments), where(isVersions)...)
		c := reads(t, f.With(allParents), true, names...)
		ids := newestFirst(t, f, "page_footer_comments")
		bookmark := changes(t, f, "page_footer_comments")[ids[len(ids)/2]].Format("2006-01-02T15:04:05.000Z")
		entries := map[string]any{}
		for _, name := range names {
			entries[name] = map[string]any{"replication_key": stream.Find(name).ReplicationKey, "replication_key_value": bookmark}
		}
		text, err := json.Marshal(map[string]any{"bookmarks": entries})
		check(t, err)
		c.state = string(text)
		if r := c.run(); !r.logged("compared on", "no difference") || r.logged("WARN", "shortcut") {
			t.Errorf("an honest site is distrusted:\n%s", r.told())
		}
	})
}

// TestLiesInChosenSpaces: shortcuts are audited in a run of some spaces, too, on their parents.
func TestLiesInChosenSpaces(t *testing.T) {
	t.Parallel()
	l := lies()[0]
	for _, setting := range []string{"space_keys", "exclude_space_keys"} {
		liar(t, l, func(t *testing.T, f *tapfixture.Fixture) {
			keys := f.Site.SpaceKeys()
			o := simconfluence.TruthOptions{SpaceKeys: keys[1:]}
			if setting == "exclude_space_keys" {
				o = simconfluence.TruthOptions{ExcludeSpaceKeys: keys[1:]}
			}
			c := reads(t, f.With(allParents).With(map[string]any{setting: keys[1:]}), false, l.streams...)
			r := c.run()
			for _, name := range l.streams {
				want := changesIn(t, f, name, o)
				for key := range want {
					if _, came := r.rows[name][key]; !came {
						t.Errorf("%s: %s %s is missing", setting, name, key)
					}
				}
				if len(r.rows[name]) != len(want) {
					t.Errorf("%s: %d rows of %s, want %d", setting, len(r.rows[name]), name, len(want))
				}
			}
		})
	}
}

// TestUncomparable: a plain list that can't be read proves nothing, and costs no row of the
// shortcut.
func TestUncomparable(t *testing.T) {
	t.Parallel()
	o := dense()
	o.Labels = fewLabels // blocks show all
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		f.Site.SetFaults(refuse(http.StatusBadRequest, "no", "/attachments/{id}/labels")...)
		c := reads(t, f.With(allParents), false, includedIn(stream.Attachments)...)
		r := c.run()
		c.wantExactly(r.rows)
		r.wantLog("WARN", "can't be compared", "stream=attachment_labels")
		if c.entry("attachment_labels").Plain {
			t.Error("the stream is distrusted without a proof")
		}
	})
}

// TestUncomparableComments has the plain lists of all parents answer that the parent is not there, though
// it is: nothing was compared, and a warning says so.
func TestUncomparableComments(t *testing.T) {
	t.Parallel()
	for name, route := range map[string]string{"attachment_footer_comments": "/attachments/", "page_footer_comments": "/pages/"} {
		virtual(t, dense(), func(t *testing.T, f *tapfixture.Fixture) {
			f.Site.SetFaults(simconfluence.Where(func(r *http.Request) bool {
				return strings.Contains(r.URL.Path, route) && strings.HasSuffix(r.URL.Path, "/footer-comments")
			}, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
				id := path.Base(path.Dir(r.URL.Path))
				return simconfluence.Status(404, `{"errors":[{"status":404,"title":"Cannot find item [`+id+`]"}]}`)(w, r, next)
			}))
			r := reads(t, f.With(map[string]any{"extra_streams": "all", "audit_samples": 10}), false, name).run()
			r.wantLog("WARN", "can't be compared", "stream="+name)
		})
	}
}

// TestOneOfThreeFails: of the streams that are read together, only the one fails whose own list
// is needed and can't be read.
func TestOneOfThreeFails(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(5, 60)
	o.BodyBytes, o.Attachments, o.Labels = 60, 120, manyLabels // blocks are too short for some parents
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		f.Site.SetFaults(refuse(http.StatusForbidden, "no", "/attachments/{id}/versions")...)
		c := reads(t, f, false, includedIn(stream.Attachments)...)
		r := c.wants(1)
		r.wantFailed("attachment_versions")
		c.wantWhole(r.rows, "attachment_labels", "attachment_content_properties")
	})
}

// TestCutBlocks: a combined read that is cut without a word where lists end unasked, or where
// blocks do, costs no row and needs no luck.
func TestCutBlocks(t *testing.T) {
	t.Parallel()
	for _, cut := range []int{25, 50} {
		o := dense()
		o.Lies = simconfluence.Lies{CombinedCut: cut}
		virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
			c := reads(t, f, false, includedIn(stream.Pages)...)
			r := c.run()
			c.wantExactly(r.rows)
			if cut == 25 && r.requests["/pages/{id}/labels"] == 0 {
				t.Error("no block was cut")
			}
		})
	}
}

// TestDifferenceThatCannotBeReadAgain: a shortcut lacks a row, and what would be looked at again
// is refused. That is no excuse for the shortcut, and no reason to end the run; nor is it proof.
func TestDifferenceThatCannotBeReadAgain(t *testing.T) {
	t.Parallel()
	l := lies()[0]
	liar(t, l, func(t *testing.T, f *tapfixture.Fixture) {
		var mu sync.Mutex
		seen, refused := map[string]int{}, ""
		f.Site.SetFaults(simconfluence.On("/pages/{id}/footer-comments", func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			mu.Lock()
			defer mu.Unlock()
			if seen[r.URL.Path]++; seen[r.URL.Path] != 2 || refused != "" {
				return false
			}
			refused = r.URL.Path
			return simconfluence.Status(403, `{"message":"no"}`)(w, r, next)
		}))
		c := reads(t, f.With(allParents), false, "page_footer_comments", "spaces")
		r := c.run()
		c.wantExactly(r.rows)
		if refused == "" || !c.entry("page_footer_comments").Plain {
			t.Errorf("refused %q; the entry is %+v\n%s", refused, c.entry("page_footer_comments"), r.told())
		}
	})
}
