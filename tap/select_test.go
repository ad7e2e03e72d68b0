package tap_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestEachStreamAlone selects one stream at a time, in both protocols: it gives the rows
// that it gives beside all others, and nothing else is emitted.
func TestEachStreamAlone(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small()).Within()
	for _, name := range stream.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := f.On(t)
			r := f.Singer(tapfixture.Select(name), nil).OK()
			checkSinger(t, r, []string{name})
			f.CheckRows(r, tapfixture.Scope(), name)
			if got := r.Streams("RECORD"); len(got) > 1 {
				t.Errorf("records of %q", got)
			}
			airbyte := f.Airbyte(tapfixture.Configured("full_refresh", name), nil).OK()
			checkAirbyte(t, airbyte, []string{name})
			sameRecords(t, r, airbyte, name)
		})
	}
	t.Cleanup(func() { wantNoViolations(t, f) })
}

func wantNoViolations(t *testing.T, f *tapfixture.Fixture) {
	t.Helper()
	if v := f.Site.Violations(); len(v) > 0 {
		t.Errorf("requests that the official documents don't have: %q", v)
	}
}

// TestScope narrows and widens what is read by the settings, and compares every stream with
// the site's own answer to the same question.
func TestScope(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(7, 36)
	o.Spaces, o.CustomContent, o.BodyBytes = 6, 40, 200
	f := tapfixture.New(t, o).Within()
	keys := f.Site.SpaceKeys()
	scope := func(change func(*simconfluence.TruthOptions)) simconfluence.TruthOptions {
		o := tapfixture.Scope()
		change(&o)
		return o
	}
	for _, test := range []struct {
		name     string
		settings map[string]any
		truth    simconfluence.TruthOptions
	}{
		{"one space", map[string]any{"space_keys": keys[:1]}, scope(func(o *simconfluence.TruthOptions) { o.SpaceKeys = keys[:1] })},
		{"two spaces", map[string]any{"space_keys": keys[1:3]}, scope(func(o *simconfluence.TruthOptions) { o.SpaceKeys = keys[1:3] })},
		{"all but one space", map[string]any{"exclude_space_keys": keys[:1]}, scope(func(o *simconfluence.TruthOptions) { o.ExcludeSpaceKeys = keys[:1] })},
		{"current only", map[string]any{"page_status": []string{"current"}}, scope(func(o *simconfluence.TruthOptions) { o.Statuses = []string{"current"} })},
		{"archived only", map[string]any{"page_status": []string{"archived"}}, scope(func(o *simconfluence.TruthOptions) { o.Statuses = []string{"archived"} })},
		{"with the trash", map[string]any{"page_status": []string{"current", "archived", "trashed"}},
			scope(func(o *simconfluence.TruthOptions) { o.Statuses = []string{"current", "archived", "trashed"} })},
		{"trash of a space", map[string]any{"page_status": []string{"trashed", "deleted"}, "space_keys": keys[:2]},
			scope(func(o *simconfluence.TruthOptions) {
				o.Statuses, o.SpaceKeys = []string{"trashed", "deleted"}, keys[:2]
			})},
		{"no bodies", map[string]any{"body_format": "none"}, scope(func(o *simconfluence.TruthOptions) { o.BodyFormat = "" })},
		{"bodies as documents", map[string]any{"body_format": "atlas_doc_format"}, scope(func(o *simconfluence.TruthOptions) { o.BodyFormat = "atlas_doc_format" })},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := f.On(t).With(test.settings)
			r := f.Singer(nil, nil).OK()
			checkSinger(t, r, stream.Names())
			for _, name := range stream.Names() {
				got, want := r.Canonical(name), f.Expect(name, test.truth)
				if name == "attachments" && slices.Contains(test.truth.Statuses, "trashed") {
					leaveHidden(t, r, got, want)
				}
				tapfixture.Compare(t, name, got, want)
				if name == "pages" && len(want) == 0 {
					t.Error("the site has no page of it: too few to mean something")
				}
			}
		})
	}
	t.Cleanup(func() { wantNoViolations(t, f) })
}

