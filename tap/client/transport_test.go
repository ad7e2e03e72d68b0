package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/config"
)

// realClient returns a client that talks to a server on loopback through the real network.
func realClient(t *testing.T, handler http.HandlerFunc, set func(*config.Config)) (*Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := testConfig()
	cfg.APIURL, cfg.RequestsPerSecond, cfg.MaxRetries = server.URL, 0, 2
	if set != nil {
		set(cfg)
	}
	c, err := New(cfg, Options{RetryWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, server
}

func zip(body string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	return b.Bytes()
}

// TestRealBodies: what a server and a network do to a body, and what becomes of it when
// the second attempt is fine.
func TestRealBodies(t *testing.T) {
	const good = `{"results":[{"id":"1"}],"_links":{}}`
	asGzip := func(w http.ResponseWriter, b []byte) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(b)
	}
	tests := []struct {
		name  string
		first http.HandlerFunc
		kind  Kind // if it stays so
		sent  int64
	}{
		{"plain", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, good) }, KindOther, 1},
		{"gzip", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				w.WriteHeader(http.StatusTeapot)
			}
			asGzip(w, zip(good))
		}, KindOther, 1},
		{"gzip cut short", func(w http.ResponseWriter, _ *http.Request) { asGzip(w, zip(good)[:30]) }, KindNetwork, 3},
		{"gzip with a wrong checksum", func(w http.ResponseWriter, _ *http.Request) {
			b := zip(good)
			b[len(b)-6] ^= 1
			asGzip(w, b)
		}, KindNetwork, 3},
		{"gzip that is none", func(w http.ResponseWriter, _ *http.Request) { asGzip(w, []byte(good)) }, KindNetwork, 3},
		{"closed within the body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, good)
		}, KindNetwork, 3},
		{"closed within chunks", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, good)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, KindNetwork, 3},
		{"closed before the headers", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, KindNetwork, 3},
		{"invalid UTF-8", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"results":[{"id":"`+"\xff"+`"}]}`)
		}, KindMalformed, 3},
		{"nested too deep", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"results":[{"id":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}]}`)
		}, KindMalformed, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var n atomic.Int64
			healed := func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) > 1 {
					_, _ = io.WriteString(w, good)
					return
				}
				tt.first(w, r)
			}
			c, _ := realClient(t, healed, nil)
			page, err := c.Pager(page1, 250).Page(t.Context(), "")
			if err != nil || len(page.Rows) != 1 {
				t.Fatalf("%v", err)
			}
			page.Release()

			c, _ = realClient(t, tt.first, nil)
			page, err = c.Pager(page1, 250).Page(t.Context(), "")
			if KindOf(err) != tt.kind || c.Stats().Requests != tt.sent {
				t.Errorf("%d requests, %v: %v", c.Stats().Requests, KindOf(err), err)
			}
			if err == nil {
				page.Release()
			}
		})
	}
}

// TestGzipBomb: what unpacks beyond the bound is given up at the bound.
func TestGzipBomb(t *testing.T) {
	packed := bytes.Repeat(zip(strings.Repeat(" ", 1<<20)), 80) // gzip members may follow one another
	c, _ := realClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed)
	}, nil)
	_, err := c.Get(t.Context(), page1)
	if KindOf(err) != KindTooLarge || c.Stats().Bytes > maxBody+1 {
		t.Errorf("%d bytes unpacked, %v", c.Stats().Bytes, err)
	}
}

// TestRedirects: on its own host a request is followed, with its credentials, five times.
func TestRedirects(t *testing.T) {
	c, _ := realClient(t, func(w http.ResponseWriter, r *http.Request) {
		hops := strings.Count(r.URL.Path, "x")
		switch _, _, ok := r.BasicAuth(); {
		case !ok:
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/wiki/loop":
			http.Redirect(w, r, "/wiki/loop", http.StatusFound)
		case hops == 0:
			_, _ = io.WriteString(w, `{"id":"7"}`)
		default:
			http.Redirect(w, r, "/wiki/"+strings.Repeat("x", hops-1), http.StatusMovedPermanently)
		}
	}, nil)
	for path, want := range map[string]Kind{"/wiki/xxxxx": KindOther, "/wiki/xxxxxx": KindRedirect, "/wiki/loop": KindRedirect} {
		before := c.Stats().Requests
		_, err := c.Get(t.Context(), Request{Path: path})
		if KindOf(err) != want {
			t.Errorf("%s: %v", path, err)
		}
		if n := c.Stats().Requests - before; n != 6 {
			t.Errorf("%s: %d requests, want 6", path, n)
		}
	}
}

// TestCredentialsStayHome: another host gets no request at all, let alone credentials.
func TestCredentialsStayHome(t *testing.T) {
	var hits atomic.Int64
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer evil.Close()
	c, server := realClient(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, evil.URL+"/stolen", http.StatusTemporaryRedirect)
	}, nil)
	_, err := c.Get(t.Context(), page1)
	if KindOf(err) != KindRedirect || hits.Load() != 0 {
		t.Errorf("%d requests to the other host, %v", hits.Load(), err)
	}
	for _, host := range []string{server.URL, evil.URL} {
		if !strings.Contains(err.Error(), host) {
			t.Errorf("does not name %s: %v", host, err)
		}
	}
}

