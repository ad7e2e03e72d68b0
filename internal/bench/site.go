package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
)

// serveSite serves a simulated site until stdin ends, which it does with the process that
// started it. It prints the site's URL. Answers are made once and then served as they are,
// as long as they fit into the cache, so that the site is not what is measured.
func serveSite(ctx context.Context, args []string, stdin io.Reader, out io.Writer) error {
	var o simconfluence.Options
	fs := flag.NewFlagSet("bench site", flag.ContinueOnError)
	fs.Int64Var(&o.Seed, "seed", 1, "seed of the site's data")
	fs.IntVar(&o.Spaces, "spaces", 20, "number of spaces")
	fs.IntVar(&o.Pages, "pages", 0, "number of pages")
	fs.IntVar(&o.BlogPosts, "blog-posts", 0, "number of blog posts")
	fs.IntVar(&o.Attachments, "attachments", 0, "number of attachments")
	fs.IntVar(&o.Tasks, "tasks", 0, "number of tasks")
	fs.IntVar(&o.BodyBytes, "body-bytes", 2000, "size of bodies")
	fs.IntVar(&o.HardEvery, "hard-every", hardEvery, "text that is hard to handle in one body of so many")
	fs.BoolVar(&o.ShortAttachments, "short-attachments", false, "attachments of 0.65 kB")
	p := &prebuilt{answers: map[string]*answer{}}
	fs.BoolVar(&p.zipped, "gzip", false, "compress answers")
	certFile := fs.String("tls", "", "speak TLS, with a certificate that goes into this file")
	fs.DurationVar(&p.latency, "latency", 0, "time that each answer takes")
	scaled := fs.Int("scaled", 0, "pages of a site with everything, in the proportions of a large real one")
	cache := fs.Int64("cache", 2<<30, "bytes of answers that are kept")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *scaled > 0 {
		all := simconfluence.Scaled(o.Seed, *scaled)
		all.BodyBytes, all.HardEvery = o.BodyBytes, o.HardEvery
		o = all
	}
	o.AllVisible = true
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	p.site, p.left = simconfluence.New(o), *cache
	server := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		_ = server.Close()
	}()
	address := "http://" + l.Addr().String()
	if *certFile != "" {
		cert, err := newCertificate(*certFile)
		if err != nil {
			return fmt.Errorf("making a certificate: %w", err)
		}
		address = "https://" + l.Addr().String()
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	}
	if _, err := fmt.Fprintln(out, address); err != nil {
		return fmt.Errorf("writing the address: %w", err)
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// hardEvery is how rare hard text is by default: one body or title in three hundred.
const hardEvery = 300

// answer is one answer as it was given the first time.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// prebuilt keeps the answers of a site. It also notes the paths that were asked for: GET
// /_bench/recorded tells those since the last such request.
type prebuilt struct {
	site    http.Handler
	latency time.Duration
	zipped  bool

	mu       sync.Mutex
	answers  map[string]*answer
	left     int64    // bytes that may still be kept
	recorded []string // paths since the last time they were told
}

// ServeHTTP gives a kept answer, or makes one and keeps it.
func (p *prebuilt) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.RequestURI()
	if path == "/_bench/recorded" {
		p.tell(w)
		return
	}
	if p.latency > 0 {
		select {
		case <-time.After(p.latency):
		case <-r.Context().Done():
			return
		}
	}
	p.mu.Lock()
	p.recorded = append(p.recorded, path)
	a, room := p.answers[path], p.left > 0
	p.mu.Unlock()
	if a == nil && !room {
		p.site.ServeHTTP(w, r)
		return
	}
	if a == nil {
		a = &answer{header: http.Header{}}
		p.site.ServeHTTP(a, r)
		if p.zipped && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			a.compress()
		}
		p.mu.Lock()
		p.answers[path] = a
		p.left -= int64(len(a.body))
		p.mu.Unlock()
	}
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that is gone has nothing to say
}

// tell writes the recorded paths, a line each.
func (p *prebuilt) tell(w http.ResponseWriter) {
	p.mu.Lock()
	paths := p.recorded
	p.recorded = nil
	p.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain")
	for _, path := range paths {
		_, _ = io.WriteString(w, path+"\n")
	}
}

// Header, WriteHeader and Write take an answer from the site.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader keeps the status.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write keeps a piece of the body.
func (a *answer) Write(b []byte) (int, error) {
	a.body = append(a.body, b...)
	return len(b), nil
}

// compress makes the answer a compressed one.
func (a *answer) compress() {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(a.body) // a buffer takes everything
	_ = w.Close()
	a.body = b.Bytes()
	a.header.Set("Content-Encoding", "gzip")
	a.header.Set("Content-Length", strconv.Itoa(b.Len()))
}
