package client

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
)

const (
	// shrinkAfter is the number of retries after which a page that keeps answering 5xx is
	// asked for in smaller parts.
	shrinkAfter = 2
	// shapeRetries is how often JSON of the wrong shape is asked for again. It is rarely
	// bad luck.
	shapeRetries = 2
	// longestStep bounds a wait between retries that the site did not ask for.
	longestStep = 60 * time.Second
	// firstShare is the memory taken before a first answer shows its size, in bytes.
	firstShare = 64 << 10
)

// call is one request with all its attempts.
type call struct {
	c     *Client
	req   Request
	base  string // where to send it, empty: the site's or gateway's base
	open  bool   // send no credentials
	probe bool   // mistakes in the settings are likely: little patience with their signs
	// shrinkable: the caller can ask for less.
	shrinkable bool
	hint       int64 // likely size of the answer in bytes, 0: unknown
	// parse takes the body of a good answer. It may be called several times, and keeps
	// nothing of a failed one.
	parse func(b *buffer, h http.Header) error

	lease     *lease
	failure   *failure // of the last attempt
	row       int      // failures of one kind in a row
	throttled int      // answers 429 that did not say how long to wait
}

// do sends the request until it succeeds or no retry is left. On success the caller has
// to release the lease; errors are of type *Error.
func (c *Client) do(ctx context.Context, k *call) (*lease, error) {
	k.c = c
	if k.base == "" {
		base, err := c.address(ctx)
		if err != nil {
			return nil, err
		}
		k.base = base
	}
	share := max(k.hint, firstShare)
	for {
		l, err := c.memory.acquire(ctx, share, k.req.Ahead)
		if err != nil {
			return nil, k.complete(stopped(err))
		}
		k.lease = l
		if err = k.attempts(ctx); err == nil {
			l.done()
			return l, nil
		}
		l.release()
		if !errors.Is(err, errNoRoom) {
			return nil, err
		}
		share = maxBody // once more, with room for anything
	}
}

// attempts sends the request through go-retryablehttp, whose hooks are the call's own: a
// client of its own for each call is cheap and knows whose attempt failed and why.
func (k *call) attempts(ctx context.Context) error {
	req, err := k.request(ctx)
	if err != nil {
		return k.complete(invalidRequest(k.req.Path))
	}
	client := &retryablehttp.Client{
		HTTPClient:   k.c.http,
		RetryMax:     k.c.cfg.MaxRetries,
		CheckRetry:   k.checkRetry,
		Backoff:      k.backoff,
		ErrorHandler: k.giveUp,
	}
	k.failure, k.row = nil, 0
	resp, err := client.Do(req)
	if err == nil {
		return resp.Body.Close() // read and closed already
	}
	if ctx.Err() != nil {
		return k.complete(stopped(context.Cause(ctx)))
	}
	return k.complete(k.failure.err)
}

// request builds what is sent. Credentials are a header of the request and not set by the
// transport, so that net/http drops them if it were ever to follow a redirect elsewhere.
func (k *call) request(ctx context.Context) (*retryablehttp.Request, error) {
	path := k.req.Path
	if !strings.HasPrefix(path, "/") || strings.Contains(path+"/", "/../") || strings.ContainsAny(path, "?#\\ ") {
		return nil, errors.New("not a path")
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, k.base+k.req.target(), nil)
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {k.c.agent}}
	if !k.open {
		req.Header["Authorization"] = []string{k.c.auth.Reveal()}
	}
	req.SetResponseHandler(k.handle)
	return req, nil
}

// handle reads one answer to its end. go-retryablehttp runs it inside the retry loop, so
// that a broken body is tried again like a broken connection.
func (k *call) handle(resp *http.Response) error {
	defer func() {
		_ = resp.Body.Close()   // all that matters has been read
		resp.Body = http.NoBody // or go-retryablehttp would drain a closed body
	}()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return k.refusal(resp)
	}
	if k.anonymous(resp) {
		return fatal(anonymousError(&Error{Status: resp.StatusCode}))
	}
	b, err := readBody(resp.Body, k.lease, resp.ContentLength, maxBody)
	_ = resp.Body.Close() // the slot is free for others while this answer is parsed
	switch {
	case errors.Is(err, errTooLarge):
		return &failure{err: &Error{Kind: KindTooLarge, Status: resp.StatusCode, Message: err.Error(), Cause: err}, smaller: true}
	case errors.Is(err, errNoRoom):
		return fatal(&Error{Kind: KindTooLarge, Message: err.Error(), Cause: err})
	case err != nil:
		return k.unanswered(err)
	}
	if err = k.parsed(resp, b.body, k.parse(b, resp.Header)); err != nil {
		k.lease.drop()
	}
	return err
}

