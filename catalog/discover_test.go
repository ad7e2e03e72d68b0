package catalog

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/tap-confluence/tap-confluence/schemas"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// tree is a schema as a foreign reader sees it.
type tree struct {
	Type        any              `json:"type"`
	Format      string           `json:"format"`
	AirbyteType string           `json:"airbyte_type"`
	Properties  map[string]*tree `json:"properties"`
	Items       *tree            `json:"items"`
}

// paths lists the breadcrumbs of all fields that can be reached without entering a list.
func (s *tree) paths(at string) []string {
	var list []string
	for name, field := range s.Properties {
		path := at + "/properties/" + name
		list = append(append(list, path), field.paths(path)...)
	}
	return list
}

func (s *tree) each(visit func(*tree)) {
	visit(s)
	for _, field := range s.Properties {
		field.each(visit)
	}
	if s.Items != nil {
		s.Items.each(visit)
	}
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func compact(t *testing.T, data []byte) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// asEmitted is a schema's file in one line without the draft, which no client is told.
func asEmitted(t *testing.T, file []byte) string {
	t.Helper()
	const draft = `"$schema":"http://json-schema.org/draft-07/schema#",`
	text := compact(t, file)
	if !strings.Contains(text, draft) {
		t.Fatalf("the file does not say which draft it follows: %.100s", text)
	}
	return strings.Replace(text, draft, "", 1)
}

func discovered(t *testing.T, discover func(...Option) ([]byte, error)) []byte {
	t.Helper()
	data, err := discover()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSingerCatalog(t *testing.T) {
	data := discovered(t, Singer)
	if !bytes.HasSuffix(data, []byte("}\n")) {
		t.Error("the catalog must end with one line break")
	}
	for line := range bytes.Lines(data) {
		if len(line) >= 64<<10 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	var document struct {
		Streams []struct {
			ID       string          `json:"tap_stream_id"`
			Stream   string          `json:"stream"`
			Key      []string        `json:"key_properties"`
			Schema   json.RawMessage `json:"schema"`
			Metadata []struct {
				Breadcrumb []string       `json:"breadcrumb"`
				Metadata   map[string]any `json:"metadata"`
			} `json:"metadata"`
		} `json:"streams"`
	}
	decode(t, data, &document)
	var names []string
	for _, entry := range document.Streams {
		names = append(names, entry.ID)
		s := stream.Find(entry.ID)
		if s == nil || entry.Stream != entry.ID || !slices.Equal(entry.Key, s.Key) {
			t.Fatalf("entry %+v", entry)
		}
		file, err := schemas.Stream(s.Name)
		if err != nil || compact(t, entry.Schema) != asEmitted(t, file) {
			t.Errorf("%s: the schema is not that of the file (%v)", s.Name, err)
		}
		var schema tree
		decode(t, entry.Schema, &schema)
		got := map[string]map[string]any{}
		for _, m := range entry.Metadata {
			path := strings.Join(append([]string{""}, m.Breadcrumb...), "/")
			if m.Breadcrumb == nil || got[path] != nil {
				t.Errorf("%s: breadcrumb %q is null or there twice", s.Name, path)
			}
			got[path] = m.Metadata
		}
		checkRoot(t, s, got[""])
		want := append(schema.paths(""), "")
		for _, path := range want {
			inclusion := "available"
			if name, top := strings.CutPrefix(path, "/properties/"); top && (slices.Contains(s.Key, name) || name == s.ReplicationKey) {
				inclusion = "automatic"
			}
			if got[path]["inclusion"] != inclusion {
				t.Errorf("%s: %q is %v, want %s", s.Name, path, got[path], inclusion)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d metadata entries for %d fields", s.Name, len(got), len(want))
		}
	}
	if !slices.Equal(names, stream.Names()) {
		t.Errorf("streams %q", names)
	}
}

// checkRoot checks a stream's own metadata; nothing in it may choose a replication method.
func checkRoot(t *testing.T, s *stream.Stream, got map[string]any) {
	t.Helper()
	want := map[string]any{"inclusion": "available", "selected-by-default": true}
	var key []any
	for _, field := range s.Key {
		key = append(key, field)
	}
	want["table-key-properties"] = key
	if s.ReplicationKey != "" {
		want["valid-replication-keys"] = []any{s.ReplicationKey}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: metadata %v, want %v", s.Name, got, want)
	}
}

// Meltano's reader needs a stream's schema before its metadata.
func TestSingerSchemaComesFirst(t *testing.T) {
	var document struct {
		Streams []json.RawMessage `json:"streams"`
	}
	decode(t, discovered(t, Singer), &document)
	for _, entry := range document.Streams {
		var names []string
		for _, m := range members(entry) {
			names = append(names, m.name)
		}
		if want := []string{"tap_stream_id", "stream", "key_properties", "schema", "metadata"}; !slices.Equal(names, want) {
			t.Errorf("members %q", names)
		}
	}
}

// A discovered catalog that is fed back reads everything in full.
func TestSingerFeedsBack(t *testing.T) {
	got, warnings, err := ParseSinger(discovered(t, Singer))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	want, _, err := Pick(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("the selection is not that of no catalog")
	}
}

func TestAll(t *testing.T) {
	selections, _, err := Pick(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(selections) != len(stream.All) {
		t.Fatalf("%d streams", len(selections))
	}
	for i, s := range selections {
		file, err := schemas.Stream(s.Stream.Name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Stream != &stream.All[i] || s.Incremental || s.Removed != nil || s.SyncID != nil || string(s.Schema) != asEmitted(t, file) {
			t.Errorf("selection %d: %+v", i, s)
		}
	}
}

// What Airbyte's suites assert of a discovered catalog.
func TestAirbyteCatalog(t *testing.T) {
	data := discovered(t, Airbyte)
	if bytes.ContainsAny(data, "\r\n") {
		t.Error("the catalog must be one line")
	}
	for _, word := range []string{`"$ref"`, `"allOf"`, `"anyOf"`, `"oneOf"`, `"not"`, `"additionalProperties":false`, `"namespace"`} {
		if bytes.Contains(data, []byte(word)) {
			t.Errorf("the catalog holds %s", word)
		}
	}
	var document struct {
		Streams []struct {
			Name        string          `json:"name"`
			Schema      json.RawMessage `json:"json_schema"`
			Modes       []string        `json:"supported_sync_modes"`
			CursorFixed bool            `json:"source_defined_cursor"`
			Cursor      []string        `json:"default_cursor_field"`
			Key         [][]string      `json:"source_defined_primary_key"`
			Resumable   bool            `json:"is_resumable"`
		} `json:"streams"`
	}
	decode(t, data, &document)
	var names []string
	for _, entry := range document.Streams {
		names = append(names, entry.Name)
		s := stream.Find(entry.Name)
		if s == nil {
			t.Fatalf("stream %q", entry.Name)
		}
		if _, err := jsonschema.CompileString("tap-confluence:///"+s.Name, string(entry.Schema)); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		var schema tree
		decode(t, entry.Schema, &schema)
		times := 0
		schema.each(func(field *tree) {
			if (field.Format == "date-time") != (field.AirbyteType == "timestamp_with_timezone") {
				t.Errorf("%s: format %q with airbyte_type %q", s.Name, field.Format, field.AirbyteType)
			}
			if field.Format != "" {
				times++
			}
		})
		modes, cursor := []string{"full_refresh"}, []string(nil)
		if s.ReplicationKey != "" {
			modes, cursor = append(modes, "incremental"), []string{s.ReplicationKey}
			if schema.Properties[s.ReplicationKey] == nil || times == 0 {
				t.Errorf("%s: the cursor is not a timestamp of the schema", s.Name)
			}
		}
		if !slices.Equal(entry.Modes, modes) || !slices.Equal(entry.Cursor, cursor) || entry.CursorFixed != (cursor != nil) || !entry.Resumable {
			t.Errorf("%s: %+v", s.Name, entry)
		}
		if len(entry.Key) != len(s.Key) {
			t.Errorf("%s: primary key %q", s.Name, entry.Key)
		}
		for i, path := range entry.Key {
			if !slices.Equal(path, s.Key[i:i+1]) || schema.Properties[path[0]] == nil {
				t.Errorf("%s: primary key %q", s.Name, entry.Key)
			} else if kind := schema.Properties[path[0]].Type; kind != "string" && kind != "integer" {
				t.Errorf("%s: a key of type %v", s.Name, kind)
			}
		}
	}
	if !slices.Equal(names, stream.Names()) {
		t.Errorf("streams %q", names)
	}
}

func TestTypedAndPrune(t *testing.T) {
	schema := `{"type":"object","properties":{"b":{"type":"string","format":"date-time","description":"a \"b\" <c> é"},` +
		`"properties":{"type":["null","object"],"properties":{"y":{"type":"string"},"x":{"type":"string"},"format":{"type":"string"}}},` +
		`"a":{"type":"array","items":{"type":"object","properties":{"at":{"type":"string","format":"date-time"}}}}},"additionalProperties":true}`
	stamp := `"format":"date-time","airbyte_type":"timestamp_with_timezone"`
	if got, want := string(typed([]byte(schema))), strings.ReplaceAll(schema, `"format":"date-time"`, stamp); got != want {
		t.Errorf("typed:\n%s\n%s", got, want)
	}
	for _, test := range []struct {
		removed Fields
		cut     []string
	}{
		{nil, nil},
		{Fields{"b": nil}, []string{schema[strings.Index(schema, `"b"`):strings.Index(schema, `"properties":{"type"`)]}},
		{Fields{"properties": {"y": nil, "format": nil}}, []string{`"y":{"type":"string"},`, `,"format":{"type":"string"}`}},
		{Fields{"properties": {"z": nil}, "c": nil}, nil},
	} {
		want := schema
		for _, part := range test.cut {
			want = strings.Replace(want, part, "", 1)
		}
		if got := string(prune([]byte(schema), test.removed)); got != want {
			t.Errorf("prune %v:\n%s\n%s", test.removed, got, want)
		}
	}
}
