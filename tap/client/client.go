// Package client reads the Confluence Cloud REST API over HTTP. It knows nothing of streams.
//
// It keeps the site's limits for all workers together, retries failures that may pass, builds every
// request from its own address and the site's cursors, and bounds its memory. Its errors say in one
// line what went wrong and what to do.
//
// An attempt is one sending of a request. A vague answer is a bare 404 or 403, which does not tell what
// it refuses. A spell is a time of such answers, in which all requests share the pauses. The probe asks
// the site whose account this is. Every attempt passes these layers, outermost first:
//
//	go-retryablehttp   decides what is tried again and waits in between (retry.go)
//	net/http.Client    follows redirects on the same host only (transport.go)
//	pace               slot, turn, gate, limiter: counted per attempt (pace.go, line.go, spell.go)
//	watchdog           ends attempts that make no progress (transport.go)
//	http.Transport     TLS, proxies, gzip
package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"html"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/config"
)

// Options are what a client needs besides the settings.
type Options struct {
	// Logger takes a warning per retry and, at debug level, a line per request. Nil means no logs.
	Logger *slog.Logger
	// Version is the tap's version, for the User-Agent header.
	Version string
	// OnWait, if set, is called before every wait of more than ten seconds, so that state
	// can be written first. It may be called from several goroutines.
	OnWait func(until time.Time, why string)
	// RetryWait is the wait before a first retry, a second if zero. Later waits grow from it.
	RetryWait time.Duration
	// Impatient reports whether somebody waits at a terminal. A site that can't be reached is then an
	// error after at most five seconds.
	Impatient bool
	// Transport replaces the network, for tests.
	Transport http.RoundTripper
}

// Client reads one Confluence site with one account. Its methods may be called from several
// goroutines.
type Client struct {
	cfg       *config.Config
	log       *slog.Logger
	http      *http.Client
	retry     *retryablehttp.Client
	account   account
	impatient bool
	pace      *pace
	memory    *memory
	count     *counters
	retryWait time.Duration
	stall     time.Duration // longest time without progress
	// The headers of all requests, without credentials and with them. They are shared: nobody
	// may change them, and net/http does not. Signed is a function so that a client that is
	// printed shows no credentials.
	unsigned http.Header
	signed   func() http.Header
	secrets  *strings.Replacer

	mu      sync.Mutex
	base    string // scheme, host and prefix of all requests; empty until the gateway is known
	cloudID string
}

// Stats are the client's figures since New.
type Stats struct {
	Requests int64         // attempts sent, redirects and retries included
	Retries  int64         // attempts that repeated a failed one
	Bytes    int64         // bytes of bodies received, unpacked
	Waited   time.Duration // how long the site's limits held all requests back
	RateNow  float64       // requests a second allowed now; 0: unlimited
	// RateFound is how many requests a second the site was found to serve, with auto_rate; 0
	// without.
	RateFound float64
}

// New returns a client for the configured site. It sends nothing. An error names the wrong setting.
func New(cfg *config.Config, opts Options) (*Client, error) {
	base, err := startingBase(cfg)
	if err != nil {
		return nil, err
	}
	auth, err := authorization(cfg)
	if err != nil {
		return nil, err
	}
	network, err := networkOf(cfg, opts)
	if err != nil {
		return nil, err
	}
	c := &Client{
		cfg:       cfg,
		log:       opts.Logger,
		pace:      newPace(cfg.RequestsPerSecond, cfg.Concurrency, cfg.MaxRetryWait, opts.OnWait),
		memory:    newMemory(maxMemory),
		count:     &counters{},
		retryWait: opts.RetryWait,
		stall:     cfg.RequestTimeout,
		secrets:   redactor(cfg, auth),
		account:   account{turn: make(chan struct{}, 1)},
		impatient: opts.Impatient,
		base:      base,
		cloudID:   cfg.CloudID,
	}
	if cfg.AutoRate {
		c.pace.find()
	}
	c.setDefaults()
	c.setHeaders(opts.Version, auth)
	c.http = &http.Client{
		Transport:     &transport{base: network, pace: c.pace, stall: c.stall, impatient: opts.Impatient, count: c.count},
		CheckRedirect: checkRedirect,
	}
	c.retry = newRetrier(c.http)
	return c, nil
}

// networkOf returns what sends requests: what the options give, or else the network with the settings'
// proxy and certificates.
func networkOf(cfg *config.Config, opts Options) (http.RoundTripper, error) {
	if opts.Transport != nil {
		return opts.Transport, nil
	}
	if err := checkProxy(cfg); err != nil {
		return nil, err
	}
	return newBase(cfg.CAFile, max(cfg.Concurrency, 1))
}

// setDefaults replaces zero values.
func (c *Client) setDefaults() {
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.retryWait <= 0 {
		c.retryWait = time.Second
	}
	if c.stall <= 0 {
		c.stall = 2 * time.Minute
	}
}

// setHeaders makes the headers of all requests.
func (c *Client) setHeaders(version, auth string) {
	agent := c.cfg.UserAgent
	if agent == "" {
		agent = strings.TrimSuffix("tap-confluence/"+version, "/")
	}
	c.unsigned = http.Header{"Accept": {"application/json"}, "User-Agent": {agent}}
	signed := c.unsigned.Clone()
	signed["Authorization"] = []string{auth}
	c.signed = func() http.Header { return signed }
}

