package ratesites

import (
	"container/heap"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/autorate"
)

// Run is what became of a client with endless work that asked a site for a while.
type Run struct {
	Requests, Refused int
	Early             int           // requests sent while the site wanted none
	Used              float64       // part of what was allowed that was served, from two minutes on
	Found             float64       // the rate that the client found
	Latency           time.Duration // mean of good answers
	Curve             []Point
}

// Point is one stretch of a run.
type Point struct {
	At                time.Duration // its end
	Served, Allowed   float64       // requests a second
	Refused, Requests int
}

// Settling is what a run has to find the rate before Used is counted.
const Settling = 2 * time.Minute

// Try lets the loop ask the site for that long, at most so many requests at once, and draws a
// point per step.
func Try(site Site, start float64, slots int, length, step time.Duration) Run {
	t := &trial{site: site, rate: autorate.New(start), slots: slots, step: step}
	var served, allowed float64
	for t.now < length {
		if len(t.pending) == slots || len(t.pending) > 0 && t.pending[0].done <= t.next() {
			t.answer()
		} else {
			t.send()
		}
	}
	t.run.Found = t.rate.Found()
	t.run.Latency /= time.Duration(max(t.run.Requests-t.run.Refused, 1))
	for _, p := range t.run.Curve {
		if p.At > Settling {
			served, allowed = served+p.Served, allowed+p.Allowed
		}
	}
	t.run.Used = served / allowed
	return t.run
}

// trial is a run under way.
type trial struct {
	site  Site
	rate  *autorate.Rate
	slots int
	step  time.Duration

	now, last, gate time.Duration
	pending         queue
	point           Point
	run             Run
}

// clock turns a time of the run into one that the loop knows.
func clock(at time.Duration) time.Time { return time.Unix(1_700_000_000, 0).Add(at) }

// next is when the next request may be sent.
func (t *trial) next() time.Duration {
	after := time.Duration(float64(time.Second) / t.rate.Now())
	return max(t.now, t.gate, t.last+after)
}

func (t *trial) send() {
	t.to(t.next())
	if t.now < t.gate {
		t.run.Early++
	}
	t.last = t.now
	t.rate.Sent(clock(t.now))
	t.run.Requests++
	t.point.Requests++
	answer := t.site.Ask(t.now)
	heap.Push(&t.pending, pending{sent: t.now, done: t.now + answer.Took, answer: answer})
}

func (t *trial) answer() {
	p := heap.Pop(&t.pending).(pending)
	t.to(p.done)
	sent, now := clock(p.sent), clock(t.now)
	if p.answer.Refused {
		t.run.Refused++
		t.point.Refused++
		t.gate = max(t.gate, t.now+p.answer.RetryAfter)
		t.rate.Refused(sent, now, p.answer.RetryAfter)
		return
	}
	t.point.Served++
	t.run.Latency += p.answer.Took
	t.rate.Answered(sent, now, "")
	if p.answer.Reset > 0 {
		t.rate.Scarce(sent, now, p.answer.Remaining/p.answer.Reset.Seconds())
	}
}

// to moves the clock on, and draws the points that it passes.
func (t *trial) to(now time.Duration) {
	for end := t.point.At + t.step; now >= end; end = t.point.At + t.step {
		p := t.point
		p.At, p.Served = end, p.Served/t.step.Seconds()
		for part := range 10 {
			p.Allowed += t.site.Allowed(end-t.step+t.step*time.Duration(part)/10) / 10
		}
		t.run.Curve = append(t.run.Curve, p)
		t.point = Point{At: end}
	}
	t.now = now
}

// pending is a request under way.
type pending struct {
	sent, done time.Duration
	answer     Answer
}

// queue holds the requests under way, the next to be answered first.
type queue []pending

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].done < q[j].done }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(pending)) }

// Pop takes the last off, as container/heap wants it.
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
