package client

import (
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/autorate"
	"github.com/tap-confluence/tap-confluence/internal/autorate/ratesites"
)

// limited is a network with a simulated site that has a limit.
type limited struct {
	site  ratesites.Site
	begin time.Time

	mu      sync.Mutex
	opens   time.Time // nothing may come before
	early   int
	sent    []time.Time
	refused int
	served  float64 // after ratesites.Settling
}

func (l *limited) RoundTrip(req *http.Request) (*http.Response, error) {
	now := time.Now()
	l.mu.Lock()
	l.sent = append(l.sent, now)
	if now.Before(l.opens) {
		l.early++
	}
	answer := l.site.Ask(now.Sub(l.begin))
	l.mu.Unlock()
	timer := time.NewTimer(answer.Took)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if answer.Refused {
		l.refused++
		if opens := time.Now().Add(answer.RetryAfter); opens.After(l.opens) {
			l.opens = opens
		}
		return reply(429, "", "Retry-After", strconv.FormatFloat(answer.RetryAfter.Seconds(), 'f', -1, 64)), nil
	}
	if now.Sub(l.begin) > ratesites.Settling {
		l.served++
	}
	headers := []string{}
	if answer.Reset > 0 {
		headers = []string{"X-RateLimit-NearLimit", "true", "X-RateLimit-Remaining", strconv.Itoa(int(answer.Remaining)),
			"X-RateLimit-Reset", time.Now().Add(answer.Reset).UTC().Format(time.RFC3339)}
	}
	return reply(200, `{}`, headers...), nil
}

// TestAutoRate: the client with all its layers uses what sites with limits allow, is hardly
// refused, keeps to what they say, and never sends more than a hundred a second.
func TestAutoRate(t *testing.T) {
	for _, s := range ratesites.All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				length := 3 * time.Minute
				if s.Goal {
					length = 8 * time.Minute
				}
				net := &limited{site: s.Make(), begin: time.Now()}
				cfg := testConfig()
				cfg.AutoRate, cfg.Concurrency = true, 20
				c, err := New(cfg, Options{Transport: net, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				for range 30 {
					wg.Go(func() {
						for time.Since(net.begin) < length {
							if _, err := get(c); err != nil {
								t.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				allowed := 0.0
				for at := ratesites.Settling; at < length; at += time.Second {
					allowed += net.site.Allowed(at)
				}
				used, refused := net.served/allowed, float64(net.refused)/float64(len(net.sent))
				t.Logf("%d requests, %.2f%% refused, %.1f%% used, found %.1f a second", len(net.sent), 100*refused, 100*used, c.Stats().RateFound)
				if s.Goal && (used < s.Used || refused > s.Refused) {
					t.Error("too little is used, or too much refused")
				}
				if net.early > 0 {
					t.Errorf("%d requests came too early", net.early)
				}
				if most := mostSent(net.sent); most > autorate.Most {
					t.Errorf("%d sent within a second", most)
				}
			})
		})
	}
}

// mostSent is the largest number in any second.
func mostSent(sent []time.Time) int {
	most, first := 0, 0
	for i, at := range sent {
		for at.Sub(sent[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// TestQuota: what the headers say of a quota, and what they can't.
func TestQuota(t *testing.T) {
	now := time.Date(2026, 2, 1, 10, 0, 0, 0, time.UTC)
	const in100 = "2026-02-01T10:01:40Z"
	for _, tt := range []struct {
		near, remaining, limit, reset string
		lasts                         float64
		scarce                        bool
	}{
		{"", "", "", "", 0, false},
		{"true", "", "", "", 0, true},
		{"TRUE", "500", "", in100, 5, true},
		{"", "500", "5000", in100, 5, true},
		{"", "4000", "5000", in100, 0, false},
		{"false", "4000", "x", in100, 0, false},
		{"true", "x", "5000", in100, 0, true},
		{"true", "-5", "5000", in100, 0, true},
		{"true", "NaN", "NaN", in100, 0, true},
		{"true", "500", "5000", "2026-02-01T09:00:00Z", 0, true},
		{"true", "0", "5000", in100, 0.005, true},
	} {
		h := http.Header{}
		h.Set("X-RateLimit-NearLimit", tt.near)
		h.Set("X-RateLimit-Remaining", tt.remaining)
		h.Set("X-RateLimit-Limit", tt.limit)
		h.Set("X-RateLimit-Reset", tt.reset)
		if lasts, scarce := quota(h, now); lasts != tt.lasts || scarce != tt.scarce {
			t.Errorf("%+v: %v, %v", tt, lasts, scarce)
		}
	}
}
