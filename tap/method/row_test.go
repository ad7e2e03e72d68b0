package method_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// object parses a row.
func object(t *testing.T, text string) rawjson.Object {
	t.Helper()
	row, err := rawjson.ParseObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// TestFromRow shows which record each method makes of a listing's row, and whether the row holds
// all that the stream has of it.
func TestFromRow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind       method.Kind
		name, row  string
		want       string // the record's row, empty for none
		from       string // what stands beside it
		has, whole bool
	}{
		{method.OwnRow, "pages", `{"id":"1"}`, `{"id":"1"}`, "", true, true},
		{method.OwnRow, "page_footer_comments", `{"id":"1","pageId":"7"}`, `{"id":"1","pageId":"7"}`, "", true, true},
		{method.OwnRow, "page_footer_comments", `{"id":"1","blogPostId":"7"}`, "", "", false, true},
		{method.OwnRow, "page_footer_comments", `{"id":"1","pageId":null}`, "", "", false, true},

		{method.Derived, "child_pages", `{"id":"1","parentId":"7","parentType":"page","status":"current"}`, `{"id":"1"`, "derived", true, false},
		{method.Derived, "child_pages", `{"id":"1","parentId":"7"}`, `{"id":"1"`, "derived", true, false},
		{method.Derived, "child_pages", `{"id":"1","parentId":"7","parentType":null,"status":"archived"}`, `{"id":"1"`, "derived", true, false},
		{method.Derived, "child_pages", `{"id":"1","parentId":"7","parentType":"folder"}`, "", "", false, false},
		{method.Derived, "child_pages", `{"id":"1","parentId":null,"parentType":"page"}`, "", "", false, false},
		{method.Derived, "child_pages", `{"id":"1"}`, "", "", false, false},
		{method.Derived, "child_pages", `{"id":"1","parentId":"7","status":"trashed"}`, "", "", false, false},

		{method.FirstVersion, "page_versions", `{"id":"1","title":"T","version":{"number":1,"a":2}}`, `{"number":1,"a":2}`, "of 1 T derived", true, true},
		{method.FirstVersion, "page_versions", `{"id":"1","version":{"number":2}}`, "", "", false, false},
		{method.FirstVersion, "page_versions", `{"id":"1","version":{"number":10}}`, "", "", false, false},
		{method.FirstVersion, "page_versions", `{"id":"1","version":{"number":"1"}}`, "", "", false, false},
		{method.FirstVersion, "page_versions", `{"id":"1","version":{"number":1.0}}`, "", "", false, false},
		{method.FirstVersion, "page_versions", `{"id":"1","version":{}}`, "", "", false, false},
		{method.FirstVersion, "page_versions", `{"id":"1","version":null}`, "", "", false, false},
		{method.FirstVersion, "page_versions", `{"id":"1"}`, "", "", false, false},
	} {
		r := &method.Reader{Stream: stream.Find(test.name), ChildStatuses: []string{stream.Current, stream.Archived}}
		it, has, whole := method.Of(test.kind).FromRow(r, object(t, test.row))
		if has != test.has || whole != test.whole {
			t.Errorf("%s, %s: has %v, whole %v", test.name, test.row, has, whole)
		}
		if has && (!strings.HasPrefix(string(it.Row.Raw()), test.want) || about(it) != test.from) {
			t.Errorf("%s, %s: made of %s %q, want %s %q", test.name, test.row, it.Row.Raw(), about(it), test.want, test.from)
		}
	}
	for _, k := range []method.Kind{method.ByLabel, method.Combined, method.PerParent} {
		if method.Of(k).FromRow != nil {
			t.Errorf("%s makes records of rows", k)
		}
	}
}

// about tells what an item's record holds beside its row.
func about(it method.Item) string {
	var words []string
	if it.From.ParentID != "" {
		words = append(words, "of", it.From.ParentID)
	}
	if it.From.ParentTitle != "" {
		words = append(words, it.From.ParentTitle)
	}
	if it.From.Derived {
		words = append(words, "derived")
	}
	return strings.Join(words, " ")
}

// TestBlock reads blocks of combined reads. Only one that says so holds all rows.
func TestBlock(t *testing.T) {
	t.Parallel()
	rows := func(n int) string { return strings.TrimSuffix(strings.Repeat(`{"id":"1"},`, n), ",") }
	block := func(n int, meta string) string { return fmt.Sprintf(`{"results":[%s]%s}`, rows(n), meta) }
	const whole, cut = `,"meta":{"hasMore":false,"cursor":""}`, `,"meta":{"hasMore":true,"cursor":"x"}`
	for _, test := range []struct {
		name, block string
		rows        int
		complete    bool
	}{
		{"no rows", block(0, whole), 0, true},
		{"a few", block(2, whole), 2, true},
		{"the site says that there are more", block(2, cut), 0, false},
		{"it does not say", block(2, ""), 0, false},
		{"it does not say in meta", block(2, `,"meta":{}`), 0, false},
		{"it says nonsense", block(2, `,"meta":{"hasMore":"false"}`), 0, false},
		{"as many as a list without a limit", block(25, whole), 25, false},
		{"one more", block(26, whole), 26, true},
		{"as many as a block can hold", block(50, whole), 50, false},
		{"more than a block can hold", block(51, whole), 51, true},
		{"no results", `{"meta":{"hasMore":false}}`, 0, false},
		{"null for results", `{"results":null,"meta":{"hasMore":false}}`, 0, false},
		{"a row that is none", `{"results":[7],"meta":{"hasMore":false}}`, 0, false},
		{"null", `null`, 0, false},
		{"a list", `[]`, 0, false},
	} {
		got, complete := method.Block(object(t, `{"labels":`+test.block+`,"other":1}`), "labels")
		if complete != test.complete || len(got) != test.rows {
			t.Errorf("%s: %d rows, complete %v; want %d, %v", test.name, len(got), complete, test.rows, test.complete)
		}
	}
	if _, complete := method.Block(object(t, `{"other":1}`), "labels"); complete {
		t.Error("a block that is not there is complete")
	}
}

// TestParentOf copies what children need of a row.
func TestParentOf(t *testing.T) {
	t.Parallel()
	text := []byte(`{"id":"17","status":"archived","title":"T","version":{"number":3}}`)
	row, err := rawjson.ParseObject(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := method.ParentOf(stream.Pages, row)
	if err != nil {
		t.Fatal(err)
	}
	clear(text) // the answer is gone
	if p.ID != "17" || p.Status != "archived" || p.Title != "T" || p.Version != 3 || p.Listing != stream.Pages || p.Row != nil {
		t.Errorf("%+v", p)
	}
	if p, err := method.ParentOf(stream.Labels, object(t, `{"id":"5","name":"n"}`)); err != nil || string(p.Row) != `{"id":"5","name":"n"}` {
		t.Errorf("a label: %+v, %v", p, err)
	}
	for _, text := range []string{`{}`, `{"id":null}`, `{"id":""}`} {
		if p, err := method.ParentOf(stream.Pages, object(t, text)); err == nil {
			t.Errorf("%s: %+v", text, p)
		}
	}
}

// TestVersionNumber reads the number of a row's version; 0 stands for one that nobody can tell.
func TestVersionNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`{"number":1}`: 1, `{"number":120}`: 120, `{"number":0}`: 0, `{"number":-1}`: 0, `{"number":1.5}`: 0, `{"number":1e3}`: 0,
		`{"number":"1"}`: 0, `{"number":null}`: 0, `{}`: 0, `null`: 0, `7`: 0, `{"number":99999999999999999999}`: 0,
	} {
		if got := method.VersionNumber(object(t, `{"version":`+text+`}`)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
