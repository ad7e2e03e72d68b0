package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// endAfter is how many dated rows in a row have to lie below the bookmark before a list in order
// of change ends.
const endAfter = 50

// listReading is one list of a walk being read: it turns pages into records and parents.
type listReading struct {
	walk  *walk
	list  *plan.List
	index int
	skip  skipper
	// low is the lowest bookmark of the walk's streams, zero if none has one here.
	low time.Time
	// below counts the dated rows below it since the last one that is not.
	below int
	old   ages
	trash bool // rows of the trash have been seen
}

func newListReading(w *walk, i int, from state.Position, search bool) *listReading {
	l := &w.plan.Lists[i]
	r := &listReading{walk: w, list: l, index: i, skip: skipper{order: l.Order, search: search}}
	if !from.Fresh || search {
		r.skip.after = from.Key
	}
	if l.Order == plan.ByChange {
		for j, rd := range w.readings {
			if since := rd.SinceIn(l.Type); j == 0 || since.Before(r.low) {
				r.low = since
			}
		}
	}
	return r
}

// reachesEnd reports whether a page of a list in order of change shows that what comes after it
// lies below every bookmark. Rows out of order, rows without a date and empty pages never do.
func (r *listReading) reachesEnd(p *client.Page) bool {
	if r.list.Order != plan.ByChange {
		return false
	}
	dated := 0
	for _, row := range p.Rows {
		t, ok := changedAt(r.walk.plan.Listing.Changed, row)
		if !ok {
			continue
		}
		if dated++; t.Before(r.low) {
			r.below++
			r.old.add(t)
		} else {
			r.below = 0
		}
	}
	return dated > 0 && r.below >= dated && r.below >= endAfter
}

// page writes what a page holds and starts reading what hangs on its rows.
func (r *listReading) page(ctx context.Context, p *client.Page, parents *sync.WaitGroup) error {
	w, date := r.walk, p.Date()
	for _, rd := range w.readings {
		rd.begin(date)
	}
	rows := r.rows(p)
	if err := r.keep(ctx, rows); err != nil {
		return err
	}
	units := r.units(p, rows)
	r.skip.endPage()
	queue, err := r.queue(p, rows, units.units)
	if err != nil {
		return err
	}
	for _, rd := range w.readings {
		if err := r.writeRows(rd, rows); err != nil {
			return err
		}
	}
	w.track.add(units)
	for _, batch := range w.batches(queue) {
		if r.alone() {
			for _, p := range batch {
				p.audited = nil // what it would be compared by may take longer than a run
			}
			w.readBatch(ctx, batch)
		} else if err := w.workers.do(ctx, parents, func() { w.readBatch(ctx, batch) }); err != nil {
			return err
		}
	}
	w.ledger.checkpoint()
	return nil
}

// alone reports whether a parent is to be finished before the next is begun: the run before got nowhere,
// and this one has not moved yet. Where rows show no order, only a whole page moves it.
func (r *listReading) alone() bool {
	w := r.walk
	return w.plan.Stalled > 0 && r.list.Order != plan.Unordered && w.track.place().Same(w.plan.From)
}

// row is a row of the page that is being read.
type row struct {
	rawjson.Object
	key    string // its sort key, empty where rows don't show it
	status string
	// kept reports whether the row counts: it is not written already, and lies in the run's spaces.
	kept bool
}

// rows looks at the rows of a page.
func (r *listReading) rows(p *client.Page) []row {
	rows := make([]row, len(p.Rows))
	for i, o := range p.Rows {
		status, _ := o.Get("status").Text()
		rows[i] = row{Object: o, key: r.walk.sortKey(r.list, o), status: status}
	}
	return rows
}

// keep decides which rows count.
func (r *listReading) keep(ctx context.Context, rows []row) error {
	for i := range rows {
		written, err := r.skip.drop(rows[i].key)
		if err != nil {
			return err
		}
		rows[i].kept = !written && !r.belowAll(rows[i].Object)
	}
	return r.place(ctx, rows)
}

