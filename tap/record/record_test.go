package record_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/schemas"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// whole selects a stream with all its fields.
func whole(t testing.TB, name string) catalog.Selection {
	t.Helper()
	return without(t, name)
}

// without selects a stream without some fields, given as paths with dots.
func without(t testing.TB, name string, fields ...string) catalog.Selection {
	t.Helper()
	return selected(t, name, fields)
}

// selected selects a stream without some fields, with options.
func selected(t testing.TB, name string, fields []string, options ...catalog.Option) catalog.Selection {
	t.Helper()
	metadata := []any{map[string]any{"breadcrumb": []string{}, "metadata": map[string]any{"selected": true}}}
	for _, field := range fields {
		var path []string
		for part := range strings.SplitSeq(field, ".") {
			path = append(path, "properties", part)
		}
		metadata = append(metadata, map[string]any{"breadcrumb": path, "metadata": map[string]any{"selected": false}})
	}
	text, err := json.Marshal(map[string]any{"streams": []any{map[string]any{"tap_stream_id": name, "metadata": metadata}}})
	if err != nil {
		t.Fatal(err)
	}
	selections, _, err := catalog.ParseSinger(text, append(options, catalog.Extra(stream.Every()...))...)
	if err != nil {
		t.Fatal(err)
	}
	return selections[0]
}

// parse parses a row as the client does.
func parse(t testing.TB, text string) rawjson.Object {
	t.Helper()
	row, err := rawjson.ParseObject([]byte(text))
	if err != nil {
		t.Fatalf("parsing %s: %v", text, err)
	}
	return row
}

