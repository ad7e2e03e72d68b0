package record_test

import (
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/record"
)

// TestOtherTypes writes values of another type than declared as they are declared where that
// loses nothing, and else as null, with a warning that names the field.
func TestOtherTypes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ stream, row, want, warns string }{
		{"pages", `{"id":1,"position":"7"}`, `"id":"1"`, ""},
		{"pages", `{"id":"1","position":"7"}`, `"position":7,`, ""},
		{"pages", `{"id":"1","position":"-12"}`, `"position":-12,`, ""},
		{"pages", `{"id":"1","position":12345678901234567890}`, `"position":12345678901234567890,`, ""},
		{"pages", `{"id":"1","position":7.0}`, `"position":7.0,`, ""},
		{"pages", `{"id":"1","position":7.5}`, `"position":null,`, "position"},
		{"pages", `{"id":"1","position":"07"}`, `"position":null,`, "position"},
		{"pages", `{"id":"1","position":" 7"}`, `"position":null,`, "position"},
		{"pages", `{"id":"1","position":"1,\"x\":2"}`, `"position":null,`, "position"},
		{"pages", `{"id":"1","position":"7.5"}`, `"position":null,`, "position"},
		{"pages", `{"id":"1","position":""}`, `"position":null,`, "position"},
		{"pages", `{"id":"1","position":true}`, `"position":null,`, "position"},
		{"pages", `{"id":"1","title":123}`, `"title":"123",`, ""},
		{"pages", `{"id":"1","title":1.50}`, `"title":"1.50",`, ""},
		{"pages", `{"id":"1","title":true}`, `"title":"true",`, ""},
		{"pages", `{"id":"1","title":{"a":1}}`, `"title":null,`, "title"},
		{"pages", `{"id":"1","title":["a"]}`, `"title":null,`, "title"},
		{"pages", `{"id":"1","version":{"number":"7","minorEdit":"false","message":5,"more":[{"x":"]"}]}}`,
			`"version":{"number":7,"minorEdit":false,"message":"5","more":[{"x":"]"}]}`, ""},
		{"pages", `{"id":"1","version":{"message":"\\\"}","number":[]}}`, `"version":{"message":"\\\"}","number":null}`, "version"},
		{"pages", `{"id":"1","version":{"contributorIds":["a",7,null]}}`, `"contributorIds":["a","7",null]`, ""},
		{"pages", `{"id":"1","version":{}}`, `"version":{},`, ""},
		{"pages", `{"id":"1","version":"none"}`, `"version":null,`, "version"},
		{"attachments", `{"id":"1","fileSize":"123"}`, `"fileSize":123,`, ""},
		{"page_versions", `{"number":"3","page":{"id":9,"title":8}}`, `"number":3,`, ""},
		{"page_versions", `{"number":3,"page":{"id":9,"title":8}}`, `"page":{"id":"9","title":"8"}`, ""},
	} {
		b, err := record.New(whole(t, test.stream), true, func(string, ...any) {})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Append(nil, parse(t, test.row), record.Source{ParentID: "9"}); err != nil {
			t.Errorf("%s: %v", test.row, err)
		}
		text, warnings, err := build(t, whole(t, test.stream), test.row, record.Source{ParentID: "9"})
		if err != nil || !strings.Contains(text, test.want) {
			t.Errorf("%s became %s, want %s; error %v", test.row, text, test.want, err)
		}
		if said := strings.Join(warnings, " "); (said != "") != (test.warns != "") || !strings.HasSuffix(said, test.warns) {
			t.Errorf("%s: warnings %q, want one of %q", test.row, warnings, test.warns)
		}
	}
	if _, _, err := build(t, whole(t, "pages"), `{"id":{"a":1}}`, record.Source{}); err == nil {
		t.Error("a key that is an object makes a record")
	}
}

// TestNullParent fills a parent's id that a row has as null.
func TestNullParent(t *testing.T) {
	t.Parallel()
	for _, row := range []string{`{"id":"7"}`, `{"id":"7","pageId":null}`} {
		text, _, err := build(t, whole(t, "page_footer_comments"), row, record.Source{ParentID: "9"})
		if err != nil || !strings.Contains(text, `"pageId":"9"`) {
			t.Errorf("%s became %s, error %v", row, text, err)
		}
	}
}
