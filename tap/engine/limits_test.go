package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
)

// The site's limits, the use that is made of them, and memory. Time is virtual: only waiting
// takes any.

// limited is a site that is read in three minutes at the default limits.
func limited() simconfluence.Options {
	o := simconfluence.Scaled(3, 200)
	o.BodyBytes, o.Attachments, o.Latency = 40, 600, 300*time.Millisecond
	return o
}

// paced runs a test with the default limits: five requests a second, five at once. The times are
// those at which requests were sent.
func paced(t *testing.T, o simconfluence.Options, do func(t *testing.T, f *tapfixture.Fixture, sent func() []time.Time)) {
	t.Helper()
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		f = f.With(map[string]any{"requests_per_second": nil, "concurrency": nil, "max_retries": nil})
		network := &timing{next: f.Site.Transport()}
		do(t, f.Under(tap.OverNetwork(network)), network.times)
	})
}

// timing notes when requests are sent.
type timing struct {
	next http.RoundTripper

	mu   sync.Mutex // guards sent
	sent []time.Time
}

func (n *timing) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.sent = append(n.sent, time.Now())
	n.mu.Unlock()
	return n.next.RoundTrip(r)
}

func (n *timing) times() []time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.sent)
}

// limitAt makes the site refuse its nth request with 429 and that Retry-After in seconds; it
// returns where the time of the answer is kept.
func limitAt(f *tapfixture.Fixture, n, seconds int) *time.Time {
	at := new(time.Time)
	no := simconfluence.Status(http.StatusTooManyRequests, "", fmt.Sprintf("Retry-After: %d", seconds))
	f.Site.SetFaults(simconfluence.When(func(i int) bool { return i == n }, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		*at = time.Now()
		return no(w, r, next)
	}))
	return at
}

// TestLimitHoldsEveryWorker says that after a 429 nothing is sent before its time, by no worker;
// that the rate is halved then and climbs back to what is configured; and that no row is lost.
func TestLimitHoldsEveryWorker(t *testing.T) {
	t.Parallel()
	const hold, full, step = 17 * time.Second, 5.0, 10 * time.Second
	paced(t, limited(), func(t *testing.T, f *tapfixture.Fixture, sent func() []time.Time) {
		at := limitAt(f, 200, int(hold.Seconds()))
		c := reads(t, f, false)
		c.wantExactly(c.run().rows)
		open := at.Add(hold)
		for i, s := range sent() {
			if s.After(*at) && s.Before(open) {
				t.Fatalf("request %d was sent %s after a 429 that asked for %s", i, s.Sub(*at), hold)
			}
		}
		// About half the rate at first, by steps of a sixteenth every ten seconds the whole again.
		for i := range 12 {
			from, n := open.Add(time.Duration(i)*step), 0
			for _, s := range sent() {
				if !s.Before(from) && s.Before(from.Add(step)) {
					n++
				}
			}
			// A first step may come the moment that the gate opens, later ones come with the next
			// request after their time.
			least := min(full, full/2+float64(i)*full/16)*step.Seconds()*0.95 - 1
			most := min(full, full/2+float64(i+1)*full/16)*step.Seconds() + 1
			if float64(n) < least || float64(n) > most {
				t.Errorf("%d requests in the ten seconds from %s after the 429's time on, want %.0f to %.0f", n, from.Sub(open), least, most)
			}
		}
	})
}