// Close drops idle connections, and logs the rate that auto_rate found. Requests under way continue.
func (c *Client) Close() {
	if found := c.pace.found(); found > 0 {
		c.log.Info("auto_rate has found the site's rate; requests_per_second can be set to it",
			"requests_per_second", math.Round(found*10)/10)
	}
	if t, ok := c.http.Transport.(*transport).base.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Stats returns the figures so far.
func (c *Client) Stats() Stats {
	perSecond, waited := c.pace.stats()
	return Stats{
		Requests: c.count.requests.Load(),
		Retries:  c.count.retries.Load(),
		Bytes:    c.count.bytes.Load(),
		Waited:   waited,
		RateNow:  perSecond,

		RateFound: c.pace.found(),
	}
}

// Request is a request without address and credentials, which the client adds.
type Request struct {
	// Method is GET if empty. Whatever it is, the request is sent again after a passing
	// fault: it must not change anything.
	Method string
	// Body is the JSON that a POST sends, or nil.
	Body []byte
	// Path is the path on the site, from /wiki on, such as /wiki/api/v2/pages.
	Path string
	// Query are the parameters in their order, without limit, cursor and start, which the
	// listings add.
	Query [][2]string
	// Scopes are OAuth scopes of the route, any of which will do; errors name them.
	Scopes []string
	// Ahead reports whether nobody waits for the answer yet. The request is then sent only when there
	// is room to buffer the answer. Ahead must not be set if the answer is needed before a Page that
	// the caller holds can be released.
	Ahead bool
	// Once reports whether the request is sent once, without retries.
	Once bool
}

// method returns the method that is sent.
func (r Request) method() string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// with returns the request's parameters and those added.
func (r Request) with(more ...[2]string) Request {
	r.Query = append(slices.Clip(r.Query), more...)
	return r
}

// Without returns the request without a parameter.
func (r Request) Without(name string) Request {
	r.Query = slices.DeleteFunc(slices.Clone(r.Query), func(q [2]string) bool { return q[0] == name })
	return r
}

// Has reports whether the request has the parameter.
func (r Request) Has(name string) bool {
	return slices.ContainsFunc(r.Query, func(q [2]string) bool { return q[0] == name })
}

// target returns path and query as they are sent.
func (r Request) target() string { return r.address("") }

// address returns the whole address that the request is sent to.
func (r Request) address(base string) string {
	var b strings.Builder
	b.Grow(len(base) + len(r.Path) + 32*len(r.Query))
	b.WriteString(base)
	b.WriteString(r.Path)
	for i, q := range r.Query {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(url.QueryEscape(q[0]))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(q[1]))
	}
	return b.String()
}

// Get reads one document. Errors are of type *Error.
func (c *Client) Get(ctx context.Context, req Request) (rawjson.Object, error) {
	var doc rawjson.Object
	k := &call{req: req, parse: func(b *buffer, _ http.Header) (err error) {
		doc, err = rawjson.ParseObject(bytes.Clone(b.body)) // which outlives its buffer
		return err
	}}
	l, err := c.do(ctx, k)
	if err != nil {
		return rawjson.Object{}, err
	}
	l.release() // a document is small or used at once, so its memory counts only while it is read
	return doc, nil
}

// authorization returns the value of the Authorization header.
func authorization(cfg *config.Config) (string, error) {
	token := cfg.AccessToken.Reveal()
	if token == "" {
		pair := cfg.Email + ":" + cfg.APIToken.Reveal()
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)), nil
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] >= 0x7f {
			return "", errors.New("access_token holds a space or another character that no token has")
		}
	}
	return "Bearer " + token, nil
}

// minSecret is the length from which a credential is recognised in foreign text. Shorter
// ones would blot out ordinary words.
const minSecret = 8

// redactor blots out credentials that a site sends back in its own messages, in the
// encodings of headers, addresses, JSON and HTML.
func redactor(cfg *config.Config, auth string) *strings.Replacer {
	var pairs []string
	_, encoded, _ := strings.Cut(auth, " ")
	for _, secret := range []string{encoded, cfg.APIToken.Reveal(), cfg.AccessToken.Reveal()} {
		if len(secret) < minSecret {
			continue
		}
		quoted := strconv.Quote(secret)
		quoted = quoted[1 : len(quoted)-1]
		for _, text := range []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret),
			quoted, strings.ReplaceAll(quoted, "/", `\/`), // JSON, and JSON as PHP writes it
			strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(quoted), // and as Go does
		} {
			pairs = append(pairs, text, "***")
		}
	}
	return strings.NewReplacer(pairs...)
}

// foreign makes a text of the site safe to show.
func (c *Client) foreign(s string) string { return clean(c.secrets.Replace(s)) }

// harmless returns err, or nil if its text repeats a credential.
func (c *Client) harmless(err error) error {
	if text := err.Error(); c.secrets.Replace(text) != text {
		return nil
	}
	return err
}

// checkProxy finds an unusable proxy setting of the environment, which net/http would ignore
// without a word. The error must not show the value: it may hold the proxy's password.
func checkProxy(cfg *config.Config) error {
	if isLoopback(cfg.SiteURL) {
		return nil // no proxy is asked for this machine
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		u, err := url.Parse(value)
		if err != nil || u.Host == "" && !strings.Contains(value, "//") {
			u, err = url.Parse("http://" + value) // as net/http reads it
		}
		if err != nil || u.Hostname() == "" {
			return &Error{
				Kind: KindNetwork, Message: name + " in the environment is not the address of a proxy",
				Hint: "write it as http://host:port, or unset it",
			}
		}
		return nil
	}
	return nil
}
