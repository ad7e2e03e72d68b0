package engine

import (
	"context"
	"sync"

	"github.com/tap-confluence/tap-confluence/tap/state"
)

// window is how many pages of a listing may have unfinished rows at once; with the page
// that is being fetched a listing runs at most two pages ahead of its position.
const window = 2

// track follows which rows of a walk are finished. Rows finish in any order; the position
// moves over the longest finished prefix, so that a few numbers say what is written.
type track struct {
	mu      sync.Mutex
	moved   chan struct{} // closed and replaced when the position moves
	units   []*unit       // the rows from the position on, in the listing's order
	pages   int           // pages with unfinished rows
	at      state.Position
	touched bool // the position moved since it was last told
	frozen  map[*feed]state.Position
}

// unit is one row of the listing with everything that is read because of it.
type unit struct {
	after, cursor string // the position once the row is finished
	next          bool   // the position is before the first row of the cursor's page
	list          int
	done          bool
	lastOfPage    bool
	again         bool // it was written by an earlier run and does not count
	failed        []*feed
}

func newTrack(at state.Position) *track {
	return &track{at: at, moved: make(chan struct{}), frozen: map[*feed]state.Position{}}
}

// add appends the rows of one page, of which some may be done.
func (t *track) add(page []unit) {
	if len(page) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	page[len(page)-1].lastOfPage = true
	for i := range page {
		t.units = append(t.units, &page[i])
	}
	t.pages++
	t.advance()
}

// finish says that everything of a row is written, but for the streams that failed on it.
// Their positions stay before the first row that they failed on.
func (t *track) finish(u *unit, failed []*feed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u.done, u.failed = true, failed
	t.advance()
}

// advance moves the position over what is finished; the caller holds the lock.
func (t *track) advance() {
	n := 0
	for n < len(t.units) && t.units[n].done {
		t.pass(t.units[n])
		n++
	}
	if n == 0 {
		return
	}
	t.units = append(t.units[:0], t.units[n:]...)
	t.wake()
}

// pass moves the position over one finished row.
func (t *track) pass(u *unit) {
	for _, f := range u.failed {
		if _, ok := t.frozen[f]; !ok {
			t.frozen[f] = t.at
		}
	}
	t.at.List, t.at.After, t.at.Cursor, t.at.Next = u.list, u.after, u.cursor, u.next
	if !u.again {
		t.at.N++
	}
	if u.lastOfPage {
		t.pages--
	}
}

// wake tells those who wait; the caller holds the lock.
func (t *track) wake() {
	t.touched = true
	close(t.moved)
	t.moved = make(chan struct{})
}

// restart forgets the rows from a position on, of which a reading that broke off left some
// unfinished: they are read again.
func (t *track) restart(at state.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at.Skipped = t.at.Skipped
	t.units, t.pages, t.at = nil, 0, at
}

// nextList moves the position to the beginning of a listing; all rows before are finished.
func (t *track) nextList(i int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at.List < i {
		t.at.List, t.at.After, t.at.Cursor, t.at.Next = i, "", "", false
		t.touched = true
	}
}

// count adds finished rows that have no position of their own.
func (t *track) count(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at.N += n
}

// skipTo moves the position to the beginning of a listing, and keeps that something before it was
// left out.
func (t *track) skipTo(i int) {
	t.nextList(i)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at.Skipped = true
}

// setHigh keeps what the bookmark becomes when the walk ends.
func (t *track) setHigh(high string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at.High = high
	for f, at := range t.frozen {
		at.High = high
		t.frozen[f] = at
	}
}

// high returns what was kept with setHigh.
func (t *track) high() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at.High
}

// waitPages waits until at most n pages have unfinished rows.
func (t *track) waitPages(ctx context.Context, n int) error {
	for {
		t.mu.Lock()
		enough, moved := t.pages <= n, t.moved
		t.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// position returns how far the walk is for one stream.
func (t *track) position(f *feed) state.Position {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, ok := t.frozen[f]; ok {
		return at
	}
	return t.at
}

// freeze keeps a stream's position where the walk's is now.
func (t *track) freeze(f *feed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.frozen[f]; !ok {
		t.frozen[f] = t.at
		t.touched = true
	}
}

// takeTouched says whether the position moved since the last call.
func (t *track) takeTouched() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	touched := t.touched
	t.touched = false
	return touched
}
