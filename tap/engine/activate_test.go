package engine_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// activating has full reads end with the version of their table.
var activating = map[string]any{"emit_activate_version": true}

// activated lists the streams whose tables a run activated, sorted.
func (r *run) activated() []string {
	names := []string{}
	for _, m := range r.messages {
		if m.Type == "ACTIVATE_VERSION" {
			names = append(names, m.Stream)
		}
	}
	slices.Sort(names)
	return names
}

// version is a message's table version.
func version(t *testing.T, m tapfixture.Message) int64 {
	t.Helper()
	var v struct{ Version int64 }
	if err := json.Unmarshal(m.Line, &v); err != nil {
		t.Fatal(err)
	}
	return v.Version
}

// TestActivated says which reads end with ACTIVATE_VERSION: those that hold the whole table.
func TestActivated(t *testing.T) {
	t.Parallel()
	bad := simconfluence.ErrorShapes()[0].Fault(400, "no")
	for _, test := range []struct {
		name     string
		settings map[string]any
		prepare  func(f *tapfixture.Fixture)
		streams  string
		mode     mode
		status   int
		want     string
	}{
		{name: "whole tables", streams: "spaces pages page_labels page_footer_comments custom_content groups", want: "custom_content groups page_footer_comments page_labels pages spaces"},
		{name: "not asked for", settings: map[string]any{"emit_activate_version": false}, streams: "pages"},
		{name: "changes", streams: "pages tasks", mode: mode{incremental: true}},
		{name: "Airbyte", streams: "pages", mode: mode{airbyte: true}},
		{name: "some statuses", settings: map[string]any{"page_status": []string{"current"}}, streams: "pages", want: "pages"},
		{name: "types that are named", settings: map[string]any{"custom_content_types": []string{"TYPE"}}, streams: "pages custom_content", want: "pages"},
		{
			name: "a type that the site refuses", streams: "pages custom_content", want: "pages",
			prepare: func(f *tapfixture.Fixture) { f.Site.SetFaults(ofType(f.Site.CustomTypes()[0], bad)) },
		},
		{
			name: "a parent that failed", streams: "pages page_versions spaces", want: "pages spaces", status: 1,
			prepare: func(f *tapfixture.Fixture) {
				f.Site.SetFaults(simconfluence.On("/pages/{id}/versions", simconfluence.Times(1, simconfluence.Status(403, `{"message":"no"}`))))
			},
		},
		{
			name: "no rows", streams: "pages spaces", want: "spaces",
			prepare: func(f *tapfixture.Fixture) {
				f.Site.SetFaults(simconfluence.On("/pages", simconfluence.Body("application/json", `{"results":[]}`)))
			},
		},
		{
			name: "an account that nobody names", streams: "pages spaces",
			prepare: func(f *tapfixture.Fixture) { f.Site.SetFaults(simconfluence.WhoAmI(410)) },
		},
		{
			name: "an account that nobody names in the end", streams: "pages spaces",
			prepare: func(f *tapfixture.Fixture) { f.Site.SetFaults(simconfluence.After(1, simconfluence.WhoAmI(410))) },
		},
		{
			name: "a refused cursor: the listing starts over", streams: "pages", want: "pages", settings: map[string]any{"page_size": 10},
			prepare: func(f *tapfixture.Fixture) {
				f.Site.SetFaults(simconfluence.On("/pages", simconfluence.When(func(n int) bool { return n == 2 }, simconfluence.RefuseCursor())))
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			virtual(t, shown(66, 40), func(t *testing.T, f *tapfixture.Fixture) {
				for name, value := range test.settings {
					if list, ok := value.([]string); ok {
						list[0] = strings.Replace(list[0], "TYPE", f.Site.CustomTypes()[0], 1)
						test.settings[name] = list
					}
				}
				if test.prepare != nil {
					test.prepare(f)
				}
				r := test.mode.client(t, f.With(activating).With(test.settings), strings.Fields(test.streams)...).wants(test.status)
				if got := r.activated(); !slices.Equal(got, strings.Fields(test.want)) {
					t.Errorf("activated %q, want %q\n%s", got, test.want, r.told())
				}
				wantVersions(t, r)
			})
		})
	}
}

