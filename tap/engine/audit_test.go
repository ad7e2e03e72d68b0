package engine_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// A shortcut that lacks something on the site at hand is found by comparing it with the
// plain route on a few parents. Here sites lie, each in one way, and are read with several
// samples: a stream that is caught ends up complete, one that is not has the hole, and the
// share of samples that catch is at least what the sizes of sample and hole promise.

// samples is the default of audit_samples.
const samples = 10

// lie is one way in which a site's shortcut differs from its plain route.
type lie struct {
	name     string
	lies     simconfluence.Lies
	orphans  bool // pages don't tell some of their parents
	labels   int
	streams  []string
	lying    []string // those of the streams that the lie must concern
	shortcut string   // as the warning names it
	route    string   // that the next run must not ask
}

func lies() []lie {
	comments := where(isComments)
	return []lie{
		{
			name: "site-wide comments leave out replies", lies: simconfluence.Lies{NoReplies: true},
			streams: comments, lying: comments, shortcut: "site-wide list", route: "/footer-comments",
		},
		{
			name: "site-wide comments leave out archived pages", lies: simconfluence.Lies{NoArchivedComments: true},
			streams: comments, lying: []string{"page_footer_comments", "page_inline_comments"}, shortcut: "site-wide list",
		},
		{
			name: "lists by label leave out what is archived", lies: simconfluence.Lies{NoArchivedLabelled: true}, labels: fewLabels,
			streams: where(isLabels), lying: []string{"page_labels", "attachment_labels"}, shortcut: "lists by label", route: "/labels/{id}/pages",
		},
		{
			name: "combined reads are cut", lies: simconfluence.Lies{CombinedCut: 20},
			// A cut block of versions shows itself: it has fewer rows than the last version's number.
			streams: included(stream.Pages), lying: []string{"page_labels", "page_content_properties"}, shortcut: "combined read",
		},
		{
			name: "items at version 1 have another history", lies: simconfluence.Lies{FirstVersions: true},
			streams: []string{"page_versions", "blog_post_versions"}, lying: []string{"page_versions", "blog_post_versions"},
			shortcut: "first version without a request",
		},
		{
			name: "pages do not tell their parents", orphans: true,
			streams: []string{"child_pages"}, lying: []string{"child_pages"}, shortcut: "children told by their rows",
		},
	}
}

// dense is a small site on which every stream has rows, replies to comments on posts too.
func dense() simconfluence.Options {
	o := simconfluence.Scaled(13, 60)
	o.BodyBytes, o.Attachments, o.BlogPosts = 60, 60, 16
	return o
}

// liar is a site of which some pages are archived, with comments and labels.
func liar(t *testing.T, l lie) *world {
	o := dense()
	o.Labels, o.Lies = l.labels, l.lies
	w := newWorld(t, o)
	w.config.AuditSamples = samples
	for _, name := range []string{"page_footer_comments", "page_inline_comments"} {
		for id := range w.perParent(name) {
			if id[len(id)-1]%3 == 0 {
				continue
			}
			if err := w.site.SetStatus(simconfluence.Page, id, stream.Archived); err != nil {
				t.Fatal(err)
			}
		}
	}
	if l.orphans {
		w.orphan()
	}
	return w
}

// orphan makes the listing of pages say of the children of every third parent that they have
// none.
func (w *world) orphan() {
	parents := slices.Sorted(maps.Keys(w.perParent("child_pages")))
	w.site.SetFaults(simconfluence.On("/pages", simconfluence.Rewrite(func(body []byte) []byte {
		for i, id := range parents {
			if i%3 == 0 {
				body = bytes.ReplaceAll(body, []byte(`"parentType":"page","parentId":"`+id+`"`), []byte(`"parentType":null,"parentId":null`))
			}
		}
		return body
	})))
}

// hole is what a shortcut lacks of one stream, by parent.
type hole map[string]bool

// holes compares records with those of the plain routes.
func holes(t *testing.T, plain, got rows, names []string) map[string]hole {
	t.Helper()
	out := map[string]hole{}
	for _, name := range names {
		s := stream.Find(name)
		h := hole{}
		for key, record := range plain[name] {
			other, ok := got[name][key]
			if !ok || !bytes.Equal(other, record) && !reflect.DeepEqual(fieldsOf(t, other), fieldsOf(t, record)) {
				h[text(rawjson.Value(record).Member(s.ParentField))] = true
			}
		}
		out[name] = h
	}
	return out
}

