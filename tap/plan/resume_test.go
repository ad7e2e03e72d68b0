package plan_test

import (
	"errors"
	"slices"
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

// TestRelearn has a sync plan with what an earlier run of it found out of the site, for all streams
// of that listing.
func TestRelearn(t *testing.T) {
	t.Parallel()
	trash := []string{stream.Current, stream.Trashed}
	for _, test := range []struct {
		name    string
		given   // two streams; the first has a position
		learned func(*site.Facts)
		list    string
		run     string // of the sync that goes on
		want    string // the lists of the second stream
	}{
		{"not sorted", given{changes: "pages page_versions"}, learned(stream.Pages, site.Learned{Unsorted: true}), "live", "r1", "live:id"},
		{"not sorted, found out by another sync", given{changes: "pages page_versions"}, learned(stream.Pages, site.Learned{Unsorted: true}), "live", "r2", "live:id"},
		{"one status a request", given{full: "pages page_labels", statuses: trash}, learned(stream.Pages, site.Learned{Split: true}), "current", "r1",
			"trashed:id, current:id, again trashed:id"},
		{"one status a request, found out by another sync", given{full: "pages page_labels", statuses: trash}, learned(stream.Pages, site.Learned{Split: true}), "current", "r2", "all:id"},
		{"refused", given{full: "page_footer_comments blog_post_footer_comments"}, learned(stream.FooterComments, site.Learned{Refused: true}), "all", "r1", "all:id"},
		{"refused, found out by another sync", given{full: "page_footer_comments blog_post_footer_comments"}, learned(stream.FooterComments, site.Learned{Refused: true}), "all", "r2", "all:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			names := strings.Fields(test.full + test.changes)
			g := test.given
			g.entries = map[string]state.Entry{names[0]: entry("r1", "", january), names[1]: entry("r1", "", january)}
			before := g
			before.run, before.facts = "r1", test.learned
			position := at(t, before, names[0], test.list, state.Position{})
			g.run, g.entries[names[0]] = test.run, entry("r1", position, january)
			w, _ := find(t, g.build(t), names[1])
			var lists []string
			for _, l := range w.Lists {
				lists = append(lists, l.Name+":"+string(l.Order))
			}
			if got, want := strings.Join(lists, ", "), test.want; got != want {
				t.Errorf("%s is read in %s, want %s", names[1], got, want)
			}
		})
	}
}

// TestTogether has streams go on together that one walk read so far, from the position that was
// told first. Positions of different walks can't be compared: each is gone on from alone.
func TestTogether(t *testing.T) {
	t.Parallel()
	told := func(walk string, step int, key, cursor string) state.Position {
		return state.Position{Walk: walk, Step: step, Key: key, Cursor: cursor}
	}
	for _, test := range []struct {
		name         string
		given        // of two streams
		list, other  string
		a, b         state.Position
		wantA, wantB string
	}{
		{"the same place", given{full: "pages page_labels"}, "all", "all", told("w1", 3, "5", "c"), told("w1", 3, "5", "c"), "from all 5 c", "from all 5 c"},
		{"one told later", given{full: "pages page_labels"}, "all", "all", told("w1", 3, "5", "c"), told("w1", 12, "9", "d"), "from all 5 c", "from all 5 c"},
		{"one told later, with a lower key", given{full: "attachments attachment_labels"}, "all", "all", told("w1", 3, february, "c"), told("w1", 4, january, "d"), "from all " + february + " c", "from all " + february + " c"},
		{"rows without keys", given{full: "page_footer_comments blog_post_footer_comments"}, "all", "all", told("w1", 4, "", "d"), told("w1", 3, "", "c"), "from all c", "from all c"},
		{"in different lists", given{full: "pages page_labels", facts: learned(stream.Pages, site.Learned{Split: true})}, "current", "archived", told("w1", 4, "5", "d"), told("w1", 3, "9", "c"), "from archived 9 c", "from archived 9 c"},
		{"changes", given{changes: "pages page_versions"}, "live", "live", told("w1", 2, january, "d"), told("w1", 1, february, "c"), "from live " + february + " c", "from live " + february + " c"},
		{"of two walks", given{full: "pages page_labels"}, "all", "all", told("w1", 3, "5", "c"), told("w2", 3, "5", "c"), "from all 5 c", "from all 5 c"},
		{"at two places of two walks", given{full: "pages page_labels"}, "all", "all", told("w1", 3, "5", "c"), told("w2", 4, "9", "d"), "from all 5 c", "from all 9 d"},
	} {
		for _, swapped := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				names := strings.Fields(test.full + test.changes)
				if swapped {
					slices.Reverse(names)
				}
				g := test.given
				g.run = "r1"
				g.entries = map[string]state.Entry{names[0]: entry("r1", "", january), names[1]: entry("r1", "", january)}
				with := map[string]state.Entry{
					names[0]: entry("r1", at(t, g, names[0], test.list, test.a), january),
					names[1]: entry("r1", at(t, g, names[1], test.other, test.b), january),
				}
				g.entries = with
				p := g.build(t)
				if together := test.a.Walk == test.b.Walk; together != (len(p.Walks) == 1) {
					t.Fatalf("they go on in %d walks:\n%s", len(p.Walks), describe(p))
				}
				for name, want := range map[string]string{names[0]: test.wantA, names[1]: test.wantB} {
					if got := outcome(p, name); got != want {
						t.Errorf("%s: %s, want %s", name, got, want)
					}
				}
				for name, own := range map[string]state.Position{names[0]: test.a, names[1]: test.b} {
					if w, r := find(t, p, name); w.Places[r].Cursor != own.Cursor {
						t.Errorf("%s: its own place is %+v", name, w.Places[r])
					}
				}
			})
		}
	}
}

// TestAtTheBeginning reads a stream from the beginning whose position has nothing behind it. The
// position stays in the state: it holds what the sync found out.
func TestAtTheBeginning(t *testing.T) {
	t.Parallel()
	for _, g := range []given{{full: "pages", run: "r1"}, {changes: "pages", run: "r1"}} {
		list := map[bool]string{true: "all", false: "live"}[g.full != ""]
		g.entries = map[string]state.Entry{"pages": entry("r1", "", january)}
		position := at(t, g, "pages", list, state.Position{})
		g.entries = map[string]state.Entry{"pages": entry("r1", position, january)}
		p := g.build(t)
		if got := outcome(p, "pages"); got != "fresh" || p.Starts[0].Progress.String() != position {
			t.Errorf("%s, with the progress %q", got, p.Starts[0].Progress)
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
