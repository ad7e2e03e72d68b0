package plan_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// entry is one of a sync of that name.
func entry(run, progress, bookmark string) state.Entry {
	e := state.Entry{Run: run, Progress: progress}
	if bookmark != "" {
		e.ReplicationKey, e.ReplicationKeyValue = "modifiedAt", bookmark
	}
	return e
}

// TestProgress says which progress counts: that of the sync under way, with the hash that
// fits; of an incremental stream also another sync's, from the same bookmark.
func TestProgress(t *testing.T) {
	t.Parallel()
	full, changes := given{full: "pages"}, given{changes: "pages", entries: map[string]state.Entry{"pages": entry("", "", january)}}
	position := state.Position{Key: "17", Cursor: "c"}
	fullAt, changesAt := at(t, full, "pages", "all", position), at(t, changes, "pages", "live", state.Position{Key: february, Cursor: "c"})
	fullDone, fullFailed := done(t, full, "pages", state.Done), done(t, full, "pages", state.Failed)
	changesDone, changesFailed := done(t, changes, "pages", state.Done), done(t, changes, "pages", state.Failed)
	for _, test := range []struct {
		name string
		given
		entry state.Entry
		want  string // from: where the walk goes on, settled, failed or fresh
	}{
		{"a position", given{full: "pages", run: "r1"}, entry("r1", fullAt, ""), "from all 17 c"},
		{"of another sync", given{full: "pages", run: "r2"}, entry("r1", fullAt, ""), "fresh"},
		{"of nobody's", given{full: "pages"}, entry("", fullAt, ""), "fresh"},
		{"of a sync that is over", given{full: "pages"}, entry("r1", fullAt, ""), "fresh"},
		{"with another hash", given{full: "pages", run: "r1", statuses: []string{stream.Current}}, entry("r1", fullAt, ""), "fresh"},
		{"in a list that is no more", given{full: "pages", run: "r1"}, entry("r1", strings.Replace(fullAt, "list=all", "list=old", 1), ""), "fresh"},
		{"in another order", given{full: "pages", run: "r1"}, entry("r1", strings.Replace(fullAt, "order=id", "order=change", 1), ""), "fresh"},
		{"of changes", given{changes: "pages", run: "r1"}, entry("r1", changesAt, january), "from live 2026-02-01T00:00:00.000Z c"},
		{"of changes in another sync", given{changes: "pages", run: "r2"}, entry("r1", changesAt, january), "from live 2026-02-01T00:00:00.000Z c"},
		{"of changes in nobody's sync", given{changes: "pages"}, entry("", changesAt, january), "from live 2026-02-01T00:00:00.000Z c"},
		{"of changes from another bookmark", given{changes: "pages", run: "r1"}, entry("r1", changesAt, february), "fresh"},
		{"of a full read, now changes", given{changes: "pages", run: "r1"}, entry("r1", fullAt, january), "fresh"},
		{"of changes, now in full", given{full: "pages", run: "r1"}, entry("r1", changesAt, january), "fresh"},
		{"done", given{full: "pages", run: "r1"}, entry("r1", fullDone, ""), "settled"},
		{"done by another sync", given{full: "pages", run: "r2"}, entry("r1", fullDone, ""), "fresh"},
		{"done by nobody", given{full: "pages"}, entry("", fullDone, ""), "fresh"},
		{"done with another hash", given{full: "pages", run: "r1", statuses: []string{stream.Current}}, entry("r1", fullDone, ""), "fresh"},
		{"changes are never done", given{changes: "pages", run: "r1"}, entry("r1", changesDone, january), "fresh"},
		{"failed", given{full: "pages", run: "r1"}, entry("r1", fullFailed, ""), "failed"},
		{"failed in another sync", given{full: "pages", run: "r2"}, entry("r1", fullFailed, ""), "fresh"},
		{"changes that failed", given{changes: "pages", run: "r1"}, entry("r1", changesFailed, january), "failed"},
		{"failed with another hash", given{full: "pages", run: "r1", statuses: []string{stream.Current}}, entry("r1", fullFailed, ""), "fresh"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.entries = map[string]state.Entry{"pages": test.entry}
			p := test.build(t)
			if got := outcome(p, "pages"); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			if len(p.Starts) != 1 {
				t.Fatalf("starts %+v", p.Starts)
			}
			// What counts stays, what does not is gone from the sync's beginning on.
			kept := p.Starts[0].Progress.String()
			if test.want == "fresh" && kept != "" || test.want != "fresh" && kept != test.entry.Progress {
				t.Errorf("the sync begins with the progress %q of %q", kept, test.entry.Progress)
			}
		})
	}
}

// outcome says in words what a plan makes of a stream.
func outcome(p *plan.Plan, name string) string {
	for _, s := range p.Settled {
		switch {
		case s.Name == name && s.Failed == nil:
			return "settled"
		case s.Name == name:
			return "failed"
		}
	}
	for _, w := range p.Walks {
		for _, r := range w.Readers {
			if r.Stream.Name != name {
				continue
			}
			if !w.Resumed() {
				return "fresh"
			}
			a := w.From.At
			return strings.Join(strings.Fields("from "+w.Lists[w.From.List].Name+" "+a.Key+" "+a.Cursor+" "+map[bool]string{true: "fresh"}[a.Fresh]), " ")
		}
	}
	return "not planned"
}