// TestStateBeforeLongWait says that a wait of more than ten seconds is told before it begins, and
// that the state written then holds everything that is safe; a shorter one is not worth it.
func TestStateBeforeLongWait(t *testing.T) {
	t.Parallel()
	for _, seconds := range []int{9, 30} {
		paced(t, limited(), func(t *testing.T, f *tapfixture.Fixture, _ func() []time.Time) {
			at := limitAt(f, 200, seconds)
			var states []time.Time
			c := reads(t, f, false)
			out := &noting{note: func(line []byte) {
				if bytes.Contains(line, []byte(`"STATE"`)) {
					states = append(states, time.Now())
				}
			}}
			var stderr bytes.Buffer
			if status := f.Launch(t.Context(), out, &stderr, f.SingerArgs(tapfixture.SingerCatalog(c.streams...), nil)...); status != 0 {
				t.Fatalf("exit status %d\n%s", status, stderr.String())
			}
			told := slices.ContainsFunc(states, func(s time.Time) bool { return !s.Before(*at) && s.Before(at.Add(time.Second)) })
			if long := seconds > 10; told != long || strings.Contains(stderr.String(), " waiting [") != long {
				t.Errorf("a wait of %d s: a state before it: %v\n%s", seconds, told, stderr.String())
			}
		})
	}
}

// noting is a stdout that shows each write to somebody, and keeps nothing.
type noting struct{ note func(line []byte) }

func (n *noting) Write(b []byte) (int, error) {
	n.note(b)
	return len(b), nil
}

// TestWaitTooLong says that a wait beyond max_retry_wait interrupts the sync: what is complete is
// told as such, the rest with its state, and a later run goes on from there.
func TestWaitTooLong(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		paced(t, limited(), func(t *testing.T, f *tapfixture.Fixture, sent func() []time.Time) {
			at := new(time.Time)
			no := simconfluence.Status(http.StatusTooManyRequests, "", "Retry-After: 7200")
			f.Site.SetFaults(simconfluence.After(499, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
				if at.IsZero() {
					*at = time.Now()
				}
				return no(w, r, next)
			}))
			c := mode{airbyte: airbyte}.client(t, f)
			r := c.broken(limit{})
			if want := map[bool]int{false: tap.ExitLater, true: tap.ExitFailed}[airbyte]; r.status != want {
				t.Errorf("exit status %d, want %d\n%s", r.status, want, r.told())
			}
			r.wantFailed()
			times := sent()
			if last := times[len(times)-1]; last.Sub(*at) > 30*time.Second || time.Since(*at) > time.Minute {
				t.Errorf("the 429 came at %s, the last request was sent at %s, the run ended at %s", *at, last, time.Now())
			}
			if airbyte && (!statused(r, "COMPLETE") || !statused(r, "INCOMPLETE")) {
				t.Errorf("no stream is complete, or none cut off\n%s", r.told())
			}
			f.Site.SetFaults()
			c.run()
			c.wantWhole(c.rows)
		})
	}
}

func statused(r *run, status string) bool {
	return slices.ContainsFunc(r.messages, func(m tapfixture.Message) bool { return m.Status == status })
}

