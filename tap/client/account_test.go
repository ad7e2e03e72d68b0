package client

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/config"
)

// moody is a site that answers the probe and everything else by functions of how often each
// was asked.
func moody(whoami, other func(n int) *http.Response) *fakeSite {
	var mu sync.Mutex
	asked, sent := 0, 0
	return &fakeSite{answer: func(_ int, req *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasSuffix(req.URL.Path, "/user/current") {
			asked++
			return whoami(asked - 1), nil
		}
		if strings.HasSuffix(req.URL.Path, "/tenant_info") {
			return reply(404, ""), nil
		}
		sent++
		return other(sent - 1), nil
	}}
}

func always(status int, body string) func(int) *http.Response {
	return func(int) *http.Response { return reply(status, body) }
}

// first answers so for the first n times, and well afterwards.
func first(n, status int, body string, headers ...string) func(int) *http.Response {
	return func(i int) *http.Response {
		if i < n {
			return reply(status, body, headers...)
		}
		return reply(200, `{"id":"7"}`)
	}
}

// probed returns a client of the site whose probe has answered.
func probed(t *testing.T, cfg *config.Config, site *fakeSite) *Client {
	t.Helper()
	c, _ := newTest(t, cfg, site, Options{})
	if _, err := c.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	bare     = `{"errors":[{"status":404,"code":"NOT_FOUND","title":"Not Found","detail":null}]}`
	noPermit = `{"statusCode":403,"message":"Current user not permitted to use Confluence"}`
	noAccess = `{"message":"caller cannot access Confluence"}`
)

// TestVague: a request that is refused without a word of what is sent again after pauses, for
// ninety seconds at least. In the end the error is KindVague.
func TestVague(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
	}{"bare 404": {404, bare}, "not permitted": {403, noPermit}, "no access": {403, noAccess}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := moody(always(200, me), first(1000, tt.status, tt.body))
				c := probed(t, testConfig(), site)
				begin := time.Now()
				_, err := get(c)
				if KindOf(err) != KindVague || KindOf(err).SiteWide() {
					t.Errorf("got %v: %v", KindOf(err), err)
				}
				if took := time.Since(begin); took < 90*time.Second || took > 2*time.Minute {
					t.Errorf("given up after %v", took)
				}
				if n := len(site.attempts()); n != 7 {
					t.Errorf("%d requests, want the probe and six", n)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.MaxRetries = 2 // which these pauses are not counted against
				c := probed(t, cfg, moody(always(200, me), first(5, tt.status, tt.body)))
				if _, err := get(c); err != nil {
					t.Errorf("after a minute: %v", err)
				}
			})
		})
	}
}

// TestVagueHoldsAll: while one request pauses, no other is sent.
func TestVagueHoldsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := moody(always(200, me), first(1, 404, bare))
		c := probed(t, testConfig(), site)
		if failed := flood(c, 20); failed > 0 {
			t.Errorf("%d failed", failed)
		}
		sent := site.attempts()
		for _, a := range sent[2:] {
			if since := a.at.Sub(sent[1].at); since < 4*time.Second {
				t.Errorf("sent %v after the vague answer", since)
			}
		}
	})
}

// TestVagueAtTheProbe: before the site has answered, the same words mean what they say.
func TestVagueAtTheProbe(t *testing.T) {
	for body, want := range map[string]Kind{noPermit: KindLicence, noAccess: KindLicence} {
		synctest.Test(t, func(t *testing.T) {
			site := inTurn(says(403, body))
			c, _ := newTest(t, testConfig(), site, Options{})
			if _, err := c.Probe(t.Context()); KindOf(err) != want || len(site.attempts()) != 1 {
				t.Errorf("the probe: %v", err)
			}
			if _, err := get(c); KindOf(err) != want || len(site.attempts()) != 2 {
				t.Errorf("a client without a probe: %v", err)
			}
		})
	}
}

// TestStray: one 401, web page or anonymous answer among good ones is asked about, and then
// asked again; if the account is lost the error says so.
func TestStray(t *testing.T) {
	page := []string{"Content-Type", "text/html"}
	lost := func(n int) *http.Response {
		if n == 0 {
			return reply(200, me)
		}
		return reply(401, `{"message":"Unauthorized"}`)
	}
	other := func(n int) *http.Response {
		if n == 0 {
			return reply(200, me)
		}
		return reply(200, `{"type":"known","accountId":"other"}`)
	}
	tests := []struct {
		name    string
		whoami  func(int) *http.Response
		answer  func(int) *http.Response
		want    Kind
		whoamis int
		sent    int
	}{
		{"one 401", always(200, me), first(1, 401, `{"message":"Unauthorized"}`), KindOther, 2, 2},
		{"one page with 404", always(200, me), first(1, 404, "<html>", page...), KindOther, 2, 2},
		{"one page with 403", always(200, me), first(1, 403, "<html>", page...), KindOther, 2, 2},
		{"one page with 400", always(200, me), first(1, 400, "<html>", page...), KindOther, 2, 2},
		{"one anonymous answer", always(200, me), first(1, 200, "{}", "X-Seraph-LoginReason", "AUTHENTICATED_FAILED"), KindOther, 2, 2},
		{"login pages for a minute", always(200, me), first(9, 200, "<html>", page...), KindOther, 2, 10},
		{"always 401", always(200, me), first(99, 401, ""), KindVague, 2, 2},
		{"always a page", always(200, me), first(99, 404, "<html>", page...), KindVague, 2, 2},
		{"401, account lost", lost, first(99, 401, ""), KindToken, 2 + briefRetries, 1},
		{"401, other account", other, first(99, 401, ""), KindToken, 2, 1},
		{"scope", always(200, me), first(1, 401, noScope), KindScope, 1, 1},
		{"forbidden", always(200, me), first(1, 403, `{"message":"no"}`), KindForbidden, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := moody(tt.whoami, tt.answer)
				c := probed(t, testConfig(), site)
				_, err := get(c)
				if KindOf(err) != tt.want || (err == nil) != (tt.want == KindOther) {
					t.Errorf("got %v: %v", KindOf(err), err)
				}
				whoamis := 0
				for _, a := range site.attempts() {
					if strings.HasSuffix(a.url, "/user/current") {
						whoamis++
					}
				}
				if sent := len(site.attempts()) - whoamis; whoamis != tt.whoamis || sent != tt.sent {
					t.Errorf("asked %d times who it is, and %d times for the page", whoamis, sent)
				}
				if c.memory.free != maxMemory {
					t.Errorf("%d bytes are still taken", maxMemory-c.memory.free)
				}
			})
		})
	}
}

