package client

import (
	"context"
	"sync"
)

// Bounds on what is held in memory, in bytes.
const (
	maxBody   = 64 << 20 // one answer, unpacked
	maxMemory = 96 << 20 // all buffered answers together
)

// memory shares a fixed number of bytes among buffered answers.
//
// Each answer has a lease: taken before its request is sent, grown while its body is read,
// given back when the rows are done with. Nobody waits while holding a lease that is being
// read: a read that can't grow gives up what it has, waits for room for the largest answer,
// and asks again. So readers can't lock each other out.
//
// A caller may hold one answer while it needs another (a page whose rows need a request
// each). Such a read must not wait for what its own caller holds. It doesn't: a lease that
// was not asked for ahead of need is granted, room or no room, once no other read is under
// way. Only reads ahead of need (Request.Ahead) wait until there is room in any case.
type memory struct {
	buffers buffers

	mu      sync.Mutex
	free    int64
	reading int       // leases whose answer is still being read
	needed  []*waiter // first come, first served
	ahead   []*waiter // behind all needed ones
}

// waiter is one read that waits for room.
type waiter struct {
	n       int64
	granted chan struct{}
}

// lease is the share of one answer, and its buffer once there is one. It is used by one
// goroutine at a time.
type lease struct {
	m    *memory
	n    int64
	buf  *buffer
	read bool // the answer is no longer being read
}

func newMemory(total int64) *memory { return &memory{free: total} }

// acquire waits for room for n bytes. It fails only with the context.
func (m *memory) acquire(ctx context.Context, n int64, ahead bool) (*lease, error) {
	l := &lease{m: m, n: n}
	m.mu.Lock()
	if n <= m.free && len(m.needed)+len(m.ahead) == 0 { // as it nearly always is
		m.free -= n
		m.reading++
		m.mu.Unlock()
		return l, nil
	}
	w := &waiter{n: n, granted: make(chan struct{})}
	if ahead {
		m.ahead = append(m.ahead, w)
	} else {
		m.needed = append(m.needed, w)
	}
	m.grant()
	m.mu.Unlock()

	select {
	case <-w.granted:
		return l, nil
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-w.granted: // just now: hand it back
		m.free += n
		m.reading--
	default:
		m.needed = without(m.needed, w)
		m.ahead = without(m.ahead, w)
	}
	m.grant() // others may have waited behind this one
	return nil, context.Cause(ctx)
}

// grant lets waiters in, as many as may. The caller holds mu.
func (m *memory) grant() {
	for len(m.needed) > 0 && (m.needed[0].n <= m.free || m.reading == 0) {
		m.needed = m.admit(m.needed)
	}
	for len(m.needed) == 0 && len(m.ahead) > 0 && m.ahead[0].n <= m.free {
		m.ahead = m.admit(m.ahead)
	}
}

// admit grants the first waiter of queue and returns the others.
func (m *memory) admit(queue []*waiter) []*waiter {
	w := queue[0]
	m.free -= w.n
	m.reading++
	close(w.granted)
	return queue[1:]
}

// grow adds n bytes if there is room now; it never waits.
func (l *lease) grow(n int64) bool {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if n > l.m.free {
		return false
	}
	l.m.free -= n
	l.n += n
	return true
}

// cover grows to n bytes in all, if there is room.
func (l *lease) cover(n int64) bool { return n <= l.n || l.grow(n-l.n) }

// drop gives the buffer back, whose bytes stay taken.
func (l *lease) drop() {
	if l.buf != nil {
		l.m.buffers.put(l.buf)
		l.buf = nil
	}
}

// shrink gives n bytes back.
func (l *lease) shrink(n int64) {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	l.m.free += n
	l.n -= n
	l.m.grant()
}

// done says that the answer is read; its bytes stay taken.
func (l *lease) done() {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	l.finish()
}

// release gives everything back. Releasing again does nothing.
func (l *lease) release() {
	l.drop()
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	l.m.free += l.n
	l.n = 0
	l.finish()
}

// finish ends the reading, if it has not ended, and lets others in.
func (l *lease) finish() {
	if !l.read {
		l.read = true
		l.m.reading--
	}
	l.m.grant()
}

func without(queue []*waiter, w *waiter) []*waiter {
	for i, have := range queue {
		if have == w {
			return append(queue[:i:i], queue[i+1:]...)
		}
	}
	return queue
}
