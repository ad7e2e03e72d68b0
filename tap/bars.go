package tap

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/tap-confluence/tap-confluence/tap/engine"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// bars show a sync on a terminal: a bar for each walk at work, and one for the whole below them.
type bars struct {
	console *console
	all     *mpb.Progress
	refresh chan any // asks for a frame
	gone    chan any // closed when no frame is drawn any more
	walks   map[int]*bar
	whole   *bar
}

// bar is one bar. Only update changes the text beside it.
type bar struct {
	*mpb.Bar
	before, after atomic.Pointer[string]
}

func newBars(c *console) *bars {
	b := &bars{console: c, refresh: make(chan any), gone: make(chan any), walks: map[int]*bar{}}
	b.all = mpb.New(mpb.WithConsoleWriter(&frame{console: c}), mpb.WithManualRefresh(b.refresh), mpb.WithShutdownNotifier(b.gone))
	b.whole = b.add(len(stream.EveryListing()) * 100) // below all others
	return b
}

// add begins a bar. Those of a lower rank stand above it.
func (b *bars) add(rank int) *bar {
	one := &bar{}
	text := func(p *atomic.Pointer[string]) decor.Decorator {
		return decor.Any(func(decor.Statistics) string {
			if s := p.Load(); s != nil {
				return *s
			}
			return ""
		})
	}
	// A total of 0 keeps the bar from ending by itself.
	one.Bar = b.all.New(0, mpb.BarStyle(), mpb.BarPriority(rank), mpb.BarFillerTrim(),
		mpb.PrependDecorators(text(&one.before)), mpb.AppendDecorators(text(&one.after)))
	return one
}

// full is what a bar has when it is full.
const full = 1000

// set shows a bar's name, and how far it is in words and as a share; a negative share is unknown.
func (b *bar) set(name, words string, share float64) {
	before := fmt.Sprintf("%-*s %19s ", nameWidth, name, words)
	after := "     "
	if share >= 0 {
		after = fmt.Sprintf(" %3d%%", int(100*share))
	}
	b.SetTotal(full, false)
	b.SetCurrent(int64(full * max(share, 0)))
	b.before.Store(&before)
	b.after.Store(&after)
}

// nameWidth is how long the name of a listing is at most.
var nameWidth = func() int {
	width := 0
	for _, l := range stream.EveryListing() {
		width = max(width, len(l.Name))
	}
	return width
}()

// update shows the progress of the sync.
func (b *bars) update(o outlook) {
	for i, p := range o.walks {
		one := b.walks[i]
		switch {
		case p.Ended && one != nil:
			one.Abort(true)
			delete(b.walks, i)
		case p.Begun && !p.Ended:
			if one == nil {
				one = b.add(i)
				b.walks[i] = one
			}
			words, share := passed(p)
			one.set(p.Listing, words, share)
		}
	}
	if o.known {
		b.whole.set("in all", "about "+duration(o.left.Seconds())+" left", o.share)
	} else {
		b.whole.set("in all", number(o.rows, "row"), -1)
	}
	b.ask()
}

// ask asks for a frame. The one that was asked for before has been drawn when it returns.
func (b *bars) ask() {
	select {
	case b.refresh <- time.Now():
	case <-b.gone:
	}
}

// passed returns how far a walk is, in words and as a share; the share is negative if unknown.
func passed(p engine.WalkProgress) (words string, share float64) {
	if p.Total == 0 {
		return number(p.Rows, "row"), -1
	}
	return thousands(p.Rows) + " of " + thousands(p.Total), float64(p.Rows) / float64(p.Total)
}

// stop removes the bars.
func (b *bars) stop() {
	b.all.Shutdown()
	b.console.draw(nil)
}

// frame takes the bars' lines and draws them on a console.
type frame struct {
	bytes.Buffer
	console *console
}

// IsTerminal reports whether frames can be drawn over each other.
func (f *frame) IsTerminal() bool { return true }

// frameWidth is how wide a frame is at most. A terminal that is made narrower breaks wider lines,
// often before it tells its new size, and then nobody knows how many rows to erase.
const frameWidth = 60

// GetTermSize returns the room for a frame. The cursor stands on a line below it.
func (f *frame) GetTermSize() (width, height int, err error) {
	width, height = f.console.size()
	return min(width, frameWidth), height - 1, nil
}

// Flush draws what was written since the last time.
func (f *frame) Flush(int) error {
	var lines []string
	if text := strings.TrimSuffix(f.String(), "\n"); text != "" {
		lines = strings.Split(text, "\n")
	}
	f.Reset()
	f.console.draw(lines)
	return nil
}