// build makes the record of a row, and returns the warnings beside it.
func build(t testing.TB, sel catalog.Selection, row string, from record.Source) (text string, warnings []string, err error) {
	t.Helper()
	b, err := record.New(sel, false, func(msg string, args ...any) {
		warnings = append(warnings, strings.TrimSpace(fmt.Sprintln(append([]any{msg}, args...)...)))
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := b.Append(nil, parse(t, row), from)
	return string(out), warnings, err
}

// TestFields picks single fields out of records: what each kind of value becomes.
func TestFields(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, stream, row string
		from              record.Source
		field, want       string
	}{
		{"text as it is", "groups", `{"id":"g","name":"größe \"q\" \\ \/ 😀"}`, record.Source{}, "name", `"größe \"q\" \\ \/ 😀"`},
		{"NUL is left out", "groups", `{"id":"g","name":"a\u0000b"}`, record.Source{}, "name", `"ab"`},
		{"half a pair is replaced", "groups", `{"id":"g","name":"a\ud83db"}`, record.Source{}, "name", "\"a\ufffdb\""},
		{"line ends are escaped", "groups", "{\"id\":\"g\",\"name\":\"a\u0085b\u2028c\u2029d\"}", record.Source{}, "name", `"a\u0085b\u2028c\u2029d"`},
		{"absent is null", "groups", `{"id":"g"}`, record.Source{}, "name", `null`},
		{"large numbers", "attachments", `{"id":"att1","fileSize":9007199254740993}`, record.Source{}, "fileSize", `9007199254740993`},
		{"the last of repeated names", "groups", `{"id":"g","name":"a","name":"b"}`, record.Source{}, "name", `"b"`},

		{"a time in full", "spaces", `{"id":"1","createdAt":"2026-01-02T03:04:05.678Z"}`, record.Source{}, "createdAt", `"2026-01-02T03:04:05.678Z"`},
		{"without milliseconds", "spaces", `{"id":"1","createdAt":"2026-01-02T03:04:05Z"}`, record.Source{}, "createdAt", `"2026-01-02T03:04:05.000Z"`},
		{"in another zone", "spaces", `{"id":"1","createdAt":"2026-01-02T03:04:05.678+02:00"}`, record.Source{}, "createdAt", `"2026-01-02T01:04:05.678Z"`},
		{"more digits", "spaces", `{"id":"1","createdAt":"2026-01-02T03:04:05.6789Z"}`, record.Source{}, "createdAt", `"2026-01-02T03:04:05.678Z"`},
		{"without a zone", "spaces", `{"id":"1","createdAt":"2026-01-02T03:04:05"}`, record.Source{}, "createdAt", `"2026-01-02T03:04:05.000Z"`},
		{"a date", "spaces", `{"id":"1","createdAt":"2026-01-02"}`, record.Source{}, "createdAt", `"2026-01-02T00:00:00.000Z"`},
		{"a leap day", "spaces", `{"id":"1","createdAt":"2024-02-29T00:00:00.000Z"}`, record.Source{}, "createdAt", `"2024-02-29T00:00:00.000Z"`},
		{"milliseconds since 1970", "spaces", `{"id":"1","createdAt":1767323045678}`, record.Source{}, "createdAt", `"2026-01-02T03:04:05.678Z"`},
		{"no time", "spaces", `{"id":"1","createdAt":null}`, record.Source{}, "createdAt", `null`},
		{"a day that isn't", "spaces", `{"id":"1","createdAt":"2026-02-30T00:00:00.000Z"}`, record.Source{}, "createdAt", `null`},
		{"an hour that isn't", "spaces", `{"id":"1","createdAt":"2026-02-03T24:00:00.000Z"}`, record.Source{}, "createdAt", `null`},
		{"no date at all", "spaces", `{"id":"1","createdAt":"soon"}`, record.Source{}, "createdAt", `null`},
		{"the year 0", "spaces", `{"id":"1","createdAt":"0000-01-01T00:00:00.000Z"}`, record.Source{}, "createdAt", `null`},
		{"an object as time", "spaces", `{"id":"1","createdAt":{"at":"2026-01-01"}}`, record.Source{}, "createdAt", `null`},
		{"a time below top level stays", "pages", `{"id":"1","version":{"createdAt":"2026-01-02T03:04:05Z"}}`, record.Source{}, "version", `{"createdAt":"2026-01-02T03:04:05Z"}`},

		{"change", "pages", `{"id":"1","version":{"number":2,"createdAt":"2026-01-02T03:04:05Z"}}`, record.Source{}, "modifiedAt", `"2026-01-02T03:04:05.000Z"`},
		{"no version", "pages", `{"id":"1"}`, record.Source{}, "modifiedAt", `null`},
		{"a version that is null", "pages", `{"id":"1","version":null}`, record.Source{}, "modifiedAt", `null`},

		{"JSON text: an object", "page_content_properties", `{"id":"1","value":{"a":[1,"x"]}}`, record.Source{ParentID: "9"}, "value", `"{\"a\":[1,\"x\"]}"`},
		{"JSON text: a string", "page_content_properties", `{"id":"1","value":"x"}`, record.Source{ParentID: "9"}, "value", `"\"x\""`},
		{"JSON text: a number", "page_content_properties", `{"id":"1","value":12345678901234567890.5}`, record.Source{ParentID: "9"}, "value", `"12345678901234567890.5"`},
		{"JSON text: false", "page_content_properties", `{"id":"1","value":false}`, record.Source{ParentID: "9"}, "value", `"false"`},
		{"JSON text: null", "page_content_properties", `{"id":"1","value":null}`, record.Source{ParentID: "9"}, "value", `"null"`},
		{"JSON text: absent", "page_content_properties", `{"id":"1"}`, record.Source{ParentID: "9"}, "value", `null`},
		{"JSON text: nasty", "page_content_properties", `{"id":"1","value":"\u2028\u0000\\"}`, record.Source{ParentID: "9"}, "value", `"\"\\u2028\\\\\""`},

		{"the parent's id", "page_labels", `{"id":"7","name":"x"}`, record.Source{ParentID: "9"}, "pageId", `"9"`},
		{"the parent of a comment from its row", "page_footer_comments", `{"id":"7","pageId":"8"}`, record.Source{}, "pageId", `"8"`},
		{"the parent of a reply that doesn't tell", "page_footer_comments", `{"id":"7","parentCommentId":"6"}`, record.Source{ParentID: "9"}, "pageId", `"9"`},

		{"entity of the parent", "page_versions", `{"number":1}`, record.Source{ParentID: "9", ParentTitle: `a "b"`}, "page", `{"id":"9","title":"a \"b\""}`},
		{"entity of the row", "page_versions", `{"number":1,"page":{"title":"old","id":"9","body":{}}}`, record.Source{ParentID: "9", ParentTitle: "new"}, "page", `{"id":"9","title":"old"}`},
		{"entity in part", "page_versions", `{"number":1,"page":{"id":"9"}}`, record.Source{ParentID: "9", ParentTitle: "new"}, "page", `{"id":"9","title":"new"}`},
		{"entity of a post", "blog_post_versions", `{"number":1}`, record.Source{ParentID: "9", ParentTitle: "t"}, "blogpost", `{"id":"9","title":"t"}`},

		{"a second spelling", "page_inline_comments", `{"id":"5","pageId":"9","properties":{"inlineMarkerRef":"a","inline-marker-ref":"a"}}`, record.Source{}, "properties", `{"inlineMarkerRef":"a"}`},
		{"derived: type", "child_pages", `{"id":"5","parentId":"9","parentType":"page"}`, record.Source{Derived: true}, "type", `"page"`},
		{"derived: position", "child_pages", `{"id":"5","parentId":"9","position":-3}`, record.Source{Derived: true}, "childPosition", `-3`},
		{"derived: parent", "child_pages", `{"id":"5","parentId":"9"}`, record.Source{Derived: true}, "parentId", `"9"`},
		{"derived: version", "page_versions", `{"number":1,"createdAt":"2026-01-02T03:04:05Z"}`, record.Source{Derived: true, ParentID: "9"}, "createdAt", `"2026-01-02T03:04:05.000Z"`},
		{"listed: position", "child_pages", `{"id":"5","childPosition":4}`, record.Source{ParentID: "9"}, "childPosition", `4`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text, _, err := build(t, whole(t, test.stream), test.row, test.from)
			if err != nil {
				t.Fatal(err)
			}
			var fields map[string]json.RawMessage
			if err := json.Unmarshal([]byte(text), &fields); err != nil {
				t.Fatalf("the record is no JSON: %v in %s", err, text)
			}
			if got := string(fields[test.field]); got != test.want {
				t.Errorf("%s is %s, want %s", test.field, got, test.want)
			}
		})
	}
}

