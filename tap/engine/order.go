package engine

import (
	"errors"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/plan"
)

// errDisorder says that a list, searched for a position, is not in the position's order.
var errDisorder = errors.New("rows do not come in the order that was asked for")

// unsorted says that the site can't list by change. It does not unwrap, so that nobody takes it for an
// error of the request and tries that again.
type unsorted struct{ why string }

// Error tells how that showed.
func (e *unsorted) Error() string { return e.why }

// skipper drops the rows of a resumed list that are written already: those strictly before the
// position's key, on the page that the position is on, or, if its cursor is dead, from the
// list's beginning on for as long as rows come in order.
type skipper struct {
	order  plan.Order
	after  string
	search bool
	found  bool // whether a search has come to the position
	prev   string
}

// drop reports whether a row with that sort key is written already.
func (s *skipper) drop(key string) (bool, error) {
	if s.after == "" || s.found || s.order == plan.Unordered {
		return false, nil
	}
	if !s.search {
		return key != "" && s.order.Compare(key, s.after) < 0, nil
	}
	if key == "" || s.prev != "" && s.order.Compare(key, s.prev) < 0 {
		return false, errDisorder
	}
	s.prev = key
	if s.order.Compare(key, s.after) < 0 {
		return true, nil
	}
	s.found = true // everything from here on is new
	return false, nil
}

// endPage ends what holds for one page only.
func (s *skipper) endPage() {
	if !s.search || s.found {
		s.after = ""
	}
}

// ages look at the rows below the bookmark of a list in order of change. Those above it prove
// nothing: what is edited while it is listed may stand anywhere.
type ages struct {
	last        time.Time
	rows, wrong int // wrong counts those that are newer than the one before
}

func (a *ages) add(t time.Time) {
	if a.rows++; a.rows > 1 && t.After(a.last) {
		a.wrong++
	}
	a.last = t
}

// sorted reports whether at most one row in ten is out of order: some may be on any site. Where
// the site ignores the order, every second one is.
func (a *ages) sorted() bool { return 10*a.wrong <= a.rows }