// TestRateIsUsed measures the whole sync, from the probe to the last request: at least 95% of the
// requests that are allowed are sent, and never more.
func TestRateIsUsed(t *testing.T) {
	t.Parallel()
	const perSecond = 5
	for _, test := range []struct {
		name        string
		streams     []string
		incremental bool
		labels      int // on the site, 0 for its default
		latency     time.Duration
		settings    map[string]any
	}{
		{"all streams", nil, false, 0, 300 * time.Millisecond, nil},
		{"all streams, slow answers", nil, false, 0, 900 * time.Millisecond, nil},
		{"all streams, changes", nil, true, 0, 300 * time.Millisecond, nil},
		{"all streams, small pages", nil, false, 0, 300 * time.Millisecond, map[string]any{"page_size": 20}},
		{"all streams, one at a time", nil, false, 0, 300 * time.Millisecond, map[string]any{"concurrency": 1}},
		{"labels by label", where(isLabels), false, 150, 300 * time.Millisecond, nil},
		{"labels by parent", where(isLabels), false, 2000, 900 * time.Millisecond, nil},
		{"one stream by parent", []string{"attachment_content_properties"}, false, 0, 300 * time.Millisecond, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := simconfluence.Scaled(3, 300)
			o.BodyBytes, o.Labels, o.Latency = 40, test.labels, test.latency
			paced(t, o, func(t *testing.T, f *tapfixture.Fixture, sent func() []time.Time) {
				f = f.With(map[string]any{"audit_samples": 10}).With(test.settings)
				reads(t, f, test.incremental, test.streams...).run()
				times := sent()
				for i := range times {
					if i > 0 && times[i].Sub(times[i-1]) < time.Second/perSecond {
						t.Fatalf("request %d was sent %s after the one before", i, times[i].Sub(times[i-1]))
					}
				}
				concurrency := 5
				if n, ok := test.settings["concurrency"].(int); ok {
					concurrency = n
				}
				if n := f.Site.MaxConcurrency(); n > concurrency {
					t.Errorf("%d requests at once", n)
				}
				// Answers that take longer than requests may follow each other allow less.
				allowed := min(perSecond, float64(concurrency)/test.latency.Seconds())
				took := times[len(times)-1].Sub(times[0]).Seconds()
				share := float64(len(times)) / (1 + took*allowed)
				t.Logf("%d requests in %.0f s: %.1f%% of the allowed %.2f a second", len(times), took, 100*share, allowed)
				if share < 0.95 {
					t.Errorf("only %.1f%% of the allowed requests were sent", 100*share)
				}
			})
		})
	}
}

// TestListingsOverlap says that listings, whose requests can only follow one another, run beside
// each other: a sync takes little longer than the longest of them.
func TestListingsOverlap(t *testing.T) {
	t.Parallel()
	o := limited()
	o.Latency = 900 * time.Millisecond
	paced(t, o, func(t *testing.T, f *tapfixture.Fixture, sent func() []time.Time) {
		f = f.With(map[string]any{"page_size": 25})
		r := reads(t, f, false, "spaces", "groups", "pages", "blog_posts", "tasks", "attachments", "page_footer_comments", "page_inline_comments").run()
		longest := 0
		for _, n := range r.requests {
			longest = max(longest, n)
		}
		times := sent()
		took := times[len(times)-1].Sub(times[0])
		if alone := time.Duration(longest) * o.Latency; took > alone+alone/4+5*time.Second {
			t.Errorf("it took %s, the longest listing alone %s; %v", took, alone, r.requests)
		}
	})
}

// TestListingWaitsForItsParents says how far a listing runs ahead when its parents are not
// finished, one of them or all: the page after the unfinished one is begun, one more waits and
// one more is asked for, however long the listing is. So are goroutines: as many as parents may
// be under way, and what their requests need.
func TestListingWaitsForItsParents(t *testing.T) {
	const size, goroutines = 10, 80
	for _, test := range []struct {
		name  string
		stuck func(row int) bool // which parents hang, by their rows from 0 on
		page  int                // that the first of them is on, from 1 on
	}{
		{"the first parent", func(row int) bool { return row == 0 }, 1},
		{"a parent on the fourth page", func(row int) bool { return row == 35 }, 4},
		{"all parents", func(int) bool { return true }, 1},
	} {
		for _, pages := range []int{200, 3000} {
			t.Run(fmt.Sprintf("%s, %d pages", test.name, pages), func(t *testing.T) {
				before := runtime.NumGoroutine()
				virtual(t, simconfluence.Options{Seed: 5, Spaces: 4, Pages: pages, AllVisible: true, BodyBytes: 60}, func(t *testing.T, f *tapfixture.Fixture) {
					f = f.With(map[string]any{"page_size": size, "request_timeout": 3600, "concurrency": 8})
					rowOf := map[string]int{}
					for row := range f.Site.Truth("pages", scope()) {
						rowOf[row.Key[0]] = len(rowOf)
					}
					ctx, stop := context.WithCancelCause(t.Context())
					network := &hanging{next: f.Site.Transport(), parents: map[string]bool{}, stuck: func(id string) bool { return test.stuck(rowOf[id]) }}
					f = f.Under(tap.OverNetwork(network))
					args := f.SingerArgs(tapfixture.Select("pages", "page_content_properties", "page_labels"), nil)
					ended := make(chan int)
					go func() { ended <- f.Launch(ctx, &bytes.Buffer{}, &bytes.Buffer{}, args...) }()
					<-time.After(20 * time.Second)
					synctest.Wait() // nothing moves any more
					network.mu.Lock()
					if network.listed > test.page+3 || network.listed < test.page {
						t.Errorf("%d pages were listed; the first parent that hangs is on page %d", network.listed, test.page)
					}
					if most := (test.page + 1) * size; len(network.parents) > most {
						t.Errorf("%d parents were begun, want at most %d", len(network.parents), most)
					}
					if n := runtime.NumGoroutine() - before; n > goroutines {
						t.Errorf("%d goroutines, want at most %d", n, goroutines)
					}
					network.mu.Unlock()
					stop(tap.ErrStopped)
					if status := <-ended; status != tap.ExitFailed {
						t.Errorf("exit status %d", status)
					}
				})
			})
		}
	}
}

