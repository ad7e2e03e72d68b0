package simconfluence

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// timesMax bounds the times of requests that are kept: a million requests' worth.
const timesMax = 1 << 20

// violationsMax bounds the violations that are kept.
const violationsMax = 100

// counters is what the site remembers of its requests.
type counters struct {
	cntMu      sync.Mutex
	requests   map[string]int
	times      []time.Time
	violations []string
	inFlight   atomic.Int64
	most       atomic.Int64
}

func (c *counters) init() { c.requests = map[string]int{} }

// count notes a request's beginning; the returned function notes its end.
func (c *counters) count(route string) func() {
	now := time.Now()
	c.cntMu.Lock()
	c.requests[route]++
	if len(c.times) < timesMax {
		c.times = append(c.times, now)
	}
	c.cntMu.Unlock()
	n := c.inFlight.Add(1)
	for {
		most := c.most.Load()
		if n <= most || c.most.CompareAndSwap(most, n) {
			break
		}
	}
	return func() { c.inFlight.Add(-1) }
}

func (c *counters) violate(what string) {
	c.cntMu.Lock()
	defer c.cntMu.Unlock()
	if len(c.violations) < violationsMax {
		c.violations = append(c.violations, what)
	}
}

// Requests returns how many requests each route had, refused and failed ones included.
// Ids in routes read {id}: "/wiki/api/v2/pages/{id}/labels".
func (s *Site) Requests() map[string]int {
	s.cntMu.Lock()
	defer s.cntMu.Unlock()
	return maps.Clone(s.requests)
}

// Total returns the number of requests.
func (s *Site) Total() int {
	n := 0
	for _, c := range s.Requests() {
		n += c
	}
	return n
}

// MaxConcurrency returns the largest number of requests that were under way at once.
func (s *Site) MaxConcurrency() int { return int(s.most.Load()) }

// Times returns when requests arrived, in their order; of the first million only.
func (s *Site) Times() []time.Time {
	s.cntMu.Lock()
	defer s.cntMu.Unlock()
	return slices.Clone(s.times)
}

// Violations returns what requests did that the official documents don't have: parameters
// that a route doesn't know, values out of range, routes that don't exist. The first
// hundred are kept.
func (s *Site) Violations() []string {
	s.cntMu.Lock()
	defer s.cntMu.Unlock()
	return slices.Clone(s.violations)
}

// Reset forgets all requests and violations.
func (s *Site) Reset() {
	s.cntMu.Lock()
	defer s.cntMu.Unlock()
	clear(s.requests)
	s.times, s.violations = nil, nil
	s.most.Store(0)
}
