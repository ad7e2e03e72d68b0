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
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
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

// TestProxySetting: a proxy that is no address is named, and not ignored.
func TestProxySetting(t *testing.T) {
	for value, good := range map[string]bool{
		"http://127.0.0.1:3128": true, "proxy.example:3128": true, "http://u:" + proxyPassword + "@proxy": true, "socks5://[::1]:1080": true, "": true,
		"::garbage": false, "http://": false, "http://%zz:" + proxyPassword + "@x": false, "proxy:port": false,
	} {
		t.Setenv("HTTPS_PROXY", value)
		c, err := New(testConfig(), Options{})
		if (err == nil) != good || err != nil && (!strings.Contains(err.Error(), "HTTPS_PROXY") || strings.Contains(err.Error(), proxyPassword)) {
			t.Errorf("%q: %v", value, err)
		}
		if err == nil {
			c.Close()
		}
		cfg := testConfig()
		cfg.SiteURL = "http://127.0.0.1:1"
		if c, err = New(cfg, Options{}); err != nil {
			t.Errorf("%q for this machine: %v", value, err)
		} else {
			c.Close()
		}
	}
}

// TestConnectionsAreKept: answers that are errors don't cost a connection each.
func TestConnectionsAreKept(t *testing.T) {
	conns := map[string]bool{}
	c, _ := realClient(t, func(w http.ResponseWriter, r *http.Request) {
		conns[r.RemoteAddr] = true
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"message":"not for you"}`)
	}, nil)
	for range 20 {
		if _, err := get(c); KindOf(err) != KindForbidden {
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
				if held := testConfig().Concurrency - c.pace.slots.free; held != 0 {
					t.Errorf("%d slots are still held", held)
				}
			})
		})
	}
}

// TestImpatient: where somebody waits, a site that can't be reached is told within five
// seconds, whatever keeps the attempt from its connection.
func TestImpatient(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts and never says a word
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, tt := range map[string]struct {
		site    string
		network http.RoundTripper
		text    string
	}{
		"wrong port":           {site: closed.URL, text: "connection refused"},
		"silent port":          {site: "https://" + silent.Addr().String(), text: "no connection to 127.0.0.1:"},
		"silent proxy":         {site: "https://acme.example", network: proxied("http://" + silent.Addr().String()), text: "no connection to acme.example within 1.5s"},
		"dead proxy":           {site: "https://acme.example", network: proxied(closed.URL), text: "no connection through the proxy: dial tcp 127.0.0.1:"},
		"name service is gone": {site: "https://acme.example", network: inTurn(fails(&net.DNSError{Err: "server misbehaving", Name: "acme.example", IsTemporary: true})), text: "server misbehaving"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig()
			cfg.SiteURL = tt.site
			c, err := New(cfg, Options{Impatient: true, Transport: tt.network})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			begin := time.Now()
			_, err = c.Probe(t.Context())
			if took := time.Since(begin); err == nil || took > 5*time.Second {
				t.Errorf("after %v: %v", took, err)
			}
			if KindOf(err) != KindNetwork || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v: %v", KindOf(err), err)
			}
		})
	}
}

// proxied is a network behind a proxy.
func proxied(address string) http.RoundTripper {
	proxy, _ := url.Parse(address)
	return &http.Transport{Proxy: http.ProxyURL(proxy)}
}

// TestImpatientSlowAnswer: a site that is reached may take its time.
func TestImpatientSlowAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		timer := time.NewTimer(connectTime + 200*time.Millisecond)
		defer timer.Stop()
		<-timer.C
		_, _ = io.WriteString(w, me)
	}))
	defer server.Close()
	cfg := testConfig()
	cfg.SiteURL = server.URL
	c, err := New(cfg, Options{Impatient: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Probe(t.Context()); err != nil {
		t.Error(err)
	}
}
