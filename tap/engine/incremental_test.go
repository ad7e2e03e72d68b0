package engine_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// What an incremental run reads, what it costs and which bookmark it leaves.

// TestUnchangedSite runs again on a site that did not change: at most two requests a walk, and
// one for the versions of its newest item; one row of each stream (of versions, all of one
// parent); and the same state. Tasks can't be listed by change and are read in full.
func TestUnchangedSite(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(32, 300)
	o.BodyBytes = 60
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		for _, airbyte := range []bool{false, true} {
			c := reads(t, f, true, where(isIncremental)...)
			c.airbyte = airbyte
			c.run()
			before := map[string]string{}
			for _, name := range c.names() {
				e := c.entry(name)
				e.Run = ""
				before[name] = fmt.Sprint(e)
			}
			r := c.run()
			for _, name := range c.names() {
				e := c.entry(name)
				e.Run = ""
				if after := fmt.Sprint(e); after != before[name] {
					t.Errorf("the entry of %s was %s and is %s", name, before[name], after)
				}
				wantQuiet(c, r.rows, name)
			}
			walks := map[string]int{}
			for route, n := range r.requests {
				walks[strings.Split(strings.Trim(route, "/"), "/")[0]] += n
			}
			delete(walks, "wiki") // the probes, and a search for types
			for walk, n := range walks {
				most := 2
				switch walk {
				case "tasks":
					most = 1 + o.Tasks/250
				case "pages", "blogposts", "attachments":
					most = 3
				}
				if n > most {
					t.Errorf("%d requests in the walk of %s, want at most %d", n, walk, most)
				}
			}
		}
	})
}

// wantQuiet fails the test unless the rows of a run without changes are those at the bookmark.
func wantQuiet(c *client, got rows, name string) {
	c.t.Helper()
	times := map[string]bool{}
	for _, at := range c.entry(name).Partitions {
		times[at] = true
	}
	if len(times) == 0 {
		times[c.entry(name).ReplicationKeyValue] = true
	}
	parents := map[string]bool{}
	for key, record := range got[name] {
		parent, _, _ := strings.Cut(key, "/")
		parents[parent] = true
		if at := timestamp.Format(changedAt(c.t, name, record)); !isVersions(stream.Find(name)) && !times[at] {
			c.t.Errorf("%s %s of %s came again", name, key, at)
		}
	}
	if len(parents) < len(times) || isVersions(stream.Find(name)) && len(parents) > 1 {
		c.t.Errorf("%s: rows of %d items came again, want %d", name, len(parents), len(times))
	}
}

// TestOnePercentChanged edits one page of a hundred: the next run brings these with all their
// versions, for at most a twentieth of the requests of a full read of the same streams.
func TestOnePercentChanged(t *testing.T) {
	t.Parallel()
	const pages = 800
	o := simconfluence.Scaled(33, pages)
	o.BodyBytes = 60
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		full := reads(t, f, false, where(isIncremental)...).run()
		c := reads(t, f, true, where(isIncremental)...)
		c.run()
		since := f.Site.Now()
		ids := newestFirst(t, f, "pages")
		for i := range pages / 100 {
			edit(t, f, simconfluence.Page, ids[(i*97+50)%len(ids)])
		}
		r := c.run()
		changed := changes(t, f, "pages")
		maps.DeleteFunc(changed, func(_ string, at time.Time) bool { return !at.After(since) })
		for id, at := range changed {
			if record, came := r.rows["pages"][id]; !came || !changedAt(t, "pages", record).Equal(at) {
				t.Errorf("page %s did not come as of %s", id, at)
			}
			for key := range changes(t, f, "page_versions") {
				if _, came := r.rows["page_versions"][key]; strings.HasPrefix(key, id+"/") && !came {
					t.Errorf("version %s did not come", key)
				}
			}
		}
		if a, b := total(r.requests), total(full.requests); 20*a > b || len(changed) != pages/100 {
			t.Errorf("%d requests for %d changes, %d for a full read: %v", a, len(changed), b, r.requests)
		}
	})
}

func total(requests map[string]int) int {
	n := 0
	for _, count := range requests {
		n += count
	}
	return n
}

