package simconfluence

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"syscall"
)

// Transport returns a transport that hands requests for whatever host to the site within
// the process, without a network: for tests in virtual time, which a socket would stop, and
// for those of many requests. Faults work as over a network; what cuts a connection becomes
// an error.
func (s *Site) Transport() http.RoundTripper { return transport{s} }

type transport struct{ site *Site }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close() //nolint:errcheck // nothing was read
	}
	in := r.WithContext(r.Context())
	in.Host, in.RequestURI = r.URL.Host, r.URL.RequestURI()
	a := &answer{header: http.Header{}, ready: make(chan struct{})}
	a.changed.L = &a.mu
	stop := context.AfterFunc(r.Context(), func() { a.end(r.Context().Err()) })
	served := make(chan struct{})
	go func() {
		defer close(served)
		defer stop()
		a.serve(t.site, in)
	}()
	<-a.ready
	if err := r.Context().Err(); err != nil {
		<-served // what the caller does next comes after all that this request does to the site
		return nil, fmt.Errorf("waiting for the answer: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sent == nil {
		return nil, fmt.Errorf("reading the answer: %w", a.err)
	}
	length, err := strconv.ParseInt(a.sent.Get("Content-Length"), 10, 64)
	if err != nil {
		length = -1
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.sent, Body: a, ContentLength: length, Request: r,
	}, nil
}

// inFlight is how many bytes of an answer may be written that nobody has read yet.
const inFlight = 1 << 20

// answer is one answer on its way: an http.ResponseWriter for the site, a body for the
// client. The client gets it when all of it is there, or as soon as the site holds nothing
// more back.
type answer struct {
	header http.Header
	status int
	ready  chan struct{} // closed when the client can have it

	mu      sync.Mutex
	changed sync.Cond
	sent    http.Header // as it was when the status was written, nil before
	told    bool        // ready is closed
	unread  []byte
	err     error // why nothing more is coming, or is wanted
}

func (a *answer) serve(h http.Handler, r *http.Request) {
	defer func() {
		switch problem := recover(); problem {
		case nil:
			a.WriteHeader(http.StatusOK)
			a.end(io.EOF)
		case http.ErrAbortHandler:
			a.mu.Lock()
			begun := a.sent != nil
			a.mu.Unlock()
			if begun {
				a.end(io.ErrUnexpectedEOF)
			} else {
				a.end(syscall.ECONNRESET)
			}
		default:
			panic(problem)
		}
	}()
	h.ServeHTTP(a, r)
}

// end says that nothing more comes, for the first reason that it is given.
func (a *answer) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.err = err
	}
	a.tell()
}

// tell wakes who waits for a change. The lock is held.
func (a *answer) tell() {
	if !a.told {
		a.told = true
		close(a.ready)
	}
	a.changed.Broadcast()
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sent == nil {
		a.status, a.sent = status, a.header.Clone()
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.unread) >= inFlight && a.err == nil {
		a.tell()
		a.changed.Wait()
	}
	if a.err != nil {
		return 0, a.err
	}
	a.unread = append(a.unread, b...)
	if a.told {
		a.changed.Broadcast()
	}
	return len(b), nil
}

// Flush implements http.Flusher: the client gets what there is.
func (a *answer) Flush() {
	a.WriteHeader(http.StatusOK)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tell()
}

// Read implements io.Reader for the client.
func (a *answer) Read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.unread) == 0 && a.err == nil {
		a.changed.Wait()
	}
	if len(a.unread) == 0 {
		return 0, a.err
	}
	n := copy(p, a.unread)
	a.unread = a.unread[n:]
	a.changed.Broadcast()
	return n, nil
}

// Close implements io.Closer for the client: the rest is not wanted.
func (a *answer) Close() error {
	a.end(http.ErrBodyReadAfterClose)
	return nil
}
