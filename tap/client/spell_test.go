package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// vagueFor is a site that knows the account and answers everything else with a bare 404 for a
// while after it was made.
func vagueFor(d time.Duration) *fakeSite {
	began := time.Now()
	return moody(always(200, me), func(int) *http.Response {
		if time.Since(began) < d {
			return reply(404, bare)
		}
		return reply(200, `{}`)
	})
}

// asked returns how often a site was asked for what has that path.
func asked(site *fakeSite, path string) int {
	n := 0
	for _, a := range site.attempts() {
		if strings.HasSuffix(a.url, path) {
			n++
		}
	}
	return n
}

// TestSpellIsShared: however many requests meet vague answers, they pause together, and fail
// together when the pauses are over.
func TestSpellIsShared(t *testing.T) {
	for _, slots := range []int{1, 5, 20} {
		for _, takes := range []time.Duration{0, 200 * time.Millisecond, 3 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.Concurrency = slots
				site := vagueFor(time.Hour)
				answer := site.answer
				site.answer = func(n int, r *http.Request) (*http.Response, error) {
					time.Sleep(takes) //nolint:forbidigo // fake time
					return answer(n, r)
				}
				c := probed(t, cfg, site)
				begin := time.Now()
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				var all sync.WaitGroup
				for range 80 {
					all.Go(func() {
						_, err := c.Get(ctx, page1)
						cancel(err) // as a probe does that says no
					})
				}
				all.Wait()
				took := time.Since(begin)
				if least, most := 90*time.Second, 96*time.Second+7*takes; took < least || took > most {
					t.Errorf("%d at once, %v an answer: the first failed after %v", slots, takes, took)
				}
				if cause := context.Cause(ctx); KindOf(cause) != KindVague {
					t.Errorf("failed with %v", cause)
				}
			})
		}
	}
}

// TestSpellPasses: whatever is asked for while a spell lasts comes when it is over.
func TestSpellPasses(t *testing.T) {
	for _, d := range []time.Duration{time.Second, 40 * time.Second, 80 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			cfg := testConfig()
			cfg.MaxRetries = 2 // which the pauses are not counted against
			c := probed(t, cfg, vagueFor(d))
			begin := time.Now()
			if failed := flood(c, 80); failed > 0 {
				t.Errorf("%d failed in a spell of %v", failed, d)
			}
			if took := time.Since(begin); took > 95*time.Second+80/5*time.Second+time.Second {
				t.Errorf("a spell of %v took %v", d, took)
			}
		})
	}
}

// TestSpellIsOver: a spell that had all its pauses has no more of them until the site has an answer
// for a request that it refused, or a quarter of an hour has passed. Then the next one begins.
func TestSpellIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var good atomic.Bool
		site := moody(always(200, me), func(int) *http.Response {
			if good.Load() {
				return reply(200, `{}`)
			}
			return reply(404, bare)
		})
		c := probed(t, testConfig(), site)
		wants := func(what string, least, most time.Duration, sent int) {
			t.Helper()
			begin, before := time.Now(), asked(site, "/pages")
			_, err := get(c)
			if took := time.Since(begin); took < least || took > most || asked(site, "/pages")-before != sent {
				t.Errorf("%s: took %v and %d requests: %v", what, took, asked(site, "/pages")-before, err)
			}
		}
		wants("the first", 90*time.Second, 96*time.Second, 6)
		for range 20 {
			wants("one after the pauses", 0, 2*time.Second, 2)
		}
		time.Sleep(spellLasts) //nolint:forbidigo // fake time
		wants("one in the next spell", 90*time.Second, 96*time.Second, 6)
		time.AfterFunc(500*time.Millisecond, func() { good.Store(true) })
		wants("one whose second answer is good", 0, 2*time.Second, 2)
		good.Store(false)
		wants("one after a good answer", 90*time.Second, 96*time.Second, 6)
	})
}