// TestBookmark says where a complete run leaves the bookmark: at the newest change, but not
// later than the lookback window before the run's first answer.
func TestBookmark(t *testing.T) {
	t.Parallel()
	const window = 600 * time.Second
	for _, test := range []struct {
		name     string
		settings map[string]any
		age      time.Duration // of the newest change when the run begins
		prepare  func(f *tapfixture.Fixture)
		want     time.Duration // of the bookmark, before the run began
		stays    bool          // at the anchor
	}{
		{name: "an old change", age: time.Hour, want: time.Hour},
		{name: "a change at the window's edge", age: window, want: window},
		{name: "a fresh change", age: time.Second, want: window},
		{name: "another window", settings: map[string]any{"lookback_window": 60}, age: time.Second, want: time.Minute},
		{name: "no window", settings: map[string]any{"lookback_window": 0}, age: 0, want: 0},
		{name: "a row dated in the future", age: -365 * 24 * time.Hour, want: window},
		{name: "a site whose clock is slow", age: time.Hour, prepare: quirk(func(q *simconfluence.Quirks) { q.DateOff = -2 * time.Hour }), want: 2*time.Hour + window},
		{name: "a site that tells no time", age: time.Hour, prepare: quirk(func(q *simconfluence.Quirks) { q.NoDate = true }), stays: true},
		{name: "no rows since the anchor", age: time.Hour, settings: map[string]any{"lookback_window": 0}, prepare: func(f *tapfixture.Fixture) {
			f.Site.SetFaults(simconfluence.On("/pages", simconfluence.Body("application/json", `{"results":[]}`)))
		}, stays: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			virtual(t, shown(31, 30), func(t *testing.T, f *tapfixture.Fixture) {
				f = f.With(test.settings)
				if test.prepare != nil {
					test.prepare(f)
				}
				f.Site.Advance(24 * time.Hour)
				began := f.Site.Now().Add(time.Second) // which the edit takes
				if err := f.Site.EditAt(simconfluence.Page, newestFirst(t, f, "pages")[3], began.Add(-test.age)); err != nil {
					t.Fatal(err)
				}
				if now := f.Site.Now(); !now.Equal(began) {
					t.Fatalf("the site's time is %s", now)
				}
				c := reads(t, f, true, "pages", "page_versions")
				r := c.run()
				for _, name := range c.names() {
					want := began.Add(-test.want)
					if test.stays {
						want = moment(t, "2000-01-01")
					}
					// Answers tell their time in whole seconds.
					if got := c.bookmark(name); got.After(want) || want.Sub(got) >= time.Second {
						t.Errorf("%s: the bookmark is %s, want %s", name, timestamp.Format(got), timestamp.Format(want))
					}
				}
				if warned := r.logged("WARN", "lack the header Date"); warned != (test.name == "a site that tells no time") {
					t.Errorf("warned of the time: %v\n%s", warned, r.told())
				}
			})
		})
	}
}

func quirk(change func(*simconfluence.Quirks)) func(*tapfixture.Fixture) {
	return func(f *tapfixture.Fixture) {
		q := f.Site.Quirks()
		change(&q)
		f.Site.SetQuirks(q)
	}
}

