package client

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tap-confluence/tap-confluence/internal/autorate"
)

// How the rate follows the site's limits.
const (
	rateFloor   = 8                // a 429 never lowers the rate below 1/rateFloor of the setting
	nearFloor   = 2                // a near-limit notice never below 1/nearFloor
	nearFactor  = 0.9              // what a near-limit notice leaves of the rate
	rateStep    = 16               // the rate climbs by 1/rateStep of the setting ...
	rateEvery   = 10 * time.Second // ... after each such time without a new notice
	announceMin = 10 * time.Second // waits longer than this are announced
)

// pace decides when an attempt may be sent. It keeps three promises, for all workers
// together: at most slots attempts are under way, bodies included; two attempts are never
// closer than the rate allows (burst 1); nothing is sent before the gate opens.
type pace struct {
	slots *line
	// turn is held by the one worker that may send next. Waiting in line and not side by
	// side keeps a change of the rate or the gate from finding others already on their way.
	turn    *line
	limiter *rate.Limiter
	full    rate.Limit    // the setting
	maxWait time.Duration // a longer wait is an error
	onWait  func(until time.Time, why string)
	auto    *autorate.Rate // nil: the setting is the rate; under mu

	mu      sync.Mutex
	until   time.Time // the gate: nothing is sent before
	why     string    // why the gate is closed
	spell   spell     // the time of vague answers, if there is one
	changed time.Time // when the rate was last changed
	near    time.Time // when the site last said that its limit is near
	waited  time.Duration
}

func newPace(perSecond float64, slots int, maxWait time.Duration, onWait func(time.Time, string)) *pace {
	full := rate.Limit(perSecond)
	if perSecond <= 0 {
		full = rate.Inf
	}
	return &pace{
		slots:   &line{free: max(slots, 1)},
		turn:    &line{free: 1},
		limiter: rate.NewLimiter(full, 1),
		full:    full,
		maxWait: maxWait,
		onWait:  onWait,
	}
}

// enter waits until an attempt may be sent; an urgent one goes before those that wait already. After
// it the caller holds a slot and has to leave; after an error it holds nothing. A gate that stays
// closed for longer than the longest wait is an error of KindRateLimit.
func (p *pace) enter(ctx context.Context, urgent bool) error {
	if err := p.slots.enter(ctx, urgent); err != nil {
		return err
	}
	if err := p.await(ctx, urgent); err != nil {
		p.leave()
		return err
	}
	return nil
}

// leave gives the slot back.
func (p *pace) leave() { p.slots.leave() }

// await waits for the turn, then for gate and limiter. The limiter's token is taken at the
// moment of sending, with the gate open: a token taken earlier would let attempts bunch up
// behind a late timer or a closed gate.
func (p *pace) await(ctx context.Context, urgent bool) error {
	if err := p.turn.enter(ctx, urgent); err != nil {
		return err
	}
	defer p.turn.leave()
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		now := time.Now()
		closed, why := p.gate(now)
		switch {
		case closed > p.maxWait:
			return tooLong(closed, why, p.maxWait)
		case closed > 0:
			if err := p.hold(ctx, now, closed, why); err != nil {
				return err
			}
		default:
			d := p.take(now)
			if d == 0 {
				p.tell(func(r *autorate.Rate) { r.Sent(now) })
				return nil
			}
			if err := sleep(ctx, d); err != nil {
				return err
			}
		}
	}
}

// take takes a token, or returns how long to wait before trying again. The limiter itself
// grants a token that is a fraction of a nanosecond short, so it is asked for a whole one.
func (p *pace) take(now time.Time) time.Duration {
	missing := 1 - p.limiter.TokensAt(now)
	if (missing <= 0 || p.full == rate.Inf) && p.limiter.AllowN(now, 1) {
		return 0
	}
	return time.Duration(missing/float64(p.limiter.Limit())*float64(time.Second)) + time.Microsecond
}

// gate returns how long the gate stays closed, and lets the rate climb.
func (p *pace) gate(now time.Time) (time.Duration, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.climb(now)
	return p.until.Sub(now), p.why
}

// hold waits out a closed gate.
func (p *pace) hold(ctx context.Context, now time.Time, d time.Duration, why string) error {
	p.announce(now.Add(d), d, why)
	err := sleep(ctx, time.Until(now.Add(d)))
	p.mu.Lock()
	p.waited += time.Since(now)
	p.mu.Unlock()
	return err
}

// announce tells the owner of the run before a long wait, so that it can write its state.
func (p *pace) announce(until time.Time, d time.Duration, why string) {
	if d > announceMin && p.onWait != nil {
		p.onWait(until, why)
	}
}

// shut closes the gate for all workers until then; it never opens it earlier than it was
// already to open.
func (p *pace) shut(until time.Time, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeUntil(until, why)
}

// closeUntil is shut for callers that hold mu.
func (p *pace) closeUntil(until time.Time, why string) {
	if until.After(p.until) {
		p.until, p.why = until, why
	}
}

// slow halves the rate after a 429 to an attempt that was sent at that time. Answers to
// attempts that were sent before the last change tell nothing about the new rate.
func (p *pace) slow(sent time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full == rate.Inf || p.auto != nil || sent.Before(p.changed) {
		return
	}
	p.setRate(max(p.limiter.Limit()/2, p.full/rateFloor))
}

// ease lowers the rate a little when the site says that its limit is near, and keeps it
// from climbing for as long as it says so.
func (p *pace) ease() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.near = time.Now()
	if p.full == rate.Inf || p.auto != nil || p.near.Sub(p.changed) < rateEvery {
		return
	}
	if lower := p.limiter.Limit() * nearFactor; lower >= p.full/nearFloor {
		p.setRate(lower)
	}
}

// climb raises the rate step by step once the site has been content for a while.
func (p *pace) climb(now time.Time) {
	limit := p.limiter.Limit()
	if p.auto != nil || limit >= p.full || now.Before(p.until) {
		return
	}
	// While the gate was shut nothing was sent: that says nothing of the site's content.
	since := p.changed
	if p.until.After(since) {
		since = p.until
	}
	if now.Sub(since) >= rateEvery && now.Sub(p.near) >= rateEvery {
		p.setRate(min(limit+p.full/rateStep, p.full))
	}
}

func (p *pace) setRate(limit rate.Limit) {
	p.limiter.SetLimit(limit)
	p.changed = time.Now()
}

// stats returns the rate as it is now, in requests a second (0: unlimited), and for how
// long the gate has held requests back.
func (p *pace) stats() (perSecond float64, waited time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full != rate.Inf {
		perSecond = float64(p.limiter.Limit())
	}
	return perSecond, p.waited
}

// tooLong is the error for a wait that is not worth waiting.
func tooLong(d time.Duration, why string, longest time.Duration) *Error {
	d = d.Round(time.Second)
	return &Error{
		Kind:       KindRateLimit,
		Message:    why + ", which is longer than the longest wait allowed (" + longest.String() + ")",
		Hint:       "run again after that, or raise max_retry_wait",
		RetryAfter: d,
	}
}

// sleep waits for d or the end of the context.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
