package engine

import (
	"context"
	"fmt"
	"sync"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// Shortcuts prove themselves on the site that is being read: on a few parents the plain
// route is read beside them. A stream whose shortcut lacks something leaves its walk and is
// read again by the plain route, now and from then on.

// audits counts what was compared, for the summary.
type audits struct {
	mu     sync.Mutex
	order  []string
	counts map[string]int
	failed map[string]bool
}

func (a *audits) add(name string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.counts == nil {
		a.counts, a.failed = map[string]int{}, map[string]bool{}
	}
	if a.counts[name] == 0 {
		a.order = append(a.order, name)
	}
	a.counts[name]++
	a.failed[name] = a.failed[name] || !ok
}

// lines tells what was compared.
func (a *audits) lines() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var lines []string
	for _, name := range a.order {
		verdict := "nothing missing"
		if a.failed[name] {
			verdict = "FAILED: read again by the plain route"
		}
		lines = append(lines, fmt.Sprintf("%s: compared on %d parents, %s", name, a.counts[name], verdict))
	}
	return lines
}

// distrust takes a stream out of its walk because its shortcut lacks something, and says so.
func (w *walk) distrust(f *feed, shortcut, parent, difference string) {
	w.run.audits.add(shortcut+" ("+f.name+")", false)
	if f.left.Load() {
		return
	}
	w.leave(f)
	w.run.ledger.update(f.name, func(e *state.Entry) { e.Plain = true })
	w.run.log.Warn("a shortcut does not give what the plain route gives: the stream starts again by the plain route, now and in later runs. "+
		"Rows that were sent already are sent again: a target that upserts by key is right afterwards, one that appends holds them twice",
		"stream", f.name, "shortcut", shortcut, "parent", parent, "difference", difference)
}

// uncompared says that a shortcut can't be compared on this site: its rows stand.
func (w *walk) uncompared(f *feed, shortcut string, err error) {
	w.run.warnOnce("uncompared "+shortcut+f.name, "a shortcut can't be compared with its plain route in this run",
		"stream", f.name, "shortcut", shortcut, "error", err)
}

// plainRecords reads one stream's records of one parent by the plain route.
func (f *feed) plainRecords(ctx context.Context, p *parent) (records, []item, error) {
	var items []item
	err := f.collect(ctx, f.childRequest(p.id), p, &items)
	if client.KindOf(err) == client.KindNotFound {
		return records{}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	all, err := f.records(items)
	return all, items, err
}

// collect gathers the rows of a plain list, and of the replies below them, without writing.
func (f *feed) collect(ctx context.Context, req client.Request, p *parent, into *[]item) error {
	return f.readTree(ctx, req, p, func(rows []row) error {
		for _, it := range f.childItems(rows, p) {
			own, err := rawjson.ParseObject(append([]byte(nil), it.row.Raw()...))
			if err != nil {
				return fmt.Errorf("reading a row back: %w", err)
			}
			*into = append(*into, item{own, it.from})
		}
		return nil
	})
}

// auditTogether compares a combined read with the plain lists before its rows are written.
// Rows that change meanwhile are read again once.
func (w *walk) auditTogether(ctx context.Context, p *parent, feeds []*feed, doc rawjson.Object) error {
	const shortcut = "combined read"
	for _, f := range feeds {
		rows, more, err := block(doc, f.stream.Include)
		if err != nil {
			return err
		}
		if more || f.tooFew(rows, p) {
			continue // the plain list is read anyway
		}
		difference, plain, err := f.compareRows(ctx, p, rows, nil)
		if err == nil && difference != "" {
			var again string
			if again, err = w.compareAgain(ctx, p, feeds, f, plain); err == nil {
				difference = again
			}
		}
		switch {
		case err != nil && endsRun(ctx, err):
			return err
		case difference != "": // also where it could not be looked at again
			w.distrust(f, shortcut, p.id, difference)
		case err != nil:
			w.uncompared(f, shortcut, err)
		default:
			w.run.audits.add(shortcut+" ("+f.name+")", true)
		}
	}
	return nil
}

// compareAgain repeats a combined read that differed from the plain list, and then that list:
// what changes meanwhile is no difference. Nor is a parent that vanished.
func (w *walk) compareAgain(ctx context.Context, p *parent, feeds []*feed, f *feed, plain records) (string, error) {
	doc, err := w.run.Client.Get(ctx, w.togetherRequest(p, feeds))
	if client.KindOf(err) == client.KindNotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	rows, more, err := block(doc, f.stream.Include)
	if err != nil || more {
		return "", err
	}
	difference, _, err := f.compareRows(ctx, p, rows, plain)
	return difference, err
}

// compareRows compares a shortcut's rows of a parent with its plain list, which it returns.
// With an earlier reading of that list, only what both have alike counts: it was there when
// the shortcut was asked in between.
func (f *feed) compareRows(ctx context.Context, p *parent, rows []row, earlier records) (string, records, error) {
	short, err := f.records(f.childItems(rows, p))
	if err != nil {
		return "", nil, err
	}
	plain, _, err := f.plainRecords(ctx, p)
	if err != nil {
		return "", nil, err
	}
	if earlier != nil {
		plain = alike(earlier, plain)
	}
	return lacks(short, plain), plain, nil
}

// auditFirst compares the version that a parent at version 1 shows with its plain list,
// before it is written.
func (w *walk) auditFirst(ctx context.Context, p *parent, f *feed, it item) error {
	const shortcut = "first version without a request"
	short, err := f.records([]item{it})
	if err != nil {
		return err
	}
	plain, items, err := f.plainRecords(ctx, p)
	if err != nil {
		if endsRun(ctx, err) {
			return err
		}
		w.uncompared(f, shortcut, err)
		return f.write([]item{it}, f.since())
	}
	if difference := lacks(short, plain); difference != "" {
		// An edit between listing and reading makes a second version, and no liar.
		if len(plain) > 1 && w.grew(ctx, p) {
			return f.write(items, f.since())
		}
		w.distrust(f, shortcut, p.id, difference)
		return nil
	}
	w.run.audits.add(shortcut+" ("+f.name+")", true)
	return f.write([]item{it}, f.since())
}

// grew says whether a parent is beyond version 1 by now, or gone: then nothing can be proven.
func (w *walk) grew(ctx context.Context, p *parent) bool {
	doc, err := w.run.Client.Get(ctx, itemRequest(w.listing, p.id, w.itemStatus(nil, p)))
	return err != nil || versionNumber(doc) > 1
}

// firstItem copies what the derived record of a parent is made of.
func firstItem(it item) (item, error) {
	own, err := rawjson.ParseObject(append([]byte(nil), it.row.Raw()...))
	if err != nil {
		return item{}, fmt.Errorf("reading a version back: %w", err)
	}
	return item{own, record.Source{ParentID: it.from.ParentID, ParentTitle: it.from.ParentTitle, Derived: true}}, nil
}
