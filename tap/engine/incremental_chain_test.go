package engine_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Runs that follow one another, some of them cut off, while the site changes all the time.

// TestOpenRangeIsEdited cuts an incremental run off, edits rows of the range that it was
// reading (some that came, some that did not, which jump above what is left), and goes on:
// the old range is finished, and the walk from the head down brings the edits.
func TestOpenRangeIsEdited(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		for _, refuse := range []bool{false, true} {
			w := newWorld(t, shown(61, 100))
			w.everyState, w.config.PageSize = true, 8
			run := sync_{streams: []string{"pages", "page_versions", "page_footer_comments"}, incremental: true, airbyte: airbyte}
			_, run.state, _ = w.collect(run)
			since := w.bookmark(run.state, "pages")
			oldComment := w.bookmark(run.state, "page_footer_comments")
			w.edit(simconfluence.Page, w.newestFirst("pages")[5:65]...)
			w.edit(simconfluence.FooterComment, w.newestFirst("page_footer_comments")[5:45]...)
			open := w.newestFirst("pages")[:60]
			base := run.state
			whole := bytesOf(w.run(run).lines)
			for _, part := range []int{4, 1, 8, 11}[:tapfixture.Cut(2, 4)] {
				got := rows{}
				run.state, run.cut = base, whole*part/12
				cut := w.run(run)
				for cut.err == nil { // how many states there are, and so how many bytes, is up to chance
					run.cut = run.cut * 9 / 10
					cut = w.run(run)
				}
				run.state, _ = w.read(cut.lines, got, base)
				came := len(got["pages"])
				w.edit(simconfluence.Page, open[part], open[30+part], open[59-part])
				head := w.site.Now()
				w.edit(simconfluence.FooterComment, w.newestFirst("page_footer_comments")[10+part])
				if refuse {
					w.site.ExpireCursors()
				}
				run.cut = 0
				rest := w.run(run)
				if rest.err != nil {
					t.Fatal(rest.err)
				}
				st, _ := w.read(rest.lines, got, run.state)
				w.wantSince(got, "pages", since)
				w.wantSince(got, "page_versions", since)
				w.wantSince(got, "page_footer_comments", oldComment)
				if !w.bookmark(st, "pages").Equal(head) {
					t.Errorf("part %d, %d pages came: the bookmark is not the head's: %s", part, came, st)
				}
				for name, e := range w.entries(st) {
					if e.At != nil {
						t.Errorf("%s is still under way: %s", name, st)
					}
				}
			}
		}
	}
}

// chain is a client that runs again and again and keeps the rows by key.
type chain struct {
	w    *world
	run  sync_
	rnd  *rand.Rand
	rows rows
	// bookmarks are the last that were told, by stream and type.
	bookmarks map[string]time.Time

	// mu guards rnd and what follows it: a request of a run that was cut off may still be
	// under way in the server when that run has ended.
	mu      sync.Mutex
	changes int
	busy    bool
}

// draw returns a random number below n.
func (c *chain) draw(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rnd.IntN(n)
}

var chainKinds = map[simconfluence.Kind]string{
	simconfluence.Page: "pages", simconfluence.BlogPost: "blog_posts", simconfluence.Attachment: "attachments",
	simconfluence.FooterComment: "page_footer_comments", simconfluence.InlineComment: "page_inline_comments",
	simconfluence.CustomContent: "custom_content", simconfluence.Task: "tasks",
}

// tieable says whether items may be edited at the time of the last change. What has versions
// may not: a version of the very millisecond of the first row, made after that was read, is
// more than the site's own clock allows.
func (w *world) tieable(k simconfluence.Kind) bool {
	return k != simconfluence.Page && k != simconfluence.BlogPost && k != simconfluence.Attachment
}

// changed returns how many changes were made.
func (c *chain) changed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes
}

// change makes one change: an edit, some at the time of the last one, a new item or a deletion.
func (c *chain) change() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changeLocked()
}

func (c *chain) changeLocked() {
	c.changes++
	kind := slices.Sorted(maps.Keys(chainKinds))[c.rnd.IntN(len(chainKinds))]
	keys := slices.Sorted(maps.Keys(c.w.truth(chainKinds[kind])))
	if len(keys) < 3 {
		return
	}
	some := func() string { return strings.Trim(keys[c.rnd.IntN(len(keys))], `" `) }
	var err error
	switch n := c.rnd.IntN(10); {
	case n < 6:
		err = c.w.site.Edit(kind, some())
	case n < 7 && c.w.tieable(kind):
		err = c.w.site.EditAt(kind, some(), c.w.site.Now())
	case n < 9:
		c.w.site.Create(kind)
	case kind == simconfluence.Page && c.rnd.IntN(4) > 0:
		// A page takes what belongs to it along: seldom.
	default:
		err = c.w.site.Delete(kind, some())
	}
	if err != nil {
		c.w.t.Error(err)
	}
}