// TestStrayTogether: requests that fail together ask once who the account is.
func TestStrayTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.RequestsPerSecond = 0
		whoamis := 0
		begin := time.Now()
		site := moody(func(n int) *http.Response { whoamis = n + 1; return reply(200, me) }, func(int) *http.Response {
			if time.Since(begin) == 0 {
				return reply(401, "")
			}
			return reply(200, `{}`)
		})
		whoami := site.answer
		site.answer = func(n int, req *http.Request) (*http.Response, error) {
			resp, err := whoami(n, req)
			time.Sleep(time.Second) //nolint:forbidigo // fake time: five are under way at once
			return resp, err
		}
		c := probed(t, cfg, site)
		begin = time.Now()
		if failed := flood(c, 5); failed > 0 {
			t.Errorf("%d failed", failed)
		}
		if whoamis != 2 {
			t.Errorf("asked %d times", whoamis)
		}
	})
}

// TestWhoami: the account is proven at the address in use, and a loss is told soon.
func TestWhoami(t *testing.T) {
	tests := []struct {
		name   string
		answer func() (*http.Response, error)
		want   Kind
	}{
		{"good", says(200, me), KindOther},
		{"401", says(401, ""), KindToken},
		{"anonymous", says(200, `{"type":"anonymous"}`), KindAnonymous},
		{"network", fails(errRefused), KindNetwork},
		{"503", says(503, ""), KindServer},
		{"429", says(429, ""), KindRateLimit},
		{"login page", says(200, "<html>"), KindLoginPage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := &fakeSite{answer: func(n int, _ *http.Request) (*http.Response, error) {
					if n == 0 {
						return reply(200, me), nil
					}
					return tt.answer()
				}}
				c := probed(t, testConfig(), site)
				begin := time.Now()
				found, err := c.Whoami(t.Context())
				if KindOf(err) != tt.want || err == nil && found.AccountID != "5b10" {
					t.Errorf("got %+v, %v", found, err)
				}
				if took := time.Since(begin); took > 10*time.Second {
					t.Errorf("took %v", took)
				}
				if n := len(site.attempts()); err != nil && n != 2+briefRetries {
					if tt.want != KindAnonymous && tt.want != KindLoginPage {
						t.Errorf("%d requests", n)
					}
				}
			})
		})
	}
}

// TestWhoamiPasses: a site that fails for a moment still knows the account.
func TestWhoamiPasses(t *testing.T) {
	for _, status := range []int{401, 403, 404, 500} {
		synctest.Test(t, func(t *testing.T) {
			site := moody(func(n int) *http.Response {
				if n == 1 {
					return reply(status, noAccess)
				}
				return reply(200, me)
			}, nil)
			c := probed(t, testConfig(), site)
			if found, err := c.Whoami(t.Context()); err != nil || found.AccountID != "5b10" {
				t.Errorf("%d: %+v, %v", status, found, err)
			}
		})
	}
}

// TestWhoamiUnnamed: where the site doesn't name the account, a space is the proof.
func TestWhoamiUnnamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spaces := says(200, noRows)
		site := world(map[string]func() (*http.Response, error){
			sitePath:   says(410, ""),
			spacesPath: func() (*http.Response, error) { return spaces() },
		})
		c, _ := newTest(t, testConfig(), site, Options{})
		if found, err := c.Probe(t.Context()); err != nil || KindOf(found.Unnamed) != KindGone {
			t.Fatalf("the probe: %+v, %v", found, err)
		}
		if found, err := c.Whoami(t.Context()); err != nil || KindOf(found.Unnamed) != KindGone || found.AccountID != "" {
			t.Errorf("got %+v, %v", found, err)
		}
		if last := site.attempts()[len(site.attempts())-1]; last.url != spacesPath {
			t.Errorf("asked %s", last.url)
		}
		spaces = says(404, bare)
		if _, err := c.Whoami(t.Context()); KindOf(err) != KindSite {
			t.Errorf("lost: %v", err)
		}
	})
}

// TestStoppedWhileProving: the end of the context ends the question, too.
func TestStoppedWhileProving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := moody(func(n int) *http.Response {
			if n == 0 {
				return reply(200, me)
			}
			return reply(500, "")
		}, first(99, 401, ""))
		c := probed(t, testConfig(), site)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		begin := time.Now()
		for range 3 {
			wg.Go(func() {
				if _, err := c.Get(ctx, page1); err == nil {
					t.Error("no error")
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took > 600*time.Millisecond {
			t.Errorf("stopped after %v", took)
		}
	})
}
