// Package autorate finds the rate of requests that a site serves: additive increase,
// multiplicative decrease, and a memory of where the limit was. It is pure: callers tell it
// what happened and when, and ask for the rate.
//
// The rate climbs by a tenth a second while it is used and the site is content. A refusal
// (429, 503) halves it, and what the site has served until then is remembered as the ceiling:
// up to it the rate comes back within seconds, then it creeps, the slower the longer the site
// made us wait, and where it gets well past the ceiling without a word it climbs freely again.
// Answers that take twice their usual time mean the same as a refusal, but only lower the rate
// to what was served, and never below where it began. A quota that runs low is spread over the
// time that is left of it.
package autorate

import (
	"slices"
	"time"
)

// Most is the highest rate, in requests a second.
const Most = 100

const (
	tick      = time.Second      // how often the rate may change upwards
	climb     = 0.10             // what the rate climbs by in a tick, of itself
	back      = 0.20             // what it comes back by in a tick, of the ceiling
	near      = 0.96             // from this part of the ceiling on it creeps
	gentle    = 0.80             // what slow answers leave of what was served
	past      = 1.05             // from this part on the ceiling is forgotten
	creepTime = 30 * time.Second // how long creeping from near to the ceiling takes at least
	patience  = 20               // and at least so many times as long as the last wait
	maxPause  = time.Minute      // longer waits are for quotas, not for rates
	used      = 0.75             // the rate climbs if so much of it was used
	slower    = 2.0              // answers that take so many times their usual time are slow
	judges    = 5                // so many answers are needed to say so
	memory    = 500              // answers that make up the usual time
	kinds     = 256              // kinds of requests whose usual time is known
	floor     = 1.0 / 8          // a refusal never lowers the rate below this part of the start
	notices   = 10 * time.Second // a notice without numbers lowers the rate no more often
	served    = 5                // ticks that tell what the site serves
)

// Rate is the control loop. It is not safe for concurrent use.
type Rate struct {
	now, start float64
	ceiling    float64 // what the site served when it was last at its limit; 0: not known
	best       float64 // the highest rate that was used without a word
	pause      time.Duration
	lowered    time.Time // when the rate was last lowered: what was sent before says nothing of it

	began  time.Time // the present tick
	sent   int       // attempts in it
	good   int       // good answers in it
	ratios []float64 // times of its good answers, in usual times
	recent []float64 // good answers a second in the last ticks
	usual  map[string]*usual
}

// usual is how long one kind of request usually takes.
type usual struct {
	seconds float64
	answers float64
}

// New returns a loop that begins at start requests a second.
func New(start float64) *Rate {
	start = min(max(start, 0.1), Most)
	return &Rate{now: start, start: start, usual: map[string]*usual{}}
}

// Now returns the rate in requests a second.
func (r *Rate) Now() float64 { return r.now }

// Found returns what the site was found to serve: the ceiling, or else the highest rate that
// it served without a word.
func (r *Rate) Found() float64 {
	if r.ceiling > 0 {
		return r.ceiling
	}
	return r.best
}

// Sent notes that an attempt is sent.
func (r *Rate) Sent(now time.Time) {
	r.advance(now)
	r.sent++
}

// Answered notes a good answer to an attempt of that kind, sent at that time.
func (r *Rate) Answered(sent, now time.Time, kind string) {
	r.good++
	if ratio := r.ratio(kind, now.Sub(sent).Seconds()); sent.After(r.lowered) {
		r.ratios = append(r.ratios, ratio)
	}
	r.advance(now)
}

// Refused notes that the site refuses an attempt for its limit, and how long it wants all to
// wait.
func (r *Rate) Refused(sent, now time.Time, wait time.Duration) {
	if !sent.After(r.lowered) {
		return
	}
	r.pause = min(wait, maxPause)
	r.lower(now, r.now/2, r.start*floor)
}

// Scarce notes that a quota runs low which would last at this rate, 0 if the site doesn't say
// how much is left of it.
func (r *Rate) Scarce(sent, now time.Time, lasts float64) {
	switch {
	case !sent.After(r.lowered):
	case lasts == 0 && now.Sub(r.lowered) > notices:
		r.lower(now, r.now/2, r.start/2)
	case lasts > 0 && lasts < r.now:
		r.now, r.lowered = max(lasts, r.start*floor), now
	}
}

// lower brings the rate down and remembers what was served as the ceiling.
func (r *Rate) lower(now time.Time, to, least float64) {
	r.ceiling = min(r.now, max(r.serves(), least))
	r.now, r.lowered = min(r.now, max(to, least)), now
	r.begin(now)
}

// serves returns how many requests a second were answered well in the last ticks.
func (r *Rate) serves() float64 {
	if len(r.recent) == 0 {
		return r.now
	}
	sum := 0.0
	for _, perSecond := range r.recent {
		sum += perSecond
	}
	return sum / float64(len(r.recent))
}

// advance ends the tick if its time is over, and judges it.
func (r *Rate) advance(now time.Time) {
	length := now.Sub(r.began)
	switch {
	case r.began.IsZero():
		r.begin(now)
		return
	case length < tick:
		return
	}
	r.recent = append(r.recent, float64(r.good)/length.Seconds())
	if len(r.recent) > served {
		r.recent = slices.Delete(r.recent, 0, 1)
	}
	perSecond := float64(r.sent) / length.Seconds()
	switch {
	case r.slow():
		serves := slices.Max(r.recent)
		r.pause = 0
		r.lower(now, serves*gentle, min(r.start, r.now))
		r.ceiling = max(serves, r.now)
	case perSecond >= used*r.now:
		if len(r.recent) == served {
			r.best = max(r.best, r.serves())
		}
		r.up()
	}
	r.begin(now)
}

func (r *Rate) begin(now time.Time) { r.began, r.sent, r.good, r.ratios = now, 0, 0, r.ratios[:0] }

// up raises the rate by one step.
func (r *Rate) up() {
	switch {
	case r.ceiling == 0:
		r.now += r.now * climb
	case r.now < near*r.ceiling:
		r.now = min(r.now+back*r.ceiling, near*r.ceiling)
	case r.now < past*r.ceiling:
		ticks := max(creepTime, patience*r.pause).Seconds()
		r.now += (1 - near) * r.ceiling / ticks
	default:
		r.ceiling = 0
	}
	r.now = min(r.now, Most)
}

// slow reports whether the answers of the tick took much longer than they usually do.
func (r *Rate) slow() bool {
	if len(r.ratios) < judges {
		return false
	}
	slices.Sort(r.ratios)
	return r.ratios[len(r.ratios)/2] >= slower
}

// easy reports whether the rate is far from the site's limit, as far as is known: what
// answers take then is usual.
func (r *Rate) easy() bool { return r.ceiling == 0 || r.now <= r.start || r.now < used*r.ceiling }

// ratio returns a time in usual times of its kind, and takes it into them.
func (r *Rate) ratio(kind string, seconds float64) float64 {
	u := r.usual[kind]
	if u == nil {
		if len(r.usual) >= kinds {
			return 1
		}
		u = &usual{}
		r.usual[kind] = u
	}
	ratio := 1.0
	if u.answers >= judges && u.seconds > 0 {
		ratio = seconds / u.seconds
	}
	if r.easy() || u.answers < judges {
		u.answers = min(u.answers+1, memory)
		u.seconds += (seconds - u.seconds) / u.answers
	}
	return ratio
}
