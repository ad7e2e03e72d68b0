package engine

import (
	"io"
	"log/slog"
	"slices"
	"testing"
)

// TestSkippedInOrder sorts reasons by their count, and those of one count by their words.
func TestSkippedInOrder(t *testing.T) {
	t.Parallel()
	r := newReport(slog.New(slog.NewTextHandler(io.Discard, nil)))
	for _, reason := range []string{"d", "c", "often", "b", "a", "often"} {
		r.skip(reason)
	}
	want := []Skip{{"often", 2}, {"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}}
	for range 20 { // a map's order differs from one call to the next
		if got := r.figures().Skipped; !slices.Equal(got, want) {
			t.Fatalf("skipped %v, want %v", got, want)
		}
	}
}
