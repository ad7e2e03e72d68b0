package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// failuresInARow is how many parents in a row may fail before a stream stops.
const failuresInARow = 20

// feed is one selected stream: it makes records of rows, writes them, and knows whether
// the stream failed.
type feed struct {
	run    *Run
	name   string
	stream *stream.Stream
	sel    catalog.Selection
	build  *record.Builder
	// bookmark is the time from which on an incremental stream's records are wanted.
	bookmark time.Time
	// from is the time from which on versions of changed parents are wanted.
	from    time.Time
	version int64
	// fresh says that an incremental stream has no bookmark yet and is read from the anchor on.
	fresh bool
	// plain says that the stream's rows are read by the plain route.
	plain bool
	// narrow says that the run's spaces are so few that reading by parent is cheaper.
	narrow bool

	rows, requests atomic.Int64
	finished       atomic.Bool // its entry is final
	watch          atomic.Pointer[watch]
	older          atomic.Bool // its plain lists are read by the older route
	anyOrder       atomic.Bool // its plain lists can't be read newest first
	left           atomic.Bool // it left its walk, to be read by its plain route
	skip           bool        // finished by the run that this one goes on with
	started, ended bool        // owned by the walk that runs it, then by conclude

	mu     sync.Mutex
	failed error
	cut    bool // failed only because the run ended
	inARow int

	writing emit.Lock // held while records are made and written
	buf     []byte
	newest  time.Time // the newest change of all rows seen, kept for unordered listings
}

func newFeed(r *Run, sel catalog.Selection) (*feed, error) {
	f := &feed{run: r, name: sel.Stream.Name, stream: sel.Stream, sel: sel, writing: emit.NewLock()}
	var err error
	f.build, err = record.New(sel, r.Config.ValidateRecords, func(msg string, args ...any) {
		r.warnOnce(f.name+msg+fmt.Sprint(args...), msg, append([]any{"stream", f.name}, args...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("preparing stream %s: %w", f.name, err)
	}
	return f, nil
}

// newVersion draws another table version for a full read that starts over: what it has written
// so far is not of it.
func (f *feed) newVersion() {
	if f.version == 0 {
		return
	}
	f.version = max(f.version+1, f.run.Now().UnixMilli())
	f.run.ledger.update(f.name, func(e *state.Entry) { e.Version = f.version })
}

// begin tells that the stream is being read.
func (f *feed) begin() error {
	if f.started {
		return nil
	}
	f.started = true
	f.run.log.Debug("starting stream", "stream", f.name, "incremental", f.sel.Incremental)
	for _, s := range []emit.Status{emit.Started, emit.Running} {
		if err := f.run.Sink.Status(f.name, s); err != nil {
			return err
		}
	}
	f.run.ledger.open(f.name)
	return nil
}

// end tells how the stream ended: its last state, then its status.
func (f *feed) end() error {
	if err := f.begin(); err != nil {
		return err
	}
	f.ended = true
	f.finished.Store(true)
	f.run.ledger.tell(f.name)
	// Behind the last stream of a state that is told as a whole comes the run's own last state.
	if f.run.PerStream || !f.run.allFinished() {
		if err := f.run.ledger.flush(); err != nil {
			return err
		}
	}
	if err := f.err(); err != nil {
		if f.isCutOff() { // told once for the whole run
			return f.run.Sink.Status(f.name, emit.Incomplete)
		}
		if e := f.run.Sink.Failed(f.name, Explain(err)); e != nil {
			return e
		}
		return f.run.Sink.Status(f.name, emit.Incomplete)
	}
	f.run.log.Debug("stream is complete", "stream", f.name, "rows", f.rows.Load())
	return f.run.Sink.Status(f.name, emit.Complete)
}

// allFinished says whether every stream has ended.
func (r *Run) allFinished() bool {
	return !slices.ContainsFunc(r.order, func(f *feed) bool { return !f.finished.Load() })
}

// err returns why the stream failed, or nil.
func (f *feed) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// fail makes the stream fail; the first reason stays.
func (f *feed) fail(err error) {
	f.mu.Lock()
	first := f.failed == nil
	if first {
		f.failed = err
	}
	f.mu.Unlock()
	if first {
		f.run.log.Error("stream failed", "stream", f.name, "error", err)
	}
}

// cutOff makes the stream fail because the whole run ended, which is told once for all.
func (f *feed) cutOff(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil && !f.skip && err != nil {
		f.failed, f.cut = err, true
	}
}

// isCutOff says whether the stream has no failure of its own.
func (f *feed) isCutOff() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cut
}

// failParent makes the stream fail at its end because of one parent; the others are still
// read, unless too many fail in a row.
func (f *feed) failParent(id string, err error) {
	f.fail(fmt.Errorf("reading %s of %s: %w", f.name, id, err))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inARow++
	if f.inARow == failuresInARow {
		f.run.log.Error("stream stopped: too many parents failed in a row", "stream", f.name, "parents", f.inARow)
	}
}

// succeeded notes that a parent was read well.
func (f *feed) succeeded() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inARow < failuresInARow {
		f.inARow = 0
	}
}

// stopped says that no more parents are to be read for the stream.
func (f *feed) stopped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.inARow >= failuresInARow
}

// wanted says whether a row changed at or after a time; a row that doesn't tell is wanted.
func (f *feed) wanted(row row, since time.Time) bool {
	t, err := changed(f.stream.ReplicationKey, row)
	if err == nil && t.After(f.newest) {
		f.newest = t
	}
	return err != nil || !t.Before(since)
}

// changed returns a row's time of change by a stream's replication key.
func changed(key string, row row) (time.Time, error) {
	v := row.Get(key)
	if key == "modifiedAt" {
		v = row.Get("version").Member("createdAt")
	}
	text, ok := v.Text()
	if !ok {
		return time.Time{}, fmt.Errorf("the row has no %s", key)
	}
	return timestamp.Parse(text)
}

// page reads one page for the stream's account.
func (f *feed) page(ctx context.Context, p *client.Pager, cursor string) (*client.Page, error) {
	f.requests.Add(1)
	return p.Page(ctx, cursor)
}

// since is the time from which on records of a parent's own list are wanted.
func (f *feed) since() time.Time {
	if !f.sel.Incremental {
		return time.Time{}
	}
	if f.stream.Derive == stream.FirstVersion {
		return f.from
	}
	return f.bookmark
}
