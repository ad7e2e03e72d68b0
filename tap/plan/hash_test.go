package plan_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestHashes says what makes progress count for nothing: whatever decides which rows come, or in what
// form their bodies do, and only that.
func TestHashes(t *testing.T) {
	t.Parallel()
	bookmark := func(name, value string) map[string]state.Entry {
		return map[string]state.Entry{name: {ReplicationKey: "modifiedAt", ReplicationKeyValue: value}}
	}
	for _, test := range []struct {
		name, stream, list string
		before             given
		change             func(*given)
		same               bool
	}{
		{"nothing", "pages", "all", given{full: "pages"}, func(*given) {}, true},
		{"another format of bodies", "pages", "all", given{full: "pages"}, func(g *given) { g.config = func(c *config.Config) { c.BodyFormat = "none" } }, false},
		{"another format of the bodies of another stream", "child_pages", "all", given{full: "child_pages pages"}, func(g *given) { g.config = func(c *config.Config) { c.BodyFormat = "none" } }, true},
		{"bodies that nobody selects", "pages", "all", given{full: "pages"}, func(g *given) { g.removed = map[string]catalog.Fields{"pages": {"body": nil}} }, false},
		{"another size of pages", "pages", "all", given{full: "pages"}, func(g *given) { g.config = func(c *config.Config) { c.PageSize = 7 } }, true},
		{"other streams of the walk", "pages", "all", given{full: "pages"}, func(g *given) { g.full += " page_labels" }, true},
		{"audits", "pages", "all", given{full: "pages"}, func(g *given) { g.config = func(c *config.Config) { c.AuditSamples = 0 } }, true},
		{"another stream", "pages", "all", given{full: "pages child_pages"}, func(g *given) { g.full = "child_pages" }, false},
		{"another status", "pages", "all", given{full: "pages"}, func(g *given) { g.statuses = []string{stream.Current} }, false},
		{"other spaces", "pages", "all", given{full: "pages"}, func(g *given) { g.facts = func(f *site.Facts) { f.Spaces.Included = []string{"7"} } }, false},
		{"more spaces than are asked for", "pages", "all", given{full: "pages"}, func(g *given) { g.facts = func(f *site.Facts) { f.Spaces.Excluded = []string{"7"} } }, false},
		{"a shortcut", "page_labels", "all", given{full: "page_labels"}, func(g *given) { g.full += " page_versions" }, false},
		{"a shortcut that is distrusted", "page_versions", "all", given{full: "page_versions"}, func(g *given) { g.entries = map[string]state.Entry{"page_versions": {Plain: true}} }, false},
		{"the mode", "tasks", "all", given{full: "tasks"}, func(g *given) { g.full, g.changes = "", "tasks" }, false},
		{"another bookmark", "tasks", "all", given{changes: "tasks", entries: bookmark("tasks", january)}, func(g *given) { g.entries = bookmark("tasks", february) }, false},
		{"the same bookmark in other words", "tasks", "all", given{changes: "tasks", entries: bookmark("tasks", january)}, func(g *given) { g.entries = bookmark("tasks", "2026-01-01") }, true},
		{"the order", "tasks", "all", given{changes: "tasks", entries: bookmark("tasks", january)}, func(g *given) { g.facts = learned(stream.Tasks, site.Learned{Unsorted: true}) }, true},
		{"the order of what is sorted", "pages", "live", given{changes: "pages", entries: bookmark("pages", january)}, func(g *given) { g.facts = learned(stream.Pages, site.Learned{Unsorted: true}) }, false},
		{"the bookmark of a full read", "tasks", "all", given{full: "tasks", entries: bookmark("tasks", january)}, func(g *given) { g.entries = bookmark("tasks", february) }, true},
		{"another type behind", "custom_content", "ac:a:note", given{full: "custom_content"}, func(g *given) { g.facts = types("ac:a:note") }, true},
		{"another type before", "custom_content", "ac:b:card", given{full: "custom_content"}, func(g *given) { g.facts = types("ac:b:card") }, false},
		{"another type before, in a read of changes", "custom_content", "ac:b:card", given{changes: "custom_content", entries: bookmark("custom_content", january)}, func(g *given) { g.facts = types("ac:b:card") }, true},
		{"the bookmark of another type", "custom_content", "ac:b:card", given{changes: "custom_content", entries: partitions(nil)}, func(g *given) { g.entries = partitions(map[string]string{"ac:a:note": february}) }, true},
		{"the bookmark of the type", "custom_content", "ac:b:card", given{changes: "custom_content", entries: partitions(nil)}, func(g *given) { g.entries = partitions(map[string]string{"ac:b:card": february}) }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			after := test.before
			test.change(&after)
			if test.name == "another stream" {
				if a, b := hashIn(at(t, test.before, "pages", "all", state.Position{})), hashIn(at(t, after, "child_pages", "all", state.Position{})); a == b {
					t.Errorf("both are %s", a)
				}
				return
			}
			before, now := at(t, test.before, test.stream, test.list, state.Position{}), at(t, after, test.stream, test.list, state.Position{})
			if (hashIn(before) == hashIn(now)) != test.same {
				t.Errorf("position before %q, now %q", before, now)
			}
			// What stands for a whole full read holds all lists, and no bookmark.
			if test.before.full == "" || after.full == "" || test.list == "ac:a:note" {
				return
			}
			if before, now := done(t, test.before, test.stream, state.Done), done(t, after, test.stream, state.Done); (before == now) != test.same {
				t.Errorf("done before %q, now %q", before, now)
			}
		})
	}
}