// leaveHidden takes out of got what the tap may keep though it is not wanted: attachments
// on custom content in the trash, whose space nothing tells. It has to warn of them.
func leaveHidden(t *testing.T, r *tapfixture.Result, got, want map[string]string) {
	t.Helper()
	hidden := false
	maps.DeleteFunc(got, func(key, record string) bool {
		fields := tapfixture.Decode(t, []byte(record))
		extra := want[key] == "" && fields["customContentId"] != nil && fields["status"] == "trashed"
		hidden = hidden || extra
		return extra
	})
	if hidden && !regexp.MustCompile(`(?m)^WARNING .*custom content in the trash`).MatchString(r.Stderr) {
		t.Errorf("no warning of rows whose space can't be told:\n%s", r.Stderr)
	}
}

// TestUnknownSpace refuses a space that the site does not show: a run that reads nothing
// would look like an empty space.
func TestUnknownSpace(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small())
	r := f.With(map[string]any{"space_keys": []string{f.Site.SpaceKeys()[0], "NOSUCH"}}).Singer(nil, nil)
	if r.Status == 0 || !strings.Contains(r.Stderr, "NOSUCH") {
		t.Errorf("status %d, stderr %s", r.Status, r.Stderr)
	}
	if n := len(r.Of("RECORD")); n > 0 {
		t.Errorf("%d records were written all the same", n)
	}
}

// TestCustomContentTypes reads the types that are configured, and leaves out one that the
// site does not know, with a warning.
func TestCustomContentTypes(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small())
	types := f.Site.CustomTypes()
	ofType := func(want ...string) map[string]string {
		rows := f.Expect("custom_content", tapfixture.Scope())
		maps.DeleteFunc(rows, func(_, record string) bool {
			kind, _ := tapfixture.Decode(t, []byte(record))["type"].(string)
			return !slices.Contains(want, kind)
		})
		return rows
	}
	for _, test := range []struct {
		name    string
		types   []string
		want    map[string]string
		warning string
	}{
		{"all", types, ofType(types...), ""},
		{"one", types[:1], ofType(types[0]), ""},
		{"one and an unknown one", []string{"ac:no.such.app:thing", types[1]}, ofType(types[1]), "ac:no.such.app:thing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := f.On(t).With(map[string]any{"custom_content_types": test.types}).Singer(tapfixture.Select("custom_content"), nil).OK()
			tapfixture.Compare(t, "custom_content", r.Canonical("custom_content"), test.want)
			if warned := strings.Contains(r.Stderr, "WARNING"); warned != (test.warning != "") || !strings.Contains(r.Stderr, test.warning) {
				t.Errorf("stderr, want a warning of %q:\n%s", test.warning, r.Stderr)
			}
			if len(test.want) == 0 {
				t.Error("the site has nothing of that type")
			}
		})
	}
	wantNoViolations(t, f)
}

// fieldsOf returns the fields of a stream's records, which must all have the same ones.
func fieldsOf(t *testing.T, r *tapfixture.Result, name string) []string {
	t.Helper()
	var fields []string
	for _, record := range r.Records(name) {
		if got := slices.Sorted(maps.Keys(record.Fields)); fields == nil {
			fields = got
		} else if !slices.Equal(fields, got) {
			t.Fatalf("%s: records with %q and with %q", name, fields, got)
		}
	}
	return fields
}

// propertiesOf returns the properties of a stream's SCHEMA.
func propertiesOf(t *testing.T, r *tapfixture.Result, name string) map[string]any {
	t.Helper()
	for _, m := range r.Of("SCHEMA") {
		if m.Stream == name {
			schema, _ := tapfixture.Decode(t, m.Line)["schema"].(map[string]any)
			properties, _ := schema["properties"].(map[string]any)
			return properties
		}
	}
	t.Fatalf("no SCHEMA of %s", name)
	return nil
}

