package nearest

import "testing"

func TestName(t *testing.T) {
	names := []string{"pages", "page_labels", "spaces", "api_token", "x"}
	for name, want := range map[string]string{
		"pages":        "pages",
		"page":         "pages",
		"Pagse":        "pages",
		"page_label":   "page_labels",
		"apitoken":     "api_token",
		"api-token":    "api_token",
		"spcaes":       "spaces",
		"aplikation":   "",
		"abc":          "",
		"":             "",
		"y":            "",
		"pagesandmore": "",
	} {
		if got := Name(name, names); got != want {
			t.Errorf("Name(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestNamePrefersTheNearest(t *testing.T) {
	if got := Name("blog_post", []string{"blog_posts_x", "blog_posts"}); got != "blog_posts" {
		t.Errorf("got %q", got)
	}
	if got := Name("pagex", []string{"pagea", "pageb"}); got != "pagea" {
		t.Errorf("of equally near names the first is meant, got %q", got)
	}
}
