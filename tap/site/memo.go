package site

import (
	"context"
	"sync"
)

// memo asks each question once and remembers the answer, errors included. A caller that asks while the
// answer is on its way waits for it, or for the end of its own context.
type memo[K comparable, V any] struct {
	mu    sync.Mutex // guards asked
	asked map[K]*asking[V]
}

// asking is a question whose answer is there once done is closed.
type asking[V any] struct {
	done    chan struct{}
	answer  V
	err     error
	stopped bool // the asker's context ended: the error concerns nobody else
}

// get returns the answer to a question. The first caller asks it. If that caller's context ends, a
// waiting caller asks again, or else the next one.
func (m *memo[K, V]) get(ctx context.Context, key K, ask func(context.Context) (V, error)) (V, error) {
	m.mu.Lock()
	a, known := m.asked[key]
	if !known {
		a = &asking[V]{done: make(chan struct{})}
		if m.asked == nil {
			m.asked = map[K]*asking[V]{}
		}
		m.asked[key] = a
	}
	m.mu.Unlock()
	if !known {
		a.answer, a.err = ask(ctx)
		if a.stopped = ctx.Err() != nil; a.stopped {
			m.mu.Lock()
			delete(m.asked, key)
			m.mu.Unlock()
		}
		close(a.done)
	}
	select {
	case <-a.done:
		if a.stopped && ctx.Err() == nil {
			return m.get(ctx, key, ask)
		}
		return a.answer, a.err
	case <-ctx.Done():
		var none V
		return none, context.Cause(ctx)
	}
}
