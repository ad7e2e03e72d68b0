package chaos

import (
	"slices"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// shrink looks for a smaller trial that breaks the same promise. It tries for so long.
func shrink(t *testing.T, tr *trial, kind string, budget time.Duration) *trial {
	t.Helper()
	deadline := time.Now().Add(budget)
	fails := func(c *trial) bool {
		for range 2 { // what happens at the same time happens in any order
			found, _ := play(t, c)
			if slices.ContainsFunc(found, func(f finding) bool { return f.kind() == kind }) {
				return true
			}
		}
		return false
	}
	best := tr
	for again := true; again; {
		again = false
		for _, change := range smaller(best) {
			if time.Now().After(deadline) {
				return best
			}
			c := best.clone()
			if !change(c) || c.text() == best.text() || !fails(c) {
				continue
			}
			best, again = c, true
		}
	}
	return best
}

// smaller lists ways to make a trial simpler, the big ones first. Each says whether it could.
func smaller(t *trial) []func(*trial) bool {
	var ways []func(*trial) bool
	add := func(f func(c *trial) bool) { ways = append(ways, f) }
	for i := len(t.Runs) - 1; i >= 0; i-- {
		add(func(c *trial) bool { return c.dropRun(i) })
	}
	names := map[string]bool{}
	for _, r := range t.Runs {
		for _, s := range r.Streams {
			names[s.Name] = true
		}
	}
	for name := range names {
		add(func(c *trial) bool { return c.dropStream(name) })
	}
	each := func(f func(r *runSpec)) {
		for i := range t.Runs {
			add(func(c *trial) bool {
				if i >= len(c.Runs) {
					return false
				}
				f(&c.Runs[i])
				return true
			})
		}
	}
	each(func(r *runSpec) { r.Before = nil })
	each(func(r *runSpec) { r.During = nil })
	each(func(r *runSpec) { r.Fault = fault{} })
	each(func(r *runSpec) { r.Kill = kill{} })
	each(func(r *runSpec) { r.State.Onto = nil })
	each(func(r *runSpec) {
		if r.State.Take == "old" || r.State.Take == "shared" {
			r.State.Take = "last"
		}
	})
	for _, f := range []func(r *runSpec){
		func(r *runSpec) { r.Settings.Concurrency = 1 }, func(r *runSpec) { r.Settings.Audit = 0 },
		func(r *runSpec) { r.Settings.Spaces, r.Settings.Exclude = nil, nil }, func(r *runSpec) { r.Settings.Statuses = nil },
		func(r *runSpec) { r.Settings.PageSize = 250 }, func(r *runSpec) { r.Settings.PageSize = 10 }, func(r *runSpec) { r.Settings.Types = false }, func(r *runSpec) { r.Settings.Activate = false },
		func(r *runSpec) { r.Job = 0 },
	} {
		add(func(c *trial) bool {
			for i := range c.Runs {
				f(&c.Runs[i])
			}
			return true
		})
	}
	if t.Daily == 0 { // states are written as time passes
		add(func(c *trial) bool {
			for i := range c.Runs {
				c.Runs[i].Latency = 0
			}
			return true
		})
	}
	for i := range t.Runs {
		for n := len(t.Runs[i].Before) - 1; n >= 0; n-- {
			add(func(c *trial) bool {
				if i >= len(c.Runs) || n >= len(c.Runs[i].Before) {
					return false
				}
				c.Runs[i].Before = slices.Delete(c.Runs[i].Before, n, n+1)
				return true
			})
		}
		for n := len(t.Runs[i].During) - 1; n >= 0; n-- {
			add(func(c *trial) bool {
				if i >= len(c.Runs) || n >= len(c.Runs[i].During) {
					return false
				}
				c.Runs[i].During = slices.Delete(c.Runs[i].During, n, n+1)
				return true
			})
		}
	}
	for _, half := range []func(s *siteSpec) *int{
		func(s *siteSpec) *int { return &s.Pages }, func(s *siteSpec) *int { return &s.Posts }, func(s *siteSpec) *int { return &s.Attachments },
		func(s *siteSpec) *int { return &s.Footer }, func(s *siteSpec) *int { return &s.Inline }, func(s *siteSpec) *int { return &s.Tasks },
		func(s *siteSpec) *int { return &s.Groups }, func(s *siteSpec) *int { return &s.Custom }, func(s *siteSpec) *int { return &s.Most },
	} {
		add(func(c *trial) bool { *half(&c.Site) /= 2; return true })
	}
	return ways
}

// dropRun leaves a run out. What was taken from it is taken from the one before.
func (t *trial) dropRun(i int) bool {
	if len(t.Runs) < 2 || i >= len(t.Runs) || t.Daily > 0 {
		return false
	}
	t.Runs = slices.Delete(t.Runs, i, i+1)
	for j := range t.Runs {
		for s := &t.Runs[j].State; s != nil; s = s.Onto {
			if s.From >= i && s.From > 0 {
				s.From--
			}
		}
	}
	return true
}

func (t *trial) dropStream(name string) bool {
	for i := range t.Runs {
		rest := slices.DeleteFunc(slices.Clone(t.Runs[i].Streams), func(s tapfixture.Selected) bool { return s.Name == name })
		if len(rest) == 0 {
			return false
		}
		t.Runs[i].Streams = rest
	}
	return true
}