// wantVersions fails the test unless what is activated is the version of the last records of each
// stream, behind all of them and before a state that calls the stream done.
func wantVersions(t *testing.T, r *run) {
	t.Helper()
	last, active := map[string]int64{}, map[string]bool{}
	for _, m := range r.messages {
		switch m.Type {
		case "RECORD":
			v := version(t, m)
			if v < last[m.Stream] || active[m.Stream] {
				t.Fatalf("a record of %s has the version %d behind %d, activated: %v", m.Stream, v, last[m.Stream], active[m.Stream])
			}
			last[m.Stream] = v
		case "ACTIVATE_VERSION":
			if v := version(t, m); v != last[m.Stream] {
				t.Errorf("%s: version %d is activated, the records have %d", m.Stream, v, last[m.Stream])
			}
			active[m.Stream] = true
		case "STATE":
			for _, name := range r.activated() {
				if strings.Contains(string(m.State), `"`+name+`":{"run"`) && doneIn(t, m.State, name) && !active[name] {
					t.Errorf("%s is done before its version is activated", name)
				}
			}
		}
	}
}

func doneIn(t *testing.T, state json.RawMessage, name string) bool {
	t.Helper()
	var s struct {
		Bookmarks map[string]struct{ Progress string }
	}
	if err := json.Unmarshal(state, &s); err != nil {
		t.Fatal(err)
	}
	return strings.HasPrefix(s.Bookmarks[name].Progress, "done")
}

// TestActivatedAfterACut goes on from states all over a full read. A stream that goes on within
// its listing has another version, and never activates it; one that begins there does; one whose
// version was activated before has nothing more to tell.
func TestActivatedAfterACut(t *testing.T) {
	t.Parallel()
	virtual(t, shown(68, 40), func(t *testing.T, f *tapfixture.Fixture) {
		names := []string{"groups", "pages", "page_footer_comments"}
		f = f.With(activating).With(map[string]any{"page_size": 10})
		whole := reads(t, f, false, names...).hasty().try(limit{})
		if len(whole.activated()) != 3 {
			t.Fatalf("activated %q", whole.activated())
		}
		kinds := map[string]bool{}
		for i, m := range whole.messages {
			if m.Type != "STATE" || strings.Contains(string(m.State), `"run":"","began"`) {
				continue // that of the sync's end
			}
			c := reads(t, f, false, names...)
			c.keep(whole.messages[:i+1])
			before := map[string]string{}
			for _, name := range names {
				before[name], _, _ = strings.Cut(c.entry(name).Progress, " ")
				if before[name] == "at" && !c.position(name).Begun() {
					before[name] = "at the beginning"
				}
			}
			r := c.run()
			for _, name := range names {
				kinds[before[name]] = true
				activated := slices.Contains(r.activated(), name)
				if want := before[name] == "" || before[name] == "at the beginning"; activated != want {
					t.Errorf("%s was %q in the state, activated: %v", name, before[name], activated)
				}
			}
			for _, m := range r.messages {
				if m.Type == "RECORD" && before[m.Stream] == "at" && version(t, m) == versionOf(t, whole, m.Stream) {
					t.Fatalf("records of %s have the version of the run before", m.Stream)
				}
			}
			wantVersions(t, r)
		}
		if !kinds["at"] || !kinds["at the beginning"] || !kinds["done"] {
			t.Errorf("the states were only %v", kinds)
		}
	})
}

func versionOf(t *testing.T, r *run, name string) int64 {
	t.Helper()
	for _, m := range r.messages {
		if m.Type == "RECORD" && m.Stream == name {
			return version(t, m)
		}
	}
	return 0
}

// TestNextVersion gives every sync a version above all before it.
func TestNextVersion(t *testing.T) {
	t.Parallel()
	virtual(t, shown(68, 20), func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f.With(activating), false, "pages")
		first := versionOf(t, c.run(), "pages")
		<-time.After(time.Millisecond)
		if second := versionOf(t, c.run(), "pages"); second <= first {
			t.Errorf("version %d after %d", second, first)
		}
	})
}

// ofType makes a fault of requests that list a type of custom content.
func ofType(kind string, fault simconfluence.Fault) simconfluence.Fault {
	return simconfluence.Where(hasType(kind), fault)
}
