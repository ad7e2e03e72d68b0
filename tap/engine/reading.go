package engine

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// reading is one stream that a walk reads.
type reading struct {
	*method.Reader
	out      *output
	failures failures
	// requests is the method that asks for each parent, if any does.
	requests method.Kind
	asks     bool
	// earlier reports whether a parent failed in an earlier run of the sync.
	earlier bool
	// alone reports whether the site refuses to answer for many parents at once.
	alone atomic.Bool
	// distrusted reports whether an audit found that the stream's shortcut lacks something.
	distrusted atomic.Bool

	mu     sync.Mutex // guards all below
	began  time.Time  // the site's time when the list's reading began, zero if unknown
	heard  bool       // the list's first answer has come, with or without a time
	newest time.Time  // the newest change seen since, zero for none
	done   []typeDone // types of custom content whose lists were read, for the next state
}

// typeDone is a type of custom content whose list has been read to its end.
type typeDone struct {
	kind     string
	bookmark time.Time
}

// newReading prepares a stream of a walk, at the position where it resumes or at the beginning.
func newReading(r *method.Reader, out *output, at state.Position) *reading {
	rd := &reading{Reader: r, out: out, began: at.Began, newest: at.Newest, earlier: at.Failed}
	for _, k := range r.Methods {
		if method.Of(k).Read != nil {
			rd.requests, rd.asks = k, true
			break
		}
	}
	return rd
}

// begin notes the site's time at the first answer of a list. A resumed walk keeps the time of the run
// that began it.
func (r *reading) begin(date time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heard {
		return
	}
	r.began, r.heard = date, true
	if r.Incremental && date.IsZero() {
		r.out.report.warnOnce("date", "the site's answers lack the header Date; no bookmark moves")
	}
}

// beginType forgets what the list of the type before showed.
func (r *reading) beginType() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began, r.newest, r.heard = time.Time{}, time.Time{}, false
}

// saw notes a change that the stream's rows show.
func (r *reading) saw(changed time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if changed.After(r.newest) {
		r.newest = changed
	}
}

// bookmark returns the time up to which everything that the stream's list showed is written:
// the newest change seen, but not later than lookback before the reading began. It is zero,
// which moves nothing, where no row was seen or the site did not tell its time.
func (r *reading) bookmark(lookback time.Duration) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.newest.IsZero() || r.began.IsZero() {
		return time.Time{}
	}
	if most := r.began.Add(-lookback); r.newest.After(most) {
		return most
	}
	return r.newest
}

// typeEnded notes that a type of custom content was read, and leaves its bookmark to the next
// state.
func (r *reading) typeEnded(kind string, lookback time.Duration) {
	bookmark := r.bookmark(lookback)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, typeDone{kind, bookmark})
}

// snapshot returns what a state tells beside the place.
func (r *reading) snapshot() (began, newest time.Time, done []typeDone) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.began, r.newest, slices.Clone(r.done)
}

// err returns why the stream failed, nil if it did not.
func (r *reading) err() error {
	n, err := r.failures.total()
	switch {
	case r.earlier && n == 0:
		return errors.New("an earlier run could not read parts of it; the next sync retries")
	case err != nil:
		return fmt.Errorf("reading %s: %w", r.Stream.Name, err)
	}
	return nil
}

// takes reports whether a row of a status counts for the stream.
func (r *reading) takes(status string) bool {
	return r.Statuses == nil || status == "" || slices.Contains(r.Statuses, status)
}

// wantsParent reports whether an incremental stream wants anything of a parent. The versions of
// a changed parent all come; a parent that does not tell its change is wanted.
func (r *reading) wantsParent(row rawjson.Object, changed []string) bool {
	if !r.Incremental || r.Stream.Derive != stream.FirstVersion {
		return true
	}
	t, ok := changedAt(changed, row)
	if !ok {
		return true
	}
	if t.Before(r.Since) {
		return false
	}
	r.saw(t)
	return true
}

// wanted returns the items of an incremental stream that changed since its bookmark, and those without
// a date. For versions it returns all: wantsParent decides for them.
func (r *reading) wanted(items []method.Item, kind string) []method.Item {
	if !r.Incremental || r.Stream.Derive == stream.FirstVersion {
		return items
	}
	since := r.SinceIn(kind)
	kept := items[:0]
	for _, it := range items {
		t, ok := changedAt(r.Stream.Changed, it.Row)
		if ok && t.Before(since) {
			continue
		}
		if ok {
			r.saw(t)
		}
		kept = append(kept, it)
	}
	return kept
}

// fromRows reports whether any of the stream's methods makes records of the listing's rows.
func (r *reading) fromRows() bool {
	return slices.ContainsFunc(r.Methods, func(k method.Kind) bool { return method.Of(k).FromRow != nil })
}

// partial reports whether the stream may have records that its methods do not find.
func (r *reading) partial() bool {
	return slices.ContainsFunc(r.Methods, func(k method.Kind) bool { return method.Of(k).Partial })
}

// fromRow makes the record that a row holds of the stream, if it does.
func (r *reading) fromRow(row rawjson.Object) (it method.Item, has, whole bool) {
	for _, k := range r.Methods {
		if from := method.Of(k).FromRow; from != nil {
			return from(r.Reader, row)
		}
	}
	return method.Item{}, false, false
}

// whole reports whether a row holds all that the stream has of it.
func (r *reading) whole(row rawjson.Object) bool {
	_, _, whole := r.fromRow(row)
	return whole
}

// trusted returns the streams but for those that start over without shortcuts.
func trusted(readings []*reading) []*reading {
	kept := make([]*reading, 0, len(readings))
	for _, r := range readings {
		if !r.distrusted.Load() {
			kept = append(kept, r)
		}
	}
	return kept
}