// TestEqualTimesAtBookmark lets several rows share the bookmark's time, one of which comes to
// be after the run that saw the others: none is lost.
func TestEqualTimesAtBookmark(t *testing.T) {
	t.Parallel()
	virtual(t, shown(34, 60), func(t *testing.T, f *tapfixture.Fixture) {
		ids := newestFirst(t, f, "pages")
		at := f.Site.Now().Add(time.Hour)
		share := func(id string) {
			if err := f.Site.EditAt(simconfluence.Page, id, at); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range ids[10:14] {
			share(id)
		}
		f.Site.Advance(2 * time.Hour)
		c := reads(t, f, true, "pages", "page_versions")
		c.run()
		if !c.bookmark("pages").Equal(at) {
			t.Fatalf("the bookmark is %s", c.bookmark("pages"))
		}
		share(ids[20])
		r := c.run()
		c.wantSince(r.rows, "pages", at)
		if n := len(r.rows["pages"]); n != 5 || !c.bookmark("pages").Equal(at) {
			t.Errorf("%d pages, bookmark %s", n, c.bookmark("pages"))
		}
	})
}

// TestBookmarkTexts reads bookmarks as people write them: in other zones, without fractions or
// without a time. All of a kind mean the same moment, and rows of that very moment come.
func TestBookmarkTexts(t *testing.T) {
	t.Parallel()
	virtual(t, shown(34, 60), func(t *testing.T, f *tapfixture.Fixture) {
		f.Site.Advance(30 * 24 * time.Hour)
		for at, texts := range map[string][]string{
			// The site writes the first without a fraction, as it does every seventh second.
			"2026-11-02T12:00:05.000Z": {"2026-11-02T12:00:05Z", "2026-11-02T14:00:05+02:00", "2026-11-02T04:00:05.000-08:00", "2026-11-02T12:00:05.000000Z", "2026-11-02T12:00:05"},
			"2026-11-03T00:00:00.000Z": {"2026-11-03", "2026-11-03T05:45:00+05:45", "2026-11-02T23:00:00-01:00"},
			"2026-11-04T01:02:03.457Z": {"2026-11-04T01:02:03.457Z", "2026-11-03T17:02:03.457-08:00"},
		} {
			ids := newestFirst(t, f, "pages")
			for i, off := range []time.Duration{-time.Millisecond, 0, time.Millisecond} {
				if err := f.Site.EditAt(simconfluence.Page, ids[len(ids)-1-i], moment(t, at).Add(off)); err != nil {
					t.Fatal(err)
				}
			}
			for _, text := range texts {
				c := reads(t, f, true, "pages")
				c.state = `{"bookmarks":{"pages":{"replication_key":"modifiedAt","replication_key_value":"` + text + `"}}}`
				c.wantSince(c.run().rows, "pages", moment(t, at))
			}
		}
	})
}

// TestMixedModes reads some of a listing's streams incrementally and others in full, all in one
// run: the full ones are whole every time, and the listing that is read for them alone brings
// no bodies.
func TestMixedModes(t *testing.T) {
	t.Parallel()
	virtual(t, shown(48, 60), func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f, true)
		c.run()
		since := c.bookmark("pages")
		edit(t, f, simconfluence.Page, newestFirst(t, f, "pages")[30:33]...)
		bodies := map[string]bool{}
		f.Site.SetFaults(asks("/pages", func(query map[string][]string) {
			bodies[strings.Join(query["sort"], "")] = query["body-format"] != nil
		}))
		r := c.run()
		c.wantWhole(r.rows, where(func(s *stream.Stream) bool { return s.ReplicationKey == "" })...)
		c.wantSince(r.rows, "pages", since)
		if want := map[string]bool{"id": false, "-modified-date": true}; !maps.Equal(bodies, want) {
			t.Errorf("bodies are asked for by order: %v, want %v", bodies, want)
		}
		if e := c.entry("page_labels"); e.ReplicationKey != "" || e.Progress != "" {
			t.Errorf("a full stream's entry is %+v", e)
		}
	})
}

// TestNewlySelected selects streams beside one that has a bookmark: they begin at the anchor, it
// goes on from where it was, and they share the listing. A stream that is selected no more keeps
// its bookmark.
func TestNewlySelected(t *testing.T) {
	t.Parallel()
	virtual(t, shown(49, 60), func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f, true, "pages", "page_footer_comments")
		c.run()
		since := c.bookmark("pages")
		edit(t, f, simconfluence.Page, newestFirst(t, f, "pages")[50])
		f.Site.Advance(time.Hour)
		c.streams = tapfixture.Each(true, "pages", "page_versions", "page_footer_comments", "blog_post_footer_comments", "attachments")
		r := c.run()
		c.wantSince(r.rows, "pages", since)
		for _, name := range []string{"page_versions", "blog_post_footer_comments", "attachments"} {
			c.wantWhole(r.rows, name)
		}
		if r.requests["/pages"] != 1 || r.requests["/footer-comments"] != 1 {
			t.Errorf("the listings are not shared: %v", r.requests)
		}
		if !c.bookmark("page_versions").Equal(c.bookmark("pages")) {
			t.Errorf("state %s", c.state)
		}
		bookmark := c.bookmark("pages")
		c.streams = tapfixture.Each(true, "attachments")
		c.run()
		if !c.bookmark("pages").Equal(bookmark) {
			t.Errorf("the bookmark of an unselected stream was lost: %s", c.state)
		}
	})
}

