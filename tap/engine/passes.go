package engine

import "sync"

// Pass tells how far the reading of one listing is.
type Pass struct {
	Listing string
	// Begun and Over say whether it is at work.
	Begun, Over bool
	// Rows are those that are finished, of about Total in all; 0 if that is not known.
	Rows, Total int64
	// Left estimates the requests that are still to come; it needs a Total.
	Left int64
}

// passes are the walks of a run.
type passes struct {
	mu  sync.Mutex // guards all below
	all []*pass
}

// pass is a walk and how far it is.
type pass struct {
	*walk
	// begun, over, measured and total are guarded by the lock of passes.
	begun, over, measured bool
	total                 int64
}

// add notes a walk that is planned.
func (p *passes) add(w *walk) *pass {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := &pass{walk: w}
	p.all = append(p.all, one)
	return one
}

// change changes what is known of a pass.
func (p *passes) change(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
}

// list returns how far each pass is.
func (p *passes) list() []Pass {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Pass
	for _, one := range p.all {
		out := Pass{Listing: one.plan.Listing.Name, Begun: one.begun, Over: one.over, Rows: one.track.finished(), Total: one.total}
		if one.over {
			out.Total = out.Rows
		} else if one.total > 0 {
			out.Total = max(out.Total, out.Rows)
		}
		out.Left = int64(one.cost(out.Rows) * float64(out.Total-out.Rows))
		list = append(list, out)
	}
	return list
}

// few is how many rows say nothing yet about what a row costs.
const few = 100

// cost estimates the requests per row: by those so far, or one for each row of which something is
// asked for.
func (p *pass) cost(rows int64) float64 {
	each := 1 / float64(min(p.walk.Config.PageSize, p.plan.Listing.MaxLimit))
	requests := int64(0)
	for _, r := range p.readings {
		requests += r.out.requests.Load()
		if r.asks {
			each = 1
		}
	}
	if rows < few {
		return each
	}
	return float64(requests) / float64(rows)
}

// unmeasured returns the passes that nobody has measured yet. One that goes on from an earlier run
// is not: nothing says how many rows are behind it.
func (p *passes) unmeasured() []*pass {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*pass
	for _, one := range p.all {
		if !one.measured && !one.over && !one.plan.Resumed() {
			one.measured = true
			list = append(list, one)
		}
	}
	return list
}
