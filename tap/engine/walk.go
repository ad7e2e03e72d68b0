package engine

import (
	"context"
	"slices"
	"sync"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/site"
)

// walk runs one walk of a plan.
type walk struct {
	*services
	ledger   *ledger
	facts    *site.Facts
	plan     *plan.Walk
	name     string // in positions
	readings []*reading
	asking   []method.Kind // the methods that ask for something of each parent
	track    *track
	around   []*around // audits that end with the walk
	passing  *passing  // audits of single parents, nil for none
	asked    sync.Map  // questions that are asked once, see method.Env

	// claimed is the place that stands in the state, steps counts the claims so far. Both are used under
	// the ledger's lock only.
	claimed plan.Place
	steps   int

	// What follows is of the goroutine that runs readAll, or a lookup's read. While it waits for a list
	// to be read, fetch alone uses answered, and page alone partial.

	// over reports whether every list was read until the site said that it ends.
	over bool
	// partial reports whether the walk skipped something that may be a record: a type of custom content
	// that the site does not know, or a comment that does not name its item.
	partial bool
	// answered is the list that the last answer came of, nil before the first one.
	answered *plan.List
}

func newWalk(s *services, l *ledger, facts *site.Facts, p *plan.Walk) *walk {
	w := &walk{services: s, ledger: l, facts: facts, plan: p, name: newName(), track: newTrack(p.From), claimed: plan.Place{List: -1}}
	for _, reader := range p.Readers {
		i := slices.IndexFunc(l.outputs, func(o *output) bool { return o.name == reader.Stream.Name })
		rd := newReading(reader, l.outputs[i], p.Places[reader])
		rd.heard = p.Begun()
		w.readings = append(w.readings, rd)
		if rd.asks && !slices.Contains(w.asking, rd.requests) {
			w.asking = append(w.asking, rd.requests)
		}
	}
	if p.Resumed() {
		w.answered = &p.Lists[p.From.List]
	}
	return w
}

// of returns the walk's reading of a reader.
func (w *walk) of(r *method.Reader) *reading {
	return w.readings[slices.IndexFunc(w.readings, func(rd *reading) bool { return rd.Reader == r })]
}

// sortKey returns a row's sort key in a list as text, empty if rows don't show it.
func (w *walk) sortKey(l *plan.List, row rawjson.Object) string {
	switch l.Order {
	case plan.ByID:
		return row.Get(w.plan.Listing.SortField).AsText()
	case plan.ByTime:
		return record.Timestamp(row.Get(w.plan.Listing.SortField))
	case plan.ByChange:
		return record.Timestamp(row.Inside(w.plan.Listing.Changed))
	}
	return ""
}

// auditee is a stream whose shortcut is compared on a parent.
type auditee struct {
	r    *reading
	kind method.Kind
	row  records // that the row itself gave
}

// passing picks the parents that shortcuts are compared on in passing. It is used by the
// goroutine that reads pages.
type passing struct {
	samplers map[method.Kind]*sampler
}

// around is the audit of a shortcut whose records of one parent lie anywhere in a listing.
type around struct {
	walk    *walk
	kind    method.Kind
	r       *reading
	parents []*method.Parent
	plain   map[string]records // by parent, before the walk

	mu   sync.Mutex // guards seen
	seen map[string]records
}

// failed counts what the walk's streams could not read so far.
func (w *walk) failed() int {
	n := 0
	for _, r := range w.readings {
		count, _ := r.failures.total()
		n += count
	}
	return n
}

// countRequest counts a listing's request for the first stream whose records it holds, or else
// for the first that it feeds.
func (w *walk) countRequest() {
	for _, r := range w.readings {
		if r.fromRows() {
			r.out.requests.Add(1)
			return
		}
	}
	w.readings[0].out.requests.Add(1)
}

// unreadable notes a row whose body the site can't give. The error is what interrupts the sync.
func (w *walk) unreadable(ctx context.Context, id string, err error) error {
	if stop := w.interrupts(ctx, err); stop != nil {
		return stop
	}
	for _, r := range w.readings {
		if r.BodyFormat != "" && r.fromRows() {
			r.failures.add(err)
			w.log.Warn("a body can't be read; its row comes without", "stream", r.out.name, "id", id, "error", err)
		}
	}
	return nil
}

// claims returns the positions of the walk's streams that may enter the state once the account is
// proven; nil if nothing moved since the last time.
func (w *walk) claims() []claim {
	place := w.track.place()
	if place == w.claimed || place.List >= len(w.plan.Lists) {
		return nil
	}
	l := &w.plan.Lists[place.List]
	w.steps++
	var claims []claim
	for _, r := range trusted(w.readings) {
		at := place.At
		at.List, at.Order, at.Failed = l.Name, string(l.Order), r.err() != nil
		at.Walk, at.Step, at.Learned = w.name, w.steps, w.facts.LearnedText()
		if at.Stalled = 0; place.Same(w.plan.From) {
			at.Stalled = w.plan.Stalled + 1
		}
		began, newest, types := r.snapshot()
		if r.Incremental {
			at.Began, at.Newest = began, newest
		}
		claims = append(claims, claim{
			walk: w, place: place, r: r, at: at, types: types, hash: plan.HashAt(r.Reader, w.facts.Spaces, w.plan.Lists, place.List),
		})
	}
	return claims
}

// accepted notes that a claim stands in the state. One whose proof was broken off is made again.
func (w *walk) accepted(place plan.Place) { w.claimed = place }
