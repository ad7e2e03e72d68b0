package engine

import (
	"errors"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// This file holds how a stream ends. Its COMPLETE, its bookmark and its ACTIVATE_VERSION stand
// on one proof: its lists ended, nothing of it failed, what is gone was proven to be gone, and
// the account was named after its last answer.

// ending is a stream whose walk is over and that waits for the proof of the account.
type ending struct {
	*reading
	walk *walk
}

// complete ends a stream behind a proof of the account that began after its last answer. The
// caller holds the ledger's lock. Rows, then the table version, then the state, then the
// status: a run that is cut in between goes on before what it did not write.
func (l *ledger) complete(e *ending, account state.Account) error {
	out := e.out
	n, _ := e.failures.total()
	proof, err := state.Evidence{Ended: e.walk.over, Failures: n, Account: account}.Prove()
	if err != nil {
		return l.incomplete(out, e.Hash, err)
	}
	switch {
	case e.Incremental && e.walk.plan.Listing.Typed:
		l.state.FinishIncremental(out.name, time.Time{}, e.walk.audits(e.reading), proof)
	case e.Incremental:
		l.state.FinishIncremental(out.name, e.bookmark(l.run.Config.LookbackWindow), e.walk.audits(e.reading), proof)
	default:
		if e.activates(proof) {
			if err := l.run.Sink.ActivateVersion(out.name, out.version); err != nil {
				return err
			}
		}
		l.state.FinishFull(out.name, e.Hash, proof)
	}
	out.ended(StreamReport{Ended: true})
	if err := l.tell(out.name); err != nil {
		return err
	}
	l.run.log.Debug("stream is complete", "stream", out.name, "rows", out.rows.Load())
	return l.run.Sink.Status(out.name, emit.Complete)
}

// activates reports whether the records of this run are the whole table: read from the
// beginning to the end in this one run, unnarrowed, with at least one row and the account
// named.
func (e *ending) activates(p state.Proof) bool {
	cfg := e.out.run.Config
	narrowed := len(cfg.SpaceKeys)+len(cfg.ExcludeSpaceKeys) > 0 || e.walk.plan.Listing.Typed && len(cfg.CustomContentTypes) > 0
	return e.out.version != 0 && p.Named() && !e.walk.plan.Resumed() && !narrowed &&
		!e.Uses(method.ByOwner) && !e.walk.partial && e.out.rows.Load() > 0
}

// incomplete ends a stream that failed. Its bookmark stays. The caller holds the ledger's lock.
func (l *ledger) incomplete(out *output, hash string, cause error) error {
	entry := l.state.Entry(out.name)
	args := []any{"stream", out.name, "error", cause}
	if entry.ReplicationKeyValue != "" && out.sel.Incremental {
		args = append(args, "bookmark_held_since", entry.ReplicationKeyValue)
	}
	l.run.log.Error("stream failed", args...)
	l.state.Fail(out.name, hash, l.run.PerStream)
	out.ended(StreamReport{Ended: true, Err: cause})
	if err := l.tell(out.name); err != nil {
		return err
	}
	if err := l.run.Sink.Failed(out.name, Explain(cause)); err != nil {
		return err
	}
	return l.run.Sink.Status(out.name, emit.Incomplete)
}

// settled ends a stream that is not read in this run.
func (l *ledger) settled(out *output, hash string, failed error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(out); err != nil {
		return err
	}
	if failed != nil {
		return l.incomplete(out, hash, failed)
	}
	l.run.log.Info("stream was finished before the interruption", "stream", out.name)
	out.ended(StreamReport{Ended: true, Skipped: true})
	if err := l.tell(out.name); err != nil {
		return err
	}
	return l.run.Sink.Status(out.name, emit.Complete)
}

// cutOff ends the streams that the end of the run left unfinished; the reason is told once for
// all of them.
func (l *ledger) cutOff() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, out := range l.run.order {
		if out.outcome().Ended {
			continue
		}
		if err := l.open(out); err != nil {
			return err
		}
		out.ended(StreamReport{CutOff: true})
		if err := l.tell(out.name); err != nil {
			return err
		}
		if err := l.run.Sink.Status(out.name, emit.Incomplete); err != nil {
			return err
		}
	}
	return nil
}

// IncompleteError says which streams failed while the run itself came to its end.
type IncompleteError struct{ Streams []string }

// Error names the streams.
func (e *IncompleteError) Error() string {
	if len(e.Streams) == 1 {
		return "the stream " + e.Streams[0] + " failed"
	}
	return "streams failed: " + strings.Join(e.Streams, ", ")
}

// failed returns the error of a run of which streams failed, nil if none did.
func (r *Run) failed() error {
	var names []string
	for _, out := range r.order {
		if out.outcome().Err != nil {
			names = append(names, out.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &IncompleteError{names}
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
	case client.KindServer, client.KindRateLimit, client.KindNetwork, client.KindMaintenance, client.KindStopped, client.KindVague:
		f.Type = emit.TransientError
	}
	return f
}

// isOutput reports whether an error says that stdout is gone.
func isOutput(err error) bool {
	_, gone := errors.AsType[*emit.OutputError](err)
	return gone
}
