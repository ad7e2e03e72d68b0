// Package ratesites has simulated sites with limits of many kinds, for finding out how well a
// client keeps to them. They know nothing of clocks: callers say what time it is.
package ratesites

import (
	"math"
	"math/rand/v2"
	"time"
)

// Answer is what a site says to one request.
type Answer struct {
	Took       time.Duration // until it comes
	Refused    bool          // 429
	RetryAfter time.Duration // of a refusal
	Remaining  float64       // requests left of a quota that runs low
	Reset      time.Duration // until the quota is renewed; 0: nothing is said of a quota
}

// Site answers requests in the order of their times.
type Site interface {
	// Ask sends one request, that long after the beginning.
	Ask(at time.Duration) Answer
	// Allowed is how many requests a second the site would serve at that time.
	Allowed(at time.Duration) float64
}

const latency = 200 * time.Millisecond

// noise makes the times of answers differ as those of live sites do: most are a little
// shorter than latency, some are several times as long.
type noise struct{ random *rand.Rand }

func newNoise() noise { return noise{rand.New(rand.NewPCG(1, 2))} } //nolint:gosec // the same in every run

func (n noise) latency() time.Duration {
	return time.Duration(float64(latency) * (0.6 + 0.4*n.random.ExpFloat64()))
}

// Window serves a number of requests in every second of its clock, which may depend on the
// time, and refuses the others.
type Window struct {
	PerSecond  func(at time.Duration) float64
	RetryAfter time.Duration

	noise  noise
	second int
	taken  float64
}

// Ask counts the request in its second.
func (w *Window) Ask(at time.Duration) Answer {
	if second := int(at / time.Second); second != w.second {
		w.second, w.taken = second, 0
	}
	if w.taken+1 > w.PerSecond(at) {
		return Answer{Took: latency / 4, Refused: true, RetryAfter: w.RetryAfter}
	}
	w.taken++
	return Answer{Took: w.noise.latency()}
}

// Allowed is the limit.
func (w *Window) Allowed(at time.Duration) float64 { return w.PerSecond(at) }

// Constant is a limit that does not change.
func Constant(perSecond float64) *Window {
	return &Window{PerSecond: func(time.Duration) float64 { return perSecond }, RetryAfter: time.Second, noise: newNoise()}
}

// Changing is a limit that takes one value after the other, each for that long.
func Changing(each time.Duration, perSecond ...float64) *Window {
	return &Window{RetryAfter: time.Second, noise: newNoise(), PerSecond: func(at time.Duration) float64 {
		return perSecond[int(at/each)%len(perSecond)]
	}}
}

// Shared is a limit of which others take a part that swings between none and most.
func Shared(perSecond, most float64, period time.Duration) *Window {
	return &Window{RetryAfter: time.Second, noise: newNoise(), PerSecond: func(at time.Duration) float64 {
		return perSecond - most/2*(1-math.Cos(2*math.Pi*at.Seconds()/period.Seconds()))
	}}
}

// Bucket holds requests in stock, which come in at a steady rate.
type Bucket struct {
	PerSecond, Size float64

	noise noise
	stock float64
	last  time.Duration
}

// NewBucket returns a full one.
func NewBucket(perSecond, size float64) *Bucket {
	return &Bucket{PerSecond: perSecond, Size: size, stock: size, noise: newNoise()}
}

// Ask takes from the stock.
func (b *Bucket) Ask(at time.Duration) Answer {
	b.stock = min(b.Size, b.stock+b.PerSecond*(at-b.last).Seconds())
	b.last = at
	if b.stock < 1 {
		return Answer{Took: latency / 4, Refused: true, RetryAfter: time.Second}
	}
	b.stock--
	return Answer{Took: b.noise.latency()}
}

// Allowed is what comes in.
func (b *Bucket) Allowed(time.Duration) float64 { return b.PerSecond }

// Quota serves a number of requests in each period, says so when a fifth of it is left, and
// refuses the rest until the period is over.
type Quota struct {
	PerPeriod float64
	Period    time.Duration
	// Silent: what is left is not told.
	Silent bool

	noise  noise
	period int
	taken  float64
}

// Hourly is a quota of so many requests an hour.
func Hourly(requests float64, silent bool) *Quota {
	return &Quota{PerPeriod: requests, Period: time.Hour, Silent: silent, noise: newNoise()}
}

// Ask counts the request in its period.
func (q *Quota) Ask(at time.Duration) Answer {
	if period := int(at / q.Period); period != q.period {
		q.period, q.taken = period, 0
	}
	reset := q.Period - at%q.Period
	if q.taken >= q.PerPeriod {
		return Answer{Took: latency / 4, Refused: true, RetryAfter: reset}
	}
	q.taken++
	a := Answer{Took: q.noise.latency()}
	if left := q.PerPeriod - q.taken; left < q.PerPeriod/5 && !q.Silent {
		a.Remaining, a.Reset = left, reset
	}
	return a
}

// Allowed is the quota spread over its period.
func (q *Quota) Allowed(time.Duration) float64 { return q.PerPeriod / q.Period.Seconds() }

// Slow refuses nothing: it works on so many requests at a time, and the others wait in line.
type Slow struct {
	noise noise
	free  []time.Duration // when each of those who work is free
}

// NewSlow returns a site that can serve so many requests a second.
func NewSlow(perSecond float64) *Slow {
	return &Slow{noise: newNoise(), free: make([]time.Duration, int(math.Round(perSecond*latency.Seconds())))}
}

// Ask puts the request in line.
func (s *Slow) Ask(at time.Duration) Answer {
	first := 0
	for i := range s.free {
		if s.free[i] < s.free[first] {
			first = i
		}
	}
	done := max(at, s.free[first]) + s.noise.latency()
	s.free[first] = done
	return Answer{Took: done - at}
}

// Allowed is what all together can do.
func (s *Slow) Allowed(time.Duration) float64 { return float64(len(s.free)) / latency.Seconds() }
