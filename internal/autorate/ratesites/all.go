package ratesites

import "time"

// Case is a simulated site, and what is expected of a client there.
type Case struct {
	Name    string
	Make    func() Site
	Length  time.Duration
	Used    float64 // the least part of what is allowed that is to be used after Settling
	Refused float64 // the largest part of all requests that may be refused
	// Goal: what is expected is a goal of the project, and not only reported.
	Goal bool
}

// All returns the sites that the loop is measured on.
func All() []Case {
	const hour = time.Hour
	return []Case{
		{"10 a second", func() Site { return Constant(10) }, 20 * time.Minute, 0.90, 0.01, true},
		{"20 a second", func() Site { return Constant(20) }, 20 * time.Minute, 0.90, 0.01, true},
		{"50 a second", func() Site { return Constant(50) }, 20 * time.Minute, 0.90, 0.01, true},
		{"20 a second, a minute's wait", func() Site {
			w := Constant(20)
			w.RetryAfter = time.Minute
			return w
		}, 2 * hour, 0.85, 0.01, false},
		{"bucket of 200, 15 a second", func() Site { return NewBucket(15, 200) }, 20 * time.Minute, 0.90, 0.01, true},
		{"bucket of 2,000, 20 a second", func() Site { return NewBucket(20, 2000) }, 30 * time.Minute, 0.90, 0.01, true},
		{"10 a second, strictly", func() Site { return NewBucket(10, 1) }, 20 * time.Minute, 0.90, 0.01, true},
		{"only grows slower, 20 a second", func() Site { return NewSlow(20) }, 20 * time.Minute, 0.90, 0.01, true},
		{"only grows slower, 50 a second", func() Site { return NewSlow(50) }, 20 * time.Minute, 0.90, 0.01, true},
		{"another limit every hour", func() Site { return Changing(hour, 10, 40, 20, 50) }, 4 * hour, 0.85, 0.01, false},
		{"shared with others", func() Site { return Shared(30, 20, 10*time.Minute) }, hour, 0.75, 0.02, false},
		{"65,000 an hour, told", func() Site { return Hourly(65_000, false) }, 3 * hour, 0.85, 0.01, false},
		{"65,000 an hour, not told", func() Site { return Hourly(65_000, true) }, 3 * hour, 0.85, 0.01, false},
		{"no limit", func() Site { return Constant(1e9) }, 10 * time.Minute, 0, 0, false},
	}
}