// TestLastingAmongPassing: a request that stays refused while others are refused and then answered
// has an end.
func TestLastingAmongPassing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		seen := map[string]bool{}
		site := &fakeSite{answer: func(_ int, r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			path := r.URL.Path
			switch {
			case strings.HasSuffix(path, "/user/current"):
				return reply(200, me), nil
			case strings.HasSuffix(path, "/lasting"), !seen[path]:
				seen[path] = true
				return reply(404, bare), nil
			}
			return reply(200, `{}`), nil
		}}
		c := probed(t, testConfig(), site)
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		var all sync.WaitGroup
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, _ = c.Get(ctx, Request{Path: "/wiki/" + strings.Repeat("x", i+1)})
			}
		})
		begin := time.Now()
		_, err := c.Get(ctx, Request{Path: "/wiki/lasting"})
		cancel(errors.New("done"))
		all.Wait()
		if took := time.Since(begin); KindOf(err) != KindVague || took < 90*time.Second || took > 10*time.Minute {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// TestLimitInSpell: waits that the site asks for are kept in a spell, and are no pauses of it.
func TestLimitInSpell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []func() (*http.Response, error){
			says(404, bare), says(429, "", "Retry-After", "600"), says(404, bare, "Retry-After", "900"), says(404, bare),
			says(503, "", "Retry-After", "300"), says(404, bare), says(200, `{}`),
		}
		site := moody(always(200, me), func(n int) *http.Response {
			resp, _ := answers[min(n, len(answers)-1)]()
			return resp
		})
		c := probed(t, testConfig(), site)
		begin := time.Now()
		if _, err := get(c); err != nil {
			t.Fatal(err)
		}
		pauses := 65 * time.Second
		if took := time.Since(begin); took > 900*time.Second+pauses || took < 900*time.Second+pauses*9/10 {
			t.Errorf("took %v", took)
		}
	})
}

// TestStoppedInSpell: requests that a spell holds back hear the context.
func TestStoppedInSpell(t *testing.T) {
	for _, after := range []time.Duration{time.Second, 10 * time.Second, 94500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			c := probed(t, testConfig(), vagueFor(time.Hour))
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			begin := time.Now()
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if _, err := c.Get(ctx, page1); err == nil {
						t.Error("no error")
					}
				})
			}
			all.Wait()
			if took := time.Since(begin); took > after {
				t.Errorf("stopped after %v, want %v", took, after)
			}
		})
	}
}

// TestProbeInSpell: the probe takes part in the pauses, too, and decides when they are over.
func TestProbeInSpell(t *testing.T) {
	for _, test := range []struct {
		name         string
		status       int
		body         string
		want         Kind
		passes       time.Duration
		least, most  time.Duration
		pausedBefore bool // other requests had all the pauses
		whoamis      int
	}{
		{"passes", 403, noAccess, KindOther, 40 * time.Second, 40 * time.Second, 66 * time.Second, false, 5},
		{"lost, 403", 403, noAccess, KindLicence, time.Hour, 90 * time.Second, 96 * time.Second, false, 6},
		{"lost, 404", 404, bare, KindSite, time.Hour, 90 * time.Second, 96 * time.Second, false, 6},
		{"lost, asked after the pauses", 403, noAccess, KindLicence, time.Hour, 0, 2 * time.Second, true, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				whoami := func(n int) *http.Response {
					if n == 0 || time.Since(began) > test.passes {
						return reply(200, me)
					}
					return reply(test.status, test.body)
				}
				site := moody(whoami, always(404, bare))
				c := probed(t, testConfig(), site)
				if test.pausedBefore {
					_, _ = get(c)
				}
				begin := time.Now()
				_, err := c.Whoami(t.Context())
				if KindOf(err) != test.want {
					t.Errorf("got %v", err)
				}
				if took := time.Since(begin); took < test.least || took > test.most {
					t.Errorf("took %v", took)
				}
				if n := asked(site, "/user/current") - 1; n != test.whoamis {
					t.Errorf("asked %d times", n)
				}
			})
		})
	}
}