// TestLiesAreCaught reads lying sites with several samples.
func TestLiesAreCaught(t *testing.T) {
	t.Parallel()
	seeds := tapfixture.Cut(2, 8)
	for _, l := range lies() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			w := liar(t, l)
			truth, _, _ := w.collect(sync_{streams: l.streams, state: plainState(l.streams...)})
			if missing := w.missing(truth, l.streams); missing != nil {
				t.Fatalf("the plain routes lack rows: %q", missing)
			}
			// Audits turned off: the hole is there, so that what follows can fail.
			w.config.AuditSamples = 0
			unaudited, last, _ := w.collect(sync_{streams: l.streams})
			lacking := holes(t, truth, unaudited, l.streams)
			for _, name := range l.lying {
				if len(lacking[name]) == 0 {
					t.Errorf("the site does not lie about %s", name)
				}
			}
			for name, e := range w.entries(last) {
				if e.Plain {
					t.Errorf("%s is marked though nothing was compared", name)
				}
			}
			w.config.AuditSamples = samples
			caught := map[string]int{}
			for seed := range uint64(seeds) {
				w.seed = seed + 1
				for _, name := range w.readLiar(t, l, truth, lacking) {
					caught[name]++
				}
			}
			for _, name := range l.lying {
				chance := w.chance(t, l, name, lacking[name])
				t.Logf("%s: %d of %d samples catch it; %d parents differ, chance %.1f%%", name, caught[name], seeds, len(lacking[name]), 100*chance)
				n := float64(seeds)
				if least := n*chance - 3*math.Sqrt(n*chance*(1-chance)) - 0.001; float64(caught[name]) < least {
					t.Errorf("%s: caught by %d of %d samples, want at least %.1f", name, caught[name], seeds, least)
				}
			}
		})
	}
}

// readLiar reads a lying site once and checks what follows from having been caught or not;
// it returns the streams that were.
func (w *world) readLiar(t *testing.T, l lie, truth rows, lacking map[string]hole) (caught []string) {
	t.Helper()
	w.logMu.Lock()
	w.log.Reset()
	w.logMu.Unlock()
	airbyte := w.seed%2 == 0
	out := w.run(sync_{streams: l.streams, airbyte: airbyte})
	if out.err != nil {
		t.Fatalf("seed %d: %v", w.seed, out.err)
	}
	got := rows{}
	last, _ := w.read(out.lines, got, nil)
	left := holes(t, truth, got, l.streams)
	for _, name := range l.streams {
		plain := w.entries(last)[name].Plain
		warned := w.warned(name, l.shortcut)
		switch {
		case plain && len(lacking[name]) == 0:
			t.Errorf("seed %d: %s is honest, and marked", w.seed, name)
		case plain:
			caught = append(caught, name)
			if len(left[name]) > 0 {
				t.Errorf("seed %d: %s was caught, and still lacks rows of %v", w.seed, name, left[name])
			}
		case len(left[name]) < len(lacking[name]) && l.shortcut == "combined read" && len(caught) > 0:
			// Once another stream has left, a parent may be read by this stream's own list.
		case len(left[name]) != len(lacking[name]):
			t.Errorf("seed %d: %s was not caught, yet lacks rows of %d parents, not %d", w.seed, name, len(left[name]), len(lacking[name]))
		}
		if plain != warned {
			t.Errorf("seed %d: %s is marked: %v, warning: %v\n%s", w.seed, name, plain, warned, w.warnings())
		}
		failed := slices.ContainsFunc(out.run.Report().Audits, func(line string) bool {
			return strings.Contains(line, "("+name+")") && strings.Contains(line, "FAILED")
		})
		if plain != failed {
			t.Errorf("seed %d: %s is marked: %v, the summary says so: %v", w.seed, name, plain, failed)
		}
	}
	w.readOnce(t, l, truth, last, airbyte, caught)
	return caught
}

// readOnce reads a lying site with the state of a run that caught it: the plain route is
// used at once and not audited.
func (w *world) readOnce(t *testing.T, l lie, truth rows, st []byte, airbyte bool, caught []string) {
	t.Helper()
	if w.seed > 2 || len(caught) == 0 {
		return // the first of each protocol will do
	}
	w.site.Reset()
	out := w.run(sync_{streams: caught, airbyte: airbyte, state: st})
	if out.err != nil {
		t.Fatal(out.err)
	}
	got := rows{}
	next, records := w.read(out.lines, got, st)
	for name, h := range holes(t, truth, got, caught) {
		if len(h) > 0 {
			t.Errorf("the next run lacks rows of %s: %v", name, h)
		}
		if !w.entries(next)[name].Plain {
			t.Errorf("the next run forgets that %s is plain: %s", name, next)
		}
	}
	if n := rowCount(got); records != n {
		t.Errorf("the next run sends %d records for %d rows: not by one route", records, n)
	}
	if a := out.run.Report().Audits; len(a) > 0 {
		t.Errorf("the next run audits the plain route: %q", a)
	}
	if l.route != "" && w.site.Requests()[stream.V2+l.route] > 0 {
		t.Errorf("the next run asks %s", l.route)
	}
	if n := itemRequests(w.site.Requests()); n > 0 {
		t.Errorf("the next run makes %d combined reads", n)
	}
}