// TestMoreSpaces reads more spaces than the run before: what lies in the new one comes since the
// anchor, not since the bookmark.
func TestMoreSpaces(t *testing.T) {
	t.Parallel()
	o := shown(68, 60)
	o.Spaces = 3
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		keys := f.Site.SpaceKeys()
		c := reads(t, f, true, "pages", "page_versions", "custom_content").with(map[string]any{"space_keys": keys[:1]})
		c.run()
		c = c.with(map[string]any{"space_keys": keys[:2]})
		r := c.run()
		for _, name := range c.names() {
			for key := range changesIn(t, f, name, simconfluence.TruthOptions{SpaceKeys: keys[:2]}) {
				if _, came := r.rows[name][key]; !came {
					t.Errorf("%s %s is missing", name, key)
				}
			}
		}
		r.wantLog("WARN", "the spaces or statuses changed", "streams=pages")
		if r = c.run(); len(r.rows["pages"]) != 1 || r.logged("changed: reading") {
			t.Errorf("the next run gives %d pages\n%s", len(r.rows["pages"]), r.told())
		}
	})
}

// TestVersionsOfChangedParents edits pages, posts and files: of these, and no others, all
// versions come.
func TestVersionsOfChangedParents(t *testing.T) {
	t.Parallel()
	virtual(t, shown(47, 60), func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f, true, where(isVersions)...)
		c.run()
		wanted := map[string]bool{}
		for kind, name := range map[simconfluence.Kind]string{
			simconfluence.Page: "pages", simconfluence.BlogPost: "blog_posts", simconfluence.Attachment: "attachments",
		} {
			ids := newestFirst(t, f, name)
			edit(t, f, kind, ids[3], ids[1], ids[1], ids[1])
			wanted[ids[0]], wanted[ids[1]], wanted[ids[3]] = true, true, true // the first is at the bookmark
			wanted[f.Site.Create(kind)] = true
		}
		r := c.run()
		for _, name := range c.names() {
			for key := range changes(t, f, name) {
				parent, _, _ := strings.Cut(key, "/")
				if _, came := r.rows[name][key]; came != wanted[parent] {
					t.Errorf("%s %s came: %v", name, key, came)
				}
			}
			// What is at version 1 needs no request.
			if n := r.requests[stream.Find(name).Route]; n < 2 || n > 3 {
				t.Errorf("%d requests for %s", n, name)
			}
		}
	})
}

// TestRepliesUnderOldRoots edits replies whose roots stay as they are: they come, the roots
// don't.
func TestRepliesUnderOldRoots(t *testing.T) {
	t.Parallel()
	virtual(t, shown(43, 100), func(t *testing.T, f *tapfixture.Fixture) {
		comments := map[simconfluence.Kind]string{
			simconfluence.FooterComment: "page_footer_comments", simconfluence.InlineComment: "page_inline_comments",
		}
		c := reads(t, f, true, "page_footer_comments", "page_inline_comments")
		c.run()
		for kind, name := range comments {
			var replies []string
			for row := range f.Site.Truth(name, scope()) {
				if parent, _ := tapfixture.Decode(t, row.Data)["parentCommentId"].(string); parent != "" && len(replies) < 4 {
					replies = append(replies, row.Key[0])
				}
			}
			if len(replies) != 4 {
				t.Fatalf("%d replies of %s", len(replies), name)
			}
			edit(t, f, kind, replies...)
		}
		since := map[string]time.Time{}
		for _, name := range comments {
			since[name] = c.bookmark(name)
		}
		r := c.run()
		for name, at := range since {
			c.wantSince(r.rows, name, at)
		}
	})
}

// asks tells of the parameters of each request of a route.
func asks(route string, tell func(map[string][]string)) simconfluence.Fault {
	return simconfluence.On(route, watching(tell))
}
