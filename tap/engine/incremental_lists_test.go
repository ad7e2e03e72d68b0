package engine_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Several listings under one name: types of custom content, which have a bookmark each, and
// batches of spaces, which share one.

// typeOf returns the type of each custom content of the site by its key.
func (w *world) typeOf() map[string]string {
	w.t.Helper()
	types := map[string]string{}
	for row := range w.site.Truth("custom_content", simconfluence.TruthOptions{}) {
		var fields struct{ Type string }
		if err := json.Unmarshal(row.Data, &fields); err != nil {
			w.t.Fatal(err)
		}
		types[keyOf(row.Key[0])] = fields.Type
	}
	return types
}

// partitions are the bookmarks of the types of custom content by type.
func (w *world) partitions(st []byte) map[string]time.Time {
	w.t.Helper()
	all := map[string]time.Time{}
	for _, p := range w.entries(st)["custom_content"].Partitions {
		all[p.Context.Type] = momentOf(w.t, p.ReplicationKeyValue)
	}
	return all
}

// wantOfType fails the test unless the records of a type are those since its bookmark.
func (w *world) wantOfType(got rows, kind string, since time.Time) {
	w.t.Helper()
	types := w.typeOf()
	for key, at := range w.changeTimes("custom_content", simconfluence.TruthOptions{}) {
		if types[key] != kind {
			continue
		}
		if _, came := got["custom_content"][key]; came == at.Before(since) {
			w.t.Errorf("%s of %s, of %s: came %v, the bookmark is %s", key, kind, at, came, since)
		}
	}
}

// TestTypesOfCustomContent follows the bookmarks of types: each is the newest change of its
// own type. A type that is added begins at the anchor, one that the site does not know is
// left out and harms nobody.
func TestTypesOfCustomContent(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		o := shown(51, 100)
		o.CustomContent = 60
		w := newWorld(t, o)
		kinds := w.site.CustomTypes()
		types := w.typeOf()
		oldest := func(kind string) string { // an item of the type that is not its newest
			ids := slices.DeleteFunc(w.newestFirst("custom_content"), func(id string) bool { return types[keyOf(id)] != kind })
			return ids[len(ids)-1]
		}
		run := sync_{streams: []string{"custom_content"}, incremental: true, airbyte: airbyte}
		w.config.CustomContentTypes = kinds[:1]
		got, st, _ := w.collect(run)
		first := w.partitions(st)
		w.wantOfType(got, kinds[0], w.config.AnchorDate)
		if len(first) != 1 {
			t.Fatalf("state %s", st)
		}

		w.config.CustomContentTypes = append([]string{"ac:org.example.unknown:thing"}, kinds...)
		w.edit(simconfluence.CustomContent, oldest(kinds[0]))
		run.state = st
		got, st, _ = w.collect(run)
		w.wantOfType(got, kinds[0], first[kinds[0]])
		w.wantOfType(got, kinds[1], w.config.AnchorDate)
		second := w.partitions(st)
		if !second[kinds[0]].Equal(w.site.Now()) || !second[kinds[1]].Before(second[kinds[0]]) || len(second) != 2 {
			t.Errorf("state %s", st)
		}
		if !strings.Contains(w.warnings(), "ac:org.example.unknown:thing") {
			t.Errorf("no warning of the type that the site does not know:\n%s", w.warnings())
		}

		w.edit(simconfluence.CustomContent, oldest(kinds[1]))
		run.state = st
		got, st, _ = w.collect(run)
		w.wantOfType(got, kinds[0], second[kinds[0]])
		w.wantOfType(got, kinds[1], second[kinds[1]])
		if third := w.partitions(st); !third[kinds[0]].Equal(second[kinds[0]]) || !third[kinds[1]].Equal(w.site.Now()) {
			t.Errorf("only the second type changed; state %s", st)
		}
	}
}

// TestTypeOlderThanAnchor has a type of custom content whose newest change lies before the
// anchor: its bookmark is not the older time.
func TestTypeOlderThanAnchor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(52, 100))
	w.config.AnchorDate = w.site.Now()
	run := sync_{streams: []string{"custom_content"}, incremental: true}
	for range 2 {
		got, st, _ := w.collect(run)
		for kind, at := range w.partitions(st) {
			if at.Before(w.config.AnchorDate) {
				t.Errorf("the bookmark of %s is %s, before the anchor", kind, at)
			}
		}
		if n := len(got["custom_content"]); n > 0 {
			t.Errorf("%d rows came that are older than the anchor", n)
		}
		run.state = st
	}
}

// manySpaces is a site with more spaces than one request can ask for, all of which are
// named.
func manySpaces(t *testing.T, seed int64) *world {
	t.Helper()
	const spaces = 130
	o := shown(seed, 3*spaces)
	o.Spaces, o.CustomContent = spaces, 2*spaces
	w := newWorld(t, o)
	for i := range spaces {
		w.config.SpaceKeys = append(w.config.SpaceKeys, w.site.SpaceKey(i))
	}
	w.config.CustomContentTypes = w.site.CustomTypes()
	return w
}

// inBatch returns the ids of a stream's rows whose spaces are in one of the batches that a
// run asks for, the newest change first.
func (w *world) inBatch(name string, second bool) []string {
	w.t.Helper()
	in := map[string]bool{}
	max := stream.Find(name).Listing.SpaceMax
	keys := w.config.SpaceKeys[:max]
	if second {
		keys = w.config.SpaceKeys[max:]
	}
	for row := range w.site.Truth(name, simconfluence.TruthOptions{SpaceKeys: keys}) {
		in[row.Key[0]] = true
	}
	return slices.DeleteFunc(w.newestFirst(name), func(id string) bool { return !in[id] })
}