// TestUnsortedResume goes on in the order in which an interrupted read of changes began, though
// nobody has found out again that the site can't sort.
func TestUnsortedResume(t *testing.T) {
	t.Parallel()
	entries := map[string]state.Entry{"pages": entry("r1", "", january)}
	unsorted := given{changes: "pages", run: "r1", entries: entries, facts: learned(stream.Pages, site.Learned{Unsorted: true})}
	position := at(t, unsorted, "pages", "live", state.Position{Key: "17"})
	entries = map[string]state.Entry{"pages": entry("r1", position, january), "page_versions": entry("r1", "", january)}
	p := given{changes: "pages page_versions", run: "r1", entries: entries}.build(t)
	w, _ := find(t, p, "pages")
	if got := outcome(p, "pages"); got != "from live 17" || w.Lists[0].Order != plan.ByID || !strings.HasSuffix(target(&w.Lists[0]), "sort=id") {
		t.Errorf("%s in\n%s", got, describe(p))
	}
	if w, _ := find(t, p, "page_versions"); w.Resumed() || w.Lists[0].Order != plan.ByChange {
		t.Errorf("a stream without a position:\n%s", describe(p))
	}
}

// TestLeastAdvanced has streams that go on together begin where the least advanced one is.
// Nothing that any of them lacks is skipped.
func TestLeastAdvanced(t *testing.T) {
	t.Parallel()
	type place struct {
		list, key, cursor string
		fresh             bool
	}
	all := func(key, cursor string) place { return place{"all", key, cursor, false} }
	fresh := func(key, cursor string) place { return place{"all", key, cursor, true} }
	for _, test := range []struct {
		name  string
		given // of two streams
		a, b  place
		want  string
	}{
		{"the same place", given{full: "pages page_labels"}, all("5", "c"), all("5", "c"), "from all 5 c"},
		{"ids, by number", given{full: "pages page_labels"}, all("10", "d"), all("9", "c"), "from all 9 c"},
		{"one at the beginning", given{full: "pages page_labels"}, all("10", "d"), all("", ""), "from all"},
		{"one at a page's beginning", given{full: "pages page_labels"}, fresh("10", "d"), all("9", "c"), "from all 9 c"},
		{"times", given{full: "attachments attachment_labels"}, all(february, "c"), all(january, "d"), "from all " + january + " d"},
		{"changes, newest first", given{changes: "pages page_versions"}, place{"live", january, "d", false}, place{"live", february, "c", false}, "from live " + february + " c"},
		{"another list", given{full: "pages page_labels", facts: learned(stream.Pages, site.Learned{Split: true})}, place{"archived", "5", "c", false}, place{"current", "9", "d", false}, "from archived 5 c"},
		{"lists whose rows show no key", given{full: "page_footer_comments blog_post_footer_comments"}, fresh("", "c"), fresh("", "c"), "from all c fresh"},
		{"two cursors that nobody can compare", given{full: "page_footer_comments blog_post_footer_comments"}, fresh("", "c"), fresh("", "d"), "from all"},
		{"rows without keys on one of two pages", given{full: "attachments attachment_labels"}, fresh("", "d"), all(january, "c"), "from all"},
		{"equal keys, one in the middle of its page", given{full: "attachments attachment_labels"}, fresh(january, "d"), all(january, "c"), "from all " + january},
		{"equal keys on two pages", given{full: "attachments attachment_labels"}, all(january, "d"), all(january, "c"), "from all " + january},
		{"equal keys, one before its page", given{full: "attachments attachment_labels"}, all(january, "c"), fresh(january, "c"), "from all " + january + " c fresh"},
	} {
		for _, swapped := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				names := strings.Fields(test.full + test.changes)
				g := test.given
				g.run = "r1"
				without := map[string]state.Entry{}
				for _, name := range names {
					without[name] = entry("r1", "", january)
				}
				g.entries = without
				places := []place{test.a, test.b}
				if swapped {
					places[0], places[1] = places[1], places[0]
				}
				with := map[string]state.Entry{}
				for i, name := range names {
					p := places[i]
					with[name] = entry("r1", at(t, g, name, p.list, state.Position{Key: p.key, Cursor: p.cursor, Fresh: p.fresh}), january)
				}
				g.entries = with
				p := g.build(t)
				if len(p.Walks) != 1 {
					t.Fatalf("they don't go on together:\n%s", describe(p))
				}
				if got := outcome(p, names[0]); got != test.want {
					t.Errorf("%s, want %s", got, test.want)
				}
				for i, name := range names {
					w, r := find(t, p, name)
					if w.Places[r].Cursor != places[i].cursor {
						t.Errorf("%s: its own place is %+v", name, w.Places[r])
					}
				}
			})
		}
	}
}

