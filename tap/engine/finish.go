package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// again returns the walk from the head that follows an incremental walk which went on from
// an earlier run. Streams that failed are not in it: they stay where they failed.
func (w *walk) again() *walk {
	from := state.Position{Walk: newName(), For: w.before.For}
	head := *w
	head.before, head.resumed, head.track, head.pagesRead = from, false, newTrack(from), 0
	head.feeds, head.own, head.children = nil, nil, nil
	for _, f := range w.feeds {
		if f.err() == nil && !f.left.Load() {
			e := w.run.ledger.entry(f.name)
			f.bookmark = timeOf(e.ReplicationKeyValue)
			head.take([]*feed{f})
		}
	}
	return &head
}

// settle makes an incremental stream's entry say that its walk is complete. A bookmark never
// moves back.
func (w *walk) settle(f *feed, e *state.Entry, quiet bool) {
	e.At = nil
	if w.incremental && w.partitioned() {
		return // each type has its own bookmark, moved when its listing ended
	}
	e.ReplicationKeyValue = later(e.ReplicationKeyValue, w.track.high())
	if e.Since = ""; f.hides() && !quiet {
		e.Since = timestamp.Format(f.from)
	}
	if !w.incremental || !w.ordered() {
		// What the last complete run saw was there before this one began.
		e.ReplicationKeyValue = later(e.ReplicationKeyValue, e.Seen)
		if !f.newest.IsZero() {
			e.Seen = later(e.Seen, timestamp.Format(f.newest))
		}
	}
}

// hides says whether a stream of the walk may miss versions of a parent that moves while it
// is being listed.
func (f *feed) hides() bool { return f.sel.Incremental && f.stream.Derive == stream.FirstVersion }

// quiet says whether no parent was edited while the walk listed them. An edited one moves
// to the head, out of the range that is read; the next run sees it, but its versions of the
// range it left have to come then, too. A single answer holds the whole range at once.
func (w *walk) quiet(ctx context.Context) bool {
	if !w.incremental || !slices.ContainsFunc(w.feeds, (*feed).hides) || w.pagesRead <= 1 {
		return true
	}
	for _, l := range w.lists {
		if l.trash {
			continue
		}
		w.countRequest()
		rows, err := w.run.firstRows(ctx, l.request, 1)
		if err != nil {
			return false
		}
		for _, row := range rows {
			if t, err := changed(w.changeField(), row.Object); err != nil || t.After(timeOf(w.track.high())) {
				return false
			}
		}
	}
	return true
}

func (w *walk) partitioned() bool { return w.listing.Typed }

// ordered says whether the walk's listings come in order of change.
func (w *walk) ordered() bool {
	for _, l := range w.lists {
		if l.order != byChange && !l.trash {
			return false
		}
	}
	return true
}

// endFeed ends a stream. A complete full read can tell the target which rows are left, unless
// a type of custom content was skipped, whose rows an earlier run may have read. It is marked
// as done behind that: a run that is cut in between goes on here.
func (w *walk) endFeed(f *feed) error {
	if f.err() != nil || f.sel.Incremental {
		return f.end()
	}
	if f.version != 0 && !w.track.position(f).Skipped && (f.rows.Load() > 0 || w.before.N > 0) {
		if err := w.run.Sink.ActivateVersion(f.name, f.version); err != nil {
			return err
		}
	}
	w.run.ledger.update(f.name, func(e *state.Entry) {
		e.At, e.Done, e.Version = nil, &state.Done{SyncID: f.sel.SyncID}, 0
	})
	return f.end()
}

// setPartition keeps the bookmark of one type of custom content; it never moves back.
func setPartition(e *state.Entry, kind, key, value string) {
	if value == "" {
		return
	}
	for i := range e.Partitions {
		if p := &e.Partitions[i]; p.Context.Type == kind {
			p.ReplicationKeyValue = later(p.ReplicationKeyValue, value)
			return
		}
	}
	e.Partitions = append(e.Partitions, state.Partition{
		Context: state.PartitionContext{Type: kind}, ReplicationKey: key,
		// Until now the type had the bookmark that stands for all.
		ReplicationKeyValue: later(e.ReplicationKeyValue, value),
	})
}

// Explain turns an error into what the user is told.
func Explain(err error) emit.Failure {
	f := emit.Failure{Message: err.Error(), Type: emit.SystemError}
	var e *client.Error
	if !errors.As(err, &e) {
		return f
	}
	switch e.Kind {
	case client.KindToken, client.KindAnonymous, client.KindScope, client.KindLicence, client.KindSite,
		client.KindForbidden, client.KindLoginPage, client.KindBadRequest, client.KindRedirect:
		f.Type = emit.ConfigError
	case client.KindServer, client.KindRateLimit, client.KindNetwork, client.KindMaintenance, client.KindStopped:
		f.Type = emit.TransientError
	}
	return f
}