// TestBatchesTakeTheOldestHead asks for more spaces than a request takes: the bookmark is the
// oldest of the batches' newest rows, and a row that changes in the first batch while the
// second is read is not lost behind a newer one of the second.
func TestBatchesTakeTheOldestHead(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]simconfluence.Kind{
		"pages": simconfluence.Page, "blog_posts": simconfluence.BlogPost, "custom_content": simconfluence.CustomContent,
	} {
		for _, airbyte := range []bool{false, true} {
			w := manySpaces(t, 53)
			w.config.CustomContentTypes = w.config.CustomContentTypes[:1]
			types := w.typeOf()
			other := func(id string) bool {
				return types[keyOf(id)] != "" && types[keyOf(id)] != w.config.CustomContentTypes[0]
			}
			one, two := slices.DeleteFunc(w.inBatch(name, false), other), slices.DeleteFunc(w.inBatch(name, true), other)
			run := sync_{streams: []string{name}, incremental: true, airbyte: airbyte}
			collect := func() (got rows, bookmark time.Time) {
				got, run.state, _ = w.collect(run)
				if name == "custom_content" {
					return got, w.partitions(run.state)[w.config.CustomContentTypes[0]]
				}
				return got, w.bookmark(run.state, name)
			}

			w.edit(kind, one[5]) // the newest row of all is of the first batch
			_, bookmark := collect()
			if head := w.changeTimes(name, simconfluence.TruthOptions{})[keyOf(two[0])]; !bookmark.Equal(head) {
				t.Errorf("%s: the bookmark is %s, the second batch's newest row is of %s", name, bookmark, head)
			}
			head := w.site.Now()
			w.site.SetFaults(w.before(stream.Find(name).Listing.Route, 2, func() { w.edit(kind, one[9], two[9]) }))
			got, bookmark := collect()
			w.site.SetFaults()
			if !bookmark.Equal(head) || !w.newer(got, name, two[9]) {
				t.Errorf("%s: the bookmark is %s, the first batch's newest row was of %s", name, bookmark, head)
			}
			got, _ = collect()
			if !w.newer(got, name, one[9]) || !w.newer(got, name, two[9]) || got[name][keyOf(one[5])] == nil {
				t.Errorf("%s: what changed while the batches were read was lost; %d rows came", name, len(got[name]))
			}
		}
	}
}

// TestEmptyFirstBatch begins with a batch of spaces that hold nothing. What comes to be in it
// while the second is read is older than the newest row of the second, and is not lost.
func TestEmptyFirstBatch(t *testing.T) {
	t.Parallel()
	w := manySpaces(t, 54)
	for _, id := range w.inBatch("blog_posts", false) {
		if err := w.site.Delete(simconfluence.BlogPost, id); err != nil {
			t.Fatal(err)
		}
	}
	run := sync_{streams: []string{"blog_posts"}, incremental: true}
	var made []string
	w.site.SetFaults(w.before("/blogposts", 2, func() {
		for made = nil; len(made) == 0; made = w.inBatch("blog_posts", false) {
			w.site.Create(simconfluence.BlogPost)
		}
		w.edit(simconfluence.BlogPost, w.inBatch("blog_posts", true)[4])
	}))
	got, st, _ := w.collect(run)
	w.site.SetFaults()
	for _, id := range made {
		if got["blog_posts"][keyOf(id)] != nil {
			t.Fatalf("post %s came with the first run: nothing is tried", id)
		}
	}
	run.state = st
	got, _, _ = w.collect(run)
	for _, id := range made {
		if !w.newer(got, "blog_posts", id) {
			t.Errorf("post %s, made while the second batch was read, is lost", id)
		}
	}
}

// TestBatchesAreResumed cuts a run off between batches, edits a row of the one that is read,
// and goes on: nothing is lost, the bookmark is not ahead of either.
func TestBatchesAreResumed(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		w := manySpaces(t, 55)
		w.everyState, w.config.PageSize = true, 40
		run := sync_{streams: []string{"pages", "blog_posts", "custom_content"}, incremental: true, airbyte: airbyte}
		whole := bytesOf(w.run(run).lines)
		for _, part := range []int{5, 2, 7}[:tapfixture.Cut(1, 3)] {
			got := rows{}
			run.state, run.cut = nil, whole*part/8
			cut := w.run(run)
			if cut.err == nil {
				t.Fatal("the run was not cut")
			}
			run.state, _ = w.read(cut.lines, got, nil)
			w.edit(simconfluence.Page, w.inBatch("pages", part%2 == 0)[30])
			w.edit(simconfluence.BlogPost, w.inBatch("blog_posts", part%2 == 0)[5])
			w.edit(simconfluence.CustomContent, w.newestFirst("custom_content")[100])
			run.cut = 0
			rest := w.run(run)
			if rest.err != nil {
				t.Fatal(rest.err)
			}
			st, _ := w.read(rest.lines, got, run.state)
			for _, name := range run.streams {
				w.wantSince(got, name, w.config.AnchorDate)
			}
			// The next run must not depend on what this one saw.
			run.state = st
			next, _, _ := w.collect(run)
			for _, name := range run.streams[:2] {
				w.wantSince(next, name, w.bookmark(st, name))
			}
		}
	}
}