// TestEveryDeclaredField makes a record of the emptiest row of every stream: all fields are
// there, in the schema's order, and null but for the key.
func TestEveryDeclaredField(t *testing.T) {
	t.Parallel()
	for _, st := range stream.Every() {
		t.Run(st.Name, func(t *testing.T) {
			t.Parallel()
			row := `{"id":"5","number":3,"accountId":"a","roleId":"r"}`
			if st.Operations != nil {
				row = `{"operation":"read","principalType":"user","principalId":"a"}`
			}
			if st.Lifted != nil {
				row = strings.Replace(row, "}", `,"principal":{"principalType":"USER","principalId":"a"}}`, 1)
			}
			text, _, err := build(t, whole(t, st.Name), row, record.Source{ParentID: "9", ParentTitle: "t"})
			if err != nil {
				t.Fatal(err)
			}
			fields, err := schemas.Fields(st.Name)
			if err != nil {
				t.Fatal(err)
			}
			built := parse(t, text)
			if built.Len() != len(fields) {
				t.Fatalf("%d fields, %d are declared: %s", built.Len(), len(fields), text)
			}
			for i, field := range fields {
				name, v := built.At(i)
				if string(name) != field.Name {
					t.Errorf("field %d is %s, want %s", i, name, field.Name)
				}
				given := slices.Contains(st.Key, field.Name) || field.Name == st.ParentField || field.Name == st.Entity && st.Entity != "" ||
					st.Lifted != nil && field.Name == "principal"
				if v.IsNull() == given {
					t.Errorf("%s is %s", name, v)
				}
			}
		})
	}
}