// TestResumedBesideFresh reads streams without a position apart from those with one.
func TestResumedBesideFresh(t *testing.T) {
	t.Parallel()
	g := given{full: "pages page_labels page_versions", run: "r1"}
	g.entries = map[string]state.Entry{
		"pages":         entry("r1", at(t, g, "pages", "all", state.Position{Key: "17"}), ""),
		"page_versions": entry("r1", at(t, g, "page_versions", "all", state.Position{Key: "18"}), ""),
	}
	p := g.build(t)
	for name, want := range map[string]string{"pages": "from all 17", "page_versions": "from all 17", "page_labels": "fresh"} {
		if got := outcome(p, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestResumedType puts the type of custom content that was being read first: of the others the
// position of a read of changes says nothing.
func TestResumedType(t *testing.T) {
	t.Parallel()
	g := given{changes: "custom_content", run: "r1", entries: partitions(nil)}
	e := g.entries["custom_content"]
	e.Progress = at(t, g, "custom_content", "ac:b:card", state.Position{Key: february, Cursor: "c"})
	g.entries = map[string]state.Entry{"custom_content": e}
	p := g.build(t)
	w, _ := find(t, p, "custom_content")
	if got := outcome(p, "custom_content"); got != "from ac:b:card "+february+" c" || w.From.List != 0 || len(w.Lists) != 2 || w.Lists[1].Name != "ac:a:note" {
		t.Errorf("%s in\n%s", got, describe(p))
	}
	// In a full read it says that the lists before it are read.
	full := given{full: "custom_content", run: "r1"}
	full.entries = map[string]state.Entry{"custom_content": entry("r1", at(t, full, "custom_content", "ac:b:card", state.Position{Key: "17"}), "")}
	p = full.build(t)
	if w, _ := find(t, p, "custom_content"); w.From.List != 1 || w.Lists[0].Name != "ac:a:note" {
		t.Errorf("in full:\n%s", describe(p))
	}
}

// TestUnknownTypes settles custom content as failed where nobody can find out its types, and
// leaves its bookmarks.
func TestUnknownTypes(t *testing.T) {
	t.Parallel()
	refused := errors.New("the search is refused")
	g := given{changes: "custom_content pages", run: "r1", entries: partitions(map[string]string{"ac:a:note": february})}
	g.facts = func(f *site.Facts) { f.Types, f.TypesErr = nil, refused }
	p := g.build(t)
	if len(p.Settled) != 1 || !errors.Is(p.Settled[0].Failed, refused) || outcome(p, "pages") != "fresh" {
		t.Errorf("%s", describe(p))
	}
	s := g.state(t)
	s.Begin(state.Sync{Run: "r1"}, p.Starts)
	if e := s.Entry("custom_content"); e.ReplicationKeyValue != january || e.Partitions["ac:a:note"] != february {
		t.Errorf("the entry became %+v", e)
	}
}

// TestBegun reports whether the site's time at the beginning of a resumed list is known.
func TestBegun(t *testing.T) {
	t.Parallel()
	everything := []string{stream.Current, stream.Archived, stream.Trashed}
	for _, test := range []struct {
		name string
		given
		list string
		at   state.Position
		want bool
	}{
		{"within a list", given{changes: "pages"}, "live", state.Position{Key: february, Cursor: "c"}, true},
		{"behind its first page", given{changes: "pages"}, "live", state.Position{Cursor: "c", Fresh: true}, true},
		{"at its beginning", given{changes: "pages"}, "live", state.Position{}, false},
		{"behind the trash", given{changes: "pages", statuses: everything}, "live", state.Position{}, true},
		{"at the beginning of a type", given{changes: "custom_content"}, "ac:b:card", state.Position{}, false},
	} {
		name := test.changes
		test.run = "r1"
		test.entries = map[string]state.Entry{name: entry("r1", "", january)}
		test.entries = map[string]state.Entry{name: entry("r1", at(t, test.given, name, test.list, test.at), january)}
		if w, _ := find(t, test.build(t), name); !w.Resumed() || w.Begun() != test.want {
			t.Errorf("%s: resumed %v, begun %v", test.name, w.Resumed(), w.Begun())
		}
	}
	if w, _ := find(t, given{changes: "pages"}.build(t), "pages"); w.Begun() {
		t.Error("a fresh walk has begun")
	}
}

// TestPure changes nothing of what a plan is made of, and makes the same of the same.
func TestPure(t *testing.T) {
	t.Parallel()
	g := given{full: "all", changes: "all", run: "r1", entries: partitions(map[string]string{"ac:a:note": february})}
	in := g.input(t)
	before := string(in.State.Singer())
	first, second := plan.Build(in), plan.Build(in)
	if describe(first) != describe(second) || string(in.State.Singer()) != before {
		t.Errorf("first\n%s\nthen\n%s\nstate before %s, now %s", describe(first), describe(second), before, in.State.Singer())
	}
}