// TestTLS: certificates of ca_file are trusted, others are not, old protocols neither.
func TestTLS(t *testing.T) {
	start := func(newest uint16) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"proto":"%s"}`, r.Proto)
		}))
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: newest}
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	for _, tt := range []struct {
		name   string
		newest uint16
		trust  bool
		kind   Kind
		sent   int64
	}{
		{"trusted", tls.VersionTLS13, true, KindOther, 1},
		{"TLS 1.2", tls.VersionTLS12, true, KindOther, 1},
		{"TLS 1.1", tls.VersionTLS11, true, KindNetwork, 3},
		{"not trusted", tls.VersionTLS13, false, KindNetwork, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(tt.newest)
			c, _ := realClient(t, nil, func(cfg *config.Config) {
				cfg.APIURL = s.URL
				if tt.trust {
					cfg.CAFile = filepath.Join(t.TempDir(), "ca.pem")
					writeCert(t, cfg.CAFile, s)
				}
			})
			doc, err := c.Get(t.Context(), page1)
			if KindOf(err) != tt.kind || c.Stats().Requests != tt.sent {
				t.Fatalf("%d requests, %v", c.Stats().Requests, err)
			}
			if proto, _ := doc.Get("proto").Text(); err == nil && proto != "HTTP/1.1" {
				t.Errorf("spoke %s", proto)
			}
		})
	}
	bad := filepath.Join(t.TempDir(), "bad.pem")
	if err := os.WriteFile(bad, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	cfg.CAFile = bad
	if _, err := New(cfg, Options{}); err == nil || !strings.Contains(err.Error(), "holds no PEM certificate") {
		t.Errorf("got %v", err)
	}
}

func writeCert(t *testing.T, file string, s *httptest.Server) {
	t.Helper()
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestProxy: the environment's proxy is used, and its password is not shown.
func TestProxy(t *testing.T) {
	cfg := testConfig()
	cfg.MaxRetries = 0
	c, err := New(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = get(c)
	if KindOf(err) != KindNetwork || !strings.Contains(err.Error(), "Proxy Authentication Required") {
		t.Errorf("got %v", err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), proxyPassword) {
		t.Errorf("shows the proxy's password: %v", err)
	}
}

// TestConnectionsAreKept: answers that are errors don't cost a connection each.
func TestConnectionsAreKept(t *testing.T) {
	conns := map[string]bool{}
	c, _ := realClient(t, func(w http.ResponseWriter, r *http.Request) {
		conns[r.RemoteAddr] = true
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"message":"not here"}`)
	}, nil)
	for range 20 {
		if _, err := get(c); KindOf(err) != KindNotFound {
			t.Fatal(err)
		}
	}
	if len(conns) != 1 {
		t.Errorf("%d connections for 20 requests in a row", len(conns))
	}
}

// stallingBody gives one piece of a body every so often, and the last one never.
type stallingBody struct {
	ctx    context.Context //nolint:containedctx // the attempt's
	pieces []string
	every  time.Duration
}

func (b *stallingBody) Read(p []byte) (int, error) {
	if len(b.pieces) == 0 {
		<-b.ctx.Done()
		return 0, b.ctx.Err()
	}
	time.Sleep(b.every) //nolint:forbidigo // fake time
	n := copy(p, b.pieces[0])
	if b.pieces = b.pieces[1:]; len(b.pieces) == 0 && b.every < time.Minute {
		return n, io.EOF
	}
	return n, nil
}

func (b *stallingBody) Close() error { return nil }

// TestStall: an attempt without progress for request_timeout ends, one that is only slow
// does not, however long it takes.
func TestStall(t *testing.T) {
	stall := func(pieces []string, every time.Duration) func(int, *http.Request) (*http.Response, error) {
		return func(_ int, req *http.Request) (*http.Response, error) {
			resp := reply(200, "")
			resp.Body, resp.ContentLength = &stallingBody{req.Context(), pieces, every}, -1
			return resp, nil
		}
	}
	headers := func(_ int, req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	slow := append(append([]string{`{"id":"`}, strings.Split(strings.Repeat("7", 1000), "")...), `"}`)
	for _, tt := range []struct {
		name   string
		answer func(int, *http.Request) (*http.Response, error)
		kind   Kind
		took   time.Duration
	}{
		{"headers never come", headers, KindNetwork, 2 * 2 * time.Minute},
		{"body stops", stall([]string{`{"id":`, `7`}, 110*time.Second), KindNetwork, 2 * (2*110*time.Second + 2*time.Minute)},
		{"slow body", stall(slow, 59*time.Second), KindOther, 1002 * 59 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.MaxRetries = 1
				c, _ := newTest(t, cfg, &fakeSite{answer: tt.answer}, Options{RetryWait: time.Nanosecond})
				begin := time.Now()
				_, err := get(c)
				took := time.Since(begin)
				if KindOf(err) != tt.kind || took < tt.took || took > tt.took+time.Second {
					t.Errorf("after %v, want %v: %v", took, tt.took, err)
				}
				if err != nil && !strings.Contains(err.Error(), "no answer from acme.example for 2m0s") {
					t.Errorf("text: %v", err)
				}
				if len(c.pace.slots) != 0 {
					t.Errorf("%d slots are still held", len(c.pace.slots))
				}
			})
		})
	}
}