func types(kinds ...string) func(*site.Facts) {
	return func(f *site.Facts) { f.Types = kinds }
}

// partitions are the bookmarks of custom content: january for all types but these.
func partitions(kinds map[string]string) map[string]state.Entry {
	return map[string]state.Entry{"custom_content": {ReplicationKey: "modifiedAt", ReplicationKeyValue: january, Partitions: kinds}}
}

// TestSince says from when an incremental stream is read, how its sync begins, and what the user
// is told.
func TestSince(t *testing.T) {
	t.Parallel()
	const (
		anchor = "2025-06-01T12:34:56.000Z" // a year before the site's time
		none   = "no bookmark yet: reading changes since the anchor date (setting anchor_date)"
		others = "the spaces or statuses changed: reading changes since the anchor date again"
	)
	oneSpace := func(f *site.Facts) { f.Spaces.Included = []string{"7"} }
	scope := func(g given) string { return g.build(t).Starts[0].Scope }
	narrow, current := scope(given{changes: "pages", facts: oneSpace}), scope(given{changes: "pages", statuses: []string{stream.Current}})
	entry := func(value, scope string) map[string]state.Entry {
		return map[string]state.Entry{"pages": {ReplicationKey: "modifiedAt", ReplicationKeyValue: value, Scope: scope}}
	}
	for _, test := range []struct {
		name string
		given
		since  string
		scope  string
		rewind bool
		notice string
		warns  bool
	}{
		{"no bookmark", given{changes: "pages"}, anchor, "", false, none, true},
		{"no bookmark, a site ahead of the local clock", given{changes: "pages", facts: func(f *site.Facts) { f.Clock = f.Local.AddDate(3, 0, 0) }}, "2025-06-01T12:35:00.000Z", "", false, none, true},
		{"no bookmark, an anchor of the user", given{changes: "pages", config: func(c *config.Config) { c.AnchorDate = moment(t, january) }}, january, "", false, none, false},
		{"a bookmark", given{changes: "pages", entries: entry(february, "")}, february, "", false, "", false},
		{"a bookmark at the beginning of time", given{changes: "pages", entries: entry("0001-01-01", "")}, "0001-01-01T00:00:00.000Z", "", false, "", false},
		{"the same spaces", given{changes: "pages", facts: oneSpace, entries: entry(february, narrow)}, february, narrow, false, "", false},
		{"fewer spaces", given{changes: "pages", facts: oneSpace, entries: entry(february, "")}, anchor, narrow, true, others, true},
		{"more spaces", given{changes: "pages", entries: entry(february, narrow)}, anchor, "", true, others, true},
		{"the same statuses", given{changes: "pages", statuses: []string{stream.Current}, entries: entry(february, current)}, february, current, false, "", false},
		{"more statuses", given{changes: "pages", entries: entry(february, current)}, anchor, "", true, others, true},
		{"the trash, which is read in full", given{changes: "pages", statuses: []string{stream.Archived, stream.Current, stream.Trashed}, entries: entry(february, "")}, february, "", false, "", false},
		{"no bookmark, but a scope", given{changes: "pages", entries: entry("", narrow)}, anchor, "", false, none, true},
		{"a full read", given{full: "pages", entries: entry(february, narrow)}, "", narrow, false, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := test.build(t)
			_, r := find(t, p, "pages")
			want := state.Start{Name: "pages", Scope: test.scope, Rewind: test.rewind}
			var since time.Time
			if test.since != "" {
				since = moment(t, test.since)
				want.ReplicationKey, want.Bookmark = "modifiedAt", since
			}
			if !r.Since.Equal(since) {
				t.Errorf("since %v, want %v", r.Since, since)
			}
			if len(p.Starts) != 1 || !reflect.DeepEqual(p.Starts[0], want) {
				t.Errorf("starts\n%+v, want\n%+v", p.Starts, want)
			}
			switch {
			case test.notice == "" && len(p.Notices) > 0 || test.notice != "" && len(p.Notices) != 1:
				t.Errorf("notices %+v", p.Notices)
			case test.notice != "":
				if n := p.Notices[0]; n.Text != test.notice || n.Warning != test.warns || n.Names[0] != "pages" || !n.Date.Equal(since) {
					t.Errorf("notice %+v", n)
				}
			}
		})
	}
}

