package engine

import (
	"math"
	"testing"
)

// taken returns which of n parents a sampler takes, all of one status.
func taken(s *sampler, n int) []int {
	var out []int
	for i := range n {
		if s.take("current") {
			out = append(out, i)
		}
	}
	return out
}

func sampling(seed uint64, samples int) *sampler {
	return newSampler(newRandom(seed), samples)
}

// TestSamplerBeginning: the first parents and the first of each status are always taken.
func TestSamplerBeginning(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		got := taken(sampling(seed+1, 10), 50)
		if len(got) < 2 || got[0] != 0 || got[1] != 1 {
			t.Fatalf("seed %d: takes %v, want the first two to begin with", seed, got)
		}
		s := sampling(seed+1, 10)
		taken(s, 40)
		if !s.take("archived") {
			t.Fatalf("seed %d: the first archived parent is not taken", seed)
		}
		more := 0
		for range 10 {
			if s.take("archived") {
				more++
			}
		}
		if more > 1 {
			t.Fatalf("seed %d: of ten more archived parents %d are taken", seed, more)
		}
	}
	if got := taken(sampling(1, 1), 1); len(got) != 1 {
		t.Errorf("of a single parent %v are taken", got)
	}
}

// TestSamplerNumber: about the configured number of ten thousand, a few more of more.
func TestSamplerNumber(t *testing.T) {
	t.Parallel()
	tests := []struct{ samples, parents, least, most int }{
		{10, 1, 1, 1},
		{10, 2, 2, 2},
		{10, 100, 6, 8},
		{10, 10_000, 12, 16},
		{10, 200_000, 16, 20},
		{1, 200_000, 3, 4},
		{100, 200_000, 34, 40},
	}
	for _, tt := range tests {
		for seed := range uint64(5) {
			if n := len(taken(sampling(seed+1, tt.samples), tt.parents)); n < tt.least || n > tt.most {
				t.Errorf("audit_samples %d of %d parents: %d taken, want %d to %d", tt.samples, tt.parents, n, tt.least, tt.most)
			}
		}
	}
}

// TestSamplerRepeats: equal seeds draw equal samples, others draw others.
func TestSamplerRepeats(t *testing.T) {
	t.Parallel()
	first := taken(sampling(3, 10), 5000)
	same := taken(sampling(3, 10), 5000)
	other := taken(sampling(4, 10), 5000)
	if len(first) != len(same) {
		t.Fatalf("one seed draws %v and %v", first, same)
	}
	differs := len(other) != len(first)
	for i := range first {
		if first[i] != same[i] {
			t.Fatalf("one seed draws %v and %v", first, same)
		}
		differs = differs || other[i] != first[i]
	}
	if !differs {
		t.Errorf("two seeds draw %v", first)
	}
}

// TestSamplerReachesEveryParent: within a stretch every parent is as likely as any other, so
// that a hole is found with the chance that its share of the stretch gives.
func TestSamplerReachesEveryParent(t *testing.T) {
	t.Parallel()
	const draws, parents = 4000, 95 // 2 + 3 + 6 + 12 + 24 + 48
	counts := make([]int, parents)
	for seed := range uint64(draws) {
		for _, i := range taken(sampling(seed+1, 10), parents) {
			counts[i]++
		}
	}
	for start, length := 2, 3; start+length <= parents; start, length = start+length, 2*length {
		want := draws / float64(length)
		total := 0
		for i := start; i < start+length; i++ {
			total += counts[i]
			if d := math.Abs(float64(counts[i]) - want); d > 5*math.Sqrt(want) {
				t.Errorf("parent %d of the stretch from %d to %d was taken %d times, want about %.0f", i, start, start+length, counts[i], want)
			}
		}
		if total != draws {
			t.Errorf("the stretch from %d to %d was taken from %d times in %d walks", start, start+length, total, draws)
		}
	}
}

// TestChoose draws without repetition and reaches every element alike.
func TestChoose(t *testing.T) {
	t.Parallel()
	list := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	counts := make([]int, len(list))
	const draws = 3000
	for seed := range uint64(draws) {
		seen := map[int]bool{}
		for _, v := range choose(newRandom(seed+1), list, 3) {
			if seen[v] {
				t.Fatalf("seed %d draws %d twice", seed, v)
			}
			seen[v] = true
			counts[v]++
		}
		if len(seen) != 3 {
			t.Fatalf("seed %d draws %d of 3", seed, len(seen))
		}
	}
	for v, n := range counts {
		if math.Abs(float64(n)-0.3*draws) > 5*math.Sqrt(0.3*draws) {
			t.Errorf("%d was drawn %d times, want about %.0f", v, n, 0.3*draws)
		}
	}
	for i, v := range list {
		if i != v {
			t.Fatalf("choosing changed the list: %v", list)
		}
	}
	if got := choose(newRandom(1), list, 20); len(got) != len(list) {
		t.Errorf("of ten elements twenty give %v", got)
	}
	if got := choose(newRandom(1), []int(nil), 3); len(got) != 0 {
		t.Errorf("of none three give %v", got)
	}
}
