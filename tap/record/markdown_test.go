package record_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/record"
)

// inMarkdown selects a stream for bodies as Markdown, without some fields.
func inMarkdown(t testing.TB, name string, fields ...string) catalog.Selection {
	t.Helper()
	return selected(t, name, fields, catalog.Markdown(true))
}

// storageRow is a row with a body in storage format.
func storageRow(body string) string {
	value, _ := json.Marshal(body) // a string always can be
	return fmt.Sprintf(`{"id":"1","body":{"storage":{"representation":"storage","value":%s}}}`, value)
}

// bodyOf returns the body of a record.
func bodyOf(t testing.TB, text string) string {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatalf("the record is no JSON: %v in %s", err, text)
	}
	return string(fields["body"])
}

// TestMarkdownBodies makes records of every stream that has bodies.
func TestMarkdownBodies(t *testing.T) {
	t.Parallel()
	const want = `{"markdown":{"representation":"markdown","value":"# A \"b\"\n\nc **d**\u2028"}}`
	for _, stream := range []string{
		"pages", "blog_posts", "tasks", "custom_content",
		"page_footer_comments", "page_inline_comments", "blog_post_footer_comments", "blog_post_inline_comments",
	} {
		text, warnings, err := build(t, inMarkdown(t, stream), storageRow("<h1>A \"b\"</h1><p>c <strong>d</strong>\u2028e</p>"), record.Source{})
		if got := bodyOf(t, text); err != nil || got != strings.Replace(want, `\u2028`, `\u2028e`, 1) || len(warnings) > 0 {
			t.Errorf("%s: body is %s, %v, %q", stream, got, err, warnings)
		}
	}
}

// TestMarkdownAsSelected leaves out parts of bodies, and converts rows without one.
func TestMarkdownAsSelected(t *testing.T) {
	t.Parallel()
	body, deep := storageRow("<p>x</p>"), storageRow(strings.Repeat("<b>", 2000))
	stays := bodyOf(t, deep)
	for _, test := range []struct {
		name, row, want string
		removed         []string
	}{
		{"whole", body, `{"markdown":{"representation":"markdown","value":"x"}}`, nil},
		{"empty", storageRow(""), `{"markdown":{"representation":"markdown","value":""}}`, nil},
		{"without its name", body, `{"markdown":{"value":"x"}}`, []string{"body.markdown.representation"}},
		{"without its text", body, `{"markdown":{"representation":"markdown"}}`, []string{"body.markdown.value"}},
		{"without Markdown", body, `{}`, []string{"body.markdown"}},
		{"without body", body, ``, []string{"body"}},
		{"not convertible", deep, stays, nil},
		{"not convertible, without storage", deep, `{}`, []string{"body.storage"}},
		{"not convertible, without the text", deep, `{"storage":{"representation":"storage"}}`, []string{"body.storage.value"}},
		{"no body", `{"id":"1"}`, `null`, nil},
		{"null", `{"id":"1","body":null}`, `null`, nil},
		{"no format", `{"id":"1","body":{}}`, `{}`, nil},
		{"no text", `{"id":"1","body":{"storage":{"value":null}}}`, `{"storage":{"value":null}}`, nil},
	} {
		text, _, err := build(t, inMarkdown(t, "pages", test.removed...), test.row, record.Source{})
		if got := bodyOf(t, text); err != nil || got != test.want {
			t.Errorf("%s: body is %s, %v; want %s", test.name, got, err, test.want)
		}
	}
}

// TestUnconverted counts bodies that stay in storage format, and warns once.
func TestUnconverted(t *testing.T) {
	t.Parallel()
	var warnings []string
	b, err := record.New(inMarkdown(t, "pages"), false, func(msg string, args ...any) {
		warnings = append(warnings, msg+" "+fmt.Sprint(args...))
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"<p>x</p>", strings.Repeat("<b>", 2000), strings.Repeat("x", 4<<20), "y"} {
		if _, err := b.Append(nil, parse(t, storageRow(body)), record.Source{}); err != nil {
			t.Fatal(err)
		}
	}
	if b.Unconverted() != 2 || len(warnings) != 1 {
		t.Errorf("%d bodies stay as they are, with the warnings %q", b.Unconverted(), warnings)
	}
}

// TestNothingToConvert shows that bodies, or their Markdown, that nobody wants aren't looked at.
func TestNothingToConvert(t *testing.T) {
	t.Parallel()
	for _, removed := range []string{"body", "body.markdown"} {
		b, err := record.New(inMarkdown(t, "pages", removed), false, t.Errorf)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Append(nil, parse(t, storageRow(strings.Repeat("<b>", 2000))), record.Source{}); err != nil {
			t.Fatal(err)
		}
		if b.Unconverted() != 0 {
			t.Errorf("without %s a body was converted", removed)
		}
	}
}

// TestMarkdownIsAsDeclared validates records against their schemas, and shows that no other
// stream's schema changes.
func TestMarkdownIsAsDeclared(t *testing.T) {
	t.Parallel()
	plain, _, err := catalog.Pick(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	selections, _, err := catalog.Pick(nil, false, catalog.Markdown(true))
	if err != nil {
		t.Fatal(err)
	}
	for i, sel := range selections {
		var schema struct {
			Properties map[string]struct{ Properties map[string]any }
		}
		if err := json.Unmarshal(sel.Schema, &schema); err != nil {
			t.Fatal(err)
		}
		body, has := schema.Properties["body"]
		if !has {
			if string(sel.Schema) != string(plain[i].Schema) {
				t.Errorf("%s has no body, and another schema", sel.Stream.Name)
			}
			continue
		}
		if len(body.Properties) != 2 || body.Properties["markdown"] == nil || body.Properties["storage"] == nil {
			t.Errorf("%s declares the bodies %v", sel.Stream.Name, body.Properties)
		}
		b, err := record.New(sel, true, t.Errorf)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Append(nil, parse(t, storageRow("<p>x</p>")), record.Source{ParentID: "2"}); err != nil {
			t.Error(err)
		}
	}
}

// TestOtherFormatsStay makes records without the setting: bodies are passed on as they came.
func TestOtherFormatsStay(t *testing.T) {
	t.Parallel()
	row := storageRow("<p>x</p>")
	text, _, err := build(t, whole(t, "pages"), row, record.Source{})
	if got := bodyOf(t, text); err != nil || got != bodyOf(t, row) {
		t.Errorf("body is %s, %v", got, err)
	}
	sel := whole(t, "pages")
	if sel.Markdown || slices.Contains(strings.Split(string(sel.Schema), `"`), "markdown") {
		t.Error("the schema has Markdown without the setting")
	}
}
