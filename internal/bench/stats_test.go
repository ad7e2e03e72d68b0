package main

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSpread takes the middle, or the mean of the two in the middle.
func TestSpread(t *testing.T) {
	for _, test := range []struct {
		figures []float64
		want    string
	}{
		{[]float64{3}, "3.00 (3.00–3.00)"},
		{[]float64{30, 1, 200}, "30.0 (1.00–200)"},
		{[]float64{4, 1, 3, 2}, "2.50 (1.00–4.00)"},
	} {
		if got := spreadOf(test.figures).String(); got != test.want {
			t.Errorf("%v: %s, want %s", test.figures, got, test.want)
		}
	}
}

// TestRatio compares round by round, so that a slow moment of the machine counts on both sides.
func TestRatio(t *testing.T) {
	a := []sample{{CPU: 2 * time.Second}, {CPU: 40 * time.Second}, {CPU: 2 * time.Second}}
	b := []sample{{CPU: time.Second}, {CPU: 10 * time.Second}, {CPU: time.Second}}
	if got := ratio(a, b); got != (spread{2, 2, 4}) {
		t.Errorf("got %v", got)
	}
}

// TestCount sets thousands apart.
func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// TestGoals says what is met at the very edge, and shows the rest as missed.
func TestGoals(t *testing.T) {
	var r report
	r.atMost("at its edge", 6, 6)
	r.atMost("above", 6.1, 6)
	r.atLeast("enough", 30, 30)
	r.atLeast("too few", 29, 30)
	r.end()
	text := r.String()
	for _, want := range []string{
		"| at its edge | ≤ 6.00 | 6.00 | met |", "| above | ≤ 6.00 | 6.10 | **missed** |",
		"| enough | ≥ 30.0 | 30.0 | met |", "| too few | ≥ 30.0 | 29.0 | **missed** |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}

// TestWriteInto replaces what stands between markers and nothing else, and refuses a
// document that has no place for a section.
func TestWriteInto(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc.md")
	const doc = "before\n<!-- measured: a -->\nold\n<!-- end: a -->\nafter\n"
	if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	r := report{Sections: []section{{"a", "new\n"}}}
	if err := r.writeInto(file); err != nil {
		t.Fatal(err)
	}
	r.section("b", "nowhere\n")
	if err := r.writeInto(file); err == nil || !strings.Contains(err.Error(), "no place for b") {
		t.Errorf("a section without a place gives %v", err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(doc, "old", "new", 1); string(got) != want {
		t.Errorf("got\n%s", got)
	}
}

// TestPlaces holds the document against what is measured.
func TestPlaces(t *testing.T) {
	if err := hasPlaces("../../docs/performance.md"); err != nil {
		t.Error(err)
	}
	if err := hasPlaces("../../README.md"); err == nil {
		t.Error("a document without any place is taken")
	}
}

// TestPicture draws every line inside of its chart.
func TestPicture(t *testing.T) {
	svg := picture([]chart{
		{title: "a", log: true, lines: []line{{"rows", [][2]float64{{10_000, 7}, {1_000_000, 9.5}}}}},
		{title: "b", lines: []line{{"rows", [][2]float64{{0, 0}, {330, 2600}}}}},
	})
	if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`points="52.0,`, `>10k<`, `>1M<`, `>300<`, `>4000<`} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in\n%s", want, svg)
		}
	}
}
