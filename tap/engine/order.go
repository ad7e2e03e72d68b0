package engine

import (
	"errors"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/timestamp"
)

// order is how a listing's rows are sorted, as far as rows show it.
type order int

const (
	unordered order = iota
	byID            // ascending by number
	byTime          // ascending by time of creation
	byChange        // descending by time of change
)

// errDisorder says that rows came out of the order that was asked for.
var errDisorder = errors.New("rows do not come in the order that was asked for")

// skipper drops the rows of a resumed listing that are written already: those before the
// position in the listing's order. Rows of an equal time may repeat, none is lost.
type skipper struct {
	order order
	after string
	prev  string
}

// drop says whether a row with that sort key is written already.
func (s *skipper) drop(key string) (bool, error) {
	if s.after == "" || s.order == unordered {
		return false, nil
	}
	if key == "" || s.prev != "" && s.compare(s.prev, key) > 0 {
		return false, errDisorder
	}
	s.prev = key
	c := s.compare(key, s.after)
	if c > 0 || c == 0 && s.order != byID {
		s.after = "" // everything from here on is new
		return false, nil
	}
	return true, nil
}

// compare orders two sort keys as the listing does.
func (s *skipper) compare(a, b string) int {
	switch s.order {
	case byTime:
		return compareTimes(a, b)
	case byChange:
		return compareTimes(b, a)
	default:
		return compareIDs(a, b)
	}
}

func compareTimes(a, b string) int {
	ta, errA := timestamp.Parse(a)
	tb, errB := timestamp.Parse(b)
	if errA != nil || errB != nil {
		return strings.Compare(a, b)
	}
	return ta.Compare(tb)
}

// compareIDs orders decimal ids of any length by number, so that ids beyond 2^53 and 2^64
// are in order.
func compareIDs(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// later returns the later of two times as text; an empty one is no time.
func later(a, b string) string {
	if a == "" || b != "" && compareTimes(a, b) < 0 {
		return b
	}
	return a
}

// earlier returns the earlier of two times as text; an empty one is no time.
func earlier(a, b string) string {
	if a == "" || b != "" && compareTimes(b, a) < 0 {
		return b
	}
	return a
}

// timeOf returns the time that a text holds, or the zero time.
func timeOf(s string) time.Time {
	t, err := timestamp.Parse(s)
	if err != nil {
		return time.Time{}
	}
	return t
}