// place keeps the rows that lie in the run's spaces, and in what is current or archived where only
// that counts.
func (r *listReading) place(ctx context.Context, rows []row) error {
	w, wanted := r.walk, r.unplaced()
	if wanted == nil {
		return nil
	}
	var asked []rawjson.Object
	var places []int
	for i, row := range rows {
		if row.kept && wanted(row.Object) {
			asked, places = append(asked, row.Object), append(places, i)
		}
	}
	verdicts, doubt := w.site.Inside(ctx, w.plan.Listing, w.facts.Spaces, asked)
	if doubt != nil {
		if err := w.interrupts(ctx, doubt); err != nil {
			return err
		}
		w.report.warnOnce("doubt", "comments on items of unknown status are kept", "error", doubt)
	}
	for j, v := range verdicts {
		if rows[places[j]].kept = v.Inside; v.Reason != "" {
			w.report.skip(v.Reason)
		}
		if v.Err == nil {
			continue
		}
		if err := w.interrupts(ctx, v.Err); err != nil {
			return err
		}
		for _, rd := range w.readings {
			rd.failures.add(v.Err)
		}
	}
	return nil
}

// unplaced returns a function that reports whether a row's place has to be looked up; nil for no row.
func (r *listReading) unplaced() func(rawjson.Object) bool {
	switch w := r.walk; {
	case r.list.Listing == stream.Hits:
		return nil
	case w.facts.Spaces.Narrowed():
		return w.uses
	case w.plan.Listing.Bound():
		return w.isNew
	}
	return nil
}

// uses reports whether a row is a record of one of the walk's streams, or a parent. The places of other
// rows are not looked up.
func (w *walk) uses(row rawjson.Object) bool {
	return slices.ContainsFunc(w.readings, func(rd *reading) bool {
		if rd.asks {
			return true
		}
		_, has, _ := rd.fromRow(row)
		return has
	})
}

// isNew reports whether a row is a record that no earlier run has written. A row at a bookmark is not
// new: it comes again, whatever the status of the item that it lies in.
func (w *walk) isNew(row rawjson.Object) bool {
	return slices.ContainsFunc(w.readings, func(rd *reading) bool {
		_, has, _ := rd.fromRow(row)
		t, ok := changedAt(rd.Stream.Changed, row)
		return has && (!rd.Incremental || !ok || t.After(rd.Since))
	})
}

// units returns, for each row, the place of the walk once the rows up to it are finished. A key is
// never beyond the key of a later row of the page. So a run that skips up to the key skips no such row,
// in whatever order the rows come.
func (r *listReading) units(p *client.Page, rows []row) *pageUnits {
	page := &pageUnits{list: r.index, cursor: p.Cursor, units: make([]unit, len(rows))}
	order := r.list.Order
	later := "" // the first key, in the list's order, of the rows behind
	for i, row := range slices.Backward(rows) {
		page.units[i] = unit{page: page, key: later, done: true}
		if row.key != "" && (later == "" || order.Compare(row.key, later) < 0) {
			later = row.key
		}
	}
	// The place never moves back behind what an earlier run finished, and stays there in a search.
	reached := r.skip.after
	page.still = reached != "" && r.skip.search && !r.skip.found && p.Next != ""
	for i, row := range rows {
		if row.key != "" && (reached == "" || order.Compare(row.key, reached) > 0) {
			reached = row.key
		}
		if u := &page.units[i]; u.key == "" || reached == "" || order.Compare(reached, u.key) < 0 {
			u.key = reached
		}
	}
	page.end = plan.Place{List: r.index, At: state.Position{Key: reached, Cursor: p.Next, Fresh: true}}
	if p.Next == "" {
		page.end = plan.Place{List: r.index + 1}
	}
	return page
}

