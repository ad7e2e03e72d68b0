package engine

import (
	"errors"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// This file ends streams. COMPLETE, the new bookmark and ACTIVATE_VERSION need one proof: all lists of
// the stream ended, nothing failed, every parent that vanished is proven to be gone, and a probe
// succeeded after the stream's last answer.

// ending is a stream whose walk is over and that waits for the proof of the account.
type ending struct {
	*reading
	// over reports whether every list was read until the site said that it ends.
	over bool
	// typed reports whether the walk read custom content, of which the settings may choose types.
	typed bool
	// audited reports whether shortcuts were compared.
	audited bool
	// whole reports whether the walk began at the beginning and skipped nothing.
	whole bool
}

// closer ends streams. It is used under the ledger's lock.
type closer struct {
	*services
	state *state.State
	// write writes the state behind a change of one stream.
	write func(name string) error
}

// open announces that a stream is being read. It is the first message of the stream.
func (c *closer) open(out *output) error {
	if out.opened {
		return nil
	}
	out.opened = true
	for _, s := range []emit.Status{emit.Started, emit.Running} {
		if err := c.Sink.Status(out.name, s); err != nil {
			return err
		}
	}
	return nil
}

// complete ends a stream, with a proof of the account that began after its last answer. Rows come
// first, then the table version, the state and the status. So if the run is cut in between, the next
// one writes again what is missing.
func (c *closer) complete(e *ending, account state.Account) error {
	out := e.out
	if cause := e.err(); cause != nil {
		return c.incomplete(out, e.Hash, cause)
	}
	n, _ := e.failures.total()
	proof, err := state.Evidence{Ended: e.over, Failures: n, Account: account}.Prove()
	if err != nil {
		return c.incomplete(out, e.Hash, err)
	}
	switch {
	case e.Incremental && e.Stream.Listing.Typed: // its types have bookmarks of their own
		c.state.FinishIncremental(out.name, e.Hash, time.Time{}, e.audited, proof)
	case e.Incremental:
		c.state.FinishIncremental(out.name, e.Hash, e.bookmark(c.Config.LookbackWindow), e.audited, proof)
	default:
		if e.activates(proof) {
			if err := c.Sink.ActivateVersion(out.name, out.version); err != nil {
				return err
			}
		}
		c.state.FinishFull(out.name, e.Hash, proof)
	}
	c.log.Debug("stream is complete", "stream", out.name, "rows", out.rows.Load())
	out.tellUnconverted()
	return c.ended(out, StreamReport{Ended: true}, emit.Complete)
}

// activates reports whether the records of this run are the whole table: read from the
// beginning to the end in this one run, unnarrowed, with at least one row and the account
// named.
func (e *ending) activates(p state.Proof) bool {
	cfg := e.out.Config
	narrowed := len(cfg.SpaceKeys)+len(cfg.ExcludeSpaceKeys) > 0 || e.typed && len(cfg.CustomContentTypes) > 0
	return e.out.version != 0 && p.Named() && e.whole && !narrowed && !e.partial() && e.out.rows.Load() > 0
}

// incomplete ends a stream that failed. Its bookmark stays. The log names the cause at the end, once
// for all streams that share it: see Report.Causes.
func (c *closer) incomplete(out *output, hash string, cause error) error {
	end := StreamReport{Ended: true, Err: cause}
	if out.sel.Incremental {
		end.Held = c.state.Entry(out.name).ReplicationKeyValue
	}
	c.log.Debug("stream failed", "stream", out.name, "error", cause)
	c.state.Fail(out.name, hash, c.PerStream)
	return c.ended(out, end, emit.Incomplete)
}

// settled ends a stream that is not read in this run.
func (c *closer) settled(out *output, s plan.Settled) error {
	if err := c.open(out); err != nil {
		return err
	}
	switch {
	case s.Failed != nil:
		return c.incomplete(out, s.Hash, s.Failed)
	case s.Empty != "":
		c.report.warnOnce(s.Empty, s.Empty, "stream", out.name)
		return c.ended(out, StreamReport{Ended: true}, emit.Complete)
	}
	c.log.Info("stream was finished before the interruption", "stream", out.name)
	return c.ended(out, StreamReport{Ended: true, Skipped: true}, emit.Complete)
}

// cutOff ends a stream that the end of the run left unfinished; the reason is told once for all.
func (c *closer) cutOff(out *output) error {
	if err := c.open(out); err != nil {
		return err
	}
	return c.ended(out, StreamReport{CutOff: true}, emit.Incomplete)
}

// ended writes a stream's last state, then why it failed, if it did, then its status. It notes the end
// last: a stream whose last state can't be written has not ended.
func (c *closer) ended(out *output, end StreamReport, s emit.Status) error {
	if err := c.write(out.name); err != nil {
		return err
	}
	if end.Err != nil {
		if err := c.Sink.Failed(out.name, Explain(end.Err)); err != nil {
			return err
		}
	}
	if err := c.Sink.Status(out.name, s); err != nil {
		return err
	}
	out.ended(end)
	return nil
}

// IncompleteError names the streams that failed in a run that otherwise came to its end.
type IncompleteError struct{ Streams []string }

// Error names the streams.
func (e *IncompleteError) Error() string {
	if len(e.Streams) == 1 {
		return "the stream " + e.Streams[0] + " failed"
	}
	return "streams failed: " + strings.Join(e.Streams, ", ")
}

// Explain turns a run's error into the failure that Airbyte's TRACE message shows to the user.
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
