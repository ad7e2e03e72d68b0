package engine

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
)

// random draws samples. It may be seeded, so that tests know what is drawn.
type random struct {
	seed uint64
	mu   sync.Mutex
	src  *rand.Rand
}

func newRandom(seed uint64) *random {
	if seed == 0 {
		seed = rand.Uint64() //nolint:gosec // samples are no secrets
	}
	return &random{seed: seed, src: rand.New(rand.NewPCG(seed, seed))} //nolint:gosec // samples are no secrets
}

// of returns the draws for one purpose: what else is drawn, and when, makes no difference
// to them.
func (r *random) of(purpose string) *random {
	h := fnv.New64a()
	_, _ = h.Write([]byte(purpose)) // never fails
	return newRandom(max(1, r.seed^h.Sum64()))
}

func (r *random) below(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.src.IntN(n)
}

// choose draws n elements of a list, all of them if there are fewer.
func choose[T any](r *random, list []T, n int) []T {
	list = slices.Clone(list)
	for i := range min(n, len(list)) {
		j := i + r.below(len(list)-i)
		list[i], list[j] = list[j], list[i]
	}
	return list[:min(n, len(list))]
}

// sampler chooses which parents of a walk a local shortcut is audited on, while the
// listing's length is not known: the first ones, the first of each status, and one at
// random of every stretch that is as long as all before it, so that about the configured
// number come of ten thousand parents and a few more of a million.
type sampler struct {
	random   *random
	first    int // parents at the beginning that are always taken
	left     int // random ones that may still be taken
	n        int // parents so far
	next     int // the next one at random
	end      int // end of the stretch that next lies in
	statuses map[string]bool
}

// newSampler returns a sampler of about that many parents.
func newSampler(r *random, samples int) *sampler {
	first := max(1, samples/4)
	return &sampler{random: r, first: first, left: 2 * samples, end: first, next: -1, statuses: map[string]bool{}}
}

// take reports whether the next parent is audited.
func (s *sampler) take(status string) bool {
	i := s.n
	s.n++
	for i >= s.end && s.left > 0 {
		start := s.end
		s.end = 2*s.end + 1
		s.next = start + s.random.below(s.end-start)
		s.left--
	}
	known := s.statuses[status]
	s.statuses[status] = true
	return i < s.first || i == s.next || !known
}