// unrest changes the site while it is being read, at some of the requests.
func (c *chain) unrest(_ http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy && c.rnd.IntN(4) == 0 {
		c.changeLocked()
	}
	return false
}

func (c *chain) setBusy(busy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = busy
}

// piece runs once, cut off after that many bytes or not, and takes what came.
func (c *chain) piece(cut int) (complete bool) {
	c.w.t.Helper()
	c.run.cut = cut
	c.setBusy(true)
	out := c.w.run(c.run)
	c.setBusy(false)
	if out.err != nil && cut == 0 {
		c.w.t.Fatalf("%v\n%s", out.err, c.w.warnings())
	}
	c.run.state, _ = c.w.read(out.lines, c.rows, c.run.state)
	for name, e := range c.w.entries(c.run.state) {
		c.moves(name, e.ReplicationKeyValue)
		for _, p := range e.Partitions {
			c.moves(name+" of type "+p.Context.Type, p.ReplicationKeyValue)
		}
	}
	return out.err == nil
}

// moves fails the test if a bookmark moved back.
func (c *chain) moves(name, value string) {
	c.w.t.Helper()
	if value == "" {
		return
	}
	at := momentOf(c.w.t, value)
	if at.Before(c.bookmarks[name]) {
		c.w.t.Errorf("the bookmark of %s moved back from %s to %s", name, c.bookmarks[name], at)
	}
	c.bookmarks[name] = at
}

// check fails the test if a row lacks that changed before a time, or is older than it should
// be. A version is due when its parent's last change is: one that was edited later may have
// moved out of the range that was read, and its versions come with the next run.
func (c *chain) check(until time.Time) {
	c.w.t.Helper()
	for _, name := range c.run.streams {
		st := stream.Find(name)
		var parents map[string]time.Time
		if isVersions(st) {
			parents = c.w.changeTimes(streamOf(st.Parent), simconfluence.TruthOptions{})
		}
		for key, at := range c.w.changeTimes(name, simconfluence.TruthOptions{}) {
			parent, _, _ := strings.Cut(key, " ")
			if !at.Before(until) || !parents[parent+" "].Before(until) {
				continue
			}
			record, came := c.rows[name][key]
			if !came {
				c.w.t.Errorf("%s %s of %s is missing", name, key, at)
			} else if had := c.w.recordTime(name, record); had.Before(at) {
				c.w.t.Errorf("%s %s is of %s, what came is of %s", name, key, at, had)
			}
		}
	}
	if c.w.t.Failed() {
		c.w.t.FailNow()
	}
}

// TestChainOfRuns lets a client run again and again, cut off at random bytes and going on from
// the last whole state, while the site changes between the runs and during them. Whenever a
// run is complete, what came so far holds the newest version of every row that had changed by
// the time it began; a last run on a quiet site leaves nothing out; and no bookmark ever moves
// back.
func TestChainOfRuns(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		for seed := range uint64(tapfixture.Cut(1, 3)) {
			t.Run(fmt.Sprintf("airbyte=%v, seed %d", airbyte, seed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, shown(int64(70+seed), 40))
				w.everyState, w.config.PageSize = true, 7
				w.config.CustomContentTypes = w.site.CustomTypes()
				c := &chain{
					w: w, rnd: rand.New(rand.NewPCG(seed, 3)), rows: rows{}, bookmarks: map[string]time.Time{},
					run: sync_{streams: incrementalStreams(), incremental: true, airbyte: airbyte},
				}
				w.site.SetFaults(c.unrest)
				complete, cuts := 0, 0
				for size := 150_000; complete < 7; {
					for range c.draw(12) {
						c.change()
					}
					cut := 0
					if c.draw(3) > 0 {
						cut = 1 + c.draw(size)
					}
					begun := w.site.Now()
					if !c.piece(cut) {
						cuts++
						continue
					}
					complete++
					size = 30_000
					c.check(begun)
				}
				w.site.SetFaults()
				c.piece(0)
				c.check(w.site.Now().Add(time.Second))
				changes := c.changed()
				if cuts < 3 || changes < 60 {
					t.Errorf("%d cuts, %d changes: too little was tried", cuts, changes)
				}
				t.Logf("%d complete runs, %d cuts, %d changes", complete, cuts, changes)
			})
		}
	}
}
