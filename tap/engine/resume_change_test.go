package engine_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// truth is what a stream must deliver now: keys as rows.add writes them, with the row's
// newest version where it has one.
func (w *world) truth(name string) map[string]string {
	all := map[string]string{}
	for row := range w.site.Truth(name, simconfluence.TruthOptions{}) {
		var key strings.Builder
		for i, k := range row.Key {
			if stream.Find(name).Key[i] != "number" {
				k = strconv.Quote(k)
			}
			key.WriteString(k + " ")
		}
		all[key.String()] = text(rawjson.Value(row.Data).Member("version").Member("createdAt"))
	}
	return all
}

// TestChangesBetweenCuts changes the site between the pieces of a sync: items are made,
// edited, moved to the trash, to the archive and out of it, and purged. Every row that is
// there from the beginning to the end has been delivered, and by an incremental sync in
// its newest version.
func TestChangesBetweenCuts(t *testing.T) {
	for i, m := range some(0, 3) {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(11, uint64(i)))
			cuts, made := 0, 0
			for seed := range int64(tapfixture.Cut(1, 6)) {
				w := newWorld(t, tiny(100+seed))
				w.everyState, w.config.PageSize = true, 5
				w.syncID = attempt(1)
				size := bytesOf(w.run(m.sync()).lines)
				before := map[string]map[string]string{}
				for _, name := range stream.Names() {
					before[name] = w.truth(name)
				}
				h := newHeld(t)
				c := &changes{gone: map[string]bool{}}
				cuts += w.cutUntilDone(m.sync(), h, size*2/3, rnd, func() {
					w.change(rnd, c)
					if rnd.IntN(2) == 0 {
						w.site.ExpireCursors()
					}
				})
				w.checkUnion(m, h, before, c)
				made += c.n
			}
			t.Logf("%d cuts, %d changes", cuts, made)
		})
	}
}

// checkUnion fails the test if a row is missing that was there all the time, or is old where
// the newest is promised.
func (w *world) checkUnion(m mode, h *held, before map[string]map[string]string, c *changes) {
	w.t.Helper()
	for _, name := range stream.Names() {
		st := stream.Find(name)
		for key, modified := range w.truth(name) {
			if _, always := before[name][key]; !always || anyOf(c.gone, key) {
				continue
			}
			row, came := h.rows[name][key]
			if !came {
				w.t.Errorf("%s %s is missing", name, key)
				continue
			}
			if !m.incremental || st.ReplicationKey != "modifiedAt" {
				continue
			}
			if came := text(rawjson.Value(row).Member("modifiedAt")); !sameTime(w.t, came, modified) {
				w.t.Errorf("%s %s came as of %s, it was changed at %s", name, key, came, modified)
			}
		}
	}
	if w.t.Failed() {
		w.t.Fatalf("the last state is %s", h.state())
	}
}

// sameTime compares two times as text.
func sameTime(t testing.TB, a, b string) bool {
	t.Helper()
	ta, errA := time.Parse(time.RFC3339, a)
	tb, errB := time.Parse(time.RFC3339, b)
	if errA != nil || errB != nil {
		t.Fatalf("%q or %q is no time", a, b)
	}
	return ta.Equal(tb)
}

// anyOf says whether a key holds an id of a set.
func anyOf(ids map[string]bool, key string) bool {
	for part := range strings.FieldsSeq(key) {
		if id, err := strconv.Unquote(part); err == nil && ids[id] {
			return true
		}
	}
	return false
}

// changes are what was done to a site.
type changes struct {
	n    int
	gone map[string]bool // items that were away for some time
}

// change makes some changes to the site.
func (w *world) change(rnd *rand.Rand, c *changes) {
	w.t.Helper()
	kinds := map[simconfluence.Kind]string{
		simconfluence.Page: "pages", simconfluence.BlogPost: "blog_posts", simconfluence.Attachment: "attachments",
		simconfluence.FooterComment: "page_footer_comments", simconfluence.InlineComment: "page_inline_comments",
		simconfluence.CustomContent: "custom_content",
	}
	for range 1 + rnd.IntN(6) {
		c.n++
		kind := slices.Sorted(maps.Keys(kinds))[rnd.IntN(len(kinds))]
		keys := slices.Sorted(maps.Keys(w.truth(kinds[kind])))
		if len(keys) == 0 {
			continue
		}
		id, err := strconv.Unquote(strings.TrimSpace(keys[rnd.IntN(len(keys))]))
		if err != nil {
			w.t.Fatal(err)
		}
		switch what := rnd.IntN(8); {
		case what < 4:
			err = w.site.Edit(kind, id)
		case what == 4:
			w.site.Create(kind)
		case what == 5 && kind != simconfluence.Page: // a page takes half the site along
			c.gone[id] = true
			err = w.site.Delete(kind, id)
		case what == 6 && kind == simconfluence.Page:
			err = w.site.SetStatus(kind, id, []string{stream.Archived, stream.Current}[rnd.IntN(2)])
		case kind == simconfluence.Page || kind == simconfluence.BlogPost || kind == simconfluence.Attachment:
			c.gone[id] = true
			err = w.site.SetStatus(kind, id, stream.Trashed)
		default:
			err = w.site.Edit(kind, id)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}
