package tap

import (
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// console is stderr: whole lines and, on a terminal, a few below them that are redrawn.
type console struct {
	// size is that of the terminal, nil if it is none.
	size func() (width, height int)

	mu    sync.Mutex // guards all below
	w     io.Writer
	frame []string // the lines that are redrawn
}

func newConsole(w io.Writer) *console {
	c := &console{w: w}
	if fd, ok := terminal(w); ok {
		c.size = func() (int, int) {
			width, height, err := term.GetSize(fd)
			if err != nil || width <= 0 || height <= 1 {
				return 80, 24
			}
			return width, height
		}
	}
	return c
}

// terminal returns the descriptor of a terminal, and whether a writer is one.
func terminal(w any) (fd int, ok bool) {
	f, ok := w.(interface{ Fd() uintptr })
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// text writes text of our own as it is.
func (c *console) text(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write(s)
}

// line writes a line above those that are redrawn. Its text can't move the cursor or forge another
// line.
func (c *console) line(text string) { c.text(printable(text) + "\n") }

// draw replaces the lines that are redrawn; none removes them.
func (c *console) draw(frame []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.erase()
	c.frame = frame
	if out += c.drawn(); out != "" {
		_, _ = io.WriteString(c.w, out)
	}
}

// write writes whole lines above those that are redrawn. Nothing can be done about a stderr that
// is gone, and the sync need not end for it.
func (c *console) write(lines string) { _, _ = io.WriteString(c.w, c.erase()+lines+c.drawn()) }

// drawn is the text of the lines that are redrawn. The cursor stands below them.
func (c *console) drawn() string {
	if len(c.frame) == 0 {
		return ""
	}
	return strings.Join(c.frame, "\n") + "\n"
}

const (
	eraseRow = "\r\x1b[2K"
	cursorUp = "\x1b[A"
)

// erase clears the lines that are redrawn, row by row, and leaves the cursor where the first one
// began. A terminal that has become narrower shows a line in several rows. Clearing all that is
// below the cursor would be shorter, but where that is the whole screen, some terminals put it into
// their history.
func (c *console) erase() string {
	if len(c.frame) == 0 {
		return ""
	}
	width, _ := c.size()
	rows := 0
	for _, line := range c.frame {
		rows += max(1, (utf8.RuneCountInString(line)+width-1)/width)
	}
	return eraseRow + strings.Repeat(cursorUp+eraseRow, rows)
}

// printable replaces the characters that a terminal would act on: control characters and those that
// turn or hide text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return '\uFFFD'
	}, s)
}
