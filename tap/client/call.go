package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
)

// firstShare is the memory taken before a first answer shows its size, in bytes.
const firstShare = 64 << 10

// call is one request with all its attempts. Its context carries it to the hooks of
// go-retryablehttp.
type call struct {
	c     *Client
	req   Request
	base  string // where to send it, empty: the site's or gateway's base
	open  bool   // send no credentials
	probe bool   // the site has not answered yet: mistakes in the settings are likely
	brief bool   // somebody waits for a quick word: few retries
	// shrinkable reports whether the caller can ask for less.
	shrinkable bool
	doubt      func(ctx context.Context, cause error) error // see Pager.Doubt
	hint       int64                                        // likely size of the answer in bytes, 0: unknown
	// parse takes the body of a good answer. It may be called several times, and keeps
	// nothing of a failed one.
	parse func(b *buffer, h http.Header) error

	lease     *lease
	sent      time.Time // when the last attempt was sent
	vague     bool      // an answer said no without saying of what
	failure   *failure  // of the last attempt
	row       int       // failures of one kind in a row
	retries   int       // attempts that repeated one, those after a vague answer not counted
	throttled int       // answers 429 that did not say how long to wait
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
	share, doubted := max(k.hint, firstShare), false
	for {
		l, err := c.memory.acquire(ctx, share, k.req.Ahead)
		if err != nil {
			return nil, k.complete(stopped(err))
		}
		k.lease = l
		if err = k.attempts(ctx); err == nil {
			if k.vague {
				c.pace.heal()
			}
			l.done()
			return l, nil
		}
		l.release()
		switch {
		case errors.Is(err, errNoRoom):
			share = maxBody // once more, with room for anything
		case doubted:
			return nil, k.proven(err)
		case k.doubtful() && c.stillKnown(ctx, time.Now()):
			doubted = true // once more, now that the account is known to be good
		default:
			return nil, err
		}
	}
}

// attempts sends the request through go-retryablehttp.
func (k *call) attempts(ctx context.Context) error {
	k.failure, k.row, k.retries, k.throttled = nil, 0, 0, 0
	req, err := k.request(context.WithValue(ctx, callKey{}, k))
	if err != nil {
		return k.complete(invalidRequest(k.req.Path))
	}
	resp, err := k.c.retry.Do(req)
	if err == nil {
		return resp.Body.Close() // read and closed already
	}
	if ctx.Err() != nil {
		return k.complete(stopped(context.Cause(ctx)))
	}
	return k.complete(k.failure.err)
}

// header returns the headers of what is sent. The transport adds them at the last moment, since net/http
// copies those of a request that it may have to repeat elsewhere.
func (k *call) header() http.Header {
	switch {
	case k.open:
		return k.c.unsigned
	case k.req.Body != nil:
		h := k.c.signed().Clone()
		h["Content-Type"] = []string{"application/json"}
		return h
	}
	return k.c.signed()
}

// request builds what is sent, but for its headers.
func (k *call) request(ctx context.Context) (*retryablehttp.Request, error) {
	path := k.req.Path
	if !strings.HasPrefix(path, "/") || strings.Contains(path+"/", "/../") || strings.ContainsAny(path, "?#\\ ") {
		return nil, errors.New("not a path")
	}
	var body any // no []byte(nil), which would be a body
	if k.req.Body != nil {
		body = k.req.Body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, k.req.method(), k.req.address(k.base), body)
	if err != nil {
		return nil, err
	}
	req.SetResponseHandler(handleAnswer)
	return req, nil
}

// handleAnswer lets the call that the answer is for handle it. go-retryablehttp runs it inside
// the retry loop, so that a broken body is tried again like a broken connection.
func handleAnswer(resp *http.Response) error { return callOf(resp.Request.Context()).handle(resp) }

// handle reads one answer to its end.
func (k *call) handle(resp *http.Response) error {
	defer func() {
		_ = resp.Body.Close()   // all that matters has been read
		resp.Body = http.NoBody // or go-retryablehttp would drain a closed body
	}()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return k.refusal(resp)
	}
	if k.anonymous(resp) {
		return stray(anonymousError(&Error{Status: resp.StatusCode}))
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
	if err = k.parse(b, resp.Header); err != nil {
		err = k.unparsed(resp, b.body, err)
		k.lease.drop()
		return err
	}
	if log := k.c.log; log.Enabled(resp.Request.Context(), slog.LevelDebug) {
		log.Debug("answer", "request", shortPath(k.req), "status", resp.StatusCode, "bytes", len(b.body))
	}
	return nil
}

// unparsed sorts what the parser says of a good answer's body.
func (k *call) unparsed(resp *http.Response, body []byte, err error) *failure {
	var shape *rawjson.ShapeError
	var known *Error
	switch {
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

// malformed is the error for a body that the parser refuses. Its text shows some of the
// body, which may be cut in the middle of a credential: then it shows nothing.
func (k *call) malformed(resp *http.Response, body []byte, err error) *Error {
	if start := string(body[:min(len(body), maxErrorBody)]); k.c.secrets.Replace(start) != start {
		return &Error{Kind: KindMalformed, Status: resp.StatusCode, Message: "not the JSON that was expected"}
	}
	return &Error{Kind: KindMalformed, Status: resp.StatusCode, Message: k.c.foreign(err.Error()), Cause: err}
}

// complete adds the request to its error.
func (k *call) complete(e *Error) *Error {
	e.Method, e.Path = k.req.method(), shortPath(k.req)
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

// address is where the call is sent to, as people know it: host and port, and what api_url
// has behind them.
func (k *call) address() string {
	if k.c.cfg.APIURL == "" || isGateway(k.base) {
		return k.host()
	}
	return clean(withoutScheme(k.base))
}

func withoutScheme(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	return rest
}

// stopped is the error for a context that ended.
func stopped(cause error) *Error {
	return &Error{Kind: KindStopped, Message: "stopped: " + clean(cause.Error()), Cause: cause}
}