// TestFieldSelection takes fields out of records and schemas alike; keys can't be.
func TestFieldSelection(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small())
	entry := tapfixture.Entry("pages",
		tapfixture.Meta(nil, "selected", true),
		tapfixture.Meta([]string{"body"}, "selected", false),
		tapfixture.Meta([]string{"title"}, "selected", "false"),
		tapfixture.Meta([]string{"subtype"}, "inclusion", "unsupported", "selected", true),
		tapfixture.Meta([]string{"id"}, "selected", false),
		tapfixture.Meta([]string{"modifiedAt"}, "selected", false),
		tapfixture.Meta([]string{"version", "message"}, "selected", false),
		tapfixture.Meta([]string{"version", "authorId"}, "selected-by-default", false),
	)
	r := f.Singer(map[string]any{"streams": []any{entry}}, nil).OK()
	whole := f.Singer(tapfixture.Select("pages"), nil).OK()

	want := slices.DeleteFunc(fieldsOf(t, whole, "pages"), func(field string) bool {
		return slices.Contains([]string{"body", "title", "subtype"}, field)
	})
	if got := fieldsOf(t, r, "pages"); !slices.Equal(got, want) {
		t.Errorf("fields %q, want %q", got, want)
	}
	properties := propertiesOf(t, r, "pages")
	if got := slices.Sorted(maps.Keys(properties)); !slices.Equal(got, want) {
		t.Errorf("declared %q, want %q", got, want)
	}
	pruned := tapfixture.Decode(t, mustJSON(t, properties["version"]))
	if inner, _ := pruned["properties"].(map[string]any); inner["message"] != nil || inner["authorId"] != nil || inner["number"] == nil {
		t.Errorf("the declared version is %v", pruned)
	}
	all := whole.Records("pages")
	for key, record := range r.Records("pages") {
		expected := maps.Clone(all[key].Fields)
		maps.DeleteFunc(expected, func(field string, _ any) bool { return !slices.Contains(want, field) })
		version, _ := expected["version"].(map[string]any)
		delete(version, "message")
		delete(version, "authorId")
		if got, want := mustJSON(t, record.Fields), mustJSON(t, expected); string(got) != string(want) {
			t.Errorf("record %s is\n%s\nwant\n%s", key, got, want)
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestBodiesOnlyWhereEmitted asks for bodies only for streams that emit them, and never in
// a format of none.
func TestBodiesOnlyWhereEmitted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, stream string
		settings     map[string]any
		asked        bool
	}{
		{"emitted", "pages", nil, true},
		{"a child only", "page_labels", nil, false},
		{"no format", "pages", map[string]any{"body_format": "none"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := tapfixture.New(t, small())
			var asked atomic.Bool
			f.Site.SetFaults(simconfluence.Where(func(r *http.Request) bool {
				if r.URL.Query().Get("body-format") != "" {
					asked.Store(true)
				}
				return false
			}, nil))
			f.With(test.settings).Singer(tapfixture.Select(test.stream), nil).OK()
			if asked.Load() != test.asked {
				t.Errorf("bodies were asked for: %v", asked.Load())
			}
		})
	}
}

