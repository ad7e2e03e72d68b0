package catalog

import (
	"bytes"
	"strings"
	"testing"
)

// TestMarkdownCatalogs discovers streams whose bodies are Markdown, and selects them all by what
// was discovered.
func TestMarkdownCatalogs(t *testing.T) {
	singer, err := Singer(Markdown(true))
	if err != nil {
		t.Fatal(err)
	}
	selections, warnings, err := ParseSinger(singer, Markdown(true))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	airbyte, err := Airbyte(Markdown(true))
	if err != nil {
		t.Fatal(err)
	}
	plain, _, err := Pick(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	bodies, want := 0, 0
	for i, s := range selections {
		if bytes.Contains(plain[i].Schema, []byte("atlas_doc_format")) {
			want++
		}
		if !s.Markdown || s.Removed != nil {
			t.Errorf("%s: Markdown is %v, without %v", s.Stream.Name, s.Markdown, s.Removed)
		}
		if bytes.Contains(s.Schema, []byte("atlas_doc_format")) {
			t.Errorf("%s declares another format", s.Stream.Name)
		}
		if bytes.Contains(s.Schema, []byte(`"markdown":{"type":["null","object"]`)) {
			bodies++
		}
	}
	if inAirbyte := bytes.Count(airbyte, []byte(`"markdown":{"type":["null","object"]`)); bodies != want || inAirbyte != want || want == 0 {
		t.Errorf("%d streams have Markdown, %d in Airbyte; %d have bodies", bodies, inAirbyte, want)
	}
	for _, path := range []string{"body/properties/markdown", "body/properties/storage"} {
		if !strings.Contains(compact(t, singer), `"breadcrumb":["properties","`+strings.ReplaceAll(path, "/", `","`)+`"]`) {
			t.Errorf("%s can't be selected", path)
		}
	}
}

// TestMarkdownWithAnOlderCatalog reads a catalog that was discovered before the setting was made:
// what it doesn't declare is left out, and said.
func TestMarkdownWithAnOlderCatalog(t *testing.T) {
	older, err := Singer()
	if err != nil {
		t.Fatal(err)
	}
	selections, warnings, err := ParseSinger(older, Markdown(true))
	if err != nil || len(warnings) == 0 {
		t.Fatal(err, warnings)
	}
	for _, s := range selections {
		if s.Stream.Name == "pages" && !s.Removed.Inside("body").Whole("markdown") {
			t.Error("pages have Markdown that the catalog doesn't declare")
		}
	}
}
