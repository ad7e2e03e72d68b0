package engine

import (
	"context"
	"sync"

	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// window is how many pages of a listing may have unfinished rows at once; with the page
// that is being fetched a listing runs at most two pages ahead of its position.
const window = 2

// track follows which rows of a walk are finished. Rows finish in any order; the position
// moves over the longest finished prefix.
type track struct {
	mu    sync.Mutex    // guards all below
	moved chan struct{} // closed and replaced when the position moves
	units []*unit       // the rows from the position on, in the listing's order
	pages int           // pages with unfinished rows
	rows  int64         // that are finished
	at    plan.Place
}

// unit is one row of the listing with everything that is read because of it.
type unit struct {
	page *pageUnits
	key  string // of the position once the row is finished
	done bool
}

// pageUnits are the rows of one page.
type pageUnits struct {
	list   int        // the one of the walk's lists that the page is of
	cursor string     // that asks for the page
	end    plan.Place // where the walk is once all of them are finished
	// still reports whether the rows do not move the position: the list is being searched for it.
	still bool
	units []unit
}

// place returns the place of the walk once all rows up to this one are finished.
func (u *unit) place() plan.Place {
	if u.isLast() {
		return u.page.end
	}
	return plan.Place{List: u.page.list, At: state.Position{Key: u.key, Cursor: u.page.cursor}}
}

func (u *unit) isLast() bool { return u == &u.page.units[len(u.page.units)-1] }

func newTrack(at plan.Place) *track {
	return &track{at: at, moved: make(chan struct{})}
}

// add appends the rows of one page. Some of them may be done already.
func (t *track) add(page *pageUnits) {
	if len(page.units) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range page.units {
		t.units = append(t.units, &page.units[i])
		if page.units[i].done {
			t.rows++
		}
	}
	t.pages++
	t.advance()
}

// finish marks a row as finished: its records are written, or have failed for good.
func (t *track) finish(u *unit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u.done = true
	t.rows++
	t.advance()
}

// advance moves the position over what is finished; the caller holds the lock.
func (t *track) advance() {
	n := 0
	for n < len(t.units) && t.units[n].done {
		if t.units[n].isLast() {
			t.pages--
		}
		n++
	}
	if n == 0 {
		return
	}
	if last := t.units[n-1]; !last.page.still {
		t.at = last.place()
	}
	t.units = append(t.units[:0], t.units[n:]...)
	close(t.moved)
	t.moved = make(chan struct{})
}

// moveTo moves the position to a place that all rows before have been finished up to.
func (t *track) moveTo(at plan.Place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.units, t.pages, t.at = nil, 0, at
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

// count counts rows of a list that keeps no position.
func (t *track) count(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows += int64(n)
}

// finished counts the rows that are finished.
func (t *track) finished() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rows
}

// place returns how far the walk is.
func (t *track) place() plan.Place {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at
}

// hasMoved reports whether the position differs from the place where the walk began.
func (t *track) hasMoved(from plan.Place) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at != from || len(t.units) > 0
}
