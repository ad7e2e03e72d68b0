package tap_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// update writes integration_tests/expected_records.jsonl anew: go test ./tap -run TestCATBasicRead -update.
var update = flag.Bool("update", false, "write the expected records")

// expectedRecords has one record of every stream on the site that catSite makes.
const expectedRecords = "integration_tests/expected_records.jsonl"

// catSite serves the site that make acceptance reads, too.
func catSite(t *testing.T) *tapfixture.Fixture {
	t.Helper()
	o := simconfluence.Scaled(5, 120)
	o.Spaces, o.BlogPosts = 4, 16
	o.BaseURL = "https://acceptance.atlassian.net"
	return tapfixture.New(t, o)
}

// catConfigured is the catalog that CAT makes: the discovered streams whole, each in the
// mode that pick chooses, with explicit nulls.
func catConfigured(streams []catStream, pick func(catStream) string) map[string]any {
	configured := []any{}
	for _, s := range streams {
		if mode := pick(s); mode != "" {
			configured = append(configured, map[string]any{
				"stream": s.raw, "sync_mode": mode, "destination_sync_mode": "append",
				"cursor_field": nil, "primary_key": nil, "destination_object_name": nil,
			})
		}
	}
	return map[string]any{"streams": configured}
}

func catFirstMode(s catStream) string { return s.Modes[0] }

// catIncremental picks the streams that can be read incrementally.
func catIncremental(s catStream) string {
	if slices.Contains(s.Modes, "incremental") {
		return "incremental"
	}
	return ""
}

// catTime is the form of a date-time that CAT takes.
var catTime = regexp.MustCompile(`^\d{4}-\d?\d-\d?\d(\s|T)\d?\d:\d?\d:\d?\d(.\d+)?.*$`)

func TestCATBasicRead(t *testing.T) {
	t.Parallel()
	f := catSite(t)
	streams := catDiscover(t, f)
	r := f.Airbyte(catConfigured(streams, catFirstMode), nil).OK()
	if len(r.Of("RECORD")) == 0 {
		t.Fatal("D1: no records")
	}
	names := make([]string, len(streams))
	for i, s := range streams {
		names[i] = s.Name
	}
	for _, name := range r.Streams("RECORD") {
		if !slices.Contains(names, name) {
			t.Errorf("D2: records of %s, which is not in the catalog", name)
		}
	}
	expected := map[string]string{}
	for _, s := range streams {
		t.Run(s.Name, func(t *testing.T) { catRecords(t, s, r.Records(s.Name)) }) // D2 to D7
		expected[s.Name] = catShortest(r.Records(s.Name))
		if s.FileBased {
			t.Errorf("%s: D12: no stream is of files", s.Name)
		}
	}
	t.Run("D8 expected records", func(t *testing.T) { catExpected(t, r, names, expected) })
	checkAirbyte(t, r, names) // D9: STARTED, RUNNING, COMPLETE of each; and the order of all messages
	t.Run("D10 states", func(t *testing.T) { catStates(t, r, names) })
	t.Run("D11 invalid catalog", func(t *testing.T) {
		bad := map[string]any{"streams": []any{map[string]any{
			"stream": map[string]any{
				"name": "__AIRBYTE__stream_that_does_not_exist", "supported_sync_modes": []string{"full_refresh"},
				"json_schema": map[string]any{"type": "object", "properties": map[string]any{"f1": map[string]any{"type": "string"}}},
			}, "sync_mode": "INVALID", "destination_sync_mode": "INVALID",
		}}}
		if r := f.On(t).Airbyte(bad, nil).Wants(1); len(r.Errors()) == 0 || len(r.Of("RECORD")) > 0 {
			t.Errorf("%d errors and %d records", len(r.Errors()), len(r.Of("RECORD")))
		}
	})
}

// catNeverSet are fields that no record of the site has, as patterns of stream and field.
var catNeverSet = []string{
	// The API gives these blocks only when a single comment is asked for, with a parameter.
	"*_comments.operations", "*_comments.likes", "*_comments.versions", "*_footer_comments.properties",
	// A comment of a page is of no post, and the other way round; the site's are of nothing else.
	"page_*_comments.blogPostId", "blog_post_*_comments.pageId", "*_footer_comments.customContentId", "*_footer_comments.attachmentId",
	// The site has six items, none of which is below these.
	"custom_content.customContentId", "custom_content.blogPostId",
}

