package client

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/tap-confluence/tap-confluence/internal/autorate"
)

// scarcePart is the part of a quota from which on what is left of it counts: sites begin to
// give notice there.
const scarcePart = 0.2

// find lets the pace find its rate from the setting on. Without a limit there is none to find.
func (p *pace) find() {
	if p.full != rate.Inf {
		p.auto = autorate.New(float64(p.full))
		p.limiter.SetLimit(rate.Limit(p.auto.Now()))
	}
}

// tell lets the control loop, if there is one, take in what happened, and follows it.
func (p *pace) tell(what func(*autorate.Rate)) {
	if p.auto == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	what(p.auto)
	if now := rate.Limit(p.auto.Now()); now != p.limiter.Limit() {
		p.setRate(now)
	}
}

// found returns the rate that the control loop has found, 0 without one.
func (p *pace) found() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.auto == nil {
		return 0
	}
	return p.auto.Found()
}

// learn tells the control loop of an answer whose headers have come.
func (p *pace) learn(ctx context.Context, resp *http.Response, sent time.Time) {
	if p.auto == nil {
		return
	}
	now := time.Now()
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		wait, _ := statedWait(resp.Header, now)
		p.tell(func(r *autorate.Rate) { r.Refused(sent, now, wait) })
	case status < 500:
		lasts, scarce := quota(resp.Header, now)
		p.tell(func(r *autorate.Rate) {
			r.Answered(sent, now, kindOf(ctx))
			if scarce {
				r.Scarce(sent, now, lasts)
			}
		})
	}
}

// kindOf names the kind of a request: its path without the ids. Requests of one kind take about
// the same time.
func kindOf(ctx context.Context) string {
	parts := strings.Split(callOf(ctx).req.Path, "/")
	for i, part := range parts {
		if part != "v2" && strings.ContainsAny(part, "0123456789") {
			parts[i] = ""
		}
	}
	return strings.Join(parts, "/")
}

// quota reports whether the site says that a quota runs low, and the requests a second at
// which what is left would last; 0 if it doesn't say how much that is. Where a request costs
// several points the rate is too high, and corrects itself as the rest melts away.
func quota(h http.Header, now time.Time) (lasts float64, scarce bool) {
	left, err := strconv.ParseFloat(h.Get("X-RateLimit-Remaining"), 64)
	known := err == nil && left >= 0
	of, err := strconv.ParseFloat(h.Get("X-RateLimit-Limit"), 64)
	scarce = strings.EqualFold(h.Get("X-RateLimit-NearLimit"), "true") || known && err == nil && left < scarcePart*of
	if !scarce || !known {
		return 0, scarce
	}
	if date := dateOf(h); !date.IsZero() {
		now = date
	}
	reset, ok := parseReset(h.Get("X-RateLimit-Reset"), now)
	if !ok {
		return 0, scarce
	}
	return max(left, 0.5) / reset.Seconds(), scarce
}
