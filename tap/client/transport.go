package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Headers that every answer is asked for, spelled as net/http keeps them: it would make that
// spelling of any other, each time.
const (
	loginReasonHeader = "X-Seraph-Loginreason"
	nearLimitHeader   = "X-Ratelimit-Nearlimit"
)

// maxRedirects is how many redirects one request follows, all on the same host.
const maxRedirects = 5

// connectTime is how long an impatient attempt may take to be connected: names, proxies and
// TLS included. Twice this, and the wait between, is less than five seconds.
const connectTime = 1500 * time.Millisecond

var (
	// errStalled: nothing came for request_timeout.
	errStalled = errors.New("no progress")
	// errUnreached: no connection came about within connectTime.
	errUnreached = errors.New("no connection")
)

// transport is what every attempt goes through, redirects included: first the pace (slot,
// turn, gate, limiter), then the network under a watchdog. It deliberately has no
// CloseIdleConnections: go-retryablehttp calls that after every failed request, which would
// throw good connections away.
type transport struct {
	base  http.RoundTripper
	pace  *pace
	stall time.Duration // longest time without progress
	// impatient reports whether attempts end when they are not connected within connectTime.
	impatient bool
	count     *counters
}

// counters are the figures behind Stats.
type counters struct {
	requests, retries, bytes atomic.Int64
}

// RoundTrip sends one attempt. The slot is held until the body is closed.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	k := callOf(req.Context())
	// What was refused vaguely goes first: its answer shows whether the spell is over.
	if err := t.pace.enter(req.Context(), k.brief || k.vague); err != nil {
		return nil, err
	}
	sent := time.Now()
	k.sent = sent
	t.count.requests.Add(1)
	ctx, cancel := context.WithCancel(req.Context())
	a := &watched{t: t, cancel: cancel}
	a.dog = time.AfterFunc(t.stall, a.stalled)
	if t.impatient {
		patience := time.AfterFunc(connectTime, a.unreached)
		defer patience.Stop()
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { patience.Stop() }})
	}
	out := req.WithContext(ctx)
	out.Header = k.header()
	resp, err := t.base.RoundTrip(out)
	a.dog.Stop()
	if err != nil {
		err = a.why(err)
		cancel()
		t.pace.leave()
		return nil, err
	}
	resp.Request = req // whose context the hooks read
	t.heed(resp, sent)
	t.pace.learn(req.Context(), resp, sent)
	a.ReadCloser = resp.Body
	resp.Body = a
	return resp, nil
}

// heed takes in what the site says about its limits the moment that it says so, before the
// answer's own call knows about it.
func (t *transport) heed(resp *http.Response, sent time.Time) {
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		t.pace.slow(sent)
	case http.StatusServiceUnavailable:
	default:
		if strings.EqualFold(resp.Header.Get(nearLimitHeader), "true") {
			t.pace.ease()
		}
		return
	}
	now := time.Now()
	if d, ok := statedWait(resp.Header, now); ok {
		t.pace.shut(now.Add(d), askedToWait(d, resp.StatusCode))
	}
}

// askedToWait says in words that the site wants us to wait.
func askedToWait(d time.Duration, status int) string {
	if d > time.Second {
		d = d.Round(time.Second)
	}
	return fmt.Sprintf("the site asks to wait %s (%d %s)", d, status, http.StatusText(status))
}

// watched is one attempt under the watchdog. It is the body of its answer, and ends with it.
type watched struct {
	io.ReadCloser // the body itself
	t             *transport
	cancel        context.CancelFunc
	dog           *time.Timer
	ended         atomic.Pointer[error] // why the watchdog ended it, nil if it did not
	closed        atomic.Bool
}

// stalled ends an attempt that makes no progress.
func (a *watched) stalled() { a.end(&errStalled) }

// unreached ends an attempt that is not connected.
func (a *watched) unreached() { a.end(&errUnreached) }

func (a *watched) end(why *error) {
	a.ended.Store(why)
	a.cancel()
}

// why returns what the watchdog ended the attempt for in place of err, if it did.
func (a *watched) why(err error) error {
	if why := a.ended.Load(); why != nil {
		return *why
	}
	return err
}

// Read arms the watchdog only while it waits for the network, so that a caller who takes
// its time between reads is not taken for a stalled site.
func (a *watched) Read(p []byte) (int, error) {
	a.dog.Reset(a.t.stall)
	n, err := a.ReadCloser.Read(p)
	a.dog.Stop()
	a.t.count.bytes.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		err = a.why(err)
	}
	return n, err
}

// Close ends the attempt and gives its slot back. Closing again does nothing.
func (a *watched) Close() error {
	if a.closed.Swap(true) {
		return nil
	}
	a.dog.Stop()
	err := a.ReadCloser.Close()
	a.cancel()
	a.t.pace.leave()
	return err
}

// newBase returns the network transport. HTTP/1.1 only: each worker then has a connection
// of its own, and one that hangs is dropped with its attempt, where HTTP/2 would keep
// sending every worker's requests into it.
func newBase(caFile string, connections int) (http.RoundTripper, error) {
	roots, err := trustedRoots(caFile)
	if err != nil {
		return nil, err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    30 * time.Second,
		MaxIdleConns:           connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		Protocols:              protocols,
	}, nil
}

// trustedRoots returns the system's roots plus those of caFile, or nil for the system's
// alone.
func trustedRoots(caFile string) (*x509.CertPool, error) {
	if caFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("reading ca_file: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading ca_file %s: it holds no PEM certificate", clean(caFile))
	}
	return roots, nil
}

// checkRedirect lets a request follow redirects on its own host only, since the transport sends the
// credentials wherever it is told to.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch to := req.URL; {
	case isLogin(to.Hostname(), to.Path):
		return &Error{
			Kind: KindLoginPage, Message: "the site redirects to its login page at " + clean(to.Host),
			Hint: hintLoginPage,
		}
	case !strings.EqualFold(to.Hostname(), first.Hostname()) || to.Port() != first.Port() || to.Scheme != first.Scheme:
		return &Error{
			Kind: KindRedirect,
			Message: "refusing to follow a redirect from " + clean(first.Scheme+"://"+first.Host) +
				" to " + clean(to.Scheme+"://"+to.Host),
			Hint: "if the site has moved, set domain to its new address",
		}
	case req.Method != via[0].Method:
		return &Error{Kind: KindRedirect, Message: "refusing a redirect that would turn the " + via[0].Method + " into a " + req.Method}
	case len(via) > maxRedirects:
		return &Error{Kind: KindRedirect, Message: "more than 5 redirects in a row at " + clean(first.Host)}
	default:
		return nil
	}
}

// isLogin reports whether a redirect leads to a page where people sign in.
func isLogin(host, path string) bool {
	host, path = strings.ToLower(host), strings.ToLower(path)
	return host == "id.atlassian.com" || strings.HasSuffix(path, "/login") ||
		strings.HasPrefix(path, "/login") || strings.Contains(path, "/login.action")
}
