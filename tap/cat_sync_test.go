package tap_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// catEmitted returns the first and the last time at which a record was emitted.
func catEmitted(t *testing.T, r *tapfixture.Result) (first, last int64) {
	t.Helper()
	for _, m := range r.Of("RECORD") {
		found := emitted.FindSubmatch(m.Line[max(0, len(m.Line)-40):])
		if found == nil {
			t.Fatalf("a RECORD ends with %q", m.Line[max(0, len(m.Line)-80):])
		}
		at, err := strconv.ParseInt(string(found[1]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if first == 0 || at < first {
			first = at
		}
		last = max(last, at)
	}
	return first, last
}

// ticking is a clock that goes on by a step whenever somebody looks at it.
func ticking(step time.Duration) tap.Option {
	var looks atomic.Int64
	begin := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	return tap.WithClock(func() time.Time { return begin.Add(time.Duration(looks.Add(1)) * step) })
}

// TestCATFullRefresh reads everything twice: the records are the same, and those of the
// second read are later (E1).
func TestCATFullRefresh(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small()).Under(ticking(time.Millisecond))
	catalog := catConfigured(catDiscover(t, f), func(catStream) string { return "full_refresh" })
	one := f.Airbyte(catalog, nil).OK()
	two := f.Airbyte(catalog, nil).OK()
	_, last := catEmitted(t, one)
	if first, _ := catEmitted(t, two); last == 0 || first <= last {
		t.Errorf("the second read's first record is of %d, the first read's last of %d", first, last)
	}
	for _, name := range stream.Names() {
		sameRecords(t, one, two, name)
	}
}

// TestCATIncremental reads twice, with the last state of every stream in between (F1).
func TestCATIncremental(t *testing.T) {
	t.Parallel()
	f := catSite(t).With(map[string]any{"anchor_date": "2015-01-01"})
	streams := catDiscover(t, f)
	catalog := catConfigured(streams, catIncremental)
	one := f.Airbyte(catalog, nil).OK()
	two := f.Airbyte(catalog, one.LastStates()).OK()
	for _, s := range streams {
		if catIncremental(s) == "" {
			continue
		}
		first, second := one.Records(s.Name), two.Records(s.Name)
		if most := catQuiet(f, s.Name, second); len(first) == 0 || len(second) >= len(first) || len(second) > most {
			t.Errorf("%s: %d records, then %d of a site without changes, want at most %d", s.Name, len(first), len(second), most)
		}
		if !slices.Equal(s.DefaultCursor, []string{stream.Find(s.Name).ReplicationKey}) || !s.Resumable {
			t.Errorf("%s: cursor %q, resumable %v", s.Name, s.DefaultCursor, s.Resumable)
		}
	}
	if r := f.Airbyte(map[string]any{"streams": []any{}}, nil); r.Status != 0 && len(r.Errors()) == 0 {
		t.Error("an empty catalog ends without a word")
	}
}

// catQuiet is how many records may come again though nothing has changed: the newest of a
// stream, of each type of custom content, and all versions of the newest parent.
func catQuiet(f *tapfixture.Fixture, name string, records map[string]tapfixture.Record) int {
	if name == "custom_content" {
		return len(f.Site.CustomTypes())
	}
	st := stream.Find(name)
	if st.Route == "" || !st.IsChild() {
		return 1
	}
	versions := 1
	for _, r := range records {
		if n, err := strconv.Atoi(fmt.Sprint(r.Fields["number"])); err == nil {
			versions = max(versions, n)
		}
	}
	return versions
}

// TestCATSlices reads incremental streams, each alone, and goes on from states on the way:
// none is told twice, counts add up, and each gives at least what was left (F2). The
// clock makes haste and the pages are short, since states on the way are seconds apart.
func TestCATSlices(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(3, 60)
	o.Attachments, o.FooterComments, o.BodyBytes = 120, 180, 300
	f := tapfixture.New(t, o).With(map[string]any{"anchor_date": "2015-01-01", "concurrency": 1})
	streams := catDiscover(t, f)
	var between atomic.Int64
	t.Cleanup(func() {
		if n := between.Load(); n < 3 {
			t.Errorf("only %d states on the way", n)
		}
	})
	for _, s := range streams {
		if catIncremental(s) == "" {
			continue
		}
		catalog := catConfigured([]catStream{s}, catIncremental)
		size := 5
		if strings.HasSuffix(s.Name, "_versions") { // they take a request for each parent, too
			size = 20
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			between.Add(catSlices(t, f.On(t).With(map[string]any{"page_size": size}).Under(ticking(time.Second)), s.Name, catalog))
		})
	}
}

// catSlices reads one stream, goes on from the first and the last state on the way, and
// returns how many there were.
func catSlices(t *testing.T, f *tapfixture.Fixture, name string, catalog map[string]any) (between int64) {
	t.Helper()
	whole := f.Airbyte(catalog, nil).OK()
	total, sum, seen := len(whole.Of("RECORD")), 0, map[string]bool{}
	type slice struct {
		state json.RawMessage
		left  int
	}
	var slices []slice
	for _, m := range whole.Of("STATE") {
		count, err := strconv.ParseFloat(m.Count, 64)
		if err != nil {
			t.Errorf("recordCount %q: %v", m.Count, err)
		}
		if seen[string(m.State)] {
			t.Errorf("a STATE twice: %s", m.State)
		}
		seen[string(m.State)] = true
		if sum += int(count); sum < total {
			slices = append(slices, slice{m.State, total - sum})
		}
	}
	if sum != total {
		t.Errorf("%d records, %d counted", total, sum)
	}
	for i, s := range slices {
		if i > 0 && i < len(slices)-1 {
			continue
		}
		state := fmt.Sprintf(`[{"type":"STREAM","stream":{"stream_descriptor":{"name":%q},"stream_state":%s}}]`, name, s.state)
		// Rows that came between a position and its proof are counted in the state, and come again.
		most := total
		if i > 0 {
			most--
		}
		if rest := len(f.Airbyte(catalog, state).OK().Records(name)); rest < s.left || rest > most {
			t.Errorf("with %d of %d records left a resumed read gives %d", s.left, total, rest)
		}
	}
	return int64(len(slices))
}

// TestCATFutureState reads from bookmarks in the far future: no records, a state for each
// stream, and the bookmarks stay (F3).
func TestCATFutureState(t *testing.T) {
	t.Parallel()
	f := catSite(t).With(map[string]any{"domain": "acceptance.atlassian.net"})
	var catalog map[string]any
	if err := json.Unmarshal(catFile(t, "integration_tests/incremental_catalog.json"), &catalog); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range catDiscover(t, f) {
		if catIncremental(s) != "" {
			names = append(names, s.Name)
		}
	}
	r := f.Airbyte(catalog, catFile(t, "integration_tests/abnormal_state.json")).OK()
	if records := r.Of("RECORD"); len(records) > 0 {
		t.Errorf("%d records, such as %s", len(records), records[0].Line)
	}
	if told := r.Streams("STATE"); !slices.Equal(slices.Sorted(slices.Values(told)), slices.Sorted(slices.Values(names))) {
		t.Errorf("states of %q, want %q", told, names)
	}
	for _, m := range r.Of("STATE") {
		if value := tapfixture.Decode(t, m.State)["replication_key_value"]; value != "2999-01-01T00:00:00.000Z" {
			t.Errorf("%s: the bookmark is %v", m.Stream, value)
		}
	}
	if strings.Contains(r.Log(), "not of this tap") || len(r.Of("TRACE")) != 3*len(names) {
		t.Errorf("the state is not understood: %s", r.Log())
	}
}
