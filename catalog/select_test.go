package catalog

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// chosen writes a selection in short: names, ":inc" for incremental, "-a,b" for removed.
func chosen(selections []Selection) string {
	var list []string
	for _, s := range selections {
		text := s.Stream.Name
		if s.Incremental {
			text += ":inc"
		}
		if s.Removed != nil {
			text += "-" + strings.Join(flat("", s.Removed), ",")
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

func flat(at string, removed Fields) []string {
	var list []string
	for name, inside := range removed {
		if inside == nil {
			list = append(list, at+name)
		}
		list = append(list, flat(at+name+".", inside)...)
	}
	slices.Sort(list)
	return list
}

// entry writes a stream's entry in a catalog: the root metadata, then further members.
func entry(name, root, more string) string {
	return fmt.Sprintf(`{"tap_stream_id":%q,"stream":%q,"metadata":[{"breadcrumb":[],"metadata":{%s}}%s}`, name, name, root, more)
}

func catalogOf(entries ...string) []byte {
	return []byte(`{"streams":[` + strings.Join(entries, ",") + `]}`)
}

const on = `"selected":true`

func TestParseSinger(t *testing.T) {
	field := func(path, metadata string) string {
		crumbs := `"properties","` + strings.ReplaceAll(path, ".", `","properties","`) + `"`
		return `,{"breadcrumb":[` + crumbs + `],"metadata":{` + metadata + `}}`
	}
	for name, test := range map[string]struct {
		catalog  []byte
		want     string
		warnings []string
	}{
		"selected":              {catalogOf(entry("pages", on, "]"), entry("spaces", `"selected":false`, "]")), "pages", nil},
		"strings":               {catalogOf(entry("pages", `"selected":"true"`, "]"), entry("spaces", `"selected":"false"`, "]")), "pages", nil},
		"by default":            {catalogOf(entry("pages", `"selected-by-default":true`, "]"), entry("spaces", `"selected-by-default":false`, "]")), "pages", nil},
		"over the default":      {catalogOf(entry("pages", `"selected":false,"selected-by-default":true`, "]"), entry("spaces", on+`,"selected-by-default":false`, "]")), "spaces", nil},
		"null is no choice":     {catalogOf(entry("pages", `"selected":null,"selected-by-default":true`, "]")), "pages", nil},
		"unsupported":           {catalogOf(entry("pages", on+`,"inclusion":"unsupported"`, "]"), entry("spaces", on, "]")), "spaces", nil},
		"metadata says nothing": {catalogOf(entry("pages", ``, "]"), entry("spaces", on, "]")), "spaces", nil},
		"table order":           {catalogOf(entry("tasks", on, "]"), entry("pages", on, "]"), entry("spaces", on, "]")), "spaces pages tasks", nil},
		"no metadata at all":    {[]byte(`{"streams":[{"tap_stream_id":"pages","schema":{}},{"stream":"spaces"}]}`), "spaces pages", nil},
		"only the name":         {[]byte(`{"streams":[{"stream":"groups","metadata":null}]}`), "groups", nil},

		"old: entry":          {[]byte(`{"streams":[{"stream":"pages","selected":true},{"stream":"spaces"},{"stream":"tasks","selected":false}]}`), "pages", nil},
		"old: schema":         {[]byte(`{"streams":[{"stream":"pages","schema":{"selected":"true"}},{"stream":"spaces","schema":{}}]}`), "pages", nil},
		"old: fields":         {[]byte(`{"streams":[{"stream":"space_labels","schema":{"selected":true,"properties":{"spaceId":{},"id":{"selected":false},"name":{"selected":false},"prefix":{"selected":true}}}}]}`), "space_labels-name", nil},
		"metadata over old":   {[]byte(`{"streams":[{"stream":"pages","selected":true,"metadata":[{"breadcrumb":[],"metadata":{"selected":false}}]},{"stream":"spaces","selected":true}]}`), "spaces", nil},
		"old beside metadata": {[]byte(`{"streams":[{"stream":"pages","selected":true,"metadata":[{"breadcrumb":["properties","title"],"metadata":{"selected":false}}]}]}`), "pages-title", nil},

		"field": {catalogOf(entry("pages", on, field("title", `"selected":false`)+field("status", `"selected":"false"`)+"]")), "pages-status,title", nil},
		"field by default": {catalogOf(entry("pages", on, field("title", `"selected-by-default":false`)+
			field("status", `"selected":true,"selected-by-default":false`)+"]")), "pages-title", nil},
		"field unsupported": {catalogOf(entry("pages", on, field("title", `"inclusion":"unsupported","selected":true`)+"]")), "pages-title", nil},
		"field automatic":   {catalogOf(entry("pages", on, field("title", `"inclusion":"automatic","selected":false`)+"]")), "pages", nil},
		"keys stay": {catalogOf(entry("page_versions", on, field("pageId", `"selected":false`)+field("number", `"inclusion":"unsupported"`)+
			field("createdAt", `"selected":false`)+field("message", `"selected":false`)+"]")), "page_versions-message", nil},
		"nested": {catalogOf(entry("pages", on, field("version.number", `"selected":false`)+field("body.storage.value", `"selected":false`)+"]")),
			"pages-body.storage.value,version.number", nil},
		"parent gone": {catalogOf(entry("pages", on, field("version", `"selected":false`)+field("version.number", on)+"]")), "pages-version", nil},
		"unknown field": {catalogOf(entry("pages", on, field("colour", `"selected":true`)+field("version.x", on)+"]")), "pages",
			[]string{"pages: the catalog names fields that the stream does not have: colour, version.x"}},
		"unknown field in the schema": {catalogOf(entry("space_labels", on, `],"schema":{"properties":{"id":{},"name":{},"prefix":{"properties":{"x":{}}},"colour":{}}}`)), "space_labels",
			[]string{"space_labels: the catalog names fields that the stream does not have: colour (ignored)"}},
		"schema narrowed": {catalogOf(entry("space_labels", on, `],"schema":{"properties":{"name":{}}}`)), "space_labels-prefix",
			[]string{"space_labels: fields that the catalog's schema lacks are skipped: prefix; run"}},
		"types for a target": {catalogOf(entry("space_labels", on, `],"key_properties":["spaceId","id"],"schema":{"type":"object","properties":{
			"id":{"type":"string","maxLength":64},"name":{"type":["string","null"],"x-sql-datatype":"text"},"prefix":{"type":["null","string"]}}}`)), "space_labels", nil},
		"other types": {catalogOf(entry("space_labels", on, `],"schema":{"properties":{"id":{"type":"integer"},"name":{"type":"string"},"prefix":{"type":["null","string"],"format":"date"}}}`)),
			"space_labels", []string{"space_labels: the tap's types stay where the catalog has others: id, name, prefix"}},
		"another key": {catalogOf(entry("space_labels", on+`,"table-key-properties":["id"]`, `],"key_properties":["spaceId","id"]`)), "space_labels",
			[]string{"space_labels: the tap's key stays, where the catalog has another: spaceId, id"}},
		"no key": {catalogOf(entry("pages", on, `],"key_properties":[]`)), "pages",
			[]string{"pages: the tap's key stays"}},
		"a key of no kind": {catalogOf(entry("pages", on, `],"key_properties":"id"`)), "pages", nil},
		"unknown stream": {catalogOf(entry("page", `"selected":false`, "]"), entry("pages", on, "]")), "pages",
			[]string{`unknown stream "page" in the catalog, do you mean "pages"? (not selected, ignored)`}},

		"incremental":     {catalogOf(entry("pages", on+`,"replication-method":"INCREMENTAL"`, "]")), "pages:inc", nil},
		"lower case":      {catalogOf(entry("pages", on+`,"replication-method":"incremental"`, "]")), "pages:inc", nil},
		"with its key":    {catalogOf(entry("tasks", on+`,"replication-method":"INCREMENTAL","replication-key":"updatedAt"`, "]")), "tasks:inc", nil},
		"entry's method":  {catalogOf(entry("pages", on, `],"replication_method":"INCREMENTAL","replication_key":"modifiedAt"`)), "pages:inc", nil},
		"metadata's wins": {catalogOf(entry("pages", on+`,"replication-method":"FULL_TABLE"`, `],"replication_method":"INCREMENTAL"`)), "pages", nil},
		"full":            {catalogOf(entry("pages", on+`,"replication-method":"FULL_TABLE","replication-key":"other"`, "]")), "pages", nil},
		"forced is ours":  {catalogOf(entry("pages", on+`,"forced-replication-method":{"replication-method":"INCREMENTAL"}`, "]")), "pages", nil},
		"not incremental": {catalogOf(entry("spaces", on+`,"replication-method":"INCREMENTAL","replication-key":"id"`, "]")), "spaces",
			[]string{"streams that can't be read incrementally are read in full: spaces"}},
		"key alone": {catalogOf(entry("pages", on+`,"replication-key":"modifiedAt"`, "]")), "pages",
			[]string{"pages: replication-key without"}},
	} {
		selections, warnings, err := ParseSinger(test.catalog)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := chosen(selections); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
		if !startAs(warnings, test.warnings) {
			t.Errorf("%s: warnings %q, want %q", name, warnings, test.warnings)
		}
	}
}

// startAs reports whether the lines begin as wanted, one by one.
func startAs(lines, want []string) bool {
	return slices.EqualFunc(lines, want, strings.HasPrefix)
}

func TestParseSingerErrors(t *testing.T) {
	unknown := `unknown stream "pagse", do you mean "pages"?`
	for name, test := range map[string]struct {
		catalog string
		want    []string
	}{
		"nothing selected": {string(catalogOf(entry("pages", `"selected":false`, "]"))), []string{"no stream is selected"}},
		"no streams":       {`{"streams":[]}`, []string{"no stream is selected"}},
		"null streams":     {`{"streams":null}`, []string{`no list "streams"`, "--discover"}},
		"no list":          {`{"catalog":[]}`, []string{`no list "streams"`, "--discover"}},
		"empty":            {``, []string{"the catalog: the file is empty"}},
		"broken":           {"{\"streams\":[\n{]}", []string{"the catalog: line 2, column 2: "}},
		"a list":           {`[]`, []string{"the catalog: line 1", "must be an object"}},
		"shape":            {`{"streams":[{"metadata":{}}]}`, []string{"the catalog: line 1", "metadata must be an array"}},
		"no name":          {`{"streams":[{"schema":{}}]}`, []string{"no tap_stream_id"}},
		"twice":            {string(catalogOf(entry("pages", on, "]"), entry("pages", on, "]"))), []string{`"pages" is in the catalog more than once`}},
		"unknown":          {string(catalogOf(entry("pagse", on, "]"))), []string{unknown, "run discovery again"}},
		"log based":        {string(catalogOf(entry("pages", on+`,"replication-method":"LOG_BASED"`, "]"))), []string{`pages: replication-method "LOG_BASED" is not supported`}},
		"other method":     {string(catalogOf(entry("pages", on+`,"replication-method":"SOME"`, "]"))), []string{`pages: replication-method "SOME"`}},
		"other key": {string(catalogOf(entry("pages", on+`,"replication-method":"INCREMENTAL","replication-key":"id"`, "]"))),
			[]string{`pages: replication-key "id" is not possible: the stream's is "modifiedAt"`}},
		"all at once": {string(catalogOf(entry("tasks", on+`,"replication-method":"LOG_BASED"`, "]"), entry("pagse", on, "]"), entry("other", on, "]"))),
			[]string{"tasks: replication-method", unknown, `unknown stream "other"`}},
		"Airbyte, configured": {`{"streams":[{"stream":{"name":"pages","json_schema":{}},"sync_mode":"full_refresh"}]}`, []string{"one of Airbyte", "read --config"}},
		"Airbyte, discovered": {`{"streams":[{"name":"pages","json_schema":{}}]}`, []string{"one of Airbyte"}},
	} {
		selections, _, err := ParseSinger([]byte(test.catalog))
		if err == nil || selections != nil {
			t.Errorf("%s: no error, or a selection: %v", name, selections)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}

// Fields that are removed are removed from the schema too, and all others stay.
func TestSelectionSchema(t *testing.T) {
	selections, _, err := ParseSinger(catalogOf(entry("pages", on,
		`,{"breadcrumb":["properties","title"],"metadata":{"selected":false}}`+
			`,{"breadcrumb":["properties","version","properties","number"],"metadata":{"selected":false}}]`)))
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := Pick(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	var got, whole tree
	decode(t, selections[0].Schema, &got)
	decode(t, all[slices.Index(stream.Names(), "pages")].Schema, &whole)
	removed := func(s *tree) bool {
		_, title := s.Properties["title"]
		_, number := s.Properties["version"].Properties["number"]
		return !title && !number
	}
	if !removed(&got) || removed(&whole) {
		t.Fatalf("got %s", selections[0].Schema)
	}
	if r := selections[0].Removed; !r.Whole("title") || r.Whole("version") || !r.Inside("version").Whole("number") || r.Whole("id") || r.Inside("id") != nil {
		t.Errorf("removed: %v", r)
	}
	delete(whole.Properties, "title")
	delete(whole.Properties["version"].Properties, "number")
	if !reflect.DeepEqual(got, whole) {
		t.Errorf("other fields changed: %s", selections[0].Schema)
	}
}

// A field inside a list can't be left out alone, which is said.
func TestDeselectedInsideList(t *testing.T) {
	selections, warnings, err := ParseSinger(catalogOf(entry("pages", on,
		`,{"breadcrumb":["properties","version","properties","contributorIds","items","properties","x"],"metadata":{"selected":false}}`+
			`,{"breadcrumb":["properties","version","properties","contributorIds","items"],"metadata":{}}]`)))
	if err != nil || chosen(selections) != "pages" || !startAs(warnings, []string{"pages: single fields inside lists"}) {
		t.Errorf("%v %q %v", err, chosen(selections), warnings)
	}
}

func TestWarningsAreShort(t *testing.T) {
	var more strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&more, `,{"breadcrumb":["properties","f%d"],"metadata":{}}`, i)
	}
	_, warnings, err := ParseSinger(catalogOf(entry("pages", on, more.String()+"]")))
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "f9 and 990 more") {
		t.Errorf("%v, %q", err, warnings)
	}
}

// Whatever a catalog holds, a selection keeps what the emitter relies on.
func FuzzParseSinger(f *testing.F) {
	f.Add(catalogOf(entry("pages", on, `,{"breadcrumb":["properties","version","properties","number"],"metadata":{"selected":false}}],"schema":{"properties":{"id":{}}}`)))
	f.Add([]byte(`{"streams":[{"stream":"spaces","selected":true,"schema":{"selected":true,"properties":{"id":null}}}]}`))
	f.Add([]byte(`{"streams":[{"stream":{"name":"pages"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		selections, _, err := ParseSinger(data)
		if (err == nil) == (len(selections) == 0) {
			t.Fatalf("%d streams, error %v", len(selections), err)
		}
		checkSelections(t, selections)
	})
}

// checkSelections checks what Selection documents.
func checkSelections(t *testing.T, selections []Selection) {
	t.Helper()
	last := -1
	for _, s := range selections {
		place := slices.Index(stream.Names(), s.Stream.Name)
		if place <= last {
			t.Fatalf("%s is twice or out of order", s.Stream.Name)
		}
		last = place
		if s.Incremental && s.Stream.ReplicationKey == "" {
			t.Fatalf("%s cannot be incremental", s.Stream.Name)
		}
		var schema tree
		decode(t, s.Schema, &schema)
		for _, field := range append(slices.Clone(s.Stream.Key), s.Stream.ReplicationKey) {
			if field != "" && (schema.Properties[field] == nil || s.Removed[field] != nil || s.Removed.Whole(field)) {
				t.Fatalf("%s has lost %s", s.Stream.Name, field)
			}
		}
		for field := range s.Removed {
			if s.Removed.Whole(field) == (schema.Properties[field] != nil) {
				t.Fatalf("%s: %s is removed here and not there", s.Stream.Name, field)
			}
		}
	}
}

func TestUnknownStreamError(t *testing.T) {
	_, _, err := ParseSinger(catalogOf(entry("one", on, "]"), entry("pages", on, "]"), entry("two", on, "]")))
	var unknown *UnknownStreamError
	if !errors.As(err, &unknown) || !slices.Equal(unknown.Names, []string{"one", "two"}) {
		t.Errorf("%v", err)
	}
}
