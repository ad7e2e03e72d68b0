package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// row is one row of a listing as the API gave it.
type row = rawjson.Object

// reading is one listing being read: it turns pages into records and parents.
type reading struct {
	walk  *walk
	list  *list
	index int
	skip  skipper
	// head says that the listing is read from its newest row: its time becomes the high.
	head bool
	// since is the bookmark of each incremental stream in this listing, low the lowest.
	since map[*feed]time.Time
	low   time.Time
	// asOf is the tick at which an incremental listing gave its first answer: what decides on
	// its rows is no older.
	asOf int64
	// last is the time of the last row that was asked for, mixed that a later one is newer.
	last  time.Time
	mixed bool
	// auditing are the ids of the page's parents whose first version is compared.
	auditing map[string]bool
}

// newReading prepares to read a listing from a position.
func newReading(w *walk, i int, from state.Position) *reading {
	l := &w.lists[i]
	r := &reading{
		walk: w, list: l, index: i,
		skip:     skipper{order: l.order},
		head:     from.Cursor == "" && from.After == "",
		auditing: map[string]bool{},
	}
	if !from.Next {
		r.skip.after = from.After
	}
	if !w.incremental || l.trash {
		return r
	}
	r.since = make(map[*feed]time.Time, len(w.feeds))
	for i, f := range w.feeds {
		since := w.bookmarkOf(f, l)
		r.since[f] = since
		if i == 0 || since.Before(r.low) {
			r.low = since
		}
	}
	return r
}

// parent is what children need of a row. It is copied out of the answer, which is let go.
type parent struct {
	id, title, status string
	above             string // the page above it
	version           int
	row               []byte // the row itself, where children's records are made of it
	unit              *unit
	// need are the streams that a request is made for.
	need []*feed
	// audited says that the combined read is compared with the plain lists.
	audited bool
	// first are the derived first versions to be compared before they are written.
	first map[*feed]item
}

// reachesEnd says whether a page of a listing in order of change goes below what any
// stream wants; the pages after it hold nothing. In a listing whose rows turn out to come in
// another order, nothing tells what comes after them: it is read to its end.
func (r *reading) reachesEnd(p *client.Page) bool {
	if r.list.order != byChange || len(p.Rows) == 0 || r.mixed {
		return false
	}
	for _, row := range p.Rows {
		t := timeOf(r.key(row))
		if !r.last.IsZero() && t.After(r.last) {
			r.mixed = true
			r.walk.run.warnOnce("mixed "+r.walk.listing.Name, "the listing does not come in the order of change that was asked for; it is read to its end",
				"listing", r.walk.listing.Name)
			return false
		}
		r.last = t
	}
	return !r.last.IsZero() && r.last.Before(r.low)
}