// catCanBeSet says whether a field may be wanted in some record.
func catCanBeSet(t *testing.T, field string) bool {
	t.Helper()
	return !slices.ContainsFunc(catNeverSet, func(pattern string) bool {
		ok, err := filepath.Match(pattern, field)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	})
}

// catRecords checks the records of one stream.
func catRecords(t *testing.T, s catStream, records map[string]tapfixture.Record) {
	t.Helper()
	if len(records) == 0 {
		t.Fatal("D5: no records")
	}
	validator := catValidator(t, s.Schema)
	declared, _ := s.Schema["properties"].(map[string]any)
	set := map[string]bool{}
	for key, r := range records {
		if err := validator.Validate(r.Fields); err != nil {
			t.Fatalf("D3: record %s is not valid: %v", key, err)
		}
		catStrict(t, key, s.Schema, r.Fields)
		for name, value := range r.Fields {
			if declared[name] == nil {
				t.Fatalf("D2, D4: record %s has the field %s, which is not declared", key, name)
			}
			set[name] = set[name] || value != nil
		}
		for _, part := range s.Key {
			switch v := r.Fields[part[0]].(type) {
			case string, json.Number:
			default:
				t.Fatalf("D6: record %s has the key %s = %v", key, part[0], v)
			}
		}
	}
	for name := range declared {
		if wanted := catCanBeSet(t, s.Name+"."+name); set[name] != wanted {
			t.Errorf("D7: the field %s is in some record: %v, want %v", name, set[name], wanted)
		}
	}
}

// catStrict checks what CAT checks beyond the draft, at every depth: integers are written as
// such, times have CAT's form, and objects whose properties are declared have no others.
func catStrict(t *testing.T, path string, schema map[string]any, value any) {
	t.Helper()
	types := catTypes(schema)
	switch v := value.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		for name, field := range v {
			below, ok := properties[name].(map[string]any)
			if !ok && len(properties) > 0 {
				t.Fatalf("D4: %s.%s is not declared", path, name)
			}
			if ok {
				catStrict(t, path+"."+name, below, field)
			}
		}
	case []any:
		for _, item := range v {
			catStrict(t, path+"[]", catItems(schema), item)
		}
	case json.Number:
		if slices.Contains(types, "integer") && strings.ContainsAny(v.String(), ".eE") {
			t.Fatalf("D3: %s is %s, not an integer", path, v)
		}
	case string:
		if schema["format"] == "date-time" {
			if _, err := time.Parse("2006-01-02T15:04:05.000Z", v); err != nil || !catTime.MatchString(v) {
				t.Fatalf("D3: %s is %s: %v", path, v, err)
			}
		}
	}
}

// catShortest returns the shortest record, the first by key of those.
func catShortest(records map[string]tapfixture.Record) string {
	best := ""
	for _, key := range slices.Sorted(maps.Keys(records)) {
		if line := string(records[key].Line); best == "" || len(line) < len(best) {
			best = line
		}
	}
	return best
}

