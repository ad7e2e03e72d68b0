package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// cut is an answer whose body breaks off.
func cut(body string, err error) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		resp := reply(200, "")
		resp.Body, resp.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(body), brokenReader{err})), -1
		return resp, nil
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

// TestRetried: what may pass is sent again, and succeeds when it has passed. Without it
// passing, max_retries bounds the attempts and the last failure is told.
func TestRetried(t *testing.T) {
	noHost := &net.DNSError{Err: "no such host", Name: "acme.example", IsNotFound: true}
	tests := []struct {
		name   string
		answer func() (*http.Response, error)
		kind   Kind
		text   string
	}{
		{"408", says(408, ""), KindServer, "408"},
		{"425", says(425, ""), KindServer, "425"},
		{"429", says(429, ""), KindRateLimit, "429"},
		{"429 negative", says(429, "", "Retry-After", "-7"), KindRateLimit, "429"},
		{"429 zero", says(429, "", "Retry-After", "0"), KindRateLimit, "429"},
		{"500", says(500, `{"message":"boom"}`), KindServer, "500 Internal Server Error: boom"},
		{"502", says(502, "<html>"), KindServer, "502"},
		{"503", says(503, ""), KindServer, "503"},
		{"503 page", says(503, "<html>", "Content-Type", "text/html"), KindMaintenance, "maintenance"},
		{"500 maintenance page", says(500, "<html>Scheduled maintenance</html>"), KindMaintenance, "maintenance"},
		{"504", says(504, ""), KindServer, "504"},
		{"refused", fails(errRefused), KindNetwork, "no complete answer from acme.example: dial tcp: connection refused"},
		{"reset", fails(errors.New("read: connection reset by peer")), KindNetwork, "reset"},
		{"no such host for a while", fails(noHost), KindNetwork, "no host acme.example"},
		{"closed before the headers", fails(io.EOF), KindNetwork, "EOF"},
		{"handshake broken", fails(tls.RecordHeaderError{Msg: "not TLS"}), KindNetwork, "not TLS"},
		{"body cut", cut(`{"a":`, io.ErrUnexpectedEOF), KindNetwork, "unexpected EOF"},
		{"body reset", cut(`{"a":1}`, errors.New("connection reset")), KindNetwork, "reset"},
		{"truncated JSON", says(200, `{"results":[{"id":"1"}`), KindMalformed, "not valid JSON"},
		{"empty", says(200, ``), KindMalformed, "not valid JSON"},
		{"204", says(204, ``), KindMalformed, "not valid JSON"},
		{"login page", says(200, `<!DOCTYPE html><title>Log in</title>`, "Content-Type", "text/html"), KindLoginPage, "login page"},
		{"login page as JSON", says(200, `  <html>`), KindLoginPage, "login page"},
		{"maintenance page", says(200, `<html>Down for Maintenance</html>`), KindMaintenance, "maintenance"},
		{"login redirect", says(302, "", "Location", "https://id.atlassian.com/login?continue=x"), KindLoginPage, "redirects to its login page"},
		{"login redirect at home", says(302, "", "Location", "/login?dest-url=x"), KindLoginPage, "redirects to its login page"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := inTurn(tt.answer, tt.answer, tt.answer, says(200, `{"id":"7"}`))
				c, log := newTest(t, testConfig(), site, Options{})
				doc, err := get(c)
				if id, _ := doc.Get("id").Text(); err != nil || id != "7" {
					t.Fatalf("got %q, %v", id, err)
				}
				if n := strings.Count(log.String(), "level=WARN"); n != 3 {
					t.Errorf("%d warnings for 3 retries:\n%s", n, log)
				}
				if s := c.Stats(); s.Requests != 4 || s.Retries != 3 {
					t.Errorf("stats %+v", s)
				}

				cfg := testConfig()
				cfg.MaxRetries = 2
				site = inTurn(tt.answer)
				c, _ = newTest(t, cfg, site, Options{})
				_, err = get(c)
				if KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("got kind %v: %v", KindOf(err), err)
				}
				if n := len(site.attempts()); n != 3 {
					t.Errorf("sent %d times, want 3", n)
				}
				if free := c.memory.free; free != maxMemory || c.memory.reading != 0 {
					t.Errorf("%d bytes and %d reads are still taken", maxMemory-free, c.memory.reading)
				}
			})
		})
	}
}