// belowAll reports whether no stream wants a row of a list in order of change.
func (r *listReading) belowAll(row rawjson.Object) bool {
	if r.low.IsZero() {
		return false
	}
	t, ok := changedAt(r.walk.plan.Listing.Changed, row)
	return ok && t.Before(r.low)
}

// writeRows writes the records of one stream that a page's rows hold.
func (r *listReading) writeRows(rd *reading, rows []row) error {
	if rd.distrusted.Load() || !rd.fromRows() {
		return nil
	}
	items := make([]method.Item, 0, len(rows))
	for _, row := range rows {
		if !row.kept || !rd.takes(row.status) || !rd.wantsParent(row.Object, r.walk.plan.Listing.Changed) {
			continue
		}
		if it, has, _ := rd.fromRow(row.Object); has {
			items = append(items, it)
		}
	}
	if !r.list.Trash {
		items = rd.wanted(items, r.list.Type)
	}
	err := rd.out.write(items)
	if err == nil || isOutput(err) {
		return err
	}
	rd.failures.add(err)
	return nil
}

// queue returns the page's parents that need requests, and leaves their units unfinished.
func (r *listReading) queue(p *client.Page, rows []row, units []unit) ([]*parent, error) {
	w := r.walk
	var queue []*parent
	for i, row := range rows {
		if !row.kept {
			continue
		}
		r.count(row.Object)
		if r.list.Trash || row.status == stream.Trashed || row.status == stream.Deleted {
			r.trash = true
			continue
		}
		var need []*reading
		var audited []auditee
		for _, rd := range w.readings {
			wants := rd.asks && !rd.distrusted.Load() && rd.takes(row.status) && rd.wantsParent(row.Object, w.plan.Listing.Changed)
			if wants && !rd.failures.refused() && !rd.whole(row.Object) {
				need = append(need, rd)
			}
		}
		if w.passing != nil {
			audited = w.passing.pick(w, row.Object, row.status, r.lastOf(p, i))
		}
		if len(need)+len(audited) == 0 {
			continue
		}
		par, err := r.parent(p.Rows, i)
		if err != nil {
			return nil, err
		}
		par.unit, par.need, par.audited = &units[i], need, audited
		units[i].done = false
		queue = append(queue, par)
	}
	return queue, nil
}

// lastOf reports whether a row is one of the walk's last two.
func (r *listReading) lastOf(p *client.Page, i int) bool {
	return p.Next == "" && r.index == len(r.walk.plan.Lists)-1 && i >= len(p.Rows)-2
}

// parent copies a row's facts. It notes a neighbour, too: site.Gone asks for both to prove that a
// parent is gone.
func (r *listReading) parent(rows []rawjson.Object, i int) (*parent, error) {
	p, err := method.ParentOf(r.list.Listing, rows[i])
	if err != nil {
		return nil, err
	}
	for _, j := range []int{i - 1, i + 1} {
		if j >= 0 && j < len(rows) {
			if id := rows[j].Get("id").AsText(); id != "" && id != p.ID {
				p.Beside = id
			}
		}
	}
	return &parent{Parent: p}, nil
}

// count counts, as skipped, a comment that is a record neither of a usual stream nor of the walk's.
func (r *listReading) count(row rawjson.Object) {
	w, l := r.walk, r.walk.plan.Listing
	if parent := w.readings[0].Stream.Parent; parent == nil || parent == l || w.uses(row) {
		return
	}
	on := ""
	for _, s := range stream.Every() {
		switch {
		case s.Listing != l || row.Get(s.ParentField).IsNull():
		case s.IsExtra():
			on = strings.TrimSuffix(s.ParentField, "Id") + " (extra stream " + s.Name + ")"
		default:
			return
		}
	}
	if on == "" {
		on = "an unnamed item"
		w.partial = true // it may be of a stream of this walk
	}
	w.report.skip(fmt.Sprintf("%s on %s", l.Name, on))
}
