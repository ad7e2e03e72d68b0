package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// The tests of this file look at the whole process: none of them is parallel.

// unpaced lifts the limit of requests a second.
func unpaced(t testing.TB, pages int) *paced {
	o := simconfluence.Options{Seed: 5, Spaces: 4, Pages: pages, AllVisible: true, BodyBytes: 300}
	p := newPaced(t, o, 0)
	p.config.RequestsPerSecond, p.config.AuditSamples = 0, 0
	return p
}

// forget keeps nothing of what was sent and written: the test's own memory would grow.
func (p *paced) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent, p.lines = nil, nil
}

// heap is the memory in use, in bytes, once nothing is left to collect.
func heap() uint64 {
	var m runtime.MemStats
	for range 2 { // what a cleanup lets go is collected the second time
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryIsFlat compares the most that is held whenever a page of the listing arrives,
// on a small site and on one with ten times as many pages: it is the same, though reading by
// parent is slower than the listing.
func TestMemoryIsFlat(t *testing.T) {
	const margin = 4 << 20
	few := tapfixture.Cut(500, 2000)
	held := map[int]int64{}
	for _, pages := range []int{few, 10 * few} {
		synctest.Test(t, func(t *testing.T) {
			p := unpaced(t, pages)
			before := int64(heap())
			p.reach = func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				p.forget()
				if r.URL.Path == "/wiki/api/v2/pages" {
					held[pages] = max(held[pages], int64(heap())-before)
				} else {
					<-time.After(50 * time.Millisecond) // in virtual time: the listing could run ahead
				}
				return next.RoundTrip(r)
			}
			out := p.sync(t.Context(), sync_{streams: []string{"pages", "child_pages", "page_versions"}})
			if out.err != nil {
				t.Fatal(out.err)
			}
			for _, s := range out.run.Report().Streams {
				t.Logf("%d pages: %s: %d rows in %d requests", pages, s.Name, s.Rows, s.Requests)
			}
			t.Logf("%d pages: %d kB held at most", pages, held[pages]>>10)
		})
	}
	if grown := held[10*few] - held[few]; grown > margin {
		t.Errorf("with %d pages %d bytes are held, with ten times as many %d more", few, held[few], grown)
	}
}

// pageRows returns which row of the listing of pages each id is, from 0 on.
func (p *paced) pageRows() map[string]int {
	var ids []int64
	for row := range p.site.Truth("pages", simconfluence.TruthOptions{}) {
		id, err := strconv.ParseInt(row.Key[0], 10, 64)
		if err != nil {
			p.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	rows := make(map[string]int, len(ids))
	for i, id := range ids {
		rows[strconv.FormatInt(id, 10)] = i
	}
	return rows
}

// TestListingWaitsForItsParents says how far a listing runs ahead when its parents are not
// finished, one of them or all: the page after the unfinished one is begun, one more waits
// and one more is asked for, however long the listing is. Goroutines are as many as parents
// may be under way.
func TestListingWaitsForItsParents(t *testing.T) {
	const pageSize = 10
	tests := []struct {
		name      string
		stuck     func(row int) bool // which parents hang, by their rows from 0 on
		page      int                // that the first of them is on, from 1 on
		listed    int                // pages at least
		goroutine int                // at most
	}{
		{"the first parent", func(row int) bool { return row == 0 }, 1, 2, 20},
		{"a parent on the fourth page", func(row int) bool { return row == 35 }, 4, 5, 20},
		// They may take all slots before the second page is asked for.
		{"all parents", func(int) bool { return true }, 1, 1, 70},
	}
	for _, tt := range tests {
		for _, pages := range []int{200, 10000} {
			t.Run(fmt.Sprintf("%s, %d pages", tt.name, pages), func(t *testing.T) {
				before := runtime.NumGoroutine()
				synctest.Test(t, func(t *testing.T) {
					p := unpaced(t, pages)
					p.config.PageSize, p.config.RequestTimeout = pageSize, time.Hour
					rowOf := p.pageRows()
					var mu sync.Mutex
					listed, parents := 0, map[string]bool{}
					p.reach = func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
						mu.Lock()
						stuck := false
						if id, ok := strings.CutPrefix(r.URL.Path, "/wiki/api/v2/pages/"); ok {
							id, _, _ = strings.Cut(id, "/")
							parents[id] = true
							stuck = tt.stuck(rowOf[id])
						} else if r.URL.Path == "/wiki/api/v2/pages" {
							listed++
						}
						mu.Unlock()
						if stuck {
							<-r.Context().Done()
							return nil, context.Cause(r.Context())
						}
						return next.RoundTrip(r)
					}
					ctx, stop := context.WithCancel(t.Context())
					defer stop()
					ended := make(chan outcome)
					go func() {
						ended <- p.sync(ctx, sync_{streams: []string{"pages", "page_content_properties", "page_labels"}})
					}()
					synctest.Wait() // nothing moves any more
					mu.Lock()
					goroutines := runtime.NumGoroutine() - before
					t.Logf("%d pages listed, %d parents begun, %d goroutines", listed, len(parents), goroutines)
					if listed > tt.page+3 || listed < tt.listed {
						t.Errorf("%d pages were listed, want at least %d; the first parent that hangs is on page %d", listed, tt.listed, tt.page)
					}
					if most := (tt.page + 1) * pageSize; len(parents) > most {
						t.Errorf("%d parents were begun, want at most %d", len(parents), most)
					}
					if goroutines > tt.goroutine {
						t.Errorf("%d goroutines, want at most %d", goroutines, tt.goroutine)
					}
					mu.Unlock()
					stop()
					if out := <-ended; !errors.Is(out.err, context.Canceled) {
						t.Errorf("the sync ended with %v", out.err)
					}
				})
			})
		}
	}
}