// TestMissingKey refuses rows without their key: a record that can't be told from others.
func TestMissingKey(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ stream, row, parent, field string }{
		{"pages", `{"title":"x"}`, "", "id"},
		{"pages", `{"id":null}`, "", "id"},
		{"page_labels", `{"id":"7"}`, "", "pageId"},
		{"page_labels", `{"name":"x"}`, "9", "id"},
		{"page_versions", `{"createdAt":"2026-01-01"}`, "9", "number"},
		{"child_pages", `{"parentId":"9"}`, "9", "id"},
	} {
		_, _, err := build(t, whole(t, test.stream), test.row, record.Source{ParentID: test.parent})
		if err == nil || !strings.Contains(err.Error(), test.stream) || !strings.HasSuffix(err.Error(), "no "+test.field) {
			t.Errorf("%s %s: error %v, want one about %s", test.stream, test.row, err, test.field)
		}
	}
}

// TestRemovedFields leaves deselected fields out, whole ones and those inside of others.
func TestRemovedFields(t *testing.T) {
	t.Parallel()
	row := `{"id":"1","title":"x","version":{"number":2,"message":"m","createdAt":"2026-01-02T03:04:05Z","more":[1]},"body":{"storage":{"value":"v","representation":"storage"}}}`
	for _, test := range []struct {
		name    string
		removed []string
		gone    []string
		want    map[string]string
	}{
		{"a field", []string{"title"}, []string{"title"}, map[string]string{"id": `"1"`}},
		{"the first field is a key and stays", []string{"id"}, nil, map[string]string{"id": `"1"`}},
		{"the bookmark's field stays", []string{"modifiedAt"}, nil, map[string]string{"modifiedAt": `"2026-01-02T03:04:05.000Z"`}},
		{"inside", []string{"version.message", "version.createdAt"}, nil, map[string]string{
			"version": `{"number":2,"more":[1]}`, "modifiedAt": `"2026-01-02T03:04:05.000Z"`,
		}},
		{"deep inside", []string{"body.storage.value"}, nil, map[string]string{"body": `{"storage":{"representation":"storage"}}`}},
		{"the source of another", []string{"version"}, []string{"version"}, map[string]string{"modifiedAt": `"2026-01-02T03:04:05.000Z"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text, warnings, err := build(t, without(t, "pages", test.removed...), row, record.Source{})
			if err != nil || len(warnings) > 0 {
				t.Fatalf("error %v, warnings %q", err, warnings)
			}
			var fields map[string]json.RawMessage
			if err := json.Unmarshal([]byte(text), &fields); err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			for _, name := range test.gone {
				if v, ok := fields[name]; ok {
					t.Errorf("%s is there: %s", name, v)
				}
			}
			for name, want := range test.want {
				if got := string(fields[name]); got != want {
					t.Errorf("%s is %s, want %s", name, got, want)
				}
			}
		})
	}
	// A version's parent is pruned, too, whether the row holds it or not.
	for _, row := range []string{`{"number":1}`, `{"number":1,"page":{"id":"9","title":"t"}}`} {
		for removed, want := range map[string]string{"page.title": `{"id":"9"}`, "page.id": `{"title":"t"}`} {
			text, _, err := build(t, without(t, "page_versions", removed), row, record.Source{ParentID: "9", ParentTitle: "t"})
			if err != nil || !strings.Contains(text, `"page":`+want) {
				t.Errorf("%s without %s: %s, error %v", row, removed, text, err)
			}
		}
	}
	// What is no object has nothing inside.
	for _, version := range []string{"null", "7", `"x"`, "[]"} {
		text, _, err := build(t, without(t, "pages", "version.message"), `{"id":"1","version":`+version+`}`, record.Source{})
		if err != nil || !strings.Contains(text, `"version":null`) {
			t.Errorf("a version of %s: %s, error %v", version, text, err)
		}
	}
}

// TestUnknownFields drops what no schema knows, with a warning, but says nothing of fields
// that a derived row has besides.
func TestUnknownFields(t *testing.T) {
	t.Parallel()
	text, warnings, err := build(t, whole(t, "groups"), `{"id":"g","colour":"red","name":"n"}`, record.Source{})
	if err != nil || strings.Contains(text, "colour") || len(warnings) != 1 || !strings.HasSuffix(warnings[0], "field colour") {
		t.Errorf("%s, warnings %q, error %v", text, warnings, err)
	}
	_, warnings, _ = build(t, without(t, "groups", "name"), `{"id":"g","name":"n"}`, record.Source{})
	if len(warnings) > 0 {
		t.Errorf("warnings of a field that is known and not selected: %q", warnings)
	}
	text, warnings, _ = build(t, whole(t, "group_members"), `{"accountId":"a","_expandable":{"operations":""}}`, record.Source{ParentID: "g"})
	if len(warnings) > 0 || strings.Contains(text, "_expandable") {
		t.Errorf("%s, warnings of what else could be asked for: %q", text, warnings)
	}
	_, warnings, _ = build(t, whole(t, "child_pages"), `{"id":"5","parentId":"9","ownerId":"u"}`, record.Source{Derived: true})
	if len(warnings) > 0 {
		t.Errorf("warnings of the parent's own fields: %q", warnings)
	}
}

// TestBadDate warns of a date that is none.
func TestBadDate(t *testing.T) {
	t.Parallel()
	_, warnings, err := build(t, whole(t, "spaces"), `{"id":"1","createdAt":"soon"}`, record.Source{})
	if err != nil || len(warnings) != 1 || !strings.HasSuffix(warnings[0], "field createdAt") {
		t.Errorf("warnings %q, error %v", warnings, err)
	}
}

// TestAppend appends behind what is there already.
func TestAppend(t *testing.T) {
	t.Parallel()
	b, err := record.New(whole(t, "space_labels"), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := b.Append([]byte("before "), parse(t, `{"id":"7","name":"x","prefix":"team"}`), record.Source{ParentID: "9"})
	if want := `before {"spaceId":"9","id":"7","name":"x","prefix":"team"}`; err != nil || string(out) != want {
		t.Errorf("%s, want %s; error %v", out, want, err)
	}
}

// TestValidate refuses a record that does not keep to its schema, if it is asked to.
func TestValidate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ row, says string }{
		{`{"id":"g","name":"x"}`, ""},
		{`{"id":"g","name":null}`, ""},
		{`{"id":"` + strings.Repeat("g", 256) + `"}`, "id"},
	} {
		b, err := record.New(whole(t, "groups"), true, func(string, ...any) {})
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Append(nil, parse(t, test.row), record.Source{})
		if (err != nil) != (test.says != "") || err != nil && !(strings.Contains(err.Error(), "groups") && strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s: error %v, want one about %q", test.row, err, test.says)
		}
	}
}

// BenchmarkAppend makes the record of a page with a body of 4 kB.
func BenchmarkAppend(b *testing.B) {
	sel := whole(b, "pages")
	builder, err := record.New(sel, false, func(string, ...any) {})
	if err != nil {
		b.Fatal(err)
	}
	row := parse(b, `{"id":"98304","status":"current","title":"release notes","spaceId":"65","parentId":"98301","parentType":"page","position":12,`+
		`"authorId":"u1","ownerId":"u1","createdAt":"2026-01-02T03:04:05.678Z","version":{"number":7,"message":"","minorEdit":false,"authorId":"u1","createdAt":"2026-01-03T03:04:05.678Z"},`+
		`"body":{"storage":{"representation":"storage","value":"`+strings.Repeat("<p>harbour lantern<\\/p>", 180)+`"}},"_links":{"webui":"/spaces/A/pages/98304"}}`)
	buf := make([]byte, 0, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		if buf, err = builder.Append(buf[:0], row, record.Source{}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}
