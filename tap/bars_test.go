package tap

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/tap-confluence/tap-confluence/tap/engine"
)

// screen is a terminal: its lines, and the width at which it breaks them. The cursor stands at the
// beginning of the row below them.
type screen struct {
	width, height int
	lines         []string
}

func (s *screen) size() (width, height int) { return s.width, s.height }

// rows is how many rows a line takes.
func (s *screen) rows(line string) int {
	return max(1, (utf8.RuneCountInString(line)+s.width-1)/s.width)
}

// Write takes what a console writes: whole lines, and rows that are erased from below.
func (s *screen) Write(p []byte) (int, error) {
	text, up := string(p), 0
	for strings.HasPrefix(text, eraseRow) || strings.HasPrefix(text, cursorUp) {
		var ok bool
		if text, ok = strings.CutPrefix(text, cursorUp); ok {
			up++
		}
		text, _ = strings.CutPrefix(text, eraseRow)
	}
	for up > 0 {
		last := len(s.lines) - 1
		if last < 0 || up < s.rows(s.lines[last]) {
			s.lines = append(s.lines, fmt.Sprintf("%d rows too many are erased", up))
			return 0, nil
		}
		up -= s.rows(s.lines[last])
		s.lines = s.lines[:last]
	}
	if text == "" {
		return len(p), nil
	}
	text, whole := strings.CutSuffix(text, "\n")
	if !whole || strings.Contains(text, "\x1b") {
		s.lines = append(s.lines, fmt.Sprintf("this is written: %q", p))
		return 0, nil
	}
	s.lines = append(s.lines, strings.Split(text, "\n")...)
	return len(p), nil
}

// underway is how a sync goes after some time.
func underway(seconds int) outlook {
	o := outlook{
		elapsed: time.Duration(seconds) * time.Second, rows: 20_133, requests: int64(5 * seconds),
		walks: []engine.WalkProgress{
			{Listing: "spaces", Begun: true, Ended: true, Rows: 10, Total: 10},
			{Listing: "pages", Begun: true, Rows: 2_500, Total: 10_000, Left: 7_500},
			{Listing: "inline comments", Begun: true, Rows: 1_234_567, Total: 7_654_321},
			{Listing: "attachments", Total: 30_000, Left: 30_000},
		},
	}
	o.estimate()
	return o
}

// TestBars draws bars at every width. Each frame takes the place of the one before, lines of the
// log stand above it, and nothing is left behind.
func TestBars(t *testing.T) { synctest.Test(t, drawBars) }

func drawBars(t *testing.T) {
	for width := 30; width <= 250; width++ {
		s := &screen{width: width, height: 24}
		c := &console{w: s, size: s.size}
		b := newBars(c)
		for i := range 3 {
			b.update(underway(100 + i))
			c.line(fmt.Sprintf("line %d of the log", i))
		}
		b.update(underway(600))
		synctest.Wait()
		if len(s.lines) != 6 || s.lines[2] != "line 2 of the log" {
			b.stop()
			t.Fatalf("at %d: %q", width, s.lines)
		}
		for i, want := range []string{"pages ", "inline comments ", "in all "} {
			line := s.lines[3+i]
			if !strings.HasPrefix(line, want) || width >= frameWidth && len(line) != frameWidth {
				t.Errorf("at %d: %q, want one of %q", width, line, want)
			}
		}
		b.stop()
		if len(s.lines) != 3 {
			t.Errorf("at %d: left behind: %q", width, s.lines)
		}
	}
}

// TestBarsShow shows rows and percent of each walk at work, and what is left of the time.
func TestBarsShow(t *testing.T) { synctest.Test(t, drawBarsShow) }

func drawBarsShow(t *testing.T) {
	s := &screen{width: 80, height: 24}
	c := &console{w: s, size: s.size}
	b := newBars(c)
	defer b.stop()
	show := func(o outlook, want ...string) {
		t.Helper()
		b.update(o)
		synctest.Wait()
		if !slices.Equal(s.lines, want) {
			t.Errorf("it shows\n%s\nwant\n%s", strings.Join(s.lines, "\n"), strings.Join(want, "\n"))
		}
	}
	o := underway(2_500)
	show(o,
		"pages                    2,500 of 10,000 [==>---------]  25%",
		"inline comments      1,234,567 of 7,654,321 [>--------]  16%",
		"in all               about 2 h 10 min left [==>-------]  25%")
	o.walks[1].Ended, o.walks[3].Begun, o.walks[3].Total, o.known = true, true, 0, false
	b.update(o) // a bar goes with the frame after
	show(o,
		"inline comments      1,234,567 of 7,654,321 [>--------]  16%",
		"attachments                       0 rows [------------]     ",
		"in all                       20,133 rows [------------]     ")
}

// TestBarsResized makes the terminal narrower between frames.
func TestBarsResized(t *testing.T) { synctest.Test(t, drawBarsResized) }

func drawBarsResized(t *testing.T) {
	s := &screen{width: 200, height: 24}
	c := &console{w: s, size: s.size}
	b := newBars(c)
	c.line("before")
	for _, width := range []int{200, 130, 60, 45, 31, 90} {
		s.width = width
		b.update(underway(600))
		synctest.Wait()
		if len(s.lines) != 4 || s.lines[0] != "before" {
			t.Errorf("at %d: %q", width, s.lines)
		}
	}
	b.stop()
	if !slices.Equal(s.lines, []string{"before"}) {
		t.Errorf("left behind: %q", s.lines)
	}
}

// TestBarsOnLowTerminal draws no more lines than there is room for.
func TestBarsOnLowTerminal(t *testing.T) { synctest.Test(t, drawBarsOnLowTerminal) }

func drawBarsOnLowTerminal(t *testing.T) {
	s := &screen{width: 80, height: 3}
	c := &console{w: s, size: s.size}
	b := newBars(c)
	b.update(underway(600))
	synctest.Wait()
	if len(s.lines) != 2 || !strings.HasPrefix(s.lines[1], "in all ") {
		t.Errorf("%q", s.lines)
	}
	b.stop()
}

// TestEstimate says how much is done and what is left, once every walk is measured.
func TestEstimate(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*outlook)
		want   string
	}{
		"by requests":      {func(*outlook) {}, "25%, about 2 h 10 min left"},
		"over":             {func(o *outlook) { o.walks = o.walks[:1] }, "99%, about 1 s left"},
		"a walk unknown":   {func(o *outlook) { o.walks[3].Total = 0 }, "reading"},
		"no walks yet":     {func(o *outlook) { o.walks = nil }, "reading"},
		"nothing read":     {func(o *outlook) { o.requests = 0 }, "reading"},
		"one that is over": {func(o *outlook) { o.walks[0].Total = 0 }, "25%, about 2 h 10 min left"},
	} {
		o := underway(2_500)
		test.change(&o)
		o.estimate()
		if got := o.String(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