// warned says whether a warning names a stream, its shortcut, a parent and the difference.
func (w *world) warned(name, shortcut string) bool {
	return slices.ContainsFunc(strings.Split(w.warnings(), "\n"), func(line string) bool {
		return strings.Contains(line, "stream="+name+" ") && strings.Contains(line, `shortcut="`+shortcut+`"`) &&
			strings.Contains(line, "parent=") && strings.Contains(line, "difference=")
	})
}

// chance returns how likely it is at least that a sample holds a parent of the hole.
func (w *world) chance(t *testing.T, l lie, name string, h hole) float64 {
	t.Helper()
	var parents []sampled
	for row := range w.site.Truth(streamOf(stream.Find(name).Parent), simconfluence.TruthOptions{}) {
		fields := fieldsOf(t, row.Data)
		version, _ := fields["version"].(map[string]any)
		parents = append(parents, sampled{
			status: fields["status"].(string), differs: h[row.Key[0]], first: fmt.Sprint(version["number"]) == "1",
		})
	}
	switch l.shortcut {
	case "combined read":
		return localChance(parents, samples)
	case "first version without a request":
		for i := range parents[:len(parents)-2] {
			parents[i].skipped = !parents[i].first
		}
		return localChance(parents, samples)
	}
	return scatteredChance(parents, samples)
}

// sampled is a parent from which samples are drawn.
type sampled struct {
	status                  string
	differs, first, skipped bool
}

// localChance is the chance for a shortcut that is compared while the walk passes: sure for
// the first parents, the last two and the first of each status, and one of every stretch
// that is as long as what lies before it.
func localChance(parents []sampled, samples int) float64 {
	statuses := map[string]bool{}
	n, end, miss := 0, max(1, samples/4), 1.0
	length, differing := 0, 0 // of the stretch at hand
	for i, p := range parents {
		sure := i >= len(parents)-2
		if p.skipped {
			continue
		}
		sure = sure || n < samples/4 || !statuses[p.status]
		statuses[p.status] = true
		if sure && p.differs {
			return 1
		}
		if n >= end {
			miss *= 1 - float64(differing)/max(1, float64(length))
			length, differing, end = end+1, 0, 2*end+1
		}
		if p.differs {
			differing++
		}
		n++
	}
	return 1 - miss*(1-float64(differing)/max(1, float64(length)))
}

// scatteredChance is the chance for a shortcut whose sample is drawn before the walk: without
// repetition from the first and the last 250 parents of each status. Parents that are known
// to have rows are drawn beside them, which makes it greater.
func scatteredChance(parents []sampled, samples int) float64 {
	byStatus := map[string][]sampled{}
	for _, p := range parents {
		byStatus[p.status] = append(byStatus[p.status], p)
	}
	miss, pool := 1.0, 0
	for _, status := range []string{stream.Current, stream.Archived} {
		all := byStatus[status]
		if len(all) == 0 {
			continue
		}
		for _, part := range [][]sampled{all[:min(250, len(all))], all[max(0, len(all)-250):]} {
			drawn := (samples + pool) / (2 * len(byStatus))
			differing := 0
			for _, p := range part {
				if p.differs {
					differing++
				}
			}
			for i := range min(drawn, len(part)) {
				miss *= max(0, float64(len(part)-differing-i)) / float64(len(part)-i)
			}
			pool++
		}
	}
	return 1 - miss
}

// TestPlainIncrementally reads incrementally with a state that marks streams plain: no
// shortcut is used, and no row is missing.
func TestPlainIncrementally(t *testing.T) {
	t.Parallel()
	w := liar(t, lie{lies: simconfluence.Lies{NoReplies: true, FirstVersions: true}, labels: fewLabels})
	names := append(where(isComments), where(isVersions)...)
	truth, last, _ := w.collect(sync_{streams: names, state: plainState(names...)})
	got, last, requests := w.collect(sync_{streams: names, incremental: true, state: last})
	for name, h := range holes(t, truth, got, names) {
		if len(h) > 0 {
			t.Errorf("%s lacks rows of %v", name, h)
		}
		if !w.entries(last)[name].Plain {
			t.Errorf("the run forgets that %s is plain: %s", name, last)
		}
	}
	if requests["/footer-comments"]+requests["/inline-comments"] > 0 {
		t.Errorf("the lying lists were asked: %v", requests)
	}
	if pages := w.site.Counts(simconfluence.TruthOptions{})["pages"]; requests["/pages/{id}/versions"] < pages {
		t.Errorf("%d lists of versions for %d pages", requests["/pages/{id}/versions"], pages)
	}
}
