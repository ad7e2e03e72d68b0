package site

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// InterruptedError is what ends a whole sync and leaves it open for the next run: the site does
// not answer, or no longer knows the account, or the run was stopped.
type InterruptedError struct {
	// Lost reports whether the site answered without knowing the account any more.
	Lost bool
	// Asked reports whether the probe said so; otherwise the run was stopped.
	Asked bool
	// Cause is why.
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

// Open asks the site who is signed in, and remembers the account as the run's.
func (s *Site) Open(ctx context.Context, now time.Time) error {
	s.clock, s.local = now, now
	who, err := s.client.Probe(ctx)
	switch {
	case err == nil:
		s.account, s.user = who.AccountID, who.User
		if !who.Date.IsZero() {
			s.clock, s.told = who.Date, true
		}
	case client.KindOf(err) == client.KindScope:
	default:
		return err
	}
	if s.account == "" {
		s.log.Warn("the site does not tell whose token this is: no table version will be activated", "error", err)
	}
	s.log.Debug("the site answers", "url", who.URL, "gateway", who.Gateway, "account", s.account)
	return nil
}

// Prove asks the site whether it still names the account, with a probe that begins after the
// call. The error is *InterruptedError: the site does not answer, or names another account.
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
	case k == client.KindScope, k == client.KindGone, k == client.KindForbidden, k == client.KindBadRequest:
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

// Judge decides what the error of a request concerns, in one way for all requests: the probe is
// asked. It returns nil if the error concerns only what was asked for, else what interrupts
// the sync, an *InterruptedError.
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