// page writes what a page holds and starts reading what hangs on its rows.
func (r *reading) page(ctx context.Context, p *client.Page, rows *sync.WaitGroup) error {
	defer p.Release()
	w := r.walk
	r.noteHigh(p)
	kept, units, parents, err := r.sort(ctx, p)
	if err != nil {
		return err
	}
	for _, f := range w.own {
		if err := r.writeOwn(f, kept); err != nil {
			return err
		}
	}
	for _, f := range w.children {
		if err := r.writeDerived(f, kept); err != nil {
			return err
		}
	}
	w.track.add(units)
	for _, par := range parents {
		select {
		case w.run.tasks <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		rows.Go(func() {
			defer func() { <-w.run.tasks }()
			w.readChildren(ctx, par)
		})
	}
	return w.run.ledger.checkpoint()
}

// sort decides of each row of a page whether it is in scope, and what has to be read
// because of it. Units of rows for which nothing is read are done.
func (r *reading) sort(ctx context.Context, p *client.Page) (kept []row, units []unit, parents []*parent, err error) {
	clear(r.auditing)
	kept, units = make([]row, 0, len(p.Rows)), make([]unit, len(p.Rows))
	for i, row := range p.Rows {
		key := r.key(row)
		u := &units[i]
		*u = unit{after: key, cursor: p.Cursor, list: r.index, done: true}
		if i == len(p.Rows)-1 {
			u.cursor = p.Next
			if p.Next == "" {
				u.after, u.list = "", r.index+1
			}
		}
		done, err := r.skip.drop(key)
		if err != nil {
			return nil, nil, nil, err
		}
		// The pages that come before the position in a listing read from its start hold rows that
		// are written.
		u.next = i == len(p.Rows)-1 && p.Next != "" && r.skip.after == ""
		if done {
			// What was written before stays written: the position never goes back over it.
			u.again = true
			if u.list == r.index {
				u.after = r.skip.after
			}
		}
		atEnd := p.Next == "" && r.index == len(r.walk.lists)-1 && i >= len(p.Rows)-2
		if done || r.belowAll(row) {
			continue
		}
		if in, err := r.list.keep.takes(ctx, row, r.asOf); err != nil {
			return nil, nil, nil, err
		} else if !in {
			continue
		}
		kept = append(kept, row)
		if len(r.walk.children) == 0 || r.list.trash {
			continue
		}
		par, err := r.parent(row, u)
		if err != nil {
			return nil, nil, nil, err
		}
		if err := r.sample(par, row, atEnd); err != nil {
			return nil, nil, nil, err
		}
		if len(par.need) > 0 || len(par.first) > 0 {
			u.done = false
			parents = append(parents, par)
		}
	}
	return kept, units, parents, nil
}

// belowAll says whether no stream of an incremental walk wants a row.
func (r *reading) belowAll(row row) bool {
	if r.low.IsZero() {
		return false
	}
	t, err := changed(r.walk.changeField(), row)
	return err == nil && t.Before(r.low)
}

// key returns a row's sort key as text, empty where rows don't show it.
func (r *reading) key(row row) string {
	var v rawjson.Value
	switch r.list.order {
	case byID, byTime:
		v = row.Get(r.walk.listing.SortField)
	case byChange:
		v = row.Get("version").Member("createdAt")
	}
	text, _ := v.Text()
	return text
}

// noteHigh keeps the newest time that counts for the bookmark: the first row's in order of
// change, the newest of the first answer in any other order.
func (r *reading) noteHigh(p *client.Page) {
	w := r.walk
	if !w.incremental || r.list.trash || len(p.Rows) == 0 {
		return
	}
	newest := ""
	for _, row := range p.Rows {
		if t, err := changed(w.changeField(), row); err == nil {
			newest = later(newest, timestamp.Format(t))
		}
		if r.list.order == byChange {
			break
		}
	}
	if !r.head {
		return
	}
	r.head = false
	w.track.setHigh(earlier(w.track.high(), newest))
}

// parent copies what children need of a row and says which streams need a request.
func (r *reading) parent(row row, u *unit) (*parent, error) {
	p := &parent{unit: u}
	w := r.walk
	var ok bool
	if p.id, ok = row.Get("id").Text(); !ok || p.id == "" {
		return nil, &client.Error{Kind: client.KindMalformed, Message: fmt.Sprintf("a row of %s has no id", w.listing.Route)}
	}
	p.title, _ = row.Get("title").Text()
	p.status, _ = row.Get("status").Text()
	p.version = versionNumber(row)
	if w.listing == stream.Labels {
		p.row = slices.Clone(row.Raw())
	}
	for _, f := range w.children {
		if f.stopped() || f.left.Load() || r.derives(f, p.version) || !f.concerns(row) {
			continue
		}
		p.need = append(p.need, f)
	}
	return p, nil
}

// writeOwn writes rows as records of a stream that the listing's rows are.
func (r *reading) writeOwn(f *feed, rows []row) error {
	items := make([]item, 0, len(rows))
	for _, row := range rows {
		if field := f.stream.ParentField; field == "" || !row.Get(field).IsNull() {
			items = append(items, item{row: row})
		}
	}
	return f.write(items, r.since[f])
}

// changeField names the field that orders the listing's changes.
func (w *walk) changeField() string {
	if w.listing == stream.Tasks {
		return "updatedAt"
	}
	return "modifiedAt"
}

// bookmarkOf returns a stream's bookmark in one of the walk's listings.
func (w *walk) bookmarkOf(f *feed, l *list) time.Time {
	if l.partition != "" {
		for _, p := range w.run.ledger.entry(f.name).Partitions {
			if p.Context.Type == l.partition {
				return timeOf(p.ReplicationKeyValue)
			}
		}
	}
	return f.bookmark
}
