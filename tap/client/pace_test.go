package client

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// mostIn returns the largest number of attempts in any window of that length.
func mostIn(sent []attempt, window time.Duration) int {
	most := 0
	for i := range sent {
		n := 0
		for n < len(sent)-i && sent[i+n].at.Sub(sent[i].at) < window {
			n++
		}
		most = max(most, n)
	}
	return most
}

// flood sends n requests from as many goroutines and returns how many failed.
func flood(c *Client, n int) int {
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed := 0
	for range n {
		wg.Go(func() {
			if _, err := get(c); err != nil {
				mu.Lock()
				failed++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return failed
}

// TestRate: over any second no more than the setting is sent, and no less than it when
// there is work, with answers quick and slow.
func TestRate(t *testing.T) {
	for _, latency := range []time.Duration{0, 150 * time.Millisecond, 700 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			site := &fakeSite{answer: func(int, *http.Request) (*http.Response, error) {
				time.Sleep(latency) //nolint:forbidigo // fake time
				return reply(200, `{}`), nil
			}}
			c, _ := newTest(t, testConfig(), site, Options{})
			begin := time.Now()
			if failed := flood(c, 51); failed > 0 {
				t.Fatalf("%d failed", failed)
			}
			if n := mostIn(site.attempts(), time.Second); n > 5 {
				t.Errorf("latency %v: %d sent within a second", latency, n)
			}
			if took := time.Since(begin); took > 10*time.Second+latency+10*time.Millisecond {
				t.Errorf("latency %v: 51 requests took %v", latency, took)
			}
		})
	}
}

// TestRateCountsRetries: what is sent again is paced like everything else, and redirects too.
func TestRateCountsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := &fakeSite{answer: func(n int, _ *http.Request) (*http.Response, error) {
			switch n % 3 {
			case 0:
				return reply(302, "", "Location", "/wiki/elsewhere"), nil
			case 1:
				return nil, errors.New("connection reset")
			default:
				return reply(200, `{}`), nil
			}
		}}
		cfg := testConfig()
		cfg.MaxRetries = 50
		c, _ := newTest(t, cfg, site, Options{RetryWait: time.Millisecond})
		if failed := flood(c, 20); failed > 0 {
			t.Fatalf("%d failed", failed)
		}
		sent := site.attempts()
		if n := mostIn(sent, time.Second); n > 5 {
			t.Errorf("%d sent within a second", n)
		}
		if got := c.Stats(); got.Requests != int64(len(sent)) || got.Retries == 0 {
			t.Errorf("stats %+v, sent %d", got, len(sent))
		}
	})
}

func TestUnlimitedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.RequestsPerSecond = 0
		c, _ := newTest(t, cfg, inTurn(says(429, "", "Retry-After", "1"), says(200, `{}`)), Options{})
		begin := time.Now()
		if flood(c, 1) > 0 || time.Since(begin) != time.Second {
			t.Errorf("took %v, want the second that the site asked for", time.Since(begin))
		}
		begin = time.Now()
		if flood(c, 100) > 0 || time.Since(begin) != 0 {
			t.Errorf("took %v, want no time", time.Since(begin))
		}
		if s := c.Stats(); s.RateNow != 0 || s.Waited != time.Second {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestConcurrency: a slot is held until the body is read, by retries too.
func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		site := &fakeSite{}
		site.answer = func(n int, _ *http.Request) (*http.Response, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			resp := reply(200+300*(n%2), `{}`)
			resp.Body = &slowBody{Reader: strings.NewReader(`{}`), delay: 2 * time.Second, done: func() {
				mu.Lock()
				now--
				mu.Unlock()
			}}
			return resp, nil
		}
		cfg := testConfig()
		cfg.RequestsPerSecond, cfg.Concurrency, cfg.MaxRetries = 1000, 3, 40
		c, _ := newTest(t, cfg, site, Options{})
		if failed := flood(c, 30); failed > 0 {
			t.Errorf("%d failed", failed)
		}
		if most != 3 {
			t.Errorf("%d at once, want 3", most)
		}
	})
}

// slowBody delivers after a delay and tells when it is closed.
type slowBody struct {
	*strings.Reader
	delay time.Duration
	done  func()
}

func (b *slowBody) Read(p []byte) (int, error) {
	time.Sleep(b.delay) //nolint:forbidigo // fake time
	b.delay = 0
	return b.Reader.Read(p)
}

func (b *slowBody) Close() error { b.done(); return nil }

