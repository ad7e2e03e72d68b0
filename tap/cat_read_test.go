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
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// update rewrites integration_tests/expected_records.jsonl: go test ./tap -run TestCATBasicRead -update.
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
	records := map[string]map[string]tapfixture.Record{}
	for _, s := range streams {
		records[s.Name] = r.Records(s.Name)
		t.Run(s.Name, func(t *testing.T) { catRecords(t, s, records[s.Name]) }) // D2 to D7
		if s.FileBased {
			t.Errorf("%s: D12: no stream is of files", s.Name)
		}
	}
	t.Run("D8 expected records", func(t *testing.T) { catExpected(t, names, records) })
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
	// A comment of a page is of no post, and the other way round; the site's are of nothing else.
	"page_*_comments.blogPostId", "blog_post_*_comments.pageId", "*_footer_comments.customContentId", "*_footer_comments.attachmentId",
	// The site has six items, none of which is below these.
	"custom_content.customContentId", "custom_content.blogPostId",
}

// catCanBeSet reports whether a field may be wanted in some record.
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

func catExpected(t *testing.T, names []string, records map[string]map[string]tapfixture.Record) {
	t.Helper()
	path := filepath.Join("..", expectedRecords)
	if *update {
		var b bytes.Buffer
		for _, name := range names {
			fmt.Fprintf(&b, `{"stream":%q,"data":%s,"emitted_at":1793534400000}`+"\n", name, catShortest(records[name]))
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
		got, ok := records[want.Stream][key]
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
