package engine

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/schemas"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
)

// lookup reads one stream by ids: those that a search shows, and those that records of the run name. It
// begins with the walks and ends after them. A batch of ids is asked for as soon as it is full. Every
// state holds the ids whose records are not on stdout yet.
type lookup struct {
	*walk
	r      *reading
	people map[string][]schemas.Person // by stream
	more   chan struct{}               // a batch is full

	mu sync.Mutex // guards all below
	// met are hashes of all ids met so far.
	met  map[uint64]struct{}
	seed maphash.Seed
	// waiting are ids that are to be asked for, owed those that are asked for or that could not
	// be had. A state names both.
	waiting, owed []string
}

// lookUp begins a lookup: every record that is written from now on may name ids for it.
func (r *Run) lookUp(w *walk) (*lookup, error) {
	l := &lookup{
		walk: w, r: w.readings[0], people: map[string][]schemas.Person{}, more: make(chan struct{}, 1),
		met: map[uint64]struct{}{}, seed: maphash.MakeSeed(),
	}
	for _, id := range w.plan.Named {
		l.meet([]byte(id), func() string { return id })
	}
	for _, out := range r.ledger.outputs {
		if out == l.r.out {
			continue
		}
		people, err := schemas.People(out.name)
		if err != nil {
			return nil, fmt.Errorf("preparing stream %s: %w", l.r.out.name, err)
		}
		l.people[out.name] = people
		out.observe(l)
	}
	return l, r.ledger.lookUp(l, l.readings)
}

// wrote meets the ids that a record names. It is told before the record is on stdout.
func (l *lookup) wrote(out *output, it method.Item) {
	for _, p := range l.people[out.name] {
		if p.Kind != nil {
			if kind, _ := it.Row.Inside(p.Kind).Text(); !isUser(kind) {
				continue
			}
		}
		v := it.Row.Inside(p.Path)
		l.meetValue(v)
		for id := range v.Elements() {
			l.meetValue(id)
		}
	}
}

func isUser(kind string) bool { return kind == "user" || kind == "USER" }

// meetValue meets an id in a row.
func (l *lookup) meetValue(v rawjson.Value) {
	if len(v) > 2 && v[0] == '"' {
		l.meet(v[1:len(v)-1], func() string { id, _ := v.Text(); return id })
	}
}

// meet queues an id that has not been met before.
func (l *lookup) meet(raw []byte, id func() string) {
	hash := maphash.Bytes(l.seed, raw)
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.met[hash]; known {
		return
	}
	l.met[hash] = struct{}{}
	l.waiting = append(l.waiting, id())
	if len(l.waiting) >= l.plan.Listing.Bulk.Max {
		select {
		case l.more <- struct{}{}:
		default:
		}
	}
}

// unread returns the stream's name and the ids whose records are not on stdout yet.
func (l *lookup) unread() (name string, ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.out.name, slices.Concat(l.owed, l.waiting)
}

// claims returns nothing: a lookup has no position.
func (l *lookup) claims() []claim { return nil }

