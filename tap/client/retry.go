package client

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// shrinkAfter is the number of retries after which a page that keeps answering 5xx is
	// asked for in smaller parts.
	shrinkAfter = 2
	// shapeRetries is how often JSON of the wrong shape is asked for again. It is rarely
	// bad luck.
	shapeRetries = 2
	// briefRetries is how often a call that has to be quick is sent again.
	briefRetries = 2
	// longestStep bounds a wait between retries that the site did not ask for.
	longestStep = 60 * time.Second
)

// retry says how a failure is tried again.
type retry int

const (
	never    retry = iota
	linear         // after a wait that grows by the same step each time
	throttle       // when the gate opens again
	pause          // when the gate opens again, which is closed for a pause of the spell
)

// failure is a failed attempt: the error it would be if it were the last, and what may be
// done about it.
type failure struct {
	err   *Error
	retry retry
	most  int // retries for this kind of failure in a row; negative: max_retries alone decides
	// wait is for how long all requests pause after a vague answer, and nth says which pause of
	// the spell that is.
	wait time.Duration
	nth  int
	// stated reports whether the answer said how long to wait, which may be zero.
	stated bool
	// smaller reports whether the same rows asked for in smaller parts may succeed.
	smaller bool
	// stray reports whether this answer, among good ones, may not be meant: see doubtful.
	stray bool
}

// Error returns the text of the error that the failure would be.
func (f *failure) Error() string { return f.err.Error() }

func fatal(e *Error) *failure     { return &failure{err: e} }
func retryable(e *Error) *failure { return &failure{err: e, retry: linear, most: -1} }

// callKey is the key of a request's context for its call.
type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// newRetrier returns the client's go-retryablehttp. It knows no policy of its own: its hooks
// find the call in the request's context, which decides (again) and waits (await).
func newRetrier(client *http.Client) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: client,
		RetryMax:   math.MaxInt32, // the call counts
		CheckRetry: func(ctx context.Context, _ *http.Response, err error) (bool, error) {
			// Before an answer is handled it passes, whatever it is: handle sees all of them.
			return err != nil && callOf(ctx).again(ctx, err), nil
		},
		Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return 0 },
		PrepareRetry: func(req *http.Request) error { return callOf(req.Context()).await(req.Context()) },
		// The call knows its last failure: all that counts here is that there is one.
		ErrorHandler: func(_ *http.Response, err error, _ int) (*http.Response, error) { return nil, err },
	}
}

// again notes a failure and reports whether the request is sent again.
func (k *call) again(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		k.failure = fatal(stopped(context.Cause(ctx)))
		return false
	}
	var f *failure
	if !errors.As(err, &f) {
		f = k.unanswered(err)
	}
	if k.failure != nil && k.failure.err.Kind == f.err.Kind {
		k.row++
	} else {
		k.row = 1
	}
	k.failure = f
	k.vague = k.vague || f.retry == pause
	if longest := k.c.cfg.MaxRetryWait; f.retry == throttle && f.err.RetryAfter > longest {
		e := tooLong(f.err.RetryAfter, askedToWait(f.err.RetryAfter, f.err.Status), longest)
		k.failure = fatal(e)
		return false
	}
	return f.retry != never && k.patient(f)
}

// patient reports whether the call has a retry left. Pauses after vague answers have a bound
// of their own and aren't counted against max_retries, but for 0, which means none at all.
func (k *call) patient(f *failure) bool {
	most := k.c.cfg.MaxRetries
	if k.brief {
		most = min(most, briefRetries)
	}
	switch {
	case k.req.Once, most == 0, f.most >= 0 && k.row > f.most:
		return false
	case f.retry == pause:
		return k.pause(f)
	}
	return k.retries < most
}

// pause lets all requests pause after a vague answer, and reports whether the call is sent again.
// A spell that has had all its pauses holds nobody back: a call that meets it is sent again once,
// on its own, which shows whether the spell is over.
func (k *call) pause(f *failure) bool {
	if f.wait, f.nth = k.c.pace.pause(k.sent, k.c.retryWait); f.nth > 0 {
		return true
	}
	f.retry, f.most = linear, 1
	return k.row <= f.most
}

// await waits before the next attempt. Waits for a limit are not its own: the gate holds
// this worker back as it does all others.
func (k *call) await(ctx context.Context) error {
	k.c.count.retries.Add(1)
	f, wait := k.failure, time.Duration(0)
	shown, nth, most := f.err.RetryAfter, k.row, f.most
	if f.retry != pause {
		k.retries++
	}
	switch {
	case f.retry == pause:
		shown, nth, most = f.wait, f.nth, len(vaguePauses)
	case f.retry == linear:
		wait = k.step(k.c.retryWait * time.Duration(k.retries))
		shown = wait
	case !f.stated:
		shown = k.step(k.c.retryWait << min(k.throttled, 8))
		k.throttled++
		k.c.pace.shut(time.Now().Add(shown), "the site's rate limit is reached")
	}
	if most < 0 {
		nth, most = k.retries, k.c.cfg.MaxRetries
	}
	k.c.log.Warn("trying again", "request", shortPath(k.req), "reason", f.err.reason(),
		"wait", shown.Round(time.Millisecond).String(), "retry", nth, "of", most)
	k.c.pace.announce(time.Now().Add(wait), wait, f.err.reason())
	if wait == 0 {
		return nil
	}
	return sleep(ctx, wait)
}

// step bounds a wait of our own choice, and spreads it by a quarter to both sides, so that
// several taps that failed together don't come back together.
func (k *call) step(d time.Duration) time.Duration {
	d = min(d, longestStep)
	return min(d*3/4+rand.N(d/2+1), k.c.cfg.MaxRetryWait) //nolint:gosec // jitter is no secret
}
