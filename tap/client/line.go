package client

import (
	"context"
	"slices"
	"sync"
)

// line lets a number of attempts in at once, in the order in which they came, the urgent ones before all
// others.
type line struct {
	mu     sync.Mutex // guards all below
	free   int        // places; none while anybody waits
	urgent []chan struct{}
	others []chan struct{} // each is closed when its waiter has a place
}

// enter waits for a place. After it the caller has to leave; after an error it has none.
func (l *line) enter(ctx context.Context, urgent bool) error {
	l.mu.Lock()
	if l.free > 0 {
		l.free--
		l.mu.Unlock()
		return nil
	}
	in, queue := make(chan struct{}), &l.others
	if urgent {
		queue = &l.urgent
	}
	*queue = append(*queue, in)
	l.mu.Unlock()

	select {
	case <-in:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(*queue, in); i >= 0 {
		*queue = slices.Delete(*queue, i, i+1)
	} else {
		l.next() // it has got a place meanwhile
	}
	return context.Cause(ctx)
}

// leave gives a place back.
func (l *line) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next()
}

// next gives a place to whoever is first. The caller holds mu.
func (l *line) next() {
	for _, queue := range []*[]chan struct{}{&l.urgent, &l.others} {
		if len(*queue) > 0 {
			close((*queue)[0])
			*queue = (*queue)[1:]
			return
		}
	}
	l.free++
}
