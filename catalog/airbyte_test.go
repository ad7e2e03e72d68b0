package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// configuredEntry writes a stream of a configured catalog, with further members.
func configuredEntry(name, mode, more string) string {
	return fmt.Sprintf(`{"stream":{"name":%q,"json_schema":{}},"sync_mode":%q,"destination_sync_mode":"append"%s}`, name, mode, more)
}

// nulls are the members that clients write as null where they have nothing to say.
const nulls = `,"cursor_field":null,"primary_key":null,"generation_id":null,"minimum_generation_id":null,"sync_id":null,` +
	`"destination_object_name":null,"include_files":null`

func TestParseAirbyte(t *testing.T) {
	for name, test := range map[string]struct {
		catalog  []byte
		want     string
		warnings []string
	}{
		"both modes":  {catalogOf(configuredEntry("tasks", "full_refresh", ""), configuredEntry("pages", "incremental", "")), "pages:inc tasks", nil},
		"nulls":       {catalogOf(configuredEntry("pages", "incremental", nulls)), "pages:inc", nil},
		"new members": {catalogOf(configuredEntry("pages", "full_refresh", `,"mappers":[{"a":1}],"stream2":{}`)), "pages", nil},
		"all members": {[]byte(`{"streams":[{"stream":{"name":"pages","namespace":null,"json_schema":{"type":"object","properties":{}},"supported_sync_modes":["full_refresh"],
			"source_defined_cursor":true,"default_cursor_field":["modifiedAt"],"source_defined_primary_key":[["id"]],"is_resumable":true},
			"sync_mode":"incremental","destination_sync_mode":"append_dedup","cursor_field":["modifiedAt"],"primary_key":[["id"]],
			"generation_id":7,"minimum_generation_id":0,"sync_id":9}],"extra":1}`), "pages:inc", nil},
		"destination left out": {[]byte(`{"streams":[{"stream":{"name":"pages"},"sync_mode":"full_refresh"}]}`), "pages", nil},
		"no cursor chosen":     {catalogOf(configuredEntry("pages", "incremental", `,"cursor_field":[]`)), "pages:inc", nil},
		"other cursor": {catalogOf(configuredEntry("pages", "incremental", `,"cursor_field":["title"]`)), "pages:inc",
			[]string{`pages: cursor_field "title" is not possible`}},
		"incremental everywhere": {catalogOf(configuredEntry("spaces", "incremental", ""), configuredEntry("pages", "incremental", ""), configuredEntry("groups", "incremental", "")),
			"spaces groups pages:inc", []string{"streams that can't be read incrementally are read in full: spaces, groups"}},
		"nothing": {[]byte(`{"streams":[]}`), "", nil},
	} {
		selections, warnings, err := ParseAirbyte(test.catalog)
		if err != nil || chosen(selections) != test.want || !startAs(warnings, test.warnings) {
			t.Errorf("%s: got %q, %q, %v", name, chosen(selections), warnings, err)
		}
	}
}

func TestParseAirbyteSyncID(t *testing.T) {
	selections, _, err := ParseAirbyte(catalogOf(
		configuredEntry("pages", "full_refresh", `,"sync_id":9007199254740993`), configuredEntry("tasks", "full_refresh", nulls)))
	if err != nil {
		t.Fatal(err)
	}
	if id := selections[0].SyncID; id == nil || *id != 9007199254740993 || selections[1].SyncID != nil {
		t.Errorf("sync ids %v and %v", id, selections[1].SyncID)
	}
}

// The narrowed schema of a configured catalog has no say: the platform prunes by itself.
func TestParseAirbyteKeepsSchema(t *testing.T) {
	selections, _, err := ParseAirbyte(catalogOf(configuredEntry("pages", "full_refresh", "")))
	if err != nil {
		t.Fatal(err)
	}
	want, err := schemaOf(selections[0].Stream, options{})
	if err != nil || string(selections[0].Schema) != string(want) || selections[0].Removed != nil {
		t.Errorf("%v, schema %s", err, selections[0].Schema)
	}
}