// hanging is a network on which requests about some pages never end.
type hanging struct {
	next  http.RoundTripper
	stuck func(id string) bool

	mu      sync.Mutex // guards all below
	listed  int
	parents map[string]bool
}

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	stuck := false
	if rest, ok := strings.CutPrefix(r.URL.Path, "/wiki/api/v2/pages/"); ok {
		id, _, _ := strings.Cut(rest, "/")
		h.parents[id] = true
		stuck = h.stuck(id)
	} else if r.URL.Path == "/wiki/api/v2/pages" {
		h.listed++
	}
	h.mu.Unlock()
	if stuck {
		<-r.Context().Done()
		return nil, context.Cause(r.Context())
	}
	return h.next.RoundTrip(r)
}

// heap is the memory in use, in bytes, once nothing is left to collect.
func heap() int64 {
	var m runtime.MemStats
	for range 2 { // what a cleanup lets go is collected the second time
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemoryIsFlat compares the most that is held whenever a page of the listing arrives, on a
// small site and on one with ten times as many pages: it is the same, though reading by parent is
// slower than the listing. It looks at the whole process, so it is not parallel; and time is not
// virtual, for stopped timers of virtual time stay in memory.
func TestMemoryIsFlat(t *testing.T) {
	const margin = 1 << 20
	few := tapfixture.Cut(200, 2000)
	held := map[int]int64{}
	for _, pages := range []int{few, 10 * few} {
		f := tapfixture.Virtual(t, simconfluence.Options{Seed: 5, Spaces: 4, Pages: pages, AllVisible: true, BodyBytes: 300})
		before := heap()
		network := &measuring{next: f.Site.Transport(), listed: func() { held[pages] = max(held[pages], heap()-before) }}
		f = f.Under(tap.OverNetwork(network)).With(map[string]any{"page_size": 50, "requests_per_second": 1000, "concurrency": 8, "audit_samples": 0})
		args := f.SingerArgs(tapfixture.Select("pages", "child_pages", "page_versions"), nil)
		if status := f.Launch(t.Context(), &noting{func([]byte) {}}, &noting{func([]byte) {}}, args...); status != 0 {
			t.Fatalf("exit status %d", status)
		}
	}
	if grown := held[10*few] - held[few]; grown > margin {
		t.Errorf("with %d pages %d bytes are held, with ten times as many %d more", few, held[few], grown)
	}
}

// measuring is a network on which everything below a page takes some time.
type measuring struct {
	next   http.RoundTripper
	listed func()
}

func (m *measuring) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/wiki/api/v2/pages" {
		m.listed()
	} else {
		<-time.After(time.Millisecond) // the listing could run ahead
	}
	return m.next.RoundTrip(r)
}
