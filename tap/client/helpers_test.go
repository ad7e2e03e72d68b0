package client

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/config"
)

// The credentials of all tests. None of them, in no spelling, may ever be shown.
const (
	testEmail  = "ada@example.org"
	testToken  = "ATATT3x-very/secret+token=7"
	testAccess = "eyJ.very-secret-access-token.9"
)

// proxyPassword is that of the proxy which TestMain puts into the environment.
const proxyPassword = "proxy-pass-word"

// TestMain gives the process a proxy, since net/http reads the environment only once, and
// checks in the end that no goroutine is left. Loopback addresses go past the proxy.
func TestMain(m *testing.M) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	_ = os.Setenv("HTTPS_PROXY", strings.Replace(proxy.URL, "//", "//user:"+proxyPassword+"@", 1))
	goleak.VerifyTestMain(closing{m, proxy})
}

// closing runs the tests, then stops the proxy.
type closing struct {
	*testing.M
	proxy *httptest.Server
}

func (c closing) Run() int {
	code := c.M.Run()
	c.proxy.Close()
	return code
}

// testConfig returns settings for a site that only fakes answer for.
func testConfig() *config.Config {
	return &config.Config{
		Site: "acme.example", SiteURL: "https://acme.example",
		Email: testEmail, APIToken: config.NewSecret(testToken),
		RequestsPerSecond: 5, Concurrency: 5, PageSize: 250, MaxRetries: 8,
		MaxRetryWait: time.Hour, RequestTimeout: 2 * time.Minute,
	}
}

// attempt is one request as the fake site saw it.
type attempt struct {
	at     time.Time
	url    string
	header http.Header
}

// fakeSite is a network that answers by a function and writes down what was sent, when.
type fakeSite struct {
	answer func(n int, req *http.Request) (*http.Response, error)

	mu   sync.Mutex
	sent []attempt
}

func (f *fakeSite) RoundTrip(req *http.Request) (*http.Response, error) {
	f.mu.Lock()
	n := len(f.sent)
	f.sent = append(f.sent, attempt{time.Now(), req.URL.String(), req.Header.Clone()})
	f.mu.Unlock()
	resp, err := f.answer(n, req)
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}

func (f *fakeSite) attempts() []attempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]attempt(nil), f.sent...)
}

// inTurn answers with the given answers one after another, the last one for ever.
func inTurn(answers ...func() (*http.Response, error)) *fakeSite {
	return &fakeSite{answer: func(n int, _ *http.Request) (*http.Response, error) {
		return answers[min(n, len(answers)-1)]()
	}}
}

// says is an answer of that status and body; headers come in pairs.
func says(status int, body string, headers ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) { return reply(status, body, headers...), nil }
}

func reply(status int, body string, headers ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{
		StatusCode: status, Status: strconv.Itoa(status) + " " + http.StatusText(status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func fails(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

// testLog is a log that can be read while it is written.
type testLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// newTest returns a client of the fake site and its log, and checks the log for secrets at
// the test's end.
func newTest(t *testing.T, cfg *config.Config, site http.RoundTripper, opts Options) (*Client, *testLog) {
	t.Helper()
	log := &testLog{}
	opts.Transport, opts.Version = site, "1.2.3"
	opts.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, err := New(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { noSecrets(t, log.String()) })
	return c, log
}

var page1 = Request{Path: "/wiki/api/v2/pages", Scopes: []string{"read:page:confluence"}}

func get(c *Client) (rawjson.Object, error) { return c.Get(context.Background(), page1) }