// TestCatalogs selects streams in the ways that clients do.
func TestCatalogs(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small())
	marked := func(name string, selected any) map[string]any {
		e := tapfixture.Entry(name)
		delete(e, "metadata")
		e["schema"] = map[string]any{"type": "object", "selected": selected}
		return e
	}
	outside := func(name string, selected any) map[string]any {
		e := marked(name, nil)
		delete(e, "schema")
		e["selected"] = selected
		return e
	}
	root := func(name string, pairs ...any) map[string]any {
		return tapfixture.Entry(name, tapfixture.Meta(nil, pairs...))
	}
	for _, test := range []struct {
		name    string
		entries []any
		want    []string
	}{
		{"by metadata", []any{root("groups", "selected", true), root("spaces", "selected", false)}, []string{"groups"}},
		{"as text", []any{root("groups", "selected", "true"), root("spaces", "selected", "false")}, []string{"groups"}},
		{"by default", []any{root("spaces", "selected-by-default", true), root("groups", "selected-by-default", false)}, []string{"spaces"}},
		{"against the default", []any{root("spaces", "selected-by-default", true, "selected", false), root("groups", "selected-by-default", false, "selected", true)}, []string{"groups"}},
		{"inclusion", []any{root("spaces", "inclusion", "automatic", "selected", false), root("groups", "inclusion", "unsupported", "selected", true)}, []string{"spaces"}},
		{"metadata that says nothing", []any{root("spaces"), root("groups", "selected", true)}, []string{"groups"}},
		{"no metadata at all", []any{tapfixture.Entry("groups"), tapfixture.Entry("spaces")}, []string{"spaces", "groups"}},
		{"marks in schemas", []any{marked("groups", true), marked("spaces", false), marked("tasks", nil)}, []string{"groups"}},
		{"marks on entries", []any{outside("groups", true), outside("spaces", false), outside("tasks", nil)}, []string{"groups"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := f.On(t)
			catalog := f.File(map[string]any{"streams": test.entries})
			for _, option := range []string{"--catalog", "--properties"} {
				r := f.Run("--config", f.Config(), option, catalog).OK()
				if got := r.Streams("SCHEMA"); !slices.Equal(got, test.want) {
					t.Errorf("%s: streams %q, want %q", option, got, test.want)
				}
				f.CheckRows(r, tapfixture.Scope(), test.want...)
			}
		})
	}
}

// TestDiscoveredCatalogs feeds what discovery prints back: everything is read in full.
func TestDiscoveredCatalogs(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small()).Within()
	t.Run("singer", func(t *testing.T) {
		t.Parallel()
		f := f.On(t)
		catalog := f.Text("--config", f.Config(), "--discover").Stdout
		r := f.Singer(catalog, nil).OK()
		checkSinger(t, r, stream.Names())
		f.CheckRows(r, tapfixture.Scope())
		// Comments on attachments belong to no stream of the table: they are counted.
		if warned := regexp.MustCompile(`WARNING .*skipped: `).ReplaceAllString(r.Stderr, ""); strings.Contains(warned, "WARNING") {
			t.Errorf("warnings for a catalog of our own:\n%s", r.Stderr)
		}
	})
	t.Run("airbyte", func(t *testing.T) {
		t.Parallel()
		f := f.On(t)
		r := f.Run("discover", "--config", f.Config()).OK()
		var message struct {
			Catalog struct{ Streams []json.RawMessage }
		}
		if err := json.Unmarshal(r.Of("CATALOG")[0].Line, &message); err != nil {
			t.Fatal(err)
		}
		var streams []any
		for _, s := range message.Catalog.Streams {
			streams = append(streams, map[string]any{"stream": s, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"})
		}
		read := f.Airbyte(map[string]any{"streams": streams}, nil).OK()
		checkAirbyte(t, read, stream.Names())
		f.CheckRows(read, tapfixture.Scope())
	})
}

// TestSelectionOfNothing is an error under Singer, where it is a slip, and none under
// Airbyte, where it isn't.
func TestSelectionOfNothing(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small())
	none := map[string]any{"streams": []any{tapfixture.Entry("pages", tapfixture.Meta(nil, "selected", false))}}
	for name, catalog := range map[string]any{"none selected": none, "no streams": map[string]any{"streams": []any{}}} {
		r := f.Singer(catalog, nil).Wants(2)
		if len(r.Stdout) > 0 || !regexp.MustCompile(`CRITICAL .*no stream is selected`).MatchString(r.Stderr) {
			t.Errorf("%s: stdout %q, stderr %q", name, r.Stdout, r.Stderr)
		}
	}
	r := f.Airbyte(tapfixture.Configured("full_refresh"), nil).OK()
	if n := len(r.Of("RECORD")) + len(r.Of("TRACE")); n > 0 {
		t.Errorf("%d messages about streams: %s", n, r.Stdout)
	}
}

// TestOrderOfCatalog reads the streams in the table's order, however a client orders them.
func TestOrderOfCatalog(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small())
	r := f.Singer(tapfixture.Select("tasks", "groups", "spaces"), nil).OK()
	checkSinger(t, r, []string{"spaces", "groups", "tasks"})
	f.CheckRows(r, tapfixture.Scope(), "tasks", "groups", "spaces")
}
