package tap

import (
	"slices"
	"testing"
	"unicode/utf8"
)

// TestInColumns sets streams in as many columns as a terminal takes: no line is wider, none is
// missing, and they read from top to bottom.
func TestInColumns(t *testing.T) {
	cells := [][2]string{{"spaces", "1"}, {"pages", "10,000"}, {"page_labels", "12 FAILED"}, {"groups", "0"}, {"tasks", "7"}}
	for width, want := range map[int][]string{
		10: {
			"spaces              1",
			"pages          10,000",
			"page_labels 12 FAILED",
			"groups              0",
			"tasks               7",
		},
		60: {
			"spaces              1   groups              0",
			"pages          10,000   tasks               7",
			"page_labels 12 FAILED",
		},
		69: {
			"spaces              1   page_labels 12 FAILED   tasks               7",
			"pages          10,000   groups              0",
		},
	} {
		if got := inColumns(cells, width); !slices.Equal(got, want) {
			t.Errorf("at %d: %q, want %q", width, got, want)
		}
	}
	for width := 60; width <= 250; width++ {
		for _, line := range inColumns(cells, width) {
			if utf8.RuneCountInString(line) > width {
				t.Errorf("at %d: %q", width, line)
			}
		}
	}
	if got := inColumns(nil, 80); len(got) > 0 {
		t.Errorf("of nothing: %q", got)
	}
}