// TestNotRetried: what no retry mends is sent once, whatever max_retries is.
func TestNotRetried(t *testing.T) {
	cert := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	for name, tt := range map[string]struct {
		answer func() (*http.Response, error)
		kind   Kind
		text   string
	}{
		"certificate":           {fails(cert), KindNetwork, "ca_file"},
		"another host":          {says(302, "", "Location", "https://evil.example/x"), KindRedirect, "https://acme.example to https://evil.example"},
		"plain http":            {says(302, "", "Location", "http://acme.example/x"), KindRedirect, "http://acme.example"},
		"another port":          {says(302, "", "Location", "https://acme.example:8443/x"), KindRedirect, "acme.example:8443"},
		"metadata address":      {says(307, "", "Location", "http://169.254.169.254/latest"), KindRedirect, "169.254.169.254"},
		"announced as too long": {func() (*http.Response, error) { r := reply(200, ""); r.ContentLength = maxBody + 1; return r, nil }, KindTooLarge, "64 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := inTurn(tt.answer)
				c, _ := newTest(t, testConfig(), site, Options{})
				_, err := get(c)
				if KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("got kind %v: %v", KindOf(err), err)
				}
				if n := len(site.attempts()); n != 1 {
					t.Errorf("sent %d times", n)
				}
			})
		})
	}
}

// TestShape: JSON of the wrong shape is asked for again, but not for long.
func TestShape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := inTurn(says(200, `[1]`))
		c, _ := newTest(t, testConfig(), site, Options{})
		if _, err := get(c); KindOf(err) != KindMalformed || !strings.Contains(err.Error(), "unexpected JSON") {
			t.Errorf("got %v", err)
		}
		if n := len(site.attempts()); n != 1+shapeRetries {
			t.Errorf("sent %d times", n)
		}
	})
}

// TestWaits: linear steps for failures, doubling ones for a limit without a time, each
// within a quarter, bounded, and announced when long.
func TestWaits(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		want   []float64 // seconds
	}{
		"linear":      {500, []float64{1, 2, 3, 4, 5, 6, 7, 8}},
		"exponential": {429, []float64{1, 2, 4, 8, 16, 32, 60, 60}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				announced := 0
				site := inTurn(says(tt.status, ""))
				cfg := testConfig()
				cfg.RequestsPerSecond = 1000
				c, _ := newTest(t, cfg, site, Options{OnWait: func(until time.Time, _ string) {
					announced++
					if time.Until(until) < announceMin {
						t.Errorf("announced a wait of %v", time.Until(until))
					}
				}})
				_, _ = get(c)
				sent, long := site.attempts(), 0
				if len(sent) != 9 {
					t.Fatalf("sent %d times", len(sent))
				}
				for i, want := range tt.want {
					got := sent[i+1].at.Sub(sent[i].at).Seconds()
					if got < want*0.74 || got > want*1.26 {
						t.Errorf("wait %d is %.3fs, want about %vs", i, got, want)
					}
					if got > 10 {
						long++
					}
				}
				if announced != long {
					t.Errorf("announced %d of %d long waits", announced, long)
				}
			})
		})
	}
}

// TestMaxRetryWaitBoundsOwnWaits: without a word of the site no wait is too long.
func TestMaxRetryWaitBoundsOwnWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.MaxRetryWait = 2 * time.Second
		site := inTurn(says(429, ""))
		c, _ := newTest(t, cfg, site, Options{})
		begin := time.Now()
		_, _ = get(c)
		if took := time.Since(begin); len(site.attempts()) != 9 || took > 8*2*time.Second+time.Second {
			t.Errorf("%d attempts in %v", len(site.attempts()), took)
		}
	})
}

func TestNoRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.MaxRetries = 0
		site := inTurn(says(503, ""))
		c, _ := newTest(t, cfg, site, Options{})
		if _, err := get(c); KindOf(err) != KindServer || len(site.attempts()) != 1 {
			t.Errorf("%d attempts: %v", len(site.attempts()), err)
		}
	})
}

// TestRequest: what is sent, and where.
func TestRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := inTurn(says(200, `{}`))
		c, _ := newTest(t, testConfig(), site, Options{})
		req := Request{Path: "/wiki/api/v2/pages", Query: [][2]string{{"status", "current,archived"}, {"sort", "-modified-date"}, {"q", "a b&c=d+e"}}}
		if _, err := c.Get(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		sent := site.attempts()[0]
		if want := "https://acme.example/wiki/api/v2/pages?status=current%2Carchived&sort=-modified-date&q=a+b%26c%3Dd%2Be"; sent.url != want {
			t.Errorf("sent %s", sent.url)
		}
		for name, want := range map[string]string{
			"Accept": "application/json", "User-Agent": "tap-confluence/1.2.3",
			"Authorization": "Basic YWRhQGV4YW1wbGUub3JnOkFUQVRUM3gtdmVyeS9zZWNyZXQrdG9rZW49Nw==",
		} {
			if got := sent.header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		noSecrets(t, fmt.Sprintf("%v %+v %#v", c, c, c))
		for _, path := range []string{"wiki", "", "//evil.example/x y", "/wiki/../x", "/wiki/..", "/a?b", "/a#b", "/a\nb", "/%zz"} {
			if _, err := c.Get(t.Context(), Request{Path: path}); KindOf(err) != KindBadRequest {
				t.Errorf("path %q: %v", path, err)
			}
		}
		if n := len(site.attempts()); n != 1 {
			t.Errorf("sent %d requests for bad paths", n-1)
		}
	})
}
