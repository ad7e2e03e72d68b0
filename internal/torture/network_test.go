package torture

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// network carries requests to a handler through pipes within the process: the whole HTTP
// stack is the real one, but no socket keeps virtual time from passing. It checks on the
// way that the limits of the settings are kept.
type network struct {
	// dial, if set, may refuse a connection.
	dial func() error
	// fresh makes every request use a connection of its own.
	fresh bool

	transport *http.Transport
	conns     chan net.Conn
	closed    chan struct{}

	mu       sync.Mutex
	last     time.Time // when the last request was sent
	closedTo time.Time // no request may be sent before, the site has said
	under    int       // requests under way
	sent     int
	hosts    map[string]bool // that requests were sent to
	problems []string
}

// What the default settings allow.
const (
	spacing     = time.Second / 5
	concurrency = 5
)

// asked is the header in which faults tell the network what they have asked the client for,
// in whichever way: not to come back before that much time has passed.
const asked = "X-Asked"

// newNetwork serves a handler until the test ends. Inside a synctest bubble, close it there.
func newNetwork(h http.Handler) *network {
	n := &network{conns: make(chan net.Conn), closed: make(chan struct{}), hosts: map[string]bool{}}
	server := &http.Server{Handler: n.guard(h), ReadHeaderTimeout: time.Hour}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(n)
	}()
	go func() {
		<-n.closed
		_ = server.Close()
		<-served
	}()
	n.transport = &http.Transport{DialContext: n.connect, DialTLSContext: n.connect, MaxIdleConnsPerHost: concurrency}
	return n
}

// guard notes where the handler itself breaks down: a fault that isn't one proves nothing.
func (n *network) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p != http.ErrAbortHandler { //nolint:errorlint // what net/http compares, too
					n.mu.Lock()
					n.problem("the test's own site broke down: %v", p)
					n.mu.Unlock()
				}
				panic(http.ErrAbortHandler)
			}
		}()
		h.ServeHTTP(w, r)
	})
}

func (n *network) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	if n.dial != nil {
		if err := n.dial(); err != nil {
			return nil, err
		}
	}
	near, far := net.Pipe()
	select {
	case n.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener: it is called once by the server and once by the test.
func (n *network) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.closed:
	default:
		close(n.closed)
		n.transport.CloseIdleConnections()
	}
	return nil
}

// Addr implements net.Listener.
func (n *network) Addr() net.Addr { return &net.UnixAddr{Name: "virtual", Net: "unix"} }

// CloseIdleConnections is what the client calls at its end.
func (n *network) CloseIdleConnections() { n.transport.CloseIdleConnections() }

// RoundTrip sends a request and notes where that breaks a promise.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.depart(r)
	if n.fresh {
		r = r.Clone(r.Context())
		r.Close = true
	}
	resp, err := n.transport.RoundTrip(r)
	if err != nil {
		n.arrive(nil)
		return nil, err
	}
	n.mu.Lock()
	if d, err := time.ParseDuration(resp.Header.Get(asked)); err == nil {
		if until := time.Now().Add(d); until.After(n.closedTo) {
			n.closedTo = until
		}
	}
	n.mu.Unlock()
	resp.Body = &watchedBody{ReadCloser: resp.Body, n: n}
	return resp, nil
}

func (n *network) depart(r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	n.sent++
	n.under++
	n.hosts[r.URL.Host] = true
	switch {
	case n.under > concurrency:
		n.problem("%d requests at once", n.under)
	case !n.last.IsZero() && now.Sub(n.last) < spacing-time.Microsecond:
		n.problem("two requests within %s", now.Sub(n.last))
	case now.Before(n.closedTo):
		n.problem("a request %s before the site said", n.closedTo.Sub(now))
	}
	n.last = now
}

func (n *network) arrive(*http.Response) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.under--
}

// requests returns how many were sent.
func (n *network) requests() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent
}

func (n *network) problem(format string, args ...any) {
	if len(n.problems) < 10 {
		n.problems = append(n.problems, fmt.Sprintf(format, args...))
	}
}

// check fails the test where a limit was not kept, or a host asked that is not the site.
func (n *network) check(t *testing.T) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.problems {
		t.Errorf("on the network: %s", p)
	}
	for host := range n.hosts {
		if host != siteName {
			t.Errorf("a request was sent to %s", host)
		}
	}
}

// watchedBody notes when an answer is done with.
type watchedBody struct {
	io.ReadCloser
	n    *network
	once sync.Once
}

func (b *watchedBody) Close() error {
	b.once.Do(func() { b.n.arrive(nil) })
	return b.ReadCloser.Close()
}
