// Command floor does the least that a reader of a site can do: it asks for answers with
// net/http and throws their bodies away. What the tap pays for a row is told as a multiple
// of it. It imports nothing but the standard library, so that starting it costs little.
//
//	floor [-workers N] [-ca FILE] [-copy] URL
//
// It reads paths from stdin, puts each behind the URL and prints how many requests it made
// and how many bytes it read; or, with -copy, the answers themselves.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
)

func main() {
	workers := flag.Int("workers", 1, "requests at a time")
	ca := flag.String("ca", "", "certificate to trust")
	copies := flag.Bool("copy", false, "write the answers to stdout")
	flag.Parse()
	f := &floor{out: io.Discard}
	if *copies {
		f.out = os.Stdout
	}
	if err := f.run(context.Background(), flag.Arg(0), *workers, *ca, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
	if !*copies {
		fmt.Println(f.requests, f.bytes)
	}
}

// floor counts what it has read.
type floor struct {
	client *http.Client
	out    io.Writer

	mu              sync.Mutex
	requests, bytes int64
}

// run reads all paths, some at a time.
func (f *floor) run(ctx context.Context, base string, workers int, ca string, paths io.Reader) error {
	if base == "" {
		return errors.New("usage: floor [-workers N] [-ca FILE] URL")
	}
	// HTTP/1.1 alone: for large answers HTTP/2 costs more, and this is to be the least.
	t := &http.Transport{MaxIdleConnsPerHost: workers, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return err
		}
		t.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
		t.TLSClientConfig.RootCAs.AppendCertsFromPEM(text)
	}
	f.client = &http.Client{Transport: t}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lines := make(chan string)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for path := range lines {
				if err := f.get(ctx, base+path); err != nil {
					cancel(err)
				}
			}
		})
	}
	s := bufio.NewScanner(paths)
	s.Buffer(nil, 1<<20)
	for s.Scan() && ctx.Err() == nil {
		lines <- s.Text()
	}
	close(lines)
	all.Wait()
	return errors.Join(context.Cause(ctx), s.Err())
}

// get reads one answer.
func (f *floor) get(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	res, err := f.client.Do(req)
	if err != nil {
		return err
	}
	n, err := io.Copy(f.out, res.Body)
	_ = res.Body.Close() // read to its end, or the error is told below
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("reading %s: %s", address, res.Status)
	}
	f.mu.Lock()
	f.requests++
	f.bytes += n
	f.mu.Unlock()
	return err
}
