package chaos

import (
	"maps"
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

// way makes a trial simpler, and reports whether it could.
type way func(*trial) bool

// smaller lists ways to make a trial simpler, the big ones first.
func smaller(t *trial) []way {
	return slices.Concat(leaving(t), calming(t), settling(t), unchanging(t), halving())
}

// leaving leaves out runs and streams.
func leaving(t *trial) (ways []way) {
	names := map[string]bool{}
	for i, r := range slices.Backward(t.Runs) {
		ways = append(ways, func(c *trial) bool { return c.dropRun(i) })
		for _, s := range r.Streams {
			names[s.Name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		ways = append(ways, func(c *trial) bool { return c.dropStream(name) })
	}
	return ways
}

// calming takes away from single runs what happens to them.
func calming(t *trial) (ways []way) {
	for _, f := range []func(r *runSpec){
		func(r *runSpec) { r.Before = nil }, func(r *runSpec) { r.During = nil }, func(r *runSpec) { r.Fault = fault{} },
		func(r *runSpec) { r.Kill = kill{} }, func(r *runSpec) { r.State.Onto = nil }, func(r *runSpec) { r.State.Lag = 0 },
		func(r *runSpec) {
			if r.State.Take == "old" || r.State.Take == "shared" {
				r.State.Take = "last"
			}
		},
	} {
		for i := range t.Runs {
			ways = append(ways, func(c *trial) bool {
				if i < len(c.Runs) {
					f(&c.Runs[i])
				}
				return i < len(c.Runs)
			})
		}
	}
	return ways
}

// settling makes the settings of all runs the usual ones.
func settling(t *trial) (ways []way) {
	all := []func(r *runSpec){
		func(r *runSpec) { r.Settings.Concurrency = 1 }, func(r *runSpec) { r.Settings.Audit = 0 },
		func(r *runSpec) { r.Settings.Spaces, r.Settings.Exclude = nil, nil }, func(r *runSpec) { r.Settings.Statuses = nil },
		func(r *runSpec) { r.Settings.PageSize = 250 }, func(r *runSpec) { r.Settings.PageSize = max(r.Settings.PageSize, 10) },
		func(r *runSpec) { r.Settings.Types = false }, func(r *runSpec) { r.Settings.Activate = false }, func(r *runSpec) { r.Job = 0 },
	}
	if t.Daily == 0 { // states are written as time passes
		all = append(all, func(r *runSpec) { r.Latency = 0 })
	}
	for _, f := range all {
		ways = append(ways, func(c *trial) bool {
			for i := range c.Runs {
				f(&c.Runs[i])
			}
			return true
		})
	}
	return ways
}

// unchanging leaves out single changes of the site.
func unchanging(t *trial) (ways []way) {
	for _, of := range []func(r *runSpec) *[]change{
		func(r *runSpec) *[]change { return &r.Before }, func(r *runSpec) *[]change { return &r.During },
	} {
		for i := range t.Runs {
			for n := range slices.Backward(*of(&t.Runs[i])) {
				ways = append(ways, func(c *trial) bool {
					if i >= len(c.Runs) || n >= len(*of(&c.Runs[i])) {
						return false
					}
					list := of(&c.Runs[i])
					*list = slices.Delete(*list, n, n+1)
					return true
				})
			}
		}
	}
	return ways
}

// halving makes the site smaller.
func halving() (ways []way) {
	for _, of := range []func(s *siteSpec) *int{
		func(s *siteSpec) *int { return &s.Pages }, func(s *siteSpec) *int { return &s.Posts }, func(s *siteSpec) *int { return &s.Attachments },
		func(s *siteSpec) *int { return &s.Footer }, func(s *siteSpec) *int { return &s.Inline }, func(s *siteSpec) *int { return &s.Tasks },
		func(s *siteSpec) *int { return &s.Groups }, func(s *siteSpec) *int { return &s.Custom },
	} {
		ways = append(ways, func(c *trial) bool { *of(&c.Site) /= 2; return true })
	}
	return append(ways, func(c *trial) bool { c.Site.Most = max(c.Site.Most/2, 1); return true }) // 0 would be no cap
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