// TestSinceOfTypes begins each type of custom content at its own bookmark.
func TestSinceOfTypes(t *testing.T) {
	t.Parallel()
	g := given{changes: "custom_content", entries: partitions(map[string]string{"ac:a:note": february})}
	p := g.build(t)
	if got := p.Starts[0].Types; !slices.Equal(got, []string{"ac:a:note", "ac:b:card"}) {
		t.Errorf("the sync begins with the types %q", got)
	}
	_, r := find(t, p, "custom_content")
	for kind, want := range map[string]string{"ac:a:note": february, "ac:b:card": january, "": january} {
		if got := r.SinceIn(kind); !got.Equal(moment(t, want)) {
			t.Errorf("%q: since %v, want %s", kind, got, want)
		}
	}
	// A type that only full reads know has no bookmark of its own.
	g.entries = partitions(map[string]string{"ac:a:note": ""})
	_, r = find(t, g.build(t), "custom_content")
	if got := r.SinceIn("ac:a:note"); !got.Equal(moment(t, january)) {
		t.Errorf("without a bookmark: since %v", got)
	}
	// Another scope begins every type at the anchor.
	g.facts = func(f *site.Facts) { f.Spaces.Included = []string{"7"} }
	_, r = find(t, g.build(t), "custom_content")
	if got := r.SinceIn("ac:a:note"); !got.Equal(moment(t, "2025-06-01T12:34:56.000Z")) {
		t.Errorf("another scope: since %v", got)
	}
}

// TestAudited compares shortcuts in every full read, and in the first complete one of changes.
func TestAudited(t *testing.T) {
	t.Parallel()
	audited := map[string]state.Entry{"pages": {ReplicationKey: "modifiedAt", ReplicationKeyValue: january, Audited: true}}
	off := func(c *config.Config) { c.AuditSamples = 0 }
	for _, test := range []struct {
		given
		want bool
	}{
		{given{full: "pages"}, true},
		{given{full: "pages", entries: audited}, true},
		{given{full: "pages", config: off}, false},
		{given{changes: "pages"}, true},
		{given{changes: "pages", entries: audited}, false},
		{given{changes: "pages", config: off}, false},
	} {
		if _, r := find(t, test.build(t), "pages"); r.Audited != test.want {
			t.Errorf("%+v: audited %v", test.given, r.Audited)
		}
	}
}

// hashIn is the hash in the text of a position.
func hashIn(progress string) string { return strings.Fields(progress)[1] }