func catExpected(t *testing.T, r *tapfixture.Result, names []string, expected map[string]string) {
	t.Helper()
	path := filepath.Join("..", expectedRecords)
	if *update {
		var b bytes.Buffer
		for _, name := range names {
			fmt.Fprintf(&b, `{"stream":%q,"data":%s,"emitted_at":1793534400000}`+"\n", name, expected[name])
		}
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found := map[string]int{}
	for line := range bytes.Lines(catFile(t, expectedRecords)) {
		var want struct {
			Stream string
			Data   json.RawMessage
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		found[want.Stream]++
		fields := tapfixture.Decode(t, want.Data)
		key := tapfixture.Key(t, want.Stream, fields)
		got, ok := r.Records(want.Stream)[key]
		if !ok {
			t.Errorf("%s: record %s did not come", want.Stream, key)
			continue
		}
		if tapfixture.Canonical(t, want.Stream, got.Fields) != tapfixture.Canonical(t, want.Stream, fields) {
			t.Errorf("%s: record %s\n got %s\nwant %s", want.Stream, key, got.Line, want.Data)
		}
	}
	for _, name := range names {
		if found[name] == 0 {
			t.Errorf("no record of %s is expected", name)
		}
	}
}

func catStates(t *testing.T, r *tapfixture.Result, names []string) {
	t.Helper()
	states := r.Of("STATE")
	if len(states) < len(names) {
		t.Errorf("%d STATEs, want at least %d", len(states), len(names))
	}
	for _, m := range states {
		var message struct {
			State struct {
				Type   string
				Stream struct {
					Descriptor map[string]any `json:"stream_descriptor"`
				}
				Stats map[string]any `json:"sourceStats"`
			}
		}
		if err := json.Unmarshal(m.Line, &message); err != nil {
			t.Fatal(err)
		}
		s := message.State
		if _, counted := s.Stats["recordCount"].(float64); s.Type != "STREAM" || s.Stream.Descriptor["name"] != m.Stream || m.Stream == "" || !counted {
			t.Errorf("a STATE is %s", m.Line)
		}
		if s.Stream.Descriptor["namespace"] != nil {
			t.Errorf("a STATE has a namespace: %s", m.Line)
		}
	}
}

// catEmitted returns the first and the last time at which a record was emitted.
func catEmitted(t *testing.T, r *tapfixture.Result) (first, last int64) {
	t.Helper()
	for _, m := range r.Of("RECORD") {
		var message struct {
			Record struct {
				At int64 `json:"emitted_at"`
			}
		}
		if err := json.Unmarshal(m.Line, &message); err != nil {
			t.Fatal(err)
		}
		if at := message.Record.At; first == 0 || at < first {
			first = at
		}
		last = max(last, message.Record.At)
	}
	return first, last
}

// TestCATFullRefresh reads everything twice: the records are the same, and those of the
// second read are later (E1).
func TestCATFullRefresh(t *testing.T) {
	t.Parallel()
	f := catSite(t)
	catalog := catConfigured(catDiscover(t, f), func(catStream) string { return "full_refresh" })
	one := f.Airbyte(catalog, nil).OK()
	_, last := catEmitted(t, one)
	for time.Now().UnixMilli() <= last { //nolint:revive // emitted_at counts whole milliseconds: let this one pass
	}
	two := f.Airbyte(catalog, nil).OK()
	if first, _ := catEmitted(t, two); first <= last {
		t.Errorf("the second read's first record is of %d, the first read's last of %d", first, last)
	}
	for _, name := range stream.Names() {
		tapfixture.Compare(t, name, two.Canonical(name), one.Canonical(name))
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
		first, second := one.Canonical(s.Name), two.Canonical(s.Name)
		if len(first) == 0 || len(second) >= len(first) || len(second) > 5 {
			t.Errorf("%s: %d records, then %d of a site without changes", s.Name, len(first), len(second))
		}
		if !slices.Equal(s.DefaultCursor, []string{stream.Find(s.Name).ReplicationKey}) || !s.Resumable {
			t.Errorf("%s: cursor %q, resumable %v", s.Name, s.DefaultCursor, s.Resumable)
		}
	}
	if r := f.Airbyte(map[string]any{"streams": []any{}}, nil); r.Status != 0 && len(r.Errors()) == 0 {
		t.Error("an empty catalog ends without a word")
	}
}

// TestCATSlices reads incremental streams, each alone, and goes on from states on the way:
// none is told twice, counts add up, and each gives at least what was left (F2). The site is
// slow and the pages are short, since states on the way are seconds apart.
func TestCATSlices(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(3, 150)
	o.Attachments, o.Latency = 200, 80*time.Millisecond
	f := tapfixture.New(t, o).With(map[string]any{"anchor_date": "2015-01-01", "page_size": 5, "concurrency": 1})
	streams := catDiscover(t, f)
	var between atomic.Int64
	t.Cleanup(func() {
		if n := between.Load(); n < 5 {
			t.Errorf("only %d states on the way", n)
		}
	})
	for _, s := range streams {
		if catIncremental(s) == "" {
			continue
		}
		catalog := catConfigured([]catStream{s}, catIncremental)
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			between.Add(catSlices(t, f.On(t), s.Name, catalog))
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
		if rest := len(f.Airbyte(catalog, state).OK().Records(name)); rest < s.left || rest >= total {
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
