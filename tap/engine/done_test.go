package engine_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestDoneIsToldBehindTheVersion: no state calls a stream done before its version is
// activated: the run that goes on would never do it.
func TestDoneIsToldBehindTheVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(68, 40))
	w.config.EmitActivateVersion = true
	s := sync_{streams: []string{"pages", "spaces"}}
	activated := s.activations()
	out := w.run(s)
	if out.err != nil || len(activated) != 2 {
		t.Fatalf("error %v, activated %v", out.err, activated)
	}
	over := map[string]bool{}
	for _, line := range out.lines {
		var m struct{ Type, Stream string }
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		if m.Type == "ACTIVATE_VERSION" {
			over[m.Stream] = true
		}
		for _, e := range parseAll(t, [][]byte{line}) {
			if e.state == nil {
				continue
			}
			for name, entry := range w.entries(e.state) {
				if entry.Done != nil && !over[name] {
					t.Errorf("%s is done before its version: %s", name, line)
				}
			}
		}
	}
}

// TestEveryCutActivates: a run that goes on from any state of a full read activates its version,
// unless that had been done.
func TestEveryCutActivates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(68, 40))
	w.everyState, w.config.PageSize, w.config.EmitActivateVersion = true, 10, true
	for _, name := range []string{"groups", "pages", "page_footer_comments", "custom_content"} {
		whole := sync_{streams: []string{name}}
		whole.activations() // with a state just before
		lines := w.run(whole).lines
		over := slices.IndexFunc(lines, func(line []byte) bool { return bytes.Contains(line, []byte("ACTIVATE_VERSION")) })
		for i, line := range lines[:over] {
			if !bytes.Contains(line, []byte(`"STATE"`)) {
				continue
			}
			s := sync_{streams: []string{name}}
			s.state, _ = w.read(lines[:i+1], rows{}, nil)
			activated := s.activations()
			if out := w.run(s); out.err != nil || activated[name] == 0 {
				t.Errorf("%s is not activated after %s: %v", name, s.state, out.err)
			}
		}
	}
}

// TestVersionOfAListingThatStartsOver: rows of the settings before are not of the version that
// the rows of the new settings have.
func TestVersionOfAListingThatStartsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(69, 60))
	w.everyState, w.config.PageSize, w.config.EmitActivateVersion = true, 10, true
	s := sync_{streams: []string{"pages"}}
	s.cut = bytesOf(w.run(s).lines) / 2
	s.state, _ = w.read(w.run(s).lines, rows{}, nil)
	before := w.entries(s.state)["pages"]
	if before.At == nil || before.Version == 0 {
		t.Fatalf("the run was not cut within the listing: %s", s.state)
	}
	w.config.PageStatus = []string{"current"}
	s.cut = 0
	activated := s.activations()
	if out := w.run(s); out.err != nil {
		t.Fatal(out.err)
	}
	if activated["pages"] <= before.Version {
		t.Errorf("version %d is activated, the rows before had %d", activated["pages"], before.Version)
	}
}

// TestOpenSyncOfBothModes: a Singer sync was cut when its full streams were done and an
// incremental one was not. The run that goes on does not read them again.
func TestOpenSyncOfBothModes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(70, 40))
	st := []byte(`{"bookmarks":{"spaces":{"done":true},"groups":{"done":true},"tasks":{"replication_key":"updatedAt","replication_key_value":"2020-01-01T00:00:00Z"}},` +
		`"tap_confluence":{"v":1,"site":"` + siteName + `","open":true}}`)
	got, _, requests := w.collect(sync_{streams: []string{"spaces", "groups", "tasks"}, incremental: true, state: st})
	if requests["/spaces"] > 0 || len(got["tasks"]) == 0 {
		t.Errorf("requests %v, %d tasks", requests, len(got["tasks"]))
	}
}

// TestScopeChanges: an incremental stream that is read in other spaces or statuses than before
// says that what they add does not come as a whole.
func TestScopeChanges(t *testing.T) {
	t.Parallel()
	const warning = "not those of the run before"
	all := newWorld(t, shown(71, 40)).site.SpaceKeys()
	for name, test := range map[string]struct {
		first, second func(*world)
		stream        string
		warns         bool
	}{
		"nothing":             {func(*world) {}, func(*world) {}, "pages", false},
		"the same space":      {func(w *world) { w.config.SpaceKeys = all[:1] }, func(*world) {}, "pages", false},
		"another space":       {func(w *world) { w.config.SpaceKeys = all[:1] }, func(w *world) { w.config.SpaceKeys = all[1:2] }, "page_versions", true},
		"all spaces":          {func(w *world) { w.config.SpaceKeys = all[:1] }, func(w *world) { w.config.SpaceKeys = nil }, "attachments", true},
		"nothing left out":    {func(w *world) { w.config.ExcludeSpaceKeys = all[:1] }, func(w *world) { w.config.ExcludeSpaceKeys = nil }, "tasks", true},
		"archived, too":       {func(w *world) { w.config.PageStatus = []string{"current"} }, func(w *world) { w.config.PageStatus = []string{"current", "archived"} }, "pages", true},
		"the trash":           {func(*world) {}, func(w *world) { w.config.PageStatus = []string{"archived", "trashed", "current"} }, "pages", false},
		"archived, of a post": {func(w *world) { w.config.PageStatus = []string{"current"} }, func(w *world) { w.config.PageStatus = []string{"current", "archived"} }, "blog_posts", false},
	} {
		w := newWorld(t, shown(71, 40))
		test.first(w)
		s := sync_{streams: []string{test.stream}, incremental: true}
		_, s.state, _ = w.collect(s)
		if strings.Contains(w.warnings(), warning) {
			t.Errorf("%s: the first run warns:\n%s", name, w.warnings())
		}
		test.second(w)
		_, s.state, _ = w.collect(s)
		if strings.Contains(w.warnings(), warning) != test.warns {
			t.Errorf("%s: warnings\n%s", name, w.warnings())
		}
		n := strings.Count(w.warnings(), warning)
		w.collect(s)
		if strings.Count(w.warnings(), warning) != n {
			t.Errorf("%s: the third run warns, too", name)
		}
	}
}
