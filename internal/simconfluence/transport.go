package simconfluence

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"syscall"
)

// Transport returns a transport that hands requests for whatever host to the site within
// the process, without a network: for tests in virtual time, which a socket would stop.
// Faults work as over a network; what cuts a connection becomes an error.
func (s *Site) Transport() http.RoundTripper { return transport{s} }

type transport struct{ site *Site }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close() //nolint:errcheck // nothing was read
	}
	pr, pw := io.Pipe()
	p := &piped{header: http.Header{}, body: pw, ready: make(chan struct{})}
	in := r.Clone(r.Context())
	in.Host, in.RequestURI = r.URL.Host, r.URL.RequestURI()
	stop := context.AfterFunc(r.Context(), func() { _ = pr.CloseWithError(r.Context().Err()) })
	go func() {
		defer stop()
		p.serve(t.site, in)
	}()
	select {
	case <-p.ready:
	case <-r.Context().Done():
		return nil, fmt.Errorf("waiting for the answer: %w", r.Context().Err())
	}
	if p.err != nil {
		return nil, p.err
	}
	length := int64(-1)
	if _, err := fmt.Sscan(p.sent.Get("Content-Length"), &length); err != nil {
		length = -1
	}
	return &http.Response{
		Status: http.StatusText(p.status), StatusCode: p.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: p.sent, Body: pr, ContentLength: length, Request: r,
	}, nil
}

// piped is an answer on its way through a pipe.
type piped struct {
	header http.Header
	sent   http.Header // as it was when the status was written
	status int
	body   *io.PipeWriter
	ready  chan struct{} // closed when status or err is set
	err    error
	begun  bool
}

func (p *piped) serve(h http.Handler, r *http.Request) {
	defer func() {
		switch problem := recover(); {
		case problem == nil:
			p.WriteHeader(http.StatusOK)
			_ = p.body.Close()
		case problem != http.ErrAbortHandler: //nolint:errorlint // what net/http compares too
			panic(problem)
		case p.begun:
			_ = p.body.CloseWithError(io.ErrUnexpectedEOF)
		default:
			p.err = fmt.Errorf("reading the answer: %w", syscall.ECONNRESET)
			close(p.ready)
		}
	}()
	h.ServeHTTP(p, r)
}

// Header implements http.ResponseWriter.
func (p *piped) Header() http.Header { return p.header }

// WriteHeader implements http.ResponseWriter.
func (p *piped) WriteHeader(status int) {
	if p.begun {
		return
	}
	p.begun, p.status, p.sent = true, status, p.header.Clone()
	close(p.ready)
}

// Write implements http.ResponseWriter.
func (p *piped) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.body.Write(b)
}

// Flush implements http.Flusher: a pipe holds nothing back.
func (p *piped) Flush() {}
