package engine

import "sync"

// Pass is the progress of one walk, for people.
type Pass struct {
	Listing string
	// Begun and Over report whether the walk has begun, and whether it is over.
	Begun, Over bool
	// Rows counts the finished rows. Total estimates all rows; 0 means unknown.
	Rows, Total int64
	// Left estimates the requests that are still to come. It means nothing without a Total.
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

// few is the number of rows below which the requests so far say nothing about the cost of a row.
const few = 100

// cost estimates the requests per row from those so far. With too few rows it takes one request per
// parent, or per page of rows if there are no parents.
func (p *pass) cost(rows int64) float64 {
	each := 1 / float64(p.plan.Listing.Limit(p.Config.PageSize))
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

// unmeasured returns the passes that are not measured yet. It skips resumed ones: nothing tells how
// many rows earlier runs have read.
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
