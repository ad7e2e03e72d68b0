package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

func TestPick(t *testing.T) {
	all := strings.Join(stream.Names(), " ")
	for name, test := range map[string]struct {
		patterns    string
		incremental bool
		want        string
		unfit       int
	}{
		"names":            {"pages,spaces", false, "spaces pages", 0},
		"a star":           {"blog_post_*", false, "blog_post_labels blog_post_content_properties blog_post_versions blog_post_footer_comments blog_post_inline_comments", 0},
		"all":              {"*", false, all, 0},
		"twice":            {"pages,page*,!page_*", false, "pages", 0},
		"without":          {"!*_*,!tasks,!labels", false, "spaces pages attachments groups", 0},
		"order is no part": {"!page_*,page*", false, "pages", 0},
		"incremental":      {"pages,spaces", true, "spaces pages:inc", 1},
		"an extra":         {"labels", false, "labels", 0},
	} {
		got, unfit, err := Pick(strings.Split(test.patterns, ","), test.incremental, Extra(stream.Find("labels")))
		if test.want == all {
			test.want += " labels"
		}
		if err != nil || !sameWords(chosen(got), test.want) || len(unfit) != test.unfit {
			t.Errorf("%s: %q, unfit %q, error %v; want %q", name, chosen(got), unfit, err, test.want)
		}
	}
}

// sameWords compares texts word by word, in any order.
func sameWords(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// TestPickWithoutPatterns picks everything in full, or only what can be read incrementally.
func TestPickWithoutPatterns(t *testing.T) {
	full, unfit, err := Pick(nil, false)
	if err != nil || chosen(full) != strings.Join(stream.Names(), " ") || unfit != nil {
		t.Errorf("in full: %q, unfit %q, error %v", chosen(full), unfit, err)
	}
	some, unfit, err := Pick(nil, true)
	if err != nil || len(some)+len(unfit) != len(full) || len(some) == 0 || len(unfit) == 0 {
		t.Fatalf("incrementally: %q, unfit %q, error %v", chosen(some), unfit, err)
	}
	for _, s := range some {
		if !s.Incremental || s.Stream.ReplicationKey == "" {
			t.Errorf("%s is picked, incremental %v, by %q", s.Stream.Name, s.Incremental, s.Stream.ReplicationKey)
		}
	}
}

func TestPickNothing(t *testing.T) {
	for patterns, want := range map[string]string{
		"pagse":         `no stream is called "pagse", do you mean "pages"?`,
		"pages,Blogs":   `no stream is called "Blogs"; there are spaces, `,
		"pges_*":        `no stream is called "pges_*", do you mean "page_*"?`,
		"*_label":       `no stream is called "*_label", do you mean "*_labels"?`,
		"attachement_*": `do you mean "attachment_*"?`,
		"!pagse":        `no stream is called "pagse", do you mean "pages"?`,
		"[":             `"[" is no pattern`,
		"":              `no stream is called ""`,
		"pages,!page*":  `"pages,!page*" picks no stream`,
		"users":         `the setting extra_streams does not name users`,
		"a_1,b_2":       "no stream is called \"a_1\"; there are",
	} {
		got, _, err := Pick(strings.Split(patterns, ","), false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, error %v, want %q", patterns, chosen(got), err, want)
		}
	}
}
