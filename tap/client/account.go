package client

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// account is what the client knows of the account that it signs in with.
type account struct {
	site  atomic.Pointer[Site] // what the probe found; nil until it has answered
	turn  chan struct{}        // held while the site is asked whether it still knows the account
	asked time.Time            // when it was last asked; under turn
	good  bool                 // what it said; under turn
}

// known reports whether the probe has answered.
func (c *Client) known() bool { return c.account.site.Load() != nil }

// Whoami repeats the probe, at the address that Probe found. It proves the account during a run:
// compare AccountID, unless Unnamed is set. With few retries it takes at most about ten seconds, plus
// the site's own limits and the pauses of a spell. Errors are of type *Error; KindToken,
// KindAnonymous, KindLicence and KindSite mean that the account is lost.
func (c *Client) Whoami(ctx context.Context) (Site, error) {
	base, err := c.address(ctx)
	if err != nil {
		return Site{}, err
	}
	if site := c.account.site.Load(); site != nil && site.Unnamed != nil {
		return c.unnamed(ctx, base, site.Unnamed, true)
	}
	return c.introduce(ctx, base, true)
}

// doubtful reports whether the last failure may be a stray one among good answers: a 401, a web page,
// or a note that nobody is signed in, from a site that has known the account.
func (k *call) doubtful() bool {
	return k.failure != nil && k.failure.stray && !k.probe && !k.req.Once && k.c.known()
}

// stillKnown reports whether the site names the same account as before, asked after that
// time. Requests that fail together ask once.
func (c *Client) stillKnown(ctx context.Context, since time.Time) bool {
	a := &c.account
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return false
	}
	if a.asked.Before(since) {
		a.asked = time.Now()
		site, err := c.Whoami(ctx)
		a.good = err == nil && (site.Unnamed != nil || site.AccountID == a.site.Load().AccountID)
	}
	return a.good
}

// proven changes an error that would end the run: the site was asked and knows the account,
// so that only this request can be what it refuses.
func (k *call) proven(err error) error {
	e, ok := errors.AsType[*Error](err)
	if ok && k.failure.stray && e.Kind.SiteWide() {
		e.Kind, e.Hint = KindVague, "the site still knows the account, and refuses only this request"
	}
	return err
}
