package markdown

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "write what the examples give into docs/markdown.md")

// example is a body in storage format and its Markdown.
var example = regexp.MustCompile("(?ms)^```xml\n(.*?)\n```\n\n~~~markdown\n(.*?)^~~~\n")

// TestForms converts the examples of docs/markdown.md, one for each form. After a change of a
// form, -update rewrites them.
func TestForms(t *testing.T) {
	const path = "../../docs/markdown.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	now := example.ReplaceAllFunc(page, func(text []byte) []byte {
		examples++
		part := example.FindSubmatch(text)
		got, err := Convert(part[1])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		if !bytes.Equal(got, part[2]) && !*update {
			t.Errorf("example %d gives\n%s\nbut the page has\n%s", examples, got, part[2])
		}
		return fmt.Appendf(nil, "```xml\n%s\n```\n\n~~~markdown\n%s~~~\n", part[1], got)
	})
	if examples < 13 {
		t.Errorf("the page has %d examples", examples)
	}
	if *update {
		if err := os.WriteFile(path, now, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