// What discover prints can be configured and read.
func TestAirbyteFeedsBack(t *testing.T) {
	var document struct {
		Streams []json.RawMessage `json:"streams"`
	}
	decode(t, discovered(t, Airbyte), &document)
	var entries []string
	for _, s := range document.Streams {
		entries = append(entries, `{"stream":`+string(s)+`,"sync_mode":"full_refresh","destination_sync_mode":"overwrite"`+nulls+`}`)
	}
	got, warnings, err := ParseAirbyte(catalogOf(entries...))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	want, _, err := Pick(nil, false)
	if err != nil || chosen(got) != chosen(want) {
		t.Errorf("%v: got %q", err, chosen(got))
	}
}

func TestParseAirbyteErrors(t *testing.T) {
	for name, test := range map[string]struct {
		catalog string
		want    []string
		unknown []string
	}{
		"the suites' bad catalog": {`{"streams":[{"stream":{"name":"__AIRBYTE__stream_that_does_not_exist","json_schema":{"type":"object","properties":{"f1":{"type":"string"}}},` +
			`"supported_sync_modes":["full_refresh","incremental"]},"sync_mode":"INVALID","destination_sync_mode":"INVALID"}]}`,
			[]string{`sync_mode "INVALID"`, `destination_sync_mode "INVALID"`, "unknown stream"}, []string{"__AIRBYTE__stream_that_does_not_exist"}},
		"several": {string(catalogOf(configuredEntry("pagse", "full_refresh", ""), configuredEntry("pages", "full", ""), configuredEntry("x", "incremental", ""))),
			[]string{`unknown stream "pagse", do you mean "pages"?`, `unknown stream "x"`, `stream "pages": sync_mode "full"`}, []string{"pagse", "x"}},
		"twice":          {string(catalogOf(configuredEntry("pages", "full_refresh", ""), configuredEntry("pages", "full_refresh", ""))), []string{"more than once"}, nil},
		"no mode":        {`{"streams":[{"stream":{"name":"pages"}}]}`, []string{`sync_mode ""`}, nil},
		"no name":        {`{"streams":[{"stream":{},"sync_mode":"full_refresh"}]}`, []string{"no name"}, nil},
		"no streams":     {`{}`, []string{`no list "streams"`}, nil},
		"null":           {`null`, []string{`no list "streams"`}, nil},
		"broken":         {"{\n\"streams\": [}", []string{"the catalog: line 2, column 13"}, nil},
		"empty":          {"", []string{"the file is empty"}, nil},
		"shape":          {`{"streams":[{"stream":{"name":"pages"},"sync_mode":1}]}`, []string{"sync_mode must be a string"}, nil},
		"Singer":         {`{"streams":[{"tap_stream_id":"pages","stream":"pages","schema":{},"metadata":[]}]}`, []string{"one of Singer", "leave out the word read"}, nil},
		"not configured": {`{"streams":[{"name":"pages","json_schema":{}}]}`, []string{"one that discover prints"}, nil},
	} {
		selections, _, err := ParseAirbyte([]byte(test.catalog))
		if err == nil || selections != nil {
			t.Errorf("%s: no error, or a selection: %v", name, selections)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		var unknown *UnknownStreamError
		if errors.As(err, &unknown) != (test.unknown != nil) || unknown != nil && !slices.Equal(unknown.Names, test.unknown) {
			t.Errorf("%s: unknown streams %v", name, unknown)
		}
	}
}

func FuzzParseAirbyte(f *testing.F) {
	f.Add(catalogOf(configuredEntry("pages", "incremental", nulls), configuredEntry("spaces", "incremental", `,"sync_id":1`)))
	f.Add([]byte(`{"streams":[{"stream":"pages","tap_stream_id":"pages"}]}`))
	f.Add([]byte(`{"streams":[null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		selections, _, err := ParseAirbyte(data)
		if err != nil && selections != nil {
			t.Fatalf("an error and a selection: %v", err)
		}
		checkSelections(t, selections)
	})
}
