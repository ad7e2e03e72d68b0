package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// bigBody is a listing with one row of n bytes and a few, made while it is read.
func bigBody(n int64) *http.Response {
	resp := reply(200, "")
	body := io.MultiReader(strings.NewReader(`{"results":[{"id":"1","body":"`),
		io.LimitReader(blanks{}, n), strings.NewReader(`"}]}`))
	resp.Body, resp.ContentLength = io.NopCloser(body), -1
	return resp
}

// blanks is an endless body.
type blanks struct{}

var blankBlock = bytes.Repeat([]byte(" "), 64<<10)

func (blanks) Read(p []byte) (int, error) {
	return copy(p, blankBlock), nil
}

// TestBodyBounds: a body of most of the bound passes, one over the bound is refused after at
// most the bound, whatever its length was said to be. The real bound is met once, a smaller
// one, which is no other code, in every way.
func TestBodyBounds(t *testing.T) {
	const mb, bound = 1 << 20, maxBody / 16
	tests := []struct {
		size, announced, bound int64
		want                   error
	}{
		{0, -1, bound, nil}, {1, 1, bound, nil}, {3 * mb, -1, bound, nil}, {3 * mb, 3 * mb, bound, nil},
		{bound, -1, bound, nil}, {bound, bound, bound, nil}, {bound + 1, -1, bound, errTooLarge},
		{12 * mb, -1, bound, errTooLarge}, {12 * mb, 12 * mb, bound, errTooLarge}, {12 * mb, 10, bound, errTooLarge},
		{maxBody + 1, -1, maxBody, errTooLarge},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.size, " announced as ", tt.announced), func(t *testing.T) {
			total := maxMemory / (maxBody / tt.bound)
			m := newMemory(total)
			l, err := m.acquire(t.Context(), firstShare, false)
			if err != nil {
				t.Fatal(err)
			}
			var read atomic.Int64
			b, err := readBody(&countingReader{io.LimitReader(blanks{}, tt.size), &read}, l, tt.announced, tt.bound)
			if !errors.Is(err, tt.want) || err == nil && int64(len(b.body)) != tt.size {
				t.Errorf("another body, or %v", err)
			}
			if read.Load() > tt.bound+1 {
				t.Errorf("read %d bytes", read.Load())
			}
			if err == nil && l.n < int64(cap(b.body)) || err != nil && l.n != firstShare {
				t.Errorf("%d bytes taken", l.n)
			}
			l.release()
			if m.free != total || m.reading != 0 {
				t.Errorf("%d free, %d reading after release", m.free, m.reading)
			}
		})
	}
}

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n.Add(int64(n))
	return n, err
}

// TestMemoryBound: many large answers at once, held for a while, never take more than the
// bound together, and all of them arrive. The first is read to its end without an announced
// length; the others take what they announce, and are short.
func TestMemoryBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := &fakeSite{answer: func(n int, _ *http.Request) (*http.Response, error) {
			size := int64(12+n%3*9) << 20
			if n == 0 {
				return bigBody(size), nil
			}
			resp := bigBody(1000)
			resp.ContentLength = size
			return resp, nil
		}}
		cfg := testConfig()
		cfg.RequestsPerSecond, cfg.Concurrency = 1000, 8
		c, _ := newTest(t, cfg, site, Options{})
		lowest := int64(maxMemory)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				page, err := c.Pager(Request{Path: "/wiki/api/v2/pages", Ahead: true}, 250).Page(t.Context(), "")
				if err != nil {
					t.Error(err)
					return
				}
				c.memory.mu.Lock()
				free := c.memory.free
				c.memory.mu.Unlock()
				mu.Lock()
				lowest = min(lowest, free)
				mu.Unlock()
				time.Sleep(time.Second) //nolint:forbidigo // fake time
				page.Release()
				page.Release()
			})
		}
		wg.Wait()
		if lowest < 0 || lowest > maxMemory/2 {
			t.Errorf("%d MB were free at the fullest moment", lowest>>20)
		}
		if c.memory.free != maxMemory {
			t.Errorf("%d bytes are still taken", maxMemory-c.memory.free)
		}
	})
}

// TestMemoryOrder: who holds all memory and needs another answer gets it, so that nobody
// waits for himself. Who only asks ahead of need waits for room, behind all others.
func TestMemoryOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(100)
		held, _ := m.acquire(t.Context(), 100, false)
		held.done() // read, not released
		var order []string
		var mu sync.Mutex
		granted := func(name string) {
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
		}
		var wg sync.WaitGroup
		take := func(name string, n int64, ahead bool) *lease {
			l, err := m.acquire(t.Context(), n, ahead)
			if err != nil {
				t.Error(err)
				return nil
			}
			granted(name)
			return l
		}
		wg.Go(func() { take("ahead", 60, true).release() })
		synctest.Wait()
		needed := take("needed", 70, false) // over the bound, but nobody else is reading
		if m.free != -70 {
			t.Errorf("%d free", m.free)
		}
		wg.Go(func() { take("second", 10, false).release() })
		synctest.Wait()
		if len(order) != 1 {
			t.Errorf("granted %v while another answer is read over the bound", order)
		}
		if needed.grow(1) {
			t.Error("grew beyond the bound")
		}
		needed.release() // the second is now the only one to read
		synctest.Wait()
		if strings.Join(order, " ") != "needed second" {
			t.Errorf("granted %v", order)
		}
		held.release()
		wg.Wait()
		if strings.Join(order, " ") != "needed second ahead" || m.free != 100 || m.reading != 0 {
			t.Errorf("granted %v, %d free, %d reading", order, m.free, m.reading)
		}
	})
}

// TestMemoryCancelled: a wait for memory ends with the context and leaves nothing behind.
func TestMemoryCancelled(t *testing.T) {
	for _, ahead := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory(100)
			first, _ := m.acquire(t.Context(), 80, false)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := m.acquire(ctx, 50, ahead); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
			})
			wg.Go(func() { // waits behind it, and would fit
				l, err := m.acquire(t.Context(), 10, ahead)
				if err != nil {
					t.Error(err)
					return
				}
				l.release()
			})
			synctest.Wait()
			cancel()
			wg.Wait()
			first.release()
			if m.free != 100 || m.reading != 0 || len(m.needed)+len(m.ahead) != 0 {
				t.Errorf("%d free, %d reading, %d waiting", m.free, m.reading, len(m.needed)+len(m.ahead))
			}
		})
	}
}
