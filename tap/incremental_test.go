package tap_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// incremental are the streams that can be read incrementally.
func incremental() []string {
	var names []string
	for i := range stream.All {
		if stream.All[i].ReplicationKey != "" {
			names = append(names, stream.All[i].Name)
		}
	}
	return names
}

// protocol reads incrementally in one protocol, with the state that an earlier read gave.
type protocol struct {
	name string
	read func(f *tapfixture.Fixture, state any) *tapfixture.Result
	last func(r *tapfixture.Result) any
}

func protocols(names []string) []protocol {
	entries := make([]any, len(names))
	for i, name := range names {
		entries[i] = tapfixture.Entry(name, tapfixture.Meta(nil, "selected", true, "replication-method", "INCREMENTAL"))
	}
	return []protocol{
		{"singer", func(f *tapfixture.Fixture, state any) *tapfixture.Result {
			return f.Singer(map[string]any{"streams": entries}, state)
		}, func(r *tapfixture.Result) any { return r.LastState() }},
		{"airbyte", func(f *tapfixture.Fixture, state any) *tapfixture.Result {
			return f.Airbyte(tapfixture.Configured("incremental", names...), state)
		}, func(r *tapfixture.Result) any { return r.LastStates() }},
	}
}

// TestIncremental reads everything, nothing, and what changed, in both protocols.
func TestIncremental(t *testing.T) {
	t.Parallel()
	names := incremental()
	for _, p := range protocols(names) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			o := small()
			f := tapfixture.New(t, o).Within().With(map[string]any{"anchor_date": "2000-01-01"})
			first := p.read(f, nil).OK()
			f.CheckRows(first, tapfixture.Scope(), names...)

			again := p.read(f, p.last(first)).OK()
			for _, name := range names {
				// What shares the newest time comes again; all else doesn't.
				if n, all := len(again.Records(name)), len(first.Records(name)); n > 8 && n > all/4 {
					t.Errorf("%s: %d of %d records come again though nothing changed", name, n, all)
				}
			}

			page := f.Site.Create(simconfluence.Page)
			if err := f.Site.Edit(simconfluence.Page, page); err != nil {
				t.Fatal(err)
			}
			changed := p.read(f, p.last(again)).OK()
			for _, name := range []string{"pages", "page_versions"} {
				union := first.Canonical(name)
				maps.Copy(union, changed.Canonical(name))
				tapfixture.Compare(t, name, union, f.Expect(name, tapfixture.Scope()))
			}
			if _, ok := changed.Records("page_versions")[page+"/2"]; !ok {
				t.Errorf("the version that is new did not come")
			}
			wantNoViolations(t, f)
		})
	}
}

// TestAnchorDate begins where the settings say, and says so.
func TestAnchorDate(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small()).With(map[string]any{"anchor_date": "2026-06-01"})
	for _, p := range protocols([]string{"pages"}) {
		r := p.read(f, nil).OK()
		want := f.Expect("pages", tapfixture.Scope())
		for key, record := range want {
			if at, _ := tapfixture.Decode(t, []byte(record))["modifiedAt"].(string); at < "2026-06-01" {
				delete(want, key)
			}
		}
		tapfixture.Compare(t, p.name, r.Canonical("pages"), want)
		if !strings.Contains(r.Log(), "anchor_date") || !strings.Contains(r.Log(), "2026-06-01T00:00:00.000Z") {
			t.Errorf("%s: the log doesn't say where it began:\n%s", p.name, r.Log())
		}
	}
}

// TestBookmarkInTheFuture gives no records and one STATE, which has not moved.
func TestBookmarkInTheFuture(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small())
	const future = `"replication_key_value":"2999-01-01T00:00:00.000Z"`
	names := incremental()
	var bookmarks, states []string
	site := strings.TrimPrefix(f.URL, "http://")
	for _, name := range names {
		entry := fmt.Sprintf(`"replication_key":%q,%s`, stream.Find(name).ReplicationKey, future)
		bookmarks = append(bookmarks, fmt.Sprintf(`%q:{%s}`, name, entry))
		states = append(states, fmt.Sprintf(`{"type":"STREAM","stream":{"stream_descriptor":{"name":%q},"stream_state":{"v":2,"site":%q,%s}}}`, name, site, entry))
	}
	given := map[string]string{
		"singer":  `{"bookmarks":{` + strings.Join(bookmarks, ",") + `}}`,
		"airbyte": "[" + strings.Join(states, ",") + "]",
	}
	for _, p := range protocols(names) {
		r := p.read(f, given[p.name]).OK()
		if got := r.Of("RECORD"); len(got) > 0 {
			t.Errorf("%s: %d records, the first %.200s", p.name, len(got), got[0].Line)
		}
		last := fmt.Sprint(p.last(r))
		if n := strings.Count(last, future); n < len(names) {
			t.Errorf("%s: %d of %d bookmarks are where they were: %s", p.name, n, len(names), last)
		}
	}
}

// TestUnsupportedIncremental reads a stream in full that can't be read otherwise, as some
// clients ask for it everywhere, and says so.
func TestUnsupportedIncremental(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small())
	for _, p := range protocols([]string{"groups"}) {
		r := p.read(f, nil).Wants(tap.ExitDone)
		f.CheckRows(r, tapfixture.Scope(), "groups")
		if !strings.Contains(r.Log(), "read in full") {
			t.Errorf("%s: no warning:\n%s", p.name, r.Log())
		}
	}
}
