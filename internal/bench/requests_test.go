package main

import (
	"strings"
	"testing"
)

// TestCountRequests counts the syncs of a small site: fewer than one request per parent and
// stream, and next to none when nothing has changed.
func TestCountRequests(t *testing.T) {
	const pages = 300 // so that audits, which do not grow with the site, weigh little
	children := []string{"page_labels", "page_content_properties", "page_versions"}
	var said []string
	counts, err := countRequests(t.Context(), scaledSite(1, pages), []kind{
		{name: "full", streams: children},
		{name: "plain", streams: children, state: noShortcuts},
		{name: "first", streams: []string{"pages"}, incremental: true},
		{name: "again", streams: []string{"pages"}, incremental: true, state: same},
		{name: "edited", streams: []string{"page_versions"}, incremental: true, state: noShortcuts, before: edited(pages)},
	}, func(name string) { said = append(said, name) })
	if err != nil {
		t.Fatal(err)
	}
	var sums []int
	for _, routes := range counts {
		sum := 0
		for _, n := range routes {
			sum += n
		}
		sums = append(sums, sum)
	}
	if sums[0]*2 > sums[1] || sums[3] > 5 || len(said) != 5 {
		t.Errorf("%v took %v requests", said, sums)
	}
	if table := routeTable([]kind{{name: "again"}}, counts[3:4]); !strings.Contains(table, "| `/wiki/api/v2/pages` | 2 |") {
		t.Errorf("the table is\n%s", table)
	}
}

// TestTold tells minutes below an hour, and what was not counted as such.
func TestTold(t *testing.T) {
	for want, got := range map[string]string{
		"2.19 h (39,475)": told(39_475, true, 5), "0.1 min (34)": told(34, true, 5), "≈ 219 h (3,947,500)": told(3_947_500, false, 5),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
