package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// spread is the median of some figures, with the smallest and the greatest.
type spread struct{ Median, Min, Max float64 }

// spreadOf sums up at least one figure.
func spreadOf(figures []float64) spread {
	f := slices.Sorted(slices.Values(figures))
	m := f[len(f)/2]
	if len(f)%2 == 0 {
		m = (f[len(f)/2-1] + m) / 2
	}
	return spread{m, f[0], f[len(f)-1]}
}

// String prints the median, and how far the figures lie apart.
func (s spread) String() string {
	return figure(s.Median) + " (" + figure(s.Min) + "–" + figure(s.Max) + ")"
}

// figure prints a number with three digits that matter.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// count prints a whole number with its thousands set apart.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// megabytes prints a size in MB of a million bytes.
func megabytes(n int64) string { return figure(float64(n) / 1e6) }

// table prints a Markdown table whose first column holds names.
func table(head []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(head)
	b.WriteString("|---|" + strings.Repeat("---:|", len(head)-1) + "\n")
	for _, r := range rows {
		line(r)
	}
	return b.String()
}