// TestGate: after an answer that says how long to wait, no worker sends anything earlier,
// and then they do not come all at once.
func TestGate(t *testing.T) {
	for name, answer := range map[string]func() (*http.Response, error){
		"429 seconds":         says(429, "", "Retry-After", "90"),
		"429 date":            says(429, "", "Retry-After", "Sat, 01 Jan 2000 00:01:30 GMT", "Date", "Sat, 01 Jan 2000 00:00:00 GMT"),
		"429 reset":           says(429, "", "X-RateLimit-Reset", "2000-01-01T00:01:30Z", "Date", "Sat, 01 Jan 2000 00:00:00 GMT"),
		"503 seconds":         says(503, "", "Retry-After", "90"),
		"503 maintenance":     says(503, "<html>maintenance</html>", "Retry-After", "90", "Content-Type", "text/html"),
		"429 beside nonsense": says(429, "{{{", "Retry-After", "90.0"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []time.Time
				site := &fakeSite{answer: func(n int, _ *http.Request) (*http.Response, error) {
					time.Sleep(300 * time.Millisecond) //nolint:forbidigo // fake time
					if n == 3 {
						return answer()
					}
					return reply(200, `{}`), nil
				}}
				c, _ := newTest(t, testConfig(), site, Options{OnWait: func(until time.Time, why string) {
					told = append(told, until)
					if !strings.Contains(why, "asks to wait 1m30s") {
						t.Errorf("why: %s", why)
					}
				}})
				if failed := flood(c, 30); failed > 0 {
					t.Fatalf("%d failed", failed)
				}
				closed := site.attempts()[3].at.Add(300 * time.Millisecond)
				opens := closed.Add(90 * time.Second)
				after := 0
				for _, a := range site.attempts() {
					if a.at.After(closed) && a.at.Before(opens) {
						t.Errorf("sent %v before the gate opens", opens.Sub(a.at))
					}
					if !a.at.Before(opens) {
						after++
					}
				}
				if n := mostIn(site.attempts(), time.Second); n > 5 {
					t.Errorf("%d sent within a second", n)
				}
				if after < 20 {
					t.Errorf("%d sent after the gate opened", after)
				}
				if len(told) != 1 || !told[0].Equal(opens) {
					t.Errorf("OnWait was told %v, want once %v", told, opens)
				}
				if w := c.Stats().Waited; w < 89*time.Second || w > 90*time.Second {
					t.Errorf("waited %v", w)
				}
			})
		})
	}
}

// TestWaitZero: told to come back at once, a request waits for nothing but the rate.
func TestWaitZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.RequestsPerSecond = 0
		site := inTurn(says(429, "", "Retry-After", "0"), says(503, "", "Retry-After", "0"), says(200, `{}`))
		c, _ := newTest(t, cfg, site, Options{})
		begin := time.Now()
		if _, err := get(c); err != nil || time.Since(begin) != 0 {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
	})
}

// TestWaitTooLong: a wait beyond the longest ends this request and all others at once.
func TestWaitTooLong(t *testing.T) {
	for _, status := range []int{429, 503} {
		synctest.Test(t, func(t *testing.T) {
			site := inTurn(says(status, "", "Retry-After", "7200"))
			c, _ := newTest(t, testConfig(), site, Options{OnWait: func(time.Time, string) { t.Error("announced a wait that does not come") }})
			begin := time.Now()
			for range 2 {
				_, err := get(c)
				var e *Error
				if !errors.As(err, &e) || e.Kind != KindRateLimit || e.RetryAfter != 2*time.Hour {
					t.Fatalf("got %v", err)
				}
				if !strings.Contains(err.Error(), "asks to wait 2h0m0s") || !strings.Contains(err.Error(), "max_retry_wait") {
					t.Errorf("text: %v", err)
				}
			}
			if time.Since(begin) != 0 || len(site.attempts()) != 1 {
				t.Errorf("took %v and %d requests", time.Since(begin), len(site.attempts()))
			}
		})
	}
}

// TestRateFollows: the rate is halved by a 429, once per volley, and climbs back to the
// setting and not beyond.
func TestRateFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := &fakeSite{answer: func(n int, _ *http.Request) (*http.Response, error) {
			time.Sleep(2 * time.Second) //nolint:forbidigo // fake time: five are under way at once
			if n < 5 {
				return reply(429, "", "Retry-After", "0"), nil
			}
			return reply(200, `{}`), nil
		}}
		c, _ := newTest(t, testConfig(), site, Options{})
		flood(c, 5)
		if got := c.Stats().RateNow; got != 2.5 {
			t.Errorf("rate %v after one volley, want 2.5", got)
		}
		last := 2.5
		for range 100 {
			time.Sleep(5 * time.Second) //nolint:forbidigo // fake time
			if _, err := get(c); err != nil {
				t.Fatal(err)
			}
			now := c.Stats().RateNow
			if now < last || now > 5 {
				t.Errorf("rate %v after %v", now, last)
			}
			last = now
		}
		if last != 5 {
			t.Errorf("rate %v in the end, want 5", last)
		}
		sent := site.attempts()
		if n := mostIn(sent, time.Second); n > 5 {
			t.Errorf("%d sent within a second", n)
		}
	})
}

func TestRateFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(8, 1, time.Hour, nil)
		for range 10 {
			time.Sleep(time.Second) //nolint:forbidigo // fake time
			p.slow(time.Now())
		}
		if got, _ := p.stats(); got != 1 {
			t.Errorf("rate %v, want an eighth of 8", got)
		}
	})
}

// TestNearLimit: the notice lowers the rate gently, not with every answer.
func TestNearLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newTest(t, testConfig(), inTurn(says(200, `{}`, "X-RateLimit-NearLimit", "true")), Options{})
		time.Sleep(time.Minute) //nolint:forbidigo // fake time
		flood(c, 10)
		if got := c.Stats().RateNow; got != 4.5 {
			t.Errorf("rate %v after ten answers, want 4.5", got)
		}
		for range 100 {
			flood(c, 1)
			time.Sleep(7 * time.Second) //nolint:forbidigo // fake time
		}
		if got := c.Stats().RateNow; got < 2.5 || got > 3 {
			t.Errorf("rate %v in the end, want a little above half", got)
		}
	})
}

// TestStorm: through failures of every sort, from many workers, each request ends well, the
// rate holds and no attempt comes before the gate opens.
func TestStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var opens time.Time
		site := &fakeSite{answer: func(n int, _ *http.Request) (*http.Response, error) {
			mu.Lock()
			if early := time.Until(opens); early > 0 && n > 0 {
				t.Errorf("attempt %d comes %v early", n, early)
			}
			mu.Unlock()
			time.Sleep(time.Duration(n%4) * 150 * time.Millisecond) //nolint:forbidigo // fake time
			switch n % 17 {
			case 2:
				return nil, errors.New("connection reset by peer")
			case 5:
				return reply(502, ""), nil
			case 7:
				return reply(200, "<html>"), nil
			case 11:
				return reply(429, ""), nil
			case 13:
				mu.Lock()
				opens = time.Now().Add(time.Duration(n) * time.Second)
				mu.Unlock()
				return reply(429, "", "Retry-After", strconv.Itoa(n)), nil
			default:
				return reply(200, `{}`), nil
			}
		}}
		c, _ := newTest(t, testConfig(), site, Options{})
		if failed := flood(c, 300); failed > 0 {
			t.Errorf("%d of 300 failed", failed)
		}
		if n := mostIn(site.attempts(), time.Second); n > 5 {
			t.Errorf("%d sent within a second", n)
		}
		if s := c.Stats(); s.Requests != s.Retries+300 || s.RateNow > 5 || s.RateNow < 5./8 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestStoppedWhileWaiting: every place where a request waits hears the context.
func TestStoppedWhileWaiting(t *testing.T) {
	cause := errors.New("told to stop")
	for name, answer := range map[string]func() (*http.Response, error){
		"gate":    says(429, "", "Retry-After", "600"),
		"backoff": says(500, ""),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := newTest(t, testConfig(), inTurn(answer), Options{})
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(1300*time.Millisecond, func() { cancel(cause) })
				begin := time.Now()
				var wg sync.WaitGroup
				for range 20 { // more than there are slots
					wg.Go(func() {
						_, err := c.Get(ctx, page1)
						if KindOf(err) != KindStopped || !errors.Is(err, cause) {
							t.Errorf("got %v", err)
						}
					})
				}
				wg.Wait()
				if took := time.Since(begin); took != 1300*time.Millisecond {
					t.Errorf("stopped after %v", took)
				}
			})
		})
	}
}

// TestStoppedInFlight: a request that was under way is not tried again.
func TestStoppedInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := &fakeSite{answer: func(_ int, req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}}
		c, log := newTest(t, testConfig(), site, Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Get(ctx, page1); KindOf(err) != KindStopped || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if c.Stats().Retries != 0 || log.String() != "" {
			t.Errorf("%d retries, log %q", c.Stats().Retries, log)
		}
	})
}

// TestProbeGoesFirst: whoever asks for the account does not wait behind the requests in line.
func TestProbeGoesFirst(t *testing.T) {
	for _, latency := range []time.Duration{0, 150 * time.Millisecond, 700 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			site := &fakeSite{answer: func(int, *http.Request) (*http.Response, error) {
				time.Sleep(latency) //nolint:forbidigo // fake time
				return reply(200, `{"type":"known","accountId":"5b10"}`), nil
			}}
			c, _ := newTest(t, testConfig(), site, Options{})
			var others sync.WaitGroup
			others.Go(func() { flood(c, 40) })
			time.Sleep(2 * time.Second) //nolint:forbidigo // fake time
			begin := time.Now()
			if _, err := c.Whoami(t.Context()); err != nil {
				t.Fatal(err)
			}
			// A place gets free, then the rate allows it.
			if took := time.Since(begin); took > 2*latency+410*time.Millisecond {
				t.Errorf("latency %v: the probe took %v", latency, took)
			}
			others.Wait()
			if n := mostIn(site.attempts(), time.Second); n > 5 {
				t.Errorf("latency %v: %d sent within a second", latency, n)
			}
		})
	}
}
