package engine

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/record"
)

// readOffset reads a listing that pages by offset. It keeps no position: if it is interrupted, the next
// run reads it from its start.
func (w *walk) readOffset(ctx context.Context, l *plan.List) error {
	req := l.Request
	req.Query = append(slices.Clone(req.Query), w.timeSpan()...)
	list := client.OffsetList{Request: req, Limit: w.plan.Listing.Limit(w.Config.PageSize), Key: w.keyOf}
	return w.Client.OffsetPages(ctx, list, func(rows []rawjson.Object, date time.Time) error {
		w.countRequest()
		for _, r := range w.readings {
			r.begin(date)
		}
		if err := w.writeOffset(rows); err != nil {
			return err
		}
		if len(w.asking) == 0 {
			w.track.count(len(rows)) // else each row counts once its parent is finished
		}
		return w.readParents(ctx, rows)
	})
}

// keyOf tells the rows of a listing by offset apart.
func (w *walk) keyOf(row rawjson.Object) string {
	if s := w.readings[0].Stream; s.Hashed != nil {
		return record.Hash(s, row)
	}
	return row.Get("id").AsText()
}

// timeSpan narrows a listing to what changed since the bookmark, and to what there was when the run
// began. Of two clocks that differ the later counts: it only reads more. The site's tells whole
// seconds.
func (w *walk) timeSpan() [][2]string {
	var q [][2]string
	l := w.plan.Listing
	if since := w.readings[0].Since; l.From != "" && w.plan.Incremental {
		q = append(q, [2]string{l.From, strconv.FormatInt(since.UnixMilli(), 10)})
	}
	if l.Until != "" && w.facts.Told {
		now := w.facts.Clock
		if w.facts.Local.After(now) {
			now = w.facts.Local
		}
		q = append(q, [2]string{l.Until, strconv.FormatInt(now.Add(time.Second).UnixMilli(), 10)})
	}
	return q
}

// writeOffset writes the records that rows of a listing by offset hold.
func (w *walk) writeOffset(rows []rawjson.Object) error {
	for _, r := range w.readings {
		items := make([]method.Item, 0, len(rows))
		for _, row := range rows {
			if it, has, _ := r.fromRow(row); has {
				items = append(items, it)
			}
		}
		if err := r.out.write(r.wanted(items, "")); err != nil {
			return err
		}
	}
	return nil
}

// readParents reads what hangs on rows of a listing by offset, and waits for it.
func (w *walk) readParents(ctx context.Context, rows []rawjson.Object) error {
	var need []*reading
	for _, r := range w.readings {
		if r.asks && !r.failures.refused() {
			need = append(need, r)
		}
	}
	if need == nil {
		return nil
	}
	var parents sync.WaitGroup
	defer parents.Wait()
	for _, row := range rows {
		p, err := method.ParentOf(w.plan.Listing, row)
		if err != nil {
			return err
		}
		if err := w.workers.do(ctx, &parents, func() {
			w.readParent(ctx, &parent{Parent: p, unit: &unit{}, need: need})
		}); err != nil {
			return err
		}
	}
	return nil
}