// parsed sorts what the parser made of a good answer's body.
func (k *call) parsed(resp *http.Response, body []byte, err error) error {
	var shape *rawjson.ShapeError
	var known *Error
	switch {
	case err == nil:
		k.c.log.Debug("answer", "request", k, "status", resp.StatusCode, "bytes", len(body))
		return nil
	case errors.As(err, &known):
		known.Status = resp.StatusCode
		return fatal(known)
	case errors.As(err, &shape):
		return &failure{err: k.malformed(resp, body, err), retry: linear, most: shapeRetries}
	case isHTML(resp.Header, body):
		return k.page(resp, body)
	default:
		return retryable(k.malformed(resp, body, err))
	}
}

// LogValue is the request as logs show it, made only where they do.
func (k *call) LogValue() slog.Value { return slog.StringValue(shortPath(k.req)) }

// malformed is the error for a body that the parser refuses. Its text shows some of the
// body, which may be cut in the middle of a credential: then it shows nothing.
func (k *call) malformed(resp *http.Response, body []byte, err error) *Error {
	if start := string(body[:min(len(body), maxErrorBody)]); k.c.secrets.Replace(start) != start {
		return &Error{Kind: KindMalformed, Status: resp.StatusCode, Message: "not the JSON that was expected"}
	}
	return &Error{Kind: KindMalformed, Status: resp.StatusCode, Message: k.c.foreign(err.Error()), Cause: err}
}

// checkRetry is called by go-retryablehttp before and after handle. Before it, every answer
// passes: handle sees all of them.
func (k *call) checkRetry(ctx context.Context, _ *http.Response, err error) (bool, error) {
	return err != nil && k.again(ctx, err), nil
}

// again notes a failure and says whether the request is sent again.
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
	if longest := k.c.cfg.MaxRetryWait; f.retry == throttle && f.err.RetryAfter > longest {
		e := tooLong(f.err.RetryAfter, askedToWait(f.err.RetryAfter, f.err.Status), longest)
		k.failure = fatal(e)
		return false
	}
	return f.retry != never && (f.most < 0 || k.row <= f.most)
}

// backoff returns the wait before the next attempt. Waits for a limit are not its own: the
// gate holds this worker back as it does all others.
func (k *call) backoff(_, _ time.Duration, attempt int, _ *http.Response) time.Duration {
	k.c.count.retries.Add(1)
	f, wait := k.failure, time.Duration(0)
	shown := f.err.RetryAfter
	switch {
	case f.retry == linear:
		wait = k.step(k.c.retryWait * time.Duration(attempt+1))
		shown = wait
	case !f.stated:
		shown = k.step(k.c.retryWait << min(k.throttled, 8))
		k.throttled++
		k.c.pace.shut(time.Now().Add(shown), "the site's rate limit is reached")
	}
	k.c.log.Warn("trying again", "request", shortPath(k.req), "reason", f.err.reason(),
		"wait", shown.Round(time.Millisecond).String(), "retry", attempt+1, "of", k.c.cfg.MaxRetries)
	k.c.pace.announce(time.Now().Add(wait), wait, f.err.reason())
	return wait
}

// giveUp is called by go-retryablehttp for the last failure; its result is not used beyond
// the fact that there is one.
func (k *call) giveUp(*http.Response, error, int) (*http.Response, error) {
	return nil, k.failure
}

// complete adds the request to its error.
func (k *call) complete(e *Error) *Error {
	e.Method, e.Path = http.MethodGet, shortPath(k.req)
	return e
}

// host returns host and port that the call is sent to.
func (k *call) host() string {
	u, err := url.Parse(k.base)
	if err != nil {
		return "the site"
	}
	return clean(u.Host)
}

// step bounds a wait of our own choice, and spreads it by a quarter to both sides, so that
// several taps that failed together don't come back together.
func (k *call) step(d time.Duration) time.Duration {
	d = min(d, longestStep)
	return min(d*3/4+rand.N(d/2+1), k.c.cfg.MaxRetryWait) //nolint:gosec // jitter is no secret
}

// stopped is the error for a context that ended.
func stopped(cause error) *Error {
	return &Error{Kind: KindStopped, Message: "stopped: " + clean(cause.Error()), Cause: cause}
}
