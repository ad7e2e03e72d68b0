package simconfluence

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// roundTrip sends a request through the site's own transport and reads the answer.
func roundTrip(t *testing.T, s *Site, r *http.Request) reply {
	t.Helper()
	res, err := s.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, body}
}

// clients are the two ways to the site: in the process, and over the network.
func clients(t *testing.T, s *Site) map[string]*http.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*http.Client{
		"process": {Transport: s.Transport(), CheckRedirect: stay},
		"network": {Transport: &http.Transport{Proxy: http.ProxyURL(base), DisableKeepAlives: true}, CheckRedirect: stay},
	}
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// fetch gets a path and reads the whole answer.
func fetch(ctx context.Context, c *http.Client, path string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://acme.atlassian.net"+path, nil)
	if err != nil {
		return reply{}, err
	}
	res, err := c.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, body}, err
}

const aList = "/wiki/api/v2/pages?limit=5&sort=id"

// TestFaults strikes one request with every kind of fault; the second answer is whole.
func TestFaults(t *testing.T) {
	whole := get(t, New(small()), aList)
	tests := []struct {
		name  string
		fault Fault
		check func(got reply, err error) bool
	}{
		{"status", Status(429, "slow down", "Retry-After: 3", "Content-Type: text/plain"), func(got reply, err error) bool {
			return err == nil && got.status == 429 && got.header.Get("Retry-After") == "3" &&
				got.header.Get("Content-Type") == "text/plain" && string(got.body) == "slow down"
		}},
		{"body", Body("text/html", "<html>"), func(got reply, err error) bool {
			return err == nil && got.status == 200 && got.header.Get("Content-Type") == "text/html" && string(got.body) == "<html>"
		}},
		{"truncate", Truncate(100), func(got reply, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && string(got.body) == string(whole.body[:100])
		}},
		{"cut short", CutShort(100), func(got reply, err error) bool {
			return err == nil && string(got.body) == string(whole.body[:100])
		}},
		{"reset", Reset(), func(_ reply, err error) bool {
			return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
		}},
		{"rewrite", Rewrite(func([]byte) []byte { return []byte("{}") }, "X-Test: 1"), func(got reply, err error) bool {
			return err == nil && string(got.body) == "{}" && got.header.Get("X-Test") == "1" && got.header.Get("Link") != ""
		}},
		{"next", Next(func(_ *http.Request, link string) string { return "https://evil.example" + link }), func(got reply, err error) bool {
			return err == nil && strings.Contains(string(got.body), `"next":"https://evil.example/wiki/`) &&
				strings.HasPrefix(got.header.Get("Link"), "<https://evil.example/wiki/")
		}},
		{"on another route", On("/spaces", Status(500, "")), func(got reply, err error) bool {
			return err == nil && string(got.body) == string(whole.body)
		}},
		{"on the route", On("/pages", Status(500, "")), func(got reply, err error) bool { return err == nil && got.status == 500 }},
		{"where not", Where(func(r *http.Request) bool { return r.URL.Query().Has("cursor") }, Status(500, "")), func(got reply, err error) bool {
			return err == nil && got.status == 200
		}},
	}
	for _, test := range tests {
		s := New(small())
		for way, c := range clients(t, s) {
			s.SetFaults(Times(1, test.fault))
			if got, err := fetch(t.Context(), c, aList); !test.check(got, err) {
				t.Errorf("%s (%s): %d %v %.100q, %v", test.name, way, got.status, got.header, got.body, err)
			}
			s.SetFaults()
			if got, err := fetch(t.Context(), c, aList); err != nil || string(got.body) != string(whole.body) {
				t.Errorf("%s (%s), the second: %d, %v", test.name, way, got.status, err)
			}
		}
	}
}

// TestSameNext turns a list in a circle.
func TestSameNext(t *testing.T) {
	s := New(small())
	s.SetFaults(SameNext())
	first := decode(t, get(t, s, aList).body)
	links, _ := first["_links"].(map[string]any)
	next, _ := links["next"].(string)
	again := decode(t, get(t, s, next).body)
	links, _ = again["_links"].(map[string]any)
	if links["next"] != next || next == "" {
		t.Errorf("next is %v after %s", links["next"], next)
	}
}

// TestAfter lets some requests pass.
func TestAfter(t *testing.T) {
	s := New(small())
	s.SetFaults(After(2, Times(1, Status(503, ""))))
	var got []int
	for range 4 {
		got = append(got, get(t, s, aList).status)
	}
	if !slices.Equal(got, []int{200, 200, 503, 200}) {
		t.Errorf("statuses %v", got)
	}
}

// TestPercent strikes about its share.
func TestPercent(t *testing.T) {
	s := New(small())
	s.SetFaults(Percent(10, 4, Status(503, "")))
	struck := 0
	for range 500 {
		if get(t, s, "/_edge/tenant_info").status == 503 {
			struck++
		}
	}
	if struck < 25 || struck > 80 {
		t.Errorf("%d of 500 struck", struck)
	}
}

// TestStallAndLatency run in virtual time: a stalled answer ends when the client gives up,
// a slow one comes when it is due.
func TestStallAndLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := small()
		o.Latency = 300 * time.Millisecond
		s := New(o)
		c := &http.Client{Transport: s.Transport()}
		start := time.Now()
		if got, err := fetch(t.Context(), c, aList); err != nil || got.status != 200 || time.Since(start) != o.Latency {
			t.Errorf("%d, %v after %v", got.status, err, time.Since(start))
		}
		for _, n := range []int{-1, 0, 40} {
			s.SetFaults(Stall(n))
			start = time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			got, err := fetch(ctx, c, aList)
			cancel()
			if err == nil || time.Since(start) != time.Minute || len(got.body) != max(n, 0) {
				t.Errorf("stalled after %d bytes: %d bytes, %v after %v", n, len(got.body), err, time.Since(start))
			}
			synctest.Wait()
		}
		s.SetFaults(Delay(time.Hour))
		start = time.Now()
		if _, err := fetch(t.Context(), c, aList); err != nil || time.Since(start) != time.Hour+o.Latency {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if times := s.Times(); len(times) != 5 || !times[4].Equal(start) {
			t.Errorf("requests came at %v", times)
		}
	})
}

// TestConcurrency counts how many requests are under way at once.
func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := small()
		o.Latency = time.Second
		s := New(o)
		c := &http.Client{Transport: s.Transport()}
		var done sync.WaitGroup
		for range 3 {
			done.Go(func() {
				if _, err := fetch(t.Context(), c, aList); err != nil {
					t.Error(err)
				}
			})
		}
		done.Wait()
		if _, err := fetch(t.Context(), c, "/wiki/api/v2/pages/"+string(s.appendID(nil, Page, 1))+"/labels"); err != nil {
			t.Fatal(err)
		}
		if s.MaxConcurrency() != 3 {
			t.Errorf("%d at once", s.MaxConcurrency())
		}
		if r := s.Requests(); r["/wiki/api/v2/pages"] != 3 || r["/wiki/api/v2/pages/{id}/labels"] != 1 || s.Total() != 4 {
			t.Errorf("requests: %v", r)
		}
	})
}