// read looks up what is named until the walks are over.
func (l *lookup) read(ctx context.Context, walked <-chan struct{}) error {
	g, group := errgroup.WithContext(ctx)
	searched := make(chan struct{})
	g.Go(func() error {
		defer close(searched)
		return l.search(group)
	})
	g.Go(func() error {
		for _, done := range []<-chan struct{}{searched, walked} {
			if err := l.full(group, done); err != nil {
				return err
			}
		}
		return l.ask(group, 1)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	l.over = true
	return l.ledger.leave(l, l.endings(nil))
}

// full asks for full batches until what finds ids is done.
func (l *lookup) full(ctx context.Context, done <-chan struct{}) error {
	for {
		select {
		case <-l.more:
			if err := l.ask(ctx, l.plan.Listing.Bulk.Max); err != nil {
				return err
			}
		case <-done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ask asks for batches while at least so many ids wait.
func (l *lookup) ask(ctx context.Context, least int) error {
	most := l.plan.Listing.Bulk.Max
	for {
		l.mu.Lock()
		if len(l.waiting) < least {
			l.mu.Unlock()
			return nil
		}
		batch := slices.Clone(l.waiting[:min(most, len(l.waiting))])
		l.waiting = append([]string(nil), l.waiting[len(batch):]...)
		l.owed = append(l.owed, batch...)
		l.mu.Unlock()
		refused, words, err := l.batch(ctx, batch)
		if refused == len(batch) {
			err = words // it is not about one of them
		}
		if err != nil {
			if stop := l.interrupts(ctx, err); stop != nil {
				return stop
			}
			l.r.failures.add(fmt.Errorf("looking up %d %s by id: %w", len(batch), l.plan.Listing.Name, err))
			continue // they stay owed, and are asked for in the next run
		}
		l.unknown(refused)
		l.settle(batch)
	}
}

// settle notes that ids are looked up.
func (l *lookup) settle(batch []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owed = slices.DeleteFunc(l.owed, func(id string) bool { return slices.Contains(batch, id) })
}

// batch asks for items by their ids and writes them. The site may refuse a whole batch because of
// one id that is none: then it is asked for in halves. It returns how many ids were refused alone,
// and in which words. Ids that two lists do not show are unknown to the site; an answer without a
// list shows nothing of anybody.
func (l *lookup) batch(ctx context.Context, ids []string) (refused int, words, err error) {
	left := ids
	for lists, asked := 0, 0; lists < 2 && len(left) > 0; asked++ {
		left, err = l.show(ctx, left)
		switch kind := client.KindOf(err); {
		case err == nil:
			lists++
		case kind == client.KindMalformed && asked < 2: // it is asked for again
		case kind == client.KindBadRequest && len(ids) == 1:
			return 1, err, nil
		case kind == client.KindBadRequest && l.r.failures.none():
			return l.halves(ctx, ids)
		default:
			return 0, nil, err
		}
	}
	l.unknown(len(left))
	return 0, nil, nil
}

// show asks for items by their ids, writes those that the answer shows, and returns the ids of the
// others.
func (l *lookup) show(ctx context.Context, ids []string) (left []string, err error) {
	req, err := method.BulkRequest(l.plan.Listing.Bulk, ids)
	if err != nil {
		return ids, err
	}
	e := &env{walk: l.walk}
	doc, err := e.Get(ctx, l.r.Reader, req)
	if err != nil {
		return ids, err
	}
	results := doc.Get("results")
	if len(results) == 0 || results[0] != '[' {
		return ids, &client.Error{Kind: client.KindMalformed, Method: req.Method, Path: req.Path, Message: "the answer holds no list"}
	}
	var items []method.Item
	left = slices.Clone(ids)
	for v := range results.Elements() {
		if row, ok := v.Object(); ok {
			items = append(items, method.Item{Row: row})
			shown, _ := row.Get(l.r.Stream.Key[0]).Text()
			left = slices.DeleteFunc(left, func(id string) bool { return id == shown })
		}
	}
	if err := l.r.out.write(items); err != nil {
		return ids, err
	}
	return left, nil
}

func (l *lookup) halves(ctx context.Context, ids []string) (refused int, words, err error) {
	for _, half := range [][]string{ids[:len(ids)/2], ids[len(ids)/2:]} {
		n, said, err := l.batch(ctx, half)
		if err != nil {
			return 0, nil, err
		}
		if n > 0 {
			refused, words = refused+n, said
		}
	}
	return refused, words, nil
}

// unknown counts ids that the site does not know.
func (l *lookup) unknown(n int) {
	for range n {
		l.report.skip("ids of " + l.plan.Listing.Name + " that the site does not know")
	}
}

// searchEnds is how many people the search gives at most.
const searchEnds = 10_000

// search finds ids. A search that is refused is a warning: whom records name comes all the same. One
// that breaks off before its end is a failure.
func (l *lookup) search(ctx context.Context) error {
	list := &l.plan.Lists[0]
	id := func(row rawjson.Object) string {
		text, _ := row.Inside(l.plan.Listing.IDPath).Text()
		return text
	}
	found := client.OffsetList{Request: list.Request, Limit: l.plan.Listing.Limit(l.Config.PageSize), Key: id}
	n := 0
	err := l.Client.OffsetPages(ctx, found, func(rows []rawjson.Object, _ time.Time) error {
		l.countRequest()
		n += len(rows)
		for _, row := range rows {
			l.meetValue(row.Inside(l.plan.Listing.IDPath))
		}
		return nil
	})
	if err == nil {
		return nil
	}
	if stop := l.interrupts(ctx, err); stop != nil {
		return stop
	}
	if status := statusOf(err); status >= 400 && status < 500 && (n == 0 || n+found.Limit >= searchEnds) {
		l.log.Warn("the search is refused: only what records name is read", "stream", l.r.out.name, "error", site.SearchError(err))
		return nil
	}
	l.r.failures.add(fmt.Errorf("searching for %s: %w", l.plan.Listing.Name, err))
	return nil
}
