package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// InterruptedError ends a sync, which the next run resumes: the site does not answer, or no longer
// knows the account, or the run was stopped.
type InterruptedError struct {
	// Lost reports whether the site answered but no longer knows the account.
	Lost bool
	// Asked reports whether the probe found that out; otherwise the run was stopped.
	Asked bool
	// Cause is the error of the probe, or the reason of the stop.
	Cause error
}

// Error says why the sync was interrupted.
func (e *InterruptedError) Error() string {
	if e.Lost {
		return fmt.Sprintf("the site no longer knows the account: %v", e.Cause)
	}
	return fmt.Sprintf("interrupted: %v", e.Cause)
}

// Unwrap returns the cause.
func (e *InterruptedError) Unwrap() error { return e.Cause }

// Open asks the site who is signed in, and remembers that account for the run. Now is the local time,
// which counts if the site gives none. Errors are those of client.Probe.
func (s *Site) Open(ctx context.Context, now time.Time) error {
	s.clock, s.local = now, now
	who, err := s.client.Probe(ctx)
	if err != nil {
		return err
	}
	s.account, s.user = who.AccountID, who.User
	if !who.Date.IsZero() {
		s.clock, s.told = who.Date, true
	}
	if s.account == "" {
		why := cmp.Or(who.Unnamed, errors.New("its answer holds no account id"))
		s.log.Warn("the site does not tell whose token this is: no table version will be activated", "error", why)
	}
	s.log.Debug("the site answers", "url", who.URL, "gateway", who.Gateway, "account", s.account)
	return nil
}

// Prove asks the site whether it still names the account, with a probe that begins after the call.
// Callers that wait at the same time share one probe. The error is *InterruptedError: the site does
// not answer, or names another account, or the run was stopped.
func (s *Site) Prove(ctx context.Context) (state.Account, error) {
	s.proofs.mu.Lock()
	if s.proofs.turn == nil {
		s.proofs.turn = make(chan struct{}, 1)
	}
	mine := s.proofs.next
	if mine != nil {
		s.proofs.mu.Unlock()
		select {
		case <-mine.done:
		case <-ctx.Done():
			return state.Account{}, &InterruptedError{Cause: context.Cause(ctx)}
		}
		if stopped, ok := errors.AsType[*InterruptedError](mine.err); ok && !stopped.Asked {
			return s.Prove(ctx) // its asker was stopped, this one was not
		}
		return mine.account, mine.err
	}
	mine = &probe{done: make(chan struct{})}
	s.proofs.next = mine
	s.proofs.mu.Unlock()

	s.proofs.turn <- struct{}{} // the probe under way may have begun before this call
	defer func() { <-s.proofs.turn }()
	s.proofs.mu.Lock()
	s.proofs.next = nil
	s.proofs.mu.Unlock()
	mine.account, mine.err = s.ask(ctx)
	close(mine.done)
	return mine.account, mine.err
}

// ask sends the probe and reads its answer.
func (s *Site) ask(ctx context.Context) (state.Account, error) {
	who, err := s.client.Whoami(ctx)
	switch {
	case err == nil && s.account == "":
		return state.Proven(false), nil
	case err == nil && who.AccountID == "":
		return state.Proven(false), nil
	case err == nil && who.AccountID == s.account:
		return state.Proven(true), nil
	case err == nil:
		return state.Account{}, &InterruptedError{Lost: true, Asked: true, Cause: &client.Error{
			Kind: client.KindToken, Message: "the site answers for another account than at the beginning", Hint: "run again with the token of one account",
		}}
	}
	switch k := client.KindOf(err); {
	case lost(k):
		return state.Account{}, &InterruptedError{Lost: true, Asked: true, Cause: err}
	case k == client.KindGone, k == client.KindForbidden, k == client.KindBadRequest:
		return state.Proven(false), nil // the route is closed, the site is there
	}
	return state.Account{}, &InterruptedError{Asked: ctx.Err() == nil, Cause: err}
}

// lost reports whether a probe's error says that the account is lost.
func lost(k client.Kind) bool {
	switch k {
	case client.KindToken, client.KindAnonymous, client.KindLicence, client.KindVague, client.KindNotFound, client.KindSite:
		return true
	}
	return false
}

// Judge decides whether a request's error concerns the whole sync, and asks the probe for that. It
// returns nil if the error concerns only that request, else an error that wraps *InterruptedError.
func (s *Site) Judge(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &InterruptedError{Cause: context.Cause(ctx)}
	}
	if interrupted, ok := errors.AsType[*InterruptedError](err); ok {
		return interrupted
	}
	if _, refused := s.Prove(ctx); refused != nil {
		return fmt.Errorf("%w (asked after: %w)", refused, err)
	}
	return nil
}
